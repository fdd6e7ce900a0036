//! The one path: view, decide, compose, commit. The only caller of [`Store::commit`].
//!
//! Work comes in batches. Within a batch each event sees what the events before it made, nothing of which is on
//! disk yet; then contents are saved, one transaction commits the whole batch, and one flush makes it durable.
//! Only after that does the caller learn the results, so only then can anything leave the house.

mod alarms;
mod digest;
mod orders;
mod outgoing;
mod quarantine;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use tracing::{error, info};

use crate::batch::{Batch, Letterbox};
use crate::domain::complaint::Misfit;
use crate::domain::event::{Arrival, Event, Trouble, TroubleKind};
use crate::domain::fact::{ComplaintId, Fate, LetterNote, NoticeId};
use crate::domain::house::House;
use crate::domain::mail::{Class, Letter};
use crate::domain::procedure::{Procedure, ProcedureError};
use crate::domain::reply::OrderReply;
use crate::outbox::letterhead::WriteError;
use crate::outbox::templates::Templates;
use crate::rules::Rules;
use crate::store::{CommitError, Store, StoreError, Taken};

pub use outgoing::Retried;
pub use quarantine::SetAside;

/// How often a batch that another writer overtook is decided anew.
const TRIES: u32 = 3;

/// Letters whose notices are saved while those behind them are decided.
const SAVED_AT_ONCE: usize = 25;

/// Earlier versions of procedures that are kept at hand; which others are wanted is read from the store.
const PINNED: usize = 32;

/// What the engine works by; replaced as a whole on reload.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Mailboxes, staff, limits.
    pub house: House,
    /// The present procedures.
    pub rules: Rules,
    /// The present templates.
    pub templates: Templates,
}

/// Why the engine can't go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed; the service must end and be started again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another writer was faster each time.
    #[error("the store changed under {TRIES} attempts to commit")]
    Contended,
    /// A stored complaint does not follow from its journal.
    #[error("complaint {0:?} is damaged: {1}; run `klachtd verify`")]
    Damaged(ComplaintId, Misfit),
    /// The procedure that a complaint is pinned to can't be read any more.
    #[error("the procedure that complaint {0:?} is pinned to: {1}")]
    Pinned(ComplaintId, ProcedureError),
    /// A notice could not be written.
    #[error("a notice could not be written: {0}")]
    Write(#[from] WriteError),
    /// A mail came for a mailbox that the configuration does not have.
    #[error("there is no mailbox {0:?}")]
    NoMailbox(String),
}

impl EngineError {
    /// Whether there was no room on the disk: nothing of it was written, and it can be done when there is.
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Store(e) if e.is_full())
    }

    /// Whether it concerns one complaint or content: whatever else the service does can go on.
    pub const fn is_of_one(&self) -> bool {
        match self {
            Self::Store(e) => e.is_of_one(),
            Self::Damaged(..) | Self::Pinned(..) | Self::Write(_) | Self::NoMailbox(_) => true,
            Self::Contended => false,
        }
    }
}

/// A mail that was fetched, saved and read, ready for a decision.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The mailbox's name.
    pub mailbox: String,
    /// Where it stands there.
    pub place: String,
    /// UIDVALIDITY and UID, for the cursor; `None` for a Maildir.
    pub cursor: Option<(u32, u32)>,
    /// When the server took it, unless the mail itself has a trusted stamp.
    pub taken_at: Timestamp,
    /// Bytes of the raw mail.
    pub size: u64,
    /// SHA-256 (hex) of the raw mail, which lies in the store.
    pub sha256: String,
    /// What was understood of it.
    pub letter: Letter,
    /// Why it must be set aside whatever its class.
    pub set_aside: Option<String>,
}

impl Arrived {
    /// When the mail came in: by the stamp of a server that is trusted, else when it was taken.
    pub fn received_at(&self) -> Timestamp {
        self.letter.received_at.unwrap_or(self.taken_at)
    }
}

