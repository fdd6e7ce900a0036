//! Who wrote, by which form, and to whom (RFC 5322 sections 3.4 and 3.6.2).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use mail_parser::{Address, HeaderName, HeaderValue, Message};
use regex::Regex;

use super::headers::Headers;
use super::read::{Reading, clean};
use crate::domain::house::House;
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
    /// The first usable Reply-To; for a form only when it is not the form itself or an address of ours.
    pub(super) reply_to: Option<Party>,
    /// The address of the listed form sender.
    pub(super) relay: Option<String>,
    /// How many different senders it names: more than one, and nobody knows who wrote it.
    pub(super) count: usize,
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
        let addresses = distinct(message, HeaderName::From, most);
        if count < 2 && addresses > 1 {
            oddities
                .push(format!("its From header names {addresses} addresses; the first usable one counts"));
        }
        let from = party(message, HeaderName::From, most).or_else(|| loose(headers, "from", oddities));
        if from.is_none() {
            oddities.push("it has no usable From address".to_owned());
        }
        let is_form =
            |email: &str| reading.mailbox.form_senders.iter().any(|f| f.eq_ignore_ascii_case(email));
        let relay = from.as_ref().filter(|p| is_form(&p.email)).map(|p| p.email.to_lowercase());
        let reply_to = party(message, HeaderName::ReplyTo, most);
        let is_ours = |email: &str| is_form(email) || reading.house.is_own(email);
        let reply_to = reply_to.filter(|p| relay.is_none() || !is_ours(&p.email));
        Self { from, reply_to, relay, count: addresses }
    }

    /// Whether this is an address that the sender gave as his own.
    pub(super) fn wrote_as(&self, address: &str) -> bool {
        let given = [self.from.as_ref(), self.reply_to.as_ref()].into_iter().flatten();
        given.map(|party| &party.email).any(|own| own.eq_ignore_ascii_case(address))
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

/// The first usable address of the headers of this name, with its display name.
pub(super) fn party(message: &Message, name: HeaderName<'static>, most: usize) -> Option<Party> {
    let lists = message.header_values(name).filter_map(HeaderValue::as_address);
    lists.flat_map(Address::iter).take(most).find_map(|address| {
        let email = usable(address.address.as_deref()?)?;
        let name = address.name.as_deref().map(clean).filter(|name| !name.is_empty());
        Some(Party { name, email })
    })
}

/// How many different usable addresses stand in the headers of this name.
fn distinct(message: &Message, name: HeaderName<'static>, most: usize) -> usize {
    let lists = message.header_values(name).filter_map(HeaderValue::as_address);
    let all = lists.flat_map(Address::iter).take(most).filter_map(|a| usable(a.address.as_deref()?));
    all.map(|address| address.to_lowercase()).collect::<BTreeSet<_>>().len()
}

/// Name and address as programs show them in a text: "Jan <jan@…>", "Jan [mailto:jan@…]"; `None` without an address.
pub(super) fn shown(text: &str) -> Option<Party> {
    let found = ADDRESS.find(text)?;
    let email = usable(found.as_str())?;
    let before = text[..found.start()].trim_end_matches("mailto:");
    let name = clean(before.trim_matches(|c: char| c.is_whitespace() || "<[(\"'*".contains(c)));
    Some(Party { name: Some(name).filter(|name| !name.is_empty()), email })
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

/// Headers in which mail servers say to whom they delivered.
const DELIVERED: &[&str] = &[
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "x-delivered-to",
    "x-forwarded-to",
    "x-real-to",
    "apparently-to",
    "resent-to",
];

/// To, Cc, Delivered-To, X-Original-To and other delivery addresses as they stand there, without repeats.
pub(super) fn recipients(
    message: &Message,
    headers: &Headers,
    most: usize,
    unreadable: &mut Option<String>,
) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let delivered = DELIVERED.iter().copied().flat_map(|n| headers.all(n));
    let listed = [HeaderName::To, HeaderName::Cc].into_iter().flat_map(|n| message.header_values(n));
    let listed = listed.filter_map(HeaderValue::as_address).flat_map(Address::iter);
    let all =
        delivered.map(str::to_owned).chain(listed.filter_map(|a| a.address.as_deref().map(str::to_owned)));
    for address in all.filter_map(|a| usable(&a)) {
        if found.len() == most {
            *unreadable = Some(format!("it has more than {most} recipients; the rest was not looked at"));
            break;
        }
        if !found.iter().any(|f| f.eq_ignore_ascii_case(&address)) {
            found.push(address);
        }
    }
    found
}

/// Whether a mail came from our own envelope address: what is sent back to it would come here again.
pub(super) fn is_from_ourselves(headers: &Headers, house: &House) -> bool {
    headers.all("return-path").filter_map(usable).any(|address| house.is_own(&address))
}

/// Whether every mailing list that a mail names is an address of ours, as with a group mailbox.
pub(super) fn is_own_list(headers: &Headers, house: &House) -> bool {
    // A List-Id has the address with a dot for the `@` (RFC 2919 section 2).
    let own_id = |id: &str| {
        let id = id.rsplit('<').next().unwrap_or_default().trim_matches(['>', ' ']);
        id.match_indices('.').any(|(at, _)| house.is_own(&format!("{}@{}", &id[..at], &id[at + 1..])))
    };
    let own_address = |value: &str| ADDRESS.find_iter(value).any(|found| house.is_own(found.as_str()));
    let ids: Vec<&str> = headers.all("list-id").collect();
    let posts: Vec<&str> =
        ["list-post", "x-beenthere", "mailing-list"].into_iter().flat_map(|name| headers.all(name)).collect();
    !(ids.is_empty() && posts.is_empty())
        && ids.iter().all(|id| own_id(id) || own_address(id))
        && posts.iter().all(|value| own_address(value))
}

/// Whether the envelope sender encodes a recipient of the mail, as senders to many do to know whose mail came back.
pub(super) fn is_verp(headers: &Headers, recipients: &[String]) -> bool {
    let paths: Vec<String> = headers.all("return-path").map(str::to_ascii_lowercase).collect();
    let encoded = |address: &String| {
        let (local, domain) = address.rsplit_once('@')?;
        Some(format!("{local}={domain}").to_ascii_lowercase())
    };
    let codes: Vec<String> = recipients.iter().filter_map(encoded).collect();
    paths.iter().any(|path| codes.iter().any(|code| path.contains(code.as_str())))
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
