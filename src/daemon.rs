//! The service: one loop over a closed enum of reasons to wake up.

mod life;
mod settling;
mod signals;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{error, info, warn};

use self::life::Life;
use self::settling::Answers;
use crate::alarms::{Alarms, Watch};
use crate::answers::{self, Ask, Reply, exit};
use crate::clock::Clock;
use crate::config::Config;
use crate::control::{self, Counter};
use crate::domain::event::TroubleKind;
use crate::domain::outgoing::Outgoing;
use crate::engine::{Engine, EngineError, Settings};
use crate::health::Health;
use crate::intake::source::Source;
use crate::mailroom::{Mailroom, Unfiled};
use crate::net::Network;
use crate::outbox::deliver::{Delivery, Dispatch, Outlet};
use crate::postroom;
use crate::setup::{self, SetupError};
use crate::store::Store;
use crate::wake::Wake;

/// Why the service ended, beyond being asked to.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// It could not start.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// It can't go on; systemd starts it again.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The control socket can't be made.
    #[error(transparent)]
    Control(#[from] control::ControlError),
    /// Signals can't be listened to.
    #[error("signals: {0}")]
    Signals(std::io::Error),
    /// A mailbox, a way out or the control socket is served no more.
    #[error("a part of the service ended: {0}")]
    PartEnded(String),
}

/// How a pass of `run --once` ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// Nothing is left to do now.
    Clean,
    /// Something waits for later.
    Waiting,
    /// A mailbox could not be reached.
    Away,
}

/// Wakes that may queue up for the loop.
const WAKES: usize = 256;

/// Notices that one outgoing server is given at a time.
const UNDER_WAY: usize = 256;

/// Attempts that one commit begins.
const CLAIMED: usize = 100;

/// Complaints that one tick looks at.
const TICK: usize = 100;

/// The loop wakes at least this often: alarms, the watchdog, a clock that jumped.
const PULSE: Duration = Duration::from_secs(15);

/// How long the loop waits before it tries again what a full disk refused.
const FULL_PAUSE: Duration = Duration::from_secs(5);

/// How long what is under way may take to finish when the service ends.
const FAREWELL: Duration = Duration::from_secs(8);

/// One way out of one mailbox. A mailbox has a second one, so that one mail's wait for the server is not another's.
#[derive(Debug)]
struct Lane {
    mailbox: String,
    jobs: mpsc::Sender<Dispatch>,
    under_way: usize,
}

#[derive(Debug)]
struct Daemon {
    config: Config,
    engine: Engine,
    clock: Clock,
    health: Health,
    wakes: mpsc::Receiver<Wake>,
    settings: watch::Sender<Arc<Settings>>,
    lanes: Vec<Lane>,
    /// What serves mailboxes, ways out, signals and the control socket.
    tasks: JoinSet<()>,
    /// Tells the ways out that the service is ending.
    ending: watch::Sender<bool>,
    mailrooms: usize,
    /// Whether the disk was full when something was last to be written.
    full: bool,
    ready: bool,
    life: Life,
    alarms: Alarms,
    /// When it began, by a clock that nobody can set.
    began: Instant,
}

/// What the service is made of beside its store: all that the configuration can be wrong about.
#[derive(Debug)]
pub struct Parts {
    settings: Settings,
    ways: Ways,
}

impl Parts {
    /// The parts that a configuration asks for.
    ///
    /// # Errors
    /// [`SetupError`], which names file, key and what was expected.
    pub fn of(config: &Config, network: &Network) -> Result<Self, SetupError> {
        Self::under(setup::settings(config)?, config, network)
    }

    /// The same under settings that were read before.
    ///
    /// # Errors
    /// As [`Parts::of`].
    pub fn under(settings: Settings, config: &Config, network: &Network) -> Result<Self, SetupError> {
        let sources = setup::sources(config)?.into_iter().map(|(name, source)| (name, source.over(network)));
        let outlets = setup::outlets(config)?.into_iter().map(|(name, outlet)| (name, outlet.over(network)));
        Ok(Self { settings, ways: (sources.collect(), outlets.collect()) })
    }
}

