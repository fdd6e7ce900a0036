//! The file, the files in conf.d, the environment.

use klachtd::config::Inbox;

use super::{LEAST, Site};

#[test]
fn drop_ins_merge_tables_and_add_to_lists() {
    let second = LEAST.replace("omnistock", "websec");
    let site = Site::new(format!("{LEAST}[store]\npath = \"one\"\n[limits]\nnotices_per_hour = 1\n"))
        .with("conf.d/20-store.toml", "[store]\npath = \"../three\"\n")
        .with(
            "conf.d/10-websec.toml",
            format!("{second}[store]\npath = \"two\"\n[limits]\nstaff_mails_per_day = 2\n"),
        )
        .with("conf.d/.#30.toml", "not TOML")
        .with("conf.d/README", "not TOML");
    let config = site.config();
    assert_eq!(config.store, site.path("conf.d/../three"), "the last file counts");
    assert_eq!(config.house.limits.notices_per_hour, 1);
    assert_eq!(config.house.limits.staff_mails_per_day, 2);
    let names: Vec<&str> = config.mailboxes.iter().map(|mailbox| mailbox.name.as_str()).collect();
    assert_eq!(names, ["omnistock", "websec"]);
    let Inbox::Maildir(inbox) = &config.mailboxes[1].inbox else { panic!("a Maildir") };
    assert_eq!(inbox.path, site.path("conf.d/inbox"), "relative to the file in which it stands");
}

#[test]
fn faults_in_a_drop_in_name_that_file() {
    let bad = "[[mailbox]]\nname = \"websec\"\nfrom = \"x\"\n[limits]\nnotices_per_hour = \"many\"\n[paths]\nprocedure = 1\n";
    let told = Site::new(LEAST)
        .with("conf.d/10.toml", bad)
        .with("conf.d/20.toml", "[limits]\nnotices_per_hour = 1\n")
        .told();
    for start in [
        "conf.d/10.toml: mailbox[0].from: \"x\"",
        "conf.d/10.toml: mailbox[0].procedure: missing",
        "conf.d/10.toml: limits.notices_per_hour: \"many\"",
        "conf.d/10.toml: paths.procedure: unknown key; expected perhaps procedures",
    ] {
        assert_eq!(told.lines().filter(|line| line.starts_with(start)).count(), 1, "{start} in\n{told}");
    }
    let told =
        Site::new(LEAST).with("conf.d/10.toml", LEAST.replace("path = \"inbox\"", "path = \"in\"")).told();
    assert_eq!(
        told,
        "conf.d/10.toml: mailbox[0].name: two mailboxes of the name \"omnistock\"; \
         the other is mailbox[0] in klachtd.toml; expected a name of its own"
    );
}

#[test]
fn the_environment_counts_last() {
    let site = Site::new(format!("{LEAST}[store]\npath = \"one\"\n"))
        .set("KLACHTD__STORE__PATH", "two")
        .set("KLACHTD__LIMITS__NOTICES_PER_HOUR", "7")
        .set("KLACHTD__LIMITS__ALARM_AFTER", "1h")
        .set("KLACHTD_LOG", "debug")
        .set("KLACHTD", "x");
    let config = site.config();
    assert_eq!(config.store, site.path("two"), "relative to the main file");
    assert_eq!(config.socket, site.path("two/control.sock"));
    assert_eq!(config.house.limits.notices_per_hour, 7);
    assert_eq!(config.house.limits.alarm_after_seconds, 3600);
}

#[test]
fn faults_in_the_environment_name_the_variable() {
    let rows = [
        ("KLACHTD__STORE__PTH", "x", "store.pth: unknown key; expected perhaps path"),
        (
            "KLACHTD__STORES__PATH",
            "x",
            "stores.path: \"stores\" is no table that the environment can set; expected perhaps store",
        ),
        (
            "KLACHTD__MAILBOX__0__NAME",
            "x",
            "mailbox.0.name: \"mailbox\" is no table that the environment can set; \
             expected one of paths, store, control, limits",
        ),
        ("KLACHTD__STORE", "x", "store: unknown key; expected one of path"),
        ("KLACHTD__STORE__PATH__X", "x", "store.path.x: unknown key; expected one of path"),
        ("KLACHTD__store__PATH", "x", "store.path: not in upper case; expected KLACHTD__STORE__PATH"),
        (
            "KLACHTD__LIMITS__NOTICES_PER_HOUR",
            "many",
            "limits.notices_per_hour: \"many\" is not right; expected a whole number, 0 to 4294967295; 0 means no limit",
        ),
        (
            "KLACHTD__STORE__PATH",
            "",
            "store.path: \"\" is not right; expected a path, relative to the file in which it stands",
        ),
    ];
    for (name, value, expected) in rows {
        let told = Site::new(LEAST).set(name, value).told();
        assert_eq!(told, format!("environment {name}: {expected}"));
    }
}
