//! What can be read. Every answer is of one moment; it may have passed when it is used, which a commit finds out.
//!
//! Nothing here waits for the disk for longer than a page takes, so it may be called from any task.

use std::collections::HashSet;
use std::ops::Bound;

use jiff::Timestamp;

use super::codec::{self, Source};
use super::commit::{self, Head, Record, Seen, TakenRecord};
use super::journal::Entry;
use super::keys::{self, CountKey, Table};
use super::letters::{self, Room};
use super::recipe::{Page, View};
use super::totals::Totals;
use super::{Store, StoreError};
use crate::domain::complaint::Complaint;
use crate::domain::fact::{ComplaintId, NoticeId};
use crate::domain::outgoing::Outgoing;

/// The numbers that come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Of a complaint.
    pub next_complaint: u64,
    /// Of a notice.
    pub next_notice: u64,
    /// Of a reference in the year that was asked.
    pub next_reference: u32,
}

/// A message of a mailbox and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The mailbox's name.
    pub mailbox: String,
    /// Where it stood there.
    pub place: String,
    /// What became of it.
    pub taken: TakenRecord,
}

/// A complaint, or why this one can't be read.
pub type Looked = (ComplaintId, Result<Complaint, StoreError>);

impl Store {
    /// The numbers that come next.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn numbers(&self, year: i16) -> Result<Numbers, StoreError> {
        Ok(Head::read(&self.view()?)?.numbers(year))
    }

    /// How many there are of what.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn totals(&self) -> Result<Totals, StoreError> {
        Ok(Head::read(&self.view()?)?.totals)
    }

    /// One complaint.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn complaint(&self, id: ComplaintId) -> Result<Option<Complaint>, StoreError> {
        Ok(record(&self.view()?, id.0)?.map(|record| record.complaint))
    }

    /// The complaint with this reference, in any case.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn by_reference(&self, reference: &str) -> Result<Option<ComplaintId>, StoreError> {
        complaint_under(&self.view()?, Table::References, &keys::reference(reference))
    }

    /// The complaint that has a letter with this Message-ID in this mailbox.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn by_message_id(&self, mailbox: &str, message_id: &str) -> Result<Option<ComplaintId>, StoreError> {
        let key = keys::message_id(self.signer(), mailbox, message_id);
        complaint_under(&self.view()?, Table::MessageIds, &key)
    }

    /// What became of this letter when it came before.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn seen(
        &self,
        mailbox: &str,
        message_id: Option<&str>,
        body_sha256: &str,
    ) -> Result<Option<Seen>, StoreError> {
        let key = keys::seen(self.signer(), mailbox, message_id, body_sha256);
        codec::json(&self.view()?, Table::Seen, &key)
    }

    /// What became of the message at a place.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn place(&self, mailbox: &str, place: &str) -> Result<Option<TakenRecord>, StoreError> {
        codec::json(&self.view()?, Table::Places, &keys::place(mailbox, place)?)
    }

    /// Messages in the order of mailbox and place, after `after` (mailbox, place).
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn places_page(&self, after: Option<(&str, &str)>, limit: usize) -> Result<Vec<Place>, StoreError> {
        let start = match after {
            Some((mailbox, place)) => codec::after_first_piece(&keys::place(mailbox, place)?),
            None => Vec::new(),
        };
        let view = self.view()?;
        let mut places = Vec::new();
        let mut from = Bound::Included(start);
        while places.len() < limit {
            let page = view.page(Table::Places, (from, Bound::Unbounded), limit)?;
            let Some((last, _)) = page.last() else { break };
            from = Bound::Excluded(last.clone());
            for key in page.iter().filter_map(|(key, _)| codec::document_of(key)) {
                let (mailbox, place) = keys::place_of(key)?;
                let taken = required(codec::json(&view, Table::Places, key)?)?;
                places.push(Place { mailbox, place, taken });
            }
        }
        places.truncate(limit);
        Ok(places)
    }

    /// Every message that is set aside, by mailbox and place. What was handled costs nothing here.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_aside(&self) -> Result<Vec<Place>, StoreError> {
        let view = self.view()?;
        let page = view.page(Table::SetAside, .., usize::MAX)?;
        let found = page.iter().map(|(key, _)| {
            let (mailbox, place) = keys::place_of(key)?;
            let taken = required(codec::json(&view, Table::Places, key)?)?;
            Ok(Place { mailbox, place, taken })
        });
        found.collect()
    }

    /// UIDVALIDITY and UID up to which a mailbox was read.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn cursor(&self, mailbox: &str) -> Result<Option<(u32, u32)>, StoreError> {
        codec::json(&self.view()?, Table::Cursors, mailbox.as_bytes())
    }

    /// One mail of the outbox.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn outgoing(&self, id: NoticeId) -> Result<Option<Outgoing>, StoreError> {
        outgoing(&self.view()?, id.0)
    }

    /// Mails of one mailbox that are due at `until`, the longest due first, then by number.
    ///
    /// # Errors
    /// See [`Store`].
    pub fn outbox_due(
        &self,
        mailbox: &str,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Outgoing>, StoreError> {
        let view = self.view()?;
        let start = keys::outbox_of(mailbox);
        let end = [&start[..], &keys::pair(keys::until_moment(until), u64::MAX)].concat();
        let page = view.page(Table::OutboxDue, start..=end, limit)?;
        numbers(&page)?.into_iter().map(|id| required(outgoing(&view, id)?)).collect()
    }

    /// When the next mail of one mailbox is due, besides some.
    ///
    /// # Errors
    /// See [`Store`].
    pub fn next_outbox_due(
        &self,
        mailbox: &str,
        besides: &HashSet<NoticeId>,
    ) -> Result<Option<Timestamp>, StoreError> {
        let start = keys::outbox_of(mailbox);
        let end = [&start[..], &[u8::MAX; 16]].concat();
        let page = self.view()?.page(Table::OutboxDue, start..=end, besides.len() + 1)?;
        first_moment(&page, |id| besides.contains(&NoticeId(id)))
    }

    /// Every mail that waits, or ended badly and was not given up, by number.
    ///
    /// # Errors
    /// See [`Store`].
    pub fn outbox_open(&self) -> Result<Vec<Outgoing>, StoreError> {
        self.outbox_open_first(usize::MAX)
    }

    /// The same of those that were made first, at most `limit`.
    ///
    /// # Errors
    /// See [`Store`].
    pub fn outbox_open_first(&self, limit: usize) -> Result<Vec<Outgoing>, StoreError> {
        let view = self.view()?;
        let page = view.page(Table::OutboxOpen, .., limit)?;
        page.iter().map(|(key, _)| required(outgoing(&view, keys::number_of(key)?)?)).collect()
    }

    /// Mails of the outbox by number, those that ended too, after `after`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn outbox_page(&self, after: Option<NoticeId>, limit: usize) -> Result<Vec<Outgoing>, StoreError> {
        let view = self.view()?;
        let end = Head::read(&view)?.next_notice;
        collect_numbers(after.map_or(1, |id| id.0.saturating_add(1))..end, limit, |id| outgoing(&view, id))
    }

    /// Complaints for which something is due at `until`, the longest due first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn complaints_due(&self, until: Timestamp, limit: usize) -> Result<Vec<ComplaintId>, StoreError> {
        let end = keys::pair(keys::until_moment(until), u64::MAX).to_vec();
        let page = self.view()?.page(Table::Due, ..=end, limit)?;
        Ok(numbers(&page)?.into_iter().map(ComplaintId).collect())
    }

    /// When something is due next for a complaint, besides some.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn next_due(&self, besides: &HashSet<ComplaintId>) -> Result<Option<Timestamp>, StoreError> {
        let page = self.view()?.page(Table::Due, .., besides.len() + 1)?;
        first_moment(&page, |id| besides.contains(&ComplaintId(id)))
    }

    /// Complaints by number, after `after`. One that can't be read hides no other.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn complaints_page(
        &self,
        after: Option<ComplaintId>,
        limit: usize,
    ) -> Result<Vec<Looked>, StoreError> {
        let view = self.view()?;
        let end = Head::read(&view)?.next_complaint;
        let start = after.map_or(1, |id| id.0.saturating_add(1));
        collect_numbers(start..end, limit, |id| {
            Ok(alone(record(&view, id))?.transpose().map(|record| looked(id, record)))
        })
    }

    /// Complaints that are not closed, by number, after `after`. What was closed costs nothing here, and one that can't
    /// be read hides no other.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open_complaints_page(
        &self,
        after: Option<ComplaintId>,
        limit: usize,
    ) -> Result<Vec<Looked>, StoreError> {
        let view = self.view()?;
        let after = Bound::Excluded(keys::number(after.map_or(0, |id| id.0)).to_vec());
        let page = view.page(Table::Open, (after, Bound::Unbounded), limit)?;
        let complaints = page.iter().map(|(key, _)| {
            let id = keys::number_of(key)?;
            Ok(looked(id, alone(record(&view, id).and_then(required))?))
        });
        complaints.collect()
    }

    /// The mailbox of each complaint that is not closed; what can't be read is left out.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn mailboxes_of_open_complaints(&self) -> Result<Vec<String>, StoreError> {
        let view = self.view()?;
        let page = view.page(Table::Open, .., usize::MAX)?;
        let ids = page.iter().filter_map(|(key, _)| keys::number_of(key).ok());
        Ok(ids.filter_map(|id| Some(record(&view, id).ok()??.complaint.mailbox)).collect())
    }

    /// The journal of one complaint.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn journal(&self, id: ComplaintId) -> Result<Vec<Entry>, StoreError> {
        journal_of(&self.view()?, id)
    }

    /// Entries of the whole journal after the number `after`; 0 starts at the beginning.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn journal_page(&self, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let view = self.view()?;
        let end = Head::read(&view)?.seq;
        let numbers = (after.saturating_add(1)..=end).take(limit);
        numbers.map(|seq| required(entry(&view, seq)?)).collect()
    }

    /// How many were counted.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn count(&self, key: &CountKey) -> Result<u32, StoreError> {
        let value = self.view()?.get(Table::Counts, &keys::count(self.signer(), key))?;
        value.map_or(Ok(0), |value| commit::count_of(&value))
    }

    /// The content with this SHA-256 (hex), its hash verified. Reads a file.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when it is not there, [`StoreError::Damaged`] when it was changed,
    /// [`StoreError::Unreadable`] when its file can't be read.
    pub fn content(&self, sha256: &str) -> Result<Vec<u8>, StoreError> {
        self.inner.letters.content(sha256)
    }

    /// Whether the content with this SHA-256 (hex) is there. Looks at a file, does not read it.
    ///
    /// # Errors
    /// [`StoreError::Io`]; [`StoreError::Invalid`] when it is no SHA-256.
    pub fn has_content(&self, sha256: &str) -> Result<bool, StoreError> {
        self.inner.letters.has(sha256)
    }

    /// Free space on the disk of the store.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn room(&self) -> Result<Room, StoreError> {
        Ok(self.inner.faults.room(letters::room(&self.inner.dir)?))
    }

    pub(super) fn view(&self) -> Result<View<'_>, StoreError> {
        self.inner.engine.view()
    }
}

