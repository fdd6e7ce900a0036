//! The commands: what people type. One file a command.

mod asking;
mod backup;
mod check;
mod completions;
mod export;
mod import;
mod list;
mod local;
mod order;
mod outbox;
mod preview;
mod print;
mod quarantine;
mod read;
mod restore;
mod reconcile;
mod show;
mod status;
mod terms;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::answers::exit;
use crate::clock::Clock;
use crate::config::{self, Config, ConfigErrors};
use crate::daemon::{self, DaemonError, Passed};
use crate::engine::EngineError;
use crate::setup::SetupError;
use crate::store::StoreError;
use crate::telemetry::{self, LogFormat};

/// Where the configuration is looked for when none is named.
const DEFAULT_CONFIG: &str = "/etc/klachtd/klachtd.toml";

/// Keeps a published complaints procedure: letters come in, we decide, we commit, letters go out.
#[derive(Debug, Parser)]
#[command(name = "klachtd", version, max_term_width = 100)]
struct Arguments {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE", env = "KLACHTD_CONFIG")]
    config: Option<PathBuf>,
    /// How logs are written to stderr
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "FORMAT")]
    log_format: LogFormat,
    /// What is logged: error, warn, info, debug, or a filter like klachtd=debug
    #[arg(long = "log", global = true, value_name = "FILTER", env = "KLACHTD_LOG")]
    log: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    Run {
        /// One pass: fetch, do what is due, send, and end (0 nothing left, 75 something waits, 69 a mailbox is away)
        #[arg(long)]
        once: bool,
    },
    /// Check configuration, procedures, texts and templates, and log in everywhere
    Check(check::Arguments),
    /// Print a sample configuration or its schema
    Config {
        #[command(subcommand)]
        what: ConfigCommand,
    },
    /// Show how mails are understood
    Read(read::Arguments),
    /// Show every term of a complaint received at some moment, and why
    Terms(terms::Arguments),
    /// Show a notice with sample data
    Preview(preview::Arguments),
    /// Take in one mail, as from a mail server's pipe; 0 once it is safe on disk
    Ingest(read::IngestArguments),
    /// Show the complaints register
    List(list::Arguments),
    /// Show one complaint: what was promised, what was sent when, what is open
    Show(show::Arguments),
    /// Carry out an order, as staff do by mail; its text comes from stdin
    Order(order::OrderArguments),
    /// Register a complaint that did not come by mail; prints its reference
    Add(order::AddArguments),
    /// Show or change what is going out
    Outbox(outbox::Arguments),
    /// Show or decide about mail that was set aside
    Quarantine(quarantine::Arguments),
    /// Prove the register: journal, hash chain, saved mails; 65 when something is wrong
    Verify {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the whole register as JSON lines, the secret with it
    Export(export::Arguments),
    /// Build a register from the lines of an export
    Import(import::Arguments),
    /// Copy register and mails while the service runs, and verify the copy
    Backup(backup::Arguments),
    /// Put a backup back
    Restore(restore::Arguments),
    /// Account for every message that the mailboxes ever showed; 65 when one is missing, 69 when a mailbox is away
    Reconcile {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print what a shell needs to complete commands, options and references
    Completions(completions::Arguments),
    /// Show how the service is doing; 0 means ready and healthy
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// An annotated sample configuration
    Example,
    /// A JSON schema of the configuration
    Schema,
}

/// What goes wrong in a command: what to say, and the exit code.
#[derive(Debug)]
struct Failure {
    exit: u8,
    message: String,
}

impl Failure {
    fn new(exit: u8, message: impl std::fmt::Display) -> Self {
        Self { exit, message: message.to_string() }
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Self::new(exit::CONFIG, errors)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(exit_of(&error), error)
    }
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Store(e) => e.into(),
            other => Self::new(exit::CONFIG, other),
        }
    }
}

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        match error {
            DaemonError::Setup(e) => e.into(),
            DaemonError::Control(e) => Self::new(exit::CONFIG, e),
            DaemonError::Engine(e) => e.into(),
            other => Self::new(exit::TEMPFAIL, other),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(e) => e.into(),
            EngineError::Damaged(..) | EngineError::Pinned(..) => Self::new(exit::DATAERR, error),
            EngineError::Contended | EngineError::Write(_) | EngineError::NoMailbox(_) => {
                Self::new(exit::TEMPFAIL, error)
            }
        }
    }
}

