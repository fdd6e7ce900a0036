//! Who may order, and what an order in the wrong hands does: nothing (product: "Orders").

#[path = "common/world.rs"]
mod world;

use jiff::Timestamp;
use klachtd::domain::fact::Fate;
use klachtd::domain::notice::NoticeKind;
use serde_json::Value;
use world::{Sent, World};

const JAN: &str = "jan@omnistock.test";
const BERTA: &str = "berta@omnistock.test";

fn monday() -> Timestamp {
    "2026-03-02T09:15:00+01:00".parse().expect("a moment")
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

async fn complain(world: &mut World, n: u32, from: &str) -> String {
    let raw = mail(n, from, "directie@omnistock.test", "", "Ik heb een klacht over de factuur.");
    world.mail(&raw).await.reference.expect("it is a complaint")
}

/// The newest mail to this address.
fn newest<'a>(world: &'a World, to: &str) -> &'a Sent {
    world.sent.iter().rfind(|sent| sent.to == to).expect("there is one")
}

/// Where the newest mail to this address wants its answer.
fn reply_to(world: &World, to: &str) -> String {
    newest(world, to).header("Reply-To").expect("staff answer to a token").trim_matches(['<', '>']).to_owned()
}

fn kinds(shown: &Value) -> Vec<String> {
    let notices = shown["notices"].as_array().expect("notices").iter();
    notices.map(|n| n["kind"].as_str().expect("a kind").to_owned()).collect()
}

const EXTEND: &str = "#verleng 20-3-2026 de leverancier heeft nog niet geantwoord";

#[tokio::test]
async fn the_owner_of_a_token_orders() {
    let mut world = world().await;
    let reference = complain(&mut world, 1, "k@klant.test").await;
    let to = reply_to(&world, JAN);
    let raw = mail(2, JAN, &to, "", EXTEND);
    let outcome = world.mail(&raw).await;
    assert_eq!((outcome.fate, outcome.reference.as_deref()), (Fate::Order, Some(reference.as_str())));
    let shown = world.shown(&reference);
    assert_eq!(shown["terms"][1]["due"], "2026-03-20");
    assert_eq!(kinds(&shown), ["acknowledgement", "staff_new", "progress", "staff_order_done"]);
    let order = shown["journal"].as_array().expect("a journal").iter().find(|j| j["event"] == "order_given");
    assert_eq!(order.expect("it is on record")["actor"], JAN);
    // The same mail once more, as after a crash or a move by hand: nothing.
    assert_eq!(world.mail(&raw).await.fate, Fate::Duplicate);
    assert_eq!(kinds(&world.shown(&reference)).len(), 4);
    world.check();
}

#[tokio::test]
async fn a_token_in_other_hands_is_worth_nothing_and_staff_are_told_once() {
    let mut world = world().await;
    let reference = complain(&mut world, 1, "k@klant.test").await;
    let to = reply_to(&world, JAN);
    let before = kinds(&world.shown(&reference));
    for (n, from) in [BERTA, "k@klant.test", "iemand@elders.test"].into_iter().enumerate() {
        let told = world.sent.len();
        let n = u32::try_from(n).expect("small") + 10;
        let outcome = world.mail(&mail(n, from, &to, "", EXTEND)).await;
        assert_eq!(outcome.fate, Fate::SetAside, "{from}: {}", outcome.reason);
        assert_eq!(world.sent.len(), told + 1, "the operator is told once");
        assert!(
            newest(&world, BERTA).text().contains("sleutel van iemand anders"),
            "{}",
            newest(&world, BERTA).text()
        );
    }
    let after: Vec<String> =
        kinds(&world.shown(&reference)).into_iter().filter(|k| k != "staff_alarm").collect();
    assert_eq!(after, before);
    world.check();
}

#[tokio::test]
async fn a_changed_token_is_no_token() {
    let mut world = world().await;
    let first = complain(&mut world, 1, "k@klant.test").await;
    let second = complain(&mut world, 2, "l@klant.test").await;
    let to = reply_to(&world, JAN);
    assert!(to.contains("+o.2."), "{to}");
    let outcome = world.mail(&mail(3, JAN, &to.replace("+o.2.", "+o.1."), "", EXTEND)).await;
    assert_eq!(outcome.fate, Fate::SetAside);
    for reference in [first, second] {
        assert_eq!(world.shown(&reference)["terms"][1]["due"], "2026-03-16");
    }
}

