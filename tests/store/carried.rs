//! A register that is exported, imported, backed up and put back: whole, damaged, cut off, in the way.

use std::fs;
use std::io::{self, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use klachtd::domain::fact::ComplaintId;
use klachtd::store::faults::{Fault, Faults};
use klachtd::store::{
    Backup, BackupError, Import, ImportError, Imported, Restore, Restored, Snapshot, Store, StoreError,
};

use crate::damage::{assert_told, tamper, three_complaints};
use crate::samples::*;

const HOW: Import = Import { replace: false, stale: false, now: jiff::Timestamp::UNIX_EPOCH };
const REPLACE: Import = Import { replace: true, ..HOW };

/// The lines of an export, and what was told.
fn exported(dir: &Path, with_contents: bool) -> (String, Vec<String>) {
    let store = Store::open(dir).unwrap();
    let (mut bytes, mut told) = (Vec::new(), Vec::new());
    let n = store.export(at(0), with_contents, &mut bytes, &mut |words| told.push(words)).unwrap();
    assert_eq!(n, told.len() as u64);
    (String::from_utf8(bytes).unwrap(), told)
}

fn import(how: Import, lines: &str, dir: &Path) -> (Result<Imported, ImportError>, Vec<String>) {
    let mut told = Vec::new();
    let imported = how.run(dir, &mut lines.as_bytes(), &mut |words| told.push(words));
    (imported, told)
}

fn entry(seq: u8) -> [u8; 10] {
    [0, 0, 0, 0, 0, 0, 0, seq, 0, 0]
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_lost_entry_stays_lost_and_the_rest_is_as_before() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    three_complaints(old.path()).await;
    tamper(old.path(), "journal", |tree| drop(tree.remove(entry(3)).unwrap().unwrap()));
    let (lines, told) = exported(old.path(), true);
    assert_told(&told, "journal entry 3 is lost: it is missing");
    assert!(lines.contains("{\"kind\":\"lost\",\"seq\":3,") && lines.contains("\"kind\":\"record\""));
    let (imported, told) = import(HOW, &lines, new.path());
    assert_told(&told, "journal entry 3 was lost before the export");
    assert_eq!(imported.unwrap().missing, 1);
    let (before, after) = (Store::open(old.path()).unwrap(), Store::open(new.path()).unwrap());
    for id in [1, 2, 3].map(ComplaintId) {
        assert_eq!(after.complaint(id).unwrap(), before.complaint(id).unwrap());
    }
    assert_eq!(after.totals().unwrap(), before.totals().unwrap());
    let faults = after.verify().unwrap().faults;
    assert_told(&faults, "journal entry 3 is missing");
    // It goes on from there.
    after.commit(vec![new_complaint(&after).await, sent(&after, 1)]).await.unwrap();
    assert!(after.verify().unwrap().faults.len() <= faults.len() + 1);
}

#[tokio::test]
async fn an_erased_payload_is_carried_over_with_the_record_that_is_left() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    three_complaints(old.path()).await;
    tamper(old.path(), "journal", |tree| {
        let value = tree.get(entry(7)).unwrap().unwrap();
        let end = value.iter().position(|b| *b == b'\n').unwrap();
        tree.insert(entry(7), &value[..=end]).unwrap();
    });
    let (lines, told) = exported(old.path(), true);
    assert_eq!(told, Vec::<String>::new());
    let (imported, told) = import(HOW, &lines, new.path());
    assert_eq!((imported.unwrap().missing, told), (0, Vec::new()));
    assert_sound(&Store::open(new.path()).unwrap());
    assert_eq!(exported(new.path(), true).0, lines);

    let without: String = lines
        .lines()
        .filter(|l| !l.contains("\"kind\":\"record\""))
        .fold(String::new(), |all, l| all + l + "\n");
    let without = without.replace("\"record\":1,", "");
    let (imported, told) = import(REPLACE, &without, new.path());
    assert_told(&told, "complaint 2 can't be made: its journal is incomplete");
    assert_eq!((imported.as_ref().unwrap().missing, imported.unwrap().complaints), (1, 2));
}

