use data_encoding::BASE64;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::*;
use crate::answers::ingest;
use crate::clock::SimulatedClock;
use crate::config::ON_MAILDIRS;
use crate::domain::complaint::NoticeStatus;
use crate::domain::fact::NoticeId;
use crate::engine::Outcome;
use crate::store::StoreError;

/// A service on Maildirs, whose loop does not turn yet.
async fn started(once: bool) -> (Daemon, TempDir) {
    let dir = TempDir::new().expect("a directory");
    let file = dir.path().join("klachtd.toml");
    std::fs::write(&file, ON_MAILDIRS).expect("written");
    let config = Config::load(&file).expect("a configuration");
    let store = setup::open_store(&config).await.expect("a store");
    let engine = Engine::start(store, setup::settings(&config).expect("settings")).await.expect("an engine");
    let ways = (setup::sources(&config).expect("sources"), setup::outlets(&config).expect("outlets"));
    let daemon = Daemon::start(config, Clock::System, engine, ways, once).expect("a service");
    (daemon, dir)
}

#[tokio::test]
async fn a_part_that_dies_ends_the_service() {
    for once in [false, true] {
        let (mut daemon, _dir) = started(once).await;
        daemon.tasks.spawn(async { panic!("as a library may on an odd answer") });
        let served = daemon.serve(once).await;
        assert!(matches!(served, Err(DaemonError::PartEnded(_))), "{served:?}");
    }
    let (mut daemon, _dir) = started(false).await;
    daemon.tasks.spawn(async {});
    let served = daemon.serve(false).await;
    assert!(matches!(served, Err(DaemonError::PartEnded(_))), "{served:?}");
}

#[tokio::test]
async fn a_pass_over_an_empty_mailbox_ends() {
    let (mut daemon, _dir) = started(true).await;
    daemon.serve(true).await.expect("served");
    assert_eq!(daemon.passed().expect("an answer"), Passed::Clean);
}

fn full() -> DaemonError {
    let (what, why) = ("write state/blob/x".to_owned(), "no space left on device".to_owned());
    EngineError::Store(StoreError::Io { what, why, full: true }).into()
}

#[tokio::test]
async fn a_full_disk_is_an_alarm_and_no_end() {
    let (mut daemon, _dir) = started(false).await;
    assert!(matches!(daemon.unless_full::<()>(Err(full())), Ok(None)));
    let alarms = daemon.health.alarms(900, daemon.clock.now());
    assert!(alarms.iter().any(|alarm| alarm.kind == TroubleKind::Disk.as_str()), "{alarms:?}");
    daemon.health.fetched("omnistock", 0, daemon.clock.now());
    assert_eq!(daemon.passed().expect("an answer"), Passed::Waiting, "something was left undone");
    daemon.note_room(None);
    assert!(daemon.health.alarms(900, daemon.clock.now()).is_empty());
    assert_eq!(daemon.passed().expect("an answer"), Passed::Clean);
    let broken = EngineError::Store(StoreError::Broken("x".to_owned())).into();
    assert!(daemon.unless_full::<()>(Err(broken)).is_err());
}

#[tokio::test]
async fn answers_that_found_no_room_wait_before_they_are_tried_again() {
    let mut answers = Answers::default();
    answers.add(NoticeId(1), Delivery::NotBegun);
    let taken = answers.take();
    answers.put_back(taken);
    assert!(!answers.are_due());
    assert!(tokio::time::timeout(Duration::from_millis(300), answers.wait()).await.is_err());
    answers.add(NoticeId(2), Delivery::NotBegun);
    assert_eq!(answers.take().iter().map(|(id, _)| id.0).collect::<Vec<_>>(), [1, 2], "in their order");
}

/// A complaint, read, and the loop's end of what its mailroom sends.
async fn complaint(daemon: &Daemon) -> (Wake, oneshot::Receiver<Vec<Outcome>>) {
    let raw = BASE64.encode(
        b"From: J. de Vries <j@klant.test>\r\nTo: directie@omnistock.test\r\nSubject: Kapot\r\n\
          Message-ID: <1@klant.test>\r\n\r\nMijn bestelling kwam kapot aan. Ik wil mijn geld terug.\r\n",
    );
    let (store, settings) = (daemon.engine.store(), daemon.engine.settings());
    let read = ingest::receive(store, settings, "omnistock", &raw, daemon.clock.now()).await;
    let arrived = read.expect("saved").unwrap_or_else(|refused| panic!("{refused:?}"));
    let (done, outcomes) = oneshot::channel();
    (Wake::Mail { batch: vec![arrived], done }, outcomes)
}

