//! The deadman: each trouble is told once when it begins and once when it is over, by a way that is open (product: "When
//! things go wrong").

#[path = "alarms/clock.rs"]
mod clock;
#[path = "common/world.rs"]
mod world;

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use klachtd::alarms::{self, Alarms, Watch};
use klachtd::answers::{self, Ask};
use klachtd::domain::complaint::NoticeStatus;
use klachtd::domain::event::TroubleKind;
use klachtd::domain::house::House;
use klachtd::domain::mail::{Language, Party};
use klachtd::domain::notice::NoticeKind;
use klachtd::domain::outgoing::Outgoing;
use klachtd::engine::{Engine, Settings};
use klachtd::health::Health;
use klachtd::outbox::deliver::Delivery;
use klachtd::store::faults::{Fault, Faults};
use klachtd::store::{CountKey, Store};
use klachtd::tls::SeenCertificate;
use serde_json::Value;
use world::World;

const MAILBOX: &str = "omnistock";
const OTHER: &str = "websec";
const JAN: &str = "jan@omnistock.test";
const BERTA: &str = "berta@omnistock.test";

fn at(moment: &str) -> Timestamp {
    format!("{moment}+01:00").parse().expect("a moment")
}

fn minutes(n: u64) -> Duration {
    Duration::from_mins(n)
}

/// A world under watch.
struct Watched {
    world: World,
    health: Health,
    alarms: Alarms,
    /// The clock that nobody can set.
    uptime: Duration,
    /// Whether the disk has no room.
    full: bool,
}

impl Watched {
    async fn new(change: impl FnOnce(&mut House)) -> Self {
        Self::over(World::new(MAILBOX, at("2026-03-02T09:15:00"), change).await, true)
    }

    fn over(world: World, fetched: bool) -> Self {
        Self::over_with(world, fetched, Vec::new())
    }

    fn over_with(world: World, fetched: bool, servers: Vec<alarms::Watched>) -> Self {
        let names: Vec<String> =
            world.engine.settings().house.mailboxes.iter().map(|m| m.name.clone()).collect();
        let health = Health::of(names.clone());
        let polls: BTreeMap<String, Duration> = names.iter().map(|name| (name.clone(), minutes(1))).collect();
        let watch = Watch { polls, servers };
        let alarms = Alarms::start(watch, &world.engine, &health, world.now).expect("it starts");
        for name in names.iter().filter(|_| fetched) {
            health.fetched(name, 0, world.now);
        }
        Self { world, health, alarms, uptime: minutes(10_000), full: false }
    }

    /// As after a crash: what is only in memory is gone.
    async fn restart(mut self) -> Self {
        self.world.restart().await;
        let mut again = Self::over(self.world, true);
        again.look().await;
        again
    }

    async fn look(&mut self) {
        let now = (self.world.now, self.uptime);
        let watched = self.alarms.watch(&mut self.world.engine, &self.health, self.full, now);
        watched.await.expect("it goes on");
    }

    /// Time passes, and it is looked; mailboxes answer, unless they are named.
    async fn pass(&mut self, by: Duration, silent: &[&str]) {
        let end = self.world.now + by;
        while self.world.now < end {
            self.world.now = (self.world.now + minutes(1)).min(end);
            self.uptime += minutes(1);
            for (name, _) in self.health.mailboxes() {
                if !silent.contains(&name.as_str()) {
                    self.health.fetched(&name, 0, self.world.now);
                }
            }
            self.look().await;
        }
    }

    /// What waits in one mailbox is tried now.
    async fn send(&mut self, mailbox: &str, answer: impl Fn(u64) -> Delivery) {
        let due = self.world.engine.claim(mailbox, self.world.now, 64).await.expect("a claim");
        let results: Vec<_> = due
            .iter()
            .map(|dispatch| (klachtd::domain::fact::NoticeId(dispatch.id), answer(dispatch.id)))
            .collect();
        for (_, delivery) in &results {
            match delivery {
                Delivery::Away { reason } => {
                    self.health.troubled(mailbox, TroubleKind::Smtp, reason, self.world.now);
                }
                _ => self.health.answered(mailbox, self.world.now),
            }
        }
        self.world.engine.settle(&results, self.world.now).await.expect("recorded");
    }

