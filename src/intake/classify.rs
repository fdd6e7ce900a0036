//! What kind of mail it is and whether it may be answered: one function over headers, structure and sender.
//!
//! The signs are the union of what help desks look for; see RFC 3834 sections 2 and 5, RFC 3464, RFC 8098, RFC 2369.
//! What marks itself counts before what only looks like something: a complaint must not be taken for a bounce.

use super::bounce::Found;
use super::headers::Headers;
use super::phrases;
use crate::domain::mail::Class;

/// Characters of the text in which notices say what they are.
const TEXT_START: usize = 2000;

/// Whom an answer would reach.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nobody: there is no usable address.
    #[default]
    Nobody,
    /// An address of ours.
    Ourselves,
    /// The complainant.
    Complainant,
}

/// What classification looks at.
#[derive(Debug, Default)]
pub(super) struct Signs<'a> {
    /// The header block.
    pub(super) headers: Headers,
    /// The media type of the whole mail, in lower case.
    pub(super) media_type: String,
    /// `report-type` of a multipart/report, in lower case.
    pub(super) report_type: String,
    /// What a delivery status part says.
    pub(super) found: Found,
    /// The address in From, in lower case; empty when there is none.
    pub(super) from: String,
    /// The name in From, in lower case.
    pub(super) from_name: String,
    /// Why it is our own mail, when it is.
    pub(super) own: Option<&'static str>,
    /// Whether it came through a listed form: what a machine says of itself is then no word about the person.
    pub(super) form: bool,
    /// Whom an answer would reach.
    pub(super) answer: Answer,
    /// Whether a part is a calendar reply.
    pub(super) calendar_reply: bool,
    /// The subject, decoded.
    pub(super) subject: &'a str,
    /// The text, quotations and all.
    pub(super) text: &'a str,
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What kind of mail it is.
    pub class: Class,
    /// Whether an automatic answer may be sent.
    pub answerable: bool,
    /// Why, in plain words.
    pub reasons: Vec<String>,
}

type Reason = Option<(Class, String)>;

/// Classifies a mail.
pub(super) fn classify(signs: &Signs) -> Verdict {
    let found = own(signs)
        .or_else(|| notification(signs))
        .or_else(|| receipt(signs))
        .or_else(|| form(signs))
        .or_else(|| failure_in_words(signs))
        .or_else(|| marked_automatic(signs))
        .or_else(|| bulk(signs))
        .or_else(|| looks_automatic(signs));
    match found {
        Some((Class::Letter, reason)) => letter(signs, vec![reason]),
        Some((class, reason)) => Verdict { class, answerable: false, reasons: vec![reason] },
        None => letter(signs, Vec::new()),
    }
}

fn own(signs: &Signs) -> Reason {
    signs.own.map(|why| (Class::Own, why.to_owned()))
}

/// A delivery status notification that is marked as such (RFC 3464).
fn notification(signs: &Signs) -> Reason {
    let marked = signs.report_type == "delivery-status" || signs.found.has_status_part;
    if !marked {
        return None;
    }
    let action =
        signs.found.action.as_deref().unwrap_or_else(|| match signs.found.bounce.status.as_deref() {
            Some(status) if status.starts_with('2') => "delivered",
            Some(status) if status.starts_with('4') => "delayed",
            _ if is_delay(signs) => "delayed",
            _ => "failed",
        });
    let class = if matches!(action, "delayed" | "delivered" | "relayed" | "expanded") {
        Class::Report
    } else {
        Class::Bounce
    };
    Some((class, format!("it is a delivery status notification: {action} (RFC 3464)")))
}

fn receipt(signs: &Signs) -> Reason {
    let kind = match signs.report_type.as_str() {
        "disposition-notification" => "a read receipt (RFC 8098)",
        "feedback-report" => "an abuse report (RFC 5965)",
        "delivery-status" => return None,
        _ if signs.media_type == "multipart/report" => "a report (RFC 6522)",
        _ => return None,
    };
    Some((Class::Report, format!("it is {kind}")))
}

/// The operator has named this sender as a form that people fill in.
fn form(signs: &Signs) -> Reason {
    let replied = words(&signs.headers, "auto-submitted").iter().any(|w| w == "auto-replied");
    (signs.form && !replied).then(|| (Class::Letter, "it came through a listed web form".to_owned()))
}

