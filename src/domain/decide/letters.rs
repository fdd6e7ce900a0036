//! What follows from a mail (product: "How a mail is read").

use std::collections::BTreeMap;

use super::people::{self, alarm, handlers};
use crate::domain::complaint::{Complaint, NoticeRecord, NoticeStatus};
use crate::domain::decision::{Decision, NoticeDraft};
use crate::domain::event::{Arrival, Trouble, TroubleKind, View};
use crate::domain::fact::{Fact, Fate, Received, Role, Settlement};
use crate::domain::house::Staff;
use crate::domain::mail::Class;
use crate::domain::notice::NoticeKind;
use crate::domain::procedure::{Channel, ReferenceKind, TermEvent};

pub(super) fn arrived(view: &View, arrival: &Arrival) -> Decision {
    let letter = &arrival.letter;
    if let Some(reason) = set_aside_reason(view, arrival) {
        return set_aside(view, arrival, reason);
    }
    match (letter.class, view.complaint) {
        (Class::Own, _) => kept(arrival, Fate::Ignored, reasons(arrival)),
        (Class::Letter, Some(complaint)) => follow_up(view, complaint, arrival),
        (Class::Letter, None) => complaint(view, arrival),
        (Class::AutoReply, Some(_)) => joined(arrival, Role::AutoReply, Fate::AutoReply),
        (Class::Report, Some(_)) => joined(arrival, Role::Report, Fate::Report),
        (Class::Bulk, Some(_)) => joined(arrival, Role::Bulk, Fate::Bulk),
        (Class::Bounce, Some(complaint)) => bounce(view, complaint, arrival),
        (Class::AutoReply | Class::Report | Class::Bounce, None) => {
            kept(arrival, Fate::Ignored, reasons(arrival))
        }
        (Class::Bulk, None) => kept(arrival, Fate::SetAside, reasons(arrival)),
    }
}

/// Why a mail can't be handled by itself, whatever it says (product: "How a mail is read", last lines of the table).
fn set_aside_reason(view: &View, arrival: &Arrival) -> Option<String> {
    let letter = &arrival.letter;
    if let Some(reason) = &arrival.set_aside {
        return Some(reason.clone());
    }
    if letter.class == Class::Own {
        return None;
    }
    if letter.authentication.dmarc.as_deref() == Some("fail") {
        return Some("the sender is forged: dmarc=fail".to_owned());
    }
    if letter.class != Class::Letter {
        return None;
    }
    match &letter.from {
        None => Some("no usable sender address".to_owned()),
        Some(from) if view.house.staff(&from.email).is_some() => {
            Some("from a staff address, without a valid order token".to_owned())
        }
        Some(_) => None,
    }
}

fn reasons(arrival: &Arrival) -> String {
    arrival.letter.reasons.join("; ")
}

fn kept(arrival: &Arrival, fate: Fate, reason: String) -> Decision {
    let fact = Fact::LetterKept { letter: arrival.note.clone(), fate, reason: reason.clone() };
    Decision { facts: vec![fact], notices: Vec::new(), fate: Some((fate, reason)) }
}

/// Set aside and staff told. A mail of a machine is never told of: a flood of them would be one of alarms too.
fn set_aside(view: &View, arrival: &Arrival, reason: String) -> Decision {
    let trouble =
        Trouble { kind: TroubleKind::SetAside, message: format!("{reason} ({})", arrival.note.place) };
    let mut decision = kept(arrival, Fate::SetAside, reason);
    decision.notices = alarm(view, &trouble, None);
    decision
}

fn joined(arrival: &Arrival, role: Role, fate: Fate) -> Decision {
    let fact = Fact::LetterJoined { letter: arrival.note.clone(), role, related: arrival.related.clone() };
    Decision { facts: vec![fact], notices: Vec::new(), fate: Some((fate, reasons(arrival))) }
}

fn follow_up(view: &View, complaint: &Complaint, arrival: &Arrival) -> Decision {
    let mut decision = joined(arrival, Role::FollowUp, Fate::FollowUp);
    let received = arrival.note.received_at.to_string();
    decision.notices = handlers(view, complaint.handler.as_deref())
        .map(|s| NoticeDraft::to_staff(NoticeKind::StaffLetter, s).with("received", received.clone()))
        .collect();
    decision
}

