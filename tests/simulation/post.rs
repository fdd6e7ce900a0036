//! The world outside: an IMAP server's folders, what an SMTP server took, and how both misbehave.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use klachtd::clock::SimulatedClock;
use klachtd::net::Network;
use klachtd::store::Store;
use klachtd::store::faults::Faults;
use tokio::sync::watch;

use super::dice::Dice;
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
    pub(crate) mishaps: u64,
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
    pub(crate) fn new(seed: u64, now: Timestamp) -> Self {
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
            mishaps: 0,
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

    /// A life of the service begins: it finds its servers on this network.
    pub(crate) fn serve(&self, clock: SimulatedClock, store: Store, faults: Faults) -> Network {
        let mut state = self.lock();
        state.clock = clock;
        state.life = Some((store, faults));
        let post = self.clone();
        Network::Simulated(Arc::new(move |port| post.connect(port)))
    }

    /// It is over, and its register can be closed.
    pub(crate) fn rest(&self) {
        self.lock().life = None;
    }

    fn connect(&self, port: u16) -> io::Result<tokio::io::DuplexStream> {
        let mut state = self.lock();
        let count = state.connections.entry(port).or_default();
        *count += 1;
        let number = *count * 1000 + u64::from(port);
        let away = if port == IMAP { state.weather.imap_away } else { state.weather.smtp_away };
        if away {
            return Err(io::Error::from(io::ErrorKind::ConnectionRefused));
        }
        let (ours, theirs) = tokio::io::duplex(BUFFER);
        let ours_too = self.clone();
        if port == IMAP {
            let news = state.news.subscribe();
            tokio::spawn(async move { drop(imap::serve(theirs, ours_too, number, news).await) });
        } else {
            tokio::spawn(async move { drop(smtp::serve(theirs, ours_too, number).await) });
        }
        Ok(ours)
    }
}

impl State {
    /// The dice for one command of one connection, and whether it goes wrong.
    pub(crate) fn luck(&mut self, connection: u64, command: u64) -> (Dice, bool) {
        let mut dice = Dice::of(self.seed, &[connection, command]);
        let wrong = dice.percent(self.weather.storm);
        self.mishaps += u64::from(wrong);
        (dice, wrong)
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
        let inbox = self.folders.get_mut("INBOX").expect("there is always an inbox");
        inbox.messages.push(Message { uid: inbox.next, at, bytes: Arc::clone(bytes) });
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
