//! Commands and their exit codes (sysexits.h), with and without a running service.

use std::fs;

use crate::common::{CUSTOMER1, DIRECTIE, Mailhost, mails_in};
use crate::site::{MAILDIRS, Site, complaint, eventually, klachtd, omnistock};

#[test]
fn some_commands_need_no_configuration() {
    klachtd(&["terms", "--procedure", "omnistock", "--received", "2026-03-02"], b"")
        .ends(0, &["Monday 16 March 2026"]);
    klachtd(&["preview", "acknowledgement", "--language", "en"], b"").ends(0, &["Subject: ["]);
    let read = klachtd(&["read", "--json", "-"], complaint("a@klant.test").as_bytes()).ends(0, &[]).json();
    assert_eq!((&read["class"], &read["answerable"]), (&"letter".into(), &true.into()));
    let sample = klachtd(&["config", "example"], b"").ends(0, &[]).text();
    let parsed: toml::Table = sample.parse().unwrap();
    assert!(parsed.contains_key("mailbox"), "{sample}");
    klachtd(&["config", "schema"], b"").ends(0, &["properties"]);
}

/// `klachtd … | head -1`: whoever reads has gone.
#[test]
fn output_that_nobody_reads_any_more_ends_a_command_quietly() {
    for arguments in [
        &["terms", "--procedure", "omnistock", "--received", "2026-03-02"][..],
        &["preview", "acknowledgement", "--json"],
        &["config", "example"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_klachtd"));
        let ended = command.args(arguments).env_remove("KLACHTD_CONFIG").stdout(writer).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!((ended.status.code(), &*said), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn a_mailbox_that_was_taken_out_leaves_its_complaints_readable() {
    let site = Site::new(MAILDIRS);
    site.run_with(&["ingest", "omnistock"], complaint("een@klant.test").as_bytes())
        .ends(0, &["complaint K-"]);
    let reference = site.json(&["list"])[0]["reference"].as_str().unwrap().to_owned();
    let other = MAILDIRS.replace("name = \"omnistock\"", "name = \"other\"");
    site.write("klachtd.toml", &other);
    for filter in [&["--open"][..], &["--state", "open"], &["--due-within", "300d"], &[]] {
        let list = site.run(&[&["list"], filter].concat());
        list.ends(0, &[&reference, "1 complaint"]);
    }
    assert_eq!(site.json(&["list", "--handler", "nobody@omnistock.test"]).as_array().unwrap().len(), 0);
    site.run(&["show", &reference]).ends(0, &[&reference, "WHAT WAS PROMISED"]);
    site.run(&["show", &reference, "--letter", "1"]).ends(0, &["Mijn bestelling"]);
    site.run(&["show", &reference, "--letter", "1", "--raw"]).ends(0, &["Subject: "]);
    let notice = site.json(&["show", &reference])["notices"][0]["id"].to_string();
    site.run(&["show", &reference, "--notice", &notice]).ends(0, &["Subject: "]);
}

#[test]
fn what_is_typed_wrong_is_named() {
    let site = Site::new(MAILDIRS);
    site.run(&["list", "--sideways"]).ends(64, &["--sideways"]);
    site.run(&["frobnicate"]).ends(64, &["frobnicate"]);
    site.run(&["show", "K-2026-00042-X"]).ends(65, &["K-2026-00042-X", "klachtd list"]);
    site.run(&["outbox", "drop", "7"]).ends(65, &["7", "outbox list"]);
    site.run(&["terms", "--procedure", "nope", "--received", "2026-03-02"]).ends(65, &["nope", "omnistock"]);
    site.run(&["terms", "--procedure", "omnistock", "--received", "soon"]).ends(65, &["soon", "RFC 3339"]);
    site.run(&["read", "absent.eml"]).ends(65, &["absent.eml"]);
    klachtd(&["--config", "/absent/klachtd.toml", "list"], b"").ends(78, &["/absent/klachtd.toml"]);
}

#[test]
fn a_bad_configuration_is_refused_with_file_and_key() {
    let site = Site::new(&MAILDIRS.replace("procedure = \"omnistock\"", "procedure = \"omnistok\""));
    for command in [&["check", "--offline"][..], &["run"], &["run", "--once"], &["list"]] {
        site.run(command).ends(78, &["klachtd.toml", "procedure", "omnistok"]);
    }
    site.write("klachtd.toml", &MAILDIRS.replace("[store]", "[store]\npth = \"x\""));
    site.run(&["check", "--offline"]).ends(78, &["klachtd.toml", "pth"]);
    site.run(&["run"]).ends(78, &["klachtd.toml", "pth"]);
    site.write("klachtd.toml", MAILDIRS);
    site.run(&["check", "--offline"]).ends(0, &["all is well"]);
}

#[test]
fn a_mail_is_taken_from_a_pipe_with_and_without_the_service() {
    let site = Site::new(MAILDIRS);
    site.run_with(&["ingest", "omnistock"], complaint("een@klant.test").as_bytes())
        .ends(0, &["complaint K-"]);
    assert_eq!(site.json(&["list"]).as_array().unwrap().len(), 1);
    site.run(&["status"]).ends(69, &["no service is running"]);
    let service = site.start();
    site.run(&["run"]).ends(75, &["in use"]);
    site.run(&["run", "--once"]).ends(75, &["in use"]);
    let file = site.path("twee.eml");
    fs::write(&file, complaint("twee@klant.test").replace("Mijn bestelling", "De bestelling")).unwrap();
    site.run(&["ingest", "omnistock", file.to_str().unwrap()]).ends(0, &["complaint K-"]);
    assert_eq!(site.json(&["list"]).as_array().unwrap().len(), 2);
    site.run_with(&["ingest", "omnistock"], complaint("een@klant.test").as_bytes()).ends(0, &[]);
    assert_eq!(site.json(&["list"]).as_array().unwrap().len(), 2, "the same mail again");
    site.run_with(&["ingest", "nowhere"], b"Subject: x\n\nx").ends(75, &["nowhere", "omnistock"]);
    site.run_with(&["ingest", "omnistock"], &vec![b'x'; 116 << 20]).ends(65, &["expected at most"]);
    // One acknowledgement and one alert each.
    eventually("four notices", || (mails_in(&site.path("outbox")).len() == 4).then_some(()));
    service.stop();
    site.run(&["run", "--once"]).ends(0, &[]);
    assert_eq!(mails_in(&site.path("outbox")).len(), 4);
}

#[test]
fn what_was_set_aside_is_decided_about_with_and_without_the_service() {
    let site = Site::new(MAILDIRS);
    let forged = |id: &str, words: &str| {
        let raw = complaint(id).replace("Mijn bestelling", words);
        // No sender: nobody could be answered.
        raw.lines()
            .filter(|line| !line.starts_with("From:"))
            .fold(String::new(), |all, line| all + line + "\n")
    };
    let take = |raw: &str| site.run_with(&["ingest", "omnistock"], raw.as_bytes());
    take(&forged("een@klant.test", "Deze bestelling")).ends(0, &["set_aside"]);
    take(&forged("twee@klant.test", "Onze bestelling")).ends(0, &["set_aside"]);
    let list = site.json(&["quarantine", "list"]);
    let id = |n: usize| list[n]["id"].as_str().unwrap().to_owned();
    let (first, second) = (id(0), id(1));
    site.run(&["quarantine", "list"]).ends(0, &[&first, "no usable sender address"]);
    site.run(&["quarantine", "show", &first]).ends(0, &["Because", "no usable sender address", "bestelling"]);
    let raw = site.run(&["quarantine", "show", &first, "--raw"]).ends(0, &[]).out;
    assert_eq!(raw.len(), usize::try_from(list[0]["size"].as_u64().unwrap()).unwrap());
    site.run(&["quarantine", "retry"]).ends(64, &["--all"]);
    site.run(&["quarantine", "retry", "--all"]).ends(0, &[&first, &second, "set_aside"]);
    let service = site.start();
    assert_eq!(site.json(&["quarantine", "list"]), list);
    site.run(&["quarantine", "release", &first]).ends(65, &["klachtd add"]);
    site.run(&["quarantine", "drop", &first]).ends(0, &["ignored", "dropped by"]);
    site.run(&["quarantine", "drop", &first]).ends(65, &["not any more", "quarantine list"]);
    service.stop();
    assert_eq!(site.json(&["quarantine", "list"]).as_array().unwrap().len(), 1);
    site.run(&["quarantine", "drop", &second]).ends(0, &["ignored"]);
    assert_eq!(site.json(&["quarantine", "list"]).as_array().unwrap().len(), 0);
    site.run(&["verify"]).ends(0, &[]);
}

#[test]
fn check_tells_a_refused_login_from_a_host_that_is_away() {
    let Some(host) = Mailhost::start(&[]) else { return };
    let right = omnistock(&host);
    let site = Site::new(&right);
    let check = |config: &str, code, words: &[&str]| {
        site.write("klachtd.toml", config);
        site.run(&["check"]).ends(code, words);
    };
    check(&right, 0, &["all is well"]);
    let plain = right.replace(&host.port("imaps").to_string(), &host.port("imap").to_string());
    check(&plain.replace("tls = \"implicit\"", "tls = \"none\""), 0, &["all is well"]);
    check(&plain.replace("tls = \"implicit\"", "tls = \"starttls\""), 0, &["all is well"]);
    let no_ca = right.replace(&format!("ca = \"{}\"\n", host.ca().display()), "");
    check(&no_ca, 78, &["mailbox[0].inbox", "certificate"]);
    check(&right.replace("ca.pem", "nergens.pem"), 78, &["nergens.pem"]);
    check(
        &right.replace("imap.secret", "absent.secret"),
        78,
        &["absent.secret", "mailbox[0].inbox.password"],
    );
    let away = right
        .replace(&host.port("imaps").to_string(), "1")
        .replace(&host.port("submission").to_string(), "1");
    check(&away, 69, &["mailbox[0].inbox", "mailbox[0].outbox", "refused"]);
    site.run(&["check", "--offline"]).ends(0, &["all is well"]);
    site.run(&["run", "--once"]).ends(69, &[]);
    site.write("imap.secret", "fout");
    check(&right, 78, &["klachtd.toml", "mailbox[0].inbox", "AUTHENTICATIONFAILED"]);
    site.run(&["check", "--offline"]).ends(0, &[]);
    site.write("imap.secret", DIRECTIE.1);
    site.write("smtp.secret", "fout");
    check(&right, 78, &["mailbox[0].outbox", "535"]);
    site.write("smtp.secret", DIRECTIE.1);
    greylisted(&host, &site);
}

#[test]
fn a_ca_file_that_the_way_out_cannot_use_is_a_bad_configuration() {
    let smtp = "kind = \"smtp\"\nhost = \"localhost\"\nport = 1\ntls = \"implicit\"\nca = \"own.pem\"";
    let site = Site::new(&MAILDIRS.replace("kind = \"maildir\"\npath = \"outbox\"", smtp));
    site.write("own.pem", "no certificate");
    site.run(&["check"]).ends(78, &["own.pem"]);
}

/// A customer's server says "later": the pass ends with something left; the answer is kept.
fn greylisted(host: &Mailhost, site: &Site) {
    host.run("reply", &[CUSTOMER1.0, "450 4.2.0 greylisted, try again"]);
    host.deliver(DIRECTIE.0, &complaint("grijs@klant.test"));
    site.run(&["run", "--once"]).ends(75, &[]);
    let list = site.json(&["outbox", "list"]);
    assert_eq!(list[0]["status"], "queued", "{list}");
    assert!(list[0]["smtp_reply"].as_str().unwrap().starts_with("450 "), "{list}");
    host.run("reply", &["--clear"]);
    site.run(&["outbox", "retry", "--all"]).ends(0, &["1 to be tried again now"]);
    site.run(&["run", "--once"]).ends(0, &[]);
    eventually("the acknowledgement", || (host.mails(CUSTOMER1.0, "").len() == 1).then_some(()));
}

#[test]
fn encryption_that_is_not_offered_is_not_gone_without() {
    let Some(host) = Mailhost::start(&["--mta", "none", "--dovecot", "ssl = no"]) else { return };
    let config = omnistock(&host).replace(&host.port("imaps").to_string(), &host.port("imap").to_string());
    let site = Site::new(&config.replace("tls = \"implicit\"", "tls = \"starttls\""));
    site.run(&["check"]).ends(78, &["mailbox[0].inbox", "STARTTLS"]);
}
