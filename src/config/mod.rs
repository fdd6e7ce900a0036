//! The configuration: one file, `conf.d/*.toml` beside it, the environment; from raw tables to checked types.
//!
//! Read in this order: `raw` has every table and key, `values` what may stand at a key, `check` what spans several
//! keys. `layers` reads and merges the files, `read` turns the tree into tables and collects the faults, `document`
//! makes the sample and the JSON schema from the tables.

mod check;
mod document;
mod layers;
mod raw;
mod read;
mod secrets;
mod values;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::house::House;
use crate::tls::TlsMode;

pub use check::SOCKET;
pub use document::{example, schema};
pub(crate) use layers::read_text;
pub use secrets::Secret;
pub use values::duration;

/// A configuration that was read and checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The main file, as it was named.
    pub file: PathBuf,
    /// Mailboxes, staff and limits, for the core.
    pub house: House,
    /// Where procedures and templates are.
    pub paths: Paths,
    /// The directory of the store.
    pub store: PathBuf,
    /// The Unix socket of the daemon.
    pub socket: PathBuf,
    /// How letters come in and go out, in the order of `house.mailboxes`.
    pub mailboxes: Vec<MailboxConfig>,
}

/// Directories that override what is built in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Procedure files; `None` for the built-in ones. A directory that was named is here even when it does not exist.
    pub procedures: Option<PathBuf>,
    /// Templates; `None` for the built-in ones. A directory that was named is here even when it does not exist.
    pub templates: Option<PathBuf>,
}

/// The two ends of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxConfig {
    /// Its name, as in the [`House`].
    pub name: String,
    /// Where complaints come in.
    pub inbox: Inbox,
    /// Where notices go out.
    pub outbox: Outbox,
}

/// Where complaints come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbox {
    /// A folder on an IMAP server.
    Imap(ImapInbox),
    /// A Maildir on this machine.
    Maildir(MaildirInbox),
}

/// A folder on an IMAP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImapInbox {
    /// Host name or IP address (no brackets).
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: TlsMode,
    /// PEM file of roots beside the system's.
    pub ca: Option<PathBuf>,
    /// The user to log in as.
    pub user: String,
    /// Where the password stands.
    pub password: Secret,
    /// The folder to read, UTF-8, levels separated by `/`.
    pub folder: String,
    /// The folder for mail that was committed.
    pub processed: String,
    /// The folder for mail that was set aside.
    pub quarantine: String,
    /// How often to look without IDLE, and to renew IDLE.
    pub poll: Duration,
    /// How long any one answer may take.
    pub timeout: Duration,
}

/// A Maildir on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaildirInbox {
    /// The directory, absolute.
    pub path: PathBuf,
    /// The folder for mail that was committed, without its leading full stop.
    pub processed: String,
    /// The folder for mail that was set aside, without its leading full stop.
    pub quarantine: String,
    /// How often to look.
    pub poll: Duration,
}

/// Where notices go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outbox {
    /// An SMTP server.
    Smtp(SmtpOutbox),
    /// A Maildir on this machine.
    Maildir {
        /// The directory, absolute.
        path: PathBuf,
    },
}

/// An SMTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpOutbox {
    /// Host name or IP address (no brackets).
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: TlsMode,
    /// PEM file of roots beside the system's.
    pub ca: Option<PathBuf>,
    /// The user to log in as; `None` for a relay that asks for none. There exactly when `password` is.
    pub user: Option<String>,
    /// Where the password stands.
    pub password: Option<Secret>,
    /// How long any one answer may take.
    pub timeout: Duration,
    /// How long the answer after the final dot may take (RFC 5321 section 4.5.3.2.6).
    pub data_timeout: Duration,
}

impl Config {
    /// Reads `file`, the files in `conf.d` beside it and this process's environment.
    ///
    /// Touches the disk, so it may block for some milliseconds. Secrets are not read: see [`Config::secrets`].
    ///
    /// # Errors
    /// Every fault that can be found at once; with any, there is no configuration.
    pub fn load(file: &Path) -> Result<Self, ConfigErrors> {
        Self::load_with(file, &std::env::vars_os().collect())
    }

    /// As [`Config::load`], with an environment that is given: `KLACHTD__SECTION__KEY` and `RUNTIME_DIRECTORY` count.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with(file: &Path, environment: &BTreeMap<OsString, OsString>) -> Result<Self, ConfigErrors> {
        let mut layers = layers::read(file, environment);
        let mut reader = read::Reader::new(&layers.files, layers.incomplete);
        let root = <raw::Root as read::Field>::read(&read::Node::root(&layers.tree), &mut reader);
        let mut faults = std::mem::take(&mut layers.faults);
        faults.append(&mut reader.faults);
        let config = root.and_then(|root| check::check(root, &layers, environment, &mut faults));
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(ConfigErrors::of(faults)),
        }
    }

    /// The secrets that can't be had now.
    pub fn secrets(&self) -> Vec<ConfigError> {
        let mut named = Vec::new();
        for mailbox in &self.mailboxes {
            if let Inbox::Imap(imap) = &mailbox.inbox {
                named.push(&imap.password);
            }
            if let Outbox::Smtp(SmtpOutbox { password: Some(password), .. }) = &mailbox.outbox {
                named.push(password);
            }
        }
        named.into_iter().filter_map(|secret| secret.reveal().err()).collect()
    }
}

/// One fault in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file, or `environment VARIABLE`.
    pub file: PathBuf,
    /// The key, as in `mailbox[0].inbox.host` (numbered within the file); a line when the file is not TOML; empty
    /// when the whole file is meant.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What was expected.
    pub expected: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}; expected {}", self.problem, self.expected)
    }
}

/// How many faults are shown: one screen.
const SHOWN: usize = 20;

/// Every fault that was found. Shown one a line, at most a screen of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// Without repeats: a fault in a file is found in the file and again among all layers.
    fn of(faults: Vec<ConfigError>) -> Self {
        let mut once: Vec<ConfigError> = Vec::with_capacity(faults.len());
        for fault in faults {
            if !once.contains(&fault) {
                once.push(fault);
            }
        }
        Self(once)
    }

    /// The faults, in the order in which they were found. At least one.
    pub fn faults(&self) -> &[ConfigError] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.0.iter().take(SHOWN).enumerate() {
            let separator = if number == 0 { "" } else { "\n" };
            write!(f, "{separator}{fault}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n… and {more} more"),
        }
    }
}

/// What tests of other modules run on: one mailbox on Maildirs, one member of staff.
#[cfg(test)]
pub(crate) const ON_MAILDIRS: &str = r#"
[store]
path = "state"
[[staff]]
name = "Jan Jansen"
email = "jan@omnistock.test"
[[mailbox]]
name = "omnistock"
procedure = "omnistock"
from = "OmniStock Directie <directie@omnistock.test>"
[mailbox.inbox]
kind = "maildir"
path = "inbox"
[mailbox.outbox]
kind = "maildir"
path = "outbox"
"#;
