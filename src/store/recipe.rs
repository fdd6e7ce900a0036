//! sled, used the one way in which it keeps its word after a power cut. No other file names it.
//!
//! sled 0.34.7 by itself loses acknowledged commits when the power goes and can become unopenable when it is
//! killed while it starts. Hence the rules, numbered where they are kept: (1) the settings below, never others;
//! (2) an own lock, and leftovers of unfinished snapshots are removed before opening; (3) everything is brought
//! to the disk after opening; (4) one thread writes, and after sled's flush syncs the file itself, because sled
//! only starts the writing; (5) values stay below 4,000 bytes, because larger pages go to files in `blobs/`
//! that sled never syncs; (6) a transaction only puts and removes what was worked out before it; (7) after a
//! failed write nothing is trusted: the daemon ends and starts again.

use std::fs::File;
use std::ops::{Bound, RangeBounds};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use sled::transaction::{ConflictableTransactionError, TransactionError};
use sled::{Config, Db, Mode, Transactional, Tree};

use super::codec::{Changes, Source};
use super::keys::Table;
use super::{StoreError, files, letters};

/// Bytes of pages that are held in memory.
const CACHE: u64 = 16 << 20;
/// Bytes that must be free before sled is asked to write, and the part of its file that its next snapshot may take: a
/// write that fails half-way is the end of the service (rule 7), one that is not begun is tried again when there is room.
const SPARE: u64 = 8 << 20;
const SNAPSHOT_PART: u64 = 64;
/// How often and how long apart it is asked whether a register that was just closed is free: 5 s in all.
const RELEASE_TRIES: u32 = 1_000;
const RELEASE_PAUSE: Duration = Duration::from_millis(5);

/// The tables of the store.
pub(super) struct Engine {
    /// In the order of [`Table::ALL`].
    trees: Vec<Tree>,
    db: Db,
    dir: PathBuf,
    /// The file that sled writes, for the syncing that sled does not do.
    data: File,
    /// Held shared over reads that belong together, alone while a transaction is made.
    gate: RwLock<()>,
    /// What went wrong in writing.
    broken: OnceLock<String>,
}

impl Engine {
    /// Opens the tables in `dir`, which the caller has locked (rule 2).
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        files::make_dir(dir)?;
        for path in files::list(dir)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with("snap.") && name.ends_with(".generating") {
                files::remove(&path)?;
            }
        }
        refuse_blobs(dir)?;
        wait_for_release(dir)?;
        // Some damage makes sled panic instead of giving an error.
        let (db, trees) = catch_unwind(AssertUnwindSafe(|| open_trees(dir)))
            .map_err(|_| StoreError::damaged("the register could not be read"))??;
        let path = dir.join("db");
        let data = File::open(&path).map_err(|e| StoreError::io("open", &path, &e))?;
        let engine =
            Self { trees, db, dir: dir.to_owned(), data, gate: RwLock::new(()), broken: OnceLock::new() };
        engine.db.flush().map_err(|e| from_sled(&e))?;
        files::sync_all_in(dir)?;
        if let Some(parent) = dir.parent() {
            files::sync(parent)?;
        }
        Ok(engine)
    }

    /// Values of one moment: no transaction comes between the reads of a view. Never take two at a time.
    pub(super) fn view(&self) -> Result<View<'_>, StoreError> {
        self.sound()?;
        let guard = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        Ok(View { engine: self, _guard: guard })
    }

    /// Makes the changes in one transaction. Seen at once; on disk after [`Engine::sync`].
    pub(super) fn apply(&self, changes: &Changes) -> Result<(), StoreError> {
        self.sound()?;
        self.has_room()?;
        let _guard = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        let made = self.trees.transaction(|trees| {
            for ((table, key), value) in changes {
                let tree = &trees[*table as usize];
                match value {
                    Some(value) => tree.insert(key.as_slice(), value.as_slice())?,
                    None => tree.remove(key.as_slice())?,
                };
            }
            Ok::<(), ConflictableTransactionError<()>>(())
        });
        made.map_err(|e| {
            self.fails(match &e {
                TransactionError::Storage(e) => from_sled(e),
                TransactionError::Abort(()) => StoreError::damaged("a transaction was given up"),
            })
        })
    }

    fn has_room(&self) -> Result<(), StoreError> {
        let size = self.data.metadata().map_err(|e| StoreError::io("look at", &self.dir, &e))?.len();
        let (free, wanted) = (letters::room(&self.dir)?.free_bytes, SPARE + size / SNAPSHOT_PART);
        if free >= wanted {
            return Ok(());
        }
        let why = format!("only {} MB are free on its disk, and {} are wanted", free >> 20, wanted >> 20);
        Err(StoreError::Io { what: "write to the register".into(), why, full: true })
    }

    /// Brings everything applied so far to the disk (rules 4 and 5).
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.sound()?;
        let synced = self
            .db
            .flush()
            .map_err(|e| from_sled(&e))
            .and_then(|_| self.data.sync_data().map_err(|e| StoreError::io("sync", &self.dir, &e)))
            .and_then(|()| refuse_blobs(&self.dir));
        synced.map_err(|e| self.fails(e))
    }

    /// Copies the files of the register as they are between two transactions; on disk only after a sync of the copy.
    /// Readers wait too: sled tidies up its pages while it reads.
    pub(super) fn copy_to(&self, dir: &Path, alive: &mut dyn FnMut()) -> Result<(), StoreError> {
        let _guard = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        self.sync()?;
        files::copy_folder(&self.dir, dir, alive)
    }

    /// Brings everything to the disk and closes the files.
    pub(super) fn close(self) -> Result<(), StoreError> {
        self.sync()?;
        let Self { trees, db, dir, data, .. } = self;
        drop((trees, db, data));
        wait_for_release(&dir)
    }

    /// Refuses all work after a failed write (rule 7).
    pub(super) fn sound(&self) -> Result<(), StoreError> {
        self.broken.get().map_or(Ok(()), |why| Err(StoreError::Broken(why.clone())))
    }

    fn fails(&self, error: StoreError) -> StoreError {
        let _ = self.broken.set(error.to_string());
        error
    }

    fn tree(&self, table: Table) -> &Tree {
        &self.trees[table as usize]
    }
}

