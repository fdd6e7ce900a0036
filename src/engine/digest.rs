//! The engine's morning: a digest for each member of staff, once on every working day.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use tracing::error;

use super::{Engine, EngineError, Settings, TRIES};
use crate::batch::Batch;
use crate::domain::complaint::{Complaint, NoticeStatus};
use crate::domain::decide;
use crate::domain::digest::{self, Digest, HeldBack};
use crate::domain::event::{Event, View};
use crate::domain::fact::ComplaintId;
use crate::domain::outgoing::Outgoing;
use crate::domain::procedure::Rules;
use crate::store::CountKey;

/// Days for which counts are kept: so long a digest that could not be made tells afterwards what was set aside.
pub(super) const COUNTED_DAYS: i64 = 14;

/// Open complaints that are in memory at a time.
const PAGE: usize = 256;

/// Which mornings were seen to.
#[derive(Debug, Default)]
pub(super) struct Mornings {
    /// The last one of which it is known that its digests are made.
    done: Option<Date>,
    /// The moment of the next one.
    pub(super) next: Option<Timestamp>,
}

/// The digests of a morning by the mailbox through which they leave, and the mails of which they tell.
#[derive(Debug, Default)]
struct Gathered {
    digests: BTreeMap<String, Vec<Digest>>,
    told: Vec<Outgoing>,
}

impl Settings {
    /// By which working days and clock the digests come: those of the first mailbox's procedure. `None` when nobody
    /// gets one.
    fn digest_rules(&self) -> Option<&Rules> {
        let first = self.house.mailboxes.first().filter(|_| !self.house.staff.is_empty())?;
        self.rules.get(&first.procedure).map(|ruling| &ruling.procedure.rules)
    }

    /// The day and moment of the first digest after `now`.
    pub(crate) fn next_digest(&self, now: Timestamp) -> Option<(Date, Timestamp)> {
        self.digest_rules().map(|rules| digest::next(rules, now))
    }
}

impl Engine {
    /// Makes the digests that are due at `now`. Costs two conversions of the clock when none is.
    ///
    /// # Errors
    /// As [`Engine::tick`].
    pub(super) async fn morning(&mut self, now: Timestamp) -> Result<(), EngineError> {
        self.mornings.next = self.settings.next_digest(now).map(|(_, at)| at);
        let due = self.settings.digest_rules().and_then(|rules| digest::due_on(rules, now));
        let Some(day) = due.filter(|day| self.mornings.done != Some(*day)) else { return Ok(()) };
        if self.store.count(&CountKey::Digest(day))? == 0 {
            match self.make_digests(day, now).await {
                // The terms go on without the digests of a day.
                Err(e) if e.is_of_one() => error!(%day, "no digests today: {e}"),
                made => made?,
            }
        }
        self.mornings.done = Some(day);
        Ok(())
    }

    /// Whether digests were made on two days of the last two weeks, or nobody gets one.
    pub(super) fn mornings_of_late(&self, today: Date) -> Result<bool, EngineError> {
        let mut made = 0;
        for back in 1..=COUNTED_DAYS {
            made += u32::from(self.store.count(&CountKey::Digest(today.saturating_sub(back.days())))? > 0);
        }
        Ok(made >= 2 || self.settings.digest_rules().is_none())
    }

    /// The digests and the memory that they were made stand in one transaction.
    async fn make_digests(&mut self, day: Date, now: Timestamp) -> Result<(), EngineError> {
        for _ in 0..TRIES {
            let mut batch = Batch::new(now);
            let Gathered { digests, told } = self.gather(day, now)?;
            for (mailbox, digests) in digests {
                self.step(&mut batch, None, &mailbox, &Event::MorningCame(digests), None)?;
            }
            batch.remember_digest(day, told);
            if self.commit(batch).await? {
                return Ok(());
            }
        }
        Err(EngineError::Contended)
    }

    fn gather(&mut self, day: Date, now: Timestamp) -> Result<Gathered, EngineError> {
        let mut digests: BTreeMap<String, Digest> = BTreeMap::new();
        let house = &self.settings.house;
        for staff in house.staff.iter().filter(|staff| !house.is_own(&staff.email)) {
            digests.insert(staff.email.clone(), Digest::new(&staff.email, day));
        }
        self.gather_complaints(&mut digests, now)?;
        let told = self.gather_held(&mut digests)?;
        self.gather_set_aside(&mut digests, day)?;
        let mut gathered = Gathered { told, ..Gathered::default() };
        let house = &self.settings.house;
        for (email, digest) in digests {
            let staff = house.staff(&email);
            let leaves = house.mailboxes.iter().find(|m| staff.is_some_and(|s| s.works_for(&m.name)));
            if let Some(mailbox) = leaves {
                gathered.digests.entry(mailbox.name.clone()).or_default().push(digest);
            }
        }
        Ok(gathered)
    }

