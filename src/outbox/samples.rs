//! The glossary of placeholders, and a realistic value for each: what `klachtd preview` shows and `klachtd check`
//! renders with. Pure.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use minijinja::Value;

use super::replies::{answer_form, mailto, missing_in_words, order_in_words};
use super::wording::{
    channel_in_words, date_in_words, left_in_words, role_in_words, salutation, status_in_words, term_in_words,
};
pub use crate::domain::digest::Urgency;
use crate::domain::mail::Language;
use crate::domain::notice::{NoticeKind, Wording};
use crate::domain::order::{OrderName, Section};

/// What a template is rendered with, by placeholder. Every placeholder that the template uses must be there: empty
/// when it is unknown, so that `{% if questions %}` leaves its sentence out.
pub type Values = BTreeMap<String, Value>;

/// Every placeholder that a template may use, and what it means. Dates are in words, with weekday and year.
pub const PLACEHOLDERS: &[(&str, &str)] = &[
    ("draft_date", "the new date of a progress notice that was drafted and waits for staff"),
    ("draft_reason", "its reason"),
    ("ref", "the reference that the complainant knows: ours, or the order number"),
    ("case", "our own reference (`K-2026-00042-X`), the tag in every subject"),
    ("salutation", "\"Geachte J. de Vries,\" with its comma"),
    ("company", "the name of the company, from the mailbox's `from`"),
    ("received", "the day on which the complaint, or the letter that the notice answers, was received"),
    ("reopened", "the day from which a complaint that was closed counts again; else empty"),
    ("agreed", "the day on which the complainant agreed with the record of a spoken complaint; else empty"),
    ("procedure", "the title of the published procedure"),
    ("procedure_url", "where the procedure can be read"),
    ("privacy_url", "where the privacy statement can be read"),
    ("handler", "who handles the complaint"),
    ("handler_role", "his or her role in words"),
    ("handler_contact", "address or telephone number of the handler"),
    ("respond_due", "the last day for the reply"),
    ("respond_term", "the term for the reply in words (\"14 dagen\")"),
    ("questions", "what is asked: one line, or a line for each question (then they are shown as a list)"),
    ("ask_formal", "true when the procedure wants the wish for the formal procedure asked"),
    ("reply_by", "the day by which an answer is asked"),
    ("record", "the record of the spoken complaint"),
    ("version", "which version of that record this is, a number from 1"),
    ("reminder", "true when the notice went out before and is only brought to mind; else empty"),
    ("call_date", "the day of the conversation by telephone"),
    ("employee", "who took the telephone call"),
    ("reason", "why the reply is late"),
    ("late", "true when the date that was announced before has passed already; else empty"),
    ("old_date", "the date that was announced before"),
    ("new_date", "the date that is announced now"),
    ("investigation", "what was done to investigate"),
    ("mediator", "the name of the external body"),
    ("mediator_id", "its id in the procedure, for the order `#refer`"),
    ("mediator_kind", "what it is: `mediator`, `authority`, `court`, `ombudsman`, `dispute_body`"),
    ("mediator_url", "where its help is asked"),
    ("mediator_conditions", "what it asks of the complainant"),
    ("judgement", "`founded`, `partly_founded` or `unfounded`"),
    ("complaint_points", "what the complaint was about, in staff's words"),
    ("findings", "what the investigation found"),
    ("conclusion", "the conclusion and its grounds"),
    ("apology", "true when staff apologise"),
    ("settlement", "what will be done for the complainant"),
    ("settlement_date", "by when that will be done"),
    ("action", "what was done because of the complaint"),
    ("process_changes", "what was changed so that it does not happen again"),
    ("review_text", "how the complainant can have the reply reviewed; to staff: what is asked of them"),
    ("objection_due", "the last day for an objection"),
    ("external_text", "to whom the complainant can go outside the company"),
    ("reviewer", "who reviews"),
    ("review_due", "the last day for the review"),
    ("interview", "true when the review is a conversation"),
    ("reviewed", "what was reviewed"),
    ("policy_followed", "whether the complaint was handled as the policy says"),
    ("minutes", "the minutes of the conversation"),
    ("invite_date", "the day of the conversation"),
    ("invite_time", "its time"),
    ("invite_place", "its place"),
    (
        "close_kind",
        "`resolved`, `answered`, `withdrawn`, `referred`, `not_a_complaint`, `duplicate`, `lapsed`, or empty",
    ),
    ("close_reason", "why the complaint is closed, in staff's words or in those for its kind"),
    ("closed_on", "the day on which it was closed"),
    ("sign_name", "who signs"),
    ("sign_role", "his or her role in words"),
    ("channel", "how the complaint came in (\"per e-mail\")"),
    ("subject_class", "services or products, when it is known"),
    ("notice", "a notice by its name in words; in `staff_new` also how its sending stands"),
    ("assignee", "the handler, to staff"),
    ("staff_target", "the day by which staff aim to be done"),
    ("extend_last_day", "the last day to announce a later date"),
    ("extend_until", "after this day such a notice counts as late, when that is another day"),
    ("extend_today", "true when that day is today"),
    (
        "awaited",
        "true when the term is one of the complainant: an answer to a question, agreement with a record",
    ),
    ("safety_net_date", "the date that the safety net will announce; empty when it is off or spent"),
    ("term", "the term by its name in words"),
    ("term_due", "the last day of that term"),
    ("extendable", "true when a later date may still be announced for that term, if only late; else empty"),
    ("terms", "the terms: a list with `name`, `due`, `staff_target`, `status`, `quote`"),
    ("days_left", "working days left, a number"),
    ("days_over", "working days overdue, a number"),
    ("recipient", "the address that was not reached"),
    ("outsider", "the address that writes in the thread and is not known in the complaint"),
    ("smtp_reply", "what the mail server said"),
    ("case_command", "the command that shows the complaint"),
    (
        "hint",
        "what staff should know of this letter: `review`, `objection_late`, `after_outcome` (no review in this \
         procedure), `reply`, `agreeing`, `not_agreed`, `older_record` (agrees with a version that was corrected \
         since), `stranger`, `outsider` (somebody else writes in the thread), `closed`, or empty; in `staff_assign` `taken_over` for who had it before",
    ),
    ("sealed", "true when the letter is encrypted and could not be read; else empty"),
    ("related", "the reference of another complaint; in `closing` the one in which this one is handled on"),
    ("date", "the day of the digest"),
    (
        "items",
        "what is to be done: a list with `group` (`overdue`, `soon`, `later`), `case`, `text`, `due`, `left`, \
         `waits_for`; any but `group` and `text` may be empty",
    ),
    ("overflow", "mails that were more than may be sent in a day: a list of lines"),
    ("set_aside", "how many mails were set aside, a number"),
    ("order", "the word of the first order (\"#verleng\"); empty when there was none"),
    ("orders", "the orders that are possible now and fit: a list of lines, each a usage and what it does"),
    ("form", "a reply to fill in, the order on its first line: a list of lines"),
    ("answer_link", "a `mailto:` link that opens a reply with that form in it"),
    ("extend_link", "the same for the order that announces a later date"),
    ("done", "what was done: a list of lines"),
    ("refusal", "what was wrong with the order"),
    ("spot", "the order and, on a second line, a mark below the spot"),
    (
        "missing",
        "what the answer must state and does not: a list of headings, each with what belongs under it",
    ),
    (
        "alarm",
        "`mailbox`, `smtp`, `failed`, `unknown`, `held`, `disk`, `set_aside`, `reload`, or words of its own",
    ),
    ("mailbox", "the mailbox that the alarm is about"),
    ("over", "true when the trouble that an alarm told of is over; else empty"),
    ("since", "since when"),
    ("message", "what is known about the fault"),
    ("command", "the command that tells more"),
];

