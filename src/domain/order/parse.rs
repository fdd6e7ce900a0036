//! From the line of an order to the order, without the text below it.

use jiff::civil::Date;

use super::address::address;
use super::dates::{self, NoSuchDay};
use super::line::Line;
use super::times::{self, NoSuchTime};
use super::words;
use super::{Answer, Fault, Order, OrderName, Wrong};
use crate::domain::procedure::Judgement;
use crate::domain::reference::Reference;

/// Characters of a line that are considered; only a text may be longer.
const LONGEST_LINE: usize = 2_000;

/// Marks between the parts of an order.
const MARKS: [char; 4] = [',', ':', ';', ' '];

/// Marks after the last part.
const END_MARKS: [char; 6] = ['.', ',', ';', ':', '!', ' '];

/// What may be left out of an order, as the list of orders shows it.
const HINTS: [&str; 4] = ["[ADRES]", "[ADDRESS]", "[DATUM]", "[DATE]"];

/// An order without the text that belongs to it.
pub(super) struct Draft {
    /// Its line.
    pub(super) line: Line,
    /// The order; its text or reason is empty.
    pub(super) order: Order,
    /// The text or reason on the line itself.
    pub(super) own: String,
}

/// The order on `line`, whose word `name` ends at the byte `from`.
pub(super) fn draft(line: Line, name: OrderName, from: usize, today: Date) -> Result<Draft, Fault> {
    let mut rest = Rest { line: &line, at: from };
    rest.skip(&MARKS);
    let text = String::new();
    let (order, own) = match name {
        OrderName::Assign => (Order::Assign { to: rest.address()? }, rest.nothing()?),
        OrderName::About => (Order::About { person: rest.address()? }, rest.nothing()?),
        OrderName::Refer => (Order::Refer { body: rest.body()? }, rest.nothing()?),
        OrderName::Merge => (Order::Merge { into: rest.reference()? }, rest.nothing()?),
        OrderName::Extend => (Order::Extend { new_due: rest.date(today)?, reason: text }, rest.argument()?),
        OrderName::Close => (Order::Close { reason: text }, rest.argument()?),
        OrderName::NotAComplaint => (Order::NotAComplaint { reason: text }, rest.argument()?),
        OrderName::Invite => (rest.invitation(today)?, rest.nothing()?),
        OrderName::Ask => (Order::Ask { reply_by: rest.reply_by(today)?, text }, rest.text()),
        OrderName::Record => {
            let (name, to) = rest.complainant()?;
            (Order::Record { to, name, text }, rest.text())
        }
        OrderName::Agreed => (Order::Agreed { text }, rest.text()),
        OrderName::Contacted => (Order::Contacted { text }, rest.text()),
        OrderName::Note => (Order::Note { text }, rest.text()),
        OrderName::Minutes => (Order::Minutes { answer: Answer::default() }, rest.answer()),
        OrderName::Answer => {
            let judgement = rest.judgement()?;
            (Order::Answer { judgement, answer: Answer::default() }, rest.answer())
        }
        OrderName::Review => (Order::Review, rest.nothing()?),
        OrderName::Withdraw => (Order::Withdraw, rest.nothing()?),
        OrderName::Reopen => (Order::Reopen, rest.nothing()?),
        OrderName::HandedOver => (Order::HandedOver, rest.nothing()?),
        OrderName::Release => (Order::Release, rest.nothing()?),
        OrderName::Spam => (Order::Spam, rest.nothing()?),
        OrderName::Confirm => (Order::Confirm, rest.nothing()?),
        OrderName::Help => (Order::Help, rest.nothing()?),
    };
    Ok(Draft { line, order, own })
}

