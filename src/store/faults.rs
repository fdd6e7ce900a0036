//! A disk and a process that fail as a simulation tells them: before and after each step by which something becomes
//! durable. Outside simulations nothing here happens.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, oneshot};

use super::StoreError;
use super::letters::Room;

/// What the store is about to do, or has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Contents are written as files.
    Keep,
    /// A transaction is made.
    Commit,
    /// It is brought to the disk.
    Flush,
}

/// What goes wrong at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The process dies before the step. Of a commit all is seen to be well until it would be brought to the disk: so
    /// what was let out too early shows.
    Death,
    /// The process dies after the step.
    DeathAfter,
}

/// What goes wrong at each step.
pub type Plan = dyn Fn(Step) -> Fault + Send + Sync;

/// The failing disk and process; by default neither fails.
#[derive(Clone, Default)]
pub struct Faults(Option<Arc<Failing>>);

struct Failing {
    plan: Box<Plan>,
    /// A commit was lost: the process dies before it can be brought to the disk.
    doomed: AtomicBool,
    dead: AtomicBool,
    died: Notify,
    full: AtomicBool,
    /// Nothing fails any more.
    spared: AtomicBool,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("simulated", &self.0.is_some()).finish()
    }
}

/// How a commit goes on.
pub(super) enum Way {
    /// As it should.
    On,
    /// It is taken and never reaches the disk.
    Lost,
}

impl Faults {
    /// A disk and a process that fail by `plan`.
    pub fn by(plan: Box<Plan>) -> Self {
        Self(Some(Arc::new(Failing {
            plan,
            doomed: AtomicBool::new(false),
            dead: AtomicBool::new(false),
            died: Notify::new(),
            full: AtomicBool::new(false),
            spared: AtomicBool::new(false),
        })))
    }

    /// Fills the disk, or makes room.
    pub fn fill(&self, full: bool) {
        if let Some(failing) = &self.0 {
            failing.full.store(full, Ordering::SeqCst);
        }
    }

    /// From now on nothing fails.
    pub fn spare(&self) {
        if let Some(failing) = &self.0 {
            failing.spared.store(true, Ordering::SeqCst);
        }
    }

    /// The process dies now, if it has not died before.
    pub fn kill(&self) {
        if let Some(failing) = &self.0 {
            failing.die();
        }
    }

    /// Whether the process died.
    pub fn is_dead(&self) -> bool {
        self.0.as_ref().is_some_and(|failing| failing.dead.load(Ordering::SeqCst))
    }

    /// Returns when the process dies.
    pub async fn death(&self) {
        match &self.0 {
            Some(failing) if !self.is_dead() => failing.died.notified().await,
            Some(_) => {}
            None => std::future::pending().await,
        }
    }

    pub(super) fn before(&self, step: Step) -> Result<Way, StoreError> {
        let Some(failing) = &self.0 else { return Ok(Way::On) };
        failing.alive()?;
        if failing.full.load(Ordering::SeqCst) && step != Step::Flush {
            return Err(full());
        }
        if step == Step::Flush && failing.doomed.load(Ordering::SeqCst) {
            return Err(failing.die());
        }
        match failing.fault(step) {
            Fault::Death if step == Step::Commit => {
                failing.doomed.store(true, Ordering::SeqCst);
                Ok(Way::Lost)
            }
            // Between a commit and its flush the caller does nothing else: dying there is dying at the commit.
            Fault::Death if step == Step::Keep => Err(failing.die()),
            _ => Ok(Way::On),
        }
    }

    pub(super) fn after(&self, step: Step) -> Result<(), StoreError> {
        let Some(failing) = &self.0 else { return Ok(()) };
        failing.alive()?;
        match failing.fault(step) {
            Fault::DeathAfter => Err(failing.die()),
            _ => Ok(()),
        }
    }

    pub(super) fn room(&self, room: Room) -> Room {
        let full = self.0.as_ref().is_some_and(|failing| failing.full.load(Ordering::SeqCst));
        if full { Room { free_bytes: 0, ..room } } else { room }
    }

    /// Waits for the writing thread. Simulated time stands still meanwhile: it does so for as long as one of tokio's
    /// blocking threads works, and the writing thread is none.
    pub(super) async fn wait<T: Send + 'static>(&self, answer: oneshot::Receiver<T>) -> Option<T> {
        if self.0.is_none() {
            return answer.await.ok();
        }
        tokio::task::spawn_blocking(move || answer.blocking_recv().ok()).await.ok().flatten()
    }
}

impl Failing {
    fn fault(&self, step: Step) -> Fault {
        if self.spared.load(Ordering::SeqCst) { Fault::None } else { (self.plan)(step) }
    }

    fn alive(&self) -> Result<(), StoreError> {
        if self.dead.load(Ordering::SeqCst) { Err(dead()) } else { Ok(()) }
    }

    fn die(&self) -> StoreError {
        self.dead.store(true, Ordering::SeqCst);
        // Also for who begins to wait only now.
        self.died.notify_one();
        dead()
    }
}

fn dead() -> StoreError {
    StoreError::Broken("the process has died".to_owned())
}

fn full() -> StoreError {
    StoreError::Io { what: "write".to_owned(), why: "no space left on device".to_owned(), full: true }
}
