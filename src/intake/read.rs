//! Bytes become a letter. Reading never fails: any bytes give an answer, with what was odd about them.

use std::panic::{self, AssertUnwindSafe};

use mail_parser::{HeaderName, Message, MessageParser, MimeHeaders};
use sha2::{Digest, Sha256};

use super::authentication::{self, moment};
use super::bounce;
use super::classify::{self, Answer, Signs, Verdict};
use super::content;
use super::fields::Patterns;
use super::forward;
use super::headers::{self, Headers};
use super::language;
use super::nesting;
use super::parts::{self, Looked};
use super::quote::{self, Split};
use super::sender::{self, Sender};
use super::thread;
use crate::domain::house::{House, Mailbox};
use crate::domain::mail::{Authentication, Bounce, Class, Keys, Language, Letter, Party};

/// Characters of a subject, a name or a Message-ID that are kept: no line of a mail may be longer (RFC 5322 2.1.1).
const LONGEST_LINE: usize = 998;

/// Limits on one mail; what is beyond them is not looked at, and that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes of the header block.
    pub header_bytes: usize,
    /// Parts.
    pub parts: usize,
    /// Levels of parts in parts.
    pub depth: usize,
    /// Characters of text that are kept.
    pub text: usize,
    /// Addresses in one mail.
    pub addresses: usize,
}

impl Default for ReadLimits {
    /// Those of the product ("Configuration": 1 MB, 1,000 parts, depth 50).
    fn default() -> Self {
        Self { header_bytes: 1 << 20, parts: 1000, depth: 50, text: 1 << 20, addresses: 200 }
    }
}

/// Everything that reading depends on besides the bytes.
pub struct Reading<'a> {
    /// The mailbox that it came into.
    pub mailbox: &'a Mailbox,
    /// All mailboxes, for our own addresses.
    pub house: &'a House,
    /// The field patterns of the procedure.
    pub patterns: &'a Patterns,
    /// The languages of the procedure.
    pub languages: &'a [Language],
    /// Limits on one mail.
    pub limits: ReadLimits,
    /// Whether a Message-ID is one that we signed.
    pub is_ours: &'a dyn Fn(&str) -> bool,
}

/// Reads a mail. Never fails and never panics.
pub fn read(raw: &[u8], reading: &Reading) -> Letter {
    let tidy = headers::tidy(raw);
    let head = headers::body_start(&tidy).unwrap_or(tidy.len());
    if head > reading.limits.header_bytes {
        let what =
            format!("its header is longer than {} bytes; it was not read", reading.limits.header_bytes);
        return not_understood(raw, &what);
    }
    if tidy.iter().all(u8::is_ascii_whitespace) {
        return not_understood(raw, "it is empty");
    }
    if let Some(what) = nesting::beyond(&tidy, reading.limits) {
        return not_understood(raw, &what);
    }
    // The parser has panicked on crafted mail before; whatever it does, the raw mail is kept for a person.
    let understood = panic::catch_unwind(AssertUnwindSafe(|| {
        MessageParser::default().parse(&*tidy).map(|message| understood(&message, &tidy, reading))
    }));
    match understood {
        Ok(Some(letter)) => letter,
        Ok(None) => not_understood(raw, "it is empty"),
        Err(_) => not_understood(raw, "its structure could not be understood"),
    }
}

/// The mail that a letter passes on, as if its writer had sent it to us; `None` when there is none with an address.
pub fn passed_on(letter: &Letter, reading: &Reading) -> Option<Letter> {
    let inner = letter.forwarded.as_ref()?;
    let from = inner.from.clone()?;
    let subject = if inner.subject.is_empty() { &letter.subject } else { &inner.subject };
    let silent = classify::takes_no_answers(&from.email);
    let language = language::of(&format!("{subject}\n{}", inner.text));
    Some(Letter {
        answerable: !silent,
        reasons: silent
            .then(|| "nobody reads answers to its sender's address".to_owned())
            .into_iter()
            .collect(),
        relay: None,
        reply_to: None,
        nothing_typed: true,
        text: inner.text.clone(),
        quoted: String::new(),
        language: language.filter(|language| reading.languages.contains(language)),
        fields: reading.patterns.find(subject, &inner.text, false),
        subject: subject.clone(),
        from: Some(from),
        forwarded: None,
        ..letter.clone()
    })
}

/// A letter of which nothing was understood: kept for a person.
pub fn unread(raw: &[u8]) -> Letter {
    Letter {
        class: Class::Letter,
        answerable: false,
        reasons: vec!["it could not be read".to_owned()],
        from: None,
        relay: None,
        reply_to: None,
        recipients: Vec::new(),
        subject: String::new(),
        date: None,
        message_id: None,
        received_at: None,
        nothing_typed: true,
        text: String::new(),
        quoted: String::new(),
        language: None,
        attachments: Vec::new(),
        fields: std::collections::BTreeMap::new(),
        keys: Keys::default(),
        authentication: Authentication::default(),
        bounce: None,
        forwarded: None,
        unreadable: None,
        encrypted: false,
        body_sha256: body_sha256(raw),
        oddities: Vec::new(),
    }
}

