//! What follows from the clock: alerts to staff, and the safety net (domain 2.3).

use jiff::civil::{Date, Time, time};
use jiff::{Timestamp, ToSpan};

use super::people::{self, handlers};
use crate::domain::complaint::{CloseReason, Complaint, State};
use crate::domain::decision::{Decision, NoticeDraft};
use crate::domain::event::View;
use crate::domain::fact::{Fact, Promise, Warned};
use crate::domain::house::Staff;
use crate::domain::ladder::{self, Rung, Step};
use crate::domain::mail::Language;
use crate::domain::notice::NoticeKind;
use crate::domain::procedure::{Force, SafetyNet, TermEvent};
use crate::domain::term::{self, COMPLAINANT, TermStatus, TermView};

pub(super) fn reached(view: &View, complaint: &Complaint, now: Timestamp) -> Decision {
    if closes_at(view, complaint).is_some_and(|at| at <= now) {
        return window_ended(complaint);
    }
    let terms = complaint.terms(view.procedure, now);
    let mut decision = Decision::default();
    let mut acted_on = None;
    let mut caught = terms
        .iter()
        .filter(|t| net_moment(view, complaint, t).is_some_and(|at| at <= now && now < t.due_before));
    let caught = caught.find_map(|t| Some((t, ladder::safety_net_date(t, view.procedure)?)));
    if let Some((term, new_due)) = caught {
        safety_net(view, complaint, term, new_due, &mut decision);
        acted_on = Some(term.id.as_str());
    }
    let alerts: Vec<(&TermView, Rung)> = terms
        .iter()
        .filter(|t| acted_on != Some(t.id.as_str()))
        .filter_map(|t| Some((t, due_rung(view, complaint, t, now)?)))
        .filter(|(t, _)| ladder::may_alert(t, view.procedure, now))
        .collect();
    if !alerts.is_empty() {
        warn(view, complaint, &alerts, &mut decision);
    }
    let reminder = alerts.iter().find(|(t, _)| t.id == term::AGREEMENT).and(reminder(view, complaint));
    if let Some(reminder) = reminder {
        decision.notices = decision.notices.into_iter().map(|n| n.with("reminder", "true")).collect();
        decision.notices.push(reminder);
    }
    decision
}

/// Working days after which an answered complaint is closed where the text sets no window (domain 2.2).
const CLOSING_DAYS: u32 = 20;

/// At what time of the day the clock closes a complaint.
const CLOSING_TIME: Time = time(9, 0, 0, 0);

/// When the clock closes an answered complaint: on the working day after the window for an objection, or after the
/// house's own norm. Never while a letter waits for staff: that may be the objection.
pub fn closes_at(view: &View, complaint: &Complaint) -> Option<Timestamp> {
    if complaint.state != State::Answered || complaint.waits_for_staff {
        return None;
    }
    let rules = &view.procedure.rules;
    let reviewed_at = complaint.effected_at(TermEvent::ReviewOutcomeSent);
    let answered_at = complaint.effected_at(TermEvent::OutcomeSent).max(reviewed_at)?;
    let day = rules.date(answered_at);
    let window = view.procedure.review.as_ref().filter(|_| reviewed_at.is_none());
    let window = window.and_then(|review| view.procedure.term(review.window.as_ref()?));
    let last = match window {
        Some(rule) => rule.within.after(day, &rules.calendar),
        None => rules.calendar.add_working_days(day, CLOSING_DAYS),
    };
    Some(rules.at(rules.calendar.next_working_day(last), CLOSING_TIME))
}

fn window_ended(complaint: &Complaint) -> Decision {
    let closed = Fact::Closed { reason: CloseReason::Answered, words: None, into: None };
    let notice = NoticeDraft::to_complainant(NoticeKind::Closing, &complaint.complainant, complaint.language);
    Decision { facts: vec![closed], notices: vec![notice], ..Decision::default() }
}

/// The complainant is reminded once of each version of the record; after that staff decide (domain 2.2).
fn reminder(view: &View, complaint: &Complaint) -> Option<NoticeDraft> {
    let record = complaint.record.as_ref()?;
    let asked = complaint.notices.iter().filter(|n| n.notice.kind.asks_for_agreement());
    let (kind, count) = asked
        .filter(|n| n.queued_at >= record.made_at)
        .fold((None, 0), |(_, count), n| (Some(n.notice.kind), count + 1));
    let kind = kind.filter(|_| count == 1)?;
    let call_date = view.procedure.rules.date(complaint.received_at).to_string();
    let draft = NoticeDraft::to_complainant(kind, &complaint.complainant, complaint.language);
    let draft = draft.with("call_date", call_date).with("record", record.text.clone());
    Some(draft.with("version", record.version.to_string()).with("reminder", "true"))
}

