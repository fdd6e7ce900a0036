//! A complaint: the fold of its facts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fact::{
    ComplaintId, Fact, LetterNote, Notice, NoticeId, ProcedureVersion, Received, Role, Settlement,
};
use super::ladder::Step;
use super::mail::{Language, Party};
use super::notice::NoticeKind;
use super::procedure::{Channel, Procedure, TermEvent};
use super::term::{self, Extension, Happened, TermView};

/// Where a complaint stands (ISO 10002; domain 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It was spoken: the complainant's agreement with the record, or a complaint in writing, is awaited.
    Agreeing,
    /// It is being handled.
    Open,
    /// The complainant was asked for information; the terms run on.
    Asking,
    /// The outcome was accepted by the outgoing server.
    Answered,
    /// The board reviews the outcome.
    InReview,
    /// Nothing is to be done.
    Closed,
    /// Personal data was removed, the stub is left.
    Erased,
}

impl State {
    /// The word as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agreeing => "agreeing",
            Self::Open => "open",
            Self::Asking => "asking",
            Self::Answered => "answered",
            Self::InReview => "in_review",
            Self::Closed => "closed",
            Self::Erased => "erased",
        }
    }

    /// Whether somebody still has to do something.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Agreeing | Self::Open | Self::Asking | Self::Answered | Self::InReview => true,
            Self::Closed | Self::Erased => false,
        }
    }
}

/// Why a complaint was closed (domain 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// It was settled to the complainant's satisfaction.
    Resolved,
    /// It was answered, and no review was asked in time.
    Answered,
    /// The complainant withdrew it.
    Withdrawn,
    /// An external body handles it.
    Referred,
    /// It was something else.
    NotAComplaint,
    /// It is handled in another complaint.
    Duplicate,
    /// Nothing was heard any more.
    Lapsed,
}

impl CloseReason {
    /// The word as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resolved => "resolved",
            Self::Answered => "answered",
            Self::Withdrawn => "withdrawn",
            Self::Referred => "referred",
            Self::NotAComplaint => "not_a_complaint",
            Self::Duplicate => "duplicate",
            Self::Lapsed => "lapsed",
        }
    }
}

/// What is known of a notice's way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeStatus {
    /// It waits for its first or next attempt.
    Queued,
    /// An attempt was begun and has not been answered.
    Sending,
    /// The outgoing server accepted it.
    Sent,
    /// No answer came after the final dot.
    Unknown,
    /// Refused for good.
    Failed,
    /// Accepted, then returned.
    Bounced,
    /// A limit on automatic mail keeps it back for now.
    Held,
}

