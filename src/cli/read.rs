//! `klachtd read` and `klachtd ingest`: one mail, understood or taken in.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use data_encoding::BASE64;

use super::print::{self, text};
use super::{Failure, asking, local};
use crate::answers::{Ask, exit};
use crate::config::Config;
use crate::control;
use crate::desk;
use crate::domain::mail::Letter;

/// Which mails, and how.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// As JSON; with several files one object a line
    #[arg(long)]
    json: bool,
    /// As if it came into this mailbox (default: the first)
    #[arg(long, value_name = "NAME")]
    mailbox: Option<String>,
    /// Mails; - is stdin
    #[arg(required = true, value_name = "FILE|-")]
    files: Vec<String>,
}

/// Which mail, into which mailbox.
#[derive(Debug, clap::Args)]
pub(super) struct IngestArguments {
    /// The mailbox's name
    mailbox: String,
    /// The mail; - or nothing is stdin
    #[arg(default_value = "-", value_name = "FILE|-")]
    file: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

fn bytes(file: &str) -> Result<Vec<u8>, Failure> {
    let mut raw = Vec::new();
    let read = match file {
        "-" => std::io::stdin().lock().read_to_end(&mut raw).map(|_| raw),
        path => fs::read(Path::new(path)),
    };
    read.map_err(|e| Failure::new(exit::DATAERR, format!("{file}: {e}; expected a mail (RFC 5322)")))
}

pub(super) fn run(config: Option<&Config>, arguments: &Arguments) -> Result<u8, Failure> {
    let settings = local::settings(config)?;
    let name = local::mailbox(&settings.house, arguments.mailbox.as_deref())?;
    for file in &arguments.files {
        let raw = bytes(file)?;
        // Without a store there is no secret, so nothing can be known as signed by us.
        let letter = desk::read_one(&raw, &settings, &name, &|_| false)
            .ok_or_else(|| Failure::new(exit::CONFIG, format!("mailbox {name:?} has no procedure")))?;
        match (arguments.json, arguments.files.len()) {
            (true, 1) => print::json(&letter),
            (true, _) => print::json_line(&letter),
            (false, _) => describe(file, &letter),
        };
    }
    Ok(exit::OK)
}

fn describe(file: &str, letter: &Letter) -> u8 {
    let class = serde_json::to_value(letter.class).unwrap_or_default();
    let answer = if letter.answerable { "may be answered" } else { "is never answered" };
    print::line(format_args!("{file}: {}, {answer}", class.as_str().unwrap_or_default()));
    for reason in &letter.reasons {
        print::line(format_args!("  because    {reason}"));
    }
    let from = letter.from.as_ref();
    let name = from.and_then(|p| p.name.as_deref()).unwrap_or_default();
    print::line(format_args!("  from       {}", print::person(name, from.map_or("", |p| &p.email))));
    print::line(format_args!("  subject    {}", print::short(&letter.subject, 200)));
    print::line(format_args!("  language   {}", letter.language.map_or("undecided", |l| l.code())));
    for (name, value) in &letter.fields {
        print::line(format_args!("  {name:<10} {}", print::short(value, 200)));
    }
    for attachment in &letter.attachments {
        print::line(format_args!(
            "  attached   {} ({}, {} bytes)",
            print::short(&attachment.name, 80),
            attachment.media_type,
            attachment.size
        ));
    }
    for oddity in &letter.oddities {
        print::line(format_args!("  odd        {}", print::short(oddity, 200)));
    }
    print::line(format_args!("\n{}", printable(&letter.text)));
    exit::OK
}

/// Text for a terminal: no control characters but line ends and tabs.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

pub(super) async fn ingest(config: &Config, arguments: &IngestArguments) -> Result<u8, Failure> {
    let raw = bytes(&arguments.file)?;
    if raw.len() > control::LARGEST_MAIL {
        // It never fits: whoever sent it must learn that now, not when the mail server gives up after days.
        let error = format!("the mail has {} bytes; expected at most {}", raw.len(), control::LARGEST_MAIL);
        return Err(Failure::new(exit::DATAERR, error));
    }
    let ask = Ask::Ingest { mailbox: arguments.mailbox.clone(), raw: BASE64.encode(&raw) };
    // A mail server keeps the mail and comes back on 75; on anything else it bounces it to the customer.
    let (outcome, _) = asking::ask(config, ask).await.map_err(|f| Failure { exit: exit::TEMPFAIL, ..f })?;
    if arguments.json {
        return Ok(print::json(&outcome));
    }
    print::line(format_args!(
        "{} {} {}",
        text(&outcome, "fate"),
        text(&outcome, "reference"),
        text(&outcome, "reason")
    ));
    Ok(exit::OK)
}