/// Sample text: placeholder, Dutch, English.
const TEXTS: &[(&str, &str, &str)] = &[
    ("draft_reason", "het onderzoek is nog niet afgerond", "the investigation has not been completed yet"),
    ("ref", "K-2026-00042-X", "K-2026-00042-X"),
    ("case", "K-2026-00042-X", "K-2026-00042-X"),
    ("company", "OmniStock", "OmniStock"),
    ("procedure", "Klachtenregeling OmniStock", "OmniStock complaints procedure"),
    ("procedure_url", "https://www.omnistock.test/klachtenregeling", "https://www.omnistock.test/complaints"),
    ("privacy_url", "https://www.omnistock.test/privacy", "https://www.omnistock.test/privacy"),
    ("handler", "Jan Jansen", "Jan Jansen"),
    ("handler_contact", "jan@omnistock.test", "jan@omnistock.test"),
    ("respond_term", "14 dagen", "14 days"),
    (
        "questions",
        "Wat is uw ordernummer?\nHebt u als consument of als bedrijf gekocht?",
        "What is your order number?\nDid you buy as a consumer or as a business?",
    ),
    (
        "record",
        "Op 12 november is factuur 2026-1187 twee keer afgeschreven. De klager wil het bedrag terug.",
        "On 12 November invoice 2026-1187 was debited twice. The complainant wants the amount refunded.",
    ),
    ("employee", "Jan Jansen", "Jan Jansen"),
    ("reason", "het onderzoek is nog niet afgerond", "the investigation is not finished"),
    (
        "investigation",
        "de factuur en de afschrijvingen zijn vergeleken",
        "the invoice and the debits were compared",
    ),
    ("mediator", "ICTWaarborg", "ICTWaarborg"),
    ("mediator_id", "ictwaarborg", "ictwaarborg"),
    ("mediator_kind", "mediator", "mediator"),
    (
        "mediator_url",
        "https://extranet.ictwaarborg.nl/contact/bemiddeling",
        "https://extranet.ictwaarborg.nl/contact/bemiddeling",
    ),
    (
        "mediator_conditions",
        "u hebt als consument gekocht en hebt de klacht eerst aan ons voorgelegd",
        "you bought as a consumer and put the complaint to us first",
    ),
    ("judgement", "founded", "founded"),
    ("complaint_points", "een factuur die twee keer is afgeschreven", "an invoice that was debited twice"),
    (
        "findings",
        "door een fout in de administratie is het bedrag twee keer afgeschreven",
        "an error in our accounts caused the amount to be debited twice",
    ),
    (
        "conclusion",
        "Het tweede bedrag had niet afgeschreven mogen worden.",
        "The second amount should not have been debited.",
    ),
    (
        "settlement",
        "wij storten het bedrag terug op uw rekening",
        "we will refund the amount to your account",
    ),
    (
        "action",
        "de dubbele opdracht is uit de administratie verwijderd",
        "the double instruction was removed from our accounts",
    ),
    (
        "process_changes",
        "elke incasso wordt voortaan door twee mensen nagekeken",
        "from now on two people check every direct debit",
    ),
    (
        "review_text",
        "U kunt de directie vragen uw klacht opnieuw te beoordelen. Beantwoord daarvoor deze e-mail en schrijf waarom.",
        "You can ask the board to review your complaint. To do so, reply to this e-mail and tell us why.",
    ),
    (
        "external_text",
        "Als consument kunt u bemiddeling vragen bij ICTWaarborg: https://extranet.ictwaarborg.nl/contact/bemiddeling",
        "As a consumer you can ask ICTWaarborg to mediate: https://extranet.ictwaarborg.nl/contact/bemiddeling",
    ),
    ("reviewer", "de directie", "the board"),
    (
        "reviewed",
        "alle brieven, het onderzoek en de aangeboden oplossing",
        "all letters, the investigation and the solution offered",
    ),
    (
        "policy_followed",
        "uw klacht is volgens onze regeling en binnen de termijn behandeld",
        "your complaint was handled under our procedure and within the term",
    ),
    (
        "minutes",
        "U legde uit hoe het bedrag twee keer is afgeschreven. Wij hebben samen de afschriften bekeken.",
        "You explained how the amount was debited twice. We looked at the statements together.",
    ),
    ("invite_time", "10:00", "10:00"),
    ("invite_place", "Bijsterhuizen 1160-A, Nijmegen", "Bijsterhuizen 1160-A, Nijmegen"),
    ("close_kind", "resolved", "resolved"),
    (
        "close_reason",
        "het bedrag is teruggestort en u bent tevreden met de oplossing",
        "the amount was refunded and you are satisfied with the solution",
    ),
    ("sign_name", "Jan Jansen", "Jan Jansen"),
    ("subject_class", "dienstverlening", "services"),
    ("assignee", "Jan Jansen", "Jan Jansen"),
    ("recipient", "j.devries@klant.test", "j.devries@klant.test"),
    ("outsider", "k.klant@werk.test", "k.klant@werk.test"),
    ("smtp_reply", "550 5.1.1 no such user", "550 5.1.1 no such user"),
    ("case_command", "klachtd show K-2026-00042-X", "klachtd show K-2026-00042-X"),
    ("hint", "review", "review"),
    ("related", "K-2026-00007-4", "K-2026-00007-4"),
    ("order", "#verleng", "#extend"),
    (
        "refusal",
        "Dit is geen datum, een dag die niet bestaat, of een dag zonder jaartal die meer dan een half jaar weg is. Schrijf dag-maand-jaar, \"18 december\" of \"over 2 weken\".",
        "This is not a date, a day that does not exist, or a day without a year that is more than half a year away. Write day-month-year, \"18 December\" or \"in 2 weeks\".",
    ),
    ("spot", "#verleng 31-02-2026\n         ^", "#extend 31-02-2026\n        ^"),
    ("alarm", "mailbox", "mailbox"),
    ("mailbox", "omnistock", "omnistock"),
    ("since", "zaterdag 21 november 2026, 09:15 uur", "Saturday 21 November 2026, 09:15"),
    (
        "message",
        "imap.omnistock.test:993: geen antwoord binnen 60 s",
        "imap.omnistock.test:993: no answer within 60 s",
    ),
    ("command", "klachtd status", "klachtd status"),
];

