use std::sync::LazyLock;

use jiff::SignedDuration;
use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::domain::procedure::TermEvent;
use crate::domain::term::{Extension, Happened, terms};

const SOURCES: [&str; 4] = [
    include_str!("../../../config/procedures/ingressus.toml"),
    include_str!("../../../config/procedures/omnistock.toml"),
    include_str!("../../../config/procedures/websec.toml"),
    include_str!("../../../config/procedures/webshop.toml"),
];

static PROCEDURES: LazyLock<Vec<Procedure>> =
    LazyLock::new(|| SOURCES.iter().map(|source| Procedure::parse(source).unwrap()).collect());

fn procedure(id: &str) -> &'static Procedure {
    PROCEDURES.iter().find(|procedure| procedure.id == id).unwrap()
}

/// A moment of the Dutch clock, such as "2026-03-02T09:00".
fn local(text: &str) -> Timestamp {
    let civil: jiff::civil::DateTime = text.parse().unwrap();
    procedure("omnistock").rules.zone.to_timestamp(civil).unwrap()
}

/// A term of a complaint received at `received`, extended as `extended` says (announcement, new date), at `now`.
fn view_at(
    id: &str,
    term: &str,
    received: Timestamp,
    extended: Option<(&str, &str)>,
    now: Timestamp,
) -> TermView {
    let start = if term == "objection" { TermEvent::OutcomeSent } else { TermEvent::Received };
    let happened = [Happened { event: start, at: received }];
    let plain = terms(procedure(id), &happened, &[], now);
    let due = plain.iter().find(|view| view.id == term).unwrap().due;
    let extension = extended.map(|(announced, new_due)| Extension {
        term: term.to_owned(),
        announced_at: local(announced),
        old_due: due,
        new_due: new_due.parse().unwrap(),
        reason: "het onderzoek is nog niet afgerond".into(),
        late: false,
    });
    let extensions: Vec<_> = extension.into_iter().collect();
    let views = terms(procedure(id), &happened, &extensions, now);
    views.into_iter().find(|view| view.id == term).unwrap()
}

fn view(id: &str, term: &str, received: &str) -> TermView {
    let received = local(received);
    view_at(id, term, received, None, received)
}

/// The first `n` rungs as `03-09 half_way`; all of them must be at 09:00.
fn rungs(id: &str, view: &TermView, n: usize) -> Vec<String> {
    let mut after = view.counts_from();
    let mut found = Vec::new();
    while found.len() < n {
        let Some(rung) = next_rung(view, procedure(id), after) else { break };
        let civil = procedure(id).rules.zone.to_datetime(rung.at);
        assert_eq!(civil.time(), OPENS, "{civil}");
        found.push(format!("{} {}", civil.strftime("%m-%d"), rung.step));
        after = rung.at;
    }
    found
}

#[test]
fn the_published_example() {
    let view = view("omnistock", "respond", "2026-03-02T09:15");
    assert_eq!(
        rungs("omnistock", &view, 7),
        [
            "03-09 half_way",
            "03-11 three_days_left",
            "03-12 before_extend",
            "03-13 one_day_left",
            "03-16 the_day",
            "03-17 overdue_1",
            "03-18 overdue_2",
        ]
    );
}

#[test]
fn overdue_is_every_working_day() {
    let view = view("omnistock", "respond", "2026-03-20T10:00");
    let all = rungs("omnistock", &view, 9);
    assert_eq!(
        all[4..],
        ["04-03 the_day", "04-07 overdue_1", "04-08 overdue_2", "04-09 overdue_3", "04-10 overdue_4"]
    );
}

#[test]
fn a_term_that_ends_in_a_weekend_is_acted_on_before_it() {
    // Ends Saturday 5 December 2026; staff target and last day to extend are Friday the 4th.
    let view = view("omnistock", "respond", "2026-11-21T09:15");
    assert_eq!(
        rungs("omnistock", &view, 7),
        [
            "11-27 half_way",
            "12-01 three_days_left",
            "12-02 before_extend",
            "12-03 one_day_left",
            "12-04 last_day_to_extend",
            "12-05 the_day",
            "12-07 overdue_1",
        ]
    );
    assert_eq!(safety_net_at(&view, procedure("omnistock")), Some(local("2026-12-04T16:00")));
}

