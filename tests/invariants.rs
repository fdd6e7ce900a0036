//! What must hold whatever happens, on the real engine and store (ARCHITECTURE.md, "Invariants").

#[path = "common/world.rs"]
mod world;

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan};
use klachtd::domain::fact::Fate;
use klachtd::outbox::deliver::Delivery;
use proptest::prelude::*;
use world::World;

const START: &str = "2026-03-02T09:15:00+01:00";

fn start() -> Timestamp {
    START.parse().expect("a moment")
}

fn complaint(n: usize) -> Vec<u8> {
    format!(
        "From: Klant {n} <klant{n}@klant.test>\r\nTo: directie@omnistock.test\r\nSubject: Klacht {n}\r\n\
         Message-ID: <m{n}@klant.test>\r\n\r\nMijn bestelling nummer {n} is nog steeds niet geleverd. Wat doet u eraan?\r\n"
    )
    .into_bytes()
}

async fn world() -> World {
    World::new("omnistock", start(), |_| {}).await
}

#[tokio::test]
async fn an_accepted_complaint_has_reference_acknowledgement_and_terms_at_once() {
    let mut world = world().await;
    // Nothing is sent in between: what is seen here stands in the same transaction.
    let outcome = world.mail_at(&complaint(1), "imap:1/1", Some((1, 1))).await;
    assert_eq!(outcome.fate, Fate::Complaint);
    let shown = world.shown(outcome.reference.as_deref().expect("a reference"));
    assert_eq!(shown["notices"][0]["kind"], "acknowledgement");
    assert_eq!(shown["notices"][0]["status"], "queued");
    let terms: Vec<&str> =
        shown["terms"].as_array().expect("terms").iter().filter_map(|t| t["id"].as_str()).collect();
    assert_eq!(terms, ["ack", "respond"]);
    assert_eq!(world.engine.store().cursor("omnistock").expect("readable"), Some((1, 1)));
}

#[tokio::test]
async fn the_same_letter_again_changes_nothing() {
    let mut world = world().await;
    let first = world.mail(&complaint(1)).await;
    let reference = first.reference.expect("a reference");
    let (before, sent) = (world.shown(&reference), world.sent.len());

    // Fetched again at the same place: a crash came between commit and move.
    let again = world.mail_at(&complaint(1), "imap:1/1", Some((1, 1))).await;
    assert_eq!((again.fate, again.reference.as_deref()), (Fate::Complaint, Some(reference.as_str())));
    // UIDVALIDITY changed, or moved back by hand: another place, the same letter.
    let again = world.mail_at(&complaint(1), "imap:2/7", Some((2, 7))).await;
    assert_eq!((again.fate, again.reference.as_deref()), (Fate::Duplicate, Some(reference.as_str())));
    // Delivered twice: another header block above the same mail.
    let mut relayed = b"Received: from a by b; Mon, 2 Mar 2026 09:15:00 +0100\r\n".to_vec();
    relayed.extend(complaint(1));
    let again = world.mail_at(&relayed, "imap:2/8", Some((2, 8))).await;
    assert_eq!(again.fate, Fate::Duplicate);

    world.settle_down().await;
    assert_eq!(world.shown(&reference), before);
    assert_eq!(world.sent.len(), sent);
    assert_eq!(world.list().as_array().map(Vec::len), Some(1));
    world.check();
}

