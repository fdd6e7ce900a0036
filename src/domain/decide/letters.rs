//! What follows from a mail (product: "How a mail is read").

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::orders;
use super::people::{self, alarm, handlers};
use crate::domain::complaint::{CloseReason, Complaint, NoticeRecord, NoticeStatus, State};
use crate::domain::decision::{Decision, NoticeDraft};
use crate::domain::event::{AlsoIn, Arrival, Ordered, Right, Trouble, TroubleKind, View};
use crate::domain::fact::{Fact, Fate, LetterNote, Received, Role, Settlement};
use crate::domain::house::Staff;
use crate::domain::mail::{Class, Language, Party};
use crate::domain::notice::NoticeKind;
use crate::domain::order::Reading;
use crate::domain::procedure::{Channel, ReferenceKind, TermEvent, TermRule};

pub(super) fn arrived(view: &View, arrival: &Arrival, now: Timestamp) -> Decision {
    let letter = &arrival.letter;
    if let Some(reason) = set_aside_reason(view, arrival) {
        return set_aside(view, arrival, reason);
    }
    if is_forged(arrival) {
        let reason = "the sender is forged: dmarc=fail".to_owned();
        // To tell of what a machine sent would be answered by the next machine; the digest counts it.
        let told = letter.class == Class::Letter;
        return if told { set_aside(view, arrival, reason) } else { kept(arrival, Fate::SetAside, reason) };
    }
    if let Some(ordered) = arrival.order.as_ref().filter(|ordered| is_by_hand(arrival, ordered)) {
        return from_staff(view, arrival, ordered, now);
    }
    match (letter.class, view.complaint) {
        (Class::Own, _) => kept(arrival, Fate::Ignored, reasons(arrival)),
        (Class::Letter, Some(complaint)) => follow_up(view, complaint, arrival, now),
        (Class::Letter, None) => complaint(view, arrival),
        (Class::AutoReply, Some(_)) => joined(arrival, Role::AutoReply, Fate::AutoReply),
        (Class::Report, Some(_)) => joined(arrival, Role::Report, Fate::Report),
        (Class::Bulk, Some(_)) => joined(arrival, Role::Bulk, Fate::Bulk),
        (Class::Bounce, Some(complaint)) => bounce(view, complaint, arrival),
        (Class::Bounce, None) if arrival.about.is_some() => staff_mail_returned(view, arrival),
        (Class::AutoReply | Class::Report | Class::Bounce, None) => {
            kept(arrival, Fate::Ignored, reasons(arrival))
        }
        (Class::Bulk, None) => kept(arrival, Fate::SetAside, reasons(arrival)),
    }
}

/// Letters of one complaint that are registered; what comes after is for a person. No dispute has that many, a loop may.
const MOST_LETTERS: usize = 400;

/// Whether the server that took it says that its sender is another. A bounce that brings our own token back proves
/// itself, and mail systems often send theirs without any other proof.
fn is_forged(arrival: &Arrival) -> bool {
    let letter = &arrival.letter;
    let proved = letter.class == Class::Own || (letter.class == Class::Bounce && arrival.about.is_some());
    letter.authentication.dmarc.as_deref() == Some("fail") && !proved
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
    if let Some(reason) = &letter.unreadable {
        return Some(reason.clone());
    }
    if view.complaint.is_some_and(|complaint| complaint.letters.len() >= MOST_LETTERS) {
        return Some(format!("its complaint has {MOST_LETTERS} letters already"));
    }
    (letter.class == Class::Letter && letter.from.is_none()).then(|| "no usable sender address".to_owned())
}

/// Whether a person wrote it. Some mail programs mark all that leaves a company as bulk: with a valid token and an order
/// that somebody typed it is one all the same.
fn is_by_hand(arrival: &Arrival, ordered: &Ordered) -> bool {
    let typed = ordered.right == Right::Token && matches!(ordered.reading, Reading::Orders(_));
    arrival.letter.class == Class::Letter || (arrival.letter.class == Class::Bulk && typed)
}

