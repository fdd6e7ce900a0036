//! A commit: everything that one decision changes, made at once or not at all.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::codec::{self, Draft, Source};
use super::journal::{self, Entry, Happening};
use super::keys::{self, CountKey, Table};
use super::{Numbers, StoreError, Totals};
use crate::domain::complaint::Complaint;
use crate::domain::fact::{ComplaintId, Fact, Fate};
use crate::domain::outgoing::Outgoing;
use crate::domain::signing::Signer;

/// What one decision changes.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// The complaint that was decided on; `None` for what belongs to none.
    pub complaint: Option<ComplaintId>,
    /// Entries of that complaint's journal that the decision saw; 0 for a new one.
    pub expects: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// Who decided: `system`, or a person.
    pub actor: String,
    /// What happened, for the journal.
    pub facts: Vec<Fact>,
    /// The complaint after those facts; needed whenever there are facts of a complaint.
    pub record: Option<Record>,
    /// Mails going out: new ones, and those whose state changed.
    pub outbox: Vec<Outgoing>,
    /// Message-IDs of letters of this complaint: answers to them find it.
    pub message_ids: Vec<String>,
    /// The messages that were taken from a mailbox, or of which something else became now.
    pub taken: Vec<Taken>,
    /// What is added to counts.
    pub counts: Vec<(CountKey, u32)>,
    /// The numbers that were given out.
    pub used: Used,
}

/// A complaint as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When something is due next.
    pub due_at: Option<Timestamp>,
    /// The fold of its facts.
    pub complaint: Complaint,
}

/// Numbers that a decision gave out. A range that is not empty must start at the present next number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    /// Numbers of complaints.
    pub complaints: Range<u64>,
    /// Numbers of notices.
    pub notices: Range<u64>,
    /// The year and number of a reference.
    pub reference: Option<(i16, u32)>,
}

/// A message of a mailbox, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The mailbox's name.
    pub mailbox: String,
    /// Where it stood there: `imap:VALIDITY/UID` or `maildir:NAME`.
    pub place: String,
    /// UIDVALIDITY and UID up to which the mailbox was read now. Within one validity it never goes back.
    pub cursor: Option<(u32, u32)>,
    /// What became of it.
    pub fate: Fate,
    /// Why, in words.
    pub reason: String,
    /// SHA-256 (hex) of the raw mail.
    pub sha256: String,
    /// Its Message-ID, when it has one.
    pub message_id: Option<String>,
    /// SHA-256 (hex) of its body.
    pub body_sha256: String,
}

/// What the store remembers of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenRecord {
    /// What became of it.
    pub fate: Fate,
    /// Why, in words.
    pub reason: String,
    /// SHA-256 (hex) of the raw mail.
    pub sha256: String,
    /// Keyed hash (hex) of its Message-ID.
    pub message_id: Option<String>,
    /// The complaint that it made or joined.
    pub complaint: Option<ComplaintId>,
    /// The journal entry that tells of it; `None` when nothing was written.
    pub entry: Option<u64>,
    /// When it was taken.
    pub at: Timestamp,
}

/// What became of a letter that comes a second time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// What became of it the first time.
    pub fate: Fate,
    /// The complaint that it made or joined.
    pub complaint: Option<ComplaintId>,
}

/// Why a commit was not made. Nothing of it was.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// Something was committed in between that the decision did not see: view again, decide again.
    #[error("the decision was made on a state that has passed")]
    Conflict,
    /// The store can't.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Numbers that are skipped after an old state was brought back: more than anybody gives out between two backups, and
/// few enough to be passed over one by one.
const LEAP_COMPLAINTS: u64 = 1_000;
const LEAP_REFERENCES: u32 = 1_000;
const LEAP_NOTICES: u64 = 10_000;

/// The one document that every commit rewrites.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Head {
    /// The number of the newest journal entry; 0 before the first.
    pub(super) seq: u64,
    /// Its hash.
    pub(super) hash: String,
    /// Transactions made, by which a long reading sees whether it was overtaken.
    pub(super) transactions: u64,
    pub(super) next_complaint: u64,
    pub(super) next_notice: u64,
    /// Next number of a reference by year; a year that is absent starts at 1.
    pub(super) next_references: BTreeMap<i16, u32>,
    pub(super) totals: Totals,
}

impl Head {
    /// The present head; that of an empty store when there is none.
    pub(super) fn read<S: Source>(source: &S) -> Result<Self, StoreError> {
        Ok(codec::json(source, Table::Head, keys::HEAD)?.unwrap_or_else(|| Self {
            seq: 0,
            hash: journal::genesis(),
            transactions: 0,
            next_complaint: 1,
            next_notice: 1,
            next_references: BTreeMap::new(),
            totals: Totals::default(),
        }))
    }

