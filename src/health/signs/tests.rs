use super::*;
use crate::domain::calendar::Holidays;
use crate::domain::fact::NoticeId;
use crate::domain::notice::NoticeKind;

fn at(moment: &str) -> Timestamp {
    format!("{moment}Z").parse().expect("a moment")
}

fn minutes(n: u64) -> Duration {
    Duration::from_mins(n)
}

fn waiting(id: u64, made: &str, status: NoticeStatus) -> Outgoing {
    Outgoing {
        id: NoticeId(id),
        complaint: None,
        mailbox: "omnistock".to_owned(),
        kind: NoticeKind::Acknowledgement,
        to: "klant@klant.test".to_owned(),
        envelope_from: String::new(),
        message_id: String::new(),
        sha256: String::new(),
        status,
        attempts: 3,
        cut_off: 0,
        unanswered: 0,
        queued_at: at(made),
        next_at: (status != NoticeStatus::Failed).then(|| at(made)),
        term_ends: None,
        alarmed: false,
        reply: None,
        dropped: false,
        asks_about: None,
        tells: None,
    }
}

#[test]
fn a_mailbox_is_silent_after_its_poll_and_a_quarter_of_an_hour() {
    let since = at("2026-03-02T09:00:00");
    let silent = |last, now| silent(last, at("2026-03-02T08:00:00"), (minutes(1), 900), at(now));
    assert_eq!(silent(Some(since), "2026-03-02T09:15:59"), None);
    assert_eq!(silent(Some(since), "2026-03-02T09:16:00").map(|sign| sign.since), Some(since));
    assert_eq!(silent(None, "2026-03-02T08:15:59"), None);
    assert!(silent(None, "2026-03-02T08:16:00").is_some(), "never, since the start");
    assert_eq!(silent(Some(since), "2026-03-02T07:00:00"), None, "a moment in the future is no silence");
}

#[test]
fn several_notices_that_wait_are_a_sign_and_one_alone_is_later() {
    let (one, other) = (
        waiting(1, "2026-03-02T09:00:00", NoticeStatus::Queued),
        waiting(2, "2026-03-02T09:05:00", NoticeStatus::Sending),
    );
    let since = |entries: &[&Outgoing], up: &str, now: &str| {
        not_draining(entries, at(up), 900, at(now)).map(|sign| (sign.since, sign.message))
    };
    let start = "2026-03-01T00:00:00";
    assert_eq!(since(&[&one, &other], start, "2026-03-02T09:19:59"), None);
    let told = since(&[&one, &other], start, "2026-03-02T09:20:00").expect("a sign");
    assert_eq!(
        told,
        (at("2026-03-02T09:00:00"), "2 waiting, the oldest since 2026-03-02 09:00 UTC".to_owned())
    );
    assert_eq!(since(&[&one], start, "2026-03-02T09:59:59"), None, "greylisting");
    assert!(since(&[&one], start, "2026-03-02T10:00:00").is_some());
    assert_eq!(since(&[&one, &other], "2026-03-02T09:10:00", "2026-03-02T09:24:59"), None, "tried since");
    assert!(since(&[&one, &other], "2026-03-02T09:10:00", "2026-03-02T09:25:00").is_some());
    for status in [NoticeStatus::Held, NoticeStatus::Failed] {
        let out = [waiting(1, "2026-03-01T09:00:00", status), waiting(2, "2026-03-01T09:00:00", status)];
        assert_eq!(since(&[&out[0], &out[1]], start, "2026-03-02T09:20:00"), None, "{status:?}");
    }
}

#[test]
fn a_clock_that_is_set_is_told_from_one_that_runs() {
    let noon = at("2026-03-02T12:00:00");
    let before = (noon, minutes(500));
    let after = |wall: &str, uptime| jumped(before, (at(wall), uptime));
    assert_eq!(after("2026-03-02T12:00:15", minutes(500) + Duration::from_secs(15)), None);
    assert_eq!(after("2026-03-02T12:02:00", minutes(500)), None, "a correction");
    assert_eq!(after("2026-03-03T12:00:00", minutes(500 + 24 * 60)), None, "it slept for a day");
    assert_eq!(after("2026-03-02T13:01:00", minutes(501)), Some(SignedDuration::from_mins(60)));
    assert_eq!(after("2026-03-02T11:01:00", minutes(501)), Some(SignedDuration::from_mins(-60)));
    let told = was_set(SignedDuration::from_mins(-60), noon);
    assert_eq!(told.message, "by 1 h 0 min back, to 2026-03-02 12:00 UTC");
    assert_eq!(told.dutch, "1 uur en 0 minuten terug, naar 2026-03-02 12:00 UTC");
    assert!(
        was_set(SignedDuration::from_secs(93_784), noon).dutch.starts_with("26 uur en 3 minuten vooruit")
    );
}

#[test]
fn a_certificate_is_told_of_two_weeks_before_its_end() {
    let certificate =
        Certificate { not_after: at("2026-03-31T12:00:00"), seen_at: at("2026-03-01T08:00:00") };
    let expires = |now| expires("mail.test:993", certificate, at(now)).map(|sign| sign.message);
    assert_eq!(expires("2026-03-17T11:59:59"), None);
    let told = expires("2026-03-17T12:00:00").expect("a sign");
    assert_eq!(
        told,
        "the certificate of mail.test:993 expires on 2026-03-31 12:00 UTC (as seen on 2026-03-01 08:00 UTC)"
    );
    assert!(expires("2026-03-31T12:00:00").is_some_and(|told| told.contains("expired on")));
}

#[test]
fn the_disk_is_low_before_it_is_too_full_to_fetch() {
    let low = |free_bytes| {
        let room = Room { free_bytes, total_bytes: 1 << 40 };
        (low(room, at("2026-03-02T12:00:00")).is_some(), room.is_enough())
    };
    assert_eq!(low(64 << 20), (false, true));
    assert_eq!(low((64 << 20) - 1), (true, true));
    assert_eq!(low((32 << 20) - 1), (true, false));
}

#[test]
fn holidays_that_are_not_proclaimed_yet_are_missed_in_time() {
    let (rules, _) = crate::rules::Rules::load(None);
    let mut procedure = (*rules.get("omnistock").expect("built in").procedure).clone();
    let sign = |procedure: &Procedure, now| holidays_end(procedure, at(now));
    assert_eq!(sign(&procedure, "2040-01-01T00:00:00"), None, "these follow from rules");
    procedure.rules.calendar = crate::domain::calendar::Calendar::new(&[Holidays::NlAtw]);
    assert_eq!(sign(&procedure, "2026-03-02T00:00:00"), None);
    let told = sign(&procedure, "2028-12-31T00:00:00").expect("a sign");
    assert!(told.message.contains("up to 2028"), "{}", told.message);
}

#[test]
fn the_terms_that_lapse_first_are_named() {
    let term = |n: i8| {
        let unseen = Unseen { term: "respond".to_owned(), due: Date::constant(2026, 3, n) };
        (format!("K-{n}"), unseen)
    };
    let now = at("2026-03-02T00:00:00");
    assert_eq!(unseen(&[], now), None);
    assert_eq!(
        unseen(&[term(4), term(3)], now).expect("a sign").message,
        "K-3 (2026-03-03), K-4 (2026-03-04)"
    );
    let many: Vec<_> = (1..=7).map(term).collect();
    assert!(unseen(&many, now).expect("a sign").dutch.ends_with("K-5 (2026-03-05) en nog 2"));
}
