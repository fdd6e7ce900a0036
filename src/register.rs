//! The complaints register as people and programs read it: the JSON of `list`, `show`, `outbox` (product, section 3),
//! and one complaint as a file in words.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::complaint::{Complaint, State};
use crate::domain::fact::ComplaintId;
use crate::domain::outgoing::Outgoing;
use crate::domain::term::{TermStatus, TermView};
use crate::engine::{Engine, EngineError};

mod detail;
mod file;
pub(crate) mod page;
mod rows;
mod view;
pub(crate) mod words;

pub use file::as_file;
pub(crate) use rows::TermRow;
pub use rows::{Candidate, ComplaintView, OutboxRow};

/// Complaints that one page looks at: few enough that the mail does not wait for a reader.
const PAGE: usize = 256;

/// References that are offered for completion at most.
const CANDIDATES: usize = 100;

/// Complaints among which they are sought.
const LOOKED_AT: usize = 2_000;

/// Which complaints `list` shows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Only those that are not closed.
    pub open: bool,
    /// Only those in this state.
    pub state: Option<State>,
    /// Only those with this handler.
    pub handler: Option<String>,
    /// Only those not closed of which a running term ends within this many seconds.
    pub due_within: Option<i64>,
    /// Only those not closed of which a term is overdue.
    pub overdue: bool,
}

impl Filter {
    /// Whether what was closed can't match: then the index of what is open tells where to look.
    fn is_of_open(&self) -> bool {
        self.open || self.overdue || self.due_within.is_some() || self.state.is_some_and(State::is_open)
    }
}

/// Some complaints of the register.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListPage {
    /// Those that match, in the order in which they came in.
    pub complaints: Vec<ComplaintView>,
    /// Those that can't be read.
    #[serde(default)]
    pub damaged: Vec<Damaged>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<ComplaintId>,
}

/// A complaint that can't be read, whether it would match or not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Damaged {
    /// Its number, not its reference.
    pub id: ComplaintId,
    /// What is wrong with it.
    pub why: String,
}

/// The register, in the order in which complaints came in, filtered: one page of it after the complaint `after`.
///
/// # Errors
/// [`EngineError`] when the store can't be read.
pub fn list(
    engine: &mut Engine,
    filter: &Filter,
    after: Option<ComplaintId>,
    now: Timestamp,
) -> Result<ListPage, EngineError> {
    let looked_at = if filter.is_of_open() {
        engine.store().open_complaints_page(after, PAGE)?
    } else {
        engine.store().complaints_page(after, PAGE)?
    };
    let mut page = ListPage { next: looked_at.last().map(|(last, _)| *last), ..ListPage::default() };
    for (id, complaint) in looked_at {
        let complaint = complaint.map_err(EngineError::from);
        match complaint.and_then(|complaint| if_matching(engine, &complaint, filter, now)) {
            Err(e) if e.is_of_one() => page.damaged.push(Damaged { id, why: e.to_string() }),
            viewed => page.complaints.extend(viewed?),
        }
    }
    Ok(page)
}

fn if_matching(
    engine: &mut Engine,
    complaint: &Complaint,
    filter: &Filter,
    now: Timestamp,
) -> Result<Option<ComplaintView>, EngineError> {
    let procedure = engine.procedure_of(complaint.id, &complaint.procedure.sha256)?;
    let terms = complaint.terms(&procedure, now);
    let matching = matches(complaint, &terms, filter, now);
    Ok(matching.then(|| view::complaint(engine, complaint, &procedure, terms, now)))
}

fn matches(complaint: &Complaint, terms: &[TermView], filter: &Filter, now: Timestamp) -> bool {
    let horizon =
        filter.due_within.map(|s| now.saturating_add(SignedDuration::from_secs(s)).unwrap_or(Timestamp::MAX));
    let open = complaint.state.is_open();
    let handled_by = |address: &str| {
        complaint.handler.as_deref().is_some_and(|handler| handler.eq_ignore_ascii_case(address))
    };
    (!filter.open || open)
        && filter.state.is_none_or(|state| complaint.state == state)
        && filter.handler.as_deref().is_none_or(handled_by)
        && horizon.is_none_or(|h| open && terms.iter().any(|t| t.is_unmet() && t.due_before <= h))
        && (!filter.overdue || open && terms.iter().any(|t| t.status == TermStatus::Overdue))
}

