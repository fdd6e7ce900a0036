//! One mailbox's task: fetch, save, read, hand over, and only after the commit file away.

mod filing;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;
use tracing::{debug, info, warn};

pub use self::filing::Unfiled;
use crate::clock::Clock;
use crate::desk::{Desk, Unread};
use crate::domain::event::TroubleKind;
use crate::domain::fact::Fate;
use crate::engine::{Outcome, Settings};
use crate::health::Health;
use crate::intake::source::{Cursor, Folder, Listed, Place, Source, SourceError};
use crate::store::{Store, StoreError};
use crate::wake::Wake;

/// Mails in one batch: one fetch, one commit, one flush, one move.
const BATCH_MAILS: usize = 100;

/// Bytes in one batch, unless one mail alone is larger.
const BATCH_BYTES: u64 = 3 << 20;

/// Mails that wait between fetching and reading.
const READ_AHEAD: usize = 4;

/// Fetches of one mail that may fail before it is set aside.
const FETCH_TRIES: u32 = 3;

/// First and longest pause after a mailbox could not be reached.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// Fetches of one mail that may end with the connection, or in words of a passing state, before it is set aside: more,
/// because the network or the whole mailbox may be at fault. Only those count beside which another mail came.
const PASSING_TRIES: u32 = 6;

/// How long one mail may fail so when no other comes either: longer than a mail store is usually away.
const LONGEST_DOUBT: SignedDuration = SignedDuration::from_hours(6);

/// How often the whole folder is looked through, whatever the cursor says: a server that once left a message out of its
/// list must not hide it for as long as the connection lasts.
const LOOK_THROUGH: SignedDuration = SignedDuration::from_hours(1);

/// Mails whose failed fetches, and moves, are remembered. A folder that shows more of them, because its UIDVALIDITY is
/// another at each look, say, is counted from the beginning.
const MOST_FAILURES: usize = 1_000;

/// A wait that ends sooner was none; so many of them in a row may be mail that came in the meantime.
const HASTY: SignedDuration = SignedDuration::from_millis(20);
const MOST_IDLE_TURNS: u32 = 3;

/// A mail and the folder that it goes to.
type Move = (Place, Folder);

/// Why a pass through the mailbox ended early.
#[derive(Debug, thiserror::Error)]
enum PassError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the service is ending")]
    Ending,
    #[error("the service could not take them now")]
    NotTaken,
    #[error("an answer of the server could not be understood")]
    Panicked,
    #[error("only {0} MB are free on the disk of the store")]
    Full(u64),
}

impl PassError {
    /// A server's own words, and the name of a file that a person gave, may hold anything; the log above debug does not.
    fn for_the_log(&self) -> String {
        let kind = match self {
            Self::Source(SourceError::Away(_)) => "the mailbox is away",
            Self::Source(SourceError::Refused(_)) => "refused, somebody must act",
            Self::Source(SourceError::Odd { .. }) => "a message can't be fetched",
            other => return other.to_string(),
        };
        kind.to_owned()
    }
}

/// One mailbox and everything that its task needs.
#[derive(Debug)]
pub struct Mailroom {
    /// The mailbox's name.
    pub name: String,
    /// Where its mails are.
    pub source: Source,
    /// Where raw mails are saved.
    pub store: Store,
    /// By what mails are read.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// To the daemon's loop.
    pub wakes: mpsc::Sender<Wake>,
    /// How it is doing.
    pub health: Health,
    /// The time.
    pub clock: Clock,
    /// Fetches that failed, per mail: how many count, and since when.
    pub failures: HashMap<Place, (u32, Timestamp)>,
    /// Whether a mail came in this pass.
    pub brought: bool,
    /// Whether the whole folder is to be looked through, not only what is newer than the cursor.
    pub from_start: bool,
    /// When that was done last.
    pub looked_through: Option<Timestamp>,
    /// Whether a mail that can't be fetched was passed over, and others with it.
    pub skipped: bool,
    /// Turns in a row that ended at once and brought nothing.
    pub idle_turns: u32,
    /// What could not be filed away.
    pub unfiled: Unfiled,
}