/// Runs the service until it is told to stop; with `once` for one pass.
///
/// # Errors
/// [`DaemonError`] when it can't start or can't go on.
pub async fn run(config: Config, clock: Clock, once: bool) -> Result<Passed, DaemonError> {
    let parts = Parts::of(&config, &Network::Tcp)?;
    let store = setup::open_store(&config).await?;
    serve(config, parts, store, clock, once).await
}

/// Runs the service as [`run`] does, on a store that is open.
///
/// # Errors
/// As [`run`].
pub async fn serve(
    config: Config,
    Parts { settings, ways }: Parts,
    store: Store,
    clock: Clock,
    once: bool,
) -> Result<Passed, DaemonError> {
    setup::check_mailboxes(&store, &settings.house)?;
    let mut engine = Engine::start(store.clone(), settings).await?;
    engine.wake_outbox(clock.now()).await?;

    let (socket, directory) = (config.socket.clone(), config.store.clone());
    let mut daemon = Daemon::start(config, clock, engine, ways, once)?;
    let served = daemon.serve(once).await;
    daemon.farewell().await;
    let passed = served.and_then(|()| Ok(daemon.passed()?));
    daemon.tasks.shutdown().await;
    drop(daemon);
    if !once {
        control::leave(&socket, &directory);
    }
    let closed = store.close().await.map_err(EngineError::from);
    match passed.and_then(|passed| Ok(closed.map(|()| passed)?)) {
        Ok(passed) => Ok(passed),
        Err(e) => {
            setup::tell_systemd(&format!("STATUS=ended: {e}"));
            Err(e)
        }
    }
}

/// What one turn of the loop came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    GoOn,
    End,
}

/// Every mailbox's source and ways out.
type Ways = (Vec<(String, Source)>, Vec<(String, Outlet)>);

impl Daemon {
    /// Starts what serves the mailboxes, the ways out, the signals and the control socket.
    fn start(
        config: Config,
        clock: Clock,
        engine: Engine,
        (sources, outlets): Ways,
        once: bool,
    ) -> Result<Self, DaemonError> {
        let (to_loop, wakes) = mpsc::channel(WAKES);
        let (settings, _) = watch::channel(Arc::clone(engine.settings()));
        let (ending, is_ending) = watch::channel(false);
        let health = Health::of(config.house.mailboxes.iter().map(|m| m.name.clone()));
        let watch = Watch::of(&config, &sources, &outlets);
        let alarms = Alarms::start(watch, &engine, &health, clock.now())?;
        let mut tasks = JoinSet::new();
        tasks.spawn(signals::serve(signals::listen()?, to_loop.clone()));
        if !once {
            let counter = Counter {
                wakes: to_loop.clone(),
                settings: settings.subscribe(),
                store: engine.store().clone(),
                clock: clock.clone(),
                config: Arc::new(config.clone()),
            };
            tasks.spawn(control::serve(control::listen(&config.socket, &config.store)?, counter));
        }
        let mut lanes = Vec::new();
        for (mailbox, outlet) in outlets {
            let (jobs, queue) = mpsc::channel(UNDER_WAY);
            tasks.spawn(postroom::run(lanes.len(), outlet, queue, to_loop.clone(), is_ending.clone()));
            lanes.push(Lane { mailbox, jobs, under_way: 0 });
        }
        let mailrooms = sources.len();
        for (name, source) in sources {
            let room = Mailroom {
                name,
                source,
                store: engine.store().clone(),
                settings: settings.subscribe(),
                wakes: to_loop.clone(),
                health: health.clone(),
                clock: clock.clone(),
                failures: HashMap::new(),
                brought: false,
                from_start: true,
                skipped: false,
                looked_through: None,
                idle_turns: 0,
                unfiled: Unfiled::default(),
            };
            tasks.spawn(room.run(once));
        }
        Ok(Self {
            config,
            engine,
            clock,
            health,
            wakes,
            settings,
            lanes,
            tasks,
            ending,
            mailrooms,
            full: false,
            ready: false,
            life: Life::default(),
            alarms,
            began: Instant::now(),
        })
    }

    async fn serve(&mut self, once: bool) -> Result<(), DaemonError> {
        let mut answers = Answers::default();
        let served = self.serve_until_told(once, &mut answers).await;
        // What was accepted is not to be sent again because something else failed.
        let settled = self.settle(&mut answers).await;
        if let (Err(_), Err(e)) = (&served, &settled) {
            error!("deliveries could not be recorded: {e}");
        }
        served.and_then(|()| Ok(settled?))
    }

