//! From a complaint and its journal to the rows of the register.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::detail;
use super::rows::{ComplaintView, Delay, FileView, JournalRow, LetterRow, NoticeRow, SettledRow, TermRow};
use crate::domain::complaint::{Complaint, LetterRecord, NoticeRecord, NoticeStatus};
use crate::domain::fact::{Fact, NoticeId, Settlement};
use crate::domain::outgoing::Outgoing;
use crate::domain::procedure::{Procedure, TermEvent};
use crate::domain::term::{TermStatus, TermView};
use crate::engine::{Engine, EngineError};
use crate::store::Entry;

/// A complaint as `list` shows it.
pub(super) fn complaint(
    engine: &Engine,
    complaint: &Complaint,
    procedure: &Procedure,
    terms: Vec<TermView>,
    now: Timestamp,
) -> ComplaintView {
    ComplaintView {
        reference: complaint.reference.clone(),
        shown_reference: complaint.shown_reference.clone(),
        mailbox: complaint.mailbox.clone(),
        procedure: complaint.procedure.id.clone(),
        procedure_sha256: complaint.procedure.sha256.clone(),
        text_sha256: complaint.procedure.text_sha256.clone(),
        zone: procedure.rules.zone_name.clone(),
        state: complaint.state,
        close_reason: complaint.closing.as_ref().map(|closing| closing.reason),
        channel: complaint.channel,
        language: complaint.language,
        subject: complaint.subject.clone(),
        received_at: complaint.received_at,
        complainant: complaint.complainant.clone(),
        handler: complaint.handler.clone(),
        judgement: complaint.judgement,
        spoken: complaint.spoken,
        about: complaint.about.clone(),
        referred_to: complaint.referred_to.clone(),
        parties: complaint.parties.clone(),
        question: complaint.question,
        review: complaint.objection,
        record_version: complaint.record.as_ref().map(|record| record.version),
        closing: complaint.closing.clone(),
        waits_for_staff: complaint.waits_for_staff,
        fields: complaint.fields.clone(),
        silence: complaint.silence.clone(),
        terms: terms
            .into_iter()
            .map(|term| TermRow {
                address: address(engine, complaint, procedure, &term.who),
                ..row(procedure, term, now)
            })
            .collect(),
        file: None,
    }
}

/// Who has a role: the handler of the complaint, else whom the mailbox names, else whom the procedure names.
fn address(engine: &Engine, complaint: &Complaint, procedure: &Procedure, role: &str) -> Option<String> {
    let mailbox = engine.settings().house.mailbox(&complaint.mailbox);
    let named = || mailbox.and_then(|m| m.roles.get(role)).map(String::as_str).filter(|a| !a.is_empty());
    let handler = complaint.handler.as_deref().filter(|_| role == "handler");
    handler.or_else(named).or_else(|| procedure.role(role)).map(str::to_owned)
}

