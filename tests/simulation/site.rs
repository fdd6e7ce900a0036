//! One seed: the service on a store of its own, with servers, a clock and chance around it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use klachtd::clock::{Clock, SimulatedClock};
use klachtd::config::Config;
use klachtd::daemon::{self, Parts};
use klachtd::engine::Settings;
use klachtd::setup;
use klachtd::store::Store;
use klachtd::store::faults::{Fault, Faults, Step};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use super::dice::Dice;
use super::model::Model;
use super::month::Usage;
use super::post::{MAILBOX, Post};
use super::script::{Plot, Script};

/// A procedure, the roles of its mailbox, and the people in theirs.
type House = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// The houses: a procedure, and who stands for which role in it.
pub(crate) const HOUSES: [House; 4] = [
    ("omnistock", r#"handler = "jan@huis.test""#, &[("jan", "handler"), ("berta", "board")]),
    (
        "webshop",
        r#"receiver = "rosa@huis.test", manager = "mark@huis.test", handler = "mark@huis.test", board = "berta@huis.test""#,
        &[("rosa", "receiver"), ("mark", "manager"), ("hanna", "handler"), ("berta", "board")],
    ),
    (
        "websec",
        r#"handler = "joel@huis.test", committee = "karim@huis.test", confidant = "vera@huis.test""#,
        &[("joel", "handler"), ("karim", "committee"), ("vera", "confidant")],
    ),
    (
        "ingressus",
        r#"handler = "ilse@huis.test", board = "dirk@huis.test""#,
        &[("ilse", "handler"), ("dirk", "board")],
    ),
];

/// Procedures and templates are read once for all seeds of a house.
static SETTINGS: [OnceLock<Settings>; HOUSES.len()] = [const { OnceLock::new() }; HOUSES.len()];

/// Moments around which calendars and clocks are odd.
const STARTS: [&str; 8] = [
    "2026-03-02T08:15:00Z",
    "2026-03-27T16:40:00Z",
    "2026-10-23T21:55:00Z",
    "2026-12-30T22:50:00Z",
    "2027-04-26T07:00:00Z",
    "2028-02-28T23:10:00Z",
    "2026-05-13T06:59:00Z",
    "2026-08-01T12:00:00Z",
];

/// How a life of the service ended.
enum End {
    /// It was killed, as the plan wanted.
    Killed,
    /// The script is at its end.
    Finished,
    /// It ended by itself.
    Ended(String),
}

/// What the log of a seed says, and its errors.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Log lines carry simulated time.
struct LogTime(Post);

impl FormatTime for LogTime {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        // A line may be written while the servers' state is being looked at: then without a moment.
        match self.0.try_now() {
            Some(now) => write!(w, "{now}"),
            None => w.write_str("-"),
        }
    }
}

/// What a seed came to.
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) faults: Vec<String>,
    pub(crate) trace: Vec<String>,
    pub(crate) log: Vec<String>,
    pub(crate) complaints: usize,
    pub(crate) closed: usize,
    pub(crate) mails: usize,
    pub(crate) notices: usize,
    pub(crate) happened: BTreeMap<String, u64>,
    pub(crate) deaths: u64,
    pub(crate) days: i64,
    pub(crate) evenings: Vec<Usage>,
}

/// One seed.
pub(crate) struct Site {
    seed: u64,
    /// Deleted with it.
    _directory: tempfile::TempDir,
    config: Config,
    settings: Settings,
    now: Timestamp,
    post: Post,
    model: Model,
    script: Script,
    log: Log,
    lives: u64,
}

