//! The engine's alarms: through which mailbox they leave, and which terms lapse without anybody knowing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use tracing::{debug, error, info, warn};

use super::{Engine, EngineError, TRIES};
use crate::batch::Batch;
use crate::domain::complaint::Complaint;
use crate::domain::decide::{self, Unseen};
use crate::domain::event::{Event, Trouble, View};
use crate::domain::fact::NoticeId;
use crate::store::CountKey;

/// Complaints that one look at the terms takes, those first whose time comes first: half a second on a slow machine.
const LOOKED_AT: usize = 5_000;

impl Engine {
    /// Through these mailboxes nothing can leave now: alarms take another way.
    pub fn set_shut(&mut self, shut: BTreeSet<String>) {
        self.shut = shut;
    }

    /// Whether nothing can leave through this mailbox.
    pub fn is_shut(&self, mailbox: &str) -> bool {
        self.shut.contains(mailbox)
    }

    /// The mailbox through which an alarm about `mailbox` leaves: its own, or the first through which anything can.
    /// `None` when nothing can leave at all.
    pub fn way_out(&self, mailbox: &str) -> Option<&str> {
        let names = self.settings.house.mailboxes.iter().map(|m| m.name.as_str());
        let own = names.clone().find(|name| *name == mailbox);
        own.into_iter().chain(names).find(|name| !self.shut.contains(*name))
    }

    /// Tells staff of the mailbox that something in the service needs a person, or does no more, and remembers `key` with
    /// it. In the same commit it takes back what has not left and was to tell it. Where nothing can leave the mail waits,
    /// and the log has it as an error. Gives the mails.
    ///
    /// # Errors
    /// As [`Engine::tick`].
    pub async fn alarm(
        &mut self,
        mailbox: &str,
        trouble: Trouble,
        key: Option<CountKey>,
        instead_of: &[NoticeId],
        now: Timestamp,
    ) -> Result<Vec<NoticeId>, EngineError> {
        let (kind, over) = (trouble.kind, trouble.over);
        self.log_alarm(mailbox, &trouble);
        let through = self.way_out(mailbox).unwrap_or(mailbox).to_owned();
        let event = Event::ServiceTroubled(told_through(&through, mailbox, trouble));
        for _ in 0..TRIES {
            let mut batch = Batch::new(now);
            self.step(&mut batch, None, &through, &event, None)?;
            let notices = batch.notices();
            if !over {
                batch.tells(mailbox, kind);
            }
            if let Some(key) = &key {
                batch.remember_alarm(key.clone());
            }
            self.take_back(&mut batch, instead_of)?;
            if self.commit(batch).await? {
                return Ok(notices);
            }
        }
        Err(EngineError::Contended)
    }

    /// Logs an alarm, once until something is committed: on a full disk it is raised again and again.
    pub fn log_alarm(&mut self, mailbox: &str, trouble: &Trouble) {
        if self.logged.insert((mailbox.to_owned(), trouble.kind, trouble.over)) {
            log(mailbox, trouble, self.way_out(mailbox).is_some());
        }
    }

    /// The same of a trouble that each start of the service finds anew.
    pub(super) async fn alarm_once_a_day(
        &mut self,
        mailbox: &str,
        of: u64,
        trouble: Trouble,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let day = now.to_zoned(TimeZone::UTC).date();
        let what = format!("{} {of}", trouble.kind.as_str());
        let key = CountKey::Alarm { mailbox: mailbox.to_owned(), what, day };
        if self.store.count(&key)? > 0 {
            log(mailbox, &trouble, true);
            return Ok(());
        }
        self.alarm(mailbox, trouble, Some(key), &[], now).await.map(drop)
    }

    /// Remembers that an alarm is over of which nobody was told, and takes back what was to tell it.
    ///
    /// # Errors
    /// As [`Engine::tick`].
    pub async fn forget_alarm(
        &mut self,
        key: CountKey,
        unsent: &[NoticeId],
        now: Timestamp,
    ) -> Result<(), EngineError> {
        for _ in 0..TRIES {
            let mut batch = Batch::new(now);
            batch.remember_alarm(key.clone());
            self.take_back(&mut batch, unsent)?;
            if self.commit(batch).await? {
                return Ok(());
            }
        }
        Err(EngineError::Contended)
    }

