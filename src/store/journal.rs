//! The journal: what happened, by whom, and a hash chain that verifies after a payload was erased.
//!
//! The chain runs over metadata and a keyed hash of the payload, never over the payload itself.

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::StoreError;
use crate::domain::fact::{ComplaintId, Fact};
use crate::domain::signing::Signer;

/// The version of entries that this build writes.
const VERSION: u32 = 1;

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The version of this form of entry.
    pub v: u32,
    /// Its number in the whole journal, from 1, without gaps.
    pub seq: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// Who did it: `system`, or a person.
    pub actor: String,
    /// The fact's name.
    pub event: String,
    /// The complaint that it belongs to.
    pub complaint: Option<ComplaintId>,
    /// Keyed hash (hex) of the payload.
    pub mac: String,
    /// Hash (hex) of the entry before; zeros before the first.
    pub prev: String,
    /// Hash (hex) of this entry.
    pub hash: String,
    /// The fact as JSON, byte for byte as it was hashed; empty once erased.
    #[serde(skip)]
    pub payload: String,
}

/// The `prev` of the first entry.
pub(super) fn genesis() -> String {
    HEXLOWER.encode(&[0; 32])
}

/// Who did what when: an entry before it is sealed.
pub(super) struct Happening<'a> {
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    pub(super) actor: &'a str,
    pub(super) complaint: Option<ComplaintId>,
    pub(super) fact: &'a Fact,
}

impl Entry {
    /// The entry that follows the one with the hash `prev`.
    pub(super) fn seal(signer: &Signer, happening: &Happening, prev: &str) -> Result<Self, StoreError> {
        let payload = serde_json::to_string(happening.fact)
            .map_err(|e| StoreError::Invalid(format!("a fact that can't be written as JSON: {e}")))?;
        let mut entry = Self {
            v: VERSION,
            seq: happening.seq,
            at: happening.at,
            actor: happening.actor.to_owned(),
            event: happening.fact.name().to_owned(),
            complaint: happening.complaint,
            mac: HEXLOWER.encode(&signer.payload_hash(happening.complaint, payload.as_bytes())),
            prev: prev.to_owned(),
            hash: String::new(),
            payload,
        };
        entry.hash = entry.computed_hash();
        Ok(entry)
    }

    /// The fact; `None` once it was erased.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the payload is no fact.
    pub fn fact(&self) -> Result<Option<Fact>, StoreError> {
        if self.payload.is_empty() {
            return Ok(None);
        }
        serde_json::from_str(&self.payload).map(Some).map_err(|e| {
            StoreError::damaged(format!("the payload of journal entry {} is unreadable: {e}", self.seq))
        })
    }

    /// What is wrong with this entry after one with the hash `prev`, in words.
    pub(super) fn faults(&self, signer: &Signer, seq: u64, prev: &str) -> Vec<String> {
        let mut faults = Vec::new();
        if self.seq != seq {
            faults.push(format!("journal entry {seq} calls itself {}", self.seq));
        }
        if self.prev != prev {
            faults.push(format!("journal entry {seq} does not continue the entry before it"));
        }
        if self.hash != self.computed_hash() {
            faults.push(format!("journal entry {seq} was changed: its hash does not fit"));
        }
        let mac = signer.payload_hash(self.complaint, self.payload.as_bytes());
        if !self.payload.is_empty() && self.mac != HEXLOWER.encode(&mac) {
            faults.push(format!("the payload of journal entry {seq} was changed"));
        }
        faults
    }

    /// SHA-256 over every field but itself, each with its length before it, so that none runs into the next.
    fn computed_hash(&self) -> String {
        let complaint = self.complaint.map_or(0, |id| id.0);
        let mut hash = Sha256::new();
        for field in [
            self.prev.as_bytes(),
            &self.seq.to_be_bytes(),
            &self.at.as_nanosecond().to_be_bytes(),
            self.actor.as_bytes(),
            self.event.as_bytes(),
            &complaint.to_be_bytes(),
            self.mac.as_bytes(),
        ] {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        HEXLOWER.encode(&hash.finalize())
    }

    /// As it is stored: a line of metadata, then the payload as it was hashed.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        let mut bytes = serde_json::to_vec(self)
            .map_err(|e| StoreError::Invalid(format!("an entry that can't be written as JSON: {e}")))?;
        bytes.push(b'\n');
        bytes.extend_from_slice(self.payload.as_bytes());
        Ok(bytes)
    }

    /// Undoes [`Entry::to_bytes`].
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let unreadable = |why: &str| StoreError::damaged(format!("a journal entry is unreadable: {why}"));
        let text = std::str::from_utf8(bytes).map_err(|e| unreadable(&e.to_string()))?;
        let (line, payload) = text.split_once('\n').ok_or_else(|| unreadable("it has one line"))?;
        let mut entry: Self = serde_json::from_str(line).map_err(|e| unreadable(&e.to_string()))?;
        if entry.v > VERSION {
            return Err(StoreError::Newer { found: entry.v, known: VERSION });
        }
        payload.clone_into(&mut entry.payload);
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(signer: &Signer, seq: u64, prev: &str) -> Entry {
        let fact = Fact::StaffWarned { alerts: Vec::new() };
        let happening =
            Happening { seq, at: Timestamp::UNIX_EPOCH, actor: "system", complaint: None, fact: &fact };
        Entry::seal(signer, &happening, prev).unwrap()
    }

    #[test]
    fn an_entry_survives_storage_and_every_change_to_it_shows() {
        let signer = Signer::new([3; 32]);
        let first = entry(&signer, 1, &genesis());
        let stored = Entry::from_bytes(&first.to_bytes().unwrap()).unwrap();
        assert_eq!(stored, first);
        assert_eq!(stored.faults(&signer, 1, &genesis()), Vec::<String>::new());
        let tampering: [fn(&mut Entry); 8] = [
            |e| e.seq = 2,
            |e| e.at = Timestamp::MAX,
            |e| e.actor = "jan".into(),
            |e| e.event = "received".into(),
            |e| e.complaint = Some(ComplaintId(1)),
            |e| e.mac.replace_range(..1, "g"),
            |e| e.prev.replace_range(..1, "1"),
            |e| e.payload.push(' '),
        ];
        for change in tampering {
            let mut changed = first.clone();
            change(&mut changed);
            assert!(!changed.faults(&signer, 1, &genesis()).is_empty(), "{changed:?}");
        }
    }

    #[test]
    fn the_chain_verifies_after_a_payload_is_erased() {
        let signer = Signer::new([3; 32]);
        let mut first = entry(&signer, 1, &genesis());
        let second = entry(&signer, 2, &first.hash);
        first.payload.clear();
        assert_eq!(first.faults(&signer, 1, &genesis()), Vec::<String>::new());
        assert_eq!(second.faults(&signer, 2, &first.hash), Vec::<String>::new());
        assert_eq!(first.fact().unwrap(), None);
    }
}
