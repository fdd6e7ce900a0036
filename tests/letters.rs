//! One mail, one expectation: every `tests/letters/**/*.eml` is read and compared with the `.expect` beside it.
//!
//! An expectation is JSON that the letter must contain: every key in it must be there and equal; of `reasons` and
//! `oddities` each expected one must be a part of a real one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use klachtd::domain::house::{House, Limits, Mailbox};
use klachtd::domain::mail::{Class, Language, Letter, Party};
use klachtd::intake::fields::Patterns;
use klachtd::intake::read::{ReadLimits, Reading, read};
use proptest::prelude::*;
use serde_json::Value;

/// The Message-ID that counts as signed by us.
const SIGNED: &str = "k1.bericht.c2lnbmVk@omnistock.test";

fn mailbox() -> Mailbox {
    Mailbox {
        name: "omnistock".to_owned(),
        procedure: "omnistock".to_owned(),
        from: Party {
            name: Some("OmniStock Directie".to_owned()),
            email: "directie@omnistock.test".to_owned(),
        },
        aliases: vec!["klachten@omnistock.test".to_owned()],
        delimiter: "+".to_owned(),
        trusted_authserv: "mx.omnistock.test".to_owned(),
        form_senders: vec!["formulier@website.test".to_owned()],
        roles: BTreeMap::new(),
    }
}

fn letter(raw: &[u8]) -> Letter {
    let mailbox = mailbox();
    let house = House { mailboxes: vec![mailbox.clone()], staff: Vec::new(), limits: Limits::default() };
    let sources = BTreeMap::from([
        (
            "order_number".to_owned(),
            r"(?i)\b(?:order|bestel|factuur)(?:nummer|\s+number)?\s*:?\s*#?([A-Z]?\d[\d-]{3,})".to_owned(),
        ),
        ("phone".to_owned(), r"((?:\+31|0031|\b0)[\s-]?(?:\d[\s-]?){9})\b".to_owned()),
    ]);
    let ask_for = ["name", "email", "phone", "about", "description", "order_number"].map(str::to_owned);
    let patterns = Patterns::compile(&sources, &ask_for).expect("patterns of the test are right");
    let reading = Reading {
        mailbox: &mailbox,
        house: &house,
        patterns: &patterns,
        languages: &Language::ALL,
        limits: ReadLimits::default(),
        is_ours: &|id| id == SIGNED,
    };
    read(raw, &reading)
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Where `real` is not as expected, in words.
fn differences(at: &str, expected: &Value, real: &Value, found: &mut Vec<String>) {
    match (expected, real) {
        (Value::Object(expected), Value::Object(real)) => {
            for (key, value) in expected {
                differences(&format!("{at}.{key}"), value, real.get(key).unwrap_or(&Value::Null), found);
            }
        }
        (Value::Array(expected), Value::Array(real)) if matches!(at, ".reasons" | ".oddities") => {
            let said = |words: &str| real.iter().any(|r| r.as_str().is_some_and(|r| r.contains(words)));
            let missing = expected.iter().filter_map(Value::as_str).filter(|words| !said(words));
            found.extend(missing.map(|words| format!("{at}: {words:?} is not in {real:?}")));
        }
        (Value::Array(expected), Value::Array(real)) if expected.len() == real.len() => {
            for (n, (expected, real)) in expected.iter().zip(real).enumerate() {
                differences(&format!("{at}[{n}]"), expected, real, found);
            }
        }
        _ if expected == real => {}
        _ => found.push(format!("{at}: expected {expected}, is {real}")),
    }
}

#[test]
fn every_letter_is_read_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/letters");
    let mails = files(&folder, "eml");
    let mut faults = Vec::new();
    for path in &mails {
        let expected =
            fs::read_to_string(path.with_extension("expect")).expect("an .expect beside each .eml");
        let expected: Value = serde_json::from_str(&expected).expect("an .expect is JSON");
        let real = serde_json::to_value(letter(&fs::read(path).expect("readable"))).expect("serializable");
        let mut found = Vec::new();
        differences("", &expected, &real, &mut found);
        let name = path.strip_prefix(&folder).unwrap_or(path).display();
        faults.extend(found.into_iter().map(|fault| format!("{name}{fault}")));
    }
    assert!(mails.len() >= 30, "only {} letters were found", mails.len());
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_expectation_has_its_letter() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/letters");
    for path in files(&folder, "expect") {
        assert!(path.with_extension("eml").exists(), "{} has no .eml", path.display());
    }
}

