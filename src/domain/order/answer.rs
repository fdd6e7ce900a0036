//! The text of an answer under its headings.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::dates;
use super::line::{Line, is_unseen_start};
use super::words;
use super::{Answer, Fault, Section, Wrong};

/// Marks that mail programs and people put around headings.
const EMPHASIS: [char; 2] = ['*', '_'];

/// Reads a text; what stands above its first heading goes under `first`. What was left empty or untouched is absent.
///
/// The date under [`Section::By`] stands on the first line there and has nothing beside it or below it.
pub(super) fn answer(text: &str, first: Section, today: Date) -> Result<Answer, Fault> {
    let mut gathered: BTreeMap<Section, Vec<&str>> = BTreeMap::new();
    let mut by: Vec<(&str, usize)> = Vec::new();
    let mut section = first;
    for line in text.lines() {
        let content = match heading(line) {
            Some((found, rest)) => {
                section = found;
                rest
            }
            None => line,
        };
        if section == Section::By && !words::is_placeholder(content) {
            by.push((line, line.len() - content.len()));
        }
        gathered.entry(section).or_default().push(content);
    }
    let sections = gathered.into_iter().filter_map(|(section, lines)| {
        let text = lines.join("\n").trim().to_owned();
        (!words::is_placeholder(&text)).then_some((section, text))
    });
    Ok(Answer { sections: sections.collect(), settlement_date: settlement_date(&by, today)? })
}

/// The one date under `By`.
fn settlement_date(lines: &[(&str, usize)], today: Date) -> Result<Option<Date>, Fault> {
    let Some((line, content)) = lines.first() else { return Ok(None) };
    let (before, line) = (Line::of(&line[..*content]).text.len(), Line::of(line));
    let not_a_date = |at: usize| line.fault(at, Wrong::NotADate);
    let words = line.text.get(before..).unwrap_or_default();
    let start = line.text.len() - words.trim_start().len();
    let (date, used) = dates::date(words, today)
        .map_err(|day| not_a_date(before + day.at))?
        .ok_or_else(|| not_a_date(start))?;
    let after = &words[used..];
    if !words::is_placeholder(after) {
        return Err(line.fault(line.text.len() - after.trim_start().len(), Wrong::TooMuch));
    }
    match lines.get(1) {
        Some((below, _)) => Err(Line::of(below).fault(0, Wrong::TooMuch)),
        None => Ok(Some(date)),
    }
}

/// The heading that a line is, and what stands behind it: `Conclusie`, `Conclusie: …`, `**Conclusie**`,
/// `### Conclusie`, `Conclusie -`.
pub(super) fn heading(line: &str) -> Option<(Section, &str)> {
    let seen = line.trim_start_matches(|c: char| c.is_whitespace() || is_unseen_start(c));
    let bare = seen.trim_start_matches('#').trim_start().trim_start_matches(EMPHASIS);
    let (section, used) = words::heading(bare)?;
    let after = bare[used..].trim_start_matches(EMPHASIS).trim_start();
    if let Some(content) = after.strip_prefix([':', '：']) {
        return Some((section, content.trim_start_matches(EMPHASIS).trim_start()));
    }
    let alone = after.chars().all(|c| c.is_whitespace() || words::is_hyphen(c));
    alone.then_some((section, ""))
}

/// The lines of a letter without the formula that ends it and the name below: notices have their own. Only what is
/// short and holds no heading is such an end.
pub(in crate::domain) fn without_closing<'a, 'b>(lines: &'b [&'a str]) -> &'b [&'a str] {
    /// The lines that a name, a company and its telephone numbers take at most.
    const LONGEST: usize = 15;
    let filled = |line: &&&str| !line.trim().is_empty();
    let is_closing = |line: &&str| words::is_closing(line.trim());
    let Some(at) = lines.iter().rposition(is_closing) else { return lines };
    let below = &lines[at + 1..];
    let ends =
        below.iter().filter(filled).count() <= LONGEST && below.iter().all(|line| heading(line).is_none());
    if ends { &lines[..at] } else { lines }
}
