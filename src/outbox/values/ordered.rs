//! Values of what staff ordered and of what the procedure grants the complainant.

use super::set;
use crate::domain::complaint::Complaint;
use crate::domain::notice::NoticeKind;
use crate::domain::procedure::{External, FormalRequest, Procedure, Review, ReviewForm, TermEvent};
use crate::domain::term::TermView;
use crate::outbox::letterhead::Occasion;
use crate::outbox::phrases;
use crate::outbox::templates::{Values, date_in_words};
use crate::outbox::wording as words;

pub(super) fn values(occasion: &Occasion, complaint: &Complaint, terms: &[TermView], values: &mut Values) {
    match occasion.draft.kind {
        NoticeKind::Acknowledgement => intake_values(occasion, complaint, values),
        NoticeKind::Outcome => review_offer(occasion, complaint, values),
        NoticeKind::ReviewReceived | NoticeKind::StaffReview | NoticeKind::InterviewInvitation => {
            review_values(occasion, terms, values);
            let late = complaint.objection.is_some_and(|objection| objection.late);
            set(values, "late", if late { "true" } else { "" });
        }
        NoticeKind::StaffLetter => window_values(occasion, complaint, terms, values),
        NoticeKind::ReviewOutcome => {
            review_values(occasion, terms, values);
            external_values(occasion, complaint, "review_outcome", values);
        }
        NoticeKind::Referral => referral_values(occasion, values),
        NoticeKind::RecordForAgreement | NoticeKind::PleaseWrite => call_values(occasion, complaint, values),
        _ => {}
    }
    let reviews = occasion.draft.kind == NoticeKind::ReviewOutcome;
    if let Some(by) = &occasion.draft.signed_by {
        set(values, "sign_name", occasion.house.name_of(by));
        set(values, "sign_role", signs_as(occasion, by));
    } else if reviews {
        // The handler does not sign what others have reviewed.
        set(values, "sign_name", "");
        set(values, "sign_role", "");
    }
}

/// As what somebody signs: who reviews signs the notices of a review in that role ("directie"), else as who handles.
fn signs_as(occasion: &Occasion, by: &str) -> String {
    let language = occasion.draft.language;
    let of_review =
        matches!(occasion.draft.kind, NoticeKind::InterviewInvitation | NoticeKind::ReviewOutcome);
    let reviews = |role: &str| {
        let named = occasion.mailbox.roles.get(role).or_else(|| occasion.procedure.roles.get(role));
        named.is_some_and(|address| address.eq_ignore_ascii_case(by))
            || occasion.house.staff(by).is_some_and(|staff| staff.roles.iter().any(|own| own == role))
    };
    let review = occasion.procedure.review.as_ref().filter(|review| of_review && reviews(&review.by));
    let own = super::role_of(occasion, by);
    let role = words::role_in_words(review.map_or(own.as_str(), |review| &review.by), language);
    let bare = ["de ", "the "].iter().find_map(|article| role.strip_prefix(article));
    bare.unwrap_or(role).to_owned()
}

/// What the procedure asks the complainant to state, as far as it is not known yet (`ask_for`).
fn intake_values(occasion: &Occasion, complaint: &Complaint, values: &mut Values) {
    // Whoever was asked before is not asked again.
    if occasion.draft.extra.contains_key("reopened") {
        return;
    }
    let intake = &occasion.procedure.intake;
    let known = |field: &str| match field {
        "name" => {
            complaint.fields.contains_key(field)
                || complaint.complainant.name.as_ref().is_some_and(|name| !name.trim().is_empty())
        }
        // The mail itself tells these.
        "email" | "date" | "description" | "contact" => true,
        "contact_point" => complaint.fields.contains_key("phone") || complaint.fields.contains_key(field),
        "reference_numbers" => {
            complaint.fields.contains_key(field) || complaint.fields.contains_key("order_number")
        }
        other => complaint.fields.contains_key(other),
    };
    let missing = intake.ask_for.iter().filter(|field| !known(field));
    let questions: Vec<String> =
        missing.map(|field| phrases::question(field, occasion.draft.language).to_owned()).collect();
    set(values, "questions", questions.join("\n"));
    let wished = occasion.draft.extra.get("formal_wish").is_some_and(|wish| !wish.is_empty());
    let asks = intake.formal_request == FormalRequest::AskIfSilent && !wished;
    set(values, "ask_formal", if asks { "true" } else { "" });
}

