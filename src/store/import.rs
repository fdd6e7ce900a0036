//! Builds a register from an export: journal entries are verified and folded as they come, indexes made anew.
//!
//! It is built beside the place where it goes and renamed at the end, so that what was begun and not ended harms nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use data_encoding::{BASE64, HEXLOWER};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::check::Contents;
use super::codec::{self, Draft};
use super::commit::{self, Head, Record, TakenRecord};
use super::journal::{self, Entry};
use super::keys::{self, Table};
use super::letters::{self, Letters};
use super::lines::{Line, VERSION};
use super::recipe::Engine;
use super::target::{Present, Target};
use super::{StoreError, files};
use crate::domain::complaint::Complaint;
use crate::domain::fact::{ComplaintId, Fact};
use crate::domain::outgoing::Outgoing;
use crate::domain::signing::Signer;

/// Longest line, in bytes: the largest mail in base64, and room for the rest.
const LONGEST_LINE: u64 = 256 << 20;
/// Bytes of lines that share a transaction.
const AT_ONCE: usize = 2 << 20;
/// Missing contents that are told once only; of what comes after them some may be told again.
const MOST_MISSING: usize = 10_000;

/// How to import.
#[derive(Debug, Clone, Copy)]
pub struct Import {
    /// Set aside what stands there.
    pub replace: bool,
    /// Leave a gap in all numbers, because the export is older than the register that was lost.
    pub stale: bool,
    /// The present time: pending complaints are looked at anew from then on.
    pub now: Timestamp,
}

/// What an import made.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Imported {
    /// Complaints.
    pub complaints: u64,
    /// Journal entries.
    pub journal: u64,
    /// What is missing: contents, lost entries, complaints that can't be made.
    pub missing: u64,
    /// Whether the register that stood there had given out more numbers: the next ones follow those.
    pub is_behind: bool,
    /// Where the register is that stood there before.
    pub set_aside: Option<PathBuf>,
}

/// Why nothing was imported. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A line does not fit.
    #[error("line {line}: {why}")]
    Line {
        /// Which, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The last line is missing.
    #[error("the export ends after line {0} without its last line (kind \"end\"): it was cut off")]
    CutOff(u64),
    /// Something stands there.
    #[error("{} holds {what}; --replace sets it aside (it is not deleted)", .dir.display())]
    Occupied {
        /// The data directory.
        dir: PathBuf,
        /// What.
        what: String,
    },
    /// The export can't be read.
    #[error("the export can't be read: {0}")]
    Input(#[from] io::Error),
    /// The store can't.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Import {
    /// Builds a register in the data directory `dir` from the lines of an export. Blocks for long. What is missing is
    /// told in words, and the register is built all the same.
    ///
    /// # Errors
    /// [`ImportError`]: then nothing was changed.
    pub fn run(
        self,
        dir: &Path,
        from: &mut dyn BufRead,
        tell: &mut dyn FnMut(String),
    ) -> Result<Imported, ImportError> {
        let target = Target::take(dir)?;
        let occupied = |what| ImportError::Occupied { dir: target.dir.clone(), what };
        let (why, present) = match target.present()? {
            Present::Nothing => ("empty", None),
            Present::Damaged(why) if !self.replace => {
                return Err(occupied(format!("a damaged register ({why})")));
            }
            Present::Damaged(_) => ("damaged", None),
            Present::Register(head) if !self.replace => {
                let n = head.totals.all_complaints();
                return Err(occupied(format!("a register with {n} complaints")));
            }
            Present::Register(head) => ("before-import", Some(head)),
        };
        let made = target.dir.join("db.import-tmp");
        let built = files::remove_folder(&made)
            .map_err(ImportError::from)
            .and_then(|()| self.build(&made, present.as_ref(), from, tell));
        let placed = built.and_then(|(secret, imported)| {
            let set_aside = target.settle(&made, &secret, why, self.now)?;
            Ok(Imported { set_aside, ..imported })
        });
        if placed.is_err() {
            target.give_up(&made);
        }
        placed
    }

    fn build(
        self,
        made: &Path,
        present: Option<&Head>,
        from: &mut dyn BufRead,
        tell: &mut dyn FnMut(String),
    ) -> Result<([u8; 32], Imported), ImportError> {
        let engine = Engine::open(made)?;
        let letters = Letters::open(made.with_file_name("blob"))?;
        let mut building = Building::new(self, &engine, &letters, tell)?;
        building.read(from)?;
        let built = building.finish(present)?;
        engine.close()?;
        Ok(built)
    }
}

/// What is wrong: with the line, or with the disk.
enum Fault {
    Line(String),
    Store(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        if error.is_of_one() { Self::Line(error.in_short()) } else { Self::Store(error) }
    }
}

fn wrong<T>(words: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Line(words.into()))
}

