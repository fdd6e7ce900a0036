//! What kind of mail it is and whether it may be answered: one function over headers, structure and sender.
//!
//! The signs are the union of what help desks look for; see RFC 3834 sections 2 and 5, RFC 3464, RFC 8098, RFC 2369.
//! What marks itself counts before what only looks like something: a complaint must not be taken for a bounce.

mod marks;
mod wording;

use super::bounce::Found;
use super::headers::Headers;
use super::phrases;
use crate::domain::mail::Class;
use marks::{LIST, LOOP_MARKS, PRESENT};

/// Characters of the text in which notices say what they are.
const TEXT_START: usize = 2000;

/// Characters of the new text with which an automatic answer says what it is.
const TEXT_FIRST: usize = 200;

/// Characters in which a read receipt says what was read.
const RECEIPT_FIRST: usize = 120;

/// Characters of text from which a calendar reply is a letter as well.
const OWN_WORDS: usize = 40;

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
#[allow(clippy::struct_excessive_bools, reason = "each is an observation of its own; none excludes another")]
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
    /// Whether the only list that it came through is our own address (a group mailbox, say).
    pub(super) own_list: bool,
    /// Whether its envelope sender encodes one of its recipients, as senders to many do (VERP).
    pub(super) verp: bool,
    /// Whether its text names an address on a line of its own or the code of a failure, as failure notices do.
    pub(super) names_failure: bool,
    /// Whether its text names the code of a failure.
    pub(super) names_status: bool,
    /// The address that would be answered, in lower case.
    pub(super) complainant: String,
    /// The address in Reply-To, in lower case; empty when there is none.
    pub(super) reply_to: String,
    /// How many From headers it has; RFC 5322 section 3.6 allows one.
    pub(super) senders: usize,
    /// The subject, decoded.
    pub(super) subject: &'a str,
    /// The text, quotations and all.
    pub(super) text: &'a str,
    /// The new text alone.
    pub(super) new_text: &'a str,
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
        .or_else(|| other_report(signs))
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
    let action = known(action, &["failed", "delayed", "delivered", "relayed", "expanded"]);
    Some((class, format!("it is a delivery status notification: {action} (RFC 3464)")))
}

fn receipt(signs: &Signs) -> Reason {
    let kind = match signs.report_type.as_str() {
        "disposition-notification" => "a read receipt (RFC 8098)",
        "feedback-report" => "an abuse report (RFC 5965)",
        "delivery-status" => return None,
        _ if signs.found.has_disposition_part => "a read receipt (RFC 8098)",
        _ if read_receipt_in_words(signs) => "a read receipt in words",
        _ => return None,
    };
    // Some mail systems refuse a mail by a "read receipt": deleted unread (RFC 5429 section 2.1.2).
    if is_mail_system(signs) && failure_words(signs).1.is_some() && signs.report_type != "feedback-report" {
        return Some((Class::Bounce, format!("a mail system refused a mail of ours by {kind}")));
    }
    Some((Class::Report, format!("it is {kind}")))
}

/// A report of a kind that is not known, and that is no failure notice either.
fn other_report(signs: &Signs) -> Reason {
    (signs.media_type == "multipart/report").then(|| (Class::Report, "it is a report (RFC 6522)".to_owned()))
}

/// Outlook and others send receipts without a part for machines. A person may have read something too: it has to answer,
/// or to say of which mail it speaks.
fn read_receipt_in_words(signs: &Signs) -> bool {
    let subject = without_prefixes(signs.subject);
    let first: String = start(signs.text).chars().take(2 * TEXT_FIRST).collect();
    let said = |within: &str| phrases::RECEIPT_TEXTS.iter().any(|p| within.contains(p));
    let near: String = first.chars().take(RECEIPT_FIRST).collect();
    let of_a_mail = ["bericht", "message", "nachricht", "e-mail"].iter().any(|word| near.contains(word));
    phrases::RECEIPT_SUBJECTS.iter().any(|p| subject.starts_with(p))
        && said(&first)
        && (is_threaded(signs) || first.contains("final-recipient") || (said(&near) && of_a_mail))
}

/// The operator has named this sender as a form that people fill in.
fn form(signs: &Signs) -> Reason {
    let replied = words(&signs.headers, "auto-submitted").iter().any(|w| w == "auto-replied");
    (signs.form && !replied).then(|| (Class::Letter, "it came through a listed web form".to_owned()))
}

