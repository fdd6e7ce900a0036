//! One mailbox's way out: sends what the engine gave out, in order, over one kept connection.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::domain::fact::NoticeId;
use crate::outbox::deliver::{Delivery, Dispatch, Outlet};
use crate::wake::Wake;

/// How long an idle connection to the outgoing server is kept.
const KEPT: Duration = Duration::from_secs(5);

/// Sends until the daemon has no more to give. Once the service is `ending`, what waits is given back untouched.
pub async fn run(
    lane: usize,
    mut outlet: Outlet,
    mut jobs: mpsc::Receiver<Dispatch>,
    wakes: mpsc::Sender<Wake>,
    ending: watch::Receiver<bool>,
) {
    loop {
        let job = if let Ok(job) = timeout(KEPT, jobs.recv()).await {
            job
        } else {
            outlet.rest().await;
            jobs.recv().await
        };
        let Some(dispatch) = job else { break };
        let delivery = if *ending.borrow() { Delivery::NotBegun } else { outlet.send(&dispatch).await };
        let sent = Wake::Sent { lane, notice: NoticeId(dispatch.id), delivery };
        if wakes.send(sent).await.is_err() {
            break;
        }
    }
    outlet.rest().await;
}
