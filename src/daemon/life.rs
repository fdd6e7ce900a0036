//! Signs of life for systemd's watchdog.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::setup;

/// The least between two of them.
const PAUSE: Duration = Duration::from_secs(5);

/// Signs that are given during one work: ten minutes. A disk that others keep busy may take a minute or two.
const PATIENCE: u32 = 120;

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

    /// Does a work that waits for the disk, and gives signs of life meanwhile; not without end, for it may hang.
    pub(super) async fn during<T>(work: impl Future<Output = T>) -> T {
        let mut work = Box::pin(work);
        let mut life = Self::default();
        for _ in 0..PATIENCE {
            if let Ok(done) = timeout(PAUSE, &mut work).await {
                return done;
            }
            life.sign();
        }
        work.await
    }
}
