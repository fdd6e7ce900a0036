//! From a checked configuration to the parts of the service: settings, mailboxes, outlets, store.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tracing::{debug, info, warn};

use crate::config::{self, Config, ConfigError, Inbox, Outbox, Secret};
use crate::domain::house::House;
use crate::domain::mail::Language;
use crate::engine::Settings;
use crate::intake::imap::ImapSettings;
use crate::intake::maildir;
use crate::intake::source::Source;
use crate::outbox::deliver::{Outlet, OutletError};
use crate::outbox::maildir::{MaildirOutlet, MaildirSettings};
use crate::outbox::smtp::{SmtpOutlet, SmtpSettings};
use crate::outbox::templates::{TemplateError, Templates};
use crate::password::Password;
use crate::rules::{RuleFault, Rules};
use crate::store::{Store, StoreError};
use crate::tls::TlsError;

/// Why the service can't start. Each names file, key and what was expected, or what to do.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Procedures that mailboxes use have faults.
    #[error("{}", lines(.0))]
    Rules(Vec<RuleFault>),
    /// Templates have faults.
    #[error(transparent)]
    Templates(#[from] TemplateError),
    /// The template directory can't be read.
    #[error("{0}: {1}; expected a directory like templates/nl/progress.txt")]
    TemplateFiles(PathBuf, std::io::Error),
    /// A secret can't be read.
    #[error(transparent)]
    Secret(#[from] ConfigError),
    /// A CA file can't be used.
    #[error("mailbox {0:?}: {1}")]
    Tls(String, TlsError),
    /// An outlet can't be made.
    #[error("mailbox {0:?}: {1}")]
    Outlet(String, OutletError),
    /// The store can't be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The register holds open work of a mailbox that the configuration does not have.
    #[error(
        "the register has {complaints} open complaints and {notices} waiting notices of mailbox {name:?}, which is not \
         configured; expected a [[mailbox]] with that name (after a change of name: give it the old one back, or close \
         the complaints and drop the notices first)"
    )]
    NoMailbox {
        /// The name that the register knows.
        name: String,
        /// Complaints that are not closed.
        complaints: usize,
        /// Notices that wait or have failed.
        notices: usize,
    },
}

