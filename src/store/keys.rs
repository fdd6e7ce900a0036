//! Tables and their keys: big-endian numbers, so that the order of keys is the order of things.
//!
//! Addresses and Message-IDs stand in keys as keyed hashes only: an index must not survive an erasure in clear.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::StoreError;
use crate::domain::fact::{ComplaintId, NoticeId};
use crate::domain::signing::Signer;

/// The tables of the store. Each is an ordered map from bytes to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    /// One document: ends of the journal, next numbers, totals.
    Head,
    /// Sequence number → entry.
    Journal,
    /// Complaint ++ sequence number → nothing.
    JournalOf,
    /// Complaint → its record.
    Records,
    /// Reference → complaint.
    References,
    /// Keyed hash of mailbox and Message-ID → complaint.
    MessageIds,
    /// Keyed hash of mailbox, Message-ID and body → what became of that letter.
    Seen,
    /// Mailbox ++ 0 ++ place → what became of the message there.
    Places,
    /// Mailbox ++ 0 ++ place of a message that is set aside → nothing.
    SetAside,
    /// Notice → outgoing mail.
    Outbox,
    /// Mailbox ++ 0 ++ moment ++ notice → nothing.
    OutboxDue,
    /// Notice that waits, or ended badly and was not given up → nothing.
    OutboxOpen,
    /// Moment ++ complaint → nothing.
    Due,
    /// Complaint that is not closed → nothing.
    Open,
    /// Day ++ bucket → count.
    Counts,
    /// Mailbox → how far it was read.
    Cursors,
}

impl Table {
    /// Every table in the order of its variants, with its name on disk.
    pub(super) const ALL: [(Self, &'static str); 16] = [
        (Self::Head, "head"),
        (Self::Journal, "journal"),
        (Self::JournalOf, "journal_of"),
        (Self::Records, "records"),
        (Self::References, "refs"),
        (Self::MessageIds, "keys"),
        (Self::Seen, "seen"),
        (Self::Places, "places"),
        (Self::SetAside, "set_aside"),
        (Self::Outbox, "outbox"),
        (Self::OutboxDue, "outbox_due"),
        (Self::OutboxOpen, "outbox_open"),
        (Self::Due, "due"),
        (Self::Open, "open"),
        (Self::Counts, "counts"),
        (Self::Cursors, "cursors"),
    ];
}

/// The key of the one document in [`Table::Head`].
pub(super) const HEAD: &[u8] = b"head";

/// The bytes of a number, in order.
pub(super) const fn number(n: u64) -> [u8; 8] {
    n.to_be_bytes()
}

/// The number at the start of `bytes`.
pub(super) fn number_of(bytes: &[u8]) -> Result<u64, StoreError> {
    let first: Option<[u8; 8]> = bytes.get(..8).and_then(|b| b.try_into().ok());
    first.map(u64::from_be_bytes).ok_or_else(|| StoreError::damaged("an index entry is too short"))
}

/// Two numbers after each other.
pub(super) fn pair(first: [u8; 8], second: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&first);
    key[8..].copy_from_slice(&number(second));
    key
}

/// Milliseconds since the epoch with the sign bit turned, so that moments before 1970 sort first.
#[expect(clippy::cast_sign_loss, reason = "the bits are meant, not the value")]
const fn ordered(milliseconds: i64) -> [u8; 8] {
    ((milliseconds as u64) ^ (1 << 63)).to_be_bytes()
}

/// A moment at which something is due: rounded up, so that nothing is due before its time.
pub(super) fn due_moment(at: Timestamp) -> [u8; 8] {
    let floor = floor_milliseconds(at);
    let exact = at.as_nanosecond().rem_euclid(1_000_000) == 0;
    ordered(if exact { floor } else { floor + 1 })
}

/// The present moment as the end of a range of due moments: rounded down.
pub(super) fn until_moment(now: Timestamp) -> [u8; 8] {
    ordered(floor_milliseconds(now))
}