    async fn send_well(&mut self, mailbox: &str) {
        self.send(mailbox, |_| Delivery::Accepted { reply: "250 Ok".to_owned() }).await;
    }

    async fn send_in_vain(&mut self, mailbox: &str) {
        self.send(mailbox, |_| Delivery::Away { reason: "connection refused".to_owned() }).await;
    }

    fn entries(&self) -> Vec<Outgoing> {
        self.world.engine.store().outbox_page(None, 1_000).expect("the outbox can be read")
    }

    /// Alarms that were made: through which mailbox, to whom, where they stand, and their subject and text.
    fn told(&self) -> Vec<(String, String, NoticeStatus, String)> {
        let alarms = self.entries().into_iter().filter(|entry| entry.kind == NoticeKind::StaffAlarm);
        let read = |entry: Outgoing| {
            let bytes = self.world.engine.store().content(&entry.sha256).expect("its bytes");
            let sent = world::Sent {
                at: entry.queued_at,
                envelope_from: String::new(),
                to: entry.to.clone(),
                bytes,
                reply: String::new(),
            };
            let words = format!("{}\n{}", sent.subject(), sent.text());
            (entry.mailbox, entry.to, entry.status, words.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        alarms.map(read).collect()
    }

    fn words(&self) -> Vec<String> {
        self.told().into_iter().map(|(_, _, _, words)| words).collect()
    }

    async fn status(&mut self) -> (u8, Vec<Value>) {
        let (engine, health) = (&mut self.world.engine, &self.health);
        let reply = answers::answer(engine, health, Ask::Status, self.world.now).await.expect("an answer");
        (reply.exit, reply.body["alarms"].as_array().expect("a list").clone())
    }
}

fn complaint(n: usize) -> Vec<u8> {
    format!(
        "From: klant{n}@klant.test\r\nTo: directie@omnistock.test\r\nSubject: Klacht {n}\r\nMessage-ID: <m{n}@klant.test>\r\n\
         Date: Mon, 2 Mar 2026 09:00:00 +0100\r\n\r\nMijn bestelling {n} is kapot aangekomen. Ik wil mijn geld terug.\r\n"
    )
    .into_bytes()
}

/// A second mailbox in the same house, with its own way out.
fn second_mailbox(house: &mut House) {
    let mut other = house.mailboxes[0].clone();
    OTHER.clone_into(&mut other.name);
    OTHER.clone_into(&mut other.procedure);
    other.from = Party { name: Some("Websec".to_owned()), email: "complaints@websec.test".to_owned() };
    other.aliases.clear();
    house.mailboxes.push(other);
}

#[tokio::test]
async fn a_mailbox_that_says_nothing_at_all_is_told_of_and_its_end_too() {
    let mut watched = Watched::new(|house| house.staff[1].language = Language::En).await;
    watched.pass(minutes(15), &[MAILBOX]).await;
    assert_eq!(watched.status().await, (0, Vec::new()));
    watched.pass(minutes(1), &[MAILBOX]).await;
    let (exit, alarms) = watched.status().await;
    assert_eq!(exit, 69);
    assert_eq!(alarms[0]["kind"], "mailbox");
    assert_eq!(alarms[0]["mailbox"], MAILBOX);
    assert_eq!(alarms[0]["since"], "2026-03-02T08:15:00Z");
    watched.send_well(MAILBOX).await;
    watched.pass(minutes(120), &[MAILBOX]).await;
    let told = watched.told();
    assert_eq!(told.len(), 1, "once, to the operator: {told:?}");
    assert_eq!(told[0].1, BERTA);
    assert!(told[0].3.starts_with("klachtd: mailbox omnistock can't be reached"), "{}", told[0].3);
    assert!(told[0].3.contains("since Monday 2 March 2026, 09:15"), "{}", told[0].3);
    watched.send_well(MAILBOX).await;
    watched.pass(minutes(1), &[]).await;
    assert_eq!(watched.status().await, (0, Vec::new()));
    let words = watched.words();
    assert_eq!(words.len(), 2);
    assert!(words[1].starts_with("klachtd: over: mailbox omnistock"), "{}", words[1]);
    assert!(words[1].contains("This is over; it began Monday 2 March 2026, 09:15"), "{}", words[1]);
    watched.send_well(MAILBOX).await;
    watched.world.check();
}

#[tokio::test]
async fn an_alarm_takes_the_way_that_is_open() {
    let mut watched = Watched::new(second_mailbox).await;
    watched.world.mails_at_once(&[&complaint(1)]).await;
    watched.send_in_vain(MAILBOX).await;
    watched.pass(minutes(14), &[]).await;
    assert!(watched.told().is_empty());
    watched.pass(minutes(2), &[]).await;
    let told = watched.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].0.as_str(), told[0].1.as_str()), (OTHER, BERTA));
    assert!(
        told[0].3.contains("Versturen voor omnistock lukt niet sinds maandag 2 maart 2026"),
        "{}",
        told[0].3
    );
    watched.send_well(OTHER).await;
    watched.pass(minutes(60), &[]).await;
    assert_eq!(watched.told().len(), 1, "nothing of it waits on the other way: {:?}", watched.told());
    // It is there again: what waited leaves at once, and that it is over is told.
    watched.world.engine.retry(None, watched.world.now).await.expect("woken");
    watched.send_well(MAILBOX).await;
    watched.pass(minutes(1), &[]).await;
    let told = watched.told();
    assert_eq!(told.len(), 2);
    assert!(told[1].3.starts_with("klachtd: voorbij: versturen voor omnistock"), "{}", told[1].3);
    assert!(
        watched.entries().iter().all(|e| e.kind == NoticeKind::StaffAlarm || e.status == NoticeStatus::Sent)
    );
}

