//! Dates: every example of the domain against the real code, the holiday lists against an independent source, and
//! the working-day sums against a count that is written another way.

#![expect(clippy::unwrap_used, reason = "a test that can't read its own data fails")]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jiff::civil::{Date, Weekday, date};
use jiff::{Timestamp, ToSpan};
use klachtd::domain::calendar::{Calendar, Holidays};
use klachtd::domain::procedure::{Basis, Procedure, Rules, Span, TermEvent};
use klachtd::domain::term::{Happened, TermView, terms};

const EXAMPLES: &str = include_str!("data/dates.csv");
const HOLIDAYS: &str = include_str!("data/holidays_2020_2040.json");

/// The shipped procedures that promise dates, parsed once.
static PROCEDURES: LazyLock<Vec<Procedure>> = LazyLock::new(|| {
    let sources = [
        include_str!("../config/procedures/act.toml"),
        include_str!("../config/procedures/ingressus.toml"),
        include_str!("../config/procedures/omnistock.toml"),
        include_str!("../config/procedures/websec.toml"),
        include_str!("../config/procedures/webshop.toml"),
    ];
    sources.map(|source| Procedure::parse(source).unwrap()).into()
});

fn procedure(id: &str) -> &'static Procedure {
    PROCEDURES.iter().find(|procedure| procedure.id == id).unwrap()
}

fn views(id: &str, happened: &[(TermEvent, &str)]) -> Vec<TermView> {
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let happened: Vec<_> =
        happened.iter().map(|(event, text)| Happened { event: *event, at: at(text) }).collect();
    terms(procedure(id), &happened, &[], happened[0].at)
}