impl Site {
    pub(crate) fn new(seed: u64, plot: Plot) -> Self {
        let mut dice = Dice::of(seed, &[2]);
        let shm = PathBuf::from("/dev/shm");
        let directory = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() };
        let directory = directory.expect("a directory");
        let now: Timestamp = dice.pick(&STARTS).expect("there are some").parse().expect("a moment");
        let house = usize::try_from(dice.below(HOUSES.len() as u64)).expect("a small number");
        let config = configuration(&directory, HOUSES[house]);
        let settings =
            SETTINGS[house].get_or_init(|| setup::settings(&config).expect("the configuration is right"));
        let settings = settings.clone();
        let log = Log::default();
        let post = Post::new(seed, now, log.clone());
        let model = Model::default();
        let script = Script::new(seed, plot);
        Self { seed, _directory: directory, config, settings, now, post, model, script, log, lives: 0 }
    }

    /// Plays the seed to its end.
    pub(crate) fn play(mut self) -> Report {
        let subscriber = tracing_subscriber::fmt()
            .with_writer(self.log.clone())
            .with_timer(LogTime(self.post.clone()))
            .with_ansi(false)
            .with_max_level(tracing::Level::INFO)
            .finish();
        let began = self.now;
        let mut faults = tracing::subscriber::with_default(subscriber, || self.live_on());
        let state = self.post.lock();
        faults.extend(state.sins.iter().cloned());
        Report {
            seed: self.seed,
            faults,
            trace: state.trace.clone(),
            log: self.log.lines(),
            complaints: self.model.complaints,
            closed: self.model.closed,
            mails: self.model.mails.len(),
            notices: state.delivered.len(),
            happened: state.happened.clone(),
            deaths: self.model.deaths,
            evenings: self.script.evenings,
            days: self.now.duration_since(began).as_hours() / 24,
        }
    }

    /// Life after life, until the script is at its end.
    fn live_on(&mut self) -> Vec<String> {
        loop {
            self.lives += 1;
            let (end, found) = self.live();
            if !found.is_empty() {
                return found;
            }
            match end {
                End::Finished => return Vec::new(),
                End::Killed => self.model.deaths += 1,
                End::Ended(why) => return vec![format!("the service ended by itself: {why}")],
            }
            if self.lives > 100 {
                return vec!["the script never ends".to_owned()];
            }
        }
    }

    /// One life of the service: until it is killed, or the script is at its end.
    fn live(&mut self) -> (End, Vec<String>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let (end, found) = runtime.block_on(async {
            let clock = SimulatedClock::running(self.now);
            let faults = self.plan();
            let store = Store::open_with(&self.config.store, faults.clone()).expect("the store opens");
            let network = self.post.serve(clock.clone(), store.clone(), faults.clone());
            let mut found = self.model.begins(&store, &self.post);
            let parts = Parts::under(self.settings.clone(), &self.config, &network);
            let parts = parts.expect("the configuration is right");
            let service = daemon::serve(
                self.config.clone(),
                parts,
                store.clone(),
                Clock::Simulated(clock.clone()),
                false,
            );
            let end = tokio::select! {
                biased;
                () = faults.death() => End::Killed,
                ended = service => if faults.is_dead() { End::Killed } else { End::Ended(format!("{ended:?}")) },
                () = self.script.go_on(&self.post, &mut self.model, &clock, &faults) => End::Finished,
            };
            self.now = clock.now();
            faults.spare();
            if !faults.is_dead() {
                found.extend(self.model.check(&store, self.settings.clone(), &self.post, self.now).await);
            }
            found.extend(Model::unprovoked(&self.post, faults.is_dead()));
            (end, found)
        });
        // With it go all tasks, and with them the connections.
        drop(runtime);
        self.post.rest();
        (end, found)
    }

    /// Some lives die at a step of the store: the later ones, too.
    fn plan(&self) -> Faults {
        let mut dice = Dice::of(self.seed, &[3, self.lives]);
        let dies_at = (!self.script.is_over() && dice.percent(60)).then(|| dice.below(60));
        let after = dice.percent(50);
        // Contents are kept by two tasks at a time, whose order may be another each time.
        let keeping = dice.percent(20);
        let steps = AtomicU64::new(0);
        let post = self.post.clone();
        let what = match (keeping, after) {
            (true, _) => "dies while keeping contents",
            (false, true) => "dies after a step",
            (false, false) => "dies before a step",
        };
        Faults::by(Box::new(move |step: Step| {
            if (step == Step::Keep) != keeping {
                return Fault::None;
            }
            let step = steps.fetch_add(1, Ordering::Relaxed);
            if dies_at == Some(step) {
                post.lock().happens(what);
            }
            match dies_at {
                Some(at) if at <= step && after => Fault::DeathAfter,
                Some(at) if at <= step => Fault::Death,
                _ => Fault::None,
            }
        }))
    }
}

fn configuration(directory: &tempfile::TempDir, (procedure, roles, people): House) -> Config {
    let mut text = format!(
        r#"
[store]
path = "state"
[[mailbox]]
name = "{MAILBOX}"
procedure = "{procedure}"
from = "Het Huis <klachten@huis.test>"
trusted_authserv = "mx.huis.test"
roles = {{ {roles} }}
[mailbox.inbox]
kind = "imap"
host = "localhost"
port = {imap}
tls = "none"
user = "u"
password = {{ file = "password" }}
processed = "Verwerkt"
quarantine = "Quarantaine"
poll = "5m"
[mailbox.outbox]
kind = "smtp"
host = "localhost"
port = {smtp}
tls = "none"
"#,
        imap = super::post::IMAP,
        smtp = super::post::SMTP,
    );
    for (name, role) in people {
        write!(
            text,
            "[[staff]]\nname = \"{name}\"\nemail = \"{name}@huis.test\"\nlanguage = \"nl\"\nroles = [\"{role}\", \"operator\"]\n"
        )
        .expect("writing to a string");
    }
    let file = directory.path().join("klachtd.toml");
    std::fs::write(&file, text).expect("the configuration is written");
    // The same tokens each time.
    let state = directory.path().join("state");
    std::fs::create_dir(&state).expect("a directory");
    std::fs::write(state.join("secret"), [7; 32]).expect("the secret is written");
    std::fs::write(directory.path().join("password"), "geheim").expect("the password is written");
    Config::load_with(&file, &BTreeMap::new()).expect("the configuration is right")
}