/// Failure notices without a part for machines: a mail system as sender, and the words.
fn failure_in_words(signs: &Signs) -> Reason {
    if signs.headers.first("x-failed-recipients").is_some_and(|value| value.contains('@')) {
        let class = if is_delay(signs) { Class::Report } else { Class::Bounce };
        return Some((class, "it has the header X-Failed-Recipients".to_owned()));
    }
    let (in_subject, in_text) = failure_words(signs);
    // A postmaster may be a person with a complaint about a parcel, and some forms send with an empty envelope sender:
    // everyday words then need an address or a code; a form names an address as well.
    let unusual = in_subject.is_some_and(|p| !phrases::EVERYDAY.contains(&p));
    let empty = null_sender(&signs.headers) && !wording::said_automatic(signs);
    let system = is_daemon(signs)
        || (is_mail_system(signs) && (signs.names_failure || unusual))
        || (empty && (signs.names_status || unusual));
    // Others have to say it twice: gateways, and a machine's mail of another kind.
    let machine = || looks_like_a_program(signs) || is_marked(signs);
    let phrase = match (in_subject, in_text) {
        (Some(_), Some(phrase)) if machine() => Some(phrase),
        (Some(first), Some(phrase)) if returned_copy(signs, first) => Some(phrase),
        (in_subject, in_text) => in_subject.or(in_text).filter(|_| system),
    };
    if is_delay(signs) && (phrase.is_some() || system) {
        return Some((Class::Report, "a mail system says that a mail is delayed".to_owned()));
    }
    let opening = start(signs.new_text);
    let template = phrases::FAILED_OPENINGS.iter().find(|p| opening.starts_with(**p)).copied();
    if let Some(phrase) = phrase.or(template.filter(|_| in_subject.is_some())) {
        return Some((
            Class::Bounce,
            format!("a mail system says that a mail was not delivered: {phrase:?}"),
        ));
    }
    // Whatever its words: an empty envelope sender, a mail system's name and the address or code of a failure.
    if empty && is_mail_system(signs) && signs.names_failure {
        return Some((
            Class::Bounce,
            "a mail system names what failed, with an empty envelope sender".to_owned(),
        ));
    }
    // Whatever its language: nothing else is written under this name (RFC 5321 section 4.5.5, RFC 3834 section 2).
    let daemon = is_daemon(signs) && !wording::said_automatic(signs);
    daemon.then(|| (Class::Bounce, "a mail system wrote it, and it is no other kind of notice".to_owned()))
}

/// Whether its subject is that of a notice about a mail of ours, with the address of another, whoever sent it.
fn returned_copy(signs: &Signs, subject: &str) -> bool {
    if is_answer_of_a_person(signs) {
        return false;
    }
    subject == "message you sent blocked"
        || signs.names_failure && ["undeliverable", "onbestelbaar", "delivery failure"].contains(&subject)
}

/// Whether the words above speak in the first person, as a mail system's template does not.
fn is_answer_of_a_person(signs: &Signs) -> bool {
    let text = start(signs.new_text);
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
    ["ik", "mijn", "my", "ich", "je", "wij"].iter().any(|word| words.contains(word))
}

/// What its subject and its text say as failure notices do.
fn failure_words(signs: &Signs) -> (Option<&'static str>, Option<&'static str>) {
    let subject = without_prefixes(signs.subject);
    let text = start(signs.text);
    let in_subject = phrases::FAILED_SUBJECTS.iter().find(|p| subject.starts_with(**p));
    let anywhere = || phrases::FAILED_ANYWHERE.iter().find(|p| subject.contains(**p));
    let in_text = phrases::FAILED_TEXTS.iter().find(|p| text.contains(**p));
    (in_subject.or_else(anywhere).copied(), in_text.copied())
}

fn is_delay(signs: &Signs) -> bool {
    let subject = signs.subject.to_lowercase();
    let said = |words: &[&str], hay: &str| words.iter().any(|p| hay.contains(p));
    if said(phrases::DELAYED_SUBJECTS, &subject) {
        return true;
    }
    let text = start(signs.text);
    let over = said(phrases::GIVEN_UP_SUBJECTS, &subject) || said(phrases::GIVEN_UP, &text);
    !over && said(phrases::DELAYED, &text)
}

/// Whether it is marked as a machine's mail of some kind.
fn is_marked(signs: &Signs) -> bool {
    marked_automatic(signs).is_some() || bulk(signs).is_some()
}

