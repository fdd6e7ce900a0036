//! What can happen, and what is known when it does.

use jiff::Timestamp;

use super::complaint::Complaint;
use super::digest::Digest;
use super::fact::{ComplaintId, LetterNote, NoticeId, ProcedureVersion, Settlement};
use super::house::{House, Mailbox};
use super::mail::{Language, Letter};
use super::order::Reading;
use super::procedure::{Channel, Procedure};

/// Something that asks for a decision.
#[derive(Debug, Clone)]
pub enum Event {
    /// A mail came in.
    LetterArrived(Box<Arrival>),
    /// The clock reached a moment at which a term of this complaint may ask for something.
    TermReached,
    /// An operator gave an order in the shell.
    OrderGiven(Box<Ordered>),
    /// Staff brought a complaint that did not come by mail.
    ComplaintBrought(Box<Brought>),
    /// Staff confirmed what a mail that was set aside asks for.
    LetterConfirmed(Box<Confirmed>),
    /// An operator decided in the shell what becomes of a mail that was set aside.
    SetAsideJudged(Box<Judged>),
    /// The outgoing server's answer to a notice is known.
    DeliverySettled {
        /// Which notice.
        notice: NoticeId,
        /// What became of it.
        settlement: Settlement,
    },
    /// Something in the service needs a person.
    ServiceTroubled(Trouble),
    /// It is time for the digests of those whose mail leaves through this mailbox.
    MorningCame(Vec<Digest>),
}

/// Something in the service that needs a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What kind of trouble.
    pub kind: TroubleKind,
    /// What was seen, in words for staff; no personal data.
    pub message: String,
    /// The same in Dutch, where the words are ours.
    pub dutch: Option<String>,
    /// The mailbox that it is about, when it is told through another.
    pub mailbox: Option<String>,
    /// Since when, when that is known.
    pub since: Option<Timestamp>,
    /// Whether it is over: then that is told.
    pub over: bool,
}

impl Trouble {
    /// A trouble of which nothing is known but what was seen.
    pub fn new(kind: TroubleKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), dutch: None, mailbox: None, since: None, over: false }
    }

    /// What was seen, in the words of a reader.
    pub fn words(&self, language: Language) -> &str {
        self.dutch.as_deref().filter(|_| language == Language::Nl).unwrap_or(&self.message)
    }
}

/// The kinds of trouble that staff are told of (product: "When things go wrong").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TroubleKind {
    /// A mailbox can't be fetched from.
    Mailbox,
    /// The outgoing server can't be reached.
    Smtp,
    /// Notices should have left and did not, although nobody refused them for good.
    Outbox,
    /// A notice was refused for good.
    Failed,
    /// A notice got no answer after the final dot.
    Unknown,
    /// A mail was set aside.
    SetAside,
    /// A limit on automatic mail keeps a notice back.
    Held,
    /// A term lapses, and no warning of it has reached anybody.
    Term,
    /// The disk is full, or so nearly that no mail is fetched.
    Disk,
    /// The disk will soon be full.
    DiskLow,
    /// The wall clock was set while the service ran.
    Clock,
    /// The certificate of a server expires soon, or has.
    Certificate,
    /// A term reaches into a year of which not all holidays are known.
    Calendar,
    /// A changed procedure or template was not taken over.
    Reload,
    /// A complaint in the register can't be read.
    Damaged,
}

impl TroubleKind {
    /// Those that go on for a while and are over some time; the others are told of each time that they happen.
    pub const LASTING: [Self; 10] = [
        Self::Mailbox,
        Self::Smtp,
        Self::Outbox,
        Self::Held,
        Self::Term,
        Self::Disk,
        Self::DiskLow,
        Self::Certificate,
        Self::Calendar,
        Self::Reload,
    ];

