//! The words that staff use, in Dutch and English, and what they mean.
//!
//! In the patterns a `-` stands for any number of spaces, hyphens and underscores, none included, and `,` for a comma
//! that may be absent.

use super::{OrderName, Section};
use crate::domain::procedure::Judgement;

/// The words of [`OrderName::words`] have these beside them.
const MORE_ORDERS: &[(&str, OrderName)] = &[
    ("antwoorden", OrderName::Answer),
    ("beantwoord", OrderName::Answer),
    ("verlengen", OrderName::Extend),
    ("verlenging", OrderName::Extend),
    ("uitstel", OrderName::Extend),
    ("extension", OrderName::Extend),
    ("vragen", OrderName::Ask),
    ("toewijzen", OrderName::Assign),
    ("gecontacteerd", OrderName::Contacted),
    ("handover", OrderName::HandedOver),
    ("overdragen", OrderName::HandedOver),
    ("verwijzen", OrderName::Refer),
    ("doorverwijzen", OrderName::Refer),
    ("objection", OrderName::Review),
    ("uitnodigen", OrderName::Invite),
    ("invitation", OrderName::Invite),
    ("ingetrokken", OrderName::Withdraw),
    ("withdrawn", OrderName::Withdraw),
    ("sluiten", OrderName::Close),
    ("afsluiten", OrderName::Close),
    ("heropenen", OrderName::Reopen),
    ("re-open", OrderName::Reopen),
    ("no-complaint", OrderName::NotAComplaint),
    ("voeg-samen", OrderName::Merge),
    ("notities", OrderName::Note),
    ("geef-vrij", OrderName::Release),
    ("bevestig", OrderName::Confirm),
    ("bevestigen", OrderName::Confirm),
    ("hulp", OrderName::Help),
];

const JUDGEMENTS: &[(&str, Judgement)] = &[
    ("founded", Judgement::Founded),
    ("well-founded", Judgement::Founded),
    ("justified", Judgement::Founded),
    ("upheld", Judgement::Founded),
    ("gegrond", Judgement::Founded),
    ("geheel-gegrond", Judgement::Founded),
    ("partly", Judgement::PartlyFounded),
    ("partly-founded", Judgement::PartlyFounded),
    ("partly-justified", Judgement::PartlyFounded),
    ("partially", Judgement::PartlyFounded),
    ("partially-founded", Judgement::PartlyFounded),
    ("partially-justified", Judgement::PartlyFounded),
    ("deels", Judgement::PartlyFounded),
    ("deels-gegrond", Judgement::PartlyFounded),
    ("deels-gegrond,-deels-ongegrond", Judgement::PartlyFounded),
    ("deels-gegrond-en-deels-ongegrond", Judgement::PartlyFounded),
    ("gedeeltelijk", Judgement::PartlyFounded),
    ("gedeeltelijk-gegrond", Judgement::PartlyFounded),
    ("unfounded", Judgement::Unfounded),
    ("not-founded", Judgement::Unfounded),
    ("unjustified", Judgement::Unfounded),
    ("not-justified", Judgement::Unfounded),
    ("not-upheld", Judgement::Unfounded),
    ("ongegrond", Judgement::Unfounded),
    ("niet-gegrond", Judgement::Unfounded),
];

/// Words that end a letter. Notices have their own end.
const CLOSINGS: &[&str] = &[
    "met-vriendelijke-groet",
    "met-vriendelijke-groeten",
    "met-hartelijke-groet",
    "met-hartelijke-groeten",
    "vriendelijke-groet",
    "vriendelijke-groeten",
    "hartelijke-groet",
    "hartelijke-groeten",
    "groet",
    "groeten",
    "groetjes",
    "hoogachtend",
    "mvg",
    "m.v.g.",
    "gr",
    "kind-regards",
    "best-regards",
    "with-kind-regards",
    "warm-regards",
    "regards",
    "best-wishes",
    "yours-sincerely",
    "yours-faithfully",
    "yours-truly",
    "sincerely",
    "cheers",
];

/// The longest word for which the nearest order is sought, in characters; bounds the work.
const LONGEST_WORD: usize = 30;

/// The order with whose word `text` begins, and how many bytes that takes, a colon directly after it included.
pub(super) fn order(text: &str) -> Option<(OrderName, usize)> {
    let (name, used) = longest(text, orders())?;
    Some((name, used + usize::from(text[used..].starts_with(':'))))
}

/// The judgement with which `text` begins, and how many bytes that takes. A list to choose from ("gegrond|deels") is
/// none.
pub(super) fn judgement(text: &str) -> Option<(Judgement, usize)> {
    longest(text, JUDGEMENTS.iter().copied()).filter(|(_, used)| !text[*used..].starts_with(['|', '/']))
}

