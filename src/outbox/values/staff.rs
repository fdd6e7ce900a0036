//! Values of mail to staff: terms, what can be ordered now, and the answers to orders.

use jiff::civil::Date;
use minijinja::Value;

use super::set;
use crate::domain::complaint::{Complaint, NoticeStatus, State};
use crate::domain::decide::{BOARD_FROM, obliged, possible};
use crate::domain::house::Staff;
use crate::domain::ladder::{self, Step};
use crate::domain::mail::Language;
use crate::domain::notice::NoticeKind;
use crate::domain::order::{OrderName, Section};
use crate::domain::procedure::{Procedure, ReviewForm, SafetyNet, TermEvent};
use crate::domain::reply::{Done, OrderReply, Refusal};
use crate::domain::term::{COMPLAINANT, TermView};
use crate::outbox::letterhead::Occasion;
use crate::outbox::replies;
use crate::outbox::templates::{Values, date_in_words, term_line};
use crate::outbox::wording as words;

pub(super) fn values(
    occasion: &Occasion,
    (terms, term): (&[TermView], Option<&TermView>),
    reply_to: Option<&str>,
    values: &mut Values,
) {
    let language = occasion.draft.language;
    if let Some(complaint) = occasion.complaint {
        set(values, "case_command", format!("klachtd show {}", complaint.reference));
        let rows = terms.iter().map(|t| row(occasion.procedure, t, promised(occasion, t), language));
        set(values, "terms", rows.collect::<Vec<Value>>());
        if occasion.draft.kind == NoticeKind::StaffNew {
            // A spoken complaint is acknowledged when the complainant agrees with the record.
            if complaint.state != State::Agreeing {
                set(values, "notice", acknowledgement_in_words(complaint, language));
            }
            mediator_values(occasion, values);
        }
        if occasion.draft.kind != NoticeKind::StaffAlarm {
            order_values(occasion, (complaint, term), reply_to, values);
        }
    }
    // A mail that was set aside, whether it fits a complaint or not.
    if occasion.draft.asks_about.is_some() {
        let orders = replies::orders_that_fit(occasion.draft.kind, &OrderName::ALL);
        set(values, "orders", lines(&orders, language));
    }
    if let Some(term) = term {
        term_values(occasion, term, values);
    }
    if let Some(reply) = &occasion.draft.reply {
        reply_values(reply, language, values);
    }
}

fn lines(orders: &[OrderName], language: Language) -> Vec<String> {
    orders.iter().map(|order| replies::order_in_words(*order, language).to_owned()).collect()
}

/// What fits this alert, and a reply that is already filled in.
fn order_values(
    occasion: &Occasion,
    (complaint, term): (&Complaint, Option<&TermView>),
    reply_to: Option<&str>,
    values: &mut Values,
) {
    let language = occasion.draft.language;
    let possible = possible(complaint, occasion.procedure);
    // What the complainant did not do leaves the same choice as a letter: ask again, go on, or end it.
    let awaited = term.is_some_and(|t| t.who == COMPLAINANT);
    let alert = if awaited { NoticeKind::StaffLetter } else { occasion.draft.kind };
    let fitting = replies::orders_that_fit(alert, &possible);
    set(values, "orders", lines(&fitting, language));
    let Some(wanted) = wanted(occasion, term).filter(|order| possible.contains(order)) else { return };
    let sections = sections(occasion.procedure, complaint, wanted);
    let form = replies::answer_form(&sections, wanted, language);
    set(values, "form", form.clone());
    let gives_time =
        term.and_then(|t| occasion.procedure.term(&t.id)).is_none_or(|rule| rule.extend.is_some());
    let extendable = gives_time && possible.contains(&OrderName::Extend);
    set(values, "extendable", if extendable { "true" } else { "" });
    let Some(to) = reply_to else { return };
    let subject = format!("Re: [{}]", complaint.reference);
    set(values, "answer_link", replies::mailto(to, &subject, &form));
    if extendable {
        let line = replies::usage(OrderName::Extend, language).to_owned();
        set(values, "extend_link", replies::mailto(to, &subject, &[line]));
    }
}

