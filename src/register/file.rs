//! One complaint as a file that can be read from top to bottom: what was promised, what was sent, what is open.

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::page::{Page, count, day, line, moment};
use super::rows::{ComplaintView, FileView, NoticeRow, TermRow};
use super::words;
use crate::domain::complaint::{NoticeStatus, State};
use crate::domain::procedure::{Force, TermEvent};
use crate::domain::term::TermStatus;

mod promises;
mod proof;

/// The file as text. Without what `show` adds to `list` it is the head alone.
pub fn as_file(shown: &ComplaintView) -> String {
    let zone = TimeZoneDatabase::bundled().get(&shown.zone).unwrap_or(TimeZone::UTC);
    let mut page = Page::default();
    head(&mut page, shown, &zone);
    if let Some(file) = &shown.file {
        promises::section(&mut page, shown, &zone);
        open(&mut page, shown, file, &zone);
        proof::sent(&mut page, file, &zone);
        proof::letters(&mut page, file, &zone);
        proof::orders(&mut page, file, &zone);
        proof::alerts(&mut page, file, &zone);
        proof::journal(&mut page, shown, file, &zone);
    }
    page.finish()
}

fn head(page: &mut Page, shown: &ComplaintView, zone: &TimeZone) {
    page.heading(&format!("COMPLAINT {}", line(&shown.reference)));
    let mut row = |label: &str, text: &str| page.labelled(2, &format!("{label:<13} "), text);
    row("Subject", &line(&shown.subject));
    row("Complainant", &person(shown.complainant.name.as_deref(), &shown.complainant.email));
    for party in &shown.parties {
        row("", &line(party));
    }
    row("Received", &format!("{}, {}", moment(shown.received_at, zone), words::channel(shown.channel)));
    if shown.shown_reference != shown.reference {
        row("Known to the", &format!("complainant as {}", line(&shown.shown_reference)));
    }
    let title = shown.file.as_ref().map_or(shown.procedure.as_str(), |file| file.procedure_title.as_str());
    row("Procedure", &format!("{} ({})", line(title), line(&shown.procedure)));
    row("", "as it was in force at the receipt, and stays in force for this complaint:");
    row("", &format!("file, sha256 {}", line(&shown.procedure_sha256)));
    row("", &format!("text, sha256 {}", line(&shown.text_sha256)));
    row("Handler", &shown.handler.as_deref().map_or_else(|| "nobody yet".to_owned(), line));
    row("About", &line(&shown.about.join(", ")));
    row("Judgement", shown.judgement.map_or("", words::judgement));
    row("Referred to", &line(&shown.referred_to.join(", ")));
    for (name, value) in &shown.fields {
        row(&line(&name.replace('_', " ")), &line(value));
    }
    row(
        "No automatic",
        &shown.silence.as_deref().map_or_else(String::new, |why| format!("mail: {}", line(why))),
    );
    if let Some(file) = &shown.file {
        row("Related", &line(&file.related.join(", ")));
        row("State", &state(shown, file, zone));
        row("As of", &moment(file.as_of, zone));
    }
}

fn person(name: Option<&str>, email: &str) -> String {
    match name.map(line).filter(|name| !name.trim().is_empty()) {
        Some(name) => format!("{name} <{}>", line(email)),
        None => line(email),
    }
}

/// Where it stands, in a sentence.
fn state(shown: &ComplaintView, file: &FileView, zone: &TimeZone) -> String {
    match shown.state {
        State::Agreeing => match shown.record_version {
            Some(version) => format!(
                "Spoken; the complainant's agreement with version {version} of the record is awaited, and only \
                 then the handling begins."
            ),
            None => "Spoken; the complaint in writing, or a record of it, is awaited.".to_owned(),
        },
        State::Open => "Open: it is being handled.".to_owned(),
        State::Asking => match &shown.question {
            Some(question) => format!(
                "Open: on {} the complainant was asked for information by {}; the terms run on.",
                moment(question.asked_at, zone),
                day(question.reply_by)
            ),
            None => "Open: the complainant was asked for information; the terms run on.".to_owned(),
        },
        State::Answered => answered(shown, file, zone),
        State::InReview => match &shown.review {
            Some(review) => {
                let late = if review.late { ", after the window of the procedure" } else { "" };
                format!("In review: asked on {}{late}.", moment(review.asked_at, zone))
            }
            None => "In review.".to_owned(),
        },
        State::Closed => closed(shown, zone),
        State::Erased => "Erased: personal data was removed, the stub is left.".to_owned(),
    }
}

