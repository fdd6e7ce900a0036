//! Orders: what staff may say, in the reply to an alert or in the shell (product: "Orders").
//!
//! English and Dutch words are equal, and one grammar serves mail and shell. Reading is pure: today's date is a value.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::{Date, Time};

use super::procedure::Judgement;

mod address;
mod answer;
mod dates;
mod line;
mod parse;
mod read;
mod times;
mod tokens;
mod words;

pub use read::read;

/// What a member of staff wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// `#assign ADDRESS`: names the handler.
    Assign {
        /// The handler's address, lower case.
        to: String,
    },
    /// `#extend DATE REASON`: announces a later date.
    Extend {
        /// The new last day.
        new_due: Date,
        /// Why, in the words that the complainant will read.
        reason: String,
    },
    /// `#ask [DATE]` and text: asks the complainant for information.
    Ask {
        /// By when an answer is asked; the house's own norm when absent.
        reply_by: Option<Date>,
        /// The questions.
        text: String,
    },
    /// `#contacted` and text: personal contact was made.
    Contacted {
        /// What was said, for the file.
        text: String,
    },
    /// `#answer JUDGEMENT` and text: the outcome; in review the outcome of that.
    Answer {
        /// Founded, partly or unfounded; absent only in a review.
        judgement: Option<Judgement>,
        /// The answer under its headings.
        answer: Answer,
    },
    /// `#refer ID`: the referral to an external body of the procedure.
    Refer {
        /// The body's id in the procedure, lower case.
        body: String,
    },
    /// `#review`: the complainant does not agree with the outcome.
    Review,
    /// `#invite DATE [TIME] [PLACE]`: invites the complainant to a conversation.
    Invite {
        /// The day.
        on: Date,
        /// The time, in the procedure's zone.
        time: Option<Time>,
        /// Where.
        place: Option<String>,
    },
    /// `#minutes` and text: the conversation's minutes, and the outcome of the review.
    Minutes {
        /// The minutes and the conclusion under their headings.
        answer: Answer,
    },
    /// `#withdraw`: the complainant has withdrawn the complaint.
    Withdraw,
    /// `#close REASON`: nothing more is to be done.
    Close {
        /// Why, in the words that the complainant will read.
        reason: String,
    },
    /// `#reopen`: a closed complaint is handled again.
    Reopen,
    /// `#not-a-complaint REASON`: it is something else.
    NotAComplaint {
        /// What it is and where it went, in the words that the complainant will read.
        reason: String,
    },
    /// `#merge REF`: this complaint is the same as another, in which it is handled from now on.
    Merge {
        /// The other's reference, upper case.
        into: String,
    },
    /// `#record [ADDRESS]` and text: a complaint that was spoken, or a better record of one.
    Record {
        /// The complainant's address, lower case; absent in a complaint that exists.
        to: Option<String>,
        /// The complainant's name, when it stands before the address.
        name: Option<String>,
        /// The record.
        text: String,
    },
    /// `#agreed` and text: the complainant agrees with the record, but did not say so by "agreed" in a mail.
    Agreed {
        /// Who said so, when and how, for the file.
        text: String,
    },
    /// `#note` and text: an internal note.
    Note {
        /// The note.
        text: String,
    },
    /// `#about ADDRESS`: names the person complained about.
    About {
        /// The person's address, lower case.
        person: String,
    },
    /// `#handed-over`: everything was handed over to the manager.
    HandedOver,
    /// `#release`: a mail that was set aside is to be handled.
    Release,
    /// `#spam`: a mail that was set aside, or a complaint, is spam.
    Spam,
    /// `#confirm`: yes, that order was mine.
    Confirm,
    /// `#help`: which orders are possible now.
    Help,
}

/// The text of an answer under its headings. Text above the first heading is the conclusion, or its beginning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Heading to what stands under it, trimmed, never empty.
    pub sections: BTreeMap<Section, String>,
    /// The date under `Uiterlijk`/`By`, by which the settlement will be done; its words stand in `sections` too.
    pub settlement_date: Option<Date>,
}