#[test]
fn an_early_last_day_to_extend_has_its_own_rungs() {
    // Ends Monday 30 March 2026; two days before is Friday by the calendar, Thursday by the strict reading.
    let view = view("ingressus", "respond", "2026-03-02T09:15");
    assert_eq!(
        rungs("ingressus", &view, 7),
        [
            "03-16 half_way",
            "03-24 before_extend",
            "03-25 three_days_left",
            "03-26 last_day_to_extend",
            "03-27 one_day_left",
            "03-30 the_day",
            "03-31 overdue_1",
        ]
    );
    assert_eq!(safety_net_at(&view, procedure("ingressus")), Some(local("2026-03-26T16:00")));
}

#[test]
fn short_terms_have_a_short_ladder() {
    let ack = view("ingressus", "ack", "2026-03-02T09:15");
    assert_eq!(rungs("ingressus", &ack, 3), ["03-06 one_day_left", "03-09 the_day", "03-10 overdue_1"]);
    let house = view("omnistock", "ack", "2026-03-06T16:59");
    assert_eq!(
        rungs("omnistock", &house, 2),
        ["03-09 the_day", "03-10 overdue_1"],
        "the eve is day 0 itself"
    );
    let sunday = view("webshop", "assign", "2026-03-08T12:00");
    assert_eq!(rungs("webshop", &sunday, 3), ["03-12 one_day_left", "03-15 the_day", "03-16 overdue_1"]);
    assert_eq!(safety_net_at(&ack, procedure("ingressus")), None, "it can't be extended");
}

#[test]
fn after_an_extension_half_way_counts_from_the_announcement() {
    let received = local("2026-03-02T09:15");
    let announced = local("2026-03-16T16:00");
    let view = view_at("omnistock", "respond", received, Some(("2026-03-16T16:00", "2026-03-30")), announced);
    assert_eq!(
        rungs("omnistock", &view, 6),
        [
            "03-23 half_way",
            "03-25 three_days_left",
            "03-26 before_extend",
            "03-27 one_day_left",
            "03-30 the_day",
            "03-31 overdue_1",
        ]
    );
    assert_eq!(
        newest_rung(&view, procedure("omnistock"), received, announced),
        None,
        "the old ladder is gone"
    );
    assert_eq!(safety_net_at(&view, procedure("omnistock")), Some(local("2026-03-30T16:00")));
}

#[test]
fn rungs_before_the_announcement_are_left_out() {
    let received = local("2026-03-02T09:15");
    let announced = local("2026-03-25T16:00");
    let view = view_at("ingressus", "respond", received, Some(("2026-03-25T16:00", "2026-04-03")), announced);
    // Seven working days: half-way is Sunday the 29th, moved to Friday.
    assert_eq!(
        rungs("ingressus", &view, 6),
        [
            "03-27 half_way",
            "03-30 before_extend",
            "03-31 three_days_left",
            "04-01 last_day_to_extend",
            "04-02 one_day_left",
            "04-03 the_day"
        ]
    );
    let tomorrow =
        view_at("ingressus", "respond", received, Some(("2026-03-25T16:00", "2026-03-26")), announced);
    assert_eq!(rungs("ingressus", &tomorrow, 2), ["03-26 the_day", "03-27 overdue_1"]);
    assert_eq!(
        safety_net_at(&tomorrow, procedure("ingressus")),
        None,
        "the last moment lay before the date was set"
    );
}

