//! By what trouble shows that nobody reports: somebody who should have been heard of is silent. Pure.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::complaint::NoticeStatus;
use crate::domain::decide::Unseen;
use crate::domain::outgoing::Outgoing;
use crate::domain::procedure::Procedure;
use crate::store::Room;
use crate::tls::Certificate;

/// Something that is wrong, in words of our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// Since when.
    pub since: Timestamp,
    /// In English.
    pub message: String,
    /// In Dutch.
    pub dutch: String,
}

/// One notice alone may wait so many times as long as several: a server that greylists makes it wait for a while.
const ALONE: u64 = 4;

/// Complaints that one alarm names.
const NAMED: usize = 5;

/// The wall clock is set by that much without anybody's needing to know.
const JUMP: SignedDuration = SignedDuration::from_mins(2);

/// The deadman: nothing was heard of a mailbox for `after` seconds beside its `poll`, whatever the reason. A mailbox of
/// which nothing was ever heard counts from `up_since`.
pub fn silent(
    last_fetch: Option<Timestamp>,
    up_since: Timestamp,
    (poll, after): (Duration, u64),
    now: Timestamp,
) -> Option<Sign> {
    let since = last_fetch.unwrap_or(up_since);
    (waited(since, now) >= seconds(after.saturating_add(poll.as_secs()))).then(|| Sign {
        since,
        message: "no answer, and no error either".to_owned(),
        dutch: "geen antwoord, en ook geen foutmelding".to_owned(),
    })
}

/// Notices of one mailbox that nobody refused and that have not left. Several that wait for `after` seconds are a sign,
/// one alone when it waits four times as long. Waiting counts from `up_since`, when the way out was last opened. What a
/// limit holds back is another matter.
pub fn not_draining(entries: &[&Outgoing], up_since: Timestamp, after: u64, now: Timestamp) -> Option<Sign> {
    let waits = |entry: &&&Outgoing| entry.lives() && entry.status != NoticeStatus::Held;
    let made: Vec<Timestamp> = entries.iter().filter(waits).map(|entry| entry.queued_at).collect();
    let late: Vec<&Timestamp> =
        made.iter().filter(|at| waited((**at).max(up_since), now) >= seconds(after)).collect();
    let oldest = **late.iter().min()?;
    let long = waited(oldest.max(up_since), now) >= seconds(after.saturating_mul(ALONE));
    let (n, oldest_at) = (late.len(), minute(oldest));
    (n > 1 || long).then(|| Sign {
        since: oldest.max(up_since),
        message: format!("{n} waiting, the oldest since {oldest_at}"),
        dutch: format!("{n} in de wacht, de oudste sinds {oldest_at}"),
    })
}

/// How far the wall clock was set between two looks: by how much it went beside a clock that nobody can set and that
/// runs on while the machine sleeps. So a machine that slept, for however long, is no sign.
pub fn jumped(
    (wall_before, uptime_before): (Timestamp, Duration),
    (wall, uptime): (Timestamp, Duration),
) -> Option<SignedDuration> {
    let passed = SignedDuration::try_from(uptime.saturating_sub(uptime_before)).ok()?;
    let by = wall.duration_since(wall_before).checked_sub(passed)?;
    (by.abs() > JUMP).then_some(by)
}

/// The words for a clock that was set.
pub fn was_set(by: SignedDuration, now: Timestamp) -> Sign {
    let minutes = by.abs().as_mins();
    let (hours, minutes, to) = (minutes / 60, minutes % 60, minute(now));
    let (en, nl) = if by.is_positive() { ("forward", "vooruit") } else { ("back", "terug") };
    Sign {
        since: now,
        message: format!("by {hours} h {minutes} min {en}, to {to}"),
        dutch: format!("{hours} uur en {minutes} minuten {nl}, naar {to}"),
    }
}

/// A certificate that expires within two weeks, or has expired.
pub fn expires(server: &str, certificate: Certificate, now: Timestamp) -> Option<Sign> {
    if !certificate.is_ending(now) {
        return None;
    }
    let (end, seen) = (minute(certificate.not_after), minute(certificate.seen_at));
    let (en, nl) =
        if certificate.not_after <= now { ("expired", "is verlopen") } else { ("expires", "verloopt") };
    Some(Sign {
        since: now,
        message: format!("the certificate of {server} {en} on {end} (as seen on {seen})"),
        dutch: format!("het certificaat van {server} {nl} op {end} (zoals gezien op {seen})"),
    })
}

/// Little room on the disk, before there is too little to fetch mail.
pub fn low(room: Room, now: Timestamp) -> Option<Sign> {
    let free = room.free_bytes >> 20;
    room.is_low().then(|| Sign {
        since: now,
        message: format!("{free} MB are free where the store lies"),
        dutch: format!("er is {free} MB vrij op de schijf van het register"),
    })
}

/// A term that could begin today would reach into a year of which not all holidays are known.
pub fn holidays_end(procedure: &Procedure, now: Timestamp) -> Option<Sign> {
    let known = procedure.rules.calendar.known_until()?;
    let latest = latest_due(procedure, procedure.rules.date(now))?;
    (latest.year() > known).then(|| Sign {
        since: now,
        message: format!("the holidays of this calendar are known up to {known}, a term may run until {latest}"),
        dutch: format!("de feestdagen van deze kalender zijn bekend tot en met {known}, een termijn kan lopen tot {latest}"),
    })
}

/// The last day of the longest term that begins on `today`, extended as far as it may be.
fn latest_due(procedure: &Procedure, today: Date) -> Option<Date> {
    let calendar = &procedure.rules.calendar;
    let ends = procedure.terms.iter().map(|rule| {
        let due = rule.within.after(today, calendar);
        let longest = rule.extend.as_ref().and_then(|extend| extend.max);
        longest.map_or(due, |max| max.after(due, calendar))
    });
    ends.max()
}

/// Terms that lapse and of which nobody was told.
pub fn unseen(terms: &[(String, Unseen)], now: Timestamp) -> Option<Sign> {
    let mut sorted: Vec<&(String, Unseen)> = terms.iter().collect();
    sorted.sort_by_key(|(reference, term)| (term.due, reference.clone()));
    let named: Vec<String> =
        sorted.iter().take(NAMED).map(|(reference, term)| format!("{reference} ({})", term.due)).collect();
    let more = terms.len().saturating_sub(NAMED);
    let (en, nl) = match more {
        0 => (String::new(), String::new()),
        more => (format!(" and {more} more"), format!(" en nog {more}")),
    };
    let named = named.join(", ");
    (!terms.is_empty()).then(|| Sign {
        since: now,
        message: format!("{named}{en}"),
        dutch: format!("{named}{nl}"),
    })
}

/// How long it has been.
pub fn waited(since: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(since)
}

/// So many seconds.
pub fn seconds(count: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(count).unwrap_or(i64::MAX))
}

/// "2026-03-02 09:15 UTC": it stands in the words of every language.
fn minute(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests;