/// The order that does what this mail is about.
fn wanted(occasion: &Occasion, term: Option<&TermView>) -> Option<OrderName> {
    let procedure = occasion.procedure;
    let interview = procedure.review.as_ref().is_some_and(|review| review.form == ReviewForm::Interview);
    let review = if interview { OrderName::Invite } else { OrderName::Answer };
    match occasion.draft.kind {
        NoticeKind::StaffReview => return Some(review),
        NoticeKind::StaffAssign => return Some(OrderName::Assign),
        NoticeKind::StaffLetter => {
            return Some(match occasion.draft.extra.get("hint").map(String::as_str) {
                Some("review" | "objection_late") => OrderName::Review,
                Some("not_agreed" | "agreeing") => OrderName::Record,
                Some("older_record") => OrderName::Agreed,
                Some("closed") => OrderName::Reopen,
                _ => OrderName::Answer,
            });
        }
        _ => {}
    }
    let rule = procedure.term(&term?.id)?;
    rule.done_by.iter().find_map(|event| match event {
        TermEvent::ReviewOutcomeSent if interview => Some(OrderName::Minutes),
        TermEvent::OutcomeSent | TermEvent::ReviewOutcomeSent => Some(OrderName::Answer),
        TermEvent::HandedOver => Some(OrderName::HandedOver),
        TermEvent::Assigned => Some(OrderName::Assign),
        TermEvent::ContactMade => Some(OrderName::Contacted),
        TermEvent::RecordSent => Some(OrderName::Record),
        TermEvent::InterviewInvited => Some(OrderName::Invite),
        TermEvent::Received
        | TermEvent::ClockStart
        | TermEvent::SpokenComplaint
        | TermEvent::RecordAgreed
        | TermEvent::AckSent
        | TermEvent::ReviewRequested
        | TermEvent::InterviewHeld
        | TermEvent::Closed => None,
    })
}

/// The headings that the procedure wants in that answer.
fn sections(procedure: &Procedure, complaint: &Complaint, order: OrderName) -> Vec<Section> {
    let notice = match (order, complaint.state) {
        (OrderName::Minutes, _) | (OrderName::Answer, State::InReview) => "review_outcome",
        (OrderName::Answer, _) => "outcome",
        _ => return Vec::new(),
    };
    let sections = obliged(procedure.must_state(notice));
    if sections.is_empty() { vec![Section::Conclusion] } else { sections }
}

/// The order without what follows it: a subject is read on a locked telephone, and names and texts do not belong there.
pub(super) fn order_word(line: &str) -> String {
    let Some((_, typed)) = line.split_once('#') else { return String::new() };
    let word =
        typed.trim_start().split(|c: char| !c.is_alphanumeric() && c != '-').next().unwrap_or_default();
    format!("#{word}")
}

fn reply_values(reply: &OrderReply, language: Language, values: &mut Values) {
    set(values, "order", order_word(&reply.order));
    match &reply.outcome {
        Ok(done) => {
            let done = done.iter().map(|d| replies::done_in_words(d, language));
            set(values, "done", done.collect::<Vec<String>>());
        }
        Err(refusal) => {
            set(values, "refusal", replies::refusal_in_words(refusal, language));
            match refusal {
                Refusal::Typed(fault) => set(values, "spot", fault.spot()),
                Refusal::Missing(missing) => {
                    set(values, "missing", replies::missing_in_words(missing, language));
                }
                _ => {}
            }
        }
    }
    // What was done is followed by nothing but the terms; `#help` and a refusal by what is possible.
    let helps = reply.outcome.as_ref().map_or(true, Vec::is_empty);
    let possible = if helps { lines(&reply.possible, language) } else { Vec::new() };
    set(values, "orders", possible);
}

/// Staff are asked whether the complaint is one that an external mediator takes; the machine never judges that.
fn mediator_values(occasion: &Occasion, values: &mut Values) {
    let mediator =
        occasion.procedure.route.iter().find_map(|route| occasion.procedure.external(&route.refer));
    if let Some(mediator) = mediator {
        set(values, "mediator", mediator.name.clone());
        set(values, "mediator_id", mediator.id.clone());
    }
}

/// How the acknowledgement stands, for staff.
fn acknowledgement_in_words(complaint: &Complaint, language: Language) -> String {
    let made = complaint.notices.iter().find(|n| n.notice.kind == NoticeKind::Acknowledgement);
    let reason = complaint.silence.as_deref();
    match (made.map(|n| n.status), language) {
        (Some(NoticeStatus::Held), Language::Nl) => "wacht op een limiet".to_owned(),
        (Some(NoticeStatus::Held), Language::En) => "held by a limit".to_owned(),
        (Some(NoticeStatus::Sent), Language::Nl) => "is verstuurd".to_owned(),
        (Some(NoticeStatus::Sent), Language::En) => "was sent".to_owned(),
        (Some(NoticeStatus::Failed | NoticeStatus::Bounced), Language::Nl) => "is niet bezorgd".to_owned(),
        (Some(NoticeStatus::Failed | NoticeStatus::Bounced), Language::En) => "was not delivered".to_owned(),
        (Some(_), Language::Nl) => "wordt nu verstuurd".to_owned(),
        (Some(_), Language::En) => "is being sent now".to_owned(),
        (None, Language::Nl) => format!("niet verstuurd ({})", reason.unwrap_or("geweigerd")),
        (None, Language::En) => format!("not sent ({})", reason.unwrap_or("refused")),
    }
}

