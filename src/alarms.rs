//! The deadman: looks at what nobody reports, and tells staff, once when a trouble begins and once when it is over.
//!
//! What is wrong stands in [`Health`]; what a look means is pure ([`signs`]); the mails go the one path, through the
//! engine. That staff were told is remembered in the store, so that a service that is started again and again does not
//! tell it each time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use tracing::info;

use crate::config::{Config, Inbox};
use crate::domain::complaint::NoticeStatus;
use crate::domain::decide::Unseen;
use crate::domain::digest;
use crate::domain::event::{Trouble, TroubleKind};
use crate::domain::fact::NoticeId;
use crate::domain::outgoing::Outgoing;
use crate::engine::{Engine, EngineError};
use crate::health::signs::{self, Sign};
use crate::health::{self, Health, Told};
use crate::intake::source::Source;
use crate::outbox::deliver::Outlet;
use crate::store::CountKey;
use crate::tls::SeenCertificate;

/// How often it is looked.
const LOOKS: Duration = Duration::from_secs(15);

/// How often the terms and the calendars are looked at.
const TERMS: Duration = Duration::from_mins(5);

/// After such a pause between two looks the machine slept, or the service could not run.
const STOOD_STILL: Duration = Duration::from_mins(2);

/// Days for which a restart knows what staff were told: the store counts for two days more.
const RECALLED: i64 = 14;

/// Notices that one look takes, the oldest first.
const LOOKED_AT: usize = 1_000;

/// A server whose certificate is watched.
#[derive(Debug, Clone)]
pub struct Watched {
    /// For which mailbox.
    pub mailbox: String,
    /// Its name and port.
    pub server: String,
    /// What it showed.
    pub certificate: SeenCertificate,
}

/// What there is to watch beside the store.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// How often each mailbox is looked through at least, by its name.
    pub polls: BTreeMap<String, Duration>,
    /// Servers with TLS.
    pub servers: Vec<Watched>,
}

impl Watch {
    /// What a configuration asks to be watched.
    pub fn of(config: &Config, sources: &[(String, Source)], outlets: &[(String, Outlet)]) -> Self {
        let poll = |inbox: &Inbox| match inbox {
            Inbox::Imap(imap) => imap.poll,
            Inbox::Maildir(maildir) => maildir.poll,
        };
        let seen = sources.iter().map(|(mailbox, source)| (mailbox, source.certificate()));
        let seen = seen.chain(outlets.iter().map(|(mailbox, outlet)| (mailbox, outlet.certificate())));
        let servers = seen.filter_map(|(mailbox, shown)| {
            let (server, certificate) = shown?;
            Some(Watched { mailbox: mailbox.clone(), server, certificate })
        });
        Self {
            servers: servers.collect(),
            polls: config.mailboxes.iter().map(|m| (m.name.clone(), poll(&m.inbox))).collect(),
        }
    }
}

/// The watch over one service.
#[derive(Debug)]
pub struct Alarms {
    watch: Watch,
    /// Since when it runs without a pause and on the same clock.
    up_since: Timestamp,
    /// Wall clock and uptime when it was last looked at them.
    clock: Option<(Timestamp, Duration)>,
    looked: Option<Duration>,
    looked_at_terms: Option<Duration>,
    /// Complaints with a term that nobody knows of, by the uptime at which that was first seen.
    unseen: BTreeMap<String, Duration>,
    /// Those of them that staff were told of, by mailbox.
    named: BTreeMap<String, BTreeSet<String>>,
    /// The clock was set, and the next attempts stand as the old one had them.
    was_set: bool,
    /// Mailboxes whose server is there again, and what waits for it waits as if it were not.
    recovered: BTreeSet<String>,
}

