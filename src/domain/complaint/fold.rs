//! How facts make a complaint, one after the other.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    CloseReason, Closing, Complaint, LetterRecord, Mark, NoticeRecord, NoticeStatus, Objection, Question,
    Record, State,
};
use crate::domain::fact::{ComplaintId, Fact, Notice, NoticeId, Received, Role, Settlement};
use crate::domain::notice::NoticeKind;
use crate::domain::procedure::TermEvent;

/// A fact that does not fit what went before: the journal is damaged or was edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The journal does not begin with the receipt, or has two.
    #[error("a complaint begins with exactly one receipt; found {0:?}")]
    Beginning(&'static str),
    /// A settlement names a notice that was never queued.
    #[error("notice {0:?} was settled but never queued")]
    NoSuchNotice(NoticeId),
}

impl Complaint {
    /// The complaint that a receipt makes.
    pub fn begin(id: ComplaintId, received: &Received) -> Self {
        Self {
            id,
            reference: received.reference.clone(),
            shown_reference: received.shown_reference.clone(),
            mailbox: received.mailbox.clone(),
            procedure: received.procedure.clone(),
            state: if received.spoken { State::Agreeing } else { State::Open },
            channel: received.channel,
            language: received.language,
            subject: received.subject.clone(),
            received_at: received.letter.received_at,
            complainant: received.complainant.clone(),
            handler: received.handler.clone(),
            fields: received.fields.clone(),
            letters: vec![LetterRecord { letter: received.letter.clone(), role: Role::Complaint }],
            notices: Vec::new(),
            warned: BTreeMap::new(),
            silence: received.silence.clone(),
            safety_net_acted: false,
            spoken: received.spoken,
            closing: None,
            judgement: None,
            about: Vec::new(),
            referred_to: Vec::new(),
            record: None,
            question: None,
            objection: None,
            parties: Vec::new(),
            waits_for_staff: false,
            marks: Vec::new(),
            entries: 1,
        }
    }

    /// Folds a whole journal.
    ///
    /// # Errors
    /// [`Misfit`] when the facts can't have happened in this order.
    pub fn fold<'a>(
        id: ComplaintId,
        facts: impl IntoIterator<Item = (Timestamp, &'a Fact)>,
    ) -> Result<Self, Misfit> {
        let mut complaint: Option<Self> = None;
        for (at, fact) in facts {
            complaint = Some(Self::after(complaint, id, at, fact)?);
        }
        complaint.ok_or(Misfit::Beginning("nothing"))
    }

    /// The complaint after one more fact; before the first there is none.
    ///
    /// # Errors
    /// As [`Complaint::fold`].
    pub fn after(before: Option<Self>, id: ComplaintId, at: Timestamp, fact: &Fact) -> Result<Self, Misfit> {
        match (before, fact) {
            (None, Fact::Received(received)) => Ok(Self::begin(id, received)),
            (None, other) => Err(Misfit::Beginning(other.name())),
            (Some(_), Fact::Received(_)) => Err(Misfit::Beginning("a second receipt")),
            (Some(mut complaint), fact) => complaint.apply(at, fact).map(|()| complaint),
        }
    }

    /// One more fact happens to this complaint; as [`Complaint::after`], without a copy.
    ///
    /// # Errors
    /// As [`Complaint::fold`]; then nothing has changed but the count of entries.
    pub fn happen(&mut self, at: Timestamp, fact: &Fact) -> Result<(), Misfit> {
        match fact {
            Fact::Received(_) => Err(Misfit::Beginning("a second receipt")),
            fact => self.apply(at, fact),
        }
    }

