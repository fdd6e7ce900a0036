//! The parts of a mail: which of them are looked at, and which are attachments.

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};

use super::read::{ReadLimits, clean};
use crate::domain::mail::Attachment;

/// Which parts lie within the limits on number and depth.
#[derive(Debug)]
pub(super) struct Looked {
    depths: Vec<usize>,
    limits: ReadLimits,
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
        if depths.len() > limits.parts {
            oddities.push(format!("it has {} parts; {} were looked at", depths.len(), limits.parts));
        }
        if deepest > limits.depth {
            oddities.push(format!("its parts are {deepest} deep; {} levels were looked at", limits.depth));
        }
        Self { depths, limits }
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

/// Every part that is not the text. A mail that is attached is one of them.
pub(super) fn attachments(message: &Message, looked: &Looked) -> Vec<Attachment> {
    let ids = message.attachments.iter().filter(|id| looked.at(**id));
    let parts = ids.filter_map(|id| message.parts.get(*id as usize));
    parts.filter(|part| !is_broken_text(part)).map(attachment).collect()
}

fn attachment(part: &MessagePart) -> Attachment {
    let media_type = Some(media_type(part)).filter(|t| t.contains('/'));
    let size = match &part.body {
        PartType::Message(inner) => inner.raw_message.len(),
        other => other.len(),
    };
    Attachment {
        name: part.attachment_name().map(clean).unwrap_or_default(),
        media_type: media_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
        size: size as u64,
    }
}

/// Whether a part answers an invitation (RFC 5546 section 3.2.3).
pub(super) fn calendar_reply(message: &Message, looked: &Looked) -> bool {
    let reply = |part: &MessagePart| {
        let method = part.content_type().and_then(|c| c.attribute("method"));
        media_type(part) == "text/calendar" && method.is_some_and(|m| m.eq_ignore_ascii_case("reply"))
    };
    (0_u32..)
        .zip(&message.parts)
        .take_while(|(id, _)| (*id as usize) < looked.limits.parts)
        .any(|(_, p)| reply(p))
}