/// The record of a complaint.
pub(super) fn record(view: &View, id: u64) -> Result<Option<Record>, StoreError> {
    codec::json(view, Table::Records, &keys::number(id))
}

/// A mail of the outbox.
pub(super) fn outgoing(view: &View, id: u64) -> Result<Option<Outgoing>, StoreError> {
    codec::json(view, Table::Outbox, &keys::number(id))
}

/// An entry of the journal.
pub(super) fn entry(view: &View, seq: u64) -> Result<Option<Entry>, StoreError> {
    let bytes = codec::document(view, Table::Journal, &keys::number(seq))?;
    bytes.map(|bytes| Entry::from_bytes(&bytes)).transpose()
}

/// The journal of one complaint.
pub(super) fn journal_of(view: &View, id: ComplaintId) -> Result<Vec<Entry>, StoreError> {
    let range =
        keys::pair(keys::number(id.0), 0).to_vec()..=keys::pair(keys::number(id.0), u64::MAX).to_vec();
    let index = view.page(Table::JournalOf, range, usize::MAX)?;
    index.iter().map(|(key, _)| required(entry(view, keys::number_of(&key[8..])?)?)).collect()
}

/// The numbers at the end of due keys.
fn numbers(page: &Page) -> Result<Vec<u64>, StoreError> {
    page.iter().map(|(key, _)| keys::number_of(keys::end_of_due(key).get(8..).unwrap_or_default())).collect()
}

