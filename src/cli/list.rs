//! `klachtd list`: the register as a table.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::print::{self, items, text};
use super::{Failure, asking};
use crate::answers::{Ask, exit};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::domain::complaint::State;
use crate::register::Filter;

/// Which complaints, and how.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only complaints that are not closed
    #[arg(long)]
    open: bool,
    /// Only complaints in this state
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<State>,
    /// Only complaints of this handler
    #[arg(long, value_name = "ADDRESS")]
    handler: Option<String>,
    /// Only complaints of which a term ends within this time
    #[arg(long, value_name = "3d", value_parser = seconds)]
    due_within: Option<i64>,
    /// Only complaints of which a term has lapsed
    #[arg(long)]
    overdue: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

fn state(word: &str) -> Result<State, String> {
    serde_json::from_value(Value::String(word.to_owned())).map_err(|e| e.to_string())
}

fn seconds(words: &str) -> Result<i64, String> {
    config::duration(words).map(|d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}

pub(super) async fn run(config: &Config, arguments: &Arguments) -> Result<u8, Failure> {
    let filter = Filter {
        open: arguments.open,
        state: arguments.state,
        handler: arguments.handler.clone(),
        due_within: arguments.due_within,
        overdue: arguments.overdue,
    };
    let (list, code) = asking::ask(config, Ask::List(filter)).await?;
    if arguments.json {
        return Ok(print::json(&list));
    }
    let complaints = list.as_array().map_or(&[][..], Vec::as_slice);
    let today = Clock::System.now().to_zoned(TimeZone::system()).date();
    let rows: Vec<Vec<String>> = complaints.iter().map(|c| row(c, today)).collect();
    let head = ["REFERENCE", "RECEIVED", "COMPLAINANT", "SUBJECT", "STATE", "HANDLER", "DUE", "DAYS LEFT"];
    println!("{}", print::table(&head, &rows));
    println!("{} {}", rows.len(), if rows.len() == 1 { "complaint" } else { "complaints" });
    debug_assert_eq!(code, exit::OK, "a list is never unhealthy");
    Ok(exit::OK)
}

fn row(complaint: &Value, today: Date) -> Vec<String> {
    let complainant = &complaint["complainant"];
    let name = if text(complainant, "name").is_empty() {
        text(complainant, "email")
    } else {
        text(complainant, "name")
    };
    let pressing = pressing(complaint);
    let due = pressing.and_then(|t| text(t, "due").parse::<Date>().ok());
    vec![
        text(complaint, "reference").to_owned(),
        text(complaint, "received_at").parse::<Timestamp>().map_or_else(|_| String::new(), minute),
        print::short(name, 24),
        print::short(text(complaint, "subject"), 32),
        text(complaint, "state").to_owned(),
        print::short(text(complaint, "handler"), 28),
        due.map(|d| d.strftime("%a %d %b %Y").to_string()).unwrap_or_default(),
        due.map(|d| days_left(d, today)).unwrap_or_default(),
    ]
}

fn minute(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// The term that ends first among those not met; a house norm never hides a promise.
fn pressing(complaint: &Value) -> Option<&Value> {
    let unmet =
        |t: &&Value| matches!(text(t, "status"), "running" | "overdue") && text(t, "force") != "window";
    items(complaint, "terms")
        .iter()
        .filter(unmet)
        .min_by_key(|t| (text(t, "force") == "house", text(t, "due")))
}

fn days_left(due: Date, today: Date) -> String {
    let days = today.until(due).map(|span| span.get_days()).unwrap_or_default();
    match days {
        0 => "today".to_owned(),
        1.. => days.to_string(),
        _ => format!("{} over", -days),
    }
}
