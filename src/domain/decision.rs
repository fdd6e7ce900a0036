//! What was decided: facts for the journal and notices to write. Data, nothing else.

use std::collections::BTreeMap;

use super::digest::Digest;
use super::fact::{ComplaintId, Fact, Fate, LetterNote, Promise};
use super::house::Staff;
use super::ladder::Step;
use super::mail::{Language, Party};
use super::notice::NoticeKind;
use super::procedure::TermEvent;
use super::reply::OrderReply;

/// The outcome of [`super::decide::decide`].
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// What happened, in order.
    pub facts: Vec<Fact>,
    /// What is to be written and sent, those to the complainant first.
    pub notices: Vec<NoticeDraft>,
    /// For a mail: what became of it, and why.
    pub fate: Option<(Fate, String)>,
    /// Who brought it about, when that was no act of the daemon: the actor in the journal.
    pub actor: Option<String>,
    /// The answer to an order.
    pub reply: Option<OrderReply>,
    /// What a mail that was set aside has become by this.
    pub anew: Option<(Fate, String)>,
    /// What happened in other complaints by the same event.
    pub elsewhere: Vec<(ComplaintId, Fact)>,
}

/// A notice that is to be written. The guard may still hold or refuse it.
#[derive(Debug, Clone)]
pub struct NoticeDraft {
    /// What it is for.
    pub kind: NoticeKind,
    /// To whom.
    pub to: Party,
    /// In which language.
    pub language: Language,
    /// The term that it serves or warns of.
    pub term: Option<String>,
    /// Which alert of that term it is.
    pub step: Option<Step>,
    /// What has happened for the terms once it is sent.
    pub effect: Option<TermEvent>,
    /// The later date that it promises.
    pub promise: Option<Promise>,
    /// Values for the template beyond those that follow from the complaint.
    pub extra: BTreeMap<&'static str, String>,
    /// Whether a person ordered it: it counts for no limit, and goes to those too who want no automatic answer.
    pub ordered: bool,
    /// Who signs it: the member of staff who ordered it; the handler when absent.
    pub signed_by: Option<String>,
    /// The answer to an order that it tells.
    pub reply: Option<OrderReply>,
    /// The mail that was set aside and about which it asks.
    pub asks_about: Option<LetterNote>,
    /// What the morning digest tells.
    pub digest: Option<Digest>,
}

impl NoticeDraft {
    /// A notice to the complainant.
    pub fn to_complainant(kind: NoticeKind, to: &Party, language: Language) -> Self {
        Self {
            kind,
            to: to.clone(),
            language,
            term: None,
            step: None,
            effect: None,
            promise: None,
            extra: BTreeMap::new(),
            ordered: false,
            signed_by: None,
            reply: None,
            asks_about: None,
            digest: None,
        }
    }

    /// A notice to a member of staff, in his or her language.
    pub fn to_staff(kind: NoticeKind, staff: &Staff) -> Self {
        let to = Party { name: Some(staff.name.clone()), email: staff.email.clone() };
        Self::to_complainant(kind, &to, staff.language)
    }

    /// The same with one more value for the template.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.extra.insert(name, value.into());
        self
    }
}