/// How the complainant can have the outcome reviewed, until when, and who can be asked outside the company.
fn review_offer(occasion: &Occasion, complaint: &Complaint, values: &mut Values) {
    let (language, procedure) = (occasion.draft.language, occasion.procedure);
    if let Some(review) = procedure.review.as_ref().filter(|r| r.offer_in.iter().any(|n| n == "outcome")) {
        let reviewer = words::role_in_words(&review.by, language);
        set(values, "reviewer", reviewer);
        let offer = words::review_option(reviewer, review.form, language, procedure.wording);
        set(values, "review_text", offer);
        let window = review.window.as_ref().and_then(|id| procedure.term(id));
        if let Some(rule) = window {
            // It counts from acceptance by the outgoing server, which can only be later.
            let due = rule.within.after(procedure.rules.date(occasion.now), &procedure.rules.calendar);
            set(values, "objection_due", date_in_words(due, language));
        }
    }
    external_values(occasion, complaint, "outcome", values);
}

fn external_values(occasion: &Occasion, complaint: &Complaint, notice: &str, values: &mut Values) {
    let (language, procedure) = (occasion.draft.language, occasion.procedure);
    let text = procedure.offered_in(notice).filter_map(|body| {
        let if_product = match covered(body, procedure, complaint) {
            Covered::Yes => false,
            Covered::Unknown => about_products(body, procedure),
            Covered::No => return None,
        };
        Some(words::external_option(body, if_product, language, procedure.wording))
    });
    set(values, "external_text", text.collect::<Vec<_>>().join(" "));
}

/// Whether a complaint is one for which the procedure names an external body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Covered {
    Yes,
    No,
    Unknown,
}

/// `OmniStock` A4: the mediator is for complaints of consumers about a product, so a business, or whoever complains
/// about a service, is not sent there. Staff tell by `#refer`; a form may have told.
fn covered(body: &External, procedure: &Procedure, complaint: &Complaint) -> Covered {
    let Some(route) = procedure.route.iter().find(|route| route.refer == body.id) else {
        return Covered::Yes;
    };
    if complaint.referred_to.contains(&body.id) {
        return Covered::Yes;
    }
    let told = |field: &str| complaint.fields.get(field).and_then(|words| kind_told(words));
    let wanted = [("subject", &route.when.subject), ("consumer_or_business", &route.when.complainant)];
    let known = wanted.map(|(field, wanted)| match (wanted, told(field)) {
        (None, _) => Covered::Yes,
        (Some(_), None) => Covered::Unknown,
        (Some(wanted), Some(told)) if wanted == told => Covered::Yes,
        (Some(_), Some(_)) => Covered::No,
    });
    let first = |of: Covered| known.contains(&of).then_some(of);
    first(Covered::No).or_else(|| first(Covered::Unknown)).unwrap_or(Covered::Yes)
}

fn about_products(body: &External, procedure: &Procedure) -> bool {
    let mut routes = procedure.route.iter().filter(|route| route.refer == body.id);
    routes.any(|route| route.when.subject.as_deref() == Some("product"))
}

