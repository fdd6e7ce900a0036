//! What stands in a notice: a value for every placeholder of its template. Pure.

mod ordered;
mod staff;

use jiff::Timestamp;
use jiff::civil::Date;
use minijinja::Value;

use super::letterhead::{Occasion, domain_of};
use super::phrases;
use super::replies;
use super::templates::{self, Values, date_in_words, salutation};
use super::wording as words;
use crate::domain::complaint::Complaint;
use crate::domain::event::TroubleKind;
use crate::domain::fact::Promise;
use crate::domain::mail::{Language, Party};
use crate::domain::notice::NoticeKind;
use crate::domain::procedure::Channel;
use crate::domain::term::TermView;

/// Every placeholder has a value; what is unknown or does not apply is empty. `reply_to` is where staff send orders.
pub(super) fn values(
    occasion: &Occasion,
    terms: &[TermView],
    term: Option<&TermView>,
    reply_to: Option<&str>,
) -> Values {
    let mut values = templates::blank();
    house_values(occasion, &mut values);
    if let Some(complaint) = occasion.complaint {
        complaint_values(occasion, complaint, terms, &mut values);
        ordered::values(occasion, complaint, terms, &mut values);
    }
    if let Some(promise) = &occasion.draft.promise {
        promise_values(occasion, promise, &mut values);
    }
    if occasion.draft.kind.to_staff() {
        staff::values(occasion, (terms, term), reply_to, &mut values);
    }
    if let Some(digest) = &occasion.draft.digest {
        super::digest::values(digest, occasion.draft.language, &mut values);
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

/// Dates that the decision names, by placeholder.
const DATES: [&str; 7] =
    ["draft_date", "reply_by", "settlement_date", "invite_date", "call_date", "objection_due", "reopened"];

/// What the decision names by its own words becomes words of the language.
fn in_words(occasion: &Occasion, values: &mut Values) {
    let language = occasion.draft.language;
    let extra = &occasion.draft.extra;
    if let Some(at) = extra.get("received").and_then(|at| at.parse::<Timestamp>().ok()) {
        set(values, "received", date_in_words(occasion.procedure.rules.date(at), language));
    }
    if let Some(at) = extra.get("since").and_then(|at| at.parse::<Timestamp>().ok()) {
        let local = at.to_zoned(occasion.procedure.rules.zone.clone());
        let (date, time) = (date_in_words(local.date(), language), local.strftime("%H:%M"));
        let since = match language {
            Language::Nl => format!("{date}, {time} uur"),
            Language::En => format!("{date}, {time}"),
        };
        set(values, "since", since);
    }
    if let Some(kind) = extra.get("notice").and_then(|name| name.parse::<NoticeKind>().ok()) {
        set(values, "notice", words::notice_in_words(kind, language));
    }
    if let Some(order) = extra.get("order") {
        set(values, "order", staff::order_word(order));
    }
    if let (Some(alarm), Some(message)) = (extra.get("alarm"), extra.get("message")) {
        set(values, "message", alarm_in_words(alarm, message, language));
    }
    for name in DATES {
        if let Some(date) = extra.get(name).and_then(|date| date.parse::<Date>().ok()) {
            set(values, name, date_in_words(date, language));
        }
    }
}

/// What an alarm tells, with the names that the program uses in the words of its reader.
fn alarm_in_words(alarm: &str, message: &str, language: Language) -> String {
    if alarm == TroubleKind::SetAside.as_str() {
        return words::capital(&phrases::set_aside(message, language));
    }
    let named =
        message.split_once(": ").and_then(|(name, rest)| Some((name.parse::<NoticeKind>().ok()?, rest)));
    named.map_or_else(
        || message.to_owned(),
        |(kind, rest)| {
            let name = match language {
                _ if !kind.to_staff() => words::notice_in_words(kind, language),
                Language::Nl => "e-mail aan een medewerker",
                Language::En => "mail to staff",
            };
            format!("{}: {rest}", words::capital(name))
        },
    )
}

fn house_values(occasion: &Occasion, values: &mut Values) {
    let (mailbox, procedure) = (occasion.mailbox, occasion.procedure);
    let company = mailbox.from.name.clone().unwrap_or_else(|| domain_of(&mailbox.from.email).to_owned());
    set(values, "company", company);
    set(values, "mailbox", mailbox.name.clone());
    set(values, "procedure", procedure.title.clone());
    set(values, "procedure_url", procedure.urls.procedure.clone().unwrap_or_default());
    set(values, "privacy_url", procedure.urls.privacy.clone().unwrap_or_default());
}

fn complaint_values(occasion: &Occasion, complaint: &Complaint, terms: &[TermView], values: &mut Values) {
    let (language, procedure) = (occasion.draft.language, occasion.procedure);
    let day0 = procedure.rules.date(complaint.written_at());
    if let Some(agreed_at) = complaint.agreed_at() {
        set(values, "agreed", date_in_words(procedure.rules.date(agreed_at), language));
    }
    set(values, "case", complaint.reference.clone());
    set(values, "ref", complaint.shown_reference.clone());
    set(values, "received", date_in_words(day0, language));
    // A call that was answered by "please write" became a complaint by mail.
    let by_mail = complaint.written_at() != complaint.received_at;
    let channel = if by_mail { Channel::Email } else { complaint.channel };
    set(values, "channel", words::channel_in_words(channel.as_str(), language));
    if !occasion.draft.kind.to_staff() {
        set(
            values,
            "salutation",
            salutation(complaint.complainant.name.as_deref(), language, procedure.wording),
        );
    }
    if let Some(handler) = handler(occasion, complaint) {
        let name = handler.name.unwrap_or_else(|| handler.email.clone());
        let role = role_of(occasion, &handler.email);
        set(values, "handler", name.clone());
        set(values, "assignee", name.clone());
        set(values, "sign_name", name);
        set(values, "handler_contact", handler.email);
        set(values, "handler_role", words::role_in_words(&role, language));
        set(values, "sign_role", words::role_in_words(&role, language));
    }
    if let Some(rule) = procedure.answering_term() {
        set(values, "respond_term", phrases::span(rule.within, language));
        let respond = terms.iter().find(|t| t.id == rule.id);
        if let Some(respond) = respond.filter(|t| t.is_unmet() || !only_while_running(occasion.draft.kind)) {
            set(values, "respond_due", date_in_words(respond.due, language));
            set(values, "staff_target", date_in_words(respond.staff_target, language));
            // A procedure that wants the notice before the end promises that day (Ingressus D6).
            let earlier = respond.extend_until.filter(|last| *last < respond.due);
            if let Some(last) = earlier.filter(|_| !occasion.draft.kind.to_staff()) {
                set(values, "extend_until", date_in_words(last, language));
            }
        }
    }
    closing_values(occasion, complaint, values);
}

/// Notices that name the date of the reply only while that is still to come.
const fn only_while_running(kind: NoticeKind) -> bool {
    matches!(
        kind,
        NoticeKind::InfoRequest | NoticeKind::HandlerChanged | NoticeKind::Referral | NoticeKind::StaffLetter
    )
}

fn promise_values(occasion: &Occasion, promise: &Promise, values: &mut Values) {
    let language = occasion.draft.language;
    let late = occasion.procedure.rules.date(occasion.now) > promise.old_due;
    set(values, "late", if late { "true" } else { "" });
    set(values, "old_date", date_in_words(promise.old_due, language));
    set(values, "new_date", date_in_words(promise.new_due, language));
    set(values, "reason", promise.reason.clone());
}

fn closing_values(occasion: &Occasion, complaint: &Complaint, values: &mut Values) {
    let language = occasion.draft.language;
    let Some(closing) = &complaint.closing else { return };
    let on = occasion.procedure.rules.date(closing.at);
    set(values, "closed_on", date_in_words(on, language));
    let why = replies::close_reason_in_words(closing.reason, language).to_owned();
    set(values, "close_reason", closing.words.clone().unwrap_or(why));
    set(values, "close_kind", closing.reason.as_str());
    set(values, "related", closing.into.clone().unwrap_or_default());
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

/// The role in which somebody handles complaints: the one that mailbox or procedure give the address beside
/// "handler", else that of the member of staff.
fn role_of(occasion: &Occasion, address: &str) -> String {
    let roles = occasion.mailbox.roles.iter().chain(&occasion.procedure.roles);
    let named = roles.filter(|(_, email)| email.eq_ignore_ascii_case(address)).map(|(role, _)| role);
    let staff = occasion.house.staff(address);
    let own = staff.into_iter().flat_map(|staff| &staff.roles).filter(|role| *role != "operator");
    let mut titled = named.chain(own).filter(|role| ["manager", "confidant"].contains(&role.as_str()));
    titled.next().cloned().unwrap_or_else(|| "handler".to_owned())
}