#[test]
fn nine_o_clock_is_local_when_the_clocks_change() {
    // Ends on Sunday 29 March 2026, the day of 23 hours; and on Sunday 25 October, the day of 25.
    let spring = view("omnistock", "respond", "2026-03-15T12:00");
    let the_day = next_rung(&spring, procedure("omnistock"), local("2026-03-28T12:00")).unwrap();
    assert_eq!((the_day.step, the_day.at), (Step::TheDay, "2026-03-29T07:00:00Z".parse().unwrap()));
    let autumn = view("omnistock", "respond", "2026-10-11T12:00");
    let the_day = next_rung(&autumn, procedure("omnistock"), local("2026-10-24T12:00")).unwrap();
    assert_eq!((the_day.step, the_day.at), (Step::TheDay, "2026-10-25T08:00:00Z".parse().unwrap()));
    assert_eq!(spring.due_before.duration_since(local("2026-03-29T00:00")), SignedDuration::from_hours(23));
}

#[test]
fn after_downtime_only_the_newest_rung_is_left() {
    let received = local("2026-03-02T09:15");
    let newest = |after: &str, now: &str| {
        let now = local(now);
        let view = view_at("omnistock", "respond", received, None, now);
        newest_rung(&view, procedure("omnistock"), local(after), now).map(|rung| rung.step)
    };
    assert_eq!(newest("2026-03-02T09:15", "2026-03-09T08:59:59"), None);
    assert_eq!(newest("2026-03-02T09:15", "2026-03-09T09:00"), Some(Step::HalfWay));
    assert_eq!(newest("2026-03-09T09:00", "2026-03-10T09:00"), None, "once each");
    assert_eq!(newest("2026-03-02T09:15", "2026-03-15T12:00"), Some(Step::OneDayLeft));
    assert_eq!(newest("2026-03-02T09:15", "2026-03-16T23:59"), Some(Step::TheDay));
    assert_eq!(newest("2026-03-16T09:00", "2026-03-17T08:00"), None, "overdue since midnight, said at nine");
    assert_eq!(newest("2026-03-02T09:15", "2026-03-17T08:00"), Some(Step::TheDay));
    assert_eq!(newest("2026-03-16T09:00", "2026-03-22T12:00"), Some(Step::Overdue(4)));
    assert_eq!(newest("2026-03-20T09:00", "2026-03-22T12:00"), None);
}

#[test]
fn who_needs_no_warning_gets_none() {
    let ingressus = procedure("ingressus");
    let window = view("ingressus", "objection", "2026-03-10T10:00");
    assert_eq!(next_rung(&window, ingressus, window.started_at), None);
    let mut respond = view("ingressus", "respond", "2026-03-02T09:15");
    for status in [TermStatus::Met, TermStatus::MetLate, TermStatus::Void] {
        respond.status = status;
        assert_eq!(next_rung(&respond, ingressus, respond.started_at), None);
        assert_eq!(newest_rung(&respond, ingressus, respond.started_at, local("2026-04-10T12:00")), None);
    }
}

#[test]
fn aims_and_house_norms_are_warned_about() {
    assert!(
        next_rung(&view("webshop", "resolve", "2026-03-02T09:15"), procedure("webshop"), Timestamp::MIN)
            .is_some()
    );
    assert!(
        next_rung(&view("omnistock", "ack", "2026-03-02T09:15"), procedure("omnistock"), Timestamp::MIN)
            .is_some()
    );
}

#[test]
fn alerts_leave_in_office_hours_and_on_the_last_day() {
    let omnistock = procedure("omnistock");
    let view = view("omnistock", "respond", "2026-11-21T09:15");
    for (now, may, opening) in [
        ("2026-11-23T08:59:59", false, "2026-11-23T09:00"),
        ("2026-11-23T09:00", true, "2026-11-23T09:00"),
        ("2026-11-23T17:59:59", true, "2026-11-23T17:59:59"),
        ("2026-11-23T18:00", false, "2026-11-24T09:00"),
        ("2026-11-28T12:00", false, "2026-11-30T09:00"),
        ("2026-12-04T18:00", false, "2026-12-05T09:00"),
        ("2026-12-05T08:00", false, "2026-12-05T09:00"),
        ("2026-12-05T23:59:59", true, "2026-12-05T23:59:59"),
        ("2026-12-06T12:00", false, "2026-12-07T09:00"),
        ("2026-12-24T18:00", false, "2026-12-28T09:00"),
    ] {
        assert_eq!(may_alert(&view, omnistock, local(now)), may, "{now}");
        assert_eq!(next_opening(&view, omnistock, local(now)), local(opening), "{now}");
    }
}