#[tokio::test]
async fn a_forged_from_and_a_copied_subject_order_nothing() {
    let mut world = world().await;
    let reference = complain(&mut world, 1, "k@klant.test").await;
    let alert = newest(&world, JAN).header("Message-ID").expect("it has one");
    let more = format!("In-Reply-To: {alert}\nX-Subject: [{reference}]\n");
    let outcome = world.mail(&mail(2, JAN, "directie@omnistock.test", &more, EXTEND)).await;
    assert_eq!(outcome.fate, Fate::SetAside);
    assert_eq!(world.shown(&reference)["terms"][1]["due"], "2026-03-16");
}

#[tokio::test]
async fn a_customer_who_types_an_order_has_written_a_letter() {
    let mut world = world().await;
    let reference = complain(&mut world, 1, "k@klant.test").await;
    let id = newest(&world, "k@klant.test").header("Message-ID").expect("it has one");
    let raw = mail(
        2,
        "k@klant.test",
        "directie@omnistock.test",
        &format!("In-Reply-To: {id}\n"),
        "#answer founded",
    );
    assert_eq!(world.mail(&raw).await.fate, Fate::FollowUp);
    assert_eq!(world.shown(&reference)["state"], "open");
    assert!(kinds(&world.shown(&reference)).contains(&"staff_letter".to_owned()));
}

#[tokio::test]
async fn without_plus_addresses_the_alert_that_is_answered_gives_the_right() {
    let mut world = World::new("omnistock", monday(), |house| house.mailboxes[0].delimiter.clear()).await;
    let reference = complain(&mut world, 1, "k@klant.test").await;
    assert_eq!(newest(&world, JAN).header("Reply-To"), None);
    let alert = newest(&world, JAN).header("Message-ID").expect("it has one");
    let more = format!("In-Reply-To: {alert}\n");
    let stranger = world.mail(&mail(2, BERTA, "directie@omnistock.test", &more, EXTEND)).await;
    assert_eq!(stranger.fate, Fate::SetAside, "the alert was not hers");
    let owner = world.mail(&mail(3, JAN, "directie@omnistock.test", &more, EXTEND)).await;
    assert_eq!(owner.fate, Fate::Order);
    assert_eq!(world.shown(&reference)["terms"][1]["due"], "2026-03-20");
}

#[tokio::test]
async fn who_is_complained_about_hears_nothing_and_orders_nothing() {
    let mut world = world().await;
    let reference = complain(&mut world, 1, "k@klant.test").await;
    let token = reply_to(&world, JAN);
    world.order(&reference, &format!("#about {JAN}")).await.expect("it is done");
    let to_jan = world.sent.iter().filter(|sent| sent.to == JAN).count();
    let outcome = world.mail(&mail(2, JAN, &token, "", EXTEND)).await;
    assert_eq!(outcome.fate, Fate::SetAside);
    world.run_until("2026-03-14T12:00:00+01:00".parse().expect("a moment")).await;
    assert_eq!(world.sent.iter().filter(|sent| sent.to == JAN).count(), to_jan);
    assert!(world.order(&reference, &format!("#assign {JAN}")).await.is_err());
}

#[tokio::test]
async fn a_wrong_order_changes_nothing_and_says_where_it_is_wrong() {
    let mut world = world().await;
    let reference = complain(&mut world, 1, "k@klant.test").await;
    let to = reply_to(&world, JAN);
    world.mail(&mail(2, JAN, &to, "", "#verlng 20-3-2026 geen tijd")).await;
    let text = newest(&world, JAN).text();
    assert!(text.contains("#verlng 20-3-2026 geen tijd"), "{text}");
    let mark = text.lines().skip_while(|l| !l.contains("#verlng")).nth(1).expect("a line below");
    assert_eq!(mark.trim(), "^");
    assert!(text.contains("#verleng DATUM"), "what is possible: {text}");
    assert_eq!(world.shown(&reference)["terms"][1]["due"], "2026-03-16");
}

