//! Orders that answer: the outcome, the review, the conversation and its minutes.

use jiff::Timestamp;
use jiff::civil::{Date, Time, time};

use super::Work;
use crate::domain::complaint::State;
use crate::domain::decide::letters::id_of;
use crate::domain::decide::people;
use crate::domain::decision::NoticeDraft;
use crate::domain::event::Right;
use crate::domain::fact::{Fact, Role};
use crate::domain::notice::NoticeKind;
use crate::domain::order::{Answer, OrderName, Section};
use crate::domain::procedure::{Judgement, Review, ReviewForm, TermEvent};
use crate::domain::reply::{Done, Refusal};

/// The time of a conversation for which none was named: it decides nothing but the day from which the minutes count.
const NOON: Time = time(12, 0, 0, 0);

impl Work<'_> {
    /// Procedure: `OmniStock` A9 to A11; webshop B11; `WebSec` C11; Ingressus D8.
    pub(super) fn answer(&mut self, judgement: Option<Judgement>, answer: &Answer) -> Result<(), Refusal> {
        if self.complaint.state == State::InReview {
            return self.review_outcome(judgement, answer);
        }
        if self.complaint.is_under_way(TermEvent::OutcomeSent) {
            return Err(Refusal::UnderWay(NoticeKind::Outcome));
        }
        let judgement = judgement.ok_or(Refusal::JudgementMissing)?;
        self.known(judgement)?;
        self.states_all("outcome", answer)?;
        self.settles_in_time(answer)?;
        self.happen(Fact::Judged { judgement });
        self.done.push(Done::Answered { judgement });
        let draft = NoticeDraft {
            term: self.respond_term(),
            effect: Some(TermEvent::OutcomeSent),
            ..self.draft(NoticeKind::Outcome)
        };
        self.tell(filled(draft, answer).with("judgement", judgement.as_str()));
        Ok(())
    }

    fn known(&self, judgement: Judgement) -> Result<(), Refusal> {
        let known = self.procedure().outcome.judgement.contains(&judgement);
        if known { Ok(()) } else { Err(Refusal::JudgementUnknown(judgement)) }
    }

    /// What the procedure obliges the notice to state and only a person can know must stand under its heading.
    fn states_all(&self, notice: &str, answer: &Answer) -> Result<(), Refusal> {
        let obliged = obliged(self.procedure().must_state(notice));
        let is_missing = |section: &Section| match section {
            Section::By => answer.settlement_date.is_none(),
            other => !answer.sections.contains_key(other),
        };
        let missing: Vec<Section> = obliged.into_iter().filter(is_missing).collect();
        if missing.is_empty() { Ok(()) } else { Err(Refusal::Missing(missing)) }
    }

    /// Nobody is promised a day that has passed.
    fn settles_in_time(&self, answer: &Answer) -> Result<(), Refusal> {
        match answer.settlement_date {
            Some(date) if date < self.today() => Err(Refusal::Past(date)),
            _ => Ok(()),
        }
    }

    /// Procedure: webshop B13 to B15; Ingressus D9. The window counts to the receipt of the letter; a late objection
    /// is staff's to decide on, never the machine's (domain 1.5 X12).
    pub(super) fn review(&mut self) -> Result<(), Refusal> {
        let review = self.procedure().review.clone().ok_or(Refusal::NoReview)?;
        let Some(answered_at) = self.complaint.effected_at(TermEvent::OutcomeSent) else {
            return Err(self.not_now(OrderName::Review));
        };
        let asked = self.first_letter_after(Some(answered_at));
        let asked_at = asked.map_or(self.now, |(_, at)| at);
        let late = self.window_ended_before(&review, asked_at);
        self.happen(Fact::ReviewRequested { asked_at, late, letter: asked.map(|(n, _)| n) });
        let asked_on = self.procedure().rules.date(asked_at);
        self.done.push(Done::ReviewBegun { asked_on, late });
        let draft = self.draft(NoticeKind::ReviewReceived).with("received", asked_at.to_string());
        self.tell(draft);
        self.alert(NoticeKind::StaffReview, &review.by, None);
        Ok(())
    }

    /// The first letter of a party that came after that moment, by its number from 1: of several the earliest counts, as
    /// the complainant may read it (domain 1.5 X3). A stranger's letter in the thread dates nothing.
    pub(super) fn first_letter_after(&self, event: Option<Timestamp>) -> Option<(usize, Timestamp)> {
        let letters = self.complaint.letters.iter().enumerate();
        let of_parties =
            letters.filter(|(_, l)| l.role == Role::FollowUp && self.complaint.is_party(&l.letter.from));
        let dated = of_parties.map(|(n, l)| (n + 1, l.letter.received_at));
        dated.filter(|(_, at)| event.is_none_or(|event| *at > event)).min_by_key(|(_, at)| *at)
    }

    fn window_ended_before(&self, review: &Review, asked_at: Timestamp) -> bool {
        let terms = self.complaint.terms(self.procedure(), self.now);
        let window = review.window.as_ref().and_then(|id| terms.into_iter().find(|t| t.id == *id));
        window.is_some_and(|term| term.due_before <= asked_at)
    }

    fn conversation(&self) -> Result<Review, Refusal> {
        let review = self.procedure().review.clone().ok_or(Refusal::NoReview)?;
        if review.form == ReviewForm::Interview { Ok(review) } else { Err(Refusal::NoInterview) }
    }

    /// Procedure: Ingressus D10.
    pub(super) fn invite(
        &mut self,
        on: Date,
        time: Option<Time>,
        place: Option<&str>,
    ) -> Result<(), Refusal> {
        self.conversation()?;
        let at = self.procedure().rules.at(on, time.unwrap_or(NOON));
        if on < self.today() || (time.is_some() && at < self.now) {
            return Err(Refusal::Past(on));
        }
        self.happen(Fact::Invited { at });
        self.done.push(Done::Invited { on });
        let draft = NoticeDraft {
            effect: Some(TermEvent::InterviewInvited),
            term: id_of(self.procedure().term_done_by(TermEvent::InterviewInvited)),
            ..self.draft(NoticeKind::InterviewInvitation)
        };
        let time = time.map(|t| t.strftime("%H:%M").to_string()).unwrap_or_default();
        let draft = draft.with("invite_date", on.to_string()).with("invite_time", time);
        self.tell(draft.with("invite_place", place.unwrap_or_default()));
        Ok(())
    }

    /// Procedure: Ingressus D11: recorded in writing, whether or not it helped. Nobody records what is still to be said;
    /// without an invitation of ours the day is not known, and staff are believed.
    pub(super) fn minutes(&mut self, answer: &Answer) -> Result<(), Refusal> {
        self.conversation()?;
        let on = self.complaint.conversation_at().map(|at| self.procedure().rules.date(at));
        if let Some(on) = on.filter(|on| self.today() < *on) {
            return Err(Refusal::NotHeldYet(on));
        }
        self.review_outcome(None, answer)
    }

    /// A review is no second look of the one who answered: by mail only those whom the procedure names send its outcome.
    /// Where none of staff has that role, somebody must.
    fn may_review(&self) -> Result<(), Refusal> {
        let (view, by) = (self.view(), self.ordered.by.as_str());
        let Some(review) = self.procedure().review.as_ref().filter(|_| self.ordered.right == Right::Token)
        else {
            return Ok(());
        };
        let reviews = |email: &str| people::has_role(&view, email, &review.by);
        let known: Vec<String> =
            people::workers(&view).filter(|s| reviews(&s.email)).map(|s| s.email.clone()).collect();
        if known.is_empty() || reviews(by) { Ok(()) } else { Err(Refusal::NotReviewer { known }) }
    }

    fn review_outcome(&mut self, judgement: Option<Judgement>, answer: &Answer) -> Result<(), Refusal> {
        if self.complaint.is_under_way(TermEvent::ReviewOutcomeSent) {
            return Err(Refusal::UnderWay(NoticeKind::ReviewOutcome));
        }
        self.may_review()?;
        self.states_all("review_outcome", answer)?;
        self.settles_in_time(answer)?;
        if let Some(judgement) = judgement {
            self.known(judgement)?;
            self.happen(Fact::Judged { judgement });
        }
        self.done.push(Done::ReviewAnswered);
        let draft = NoticeDraft {
            effect: Some(TermEvent::ReviewOutcomeSent),
            term: id_of(self.procedure().term_done_by(TermEvent::ReviewOutcomeSent)),
            ..self.draft(NoticeKind::ReviewOutcome)
        };
        let draft = filled(draft, answer);
        self.tell(match judgement {
            Some(judgement) => draft.with("judgement", judgement.as_str()),
            None => draft,
        });
        Ok(())
    }
}

/// The headings for those elements of `must_state` that the program can't fill itself, in the order of the headings.
pub fn obliged(elements: &[String]) -> Vec<Section> {
    let mut sections: Vec<Section> = elements.iter().filter_map(|e| Section::of_element(e)).collect();
    sections.sort_unstable();
    sections
}

fn filled(draft: NoticeDraft, answer: &Answer) -> NoticeDraft {
    let texts = answer.sections.iter().filter(|(section, _)| **section != Section::By);
    let draft = texts.fold(draft, |draft, (section, text)| draft.with(section.element(), text.clone()));
    match answer.settlement_date {
        Some(date) => draft.with(Section::By.element(), date.to_string()),
        None => draft,
    }
}