/// The newest alert of this term that is due and was not given yet.
fn due_rung(view: &View, complaint: &Complaint, term: &TermView, now: Timestamp) -> Option<Rung> {
    let after = complaint.warned.get(&term.id).map_or(term.started_at, |(rung, _)| *rung);
    let rung = ladder::newest_rung(term, view.procedure, after, now)
        .filter(|_| !is_kept_silent(view, complaint, term));
    rung.filter(|rung| !is_acted_on(view, complaint, term, rung))
}

/// Whether somebody has acted since that alert became due: what ends the term is on its way. When it does not arrive the
/// next alert tells.
fn is_acted_on(view: &View, complaint: &Complaint, term: &TermView, rung: &Rung) -> bool {
    let ends = |event| view.procedure.term(&term.id).is_some_and(|rule| rule.done_by.contains(&event));
    complaint
        .notices
        .iter()
        .any(|n| n.settled_at.is_none() && n.queued_at >= rung.at && n.notice.effect.is_some_and(ends))
}

/// Our own norm for an automatic mail does not bind where the sender wants none; a published promise still does. An aim
/// says nothing more once a later date for the same answer was announced (webshop B5, B6).
pub(super) fn is_kept_silent(view: &View, complaint: &Complaint, term: &TermView) -> bool {
    let unwanted = complaint.silence.is_some() && term.who == "system" && term.force == Force::House;
    // Nobody acknowledges what was answered: the breach stands in the register.
    let answered_at = complaint.effected_at(TermEvent::OutcomeSent);
    let answered = term.who == "system" && answered_at.is_some_and(|at| at > term.started_at);
    unwanted || answered || (term.force == Force::Aim && is_put_off(view, complaint, term))
}

/// Whether a later date was announced for another term that ends in the same way.
fn is_put_off(view: &View, complaint: &Complaint, term: &TermView) -> bool {
    let ends = |id: &str| view.procedure.term(id).map_or(&[][..], |rule| &rule.done_by);
    let mut later = complaint.extensions().into_iter().filter(|e| e.announced_at > term.started_at);
    later.any(|e| e.term != term.id && ends(&e.term) == ends(&term.id))
}

/// When the safety net acts on this term, if it still may: once per complaint, never after the term has lapsed.
fn net_moment(view: &View, complaint: &Complaint, term: &TermView) -> Option<Timestamp> {
    // An outcome or a later date on its way: somebody has acted, and the net would contradict it.
    let acted = complaint.is_under_way(TermEvent::OutcomeSent) || complaint.promised(&term.id).is_some();
    let acted = acted || !matches!(complaint.state, State::Open | State::Asking);
    if complaint.safety_net_acted || acted || term.status != TermStatus::Running {
        return None;
    }
    match view.procedure.safety_net {
        SafetyNet::Off => None,
        SafetyNet::Send => ladder::safety_net_at(term, view.procedure),
        // Drafted at noon, so that somebody can still send it (domain 2.3).
        SafetyNet::Draft => ladder::safety_net_at(term, view.procedure).map(|at| at - 4.hours()),
    }
}

fn safety_net(view: &View, complaint: &Complaint, term: &TermView, new_due: Date, decision: &mut Decision) {
    let sent = view.procedure.safety_net == SafetyNet::Send && complaint.silence.is_none();
    decision.facts.push(Fact::SafetyNetActed { term: term.id.clone(), sent });
    let promise = Promise {
        term: term.id.clone(),
        old_due: term.due,
        new_due,
        reason: standard_reason(complaint.language).to_owned(),
        late_from: term.extend_until.map_or(term.due_before, |last| view.procedure.rules.end_of(last)),
    };
    if sent {
        decision.notices.push(NoticeDraft {
            term: Some(term.id.clone()),
            promise: Some(promise),
            ..NoticeDraft::to_complainant(NoticeKind::Progress, &complaint.complainant, complaint.language)
        });
        return;
    }
    let drafted = handlers(view, complaint.handler.as_deref()).map(|s| {
        NoticeDraft {
            term: Some(term.id.clone()),
            step: Some(Step::LastDayToExtend),
            ..NoticeDraft::to_staff(NoticeKind::StaffDue, s)
        }
        .with("draft_date", promise.new_due.to_string())
        .with("draft_reason", standard_reason(s.language))
    });
    decision.notices.extend(drafted);
}

/// True whatever the case: nobody has answered yet.
const fn standard_reason(language: Language) -> &'static str {
    match language {
        Language::Nl => "het onderzoek is nog niet afgerond",
        Language::En => "the investigation has not been completed yet",
    }
}

