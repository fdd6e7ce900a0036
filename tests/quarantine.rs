//! Mail that was set aside: found again, shown, decided about (product: "Commands", "How a mail is read").

#[path = "common/world.rs"]
mod world;

use data_encoding::BASE64;
use jiff::Timestamp;
use klachtd::answers::{Ask, exit};
use klachtd::domain::fact::Fate;
use klachtd::domain::house::House;
use klachtd::domain::signing::sha256_hex;
use klachtd::engine::Settings;
use serde_json::Value;
use world::{Sent, World};

const JAN: &str = "jan@omnistock.test";
const BERTA: &str = "berta@omnistock.test";
const OURS: &str = "directie@omnistock.test";
const FORGED: &str = "Authentication-Results: mx.omnistock.test; dmarc=fail header.from=klant.test\n";

fn moment(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

fn monday() -> Timestamp {
    moment("2026-03-02T09:15:00+01:00")
}

async fn world() -> World {
    World::new("omnistock", monday(), |_| {}).await
}

fn mail(n: u32, from: &str, to: &str, more: &str, text: &str) -> Vec<u8> {
    format!(
        "From: {from}\nTo: {to}\nSubject: Klacht\nMessage-ID: <m{n}@test>\nDate: Mon, 2 Mar 2026 09:00:00 +0100\n\
         {more}Content-Type: text/plain; charset=utf-8\n\n{text}\n"
    )
    .replace('\n', "\r\n")
    .into_bytes()
}

fn forged(n: u32) -> Vec<u8> {
    mail(n, "k@klant.test", OURS, FORGED, "Mijn factuur klopt niet.")
}

/// A mail of `from` that passes on a mail of `writer`, as Apple Mail does.
fn forward(n: u32, from: &str, writer: &str, more: &str) -> Vec<u8> {
    let text = format!(
        "Zie onder.\n\nBegin doorgestuurd bericht:\n\n> Van: Piet Bakker <{writer}>\n> Onderwerp: Lege doos\n\
         > Datum: 20 februari 2026 om 09:14:00 CET\n> Aan: info@omnistock.test\n> \n> De doos was leeg."
    );
    mail(n, from, OURS, more, &text)
}

async fn listed(world: &mut World) -> Vec<Value> {
    let reply = world.ask(Ask::Quarantine).await;
    reply.body.as_array().expect("a list").clone()
}

async fn only_id(world: &mut World) -> String {
    let list = listed(world).await;
    assert_eq!(list.len(), 1, "{list:?}");
    list[0]["id"].as_str().expect("an id").to_owned()
}

fn release(id: &str) -> Ask {
    Ask::QuarantineRelease { id: id.to_owned(), by: "anna".to_owned() }
}

fn drop_it(id: &str) -> Ask {
    Ask::QuarantineDrop { id: id.to_owned(), by: "anna".to_owned() }
}

fn show(id: &str, raw: bool) -> Ask {
    Ask::QuarantineShow { id: id.to_owned(), raw }
}

fn newest<'a>(world: &'a World, to: &str) -> &'a Sent {
    world.sent.iter().rfind(|sent| sent.to == to).expect("there is one")
}

fn sent_to(world: &World, to: &str) -> usize {
    world.sent.iter().filter(|sent| sent.to == to).count()
}

fn reply_to(world: &World, to: &str) -> String {
    newest(world, to).header("Reply-To").expect("staff answer to a token").trim_matches(['<', '>']).to_owned()
}

fn events(shown: &Value) -> Vec<&str> {
    shown["journal"].as_array().expect("a journal").iter().filter_map(|j| j["event"].as_str()).collect()
}

#[tokio::test]
async fn what_was_set_aside_is_listed_with_its_reason_and_shown_as_it_came() {
    let mut world = world().await;
    let raw = forged(1);
    assert_eq!(world.mail(&raw).await.fate, Fate::SetAside);
    world.mail(&mail(2, "l@klant.test", OURS, "", "Een gewone klacht.")).await;
    let list = listed(&mut world).await;
    assert_eq!(list.len(), 1, "what was handled is not in it");
    let row = &list[0];
    assert_eq!(row["mailbox"], "omnistock");
    assert_eq!(row["message_id"], "m1@test");
    assert_eq!(row["sha256"], sha256_hex(&raw).as_str());
    assert_eq!(row["size"], raw.len());
    assert_eq!(row["reason"], "the sender is forged: dmarc=fail");
    assert_eq!(row["at"], "2026-03-02T08:15:00Z");
    let id = row["id"].as_str().expect("an id");
    assert_eq!(id.len(), 12);
    let shown = world.ask(show(&id[..4], false)).await.body;
    assert_eq!((&shown["class"], &shown["subject"]), (&"letter".into(), &"Klacht".into()));
    assert!(shown["text"].as_str().is_some_and(|text| text.contains("factuur")), "{shown}");
    let bytes = world.ask(show(id, true)).await.body;
    assert_eq!(BASE64.decode(bytes["raw"].as_str().expect("base64").as_bytes()).expect("base64"), raw);
    for unknown in ["ffffffffffff0", "", "x\u{1b}"] {
        assert_eq!(world.ask(show(unknown, false)).await.exit, exit::DATAERR, "{unknown:?}");
    }
    world.check();
}