    /// Reads the open complaints and no others, a page at a time: it costs as much as there are open ones, however
    /// many were closed. (The index of what is due is no help: an answered complaint in which a letter waits, or a
    /// record on which the complainant stays silent, has nothing due.)
    fn gather_complaints(
        &mut self,
        digests: &mut BTreeMap<String, Digest>,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let mut after = None;
        loop {
            let page = self.store.open_complaints_page(after, PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = Some(*last);
            // Of one that can't be read an alarm tells.
            for complaint in page.iter().filter_map(|(_, complaint)| complaint.as_ref().ok()) {
                self.gather_complaint(digests, complaint, now)?;
            }
        }
    }

    fn gather_complaint(
        &mut self,
        digests: &mut BTreeMap<String, Digest>,
        complaint: &Complaint,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let procedure = match self.procedure_of(complaint.id, &complaint.procedure.sha256) {
            // An alarm tells of it when its terms can't be kept.
            Err(e) if e.is_of_one() => return Ok(()),
            found => found?,
        };
        let house = &self.settings.house;
        // A mailbox that was taken out of the configuration has nobody to tell.
        let Some(mailbox) = house.mailbox(&complaint.mailbox) else { return Ok(()) };
        let view = View {
            complaint: Some(complaint),
            procedure: &procedure,
            version: &complaint.procedure,
            mailbox,
            house,
            reference: &complaint.reference,
        };
        let Some((item, told)) = decide::listed(&view, complaint, now) else { return Ok(()) };
        for staff in told {
            if let Some(digest) = digests.get_mut(&staff.email) {
                digest.items.add(item.clone());
            }
        }
        Ok(())
    }

    /// What a limit held back, and of which the digests tell instead. Who was complained about in the meantime is not
    /// told of that complaint any more.
    fn gather_held(&self, digests: &mut BTreeMap<String, Digest>) -> Result<Vec<Outgoing>, EngineError> {
        let held = self.store.outbox_open()?.into_iter().filter(|entry| self.waits_for_digest(entry));
        let mut complaints: HashMap<ComplaintId, Option<Complaint>> = HashMap::new();
        let mut told = Vec::new();
        for entry in held {
            if let Some(id) = entry.complaint.filter(|id| !complaints.contains_key(id)) {
                complaints.insert(id, self.store.complaint(id)?);
            }
            let complaint = entry.complaint.and_then(|id| complaints.get(&id)?.as_ref());
            let staff = self.settings.house.staff(&entry.to);
            if let Some(digest) = staff.and_then(|staff| digests.get_mut(&staff.email))
                && complaint.is_none_or(|c| !c.is_about(&entry.to))
            {
                let reference = complaint.map(|c| c.reference.clone());
                digest.hold_back(HeldBack { reference, kind: entry.kind });
            }
            told.push(entry);
        }
        Ok(told)
    }

    /// Whether a limit holds this mail back until the next digest tells of it.
    pub(super) fn waits_for_digest(&self, entry: &Outgoing) -> bool {
        entry.status == NoticeStatus::Held
            && entry.lives()
            && digest::tells_of(entry.kind)
            && self.settings.house.staff(&entry.to).is_some()
    }

    /// What was set aside in the mailboxes of each since the last digest that was made.
    fn gather_set_aside(&self, digests: &mut BTreeMap<String, Digest>, day: Date) -> Result<(), EngineError> {
        let house = &self.settings.house;
        for back in 0..COUNTED_DAYS {
            let counted = day.saturating_sub(back.days());
            if counted != day && self.store.count(&CountKey::Digest(counted))? > 0 {
                return Ok(());
            }
            for mailbox in &house.mailboxes {
                let key = CountKey::SetAside { mailbox: mailbox.name.clone(), day: counted };
                let count = self.store.count(&key)?;
                let works = |email: &str| house.staff(email).is_some_and(|s| s.works_for(&mailbox.name));
                for (_, digest) in digests.iter_mut().filter(|(email, _)| works(email)) {
                    digest.set_aside = digest.set_aside.saturating_add(count);
                }
            }
        }
        Ok(())
    }
}