    pub(super) fn write<S: Source>(&self, draft: &mut Draft<S>) -> Result<(), StoreError> {
        draft.put_json(Table::Head, keys::HEAD, self)
    }

    pub(super) fn numbers(&self, year: i16) -> Numbers {
        Numbers {
            next_complaint: self.next_complaint,
            next_notice: self.next_notice,
            next_reference: self.next_references.get(&year).copied().unwrap_or(1),
        }
    }

    /// Gives out no number that `other` has given out. Whether there were any that this one would have.
    pub(super) fn follow(&mut self, other: &Self) -> bool {
        let mut was_behind = false;
        let mut follow = |next: &mut u64, other: u64| {
            was_behind |= *next < other;
            *next = other.max(*next);
        };
        follow(&mut self.next_complaint, other.next_complaint);
        follow(&mut self.next_notice, other.next_notice);
        for (year, other) in &other.next_references {
            let next = self.next_references.entry(*year).or_insert(1);
            was_behind |= *next < *other;
            *next = (*other).max(*next);
        }
        was_behind
    }

    /// Skips numbers that may have been given out since this was written: a reference, a Message-ID or the token of an
    /// order must never come to mean something else.
    pub(super) fn leap(&mut self, year: i16) {
        self.next_complaint += LEAP_COMPLAINTS;
        self.next_notice += LEAP_NOTICES;
        self.next_references.entry(year).or_insert(1);
        for next in self.next_references.values_mut() {
            *next = next.saturating_add(LEAP_REFERENCES);
        }
    }

    /// Gives out the numbers that a decision used, unless another did meanwhile.
    fn draw(&mut self, used: &Used) -> Result<(), CommitError> {
        for (range, next) in
            [(&used.complaints, &mut self.next_complaint), (&used.notices, &mut self.next_notice)]
        {
            if range.is_empty() {
                continue;
            }
            if range.start != *next {
                return Err(CommitError::Conflict);
            }
            *next = range.end;
        }
        if let Some((year, number)) = used.reference {
            let next = self.next_references.entry(year).or_insert(1);
            if number != *next {
                return Err(CommitError::Conflict);
            }
            *next = number + 1;
        }
        Ok(())
    }
}

/// Writes commits into a draft, each on top of those before it.
pub(super) struct Writing<'a, 'b, S> {
    draft: &'a mut Draft<'b, S>,
    signer: &'a Signer,
    head: Head,
}

impl<'a, 'b, S: Source> Writing<'a, 'b, S> {
    /// Begins on the present head.
    pub(super) fn begin(draft: &'a mut Draft<'b, S>, signer: &'a Signer) -> Result<Self, StoreError> {
        let head = Head::read(draft)?;
        Ok(Self { draft, signer, head })
    }

    /// Adds one commit.
    pub(super) fn add(&mut self, commit: &Commit) -> Result<(), CommitError> {
        let before = self.expected(commit)?;
        self.head.draw(&commit.used)?;
        let first = self.head.seq + 1;
        for fact in &commit.facts {
            self.append(commit, fact)?;
        }
        if let Some(record) = &commit.record {
            put_record(self.draft, &mut self.head.totals, before.as_ref(), record)?;
        }
        for outgoing in &commit.outbox {
            self.put_outgoing(outgoing)?;
        }
        self.put_message_ids(commit)?;
        for taken in &commit.taken {
            self.put_taken(commit, taken, (!commit.facts.is_empty()).then_some(first))?;
        }
        for (key, more) in &commit.counts {
            self.count(key, *more)?;
        }
        Ok(())
    }

    /// Ends with the new head.
    pub(super) fn finish(mut self) -> Result<(), StoreError> {
        self.head.transactions += 1;
        self.head.write(self.draft)
    }

    /// The record before the commit, which must be the one that the decision saw.
    fn expected(&self, commit: &Commit) -> Result<Option<Record>, CommitError> {
        let Some(id) = commit.complaint else {
            let receives = commit.facts.iter().any(|fact| matches!(fact, Fact::Received(_)));
            if receives || commit.record.is_some() || !commit.message_ids.is_empty() {
                return Err(invalid("a receipt, a record or Message-IDs without a complaint"));
            }
            return Ok(None);
        };
        let before: Option<Record> = codec::json(self.draft, Table::Records, &keys::number(id.0))?;
        if before.as_ref().map_or(0, |record| record.complaint.entries) != commit.expects {
            return Err(CommitError::Conflict);
        }
        match &commit.record {
            Some(Record { complaint, .. }) => {
                let entries = commit.expects + commit.facts.len() as u64;
                if complaint.id != id || complaint.entries != entries {
                    return Err(invalid("a record that does not follow from its facts"));
                }
            }
            None if commit.facts.is_empty() => {}
            None => return Err(invalid("facts of a complaint without its record")),
        }
        if id.0 >= self.head.next_complaint.max(commit.used.complaints.end) {
            return Err(invalid("a complaint whose number was never given out"));
        }
        Ok(before)
    }

