//! SIGKILL at any moment: what was acknowledged is there, what was under way is there whole or not at all.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use klachtd::domain::fact::ComplaintId;
use klachtd::domain::signing::sha256_hex;
use klachtd::store::Store;

use crate::samples::*;

/// Names the directory in which the child commits until it is killed.
const DIR: &str = "KLACHTD_TEST_STORE_DIR";
/// How many complaints the child commits before it ends by itself.
pub(crate) const MOST: &str = "KLACHTD_TEST_STORE_MOST";

/// This test binary as a child that commits in `dir`, under `wrapper` when there is one.
pub(crate) fn committing_child(dir: &Path, wrapper: &[&str]) -> Command {
    let me = std::env::current_exe().unwrap();
    let mut command = match wrapper {
        [] => Command::new(me),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(me);
            command
        }
    };
    command.args(["--exact", "--nocapture", "killed::child_that_commits"]);
    command.env(DIR, dir).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// Not a test of its own: the child of the tests here commits and says so on stdout.
#[tokio::test]
async fn child_that_commits() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let most = std::env::var(MOST).map_or(u64::MAX, |most| most.parse().unwrap());
    say("opening");
    let store = Store::open(Path::new(&dir)).unwrap();
    let mut made = 0;
    while made < most {
        let first = new_complaint(&store).await;
        let id = first.complaint.unwrap().0;
        if has_many_letters(id) {
            store.keep(many_letters(id)).await.unwrap();
        }
        store.commit(vec![first]).await.unwrap();
        if id.is_multiple_of(3) {
            store.flush().await.unwrap();
            say(&format!("ack {id} 2"));
            store.commit(vec![follow_up(&store, id, id + 1_000_000).await]).await.unwrap();
            store.commit(vec![sent(&store, id)]).await.unwrap();
        }
        store.flush().await.unwrap();
        say(&format!("ack {id} {}", store.complaint(ComplaintId(id)).unwrap().unwrap().entries));
        made += 1;
    }
    store.close().await.unwrap();
}

/// Some complaints come with so many contents that these are brought to the disk together.
const fn has_many_letters(id: u64) -> bool {
    id.is_multiple_of(4)
}

/// They are longer than a piece that a power cut takes or leaves.
pub(crate) fn many_letters(id: u64) -> Vec<Vec<u8>> {
    (0..40).map(|n| format!("letter {n} of {id}\n").repeat(300).into_bytes()).collect()
}

/// One write a line, so that a reader never sees half of one.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush()).unwrap();
}

/// The complaint and its entries that a line of the child acknowledges.
pub(crate) fn acknowledged(line: &str) -> Option<(u64, u64)> {
    let (id, entries) = line.strip_prefix("ack ")?.split_once(' ')?;
    Some((id.parse().unwrap(), entries.parse().unwrap()))
}

/// Whether all up to the last acknowledgement is there, and at most one complaint more for each of the `children` that
/// may have died between a flush and its acknowledgement.
pub(crate) fn assert_kept(store: &Store, acknowledged: (u64, u64), children: u64) {
    let (newest, entries) = acknowledged;
    assert_sound(store);
    for id in 1..=newest {
        let complaint = store.complaint(ComplaintId(id)).unwrap();
        let complaint = complaint.unwrap_or_else(|| panic!("complaint {id} of {newest} is lost"));
        let least = if id == newest { entries } else { 2 };
        assert!(complaint.entries >= least, "complaint {id} has lost entries");
        for letter in if has_many_letters(id) { many_letters(id) } else { Vec::new() } {
            let kept = store.content(&sha256_hex(&letter));
            assert!(kept.is_ok_and(|kept| kept == letter), "complaint {id} has lost a letter");
        }
    }
    assert!(store.totals().unwrap().all_complaints() <= newest + children);
}

/// Numbers that look random but are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[test]
fn a_killed_store_keeps_what_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(20_261_121);
    let (mut last, mut children) = ((0, 0), 0);
    for round in 0..16 {
        let before = last;
        let mut child = committing_child(dir.path(), &[]).spawn().unwrap();
        // Every fourth is killed while it opens.
        let lines = if round % 4 == 3 { 0 } else { 1 + dice.below(40) };
        last = read_acknowledgements(&mut child, lines).unwrap_or(last);
        for _ in 0..dice.below(2_000_000) {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        let rest = BufReader::new(child.stdout.take().unwrap());
        last = rest.lines().filter_map(|line| acknowledged(&line.unwrap())).last().unwrap_or(last);
        child.wait().unwrap();
        children = if last == before { children + 1 } else { 1 };
        if round % 3 != 1 {
            let store = Store::open(dir.path()).unwrap_or_else(|e| panic!("round {round}: {e}"));
            assert_kept(&store, last, children);
        }
    }
    assert!(last.0 > 20, "the child made too little to lose: {last:?}");
}

/// Reads until the child opens and has acknowledged `lines` times.
fn read_acknowledgements(child: &mut Child, lines: u64) -> Option<(u64, u64)> {
    let out = child.stdout.as_mut().unwrap();
    let mut last = None;
    let mut seen = 0;
    let mut line = Vec::new();
    let mut byte = [0];
    // Byte by byte: what a buffer had read ahead would be lost to who reads on after the kill.
    while std::io::Read::read(out, &mut byte).unwrap() == 1 {
        if byte[0] != b'\n' {
            line.push(byte[0]);
            continue;
        }
        let text = String::from_utf8(std::mem::take(&mut line)).unwrap();
        if let Some(acknowledgement) = acknowledged(&text) {
            (last, seen) = (Some(acknowledgement), seen + 1);
        }
        if seen == lines && (seen > 0 || text.ends_with("opening")) {
            break;
        }
    }
    last
}