    fn apply(&mut self, at: Timestamp, fact: &Fact) -> Result<(), Misfit> {
        self.entries += 1;
        match fact {
            Fact::LetterJoined { letter, role, fields, shown_reference, .. } => {
                self.letters.push(LetterRecord { letter: letter.clone(), role: *role });
                self.waits_for_staff |= *role == Role::FollowUp;
                self.fields.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
                if let Some(shown) = shown_reference {
                    self.shown_reference.clone_from(shown);
                }
            }
            Fact::NoticeQueued(notice) => {
                // An answer, an invitation or a later date is what a letter waits for; that another handles it is not.
                self.waits_for_staff &= notice.promise.is_none() && notice.effect.is_none();
                self.notices.push(NoticeRecord::new(notice, at));
            }
            Fact::NoticeSettled { notice, settlement } => self.settle(at, *notice, settlement)?,
            Fact::StaffWarned { alerts } => {
                for alert in alerts {
                    self.warned.insert(alert.term.clone(), (alert.rung, alert.step));
                }
            }
            Fact::SafetyNetActed { .. } => self.safety_net_acted = true,
            // A note says that a letter was read and asks for nothing.
            Fact::Noted { .. } => self.waits_for_staff = false,
            // These are on record; what an order does are facts of its own. The last two never belong to a running
            // complaint.
            Fact::OrderGiven { .. }
            | Fact::NoticeRefused { .. }
            | Fact::AlsoIn { .. }
            | Fact::LetterKept { .. }
            | Fact::Received(_) => {}
            Fact::Assigned { .. }
            | Fact::HandedOver
            | Fact::ContactMade { .. }
            | Fact::InfoRequested { .. }
            | Fact::InfoReceived
            | Fact::Judged { .. }
            | Fact::Referred { .. }
            | Fact::AboutNamed { .. }
            | Fact::Absorbed { .. }
            | Fact::PartyConfirmed { .. } => self.handle(at, fact),
            Fact::ReviewRequested { .. }
            | Fact::Invited { .. }
            | Fact::RecordMade { .. }
            | Fact::RecordAgreed { .. }
            | Fact::Closed { .. }
            | Fact::Reopened { .. } => self.advance(at, fact),
        }
        Ok(())
    }

    /// What staff do while they handle it.
    fn handle(&mut self, at: Timestamp, fact: &Fact) {
        match fact {
            Fact::Assigned { handler } => {
                self.handler.clone_from(handler);
                if handler.is_some() {
                    self.mark(TermEvent::Assigned, at);
                }
            }
            Fact::HandedOver => self.mark(TermEvent::HandedOver, at),
            Fact::ContactMade { .. } => {
                self.waits_for_staff = false;
                self.mark(TermEvent::ContactMade, at);
            }
            Fact::InfoRequested { reply_by } => {
                self.waits_for_staff = false;
                self.question = Some(Question { asked_at: at, reply_by: *reply_by });
                self.state = State::Asking;
            }
            Fact::InfoReceived => self.no_question(),
            Fact::Judged { judgement } => {
                self.waits_for_staff = false;
                self.judgement = Some(*judgement);
            }
            Fact::Referred { body, subject, complainant } => {
                if !self.referred_to.contains(body) {
                    self.referred_to.push(body.clone());
                }
                let told = [("subject", subject), ("consumer_or_business", complainant)];
                let told = told.into_iter().filter_map(|(name, word)| Some((name.to_owned(), word.clone()?)));
                self.fields.extend(told);
            }
            Fact::AboutNamed { person } if !self.about.contains(person) => self.about.push(person.clone()),
            Fact::Absorbed { party, .. } => self.parties.push(party.email.clone()),
            Fact::PartyConfirmed { address } => self.parties.push(address.clone()),
            _ => {}
        }
    }

    /// What moves it from stage to stage.
    fn advance(&mut self, at: Timestamp, fact: &Fact) {
        self.waits_for_staff = false;
        match fact {
            Fact::ReviewRequested { asked_at, late, letter } => {
                self.objection = Some(Objection { asked_at: *asked_at, late: *late });
                self.closing = None;
                self.state = State::InReview;
                self.mark(TermEvent::ReviewRequested, *asked_at);
                if let Some(record) =
                    letter.and_then(|n| n.checked_sub(1)).and_then(|n| self.letters.get_mut(n))
                {
                    record.role = Role::Objection;
                }
            }
            Fact::Invited { at: held } => self.mark(TermEvent::InterviewHeld, *held),
            Fact::RecordMade { version, text } => {
                self.record = Some(Record { version: *version, text: text.clone(), made_at: at });
            }
            Fact::RecordAgreed { at: agreed_at, written } => {
                self.state = State::Open;
                let event = if *written { TermEvent::Received } else { TermEvent::RecordAgreed };
                self.mark(event, *agreed_at);
            }
            Fact::Closed { reason, words, into } => {
                let closing = Closing { reason: *reason, words: words.clone(), into: into.clone(), at };
                self.closing = Some(closing);
                self.question = None;
                self.state = State::Closed;
                self.mark(TermEvent::Closed, at);
            }
            Fact::Reopened { received_at } => {
                self.closing = None;
                let written = self.marks.iter().any(|m| m.event == TermEvent::Received);
                // What was never agreed with waits for it as before.
                if self.spoken && !written && self.agreed_at().is_none() {
                    self.state = State::Agreeing;
                    return;
                }
                self.state = State::Open;
                // The clock of a spoken complaint that was agreed with starts again as it did then.
                let event =
                    if self.spoken && !written { TermEvent::RecordAgreed } else { TermEvent::Received };
                self.mark(event, *received_at);
            }
            _ => {}
        }
    }

