//! The values that may stand at a key, each a type that holds only what is right.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use config::ValueKind;
use serde_json::json;

use crate::domain::mail::{Language, Party};

use super::Secret;
use super::read::{self, Field, Node, Reader, Shape};
use crate::tls::TlsMode;

/// The roles that a procedure can give to somebody, and `operator`, who hears of alarms.
pub(super) const ROLES: [&str; 7] =
    ["handler", "manager", "board", "committee", "confidant", "receiver", "operator"];

/// The longest duration that is taken for meant, in seconds: ten years.
const LONGEST: u64 = 3650 * 24 * 60 * 60;

/// Reads a duration as people write it: "60s", "2m", "3d".
///
/// # Errors
/// What was expected.
pub fn duration(text: &str) -> Result<std::time::Duration, String> {
    <Span as Text>::parse(text)
        .map(|Span(span)| span)
        .ok_or_else(|| format!("expected {}", <Span as Text>::EXPECTED))
}

/// The largest message size, in bytes: a mail is read into memory.
const LARGEST: u64 = 1_000_000_000;

/// A value that is written as a string.
trait Text: Sized {
    /// What is right, for people.
    const EXPECTED: &'static str;

    /// Reads it.
    fn parse(text: &str) -> Option<Self>;

    /// Its JSON schema.
    fn schema() -> serde_json::Value {
        json!({ "type": "string", "description": Self::EXPECTED })
    }
}

/// A string without control characters, not empty.
fn plain(text: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(char::is_control)
}

macro_rules! text_field {
    ($($type:ty),+ $(,)?) => { $(
        impl Field for $type {
            const SHAPE: Shape = Shape::Value(<$type as Text>::schema);

            fn read(node: &Node<'_>, reader: &mut Reader<'_>) -> Option<Self> {
                let read = node.text().and_then(<$type as Text>::parse);
                if read.is_none() {
                    let problem = format!("{} is not right", read::describe(node));
                    reader.fault(node, problem, <$type as Text>::EXPECTED);
                }
                read
            }
        }
    )+ };
}

text_field!(String, Word, Sender, Address, Host, Delimiter, Role, Span, Size, Language, TlsMode);

impl Text for String {
    const EXPECTED: &'static str = "text, not empty, without control characters";

    fn parse(text: &str) -> Option<Self> {
        plain(text).then(|| text.to_owned())
    }
}

/// Letters, digits, `-`, `_` and `.`: names that stand in commands and in keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word(pub(super) String);

impl Text for Word {
    const EXPECTED: &'static str = "1 to 64 letters, digits, \"-\", \"_\" or \".\"";

    fn parse(text: &str) -> Option<Self> {
        let right = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        (matches!(text.len(), 1..=64) && text.chars().all(right)).then(|| Self(text.to_owned()))
    }
}

/// An address (RFC 5321 section 4.1.2) in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address(pub(super) String);

impl Text for Address {
    const EXPECTED: &'static str = "an address, \"jan@example.org\" (a domain beyond ASCII as xn--…)";

    fn parse(text: &str) -> Option<Self> {
        let right = text.is_ascii() && text.parse::<lettre::Address>().is_ok();
        right.then(|| Self(text.to_ascii_lowercase()))
    }
}

/// A name and an address, or an address alone (RFC 5322 section 3.4). The name is taken as people write it: a full
/// stop or a comma in it needs no quotes, though quotes may stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sender(pub(super) Party);

impl Text for Sender {
    const EXPECTED: &'static str = "\"Name <address@example.org>\" or \"address@example.org\"";

    fn parse(text: &str) -> Option<Self> {
        let (name, address) = match text.trim().strip_suffix('>') {
            Some(start) => start.rsplit_once('<')?,
            None => ("", text.trim()),
        };
        let name = name.trim().trim_matches('"').trim();
        let name_is_right = !name.chars().any(|c| c.is_control() || matches!(c, '<' | '>' | '"'));
        let (local, domain) = address.trim().rsplit_once('@')?;
        let email = format!("{local}@{}", domain.to_ascii_lowercase());
        Address::parse(&email)?;
        let name = (!name.is_empty()).then(|| name.to_owned());
        name_is_right.then_some(Self(Party { name, email }))
    }
}

/// A host name (RFC 1123 section 2.1) or an IP address, without brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host(pub(super) String);

impl Text for Host {
    const EXPECTED: &'static str = "a host name or an IP address, without scheme and port";

    fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        let label = |label: &str| {
            matches!(label.len(), 1..=63)
                && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        };
        let name = bare.len() <= 253 && bare.trim_end_matches('.').split('.').all(label);
        (name || bare.parse::<IpAddr>().is_ok()).then(|| Self(bare.to_owned()))
    }
}

/// What stands between address and token (RFC 5233 calls it the separator); empty when the server has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delimiter(pub(super) String);

impl Text for Delimiter {
    const EXPECTED: &'static str = "one of + - = _ . or nothing, \"\"";

