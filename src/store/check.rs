//! The store against itself: the chain, the records as the fold of their journals, the indexes, the contents.
//!
//! It goes by number, one complaint or entry at a time, so that it runs beside the daemon's work and in little memory.

use std::collections::BTreeSet;

use super::codec::{self, Source};
use super::commit::{self, Head, Record, Seen, TakenRecord};
use super::journal::{self, Entry};
use super::keys::{self, Table};
use super::read;
use super::recipe::{Page, View};
use super::totals::Totals;
use super::{Store, StoreError};
use crate::domain::complaint::Complaint;
use crate::domain::fact::{ComplaintId, Fact, Fate, LetterNote};
use crate::domain::outgoing::Outgoing;

/// Entries of an index that are read at once.
const PAGE: usize = 256;
/// Faults that are told; a broken disk would otherwise fill memory with words.
const MOST_FAULTS: usize = 1_000;

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// Whether there is no fault.
    pub ok: bool,
    /// Complaints that were looked at.
    pub complaints: u64,
    /// Journal entries that were looked at.
    pub journal: u64,
    /// Raw mails that were read again.
    pub letters: u64,
    /// What is wrong, in words without personal data.
    pub faults: Vec<String>,
    /// Contents that can't be read as they were written.
    #[serde(skip)]
    pub(super) lost: BTreeSet<String>,
    /// Whether anything else is wrong.
    #[serde(skip)]
    pub(super) is_register_wrong: bool,
}

impl Store {
    /// Holds the store against itself. Blocks for long: reads everything.
    ///
    /// # Errors
    /// [`StoreError::Broken`] and [`StoreError::Io`]; damage is a fault in the answer.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        let mut check = Check { store: self, found: Verified::default(), totals: Totals::default() };
        let head = Head::read(&self.view()?);
        if let Some(head) = check.readable("the head of the register", head)? {
            check.all(&head)?;
        }
        check.found.ok = check.found.faults.is_empty();
        Ok(check.found)
    }
}

/// A verification under way.
struct Check<'a> {
    store: &'a Store,
    found: Verified,
    /// Counted afresh.
    totals: Totals,
}

/// The contents that the journal refers to.
#[derive(Default)]
pub(super) struct Contents {
    letters: BTreeSet<String>,
    others: BTreeSet<String>,
}

impl Contents {
    pub(super) fn add(&mut self, fact: &Fact) {
        match fact {
            Fact::Received(received) => {
                self.letter(&received.letter);
                self.others.insert(received.procedure.sha256.clone());
                self.others.insert(received.procedure.text_sha256.clone());
            }
            Fact::LetterJoined { letter, .. } | Fact::LetterKept { letter, .. } => self.letter(letter),
            Fact::NoticeQueued(notice) => {
                self.others.insert(notice.sha256.clone());
            }
            // The others name no content.
            _ => {}
        }
    }

    /// The names of all.
    pub(super) fn all(&self) -> impl Iterator<Item = &String> {
        self.letters.union(&self.others)
    }

    fn letter(&mut self, letter: &LetterNote) {
        self.letters.insert(letter.sha256.clone());
    }
}