#[tokio::test]
async fn an_alarm_that_waits_before_a_shut_door_is_told_another_way_and_not_twice() {
    let mut watched = Watched::new(second_mailbox).await;
    watched.pass(minutes(16), &[MAILBOX]).await;
    assert_eq!(watched.told()[0].0, MAILBOX, "the way seemed open");
    watched.send_in_vain(MAILBOX).await;
    watched.pass(minutes(1), &[MAILBOX]).await;
    let told = watched.told();
    assert_eq!(told.len(), 2);
    assert_eq!((told[0].0.as_str(), told[0].2), (MAILBOX, NoticeStatus::Failed), "taken back");
    assert_eq!((told[1].0.as_str(), told[1].2), (OTHER, NoticeStatus::Queued));
    assert!(told[1].3.contains("omnistock is niet bereikbaar"), "{}", told[1].3);
    let (_, alarms) = watched.status().await;
    assert!(alarms.iter().all(|alarm| alarm["kind"] != "failed"), "{alarms:?}");
    watched.world.engine.retry(None, watched.world.now).await.expect("woken");
    assert!(watched.world.engine.claim(MAILBOX, watched.world.now, 64).await.expect("a claim").is_empty());
}

#[tokio::test]
async fn with_one_way_out_it_waits_and_of_what_is_over_by_then_nothing_is_told() {
    let mut watched = Watched::new(|_| {}).await;
    watched.world.mails_at_once(&[&complaint(1)]).await;
    watched.send_in_vain(MAILBOX).await;
    watched.pass(minutes(16), &[]).await;
    assert_eq!(watched.status().await.0, 69);
    let told = watched.told();
    assert_eq!((told.len(), told[0].0.as_str(), told[0].2), (1, MAILBOX, NoticeStatus::Queued));
    // The server is there again, and the first thing that it takes is not the alarm.
    watched.world.engine.retry(None, watched.world.now).await.expect("woken");
    let first = watched.world.engine.claim(MAILBOX, watched.world.now, 1).await.expect("a claim");
    watched.health.answered(MAILBOX, watched.world.now);
    let accepted = Delivery::Accepted { reply: "250 Ok".to_owned() };
    let id = klachtd::domain::fact::NoticeId(first[0].id);
    watched.world.engine.settle(&[(id, accepted)], watched.world.now).await.expect("recorded");
    watched.pass(minutes(1), &[]).await;
    let told = watched.told();
    assert_eq!((told.len(), told[0].2), (1, NoticeStatus::Failed), "taken back, and nothing more: {told:?}");
    watched.send_well(MAILBOX).await;
    assert_eq!(watched.status().await, (0, Vec::new()));
    watched.world.check();
}