/// What the Dutch sample says to a complainant who is addressed with "je".
const INFORMAL: &[(&str, &str)] = &[
    ("questions", "Wat is je ordernummer?\nHeb je als consument of als bedrijf gekocht?"),
    ("mediator_conditions", "je hebt als consument gekocht en hebt de klacht eerst aan ons voorgelegd"),
    (
        "review_text",
        "Je kunt de directie vragen je klacht opnieuw te beoordelen. Beantwoord daarvoor deze e-mail en schrijf waarom.",
    ),
    (
        "external_text",
        "Als consument kun je bemiddeling vragen bij ICTWaarborg: https://extranet.ictwaarborg.nl/contact/bemiddeling",
    ),
    ("settlement", "wij storten het bedrag terug op je rekening"),
    ("policy_followed", "je klacht is volgens onze regeling en binnen de termijn behandeld"),
    (
        "minutes",
        "Je legde uit hoe het bedrag twee keer is afgeschreven. Wij hebben samen de afschriften bekeken.",
    ),
    ("close_reason", "het bedrag is teruggestort en je bent tevreden met de oplossing"),
];

/// Sample dates, all of one complaint that was received on Saturday 21 November 2026.
const DATES: &[(&str, Date)] = &[
    ("draft_date", date(2026, 12, 18)),
    ("received", date(2026, 11, 21)),
    ("respond_due", date(2026, 12, 5)),
    ("reply_by", date(2026, 11, 30)),
    ("call_date", date(2026, 11, 20)),
    ("old_date", date(2026, 12, 5)),
    ("new_date", date(2026, 12, 18)),
    ("settlement_date", date(2026, 12, 24)),
    ("objection_due", date(2027, 1, 4)),
    ("review_due", date(2026, 12, 28)),
    ("invite_date", date(2027, 1, 7)),
    ("closed_on", date(2027, 1, 15)),
    ("staff_target", date(2026, 12, 4)),
    ("extend_last_day", date(2026, 12, 4)),
    ("extend_until", date(2026, 12, 5)),
    ("safety_net_date", date(2026, 12, 19)),
    ("term_due", date(2026, 12, 5)),
    ("date", date(2026, 11, 23)),
];

