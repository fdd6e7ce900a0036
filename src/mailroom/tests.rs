//! Against a small IMAP server whose folder can be spoilt, with the real engine behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::clock::SimulatedClock;
use crate::config::{Config, ON_MAILDIRS};
use crate::engine::Engine;
use crate::intake::imap::ImapSettings;
use crate::intake::maildir::MaildirSettings;
use crate::setup;
use crate::tls::TlsMode;

const MAILBOX: &str = "omnistock";

/// How the server treats the messages that it can't read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoilt {
    /// It says no, and the connection is good.
    Refused,
    /// The same in words that speak of a passing state.
    Passing,
    /// It hangs up.
    HangsUp,
}

/// A folder as a server shows it.
#[derive(Debug)]
struct Shown {
    uids: Mutex<BTreeSet<u32>>,
    spoilt: BTreeSet<u32>,
    how: Spoilt,
    /// What it says of each message's size.
    size: u32,
    /// It has no room to file anything away.
    is_full: AtomicBool,
    /// Messages that it can't move, and what it says then before it hangs up, unless it says NO.
    fixed: BTreeSet<u32>,
    says: &'static str,
    /// How often it was asked to.
    asked: AtomicU32,
    /// Neither the folder for processed mail is there nor can it be made.
    homeless: bool,
    connections: AtomicU32,
    /// The message that its lists leave out now.
    left_out: AtomicU32,
}

impl Shown {
    fn new(uids: impl IntoIterator<Item = u32>, spoilt: &[u32], how: Spoilt, size: u32) -> Arc<Self> {
        Arc::new(Self::of(uids, spoilt, how, size))
    }

    fn of(uids: impl IntoIterator<Item = u32>, spoilt: &[u32], how: Spoilt, size: u32) -> Self {
        Self {
            uids: Mutex::new(uids.into_iter().collect()),
            spoilt: spoilt.iter().copied().collect(),
            how,
            size,
            is_full: AtomicBool::new(false),
            fixed: BTreeSet::new(),
            says: "",
            asked: AtomicU32::new(0),
            homeless: false,
            connections: AtomicU32::new(0),
            left_out: AtomicU32::new(0),
        }
    }

    fn left(&self) -> Vec<u32> {
        self.uids.lock().expect("whole").iter().copied().collect()
    }

    /// The answer to a command, and whether the connection goes on.
    fn answer(&self, tag: &str, command: &str) -> (String, bool) {
        let ok = format!("{tag} OK done\r\n");
        let words: Vec<&str> = command.split(' ').collect();
        match words.as_slice() {
            ["CAPABILITY", ..] => (format!("* CAPABILITY IMAP4rev1 MOVE IDLE\r\n{ok}"), true),
            ["SELECT", ..] => (format!("* OK [UIDVALIDITY 7] ok\r\n{tag} OK [READ-WRITE] done\r\n"), true),
            ["IDLE"] => ("* BYE enough\r\n".to_owned(), false),
            ["UID", "MOVE", ..] if self.is_full.load(Ordering::Relaxed) => {
                (format!("{tag} NO [OVERQUOTA] full\r\n"), true)
            }
            ["UID", "MOVE", set, ..] if self.of_set(set).iter().any(|uid| self.fixed.contains(uid)) => {
                self.asked.fetch_add(1, Ordering::Relaxed);
                (self.says.replace("TAG", tag), self.says.starts_with("TAG"))
            }
            ["STATUS" | "CREATE", "\"Verwerkt\"", ..] if self.homeless => {
                (format!("{tag} NO [NOPERM] not yours\r\n"), true)
            }
            ["UID", "MOVE", _, "\"Verwerkt\""] if self.homeless => {
                (format!("{tag} NO [TRYCREATE] where?\r\n"), true)
            }
            ["UID", "MOVE", set, ..] => {
                let gone = self.of_set(set);
                self.uids.lock().expect("whole").retain(|uid| !gone.contains(uid));
                (ok, true)
            }
            ["UID", "FETCH", set, "(UID", "RFC822.SIZE", ..] => {
                let row = |uid: u32| {
                    let date = "21-Nov-2026 08:15:00 +0000";
                    format!("* {uid} FETCH (UID {uid} RFC822.SIZE {} INTERNALDATE \"{date}\")\r\n", self.size)
                };
                let mut uids = self.of_set(set);
                uids.retain(|uid| *uid != self.left_out.load(Ordering::Relaxed));
                (uids.into_iter().map(row).collect::<String>() + &ok, true)
            }
            ["UID", "FETCH", set, "(UID)"] => {
                let row = |uid: u32| format!("* {uid} FETCH (UID {uid})\r\n");
                (self.of_set(set).into_iter().map(row).collect::<String>() + &ok, true)
            }
            ["UID", "FETCH", set, ..] => self.bodies(tag, set),
            _ => (ok, true),
        }
    }

