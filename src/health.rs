//! How the mailboxes and outgoing servers are doing: what `status` shows and what alarms are raised from.

pub mod signs;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use self::signs::Sign;
use crate::domain::event::TroubleKind;
use crate::domain::fact::NoticeId;

/// Something that is away or wrong since some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Since when, without a good moment in between.
    pub since: Timestamp,
    /// The newest words about it.
    pub message: String,
    /// The same in Dutch, where they are ours.
    pub dutch: Option<String>,
    /// How staff were told of it, once they were.
    pub told: Option<Told>,
    /// The day under which the store remembers it.
    pub counted: Option<Date>,
    /// Whether it began before the last start: since when is not known any more.
    pub is_older: bool,
    /// Whether it is only known from before the last start, and not found again yet.
    recalled: bool,
}

/// How staff were told of a trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// By these mails; none are known of what was told, and has left, before the last start.
    pub notices: Vec<NoticeId>,
    /// Through which mailbox they leave.
    pub through: String,
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
    /// When its outgoing server was last there again.
    pub recovered: Option<Timestamp>,
    /// Whether what waits for that server has still to be woken.
    asleep: bool,
    troubles: BTreeMap<TroubleKind, Trouble>,
    /// What staff were told of and is over.
    ended: Vec<(TroubleKind, Trouble)>,
}

impl MailboxHealth {
    /// Why its last fetch did not work.
    pub fn why(&self) -> Option<&str> {
        let trouble = self.troubles.get(&TroubleKind::Mailbox).filter(|_| !self.connected);
        trouble.map(|trouble| trouble.message.as_str())
    }

    fn end(&mut self, kind: TroubleKind) {
        let ended = self.troubles.remove(&kind);
        self.ended.extend(ended.filter(|trouble| trouble.counted.is_some()).map(|trouble| (kind, trouble)));
    }
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
    /// With which mailbox stands what is no mailbox's own.
    first: Option<Arc<str>>,
}

impl Health {
    /// The health of these mailboxes, of which nothing is known yet.
    pub fn of(names: impl IntoIterator<Item = String>) -> Self {
        let mut names = names.into_iter().peekable();
        let first = names.peek().map(|name| Arc::from(name.as_str()));
        let all = names.map(|name| (name, MailboxHealth::default())).collect();
        Self { mailboxes: Arc::new(Mutex::new(all)), first }
    }