impl Check<'_> {
    fn all(&mut self, head: &Head) -> Result<(), StoreError> {
        let contents = self.chain(head)?;
        self.contents(&contents);
        for id in 1..head.next_complaint {
            self.complaint(ComplaintId(id))?;
        }
        for id in 1..head.next_notice {
            self.outgoing(id)?;
        }
        self.index(Table::Due, Check::due)?;
        self.index(Table::Open, |check, view, key, _| check.open(view, key))?;
        self.index(Table::OutboxDue, |check, view, key, _| check.outbox_due(view, key))?;
        self.index(Table::Places, |check, view, key, _| check.place(view, key))?;
        self.index(Table::SetAside, |check, view, key, _| check.set_aside(view, key))?;
        self.index(Table::OutboxOpen, |check, view, key, _| check.outbox_open(view, key))?;
        self.index(Table::References, Check::reference)?;
        self.index(Table::MessageIds, |check, view, _, value| check.message_id(view, value))?;
        self.index(Table::Seen, |check, view, key, _| check.seen(view, key))?;
        self.index(Table::Cursors, |check, view, key, _| check.cursor(view, key))?;
        self.index(Table::Counts, |check, _, _, value| check.count(value))?;
        self.never_given_out()?;
        self.totals(head)
    }

    fn fault(&mut self, words: impl Into<String>) {
        self.found.is_register_wrong = true;
        self.tell(words);
    }

    fn tell(&mut self, words: impl Into<String>) {
        match self.found.faults.len() {
            ..MOST_FAULTS => self.found.faults.push(words.into()),
            MOST_FAULTS => self.found.faults.push(format!("and more than these {MOST_FAULTS} faults")),
            _ => {}
        }
    }

    /// A value, or the fault that it is unreadable. Errors that are no damage end the verification.
    fn readable<T>(&mut self, what: &str, read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(StoreError::Damaged(why)) => {
                self.fault(format!("{what}: {why}"));
                Ok(None)
            }
            Err(StoreError::Newer { .. }) => {
                self.fault(format!("{what} is of a later format"));
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// Walks the chain up to the head; gives the contents that it refers to.
    fn chain(&mut self, head: &Head) -> Result<Contents, StoreError> {
        let mut contents = Contents::default();
        let mut prev = journal::genesis();
        for seq in 1..=head.seq {
            let read = read::entry(&self.store.view()?, seq);
            let Some(entry) = self.readable(&format!("journal entry {seq}"), read)? else { continue };
            let Some(entry) = entry else {
                self.fault(format!("journal entry {seq} is missing"));
                continue;
            };
            self.found.journal += 1;
            for fault in entry.faults(self.store.signer(), seq, &prev) {
                self.fault(fault);
            }
            if let Some(Some(fact)) = self.readable(&format!("journal entry {seq}"), entry.fact())? {
                self.named(&entry, &fact);
                contents.add(&fact);
            }
            prev = entry.hash;
        }
        if prev != head.hash {
            self.fault("the journal does not end at the entry that was written last");
        }
        Ok(contents)
    }

    fn named(&mut self, entry: &Entry, fact: &Fact) {
        if entry.event != fact.name() {
            self.fault(format!("journal entry {} is called {} but tells otherwise", entry.seq, entry.event));
        }
    }

    fn contents(&mut self, contents: &Contents) {
        for name in &contents.letters {
            self.found.letters += u64::from(self.content("raw mail", name));
        }
        for name in contents.others.difference(&contents.letters) {
            self.content("content", name);
        }
    }

    fn content(&mut self, what: &str, name: &str) -> bool {
        let read = self.store.content(name);
        if let Err(error) = &read {
            let why = match error {
                StoreError::Missing(_) => "is missing".to_owned(),
                StoreError::Damaged(_) => "was changed".to_owned(),
                other => other.to_string(),
            };
            self.found.lost.insert(name.to_owned());
            self.tell(format!("the {what} {name} {why}"));
        }
        read.is_ok()
    }

    /// Record, journal and indexes of one complaint at one moment.
    fn complaint(&mut self, id: ComplaintId) -> Result<(), StoreError> {
        let what = format!("complaint {}", id.0);
        let store = self.store;
        let view = store.view()?;
        let Some(record) = self.readable(&what, read::record(&view, id.0))? else { return Ok(()) };
        let Some(entries) = self.readable(&what, read::journal_of(&view, id))? else { return Ok(()) };
        let Some(Record { due_at, complaint }) = record else {
            // A number that was given out for nothing has no journal either.
            if !entries.is_empty() {
                self.fault(format!("{what} has a journal but no record"));
            }
            return Ok(());
        };
        self.found.complaints += 1;
        self.totals.add_complaint(complaint.state);
        self.fold(&what, &complaint, &entries)?;
        if let Some(at) = due_at
            && view.get(Table::Due, &keys::due(at, id))?.is_none()
        {
            self.fault(format!("{what} is due but does not stand in the index of what is due"));
        }
        if complaint.is_pending() && view.get(Table::Open, &keys::number(id.0))?.is_none() {
            self.fault(format!("{what} is open but does not stand in the index of open complaints"));
        }
        let key = keys::reference(&complaint.reference);
        if view.get(Table::References, &key)?.as_deref() != Some(&keys::number(id.0)) {
            self.fault(format!("{what} is not found under its reference"));
        }
        Ok(())
    }

    fn fold(&mut self, what: &str, complaint: &Complaint, entries: &[Entry]) -> Result<(), StoreError> {
        let id = complaint.id;
        let mut facts = Vec::new();
        for entry in entries {
            if entry.complaint != Some(id) {
                self.fault(format!("{what} claims journal entry {} of another", entry.seq));
            }
            match self.readable(what, entry.fact())? {
                Some(Some(fact)) => facts.push((entry.at, fact)),
                // Erased: what is left can't be folded, only counted.
                _ => return Ok(()),
            }
        }
        match Complaint::fold(id, facts.iter().map(|(at, fact)| (*at, fact))) {
            Ok(folded) if folded == *complaint => {}
            Ok(_) => self.fault(format!("the record of {what} is not what its journal makes")),
            Err(misfit) => self.fault(format!("the journal of {what} does not fit: {misfit}")),
        }
        Ok(())
    }

    fn outgoing(&mut self, id: u64) -> Result<(), StoreError> {
        let what = format!("notice {id}");
        let store = self.store;
        let view = store.view()?;
        let Some(Some(outgoing)) = self.readable(&what, read::outgoing(&view, id))? else { return Ok(()) };
        self.totals.add_outgoing(outgoing.status);
        if let Some(at) = outgoing.next_at
            && view.get(Table::OutboxDue, &keys::outbox_due(&outgoing.mailbox, at, outgoing.id))?.is_none()
        {
            self.fault(format!("{what} waits but does not stand in the index of what is due"));
        }
        if outgoing.is_open() != view.get(Table::OutboxOpen, &keys::number(id))?.is_some() {
            self.fault(format!(
                "{what} stands in the index of open notices and should not, or the other way round"
            ));
        }
        drop(view);
        self.content("outgoing mail", &outgoing.sha256);
        Ok(())
    }

    /// Looks at every entry of an index, in pages of one moment each.
    fn index(
        &mut self,
        table: Table,
        look: impl Fn(&mut Self, &View, &[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut after = Vec::new();
        loop {
            let store = self.store;
            let view = store.view()?;
            let page: Page = view.page_after(table, &after, PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after.clone_from(last);
            for (key, value) in &page {
                let looked = look(self, &view, key, value);
                self.readable("an index", looked)?;
            }
        }
    }

    fn due(&mut self, view: &View, key: &[u8], _: &[u8]) -> Result<(), StoreError> {
        let id = keys::number_of(key.get(8..).unwrap_or_default())?;
        let record = self.readable("an index", read::record(view, id))?.flatten();
        let due_at = record.and_then(|record| record.due_at);
        if due_at.is_none_or(|at| keys::due(at, ComplaintId(id)) != key) {
            self.fault(format!("complaint {id} stands in the index of what is due but is not due then"));
        }
        Ok(())
    }

    fn open(&mut self, view: &View, key: &[u8]) -> Result<(), StoreError> {
        let id = keys::number_of(key)?;
        let record = self.readable("an index", read::record(view, id))?.flatten();
        if record.is_none_or(|record| !record.complaint.is_pending()) {
            self.fault(format!("complaint {id} stands in the index of open complaints but is not open"));
        }
        Ok(())
    }

    fn outbox_due(&mut self, view: &View, key: &[u8]) -> Result<(), StoreError> {
        let id = keys::number_of(keys::end_of_due(key).get(8..).unwrap_or_default())?;
        let outgoing: Option<Outgoing> = self.readable("an index", read::outgoing(view, id))?.flatten();
        let fits = outgoing.is_some_and(|outgoing| {
            outgoing.next_at.is_some_and(|at| keys::outbox_due(&outgoing.mailbox, at, outgoing.id) == key)
        });
        if !fits {
            self.fault(format!("notice {id} stands in the index of what is due but does not wait then"));
        }
        Ok(())
    }

    fn place(&mut self, view: &View, key: &[u8]) -> Result<(), StoreError> {
        let Some(key) = codec::document_of(key) else { return Ok(()) };
        let read = codec::json::<_, TakenRecord>(view, Table::Places, key);
        let Some(Some(taken)) = self.readable("the register of messages", read)? else { return Ok(()) };
        self.totals.add_letter(taken.fate);
        if let Some(id) = taken.complaint
            && read::record(view, id.0).is_ok_and(|record| record.is_none())
        {
            self.fault(format!("a message belongs to complaint {}, which is not there", id.0));
        }
        if taken.fate == Fate::SetAside && view.get(Table::SetAside, key)?.is_none() {
            let (mailbox, place) = keys::place_of(key)?;
            self.fault(format!("{place} of {mailbox} is set aside but does not stand in the index of that"));
        }
        Ok(())
    }

    fn set_aside(&mut self, view: &View, key: &[u8]) -> Result<(), StoreError> {
        let (mailbox, place) = keys::place_of(key)?;
        let read = codec::json::<_, TakenRecord>(view, Table::Places, key);
        let taken = self.readable("the register of messages", read)?.flatten();
        if taken.is_none_or(|taken| taken.fate != Fate::SetAside) {
            self.fault(format!("{place} of {mailbox} stands in the index of what is set aside but is not"));
        }
        Ok(())
    }

    fn outbox_open(&mut self, view: &View, key: &[u8]) -> Result<(), StoreError> {
        let id = keys::number_of(key)?;
        // One that is there and not open was told of where the notices were looked at.
        if view.get(Table::Outbox, &codec::first_piece(key))?.is_none() {
            self.fault(format!("notice {id} stands in the index of open notices but is not there"));
        }
        Ok(())
    }

    fn reference(&mut self, view: &View, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let id = keys::number_of(value)?;
        let record = self.readable("an index", read::record(view, id))?.flatten();
        if record.is_none_or(|record| keys::reference(&record.complaint.reference) != key) {
            let reference = String::from_utf8_lossy(key);
            self.fault(format!(
                "the reference {reference} leads to complaint {id}, which has another or is not there"
            ));
        }
        Ok(())
    }

    fn message_id(&mut self, view: &View, value: &[u8]) -> Result<(), StoreError> {
        self.belongs(view, "a Message-ID leads", ComplaintId(keys::number_of(value)?))
    }

    fn seen(&mut self, view: &View, key: &[u8]) -> Result<(), StoreError> {
        let Some(key) = codec::document_of(key) else { return Ok(()) };
        let seen: Option<Seen> = codec::json(view, Table::Seen, key)?;
        seen.and_then(|seen| seen.complaint)
            .map_or(Ok(()), |id| self.belongs(view, "a known letter belongs", id))
    }

    fn belongs(&mut self, view: &View, what: &str, id: ComplaintId) -> Result<(), StoreError> {
        if view.get(Table::Records, &codec::first_piece(&keys::number(id.0)))?.is_none() {
            self.fault(format!("{what} to complaint {}, which is not there", id.0));
        }
        Ok(())
    }

    fn cursor(&mut self, view: &View, key: &[u8]) -> Result<(), StoreError> {
        let Some(mailbox) = codec::document_of(key) else { return Ok(()) };
        let read = codec::json::<_, (u32, u32)>(view, Table::Cursors, mailbox);
        let what = format!("how far mailbox {} was read", String::from_utf8_lossy(mailbox));
        self.readable(&what, read).map(drop)
    }

    fn count(&mut self, value: &[u8]) -> Result<(), StoreError> {
        self.readable("what limits on automatic mail count", commit::count_of(value)).map(drop)
    }

    /// What stands beyond the next numbers was looked at by nobody here, and would be written over.
    fn never_given_out(&mut self) -> Result<(), StoreError> {
        let store = self.store;
        let view = store.view()?;
        let head = Head::read(&view)?;
        for (table, what, next) in [
            (Table::Journal, "journal entry", head.seq + 1),
            (Table::JournalOf, "the journal of complaint", head.next_complaint),
            (Table::Records, "complaint", head.next_complaint),
            (Table::Outbox, "notice", head.next_notice),
        ] {
            for (key, _) in view.page(table, keys::number(next).to_vec().., 1)? {
                let found = keys::number_of(&key)?;
                self.fault(format!("{what} {found} is there, but that number was never given out"));
            }
        }
        Ok(())
    }

    /// The kept totals against those counted here, unless something was committed meanwhile.
    fn totals(&mut self, head: &Head) -> Result<(), StoreError> {
        let now = Head::read(&self.store.view()?)?;
        if now.transactions == head.transactions && now.totals != self.totals {
            self.fault("the totals are not what there is");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_up_to_a_thousand_and_that_there_are_more() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let mut check = Check { store: &store, found: Verified::default(), totals: Totals::default() };
        for n in 0..3_000 {
            check.fault(format!("fault {n}"));
        }
        let faults = check.found.faults;
        assert_eq!((faults.len(), faults[999].as_str()), (1_001, "fault 999"));
        assert_eq!(faults[1_000], "and more than these 1000 faults");
    }
}