/// What became of a mail, for the log and for filing it away.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Where it stands.
    pub place: String,
    /// What became of it.
    pub fate: Fate,
    /// Why, in words without personal data.
    pub reason: String,
    /// The reference of its complaint.
    pub reference: Option<String>,
    /// The answer to the order that it gave.
    pub reply: Option<OrderReply>,
    /// What a mail that was set aside has become by this one.
    pub anew: Option<(Fate, String)>,
}

/// The engine: store, settings, and what is under way.
#[derive(Debug)]
pub struct Engine {
    store: Store,
    settings: Arc<Settings>,
    pinned: HashMap<String, Arc<Procedure>>,
    under_way: HashSet<NoticeId>,
    /// By mailbox: what is sent alone, because its last attempt ended with the service.
    suspects: HashMap<String, NoticeId>,
    /// Alarms, or their ends, that came into the log since something was committed last.
    logged: HashSet<(String, TroubleKind, bool)>,
    /// Complaints that can't be read: left alone until the next start, for the others' sake.
    damaged: HashSet<ComplaintId>,
    counted_on: Option<Date>,
    /// Mailboxes through which nothing can leave now.
    shut: BTreeSet<String>,
    mornings: digest::Mornings,
}

impl Engine {
    /// An engine on an open store. Saves the present procedures and texts, so that complaints can be pinned to them.
    ///
    /// # Errors
    /// [`EngineError::Store`] when they can't be saved.
    pub async fn start(store: Store, settings: Settings) -> Result<Self, EngineError> {
        let mut engine = Self {
            store,
            settings: Arc::new(settings),
            pinned: HashMap::new(),
            under_way: HashSet::new(),
            suspects: HashMap::new(),
            logged: HashSet::new(),
            damaged: HashSet::new(),
            counted_on: None,
            shut: BTreeSet::new(),
            mornings: digest::Mornings::default(),
        };
        engine.keep_rules().await?;
        Ok(engine)
    }

    /// Replaces the settings as a whole.
    ///
    /// # Errors
    /// As [`Engine::start`]; the old settings then stay.
    pub async fn reload(&mut self, settings: Settings) -> Result<(), EngineError> {
        let old = std::mem::replace(&mut self.settings, Arc::new(settings));
        let kept = self.keep_rules().await;
        if kept.is_err() {
            self.settings = old;
        }
        kept
    }

    async fn keep_rules(&mut self) -> Result<(), EngineError> {
        self.store.keep(self.settings.rules.sources()).await?;
        Ok(())
    }

    /// The store, for reading.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The present settings.
    pub const fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// The procedure that a complaint is pinned to.
    ///
    /// # Errors
    /// [`EngineError`] when the store does not have it.
    pub fn procedure_of(&mut self, id: ComplaintId, sha256: &str) -> Result<Arc<Procedure>, EngineError> {
        if let Some(current) = self.settings.rules.by_sha256(sha256) {
            return Ok(current);
        }
        if let Some(known) = self.pinned.get(sha256) {
            return Ok(Arc::clone(known));
        }
        let source = self.store.content(sha256)?;
        let procedure =
            Procedure::parse(&String::from_utf8_lossy(&source)).map_err(|e| EngineError::Pinned(id, e))?;
        let procedure = Arc::new(procedure);
        if self.pinned.len() >= PINNED {
            self.pinned.clear();
        }
        self.pinned.insert(sha256.to_owned(), Arc::clone(&procedure));
        Ok(procedure)
    }

    // ------------------------------------------------------------ letters

    /// Takes in a batch of mails. When it returns, everything that follows from them is on disk.
    ///
    /// # Errors
    /// [`EngineError`]: then nothing of the batch happened.
    pub async fn take(&mut self, arrived: &[Arrived], now: Timestamp) -> Result<Vec<Outcome>, EngineError> {
        match self.take_together(arrived, now).await {
            Err(e) if e.is_of_one() => self.take_apart(arrived, now).await,
            taken => taken,
        }
    }