    fn bodies(&self, tag: &str, set: &str) -> (String, bool) {
        let mut said = String::new();
        for uid in self.of_set(set) {
            if !self.spoilt.contains(&uid) {
                let mail = mail(uid);
                let head = format!("* {uid} FETCH (UID {uid} BODY[] {{{}}}\r\n", mail.len());
                said.extend([head.as_str(), mail.as_str(), ")\r\n"]);
            } else if self.how == Spoilt::HangsUp {
                return (said, false);
            } else {
                let code = if self.how == Spoilt::Passing { "[SERVERBUG] " } else { "" };
                return (said + &format!("{tag} NO {code}can't read it\r\n"), true);
            }
        }
        (said + &format!("{tag} OK done\r\n"), true)
    }

    fn of_set(&self, set: &str) -> Vec<u32> {
        let number = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
        let ranges: Vec<(u32, u32)> = set
            .split(',')
            .map(|part| {
                part.split_once(':').map_or((number(part), number(part)), |(a, b)| (number(a), number(b)))
            })
            .collect();
        self.left().into_iter().filter(|uid| ranges.iter().any(|(a, b)| a <= uid && uid <= b)).collect()
    }
}

fn mail(uid: u32) -> String {
    format!(
        "From: klant{uid}@klant.test\r\nTo: directie@omnistock.test\r\nSubject: Klacht {uid}\r\n\
         Message-ID: <m{uid}@klant.test>\r\nDate: Sat, 21 Nov 2026 09:00:00 +0100\r\n\r\n\
         Mijn bestelling {uid} is kapot aangekomen. Ik wil mijn geld terug.\r\n"
    )
}

async fn talk(stream: TcpStream, shown: &Shown) {
    let mut stream = BufReader::new(stream);
    let mut said = "* OK ready\r\n".to_owned();
    let mut goes_on = true;
    while goes_on && stream.get_mut().write_all(said.as_bytes()).await.is_ok() {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let (tag, command) = line.trim_end().split_once(' ').unwrap_or_default();
        (said, goes_on) = shown.answer(tag, command);
    }
    // What it says last; then it hangs up.
    stream.get_mut().write_all(said.as_bytes()).await.ok();
}

/// A mailroom at such a server, and the daemon's end: engine and wakes.
struct Stand {
    room: Mailroom,
    engine: Engine,
    wakes: mpsc::Receiver<Wake>,
    _dir: TempDir,
}

async fn source(shown: &Arc<Shown>) -> Source {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = Arc::clone(shown);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            server.connections.fetch_add(1, Ordering::Relaxed);
            talk(stream, &server).await;
        }
    });
    Source::imap(ImapSettings {
        host: "127.0.0.1".into(),
        port,
        tls: TlsMode::None,
        ca: None,
        user: "u".into(),
        password: "p".into(),
        folder: "INBOX".into(),
        processed: "Verwerkt".into(),
        quarantine: "Quarantaine".into(),
        poll: Duration::from_mins(1),
        timeout: Duration::from_secs(10),
    })
    .expect("allowed")
}

async fn at(shown: &Arc<Shown>) -> Stand {
    let source = source(shown).await;
    stand(|_| source).await
}

