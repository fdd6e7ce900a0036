//! What comes back to an acknowledgement: an answer, an out-of-office reply, a bounce.

use serde_json::Value;

use crate::common::{CUSTOMER1, DIRECTIE, Mailhost, STAFF1};
use crate::site::{Site, complaint, eventually, header, mail, omnistock};

/// The letters of a complaint by their role.
fn roles(shown: &Value) -> Vec<&str> {
    shown["letters"].as_array().unwrap().iter().map(|l| l["role"].as_str().unwrap()).collect()
}

/// The notices of a complaint of one kind, with their status.
fn statuses<'a>(shown: &'a Value, kind: &str) -> Vec<&'a str> {
    let notices = shown["notices"].as_array().unwrap().iter();
    notices.filter(|n| n["kind"] == kind).map(|n| n["status"].as_str().unwrap()).collect()
}

fn only_complaint(site: &Site) -> String {
    let list = eventually("a complaint", || {
        let list = site.json(&["list"]);
        (!list.as_array().unwrap().is_empty()).then_some(list)
    });
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    list[0]["reference"].as_str().unwrap().to_owned()
}

fn shown_when(site: &Site, reference: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || {
        let shown = site.json(&["show", reference]);
        is_so(&shown).then_some(shown)
    })
}

#[test]
fn answers_join_and_automatic_ones_are_not_answered() {
    let Some(host) = Mailhost::start(&[]) else { return };
    let site = Site::new(&omnistock(&host));
    let service = site.start();
    host.send(CUSTOMER1.0, DIRECTIE.0, &complaint("een@klant.test"));
    let reference = only_complaint(&site);
    let acknowledgement =
        eventually("the acknowledgement", || host.mails(CUSTOMER1.0, "").into_iter().next());
    let id = header(&acknowledgement, "Message-ID");

    let answer = |n: &str, subject: &str, more: &str, body: &str| {
        let raw = mail(CUSTOMER1.0, DIRECTIE.0, n, subject, &format!("In-Reply-To: {id}\n{more}"), body);
        host.send(CUSTOMER1.0, DIRECTIE.0, &raw);
    };
    // Without the reference in its subject: only In-Reply-To tells where it belongs.
    answer("twee@klant.test", "Nog iets", "", "Ook de doos was nat. Ik stuur morgen een foto.");
    let shown =
        shown_when(&site, &reference, "the follow-up", |s| s["letters"].as_array().unwrap().len() == 2);
    assert_eq!(roles(&shown), ["complaint", "follow_up"]);
    let shown = shown_when(&site, &reference, "staff_letter", |s| statuses(s, "staff_letter") == ["sent"]);
    assert_eq!(statuses(&shown, "acknowledgement"), ["sent"]);

    answer("drie@klant.test", "Afwezig", "Auto-Submitted: auto-replied\n", "Ik ben er niet tot maandag.");
    let shown = shown_when(&site, &reference, "the reply", |s| s["letters"].as_array().unwrap().len() == 3);
    assert_eq!(roles(&shown), ["complaint", "follow_up", "auto_reply"]);
    assert_eq!(shown["notices"].as_array().unwrap().len(), 3, "nothing is sent for it: {shown}");
    service.stop();
    assert_eq!(host.mails(CUSTOMER1.0, "").len(), 1);
    assert_eq!(site.json(&["list"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_bounce_takes_the_acknowledgement_back() {
    let Some(host) = Mailhost::start(&[]) else { return };
    let site = Site::new(&omnistock(&host));
    let service = site.start();
    let nobody = "nobody-here@klant.test";
    host.send(nobody, DIRECTIE.0, &complaint("weg@klant.test").replace(CUSTOMER1.0, nobody));
    let reference = only_complaint(&site);
    let shown =
        shown_when(&site, &reference, "the bounce", |s| statuses(s, "acknowledgement") == ["bounced"]);
    let ack = shown["terms"].as_array().unwrap().iter().find(|t| t["id"] == "ack").unwrap();
    assert_eq!((&ack["status"], &ack["met_at"]), (&"running".into(), &Value::Null), "its term is open again");
    assert_eq!(roles(&shown), ["complaint", "bounce"]);
    let shown = shown_when(&site, &reference, "staff are told", |s| statuses(s, "staff_bounce") == ["sent"]);
    assert_eq!(shown["state"], "open");
    site.run(&["show", &reference]).ends(0, &["came back"]);
    service.stop();
    site.run(&["run", "--once"]).ends(0, &[]);
    assert_eq!(host.mails(STAFF1.0, "").len(), 2, "staff_new and staff_bounce, once each");
    assert!(host.mails(DIRECTIE.0, "").is_empty());
}
