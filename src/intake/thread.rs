//! The keys by which a letter may belong to a complaint. The store resolves them.

use super::headers::Headers;
use crate::domain::house::Mailbox;
use crate::domain::mail::Keys;
use crate::domain::reference::Reference;

/// Message-IDs that are looked at in one header; a longer chain is cut at its old end.
const MOST_IDS: usize = 50;

/// The keys of a mail. `recipients` as they stood in the mail, whatever their case.
pub(super) fn keys(mailbox: &Mailbox, recipients: &[String], subject: &str, headers: &Headers) -> Keys {
    let newest = |name| {
        let ids = headers.message_ids(name);
        ids[ids.len().saturating_sub(MOST_IDS)..].to_vec()
    };
    Keys {
        reference: reference_in(subject),
        token: recipients
            .iter()
            .find_map(|r| token_in(mailbox, r))
            .or_else(|| headers.all("received").find_map(|value| token_in(mailbox, received_for(value)?))),
        in_reply_to: newest("in-reply-to"),
        references: newest("references"),
    }
}

/// The first reference of ours in a subject whose check character is right.
fn reference_in(subject: &str) -> Option<String> {
    let words = subject.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.filter_map(|word| word.trim_matches('-').parse::<Reference>().ok()).map(|r| r.to_string()).next()
}

/// For whom a server took the mail; some say it nowhere else (RFC 5321 section 4.4).
fn received_for(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once(" for ")?;
    Some(rest.split([' ', ';']).next()?.trim_matches(['<', '>']))
}

/// What stands between the delimiter and the `@` of our own address.
fn token_in(mailbox: &Mailbox, recipient: &str) -> Option<String> {
    let plain = mailbox.without_token(recipient);
    if plain == recipient || !mailbox.is_own(&plain) {
        return None;
    }
    let (local, _) = recipient.rsplit_once('@')?;
    let (_, token) = local.split_once(mailbox.delimiter.as_str())?;
    (!token.is_empty()).then(|| token.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::mail::Party;

    #[test]
    fn a_token_whatever_its_case_and_wherever_it_stands() {
        let mailbox = Mailbox {
            name: "x".to_owned(),
            procedure: "x".to_owned(),
            from: Party { name: None, email: "Directie@omnistock.test".to_owned() },
            aliases: vec!["klachten@omnistock.test".to_owned()],
            delimiter: "+".to_owned(),
            trusted_authserv: String::new(),
            form_senders: Vec::new(),
            roles: BTreeMap::new(),
        };
        for address in [
            "directie+b.42.TAG@omnistock.test",
            "DIRECTIE+b.42.TAG@OMNISTOCK.TEST",
            "klachten+b.42.TAG@omnistock.test",
        ] {
            let found = keys(&mailbox, &[address.to_owned()], "", &Headers::default()).token;
            assert_eq!(found.as_deref(), Some("b.42.TAG"), "{address}");
        }
        let block = "Received: from a by b (c) with ESMTP id 1 for <directie+b.42.TAG@omnistock.test>; Mon";
        assert_eq!(keys(&mailbox, &[], "", &Headers::parse(block)).token.as_deref(), Some("b.42.TAG"));
        assert_eq!(
            keys(&mailbox, &["jan+b.42.TAG@omnistock.test".to_owned()], "", &Headers::default()).token,
            None
        );
    }

    #[test]
    fn a_reference_among_words() {
        let reference = Reference::new(2026, 42).to_string();
        for subject in [
            format!("Re: [{reference}] Factuur"),
            format!("FW: klacht {};", reference.to_lowercase()),
            format!("(zaak:{reference})"),
        ] {
            assert_eq!(reference_in(&subject).as_deref(), Some(reference.as_str()), "{subject}");
        }
        assert_eq!(reference_in("K-2026-00042-Z en 2026-1187"), None);
    }

    #[test]
    fn of_a_long_chain_the_newest_ids_count() {
        let ids: Vec<String> = (0..4 * MOST_IDS).map(|n| format!("<{n}@klant.test>")).collect();
        let mailbox = Mailbox {
            name: "x".to_owned(),
            procedure: "x".to_owned(),
            from: Party { name: None, email: "directie@omnistock.test".to_owned() },
            aliases: Vec::new(),
            delimiter: "+".to_owned(),
            trusted_authserv: String::new(),
            form_senders: Vec::new(),
            roles: BTreeMap::new(),
        };
        let headers = Headers::parse(&format!("References: {}", ids.join("\n ")));
        let found = keys(&mailbox, &[], "", &headers).references;
        assert_eq!(found.len(), MOST_IDS);
        assert_eq!(found.last().map(String::as_str), Some(&*format!("{}@klant.test", 4 * MOST_IDS - 1)));
    }
}
