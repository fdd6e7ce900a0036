//! A complaint: the fold of its facts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::fact::{ComplaintId, LetterNote, Notice, NoticeId, ProcedureVersion, Role};
use super::ladder::Step;
use super::mail::{Language, Party};
use super::notice::NoticeKind;
use super::procedure::{Channel, Judgement, Procedure, TermEvent};
use super::term::{self, Extension, Happened, TermView};

mod fold;
mod overtaken;
mod state;

pub use fold::Misfit;
pub use state::{CloseReason, NoticeStatus, State};

/// A notice of a complaint and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeRecord {
    /// As it was queued.
    #[serde(flatten)]
    pub notice: Notice,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// Where it stands; attempts under way are known to the outbox alone.
    pub status: NoticeStatus,
    /// When that was settled.
    pub settled_at: Option<Timestamp>,
    /// The outgoing server's words, code first.
    pub reply: Option<String>,
    /// How often it was tried, once settled.
    pub attempts: u32,
    /// Which entry of the complaint's journal settled it, from 1.
    #[serde(default)]
    settled_entry: u64,
    /// Whether no answer came after the last attempt: it may have arrived, and is not tried again.
    #[serde(default)]
    pub given_up: bool,
}

/// A letter of a complaint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterRecord {
    /// As the journal keeps it.
    #[serde(flatten)]
    pub letter: LetterNote,
    /// What it is to the complaint.
    pub role: Role,
}

/// Why and when a complaint was closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// Why.
    pub reason: CloseReason,
    /// Why, in words.
    pub words: Option<String>,
    /// The reference of the complaint in which it is handled.
    pub into: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// The record of a spoken complaint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Which version, from 1.
    pub version: u32,
    /// The record.
    pub text: String,
    /// When this version was made.
    pub made_at: Timestamp,
}

/// A question to the complainant that waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// When it was put.
    pub asked_at: Timestamp,
    /// By when an answer was asked.
    pub reply_by: Date,
}

/// The complainant's request for a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objection {
    /// The receipt of the letter that asked.
    pub asked_at: Timestamp,
    /// Whether that was after the window of the procedure.
    pub late: bool,
}

/// Something that happened for the terms without a notice of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// What.
    event: TermEvent,
    /// When.
    at: Timestamp,
    /// Which entry of the complaint's journal tells of it, from 1.
    entry: u64,
}

/// One complaint, as its facts make it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// Its number in the store.
    pub id: ComplaintId,
    /// Our own reference.
    pub reference: String,
    /// What the complainant sees.
    pub shown_reference: String,
    /// The mailbox's name.
    pub mailbox: String,
    /// The pinned version of the procedure.
    pub procedure: ProcedureVersion,
    /// Where it stands.
    pub state: State,
    /// How it came in.
    pub channel: Channel,
    /// In which language it is answered.
    pub language: Language,
    /// The subject of the first letter.
    pub subject: String,
    /// Receipt moment: day 0 is its civil date in the procedure's zone.
    pub received_at: Timestamp,
    /// Who complains.
    pub complainant: Party,
    /// Who handles it: an address.
    pub handler: Option<String>,
    /// Order number, telephone, form fields.
    pub fields: BTreeMap<String, String>,
    /// All letters, in order of arrival.
    pub letters: Vec<LetterRecord>,
    /// All notices, in order of making.
    pub notices: Vec<NoticeRecord>,
    /// Per term the rung of the newest alert.
    pub warned: BTreeMap<String, (Timestamp, Step)>,
    /// Why the complainant gets no automatic mail, when that is so.
    pub silence: Option<String>,
    /// Whether the safety net has acted: it does so once.
    pub safety_net_acted: bool,
    /// Whether it was spoken.
    #[serde(default)]
    pub spoken: bool,
    /// Why it was closed, while it is.
    #[serde(default)]
    pub closing: Option<Closing>,
    /// The judgement, once there is one.
    #[serde(default)]
    pub judgement: Option<Judgement>,
    /// The persons complained about: addresses. They handle nothing and hear nothing of it.
    #[serde(default)]
    pub about: Vec<String>,
    /// External bodies that the complainant was referred to, by id.
    #[serde(default)]
    pub referred_to: Vec<String>,
    /// The newest record of a spoken complaint.
    #[serde(default)]
    pub record: Option<Record>,
    /// The question that waits for an answer.
    #[serde(default)]
    pub question: Option<Question>,
    /// The newest request for a review.
    #[serde(default)]
    pub objection: Option<Objection>,
    /// Further addresses of parties, from complaints merged into this one.
    #[serde(default)]
    pub parties: Vec<String>,
    /// Whether a party's letter came since staff gave their last order.
    #[serde(default)]
    pub waits_for_staff: bool,
    /// What happened for the terms without a notice of ours.
    #[serde(default)]
    marks: Vec<Mark>,
    /// Entries in its journal.
    pub entries: u64,
}

