//! The engine's letters out: attempts are committed before dialling, answers after.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tracing::info;

use super::alarms::told_through;
use super::{Engine, EngineError, TRIES};
use crate::batch::{Batch, Letterbox};
use crate::domain::complaint::NoticeStatus;
use crate::domain::event::{Event, Trouble, TroubleKind};
use crate::domain::fact::{NoticeId, Settlement};
use crate::domain::guard::Verdict;
use crate::domain::outgoing::Outgoing;
use crate::outbox::deliver::{Delivery, Dispatch};
use crate::outbox::retry;
use crate::store::Store;

/// Attempts after which an entry that crashes keep cutting off is given up (product: "When things go wrong").
const CUT_OFF_ATTEMPTS: u32 = 5;

/// Answers that one transaction records: each may bring several commits with it.
const SETTLED: usize = 64;

/// How long an attempt may take before it counts as cut off: longer than all time-outs of one delivery together.
const LEASE: SignedDuration = SignedDuration::from_mins(15);

/// Attempts with no answer after the final dot: the first and one more with the same bytes.
const UNANSWERED_ATTEMPTS: u32 = 2;

/// What became of a wish to try again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retried {
    /// How many notices are due now, or are under way.
    pub woken: usize,
    /// Failed notices that were left as they are, because the complainant was told something newer since.
    pub overtaken: Vec<NoticeId>,
}

impl Engine {
    /// Makes everything that waits due now, at start and when the clock was set: each is tried once whatever its back-off,
    /// and what a limit holds back is judged again. Until when was counted by a clock that may have been wrong.
    ///
    /// # Errors
    /// As [`Engine::tick`].
    pub async fn wake_outbox(&mut self, now: Timestamp) -> Result<(), EngineError> {
        self.wake_outbox_of(None, now).await
    }

    /// The same for one mailbox, whose server is there again: that is no reason to let out what a limit holds back. What is
    /// under way is left as it is.
    ///
    /// # Errors
    /// As [`Engine::tick`].
    pub async fn wake_outbox_of(&mut self, mailbox: Option<&str>, now: Timestamp) -> Result<(), EngineError> {
        let waiting = |e: &Outgoing| e.lives() && (mailbox.is_none() || e.status != NoticeStatus::Held);
        let asked =
            |e: &Outgoing| mailbox.is_none_or(|name| e.mailbox == name) && !self.under_way.contains(&e.id);
        let entries = self.store.outbox_open()?.into_iter().filter(|e| waiting(e) && asked(e));
        let awake: Vec<Outgoing> = entries.map(|entry| Outgoing { next_at: Some(now), ..entry }).collect();
        self.update(awake, now).await
    }

    /// Replaces entries of the outbox, as many at a time as one transaction takes.
    async fn update(&mut self, mut entries: Vec<Outgoing>, now: Timestamp) -> Result<(), EngineError> {
        while !entries.is_empty() {
            let mut batch = Batch::new(now);
            let left = entries.split_off(entries.len().min(Store::MOST_COMMITS));
            for entry in entries {
                batch.update(entry);
            }
            self.commit(batch).await?;
            entries = left;
        }
        Ok(())
    }

