//! Encoded words (RFC 2047) whose label lies or whose characters were cut in two, put right before the parser reads them.

use std::sync::LazyLock;

use data_encoding::BASE64;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use regex::{Captures, Regex};

use super::charset;

/// Encoded words that follow each other with nothing but white space between them; they are one text (section 6.2).
static RUN: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"=\?[^?\s=]{1,60}\?[bBqQ]\?[^?\r\n]*\?=(?:(?:[ \t]*\r?\n)?[ \t]*=\?[^?\s=]{1,60}\?[bBqQ]\?[^?\r\n]*\?=)*",
    )
});

/// One encoded word: character set (perhaps with a language, RFC 2231 section 5), encoding, text.
static WORD: LazyLock<Regex> =
    LazyLock::new(|| regex(r"=\?([^?*\s=]{1,60})(?:\*[^?\s]*)?\?([bBqQ])\?([^?\r\n]*)\?="));

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of ours is right: the tests of this file use every one")
}

/// A header line whose encoded words say what they are; `None` when nothing had to be mended.
pub(super) fn mended(line: &str) -> Option<String> {
    if !line.contains("=?") {
        return None;
    }
    let mended =
        RUN.replace_all(line, |run: &Captures| one_run(&run[0]).unwrap_or_else(|| run[0].to_owned()));
    (mended != line).then(|| mended.into_owned())
}

/// A run as one encoded word in UTF-8, when its words can't be decoded one by one as they are labelled.
fn one_run(run: &str) -> Option<String> {
    let mut texts: Vec<(String, Vec<u8>)> = Vec::new();
    for word in WORD.captures_iter(run) {
        let bytes = match &word[2] {
            "b" | "B" => from_base64(&word[3]),
            _ => quoted_printable_decode(word[3].replace('_', "=20").as_bytes())?,
        };
        let label = word[1].to_ascii_lowercase();
        match texts.last_mut() {
            // A character may have been cut between two words of the same set.
            Some((last, text)) if *last == label => text.extend_from_slice(&bytes),
            _ => texts.push((label, bytes)),
        }
    }
    if texts.iter().all(|(label, bytes)| bytes.is_ascii() && !charset::is_stateful(label)) {
        return None;
    }
    let text: String = texts.iter().map(|(label, bytes)| charset::decoded(label, bytes)).collect();
    // What a line must not hold is no text of a header.
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Some(format!("=?utf-8?B?{}?=", BASE64.encode(text.as_bytes())))
}

/// As much as can be decoded: a word that was cut off still says something.
fn from_base64(text: &str) -> Vec<u8> {
    let alphabet = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let mut digits: Vec<u8> = text.bytes().filter(alphabet).collect();
    if digits.len() % 4 == 1 {
        digits.pop();
    }
    base64_decode(&digits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &str) -> String {
        let line = mended(line).expect("something to mend");
        let word = WORD.captures(&line).expect("an encoded word");
        String::from_utf8(BASE64.decode(word[3].as_bytes()).expect("base64")).expect("UTF-8")
    }

    #[test]
    fn labels_that_lie() {
        assert_eq!(text("=?gb2312?B?w6ljbGFpcg==?="), "éclair");
        assert_eq!(text("=?iso-8859-1?Q?=80_5?="), "€ 5");
        assert_eq!(text("=?utf-8?Q?caf=E9?="), "café");
        assert_eq!(text("=?unknown-8bit?Q?caf=E9?="), "café");
        assert_eq!(text("=?x-nonsense?Q?caf=C3=A9?="), "café");
        assert_eq!(text("=?iso-8859-15*nl?Q?=A4_5?="), "€ 5");
    }

    #[test]
    fn a_character_cut_in_two() {
        assert_eq!(text("=?utf-8?Q?caf=C3?=\r\n =?utf-8?Q?=A9_x?="), "café x");
        assert_eq!(text("=?UTF-8?B?w?= =?utf-8?B?qQ==?="), "\u{a9}");
    }

    #[test]
    fn plain_words_are_left_alone() {
        for line in ["Subject: x", "Subject: =?utf-8?Q?plain?= x", "Subject: a =? b ?= c"] {
            assert_eq!(mended(line), None, "{line}");
        }
    }
}