/// What somebody wrote about who complains and of what, as a procedure's `route` says it; `None` when it may be either.
fn kind_told(words: &str) -> Option<&'static str> {
    const SAID: [(&str, &[&str]); 4] = [
        ("consumer", &["consument", "consumer", "particulier", "privé", "private"]),
        ("business", &["zakelijk", "bedrijf", "business", "company"]),
        ("product", &["product"]),
        ("service", &["service", "dienst"]),
    ];
    let words = words.to_lowercase();
    let mut said = SAID.iter().filter(|(_, marks)| marks.iter().any(|mark| words.contains(mark)));
    let only = said.next().map(|(kind, _)| *kind);
    only.filter(|_| said.next().is_none())
}

fn review_values(occasion: &Occasion, terms: &[TermView], values: &mut Values) {
    let (language, procedure) = (occasion.draft.language, occasion.procedure);
    let Some(review) = &procedure.review else { return };
    set(values, "reviewer", words::role_in_words(&review.by, language));
    set(values, "interview", if review.form == ReviewForm::Interview { "true" } else { "" });
    if let Some(due) = review_due(occasion, review, terms) {
        set(values, "review_due", due);
    }
    if occasion.draft.kind.to_staff() {
        set(values, "review_text", review.quote.clone().unwrap_or_default());
    }
}

/// Until when the complainant may object, for staff who read a letter after the outcome.
fn window_values(occasion: &Occasion, complaint: &Complaint, terms: &[TermView], values: &mut Values) {
    let Some(review) = &occasion.procedure.review else { return };
    let reviewed_at = complaint.effected_at(TermEvent::ReviewOutcomeSent);
    if reviewed_at > complaint.effected_at(TermEvent::OutcomeSent) {
        return;
    }
    set(values, "reviewer", words::role_in_words(&review.by, occasion.draft.language));
    let window = review.window.as_ref().and_then(|id| terms.iter().find(|t| t.id == *id));
    if let Some(window) = window {
        set(values, "objection_due", date_in_words(window.due, occasion.draft.language));
    }
}

/// The date by which the board answers; for a conversation there is none until it has been held.
fn review_due(occasion: &Occasion, review: &Review, terms: &[TermView]) -> Option<String> {
    let event = match review.form {
        ReviewForm::Written => TermEvent::ReviewOutcomeSent,
        ReviewForm::Interview => TermEvent::InterviewInvited,
    };
    let staff = occasion.draft.kind.to_staff();
    let rule =
        occasion.procedure.term_done_by(event).filter(|_| staff || review.form == ReviewForm::Written)?;
    let term = terms.iter().find(|t| t.id == rule.id)?;
    Some(date_in_words(term.due, occasion.draft.language))
}

fn referral_values(occasion: &Occasion, values: &mut Values) {
    let body = occasion.draft.extra.get("body").and_then(|id| occasion.procedure.external(id));
    let Some(body) = body else { return };
    set(values, "mediator", body.name.clone());
    set(values, "mediator_url", body.url.clone().unwrap_or_default());
    set(values, "mediator_conditions", body.conditions.clone().unwrap_or_default());
    set(values, "mediator_kind", body.kind.as_str());
}

fn call_values(occasion: &Occasion, complaint: &Complaint, values: &mut Values) {
    let day = occasion.procedure.rules.date(complaint.received_at);
    set(values, "call_date", date_in_words(day, occasion.draft.language));
    // Who took the call sent the record; the command line knows no member of staff.
    let by = complaint.letters.first().map(|l| l.letter.from.as_str()).unwrap_or_default();
    if let Some(staff) = occasion.house.staff(by) {
        set(values, "employee", staff.name.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::kind_told;

    #[test]
    fn who_complains_of_what_is_known_only_when_it_is_one_of_them() {
        for (words, kind) in [
            ("consumer", Some("consumer")),
            ("Als consument", Some("consumer")),
            ("Zakelijk", Some("business")),
            ("product", Some("product")),
            ("de dienstverlening", Some("service")),
            ("consument of zakelijk", None),
            ("niet meer dan nodig", None),
            ("", None),
        ] {
            assert_eq!(kind_told(words), kind, "{words:?}");
        }
    }
}
