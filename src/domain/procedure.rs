//! A company's published complaints procedure as data: one TOML file for one published text.
//!
//! What differs between companies stands here and nowhere else. [`Procedure::parse`] refuses what can't be kept,
//! [`Procedure::faults`] lists what contradicts the published text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::mail::Language;
use super::notice::Wording;

mod event;
mod faults;
mod parse;
mod rules;
mod span;

pub use event::{TermEvent, UnknownTermEvent};
pub use faults::Fault;
pub use parse::ProcedureError;
pub use rules::{Basis, Rules};
pub use span::{Span, SpanError, Unit};

/// A published complaints procedure.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Procedure {
    /// The version of this format; 1.
    pub schema: u32,
    /// Its name in configuration and store: lower-case letters, digits, `-` and `_`.
    pub id: String,
    /// Its title for people.
    pub title: String,
    /// Path of the published text, as written in the file.
    pub text: String,
    /// How its dates are counted.
    pub rules: Rules,
    /// In which languages complainants are answered; the first when theirs is not among them.
    pub languages: Vec<Language>,
    /// How complainants are addressed where the language has two ways: "u" or "je".
    #[serde(default)]
    pub wording: Wording,
    /// What happens when nobody acts on the last day to extend.
    #[serde(default)]
    pub safety_net: SafetyNet,
    /// Role to address. A mailbox may override them.
    #[serde(default)]
    pub roles: BTreeMap<String, String>,
    /// The terms that the text states, and those of the house.
    pub terms: Vec<TermRule>,
    /// Which complaints are to be referred.
    #[serde(default)]
    pub route: Vec<Route>,
    /// Bodies outside the company.
    #[serde(default)]
    pub external: Vec<External>,
    /// The second look inside the company, when the text grants one.
    pub review: Option<Review>,
    /// Notice (`ack`, `extension`, `outcome`, `review_outcome`) to what it must state to count.
    #[serde(default)]
    pub must_state: BTreeMap<String, Vec<String>>,
    /// How a complaint is judged, and what the published register counts.
    pub outcome: Outcome,
    /// How complaints come in.
    pub intake: Intake,
    /// Pages to which notices point.
    #[serde(default)]
    pub urls: Urls,
    /// What the file says, by key: for [`Procedure::faults`].
    #[serde(skip)]
    written: Vec<parse::Written>,
}

/// What happens when nobody acts on the last day to extend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SafetyNet {
    /// Nothing.
    Off,
    /// Staff get the progress notice as a draft.
    Draft,
    /// The progress notice leaves by itself.
    #[default]
    Send,
}

/// How strongly a term binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Force {
    /// The text promises it ("zal", "uiterlijk").
    Promise,
    /// The text strives for it ("idealiter", "met als doel").
    Aim,
    /// Our own norm: alerted, never a breach.
    House,
    /// A right of the complainant, which ends.
    Window,
    /// The law demands it.
    Statute,
}

/// A term of the procedure.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermRule {
    /// Its name in the procedure.
    pub id: String,
    /// The role that must act, or `system`, or `complainant`.
    pub who: String,
    /// How long.
    pub within: Span,
    /// From what.
    pub of: TermEvent,
    /// Any of these meets it.
    pub done_by: Vec<TermEvent>,
    /// How strongly it binds.
    pub force: Force,
    /// The clause, word for word.
    pub quote: Option<String>,
    /// How it may be extended, if at all.
    pub extend: Option<Extend>,
}

/// How a term may be extended.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extend {
    /// How long before the end the notice must be out; days or working days.
    pub before_end: Span,
    /// By how much at most.
    pub max: Option<Span>,
    /// How often at most.
    pub times: Option<u32>,
    /// Whether more needs the complainant's consent. Nothing asks for it yet: true is a fault.
    #[serde(default)]
    pub consent_after: bool,
    /// Who is told; the complainant when empty. Nobody else is told yet: others are a fault.
    #[serde(default)]
    pub notify: Vec<String>,
    /// The clause, word for word.
    pub quote: Option<String>,
}

/// Which complaints are to be referred, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Which complaints.
    pub when: RouteWhen,
    /// The id of an external body.
    pub refer: String,
    /// Whether we go on handling it ourselves.
    #[serde(default = "yes")]
    pub keep_open: bool,
    /// The clause, word for word.
    pub quote: Option<String>,
}