#[tokio::test]
async fn contents_that_are_missing_are_named_and_those_that_are_there_are_used() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    three_complaints(old.path()).await;
    let letter = {
        let store = Store::open(old.path()).unwrap();
        store.complaint(ComplaintId(1)).unwrap().unwrap().letters[0].letter.sha256.clone()
    };
    let file = old.path().join("blob").join(&letter[..1]).join(&letter);
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, b"another").unwrap();
    let (_, told) = exported(old.path(), true);
    assert_eq!(told, [format!("the content {letter} is left out: the content {letter} was changed")]);
    fs::remove_file(&file).unwrap();
    let (lines, told) = exported(old.path(), true);
    assert_eq!(told, [format!("the content {letter} is missing")]);
    let (imported, again) = import(HOW, &lines, new.path());
    assert_eq!((imported.unwrap().missing, again), (1, told));
    let faults = Store::open(new.path()).unwrap().verify().unwrap().faults;
    assert_eq!(faults, [format!("the raw mail {letter} is missing")]);

    fs::write(&file, bytes).unwrap();
    let (lines, told) = exported(old.path(), false);
    assert_eq!(told, Vec::<String>::new());
    assert!(!lines.contains("\"kind\":\"content\""));
    let (imported, told) = import(REPLACE, &lines, old.path());
    assert_eq!((imported.unwrap().missing, told), (0, Vec::new()));
    assert_sound(&Store::open(old.path()).unwrap());
}

#[tokio::test]
async fn what_is_cut_off_or_changed_is_refused_by_its_line_and_leaves_nothing() {
    let old = tempfile::tempdir().unwrap();
    three_complaints(old.path()).await;
    let (whole, _) = exported(old.path(), true);
    let lines: Vec<&str> = whole.lines().collect();
    let parent = tempfile::tempdir().unwrap();
    let new = parent.path().join("new");
    for n in 0..lines.len() {
        let cut = lines[..n].join("\n") + if n > 0 { "\n" } else { "" };
        let half = format!("{cut}{}", &lines[n][..lines[n].len() / 2]);
        for text in [cut, half] {
            let refused = import(HOW, &text, &new).0.unwrap_err();
            assert!(matches!(refused, ImportError::CutOff(m) if m == n as u64), "{n}: {refused}");
            assert!(!new.exists(), "{n}");
        }
        if n < lines.len() - 1 && n > 1 {
            let left_out = [&lines[..n], &lines[n + 1..]].concat().join("\n") + "\n";
            assert!(matches!(import(HOW, &left_out, &new).0, Err(ImportError::Line { .. })), "{}", lines[n]);
        }
    }
    let at = |start: &str| lines.iter().position(|line| line.contains(start)).unwrap();
    for (from, to, first, why) in [
        ("250 ok", "250 no", "\"seq\":7", "the payload of journal entry 7 was changed"),
        ("\"actor\":\"system\"", "\"actor\":\"nobody\"", "\"seq\":1,", "journal entry 1 was changed"),
        ("\"kind\":\"seen\"", "\"kind\":\"sean\"", "\"kind\":\"seen\"", "unknown variant `sean`"),
        ("\"base64\":\"", "\"base64\":\"AAAA", "\"base64\":\"", "was changed"),
        ("\"v\":1", "\"v\":2", "\"v\":1", "the export has version 2, this klachtd knows up to 1"),
        (
            "\"next_notice\":4",
            "\"next_notice\":3",
            "\"kind\":\"end\"",
            "the next numbers were given out before",
        ),
        ("\"entry\":7", "\"entry\":8", "\"kind\":\"end\"", "the export had"),
    ] {
        let refused = import(HOW, &whole.replace(from, to), &new).0.unwrap_err();
        let ImportError::Line { line, why: words } = &refused else { panic!("{refused}") };
        assert!(words.contains(why), "{refused}");
        assert_eq!(*line, at(first) as u64 + 1, "{refused}");
        assert!(!new.exists());
    }
}