async fn stand(source: impl FnOnce(&Path) -> Source) -> Stand {
    let dir = TempDir::new().expect("a directory");
    let file = dir.path().join("klachtd.toml");
    std::fs::write(&file, ON_MAILDIRS).expect("written");
    let config = Config::load(&file).expect("a configuration");
    let store = setup::open_store(&config).await.expect("a store");
    let settings = setup::settings(&config).expect("settings");
    let engine = Engine::start(store.clone(), settings).await.expect("an engine");
    let (to_loop, wakes) = mpsc::channel(16);
    let (_, settings) = watch::channel(Arc::clone(engine.settings()));
    let room = Mailroom {
        name: MAILBOX.to_owned(),
        source: source(dir.path()),
        store,
        settings,
        wakes: to_loop,
        health: Health::of([MAILBOX.to_owned()]),
        clock: Clock::System,
        failures: HashMap::new(),
        brought: false,
        from_start: true,
        skipped: false,
        looked_through: None,
        idle_turns: 0,
        unfiled: Unfiled::default(),
    };
    Stand { room, engine, wakes, _dir: dir }
}

/// What the engine decides until the mailroom is gone: the fates by place.
async fn decided(mut engine: Engine, mut wakes: mpsc::Receiver<Wake>) -> Vec<(String, Fate)> {
    let mut fates = Vec::new();
    while let Some(wake) = wakes.recv().await {
        let Wake::Mail { batch, done } = wake else { continue };
        let outcomes = engine.take(&batch, Clock::System.now()).await.expect("taken");
        fates.extend(outcomes.iter().map(|outcome| (outcome.place.clone(), outcome.fate)));
        done.send(outcomes).ok();
    }
    fates.sort_by(|a: &(String, Fate), b| a.0.cmp(&b.0));
    fates
}

/// What passes with each pass when a server is waited for.
const PASS: Duration = Duration::from_mins(50);

/// Passes until the folder is empty, with the engine deciding; the fates by place, and how many passes it took.
async fn emptied(mut place: Stand, shown: &Shown) -> (Vec<(String, Fate)>, usize) {
    let clock = SimulatedClock::new(Clock::System.now());
    place.room.clock = Clock::Simulated(clock.clone());
    let engine = tokio::spawn(decided(place.engine, place.wakes));
    let mut passes = 0;
    while !shown.left().is_empty() {
        passes += 1;
        assert!(passes < 20, "{:?} are still there", shown.left());
        // Why it ended early does not matter here: the service would try again.
        place.room.pass(false).await.ok();
        clock.advance(PASS);
    }
    drop(place.room);
    (engine.await.expect("the engine's end"), passes)
}

#[tokio::test]
async fn messages_that_cannot_be_fetched_hold_up_no_other() {
    for how in [Spoilt::Refused, Spoilt::Passing, Spoilt::HangsUp] {
        let shown = Shown::new(3..=8, &[4, 6], how, 300);
        let (fates, passes) = emptied(at(&shown).await, &shown).await;
        let expected = |uid| if [4, 6].contains(&uid) { Fate::SetAside } else { Fate::Complaint };
        let expected: Vec<_> = (3..=8).map(|uid| (format!("imap:7/{uid}"), expected(uid))).collect();
        assert_eq!(fates, expected, "{how:?}");
        let connections = shown.connections.load(Ordering::Relaxed);
        match how {
            Spoilt::Refused => assert_eq!(connections, 1, "nobody needs to connect anew"),
            Spoilt::Passing => assert!(connections == 1 && passes > 6, "it had its chances to pass"),
            Spoilt::HangsUp => assert!(connections > 1 && passes > 6, "the network had its chances"),
        }
    }
}

