//! How many there are of what, kept up in every transaction so that nobody has to count.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::complaint::{NoticeStatus, State};
use crate::domain::fact::Fate;

/// How many there are of what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Complaints by the word of their state.
    pub complaints: BTreeMap<String, u64>,
    /// Mails in the outbox by the word of their status; those that ended are among them.
    pub outbox: BTreeMap<String, u64>,
    /// Messages that the mailboxes showed by the word of their fate.
    pub letters: BTreeMap<String, u64>,
}

impl Totals {
    /// Mails in the outbox with this status.
    pub fn outgoing(&self, status: NoticeStatus) -> u64 {
        self.outbox.get(status.as_str()).copied().unwrap_or(0)
    }

    /// Complaints that are not closed.
    pub fn open_complaints(&self) -> u64 {
        let open = [State::Agreeing, State::Open, State::Asking, State::Answered, State::InReview];
        open.iter().filter_map(|state| self.complaints.get(state.as_str())).sum()
    }

    /// All complaints.
    pub fn all_complaints(&self) -> u64 {
        self.complaints.values().sum()
    }

    /// Messages that the mailboxes showed with this fate.
    pub fn letters(&self, fate: Fate) -> u64 {
        self.letters.get(fate.as_str()).copied().unwrap_or(0)
    }

    pub(super) fn add_complaint(&mut self, state: State) {
        add(&mut self.complaints, state.as_str().to_owned());
    }

    pub(super) fn remove_complaint(&mut self, state: State) {
        remove(&mut self.complaints, state.as_str());
    }

    pub(super) fn add_outgoing(&mut self, status: NoticeStatus) {
        add(&mut self.outbox, status.as_str().to_owned());
    }

    pub(super) fn remove_outgoing(&mut self, status: NoticeStatus) {
        remove(&mut self.outbox, status.as_str());
    }

    pub(super) fn add_letter(&mut self, fate: Fate) {
        add(&mut self.letters, fate.as_str().to_owned());
    }

    pub(super) fn remove_letter(&mut self, fate: Fate) {
        remove(&mut self.letters, fate.as_str());
    }
}

fn add(counts: &mut BTreeMap<String, u64>, word: String) {
    *counts.entry(word).or_default() += 1;
}

/// A word whose count comes to nothing goes, so that counting afresh gives an equal map.
fn remove(counts: &mut BTreeMap<String, u64>, word: &str) {
    if let Some(count) = counts.get_mut(word) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(word);
        }
    }
}
