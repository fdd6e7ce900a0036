//! A batch of work that is decided but not yet on disk: each step sees what the steps before it made.

mod alarms;
mod digest;
mod place;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use tracing::error;

use crate::domain::complaint::{Complaint, NoticeStatus};
use crate::domain::decide::{decide, next_due};
use crate::domain::decision::NoticeDraft;
use crate::domain::event::{AlsoIn, Event, View};
use crate::domain::fact::{
    ComplaintId, Fact, Fate, LetterNote, Notice, NoticeId, ProcedureVersion, Settlement,
};
use crate::domain::guard::{self, Counters, Leaving, Verdict};
use crate::domain::house::Mailbox;
use crate::domain::notice::NoticeKind;
use crate::domain::outgoing::Outgoing;
use crate::domain::procedure::Procedure;
use crate::domain::reference::Reference;
use crate::domain::signing::sha256_hex;
use crate::engine::{Arrived, EngineError, Outcome, Settings, identity, taken};
use crate::outbox::letterhead::{self, Occasion};
use crate::store::{Commit, CountKey, Keeping, Record, Store, Taken, Used};

pub use place::{Claim, Found};

/// The name of the daemon's own acts in the journal.
const ACTOR: &str = "system";

/// Where a step takes place: a mailbox, its procedure, the store to look things up in.
#[derive(Debug)]
pub struct Letterbox<'a> {
    store: &'a Store,
    settings: &'a Settings,
    mailbox: &'a Mailbox,
    procedure: Arc<Procedure>,
    version: ProcedureVersion,
}

impl<'a> Letterbox<'a> {
    /// The letterbox of `mailbox` under `procedure`.
    ///
    /// # Errors
    /// [`EngineError::NoMailbox`] when the configuration does not have it.
    pub fn new(
        store: &'a Store,
        settings: &'a Settings,
        mailbox: &str,
        procedure: Arc<Procedure>,
    ) -> Result<Self, EngineError> {
        let unknown = || EngineError::NoMailbox(mailbox.to_owned());
        let version = settings.rules.of_mailbox(&settings.house, mailbox).ok_or_else(unknown)?.version;
        let mailbox = settings.house.mailbox(mailbox).ok_or_else(unknown)?;
        Ok(Self { store, settings, mailbox, procedure, version })
    }

    /// The civil date of `now` in the zone of the procedure.
    pub fn today(&self, now: Timestamp) -> Date {
        now.to_zoned(self.procedure.rules.zone.clone()).date()
    }
}

/// Mailbox, Message-ID and hash of the body: by these a letter is the same letter.
type LetterKey = (String, String, String);

/// What became of a letter, and the reference of its complaint.
type Known = (Fate, Option<String>);

/// Decided, not yet committed.
#[derive(Debug)]
pub struct Batch {
    now: Timestamp,
    complaints: HashMap<ComplaintId, Complaint>,
    message_ids: HashMap<(String, String), ComplaintId>,
    letters: HashMap<LetterKey, Known>,
    counts: HashMap<CountKey, u32>,
    next_complaint: Option<u64>,
    next_notice: Option<u64>,
    next_reference: HashMap<i16, u32>,
    contents: Vec<Vec<u8>>,
    keeping: Vec<Keeping>,
    commits: Vec<Commit>,
    /// Notices that could not be written, in words for staff.
    unwritten: Vec<String>,
    /// Notices of which it is settled what became of them, for the log once it is on disk.
    pub(crate) settled: Vec<(NoticeId, NoticeKind, NoticeStatus)>,
}