/// Headers by which a program says that it wrote the mail (RFC 3834 section 5 and what came before it).
fn marked_automatic(signs: &Signs) -> Reason {
    let automatic = |reason: String| Some((Class::AutoReply, reason));
    if let Some(word) = words(&signs.headers, "auto-submitted").into_iter().find(|word| word != "no") {
        if let Some(program) = ticket_system(signs).filter(|_| word != "auto-replied") {
            let reason = format!("it came through a ticket system ({program}); a person may have written it");
            return Some((Class::Letter, reason))
                .filter(|_| !wording::said_automatic(signs))
                .or_else(|| automatic(said(&word)));
        }
        return automatic(said(&word));
    }
    let no =
        |value: &str| matches!(value.trim().to_ascii_lowercase().as_str(), "no" | "false" | "0" | "none");
    let marked = |name: &&&str| signs.headers.first(name).is_some_and(|value| !no(value));
    if let Some(name) = PRESENT.iter().find(marked) {
        return automatic(format!("it has the header {name}"));
    }
    if let Some(name) = precedence(signs, &["auto_reply", "auto-reply", "autoreply"]) {
        return automatic(name);
    }
    if signs.headers.all("delivered-to").any(|to| to.trim().eq_ignore_ascii_case("autoresponder")) {
        return automatic("it was delivered by an autoresponder".to_owned());
    }
    // Whoever declines in words of his own wants them read.
    let alone = signs.new_text.trim().chars().count() < OWN_WORDS;
    (signs.calendar_reply && alone)
        .then(|| (Class::AutoReply, "it is an answer to a calendar invitation (RFC 5546)".to_owned()))
}

fn said(word: &str) -> String {
    const KNOWN: [&str; 6] =
        ["auto-replied", "auto-generated", "auto-notified", "auto-forwarded", "yes", "true"];
    format!("Auto-Submitted: {} (RFC 3834)", known(word, &KNOWN))
}

/// Reasons go to log and journal, where nothing that strangers wrote belongs.
fn known<'a>(word: &str, all: &[&'a str]) -> &'a str {
    all.iter().find(|known| **known == word).copied().unwrap_or("another word")
}

/// The program that keeps tickets and passed on what somebody wrote, by its headers.
fn ticket_system(signs: &Signs) -> Option<&'static str> {
    let mailer = signs.headers.first("x-mailer").unwrap_or_default().to_lowercase();
    let by_mailer = || marks::TICKET_MAILERS.iter().find(|name| mailer.contains(**name));
    marks::TICKET_HEADERS.iter().find(|name| signs.headers.has(name)).or_else(by_mailer).copied()
}

/// The topmost Precedence with one of these values.
fn precedence(signs: &Signs, values: &[&str]) -> Option<String> {
    ["precedence", "x-precedence", "preference"].into_iter().find_map(|name| {
        let word = words(&signs.headers, name).into_iter().find(|word| values.contains(&word.as_str()))?;
        Some(format!("it has the header {name}: {word}"))
    })
}

fn bulk(signs: &Signs) -> Reason {
    let by_list = || {
        let name = LIST.iter().find(|name| signs.headers.has(name))?;
        Some(format!("it has the header {name} (RFC 2369, RFC 2919)"))
    };
    if let Some(program) = ticket_system(signs) {
        let reason = format!("it came through a ticket system ({program}); a person may have written it");
        return precedence(signs, &["bulk", "list", "junk"]).map(|_| (Class::Letter, reason));
    }
    let listed = if signs.own_list { None } else { by_list() };
    let many = if signs.own_list { &["bulk", "junk"][..] } else { &["bulk", "list", "junk"][..] };
    precedence(signs, many).or(listed).map(|reason| (Class::Bulk, reason))
}

/// Signs that prove less: they count when nothing better was found.
fn looks_automatic(signs: &Signs) -> Reason {
    let automatic = |reason: String| Some((Class::AutoReply, reason));
    if let Some(words) = wording::said_in_subject(signs) {
        return automatic(format!("its subject begins with {words:?}"));
    }
    if let Some(words) = wording::said_in_text(signs) {
        return automatic(format!("its text begins with {words:?}"));
    }
    // What a person may say as well counts only in an answer to something, which a subject says in many languages.
    let prefix = signs.subject.split_once(':').map(|(prefix, _)| prefix.to_lowercase());
    let automat = prefix.is_some_and(|prefix| prefix.contains("automat"));
    if !(is_answer(signs) || automat) {
        return None;
    }
    if let Some(words) = wording::away(signs).filter(|_| automat || wording::returns(signs)) {
        return automatic(format!("it answers, and its text begins with {words:?}"));
    }
    if looks_like_a_program(signs) && wording::unread(signs).is_some() {
        return automatic("it answers from an address that takes no answers".to_owned());
    }
    null_sender(&signs.headers)
        .then(|| (Class::AutoReply, "it answers, and its envelope sender is empty".to_owned()))
}