impl Alarms {
    /// Begins to watch, and recalls what staff were told of before the last start.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub fn start(
        watch: Watch,
        engine: &Engine,
        health: &Health,
        now: Timestamp,
    ) -> Result<Self, EngineError> {
        let today = now.to_zoned(TimeZone::UTC).date();
        let open = engine.store().outbox_open()?;
        for mailbox in &engine.settings().house.mailboxes {
            for kind in TroubleKind::LASTING {
                if let Some(day) = told_on(engine, &mailbox.name, kind, today)? {
                    let told = told_by(&open, &mailbox.name, kind);
                    health.recall(&mailbox.name, kind, (day, told), now);
                }
            }
            // With procedures that have a fault it would not have started.
            health.well(&mailbox.name, TroubleKind::Reload);
        }
        Ok(Self {
            watch,
            up_since: now,
            clock: None,
            looked: None,
            looked_at_terms: None,
            unseen: BTreeMap::new(),
            named: BTreeMap::new(),
            was_set: false,
            recovered: BTreeSet::new(),
        })
    }

    /// Looks, when it is time to, and tells. `is_full`: the disk had no room for what was last to be written. `uptime` is
    /// of a clock that nobody can set.
    ///
    /// # Errors
    /// As [`Engine::tick`].
    pub async fn watch(
        &mut self,
        engine: &mut Engine,
        health: &Health,
        is_full: bool,
        (now, uptime): (Timestamp, Duration),
    ) -> Result<(), EngineError> {
        self.look_at_clock(engine, health, (now, uptime));
        self.recovered.extend(health.take_recovered());
        let woken = self.wake(engine, now).await;
        if woken.as_ref().is_err_and(|e| !e.is_full()) {
            return woken;
        }
        if is_time(&mut self.looked, uptime, LOOKS) {
            self.look(engine, health, is_full, now)?;
        }
        if is_time(&mut self.looked_at_terms, uptime, TERMS) {
            self.look_at_terms(engine, health, (now, uptime))?;
            look_at_calendars(engine, health, now);
        }
        let told = tell(engine, health, now).await;
        if told.as_ref().is_err_and(EngineError::is_full) {
            log_untold(engine, health, now);
        }
        told.and(woken)
    }

    /// A server may have been away for hours, and what waits for it have been told to wait as long.
    async fn wake(&mut self, engine: &mut Engine, now: Timestamp) -> Result<(), EngineError> {
        if self.was_set {
            engine.wake_outbox(now).await?;
            self.was_set = false;
        }
        while let Some(mailbox) = self.recovered.first() {
            engine.wake_outbox_of(Some(mailbox), now).await?;
            self.recovered.pop_first();
        }
        Ok(())
    }

    fn look_at_clock(&mut self, engine: &Engine, health: &Health, (now, uptime): (Timestamp, Duration)) {
        let Some(before) = self.clock.replace((now, uptime)) else { return };
        let paused = uptime.saturating_sub(before.1);
        if paused > STOOD_STILL {
            info!("the machine slept, or the service stood still, for {} s", paused.as_secs());
            health.shift(SignedDuration::try_from(paused).unwrap_or(SignedDuration::ZERO), now);
            self.up_since = now;
        }
        let Some(first) = engine.settings().house.mailboxes.first().map(|m| m.name.clone()) else { return };
        if let Some(by) = signs::jumped(before, (now, uptime)) {
            health.shift(by, now);
            self.up_since = now;
            health.saw(&first, TroubleKind::Clock, Some(&signs::was_set(by, now)), (0, now));
            self.was_set = true;
        }
    }

    fn look(
        &self,
        engine: &Engine,
        health: &Health,
        is_full: bool,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let house = &engine.settings().house;
        let after = house.limits.alarm_after_seconds;
        let waiting = waiting(engine)?;
        let states: BTreeMap<String, health::MailboxHealth> = health.mailboxes().into_iter().collect();
        for mailbox in &house.mailboxes {
            let name = mailbox.name.as_str();
            let state = states.get(name).cloned().unwrap_or_default();
            let poll = self.watch.polls.get(name).copied();
            let silent = poll
                .filter(|_| !health.has(name, TroubleKind::Mailbox))
                .and_then(|poll| signs::silent(state.last_fetch, self.up_since, (poll, after), now));
            if let Some(sign) = silent {
                health.saw(name, TroubleKind::Mailbox, Some(&sign), (after, now));
            }
            let own: Vec<&Outgoing> = waiting.iter().filter(|entry| entry.mailbox == name).collect();
            let up_since = state.recovered.map_or(self.up_since, |at| at.max(self.up_since));
            look_at_outbox(health, name, &own, (up_since, after, now));
            health.saw(name, TroubleKind::Held, held(&own, now).as_ref(), (after, now));
            let certificate = self.certificates_of(name, now);
            // What it was before the last start it may still be: a server with nothing to send to shows none.
            if certificate.is_some() || self.all_were_seen(name) {
                health.saw(name, TroubleKind::Certificate, certificate.as_ref(), (after, now));
            }
        }
        look_at_disk(engine, health, is_full, now)?;
        // Once told it is over: it stands in `status` for a while, so that whoever looks now and then sees it.
        let told = |(_, kind, trouble): &(String, TroubleKind, health::Trouble)| {
            *kind == TroubleKind::Clock && signs::waited(trouble.since, now) >= signs::seconds(after)
        };
        for (mailbox, kind, _) in health.told().iter().filter(|t| told(t)) {
            health.forget(mailbox, *kind);
        }
        Ok(())
    }

    /// Whether each server of a mailbox has shown its certificate.
    fn all_were_seen(&self, mailbox: &str) -> bool {
        let mut own = self.watch.servers.iter().filter(|watched| watched.mailbox == mailbox);
        own.all(|watched| watched.certificate.newest().is_some())
    }

    /// The certificates of a mailbox's servers that end soon, of each the newest sight.
    fn certificates_of(&self, mailbox: &str, now: Timestamp) -> Option<Sign> {
        let mut newest = BTreeMap::new();
        for watched in self.watch.servers.iter().filter(|watched| watched.mailbox == mailbox) {
            let Some(seen) = watched.certificate.newest() else { continue };
            let known = newest.entry(watched.server.as_str()).or_insert(seen);
            if known.seen_at < seen.seen_at {
                *known = seen;
            }
        }
        let signs = newest.into_iter().filter_map(|(server, seen)| signs::expires(server, seen, now));
        signs.reduce(|one, other| Sign {
            since: one.since,
            message: format!("{}; {}", one.message, other.message),
            dutch: format!("{}; {}", one.dutch, other.dutch),
        })
    }

    /// What is unseen for a moment may be on its way; whatever is unseen for as long as a server may be away is told, and
    /// each complaint once.
    fn look_at_terms(
        &mut self,
        engine: &mut Engine,
        health: &Health,
        (now, uptime): (Timestamp, Duration),
    ) -> Result<(), EngineError> {
        let after = engine.settings().house.limits.alarm_after_seconds;
        let mut found = engine.unseen_terms(now)?;
        let all: BTreeSet<String> =
            found.values().flatten().map(|(reference, _)| reference.clone()).collect();
        self.unseen.retain(|reference, _| all.contains(reference));
        for reference in all {
            self.unseen.entry(reference).or_insert(uptime);
        }
        for mailbox in engine.settings().house.mailboxes.iter().map(|m| m.name.clone()) {
            let long = |(reference, _): &(String, Unseen)| {
                self.unseen
                    .get(reference)
                    .is_some_and(|first| (uptime.saturating_sub(*first)).as_secs() >= after)
            };
            let terms: Vec<(String, Unseen)> =
                found.remove(&mailbox).unwrap_or_default().into_iter().filter(long).collect();
            let lapsing: BTreeSet<String> = terms.iter().map(|(reference, _)| reference.clone()).collect();
            let known = self.named.entry(mailbox.clone()).or_default();
            // What was told before the last start is not told again.
            if !lapsing.is_subset(known) && !health.is_recalled(&mailbox, TroubleKind::Term) {
                health.tell_again(&mailbox, TroubleKind::Term);
            }
            *known = lapsing;
            health.saw(&mailbox, TroubleKind::Term, signs::unseen(&terms, now).as_ref(), (after, now));
        }
        Ok(())
    }
}

