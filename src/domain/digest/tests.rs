use std::collections::BTreeMap;

use jiff::civil::date;

use super::*;
use crate::domain::complaint::CloseReason;
use crate::domain::fact::{
    ComplaintId, Fact, LetterNote, Notice, NoticeId, ProcedureVersion, Received, Role, Settlement,
};
use crate::domain::mail::{Language, Party};
use crate::domain::procedure::{Channel, TermEvent};

fn procedure(id: &str) -> Procedure {
    Procedure::parse(match id {
        "ingressus" => include_str!("../../../config/procedures/ingressus.toml"),
        "websec" => include_str!("../../../config/procedures/websec.toml"),
        _ => include_str!("../../../config/procedures/omnistock.toml"),
    })
    .unwrap()
}

fn at(text: &str) -> Timestamp {
    let civil: jiff::civil::DateTime = text.parse().unwrap();
    procedure("omnistock").rules.zone.to_timestamp(civil).unwrap()
}

fn letter(received: &str) -> LetterNote {
    LetterNote {
        mailbox: "omnistock".to_owned(),
        place: "imap:1/1".to_owned(),
        message_id: None,
        from: "klager@klant.test".to_owned(),
        subject: "Klacht".to_owned(),
        received_at: at(received),
        sha256: String::new(),
        size: 1,
        attachments: Vec::new(),
    }
}

/// A complaint that came on Monday 2 March 2026, and what happened to it since.
fn complaint(spoken: bool, facts: &[(&str, Fact)]) -> Complaint {
    let none = String::new;
    let received = Fact::Received(Box::new(Received {
        reference: "K-2026-00001-X".to_owned(),
        shown_reference: none(),
        mailbox: "omnistock".to_owned(),
        procedure: ProcedureVersion { id: none(), sha256: none(), text_sha256: none() },
        channel: Channel::Email,
        language: Language::Nl,
        complainant: Party { name: None, email: "klager@klant.test".to_owned() },
        subject: "Klacht".to_owned(),
        fields: BTreeMap::new(),
        handler: None,
        silence: None,
        related: None,
        spoken,
        letter: letter("2026-03-02T10:00"),
    }));
    let facts = facts.iter().map(|(when, fact)| (at(when), fact));
    Complaint::fold(ComplaintId(1), std::iter::once((at("2026-03-02T10:00"), &received)).chain(facts))
        .unwrap()
}

/// A notice that was queued and accepted.
fn sent(id: u64, kind: NoticeKind, effect: TermEvent, when: &'static str) -> [(&'static str, Fact); 2] {
    let notice = Notice {
        id: NoticeId(id),
        kind,
        to: "klager@klant.test".to_owned(),
        message_id: String::new(),
        sha256: String::new(),
        language: Language::Nl,
        term: None,
        step: None,
        effect: Some(effect),
        promise: None,
        held: None,
        ordered: false,
    };
    let settlement = Settlement::Sent { reply: "250 ok".to_owned(), attempts: 1 };
    let queued = Fact::NoticeQueued(Box::new(notice));
    [(when, queued), (when, Fact::NoticeSettled { notice: NoticeId(id), settlement })]
}