impl NoticeStatus {
    /// The word as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
            Self::Bounced => "bounced",
            Self::Held => "held",
        }
    }
}

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
    /// When it was registered: alerts that belong before are not made up afterwards.
    pub registered_at: Timestamp,
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
    /// Entries in its journal.
    pub entries: u64,
}

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
    pub fn begin(id: ComplaintId, at: Timestamp, received: &Received) -> Self {
        Self {
            id,
            reference: received.reference.clone(),
            shown_reference: received.shown_reference.clone(),
            mailbox: received.mailbox.clone(),
            procedure: received.procedure.clone(),
            state: State::Open,
            channel: received.channel,
            language: received.language,
            subject: received.subject.clone(),
            received_at: received.letter.received_at,
            registered_at: at,
            complainant: received.complainant.clone(),
            handler: received.handler.clone(),
            fields: received.fields.clone(),
            letters: vec![LetterRecord { letter: received.letter.clone(), role: Role::Complaint }],
            notices: Vec::new(),
            warned: BTreeMap::new(),
            silence: received.silence.clone(),
            safety_net_acted: false,
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
            (None, Fact::Received(received)) => Ok(Self::begin(id, at, received)),
            (None, other) => Err(Misfit::Beginning(other.name())),
            (Some(_), Fact::Received(_)) => Err(Misfit::Beginning("a second receipt")),
            (Some(mut complaint), fact) => complaint.apply(at, fact).map(|()| complaint),
        }
    }

    fn apply(&mut self, at: Timestamp, fact: &Fact) -> Result<(), Misfit> {
        self.entries += 1;
        match fact {
            Fact::LetterJoined { letter, role, .. } => {
                self.letters.push(LetterRecord { letter: letter.clone(), role: *role });
            }
            Fact::NoticeQueued(notice) => self.notices.push(NoticeRecord {
                status: if notice.held.is_some() { NoticeStatus::Held } else { NoticeStatus::Queued },
                notice: notice.as_ref().clone(),
                queued_at: at,
                settled_at: None,
                reply: None,
                attempts: 0,
            }),
            Fact::NoticeSettled { notice, settlement } => self.settle(at, *notice, settlement)?,
            Fact::StaffWarned { alerts } => {
                for alert in alerts {
                    self.warned.insert(alert.term.clone(), (alert.rung, alert.step));
                }
            }
            Fact::SafetyNetActed { .. } => self.safety_net_acted = true,
            // A refusal changes nothing but is on record; the other two never belong to a running complaint.
            Fact::NoticeRefused { .. } | Fact::LetterKept { .. } | Fact::Received(_) => {}
        }
        Ok(())
    }

    fn settle(&mut self, at: Timestamp, id: NoticeId, settlement: &Settlement) -> Result<(), Misfit> {
        let record = self.notices.iter_mut().find(|n| n.notice.id == id).ok_or(Misfit::NoSuchNotice(id))?;
        let (status, reply, attempts) = match settlement {
            Settlement::Sent { reply, attempts } => (NoticeStatus::Sent, reply, *attempts),
            Settlement::Failed { reply, attempts } => (NoticeStatus::Failed, reply, *attempts),
            Settlement::Unknown { reason, attempts } => (NoticeStatus::Unknown, reason, *attempts),
            Settlement::Bounced { reason } => (NoticeStatus::Bounced, reason, record.attempts),
        };
        record.status = status;
        // The moment of acceptance stays on record beside a later bounce, which withdraws it as proof.
        record.settled_at = Some(at);
        record.reply = Some(reply.clone());
        record.attempts = attempts;
        Ok(())
    }

    /// What has happened for the terms: the receipt, and what sent notices brought about.
    ///
    /// A notice that bounced or was never accepted brings about nothing (domain 1.5 X18).
    pub fn happened(&self) -> Vec<Happened> {
        let received = Happened { event: TermEvent::Received, at: self.received_at };
        let by_notices = self
            .notices
            .iter()
            .filter_map(|record| Some(Happened { event: record.notice.effect?, at: record.sent_at()? }));
        std::iter::once(received).chain(by_notices).collect()
    }

    /// The later dates that were promised in notices that were accepted and did not come back.
    pub fn extensions(&self) -> Vec<Extension> {
        self.notices
            .iter()
            .filter_map(|record| {
                let promise = record.notice.promise.as_ref()?;
                let announced_at = record.sent_at()?;
                Some(Extension {
                    term: promise.term.clone(),
                    announced_at,
                    old_due: promise.old_due,
                    new_due: promise.new_due,
                    reason: promise.reason.clone(),
                    late: announced_at >= promise.late_from,
                })
            })
            .collect()
    }

    /// Every term that has begun, under the pinned procedure.
    pub fn terms(&self, procedure: &Procedure, now: Timestamp) -> Vec<TermView> {
        term::terms(procedure, &self.happened(), &self.extensions(), now)
    }

    /// Whether any notice of this kind was made that may still count.
    pub fn has_notice(&self, kind: NoticeKind) -> bool {
        self.notices.iter().any(|n| n.notice.kind == kind && n.status != NoticeStatus::Bounced)
    }

    /// The notice with this number.
    pub fn notice(&self, id: NoticeId) -> Option<&NoticeRecord> {
        self.notices.iter().find(|n| n.notice.id == id)
    }

    /// Whether `address` is a party to this complaint.
    pub fn is_party(&self, address: &str) -> bool {
        self.complainant.email.eq_ignore_ascii_case(address)
    }
}

impl NoticeRecord {
    /// When the outgoing server accepted it, unless it came back later.
    pub fn sent_at(&self) -> Option<Timestamp> {
        self.settled_at.filter(|_| self.status == NoticeStatus::Sent)
    }
}
