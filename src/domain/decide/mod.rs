//! The decision: what follows from an event. Pure: no clock, no store, no chance, no logging.
//!
//! What differs between companies is data in their procedure; nothing here knows a company.

mod letters;
mod morning;
mod orders;
mod people;
mod terms;
mod unseen;

use jiff::Timestamp;

use super::complaint::{NoticeRecord, NoticeStatus};
use super::decision::{Decision, NoticeDraft};
use super::event::{Event, Trouble, TroubleKind, View};
use super::fact::{Fact, NoticeId, Settlement};
use super::notice::NoticeKind;

pub use morning::listed;
pub use orders::{obliged, possible};
pub use terms::{BOARD_FROM, closes_at, next_due};
pub use unseen::{Unseen, unseen};

/// What follows from `event` at the moment `now`.
pub fn decide(view: &View, event: &Event, now: Timestamp) -> Decision {
    match event {
        Event::LetterArrived(arrival) => letters::arrived(view, arrival, now),
        Event::OrderGiven(ordered) => {
            view.complaint.map_or_else(Decision::default, |c| orders::given(view, c, ordered, now))
        }
        Event::ComplaintBrought(brought) => orders::brought(view, brought),
        Event::LetterConfirmed(confirmed) => orders::confirmed(view, confirmed, now),
        Event::SetAsideJudged(judged) => orders::judged(view, judged, now),
        Event::TermReached => view.complaint.map_or_else(Decision::default, |c| terms::reached(view, c, now)),
        Event::DeliverySettled { notice, settlement } => delivery_settled(view, *notice, settlement),
        Event::ServiceTroubled(trouble) => {
            Decision { notices: people::alarm(view, trouble, None), ..Decision::default() }
        }
        Event::MorningCame(digests) => morning::came(view, digests),
    }
}

fn delivery_settled(view: &View, id: NoticeId, settlement: &Settlement) -> Decision {
    let fact = Fact::NoticeSettled { notice: id, settlement: settlement.clone() };
    let mut decision = Decision { facts: vec![fact], ..Decision::default() };
    let Some(record) = view.complaint.and_then(|c| c.notice(id)) else {
        return decision;
    };
    let (kind, words) = match settlement {
        Settlement::Failed { reply, .. } => (TroubleKind::Failed, reply),
        Settlement::Unknown { reason, .. } if record.status != NoticeStatus::Unknown => {
            (TroubleKind::Unknown, reason)
        }
        Settlement::Unknown { .. } | Settlement::Sent { .. } | Settlement::Bounced { .. } => return decision,
    };
    let trouble = Trouble::new(kind, format!("{}: {words}", record.notice.kind));
    // An alarm about an alarm to the same person would never end.
    decision.notices = people::alarm(view, &trouble, Some(&record.notice.to));
    if kind == TroubleKind::Failed {
        if !record.notice.kind.to_staff() {
            let handlers = not_delivered(view, record, words, &decision.notices);
            decision.notices.extend(handlers);
        }
        // Nothing is tried again by itself now.
        let retry = |draft: NoticeDraft| draft.with("command", format!("klachtd outbox retry {}", id.0));
        decision.notices = decision.notices.into_iter().map(retry).collect();
    }
    decision
}

/// Whoever handles the complaint learns that the complainant did not get it, as after a bounce.
fn not_delivered(view: &View, record: &NoticeRecord, reply: &str, told: &[NoticeDraft]) -> Vec<NoticeDraft> {
    people::handlers(view, view.complaint.and_then(|c| c.handler.as_deref()))
        .filter(|staff| !told.iter().any(|draft| draft.to.email.eq_ignore_ascii_case(&staff.email)))
        .map(|staff| letters::about_notice(NoticeKind::StaffBounce, staff, record))
        .map(|draft| draft.with("smtp_reply", reply))
        .collect()
}