/// The moment at the start of a due key.
#[expect(clippy::cast_possible_wrap, reason = "undoes `ordered`")]
pub(super) fn moment_of(key: &[u8]) -> Result<Timestamp, StoreError> {
    let milliseconds = (number_of(key)? ^ (1 << 63)) as i64;
    Timestamp::from_millisecond(milliseconds)
        .map_err(|_| StoreError::damaged("an index holds a moment outside the calendar"))
}

fn floor_milliseconds(at: Timestamp) -> i64 {
    let floor = at.as_nanosecond().div_euclid(1_000_000);
    i64::try_from(floor).expect("jiff's timestamps span 20,000 years, far inside 64 bits of milliseconds")
}

/// The key in [`Table::Due`].
pub(super) fn due(at: Timestamp, id: ComplaintId) -> [u8; 16] {
    pair(due_moment(at), id.0)
}

/// The key in [`Table::OutboxDue`]: by mailbox, so that what waits for one hides nothing of another.
pub(super) fn outbox_due(mailbox: &str, at: Timestamp, id: NoticeId) -> Vec<u8> {
    [&outbox_of(mailbox)[..], &pair(due_moment(at), id.0)].concat()
}

/// The start of the keys of one mailbox in [`Table::OutboxDue`].
pub(super) fn outbox_of(mailbox: &str) -> Vec<u8> {
    [mailbox.as_bytes(), b"\0"].concat()
}

/// The moment and number at the end of a key in [`Table::OutboxDue`] or [`Table::Due`].
pub(super) fn end_of_due(key: &[u8]) -> &[u8] {
    &key[key.len().saturating_sub(16)..]
}

/// The key in [`Table::References`]: people type references in any case.
pub(super) fn reference(reference: &str) -> Vec<u8> {
    reference.to_ascii_uppercase().into_bytes()
}

/// The key in [`Table::MessageIds`]. Without brackets and in lower case: some servers change the case.
pub(super) fn message_id(signer: &Signer, mailbox: &str, message_id: &str) -> [u8; 32] {
    signer.keyed_hash("letter", &[mailbox.as_bytes(), plain_message_id(message_id).as_bytes()])
}

/// The key in [`Table::Seen`].
pub(super) fn seen(signer: &Signer, mailbox: &str, message_id: Option<&str>, body_sha256: &str) -> [u8; 32] {
    let id = message_id.map(plain_message_id).unwrap_or_default();
    signer.keyed_hash("seen-letter", &[mailbox.as_bytes(), id.as_bytes(), body_sha256.as_bytes()])
}

fn plain_message_id(id: &str) -> String {
    id.trim().trim_matches(['<', '>']).to_ascii_lowercase()
}

/// The longest place and mailbox name that are taken, in bytes: an IMAP UID or a file name is far shorter.
const LONGEST_NAME: usize = 1024;

/// The key in [`Table::Places`].
pub(super) fn place(mailbox: &str, place: &str) -> Result<Vec<u8>, StoreError> {
    for name in [mailbox, place] {
        if name.is_empty() || name.len() > LONGEST_NAME || name.contains('\0') {
            return Err(StoreError::Invalid(format!("{name:?} can't be the name of a mailbox or place")));
        }
    }
    Ok([mailbox.as_bytes(), b"\0", place.as_bytes()].concat())
}

/// Mailbox and place of a key in [`Table::Places`] and [`Table::SetAside`].
pub(super) fn place_of(key: &[u8]) -> Result<(String, String), StoreError> {
    std::str::from_utf8(key)
        .ok()
        .and_then(|text| text.split_once('\0'))
        .map(|(mailbox, place)| (mailbox.to_owned(), place.to_owned()))
        .ok_or_else(|| StoreError::damaged("a place in the register of messages is unreadable"))
}