    fn append(&mut self, commit: &Commit, fact: &Fact) -> Result<(), CommitError> {
        let seq = self.head.seq + 1;
        let happening =
            Happening { seq, at: commit.at, actor: &commit.actor, complaint: commit.complaint, fact };
        let entry = Entry::seal(self.signer, &happening, &self.head.hash)?;
        self.draft.put_document(Table::Journal, &keys::number(seq), &entry.to_bytes()?)?;
        if let Some(id) = commit.complaint {
            self.draft.put(Table::JournalOf, &keys::pair(keys::number(id.0), seq), Vec::new())?;
            if let Fact::Received(received) = fact {
                let is_free = put_reference(self.draft, &received.reference, id)?;
                is_free.then_some(()).ok_or(CommitError::Conflict)?;
            }
        }
        self.head.seq = seq;
        self.head.hash = entry.hash;
        Ok(())
    }

    fn put_outgoing(&mut self, outgoing: &Outgoing) -> Result<(), CommitError> {
        if outgoing.id.0 >= self.head.next_notice {
            return Err(invalid("a notice whose number was never given out"));
        }
        Ok(put_outgoing(self.draft, &mut self.head.totals, outgoing)?)
    }

    /// The first complaint that a Message-ID was seen in keeps it.
    fn put_message_ids(&mut self, commit: &Commit) -> Result<(), CommitError> {
        for id in &commit.message_ids {
            let Some(Record { complaint, .. }) = &commit.record else {
                return Err(invalid("Message-IDs without a record"));
            };
            let key = keys::message_id(self.signer, &complaint.mailbox, id);
            if self.draft.get(Table::MessageIds, &key)?.is_none() {
                self.draft.put(Table::MessageIds, &key, keys::number(complaint.id.0).to_vec())?;
            }
        }
        Ok(())
    }

    fn put_taken(&mut self, commit: &Commit, taken: &Taken, entry: Option<u64>) -> Result<(), StoreError> {
        let message_id = taken.message_id.as_deref();
        let hashed = |id| data_encoding::HEXLOWER.encode(&keys::message_id(self.signer, &taken.mailbox, id));
        let record = TakenRecord {
            fate: taken.fate,
            reason: taken.reason.clone(),
            sha256: taken.sha256.clone(),
            message_id: message_id.map(hashed),
            complaint: commit.complaint,
            entry,
            at: commit.at,
        };
        let key = keys::place(&taken.mailbox, &taken.place)?;
        put_place(self.draft, &mut self.head.totals, &key, &record)?;

        let key = keys::seen(self.signer, &taken.mailbox, message_id, &taken.body_sha256);
        // A duplicate keeps pointing at what became of its first.
        if taken.fate != Fate::Duplicate || codec::document(self.draft, Table::Seen, &key)?.is_none() {
            let seen = Seen { fate: taken.fate, complaint: commit.complaint };
            self.draft.put_json(Table::Seen, &key, &seen)?;
        }
        taken.cursor.map_or(Ok(()), |cursor| self.move_cursor(&taken.mailbox, cursor))
    }

    fn move_cursor(&mut self, mailbox: &str, (validity, uid): (u32, u32)) -> Result<(), StoreError> {
        let before: Option<(u32, u32)> = codec::json(self.draft, Table::Cursors, mailbox.as_bytes())?;
        let furthest = before.filter(|(v, _)| *v == validity).map_or(uid, |(_, before)| before.max(uid));
        self.draft.put_json(Table::Cursors, mailbox.as_bytes(), &(validity, furthest))
    }

    fn count(&mut self, key: &CountKey, more: u32) -> Result<(), StoreError> {
        let key = keys::count(self.signer, key);
        let before = self.draft.get(Table::Counts, &key)?.map_or(Ok(0), |value| count_of(&value))?;
        self.draft.put(Table::Counts, &key, before.saturating_add(more).to_be_bytes().to_vec())
    }
}

