//! `klachtd restore`: a backup put back.

use std::path::PathBuf;

use super::{Failure, backup, print};
use crate::answers::exit;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::Backup;

/// What is put back.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The directory that `klachtd backup` wrote
    dir: PathBuf,
    /// Set aside the register that is there; it is not deleted
    #[arg(long)]
    replace: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<u8, Failure> {
    let now = Clock::System.now();
    let (verified, aside) = Backup::restore(&arguments.dir, &config.store, arguments.replace, now)?;
    backup::told(&verified, arguments.json, || {
        let words = backup::in_words(&verified);
        print::line(format_args!("restored into {}: {words}", config.store.display()));
    });
    if let Some(aside) = aside.filter(|_| !arguments.json) {
        print::line(format_args!("what was there before is now {}", aside.display()));
    }
    if verified.ok {
        return Ok(exit::OK);
    }
    Err(Failure::new(exit::DATAERR, "the backup was put back, but it has these faults"))
}
