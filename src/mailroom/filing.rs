//! Mail that was dealt with leaves the inbox. What can't be filed away keeps no other from being taken in or filed away.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};

use super::{BATCH_MAILS, LOOK_THROUGH, MOST_FAILURES, Mailroom, Move, PASSING_TRIES, PassError, recently};
use crate::intake::source::{Place, SourceError};

/// Refusals in one pass, after which the rest waits for the next: of a server without room each is one.
const MOST_REFUSALS: u32 = 10;

/// For so long after the connection went with it no batch is filed away by the pass that takes it in.
const SHY: SignedDuration = SignedDuration::from_mins(1);

/// What could not be filed away, and why.
#[derive(Debug, Default)]
pub struct Unfiled {
    /// Why, as it was said last; `None` when nothing was left.
    pub(super) why: Option<SourceError>,
    /// Whether this pass left something.
    left: bool,
    /// When the connection went with it last.
    lost: Option<Timestamp>,
    /// How often each was tried in vain.
    tries: HashMap<Place, u32>,
}

impl Unfiled {
    /// A pass begins.
    pub(super) fn begin(&mut self) {
        self.left = false;
    }

    fn is_shy(&self, now: Timestamp) -> bool {
        self.left && recently(self.lost, now, SHY)
    }

    fn tries(&self, place: &Place) -> u32 {
        self.tries.get(place).copied().unwrap_or_default()
    }
}

impl Mailroom {
    /// Makes the folders that mail is filed into. Without them mail is taken in all the same.
    pub(super) async fn make_folders(&mut self) {
        if let Err(why) = self.source.make_folders().await {
            self.leave(&[], why);
        }
    }

    /// Files a batch away that was just taken in.
    pub(super) async fn file_batch(&mut self, moves: &[Move]) {
        if !self.unfiled.is_shy(self.clock.now()) {
            self.file_away(moves).await;
        }
    }

    /// Files away what was dealt with earlier: the daemon ended between commit and move, the mail was moved back by hand,
    /// or it could not be filed away. What was never tried goes first; then each alone, so that one which can't be filed
    /// away holds up no other. If the connection goes with it again and again, it is tried with each look at the whole
    /// folder only.
    pub(super) async fn file_known(&mut self, known: Vec<Move>) {
        let now = self.clock.now();
        let is_new = |(place, _): &Move| !self.unfiled.tries.contains_key(place);
        let (new, mut tried): (Vec<Move>, Vec<Move>) = known.into_iter().partition(is_new);
        tried.sort_by_key(|(place, _)| self.unfiled.tries(place));
        let mut refusals = 0;
        for set in new.chunks(BATCH_MAILS).chain(tried.chunks(1)) {
            let rests = set.iter().any(|(place, _)| self.unfiled.tries(place) >= PASSING_TRIES)
                && recently(self.unfiled.lost, now, LOOK_THROUGH);
            if rests || refusals == MOST_REFUSALS || self.unfiled.is_shy(now) {
                self.unfiled.left = true;
                break;
            }
            refusals += u32::from(!self.file_away(set).await);
        }
        if !self.unfiled.left {
            self.unfiled = Unfiled::default();
        }
    }

    /// Whether all went well.
    async fn file_away(&mut self, moves: &[Move]) -> bool {
        let filing = async {
            self.connect().await?;
            self.source.file_away(moves).await
        };
        let filed = AssertUnwindSafe(filing).catch_unwind().await;
        let filed = filed.unwrap_or_else(|_| Err(SourceError::Away(PassError::Panicked.to_string())));
        match filed {
            Ok(()) => true,
            Err(why) => {
                self.leave(moves, why);
                false
            }
        }
    }

    /// What stays in the inbox is known there, and each pass tries again.
    fn leave(&mut self, moves: &[Move], why: SourceError) {
        let unfiled = &mut self.unfiled;
        (unfiled.why, unfiled.left) = (Some(why), true);
        if !self.source.is_open() {
            unfiled.lost = Some(self.clock.now());
        }
        if unfiled.tries.len() >= MOST_FAILURES {
            unfiled.tries.clear();
        }
        for (place, _) in moves {
            *unfiled.tries.entry(place.clone()).or_default() += 1;
        }
    }

    /// Connects, unless the connection is good.
    pub(super) async fn connect(&mut self) -> Result<(), SourceError> {
        if self.source.is_open() { Ok(()) } else { self.source.open().await }
    }
}
