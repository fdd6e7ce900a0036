//! Where a procedure file contradicts its published text or itself. A mailbox that uses such a procedure is refused.

use std::fmt;

use super::{Force, Procedure};

/// Something in a procedure that must be mended before it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key in the file, such as `terms[respond].quote`; `text` for the published text.
    pub key: String,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.key, self.message)
    }
}

/// Roles that an address or a member of staff may have.
const ROLES: [&str; 8] =
    ["handler", "manager", "board", "committee", "confidant", "receiver", "substitute", "operator"];

/// Who besides a role may be the one that acts.
const OTHER_ACTORS: [&str; 2] = ["system", "complainant"];

/// Notices to the complainant, by the names of the files and of the templates.
const NOTICES: [&str; 14] = [
    "ack",
    "acknowledgement",
    "please_write",
    "record_for_agreement",
    "info_request",
    "handler_changed",
    "extension",
    "progress",
    "referral",
    "outcome",
    "review_received",
    "interview_invitation",
    "review_outcome",
    "closing",
];

/// The notices in which an external body can be named.
const EXTERNAL_OFFERS: [&str; 3] = ["referral", "outcome", "review_outcome"];

/// The notices in which a review can be offered.
const REVIEW_OFFERS: [&str; 1] = ["outcome"];

/// What a notice can be obliged to state.
const STATEMENTS: [&str; 26] = [
    "action",
    "complaint_points",
    "conclusion",
    "external_body",
    "findings",
    "handler",
    "handler_contact",
    "handler_role",
    "investigation",
    "minutes",
    "new_date",
    "objection_due",
    "old_date",
    "policy_followed",
    "procedure",
    "process_changes",
    "questions",
    "reason",
    "received",
    "reference",
    "respond_due",
    "review_due",
    "review_option",
    "reviewed",
    "settlement",
    "settlement_date",
];

impl Procedure {
    /// Everything in which this procedure contradicts `text`, its published text, or itself; empty when nothing.
    pub fn faults(&self, text: &str) -> Vec<Fault> {
        let mut faults = self.quote_faults(text);
        faults.extend(self.unfilled_faults(text));
        faults.extend(self.address_faults());
        faults.extend(self.term_faults());
        faults.extend(self.extension_faults());
        faults.extend(self.route_faults());
        faults.extend(self.reference_faults());
        faults.extend(self.statement_faults());
        faults
    }

    /// Every quote must stand in the published text, word for word; where its lines break is layout.
    fn quote_faults(&self, text: &str) -> Vec<Fault> {
        let text = words(text);
        let stands = |quote: &str| !quote.trim().is_empty() && text.contains(&words(quote));
        let quotes = self.written.iter().filter(|written| last_key(&written.key) == "quote");
        let missing = quotes.filter(|quote| !stands(&quote.value));
        missing.map(|q| fault(&q.key, format!("does not stand in {}: \"{}\"", self.text, q.value))).collect()
    }

    /// No "[EMAIL DIENSTVERLENER]" may be left, in the file or in the published text.
    fn unfilled_faults(&self, text: &str) -> Vec<Fault> {
        let in_file = self.written.iter().map(|written| (written.key.as_str(), written.value.as_str()));
        let places = in_file.filter(|(key, _)| !key.starts_with("intake.patterns")).chain([("text", text)]);
        let found = places.flat_map(|(key, value)| unfilled(value).map(move |hole| (key, hole)));
        found.map(|(key, hole)| fault(key, format!("{hole} is not filled in"))).collect()
    }

    fn address_faults(&self) -> Vec<Fault> {
        let roles = self.roles.iter().map(|(role, address)| (format!("roles.{role}"), address));
        let addresses = self.intake.addresses.iter().map(|address| ("intake.addresses".to_owned(), address));
        let wrong = roles.chain(addresses).filter(|(_, address)| !is_address(address));
        let mut faults: Vec<_> = wrong
            .map(|(key, address)| fault(&key, format!("is \"{address}\", expected an address")))
            .collect();
        if !self.roles.contains_key("handler") {
            faults.push(fault("roles.handler", "is missing, expected an address".into()));
        }
        let unknown = self.roles.keys().filter(|role| !ROLES.contains(&role.as_str()));
        faults.extend(unknown.map(|role| fault(&format!("roles.{role}"), expected("role", role, &ROLES))));
        faults
    }

    fn term_faults(&self) -> Vec<Fault> {
        let known = |who: &str| ROLES.contains(&who) || OTHER_ACTORS.contains(&who);
        let unknown = self.terms.iter().filter(|term| !known(&term.who));
        unknown
            .map(|term| fault(&format!("terms[{}].who", term.id), expected("role", &term.who, &ROLES)))
            .collect()
    }

