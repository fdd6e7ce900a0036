//! `klachtd terms`: every term of a complaint received at some moment, and why.

use std::io::BufRead as _;

use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::print;
use super::{Failure, local};
use crate::answers::exit;
use crate::config::Config;
use crate::domain::ladder;
use crate::domain::procedure::{
    Basis, Extend, Force, Procedure, Rules, SafetyNet, TermEvent, TermRule, Unit,
};
use crate::domain::term::{self, Happened, TermView};
use crate::register::page::{self, Page, day, line};
use crate::register::words;

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
        print::line(describe(procedure, received, &terms));
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
    // In the order in which they happened, as a journal has them; receipt is the first whatever its time.
    happened[1..].sort_by_key(|h| h.at);
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

/// Every date in words, with the clause that it comes from.
fn describe(procedure: &Procedure, received: Timestamp, terms: &[TermView]) -> String {
    let mut page = Page::default();
    let rules = &procedure.rules;
    page.heading(&line(&procedure.title));
    page.text(
        2,
        &format!(
            "Received on {}. That day is day 0 and is not counted. Days are those of {}; Monday to Friday work, except \
             holidays ({}).",
            page::moment(received, &rules.zone),
            rules.zone_name,
            rules.holidays.iter().map(|set| set.as_str()).collect::<Vec<_>>().join(" and ")
        ),
    );
    if rules.holidays.len() > 1 {
        page.text(2, "A day is a holiday only when it is one in all of these sets.");
    }
    for term in terms {
        page.gap();
        explain(&mut page, procedure, term);
    }
    not_begun(&mut page, procedure, terms);
    page.finish()
}

fn explain(page: &mut Page, procedure: &Procedure, term: &TermView) {
    let Some(rule) = procedure.term(&term.id) else { return };
    let deed = words::deed(&term.id, &rule.done_by);
    let what = format!("{deed}, by {}; {}", words::who(&term.who), words::force(term.force));
    page.labelled(2, &format!("{}: ", term.id), &what);
    let mut row = |label: &str, text: &str| page.labelled(4, &format!("{label:<11} "), text);
    row(
        "Clause",
        &rule
            .quote
            .as_ref()
            .map_or_else(|| "none: the published text is silent on it".to_owned(), |quote| quoted(quote)),
    );
    row("Last day", &format!("{}; it ends at midnight ({})", day(term.due), term.due_before));
    row("Counted", &counted(&procedure.rules, rule, term));
    if term.force != Force::Window {
        row("Staff aim", &staff_aim(&procedure.rules, term));
    }
    if let Some(extend) = &rule.extend {
        row("More time", &more_time(extend, term));
        row("", &extend.quote.as_ref().map_or_else(String::new, |quote| quoted(quote)));
    }
    if let Some(at) = ladder::safety_net_at(term, procedure) {
        let acts = match procedure.safety_net {
            SafetyNet::Send => "a notice of more time leaves by itself",
            SafetyNet::Draft | SafetyNet::Off => "staff get a notice of more time as a draft",
        };
        let at = page::moment(at, &procedure.rules.zone);
        row("Safety net", &format!("unless somebody has acted, {acts} on {at}"));
    }
    if let Some(met_at) = term.met_at {
        let late = if term.lapsed { "late" } else { "in time" };
        row("Done", &format!("{}, {late}", page::moment(met_at, &procedure.rules.zone)));
    }
}

fn quoted(clause: &str) -> String {
    format!("“{}”", line(clause))
}

/// From which day, how many days, and what was left out or moved.
fn counted(rules: &Rules, rule: &TermRule, term: &TermView) -> String {
    let mut parts = vec![format!("{} after {}, {}", rule.within, day(term.day0), words::event(term.of))];
    let end = rule.within.after(term.day0, &rules.calendar);
    let skipped: Vec<String> = holidays(rules, term.day0, end).into_iter().map(day).collect();
    if rule.within.unit == Unit::WorkingDays && !skipped.is_empty() {
        parts.push(format!("not counted, beside weekends: {}", skipped.join(", ")));
    }
    if term.first_due != end {
        let law = match rules.basis {
            Basis::Eu => "Regulation 1182/71",
            Basis::Statute | Basis::Contract => "the Algemene termijnenwet",
        };
        parts.push(format!("moved on from {} by {law}", day(end)));
    }
    parts.join("; ")
}

/// The days from Monday to Friday that do not work.
fn holidays(rules: &Rules, after: Date, until: Date) -> Vec<Date> {
    let days = after.series(1.day()).skip(1).take_while(|day| *day <= until);
    let weekend = |day: &Date| matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    days.filter(|day| !weekend(day) && !rules.calendar.is_working(*day)).collect()
}

fn staff_aim(rules: &Rules, term: &TermView) -> String {
    let target = day(term.staff_target);
    if term.staff_target == term.due {
        return format!("{target}, the last day itself, which works");
    }
    let why = match rules.basis {
        Basis::Contract => "a promise is not moved when its last day does not work",
        Basis::Statute | Basis::Eu => "its last day does not work",
    };
    format!("{target}, the working day before: {why}")
}