/// A reason as one paragraph, without the marks before it, the label "reden:" and the quotes around it.
pub(super) fn reason(typed: &str) -> String {
    let paragraph = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    let bare = |text: &str| {
        let is_mark = |c: char| MARKS.contains(&c) || words::is_hyphen(c);
        text.trim_start_matches(is_mark).trim_end().to_owned()
    };
    let bare_paragraph = bare(&paragraph);
    let unlabelled = without_label(&bare_paragraph);
    let reason = bare(unlabelled);
    let quotes = [('"', '"'), ('\'', '\''), ('“', '”'), ('„', '”'), ('„', '“'), ('‘', '’'), ('«', '»')];
    let inside = |(open, close): (char, char)| reason.strip_prefix(open)?.strip_suffix(close);
    let unquoted = quotes.into_iter().find_map(inside).filter(|text| !text.contains(['"', '“', '”']));
    unquoted.map_or_else(|| reason.clone(), |text| text.trim().to_owned())
}

fn without_label(text: &str) -> &str {
    let Some((label, after)) = text.split_once(':') else { return text };
    let is_label =
        ["reden", "reason", "de reden is", "the reason is"].contains(&label.trim().to_lowercase().as_str());
    if is_label { after } else { text }
}

/// What of a line is not read yet.
struct Rest<'a> {
    line: &'a Line,
    /// The next byte.
    at: usize,
}

