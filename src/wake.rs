//! What the tasks of the service tell its loop: a closed list of reasons to wake up.

use tokio::sync::oneshot;

use crate::answers::{Ask, Reply};
use crate::domain::fact::NoticeId;
use crate::engine::{Arrived, Outcome};
use crate::outbox::deliver::Delivery;

/// Why the loop wakes up.
#[derive(Debug)]
pub enum Wake {
    /// A mailbox has a batch of mails; it learns the outcomes once they are on disk.
    Mail {
        /// Read and saved.
        batch: Vec<Arrived>,
        /// Where the outcomes go.
        done: oneshot::Sender<Vec<Outcome>>,
    },
    /// The outgoing server has answered, or not.
    Sent {
        /// By which lane.
        lane: usize,
        /// Which notice.
        notice: NoticeId,
        /// What came of it.
        delivery: Delivery,
    },
    /// Somebody asks over the control socket.
    Ask {
        /// What.
        ask: Ask,
        /// Where the answer goes.
        reply: oneshot::Sender<Reply>,
    },
    /// A mailbox was looked at for the first time, whatever came of it.
    FirstLook,
    /// A mailbox's only pass is over (`run --once`).
    MailroomDone,
    /// SIGHUP: procedures and templates are to be read again.
    Reload,
    /// SIGTERM or SIGINT.
    Stop,
}
