//! `kill -9` in the middle of a burst of mails.

use std::collections::BTreeSet;

use crate::common::{DIRECTIE, Mailhost, STAFF1};
use crate::site::{Site, eventually, header, mail, omnistock};

const BURST: usize = 30;

#[test]
fn no_complaint_is_lost_or_doubled() {
    let users: Vec<String> = (1..=BURST).map(|n| format!("klant{n}@klant.test=geheim")).collect();
    let options: Vec<&str> = users.iter().flat_map(|user| ["--user", user]).collect();
    let Some(host) = Mailhost::start(&options) else { return };
    let site = Site::new(&omnistock(&host));
    let mut service = site.start();
    for n in 1..=BURST {
        let from = format!("klant{n}@klant.test");
        let body = format!("Mijn bestelling nummer {n} kwam kapot aan. Ik wil graag mijn geld terug.");
        host.deliver(DIRECTIE.0, &mail(&from, DIRECTIE.0, &format!("{n}@klant.test"), "Kapot", "", &body));
        if n % 10 == 0 {
            service.kill();
            service = site.start();
        }
    }
    let acknowledged = |n: &usize| !host.mails(&format!("klant{n}@klant.test"), "").is_empty();
    eventually("all are acknowledged", || (1..=BURST).all(|n| acknowledged(&n)).then_some(()));
    eventually("the inbox is empty", || host.mails(DIRECTIE.0, "").is_empty().then_some(()));
    eventually("nothing waits", || {
        site.json(&["outbox", "list"]).as_array().unwrap().is_empty().then_some(())
    });
    service.stop();

    let list = site.json(&["list"]);
    let complainants: BTreeSet<&str> =
        list.as_array().unwrap().iter().map(|c| c["complainant"]["email"].as_str().unwrap()).collect();
    assert_eq!((list.as_array().unwrap().len(), complainants.len()), (BURST, BURST));
    assert_eq!(host.mails(DIRECTIE.0, "Verwerkt").len(), BURST);
    for n in 1..=BURST {
        let mails = host.mails(&format!("klant{n}@klant.test"), "");
        let ids: BTreeSet<String> = mails.iter().map(|raw| header(raw, "Message-ID")).collect();
        assert_eq!(ids.len(), 1, "a duplicate has the same Message-ID");
    }
    assert!(!host.mails(STAFF1.0, "").is_empty());
}
