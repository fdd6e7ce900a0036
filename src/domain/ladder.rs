//! When staff are warned about a term, and when the safety net acts.
//!
//! A ladder is computed, never stored. Whoever warns keeps only up to which moment it has warned: a restart then
//! repeats nothing, and after downtime the newest rung stands for those that were missed.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::ToSpan;
use jiff::civil::{Date, Time, time};
use serde::{Deserialize, Serialize};

use super::procedure::{Force, Procedure, Rules, SafetyNet};
use super::term::{COMPLAINANT, TermStatus, TermView};

/// Alerts leave from this time on.
const OPENS: Time = time(9, 0, 0, 0);
/// Alerts leave before this time, but on the last day until midnight.
const CLOSES: Time = time(18, 0, 0, 0);
/// The safety net acts at this time, which leaves room for a bounce.
const SAFETY_NET: Time = time(16, 0, 0, 0);
/// Terms of up to so many working days have the short ladder.
const SHORT: u32 = 5;

/// A step of the ladder, in the order of how pressing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Step {
    /// Half of the calendar days have passed.
    HalfWay,
    /// Two working days before the last day to extend.
    BeforeExtend,
    /// Three working days before the staff target.
    ThreeDaysLeft,
    /// One working day before the staff target.
    OneDayLeft,
    /// The last day to extend.
    LastDayToExtend,
    /// The last day of the term.
    TheDay,
    /// So many working days have passed since.
    Overdue(u32),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::HalfWay => "half_way",
            Self::BeforeExtend => "before_extend",
            Self::ThreeDaysLeft => "three_days_left",
            Self::OneDayLeft => "one_day_left",
            Self::LastDayToExtend => "last_day_to_extend",
            Self::TheDay => "the_day",
            Self::Overdue(days) => return write!(f, "overdue_{days}"),
        };
        f.write_str(name)
    }
}

/// The name of a step that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown step `{0}`, expected for example half_way, the_day or overdue_1")]
pub struct UnknownStep(pub String);

impl FromStr for Step {
    type Err = UnknownStep;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(match name {
            "half_way" => Self::HalfWay,
            "before_extend" => Self::BeforeExtend,
            "three_days_left" => Self::ThreeDaysLeft,
            "one_day_left" => Self::OneDayLeft,
            "last_day_to_extend" => Self::LastDayToExtend,
            "the_day" => Self::TheDay,
            other => {
                let days = other.strip_prefix("overdue_").and_then(|days| days.parse().ok());
                Self::Overdue(days.ok_or_else(|| UnknownStep(other.to_owned()))?)
            }
        })
    }
}

impl TryFrom<String> for Step {
    type Error = UnknownStep;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<Step> for String {
    fn from(step: Step) -> Self {
        step.to_string()
    }
}

/// A moment at which staff are warned, and of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    /// 09:00 in the procedure's zone.
    pub at: Timestamp,
    /// The most pressing step of that day.
    pub step: Step,
}

/// The newest rung with `after < at <= now`; `None` when there is none, or the term needs no warning.
pub fn newest_rung(view: &TermView, procedure: &Procedure, after: Timestamp, now: Timestamp) -> Option<Rung> {
    if !is_warned_about(view) {
        return None;
    }
    let rules = &procedure.rules;
    if waits_for_complainant(view) {
        return Some(lapse(view, rules)).filter(|rung| after < rung.at && rung.at <= now);
    }
    let scheduled = scheduled(view, rules).into_iter().rfind(|rung| rung.at <= now);
    newest_overdue(view, rules, now).or(scheduled).filter(|rung| after < rung.at)
}

/// The first rung with `at > after`; `None` when the term needs no warning.
pub fn next_rung(view: &TermView, procedure: &Procedure, after: Timestamp) -> Option<Rung> {
    if !is_warned_about(view) {
        return None;
    }
    let rules = &procedure.rules;
    if waits_for_complainant(view) {
        return Some(lapse(view, rules)).filter(|rung| after < rung.at);
    }
    let scheduled = scheduled(view, rules).into_iter().find(|rung| rung.at > after);
    Some(scheduled.unwrap_or_else(|| next_overdue(view, rules, after)))
}

/// Whether an alert may leave now: on working days from 09:00 to 18:00, on the term's last day, whatever day that
/// is, from 09:00 to midnight.
pub fn may_alert(view: &TermView, procedure: &Procedure, now: Timestamp) -> bool {
    let rules = &procedure.rules;
    let local = rules.zone.to_datetime(now);
    let open = rules.calendar.is_working(local.date()) && local.time() < CLOSES;
    local.time() >= OPENS && (open || local.date() == view.due)
}

/// The first moment from `now` on at which [`may_alert`] holds.
pub fn next_opening(view: &TermView, procedure: &Procedure, now: Timestamp) -> Timestamp {
    if may_alert(view, procedure, now) {
        return now;
    }
    let rules = &procedure.rules;
    let today = rules.date(now);
    let days =
        [rules.calendar.working_day_at_or_after(today), rules.calendar.next_working_day(today), view.due];
    let openings = days.map(|day| rules.at(day, OPENS));
    openings.into_iter().filter(|at| *at > now).min().unwrap_or(Timestamp::MAX)
}