impl Batch {
    /// An empty batch of the moment `now`.
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            complaints: HashMap::new(),
            message_ids: HashMap::new(),
            letters: HashMap::new(),
            counts: HashMap::new(),
            next_complaint: None,
            next_notice: None,
            next_reference: HashMap::new(),
            contents: Vec::new(),
            keeping: Vec::new(),
            commits: Vec::new(),
            unwritten: Vec::new(),
            settled: Vec::new(),
        }
    }

    /// The moment at which everything in it happens.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.commits.is_empty()
    }

    /// Begins to save the contents that there are by now: the disk works while the next step is decided.
    pub fn begin_keeping(&mut self, store: &Store) {
        if !self.contents.is_empty() {
            self.keeping.push(store.begin_keeping(std::mem::take(&mut self.contents)));
        }
    }

    /// Contents that must be on disk first, then what to commit.
    pub fn into_parts(mut self, store: &Store) -> (Vec<Keeping>, Vec<Commit>) {
        self.begin_keeping(store);
        (self.keeping, self.commits)
    }

    // ------------------------------------------------------------ looking things up

    /// The complaint as the steps before left it.
    ///
    /// # Errors
    /// [`EngineError::Store`] when it can't be read.
    pub fn complaint(&self, store: &Store, id: ComplaintId) -> Result<Option<Complaint>, EngineError> {
        match self.complaints.get(&id) {
            Some(staged) => Ok(Some(staged.clone())),
            None => Ok(store.complaint(id)?),
        }
    }

    /// What became of the same letter before, and the reference of its complaint.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub fn seen(&self, store: &Store, mail: &Arrived) -> Result<Option<Known>, EngineError> {
        if let Some(known) = self.letters.get(&letter_key(mail)) {
            return Ok(Some(known.clone()));
        }
        let letter = &mail.letter;
        let Some(seen) = store.seen(&mail.mailbox, Some(&identity(mail)), &letter.body_sha256)? else {
            return Ok(None);
        };
        let reference = match seen.complaint {
            Some(id) => self.complaint(store, id)?.map(|c| c.reference),
            None => None,
        };
        Ok(Some((seen.fate, reference)))
    }

    /// The complaints that the same letter made in other mailboxes of ours.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub fn also_in(&self, at: &Letterbox, mail: &Arrived) -> Result<Vec<AlsoIn>, EngineError> {
        let mut found = Vec::new();
        for mailbox in at.settings.house.mailboxes.iter().filter(|m| m.name != mail.mailbox) {
            let there = Arrived { mailbox: mailbox.name.clone(), ..mail.clone() };
            let Some((Fate::Complaint, Some(reference))) = self.seen(at.store, &there)? else { continue };
            let staged = self.complaints.values().find(|c| c.reference == reference).map(|c| c.id);
            let stored = || at.store.by_reference(&reference);
            if let Some(complaint) = staged.map_or_else(stored, |id| Ok(Some(id)))? {
                found.push(AlsoIn { mailbox: mailbox.name.clone(), complaint, reference });
            }
        }
        Ok(found)
    }

    // ------------------------------------------------------------ steps

    /// Another copy of a letter that was taken in before: it is accounted for, and nothing else changes.
    pub fn take_again(&mut self, mail: &Arrived, letter: LetterNote, outcome: &Outcome) {
        let fact = Fact::LetterKept { letter, fate: outcome.fate, reason: outcome.reason.clone() };
        let commit = self.plain_commit(vec![fact], Some(taken(mail, outcome.fate, &outcome.reason)));
        self.commits.push(commit);
    }

    /// Notices that could not be written since the last call, in words for staff.
    pub fn take_unwritten(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unwritten)
    }

    /// Replaces an entry of the outbox.
    pub fn update(&mut self, entry: Outgoing) {
        let mut commit = self.plain_commit(Vec::new(), None);
        commit.outbox.push(entry);
        self.commits.push(commit);
    }

    fn plain_commit(&self, facts: Vec<Fact>, taken: Option<Taken>) -> Commit {
        Commit {
            complaint: None,
            expects: 0,
            at: self.now,
            actor: ACTOR.to_owned(),
            facts,
            record: None,
            outbox: Vec::new(),
            message_ids: Vec::new(),
            taken: taken.into_iter().collect(),
            counts: Vec::new(),
            used: Used::default(),
        }
    }

    /// View, decide, compose, and stage the commit.
    ///
    /// # Errors
    /// [`EngineError`] when something can't be read or written; nothing is staged then.
    pub fn step(
        &mut self,
        at: &Letterbox,
        complaint: Option<&Complaint>,
        event: &Event,
        mail: Option<&Arrived>,
    ) -> Result<Outcome, EngineError> {
        let year = at.today(self.now).year();
        let number = self.peek_reference(at.store, year)?;
        let reference = Reference::new(year, number).to_string();
        let view = View {
            complaint,
            procedure: &at.procedure,
            version: &at.version,
            mailbox: at.mailbox,
            house: &at.settings.house,
            reference: &reference,
        };
        let decision = decide(&view, event, self.now);
        // A record of staff in the thread of one complaint begins another.
        let begins = matches!(decision.facts.first(), Some(Fact::Received(_)));
        let complaint = complaint.filter(|_| !begins);
        let mut staged = Staged::new(self.plain_commit(Vec::new(), None), complaint.cloned());
        staged.commit.actor = decision.actor.unwrap_or_else(|| ACTOR.to_owned());
        if begins {
            staged.begin(self.draw_complaint(at.store)?, (year, number));
            self.next_reference.insert(year, number + 1);
        }
        for fact in decision.facts {
            staged.returned(at.store, &fact)?;
            staged.happen(self.now, fact)?;
        }
        for draft in decision.notices {
            self.write(at, &mut staged, &draft)?;
        }
        let (fate, reason) = decision.fate.unwrap_or((Fate::Ignored, String::new()));
        let outcome = Outcome {
            place: mail.map(|m| m.place.clone()).unwrap_or_default(),
            fate,
            reason,
            reference: staged.complaint.as_ref().map(|c| c.reference.clone()),
            reply: decision.reply,
            anew: decision.anew,
        };
        self.count_set_aside(at, &mut staged.commit, mail, &outcome);
        self.stage(view, staged, mail, &outcome);
        for (id, fact) in decision.elsewhere {
            self.happen_elsewhere(at.store, id, fact)?;
        }
        Ok(outcome)
    }

    fn stage(&mut self, view: View, staged: Staged, mail: Option<&Arrived>, outcome: &Outcome) {
        let Staged { mut commit, complaint, id: _ } = staged;
        if let Some(mail) = mail {
            commit.taken.push(taken(mail, outcome.fate, &outcome.reason));
            commit.message_ids.extend(mail.letter.message_id.clone().filter(|_| complaint.is_some()));
            self.letters.insert(letter_key(mail), (outcome.fate, outcome.reference.clone()));
        }
        if let Some(complaint) = complaint {
            let after = View { complaint: Some(&complaint), ..view };
            let due = next_due(&after, &complaint, self.now).map(|at| self.not_again_at_once(at, &commit));
            for id in &commit.message_ids {
                self.message_ids.insert((complaint.mailbox.clone(), id.clone()), complaint.id);
            }
            self.complaints.insert(complaint.id, complaint.clone());
            commit.complaint = Some(complaint.id);
            commit.record = Some(Record { due_at: due, complaint });
        }
        self.commits.push(commit);
    }

    /// What an event in one complaint does to another. Its own terms are looked at in the next tick, under its own
    /// procedure.
    fn happen_elsewhere(&mut self, store: &Store, id: ComplaintId, fact: Fact) -> Result<(), EngineError> {
        let complaint = self.complaint(store, id)?;
        let mut staged = Staged::new(self.plain_commit(Vec::new(), None), complaint);
        staged.happen(self.now, fact)?;
        let Staged { mut commit, complaint, .. } = staged;
        if let Some(complaint) = complaint {
            self.complaints.insert(id, complaint.clone());
            commit.complaint = Some(id);
            commit.record = Some(Record { due_at: Some(self.now), complaint });
            self.commits.push(commit);
        }
        Ok(())
    }

    /// Whether a mail that was set aside has become something else in this batch.
    pub fn is_taken_anew(&self, note: &LetterNote) -> bool {
        let anew = |t: &Taken| t.mailbox == note.mailbox && t.place == note.place && t.fate != Fate::SetAside;
        self.commits.iter().flat_map(|commit| &commit.taken).any(anew)
    }

    /// A mail that was set aside has become something else by the newest mail.
    pub fn take_anew(&mut self, mail: &Arrived, outcome: &Outcome) {
        if let Some(commit) = self.commits.iter_mut().rev().find(|commit| !commit.taken.is_empty()) {
            // Who answers it in its thread belongs to the complaint that it has become.
            if commit.record.is_some() && outcome.fate != Fate::Ignored {
                commit.message_ids.extend(mail.letter.message_id.clone());
            }
            commit.taken.push(taken(mail, outcome.fate, &outcome.reason));
        }
    }

    /// Where nothing happened nothing changed, and looking again at once would never end.
    fn not_again_at_once(&self, due: Timestamp, commit: &Commit) -> Timestamp {
        if commit.facts.is_empty() && due <= self.now { self.now + 1.minute() } else { due }
    }

    // ------------------------------------------------------------ notices

    /// Asks the guard, writes the notice, puts it in the outbox.
    fn write(&mut self, at: &Letterbox, staged: &mut Staged, draft: &NoticeDraft) -> Result<(), EngineError> {
        let keys = self.count_keys(at, draft.kind, &draft.to.email);
        let counters = self.counters(at.store, &keys)?;
        let complaint = staged.complaint.as_ref();
        let zone = &at.procedure.rules.zone;
        let digest_at = at.digest_at(self.now);
        let who = Leaving { kind: draft.kind, to: &draft.to.email, ordered: draft.ordered, digest_at };
        let held = match guard::judge(who, complaint, &at.settings.house, counters, (self.now, zone)) {
            Verdict::Pass => None,
            Verdict::Hold { until, reason } => Some((until, reason)),
            Verdict::Refuse { reason } => {
                let (kind, to) = (draft.kind, draft.to.email.clone());
                return staged.happen(self.now, Fact::NoticeRefused { kind, to, reason });
            }
        };
        let id = self.draw_notice(at.store)?;
        let occasion = Occasion {
            draft,
            complaint,
            procedure: &at.procedure,
            mailbox: at.mailbox,
            house: &at.settings.house,
            now: self.now,
        };
        let letter = match letterhead::write(&occasion, id, at.store.signer(), &at.settings.templates) {
            Ok(letter) => letter,
            // An address that no mail server takes must not stop the letters behind it.
            Err(e) => {
                self.next_notice = Some(id.0);
                let (kind, to) = (draft.kind, draft.to.email.clone());
                let about = complaint.map_or("no complaint", |c| c.reference.as_str());
                error!(kind = kind.as_str(), reference = about, "a notice could not be written: {e}");
                if kind != NoticeKind::StaffAlarm {
                    self.unwritten.push(format!("{kind} in {about}: it could not be written: {e}"));
                }
                return staged.happen(self.now, Fact::NoticeRefused { kind, to, reason: e.to_string() });
            }
        };
        staged.use_notice(id);
        if held.is_none() && !draft.ordered {
            self.count(&mut staged.commit, keys);
        }
        let entry = self.outgoing(at, staged, &letter, draft, held.as_ref());
        self.contents.push(letter.bytes);
        staged.commit.outbox.push(entry);
        let notice = Notice { held: held.map(|(_, reason)| reason), ..letter.notice };
        staged.happen(self.now, Fact::NoticeQueued(Box::new(notice)))
    }

    fn outgoing(
        &self,
        at: &Letterbox,
        staged: &Staged,
        letter: &letterhead::Written,
        draft: &NoticeDraft,
        held: Option<&(Timestamp, String)>,
    ) -> Outgoing {
        Outgoing {
            id: letter.notice.id,
            complaint: staged.complaint.as_ref().map(|c| c.id),
            mailbox: at.mailbox.name.clone(),
            kind: draft.kind,
            to: draft.to.email.clone(),
            envelope_from: letter.envelope_from.clone(),
            message_id: letter.notice.message_id.clone(),
            sha256: sha256_hex(&letter.bytes),
            status: if held.is_some() { NoticeStatus::Held } else { NoticeStatus::Queued },
            attempts: 0,
            cut_off: 0,
            unanswered: 0,
            queued_at: self.now,
            next_at: Some(held.map_or(self.now, |(until, _)| *until)),
            term_ends: letter.term_ends,
            alarmed: false,
            reply: None,
            dropped: false,
            asks_about: draft.asks_about.clone(),
            tells: None,
        }
    }

    /// The guard's word on a notice that was held; when it may leave, it is counted as leaving now.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub fn judge_again(&mut self, at: &Letterbox, entry: &Outgoing) -> Result<Verdict, EngineError> {
        let keys = self.count_keys(at, entry.kind, &entry.to);
        let counters = self.counters(at.store, &keys)?;
        let complaint = match entry.complaint {
            Some(id) => self.complaint(at.store, id)?,
            None => None,
        };
        let zone = &at.procedure.rules.zone;
        let who = Leaving { kind: entry.kind, to: &entry.to, ordered: false, digest_at: None };
        let verdict = guard::judge(who, complaint.as_ref(), &at.settings.house, counters, (self.now, zone));
        if verdict == Verdict::Pass {
            let mut commit = self.plain_commit(Vec::new(), None);
            self.count(&mut commit, keys);
            self.commits.push(commit);
        }
        Ok(verdict)
    }

    fn count_keys(&self, at: &Letterbox, kind: NoticeKind, to: &str) -> Vec<CountKey> {
        let day = at.today(self.now);
        if guard::passes_limits(kind) {
            return Vec::new();
        }
        if kind.to_staff() {
            return vec![CountKey::StaffDay(day)];
        }
        vec![
            CountKey::Address { address: to.to_ascii_lowercase(), day },
            CountKey::Hour(guard::hour_of(self.now)),
        ]
    }

    fn counters(&mut self, store: &Store, keys: &[CountKey]) -> Result<Counters, EngineError> {
        let mut counters = Counters::default();
        for key in keys {
            let used = match self.counts.get(key) {
                Some(used) => *used,
                None => store.count(key)?,
            };
            self.counts.insert(key.clone(), used);
            match key {
                CountKey::Address { .. } => counters.address_today = used,
                CountKey::Hour(_) => counters.this_hour = used,
                CountKey::StaffDay(_) => counters.staff_today = used,
                CountKey::Digest(_) | CountKey::SetAside { .. } | CountKey::Alarm { .. } => {}
            }
        }
        Ok(counters)
    }

    fn count(&mut self, commit: &mut Commit, keys: Vec<CountKey>) {
        for key in keys {
            *self.counts.entry(key.clone()).or_default() += 1;
            commit.counts.push((key, 1));
        }
    }

    // ------------------------------------------------------------ numbers

    fn peek_reference(&self, store: &Store, year: i16) -> Result<u32, EngineError> {
        match self.next_reference.get(&year) {
            Some(next) => Ok(*next),
            None => Ok(store.numbers(year)?.next_reference),
        }
    }

    fn draw_complaint(&mut self, store: &Store) -> Result<ComplaintId, EngineError> {
        let next = match self.next_complaint {
            Some(next) => next,
            None => store.numbers(0)?.next_complaint,
        };
        self.next_complaint = Some(next + 1);
        Ok(ComplaintId(next))
    }

    fn draw_notice(&mut self, store: &Store) -> Result<NoticeId, EngineError> {
        let next = match self.next_notice {
            Some(next) => next,
            None => store.numbers(0)?.next_notice,
        };
        self.next_notice = Some(next + 1);
        Ok(NoticeId(next))
    }
}

