//! The export: one JSON object a line, each with its `kind`. Nothing in it depends on how the register is stored.
//!
//! What can't be derived, and nothing else: `klachtd` (header), `secret`, `content`…, `entry`… (or `lost`), `record`
//! (only where a journal can't be folded), `outgoing`, `place`, `seen`, `message_id`, `cursor`, `count`, `numbers`, `end`.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::commit::{Record, Seen, TakenRecord};
use super::journal::Entry;
use crate::domain::fact::ComplaintId;
use crate::domain::outgoing::Outgoing;

/// The version of the export that this build writes and the newest that it reads.
pub(super) const VERSION: u32 = 1;

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Line {
    /// The first.
    Klachtd { v: u32, at: Timestamp },
    /// What signs Message-IDs, tokens and the journal, in hex.
    Secret { hex: String },
    /// A raw or outgoing mail, a procedure, a text.
    Content { sha256: String, base64: String },
    /// A journal entry. The payload is a string, so that it stays byte for byte what was hashed; empty once erased.
    Entry {
        #[serde(flatten)]
        entry: Entry,
        payload: String,
    },
    /// A journal entry that could not be read.
    Lost { seq: u64, why: String },
    /// A complaint whose journal does not make it any more: a payload was erased, or an entry is lost.
    Record { record: Box<Record> },
    /// A mail of the outbox.
    Outgoing { outgoing: Box<Outgoing> },
    /// A message of a mailbox.
    Place { mailbox: String, place: String, taken: TakenRecord },
    /// A letter that is known when it comes again; by keyed hash.
    Seen { key: Hex, seen: Seen },
    /// A Message-ID by which answers find their complaint; by keyed hash.
    MessageId { key: Hex, complaint: ComplaintId },
    /// How far a mailbox was read.
    Cursor { mailbox: String, validity: u32, uid: u32 },
    /// What the limits on automatic mail have counted.
    Count { key: Hex, count: u32 },
    /// The numbers that come next; of references by year.
    Numbers { next_complaint: u64, next_notice: u64, next_references: BTreeMap<String, u32> },
    /// The last: how many lines of each kind stand above, and the hash of the last entry.
    End { lines: BTreeMap<String, u64>, hash: String },
}

impl Line {
    /// Its kind, as it is written.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Klachtd { .. } => "klachtd",
            Self::Secret { .. } => "secret",
            Self::Content { .. } => "content",
            Self::Entry { .. } => "entry",
            Self::Lost { .. } => "lost",
            Self::Record { .. } => "record",
            Self::Outgoing { .. } => "outgoing",
            Self::Place { .. } => "place",
            Self::Seen { .. } => "seen",
            Self::MessageId { .. } => "message_id",
            Self::Cursor { .. } => "cursor",
            Self::Count { .. } => "count",
            Self::Numbers { .. } => "numbers",
            Self::End { .. } => "end",
        }
    }
}

/// Bytes in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Hex(pub(super) Vec<u8>);

impl From<Hex> for String {
    fn from(hex: Hex) -> Self {
        HEXLOWER.encode(&hex.0)
    }
}

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        HEXLOWER.decode(text.as_bytes()).map(Self).map_err(|e| format!("{text:?} is no hex: {e}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_names_its_kind() {
        let lines = [
            Line::Klachtd { v: VERSION, at: Timestamp::UNIX_EPOCH },
            Line::Secret { hex: String::new() },
            Line::Content { sha256: String::new(), base64: String::new() },
            Line::Lost { seq: 1, why: String::new() },
            Line::MessageId { key: Hex(vec![1]), complaint: ComplaintId(1) },
            Line::Cursor { mailbox: "m".into(), validity: 1, uid: 2 },
            Line::Count { key: Hex(Vec::new()), count: 1 },
            Line::Numbers { next_complaint: 1, next_notice: 1, next_references: BTreeMap::new() },
            Line::End { lines: BTreeMap::new(), hash: String::new() },
        ];
        for line in lines {
            let text = serde_json::to_string(&line).unwrap();
            assert!(text.starts_with(&format!("{{\"kind\":\"{}\"", line.kind())), "{text}");
            assert!(serde_json::from_str::<Line>(&text).is_ok(), "{text}");
        }
    }
}