fn acknowledged() -> [(&'static str, Fact); 2] {
    sent(1, NoticeKind::Acknowledgement, TermEvent::AckSent, "2026-03-02T10:01")
}

fn item_at(complaint: &Complaint, id: &str, now: &str) -> Option<(Item, String)> {
    item(complaint, &procedure(id), at(now))
}

#[test]
fn digests_come_once_a_working_day_at_half_past_eight() {
    let rules = procedure("omnistock").rules;
    let due = |now: &str| due_on(&rules, at(now));
    assert_eq!(due("2026-03-06T08:29:59"), None);
    assert_eq!(due("2026-03-06T08:30"), Some(date(2026, 3, 6)));
    assert_eq!(due("2026-03-06T17:59"), Some(date(2026, 3, 6)));
    assert_eq!(due("2026-03-06T18:00"), None);
    assert_eq!(due("2026-03-07T09:00"), None, "a Saturday");
    assert_eq!(due("2026-04-06T09:00"), None, "Easter Monday");

    let next = |now: &str| next(&rules, at(now));
    let friday = (date(2026, 3, 6), at("2026-03-06T08:30"));
    let monday = (date(2026, 3, 9), at("2026-03-09T08:30"));
    assert_eq!(next("2026-03-06T00:00"), friday);
    assert_eq!(next("2026-03-06T08:30"), monday, "strictly after");
    assert_eq!(next("2026-03-07T07:00"), monday);
    // Summer time begins on Sunday 29 March: the local clock counts.
    assert_eq!(next("2026-03-27T12:00").1, at("2026-03-30T08:30"));
}

#[test]
fn the_unmet_term_that_ends_first_is_named_with_its_days() {
    let fresh = complaint(false, &[]);
    let (item, role) = item_at(&fresh, "omnistock", "2026-03-03T08:30").unwrap();
    let next = item.next.clone().unwrap();
    assert_eq!((next.term.as_str(), next.due, next.left), ("ack", date(2026, 3, 3), Left::Days(0)));
    assert_eq!((role.as_str(), item.waits_for, item.urgency()), ("system", WaitsFor::Staff, Urgency::Soon));

    let running = complaint(false, &acknowledged());
    let next_at = |now| item_at(&running, "omnistock", now).unwrap().0;
    let next = next_at("2026-03-03T08:30");
    assert_eq!(next.urgency(), Urgency::Later);
    assert_eq!(next.next.unwrap().left, Left::Days(9));
    assert_eq!(next_at("2026-03-11T08:30").urgency(), Urgency::Soon);
    assert_eq!(next_at("2026-03-16T08:30").next.unwrap().left, Left::Days(0));
    // Until midnight it is in time; from then on it is overdue.
    let late = next_at("2026-03-18T08:30");
    assert_eq!((late.urgency(), late.next.unwrap().left), (Urgency::Overdue, Left::Over(2)));
}

#[test]
fn the_state_says_whom_it_waits_for() {
    let waits = |facts: &[(&str, Fact)], id: &str| {
        item_at(&complaint(false, facts), id, "2026-03-05T08:30").map(|(item, _)| item.waits_for)
    };
    let asked = [("2026-03-03T10:00", Fact::InfoRequested { reply_by: date(2026, 3, 10) })];
    assert_eq!(waits(&asked, "omnistock"), Some(WaitsFor::Complainant));
    let review = Fact::ReviewRequested { asked_at: at("2026-03-03T10:00"), late: false, letter: None };
    assert_eq!(waits(&[("2026-03-03T10:00", review)], "omnistock"), Some(WaitsFor::Board));
    let closed = Fact::Closed { reason: CloseReason::Resolved, words: None, into: None };
    assert_eq!(waits(&[("2026-03-03T10:00", closed)], "omnistock"), None);
}

#[test]
fn what_is_asked_of_the_complainant_gives_way_to_what_is_ours() {
    let mut facts = acknowledged().to_vec();
    facts.push(("2026-03-03T10:00", Fact::InfoRequested { reply_by: date(2026, 3, 4) }));
    let (item, role) = item_at(&complaint(false, &facts), "omnistock", "2026-03-05T08:30").unwrap();
    assert_eq!((item.next.unwrap().term.as_str(), role.as_str()), ("respond", "handler"));
}

#[test]
fn a_complainant_whose_time_is_over_is_not_late() {
    let (item, role) = item_at(&complaint(true, &[]), "omnistock", "2026-03-20T08:30").unwrap();
    assert_eq!((item.state, item.waits_for), (State::Agreeing, WaitsFor::Complainant));
    assert_eq!(role, "handler");
    let next = item.next.clone().unwrap();
    assert_eq!((next.term.as_str(), next.left), ("agreement", Left::Passed));
    assert_eq!(item.urgency(), Urgency::Soon);
}

#[test]
fn an_answered_complaint_is_told_of_while_a_letter_waits() {
    let mut facts = acknowledged().to_vec();
    facts.extend(sent(2, NoticeKind::Outcome, TermEvent::OutcomeSent, "2026-03-04T10:00"));
    assert_eq!(item_at(&complaint(false, &facts), "ingressus", "2026-03-06T08:30"), None);
    let joined = Fact::LetterJoined {
        letter: letter("2026-03-05T10:00"),
        role: Role::FollowUp,
        related: None,
        fields: BTreeMap::new(),
        shown_reference: None,
    };
    facts.push(("2026-03-05T10:00", joined));
    let (item, role) = item_at(&complaint(false, &facts), "ingressus", "2026-03-06T08:30").unwrap();
    assert!(item.letter_waits);
    assert_eq!((item.state, item.waits_for), (State::Answered, WaitsFor::Staff));
    assert_eq!((item.next.unwrap().term.as_str(), role.as_str()), ("objection", "handler"));
}

#[test]
fn lines_are_bounded_and_the_most_pressing_stay() {
    let line = |n: u32| Item {
        reference: format!("K-{n:04}"),
        state: State::Open,
        next: Some(Next { term: "respond".to_owned(), due: date(2026, 3, 20), left: Left::Days(n) }),
        waits_for: WaitsFor::Staff,
        letter_waits: false,
    };
    let mut items = Items::default();
    for n in (0..1000).rev() {
        items.add(line(n));
        assert!(items.lines.len() <= 2 * MOST_LINES);
    }
    let (lines, more) = items.sorted();
    assert_eq!((lines.len(), more), (MOST_LINES, 1000 - MOST_LINES));
    assert_eq!(lines[0].reference, "K-0000");
    assert_eq!(lines[MOST_LINES - 1].reference, "K-0199");
}

#[test]
fn a_digest_without_anything_is_empty() {
    let mut digest = Digest::new("jan@omnistock.test", date(2026, 3, 6));
    assert!(digest.is_empty());
    for _ in 0..=MOST_LINES {
        digest.hold_back(HeldBack { reference: None, kind: NoticeKind::StaffNew });
    }
    assert_eq!((digest.overflow.len(), digest.more_overflow, digest.is_empty()), (MOST_LINES, 1, false));
    assert!(!tells_of(NoticeKind::StaffConfirm) && !tells_of(NoticeKind::Acknowledgement));
}
