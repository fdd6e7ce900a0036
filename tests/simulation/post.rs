//! The world outside: an IMAP server's folders, what an SMTP server took, and how both misbehave.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use klachtd::clock::SimulatedClock;
use klachtd::domain::notice::NoticeKind;
use klachtd::net::{Dialled, Network};
use klachtd::store::faults::Faults;
use klachtd::store::{CountKey, Store};
use tokio::sync::watch;

use super::dice::Dice;
use super::site::Log;
use super::{imap, smtp};

/// The ports by which the two servers are known.
pub(crate) const IMAP: u16 = 143;
pub(crate) const SMTP: u16 = 25;
/// Bytes under way between client and server: fewer than a notice has, so that it can be cut in its middle.
const BUFFER: usize = 1024;
/// The mailbox, as the configuration names it.
pub(crate) const MAILBOX: &str = "klachten";

/// A message in a folder.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) uid: u32,
    pub(crate) at: Timestamp,
    /// \Deleted
    pub(crate) marked: bool,
    pub(crate) bytes: Arc<[u8]>,
}

/// A folder of the IMAP server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Folder {
    pub(crate) validity: u32,
    pub(crate) next: u32,
    pub(crate) messages: Vec<Message>,
}

/// A mail that the SMTP server took.
#[derive(Debug, Clone)]
pub(crate) struct Delivered {
    pub(crate) message_id: String,
    pub(crate) envelope_from: String,
    pub(crate) to: String,
    pub(crate) bytes: Arc<[u8]>,
    /// Whether the service was told that it was taken, and lived to write it down.
    pub(crate) known: bool,
}

/// How the servers misbehave at present.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weather {
    /// Commands in a hundred that go wrong.
    pub(crate) storm: u64,
    pub(crate) imap_away: bool,
    pub(crate) smtp_away: bool,
}

/// What the SMTP server answers to a recipient.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) reply: String,
    /// So many times more.
    pub(crate) times: u32,
}

/// Both servers.
pub(crate) struct State {
    pub(crate) seed: u64,
    pub(crate) clock: SimulatedClock,
    pub(crate) weather: Weather,
    pub(crate) folders: BTreeMap<String, Folder>,
    /// Whether the IMAP server has MOVE and UIDPLUS.
    pub(crate) moves: bool,
    pub(crate) uidplus: bool,
    pub(crate) refusals: BTreeMap<String, Refusal>,
    pub(crate) delivered: Vec<Delivered>,
    /// By Message-ID: how often the client could not know whether a mail was taken.
    pub(crate) uncertain: BTreeMap<String, u32>,
    /// Message-IDs that were refused for good after their final dot.
    pub(crate) rejected: Vec<String>,
    /// What must never happen, and did.
    pub(crate) sins: Vec<String>,
    /// What happened, for a reader.
    pub(crate) trace: Vec<String>,
    /// How often each thing happened.
    pub(crate) happened: BTreeMap<String, u64>,
    /// Messages that somebody deleted, perhaps before they were seen.
    pub(crate) deleted: Vec<Arc<[u8]>>,
    /// Somebody will delete a message between the moments at which the service lists and fetches it.
    pub(crate) expunges: bool,
    /// For which alarms there was a cause in this life.
    pub(crate) causes: BTreeSet<&'static str>,
    /// When the service ran and had room on its disk, for so long that it did what was due.
    pub(crate) awake: Vec<(Timestamp, Timestamp)>,
    pub(crate) log: Log,
    /// The lines of the log before this life.
    pub(crate) logged: usize,
    /// By port: so neither server's luck depends on the other's.
    connections: BTreeMap<u16, u64>,
    /// The present life of the service: its register, and whether it still lives.
    life: Option<(Store, Faults)>,
    news: watch::Sender<u64>,
}

/// A handle on both servers.
#[derive(Clone)]
pub(crate) struct Post(Arc<Mutex<State>>);