    /// One mail that can't be registered must not stop the others, nor come again for ever: it is set aside.
    async fn take_apart(&mut self, arrived: &[Arrived], now: Timestamp) -> Result<Vec<Outcome>, EngineError> {
        let mut outcomes = Vec::with_capacity(arrived.len());
        for mail in arrived {
            let taken = match self.take_together(std::slice::from_ref(mail), now).await {
                Err(e) if e.is_of_one() => {
                    error!(mailbox = mail.mailbox, sha256 = mail.sha256, "a mail can't be registered: {e}");
                    vec![self.take_unhandled(mail, &e, now).await?]
                }
                taken => taken?,
            };
            outcomes.extend(taken);
        }
        Ok(outcomes)
    }

    /// Looks at nothing in the register: what stands there may be the reason.
    async fn take_unhandled(
        &mut self,
        mail: &Arrived,
        why: &EngineError,
        now: Timestamp,
    ) -> Result<Outcome, EngineError> {
        let set_aside = Some(format!("it could not be registered: {why}"));
        let event = Event::LetterArrived(Box::new(Arrival { set_aside, ..orders::arrival_of(mail) }));
        for _ in 0..TRIES {
            let mut batch = Batch::new(now);
            let outcome = self.step(&mut batch, None, &mail.mailbox, &event, Some(mail))?;
            if self.commit(batch).await? {
                return Ok(outcome);
            }
        }
        Err(EngineError::Contended)
    }

    async fn take_together(
        &mut self,
        arrived: &[Arrived],
        now: Timestamp,
    ) -> Result<Vec<Outcome>, EngineError> {
        for _ in 0..TRIES {
            let mut batch = Batch::new(now);
            let mut outcomes = Vec::with_capacity(arrived.len());
            for mails in arrived.chunks(SAVED_AT_ONCE) {
                for mail in mails {
                    outcomes.push(self.take_one(&mut batch, mail)?);
                }
                batch.begin_keeping(&self.store);
            }
            if self.commit(batch).await? {
                return Ok(outcomes);
            }
        }
        Err(EngineError::Contended)
    }

    fn take_one(&mut self, batch: &mut Batch, mail: &Arrived) -> Result<Outcome, EngineError> {
        if let Some(known) = self.store.place(&mail.mailbox, &mail.place)? {
            // The service ended between commit and filing away: everything that follows from it has happened.
            let reference = known.complaint.map(|id| self.store.complaint(id)).transpose()?.flatten();
            let reference = reference.map(|c| c.reference);
            return Ok(Outcome {
                place: mail.place.clone(),
                fate: known.fate,
                reason: known.reason,
                reference,
                reply: None,
                anew: None,
            });
        }
        if let Some((fate, reference)) = batch.seen(&self.store, mail)? {
            let outcome = Outcome {
                place: mail.place.clone(),
                fate: Fate::Duplicate,
                reason: format!("the same letter as an earlier one, which was {}", fate.as_str()),
                reference,
                reply: None,
                anew: None,
            };
            batch.take_again(mail, note_of(mail), &outcome);
            return Ok(outcome);
        }
        self.judge(batch, mail)
    }

    /// Decides what becomes of a mail, as if it had just come.
    fn judge(&mut self, batch: &mut Batch, mail: &Arrived) -> Result<Outcome, EngineError> {
        let (settings, store) = (Arc::clone(&self.settings), self.store.clone());
        let procedure = self.present_procedure(&mail.mailbox)?;
        let at = Letterbox::new(&store, &settings, &mail.mailbox, procedure)?;
        // "In two weeks" counts from the day on which it was written, however late the mail is fetched.
        let today = at.today(mail.received_at().min(batch.now()));
        let found = batch.place_of(&at, mail)?;
        if let (Some(question), Some(claim)) = (found.question, &found.claim)
            && let Some(outcome) = self.answered(batch, mail, (question, claim.clone()), today)?
        {
            return Ok(outcome);
        }
        let order = found.claim.clone();
        let order = order.map(|claim| self.ordered(batch, claim, mail.letter.typed(), today)).transpose()?;
        // A letter goes to where its complaint is handled on. An order is for the complaint of its token, and what comes
        // back is about that one's notice.
        let follows = order.is_none() && mail.letter.class == Class::Letter;
        let present = |id| if follows { self.present(batch, id) } else { Ok(id) };
        let complaint = found.complaint.map(present).transpose()?;
        let arrival = Arrival { order, ..self.arrival(batch, &at, mail, found)? };
        let event = Event::LetterArrived(Box::new(arrival));
        self.step(batch, complaint, &mail.mailbox, &event, Some(mail))
    }

