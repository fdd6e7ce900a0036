//! Files that survive a power cut: what is written here is on disk, name and all, when the call returns.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::StoreError;

/// An exclusive hold on a data directory; it ends with the value, and with the process.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the directory, or says that another process has it.
    pub(super) fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|e| StoreError::io("open", &path, &e))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::InUse(dir.to_owned())),
            Err(e) => Err(StoreError::io("lock", &path, &e.into())),
        }
    }
}

/// Makes a directory for our eyes only, when it is not there.
pub(super) fn make_dir(dir: &Path) -> Result<(), StoreError> {
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => Err(StoreError::io("create", dir, &e)),
        _ => Ok(()),
    }
}

/// Brings a file's bytes, or a directory's names, to the disk.
pub(super) fn sync(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|e| StoreError::io("sync", path, &e))
}

/// A whole file system, to bring everything that was written to it to the disk: one wait for many files.
#[derive(Debug)]
pub(super) struct Disk {
    dir: PathBuf,
    open: File,
}

/// File systems on which syncfs waits for the disk and tells what could not be written (numbers of statfs(2)): ext4, XFS,
/// Btrfs, F2FS and that in memory. Of FUSE, CIFS or an overlay that can't be said.
const WHOLE: [u64; 5] = [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994];

impl Disk {
    /// Whether one sync of the whole does for `dir` what a sync of each file does.
    pub(super) fn is_whole(dir: &Path) -> bool {
        let kind = rustix::fs::statfs(dir).map(|stat| u64::from_ne_bytes(stat.f_type.to_ne_bytes()));
        kind.is_ok_and(|kind| WHOLE.contains(&(kind & 0xffff_ffff))) && tells_failures()
    }

    /// The one on which `dir` lies. To be taken before anything is written: what fails to be written from now on, at any
    /// time, is known to [`Disk::sync`], and perhaps what another program failed to write.
    pub(super) fn of(dir: &Path) -> Result<Self, StoreError> {
        let open = File::open(dir).map_err(|e| StoreError::io("open", dir, &e))?;
        Ok(Self { dir: dir.to_owned(), open })
    }

    /// Waits until everything is on it.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        rustix::fs::syncfs(&self.open).map_err(|e| StoreError::io("sync the disk of", &self.dir, &e.into()))
    }
}

/// Whether syncfs tells what could not be written: since Linux 5.8 (syncfs(2)).
fn tells_failures() -> bool {
    let name = rustix::system::uname();
    let release = name.release().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (5, 8)
}

/// Bytes that are copied between two signs of life.
pub(super) const STRETCH: u64 = 64 << 20;

/// Copies a file for our eyes only; it is on disk only after [`sync`]. Between stretches it says that it is `alive`.
pub(super) fn copy(from: &Path, to: &Path, alive: &mut dyn FnMut()) -> Result<(), StoreError> {
    let mut copied = || {
        let source = File::open(from)?;
        let mut target = File::options().write(true).create(true).truncate(true).mode(0o600).open(to)?;
        loop {
            let copied = io::copy(&mut (&source).take(STRETCH), &mut target)?;
            alive();
            if copied < STRETCH {
                return Ok(());
            }
        }
    };
    copied().map_err(|e: io::Error| {
        let error = StoreError::io("copy", from, &e);
        // Of two disks the other one.
        if error.is_full() { StoreError::io("write", to, &e) } else { error }
    })
}

/// Copies the files of a folder into a new one, as [`copy`] does; those of its folders too.
pub(super) fn copy_folder(from: &Path, to: &Path, alive: &mut dyn FnMut()) -> Result<(), StoreError> {
    make_dir(to)?;
    for path in list(from)? {
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_folder(&path, &target, alive)?;
        } else {
            copy(&path, &target, alive)?;
        }
    }
    Ok(())
}

/// Bytes of the files of a folder; those of its folders too.
pub(super) fn size_of_folder(dir: &Path) -> Result<u64, StoreError> {
    list(dir)?.iter().try_fold(0, |sum, path| {
        let data = fs::metadata(path).map_err(|e| StoreError::io("look at", path, &e))?;
        Ok(sum + if data.is_dir() { size_of_folder(path)? } else { data.len() })
    })
}

/// Removes a folder that may be there, with all that is in it.
pub(super) fn remove_folder(dir: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(StoreError::io("remove", dir, &e)),
        _ => Ok(()),
    }
}

/// Brings every file of a directory and the names in it to the disk.
pub(super) fn sync_all_in(dir: &Path) -> Result<(), StoreError> {
    for path in list(dir)? {
        if path.is_file() {
            sync(&path)?;
        }
    }
    sync(dir)
}

/// The paths in a directory; none when it is not there.
pub(super) fn list(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|e| StoreError::io("list", dir, &e))?,
    };
    entries.map(|entry| Ok(entry.map_err(|e| StoreError::io("list", dir, &e))?.path())).collect()
}

/// Writes a new file for our eyes only and brings its bytes to the disk; its name is not yet.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let written = create(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|e| StoreError::io("write", path, &e))
}

/// Writes a new file for our eyes only; it is on disk only after [`sync`] or [`Disk::sync`].
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    create(path).and_then(|mut file| file.write_all(bytes)).map_err(|e| StoreError::io("write", path, &e))
}

fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)
}

/// Renames within the store.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(|e| StoreError::io("rename", from, &e))
}

/// Writes `dir/name` whole or not at all.
pub(super) fn write_whole(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let unfinished = dir.join(format!("{name}.new"));
    write_synced(&unfinished, bytes)?;
    rename(&unfinished, &dir.join(name))?;
    sync(dir)
}

/// The bytes of a file; `None` when it is not there.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StoreError::io("read", path, &e)),
    }
}

/// Removes a file that may be there.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(StoreError::io("remove", path, &e)),
        _ => Ok(()),
    }
}
