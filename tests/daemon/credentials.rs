//! A password that is changed on the server, and a certificate that is replaced, under the service that runs.

use std::fs;

use crate::common::{CUSTOMER1, DIRECTIE, Mailhost, mails_in};
use crate::site::{IMPATIENT, OTHER, Site, complaint, eventually, omnistock, parsed};
use crate::wire::Wire;

/// Whether the other mailbox told staff this.
fn told(site: &Site, what: &str) -> Option<()> {
    let mails = mails_in(&site.path("outbox"));
    mails.iter().any(|raw| parsed(raw).subject().unwrap_or_default().contains(what)).then_some(())
}

/// `status` is not well, and says this.
fn says(site: &Site, what: &str) -> Option<()> {
    let status = site.run(&["status"]);
    (status.code == 69 && status.text().contains(what)).then_some(())
}

fn well(site: &Site) {
    eventually("healthy again", || (site.run(&["status"]).code == 0).then_some(()));
}

#[test]
fn a_password_that_was_changed_is_told_of_and_the_new_one_needs_no_restart() {
    let Some(host) = Mailhost::start(&[]) else { return };
    let site = Site::new(&(omnistock(&host) + OTHER + IMPATIENT));
    for sub in ["new", "cur", "tmp"] {
        fs::create_dir_all(site.path("inbox").join(sub)).unwrap();
    }
    let service = site.start();
    well(&site);
    host.run("user", &[DIRECTIE.0, "nieuw-geheim"]);
    // Who is logged in stays so: the change shows at the next connection.
    host.run("restart", &["imap"]);
    host.deliver(DIRECTIE.0, &complaint("sleutel@klant.test"));
    eventually("status names the refusal", || says(&site, "login refused"));
    eventually("staff are told through another mailbox", || {
        told(&site, "postbus omnistock is niet bereikbaar")
    });
    assert!(host.mails(CUSTOMER1.0, "").is_empty());

    site.write("imap.secret", "nieuw-geheim\n");
    eventually("the complaint is taken in", || {
        (site.json(&["list"]).as_array().unwrap().len() == 1).then_some(())
    });
    eventually("the outgoing server refuses us", || says(&site, "535 5.7.8"));
    eventually("staff are told of that too", || told(&site, "versturen voor omnistock lukt niet"));

    site.write("smtp.secret", "nieuw-geheim\n");
    site.run(&["outbox", "retry", "--all"]).ends(0, &["to be tried again now"]);
    eventually("acknowledged", || (host.mails(CUSTOMER1.0, "").len() == 1).then_some(()));
    well(&site);
    let log = service.stop();
    for bad in ["geheim", "\"level\":\"ERROR\""] {
        assert!(!log.contains(bad), "{bad}: {log}");
    }
}

/// The servers show another certificate from now on.
fn replace(host: &Mailhost, kind: &str) {
    host.run("cert", &[kind]);
    host.run("restart", &["imap"]);
    host.run("restart", &["smtp"]);
}

#[test]
fn a_certificate_is_replaced_without_a_restart_and_a_wrong_one_learns_nothing() {
    let Some(host) = Mailhost::start(&[]) else { return };
    let wires = [("imap", Wire::to(host.port("imap"))), ("smtp", Wire::to(host.port("submission")))];
    let config = omnistock(&host)
        .replace(&format!("\"{}\"", host.ca().display()), "\"ca.pem\"")
        .replace(
            &format!("port = {}\ntls = \"implicit\"", host.port("imaps")),
            &format!("port = {}\ntls = \"starttls\"\npoll = \"1s\"", wires[0].1.port),
        )
        .replace(&format!("port = {}\n", host.port("submission")), &format!("port = {}\n", wires[1].1.port));
    let site = Site::new(&config);
    let trust = |file: &str| site.write("ca.pem", &fs::read_to_string(host.path(file)).unwrap());
    trust("tls/ca.pem");
    let service = site.start();
    let arrives = |n: usize| {
        host.deliver(
            DIRECTIE.0,
            &complaint(&format!("slot{n}@klant.test")).replace("Mijn", &format!("{n}: mijn")),
        );
    };
    let left = |n: usize| {
        eventually("taken in", || (site.json(&["list"]).as_array().unwrap().len() == n).then_some(()));
        site.run(&["outbox", "retry", "--all"]);
        eventually("acknowledged", || (host.mails(CUSTOMER1.0, "").len() == n).then_some(()));
        well(&site);
    };
    arrives(1);
    left(1);

    replace(&host, "good");
    arrives(2);
    left(2);

    host.run("cert", &["stranger"]);
    host.run("restart", &["smtp"]);
    arrives(3);
    eventually("an unknown authority is named", || {
        let list = site.json(&["outbox", "list"]);
        let words = |notice: &serde_json::Value| notice["smtp_reply"].as_str().map(str::to_owned);
        list.as_array().unwrap().iter().filter_map(words).find(|words| words.contains("UnknownIssuer"))
    });
    host.run("restart", &["imap"]);
    eventually("and once more", || says(&site, "invalid peer certificate: UnknownIssuer"));
    trust("tls/stranger.pem");
    left(3);

    trust("tls/ca.pem");
    replace(&host, "wrongname");
    arrives(4);
    eventually("another name is named", || says(&site, "not valid for name"));
    replace(&host, "good");
    left(4);

    let log = service.stop();
    assert!(log.contains("refused, somebody must act") && !log.contains("\"level\":\"ERROR\""), "{log}");
    for (server, wire) in &wires {
        let said = String::from_utf8_lossy(&wire.said()).to_uppercase();
        assert!(said.contains("STARTTLS"), "{server}");
        for secret in ["LOGIN", "AUTH", "MAIL FROM", "GEHEIM", "OMNISTOCK.TEST", "KLANT.TEST"] {
            assert!(!said.contains(secret), "{secret} went to {server} in the clear");
        }
    }
}
