//! A decided notice becomes a finished mail: values for the template, the thread, the bytes. Pure.

use jiff::Timestamp;
use minijinja::Value;

use super::compose::{self, AutoSubmitted, ComposeError, Headers};
use super::templates::{self, TemplateError, Templates, Values};
use super::values;
use crate::domain::complaint::Complaint;
use crate::domain::decision::NoticeDraft;
use crate::domain::fact::{Notice, NoticeId, Role};
use crate::domain::house::{House, Mailbox};
use crate::domain::notice::NoticeKind;
use crate::domain::procedure::Procedure;
use crate::domain::signing::{Signer, sha256_hex};

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
    let reply_to = reply_to(occasion, id, signer);
    let values = values::values(occasion, &terms, term, reply_to.as_deref());
    let rendered = templates.render(draft.kind, draft.language, occasion.procedure.wording, &values)?;
    let message_id = signer.message_id(id, domain_of(&occasion.mailbox.from.email));
    let thread = thread(occasion);
    let bytes = compose::compose(
        &Headers {
            from: &occasion.mailbox.from,
            to: &draft.to,
            reply_to: reply_to.as_deref(),
            subject: &rendered.subject,
            message_id: &message_id,
            in_reply_to: thread.last().map_or(&[], std::slice::from_ref),
            references: &thread,
            date: occasion.now,
            auto_submitted: Some(automatic(draft.kind)),
        },
        &rendered.text,
        rendered.html.as_deref(),
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
        ordered: draft.ordered,
    };
    let term_ends = term.map(|t| t.due_before).filter(|ends| *ends > occasion.now);
    Ok(Written { notice, bytes, envelope_from: envelope_from(occasion.mailbox, id, signer), term_ends })
}

/// How the mail marks itself (RFC 3834 section 5).
const fn automatic(kind: NoticeKind) -> AutoSubmitted {
    if kind.answers_a_mail() { AutoSubmitted::Replied } else { AutoSubmitted::Generated }
}

/// Whether the notice says everything that the procedure obliges it to (`must_state`); else it meets no term.
fn states_all(occasion: &Occasion, templates: &Templates, values: &Values) -> bool {
    let used = templates.stated(occasion.draft.kind, occasion.draft.language, occasion.procedure.wording);
    let obliged = occasion.procedure.must_state(occasion.draft.kind.as_str());
    obliged
        .iter()
        .map(|element| templates::placeholder_of(element))
        .all(|placeholder| used.contains(placeholder) && values.get(placeholder).is_some_and(Value::is_true))
}

pub(super) fn domain_of(address: &str) -> &str {
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

/// Where a member of staff sends orders: our own address with a token that only he or she has for this complaint.
fn reply_to(occasion: &Occasion, id: NoticeId, signer: &Signer) -> Option<String> {
    let mailbox = occasion.mailbox;
    let (local, domain) = mailbox.from.email.rsplit_once('@')?;
    if !occasion.draft.kind.to_staff() || mailbox.delimiter.is_empty() {
        return None;
    }
    let owner = &occasion.draft.to.email;
    let token = match (&occasion.draft.asks_about, occasion.complaint) {
        (Some(_), _) => signer.question_token(id, owner),
        (None, Some(complaint)) => signer.order_token(complaint.id, owner),
        (None, None) => return None,
    };
    Some(format!("{local}{}{token}@{domain}", mailbox.delimiter))
}

/// The Message-IDs of the thread as this recipient knows it, oldest first.
fn thread(occasion: &Occasion) -> Vec<String> {
    let Some(complaint) = occasion.complaint else { return Vec::new() };
    let to = &occasion.draft.to.email;
    let ours = complaint.notices.iter().filter(|n| n.notice.to.eq_ignore_ascii_case(to));
    let ours = ours.map(|n| (n.queued_at, n.notice.message_id.clone()));
    // Neither staff's orders nor the bounces are part of what the complainant has read, nor the complainant's letters of
    // what staff have.
    let staff = occasion.draft.kind.to_staff();
    let theirs = complaint.letters.iter().filter(move |l| {
        let theirs = matches!(l.role, Role::Complaint | Role::FollowUp | Role::Agreement | Role::Objection);
        if staff { l.letter.from.eq_ignore_ascii_case(to) } else { theirs }
    });
    let theirs = theirs.filter_map(|l| Some((l.letter.received_at, l.letter.message_id.clone()?)));
    // What `klachtd add` wrote down has a Message-ID that nobody outside has seen.
    let theirs = theirs.filter(|(_, id)| !id.trim_end_matches('>').ends_with(compose::ADDED));
    let mut all: Vec<(Timestamp, String)> = theirs.chain(ours).collect();
    all.sort_by_key(|(at, _)| *at);
    let skip = all.len().saturating_sub(REFERENCES);
    all.into_iter().skip(skip).map(|(_, id)| id).collect()
}