/// Working days after which the complainant is reminded of a record that waits for agreement (domain 2.2).
const AGREEMENT_DAYS: u32 = 5;

impl Complaint {
    /// What has happened for the terms: the receipt, what staff noted, and what sent notices brought about, in the order
    /// of the journal.
    ///
    /// A notice that bounced or was never accepted brings about nothing (domain 1.5 X18).
    pub fn happened(&self) -> Vec<Happened> {
        let event = if self.spoken { TermEvent::SpokenComplaint } else { TermEvent::Received };
        let received = Happened { event, at: self.received_at };
        let by_notices = self.notices.iter().filter_map(|record| {
            let happened = Happened { event: record.notice.effect?, at: record.sent_at()? };
            Some((record.settled_entry, happened))
        });
        let noted = self.marks.iter().map(|m| (m.entry, Happened { event: m.event, at: m.at }));
        let mut later: Vec<(u64, Happened)> = noted.chain(by_notices).collect();
        later.sort_by_key(|(entry, _)| *entry);
        std::iter::once(received).chain(later.into_iter().map(|(_, happened)| happened)).collect()
    }

    /// The receipt as the complainant knows it: of what was spoken and then written, that of the writing.
    pub fn written_at(&self) -> Timestamp {
        let written = self.marks.iter().rfind(|mark| self.spoken && mark.event == TermEvent::Received);
        written.map_or(self.received_at, |mark| mark.at)
    }

    /// The later dates that were promised in notices that were accepted and did not come back, in the order in which
    /// they were accepted: what the complainant was told last counts.
    pub fn extensions(&self) -> Vec<Extension> {
        let mut announced: Vec<(u64, Extension)> = self
            .notices
            .iter()
            .filter_map(|record| {
                let promise = record.notice.promise.as_ref()?;
                let announced_at = record.sent_at()?;
                let extension = Extension {
                    term: promise.term.clone(),
                    announced_at,
                    old_due: promise.old_due,
                    new_due: promise.new_due,
                    reason: promise.reason.clone(),
                    late: announced_at >= promise.late_from,
                };
                Some((record.settled_entry, extension))
            })
            .collect();
        announced.sort_by_key(|(entry, _)| *entry);
        announced.into_iter().map(|(_, extension)| extension).collect()
    }

    /// The later date for this term that a notice promises which is on its way and may yet arrive.
    pub fn promised(&self, term: &str) -> Option<Date> {
        let waiting = self.notices.iter().filter(|n| n.is_under_way());
        let promises = waiting.filter_map(|n| n.notice.promise.as_ref()).filter(|p| p.term == term);
        promises.map(|promise| promise.new_due).max()
    }

    /// Every term that has begun, under the pinned procedure, and what the complainant was asked to do.
    pub fn terms(&self, procedure: &Procedure, now: Timestamp) -> Vec<TermView> {
        let mut terms = term::terms(procedure, &self.happened(), &self.extensions(), now);
        terms.extend(self.awaited(procedure, now));
        terms
    }

