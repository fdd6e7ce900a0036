//! What goes wrong with one thing stops no other (product: "When things go wrong").

#[path = "common/world.rs"]
mod world;

use jiff::{Timestamp, ToSpan};
use klachtd::domain::complaint::{Complaint, NoticeStatus};
use klachtd::domain::fact::{ComplaintId, Fate, NoticeId};
use klachtd::domain::outgoing::Outgoing;
use klachtd::engine::EngineError;
use klachtd::outbox::deliver::Delivery;
use klachtd::register::Filter;
use klachtd::rules::Rules;
use klachtd::setup::{self, SetupError};
use klachtd::store::StoreError;
use world::World;

const MAILBOX: &str = "omnistock";
const JAN: &str = "jan@omnistock.test";
const BERTA: &str = "berta@omnistock.test";

fn at(moment: &str) -> Timestamp {
    format!("{moment}+01:00").parse().expect("a moment")
}

async fn world() -> World {
    World::new(MAILBOX, at("2026-03-02T09:15:00"), |_| {}).await
}

fn complaint(n: usize) -> Vec<u8> {
    format!(
        "From: klant{n}@klant.test\r\nTo: directie@omnistock.test\r\nSubject: Klacht {n}\r\nMessage-ID: <m{n}@klant.test>\r\n\
         Date: Mon, 2 Mar 2026 09:00:00 +0100\r\n\r\nMijn bestelling {n} is kapot aangekomen. Ik wil mijn geld terug.\r\n"
    )
    .into_bytes()
}

fn entries(world: &World) -> Vec<Outgoing> {
    world.engine.store().outbox_page(None, 1000).expect("the outbox can be read")
}

fn first(world: &World) -> Complaint {
    world.engine.store().complaint(ComplaintId(1)).expect("readable").expect("it is there")
}

/// Whether somebody was told in these words, however the lines break.
fn told(world: &World, to: &str, words: &str) -> bool {
    sent_to(world, to)
        .any(|sent| sent.text().split_whitespace().collect::<Vec<_>>().join(" ").contains(words))
}

fn sent_to<'a>(world: &'a World, to: &'a str) -> impl Iterator<Item = &'a world::Sent> {
    world.sent.iter().filter(move |sent| sent.to == to)
}

#[tokio::test]
async fn a_crash_loop_gives_up_only_what_was_alone_on_the_wire() {
    let mut world = world().await;
    let mails: Vec<Vec<u8>> = (1..=4).map(complaint).collect();
    world.mails_at_once(&mails.iter().map(Vec::as_slice).collect::<Vec<_>>()).await;
    let together = world.engine.claim(MAILBOX, world.now, 64).await.expect("a claim");
    assert_eq!(together.len(), 8, "four acknowledgements and four mails to staff");
    for _ in 0..4 {
        world.restart().await;
        let alone = world.engine.claim(MAILBOX, world.now, 64).await.expect("a claim");
        assert_eq!(alone.iter().map(|dispatch| dispatch.id).collect::<Vec<_>>(), [1]);
        assert!(
            world.engine.claim(MAILBOX, world.now, 64).await.expect("a claim").is_empty(),
            "no other beside it"
        );
        assert_eq!(
            world.engine.next_moment(&[]).expect("readable").filter(|next| *next <= world.now),
            None,
            "the loop would spin"
        );
    }
    world.restart().await;
    world.settle_down().await;
    let first = &entries(&world)[0];
    assert_eq!((first.status, first.attempts), (NoticeStatus::Unknown, 5));
    for innocent in &entries(&world)[1..8] {
        assert_eq!((innocent.status, innocent.attempts), (NoticeStatus::Sent, 2), "{innocent:?}");
    }
    assert!(told(&world, BERTA, "5 attempts were cut off"));
    world.check();
}

