//! Orders about a mail that was set aside: confirmed, released, or spam.

use jiff::Timestamp;

use super::{answer, recorded_by_mail};
use crate::domain::decide::letters;
use crate::domain::decision::Decision;
use crate::domain::event::{Arrival, Confirmed, Ordered, View};
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
        Order::Confirm => {
            confirm(view, pending).unwrap_or_else(|| refused(line.to_owned(), Refusal::NothingToConfirm))
        }
        Order::Release => released(view, pending, &by.by, line, now),
        Order::Spam => spam(pending, &by.by, line),
        _ => refused(line.to_owned(), Refusal::NotSetAside),
    }
}

fn refused(order: String, refusal: Refusal) -> Decision {
    let reply = OrderReply { order, outcome: Err(refusal), possible: POSSIBLE.to_vec() };
    Decision { reply: Some(reply), ..Decision::default() }
}

/// The order in the mail itself runs now.
fn confirm(view: &View, pending: &Arrival) -> Option<Decision> {
    let mut decision = recorded_by_mail(view, pending, pending.order.as_ref()?)?;
    let reason = "confirmed by the member of staff from whose address it came".to_owned();
    decision.anew = Some((Fate::Complaint, reason));
    Some(decision)
}

/// The mail is handled as the letter that it is, whatever set it aside; its day 0 stays (product: "How a mail is read").
pub(in crate::domain::decide) fn released(
    view: &View,
    pending: &Arrival,
    by: &str,
    line: &str,
    now: Timestamp,
) -> Decision {
    let Some(mut decision) = letters::released(view, pending, now) else {
        return refused(line.to_owned(), Refusal::NotSetAside);
    };
    let known = view.complaint.map(|c| c.reference.clone());
    let reference = known.or_else(|| Some(view.reference.to_owned()));
    let done = vec![Done::Released { reference }];
    decision.reply = Some(OrderReply { order: line.to_owned(), outcome: Ok(done), possible: Vec::new() });
    let fate = decision.fate.take().map_or(Fate::Complaint, |(fate, _)| fate);
    decision.anew = Some((fate, format!("released by {by}")));
    decision
}

/// Kept, and never looked at again.
pub(in crate::domain::decide) fn spam(pending: &Arrival, by: &str, line: &str) -> Decision {
    let reason = format!("spam, says {by}");
    let fact = Fact::LetterKept { letter: pending.note.clone(), fate: Fate::Ignored, reason: reason.clone() };
    let reply = OrderReply { order: line.to_owned(), outcome: Ok(vec![Done::Spam]), possible: Vec::new() };
    let anew = Some((Fate::Ignored, reason));
    Decision { facts: vec![fact], reply: Some(reply), anew, ..Decision::default() }
}
