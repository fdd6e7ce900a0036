//! Who wrote, by which form, and to whom (RFC 5322 sections 3.4 and 3.6.2).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use mail_parser::{Address, HeaderName, HeaderValue, Message};
use regex::Regex;

use super::headers::Headers;
use super::read::{Reading, clean};
use crate::domain::mail::Party;

/// An address in running text, for headers that follow no grammar.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
        .expect("a pattern of ours is right: the tests of this file use it")
});

/// From, Reply-To, and the form through which the mail came.
#[derive(Debug)]
pub(super) struct Sender {
    /// The first usable From.
    pub(super) from: Option<Party>,
    /// The first usable Reply-To; for a form only when it is not the form itself.
    pub(super) reply_to: Option<Party>,
    /// The address of the listed form sender.
    pub(super) relay: Option<String>,
}

impl Sender {
    /// Reads the headers; what is odd about them is said.
    pub(super) fn of(
        message: &Message,
        headers: &Headers,
        reading: &Reading,
        oddities: &mut Vec<String>,
    ) -> Self {
        let most = reading.limits.addresses;
        let count = headers.all("from").count();
        if count > 1 {
            oddities.push(format!("it has {count} From headers; the first usable one counts"));
        }
        let from = party(message, HeaderName::From, most).or_else(|| loose(headers, "from", oddities));
        if from.is_none() {
            oddities.push("it has no usable From address".to_owned());
        }
        let is_form =
            |email: &str| reading.mailbox.form_senders.iter().any(|f| f.eq_ignore_ascii_case(email));
        let relay = from.as_ref().filter(|p| is_form(&p.email)).map(|p| p.email.to_lowercase());
        let reply_to = party(message, HeaderName::ReplyTo, most);
        let reply_to = reply_to.filter(|p| relay.is_none() || !is_form(&p.email));
        Self { from, reply_to, relay }
    }

    /// From; of a form Reply-To, else its field `email`.
    pub(super) fn complainant(&self, fields: &BTreeMap<String, String>) -> Option<Party> {
        if self.relay.is_none() {
            return self.from.clone();
        }
        let name = fields.get("name").cloned();
        if let Some(party) = self.reply_to.clone() {
            return Some(Party { name: party.name.or(name), ..party });
        }
        let email = fields.get("email").and_then(|text| ADDRESS.find(text))?.as_str();
        usable(email).map(|email| Party { name, email })
    }
}

fn party(message: &Message, name: HeaderName<'static>, most: usize) -> Option<Party> {
    let lists = message.header_values(name).filter_map(HeaderValue::as_address);
    lists.flat_map(Address::iter).take(most).find_map(|address| {
        let email = usable(address.address.as_deref()?)?;
        let name = address.name.as_deref().map(clean).filter(|name| !name.is_empty());
        Some(Party { name, email })
    })
}

/// The first thing that looks like an address in a header that the parser made nothing of.
fn loose(headers: &Headers, name: &str, oddities: &mut Vec<String>) -> Option<Party> {
    let found = headers.all(name).find_map(|value| ADDRESS.find(value))?;
    let email = usable(found.as_str())?;
    oddities.push(format!("its {name} header is malformed; the address in it was taken"));
    Some(Party { name: None, email })
}

/// The bare address, its domain in lower case; `None` when nobody can be reached by it.
fn usable(address: &str) -> Option<String> {
    let address = address.trim().trim_matches(['<', '>', '"', '\'', ';', ',']);
    // A source route (RFC 5321 appendix C): only what stands after it counts.
    let address = match address.rsplit_once(':') {
        Some((route, rest)) if route.starts_with('@') => rest,
        _ => address,
    };
    let (local, domain) = address.rsplit_once('@')?;
    let odd = |c: char| c.is_whitespace() || c.is_control() || "<>(),;:\"[]\\@".contains(c);
    let dotted = domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.');
    let right =
        !local.is_empty() && dotted && address.len() <= 254 && !local.contains(odd) && !domain.contains(odd);
    right.then(|| format!("{local}@{}", domain.to_lowercase()))
}

/// To, Cc, Delivered-To, X-Original-To and Envelope-To addresses as they stand there, without repeats.
pub(super) fn recipients(
    message: &Message,
    headers: &Headers,
    most: usize,
    oddities: &mut Vec<String>,
) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let delivered = ["delivered-to", "x-original-to", "envelope-to"].into_iter().flat_map(|n| headers.all(n));
    let listed = [HeaderName::To, HeaderName::Cc].into_iter().flat_map(|n| message.header_values(n));
    let listed = listed.filter_map(HeaderValue::as_address).flat_map(Address::iter);
    let all =
        delivered.map(str::to_owned).chain(listed.filter_map(|a| a.address.as_deref().map(str::to_owned)));
    for address in all.filter_map(|a| usable(&a)) {
        if found.len() == most {
            oddities.push(format!("it has more than {most} recipients; the rest was not looked at"));
            break;
        }
        if !found.iter().any(|f| f.eq_ignore_ascii_case(&address)) {
            found.push(address);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::usable;

    #[test]
    fn routes_brackets_and_cases() {
        assert_eq!(usable("<@relay.test:Jan@Klant.TEST>").as_deref(), Some("Jan@klant.test"));
        assert_eq!(usable(" 'jan@klant.test' ").as_deref(), Some("jan@klant.test"));
        for wrong in
            ["", "jan", "jan@", "@klant.test", "jan@klant", "jan @klant.test", "a@b@klant.test", "x@.test"]
        {
            assert_eq!(usable(wrong), None, "{wrong}");
        }
    }
}
