//! `klachtd list`: the register as a table.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::asking::Asked;
use super::{Failure, export, print};
use crate::answers::{Ask, exit};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::domain::complaint::State;
use crate::domain::procedure::Force;
use crate::domain::term::TermStatus;
use crate::register::{ComplaintView, Damaged, Filter, ListPage, TermRow};

/// Every state, in the order in which a complaint goes through them.
const STATES: [State; 7] = [
    State::Agreeing,
    State::Open,
    State::Asking,
    State::Answered,
    State::InReview,
    State::Closed,
    State::Erased,
];

/// Which complaints, and how.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only complaints that are not closed
    #[arg(long)]
    open: bool,
    /// Only complaints in this state
    #[arg(long, value_name = "STATE", value_parser = states())]
    state: Option<State>,
    /// Only complaints of this handler
    #[arg(long, value_name = "ADDRESS")]
    handler: Option<String>,
    /// Only complaints not closed of which a term ends within this time
    #[arg(long, value_name = "3d", value_parser = seconds)]
    due_within: Option<i64>,
    /// Only complaints not closed of which a term has lapsed
    #[arg(long)]
    overdue: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

fn states() -> impl TypedValueParser<Value = State> {
    PossibleValuesParser::new(STATES.map(State::as_str)).try_map(|word| {
        STATES
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| format!("no state is called {word}"))
    })
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
    let mut asked = Asked::new(config);
    let told = tell(&mut asked, &filter, arguments.json).await;
    asked.end().await?;
    told
}

/// Page after page, because a register may hold a million complaints: of those that were printed nothing is kept.
async fn tell(asked: &mut Asked<'_>, filter: &Filter, json: bool) -> Result<u8, Failure> {
    let (now, mut rows, mut array) = (Clock::System.now(), Vec::new(), print::Array::default());
    let (mut after, mut damaged) = (None, 0);
    loop {
        let (page, _) = asked.ask(Ask::List { filter: filter.clone(), after }).await?;
        let unreadable = if json {
            for complaint in print::items(&page, "complaints") {
                array.push(complaint);
            }
            after = print::understood(page.get("next").cloned().unwrap_or_default())?;
            let unreadable = print::items(&page, "damaged").iter().cloned().map(print::understood);
            unreadable.collect::<Result<Vec<Damaged>, _>>()?
        } else {
            let page: ListPage = print::understood(page)?;
            rows.extend(page.complaints.iter().map(|complaint| row(complaint, now)));
            after = page.next;
            page.damaged
        };
        damaged += unreadable.len();
        for Damaged { id, why } in unreadable {
            export::tell(format!("complaint {} can't be read: {why}", id.0));
        }
        if after.is_none() {
            break;
        }
    }
    if json {
        array.end();
    } else {
        print::line(table(&rows));
    }
    if damaged > 0 {
        return Err(Failure::new(
            exit::DATAERR,
            format!("{damaged} can't be read; `klachtd verify` tells more"),
        ));
    }
    Ok(exit::OK)
}

fn table(rows: &[Vec<String>]) -> String {
    let head = [
        "REFERENCE",
        "STATE",
        "RECEIVED",
        "NEXT DUE",
        "DAYS LEFT",
        "TERM",
        "HANDLER",
        "COMPLAINANT",
        "SUBJECT",
    ];
    let count = format!("{} {}", rows.len(), if rows.len() == 1 { "complaint" } else { "complaints" });
    if rows.is_empty() { count } else { format!("{}\n{count}", print::table(&head, rows)) }
}

fn row(complaint: &ComplaintView, now: Timestamp) -> Vec<String> {
    let zone = TimeZoneDatabase::bundled().get(&complaint.zone).unwrap_or(TimeZone::UTC);
    let today = zone.to_datetime(now).date();
    let received = zone.to_datetime(complaint.received_at).date();
    let next = pressing(complaint);
    let complainant = &complaint.complainant;
    vec![
        print::short(&complaint.reference, 32),
        complaint.state.as_str().to_owned(),
        received.to_string(),
        next.map(|term| term.due.strftime("%a %Y-%m-%d").to_string()).unwrap_or_default(),
        next.map(|term| days_left(term.due, today)).unwrap_or_default(),
        next.map(|term| print::short(&term.id, 16)).unwrap_or_default(),
        print::short(complaint.handler.as_deref().unwrap_or_default(), 28),
        print::short(complainant.name.as_deref().unwrap_or(&complainant.email), 20),
        print::short(&complaint.subject, 32),
    ]
}

/// The term that ends first among those not met, of a complaint that is not closed; a house norm never hides a promise,
/// and what the complainant may do hides nothing.
fn pressing(complaint: &ComplaintView) -> Option<&TermRow> {
    let unmet = |t: &&TermRow| matches!(t.status, TermStatus::Running | TermStatus::Overdue);
    let weight = |force: Force| match force {
        Force::Promise | Force::Aim | Force::Statute => 0,
        Force::House => 1,
        Force::Window => 2,
    };
    let terms = complaint.terms.iter().filter(|_| complaint.state.is_open());
    terms.filter(unmet).min_by_key(|term| (weight(term.force), term.due))
}

fn days_left(due: Date, today: Date) -> String {
    let days = today.until(due).map(|span| span.get_days()).unwrap_or_default();
    match days {
        0 => "today".to_owned(),
        1.. => days.to_string(),
        _ => format!("{} over", -days),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use jiff::civil::date;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Typed {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn every_state_can_be_asked_for_and_another_is_answered_with_the_list() {
        for state in STATES {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            let typed = Typed::try_parse_from(["list", "--state", state.as_str()]).unwrap();
            assert_eq!(typed.arguments.state, Some(state));
        }
        let error = Typed::try_parse_from(["list", "--state", "unsorted"]).unwrap_err().to_string();
        assert!(STATES.iter().all(|state| error.contains(state.as_str())), "{error}");
    }

    #[test]
    fn days_are_counted_to_the_last_day() {
        let today = date(2026, 3, 10);
        let left = |day| days_left(date(2026, 3, day), today);
        assert_eq!([left(12), left(10), left(9)], ["2", "today", "1 over"]);
    }
}
