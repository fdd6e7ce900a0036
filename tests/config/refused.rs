//! What is refused, and with which words.

use super::{LEAST, SERVERS, STAFF, Site};

/// Each row: what is replaced in `base`, by what, and the fault that is then told, and no other.
fn refuses(base: &str, rows: &[(&str, &str, &str)]) {
    for (from, to, expected) in rows {
        assert!(base.contains(from), "{from:?} is not in the base");
        let told = Site::new(base.replacen(from, to, 1)).told();
        assert_eq!(told, format!("klachtd.toml: {expected}"), "{from:?} -> {to:?}");
    }
}

#[test]
fn unknown_keys_are_refused_by_name_with_what_was_meant() {
    refuses(
        LEAST,
        &[
            ("\n[[mailbox]]", "[stores]\n[[mailbox]]", "stores: unknown key; expected perhaps store"),
            ("\n[[mailbox]]", "[Store]\n[[mailbox]]", "Store: unknown key; expected store (in lower case)"),
            (
                "\n[[mailbox]]",
                "[store]\npth = \"x\"\n[[mailbox]]",
                "store.pth: unknown key; expected perhaps path",
            ),
            (
                "procedure =",
                "procedure = \"x\"\nalias =",
                "mailbox[0].alias: unknown key; expected perhaps aliases",
            ),
            (
                "path = \"inbox\"",
                "path = \"inbox\"\nhost = \"x\"",
                "mailbox[0].inbox.host: unknown key; expected one of path, processed, quarantine, poll, kind",
            ),
            (
                "from =",
                "roles = { handlr = \"jan@omnistock.test\" }\nfrom =",
                "mailbox[0].roles.handlr: unknown role; expected perhaps handler",
            ),
            (
                "from =",
                "\"a[9999999999]\" = 1\nfrom =",
                "mailbox[0].\"a[9999999999]\": unknown key; expected one of name, procedure, from, aliases, \
                 delimiter, trusted_authserv, form_senders, roles, inbox, outbox",
            ),
            (
                "\n[[mailbox]]",
                "\"mailbox[9999999999]\" = 1\n[[mailbox]]",
                "\"mailbox[9999999999]\": unknown key; expected one of paths, store, control, mailbox, staff, limits",
            ),
        ],
    );
}

#[test]
fn missing_keys_are_named_with_what_they_mean() {
    refuses(
        LEAST,
        &[
            (
                "name = \"omnistock\"\n",
                "",
                "mailbox[0].name: missing; expected it, as in name = \"omnistock\"",
            ),
            ("kind = \"maildir\"\n", "", "mailbox[0].inbox.kind: missing; expected \"imap\" or \"maildir\""),
            (
                "path = \"outbox\"\n",
                "",
                "mailbox[0].outbox.path: missing; expected it, as in path = \"/var/spool/klachtd/outbox\"",
            ),
        ],
    );
    assert_eq!(
        Site::new("").told(),
        "klachtd.toml: mailbox: there is no mailbox; expected at least one [[mailbox]]"
    );
}

#[test]
fn times_sizes_and_counts_are_refused_with_what_is_right() {
    const SPAN: &str =
        "a whole number above 0 and s, m, h or d: \"60s\", \"2m\", \"1h\", \"3d\" (at most 3650d)";
    const SIZE: &str = "a whole number above 0 and B, kB, MB, GB, KiB, MiB or GiB: \"50 MB\" (at most 1 GB)";
    const COUNT: &str = "a whole number, 0 to 4294967295; 0 means no limit";
    let rows = [
        ("alarm_after", "60", SPAN),
        ("alarm_after", "\"60\"", SPAN),
        ("alarm_after", "\"0s\"", SPAN),
        ("alarm_after", "\"1 week\"", SPAN),
        ("alarm_after", "true", SPAN),
        ("message_size", "50", SIZE),
        ("message_size", "\"50\"", SIZE),
        ("message_size", "\"2 TB\"", SIZE),
        ("notices_per_hour", "-1", COUNT),
        ("notices_per_hour", "1.5", COUNT),
        ("notices_per_hour", "4294967296", COUNT),
        ("notices_per_hour", "\"300\"", COUNT),
    ];
    for (key, value, expected) in rows {
        let told = Site::new(format!("{LEAST}[limits]\n{key} = {value}\n")).told();
        assert_eq!(told, format!("klachtd.toml: limits.{key}: {value} is not right; expected {expected}"));
    }
}