/// One step that is being staged: the commit and the complaint as it becomes.
struct Staged {
    commit: Commit,
    complaint: Option<Complaint>,
    id: Option<ComplaintId>,
}

impl Staged {
    fn new(mut commit: Commit, complaint: Option<Complaint>) -> Self {
        commit.expects = complaint.as_ref().map_or(0, |c| c.entries);
        let id = complaint.as_ref().map(|c| c.id);
        Self { commit, complaint, id }
    }

    fn begin(&mut self, id: ComplaintId, (year, number): (i16, u32)) {
        self.id = Some(id);
        self.commit.used.complaints = id.0..id.0 + 1;
        self.commit.used.reference = Some((year, number));
    }

    fn use_notice(&mut self, id: NoticeId) {
        let used = &mut self.commit.used.notices;
        *used = if used.is_empty() { id.0..id.0 + 1 } else { used.start..id.0 + 1 };
    }

    /// A notice that came back is not tried again, and is nowhere shown as sent.
    fn returned(&mut self, store: &Store, fact: &Fact) -> Result<(), EngineError> {
        let Fact::NoticeSettled { notice, settlement: Settlement::Bounced { reason } } = fact else {
            return Ok(());
        };
        let entry = store.outgoing(*notice)?;
        let (status, reply) = (NoticeStatus::Bounced, Some(reason.clone()));
        self.commit.outbox.extend(entry.map(|entry| Outgoing { status, reply, next_at: None, ..entry }));
        Ok(())
    }

    /// A fact of a complaint changes it; one outside any complaint is only recorded.
    fn happen(&mut self, now: Timestamp, fact: Fact) -> Result<(), EngineError> {
        if let Some(id) = self.id {
            let after = Complaint::after(self.complaint.take(), id, now, &fact);
            self.complaint = Some(after.map_err(|misfit| EngineError::Damaged(id, misfit))?);
        }
        self.commit.facts.push(fact);
        Ok(())
    }
}

fn letter_key(mail: &Arrived) -> LetterKey {
    (mail.mailbox.clone(), identity(mail), mail.letter.body_sha256.clone())
}
