//! `klachtd restore`: a backup put back.

use std::path::PathBuf;

use super::{Failure, backup, print};
use crate::answers::exit;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{Backup, Restore, Restored};

/// What is put back.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The directory that `klachtd backup` wrote
    dir: PathBuf,
    /// Set aside the register that is there; it is not deleted
    #[arg(long)]
    replace: bool,
    /// Take the newer copy that is kept as db.faulty because it has faults; without it only when there is no other
    #[arg(long)]
    faulty: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<u8, Failure> {
    let Arguments { dir, replace, faulty, json } = arguments;
    let how = Restore { replace: *replace, faulty: *faulty, now: Clock::System.now() };
    let restored = Backup::restore(dir, &config.store, how)?;
    let Restored { verified, from, set_aside } = &restored;
    backup::told(&restored, verified, *json, || {
        let words = backup::in_words(verified);
        print::line(format_args!("restored into {}: {words}", config.store.display()));
    });
    if let Some(aside) = set_aside.as_ref().filter(|_| !json) {
        print::line(format_args!("what was there before is now {}", aside.display()));
    }
    if verified.ok {
        return Ok(exit::OK);
    }
    let words = format!("{} was put back, but it has these faults", from.display());
    Err(Failure::new(exit::DATAERR, words))
}