    async fn serve_until_told(&mut self, once: bool, answers: &mut Answers) -> Result<(), DaemonError> {
        loop {
            let now = self.clock.now();
            let worked = Life::during(self.work(now)).await;
            let had_room = self.unless_full(worked)?.is_some();
            self.tell_systemd();
            if once && (!had_room || self.is_done(now, answers)?) {
                return Ok(());
            }
            // Also without room it hears who asks, and who wants it to end.
            let until = if had_room { self.next_moment(now)? } else { later(now, FULL_PAUSE) };
            let turned = self.turn(once, until, answers).await;
            match self.unless_full(turned)? {
                Some(Turn::End) => return Ok(()),
                // That nothing had to be written says nothing: staff would be told anew at each little mail.
                Some(Turn::GoOn) if had_room && self.full && self.has_room()? => self.note_room(None),
                _ => {}
            }
        }
    }

    /// What is due without anybody's asking.
    async fn work(&mut self, now: Timestamp) -> Result<(), DaemonError> {
        let worked = self.work_off(now).await;
        // Also when nothing can be written: the log and `status` tell what no mail can.
        let looked = self.raise_alarms(now).await;
        Ok(worked.and(looked)?)
    }

    async fn work_off(&mut self, now: Timestamp) -> Result<(), EngineError> {
        while self.engine.tick(now, TICK).await? == TICK {}
        self.send_out(now).await
    }

    async fn turn(
        &mut self,
        once: bool,
        until: Timestamp,
        answers: &mut Answers,
    ) -> Result<Turn, DaemonError> {
        let turn = self.wake_up(once, until, answers).await?;
        if turn == Turn::GoOn {
            Life::during(self.settle(answers)).await?;
        }
        Ok(turn)
    }

    /// Whether the only pass is over: nothing is under way, and nothing more is due now.
    fn is_done(&self, now: Timestamp, answers: &Answers) -> Result<bool, EngineError> {
        let is_quiet = self.mailrooms == 0 && self.idle() && answers.is_empty();
        Ok(is_quiet && self.engine.next_moment(&[])?.is_none_or(|due| due > now))
    }

    /// `None` when the disk was full. Nothing of it was written then, so nothing is lost: it is done when there is room.
    fn unless_full<T>(&mut self, done: Result<T, DaemonError>) -> Result<Option<T>, DaemonError> {
        match done {
            Err(DaemonError::Engine(e)) if e.is_full() => {
                if !self.full {
                    error!("{e}; it is tried again until there is room");
                }
                self.note_room(Some(&e.to_string()));
                Ok(None)
            }
            done => done.map(Some),
        }
    }

    fn has_room(&self) -> Result<bool, EngineError> {
        Ok(self.engine.store().room()?.is_enough())
    }

    /// The disk was full, or is not any more.
    fn note_room(&mut self, trouble: Option<&str>) {
        if trouble.is_none() && !self.full {
            return;
        }
        self.full = trouble.is_some();
        let Some(first) = self.config.house.mailboxes.first() else { return };
        match trouble {
            Some(words) => self.health.troubled(&first.name, TroubleKind::Disk, words, self.clock.now()),
            None => self.health.well(&first.name, TroubleKind::Disk),
        }
    }