/// Which complaints a [`Route`] is for; what is absent is of no matter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteWhen {
    /// `product` or `service`.
    pub subject: Option<String>,
    /// `consumer` or `business`.
    pub complainant: Option<String>,
}

/// What an external body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExternalKind {
    /// Mediates.
    Mediator,
    /// A public authority.
    Authority,
    /// A court of law.
    Court,
    /// An ombudsman.
    Ombudsman,
    /// Decides disputes ("geschillencommissie").
    DisputeBody,
}

impl ExternalKind {
    /// The word as it stands in procedure files and templates.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mediator => "mediator",
            Self::Authority => "authority",
            Self::Court => "court",
            Self::Ombudsman => "ombudsman",
            Self::DisputeBody => "dispute_body",
        }
    }
}

/// Who may go to an external body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenTo {
    /// Consumers only.
    Consumer,
    /// Businesses only.
    Business,
    /// Everybody.
    Anyone,
}

/// A body outside the company (ISO 10003).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct External {
    /// Its name in the procedure, and in the order `#refer`.
    pub id: String,
    /// What it is.
    pub kind: ExternalKind,
    /// Who may go there.
    pub open_to: OpenTo,
    /// In which notices it is named.
    pub offer_in: Vec<String>,
    /// Its name for people.
    pub name: String,
    /// Where it is reached.
    pub url: Option<String>,
    /// Its own conditions, for people.
    pub conditions: Option<String>,
    /// The clause, word for word.
    pub quote: Option<String>,
}

/// The form of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewForm {
    /// On the papers.
    Written,
    /// A conversation, recorded in writing.
    Interview,
}

/// The second look inside the company: escalation, objection.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// The role that reviews.
    pub by: String,
    /// On the papers or in a conversation.
    pub form: ReviewForm,
    /// The id of the term within which it may be asked; `None` when the text sets none.
    #[serde(default, deserialize_with = "parse::none_when_empty")]
    pub window: Option<String>,
    /// In which notices it is offered.
    #[serde(default)]
    pub offer_in: Vec<String>,
    /// The clause, word for word.
    pub quote: Option<String>,
}

/// A judgement on a complaint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Gegrond.
    Founded,
    /// Deels gegrond.
    PartlyFounded,
    /// Ongegrond.
    Unfounded,
}

impl Judgement {
    /// The word as it stands in JSON and templates.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Founded => "founded",
            Self::PartlyFounded => "partly_founded",
            Self::Unfounded => "unfounded",
        }
    }
}

/// Which complaints the published register counts. The case file is kept for every one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Register {
    /// Those that were founded, wholly or partly.
    Founded,
    /// All.
    All,
}

/// How a complaint is judged.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The judgements that staff may give.
    pub judgement: Vec<Judgement>,
    /// What may be offered: as the text has it, nothing depends on it.
    #[serde(default)]
    pub remedies: Vec<String>,
    /// Which complaints the published register counts.
    pub register: Register,
    /// The clause, word for word.
    pub quote: Option<String>,
}

/// By what a complaint comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Mail.
    Email,
    /// A letter on paper.
    Letter,
    /// The telephone.
    Phone,
    /// A web form.
    Form,
}

impl Channel {
    /// The word as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Letter => "letter",
            Self::Phone => "phone",
            Self::Form => "form",
        }
    }
}

/// What happens with a complaint that was only spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spoken {
    /// The complainant is asked to write.
    AskInWriting,
    /// We write it up, the complainant agrees with the record.
    RecordAndAgree,
}

/// From what `clock_start` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockStart {
    /// For a complaint in writing.
    pub written: TermEvent,
    /// For a spoken one.
    pub spoken: TermEvent,
}

impl Default for ClockStart {
    fn default() -> Self {
        Self { written: TermEvent::Received, spoken: TermEvent::RecordAgreed }
    }
}

/// Whether the text wants people to talk first: never a ground for refusal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TalkFirst {
    /// No.
    #[default]
    No,
    /// It advises so.
    Advised,
    /// It prefers so.
    Preferred,
}

