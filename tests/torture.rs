//! `kill -9` at random moments, round after round: the real program, a real Dovecot and Postfix, mails from all sides.
//!
//! `make torture` runs `TORTURE_ROUNDS` (200) rounds on the released program; the tests run a few. What is sent and when
//! the service is killed follows from `TORTURE_SEED`; how far the work has come by then is the machine's affair.

#![expect(clippy::unwrap_used, reason = "a test may fail at once")]

mod common;
#[path = "daemon/site.rs"]
#[expect(dead_code, reason = "each test crate uses its own part")]
mod site;
#[path = "torture/audit.rs"]
mod audit;
#[path = "torture/load.rs"]
mod load;

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::audit::Audit;
use crate::common::{CUSTOMER1, DIRECTIE, Mailhost, STAFF1};
use crate::load::{Load, Mailing};
use crate::site::{Service, Site, omnistock};

/// Rounds, when nobody says how many.
const ROUNDS: u32 = 4;

/// In one round of four the service is killed at the latest so long after the mails began to be sent, in milliseconds.
const LATEST: u64 = 1_000;

/// In the others it is killed so long after the first mail lies in the inbox: Dovecot waits half a second before it tells
/// who waits with IDLE, and then the work begins.
const AT_WORK: std::ops::Range<u64> = 485..705;

/// Half of the time it is killed again, at the latest so long after a start: there the work begins at once.
const AGAIN: u64 = 400;

/// Automatic mail is not limited: a limit would hold back what this test waits for.
const LIMITS: &str = "\n[limits]\nnotices_per_sender_per_day = 0\nnotices_per_complaint_per_day = 0\nnotices_per_hour = 0\n\
                      staff_mails_per_day = 0\n";

/// A small generator (splitmix64), so that a seed is all that a run needs.
pub(crate) struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: {text:?} is no number")))
}

#[test]
fn whatever_is_killed_nothing_is_lost_or_done_twice() {
    let Some(host) = Mailhost::start(&[]) else { return };
    let mut site = Site::new(&(omnistock(&host) + LIMITS));
    let rounds = number("TORTURE_ROUNDS").map_or(ROUNDS, |rounds| rounds.try_into().unwrap());
    assert!(rounds > 0, "TORTURE_ROUNDS=0 shows nothing");
    let seed = number("TORTURE_SEED").unwrap_or_else(|| std::process::id().into());
    // What a failure is looked into with.
    site.dir.disable_cleanup(true);
    eprintln!("torture: {rounds} rounds, seed {seed}, register and logs in {}", site.dir.path().display());
    let mut campaign = Campaign {
        host: &host,
        site: &site,
        chance: Chance(seed),
        load: Load::default(),
        audit: Audit::default(),
        kills: 0,
        most_kills: 0,
        at_intake: 0,
        at_sending: 0,
    };
    for round in 1..=rounds {
        campaign.round(round);
    }
    campaign.end(rounds);
    site.dir.disable_cleanup(false);
}

struct Campaign<'a> {
    host: &'a Mailhost,
    site: &'a Site,
    chance: Chance,
    load: Load,
    audit: Audit,
    kills: u32,
    /// Kills in the round that had most.
    most_kills: usize,
    /// Rounds in which mails were left to be dealt with after the kills.
    at_intake: u32,
    /// Rounds in which all mails were taken in, and notices left to be sent.
    at_sending: u32,
}

impl Campaign<'_> {
    fn round(&mut self, round: u32) {
        let service = self.site.start();
        let mailings = self.load.mailings(round, &mut self.chance);
        let from_the_inbox = self.chance.below(4) > 0;
        let first = if from_the_inbox {
            AT_WORK.start + self.chance.below(AT_WORK.end - AT_WORK.start)
        } else {
            self.chance.below(LATEST)
        };
        let mut moments = vec![first];
        let killed = thread::scope(|scope| {
            let sender = scope.spawn(|| mailings.iter().for_each(|mailing| post(self.host, mailing)));
            while from_the_inbox && !sender.is_finished() && self.host.mails(DIRECTIE.0, "").is_empty() {
                thread::sleep(Duration::from_millis(1));
            }
            // The random moment is what is tested: there is nothing to wait for.
            thread::sleep(Duration::from_millis(first));
            let mut killed = vec![kill(self.site, service)];
            while self.chance.below(2) == 0 {
                let next = self.chance.below(AGAIN);
                moments.push(next);
                let service = self.site.spawn();
                thread::sleep(Duration::from_millis(next));
                killed.push(kill(self.site, service));
            }
            sender.join().unwrap();
            killed
        });
        self.kills += u32::try_from(killed.len()).unwrap();
        self.most_kills = self.most_kills.max(killed.len());
        let (taken, sent) = (killed.iter().map(|done| done.taken).sum::<usize>(), mailings.len());

        #[expect(clippy::disallowed_methods, reason = "how long the machine took, for the summary")]
        let began = Instant::now();
        let service = self.site.start();
        self.load.expect(mailings);
        let told = self.audit.settled(self.host, self.site, &mut self.load);
        eprintln!(
            "round {round}: killed at {moments:?} ms, {taken} of {sent} mails taken in by then; settled in {:.1} s; {told}",
            began.elapsed().as_secs_f64()
        );
        // The next round begins with a service that starts; this one ends like every one before.
        self.kills += 1;
        let later = kill(self.site, service);
        self.at_intake += u32::from(taken < sent);
        self.at_sending += u32::from(taken >= sent && later.settled > 0);
    }

    fn end(mut self, rounds: u32) {
        let service = self.site.start();
        let told = self.audit.whole(self.host, self.site, &self.load, self.most_kills);
        sound(&service.stop());
        self.site.run(&["verify"]).ends(0, &["all is as it was written"]);
        eprintln!(
            "torture: {rounds} rounds, {} kills ({} rounds with mails left after them, {} with notices), {}, {told}",
            self.kills,
            self.at_intake,
            self.at_sending,
            self.load.told()
        );
        // Killed before the work or after it, nothing is shown; so much chance leaves to the machine.
        let enough = self.at_intake > rounds / 8 && self.at_intake + self.at_sending > rounds / 4;
        assert!(
            rounds < 20 || enough,
            "killed at work in {} + {} rounds only",
            self.at_intake,
            self.at_sending
        );
    }
}

fn post(host: &Mailhost, mailing: &Mailing) {
    host.send(&mailing.envelope_from, &mailing.to, &mailing.raw);
}

/// What a service did before it was killed, by its log.
struct Done {
    /// Mails that it took in.
    taken: usize,
    /// Notices that it settled what became of.
    settled: usize,
}

/// Kills the service; what it had done.
fn kill(site: &Site, service: Service) -> Done {
    service.kill();
    let log = fs::read_to_string(site.path("log")).unwrap_or_default();
    sound(&log);
    Done { taken: log.matches("mail taken in").count(), settled: log.matches("notice settled").count() }
}

/// Looks whether a service that has ended had nothing to complain of.
fn sound(log: &str) {
    for bad in ["panicked", "\"level\":\"ERROR\""] {
        assert!(!log.contains(bad), "{bad}: {log}");
    }
}

/// The mailboxes of others: where notices come to.
pub(crate) const OTHERS: [&str; 2] = [CUSTOMER1.0, STAFF1.0];

/// What is not there after this is lost: everything is retried sooner.
const LOST: Duration = Duration::from_mins(1);

/// Waits for what must come.
pub(crate) fn waited<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    #[expect(clippy::disallowed_methods, reason = "how long the world outside may take")]
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < LOST, "{what}: did not come in {LOST:?}");
        thread::sleep(Duration::from_millis(25));
    }
}
