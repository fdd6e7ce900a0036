//! What a batch keeps of alarms.

use super::Batch;
use crate::domain::fact::NoticeId;
use crate::store::CountKey;

impl Batch {
    /// That an alarm began, or is over: a restart is to know.
    pub fn remember_alarm(&mut self, key: CountKey) {
        let mut commit = self.plain_commit(Vec::new(), None);
        commit.counts.push((key, 1));
        self.commits.push(commit);
    }

    /// The notices that were made so far.
    pub fn notices(&self) -> Vec<NoticeId> {
        self.commits.iter().flat_map(|commit| commit.used.notices.clone()).map(NoticeId).collect()
    }
}