/// Every placeholder, empty: to be filled with what is known.
pub fn blank() -> Values {
    PLACEHOLDERS.iter().map(|(name, _)| ((*name).to_owned(), Value::from(""))).collect()
}

/// One line of the table of terms in mails to staff; what is unknown is empty.
pub fn term_line(name: &str, due: &str, staff_target: &str, status: &str, quote: &str) -> Value {
    list_item(&[
        ("name", name),
        ("due", due),
        ("staff_target", staff_target),
        ("status", status),
        ("quote", quote),
    ])
}

/// One thing to do, in the digest. What is unknown is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestItem {
    /// How near it is.
    pub urgency: Urgency,
    /// Our own reference of the complaint.
    pub case: String,
    /// What is to be done.
    pub text: String,
    /// By when: a date in words.
    pub due: String,
    /// How much time that leaves: "nog 3 werkdagen".
    pub left: String,
    /// Who must act, as it fits after "waits for": "u", "de klager", "de directie".
    pub waits_for: String,
}

/// The value of one item.
pub fn digest_item(item: &DigestItem) -> Value {
    let group = match item.urgency {
        Urgency::Overdue => "overdue",
        Urgency::Soon => "soon",
        Urgency::Later => "later",
    };
    list_item(&[
        ("group", group),
        ("case", &item.case),
        ("text", &item.text),
        ("due", &item.due),
        ("left", &item.left),
        ("waits_for", &item.waits_for),
    ])
}

