//! Dates as people type them, in Dutch and English. The day always comes first: 3/4 is 3 April.
//!
//! A day without a year is the next such day, today included, when that is at most half a year away: "11 March" on the
//! 12th is a slip, and nobody means the next one. A weekday alone is the next one after today, and so is
//! "next friday". Working days are not counted here: which days work is known to the procedure alone.

use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan};

use super::tokens::Tokens;

/// Words between an order and its date that say nothing.
const FILLERS: &[&str] = &[
    "tot",
    "en",
    "met",
    "t",
    "/",
    "m",
    "naar",
    "op",
    "per",
    "uiterlijk",
    "until",
    "till",
    "up",
    "to",
    "and",
    "including",
    "-",
    "on",
    "by",
    "the",
    "de",
    ":",
];

const MONTHS: [&[&str]; 12] = [
    &["januari", "january", "jan"],
    &["februari", "february", "feb"],
    &["maart", "march", "mrt", "mar"],
    &["april", "apr"],
    &["mei", "may"],
    &["juni", "june", "jun"],
    &["juli", "july", "jul"],
    &["augustus", "august", "aug"],
    &["september", "sept", "sep"],
    &["oktober", "october", "okt", "oct"],
    &["november", "nov"],
    &["december", "dec"],
];

const WEEKDAYS: [(Weekday, &[&str], &[&str]); 7] = [
    (Weekday::Monday, &["maandag", "monday"], &["ma", "mon"]),
    (Weekday::Tuesday, &["dinsdag", "tuesday"], &["di", "tue", "tues"]),
    (Weekday::Wednesday, &["woensdag", "wednesday"], &["wo", "wed"]),
    (Weekday::Thursday, &["donderdag", "thursday"], &["do", "thu", "thur", "thurs"]),
    (Weekday::Friday, &["vrijdag", "friday"], &["vr", "vrij", "fri"]),
    (Weekday::Saturday, &["zaterdag", "saturday"], &["za", "sat"]),
    (Weekday::Sunday, &["zondag", "sunday"], &["zo", "sun"]),
];

const COUNTS: [(i16, &[&str]); 14] = [
    (1, &["een", "één", "a", "an", "one"]),
    (2, &["twee", "two"]),
    (3, &["drie", "three"]),
    (4, &["vier", "four"]),
    (5, &["vijf", "five"]),
    (6, &["zes", "six"]),
    (7, &["zeven", "seven"]),
    (8, &["acht", "eight"]),
    (9, &["negen", "nine"]),
    (10, &["tien", "ten"]),
    (11, &["elf", "eleven"]),
    (12, &["twaalf", "twelve"]),
    (13, &["dertien", "thirteen"]),
    (14, &["veertien", "fourteen"]),
];

const SEPARATORS: &[&str] = &["-", "/", "."];

/// Months ahead of today in which a day needs no year.
const MONTHS_AHEAD: i32 = 6;

/// What should be a date is none: a day that does not exist, a weekday that contradicts, a
/// day far away without its year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoSuchDay {
    /// The byte where it begins.
    pub(super) at: usize,
    /// The byte after it.
    pub(super) end: usize,
}

/// The date with which `words` begin and how many bytes it takes; `None` when they begin with something else.
pub(super) fn date(words: &str, today: Date) -> Result<Option<(Date, usize)>, NoSuchDay> {
    let mut reader = Reader { tokens: Tokens::of(words), today };
    while reader.tokens.word(FILLERS).is_some() {}
    let start = reader.tokens.start();
    // "voor 4 december" may end on the 3rd or on the 4th: nobody knows.
    let before = reader.tokens.word(&["voor", "vóór", "before"]).is_some();
    let Some(found) = reader.any_day()? else { return Ok(None) };
    if before || reader.tokens.goes_on(&["-", "/", ".", ":"]) {
        return Err(reader.no_such_day(start));
    }
    reader.skip_coming();
    Ok(Some((found, reader.tokens.used())))
}

struct Reader {
    tokens: Tokens,
    today: Date,
}

type Found = Result<Option<Date>, NoSuchDay>;

impl Reader {
    /// What began at this byte, and has been read, is no date.
    fn no_such_day(&self, at: usize) -> NoSuchDay {
        NoSuchDay { at, end: self.tokens.used() }
    }

    fn any_day(&mut self) -> Found {
        if let Some(days) = self.tokens.take(|token| named_day(&token.text)) {
            return Ok(Some(self.today.saturating_add(days.days())));
        }
        let start = self.tokens.at;
        let qualified = self.tokens.word(&["volgende", "next", "komende", "aanstaande", "coming"]).is_some();
        let next_week = qualified && self.tokens.word(&["week"]).is_some();
        if next_week {
            self.tokens.word(&["op", "on"]);
        }
        if let Some(date) = self.weekday(next_week)? {
            return Ok(Some(date));
        }
        self.tokens.at = start;
        match self.relative()? {
            Some(date) => Ok(Some(date)),
            None => self.calendar_day(),
        }
    }