#[tokio::test]
async fn a_service_that_starts_again_and_again_tells_it_once() {
    let mut watched = Watched::new(|_| {}).await;
    let away = |watched: &Watched| watched.health.away(MAILBOX, "refused", watched.world.now);
    away(&watched);
    watched.pass(minutes(16), &[MAILBOX]).await;
    watched.send_well(MAILBOX).await;
    assert_eq!(watched.told().len(), 1);
    for _ in 0..5 {
        watched.world.restart().await;
        watched = Watched::over(watched.world, false);
        away(&watched);
        watched.pass(minutes(20), &[MAILBOX]).await;
        assert_eq!(watched.status().await.0, 69);
    }
    assert_eq!(watched.told().len(), 1, "{:?}", watched.words());
    watched.world.restart().await;
    watched = Watched::over(watched.world, false);
    watched.pass(minutes(1), &[]).await;
    let words = watched.words();
    assert_eq!(words.len(), 2, "that it is over is told, although another start told of it: {words:?}");
    assert!(words[1].starts_with("klachtd: voorbij: postbus omnistock"), "{}", words[1]);
    assert!(words[1].contains("Dit is voorbij."), "since when is not known any more: {}", words[1]);
    watched = watched.restart().await;
    watched.pass(minutes(30), &[]).await;
    assert_eq!(watched.told().len(), 2);
}

/// Alarms that may still leave: through which mailbox, and their text.
fn waiting(told: Vec<(String, String, NoticeStatus, String)>) -> Vec<(String, String)> {
    let waits = told.into_iter().filter(|(_, _, status, _)| *status == NoticeStatus::Queued);
    waits.map(|(through, _, _, words)| (through, words)).collect()
}

#[tokio::test]
async fn an_alarm_that_has_not_left_at_a_restart_is_not_taken_for_told() {
    for other_is_away in [false, true] {
        let mut watched = Watched::new(second_mailbox).await;
        watched.pass(minutes(16), &[MAILBOX]).await;
        if other_is_away {
            watched.health.troubled(OTHER, TroubleKind::Smtp, "refused", watched.world.now);
        }
        watched.send_in_vain(MAILBOX).await;
        assert_eq!(waiting(watched.told()).len(), 1);
        watched.world.restart().await;
        let mut watched = Watched::over(watched.world, false);
        if other_is_away {
            watched.health.troubled(OTHER, TroubleKind::Smtp, "refused", watched.world.now);
        }
        watched.send_in_vain(MAILBOX).await;
        watched.pass(minutes(20), &[MAILBOX]).await;
        if other_is_away {
            assert_eq!(waiting(watched.told())[0].0, MAILBOX, "there is no other way");
            watched.health.answered(OTHER, watched.world.now);
            watched.pass(minutes(1), &[MAILBOX]).await;
        }
        let told = waiting(watched.told());
        let of_mailbox = |(_, words): &&(String, String)| words.contains("omnistock is niet bereikbaar");
        let through: Vec<&str> = told.iter().filter(of_mailbox).map(|(way, _)| way.as_str()).collect();
        assert_eq!(through, [OTHER], "{told:?}");
        watched.send_well(OTHER).await;
        watched = watched.restart().await;
        watched.pass(minutes(20), &[]).await;
        let words = watched.words();
        let ends = words.iter().filter(|words| words.starts_with("klachtd: voorbij: postbus omnistock"));
        assert_eq!(ends.count(), 1, "and that it is over: {words:?}");
    }
}

#[tokio::test]
async fn of_an_alarm_that_has_not_left_at_a_restart_no_end_is_told() {
    let mut watched = Watched::new(|_| {}).await;
    watched.pass(minutes(16), &[MAILBOX]).await;
    watched = watched.restart().await;
    watched.pass(minutes(1), &[]).await;
    let told = watched.told();
    assert_eq!((told.len(), told[0].2), (1, NoticeStatus::Failed), "taken back, and nothing more: {told:?}");
    watched = watched.restart().await;
    watched.pass(minutes(30), &[]).await;
    assert_eq!(watched.told().len(), 1);
}