    // ------------------------------------------------------------ terms

    /// Does what is due at `now`: the digests of the morning, and at most `limit` complaints. Gives how many of these
    /// were looked at.
    ///
    /// # Errors
    /// [`EngineError`]: then nothing of it happened.
    pub async fn tick(&mut self, now: Timestamp, limit: usize) -> Result<usize, EngineError> {
        self.forget_counts(now).await?;
        self.morning(now).await?;
        let mut tries = 0;
        while tries < TRIES {
            let mut batch = Batch::new(now);
            let due = self.store.complaints_due(now, limit + self.damaged.len())?;
            let due: Vec<ComplaintId> = due.into_iter().filter(|id| !self.damaged.contains(id)).collect();
            let failed = due.iter().find_map(|id| Some((*id, self.look_at(&mut batch, *id).err()?)));
            if let Some((id, failure)) = failed {
                self.leave_out(id, failure, now).await?;
                continue;
            }
            if due.is_empty() || self.commit(batch).await? {
                return Ok(due.len());
            }
            tries += 1;
        }
        Err(EngineError::Contended)
    }

    fn look_at(&mut self, batch: &mut Batch, id: ComplaintId) -> Result<(), EngineError> {
        if let Some(complaint) = self.store.complaint(id)? {
            self.step(batch, Some(id), &complaint.mailbox, &Event::TermReached, None)?;
        }
        Ok(())
    }

    /// One complaint that can't be read must not stop the terms of the others; staff are told, once a day however often
    /// the service starts.
    async fn leave_out(
        &mut self,
        id: ComplaintId,
        failure: EngineError,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        if !failure.is_of_one() {
            return Err(failure);
        }
        self.damaged.insert(id);
        let mailbox = self.store.complaint(id).ok().flatten().map(|complaint| complaint.mailbox);
        let mailboxes = &self.settings.house.mailboxes;
        let known = mailboxes.iter().find(|m| Some(&m.name) == mailbox.as_ref()).or(mailboxes.first());
        let Some(name) = known.map(|mailbox| mailbox.name.clone()) else { return Err(failure) };
        let message = format!("the terms of complaint {} are not kept: {failure}", id.0);
        self.alarm_once_a_day(&name, id.0, Trouble::new(TroubleKind::Damaged, message), now).await
    }

    /// Once a day: what was counted for the limits of days long past is of no use. A clock that is years ahead for a while
    /// must not make that of today such a day: two mornings of late say that it is right.
    async fn forget_counts(&mut self, now: Timestamp) -> Result<(), EngineError> {
        let today = now.to_zoned(TimeZone::UTC).date();
        if self.counted_on != Some(today) && self.mornings_of_late(today)? {
            // Two days more, because no zone is further from UTC than that.
            self.store.drop_old_counts(today.saturating_sub((digest::COUNTED_DAYS + 2).days())).await?;
        }
        self.counted_on = Some(today);
        Ok(())
    }

    // ------------------------------------------------------------ the path itself

    fn present_procedure(&self, mailbox: &str) -> Result<Arc<Procedure>, EngineError> {
        let ruling = self.settings.rules.of_mailbox(&self.settings.house, mailbox);
        ruling.map(|r| r.procedure).ok_or_else(|| EngineError::NoMailbox(mailbox.to_owned()))
    }