/// Mails that are meant to hurt: name, bytes.
fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let opened = (0..10_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n"));
    let nested = opened.collect::<String>() + "Content-Type: text/plain\n\nklacht\n";
    let nested = format!("From: jan@klant.test\nSubject: klacht\n{nested}");
    let wide = format!(
        "From: jan@klant.test\nContent-Type: multipart/mixed; boundary=b\n\n{}--b--\n",
        "--b\nContent-Type: text/plain\n\nx\n".repeat(10_000)
    );
    let attached = "Content-Type: message/rfc822\n\n".repeat(500);
    // The parser recurses as deep as this goes; nothing catches a stack that is full.
    let attached_deep = format!("From: a@b.test\n{}x", "Content-Type: message/rfc822\n\n".repeat(33_000));
    let encoded_deep = format!(
        "From: a@b.test\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{}",
        data_encoding::BASE64.encode(attached_deep.as_bytes())
    );
    let html =
        |body: String| format!("From: jan@klant.test\nContent-Type: text/html\n\n{body}klacht").into_bytes();
    let noise = (0_u32..200_000).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    let recipients: Vec<String> = (0..20_000).map(|n| format!("a{n}@b.test")).collect();
    vec![
        ("nested parts", nested.into_bytes()),
        ("many parts", wide.into_bytes()),
        ("mails in mails", attached.into_bytes()),
        ("mails deep in mails", attached_deep.into_bytes()),
        ("mails deep in an encoded one", encoded_deep.into_bytes()),
        ("nested HTML", html("<div>".repeat(50_000))),
        ("HTML that closes nothing", html("<div></x>".repeat(9000))),
        ("comments that close nothing", html("<ul><!--</a>-->".repeat(9000))),
        ("links", html("<a href=x>y</a>".repeat(40_000))),
        ("noise", noise),
        ("NUL", b"From: a\0b@klant.test\nSubject: \0\n\n\0\0\0".to_vec()),
        ("one long line", vec![b'x'; 3_000_000]),
        ("long header", [b"Subject: ", [b'x'; 2_000_000].as_slice(), b"\n\nx"].concat()),
        ("recipients", format!("To: {}\n\nx", recipients.join(", ")).into_bytes()),
        ("references", format!("References: {}\n\nx", "<a@b.test> ".repeat(50_000)).into_bytes()),
        ("quotes", format!("From: a@b.test\n\n{}", "> ".repeat(500_000)).into_bytes()),
        (
            "attributions",
            format!("From: a@b.test\n\n{}", "Op 3 maart 10:00 schreef\n".repeat(40_000)).into_bytes(),
        ),
        ("empty", Vec::new()),
        ("blank", b"\r\n\r\n".to_vec()),
        ("no headers", b"Mijn printer is stuk.".to_vec()),
    ]
}

#[test]
fn hostile_mail_gives_an_answer() {
    for (name, raw) in hostile() {
        let letter = letter(&raw);
        assert!(letter.text.chars().count() <= ReadLimits::default().text, "{name}");
        assert!(letter.attachments.len() <= ReadLimits::default().parts, "{name}");
        assert!(letter.recipients.len() <= ReadLimits::default().addresses, "{name}");
        assert!(letter.keys.references.len() <= 50, "{name}");
        let limited = matches!(
            name,
            "empty"
                | "blank"
                | "nested parts"
                | "mails deep in mails"
                | "mails deep in an encoded one"
                | "many parts"
                | "long header"
                | "one long line"
                | "recipients"
        );
        assert_eq!(letter.unreadable.is_some(), limited, "{name}: {:?}", letter.unreadable);
        assert!(!(limited || name == "empty") || !letter.oddities.is_empty(), "{name}: nothing odd was said");
    }
}

#[test]
fn every_cut_of_every_letter_gives_an_answer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/letters");
    for path in files(&folder, "eml") {
        let raw = fs::read(&path).expect("readable");
        for end in (0..raw.len()).step_by(211) {
            letter(&raw[..end]);
        }
    }
}

/// A mail of the fixtures and what is done to it: bytes changed, pieces doubled or moved.
fn mutated(raw: &[u8], changes: &[(usize, u8, u8)]) -> Vec<u8> {
    let mut bytes = raw.to_vec();
    for (place, kind, byte) in changes {
        let at = place % bytes.len().max(1);
        let until = (at + usize::from(*byte)).min(bytes.len());
        match kind % 4 {
            0 if at < bytes.len() => bytes[at] = *byte,
            1 => bytes.insert(at.min(bytes.len()), *byte),
            2 => drop(bytes.drain(at.min(until)..until)),
            _ => bytes.extend_from_within(at.min(until)..until),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Reading never fails: a panic would be caught and set aside, and this would not find it in the oddities.
    #[test]
    fn any_change_of_a_letter_is_read(
        choice in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..40),
    ) {
        let mails = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/letters"), "eml");
        let raw = fs::read(choice.get(&mails)).expect("readable");
        let letter = letter(&mutated(&raw, &changes));
        prop_assert!(!letter.oddities.iter().any(|odd| odd.contains("could not be understood")));
        prop_assert!(letter.class == Class::Letter || !letter.answerable);
        prop_assert!(!letter.answerable || letter.from.is_some());
    }

    #[test]
    fn any_bytes_are_read(raw in prop::collection::vec(any::<u8>(), 0..3000)) {
        let letter = letter(&raw);
        prop_assert!(!letter.oddities.iter().any(|odd| odd.contains("could not be understood")));
    }
}

#[test]
fn a_letter_is_the_same_after_its_json() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/letters");
    for path in files(&folder, "eml") {
        let letter = letter(&fs::read(&path).expect("readable"));
        let json = serde_json::to_string(&letter).expect("serializable");
        assert_eq!(serde_json::from_str::<Letter>(&json).expect("readable"), letter, "{}", path.display());
    }
}
