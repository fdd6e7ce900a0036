//! `klachtd quarantine`: mail that was set aside.

use clap::{ArgGroup, Subcommand};
use data_encoding::BASE64;
use serde_json::Value;

use super::order::user;
use super::print::{self, text};
use super::read::printable;
use super::{Failure, asking};
use crate::answers::{Ask, exit};
use crate::config::Config;

/// What to do with mail that was set aside.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What was set aside, and why
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// One mail: why it was set aside, and what it says
    Show {
        /// Which mail, or the beginning of its ID
        id: String,
        /// Its raw bytes
        #[arg(long, conflicts_with = "json")]
        raw: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Decide again, as if it had just come; what set it aside may do so again
    #[command(group = ArgGroup::new("which").required(true).args(["id", "all"]))]
    Retry {
        /// Which mail
        id: Option<String>,
        /// All that are set aside
        #[arg(long)]
        all: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Handle it as a letter, whatever set it aside; its day of receipt stays
    Release {
        /// Which mail
        id: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Keep its raw bytes and never look at it again
    Drop {
        /// Which mail
        id: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(config: &Config, arguments: &Arguments) -> Result<u8, Failure> {
    match &arguments.what {
        What::List { json } => list(config, *json).await,
        What::Show { id, raw, json } => show(config, id, *raw, *json).await,
        What::Retry { id, json, .. } => {
            let (rows, code) = asking::ask(config, Ask::QuarantineRetry { id: id.clone() }).await?;
            if *json {
                return Ok(print::json(&rows));
            }
            rows.as_array().into_iter().flatten().for_each(told);
            Ok(code)
        }
        What::Release { id, json } => {
            judged(config, Ask::QuarantineRelease { id: id.clone(), by: user() }, *json).await
        }
        What::Drop { id, json } => {
            judged(config, Ask::QuarantineDrop { id: id.clone(), by: user() }, *json).await
        }
    }
}

async fn judged(config: &Config, ask: Ask, json: bool) -> Result<u8, Failure> {
    let (row, code) = asking::ask(config, ask).await?;
    if json {
        return Ok(print::json(&row));
    }
    told(&row);
    Ok(code)
}

/// What became of one mail, on one line.
fn told(row: &Value) {
    let words = [text(row, "id"), text(row, "fate"), text(row, "reference"), text(row, "reason")];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    print::line(print::short(&words.join("  "), usize::MAX));
}

async fn list(config: &Config, json: bool) -> Result<u8, Failure> {
    let (list, _) = asking::ask(config, Ask::Quarantine).await?;
    if json {
        return Ok(print::json(&list));
    }
    let row = |held: &Value| {
        vec![
            text(held, "id").to_owned(),
            text(held, "at").to_owned(),
            print::short(text(held, "mailbox"), 20),
            held["size"].as_u64().map(|size| size.to_string()).unwrap_or_default(),
            print::short(text(held, "from"), 40),
            print::short(text(held, "reason"), 80),
        ]
    };
    let rows: Vec<Vec<String>> = list.as_array().into_iter().flatten().map(row).collect();
    print::line(print::table(&["ID", "SINCE", "MAILBOX", "BYTES", "FROM", "REASON"], &rows));
    Ok(exit::OK)
}

async fn show(config: &Config, id: &str, raw: bool, json: bool) -> Result<u8, Failure> {
    let (held, _) = asking::ask(config, Ask::QuarantineShow { id: id.to_owned(), raw }).await?;
    if raw {
        let bytes = BASE64.decode(text(&held, "raw").as_bytes());
        let bytes = bytes.map_err(|e| Failure::new(exit::DATAERR, e))?;
        print::raw(&bytes);
        return Ok(exit::OK);
    }
    if json {
        return Ok(print::json(&held));
    }
    let reasons = print::items(&held, "reasons").iter().filter_map(Value::as_str).collect::<Vec<_>>();
    let size = held["size"].as_u64().map(|size| format!("{size} bytes")).unwrap_or_default();
    for (label, value) in [
        ("Set aside", text(&held, "at")),
        ("Because", text(&held, "reason")),
        ("Mailbox", text(&held, "mailbox")),
        ("Received", text(&held, "received_at")),
        ("From", text(&held, "from")),
        ("Subject", text(&held, "subject")),
        ("Message-ID", text(&held, "message_id")),
        ("Class", text(&held, "class")),
        ("Class because", &reasons.join("; ")),
        ("Size", &size),
        ("SHA-256", text(&held, "sha256")),
    ] {
        if !value.is_empty() {
            print::line(format_args!("{label:<14} {}", print::short(value, 500)));
        }
    }
    print::line(format_args!("\n{}", printable(text(&held, "text"))));
    passed_on(&held);
    Ok(exit::OK)
}

/// The mail that a letter passes on: its words may be nowhere else.
pub(super) fn passed_on(letter: &Value) {
    let Some(inner) = letter.get("forwarded").filter(|inner| inner.is_object()) else { return };
    let from = &inner["from"];
    let person = print::person(text(from, "name"), text(from, "email"));
    print::line(format_args!("\nPassed on, from {person}:\n\n{}", printable(text(inner, "text"))));
}