#[tokio::test]
async fn an_alarm_is_never_taken_back_before_it_is_told_anew() {
    let mut watched = Watched::new(second_mailbox).await;
    watched.pass(minutes(16), &[MAILBOX]).await;
    watched.send_in_vain(MAILBOX).await;
    watched.uptime += minutes(1);
    let store = watched.world.engine.store().clone();
    let mut look = Box::pin(watched.look());
    // The service may be killed between any two of its steps.
    std::future::poll_fn(|context| {
        let step = look.as_mut().poll(context);
        let open = store.outbox_open().expect("the outbox can be read");
        let of_mailbox = |entry: &&Outgoing| entry.tells.as_ref().is_some_and(|t| t.kind == "mailbox");
        assert_eq!(open.iter().filter(of_mailbox).count(), 1);
        step
    })
    .await;
    drop(look);
    assert_eq!(waiting(watched.told())[0].0, OTHER);
}

#[tokio::test]
async fn a_certificate_does_not_get_better_because_nobody_looks_at_it() {
    let unseen = || alarms::Watched {
        mailbox: MAILBOX.to_owned(),
        server: "smtp.omnistock.test:587".to_owned(),
        certificate: SeenCertificate::default(),
    };
    let mut watched = Watched::new(|_| {}).await;
    watched = Watched::over_with(watched.world, true, vec![unseen()]);
    watched.health.troubled(MAILBOX, TroubleKind::Certificate, "it expires", watched.world.now);
    watched.pass(minutes(1), &[]).await;
    watched.send_well(MAILBOX).await;
    for _ in 0..2 {
        watched.world.restart().await;
        watched = Watched::over_with(watched.world, true, vec![unseen()]);
        watched.pass(minutes(60), &[]).await;
        assert_eq!(watched.words().len(), 1, "{:?}", watched.words());
    }
    // The server is not used any more.
    watched = watched.restart().await;
    watched.pass(minutes(20), &[]).await;
    assert!(watched.words()[1].starts_with("klachtd: voorbij: "), "{:?}", watched.words());
}

#[tokio::test]
async fn a_full_disk_is_told_once_however_many_mailboxes_find_it_full() {
    for fetches in [false, true] {
        let mut watched = Watched::new(second_mailbox).await;
        watched.full = true;
        watched.health.troubled(OTHER, TroubleKind::Disk, "1 MB free", watched.world.now);
        watched.health.troubled(MAILBOX, TroubleKind::Disk, "1 MB free", watched.world.now);
        watched.pass(minutes(20), &[]).await;
        assert_eq!(watched.words().len(), 1, "{:?}", watched.words());
        watched.send_well(MAILBOX).await;
        if fetches {
            watched.health.well(OTHER, TroubleKind::Disk);
            watched.pass(minutes(1), &[]).await;
        } else {
            watched = watched.restart().await;
        }
        let words = watched.words();
        assert_eq!(words.len(), 2, "{words:?}");
        assert!(words[1].starts_with("klachtd: voorbij: "), "{}", words[1]);
        watched.pass(minutes(30), &[]).await;
        assert_eq!(watched.status().await, (0, Vec::new()));
        assert_eq!(watched.words().len(), 2);
    }
}

#[tokio::test]
async fn a_full_disk_keeps_no_trouble_out_of_the_log() {
    let mut watched = Watched::new(second_mailbox).await;
    let (dir, faults) = (tempfile::tempdir().expect("a directory"), Faults::by(Box::new(|_| Fault::None)));
    let store = Store::open_with(&dir.path().join("store"), faults.clone()).expect("a store");
    let settings = Settings::clone(watched.world.engine.settings());
    watched.world.engine = Engine::start(store, settings).await.expect("an engine");
    let path = dir.path().join("log");
    let log = Arc::new(File::create(&path).expect("a log"));
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let lines = || std::fs::read_to_string(&path).expect("a log");
    faults.fill(true);
    watched.health.away(MAILBOX, "no route", watched.world.now);
    watched.health.away(OTHER, "no route", watched.world.now);
    for _ in 0..3 {
        watched.world.now += minutes(20);
        watched.uptime += minutes(20);
        let now = (watched.world.now, watched.uptime);
        let failed = watched.alarms.watch(&mut watched.world.engine, &watched.health, true, now).await;
        assert!(failed.is_err_and(|e| e.is_full()));
        for mailbox in [MAILBOX, OTHER] {
            let told = |line: &&str| {
                line.contains("alarm: no mail can be fetched")
                    && line.contains(&format!("mailbox=\"{mailbox}\""))
            };
            assert_eq!(lines().lines().filter(told).count(), 1, "of {mailbox}:\n{}", lines());
        }
    }
    faults.fill(false);
    watched.full = false;
    watched.pass(minutes(1), &[MAILBOX, OTHER]).await;
    let told = watched.words().iter().filter(|words| words.contains("niet bereikbaar")).count();
    assert_eq!(told, 2, "{:?}", watched.words());
}

