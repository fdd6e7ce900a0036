//! Copies of a register that can be relied on: made while the service runs, verified, and put back.
//!
//! A backup is a data directory like any other: `format`, `secret`, `db/` and `blob/`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::fs::{FlockOperation, flock};

use super::codec::Draft;
use super::commit::Head;
use super::faults::Faults;
use super::files::Lock;
use super::letters::{self, Letters, Room};
use super::recipe::{self, Engine};
use super::target::{Present, Target};
use super::writer::Order;
use super::{Parts, Store, StoreError, Verified, files, upgrade};

/// Why there is no backup, or why it was not put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The place is no place for it.
    #[error("{}: {why}", .dir.display())]
    Place {
        /// Which directory.
        dir: PathBuf,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// What is there, or what stands in its way.
    #[error("{}: {why}", .dir.display())]
    Refused {
        /// Which directory.
        dir: PathBuf,
        /// Why not, and what to do.
        why: String,
    },
    /// The store can't.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn refused<T>(dir: &Path, why: impl Into<String>) -> Result<T, BackupError> {
    Err(BackupError::Refused { dir: dir.to_owned(), why: why.into() })
}

impl Store {
    /// Copies the register as it is between two commits into a new folder of the data directory, for [`Snapshot`].
    /// Commits and reads wait while the files are copied, and meanwhile `alive` is called again and again. Folders that
    /// nobody holds any more are removed.
    ///
    /// # Errors
    /// [`StoreError`], also when the copy would leave too little room to fetch mail; nothing of use is left then.
    pub async fn snapshot(&self, alive: impl FnMut() + Send + 'static) -> Result<PathBuf, StoreError> {
        let inner = Arc::clone(&self.inner);
        let begun = tokio::task::spawn_blocking(move || {
            remove_abandoned(&inner.dir)?;
            leaves_room(&inner.dir.join("db"), inner.faults.room(letters::room(&inner.dir)?))?;
            new_folder(&inner.dir)
        });
        let begun = begun.await;
        let (dir, lock) = begun.map_err(|e| StoreError::Broken(format!("copying: {e}")))??;
        let copied = self.ask(|to| Order::Copy(dir.join("db"), Box::new(alive), to)).await;
        let copied = copied.and_then(|copied| copied);
        if let Err(error) = copied {
            let _ = files::remove_folder(&dir);
            return Err(error);
        }
        drop(lock);
        Ok(dir)
    }
}

/// Removes the copies that nobody holds.
pub(super) fn remove_abandoned(data: &Path) -> Result<(), StoreError> {
    for old in files::list(&data.join("snapshot"))? {
        if Lock::take(&old).is_ok() {
            files::remove_folder(&old)?;
        }
    }
    Ok(())
}

/// Refuses a copy of `db` that would stop the mail.
fn leaves_room(db: &Path, room: Room) -> Result<(), StoreError> {
    let (size, spare) = (files::size_of_folder(db)?, room.spare_bytes());
    if size <= spare {
        return Ok(());
    }
    let megabytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let why = format!(
        "it has {} MB, and of what is free on its disk {} MB can be spared while the service runs",
        megabytes(size),
        spare >> 20
    );
    Err(StoreError::Io { what: "copy the register".to_owned(), why, full: true })
}

/// A folder for a snapshot, held, with secret and format.
fn new_folder(data: &Path) -> Result<(PathBuf, Lock), StoreError> {
    let all = data.join("snapshot");
    files::make_dir(&all)?;
    let mut folders = (1..).map(|n: u32| all.join(n.to_string()));
    let dir = folders.find(|dir| !dir.exists()).expect("numbers do not end");
    files::make_dir(&dir)?;
    let lock = Lock::take(&dir)?;
    for name in ["secret", "format"] {
        files::copy(&data.join(name), &dir.join(name), &mut || ())?;
    }
    Ok((dir, lock))
}

/// A copy of a register as [`Store::snapshot`] made it; held until it is dropped, then removed.
#[derive(Debug)]
pub struct Snapshot {
    dir: PathBuf,
    blob: PathBuf,
    _lock: Lock,
}