/// Failure notices without a part for machines: a mail system as sender, and the words.
fn failure_in_words(signs: &Signs) -> Reason {
    if signs.headers.first("x-failed-recipients").is_some_and(|value| value.contains('@')) {
        return Some((Class::Bounce, "it has the header X-Failed-Recipients".to_owned()));
    }
    let subject = without_prefixes(signs.subject);
    let text = start(signs.text);
    let in_subject = phrases::FAILED_SUBJECTS.iter().find(|p| subject.starts_with(**p));
    let in_text = phrases::FAILED_TEXTS.iter().find(|p| text.contains(**p));
    let phrase = in_subject.or(in_text);
    let system = is_mail_system(signs) || null_sender(&signs.headers);
    // An address that looks like a program's has to say it twice.
    let likely = looks_like_a_program(signs) && in_subject.is_some() && in_text.is_some();
    let phrase = phrase.filter(|_| system || likely)?;
    if is_delay(signs) {
        return Some((Class::Report, format!("a mail system says that a mail is delayed: {phrase:?}")));
    }
    Some((Class::Bounce, format!("a mail system says that a mail was not delivered: {phrase:?}")))
}

fn is_delay(signs: &Signs) -> bool {
    let subject = signs.subject.to_lowercase();
    let text = start(signs.text);
    phrases::DELAYED.iter().any(|p| subject.contains(p) || text.contains(p))
}

/// Headers whose presence alone says that a program wrote the mail, unless they say no.
const PRESENT: &[&str] = &[
    "x-autoreply",
    "x-autorespond",
    "x-autoresponse",
    "x-autoresponder",
    "x-autoreply-from",
    "x-auto-reply-from",
    "x-mail-autoreply",
    "x-autogenerated",
    "x-fc-machinegenerated",
    "x-ms-exchange-inbox-rules-loop",
    "x-vacation",
    "x-vacation-reply",
    "x-amazon-mail-relay-type",
];

/// Headers by which a program says that it wrote the mail (RFC 3834 section 5 and what came before it).
fn marked_automatic(signs: &Signs) -> Reason {
    let automatic = |reason: String| Some((Class::AutoReply, reason));
    if let Some(word) = words(&signs.headers, "auto-submitted").into_iter().find(|word| word != "no") {
        return automatic(format!("Auto-Submitted: {word} (RFC 3834)"));
    }
    let no = |value: &str| matches!(value.trim().to_ascii_lowercase().as_str(), "no" | "false" | "0");
    let marked = |name: &&&str| signs.headers.first(name).is_some_and(|value| !no(value));
    if let Some(name) = PRESENT.iter().find(marked) {
        return automatic(format!("it has the header {name}"));
    }
    if let Some(name) = precedence(signs, &["auto_reply", "auto-reply"]) {
        return automatic(name);
    }
    signs
        .calendar_reply
        .then(|| (Class::AutoReply, "it is an answer to a calendar invitation (RFC 5546)".to_owned()))
}

/// The topmost Precedence with one of these values.
fn precedence(signs: &Signs, values: &[&str]) -> Option<String> {
    ["precedence", "x-precedence"].into_iter().find_map(|name| {
        let word = words(&signs.headers, name).into_iter().find(|word| values.contains(&word.as_str()))?;
        Some(format!("it has the header {name}: {word}"))
    })
}

/// Headers of mailing lists and of mail to many.
const LIST: &[&str] = &[
    "list-id",
    "list-post",
    "list-unsubscribe",
    "list-help",
    "list-subscribe",
    "list-owner",
    "mailing-list",
    "x-mailing-list",
    "x-mailman-version",
    "x-beenthere",
];

fn bulk(signs: &Signs) -> Reason {
    let by_list = || {
        let name = LIST.iter().find(|name| signs.headers.has(name))?;
        Some(format!("it has the header {name} (RFC 2369, RFC 2919)"))
    };
    precedence(signs, &["bulk", "list", "junk"]).or_else(by_list).map(|reason| (Class::Bulk, reason))
}

/// Signs that prove less: they count when nothing better was found.
fn looks_automatic(signs: &Signs) -> Reason {
    let automatic = |reason: String| Some((Class::AutoReply, reason));
    let mark = ["x-loop", "x-no-loop", "x-otrs-loop", "x-rt-loop-prevention"]
        .into_iter()
        .find(|n| signs.headers.has(n));
    if let Some(name) = mark {
        return automatic(format!("it has the loop mark {name}"));
    }
    let subject = without_prefixes(signs.subject);
    let ends = |rest: &str| !rest.starts_with(char::is_alphanumeric);
    let said = phrases::AUTO_SUBJECTS.iter().find(|p| subject.strip_prefix(**p).is_some_and(ends));
    if let Some(words) = said {
        return automatic(format!("its subject begins with {words:?}"));
    }
    if matches!(subject.trim_end_matches('.'), "afwezig" | "vakantie" | "away" | "ooo") {
        return automatic(format!("its subject is {subject:?}"));
    }
    // Only the beginning: a complaint may be about an automatic answer.
    let first: String = start(signs.text).chars().take(200).collect();
    if let Some(words) = phrases::AUTO_TEXTS.iter().find(|p| first.contains(**p)) {
        return automatic(format!("its text begins with {words:?}"));
    }
    null_sender(&signs.headers).then(|| (Class::AutoReply, "its envelope sender is empty".to_owned()))
}