/// Days that the safety net adds (product: "Notices": new date = old date + 14 days).
const NET_DAYS: i64 = 14;

/// The date that the safety net promises instead of the present one; `None` when the term can't be extended, or not so
/// far: the net promises no later date than staff may (`extend.max`).
pub fn safety_net_date(view: &TermView, procedure: &Procedure) -> Option<Date> {
    let extend = procedure.term(&view.id)?.extend.as_ref()?;
    let last = extend.max.map(|max| max.after(view.first_due, &procedure.rules.calendar));
    let new_due = view.due.saturating_add(NET_DAYS.days());
    last.is_none_or(|last| new_due <= last).then_some(new_due)
}

/// When the safety net acts on this term unless somebody did: 16:00 on the day by which staff must act. `None` when
/// the net is off or has no date to promise, or that moment lay before the present date was set. The moment may
/// lie in the past: whether the term still runs stands in its status.
pub fn safety_net_at(view: &TermView, procedure: &Procedure) -> Option<Timestamp> {
    let on = procedure.safety_net != SafetyNet::Off && safety_net_date(view, procedure).is_some();
    let at = view.act_by.filter(|_| on).map(|day| procedure.rules.at(day, SAFETY_NET));
    at.filter(|at| *at > view.counts_from())
}

/// The one place that says which terms have a ladder: all that somebody must still do. A right of the complainant has
/// none, and an aim that has passed is silent: the promise beside it goes on warning, with the date that was announced.
fn is_warned_about(view: &TermView) -> bool {
    match view.force {
        Force::Window => false,
        Force::Aim => view.status == TermStatus::Running,
        Force::Promise | Force::House | Force::Statute => view.is_unmet(),
    }
}

/// Nobody can be hurried: staff are told once, when the complainant's time is over.
fn waits_for_complainant(view: &TermView) -> bool {
    view.who == COMPLAINANT
}

fn lapse(view: &TermView, rules: &Rules) -> Rung {
    overdue(view, rules, rules.calendar.next_working_day(view.due))
}

/// The rungs up to the last day, oldest first, one a day, all after the moment from which the term counts.
fn scheduled(view: &TermView, rules: &Rules) -> Vec<Rung> {
    let mut days = BTreeMap::new();
    for (day, step) in steps(view, rules) {
        let pressing = days.entry(day).or_insert(step);
        *pressing = step.max(*pressing);
    }
    let rungs = days.into_iter().map(|(day, step)| Rung { at: rules.at(day, OPENS), step });
    rungs.filter(|rung| rung.at > view.counts_from()).collect()
}

/// The steps up to the last day, in no order.
fn steps(view: &TermView, rules: &Rules) -> Vec<(Date, Step)> {
    let calendar = &rules.calendar;
    let from = rules.date(view.counts_from());
    let mut steps =
        vec![(calendar.sub_working_days(view.staff_target, 1), Step::OneDayLeft), (view.due, Step::TheDay)];
    if calendar.working_days_between(from, view.due) <= SHORT {
        return steps;
    }
    steps.push((calendar.working_day_at_or_before(half_way(from, view.due)), Step::HalfWay));
    steps.push((calendar.sub_working_days(view.staff_target, 3), Step::ThreeDaysLeft));
    if let Some(last) = view.act_by {
        steps.push((calendar.sub_working_days(last, 2), Step::BeforeExtend));
        steps.push((last, Step::LastDayToExtend));
    }
    steps
}

/// Half of the calendar days after `from`, rounded down.
fn half_way(from: Date, due: Date) -> Date {
    let days = due.duration_since(from).as_hours() / 24;
    from.saturating_add((days / 2).days())
}

/// The last working day after the term at whose opening `now` has arrived.
fn newest_overdue(view: &TermView, rules: &Rules, now: Timestamp) -> Option<Rung> {
    let today = rules.date(now);
    let open = if rules.at(today, OPENS) <= now { Some(today) } else { today.yesterday().ok() };
    let day = rules.calendar.working_day_at_or_before(open?);
    (day > view.due).then(|| overdue(view, rules, day))
}

/// The first working day after the term that opens after `after`.
fn next_overdue(view: &TermView, rules: &Rules, after: Timestamp) -> Rung {
    let today = rules.date(after);
    let before = today.yesterday().unwrap_or(today).max(view.due);
    let rung = overdue(view, rules, rules.calendar.next_working_day(before));
    if rung.at > after { rung } else { overdue(view, rules, rules.calendar.next_working_day(today)) }
}

fn overdue(view: &TermView, rules: &Rules, day: Date) -> Rung {
    let days = rules.calendar.working_days_between(view.due, day);
    Rung { at: rules.at(day, OPENS), step: Step::Overdue(days) }
}

#[cfg(test)]
mod tests;
