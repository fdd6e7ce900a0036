//! `klachtd outbox`: what is going out.

use clap::Subcommand;

use super::print::{self, text};
use super::{Failure, asking};
use crate::answers::{Ask, exit};
use crate::config::Config;
use crate::domain::fact::NoticeId;

/// What to do with the outbox.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What waits, and what ended badly
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Try again now
    Retry {
        /// Which notice
        #[arg(required_unless_present = "all")]
        id: Option<u64>,
        /// All that wait or failed
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
    /// Give a notice up: it is not tried again and raises no alarm
    Drop {
        /// Which notice
        id: u64,
    },
}

pub(super) async fn run(config: &Config, arguments: &Arguments) -> Result<u8, Failure> {
    match &arguments.what {
        What::List { json } => list(config, *json).await,
        What::Retry { id, .. } => {
            let (done, code) = asking::ask(config, Ask::Retry { id: id.map(NoticeId) }).await?;
            print::line(format_args!("{} to be tried again now", done["retried"]));
            for id in done["overtaken"].as_array().into_iter().flatten() {
                print::line(format_args!(
                    "notice {id} was overtaken by a newer one: `klachtd outbox drop {id}` gives it up"
                ));
            }
            Ok(code)
        }
        What::Drop { id } => {
            let (_, code) = asking::ask(config, Ask::Drop { id: NoticeId(*id) }).await?;
            print::line(format_args!("notice {id} was given up"));
            Ok(code)
        }
    }
}

async fn list(config: &Config, json: bool) -> Result<u8, Failure> {
    let (list, _) = asking::ask(config, Ask::Outbox).await?;
    if json {
        return Ok(print::json(&list));
    }
    let rows: Vec<Vec<String>> = list
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .map(|entry| {
            vec![
                entry["id"].to_string(),
                text(entry, "kind").to_owned(),
                text(entry, "reference").to_owned(),
                text(entry, "to").to_owned(),
                text(entry, "status").to_owned(),
                entry["attempts"].to_string(),
                text(entry, "next_at").to_owned(),
                print::short(text(entry, "smtp_reply"), 60),
            ]
        })
        .collect();
    let head = ["ID", "KIND", "REFERENCE", "TO", "STATUS", "TRIES", "NEXT", "LAST ANSWER"];
    print::line(print::table(&head, &rows));
    Ok(exit::OK)
}
