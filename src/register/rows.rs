//! The register as data: what `list` and `show` print as JSON, and what the commands make text of.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::domain::complaint::{CloseReason, Closing, NoticeStatus, Objection, Question, State};
use crate::domain::fact::{NoticeId, Promise, Role};
use crate::domain::ladder::Step;
use crate::domain::mail::{Language, Party};
use crate::domain::notice::NoticeKind;
use crate::domain::procedure::{Channel, Force, Judgement, Span, TermEvent};
use crate::domain::term::{Extension, TermStatus};

/// One complaint as `list` and `show` print it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ComplaintView {
    pub(crate) reference: String,
    pub(crate) shown_reference: String,
    pub(crate) mailbox: String,
    pub(crate) procedure: String,
    pub(crate) procedure_sha256: String,
    pub(crate) text_sha256: String,
    /// The zone whose civil dates count.
    pub(crate) zone: String,
    pub(crate) state: State,
    pub(crate) close_reason: Option<CloseReason>,
    pub(crate) channel: Channel,
    pub(crate) language: Language,
    pub(crate) subject: String,
    pub(crate) received_at: Timestamp,
    pub(crate) complainant: Party,
    pub(crate) handler: Option<String>,
    pub(crate) judgement: Option<Judgement>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) spoken: bool,
    /// The persons complained about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) about: Vec<String>,
    /// External bodies, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) referred_to: Vec<String>,
    /// Further addresses of parties, from complaints merged into this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parties: Vec<String>,
    /// The question that waits for an answer of the complainant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) question: Option<Question>,
    /// The newest request for a review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) review: Option<Objection>,
    /// The newest version of the record of a spoken complaint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) record_version: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) closing: Option<Closing>,
    /// Whether a letter of a party came since staff gave their last order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) waits_for_staff: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) fields: BTreeMap<String, String>,
    /// Why the complainant gets no automatic mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) silence: Option<String>,
    pub(crate) terms: Vec<TermRow>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<FileView>,
}

/// What `show` adds to `list`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FileView {
    /// The moment at which the file was drawn up: what runs and what is overdue is as it was then.
    pub(crate) as_of: Timestamp,
    pub(crate) procedure_title: String,
    /// Whether the procedure offers a review inside the company.
    pub(crate) may_be_reviewed: bool,
    /// The term within which it may be asked, when the text sets one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) review_window: Option<String>,
    /// Other complaints that the journal names, by reference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) related: Vec<String>,
    pub(crate) notices: Vec<NoticeRow>,
    pub(crate) letters: Vec<LetterRow>,
    pub(crate) journal: Vec<JournalRow>,
}

/// A term and how it stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TermRow {
    pub(crate) id: String,
    /// The role that must act, or `system`, or `complainant`.
    pub(crate) who: String,
    /// Who has that role in this complaint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    pub(crate) force: Force,
    pub(crate) of: TermEvent,
    /// Any of these meets it; empty for what no clause sets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) done_by: Vec<TermEvent>,
    /// Its length; `None` for what no clause sets.
    pub(crate) within: Option<Span>,
    pub(crate) day0: Date,
    pub(crate) first_due: Date,
    pub(crate) due: Date,
    pub(crate) due_before: Timestamp,
    pub(crate) staff_target: Date,
    pub(crate) extend_until: Option<Date>,
    pub(crate) extend_strict: Option<Date>,
    pub(crate) extensions: Vec<Extension>,
    pub(crate) status: TermStatus,
    pub(crate) met_at: Option<Timestamp>,
    /// How late it was done, or how long it is overdue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) late_by: Option<Delay>,
    pub(crate) why: String,
    /// The clause, word for word.
    pub(crate) quote: Option<String>,
    /// The clause that allows more time, word for word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) extend_quote: Option<String>,
}

/// How much later than a term's last day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Delay {
    /// In calendar days.
    pub(crate) days: i32,
    /// In days that work in the procedure's calendar.
    pub(crate) working_days: u32,
}

/// A mail of the complaint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NoticeRow {
    pub(crate) id: NoticeId,
    pub(crate) kind: NoticeKind,
    pub(crate) to: String,
    pub(crate) language: Language,
    pub(crate) message_id: String,
    pub(crate) sha256: String,
    pub(crate) status: NoticeStatus,
    pub(crate) at: Timestamp,
    pub(crate) queued_at: Timestamp,
    pub(crate) smtp_reply: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) term: Option<String>,
    pub(crate) step: Option<Step>,
    pub(crate) held: Option<String>,
    /// What has happened for the terms once it is sent, and has not once it came back.
    pub(crate) effect: Option<TermEvent>,
    /// The later date that it announces.
    pub(crate) promise: Option<Promise>,
    /// The terms that its effect ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) meets: Vec<String>,
    /// The terms that its effect begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) begins: Vec<String>,
    /// Everything that became of it, oldest first: accepted, then perhaps returned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) settled: Vec<SettledRow>,
}

/// What became of a mail at some moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SettledRow {
    pub(crate) at: Timestamp,
    pub(crate) status: NoticeStatus,
    /// The server's words, code first.
    pub(crate) reply: String,
}

/// A letter of the complaint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LetterRow {
    pub(crate) n: usize,
    pub(crate) message_id: Option<String>,
    pub(crate) from: String,
    pub(crate) subject: String,
    pub(crate) received_at: Timestamp,
    pub(crate) sha256: String,
    pub(crate) size: u64,
    pub(crate) attachments: Vec<String>,
    pub(crate) role: Role,
}

/// An entry of the complaint's journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct JournalRow {
    pub(crate) seq: usize,
    pub(crate) at: Timestamp,
    pub(crate) actor: String,
    pub(crate) event: String,
    pub(crate) hash: String,
    /// What happened, in words; `None` once it was erased.
    pub(crate) detail: Option<String>,
}

/// One entry of `outbox list`.
#[derive(Debug, Clone, Serialize)]
pub struct OutboxRow {
    pub(super) id: NoticeId,
    pub(super) kind: NoticeKind,
    pub(super) to: String,
    pub(super) reference: Option<String>,
    pub(super) message_id: String,
    pub(super) status: NoticeStatus,
    pub(super) attempts: u32,
    pub(super) next_at: Option<Timestamp>,
    pub(super) smtp_reply: Option<String>,
}

/// A reference that can be completed in the shell, and enough to tell it from others.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Candidate {
    /// The reference.
    pub reference: String,
    /// Where the complaint stands.
    pub state: State,
    /// Its day 0.
    pub received: Date,
}