fn row(procedure: &Procedure, term: TermView, now: Timestamp) -> TermRow {
    let rule = procedure.term(&term.id);
    TermRow {
        address: None,
        within: rule.map(|rule| rule.within),
        done_by: rule.map_or_else(Vec::new, |rule| rule.done_by.clone()),
        quote: rule.and_then(|rule| rule.quote.clone()),
        extend_quote: rule.and_then(|rule| rule.extend.as_ref()?.quote.clone()),
        late_by: late_by(procedure, &term, now),
        id: term.id,
        who: term.who,
        force: term.force,
        of: term.of,
        day0: term.day0,
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

fn late_by(procedure: &Procedure, term: &TermView, now: Timestamp) -> Option<Delay> {
    let until = match term.status {
        TermStatus::MetLate => term.met_at?,
        TermStatus::Overdue => now,
        TermStatus::Running | TermStatus::Met | TermStatus::Void => return None,
    };
    let until = procedure.rules.date(until);
    let days = term.due.until(until).map(|span| span.get_days()).unwrap_or_default();
    Some(Delay { days, working_days: procedure.rules.calendar.working_days_between(term.due, until) })
}

/// What `show` adds.
pub(super) fn file(
    engine: &Engine,
    complaint: &Complaint,
    procedure: &Procedure,
    terms: &[TermRow],
    now: Timestamp,
) -> Result<FileView, EngineError> {
    let entries = engine.store().journal(complaint.id)?;
    let facts = entries.iter().map(Entry::fact).collect::<Result<Vec<_>, _>>()?;
    let dated: Vec<(Timestamp, &Fact)> =
        entries.iter().zip(&facts).filter_map(|(entry, fact)| Some((entry.at, fact.as_ref()?))).collect();
    let notices = complaint.notices.iter().map(|n| notice(engine, procedure, n, &dated));
    let mut notices = notices.collect::<Result<Vec<_>, EngineError>>()?;
    once_met(&mut notices, terms);
    let letters = complaint.letters.iter().enumerate().map(|(n, l)| letter(n + 1, l));
    let detail = |fact: &Option<Fact>| fact.as_ref().map(|f| detail::of(f, complaint, &procedure.rules.zone));
    Ok(FileView {
        as_of: now,
        procedure_title: procedure.title.clone(),
        may_be_reviewed: procedure.review.is_some(),
        review_window: procedure.review.as_ref().and_then(|review| review.window.clone()),
        related: related(complaint, &dated),
        notices,
        letters: letters.collect(),
        journal: entries
            .iter()
            .zip(&facts)
            .enumerate()
            .map(|(n, (e, f))| journal(n + 1, e, detail(f)))
            .collect(),
    })
}

fn journal(seq: usize, entry: &Entry, detail: Option<String>) -> JournalRow {
    JournalRow {
        seq,
        at: entry.at,
        actor: entry.actor.clone(),
        event: entry.event.clone(),
        hash: entry.hash.clone(),
        detail,
    }
}

fn letter(n: usize, record: &LetterRecord) -> LetterRow {
    LetterRow {
        n,
        message_id: record.letter.message_id.clone(),
        from: record.letter.from.clone(),
        subject: record.letter.subject.clone(),
        received_at: record.letter.received_at,
        sha256: record.letter.sha256.clone(),
        size: record.letter.size,
        attachments: record.letter.attachments.clone(),
        role: record.role,
    }
}

/// Other complaints that the journal names: quoted by a stranger, merged into this one, this one into them, or made by the
/// same mail.
fn related(complaint: &Complaint, facts: &[(Timestamp, &Fact)]) -> Vec<String> {
    let mut related: Vec<String> = Vec::new();
    for (_, fact) in facts {
        let named = match fact {
            Fact::Received(received) => received.related.as_ref(),
            Fact::LetterJoined { related, .. } => related.as_ref(),
            Fact::Absorbed { reference, .. } | Fact::AlsoIn { reference, .. } => Some(reference),
            Fact::Closed { into, .. } => into.as_ref(),
            _ => None,
        };
        if let Some(named) = named.filter(|named| **named != complaint.reference && !related.contains(named))
        {
            related.push(named.clone());
        }
    }
    related
}

/// While a notice is under way the outbox knows more than the journal.
fn notice(
    engine: &Engine,
    procedure: &Procedure,
    record: &NoticeRecord,
    facts: &[(Timestamp, &Fact)],
) -> Result<NoticeRow, EngineError> {
    let notice = &record.notice;
    let live = engine.store().outgoing(notice.id)?.filter(Outgoing::lives);
    let status = live.as_ref().map_or(record.status, |o| o.status);
    Ok(NoticeRow {
        id: notice.id,
        kind: notice.kind,
        to: notice.to.clone(),
        language: notice.language,
        message_id: notice.message_id.clone(),
        sha256: notice.sha256.clone(),
        status,
        at: record.settled_at.unwrap_or(record.queued_at),
        queued_at: record.queued_at,
        smtp_reply: live.as_ref().and_then(|o| o.reply.clone()).or_else(|| record.reply.clone()),
        attempts: live.as_ref().map_or(record.attempts, |o| o.attempts),
        term: notice.term.clone(),
        step: notice.step,
        held: notice.held.clone().filter(|_| status == NoticeStatus::Held),
        effect: notice.effect,
        promise: notice.promise.clone(),
        meets: notice.effect.map_or_else(Vec::new, |effect| meets(procedure, effect)),
        begins: notice.effect.map_or_else(Vec::new, |effect| begins(procedure, effect)),
        settled: settled(notice.id, facts),
    })
}

fn meets(procedure: &Procedure, effect: TermEvent) -> Vec<String> {
    procedure.terms.iter().filter(|rule| rule.done_by.contains(&effect)).map(|rule| rule.id.clone()).collect()
}

/// What an earlier notice has met already a later one does not meet, unless the term has begun anew since.
fn once_met(notices: &mut [NoticeRow], terms: &[TermRow]) {
    let mut met: BTreeSet<String> = BTreeSet::new();
    for notice in notices.iter_mut().filter(|notice| notice.status == NoticeStatus::Sent) {
        let at = Some(notice.at);
        let anew = |id: &str| terms.iter().any(|term| term.id == id && term.met_at == at);
        notice.meets.retain(|id| anew(id) || !met.contains(id));
        met.extend(notice.meets.iter().cloned());
    }
}

fn begins(procedure: &Procedure, effect: TermEvent) -> Vec<String> {
    procedure.terms.iter().filter(|rule| rule.of == effect).map(|rule| rule.id.clone()).collect()
}

/// A bounce does not take away that the server had accepted it before: both stay on file.
fn settled(id: NoticeId, facts: &[(Timestamp, &Fact)]) -> Vec<SettledRow> {
    let row = |(at, fact): &(Timestamp, &Fact)| {
        let Fact::NoticeSettled { notice, settlement } = fact else { return None };
        let (status, reply) = match settlement {
            Settlement::Sent { reply, .. } => (NoticeStatus::Sent, reply),
            Settlement::Failed { reply, .. } => (NoticeStatus::Failed, reply),
            Settlement::Unknown { reason, .. } => (NoticeStatus::Unknown, reason),
            Settlement::Bounced { reason } => (NoticeStatus::Bounced, reason),
        };
        (*notice == id).then(|| SettledRow { at: *at, status, reply: reply.clone() })
    };
    facts.iter().filter_map(row).collect()
}
