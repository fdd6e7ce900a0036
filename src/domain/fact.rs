//! What happened, as it stands in the journal. A complaint is the fold of its facts.
//!
//! Facts are stored for ever: a field may be added with a default, never renamed or removed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::complaint::CloseReason;
use super::ladder::Step;
use super::mail::{Language, Party};
use super::notice::NoticeKind;
use super::procedure::{Channel, Judgement, TermEvent};

/// The number of a complaint in the store; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ComplaintId(pub u64);

/// The number of a notice in the outbox; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NoticeId(pub u64);

/// The version of a procedure that a complaint was received under; it stays under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcedureVersion {
    /// The procedure's id.
    pub id: String,
    /// SHA-256 (hex) of the procedure file; the store keeps those bytes under this name.
    pub sha256: String,
    /// SHA-256 (hex) of the published text as it stood then; kept likewise.
    pub text_sha256: String,
}

/// What a letter was to its complaint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It made the complaint.
    Complaint,
    /// A later letter of a person.
    FollowUp,
    /// A mail of staff with an order.
    Order,
    /// The complainant's agreement with the record of a spoken complaint.
    Agreement,
    /// A letter by which the complainant asked for a review.
    Objection,
    /// An automatic answer to a notice of ours.
    AutoReply,
    /// List or bulk mail in the thread.
    Bulk,
    /// A notice of ours came back.
    Bounce,
    /// A receipt or delay warning.
    Report,
}

/// What became of a mail (product: "How a mail is read", the words in backticks).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It made a complaint.
    Complaint,
    /// It joined one.
    FollowUp,
    /// A mail of staff with a valid token.
    Order,
    /// An automatic answer, joined.
    AutoReply,
    /// A receipt or delay warning, joined.
    Report,
    /// A notice of ours came back.
    Bounced,
    /// Bulk mail in a thread, joined.
    Bulk,
    /// Kept, with the reason; nothing follows.
    Ignored,
    /// Kept for a person to look at, with the reason.
    SetAside,
    /// The same letter as an earlier one.
    Duplicate,
}

impl Fate {
    /// The word as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complaint => "complaint",
            Self::FollowUp => "follow_up",
            Self::Order => "order",
            Self::AutoReply => "auto_reply",
            Self::Report => "report",
            Self::Bounced => "bounced",
            Self::Bulk => "bulk",
            Self::Ignored => "ignored",
            Self::SetAside => "set_aside",
            Self::Duplicate => "duplicate",
        }
    }
}

/// A letter as the journal keeps it; its raw bytes lie in the store under `sha256`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterNote {
    /// The mailbox that it came into.
    pub mailbox: String,
    /// Where it stood there: `imap:VALIDITY/UID` or `maildir:NAME`.
    pub place: String,
    /// Message-ID without angle brackets.
    pub message_id: Option<String>,
    /// The sender's address; empty when there was no usable one.
    pub from: String,
    /// The subject, at most 300 characters.
    pub subject: String,
    /// Receipt moment (domain 3.1 rule 1).
    pub received_at: Timestamp,
    /// SHA-256 (hex) of the raw mail.
    pub sha256: String,
    /// Bytes of the raw mail.
    pub size: u64,
    /// Names of what was attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<String>,
}

/// The first fact of every complaint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Our own reference, the key towards people.
    pub reference: String,
    /// What the complainant sees as reference: ours, or his order number.
    pub shown_reference: String,
    /// The mailbox's name.
    pub mailbox: String,
    /// The version pinned for good.
    pub procedure: ProcedureVersion,
    /// How it came in.
    pub channel: Channel,
    /// In which language it is answered.
    pub language: Language,
    /// Who complains.
    pub complainant: Party,
    /// The subject, at most 300 characters.
    pub subject: String,
    /// Order number, telephone and form fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// The address of the default handler of the procedure.
    pub handler: Option<String>,
    /// Why the complainant gets no automatic mail (RFC 3834 section 2), when that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<String>,
    /// The reference that a stranger quoted: a hint to staff, no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related: Option<String>,
    /// Whether it was spoken: then its terms begin when the complainant agrees with the record, or writes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spoken: bool,
    /// The letter itself.
    pub letter: LetterNote,
}

