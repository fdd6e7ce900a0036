//! Any text, on any day, as orders: orders that say the same again, or a fault that points into its line.

use jiff::civil::{Date, date};
use klachtd::domain::mail::Language;
use klachtd::domain::order::{Order, Reading, read};
use klachtd::outbox::templates::date_in_words;

/// A date on the first line is today; else it is the Friday of the tests.
fn split(text: &str) -> (Date, &str) {
    let said = text.split_once('\n').and_then(|(day, rest)| Some((day.parse().ok()?, rest)));
    said.unwrap_or((date(2026, 11, 20), text))
}

/// The order that holds nothing but its line, written anew with its values in their plainest form.
fn plain(order: &Order) -> Option<String> {
    Some(match order {
        Order::Assign { to } => format!("#assign {to}"),
        Order::Refer { body } => format!("#refer {body}"),
        Order::Merge { into } => format!("#merge {into}"),
        Order::About { person } => format!("#about {person}"),
        Order::Close { reason } => format!("#close {reason}"),
        Order::NotAComplaint { reason } => format!("#not-a-complaint {reason}"),
        Order::Review
        | Order::Withdraw
        | Order::Reopen
        | Order::HandedOver
        | Order::Release
        | Order::Spam
        | Order::Confirm
        | Order::Help => order.name().to_string(),
        _ => return None,
    })
}

fn single(text: &str, today: Date) -> Reading {
    match read(text, today) {
        Reading::Orders(orders) if orders.len() == 1 => Reading::Orders(orders),
        other => panic!("{text:?} is no order any more: {other:?}"),
    }
}

fn check(order: &Order, line: &str, today: Date) {
    assert!(!line.contains(char::is_control), "not one line: {line:?}");
    if let Some(text) = plain(order) {
        let Reading::Orders(again) = single(&text, today) else { unreachable!("single() gives orders") };
        assert_eq!(&again[0].0, order, "{text:?}");
    }
    if let Order::Extend { new_due, .. } = order {
        for language in Language::ALL {
            date_in_words(*new_due, language);
        }
    }
}

/// One input.
pub(crate) fn one(bytes: &[u8]) {
    let whole = String::from_utf8_lossy(bytes);
    let (today, text) = split(&whole);
    match read(text, today) {
        Reading::NoOrder => {}
        Reading::Orders(orders) => {
            assert!((1..=20).contains(&orders.len()), "{} orders", orders.len());
            for (order, line) in &orders {
                check(order, line, today);
            }
        }
        Reading::Wrong(fault) => {
            let length = fault.line.chars().count();
            assert!(length <= 200 && fault.at <= length, "{fault:?}");
            assert!(!fault.line.contains(char::is_control), "not one line: {fault:?}");
        }
    }
    if !text.contains('\r') {
        assert_eq!(read(&text.replace('\n', "\r\n"), today), read(text, today), "with other line ends");
    }
}
