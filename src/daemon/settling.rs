//! What outgoing servers answered, until it is recorded.

use std::time::Duration;

use tokio::time::Instant;

use super::{FULL_PAUSE, UNDER_WAY};
use crate::domain::fact::NoticeId;
use crate::outbox::deliver::Delivery;

/// How long the answer of an outgoing server waits for others before it is recorded.
const SHARED: Duration = Duration::from_millis(40);

/// So many are not kept waiting for others.
pub(super) const MOST: usize = UNDER_WAY / 4;

/// Answers of outgoing servers that are not on disk yet. They wait for each other a little, to share one flush.
#[derive(Debug, Default)]
pub(super) struct Answers {
    waiting: Vec<(NoticeId, Delivery)>,
    since: Option<Instant>,
}

impl Answers {
    pub(super) fn add(&mut self, notice: NoticeId, delivery: Delivery) {
        self.since.get_or_insert_with(Instant::now);
        self.waiting.push((notice, delivery));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn are_due(&self) -> bool {
        self.since.is_some_and(|since| since.elapsed() >= SHARED || self.waiting.len() >= MOST)
    }

    /// Until the oldest has waited long enough; for ever when there is none.
    pub(super) async fn wait(&self) {
        match self.since {
            Some(since) => tokio::time::sleep_until(since + SHARED).await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn take(&mut self) -> Vec<(NoticeId, Delivery)> {
        self.since = None;
        std::mem::take(&mut self.waiting)
    }

    /// They could not be recorded: there must be room first.
    pub(super) fn put_back(&mut self, taken: Vec<(NoticeId, Delivery)>) {
        self.since = Some(Instant::now() + FULL_PAUSE);
        self.waiting.splice(..0, taken);
    }
}
