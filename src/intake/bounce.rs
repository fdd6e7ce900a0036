//! What a delivery status notification says (RFC 3464), read by hand: the parser gives its parts as plain bytes.

use std::borrow::Cow;
use std::sync::LazyLock;

use mail_parser::{Message, MessagePart, PartType};
use regex::Regex;

use super::charset;
use super::headers::Headers;
use super::parts::{Looked, media_type};
use super::read::clean;
use crate::domain::mail::Bounce;

/// Longest diagnostic that is kept, in characters (the contract of [`Bounce`]).
const DIAGNOSTIC: usize = 300;

/// Bytes of one part that are looked at.
const LOOKED_AT: usize = 64 * 1024;

/// What was found in a mail that may be a notification.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// `failed`, `delayed`, `delivered`, `relayed`, `expanded`: the gravest of all recipients.
    pub(super) action: Option<String>,
    /// Whether there is a part with the notification for machines.
    pub(super) has_status_part: bool,
    /// What it says of the mail that it is about.
    pub(super) bounce: Bounce,
}

/// A status code after its words in a notice without a part for machines: `550 5.1.1`, `#5.1.1`, `550`.
static STATUS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b([245]\.\d{1,3}\.\d{1,3})\b").expect("a pattern of ours is right"));

/// An address in angle brackets or alone on its line.
static RECIPIENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)<([^<>@\s]+@[^<>@\s]+\.[^<>@\s]+)>|^\s*([^<>@\s:]+@[^<>@\s:]+\.[^<>@\s:]+):?\s*$")
        .expect("a pattern of ours is right")
});

/// A Message-ID in the copy of a mail that stands in the text.
static MESSAGE_ID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?im)^[>\s]*message-id:\s*<([^<>\s]+)>").expect("a pattern of ours is right")
});

/// Looks at the parts of a mail, and at its headers.
pub(super) fn find(message: &Message, headers: &Headers, looked: &Looked) -> Found {
    let mut found = Found::default();
    for (id, part) in (0_u32..).zip(&message.parts) {
        if !looked.at(id) {
            break;
        }
        match media_type(part).as_str() {
            "message/delivery-status" | "message/global-delivery-status" => {
                status(&text_of(part), &mut found);
            }
            "message/rfc822" | "text/rfc822-headers" | "message/global" | "message/global-headers"
                if id > 0 =>
            {
                original(part, &mut found.bounce);
            }
            _ => {}
        }
    }
    let failed = headers.first("x-failed-recipients").and_then(|value| value.split(',').next());
    found.bounce.recipient = found.bounce.recipient.or(failed.map(clean)).filter(|r| !r.is_empty());
    found
}

/// What the words of a notice say where its part for machines is silent.
pub(super) fn from_words(bounce: &mut Bounce, text: &str) {
    let start: String = text.chars().take(LOOKED_AT).collect();
    if bounce.recipient.is_none() {
        let captures = RECIPIENT.captures(&start);
        bounce.recipient =
            captures.and_then(|c| c.get(1).or_else(|| c.get(2))).map(|m| m.as_str().to_owned());
    }
    if bounce.status.is_none() {
        bounce.status = STATUS.captures(&start).map(|c| c[1].to_owned());
    }
    if bounce.original_message_id.is_none() {
        bounce.original_message_id = MESSAGE_ID.captures(&start).map(|c| c[1].to_owned());
    }
}

fn text_of<'a>(part: &'a MessagePart) -> Cow<'a, str> {
    let bytes: &[u8] = match &part.body {
        PartType::Text(text) | PartType::Html(text) => return Cow::Borrowed(text),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes,
        PartType::Message(inner) => &inner.raw_message,
        PartType::Multipart(_) => &[],
    };
    charset::utf8_or_windows_1252(&bytes[..bytes.len().min(LOOKED_AT)])
}

/// One group of fields for the mail, then one for each recipient; the first that failed counts, else the first.
fn status(text: &str, found: &mut Found) {
    found.has_status_part = true;
    let text = text.replace("\r\n", "\n");
    for group in text.split("\n\n").map(Headers::parse) {
        let action = group.first("action").map(first_word);
        let graver = action.as_deref() == Some("failed") && found.action.as_deref() != Some("failed");
        if found.action.is_none() || graver {
            found.action = action.or(found.action.take());
        }
        if graver || found.bounce.recipient.is_none() {
            recipient(&group, &mut found.bounce);
        }
    }
}

fn recipient(group: &Headers, bounce: &mut Bounce) {
    let named = group.first("final-recipient").or_else(|| group.first("original-recipient"));
    let Some(named) = named.map(after_type).filter(|r| !r.is_empty()) else { return };
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

fn original(part: &MessagePart, bounce: &mut Bounce) {
    if bounce.original_message_id.is_none() {
        let ids = Headers::parse(text_of(part).trim_start()).message_ids("message-id");
        bounce.original_message_id = ids.into_iter().next();
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
            "Hi. This is qmail.\n\n<weg@klant.test>:\n550 #5.1.1 no user\n\nMessage-ID: <a@b>",
        );
        assert_eq!(bounce.recipient.as_deref(), Some("weg@klant.test"));
        assert_eq!(bounce.status.as_deref(), Some("5.1.1"));
        assert_eq!(bounce.original_message_id.as_deref(), Some("a@b"));
    }
}