/// A longer term, promised in a notice. It counts once that notice was accepted by the outgoing server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The term's id.
    pub term: String,
    /// Last day before.
    pub old_due: Date,
    /// Last day now.
    pub new_due: Date,
    /// Why, in the words of the notice.
    pub reason: String,
    /// From this moment on the procedure counts the notice as late.
    pub late_from: Timestamp,
}

/// A notice whose bytes are final and lie in the store under `sha256`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its number in the outbox.
    pub id: NoticeId,
    /// What it is for.
    pub kind: NoticeKind,
    /// The recipient's address.
    pub to: String,
    /// Its fixed Message-ID, without angle brackets.
    pub message_id: String,
    /// SHA-256 (hex) of the bytes.
    pub sha256: String,
    /// In which language it was written.
    pub language: Language,
    /// The term that it serves or warns of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<String>,
    /// Which alert of that term it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// What has happened for the terms once it is sent. `None` also when it lacks an element that the procedure obliges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<TermEvent>,
    /// The later date that it promises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise: Option<Promise>,
    /// Why it may not leave yet (a limit on automatic mail).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// Whether a person ordered it: it counts for no limit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ordered: bool,
}

/// What became of a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Settlement {
    /// The outgoing server accepted it.
    Sent {
        /// Its words, code first.
        reply: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// It was refused for good, or given up.
    Failed {
        /// The server's words, code first.
        reply: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// No answer came after the final dot: it may have been accepted.
    Unknown {
        /// What was seen.
        reason: String,
        /// How often it was tried.
        attempts: u32,
        /// Whether it is not tried again.
        #[serde(default)]
        last: bool,
    },
    /// It was accepted and came back: it proves nothing any more.
    Bounced {
        /// Status and words of the remote server.
        reason: String,
    },
}

/// One alert of one term.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warned {
    /// The term's id.
    pub term: String,
    /// Which alert.
    pub step: Step,
    /// The moment that belongs to this alert by the ladder; not the moment at which it was made.
    pub rung: Timestamp,
}

