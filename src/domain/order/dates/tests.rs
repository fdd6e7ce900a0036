//! Dates as people type them.

use jiff::civil::date as day;
use proptest::prelude::*;

use super::*;

/// What is read, and what is left; `Err` holds what is taken for a broken date.
fn read(words: &str, today: Date) -> Result<Option<(Date, &str)>, &str> {
    match date(words, today) {
        Ok(found) => Ok(found.map(|(date, used)| (date, &words[used..]))),
        Err(NoSuchDay { at, end }) => Err(&words[at..end]),
    }
}

/// Friday.
const TODAY: Date = day(2026, 11, 20);

#[test]
fn days_of_the_calendar() {
    for words in [
        "18-12-2026",
        "18/12/2026",
        "18.12.2026",
        "18-12-26",
        "18-12",
        "18.12",
        "18/12",
        "2026-12-18",
        "2026/12/18",
        "18\u{2011}12\u{2011}2026",
        "18–12–2026",
        "18 12 2026",
        "18-12 2026",
        "18 december 2026",
        "18 December, 2026",
        "18 dec 2026",
        "18 dec. 2026",
        "18 dec.",
        "18 dec",
        "18 december",
        "18-dec-2026",
        "18 dec '26",
        "18 dec 26",
        "18dec2026",
        "18e december",
        "18de december",
        "December 18 2026",
        "December 18, 2026",
        "Dec. 18th",
        "december 18",
        "December the 18th",
        "18th of December",
        "the 18th of December 2026",
        "de 18e",
        "the 18th",
        "vrijdag 18 december",
        "Vrijdag, 18-12",
        "vr. 18 dec",
        "vr 18-12-2026",
        "friday december 18",
        "friday the 18th of december",
        "fri 18 December 2026",
        "tot en met 18-12-2026",
        "t/m 18 december",
        "naar vrijdag 18 december a.s.",
        "until 18-12-2026",
        "by Friday 18 December",
        "uiterlijk op 18-12",
        "18 DECEMBER 2026",
        "on the 18th of December",
        "– 18-12-2026",
        "18-12 aanstaande",
    ] {
        match read(words, TODAY) {
            Ok(Some((found, "" | "."))) => assert_eq!(found, day(2026, 12, 18), "{words}"),
            other => panic!("{words}: {other:?}"),
        }
    }
}

#[test]
fn days_counted_from_today() {
    let cases = [
        ("vandaag", day(2026, 11, 20)),
        ("morgen", day(2026, 11, 21)),
        ("Tomorrow", day(2026, 11, 21)),
        ("overmorgen", day(2026, 11, 22)),
        ("over 2 weken", day(2026, 12, 4)),
        ("over twee weken", day(2026, 12, 4)),
        ("in two weeks", day(2026, 12, 4)),
        ("in two weeks’ time", day(2026, 12, 4)),
        ("in two weeks from now", day(2026, 12, 4)),
        ("over veertien dagen", day(2026, 12, 4)),
        ("over 10 dagen", day(2026, 11, 30)),
        ("in 10 days", day(2026, 11, 30)),
        ("binnen een week", day(2026, 11, 27)),
        ("over één maand", day(2026, 12, 20)),
        ("in a month", day(2026, 12, 20)),
        ("vrijdag", day(2026, 11, 27)),
        ("zaterdag", day(2026, 11, 21)),
        ("next friday", day(2026, 11, 27)),
        ("komende maandag", day(2026, 11, 23)),
        ("maandag a.s.", day(2026, 11, 23)),
        ("volgende week vrijdag", day(2026, 11, 27)),
        ("vrijdag volgende week", day(2026, 11, 27)),
        ("next week on Monday", day(2026, 11, 23)),
        ("volgende week zondag", day(2026, 11, 29)),
    ];
    for (words, expected) in cases {
        assert_eq!(read(words, TODAY), Ok(Some((expected, ""))), "{words}");
    }
}

#[test]
fn next_week_begins_on_monday() {
    let (monday, sunday) = (day(2026, 11, 16), day(2026, 11, 22));
    assert_eq!(read("volgende week maandag", monday), Ok(Some((day(2026, 11, 23), ""))));
    assert_eq!(read("volgende week maandag", sunday), Ok(Some((day(2026, 11, 23), ""))));
    assert_eq!(read("volgende week vrijdag", monday), Ok(Some((day(2026, 11, 27), ""))));
    assert_eq!(read("vrijdag", monday), Ok(Some((day(2026, 11, 20), ""))));
    assert_eq!(read("maandag", monday), Ok(Some((day(2026, 11, 23), ""))));
}

#[test]
fn ends_of_months_and_years_and_leap_days() {
    let cases = [
        ("2 januari", day(2026, 12, 30), day(2027, 1, 2)),
        ("31-12", day(2026, 12, 31), day(2026, 12, 31)),
        ("30-6", day(2026, 12, 31), day(2027, 6, 30)),
        ("morgen", day(2026, 12, 31), day(2027, 1, 1)),
        ("over een maand", day(2027, 1, 31), day(2027, 2, 28)),
        ("over een maand", day(2028, 1, 31), day(2028, 2, 29)),
        ("29 februari", day(2027, 11, 20), day(2028, 2, 29)),
        ("29-02-2028", day(2026, 11, 20), day(2028, 2, 29)),
        ("the 31st", day(2026, 11, 20), day(2026, 12, 31)),
        ("de 3e", day(2026, 12, 20), day(2027, 1, 3)),
        ("volgende week vrijdag", day(2026, 12, 28), day(2027, 1, 8)),
        ("3 jan 27", day(2026, 12, 30), day(2027, 1, 3)),
        ("03/04/2027", day(2026, 12, 30), day(2027, 4, 3)),
    ];
    for (words, today, expected) in cases {
        assert_eq!(read(words, today), Ok(Some((expected, ""))), "{words} on {today}");
    }
}