fn answered(shown: &ComplaintView, file: &FileView, zone: &TimeZone) -> String {
    let sent = |effect| {
        let sent = file.notices.iter().filter(|n| n.effect == Some(effect) && n.status == NoticeStatus::Sent);
        sent.map(|n| n.at).max()
    };
    if let Some(at) = sent(TermEvent::ReviewOutcomeSent) {
        return format!("Answered after a review on {}.", moment(at, zone));
    }
    let answered = match sent(TermEvent::OutcomeSent) {
        Some(at) => format!("Answered on {}", moment(at, zone)),
        None => "Answered".to_owned(),
    };
    let window = file.review_window.as_ref().and_then(|id| shown.terms.iter().find(|term| term.id == *id));
    match window {
        Some(window) => {
            let may = if window.status == TermStatus::Running { "may" } else { "could" };
            format!("{answered}; the complainant {may} object until the end of {}.", day(window.due))
        }
        None if file.may_be_reviewed => {
            format!("{answered}; the complainant may ask for a review, for which the text sets no time.")
        }
        None => format!("{answered}; the text offers no review inside the company."),
    }
}

fn closed(shown: &ComplaintView, zone: &TimeZone) -> String {
    let Some(closing) = &shown.closing else { return "Closed.".to_owned() };
    let mut words =
        format!("Closed on {} because {}", moment(closing.at, zone), words::close_reason(closing.reason));
    words.extend(closing.into.iter().map(|into| format!(" ({})", line(into))));
    words.extend(closing.words.iter().map(|why| format!(": {}", line(why))));
    words.push('.');
    words
}

/// What is still to be done: what, by whom, by when.
fn open(page: &mut Page, shown: &ComplaintView, file: &FileView, zone: &TimeZone) {
    page.heading("WHAT IS STILL OPEN");
    let today = zone.to_datetime(file.as_of).date();
    let mut items: Vec<String> =
        shown.terms.iter().filter(|term| is_unmet(term)).map(|term| open_term(term, today)).collect();
    if shown.waits_for_staff {
        let handler = shown.handler.as_deref().map_or_else(|| "staff".to_owned(), line);
        items.push(format!("A letter of the complainant waits for {handler}."));
    }
    let notices = file.notices.iter().enumerate();
    let lost = notices.filter(|(n, notice)| is_undelivered(notice, &file.notices[n + 1..]));
    items.extend(lost.map(|(_, notice)| undelivered(notice)));
    if items.is_empty() {
        page.text(2, "Nothing.");
    }
    for item in items {
        page.labelled(2, "- ", &item);
    }
}

const fn is_unmet(term: &TermRow) -> bool {
    matches!(term.status, TermStatus::Running | TermStatus::Overdue)
}

fn open_term(term: &TermRow, today: Date) -> String {
    let who = match &term.address {
        Some(address) => format!("{} ({})", words::who(&term.who), line(address)),
        None => line(words::who(&term.who)),
    };
    let what = format!("{}: {}", line(&term.id), line(&words::deed(&term.id, &term.done_by)));
    if term.force == Force::Window {
        return format!("{what}: {who} has the right to it until the end of {}.", day(term.due));
    }
    let left = today.until(term.due).map(|span| span.get_days()).unwrap_or_default();
    match (term.status, left) {
        (TermStatus::Overdue, _) => {
            let late = count(term.late_by.map_or(0, |late| late.days), "calendar day");
            format!("{what}, by {who}: OVERDUE since the end of {}, for {late}.", day(term.due))
        }
        (_, 0) => format!("{what}, by {who}, before today, {}, ends.", day(term.due)),
        _ => {
            let left = count(left, "calendar day");
            format!("{what}, by {who}, until the end of {}; {left} left.", day(term.due))
        }
    }
}

/// Whether a notice did not arrive, and none of its kind has since.
fn is_undelivered(notice: &NoticeRow, later: &[NoticeRow]) -> bool {
    let again = |n: &NoticeRow| n.kind == notice.kind && n.to == notice.to && n.status == NoticeStatus::Sent;
    notice.status != NoticeStatus::Sent && !later.iter().any(again)
}

fn undelivered(notice: &NoticeRow) -> String {
    let mut words = format!(
        "Notice {}, the {} to {}: {}",
        notice.id.0,
        words::notice(notice.kind),
        line(&notice.to),
        words::notice_status(notice.status)
    );
    words.extend(notice.held.iter().map(|why| format!(", {}", line(why))));
    words.push('.');
    words
}