    /// View, decide, compose; the commit is staged in the batch.
    fn step(
        &mut self,
        batch: &mut Batch,
        complaint: Option<ComplaintId>,
        mailbox: &str,
        event: &Event,
        mail: Option<&Arrived>,
    ) -> Result<Outcome, EngineError> {
        let settings = Arc::clone(&self.settings);
        let complaint = complaint.map(|id| batch.complaint(&self.store, id)).transpose()?.flatten();
        let procedure = match &complaint {
            Some(c) => self.procedure_of(c.id, &c.procedure.sha256)?,
            None => self.present_procedure(mailbox)?,
        };
        let letterbox = Letterbox::new(&self.store, &settings, mailbox, procedure)?;
        let outcome = batch.step(&letterbox, complaint.as_ref(), event, mail)?;
        for message in batch.take_unwritten() {
            let trouble = Event::ServiceTroubled(Trouble::new(TroubleKind::Failed, message));
            batch.step(&letterbox, None, &trouble, None)?;
        }
        Ok(outcome)
    }

    /// Saves contents, commits the batch in one transaction, makes it durable. `false` when it was overtaken.
    async fn commit(&mut self, mut batch: Batch) -> Result<bool, EngineError> {
        if batch.is_empty() {
            return Ok(true);
        }
        let settled = std::mem::take(&mut batch.settled);
        let (keeping, commits) = batch.into_parts(&self.store);
        // All are waited for, whatever becomes of the first: what is tried again must not meet what is still being written.
        let mut kept = Ok(());
        for contents in keeping {
            kept = kept.and(contents.done().await.map(drop));
        }
        kept?;
        match self.store.commit(commits).await {
            Ok(()) => {}
            Err(CommitError::Conflict) => return Ok(false),
            Err(CommitError::Store(e)) => return Err(e.into()),
        }
        self.store.flush().await?;
        self.logged.clear();
        for (notice, kind, status) in settled {
            info!(notice = notice.0, kind = kind.as_str(), status = status.as_str(), "notice settled");
        }
        Ok(true)
    }
}

/// Longest subject that the journal keeps; the raw mail has the rest.
const SUBJECT_CHARACTERS: usize = 300;

/// Attachments of which the journal keeps the name, and characters of each.
const ATTACHMENTS: usize = 20;
const NAME_CHARACTERS: usize = 100;

fn short(name: &str) -> String {
    name.chars().take(NAME_CHARACTERS).collect()
}

fn note_of(mail: &Arrived) -> LetterNote {
    let letter = &mail.letter;
    LetterNote {
        mailbox: mail.mailbox.clone(),
        place: mail.place.clone(),
        message_id: letter.message_id.clone(),
        from: letter.from.as_ref().map(|p| p.email.clone()).unwrap_or_default(),
        subject: letter.subject.chars().take(SUBJECT_CHARACTERS).collect(),
        received_at: mail.received_at(),
        sha256: mail.sha256.clone(),
        size: mail.size,
        attachments: letter.attachments.iter().take(ATTACHMENTS).map(|a| short(&a.name)).collect(),
    }
}

/// By what a letter is the same letter, beside its body: its Message-ID; without one who wrote it, when, and about what.
/// Of two mails of which nothing is known none is a copy of the other: then by where it stands.
pub(crate) fn identity(mail: &Arrived) -> String {
    let letter = &mail.letter;
    if let Some(id) = &letter.message_id {
        return id.clone();
    }
    let from = letter.from.as_ref().map_or("", |party| party.email.as_str());
    let date = letter.date.map(|at| at.to_string()).unwrap_or_default();
    let known = format!("{from} {date} {}", letter.subject);
    if known.trim().is_empty() { mail.place.clone() } else { known }
}

/// What the store is told of a mail's place, whatever became of it.
pub(crate) fn taken(mail: &Arrived, fate: Fate, reason: &str) -> Taken {
    Taken {
        mailbox: mail.mailbox.clone(),
        place: mail.place.clone(),
        cursor: mail.cursor,
        fate,
        reason: reason.to_owned(),
        sha256: mail.sha256.clone(),
        message_id: Some(identity(mail)),
        body_sha256: mail.letter.body_sha256.clone(),
    }
}
