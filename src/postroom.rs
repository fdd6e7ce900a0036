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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::outbox::maildir::{MaildirOutlet, MaildirSettings};

    #[tokio::test]
    async fn what_waits_when_the_service_ends_comes_back_untouched() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("outbox");
        let outlet = Outlet::Maildir(MaildirOutlet::new(MaildirSettings { path: path.clone() }));
        let (jobs, queue) = mpsc::channel(4);
        let (to_loop, mut wakes) = mpsc::channel(4);
        let (ending, is_ending) = watch::channel(false);
        let lane = tokio::spawn(run(0, outlet, queue, to_loop, is_ending));
        let mut came = Vec::new();
        for id in 1..=2 {
            let bytes: Arc<[u8]> = b"Subject: x\r\n\r\nx\r\n".as_slice().into();
            let to = "klant@klant.test".to_owned();
            jobs.send(Dispatch { id, envelope_from: String::new(), to, bytes }).await.expect("a lane");
            let Some(Wake::Sent { notice, delivery, .. }) = wakes.recv().await else { panic!("no answer") };
            came.push((
                notice.0,
                matches!(delivery, Delivery::Accepted { .. }),
                delivery == Delivery::NotBegun,
            ));
            ending.send_replace(true);
        }
        assert_eq!(came, [(1, true, false), (2, false, true)]);
        assert_eq!(std::fs::read_dir(path.join("new")).expect("a directory").count(), 1);
        drop(jobs);
        lane.await.expect("the lane's end");
    }
}
