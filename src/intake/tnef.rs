//! The text and the attachments in a `winmail.dat`: what Outlook and Exchange send to programs that they take for their own
//! (MS-OXTNEF). Only what is needed for that is read; anything odd ends the reading, and what was found so far counts.

use super::html;
use super::rtf;
use super::{charset, read::clean};
use crate::domain::mail::Attachment;

/// The first four bytes (MS-OXTNEF section 2.1.3.1).
const SIGNATURE: u32 = 0x223E_9F78;

/// Attributes (section 2.1.3.2): type and number.
const BODY: u32 = 0x0002_800C;
const ATTACH_START: u32 = 0x0006_9002;
const ATTACH_TITLE: u32 = 0x0001_8010;
const ATTACH_DATA: u32 = 0x0006_800F;
const ATTACH_PROPERTIES: u32 = 0x0006_9005;
const MESSAGE_PROPERTIES: u32 = 0x0006_9003;

/// Properties (MS-OXPROPS): the text in three forms, and the name and media type of an attachment.
const PR_BODY: u16 = 0x1000;
const PR_RTF_COMPRESSED: u16 = 0x1009;
const PR_HTML: u16 = 0x1013;
const PR_ATTACH_LONG_FILENAME: u16 = 0x3707;
const PR_ATTACH_MIME_TAG: u16 = 0x370E;

/// Most values of one property, and most attachments, that are looked at.
const MOST: usize = 1000;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Tnef {
    /// The text, empty when there is none that can be read.
    pub(super) text: String,
    /// Names, types and sizes of the attachments.
    pub(super) attachments: Vec<Attachment>,
}

/// Reads a `winmail.dat`; `None` when it is none.
pub(super) fn read(bytes: &[u8]) -> Option<Tnef> {
    let mut rest = Reader(bytes);
    (rest.number(4)? == SIGNATURE).then_some(())?;
    rest.take(2)?;
    let mut found = Tnef::default();
    let mut texts = Texts::default();
    while let Some((id, data)) = attribute(&mut rest) {
        match id {
            BODY => texts.plain = Some(text_8bit(data)),
            MESSAGE_PROPERTIES => properties(data, &mut |id, value| texts.add(id, value)),
            ATTACH_START if found.attachments.len() < MOST => found.attachments.push(Attachment {
                name: String::new(),
                media_type: "application/octet-stream".to_owned(),
                size: 0,
            }),
            _ => {
                if let Some(last) = found.attachments.last_mut() {
                    attachment(id, data, last);
                }
            }
        }
    }
    found.text = texts.best();
    Some(found)
}

/// The forms in which the text may stand there.
#[derive(Default)]
struct Texts {
    plain: Option<String>,
    html: Option<String>,
    rtf: Option<String>,
}

impl Texts {
    fn add(&mut self, id: u16, value: Value) {
        match id {
            PR_BODY => self.plain = Some(value.text()),
            PR_HTML => self.html = Some(html::to_text(&value.text())),
            PR_RTF_COMPRESSED => self.rtf = rtf::decompressed(value.bytes).map(|rtf| rtf::to_text(&rtf)),
            _ => {}
        }
    }

    fn best(self) -> String {
        let forms = [self.plain, self.html, self.rtf].into_iter().flatten();
        forms.map(|text| text.trim().to_owned()).find(|text| !text.is_empty()).unwrap_or_default()
    }
}

fn attachment(id: u32, data: &[u8], attachment: &mut Attachment) {
    match id {
        ATTACH_TITLE if attachment.name.is_empty() => attachment.name = clean(&text_8bit(data)),
        ATTACH_DATA => attachment.size = data.len() as u64,
        ATTACH_PROPERTIES => properties(data, &mut |id, value| match id {
            PR_ATTACH_LONG_FILENAME => attachment.name = clean(&value.text()),
            PR_ATTACH_MIME_TAG => attachment.media_type = clean(&value.text()).to_lowercase(),
            _ => {}
        }),
        _ => {}
    }
}

/// Level, number, length, data, checksum (section 2.1.3.1).
fn attribute<'a>(rest: &mut Reader<'a>) -> Option<(u32, &'a [u8])> {
    rest.take(1)?;
    let id = rest.number(4)?;
    let length = rest.number(4)? as usize;
    let data = rest.take(length)?;
    rest.take(2);
    Some((id, data))
}

/// A value of a property.
#[derive(Clone, Copy)]
struct Value<'a> {
    bytes: &'a [u8],
    /// UTF-16 in little-endian order, else a set of one byte a character, or UTF-8.
    wide: bool,
}