/// A heading in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// What the complaint was about.
    Points,
    /// What was done to investigate.
    Investigation,
    /// What the investigation found.
    Findings,
    /// The conclusion and its grounds.
    Conclusion,
    /// What will be done for the complainant.
    Settlement,
    /// By when that will be done.
    By,
    /// What was done because of the complaint.
    Action,
    /// What was changed so that it does not happen again.
    Measures,
    /// What was reviewed.
    Reviewed,
    /// Whether the policy was followed.
    Policy,
    /// The minutes of the conversation.
    Minutes,
}

impl Section {
    /// Every heading, in the order in which an answer has them.
    pub const ALL: [Self; 11] = [
        Self::Points,
        Self::Investigation,
        Self::Findings,
        Self::Conclusion,
        Self::Settlement,
        Self::By,
        Self::Action,
        Self::Measures,
        Self::Reviewed,
        Self::Policy,
        Self::Minutes,
    ];

    /// The heading as staff may type it: Dutch, English.
    pub const fn headings(self) -> (&'static str, &'static str) {
        match self {
            Self::Points => ("Klachtpunten", "Points"),
            Self::Investigation => ("Onderzoek", "Investigation"),
            Self::Findings => ("Bevindingen", "Findings"),
            Self::Conclusion => ("Conclusie", "Conclusion"),
            Self::Settlement => ("Oplossing", "Settlement"),
            Self::By => ("Uiterlijk", "By"),
            Self::Action => ("Actie", "Action"),
            Self::Measures => ("Maatregelen", "Measures"),
            Self::Reviewed => ("Beoordeeld", "Reviewed"),
            Self::Policy => ("Beleid", "Policy"),
            Self::Minutes => ("Verslag", "Minutes"),
        }
    }

    /// The element of a procedure's `must_state`, which is also the placeholder, that stands under this heading.
    pub const fn element(self) -> &'static str {
        match self {
            Self::Points => "complaint_points",
            Self::Investigation => "investigation",
            Self::Findings => "findings",
            Self::Conclusion => "conclusion",
            Self::Settlement => "settlement",
            Self::By => "settlement_date",
            Self::Action => "action",
            Self::Measures => "process_changes",
            Self::Reviewed => "reviewed",
            Self::Policy => "policy_followed",
            Self::Minutes => "minutes",
        }
    }

    /// The heading for an element of `must_state`; `None` when the program fills that element itself.
    pub fn of_element(element: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.element() == element)
    }
}

/// The orders by name, for lists of what is possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderName {
    /// `#answer`.
    Answer,
    /// `#extend`.
    Extend,
    /// `#ask`.
    Ask,
    /// `#assign`.
    Assign,
    /// `#contacted`.
    Contacted,
    /// `#handed-over`.
    HandedOver,
    /// `#refer`.
    Refer,
    /// `#review`.
    Review,
    /// `#invite`.
    Invite,
    /// `#minutes`.
    Minutes,
    /// `#record`.
    Record,
    /// `#agreed`.
    Agreed,
    /// `#withdraw`.
    Withdraw,
    /// `#close`.
    Close,
    /// `#reopen`.
    Reopen,
    /// `#not-a-complaint`.
    NotAComplaint,
    /// `#merge`.
    Merge,
    /// `#about`.
    About,
    /// `#note`.
    Note,
    /// `#release`.
    Release,
    /// `#spam`.
    Spam,
    /// `#confirm`.
    Confirm,
    /// `#help`.
    Help,
}

impl OrderName {
    /// Every order, in the order in which they are listed to staff.
    pub const ALL: [Self; 23] = [
        Self::Answer,
        Self::Extend,
        Self::Ask,
        Self::Assign,
        Self::Contacted,
        Self::HandedOver,
        Self::Refer,
        Self::Review,
        Self::Invite,
        Self::Minutes,
        Self::Record,
        Self::Agreed,
        Self::Withdraw,
        Self::Close,
        Self::Reopen,
        Self::NotAComplaint,
        Self::Merge,
        Self::About,
        Self::Note,
        Self::Release,
        Self::Spam,
        Self::Confirm,
        Self::Help,
    ];