/// The first moment of a page of due keys whose number is not left out.
fn first_moment(page: &Page, left_out: impl Fn(u64) -> bool) -> Result<Option<Timestamp>, StoreError> {
    for (key, _) in page {
        let due = keys::end_of_due(key);
        if !left_out(keys::number_of(due.get(8..).unwrap_or_default())?) {
            return keys::moment_of(due).map(Some);
        }
    }
    Ok(None)
}

fn complaint_under(view: &View, table: Table, key: &[u8]) -> Result<Option<ComplaintId>, StoreError> {
    view.get(table, key)?.map(|value| keys::number_of(&value).map(ComplaintId)).transpose()
}

/// Things by number: point reads, because a range over large values would stay in memory.
fn collect_numbers<T>(
    numbers: std::ops::Range<u64>,
    limit: usize,
    read: impl Fn(u64) -> Result<Option<T>, StoreError>,
) -> Result<Vec<T>, StoreError> {
    numbers.filter_map(|number| read(number).transpose()).take(limit).collect()
}

fn looked(id: u64, record: Result<Record, StoreError>) -> Looked {
    (ComplaintId(id), record.map(|record| record.complaint))
}

/// What was read, or why this one thing can't be; another error is the end of all reading.
fn alone<T>(read: Result<T, StoreError>) -> Result<Result<T, StoreError>, StoreError> {
    match read {
        Err(error) if !error.is_of_one() => Err(error),
        read => Ok(read),
    }
}

/// What an index names must be there.
fn required<T>(found: Option<T>) -> Result<T, StoreError> {
    found.ok_or_else(|| StoreError::damaged("an index names what is not there"))
}
