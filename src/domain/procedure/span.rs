//! A length of time as a clause states it.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::domain::calendar::Calendar;

/// In what a clause counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Calendar days.
    Days,
    /// Days that work in the procedure's calendar.
    WorkingDays,
    /// Weeks: the same weekday.
    Weeks,
    /// Months: the same number, else the last day of the month (Regulation 1182/71, article 3(2)(c)).
    Months,
}

/// A length of time: "14 days", "1 working day", "2 weeks".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    /// How many.
    pub count: u16,
    /// Of what.
    pub unit: Unit,
}

/// Why words are no [`Span`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// The words after the number name no unit.
    #[error("unknown unit `{0}`, expected days, working days, weeks or months")]
    Unit(String),
    /// It does not begin with a number that fits.
    #[error("`{0}` is no length of time, expected for example \"14 days\" or \"3 working days\"")]
    Count(String),
}

impl Span {
    /// The last day of a term of this length after `day0`, which itself is not counted.
    pub fn after(self, day0: Date, calendar: &Calendar) -> Date {
        let count = i64::from(self.count);
        match self.unit {
            Unit::Days => day0.saturating_add(count.days()),
            Unit::WorkingDays => calendar.add_working_days(day0, u32::from(self.count)),
            Unit::Weeks => day0.saturating_add(count.weeks()),
            Unit::Months => day0.saturating_add(count.months()),
        }
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(words: &str) -> Result<Self, Self::Err> {
        let words = words.trim();
        let digits = words.len() - words.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (count, unit) = words.split_at(digits);
        let count = count.parse().map_err(|_| SpanError::Count(words.to_owned()))?;
        let unit = match unit.trim() {
            "day" | "days" => Unit::Days,
            "working day" | "working days" => Unit::WorkingDays,
            "week" | "weeks" => Unit::Weeks,
            "month" | "months" => Unit::Months,
            "" => return Err(SpanError::Count(words.to_owned())),
            other => return Err(SpanError::Unit(other.to_owned())),
        };
        Ok(Self { count, unit })
    }
}

impl TryFrom<String> for Span {
    type Error = SpanError;

    fn try_from(words: String) -> Result<Self, Self::Error> {
        words.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Days => "day",
            Unit::WorkingDays => "working day",
            Unit::Weeks => "week",
            Unit::Months => "month",
        };
        let plural = if self.count == 1 { "" } else { "s" };
        write!(f, "{} {unit}{plural}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::calendar::Holidays;

    #[test]
    fn words_round_trip() {
        for words in ["14 days", "1 day", "0 days", "1 working day", "20 working days", "1 week", "3 months"]
        {
            assert_eq!(words.parse::<Span>().unwrap().to_string(), words);
        }
    }

    #[test]
    fn what_is_no_span_is_named() {
        assert_eq!("2 fortnights".parse::<Span>(), Err(SpanError::Unit("fortnights".into())));
        assert_eq!("2 werkdagen".parse::<Span>(), Err(SpanError::Unit("werkdagen".into())));
        for words in ["", "14", "days", "-1 days", "99999 days", "1.5 days"] {
            assert!(words.parse::<Span>().is_err(), "{words}");
        }
    }

    #[test]
    fn each_unit_ends_where_the_law_says() {
        let calendar = Calendar::new(&[Holidays::NlBusiness]);
        let end = |words: &str, day0| words.parse::<Span>().unwrap().after(day0, &calendar);
        assert_eq!(end("14 days", date(2026, 3, 2)), date(2026, 3, 16));
        assert_eq!(end("2 weeks", date(2026, 3, 2)), date(2026, 3, 16));
        assert_eq!(end("3 working days", date(2026, 4, 2)), date(2026, 4, 8));
        assert_eq!(end("1 month", date(2027, 1, 31)), date(2027, 2, 28));
        assert_eq!(end("1 month", date(2028, 1, 31)), date(2028, 2, 29));
        assert_eq!(end("65535 months", date(9000, 1, 1)), Date::MAX);
    }
}
