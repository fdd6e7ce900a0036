//! A clock that is set, and a machine that slept.

use super::*;

#[tokio::test]
async fn a_clock_that_is_set_is_told_of_and_nothing_else() {
    for (by, word) in [(-24 * 60, "terug"), (24 * 60, "vooruit")] {
        let mut watched = Watched::new(|_| {}).await;
        watched.world.mails_at_once(&[&complaint(1)]).await;
        watched.send(MAILBOX, |_| Delivery::Deferred { reply: "450 later".to_owned() }).await;
        watched.pass(minutes(3), &[]).await;
        let next = |watched: &Watched| watched.entries().iter().filter_map(|entry| entry.next_at).max();
        watched.world.now += jiff::SignedDuration::from_mins(by);
        watched.look().await;
        assert!(next(&watched) <= Some(watched.world.now), "what waits is tried by the new clock");
        watched.send_well(MAILBOX).await;
        let words = watched.words();
        assert_eq!(words.len(), 1, "{words:?}");
        assert!(words[0].contains("24 uur en 0 minuten") && words[0].contains(word), "{}", words[0]);
        assert_eq!(watched.status().await.1[0]["kind"], "clock");
        watched.pass(minutes(20), &[]).await;
        assert_eq!(watched.status().await, (0, Vec::new()));
        assert_eq!(watched.told().len(), 1);
        // The deadman goes by the new clock.
        watched.pass(minutes(16), &[MAILBOX]).await;
        assert_eq!(watched.told().len(), 2);
    }
}

#[tokio::test]
async fn what_a_limit_held_back_does_not_wait_for_a_year_that_was_wrong() {
    let mut watched = Watched::new(|house| house.limits.notices_per_hour = 1).await;
    watched.pass(minutes(3), &[]).await;
    let years = jiff::SignedDuration::from_hours(3 * 365 * 24);
    watched.world.now += years;
    watched.look().await;
    watched.world.mails_at_once(&[&complaint(1), &complaint(2)]).await;
    watched.send_well(MAILBOX).await;
    let held = |watched: &Watched| {
        watched.entries().into_iter().filter(|entry| entry.status == NoticeStatus::Held).count()
    };
    assert_eq!(held(&watched), 1);
    watched.world.now -= years;
    watched.look().await;
    watched.send_well(MAILBOX).await;
    assert_eq!(held(&watched), 0);
}

#[tokio::test]
async fn a_clock_that_is_years_ahead_for_a_while_forgets_nothing_of_today() {
    let mut world = World::new(MAILBOX, at("2026-03-02T09:15:00"), |_| {}).await;
    let made = |world: &World, day| {
        let key = CountKey::Digest(day);
        world.engine.store().count(&key).expect("the store can be read") > 0
    };
    let (first, last) = (Date::constant(2026, 3, 2), Date::constant(2026, 3, 6));
    world.run_until(at("2026-03-06T10:00:00")).await;
    assert!(made(&world, first) && made(&world, last));
    let right = world.now;
    world.now = at("2029-03-05T10:00:00");
    world.engine.tick(world.now, 100).await.expect("a tick");
    world.restart().await;
    world.engine.tick(world.now, 100).await.expect("a tick");
    world.now = right;
    world.engine.tick(world.now, 100).await.expect("a tick");
    assert!(made(&world, first) && made(&world, last));
    // What is long past is forgotten all the same.
    world.run_until(at("2026-03-19T10:00:00")).await;
    assert!(!made(&world, first) && made(&world, last));
}

#[tokio::test]
async fn a_machine_that_slept_has_missed_nothing() {
    let mut watched = Watched::new(|_| {}).await;
    watched.world.mails_at_once(&[&complaint(1)]).await;
    watched.send(MAILBOX, |_| Delivery::Deferred { reply: "450 later".to_owned() }).await;
    watched.pass(minutes(3), &[]).await;
    watched.world.now += minutes(8 * 60);
    watched.uptime += minutes(8 * 60);
    watched.look().await;
    assert!(watched.told().is_empty(), "{:?}", watched.words());
    assert_eq!(watched.status().await, (0, Vec::new()));
}