#[tokio::test]
async fn a_mail_without_any_order_is_answered_three_times_a_day_for_it_may_be_a_machine() {
    let mut world = world().await;
    let reference = complain(&mut world, 1, "k@klant.test").await;
    let to = reply_to(&world, JAN);
    for n in 2..9 {
        world.mail(&mail(n, JAN, &to, "", "Ik ben er maandag weer.")).await;
    }
    let refused = |shown: &Value| kinds(shown).into_iter().filter(|k| k == "staff_order_refused").count();
    assert_eq!(refused(&world.shown(&reference)), 3);
    world.run_until("2026-03-03T12:00:00+01:00".parse().expect("a moment")).await;
    world.mail(&mail(9, JAN, &to, "", "Ik ben er woensdag weer.")).await;
    assert_eq!(refused(&world.shown(&reference)), 4);
}

#[tokio::test]
async fn orders_are_carried_out_all_or_none() {
    let mut world = world().await;
    let reference = complain(&mut world, 1, "k@klant.test").await;
    let refused = world.order(&reference, "#contacted gebeld\n#extend 1-3-2026 te vroeg").await;
    assert!(refused.is_err());
    let journal = world.shown(&reference)["journal"].clone();
    let events: Vec<&str> =
        journal.as_array().expect("a journal").iter().filter_map(|j| j["event"].as_str()).collect();
    assert!(!events.contains(&"contact_made"), "{events:?}");
    let done = world.order(&reference, "#contacted gebeld\n#extend 20-3-2026 wacht op de leverancier").await;
    assert_eq!(done.expect("both are done").len(), 3);
}

#[tokio::test]
async fn two_complaints_become_one_and_later_letters_go_there() {
    let mut world = world().await;
    let first = complain(&mut world, 1, "k@klant.test").await;
    let second = complain(&mut world, 2, "k@thuis.test").await;
    world.order(&second, &format!("#merge {first}")).await.expect("it is done");
    let closed = world.shown(&second);
    assert_eq!((&closed["state"], &closed["close_reason"]), (&"closed".into(), &"duplicate".into()));
    let told = newest(&world, "k@thuis.test");
    assert!(told.text().contains(&first), "{}", told.text());
    let id = told.header("Message-ID").expect("it has one");
    let raw =
        mail(3, "k@thuis.test", "directie@omnistock.test", &format!("In-Reply-To: {id}\n"), "Nog iets.");
    let outcome = world.mail(&raw).await;
    assert_eq!((outcome.fate, outcome.reference), (Fate::FollowUp, Some(first.clone())));
    assert!(world.order(&first, &format!("#merge {first}")).await.is_err());
    assert!(world.order(&first, &format!("#merge {second}")).await.is_err(), "that one is closed");
    world.check();
}

#[tokio::test]
async fn a_mail_that_was_set_aside_is_released_by_mail_with_its_own_day_0() {
    let mut world = world().await;
    let more = "Authentication-Results: mx.omnistock.test; dmarc=fail header.from=klant.test\n";
    let raw = mail(1, "k@klant.test", "directie@omnistock.test", more, "Mijn factuur klopt niet.");
    assert_eq!(world.mail(&raw).await.fate, Fate::SetAside);
    let to = reply_to(&world, BERTA);
    world.run_until("2026-03-20T10:00:00+01:00".parse().expect("a moment")).await;
    let outcome = world.mail(&mail(2, BERTA, &to, "", "#vrijgeven")).await;
    assert_eq!(outcome.fate, Fate::Order);
    let reference = outcome.reference.expect("it is a complaint now");
    let shown = world.shown(&reference);
    assert_eq!(shown["received_at"], "2026-03-02T08:15:00Z");
    let respond = &shown["terms"][1];
    assert_eq!((&respond["due"], &respond["status"]), (&"2026-03-16".into(), &"overdue".into()));
    assert_eq!(
        newest(&world, "k@klant.test").subject(),
        format!("[{reference}] Wij hebben uw klacht ontvangen")
    );
    let again = world.mail(&mail(3, BERTA, &to, "", "#release")).await;
    assert_eq!(again.fate, Fate::Order);
    assert_eq!(world.list().as_array().expect("a list").len(), 1);
    assert!(
        newest(&world, BERTA).subject().contains("Niet uitgevoerd"),
        "{}",
        newest(&world, BERTA).subject()
    );
    world.check();
}

