//! Where a register is put that was made elsewhere: by an import, or from a backup. What stands there is set aside, never
//! deleted.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::codec::{self, Source};
use super::commit::Head;
use super::files::{Disk, Lock};
use super::keys::{self, Table};
use super::recipe::Engine;
use super::{StoreError, files, upgrade};

/// A data directory, held against every other process.
pub(super) struct Target {
    pub(super) dir: PathBuf,
    is_new: bool,
    had_contents: bool,
    disk: Disk,
    _lock: Lock,
}

/// What stands in a data directory.
#[derive(Debug)]
pub(super) enum Present {
    /// No register, or one in which nothing ever happened.
    Nothing,
    /// A register that can't be opened, and why.
    Damaged(String),
    /// A register, with this head.
    Register(Head),
}

impl Target {
    /// Takes the directory; makes it when it is not there.
    pub(super) fn take(dir: &Path) -> Result<Self, StoreError> {
        let is_new = !dir.exists();
        std::fs::create_dir_all(dir).map_err(|e| StoreError::io("create", dir, &e))?;
        let dir = dir.canonicalize().map_err(|e| StoreError::io("find", dir, &e))?;
        let lock = Lock::take(&dir)?;
        let had_contents = dir.join("blob").exists();
        let disk = Disk::of(&dir)?;
        Ok(Self { dir, is_new, had_contents, disk, _lock: lock })
    }

    /// What stands there now.
    pub(super) fn present(&self) -> Result<Present, StoreError> {
        if !self.dir.join("db").exists() {
            return Ok(Present::Nothing);
        }
        match self.look().map_err(StoreError::at_opening) {
            Err(error @ (StoreError::Damaged(_) | StoreError::Newer { .. })) => {
                Ok(Present::Damaged(error.in_short()))
            }
            looked => looked,
        }
    }

    fn look(&self) -> Result<Present, StoreError> {
        upgrade::signer_of(&self.dir)?;
        let engine = Engine::open(&self.dir.join("db"))?;
        let has_head = engine.get(Table::Head, &codec::first_piece(keys::HEAD))?.is_some();
        let head = Head::read(&engine)?;
        engine.close()?;
        if !has_head && self.had_contents {
            return Err(StoreError::damaged("the register is empty but letters are there"));
        }
        let is_empty = head.seq == 0 && head.next_complaint == 1 && head.next_notice == 1;
        Ok(if is_empty { Present::Nothing } else { Present::Register(head) })
    }

    /// Puts the closed register `made`, which lies in this directory, in its place, with its secret. Gives where that
    /// is which stood there before; the name says `why` and when.
    ///
    /// All is written before anything is renamed. When a renaming fails those before it are taken back; if that fails
    /// too, the error says where what stood there is now.
    pub(super) fn settle(
        &self,
        made: &Path,
        secret: &[u8],
        why: &str,
        now: Timestamp,
    ) -> Result<Option<PathBuf>, StoreError> {
        let mut renames = Renames::default();
        let aside = self.aside("db", why, now);
        if let Some(aside) = &aside {
            renames.add(self.dir.join("db"), aside.clone());
        }
        for (name, bytes) in [("secret", secret), ("format", upgrade::label().as_bytes())] {
            let (place, written) = (self.dir.join(name), self.dir.join(format!("{name}.new")));
            if matches!(files::read(&place), Ok(Some(before)) if before == bytes) {
                continue;
            }
            files::write_synced(&written, bytes)?;
            if let Some(aside) = self.aside(name, why, now) {
                renames.add(place.clone(), aside);
            }
            renames.add(written, place);
        }
        renames.add(made.to_owned(), self.dir.join("db"));
        self.disk.sync()?;
        renames.make(&self.dir)?;
        Ok(aside)
    }

    /// Where to set a thing aside, if it is there.
    fn aside(&self, name: &str, why: &str, now: Timestamp) -> Option<PathBuf> {
        if !self.dir.join(name).exists() {
            return None;
        }
        let stem = format!("{name}.{why}-{}", now.strftime("%Y%m%dT%H%M%SZ"));
        let names = std::iter::once(stem.clone()).chain((2..).map(|n| format!("{stem}-{n}")));
        let free = names.map(|name| self.dir.join(name)).find(|path| !path.exists());
        Some(free.expect("numbers do not end"))
    }

    /// Takes away what was begun: the register `made`, and the contents and the directory if there were none before.
    pub(super) fn give_up(&self, made: &Path) {
        // The first error is the one to tell; what stays is taken away by the next try.
        let _ = files::remove_folder(made);
        for name in ["secret.new", "format.new"] {
            let _ = files::remove(&self.dir.join(name));
        }
        if !self.had_contents {
            let _ = files::remove_folder(&self.dir.join("blob"));
        }
        if self.is_new {
            let _ = files::remove_folder(&self.dir);
        }
    }
}

/// Renamings of which all are made, or none.
#[derive(Default)]
struct Renames(Vec<(PathBuf, PathBuf)>);

impl Renames {
    fn add(&mut self, from: PathBuf, to: PathBuf) {
        self.0.push((from, to));
    }

    /// Makes them, and brings the names in `dir` to the disk.
    fn make(&self, dir: &Path) -> Result<(), StoreError> {
        let mut made = 0;
        let mut renamed = self.0.iter().try_for_each(|(from, to)| {
            files::rename(from, to)?;
            made += 1;
            Ok(())
        });
        renamed = renamed.and_then(|()| files::sync(dir));
        renamed.map_err(|error| {
            let back = self.0[..made].iter().rev();
            let stuck = back.filter(|(from, to)| files::rename(to, from).is_err());
            stuck.fold(error, |error, (from, to)| told_where(&error, from, to))
        })
    }
}

/// The error, with where the thing is now that could not be brought back.
fn told_where(error: &StoreError, from: &Path, to: &Path) -> StoreError {
    let what = format!("{error}; {} could not be brought back", from.display());
    StoreError::Broken(format!("{what} and is now {}", to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stood_there_is_brought_back_when_the_new_one_can_not_be_put_there() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in [("secret", "old"), ("format", "older"), ("db/db", "register")] {
            std::fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        let target = Target::take(dir.path()).unwrap();
        let made = target.dir.join("db.made");
        let settle = || target.settle(&made, b"new", "before-test", Timestamp::UNIX_EPOCH);
        let is_as_before = || {
            let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
            assert_eq!(["secret", "format", "db/db"].map(read), ["old", "older", "register"]);
        };
        settle().unwrap_err();
        is_as_before();
        // Nothing is begun when the secret can't be written.
        std::fs::create_dir(&made).unwrap();
        std::fs::remove_file(target.dir.join("secret.new")).unwrap();
        std::fs::create_dir(target.dir.join("secret.new")).unwrap();
        settle().unwrap_err();
        is_as_before();
        std::fs::remove_dir(target.dir.join("secret.new")).unwrap();
        let aside = settle().unwrap().unwrap();
        assert_eq!(aside, target.dir.join("db.before-test-19700101T000000Z"));
        assert_eq!(std::fs::read(aside.join("db")).unwrap(), b"register");
        assert_eq!(std::fs::read(target.dir.join("secret")).unwrap(), b"new");
        assert!(target.dir.join("secret.before-test-19700101T000000Z").exists());
    }
}