/// A letter that comes from staff, or pretends to (product: "Orders"): only the token gives a right.
fn from_staff(view: &View, arrival: &Arrival, ordered: &Ordered, now: Timestamp) -> Decision {
    let works = people::workers(view).any(|staff| staff.email.eq_ignore_ascii_case(&ordered.by));
    match (ordered.right, view.complaint) {
        (Right::Token, Some(complaint)) if works => orders::by_mail(view, complaint, (arrival, ordered), now),
        // Somebody put the customer in copy, and the answer went to all: it is a letter like any other.
        (Right::Foreign, Some(complaint))
            if complaint.is_party(&ordered.by) && matches!(ordered.reading, Reading::NoOrder) =>
        {
            follow_up(view, complaint, arrival, now)
        }
        (Right::Token | Right::Shell, _) => {
            set_aside(view, arrival, "an order of somebody who has no part in this complaint".to_owned())
        }
        (Right::Foreign, _) => set_aside(view, arrival, "an order token that is not the sender's".to_owned()),
        (Right::Address, _) => unproved(view, arrival, ordered),
    }
}

/// Only the address says that it comes from staff. A record of a spoken complaint runs when the server vouches for the
/// sender; else, and for a complaint that is passed on, that address is asked before anything goes to a third party.
fn unproved(view: &View, arrival: &Arrival, ordered: &Ordered) -> Decision {
    let Some((_, _, line)) = orders::record_order(&ordered.reading) else {
        return match passed_on(view, arrival) {
            Some(_) => asked(view, arrival, &ordered.by, ""),
            None => set_aside(view, arrival, "from a staff address, without a valid order token".to_owned()),
        };
    };
    if arrival.letter.authentication.dmarc.as_deref() == Some("pass")
        && let Some(decision) = orders::recorded_by_mail(view, arrival, ordered)
    {
        return decision;
    }
    asked(view, arrival, &ordered.by, line)
}

/// Set aside until the member of staff with this address confirms the order in it, or the complaint that is passed on
/// where there is none.
fn asked(view: &View, arrival: &Arrival, by: &str, order: &str) -> Decision {
    let what = if order.is_empty() { "the complaint that it passes on" } else { "the order" };
    let reason = format!("from a staff address: waits for that address to confirm {what}");
    let mut decision = kept(arrival, Fate::SetAside, reason);
    let asked = view.house.staff(by).map(|staff| NoticeDraft {
        asks_about: Some(arrival.note.clone()),
        ..NoticeDraft::to_staff(NoticeKind::StaffConfirm, staff)
            .with("received", arrival.note.received_at.to_string())
            .with("order", order)
    });
    decision.notices = asked.into_iter().collect();
    decision
}

/// The complaint that staff pass on, as its writer would have sent it. Its day 0 is the receipt of the mail that passes
/// it on: what that says of the original can be anything. `None` for mail of our own house.
pub(super) fn passed_on(view: &View, arrival: &Arrival) -> Option<Arrival> {
    let letter = arrival.passed_on.as_deref()?;
    let from = letter.from.as_ref()?;
    if view.house.is_own(&from.email) || view.house.staff(&from.email).is_some() {
        return None;
    }
    let note = LetterNote { subject: letter.subject.clone(), ..arrival.note.clone() };
    Some(Arrival { letter: letter.clone(), note, passed_on: None, order: None, ..arrival.clone() })
}

fn reasons(arrival: &Arrival) -> String {
    arrival.letter.reasons.join("; ")
}

fn kept(arrival: &Arrival, fate: Fate, reason: String) -> Decision {
    let fact = Fact::LetterKept { letter: arrival.note.clone(), fate, reason: reason.clone() };
    Decision { facts: vec![fact], fate: Some((fate, reason)), ..Decision::default() }
}

/// Set aside and staff told. A mail of a machine is never told of: a flood of them would be one of alarms too.
fn set_aside(view: &View, arrival: &Arrival, reason: String) -> Decision {
    let trouble = Trouble::new(TroubleKind::SetAside, reason.clone());
    let mut decision = kept(arrival, Fate::SetAside, reason);
    let command = format!("klachtd quarantine list  # {}", arrival.note.place);
    let asks = |draft: NoticeDraft| {
        NoticeDraft { asks_about: Some(arrival.note.clone()), ..draft }.with("command", command.clone())
    };
    decision.notices = alarm(view, &trouble, None).into_iter().map(asks).collect();
    decision
}