#[tokio::test]
async fn a_complaint_of_400_letters_takes_no_more_and_staff_are_told() {
    let mut world = World::new("omnistock", monday(), |house| house.limits.staff_mails_per_day = 2).await;
    world.mail(&mail(1, "k@klant.test", OURS, "", "De doos was leeg.")).await;
    let more = |n| mail(n, "k@klant.test", OURS, "In-Reply-To: <m1@test>\n", &format!("Nog iets, ten {n}e."));
    for first in (2..=400).step_by(57) {
        let mails: Vec<Vec<u8>> = (first..first + 57).map(more).collect();
        let raws: Vec<&[u8]> = mails.iter().map(Vec::as_slice).collect();
        let fates: Vec<Fate> = world.mails_at_once(&raws).await.iter().map(|outcome| outcome.fate).collect();
        assert!(fates.iter().all(|fate| *fate == Fate::FollowUp), "{fates:?}");
    }
    let outcome = world.mail(&more(401)).await;
    assert_eq!(outcome.fate, Fate::SetAside);
    assert_eq!(outcome.reason, "its complaint has 400 letters already");
    let list = listed(&mut world).await;
    assert_eq!((list.len(), &list[0]["message_id"]), (1, &"m401@test".into()));
    let open = world.ask(Ask::Outbox).await.body;
    let alarms = open.as_array().expect("a list").iter().filter(|notice| notice["kind"] == "staff_alarm");
    let to: Vec<&Value> = alarms.map(|alarm| &alarm["to"]).collect();
    assert_eq!(to, [BERTA], "it waits like all that is above the limit of a day");
}

#[tokio::test]
async fn a_released_mail_keeps_its_day_0_and_is_late_at_once() {
    let mut world = world().await;
    world.mail(&forged(1)).await;
    world.run_until(moment("2026-03-20T10:00:00+01:00")).await;
    world.restart().await;
    let id = only_id(&mut world).await;
    let reply = world.ask(release(&id)).await;
    assert_eq!((reply.exit, reply.body["fate"].as_str()), (exit::OK, Some("complaint")), "{:?}", reply.error);
    let reference = reply.body["reference"].as_str().expect("a reference").to_owned();
    let shown = world.shown(&reference);
    assert_eq!(shown["received_at"], "2026-03-02T08:15:00Z");
    let respond = &shown["terms"][1];
    assert_eq!((&respond["due"], &respond["status"]), (&"2026-03-16".into(), &"overdue".into()));
    assert_eq!(shown["journal"][0]["actor"], "anna");
    assert_eq!(sent_to(&world, "k@klant.test"), 1);
    assert!(listed(&mut world).await.is_empty());
    for again in [release(&id), drop_it(&id), Ask::QuarantineRetry { id: Some(id.clone()) }] {
        let reply = world.ask(again).await;
        assert_eq!(reply.exit, exit::DATAERR);
        assert!(reply.error.is_some_and(|error| error.contains("not any more")));
    }
    // The sender's mail program answers his own mail: it belongs to the complaint.
    let more = "In-Reply-To: <m1@test>\n";
    let outcome = world.mail(&mail(2, "k@klant.test", OURS, more, "Nog iets.")).await;
    assert_eq!((outcome.fate, outcome.reference), (Fate::FollowUp, Some(reference)));
    world.check();
}

#[tokio::test]
async fn what_is_released_by_mail_is_answered_in_its_own_thread() {
    let mut world = world().await;
    world.mail(&forged(1)).await;
    let to = reply_to(&world, BERTA);
    let reference = world.mail(&mail(2, BERTA, &to, "", "#vrijgeven")).await.reference;
    assert!(listed(&mut world).await.is_empty());
    let outcome = world.mail(&mail(3, "k@klant.test", OURS, "In-Reply-To: <m1@test>\n", "Nog iets.")).await;
    assert_eq!((outcome.fate, outcome.reference), (Fate::FollowUp, reference));
    world.check();
}