/// A service whose one way out, and whatever wakes it, is in the hands of the test.
async fn by_hand() -> (Daemon, mpsc::Sender<Wake>, mpsc::Receiver<Dispatch>, TempDir) {
    let (mut daemon, dir) = started(false).await;
    daemon.tasks.shutdown().await;
    let (to_loop, wakes) = mpsc::channel(WAKES);
    daemon.wakes = wakes;
    let (lane, jobs) = mpsc::channel(UNDER_WAY);
    daemon.lanes = vec![Lane { mailbox: "omnistock".to_owned(), jobs: lane, under_way: 0 }];
    (daemon, to_loop, jobs, dir)
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_stops_nothing() {
    let (mut daemon, _wakes, _jobs, _dir) = by_hand().await;
    let noon: Timestamp = "2026-03-02T12:00:00Z".parse().expect("a moment");
    daemon.clock = Clock::Simulated(SimulatedClock::running(noon - Duration::from_hours(24)));
    let asked = Instant::now();
    let turned = daemon.turn(false, noon, &mut Answers::default()).await.expect("a turn");
    assert_eq!(turned, Turn::GoOn);
    assert!(asked.elapsed() <= 2 * PULSE, "{:?}", asked.elapsed());
}

fn accepted(dispatch: &Dispatch) -> Wake {
    let delivery = Delivery::Accepted { reply: "250 2.0.0 Ok".to_owned() };
    Wake::Sent { lane: 0, notice: NoticeId(dispatch.id), delivery }
}

#[tokio::test]
async fn an_acceptance_is_on_disk_before_the_next_mail_is_looked_at() {
    let (mut daemon, wakes, mut jobs, _dir) = by_hand().await;
    let store = daemon.engine.store().clone();
    let ((mail, _), (again, outcomes)) = (complaint(&daemon).await, complaint(&daemon).await);
    let outside = async {
        wakes.try_send(mail).expect("room");
        let acknowledgement = jobs.recv().await.expect("an acknowledgement");
        jobs.recv().await.expect("an alert, so that the loop has a reason to collect answers");
        // Both lie there when the loop looks: the answer, and the mail that may be its bounce.
        wakes.try_send(accepted(&acknowledgement)).expect("room");
        wakes.try_send(again).expect("room");
        outcomes.await.expect("taken");
        let entry = store.outgoing(NoticeId(acknowledgement.id)).expect("read").expect("kept");
        assert_eq!(entry.status, NoticeStatus::Sent);
        wakes.send(Wake::Stop).await.expect("sent");
    };
    let (served, ()) = tokio::join!(daemon.serve(false), outside);
    served.expect("the end that was asked for");
}

#[tokio::test]
async fn what_was_accepted_is_recorded_although_a_part_dies() {
    let (mut daemon, wakes, mut jobs, _dir) = by_hand().await;
    let (mail, _) = complaint(&daemon).await;
    daemon.handle(mail).await.expect("taken");
    daemon.send_out(daemon.clock.now()).await.expect("given out");
    let (first, _second) = (jobs.recv().await.expect("one"), jobs.recv().await.expect("another"));
    wakes.try_send(accepted(&first)).expect("room");
    // It ends once the loop has the answer, which it collects because another is to come.
    let to_loop = wakes.clone();
    daemon.tasks.spawn(async move {
        while to_loop.capacity() < to_loop.max_capacity() {
            tokio::task::yield_now().await;
        }
    });
    let store = daemon.engine.store().clone();
    daemon.serve(false).await.expect_err("a part ended");
    let entry = store.outgoing(NoticeId(first.id)).expect("read").expect("kept");
    assert_eq!(entry.status, NoticeStatus::Sent);
}

#[tokio::test(start_paused = true)]
async fn many_answers_are_not_kept_waiting() {
    let mut answers = Answers::default();
    for n in 1..=settling::MOST {
        assert!(!answers.are_due(), "{n}");
        answers.add(NoticeId(n as u64), Delivery::NotBegun);
    }
    assert!(answers.are_due());
}

#[tokio::test]
async fn who_finds_the_queue_of_the_loop_full_waits_and_is_heard() {
    let (mut daemon, wakes, _jobs, _dir) = by_hand().await;
    let queued = std::iter::from_fn(|| wakes.try_send(Wake::FirstLook).ok()).count();
    assert_eq!(queued, WAKES);
    let (mail, outcomes) = complaint(&daemon).await;
    let outside = async {
        wakes.send(mail).await.expect("room at last");
        assert_eq!(outcomes.await.expect("taken").len(), 1);
        wakes.send(Wake::Stop).await.expect("sent");
    };
    let (served, ()) = tokio::join!(daemon.serve(false), outside);
    served.expect("the end that was asked for");
}

#[tokio::test]
async fn a_server_is_given_so_many_notices_and_the_others_wait_in_the_store() {
    let (mut daemon, _wakes, mut jobs, _dir) = by_hand().await;
    let now = daemon.clock.now();
    for part in 0..3 {
        let mut batch = Vec::new();
        for n in 0..100 {
            let raw = BASE64.encode(
                format!(
                    "From: J <j{part}-{n}@klant.test>\r\nSubject: Kapot\r\nMessage-ID: <{part}-{n}@klant.test>\r\n\r\n\
                     Mijn bestelling {part}-{n} kwam kapot aan. Ik wil mijn geld terug.\r\n"
                )
                .as_bytes(),
            );
            let (store, settings) = (daemon.engine.store(), daemon.engine.settings());
            let read = ingest::receive(store, settings, "omnistock", &raw, now).await;
            batch.push(read.expect("saved").unwrap_or_else(|refused| panic!("{refused:?}")));
        }
        daemon.handle(Wake::Mail { batch, done: oneshot::channel().0 }).await.expect("taken");
    }
    let now = daemon.clock.now();
    let waiting = daemon.engine.store().outbox_due("omnistock", now, 1_000).expect("read").len();
    assert!(waiting > UNDER_WAY, "{waiting} are too few to reach the bound");
    for _ in 0..10 {
        daemon.send_out(now).await.expect("given out");
    }
    let given = jobs.len();
    assert!(given <= UNDER_WAY && given > UNDER_WAY / 2, "{given}");
    assert_eq!(daemon.full_mailboxes(), ["omnistock"], "what waits is no reason to wake up");
    let mut answers = Vec::new();
    while let Ok(dispatch) = jobs.try_recv() {
        let delivery = Delivery::Accepted { reply: "250 2.0.0 Ok".to_owned() };
        daemon.note_delivery(0, &delivery);
        answers.push((NoticeId(dispatch.id), delivery));
    }
    daemon.engine.settle(&answers, now).await.expect("recorded");
    daemon.send_out(now).await.expect("given out");
    assert!(!jobs.is_empty(), "the others have their turn");
}
