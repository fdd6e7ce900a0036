//! The terms of a complaint: a pure function of procedure, events and announced extensions. Nothing is stored, so
//! nothing has to be repaired after a restart.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::procedure::{Extend, Force, Procedure, Rules, Span, Spoken, TermEvent, TermRule, Unit};

/// An event that starts or ends terms, in the order of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// What.
    pub event: TermEvent,
    /// When.
    pub at: Timestamp,
}

/// An extension that was announced to the complainant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// The id of the term.
    pub term: String,
    /// When the notice was accepted by the outgoing server.
    pub announced_at: Timestamp,
    /// The date that was in force before.
    pub old_due: Date,
    /// The date that was announced.
    pub new_due: Date,
    /// The reason that was given.
    pub reason: String,
    /// Whether the notice left after the last day to extend.
    pub late: bool,
}

/// How a term stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TermStatus {
    /// Not done, and there is time.
    Running,
    /// Done in time.
    Met,
    /// Done, after the date.
    MetLate,
    /// Not done, and the date has passed.
    Overdue,
    /// Nobody need do it any more: the complaint was closed, or the complainant's window has passed.
    Void,
}

impl TermStatus {
    /// The word as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Met => "met",
            Self::MetLate => "met_late",
            Self::Overdue => "overdue",
            Self::Void => "void",
        }
    }
}

/// A term of a complaint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermView {
    /// The id of its rule.
    pub id: String,
    /// The role that must act, or `system`, or `complainant`.
    pub who: String,
    /// How strongly it binds.
    pub force: Force,
    /// From what it counts, as in the procedure.
    pub of: TermEvent,
    /// When that happened.
    pub started_at: Timestamp,
    /// The civil date of that, which is not counted.
    pub day0: Date,
    /// The last day by the procedure.
    pub first_due: Date,
    /// The last day by the latest announcement; `first_due` without any.
    pub due: Date,
    /// The local midnight that ends `due`: it must be done before.
    pub due_before: Timestamp,
    /// `due`, or the working day before it when `due` does not work.
    pub staff_target: Date,
    /// The last day for an extension notice, counted back in calendar days; `None` when it can't be extended.
    pub extend_until: Option<Date>,
    /// The same counted back in working days.
    pub extend_strict: Option<Date>,
    /// The day on which staff and safety net act: the earlier of both, or the working day before it.
    pub act_by: Option<Date>,
    /// What was announced, oldest first.
    pub extensions: Vec<Extension>,
    /// How it stands.
    pub status: TermStatus,
    /// When it was done.
    pub met_at: Option<Timestamp>,
    /// Whether `due` passed before it was done or the complaint was closed.
    pub lapsed: bool,
    /// In English, with the clause: "14 days after Friday 6 March 2026: “…”".
    pub why: String,
}

impl TermView {
    /// From when the present date counts: the last announcement, else the start.
    pub fn counts_from(&self) -> Timestamp {
        self.extensions.last().map_or(self.started_at, |extension| extension.announced_at)
    }

    /// Whether somebody must still do it: it runs, or its date has passed.
    pub const fn is_unmet(&self) -> bool {
        matches!(self.status, TermStatus::Running | TermStatus::Overdue)
    }
}

/// The civil date of `at` in the procedure's zone: it is not counted (domain 3.1 rule 2).
pub fn day0(procedure: &Procedure, at: Timestamp) -> Date {
    procedure.rules.date(at)
}

/// The terms whose start has happened, in the order of the procedure. `happened` stands in the order of the journal;
/// events that were withdrawn (an acknowledgement that bounced) are left out of it by the caller.
pub fn terms(
    procedure: &Procedure,
    happened: &[Happened],
    extensions: &[Extension],
    now: Timestamp,
) -> Vec<TermView> {
    let view = |rule| start(procedure, rule, happened).map(|start| (rule, start));
    let started = procedure.terms.iter().filter_map(view);
    started.map(|(rule, start)| view_of(&procedure.rules, rule, start, happened, extensions, now)).collect()
}