    fn mark(&mut self, event: TermEvent, at: Timestamp) {
        self.marks.push(Mark { event, at, entry: self.entries });
    }

    /// The question is answered or withdrawn; the handling goes on.
    fn no_question(&mut self) {
        self.question = None;
        if self.state == State::Asking {
            self.state = State::Open;
        }
    }

    fn settle(&mut self, at: Timestamp, id: NoticeId, settlement: &Settlement) -> Result<(), Misfit> {
        let record = self.notices.iter_mut().find(|n| n.notice.id == id).ok_or(Misfit::NoSuchNotice(id))?;
        let (status, reply, attempts) = match settlement {
            Settlement::Sent { reply, attempts } => (NoticeStatus::Sent, reply, *attempts),
            Settlement::Failed { reply, attempts } => (NoticeStatus::Failed, reply, *attempts),
            Settlement::Unknown { reason, attempts, .. } => (NoticeStatus::Unknown, reason, *attempts),
            Settlement::Bounced { reason } => (NoticeStatus::Bounced, reason, record.attempts),
        };
        record.status = status;
        // The moment of acceptance stays on record beside a later bounce, which withdraws it as proof.
        record.settled_at = Some(at);
        record.reply = Some(reply.clone());
        record.attempts = attempts;
        record.settled_entry = self.entries;
        record.given_up = matches!(settlement, Settlement::Unknown { last: true, .. });
        let (kind, effect) = (record.notice.kind, record.notice.effect);
        match status {
            NoticeStatus::Sent => self.accepted(effect),
            NoticeStatus::Bounced | NoticeStatus::Failed => self.not_delivered(id, kind, effect),
            NoticeStatus::Queued | NoticeStatus::Sending | NoticeStatus::Unknown | NoticeStatus::Held => {}
        }
        Ok(())
    }

    /// A complaint is answered when the outgoing server has accepted the outcome, not before.
    fn accepted(&mut self, effect: Option<TermEvent>) {
        match (effect, self.state) {
            (Some(TermEvent::OutcomeSent), State::Open | State::Asking)
            | (Some(TermEvent::ReviewOutcomeSent), State::InReview) => {
                self.question = None;
                self.state = State::Answered;
            }
            _ => {}
        }
    }

    /// What a notice brought about is undone when it did not arrive (domain 1.5 X18); a complaint that was closed because
    /// it was answered was not.
    fn not_delivered(&mut self, id: NoticeId, kind: NoticeKind, effect: Option<TermEvent>) {
        let answered = self.closing.as_ref().is_some_and(|closing| closing.reason == CloseReason::Answered);
        let undone = self.state == State::Answered || (self.state == State::Closed && answered);
        let before = match effect {
            Some(TermEvent::OutcomeSent) => State::Open,
            Some(TermEvent::ReviewOutcomeSent) => State::InReview,
            _ => {
                let newest = self.notices.iter().rfind(|n| n.notice.kind == NoticeKind::InfoRequest);
                if kind == NoticeKind::InfoRequest && newest.is_some_and(|n| n.notice.id == id) {
                    self.no_question();
                }
                return;
            }
        };
        // Another answer may have arrived since.
        if undone && effect.is_some_and(|effect| self.effected_at(effect).is_none()) {
            self.state = before;
            if self.closing.take().is_some() {
                let closed = self.marks.iter().rposition(|mark| mark.event == TermEvent::Closed);
                closed.map(|at| self.marks.remove(at));
            }
        }
    }
}

impl NoticeRecord {
    fn new(notice: &Notice, queued_at: Timestamp) -> Self {
        Self {
            status: if notice.held.is_some() { NoticeStatus::Held } else { NoticeStatus::Queued },
            notice: notice.clone(),
            queued_at,
            settled_at: None,
            reply: None,
            attempts: 0,
            settled_entry: 0,
            given_up: false,
        }
    }
}