    fn parse(text: &str) -> Option<Self> {
        matches!(text, "" | "+" | "-" | "=" | "_" | ".").then(|| Self(text.to_owned()))
    }

    fn schema() -> serde_json::Value {
        json!({ "enum": ["+", "-", "=", "_", ".", ""] })
    }
}

/// One of [`ROLES`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Role(pub(super) String);

impl Text for Role {
    const EXPECTED: &'static str =
        "handler, manager, board, committee, confidant, receiver or operator (in lower case)";

    fn parse(text: &str) -> Option<Self> {
        ROLES.contains(&text).then(|| Self(text.to_owned()))
    }

    fn schema() -> serde_json::Value {
        json!({ "enum": ROLES })
    }
}

/// A time span above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

impl Text for Span {
    const EXPECTED: &'static str =
        "a whole number above 0 and s, m, h or d: \"60s\", \"2m\", \"1h\", \"3d\" (at most 3650d)";

    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = number_and_unit(text)?;
        let seconds: u64 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            "d" => 24 * 60 * 60,
            _ => return None,
        };
        let total = number.checked_mul(seconds).filter(|total| (1..=LONGEST).contains(total))?;
        Some(Self(Duration::from_secs(total)))
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "pattern": "^[0-9]+ ?[smhd]$", "description": Self::EXPECTED })
    }
}

/// A number of bytes above zero. `kB`, `MB` and `GB` are powers of 1,000, `KiB`, `MiB` and `GiB` of 1,024 (IEC 80000-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

impl Text for Size {
    const EXPECTED: &'static str =
        "a whole number above 0 and B, kB, MB, GB, KiB, MiB or GiB: \"50 MB\" (at most 1 GB)";

    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = number_and_unit(text)?;
        let bytes: u64 = match unit {
            "B" => 1,
            "kB" | "KB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        number.checked_mul(bytes).filter(|total| (1..=LARGEST).contains(total)).map(Self)
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "pattern": "^[0-9]+ ?([kKMG]i?)?B$", "description": Self::EXPECTED })
    }
}

/// `50 MB` as `(50, "MB")`; the space may be left out.
fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    Some((number.parse().ok()?, unit.strip_prefix(' ').unwrap_or(unit)))
}

impl Text for Language {
    const EXPECTED: &'static str = "\"nl\" or \"en\"";

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == text)
    }

    fn schema() -> serde_json::Value {
        json!({ "enum": Self::ALL.map(Self::code) })
    }
}

impl Text for TlsMode {
    const EXPECTED: &'static str = "\"implicit\", \"starttls\" or \"none\"";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "implicit" => Some(Self::Implicit),
            "starttls" => Some(Self::StartTls),
            "none" => Some(Self::None),
            _ => None,
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "enum": ["implicit", "starttls", "none"] })
    }
}

/// `trusted_authserv`: a host, or empty when no server's headers count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostOrNone(pub(super) String);

impl Text for HostOrNone {
    const EXPECTED: &'static str = "a host name, \"mx.example.org\", or nothing, \"\"";

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(String::new()));
        }
        Host::parse(text).map(|Host(host)| Self(host))
    }
}

text_field!(HostOrNone);

/// A whole number. From the environment it comes as a string.
fn number(node: &Node<'_>) -> Option<i64> {
    match node.kind() {
        ValueKind::I64(number) => Some(*number),
        ValueKind::String(text) if read::from_environment(node) => text.parse().ok(),
        _ => None,
    }
}

macro_rules! number_field {
    ($type:ty, $from:ident, $least:literal, $expected:literal) => {
        impl Field for $type {
            const SHAPE: Shape = Shape::Value(
                || json!({ "type": "integer", "minimum": $least, "maximum": $from::MAX, "description": $expected }),
            );

            fn read(node: &Node<'_>, reader: &mut Reader<'_>) -> Option<Self> {
                let read = number(node)
                    .filter(|number| *number >= $least)
                    .and_then(|number| $from::try_from(number).ok());
                if read.is_none() {
                    reader.fault(node, format!("{} is not right", read::describe(node)), $expected);
                }
                read.map(<$type>::from)
            }
        }
    };
}

/// A TCP port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Port(pub(super) u16);

impl From<u16> for Port {
    fn from(port: u16) -> Self {
        Self(port)
    }
}

number_field!(Port, u16, 1, "a port, 1 to 65535");
number_field!(u32, u32, 0, "a whole number, 0 to 4294967295; 0 means no limit");

/// Made absolute: a relative path is relative to the file in which it stands.
impl Field for PathBuf {
    const SHAPE: Shape = Shape::Value(|| json!({ "type": "string", "description": PATH }));

    fn read(node: &Node<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let path = node
            .text()
            .filter(|text| plain(text))
            .and_then(|text| std::path::absolute(reader.directory(node).join(text)).ok());
        if path.is_none() {
            reader.fault(node, format!("{} is not right", read::describe(node)), PATH);
        }
        path
    }
}