#[test]
fn names_and_addresses_are_refused_with_what_is_right() {
    const SENDER: &str = "expected \"Name <address@example.org>\" or \"address@example.org\"";
    const ADDRESS: &str = "expected an address, \"jan@example.org\" (a domain beyond ASCII as xn--…)";
    const WORD: &str = "expected 1 to 64 letters, digits, \"-\", \"_\" or \".\"";
    const FROM: &str = "\"OmniStock <directie@omnistock.test>\"";
    let sender = |shown: &str| format!("mailbox[0].from: {shown} is not right; {SENDER}");
    let address = |key: &str, shown: &str| format!("mailbox[0].{key}: {shown} is not right; {ADDRESS}");
    refuses(
        LEAST,
        &[
            (FROM, "\"directie\"", &sender("\"directie\"")),
            (FROM, "[\"a@b.test\"]", &sender("a list")),
            ("from =", "aliases = [\"a@b.test\", \"a\"]\nfrom =", &address("aliases[1]", "\"a\"")),
            (
                "from =",
                "form_senders = [\"A <a@b.test>\"]\nfrom =",
                &address("form_senders[0]", "\"A <a@b.test>\""),
            ),
            ("from =", "roles = { handler = \"\" }\nfrom =", &address("roles.handler", "\"\"")),
            (
                "from =",
                "delimiter = \"++\"\nfrom =",
                "mailbox[0].delimiter: \"++\" is not right; expected one of + - = _ . or nothing, \"\"",
            ),
            (
                "name = \"omnistock\"",
                "name = \"omni stock\"",
                &format!("mailbox[0].name: \"omni stock\" is not right; {WORD}"),
            ),
            (
                "path = \"inbox\"",
                "path = \"\"",
                "mailbox[0].inbox.path: \"\" is not right; expected a path, relative to the file in which it stands",
            ),
            (
                "kind = \"maildir\"",
                "kind = \"pop3\"",
                "mailbox[0].inbox.kind: \"pop3\" is not known; expected \"imap\" or \"maildir\"",
            ),
        ],
    );
}

#[test]
fn tables_and_lists_are_told_apart() {
    refuses(
        LEAST,
        &[
            ("\n[[mailbox]]", "store = 5\n[[mailbox]]", "store: 5 is not a table; expected a table"),
            (
                "from =",
                "aliases = \"a@b.test\"\nfrom =",
                "mailbox[0].aliases: \"a@b.test\" is not a list; expected a list, [\"…\", \"…\"]",
            ),
        ],
    );
    let told = Site::new("[mailbox]\nname = \"omnistock\"\n").told();
    assert_eq!(told, "klachtd.toml: mailbox: a table is not a list; expected a list of tables, [[mailbox]]");
}

#[test]
fn servers_are_checked() {
    refuses(
        SERVERS,
        &[
            (
                "host = \"imap.omnistock.test\"",
                "host = \"imap.omnistock.test\"\nport = 0",
                "mailbox[0].inbox.port: 0 is not right; expected a port, 1 to 65535",
            ),
            (
                "host = \"imap.omnistock.test\"",
                "host = \"imap.omnistock.test\"\nport = 65536",
                "mailbox[0].inbox.port: 65536 is not right; expected a port, 1 to 65535",
            ),
            (
                "host = \"imap.omnistock.test\"",
                "host = \"imap.omnistock.test\"\nport = \"993\"",
                "mailbox[0].inbox.port: \"993\" is not right; expected a port, 1 to 65535",
            ),
            (
                "imap.omnistock.test",
                "imaps://omnistock.test",
                "mailbox[0].inbox.host: \"imaps://omnistock.test\" is not right; \
                 expected a host name or an IP address, without scheme and port",
            ),
            (
                "host = \"imap.omnistock.test\"",
                "host = \"imap.omnistock.test\"\ntls = \"ssl\"",
                "mailbox[0].inbox.tls: \"ssl\" is not right; expected \"implicit\", \"starttls\" or \"none\"",
            ),
            (
                "host = \"imap.omnistock.test\"",
                "host = \"imap.omnistock.test\"\ntls = \"none\"",
                "mailbox[0].inbox.tls: \"none\" towards \"imap.omnistock.test\", which is not this machine itself; \
                 expected \"implicit\" or \"starttls\"",
            ),
            (
                "host = \"smtp.omnistock.test\"",
                "host = \"localhost.evil.test\"\ntls = \"none\"",
                "mailbox[0].outbox.tls: \"none\" towards \"localhost.evil.test\", which is not this machine itself; \
                 expected \"implicit\" or \"starttls\"",
            ),
            (
                "host = \"smtp.omnistock.test\"\nuser = \"directie\"\n",
                "host = \"smtp.omnistock.test\"\n",
                "mailbox[0].outbox.user: missing, there is a password; expected user and password, or neither",
            ),
            (
                "host = \"imap.omnistock.test\"",
                "host = \"imap.omnistock.test\"\nprocessed = \"inbox\"",
                "mailbox[0].inbox.processed: \"inbox\" has another purpose already; expected a folder of its own",
            ),
        ],
    );
    let (without_password, _) = SERVERS.rsplit_once("password").unwrap();
    assert_eq!(
        Site::new(without_password).told(),
        "klachtd.toml: mailbox[0].outbox.password: missing, there is a user; expected user and password, or neither"
    );
}

