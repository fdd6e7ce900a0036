//! What a delivery status notification says (RFC 3464), read by hand: the parser gives its parts as plain bytes.

use std::borrow::Cow;
use std::sync::LazyLock;

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};
use regex::Regex;

use super::charset;
use super::headers::Headers;
use super::parts::{Looked, media_type};
use super::phrases;
use super::read::clean;
use crate::domain::mail::Bounce;

/// Longest diagnostic that is kept, in characters (the contract of [`Bounce`]).
const DIAGNOSTIC: usize = 300;

/// Bytes of one part that are looked at.
const LOOKED_AT: usize = 64 * 1024;

/// Characters of a text in which a failure notice says what failed.
const NOTICE: usize = 2000;

/// What was found in a mail that may be a notification.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// `failed`, `delayed`, `delivered`, `relayed`, `expanded`: the gravest of all recipients.
    pub(super) action: Option<String>,
    /// Whether there is a part with the notification for machines.
    pub(super) has_status_part: bool,
    /// Whether there is a part that says what became of a mail at its reader's (RFC 8098).
    pub(super) has_disposition_part: bool,
    /// Whether the mail that is attached was reported as unwanted by its reader.
    pub(super) abuse_report: bool,
    /// What it says of the mail that it is about.
    pub(super) bounce: Bounce,
}

/// An enhanced status code of a failure (RFC 3463 section 2).
static STATUS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?:^|[^\d.])([45]\.\d{1,3}\.\d{1,3})(?:[^\d.]|\.?$|\.\s)"));

/// A line with what a server answered: `550 5.1.1 User unknown`, `#5.1.1`, `said: 554 …`.
static ANSWER: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?im)^.*(?:\b[45]\d\d[ -]|\b[45]\.\d{1,3}\.\d{1,3}\b).*$"));

/// An address behind the words of a notice, in angle brackets, or alone on its line: the surest comes first.
static RECIPIENTS: LazyLock<[Regex; 3]> = LazyLock::new(|| {
    [
        regex(
            r"(?ix)(?:final-recipient:\s*rfc822;|rcpt\ to:|addressed\ to:|recipient(?:\(s\))?:|unknown\ user:|user\ unknown:|undeliverable\ to|
               could\ not\ be\ delivered\ to(?:\ the\ following\ \w+)?:?|(?:was|been)\ not\ delivered\ to:?|did\ not\ reach:?|
               unable\ to\ deliver\ (?:your\ |the\ )?(?:message|mail)\ to:?|delivery\ to(?:\ the\ following\ recipients?)?(?:\ failed)?:?|
               (?:bezorgd|afgeleverd)\ (?:worden\ )?(?:bij|aan):?|following\ address(?:es|\(es\))?\ (?:failed|had\ .{1,40}):?)
               [\s-]*[<'\x22]?([^<>\s@'\x22:;]+@[^<>\s@'\x22:;]+\.[^<>\s@'\x22:;,)]+)",
        ),
        regex(
            r"(?m)<(?:mailto:)?([^<>@\s]+@[^<>@\s]+\.[^<>@\s]+)>|^\s*[*-]?\s*\x22?([^<>@\s:\x22]+@[^<>@\s:\x22]+\.[^<>@\s:,\x22]+?)\x22?:?\s*$",
        ),
        regex(r"([A-Za-z0-9._%+=#-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"),
    ]
});

/// An address and nothing else.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| regex(r"^[^\s@=/]+@[^\s@]+\.[^\s@]+$"));

/// An address on a line of its own.
static ALONE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?m)^[\s<\x22]*([^<>@\s:\x22]+@[^<>@\s:\x22]+\.[^<>@\s:,\x22]+)[\s>\x22:]*$"));

/// Where the copy of the mail begins that came back.
static COPY: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?im)^\W{0,40}(?:original message|returned message|copy of (?:the|your)|below this line is a copy|(?:this|here) is a copy|unsent message|message follows|message header follows|return-path:|received:|oorspronkelijk|the original message)",
    )
});

/// A Message-ID in the copy of a mail that stands in the text.
static MESSAGE_ID: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?im)^[>\s*|]*(?:original[- ])?message[- ]?id\*?:\*?\s*<?\s*([^<>\s]+@[^<>\s]+)>?")
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of ours is right: the tests of this file use every one")
}

/// Looks at the parts of a mail, and at its headers.
pub(super) fn find(message: &Message, headers: &Headers, looked: &Looked) -> Found {
    let mut found = Found::default();
    let passed_on = !is_report(message, headers);
    for (id, part) in (0_u32..).zip(&message.parts) {
        if !looked.at(id) {
            break;
        }
        match media_type(part).as_str() {
            "message/delivery-status" | "message/global-delivery-status" if !(passed_on && is_file(part)) => {
                status(&text_of(part), &mut found);
            }
            "message/disposition-notification" | "message/global-disposition-notification" => {
                found.has_disposition_part = true;
            }
            "message/rfc822"
            | "text/rfc822-headers"
            | "text/rfc822"
            | "message/global"
            | "message/global-headers"
            | "message/rfc822-headers"
                if id > 0 =>
            {
                original(part, &mut found);
            }
            _ => {}
        }
    }
    let failed = headers.first("x-failed-recipients").and_then(|value| value.split(',').next());
    found.bounce.recipient = found.bounce.recipient.or(failed.map(clean)).filter(|r| !r.is_empty());
    if found.bounce.original_message_id.is_none() {
        let named = headers.message_ids("original-message-id").into_iter().next();
        found.bounce.original_message_id = named;
    }
    found
}

