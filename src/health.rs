//! How the mailboxes and outgoing servers are doing: what `status` shows and what alarms are raised from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::domain::event::TroubleKind;

/// Something that is away or wrong since some moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// Since when, without a good moment in between.
    pub since: Timestamp,
    /// The newest words about it.
    pub message: String,
    /// Whether staff were told.
    #[serde(skip)]
    pub told: bool,
}

/// How one mailbox is doing.
#[derive(Debug, Clone, Default)]
pub struct MailboxHealth {
    /// Whether its last fetch worked.
    pub connected: bool,
    /// When mails were last looked for and the answer was complete.
    pub last_fetch: Option<Timestamp>,
    /// Mails that were seen and not yet taken in.
    pub waiting: usize,
    /// Whether a first fetch was tried, whatever came of it.
    pub tried: bool,
    troubles: BTreeMap<TroubleKind, Trouble>,
}

/// An alarm as `status` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// What kind: `mailbox`, `smtp`, `disk`, ….
    pub kind: &'static str,
    /// Which mailbox it is about.
    pub mailbox: String,
    /// Since when.
    pub since: Timestamp,
    /// What was seen.
    pub message: String,
}

/// The health of all mailboxes, shared by the tasks that serve them.
#[derive(Debug, Clone, Default)]
pub struct Health {
    mailboxes: Arc<Mutex<BTreeMap<String, MailboxHealth>>>,
}

impl Health {
    /// The health of these mailboxes, of which nothing is known yet.
    pub fn of(names: impl IntoIterator<Item = String>) -> Self {
        let all = names.into_iter().map(|name| (name, MailboxHealth::default())).collect();
        Self { mailboxes: Arc::new(Mutex::new(all)) }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, MailboxHealth>> {
        // A panic elsewhere leaves plain values behind, never half of one.
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, mailbox: &str, change: impl FnOnce(&mut MailboxHealth)) {
        change(self.lock().entry(mailbox.to_owned()).or_default());
    }

    /// A fetch looked through the mailbox; so many mails wait to be taken in.
    pub fn fetched(&self, mailbox: &str, waiting: usize, now: Timestamp) {
        self.change(mailbox, |h| {
            (h.connected, h.last_fetch, h.waiting, h.tried) = (true, Some(now), waiting, true);
            h.troubles.remove(&TroubleKind::Mailbox);
        });
    }

    /// The mailbox can't be reached or refuses.
    pub fn away(&self, mailbox: &str, message: &str, now: Timestamp) {
        self.change(mailbox, |h| (h.connected, h.tried) = (false, true));
        self.troubled(mailbox, TroubleKind::Mailbox, message, now);
    }

    /// Something is wrong; the first moment of it stays.
    pub fn troubled(&self, mailbox: &str, kind: TroubleKind, message: &str, now: Timestamp) {
        self.change(mailbox, |h| {
            let fresh = Trouble { since: now, message: String::new(), told: false };
            message.clone_into(&mut h.troubles.entry(kind).or_insert(fresh).message);
        });
    }

    /// It is right again.
    pub fn well(&self, mailbox: &str, kind: TroubleKind) {
        self.change(mailbox, |h| {
            h.troubles.remove(&kind);
        });
    }

    /// Whether a first fetch of every mailbox was tried.
    pub fn all_tried(&self) -> bool {
        self.lock().values().all(|h| h.tried)
    }

    /// Every mailbox, by name.
    pub fn mailboxes(&self) -> Vec<(String, MailboxHealth)> {
        self.lock().iter().map(|(name, health)| (name.clone(), health.clone())).collect()
    }

    /// What has been wrong for at least `after` seconds; a full disk or a file that can't be read again at once.
    pub fn alarms(&self, after: u64, now: Timestamp) -> Vec<Alarm> {
        let mut alarms = Vec::new();
        for (mailbox, health) in self.lock().iter() {
            for (kind, trouble) in &health.troubles {
                if lasting(*kind, trouble, after, now) {
                    alarms.push(Alarm {
                        kind: kind.as_str(),
                        mailbox: mailbox.clone(),
                        since: trouble.since,
                        message: trouble.message.clone(),
                    });
                }
            }
        }
        alarms
    }

    /// The alarms that staff were not told of yet; they count as told from now on.
    pub fn untold(&self, after: u64, now: Timestamp) -> Vec<(String, TroubleKind, String)> {
        let mut untold = Vec::new();
        for (mailbox, health) in self.lock().iter_mut() {
            for (kind, trouble) in &mut health.troubles {
                if !trouble.told && lasting(*kind, trouble, after, now) {
                    trouble.told = true;
                    untold.push((mailbox.clone(), *kind, trouble.message.clone()));
                }
            }
        }
        untold
    }

    /// What was given out as [`Self::untold`] could not be told after all; it will be given out again.
    pub fn not_told(&self, mailbox: &str, kind: TroubleKind) {
        self.change(mailbox, |h| {
            if let Some(trouble) = h.troubles.get_mut(&kind) {
                trouble.told = false;
            }
        });
    }
}

fn lasting(kind: TroubleKind, trouble: &Trouble, after: u64, now: Timestamp) -> bool {
    let at_once = matches!(kind, TroubleKind::Disk | TroubleKind::Reload | TroubleKind::Held);
    let patience = if at_once { 0 } else { i64::try_from(after).unwrap_or(i64::MAX) };
    now.duration_since(trouble.since) >= SignedDuration::from_secs(patience)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a small number of seconds")
    }

    #[test]
    fn staff_are_told_once_and_again_after_it_was_well() {
        let health = Health::of(["a".to_owned()]);
        health.away("a", "refused", at(0));
        health.away("a", "still refused", at(100));
        assert!(health.untold(900, at(899)).is_empty());
        assert_eq!(
            health.untold(900, at(900)),
            [("a".to_owned(), TroubleKind::Mailbox, "still refused".to_owned())]
        );
        assert!(health.untold(900, at(2000)).is_empty());
        assert_eq!(health.alarms(900, at(2000))[0].since, at(0));
        health.fetched("a", 0, at(2001));
        assert!(health.alarms(900, at(9000)).is_empty());
        health.away("a", "gone", at(3000));
        assert_eq!(health.untold(900, at(3900)).len(), 1);
    }

    #[test]
    fn a_full_disk_alarms_at_once() {
        let health = Health::of(["a".to_owned()]);
        health.troubled("a", TroubleKind::Disk, "1 MB free", at(0));
        assert_eq!(health.untold(900, at(0)).len(), 1);
        assert!(health.untold(900, at(1)).is_empty());
        health.not_told("a", TroubleKind::Disk);
        assert_eq!(health.untold(900, at(2)).len(), 1, "the alarm itself found no room");
    }
}