/// A complaint whose entries are coming in: as it is stored, and as it is now.
struct Folding {
    stored: Option<Record>,
    complaint: Option<Complaint>,
}

/// A register under construction.
struct Building<'a> {
    how: Import,
    engine: &'a Engine,
    letters: &'a Letters,
    tell: &'a mut dyn FnMut(String),
    draft: Draft<'a, Engine>,
    /// Bytes of lines in the draft.
    weight: usize,
    /// The complaints of the draft, stored once for all their entries in it.
    folding: HashMap<ComplaintId, Folding>,
    signer: Option<([u8; 32], Signer)>,
    head: Head,
    /// The hash of the entry before; `None` when that one is lost.
    prev: Option<String>,
    /// Complaints that their journals don't make, until their records come.
    incomplete: BTreeSet<ComplaintId>,
    has_losses: bool,
    /// Contents that were told of as missing.
    missing: BTreeSet<String>,
    told: u64,
    /// Lines so far, by kind.
    lines: BTreeMap<String, u64>,
    highest_complaint: u64,
    highest_notice: u64,
    ended: bool,
}

impl<'a> Building<'a> {
    fn new(
        how: Import,
        engine: &'a Engine,
        letters: &'a Letters,
        tell: &'a mut dyn FnMut(String),
    ) -> Result<Self, StoreError> {
        Ok(Self {
            how,
            engine,
            letters,
            tell,
            draft: Draft::over(engine),
            weight: 0,
            folding: HashMap::new(),
            signer: None,
            head: Head::read(engine)?,
            prev: Some(journal::genesis()),
            incomplete: BTreeSet::new(),
            has_losses: false,
            missing: BTreeSet::new(),
            told: 0,
            lines: BTreeMap::new(),
            highest_complaint: 0,
            highest_notice: 0,
            ended: false,
        })
    }