#[tokio::test]
async fn a_dropped_mail_is_ignored_for_good_and_its_bytes_stay() {
    let mut world = world().await;
    let raw = forged(1);
    world.mail(&raw).await;
    let id = only_id(&mut world).await;
    let reply = world.ask(drop_it(&id)).await;
    assert_eq!(reply.body["fate"], "ignored", "{:?}", reply.error);
    assert_eq!(reply.body["reason"], "dropped by anna");
    assert!(listed(&mut world).await.is_empty());
    let place = world.engine.store().place("omnistock", "imap:1/1").expect("readable").expect("on record");
    assert_eq!((place.fate, place.reason.as_str()), (Fate::Ignored, "dropped by anna"));
    assert_eq!(world.engine.store().content(&place.sha256).expect("it is kept"), raw);
    assert_eq!(world.ask(drop_it(&id)).await.exit, exit::DATAERR);
    assert_eq!(world.ask(release(&id)).await.exit, exit::DATAERR);
    assert_eq!(world.mail(&raw).await.fate, Fate::Duplicate);
    assert_eq!(world.list().as_array().expect("a list").len(), 0);
    assert_eq!(sent_to(&world, "k@klant.test"), 0);
    world.check();
}

/// The same house with another limit on the size of a mail.
async fn with_message_size(world: &mut World, size: u64) {
    let settings = world.engine.settings();
    let mut house: House = settings.house.clone();
    house.limits.message_size = size;
    let (rules, templates) = (settings.rules.clone(), settings.templates.clone());
    world.engine.reload(Settings { house, rules, templates }).await.expect("it is read again");
}