#[tokio::test]
async fn what_is_there_is_never_replaced_unasked_and_never_deleted() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    three_complaints(old.path()).await;
    let (lines, _) = exported(old.path(), true);
    let refused = import(HOW, &lines, old.path()).0.unwrap_err();
    assert!(refused.to_string().contains("holds a register with 3 complaints; --replace"), "{refused}");
    assert_sound(&Store::open(old.path()).unwrap());

    // One in which nothing ever happened is as good as none; a damaged one is not.
    Store::open(new.path()).unwrap().close().await.unwrap();
    import(HOW, &lines, new.path()).0.unwrap();
    assert_sound(&Store::open(new.path()).unwrap());
    fs::write(new.path().join("db/db"), b"").unwrap();
    let refused = import(HOW, &lines, new.path()).0.unwrap_err();
    assert!(refused.to_string().contains("holds a damaged register ("), "{refused}");
    let aside = import(REPLACE, &lines, new.path()).0.unwrap().set_aside.unwrap();
    assert_eq!(aside, new.path().canonicalize().unwrap().join("db.damaged-19700101T000000Z"));
    assert!(aside.join("db").exists());
    assert_sound(&Store::open(new.path()).unwrap());

    // A register that the disk does not give is a damaged one, and what to do is said.
    fs::remove_file(new.path().join("db/db")).unwrap();
    fs::create_dir(new.path().join("db/db")).unwrap();
    let refused = Store::open(new.path()).unwrap_err();
    assert!(refused.to_string().contains("`klachtd restore DIR`"), "{refused}");
    assert!(import(HOW, &lines, new.path()).0.unwrap_err().to_string().contains("a damaged register ("));
    import(REPLACE, &lines, new.path()).0.unwrap();
    assert_sound(&Store::open(new.path()).unwrap());
    let held = Store::open(new.path()).unwrap();
    assert!(matches!(import(REPLACE, &lines, new.path()).0, Err(ImportError::Store(StoreError::InUse(_)))));
    drop(held);
}

#[tokio::test]
async fn an_older_export_gives_no_number_out_that_the_register_before_it_gave_out() {
    let dir = tempfile::tempdir().unwrap();
    three_complaints(dir.path()).await;
    let (lines, _) = exported(dir.path(), true);
    assert!(!import(REPLACE, &lines, dir.path()).0.unwrap().is_behind);
    let store = Store::open(dir.path()).unwrap();
    store.commit(vec![new_complaint(&store).await]).await.unwrap();
    let before = store.numbers(2026).unwrap();
    store.close().await.unwrap();
    let imported = import(REPLACE, &lines, dir.path()).0.unwrap();
    assert_eq!((imported.complaints, imported.is_behind), (3, true));
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.numbers(2026).unwrap(), before);
    store.commit(vec![new_complaint(&store).await]).await.unwrap();
    assert_sound(&store);
}

#[tokio::test]
async fn a_snapshot_that_would_stop_the_mail_is_not_made_and_an_abandoned_one_goes_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    three_complaints(dir.path()).await;
    let faults = Faults::by(Box::new(|_| Fault::None));
    let store = Store::open_with(dir.path(), faults.clone()).unwrap();
    faults.fill(true);
    let refused = store.snapshot(|| ()).await.unwrap_err();
    assert!(refused.is_full() && refused.to_string().contains("0 MB can be spared"), "{refused}");
    faults.fill(false);
    let (held, abandoned) = (store.snapshot(|| ()).await.unwrap(), dir.path().join("snapshot/2"));
    let held = Snapshot::hold(&held).unwrap();
    assert!(store.snapshot(|| ()).await.unwrap().ends_with("snapshot/2"));
    store.close().await.unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert!(!abandoned.exists(), "whoever asked for it has died");
    assert_sound(&held.open().unwrap());
    drop(store);
}