    fn read(&mut self, from: &mut dyn BufRead) -> Result<(), ImportError> {
        let mut bytes = Vec::new();
        for line in 1.. {
            bytes.clear();
            bytes.shrink_to(1 << 20);
            if from.take(LONGEST_LINE).read_until(b'\n', &mut bytes)? == 0 {
                return if self.ended { Ok(()) } else { Err(ImportError::CutOff(line - 1)) };
            }
            self.take(&bytes).map_err(|fault| match fault {
                Fault::Line(_) if bytes.len() as u64 == LONGEST_LINE => {
                    ImportError::Line { line, why: format!("longer than {} MB", LONGEST_LINE >> 20) }
                }
                // Half a line at the end is no line that does not fit.
                Fault::Line(_) if !bytes.ends_with(b"\n") => ImportError::CutOff(line - 1),
                Fault::Line(why) => ImportError::Line { line, why },
                Fault::Store(error) => error.into(),
            })?;
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let line: Line = match serde_json::from_slice(bytes) {
            Ok(line) => line,
            Err(e) => return wrong(format!("it is no line of an export: {e}")),
        };
        let kind = line.kind();
        let is_first = self.lines.is_empty();
        if is_first != matches!(line, Line::Klachtd { .. }) {
            return wrong("an export begins with one line of the kind \"klachtd\"");
        }
        if self.ended {
            return wrong("it stands after the last line");
        }
        if !matches!(line, Line::Content { .. }) {
            self.weight += bytes.len();
        }
        self.put(line)?;
        *self.lines.entry(kind.to_owned()).or_default() += 1;
        if self.weight >= AT_ONCE {
            self.apply()?;
        }
        Ok(())
    }

    fn put(&mut self, line: Line) -> Result<(), Fault> {
        match line {
            Line::Klachtd { v, .. } if v > VERSION => {
                wrong(format!("the export has version {v}, this klachtd knows up to {VERSION}"))
            }
            Line::Klachtd { .. } => Ok(()),
            Line::Secret { hex } => self.secret(&hex),
            Line::Content { sha256, base64 } => self.content(&sha256, &base64),
            Line::Entry { entry, payload } => self.entry(&Entry { payload, ..entry }),
            Line::Lost { seq, why } => self.lost(seq, &why),
            Line::Record { record } => self.record(*record),
            Line::Outgoing { outgoing } => self.outgoing(&outgoing),
            Line::Place { mailbox, place, taken } => self.place(&mailbox, &place, &taken),
            Line::Seen { key, seen } => Ok(self.draft.put_json(Table::Seen, &key.0, &seen)?),
            Line::MessageId { key, complaint } => {
                Ok(self.draft.put(Table::MessageIds, &key.0, keys::number(complaint.0).to_vec())?)
            }
            Line::Cursor { mailbox, validity, uid } => {
                Ok(self.draft.put_json(Table::Cursors, mailbox.as_bytes(), &(validity, uid))?)
            }
            Line::Count { key, count } => {
                Ok(self.draft.put(Table::Counts, &key.0, count.to_be_bytes().to_vec())?)
            }
            Line::Numbers { next_complaint, next_notice, next_references } => {
                self.numbers(next_complaint, next_notice, &next_references)
            }
            Line::End { lines, hash } => self.end(&lines, hash),
        }
    }

    fn secret(&mut self, hex: &str) -> Result<(), Fault> {
        let key = HEXLOWER.decode(hex.as_bytes()).ok().and_then(|key| <[u8; 32]>::try_from(key).ok());
        let Some(key) = key else { return wrong("the secret is not 32 bytes in hex") };
        self.signer = Some((key, Signer::new(key)));
        Ok(())
    }

    fn content(&mut self, name: &str, base64: &str) -> Result<(), Fault> {
        let Ok(bytes) = BASE64.decode(base64.as_bytes()) else { return wrong("the content is not base64") };
        if letters::sha256(&bytes) != name {
            return wrong(format!("the content {name} was changed"));
        }
        Ok(self.letters.put(name, &bytes)?)
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), Fault> {
        let Some((_, signer)) = &self.signer else {
            return wrong("the secret must stand before the journal");
        };
        let seq = self.head.seq + 1;
        let faults = entry.faults(signer, seq, self.prev.as_ref().unwrap_or(&entry.prev));
        if !faults.is_empty() {
            return wrong(faults.join("; "));
        }
        self.draft.put_document(Table::Journal, &keys::number(seq), &entry.to_bytes()?)?;
        self.head.seq = seq;
        self.head.hash.clone_from(&entry.hash);
        self.prev = Some(entry.hash.clone());
        let fact = entry.fact()?;
        if let Some(fact) = &fact {
            if fact.name() != entry.event {
                return wrong(format!("journal entry {seq} is called {} but tells otherwise", entry.event));
            }
            let mut contents = Contents::default();
            contents.add(fact);
            contents.all().try_for_each(|name| self.look_for(name))?;
        }
        let Some(id) = entry.complaint else { return Ok(()) };
        self.highest_complaint = self.highest_complaint.max(id.0);
        self.draft.put(Table::JournalOf, &keys::pair(keys::number(id.0), seq), Vec::new())?;
        match fact {
            Some(fact) => self.fold(id, entry.at, &fact),
            None => Ok(self.forget(id)?),
        }
    }

    /// One more fact of a complaint.
    fn fold(&mut self, id: ComplaintId, at: Timestamp, fact: &Fact) -> Result<(), Fault> {
        if self.incomplete.contains(&id) {
            return Ok(());
        }
        if let Fact::Received(received) = fact
            && !commit::put_reference(&mut self.draft, &received.reference, id)?
        {
            return wrong(format!("two complaints have the reference {}", received.reference));
        }
        let has_losses = self.has_losses;
        let before = self.folding(id)?;
        let kept = if has_losses { before.complaint.clone() } else { None };
        match Complaint::after(before.complaint.take(), id, at, fact) {
            Ok(after) => before.complaint = Some(after),
            Err(_) if has_losses => {
                before.complaint = kept;
                self.forget(id)?;
            }
            Err(misfit) => return wrong(format!("the journal of complaint {} does not fit: {misfit}", id.0)),
        }
        Ok(())
    }

    fn folding(&mut self, id: ComplaintId) -> Result<&mut Folding, StoreError> {
        use std::collections::hash_map::Entry::{Occupied, Vacant};
        match self.folding.entry(id) {
            Occupied(there) => Ok(there.into_mut()),
            Vacant(free) => {
                let stored: Option<Record> = codec::json(&self.draft, Table::Records, &keys::number(id.0))?;
                let complaint = stored.as_ref().map(|record| record.complaint.clone());
                Ok(free.insert(Folding { stored, complaint }))
            }
        }
    }

    /// This complaint can't be made from its journal: its record must come.
    fn forget(&mut self, id: ComplaintId) -> Result<(), StoreError> {
        if !self.incomplete.insert(id) {
            return Ok(());
        }
        let Some(Folding { stored, complaint }) = self.folding.remove(&id) else {
            let stored: Option<Record> = codec::json(&self.draft, Table::Records, &keys::number(id.0))?;
            return stored.map_or(Ok(()), |record| self.unmake(&record));
        };
        if let Some(complaint) = complaint {
            self.draft.remove(Table::References, &keys::reference(&complaint.reference));
        }
        stored.map_or(Ok(()), |record| self.unmake(&record))
    }

    fn unmake(&mut self, record: &Record) -> Result<(), StoreError> {
        self.draft.remove(Table::References, &keys::reference(&record.complaint.reference));
        commit::remove_record(&mut self.draft, &mut self.head.totals, record)
    }

    fn lost(&mut self, seq: u64, why: &str) -> Result<(), Fault> {
        if seq != self.head.seq + 1 {
            return wrong(format!("journal entry {seq} stands where {} is expected", self.head.seq + 1));
        }
        self.tell(format!("journal entry {seq} was lost before the export ({why})"));
        (self.has_losses, self.prev) = (true, None);
        self.head.seq = seq;
        Ok(())
    }

    fn record(&mut self, record: Record) -> Result<(), Fault> {
        let id = record.complaint.id;
        self.highest_complaint = self.highest_complaint.max(id.0);
        // What its entries made, if they did not tell that they are incomplete.
        self.forget(id)?;
        if !commit::put_reference(&mut self.draft, &record.complaint.reference, id)? {
            return wrong(format!("two complaints have the reference {}", record.complaint.reference));
        }
        self.incomplete.remove(&id);
        self.folding.insert(id, Folding { stored: None, complaint: Some(record.complaint) });
        Ok(())
    }

    fn outgoing(&mut self, outgoing: &Outgoing) -> Result<(), Fault> {
        self.highest_notice = self.highest_notice.max(outgoing.id.0);
        self.look_for(&outgoing.sha256)?;
        Ok(commit::put_outgoing(&mut self.draft, &mut self.head.totals, outgoing)?)
    }

    fn place(&mut self, mailbox: &str, place: &str, taken: &TakenRecord) -> Result<(), Fault> {
        let key = keys::place(mailbox, place)?;
        Ok(commit::put_place(&mut self.draft, &mut self.head.totals, &key, taken)?)
    }

    fn numbers(
        &mut self,
        next_complaint: u64,
        next_notice: u64,
        next_references: &BTreeMap<String, u32>,
    ) -> Result<(), Fault> {
        (self.head.next_complaint, self.head.next_notice) = (next_complaint, next_notice);
        for (year, next) in next_references {
            let Ok(year) = year.parse() else { return wrong(format!("{year:?} is no year")) };
            self.head.next_references.insert(year, *next);
        }
        Ok(())
    }

    fn end(&mut self, lines: &BTreeMap<String, u64>, hash: String) -> Result<(), Fault> {
        if *lines != self.lines {
            return wrong(format!("the export had {lines:?} lines, here are {:?}", self.lines));
        }
        for kind in ["secret", "numbers"] {
            if lines.get(kind) != Some(&1) {
                return wrong(format!("there must be one line of the kind {kind:?}"));
            }
        }
        if self.prev.as_ref().is_some_and(|last| *last != hash) {
            return wrong("the journal does not end at the entry that was written last");
        }
        if self.head.next_complaint <= self.highest_complaint || self.head.next_notice <= self.highest_notice
        {
            return wrong("the next numbers were given out before");
        }
        self.head.hash = hash;
        self.ended = true;
        Ok(())
    }

    fn look_for(&mut self, name: &str) -> Result<(), StoreError> {
        if self.missing.contains(name) || self.letters.has(name)? {
            return Ok(());
        }
        self.tell(format!("the content {name} is missing"));
        if self.missing.len() < MOST_MISSING {
            self.missing.insert(name.to_owned());
        }
        Ok(())
    }

    fn tell(&mut self, words: String) {
        self.told += 1;
        (self.tell)(words);
    }

    /// Makes what was read so far, in one transaction.
    fn apply(&mut self) -> Result<(), StoreError> {
        for (_, Folding { stored, complaint }) in self.folding.drain() {
            let Some(complaint) = complaint else { continue };
            // Its terms are computed by whoever knows its procedure: at the first look, which is due now.
            let record = Record { due_at: complaint.is_pending().then_some(self.how.now), complaint };
            commit::put_record(&mut self.draft, &mut self.head.totals, stored.as_ref(), &record)?;
        }
        let made = std::mem::replace(&mut self.draft, Draft::over(self.engine));
        self.weight = 0;
        self.engine.apply(&made.into_changes())
    }

    fn finish(mut self, present: Option<&Head>) -> Result<([u8; 32], Imported), StoreError> {
        for id in std::mem::take(&mut self.incomplete) {
            self.tell(format!(
                "complaint {} can't be made: its journal is incomplete, and its record is missing",
                id.0
            ));
        }
        let is_behind = present.is_some_and(|present| self.head.follow(present));
        if self.how.stale {
            self.head.leap(self.how.now.to_zoned(TimeZone::UTC).year());
        }
        self.apply()?;
        self.head.transactions = 1;
        self.head.write(&mut self.draft)?;
        self.apply()?;
        let (secret, _) = self.signer.ok_or_else(|| StoreError::damaged("the export has no secret"))?;
        let complaints = self.head.totals.all_complaints();
        let (journal, missing) = (self.head.seq, self.told);
        Ok((secret, Imported { complaints, journal, missing, is_behind, set_aside: None }))
    }
}