/// One complaint with letters, notices and journal; `None` when there is none of this reference.
///
/// # Errors
/// [`EngineError`] when the store or the pinned procedure can't be read.
pub fn show(
    engine: &mut Engine,
    reference: &str,
    now: Timestamp,
) -> Result<Option<ComplaintView>, EngineError> {
    let Some(complaint) = by_reference(engine, reference)? else { return Ok(None) };
    let procedure = engine.procedure_of(complaint.id, &complaint.procedure.sha256)?;
    let terms = complaint.terms(&procedure, now);
    let mut shown = view::complaint(engine, &complaint, &procedure, terms, now);
    shown.file = Some(view::file(engine, &complaint, &procedure, &shown.terms, now)?);
    Ok(Some(shown))
}

/// The complaint of this reference, in whatever case it was typed.
///
/// # Errors
/// [`EngineError::Store`].
pub fn by_reference(engine: &Engine, reference: &str) -> Result<Option<Complaint>, EngineError> {
    let reference = reference.trim().to_ascii_uppercase();
    let id = engine.store().by_reference(&reference)?;
    Ok(id.map(|id| engine.store().complaint(id)).transpose()?.flatten())
}

/// References that begin with `prefix`, in whatever case, the newest first: what a shell completes. Looks at the newest
/// complaints only, so that a Tab never holds up the service. What can't be read is left out.
///
/// # Errors
/// [`EngineError`] when the store can't be read.
pub fn references(engine: &mut Engine, prefix: &str) -> Result<Vec<Candidate>, EngineError> {
    let prefix = prefix.trim().to_ascii_uppercase();
    let next = engine.store().numbers(0)?.next_complaint;
    let mut found = Vec::new();
    for id in (1..next).rev().take(LOOKED_AT).map(ComplaintId) {
        let complaint = if_readable(engine.store().complaint(id))?.flatten();
        if let Some(complaint) = complaint.filter(|complaint| complaint.reference.starts_with(&prefix)) {
            found.extend(if_readable(candidate(engine, &complaint))?);
            if found.len() == CANDIDATES {
                break;
            }
        }
    }
    Ok(found)
}

/// `None` when only this one can't be read.
fn if_readable<T>(read: Result<T, impl Into<EngineError>>) -> Result<Option<T>, EngineError> {
    match read.map_err(Into::into) {
        Err(e) if e.is_of_one() => Ok(None),
        read => read.map(Some),
    }
}

fn candidate(engine: &mut Engine, complaint: &Complaint) -> Result<Candidate, EngineError> {
    let procedure = engine.procedure_of(complaint.id, &complaint.procedure.sha256)?;
    Ok(Candidate {
        reference: complaint.reference.clone(),
        state: complaint.state,
        received: procedure.rules.date(complaint.received_at),
    })
}

/// What waits in the outbox, and what ended badly and was not given up.
///
/// # Errors
/// [`EngineError::Store`].
pub fn outbox(engine: &Engine) -> Result<Vec<OutboxRow>, EngineError> {
    engine.store().outbox_open()?.into_iter().map(|entry| outbox_row(engine, entry)).collect()
}

fn outbox_row(engine: &Engine, entry: Outgoing) -> Result<OutboxRow, EngineError> {
    let complaint = entry.complaint.map(|id| if_readable(engine.store().complaint(id))).transpose()?;
    let complaint = complaint.flatten().flatten();
    Ok(OutboxRow {
        id: entry.id,
        kind: entry.kind,
        to: entry.to,
        reference: complaint.map(|c| c.reference),
        message_id: entry.message_id,
        status: entry.status,
        attempts: entry.attempts,
        next_at: entry.next_at,
        smtp_reply: entry.reply,
    })
}