fn warn(view: &View, complaint: &Complaint, alerts: &[(&TermView, Rung)], decision: &mut Decision) {
    let warned = alerts
        .iter()
        .map(|(t, rung)| Warned { term: t.id.clone(), step: rung.step, rung: rung.at })
        .collect();
    decision.facts.push(Fact::StaffWarned { alerts: warned });
    let mut readers: Vec<&Staff> = Vec::new();
    for (term, rung) in alerts {
        for staff in alert_recipients(view, complaint, term, rung.step) {
            if !readers.iter().any(|s| s.email == staff.email) {
                readers.push(staff);
            }
        }
    }
    decision.notices.extend(readers.into_iter().filter_map(|s| alert(view, complaint, alerts, s)));
}

/// Terms that ask one person on one day share one mail; it is named after the one that presses most.
fn alert(
    view: &View,
    complaint: &Complaint,
    alerts: &[(&TermView, Rung)],
    to: &Staff,
) -> Option<NoticeDraft> {
    let theirs = alerts.iter().filter(|(term, rung)| {
        alert_recipients(view, complaint, term, rung.step).iter().any(|s| s.email == to.email)
    });
    let (term, rung) =
        theirs.max_by_key(|(t, rung)| (rung.step, std::cmp::Reverse(t.due), t.force != Force::Aim))?;
    let kind = match rung.step {
        // Nobody here is late when the complainant does not answer.
        _ if term.who == COMPLAINANT => NoticeKind::StaffDue,
        Step::Overdue(_) => NoticeKind::StaffOverdue,
        _ if assigns(view, term) => NoticeKind::StaffAssign,
        _ => NoticeKind::StaffDue,
    };
    let draft = NoticeDraft::to_staff(kind, to);
    Some(NoticeDraft { term: Some(term.id.clone()), step: Some(rung.step), ..draft })
}

fn assigns(view: &View, term: &TermView) -> bool {
    view.procedure.term(&term.id).is_some_and(|rule| rule.done_by.contains(&TermEvent::Assigned))
}

/// From which overdue alert on the board gets it too (product: "Configuration").
pub const BOARD_FROM: u32 = 3;

/// Who acts on a term: the handler, and the people of the role that takes the step where the text names another, such as
/// the receiver who hands over (webshop B7), the confidant who calls (`WebSec` C9) or the board (B15). The outcome is the
/// handler's, for whom else it may be in the text.
fn alert_recipients<'a>(
    view: &View<'a>,
    complaint: &Complaint,
    term: &TermView,
    step: Step,
) -> Vec<&'a Staff> {
    let who = term.who.as_str();
    let answers = view.procedure.term(&term.id).is_some_and(|r| r.done_by.contains(&TermEvent::OutcomeSent));
    let mut found: Vec<&Staff> = people::responsible(view, complaint.handler.as_deref(), who);
    let handled =
        complaint.handler.as_ref().is_some_and(|h| found.iter().any(|s| s.email.eq_ignore_ascii_case(h)));
    for staff in people::in_role(view, who).filter(|_| who != "handler" && !(answers && handled)) {
        if !found.iter().any(|s| s.email == staff.email) {
            found.push(staff);
        }
    }
    if who != COMPLAINANT && matches!(step, Step::Overdue(days) if days >= BOARD_FROM) {
        for staff in people::in_role(view, "board") {
            if !found.iter().any(|s| s.email == staff.email) {
                found.push(staff);
            }
        }
    }
    found
}

/// The next moment at which [`TermReached`](crate::domain::event::Event::TermReached) may ask for something; `None` when nothing can.
pub fn next_due(view: &View, complaint: &Complaint, now: Timestamp) -> Option<Timestamp> {
    let terms = complaint.terms(view.procedure, now);
    let of_terms = terms.iter().filter_map(|term| next_of_term(view, complaint, term, now)).min();
    [of_terms, closes_at(view, complaint).map(|at| at.max(now))].into_iter().flatten().min()
}

fn next_of_term(view: &View, complaint: &Complaint, term: &TermView, now: Timestamp) -> Option<Timestamp> {
    let net = net_moment(view, complaint, term).filter(|_| now < term.due_before).map(|at| at.max(now));
    let alert = if due_rung(view, complaint, term, now).is_some() {
        Some(ladder::next_opening(term, view.procedure, now))
    } else {
        let after = complaint.warned.get(&term.id).map_or(term.started_at, |(rung, _)| *rung).max(now);
        // The moment at which the term lapses asks too: what was running is overdue from then on.
        let lapses = Some(term.due_before)
            .filter(|at| *at > now && term.status == TermStatus::Running && term.force != Force::Window);
        let rung =
            ladder::next_rung(term, view.procedure, after).filter(|_| !is_kept_silent(view, complaint, term));
        [rung.map(|rung| rung.at), lapses].into_iter().flatten().min()
    };
    [net, alert].into_iter().flatten().min()
}
