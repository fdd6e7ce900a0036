//! A mail as the rest of the program sees it: what was understood of the bytes, and why.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A language in which complaints are read and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Dutch.
    Nl,
    /// English.
    En,
}

impl Language {
    /// Every language, in the order in which they are listed to people.
    pub const ALL: [Self; 2] = [Self::Nl, Self::En];

    /// The ISO 639-1 code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Nl => "nl",
            Self::En => "en",
        }
    }
}

/// A name (when one was given) and an address, as in RFC 5322 section 3.4.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The display name, decoded; `None` when the header had none.
    pub name: Option<String>,
    /// The address, its domain in lower case.
    pub email: String,
}

/// What kind of mail it is (product: "How a mail is read").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A person wrote it.
    Letter,
    /// A machine answered: out of office, ticket confirmation (RFC 3834).
    AutoReply,
    /// A mail of ours could not be delivered (RFC 3464).
    Bounce,
    /// A delivery or read receipt, or a delay warning: no failure (RFC 3464, RFC 8098).
    Report,
    /// List or bulk mail.
    Bulk,
    /// Our own mail coming back.
    Own,
}

/// A part that is not the text: its name is shown to staff, its content stays in the raw mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The file name, decoded (RFC 2231); empty when none was given.
    pub name: String,
    /// The media type, `application/octet-stream` when none was given.
    #[serde(rename = "type")]
    pub media_type: String,
    /// Decoded size in bytes.
    pub size: u64,
}

/// By what a letter may belong to a complaint; the store resolves them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// Our own reference (`K-2026-00042-X`) in the subject, when its check character is right.
    pub reference: Option<String>,
    /// The token in a recipient address (`directie+TOKEN@…`), as it stood there.
    pub token: Option<String>,
    /// Message-IDs without angle brackets.
    pub in_reply_to: Vec<String>,
    /// Message-IDs without angle brackets, oldest first.
    pub references: Vec<String>,
}

/// What the trusted Authentication-Results header said (RFC 8601), as its own words (`pass`, `fail`, …).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// SPF result.
    pub spf: Option<String>,
    /// DKIM result; `pass` when any signature passed.
    pub dkim: Option<String>,
    /// DMARC result.
    pub dmarc: Option<String>,
}

/// What a delivery status notification says about a mail of ours (RFC 3464).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounce {
    /// The recipient that was not reached.
    pub recipient: Option<String>,
    /// Enhanced status code (RFC 3463), for example `5.1.1`.
    pub status: Option<String>,
    /// The remote server's words, at most 300 characters.
    pub diagnostic: Option<String>,
    /// Message-ID of the mail that was returned, without angle brackets.
    pub original_message_id: Option<String>,
}

impl Letter {
    /// What its sender typed now, and nothing else.
    pub fn typed(&self) -> &str {
        if self.nothing_typed { "" } else { &self.text }
    }
}

/// A mail that somebody passed on: attached to the letter (message/rfc822) or shown in its text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarded {
    /// Who wrote it; `None` when only a name, or nothing, is shown.
    pub from: Option<Party>,
    /// When it was written, in the words of the mail: they may lack zone and year. Evidence only.
    pub date: Option<String>,
    /// Its subject, decoded, control characters removed; empty when none is shown.
    pub subject: String,
    /// Its text without its own quotations.
    pub text: String,
    /// Whether it is attached as a mail of its own, so that all of it can be read again.
    pub attached: bool,
}

/// A mail that was read. Reading never fails: what was odd stands in `oddities`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// What kind of mail it is.
    pub class: Class,
    /// Whether an automatic answer may be sent (RFC 3834 section 2).
    pub answerable: bool,
    /// Why it is of its class, and why it may not be answered.
    pub reasons: Vec<String>,
    /// The complainant: From, or for a form sender Reply-To or the field `email`. `None` when there is no usable one.
    pub from: Option<Party>,
    /// The web form's own address, when the mail came through a listed form sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
    /// Reply-To, when it differs from `from`.
    pub reply_to: Option<Party>,
    /// To, Cc, Delivered-To and X-Original-To addresses, lower case, without repeats.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// The subject, decoded, control characters removed.
    pub subject: String,
    /// The Date header, when it is a real moment. Evidence only: never the receipt moment.
    pub date: Option<Timestamp>,
    /// Message-ID without angle brackets.
    pub message_id: Option<String>,
    /// The newest Received header of the trusted host, when there is one (domain 3.1 rule 1).
    #[serde(default)]
    pub received_at: Option<Timestamp>,
    /// The new text alone: no quotation, no signature.
    pub text: String,
    /// Whether nothing of `text` was typed now: it was quoted, stands in a mail attached, or is a form's. Such a text says
    /// what a letter is about, and orders nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nothing_typed: bool,
    /// What was quoted, and the signature.
    pub quoted: String,
    /// `None` when it can't be decided.
    pub language: Option<Language>,
    /// Parts that are not the text.
    pub attachments: Vec<Attachment>,
    /// Form fields, order number, telephone: named as in the procedure's `ask_for`.
    pub fields: BTreeMap<String, String>,
    /// By what it may belong to a complaint.
    pub keys: Keys,
    /// The trusted server's verdict on the sender.
    pub authentication: Authentication,
    /// For `Class::Bounce` and delay reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounce: Option<Bounce>,
    /// The mail that was passed on, when there is one: the outermost, of a letter alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded: Option<Forwarded>,
    /// The limit that it goes beyond, or why nothing could be understood of it; `None` when all of it was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// All or part of it is encrypted and was not read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub encrypted: bool,
    /// SHA-256 (hex) over the body alone: the same mail delivered twice has another header block but the same body.
    #[serde(default)]
    pub body_sha256: String,
    /// What was wrong or unusual, in words.
    pub oddities: Vec<String>,
}