#[test]
fn the_safety_net_can_be_off() {
    let off = SOURCES[1].replace("safety_net = \"send\"", "safety_net = \"off\"");
    let off = Procedure::parse(&off).unwrap();
    assert_eq!(safety_net_at(&view("omnistock", "respond", "2026-03-02T09:15"), &off), None);
}

#[test]
fn the_safety_net_promises_no_later_date_than_the_procedure_allows() {
    let view = view("omnistock", "respond", "2026-03-02T09:15");
    for (max, promised) in [("13 days", None), ("14 days", Some(date(2026, 3, 30)))] {
        let with = format!("extend = {{ max = \"{max}\", before_end");
        let limited = Procedure::parse(&SOURCES[1].replacen("extend = { before_end", &with, 1)).unwrap();
        assert_eq!(limited.term("respond").unwrap().extend.as_ref().unwrap().max.unwrap().to_string(), max);
        assert_eq!(safety_net_date(&view, &limited), promised, "{max}");
        assert_eq!(safety_net_at(&view, &limited).is_some(), promised.is_some(), "{max}");
    }
}

#[test]
fn steps_have_one_name() {
    let all = [
        Step::HalfWay,
        Step::BeforeExtend,
        Step::ThreeDaysLeft,
        Step::OneDayLeft,
        Step::LastDayToExtend,
        Step::TheDay,
        Step::Overdue(12),
    ];
    assert!(all.is_sorted(), "in the order of how pressing they are");
    for step in all {
        assert_eq!(step.to_string().parse(), Ok(step));
        assert_eq!(serde_json::to_value(step).unwrap(), step.to_string());
    }
    assert!("overdue_".parse::<Step>().is_err());
}

proptest! {
    /// Whatever is received when, for any term: rungs rise, stand at nine on working days or the last day, begin
    /// after the start, and "newest" and "next" tell the same story at any moment.
    #[test]
    fn a_ladder_is_one_story(minutes in 0_i64..5_000_000, seen in 0_i64..70_000, pick in 0_usize..5) {
        let (id, term) = [("omnistock", "respond"), ("ingressus", "respond"), ("ingressus", "ack"),
            ("webshop", "assign"), ("websec", "contact")][pick];
        let received = local("2024-01-01T00:00") + SignedDuration::from_mins(minutes);
        let now = received + SignedDuration::from_mins(seen);
        let view = view_at(id, term, received, None, now);
        let procedure = procedure(id);
        let mut story = Vec::new();
        let mut after = received;
        while let Some(rung) = next_rung(&view, procedure, after).filter(|rung| rung.at <= now) {
            let date = procedure.rules.date(rung.at);
            prop_assert!(rung.at > after);
            prop_assert_eq!(procedure.rules.zone.to_datetime(rung.at).time(), OPENS);
            prop_assert!(procedure.rules.calendar.is_working(date) || date == view.due);
            prop_assert!(may_alert(&view, procedure, rung.at));
            prop_assert_eq!(matches!(rung.step, Step::Overdue(_)), date > view.due);
            after = rung.at;
            story.push(rung);
        }
        prop_assert_eq!(newest_rung(&view, procedure, received, now), story.last().copied());
        prop_assert_eq!(newest_rung(&view, procedure, after, now), None, "never twice");
        if now >= procedure.rules.at(view.due, OPENS) {
            prop_assert!(story.iter().any(|rung| rung.step == Step::TheDay), "the last day is always said");
        }
        let opening = next_opening(&view, procedure, now);
        prop_assert!(opening >= now && may_alert(&view, procedure, opening));
        prop_assert!(opening.duration_since(now) < SignedDuration::from_hours(24 * 6), "no gap is longer than Christmas");
    }
}
