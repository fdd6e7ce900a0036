//! What is said to the one who gave an order, in words: in the mail that answers it, and in the shell. Pure.
//!
//! One file a language; each match names every case, so that a new one can't go without words.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::complaint::{CloseReason, State};
use crate::domain::mail::Language;
use crate::domain::notice::NoticeKind;
use crate::domain::order::{OrderName, Section, Wrong};
use crate::domain::reply::{Done, Refusal};

mod en;
mod nl;

/// One thing that was done, as a sentence or two.
pub fn done_in_words(done: &Done, language: Language) -> String {
    match language {
        Language::Nl => nl::done(done),
        Language::En => en::done(done),
    }
}

/// Why an order was refused, and then what to do.
pub fn refusal_in_words(refusal: &Refusal, language: Language) -> String {
    let (why, remedy) = match language {
        Language::Nl => (nl::why(refusal), nl::remedy(refusal)),
        Language::En => (en::why(refusal), en::remedy(refusal)),
    };
    if remedy.is_empty() { why } else { format!("{why} {remedy}") }
}

/// What is wrong with the words of an order, and how they should be. The line and the spot are shown beside it.
pub fn fault_in_words(wrong: &Wrong, language: Language) -> String {
    match language {
        Language::Nl => nl::wrong(wrong),
        Language::En => en::wrong(wrong),
    }
}

/// A line that tells how an order is typed and, after at least two spaces, what it does.
pub const fn order_in_words(order: OrderName, language: Language) -> &'static str {
    match language {
        Language::Nl => nl::order(order),
        Language::En => en::order(order),
    }
}

/// How an order is typed: `#verleng DATUM REDEN`.
pub fn usage(order: OrderName, language: Language) -> &'static str {
    let line = order_in_words(order, language);
    line.split_once("  ").map_or(line, |(usage, _)| usage)
}

/// Where a complaint stands, as staff say it: it fits after "the complaint is".
pub const fn state_in_words(state: State, language: Language) -> &'static str {
    match language {
        Language::Nl => nl::state(state),
        Language::En => en::state(state),
    }
}

/// Why a complaint was closed, as the complainant may read it. It addresses nobody, so that it reads well beside "u"
/// and beside "je".
pub const fn close_reason_in_words(reason: CloseReason, language: Language) -> &'static str {
    match language {
        Language::Nl => nl::close_reason(reason),
        Language::En => en::close_reason(reason),
    }
}

/// The headings that an answer must still have, each with what belongs under it.
pub fn missing_in_words(missing: &[Section], language: Language) -> Vec<String> {
    missing
        .iter()
        .map(|section| match language {
            Language::Nl => format!("{}: {}", heading(*section, language), nl::section(*section)),
            Language::En => format!("{}: {}", heading(*section, language), en::section(*section)),
        })
        .collect()
}

/// Those of the `possible` orders that fit what this alert is about; the others are a `#help` away.
pub fn orders_that_fit(alert: NoticeKind, possible: &[OrderName]) -> Vec<OrderName> {
    use OrderName as O;
    let fitting: &[OrderName] = match alert {
        NoticeKind::StaffNew => {
            &[O::Answer, O::Extend, O::Ask, O::Assign, O::Contacted, O::Refer, O::NotAComplaint, O::Merge]
        }
        NoticeKind::StaffLetter => &[
            O::Confirm,
            O::Answer,
            O::Extend,
            O::Ask,
            O::Review,
            O::Record,
            O::Agreed,
            O::Withdraw,
            O::Close,
            O::Reopen,
            O::Note,
        ],
        NoticeKind::StaffDue | NoticeKind::StaffOverdue => &[
            O::Answer,
            O::Extend,
            O::Ask,
            O::Assign,
            O::Contacted,
            O::HandedOver,
            O::Invite,
            O::Minutes,
            O::Record,
            O::Agreed,
        ],
        NoticeKind::StaffAssign => &[O::Assign, O::About, O::HandedOver],
        NoticeKind::StaffBounce => {
            &[O::Answer, O::Contacted, O::Note, O::Record, O::Agreed, O::Merge, O::Close]
        }
        NoticeKind::StaffReview => &[O::Answer, O::Invite, O::Minutes, O::Extend, O::Ask],
        NoticeKind::StaffAlarm => &[O::Release, O::Spam],
        NoticeKind::StaffConfirm => &[O::Confirm],
        _ => &O::ALL,
    };
    let fits = |order: &OrderName| *order == O::Help || fitting.contains(order);
    possible.iter().copied().filter(fits).collect()
}

/// A reply to fill in: the order, then the headings with room below each. The judgement is left open: whoever sends
/// the form as it is gets it back, and nobody is told "founded" because nobody looked. A form with headings that only a
/// review has asks for none.
pub fn answer_form(sections: &[Section], order: OrderName, language: Language) -> Vec<String> {
    let in_review = [Section::Reviewed, Section::Policy, Section::Minutes];
    let first = if order == OrderName::Answer && in_review.iter().any(|section| sections.contains(section)) {
        let (nl, en) = order.words();
        format!("#{}", if language == Language::Nl { nl } else { en })
    } else {
        // The complaint that the form is about has its address.
        let usage = usage(order, language);
        let short = usage.split_once(" [").filter(|_| order == OrderName::Record);
        short.map_or(usage, |(short, _)| short).to_owned()
    };
    let headings = Section::ALL.into_iter().filter(|section| sections.contains(section));
    let below = headings.flat_map(|section| [String::new(), format!("{}:", heading(section, language))]);
    std::iter::once(first).chain(below).collect()
}

const fn heading(section: Section, language: Language) -> &'static str {
    match (section.headings(), language) {
        ((nl, _), Language::Nl) => nl,
        ((_, en), Language::En) => en,
    }
}

/// What may stand in a `mailto:` link as it is: the unreserved characters of RFC 3986. RFC 6068 would allow more; a `+`
/// is read as a space by some mail programs, so all else is encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A link that opens a new mail with this subject and these lines in it (RFC 6068: line ends are `%0D%0A`).
pub fn mailto(address: &str, subject: &str, lines: &[String]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let address = address.rsplit_once('@').map_or_else(
        || encoded(address),
        |(local, domain)| format!("{}@{}", encoded(local), encoded(domain)),
    );
    format!("mailto:{address}?subject={}&body={}", encoded(subject), encoded(&lines.join("\r\n")))
}

#[cfg(test)]
mod tests;
