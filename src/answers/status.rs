//! How the service is doing, for people and for whatever watches it.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Reply, exit};
use crate::domain::complaint::NoticeStatus;
use crate::engine::{Engine, EngineError};
use crate::health::{Alarm, Health};

/// What `status` counts of the outbox.
const COUNTED: [NoticeStatus; 5] = [
    NoticeStatus::Queued,
    NoticeStatus::Sending,
    NoticeStatus::Unknown,
    NoticeStatus::Failed,
    NoticeStatus::Held,
];

/// Notices of one mailbox that ended badly: how many, and when the oldest was made.
type Ended = BTreeMap<(&'static str, String), (u64, Timestamp)>;

/// Healthy is: every mailbox was reached when last tried, and there is no alarm.
pub(super) fn status(engine: &Engine, health: &Health, now: Timestamp) -> Result<Reply, EngineError> {
    let (outbox, ended) = outbox(engine)?;
    let mut alarms = health.alarms(engine.settings().house.limits.alarm_after_seconds, now);
    alarms.extend(ended.into_iter().map(|((kind, mailbox), (n, since))| {
        let message = format!("{n} notices; see `klachtd outbox list`, then retry or drop them");
        Alarm { kind, mailbox, since, message }
    }));
    let mailboxes = health.mailboxes();
    let connected = mailboxes.iter().all(|(_, h)| h.connected);
    let rows: Vec<Value> = mailboxes
        .into_iter()
        .map(|(name, h)| {
            json!({
                "name": name, "connected": h.connected, "why": h.why(), "last_fetch": h.last_fetch, "waiting": h.waiting,
            })
        })
        .collect();
    let healthy = alarms.is_empty() && connected;
    let body = json!({
        "healthy": healthy, "alarms": alarms, "mailboxes": rows, "outbox": outbox,
        "next_term": engine.store().next_due(&HashSet::new())?,
    });
    Ok(Reply { exit: if healthy { exit::OK } else { exit::UNAVAILABLE }, body, error: None })
}

fn outbox(engine: &Engine) -> Result<(Map<String, Value>, Ended), EngineError> {
    let mut counts: BTreeMap<&str, u64> = COUNTED.iter().map(|status| (status.as_str(), 0)).collect();
    let mut ended = Ended::new();
    for entry in engine.store().outbox_open()? {
        let word = entry.status.as_str();
        if let Some(count) = counts.get_mut(word) {
            *count += 1;
        }
        if matches!(entry.status, NoticeStatus::Failed | NoticeStatus::Unknown) {
            let (n, since) = ended.entry((word, entry.mailbox)).or_insert((0, entry.queued_at));
            (*n, *since) = (*n + 1, entry.queued_at.min(*since));
        }
    }
    let counts = COUNTED.iter().map(|status| (status.as_str().to_owned(), counts[status.as_str()].into()));
    Ok((counts.collect(), ended))
}
