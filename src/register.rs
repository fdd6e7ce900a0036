//! The complaints register as people and programs read it: the JSON of `list`, `show`, `outbox` (product, section 3).

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::complaint::{Complaint, NoticeRecord, NoticeStatus, State};
use crate::domain::fact::{ComplaintId, NoticeId, Role};
use crate::domain::ladder::Step;
use crate::domain::mail::{Language, Party};
use crate::domain::notice::NoticeKind;
use crate::domain::outgoing::Outgoing;
use crate::domain::procedure::{Channel, Force, Procedure};
use crate::domain::term::{Extension, TermStatus, TermView};
use crate::engine::{Engine, EngineError};
use crate::store::Entry;

/// Complaints that are read from the store at a time.
const PAGE: usize = 256;

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
    /// Only those of which a running term ends within this many seconds.
    pub due_within: Option<i64>,
    /// Only those of which a term is overdue.
    pub overdue: bool,
}

/// One complaint as `list` and `show` print it.
#[derive(Debug, Clone, Serialize)]
pub struct ComplaintView {
    reference: String,
    shown_reference: String,
    mailbox: String,
    procedure: String,
    procedure_sha256: String,
    text_sha256: String,
    state: State,
    close_reason: Option<String>,
    channel: Channel,
    language: Language,
    subject: String,
    received_at: Timestamp,
    complainant: Party,
    handler: Option<String>,
    judgement: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    silence: Option<String>,
    terms: Vec<TermRow>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    file: Option<FileView>,
}

/// What `show` adds to `list`.
#[derive(Debug, Clone, Serialize)]
struct FileView {
    procedure_title: String,
    zone: String,
    notices: Vec<NoticeRow>,
    letters: Vec<LetterRow>,
    journal: Vec<JournalRow>,
}