#[tokio::test]
async fn what_staff_order_counts_for_no_limit_and_reaches_those_who_want_no_machine() {
    let mut world = World::new("omnistock", monday(), |house| {
        house.limits.notices_per_sender_per_day = 1;
        house.limits.notices_per_complaint_per_day = 1;
    })
    .await;
    let raw =
        mail(1, "k@klant.test", "directie@omnistock.test", "X-Auto-Response-Suppress: All\n", "Een klacht.");
    let reference = world.mail(&raw).await.reference.expect("a complaint");
    assert!(!kinds(&world.shown(&reference)).contains(&NoticeKind::Acknowledgement.as_str().to_owned()));
    for text in ["#extend 20-3-2026 een", "#extend 21-3-2026 twee", "#ask\nWelk nummer?"] {
        world.order(&reference, text).await.expect("it is done");
    }
    assert_eq!(world.sent.iter().filter(|sent| sent.to == "k@klant.test").count(), 3);
}

#[tokio::test]
async fn a_second_address_of_the_complainant_is_confirmed_by_staff() {
    let mut world = world().await;
    let reference = complain(&mut world, 1, "k@klant.test").await;
    let acknowledged = newest(&world, "k@klant.test").header("Message-ID").expect("a Message-ID");
    let other = |n: usize, text: &str| {
        format!(
            "From: K. Klant <k@werk.test>\r\nTo: directie@omnistock.test\r\nSubject: Re: Klacht\r\nMessage-ID: <w{n}@werk.test>\r\n\
             In-Reply-To: {acknowledged}\r\n\r\n{text}\r\n"
        )
    };
    assert_eq!(
        world.order(&reference, "#confirm").await.unwrap_err(),
        "There is nothing to confirm, or it was confirmed already."
    );
    let joined = world.mail(other(1, "Ik schrijf nu vanaf mijn werk.").as_bytes()).await;
    assert_eq!((joined.fate, joined.reference.as_deref()), (Fate::FollowUp, Some(reference.as_str())));
    let alert = world.sent.last().expect("staff are told").text();
    assert!(alert.contains("k@werk.test") && alert.contains("#confirm"), "{alert}");
    let done = world.order(&reference, "#bevestig").await.expect("it is taken");
    assert_eq!(done, ["Messages from k@werk.test count as the complainant's from now on."]);
    assert_eq!(
        world.shown(&reference)["journal"].as_array().expect("a journal").last().expect("an entry")["event"],
        "party_confirmed"
    );
    // A party may use the reference alone.
    let by_reference = format!(
        "From: k@werk.test\r\nTo: directie@omnistock.test\r\nSubject: {reference}\r\nMessage-ID: <w9@werk.test>\r\n\r\nHoe staat het ermee?\r\n"
    );
    assert_eq!(world.mail(by_reference.as_bytes()).await.fate, Fate::FollowUp);
    let alert = world.sent.last().expect("staff are told").text();
    assert!(!alert.contains("#confirm"), "nothing is left to confirm: {alert}");
    world.check();
}

#[tokio::test]
async fn staff_are_told_that_a_letter_is_encrypted() {
    let mut world = world().await;
    let more = "MIME-Version: 1.0\n";
    let sealed = "-----BEGIN PGP MESSAGE-----\n\nhQEMA1234\n-----END PGP MESSAGE-----";
    world.mail(&mail(1, "k@klant.test", "directie@omnistock.test", more, sealed)).await;
    let told = newest(&world, JAN).text();
    assert!(told.contains("versleuteld") && told.contains("--letter 1 --raw"), "{told}");
    complain(&mut world, 2, "l@klant.test").await;
    assert!(!newest(&world, JAN).text().contains("versleuteld"));
}
