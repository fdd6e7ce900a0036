//! The last net beneath the ladder: a promised term that is about to lapse, or has, and of which nobody was told.

use jiff::Timestamp;
use jiff::civil::Date;

use super::terms::is_kept_silent;
use crate::domain::complaint::{Complaint, NoticeStatus};
use crate::domain::event::View;
use crate::domain::ladder;
use crate::domain::notice::NoticeKind;
use crate::domain::procedure::Force;
use crate::domain::term::{COMPLAINANT, TermView};

/// A term that lapses unseen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// Its id.
    pub term: String,
    /// Its last day.
    pub due: Date,
}

/// The first term of this complaint of which staff should know by now and do not: its last day is here, has passed or is
/// the next working day, a warning was due before now, and no mail server has accepted one.
pub fn unseen(view: &View, complaint: &Complaint, now: Timestamp) -> Option<Unseen> {
    let terms = complaint.terms(view.procedure, now);
    let unseen = terms
        .into_iter()
        .filter(|term| matches!(term.force, Force::Promise | Force::Statute) && term.who != COMPLAINANT)
        .filter(|term| term.is_unmet() && !is_kept_silent(view, complaint, term))
        .filter(|term| is_near(view, term, now) && was_to_be_warned(view, term, now))
        .filter(|term| !was_told(complaint, term) && !is_acted_on(view, complaint, term));
    unseen.min_by_key(|term| term.due).map(|term| Unseen { term: term.id, due: term.due })
}

fn is_near(view: &View, term: &TermView, now: Timestamp) -> bool {
    let rules = &view.procedure.rules;
    rules.date(now) >= rules.calendar.sub_working_days(term.due, 1)
}

/// Whether the ladder has had a rung for it: a term of a day or two is not warned of before its last day.
fn was_to_be_warned(view: &View, term: &TermView, now: Timestamp) -> bool {
    ladder::newest_rung(term, view.procedure, term.started_at, now).is_some()
}

/// Whether a mail server has accepted a warning of it. Terms that ask on one day share a mail, which is named after one
/// of them.
fn was_told(complaint: &Complaint, term: &TermView) -> bool {
    let rung = complaint.warned.get(&term.id).map(|(rung, _)| *rung);
    complaint.notices.iter().any(|record| {
        let kind = record.notice.kind;
        let warns = matches!(kind, NoticeKind::StaffDue | NoticeKind::StaffOverdue | NoticeKind::StaffAssign);
        let its_own = record.notice.term.as_ref() == Some(&term.id);
        let shared = rung.is_some_and(|rung| record.queued_at >= rung);
        let present = record.queued_at >= term.counts_from();
        warns && present && (its_own || shared) && record.status == NoticeStatus::Sent
    })
}

/// Whether what ends the term, or puts it off, is on its way: then somebody knew.
fn is_acted_on(view: &View, complaint: &Complaint, term: &TermView) -> bool {
    let ends = |event| view.procedure.term(&term.id).is_some_and(|rule| rule.done_by.contains(&event));
    let mut under_way = complaint.notices.iter().filter(|record| record.is_under_way());
    let ended = term.who != "system" && under_way.any(|record| record.notice.effect.is_some_and(ends));
    ended || complaint.promised(&term.id).is_some()
}