/// Whether it answers another mail.
fn is_answer(signs: &Signs) -> bool {
    let subject = signs.subject.trim().to_lowercase();
    // "Zwangerschapsverlof Re: …": some programs put their words before the prefix.
    let within = [" re: ", " antw: ", " aw: "].iter().any(|prefix| subject.contains(prefix));
    is_threaded(signs) || within || without_prefixes(signs.subject) != subject
}

/// Whether its headers name a mail that it answers.
fn is_threaded(signs: &Signs) -> bool {
    ["in-reply-to", "references"].into_iter().any(|name| !signs.headers.message_ids(name).is_empty())
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
    if signs.senders > 1 {
        return Some("it has several From headers, so that its sender is not sure".to_owned());
    }
    if signs.form {
        let deaf = takes_no_answers(&signs.complainant);
        return deaf.then(|| "the complainant's address takes no answers".to_owned());
    }
    asked_for_silence(signs).or_else(|| deaf_sender(signs)).or_else(|| weak_marks(signs))
}

/// MS-OXCMAIL 2.2.3.2.14: a list of words; OOF, RN and NRN are about other mails than ours.
fn asked_for_silence(signs: &Signs) -> Option<String> {
    let asked = signs.headers.all("x-auto-response-suppress").flat_map(|value| value.split([',', ';']));
    let mut asked = asked.map(|word| word.trim_matches(|c: char| !c.is_alphabetic()).to_ascii_lowercase());
    if signs.headers.all("x-auto-response-suppress").any(|value| value.trim() == "-1") {
        return Some("the sender asks for no automatic answer (X-Auto-Response-Suppress: -1)".to_owned());
    }
    let word = asked.find(|word| matches!(word.as_str(), "all" | "dr" | "autoreply"))?;
    Some(format!("the sender asks for no automatic answer (X-Auto-Response-Suppress: {word})"))
}

/// Addresses that take no answers (RFC 3834 section 2, RFC 5230 section 4.6).
fn deaf_sender(signs: &Signs) -> Option<String> {
    let local = local_part(&signs.from);
    let listed = |local: &str| {
        phrases::ROLES.contains(&local)
            || local.starts_with("owner-")
            || ["-request", "-owner", "-bounces", "-bounce", "-errors"].iter().any(|end| local.ends_with(end))
    };
    let sender = signs.headers.first("sender").unwrap_or_default().to_lowercase();
    let sender = sender.rsplit('<').next().unwrap_or_default().split('@').next().unwrap_or_default().trim();
    let deaf = takes_no_answers(local) || is_mail_system(signs) || listed(local) || listed(sender);
    let deaf = deaf || takes_no_answers(&signs.from_name) || takes_no_answers(&signs.reply_to);
    let deaf = deaf || signs.headers.all("return-path").any(is_deaf_envelope);
    deaf.then(|| "the sender's address takes no answers".to_owned())
}

/// Whether an envelope sender is that of a list or a daemon. `www-data` and the like are not meant: forms send so.
fn is_deaf_envelope(path: &str) -> bool {
    let path = path.trim().trim_start_matches('<').to_lowercase();
    let local = local_part(&path);
    // Lists put the receiver behind a plus (VERP).
    let name = local.split(['+', '=']).next().unwrap_or_default();
    name.starts_with("owner-")
        || ["-request", "-owner", "-bounces", "-errors"].iter().any(|end| name.ends_with(end))
        || ["listserv", "listserver", "majordomo", "mailman", "sympa"].contains(&name)
        || phrases::MAIL_SYSTEMS.iter().any(|system| name.starts_with(system))
}

