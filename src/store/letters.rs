//! Raw and outgoing mails, procedures and texts: files named by the SHA-256 of what they hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::HEXLOWER;
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::{StoreError, files};

/// Threads that bring the files of a small batch to the disk: a file's sync is waiting, not work.
const SYNC_THREADS: usize = 4;

/// From so many files on, one wait for all that the disk has to write costs less than one for each.
const TOGETHER: usize = 16;

/// The folders that contents stand in, by the first digit of their names. Each is synced once per batch, so there are
/// few: a batch of a hundred mails would touch nearly a hundred of 256.
pub(super) const SHELVES: &str = "0123456789abcdef";

fn shelf(name: &str) -> &str {
    &name[..1]
}

/// The folder of contents.
#[derive(Debug)]
pub(super) struct Letters {
    dir: PathBuf,
    /// Makes the names of unfinished files differ.
    unfinished: AtomicU64,
    /// Whether many files can wait for the disk together.
    is_whole: bool,
}

impl Letters {
    /// Makes the folders, once; removes what was left unfinished.
    pub(super) fn open(dir: PathBuf) -> Result<Self, StoreError> {
        files::make_dir(&dir)?;
        let unfinished = dir.join("tmp");
        files::make_dir(&unfinished)?;
        for path in files::list(&unfinished)? {
            files::remove(&path)?;
        }
        for shelf in SHELVES.chars() {
            files::make_dir(&dir.join(shelf.to_string()))?;
        }
        files::sync(&dir)?;
        let is_whole = files::Disk::is_whole(&dir);
        Ok(Self { dir, unfinished: AtomicU64::new(0), is_whole })
    }

    /// The folder as another has made it: nothing in it is touched, and nothing may be kept.
    pub(super) const fn of_another(dir: PathBuf) -> Self {
        Self { dir, unfinished: AtomicU64::new(0), is_whole: false }
    }

    /// The names of the contents on one shelf, in order.
    pub(super) fn names(&self, digit: char) -> Result<Vec<String>, StoreError> {
        let paths = files::list(&self.dir.join(digit.to_string()))?;
        let name = |path: PathBuf| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let mut names: Vec<String> = paths.into_iter().filter_map(name).collect();
        names.retain(|name| self.path(name).is_ok());
        names.sort_unstable();
        Ok(names)
    }

