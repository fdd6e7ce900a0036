//! The morning digest on the real engine and store (product: "Notices", "How a mail is read").

#[path = "common/world.rs"]
mod world;

use jiff::{Timestamp, ToSpan};
use klachtd::domain::complaint::NoticeStatus;
use klachtd::domain::fact::Fate;
use world::{Sent, World};

const JAN: &str = "jan@omnistock.test";
const BERTA: &str = "berta@omnistock.test";

/// A moment of the Dutch winter.
fn at(text: &str) -> Timestamp {
    format!("{text}+01:00").parse().expect("a moment")
}

/// Monday 2 March 2026, after the morning.
fn start() -> Timestamp {
    at("2026-03-02T09:15:00")
}

fn complaint(n: usize) -> Vec<u8> {
    format!(
        "From: Klant {n} <klant{n}@klant.test>\r\nTo: directie@omnistock.test\r\nSubject: Klacht {n}\r\n\
         Message-ID: <m{n}@klant.test>\r\n\r\nMijn bestelling nummer {n} is nog steeds niet geleverd. Wat doet u eraan?\r\n"
    )
    .into_bytes()
}

fn newsletter(n: usize) -> Vec<u8> {
    format!(
        "From: Nieuws <nieuws@krant.test>\r\nTo: directie@omnistock.test\r\nSubject: Nieuws {n}\r\n\
         Message-ID: <n{n}@krant.test>\r\nList-Id: <nieuws.krant.test>\r\nPrecedence: bulk\r\n\r\nHet nieuws van week {n}.\r\n"
    )
    .into_bytes()
}

async fn world() -> World {
    World::new("omnistock", start(), |_| {}).await
}

/// When digests left to this address, by the local clock.
fn mornings(world: &World, to: &str) -> Vec<String> {
    let mine = world.digests.iter().filter(|sent| sent.to == to);
    mine.map(|sent| sent.at.to_zoned(world.zone.clone()).strftime("%m-%d %H:%M").to_string()).collect()
}

fn last<'a>(world: &'a World, to: &str) -> &'a Sent {
    world.digests.iter().rfind(|sent| sent.to == to).expect("a digest")
}

#[tokio::test]
async fn each_working_morning_tells_the_handler_what_is_open_and_nobody_else() {
    let mut world = world().await;
    let reference = world.mail(&complaint(1)).await.reference.expect("a reference");
    world.run_until(at("2026-03-09T12:00:00")).await;
    let week = ["03-03 08:30", "03-04 08:30", "03-05 08:30", "03-06 08:30", "03-09 08:30"];
    assert_eq!(mornings(&world, JAN), week, "and none in the weekend");
    assert_eq!(mornings(&world, BERTA), [""; 0], "it is Jan who handles it");

    let digest = last(&world, JAN);
    let text = digest.text();
    assert!(text.contains(&format!("[{reference}]")) && text.contains("Inhoudelijk antwoord"), "{text}");
    assert!(digest.subject().contains("maandag 9 maart 2026"), "{}", digest.subject());
    assert_eq!(digest.header("Auto-Submitted").as_deref(), Some("auto-generated"));
    assert_eq!(digest.header("Reply-To"), None, "it gives no right to order anything");
    for private in ["Klant 1", "klant1@", "geleverd", "Klacht 1"] {
        assert!(!text.contains(private), "{private} is none of a digest's business: {text}");
    }
    world.check();
}

#[tokio::test]
async fn holidays_have_no_morning() {
    let mut world = World::new("omnistock", at("2026-12-23T09:15:00"), |_| {}).await;
    world.mail(&complaint(1)).await;
    world.run_until(at("2026-12-29T12:00:00")).await;
    // The 25th and 26th are Christmas, the 27th is a Sunday.
    assert_eq!(mornings(&world, JAN), ["12-24 08:30", "12-28 08:30", "12-29 08:30"]);
}

