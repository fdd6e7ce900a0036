//! Which message of an inbox is missing.

use super::*;

const NOW: &str = "2026-11-21T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn imap(uid_validity: u32, uid: u32, received: &str) -> Listed {
    Listed { place: Place::Imap { uid_validity, uid }, size: 1, received: received.parse().ok() }
}

fn judged(listed: &Listed, cursor: Option<(u32, u32)>) -> Option<Why> {
    let cursor = cursor.map(|(uid_validity, uid)| Cursor { uid_validity, uid });
    overdue(listed, cursor, at(NOW))
}

#[test]
fn a_minute_is_given() {
    for (received, expected) in [
        ("2026-11-21T11:59:59Z", None),
        ("2026-11-21T11:59:00Z", None),
        ("2026-11-21T11:58:59.999Z", Some(Why::NotTaken)),
        ("2020-01-01T00:00:00Z", Some(Why::NotTaken)),
        // The server's clock is ahead; or its date is none.
        ("2026-11-21T13:00:00Z", None),
        ("2030-01-01T00:00:00Z", Some(Why::NotTaken)),
        ("", Some(Why::NotTaken)),
    ] {
        assert_eq!(judged(&imap(7, 10, received), None), expected, "{received}");
        let file = Listed { place: Place::Maildir { name: "1.M1.h".into() }, ..imap(7, 10, received) };
        assert_eq!(judged(&file, Some((7, 99))), expected, "{received}");
    }
}

#[test]
fn what_was_read_past_is_missing_at_once() {
    let young = |uid_validity, uid| imap(uid_validity, uid, "2026-11-21T11:59:59Z");
    assert_eq!(judged(&young(7, 9), Some((7, 10))), Some(Why::PassedOver));
    assert_eq!(judged(&young(7, 10), Some((7, 10))), Some(Why::PassedOver));
    assert_eq!(judged(&young(7, 11), Some((7, 10))), None);
    // Under another UIDVALIDITY the cursor means nothing.
    assert_eq!(judged(&young(8, 9), Some((7, 10))), None);
}