#[tokio::test]
async fn a_complaint_that_cannot_be_read_stops_no_other() {
    let mut world = world().await;
    let lost = world.mail(&complaint(1)).await.reference.expect("a complaint");
    let pinned = first(&world).procedure.sha256;
    let directory = tempfile::tempdir().expect("a directory");
    for folder in ["procedures", "texts"] {
        std::fs::create_dir(directory.path().join(folder)).expect("a directory");
    }
    let (file, text) = ("procedures/omnistock.toml", "texts/omnistock.txt");
    let config = std::path::Path::new("config");
    let source =
        std::fs::read_to_string(config.join(file)).expect("the procedure") + "\n# A later version.\n";
    std::fs::write(directory.path().join(file), source).expect("written");
    std::fs::copy(config.join(text), directory.path().join(text)).expect("copied");
    let (rules, faults) = Rules::load(Some(&directory.path().join("procedures")));
    assert!(faults.is_empty(), "{faults:?}");
    world.restart_under(rules).await;
    let kept = world.mail(&complaint(2)).await.reference.expect("a complaint");
    world.lose(&pinned);
    let before = world.sent.len();
    world.run_until(at("2026-03-14T10:00:00")).await;
    let alerts: Vec<String> = world.sent[before..].iter().map(world::Sent::subject).collect();
    assert!(alerts.iter().any(|subject| subject.contains(&kept)), "its terms are kept: {alerts:?}");
    let alarms: Vec<&String> =
        alerts.iter().filter(|subject| subject.contains("klacht is niet leesbaar")).collect();
    assert_eq!(alarms.len(), 1, "told once: {alerts:?}");
    let listed =
        klachtd::register::list(&mut world.engine, &Filter::default(), None, world.now).expect("a list");
    let rows = serde_json::to_value(&listed).expect("rows");
    assert_eq!(
        (rows["complaints"].as_array().map(Vec::len), &rows["complaints"][0]["reference"]),
        (Some(1), &kept.into())
    );
    assert_eq!(listed.damaged.iter().map(|damaged| damaged.id.0).collect::<Vec<_>>(), [1]);
    let offered = klachtd::register::references(&mut world.engine, "").expect("candidates");
    assert_eq!(offered.len(), 1);
    assert!(matches!(
        klachtd::register::show(&mut world.engine, &lost, world.now),
        Err(EngineError::Store(StoreError::Missing(_)))
    ));
    let reply = world.ask(klachtd::answers::Ask::Show { reference: lost }).await;
    assert_eq!(reply.exit, klachtd::answers::exit::DATAERR, "who asks learns of it, and the service goes on");
}

#[tokio::test]
async fn a_notice_without_its_bytes_is_told_of_and_the_others_leave() {
    let mut world = world().await;
    world.mails_at_once(&[&complaint(1), &complaint(2)]).await;
    world.lose(&entries(&world)[0].sha256.clone());
    world.settle_down().await;
    let statuses: Vec<NoticeStatus> = entries(&world)[..4].iter().map(|entry| entry.status).collect();
    assert_eq!(statuses[0], NoticeStatus::Failed);
    assert!(statuses[1..].iter().all(|status| *status == NoticeStatus::Sent), "{statuses:?}");
    assert!(told(&world, BERTA, "is not in the store"));
    assert_eq!(sent_to(&world, "klant2@klant.test").count(), 1);
}

#[tokio::test]
async fn a_content_that_cannot_be_read_is_told_of_and_the_service_goes_on() {
    let mut world = world().await;
    let reference = world.mail(&complaint(1)).await.reference.expect("a complaint");
    world.mails_at_once(&[&complaint(2)]).await;
    let letter = first(&world).letters[0].letter.clone();
    let waiting: Vec<Outgoing> = entries(&world).into_iter().filter(|entry| entry.attempts == 0).collect();
    for sha256 in [&letter.sha256, &waiting[0].sha256] {
        world.obstruct(sha256);
    }
    for raw in [false, true] {
        let ask = klachtd::answers::Ask::Letter { reference: reference.clone(), n: 1, raw };
        assert_eq!(world.ask(ask).await.exit, klachtd::answers::exit::DATAERR);
    }
    world.settle_down().await;
    let after = entries(&world);
    let status = |entry: &Outgoing| after.iter().find(|now| now.id == entry.id).expect("it is there").status;
    assert_eq!(status(&waiting[0]), NoticeStatus::Failed);
    assert!(waiting[1..].iter().all(|entry| status(entry) == NoticeStatus::Sent), "{after:?}");
    assert!(told(&world, BERTA, "can't be read"));
}

#[tokio::test]
async fn a_retry_leaves_alone_what_is_under_way() {
    let mut world = world().await;
    world.mails_at_once(&[&complaint(1)]).await;
    assert_eq!(world.engine.claim(MAILBOX, world.now, 64).await.expect("a claim").len(), 2);
    assert_eq!(world.engine.retry(None, world.now).await.expect("taken").woken, 2);
    assert!(world.engine.claim(MAILBOX, world.now, 64).await.expect("a claim").is_empty());
    world.now += 20.minutes();
    let next = world.engine.next_moment(&[]).expect("readable").expect("a term");
    assert!(next > world.now, "its lease has passed, and yet it is no reason to wake up");
}

