//! What proves it: notices with their way out, letters, orders, the journal.

use jiff::tz::TimeZone;

use crate::domain::complaint::NoticeStatus;
use crate::domain::notice::NoticeKind;
use crate::register::page::{Page, day, line, stamp};
use crate::register::rows::{ComplaintView, FileView, JournalRow, LetterRow, NoticeRow};
use crate::register::words;

/// The facts that are told under "orders and notes", by the name of their event.
const SAID: [&str; 5] = ["order_given", "noted", "contact_made", "record_made", "assigned"];

/// The notices to the complainant.
pub(super) fn sent(page: &mut Page, file: &FileView, zone: &TimeZone) {
    page.heading("WHAT WAS SENT");
    let mut sent = file.notices.iter().filter(|notice| !notice.kind.to_staff()).peekable();
    if sent.peek().is_none() {
        page.text(2, "Nothing.");
        return;
    }
    page.text(
        2,
        "By the number of the notice and the moment at which the outgoing server took it, or said why not; \
         its answer is word for word.",
    );
    for notice in sent {
        page.gap();
        one(page, notice, zone);
    }
}

fn one(page: &mut Page, notice: &NoticeRow, zone: &TimeZone) {
    let what = format!("{}, in {}", words::notice(notice.kind), words::language(notice.language));
    page.labelled(2, &format!("{:>3}  {}  ", notice.id.0, stamp(notice.at, zone)), &what);
    let mut row = |label: &str, text: &str| page.labelled(7, &format!("{label:<11} "), text);
    row("To", &line(&notice.to));
    row("Written", &stamp(notice.queued_at, zone));
    row("Status", words::notice_status(notice.status));
    match notice.settled.as_slice() {
        [] if notice.attempts == 0 => {}
        [] => row("Server", &quoted(notice.smtp_reply.as_deref().unwrap_or("no answer"))),
        [settled] => row("Server", &quoted(&settled.reply)),
        all => {
            for settled in all {
                let status = words::notice_status(settled.status);
                let words = format!("{}, {status}: {}", stamp(settled.at, zone), quoted(&settled.reply));
                row("Server", &words);
            }
        }
    }
    if notice.attempts > 1 {
        row("Attempts", &notice.attempts.to_string());
    }
    row("Held back", &notice.held.as_deref().map_or_else(String::new, line));
    row("Message-ID", &format!("<{}>", line(&notice.message_id)));
    row("sha256", &line(&notice.sha256));
    row("Proves", &proves(notice));
}

fn quoted(words: &str) -> String {
    format!("“{}”", line(words))
}

/// What the notice brings about, if it did not come back.
fn proves(notice: &NoticeRow) -> String {
    let mut told: Vec<String> = Vec::new();
    if !notice.meets.is_empty() {
        told.push(format!("meets {}", line(&notice.meets.join(", "))));
    }
    if !notice.begins.is_empty() {
        told.push(format!("begins {}", line(&notice.begins.join(", "))));
    }
    if let Some(promise) = &notice.promise {
        told.push(format!("announces {} for {}", day(promise.new_due), line(&promise.term)));
    }
    if told.is_empty() {
        return if lacks_something(notice) {
            "nothing: it does not state all that the procedure obliges it to state".to_owned()
        } else {
            String::new()
        };
    }
    let told = told.join("; ");
    match notice.status {
        NoticeStatus::Sent => told,
        NoticeStatus::Bounced => format!("nothing any more: it came back ({told}: withdrawn)"),
        NoticeStatus::Failed => format!("nothing: it was not accepted ({told}: not so)"),
        NoticeStatus::Unknown => format!("nothing until it is known to be accepted ({told})"),
        NoticeStatus::Queued | NoticeStatus::Sending | NoticeStatus::Held => {
            format!("nothing yet; once accepted it {told}")
        }
    }
}

/// These notices serve a term by their nature; without an effect they lack an obliged element.
fn lacks_something(notice: &NoticeRow) -> bool {
    matches!(
        notice.kind,
        NoticeKind::Acknowledgement | NoticeKind::Outcome | NoticeKind::ReviewOutcome | NoticeKind::Progress
    ) && notice.effect.is_none()
        && notice.promise.is_none()
}