fn lines(faults: &[RuleFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Procedures and templates for this configuration.
///
/// # Errors
/// [`SetupError`] when a mailbox's procedure or any template has a fault.
pub fn settings(config: &Config) -> Result<Settings, SetupError> {
    let (rules, faults) = Rules::load(config.paths.procedures.as_deref());
    let errors = rules.errors(&faults, &config.house, &config.file);
    for fault in faults.iter().filter(|f| !errors.contains(f)) {
        // Unused procedures are the operator's to fill in when he needs them; `check` lists them.
        debug!("{fault}");
    }
    if !errors.is_empty() {
        return Err(SetupError::Rules(errors));
    }
    let templates = templates(config.paths.templates.as_deref())?;
    Ok(Settings { house: config.house.clone(), rules, templates })
}

/// The built-in templates, overridden file by file by a directory `LANGUAGE/NOTICE.txt`.
///
/// # Errors
/// [`SetupError`] naming the file.
pub fn templates(directory: Option<&Path>) -> Result<Templates, SetupError> {
    let Some(directory) = directory else { return Ok(Templates::built_in()?) };
    let mut files = BTreeMap::new();
    for language in Language::ALL {
        let folder = directory.join(language.code());
        if !folder.is_dir() {
            continue;
        }
        let fail = |path: &Path, e| SetupError::TemplateFiles(path.to_owned(), e);
        for entry in fs::read_dir(&folder).map_err(|e| fail(&folder, e))? {
            let path = entry.map_err(|e| fail(&folder, e))?.path();
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let ours = path.extension().is_some_and(|e| e == "txt" || e == "html") && !name.starts_with('.');
            if ours {
                let text = config::read_text(&path).map_err(|e| fail(&path, e))?;
                files.insert(format!("{}/{name}", language.code()), text);
            }
        }
    }
    Ok(Templates::with_overrides(&files)?)
}

/// Every mailbox's source.
///
/// # Errors
/// [`SetupError`] when a secret or CA file can't be read.
pub fn sources(config: &Config) -> Result<Vec<(String, Source)>, SetupError> {
    config.mailboxes.iter().map(|m| Ok((m.name.clone(), source(&m.name, &m.inbox)?))).collect()
}

/// One mailbox's source.
///
/// # Errors
/// As [`sources`].
pub fn source(name: &str, inbox: &Inbox) -> Result<Source, SetupError> {
    match inbox {
        Inbox::Maildir(m) => Ok(Source::maildir(maildir::MaildirSettings {
            path: m.path.clone(),
            processed: m.processed.clone(),
            quarantine: m.quarantine.clone(),
            poll: m.poll,
        })),
        Inbox::Imap(m) => {
            let settings = ImapSettings {
                host: m.host.clone(),
                port: m.port,
                tls: m.tls,
                ca: m.ca.clone(),
                user: m.user.clone(),
                password: password(&m.password)?,
                folder: m.folder.clone(),
                processed: m.processed.clone(),
                quarantine: m.quarantine.clone(),
                poll: m.poll,
                timeout: m.timeout,
            };
            Source::imap(settings).map_err(|e| SetupError::Tls(name.to_owned(), e))
        }
    }
}

/// What can't be read now is refused now; what is replaced later counts from the next login on.
fn password(secret: &Secret) -> Result<Password, ConfigError> {
    secret.reveal()?;
    let secret = secret.clone();
    Ok(Password::read_by(move || secret.reveal().map_err(|fault| fault.to_string())))
}

/// Every mailbox's ways out: two connections to a server, one writer of a Maildir.
///
/// # Errors
/// [`SetupError`] when a secret or CA file can't be read.
pub fn outlets(config: &Config) -> Result<Vec<(String, Outlet)>, SetupError> {
    let lanes = |outbox: &Outbox| if matches!(outbox, Outbox::Smtp(_)) { 2 } else { 1 };
    let all = config.mailboxes.iter().flat_map(|m| (0..lanes(&m.outbox)).map(move |_| m));
    all.map(|m| Ok((m.name.clone(), outlet(&m.name, &m.outbox)?))).collect()
}

/// One mailbox's way out.
///
/// # Errors
/// As [`outlets`].
pub fn outlet(name: &str, outbox: &Outbox) -> Result<Outlet, SetupError> {
    match outbox {
        Outbox::Maildir { path } => {
            info!(mailbox = name, "notices go out to the Maildir {} (look in new/)", path.display());
            Ok(Outlet::Maildir(MaildirOutlet::new(MaildirSettings { path: path.clone() })))
        }
        Outbox::Smtp(s) => {
            let settings = SmtpSettings {
                host: s.host.clone(),
                port: s.port,
                tls: s.tls,
                ca: s.ca.clone(),
                user: s.user.clone(),
                password: s.password.as_ref().map(password).transpose()?,
                timeout: s.timeout,
                data_timeout: s.data_timeout,
            };
            let outlet = SmtpOutlet::new(settings).map_err(|e| SetupError::Outlet(name.to_owned(), e))?;
            Ok(Outlet::Smtp(Box::new(outlet)))
        }
    }
}

/// Opens the store, off the async threads: recovery reads and writes files.
///
/// # Errors
/// [`SetupError::Store`].
pub async fn open_store(config: &Config) -> Result<Store, SetupError> {
    let path = config.store.clone();
    let opened = tokio::task::spawn_blocking(move || Store::open(&path)).await;
    Ok(opened.map_err(|e| StoreError::Broken(format!("opening it failed: {e}")))??)
}

/// Refuses to begin when open complaints or waiting notices belong to a mailbox that the configuration does not have:
/// their terms would lapse and nobody would hear of it.
///
/// # Errors
/// [`SetupError::NoMailbox`] for the first such mailbox; [`SetupError::Store`].
pub fn check_mailboxes(store: &Store, house: &House) -> Result<(), SetupError> {
    let mut missing: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let is_missing = |name: &str| house.mailbox(name).is_none();
    for name in store.mailboxes_of_open_complaints()?.into_iter().filter(|name| is_missing(name)) {
        missing.entry(name).or_default().0 += 1;
    }
    for entry in store.outbox_open()?.into_iter().filter(|entry| is_missing(&entry.mailbox)) {
        missing.entry(entry.mailbox).or_default().1 += 1;
    }
    missing.into_iter().next().map_or(Ok(()), |(name, (complaints, notices))| {
        Err(SetupError::NoMailbox { name, complaints, notices })
    })
}

/// Tells systemd, when it is there.
pub fn tell_systemd(state: &str) {
    let told = match state {
        "READY=1" => sd_notify::notify(&[sd_notify::NotifyState::Ready]),
        "WATCHDOG=1" => sd_notify::notify(&[sd_notify::NotifyState::Watchdog]),
        "STOPPING=1" => sd_notify::notify(&[sd_notify::NotifyState::Stopping]),
        status => sd_notify::notify(&[sd_notify::NotifyState::Status(status)]),
    };
    if let Err(e) = told {
        warn!("systemd can't be told {state}: {e}");
    }
}
