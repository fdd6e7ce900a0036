//! 3. Commit: what was decided is brought to the disk, at once or not at all. Knows neither intake nor outbox.
//!
//! A data directory holds `lock`, `format`, `secret`, `db/` (the register: journal, records, outbox, indexes) and
//! `blob/` (raw and outgoing mails, procedures and texts, each named by its SHA-256); in `snapshot/` a copy of the
//! register while a backup or an export reads it. Personal data stands in journal payloads, the records and outbox
//! entries made from them, and in `blob/`; in keys there are only keyed hashes of it.
//!
//! The order for whoever writes: [`Store::keep`] the contents, [`Store::commit`] what refers to them,
//! [`Store::flush`], and only then let anything be seen outside.

mod backup;
mod check;
mod codec;
mod commit;
mod export;
#[doc(hidden)]
pub mod faults;
mod files;
#[doc(hidden)]
pub mod fuzzing;
mod import;
mod journal;
mod keys;
mod letters;
mod lines;
mod read;
mod recipe;
mod target;
mod totals;
mod upgrade;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub use backup::{Backup, BackupError, Restore, Restored, Snapshot, Turn};
pub use check::Verified;
pub use commit::{Commit, CommitError, Record, Seen, Taken, TakenRecord, Used};
pub use export::ExportError;
pub use import::{Import, ImportError, Imported};
pub use journal::Entry;
pub use keys::CountKey;
pub use letters::Room;
pub use read::{Looked, Numbers, Place};
pub use totals::Totals;

use crate::domain::signing::Signer;
use faults::{Faults, Step};
use files::Lock;
use letters::Letters;
use recipe::Engine;
use writer::Order;

/// Why the store can't.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Another process has it: exit 75, try again.
    #[error("the store in {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// What is on disk can't be what was written.
    #[error(
        "the store is damaged: {0}. Put a backup back with `klachtd restore DIR`, or carry an export over with \
         `klachtd import --replace FILE`; what is there is set aside, not deleted"
    )]
    Damaged(String),
    /// A later version of klachtd wrote it.
    #[error("the store has format {found}, this klachtd knows up to {known}: run the version that wrote it")]
    Newer {
        /// The format that was found.
        found: u32,
        /// The newest that this build knows.
        known: u32,
    },
    /// A write failed before: nothing is trusted until the daemon has started again.
    #[error("the store stopped after a failed write: {0}")]
    Broken(String),
    /// The operating system refused.
    #[error("can't {what}: {why}")]
    Io {
        /// What was tried.
        what: String,
        /// Its words.
        why: String,
        /// Whether the disk is full.
        full: bool,
    },
    /// The rights of a file, or a disk that can only be read, are against it.
    #[error("can't {what}: {why}")]
    Forbidden {
        /// What was tried.
        what: String,
        /// The words of the operating system.
        why: String,
    },
    /// No content has this SHA-256.
    #[error("the content {0} is not in the store")]
    Missing(String),
    /// This one content can't be read: a bad sector, a file that another owns.
    #[error("the content {name} can't be read: {why}")]
    Unreadable {
        /// Its SHA-256.
        name: String,
        /// The words of the operating system.
        why: String,
    },
    /// The caller asked for what can't be stored. Nothing was.
    #[error("can't be stored: {0}")]
    Invalid(String),
}

impl StoreError {
    /// Whether the disk was full and nothing was written.
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Io { full: true, .. })
    }

    /// Whether it concerns one document or content, and the rest of the store is as good as before.
    pub const fn is_of_one(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::Missing(_) | Self::Unreadable { .. } | Self::Invalid(_))
    }

    /// What is damaged, without what to do about it.
    fn in_short(&self) -> String {
        match self {
            Self::Damaged(what) => what.clone(),
            other => other.to_string(),
        }
    }

    fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }

    fn io(what: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::refused(format!("{what} {}", path.display()), error)
    }

    /// The operating system refused to do `what`.
    fn refused(what: String, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem, StorageFull};
        let why = error.to_string();
        match error.kind() {
            PermissionDenied | ReadOnlyFilesystem => Self::Forbidden { what, why },
            kind => Self::Io { what, why, full: kind == StorageFull },
        }
    }

    /// Of a register that is being opened: that the disk does not give what it holds is damage.
    fn at_opening(self) -> Self {
        match self {
            Self::Io { full: false, .. } => Self::Damaged(self.to_string()),
            other => other,
        }
    }
}