#[tokio::test]
async fn a_bounce_before_the_answer_is_the_newer_news() {
    let mut world = world().await;
    let mail = world.mails_at_once(&[&complaint(1)]).await;
    let reference = mail[0].reference.clone().expect("a complaint");
    let dispatches = world.engine.claim(MAILBOX, world.now, 64).await.expect("a claim");
    let bounce = format!(
        "From: MAILER-DAEMON@mx.klant.test\r\nTo: {}\r\nSubject: Undelivered\r\nMessage-ID: <dsn@mx.klant.test>\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nNo such user.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.klant.test\r\n\r\nFinal-Recipient: rfc822; klant1@klant.test\r\nAction: failed\r\n\
         Status: 5.1.1\r\n\r\n--b--\r\n",
        dispatches[0].envelope_from
    );
    assert_eq!(world.mail_at(bounce.as_bytes(), "imap:1/9", Some((1, 9))).await.fate, Fate::Bounced);
    let accepted = |id| (NoticeId(id), Delivery::Accepted { reply: "250 Ok".to_owned() });
    let answers: Vec<_> = dispatches.iter().map(|dispatch| accepted(dispatch.id)).collect();
    world.engine.settle(&answers, world.now).await.expect("recorded");
    world.settle_down().await;
    assert_eq!(entries(&world)[0].status, NoticeStatus::Bounced);
    let shown = world.shown(&reference);
    assert_eq!(shown["notices"][0]["status"], "bounced");
    assert_eq!(shown["terms"][0]["status"], "running", "the acknowledgement proves nothing");
    world.check();
}

#[tokio::test]
async fn what_was_given_up_stays_given_up() {
    let mut world = world().await;
    world.mails_at_once(&[&complaint(1)]).await;
    let dispatches = world.engine.claim(MAILBOX, world.now, 64).await.expect("a claim");
    assert!(world.engine.drop_notice(NoticeId(1), world.now).await.expect("dropped"));
    let later = Delivery::Deferred { reply: "451 later".to_owned() };
    world.engine.settle(&[(NoticeId(dispatches[0].id), later)], world.now).await.expect("recorded");
    world.run_until(at("2026-03-02T12:00:00")).await;
    assert!(!entries(&world)[0].lives());
    assert_eq!(sent_to(&world, "klant1@klant.test").count(), 0);
}

#[tokio::test]
async fn a_mail_that_cannot_be_registered_is_set_aside_alone() {
    let mut world = world().await;
    let mut batch = Vec::new();
    for n in 1..=3 {
        batch.push(world.arrived(&complaint(n), &format!("imap:1/{n}"), Some((1, 1))).await);
    }
    batch[1].letter.fields.insert("description".to_owned(), "x".repeat(9 << 20));
    let outcomes = world.engine.take(&batch, world.now).await.expect("the service goes on");
    let fates: Vec<Fate> = outcomes.iter().map(|outcome| outcome.fate).collect();
    assert_eq!(fates, [Fate::Complaint, Fate::SetAside, Fate::Complaint]);
    assert!(outcomes[1].reason.contains("can't be stored"), "{}", outcomes[1].reason);
    world.settle_down().await;
    assert!(told(&world, BERTA, "can't be stored"), "staff are told");
    let again = world.engine.take(&batch[1..2], world.now).await.expect("known by its place");
    assert_eq!(again[0].fate, Fate::SetAside);
    world.check();
}

#[tokio::test]
async fn two_mails_of_which_nothing_is_known_are_two() {
    let mut world = world().await;
    for _ in 0..2 {
        let outcome = world.mail(b"").await;
        assert_eq!((outcome.fate, outcome.reason.as_str()), (Fate::SetAside, "it is empty"));
    }
    assert_eq!(sent_to(&world, BERTA).count(), 2, "staff are told of both");
}

#[tokio::test]
async fn no_flood_holds_back_the_warning_that_a_term_lapses() {
    let mut world =
        World::new(MAILBOX, at("2026-03-02T09:15:00"), |house| house.limits.staff_mails_per_day = 5).await;
    let reference = world.mail(&complaint(1)).await.reference.expect("a complaint");
    let warned =
        |world: &World| sent_to(world, JAN).filter(|sent| sent.subject().contains("Nog 1 werkdag")).count();
    world.run_until(at("2026-03-13T08:50:00")).await;
    for n in 0..30 {
        let forged =
            format!("From: {JAN}\r\nTo: directie@omnistock.test\r\nMessage-ID: <f{n}@x>\r\n\r\n#close x\r\n");
        world.mail(forged.as_bytes()).await;
    }
    assert!(
        entries(&world).iter().any(|entry| entry.status == NoticeStatus::Held),
        "the flood meets its limit"
    );
    assert_eq!(warned(&world), 0);
    world.run_until(at("2026-03-13T09:00:00")).await;
    assert_eq!(warned(&world), 1, "{reference}: {}", world.transcript());
}

#[tokio::test]
async fn open_work_of_a_mailbox_that_is_gone_is_named_at_the_start() {
    let mut world = world().await;
    world.mails_at_once(&[&complaint(1)]).await;
    let (store, mut house) = (world.engine.store().clone(), world.engine.settings().house.clone());
    setup::check_mailboxes(&store, &house).expect("all is there");
    house.mailboxes[0].name = "renamed".to_owned();
    let refused = setup::check_mailboxes(&store, &house).expect_err("nobody would hear of its terms");
    assert!(
        matches!(&refused, SetupError::NoMailbox { name, complaints: 1, notices: 2 } if name == MAILBOX),
        "{refused}"
    );
}
