//! What can be asked of a running service, and the answers: the same for the control socket and the command line.

pub mod ingest;
mod mails;
mod orders;
mod quarantine;
pub mod reconcile;
mod snapshot;
mod status;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use orders::Added;
pub use snapshot::snapshot;

use crate::domain::fact::{ComplaintId, NoticeId};
use crate::domain::reference::Reference;
use crate::engine::{Engine, EngineError, Retried, Settings};
use crate::health::Health;
use crate::register::{self, Filter};
use crate::store::{Store, StoreError};

/// A question or a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// A page of the register.
    List {
        /// Which complaints.
        filter: Filter,
        /// Where the page before ended.
        after: Option<ComplaintId>,
    },
    /// One complaint.
    Show {
        /// Its reference.
        reference: String,
    },
    /// One letter of a complaint.
    Letter {
        /// The complaint's reference.
        reference: String,
        /// Which letter, from 1.
        n: usize,
        /// Its bytes instead of its new text.
        raw: bool,
    },
    /// One mail that left in a complaint.
    Notice {
        /// The complaint's reference.
        reference: String,
        /// Its number, as the complaint's file has it.
        id: NoticeId,
        /// Its bytes instead of its text.
        raw: bool,
    },
    /// References for a shell to complete.
    References {
        /// How they begin.
        prefix: String,
    },
    /// What is going out.
    Outbox,
    /// Try again now: one notice, or all that wait.
    Retry {
        /// Which; `None` for all.
        id: Option<NoticeId>,
    },
    /// Give up a notice.
    Drop {
        /// Which.
        id: NoticeId,
    },
    /// Mail that was set aside.
    Quarantine,
    /// One such mail.
    QuarantineShow {
        /// Which, or the beginning of it.
        id: String,
        /// Its bytes instead of what was understood of them.
        raw: bool,
    },
    /// Decide again about mail that was set aside, as if it had just come.
    QuarantineRetry {
        /// Which; `None` for all.
        id: Option<String>,
    },
    /// Handle such a mail as a letter, whatever set it aside.
    QuarantineRelease {
        /// Which.
        id: String,
        /// Who decides: the name of the Unix user.
        by: String,
    },
    /// Keep such a mail and never look at it again.
    QuarantineDrop {
        /// Which.
        id: String,
        /// Who decides: the name of the Unix user.
        by: String,
    },
    /// How the service is doing.
    Status,
    /// The register against itself and against the saved mails.
    Verify,
    /// A copy of the register at one moment, for a backup or an export.
    Snapshot,
    /// Carry out an order.
    Order {
        /// The complaint's reference.
        reference: String,
        /// The order, and the text below it.
        text: String,
        /// Who gives it: the name of the Unix user.
        by: String,
    },
    /// Register a complaint that did not come by mail.
    Add(Box<Added>),
    /// Take in one mail.
    Ingest {
        /// The mailbox's name.
        mailbox: String,
        /// The raw mail, base64.
        raw: String,
    },
}

/// The exit codes that the program uses (sysexits.h).
pub mod exit {
    /// All is well.
    pub const OK: u8 = 0;
    /// The command line is wrong.
    pub const USAGE: u8 = 64;
    /// Bad data, an unknown reference, a failed proof.
    pub const DATAERR: u8 = 65;
    /// A service can't be reached or is unhealthy.
    pub const UNAVAILABLE: u8 = 69;
    /// Try again: something waits, or the store is in use.
    pub const TEMPFAIL: u8 = 75;
    /// Bad configuration, a refused login.
    pub const CONFIG: u8 = 78;
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The exit code of the command that asked.
    pub exit: u8,
    /// The data, as `--json` prints it.
    pub body: Value,
    /// What was wrong and what to do, when something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Reply {
    fn data(body: impl Serialize) -> Self {
        match serde_json::to_value(body) {
            Ok(body) => Self { exit: exit::OK, body, error: None },
            Err(e) => Self::refused(exit::DATAERR, format!("the answer can't be written as JSON: {e}")),
        }
    }

    /// The answer, or why there is none, with the exit code of that.
    pub fn or_refused(answer: Result<Self, EngineError>, exit: u8) -> Self {
        answer.unwrap_or_else(|e| Self::refused(exit, e.to_string()))
    }

    /// A refusal with its exit code.
    pub const fn refused(exit: u8, error: String) -> Self {
        Self { exit, body: Value::Null, error: Some(error) }
    }
}

/// Who asks, as the journal names him: nothing that a terminal or a log would stumble over.
pub(super) fn actor(by: &str) -> String {
    let name: String = by.chars().filter(|c| !c.is_control()).take(64).collect();
    if name.is_empty() { "operator".to_owned() } else { name }
}

