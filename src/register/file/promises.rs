//! What was promised: each term with its clause, its dates, and how it was kept.

use jiff::tz::TimeZone;

use crate::domain::complaint::State;
use crate::domain::procedure::Force;
use crate::domain::term::{Extension, TermStatus};
use crate::register::page::{Page, count, day, line, moment};
use crate::register::rows::{ComplaintView, Delay, TermRow};
use crate::register::words;

/// The section of the terms.
pub(super) fn section(page: &mut Page, shown: &ComplaintView, zone: &TimeZone) {
    page.heading("WHAT WAS PROMISED");
    page.text(
        2,
        &format!(
            "Days are those of {}. The day from which a term counts is not counted; a term ends at the midnight \
             that ends its last day.",
            line(&shown.zone)
        ),
    );
    for row in &shown.terms {
        page.gap();
        term(page, row, shown.state, zone);
    }
    if shown.terms.is_empty() {
        page.text(2, "No term has begun.");
    }
}

fn term(page: &mut Page, term: &TermRow, state: State, zone: &TimeZone) {
    let deed = words::deed(&term.id, &term.done_by);
    let deed = format!("{deed}, by {}; {}", words::who(&term.who), words::force(term.force));
    page.labelled(2, &format!("{}: ", line(&term.id)), &line(&deed));
    if let Some(quote) = &term.quote {
        page.labelled(4, "“", &format!("{}”", line(quote)));
    }
    let counted = match term.within {
        Some(within) => format!("{within} after {}, {}", day(term.day0), words::event(term.of)),
        None => term.why.clone(),
    };
    label(page, "First date", &format!("{} ({})", day(term.first_due), line(&counted)));
    if let Some(quote) = term.extend_quote.as_ref().filter(|_| !term.extensions.is_empty()) {
        label(page, "More time", &format!("“{}”", line(quote)));
    }
    for extension in &term.extensions {
        extended(page, extension, zone);
    }
    let (word, how) = standing(term, state, zone);
    label(page, word, &how);
}

fn label(page: &mut Page, label: &str, text: &str) {
    page.labelled(4, &format!("{label:<11} "), text);
}

fn extended(page: &mut Page, extension: &Extension, zone: &TimeZone) {
    let late =
        if extension.late { "LATE: after the last moment that the procedure allows" } else { "in time" };
    let told = moment(extension.announced_at, zone);
    label(page, "Announced", &format!("{}, told on {told}, {late}", day(extension.new_due)));
    label(page, "", &format!("because: {}", line(&extension.reason)));
}

/// How a term stands: a word for the margin, and the rest.
fn standing(term: &TermRow, state: State, zone: &TimeZone) -> (&'static str, String) {
    let met = term.met_at.map_or_else(String::new, |at| moment(at, zone));
    match term.status {
        TermStatus::Met => ("Done", format!("{met}, in time{}", before_announced(term, zone))),
        TermStatus::MetLate => ("Done", format!("{met}, LATE by {}", delay(term.late_by))),
        TermStatus::Overdue => ("Overdue", format!("not done; late by {} so far", delay(term.late_by))),
        TermStatus::Running if term.force == Force::Window => {
            ("Runs", format!("until the end of {}", day(term.due)))
        }
        TermStatus::Running => {
            ("Runs", format!("not done yet; there is time until the end of {}", day(term.due)))
        }
        TermStatus::Void if term.force == Force::Window => ("Ended", "not used".to_owned()),
        TermStatus::Void => {
            let why = if state == State::Closed {
                "the complaint was closed"
            } else {
                "nobody need do it any more"
            };
            ("Void", why.to_owned())
        }
    }
}

/// In time by an announced date is not in time by the first one: reports count both.
fn before_announced(term: &TermRow, zone: &TimeZone) -> &'static str {
    let done_on = term.met_at.map(|at| zone.to_datetime(at).date());
    match done_on {
        Some(day) if day > term.first_due => " by the announced date, after the first",
        _ => "",
    }
}

fn delay(late_by: Option<Delay>) -> String {
    late_by.map_or_else(String::new, |late| {
        format!("{} ({})", count(late.days, "calendar day"), count(late.working_days, "working day"))
    })
}
