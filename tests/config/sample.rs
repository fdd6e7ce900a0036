//! The sample and the JSON schema.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use klachtd::config::{Config, Inbox, Outbox, example, schema};

use super::Site;

/// `a.b` for every key of a TOML table; elements of lists share a key.
fn keys_of_toml(value: &toml::Value, at: &str, keys: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (name, child) in table {
                let key = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                keys.insert(key.clone());
                if !matches!(name.as_str(), "password" | "roles") {
                    keys_of_toml(child, &key, keys);
                }
            }
        }
        toml::Value::Array(list) => list.iter().for_each(|child| keys_of_toml(child, at, keys)),
        _ => {}
    }
}

/// The same for a JSON schema.
fn keys_of_schema(schema: &serde_json::Value, at: &str, keys: &mut BTreeSet<String>) {
    for (name, child) in schema["properties"].as_object().into_iter().flatten() {
        let key = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        keys.insert(key.clone());
        if !matches!(name.as_str(), "password" | "roles") {
            keys_of_schema(child, &key, keys);
        }
    }
    keys_of_schema_parts(schema, at, keys);
}

fn keys_of_schema_parts(schema: &serde_json::Value, at: &str, keys: &mut BTreeSet<String>) {
    for variant in schema["oneOf"].as_array().into_iter().flatten() {
        keys_of_schema(variant, at, keys);
    }
    if schema["items"].is_object() {
        keys_of_schema(&schema["items"], at, keys);
    }
}

/// The sample with everything in force that is commented out: the first kinds, and the others.
fn uncommented() -> [String; 2] {
    let lines: Vec<String> = example()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => rest.to_owned(),
            _ => line.to_owned(),
        })
        .collect();
    [false, true].map(|other| {
        let mut seen = BTreeSet::new();
        let mut skip = false;
        let mut text = String::new();
        for line in &lines {
            if line.starts_with('[') {
                let first = seen.insert(line);
                let twice = lines.iter().filter(|same| *same == line).count() == 2;
                skip = twice && first == other;
            }
            if !skip {
                text.push_str(line);
                text.push('\n');
            }
        }
        text
    })
}

#[test]
fn the_sample_loads_as_it_is_and_with_all_it_shows() {
    Site::new(example()).config();
    let [first, other] = uncommented();
    let site = Site::new(first);
    let config = site.config();
    assert_eq!(config.paths.procedures, Some(site.path("procedures")));
    assert!(
        matches!(&config.mailboxes[0].inbox, Inbox::Imap(imap) if imap.ca == Some(site.path("own-ca.pem")))
    );
    let config = Site::new(other).config();
    assert!(matches!(config.mailboxes[0].inbox, Inbox::Maildir(_)));
    assert!(matches!(config.mailboxes[0].outbox, Outbox::Maildir { .. }));
}

#[test]
fn the_sample_and_the_schema_have_the_keys_of_the_contract() {
    let contract = "control control.socket limits limits.alarm_after limits.message_size \
        limits.notices_per_complaint_per_day limits.notices_per_hour limits.notices_per_sender_per_day \
        limits.staff_mails_per_day mailbox mailbox.aliases mailbox.delimiter mailbox.form_senders mailbox.from \
        mailbox.inbox mailbox.inbox.ca mailbox.inbox.folder mailbox.inbox.host mailbox.inbox.kind \
        mailbox.inbox.password mailbox.inbox.path mailbox.inbox.poll mailbox.inbox.port mailbox.inbox.processed \
        mailbox.inbox.quarantine mailbox.inbox.timeout mailbox.inbox.tls mailbox.inbox.user mailbox.name \
        mailbox.outbox mailbox.outbox.ca mailbox.outbox.data_timeout mailbox.outbox.host mailbox.outbox.kind \
        mailbox.outbox.password mailbox.outbox.path mailbox.outbox.port mailbox.outbox.timeout mailbox.outbox.tls \
        mailbox.outbox.user mailbox.procedure mailbox.roles mailbox.trusted_authserv paths paths.procedures \
        paths.templates staff staff.email staff.language staff.mailboxes staff.name staff.roles store store.path";
    let contract: BTreeSet<String> = contract.split_whitespace().map(str::to_owned).collect();
    let mut sample = BTreeSet::new();
    for text in uncommented() {
        keys_of_toml(&toml::Value::Table(text.parse().unwrap()), "", &mut sample);
    }
    assert_eq!(sample, contract);
    let mut known = BTreeSet::new();
    keys_of_schema(&schema(), "", &mut known);
    assert_eq!(known, contract);
}

#[test]
fn the_schema_says_what_is_required_and_what_is_the_default() {
    let schema = schema();
    assert_eq!(schema["additionalProperties"], false);
    let mailbox = &schema["properties"]["mailbox"]["items"];
    assert_eq!(mailbox["required"], serde_json::json!(["name", "procedure", "from", "inbox", "outbox"]));
    assert_eq!(mailbox["properties"]["delimiter"]["default"], "+");
    let imap = &mailbox["properties"]["inbox"]["oneOf"][0];
    assert_eq!(imap["properties"]["kind"]["const"], "imap");
    assert_eq!(imap["required"], serde_json::json!(["kind", "host", "user", "password"]));
    assert_eq!(schema["properties"]["limits"]["properties"]["notices_per_hour"]["default"], 300);
}

#[test]
fn every_key_of_the_sample_has_a_comment() {
    let sample = example();
    let lines: Vec<&str> = sample.lines().collect();
    for pair in lines.windows(2) {
        if pair[1].trim_start_matches('#').starts_with(|c: char| c.is_ascii_lowercase()) {
            assert!(pair[0].starts_with("# "), "{:?} has no comment", pair[1]);
        }
    }
}

#[test]
fn the_sample_in_the_tree_is_the_one_that_is_printed() {
    let kept = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/klachtd.toml")).unwrap();
    assert_eq!(kept, example(), "run: klachtd config example > config/klachtd.toml");
}

#[test]
fn the_configurations_in_the_tree_load() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut loaded = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "toml") {
            let config = Config::load_with(&file, &BTreeMap::new())
                .unwrap_or_else(|told| panic!("{}: {told}", file.display()));
            assert!(config.paths.procedures.is_some(), "the procedures beside {} are used", file.display());
            loaded += 1;
        }
    }
    assert!(loaded > 0, "no file was loaded");
}
