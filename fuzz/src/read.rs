//! Any bytes as a mail, in the mailbox of each procedure: an answer within the limits, and the same one again.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use klachtd::domain::house::{House, Limits, Mailbox};
use klachtd::domain::mail::{Class, Letter, Party};
use klachtd::intake::read::{ReadLimits, Reading, read};
use klachtd::rules::{Rules, Ruling};

/// The Message-ID that counts as signed by us.
const SIGNED: &str = "k1.bericht.c2lnbmVk@omnistock.test";

/// Limits that small mails reach.
const TIGHT: ReadLimits = ReadLimits { header_bytes: 2_000, parts: 6, depth: 3, text: 400, addresses: 3 };

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::load(None).0);

static HOUSE: LazyLock<House> = LazyLock::new(|| House {
    mailboxes: RULES.all().map(mailbox).collect(),
    staff: Vec::new(),
    limits: Limits::default(),
});

/// As in the fixtures, so that they are read here as there.
fn mailbox(ruling: &Ruling) -> Mailbox {
    let id = &ruling.procedure.id;
    Mailbox {
        name: id.clone(),
        procedure: id.clone(),
        from: Party { name: None, email: format!("directie@{id}.test") },
        aliases: vec![format!("klachten@{id}.test")],
        delimiter: "+".to_owned(),
        trusted_authserv: "mx.omnistock.test".to_owned(),
        form_senders: vec!["formulier@website.test".to_owned()],
        roles: BTreeMap::new(),
    }
}

fn letter(raw: &[u8], procedure: usize, limits: ReadLimits) -> Letter {
    let mailbox = &HOUSE.mailboxes[procedure];
    let ruling = RULES.get(&mailbox.procedure).expect("each mailbox was made of a procedure");
    let reading = Reading {
        mailbox,
        house: &HOUSE,
        patterns: &ruling.patterns,
        languages: &ruling.procedure.languages,
        limits,
        is_ours: &|id| id == SIGNED,
    };
    read(raw, &reading)
}

fn check(letter: &Letter, limits: ReadLimits) {
    assert!(!letter.oddities.iter().any(|odd| odd.contains("could not be understood")));
    assert!(letter.text.chars().count() + letter.quoted.chars().count() <= limits.text, "too much text");
    assert!(letter.attachments.len() <= limits.parts, "{} attachments", letter.attachments.len());
    assert!(letter.recipients.len() <= limits.addresses, "{} recipients", letter.recipients.len());
    assert!(letter.keys.references.len() <= 50, "{} references", letter.keys.references.len());
    assert!(letter.class == Class::Letter || !letter.answerable, "a machine is answered");
    assert!(!letter.answerable || letter.from.is_some(), "nobody is answered");
    assert!(letter.answerable || !letter.reasons.is_empty(), "silence without a reason");
    let parties = [&letter.from, &letter.reply_to].into_iter().flatten();
    let names = parties.flat_map(|party| [Some(&party.email), party.name.as_ref()]).flatten();
    for line in names.chain([&letter.subject]).chain(&letter.relay).chain(&letter.message_id) {
        assert!(!line.contains(char::is_control) && line.chars().count() <= 998, "not one line: {line:?}");
    }
}

/// One input.
pub(crate) fn one(raw: &[u8]) {
    // The whole input is the mail, so that each find is a fixture; its length says how it is looked at.
    let limits = if raw.len().is_multiple_of(4) { TIGHT } else { ReadLimits::default() };
    let procedure = raw.len() % HOUSE.mailboxes.len();
    let first = letter(raw, procedure, limits);
    check(&first, limits);
    assert_eq!(letter(raw, procedure, limits), first, "read twice");
    let json = serde_json::to_string(&first).expect("a letter can be written as JSON");
    assert_eq!(serde_json::from_str::<Letter>(&json).expect("and read again"), first, "after its JSON");
}
