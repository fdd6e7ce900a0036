//! How a file is laid out as text: wrapped lines, dates in words, and nothing from outside that a terminal would obey.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Characters in a line, where words allow it.
const WIDTH: usize = 96;

/// Characters of one text from outside that are printed; the whole of it is in the journal and the saved letters.
const LONGEST: usize = 2_000;

/// A text that grows line by line. Everything added to it is made safe for a terminal.
#[derive(Debug, Default)]
pub(crate) struct Page {
    lines: Vec<String>,
}

impl Page {
    /// A heading at the margin, where no text from outside can stand.
    pub(crate) fn heading(&mut self, words: &str) {
        if !self.lines.is_empty() {
            self.lines.push(String::new());
        }
        self.lines.push(words.to_owned());
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) {
        self.lines.push(String::new());
    }

    /// A text, wrapped, each line after `indent` blanks; its own line breaks are kept.
    pub(crate) fn text(&mut self, indent: usize, text: &str) {
        self.labelled(indent, "", text);
    }

    /// A text after a label; its further lines stand below its first. Empty text adds nothing.
    pub(crate) fn labelled(&mut self, indent: usize, label: &str, text: &str) {
        let hang = indent + label.chars().count();
        let mut before = format!("{:indent$}{label}", "");
        for line in safe(text).lines().filter(|line| !line.trim().is_empty()) {
            for wrapped in wrap(line, WIDTH.saturating_sub(hang)) {
                self.lines.push(format!("{before}{wrapped}"));
                before = " ".repeat(hang);
            }
        }
    }

    /// The text, lines ended.
    pub(crate) fn finish(self) -> String {
        self.lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
    }
}

/// Words in lines of at most `width` characters; a longer word, such as a hash, has a line of its own.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Text from outside for a terminal: no escapes, nothing that turns the direction of writing, not without end.
pub(crate) fn safe(text: &str) -> String {
    let clean =
        text.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| *c == '\n' || !is_harmful(*c));
    let mut clean: String = clean.take(LONGEST).collect();
    let left = text.chars().count().saturating_sub(LONGEST);
    if left > 0 {
        clean.push_str("… (");
        clean.push_str(&count(i64::try_from(left).unwrap_or(i64::MAX), "character"));
        clean.push_str(" more)");
    }
    clean
}

/// Text from outside for the middle of a line.
pub(crate) fn line(text: &str) -> String {
    safe(&text.replace(['\n', '\r', '\t'], " "))
}

/// Whether a terminal would obey it instead of showing it: control characters, and those that turn the direction of
/// writing or show nothing at all (Unicode Technical Report 36, section 2.10).
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// "Friday 6 March 2026".
pub(crate) fn day(date: Date) -> String {
    date.strftime("%A %-d %B %Y").to_string()
}

/// "Friday 6 March 2026 09:00:00 CET".
pub(crate) fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%A %-d %B %Y %H:%M:%S %Z").to_string()
}

/// "Fri  6 Mar 2026 09:00:00 CET", for lists.
pub(crate) fn stamp(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %e %b %Y %H:%M:%S %Z").to_string()
}

/// "1 calendar day", "2 calendar days".
pub(crate) fn count(n: impl Into<i64>, what: &str) -> String {
    let n = n.into();
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_below_its_label() {
        let mut page = Page::default();
        page.heading("HEAD");
        page.labelled(2, "label  ", &"woord ".repeat(20));
        let text = page.finish();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines[0], lines.len()), ("HEAD", 3));
        assert!(lines[1].starts_with("  label  woord") && lines[2].starts_with("         woord"), "{text}");
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{text}");
    }

    #[test]
    fn nothing_from_outside_reaches_the_margin_or_the_terminal() {
        let mut page = Page::default();
        page.text(2, "een\u{1b}[2J\r\nJOURNAL\u{202e}\u{9b}1m\n\n\nslot");
        assert_eq!(page.finish(), "  een[2J\n  JOURNAL1m\n  slot");
        assert_eq!(line("a\r\nb\tc\u{7}"), "a  b c");
    }

    #[test]
    fn what_has_no_end_is_cut_and_says_so() {
        let text = safe(&"x".repeat(LONGEST + 5));
        assert!(text.ends_with("x… (5 characters more)"), "{text}");
    }
}
