//! Servers that are away: the other mailbox goes on, and what waited is done afterwards.

use std::fs;

use crate::common::{CUSTOMER1, DIRECTIE, Mailhost, mails_in};
use crate::site::{OTHER, Site, complaint, eventually, omnistock};

#[test]
fn a_server_that_is_away_slows_no_other_and_recovers() {
    let Some(host) = Mailhost::start(&[]) else { return };
    let site = Site::new(&(omnistock(&host) + OTHER));
    for sub in ["new", "cur", "tmp"] {
        fs::create_dir_all(site.path("inbox").join(sub)).unwrap();
    }
    let service = site.start();
    host.run("stop", &["imap"]);
    host.send(CUSTOMER1.0, DIRECTIE.0, &complaint("wacht@klant.test"));
    site.write(
        "inbox/new/1.host",
        &complaint("anders@klant.test").replace("directie@omnistock", "complaints@websec"),
    );
    eventually("the other mailbox acknowledges", || {
        let mails = mails_in(&site.path("outbox"));
        mails.iter().any(|raw| String::from_utf8_lossy(raw).contains("anders@klant.test")).then_some(())
    });
    eventually("status names the mailbox", || {
        let status = site.run(&["status", "--json"]);
        (status.code == 69 && status.json()["mailboxes"][0]["connected"] == false).then_some(())
    });
    site.run(&["status"])
        .ends(69, &["NOT HEALTHY", "mailbox omnistock: not connected", "mailbox websec: connected"]);

    // The outgoing server goes too, while the inbox comes back.
    host.run("start", &["imap"]);
    host.run("flush", &[]);
    eventually("the mail reached the inbox and is registered", || {
        (site.json(&["list"]).as_array().unwrap().len() == 2).then_some(())
    });
    eventually("healthy again", || (site.run(&["status"]).code == 0).then_some(()));
    eventually("acknowledged", || (host.mails(CUSTOMER1.0, "").len() == 1).then_some(()));

    host.run("stop", &["smtp"]);
    host.deliver(DIRECTIE.0, &complaint("stil@klant.test").replace("Mijn", "Nog een"));
    let waiting = eventually("an attempt failed", || {
        let list = site.json(&["outbox", "list"]);
        let tried = list
            .as_array()
            .unwrap()
            .iter()
            .any(|n| n["kind"] == "acknowledgement" && n["smtp_reply"].is_string());
        tried.then_some(list)
    });
    assert!(waiting.as_array().unwrap().iter().all(|n| n["status"] != "failed"), "{waiting}");
    host.run("start", &["smtp"]);
    site.run(&["outbox", "retry", "--all"]).ends(0, &["to be tried again now"]);
    eventually("both are acknowledged", || (host.mails(CUSTOMER1.0, "").len() == 2).then_some(()));
    service.stop();
}