    /// The disk is one, whichever mailbox finds it full: it is told once.
    fn place<'a>(&'a self, mailbox: &'a str, kind: TroubleKind) -> &'a str {
        self.first.as_deref().filter(|_| kind == TroubleKind::Disk).unwrap_or(mailbox)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, MailboxHealth>> {
        // A panic elsewhere leaves plain values behind, never half of one.
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, mailbox: &str, change: impl FnOnce(&mut MailboxHealth)) {
        change(self.lock().entry(mailbox.to_owned()).or_default());
    }

    /// The mailbox was looked through; so many mails wait to be taken in. Whether that can be done is not known yet.
    pub fn looked(&self, mailbox: &str, waiting: usize, now: Timestamp) {
        self.change(mailbox, |h| (h.last_fetch, h.waiting, h.tried) = (Some(now), waiting, true));
    }

    /// Mails were taken in and filed away, or there are none; so many wait.
    pub fn fetched(&self, mailbox: &str, waiting: usize, now: Timestamp) {
        self.change(mailbox, |h| {
            (h.connected, h.last_fetch, h.waiting, h.tried) = (true, Some(now), waiting, true);
            h.end(TroubleKind::Mailbox);
        });
    }

    /// The mailbox can't be reached or refuses.
    pub fn away(&self, mailbox: &str, message: &str, now: Timestamp) {
        self.change(mailbox, |h| (h.connected, h.tried) = (false, true));
        self.troubled(mailbox, TroubleKind::Mailbox, message, now);
    }

    /// The outgoing server has answered: it is there.
    pub fn answered(&self, mailbox: &str, now: Timestamp) {
        self.change(mailbox, |h| {
            if h.troubles.contains_key(&TroubleKind::Smtp) {
                (h.recovered, h.asleep) = (Some(now), true);
            }
            h.end(TroubleKind::Smtp);
        });
    }

    /// Mailboxes whose outgoing server is there again since the last call.
    pub fn take_recovered(&self) -> Vec<String> {
        let mut all = self.lock();
        let recovered = all.iter_mut().map(|(name, h)| (name, std::mem::take(&mut h.asleep)));
        recovered.filter(|(_, asleep)| *asleep).map(|(name, _)| name.clone()).collect()
    }

    /// Something is wrong; the first moment of it stays. A full disk stands with the first mailbox.
    pub fn troubled(&self, mailbox: &str, kind: TroubleKind, message: &str, now: Timestamp) {
        self.change(self.place(mailbox, kind), |h| note(h, kind, (now, message, None)));
    }

    /// What a look showed: a sign of trouble, or none. Of what is known from before the last start none counts only after
    /// `grace` seconds: it may need as long to show again.
    pub fn saw(&self, mailbox: &str, kind: TroubleKind, sign: Option<&Sign>, (grace, now): (u64, Timestamp)) {
        self.change(mailbox, |h| match sign {
            Some(sign) => note(h, kind, (sign.since, &sign.message, Some(&sign.dutch))),
            None if h.troubles.get(&kind).is_some_and(|t| t.recalled && !lasted(t.since, grace, now)) => {}
            None => h.end(kind),
        });
    }

    /// It is right again.
    pub fn well(&self, mailbox: &str, kind: TroubleKind) {
        self.change(self.place(mailbox, kind), |h| h.end(kind));
    }

    /// Staff were told of it on `day`, before the last start, and not that it is over.
    pub fn recall(&self, mailbox: &str, kind: TroubleKind, (day, told): (Date, Told), now: Timestamp) {
        let trouble = Trouble {
            since: now,
            message: format!("told on {day}"),
            dutch: Some(format!("gemeld op {day}")),
            told: Some(told),
            counted: Some(day),
            is_older: true,
            recalled: true,
        };
        self.change(mailbox, |h| {
            h.troubles.insert(kind, trouble);
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

    /// Whether a trouble of this kind is known.
    pub fn has(&self, mailbox: &str, kind: TroubleKind) -> bool {
        self.lock().get(mailbox).is_some_and(|h| h.troubles.contains_key(&kind))
    }

    /// Whether a trouble of this kind is known from before the last start alone.
    pub fn is_recalled(&self, mailbox: &str, kind: TroubleKind) -> bool {
        self.lock().get(mailbox).and_then(|h| h.troubles.get(&kind)).is_some_and(|trouble| trouble.recalled)
    }

    /// Mailboxes through which nothing leaves now.
    pub fn shut(&self) -> BTreeSet<String> {
        let ways = [TroubleKind::Smtp, TroubleKind::Outbox];
        let is_shut = |h: &MailboxHealth| ways.iter().any(|kind| h.troubles.contains_key(kind));
        self.lock().iter().filter(|(_, h)| is_shut(h)).map(|(name, _)| name.clone()).collect()
    }

    /// What has been wrong for at least `after` seconds; what needs no patience at once.
    pub fn alarms(&self, after: u64, now: Timestamp) -> Vec<Alarm> {
        let alarm = |(mailbox, kind, trouble): (String, TroubleKind, Trouble)| {
            let Trouble { since, message, dutch, .. } = trouble;
            // What was only measured says nothing by itself.
            let message = if dutch.is_some() { format!("{}: {message}", kind.says()) } else { message };
            Alarm { kind: kind.as_str(), mailbox, since, message }
        };
        self.lasting(after, now).into_iter().map(alarm).collect()
    }

    /// The same with what is known of them.
    pub fn lasting(&self, after: u64, now: Timestamp) -> Vec<(String, TroubleKind, Trouble)> {
        self.troubles(|kind, trouble| is_lasting(kind, trouble, after, now))
    }

    /// The alarms that staff were told of and that are not over.
    pub fn told(&self) -> Vec<(String, TroubleKind, Trouble)> {
        self.troubles(|_, trouble| trouble.told.is_some())
    }

    fn troubles(
        &self,
        wanted: impl Fn(TroubleKind, &Trouble) -> bool,
    ) -> Vec<(String, TroubleKind, Trouble)> {
        let all = self.lock();
        let each = all.iter().flat_map(|(name, h)| h.troubles.iter().map(move |(kind, t)| (name, *kind, t)));
        let wanted = each.filter(|(_, kind, trouble)| wanted(*kind, trouble));
        wanted.map(|(name, kind, trouble)| (name.clone(), kind, trouble.clone())).collect()
    }

    /// Staff were told of `trouble` as it was then, and the store remembers it under `day`, unless it did before. That it
    /// was over in the meantime is still to be told.
    pub fn tell(&self, mailbox: &str, kind: TroubleKind, trouble: Trouble, (told, day): (Told, Date)) {
        let told = Trouble { told: Some(told), counted: trouble.counted.or(Some(day)), ..trouble };
        self.change(mailbox, |h| {
            if trouble.counted.is_some() {
                // It was told before: it ends once, and with the newest mails.
                h.ended.retain(|(ended, _)| *ended != kind);
            }
            match h.troubles.get_mut(&kind) {
                Some(known) => (known.told, known.counted) = (told.told, told.counted),
                None => h.ended.push((kind, told)),
            }
        });
    }

    /// Staff have to be told once more.
    pub fn tell_again(&self, mailbox: &str, kind: TroubleKind) {
        self.change(mailbox, |h| {
            if let Some(trouble) = h.troubles.get_mut(&kind) {
                trouble.told = None;
            }
        });
    }

    /// What staff were told of and is over, the oldest first; it stands there until [`Self::ended_told`].
    pub fn ended(&self) -> Vec<(String, TroubleKind, Trouble)> {
        let all = self.lock();
        let each = all.iter().flat_map(|(name, h)| h.ended.iter().map(move |(kind, t)| (name, kind, t)));
        each.map(|(name, kind, trouble)| (name.clone(), *kind, trouble.clone())).collect()
    }

    /// The first of what has ended in a mailbox needs nobody's attention any more.
    pub fn ended_told(&self, mailbox: &str) {
        self.change(mailbox, |h| {
            if !h.ended.is_empty() {
                h.ended.remove(0);
            }
        });
    }

    /// It was told of and passes without another word.
    pub fn forget(&self, mailbox: &str, kind: TroubleKind) {
        self.change(mailbox, |h| {
            h.troubles.remove(&kind);
        });
    }

    /// The wall clock was set by so much, or time passed in which nothing could happen: what lay so long ago lies as long
    /// ago still, and nothing in the future.
    pub fn shift(&self, by: SignedDuration, now: Timestamp) {
        let shift = |at: &mut Timestamp| {
            // Set back: what does not lie in the future may have been noted on the new clock already.
            if by.is_positive() || *at > now {
                *at = at.saturating_add(by).unwrap_or(now).min(now);
            }
        };
        for h in self.lock().values_mut() {
            h.last_fetch.iter_mut().chain(&mut h.recovered).for_each(shift);
            h.troubles.values_mut().for_each(|trouble| shift(&mut trouble.since));
        }
    }
}

fn note(h: &mut MailboxHealth, kind: TroubleKind, (since, message, dutch): (Timestamp, &str, Option<&str>)) {
    let fresh = Trouble {
        since,
        message: String::new(),
        dutch: None,
        told: None,
        counted: None,
        is_older: false,
        recalled: false,
    };
    let trouble = h.troubles.entry(kind).or_insert(fresh);
    if std::mem::take(&mut trouble.recalled) {
        trouble.since = since;
    }
    message.clone_into(&mut trouble.message);
    trouble.dutch = dutch.map(str::to_owned);
}

/// Whether it is an alarm by now. What passes by itself is given some time; what is measured over that time is not.
fn is_lasting(kind: TroubleKind, trouble: &Trouble, after: u64, now: Timestamp) -> bool {
    let passes = matches!(kind, TroubleKind::Mailbox | TroubleKind::Smtp);
    lasted(trouble.since, if passes || trouble.recalled { after } else { 0 }, now)
}

fn lasted(since: Timestamp, seconds: u64, now: Timestamp) -> bool {
    now.duration_since(since) >= SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a small number of seconds")
    }

    const DAY: Date = Date::constant(2026, 3, 2);

    fn by_mail(id: u64) -> Told {
        Told { notices: vec![NoticeId(id)], through: "a".to_owned() }
    }

    /// The kinds of which staff are told now.
    fn told(health: &Health, now: Timestamp) -> Vec<(TroubleKind, String)> {
        let mut untold = health.lasting(900, now);
        untold.retain(|(_, _, trouble)| trouble.told.is_none());
        for (mailbox, kind, trouble) in &untold {
            health.tell(mailbox, *kind, trouble.clone(), (by_mail(1), DAY));
        }
        untold.into_iter().map(|(_, kind, trouble)| (kind, trouble.message)).collect()
    }

    #[test]
    fn staff_are_told_once_and_again_after_it_was_well() {
        let health = Health::of(["a".to_owned()]);
        health.away("a", "refused", at(0));
        health.away("a", "still refused", at(100));
        assert!(told(&health, at(899)).is_empty());
        assert_eq!(told(&health, at(900)), [(TroubleKind::Mailbox, "still refused".to_owned())]);
        assert!(told(&health, at(2000)).is_empty());
        assert_eq!(health.alarms(900, at(2000))[0].since, at(0));
        assert!(health.ended().is_empty());
        health.fetched("a", 0, at(2001));
        assert!(health.alarms(900, at(9000)).is_empty());
        assert_eq!(health.ended().len(), 1);
        health.ended_told("a");
        assert!(health.ended().is_empty());
        health.away("a", "gone", at(3000));
        assert_eq!(told(&health, at(3900)).len(), 1);
    }

    #[test]
    fn of_what_nobody_was_told_no_end_is_told() {
        let health = Health::of(["a".to_owned()]);
        health.away("a", "refused", at(0));
        health.fetched("a", 0, at(899));
        assert!(health.ended().is_empty());
    }

    #[test]
    fn what_is_over_while_it_is_told_ends_once() {
        let health = Health::of(["a".to_owned()]);
        let ends = |health: &Health| health.ended().into_iter().map(|(_, _, t)| t.told).collect::<Vec<_>>();
        health.away("a", "refused", at(0));
        let (_, kind, trouble) = health.lasting(900, at(900)).remove(0);
        health.fetched("a", 0, at(901));
        health.tell("a", kind, trouble, (by_mail(1), DAY));
        assert_eq!(ends(&health), [Some(by_mail(1))]);
        health.ended_told("a");
        // The same while it is told another way.
        health.away("a", "refused", at(1_000));
        assert_eq!(told(&health, at(1_900)).len(), 1);
        let (_, kind, trouble) = health.lasting(900, at(1_900)).remove(0);
        health.fetched("a", 0, at(1_901));
        health.tell("a", kind, trouble.clone(), (by_mail(2), DAY));
        assert_eq!(ends(&health), [Some(by_mail(2))]);
        // And when it comes back at once it is the same trouble.
        health.away("a", "refused", at(1_902));
        health.tell("a", kind, trouble, (by_mail(3), DAY));
        assert!(ends(&health).is_empty());
        health.fetched("a", 0, at(1_903));
        assert_eq!(ends(&health), [Some(by_mail(3))]);
    }

    #[test]
    fn a_full_disk_alarms_at_once() {
        let health = Health::of(["a".to_owned()]);
        health.troubled("a", TroubleKind::Disk, "1 MB free", at(0));
        assert_eq!(health.lasting(900, at(0)).len(), 1);
        assert_eq!(told(&health, at(1)).len(), 1);
        assert!(told(&health, at(2)).is_empty());
    }

    #[test]
    fn what_was_told_before_the_last_start_is_not_told_again() {
        let health = Health::of(["a".to_owned()]);
        let left = || (DAY, Told { notices: Vec::new(), through: "a".to_owned() });
        health.recall("a", TroubleKind::Outbox, left(), at(0));
        health.saw("a", TroubleKind::Outbox, None, (900, at(10)));
        assert!(health.ended().is_empty(), "it may need its time to show again");
        assert!(health.alarms(900, at(899)).is_empty() && told(&health, at(899)).is_empty());
        let sign = Sign { since: at(5), message: "2 waiting".to_owned(), dutch: "2 in de wacht".to_owned() };
        health.saw("a", TroubleKind::Outbox, Some(&sign), (900, at(900)));
        assert_eq!(health.alarms(900, at(900))[0].since, at(5));
        assert!(told(&health, at(900)).is_empty());
        health.saw("a", TroubleKind::Outbox, None, (900, at(901)));
        assert_eq!(health.ended().len(), 1, "its end is told");

        health.recall("a", TroubleKind::Outbox, left(), at(1_000));
        health.saw("a", TroubleKind::Outbox, None, (900, at(1_900)));
        assert_eq!(health.ended().len(), 2, "it was over already");
    }

    #[test]
    fn a_clock_that_is_set_makes_nothing_older() {
        let health = Health::of(["a".to_owned()]);
        health.fetched("a", 0, at(100_000));
        health.away("a", "gone", at(100_100));
        health.shift(SignedDuration::from_secs(-50_000), at(50_200));
        assert_eq!(health.mailboxes()[0].1.last_fetch, Some(at(50_000)));
        assert!(health.alarms(900, at(50_999)).is_empty());
        assert_eq!(health.alarms(900, at(51_000)).len(), 1);
        health.shift(SignedDuration::from_hours(24), at(51_000));
        assert_eq!(health.mailboxes()[0].1.last_fetch, Some(at(51_000)));
    }

    #[test]
    fn a_server_that_is_there_again_is_waited_for_no_more() {
        let health = Health::of(["a".to_owned()]);
        health.answered("a", at(0));
        assert!(health.take_recovered().is_empty());
        health.troubled("a", TroubleKind::Smtp, "refused", at(1));
        assert!(health.shut().contains("a"));
        health.answered("a", at(2));
        assert!(health.shut().is_empty());
        assert_eq!(health.take_recovered(), ["a"]);
        assert!(health.take_recovered().is_empty());
    }
}