/// The judgement that is the first line of `text`, and the lines below it.
pub(super) fn judgement_alone(text: &str) -> Option<(Judgement, &str)> {
    let text = text.trim_start();
    let (line, below) = text.split_once('\n').unwrap_or((text, ""));
    let (found, used) = judgement(line)?;
    is_placeholder(&line[used..]).then_some((found, below))
}

/// The heading with which `text` begins, and how many bytes that takes.
pub(super) fn heading(text: &str) -> Option<(Section, usize)> {
    let both = |section: Section| [section.headings().0, section.headings().1].map(|word| (word, section));
    longest(text, Section::ALL.into_iter().flat_map(both))
}

/// Whether a line is the start of a letter's end: the formula, and at most a name.
pub(super) fn is_closing(line: &str) -> bool {
    let Some(((), used)) = longest(line, CLOSINGS.iter().map(|formula| (*formula, ()))) else { return false };
    let after = &line[used..];
    let short = after.split(' ').filter(|word| !word.is_empty()).nth(4).is_none();
    let name = after.strip_prefix(' ').is_some_and(|name| name.starts_with(char::is_uppercase));
    short && (after.is_empty() || after.starts_with([',', '.', '!']) || name)
}

/// The order that was perhaps meant by the word with which `text` begins; `None` when two are equally near.
pub(super) fn nearest(text: &str) -> Option<OrderName> {
    let typed = squeezed(text.split(|c: char| !c.is_alphabetic() && !is_joint(c) || c == ' ').next()?)?;
    let distance = |(word, name): (&str, OrderName)| {
        let most = if typed.chars().count() < 4 { 1 } else { 2 };
        let distance = strsim::osa_distance(&typed, &word.replace('-', ""));
        (distance <= most).then_some((distance, name))
    };
    let near: Vec<(usize, OrderName)> = orders().filter_map(distance).collect();
    let (least, name) = *near.iter().min_by_key(|(distance, _)| *distance)?;
    near.iter().all(|(distance, other)| *distance > least || *other == name).then_some(name)
}

/// Whether the first word is a judgement with a typing error.
pub(super) fn is_nearly_a_judgement(text: &str) -> bool {
    let Some(word) = text.split(|c: char| !c.is_alphabetic()).next().and_then(squeezed) else { return false };
    JUDGEMENTS.iter().filter(|(known, _)| !known.contains('-')).any(|(known, _)| {
        let most = if known.len() < 7 { 1 } else { 2 };
        strsim::osa_distance(&word, known) <= most
    })
}

/// What words amount to nothing: `...`, `[…]`, `(...)`, a drawn line.
pub(super) fn is_placeholder(text: &str) -> bool {
    !text.chars().any(char::is_alphanumeric)
}

/// Words that join others, or look like it: hyphens that break and that don't, dashes, underscores, spaces.
pub(super) const fn is_joint(c: char) -> bool {
    matches!(c, ' ' | '_') || is_hyphen(c)
}

/// A hyphen, or a dash or a minus that a program made of one.
pub(super) const fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2014}' | '\u{2212}')
}

/// Lower case without joints; `None` when it is too long to be a word of ours.
fn squeezed(word: &str) -> Option<String> {
    let short = word.chars().nth(LONGEST_WORD).is_none();
    short.then(|| word.chars().filter(|c| !is_joint(*c)).flat_map(char::to_lowercase).collect())
}

fn orders() -> impl Iterator<Item = (&'static str, OrderName)> {
    let both = |name: OrderName| [name.words().0, name.words().1].map(|word| (word, name));
    OrderName::ALL.into_iter().flat_map(both).chain(MORE_ORDERS.iter().copied())
}

/// The longest pattern with which `text` begins.
fn longest<T>(text: &str, patterns: impl Iterator<Item = (&'static str, T)>) -> Option<(T, usize)> {
    let fitting = patterns.filter_map(|(pattern, meaning)| Some((meaning, prefix(text, pattern)?)));
    fitting.max_by_key(|(_, used)| *used)
}

/// How many bytes of `text` fit the pattern, as whole words and without regard to case.
fn prefix(text: &str, pattern: &str) -> Option<usize> {
    let mut rest = text;
    for wanted in pattern.chars() {
        rest = match wanted {
            '-' => rest.trim_start_matches(is_joint),
            ',' => rest.strip_prefix(',').unwrap_or(rest),
            _ => rest.strip_prefix(|c: char| c.to_lowercase().eq(wanted.to_lowercase()))?,
        };
    }
    (!rest.starts_with(char::is_alphanumeric)).then_some(text.len() - rest.len())
}