    /// The word as it stands in JSON and templates.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mailbox => "mailbox",
            Self::Smtp => "smtp",
            Self::Outbox => "outbox",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::SetAside => "set_aside",
            Self::Held => "held",
            Self::Term => "term",
            Self::Disk => "disk",
            Self::DiskLow => "disk_low",
            Self::Clock => "clock",
            Self::Certificate => "certificate",
            Self::Calendar => "calendar",
            Self::Reload => "reload",
            Self::Damaged => "damaged",
        }
    }

    /// What has happened, for the log: always the same words, so that no address can stand in them.
    pub const fn says(self) -> &'static str {
        match self {
            Self::Mailbox => "no mail can be fetched",
            Self::Smtp => "the outgoing server can't be reached",
            Self::Outbox => "notices that should have left are waiting",
            Self::Failed => "a notice was refused for good",
            Self::Unknown => "a notice got no answer after it was handed over",
            Self::SetAside => "a mail was set aside",
            Self::Held => "a limit keeps notices back",
            Self::Term => "a term lapses and no warning has reached anybody",
            Self::Disk => "the disk is full",
            Self::DiskLow => "the disk is nearly full",
            Self::Clock => "the clock was set",
            Self::Certificate => "the certificate of a server expires",
            Self::Calendar => "a term reaches beyond the holidays that are known",
            Self::Reload => "changed procedures or templates were not taken over",
            Self::Damaged => "a complaint can't be read",
        }
    }
}

/// A mail that came in, read and looked up.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// What was understood of it.
    pub letter: Letter,
    /// What the journal keeps of it.
    pub note: LetterNote,
    /// The notice of ours that it returns or answers, by token or signed Message-ID.
    pub about: Option<NoticeId>,
    /// Why it must be set aside whatever its class: over a limit, a stage failed.
    pub set_aside: Option<String>,
    /// The reference of another's complaint that the subject quotes: a hint to staff, no proof of anything.
    pub related: Option<String>,
    /// What a member of staff orders in it, and by what right.
    pub order: Option<Ordered>,
    /// The mail that a member of staff passes on in it, as if its writer had sent it.
    pub passed_on: Option<Box<Letter>>,
    /// The complaints that the same mail made in other mailboxes of ours.
    pub also_in: Vec<AlsoIn>,
}

/// A complaint that the same mail made in another mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlsoIn {
    /// The other mailbox's name.
    pub mailbox: String,
    /// The complaint there.
    pub complaint: ComplaintId,
    /// Its reference.
    pub reference: String,
}

/// By what right somebody gives an order (product: "Orders").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// The token of this complaint and this member of staff, in a mail from his or her address.
    Token,
    /// The address of a member of staff in From, and nothing else: anybody can write that.
    Address,
    /// A token that is not the sender's.
    Foreign,
    /// An account on the machine itself.
    Shell,
}

/// What somebody orders.
#[derive(Debug, Clone)]
pub struct Ordered {
    /// The address of the member of staff, or the name of the Unix user.
    pub by: String,
    /// By what right.
    pub right: Right,
    /// What was understood.
    pub reading: Reading,
    /// The complaint that `#merge` names, when there is one.
    pub other: Option<Complaint>,
}

/// A complaint that came by letter, telephone or form.
#[derive(Debug, Clone)]
pub struct Brought {
    /// The complaint as if it were a mail of the complainant.
    pub arrival: Arrival,
    /// By what it came.
    pub channel: Channel,
    /// Who brings it.
    pub by: String,
}

/// A mail that was set aside and that a member of staff confirms.
#[derive(Debug, Clone)]
pub struct Confirmed {
    /// The mail that was set aside.
    pub pending: Arrival,
    /// The mail that confirms it.
    pub answer: Arrival,
    /// What became of the first in the meantime, when it was confirmed before.
    pub done: bool,
}

/// A mail that was set aside and about which an operator decides.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The mail.
    pub arrival: Arrival,
    /// What becomes of it.
    pub judgement: Aside,
    /// Who decides: the name of the Unix user.
    pub by: String,
}

/// What an operator makes of a mail that was set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aside {
    /// It is handled as a letter, whatever set it aside.
    Release,
    /// It is kept, and never looked at again.
    Drop,
}

/// What a decision may look at; nothing else exists for it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The complaint that the event belongs to; `None` when it belongs to none.
    pub complaint: Option<&'a Complaint>,
    /// The complaint's pinned procedure; for a new one the mailbox's present one.
    pub procedure: &'a Procedure,
    /// The version that a new complaint is pinned to.
    pub version: &'a ProcedureVersion,
    /// The mailbox that it came into or leaves through.
    pub mailbox: &'a Mailbox,
    /// The installation.
    pub house: &'a House,
    /// The reference that a new complaint gets.
    pub reference: &'a str,
}
