//! What the parser would need a level of its own for, or a copy of, counted in the bytes before they are parsed.
//!
//! The parser takes mails in mails apart by recursion when they are encoded, and drops them by recursion always: deep
//! enough, they overflow the stack, which nothing catches. It gives every mail within an encoded one a copy of all of it.

use std::collections::BTreeSet;

use mail_parser::decoders::base64::base64_decode;

use super::headers;
use super::read::ReadLimits;

/// Encoded mails in encoded mails that are looked into; the parser opens three.
const ENCODED: usize = 3;

/// Bytes of copies that mails within an encoded one may cost.
const MOST_COPIED: usize = 64 << 20;

/// Encoded mails in one that are looked into.
const MOST_ENCODED: usize = 50;

/// Bytes of a header block that are searched for its beginning.
const BLOCK: usize = 64 << 10;

/// Boundaries may be as long as 70 characters (RFC 2046 section 5.1.1); beyond these they are not told apart.
const BOUNDARY: usize = 80;

/// Times the limit on parts from which a mail is not even parsed: each part costs memory.
const FAR_BEYOND: usize = 10;

/// Header fields from which a mail is not parsed: the parser takes some 200 bytes for each, however short it is.
const MOST_FIELDS: usize = 10_000;

/// Why a mail must not be given to the parser, when it must not.
pub(super) fn beyond(raw: &[u8], limits: ReadLimits) -> Option<String> {
    let head = &raw[..headers::body_start(raw).unwrap_or(raw.len())];
    let lines = head.split(|byte| *byte == b'\n');
    let fields = lines.filter(|line| line.contains(&b':') && !line.starts_with(b" ")).count();
    if head.len() <= limits.header_bytes && fields > MOST_FIELDS {
        return Some(format!("its header has {fields} fields; it was not read"));
    }
    let parts = delimiters(raw);
    if parts > FAR_BEYOND * limits.parts {
        return Some(format!("it has {parts} parts; it was not read"));
    }
    match mails(raw, ENCODED) {
        Some(mails) if mails <= limits.parts => None,
        Some(mails) => Some(format!("it has {mails} mails attached to each other; it was not read")),
        None => Some("it has too many mails within an encoded one; it was not read".to_owned()),
    }
}

/// Mails that are attached, also within those that are encoded; `None` when copies of them would cost too much.
fn mails(raw: &[u8], encoded: usize) -> Option<usize> {
    let kinds = values(raw, b"content-type").map(|(_, value)| value);
    let mut count = kinds.filter(|kind| has(kind, b"message") || has(kind, b"digest")).count();
    let mut opened = 0;
    let inner = values(raw, b"content-transfer-encoding").filter(|_| count > 0).collect::<Vec<_>>();
    for (at, value) in inner {
        let base64 = has(value, b"base64");
        if !(base64 || has(value, b"quoted-printable")) {
            continue;
        }
        let Some(body) = body_of_mail(raw, at, at + value.len()) else { continue };
        opened += 1;
        if opened > MOST_ENCODED {
            return None;
        }
        let decoded = if base64 { from_base64(body) } else { from_quoted_printable(body) };
        let within = mails(&decoded, encoded.checked_sub(1)?)?;
        if within.saturating_mul(decoded.len()) > MOST_COPIED {
            return None;
        }
        count += within;
    }
    Some(count)
}

/// The values of fields of this name and where they stand, folds and all.
fn values<'a>(raw: &'a [u8], name: &'static [u8]) -> impl Iterator<Item = (usize, &'a [u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += find(&raw[at..], name)? + name.len();
        let start = at;
        loop {
            at += raw[at..].iter().position(|byte| *byte == b'\n').map_or(raw.len() - at, |end| end + 1);
            if !matches!(raw.get(at), Some(b' ' | b'\t')) {
                return Some((start, &raw[start..at]));
            }
        }
    })
}

/// What stands below the header block with this field, when that may be the header of a mail: it says so, or, as in a
/// digest (RFC 2046 section 5.1.5), it says nothing.
fn body_of_mail(raw: &[u8], start: usize, end: usize) -> Option<&[u8]> {
    let is_blank = |pair: &[u8]| matches!(pair, b"\n\n" | b"\n\r");
    let earliest = start.saturating_sub(BLOCK);
    let begins = raw[earliest..start].windows(2).rposition(is_blank);
    // The value ends with its line, behind which the block may end at once.
    let behind = end.saturating_sub(1);
    let ends = raw[behind..].windows(2).position(is_blank).map_or(raw.len(), |blank| behind + blank);
    let block = &raw[begins.map_or(earliest, |blank| earliest + blank)..ends];
    let kind = values(block, b"content-type").map(|(_, kind)| kind).collect::<Vec<_>>();
    let too_long = begins.is_none() && earliest > 0;
    let is_mail = too_long || kind.is_empty() || kind.iter().any(|kind| has(kind, b"message"));
    is_mail.then(|| &raw[ends..])
}