fn list_item(fields: &[(&str, &str)]) -> Value {
    fields
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
        .collect::<BTreeMap<_, _>>()
        .into()
}

/// Realistic values for a notice, every placeholder filled but those that would belie the others.
pub fn sample(kind: NoticeKind, language: Language, wording: Wording) -> Values {
    let mut values = blank();
    let mut set = |name: &str, value: Value| values.insert(name.to_owned(), value);
    for (name, nl, en) in TEXTS {
        set(name, Value::from(pick(language, nl, en)));
    }
    let informal = language == Language::Nl && wording == Wording::Informal;
    for (name, je) in INFORMAL.iter().filter(|_| informal) {
        set(name, Value::from(*je));
    }
    for (name, day) in DATES {
        set(name, date_in_words(*day, language).into());
    }
    for name in ["ask_formal", "apology", "interview", "extendable"] {
        set(name, true.into());
    }
    set("salutation", salutation(Some("J. de Vries"), language, wording).into());
    set("handler_role", role_in_words("handler", language).into());
    set("sign_role", role_in_words("handler", language).into());
    set("channel", channel_in_words("email", language).into());
    set("term", term_in_words("respond", language).into());
    set("notice", pick(language, "ontvangstbevestiging", "acknowledgement").into());
    set("version", 1.into());
    set("days_left", 3.into());
    set("days_over", 1.into());
    set("set_aside", 2.into());
    for (name, value) in sample_lists(language).into_iter().chain(sample_orders(kind, language)) {
        set(name, value);
    }
    if let Some((name, value)) = sample_of_kind(kind, language) {
        set(name, value.into());
    }
    values
}

/// Where a placeholder means something else in one notice, or the common sample would not be true there.
fn sample_of_kind(kind: NoticeKind, language: Language) -> Option<(&'static str, String)> {
    let words = |nl, en| pick(language, nl, en).to_owned();
    match kind {
        NoticeKind::ReviewReceived | NoticeKind::StaffLetter => {
            Some(("received", date_in_words(date(2026, 12, 21), language)))
        }
        NoticeKind::StaffNew => Some(("notice", words("verstuurd", "sent"))),
        NoticeKind::StaffReview => Some((
            "review_text",
            words("beoordeel de klacht en alle stukken opnieuw", "review the complaint and the full file"),
        )),
        NoticeKind::StaffConfirm => Some(("order", words("#opname", "#record"))),
        NoticeKind::StaffAssign => Some(("term", term_in_words("assign", language).to_owned())),
        _ => None,
    }
}

