//! `klachtd terms`: every term of a complaint received at some moment, and why.

use std::io::BufRead as _;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::print;
use super::{Failure, local};
use crate::answers::exit;
use crate::config::Config;
use crate::domain::procedure::{Procedure, TermEvent};
use crate::domain::term::{self, Happened, TermView};

/// Of which procedure, from which moment.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The procedure's id
    #[arg(long, value_name = "ID")]
    procedure: String,
    /// RFC 3339 or a date (12:00 local); - reads one a line from stdin
    #[arg(long, value_name = "TIME")]
    received: String,
    /// What else happened, for the terms that start there, like `outcome_sent=2026-12-18`
    #[arg(long = "event", value_name = "EVENT=TIME")]
    events: Vec<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: Option<&Config>, arguments: &Arguments) -> Result<u8, Failure> {
    let settings = local::settings(config)?;
    let procedure = &local::ruling(&settings.rules, &arguments.procedure)?.procedure;
    let events = arguments.events.iter().map(|e| event(e, procedure)).collect::<Result<Vec<_>, _>>()?;
    if arguments.received != "-" {
        let received = moment(&arguments.received, procedure)?;
        let terms = terms(procedure, received, &events);
        if arguments.json {
            return Ok(print::json(&as_json(procedure, received, &terms)));
        }
        println!("{}", describe(procedure, received, &terms));
        return Ok(exit::OK);
    }
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|e| Failure::new(exit::DATAERR, e))?;
        if line.trim().is_empty() {
            continue;
        }
        let received = moment(line.trim(), procedure)?;
        print::json_line(&as_json(procedure, received, &terms(procedure, received, &events)));
    }
    Ok(exit::OK)
}

fn terms(procedure: &Procedure, received: Timestamp, events: &[Happened]) -> Vec<TermView> {
    let mut happened = vec![Happened { event: TermEvent::Received, at: received }];
    happened.extend(events.iter().copied());
    let now = happened.iter().map(|h| h.at).max().unwrap_or(received);
    term::terms(procedure, &happened, &[], now)
}

fn event(words: &str, procedure: &Procedure) -> Result<Happened, Failure> {
    let bad = |why: String| Failure::new(exit::USAGE, format!("--event {words}: {why}; expected EVENT=TIME"));
    let (name, time) = words.split_once('=').ok_or_else(|| bad("there is no =".to_owned()))?;
    let event = name.parse::<TermEvent>().map_err(|e| bad(e.to_string()))?;
    Ok(Happened { event, at: moment(time, procedure)? })
}

/// RFC 3339, or a date: then noon in the procedure's zone.
pub(super) fn moment(words: &str, procedure: &Procedure) -> Result<Timestamp, Failure> {
    if let Ok(at) = words.parse::<Timestamp>() {
        return Ok(at);
    }
    let noon = words.parse::<Date>().map(|d| d.at(12, 0, 0, 0).to_zoned(procedure.rules.zone.clone()));
    match noon {
        Ok(Ok(noon)) => Ok(noon.timestamp()),
        _ => Err(Failure::new(
            exit::DATAERR,
            format!(
                "{words:?} is no time; expected RFC 3339 like 2026-03-02T09:15:00+01:00, or a date like 2026-03-02"
            ),
        )),
    }
}

fn as_json(procedure: &Procedure, received: Timestamp, terms: &[TermView]) -> Value {
    let rows: Vec<Value> = terms
        .iter()
        .map(|t| {
            json!({
                "id": t.id, "who": t.who, "force": t.force, "of": t.of, "due": t.due, "due_before": t.due_before,
                "staff_target": t.staff_target, "extend_until": t.extend_until, "extend_strict": t.extend_strict,
                "act_by": t.act_by, "why": t.why, "quote": quote(procedure, t),
            })
        })
        .collect();
    json!({
        "procedure": procedure.id, "received": received, "day0": term::day0(procedure, received),
        "zone": procedure.rules.zone_name, "terms": rows,
    })
}

fn quote<'a>(procedure: &'a Procedure, term: &TermView) -> Option<&'a str> {
    procedure.term(&term.id).and_then(|rule| rule.quote.as_deref())
}

fn describe(procedure: &Procedure, received: Timestamp, terms: &[TermView]) -> String {
    let local = received.to_zoned(procedure.rules.zone.clone());
    let mut lines =
        vec![procedure.title.clone(), format!("received {}", local.strftime("%A %-d %B %Y %H:%M (%Z)"))];
    for term in terms {
        lines.push(format!("\n{:<10} by the end of {}", term.id, words(term.due)));
        lines.push(format!("           {}", term.why));
        lines.push(format!("           staff target {}", words(term.staff_target)));
        if let Some(until) = term.extend_until {
            lines.push(format!("           a notice of delay may go out until {}", words(until)));
        }
        if let Some(act_by) = term.act_by {
            lines.push(format!("           the safety net acts on {} at 16:00", words(act_by)));
        }
    }
    lines.join("\n")
}

fn words(date: Date) -> String {
    date.strftime("%A %-d %B %Y").to_string()
}
