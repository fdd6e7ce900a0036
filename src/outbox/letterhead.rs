//! A decided notice becomes a finished mail: values for the template, the thread, the bytes. Pure.

use jiff::Timestamp;
use jiff::civil::Date;
use minijinja::Value;

use super::compose::{self, AutoSubmitted, ComposeError, Headers};
use super::templates::{self, TemplateError, Templates, Values, date_in_words, salutation, term_line};
use super::wording as words;
use crate::domain::complaint::{Complaint, NoticeStatus};
use crate::domain::decision::NoticeDraft;
use crate::domain::fact::{Notice, NoticeId};
use crate::domain::house::{House, Mailbox};
use crate::domain::ladder::Step;
use crate::domain::mail::{Language, Party};
use crate::domain::notice::NoticeKind;
use crate::domain::procedure::{Procedure, SafetyNet, TermEvent};
use crate::domain::signing::{Signer, sha256_hex};
use crate::domain::term::TermView;

/// Message-IDs that References carries at most (RFC 5322 gives no limit; some servers cut long headers).
const REFERENCES: usize = 10;

/// What a notice is written from.
#[derive(Debug)]
pub struct Occasion<'a> {
    /// What was decided.
    pub draft: &'a NoticeDraft,
    /// The complaint with all facts so far; `None` for mail about the service itself.
    pub complaint: Option<&'a Complaint>,
    /// Its pinned procedure.
    pub procedure: &'a Procedure,
    /// The mailbox from which it leaves.
    pub mailbox: &'a Mailbox,
    /// The installation.
    pub house: &'a House,
    /// The moment of the decision; it is the mail's Date.
    pub now: Timestamp,
}

/// A notice in its final form.
#[derive(Debug)]
pub struct Written {
    /// What the journal keeps of it.
    pub notice: Notice,
    /// The whole mail (RFC 5322).
    pub bytes: Vec<u8>,
    /// Envelope sender (RFC 5321 reverse-path); by its token a bounce finds the notice.
    pub envelope_from: String,
    /// When the term that it serves lapses.
    pub term_ends: Option<Timestamp>,
}

/// Why a notice could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The template failed.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The mail could not be composed.
    #[error(transparent)]
    Compose(#[from] ComposeError),
}

/// Writes a notice.
///
/// # Errors
/// [`WriteError`] when its template can't be rendered or an address is no address.
pub fn write(
    occasion: &Occasion,
    id: NoticeId,
    signer: &Signer,
    templates: &Templates,
) -> Result<Written, WriteError> {
    let draft = occasion.draft;
    let terms = occasion.complaint.map_or_else(Vec::new, |c| c.terms(occasion.procedure, occasion.now));
    let term = draft.term.as_ref().and_then(|wanted| terms.iter().find(|t| t.id == *wanted));
    let values = values(occasion, &terms, term);
    let rendered = templates.render(draft.kind, draft.language, &values)?;
    let message_id = signer.message_id(id, domain_of(&occasion.mailbox.from.email));
    let thread = thread(occasion);
    let bytes = compose::compose(
        &Headers {
            from: &occasion.mailbox.from,
            to: &draft.to,
            reply_to: None,
            subject: &rendered.subject,
            message_id: &message_id,
            in_reply_to: thread.last().map_or(&[], std::slice::from_ref),
            references: &thread,
            date: occasion.now,
            auto_submitted: Some(automatic(draft.kind)),
        },
        &rendered.text,
    )?;
    let complete = states_all(occasion, templates, &values);
    let notice = Notice {
        id,
        kind: draft.kind,
        to: draft.to.email.clone(),
        message_id,
        sha256: sha256_hex(&bytes),
        language: draft.language,
        term: draft.term.clone(),
        step: draft.step,
        effect: draft.effect.filter(|_| complete),
        promise: draft.promise.clone().filter(|_| complete),
        held: None,
    };
    let term_ends = term.filter(|_| !draft.kind.to_staff()).map(|t| t.due_before);
    Ok(Written { notice, bytes, envelope_from: envelope_from(occasion.mailbox, id, signer), term_ends })
}

/// How the mail marks itself (RFC 3834 section 5).
const fn automatic(kind: NoticeKind) -> AutoSubmitted {
    if kind.answers_a_mail() { AutoSubmitted::Replied } else { AutoSubmitted::Generated }
}

/// Whether the notice says everything that the procedure obliges it to (`must_state`); else it meets no term.
fn states_all(occasion: &Occasion, templates: &Templates, values: &Values) -> bool {
    let used = templates.placeholders(occasion.draft.kind, occasion.draft.language);
    let obliged = occasion.procedure.must_state(occasion.draft.kind.as_str());
    obliged
        .iter()
        .map(|element| templates::placeholder_of(element))
        .all(|placeholder| used.contains(placeholder) && values.get(placeholder).is_some_and(Value::is_true))
}

fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(_, domain)| domain)
}

fn envelope_from(mailbox: &Mailbox, id: NoticeId, signer: &Signer) -> String {
    let address = &mailbox.from.email;
    match address.rsplit_once('@') {
        Some((local, domain)) if !mailbox.delimiter.is_empty() => {
            format!("{local}{}{}@{domain}", mailbox.delimiter, signer.bounce_token(id))
        }
        _ => address.clone(),
    }
}

/// The Message-IDs of the thread as this recipient knows it, oldest first.
fn thread(occasion: &Occasion) -> Vec<String> {
    let Some(complaint) = occasion.complaint else { return Vec::new() };
    let to = &occasion.draft.to.email;
    let ours = complaint.notices.iter().filter(|n| n.notice.to.eq_ignore_ascii_case(to));
    let ours = ours.map(|n| (n.queued_at, n.notice.message_id.clone()));
    let theirs = complaint.letters.iter().filter(|_| !occasion.draft.kind.to_staff());
    let theirs = theirs.filter_map(|l| Some((l.letter.received_at, l.letter.message_id.clone()?)));
    let mut all: Vec<(Timestamp, String)> = theirs.chain(ours).collect();
    all.sort_by_key(|(at, _)| *at);
    let skip = all.len().saturating_sub(REFERENCES);
    all.into_iter().skip(skip).map(|(_, id)| id).collect()
}

// ---------------------------------------------------------------- values

/// Every placeholder has a value; what is unknown or does not apply is empty.
fn values(occasion: &Occasion, terms: &[TermView], term: Option<&TermView>) -> Values {
    let mut values = templates::blank();
    house_values(occasion, &mut values);
    if let Some(complaint) = occasion.complaint {
        complaint_values(occasion, complaint, terms, &mut values);
    }
    if let Some(term) = term {
        term_values(occasion, term, &mut values);
    }
    if let Some(promise) = &occasion.draft.promise {
        let language = occasion.draft.language;
        set(&mut values, "old_date", date_in_words(promise.old_due, language));
        set(&mut values, "new_date", date_in_words(promise.new_due, language));
        set(&mut values, "reason", promise.reason.clone());
    }
    for (name, value) in &occasion.draft.extra {
        set(&mut values, name, value.clone());
    }
    in_words(occasion, &mut values);
    values
}

fn set(values: &mut Values, name: &str, value: impl Into<Value>) {
    values.insert(name.to_owned(), value.into());
}

/// What the decision names by its own words becomes words of the language.
fn in_words(occasion: &Occasion, values: &mut Values) {
    let language = occasion.draft.language;
    if let Some(at) = occasion.draft.extra.get("received").and_then(|at| at.parse::<Timestamp>().ok()) {
        set(values, "received", date_in_words(occasion.procedure.rules.date(at), language));
    }
    if let Some(kind) = occasion.draft.extra.get("notice").and_then(|name| name.parse::<NoticeKind>().ok()) {
        set(values, "notice", words::notice_in_words(kind, language));
    }
    if let Some(date) = occasion.draft.extra.get("draft_date").and_then(|date| date.parse::<Date>().ok()) {
        set(values, "draft_date", date_in_words(date, language));
    }
}

fn house_values(occasion: &Occasion, values: &mut Values) {
    let mailbox = occasion.mailbox;
    set(
        values,
        "company",
        mailbox.from.name.clone().unwrap_or_else(|| domain_of(&mailbox.from.email).to_owned()),
    );
    set(values, "mailbox", mailbox.name.clone());
    set(values, "procedure", occasion.procedure.title.clone());
    set(values, "profile", occasion.procedure.title.clone());
}

