//! Words, numbers and marks, for dates and times.

/// More of these no date or time has; bounds the work.
const MOST: usize = 32;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Digits.
    Number,
    /// Letters.
    Word,
    /// Any other character.
    Mark,
}

/// A piece of a line.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Lower case; every hyphen and dash is `-`.
    pub(super) text: String,
    /// Its first byte.
    pub(super) start: usize,
    /// The byte after its last.
    pub(super) end: usize,
    /// Whether no space stands before it.
    pub(super) glued: bool,
}

/// Reads tokens one after another; to look ahead is to copy `at`.
#[derive(Debug)]
pub(super) struct Tokens {
    list: Vec<Token>,
    /// The next token.
    pub(super) at: usize,
}

impl Tokens {
    /// The first tokens of `words`.
    pub(super) fn of(words: &str) -> Self {
        let mut list: Vec<Token> = Vec::new();
        let mut end = 0;
        for (start, c) in words.char_indices() {
            let Some(kind) = kind_of(c) else { continue };
            let plain = if super::words::is_hyphen(c) { '-' } else { c };
            let glued = end == start;
            end = start + c.len_utf8();
            let open = list.last_mut().filter(|token| glued && kind == token.kind && kind != Kind::Mark);
            if let Some(token) = open {
                token.text.extend(plain.to_lowercase());
                token.end = end;
            } else if list.len() < MOST {
                list.push(Token { kind, text: plain.to_lowercase().collect(), start, end, glued });
            } else {
                break;
            }
        }
        Self { list, at: 0 }
    }

    /// The next token, which stays the next.
    pub(super) fn peek(&self) -> Option<&Token> {
        self.list.get(self.at)
    }

    /// The byte at which the next token begins.
    pub(super) fn start(&self) -> usize {
        self.peek().map_or_else(|| self.used(), |token| token.start)
    }

    /// The byte after the last token that was taken.
    pub(super) fn used(&self) -> usize {
        self.at.checked_sub(1).and_then(|last| self.list.get(last)).map_or(0, |token| token.end)
    }

    /// Takes the next token if `wanted` says something of it; else nothing happens.
    pub(super) fn take<T>(&mut self, wanted: impl FnOnce(&Token) -> Option<T>) -> Option<T> {
        let found = wanted(self.peek()?)?;
        self.at += 1;
        Some(found)
    }

    /// Takes a word that is one of these.
    pub(super) fn word(&mut self, words: &[&str]) -> Option<()> {
        self.take(|token| words.contains(&token.text.as_str()).then_some(()))
    }

    /// Takes a mark that is one of these, when no space stands before it.
    pub(super) fn glued_mark(&mut self, marks: &[&str]) -> Option<()> {
        self.take(|token| (token.glued && marks.contains(&token.text.as_str())).then_some(()))
    }

    /// Takes a number of so many digits.
    pub(super) fn number(&mut self, digits: std::ops::RangeInclusive<usize>) -> Option<i16> {
        self.take(|token| {
            let right = token.kind == Kind::Number && digits.contains(&token.text.len());
            right.then(|| token.text.parse().ok()).flatten()
        })
    }

    /// As [`number`](Self::number), when no space stands before it.
    pub(super) fn glued_number(&mut self, digits: std::ops::RangeInclusive<usize>) -> Option<i16> {
        if self.peek()?.glued { self.number(digits) } else { None }
    }

    /// Takes all that `part` takes, or nothing.
    pub(super) fn whole<T>(&mut self, part: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let before = self.at;
        let found = part(self);
        if found.is_none() {
            self.at = before;
        }
        found
    }

    /// Whether a letter or digit follows at once, or `marks` and then a digit: then what was taken is a part of
    /// something else.
    pub(super) fn goes_on(&self, marks: &[&str]) -> bool {
        let Some(next) = self.peek().filter(|token| token.glued) else { return false };
        let digit = || self.list.get(self.at + 1).is_some_and(|t| t.glued && t.kind == Kind::Number);
        next.kind != Kind::Mark || (marks.contains(&next.text.as_str()) && digit())
    }
}

fn kind_of(c: char) -> Option<Kind> {
    match c {
        ' ' => None,
        '0'..='9' => Some(Kind::Number),
        _ if c.is_alphabetic() => Some(Kind::Word),
        _ => Some(Kind::Mark),
    }
}
