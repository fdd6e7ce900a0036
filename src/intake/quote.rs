//! The new text of a letter, apart from what was quoted and from the signature. When in doubt, it is kept.
//!
//! Every line is marked as new or as quoted, in passes; together both hold every line in its order.

mod patterns;

use patterns::{
    ADDRESS, ATTRIBUTION, BARE_ATTRIBUTION, CONFIDENTIAL, DATE_LABEL, DISCLAIMER_TITLE, DIVIDER, ENVIRONMENT,
    INLINE_ANSWERS, MOBILE, MOBILE_OF_MINE, OTHER_LABEL, SENDER_LABEL, SUBJECT_LABEL, TIME, TO_US, UNBROKEN,
    UNVERBED, WEEKDAY, YEAR,
};

/// Lines over which a mail program may wrap the line above a quotation.
const ATTRIBUTION_LINES: usize = 4;

/// How many of the telling words a paragraph must have to be a disclaimer; a person may use one or two of them.
const DISCLAIMER_WORDS: usize = 3;

/// Lines that a signature has at most; more is somebody's text.
const SIGNATURE_LINES: usize = 15;

/// Lines that a signature below a delimiter without its space has at most.
const BARE_SIGNATURE_LINES: usize = 6;

/// Words of a line of such a signature.
const SIGNATURE_WORDS: usize = 5;

/// A text in two parts; together they hold every line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// What the sender wrote now.
    pub new: String,
    /// What was quoted, and the signature.
    pub rest: String,
    /// Whether `new` was typed now; else nothing was, and it holds what is quoted.
    pub typed: bool,
}

/// Splits a text. A mail in which nothing is new keeps all of it.
pub fn split(text: &str) -> Split {
    let lines: Vec<&str> = text.lines().collect();
    let mut quoted = vec![false; lines.len()];
    mark_quotations(&lines, &mut quoted);
    mark_angles(&lines, &mut quoted);
    mark_signature(&lines, &mut quoted);
    mark_disclaimers(&lines, &mut quoted);
    let side = |wanted: bool| {
        let chosen = lines.iter().zip(&quoted).filter(|(_, mark)| **mark == wanted);
        chosen.map(|(line, _)| line.trim_end()).collect::<Vec<_>>().join("\n").trim_matches('\n').to_owned()
    };
    let new = side(false);
    if new.trim().is_empty() {
        return Split { new: text.trim().to_owned(), rest: String::new(), typed: false };
    }
    Split { new: new.trim().to_owned(), rest: side(true), typed: true }
}

/// What stands below an attribution, a divider or a block of headers.
fn mark_quotations(lines: &[&str], quoted: &mut [bool]) {
    let mut at = 0;
    while at < lines.len() {
        let Some((length, sure)) = opening(lines, at) else {
            at += 1;
            continue;
        };
        let next = (at + length..lines.len()).find(|n| !lines[*n].trim().is_empty());
        if next.is_some_and(|n| is_angle(lines[n])) {
            // The quotation marks its own lines: what stands between them is an answer.
            let below = next.unwrap_or(at + length);
            quoted[at..below].fill(true);
            at = below;
        } else if sure && !announces_answers(&lines[..at]) {
            let rules = lines[..at].iter().rev().take_while(|line| is_rule(line)).count();
            quoted[at - rules..].fill(true);
            return;
        } else {
            at += length;
        }
    }
}

/// Whether the words above say that the answers stand in the quotation below, which marks no line as quoted.
fn announces_answers(above: &[&str]) -> bool {
    above.iter().any(|line| INLINE_ANSWERS.is_match(line))
}

/// How many lines open a quotation here, and whether it surely goes on to the end.
fn opening(lines: &[&str], at: usize) -> Option<(usize, bool)> {
    if lines[at].trim().is_empty() || is_angle(lines[at]) {
        return None;
    }
    if DIVIDER.is_match(lines[at]) {
        return Some((1, true));
    }
    if is_header_block(&lines[at..]) {
        return Some((1, true));
    }
    if UNBROKEN.is_match(lines[at]) && TIME.is_match(lines[at]) {
        return Some((1, true));
    }
    attribution(lines, at)
}

/// The shortest attribution that begins here. One that begins on a later line of the same is left to that line.
fn attribution(lines: &[&str], at: usize) -> Option<(usize, bool)> {
    let (length, sure) = attribution_from(lines, at)?;
    let timed = |below: &usize| TIME.is_match(lines[*below]) && attribution_from(lines, *below).is_some();
    let later = (at + 1..at + length).find(timed);
    later.is_none().then_some((length, sure))
}

fn attribution_from(lines: &[&str], at: usize) -> Option<(usize, bool)> {
    let mut joined = String::new();
    for (length, line) in (1..=ATTRIBUTION_LINES).zip(&lines[at..]) {
        if line.trim().is_empty() || line.len() > 400 {
            return None;
        }
        joined.push_str(line.trim());
        if !joined.ends_with([':', '-', 'e', 'f', 'b', 't']) {
            joined.push(' ');
            continue;
        }
        let (time, address) = (TIME.is_match(&joined), ADDRESS.is_match(&joined));
        if joined.ends_with(':') && ATTRIBUTION.is_match(&joined) {
            // "Op 3 maart om 10:00 schreef uw medewerker:" is a person's sentence.
            let dated = time && YEAR.is_match(&joined) && !TO_US.is_match(&joined);
            return Some((length, address || dated));
        }
        if time && address && (UNVERBED.is_match(&joined) || BARE_ATTRIBUTION.is_match(&joined)) {
            return Some((length, true));
        }
        joined.push(' ');
    }
    None
}