#[tokio::test]
async fn a_server_that_gives_nothing_for_hours_costs_no_mail_its_answer() {
    for how in [Spoilt::Passing, Spoilt::HangsUp] {
        let shown = Shown::new(3..=6, &[3, 4, 5, 6], how, 300);
        let Stand { mut room, engine, wakes, _dir } = at(&shown).await;
        let clock = SimulatedClock::new(Clock::System.now());
        room.clock = Clock::Simulated(clock.clone());
        let fates = tokio::spawn(decided(engine, wakes));
        for _ in 0..40 {
            room.pass(false).await.expect_err("nothing comes");
            clock.advance(Duration::from_mins(5));
        }
        assert_eq!(shown.left(), [3, 4, 5, 6], "{how:?}");
        drop(room);
        assert_eq!(fates.await.expect("the engine's end"), [], "{how:?}");
    }
}

#[tokio::test]
async fn what_a_server_left_out_of_a_list_is_seen_within_the_hour() {
    let shown = Shown::new(3..=6, &[], Spoilt::Refused, 300);
    shown.left_out.store(4, Ordering::Relaxed);
    let Stand { mut room, engine, wakes, _dir } = at(&shown).await;
    let clock = SimulatedClock::new(Clock::System.now());
    room.clock = Clock::Simulated(clock.clone());
    let fates = tokio::spawn(decided(engine, wakes));
    room.pass(false).await.expect("all that is shown is taken in");
    shown.left_out.store(0, Ordering::Relaxed);
    for minutes in [20, 35] {
        clock.advance(Duration::from_mins(minutes));
        room.pass(false).await.expect("nothing new");
        assert_eq!(shown.left(), [4], "the cursor has passed it");
    }
    clock.advance(Duration::from_mins(10));
    room.pass(false).await.expect("the whole folder was looked through");
    assert!(shown.left().is_empty());
    assert_eq!(shown.connections.load(Ordering::Relaxed), 1, "not because the connection was another");
    drop(room);
    assert_eq!(fates.await.expect("the engine's end").len(), 4);
}

#[tokio::test]
async fn failures_are_not_remembered_without_end() {
    let mut room = at(&Shown::new([], &[], Spoilt::Refused, 0)).await.room;
    for uid_validity in 1..=2_500 {
        let place = Place::Imap { uid_validity, uid: 1 };
        room.note_odd(&[], place.clone(), "no".to_owned(), false).expect_err("it may come yet");
        assert!(room.failures.len() <= MOST_FAILURES && room.failures[&place].0 == 1);
    }
}

#[tokio::test]
async fn what_cannot_be_filed_away_keeps_no_new_mail_out_and_is_one_trouble_that_lasts() {
    let shown = Shown::new([3], &[], Spoilt::Refused, 300);
    shown.is_full.store(true, Ordering::Relaxed);
    let Stand { mut room, engine, wakes, _dir } = at(&shown).await;
    let fates = tokio::spawn(decided(engine, wakes));
    let mut since = BTreeSet::new();
    for uid in 3..=4 {
        shown.uids.lock().expect("whole").insert(uid);
        let refused = room.pass(false).await.expect_err("nothing is filed away");
        room.complain(&refused);
        let alarms = room.health.alarms(0, room.clock.now());
        assert!(alarms[0].message.contains("OVERQUOTA"), "{alarms:?}");
        since.insert(alarms[0].since);
        let known = room.store.place(MAILBOX, &format!("imap:7/{uid}")).expect("readable");
        assert!(known.is_some(), "{uid} is taken in");
    }
    assert_eq!((since.len(), shown.left().len()), (1, 2));
    shown.is_full.store(false, Ordering::Relaxed);
    room.pass(false).await.expect("there is room");
    assert!(shown.left().is_empty() && room.health.alarms(0, room.clock.now()).is_empty());
    drop(room);
    let fates = fates.await.expect("the engine's end");
    assert_eq!(fates.iter().map(|(_, fate)| *fate).collect::<Vec<_>>(), [Fate::Complaint; 2]);
}