    /// A weekday, alone or before the date that it must agree with.
    fn weekday(&mut self, in_next_week: bool) -> Found {
        let start = self.tokens.start();
        let Some((weekday, abbreviated)) = self.tokens.take(|token| weekday(&token.text)) else {
            return Ok(None);
        };
        let alone = self.tokens.at;
        self.tokens.glued_mark(&[".", ","]);
        self.tokens.word(&["de", "the"]);
        if let Some(date) = self.calendar_day()? {
            return if date.weekday() == weekday { Ok(Some(date)) } else { Err(self.no_such_day(start)) };
        }
        // "vrijdag over een week" is a week later than the coming Friday, or a week from today: nobody knows.
        if self.relative()?.is_some() {
            return Err(self.no_such_day(start));
        }
        self.tokens.at = alone;
        // "zo snel mogelijk" is no Sunday.
        if abbreviated {
            return Ok(None);
        }
        let said_after = self.tokens.whole(|tokens| {
            tokens.word(&["volgende", "next"])?;
            tokens.word(&["week"])
        });
        let from = if in_next_week || said_after.is_some() { self.sunday() } else { self.today };
        Ok(from.nth_weekday(1, weekday).ok())
    }

    /// The last day of this week.
    fn sunday(&self) -> Date {
        let left = 7 - self.today.weekday().to_monday_one_offset();
        self.today.saturating_add(left.days())
    }

    /// "over twee weken", "in 10 days", "binnen een maand".
    fn relative(&mut self) -> Found {
        let start = self.tokens.start();
        let found = self.tokens.whole(|tokens| {
            tokens.word(&["over", "in", "binnen", "within"])?;
            let named =
                |text: &str| COUNTS.iter().find(|(_, names)| names.contains(&text)).map(|found| found.0);
            let count = tokens.number(1..=3).or_else(|| tokens.take(|token| named(&token.text)))?;
            length(tokens, i64::from(count))
        });
        let Some(length) = found else { return Ok(None) };
        self.tokens.whole(|tokens| {
            tokens.glued_mark(&["'", "’"]);
            tokens.word(&["time"])
        });
        self.tokens.whole(|tokens| {
            tokens.word(&["from", "vanaf"])?;
            tokens.word(&["now", "today", "nu", "vandaag"])
        });
        let date = match length {
            Length::Span(span) => self.today.checked_add(span).ok(),
            Length::WorkingDays => None,
        };
        date.map(Some).ok_or(self.no_such_day(start))
    }

    /// A day of the calendar, with or without its year.
    fn calendar_day(&mut self) -> Found {
        let start = self.tokens.start();
        let before = self.tokens.at;
        let parts = self.numeric().or_else(|| self.day_and_month()).or_else(|| self.month_and_day());
        let Some(parts) = parts.or_else(|| self.day_of_month()) else {
            self.tokens.at = before;
            return Ok(None);
        };
        self.make(&parts).map(Some).ok_or(self.no_such_day(start))
    }

    /// 18-12-2026, 18/12, 18.12.26, 2026-12-18, 18 12 2026.
    fn numeric(&mut self) -> Option<Parts> {
        let today = self.today;
        self.tokens.whole(|tokens| {
            let first = tokens.peek()?.text.clone();
            let number = tokens.number(1..=4)?;
            let year_first = first.len() == 4;
            if year_first {
                tokens.glued_mark(SEPARATORS)?;
                let month = tokens.glued_number(1..=2)?;
                tokens.glued_mark(SEPARATORS)?;
                let day = tokens.glued_number(1..=2)?;
                return Some(Parts { year: Some(number), month: Some(month), day });
            }
            let dotted = tokens.peek()?.text == ".";
            if tokens.glued_mark(SEPARATORS).is_none() {
                let month = tokens.number(1..=2)?;
                return Some(Parts { year: Some(year(tokens, today)?), month: Some(month), day: number });
            }
            let month = tokens.glued_number(1..=4)?;
            let full = tokens.whole(|tokens| {
                tokens.glued_mark(SEPARATORS)?;
                let short = tokens.peek()?.text.len() == 2;
                let year = tokens.glued_number(2..=4)?;
                Some(if short { 2000 + year } else { year })
            });
            let year = full.or_else(|| year(tokens, today));
            // 14.30 is a time of day, 10/11 december are two days.
            let two_days = || tokens.peek().is_some_and(|token| month_named(&token.text).is_some());
            let other = year.is_none() && (dotted && !(1..=12).contains(&month) || two_days());
            (!other).then_some(Parts { year, month: Some(month), day: number })
        })
    }

    /// 18 december 2026, 18 dec., 18th of December, 18-dec-26.
    fn day_and_month(&mut self) -> Option<Parts> {
        let today = self.today;
        self.tokens.whole(|tokens| {
            let day = tokens.number(1..=2)?;
            ordinal(tokens);
            tokens.word(&["of", "van"]);
            tokens.glued_mark(SEPARATORS);
            let month = tokens.take(|token| month_named(&token.text))?;
            let year = tokens.whole(|tokens| {
                tokens.glued_mark(SEPARATORS);
                year(tokens, today)
            });
            Some(Parts { year, month: Some(month), day })
        })
    }

