//! Which days work. Holidays are computed by rule, Easter included, so no table ever runs out; only what was
//! proclaimed for one year stands in a table.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};

/// A set of holidays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holidays {
    /// The days on which Dutch offices are closed: the default for what a company promises. Liberation Day counts
    /// in lustrum years (2025, 2030); Good Friday does not count.
    NlBusiness,
    /// The days of the Dutch Algemene termijnenwet, article 3: for terms in a law.
    NlAtw,
    /// The bank holidays of England and Wales.
    UkEngland,
}

/// Days of one year that royal decree put on a par with a holiday (Algemene termijnenwet, article 3(3)).
const NL_DECREED: [(i16, i8, i8); 10] = [
    (2023, 4, 28),
    (2023, 5, 19),
    (2024, 5, 10),
    (2024, 12, 27),
    (2025, 5, 30),
    (2026, 1, 2),
    (2026, 5, 15),
    (2027, 5, 7),
    (2028, 4, 28),
    (2028, 5, 26),
];

/// Bank holidays proclaimed for one year: VE Day, Platinum Jubilee, state funeral, coronation.
const UK_PROCLAIMED: [(i16, i8, i8); 5] =
    [(2020, 5, 8), (2022, 6, 2), (2022, 6, 3), (2022, 9, 19), (2023, 5, 8)];

/// Regular bank holidays that worked for once, because the proclaimed day took their place.
const UK_MOVED: [(i16, i8, i8); 2] = [(2020, 5, 4), (2022, 5, 30)];

impl Holidays {
    /// Every set, in the order in which they are listed to people.
    pub const ALL: [Self; 3] = [Self::NlBusiness, Self::NlAtw, Self::UkEngland];

    /// The name in a procedure file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NlBusiness => "nl-business",
            Self::NlAtw => "nl-atw",
            Self::UkEngland => "uk-england",
        }
    }

    /// The last year of which all holidays are known: where some are proclaimed years ahead, those of later years are not
    /// yet. `None` where all follow from rules, and where single days are proclaimed only shortly before.
    pub const fn known_until(self) -> Option<i16> {
        match self {
            Self::NlBusiness | Self::UkEngland => None,
            Self::NlAtw => Some(NL_DECREED[NL_DECREED.len() - 1].0),
        }
    }

    /// Whether `date` is a holiday. In a weekend the answer is of no matter and may be either.
    pub fn contains(self, date: Date) -> bool {
        match self {
            Self::NlBusiness => is_dutch(date) || (is_liberation_day(date) && date.year() % 5 == 0),
            Self::NlAtw => {
                is_dutch(date)
                    || is_liberation_day(date)
                    || days_after_easter(date) == -2
                    || listed(&NL_DECREED, date)
            }
            Self::UkEngland => is_english(date),
        }
    }
}

impl fmt::Display for Holidays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of a set of holidays that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown calendar `{0}`, expected nl-business, nl-atw or uk-england")]
pub struct UnknownHolidays(pub String);

impl FromStr for Holidays {
    type Err = UnknownHolidays;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|set| set.as_str() == name).ok_or_else(|| UnknownHolidays(name.to_owned()))
    }
}

/// One or several sets of holidays: a day works if it works in **any** of them, which is the earliest reading of
/// "werkdagen" and so never makes us late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    sets: Vec<Holidays>,
}

impl Calendar {
    /// A calendar of these sets; without any, every Monday to Friday works.
    pub fn new(sets: &[Holidays]) -> Self {
        Self { sets: sets.to_vec() }
    }

    /// Whether `date` is a working day.
    pub fn is_working(&self, date: Date) -> bool {
        let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        !weekend && (self.sets.is_empty() || self.sets.iter().any(|set| !set.contains(date)))
    }

    /// The last year of which the holidays of all its sets are known; `None` when they follow from rules.
    pub fn known_until(&self) -> Option<i16> {
        self.sets.iter().filter_map(|set| set.known_until()).min()
    }

    /// The `n`-th working day after `date`; `date` itself, whatever it is, when `n` is 0.
    pub fn add_working_days(&self, date: Date, n: u32) -> Date {
        self.nth(date, n, 1).unwrap_or(Date::MAX)
    }

    /// The `n`-th working day before `date`; `date` itself, whatever it is, when `n` is 0.
    pub fn sub_working_days(&self, date: Date, n: u32) -> Date {
        self.nth(date, n, -1).unwrap_or(Date::MIN)
    }

    /// `date` when it works, else the last working day before it.
    pub fn working_day_at_or_before(&self, date: Date) -> Date {
        if self.is_working(date) { date } else { self.sub_working_days(date, 1) }
    }

    /// `date` when it works, else the first working day after it.
    pub fn working_day_at_or_after(&self, date: Date) -> Date {
        if self.is_working(date) { date } else { self.add_working_days(date, 1) }
    }

    /// The first working day strictly after `date`.
    pub fn next_working_day(&self, date: Date) -> Date {
        self.add_working_days(date, 1)
    }

    /// How many working days lie after `after`, up to and including `until`.
    pub fn working_days_between(&self, after: Date, until: Date) -> u32 {
        let days = after.series(1.day()).skip(1).take_while(|day| *day <= until);
        days.filter(|day| self.is_working(*day)).fold(0, |count, _| count + 1)
    }

    /// The `n`-th working day from `date` in steps of `step` days; `None` beyond the years that a [`Date`] holds.
    fn nth(&self, date: Date, n: u32, step: i64) -> Option<Date> {
        let Some(earlier) = n.checked_sub(1) else { return Some(date) };
        let mut days = date.series(step.days()).skip(1).filter(|day| self.is_working(*day));
        days.nth(usize::try_from(earlier).unwrap_or(usize::MAX))
    }
}

