//! A fact of the journal in English words.

use jiff::tz::TimeZone;

use super::page::{day, moment};
use super::words;
use crate::domain::complaint::Complaint;
use crate::domain::fact::{Fact, LetterNote, Notice, NoticeId, Received, Settlement, Warned};

/// What happened, with names, dates and words as they were. The texts in it come from outside: whoever prints them
/// makes them safe.
pub(super) fn of(fact: &Fact, complaint: &Complaint, zone: &TimeZone) -> String {
    match fact {
        Fact::Received(received) => receipt(received, zone),
        Fact::LetterJoined { letter, role, related, fields, shown_reference } => {
            let mut words = format!("{}, {}", words::role(*role), letter_words(letter, zone));
            let told = fields.iter().map(|(name, value)| format!("; {name}: {value}"));
            words.extend(told);
            words.extend(shown_reference.iter().map(|shown| format!("; shown as {shown} from now on")));
            words.extend(related.iter().map(|other| format!("; it quotes {other}")));
            words
        }
        Fact::LetterKept { letter, reason, .. } => format!("{}: {reason}", letter_words(letter, zone)),
        Fact::NoticeQueued(notice) => queued(notice),
        Fact::NoticeRefused { kind, to, reason } => {
            format!("{} to {to} was not written: {reason}", words::notice(*kind))
        }
        Fact::NoticeSettled { notice, settlement } => {
            format!("{} {}", named(complaint, *notice), settled(settlement))
        }
        Fact::StaffWarned { alerts } => alerts.iter().map(alert).collect::<Vec<_>>().join("; "),
        Fact::SafetyNetActed { term, sent: true } => {
            format!(
                "nobody acted on {term} on the last day to extend it: the notice of more time left by itself"
            )
        }
        Fact::SafetyNetActed { term, sent: false } => {
            format!(
                "nobody acted on {term} on the last day to extend it: staff got the notice of more time as a draft"
            )
        }
        Fact::OrderGiven { order } => order.clone(),
        _ => handled(fact, zone),
    }
}

/// What staff did, and how it went from stage to stage.
fn handled(fact: &Fact, zone: &TimeZone) -> String {
    match fact {
        Fact::Assigned { handler: Some(handler) } => format!("{handler} handles it"),
        Fact::Assigned { handler: None } => {
            "the handler may no longer handle it, and nobody else is named".to_owned()
        }
        Fact::HandedOver => "everything was handed over to the manager".to_owned(),
        Fact::ContactMade { text } if text.trim().is_empty() => "personal contact was made".to_owned(),
        Fact::ContactMade { text } | Fact::Noted { text } => text.clone(),
        Fact::InfoRequested { reply_by } => {
            format!("an answer is asked by {}; the terms run on", day(*reply_by))
        }
        Fact::InfoReceived => "the question is no longer open".to_owned(),
        Fact::Judged { judgement } => words::judgement(*judgement).to_owned(),
        Fact::Referred { body, subject, complainant } => {
            let about = [subject, complainant].into_iter().flatten().map(String::as_str).collect::<Vec<_>>();
            let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
            format!("the complainant was referred to {body}{about}")
        }
        Fact::ReviewRequested { asked_at, late, letter } => {
            let late = if *late { ", after the window of the procedure" } else { "" };
            let letter = letter.map_or_else(String::new, |n| format!(", by letter {n}"));
            format!("asked on {}{letter}{late}", moment(*asked_at, zone))
        }
        Fact::Invited { at } => format!("to a conversation on {}", moment(*at, zone)),
        Fact::RecordMade { version, text } => join(&format!("version {version}"), text),
        Fact::RecordAgreed { at, written: false } => {
            format!("the complainant agreed with the record on {}", moment(*at, zone))
        }
        Fact::RecordAgreed { at, written: true } => {
            format!("the complainant complained in writing on {}", moment(*at, zone))
        }
        Fact::Closed { reason, words, into } => {
            let mut text = words::close_reason(*reason).to_owned();
            text.extend(into.iter().map(|into| format!(" ({into})")));
            text.extend(words.iter().map(|words| format!(": {words}")));
            text
        }
        Fact::Reopened { received_at } => format!("day 0 is now that of {}", moment(*received_at, zone)),
        Fact::Absorbed { reference, party } => {
            format!("{reference} of {} was merged into this one", party.email)
        }
        Fact::PartyConfirmed { address } => {
            format!("staff confirmed that {address} belongs to the complainant")
        }
        Fact::AlsoIn { mailbox, reference } => {
            format!("the same mail came to mailbox {mailbox} and is {reference} there")
        }
        Fact::AboutNamed { person } => format!("{person} is complained about, and handles nothing of it"),
        // The rest has its words above.
        other => other.name().to_owned(),
    }
}

fn join(words: &str, text: &str) -> String {
    if text.trim().is_empty() { words.to_owned() } else { format!("{words}: {text}") }
}

fn receipt(received: &Received, zone: &TimeZone) -> String {
    let mut words = format!(
        "{}, {}; under {}, procedure {}, published text {}",
        words::channel(received.channel),
        letter_words(&received.letter, zone),
        received.procedure.id,
        received.procedure.sha256,
        received.procedure.text_sha256
    );
    words.extend(received.handler.iter().map(|handler| format!("; {handler} handles it")));
    words.extend(received.related.iter().map(|other| format!("; it quotes {other}")));
    words.extend(received.silence.iter().map(|why| format!("; no automatic mail: {why}")));
    words
}

fn letter_words(letter: &LetterNote, zone: &TimeZone) -> String {
    let from = if letter.from.is_empty() { "no address" } else { &letter.from };
    format!("from {from}, received {}, sha256 {}", moment(letter.received_at, zone), letter.sha256)
}

fn queued(notice: &Notice) -> String {
    let mut parts = vec![addressed(notice)];
    if let (Some(term), Some(step)) = (&notice.term, notice.step) {
        parts.push(format!("{term}: {}", words::step(step)));
    }
    if let Some(promise) = &notice.promise {
        let (term, old, new) = (&promise.term, day(promise.old_due), day(promise.new_due));
        parts.push(format!("{term}: {new} instead of {old}, because: {}", promise.reason));
    }
    parts.extend(notice.held.iter().map(|why| format!("held back: {why}")));
    parts.join("; ")
}

/// Which notice it is: the number is that of the file's section of notices.
fn addressed(notice: &Notice) -> String {
    format!("notice {} ({}) to {}", notice.id.0, words::notice(notice.kind), notice.to)
}

fn named(complaint: &Complaint, id: NoticeId) -> String {
    complaint.notice(id).map_or_else(|| format!("notice {}", id.0), |record| addressed(&record.notice))
}

fn settled(settlement: &Settlement) -> String {
    match settlement {
        Settlement::Sent { reply, attempts } => format!("was accepted at attempt {attempts}: {reply}"),
        Settlement::Failed { reply, attempts } => {
            format!("was refused or given up after attempt {attempts}: {reply}")
        }
        Settlement::Unknown { reason, attempts, .. } => {
            format!("may have been accepted at attempt {attempts}, no answer came: {reason}")
        }
        Settlement::Bounced { reason } => format!("came back and proves nothing any more: {reason}"),
    }
}

fn alert(alert: &Warned) -> String {
    format!("{}: {}", alert.term, words::step(alert.step))
}
