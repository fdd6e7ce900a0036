//! `klachtd export`: everything that can't be derived, as JSON lines.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::asking::own_register;
use super::{Failure, backup, print};
use crate::answers::exit;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{ExportError, Store};

/// What is exported, and where to.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Into this file, which appears when it is complete, instead of stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Without mails, procedures and texts: for a register whose folder blob stays where it is
    #[arg(long)]
    no_contents: bool,
}

pub(super) async fn run(config: &Config, arguments: &Arguments) -> Result<u8, Failure> {
    // The service goes on meanwhile: a copy is read. Held to the end, then removed.
    let snapshot = backup::running(config).await?;
    let store = match &snapshot {
        Some(snapshot) => snapshot.open()?,
        None => own_register(config).await?,
    };
    let written = match &arguments.output {
        Some(file) => to_file(&store, file, !arguments.no_contents),
        None => write(&store, &mut BufWriter::new(io::stdout().lock()), !arguments.no_contents),
    };
    store.close().await?;
    match written {
        Ok(0) => Ok(exit::OK),
        Ok(told) => Err(Failure::new(exit::DATAERR, format!("{told} faults; all the rest was exported"))),
        // Who reads may stop early (`| head -1`), and that is no fault.
        Err(ExportError::Output(e)) if e.kind() == ErrorKind::BrokenPipe => Ok(exit::OK),
        Err(ExportError::Output(e)) => {
            Err(Failure::new(exit::TEMPFAIL, format!("the export can't be written: {e}")))
        }
        Err(ExportError::Store(e)) => Err(e.into()),
    }
}

fn write(store: &Store, to: &mut dyn io::Write, with_contents: bool) -> Result<u64, ExportError> {
    store.export(Clock::System.now(), with_contents, to, &mut tell)
}

/// Whole or not at all.
fn to_file(store: &Store, file: &Path, with_contents: bool) -> Result<u64, ExportError> {
    let mut name = file.as_os_str().to_owned();
    name.push(".tmp");
    let unfinished = PathBuf::from(name);
    // For our eyes only: it holds the secret and every complaint.
    let made = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&unfinished)?;
    let mut out = BufWriter::new(made);
    let written = write(store, &mut out, with_contents).and_then(|told| {
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&unfinished, file)?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(told)
    });
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// Tells of one fault.
#[expect(clippy::needless_pass_by_value, reason = "as it is called")]
pub(super) fn tell(words: String) {
    eprintln!("klachtd: {}", print::short(&words, 400));
}