    /// A promise that nothing here keeps must not look kept: nobody is asked for consent, and an extension is told to
    /// the complainant alone.
    fn extension_faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (term, extend) in self.terms.iter().filter_map(|term| Some((term, term.extend.as_ref()?))) {
            let key = |name: &str| format!("terms[{}].extend.{name}", term.id);
            if extend.consent_after {
                let message =
                    "consent is not asked for yet; expected false, and `max` or `times` for the limit";
                faults.push(fault(&key("consent_after"), message.to_owned()));
            }
            let others = extend.notify.iter().filter(|who| *who != "complainant");
            faults.extend(others.map(|who| {
                let message = format!("`{who}` is not told of an extension yet, expected [\"complainant\"]");
                fault(&key("notify"), message)
            }));
        }
        faults
    }

    /// Staff are asked one question about a new complaint: whether it is one of a consumer about a product.
    fn route_faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (index, route) in self.route.iter().enumerate() {
            let asked = (route.when.subject.as_deref(), route.when.complainant.as_deref());
            if asked != (Some("product"), Some("consumer")) {
                let message =
                    "is not asked of staff, expected { subject = \"product\", complainant = \"consumer\" }";
                faults.push(fault(&format!("route[{index}].when"), message.to_owned()));
            } else if index > 0 {
                let message = "staff are asked about the first route only, expected one";
                faults.push(fault(&format!("route[{index}]"), message.to_owned()));
            }
        }
        faults
    }

    /// What names something else in the file must name something that is there.
    fn reference_faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let Some(review) = &self.review {
            let window = review.window.as_deref();
            let is_window = |id| self.term(id).is_some_and(|term| term.force == Force::Window);
            if let Some(id) = window.filter(|id| !is_window(id)) {
                faults.push(fault("review.window", format!("`{id}` names no term of force window")));
            }
            if self.role(&review.by).is_none() {
                faults.push(fault("review.by", format!("`{}` has no address in roles", review.by)));
            }
        }
        for (index, route) in self.route.iter().enumerate() {
            if self.external(&route.refer).is_none() {
                let key = format!("route[{index}].refer");
                faults.push(fault(&key, format!("`{}` names no external body", route.refer)));
            }
        }
        for body in &self.external {
            let key = format!("external[{}].offer_in", body.id);
            let unknown = body.offer_in.iter().filter(|notice| !EXTERNAL_OFFERS.contains(&notice.as_str()));
            faults.extend(unknown.map(|notice| fault(&key, expected("notice", notice, &EXTERNAL_OFFERS))));
        }
        let offered = self.review.iter().flat_map(|review| &review.offer_in);
        let unknown = offered.filter(|notice| !REVIEW_OFFERS.contains(&notice.as_str()));
        faults.extend(
            unknown.map(|notice| fault("review.offer_in", expected("notice", notice, &REVIEW_OFFERS))),
        );
        faults
    }

    fn statement_faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (notice, statements) in &self.must_state {
            let key = format!("must_state.{notice}");
            if !NOTICES.contains(&notice.as_str()) {
                faults.push(fault(&key, expected("notice", notice, &NOTICES)));
            }
            let unknown = statements.iter().filter(|statement| !STATEMENTS.contains(&statement.as_str()));
            faults.extend(unknown.map(|name| fault(&key, expected("placeholder", name, &STATEMENTS))));
        }
        faults
    }
}

fn fault(key: &str, message: String) -> Fault {
    Fault { key: key.to_owned(), message }
}

fn expected(what: &str, name: &str, known: &[&str]) -> String {
    format!("unknown {what} `{name}`, expected one of {}", known.join(", "))
}

/// The words with one space between them.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn last_key(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// Enough to catch what was left empty or mistyped; the mail server judges the rest.
fn is_address(address: &str) -> bool {
    let whole = !address.contains(|c: char| c.is_whitespace() || c.is_control());
    whole && address.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

/// The holes of a model text: at least three capitals and spaces between square brackets.
fn unfilled(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('[').filter_map(|(at, _)| {
        let hole = &text[at..=at + text[at..].find(']')?];
        let inside = &hole[1..hole.len() - 1];
        let shouted = inside.chars().all(|c| c.is_uppercase() || c.is_whitespace() || "-_/".contains(c));
        (shouted && inside.chars().filter(|c| c.is_uppercase()).count() >= 3).then_some(hole)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_found_and_other_brackets_are_not() {
        let text = "mail naar [EMAIL DIENSTVERLENER] of [zie onder], [1], [NL] of [ADRESGEGEVENS";
        assert_eq!(unfilled(text).collect::<Vec<_>>(), ["[EMAIL DIENSTVERLENER]"]);
        assert_eq!(unfilled("[[AAA]").collect::<Vec<_>>(), ["[AAA]"]);
    }

    #[test]
    fn addresses() {
        assert!(is_address("directie@omnistock.nl"));
        for wrong in ["", "@omnistock.nl", "directie@", "directie", "a b@c.nl"] {
            assert!(!is_address(wrong), "{wrong}");
        }
    }
}
