//! A notice on its way out, as the outbox keeps it. Entries are retired, not deleted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::complaint::NoticeStatus;
use super::fact::{ComplaintId, LetterNote, NoticeId};
use super::notice::NoticeKind;

/// One mail going out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Its number; numbers are given out in the order of making.
    pub id: NoticeId,
    /// The complaint that it belongs to; `None` for mail about the service itself.
    pub complaint: Option<ComplaintId>,
    /// Through which mailbox's outbox it leaves.
    pub mailbox: String,
    /// What it is for.
    pub kind: NoticeKind,
    /// The recipient's address (RFC 5321 forward-path).
    pub to: String,
    /// The envelope sender (RFC 5321 reverse-path): by its token a bounce finds the notice.
    pub envelope_from: String,
    /// Its fixed Message-ID, without angle brackets.
    pub message_id: String,
    /// SHA-256 (hex) of its bytes, which lie in the store.
    pub sha256: String,
    /// `queued`, `sending`, `held`, `unknown` while it lives; else how it ended.
    pub status: NoticeStatus,
    /// Attempts begun so far.
    pub attempts: u32,
    /// Attempts that a crash cut off: begun, and never heard of again.
    #[serde(default)]
    pub cut_off: u32,
    /// Attempts that got no answer after the final dot.
    #[serde(default)]
    pub unanswered: u32,
    /// When it was made.
    pub queued_at: Timestamp,
    /// When the next attempt is due; `None` once it is retired.
    pub next_at: Option<Timestamp>,
    /// The moment the term that it serves lapses: retries after that go on, but staff are alarmed before.
    pub term_ends: Option<Timestamp>,
    /// Whether staff were already alarmed about it.
    pub alarmed: bool,
    /// The last answer of the outgoing server, code first.
    pub reply: Option<String>,
    /// Whether the operator has given it up: then it needs nobody's attention any more.
    #[serde(default)]
    pub dropped: bool,
    /// The mail that was set aside and about which it asks a member of staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks_about: Option<LetterNote>,
    /// The trouble of whose beginning it tells staff: so a restart knows that nobody has heard of it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tells: Option<Telling>,
}

/// How staff are told that a trouble began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telling {
    /// The mailbox that it is about.
    pub mailbox: String,
    /// What kind: the word of [`TroubleKind`](super::event::TroubleKind).
    pub kind: String,
    /// All mails that tell of it, one for each who is told.
    pub notices: Vec<NoticeId>,
}

impl Outgoing {
    /// Whether it may still be tried.
    pub const fn lives(&self) -> bool {
        self.next_at.is_some()
    }

    /// Whether anybody should know of it: it may still be tried, or it ended badly and nobody has given it up.
    pub const fn is_open(&self) -> bool {
        self.lives() || (matches!(self.status, NoticeStatus::Failed | NoticeStatus::Unknown) && !self.dropped)
    }
}
