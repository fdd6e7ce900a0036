//! What a batch keeps of alarms.

use super::Batch;
use crate::domain::event::TroubleKind;
use crate::domain::fact::NoticeId;
use crate::domain::outgoing::Telling;
use crate::store::CountKey;

impl Batch {
    /// That an alarm began, or is over: a restart is to know.
    pub fn remember_alarm(&mut self, key: CountKey) {
        let mut commit = self.plain_commit(Vec::new(), None);
        commit.counts.push((key, 1));
        self.commits.push(commit);
    }

    /// What waits in the batch tells that this began.
    pub fn tells(&mut self, mailbox: &str, kind: TroubleKind) {
        let (mailbox, kind) = (mailbox.to_owned(), kind.as_str().to_owned());
        let telling = Telling { mailbox, kind, notices: self.notices() };
        for entry in self.commits.iter_mut().flat_map(|commit| &mut commit.outbox) {
            entry.tells = Some(telling.clone());
        }
    }

    /// The notices that were made so far.
    pub fn notices(&self) -> Vec<NoticeId> {
        self.commits.iter().flat_map(|commit| commit.used.notices.clone()).map(NoticeId).collect()
    }
}