    /// Writes a content, also over one that is there; it is on disk only after [`files::Disk::sync`].
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let (path, unfinished) = (self.path(name)?, self.new_name());
        files::write(&unfinished, bytes)?;
        files::rename(&unfinished, &path)
    }

    fn new_name(&self) -> PathBuf {
        self.dir.join("tmp").join(self.unfinished.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Brings contents to the disk, those that are there already too; gives their names in order. Blocks.
    pub(super) fn keep(&self, contents: &[Vec<u8>]) -> Result<Vec<String>, StoreError> {
        let names: Vec<String> = contents.iter().map(|bytes| sha256(bytes)).collect();
        let missing = self.missing(&names, contents)?;
        if missing.len() >= TOGETHER && self.is_whole {
            self.write_together(&missing, &names)?;
        } else {
            self.write_each(&missing, &names)?;
        }
        Ok(names)
    }

    /// The content with this name. Its hash is verified. That it can't be read is its own fault, unless nothing could.
    pub(super) fn content(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let path = self.path(name)?;
        let bytes = std::fs::read(&path).map_err(|e| match Errno::from_io_error(&e) {
            Some(Errno::NOENT) => StoreError::Missing(name.to_owned()),
            Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => StoreError::io("read", &path, &e),
            _ => StoreError::Unreadable { name: name.to_owned(), why: e.to_string() },
        })?;
        if sha256(&bytes) != name {
            return Err(StoreError::damaged(format!("the content {name} was changed")));
        }
        Ok(bytes)
    }

    /// Whether there is a content with this name, whatever it holds. That it can't be looked at is no no.
    pub(super) fn has(&self, name: &str) -> Result<bool, StoreError> {
        let path = self.path(name)?;
        match std::fs::metadata(&path) {
            Ok(data) => Ok(data.is_file()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(StoreError::io("look at", &path, &e)),
        }
    }

    fn missing<'a>(
        &self,
        names: &'a [String],
        contents: &'a [Vec<u8>],
    ) -> Result<Vec<(&'a str, &'a [u8])>, StoreError> {
        let mut missing = BTreeMap::new();
        for (name, bytes) in names.iter().zip(contents) {
            let there = std::fs::metadata(self.path(name)?);
            if !there.is_ok_and(|file| file.len() == bytes.len() as u64) {
                missing.insert(name.as_str(), bytes.as_slice());
            }
        }
        Ok(missing.into_iter().collect())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let unfinished = self.new_name();
        let written = files::write_synced(&unfinished, bytes)
            .and_then(|()| files::rename(&unfinished, &self.path(name)?));
        if written.is_err() {
            // A full disk must not stay full of halves; the first error is the one to tell.
            let _ = files::remove(&unfinished);
        }
        written
    }

    /// Each with a sync of its own.
    fn write_each(&self, missing: &[(&str, &[u8])], names: &[String]) -> Result<(), StoreError> {
        let share = missing.len().div_ceil(SYNC_THREADS).max(1);
        in_threads(missing.chunks(share), |part| {
            part.iter().try_for_each(|(name, bytes)| self.write(name, bytes))
        })?;
        self.sync_shelves(names)
    }

    /// Also where a file was there before: a crash may have come between its name and that name's sync.
    fn sync_shelves(&self, names: &[String]) -> Result<(), StoreError> {
        let shelves: BTreeSet<PathBuf> = names.iter().map(|name| self.dir.join(shelf(name))).collect();
        let shelves: Vec<PathBuf> = shelves.into_iter().collect();
        let share = shelves.len().div_ceil(SYNC_THREADS).max(1);
        in_threads(shelves.chunks(share), |part| part.iter().try_for_each(|shelf| files::sync(shelf)))
    }

    /// All at once. They get their names only when every byte is on disk: a name never stands for half a content.
    /// Where the disk as a whole has a failure to tell, which may be another's, each file is asked.
    fn write_together(&self, missing: &[(&str, &[u8])], names: &[String]) -> Result<(), StoreError> {
        let disk = files::Disk::of(&self.dir)?;
        let unfinished: Vec<PathBuf> = missing.iter().map(|_| self.new_name()).collect();
        let pairs = || missing.iter().zip(&unfinished);
        let kept = pairs()
            .try_for_each(|((_, bytes), path)| files::write(path, bytes))
            .and_then(|()| disk.sync().or_else(|_| unfinished.iter().try_for_each(|path| files::sync(path))))
            .and_then(|()| pairs().try_for_each(|((name, _), path)| files::rename(path, &self.path(name)?)))
            .and_then(|()| disk.sync().or_else(|_| self.sync_shelves(names)));
        if kept.is_err() {
            // A full disk must not stay full of halves; the first error is the one to tell.
            for path in &unfinished {
                let _ = files::remove(path);
            }
        }
        kept
    }

    pub(super) fn path(&self, name: &str) -> Result<PathBuf, StoreError> {
        let is_hash = name.len() == 64 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !is_hash {
            return Err(StoreError::Invalid(format!("{name:?} is no SHA-256")));
        }
        Ok(self.dir.join(shelf(name)).join(name))
    }
}

/// The name of a content: its SHA-256 in hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// Free space where `dir` lies.
pub(super) fn room(dir: &Path) -> Result<Room, StoreError> {
    let stat = rustix::fs::statvfs(dir).map_err(|e| StoreError::io("measure", dir, &e.into()))?;
    Ok(Room {
        free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
        total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
    })
}

/// Space on the disk of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes that we may still write.
    pub free_bytes: u64,
    /// Bytes of the whole file system.
    pub total_bytes: u64,
}

impl Room {
    /// Below this many bytes, or below 2 %, whichever is less, no mail is fetched (product: "When things go wrong").
    const LEAST: u64 = 32 << 20;

    /// Whether mail may be fetched.
    pub const fn is_enough(self) -> bool {
        self.free_bytes >= self.least()
    }

    /// Whether it is time to make room: below twice that limit.
    pub const fn is_low(self) -> bool {
        self.free_bytes < self.least().saturating_mul(2)
    }

    /// Bytes that may be written before there is too little to fetch mail.
    pub(super) const fn spare_bytes(self) -> u64 {
        self.free_bytes.saturating_sub(self.least())
    }