fn letter(signs: &Signs, mut reasons: Vec<String>) -> Verdict {
    let silence = silence(signs);
    let answerable = silence.is_none();
    reasons.extend(silence);
    Verdict { class: Class::Letter, answerable, reasons }
}

/// Why a person's mail may still not be answered by a machine.
fn silence(signs: &Signs) -> Option<String> {
    match signs.answer {
        Answer::Nobody => return Some("there is no sender to answer".to_owned()),
        Answer::Ourselves => return Some("an answer would come back to an address of ours".to_owned()),
        Answer::Complainant => {}
    }
    if signs.form {
        return None;
    }
    // MS-OXCMAIL 2.2.3.2.14: a list of words; OOF, RN and NRN are about other mails than ours.
    let asked = signs.headers.all("x-auto-response-suppress").flat_map(|value| value.split([',', ';']));
    let mut asked = asked.map(|word| word.trim().to_ascii_lowercase());
    if let Some(word) = asked.find(|word| matches!(word.as_str(), "all" | "dr" | "autoreply")) {
        return Some(format!("the sender asks for no automatic answer (X-Auto-Response-Suppress: {word})"));
    }
    let local = local_part(&signs.from);
    let deaf = phrases::NO_REPLY.iter().any(|prefix| local.starts_with(prefix)) || is_mail_system(signs);
    deaf.then(|| "the sender's address takes no answers".to_owned())
}

/// The keyword of every header of this name, in lower case, without comments and parameters (RFC 3834 section 5).
fn words(headers: &Headers, name: &str) -> Vec<String> {
    let keyword = |value: &str| {
        let mut value = value.trim();
        while let Some(rest) = value.strip_prefix('(') {
            value = rest.split_once(')').map_or("", |(_, after)| after).trim();
        }
        value.split([';', '(', ' ', '\t', ',']).next().unwrap_or_default().to_ascii_lowercase()
    };
    headers.all(name).map(keyword).filter(|word| !word.is_empty()).collect()
}

fn null_sender(headers: &Headers) -> bool {
    headers.all("return-path").any(|path| path.split_whitespace().collect::<String>() == "<>")
}

fn is_mail_system(signs: &Signs) -> bool {
    let local = local_part(&signs.from);
    let named = ["mail delivery s", "mail system", "mailer-daemon", "postmaster"];
    phrases::MAIL_SYSTEMS.iter().any(|name| local.starts_with(name))
        || named.iter().any(|name| signs.from_name.starts_with(name))
}

/// Addresses of gateways and of programs that take no answers.
fn looks_like_a_program(signs: &Signs) -> bool {
    let local = local_part(&signs.from);
    let gateway =
        ["smtp", "gateway", "antivirus", "mailscan", "imss"].iter().any(|word| local.contains(word));
    gateway || signs.from.is_empty() || phrases::NO_REPLY.iter().any(|prefix| local.starts_with(prefix))
}

fn local_part(address: &str) -> &str {
    address.split('@').next().unwrap_or_default()
}

fn start(text: &str) -> String {
    let text: String = text.chars().take(TEXT_START).collect();
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The subject in lower case without `Re:`, `Antw:`, `[tag]` and the like. What was forwarded keeps its prefix: a person did it.
fn without_prefixes(subject: &str) -> String {
    let mut subject = subject.trim().to_lowercase();
    loop {
        if let Some((_, rest)) = subject.strip_prefix('[').and_then(|tag| tag.split_once(']')) {
            subject = rest.trim_start().to_owned();
            continue;
        }
        let Some((prefix, rest)) = subject.split_once(':') else { break };
        if !matches!(prefix.trim(), "re" | "antw" | "aw" | "sv" | "betr" | "antwoord") {
            break;
        }
        subject = rest.trim_start().to_owned();
    }
    subject
}

#[cfg(test)]
#[path = "classify/tests.rs"]
mod tests;