#[tokio::test]
async fn one_that_cannot_be_filed_away_holds_up_no_other() {
    for says in ["TAG NO [SERVERBUG] no\r\n", "TAG NO no\r\n", "* BYE no\r\n", ""] {
        let shown =
            Arc::new(Shown { fixed: [5].into(), says, ..Shown::of(3..=8, &[], Spoilt::Refused, 300) });
        let Stand { mut room, engine, wakes, _dir } = at(&shown).await;
        let fates = tokio::spawn(decided(engine, wakes));
        for pass in 0..30 {
            if pass == 3 {
                shown.uids.lock().expect("whole").insert(9);
            }
            room.pass(false).await.expect_err("it is told each time");
            let last = if pass < 3 { 8 } else { 9 };
            let known = room.store.place(MAILBOX, &format!("imap:7/{last}")).expect("readable");
            assert!(known.is_some(), "{says:?}: {last} is taken in by pass {pass}");
        }
        assert_eq!(shown.left(), [5], "{says:?}");
        let asked = shown.asked.load(Ordering::Relaxed);
        let is_asked_seldom = asked <= PASSING_TRIES + 1;
        assert_eq!(is_asked_seldom, !says.starts_with("TAG"), "{says:?}: asked {asked} times");
        drop(room);
        assert_eq!(fates.await.expect("the engine's end").len(), 7, "{says:?}: each once");
    }
}

#[tokio::test]
async fn without_a_folder_to_file_into_mail_is_taken_in_and_that_is_told() {
    let shown = Arc::new(Shown { homeless: true, ..Shown::of([3], &[], Spoilt::Refused, 300) });
    let Stand { mut room, engine, wakes, _dir } = at(&shown).await;
    let fates = tokio::spawn(decided(engine, wakes));
    for _ in 0..2 {
        let refused = room.pass(false).await.expect_err("it can't be made");
        assert!(refused.to_string().contains("not yours"), "{refused}");
        assert!(room.store.place(MAILBOX, "imap:7/3").expect("readable").is_some());
        // nothing is there to be filed away: it is a trouble all the same
        shown.uids.lock().expect("whole").clear();
    }
    drop(room);
    assert_eq!(fates.await.expect("the engine's end").len(), 1);
}

#[tokio::test]
async fn a_maildir_that_files_nothing_away_takes_all_in() {
    let letters = 2 * BATCH_MAILS + 1;
    let place = stand(|dir| {
        let path = dir.join("maildir");
        fs::create_dir_all(path.join("new")).expect("made");
        for n in 1..=letters {
            let uid = u32::try_from(n).expect("few");
            fs::write(path.join(format!("new/1763702506.M{n}.host")), mail(uid)).expect("written");
        }
        // What can't be entered is an error that may pass, as a disk without room is.
        std::os::unix::fs::symlink("nowhere", path.join(".Verwerkt")).expect("made");
        let (processed, quarantine) = ("Verwerkt".into(), "Quarantaine".into());
        Source::maildir(MaildirSettings { path, processed, quarantine, poll: Duration::from_mins(1) })
    })
    .await;
    let Stand { mut room, engine, wakes, _dir: dir } = place;
    let fates = tokio::spawn(decided(engine, wakes));
    room.pass(false).await.expect_err("nothing is filed away");
    let new = dir.path().join("maildir/new");
    assert_eq!(fs::read_dir(&new).expect("a directory").count(), letters);
    fs::remove_file(dir.path().join("maildir/.Verwerkt")).expect("removed");
    room.pass(false).await.expect("the folder is made, and all is filed away");
    assert_eq!(fs::read_dir(&new).expect("a directory").count(), 0);
    drop(room);
    let fates = fates.await.expect("the engine's end");
    let places: BTreeSet<&String> = fates.iter().map(|(place, _)| place).collect();
    assert_eq!((places.len(), fates.len()), (letters, 2 * letters), "each is known the second time");
}