/// Until when a notice of more time may leave, in both readings of "days".
fn more_time(extend: &Extend, term: &TermView) -> String {
    let (Some(until), Some(strict)) = (term.extend_until, term.extend_strict) else {
        return "no further notice of more time is allowed".to_owned();
    };
    let may = if extend.before_end.count == 0 {
        format!("the notice may leave until the end of {}, the last day", day(until))
    } else {
        format!(
            "the notice may leave until the end of {}, {} before the last day; strictly, counted in working days, \
             until the end of {}",
            day(until),
            extend.before_end,
            day(strict)
        )
    };
    let told =
        term.act_by.map_or_else(String::new, |day_of| format!("; staff are told to act by {}", day(day_of)));
    may + &told
}

/// The terms that start at something that was not said to have happened.
fn not_begun(page: &mut Page, procedure: &Procedure, terms: &[TermView]) {
    let begun = |rule: &&TermRule| terms.iter().any(|term| term.id == rule.id);
    let mut waiting = procedure.terms.iter().filter(|rule| !begun(rule)).peekable();
    if waiting.peek().is_none() {
        return;
    }
    page.heading("NOT BEGUN");
    for rule in waiting {
        // The handling begins by itself for a complaint in writing: this one was spoken.
        let of = match rule.of {
            TermEvent::ClockStart => procedure.intake.clock_start.spoken,
            other => other,
        };
        let text = format!("{} after {}: add --event {of}=TIME", rule.within, words::event(of));
        page.labelled(2, &format!("{}: ", rule.id), &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules;

    fn explained(id: &str, received: &str, events: &[&str]) -> String {
        let (rules, _) = rules::Rules::load(None);
        let procedure = &rules.get(id).unwrap().procedure;
        let events: Vec<Happened> = events.iter().map(|e| event(e, procedure).unwrap()).collect();
        let received = moment(received, procedure).unwrap();
        describe(procedure, received, &terms(procedure, received, &events))
    }

    /// Words without line breaks.
    fn flat(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_date_is_explained_with_its_clause() {
        let text = flat(&explained("ingressus", "2026-12-18", &[]));
        for words in [
            "Received on Friday 18 December 2026 12:00:00 CET. That day is day 0 and is not counted.",
            "respond: the outcome, by the handler; a promise of the published text",
            "Clause “In principe worden klachten binnen twintig werkdagen afgehandeld”",
            "Last day Tuesday 19 January 2027; it ends at midnight (2027-01-19T23:00:00Z)",
            "not counted, beside weekends: Friday 25 December 2026, Friday 1 January 2027",
            "until the end of Friday 15 January 2027, 2 days before the last day; strictly, counted in working days, \
             until the end of Friday 15 January 2027",
            "a notice of more time leaves by itself on Friday 15 January 2027 16:00:00 CET",
            "objection: 10 working days after the outcome: add --event outcome_sent=TIME",
        ] {
            assert!(text.contains(words), "{words:?} is not in: {text}");
        }
    }

    #[test]
    fn a_promise_is_not_moved_but_staff_aim_before_it() {
        let text = flat(&explained("omnistock", "2026-11-21", &[]));
        let aim = "Staff aim Friday 4 December 2026, the working day before: a promise is not moved";
        assert!(text.contains("Last day Saturday 5 December 2026") && text.contains(aim), "{text}");
    }

    #[test]
    fn every_event_starts_what_begins_there() {
        for (id, events, begun) in [
            (
                "ingressus",
                &["outcome_sent=2026-04-28", "review_requested=2026-05-01"][..],
                "objection: the request",
            ),
            (
                "ingressus",
                &["review_requested=2026-05-01", "interview_held=2026-05-06"],
                "minutes: the outcome of",
            ),
            ("webshop", &["review_requested=2026-05-01"], "review: the outcome of the review, by the board"),
            (
                "webshop",
                &["assigned=2026-03-04T10:00:00+01:00"],
                "Done Wednesday 4 March 2026 10:00:00 CET, in time",
            ),
            (
                "websec",
                &["spoken_complaint=2026-03-02"],
                "respond: 2 weeks after the agreement with the record: add",
            ),
            (
                "websec",
                &["spoken_complaint=2026-03-02", "record_agreed=2026-03-09"],
                "2 weeks after Monday 9 March 2026",
            ),
            ("websec", &["clock_start=2026-03-10"], "2 weeks after Tuesday 10 March 2026"),
        ] {
            let text = flat(&explained(id, "2026-03-02", events));
            assert!(text.contains(begun), "{id} {events:?}: {begun:?} is not in: {text}");
        }
    }

    #[test]
    fn a_date_is_noon_in_the_zone_and_the_order_of_events_is_of_no_matter() {
        let (rules, _) = rules::Rules::load(None);
        let procedure = &rules.get("ingressus").unwrap().procedure;
        assert_eq!(moment("2026-07-01", procedure).unwrap().to_string(), "2026-07-01T10:00:00Z");
        let [one, two] = ["outcome_sent=2026-04-28", "review_requested=2026-05-01"];
        let there = explained("ingressus", "2026-03-02", &[one, two]);
        assert_eq!(there, explained("ingressus", "2026-03-02", &[two, one]));
        assert!(event("outcome=2026-04-28", procedure).is_err());
    }
}
