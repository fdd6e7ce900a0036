//! `klachtd backup`: a copy that can be relied on, made while the service runs.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::asking::own_register;
use super::{Failure, export, print};
use crate::answers::{Ask, exit};
use crate::config::Config;
use crate::control;
use crate::store::{Backup, BackupError, Snapshot, Turn, Verified};

/// Where to.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// An empty directory, or one with an earlier backup; best on another disk
    dir: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Store(e) => e.into(),
            BackupError::Place { .. } => Self::new(exit::USAGE, error),
            BackupError::Refused { .. } => Self::new(exit::DATAERR, error),
        }
    }
}

pub(super) async fn run(config: &Config, arguments: &Arguments) -> Result<u8, Failure> {
    let dir = &arguments.dir;
    let backup = Backup::begin(dir, &config.store)?;
    let snapshot = if let Some(snapshot) = running(config).await? {
        snapshot
    } else {
        let store = own_register(config).await?;
        let made = store.snapshot(|| ()).await;
        store.close().await?;
        Snapshot::hold(&made?)?
    };
    let (verified, faulty) = backup.make(&snapshot)?;
    told(&verified, &verified, arguments.json, || {
        print::line(format_args!("backup in {}: {}", dir.display(), in_words(&verified)));
    });
    if verified.ok {
        return Ok(exit::OK);
    }
    let words = match faulty {
        Some(faulty) => format!(
            "the copy has faults; it is kept as {}, and a backup before it stays as it is",
            faulty.display()
        ),
        None => format!(
            "the backup in {} is as whole as the register: what it lacks is lost there too",
            dir.display()
        ),
    };
    Err(Failure::new(exit::DATAERR, words))
}

/// Data on stdout, faults on stderr.
pub(super) fn told(json: &impl Serialize, verified: &Verified, as_json: bool, in_words: impl FnOnce()) {
    if as_json {
        print::json(json);
    } else if verified.ok {
        in_words();
    }
    verified.faults.iter().cloned().for_each(export::tell);
}

pub(super) fn in_words(verified: &Verified) -> String {
    format!(
        "{} complaints, {} journal entries and {} mails, verified",
        verified.complaints, verified.journal, verified.letters
    )
}

/// A copy of the register of the running service, at one moment; `None` when none runs.
pub(super) async fn running(config: &Config) -> Result<Option<Snapshot>, Failure> {
    let _turn = Turn::wait(&config.store)?;
    let asked = control::ask(&config.socket, &Ask::Snapshot).await;
    let Some(reply) = asked.map_err(|e| Failure::new(exit::UNAVAILABLE, e))? else { return Ok(None) };
    if let Some(error) = reply.error {
        return Err(Failure::new(reply.exit, error));
    }
    Ok(Some(Snapshot::hold(Path::new(print::text(&reply.body, "snapshot")))?))
}