    const fn least(self) -> u64 {
        let two_percent = self.total_bytes / 50;
        if two_percent < Self::LEAST { two_percent } else { Self::LEAST }
    }
}

/// Runs one part in each thread; a single part in this one.
fn in_threads<'a, T: Sync + 'a>(
    parts: impl ExactSizeIterator<Item = &'a [T]>,
    work: impl Fn(&[T]) -> Result<(), StoreError> + Sync,
) -> Result<(), StoreError> {
    if parts.len() <= 1 {
        return parts.into_iter().try_for_each(&work);
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = parts.map(|part| scope.spawn(|| work(part))).collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(StoreError::damaged("a thread that wrote letters panicked")))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(dir: &Path) -> Letters {
        Letters::open(dir.join("blob")).unwrap()
    }

    #[test]
    fn contents_come_back_under_their_hash_and_are_kept_once() {
        // Together, and each with a wait of its own as on a disk that tells less.
        for is_whole in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let letters = Letters { is_whole, ..letters(dir.path()) };
            let contents: Vec<Vec<u8>> = (0..40_u8).map(|n| vec![n / 2; 100]).collect();
            let names = letters.keep(&contents).unwrap();
            assert_eq!(letters.keep(&contents).unwrap(), names);
            for (name, bytes) in names.iter().zip(&contents) {
                assert_eq!(&letters.content(name).unwrap(), bytes);
            }
            assert!(files::list(&dir.path().join("blob/tmp")).unwrap().is_empty());
        }
    }

    #[test]
    fn of_many_contents_none_is_left_half_when_one_fails() {
        let dir = tempfile::tempdir().unwrap();
        let letters = letters(dir.path());
        let contents: Vec<Vec<u8>> = (0..40_u8).map(|n| vec![n; 100]).collect();
        let names: Vec<String> = contents.iter().map(|bytes| sha256(bytes)).collect();
        let blocked = letters.path(&names[17]).unwrap();
        std::fs::create_dir(&blocked).unwrap();
        assert!(letters.keep(&contents).is_err());
        assert!(files::list(&dir.path().join("blob/tmp")).unwrap().is_empty());
        for (name, bytes) in names.iter().zip(&contents).filter(|(name, _)| **name != names[17]) {
            let kept = letters.content(name);
            assert!(
                matches!(&kept, Ok(kept) if kept == bytes) || matches!(kept, Err(StoreError::Missing(_)))
            );
        }
        std::fs::remove_dir(&blocked).unwrap();
        assert_eq!(letters.keep(&contents).unwrap(), names);
        assert!(names.iter().zip(&contents).all(|(name, bytes)| letters.content(name).unwrap() == *bytes));
    }

    #[test]
    fn a_changed_missing_or_misnamed_content_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let letters = letters(dir.path());
        let name = letters.keep(&[b"a letter".to_vec()]).unwrap().remove(0);
        std::fs::write(letters.path(&name).unwrap(), b"b letter").unwrap();
        assert!(matches!(letters.content(&name), Err(StoreError::Damaged(_))));
        assert!(matches!(letters.content(&sha256(b"x")), Err(StoreError::Missing(_))));
        assert!(matches!(letters.content("../../secret"), Err(StoreError::Invalid(_))));
        std::fs::create_dir(letters.path(&sha256(b"y")).unwrap()).unwrap();
        assert!(matches!(letters.content(&sha256(b"y")), Err(StoreError::Unreadable { .. })));
    }

    #[test]
    fn a_file_that_was_cut_short_is_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let letters = letters(dir.path());
        let name = letters.keep(&[b"a letter".to_vec()]).unwrap().remove(0);
        std::fs::write(letters.path(&name).unwrap(), b"a").unwrap();
        letters.keep(&[b"a letter".to_vec()]).unwrap();
        assert_eq!(letters.content(&name).unwrap(), b"a letter");
    }

    #[test]
    fn room_is_short_below_the_lesser_of_the_two_limits() {
        let room = |free_bytes, total_bytes| Room { free_bytes, total_bytes }.is_enough();
        assert!(room(33 << 20, 100 << 30) && !room(31 << 20, 100 << 30));
        assert!(room(3 << 20, 100 << 20) && !room(1 << 20, 100 << 20));
    }
}
