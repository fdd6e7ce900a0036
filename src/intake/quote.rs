//! The new text of a letter, apart from what was quoted and from the signature. When in doubt, it is kept.
//!
//! Every line is marked as new or as quoted, in passes; together both hold every line in its order.

use std::sync::LazyLock;

use regex::Regex;

/// Lines over which a mail program may wrap the line above a quotation.
const ATTRIBUTION_LINES: usize = 3;

/// Lines that a signature has at most; more is somebody's text.
const SIGNATURE_LINES: usize = 15;

/// A text in two parts; together they hold every line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// What the sender wrote now.
    pub new: String,
    /// What was quoted, and the signature.
    pub rest: String,
}

/// "Op 3 maart 2026 om 10:00 schreef Jan <…>:", "On … wrote:", "Jan <…> schreef op …:", "2026-03-03 10:00 Jan <…>:".
static ATTRIBUTION: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?ix)^(?:
            (?:op|on|am|le)\s.{3,350}\b(?:schreef|geschreven|wrote|schrieb|écrit)\b.{0,200}
          | .{2,250}\b(?:schreef|wrote)\s+(?:op|on)\s.{3,120}
          | .{0,100}<[^<>\s]+@[^<>\s]+>.{0,40}\b(?:schreef|wrote)(?:\s+het\ volgende)?
          | \d{4}-\d\d-\d\d.{3,120}<[^<>\s]+@[^<>\s]+>
        )\s*:\s*$",
    )
});

/// What tells a mail program's line from a sentence: a time of day or an address.
static TIME_OR_ADDRESS: LazyLock<Regex> = LazyLock::new(|| regex(r"\b\d{1,2}[:.]\d{2}\b|\S@\S+\.\S"));

/// Lines that mail programs put above a whole mail that they quote or forward.
static DIVIDER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?ix)^\s*(?:
            -{2,}\s*(?:oorspronkelijk\ bericht|original\ (?:message|appointment)|doorgestuurd\ bericht
                |forwarded\ (?:message|by.{0,80})|ursprüngliche\ nachricht)\s*-{2,}
          | (?:begin\ doorgestuurd\ bericht|begin\ forwarded\ message)\s*:
        )\s*$",
    )
});

/// The headers of a quoted mail as Outlook and others show them.
static SENDER_LABEL: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)^\s*\*?(?:van|from|von)\s*:\*?\s*\S"));
static DATE_LABEL: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)^\s*\*?(?:verzonden|datum|sent|date|gesendet)(?:\s+(?:op|on|at))?\s*:\*?\s*\S")
});
static OTHER_LABEL: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)^\s*\*?(?:aan|to|cc|onderwerp|subject|betreff|an)\s*:\*?\s*\S?"));

/// What mobile programs put below.
static MOBILE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?ix)^\s*(?:
            (?:verstuurd|verzonden|sent|gesendet)\s+(?:vanaf|van|met|vanuit|from|with|via|using|von)\s+
                (?:mijn|my|meinem|an?|outlook|(?:de\ |the\ )?e-?mail|yahoo|mail|proton|samsung|.{0,20}(?:iphone|ipad|android|galaxy)).{0,60}
          | (?:outlook|download\ outlook|get\ outlook)\s+(?:voor|for)\s+(?:ios|android).{0,60}
        )$",
    )
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of ours is right: the tests of this file use every one")
}

/// Splits a text. A mail in which nothing is new keeps all of it.
pub fn split(text: &str) -> Split {
    let lines: Vec<&str> = text.lines().collect();
    let mut quoted = vec![false; lines.len()];
    mark_quotations(&lines, &mut quoted);
    mark_angles(&lines, &mut quoted);
    mark_signature(&lines, &mut quoted);
    let side = |wanted: bool| {
        let chosen = lines.iter().zip(&quoted).filter(|(_, mark)| **mark == wanted);
        chosen.map(|(line, _)| line.trim_end()).collect::<Vec<_>>().join("\n").trim_matches('\n').to_owned()
    };
    let new = side(false);
    if new.trim().is_empty() {
        return Split { new: text.trim().to_owned(), rest: String::new() };
    }
    Split { new: new.trim().to_owned(), rest: side(true) }
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
        } else if sure {
            let rules = lines[..at].iter().rev().take_while(|line| is_rule(line)).count();
            quoted[at - rules..].fill(true);
            return;
        } else {
            at += length;
        }
    }
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
    attribution(lines, at)
}

fn attribution(lines: &[&str], at: usize) -> Option<(usize, bool)> {
    let mut joined = String::new();
    for (length, line) in (1..=ATTRIBUTION_LINES).zip(&lines[at..]) {
        if line.trim().is_empty() || line.len() > 400 {
            return None;
        }
        joined.push_str(line.trim());
        if joined.ends_with(':') && ATTRIBUTION.is_match(&joined) {
            return Some((length, TIME_OR_ADDRESS.is_match(&joined)));
        }
        joined.push(' ');
    }
    None
}

/// From and date, and To or Subject, close together.
fn is_header_block(lines: &[&str]) -> bool {
    if !SENDER_LABEL.is_match(lines[0]) {
        return false;
    }
    let near = &lines[1..lines.len().min(7)];
    near.iter().any(|l| DATE_LABEL.is_match(l)) && near.iter().any(|l| OTHER_LABEL.is_match(l))
}

/// A drawn line, or nothing.
fn is_rule(line: &str) -> bool {
    line.trim().chars().all(|c| matches!(c, '_' | '-'))
}

fn is_angle(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

/// Lines with `>`. One alone that nothing announces may be somebody's own: "> 3 weken".
fn mark_angles(lines: &[&str], quoted: &mut [bool]) {
    let announced = quoted.iter().any(|mark| *mark);
    let count = lines.iter().filter(|line| is_angle(line)).count();
    for (line, mark) in lines.iter().zip(quoted) {
        let inside = line.trim_start().trim_start_matches('>').trim_start();
        let own = line.starts_with(">From ") || inside.starts_with(|c: char| c.is_ascii_digit() || c == '€');
        *mark |= is_angle(line) && (announced || count > 1 || !own);
    }
}

/// What stands below `-- `, when it is short, and the line of a mobile program.
fn mark_signature(lines: &[&str], quoted: &mut [bool]) {
    let mine: Vec<usize> = (0..lines.len()).filter(|n| !quoted[*n]).collect();
    let delimiter = mine.iter().rposition(|n| matches!(lines[*n].trim_start_matches('\u{a0}'), "-- " | "--"));
    if let Some(at) = delimiter {
        let below = &mine[at + 1..];
        let filled = below.iter().filter(|n| !lines[**n].trim().is_empty()).count();
        let something_above = mine[..at].iter().any(|n| !lines[*n].trim().is_empty());
        if filled <= SIGNATURE_LINES && something_above {
            mine[at..].iter().for_each(|n| quoted[*n] = true);
        }
    }
    for n in mine.into_iter().filter(|n| MOBILE.is_match(lines[*n])) {
        quoted[n] = true;
    }
}

#[cfg(test)]
#[path = "quote/tests.rs"]
mod tests;
