//! `klachtd show`: one complaint as a file that a lawyer can read.

use clap_complete::ArgValueCompleter;
use data_encoding::BASE64;
use serde_json::Value;

use super::completions;
use super::print::{self, text};
use super::quarantine::passed_on;
use super::read::printable;
use super::{Failure, asking};
use crate::answers::{Ask, exit};
use crate::config::Config;
use crate::domain::fact::NoticeId;
use crate::register::{self, ComplaintView};

/// Which complaint, and what of it.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Its reference
    #[arg(add = ArgValueCompleter::new(completions::references))]
    reference: String,
    /// The new text of this letter, from 1
    #[arg(long, value_name = "N", group = "mail")]
    letter: Option<usize>,
    /// This notice as it left, by its number in the file
    #[arg(long, value_name = "N", group = "mail")]
    notice: Option<u64>,
    /// Its raw bytes
    #[arg(long, requires = "mail")]
    raw: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: &Config, arguments: &Arguments) -> Result<u8, Failure> {
    let reference = arguments.reference.clone();
    if let Some(n) = arguments.letter {
        let (letter, _) = asking::ask(config, Ask::Letter { reference, n, raw: arguments.raw }).await?;
        return print_letter(&letter, arguments);
    }
    if let Some(id) = arguments.notice.map(NoticeId) {
        let (notice, _) = asking::ask(config, Ask::Notice { reference, id, raw: arguments.raw }).await?;
        return print_notice(&notice, arguments);
    }
    let (shown, _) = asking::ask(config, Ask::Show { reference }).await?;
    if arguments.json {
        return Ok(print::json(&shown));
    }
    let shown: ComplaintView = print::understood(shown)?;
    print::line(register::as_file(&shown));
    Ok(exit::OK)
}

fn print_letter(letter: &Value, arguments: &Arguments) -> Result<u8, Failure> {
    if arguments.raw {
        return print_raw(letter);
    }
    if arguments.json {
        return Ok(print::json(letter));
    }
    print::line(printable(text(letter, "text")));
    passed_on(letter);
    Ok(exit::OK)
}

fn print_notice(notice: &Value, arguments: &Arguments) -> Result<u8, Failure> {
    if arguments.raw {
        return print_raw(notice);
    }
    if arguments.json {
        return Ok(print::json(notice));
    }
    for header in print::items(notice, "headers") {
        let part = |n: usize| header.get(n).and_then(Value::as_str).unwrap_or_default();
        print::line(format_args!("{}: {}", part(0), printable(part(1))));
    }
    print::line(format_args!("\n{}", printable(text(notice, "text")).trim_end()));
    Ok(exit::OK)
}

/// The bytes as they are, for a file or a pipe.
fn print_raw(mail: &Value) -> Result<u8, Failure> {
    let bytes = BASE64.decode(text(mail, "raw").as_bytes()).map_err(|e| Failure::new(exit::DATAERR, e))?;
    print::raw(&bytes);
    Ok(exit::OK)
}
