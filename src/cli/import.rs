//! `klachtd import`: a register from the lines of an export.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::{Failure, export, print};
use crate::answers::exit;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{Import, ImportError};

/// What is imported.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The export; `-` or nothing for stdin
    file: Option<PathBuf>,
    /// Set the register aside that is there, damaged or not; it is not deleted
    #[arg(long)]
    replace: bool,
    /// The export is older than the register that was lost: leave a gap in all numbers, so that none comes twice
    #[arg(long)]
    stale: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Store(e) => e.into(),
            ImportError::Input(_) => Self::new(exit::TEMPFAIL, error),
            other => Self::new(exit::DATAERR, other),
        }
    }
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<u8, Failure> {
    let mut from = open(arguments.file.as_deref())?;
    let how = Import { replace: arguments.replace, stale: arguments.stale, now: Clock::System.now() };
    let imported = how.run(&config.store, &mut *from, &mut export::tell)?;
    if arguments.json {
        print::json(&imported);
    } else {
        print::line(format_args!(
            "{} complaints, {} journal entries; `klachtd verify` proves them",
            imported.complaints, imported.journal
        ));
        if imported.is_behind {
            print::line("the register before had given out more numbers; the next ones follow those");
        }
        if let Some(aside) = &imported.set_aside {
            print::line(format_args!("what was there before is now {}", aside.display()));
        }
    }
    if imported.missing > 0 {
        let words = format!("{} things are missing; all the rest was imported", imported.missing);
        return Err(Failure::new(exit::DATAERR, words));
    }
    Ok(exit::OK)
}

fn open(file: Option<&Path>) -> Result<Box<dyn BufRead>, Failure> {
    match file.filter(|file| *file != Path::new("-")) {
        None => Ok(Box::new(BufReader::with_capacity(1 << 16, io::stdin()))),
        Some(path) => match File::open(path) {
            Ok(file) => Ok(Box::new(BufReader::with_capacity(1 << 16, file))),
            Err(e) => Err(Failure::new(exit::DATAERR, format!("{}: {e}", path.display()))),
        },
    }
}
