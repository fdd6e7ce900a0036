//! The main job, from a customer's mail to his acknowledgement, and what comes after it.

use serde_json::Value;

use crate::common::{CUSTOMER1, DIRECTIE, Mailhost, STAFF1};
use crate::site::{Site, eventually, header, mail, omnistock, parsed};

/// A word of the complaint's subject and one of its body: neither may be in a log.
const SUBJECT: &str = "Scherm gebarsten aangekomen";
const BODY: &str =
    "Het scherm van mijn bestelling was gebarsten toen ik de doos opende. Ik wil graag mijn geld terug.";

/// Waits until somebody has `n` mails in his inbox; there must never be more.
fn mails(host: &Mailhost, address: &str, n: usize) -> Vec<Vec<u8>> {
    eventually(&format!("{n} mails for {address}"), || {
        let mails = host.mails(address, "");
        assert!(mails.len() <= n, "{} mails for {address}", mails.len());
        (mails.len() == n).then_some(mails)
    })
}

fn complain(host: &Mailhost) -> String {
    let raw = mail(
        &format!("\"J. de Vries\" <{}>", CUSTOMER1.0),
        DIRECTIE.0,
        "eerste@klant.test",
        SUBJECT,
        "",
        &format!("Geachte directie,\n\n{BODY}\n\nMet vriendelijke groet,\nJ. de Vries"),
    );
    host.send(CUSTOMER1.0, DIRECTIE.0, &raw);
    raw
}

#[test]
fn a_complaint_is_acknowledged_registered_and_filed() {
    let Some(host) = Mailhost::start(&[]) else { return };
    let site = Site::new(&omnistock(&host));
    let service = site.start();
    assert!(
        service.told().contains("READY=1") && service.told().contains("WATCHDOG=1"),
        "{}",
        service.told()
    );
    site.run(&["status"]).ends(0, &["healthy", "mailbox omnistock: connected", "next term: none"]);

    complain(&host);
    let acknowledgement = mails(&host, CUSTOMER1.0, 1).remove(0);
    let alert = mails(&host, STAFF1.0, 1).remove(0);
    let reference = filed(&host, &site);
    acknowledged(&acknowledgement, &reference);
    assert!(header(&alert, "Subject").contains(&reference), "{}", header(&alert, "Subject"));
    let told = parsed(&alert).body_text(0).unwrap().into_owned();
    assert!(!told.contains("gebarsten") && !told.contains("Vries"), "{told}");
    shown(&host, &site, &reference);

    let log = service.stop();
    silent(&log);
    nothing_more_is_sent(&host, &site);
}

/// One complaint, as `list` tells it, its mail in the processed folder.
fn filed(host: &Mailhost, site: &Site) -> String {
    let list = site.json(&["list"]);
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    let complaint = &list[0];
    let reference = complaint["reference"].as_str().unwrap().to_owned();
    for (key, expected) in [
        ("shown_reference", reference.as_str()),
        ("mailbox", "omnistock"),
        ("procedure", "omnistock"),
        ("state", "open"),
        ("channel", "email"),
        ("language", "nl"),
        ("subject", SUBJECT),
        ("handler", STAFF1.0),
    ] {
        assert_eq!(complaint[key], expected, "{key}");
    }
    assert_eq!(complaint["complainant"]["email"], CUSTOMER1.0);
    assert_eq!(complaint["complainant"]["name"], "J. de Vries");
    assert!(complaint["close_reason"].is_null() && complaint["judgement"].is_null());
    assert!(complaint.get("letters").is_none() && complaint.get("journal").is_none());
    let respond = complaint["terms"].as_array().unwrap().iter().find(|t| t["id"] == "respond").unwrap();
    assert_eq!((&respond["force"], &respond["status"]), (&"promise".into(), &"running".into()));
    assert_eq!(respond["first_due"], respond["due"]);
    eventually("the mail in Verwerkt", || (host.mails(DIRECTIE.0, "Verwerkt").len() == 1).then_some(()));
    assert!(host.mails(DIRECTIE.0, "").is_empty());
    reference
}

