//! Text whose declared character set is wrong: mail programs write Windows-1252 and call it ISO-8859-1, ASCII or UTF-8.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Encoding, Message, MessagePart, MimeHeaders};

/// UTF-8 when it is that, else Windows-1252, in which every byte means something.
pub(super) fn utf8_or_windows_1252(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => match charset_decoder(b"windows-1252") {
            Some(decode) => Cow::Owned(decode(bytes)),
            None => String::from_utf8_lossy(bytes),
        },
    }
}

/// Bytes of which a mail says in which character set they are. What is UTF-8 is read as that whatever the label says:
/// text in another set hardly ever is UTF-8 by chance.
pub(super) fn decoded(label: &str, bytes: &[u8]) -> String {
    // Nothing but printable ASCII is no UTF-16, whatever it says.
    let plain = label.to_ascii_lowercase().starts_with("utf-16") && bytes.is_ascii() && !bytes.contains(&0);
    if let Ok(text) = std::str::from_utf8(bytes)
        && (plain || !is_stateful(label))
    {
        return text.to_owned();
    }
    let text = match charset_decoder(label.as_bytes()) {
        Some(decode) if !is_utf8(label) => decode(bytes),
        _ => String::new(),
    };
    if text.is_empty() || text.contains(char::REPLACEMENT_CHARACTER) {
        return utf8_or_windows_1252(bytes).into_owned();
    }
    without_c1(&text).into_owned()
}

fn is_utf8(label: &str) -> bool {
    matches!(label.to_ascii_lowercase().as_str(), "utf-8" | "utf8")
}

/// Whether a set writes other characters in the bytes of ASCII, so that its text may look like UTF-8.
pub(super) fn is_stateful(label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    label.starts_with("iso-2022")
        || label.starts_with("utf-7")
        || label.starts_with("utf-16")
        || label == "hz-gb-2312"
}

/// The text of a part, of at most so many bytes. Where the declared character set left holes, or can't be right, the bytes
/// are read once more.
pub(super) fn mended<'a>(message: &Message, part: &MessagePart, text: &'a str, most: usize) -> Cow<'a, str> {
    let label = part.content_type().and_then(|c| c.attribute("charset")).unwrap_or_default();
    let text = &text[..text.floor_char_boundary(most)];
    let holes = text.contains(char::REPLACEMENT_CHARACTER);
    let doubtful = !text.is_ascii() && !label.is_empty() && !is_utf8(label);
    if (holes || doubtful)
        && let Some(bytes) = decoded_bytes(message, part)
    {
        return Cow::Owned(decoded(label, whole_characters(&bytes, most)));
    }
    without_c1(text)
}

/// At most so many bytes, not cut within a character of UTF-8.
fn whole_characters(bytes: &[u8], most: usize) -> &[u8] {
    if bytes.len() <= most {
        return bytes;
    }
    let goes_on = |byte: &u8| byte & 0xC0 == 0x80;
    let back = bytes[..=most].iter().rev().take_while(|byte| goes_on(byte)).count();
    &bytes[..most - if back < 4 { back } else { 0 }]
}

/// The bytes of a part after its transfer encoding, before its character set.
fn decoded_bytes<'a>(message: &'a Message, part: &MessagePart) -> Option<Cow<'a, [u8]>> {
    let range = part.offset_body as usize..part.offset_end as usize;
    let raw = message.raw_message.get(range)?;
    match part.encoding {
        Encoding::None => Some(Cow::Borrowed(raw)),
        Encoding::QuotedPrintable => quoted_printable_decode(raw).map(Cow::Owned),
        Encoding::Base64 => base64_decode(raw).map(Cow::Owned),
    }
}

/// What can be read of a text part whose transfer encoding is broken: as much base64 as is whole, and so on.
pub(super) fn salvaged(part: &MessagePart) -> String {
    let raw = part.contents();
    let encoding = part.content_transfer_encoding().unwrap_or_default().to_ascii_lowercase();
    let decoded = match encoding.as_str() {
        "quoted-printable" => quoted_printable_decode(raw),
        "base64" => {
            let alphabet = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
            let mut digits: Vec<u8> = raw.iter().copied().filter(alphabet).collect();
            digits.truncate(digits.len() / 4 * 4);
            base64_decode(&digits)
        }
        _ => None,
    };
    utf8_or_windows_1252(decoded.as_deref().unwrap_or(raw)).into_owned()
}

/// C1 control characters do not occur in mail: they are Windows-1252 that was called ISO-8859-1.
fn without_c1(text: &str) -> Cow<'_, str> {
    let is_c1 = |c: char| ('\u{80}'..='\u{9f}').contains(&c);
    if !text.contains(is_c1) {
        return Cow::Borrowed(text);
    }
    let mend = |c: char| match u8::try_from(u32::from(c)) {
        Ok(byte) if is_c1(c) => utf8_or_windows_1252(&[byte]).chars().next().unwrap_or(c),
        _ => c,
    };
    Cow::Owned(text.chars().map(mend).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_1252_is_known() {
        assert_eq!(utf8_or_windows_1252(b"\x80 5, caf\xe9 \x91x\x92"), "€ 5, café ‘x’");
        assert_eq!(utf8_or_windows_1252("€ 5".as_bytes()), "€ 5");
        assert_eq!(without_c1("\u{80} 5"), "€ 5");
    }

    #[test]
    fn a_label_that_lies() {
        assert_eq!(decoded("gb2312", "café".as_bytes()), "café");
        assert_eq!(decoded("iso-8859-1", b"caf\xe9 \x80"), "café €");
        assert_eq!(decoded("utf-8", b"caf\xe9"), "café");
        assert_eq!(decoded("utf-16", b"De stoel"), "De stoel");
        assert_eq!(whole_characters("aéé".as_bytes(), 4), "aé".as_bytes());
        assert_eq!(decoded("unknown-8bit", b"caf\xe9"), "café");
        assert_eq!(decoded("koi8-r", b"\xf0\xd2\xc9"), "При");
        assert_eq!(decoded("iso-2022-jp", b"\x1b$B%F%9\x1b(B"), "テス");
    }
}