/// The store of one installation. Clones share it; the last one to go closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    /// Taken away at the end, by which the writing thread knows that it is the end.
    orders: Option<mpsc::Sender<Order>>,
    writer: Option<std::thread::JoinHandle<()>>,
    signer: Signer,
    dir: PathBuf,
    letters: Letters,
    engine: Arc<Engine>,
    faults: Faults,
    /// The last to go: another process may open only when the register is closed.
    _lock: Option<Lock>,
}

/// What a store is put together from.
struct Parts {
    dir: PathBuf,
    /// `None` when whoever opens it holds the place.
    lock: Option<Lock>,
    signer: Signer,
    engine: Arc<Engine>,
    letters: Letters,
    faults: Faults,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("dir", &self.inner.dir).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(writer) = self.writer.take() {
            // If it panicked, that was told when it happened.
            let _ = writer.join();
        }
    }
}

impl Store {
    /// Opens the store in `dir`; makes it when there is none. Blocks: 1 s for 100,000 complaints.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it, [`StoreError::Newer`] and [`StoreError::Damaged`] when it
    /// can't be used as it is, [`StoreError::Io`].
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::open_with(dir, Faults::default())
    }

    /// As [`Store::open`], on a disk and in a process that fail as they are told.
    #[doc(hidden)]
    pub fn open_with(dir: &Path, faults: Faults) -> Result<Self, StoreError> {
        let is_new = !dir.exists();
        std::fs::create_dir_all(dir).map_err(|e| StoreError::io("create", dir, &e))?;
        let dir = dir.canonicalize().map_err(|e| StoreError::io("find", dir, &e))?;
        let lock = Lock::take(&dir)?;
        let (signer, engine) = Self::register(&dir).map_err(StoreError::at_opening)?;
        let letters = Letters::open(dir.join("blob"))?;
        // What stays takes room and does no harm.
        let _ = backup::remove_abandoned(&dir);
        files::sync(&dir)?;
        // Only when we made it: we need not be allowed to read the folder above one that was made for us.
        if let Some(parent) = dir.parent().filter(|_| is_new) {
            files::sync(parent)?;
        }
        Self::begin(Parts { dir, lock: Some(lock), signer, engine, letters, faults })
    }

    fn register(dir: &Path) -> Result<(Signer, Arc<Engine>), StoreError> {
        let signer = upgrade::prepare(dir)?;
        let engine = Arc::new(Engine::open(&dir.join("db"))?);
        upgrade::begin(dir, &engine)?;
        Ok((signer, engine))
    }

    fn begin(parts: Parts) -> Result<Self, StoreError> {
        let Parts { dir, lock, signer, engine, letters, faults } = parts;
        let (orders, received) = mpsc::channel(writer::WAITING);
        let writer = std::thread::Builder::new()
            .name("store".into())
            .spawn({
                let (engine, signer) = (Arc::clone(&engine), signer.clone());
                move || writer::run(&engine, &signer, received)
            })
            .map_err(|e| StoreError::io("start the writer of", &dir, &e))?;
        let (orders, writer) = (Some(orders), Some(writer));
        Ok(Self {
            inner: Arc::new(Inner { orders, writer, signer, dir, letters, engine, faults, _lock: lock }),
        })
    }

    /// What signs Message-IDs and tokens: the secret of this installation.
    pub fn signer(&self) -> &Signer {
        &self.inner.signer
    }

    /// The most commits in one transaction.
    pub const MOST_COMMITS: usize = 256;

    /// Makes all commits (at most [`Store::MOST_COMMITS`]) in order in one transaction, or none. They are seen at
    /// once, and on disk after [`Store::flush`].
    ///
    /// # Errors
    /// [`CommitError::Conflict`] when one of them was decided on a state that has passed,
    /// [`StoreError::Invalid`] when it does not hold together; any other is the end of the store.
    pub async fn commit(&self, commits: Vec<Commit>) -> Result<(), CommitError> {
        if commits.len() > Self::MOST_COMMITS {
            return Err(StoreError::Invalid(format!("{} commits at once", commits.len())).into());
        }
        match self.inner.faults.before(Step::Commit)? {
            faults::Way::Lost => Ok(()),
            faults::Way::On => self.ask(|to| Order::Commit(commits, to)).await?,
        }
    }

    /// Brings everything committed before to the disk.
    ///
    /// # Errors
    /// Any; after one the store is [`StoreError::Broken`].
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.inner.faults.before(Step::Flush)?;
        self.ask(Order::Flush).await??;
        self.inner.faults.after(Step::Flush)
    }

    /// Forgets the counts of days before `before`.
    ///
    /// # Errors
    /// As [`Store::flush`].
    pub async fn drop_old_counts(&self, before: Date) -> Result<(), StoreError> {
        self.ask(|to| Order::DropCounts(before, to)).await?
    }

    /// Brings contents to the disk and gives their names, SHA-256 in hex, in the same order.
    ///
    /// # Errors
    /// [`StoreError::Io`]; nothing half written has a name then.
    pub async fn keep(&self, contents: Vec<Vec<u8>>) -> Result<Vec<String>, StoreError> {
        self.begin_keeping(contents).done().await
    }

    /// Begins to bring contents to the disk, in one of tokio's blocking threads, so within its runtime; they are there when
    /// [`Keeping::done`] has said so.
    pub fn begin_keeping(&self, contents: Vec<Vec<u8>>) -> Keeping {
        let may_begin = || {
            self.inner.engine.sound()?;
            self.inner.faults.before(Step::Keep)
        };
        let inner = Arc::clone(&self.inner);
        let begun = may_begin().map(|_| tokio::task::spawn_blocking(move || inner.letters.keep(&contents)));
        Keeping { begun, faults: self.inner.faults.clone() }
    }

    /// Brings everything to the disk and, when this is the last clone, closes the store.
    ///
    /// # Errors
    /// As [`Store::flush`].
    pub async fn close(self) -> Result<(), StoreError> {
        let flushed = self.flush().await;
        let dropped = tokio::task::spawn_blocking(move || drop(self));
        dropped.await.map_err(|e| StoreError::Broken(format!("closing: {e}")))?;
        flushed
    }

    async fn ask<T: Send + 'static>(
        &self,
        order: impl FnOnce(oneshot::Sender<T>) -> Order,
    ) -> Result<T, StoreError> {
        let ended = || StoreError::Broken("its writing thread has ended".into());
        let (to, answer) = oneshot::channel();
        let orders = self.inner.orders.as_ref().ok_or_else(ended)?;
        orders.send(order(to)).await.map_err(|_| ended())?;
        self.inner.faults.wait(answer).await.ok_or_else(ended)
    }
}

/// Contents on their way to the disk.
#[derive(Debug)]
#[must_use = "they are on disk only when it is done"]
pub struct Keeping {
    begun: Result<JoinHandle<Result<Vec<String>, StoreError>>, StoreError>,
    faults: Faults,
}

impl Keeping {
    /// Waits until they are on disk, and gives their names as [`Store::keep`] does.
    ///
    /// # Errors
    /// Those of [`Store::keep`].
    pub async fn done(self) -> Result<Vec<String>, StoreError> {
        let kept = self.begun?.await;
        let names = kept.unwrap_or_else(|e| Err(StoreError::Broken(format!("writing letters: {e}"))))?;
        self.faults.after(Step::Keep)?;
        Ok(names)
    }
}
