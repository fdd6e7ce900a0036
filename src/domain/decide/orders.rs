//! What follows from an order (product: "Orders"): all that a mail orders, or nothing of it.

mod answering;
mod closing;
mod handling;
mod released;
mod spoken;

pub use answering::obliged;
pub(super) use released::{confirmed, judged};
pub(super) use spoken::{brought, not_agreed, record_order, recorded_by_mail, written};

use jiff::Timestamp;
use jiff::civil::Date;

use super::{letters, people};
use crate::domain::complaint::{Complaint, State};
use crate::domain::decision::{Decision, NoticeDraft};
use crate::domain::event::{Arrival, Ordered, Right, View};
use crate::domain::fact::{ComplaintId, Fact, Fate, Role};
use crate::domain::house::Staff;
use crate::domain::notice::NoticeKind;
use crate::domain::order::{Order, OrderName, Reading};
use crate::domain::procedure::{Procedure, ReviewForm, Spoken, TermEvent};
use crate::domain::reply::{Done, OrderReply, Refusal};

/// What follows from an order in the shell.
pub(super) fn given(view: &View, complaint: &Complaint, ordered: &Ordered, now: Timestamp) -> Decision {
    let mut decision = carry_out(view, complaint, ordered, now);
    decision.actor = Some(ordered.by.clone());
    decision
}

/// What follows from a mail of staff with a valid token: the order, and a short answer to it.
pub(super) fn by_mail(
    view: &View,
    complaint: &Complaint,
    (arrival, ordered): (&Arrival, &Ordered),
    now: Timestamp,
) -> Decision {
    let mut decision = given(view, complaint, ordered, now);
    decision.facts.insert(0, letters::join(arrival, Role::Order));
    let reply = decision.reply.clone().filter(|reply| is_answered(complaint, ordered, reply, now));
    decision.notices.extend(reply.and_then(|reply| answer(view, ordered, reply)));
    decision.fate = Some((Fate::Order, String::new()));
    decision
}

/// The mail that answers an order.
pub(super) fn answer(view: &View, ordered: &Ordered, reply: OrderReply) -> Option<NoticeDraft> {
    let staff = view.house.staff(&ordered.by)?;
    let kind = match reply.outcome {
        Ok(_) => NoticeKind::StaffOrderDone,
        Err(_) => NoticeKind::StaffOrderRefused,
    };
    Some(NoticeDraft { reply: Some(reply), ..NoticeDraft::to_staff(kind, staff) })
}

/// Refusals of one person's mails in one complaint that are answered within a day: a machine that answers our answers
/// must come to an end.
const REFUSALS_A_DAY: usize = 10;

/// Refusals in a day after which a mail without any order, which may come from a machine, is not answered any more.
const WITHOUT_ORDER_A_DAY: usize = 3;

fn is_answered(complaint: &Complaint, ordered: &Ordered, reply: &OrderReply, now: Timestamp) -> bool {
    let limit = match reply.outcome {
        Ok(_) => return true,
        Err(Refusal::NoOrder) => WITHOUT_ORDER_A_DAY,
        Err(_) => REFUSALS_A_DAY,
    };
    let day = jiff::SignedDuration::from_hours(24);
    let recent = complaint.notices.iter().filter(|n| {
        n.notice.kind == NoticeKind::StaffOrderRefused
            && n.notice.to.eq_ignore_ascii_case(&ordered.by)
            && now.duration_since(n.queued_at) < day
    });
    recent.count() < limit
}

fn carry_out(view: &View, complaint: &Complaint, ordered: &Ordered, now: Timestamp) -> Decision {
    let mut work = Work::new(view, complaint, ordered, now);
    let (line, outcome) = match &ordered.reading {
        Reading::NoOrder => (String::new(), Err(Refusal::NoOrder)),
        Reading::Wrong(fault) => (fault.line.clone(), Err(Refusal::Typed(fault.clone()))),
        Reading::Orders(orders) => {
            let first = orders.first().map(|(_, line)| line.clone()).unwrap_or_default();
            let outcome = orders.iter().try_for_each(|(order, line)| work.one(order, line));
            work.seen_by_the_manager();
            (first, outcome)
        }
    };
    if let Err(refusal) = outcome {
        let possible = possible(complaint, view.procedure);
        let reply = OrderReply { order: line, outcome: Err(refusal), possible };
        return Decision { reply: Some(reply), ..Decision::default() };
    }
    let possible = possible(&work.complaint, view.procedure);
    let reply = OrderReply { order: line, outcome: Ok(work.done), possible };
    Decision {
        facts: work.facts,
        notices: work.notices,
        reply: Some(reply),
        elsewhere: work.elsewhere,
        ..Decision::default()
    }
}

