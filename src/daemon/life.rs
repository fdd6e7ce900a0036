//! Signs of life for systemd's watchdog.

use std::time::Duration;

use tokio::time::Instant;

use crate::setup;

/// The least between two of them.
const PAUSE: Duration = Duration::from_secs(5);

/// Somebody who gets on with his work, and says so now and then.
#[derive(Debug, Default)]
pub(super) struct Life {
    told: Option<Instant>,
}

impl Life {
    /// Tells systemd, unless it was told a moment ago.
    pub(super) fn sign(&mut self) {
        if self.told.is_none_or(|told| told.elapsed() >= PAUSE) {
            self.told = Some(Instant::now());
            setup::tell_systemd("WATCHDOG=1");
        }
    }
}