    /// The next moment after the newest tick at which a term, a notice or the digest asks for something; ways out that
    /// can take no more are left out, and what is under way.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub fn next_moment(&self, full: &[&str]) -> Result<Option<Timestamp>, EngineError> {
        let mut next = [self.store.next_due(&self.damaged)?, self.mornings.next].into_iter().flatten().min();
        let names = self.settings.house.mailboxes.iter().map(|mailbox| mailbox.name.as_str());
        for mailbox in names.filter(|name| !full.contains(name) && !self.waits_for_suspect(name)) {
            let due = self.store.next_outbox_due(mailbox, &self.under_way)?;
            next = [next, due].into_iter().flatten().min();
        }
        Ok(next)
    }

    /// Makes one notice, or every one that waits or has failed, due now; what is under way counts, and is left as it
    /// is. What has failed and would contradict what the complainant was told since stays as it is.
    ///
    /// # Errors
    /// As [`Engine::tick`].
    pub async fn retry(&mut self, id: Option<NoticeId>, now: Timestamp) -> Result<Retried, EngineError> {
        let asked = self.store.outbox_open()?.into_iter().filter(|e| id.is_none_or(|id| e.id == id));
        let (under_way, asked): (Vec<_>, Vec<_>) = asked.partition(|e| self.under_way.contains(&e.id));
        let (mut open, mut overtaken) = (Vec::new(), Vec::new());
        for entry in asked {
            if self.is_overtaken(&entry, now)? {
                overtaken.push(entry.id);
            } else {
                open.push(entry);
            }
        }
        let awake = |entry: Outgoing| Outgoing {
            status: if entry.lives() { entry.status } else { NoticeStatus::Queued },
            next_at: Some(now),
            ..entry
        };
        let woken: Vec<Outgoing> = open.into_iter().map(awake).collect();
        let count = woken.len() + under_way.len();
        self.update(woken, now).await?;
        Ok(Retried { woken: count, overtaken })
    }

    /// Whether a notice has failed and its complaint has gone on without it.
    fn is_overtaken(&mut self, entry: &Outgoing, now: Timestamp) -> Result<bool, EngineError> {
        let Some(id) = entry.complaint.filter(|id| !entry.lives() && !self.damaged.contains(id)) else {
            return Ok(false);
        };
        let Some(complaint) = self.store.complaint(id)? else { return Ok(false) };
        let today = self.procedure_of(id, &complaint.procedure.sha256)?.rules.date(now);
        Ok(complaint.is_overtaken(entry.id, today))
    }

    /// Gives a notice up: it is not tried again and raises no alarm. `false` when it is not open.
    ///
    /// # Errors
    /// As [`Engine::tick`].
    pub async fn drop_notice(&mut self, id: NoticeId, now: Timestamp) -> Result<bool, EngineError> {
        let mut batch = Batch::new(now);
        let was_open = self.give_up(&mut batch, id, "given up by the operator")?;
        self.commit(batch).await?;
        Ok(was_open)
    }

    pub(super) fn give_up(
        &mut self,
        batch: &mut Batch,
        id: NoticeId,
        why: &str,
    ) -> Result<bool, EngineError> {
        let Some(entry) = self.store.outgoing(id)?.filter(Outgoing::is_open) else { return Ok(false) };
        let gone = Outgoing { dropped: true, next_at: None, ..entry.clone() };
        if entry.lives() {
            let settlement = Settlement::Failed { reply: why.to_owned(), attempts: entry.attempts };
            self.retire(batch, &gone, settlement)?;
        } else {
            batch.update(gone);
        }
        Ok(true)
    }

    /// Begins the attempts of a mailbox that are due, at most `limit`: on disk as begun before they are given out.
    ///
    /// # Errors
    /// As [`Engine::tick`].
    pub async fn claim(
        &mut self,
        mailbox: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Dispatch>, EngineError> {
        if self.waits_for_suspect(mailbox) {
            return Ok(Vec::new());
        }
        loop {
            let due = self.store.outbox_due(mailbox, now, limit + self.under_way.len())?;
            let mut fresh: Vec<Outgoing> =
                due.into_iter().filter(|e| !self.under_way.contains(&e.id)).take(limit).collect();
            if fresh.is_empty() {
                return Ok(Vec::new());
            }
            // An attempt that ended with the service may be what ended it. Were it begun together with others, these
            // would be suspect too the next time, and given up with it.
            let suspect = fresh.iter().position(is_suspect);
            if let Some(suspect) = suspect {
                fresh = vec![fresh.swap_remove(suspect)];
            }
            let begun = self.begin_all(fresh, now).await?;
            if let Some(dispatch) = begun.first().filter(|_| suspect.is_some()) {
                self.suspects.insert(mailbox.to_owned(), NoticeId(dispatch.id));
            }
            // Where all of them ended or wait on, others may be due.
            if !begun.is_empty() {
                return Ok(begun);
            }
        }
    }

    async fn begin_all(
        &mut self,
        entries: Vec<Outgoing>,
        now: Timestamp,
    ) -> Result<Vec<Dispatch>, EngineError> {
        for _ in 0..TRIES {
            let mut batch = Batch::new(now);
            let mut begun = Vec::new();
            for entry in entries.iter().cloned() {
                begun.extend(self.begin(&mut batch, entry)?);
            }
            if self.commit(batch).await? {
                self.under_way.extend(begun.iter().map(|dispatch| NoticeId(dispatch.id)));
                return Ok(begun);
            }
        }
        Err(EngineError::Contended)
    }

    /// Begins one attempt; `None` when it is given up or must wait instead.
    fn begin(&mut self, batch: &mut Batch, entry: Outgoing) -> Result<Option<Dispatch>, EngineError> {
        let cut_off = entry.cut_off + u32::from(entry.status == NoticeStatus::Sending);
        let attempts = entry.attempts;
        if cut_off >= CUT_OFF_ATTEMPTS {
            let settlement = Settlement::Unknown {
                reason: format!("{cut_off} attempts were cut off"),
                attempts,
                last: true,
            };
            return self.retire(batch, &entry, settlement).map(|()| None);
        }
        match self.still_held(batch, &entry)? {
            Verdict::Pass => {}
            Verdict::Hold { until, .. } => {
                batch.update(Outgoing { next_at: Some(until), ..entry });
                return Ok(None);
            }
            Verdict::Refuse { reason } => {
                return self
                    .retire(batch, &entry, Settlement::Failed { reply: reason, attempts })
                    .map(|()| None);
            }
        }
        let bytes = match self.store.content(&entry.sha256) {
            Ok(bytes) => bytes,
            Err(e) if e.is_of_one() => {
                let settlement = Settlement::Failed { reply: e.to_string(), attempts };
                return self.retire(batch, &entry, settlement).map(|()| None);
            }
            Err(e) => return Err(e.into()),
        };
        let leased = batch.now().saturating_add(LEASE).unwrap_or(Timestamp::MAX);
        let (id, envelope_from, to) = (entry.id.0, entry.envelope_from.clone(), entry.to.clone());
        let (status, attempts) = (NoticeStatus::Sending, attempts + 1);
        batch.update(Outgoing { status, attempts, cut_off, next_at: Some(leased), ..entry });
        Ok(Some(Dispatch { id, envelope_from, to, bytes: bytes.into() }))
    }

    fn waits_for_suspect(&self, mailbox: &str) -> bool {
        self.suspects.contains_key(mailbox)
    }

    /// Records the answers of the outgoing server.
    ///
    /// # Errors
    /// As [`Engine::tick`].
    pub async fn settle(
        &mut self,
        results: &[(NoticeId, Delivery)],
        now: Timestamp,
    ) -> Result<(), EngineError> {
        for part in results.chunks(SETTLED) {
            self.settle_part(part, now).await?;
        }
        Ok(())
    }

    async fn settle_part(
        &mut self,
        results: &[(NoticeId, Delivery)],
        now: Timestamp,
    ) -> Result<(), EngineError> {
        for _ in 0..TRIES {
            let mut batch = Batch::new(now);
            for (id, delivery) in results {
                if let Some(entry) = self.store.outgoing(*id)? {
                    self.settle_one(&mut batch, entry, delivery)?;
                }
            }
            if self.commit(batch).await? {
                for (id, _) in results {
                    self.under_way.remove(id);
                    self.suspects.retain(|_, suspect| suspect != id);
                }
                return Ok(());
            }
        }
        Err(EngineError::Contended)
    }

    fn settle_one(
        &mut self,
        batch: &mut Batch,
        entry: Outgoing,
        delivery: &Delivery,
    ) -> Result<(), EngineError> {
        let attempts = entry.attempts;
        // An answer was heard: it is not this mail that ends the service.
        let entry = Outgoing { cut_off: 0, ..entry };
        match delivery {
            // It came back before the answer was recorded: that it had been accepted is the older news.
            Delivery::Accepted { reply } if entry.status == NoticeStatus::Bounced => {
                batch.update(Outgoing { reply: Some(reply.clone()), ..entry });
                Ok(())
            }
            Delivery::NotBegun if entry.lives() => {
                let (attempts, next_at) = (attempts.saturating_sub(1), Some(batch.now()));
                batch.update(Outgoing { status: NoticeStatus::Queued, attempts, next_at, ..entry });
                Ok(())
            }
            Delivery::Rejected { .. }
            | Delivery::Unknown { .. }
            | Delivery::Deferred { .. }
            | Delivery::Away { .. }
            | Delivery::NotBegun
                if !entry.lives() =>
            {
                info!(notice = entry.id.0, "not accepted, and given up meanwhile");
                Ok(())
            }
            Delivery::Accepted { reply } => {
                self.shut.remove(&entry.mailbox);
                self.retire(batch, &entry, Settlement::Sent { reply: reply.clone(), attempts })
            }
            Delivery::Rejected { reply } => {
                self.retire(batch, &entry, Settlement::Failed { reply: reply.clone(), attempts })
            }
            Delivery::Unknown { reason } => {
                let entry = Outgoing { unanswered: entry.unanswered + 1, ..entry };
                let again =
                    (entry.unanswered < UNANSWERED_ATTEMPTS).then(|| next_attempt(&entry, batch.now()));
                let settlement =
                    Settlement::Unknown { reason: reason.clone(), attempts, last: again.is_none() };
                self.record(batch, &entry, settlement, again)
            }
            Delivery::Deferred { reply: why } => self.defer(batch, entry, why),
            Delivery::Away { reason: why } => {
                // What can't be reached can't take the alarm about it either.
                self.shut.insert(entry.mailbox.clone());
                self.defer(batch, entry, why)
            }
            Delivery::NotBegun => Ok(()),
        }
    }

    /// Not accepted for now: tried again later; staff hear of it once, before the term that it serves lapses.
    fn defer(&mut self, batch: &mut Batch, entry: Outgoing, reply: &str) -> Result<(), EngineError> {
        let next_at = next_attempt(&entry, batch.now());
        let too_late = entry.term_ends.is_some_and(|ends| next_at >= ends);
        let alarm = too_late && !entry.alarmed;
        let mailbox = entry.mailbox.clone();
        let message = format!("{} could not be delivered before its term ends: {reply}", entry.kind);
        batch.update(Outgoing {
            status: NoticeStatus::Queued,
            reply: Some(reply.to_owned()),
            next_at: Some(next_at),
            alarmed: entry.alarmed || alarm,
            ..entry
        });
        if alarm {
            let through = self.way_out(&mailbox).unwrap_or(&mailbox).to_owned();
            let trouble = told_through(&through, &mailbox, Trouble::new(TroubleKind::Smtp, message));
            self.step(batch, None, &through, &Event::ServiceTroubled(trouble), None)?;
        }
        Ok(())
    }

    fn retire(
        &mut self,
        batch: &mut Batch,
        entry: &Outgoing,
        settlement: Settlement,
    ) -> Result<(), EngineError> {
        self.record(batch, entry, settlement, None)
    }

    fn record(
        &mut self,
        batch: &mut Batch,
        entry: &Outgoing,
        settlement: Settlement,
        next_at: Option<Timestamp>,
    ) -> Result<(), EngineError> {
        let (status, reply) = match &settlement {
            Settlement::Sent { reply, .. } => (NoticeStatus::Sent, reply),
            Settlement::Failed { reply, .. } => (NoticeStatus::Failed, reply),
            Settlement::Unknown { reason, .. } => (NoticeStatus::Unknown, reason),
            Settlement::Bounced { reason } => (NoticeStatus::Bounced, reason),
        };
        batch.settled.push((entry.id, entry.kind, status));
        batch.update(Outgoing { status, reply: Some(reply.clone()), next_at, ..entry.clone() });
        let event = Event::DeliverySettled { notice: entry.id, settlement };
        self.step(batch, entry.complaint, &entry.mailbox, &event, None).map(|_| ())
    }

    /// Whether what a limit held back must wait on, or must not leave at all any more.
    fn still_held(&mut self, batch: &mut Batch, entry: &Outgoing) -> Result<Verdict, EngineError> {
        if entry.status != NoticeStatus::Held {
            return Ok(Verdict::Pass);
        }
        let settings = Arc::clone(&self.settings);
        if self.waits_for_digest(entry)
            && let Some((_, until)) = settings.next_digest(batch.now())
        {
            return Ok(Verdict::Hold { until, reason: String::new() });
        }
        let procedure = self.present_procedure(&entry.mailbox)?;
        let letterbox = Letterbox::new(&self.store, &settings, &entry.mailbox, procedure)?;
        batch.judge_again(&letterbox, entry)
    }
}

/// Whether an earlier attempt ended with the service.
fn is_suspect(entry: &Outgoing) -> bool {
    entry.status == NoticeStatus::Sending || entry.cut_off > 0
}

fn next_attempt(entry: &Outgoing, now: Timestamp) -> Timestamp {
    retry::next_attempt(entry.attempts, now, jitter(entry))
}

/// A spread of the back-off that needs no chance: the same entry and attempt always give the same.
fn jitter(entry: &Outgoing) -> f64 {
    let digit = entry
        .sha256
        .as_bytes()
        .iter()
        .fold(entry.attempts, |sum, b| sum.wrapping_mul(31).wrapping_add(u32::from(*b)));
    f64::from(digit % 1000) / 1000.0
}
