//! What a batch keeps for the morning digest.

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Batch, Letterbox};
use crate::domain::fact::Fate;
use crate::domain::outgoing::Outgoing;
use crate::engine::{Arrived, Outcome};
use crate::store::{Commit, CountKey};

impl Letterbox<'_> {
    /// When the next digest is; `None` when nobody gets one.
    pub(super) fn digest_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.settings.next_digest(now).map(|(_, at)| at)
    }
}

impl Batch {
    /// The digests of this day are made. What they tell of instead of single mails is retired: it stays held.
    pub fn remember_digest(&mut self, day: Date, told: Vec<Outgoing>) {
        let mut commit = self.plain_commit(Vec::new(), None);
        commit.counts.push((CountKey::Digest(day), 1));
        commit.outbox.extend(told.into_iter().map(|entry| Outgoing { next_at: None, ..entry }));
        self.commits.push(commit);
    }

    /// The next digest tells how many mails were set aside.
    pub(super) fn count_set_aside(
        &self,
        at: &Letterbox,
        commit: &mut Commit,
        mail: Option<&Arrived>,
        outcome: &Outcome,
    ) {
        let Some(mail) = mail.filter(|_| outcome.fate == Fate::SetAside) else { return };
        if let Some((day, _)) = at.settings.next_digest(self.now) {
            commit.counts.push((CountKey::SetAside { mailbox: mail.mailbox.clone(), day }, 1));
        }
    }
}