    /// What we wait for from the complainant: an answer to a question, agreement with a record, a letter. It ends
    /// nothing by itself; staff are told when it has passed.
    fn awaited(&self, procedure: &Procedure, now: Timestamp) -> Option<TermView> {
        match (self.state, self.question) {
            (State::Asking, Some(question)) => {
                let due = question.reply_by;
                Some(term::awaited(procedure, term::REPLY, question.asked_at, due, now))
            }
            (State::Agreeing, _) => {
                let asked = self.notices.iter().filter(|n| n.notice.kind.asks_for_agreement());
                let asked_at =
                    asked.filter_map(NoticeRecord::sent_at).next_back().unwrap_or(self.received_at);
                let day = procedure.rules.date(asked_at);
                let due = procedure.rules.calendar.add_working_days(day, AGREEMENT_DAYS);
                Some(term::awaited(procedure, term::AGREEMENT, asked_at, due, now))
            }
            _ => None,
        }
    }

    /// Whether a notice with this effect is on its way and may yet arrive.
    pub fn is_under_way(&self, effect: TermEvent) -> bool {
        self.notices.iter().any(|n| n.notice.effect == Some(effect) && n.is_under_way())
    }

    /// The answer or promise to the complainant that is on its way and may yet arrive: until it has, nothing may end the
    /// complaint.
    pub fn answer_under_way(&self) -> Option<NoticeKind> {
        let effects = [TermEvent::OutcomeSent, TermEvent::ReviewOutcomeSent];
        let answer = |n: &NoticeRecord| {
            n.notice.promise.is_some() || n.notice.effect.is_some_and(|effect| effects.contains(&effect))
        };
        self.notices.iter().find(|n| answer(n) && n.is_under_way()).map(|n| n.notice.kind)
    }

    /// When the complainant agreed with the record of a spoken complaint.
    pub fn agreed_at(&self) -> Option<Timestamp> {
        self.marks.iter().find(|m| m.event == TermEvent::RecordAgreed).map(|m| m.at)
    }

    /// When the newest notice with this effect was accepted, unless it came back.
    pub fn effected_at(&self, effect: TermEvent) -> Option<Timestamp> {
        let sent = self.notices.iter().filter(|n| n.notice.effect == Some(effect));
        sent.filter_map(NoticeRecord::sent_at).max()
    }

    /// When the conversation is, or was, to which the complainant was invited last.
    pub fn conversation_at(&self) -> Option<Timestamp> {
        self.marks.iter().rfind(|m| m.event == TermEvent::InterviewHeld).map(|m| m.at)
    }

    /// The notice with this number.
    pub fn notice(&self, id: NoticeId) -> Option<&NoticeRecord> {
        self.notices.iter().find(|n| n.notice.id == id)
    }

    /// Whether anybody may have to do anything: it is not closed, or a letter came since.
    pub fn is_pending(&self) -> bool {
        self.state.is_open() || (self.waits_for_staff && self.state == State::Closed)
    }

    /// Whether `address` is a party to this complaint.
    pub fn is_party(&self, address: &str) -> bool {
        self.complainant.email.eq_ignore_ascii_case(address)
            || self.parties.iter().any(|party| party.eq_ignore_ascii_case(address))
    }

    /// The address of the newest letter in the thread that did not come from a party: staff may confirm it.
    pub fn outsider(&self) -> Option<&str> {
        let newest = self.letters.iter().rfind(|letter| letter.role == Role::FollowUp)?;
        let from = newest.letter.from.as_str();
        (!from.is_empty() && !self.is_party(from)).then_some(from)
    }

    /// Whether `address` is a person complained about.
    pub fn is_about(&self, address: &str) -> bool {
        self.about.iter().any(|person| person.eq_ignore_ascii_case(address))
    }
}

impl NoticeRecord {
    /// Whether it is on its way and may yet arrive.
    pub(crate) const fn is_under_way(&self) -> bool {
        match self.status {
            NoticeStatus::Queued | NoticeStatus::Sending | NoticeStatus::Held => true,
            NoticeStatus::Unknown => !self.given_up,
            NoticeStatus::Sent | NoticeStatus::Failed | NoticeStatus::Bounced => false,
        }
    }

    /// When the outgoing server accepted it, unless it came back later.
    pub fn sent_at(&self) -> Option<Timestamp> {
        self.settled_at.filter(|_| self.status == NoticeStatus::Sent)
    }
}