/// What a mail becomes that staff release: a letter of its sender, or of whose mail staff pass on in it, as if nothing had
/// set it aside. `None` when there is nobody whose letter it could be.
pub(super) fn released(view: &View, arrival: &Arrival, now: Timestamp) -> Option<Decision> {
    let passed_on = passed_on(view, arrival);
    let arrival = passed_on.as_ref().unwrap_or(arrival);
    match view.complaint {
        Some(complaint) => Some(follow_up(view, complaint, arrival, now)),
        None => arrival.letter.from.as_ref().map(|_| complaint(view, arrival)),
    }
}

fn joined(arrival: &Arrival, role: Role, fate: Fate) -> Decision {
    let fate = Some((fate, reasons(arrival)));
    Decision { facts: vec![join(arrival, role)], fate, ..Decision::default() }
}

/// The fact that a letter joined its complaint, and nothing more.
pub(super) fn join(arrival: &Arrival, role: Role) -> Fact {
    Fact::LetterJoined {
        letter: arrival.note.clone(),
        role,
        related: arrival.related.clone(),
        fields: BTreeMap::new(),
        shown_reference: None,
    }
}

/// The same with the fields that a party adds; the first order number becomes the reference where the procedure shows
/// that (webshop B4).
fn join_with_fields(view: &View, complaint: &Complaint, arrival: &Arrival, role: Role) -> Fact {
    let known = &complaint.fields;
    let fields: BTreeMap<String, String> =
        arrival.letter.fields.clone().into_iter().filter(|(name, _)| !known.contains_key(name)).collect();
    let own = complaint.shown_reference == complaint.reference;
    let shown = Some(shown_reference(view, &fields, &complaint.reference))
        .filter(|s| own && *s != complaint.reference);
    Fact::LetterJoined {
        letter: arrival.note.clone(),
        role,
        related: arrival.related.clone(),
        fields,
        shown_reference: shown,
    }
}

fn follow_up(view: &View, complaint: &Complaint, arrival: &Arrival, now: Timestamp) -> Decision {
    let from = arrival.letter.from.as_ref().map_or("", |party| party.email.as_str());
    if !complaint.is_party(from) {
        let mut decision = joined(arrival, Role::FollowUp, Fate::FollowUp);
        let drafts = staff_letter(view, complaint, arrival, if from.is_empty() { "" } else { "outsider" });
        decision.notices = drafts.into_iter().map(|draft| draft.with("outsider", from)).collect();
        return decision;
    }
    if let Some(written) = orders::written(view, complaint, arrival) {
        return begins(view, complaint, arrival, written);
    }
    let mut decision = joined(arrival, Role::FollowUp, Fate::FollowUp);
    decision.facts = vec![join_with_fields(view, complaint, arrival, Role::FollowUp)];
    if complaint.state == State::Asking {
        decision.facts.push(Fact::InfoReceived);
    }
    let hint = match complaint.state {
        State::Agreeing => orders::not_agreed(complaint, arrival),
        State::Asking => "reply",
        State::Answered => objection(view, complaint, arrival, now),
        // The clock may have closed it after the window: the letter may be an objection all the same.
        State::Closed if was_answered(complaint) && view.procedure.review.is_some() => {
            objection(view, complaint, arrival, now)
        }
        State::Closed | State::Erased => "closed",
        State::Open | State::InReview => "",
    };
    decision.notices = staff_letter(view, complaint, arrival, hint);
    decision
}

/// What a letter after the outcome may be: an objection in time or a late one, where the text grants a review at all.
fn objection(view: &View, complaint: &Complaint, arrival: &Arrival, now: Timestamp) -> &'static str {
    let Some(review) = view.procedure.review.as_ref().filter(|_| !is_reviewed(complaint)) else {
        return if complaint.state == State::Closed { "closed" } else { "after_outcome" };
    };
    let terms = complaint.terms(view.procedure, now);
    let window = review.window.as_ref().and_then(|id| terms.iter().find(|t| t.id == *id));
    match window {
        Some(window) if window.due_before <= arrival.note.received_at => "objection_late",
        _ => "review",
    }
}

fn was_answered(complaint: &Complaint) -> bool {
    complaint.closing.as_ref().is_some_and(|closing| closing.reason == CloseReason::Answered)
}

/// Whether the newest answer is that of a review: then our own procedure has ended.
fn is_reviewed(complaint: &Complaint) -> bool {
    let reviewed_at = complaint.effected_at(TermEvent::ReviewOutcomeSent);
    reviewed_at.is_some() && reviewed_at >= complaint.effected_at(TermEvent::OutcomeSent)
}