async fn tell(engine: &mut Engine, health: &Health, now: Timestamp) -> Result<(), EngineError> {
    engine.set_shut(health.shut());
    for (mailbox, kind, trouble) in health.ended() {
        tell_end(engine, (&mailbox, kind, trouble), now).await?;
        health.ended_told(&mailbox);
    }
    let after = engine.settings().house.limits.alarm_after_seconds;
    let today = now.to_zoned(TimeZone::UTC).date();
    for (mailbox, kind, trouble) in health.lasting(after, now) {
        let Some(instead_of) = untold(engine, &mailbox, &trouble)? else { continue };
        let through = engine.way_out(&mailbox).unwrap_or(&mailbox).to_owned();
        let key = trouble.counted.is_none().then(|| key(&mailbox, kind, today));
        let notices = engine.alarm(&mailbox, as_told(kind, &trouble, false), key, &instead_of, now).await?;
        health.tell(&mailbox, kind, trouble, (Told { notices, through }, today));
    }
    Ok(())
}

/// A full disk keeps what lasts from being told by mail, not from the log.
fn log_untold(engine: &mut Engine, health: &Health, now: Timestamp) {
    let after = engine.settings().house.limits.alarm_after_seconds;
    let lasting = health.lasting(after, now).into_iter();
    for (mailbox, kind, trouble) in lasting.filter(|(_, _, trouble)| trouble.told.is_none()) {
        engine.log_alarm(&mailbox, &as_told(kind, &trouble, false));
    }
}