/// What happened. The journal adds when, by whom, and the hash chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Fact {
    /// A complaint was received and registered.
    Received(Box<Received>),
    /// A later letter joined it.
    LetterJoined {
        /// The letter.
        letter: LetterNote,
        /// What it is to the complaint.
        role: Role,
        /// The reference that a stranger quoted: a hint to staff, no more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        related: Option<String>,
        /// Order number and other fields that a party's letter adds.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        fields: BTreeMap<String, String>,
        /// What the complainant sees as reference from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shown_reference: Option<String>,
    },
    /// A mail was kept outside any complaint.
    LetterKept {
        /// The letter.
        letter: LetterNote,
        /// `ignored`, `set_aside` or `duplicate`.
        fate: Fate,
        /// Why, in words.
        reason: String,
    },
    /// A notice was written and put in the outbox.
    NoticeQueued(Box<Notice>),
    /// An automatic notice was not written.
    NoticeRefused {
        /// Which.
        kind: NoticeKind,
        /// To whom it would have gone.
        to: String,
        /// Why not.
        reason: String,
    },
    /// What became of a notice.
    NoticeSettled {
        /// Which.
        notice: NoticeId,
        /// What became of it.
        #[serde(flatten)]
        settlement: Settlement,
    },
    /// Staff were warned of these terms.
    StaffWarned {
        /// The alerts, one per term.
        alerts: Vec<Warned>,
    },
    /// The safety net acted on the last day to extend: once in the life of a complaint.
    SafetyNetActed {
        /// The term's id.
        term: String,
        /// Whether it sent the notice itself or drafted it for staff.
        sent: bool,
    },
    /// Staff gave an order; what it brought about follows.
    OrderGiven {
        /// The line as it was typed.
        order: String,
    },
    /// A handler was named.
    Assigned {
        /// The address; `None` when the one before must not handle it and nobody else is known.
        handler: Option<String>,
    },
    /// Everything was handed over to the manager.
    HandedOver,
    /// Personal contact was made.
    ContactMade {
        /// What was said.
        text: String,
    },
    /// The complainant was asked for information.
    InfoRequested {
        /// By when an answer was asked.
        reply_by: Date,
    },
    /// The complainant's answer came, or the question is no longer open.
    InfoReceived,
    /// The complaint was judged.
    Judged {
        /// Founded, partly or unfounded.
        judgement: Judgement,
    },
    /// The complainant was referred to an external body.
    Referred {
        /// The body's id in the procedure.
        body: String,
        /// What that says of the complaint: `product` or `service`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<String>,
        /// What that says of the complainant: `consumer` or `business`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        complainant: Option<String>,
    },
    /// The complainant asked for a review.
    ReviewRequested {
        /// When: the receipt of the letter that asked.
        asked_at: Timestamp,
        /// Whether that was after the window of the procedure.
        late: bool,
        /// Which letter asked, from 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        letter: Option<usize>,
    },
    /// The complainant was invited to a conversation.
    Invited {
        /// When it is to be.
        at: Timestamp,
    },
    /// A spoken complaint was written down.
    RecordMade {
        /// Which version, from 1.
        version: u32,
        /// The record.
        text: String,
    },
    /// The complainant agreed with the record, or wrote the complaint himself: the handling begins.
    RecordAgreed {
        /// The receipt of the letter that says so.
        at: Timestamp,
        /// Whether it is a complaint in writing instead of an agreement.
        written: bool,
    },
    /// The complaint was closed.
    Closed {
        /// Why.
        reason: CloseReason,
        /// Why, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<String>,
        /// The reference of the complaint in which it is handled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        into: Option<String>,
    },
    /// The complaint is handled again.
    Reopened {
        /// The new receipt moment: its civil date is the new day 0.
        received_at: Timestamp,
    },
    /// Another complaint was merged into this one.
    Absorbed {
        /// The other's reference.
        reference: String,
        /// Its complainant, a party here from now on.
        party: Party,
    },
    /// Staff confirmed that a further address belongs to the complainant or acts for him or her.
    PartyConfirmed {
        /// The address.
        address: String,
    },
    /// The same mail was addressed to another mailbox of ours, and is a complaint there too.
    AlsoIn {
        /// The other mailbox's name.
        mailbox: String,
        /// The complaint's reference there.
        reference: String,
    },
    /// An internal note.
    Noted {
        /// The note.
        text: String,
    },
    /// The person complained about was named.
    AboutNamed {
        /// The address.
        person: String,
    },
}

impl Fact {
    /// The word that stands in the journal's `event`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Received(_) => "received",
            Self::LetterJoined { .. } => "letter_joined",
            Self::LetterKept { .. } => "letter_kept",
            Self::NoticeQueued(_) => "notice_queued",
            Self::NoticeRefused { .. } => "notice_refused",
            Self::NoticeSettled { .. } => "notice_settled",
            Self::StaffWarned { .. } => "staff_warned",
            Self::SafetyNetActed { .. } => "safety_net_acted",
            Self::OrderGiven { .. } => "order_given",
            Self::Assigned { .. } => "assigned",
            Self::HandedOver => "handed_over",
            Self::ContactMade { .. } => "contact_made",
            Self::InfoRequested { .. } => "info_requested",
            Self::InfoReceived => "info_received",
            Self::Judged { .. } => "judged",
            Self::Referred { .. } => "referred",
            Self::ReviewRequested { .. } => "review_requested",
            Self::Invited { .. } => "invited",
            Self::RecordMade { .. } => "record_made",
            Self::RecordAgreed { .. } => "record_agreed",
            Self::Closed { .. } => "closed",
            Self::Reopened { .. } => "reopened",
            Self::Absorbed { .. } => "absorbed",
            Self::PartyConfirmed { .. } => "party_confirmed",
            Self::AlsoIn { .. } => "also_in",
            Self::Noted { .. } => "noted",
            Self::AboutNamed { .. } => "about_named",
        }
    }
}