impl Mailroom {
    /// Serves the mailbox until the service ends; with `once` for one pass.
    pub async fn run(mut self, once: bool) {
        let mut pause = PAUSES.0;
        let mut first = true;
        loop {
            let passed = guarded(self.pass(once)).await;
            if let Err(e) = &passed {
                self.complain(e);
            }
            if std::mem::take(&mut first) && self.wakes.send(Wake::FirstLook).await.is_err() {
                return;
            }
            if matches!(passed, Err(PassError::Ending)) {
                return;
            }
            if once {
                break;
            }
            let waited = match passed {
                Ok(()) => guarded(self.wait()).await.inspect_err(|e| self.complain(e)),
                failed => failed,
            };
            // A server that lets everybody in and then hangs up is no better than one that is away.
            if waited.is_ok() {
                pause = PAUSES.0;
            } else {
                sleep(spread(pause, self.clock.now().subsec_nanosecond())).await;
                pause = longer(pause);
            }
        }
        self.source.close().await;
        // The daemon may have ended already; then nobody needs to know.
        let _ = self.wakes.send(Wake::MailroomDone).await;
    }

    /// Until something may have come. A server that ends each wait at once, and has nothing new, is given a pause.
    async fn wait(&mut self) -> Result<(), PassError> {
        let began = self.clock.now();
        self.source.wait().await?;
        let hasty = self.clock.now().duration_since(began) < HASTY;
        self.idle_turns = if hasty { self.idle_turns + 1 } else { 0 };
        if self.idle_turns > MOST_IDLE_TURNS {
            sleep(PAUSES.0).await;
        }
        Ok(())
    }

    fn complain(&self, error: &PassError) {
        let now = self.clock.now();
        match error {
            PassError::Ending => return,
            PassError::Full(_) => {
                self.health.troubled(&self.name, TroubleKind::Disk, &error.to_string(), now);
            }
            PassError::Store(e) if e.is_full() => {
                self.health.troubled(&self.name, TroubleKind::Disk, &e.to_string(), now);
            }
            _ => self.health.away(&self.name, &error.to_string(), now),
        }
        warn!(mailbox = self.name, "fetching failed: {}; `klachtd status` says more", error.for_the_log());
        debug!(mailbox = self.name, "fetching failed: {error}");
    }

    async fn pass(&mut self, once: bool) -> Result<(), PassError> {
        if !self.source.is_open() || self.source.is_stale(self.clock.now()) {
            self.source.open().await?;
            self.from_start = true;
        }
        let now = self.clock.now();
        if !recently(self.looked_through, now, LOOK_THROUGH) {
            self.from_start = true;
        }
        self.unfiled.begin();
        if self.from_start {
            self.make_folders().await;
            self.connect().await?;
        }
        loop {
            let listed = self.list().await?;
            if self.from_start {
                self.looked_through = Some(now);
            }
            let (known, fresh) = self.sort_out(listed)?;
            self.health.looked(&self.name, fresh.len(), self.clock.now());
            let is_all = fresh.is_empty();
            // New mail first: what is known can wait.
            if is_all {
                self.failures.clear();
                self.skipped = false;
            } else {
                self.idle_turns = 0;
                self.take_all(fresh).await?;
            }
            self.file_known(known).await;
            // What stood behind a mail that could not be fetched was left out, and the cursor has passed it.
            self.from_start = self.skipped || self.unfiled.why.is_some();
            if is_all || self.unfiled.why.is_some() || (once && !self.skipped) {
                return self.passed();
            }
        }
    }

    /// Only now all went well: a mailbox that can be looked at and not worked in would seem to recover again and again.
    fn passed(&self) -> Result<(), PassError> {
        if let Some(why) = &self.unfiled.why {
            return Err(why.clone().into());
        }
        self.health.fetched(&self.name, 0, self.clock.now());
        Ok(())
    }

    /// One batch is fetched while the one before is committed. Whatever happens, what the daemon has is on disk when it
    /// returns: the next look at the mailbox would take what is only decided for done.
    async fn take_all(&mut self, mut fresh: Vec<Listed>) -> Result<(), PassError> {
        // Until all of them are filed away they may lie in the inbox; each new connection looks there again.
        self.from_start = true;
        (self.skipped, self.brought) = (false, false);
        // What failed comes last: it holds up no other, and another that comes tells that the server is well.
        fresh.sort_by_key(|mail| self.failures.contains_key(&mail.place));
        let mut left = fresh.len();
        let mut before: Option<Committing> = None;
        // After a failure one by one: so it shows which mail is at fault.
        let most = if self.failures.is_empty() { BATCH_MAILS } else { 1 };
        for batch in batches(fresh, most) {
            left -= batch.len();
            let next = guarded(self.take(&batch)).await;
            let taken = match next {
                Ok(next) => before.replace(next),
                Err(e) => {
                    settled(before).await;
                    return Err(e);
                }
            };
            let Some(taken) = taken else { continue };
            if let Err(e) = guarded(self.finish(taken)).await {
                settled(before).await;
                return Err(e);
            }
            if self.unfiled.why.is_none() {
                self.health.fetched(&self.name, left, self.clock.now());
            }
        }
        if let Some(last) = before {
            self.finish(last).await?;
        }
        Ok(())
    }

