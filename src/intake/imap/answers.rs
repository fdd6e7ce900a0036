//! What the server's answers say.

use async_imap::imap_proto::{AttributeValue, Capability, Response};
use jiff::Timestamp;
use jiff::fmt::strtime;

use super::Abilities;
use crate::intake::source::{Content, HEAD_SIZE, Listed, Place};

/// Of a CAPABILITY answer, what is made use of.
pub(super) fn read_abilities(answer: &Response<'_>, able: &mut Abilities) {
    let Response::Capabilities(all) = answer else { return };
    let has = |wanted: &str| {
        all.iter().any(|one| matches!(one, Capability::Atom(name) if name.eq_ignore_ascii_case(wanted)))
    };
    *able = Abilities { idle: has("IDLE"), moves: has("MOVE"), uidplus: has("UIDPLUS") };
}

/// The UID, when `item` is one.
pub(super) fn uid_of(item: &AttributeValue<'_>) -> Option<u32> {
    if let AttributeValue::Uid(uid) = item { Some(*uid) } else { None }
}

/// `None` when the answer is about something else, a FETCH that only tells of changed flags, say; `Some((uid, None))`
/// when a size or a date is missing.
pub(super) fn read_listed(answer: &Response<'_>, uid_validity: u32) -> Option<(u32, Listed)> {
    let Response::Fetch(_, items) = answer else { return None };
    let (mut uid, mut size, mut received) = (None, None, None);
    for item in items {
        match item {
            AttributeValue::Uid(value) => uid = Some(*value),
            AttributeValue::Rfc822Size(value) => size = Some(u64::from(*value)),
            AttributeValue::InternalDate(text) => received = internal_date(text),
            _ => {}
        }
    }
    if size.is_none() && received.is_none() {
        return None;
    }
    let uid = uid?;
    let place = Place::Imap { uid_validity, uid };
    Some((uid, Listed { place, size: size.unwrap_or_default(), received }))
}

/// `17-Jul-1996 02:44:25 -0700`, the day with a leading blank when it has one digit (RFC 3501 section 9, date-time).
fn internal_date(text: &str) -> Option<Timestamp> {
    strtime::parse("%d-%b-%Y %H:%M:%S %z", text.trim()).ok()?.to_timestamp().ok()
}

/// The UID and content of a FETCH that brings a body: the `whole`, or only the head.
pub(super) fn read_mail(answer: &Response<'_>, whole: bool, limit: u64) -> Option<(u32, Content)> {
    let Response::Fetch(_, items) = answer else { return None };
    let body = items.iter().find_map(|item| match item {
        AttributeValue::BodySection { section: None, data, .. } => Some(data.as_deref()),
        _ => None,
    })?;
    let content = match body {
        None => Content::Gone, // NIL: expunged
        Some(body) if whole && body.len() as u64 <= limit => Content::Whole(body.to_vec()),
        Some(body) => Content::TooLarge { head: body[..body.len().min(HEAD_SIZE)].to_vec() },
    };
    Some((items.iter().find_map(uid_of)?, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_rfc_3501() {
        let read = |text| internal_date(text).map(|time| time.to_string());
        assert_eq!(read("17-Jul-1996 02:44:25 -0700").as_deref(), Some("1996-07-17T09:44:25Z"));
        assert_eq!(read(" 1-Mar-2026 00:00:00 +0100").as_deref(), Some("2026-02-28T23:00:00Z"));
        for bad in ["", "31-Feb-2026 00:00:00 +0000", "1-Mar-2026", "2026-03-01T00:00:00Z"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