#[test]
fn what_follows_is_left() {
    let cases = [
        ("18-12-2026 de monteur", " de monteur"),
        ("18-12-2026, de monteur", ", de monteur"),
        ("18 december 14:00", " 14:00"),
        ("18 december 26:00", " 26:00"),
        ("18 december 1400 uur", " 1400 uur"),
        ("18 december 14 uur", " 14 uur"),
        ("18-12 14.30", " 14.30"),
        ("18-12-2026.", "."),
    ];
    for (words, rest) in cases {
        assert_eq!(read(words, TODAY), Ok(Some((day(2026, 12, 18), rest))), "{words}");
    }
    assert_eq!(read("vrijdag 14.30 uur", TODAY), Ok(Some((day(2026, 11, 27), " 14.30 uur"))));
    assert_eq!(read("over 2 weken is hij terug", TODAY), Ok(Some((day(2026, 12, 4), " is hij terug"))));
}

#[test]
fn days_that_do_not_exist() {
    let cases = [
        ("31-02-2026", "31-02-2026"),
        ("12/18/2026", "12/18/2026"),
        ("29-02-2027", "29-02-2027"),
        ("0-12-2026", "0-12-2026"),
        ("2026-13-01", "2026-13-01"),
        ("31 november en zo", "31 november"),
        ("tot 31 november", "31 november"),
        ("18-12-2126", "18-12-2126"),
        ("18-12-202", "18-12-202"),
        ("18-12-2026x", "18-12-2026"),
        ("18-12-2026-1", "18-12-2026"),
        ("voor 4 december", "voor 4 december"),
        ("before friday", "before friday"),
        ("donderdag 18 december 2026", "donderdag 18 december 2026"),
        ("do 18-12-2026", "do 18-12-2026"),
        ("vrijdag over een week", "vrijdag over een week"),
        ("over 5 werkdagen", "over 5 werkdagen"),
        ("in five working days", "in five working days"),
    ];
    for (words, broken) in cases {
        assert_eq!(read(words, TODAY), Err(broken), "{words}");
    }
    assert_eq!(date("over 999 dagen", Date::MAX), Err(NoSuchDay { at: 0, end: 14 }));
}

/// A slip must not become a promise for next year.
#[test]
fn a_day_far_away_needs_its_year() {
    let thursday = day(2026, 3, 12);
    assert_eq!(read("11 maart", thursday), Err("11 maart"));
    assert_eq!(read("11-3 wacht op de leverancier", thursday), Err("11-3"));
    assert_eq!(read("11 maart 2027", thursday), Ok(Some((day(2027, 3, 11), ""))));
    assert_eq!(read("12 september", thursday), Ok(Some((day(2026, 9, 12), ""))));
    assert_eq!(read("13 september", thursday), Err("13 september"));
    assert_eq!(read("29 februari", thursday), Err("29 februari"));
}

#[test]
fn what_is_no_date_at_all() {
    for words in [
        "",
        "de monteur is ziek",
        "zo snel mogelijk",
        "do",
        "volgende week",
        "next month",
        "begin januari",
        "2 facturen",
        "14 dagen",
        "14.30",
        "in Zwolle",
        "over een paar weken",
        "voor de monteur",
        "may I ask",
        "mei",
        "week 51",
        "2026",
        "18",
        "vrijdags",
        "12345-12-2026",
        "10/11 december",
        "18/19 december",
        "18 of 19 december",
        "over",
        "in 2",
        "the",
        "tot",
        "-",
        "…",
    ] {
        assert_eq!(read(words, TODAY), Ok(None), "{words}");
    }
}

proptest! {
    #[test]
    fn a_day_that_was_written_is_read(today in 0i32..45_000, ahead in 0i32..30_000) {
        let today = day(1980, 1, 1).saturating_add(Span::new().days(today));
        let wanted = today.saturating_add(Span::new().days(ahead));
        let month = usize::try_from(wanted.month()).unwrap() - 1;
        let weekday = usize::try_from(wanted.weekday().to_monday_zero_offset()).unwrap();
        for language in [0, 1] {
            let (month, weekday) = (MONTHS[month][language], WEEKDAYS[weekday].1[language]);
            for words in [
                wanted.to_string(),
                wanted.strftime("%d-%m-%Y").to_string(),
                wanted.strftime("%-d/%-m/%Y").to_string(),
                format!("{} {month} {}", wanted.day(), wanted.year()),
                format!("{weekday} {} {month} {}", wanted.day(), wanted.year()),
                format!("{weekday} {month} {}, {}", wanted.day(), wanted.year()),
            ] {
                prop_assert_eq!(read(&words, today), Ok(Some((wanted, ""))), "{}", words);
            }
            if ahead <= 181 {
                let words = format!("{} {month}", wanted.day());
                prop_assert_eq!(read(&words, today), Ok(Some((wanted, ""))), "{}", words);
            }
        }
    }
}