    async fn list(&mut self) -> Result<Vec<Listed>, PassError> {
        let cursor = self.store.cursor(&self.name)?.filter(|_| !self.from_start);
        let cursor = cursor.map(|(uid_validity, uid)| Cursor { uid_validity, uid });
        Ok(self.source.list(cursor.as_ref()).await?)
    }

    /// What the store knows already is only filed away; the rest is to be taken in.
    fn sort_out(&self, listed: Vec<Listed>) -> Result<(Vec<Move>, Vec<Listed>), PassError> {
        let (mut known, mut fresh) = (Vec::new(), Vec::new());
        for mail in listed {
            // A file name in a Maildir may come back with other bytes, so only its content can tell.
            let record = match mail.place {
                Place::Imap { .. } => self.store.place(&self.name, &mail.place.to_string())?,
                Place::Maildir { .. } => None,
            };
            match record {
                Some(record) => known.push((mail.place, folder_of(record.fate))),
                None => fresh.push(mail),
            }
        }
        Ok((known, fresh))
    }

    /// Fetches, saves and reads a batch and hands it to the daemon, which decides and commits it meanwhile.
    async fn take(&mut self, batch: &[Listed]) -> Result<Committing, PassError> {
        let room = self.store.room()?;
        if !room.is_enough() {
            return Err(PassError::Full(room.free_bytes >> 20));
        }
        self.health.well(&self.name, TroubleKind::Disk);
        let settings = Arc::clone(&self.settings.borrow());
        let mails = self.fetch(batch, settings.house.limits.message_size).await?;
        let desk = Desk { mailbox: self.name.clone(), settings, signer: self.store.signer().clone() };
        let (arrived, places, contents) = desk.read(mails).await;
        self.store.keep(contents).await?;
        let (done, outcomes) = oneshot::channel();
        self.wakes.send(Wake::Mail { batch: arrived, done }).await.map_err(|_| PassError::Ending)?;
        Ok(Committing { places, outcomes })
    }

    /// Files a batch away once its commit is on disk.
    async fn finish(&mut self, batch: Committing) -> Result<(), PassError> {
        let outcomes = batch.outcomes.await.map_err(|_| PassError::NotTaken)?;
        let mut moves = Vec::with_capacity(outcomes.len());
        for (place, outcome) in batch.places.into_iter().zip(&outcomes) {
            report(&self.name, outcome);
            moves.push((place, folder_of(outcome.fate)));
        }
        self.file_batch(&moves).await;
        Ok(())
    }

    async fn fetch(&mut self, batch: &[Listed], limit: u64) -> Result<Vec<Unread>, PassError> {
        // To file the batch before away may have cost the connection.
        self.connect().await?;
        let (given, mut taken) = mpsc::channel(READ_AHEAD);
        let seen_at = self.clock.now();
        let (fetched, mut mails) = tokio::join!(
            async {
                let given = given;
                // Should the parser panic over a message, it is one that can't be fetched, not the end of the pass.
                AssertUnwindSafe(self.source.fetch(batch, limit, &given)).catch_unwind().await
            },
            async {
                let mut mails = Vec::with_capacity(batch.len());
                while let Some(mail) = taken.recv().await {
                    mails.extend(Unread::of(mail, limit, seen_at));
                }
                mails
            }
        );
        let came = |listed: &&Listed| mails.iter().any(|mail: &Unread| mail.place == listed.place);
        let fetched = fetched.unwrap_or_else(|_| {
            let blamed = batch.iter().find(|listed| !came(listed)).map(|listed| listed.place.clone());
            let why = "the server's answer could not be understood".to_owned();
            blamed.map_or(Ok(()), |place| Err(SourceError::Odd { place, why, passing: true }))
        });
        match fetched {
            Ok(()) => {}
            Err(SourceError::Odd { place, why, passing }) => {
                mails.extend(self.note_odd(batch, place, why, passing)?);
            }
            Err(e) => return Err(e.into()),
        }
        for mail in &mails {
            self.failures.remove(&mail.place);
            self.brought |= mail.trouble.is_none();
        }
        Ok(mails)
    }