/// Whether `period` has passed since it was last time.
fn is_time(last: &mut Option<Duration>, uptime: Duration, period: Duration) -> bool {
    let is_time = last.is_none_or(|last| uptime.saturating_sub(last) >= period);
    if is_time {
        *last = Some(uptime);
    }
    is_time
}

fn key(mailbox: &str, kind: TroubleKind, day: Date) -> CountKey {
    CountKey::Alarm { mailbox: mailbox.to_owned(), what: kind.as_str().to_owned(), day }
}

/// The day on which staff were told of a trouble whose end they were not told of.
fn told_on(
    engine: &Engine,
    mailbox: &str,
    kind: TroubleKind,
    today: Date,
) -> Result<Option<Date>, EngineError> {
    for back in 0..RECALLED {
        let day = today.saturating_sub(back.days());
        if engine.store().count(&key(mailbox, kind, day))? % 2 == 1 {
            return Ok(Some(day));
        }
    }
    Ok(None)
}

/// How staff were told of it before the last start: the newest mails of which one waits still.
fn told_by(open: &[Outgoing], mailbox: &str, kind: TroubleKind) -> Told {
    let newest = open.iter().rev().filter(|entry| entry.lives()).find_map(|entry| {
        let telling = entry.tells.as_ref()?;
        let is_it = telling.mailbox == mailbox && telling.kind == kind.as_str();
        is_it.then(|| Told { notices: telling.notices.clone(), through: entry.mailbox.clone() })
    });
    newest.unwrap_or_else(|| Told { notices: Vec::new(), through: mailbox.to_owned() })
}

fn as_told(kind: TroubleKind, trouble: &health::Trouble, over: bool) -> Trouble {
    Trouble {
        dutch: trouble.dutch.clone(),
        since: (!trouble.is_older).then_some(trouble.since),
        over,
        ..Trouble::new(kind, trouble.message.clone())
    }
}

/// What waits to leave, the oldest first; nothing is read when there is none.
fn waiting(engine: &Engine) -> Result<Vec<Outgoing>, EngineError> {
    let totals = engine.store().totals()?;
    let live = [NoticeStatus::Queued, NoticeStatus::Sending, NoticeStatus::Unknown, NoticeStatus::Held];
    if live.iter().all(|status| totals.outgoing(*status) == 0) {
        return Ok(Vec::new());
    }
    let mut open = engine.store().outbox_open_first(LOOKED_AT)?;
    open.retain(Outgoing::lives);
    Ok(open)
}