#[tokio::test]
async fn what_the_daemon_has_is_awaited_before_a_failure_counts() {
    // Each is a batch of its own, and the connection breaks with the second.
    let shown = Shown::new([3, 4], &[4], Spoilt::HangsUp, 4_000_000);
    let mut place = at(&shown).await;
    let mut room = place.room;
    let pass = tokio::spawn(async move { room.pass(false).await });
    let Some(Wake::Mail { batch, mut done }) = place.wakes.recv().await else { panic!("no mail") };
    let a_while = Duration::from_millis(500);
    assert!(timeout(a_while, done.closed()).await.is_err(), "nobody waits for the commit");
    let outcomes = place.engine.take(&batch, Clock::System.now()).await.expect("taken");
    done.send(outcomes).expect("awaited");
    let passed = pass.await.expect("the pass's end");
    assert!(matches!(passed, Err(PassError::Source(SourceError::Odd { passing: true, .. }))), "{passed:?}");
}

#[tokio::test]
async fn a_server_that_hangs_up_on_those_who_wait_is_away() {
    let shown = Shown::new([], &[], Spoilt::HangsUp, 0);
    let place = at(&shown).await;
    let health = place.room.health.clone();
    let served = tokio::spawn(place.room.run(false));
    let mut wakes = place.wakes;
    assert!(matches!(wakes.recv().await, Some(Wake::FirstLook)));
    let away = async {
        while health.mailboxes()[0].1.connected {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), away).await.expect("it counts as away between two connections");
    let alarms = health.alarms(0, Clock::System.now());
    assert!(alarms[0].message.contains("BYE: enough"), "{alarms:?}");
    let at_once = async {
        while shown.connections.load(Ordering::Relaxed) == 1 {
            tokio::task::yield_now().await;
        }
    };
    assert!(timeout(Duration::from_millis(500), at_once).await.is_err(), "connected again without a pause");
    served.abort();
}

#[test]
fn pauses_double_to_a_minute_and_are_spread_by_a_fifth() {
    let pauses = std::iter::successors(Some(PAUSES.0), |pause| Some(longer(*pause)));
    let seconds: Vec<u64> = pauses.take(9).map(|pause| pause.as_secs()).collect();
    assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    let spreads = (0..1_000).map(|chance| spread(PAUSES.1, chance));
    let all: BTreeSet<u64> = spreads.map(|pause| pause.as_secs()).collect();
    assert_eq!((all.first(), all.last()), (Some(&48), Some(&71)));
    for odd in [i32::MIN, -1, i32::MAX] {
        assert!((48..=72).contains(&spread(PAUSES.1, odd).as_secs()), "{odd}");
    }
}

#[test]
fn what_strangers_write_stays_out_of_the_log() {
    assert_eq!(logged("imap:7/3"), "imap:7/3");
    assert_eq!(logged("maildir:klacht #2 van jan@klant.test.eml#0123456789ab"), "0123456789ab");
    let said = || "550 jan@klant.test is unknown".to_owned();
    let place = Place::Maildir { name: said() };
    for error in [
        SourceError::Away(said()),
        SourceError::Refused(said()),
        SourceError::Odd { place, why: said(), passing: false },
    ] {
        let error = PassError::from(error);
        assert!(error.to_string().contains("klant.test") && !error.for_the_log().contains("klant.test"));
    }
    assert_eq!(PassError::Full(31).for_the_log(), "only 31 MB are free on the disk of the store");
}

#[test]
fn a_batch_ends_at_its_mails_or_its_bytes() {
    let listed = |sizes: &[u64]| -> Vec<Listed> {
        let place = |uid| Place::Imap { uid_validity: 1, uid };
        (1..).zip(sizes).map(|(uid, &size)| Listed { place: place(uid), size, received: None }).collect()
    };
    let lengths =
        |sizes: &[u64]| batches(listed(sizes), BATCH_MAILS).iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(&[1; 2 * BATCH_MAILS + 1]), [BATCH_MAILS, BATCH_MAILS, 1]);
    let half = BATCH_BYTES / 2;
    assert_eq!(lengths(&[half, half, 1, BATCH_BYTES + 1, half, half + 1]), [2, 1, 1, 1, 1]);
    assert_eq!(lengths(&[u64::MAX / 2, 1]), [1, 1], "one alone may be larger");
}
