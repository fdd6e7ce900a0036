//! When a mail that was deferred is tried again. Pure: the moment and the chance come in as values.

use jiff::{SignedDuration, Timestamp};

/// Waits before the second, third and fourth attempt, in seconds; from there each is the double of the one before.
const FIRST_WAITS: [u64; 3] = [10, 30, 120];

/// No wait is longer than this, before the jitter: one hour, in seconds.
const LONGEST_WAIT: u64 = 3600;

/// The jitter moves a wait by at most this part of it, either way, so that the mails of an outage don't all come back
/// in one second.
const SPREAD: f64 = 0.2;

/// The moment of the next attempt after `attempts` (at least 1) were made, the last of them at `now`.
///
/// 10 s, 30 s, 2 min, then doubling to 1 h, each ± 20 %. `jitter` is a number from 0 (earliest) to 1 (latest); what is
/// outside is taken for the nearer end, and what is no number for the middle.
pub fn next_attempt(attempts: u32, now: Timestamp, jitter: f64) -> Timestamp {
    let jitter = if jitter.is_nan() { 0.5 } else { jitter.clamp(0.0, 1.0) };
    let factor = 1.0 - SPREAD + 2.0 * SPREAD * jitter;
    let wait = std::time::Duration::from_secs(wait(attempts)).mul_f64(factor);
    SignedDuration::try_from(wait).ok().and_then(|wait| now.checked_add(wait).ok()).unwrap_or(Timestamp::MAX)
}

/// The wait after this many attempts, in seconds, without the jitter.
fn wait(attempts: u32) -> u64 {
    let made = usize::try_from(attempts.max(1) - 1).unwrap_or(usize::MAX);
    if let Some(&wait) = FIRST_WAITS.get(made) {
        return wait;
    }
    let [.., last] = FIRST_WAITS;
    let doublings = made - (FIRST_WAITS.len() - 1);
    // two to the sixth is beyond the cap already
    (last << doublings.min(6)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(attempts: u32, jitter: f64) -> i64 {
        let now = Timestamp::from_second(1_790_000_000).expect("a moment");
        next_attempt(attempts, now, jitter).duration_since(now).as_secs()
    }

    #[test]
    fn waits_grow_to_an_hour_and_stay_there() {
        let waits: Vec<i64> = (1..=11).map(|attempts| seconds(attempts, 0.5)).collect();
        assert_eq!(waits, [10, 30, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]);
        assert_eq!(seconds(u32::MAX, 0.5), 3600);
        assert_eq!(seconds(0, 0.5), 10, "no attempt counts as one");
    }

    #[test]
    fn the_jitter_is_a_fifth_either_way() {
        assert_eq!((seconds(1, 0.0), seconds(1, 1.0)), (8, 12));
        assert_eq!((seconds(9, 0.0), seconds(9, 1.0)), (2880, 4320));
    }

    #[test]
    fn a_bad_jitter_does_no_harm() {
        assert_eq!(seconds(1, f64::NAN), 10);
        assert_eq!(seconds(1, -7.0), 8);
        assert_eq!(seconds(1, f64::INFINITY), 12);
    }

    #[test]
    fn the_end_of_time_is_not_passed() {
        assert_eq!(next_attempt(9, Timestamp::MAX, 1.0), Timestamp::MAX);
    }

    proptest! {
        #[test]
        fn every_wait_is_within_its_bounds(attempts in any::<u32>(), jitter in any::<f64>()) {
            let wait = seconds(attempts, jitter);
            prop_assert!((8..=4320).contains(&wait), "{wait}");
        }
    }
}
