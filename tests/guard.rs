//! Nothing answers itself, and nobody is flooded (RFC 3834 section 2; product: "Limits on automatic mail").

#[path = "common/world.rs"]
mod world;

use jiff::Timestamp;
use klachtd::domain::fact::Fate;
use serde_json::Value;
use world::World;

const JAN: &str = "jan@omnistock.test";
const OURS: &str = "directie@omnistock.test";
const ALIAS: &str = "klachten@omnistock.test";
const FORM: &str = "formulier@omnistock.test";
const CUSTOMER: &str = "k@klant.test";

fn monday() -> Timestamp {
    "2026-03-02T09:15:00+01:00".parse().expect("a moment")
}

async fn world() -> World {
    World::new("omnistock", monday(), |_| {}).await
}

fn mail(n: usize, from: &str, to: &str, more: &str, text: &str) -> Vec<u8> {
    format!(
        "From: {from}\nTo: {to}\nSubject: Klacht {n}\nMessage-ID: <m{n}@test>\n\
         Date: Mon, 2 Mar 2026 09:00:00 +0100\n{more}Content-Type: text/plain; charset=utf-8\n\n{text}\n"
    )
    .replace('\n', "\r\n")
    .into_bytes()
}

fn sent_to(world: &World, to: &str) -> usize {
    world.sent.iter().filter(|sent| sent.to.eq_ignore_ascii_case(to)).count()
}

/// What the guard refused in this complaint, and why.
fn refusals(shown: &Value) -> Vec<String> {
    let journal = shown["journal"].as_array().expect("a journal").iter();
    journal.filter(|j| j["event"] == "notice_refused").map(|j| j["detail"].to_string()).collect()
}

#[tokio::test]
async fn our_own_addresses_are_never_answered_wherever_they_stand() {
    let cases = [
        (ALIAS, String::new()),
        (OURS, String::new()),
        ("Directie@OmniStock.test", String::new()),
        (CUSTOMER, format!("Reply-To: {OURS}\nReturn-Path: <{OURS}>\n")),
        (CUSTOMER, format!("Reply-To: {ALIAS}\nSender: {ALIAS}\n")),
        (FORM, format!("Reply-To: {OURS}\n")),
        (FORM, format!("Reply-To: {ALIAS}\n")),
    ];
    for (from, more) in cases {
        let mut world = world().await;
        let outcome = world.mail(&mail(1, from, OURS, &more, "Mijn bestelling is kapot.")).await;
        for sent in &world.sent {
            assert!(!world.engine.settings().house.is_own(&sent.to), "{from} {more}: to {}", sent.to);
            assert!(sent.header("Auto-Submitted").is_some(), "a loop has to see what it is");
        }
        // A complaint that is not answered says so.
        if let Some(reference) = outcome.reference.filter(|_| sent_to(&world, CUSTOMER) == 0) {
            let refused = refusals(&world.shown(&reference));
            assert!(!refused.is_empty(), "{from} {more}: nobody was answered, and nothing says why");
        }
        world.check();
    }
}

#[tokio::test]
async fn the_complainant_is_the_sender_and_behind_a_form_the_reply_to() {
    let mut world = world().await;
    let more = "Reply-To: ander@elders.test\n";
    let reference = world.mail(&mail(1, CUSTOMER, OURS, more, "Een klacht.")).await.reference;
    world.order(&reference.expect("a complaint"), "#ask\nWelk nummer?").await.expect("it is done");
    assert_eq!((sent_to(&world, CUSTOMER), sent_to(&world, "ander@elders.test")), (2, 0));
    world.mail(&mail(2, FORM, OURS, more, "Een klacht.")).await;
    assert_eq!((sent_to(&world, FORM), sent_to(&world, "ander@elders.test")), (0, 1));
}

#[tokio::test]
async fn who_writes_the_address_of_staff_into_a_form_makes_them_no_complainant() {
    let mut world = world().await;
    let outcome = world.mail(&mail(1, FORM, OURS, &format!("Reply-To: {JAN}\n"), "#answer founded")).await;
    assert_eq!(outcome.fate, Fate::SetAside, "{}", outcome.reason);
    assert_eq!(sent_to(&world, FORM), 0);
    world.check();
}