/// Signs of a machine that a person's mail may bear as well: they forbid an answer and say nothing else.
fn weak_marks(signs: &Signs) -> Option<String> {
    let mark = LOOP_MARKS.iter().find(|name| signs.headers.has(name)).map(|name| (*name).to_owned());
    if let Some(name) =
        mark.or_else(|| signs.headers.names().find(|n| marks::is_loop_mark(n)).map(str::to_owned))
    {
        return Some(format!("it has the loop mark {name}"));
    }
    if let Some(program) = ticket_system(signs) {
        return Some(format!("it came through a ticket system ({program})"));
    }
    if null_sender(&signs.headers) {
        return Some("its envelope sender is empty".to_owned());
    }
    if signs.verp {
        return Some("its envelope sender is one of a sender to many".to_owned());
    }
    if let Some(words) = wording::unread(signs) {
        return Some(format!("its text says that answers are not read: {words:?}"));
    }
    if signs.found.abuse_report {
        return Some("it reports a mail as unwanted".to_owned());
    }
    // A parcel that did not come is complained of in the same words; a mail system names an address or a code.
    let (in_subject, in_text) = failure_words(signs);
    let told = |words: &&str| signs.names_status || !phrases::EVERYDAY.contains(words);
    if let (Some(words), Some(_), true) = (in_subject.filter(told), in_text, signs.names_failure) {
        return Some(format!("it looks like a failure notice: {words:?}"));
    }
    wording::may_be_automatic(signs).map(|words| format!("it may be an automatic answer: {words:?}"))
}

/// The keyword of every header of this name, in lower case, without comments and parameters (RFC 3834 section 5).
fn words(headers: &Headers, name: &str) -> Vec<String> {
    let keyword = |value: &str| {
        without_comments(value)
            .trim()
            .split([';', ' ', '\t', ','])
            .next()
            .unwrap_or_default()
            .trim_matches('"')
            .to_ascii_lowercase()
    };
    headers.all(name).map(keyword).filter(|word| !word.is_empty()).collect()
}

/// Comments may hold comments (RFC 5322 section 3.2.2).
fn without_comments(value: &str) -> String {
    let (mut depth, mut kept) = (0_usize, String::with_capacity(value.len()));
    for c in value.chars() {
        match c {
            '(' => depth += 1,
            ')' if depth > 0 => {
                depth -= 1;
                kept.push(' ');
            }
            _ if depth == 0 => kept.push(c),
            _ => {}
        }
    }
    kept
}

fn null_sender(headers: &Headers) -> bool {
    headers.all("return-path").any(|path| path.split_whitespace().collect::<String>() == "<>")
}

fn is_mail_system(signs: &Signs) -> bool {
    let local = local_part(&signs.from);
    // As it stands there: some mail systems write no usable address.
    let raw = signs.headers.first("from").unwrap_or_default().to_lowercase();
    let raw = raw.trim_start_matches(['<', '"', '\'', ' ']);
    phrases::MAIL_SYSTEMS.iter().any(|name| local.starts_with(name) || raw.starts_with(name))
        || phrases::MAIL_SYSTEM_NAMES
            .iter()
            .any(|name| signs.from_name.starts_with(name) || raw.starts_with(name))
}

/// The name that no person uses; a postmaster may be one.
fn is_daemon(signs: &Signs) -> bool {
    let raw = signs.headers.first("from").unwrap_or_default().to_lowercase();
    ["mailer-daemon", "mailerdaemon", "mail-daemon", "mailer_daemon"].iter().any(|name| {
        local_part(&signs.from).starts_with(name)
            || raw.contains(&format!("<{name}"))
            || raw.starts_with(name)
    }) || raw.trim() == "<>"
}

/// Addresses of gateways and of programs that take no answers.
fn looks_like_a_program(signs: &Signs) -> bool {
    let local = local_part(&signs.from);
    let gateway = ["smtp", "gateway", "antivirus", "mailscan", "imss", "interscan", "bounce", "mailfilter"];
    gateway.iter().any(|word| local.contains(word))
        || signs.from.is_empty()
        || signs.headers.first("x-mailer").is_some_and(|m| m.starts_with("<SMTP32"))
        || takes_no_answers(&signs.from)
}

/// Whether the local part of an address says that nobody reads answers: as a word of its own, wherever it stands.
pub(super) fn takes_no_answers(address: &str) -> bool {
    let local = local_part(address).to_lowercase();
    phrases::NO_REPLY.iter().any(|token| {
        local.match_indices(token).any(|(at, _)| !local[..at].ends_with(|c: char| c.is_alphanumeric()))
    })
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
        // "Re[2]:" counts answers.
        let prefix = prefix.split('[').next().unwrap_or_default().trim();
        if !matches!(prefix, "re" | "antw" | "aw" | "sv" | "vs" | "betr" | "antwoord") {
            break;
        }
        subject = rest.trim_start().to_owned();
    }
    subject
}

#[cfg(test)]
#[path = "classify/tests.rs"]
mod tests;
