//! What stands in the tables, without a store around it: for `fuzz/src/journal.rs` alone.
//!
//! The codec stays private to the store. This is compiled in every build instead of under `cfg(fuzzing)`, so that it
//! can't rot unseen.

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::codec;
use super::journal::{Entry, Happening, genesis};
use crate::domain::fact::{ComplaintId, Fact};
use crate::domain::signing::Signer;

/// The facts as entries of one journal, as they are stored.
///
/// # Errors
/// A fact can't be written as JSON.
pub fn written(
    signer: &Signer,
    complaint: ComplaintId,
    facts: &[(Timestamp, Fact)],
) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut prev = genesis();
    let entries = (1..).zip(facts).map(|(seq, (at, fact))| {
        let happening = Happening { seq, at: *at, actor: "system", complaint: Some(complaint), fact };
        let entry = Entry::seal(signer, &happening, &prev)?;
        prev.clone_from(&entry.hash);
        entry.to_bytes()
    });
    entries.collect()
}

/// One stored entry.
///
/// # Errors
/// These bytes are none.
pub fn entry(bytes: &[u8]) -> Result<Entry, StoreError> {
    Entry::from_bytes(bytes)
}

/// What is wrong with stored entries as a whole journal, in words.
///
/// # Errors
/// One of them is no entry.
pub fn faults(signer: &Signer, journal: &[Vec<u8>]) -> Result<Vec<String>, StoreError> {
    let mut prev = genesis();
    let mut faults = Vec::new();
    for (seq, bytes) in (1..).zip(journal) {
        let entry = Entry::from_bytes(bytes)?;
        faults.extend(entry.faults(signer, seq, &prev));
        prev = entry.hash;
    }
    Ok(faults)
}

/// A stored document of versioned JSON.
///
/// # Errors
/// These bytes are none, or a later build wrote them.
pub fn document<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    codec::from_json(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::domain::complaint::Complaint;

    const ID: ComplaintId = ComplaintId(1);

    /// The seeds of the fuzzer: every line is a fact, and together they make what is stored, read and verified.
    #[test]
    fn every_seed_is_a_journal() {
        let seeds_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/journal");
        for name in ["asked", "handled", "kept", "spoken"] {
            let text = fs::read_to_string(seeds_in.join(name).with_extension("jsonl")).unwrap();
            let facts: Vec<(Timestamp, Fact)> = text
                .lines()
                .map(|line| (Timestamp::UNIX_EPOCH, serde_json::from_str(line).expect(line)))
                .collect();
            let signer = Signer::new([7; 32]);
            let mut journal = written(&signer, ID, &facts).unwrap();
            assert_eq!(faults(&signer, &journal).unwrap(), Vec::<String>::new(), "{name}");
            for (stored, (_, fact)) in journal.iter().zip(&facts) {
                assert_eq!(entry(stored).unwrap().fact().unwrap().as_ref(), Some(fact));
            }
            let folded = Complaint::fold(ID, facts.iter().map(|(at, fact)| (*at, fact)));
            assert_eq!(folded.is_ok(), name != "kept", "{name}: {folded:?}");
            journal.swap(0, 1);
            assert!(!faults(&signer, &journal).unwrap().is_empty(), "{name}");
        }
    }

    #[test]
    fn every_seed_is_a_document() {
        use crate::domain::outgoing::Outgoing;
        use crate::store::{Seen, TakenRecord};
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/journal");
        let read = |name: &str| fs::read(seeds.join(name)).unwrap();
        assert!(document::<Outgoing>(&read("outgoing.json")).is_ok());
        assert!(document::<TakenRecord>(&read("taken.json")).is_ok());
        assert!(document::<Seen>(&read("seen.json")).is_ok());
        assert!(matches!(document::<Seen>(&read("later-build.json")), Err(StoreError::Newer { .. })));
        assert!(entry(&read("entry.txt")).unwrap().fact().unwrap().is_some());
        assert_eq!(entry(&read("erased.txt")).unwrap().fact().unwrap(), None);
    }
}
