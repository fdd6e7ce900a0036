//! Orders about a mail that was set aside: confirmed, released, spam, or dropped in the shell.

use jiff::Timestamp;

use super::{answer, recorded_by_mail};
use crate::domain::decide::letters;
use crate::domain::decision::Decision;
use crate::domain::event::{Arrival, Aside, Confirmed, Judged, Ordered, View};
use crate::domain::fact::{Fact, Fate, Role};
use crate::domain::order::{Order, OrderName, Reading};
use crate::domain::reply::{Done, OrderReply, Refusal};

/// What can be ordered about such a mail.
const POSSIBLE: [OrderName; 3] = [OrderName::Release, OrderName::Spam, OrderName::Confirm];

/// What follows from the answer of a member of staff to our question about a mail that was set aside.
pub(in crate::domain::decide) fn confirmed(view: &View, confirmed: &Confirmed, now: Timestamp) -> Decision {
    let Some(by) = &confirmed.answer.order else { return Decision::default() };
    let mut decision = match first(&by.reading) {
        Ok((order, line)) => about(view, confirmed, by, (order, line), now),
        Err(refusal) => refused(String::new(), refusal),
    };
    let reply = decision.reply.clone();
    let registered = view.complaint.is_some() || matches!(decision.facts.first(), Some(Fact::Received(_)));
    decision.facts.push(if registered {
        letters::join(&confirmed.answer, Role::Order)
    } else {
        let reason = "an answer to a question of ours".to_owned();
        Fact::LetterKept { letter: confirmed.answer.note.clone(), fate: Fate::Order, reason }
    });
    if decision.anew.is_none() || !decision.notices.iter().any(|notice| notice.reply.is_some()) {
        decision.notices.extend(reply.and_then(|reply| answer(view, by, reply)));
    }
    decision.actor = Some(by.by.clone());
    decision.fate = Some((Fate::Order, String::new()));
    decision
}

fn first(reading: &Reading) -> Result<(&Order, &str), Refusal> {
    match reading {
        Reading::Wrong(fault) => Err(Refusal::Typed(fault.clone())),
        Reading::NoOrder => Err(Refusal::NoOrder),
        Reading::Orders(orders) => {
            orders.first().map(|(order, line)| (order, line.as_str())).ok_or(Refusal::NoOrder)
        }
    }
}

fn about(
    view: &View,
    confirmed: &Confirmed,
    by: &Ordered,
    (order, line): (&Order, &str),
    now: Timestamp,
) -> Decision {
    let pending = &confirmed.pending;
    match order {
        Order::Confirm | Order::Release | Order::Spam if confirmed.done => {
            let refusal = match order {
                Order::Confirm => Refusal::NothingToConfirm,
                _ => Refusal::NotSetAside,
            };
            refused(line.to_owned(), refusal)
        }
        // Nobody confirms what another is said to have written.
        Order::Confirm if !pending.note.from.eq_ignore_ascii_case(&by.by) => {
            refused(line.to_owned(), Refusal::NothingToConfirm)
        }
        Order::Confirm => confirm(view, pending, line, now)
            .unwrap_or_else(|| refused(line.to_owned(), Refusal::NothingToConfirm)),
        Order::Release => released(view, pending, &by.by, line, now),
        Order::Spam => dropped(pending, format!("spam, says {}", by.by), line),
        _ => refused(line.to_owned(), Refusal::NotSetAside),
    }
}

fn refused(order: String, refusal: Refusal) -> Decision {
    let reply = OrderReply { order, outcome: Err(refusal), possible: POSSIBLE.to_vec() };
    Decision { reply: Some(reply), ..Decision::default() }
}

/// The order in the mail itself runs now, or the complaint that it passes on is taken in.
fn confirm(view: &View, pending: &Arrival, line: &str, now: Timestamp) -> Option<Decision> {
    let recorded = recorded_by_mail(view, pending, pending.order.as_ref()?);
    let mut decision = recorded.or_else(|| passed_on(view, pending, line, now))?;
    let fate = decision.fate.take().map_or(Fate::Complaint, |(fate, _)| fate);
    let reason = "confirmed by the member of staff from whose address it came".to_owned();
    decision.anew = Some((fate, reason));
    Some(decision)
}

fn passed_on(view: &View, pending: &Arrival, line: &str, now: Timestamp) -> Option<Decision> {
    letters::passed_on(view, pending)?;
    let mut decision = letters::released(view, pending, now)?;
    let done = vec![Done::Released { reference: Some(reference(view)) }];
    decision.reply = Some(OrderReply { order: line.to_owned(), outcome: Ok(done), possible: Vec::new() });
    Some(decision)
}

/// What a letter that belongs here is known under.
fn reference(view: &View) -> String {
    view.complaint.map_or(view.reference, |complaint| &complaint.reference).to_owned()
}

/// What follows from what an operator decides in the shell: what `#release` does by mail, or nothing ever.
pub(in crate::domain::decide) fn judged(view: &View, judged: &Judged, now: Timestamp) -> Decision {
    let mut decision = match judged.judgement {
        Aside::Release => released(view, &judged.arrival, &judged.by, "#release", now),
        Aside::Drop => dropped(&judged.arrival, format!("dropped by {}", judged.by), "#drop"),
    };
    // It is this mail itself that has become something else.
    decision.fate = decision.anew.take();
    decision.actor = Some(judged.by.clone());
    decision
}

/// The mail is handled as the letter that it is, whatever set it aside; its day 0 stays (product: "How a mail is read").
fn released(view: &View, pending: &Arrival, by: &str, line: &str, now: Timestamp) -> Decision {
    let Some(mut decision) = letters::released(view, pending, now) else {
        return refused(line.to_owned(), Refusal::NoSender);
    };
    let done = vec![Done::Released { reference: Some(reference(view)) }];
    decision.reply = Some(OrderReply { order: line.to_owned(), outcome: Ok(done), possible: Vec::new() });
    let fate = decision.fate.take().map_or(Fate::Complaint, |(fate, _)| fate);
    decision.anew = Some((fate, format!("released by {by}")));
    decision
}

/// Kept, and never looked at again.
fn dropped(pending: &Arrival, reason: String, line: &str) -> Decision {
    let fact = Fact::LetterKept { letter: pending.note.clone(), fate: Fate::Ignored, reason: reason.clone() };
    let reply = OrderReply { order: line.to_owned(), outcome: Ok(vec![Done::Spam]), possible: Vec::new() };
    let anew = Some((Fate::Ignored, reason));
    Decision { facts: vec![fact], reply: Some(reply), anew, ..Decision::default() }
}