#[tokio::test]
async fn retry_decides_under_todays_limits_and_changes_nothing_where_they_are_the_same() {
    let mut world = world().await;
    with_message_size(&mut world, 100).await;
    for raw in [mail(1, "k@klant.test", OURS, "", "Mijn factuur klopt niet."), forged(2)] {
        world.ask(Ask::Ingest { mailbox: "omnistock".to_owned(), raw: BASE64.encode(&raw) }).await;
    }
    assert_eq!(listed(&mut world).await.len(), 2);
    world.run_until(moment("2026-03-03T12:00:00+01:00")).await;
    let before = (world.engine.store().journal_page(0, 1000).expect("readable").len(), world.sent.len());
    let rows = world.ask(Ask::QuarantineRetry { id: None }).await.body;
    let fates = |rows: &Value| -> Vec<String> {
        rows.as_array().expect("rows").iter().filter_map(|r| r["fate"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(fates(&rows), ["set_aside", "set_aside"]);
    let after = (world.engine.store().journal_page(0, 1000).expect("readable").len(), world.sent.len());
    assert_eq!(after, before, "nothing happened, and nobody is told again");

    with_message_size(&mut world, 50_000_000).await;
    let rows = world.ask(Ask::QuarantineRetry { id: None }).await.body;
    let mut became = fates(&rows);
    became.sort();
    assert_eq!(became, ["complaint", "set_aside"], "{rows}");
    let reference = rows.as_array().expect("rows").iter().find_map(|r| r["reference"].as_str());
    let reference = reference.expect("a reference").to_owned();
    assert_eq!(world.shown(&reference)["received_at"], "2026-03-02T08:15:00Z");
    assert_eq!(listed(&mut world).await.len(), 1);
    world.check();
}

#[tokio::test]
async fn a_mail_over_a_limit_is_set_aside_with_the_limit_and_can_be_released() {
    let mut world = world().await;
    let many: Vec<String> = (0..1_200).map(|n| format!("p{n}@elders.test")).collect();
    let raw = mail(1, "k@klant.test", &many.join(",\n "), "", "Een klacht.");
    let outcome = world.mail(&raw).await;
    assert_eq!(outcome.fate, Fate::SetAside);
    assert!(outcome.reason.contains("recipients"), "{}", outcome.reason);
    assert_eq!(sent_to(&world, "k@klant.test"), 0);
    assert_eq!(sent_to(&world, BERTA), 1, "staff are told");
    let id = only_id(&mut world).await;
    assert_eq!(world.ask(release(&id)).await.body["fate"], "complaint");
    assert_eq!(sent_to(&world, "k@klant.test"), 1);
    world.check();
}

#[tokio::test]
async fn a_mail_without_a_sender_can_not_be_released_but_dropped() {
    let mut world = world().await;
    world.mail(b"Subject: Klacht\r\nMessage-ID: <m1@test>\r\n\r\nWie ben ik?\r\n").await;
    let id = only_id(&mut world).await;
    let reply = world.ask(release(&id)).await;
    assert_eq!(reply.exit, exit::DATAERR);
    assert!(reply.error.is_some_and(|error| error.contains("sender")));
    assert_eq!(only_id(&mut world).await, id, "it is still there");
    assert_eq!(world.ask(drop_it(&id)).await.exit, exit::OK);
    world.check();
}

#[tokio::test]
async fn a_complaint_that_staff_pass_on_waits_for_them_even_when_their_server_vouches() {
    for more in ["", "Authentication-Results: mx.omnistock.test; dmarc=pass header.from=omnistock.test\n"] {
        let mut world = world().await;
        let outcome = world.mail(&forward(1, JAN, "piet@klant.test", more)).await;
        assert_eq!(outcome.fate, Fate::SetAside);
        assert!(outcome.reason.contains("confirm"), "{}", outcome.reason);
        assert_eq!((sent_to(&world, JAN), sent_to(&world, BERTA), world.sent.len()), (1, 0, 1));
        assert!(newest(&world, JAN).subject().contains("doorgestuurd"), "{}", newest(&world, JAN).subject());
        let to = reply_to(&world, JAN);
        world.run_until(moment("2026-03-05T10:00:00+01:00")).await;
        assert_eq!(world.mail(&mail(2, BERTA, &to, "", "#confirm")).await.fate, Fate::SetAside, "not hers");
        assert_eq!(sent_to(&world, "piet@klant.test"), 0);
        let outcome = world.mail(&mail(3, JAN, &to, "", "#confirm")).await;
        assert_eq!(outcome.fate, Fate::Order);
        let reference = outcome.reference.expect("it is a complaint now");
        let shown = world.shown(&reference);
        assert_eq!(shown["complainant"]["email"], "piet@klant.test", "{shown}");
        assert_eq!((&shown["channel"], &shown["subject"]), (&"email".into(), &"Lege doos".into()));
        assert_eq!(shown["received_at"], "2026-03-02T08:15:00Z", "when it was passed on, not when it says");
        assert_eq!(sent_to(&world, "piet@klant.test"), 1);
        // Piet answers: he is a party.
        let id = newest(&world, "piet@klant.test").header("Message-ID").expect("it has one");
        let more = format!("In-Reply-To: {id}\n");
        let outcome = world.mail(&mail(4, "piet@klant.test", OURS, &more, "Ook nat.")).await;
        assert_eq!((outcome.fate, outcome.reference), (Fate::FollowUp, Some(reference)));
        world.check();
    }
}

#[tokio::test]
async fn what_staff_pass_on_of_our_own_house_is_no_complaint_of_it() {
    for (n, writer) in [BERTA, OURS, "klachten@omnistock.test"].into_iter().enumerate() {
        let mut world = world().await;
        let n = u32::try_from(n).expect("small");
        let outcome = world.mail(&forward(n, JAN, writer, "")).await;
        assert_eq!(outcome.fate, Fate::SetAside);
        assert!(!outcome.reason.contains("confirm"), "{writer}: {}", outcome.reason);
        world.check();
    }
}

#[tokio::test]
async fn a_mail_to_two_mailboxes_is_one_complaint_in_each_and_each_names_the_other() {
    let mut world = World::new("omnistock", monday(), |house| {
        let other = world::house("webshop");
        house.mailboxes.extend(other.mailboxes);
        house.staff.extend(other.staff);
    })
    .await;
    let raw = mail(1, "k@klant.test", "directie@omnistock.test, complaints@shop.test", "", "Een klacht.");
    let first = world.mail(&raw).await.reference.expect("a complaint");
    world.turn_to("webshop");
    let second = world.mail(&raw).await;
    assert_eq!(second.fate, Fate::Complaint);
    let second = second.reference.expect("a complaint of its own");
    assert_ne!(first, second);
    for (one, other, mailbox) in [(&first, &second, "webshop"), (&second, &first, "omnistock")] {
        let shown = world.shown(one);
        assert!(events(&shown).contains(&"also_in"), "{one}: {:?}", events(&shown));
        let told = shown["journal"].to_string();
        assert!(told.contains(other.as_str()) && told.contains(mailbox), "{told}");
        assert_eq!(shown["related"], serde_json::json!([other]));
    }
    assert_eq!(world.mail(&raw).await.fate, Fate::Duplicate);
    assert_eq!(events(&world.shown(&first)).iter().filter(|e| **e == "also_in").count(), 1);
    // Another mail of his is another complaint, and names nothing.
    let third = world.mail(&mail(2, "k@klant.test", OURS, "", "Iets anders.")).await.reference;
    assert!(!events(&world.shown(&third.expect("a complaint"))).contains(&"also_in"));
    world.check();
}