/// The right to ask the service for a copy: of two who ask at once, the second would have the copy removed that the
/// first does not hold yet. Ends with the value.
#[derive(Debug)]
pub struct Turn {
    _data: File,
}

impl Turn {
    /// Waits until nobody else asks for a copy of the register in `data`; `None` when there is no such directory.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Forbidden`].
    pub fn wait(data: &Path) -> Result<Option<Self>, StoreError> {
        match File::open(data) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            opened => {
                let locked =
                    opened.and_then(|dir| Ok(flock(&dir, FlockOperation::LockExclusive).map(|()| dir)?));
                locked.map(|dir| Some(Self { _data: dir })).map_err(|e| StoreError::io("lock", data, &e))
            }
        }
    }
}

impl Snapshot {
    /// Takes hold of the copy in `dir`.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it.
    pub fn hold(dir: &Path) -> Result<Self, StoreError> {
        let data = dir.parent().and_then(Path::parent).unwrap_or(dir);
        Ok(Self { _lock: Lock::take(dir)?, blob: data.join("blob"), dir: dir.to_owned() })
    }

    /// Opens it, to be read.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open(&self) -> Result<Store, StoreError> {
        open_copy(&self.dir, &self.dir.join("db"), &self.blob, None)
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // What stays is removed by the next one.
        let _ = files::remove_folder(&self.dir);
    }
}

/// A gap in the numbers of what is put back, that follows the register which stands there.
#[derive(Clone, Copy)]
struct Leap<'a> {
    present: Option<&'a Head>,
    now: Timestamp,
}

/// Opens a register that lies beside its place. `dir` has its secret and format.
fn open_copy(dir: &Path, db: &Path, blob: &Path, leap: Option<Leap>) -> Result<Store, StoreError> {
    let signer = upgrade::signer_of(dir)?;
    let engine = Arc::new(Engine::open(db)?);
    upgrade::begin(dir, &engine)?;
    if let Some(Leap { present, now }) = leap {
        let mut head = Head::read(&*engine)?;
        if let Some(present) = present {
            head.follow(present);
        }
        head.leap(now.to_zoned(TimeZone::UTC).year());
        let mut draft = Draft::over(&*engine);
        head.write(&mut draft)?;
        engine.apply(&draft.into_changes())?;
    }
    let letters = Letters::of_another(blob.to_owned());
    Store::begin(Parts {
        dir: dir.to_owned(),
        lock: None,
        signer,
        engine,
        letters,
        faults: Faults::default(),
    })
}

/// Verifies a register that lies beside its place, and closes it.
fn verify_copy(dir: &Path, db: &Path, blob: &Path, leap: Option<Leap>) -> Result<Verified, StoreError> {
    let store = open_copy(dir, db, blob, leap)?;
    let verified = store.verify();
    drop(store);
    recipe::wait_for_release(db)?;
    verified
}