fn view(id: &str, term: &str, happened: &[(TermEvent, &str)]) -> TermView {
    let found = views(id, happened).into_iter().find(|view| view.id == term);
    found.unwrap_or_else(|| panic!("{id} has no running term {term}"))
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// One line of `dates.csv`, against every term that it speaks of.
fn check_example(line: &str) {
    let columns: Vec<&str> = line.splitn(14, ',').collect();
    let [_, received, day0, ack_1, ack_3, ack_5, week, due, target, due_20, until, strict, before, _] =
        columns[..]
    else {
        panic!("not fourteen columns: {line}");
    };
    let of = |id, term| view(id, term, &[(TermEvent::Received, received)]);
    for (id, term, expected) in [
        ("omnistock", "ack", ack_1),
        ("act", "ack", ack_1),
        ("websec", "ack", ack_1),
        ("webshop", "ack", ack_3),
        ("ingressus", "ack", ack_5),
        ("webshop", "handover", week),
        ("webshop", "assign", week),
        ("webshop", "resolve", due),
        ("websec", "resolve", due),
        ("ingressus", "respond", due_20),
    ] {
        let view = of(id, term);
        assert_eq!(view.due, day(expected), "{id} {term}: {line}");
        assert_eq!(view.first_due, view.due);
        assert_eq!(view.day0, day(day0), "{line}");
    }
    for id in ["omnistock", "act", "websec"] {
        let view = of(id, "respond");
        assert_eq!((view.due, view.staff_target), (day(due), day(target)), "{id}: {line}");
        assert_eq!((view.extend_until, view.extend_strict), (Some(day(due)), Some(day(due))), "{id}: {line}");
        assert_eq!(view.act_by, Some(day(target)), "{id}: {line}");
        assert_eq!(view.due_before, before.parse().unwrap(), "{id}: {line}");
    }
    let view = of("ingressus", "respond");
    assert_eq!((view.extend_until, view.extend_strict), (Some(day(until)), Some(day(strict))), "{line}");
    assert_eq!(view.act_by, Some(day(until).min(day(strict))), "{line}");
}

#[test]
fn every_example_of_the_table() {
    let lines: Vec<_> = EXAMPLES.lines().skip(1).collect();
    assert_eq!(lines.len(), 48, "a line was lost");
    lines.into_iter().for_each(check_example);
}

#[test]
fn the_webshop_answers_on_the_day_on_which_its_own_calendar_says() {
    // Monday 27 April 2026 is Koningsdag but works in England, so that staff need not be earlier.
    let view = view("webshop", "respond", &[(TermEvent::Received, "2026-04-13T10:00:00+02:00")]);
    assert_eq!((view.due, view.staff_target), (date(2026, 4, 27), date(2026, 4, 27)));
}

#[test]
fn terms_that_start_at_other_events() {
    let review = |at| view("webshop", "review", &[(TermEvent::ReviewRequested, at)]);
    assert_eq!(review("2026-12-22T10:00:00+01:00").due, date(2026, 12, 29));
    let saturday = review("2026-12-19T10:00:00+01:00");
    assert_eq!((saturday.due, saturday.staff_target), (date(2026, 12, 26), date(2026, 12, 24)));

    let objection = |at| view("ingressus", "objection", &[(TermEvent::OutcomeSent, at)]).due;
    assert_eq!(objection("2026-12-18T10:00:00+01:00"), date(2027, 1, 5));
    assert_eq!(objection("2026-04-22T10:00:00+02:00"), date(2026, 5, 7));
}

#[test]
fn a_spoken_complaint_counts_from_the_agreement() {
    let call = (TermEvent::SpokenComplaint, "2026-11-16T10:00:00+01:00");
    let agreed = (TermEvent::RecordAgreed, "2026-11-19T10:00:00+01:00");
    assert_eq!(view("websec", "record", &[call]).due, date(2026, 11, 18));
    let ids: Vec<_> = views("websec", &[call]).into_iter().map(|view| view.id).collect();
    assert_eq!(ids, ["record"], "nothing else runs before the agreement");
    assert_eq!(view("websec", "respond", &[call, agreed]).due, date(2026, 12, 3));
    let from_the_call = (TermEvent::ClockStart, call.1);
    assert_eq!(view("websec", "respond", &[call, from_the_call]).due, date(2026, 11, 30));
}

#[test]
fn statutory_terms_move_on() {
    let end = |basis, set, within: &str, day0: Date| {
        let rules = Rules::new(basis, "Europe/Amsterdam", &[set]).unwrap();
        let within: Span = within.parse().unwrap();
        rules.rolled(day0, within, within.after(day0, &rules.calendar))
    };
    let awb = |day0| end(Basis::Statute, Holidays::NlAtw, "6 weeks", day0);
    for (day0, due) in [
        (date(2026, 3, 2), date(2026, 4, 13)),
        (date(2026, 2, 23), date(2026, 4, 7)),
        (date(2026, 3, 24), date(2026, 5, 6)),
        (date(2026, 4, 3), date(2026, 5, 18)),
        (date(2025, 11, 21), date(2026, 1, 5)),
        (date(2026, 11, 20), date(2027, 1, 4)),
        (date(2027, 3, 26), date(2027, 5, 10)),
    ] {
        assert_eq!(awb(day0), due, "six weeks after {day0}");
    }
    let gdpr = |day0| end(Basis::Eu, Holidays::NlBusiness, "1 month", day0);
    for (day0, due) in [
        (date(2026, 3, 5), date(2026, 4, 7)),
        (date(2026, 8, 31), date(2026, 9, 30)),
        (date(2027, 1, 31), date(2027, 3, 1)),
        (date(2026, 12, 1), date(2027, 1, 4)),
    ] {
        assert_eq!(gdpr(day0), due, "a month after {day0}");
    }
    // Termijnenwet, article 4: more than twelve weeks is not moved. Article 2: three days hold two that work.
    let atw = |within, day0| end(Basis::Statute, Holidays::NlAtw, within, day0);
    assert_eq!(atw("13 weeks", date(2026, 1, 5)), date(2026, 4, 6));
    assert_eq!(atw("3 days", date(2026, 3, 6)), date(2026, 3, 10));
    assert_eq!(end(Basis::Contract, Holidays::NlBusiness, "8 weeks", date(2026, 10, 30)), date(2026, 12, 25));
}

fn reference(country: &str) -> BTreeSet<Date> {
    let all: serde_json::Value = serde_json::from_str(HOLIDAYS).unwrap();
    let days = all[country].as_object().unwrap().keys().map(|key| day(key));
    days.filter(|day| is_weekday(*day)).collect()
}

fn is_weekday(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn weekdays(from: Date, until: Date) -> impl Iterator<Item = Date> {
    from.series(1.day()).take_while(move |day| *day <= until).filter(|day| is_weekday(*day))
}

fn computed(set: Holidays) -> BTreeSet<Date> {
    weekdays(date(2020, 1, 1), date(2040, 12, 31)).filter(|day| set.contains(*day)).collect()
}

#[test]
fn the_holidays_of_england_are_those_of_the_independent_list() {
    assert_eq!(computed(Holidays::UkEngland), reference("GB-ENG"));
}

#[test]
fn the_dutch_holidays_are_those_of_the_independent_list_without_good_friday() {
    let all: serde_json::Value = serde_json::from_str(HOLIDAYS).unwrap();
    let good_friday = |day: &Date| all["NL"][day.to_string()] == "Good Friday";
    let expected: BTreeSet<_> = reference("NL").into_iter().filter(|day| !good_friday(day)).collect();
    assert_eq!(computed(Holidays::NlBusiness), expected);
}

#[test]
fn the_termijnenwet_adds_good_friday_liberation_day_and_the_decrees() {
    let business = computed(Holidays::NlBusiness);
    let atw = computed(Holidays::NlAtw);
    assert!(business.is_subset(&atw));
    let all: serde_json::Value = serde_json::from_str(HOLIDAYS).unwrap();
    let named =
        |day: &Date| all["NL"][day.to_string()] == "Good Friday" || (day.month(), day.day()) == (5, 5);
    let decreed: Vec<_> = atw.difference(&business).filter(|day| !named(day)).map(Date::to_string).collect();
    assert_eq!(
        decreed,
        [
            "2023-04-28",
            "2023-05-19",
            "2024-05-10",
            "2024-12-27",
            "2025-05-30",
            "2026-01-02",
            "2026-05-15",
            "2027-05-07",
            "2028-04-28",
            "2028-05-26"
        ]
    );
    let fridays = atw.iter().filter(|day| all["NL"][day.to_string()] == "Good Friday").count();
    assert_eq!(fridays, 21, "one Good Friday in each year");
}

/// Working days from the independent list, as one sorted vector: a sum is then an index.
fn listed_working_days(countries: &[&str], good_friday_works: bool) -> Vec<Date> {
    let all: serde_json::Value = serde_json::from_str(HOLIDAYS).unwrap();
    let free_in = |country: &str, day: Date| match all[country].get(day.to_string()) {
        Some(name) => !(good_friday_works && name == "Good Friday"),
        None => false,
    };
    weekdays(date(2023, 6, 1), date(2033, 6, 1))
        .filter(|day| countries.iter().any(|country| !free_in(country, *day)))
        .collect()
}

fn check_sums(calendar: &Calendar, working: &[Date]) {
    let mut checked = 0;
    for day in date(2024, 1, 1).series(1.day()).take_while(|day| *day <= date(2032, 12, 31)) {
        let upto = working.partition_point(|working| *working <= day);
        let before = working.partition_point(|working| *working < day);
        assert_eq!(calendar.is_working(day), upto != before, "{day}");
        assert_eq!(calendar.next_working_day(day), working[upto], "after {day}");
        let at_or_before = calendar.working_day_at_or_before(day);
        assert_eq!(at_or_before, working[upto - 1], "at or before {day}");
        for n in [1, 2, 3, 5, 8, 10, 20, 35] {
            let n_days = usize::try_from(n).unwrap();
            let end = calendar.add_working_days(day, n);
            assert_eq!(end, working[upto + n_days - 1], "{day} + {n}");
            assert_eq!(calendar.sub_working_days(day, n), working[before - n_days], "{day} - {n}");
            assert_eq!(calendar.working_days_between(day, end), n, "({day}, {end}]");
            checked += 1;
        }
        assert_eq!(calendar.add_working_days(day, 0), day);
    }
    assert_eq!(checked, 3288 * 8);
}

#[test]
fn working_day_sums_of_every_day_from_2024_to_2032() {
    check_sums(&Calendar::new(&[Holidays::NlBusiness]), &listed_working_days(&["NL"], true));
    check_sums(&Calendar::new(&[Holidays::UkEngland]), &listed_working_days(&["GB-ENG"], false));
}

#[test]
fn working_day_sums_when_a_day_works_in_either_country() {
    let calendar = Calendar::new(&[Holidays::NlBusiness, Holidays::UkEngland]);
    // Good Friday works in the Netherlands, so it works in this calendar whatever the English list says.
    check_sums(&calendar, &listed_working_days(&["NL", "GB-ENG"], true));
}