/// What passes by itself is tried again by whoever started the program; damage is not.
const fn exit_of(error: &StoreError) -> u8 {
    match error {
        StoreError::InUse(_)
        | StoreError::Io { .. }
        | StoreError::Forbidden { .. }
        | StoreError::Broken(_) => exit::TEMPFAIL,
        StoreError::Damaged(_)
        | StoreError::Newer { .. }
        | StoreError::Missing(_)
        | StoreError::Unreadable { .. }
        | StoreError::Invalid(_) => exit::DATAERR,
    }
}

/// How long work in other threads may go on when everything is done.
const LAST_WORK: Duration = Duration::from_secs(1);

/// Runs the command line and gives the exit code.
pub fn main() -> u8 {
    if completions::answer(Arguments::command) {
        return exit::OK;
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(e) => {
            // Nothing can be done when even the error can't be printed.
            let _ = e.print();
            let asked = matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked { exit::OK } else { exit::USAGE };
        }
    };
    let done = telemetry_and_runtime(&arguments).and_then(|runtime| {
        let done = runtime.block_on(dispatch(&arguments));
        // A thread that reads a mail without end can't be stopped, but it must not keep the service from ending.
        runtime.shutdown_timeout(LAST_WORK);
        done
    });
    match done {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("klachtd: {}", failure.message);
            failure.exit
        }
    }
}

fn telemetry_and_runtime(arguments: &Arguments) -> Result<tokio::runtime::Runtime, Failure> {
    let service = matches!(arguments.command, Command::Run { .. });
    let filter = arguments.log.as_deref().or(if service { None } else { Some("warn") });
    telemetry::start(arguments.log_format, filter).map_err(|e| Failure::new(exit::USAGE, e))?;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    // The work is waiting and one loop: more threads only cost memory.
    builder.worker_threads(2).enable_all();
    builder.build().map_err(|e| Failure::new(exit::TEMPFAIL, e))
}

async fn dispatch(arguments: &Arguments) -> Result<u8, Failure> {
    let config = arguments.config.as_deref();
    match &arguments.command {
        Command::Run { once } => run(&load(config)?, *once).await,
        Command::Check(check) => check::run(config.unwrap_or(Path::new(DEFAULT_CONFIG)), check).await,
        Command::Config { what: ConfigCommand::Example } => {
            print::raw(config::example().as_bytes());
            Ok(exit::OK)
        }
        Command::Config { what: ConfigCommand::Schema } => Ok(print::json(&config::schema())),
        Command::Read(read) => read::run(optional(config)?.as_ref(), read),
        Command::Terms(terms) => terms::run(optional(config)?.as_ref(), terms),
        Command::Preview(preview) => preview::run(optional(config)?.as_ref(), preview),
        Command::Ingest(ingest) => read::ingest(&load(config)?, ingest).await,
        Command::List(list) => list::run(&load(config)?, list).await,
        Command::Show(show) => show::run(&load(config)?, show).await,
        Command::Order(order) => order::order(&load(config)?, order).await,
        Command::Add(add) => order::add(&load(config)?, add).await,
        Command::Outbox(outbox) => outbox::run(&load(config)?, outbox).await,
        Command::Quarantine(quarantine) => quarantine::run(&load(config)?, quarantine).await,
        Command::Completions(shell) => completions::run(&Arguments::command(), shell),
        Command::Export(export) => export::run(&load(config)?, export).await,
        Command::Import(import) => import::run(&load(config)?, import),
        Command::Backup(backup) => backup::run(&load(config)?, backup).await,
        Command::Restore(restore) => restore::run(&load(config)?, restore),
        Command::Verify { json } => status::verify(&load(config)?, *json).await,
        Command::Reconcile { json } => reconcile::run(&load(config)?, *json).await,
        Command::Status { json } => status::run(&load(config)?, *json).await,
    }
}

fn load(file: Option<&Path>) -> Result<Config, Failure> {
    Ok(Config::load(file.unwrap_or(Path::new(DEFAULT_CONFIG)))?)
}

/// `read`, `terms` and `preview` need no configuration; one that is named must be right.
fn optional(file: Option<&Path>) -> Result<Option<Config>, Failure> {
    match file {
        Some(file) => Ok(Some(Config::load(file)?)),
        None if Path::new(DEFAULT_CONFIG).exists() => Ok(Some(Config::load(Path::new(DEFAULT_CONFIG))?)),
        None => Ok(None),
    }
}

async fn run(config: &Config, once: bool) -> Result<u8, Failure> {
    let passed = daemon::run(config.clone(), Clock::System, once).await?;
    Ok(match passed {
        _ if !once => exit::OK,
        Passed::Clean => exit::OK,
        Passed::Waiting => exit::TEMPFAIL,
        Passed::Away => exit::UNAVAILABLE,
    })
}
