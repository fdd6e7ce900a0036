//! What a mail holds, whatever it is wrapped in: its text and what is attached to it.

use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::armour;
use super::body;
use super::cms;
use super::forward;
use super::nesting;
use super::parts::{self, Looked, media_type};
use super::read::ReadLimits;
use super::tnef;
use crate::domain::mail::{Attachment, Forwarded};

/// Wrappers in wrappers that are opened: signed by one server, and again by the next.
const WRAPPERS: usize = 3;

/// What a mail holds.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The text, quotations and all; of a mail without words, that of the mail attached to it.
    pub(super) text: String,
    /// Every part that is not the text.
    pub(super) attachments: Vec<Attachment>,
    /// Whether the text is that of the mail attached.
    pub(super) borrowed: bool,
    /// Whether something in it is encrypted.
    pub(super) encrypted: bool,
    /// The first mail that is attached.
    pub(super) forwarded: Option<Forwarded>,
}

/// Reads every part that may hold text; what is odd is said.
pub(super) fn of(
    message: &Message,
    looked: &Looked,
    limits: ReadLimits,
    oddities: &mut Vec<String>,
) -> Content {
    let mut content = unwrapped(message, looked, limits, WRAPPERS, oddities);
    if armour::is_encrypted(&content.text) {
        content.encrypted = true;
        oddities.push("its text is encrypted (PGP) and was not read".to_owned());
    }
    content.text = armour::opened(content.text, &mut content.attachments);
    content.attachments.truncate(limits.parts);
    if let Some(forwarded) = content.forwarded.as_ref().filter(|_| content.text.trim().is_empty())
        && !forwarded.text.is_empty()
    {
        oddities.push("it has no text of its own; the text is that of the mail attached to it".to_owned());
        content.text.clone_from(&forwarded.text);
        content.borrowed = true;
    }
    content
}

fn unwrapped(
    message: &Message,
    looked: &Looked,
    limits: ReadLimits,
    wrappers: usize,
    oddities: &mut Vec<String>,
) -> Content {
    let mut content = Content {
        text: body::text(message, looked, limits.text, oddities),
        attachments: parts::attachments(message, looked),
        borrowed: false,
        encrypted: false,
        forwarded: None,
    };
    let parts = (0_u32..).zip(&message.parts).take_while(|(id, _)| (*id as usize) < limits.parts);
    for (_, part) in parts.filter(|(id, _)| looked.at(*id)) {
        let name = part.attachment_name().unwrap_or_default().to_ascii_lowercase();
        let ending = name.rsplit('.').next().unwrap_or_default();
        match media_type(part).as_str() {
            "application/pkcs7-mime" | "application/x-pkcs7-mime" => {
                content.add_signed(part, limits, wrappers, oddities);
            }
            _ if ending == "p7m" => content.add_signed(part, limits, wrappers, oddities),
            "application/ms-tnef" | "application/vnd.ms-tnef" => content.add_tnef(part, limits, oddities),
            _ if name == "winmail.dat" => content.add_tnef(part, limits, oddities),
            "application/pgp-encrypted" => {
                content.encrypted = true;
                oddities.push("it is encrypted (PGP, RFC 3156) and was not read".to_owned());
            }
            "message/rfc822" | "message/global" => content.add_mail(part, limits),
            // In a digest it does not say so (RFC 2046 section 5.1.5).
            _ if ending == "eml" || matches!(part.body, PartType::Message(_)) => {
                content.add_mail(part, limits);
            }
            _ => {}
        }
    }
    content
}

impl Content {
    /// What stands in an S/MIME signature that wraps it; the wrapper itself stays listed.
    fn add_signed(
        &mut self,
        part: &MessagePart,
        limits: ReadLimits,
        wrappers: usize,
        oddities: &mut Vec<String>,
    ) {
        let entity = cms::signed_content(part.contents()).filter(|_| wrappers > 0);
        let Some(entity) = entity else {
            self.encrypted = true;
            oddities.push("it is encrypted (S/MIME) and was not read".to_owned());
            return;
        };
        if let Some(what) = nesting::beyond(&entity, limits) {
            oddities.push(format!("in its S/MIME signature, {what}"));
            return;
        }
        let Some(inner) = MessageParser::default().parse(&entity) else { return };
        let looked = Looked::of(&inner, limits, oddities);
        let inner = unwrapped(&inner, &looked, limits, wrappers - 1, oddities);
        if self.text.trim().is_empty() {
            self.text = inner.text;
        }
        self.attachments.extend(inner.attachments);
        self.forwarded = self.forwarded.take().or(inner.forwarded);
    }

    /// What stands in a `winmail.dat`, which stays listed.
    fn add_tnef(&mut self, part: &MessagePart, limits: ReadLimits, oddities: &mut Vec<String>) {
        let Some(found) = tnef::read(part.contents()) else {
            oddities.push("its winmail.dat (TNEF) could not be read".to_owned());
            return;
        };
        if self.text.trim().is_empty() {
            let what = if found.text.is_empty() {
                "no text was found there"
            } else {
                "its text was taken from there"
            };
            oddities.push(format!("it came as winmail.dat (TNEF); {what}"));
            self.text = body::shown(&found.text, limits.text, oddities);
        }
        self.attachments.extend(found.attachments);
    }

    /// The first mail that is attached; a broken one is only listed.
    fn add_mail(&mut self, part: &MessagePart, limits: ReadLimits) {
        if self.forwarded.is_some() {
            return;
        }
        self.forwarded = match &part.body {
            PartType::Message(inner) => Some(forward::attached(inner, limits)),
            _ if nesting::beyond(part.contents(), limits).is_some() => None,
            _ => {
                MessageParser::default().parse(part.contents()).map(|inner| forward::attached(&inner, limits))
            }
        };
    }
}