#[tokio::test]
async fn where_nothing_waits_nothing_is_sent() {
    let mut world = world().await;
    world.run_until(at("2026-03-05T12:00:00")).await;
    assert!(world.digests.is_empty());
    let reference = world.mail(&complaint(1)).await.reference.expect("a reference");
    world.order(&reference, "#withdraw").await.expect("it is closed");
    world.run_until(at("2026-03-10T12:00:00")).await;
    assert!(world.digests.is_empty(), "{}", last(&world, JAN).text());
    world.check();
}

#[tokio::test]
async fn a_restart_repeats_nothing_and_neither_does_a_clock_that_jumps_back() {
    let mut world = world().await;
    world.mail(&complaint(1)).await;
    world.run_until(at("2026-03-03T09:00:00")).await;
    for moment in ["2026-03-03T09:10:00", "2026-03-03T08:31:00", "2026-03-03T17:00:00"] {
        world.now = at(moment);
        world.restart().await;
        world.settle_down().await;
    }
    assert_eq!(mornings(&world, JAN), ["03-03 08:30"]);
    world.check();
}

#[tokio::test]
async fn after_days_of_downtime_there_is_one_digest_and_in_the_evening_none() {
    let mut world = world().await;
    world.mail(&complaint(1)).await;
    world.now = at("2026-03-05T10:12:00");
    world.restart().await;
    world.settle_down().await;
    assert_eq!(mornings(&world, JAN), ["03-05 10:12"], "one for the three that were missed");

    world.now = at("2026-03-06T18:30:00");
    world.restart().await;
    world.run_until(at("2026-03-08T23:00:00")).await;
    assert_eq!(mornings(&world, JAN).len(), 1, "Friday's came too late to be of use");
    world.run_until(at("2026-03-09T08:30:00")).await;
    assert_eq!(mornings(&world, JAN).len(), 2);
}

#[tokio::test]
async fn what_exceeds_the_limit_becomes_one_digest() {
    let mut world = World::new("omnistock", at("2026-03-06T09:15:00"), |house| {
        house.limits.staff_mails_per_day = 2;
        house.limits.notices_per_hour = 0;
    })
    .await;
    let mut references = Vec::new();
    for n in 0..5 {
        references.push(world.mail(&complaint(n)).await.reference.expect("a reference"));
    }
    let to_jan = |world: &World| world.sent.iter().filter(|s| s.to == JAN).count();
    assert_eq!(to_jan(&world), 2);
    let held = |world: &World| {
        let open = world.engine.store().outbox_open().expect("the outbox can be read");
        open.iter().filter(|entry| entry.status == NoticeStatus::Held).count()
    };
    assert_eq!(held(&world), 3);
    // A day has passed, but it is no working day: they wait for Monday's digest instead of leaving one by one.
    world.run_until(at("2026-03-08T23:00:00")).await;
    assert_eq!((to_jan(&world), held(&world)), (2, 3));
    world.run_until(at("2026-03-09T08:45:00")).await;
    assert_eq!((to_jan(&world), held(&world)), (2, 0), "they are told of, and wait no longer");
    let text = last(&world, JAN).text();
    for reference in &references {
        assert!(text.contains(reference), "{text}");
    }
    assert_eq!(text.matches("Nieuwe klacht").count(), 3, "{text}");
    let retired = world.shown(&references[4])["notices"].clone();
    assert_eq!(retired[1]["kind"], "staff_new");
    assert_eq!(retired[1]["status"], "held");
    world.run_until(at("2026-03-10T08:45:00")).await;
    assert_eq!(mornings(&world, JAN), ["03-09 08:30", "03-10 08:30"]);
    world.check();
}

#[tokio::test]
async fn what_was_set_aside_is_counted_once_and_for_operators_too() {
    let operator = |house: &mut klachtd::domain::house::House| {
        house.staff[1].roles = vec!["operator".to_owned()];
        house.staff.remove(0);
    };
    let mut world = World::new("omnistock", at("2026-03-05T09:15:00"), operator).await;
    for n in 0..3 {
        assert_eq!(world.mail(&newsletter(n)).await.fate, Fate::SetAside);
    }
    // It is away on Friday morning and over the weekend: Monday tells it all the same.
    world.now = at("2026-03-06T19:00:00");
    world.restart().await;
    world.mail(&newsletter(3)).await;
    world.mail(&complaint(1)).await;
    world.run_until(at("2026-03-10T12:00:00")).await;
    assert_eq!(mornings(&world, BERTA), ["03-09 08:30"], "and nothing on Tuesday");
    let text = last(&world, BERTA).text();
    assert!(text.contains(": 4 berichten"), "{text}");
    assert!(!text.contains("K-2026"), "an operator handles no complaints: {text}");
    world.check();
}