impl Value<'_> {
    fn text(&self) -> String {
        if !self.wide {
            return text_8bit(self.bytes);
        }
        let units = self.bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let text: String =
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        text.trim_end_matches('\0').to_owned()
    }
}

fn text_8bit(bytes: &[u8]) -> String {
    charset::utf8_or_windows_1252(bytes).trim_end_matches('\0').to_owned()
}

/// Every property of a block (MS-OXTNEF section 2.1.3.4).
fn properties(data: &[u8], each: &mut dyn FnMut(u16, Value)) {
    let mut rest = Reader(data);
    let count = rest.number(4).unwrap_or_default() as usize;
    for _ in 0..count.min(MOST) {
        if property(&mut rest, each).is_none() {
            return;
        }
    }
}

/// One property: type, number, name when it has one, values; all filled up to four bytes.
fn property(rest: &mut Reader, each: &mut dyn FnMut(u16, Value)) -> Option<()> {
    let kind = u16::try_from(rest.number(2)?).ok()?;
    let id = u16::try_from(rest.number(2)?).ok()?;
    if id >= 0x8000 {
        rest.take(16)?;
        if rest.number(4)? == 0 {
            rest.take(4)?;
        } else {
            let length = rest.number(4)? as usize;
            rest.padded(length)?;
        }
    }
    let (kind, several) = (kind & 0x0FFF, kind & 0x1000 != 0);
    let variable = matches!(kind, 0x000D | 0x001E | 0x001F | 0x0102);
    let values = if variable || several { rest.number(4)? as usize } else { 1 };
    for _ in 0..values.min(MOST) {
        let length = match kind {
            _ if variable => rest.number(4)? as usize,
            0x0002 | 0x0003 | 0x0004 | 0x000A | 0x000B => 4,
            0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => 8,
            0x0048 => 16,
            _ => return None,
        };
        let bytes = rest.padded(length)?;
        each(id, Value { bytes, wide: kind == 0x001F });
    }
    Some(())
}

/// Bytes that are taken from the front, numbers in little-endian order.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, length: usize) -> Option<u32> {
        Some(self.take(length)?.iter().rev().fold(0, |number, byte| (number << 8) | u32::from(*byte)))
    }

    fn padded(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.take(length)?;
        self.take((4 - length % 4) % 4)?;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(level: u8, id: u32, data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len()).unwrap().to_le_bytes();
        [&[level], id.to_le_bytes().as_slice(), &length, data, &[0, 0]].concat()
    }

    fn wide(id: u16, text: &str) -> Vec<u8> {
        let mut data: Vec<u8> = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        let length = u32::try_from(data.len()).unwrap().to_le_bytes();
        data.resize(data.len().next_multiple_of(4), 0);
        [&[0x1F, 0], id.to_le_bytes().as_slice(), &[1, 0, 0, 0], &length, &data].concat()
    }

    fn block(properties: &[Vec<u8>]) -> Vec<u8> {
        [u32::try_from(properties.len()).unwrap().to_le_bytes().to_vec(), properties.concat()].concat()
    }

    fn mail() -> Vec<u8> {
        [
            [0x78, 0x9F, 0x3E, 0x22, 1, 0].to_vec(),
            attribute(
                1,
                MESSAGE_PROPERTIES,
                &block(&[wide(0x0037, "Onderwerp"), wide(PR_BODY, "De printer is stük.")]),
            ),
            attribute(2, ATTACH_START, &[0; 14]),
            attribute(2, ATTACH_TITLE, b"FACTUU~1.PDF\0"),
            attribute(2, ATTACH_DATA, b"%PDF-"),
            attribute(2, ATTACH_PROPERTIES, &block(&[wide(PR_ATTACH_LONG_FILENAME, "factuur maart.pdf")])),
        ]
        .concat()
    }

    #[test]
    fn text_and_attachments() {
        let found = read(&mail()).unwrap();
        assert_eq!(found.text, "De printer is stük.");
        assert_eq!(found.attachments.len(), 1);
        assert_eq!((found.attachments[0].name.as_str(), found.attachments[0].size), ("factuur maart.pdf", 5));
    }

    #[test]
    fn every_cut_gives_what_stands_before_it() {
        let mail = mail();
        for end in 0..mail.len() {
            assert_eq!(read(&mail[..end]).is_some(), end >= 6, "{end}");
        }
        assert!(read(b"PK\x03\x04 something else").is_none());
    }
}
