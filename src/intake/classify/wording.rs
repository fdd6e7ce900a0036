//! What a mail says of itself in words, when no header does: automatic answers, and senders that nobody reads.
//!
//! Joining a person's objection to a complaint without a word is worse than asking staff to look at a machine's mail:
//! what a complaint may say as well needs a second sign.

use std::sync::LazyLock;

use regex::Regex;

use super::{Signs, TEXT_FIRST, is_answer, is_threaded, start, without_prefixes};
use crate::intake::phrases;

/// Characters at either end of the new text in which a mail says that nobody reads its answers.
const UNREAD_WITHIN: usize = 500;

/// One who is away, in the languages of Dutch users: words between "I am" and where or how change with each writer.
static AWAY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)\b(?:ik\ ben|ben\ ik)\b[^.!?]{0,60}\b(?:afwezig|(?:met|op)\ vakantie|met\ \w*verlof|niet\ (?:op\ kantoor|bereikbaar)|niet\ meer\ werkzaam)\b
          | \b(?:i\ am|i'm|i\ will\ be|i'll\ be)\b[^.!?]{0,60}\b(?:out\ of\ (?:the\ )?office|on\ (?:\w+\ )?leave|on\ (?:holiday|vacation)|no\ longer\ (?:work|with|employed))
          | \bi\ no\ longer\ work\b
          | \bich\ bin\b[^!?]{0,60}\b(?:nicht\ (?:im\ büro|erreichbar|im\ haus)|abwesend|im\ urlaub)\b
          | \bje\ (?:suis|serai)\b[^.!?]{0,60}\b(?:absente?|en\ (?:congés?|vacances))\b",
    )
    .expect("a pattern of ours is right: the tests of classification use it")
});

/// The words with which a machine's subject begins. In a person's other words follow: "Automatisch antwoord klopt niet".
/// Behind `Re:` they are those of the mail that a person answers.
pub(super) fn said_in_subject(signs: &Signs) -> Option<&'static str> {
    let whole = signs.subject.trim().to_lowercase();
    let subject = without_prefixes(signs.subject);
    let ends = |rest: &str| {
        rest.trim_start().is_empty() || rest.trim_start().starts_with(|c: char| ":-–—([<\"'|/".contains(c))
    };
    let begins = |p: &&&str| subject.strip_prefix(**p).is_some_and(ends);
    let tag = whole.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(tag, _)| tag.trim());
    if let Some(tag) = tag
        && let Some(words) = phrases::AUTO_SUBJECTS.iter().find(|words| **words == tag)
    {
        return Some(words);
    }
    let certain = || phrases::AUTO_SUBJECTS.iter().find(begins);
    if is_answered(&whole) {
        let stays = |words: &&&str| phrases::AUTO_EVEN_ANSWERED.iter().any(|start| words.starts_with(start));
        return certain().filter(stays).copied();
    }
    let ambiguous = || {
        let found = phrases::AMBIGUOUS_SUBJECTS.iter().find(begins).or_else(|| {
            phrases::AMBIGUOUS_SUBJECTS.iter().find(|p| subject.trim_end_matches(['.', '!', ' ']) == **p)
        })?;
        let rest = subject[found.len()..].trim_start_matches(|c: char| !c.is_alphanumeric());
        // A person's program would have put "Re:" before the words of an answer, and before the subject of our notice.
        let ours = ["uw klacht", "your complaint"].iter().any(|words| rest.contains(words));
        let answers = is_threaded(signs) || without_prefixes(rest) != rest || ours;
        (answers || away(signs).is_some()).then_some(found)
    };
    certain().or_else(ambiguous).copied()
}

/// Whether a prefix says that a person's program answered.
fn is_answered(subject: &str) -> bool {
    let mut subject = subject;
    while let Some((_, rest)) = subject.strip_prefix('[').and_then(|tag| tag.split_once(']')) {
        subject = rest.trim_start();
    }
    without_prefixes(subject) != subject
}

/// The sentence with which a machine's text begins. A complaint may cite one.
pub(super) fn said_in_text(signs: &Signs) -> Option<&'static str> {
    let first: String = signs.new_text.trim().chars().take(TEXT_FIRST + 40).collect();
    let statements = phrases::statements(&first.to_lowercase());
    phrases::AUTO_TEXTS.iter().find(|p| statements.iter().any(|said| said.starts_with(**p))).copied()
}

/// Whether its words alone say that a machine wrote it.
pub(super) fn said_automatic(signs: &Signs) -> bool {
    said_in_subject(signs).is_some() || said_in_text(signs).is_some()
}

/// The words at the beginning by which somebody is away, or has something received; `None` when he objects as well.
pub(super) fn away(signs: &Signs) -> Option<&'static str> {
    let text = start(signs.new_text);
    if phrases::OBJECTS.iter().any(|words| text.contains(words)) {
        return None;
    }
    let first: String = text.chars().take(TEXT_FIRST).collect();
    let listed = phrases::AWAY_TEXTS.iter().find(|p| first.contains(**p)).copied();
    listed.or_else(|| is_away(signs).then_some("the words of one who is away"))
}

/// Whether it says until when, or whom to turn to.
pub(super) fn returns(signs: &Signs) -> bool {
    returning(signs) > 0
}

/// In how many ways it does.
fn returning(signs: &Signs) -> usize {
    let text = start(signs.new_text);
    phrases::RETURNS.iter().filter(|p| text.contains(**p)).count()
}

/// Whether it says at the beginning that its writer is away.
fn is_away(signs: &Signs) -> bool {
    AWAY.is_match(&start(signs.new_text).chars().take(TEXT_FIRST).collect::<String>())
}

/// Words of an automatic answer that a person may write as well, when a second sign goes with them.
pub(super) fn may_be_automatic(signs: &Signs) -> Option<&'static str> {
    let subject = without_prefixes(signs.subject);
    let all = || phrases::AUTO_SUBJECTS.iter().chain(phrases::AMBIGUOUS_SUBJECTS);
    let begun = all().find(|words| subject.starts_with(**words)).copied();
    let rest = begun.map(|words| subject[words.len()..].trim_start());
    let joined = rest.is_some_and(|rest| {
        ["op ", "van ", "voor ", "to ", "from ", "auf ", "von "].iter().any(|w| rest.starts_with(w))
    });
    let certain = begun.is_some_and(|words| phrases::AUTO_SUBJECTS.contains(&words));
    let away = away(signs);
    // A first complaint may say why it comes now; it hardly says until when and whom to ask instead.
    let needed = if is_answer(signs) { 1 } else { 2 };
    let alone = away.filter(|_| returning(signs) >= needed && (needed == 1 || is_away(signs)));
    begun.filter(|_| (joined && certain) || away.is_some()).or(alone)
}

/// The sentence by which a mail says that nobody reads the answers to it; not one that a person cites.
pub(super) fn unread(signs: &Signs) -> Option<&'static str> {
    let text = signs.new_text.to_lowercase();
    let ends = [text.chars().take(UNREAD_WITHIN).collect(), last_characters(&text, UNREAD_WITHIN)];
    let said: Vec<String> = ends.iter().flat_map(|end: &String| phrases::sentences(end)).collect();
    let whole = || phrases::UNREAD_WHOLE.iter().find(|p| said.iter().any(|s| s == **p));
    phrases::UNREAD.iter().find(|p| said.iter().any(|s| s.starts_with(**p))).or_else(whole).copied()
}

fn last_characters(text: &str, count: usize) -> String {
    let all = text.chars().count();
    text.chars().skip(all.saturating_sub(count)).collect()
}