impl<'a> Rest<'a> {
    fn words(&self) -> &'a str {
        self.line.text.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, marks: &[char]) {
        self.at = self.line.text.len() - self.words().trim_start_matches(marks).len();
    }

    /// Skips words that say nothing, each with the space behind it.
    fn skip_words(&mut self, fillers: &[&str]) {
        for filler in fillers {
            if self.words().get(..filler.len()).is_some_and(|start| start.eq_ignore_ascii_case(filler)) {
                self.take(filler.len());
            }
        }
    }

    /// Skips the hint of ours that was copied with the order: the complainant would read it.
    fn skip_hint(&mut self) {
        let words = self.words();
        let hint = HINTS
            .iter()
            .find(|hint| words.get(..hint.len()).is_some_and(|start| start.eq_ignore_ascii_case(hint)));
        if let Some(hint) = hint {
            self.take(hint.len());
            self.skip(&MARKS);
        }
    }

    fn take(&mut self, bytes: usize) {
        self.at += bytes;
        self.skip(&[' ']);
    }

    fn fault(&self, wrong: Wrong) -> Fault {
        self.line.fault(self.at, wrong)
    }

    /// What is here is not what was wanted; or nothing is here.
    fn wrong_or_missing(&self, wrong: Wrong, missing: Wrong) -> Fault {
        if self.is_over() { self.line.missing(missing) } else { self.fault(wrong) }
    }

    fn is_over(&self) -> bool {
        self.words().trim_matches(END_MARKS).is_empty()
    }

    /// Refuses what an order does not take.
    fn nothing(&mut self) -> Result<String, Fault> {
        self.skip(&END_MARKS);
        self.skip(&['?']);
        if self.words().is_empty() { Ok(String::new()) } else { Err(self.fault(Wrong::TooMuch)) }
    }

    /// All the rest, however long.
    fn text(&mut self) -> String {
        self.skip(&MARKS);
        self.skip_hint();
        let text = self.words();
        if words::is_placeholder(text) { String::new() } else { text.to_owned() }
    }

    /// All the rest; a remark in brackets is the hint of ours that was copied with the order.
    fn answer(&mut self) -> String {
        let text = self.text();
        if text.starts_with('(') && text.ends_with(')') { String::new() } else { text }
    }

    /// All the rest, when the line is no longer than a line may be.
    fn argument(&mut self) -> Result<String, Fault> {
        match self.line.text.char_indices().nth(LONGEST_LINE) {
            Some((at, _)) => Err(self.line.fault(at, Wrong::TooMuch)),
            None => Ok(reason(&self.text())),
        }
    }

    fn address(&mut self) -> Result<String, Fault> {
        self.skip_words(&["aan ", "to ", "naar "]);
        let Some((found, used)) = address(self.words()) else {
            return Err(self.wrong_or_missing(Wrong::NotAnAddress, Wrong::AddressMissing));
        };
        self.take(used);
        Ok(found)
    }

    /// The name and the address at the start, or the address alone; else all is text.
    fn complainant(&mut self) -> Result<(Option<String>, Option<String>), Fault> {
        let words = self.words();
        let first = words.split(' ').next().unwrap_or_default();
        let name = words.split_once('<').map(|(name, _)| name).filter(|name| is_name(name));
        if first.contains('@') {
            return Ok((None, self.address().map(Some)?));
        }
        let Some(name) = name else { return Ok((None, None)) };
        let name = name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ','));
        let name = Some(name.to_owned()).filter(|name| name.contains(char::is_alphabetic));
        Ok((name, self.address().map(Some)?))
    }

    fn date(&mut self, today: Date) -> Result<Date, Fault> {
        match dates::date(self.words(), today) {
            Ok(Some((date, used))) => {
                self.take(used);
                Ok(date)
            }
            Ok(None) => Err(self.wrong_or_missing(Wrong::NotADate, Wrong::DateMissing)),
            Err(NoSuchDay { at, .. }) => Err(self.line.fault(self.at + at, Wrong::NotADate)),
        }
    }

    /// A date, when nothing but it stands here, or a colon behind it; else the rest is text that mentions a date.
    fn reply_by(&mut self, today: Date) -> Result<Option<Date>, Fault> {
        let words = self.words();
        let ends =
            |used: usize| words[used..].starts_with(':') || words[used..].trim_matches(END_MARKS).is_empty();
        match dates::date(words, today) {
            Ok(Some((date, used))) if ends(used) => {
                self.take(used);
                self.skip(&END_MARKS);
                Ok(Some(date))
            }
            Err(NoSuchDay { at, end }) if ends(end) => Err(self.line.fault(self.at + at, Wrong::NotADate)),
            _ => Ok(None),
        }
    }

    /// The day, the time and the place of a conversation.
    fn invitation(&mut self, today: Date) -> Result<Order, Fault> {
        let on = self.date(today)?;
        self.skip(&MARKS);
        let time = match times::time(self.words()) {
            Ok(Some((time, used))) => {
                self.take(used);
                Some(time)
            }
            Ok(None) => None,
            Err(NoSuchTime(at)) => return Err(self.line.fault(self.at + at, Wrong::NotATime)),
        };
        let place = self.argument()?;
        self.at = self.line.text.len();
        Ok(Order::Invite { on, time, place: (!place.is_empty()).then_some(place) })
    }

    fn judgement(&mut self) -> Result<Option<Judgement>, Fault> {
        if let Some((judgement, used)) = words::judgement(self.words()) {
            self.take(used);
            self.skip(&END_MARKS);
            return Ok(Some(judgement));
        }
        let mistyped = words::is_nearly_a_judgement(self.words());
        if mistyped { Err(self.fault(Wrong::NotAJudgement)) } else { Ok(None) }
    }

    /// One word, without the marks around it.
    fn one_word(&mut self) -> &'a str {
        let word = self.words().split(' ').next().unwrap_or_default();
        self.take(word.len());
        word.trim_matches(|c: char| !c.is_alphanumeric())
    }

    fn body(&mut self) -> Result<String, Fault> {
        let id = self.one_word().to_lowercase();
        if id.is_empty() { Err(self.line.missing(Wrong::BodyMissing)) } else { Ok(id) }
    }

    fn reference(&mut self) -> Result<String, Fault> {
        self.skip_words(&["met ", "with ", "into ", "in "]);
        let start = self.at;
        let word = self.one_word();
        if word.is_empty() {
            return Err(self.line.missing(Wrong::ReferenceMissing));
        }
        let plain: String = word.chars().map(|c| if words::is_hyphen(c) { '-' } else { c }).collect();
        let reference: Result<Reference, _> = plain.parse();
        let wrong = |_| self.line.fault(start, Wrong::NotAReference);
        reference.map(|reference| reference.to_string()).map_err(wrong)
    }
}

/// What may stand before an address in angle brackets.
fn is_name(text: &str) -> bool {
    /// Characters of a person's name; more is a sentence.
    const LONGEST_NAME: usize = 60;
    text.chars().nth(LONGEST_NAME).is_none() && text.split(' ').filter(|word| !word.is_empty()).count() <= 6
}