#[tokio::test]
async fn the_same_message_id_with_another_body_is_another_letter() {
    let mut world = world().await;
    world.mail(&complaint(1)).await;
    let other =
        String::from_utf8(complaint(1)).expect("ASCII").replace("niet geleverd", "wel geleverd maar kapot");
    let outcome = world.mail(other.as_bytes()).await;
    assert_eq!(outcome.fate, Fate::Complaint);
    assert_eq!(world.list().as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_batch_sees_what_came_before_in_the_same_batch() {
    let mut world = world().await;
    let reply = b"From: klant1@klant.test\r\nTo: directie@omnistock.test\r\nSubject: Re: Klacht 1\r\nMessage-ID: <r@klant.test>\r\n\
        In-Reply-To: <m1@klant.test>\r\n\r\nIk vergat mijn telefoonnummer te noemen, dat is 06-12345678.\r\n";
    let outcomes = world.mails_at_once(&[&complaint(1), &complaint(2), reply, &complaint(1)]).await;
    let fates: Vec<Fate> = outcomes.iter().map(|o| o.fate).collect();
    assert_eq!(fates, [Fate::Complaint, Fate::Complaint, Fate::FollowUp, Fate::Duplicate]);
    assert_eq!(outcomes[0].reference, outcomes[2].reference);
    world.settle_down().await;
    world.check();
}

#[tokio::test]
async fn every_retry_has_the_same_bytes_and_message_id() {
    let mut world = world().await;
    let deferred = || Delivery::Deferred { reply: "451 4.3.0 try later".to_owned() };
    world.answers.insert("klant1@klant.test".to_owned(), (0..6).map(|_| deferred()).collect());
    world.mail(&complaint(1)).await;
    world.run_until(start().checked_add(12.hours()).expect("in the calendar")).await;
    let tries: Vec<_> = world.sent.iter().filter(|s| s.to == "klant1@klant.test").collect();
    assert_eq!(tries.len(), 7);
    assert!(tries.iter().all(|t| t.bytes == tries[0].bytes && t.envelope_from == tries[0].envelope_from));
    let gaps: Vec<i64> = tries.windows(2).map(|w| w[1].at.as_second() - w[0].at.as_second()).collect();
    for (gap, expected) in gaps.iter().zip([10, 30, 120, 240, 480, 960]) {
        assert!((expected * 4 / 5..=expected * 6 / 5 + 1).contains(gap), "{gaps:?}");
    }
    world.check();
}

#[tokio::test]
async fn a_server_that_says_450_for_days_is_asked_each_hour_and_staff_hear_of_it_once() {
    let mut world = world().await;
    world.quiet_mornings().await;
    let deferred = || Delivery::Deferred { reply: "450 4.7.1 try later".to_owned() };
    world.answers.insert("klant1@klant.test".to_owned(), (0..100).map(|_| deferred()).collect());
    world.mail(&complaint(1)).await;
    world.run_until(start().checked_add(168.hours()).expect("in the calendar")).await;
    let reference = world.list()[0]["reference"].as_str().expect("a reference").to_owned();
    let shown = world.shown(&reference);
    assert_eq!(
        (&shown["notices"][0]["status"], &shown["notices"][0]["attempts"]),
        (&"sent".into(), &101.into())
    );
    let tries: Vec<_> = world.sent.iter().filter(|s| s.to == "klant1@klant.test").collect();
    assert_eq!(tries.len(), 101, "until it is taken, and no more");
    assert!(tries.iter().all(|t| t.bytes == tries[0].bytes));
    assert!(tries[100].reply.starts_with("250"), "{}", tries[100].reply);
    let days = tries[100].at.duration_since(tries[0].at).as_hours() / 24;
    assert!((3..=5).contains(&days), "{days} days");
    let gaps = tries.windows(2).map(|w| w[1].at.duration_since(w[0].at).as_secs());
    assert!(gaps.clone().skip(7).all(|gap| (2880..=4321).contains(&gap)), "{:?}", gaps.collect::<Vec<_>>());
    let alarms: Vec<_> =
        world.sent.iter().filter(|s| s.subject().contains("versturen voor omnistock")).collect();
    assert_eq!(alarms.len(), 1, "once, when the term that it serves is about to lapse");
    let words = alarms[0].text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("before its term ends: 450 4.7.1 try later"), "{words}");
    let term = &shown["terms"][0];
    assert_eq!((&term["id"], &term["status"]), (&"ack".into(), &"met_late".into()), "{term}");
    let lapses: Timestamp = term["due_before"].as_str().expect("a moment").parse().expect("a moment");
    assert!((0..=4_320).contains(&lapses.duration_since(alarms[0].at).as_secs()), "{}", alarms[0].at);
    world.check();
}

#[tokio::test]
async fn an_attempt_that_a_crash_cut_off_is_made_again_at_most_five_times() {
    let mut world = world().await;
    world.mail_at(&complaint(1), "imap:1/1", Some((1, 1))).await;
    let mut begun = 0;
    for _ in 0..10 {
        // A new engine on the same store knows nothing of what was under way.
        world.restart().await;
        let given = world.engine.claim("omnistock", world.now, 64).await.expect("a claim");
        begun += given.iter().filter(|d| d.to == "klant1@klant.test").count();
    }
    assert_eq!(begun, 5);
    let reference = world.list()[0]["reference"].as_str().expect("a reference").to_owned();
    assert_eq!(world.shown(&reference)["notices"][0]["status"], "unknown");
}

#[tokio::test]
async fn after_downtime_only_the_newest_alert_is_given_and_never_at_night() {
    let mut world = world().await;
    world.mail(&complaint(1)).await;
    let sent = world.sent.len();
    // Down from the second of March until Thursday the twelfth at 03:00.
    world.now = "2026-03-12T03:00:00+01:00".parse().expect("a moment");
    world.restart().await;
    world.settle_down().await;
    assert_eq!(world.sent.len(), sent, "nothing leaves at three in the morning");
    world.run_until("2026-03-12T09:00:00+01:00".parse().expect("a moment")).await;
    assert_eq!(world.sent.len(), sent + 1, "one alert for the three that were missed");
    world.check();
}

#[tokio::test]
async fn a_clock_that_jumps_back_gives_no_alert_twice() {
    let mut world = world().await;
    world.mail(&complaint(1)).await;
    world.run_until("2026-03-09T10:00:00+01:00".parse().expect("a moment")).await;
    let sent = world.sent.len();
    world.now = "2026-03-08T10:00:00+01:00".parse().expect("a moment");
    world.restart().await;
    world.run_until("2026-03-10T18:00:00+01:00".parse().expect("a moment")).await;
    assert_eq!(world.sent.len(), sent);
}

#[tokio::test]
async fn what_the_hourly_limit_holds_leaves_later_and_nothing_is_dropped() {
    let mut world = World::new("omnistock", start(), |house| house.limits.notices_per_hour = 2).await;
    for n in 0..5 {
        world.mail(&complaint(n)).await;
    }
    let acknowledged = |world: &World| world.sent.iter().filter(|s| s.to.ends_with("@klant.test")).count();
    assert_eq!(acknowledged(&world), 2);
    world.run_until(start().checked_add(3.hours()).expect("in the calendar")).await;
    assert_eq!(acknowledged(&world), 5);
    world.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever the outgoing server says and however often the service restarts: nobody is forgotten, nobody is
    /// acknowledged twice, no alert comes twice, and the store agrees with its journal.
    #[test]
    fn nobody_is_forgotten(steps in prop::collection::vec((0_usize..6, 0_u8..5, 1_i64..200), 1..14)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut world = World::new("omnistock", start(), |house| house.limits.notices_per_hour = 0).await;
            for (who, answer, hours) in steps {
                let to = format!("klant{who}@klant.test");
                let delivery = match answer {
                    0 => Some(Delivery::Deferred { reply: "450 4.2.0 later".to_owned() }),
                    1 => Some(Delivery::Unknown { reason: "no answer".to_owned() }),
                    2 => Some(Delivery::Rejected { reply: "550 5.1.1 no".to_owned() }),
                    _ => None,
                };
                world.answers.entry(to).or_default().extend(delivery);
                world.mail(&complaint(who)).await;
                let until = world.now.checked_add(hours.hours()).expect("in the calendar");
                world.run_until(until).await;
                if answer == 3 {
                    world.restart().await;
                }
            }
            world.check();
            holds(&mut world);
        });
    }
}

