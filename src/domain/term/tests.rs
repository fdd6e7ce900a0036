use super::*;

const WEBSHOP: &str = include_str!("../../../config/procedures/webshop.toml");
const INGRESSUS: &str = include_str!("../../../config/procedures/ingressus.toml");
const OMNISTOCK: &str = include_str!("../../../config/procedures/omnistock.toml");
const WEBSEC: &str = include_str!("../../../config/procedures/websec.toml");

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn happened(events: &[(TermEvent, &str)]) -> Vec<Happened> {
    events.iter().map(|(event, text)| Happened { event: *event, at: at(text) }).collect()
}

fn extension(announced: &str, old: &str, new: &str) -> Extension {
    Extension {
        term: "respond".into(),
        announced_at: at(announced),
        old_due: day(old),
        new_due: day(new),
        reason: "het onderzoek is nog niet afgerond".into(),
        late: false,
    }
}

/// One term of a complaint at `now`.
fn view(
    source: &str,
    id: &str,
    events: &[(TermEvent, &str)],
    extensions: &[Extension],
    now: &str,
) -> TermView {
    let procedure = Procedure::parse(source).unwrap();
    let views = terms(&procedure, &happened(events), extensions, at(now));
    views.into_iter().find(|view| view.id == id).unwrap()
}

const RECEIVED: (TermEvent, &str) = (TermEvent::Received, "2026-03-02T09:15:00+01:00");

#[test]
fn a_term_is_met_until_the_last_moment_of_its_last_day() {
    for (sent, status, lapsed) in [
        ("2026-03-10T12:00:00+01:00", TermStatus::Met, false),
        ("2026-03-16T23:59:59.999+01:00", TermStatus::Met, false),
        ("2026-03-17T00:00:00+01:00", TermStatus::MetLate, true),
    ] {
        let events = [RECEIVED, (TermEvent::OutcomeSent, sent)];
        let view = view(OMNISTOCK, "respond", &events, &[], "2026-04-01T00:00:00Z");
        assert_eq!((view.status, view.lapsed, view.met_at), (status, lapsed, Some(at(sent))), "{sent}");
    }
}

#[test]
fn what_is_not_done_runs_until_midnight_and_is_then_overdue() {
    for (now, status) in [
        ("2026-03-16T23:59:59+01:00", TermStatus::Running),
        ("2026-03-17T00:00:00+01:00", TermStatus::Overdue),
    ] {
        let view = view(OMNISTOCK, "respond", &[RECEIVED], &[], now);
        assert_eq!((view.status, view.met_at), (status, None), "{now}");
    }
}

#[test]
fn a_term_ends_at_local_midnight_also_when_the_clocks_change() {
    for (received, before) in [
        ("2026-03-14T12:00:00Z", "2026-03-28T23:00:00Z"),
        ("2026-03-15T12:00:00Z", "2026-03-29T22:00:00Z"),
        ("2026-10-11T12:00:00Z", "2026-10-25T23:00:00Z"),
        ("2026-12-17T12:00:00Z", "2026-12-31T23:00:00Z"),
    ] {
        let view = view(OMNISTOCK, "respond", &[(TermEvent::Received, received)], &[], received);
        assert_eq!(view.due_before, at(before));
    }
}

#[test]
fn an_extension_moves_every_date_but_the_first() {
    let extensions = [extension("2026-03-16T16:00:00+01:00", "2026-03-16", "2026-04-06")];
    let view = view(OMNISTOCK, "respond", &[RECEIVED], &extensions, "2026-03-20T12:00:00Z");
    assert_eq!((view.first_due, view.due), (day("2026-03-16"), day("2026-04-06")));
    assert_eq!(view.staff_target, day("2026-04-03"), "Easter Monday does not work, Good Friday does");
    assert_eq!((view.extend_until, view.act_by), (Some(day("2026-04-06")), Some(day("2026-04-03"))));
    assert_eq!((view.status, view.extensions.len()), (TermStatus::Running, 1));
    assert_eq!(view.counts_from(), at("2026-03-16T16:00:00+01:00"));
    assert!(
        view.why.starts_with("announced instead of Monday 16 March 2026 (14 days after Monday 2 March 2026)")
    );
}

#[test]
fn an_extension_is_for_its_own_term() {
    let extensions = [extension("2026-03-16T16:00:00+01:00", "2026-03-16", "2026-04-06")];
    let resolve = view(WEBSHOP, "resolve", &[RECEIVED], &extensions, "2026-03-20T12:00:00Z");
    assert_eq!((resolve.due, resolve.status), (day("2026-03-16"), TermStatus::Overdue));
}

#[test]
fn an_acknowledgement_that_bounced_opens_its_term_again() {
    let sent = (TermEvent::AckSent, "2026-03-02T09:16:00+01:00");
    let now = "2026-03-03T09:00:00+01:00";
    assert_eq!(view(WEBSHOP, "ack", &[RECEIVED, sent], &[], now).status, TermStatus::Met);
    assert_eq!(view(WEBSHOP, "ack", &[RECEIVED], &[], now).status, TermStatus::Running);
}

#[test]
fn an_event_after_receipt_counts_when_the_servers_clock_runs_ahead() {
    let sent = (TermEvent::AckSent, "2026-03-02T09:14:00+01:00");
    let view = view(OMNISTOCK, "ack", &[RECEIVED, sent], &[], "2026-03-02T10:00:00+01:00");
    assert_eq!(view.status, TermStatus::Met);
}

#[test]
fn any_of_several_events_meets_a_term() {
    let answered = (TermEvent::OutcomeSent, "2026-03-04T10:00:00+01:00");
    let late = (TermEvent::Assigned, "2026-03-12T10:00:00+01:00");
    let view = view(WEBSHOP, "assign", &[RECEIVED, answered, late], &[], "2026-03-20T00:00:00Z");
    assert_eq!((view.status, view.met_at), (TermStatus::Met, Some(at(answered.1))));
}