/// Copies the contents that are not in `to`; with `repair` those too that are there but were changed. After each stretch
/// `pace` is called.
fn copy_contents(from: &Path, to: &Path, repair: bool, pace: &mut dyn FnMut()) -> Result<(), StoreError> {
    let mut copied = 0;
    let (from, to) = (Letters::of_another(from.to_owned()), Letters::open(to.to_owned())?);
    for shelf in letters::SHELVES.chars() {
        for name in from.names(shelf)? {
            let length = |path: PathBuf| std::fs::metadata(path).ok().map(|file| file.len());
            let is_there = if repair {
                to.content(&name).is_ok()
            } else {
                length(to.path(&name)?) == length(from.path(&name)?)
            };
            if is_there {
                continue;
            }
            match from.content(&name) {
                Ok(bytes) => {
                    to.put(&name, &bytes)?;
                    copied += bytes.len() as u64;
                    if copied >= files::STRETCH {
                        copied = 0;
                        pace();
                    }
                }
                // What the register needs of these, the verification tells.
                Err(error) if error.is_of_one() => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// Whether none of these contents can be read in `blob` either.
fn are_lost_in(blob: &Path, names: &BTreeSet<String>) -> bool {
    let letters = Letters::of_another(blob.to_owned());
    names.iter().all(|name| letters.content(name).is_err_and(|error| error.is_of_one()))
}

/// The register of a backup; the one before it, while it is being replaced; a copy with faults.
const DB: &str = "db";
const OLD: &str = "db.old";
const FAULTY: &str = "db.faulty";

/// How to put a backup back.
#[derive(Debug, Clone, Copy)]
pub struct Restore {
    /// Set aside the register that stands there.
    pub replace: bool,
    /// Take the copy with faults, though there is a whole one.
    pub faulty: bool,
    /// The present time.
    pub now: Timestamp,
}

/// What was put back.
#[derive(Debug, serde::Serialize)]
pub struct Restored {
    /// What its verification found.
    #[serde(flatten)]
    pub verified: Verified,
    /// Which copy of the register it was.
    pub from: PathBuf,
    /// Where the register is that stood there before.
    pub set_aside: Option<PathBuf>,
}

/// A directory for backups, held.
#[derive(Debug)]
pub struct Backup {
    dir: PathBuf,
    _lock: Lock,
}

impl Backup {
    /// Takes the directory; makes it when it is not there.
    ///
    /// # Errors
    /// [`BackupError::Place`] when it lies in the data directory `store` or that in it, [`BackupError::Refused`] when it
    /// holds other things, [`StoreError::InUse`] when another backup is being made there.
    pub fn begin(dir: &Path, store: &Path) -> Result<Self, BackupError> {
        apart(dir, store)?;
        std::fs::create_dir_all(dir).map_err(|e| StoreError::io("create", dir, &e))?;
        let is_ours = dir.join("format").exists();
        if !is_ours && files::list(dir)?.iter().any(|path| !path.ends_with("lock")) {
            return refused(dir, "it holds other things; expected an empty directory, or an earlier backup");
        }
        let lock = Lock::take(dir)?;
        Ok(Self { dir: dir.to_owned(), _lock: lock })
    }

    /// Copies a snapshot, verifies the copy, and lets it take the place of the backup before it. A copy with faults
    /// does not: it stays beside, and where is told. That the register itself has lost contents is no fault of the
    /// copy: it would never be replaced again. Blocks for long.
    ///
    /// # Errors
    /// [`BackupError::Refused`] when the backup before it is of another installation.
    pub fn make(&self, snapshot: &Snapshot) -> Result<(Verified, Option<PathBuf>), BackupError> {
        let (dir, db, made) = (&self.dir, self.dir.join(DB), self.dir.join("db.tmp"));
        let secret = files::read(&snapshot.dir.join("secret"))?.unwrap_or_default();
        match files::read(&dir.join("secret"))? {
            Some(before) if before != secret => {
                return refused(dir, "it holds the backup of another installation; take another directory");
            }
            Some(_) => {}
            None => files::write_whole(dir, "secret", &secret)?,
        }
        files::write_whole(dir, "format", upgrade::label().as_bytes())?;
        let disk = files::Disk::of(dir)?;
        files::remove_folder(&made)?;
        // The service must not wait for gigabytes of ours when it brings a letter to the same disk. What fails is told below.
        let pace = files::Disk::of(dir)?;
        let pace = &mut || drop(pace.sync());
        files::copy_folder(&snapshot.dir.join("db"), &made, pace)?;
        let verified = self.fill(&made, &snapshot.blob, pace)?;
        disk.sync()?;
        let (faulty, before) = (dir.join(FAULTY), dir.join(OLD));
        files::remove_folder(&faulty)?;
        if verified.is_register_wrong || !are_lost_in(&snapshot.blob, &verified.lost) {
            files::rename(&made, &faulty)?;
            files::sync(dir)?;
            return Ok((verified, Some(faulty)));
        }
        // Between these two a restore takes db.old.
        if db.exists() {
            files::remove_folder(&before)?;
            files::rename(&db, &before)?;
        }
        files::rename(&made, &db)?;
        files::sync(dir)?;
        files::remove_folder(&before)?;
        Ok((verified, None))
    }

    /// Brings the contents that are missing, and verifies all; if that fails, brings those that were changed here.
    fn fill(&self, made: &Path, from: &Path, pace: &mut dyn FnMut()) -> Result<Verified, StoreError> {
        let blob = self.dir.join("blob");
        copy_contents(from, &blob, false, pace)?;
        let verified = verify_copy(&self.dir, made, &blob, None)?;
        if verified.ok {
            return Ok(verified);
        }
        copy_contents(from, &blob, true, pace)?;
        verify_copy(&self.dir, made, &blob, None)
    }

    /// Puts the backup in `dir` into the data directory `to`, with a gap in all numbers, and verifies it. A copy with
    /// faults is taken when there is no other. What stood there is set aside. Blocks for long.
    ///
    /// # Errors
    /// [`BackupError::Refused`] when `to` holds a readable register and `replace` is not set, or `dir` no backup
    /// that is sound; [`StoreError::InUse`] while a daemon runs. The register stays as it was then.
    pub fn restore(dir: &Path, to: &Path, how: Restore) -> Result<Restored, BackupError> {
        let names: &[&str] = if how.faulty { &[FAULTY] } else { &[DB, OLD, FAULTY] };
        let from = names.iter().map(|name| dir.join(name)).find(|db| db.exists());
        let (Some(from), Some(secret)) = (from, files::read(&dir.join("secret"))?) else {
            let what = if how.faulty { "no copy with faults (db.faulty)" } else { "no complete backup" };
            return refused(dir, format!("it holds {what}"));
        };
        apart(dir, to)?;
        // A disk that can only be read holds no lock, and nobody replaces a backup on it.
        let _hold = match Lock::take(dir) {
            Err(error @ StoreError::InUse(_)) => return Err(error.into()),
            held => held.ok(),
        };
        upgrade::signer_of(dir)?;
        let target = Target::take(to)?;
        let (why, present) = match target.present()? {
            Present::Nothing => ("empty", None),
            Present::Damaged(_) => ("damaged", None),
            Present::Register(head) if how.replace => ("before-restore", Some(head)),
            Present::Register(head) => {
                let words = format!(
                    "it holds a register with {} complaints; --replace sets it aside (it is not deleted)",
                    head.totals.all_complaints()
                );
                return refused(&target.dir, words);
            }
        };
        let (made, blob) = (target.dir.join("db.restore-tmp"), target.dir.join("blob"));
        let put_back = || {
            files::remove_folder(&made)?;
            files::copy_folder(&from, &made, &mut || ())?;
            copy_contents(&dir.join("blob"), &blob, true, &mut || ())?;
            let leap = Leap { present: present.as_ref(), now: how.now };
            let verified = match verify_copy(dir, &made, &blob, Some(leap)) {
                Err(StoreError::Damaged(why)) => return refused(dir, unreadable(&from, &why)),
                verified => verified?,
            };
            let set_aside = target.settle(&made, &secret, why, how.now)?;
            Ok(Restored { verified, from: from.clone(), set_aside })
        };
        put_back().inspect_err(|_: &BackupError| target.give_up(&made))
    }
}

/// The register that stands there is not to blame, and is as it was.
fn unreadable(copy: &Path, why: &str) -> String {
    format!(
        "the register in {} is damaged: {why}. Take an earlier backup, or carry an export over with `klachtd import`; the \
         present register is as it was",
        copy.display()
    )
}

/// Refuses one directory in the other.
fn apart(dir: &Path, store: &Path) -> Result<(), BackupError> {
    let (backup, data) = (whole(dir)?, whole(store)?);
    if backup.starts_with(&data) || data.starts_with(&backup) {
        let why = format!("a backup must not lie with the store in {}", data.display());
        return Err(BackupError::Place { dir: dir.to_owned(), why });
    }
    Ok(())
}

/// The path without links, as far as it exists.
fn whole(path: &Path) -> Result<PathBuf, StoreError> {
    let path = std::path::absolute(path).map_err(|e| StoreError::io("find", path, &e))?;
    let mut there = path.as_path();
    loop {
        match (there.canonicalize(), there.parent()) {
            (Ok(real), _) => return Ok(real.join(path.strip_prefix(there).unwrap_or(Path::new("")))),
            (Err(_), Some(parent)) => there = parent,
            (Err(e), None) => return Err(StoreError::io("find", &path, &e)),
        }
    }
}
