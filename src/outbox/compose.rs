//! Makes the bytes of a mail (RFC 5322). Pure: the date and the Message-ID come in as values.

use std::time::SystemTime;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use lettre::Address;
use lettre::message::header::{self, ContentTransferEncoding, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, Mailboxes, MultiPart, MultiPartKind, SinglePart};
use sha2::{Digest, Sha256};

use crate::domain::mail::Party;

/// How an automatic mail calls itself (RFC 3834 section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoSubmitted {
    /// `auto-replied`: the direct answer to a mail.
    Replied,
    /// `auto-generated`: sent for another reason.
    Generated,
}

/// How the Message-IDs end that `klachtd add` gives to what did not come by mail (RFC 2606 section 2: never used).
pub const ADDED: &str = "@klachtd.invalid";

/// What stands above the text. Message-IDs are without angle brackets.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a> {
    /// The author.
    pub from: &'a Party,
    /// The one recipient.
    pub to: &'a Party,
    /// The address for answers, when it is not the author's.
    pub reply_to: Option<&'a str>,
    /// The subject as people read it.
    pub subject: &'a str,
    /// Our own Message-ID.
    pub message_id: &'a str,
    /// The mails that this one answers. May hold what strangers wrote: unusable ones are left out.
    pub in_reply_to: &'a [String],
    /// The thread so far, oldest first. As `in_reply_to`.
    pub references: &'a [String],
    /// The moment of the decision; written in UTC.
    pub date: Timestamp,
    /// `None` for what a person wrote.
    pub auto_submitted: Option<AutoSubmitted>,
}

/// Why no mail can be made of what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// The author's address is none.
    #[error("the sender's address is not valid")]
    From,
    /// The recipient's address is none.
    #[error("the recipient's address is not valid")]
    To,
    /// The address for answers is none.
    #[error("the Reply-To address is not valid")]
    ReplyTo,
    /// Our own Message-ID can't stand in a header.
    #[error("the Message-ID is not valid")]
    MessageId,
    /// The date lies before 1970.
    #[error("the date lies before 1970")]
    Date,
}

/// Bytes of a subject or a name beyond which it is cut: a single word of it must fit into a line (998, RFC 5322 2.1.1).
const TEXT_LIMIT: usize = 400;

/// Bytes of an address (RFC 5321 section 4.5.3.1: 64 + 1 + 255).
const ADDRESS_LIMIT: usize = 320;

/// Bytes of a Message-ID of others that we repeat.
const ID_LIMIT: usize = 500;

/// Message-IDs in References: the first and the newest of a longer thread (RFC 5322 allows to leave out).
const REFERENCES_LIMIT: usize = 20;

/// Longest line that is left as it is in the text; longer ones call for quoted-printable (RFC 5322 section 2.1.1).
const LINE_LIMIT: usize = 78;

/// The finished mail: lines ending in CRLF, ASCII unless an address is not, `text/plain` in UTF-8; with HTML it is
/// `multipart/alternative`, the text first (RFC 2046 section 5.1.4).
///
/// Control characters in names and subject become spaces, so that nothing in them can begin a header of its own.
///
/// # Errors
/// An address, the Message-ID or the date can't stand in a header.
pub fn compose(headers: &Headers<'_>, text: &str, html: Option<&str>) -> Result<Vec<u8>, ComposeError> {
    let mut head = header::Headers::new();
    head.set(header::Date::new(date(headers.date)?));
    head.set(header::From::from(Mailboxes::from(mailbox(headers.from).ok_or(ComposeError::From)?)));
    head.set(header::To::from(Mailboxes::from(mailbox(headers.to).ok_or(ComposeError::To)?)));
    if let Some(address) = headers.reply_to {
        let mailbox = Mailbox::new(None, self::address(address).ok_or(ComposeError::ReplyTo)?);
        head.set(header::ReplyTo::from(Mailboxes::from(mailbox)));
    }
    head.set(header::Subject::from(one_line(headers.subject)));
    set_thread(&mut head, headers)?;
    set_automatic(&mut head, headers.auto_submitted);
    head.set(header::MIME_VERSION_1_0);
    let plain = body(text);
    let mut mail;
    if let Some(html) = html {
        let parts = MultiPart::builder()
            .kind(MultiPartKind::Alternative)
            .boundary(boundary(headers.message_id))
            .singlepart(SinglePart::builder().header(header::ContentType::TEXT_PLAIN).body(plain))
            .singlepart(SinglePart::builder().header(header::ContentType::TEXT_HTML).body(body(html)));
        mail = head.to_string().into_bytes();
        mail.extend_from_slice(&parts.formatted());
    } else {
        head.set(header::ContentType::TEXT_PLAIN);
        head.set(plain.encoding());
        mail = head.to_string().into_bytes();
        mail.extend_from_slice(b"\r\n");
        mail.extend_from_slice(plain.as_ref());
    }
    if !mail.ends_with(b"\r\n") {
        mail.extend_from_slice(b"\r\n");
    }
    Ok(mail)
}