fn acknowledged(raw: &[u8], reference: &str) {
    let subject = header(raw, "Subject");
    assert!(subject.contains(&format!("[{reference}]")), "{subject}");
    assert_eq!(header(raw, "Auto-Submitted"), "auto-replied");
    assert_eq!(header(raw, "X-Auto-Response-Suppress"), "All");
    assert_eq!(header(raw, "In-Reply-To"), "<eerste@klant.test>");
    assert!(header(raw, "References").contains("<eerste@klant.test>"));
    let sender = header(raw, "Return-Path");
    assert!(sender.starts_with("<directie+b.") && sender.ends_with("@omnistock.test>"), "{sender}");
    let message = parsed(raw);
    let text = message.body_text(0).unwrap();
    let in_words =
        regex::Regex::new("(maan|dins|woens|donder|vrij|zater|zon)dag [0-9]{1,2} (november|december) 2026")
            .unwrap();
    assert!(in_words.find_iter(&text).count() >= 2, "received and due date in words: {text}");
    assert!(text.contains(reference) && !text.contains("gebarsten"), "{text}");
}

/// `show` and its letter, over the socket of the running service.
fn shown(host: &Mailhost, site: &Site, reference: &str) {
    let shown = eventually("both notices are sent", || {
        let shown = site.json(&["show", reference]);
        let sent = shown["notices"].as_array().unwrap().iter().all(|n| n["status"] == "sent");
        sent.then_some(shown)
    });
    let kinds: Vec<&Value> = shown["notices"].as_array().unwrap().iter().map(|n| &n["kind"]).collect();
    assert_eq!(kinds, ["acknowledgement", "staff_new"]);
    let notice = &shown["notices"][0];
    assert_eq!((&notice["to"], &notice["attempts"]), (&CUSTOMER1.0.into(), &1.into()));
    assert!(notice["smtp_reply"].as_str().unwrap().starts_with("250 "), "{notice}");
    assert_eq!(shown["letters"][0]["role"], "complaint");
    assert_eq!(shown["letters"][0]["message_id"], "eerste@klant.test");
    assert_eq!(shown["journal"][0]["seq"], 1);

    let text =
        site.run(&["show", reference]).ends(0, &[reference, SUBJECT, "WHAT WAS PROMISED", "J. de Vries"]);
    assert!(text.text().lines().all(|line| line.trim_end() == line), "nothing trails: {}", text.text());
    let letter = site.run(&["show", reference, "--letter", "1"]).ends(0, &[BODY]);
    assert!(!letter.text().contains("Subject:"));
    let raw = site.run(&["show", reference, "--letter", "1", "--raw"]).ends(0, &[]);
    // Dovecot keeps lines with LF and gives them out with CRLF (RFC 3501 section 2.3.1.3).
    let kept = String::from_utf8(host.mails(DIRECTIE.0, "Verwerkt").remove(0)).unwrap();
    assert_eq!(raw.text(), kept.replace('\n', "\r\n"), "byte for byte");
    site.run(&["show", reference, "--letter", "2"]).ends(65, &["1 letter"]);
    site.run(&["list"]).ends(0, &["REFERENCE", reference, "J. de Vries", "1 complaint\n"]);

    assert_eq!(site.json(&["outbox", "list"]), Value::Array(Vec::new()));
    let status = site.json(&["status"]);
    assert_eq!((&status["healthy"], &status["alarms"]), (&true.into(), &Value::Array(Vec::new())));
    assert_eq!(status["mailboxes"][0]["waiting"], 0);
    assert!(status["next_term"].is_string());
}

/// No line at info or above holds an address, the subject or a word of the body.
fn silent(log: &str) {
    let mut lines = 0;
    for line in log.lines() {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(matches!(entry["level"].as_str(), Some("INFO" | "WARN" | "ERROR")), "{line}");
        for private in ["@", "Vries", "customer1", "cherm", "gebarsten", "bestelling", "klant.test", "geheim"]
        {
            assert!(!line.contains(private), "{private}: {line}");
        }
        lines += 1;
    }
    assert!(lines >= 2 && log.contains("mail taken in"), "{log}");
}

/// Neither another start nor another pass sends anything again.
fn nothing_more_is_sent(host: &Mailhost, site: &Site) {
    site.start().stop();
    site.run(&["run", "--once"]).ends(0, &[]);
    assert_eq!(host.mails(CUSTOMER1.0, "").len(), 1);
    assert_eq!(host.mails(STAFF1.0, "").len(), 1);
    assert_eq!(site.json(&["list"]).as_array().unwrap().len(), 1, "without the service");
}