/// The start of a term: where it stands among the events, when it was, and whether it is the first of its kind.
#[derive(Clone, Copy)]
struct Start {
    index: usize,
    at: Timestamp,
    first: bool,
}

/// A complaint that was reopened, or reviewed twice, has several starts: the last one counts.
fn start(procedure: &Procedure, rule: &TermRule, happened: &[Happened]) -> Option<Start> {
    let of = start_event(procedure, rule.of, happened);
    let all = || happened.iter().enumerate().filter(|(_, h)| h.event == of);
    let (index, last) = all().next_back()?;
    Some(Start { index, at: last.at, first: all().count() == 1 })
}

/// `clock_start` is receipt, or for a spoken complaint the agreement with its record, unless it was set by itself.
fn start_event(procedure: &Procedure, of: TermEvent, happened: &[Happened]) -> TermEvent {
    let has = |event| happened.iter().any(|h| h.event == event);
    let rule = procedure.intake.clock_start;
    let spoken = procedure.intake.spoken == Spoken::RecordAndAgree
        && (has(TermEvent::SpokenComplaint) || has(rule.spoken));
    match of {
        TermEvent::ClockStart if has(TermEvent::ClockStart) => TermEvent::ClockStart,
        TermEvent::ClockStart if spoken => rule.spoken,
        TermEvent::ClockStart => rule.written,
        other => other,
    }
}

fn view_of(
    rules: &Rules,
    rule: &TermRule,
    start: Start,
    happened: &[Happened],
    extensions: &[Extension],
    now: Timestamp,
) -> TermView {
    let day0 = rules.date(start.at);
    let first_due = rules.rolled(day0, rule.within, rule.within.after(day0, &rules.calendar));
    let of_this = |e: &&Extension| e.term == rule.id && (start.first || e.announced_at >= start.at);
    let extensions: Vec<_> = extensions.iter().filter(of_this).cloned().collect();
    let due = extensions.last().map_or(first_due, |extension| extension.new_due);
    let due_before = rules.end_of(due);
    let extend = rule.extend.as_ref().filter(|extend| may_extend(extend, extensions.len()));
    let extend_until = extend.map(|extend| back(rules, due, extend.before_end));
    let extend_strict = extend.map(|extend| back_strictly(rules, due, extend.before_end));
    let act_by = extend_until.min(extend_strict).map(|day| rules.calendar.working_day_at_or_before(day));
    let met_at = met_at(rule, start, happened);
    let closed_at = closed_at(rule, start, happened);
    let lapsed = met_at.or(closed_at).unwrap_or(now) >= due_before;
    TermView {
        id: rule.id.clone(),
        who: rule.who.clone(),
        force: rule.force,
        of: rule.of,
        started_at: start.at,
        day0,
        first_due,
        due,
        due_before,
        staff_target: rules.calendar.working_day_at_or_before(due),
        extend_until,
        extend_strict,
        act_by,
        status: status(rule.force, met_at.is_some(), closed_at.is_some(), lapsed),
        met_at,
        lapsed,
        why: why(rule, day0, first_due, &extensions),
        extensions,
    }
}

/// The id of what stands for an answer to a question (`#ask`).
pub const REPLY: &str = "reply";
/// The id of what stands for agreement with a record, or a complaint in writing.
pub const AGREEMENT: &str = "agreement";