/// What stands between the parts. No line of ours begins with it: it holds a hash of the Message-ID.
fn boundary(message_id: &str) -> String {
    let hash = HEXLOWER.encode(&Sha256::digest(message_id.as_bytes()));
    // "=_" never stands in quoted-printable text (RFC 2045 section 6.7).
    format!("=_{}", &hash[..32])
}

fn date(date: Timestamp) -> Result<SystemTime, ComposeError> {
    // lettre's Date panics before 1970
    if date < Timestamp::UNIX_EPOCH { Err(ComposeError::Date) } else { Ok(date.into()) }
}

fn mailbox(party: &Party) -> Option<Mailbox> {
    let name = party.name.as_deref().map(one_line).filter(|name| !name.is_empty());
    Some(Mailbox::new(name, address(&party.email)?))
}

fn address(text: &str) -> Option<Address> {
    if text.len() > ADDRESS_LIMIT { None } else { text.parse().ok() }
}

/// Without control characters and line separators, runs of white space as one space, not too long.
fn one_line(text: &str) -> String {
    let spaced = text.replace(|c: char| c.is_control() || c.is_whitespace(), " ");
    let mut line = spaced.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if line.len() > TEXT_LIMIT {
        line.truncate(line.floor_char_boundary(TEXT_LIMIT));
        line.truncate(line.trim_end().len());
        line.push('…');
    }
    line
}

fn set_thread(head: &mut header::Headers, headers: &Headers<'_>) -> Result<(), ComposeError> {
    let own = message_id(headers.message_id).ok_or(ComposeError::MessageId)?;
    head.set(header::MessageId::from(own));
    let parents: Vec<String> =
        headers.in_reply_to.iter().filter_map(|id| message_id(id)).take(REFERENCES_LIMIT).collect();
    if !parents.is_empty() {
        head.set(header::InReplyTo::from(parents.join(" ")));
    }
    let mut thread: Vec<String> = headers.references.iter().filter_map(|id| message_id(id)).collect();
    if thread.len() > REFERENCES_LIMIT {
        thread.drain(1..=thread.len() - REFERENCES_LIMIT);
    }
    if !thread.is_empty() {
        head.set(header::References::from(thread.join(" ")));
    }
    Ok(())
}

/// In angle brackets, when it is one word of printable ASCII that can stand between them.
fn message_id(id: &str) -> Option<String> {
    let fits = !id.is_empty()
        && id.len() <= ID_LIMIT
        && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'<' && byte != b'>');
    fits.then(|| format!("<{id}>"))
}

/// RFC 3834 section 5, and what Exchange heeds ([MS-OXCMAIL] 2.1.3.2.20): nobody's machine is to answer our mails.
fn set_automatic(head: &mut header::Headers, auto_submitted: Option<AutoSubmitted>) {
    const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");
    const SUPPRESS: HeaderName = HeaderName::new_from_ascii_str("X-Auto-Response-Suppress");
    let word = match auto_submitted {
        Some(AutoSubmitted::Replied) => Some("auto-replied"),
        Some(AutoSubmitted::Generated) => Some("auto-generated"),
        None => None,
    };
    if let Some(word) = word {
        head.insert_raw(HeaderValue::new(AUTO_SUBMITTED, word.to_owned()));
    }
    head.insert_raw(HeaderValue::new(SUPPRESS, "All".to_owned()));
}

/// As it is when every server takes it so, else quoted-printable, which is readable where base64 is not.
fn body(text: &str) -> Body {
    let mut text = text.replace("\r\n", "\n").replace('\r', "\n");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let plain = |line: &str| {
        line.len() <= LINE_LIMIT && line.bytes().all(|byte| byte == b'\t' || matches!(byte, b' '..=b'~'))
    };
    let quoted = ContentTransferEncoding::QuotedPrintable;
    let first = if text.lines().all(plain) { ContentTransferEncoding::SevenBit } else { quoted };
    // lettre counts lines in its own way and takes some of ours for too long.
    // What it gives back are bytes, of which it would write each line end as "=0A".
    Body::new_with_encoding(text.clone(), first).unwrap_or_else(|_| {
        Body::new_with_encoding(text, quoted).expect("every text can be written as quoted-printable")
    })
}

#[cfg(test)]
mod tests;