/// While the server is away its own alarm says so. What was known before the last start and finds nothing to send now
/// would never end.
fn look_at_outbox(
    health: &Health,
    mailbox: &str,
    own: &[&Outgoing],
    (up_since, after, now): (Timestamp, u64, Timestamp),
) {
    if !health.has(mailbox, TroubleKind::Smtp) {
        let sign = signs::not_draining(own, up_since, after, now);
        health.saw(mailbox, TroubleKind::Outbox, sign.as_ref(), (after, now));
    } else if own.is_empty() && health.is_recalled(mailbox, TroubleKind::Smtp) {
        health.saw(mailbox, TroubleKind::Smtp, None, (after, now));
    }
}

/// What a limit keeps back is told of once, until nothing is kept back any more. What the next digest tells staff is no
/// trouble.
fn held(own: &[&Outgoing], now: Timestamp) -> Option<Sign> {
    let kept_back = |e: &&&Outgoing| e.status == NoticeStatus::Held && !digest::tells_of(e.kind);
    let n = own.iter().filter(kept_back).count();
    (n > 0).then(|| Sign {
        since: now,
        message: format!("{n} notices wait for a limit on automatic mail; `klachtd outbox list`"),
        dutch: format!("{n} berichten wachten op een limiet op automatische post; `klachtd outbox list`"),
    })
}

/// Without new mail nobody but this would find that there is room again. While the disk is full its own alarm says so.
fn look_at_disk(engine: &Engine, health: &Health, is_full: bool, now: Timestamp) -> Result<(), EngineError> {
    let house = &engine.settings().house;
    let Some(first) = house.mailboxes.first().map(|m| m.name.as_str()) else { return Ok(()) };
    let room = engine.store().room()?;
    if room.is_enough() && !is_full {
        // Earlier versions told of it in each mailbox, and that is recalled.
        for mailbox in &house.mailboxes {
            health.saw(&mailbox.name, TroubleKind::Disk, None, (0, now));
        }
    }
    if !health.has(first, TroubleKind::Disk) {
        let low = signs::low(room, now);
        health.saw(first, TroubleKind::DiskLow, low.as_ref(), (house.limits.alarm_after_seconds, now));
    }
    Ok(())
}

fn look_at_calendars(engine: &Engine, health: &Health, now: Timestamp) {
    let settings = engine.settings();
    for mailbox in &settings.house.mailboxes {
        let Some(ruling) = settings.rules.get(&mailbox.procedure) else { continue };
        let sign = signs::holidays_end(&ruling.procedure, now);
        health.saw(&mailbox.name, TroubleKind::Calendar, sign.as_ref(), (0, now));
    }
}

/// Nothing is told of the end when nobody heard of the beginning: the mail about it is taken back.
async fn tell_end(
    engine: &mut Engine,
    (mailbox, kind, trouble): (&str, TroubleKind, health::Trouble),
    now: Timestamp,
) -> Result<(), EngineError> {
    let Some(day) = trouble.counted else { return Ok(()) };
    let key = key(mailbox, kind, day);
    let told = trouble.told.as_ref();
    let unsent = told.map_or(Ok(Vec::new()), |told| engine.waiting(&told.notices))?;
    if told.is_some_and(|told| told.notices.is_empty() || told.notices.len() > unsent.len()) {
        let over = as_told(kind, &trouble, true);
        return engine.alarm(mailbox, over, Some(key), &unsent, now).await.map(drop);
    }
    info!(mailbox, kind = kind.as_str(), "an alarm is over before it could be told: {}", kind.says());
    engine.forget_alarm(key, &unsent, now).await
}

/// `None` when staff were told of it. When they were not: the mails that nobody has got, because nothing leaves where
/// they were to leave, and there is another way by now.
fn untold(
    engine: &Engine,
    mailbox: &str,
    trouble: &health::Trouble,
) -> Result<Option<Vec<NoticeId>>, EngineError> {
    let Some(told) = &trouble.told else { return Ok(Some(Vec::new())) };
    let other = engine.way_out(mailbox).is_some_and(|way| way != told.through);
    if !other || !engine.is_shut(&told.through) {
        return Ok(None);
    }
    let unsent = engine.waiting(&told.notices)?;
    Ok((!unsent.is_empty() && unsent.len() == told.notices.len()).then_some(unsent))
}