fn holds(world: &mut World) {
    for complaint in world.list().as_array().expect("a list") {
        let shown = world.shown(complaint["reference"].as_str().expect("a reference"));
        let notices = shown["notices"].as_array().expect("notices");
        let made = notices.iter().filter(|n| n["kind"] == "acknowledgement").count();
        assert_eq!(made, 1, "one acknowledgement for {}", complaint["reference"]);
        let mut alerts = BTreeSet::new();
        for notice in notices {
            // A new date has alerts of its own; every overdue day has one.
            if notice["kind"] == "progress" {
                alerts.clear();
            }
            if !notice["step"].is_null() {
                let alert = ["to", "term", "step"].map(|key| notice[key].to_string());
                assert!(alerts.insert(alert.clone()), "an alert came twice: {alert:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_address_that_can_not_be_mailed_stops_nobody() {
    let mut world = world().await;
    let odd = b"From: \"weird..local\"@klant.test\r\nTo: directie@omnistock.test\r\nSubject: Klacht\r\nMessage-ID: <w@klant.test>\r\n\r\n\
        Mijn bestelling is nog steeds niet geleverd, wat doet u daaraan?\r\n";
    world.mail(odd).await;
    let outcome = world.mail(&complaint(1)).await;
    assert_eq!(outcome.fate, Fate::Complaint);
    world.check();
}

#[tokio::test]
async fn letters_without_message_id_and_text_of_two_people_stay_two() {
    let mut world = world().await;
    let mail = |who: &str| {
        format!("From: {who}@klant.test\r\nTo: directie@omnistock.test\r\nSubject: Klacht\r\n\r\n")
            .into_bytes()
    };
    let first = world.mail(&mail("anna")).await;
    let second = world.mail(&mail("bert")).await;
    assert_eq!((first.fate, second.fate), (Fate::Complaint, Fate::Complaint));
    assert_eq!(world.mail(&mail("anna")).await.fate, Fate::Duplicate);
}