fn not_understood(raw: &[u8], why: &str) -> Letter {
    Letter { unreadable: Some(why.to_owned()), oddities: vec![why.to_owned()], ..unread(raw) }
}

/// The same mail delivered twice has another header block but the same body. Line ends and blank ends do not count.
fn body_sha256(raw: &[u8]) -> String {
    let start = headers::body_start(raw).unwrap_or(raw.len());
    let mut hash = Sha256::new();
    for line in raw[start..].trim_ascii_end().split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(line) => {
                hash.update(line);
                hash.update(b"\n");
            }
            None => hash.update(line),
        }
    }
    data_encoding::HEXLOWER.encode(&hash.finalize())
}

fn understood(message: &Message, raw: &[u8], reading: &Reading) -> Letter {
    let mut oddities = Vec::new();
    let headers = Headers::of(raw, reading.limits.header_bytes);
    let looked = Looked::of(message, reading.limits, &mut oddities);
    let subject = subject(message, &headers, &mut oddities);
    let content = content::of(message, &looked, reading.limits, &mut oddities);
    let whole = content.text;
    let mut crowded = None;
    let recipients = sender::recipients(message, &headers, reading.limits.addresses, &mut crowded);
    oddities.extend(crowded.clone());
    let sender = Sender::of(message, &headers, reading, &mut oddities);
    // A form quotes nobody: what looks like the headers of a mail are its fields.
    let split = match sender.relay {
        Some(_) => Split { new: whole.trim().to_owned(), rest: String::new(), typed: false },
        None => quote::split(&whole),
    };
    let fields = reading.patterns.find(&subject, &split.new, sender.relay.is_some());
    let from = sender.complainant(&fields);
    let message_id = message_id(&headers, &mut oddities);
    let date = date(message, &headers, &mut oddities);
    let signs = Signs {
        own: own(&sender, message_id.as_deref(), reading),
        subject: &subject,
        text: &whole,
        new_text: &split.new,
        names_failure: bounce::names_failure(&whole, &|a| sender.wrote_as(a)) || content.forwarded.is_some(),
        names_status: bounce::names_status(&whole),
        verp: sender::is_verp(&headers, &recipients),
        ..signs(message, &headers, &looked, &sender, from.as_ref(), reading)
    };
    let verdict = classify::classify(&signs);
    let bounce = returned(&verdict, signs.found.bounce, &whole, headers.message_ids("in-reply-to"), &|a| {
        reading.house.is_own(a) || a == signs.from
    });
    let shown = || content.forwarded.or_else(|| forward::shown(&whole, &subject));
    let forwarded = if verdict.class == Class::Letter { shown() } else { None };
    let authentication = authenticated(&headers, &sender, reading, &mut oddities);
    let language = language::of(&format!("{subject}\n{}", split.new));
    Letter {
        class: verdict.class,
        answerable: verdict.answerable,
        reasons: verdict.reasons,
        reply_to: sender
            .reply_to
            .filter(|r| from.as_ref().is_none_or(|f| !f.email.eq_ignore_ascii_case(&r.email))),
        relay: sender.relay,
        from,
        keys: thread::keys(reading.mailbox, &recipients, &subject, &headers),
        recipients: recipients.iter().map(|address| address.to_lowercase()).collect(),
        date,
        message_id,
        received_at: authentication::received_by(&headers, &reading.mailbox.trusted_authserv),
        authentication,
        attachments: content.attachments,
        bounce,
        forwarded,
        unreadable: looked.unreadable.or(crowded),
        encrypted: content.encrypted,
        nothing_typed: content.borrowed || !split.typed,
        text: split.new,
        quoted: split.rest,
        language: language.filter(|language| reading.languages.contains(language)),
        subject,
        fields,
        body_sha256: body_sha256(raw),
        oddities,
    }
}

/// When it was written, as its writer says.
fn date(message: &Message, headers: &Headers, oddities: &mut Vec<String>) -> Option<jiff::Timestamp> {
    let date = message.header_values(HeaderName::Date).find_map(|value| moment(value.as_datetime()?));
    if date.is_none() && headers.has("date") {
        oddities.push("its Date is no real moment".to_owned());
    }
    date
}

