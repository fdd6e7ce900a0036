//! Words for where a complaint and a notice stand.

use serde::{Deserialize, Serialize};

/// Where a complaint stands (ISO 10002; domain 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It was spoken: the complainant's agreement with the record, or a complaint in writing, is awaited.
    Agreeing,
    /// It is being handled.
    Open,
    /// The complainant was asked for information; the terms run on.
    Asking,
    /// The outcome was accepted by the outgoing server.
    Answered,
    /// The board reviews the outcome.
    InReview,
    /// Nothing is to be done.
    Closed,
    /// Personal data was removed, the stub is left.
    Erased,
}

impl State {
    /// The word as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agreeing => "agreeing",
            Self::Open => "open",
            Self::Asking => "asking",
            Self::Answered => "answered",
            Self::InReview => "in_review",
            Self::Closed => "closed",
            Self::Erased => "erased",
        }
    }

    /// Whether somebody still has to do something.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Agreeing | Self::Open | Self::Asking | Self::Answered | Self::InReview => true,
            Self::Closed | Self::Erased => false,
        }
    }
}

/// Why a complaint was closed (domain 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// It was settled to the complainant's satisfaction.
    Resolved,
    /// It was answered, and no review was asked in time.
    Answered,
    /// The complainant withdrew it.
    Withdrawn,
    /// An external body handles it.
    Referred,
    /// It was something else.
    NotAComplaint,
    /// It is handled in another complaint.
    Duplicate,
    /// Nothing was heard any more.
    Lapsed,
}

impl CloseReason {
    /// The word as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resolved => "resolved",
            Self::Answered => "answered",
            Self::Withdrawn => "withdrawn",
            Self::Referred => "referred",
            Self::NotAComplaint => "not_a_complaint",
            Self::Duplicate => "duplicate",
            Self::Lapsed => "lapsed",
        }
    }
}

/// What is known of a notice's way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeStatus {
    /// It waits for its first or next attempt.
    Queued,
    /// An attempt was begun and has not been answered.
    Sending,
    /// The outgoing server accepted it.
    Sent,
    /// No answer came after the final dot.
    Unknown,
    /// Refused for good.
    Failed,
    /// Accepted, then returned.
    Bounced,
    /// A limit on automatic mail keeps it back for now.
    Held,
}

impl NoticeStatus {
    /// The word as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
            Self::Bounced => "bounced",
            Self::Held => "held",
        }
    }
}
