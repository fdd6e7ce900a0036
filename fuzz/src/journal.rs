//! Any bytes as what the store holds: a value that survives being stored again, or an error. Lines that are facts are
//! stored as a journal too, and make a complaint or are refused.

use std::fmt::Debug;
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use klachtd::domain::complaint::Complaint;
use klachtd::domain::fact::{ComplaintId, Fact};
use klachtd::domain::outgoing::Outgoing;
use klachtd::domain::signing::Signer;
use klachtd::rules::Rules;
use klachtd::store::fuzzing::{document, entry, faults, written};
use klachtd::store::{Record, Seen, TakenRecord};
use serde::Serialize;
use serde::de::DeserializeOwned;

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::load(None).0);

const ID: ComplaintId = ComplaintId(1);

fn same_again<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let json = serde_json::to_string(value).expect("what was read can be written");
    assert_eq!(&serde_json::from_str::<T>(&json).expect("and read again"), value);
}

fn as_document<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = document::<T>(bytes) {
        same_again(&value);
    }
}

/// A complaint, and what its terms are under each procedure, early and late.
fn check(complaint: &Complaint) {
    same_again(complaint);
    for ruling in RULES.all() {
        for now in [Timestamp::MIN, complaint.received_at, Timestamp::MAX] {
            let _ = complaint.terms(&ruling.procedure, now);
        }
    }
}

fn as_journal(bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let moment = |n| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(n);
    let facts: Vec<(Timestamp, Fact)> = (0..).zip(lines).map(|(n, fact)| (moment(n), fact)).collect();
    let signer = Signer::new([7; 32]);
    let journal = written(&signer, ID, &facts).expect("a fact can be written as JSON");
    assert_eq!(faults(&signer, &journal).expect("what was written is a journal"), Vec::<String>::new());
    for (stored, (at, fact)) in journal.iter().zip(&facts) {
        let stored = entry(stored).expect("what was written is an entry");
        assert_eq!(stored.at, *at);
        assert_eq!(stored.fact().expect("a fact").as_ref(), Some(fact));
    }
    if let Ok(complaint) = Complaint::fold(ID, facts.iter().map(|(at, fact)| (*at, fact))) {
        check(&complaint);
    }
}

/// One input.
pub(crate) fn one(bytes: &[u8]) {
    if let Ok(entry) = entry(bytes) {
        let _ = entry.fact();
        let _ = faults(&Signer::new([7; 32]), &[bytes.to_vec()]);
    }
    if let Ok(record) = document::<Record>(bytes) {
        same_again(&record);
        check(&record.complaint);
    }
    as_document::<Outgoing>(bytes);
    as_document::<TakenRecord>(bytes);
    as_document::<Seen>(bytes);
    as_journal(bytes);
}