const PATH: &str = "a path, relative to the file in which it stands";

/// Who has a role: role to address, as in `roles = { handler = "jan@example.org" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Roles(pub(super) BTreeMap<String, String>);

impl Field for Roles {
    const SHAPE: Shape = Shape::Value(|| {
        let address = <Address as Text>::schema();
        let properties: serde_json::Map<_, _> =
            ROLES.iter().map(|role| ((*role).to_owned(), address.clone())).collect();
        json!({ "type": "object", "properties": properties, "additionalProperties": false })
    });

    fn read(node: &Node<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(entries) = node.entries() else {
            let expected = "a table of roles, { handler = \"jan@example.org\" }";
            reader.fault(node, format!("{} is not a table", read::describe(node)), expected);
            return None;
        };
        let mut roles = BTreeMap::new();
        for (role, child) in &entries {
            if ROLES.contains(role) {
                if let Some(Address(address)) = Address::read(child, reader) {
                    roles.insert((*role).to_owned(), address);
                }
            } else {
                reader.fault(child, "unknown role", read::nearest(role, &ROLES));
            }
        }
        (roles.len() == entries.len()).then_some(Self(roles))
    }
}

/// Where a secret stands. What is wrong is told without what stood there: it may be the secret itself.
impl Field for Secret {
    const SHAPE: Shape = Shape::Value(|| {
        let source = |name: &str| {
            json!({ "type": "object", "required": [name], "additionalProperties": false,
                    "properties": { name: { "type": "string" } } })
        };
        json!({ "oneOf": [source("credential"), source("file"), source("env")] })
    });

    fn read(node: &Node<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let expected = "{ credential = \"name\" }, { file = \"path\" } or { env = \"NAME\" }";
        let entries = node.entries().unwrap_or_default();
        let Some((source, child)) = entries.first_key_value().filter(|_| entries.len() == 1) else {
            reader.fault(node, "a secret never stands in the configuration itself", expected);
            return None;
        };
        let place = reader.place(node);
        let secret = match (*source, child.text()) {
            ("credential", Some(name)) => Word::parse(name)
                .filter(|Word(name)| !name.starts_with('.'))
                .map(|Word(name)| Self::credential(place, name)),
            ("file", Some(_)) => PathBuf::read(child, reader).map(|path| Self::file(place, path)),
            ("env", Some(name)) if plain(name) && !name.contains('=') => {
                Some(Self::environment(place, name.to_owned()))
            }
            _ => None,
        };
        if secret.is_none() {
            reader.fault(child, "names no place where a secret can stand", expected);
        }
        secret
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        let seconds = |text| Span::parse(text).map(|Span(span)| span.as_secs());
        for (text, expected) in [("60s", 60), ("2m", 120), ("15 m", 900), ("1h", 3600), ("3d", 259_200)] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "60",
            "s",
            "0s",
            "-1s",
            "1.5h",
            "1w",
            "1S",
            "1  s",
            "3651d",
            "99999999999999999999d",
            "1h30m",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_have_a_number_and_a_unit() {
        let bytes = |text| Size::parse(text).map(|Size(size)| size);
        for (text, expected) in [("50 MB", 50_000_000), ("1MiB", 1_048_576), ("10 kB", 10_000), ("7 B", 7)] {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
        for text in ["", "50", "MB", "0 MB", "2 GB", "50 mb", "1 TB", "18446744073709551615 GB"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    #[test]
    fn senders_are_read_as_people_write_them() {
        let sender = |text| Sender::parse(text).map(|Sender(party)| (party.name, party.email));
        let named = |name: &str| Some((Some(name.to_owned()), "klacht@klant.test".to_owned()));
        assert_eq!(sender("J. de Vries, klachten <klacht@klant.test>"), named("J. de Vries, klachten"));
        assert_eq!(sender("\"Klachten\" <klacht@KLANT.test>"), named("Klachten"));
        assert_eq!(sender("Café Zuid <klacht@klant.test>"), named("Café Zuid"));
        assert_eq!(sender("Klacht@localhost"), Some((None, "Klacht@localhost".to_owned())));
        for text in
            ["", "Klachten", "Klachten <klacht>", "<>", "a <b@c.test", "a\r\nBcc: x <b@c.test>", "k@ü.test"]
        {
            assert_eq!(sender(text), None, "{text}");
        }
    }

    #[test]
    fn hosts_have_no_scheme_and_no_port() {
        for text in ["imap.klant.test", "localhost", "127.0.0.1", "::1", "[::1]", "mail_1.klant.test."] {
            assert!(Host::parse(text).is_some(), "{text}");
        }
        for text in ["", "imap://klant.test", "klant.test:993", "klant test", ".", "a..b", "ü.test"] {
            assert!(Host::parse(text).is_none(), "{text}");
        }
    }
}