fn complaint_values(occasion: &Occasion, complaint: &Complaint, terms: &[TermView], values: &mut Values) {
    let language = occasion.draft.language;
    let day0 = complaint.received_at.to_zoned(occasion.procedure.rules.zone.clone()).date();
    set(values, "case", complaint.reference.clone());
    set(values, "ref", complaint.shown_reference.clone());
    set(values, "received", date_in_words(day0, language));
    set(values, "channel", words::channel_in_words(complaint.channel.as_str(), language));
    set(values, "case_command", format!("klachtd show {}", complaint.reference));
    if !occasion.draft.kind.to_staff() {
        set(values, "salutation", salutation(complaint.complainant.name.as_deref(), language));
    }
    if let Some(handler) = handler(occasion, complaint) {
        let name = handler.name.unwrap_or_else(|| handler.email.clone());
        set(values, "handler", name.clone());
        set(values, "assignee", name.clone());
        set(values, "sign_name", name);
        set(values, "handler_contact", handler.email);
        set(values, "handler_role", words::role_in_words("handler", language));
        set(values, "sign_role", words::role_in_words("handler", language));
    }
    if let Some(respond) = terms.iter().find(|t| answers(occasion.procedure, t)) {
        set(values, "respond_due", date_in_words(respond.due, language));
        set(values, "staff_target", date_in_words(respond.staff_target, language));
    }
    if occasion.draft.kind == NoticeKind::StaffNew {
        set(values, "notice", acknowledgement_in_words(complaint, language));
        mediator_values(occasion, values);
    }
    set(values, "terms", terms.iter().map(|t| row(occasion.procedure, t, language)).collect::<Vec<Value>>());
}

/// Staff are asked whether the complaint is one that an external mediator takes; the machine never judges that.
fn mediator_values(occasion: &Occasion, values: &mut Values) {
    let mediator =
        occasion.procedure.route.iter().find_map(|route| occasion.procedure.external(&route.refer));
    if let Some(mediator) = mediator {
        set(values, "mediator", mediator.name.clone());
    }
}

/// Who handles it, as the complainant may know him: a member of staff by name, our own mailbox by its name.
fn handler(occasion: &Occasion, complaint: &Complaint) -> Option<Party> {
    let address = complaint.handler.clone()?;
    let name = match occasion.house.staff(&address) {
        Some(staff) => Some(staff.name.clone()),
        None if occasion.mailbox.is_own(&address) => occasion.mailbox.from.name.clone(),
        None => None,
    };
    Some(Party { name, email: address })
}

/// How the acknowledgement stands, for staff.
fn acknowledgement_in_words(complaint: &Complaint, language: Language) -> String {
    let made = complaint.notices.iter().find(|n| n.notice.kind == NoticeKind::Acknowledgement);
    let reason = complaint.silence.as_deref();
    match (made.map(|n| n.status), language) {
        (Some(NoticeStatus::Held), Language::Nl) => "wacht op een limiet".to_owned(),
        (Some(NoticeStatus::Held), Language::En) => "held by a limit".to_owned(),
        (Some(_), Language::Nl) => "wordt nu verstuurd".to_owned(),
        (Some(_), Language::En) => "is being sent now".to_owned(),
        (None, Language::Nl) => format!("niet verstuurd ({})", reason.unwrap_or("geweigerd")),
        (None, Language::En) => format!("not sent ({})", reason.unwrap_or("refused")),
    }
}

/// Whether the term is that of the substantive answer.
fn answers(procedure: &Procedure, term: &TermView) -> bool {
    procedure.term(&term.id).is_some_and(|rule| rule.done_by.contains(&TermEvent::OutcomeSent))
}

fn row(procedure: &Procedure, term: &TermView, language: Language) -> Value {
    let quote = procedure.term(&term.id).and_then(|rule| rule.quote.as_deref());
    term_line(
        words::term_in_words(&term.id, language),
        &date_in_words(term.due, language),
        &date_in_words(term.staff_target, language),
        words::status_in_words(term.status.as_str(), language),
        quote.unwrap_or_default(),
    )
}

fn term_values(occasion: &Occasion, term: &TermView, values: &mut Values) {
    let (language, procedure) = (occasion.draft.language, occasion.procedure);
    let today = occasion.now.to_zoned(procedure.rules.zone.clone()).date();
    set(values, "term", words::term_in_words(&term.id, language));
    set(values, "term_due", date_in_words(term.due, language));
    set(values, "staff_target", date_in_words(term.staff_target, language));
    set(values, "days_left", procedure.rules.calendar.working_days_between(today, term.staff_target));
    if let Some(Step::Overdue(days)) = occasion.draft.step {
        set(values, "days_over", days);
        let board = procedure.roles.get("board").filter(|_| days >= 3);
        set(values, "reviewer", board.cloned().unwrap_or_default());
    }
    let Some(act_by) = term.act_by.filter(|day| *day >= today) else { return };
    set(values, "extend_last_day", date_in_words(act_by, language));
    set(values, "extend_today", act_by == today);
    let net = procedure.safety_net == SafetyNet::Send
        && occasion.complaint.is_some_and(|c| !c.safety_net_acted && c.silence.is_none());
    if net {
        set(values, "safety_net_date", date_in_words(crate::domain::decide::net_date(term.due), language));
    }
}