#[test]
fn a_reopened_complaint_starts_anew() {
    let events = [
        RECEIVED,
        (TermEvent::OutcomeSent, "2026-03-10T10:00:00+01:00"),
        (TermEvent::Closed, "2026-03-11T10:00:00+01:00"),
        (TermEvent::Received, "2026-05-01T10:00:00+02:00"),
    ];
    let old = [extension("2026-03-09T16:00:00+01:00", "2026-03-16", "2026-04-06")];
    let view = view(OMNISTOCK, "respond", &events, &old, "2026-05-02T00:00:00Z");
    assert_eq!((view.day0, view.due), (day("2026-05-01"), day("2026-05-15")));
    assert_eq!((view.status, view.met_at, view.extensions.len()), (TermStatus::Running, None, 0));
}

#[test]
fn closing_voids_what_we_still_owed_and_says_whether_it_was_late() {
    let respond = |closed| {
        let events = [RECEIVED, (TermEvent::Closed, closed)];
        let view = view(OMNISTOCK, "respond", &events, &[], "2026-04-20T00:00:00Z");
        (view.status, view.lapsed)
    };
    assert_eq!(respond("2026-03-11T10:00:00+01:00"), (TermStatus::Void, false));
    assert_eq!(respond("2026-03-20T10:00:00+01:00"), (TermStatus::Void, true));
}

#[test]
fn the_complainants_window_stays_open_when_we_close_and_then_ends() {
    let events = [
        RECEIVED,
        (TermEvent::OutcomeSent, "2026-03-10T10:00:00+01:00"),
        (TermEvent::Closed, "2026-03-11T10:00:00+01:00"),
    ];
    let window = |now| view(INGRESSUS, "objection", &events, &[], now);
    assert_eq!(window("2026-03-12T10:00:00+01:00").status, TermStatus::Running);
    assert_eq!(window("2026-03-12T10:00:00+01:00").due, day("2026-03-24"));
    assert_eq!(window("2026-03-25T00:00:00+01:00").status, TermStatus::Void);
}

#[test]
fn clock_start_is_receipt_for_what_was_written() {
    let view = view(WEBSEC, "respond", &[RECEIVED], &[], RECEIVED.1);
    assert_eq!((view.of, view.day0, view.due), (TermEvent::ClockStart, day("2026-03-02"), day("2026-03-16")));
}

#[test]
fn a_call_that_was_answered_with_please_write_delays_nothing() {
    let in_writing = WEBSEC.replace("\"record_and_agree\"", "\"ask_in_writing\"");
    let call = (TermEvent::SpokenComplaint, "2026-02-27T10:00:00+01:00");
    assert_eq!(view(&in_writing, "respond", &[call, RECEIVED], &[], RECEIVED.1).day0, day("2026-03-02"));
}

#[test]
fn the_reason_is_told_in_words() {
    let friday = [(TermEvent::Received, "2026-03-06T16:59:00+01:00")];
    let respond = view(OMNISTOCK, "respond", &friday, &[], friday[0].1);
    assert_eq!(
        respond.why,
        "14 days after Friday 6 March 2026: “Uw klacht zal uiterlijk binnen 14 dagen worden beantwoord”"
    );
    let ack = view(OMNISTOCK, "ack", &friday, &[], friday[0].1);
    assert_eq!(ack.why, "1 working day after Friday 6 March 2026");
}

#[test]
fn a_term_that_may_be_extended_once_is_not_extended_twice() {
    let once = OMNISTOCK.replace("before_end = \"0 days\"", "times = 1, before_end = \"0 days\"");
    let open = view(&once, "respond", &[RECEIVED], &[], RECEIVED.1);
    assert!(open.act_by.is_some());
    let extended = [extension("2026-03-16T16:00:00+01:00", "2026-03-16", "2026-04-06")];
    let used = view(&once, "respond", &[RECEIVED], &extended, "2026-03-17T00:00:00Z");
    assert_eq!((used.extend_until, used.extend_strict, used.act_by), (None, None, None));
}

#[test]
fn only_terms_whose_start_has_happened_are_there() {
    let procedure = Procedure::parse(INGRESSUS).unwrap();
    let ids = |events: &[_]| -> Vec<String> {
        let views = terms(&procedure, &happened(events), &[], at(RECEIVED.1));
        views.into_iter().map(|view| view.id).collect()
    };
    assert_eq!(ids(&[]), [] as [&str; 0]);
    assert_eq!(ids(&[RECEIVED]), ["ack", "respond"]);
    let review = (TermEvent::ReviewRequested, "2026-03-20T10:00:00+01:00");
    assert_eq!(ids(&[RECEIVED, review]), ["ack", "respond", "invite"]);
}

#[test]
fn a_view_is_the_json_that_commands_print() {
    let view = view(
        OMNISTOCK,
        "respond",
        &[(TermEvent::Received, "2026-11-21T08:15:00Z")],
        &[],
        "2026-11-21T08:15:00Z",
    );
    let json = serde_json::to_value(&view).unwrap();
    for (key, expected) in [
        ("id", "respond"),
        ("force", "promise"),
        ("of", "received"),
        ("first_due", "2026-12-05"),
        ("due", "2026-12-05"),
        ("due_before", "2026-12-05T23:00:00Z"),
        ("staff_target", "2026-12-04"),
        ("extend_until", "2026-12-05"),
        ("extend_strict", "2026-12-05"),
        ("status", "running"),
    ] {
        assert_eq!(json[key], expected, "{key}");
    }
    assert!(json["met_at"].is_null());
}
