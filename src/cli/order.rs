//! `klachtd order` and `klachtd add`: what staff do by mail, from the shell.

use std::fs;
use std::io::{IsTerminal, Read as _};
use std::path::Path;

use clap_complete::ArgValueCompleter;
use jiff::Timestamp;

use super::completions;
use super::print::{self, text};
use super::terms::moment;
use super::{Failure, asking};
use crate::answers::{Added, Ask, exit};
use crate::config::Config;
use crate::domain::procedure::Channel;

/// Which complaint, and what is to be done.
#[derive(Debug, clap::Args)]
pub(super) struct OrderArguments {
    /// The complaint's reference
    #[arg(add = ArgValueCompleter::new(completions::references))]
    reference: String,
    /// The order, for example '#extend 18-12-2026 waiting for the supplier'; its text comes on stdin
    order: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// A complaint that did not come by mail.
#[derive(Debug, clap::Args)]
pub(super) struct AddArguments {
    /// The mailbox under whose procedure it falls
    #[arg(long, value_name = "NAME")]
    mailbox: String,
    /// By what it came
    #[arg(long, value_enum)]
    channel: ChannelArgument,
    /// The complainant's address
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// The complainant's name
    #[arg(long)]
    name: String,
    /// What it is about
    #[arg(long)]
    subject: Option<String>,
    /// When it came: RFC 3339, or a date (12:00 local); now when absent
    #[arg(long, value_name = "TIME")]
    received: Option<String>,
    /// The order number that it names
    #[arg(long, value_name = "NUMBER")]
    order_number: Option<String>,
    /// The letter, or the record of the call; - for stdin
    #[arg(long, value_name = "FILE")]
    text: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// The channels of `klachtd add`; mail comes by mail.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ChannelArgument {
    /// A letter on paper
    Letter,
    /// The telephone
    Phone,
    /// A form on paper or on the web
    Form,
}

pub(super) async fn order(config: &Config, arguments: &OrderArguments) -> Result<u8, Failure> {
    let mut text = arguments.order.clone();
    if !std::io::stdin().is_terminal() {
        text.push('\n');
        text.push_str(&stdin()?);
    }
    let ask = Ask::Order { reference: arguments.reference.clone(), text, by: user() };
    let (reply, code) = asking::ask(config, ask).await?;
    if arguments.json {
        print::json(&reply);
        return Ok(code);
    }
    for line in print::items(&reply, "done") {
        print::line(line.as_str().unwrap_or_default());
    }
    let possible = print::items(&reply, "possible");
    if print::items(&reply, "done").is_empty() && !possible.is_empty() {
        print::line("Possible now:");
        for line in possible {
            print::line(format_args!("  {}", line.as_str().unwrap_or_default()));
        }
    }
    Ok(code)
}

pub(super) async fn add(config: &Config, arguments: &AddArguments) -> Result<u8, Failure> {
    let received = match &arguments.received {
        Some(words) => Some(received(config, &arguments.mailbox, words)?),
        None => None,
    };
    let text = match arguments.text.as_deref() {
        None => String::new(),
        Some("-") => stdin()?,
        Some(file) => fs::read_to_string(Path::new(file))
            .map_err(|e| Failure::new(exit::DATAERR, format!("{file}: {e}")))?,
    };
    let added = Added {
        mailbox: arguments.mailbox.clone(),
        channel: match arguments.channel {
            ChannelArgument::Letter => Channel::Letter,
            ChannelArgument::Phone => Channel::Phone,
            ChannelArgument::Form => Channel::Form,
        },
        email: arguments.email.trim().to_ascii_lowercase(),
        name: arguments.name.clone(),
        subject: arguments.subject.clone(),
        received,
        order_number: arguments.order_number.clone(),
        text,
        by: user(),
    };
    let (reply, _) = asking::ask(config, Ask::Add(Box::new(added))).await?;
    if arguments.json {
        return Ok(print::json(&reply));
    }
    print::line(self::text(&reply, "reference"));
    Ok(exit::OK)
}

/// The stamp on a letter is a date in the zone of the procedure.
fn received(config: &Config, mailbox: &str, words: &str) -> Result<Timestamp, Failure> {
    let settings = super::local::settings(Some(config))?;
    let ruling = settings.rules.of_mailbox(&settings.house, mailbox);
    let ruling = ruling.ok_or_else(|| {
        let known: Vec<&str> = settings.house.mailboxes.iter().map(|m| m.name.as_str()).collect();
        let error = format!("there is no mailbox {mailbox:?}; expected one of {}", known.join(", "));
        Failure::new(exit::DATAERR, error)
    })?;
    moment(words, &ruling.procedure)
}

fn stdin() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|e| Failure::new(exit::DATAERR, e))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The Unix user who types: for the journal.
pub(super) fn user() -> String {
    let uid = rustix::process::getuid().as_raw();
    let entry = |line: &str| {
        let mut parts = line.split(':');
        let (name, _, id) = (parts.next()?, parts.next()?, parts.next()?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    };
    let known = fs::read_to_string("/etc/passwd").ok().and_then(|users| users.lines().find_map(entry));
    known.unwrap_or_else(|| format!("uid {uid}"))
}
