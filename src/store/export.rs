//! Everything that can't be derived, line by line, in little memory: see `lines`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use data_encoding::{BASE64, HEXLOWER};
use jiff::Timestamp;

use super::check::Contents;
use super::codec::{self, Source};
use super::commit::{self, Head, Record, Seen, TakenRecord};
use super::journal;
use super::keys::{self, Table};
use super::lines::{Hex, Line, VERSION};
use super::recipe::View;
use super::{Store, StoreError, files, letters, read};
use crate::domain::fact::{ComplaintId, Fact};

/// Entries of an index that are read at once.
const PAGE: usize = 256;

/// Why an export ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store can't go on. Damage of single things is told instead.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Where it goes can't be written.
    #[error("the export can't be written: {0}")]
    Output(#[from] io::Error),
}

impl Store {
    /// Writes everything that can't be derived as JSON lines. Nothing may be committed meanwhile: it is for a store
    /// that was opened for this, or for a copy. Blocks for long. Damage is told in words, without personal data, and
    /// the rest is exported; gives how often that was.
    ///
    /// # Errors
    /// [`ExportError`]; what was written then lacks its last line.
    pub fn export(
        &self,
        at: Timestamp,
        with_contents: bool,
        to: &mut dyn Write,
        tell: &mut dyn FnMut(String),
    ) -> Result<u64, ExportError> {
        let head = Head::read(&self.view()?)?;
        let mut export = Export { store: self, with_contents, to, tell, told: 0, lines: BTreeMap::new() };
        export.all(&head, at)?;
        Ok(export.told)
    }
}

/// An export under way.
struct Export<'a> {
    store: &'a Store,
    with_contents: bool,
    to: &'a mut dyn Write,
    tell: &'a mut dyn FnMut(String),
    told: u64,
    /// How many were written, by kind.
    lines: BTreeMap<String, u64>,
}

