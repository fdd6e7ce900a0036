//! Every message that a mailbox ever showed is accounted for, and what is not is named: the real program on a Maildir.

#![expect(clippy::unwrap_used, reason = "a test may fail at once")]

mod common;
#[path = "daemon/site.rs"]
#[expect(dead_code, reason = "each test crate uses its own part")]
mod site;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::common::{CUSTOMER1, DIRECTIE, STAFF1, mails_in};
use crate::site::{MAILDIRS, Said, Site, complaint, eventually, header, mail};

const CUSTOMER: &str = CUSTOMER1.0;

/// Puts a mail into the inbox, as a mail server does.
fn deliver(site: &Site, n: u32, raw: &str) -> PathBuf {
    let file = format!("inbox/new/17000000{n:02}.M{n}.host");
    site.write(&file, raw);
    site.path(&file)
}

fn put_back(path: &PathBuf, by: Duration) {
    let file = fs::File::options().append(true).open(path).unwrap();
    #[expect(clippy::disallowed_methods, reason = "of a file in the world outside")]
    file.set_modified(SystemTime::now() - by).unwrap();
}

fn pass(site: &Site) {
    site.run(&["run", "--once"]).ends(0, &[]);
}

fn reconciled(site: &Site, code: i32) -> Value {
    let all = site.run(&["reconcile", "--json"]).ends(code, &[]).json();
    let number = |key: &str| all[key].as_u64().unwrap();
    let missing = all["missing"].as_array().unwrap().len() as u64;
    assert_eq!(number("seen"), number("accounted") + missing + number("waiting"), "{all}");
    let by_fate: u64 = all["by_fate"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(by_fate, all["messages"].as_array().unwrap().len() as u64, "{all}");
    all
}

/// Fate and reference of each message by its Message-ID.
fn fates(all: &Value) -> BTreeMap<&str, Vec<(&str, &Value)>> {
    let mut fates: BTreeMap<&str, Vec<(&str, &Value)>> = BTreeMap::new();
    for message in all["messages"].as_array().unwrap() {
        assert_eq!(message["sha256"].as_str().unwrap().len(), 64);
        assert!(message["reason"].is_string() && message["mailbox"] == "omnistock", "{message}");
        let id = message["message_id"].as_str().unwrap_or("none");
        fates.entry(id).or_default().push((message["fate"].as_str().unwrap(), &message["reference"]));
    }
    fates
}

/// A report (RFC 6522) of the given type about our mail `id`.
fn report(kind: &str, part: &str, id: &str) -> String {
    let about = if kind == "delivery-status" { "MAILER-DAEMON@klant.test" } else { CUSTOMER };
    let body = format!(
        "--b\nContent-Type: text/plain\n\nOver uw bericht.\n\n--b\nContent-Type: message/{kind}\n\n{part}\n--b--"
    );
    let more = format!("In-Reply-To: {id}\n");
    let raw = mail(about, DIRECTIE.0, &format!("{kind}@klant.test"), "Uw bericht", &more, &body);
    raw.replace(
        "text/plain; charset=utf-8\nIn-Reply-To",
        &format!("multipart/report; report-type={kind}; boundary=b\nIn-Reply-To"),
    )
}

/// The complaint of customer 1, taken in: the Message-ID of its acknowledgement and the Reply-To of staff's alert.
fn begun(site: &Site) -> (String, String) {
    deliver(site, 1, &complaint("klacht@klant.test"));
    pass(site);
    let mails = mails_in(&site.path("outbox"));
    let to = |address: &str| mails.iter().find(|raw| header(raw, "To").contains(address)).unwrap().clone();
    (header(&to(CUSTOMER), "Message-ID"), header(&to(STAFF1.0), "Reply-To"))
}

#[test]
fn every_fate_is_accounted_for() {
    let site = Site::new(MAILDIRS);
    let (acknowledged, token) = begun(&site);
    let reply = |id: &str, more: &str, text: &str| {
        mail(CUSTOMER, DIRECTIE.0, id, "Re", &format!("In-Reply-To: {acknowledged}\n{more}"), text)
    };
    let stranger = |id: &str, more: &str| mail("x@elders.test", DIRECTIE.0, id, "Nieuws", more, "Lees dit.");
    let failed = format!(
        "Reporting-MTA: dns; mx.klant.test\n\nFinal-Recipient: rfc822; {CUSTOMER}\nAction: failed\nStatus: 5.1.1\n"
    );
    let read = format!(
        "Final-Recipient: rfc822; {CUSTOMER}\nDisposition: manual-action/MDN-sent-manually; displayed\n"
    );
    for (n, raw) in (2..).zip([
        reply("vervolg@klant.test", "", "Ook de doos was nat."),
        mail(STAFF1.0, &token, "order@omnistock.test", "Re", "", "#note gebeld met de klant"),
        reply("afwezig@klant.test", "Auto-Submitted: auto-replied\n", "Ik ben er niet."),
        reply("lijst@klant.test", "Precedence: bulk\nList-Id: <l.klant.test>\n", "Nieuws van de lijst."),
        report("disposition-notification", &read, &acknowledged),
        report("delivery-status", &failed, &acknowledged),
        stranger("robot@elders.test", "Auto-Submitted: auto-replied\n"),
        stranger("krant@elders.test", "Precedence: bulk\nList-Id: <k.elders.test>\n"),
        stranger("vrij@elders.test", "Precedence: bulk\nList-Id: <v.elders.test>\n"),
        complaint("klacht@klant.test"),
    ]) {
        deliver(&site, n, &raw);
    }
    pass(&site);
    let list = site.json(&["quarantine", "list"]);
    let freed = list.as_array().unwrap().iter().find(|held| held["message_id"] == "vrij@elders.test");
    site.run(&["quarantine", "release", freed.unwrap()["id"].as_str().unwrap()]).ends(0, &["complaint"]);

    let all = reconciled(&site, 0);
    let reference = site.json(&["list"])[0]["reference"].clone();
    let found = fates(&all);
    for (id, fate, joined) in [
        ("vervolg@klant.test", "follow_up", true),
        ("order@omnistock.test", "order", true),
        ("afwezig@klant.test", "auto_reply", true),
        ("lijst@klant.test", "bulk", true),
        ("disposition-notification@klant.test", "report", true),
        ("delivery-status@klant.test", "bounced", true),
        ("robot@elders.test", "ignored", false),
        ("krant@elders.test", "set_aside", false),
    ] {
        let expected = if joined { &reference } else { &Value::Null };
        assert_eq!(found[id], [(fate, expected)], "{id}: {all}");
    }
    let mut twice: Vec<&str> = found["klacht@klant.test"].iter().map(|(fate, _)| *fate).collect();
    twice.sort_unstable();
    assert_eq!(twice, ["complaint", "duplicate"]);
    let (fate, freed) = found["vrij@elders.test"][0];
    assert!(fate == "complaint" && freed.is_string() && *freed != reference, "{fate} {freed}");
    assert_eq!((all["seen"].as_u64(), all["by_fate"]["complaint"].as_u64()), (Some(11), Some(2)), "{all}");
    let words = site.run(&["reconcile"]).ends(0, &["MAILBOX", "omnistock  follow_up", "nothing is missing"]);
    assert!(words.text().contains("11 seen, 11 accounted for"), "{}", words.text());
}

#[test]
fn what_lies_in_the_inbox_for_over_a_minute_is_missing() {
    let site = Site::new(MAILDIRS);
    begun(&site);
    let young = deliver(&site, 2, &complaint("jong@klant.test").replace("Mijn", "Onze"));
    let all = reconciled(&site, 0);
    assert_eq!((&all["waiting"], &all["seen"]), (&1.into(), &2.into()), "younger ones are only seen");
    put_back(&young, Duration::from_hours(1));
    let all = reconciled(&site, 65);
    let missing = &all["missing"][0];
    assert_eq!(
        (&missing["mailbox"], &missing["message_id"]),
        (&"omnistock".into(), &"jong@klant.test".into())
    );
    assert_eq!(
        (&missing["why"], &missing["place"]),
        (&"not_taken".into(), &"maildir:1700000002.M2.host".into())
    );
    assert!(missing["since"].is_string());
    site.run(&["reconcile"])
        .ends(65, &["MISSING omnistock", "<jong@klant.test>", "klachtd status", "1 MISSING"]);
    pass(&site);
    assert_eq!(reconciled(&site, 0)["by_fate"]["complaint"], 2);
}

#[test]
fn looking_changes_nothing() {
    let site = Site::new(MAILDIRS);
    let away = site.run(&["reconcile", "--json"]);
    assert_eq!((away.code, away.json()["unreachable"][0]["mailbox"].as_str()), (69, Some("omnistock")));
    assert!(!site.path("inbox").exists(), "a Maildir is not made");
    begun(&site);
    let journal = site.json(&["verify"]);
    // Known, and in the inbox still: the service ended before it was moved, or somebody moved it back.
    let moved = fs::read_dir(site.path("inbox/.Verwerkt/cur")).unwrap().next().unwrap().unwrap().path();
    let back = site.path("inbox/cur/1700000001.M1.host:2,S");
    fs::rename(&moved, &back).unwrap();
    put_back(&back, Duration::from_hours(1));
    assert_eq!(reconciled(&site, 0)["seen"], 1);
    // Another mail under the same name is another mail.
    fs::write(&back, complaint("ander@klant.test")).unwrap();
    put_back(&back, Duration::from_hours(1));
    let all = reconciled(&site, 65);
    assert_eq!((&all["seen"], &all["missing"][0]["message_id"]), (&2.into(), &"ander@klant.test".into()));
    assert!(back.exists());
    assert_eq!(site.json(&["verify"]), journal);
}

#[test]
fn lost_bytes_are_missing_until_the_mail_is_moved_back() {
    let site = Site::new(MAILDIRS);
    begun(&site);
    let sha256 = reconciled(&site, 0)["messages"][0]["sha256"].as_str().unwrap().to_owned();
    fs::remove_file(site.path("state/blob").join(&sha256[..1]).join(&sha256)).unwrap();
    let all = reconciled(&site, 65);
    assert_eq!((&all["seen"], &all["accounted"]), (&1.into(), &0.into()));
    assert_eq!(
        (&all["missing"][0]["why"], &all["missing"][0]["message_id"]),
        (&"bytes_lost".into(), &"klacht@klant.test".into())
    );
    site.run(&["reconcile"]).ends(65, &["bytes are gone", "back into the inbox"]);
    let moved = fs::read_dir(site.path("inbox/.Verwerkt/cur")).unwrap().next().unwrap().unwrap().path();
    fs::rename(&moved, site.path("inbox/new/1700000009.M9.host")).unwrap();
    pass(&site);
    let all = reconciled(&site, 0);
    assert_eq!((&all["by_fate"]["complaint"], &all["by_fate"]["duplicate"]), (&1.into(), &1.into()));
    site.run(&["verify"]).ends(0, &[]);
}

#[test]
fn a_running_service_answers_as_the_store_does() {
    let site = Site::new(MAILDIRS);
    begun(&site);
    let alone = reconciled(&site, 0);
    let service = site.start();
    assert_eq!(reconciled(&site, 0), alone);
    deliver(&site, 2, &complaint("twee@klant.test").replace("Mijn", "Onze"));
    eventually("it is taken in", || (reconciled(&site, 0)["by_fate"]["complaint"] == 2).then_some(()));
    // A mailbox that cannot be read now.
    let locked = site.path("inbox");
    fs::rename(locked.join("new"), locked.join("old")).unwrap();
    let Said { code, err, .. } = site.run(&["reconcile"]);
    assert_eq!(code, 69, "{err}");
    assert!(err.contains("omnistock could not be asked"), "{err}");
    fs::rename(locked.join("old"), locked.join("new")).unwrap();
    service.stop();
}

/// Three pages, so that it shows when they do not join.
#[test]
fn a_register_of_several_pages_is_told_whole() {
    let mut config = MAILDIRS.to_owned();
    config.push_str("\n[limits]\nnotices_per_hour = 0\nstaff_mails_per_day = 0\n");
    let site = Site::new(&config);
    fs::create_dir_all(site.path("inbox/new")).unwrap();
    for n in 0..1_050 {
        let raw = mail(
            "robot@elders.test",
            DIRECTIE.0,
            &format!("{n}@elders.test"),
            "Nieuws",
            "Auto-Submitted: auto-generated\n",
            &format!("Bericht {n}."),
        );
        fs::write(site.path(&format!("inbox/new/17{n:08}.M{n}.host")), raw).unwrap();
    }
    pass(&site);
    let all = reconciled(&site, 0);
    let found = fates(&all);
    assert_eq!((found.len(), all["seen"].as_u64()), (1_050, Some(1_050)));
    assert!(found.values().all(|fates| fates.len() == 1 && fates[0].0 == "ignored"));
}
