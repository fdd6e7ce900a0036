//! `klachtd show`: one complaint as a file that a lawyer can read.

use std::io::Write as _;

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
use crate::register::{self, ComplaintView};

/// Which complaint, and what of it.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Its reference
    #[arg(add = ArgValueCompleter::new(completions::references))]
    reference: String,
    /// The new text of this letter, from 1
    #[arg(long, value_name = "N")]
    letter: Option<usize>,
    /// The letter's raw bytes
    #[arg(long, requires = "letter")]
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
    let (shown, _) = asking::ask(config, Ask::Show { reference }).await?;
    if arguments.json {
        return Ok(print::json(&shown));
    }
    let shown: ComplaintView = print::understood(shown)?;
    println!("{}", register::as_file(&shown));
    Ok(exit::OK)
}

fn print_letter(letter: &Value, arguments: &Arguments) -> Result<u8, Failure> {
    if arguments.raw {
        let bytes =
            BASE64.decode(text(letter, "raw").as_bytes()).map_err(|e| Failure::new(exit::DATAERR, e))?;
        std::io::stdout().lock().write_all(&bytes).map_err(|e| Failure::new(exit::DATAERR, e))?;
    } else if arguments.json {
        print::json(letter);
    } else {
        println!("{}", printable(text(letter, "text")));
        passed_on(letter);
    }
    Ok(exit::OK)
}