/// What is counted, to keep the limits on automatic mail.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CountKey {
    /// Notices to one address on one civil day. Stored as a keyed hash.
    Address {
        /// The address; its case does not matter.
        address: String,
        /// The day.
        day: Date,
    },
    /// Notices in one hour: whole hours since 1970 in UTC.
    Hour(i64),
    /// Mails to staff on one civil day.
    StaffDay(Date),
    /// Whether the digests of this morning were made.
    Digest(Date),
    /// Mails that were set aside, by the morning whose digest tells of them.
    SetAside {
        /// The mailbox's name.
        mailbox: String,
        /// The day of that digest.
        day: Date,
    },
    /// An alarm that began (odd) or is over (even) again.
    Alarm {
        /// The mailbox's name.
        mailbox: String,
        /// What kind, and of what.
        what: String,
        /// The day (UTC) on which staff were told of its beginning.
        day: Date,
    },
}

/// The key in [`Table::Counts`]: the day first, so that old days are one range.
pub(super) fn count(signer: &Signer, key: &CountKey) -> Vec<u8> {
    match key {
        CountKey::Address { address, day } => {
            let hash = signer.keyed_hash("count", &[address.to_lowercase().as_bytes()]);
            [&count_day(*day)[..], b"a", &hash].concat()
        }
        CountKey::Hour(hour) => [&count_day(day_of(*hour))[..], b"h", &hour.to_be_bytes()].concat(),
        CountKey::StaffDay(day) => [&count_day(*day)[..], b"s"].concat(),
        CountKey::Digest(day) => [&count_day(*day)[..], b"d"].concat(),
        CountKey::SetAside { mailbox, day } => [&count_day(*day)[..], b"q", mailbox.as_bytes()].concat(),
        CountKey::Alarm { mailbox, what, day } => {
            [&count_day(*day)[..], b"t", mailbox.as_bytes(), b"\0", what.as_bytes()].concat()
        }
    }
}

/// The start of the keys of one day; years before 0 sort first.
pub(super) fn count_day(day: Date) -> [u8; 4] {
    let [high, low] = day.year().to_be_bytes();
    [high ^ 0x80, low, day.month().unsigned_abs(), day.day().unsigned_abs()]
}

fn day_of(hour: i64) -> Date {
    let start = Timestamp::from_second(hour.saturating_mul(3600));
    start.map_or(Date::MAX, |at| at.to_zoned(TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_stand_in_the_order_of_their_variants() {
        for (position, (table, _)) in Table::ALL.iter().enumerate() {
            assert_eq!(*table as usize, position);
        }
    }

    #[test]
    fn due_moments_sort_as_time_does_and_are_never_early() {
        let at = |ns: i128| Timestamp::from_nanosecond(ns).unwrap();
        let moments = [-5_000_000, -1, 0, 1, 999_999, 1_000_000, 1_000_001].map(at);
        for two in moments.windows(2) {
            assert!(due_moment(two[0]) <= due_moment(two[1]));
        }
        assert!(due_moment(at(1)) > until_moment(at(1)), "half a millisecond early is too early");
        assert!(due_moment(at(1)) <= until_moment(at(1_000_000)));
        assert_eq!(moment_of(&due(at(-5_000_000), ComplaintId(3))).unwrap(), at(-5_000_000));
    }

    #[test]
    fn counts_of_one_day_lie_together_and_hold_no_address() {
        let signer = Signer::new([1; 32]);
        let day = Date::constant(2026, 3, 1);
        let key = |k: &CountKey| count(&signer, k);
        let address = key(&CountKey::Address { address: "J@Klant.test".into(), day });
        assert_eq!(address, key(&CountKey::Address { address: "j@klant.test".into(), day }));
        assert!(!String::from_utf8_lossy(&address).contains("klant"));
        let hour = key(&CountKey::Hour(20_513 * 24 + 23));
        assert!(hour.starts_with(&count_day(day)), "1 March 2026 is day 20,513");
        assert!(key(&CountKey::StaffDay(Date::constant(2026, 2, 28))) < address);
    }

    #[test]
    fn a_place_needs_a_usable_name() {
        assert_eq!(place_of(&place("m", "imap:1/2").unwrap()).unwrap(), ("m".into(), "imap:1/2".into()));
        assert!(place("m", "a\0b").is_err());
        assert!(place("", "a").is_err());
        assert!(place("m", &"x".repeat(2000)).is_err());
    }
}