    /// Alarms that have not left: what they tell is over, or is told another way.
    fn take_back(&mut self, batch: &mut Batch, unsent: &[NoticeId]) -> Result<(), EngineError> {
        for id in unsent {
            self.give_up(batch, *id, "taken back: it could not leave in time")?;
        }
        if !unsent.is_empty() {
            warn!("{} alarms that could not leave are taken back", unsent.len());
        }
        Ok(())
    }

    /// Of these mails, those that wait and are not under way.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub fn waiting(&self, notices: &[NoticeId]) -> Result<Vec<NoticeId>, EngineError> {
        let mut waiting = Vec::new();
        for id in notices.iter().filter(|id| !self.under_way.contains(id)) {
            if self.store.outgoing(*id)?.is_some_and(|entry| entry.lives()) {
                waiting.push(*id);
            }
        }
        Ok(waiting)
    }

    /// Promised terms by mailbox that lapse within a working day, or have, and of which no warning has reached anybody;
    /// each with the reference of its complaint.
    ///
    /// # Errors
    /// [`EngineError::Store`]; a complaint that can't be read is left out, of which another alarm tells.
    pub fn unseen_terms(
        &mut self,
        now: Timestamp,
    ) -> Result<BTreeMap<String, Vec<(String, Unseen)>>, EngineError> {
        let mut unseen: BTreeMap<String, Vec<(String, Unseen)>> = BTreeMap::new();
        // A term that lapses asks for something at that moment, so the index of what is due has it.
        let due = self.store.complaints_due(self.end_of_next_working_day(now), LOOKED_AT)?;
        for id in due.into_iter().filter(|id| !self.damaged.contains(id)).collect::<Vec<_>>() {
            let found = self.store.complaint(id).map_err(EngineError::from).and_then(|complaint| {
                let Some(complaint) = complaint else { return Ok(None) };
                Ok(self.unseen_in(&complaint, now)?.map(|term| (complaint, term)))
            });
            match found {
                Ok(Some((complaint, term))) => {
                    unseen.entry(complaint.mailbox).or_default().push((complaint.reference, term));
                }
                Ok(None) => {}
                Err(e) if e.is_of_one() => {}
                Err(e) => return Err(e),
            }
        }
        Ok(unseen)
    }

    fn unseen_in(&mut self, complaint: &Complaint, now: Timestamp) -> Result<Option<Unseen>, EngineError> {
        let procedure = self.procedure_of(complaint.id, &complaint.procedure.sha256)?;
        let house = &self.settings.house;
        let Some(mailbox) = house.mailbox(&complaint.mailbox) else { return Ok(None) };
        let view = View {
            complaint: Some(complaint),
            procedure: &procedure,
            version: &complaint.procedure,
            mailbox,
            house,
            reference: &complaint.reference,
        };
        Ok(decide::unseen(&view, complaint, now))
    }

    /// The latest of the mailboxes' procedures.
    fn end_of_next_working_day(&self, now: Timestamp) -> Timestamp {
        let mailboxes = self.settings.house.mailboxes.iter();
        let rulings = mailboxes.filter_map(|mailbox| self.settings.rules.get(&mailbox.procedure));
        let ends = rulings.map(|ruling| {
            let rules = &ruling.procedure.rules;
            rules.end_of(rules.calendar.next_working_day(rules.date(now)))
        });
        ends.max().unwrap_or_else(|| now.saturating_add(24.hours()).unwrap_or(Timestamp::MAX))
    }
}

/// The trouble as a mail of `through` tells of it.
pub(super) fn told_through(through: &str, mailbox: &str, trouble: Trouble) -> Trouble {
    Trouble { mailbox: (through != mailbox).then(|| mailbox.to_owned()), ..trouble }
}

/// One line, in words that are always the same: a server's words may hold an address.
fn log(mailbox: &str, trouble: &Trouble, can_be_told: bool) {
    let (kind, says) = (trouble.kind.as_str(), trouble.kind.says());
    match (trouble.over, can_be_told) {
        (true, _) => info!(mailbox, kind, "an alarm is over: {says}"),
        (false, true) => warn!(mailbox, kind, "alarm: {says}; `klachtd status` has the words"),
        (false, false) => {
            error!(
                mailbox,
                kind, "alarm: {says}; no mail can leave to tell it; `klachtd status` has the words"
            );
        }
    }
    debug!(mailbox, kind, "{}", trouble.message);
}
