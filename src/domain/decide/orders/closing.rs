//! Orders that end a complaint, and the one that opens it again.

use super::Work;
use crate::domain::complaint::{CloseReason, Complaint, State};
use crate::domain::decide::letters::id_of;
use crate::domain::decision::NoticeDraft;
use crate::domain::fact::Fact;
use crate::domain::mail::Party;
use crate::domain::notice::NoticeKind;
use crate::domain::procedure::{Force, TermEvent};
use crate::domain::reply::{Done, Refusal};
use crate::domain::term::TermView;

/// The first word after `#close` that says why: Dutch and English.
const WORDS: [(&str, CloseReason); 14] = [
    ("opgelost", CloseReason::Resolved),
    ("resolved", CloseReason::Resolved),
    ("solved", CloseReason::Resolved),
    ("tevreden", CloseReason::Resolved),
    ("satisfied", CloseReason::Resolved),
    ("beantwoord", CloseReason::Answered),
    ("answered", CloseReason::Answered),
    ("ingetrokken", CloseReason::Withdrawn),
    ("withdrawn", CloseReason::Withdrawn),
    ("doorverwezen", CloseReason::Referred),
    ("referred", CloseReason::Referred),
    ("vervallen", CloseReason::Lapsed),
    ("lapsed", CloseReason::Lapsed),
    ("afgesloten", CloseReason::Answered),
];

impl Work<'_> {
    pub(super) fn withdraw(&mut self) {
        self.end(CloseReason::Withdrawn, None, None);
        self.tell_closed();
    }

    pub(super) fn close(&mut self, reason: &str) -> Result<(), Refusal> {
        let (why, words) = named(reason);
        let why = self.close_reason(why)?;
        // It takes the place of an answer: the complainant reads how.
        let unanswered = matches!(self.complaint.state, State::Open | State::Asking | State::InReview);
        if why == CloseReason::Resolved && unanswered && words.is_none() {
            return Err(Refusal::HowResolved);
        }
        self.end(why, words, None);
        self.tell_closed();
        Ok(())
    }

    /// A complaint that was never answered is closed only for a reason that takes the place of an answer: the promise
    /// of one is not ended by a word.
    fn close_reason(&self, named: Option<CloseReason>) -> Result<CloseReason, Refusal> {
        match (self.complaint.state, named) {
            (_, Some(reason @ (CloseReason::Resolved | CloseReason::Withdrawn))) => Ok(reason),
            (State::Answered, named) => Ok(named.unwrap_or(CloseReason::Answered)),
            (State::Agreeing, Some(CloseReason::Lapsed) | None) => Ok(CloseReason::Lapsed),
            (_, Some(CloseReason::Referred)) if !self.complaint.referred_to.is_empty() => {
                Ok(CloseReason::Referred)
            }
            (
                State::Agreeing
                | State::Open
                | State::Asking
                | State::InReview
                | State::Closed
                | State::Erased,
                _,
            ) => Err(Refusal::Unanswered),
        }
    }

    pub(super) fn not_a_complaint(&mut self, reason: &str) {
        self.end(CloseReason::NotAComplaint, Some(reason.to_owned()), None);
        self.tell_closed();
    }

    /// Nobody answers spam.
    pub(super) fn spam(&mut self) {
        self.end(CloseReason::NotAComplaint, Some("spam".to_owned()), None);
        self.done.push(Done::Spam);
    }

    pub(super) fn merge(&mut self, into: &str) -> Result<(), Refusal> {
        let Some(other) = &self.ordered.other else { return Err(Refusal::NoComplaint(into.to_owned())) };
        if other.id == self.complaint.id {
            return Err(Refusal::Itself);
        }
        if other.mailbox != self.complaint.mailbox {
            return Err(Refusal::OtherMailbox(other.mailbox.clone()));
        }
        if !other.state.is_open() {
            return Err(Refusal::OtherClosed(other.reference.clone()));
        }
        if self.is_due_before(other) {
            return Err(Refusal::MergeOther(other.reference.clone()));
        }
        let into = other.reference.clone();
        let party = Party { name: None, email: self.complaint.complainant.email.clone() };
        let absorbed = Fact::Absorbed { reference: self.complaint.reference.clone(), party };
        self.elsewhere.push((other.id, absorbed));
        self.end(CloseReason::Duplicate, None, Some(into.clone()));
        self.done.push(Done::Merged { into });
        self.tell_closed();
        Ok(())
    }

    /// Whether something that the complainant was promised ends here before it does in the other complaint, or would
    /// not run there at all because that one waits for agreement: merged into it, the promise would be gone.
    fn is_due_before(&self, other: &Complaint) -> bool {
        if other.state == State::Agreeing && self.complaint.state != State::Agreeing {
            return true;
        }
        let promised = |complaint: &Complaint| -> Vec<TermView> {
            let terms = complaint.terms(self.procedure(), self.now).into_iter();
            let bind = |t: &TermView| matches!(t.force, Force::Promise | Force::Statute) && t.who != "system";
            terms.filter(|t| t.is_unmet() && bind(t)).collect()
        };
        let others = promised(other);
        let later = |here: &TermView| others.iter().any(|there| there.id == here.id && here.due < there.due);
        promised(&self.complaint).iter().any(later)
    }

    pub(super) fn end(&mut self, reason: CloseReason, words: Option<String>, into: Option<String>) {
        self.happen(Fact::Closed { reason, words, into });
        self.done.push(Done::Closed(reason));
    }

    fn tell_closed(&mut self) {
        let draft = self.draft(NoticeKind::Closing);
        self.tell(draft);
    }

    /// The new day 0 is that of the first letter that came after the end; without one it is today.
    pub(super) fn reopen(&mut self) {
        let ended = self.complaint.closing.as_ref().map(|closing| closing.at);
        let ended = ended.or_else(|| self.complaint.effected_at(TermEvent::OutcomeSent));
        let received_at = self.first_letter_after(ended).map_or(self.now, |(_, at)| at);
        self.happen(Fact::Reopened { received_at });
        let day0 = self.procedure().rules.date(received_at);
        self.done.push(Done::Reopened { day0 });
        let draft = NoticeDraft {
            effect: Some(TermEvent::AckSent),
            term: id_of(self.procedure().term_done_by(TermEvent::AckSent)),
            ..self.draft(NoticeKind::Acknowledgement)
        };
        self.tell(draft.with("reopened", day0.to_string()));
    }
}

/// The reason that the first word names, and the words as they are told.
fn named(reason: &str) -> (Option<CloseReason>, Option<String>) {
    let reason = reason.trim();
    let (first, rest) = reason.split_once(char::is_whitespace).unwrap_or((reason, ""));
    let word = first.trim_end_matches([':', ',', '.', ';']).to_lowercase();
    match WORDS.iter().find(|(known, _)| *known == word) {
        Some((_, why)) => (Some(*why), Some(rest.trim().to_owned()).filter(|rest| !rest.is_empty())),
        None => (None, Some(reason.to_owned()).filter(|reason| !reason.is_empty())),
    }
}