fn sample_lists(language: Language) -> Vec<(&'static str, Value)> {
    let due = |day| date_in_words(day, language);
    let term = |id, last, target, quote| {
        let status = status_in_words("running", language);
        term_line(term_in_words(id, language), &due(last), &due(target), status, quote)
    };
    let quote = "Uw klacht zal uiterlijk binnen 14 dagen worden beantwoord";
    let terms = vec![
        term("ack", date(2026, 11, 23), date(2026, 11, 23), ""),
        term("respond", date(2026, 12, 5), date(2026, 12, 4), quote),
    ];
    let item = |urgency, case: &str, id, day, left, waits_for: &str| {
        digest_item(&DigestItem {
            urgency,
            case: case.to_owned(),
            text: term_in_words(id, language).to_owned(),
            due: due(day),
            left: left_in_words(left, language),
            waits_for: waits_for.to_owned(),
        })
    };
    let items = vec![
        item(
            Urgency::Overdue,
            "K-2026-00029-C",
            "respond",
            date(2026, 11, 20),
            -1,
            pick(language, "u", "you"),
        ),
        item(Urgency::Soon, "K-2026-00038-A", "assign", date(2026, 11, 23), 0, pick(language, "u", "you")),
        item(
            Urgency::Later,
            "K-2026-00042-X",
            "respond",
            date(2026, 12, 4),
            9,
            pick(language, "de klager", "the complainant"),
        ),
    ];
    let overflow = pick(
        language,
        "[K-2026-00041-8] Nieuw bericht in deze klacht",
        "[K-2026-00041-8] New message in this complaint",
    );
    let done = pick(
        language,
        "Inhoudelijk antwoord: de nieuwe datum is vrijdag 18 december 2026.",
        "Substantive reply: the new date is Friday 18 December 2026.",
    );
    let told = pick(
        language,
        "De klager krijgt bericht: uitstelbericht.",
        "The complainant is told: progress notice.",
    );
    vec![
        ("terms", terms.into()),
        ("items", items.into()),
        ("overflow", vec![overflow].into()),
        ("done", vec![done, told].into()),
    ]
}

/// The orders that a notice shows, and the forms that go with them.
fn sample_orders(kind: NoticeKind, language: Language) -> Vec<(&'static str, Value)> {
    use OrderName as O;
    let (order, sections): (_, &[Section]) = match kind {
        NoticeKind::StaffReview => (O::Answer, &[Section::Conclusion, Section::Reviewed, Section::Policy]),
        NoticeKind::StaffLetter => (O::Review, &[]),
        NoticeKind::StaffAssign => (O::Assign, &[]),
        _ => (O::Answer, &[Section::Findings, Section::Conclusion, Section::Settlement]),
    };
    let orders: &[OrderName] = match kind {
        NoticeKind::StaffAlarm => &[O::Release, O::Spam],
        NoticeKind::StaffAssign => &[O::Assign, O::Help],
        NoticeKind::StaffLetter => &[O::Review, O::Note, O::Help],
        NoticeKind::StaffReview => &[O::Answer, O::Extend, O::Help],
        NoticeKind::StaffBounce => &[O::Contacted, O::Note, O::Help],
        _ => &[O::Answer, O::Extend, O::Ask, O::Assign, O::Help],
    };
    let lines: Vec<&str> = orders.iter().map(|order| order_in_words(*order, language)).collect();
    let form = answer_form(sections, order, language);
    let link = |lines: &[String]| mailto("directie+s.7KQ2@omnistock.test", "Re: [K-2026-00042-X]", lines);
    let missing = missing_in_words(&[Section::Findings, Section::Conclusion], language);
    vec![
        ("orders", lines.into()),
        ("answer_link", link(&form).into()),
        ("extend_link", link(&answer_form(&[], O::Extend, language)).into()),
        ("form", form.into()),
        ("missing", missing.into()),
    ]
}

const fn pick<'a>(language: Language, nl: &'a str, en: &'a str) -> &'a str {
    match language {
        Language::Nl => nl,
        Language::En => en,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Placeholders that the samples leave empty, because they would belie the others.
    const ABSENT: [&str; 8] =
        ["agreed", "awaited", "extend_today", "late", "over", "reminder", "reopened", "sealed"];

    #[test]
    fn the_glossary_names_each_placeholder_once() {
        assert_eq!(blank().len(), PLACEHOLDERS.len());
    }

    #[test]
    fn the_sample_fills_every_placeholder_and_no_other() {
        for kind in NoticeKind::ALL {
            for (language, wording) in [
                (Language::Nl, Wording::Formal),
                (Language::Nl, Wording::Informal),
                (Language::En, Wording::Formal),
            ] {
                let values = sample(kind, language, wording);
                assert!(values.keys().eq(blank().keys()), "{kind}");
                for (name, value) in values {
                    let absent = ABSENT.contains(&name.as_str());
                    assert!(value.is_true() != absent, "{name} in the sample of {kind}");
                }
            }
        }
    }
}