/// Whether the mail is a notice itself. A person may send one on, and then its parts are files.
fn is_report(message: &Message, headers: &Headers) -> bool {
    let from = headers.first("from").unwrap_or_default().to_lowercase();
    media_type(message.root_part()) == "multipart/report"
        || headers.all("return-path").any(|path| path.split_whitespace().collect::<String>() == "<>")
        || phrases::MAIL_SYSTEMS.iter().any(|name| from.contains(name))
}

fn is_file(part: &MessagePart) -> bool {
    part.content_disposition().is_some_and(mail_parser::ContentType::is_attachment)
}

/// What the words of a notice say where its part for machines is silent. `is_other` are addresses that are not the
/// recipient's: ours and the mail system's own.
pub(super) fn from_words(bounce: &mut Bounce, text: &str, is_other: &dyn Fn(&str) -> bool) {
    let start: String = text.chars().take(LOOKED_AT).collect();
    let notice = COPY.find(&start).map_or(start.as_str(), |copy| &start[..copy.start()]);
    // A mail system that begins with the copy of the mail has its words below it.
    let notice = if notice.trim().is_empty() { start.as_str() } else { notice };
    if bounce.recipient.is_none() {
        bounce.recipient = RECIPIENTS.iter().find_map(|pattern| {
            let found = pattern.captures_iter(notice).filter_map(|c| c.iter().skip(1).flatten().next());
            let mut found = found.map(|m| m.as_str().trim_end_matches(['.', '>', ')', ',']));
            let system = |address: &str| {
                let address = address.to_ascii_lowercase();
                phrases::MAIL_SYSTEMS.iter().any(|name| address.starts_with(name))
            };
            found.find(|address| !is_other(address) && !system(address)).map(str::to_owned)
        });
    }
    if bounce.status.is_none() {
        bounce.status = STATUS.captures(notice).map(|c| c[1].to_owned());
    }
    if bounce.diagnostic.is_none() {
        let words = ANSWER.find(notice).map(|line| clean(line.as_str()));
        bounce.diagnostic = words.map(|words| words.chars().take(DIAGNOSTIC).collect());
    }
    if bounce.original_message_id.is_none() {
        bounce.original_message_id = MESSAGE_ID.captures(&start).map(|c| c[1].to_owned());
    }
}

/// Whether a text names an address, on a line of its own or behind the words of a notice, that is none of its sender's; or
/// the code of a failure.
pub(super) fn names_failure(text: &str, is_senders: &dyn Fn(&str) -> bool) -> bool {
    let start: String = text.chars().take(NOTICE).collect();
    let mut named = ALONE.captures_iter(&start).chain(RECIPIENTS[0].captures_iter(&start));
    named.any(|found| !is_senders(&found[1])) || STATUS.is_match(&start)
}

/// Whether a text names the code of a failure.
pub(super) fn names_status(text: &str) -> bool {
    let start: String = text.chars().take(NOTICE).collect();
    STATUS.is_match(&start)
}

fn text_of<'a>(part: &'a MessagePart) -> Cow<'a, str> {
    let bytes: &[u8] = match &part.body {
        PartType::Text(text) | PartType::Html(text) => return Cow::Borrowed(text),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes,
        PartType::Message(inner) => inner.raw_message(),
        PartType::Multipart(_) => &[],
    };
    charset::utf8_or_windows_1252(&bytes[..bytes.len().min(LOOKED_AT)])
}

/// One group of fields for the mail, then one for each recipient; the first that failed counts, else the first.
fn status(text: &str, found: &mut Found) {
    found.has_status_part = true;
    for group in groups(text).iter().map(|group| Headers::parse(group)) {
        let action = group.first("action").map(first_word).filter(|action| !action.is_empty());
        let graver = action.as_deref() == Some("failed") && found.action.as_deref() != Some("failed");
        if found.action.is_none() || graver {
            found.action = action.or(found.action.take());
        }
        if graver || found.bounce.recipient.is_none() {
            recipient(&group, &mut found.bounce);
        }
    }
}

/// The groups of fields, between lines that are empty or blank.
fn groups(text: &str) -> Vec<String> {
    let mut groups = vec![String::new()];
    for line in text.lines() {
        if line.trim().is_empty() {
            groups.push(String::new());
        } else if let Some(group) = groups.last_mut() {
            group.push_str(line);
            group.push('\n');
        }
    }
    groups
}