fn complaint(view: &View, arrival: &Arrival) -> Decision {
    let letter = &arrival.letter;
    let Some(from) = letter.from.clone() else {
        return set_aside(view, arrival, "no usable sender address".to_owned());
    };
    let handler = people::address(view, "handler");
    let received = Received {
        reference: view.reference.to_owned(),
        shown_reference: shown_reference(view, &letter.fields),
        mailbox: view.mailbox.name.clone(),
        procedure: view.version.clone(),
        channel: if letter.relay.is_some() { Channel::Form } else { Channel::Email },
        language: view.procedure.language(letter.language),
        complainant: from.clone(),
        subject: arrival.note.subject.clone(),
        fields: letter.fields.clone(),
        handler: handler.clone(),
        silence: (!letter.answerable).then(|| reasons(arrival)),
        related: arrival.related.clone(),
        letter: arrival.note.clone(),
    };
    let acknowledgement = NoticeDraft {
        effect: Some(TermEvent::AckSent),
        term: term_done_by(view, TermEvent::AckSent),
        ..NoticeDraft::to_complainant(NoticeKind::Acknowledgement, &from, received.language)
    };
    let related = arrival.related.clone().unwrap_or_default();
    let staff = handlers(view, handler.as_deref())
        .map(|s| NoticeDraft { term: respond_term(view), ..NoticeDraft::to_staff(NoticeKind::StaffNew, s) })
        .map(|draft| draft.with("related", related.clone()));
    Decision {
        notices: std::iter::once(acknowledgement).chain(staff).collect(),
        facts: vec![Fact::Received(Box::new(received))],
        fate: Some((Fate::Complaint, reasons(arrival))),
    }
}

/// The order number where the procedure shows that (webshop B4), else our own reference.
fn shown_reference(view: &View, fields: &BTreeMap<String, String>) -> String {
    let order_number = match view.procedure.intake.reference {
        ReferenceKind::Own => None,
        ReferenceKind::OrderNumber => fields.get("order_number").cloned(),
    };
    order_number.unwrap_or_else(|| view.reference.to_owned())
}

/// The term of the substantive answer; it is what a new complaint is about for staff.
fn respond_term(view: &View) -> Option<String> {
    term_done_by(view, TermEvent::OutcomeSent)
}

fn term_done_by(view: &View, event: TermEvent) -> Option<String> {
    view.procedure.terms.iter().find(|t| t.done_by.contains(&event)).map(|t| t.id.clone())
}

fn bounce(view: &View, complaint: &Complaint, arrival: &Arrival) -> Decision {
    let mut decision = joined(arrival, Role::Bounce, Fate::Bounced);
    let Some(record) = arrival.about.and_then(|id| complaint.notice(id)) else {
        return decision;
    };
    if record.status == NoticeStatus::Bounced {
        return decision;
    }
    let reason = bounce_reason(arrival);
    let settlement = Settlement::Bounced { reason: reason.clone() };
    decision.facts.push(Fact::NoticeSettled { notice: record.notice.id, settlement });
    decision.notices = handlers(view, complaint.handler.as_deref())
        .filter(|s| !s.email.eq_ignore_ascii_case(&record.notice.to))
        .map(|s| about_notice(NoticeKind::StaffBounce, s, record).with("smtp_reply", reason.clone()))
        .collect();
    decision
}

fn bounce_reason(arrival: &Arrival) -> String {
    let bounce = arrival.letter.bounce.clone().unwrap_or_default();
    let words: Vec<String> = [bounce.status, bounce.diagnostic].into_iter().flatten().collect();
    if words.is_empty() { "it came back without a reason".to_owned() } else { words.join(" ") }
}

fn about_notice(kind: NoticeKind, staff: &Staff, record: &NoticeRecord) -> NoticeDraft {
    NoticeDraft { term: record.notice.term.clone(), ..NoticeDraft::to_staff(kind, staff) }
        .with("notice", record.notice.kind.as_str())
        .with("recipient", record.notice.to.clone())
}