fn staff_letter(view: &View, complaint: &Complaint, arrival: &Arrival, hint: &str) -> Vec<NoticeDraft> {
    let received = arrival.note.received_at.to_string();
    readers(view, complaint, complaint.state == State::InReview)
        .into_iter()
        .map(|s| NoticeDraft::to_staff(NoticeKind::StaffLetter, s).with("received", received.clone()))
        .map(|draft| draft.with("hint", hint).with("sealed", sealed(arrival)))
        .collect()
}

/// That staff must open it themselves, in a mail program that has the key.
fn sealed(arrival: &Arrival) -> &'static str {
    if arrival.letter.encrypted { "true" } else { "" }
}

/// Those who have the complaint before them: the handler, and while it is reviewed the reviewers.
fn readers<'a>(view: &View<'a>, complaint: &Complaint, reviewed: bool) -> Vec<&'a Staff> {
    let mut found: Vec<&Staff> = handlers(view, complaint.handler.as_deref()).collect();
    let review = view.procedure.review.as_ref().filter(|_| reviewed);
    for staff in review.into_iter().flat_map(|review| people::in_role(view, &review.by)) {
        if !found.iter().any(|s| s.email == staff.email) {
            found.push(staff);
        }
    }
    found
}

/// The complainant agrees with the record, or has written: the handling begins.
fn begins(view: &View, complaint: &Complaint, arrival: &Arrival, written: bool) -> Decision {
    let role = if written { Role::Complaint } else { Role::Agreement };
    let mut decision = joined(arrival, role, Fate::FollowUp);
    decision.facts = vec![
        join_with_fields(view, complaint, arrival, role),
        Fact::RecordAgreed { at: arrival.note.received_at, written },
    ];
    decision.notices = first_mails(view, complaint, &arrival.letter.text);
    decision
}

/// The first mails when the handling of a spoken complaint begins: the acknowledgement, and what staff get of a new one.
pub(super) fn first_mails(view: &View, complaint: &Complaint, text: &str) -> Vec<NoticeDraft> {
    let staff = handlers(view, complaint.handler.as_deref())
        .map(|s| NoticeDraft { term: respond_term(view), ..NoticeDraft::to_staff(NoticeKind::StaffNew, s) });
    let record = complaint.record.as_ref().map_or("", |record| record.text.as_str());
    let wish = [record, text].into_iter().any(wishes_formal);
    let first = acknowledgement(view, &complaint.complainant, complaint.language)
        .with("formal_wish", if wish { "true" } else { "" });
    std::iter::once(first).chain(staff).collect()
}

/// What is known of a new complaint beside its letter.
pub(super) struct New<'a> {
    /// Who complains.
    pub from: &'a Party,
    /// By what it came.
    pub channel: Channel,
    /// Whether it was only spoken.
    pub spoken: bool,
}

fn complaint(view: &View, arrival: &Arrival) -> Decision {
    let letter = &arrival.letter;
    let Some(from) = &letter.from else {
        return set_aside(view, arrival, "no usable sender address".to_owned());
    };
    let channel = if letter.relay.is_some() { Channel::Form } else { Channel::Email };
    register(view, arrival, &New { from, channel, spoken: false })
}

/// Registers a complaint, acknowledges it, tells staff.
pub(super) fn register(view: &View, arrival: &Arrival, new: &New) -> Decision {
    let letter = &arrival.letter;
    let handler = people::address(view, "handler");
    let received = Received {
        reference: view.reference.to_owned(),
        shown_reference: shown_reference(view, &letter.fields, view.reference),
        mailbox: view.mailbox.name.clone(),
        procedure: view.version.clone(),
        channel: new.channel,
        language: view.procedure.language(letter.language),
        complainant: new.from.clone(),
        subject: arrival.note.subject.clone(),
        fields: letter.fields.clone(),
        handler: handler.clone(),
        silence: (!letter.answerable).then(|| reasons(arrival)),
        related: arrival.related.clone(),
        spoken: new.spoken,
        letter: arrival.note.clone(),
    };
    let first = acknowledgement(view, new.from, received.language)
        .with("formal_wish", if wishes_formal(&letter.text) { "true" } else { "" });
    let related = arrival.related.clone().unwrap_or_default();
    let staff = handlers(view, handler.as_deref())
        .map(|s| NoticeDraft { term: respond_term(view), ..NoticeDraft::to_staff(NoticeKind::StaffNew, s) })
        .map(|draft| draft.with("related", related.clone()).with("sealed", sealed(arrival)));
    let also_in = |own: &Received, other: &AlsoIn| {
        let there = Fact::AlsoIn { mailbox: own.mailbox.clone(), reference: own.reference.clone() };
        (other.complaint, there)
    };
    let elsewhere = arrival.also_in.iter().map(|other| also_in(&received, other)).collect();
    let here = arrival
        .also_in
        .iter()
        .map(|other| Fact::AlsoIn { mailbox: other.mailbox.clone(), reference: other.reference.clone() });
    Decision {
        notices: std::iter::once(first).chain(staff).collect(),
        facts: std::iter::once(Fact::Received(Box::new(received))).chain(here).collect(),
        elsewhere,
        fate: Some((Fate::Complaint, reasons(arrival))),
        ..Decision::default()
    }
}