impl Export<'_> {
    fn all(&mut self, head: &Head, at: Timestamp) -> Result<(), ExportError> {
        self.line(&Line::Klachtd { v: VERSION, at })?;
        let secret = files::read(&self.store.inner.dir.join("secret"))?;
        let secret = secret.ok_or_else(|| StoreError::damaged("the file secret is missing"))?;
        self.line(&Line::Secret { hex: HEXLOWER.encode(&secret) })?;
        if self.with_contents {
            self.contents()?;
        }
        self.journal(head)?;
        for id in 1..head.next_notice {
            self.outgoing(id)?;
        }
        self.table(Table::Places, Export::place)?;
        self.table(Table::Seen, |_, view, key| seen(view, key))?;
        self.table(Table::MessageIds, |_, view, key| message_id(view, key))?;
        self.table(Table::Cursors, |_, view, key| cursor(view, key))?;
        self.table(Table::Counts, |_, view, key| count(view, key))?;
        self.line(&Line::Numbers {
            next_complaint: head.next_complaint,
            next_notice: head.next_notice,
            next_references: head.next_references.iter().map(|(year, n)| (year.to_string(), *n)).collect(),
        })?;
        let lines = self.lines.clone();
        self.line(&Line::End { lines, hash: head.hash.clone() })?;
        Ok(self.to.flush()?)
    }

    fn line(&mut self, line: &Line) -> Result<(), ExportError> {
        let mut text = serde_json::to_vec(line)
            .map_err(|e| StoreError::Invalid(format!("a value that can't be written as JSON: {e}")))?;
        text.push(b'\n');
        self.to.write_all(&text)?;
        *self.lines.entry(line.kind().to_owned()).or_default() += 1;
        Ok(())
    }

    fn tell(&mut self, words: String) {
        self.told += 1;
        (self.tell)(words);
    }

    /// A value, or `None` and a word about it when it is damaged. Errors that are no damage end the export.
    fn readable<T>(&mut self, what: &str, read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_of_one() || matches!(error, StoreError::Newer { .. }) => {
                self.tell(format!("{what} is left out: {}", error.in_short()));
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    fn contents(&mut self) -> Result<(), ExportError> {
        for shelf in letters::SHELVES.chars() {
            for name in self.store.inner.letters.names(shelf)? {
                let read = self.store.content(&name);
                if let Some(bytes) = self.readable(&format!("the content {name}"), read)? {
                    self.line(&Line::Content { base64: BASE64.encode(&bytes), sha256: name })?;
                }
            }
        }
        Ok(())
    }

    /// The entries, and the records of the complaints that they don't make any more.
    fn journal(&mut self, head: &Head) -> Result<(), ExportError> {
        let mut incomplete = BTreeSet::new();
        let mut lost = BTreeSet::new();
        let mut prev = Some(journal::genesis());
        for seq in 1..=head.seq {
            let read = read::entry(&self.store.view()?, seq);
            let read = read.and_then(|entry| entry.ok_or_else(|| StoreError::damaged("it is missing")));
            let entry = match read {
                Ok(entry) => entry,
                Err(error) if error.is_of_one() || matches!(error, StoreError::Newer { .. }) => {
                    self.tell(format!("journal entry {seq} is lost: {}", error.in_short()));
                    self.line(&Line::Lost { seq, why: error.in_short() })?;
                    lost.insert(seq);
                    prev = None;
                    continue;
                }
                Err(other) => return Err(other.into()),
            };
            for fault in entry.faults(self.store.signer(), seq, prev.as_ref().unwrap_or(&entry.prev)) {
                self.tell(fault);
            }
            prev = Some(entry.hash.clone());
            match entry.fact() {
                Ok(Some(fact)) => self.look_for_contents(&fact)?,
                Ok(None) => incomplete.extend(entry.complaint),
                Err(error) => {
                    self.tell(error.in_short());
                    incomplete.extend(entry.complaint);
                }
            }
            let payload = entry.payload.clone();
            self.line(&Line::Entry { entry, payload })?;
        }
        self.complaints_of(&lost, &mut incomplete)?;
        for id in incomplete {
            let read = read::record(&self.store.view()?, id.0);
            let what = format!("the record of complaint {}", id.0);
            if let Some(Some(Record { complaint, .. })) = self.readable(&what, read)? {
                self.line(&Line::Record { record: Box::new(Record { due_at: None, complaint }) })?;
            }
        }
        Ok(())
    }

    /// Finds the complaints to which lost entries belonged.
    fn complaints_of(
        &mut self,
        lost: &BTreeSet<u64>,
        found: &mut BTreeSet<ComplaintId>,
    ) -> Result<(), ExportError> {
        if lost.is_empty() {
            return Ok(());
        }
        self.table(Table::JournalOf, |_, _, key| {
            if lost.contains(&keys::number_of(key.get(8..).unwrap_or_default())?) {
                found.insert(ComplaintId(keys::number_of(key)?));
            }
            Ok(None)
        })
    }

    fn look_for_contents(&mut self, fact: &Fact) -> Result<(), StoreError> {
        if !self.with_contents {
            return Ok(());
        }
        let mut contents = Contents::default();
        contents.add(fact);
        for name in contents.all() {
            if !self.store.inner.letters.has(name)? {
                self.tell(format!("the content {name} is missing"));
            }
        }
        Ok(())
    }

    fn outgoing(&mut self, id: u64) -> Result<(), ExportError> {
        let read = read::outgoing(&self.store.view()?, id);
        if let Some(Some(outgoing)) = self.readable(&format!("notice {id}"), read)? {
            self.line(&Line::Outgoing { outgoing: Box::new(outgoing) })?;
        }
        Ok(())
    }

    /// One line for each key of a table for which there is one. Values are read by their key, one by one: a range
    /// that sled reads stays in memory until its pages have been asked for often.
    fn table(
        &mut self,
        table: Table,
        mut look: impl FnMut(&mut Self, &View, &[u8]) -> Result<Option<Line>, StoreError>,
    ) -> Result<(), ExportError> {
        let mut after = Vec::new();
        loop {
            let store = self.store;
            let view = store.view()?;
            let page = view.page_after(table, &after, PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after.clone_from(last);
            for (key, _) in &page {
                let read = look(self, &view, key);
                if let Some(Some(line)) = self.readable("an entry of an index", read)? {
                    self.line(&line)?;
                }
            }
        }
    }

    fn place(&mut self, view: &View, key: &[u8]) -> Result<Option<Line>, StoreError> {
        let Some(key) = codec::document_of(key) else { return Ok(None) };
        let (mailbox, place) = keys::place_of(key)?;
        let read = codec::json::<_, TakenRecord>(view, Table::Places, key);
        let taken = self.readable(&format!("what became of {place} in mailbox {mailbox}"), read)?.flatten();
        Ok(taken.map(|taken| Line::Place { mailbox, place, taken }))
    }
}

fn seen(view: &View, key: &[u8]) -> Result<Option<Line>, StoreError> {
    let Some(key) = codec::document_of(key) else { return Ok(None) };
    let seen = codec::json::<_, Seen>(view, Table::Seen, key)?;
    Ok(seen.map(|seen| Line::Seen { key: Hex(key.to_vec()), seen }))
}

fn message_id(view: &View, key: &[u8]) -> Result<Option<Line>, StoreError> {
    let value = view.get(Table::MessageIds, key)?.unwrap_or_default();
    let complaint = ComplaintId(keys::number_of(&value)?);
    Ok(Some(Line::MessageId { key: Hex(key.to_vec()), complaint }))
}

fn cursor(view: &View, key: &[u8]) -> Result<Option<Line>, StoreError> {
    let Some(key) = codec::document_of(key) else { return Ok(None) };
    let cursor = codec::json::<_, (u32, u32)>(view, Table::Cursors, key)?;
    let mailbox = String::from_utf8_lossy(key).into_owned();
    Ok(cursor.map(|(validity, uid)| Line::Cursor { mailbox, validity, uid }))
}

fn count(view: &View, key: &[u8]) -> Result<Option<Line>, StoreError> {
    let value = view.get(Table::Counts, key)?.unwrap_or_default();
    Ok(Some(Line::Count { key: Hex(key.to_vec()), count: commit::count_of(&value)? }))
}