impl Post {
    pub(crate) fn new(seed: u64, now: Timestamp, log: Log) -> Self {
        let mut dice = Dice::of(seed, &[1]);
        let inbox = Folder { validity: 100, next: 1, messages: Vec::new() };
        let (moves, uidplus) = *dice.pick(&[(true, true), (false, true), (false, false)]).expect("three");
        Self(Arc::new(Mutex::new(State {
            seed,
            clock: SimulatedClock::new(now),
            weather: Weather::default(),
            folders: BTreeMap::from([("INBOX".to_owned(), inbox)]),
            moves,
            uidplus,
            refusals: BTreeMap::new(),
            delivered: Vec::new(),
            uncertain: BTreeMap::new(),
            rejected: Vec::new(),
            sins: Vec::new(),
            trace: Vec::new(),
            happened: BTreeMap::new(),
            deleted: Vec::new(),
            expunges: false,
            causes: BTreeSet::new(),
            awake: Vec::new(),
            log,
            logged: 0,
            connections: BTreeMap::new(),
            life: None,
            news: watch::Sender::new(0),
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.lock().clock.now()
    }

    /// The same, unless somebody looks at the servers just now.
    pub(crate) fn try_now(&self) -> Option<Timestamp> {
        self.0.try_lock().ok().map(|state| state.clock.now())
    }

    /// A life of the service begins: it finds its servers on this network.
    pub(crate) fn serve(&self, clock: SimulatedClock, store: Store, faults: Faults) -> Network {
        let mut state = self.lock();
        state.clock = clock;
        state.life = Some((store, faults));
        state.logged = state.log.lines().len();
        // A term that lapsed unseen in an earlier life is seen in this one.
        state.causes.retain(|kind| *kind == "term");
        let weather = state.weather.clone();
        state.turn(weather);
        if !state.refusals.is_empty() {
            state.causes.extend(["outbox", "failed"]);
        }
        let post = self.clone();
        Network::Simulated(Arc::new(move |port| post.connect(port)))
    }

    /// It is over, and its register can be closed.
    pub(crate) fn rest(&self) {
        self.lock().life = None;
    }

    fn connect(&self, port: u16) -> Dialled {
        let mut state = self.lock();
        let count = state.connections.entry(port).or_default();
        *count += 1;
        let number = *count * 1000 + u64::from(port);
        if state.is_away(port) {
            return Box::pin(async { Err(io::Error::from(io::ErrorKind::ConnectionRefused)) });
        }
        // Of the other mishaps of a connection the first is that of its greeting.
        let (mut dice, wrong) = state.luck(number, 0, 1);
        if wrong && dice.percent(30) {
            state.goes_wrong(&format!("dial {number}"), "connecting", "Stall");
            return Box::pin(std::future::pending());
        }
        let (ours, theirs) = tokio::io::duplex(BUFFER);
        let ours_too = self.clone();
        if port == IMAP {
            let news = state.news.subscribe();
            tokio::spawn(async move { drop(imap::serve(theirs, ours_too, number, news).await) });
        } else {
            tokio::spawn(async move { drop(smtp::serve(theirs, ours_too, number).await) });
        }
        Box::pin(async { Ok(ours) })
    }
}

impl State {
    /// The dice for one command of one connection, and whether it goes wrong: so many times as easily as the weather has it.
    pub(crate) fn luck(&mut self, connection: u64, command: u64, times: u64) -> (Dice, bool) {
        let mut dice = Dice::of(self.seed, &[connection, command]);
        let wrong = dice.percent(self.weather.storm * times);
        (dice, wrong)
    }

    /// A mishap of a server.
    pub(crate) fn goes_wrong(&mut self, whose: &str, command: &str, mishap: &str) {
        self.note(&format!("{whose} {command:.60}: {mishap}"));
        self.happens(&format!("{} {mishap}", whose.split(' ').next().unwrap_or_default()));
    }

    /// Counts what happens.
    pub(crate) fn happens(&mut self, what: &str) {
        *self.happened.entry(what.to_owned()).or_default() += 1;
    }

    /// The weather changes.
    pub(crate) fn turn(&mut self, weather: Weather) {
        let away = |is: bool, kinds: &[&'static str]| if is { kinds.to_vec() } else { Vec::new() };
        self.causes.extend(away(weather.imap_away, &["mailbox"]));
        self.causes.extend(away(weather.smtp_away, &["smtp", "outbox"]));
        self.causes.extend(away(
            weather.storm > 0,
            &["mailbox", "smtp", "outbox", "unknown", "failed", "set_aside"],
        ));
        self.weather = weather;
        // Also who waits for mail must see it.
        self.news.send_modify(|n| *n += 1);
    }

    /// How many lines the log has, and how many mails were taken.
    pub(crate) fn told_so_far(&self) -> (usize, usize) {
        (self.log.lines().len(), self.delivered.len())
    }

    /// A trouble has lasted: staff were told of it, in this life or an earlier one, and not yet that it is over; when they
    /// were told of a mailbox just now, by a mail that has left.
    pub(crate) fn must_be_told(&mut self, kind: &str, (lines, mails): (usize, usize)) {
        self.happens(&format!("{kind}: must be told"));
        let Some((store, _)) = &self.life else { return };
        let today = self.clock.now().to_zoned(TimeZone::UTC).date();
        let is_open = |back: i64| {
            let day = today - back.days();
            let key = CountKey::Alarm { mailbox: MAILBOX.to_owned(), what: kind.to_owned(), day };
            store.count(&key).expect("the register can be read") % 2 == 1
        };
        let (log, quoted) = (self.log.lines(), format!("kind=\"{kind}\""));
        let newest =
            log[self.logged..].iter().rfind(|line| line.contains(" alarm") && line.contains(&quoted));
        // Of an earlier life the register knows for two weeks; in one that lasted longer nothing is told twice.
        let before =
            log[..self.logged].iter().rfind(|line| line.contains(" alarm") && line.contains(&quoted));
        let was_told = || before.is_some_and(|line| alarm(line).is_some()) || (0..14).any(is_open);
        let is_known = newest.map_or_else(was_told, |line| alarm(line).is_some());
        let fresh = log[lines..].iter().any(|line| alarm(line) == Some(kind));
        let is_alarm = |mail: &Delivered| {
            let id = store.signer().notice_of(&mail.message_id);
            let entry = id.and_then(|id| store.outgoing(id).expect("the register can be read"));
            entry.is_some_and(|entry| entry.kind == NoticeKind::StaffAlarm)
        };
        // Of the others the way out may be shut, too.
        let unheard = fresh && kind == "mailbox" && !self.delivered[mails..].iter().any(is_alarm);
        if !is_known || unheard {
            self.sins.push(format!("{}: staff were not told of {kind}", self.clock.now()));
        }
    }

    pub(crate) fn inbox(&mut self) -> &mut Folder {
        self.folders.get_mut("INBOX").expect("there is always an inbox")
    }

    /// Whether the server at a port is away; it drops its connections.
    pub(crate) fn is_away(&self, port: u16) -> bool {
        if port == IMAP { self.weather.imap_away } else { self.weather.smtp_away }
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.life.as_ref().is_none_or(|(_, faults)| faults.is_dead())
    }

    pub(crate) fn note(&mut self, what: &str) {
        let at = self.clock.now();
        self.trace.push(format!("{at} {what}"));
    }

    /// A mail comes into the inbox.
    pub(crate) fn arrive(&mut self, bytes: &Arc<[u8]>) {
        let at = self.clock.now();
        let inbox = self.inbox();
        inbox.messages.push(Message { uid: inbox.next, at, marked: false, bytes: Arc::clone(bytes) });
        inbox.next += 1;
        self.news.send_modify(|n| *n += 1);
    }

    /// A message may leave the inbox only when what was decided about it is on disk.
    pub(crate) fn leaves(&mut self, uid: u32) {
        let validity = self.folders["INBOX"].validity;
        let place = format!("imap:{validity}/{uid}");
        let Some((store, _)) = &self.life else { return };
        if store.place(MAILBOX, &place).expect("the register can be read").is_none() {
            self.sins.push(format!("{place} was filed away before it was committed"));
        }
    }

    /// A mail may leave the house only when it stands in the outbox, as an attempt that was begun.
    pub(crate) fn takes(&mut self, mail: Delivered) {
        if let Some((store, _)) = &self.life {
            let entry = store.signer().notice_of(&mail.message_id).map(|id| store.outgoing(id));
            let entry = entry.map(|read| read.expect("the register can be read"));
            match entry.flatten() {
                Some(entry) if entry.attempts > 0 => {}
                other => self
                    .sins
                    .push(format!("{} left before its attempt was committed: {other:?}", mail.message_id)),
            }
        }
        self.delivered.push(mail);
    }
}

/// The kind of alarm of which a line of the log tells.
pub(crate) fn alarm(line: &str) -> Option<&str> {
    let (_, told) = line.split_once("alarm: ")?;
    Some(
        told.split_once("kind=\"")
            .and_then(|(_, kind)| kind.split_once('"'))
            .map_or("none", |(kind, _)| kind),
    )
}