fn acknowledgement(view: &View, to: &Party, language: Language) -> NoticeDraft {
    NoticeDraft {
        effect: Some(TermEvent::AckSent),
        term: id_of(view.procedure.term_done_by(TermEvent::AckSent)),
        ..NoticeDraft::to_complainant(NoticeKind::Acknowledgement, to, language)
    }
}

/// Whether the letter itself asks for the formal procedure (`WebSec` C2): then the acknowledgement need not ask.
fn wishes_formal(text: &str) -> bool {
    let text = text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    ["formele klacht", "formele procedure", "officiële klacht", "formal complaint", "formal procedure"]
        .iter()
        .any(|words| text.contains(words))
}

/// The order number where the procedure shows that (webshop B4), else our own reference.
fn shown_reference(view: &View, fields: &BTreeMap<String, String>, own: &str) -> String {
    let order_number = match view.procedure.intake.reference {
        ReferenceKind::Own => None,
        ReferenceKind::OrderNumber => fields.get("order_number").cloned(),
    };
    order_number.unwrap_or_else(|| own.to_owned())
}

/// The term of the substantive answer; it is what a new complaint is about for staff.
fn respond_term(view: &View) -> Option<String> {
    id_of(view.procedure.answering_term())
}

pub(super) fn id_of(term: Option<&TermRule>) -> Option<String> {
    term.map(|term| term.id.clone())
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
    let reviewed = record.notice.kind == NoticeKind::ReviewOutcome;
    decision.notices = readers(view, complaint, reviewed)
        .into_iter()
        .filter(|s| !s.email.eq_ignore_ascii_case(&record.notice.to))
        .map(|s| about_notice(NoticeKind::StaffBounce, s, record).with("smtp_reply", reason.clone()))
        .collect();
    decision
}

/// A mail to staff that belongs to no complaint came back: an alarm, or a digest.
fn staff_mail_returned(view: &View, arrival: &Arrival) -> Decision {
    let reason = bounce_reason(arrival);
    let mut decision = kept(arrival, Fate::Bounced, reasons(arrival));
    let settlement = Settlement::Bounced { reason: reason.clone() };
    decision.facts.extend(arrival.about.map(|notice| Fact::NoticeSettled { notice, settlement }));
    // Who does not get his mail can't be told; when nobody knows who that is, no more mail is made of it.
    if let Some(recipient) = arrival.letter.bounce.as_ref().and_then(|bounce| bounce.recipient.as_deref()) {
        let message = format!("a mail to staff came back: {reason}");
        decision.notices = alarm(view, &Trouble::new(TroubleKind::Failed, message), Some(recipient));
    }
    decision
}

fn bounce_reason(arrival: &Arrival) -> String {
    let bounce = arrival.letter.bounce.clone().unwrap_or_default();
    let words: Vec<String> = [bounce.status, bounce.diagnostic].into_iter().flatten().collect();
    if words.is_empty() { "it came back without a reason".to_owned() } else { words.join(" ") }
}

/// A mail to staff about a notice that did not arrive.
pub(super) fn about_notice(kind: NoticeKind, staff: &Staff, record: &NoticeRecord) -> NoticeDraft {
    NoticeDraft { term: record.notice.term.clone(), ..NoticeDraft::to_staff(kind, staff) }
        .with("notice", record.notice.kind.as_str())
        .with("recipient", record.notice.to.clone())
}
