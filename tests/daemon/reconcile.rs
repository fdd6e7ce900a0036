//! `klachtd reconcile` asks a real Dovecot, and changes nothing there.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;

use serde_json::Value;

use crate::common::{CUSTOMER1, DIRECTIE, Mailhost};
use crate::site::{Site, complaint, eventually, omnistock};

/// Gives IMAP commands, each to its OK.
fn imap(host: &Mailhost, commands: &[&str]) {
    let stream = TcpStream::connect(("127.0.0.1", host.port("imap"))).unwrap();
    let mut server = BufReader::new(stream);
    let login = format!("LOGIN {} {}", DIRECTIE.0, DIRECTIE.1);
    for command in [login.as_str()].iter().chain(commands) {
        server.get_mut().write_all(format!("a {command}\r\n").as_bytes()).unwrap();
        let mut line = String::new();
        while !line.starts_with("a ") {
            line.clear();
            assert!(server.read_line(&mut line).unwrap() > 0, "the server hung up after {command}");
        }
        assert!(line.starts_with("a OK"), "{line} to {command}");
    }
}

/// A mail that has lain in the inbox since 2020 (INTERNALDATE).
fn append_old(host: &Mailhost, raw: &str) {
    let raw = raw.replace('\n', "\r\n");
    imap(host, &[&format!("APPEND INBOX \"02-Mar-2020 10:00:00 +0100\" {{{}+}}\r\n{raw}", raw.len())]);
}

fn reconciled(site: &Site, code: i32) -> Value {
    site.run(&["reconcile", "--json"]).ends(code, &[]).json()
}

fn maildir(host: &Mailhost) -> PathBuf {
    host.path("mail/omnistock.test/directie/Maildir")
}

fn other(id: &str) -> String {
    complaint(id).replace("Mijn", id)
}

fn is_acknowledged(host: &Mailhost, n: usize) {
    eventually("the acknowledgement", || (host.mails(CUSTOMER1.0, "").len() == n).then_some(()));
}

#[test]
fn every_message_of_a_folder_is_accounted_for() {
    let Some(host) = Mailhost::start(&[]) else { return };
    let site = Site::new(&omnistock(&host));
    append_old(&host, &complaint("oud@klant.test"));
    let all = reconciled(&site, 65);
    assert_eq!((&all["seen"], &all["accounted"]), (&1.into(), &0.into()));
    let missing = &all["missing"][0];
    assert_eq!((&missing["message_id"], &missing["why"]), (&"oud@klant.test".into(), &"not_taken".into()));
    assert_eq!(missing["since"], "2020-03-02T09:00:00Z");
    assert!(!maildir(&host).join(".Verwerkt").exists(), "to look makes no folder");

    let service = site.start();
    is_acknowledged(&host, 1);
    let all = eventually("it is taken in", || {
        let all = site.run(&["reconcile", "--json"]);
        (all.code == 0).then(|| all.json())
    });
    let message = &all["messages"][0];
    assert_eq!((&message["fate"], &message["message_id"]), (&"complaint".into(), &"oud@klant.test".into()));
    assert_eq!(message["reference"], site.json(&["list"])[0]["reference"]);
    // The service is waiting in that folder meanwhile, and goes on as before.
    host.deliver(DIRECTIE.0, &other("nieuw@klant.test"));
    is_acknowledged(&host, 2);
    eventually("it is filed", || host.mails(DIRECTIE.0, "").is_empty().then_some(()));
    service.stop();
    let before = reconciled(&site, 0);
    assert_eq!((&before["seen"], &before["by_fate"]["complaint"]), (&2.into(), &2.into()));

    moved_deleted_and_renumbered(&host, &site, &before);
    away(&host, &site);
}

/// What people do to the folders by hand, and what a server does that is restored.
fn moved_deleted_and_renumbered(host: &Mailhost, site: &Site, before: &Value) {
    // A person deletes one of those that were filed, and moves the other back; then the numbers begin anew.
    imap(host, &["SELECT Verwerkt", "STORE 1 +FLAGS (\\Deleted)", "EXPUNGE", "MOVE 1 INBOX"]);
    for file in fs::read_dir(maildir(host)).unwrap().map(|file| file.unwrap().path()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("dovecot-uidlist") || name.starts_with("dovecot.index") {
            fs::remove_file(file).unwrap();
        }
    }
    let looked = reconciled(site, 0);
    assert_eq!(
        (&looked["accounted"], &looked["waiting"]),
        (&2.into(), &1.into()),
        "moved back just now: {looked}"
    );
    site.run(&["run", "--once"]).ends(0, &[]);
    let all = reconciled(site, 0);
    assert_eq!((&all["by_fate"]["complaint"], &all["by_fate"]["duplicate"]), (&2.into(), &1.into()), "{all}");
    let validity = |message: &Value| message["place"].as_str().unwrap().split('/').next().unwrap().to_owned();
    let again = all["messages"].as_array().unwrap().iter().find(|m| m["fate"] == "duplicate").unwrap();
    assert_ne!(validity(again), validity(&before["messages"][0]), "another UIDVALIDITY");
    assert_eq!(site.json(&["list"]).as_array().unwrap().len(), 2);
}

/// A mailbox that can't be asked: the rest is told, and why it is not all.
fn away(host: &Mailhost, site: &Site) {
    site.write("imap.secret", "fout");
    let refused = reconciled(site, 69);
    assert_eq!((&refused["seen"], &refused["unreachable"][0]["mailbox"]), (&3.into(), &"omnistock".into()));
    site.run(&["reconcile"]).ends(69, &["3 seen", "omnistock could not be asked", "AUTHENTICATIONFAILED"]);
    site.write("imap.secret", DIRECTIE.1);
    host.run("stop", &["imap"]);
    let service = site.start();
    site.run(&["reconcile"]).ends(69, &["3 seen", "omnistock could not be asked"]);
    host.run("start", &["imap"]);
    eventually("it can be asked again", || (site.run(&["reconcile"]).code == 0).then_some(()));
    service.stop();
}