/// Whether the complainant must ask for the formal procedure: silence is no refusal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormalRequest {
    /// No.
    #[default]
    No,
    /// The acknowledgement asks.
    AskIfSilent,
}

/// Which number the complainant is shown. The own case number is always the key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceKind {
    /// The case number.
    #[default]
    Own,
    /// The order number, when there is one.
    OrderNumber,
}

/// How complaints come in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intake {
    /// The published addresses, as the text has them; the mailbox's own when empty. Mail is read where the mailbox is.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// By what a complaint may come, as the text has it: what comes otherwise is taken too.
    pub channels: Vec<Channel>,
    /// What happens with a spoken one.
    pub spoken: Spoken,
    /// From what `clock_start` counts.
    #[serde(default)]
    pub clock_start: ClockStart,
    /// Whether the text wants people to talk first: advice to them, nothing depends on it.
    #[serde(default)]
    pub talk_first: TalkFirst,
    /// Whether the formal procedure must be asked for.
    #[serde(default)]
    pub formal_request: FormalRequest,
    /// What the text asks the complainant to state.
    #[serde(default)]
    pub ask_for: Vec<String>,
    /// Which number the complainant is shown.
    #[serde(default)]
    pub reference: ReferenceKind,
    /// The clause, word for word.
    pub quote: Option<String>,
    /// Field to the regular expression that finds it in a letter. The value is its first group, or the whole
    /// match when it has none.
    #[serde(default = "parse::default_patterns", deserialize_with = "parse::patterns")]
    pub patterns: BTreeMap<String, String>,
}

/// Pages to which notices point.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Urls {
    /// The published procedure.
    pub procedure: Option<String>,
    /// The privacy statement.
    pub privacy: Option<String>,
}

fn yes() -> bool {
    true
}

impl Procedure {
    /// The term with this id.
    pub fn term(&self, id: &str) -> Option<&TermRule> {
        self.terms.iter().find(|term| term.id == id)
    }

    /// The term of the substantive answer: that which only the outcome meets, the promise before the aim.
    pub fn answering_term(&self) -> Option<&TermRule> {
        let answers = |t: &&TermRule| t.done_by.contains(&TermEvent::OutcomeSent);
        let alone = |t: &&TermRule| t.done_by == [TermEvent::OutcomeSent];
        let promised = |t: &&TermRule| alone(t) && t.force != Force::Aim;
        let first = self.terms.iter().find(promised).or_else(|| self.terms.iter().find(alone));
        first.or_else(|| self.terms.iter().find(answers))
    }

    /// The term that this event ends.
    pub fn term_done_by(&self, event: TermEvent) -> Option<&TermRule> {
        self.terms.iter().find(|term| term.done_by.contains(&event))
    }

    /// The external body with this id.
    pub fn external(&self, id: &str) -> Option<&External> {
        self.external.iter().find(|body| body.id == id)
    }

    /// The address of a role; `None` when it is absent or empty.
    pub fn role(&self, name: &str) -> Option<&str> {
        self.roles.get(name).map(String::as_str).filter(|address| !address.is_empty())
    }

    /// The language for a complaint in `language`: that one when the procedure has it, else its first.
    pub fn language(&self, language: Option<Language>) -> Language {
        let known = language.filter(|language| self.languages.contains(language));
        known.or(self.languages.first().copied()).unwrap_or(Language::Nl)
    }

    /// What a notice must state to count. Takes the names of the file (`ack`, `extension`) and of the notices
    /// (`acknowledgement`, `progress`).
    pub fn must_state(&self, notice: &str) -> &[String] {
        let names = match notice {
            "ack" | "acknowledgement" => ["ack", "acknowledgement"],
            "extension" | "progress" => ["extension", "progress"],
            other => [other, other],
        };
        names.iter().find_map(|name| self.must_state.get(*name)).map_or(&[], Vec::as_slice)
    }

    /// The external bodies that `notice` names.
    pub fn offered_in<'a>(&'a self, notice: &'a str) -> impl Iterator<Item = &'a External> {
        self.external.iter().filter(move |body| body.offer_in.iter().any(|name| name == notice))
    }
}

#[cfg(test)]
mod tests;