/// Only the writing thread reads the engine itself: nobody else changes it meanwhile.
impl Source for Engine {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.tree(table).get(key).map_err(|e| from_sled(&e))?;
        Ok(value.map(|bytes| bytes.to_vec()))
    }
}

/// The tables as they are between two transactions.
pub(super) struct View<'a> {
    engine: &'a Engine,
    _guard: RwLockReadGuard<'a, ()>,
}

impl Source for View<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.engine.get(table, key)
    }
}

/// Keys and values in order.
pub(super) type Page = Vec<(Vec<u8>, Vec<u8>)>;

impl View<'_> {
    /// At most `limit` entries of a range. For the small index tables alone: a range that sled has read stays in
    /// memory whatever the cache's size.
    pub(super) fn page(
        &self,
        table: Table,
        range: impl RangeBounds<Vec<u8>>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let entries = self.engine.tree(table).range(range).take(limit);
        entries
            .map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())).map_err(|e| from_sled(&e)))
            .collect()
    }

    /// As [`View::page`], from after a key to the end.
    pub(super) fn page_after(&self, table: Table, after: &[u8], limit: usize) -> Result<Page, StoreError> {
        self.page(table, (Bound::Excluded(after.to_vec()), Bound::Unbounded), limit)
    }
}

fn open_trees(dir: &Path) -> Result<(Db, Vec<Tree>), StoreError> {
    let config = Config::new().path(dir).mode(Mode::LowSpace).cache_capacity(CACHE).flush_every_ms(None);
    let db = config.open().map_err(|e| from_sled(&e))?;
    let trees = Table::ALL.iter().map(|(_, name)| db.open_tree(name).map_err(|e| from_sled(&e)));
    let trees = trees.collect::<Result<_, _>>()?;
    Ok((db, trees))
}

/// Waits until a store that this process closed a moment ago has let go of the file.
///
/// sled's own threads hold on to it, and to their lock on it, for some milliseconds after the last handle went.
pub(super) fn wait_for_release(dir: &Path) -> Result<(), StoreError> {
    let Ok(file) = File::open(dir.join("db")) else { return Ok(()) };
    for _ in 0..RELEASE_TRIES {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => std::thread::sleep(RELEASE_PAUSE),
            Err(e) => return Err(StoreError::io("lock", dir, &e.into())),
            Ok(()) => return Ok(()),
        }
    }
    Err(StoreError::InUse(dir.to_owned()))
}

/// A file in `blobs/` means that a page grew beyond what is safe at a power cut (rule 5).
fn refuse_blobs(dir: &Path) -> Result<(), StoreError> {
    if files::list(&dir.join("blobs"))?.is_empty() {
        return Ok(());
    }
    Err(StoreError::damaged("the register holds a value too large to be safe (a file in db/blobs)"))
}

fn from_sled(error: &sled::Error) -> StoreError {
    match error {
        sled::Error::Io(e) if e.kind() == std::io::ErrorKind::StorageFull => StoreError::Io {
            what: "use the register".into(),
            why: "no space is left on its disk; make room".to_owned(),
            full: true,
        },
        sled::Error::Io(e) => StoreError::refused("use the register".into(), e),
        other => StoreError::damaged(other.to_string()),
    }
}
