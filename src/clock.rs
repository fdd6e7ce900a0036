//! The clock: the only place that reads the time. Everywhere else it is a value that is passed in.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

/// The longest sleep before the wall clock is looked at again. Timers run on the monotonic clock, which stands still
/// while the machine sleeps and does not follow when the wall clock is set.
const SLICE: Duration = Duration::from_secs(30);

/// Where the time comes from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The wall clock of this machine.
    System,
    /// A clock of a test; see [`SimulatedClock`].
    Simulated(SimulatedClock),
}

impl Clock {
    /// A simulated clock that stands at `now`.
    pub fn simulated(now: Timestamp) -> Self {
        Self::Simulated(SimulatedClock::new(now))
    }

    /// The present moment.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Simulated(clock) => clock.now(),
        }
    }

    /// How long ago some moment lies that never changes (since the machine was started), by a clock that nobody can set
    /// and that runs on while the machine sleeps; a simulated clock has none.
    pub fn uptime(&self) -> Option<Duration> {
        match self {
            Self::System => {
                let passed = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
                Duration::try_from(passed).ok()
            }
            Self::Simulated(_) => None,
        }
    }

    /// Returns when the clock has reached `at`; at once when it has already.
    ///
    /// The wall clock is looked at least every 30 seconds, so that a suspended machine or a clock that was set delays
    /// by no more than that. Safe to drop at any time.
    pub async fn sleep_until(&self, at: Timestamp) {
        match self {
            Self::System => {
                while let Some(left) = remaining(self.now(), at) {
                    tokio::time::sleep(left.min(SLICE)).await;
                }
            }
            Self::Simulated(clock) => clock.reached(at).await,
        }
    }
}

/// What is left until `at`; `None` when it has come.
fn remaining(now: Timestamp, at: Timestamp) -> Option<Duration> {
    let left = Duration::try_from(at.duration_since(now)).ok()?;
    (!left.is_zero()).then_some(left)
}

/// A clock for tests and simulations: it stands still, or runs with tokio's time, which a test may pause; and it jumps
/// when it is set, also backwards. Clones are one clock.
#[derive(Debug, Clone)]
pub struct SimulatedClock {
    set: Arc<watch::Sender<Setting>>,
}

/// What a simulated clock was set to.
#[derive(Debug, Clone, Copy)]
struct Setting {
    to: Timestamp,
    /// Since when it runs from there.
    since: Option<Instant>,
}

impl Setting {
    fn now(self) -> Timestamp {
        let passed = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        // To the millisecond, as tokio's timers go: where a runtime begins within one is another each time.
        let passed = Duration::from_millis(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX));
        self.to.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }
}

impl SimulatedClock {
    /// A clock that stands at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { set: Arc::new(watch::Sender::new(Setting { to: now, since: None })) }
    }

    /// A clock that runs from `now` on with the time of the tokio runtime around it.
    pub fn running(now: Timestamp) -> Self {
        Self { set: Arc::new(watch::Sender::new(Setting { to: now, since: Some(Instant::now()) })) }
    }

    /// Its moment.
    pub fn now(&self) -> Timestamp {
        self.set.borrow().now()
    }

    /// Sets it and wakes those whose moment has come.
    pub fn set(&self, now: Timestamp) {
        self.set.send_modify(|set| *set = Setting { to: now, since: set.since.map(|_| Instant::now()) });
    }

    /// Sets it forward.
    pub fn advance(&self, by: Duration) {
        self.set.send_modify(|set| set.to = set.to.saturating_add(by).unwrap_or(Timestamp::MAX));
    }

    async fn reached(&self, at: Timestamp) {
        let mut seen = self.set.subscribe();
        loop {
            let set = *seen.borrow_and_update();
            let Some(left) = remaining(set.now(), at) else { return };
            if set.since.is_some() {
                // Whether it was set or the time has passed: it is looked at again.
                let _ = tokio::time::timeout(left.min(SLICE), seen.changed()).await;
            } else if seen.changed().await.is_err() {
                // The sender is gone, which `self` holds.
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn the_system_clock_is_near_the_build_of_this_test() {
        let now = Clock::System.now();
        assert!(now > "2025-01-01T00:00:00Z".parse().expect("a moment"), "{now}");
    }

    #[test]
    fn a_simulated_sleep_ends_when_the_clock_has_come_there() {
        let simulated = SimulatedClock::new(at(0));
        let clock = Clock::Simulated(simulated.clone());
        let mut sleep = pin!(clock.sleep_until(at(60)));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(sleep.as_mut().poll(&mut context), Poll::Pending);
        simulated.advance(Duration::from_secs(59));
        assert_eq!(sleep.as_mut().poll(&mut context), Poll::Pending);
        simulated.set(at(-10));
        assert_eq!(sleep.as_mut().poll(&mut context), Poll::Pending);
        simulated.set(at(60));
        assert_eq!(sleep.as_mut().poll(&mut context), Poll::Ready(()));
        assert_eq!(clock.now(), at(60));
    }

    #[tokio::test]
    async fn a_moment_that_has_passed_needs_no_sleep() {
        Clock::simulated(at(5)).sleep_until(at(5)).await;
        Clock::System.sleep_until(at(5)).await;
        Clock::System.sleep_until(Timestamp::MIN).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_running_clock_goes_with_the_time_of_the_runtime() {
        let clock = SimulatedClock::running(at(0));
        tokio::time::sleep(Duration::from_secs(90)).await;
        assert_eq!(clock.now(), at(90));
        clock.set(at(1_000));
        Clock::Simulated(clock.clone()).sleep_until(at(1_300)).await;
        assert_eq!(clock.now(), at(1_300));
        let (jumped, ()) = tokio::join!(
            async {
                Clock::Simulated(clock.clone()).sleep_until(at(1_000_000)).await;
                clock.now()
            },
            async {
                tokio::time::sleep(Duration::from_secs(7)).await;
                clock.advance(Duration::from_hours(1_000));
            }
        );
        assert_eq!(jumped, at(1_307 + 3_600_000));
    }

    #[test]
    fn what_is_left_is_never_negative() {
        assert_eq!(remaining(at(10), at(4)), None);
        assert_eq!(remaining(at(10), at(10)), None);
        assert_eq!(remaining(at(10), at(14)), Some(Duration::from_secs(4)));
        assert!(remaining(Timestamp::MIN, Timestamp::MAX).is_some());
        assert_eq!(remaining(Timestamp::MAX, Timestamp::MIN), None);
    }

    #[test]
    fn a_clock_that_is_pushed_too_far_stops_at_the_end_of_time() {
        let clock = SimulatedClock::new(at(0));
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
    }
}
