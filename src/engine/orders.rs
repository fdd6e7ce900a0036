//! The engine's orders in: what staff say by mail and in the shell, and the complaints that they bring.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Arrived, Engine, EngineError, Outcome, Settings, TRIES, note_of};
use crate::batch::{Batch, Claim, Found, Letterbox};
use crate::desk;
use crate::domain::complaint::Complaint;
use crate::domain::event::{Arrival, Brought, Confirmed, Event, Ordered, Right};
use crate::domain::fact::{ComplaintId, Fate, LetterNote, NoticeId};
use crate::domain::order::{self, Order, Reading};
use crate::domain::procedure::Channel;
use crate::domain::reply::OrderReply;

/// Complaints in a row that were each merged into the next: more is a mistake.
const MERGED_IN_A_ROW: usize = 10;

impl Engine {
    /// Carries out what an operator orders in the shell. `None` when no complaint has this reference.
    ///
    /// # Errors
    /// As [`Engine::tick`].
    pub async fn order(
        &mut self,
        reference: &str,
        text: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<Option<OrderReply>, EngineError> {
        for _ in 0..TRIES {
            let mut batch = Batch::new(now);
            let Some(id) = self.store.by_reference(reference)? else { return Ok(None) };
            let Some(complaint) = self.store.complaint(id)? else { return Ok(None) };
            let today = self.procedure_of(id, &complaint.procedure.sha256)?.rules.date(now);
            let claim = Claim { right: Right::Shell, by: by.to_owned() };
            let ordered = self.ordered(&batch, claim, text, today)?;
            let event = Event::OrderGiven(Box::new(ordered));
            let outcome = self.step(&mut batch, Some(id), &complaint.mailbox, &event, None)?;
            if self.commit(batch).await? {
                return Ok(outcome.reply);
            }
        }
        Err(EngineError::Contended)
    }

    /// Registers a complaint that did not come by mail; `mail` is what was written down, already saved in the store.
    ///
    /// # Errors
    /// As [`Engine::tick`].
    pub async fn bring(
        &mut self,
        mail: &Arrived,
        channel: Channel,
        by: &str,
        now: Timestamp,
    ) -> Result<Outcome, EngineError> {
        for _ in 0..TRIES {
            let mut batch = Batch::new(now);
            let brought = Brought { arrival: arrival_of(mail), channel, by: by.to_owned() };
            let event = Event::ComplaintBrought(Box::new(brought));
            let outcome = self.step(&mut batch, None, &mail.mailbox, &event, Some(mail))?;
            if self.commit(batch).await? {
                return Ok(outcome);
            }
        }
        Err(EngineError::Contended)
    }

    /// What somebody orders, and what the decision has to know of it.
    pub(super) fn ordered(
        &self,
        batch: &Batch,
        claim: Claim,
        text: &str,
        today: Date,
    ) -> Result<Ordered, EngineError> {
        let reading = order::read(text, today);
        let other = match merged_into(&reading) {
            Some(reference) => self.store.by_reference(reference)?,
            None => None,
        };
        let other = other.map(|id| batch.complaint(&self.store, id)).transpose()?.flatten();
        Ok(Ordered { by: claim.by, right: claim.right, reading, other })
    }

    /// The complaint that a letter belongs to: the one into which its own was merged.
    pub(super) fn present(&self, batch: &Batch, id: ComplaintId) -> Result<ComplaintId, EngineError> {
        let mut present = id;
        for _ in 0..MERGED_IN_A_ROW {
            let complaint: Option<Complaint> = batch.complaint(&self.store, present)?;
            let into = complaint.and_then(|c| c.closing).and_then(|closing| closing.into);
            match into.map(|reference| self.store.by_reference(&reference)).transpose()?.flatten() {
                Some(next) => present = next,
                None => return Ok(present),
            }
        }
        Ok(present)
    }

    /// A mail that answers a question of ours about another mail, which was set aside.
    pub(super) fn answered(
        &mut self,
        batch: &mut Batch,
        mail: &Arrived,
        (question, claim): (NoticeId, Claim),
        today: Date,
    ) -> Result<Option<Outcome>, EngineError> {
        let settings = Arc::clone(&self.settings);
        let pending = self.store.outgoing(question)?.and_then(|entry| entry.asks_about);
        let Some(pending) = pending.filter(|_| claim.right == Right::Token) else { return Ok(None) };
        let done = self.store.place(&pending.mailbox, &pending.place)?;
        let done = done.is_none_or(|taken| taken.fate != Fate::SetAside) || batch.is_taken_anew(&pending);
        let by = claim.by.clone();
        let Some(set_aside) = self.set_aside(&pending)? else { return Ok(None) };
        let then = self.present_procedure(&mail.mailbox)?.rules.date(set_aside.received_at());
        let ordered =
            self.ordered(batch, Claim { right: Right::Address, by }, set_aside.letter.typed(), then)?;
        let answer = self.ordered(batch, claim, mail.letter.typed(), today)?;
        let at =
            Letterbox::new(&self.store, &settings, &mail.mailbox, self.present_procedure(&mail.mailbox)?)?;
        let found = batch.place_of(&at, &set_aside)?;
        let complaint = found.complaint.map(|id| self.present(batch, id)).transpose()?;
        let set_aside_as = self.arrival(batch, &at, &set_aside, found)?;
        let event = Event::LetterConfirmed(Box::new(Confirmed {
            pending: Arrival { order: Some(ordered), note: pending, ..set_aside_as },
            answer: Arrival { order: Some(answer), ..arrival_of(mail) },
            done,
        }));
        let outcome = self.step(batch, complaint, &mail.mailbox, &event, Some(mail))?;
        if let Some((fate, reason)) = outcome.anew.clone() {
            batch.take_anew(&set_aside, &Outcome { fate, reason, ..outcome.clone() });
        }
        Ok(Some(outcome))
    }

    /// A mail as the decision sees it, but for what staff order in it.
    pub(super) fn arrival(
        &self,
        batch: &Batch,
        at: &Letterbox,
        mail: &Arrived,
        found: Found,
    ) -> Result<Arrival, EngineError> {
        let from_staff = found.claim.is_some_and(|claim| claim.right == Right::Address);
        let passed_on = from_staff.then(|| desk::passed_on(&mail.letter, &self.settings, &mail.mailbox));
        let also_in = if found.complaint.is_none() { batch.also_in(at, mail)? } else { Vec::new() };
        let passed_on = passed_on.flatten().map(Box::new);
        Ok(Arrival { about: found.about, related: found.related, passed_on, also_in, ..arrival_of(mail) })
    }

    /// A mail that was set aside, read again as it came.
    fn set_aside(&self, note: &LetterNote) -> Result<Option<Arrived>, EngineError> {
        let raw = self.store.content(&note.sha256)?;
        let signer = self.store.signer();
        let settings: &Arc<Settings> = &self.settings;
        let is_ours = |id: &str| signer.notice_of(id).is_some();
        let letter = desk::read_one(&raw, settings, &note.mailbox, &is_ours);
        Ok(letter.map(|letter| Arrived {
            mailbox: note.mailbox.clone(),
            place: note.place.clone(),
            cursor: None,
            taken_at: note.received_at,
            size: note.size,
            sha256: note.sha256.clone(),
            letter,
            set_aside: None,
        }))
    }
}

fn merged_into(reading: &Reading) -> Option<&str> {
    let Reading::Orders(orders) = reading else { return None };
    orders.iter().find_map(|(order, _)| match order {
        Order::Merge { into } => Some(into.as_str()),
        _ => None,
    })
}

/// A mail as the decision sees it, before anything is known of its place.
pub(super) fn arrival_of(mail: &Arrived) -> Arrival {
    Arrival {
        letter: mail.letter.clone(),
        note: note_of(mail),
        about: None,
        set_aside: mail.set_aside.clone(),
        related: None,
        order: None,
        passed_on: None,
        also_in: Vec::new(),
    }
}