    /// The words after the `#`: Dutch, English.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Answer => ("antwoord", "answer"),
            Self::Extend => ("verleng", "extend"),
            Self::Ask => ("vraag", "ask"),
            Self::Assign => ("wijs-toe", "assign"),
            Self::Contacted => ("contact", "contacted"),
            Self::HandedOver => ("overgedragen", "handed-over"),
            Self::Refer => ("verwijs", "refer"),
            Self::Review => ("bezwaar", "review"),
            Self::Invite => ("uitnodiging", "invite"),
            Self::Minutes => ("verslag", "minutes"),
            Self::Record => ("opname", "record"),
            Self::Agreed => ("akkoord", "agreed"),
            Self::Withdraw => ("intrekken", "withdraw"),
            Self::Close => ("sluit", "close"),
            Self::Reopen => ("heropen", "reopen"),
            Self::NotAComplaint => ("geen-klacht", "not-a-complaint"),
            Self::Merge => ("samenvoegen", "merge"),
            Self::About => ("betreft", "about"),
            Self::Note => ("notitie", "note"),
            Self::Release => ("vrijgeven", "release"),
            Self::Spam => ("spam", "spam"),
            Self::Confirm => ("confirm", "confirm"),
            Self::Help => ("help", "help"),
        }
    }
}

impl Order {
    /// Its name.
    pub const fn name(&self) -> OrderName {
        match self {
            Self::Assign { .. } => OrderName::Assign,
            Self::Extend { .. } => OrderName::Extend,
            Self::Ask { .. } => OrderName::Ask,
            Self::Contacted { .. } => OrderName::Contacted,
            Self::Answer { .. } => OrderName::Answer,
            Self::Refer { .. } => OrderName::Refer,
            Self::Review => OrderName::Review,
            Self::Invite { .. } => OrderName::Invite,
            Self::Minutes { .. } => OrderName::Minutes,
            Self::Withdraw => OrderName::Withdraw,
            Self::Close { .. } => OrderName::Close,
            Self::Reopen => OrderName::Reopen,
            Self::NotAComplaint { .. } => OrderName::NotAComplaint,
            Self::Merge { .. } => OrderName::Merge,
            Self::Record { .. } => OrderName::Record,
            Self::Agreed { .. } => OrderName::Agreed,
            Self::Note { .. } => OrderName::Note,
            Self::About { .. } => OrderName::About,
            Self::HandedOver => OrderName::HandedOver,
            Self::Release => OrderName::Release,
            Self::Spam => OrderName::Spam,
            Self::Confirm => OrderName::Confirm,
            Self::Help => OrderName::Help,
        }
    }
}

/// What a text says to the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// No line of it is an order.
    NoOrder,
    /// At least one order, in the order of the text, and the lines as they were typed.
    Orders(Vec<(Order, String)>),
    /// An order that can't be understood.
    Wrong(Fault),
}

/// Why an order can't be understood, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line as it was typed, at most 200 characters.
    pub line: String,
    /// The character (from 0) at which it goes wrong.
    pub at: usize,
    /// What is wrong there.
    pub wrong: Wrong,
}

/// What can be wrong with the words of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// There is no such order; the one that was perhaps meant.
    UnknownOrder(Option<OrderName>),
    /// An address is missing.
    AddressMissing,
    /// This is no address.
    NotAnAddress,
    /// A date is missing.
    DateMissing,
    /// This is no date, or a day that does not exist.
    NotADate,
    /// This is no time of day.
    NotATime,
    /// The reason is missing.
    ReasonMissing,
    /// The text below the order is missing.
    TextMissing,
    /// This is no judgement: founded, partly or unfounded.
    NotAJudgement,
    /// The id of an external body is missing.
    BodyMissing,
    /// A reference is missing.
    ReferenceMissing,
    /// This is no reference, or a digit of it was mistyped.
    NotAReference,
    /// Here stands more than this order takes.
    TooMuch,
    /// Two orders of one mail want the text below.
    TwoTexts,
    /// An order stands below text. Orders come first; otherwise a note could go out as a part of an answer.
    OrderBelowText,
}

impl Fault {
    /// The line and below it a mark at the spot.
    pub fn spot(&self) -> String {
        format!("{}\n{}^", self.line, " ".repeat(self.at))
    }
}

impl fmt::Display for OrderName {
    /// The English word with its `#`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.words().1)
    }
}

#[cfg(test)]
mod tests;