    /// Waits for something to do, and does it. Answers of outgoing servers alone are collected for a moment first.
    async fn wake_up(
        &mut self,
        once: bool,
        until: Timestamp,
        answers: &mut Answers,
    ) -> Result<Turn, DaemonError> {
        let clock = self.clock.clone();
        // When the clock is set back that moment may be a day away.
        let mut due = std::pin::pin!(tokio::time::timeout(PULSE, clock.sleep_until(until)));
        loop {
            let wake = tokio::select! {
                // In one order, for simulations; after each wake all the rest is looked at, too.
                biased;
                Some(ended) = self.tasks.join_next() => match ended {
                    // A mailbox's only pass is over.
                    Ok(()) if once => continue,
                    Ok(()) => return Err(DaemonError::PartEnded("it stopped by itself".to_owned())),
                    Err(e) => return Err(DaemonError::PartEnded(e.to_string())),
                },
                wake = self.wakes.recv() => wake,
                () = answers.wait() => return Ok(Turn::GoOn),
                _ = &mut due => return Ok(Turn::GoOn),
            };
            match wake {
                None | Some(Wake::Stop) => return Ok(Turn::End),
                Some(Wake::Sent { lane, notice, delivery }) => {
                    self.note_delivery(lane, &delivery);
                    answers.add(notice, delivery);
                    if answers.are_due() || self.idle() {
                        return Ok(Turn::GoOn);
                    }
                }
                Some(other) => {
                    // What was answered before is recorded before: a bounce must find its notice accepted.
                    if matches!(other, Wake::Mail { .. }) {
                        self.settle(answers).await?;
                    }
                    Life::during(self.handle(other)).await?;
                    return Ok(Turn::GoOn);
                }
            }
        }
    }

    async fn settle(&mut self, answers: &mut Answers) -> Result<(), EngineError> {
        let taken = answers.take();
        if taken.is_empty() {
            return Ok(());
        }
        let settled = self.engine.settle(&taken, self.clock.now()).await;
        if settled.is_err() {
            answers.put_back(taken);
        }
        settled
    }

    async fn handle(&mut self, wake: Wake) -> Result<(), EngineError> {
        let now = self.clock.now();
        match wake {
            Wake::Mail { batch, done } => {
                let outcomes = self.engine.take(&batch, now).await?;
                // A mailroom that ended in between looks again at its next start.
                let _ = done.send(outcomes);
            }
            Wake::Ask { ask: Ask::Verify, reply } => {
                let store = self.engine.store().clone();
                // Beside the loop: it may take minutes, and the mail goes on.
                tokio::spawn(async {
                    let _ = reply.send(Reply::or_refused(answers::verify(store).await, exit::DATAERR));
                });
            }
            Wake::Ask { ask: Ask::Snapshot, reply } => {
                let (store, mut life) = (self.engine.store().clone(), Life::default());
                tokio::spawn(async move {
                    // Readers wait too while the register is copied: the loop may not come to say that it lives.
                    let copied = answers::snapshot(store, move || life.sign()).await;
                    let _ = reply.send(Reply::or_refused(copied, exit::TEMPFAIL));
                });
            }
            Wake::Ask { ask, reply } => {
                let answer = match answers::answer(&mut self.engine, &self.health, ask, now).await {
                    Err(e) if e.is_full() => Reply::refused(exit::TEMPFAIL, e.to_string()),
                    answered => answered?,
                };
                // Whoever asked may have hung up.
                let _ = reply.send(answer);
            }
            Wake::MailroomDone => self.mailrooms = self.mailrooms.saturating_sub(1),
            Wake::Reload => self.reload(now).await?,
            Wake::FirstLook | Wake::Sent { .. } | Wake::Stop => {}
        }
        Ok(())
    }

    /// Begins attempts as far as each mailbox has room for them.
    async fn send_out(&mut self, now: Timestamp) -> Result<(), EngineError> {
        let mailboxes: BTreeSet<String> = self.lanes.iter().map(|lane| lane.mailbox.clone()).collect();
        for mailbox in &mailboxes {
            let room = UNDER_WAY.saturating_sub(self.under_way(mailbox));
            // Half of it at a time, so that a commit is shared by many attempts.
            if room < UNDER_WAY / 2 {
                continue;
            }
            for dispatch in self.engine.claim(mailbox, now, room.min(CLAIMED)).await? {
                let lanes = self.lanes.iter_mut().filter(|lane| lane.mailbox == *mailbox);
                let Some(lane) = lanes.min_by_key(|lane| lane.under_way) else { continue };
                if lane.jobs.send(dispatch).await.is_ok() {
                    lane.under_way += 1;
                }
            }
        }
        Ok(())
    }

    fn under_way(&self, mailbox: &str) -> usize {
        self.lanes.iter().filter(|lane| lane.mailbox == mailbox).map(|lane| lane.under_way).sum()
    }