/// A complaint under its reference; `false` when another has it.
pub(super) fn put_reference<S: Source>(
    draft: &mut Draft<S>,
    reference: &str,
    id: ComplaintId,
) -> Result<bool, StoreError> {
    let key = keys::reference(reference);
    if draft.get(Table::References, &key)?.is_some() {
        return Ok(false);
    }
    draft.put(Table::References, &key, keys::number(id.0).to_vec())?;
    Ok(true)
}

/// A complaint in its table and in those that are made from it.
pub(super) fn put_record<S: Source>(
    draft: &mut Draft<S>,
    totals: &mut Totals,
    before: Option<&Record>,
    record: &Record,
) -> Result<(), StoreError> {
    let id = record.complaint.id;
    if let Some(before) = before {
        totals.remove_complaint(before.complaint.state);
        if let Some(due) = before.due_at {
            draft.remove(Table::Due, &keys::due(due, id));
        }
    }
    totals.add_complaint(record.complaint.state);
    put_open(draft, &record.complaint)?;
    if let Some(due) = record.due_at {
        draft.put(Table::Due, &keys::due(due, id), Vec::new())?;
    }
    draft.put_json(Table::Records, &keys::number(id.0), record)
}

/// Undoes [`put_record`].
pub(super) fn remove_record<S: Source>(
    draft: &mut Draft<S>,
    totals: &mut Totals,
    record: &Record,
) -> Result<(), StoreError> {
    let id = record.complaint.id;
    totals.remove_complaint(record.complaint.state);
    draft.remove(Table::Open, &keys::number(id.0));
    if let Some(due) = record.due_at {
        draft.remove(Table::Due, &keys::due(due, id));
    }
    draft.remove_document(Table::Records, &keys::number(id.0))
}

/// A mail of the outbox in its table and in those that are made from it.
pub(super) fn put_outgoing<S: Source>(
    draft: &mut Draft<S>,
    totals: &mut Totals,
    outgoing: &Outgoing,
) -> Result<(), StoreError> {
    let key = keys::number(outgoing.id.0);
    if let Some(before) = codec::json::<_, Outgoing>(draft, Table::Outbox, &key)? {
        totals.remove_outgoing(before.status);
        if let Some(at) = before.next_at {
            draft.remove(Table::OutboxDue, &keys::outbox_due(&before.mailbox, at, before.id));
        }
    }
    totals.add_outgoing(outgoing.status);
    if let Some(at) = outgoing.next_at {
        let key = keys::outbox_due(&outgoing.mailbox, at, outgoing.id);
        draft.put(Table::OutboxDue, &key, Vec::new())?;
    }
    if outgoing.is_open() {
        draft.put(Table::OutboxOpen, &key, Vec::new())?;
    } else {
        draft.remove(Table::OutboxOpen, &key);
    }
    draft.put_json(Table::Outbox, &key, outgoing)
}

/// What became of a message, in its table and in those that are made from it.
pub(super) fn put_place<S: Source>(
    draft: &mut Draft<S>,
    totals: &mut Totals,
    key: &[u8],
    taken: &TakenRecord,
) -> Result<(), StoreError> {
    if let Some(before) = codec::json::<_, TakenRecord>(draft, Table::Places, key)? {
        totals.remove_letter(before.fate);
    }
    totals.add_letter(taken.fate);
    draft.put_json(Table::Places, key, taken)?;
    put_set_aside(draft, key, taken.fate)
}

/// Complaints that are not closed, or in which a letter waits, stand in an index of their own: few among all there ever
/// were.
pub(super) fn put_open<S: Source>(draft: &mut Draft<S>, complaint: &Complaint) -> Result<(), StoreError> {
    let key = keys::number(complaint.id.0);
    if complaint.is_pending() {
        return draft.put(Table::Open, &key, Vec::new());
    }
    draft.remove(Table::Open, &key);
    Ok(())
}

/// Messages that wait for a person stand in an index of their own: few among all that ever came.
pub(super) fn put_set_aside<S: Source>(
    draft: &mut Draft<S>,
    place: &[u8],
    fate: Fate,
) -> Result<(), StoreError> {
    if fate == Fate::SetAside {
        return draft.put(Table::SetAside, place, Vec::new());
    }
    draft.remove(Table::SetAside, place);
    Ok(())
}

/// The count that a value holds.
pub(super) fn count_of(value: &[u8]) -> Result<u32, StoreError> {
    value.try_into().map(u32::from_be_bytes).map_err(|_| StoreError::damaged("a count is unreadable"))
}

fn invalid(what: &str) -> CommitError {
    CommitError::Store(StoreError::Invalid(what.to_owned()))
}