#[tokio::test]
async fn notices_that_do_not_leave_are_told_of() {
    let mut watched = Watched::new(second_mailbox).await;
    watched.world.mails_at_once(&[&complaint(1)]).await;
    watched.send(MAILBOX, |_| Delivery::Deferred { reply: "450 4.7.1 greylisted".to_owned() }).await;
    watched.pass(minutes(14), &[]).await;
    assert!(watched.told().is_empty());
    watched.pass(minutes(1), &[]).await;
    let told = watched.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, OTHER, "what does not drain is no way for an alarm");
    assert!(told[0].3.contains("2 in de wacht, de oudste sinds 2026-03-02 08:15 UTC"), "{}", told[0].3);
    assert_eq!(watched.status().await.1[0]["kind"], "outbox");
    watched.world.engine.retry(None, watched.world.now).await.expect("woken");
    watched.send_well(MAILBOX).await;
    watched.send_well(OTHER).await;
    watched.pass(minutes(1), &[]).await;
    assert!(
        watched.words()[1].starts_with("klachtd: voorbij: berichten van omnistock"),
        "{:?}",
        watched.words()
    );
}

#[tokio::test]
async fn a_term_that_lapses_unseen_is_told_of_by_the_last_net() {
    let mut watched = Watched::new(|_| {}).await;
    let reference = watched.world.mail(&complaint(1)).await.reference.expect("a complaint");
    watched.world.quiet_mornings().await;
    // No warning to the handler arrives: his own server refuses them all.
    let refused = Delivery::Rejected { reply: "550 5.1.1 no such user".to_owned() };
    watched.world.answers.insert(JAN.to_owned(), VecDeque::from(vec![refused; 50]));
    watched.world.run_until(at("2026-03-12T18:00:00")).await;
    watched.pass(minutes(30), &[]).await;
    let unseen = |watched: &Watched| watched.words().iter().filter(|w| w.contains("ongezien")).count();
    assert_eq!(unseen(&watched), 0, "there is time");
    // On the last working day before the end; the safety net of this procedure acts at 16:00 of that day.
    watched.world.run_until(at("2026-03-13T09:00:00")).await;
    watched.pass(minutes(30), &[]).await;
    let words = watched.words();
    let told: Vec<&String> = words.iter().filter(|w| w.contains("ongezien")).collect();
    assert_eq!(told.len(), 1, "{words:?}");
    assert!(told[0].contains(&format!("{reference} (2026-03-16)")), "{}", told[0]);
    let (_, alarms) = watched.status().await;
    assert!(alarms.iter().any(|alarm| alarm["kind"] == "term"), "{alarms:?}");
    watched.pass(minutes(60), &[]).await;
    assert_eq!(unseen(&watched), 1, "once");
    let mut watched = watched.restart().await;
    watched.pass(minutes(60), &[]).await;
    assert_eq!(unseen(&watched), 1, "also after another start");
    // Somebody answers.
    let text = "#answer founded\nConclusie: u hebt gelijk, en u krijgt uw geld terug.\nOplossing: u krijgt uw geld terug.\nBevindingen: het was stuk.\nOnderzoek: gekeken.";
    watched.world.order(&reference, text).await.expect("an answer");
    watched.pass(minutes(10), &[]).await;
    let (_, alarms) = watched.status().await;
    assert!(alarms.iter().all(|alarm| alarm["kind"] != "term"), "{alarms:?}");
    assert_eq!(unseen(&watched), 2, "its end is told");
}

#[tokio::test]
async fn a_term_of_which_a_warning_arrived_is_seen() {
    let mut watched = Watched::new(|_| {}).await;
    watched.world.mail(&complaint(1)).await;
    watched.world.run_until(at("2026-03-13T12:00:00")).await;
    watched.pass(minutes(30), &[]).await;
    assert!(watched.words().is_empty(), "{:?}", watched.words());
}