#[derive(Debug, Clone, Serialize)]
struct TermRow {
    id: String,
    force: Force,
    first_due: Date,
    due: Date,
    due_before: Timestamp,
    staff_target: Date,
    extend_until: Option<Date>,
    extend_strict: Option<Date>,
    extensions: Vec<Extension>,
    status: TermStatus,
    met_at: Option<Timestamp>,
    why: String,
    quote: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct NoticeRow {
    id: NoticeId,
    kind: NoticeKind,
    to: String,
    message_id: String,
    sha256: String,
    status: NoticeStatus,
    at: Timestamp,
    smtp_reply: Option<String>,
    attempts: u32,
    term: Option<String>,
    step: Option<Step>,
    held: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct LetterRow {
    n: usize,
    message_id: Option<String>,
    from: String,
    subject: String,
    received_at: Timestamp,
    sha256: String,
    size: u64,
    attachments: Vec<String>,
    role: Role,
}

#[derive(Debug, Clone, Serialize)]
struct JournalRow {
    seq: usize,
    at: Timestamp,
    actor: String,
    event: String,
    hash: String,
}

/// One entry of `outbox list`.
#[derive(Debug, Clone, Serialize)]
pub struct OutboxRow {
    id: NoticeId,
    kind: NoticeKind,
    to: String,
    reference: Option<String>,
    message_id: String,
    status: NoticeStatus,
    attempts: u32,
    next_at: Option<Timestamp>,
    smtp_reply: Option<String>,
}

/// The register, by reference, filtered.
///
/// # Errors
/// [`EngineError`] when the store or a pinned procedure can't be read.
pub fn list(engine: &mut Engine, filter: &Filter, now: Timestamp) -> Result<Vec<ComplaintView>, EngineError> {
    let mut found = Vec::new();
    let mut after: Option<ComplaintId> = None;
    loop {
        let page = engine.store().complaints_page(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.id);
        for complaint in page {
            let procedure = engine.procedure_of(complaint.id, &complaint.procedure.sha256)?;
            let terms = complaint.terms(&procedure, now);
            if matches(&complaint, &terms, filter, now) {
                found.push(view(&complaint, &procedure, terms));
            }
        }
    }
}

fn matches(complaint: &Complaint, terms: &[TermView], filter: &Filter, now: Timestamp) -> bool {
    let horizon =
        filter.due_within.map(|s| now.saturating_add(SignedDuration::from_secs(s)).unwrap_or(Timestamp::MAX));
    let unmet = |t: &&TermView| matches!(t.status, TermStatus::Running | TermStatus::Overdue);
    (!filter.open || complaint.state.is_open())
        && filter.state.is_none_or(|state| complaint.state == state)
        && filter
            .handler
            .as_deref()
            .is_none_or(|h| complaint.handler.as_deref().is_some_and(|c| c.eq_ignore_ascii_case(h)))
        && horizon.is_none_or(|h| terms.iter().filter(unmet).any(|t| t.due_before <= h))
        && (!filter.overdue || terms.iter().any(|t| t.status == TermStatus::Overdue))
}

fn view(complaint: &Complaint, procedure: &Procedure, terms: Vec<TermView>) -> ComplaintView {
    ComplaintView {
        reference: complaint.reference.clone(),
        shown_reference: complaint.shown_reference.clone(),
        mailbox: complaint.mailbox.clone(),
        procedure: complaint.procedure.id.clone(),
        procedure_sha256: complaint.procedure.sha256.clone(),
        text_sha256: complaint.procedure.text_sha256.clone(),
        state: complaint.state,
        close_reason: None,
        channel: complaint.channel,
        language: complaint.language,
        subject: complaint.subject.clone(),
        received_at: complaint.received_at,
        complainant: complaint.complainant.clone(),
        handler: complaint.handler.clone(),
        judgement: None,
        fields: complaint.fields.clone(),
        silence: complaint.silence.clone(),
        terms: terms.into_iter().map(|t| term_row(procedure, t)).collect(),
        file: None,
    }
}

fn term_row(procedure: &Procedure, term: TermView) -> TermRow {
    TermRow {
        quote: procedure.term(&term.id).and_then(|rule| rule.quote.clone()),
        id: term.id,
        force: term.force,
        first_due: term.first_due,
        due: term.due,
        due_before: term.due_before,
        staff_target: term.staff_target,
        extend_until: term.extend_until,
        extend_strict: term.extend_strict,
        extensions: term.extensions,
        status: term.status,
        met_at: term.met_at,
        why: term.why,
    }
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
    let mut shown = view(&complaint, &procedure, complaint.terms(&procedure, now));
    shown.file = Some(file_view(engine, &complaint, &procedure)?);
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

fn file_view(engine: &Engine, complaint: &Complaint, procedure: &Procedure) -> Result<FileView, EngineError> {
    let notices =
        complaint.notices.iter().map(|n| notice_row(engine, n)).collect::<Result<_, EngineError>>()?;
    let letters = complaint.letters.iter().enumerate();
    let letters = letters.map(|(n, l)| LetterRow {
        n: n + 1,
        message_id: l.letter.message_id.clone(),
        from: l.letter.from.clone(),
        subject: l.letter.subject.clone(),
        received_at: l.letter.received_at,
        sha256: l.letter.sha256.clone(),
        size: l.letter.size,
        attachments: l.letter.attachments.clone(),
        role: l.role,
    });
    let journal = engine.store().journal(complaint.id)?.into_iter().enumerate();
    Ok(FileView {
        procedure_title: procedure.title.clone(),
        zone: procedure.rules.zone_name.clone(),
        notices,
        letters: letters.collect(),
        journal: journal.map(|(n, entry)| journal_row(n + 1, entry)).collect(),
    })
}

fn journal_row(seq: usize, entry: Entry) -> JournalRow {
    JournalRow { seq, at: entry.at, actor: entry.actor, event: entry.event, hash: entry.hash }
}

/// While a notice is under way the outbox knows more than the journal.
fn notice_row(engine: &Engine, record: &NoticeRecord) -> Result<NoticeRow, EngineError> {
    let notice = &record.notice;
    let live = engine.store().outgoing(notice.id)?.filter(Outgoing::lives);
    let status = live.as_ref().map_or(record.status, |o| o.status);
    Ok(NoticeRow {
        id: notice.id,
        kind: notice.kind,
        to: notice.to.clone(),
        message_id: notice.message_id.clone(),
        sha256: notice.sha256.clone(),
        status,
        at: record.settled_at.unwrap_or(record.queued_at),
        smtp_reply: live.as_ref().and_then(|o| o.reply.clone()).or_else(|| record.reply.clone()),
        attempts: live.as_ref().map_or(record.attempts, |o| o.attempts),
        term: notice.term.clone(),
        step: notice.step,
        held: notice.held.clone().filter(|_| status == NoticeStatus::Held),
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
    let complaint = entry.complaint.map(|id| engine.store().complaint(id)).transpose()?.flatten();
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
