//! Where a register is put that was made elsewhere: by an import, or from a backup. What stands there is set aside, never
//! deleted.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::codec::{self, Source};
use super::commit::Head;
use super::files::Lock;
use super::keys::{self, Table};
use super::recipe::Engine;
use super::{StoreError, files, upgrade};

/// A data directory, held against every other process.
pub(super) struct Target {
    pub(super) dir: PathBuf,
    is_new: bool,
    had_contents: bool,
    _lock: Lock,
}

/// What stands in a data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Present {
    /// No register, or one in which nothing ever happened.
    Nothing,
    /// A register that can't be opened, and why.
    Damaged(String),
    /// A register with so many complaints.
    Register(u64),
}

impl Target {
    /// Takes the directory; makes it when it is not there.
    pub(super) fn take(dir: &Path) -> Result<Self, StoreError> {
        let is_new = !dir.exists();
        std::fs::create_dir_all(dir).map_err(|e| StoreError::io("create", dir, &e))?;
        let dir = dir.canonicalize().map_err(|e| StoreError::io("find", dir, &e))?;
        let lock = Lock::take(&dir)?;
        let had_contents = dir.join("blob").exists();
        Ok(Self { dir, is_new, had_contents, _lock: lock })
    }

    /// What stands there now.
    pub(super) fn present(&self) -> Result<Present, StoreError> {
        if !self.dir.join("db").exists() {
            return Ok(Present::Nothing);
        }
        match self.look() {
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
        Ok(if is_empty { Present::Nothing } else { Present::Register(head.totals.all_complaints()) })
    }

    /// Puts the closed register `made`, which lies in this directory, in its place, with its secret. Gives where that
    /// is which stood there before; the name says `why` and when.
    pub(super) fn settle(
        &self,
        made: &Path,
        secret: &[u8],
        why: &str,
        now: Timestamp,
    ) -> Result<Option<PathBuf>, StoreError> {
        files::sync_disk_of(&self.dir)?;
        let aside = self.set_aside("db", why, now)?;
        if files::read(&self.dir.join("secret"))?.is_some_and(|before| before != secret) {
            self.set_aside("secret", why, now)?;
        }
        files::write_whole(&self.dir, "secret", secret)?;
        files::write_whole(&self.dir, "format", upgrade::label().as_bytes())?;
        files::rename(made, &self.dir.join("db"))?;
        files::sync(&self.dir)?;
        Ok(aside)
    }

    fn set_aside(&self, name: &str, why: &str, now: Timestamp) -> Result<Option<PathBuf>, StoreError> {
        let from = self.dir.join(name);
        if !from.exists() {
            return Ok(None);
        }
        let stem = format!("{name}.{why}-{}", now.strftime("%Y%m%dT%H%M%SZ"));
        let names = std::iter::once(stem.clone()).chain((2..).map(|n| format!("{stem}-{n}")));
        let free = names.map(|name| self.dir.join(name)).find(|path| !path.exists());
        let free = free.expect("numbers do not end");
        files::rename(&from, &free)?;
        Ok(Some(free))
    }

    /// Takes away what was begun: the register `made`, and the contents and the directory if there were none before.
    pub(super) fn give_up(&self, made: &Path) {
        // The first error is the one to tell; what stays is taken away by the next try.
        let _ = files::remove_folder(made);
        if !self.had_contents {
            let _ = files::remove_folder(&self.dir.join("blob"));
        }
        if self.is_new {
            let _ = files::remove_folder(&self.dir);
        }
    }
}