/// What we wait for from the complainant, as a term of the house: no clause sets it, and it binds nobody.
pub(super) fn awaited(
    procedure: &Procedure,
    id: &str,
    asked_at: Timestamp,
    due: Date,
    now: Timestamp,
) -> TermView {
    let rules = &procedure.rules;
    let due_before = rules.end_of(due);
    let lapsed = now >= due_before;
    TermView {
        id: id.to_owned(),
        who: COMPLAINANT.to_owned(),
        force: Force::House,
        of: if id == AGREEMENT { TermEvent::RecordSent } else { TermEvent::Received },
        started_at: asked_at,
        day0: rules.date(asked_at),
        first_due: due,
        due,
        due_before,
        staff_target: rules.calendar.working_day_at_or_before(due),
        extend_until: None,
        extend_strict: None,
        act_by: None,
        extensions: Vec::new(),
        status: status(Force::House, false, false, lapsed),
        met_at: None,
        lapsed,
        why: format!("asked on {}", long(rules.date(asked_at))),
    }
}

/// The role of whom no alert can hurry.
pub const COMPLAINANT: &str = "complainant";

fn may_extend(extend: &Extend, announced: usize) -> bool {
    extend.times.is_none_or(|times| announced < usize::try_from(times).unwrap_or(usize::MAX))
}

/// The last day for the notice: the due date itself, or counted back and then moved back to a working day. No
/// forward roll when counting back (Algemene termijnenwet, article 1(2)).
fn back(rules: &Rules, due: Date, before_end: Span) -> Date {
    match before_end {
        Span { count: 0, .. } => due,
        Span { unit: Unit::Days, count } => {
            let day = due.saturating_sub(jiff::Span::new().days(i64::from(count)));
            rules.calendar.working_day_at_or_before(day)
        }
        other => back_strictly(rules, due, other),
    }
}

/// The same when "dagen" is read as working days.
fn back_strictly(rules: &Rules, due: Date, before_end: Span) -> Date {
    rules.calendar.sub_working_days(due, u32::from(before_end.count))
}

/// An event after the start in the journal counts even when its time is a little before it: receipt is told by
/// another machine's clock.
fn follows(start: Start, index: usize, happened: &Happened) -> bool {
    index > start.index || happened.at > start.at
}

/// When the term was first done since its start. The outcome of a review answers what an outcome that came back did not.
fn met_at(rule: &TermRule, start: Start, happened: &[Happened]) -> Option<Timestamp> {
    let done_by = |event| rule.done_by.contains(&event);
    let answers = |event| event == TermEvent::ReviewOutcomeSent && done_by(TermEvent::OutcomeSent);
    let done = happened.iter().enumerate().filter(|(_, h)| done_by(h.event) || answers(h.event));
    done.filter(|(index, h)| follows(start, *index, h)).map(|(_, h)| h.at).min()
}

/// When the complaint was closed since the start; the complainant's window stays open.
fn closed_at(rule: &TermRule, start: Start, happened: &[Happened]) -> Option<Timestamp> {
    let closed = happened.iter().enumerate().filter(|(_, h)| h.event == TermEvent::Closed);
    let closed = closed.filter(|(index, h)| follows(start, *index, h)).map(|(_, h)| h.at).min();
    closed.filter(|_| rule.force != Force::Window)
}

fn status(force: Force, met: bool, closed: bool, lapsed: bool) -> TermStatus {
    match (met, lapsed) {
        (true, false) => TermStatus::Met,
        (true, true) => TermStatus::MetLate,
        (false, _) if closed => TermStatus::Void,
        (false, true) if force == Force::Window => TermStatus::Void,
        (false, true) => TermStatus::Overdue,
        (false, false) => TermStatus::Running,
    }
}

fn why(rule: &TermRule, day0: Date, first_due: Date, extensions: &[Extension]) -> String {
    let mut why = format!("{} after {}", rule.within, long(day0));
    if let Some(last) = extensions.last() {
        why = format!("announced instead of {} ({why})", long(first_due));
        if last.late {
            why.push_str(", late");
        }
    }
    if let Some(quote) = &rule.quote {
        why = format!("{why}: “{quote}”");
    }
    why
}

/// "Friday 6 March 2026".
fn long(date: Date) -> String {
    date.strftime("%A %-d %B %Y").to_string()
}

#[cfg(test)]
mod tests;