/// What classification looks at, but for what the caller has at hand.
fn signs(
    message: &Message,
    headers: &Headers,
    looked: &Looked,
    sender: &Sender,
    complainant: Option<&Party>,
    reading: &Reading,
) -> Signs<'static> {
    let media_type = parts::media_type(message.root_part());
    let report = message.content_type().filter(|_| media_type == "multipart/report");
    let written_by = sender.from.as_ref();
    let mut answered = [complainant, sender.reply_to.as_ref()].into_iter().flatten();
    let answer = match complainant {
        None => Answer::Nobody,
        Some(_)
            if answered.any(|p| reading.house.is_own(&p.email))
                || sender::is_from_ourselves(headers, reading.house) =>
        {
            Answer::Ourselves
        }
        Some(_) => Answer::Complainant,
    };
    Signs {
        headers: headers.clone(),
        report_type: report.and_then(|c| c.attribute("report-type")).unwrap_or_default().to_lowercase(),
        media_type,
        found: bounce::find(message, headers, looked),
        from: written_by.map(|p| p.email.to_lowercase()).unwrap_or_default(),
        from_name: written_by.and_then(|p| p.name.as_deref()).unwrap_or_default().to_lowercase(),
        reply_to: sender.reply_to.as_ref().map(|p| p.email.to_lowercase()).unwrap_or_default(),
        complainant: complainant.map(|p| p.email.to_lowercase()).unwrap_or_default(),
        form: sender.relay.is_some(),
        senders: sender.count,
        own_list: sender::is_own_list(headers, reading.house),
        answer,
        calendar_reply: parts::calendar_reply(message, looked),
        ..Signs::default()
    }
}

/// The trusted server's verdict. One on another sender than the one we read is a failure: the mail shows two faces.
fn authenticated(
    headers: &Headers,
    sender: &Sender,
    reading: &Reading,
    oddities: &mut Vec<String>,
) -> Authentication {
    let mut results = authentication::results(headers, &reading.mailbox.trusted_authserv);
    if let Some(from) = &sender.from
        && results.is_of_another(&from.email)
    {
        let checked = results.dmarc_domain.as_deref().unwrap_or_default();
        oddities
            .push(format!("the trusted server checked the sender of {checked}, but From is {}", from.email));
        results.found.dmarc = Some("fail".to_owned());
    }
    results.found
}

/// Why it is our own mail. A Message-ID merely at our domain is none: staff's mail programs write such too.
fn own(sender: &Sender, message_id: Option<&str>, reading: &Reading) -> Option<&'static str> {
    if sender.from.as_ref().is_some_and(|party| reading.house.is_own(&party.email)) {
        return Some("it comes from an address of ours");
    }
    message_id.filter(|id| (reading.is_ours)(id)).map(|_| "it carries a Message-ID that we signed")
}

/// What a bounce or a report says of our mail; of a bounce in words alone, what can be found in them.
fn returned(
    verdict: &Verdict,
    mut found: Bounce,
    text: &str,
    answered: Vec<String>,
    is_other: &dyn Fn(&str) -> bool,
) -> Option<Bounce> {
    match verdict.class {
        Class::Bounce | Class::Report => bounce::from_words(&mut found, text, is_other),
        _ => return None,
    }
    // Some mail systems answer like a person: their notice is a reply to the mail that failed.
    found.original_message_id = found.original_message_id.or_else(|| answered.into_iter().next());
    (found != Bounce::default()).then_some(found)
}

fn subject(message: &Message, headers: &Headers, oddities: &mut Vec<String>) -> String {
    match headers.first("subject") {
        None => oddities.push("it has no subject".to_owned()),
        Some(raw) if !raw.is_ascii() => oddities.push("subject is not encoded".to_owned()),
        Some(_) => {}
    }
    clean(message.subject().unwrap_or_default())
}

fn message_id(headers: &Headers, oddities: &mut Vec<String>) -> Option<String> {
    let ids = headers.message_ids("message-id");
    if ids.len() > 1 {
        oddities.push(format!("it has {} Message-IDs; the first one counts", ids.len()));
    }
    let bare = || headers.first("message-id").map(clean).filter(|id| !id.is_empty() && id != "<>");
    let id = ids.into_iter().next().or_else(bare);
    if id.is_none() {
        oddities.push("it has no Message-ID".to_owned());
    }
    id.map(|id| id.chars().take(LONGEST_LINE).collect())
}

/// One line: without control characters and the marks that turn the direction of writing, of bounded length.
pub(super) fn clean(text: &str) -> String {
    let hidden =
        |c: &char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{feff}');
    let shown = text.chars().filter(|c| !hidden(c)).map(|c| if c.is_control() { ' ' } else { c });
    let line: String = shown.take(LONGEST_LINE).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_hash_knows_no_headers_and_no_line_ends() {
        let one = body_sha256(b"A: b\r\n\r\nDag\r\n\r\nJan\r\n\r\n");
        assert_eq!(one, body_sha256(b"C: d\nE: f\n\nDag\n\nJan\n  \n"));
        assert_ne!(one, body_sha256(b"C: d\n\nDag\n\nJans\n"));
        assert_eq!(body_sha256(b""), body_sha256(b"A: b"));
    }

    #[test]
    fn a_clean_line() {
        assert_eq!(clean(" a\r\n\tb\0 \u{202e}c "), "a b c");
        assert_eq!(clean(&"x".repeat(5000)).len(), LONGEST_LINE);
    }
}