    /// December 18 2026, Dec. 18th.
    fn month_and_day(&mut self) -> Option<Parts> {
        let today = self.today;
        self.tokens.whole(|tokens| {
            let month = tokens.take(|token| month_named(&token.text))?;
            tokens.glued_mark(&["."]);
            tokens.word(&["the"]);
            let day = tokens.number(1..=2)?;
            ordinal(tokens);
            Some(Parts { year: year(tokens, today), month: Some(month), day })
        })
    }

    /// "the 18th", "de 18e": the next day with this number.
    fn day_of_month(&mut self) -> Option<Parts> {
        self.tokens.whole(|tokens| {
            let day = tokens.number(1..=2)?;
            ordinal(tokens).map(|()| Parts { year: None, month: None, day })
        })
    }

    /// The day, when it exists.
    fn make(&self, parts: &Parts) -> Option<Date> {
        let day = i8::try_from(parts.day).ok()?;
        let months = match parts.month {
            Some(month) => {
                let month = i8::try_from(month).ok()?;
                month..=month
            }
            None => 1..=12,
        };
        let years = match parts.year {
            Some(year) => return self.exact(year, *months.start(), day),
            None => self.today.year()..=self.today.year().saturating_add(1),
        };
        let days = years.flat_map(|year| months.clone().map(move |month| Date::new(year, month, day)));
        let last = self.today.saturating_add(MONTHS_AHEAD.months());
        days.flatten().find(|date| (self.today..=last).contains(date))
    }

    /// Nobody means a year of another century; it is a typing error.
    fn exact(&self, year: i16, month: i8, day: i8) -> Option<Date> {
        let date = Date::new(year, month, day).ok()?;
        (year.abs_diff(self.today.year()) < 100).then_some(date)
    }

    /// "a.s." and "aanstaande" after a day.
    fn skip_coming(&mut self) {
        let abbreviated = self.tokens.whole(|tokens| {
            tokens.word(&["a"])?;
            tokens.glued_mark(&["."])?;
            tokens.word(&["s"])?;
            tokens.glued_mark(&["."])
        });
        if abbreviated.is_none() {
            self.tokens.word(&["aanstaande", "eerstkomende"]);
        }
    }
}

/// A date in numbers; without a month any will do.
struct Parts {
    year: Option<i16>,
    month: Option<i16>,
    day: i16,
}

/// The year after a day and a month, perhaps after a comma: in four digits, after an apostrophe in two, and the last two
/// digits of this year or the next. "1400 uur" is none, nor is "18 december 14 uur".
fn year(tokens: &mut Tokens, today: Date) -> Option<i16> {
    tokens.whole(|tokens| {
        tokens.glued_mark(&[","]);
        if tokens.word(&["'", "’"]).is_some() {
            return tokens.glued_number(2..=2).map(|year| 2000 + year);
        }
        let near = [today.year(), today.year().saturating_add(1)];
        let short = tokens.whole(|tokens| {
            let year = 2000 + tokens.number(2..=2)?;
            (near.contains(&year) && !tokens.goes_on(&[":", "."])).then_some(year)
        });
        short.or_else(|| tokens.number(4..=4).filter(|year| (1900..2200).contains(year)))
    })
}

fn ordinal(tokens: &mut Tokens) -> Option<()> {
    const ENDINGS: &[&str] = &["st", "nd", "rd", "th", "e", "de", "ste"];
    tokens.take(|token| (token.glued && ENDINGS.contains(&token.text.as_str())).then_some(()))
}

fn month_named(text: &str) -> Option<i16> {
    (1..).zip(MONTHS).find(|(_, names)| names.contains(&text)).map(|(number, _)| number)
}

/// The weekday, and whether it is abbreviated.
fn weekday(text: &str) -> Option<(Weekday, bool)> {
    let named = |(weekday, full, short): &(Weekday, &[&str], &[&str])| {
        if full.contains(&text) {
            Some((*weekday, false))
        } else {
            short.contains(&text).then_some((*weekday, true))
        }
    };
    WEEKDAYS.iter().find_map(named)
}

/// How many days lie between today and the day of this name.
fn named_day(text: &str) -> Option<i64> {
    match text {
        "vandaag" | "today" => Some(0),
        "morgen" | "tomorrow" => Some(1),
        "overmorgen" => Some(2),
        _ => None,
    }
}

/// A length of time as people say it.
enum Length {
    Span(Span),
    /// Which days work is not known here.
    WorkingDays,
}

/// So many of the unit that follows.
fn length(tokens: &mut Tokens, count: i64) -> Option<Length> {
    if tokens.word(&["working", "business"]).is_some() {
        return tokens.word(&["day", "days"]).map(|()| Length::WorkingDays);
    }
    tokens.take(|token| match token.text.as_str() {
        "dag" | "dagen" | "day" | "days" => Some(Length::Span(count.days())),
        "week" | "weken" | "weeks" => Some(Length::Span(count.weeks())),
        "maand" | "maanden" | "month" | "months" => Some(Length::Span(count.months())),
        "werkdag" | "werkdagen" => Some(Length::WorkingDays),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