#[tokio::test]
async fn a_refusal_is_on_record_with_its_reason() {
    let mut world = world().await;
    let outcome = world.mail(&mail(1, "noreply@klant.test", OURS, "", "Een klacht.")).await;
    if let Some(reference) = outcome.reference {
        assert_eq!(sent_to(&world, "noreply@klant.test"), 0);
        let refused = refusals(&world.shown(&reference));
        assert!(refused.iter().any(|why| why.contains("no automatic answer")), "{refused:?}");
    } else {
        assert_eq!(outcome.fate, Fate::SetAside, "{}", outcome.reason);
    }
}

#[tokio::test]
async fn a_machine_without_marks_that_answers_everything_gets_no_more_than_the_limit() {
    // It answers in the thread, or as if each answer were a new mail.
    for in_thread in [true, false] {
        let mut world = world().await;
        world.mail(&mail(1, CUSTOMER, OURS, "", "Een klacht.")).await;
        let mut answered = 0;
        let mut n = 1;
        while answered < sent_to(&world, CUSTOMER) && n < 60 {
            n += 1;
            let ours = world.sent.iter().filter(|s| s.to == CUSTOMER).nth(answered).expect("there is one");
            let id = ours.header("Message-ID").expect("it has one");
            answered += 1;
            let more = if in_thread { format!("In-Reply-To: {id}\n") } else { String::new() };
            world.mail(&mail(n, CUSTOMER, OURS, &more, &format!("Dank voor uw bericht {n}."))).await;
        }
        let limit = usize::try_from(world.engine.settings().house.limits.notices_per_sender_per_day);
        assert!(sent_to(&world, CUSTOMER) <= limit.expect("small"), "{} sent", sent_to(&world, CUSTOMER));
        assert_eq!(answered, sent_to(&world, CUSTOMER), "it has come to rest");
    }
}

#[tokio::test]
async fn two_mails_to_two_mailboxes_at_once_count_for_one_limit() {
    let mut world = World::new("omnistock", monday(), |house| {
        let other = world::house("webshop");
        house.mailboxes.extend(other.mailboxes);
        house.staff.extend(other.staff);
        house.limits.notices_per_sender_per_day = 1;
    })
    .await;
    world.mails_at_once(&[&mail(1, CUSTOMER, OURS, "", "Een klacht.")]).await;
    world.turn_to("webshop");
    let raw = mail(2, "K@Klant.test", "complaints@shop.test", "", "Nog een klacht.");
    assert_eq!(world.mails_at_once(&[&raw]).await[0].fate, Fate::Complaint);
    world.settle_down().await;
    assert_eq!(sent_to(&world, CUSTOMER), 1, "the other waits for tomorrow");
    world.run_until("2026-03-03T08:00:00+01:00".parse().expect("a moment")).await;
    assert_eq!(sent_to(&world, CUSTOMER), 2, "and is not lost");
}

#[tokio::test]
async fn a_flood_of_forged_staff_mails_reaches_staff_within_the_limit() {
    let forwarded = "Begin doorgestuurd bericht:\n\n> Van: Piet <piet@klant.test>\n> Onderwerp: Klacht\n\
                     > Datum: 2 maart 2026 om 08:14:00 CET\n> Aan: info@omnistock.test\n> \n> De doos was leeg.";
    let mut world = world().await;
    let raws: Vec<Vec<u8>> = (0..200)
        .map(|n| mail(n, JAN, OURS, "", if n % 2 == 0 { forwarded } else { "#verleng 20-3-2026 druk" }))
        .collect();
    let outcomes = world.mails_at_once(&raws.iter().map(Vec::as_slice).collect::<Vec<_>>()).await;
    assert!(outcomes.iter().all(|outcome| outcome.fate == Fate::SetAside));
    world.settle_down().await;
    let limit = usize::try_from(world.engine.settings().house.limits.staff_mails_per_day).expect("small");
    assert!(world.sent.len() <= limit, "{} mails", world.sent.len());
    assert!(world.sent.len() > 1, "they are told");
    assert!(world.sent.iter().all(|sent| sent.to.ends_with("@omnistock.test")));
    assert_eq!(sent_to(&world, OURS), 0);
}
