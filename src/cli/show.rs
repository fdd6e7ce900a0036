//! `klachtd show`: one complaint as a file that a lawyer can read.

use std::io::Write as _;

use data_encoding::BASE64;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::print::{self, items, short, text};
use super::read::printable;
use super::{Failure, asking};
use crate::answers::{Ask, exit};
use crate::config::Config;

/// Which complaint, and what of it.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Its reference
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
    println!("{}", describe(&shown));
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
    }
    Ok(exit::OK)
}

fn describe(shown: &Value) -> String {
    let zone = TimeZone::get(text(shown, "zone")).unwrap_or(TimeZone::UTC);
    let mut lines = head(shown, &zone);
    lines.push("\nWHAT WAS PROMISED".to_owned());
    lines.extend(items(shown, "terms").iter().flat_map(|t| term(t, &zone)));
    lines.push("\nLETTERS".to_owned());
    lines.extend(items(shown, "letters").iter().map(|l| letter(l, &zone)));
    lines.push("\nWHAT WAS SENT".to_owned());
    lines.extend(items(shown, "notices").iter().flat_map(|n| notice(n, &zone)));
    lines.push("\nJOURNAL (each entry is chained to the one before by its hash)".to_owned());
    lines.extend(items(shown, "journal").iter().map(|j| journal(j, &zone)));
    lines.join("\n")
}

fn head(shown: &Value, zone: &TimeZone) -> Vec<String> {
    let complainant = &shown["complainant"];
    let mut lines = vec![
        format!("{}  {}", text(shown, "reference"), short(text(shown, "subject"), 100)),
        format!("  complainant  {}", print::person(text(complainant, "name"), text(complainant, "email"))),
        format!("  received     {} ({})", moment(text(shown, "received_at"), zone), text(shown, "channel")),
        format!("  state        {}", text(shown, "state")),
        format!("  handler      {}", text(shown, "handler")),
        format!("  procedure    {} ({})", text(shown, "procedure_title"), text(shown, "procedure")),
        format!(
            "               version {}, published text {}",
            hash(shown, "procedure_sha256"),
            hash(shown, "text_sha256")
        ),
    ];
    if let Some(fields) = shown["fields"].as_object() {
        lines.extend(
            fields.iter().map(|(k, v)| format!("  {k:<12} {}", short(v.as_str().unwrap_or_default(), 100))),
        );
    }
    if !text(shown, "silence").is_empty() {
        lines.push(format!("  no automatic mail: {}", text(shown, "silence")));
    }
    lines
}

fn hash<'a>(value: &'a Value, key: &str) -> &'a str {
    text(value, key).get(..12).unwrap_or_default()
}

fn term(term: &Value, zone: &TimeZone) -> Vec<String> {
    let due = day(text(term, "due"));
    let met = text(term, "met_at");
    let state = if met.is_empty() {
        text(term, "status").to_owned()
    } else {
        format!("{} {}", text(term, "status"), moment(met, zone))
    };
    let mut lines = vec![format!("  {:<10} {:<8} by {due}: {state}", text(term, "id"), text(term, "force"))];
    lines.push(format!("             {}", text(term, "why")));
    for e in items(term, "extensions") {
        let late = if e["late"].as_bool().unwrap_or_default() { ", LATE" } else { "" };
        lines.push(format!(
            "             extended from {} to {}, told {}{late}: {}",
            day(text(e, "old_due")),
            day(text(e, "new_due")),
            moment(text(e, "announced_at"), zone),
            text(e, "reason")
        ));
    }
    lines
}

fn letter(letter: &Value, zone: &TimeZone) -> String {
    format!(
        "  {}  {}  {:<10} {} {:?}\n     sha256 {}, {} bytes",
        letter["n"],
        moment(text(letter, "received_at"), zone),
        text(letter, "role"),
        text(letter, "from"),
        short(text(letter, "subject"), 60),
        text(letter, "sha256"),
        letter["size"]
    )
}

fn notice(notice: &Value, zone: &TimeZone) -> Vec<String> {
    let step = text(notice, "step");
    let about = if step.is_empty() { String::new() } else { format!(" ({} {step})", text(notice, "term")) };
    vec![
        format!(
            "  {}  {:<16}{about} to {}: {}",
            moment(text(notice, "at"), zone),
            text(notice, "kind"),
            text(notice, "to"),
            text(notice, "status")
        ),
        format!("     Message-ID <{}>", text(notice, "message_id")),
        match (notice["attempts"].as_u64(), text(notice, "smtp_reply")) {
            (Some(0), _) => "     not tried yet".to_owned(),
            (_, "") => format!("     no answer yet, attempt {}", notice["attempts"]),
            (_, reply) => format!("     answer {:?}, attempt {}", short(reply, 120), notice["attempts"]),
        },
    ]
}

fn journal(entry: &Value, zone: &TimeZone) -> String {
    format!(
        "  {:>3}  {}  {:<10} {:<18} {}",
        entry["seq"],
        moment(text(entry, "at"), zone),
        text(entry, "actor"),
        text(entry, "event"),
        hash(entry, "hash")
    )
}

fn moment(at: &str, zone: &TimeZone) -> String {
    at.parse::<Timestamp>().map_or_else(
        |_| at.to_owned(),
        |t| t.to_zoned(zone.clone()).strftime("%a %d %b %Y %H:%M:%S %Z").to_string(),
    )
}

fn day(date: &str) -> String {
    date.parse::<Date>().map_or_else(|_| date.to_owned(), |d| d.strftime("%A %-d %B %Y").to_string())
}
