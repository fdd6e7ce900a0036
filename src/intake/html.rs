//! HTML as plain text, with a bound on what hostile HTML can cost.

mod depth;

use html2text::config;
use html2text::render::TextDecorator;
use mail_parser::decoders::html::html_to_text;

/// HTML larger than this is turned into text by the simple way, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// Open tags beyond which the simple way is taken: the library's time grows with the square of the nesting.
const MOST_OPEN: usize = 2000;

/// Tags beyond which the simple way is taken: the library needs some 2 KB for each element.
const MOST_TAGS: usize = 20_000;

/// Columns at which the library wraps; wide, so that a paragraph stays a line.
const COLUMNS: usize = 2000;

/// The text of a piece of HTML: no link targets, quotations with `> `, at most one blank line between paragraphs.
pub(super) fn to_text(html: &str) -> String {
    by_library(html).map_or_else(|| simply(html), |text| readable(&text))
}

/// The same without its structure, in little time and memory.
pub(super) fn simply(html: &str) -> String {
    readable(&html_to_text(html))
}

fn by_library(html: &str) -> Option<String> {
    let tags = || html.bytes().filter(|byte| *byte == b'<').count();
    if html.len() > MOST_BYTES || tags() > MOST_TAGS || depth::deepest(html) > MOST_OPEN {
        return None;
    }
    let config =
        config::with_decorator(Plain).allow_width_overflow().link_footnotes(false).no_table_borders();
    config.string_from_read(html.as_bytes(), COLUMNS).ok()
}

/// Words alone: marks only where they carry the structure (quotations, lists), so that nothing is added to the text.
#[derive(Debug, Clone)]
struct Plain;

impl TextDecorator for Plain {
    type Annotation = ();

    fn decorate_link_start(&mut self, _url: &str) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_link_end(&mut self) -> String {
        String::new()
    }

    fn decorate_em_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_em_end(&self) -> String {
        String::new()
    }

    fn decorate_strong_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strong_end(&self) -> String {
        String::new()
    }

    fn decorate_strikeout_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strikeout_end(&self) -> String {
        String::new()
    }

    fn decorate_code_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_code_end(&self) -> String {
        String::new()
    }

    fn decorate_preformat_first(&self) {}

    fn decorate_preformat_cont(&self) {}

    fn decorate_image(&mut self, _src: &str, _title: &str) -> (String, ()) {
        (String::new(), ())
    }

    fn header_prefix(&self, _level: usize) -> String {
        String::new()
    }

    fn quote_prefix(&self) -> String {
        "> ".to_owned()
    }

    fn unordered_item_prefix(&self) -> String {
        "* ".to_owned()
    }

    fn ordered_item_prefix(&self, i: i64) -> String {
        format!("{i}. ")
    }

    fn make_subblock_decorator(&self) -> Self {
        self.clone()
    }
}

/// Ordinary spaces, no invisible characters, no rules drawn with lines, at most one blank line.
fn readable(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let visible = line.chars().filter(|c| !matches!(c, '\u{200b}'..='\u{200d}' | '\u{feff}' | '\u{ad}'));
        let line: String = visible.map(|c| if c == '\u{a0}' { ' ' } else { c }).collect();
        let line = line.trim_end();
        let rule = line.chars().count() > 5 && line.chars().all(|c| c == '─');
        let blank = line.is_empty() || rule;
        if !(blank && lines.last().is_none_or(String::is_empty)) {
            lines.push(if blank { String::new() } else { line.to_owned() });
        }
    }
    lines.join("\n").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_lists_links_and_quotations() {
        let html = "<html><head><title>t</title><style>p{}</style></head><body><p>Beste,&nbsp;heer</p><p>Zie \
                    <a href=\"https://x.test/a\">de factuur</a>.</p><ul><li>een</li><li>twee</li></ul>\
                    <blockquote>eerder</blockquote><script>x()</script></body></html>";
        let text = to_text(html);
        assert_eq!(text, "Beste, heer\n\nZie de factuur.\n* een\n* twee\n\n> eerder");
    }

    #[test]
    fn hostile_nesting_still_gives_text() {
        for nested in ["<div>", "<blockquote>", "<table><tr><td>"] {
            assert!(to_text(&format!("{}klacht", nested.repeat(50_000))).contains("klacht"));
            assert!(to_text(&format!("{}klacht", nested.repeat(600))).contains("klacht"));
        }
    }
}
