//! The header block as it stands in the bytes: repeats in their order, nothing decoded (RFC 5322 section 2.2).

use std::borrow::Cow;
use std::sync::Arc;

use super::{charset, encoded};

/// Every header field, newest first as mail servers put theirs on top.
#[derive(Debug, Clone, Default)]
pub(super) struct Headers(Arc<Vec<(String, String)>>);

impl Headers {
    /// Of bytes that [`tidy`] has given back; what is beyond `most` bytes is not looked at.
    pub(super) fn of(raw: &[u8], most: usize) -> Self {
        let block = &raw[..body_start(raw).unwrap_or(raw.len()).min(most)];
        Self::parse(&String::from_utf8_lossy(block))
    }

    /// Of any text that is built like a header block: groups of a delivery status too (RFC 3464 section 2.1).
    pub(super) fn parse(block: &str) -> Self {
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in block.lines() {
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = fields.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            } else if let Some((name, value)) = line.split_once(':') {
                fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        Self(Arc::new(fields))
    }

    /// The values of every field of this name (given in lower case), without folds.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Every field, newest first: name in lower case, value without folds.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The topmost value of this name.
    pub(super) fn first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Whether there is such a field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// The names of all fields, in lower case and in their order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Message-IDs of the fields of this name, without angle brackets, in their order (RFC 5322 section 3.6.4).
    pub(super) fn message_ids(&self, name: &str) -> Vec<String> {
        self.all(name).flat_map(message_ids).collect()
    }
}

/// `<id>` by `<id>`; without any bracket the words that have an `@`.
fn message_ids(value: &str) -> Vec<String> {
    let without_space = |id: &str| id.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    let bracketed: Vec<String> = value
        .split('<')
        .skip(1)
        .filter_map(|rest| rest.split_once('>'))
        .map(|(id, _)| without_space(id))
        .filter(|id: &String| !id.is_empty())
        .collect();
    if !bracketed.is_empty() {
        return bracketed;
    }
    let words = value.split([' ', '\t', ',', '<', '>']).filter(|word| word.contains('@'));
    words.map(without_space).collect()
}

/// Where the body begins: after the first empty line. `None` when there is none.
pub(super) fn body_start(raw: &[u8]) -> Option<usize> {
    let mut at = 0;
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if matches!(line, b"\n" | b"\r\n") {
            return Some(at);
        }
    }
    None
}

/// Without what stands before the first header (blank lines, an mbox "From " line), with 8-bit header lines in UTF-8 and
/// encoded words that say what they are, so that the parser reads them.
pub(super) fn tidy(raw: &[u8]) -> Cow<'_, [u8]> {
    let raw = without_preface(raw);
    let body = body_start(raw).unwrap_or(raw.len());
    let (head, rest) = raw.split_at(body);
    if std::str::from_utf8(head).is_ok() && !head.windows(2).any(|pair| pair == b"=?") {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(head.len() + head.len() / 8);
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        text.push_str(&charset::utf8_or_windows_1252(line));
    }
    let text = encoded::mended(&text).unwrap_or(text);
    if text.as_bytes() == head {
        return Cow::Borrowed(raw);
    }
    Cow::Owned([text.as_bytes(), rest].concat())
}

/// A server or a store puts these before a mail; without them the first line would end the header block.
fn without_preface(raw: &[u8]) -> &[u8] {
    let raw = raw.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(raw);
    let blank = raw.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let lines = raw[..blank].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    // A mail without headers that begins with its text has no field name after the blank lines.
    let rest = &raw[lines..];
    let first = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if first.starts_with(b"From ") && !first.starts_with(b"From :") {
        return &rest[(first.len() + 1).min(rest.len())..];
    }
    let name = first.split(|byte| *byte == b':').next().unwrap_or_default();
    let is_field = name.len() < first.len() && name.iter().all(u8::is_ascii_graphic);
    if is_field { rest } else { raw }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_repeats_and_order() {
        let headers = Headers::of(b"A: one\r\n two\r\nb: x\r\nA: three\r\n\r\nA: body", 1000);
        assert_eq!(headers.all("a").collect::<Vec<_>>(), ["one two", "three"]);
        assert!(!headers.has("c"));
    }

    #[test]
    fn message_ids_folded_glued_and_bare() {
        let headers = Headers::parse("References: <a@x>\n\t<b @x><c@x>\nIn-Reply-To: Your mail of d@x");
        assert_eq!(headers.message_ids("references"), ["a@x", "b@x", "c@x"]);
        assert_eq!(headers.message_ids("in-reply-to"), ["d@x"]);
    }

    #[test]
    fn what_stands_before_the_headers_is_dropped() {
        assert_eq!(&*tidy(b"\n   \nSubject: x\n\nbody"), b"Subject: x\n\nbody");
        assert_eq!(&*tidy(b"From jan Mon Jan  5\nSubject: x\n\nbody"), b"Subject: x\n\nbody");
        assert_eq!(&*tidy(b"\xEF\xBB\xBFSubject: x\n\nbody"), b"Subject: x\n\nbody");
        assert_eq!(&*tidy(b"\nhallo: daar ben ik"), b"hallo: daar ben ik");
        assert_eq!(&*tidy(b"\nhallo daar: ik"), b"\nhallo daar: ik");
    }

    #[test]
    fn eight_bit_headers_become_utf8() {
        assert_eq!(
            &*tidy(b"Subject: caf\xe9\n\n\xe9"),
            "Subject: café\n\n".as_bytes().iter().chain(b"\xe9").copied().collect::<Vec<_>>()
        );
    }
}