#[test]
fn our_own_addresses_hold_no_delimiter() {
    refuses(
        LEAST,
        &[(
            "from = \"OmniStock <directie@omnistock.test>\"",
            "delimiter = \"-\"\nfrom = \"om-ni@omnistock.test\"",
            "mailbox[0].from: \"om-ni@omnistock.test\" has the delimiter \"-\" before the @; \
             expected an address without it, or another delimiter",
        )],
    );
    let bare = LEAST.replace("from =", "delimiter = \"\"\naliases = [\"a+b@omnistock.test\"]\nfrom =");
    assert_eq!(Site::new(bare).config().house.mailboxes[0].delimiter, "");
}

#[test]
fn mailboxes_are_told_apart() {
    let told = Site::new(format!("{LEAST}{LEAST}")).told();
    assert_eq!(
        told,
        "klachtd.toml: mailbox[1].name: two mailboxes of the name \"omnistock\"; \
         the other is mailbox[0] in klachtd.toml; expected a name of its own\n\
         klachtd.toml: mailbox[1].inbox: two mailboxes read one inbox; \
         the other is mailbox[0] in klachtd.toml; expected an inbox of its own"
    );
}

#[test]
fn two_mailboxes_share_an_account_but_no_folder() {
    let second = |folder: &str| {
        let inbox = format!("host = \"IMAP.omnistock.test\"\nfolder = \"{folder}\"");
        SERVERS
            .replace("name = \"omnistock\"", "name = \"second\"")
            .replace("host = \"imap.omnistock.test\"", &inbox)
    };
    Site::new(format!("{SERVERS}{}", second("Klachten"))).config();
    let told = Site::new(format!("{SERVERS}{}", second("inbox"))).told();
    assert!(told.starts_with("klachtd.toml: mailbox[1].inbox: two mailboxes read one inbox; "), "{told}");
}

#[test]
fn staff_is_checked_against_the_mailboxes() {
    let base = format!("{LEAST}{STAFF}");
    refuses(
        &base,
        &[
            (
                "[\"omnistock\"]",
                "[\"omnistok\"]",
                "staff[0].mailboxes: there is no mailbox \"omnistok\"; expected perhaps omnistock",
            ),
            (
                "mailboxes = [\"omnistock\"]",
                "roles = [\"handler\", \"boss\"]",
                "staff[0].roles[1]: \"boss\" is not right; \
                 expected handler, manager, board, committee, confidant, receiver or operator (in lower case)",
            ),
            (
                "mailboxes = [\"omnistock\"]",
                "language = \"de\"",
                "staff[0].language: \"de\" is not right; expected \"nl\" or \"en\"",
            ),
        ],
    );
    assert_eq!(
        Site::new(format!("{base}{}", STAFF.replace("jan@", "JAN@"))).told(),
        "klachtd.toml: staff[1].email: two members of staff with the address \"jan@omnistock.test\"; \
         expected one [[staff]] for a person, with all roles"
    );
}

#[test]
fn many_faults_are_told_at_once_on_one_screen() {
    let text = LEAST
        .replace("name =", "nam =")
        .replace("OmniStock <directie@omnistock.test>", "x")
        .replace("kind = \"maildir\"\npath = \"outbox\"", "kind = \"smtp\"\nport = 0");
    let told = Site::new(text).told();
    for key in ["nam", "name", "from", "outbox.host", "outbox.port"] {
        let line = format!("klachtd.toml: mailbox[0].{key}: ");
        assert_eq!(told.lines().filter(|told| told.starts_with(&line)).count(), 1, "{key} in\n{told}");
    }
    let many = (0..50).map(|n| format!("key_{n} = 1")).collect::<Vec<_>>().join("\n");
    let told = Site::new(format!("{many}\n{LEAST}")).told();
    assert_eq!(told.lines().count(), 21);
    assert!(told.ends_with("… and 30 more"), "{told}");
}