#[tokio::test]
async fn the_person_complained_about_reads_nothing_of_it() {
    let mut world = World::new("omnistock", start(), |house| house.limits.staff_mails_per_day = 1).await;
    let first = world.mail(&complaint(1)).await.reference.expect("a reference");
    let second = world.mail(&complaint(2)).await.reference.expect("a reference");
    // The alert of the second is held back, and must not be told of either.
    world.order(&second, &format!("#about {JAN}")).await.expect("it is taken");
    world.run_until(at("2026-03-03T08:45:00")).await;
    let text = last(&world, JAN).text();
    assert!(text.contains(&first) && !text.contains(&second), "{text}");
    let text = last(&world, BERTA).text();
    assert!(text.contains(&second) && !text.contains(&first), "somebody else hears of it: {text}");
    world.check();
}

#[tokio::test]
async fn without_staff_there_is_no_morning() {
    let mut world = World::new("omnistock", start(), |house| house.staff.clear()).await;
    world.mail(&complaint(1)).await;
    world.run_until(start().checked_add(72.hours()).expect("in the calendar")).await;
    assert!(world.digests.is_empty());
    assert!(world.engine.next_moment(&[]).expect("readable").is_some_and(|at| at > world.now));
}

#[tokio::test]
async fn an_open_complaint_without_anything_due_is_told_of_too() {
    let mut world = world().await;
    let reference = world.mail(&complaint(1)).await.reference.expect("a reference");
    let text = "Bevindingen: geen.\nConclusie: gegrond.\nOplossing: geld terug.\nUiterlijk: 20-03-2026";
    world.order(&reference, &format!("#answer founded\n{text}")).await.expect("it is answered");
    world.run_until(at("2026-03-03T12:00:00")).await;
    assert!(world.digests.is_empty(), "an answered complaint waits for nobody");
    let reply = b"From: klant1@klant.test\r\nTo: directie@omnistock.test\r\nSubject: Re: Klacht 1\r\nMessage-ID: <r@klant.test>\r\n\
        In-Reply-To: <m1@klant.test>\r\n\r\nHier ben ik het niet mee eens, het geld is er nog niet.\r\n";
    assert_eq!(world.mail(reply).await.fate, Fate::FollowUp);
    world.run_until(at("2026-03-04T12:00:00")).await;
    let text = last(&world, JAN).text();
    assert!(text.contains(&reference) && text.contains("beantwoord"), "{text}");
    world.check();
}

#[tokio::test]
async fn a_letter_in_a_closed_complaint_is_told_of_until_it_is_settled() {
    let mut world = world().await;
    let reference = world.mail(&complaint(1)).await.reference.expect("a complaint");
    world.order(&reference, "#close resolved we sent another").await.expect("it is closed");
    world.run_until(at("2026-03-04T12:00:00")).await;
    let before = world.digests.len();
    let reply = b"From: klant1@klant.test\r\nTo: directie@omnistock.test\r\nSubject: Re: Klacht 1\r\nMessage-ID: <r@klant.test>\r\n\
        In-Reply-To: <m1@klant.test>\r\n\r\nDat is niet zo, er kwam niets.\r\n";
    assert_eq!(world.mail(reply).await.fate, Fate::FollowUp);
    world.run_until(at("2026-03-06T12:00:00")).await;
    assert_eq!(world.digests.len(), before + 2, "on both mornings");
    assert!(last(&world, JAN).text().contains(&reference));
    world.order(&reference, "#note\nGelezen, er volgt een nieuwe klacht.").await.expect("it is noted");
    world.run_until(at("2026-03-10T12:00:00")).await;
    assert_eq!(world.digests.len(), before + 2, "and no more");
    world.check();
}