fn recipient(group: &Headers, bounce: &mut Bounce) {
    // The original one is the one that we wrote to (RFC 3464 section 2.3.1); a gateway may give it in another form.
    let named = ["original-recipient", "final-recipient", "x-actual-recipient"];
    let named: Vec<String> = named.iter().filter_map(|name| group.first(name)).map(after_type).collect();
    let address = named.iter().find(|named| ADDRESS.is_match(named)).or(named.first());
    let Some(named) = address.filter(|named| !named.is_empty()).cloned() else { return };
    bounce.recipient = Some(named);
    bounce.status = group.first("status").map(first_word).filter(|word| !word.is_empty());
    let words = group.first("diagnostic-code").map(after_type);
    bounce.diagnostic = words.map(|words| words.chars().take(DIAGNOSTIC).collect());
}

/// The keyword in lower case, without what follows it.
fn first_word(value: &str) -> String {
    value.trim().split([' ', ';', '(', '\t']).next().unwrap_or_default().to_lowercase()
}

/// What stands after `rfc822;` or `smtp;`.
fn after_type(value: &str) -> String {
    let value = value.split_once(';').map_or(value, |(_, rest)| rest);
    clean(value).trim_matches(['<', '>', '"', ' ']).to_owned()
}

fn original(part: &MessagePart, found: &mut Found) {
    let headers = Headers::parse(text_of(part).trim_start().split("\n\n").next().unwrap_or_default());
    found.abuse_report |= ["x-hmxmroriginalrecipient", "x-reporter-ip"].iter().any(|name| headers.has(name));
    if found.bounce.original_message_id.is_none() {
        found.bounce.original_message_id = headers.message_ids("message-id").into_iter().next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recipient_that_failed_counts() {
        let mut found = Found::default();
        status(
            "Reporting-MTA: dns; mx.test\r\n\r\nFinal-Recipient: rfc822; ok@klant.test\r\nAction: delivered\r\nStatus: 2.0.0\r\n\
             \r\nFinal-Recipient: rfc822;<weg@klant.test>\r\nAction: Failed (x)\r\nStatus: 5.1.1 (bad)\r\n\
             Diagnostic-Code: smtp; 550 5.1.1\r\n unknown\r\n",
            &mut found,
        );
        assert_eq!(found.action.as_deref(), Some("failed"));
        let expected = Bounce {
            recipient: Some("weg@klant.test".to_owned()),
            status: Some("5.1.1".to_owned()),
            diagnostic: Some("550 5.1.1 unknown".to_owned()),
            original_message_id: None,
        };
        assert_eq!(found.bounce, expected);
    }

    #[test]
    fn words_of_a_notice_without_a_part_for_machines() {
        let mut bounce = Bounce::default();
        from_words(
            &mut bounce,
            "Hi. This is qmail at us@mx.test.\n\n<weg@klant.test>:\n550 #5.1.1 no user\n\nMessage-ID: <a@b>",
            &|address| address == "us@mx.test",
        );
        assert_eq!(bounce.diagnostic.as_deref(), Some("550 #5.1.1 no user"));
        assert_eq!(bounce.recipient.as_deref(), Some("weg@klant.test"));
        assert_eq!(bounce.status.as_deref(), Some("5.1.1"));
        assert_eq!(bounce.original_message_id.as_deref(), Some("a@b"));
    }
    #[test]
    fn the_recipient_in_the_words_of_many_mail_systems() {
        for words in [
            "Unknown user: weg@klant.test\n\nOriginal message follows.",
            "Your message could not be delivered to\nweg@klant.test",
            "undeliverable to weg@klant.test",
            "Your message\n\n  To: x\n\ndid not reach the following recipient(s):\n\nweg@klant.test on Mon",
            "  weg@klant.test\n    SMTP error from remote mail server after RCPT TO:<weg@klant.test>:",
            "De bezorging bij de volgende geadresseerde is mislukt:\n\nweg@klant.test (weg@klant.test)",
            "Delivery of email to this address\n\"weg@klant.test\"\nhas been postponed",
        ] {
            let mut bounce = Bounce::default();
            from_words(&mut bounce, words, &|_| false);
            assert_eq!(bounce.recipient.as_deref(), Some("weg@klant.test"), "{words}");
        }
    }

    #[test]
    fn the_copy_below_a_notice_names_no_recipient() {
        let mut bounce = Bounce::default();
        let text = "It failed.\n--- Original message ---\nReceived: for <ander@klant.test>\nMessage-Id: a@b";
        from_words(&mut bounce, text, &|_| false);
        assert_eq!(bounce.recipient, None);
        assert_eq!(bounce.original_message_id.as_deref(), Some("a@b"));
    }

    #[test]
    fn a_number_of_a_version_is_no_status() {
        for (words, status) in
            [("Exim 4.96.1.2", None), ("(#5.1.1)", Some("5.1.1")), ("550 5.7.1.", Some("5.7.1"))]
        {
            let mut bounce = Bounce::default();
            from_words(&mut bounce, words, &|_| false);
            assert_eq!(bounce.status.as_deref(), status, "{words}");
        }
    }
}