/// Labels of sender, date, and receiver or subject, close together, whichever of them stands first.
pub(super) fn is_header_block(lines: &[&str]) -> bool {
    let labels = [&SENDER_LABEL, &DATE_LABEL, &OTHER_LABEL];
    if !labels.iter().any(|label| label.is_match(lines[0])) {
        return false;
    }
    // A block that does not begin with the sender has to be without gaps.
    let reach = if SENDER_LABEL.is_match(lines[0]) { 8 } else { 4 };
    let near = &lines[..lines.len().min(reach)];
    if !labels.iter().all(|label| near.iter().any(|line| label.is_match(line))) {
        return false;
    }
    // "Van, Aan, Datum" may also be told of a parcel or a journey.
    let dated = |line: &&str| DATE_LABEL.is_match(line) && (TIME.is_match(line) || WEEKDAY.is_match(line));
    near.iter().any(|line| line.contains('@'))
        || (near.iter().any(dated) && near.iter().any(|line| SUBJECT_LABEL.is_match(line)))
}

/// A drawn line, or nothing.
fn is_rule(line: &str) -> bool {
    line.trim().chars().all(|c| matches!(c, '_' | '-' | '=' | '—' | '─'))
}

fn is_angle(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

/// Lines with `>`. When nothing announces them and they read like "> 3 weken", they are somebody's own.
fn mark_angles(lines: &[&str], quoted: &mut [bool]) {
    let announced = quoted.iter().any(|mark| *mark);
    let own = |line: &&str| {
        let inside = line.trim_start().trim_start_matches('>').trim_start();
        line.starts_with(">From ") || inside.starts_with(|c: char| c.is_ascii_digit() || c == '€')
    };
    let all_own = lines.iter().filter(|line| is_angle(line)).all(own);
    for (line, mark) in lines.iter().zip(quoted) {
        *mark |= is_angle(line) && (announced || !all_own);
    }
}

/// What stands below `-- `, when it is short, and the line of a mobile program.
fn mark_signature(lines: &[&str], quoted: &mut [bool]) {
    let mine: Vec<usize> = (0..lines.len()).filter(|n| !quoted[*n]).collect();
    let delimiter = mine.iter().rposition(|n| matches!(lines[*n].trim_start_matches('\u{a0}'), "-- " | "--"));
    if let Some(at) = delimiter {
        let below = &mine[at + 1..];
        let filled = below.iter().filter(|n| !lines[**n].trim().is_empty()).count();
        let words = |of: &[usize]| of.iter().map(|n| lines[*n].split_whitespace().count()).sum::<usize>();
        let (above, beneath) = (words(&mine[..at]), words(below));
        // Without its space it may be a line that somebody drew.
        let short = |n: &usize| {
            let line = lines[*n].trim();
            line.split_whitespace().count() <= SIGNATURE_WORDS && !line.ends_with(['.', '!', '?', ','])
        };
        let looks = filled <= BARE_SIGNATURE_LINES && (above > beneath || below.iter().all(short));
        let sure = lines[mine[at]].ends_with(' ') || looks;
        if filled <= SIGNATURE_LINES && above > 0 && sure {
            mine[at..].iter().for_each(|n| quoted[*n] = true);
        }
    }
    let last = mine.iter().rev().find(|n| !quoted[**n] && !lines[**n].trim().is_empty()).copied();
    let mobile =
        |n: &usize| MOBILE.is_match(lines[*n]) || (Some(*n) == last && MOBILE_OF_MINE.is_match(lines[*n]));
    for n in mine.into_iter().filter(mobile) {
        quoted[n] = true;
    }
}

/// Whether a line is what a mobile program puts below.
pub(super) fn is_mobile(line: &str) -> bool {
    MOBILE.is_match(line) || MOBILE_OF_MINE.is_match(line)
}

/// Paragraphs at the very end that only say for whom the mail is meant, below whatever a person wrote.
fn mark_disclaimers(lines: &[&str], quoted: &mut [bool]) {
    let mut mine: Vec<usize> = (0..lines.len()).filter(|n| !quoted[*n]).collect();
    let mut cut = false;
    loop {
        while mine.last().is_some_and(|n| lines[*n].trim().is_empty() || is_rule(lines[*n])) {
            mine.pop();
        }
        let above = mine.iter().rposition(|n| lines[*n].trim().is_empty()).map_or(0, |blank| blank + 1);
        let paragraph = mine[above..].iter().map(|n| lines[*n].trim()).collect::<Vec<_>>().join(" ");
        let is_title = cut && DISCLAIMER_TITLE.is_match(&paragraph);
        if above == 0 || !(is_title || is_disclaimer(&paragraph)) {
            return;
        }
        mine[above..].iter().for_each(|n| quoted[*n] = true);
        mine.truncate(above);
        cut = true;
    }
}

fn is_disclaimer(paragraph: &str) -> bool {
    let telling = CONFIDENTIAL.iter().filter(|words| words.is_match(paragraph)).count();
    telling >= DISCLAIMER_WORDS || ENVIRONMENT.is_match(paragraph)
}

#[cfg(test)]
#[path = "quote/tests.rs"]
mod tests;