fn unknown_mailbox(settings: &Settings, mailbox: &str) -> Reply {
    let known: Vec<&str> = settings.house.mailboxes.iter().map(|m| m.name.as_str()).collect();
    let error = format!("there is no mailbox {mailbox:?}; expected one of {}", known.join(", "));
    Reply::refused(exit::DATAERR, error)
}

fn unknown_reference(reference: &str) -> Reply {
    let why = match reference.parse::<Reference>() {
        Ok(_) => format!("no complaint has the reference {reference:?}"),
        Err(e) => e.to_string(),
    };
    Reply::refused(exit::DATAERR, format!("{why}; `klachtd list` shows them all"))
}

/// Answers. What the asker did wrong is a [`Reply`] too, and so is one complaint that can't be read.
///
/// # Errors
/// [`EngineError`] when the store fails: then the service can't go on.
pub async fn answer(
    engine: &mut Engine,
    health: &Health,
    ask: Ask,
    now: Timestamp,
) -> Result<Reply, EngineError> {
    match found(engine, health, ask, now).await {
        Err(e) if e.is_of_one() => Ok(Reply::refused(exit::DATAERR, e.to_string())),
        answered => answered,
    }
}

async fn found(engine: &mut Engine, health: &Health, ask: Ask, now: Timestamp) -> Result<Reply, EngineError> {
    Ok(match ask {
        Ask::List { filter, after } => Reply::data(register::list(engine, &filter, after, now)?),
        Ask::Show { reference } => match register::show(engine, &reference, now)? {
            Some(shown) => Reply::data(shown),
            None => unknown_reference(&reference),
        },
        Ask::Letter { reference, n, raw } => mails::letter(engine, &reference, n, raw)?,
        Ask::Notice { reference, id, raw } => mails::notice(engine, &reference, id, raw)?,
        Ask::References { prefix } => Reply::data(register::references(engine, &prefix)?),
        Ask::Outbox => Reply::data(register::outbox(engine)?),
        Ask::Retry { id } => retry(engine, id, now).await?,
        Ask::Drop { id } => dropped(engine, id, now).await?,
        Ask::Quarantine => quarantine::list(engine)?,
        Ask::QuarantineShow { id, raw } => quarantine::show(engine, &id, raw).await?,
        Ask::QuarantineRetry { id } => quarantine::retry(engine, id.as_deref(), now).await?,
        Ask::QuarantineRelease { id, by } => quarantine::release(engine, &id, &by, now).await?,
        Ask::QuarantineDrop { id, by } => quarantine::dropped(engine, &id, &by, now).await?,
        Ask::Status => status::status(engine, health, now)?,
        Ask::Verify => verify(engine.store().clone()).await?,
        Ask::Snapshot => snapshot(engine.store().clone(), || ()).await?,
        Ask::Order { reference, text, by } => orders::order(engine, &reference, &text, &by, now).await?,
        Ask::Add(added) => orders::add(engine, &added, now).await?,
        Ask::Ingest { mailbox, raw } => ingest::ingest(engine, &mailbox, &raw, now).await?,
    })
}

async fn retry(engine: &mut Engine, id: Option<NoticeId>, now: Timestamp) -> Result<Reply, EngineError> {
    let Retried { woken, overtaken } = engine.retry(id, now).await?;
    Ok(match id {
        Some(id) if overtaken.contains(&id) => overtaken_notice(id),
        Some(id) if woken == 0 => no_such_notice(id),
        _ => Reply::data(json!({ "retried": woken, "overtaken": overtaken })),
    })
}

async fn dropped(engine: &mut Engine, id: NoticeId, now: Timestamp) -> Result<Reply, EngineError> {
    let dropped = engine.drop_notice(id, now).await?;
    Ok(if dropped { Reply::data(json!({ "dropped": id })) } else { no_such_notice(id) })
}

fn overtaken_notice(id: NoticeId) -> Reply {
    let why = "the complaint has gone on since, and it would contradict what the complainant was told";
    let hint = format!("`klachtd outbox drop {}` gives it up", id.0);
    Reply::refused(exit::DATAERR, format!("notice {} is not sent any more: {why}; {hint}", id.0))
}

fn no_such_notice(id: NoticeId) -> Reply {
    let hint = "`klachtd outbox list` shows what waits or failed";
    Reply::refused(exit::DATAERR, format!("notice {} is not waiting and has not failed; {hint}", id.0))
}

/// Proves the register. It reads everything and takes its time, so it runs in a thread of its own.
///
/// # Errors
/// [`EngineError::Store`].
pub async fn verify(store: Store) -> Result<Reply, EngineError> {
    let checked = tokio::task::spawn_blocking(move || store.verify()).await;
    let verified = checked.map_err(|e| StoreError::Broken(format!("verifying failed: {e}")))??;
    let exit = if verified.ok { exit::OK } else { exit::DATAERR };
    Ok(Reply { exit, ..Reply::data(verified) })
}
