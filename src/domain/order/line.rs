//! One line as staff typed it, without what no eye sees, and the faults that point into it.

use super::words;
use super::{Fault, OrderName, Wrong};

/// How much of a line a fault shows, in characters.
const SHOWN: usize = 200;

/// How much of it stands before the spot, when the spot lies far to the right.
const SHOWN_BEFORE: usize = 150;

/// A line: every white space and control character is a space, invisible characters are gone.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) text: String,
}

/// What a line may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// An order; what it says begins at this byte.
    Order(OrderName, usize),
    /// It looks like an order, but there is no such word; the word begins at this byte.
    Unknown(usize),
    /// Words.
    Text,
}

impl Line {
    /// The line; invisible characters and no-break spaces before a `#` are dropped, ordinary indentation is not.
    pub(super) fn of(typed: &str) -> Self {
        let seen = typed.trim_start_matches(is_unseen_start);
        let seen = if hash(seen).is_some() { seen } else { typed };
        let chars = seen.chars().filter(|c| !is_invisible(*c));
        let plain = |c: char| if c.is_whitespace() || c.is_control() { ' ' } else { c };
        let text: String = chars.map(plain).collect();
        Self { text: text.trim_end().to_owned() }
    }

    /// Whether nothing stands here.
    pub(super) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Whether it is an order. After a space only a known word makes one: "# 5 op de lijst" is text.
    pub(super) fn head(&self) -> Head {
        let Some(after) = hash(&self.text) else { return Head::Text };
        let hash_ends = self.text.len() - after.len();
        let word = after.trim_start();
        let word_starts = self.text.len() - word.len();
        if let Some((name, used)) = words::order(word) {
            return Head::Order(name, word_starts + used);
        }
        if word_starts > hash_ends || !word.starts_with(char::is_alphabetic) || words::heading(word).is_some()
        {
            return Head::Text;
        }
        Head::Unknown(word_starts)
    }

    /// Whether it is, without any doubt, an order: the sign, and at once a known word.
    pub(super) fn is_plain_order(&self) -> bool {
        let Some(after) = hash(&self.text) else { return false };
        !after.starts_with(' ') && words::order(after).is_some()
    }

    /// What is wrong at a byte of the line.
    pub(super) fn fault(&self, byte: usize, wrong: Wrong) -> Fault {
        let at = self.text.char_indices().take_while(|(start, _)| *start < byte).count();
        let skipped = if at < SHOWN { 0 } else { at - SHOWN_BEFORE };
        let line = self.text.chars().skip(skipped).take(SHOWN).collect();
        Fault { line, at: at - skipped, wrong }
    }

    /// What is missing at the end of the line.
    pub(super) fn missing(&self, wrong: Wrong) -> Fault {
        self.fault(self.text.len(), wrong)
    }
}

/// What follows a `#`, also a full-width one, at the start.
fn hash(text: &str) -> Option<&str> {
    text.strip_prefix(['#', '＃'])
}

/// Characters without width: marks of byte order and of direction, soft hyphens, possible breaks.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Several lines without what no eye sees, as [`Line`] has one.
pub(super) fn seen(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c) && (!c.is_control() || matches!(c, '\n' | '\t'))).collect()
}

/// What mail programs put before a first character: the above, joiners and spaces that don't break.
pub(super) const fn is_unseen_start(c: char) -> bool {
    is_invisible(c) || matches!(c, '\u{200c}' | '\u{200d}' | '\u{a0}' | '\u{202f}' | '\u{2007}')
}

/// Where the paragraph of an order goes on below it, because a mail program wrapped the line: nobody breaks a line
/// by hand just where the next word would no longer have fitted.
pub(super) fn is_wrapped(above: &str, below: &str) -> bool {
    /// The narrowest width at which mail programs wrap, in characters.
    const WRAP: usize = 70;
    let first = below.split(' ').find(|word| !word.is_empty());
    let full = first.is_some_and(|word| above.chars().count() + 1 + word.chars().count() > WRAP);
    full && !below.starts_with(' ') && !words::is_closing(below)
}
