//! The one guard before the outbox, for every automatic mail: to complainants, to staff, about errors.
//!
//! It exists because two programs that answer each other never stop (RFC 3834 section 2; mail loops between
//! help desks and out-of-office services). What a term needs is held until the limit allows, never dropped.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::complaint::{Complaint, NoticeStatus};
use super::digest;
use super::house::House;
use super::notice::NoticeKind;

/// How many automatic mails have left or were queued already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// To this address on this civil day.
    pub address_today: u32,
    /// To complainants in this clock hour, over all.
    pub this_hour: u32,
    /// To staff on this civil day, over all.
    pub staff_today: u32,
}

/// The guard's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may leave now.
    Pass,
    /// It leaves when the limit allows again.
    Hold {
        /// The first moment at which to ask again.
        until: Timestamp,
        /// Which limit, in words.
        reason: String,
    },
    /// It must not be sent at all.
    Refuse {
        /// Why, in words.
        reason: String,
    },
}

/// A notice that wants to leave.
#[derive(Debug, Clone, Copy)]
pub struct Leaving<'a> {
    /// What it is for.
    pub kind: NoticeKind,
    /// The recipient's address.
    pub to: &'a str,
    /// Whether a person ordered it: then it is no automatic mail, and no limit counts.
    pub ordered: bool,
    /// When the next digest is, which tells staff what exceeds the limit.
    pub digest_at: Option<Timestamp>,
}

/// Judges one notice. `zone` decides what a day is.
pub fn judge(
    Leaving { kind, to, ordered, digest_at }: Leaving,
    complaint: Option<&Complaint>,
    house: &House,
    counters: Counters,
    (now, zone): (Timestamp, &TimeZone),
) -> Verdict {
    if house.is_own(to) {
        return Verdict::Refuse { reason: "the recipient is one of our own addresses".to_owned() };
    }
    if ordered || passes_limits(kind) {
        return Verdict::Pass;
    }
    if kind.to_staff() {
        let limit = house.limits.staff_mails_per_day;
        let limited =
            limited(&[(counters.staff_today, limit, "mails to staff a day", Window::Day)], now, zone);
        return match (limited, digest_at.filter(|_| digest::tells_of(kind))) {
            (Verdict::Hold { reason, .. }, Some(until)) => Verdict::Hold { until, reason },
            (verdict, _) => verdict,
        };
    }
    if let Some(reason) = complaint.and_then(|c| c.silence.as_deref()) {
        return Verdict::Refuse { reason: format!("no automatic answer: {reason}") };
    }
    let today = now.to_zoned(zone.clone()).date();
    let in_complaint = complaint.map_or(0, |c| notices_on(c, today, zone));
    let limits = &house.limits;
    limited(
        &[
            (
                in_complaint,
                limits.notices_per_complaint_per_day,
                "notices in one complaint a day",
                Window::Day,
            ),
            (
                counters.address_today,
                limits.notices_per_sender_per_day,
                "notices to one address a day",
                Window::Day,
            ),
            (counters.this_hour, limits.notices_per_hour, "notices an hour", Window::Hour),
        ],
        now,
        zone,
    )
}

/// What staff must get whatever else comes in: a flood of mail from outside must not hold back the warning that a term
/// lapses, nor the answer to an order. The ladder bounds the warnings, orders the answers, and of mails without an order
/// three a day are answered; the digest is one a day for each, and tells what the limit holds back.
pub const fn passes_limits(kind: NoticeKind) -> bool {
    use NoticeKind::{StaffAssign, StaffDigest, StaffDue, StaffOrderDone, StaffOrderRefused, StaffOverdue};
    matches!(kind, StaffAssign | StaffDue | StaffOverdue | StaffOrderDone | StaffOrderRefused | StaffDigest)
}

#[derive(Debug, Clone, Copy)]
enum Window {
    Day,
    Hour,
}

fn limited(limits: &[(u32, u32, &str, Window)], now: Timestamp, zone: &TimeZone) -> Verdict {
    match limits.iter().find(|(used, limit, _, _)| *limit > 0 && used >= limit) {
        None => Verdict::Pass,
        Some((_, limit, what, window)) => Verdict::Hold {
            until: end_of(*window, now, zone),
            reason: format!("the limit of {limit} {what} is reached"),
        },
    }
}

/// The first moment of the next day or hour.
fn end_of(window: Window, now: Timestamp, zone: &TimeZone) -> Timestamp {
    let local = now.to_zoned(zone.clone());
    let end = match window {
        Window::Day => local.tomorrow().and_then(|day| day.start_of_day()).map(|start| start.timestamp()),
        Window::Hour => Ok(next_hour(now)),
    };
    // Only the end of jiff's calendar (year 9999) has no tomorrow: then an hour is as good as any.
    end.unwrap_or_else(|_| next_hour(now))
}

fn next_hour(now: Timestamp) -> Timestamp {
    Timestamp::from_second((hour_of(now) + 1) * 3600).unwrap_or(Timestamp::MAX)
}

/// Hours since 1970, the bucket of the hourly limit.
pub fn hour_of(now: Timestamp) -> i64 {
    now.as_second().div_euclid(3600)
}

/// Automatic notices to the complainant that were made on this civil day and not held back.
fn notices_on(complaint: &Complaint, day: Date, zone: &TimeZone) -> u32 {
    let today = |at: Timestamp| at.to_zoned(zone.clone()).date() == day;
    let left =
        complaint.notices.iter().filter(|n| !n.notice.kind.to_staff() && n.status != NoticeStatus::Held);
    let left = left.filter(|n| !n.notice.ordered);
    let recent = left.filter(|n| today(n.queued_at));
    u32::try_from(recent.count()).unwrap_or(u32::MAX)
}