/// The letters, by number.
pub(super) fn letters(page: &mut Page, file: &FileView, zone: &TimeZone) {
    page.heading("LETTERS");
    for letter in &file.letters {
        one_letter(page, letter, zone);
    }
}

fn one_letter(page: &mut Page, letter: &LetterRow, zone: &TimeZone) {
    let from = if letter.from.is_empty() { "no usable address".to_owned() } else { line(&letter.from) };
    page.labelled(
        2,
        &format!("{:>2}  {}  ", letter.n, stamp(letter.received_at, zone)),
        &format!("{}, from {from}", words::role(letter.role)),
    );
    page.text(6, &format!("“{}”", line(&letter.subject)));
    let named: Vec<&str> =
        letter.attachments.iter().map(|a| a.trim()).filter(|name| !name.is_empty()).collect();
    if !named.is_empty() {
        page.text(6, &format!("with {}", line(&named.join(", "))));
    }
    if let Some(id) = &letter.message_id {
        page.text(6, &format!("Message-ID <{}>", line(id)));
    }
    page.text(6, &format!("sha256 {}, {} bytes", line(&letter.sha256), letter.size));
}

/// What staff ordered, noted and were told.
pub(super) fn orders(page: &mut Page, file: &FileView, zone: &TimeZone) {
    page.heading("ORDERS AND NOTES");
    let told = |n: usize| n.checked_sub(1).and_then(|before| file.journal.get(before));
    let said = file.journal.iter().enumerate();
    let said = said.filter(|(n, entry)| SAID.contains(&entry.event.as_str()) && !repeats(entry, told(*n)));
    let mut said = said.map(|(_, entry)| entry).peekable();
    if said.peek().is_none() {
        page.text(2, "None.");
    }
    for entry in said {
        let what = entry.event.replace('_', " ");
        let who = format!("{}, by {}", line(&what), line(&entry.actor));
        page.labelled(2, &format!("{}  ", stamp(entry.at, zone)), &who);
        page.text(6, entry.detail.as_deref().unwrap_or("(erased)"));
    }
}

/// Whether the order just before says the same in its line: `#note Called the shop.`
fn repeats(entry: &JournalRow, before: Option<&JournalRow>) -> bool {
    let order = before.filter(|before| before.event == "order_given").and_then(|order| order.detail.as_ref());
    order.zip(entry.detail.as_ref()).is_some_and(|(order, detail)| order.ends_with(detail.as_str()))
}

/// The mails to staff, one line each, by the number of the notice.
pub(super) fn alerts(page: &mut Page, file: &FileView, zone: &TimeZone) {
    page.heading("MAIL TO STAFF");
    let mut alerts = file.notices.iter().filter(|notice| notice.kind.to_staff()).peekable();
    if alerts.peek().is_none() {
        page.text(2, "None.");
    }
    for notice in alerts {
        let what = match (&notice.term, notice.step) {
            (Some(term), Some(step)) => format!("{}: {}", line(term), words::step(step)),
            _ => words::notice(notice.kind).to_owned(),
        };
        let status = match notice.status {
            NoticeStatus::Sent => String::new(),
            other => format!(", {}", words::notice_status(other)),
        };
        page.labelled(
            2,
            &format!("{:>3}  {}  ", notice.id.0, stamp(notice.at, zone)),
            &format!("{what}, to {}{status}", line(&notice.to)),
        );
    }
}

/// The journal with its hashes.
pub(super) fn journal(page: &mut Page, shown: &ComplaintView, file: &FileView, zone: &TimeZone) {
    page.heading("JOURNAL");
    page.text(
        2,
        &format!(
            "Each entry's hash covers the entry before it in the register and a keyed hash of what it says, so that \
             none can be changed, added or removed unseen; `klachtd verify` proves it. `klachtd show {} --json` has \
             all of it as data.",
            line(&shown.reference)
        ),
    );
    for entry in &file.journal {
        page.labelled(
            2,
            &format!("{:>3}  {}  ", entry.seq, stamp(entry.at, zone)),
            &format!("{}, by {}", line(&entry.event), line(&entry.actor)),
        );
        page.text(7, entry.detail.as_deref().unwrap_or("(erased)"));
        page.text(7, &line(&entry.hash));
    }
}