    fn note_delivery(&mut self, lane: usize, delivery: &Delivery) {
        let Some(lane) = self.lanes.get_mut(lane) else { return };
        lane.under_way = lane.under_way.saturating_sub(1);
        let mailbox = &lane.mailbox;
        match delivery {
            Delivery::Away { reason } => {
                self.health.troubled(mailbox, TroubleKind::Smtp, reason, self.clock.now());
            }
            Delivery::Unknown { .. } | Delivery::NotBegun => {}
            Delivery::Accepted { .. } | Delivery::Rejected { .. } | Delivery::Deferred { .. } => {
                self.health.answered(mailbox, self.clock.now());
            }
        }
    }

    fn idle(&self) -> bool {
        self.lanes.iter().all(|lane| lane.under_way == 0)
    }

    fn next_moment(&self, now: Timestamp) -> Result<Timestamp, EngineError> {
        let pulse = later(now, PULSE);
        let due = self.engine.next_moment(&self.full_mailboxes())?;
        Ok(due.map_or(pulse, |due| due.min(pulse)))
    }

    /// Mailboxes that can give out no more now: what waits for them is no reason to wake up.
    fn full_mailboxes(&self) -> Vec<&str> {
        let full = |lane: &&Lane| self.under_way(&lane.mailbox) > UNDER_WAY / 2;
        self.lanes.iter().filter(full).map(|lane| lane.mailbox.as_str()).collect()
    }

    async fn raise_alarms(&mut self, now: Timestamp) -> Result<(), EngineError> {
        let uptime = self.clock.uptime().unwrap_or_else(|| self.began.elapsed());
        self.alarms.watch(&mut self.engine, &self.health, self.full, (now, uptime)).await
    }

    async fn reload(&mut self, now: Timestamp) -> Result<(), EngineError> {
        match setup::settings(&self.config) {
            Ok(settings) => {
                self.engine.reload(settings).await?;
                self.settings.send_replace(Arc::clone(self.engine.settings()));
                for mailbox in &self.config.house.mailboxes {
                    self.health.well(&mailbox.name, TroubleKind::Reload);
                }
                info!("procedures and templates were read again");
            }
            Err(e) => {
                warn!("the old procedures and templates stay: {e}");
                if let Some(first) = self.config.house.mailboxes.first() {
                    self.health.troubled(&first.name, TroubleKind::Reload, &e.to_string(), now);
                }
            }
        }
        Ok(())
    }

    /// READY once the first fetch of every mailbox was tried; then the watchdog, as long as this loop turns.
    fn tell_systemd(&mut self) {
        if !self.ready && self.health.all_tried() {
            self.ready = true;
            setup::tell_systemd("READY=1");
            info!("ready");
        }
        self.life.sign();
    }

    fn passed(&self) -> Result<Passed, EngineError> {
        let mailboxes = self.health.mailboxes();
        let away = mailboxes.iter().any(|(_, h)| !h.connected);
        let left = mailboxes.iter().any(|(_, h)| h.waiting > 0);
        let waiting = left || self.full || self.engine.store().outbox_open()?.iter().any(Outgoing::lives);
        Ok(match (away, waiting) {
            (true, _) => Passed::Away,
            (false, true) => Passed::Waiting,
            (false, false) => Passed::Clean,
        })
    }

    /// Lets what is being sent end, so that nothing is cut off in the middle of a DATA; what waits behind it comes back.
    async fn farewell(&mut self) {
        setup::tell_systemd("STOPPING=1");
        self.ending.send_replace(true);
        let unsent = tokio::time::timeout(FAREWELL, self.collect()).await;
        if unsent.is_err() {
            info!("notices under way were left; they are tried again at the next start");
        }
    }

    async fn collect(&mut self) {
        let mut wakes = Vec::with_capacity(WAKES);
        while !self.idle() && self.wakes.recv_many(&mut wakes, WAKES).await > 0 {
            let mut answers = Vec::new();
            for wake in wakes.drain(..) {
                if let Wake::Sent { lane, notice, delivery } = wake {
                    self.note_delivery(lane, &delivery);
                    answers.push((notice, delivery));
                }
            }
            // Together, because the disk may be slow and the time is short.
            if let Err(e) = self.engine.settle(&answers, self.clock.now()).await {
                return error!("deliveries could not be recorded: {e}");
            }
        }
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}