/// What all Dutch sets share: New Year, Easter Monday, Koningsdag, Ascension, Whit Monday, two Christmas days. A
/// holiday in a weekend has no substitute in the Netherlands; Koningsdag on a Sunday is kept on the Saturday before.
fn is_dutch(date: Date) -> bool {
    matches!((date.month(), date.day()), (1, 1) | (4, 27) | (12, 25 | 26))
        || matches!(days_after_easter(date), 1 | 39 | 50)
}

fn is_liberation_day(date: Date) -> bool {
    (date.month(), date.day()) == (5, 5)
}

/// Banking and Financial Dealings Act 1971, schedule 1, and the proclaimed days.
fn is_english(date: Date) -> bool {
    let regular = matches!(days_after_easter(date), -2 | 1)
        || is_english_monday(date)
        || is_english_new_year(date)
        || is_english_christmas(date);
    (regular && !listed(&UK_MOVED, date)) || listed(&UK_PROCLAIMED, date)
}

/// The first and last Monday of May, the last of August.
fn is_english_monday(date: Date) -> bool {
    date.weekday() == Weekday::Monday
        && matches!((date.month(), date.day()), (5, 1..=7 | 25..=31) | (8, 25..=31))
}

/// 1 January, and the Monday after it when it falls in a weekend.
fn is_english_new_year(date: Date) -> bool {
    match (date.month(), date.day()) {
        (1, 1) => true,
        (1, 2 | 3) => date.weekday() == Weekday::Monday,
        _ => false,
    }
}

/// 25 and 26 December; each that falls in a weekend moves to the next weekday that is still free.
fn is_english_christmas(date: Date) -> bool {
    match (date.month(), date.day()) {
        (12, 25 | 26) => true,
        (12, 27 | 28) => matches!(date.weekday(), Weekday::Monday | Weekday::Tuesday),
        _ => false,
    }
}

fn listed(days: &[(i16, i8, i8)], date: Date) -> bool {
    days.contains(&(date.year(), date.month(), date.day()))
}

/// How many days `date` lies after Easter Sunday of its year; negative before it.
fn days_after_easter(date: Date) -> i16 {
    date.day_of_year() - easter_sunday(date.year()).day_of_year()
}

/// Easter Sunday: the Sunday after the full moon on or after 21 March, both by the church's reckoning (Knuth, The Art
/// of Computer Programming 1.3.2, exercise 14, after Clavius and Lilius).
fn easter_sunday(year: i16) -> Date {
    let year_number = i32::from(year);
    let golden = year_number.rem_euclid(19) + 1;
    let century = year_number.div_euclid(100) + 1;
    let leap_years_dropped = (3 * century).div_euclid(4) - 12;
    let moon_correction = (8 * century + 5).div_euclid(25) - 5;
    let mut epact = (11 * golden + 20 + moon_correction - leap_years_dropped).rem_euclid(30);
    if (epact == 25 && golden > 11) || epact == 24 {
        epact += 1;
    }
    let full_moon = if epact > 23 { 74 - epact } else { 44 - epact };
    let weekday = (5 * year_number).div_euclid(4) - leap_years_dropped - 10 + full_moon;
    let sunday_in_march = full_moon + 7 - weekday.rem_euclid(7);
    let first_of_march = Date::new(year, 3, 1).expect("1 March is in every year");
    first_of_march.saturating_add((sunday_in_march - 1).days())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn easter_of_known_years() {
        let known = [
            date(1818, 3, 22),
            date(1943, 4, 25),
            date(2000, 4, 23),
            date(2008, 3, 23),
            date(2025, 4, 20),
            date(2026, 4, 5),
            date(2027, 3, 28),
            date(2038, 4, 25),
            date(2285, 3, 22),
        ];
        for sunday in known {
            assert_eq!(easter_sunday(sunday.year()), sunday);
        }
    }

    #[test]
    fn easter_is_a_sunday_between_22_march_and_25_april_in_every_year() {
        for year in -9999..=9999 {
            let sunday = easter_sunday(year);
            assert_eq!(sunday.weekday(), Weekday::Sunday, "{sunday}");
            assert!((date(year, 3, 22)..=date(year, 4, 25)).contains(&sunday), "{sunday}");
        }
    }

    #[test]
    fn names_round_trip_and_an_unknown_one_is_named() {
        for set in Holidays::ALL {
            assert_eq!(set.as_str().parse(), Ok(set));
        }
        let error = "nl".parse::<Holidays>().unwrap_err().to_string();
        assert!(error.contains("`nl`") && error.contains("uk-england"), "{error}");
    }

    #[test]
    fn a_day_works_if_it_works_in_any_set() {
        let both = Calendar::new(&[Holidays::NlBusiness, Holidays::UkEngland]);
        assert!(both.is_working(date(2026, 4, 27)), "Koningsdag works in England");
        assert!(
            both.is_working(date(2026, 12, 28)),
            "the substitute for Boxing Day works in the Netherlands"
        );
        assert!(!both.is_working(date(2026, 4, 6)), "Easter Monday is free in both");
        assert!(!both.is_working(date(2026, 4, 5)));
    }

    #[test]
    fn decreed_days_count_for_the_law_alone() {
        let day = date(2026, 5, 15);
        assert!(Holidays::NlAtw.contains(day));
        assert!(!Holidays::NlBusiness.contains(day));
    }

    #[test]
    fn the_ends_of_the_calendar_are_no_panic() {
        let calendar = Calendar::new(&[Holidays::NlBusiness]);
        assert_eq!(calendar.add_working_days(Date::MAX, 3), Date::MAX);
        assert_eq!(calendar.sub_working_days(Date::MIN, 3), Date::MIN);
        assert_eq!(calendar.working_days_between(Date::MAX, Date::MAX), 0);
    }
}
