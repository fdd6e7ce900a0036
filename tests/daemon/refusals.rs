//! Servers that are there and say no for a while: greylisting, an outgoing server without room, a mailbox that is full.

use std::fs;

use serde_json::Value;

use crate::common::{CUSTOMER1, DIRECTIE, Mailhost};
use crate::site::{Site, complaint, eventually, header, omnistock};

/// What the outbox holds of the only acknowledgement.
fn acknowledgement(site: &Site) -> Option<Value> {
    let list = site.json(&["outbox", "list"]);
    list.as_array().unwrap().iter().find(|notice| notice["kind"] == "acknowledgement").cloned()
}

#[test]
fn a_greylisted_notice_leaves_by_itself() {
    let Some(host) = Mailhost::start(&[]) else { return };
    host.run("reply", &[CUSTOMER1.0, "450 4.2.0 greylisted, try again", "--times", "1"]);
    let site = Site::new(&omnistock(&host));
    let service = site.start();
    host.deliver(DIRECTIE.0, &complaint("grijs@klant.test"));
    let waits = eventually("it is refused for now", || {
        acknowledgement(&site).filter(|notice| notice["smtp_reply"].is_string())
    });
    let reply = waits["smtp_reply"].as_str().unwrap();
    assert!(reply.starts_with("450 ") && reply.contains("greylisted"), "code first: {waits}");
    assert_eq!((&waits["status"], &waits["attempts"]), (&"queued".into(), &1.into()), "{waits}");
    assert!(waits["next_at"].is_string(), "{waits}");
    site.run(&["status"]).ends(0, &["healthy"]);
    eventually("acknowledged", || (host.mails(CUSTOMER1.0, "").len() == 1).then_some(()));
    eventually("nothing waits", || acknowledgement(&site).is_none().then_some(()));
    let reference = site.json(&["list"])[0]["reference"].as_str().unwrap().to_owned();
    let shown = site.json(&["show", &reference]);
    let sent = shown["notices"].as_array().unwrap().iter().find(|n| n["kind"] == "acknowledgement").unwrap();
    assert_eq!((&sent["status"], &sent["attempts"]), (&"sent".into(), &2.into()), "{sent}");
    let log = service.stop();
    assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
}

#[test]
fn an_outgoing_server_without_room_is_waited_for_and_told_of() {
    let Some(host) = Mailhost::start(&[]) else { return };
    let site = Site::new(&(omnistock(&host) + "\n[limits]\nalarm_after = \"2s\"\n"));
    let service = site.start();
    let config = host.path("postfix/etc/main.cf");
    let before = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{before}\nqueue_minfree = 1000000000000000\n")).unwrap();
    host.run("restart", &["smtp"]);
    host.deliver(DIRECTIE.0, &complaint("vol@klant.test"));
    let waits = eventually("it is refused for now", || {
        acknowledgement(&site).filter(|notice| notice["smtp_reply"].is_string())
    });
    let reply = waits["smtp_reply"].as_str().unwrap();
    assert!(reply.starts_with("452 ") && reply.contains("4.3.1"), "{waits}");
    assert_eq!(waits["status"], "queued", "{waits}");
    eventually("an alarm", || {
        let status = site.run(&["status", "--json"]);
        let alarms = status.json()["alarms"].as_array().unwrap().clone();
        (status.code == 69 && alarms.iter().any(|alarm| alarm["kind"] == "outbox")).then_some(())
    });
    fs::write(&config, before).unwrap();
    host.run("restart", &["smtp"]);
    site.run(&["outbox", "retry", "--all"]).ends(0, &["to be tried again now"]);
    eventually("acknowledged", || (host.mails(CUSTOMER1.0, "").len() == 1).then_some(()));
    eventually("healthy again", || (site.run(&["status"]).code == 0).then_some(()));
    service.stop();
}

/// 100 kB, and a server without MOVE (RFC 6851), which takes a mail for two while it is copied.
const FULL: [&str; 6] = [
    "--dovecot",
    "mail_plugins = quota",
    "--dovecot",
    "plugin {\n  quota = maildir:User quota\n  quota_rule = *:storage=100\n  quota_grace = 0\n}",
    "--dovecot",
    "protocol imap {\n  imap_capability = IMAP4rev1 LITERAL+ IDLE UIDPLUS\n}",
];

#[test]
fn a_mailbox_that_is_full_keeps_no_complaint_from_being_taken_in() {
    let Some(host) = Mailhost::start(&FULL) else { return };
    let site = Site::new(&(omnistock(&host) + "\n[limits]\nalarm_after = \"5s\"\n"));
    let filler = format!("Subject: oud\r\n\r\n{}", "oud oud oud oud\r\n".repeat(3_000));
    let append = format!("APPEND Junk {{{}+}}\r\n{filler}", filler.len());
    host.by_hand(DIRECTIE, &[append.as_str()]);
    let service = site.start();
    let large = complaint("groot@klant.test") + &"Zie de lijst hierboven.\n".repeat(1_700);
    host.deliver(DIRECTIE.0, &large);
    eventually("it is acknowledged", || (host.mails(CUSTOMER1.0, "").len() == 1).then_some(()));
    eventually("status says why", || {
        let status = site.run(&["status"]);
        (status.code == 69 && status.text().contains("OVERQUOTA")).then_some(())
    });
    assert_eq!(host.mails(DIRECTIE.0, "").len(), 1, "it could not be filed away");

    host.deliver(DIRECTIE.0, &complaint("klein@klant.test").replace("Mijn", "Nog een"));
    eventually("the next one is acknowledged too", || (host.mails(CUSTOMER1.0, "").len() == 2).then_some(()));
    eventually("an alarm, for it lasts", || {
        let alarms = site.run(&["status", "--json"]).json()["alarms"].as_array().unwrap().clone();
        alarms.iter().any(|alarm| alarm["kind"] == "mailbox").then_some(())
    });
    let inbox = host.mails(DIRECTIE.0, "");
    assert!(
        inbox.iter().any(|raw| header(raw, "Message-ID").contains("groot@")),
        "the large one stays there"
    );

    host.by_hand(DIRECTIE, &["SELECT Junk", "STORE 1:* +FLAGS (\\Deleted)", "EXPUNGE"]);
    eventually("both are filed away", || {
        (host.mails(DIRECTIE.0, "").is_empty() && host.mails(DIRECTIE.0, "Verwerkt").len() == 2).then_some(())
    });
    eventually("healthy again", || (site.run(&["status"]).code == 0).then_some(()));
    assert_eq!(site.json(&["list"]).as_array().unwrap().len(), 2, "each once");
    let log = service.stop();
    assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
    site.run(&["verify"]).ends(0, &[]);
    site.run(&["reconcile"]).ends(0, &[]);
}