/// Orders that are being carried out, one after the other, on a copy of the complaint.
struct Work<'a> {
    view: View<'a>,
    ordered: &'a Ordered,
    now: Timestamp,
    complaint: Complaint,
    facts: Vec<Fact>,
    notices: Vec<NoticeDraft>,
    done: Vec<Done>,
    elsewhere: Vec<(ComplaintId, Fact)>,
}

impl<'a> Work<'a> {
    fn new(view: &View<'a>, complaint: &Complaint, ordered: &'a Ordered, now: Timestamp) -> Self {
        Self {
            view: *view,
            ordered,
            now,
            complaint: complaint.clone(),
            facts: Vec::new(),
            notices: Vec::new(),
            done: Vec::new(),
            elsewhere: Vec::new(),
        }
    }

    /// Whoever orders something has the complaint before him: when that is the manager, it was handed over (webshop B7).
    fn seen_by_the_manager(&mut self) {
        let terms = self.complaint.terms(self.procedure(), self.now);
        let mut open =
            terms.iter().filter(|term| term.is_unmet()).filter_map(|t| self.procedure().term(&t.id));
        let awaited = open.any(|rule| rule.done_by.contains(&TermEvent::HandedOver));
        if awaited && !self.done.is_empty() && people::has_role(&self.view, &self.ordered.by, "manager") {
            self.happen(Fact::HandedOver);
            self.done.push(Done::HandedOver);
        }
    }

    fn one(&mut self, order: &Order, line: &str) -> Result<(), Refusal> {
        let name = order.name();
        if name == OrderName::Review && self.procedure().review.is_none() {
            return Err(Refusal::NoReview);
        }
        if !allows(name, self.complaint.state) {
            return Err(self.not_now(name));
        }
        if matches!(
            name,
            OrderName::Withdraw
                | OrderName::Close
                | OrderName::NotAComplaint
                | OrderName::Merge
                | OrderName::Spam
        ) && let Some(kind) = self.complaint.answer_under_way()
        {
            return Err(Refusal::UnderWay(kind));
        }
        self.happen(Fact::OrderGiven { order: line.to_owned() });
        match order {
            Order::Assign { to } => self.assign(to)?,
            Order::Extend { new_due, reason } => self.extend(*new_due, reason)?,
            Order::Ask { reply_by, text } => self.ask(*reply_by, text)?,
            Order::Contacted { text } => self.contacted(text),
            Order::HandedOver => self.handed_over(),
            Order::Note { text } => self.note(text),
            Order::About { person } => self.about(person)?,
            Order::Refer { body } => self.refer(body)?,
            Order::Answer { judgement, answer } => self.answer(*judgement, answer)?,
            Order::Review => self.review()?,
            Order::Invite { on, time, place } => self.invite(*on, *time, place.as_deref())?,
            Order::Minutes { answer } => self.minutes(answer)?,
            Order::Record { text, .. } => self.record(text)?,
            Order::Agreed { text } => self.agreed(text)?,
            Order::Withdraw => self.withdraw(),
            Order::Close { reason } => self.close(reason)?,
            Order::Reopen => self.reopen(),
            Order::NotAComplaint { reason } => self.not_a_complaint(reason),
            Order::Merge { into } => self.merge(into)?,
            Order::Spam => self.spam(),
            Order::Release => return Err(Refusal::NotSetAside),
            Order::Confirm => self.confirm_party()?,
            Order::Help => {}
        }
        Ok(())
    }

    fn not_now(&self, order: OrderName) -> Refusal {
        Refusal::State { order, state: self.complaint.state }
    }

