//! The parts of a mail: which of them are looked at, and which are attachments.

use std::sync::LazyLock;

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};
use regex::Regex;

use super::charset;
use super::read::{ReadLimits, clean};
use crate::domain::mail::Attachment;

/// A file name in the header of a part, whatever its form.
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)\b(?:file)?name\*?(?:0\*?)?\s*=\s*(?P<value>"[^"]*"|[^;\s]+)"#)
        .expect("a pattern of ours is right: the tests of this file use it")
});

/// Bytes of a calendar in which it says its method.
const CALENDAR: usize = 1024;

/// Which parts lie within the limits on number and depth.
#[derive(Debug)]
pub(super) struct Looked {
    depths: Vec<usize>,
    limits: ReadLimits,
    /// The limit that the mail goes beyond, in words.
    pub(super) unreadable: Option<String>,
}

impl Looked {
    /// Counts depths from the root down; a part stands after the one that holds it, so one pass is enough.
    pub(super) fn of(message: &Message, limits: ReadLimits, oddities: &mut Vec<String>) -> Self {
        let mut depths = vec![0_usize; message.parts.len()];
        for (at, part) in message.parts.iter().enumerate() {
            let PartType::Multipart(children) = &part.body else { continue };
            let below = depths[at] + 1;
            for child in children {
                if let Some(slot) = depths.get_mut(*child as usize) {
                    *slot = below;
                }
            }
        }
        let deepest = depths.iter().max().copied().unwrap_or_default();
        let mut beyond = Vec::new();
        if depths.len() > limits.parts {
            beyond.push(format!("it has {} parts; {} were looked at", depths.len(), limits.parts));
        }
        if deepest > limits.depth {
            beyond.push(format!("its parts are {deepest} deep; {} levels were looked at", limits.depth));
        }
        let unreadable = beyond.first().cloned();
        oddities.extend(beyond);
        Self { depths, limits, unreadable }
    }

    /// Whether the part of this number is looked at.
    pub(super) fn at(&self, id: u32) -> bool {
        let at = id as usize;
        at < self.limits.parts && self.depths.get(at).is_some_and(|depth| *depth <= self.limits.depth)
    }
}

/// The media type of a part in lower case, empty when it has none.
pub(super) fn media_type(part: &MessagePart) -> String {
    let whole = |c: &mail_parser::ContentType| match c.subtype() {
        Some(subtype) => format!("{}/{subtype}", c.ctype()).to_lowercase(),
        None => c.ctype().to_lowercase(),
    };
    part.content_type().map(whole).unwrap_or_default()
}

/// Whether it is text that the parser did not decode, because its encoding is broken or its end is missing.
pub(super) fn is_broken_text(part: &MessagePart) -> bool {
    let text = matches!(media_type(part).as_str(), "text/plain" | "text/html");
    part.is_encoding_problem && text && part.attachment_name().is_none()
}

/// Whether it is text under a wrong name, or under one that programs hardly know. The only part of a mail is no file.
pub(super) fn is_mislabelled_text(id: u32, part: &MessagePart) -> bool {
    let media_type = media_type(part);
    let known = matches!(media_type.as_str(), "text/plain" | "text/html");
    let nearly = media_type.starts_with("text/plain") || media_type.starts_with("text/html");
    let text =
        (nearly && !known) || matches!(media_type.as_str(), "text" | "text/enriched" | "text/richtext");
    let childless = media_type.starts_with("multipart/") && !matches!(part.body, PartType::Multipart(_));
    (text || (id == 0 && (childless || !media_type.contains('/')))) && part.attachment_name().is_none()
}

/// Every part that is not the text. A mail that is attached is one of them.
pub(super) fn attachments(message: &Message, looked: &Looked) -> Vec<Attachment> {
    let ids = message.attachments.iter().filter(|id| looked.at(**id));
    let ids = ids.filter(|id| {
        let root = **id == 0 && message.parts.len() == 1;
        !(root && message.parts.first().is_some_and(|part| is_mislabelled_text(0, part)))
    });
    let parts = ids.filter_map(|id| message.parts.get(*id as usize));
    parts.filter(|part| !is_broken_text(part)).map(|part| attachment(message, part)).collect()
}

fn attachment(message: &Message, part: &MessagePart) -> Attachment {
    let media_type = Some(media_type(part)).filter(|t| t.contains('/'));
    let size = match &part.body {
        PartType::Message(inner) => inner.raw_message().len(),
        other => other.len(),
    };
    Attachment {
        name: name(message, part),
        media_type: media_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
        size: size as u64,
    }
}

/// The file name of a part. One with holes is read again from the bytes of its header.
fn name(message: &Message, part: &MessagePart) -> String {
    let name = part.attachment_name().map(clean).unwrap_or_default();
    if !name.contains(char::REPLACEMENT_CHARACTER) {
        return name;
    }
    let header = message.raw_message.get(part.offset_header as usize..part.offset_body as usize);
    let header = charset::utf8_or_windows_1252(header.unwrap_or_default());
    NAME.captures_iter(&header).find_map(|found| mended_name(&found["value"])).unwrap_or(name)
}

/// A value of a parameter: `charset'language'%41%42` (RFC 2231 section 4), or as it stands there.
fn mended_name(value: &str) -> Option<String> {
    let mut pieces = value.trim_matches('"').splitn(3, '\'');
    let name = match (pieces.next(), pieces.next(), pieces.next()) {
        (Some(label), Some(_), Some(text)) => charset::decoded(label, &from_percent(text)),
        _ => value.trim_matches('"').to_owned(),
    };
    Some(clean(&name)).filter(|name| !name.is_empty() && !name.contains(char::REPLACEMENT_CHARACTER))
}

fn from_percent(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    bytes
}

/// Whether a part answers an invitation (RFC 5546 section 3.2.3).
pub(super) fn calendar_reply(message: &Message, looked: &Looked) -> bool {
    let reply = |part: &MessagePart| {
        let method = part.content_type().and_then(|c| c.attribute("method"));
        // Some programs say it in the calendar alone (RFC 5545 section 3.7.2).
        let begins = || {
            let bytes = part.contents();
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(CALENDAR)]).to_ascii_uppercase();
            text.lines().any(|line| line.trim() == "METHOD:REPLY")
        };
        media_type(part) == "text/calendar" && method.map_or_else(begins, |m| m.eq_ignore_ascii_case("reply"))
    };
    (0_u32..)
        .zip(&message.parts)
        .take_while(|(id, _)| (*id as usize) < looked.limits.parts)
        .any(|(_, p)| reply(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_whose_label_lies() {
        let names = |value: &str| mended_name(&NAME.captures(value).unwrap()["value"]);
        assert_eq!(names("name*=iso-2022-jp'ja'Dij%8at.mp3").as_deref(), Some("DijŠt.mp3"));
        assert_eq!(names("filename*0*=utf-8''factuur%E9.pdf").as_deref(), Some("factuuré.pdf"));
        assert_eq!(names("; filename=\"bon é.pdf\"").as_deref(), Some("bon é.pdf"));
    }
}
