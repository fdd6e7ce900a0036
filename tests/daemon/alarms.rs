//! Trouble with the way by which it would be told: another mailbox tells it.

use std::fs;

use crate::common::{DIRECTIE, Mailhost, mails_in};
use crate::site::{IMPATIENT, OTHER, Site, complaint, eventually, omnistock, parsed};

/// The subjects of alarms that left through the other mailbox.
fn told(site: &Site) -> Vec<String> {
    let mails = mails_in(&site.path("outbox"));
    let subjects = mails.iter().map(|raw| parsed(raw).subject().unwrap_or_default().to_owned());
    subjects.filter(|subject| subject.contains("versturen voor omnistock lukt niet")).collect()
}

#[test]
fn an_outgoing_server_that_is_away_is_told_of_through_another_mailbox() {
    let Some(host) = Mailhost::start(&[]) else { return };
    let site = Site::new(&(omnistock(&host) + OTHER + IMPATIENT));
    for sub in ["new", "cur", "tmp"] {
        fs::create_dir_all(site.path("inbox").join(sub)).unwrap();
    }
    let service = site.start();
    host.run("stop", &["smtp"]);
    host.deliver(DIRECTIE.0, &complaint("stil@klant.test"));
    eventually("told through the other mailbox", || (told(&site).len() == 1).then_some(()));
    let status = site.run(&["status", "--json"]).ends(69, &[]).json();
    assert_eq!(status["alarms"][0]["kind"], "smtp", "{status}");
    assert_eq!(status["alarms"][0]["mailbox"], "omnistock", "{status}");
    host.run("start", &["smtp"]);
    site.run(&["outbox", "retry", "--all"]).ends(0, &["to be tried again now"]);
    eventually("healthy again", || (site.run(&["status"]).code == 0).then_some(()));
    let over = eventually("its end", || {
        let own = host.mails("staff1@omnistock.test", "");
        let subjects = own.iter().map(|raw| parsed(raw).subject().unwrap_or_default().to_owned());
        subjects.chain(told(&site)).find(|subject| subject.contains("voorbij: versturen voor omnistock"))
    });
    assert!(over.starts_with("klachtd: voorbij"), "{over}");
    let log = service.stop();
    assert!(log.contains("alarm: the outgoing server can't be reached"), "{log}");
    assert!(log.contains("an alarm is over: the outgoing server can't be reached"), "{log}");
}