    fn procedure(&self) -> &'a Procedure {
        self.view.procedure
    }

    fn today(&self) -> Date {
        self.view.procedure.rules.date(self.now)
    }

    /// The view with what was done so far.
    fn view(&self) -> View<'_> {
        View { complaint: Some(&self.complaint), ..self.view }
    }

    fn happen(&mut self, fact: Fact) {
        // A complaint that has begun takes every fact but another beginning and the end of an unknown notice: no order
        // makes either.
        let fits = self.complaint.happen(self.now, &fact);
        debug_assert!(fits.is_ok(), "{fits:?}");
        self.facts.push(fact);
    }

    /// A notice to the complainant that staff ordered.
    fn draft(&self, kind: NoticeKind) -> NoticeDraft {
        let mail = matches!(self.ordered.right, Right::Token);
        NoticeDraft {
            ordered: true,
            signed_by: mail.then(|| self.ordered.by.clone()),
            ..NoticeDraft::to_complainant(kind, &self.complaint.complainant, self.complaint.language)
        }
    }

    fn tell(&mut self, draft: NoticeDraft) {
        self.done.push(Done::Told(draft.kind));
        self.notices.push(draft);
    }

    /// A mail to those of staff who have the work now. The one who gave the order knows; but the mail about a new
    /// complaint, with its terms and the form, goes to whoever takes it over and has not had it.
    fn alert(&mut self, kind: NoticeKind, role: &str, handler: Option<&str>) {
        let told = people::responsible(&self.view(), handler, role);
        let is = |staff: &Staff, address: &str| staff.email.eq_ignore_ascii_case(address);
        let had =
            |s: &Staff| self.complaint.notices.iter().any(|n| n.notice.kind == kind && is(s, &n.notice.to));
        let told = told.into_iter().filter(|s| {
            let new = kind == NoticeKind::StaffNew && !had(s);
            new || !is(s, &self.ordered.by)
        });
        let term = self.respond_term().filter(|_| kind == NoticeKind::StaffNew);
        let draft = |staff| NoticeDraft { term: term.clone(), ..NoticeDraft::to_staff(kind, staff) };
        let drafts: Vec<NoticeDraft> = told.map(draft).collect();
        self.notices.extend(drafts);
    }
}

/// The orders that are possible now, in the order in which they are listed to staff.
pub fn possible(complaint: &Complaint, procedure: &Procedure) -> Vec<OrderName> {
    let fits = |order: &OrderName| match order {
        OrderName::Review => procedure.review.is_some(),
        OrderName::Invite | OrderName::Minutes => {
            procedure.review.as_ref().is_some_and(|review| review.form == ReviewForm::Interview)
        }
        OrderName::Record | OrderName::Agreed => {
            procedure.intake.spoken == Spoken::RecordAndAgree && complaint.spoken
        }
        OrderName::HandedOver => procedure.term_done_by(TermEvent::HandedOver).is_some(),
        OrderName::Refer => !procedure.external.is_empty(),
        OrderName::Extend => procedure.terms.iter().any(|term| {
            let of_review = term.done_by.contains(&TermEvent::ReviewOutcomeSent);
            term.extend.is_some() && (complaint.state != State::InReview || of_review)
        }),
        OrderName::Release => false,
        OrderName::Confirm => complaint.outsider().is_some(),
        OrderName::Answer
        | OrderName::Ask
        | OrderName::Assign
        | OrderName::Contacted
        | OrderName::Withdraw
        | OrderName::Close
        | OrderName::Reopen
        | OrderName::NotAComplaint
        | OrderName::Merge
        | OrderName::About
        | OrderName::Note
        | OrderName::Spam
        | OrderName::Help => true,
    };
    OrderName::ALL.into_iter().filter(|order| allows(*order, complaint.state)).filter(fits).collect()
}

/// The table of transitions (domain 2.2): what may be ordered in which state.
const fn allows(order: OrderName, state: State) -> bool {
    use State::{Agreeing, Answered, Asking, Closed, Erased, InReview, Open};
    match order {
        OrderName::Answer => matches!(state, Open | Asking | InReview),
        OrderName::Extend | OrderName::Ask => matches!(state, Open | Asking | InReview),
        OrderName::Assign | OrderName::Contacted | OrderName::About => {
            matches!(state, Agreeing | Open | Asking | Answered | InReview)
        }
        OrderName::HandedOver | OrderName::Refer => matches!(state, Open | Asking | Answered | InReview),
        OrderName::Review => matches!(state, Answered | Closed),
        OrderName::Invite | OrderName::Minutes => matches!(state, InReview),
        OrderName::Record | OrderName::Agreed => matches!(state, Agreeing),
        OrderName::Withdraw | OrderName::Close => {
            matches!(state, Agreeing | Open | Asking | Answered | InReview)
        }
        OrderName::NotAComplaint | OrderName::Merge | OrderName::Spam => {
            matches!(state, Agreeing | Open | Asking)
        }
        OrderName::Reopen => matches!(state, Answered | Closed),
        OrderName::Note => !matches!(state, Erased),
        // These answer for themselves.
        OrderName::Release | OrderName::Confirm | OrderName::Help => true,
    }
}