/// The later date that a notice on its way promises for this term: it counts when that notice was accepted.
fn promised(occasion: &Occasion, term: &TermView) -> Option<Date> {
    let waits = |status| matches!(status, NoticeStatus::Queued | NoticeStatus::Sending | NoticeStatus::Held);
    let notices = occasion.complaint.into_iter().flat_map(|c| &c.notices);
    let queued = notices.filter(|n| waits(n.status)).filter_map(|n| n.notice.promise.as_ref());
    let queued = queued.map(|promise| (&promise.term, promise.new_due));
    let reply = occasion.draft.reply.as_ref().and_then(|reply| reply.outcome.as_ref().ok());
    let ordered = reply.into_iter().flatten().filter_map(|done| match done {
        Done::Extended { term, new_due, .. } => Some((term, *new_due)),
        _ => None,
    });
    let of_term = queued.chain(ordered).filter(|(id, due)| **id == term.id && *due > term.due);
    of_term.map(|(_, due)| due).max()
}

fn row(procedure: &Procedure, term: &TermView, promised: Option<Date>, language: Language) -> Value {
    let quote = procedure.term(&term.id).and_then(|rule| rule.quote.as_deref());
    let status = words::status_in_words(term.status.as_str(), language);
    let status = match (promised.map(|due| date_in_words(due, language)), language) {
        (None, _) => status.to_owned(),
        (Some(due), Language::Nl) => format!("{status}; {due} zodra het bericht is verstuurd"),
        (Some(due), Language::En) => format!("{status}; {due} once the message was sent"),
    };
    term_line(
        words::term_in_words(&term.id, language),
        &date_in_words(term.due, language),
        &date_in_words(term.staff_target, language),
        &status,
        quote.unwrap_or_default(),
    )
}

/// Who of the board gets this mail too: nobody where its reader is of the board.
fn board(occasion: &Occasion) -> Vec<String> {
    let works = |s: &&Staff| s.works_for(&occasion.mailbox.name) && !occasion.house.is_own(&s.email);
    let members = occasion.house.staff.iter().filter(works).filter(|s| s.roles.iter().any(|r| r == "board"));
    let excluded = |s: &&Staff| occasion.complaint.is_some_and(|c| c.is_about(&s.email));
    let members: Vec<&Staff> = members.filter(|s| !excluded(s)).collect();
    if members.iter().any(|s| s.email.eq_ignore_ascii_case(&occasion.draft.to.email)) {
        return Vec::new();
    }
    members.into_iter().map(|s| s.name.clone()).collect()
}

fn term_values(occasion: &Occasion, term: &TermView, values: &mut Values) {
    let (language, procedure) = (occasion.draft.language, occasion.procedure);
    let today = procedure.rules.date(occasion.now);
    set(values, "term", words::term_in_words(&term.id, language));
    set(values, "term_due", date_in_words(term.due, language));
    set(values, "staff_target", date_in_words(term.staff_target, language));
    set(values, "days_left", procedure.rules.calendar.working_days_between(today, term.staff_target));
    set(values, "awaited", if term.who == COMPLAINANT { "true" } else { "" });
    if let Some(Step::Overdue(days)) = occasion.draft.step {
        set(values, "days_over", days);
        let told = if days >= BOARD_FROM { board(occasion) } else { Vec::new() };
        set(values, "reviewer", told.join(", "));
    }
    let Some(last) = term.extend_until.filter(|day| *day >= today) else { return };
    let act_by = term.act_by.filter(|day| *day >= today);
    let day = act_by.unwrap_or(last);
    set(values, "extend_last_day", date_in_words(day, language));
    set(values, "extend_today", if day == today { "true" } else { "" });
    if day != last {
        set(values, "extend_until", date_in_words(last, language));
    }
    let net = procedure.safety_net == SafetyNet::Send
        && act_by.is_some()
        && occasion.complaint.is_some_and(|c| !c.safety_net_acted && c.silence.is_none());
    if let Some(promised) = ladder::safety_net_date(term, procedure).filter(|_| net) {
        set(values, "safety_net_date", date_in_words(promised, language));
    }
}
