//! Orders while a complaint is handled: who, by when, what is asked, what was done.

use jiff::civil::Date;

use super::Work;
use crate::domain::complaint::State;
use crate::domain::decide::letters::id_of;
use crate::domain::decide::people;
use crate::domain::decision::NoticeDraft;
use crate::domain::fact::{Fact, Promise};
use crate::domain::notice::NoticeKind;
use crate::domain::procedure::{Extend, TermEvent};
use crate::domain::reply::{Done, Refusal};
use crate::domain::term::TermView;

/// Working days in which the complainant is asked to answer a question, when staff name no day.
const REPLY_DAYS: u32 = 5;

/// Roles that take over from a handler who is the person complained about, in this order.
const SUBSTITUTES: [&str; 5] = ["substitute", "manager", "committee", "board", "confidant"];

impl Work<'_> {
    pub(super) fn assign(&mut self, to: &str) -> Result<(), Refusal> {
        if self.complaint.is_about(to) {
            return Err(Refusal::ComplainedAbout(to.to_owned()));
        }
        let known = people::assignable(&self.view());
        if !known.iter().any(|address| address.eq_ignore_ascii_case(to)) {
            return Err(Refusal::NoStaff { address: to.to_owned(), known });
        }
        let before = self.complaint.handler.clone();
        let changed = before.as_ref().is_none_or(|handler| !handler.eq_ignore_ascii_case(to));
        self.done.push(Done::Assigned { to: to.to_owned(), changed });
        self.hand_to(Some(to.to_owned()), changed);
        if let Some(before) = before.filter(|_| changed) {
            self.relieve(&before);
        }
        Ok(())
    }

    /// Who had it before learns who has it now; never the person complained about.
    fn relieve(&mut self, before: &str) {
        let view = self.view();
        let told = people::workers(&view).find(|s| s.email.eq_ignore_ascii_case(before));
        let told = told.filter(|s| !s.email.eq_ignore_ascii_case(&self.ordered.by));
        let draft =
            told.map(|s| NoticeDraft::to_staff(NoticeKind::StaffAssign, s).with("hint", "taken_over"));
        self.notices.extend(draft);
    }

    /// The complainant is told when the handler changes, and not when he stays.
    fn hand_to(&mut self, handler: Option<String>, changed: bool) {
        self.happen(Fact::Assigned { handler: handler.clone() });
        if handler.is_none() {
            // Nobody has it now: whoever is left decides who takes it.
            self.alert(NoticeKind::StaffAssign, "manager", None);
        }
        let Some(to) = handler.filter(|_| changed) else { return };
        if matches!(self.complaint.state, State::Open | State::Asking | State::InReview) {
            let draft = NoticeDraft { term: self.respond_term(), ..self.draft(NoticeKind::HandlerChanged) };
            self.tell(draft);
        }
        self.alert(NoticeKind::StaffNew, "handler", Some(&to));
    }

    pub(super) fn respond_term(&self) -> Option<String> {
        id_of(self.procedure().answering_term())
    }

    pub(super) fn extend(&mut self, new_due: Date, reason: &str) -> Result<(), Refusal> {
        let (term, extend) = self.extendable()?;
        if self.complaint.is_under_way(TermEvent::OutcomeSent) {
            return Err(Refusal::UnderWay(NoticeKind::Outcome));
        }
        // Of two that are on their way, the one that arrives last would count.
        if self.promised(&term.id).is_some() {
            return Err(Refusal::UnderWay(NoticeKind::Progress));
        }
        if new_due <= term.due {
            return Err(Refusal::NotLater(term.due));
        }
        if new_due < self.today() {
            return Err(Refusal::Past(new_due));
        }
        let rules = &self.procedure().rules;
        let last = extend.max.map(|max| max.after(term.first_due, &rules.calendar));
        if let Some(last) = last.filter(|last| new_due > *last) {
            return Err(Refusal::TooFar(last));
        }
        let late_from = term.extend_until.map_or(term.due_before, |last| rules.end_of(last));
        let promise = Promise {
            term: term.id.clone(),
            old_due: term.due,
            new_due,
            reason: reason.to_owned(),
            late_from,
        };
        let late = self.now >= late_from;
        self.done.push(Done::Extended { term: term.id.clone(), new_due, late });
        let draft = self.draft(NoticeKind::Progress);
        self.tell(NoticeDraft { term: Some(term.id), promise: Some(promise), ..draft });
        Ok(())
    }

    /// The later date for this term that is on its way to the complainant, or was ordered in this mail.
    fn promised(&self, term: &str) -> Option<Date> {
        let ordered = self.notices.iter().filter_map(|draft| draft.promise.as_ref());
        let ordered = ordered.filter(|promise| promise.term == term).map(|promise| promise.new_due);
        ordered.max().max(self.complaint.promised(term))
    }

    /// By when the complainant has our answer: the date of the term, or the later one that is on its way.
    fn answered_by(&self) -> Option<Date> {
        let event = match self.complaint.state {
            State::InReview => TermEvent::ReviewOutcomeSent,
            _ => TermEvent::OutcomeSent,
        };
        let rule = self.procedure().term_done_by(event)?;
        let terms = self.complaint.terms(self.procedure(), self.now);
        let due = terms.iter().find(|term| term.id == rule.id && term.is_unmet())?.due;
        self.promised(&rule.id).max(Some(due))
    }

    /// The first term that still has to be met and whose clause gives a right to more time.
    fn extendable(&self) -> Result<(TermView, Extend), Refusal> {
        let terms = self.complaint.terms(self.procedure(), self.now);
        let mut unmet = terms.into_iter().filter(TermView::is_unmet);
        let with_rule = |term: TermView| {
            let extend = self.procedure().term(&term.id)?.extend.clone()?;
            Some((term, extend))
        };
        let (term, extend) = unmet.find_map(with_rule).ok_or(Refusal::NotExtendable)?;
        match extend.times {
            Some(times) if term.extend_until.is_none() => Err(Refusal::ExtendedTooOften(times)),
            _ => Ok((term, extend)),
        }
    }

    pub(super) fn ask(&mut self, reply_by: Option<Date>, text: &str) -> Result<(), Refusal> {
        let rules = &self.procedure().rules;
        // What has passed bounds nothing: the answer is late whatever is asked.
        let answered_by = self.answered_by().filter(|due| *due >= self.today());
        let usual = rules.calendar.add_working_days(self.today(), REPLY_DAYS);
        let reply_by = reply_by.unwrap_or_else(|| answered_by.map_or(usual, |due| usual.min(due)));
        if reply_by < self.today() {
            return Err(Refusal::Past(reply_by));
        }
        if let Some(due) = answered_by.filter(|due| reply_by > *due) {
            return Err(Refusal::AfterOurAnswer(due));
        }
        if self.complaint.state != State::InReview {
            self.happen(Fact::InfoRequested { reply_by });
        }
        self.done.push(Done::Asked { reply_by });
        let draft = NoticeDraft { term: self.respond_term(), ..self.draft(NoticeKind::InfoRequest) };
        self.tell(draft.with("questions", text).with("reply_by", reply_by.to_string()));
        Ok(())
    }

    pub(super) fn contacted(&mut self, text: &str) {
        self.happen(Fact::ContactMade { text: text.to_owned() });
        self.done.push(Done::Contacted);
    }

    pub(super) fn handed_over(&mut self) {
        self.happen(Fact::HandedOver);
        self.done.push(Done::HandedOver);
    }

    /// Who wrote in the thread from another address than the complainant's belongs to the complaint from now on.
    pub(super) fn confirm_party(&mut self) -> Result<(), Refusal> {
        let address = self.complaint.outsider().ok_or(Refusal::NothingToConfirm)?.to_owned();
        self.happen(Fact::PartyConfirmed { address: address.clone() });
        self.done.push(Done::PartyConfirmed { address });
        Ok(())
    }

    pub(super) fn note(&mut self, text: &str) {
        self.happen(Fact::Noted { text: text.to_owned() });
        self.done.push(Done::Noted);
    }

    /// The person complained about handles nothing and hears nothing (domain 1.5 X14).
    pub(super) fn about(&mut self, person: &str) -> Result<(), Refusal> {
        let is = |address: &String| address.eq_ignore_ascii_case(person);
        let known =
            self.view.house.staff(person).is_some() || people::assignable(&self.view()).iter().any(is);
        self.happen(Fact::AboutNamed { person: person.to_owned() });
        if people::workers(&self.view()).next().is_none() {
            return Err(Refusal::NobodyLeft(person.to_owned()));
        }
        self.done.push(Done::AboutNamed { person: person.to_owned(), known });
        let handler = self.complaint.handler.clone();
        if handler.is_some_and(|handler| self.complaint.is_about(&handler)) {
            let free = |address: &String| !self.complaint.is_about(address);
            let by = SUBSTITUTES.iter().find_map(|role| people::address(&self.view, role).filter(free));
            self.done.push(Done::HandlerReplaced { by: by.clone() });
            self.hand_to(by, true);
        }
        Ok(())
    }

    pub(super) fn refer(&mut self, body: &str) -> Result<(), Refusal> {
        let procedure = self.procedure();
        let Some(external) = procedure.external.iter().find(|b| b.id.eq_ignore_ascii_case(body)) else {
            let known = procedure.external.iter().map(|b| b.id.clone()).collect();
            return Err(Refusal::NoBody { id: body.to_owned(), known });
        };
        let route = procedure.route.iter().find(|route| route.refer == external.id);
        self.happen(Fact::Referred {
            body: external.id.clone(),
            subject: route.and_then(|route| route.when.subject.clone()),
            complainant: route.and_then(|route| route.when.complainant.clone()),
        });
        self.done.push(Done::Referred { body: external.name.clone() });
        let draft = NoticeDraft { term: self.respond_term(), ..self.draft(NoticeKind::Referral) };
        self.tell(draft.with("body", external.id.clone()));
        if route.is_some_and(|route| !route.keep_open) {
            self.end(crate::domain::complaint::CloseReason::Referred, None, None);
        }
        Ok(())
    }
}