    /// One mail could not be fetched: after some tries it is taken in without its bytes, so that it blocks nobody.
    fn note_odd(
        &mut self,
        batch: &[Listed],
        place: Place,
        why: String,
        passing: bool,
    ) -> Result<Option<Unread>, PassError> {
        if self.failures.len() >= MOST_FAILURES && !self.failures.contains_key(&place) {
            self.failures.clear();
        }
        let now = self.clock.now();
        let (tries, since) = self.failures.entry(place.clone()).or_insert((0, now));
        let most = if passing { PASSING_TRIES } else { FETCH_TRIES };
        *tries += u32::from(!passing || self.brought);
        let is_enough = *tries >= most || (passing && now.duration_since(*since) >= LONGEST_DOUBT);
        // Where it may pass, any mail of the batch may be at fault, or none.
        if !is_enough || (passing && batch.len() > 1) {
            return Err(SourceError::Odd { place, why, passing }.into());
        }
        let tries = *tries;
        self.skipped = true;
        let listed = batch.iter().find(|l| l.place == place);
        Ok(listed.map(|l| Unread {
            place,
            taken_at: l.received.unwrap_or_else(|| self.clock.now()),
            size: l.size,
            raw: Vec::new(),
            trouble: Some(format!("it could not be fetched {tries} times: {why}")),
        }))
    }
}

/// The protocol parser of a library may panic on a server's odd answer: that costs the connection, no more.
async fn guarded<T>(work: impl Future<Output = Result<T, PassError>>) -> Result<T, PassError> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or(Err(PassError::Panicked))
}

/// Until the daemon has answered for a batch, whatever it answers.
async fn settled(batch: Option<Committing>) {
    if let Some(batch) = batch {
        // Without an answer it was not taken: then it is listed again.
        let _ = batch.outcomes.await;
    }
}

/// A batch that the daemon has.
#[derive(Debug)]
struct Committing {
    places: Vec<Place>,
    outcomes: oneshot::Receiver<Vec<Outcome>>,
}

const fn folder_of(fate: Fate) -> Folder {
    match fate {
        Fate::SetAside => Folder::Quarantine,
        _ => Folder::Processed,
    }
}

/// A place as the log names it: of a Maildir's only the hash, because people make file names of names and subjects.
fn logged(place: &str) -> &str {
    match place.rsplit_once('#') {
        Some((name, hash)) if name.starts_with("maildir:") => hash,
        _ => place,
    }
}

/// One line a mail: what was done and why.
fn report(mailbox: &str, outcome: &Outcome) {
    let reference = outcome.reference.as_deref().unwrap_or("-");
    info!(
        mailbox,
        mail = logged(&outcome.place),
        fate = outcome.fate.as_str(),
        reference,
        why = outcome.reason,
        "mail taken in"
    );
}

fn batches(listed: Vec<Listed>, most: usize) -> Vec<Vec<Listed>> {
    let mut batches: Vec<Vec<Listed>> = Vec::new();
    let mut bytes = 0;
    for mail in listed {
        bytes += mail.size;
        match batches.last_mut() {
            Some(batch) if batch.len() < most && bytes <= BATCH_BYTES => batch.push(mail),
            _ => {
                bytes = mail.size;
                batches.push(vec![mail]);
            }
        }
    }
    batches
}

/// Whether it was less than `span` ago. What seems to come from the future was not: a clock that was set back would put off
/// for long what is done once in a `span`.
fn recently(at: Option<Timestamp>, now: Timestamp, span: SignedDuration) -> bool {
    at.is_some_and(|at| at <= now && now.duration_since(at) < span)
}

/// The pause after one that did not help.
fn longer(pause: Duration) -> Duration {
    (pause * 2).min(PAUSES.1)
}

/// ± 20 %, so that many installations do not come back to one server in the same second.
fn spread(pause: Duration, chance: i32) -> Duration {
    pause.mul_f64(0.8 + 0.4 * f64::from(chance.unsigned_abs() % 1000) / 1000.0)
}
