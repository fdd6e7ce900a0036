//! From the text of a mail to orders.
//!
//! The first line that starts with `#` is an order, and so is every further one until words stand between. Lines
//! above are a greeting. The lines below are the text; it goes to the one order that takes text, else to the one that
//! lacks its reason. An order below text is refused, because an internal note must not go out in an answer by mistake.

use jiff::civil::Date;

use super::answer::{answer, without_closing};
use super::line::{Head, Line, is_wrapped, seen};
use super::parse::{self, Draft};
use super::words;
use super::{Answer, Fault, Order, OrderName, Reading, Section, Wrong};

/// Orders in one mail.
const MOST_ORDERS: usize = 20;

/// What `text` (without quotation and signature) says to the program; `today` is the civil date in the procedure's zone.
///
/// Takes time linear in the text, and never fails otherwise than by [`Reading::Wrong`].
pub fn read(text: &str, today: Date) -> Reading {
    match orders(text, today) {
        Ok(orders) if orders.is_empty() => Reading::NoOrder,
        Ok(orders) => Reading::Orders(orders),
        Err(fault) => Reading::Wrong(fault),
    }
}

/// What an order does with the text below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Text,
    Reason,
    Nothing,
}

fn orders(text: &str, today: Date) -> Result<Vec<(Order, String)>, Fault> {
    let lines: Vec<&str> = text.lines().collect();
    let (heads, below) = heads(&lines)?;
    let parsed = heads.into_iter().map(|(line, name, from)| parse::draft(line, name, from, today));
    let drafts = parsed.collect::<Result<Vec<Draft>, Fault>>()?;
    if let Some(line) = below.iter().map(|line| Line::of(line)).find(Line::is_plain_order) {
        return Err(line.fault(0, Wrong::OrderBelowText));
    }
    let below = seen(&without_closing(below).join("\n"));
    let owner = owner(&drafts, !words::is_placeholder(&below))?;
    let finished = (0..).zip(drafts).map(|(n, draft)| {
        let below = if owner == Some(n) { below.as_str() } else { "" };
        finish(draft, below, today)
    });
    finished.collect()
}

type Heads<'a> = (Vec<(Line, OrderName, usize)>, &'a [&'a str]);

/// The lines that are orders, each with the byte after its word; and the lines below them.
fn heads<'a>(lines: &'a [&'a str]) -> Result<Heads<'a>, Fault> {
    let mut heads = Vec::new();
    let mut at = 0;
    while let Some(typed) = lines.get(at) {
        let mut line = Line::of(typed);
        at += 1;
        match line.head() {
            Head::Order(name, from) => {
                if heads.len() == MOST_ORDERS {
                    return Err(line.fault(0, Wrong::TooMuch));
                }
                if takes(name) != Takes::Text {
                    at += unwrap(&mut line, &lines[at..]);
                }
                heads.push((line, name, from));
            }
            Head::Unknown(word) => {
                let meant = words::nearest(&line.text[word..]);
                return Err(line.fault(word, Wrong::UnknownOrder(meant)));
            }
            Head::Text if heads.is_empty() || line.is_blank() => {}
            Head::Text => return Ok((heads, &lines[at - 1..])),
        }
    }
    Ok((heads, &[]))
}

/// Puts the lines back that a mail program broke off this one; how many there were.
fn unwrap(line: &mut Line, below: &[&str]) -> usize {
    let mut above = line.text.clone();
    let mut count = 0;
    for typed in below {
        let next = Line::of(typed);
        if next.is_blank() || next.head() != Head::Text || !is_wrapped(&above, &next.text) {
            break;
        }
        line.text.push(' ');
        line.text.push_str(&next.text);
        above = next.text;
        count += 1;
    }
    count
}

const fn takes(name: OrderName) -> Takes {
    match name {
        OrderName::Ask
        | OrderName::Contacted
        | OrderName::Answer
        | OrderName::Minutes
        | OrderName::Record
        | OrderName::Agreed
        | OrderName::Note => Takes::Text,
        OrderName::Extend | OrderName::Close | OrderName::NotAComplaint => Takes::Reason,
        OrderName::Assign
        | OrderName::Refer
        | OrderName::Review
        | OrderName::Invite
        | OrderName::Withdraw
        | OrderName::Reopen
        | OrderName::Merge
        | OrderName::About
        | OrderName::HandedOver
        | OrderName::Release
        | OrderName::Spam
        | OrderName::Confirm
        | OrderName::Help => Takes::Nothing,
    }
}

/// The order to which the text below goes: of those that take text the one that has none on its line, else the only
/// one; when none takes text, the one that lacks its reason. Two that want it are a fault at the second.
fn owner(drafts: &[Draft], is_text_below: bool) -> Result<Option<usize>, Fault> {
    let of = |wanted: Takes| (0..).zip(drafts).filter(move |(_, draft)| takes(draft.order.name()) == wanted);
    let lacking = |(_, draft): &(usize, &Draft)| draft.own.is_empty();
    let takers: Vec<(usize, &Draft)> = of(Takes::Text).collect();
    let mut wanting: Vec<(usize, &Draft)> = takers.iter().copied().filter(lacking).collect();
    if takers.is_empty() {
        wanting = of(Takes::Reason).filter(lacking).collect();
    } else if wanting.is_empty() && is_text_below {
        wanting = takers;
    }
    match wanting[..] {
        [] => Ok(None),
        [(n, _)] => Ok(Some(n)),
        [_, (_, second), ..] => Err(second.line.fault(0, Wrong::TwoTexts)),
    }
}

/// The order with its text or reason.
fn finish(draft: Draft, below: &str, today: Date) -> Result<(Order, String), Fault> {
    let Draft { line, mut order, own } = draft;
    let whole = format!("{own}\n{below}");
    match &mut order {
        Order::Ask { text, .. }
        | Order::Contacted { text }
        | Order::Record { text, .. }
        | Order::Agreed { text }
        | Order::Note { text } => {
            whole.trim().clone_into(text);
            if words::is_placeholder(text) {
                return Err(line.missing(Wrong::TextMissing));
            }
        }
        Order::Answer { judgement, answer } => {
            let mut text = whole.as_str();
            if judgement.is_none()
                && let Some((found, rest)) = words::judgement_alone(text)
            {
                (*judgement, text) = (Some(found), rest);
            }
            *answer = sections(&line, text, Section::Conclusion, today)?;
        }
        Order::Minutes { answer } => *answer = sections(&line, &whole, Section::Minutes, today)?,
        Order::Extend { reason, .. } | Order::Close { reason } | Order::NotAComplaint { reason } => {
            *reason = parse::reason(&whole);
            if !reason.contains(char::is_alphabetic) {
                return Err(line.missing(Wrong::ReasonMissing));
            }
        }
        _ => {}
    }
    Ok((order, line.text))
}

fn sections(line: &Line, text: &str, first: Section, today: Date) -> Result<Answer, Fault> {
    let answer = answer(text, first, today)?;
    if answer.sections.is_empty() { Err(line.missing(Wrong::TextMissing)) } else { Ok(answer) }
}