async fn backup(store: &Store, into: &Path) -> klachtd::store::Verified {
    let signs = Arc::new(AtomicUsize::new(0));
    let alive = Arc::clone(&signs);
    let made = store.snapshot(move || _ = alive.fetch_add(1, Ordering::Relaxed)).await.unwrap();
    assert!(
        signs.load(Ordering::Relaxed) >= fs::read_dir(made.join("db")).unwrap().count() - 1,
        "all but blobs/"
    );
    let data = made.parent().unwrap().parent().unwrap().to_owned();
    Backup::begin(into, &data).unwrap().make(&Snapshot::hold(&made).unwrap()).unwrap().0
}

#[tokio::test]
async fn a_backup_is_replaced_by_a_whole_one_only_and_mends_itself() {
    let (dir, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    three_complaints(dir.path()).await;
    let store = Store::open(dir.path()).unwrap();
    assert!(backup(&store, into.path()).await.ok);
    assert_eq!(names(into.path()), ["blob", "db", "format", "lock", "secret"]);
    assert_eq!(names(&dir.path().join("snapshot")), Vec::<String>::new());

    // A content that rotted there is brought again.
    let letter = store.complaint(ComplaintId(1)).unwrap().unwrap().letters[0].letter.sha256.clone();
    let place = |dir: &Path| dir.join("blob").join(&letter[..1]).join(&letter);
    let mut bytes = fs::read(place(into.path())).unwrap();
    bytes[0] ^= 1;
    fs::write(place(into.path()), bytes).unwrap();
    store.commit(vec![new_complaint(&store).await]).await.unwrap();
    let verified = backup(&store, into.path()).await;
    assert_eq!((verified.ok, verified.complaints), (true, 4));

    // What is lost in the register itself does not hold back what came since.
    fs::remove_file(place(dir.path())).unwrap();
    fs::remove_file(place(into.path())).unwrap();
    store.commit(vec![new_complaint(&store).await]).await.unwrap();
    let verified = backup(&store, into.path()).await;
    assert_eq!(verified.faults, [format!("the raw mail {letter} is missing")]);
    assert_eq!(names(into.path()), ["blob", "db", "format", "lock", "secret"]);
    assert_eq!(Store::open(into.path()).unwrap().totals().unwrap().all_complaints(), 5);
}

#[tokio::test]
async fn a_copy_of_a_damaged_register_stays_beside_and_is_put_back_when_asked_or_alone() {
    let (dir, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    three_complaints(dir.path()).await;
    let store = Store::open(dir.path()).unwrap();
    assert!(backup(&store, into.path()).await.ok);
    let put_back = |faulty| {
        let to = tempfile::tempdir().unwrap();
        Backup::restore(into.path(), to.path(), Restore { replace: false, faulty, now: at(0) })
    };
    let refused = put_back(true).unwrap_err();
    assert!(refused.to_string().contains("no copy with faults"), "{refused}");
    store.commit(vec![new_complaint(&store).await]).await.unwrap();
    store.close().await.unwrap();
    tamper(dir.path(), "journal", |tree| drop(tree.remove(entry(3)).unwrap().unwrap()));
    assert!(!backup(&Store::open(dir.path()).unwrap(), into.path()).await.ok);
    assert_eq!(names(into.path()), ["blob", "db", "db.faulty", "format", "lock", "secret"]);
    let found = |restored: &Restored| (restored.verified.ok, restored.verified.journal);
    assert_eq!(found(&put_back(false).unwrap()), (true, 7));
    let faulty = put_back(true).unwrap();
    assert_eq!((found(&faulty), faulty.from), ((false, 8), into.path().join("db.faulty")));
    fs::remove_dir_all(into.path().join("db")).unwrap();
    assert_eq!(found(&put_back(false).unwrap()), (false, 8));
}

#[tokio::test]
async fn a_restore_gives_no_number_out_twice() {
    let (dir, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    three_complaints(dir.path()).await;
    let store = Store::open(dir.path()).unwrap();
    backup(&store, into.path()).await;
    store.commit(vec![new_complaint(&store).await]).await.unwrap();
    let before = store.numbers(2026).unwrap();
    let restore = |replace| {
        let how = Restore { replace, faulty: false, now: at(0) };
        Backup::restore(into.path(), dir.path(), how)
    };
    assert!(matches!(restore(true), Err(BackupError::Store(StoreError::InUse(_)))));
    store.close().await.unwrap();
    let refused = restore(false).unwrap_err();
    assert!(refused.to_string().contains("4 complaints; --replace"), "{refused}");
    let Restored { verified, set_aside, .. } = restore(true).unwrap();
    assert_eq!((verified.ok, verified.complaints), (true, 3));
    assert!(set_aside.unwrap().ends_with("db.before-restore-20260225T061320Z"));
    let store = Store::open(dir.path()).unwrap();
    let after = store.numbers(2026).unwrap();
    assert!(after.next_complaint > before.next_complaint && after.next_notice > before.next_notice);
    assert!(after.next_reference > before.next_reference);
    store.commit(vec![new_complaint(&store).await]).await.unwrap();
    assert_sound(&store);
    let given = store.numbers(2026).unwrap();
    store.close().await.unwrap();

    // From the same backup once more: what was given out since then counts too.
    restore(true).unwrap();
    assert!(Store::open(dir.path()).unwrap().numbers(2026).unwrap().next_complaint >= given.next_complaint);

    // On an empty disk, and from the one before when a backup was cut off between two renames.
    fs::rename(into.path().join("db"), into.path().join("db.old")).unwrap();
    fs::remove_dir_all(dir.path()).unwrap();
    assert!(restore(false).unwrap().verified.ok);
    assert_sound(&Store::open(dir.path()).unwrap());

    // A backup that rotted is told of, not the register, which stays.
    let rotten = into.path().join("db.old/db");
    let mut bytes = fs::read(&rotten).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end / 4..end].iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::write(&rotten, bytes).unwrap();
    let told = restore(true).unwrap_err().to_string();
    assert!(told.contains("db.old is damaged: ") && told.contains("register is as it was"), "{told}");
    assert_sound(&Store::open(dir.path()).unwrap());
    fs::remove_dir_all(into.path().join("db.old")).unwrap();
    assert!(restore(true).unwrap_err().to_string().contains("no complete backup"));
}

#[tokio::test]
async fn a_backup_keeps_away_from_the_store_and_from_what_is_not_its_own() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    three_complaints(dir.path()).await;
    let link = other.path().join("link");
    std::os::unix::fs::symlink(dir.path(), &link).unwrap();
    for inside in [dir.path().to_owned(), dir.path().join("a/b"), link.join("a"), dir.path().join("..")] {
        assert!(
            matches!(Backup::begin(&inside, dir.path()), Err(BackupError::Place { .. })),
            "{}",
            inside.display()
        );
    }
    let refused = Backup::begin(other.path(), dir.path()).unwrap_err();
    assert!(refused.to_string().contains("holds other things"), "{refused}");
    let (second, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    three_complaints(second.path()).await;
    backup(&Store::open(dir.path()).unwrap(), into.path()).await;
    let store = Store::open(second.path()).unwrap();
    let made = Snapshot::hold(&store.snapshot(|| ()).await.unwrap()).unwrap();
    let begun = Backup::begin(into.path(), second.path()).unwrap();
    assert!(matches!(
        Backup::begin(into.path(), second.path()),
        Err(BackupError::Store(StoreError::InUse(_)))
    ));
    assert!(begun.make(&made).unwrap_err().to_string().contains("another installation"));
}

#[test]
fn a_line_without_end_is_refused_where_it_is_too_long() {
    let new = tempfile::tempdir().unwrap();
    let mut endless = BufReader::new(io::repeat(b'x'));
    let refused = HOW.run(new.path(), &mut endless, &mut |_| {}).unwrap_err();
    let ImportError::Line { line: 1, why } = &refused else { panic!("{refused:?}") };
    assert_eq!(why, "longer than 256 MB");
}