/// As much as a decoder could make of it: up to the first line that is none of base64.
fn from_base64(body: &[u8]) -> Vec<u8> {
    let length = body.windows(3).position(|three| three == b"\n--").unwrap_or(body.len());
    let digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut decoded = Vec::with_capacity(length / 4 * 3);
    // Padding may stand anywhere; behind it the next group of four begins.
    for run in body[..length].split(|byte| *byte == b'=') {
        let mut digits: Vec<u8> = run.iter().copied().filter(digit).collect();
        digits.resize(digits.len().next_multiple_of(4), b'A');
        decoded.extend(base64_decode(&digits).unwrap_or_default());
    }
    decoded
}

/// Everything to the end, whatever parts it: what is counted twice does no harm.
fn from_quoted_printable(body: &[u8]) -> Vec<u8> {
    let digit = |at: usize| body.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut decoded, mut at) = (Vec::with_capacity(body.len()), 0);
    while let Some(byte) = body.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'=', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap_or_default());
                at += 3;
            }
            (b'=', _, _) => at += if body.get(at + 1) == Some(&b'\r') { 3 } else { 2 },
            _ => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    decoded
}

/// Lines that part the parts: `--` and a boundary that is declared somewhere.
fn delimiters(raw: &[u8]) -> usize {
    let mut boundaries = BTreeSet::new();
    for (_, value) in values(raw, b"content-type") {
        let Some(at) = find(value, b"boundary") else { continue };
        let rest = value[at + b"boundary".len()..].trim_ascii_start();
        let rest = rest.strip_prefix(b"=").unwrap_or(rest).trim_ascii_start();
        let quoted = rest.strip_prefix(b"\"");
        let end = |byte: &u8| if quoted.is_some() { *byte == b'"' } else { b"; \t\r\n".contains(byte) };
        let text = quoted.unwrap_or(rest);
        let text = &text[..text.iter().position(end).unwrap_or(text.len())];
        boundaries.insert(&text[..text.len().min(BOUNDARY)]);
    }
    if boundaries.is_empty() {
        return 0;
    }
    let lengths: BTreeSet<usize> = boundaries.iter().map(|text| text.len()).collect();
    let lines = raw.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"--"));
    let parts = |line: &&[u8]| lengths.iter().filter_map(|n| line.get(..*n)).any(|b| boundaries.contains(b));
    lines.filter(parts).count()
}

fn has(value: &[u8], word: &[u8]) -> bool {
    find(value, word).is_some()
}

/// Where a word in lower case stands, in whatever case.
fn find(bytes: &[u8], word: &[u8]) -> Option<usize> {
    let (lower, upper) = (word[0], word[0].to_ascii_uppercase());
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|byte| *byte == lower || *byte == upper) {
        at += found;
        if bytes[at..].get(..word.len()).is_some_and(|here| here.eq_ignore_ascii_case(word)) {
            return Some(at);
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beyond(raw: &str) -> Option<String> {
        super::beyond(raw.as_bytes(), ReadLimits::default())
    }

    #[test]
    fn mails_in_mails_are_counted_whatever_hides_them() {
        let nested = |level: &str| format!("From: a@b.test\n{}x", level.repeat(1500));
        for level in [
            "Content-Type: message/rfc822\n\n",
            "content-TYPE : Message(x)/RFC822; a=b\r\n\r\n",
            "Content-Type:\n message/global\n\n",
            "Content-Type: multipart/digest; boundary=b\n\n--b\n\n",
        ] {
            assert!(beyond(&nested(level)).is_some(), "{level}");
            let inner = data_encoding::BASE64.encode(nested(level).as_bytes());
            for head in [
                "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n",
                "Content-Transfer-Encoding: BASE64\nContent-Type: message/rfc822\n\n",
                "Content-Type: multipart/digest; boundary=c\n\n--c\nContent-Transfer-Encoding: base64\n\n",
            ] {
                assert!(beyond(&format!("From: a@b.test\n{head}{inner}\n--c--")).is_some(), "{head}{level}");
            }
        }
        let few = "Content-Type: message/rfc822\n\n".repeat(20);
        assert_eq!(beyond(&few), None);
        let large = data_encoding::BASE64.encode((few + &"x".repeat(4 << 20)).as_bytes());
        let head = "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n";
        assert!(beyond(&format!("{head}{large}")).is_some(), "twenty copies of 4 MB");
    }

    #[test]
    fn header_fields_are_counted() {
        assert!(beyond(&format!("{}\nx", "A: b\n".repeat(10_001))).is_some());
        assert_eq!(beyond(&format!("A: b\n\n{}", "a: b\n".repeat(10_001))), None);
    }

    #[test]
    fn parts_are_counted_by_their_boundaries() {
        let head = "Content-Type: multipart/mixed;\n boundary=\"a b\"\n\n";
        assert!(beyond(&format!("{head}{}", "--a b\n\nx\n".repeat(10_001))).is_some());
        assert_eq!(beyond(&format!("{head}{}", "-- a comment\n--x\n".repeat(10_001))), None);
    }
}
