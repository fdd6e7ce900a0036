//! The text of a mail: plain text when there is some, else its HTML turned into text.

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};

use super::charset;
use super::html;
use super::parts::{Looked, is_broken_text, media_type};

/// A plain part shorter than this may be no more than "your program can't show HTML".
const EXCUSE: usize = 250;

/// The whole text of a mail, quotations and all, line ends as `\n`, with what was odd about it.
pub(super) fn text(message: &Message, looked: &Looked, most: usize, oddities: &mut Vec<String>) -> String {
    let mut text = joined(message, &message.text_body, looked);
    if !text.contains(char::is_alphanumeric) || is_excuse(&text) {
        let html = joined(message, &message.html_body, looked);
        if html.contains(char::is_alphanumeric) || text.trim().is_empty() {
            text = html;
        }
    }
    if text.trim().is_empty() {
        text = undecoded(message, looked);
        if !text.trim().is_empty() {
            oddities.push("its text is cut off or badly encoded; what is readable was taken".to_owned());
        }
    }
    shown(&text, most, oddities)
}

/// Text from a stranger as it is kept: line ends as `\n`, no control characters, at most so many characters.
pub(super) fn shown(text: &str, most: usize, oddities: &mut Vec<String>) -> String {
    if text.contains('\0') {
        oddities.push("its text has NUL characters; they were left out".to_owned());
    }
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let is_shown = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let kept: String = text.chars().filter(is_shown).take(most).collect();
    if text.len() > kept.len() && text.chars().filter(is_shown).count() > most {
        oddities.push(format!("its text is longer than {most} characters; the rest stands in the raw mail"));
    }
    kept
}

/// These parts as text, one below the other.
fn joined(message: &Message, ids: &[u32], looked: &Looked) -> String {
    let mut text = String::new();
    for id in ids.iter().filter(|id| looked.at(**id)) {
        let Some(part) = message.parts.get(*id as usize) else { continue };
        match &part.body {
            PartType::Text(plain) => text.push_str(&plain_text(message, part, plain)),
            PartType::Html(html) => text.push_str(&html::to_text(&charset::mended(message, part, html))),
            _ => continue,
        }
        text.push('\n');
    }
    text
}

/// Text parts that the parser gave up on, because their encoding is broken or their end is missing.
fn undecoded(message: &Message, looked: &Looked) -> String {
    let parts = (0_u32..).zip(&message.parts).filter(|(id, _)| looked.at(*id)).map(|(_, part)| part);
    let mut text = String::new();
    for part in parts.filter(|part| is_broken_text(part)) {
        let readable = charset::salvaged(part);
        if media_type(part) == "text/html" {
            text.push_str(&html::to_text(&readable));
        } else {
            text.push_str(&readable);
        }
    }
    text
}

fn plain_text(message: &Message, part: &MessagePart, plain: &str) -> String {
    let text = charset::mended(message, part, plain);
    let parameter = |name| part.content_type().and_then(|c| c.attribute(name));
    if parameter("format").is_some_and(|f| f.eq_ignore_ascii_case("flowed")) {
        return unflowed(&text, parameter("delsp").is_some_and(|d| d.eq_ignore_ascii_case("yes")));
    }
    text.into_owned()
}

/// Lines that end in a space go on in the next one of the same quotation depth (RFC 3676 section 4).
fn unflowed(text: &str, delete_space: bool) -> String {
    let mut lines: Vec<(usize, String, bool)> = Vec::new();
    for line in text.lines() {
        let depth = line.chars().take_while(|c| *c == '>').count();
        let content = &line[depth..];
        let content = content.strip_prefix(' ').unwrap_or(content);
        let flows = content.ends_with(' ') && content != "-- ";
        let content = if flows && delete_space { &content[..content.len() - 1] } else { content };
        match lines.last_mut() {
            Some((before, paragraph, true)) if *before == depth && content != "-- " => {
                paragraph.push_str(content);
                if let Some(last) = lines.last_mut() {
                    last.2 = flows;
                }
            }
            _ => lines.push((depth, content.to_owned(), flows)),
        }
    }
    let whole = |(depth, content, _): &(usize, String, bool)| match depth {
        0 => content.clone(),
        _ => format!("{} {content}", ">".repeat(*depth)),
    };
    lines.iter().map(whole).collect::<Vec<_>>().join("\n")
}

/// Whether a plain part only says that the mail is HTML.
fn is_excuse(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    let about = text.contains("html") && text.len() < EXCUSE;
    about
        && ["view", "display", "support", "weergeven", "weergegeven", "ondersteun", "bekijk"]
            .iter()
            .any(|w| text.contains(w))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flowed_lines_are_joined_by_depth() {
        assert_eq!(
            unflowed("een \ntwee\n> drie \n> vier\n-- \nJan", false),
            "een twee\n> drie vier\n-- \nJan"
        );
        assert_eq!(unflowed(" >geen citaat", false), ">geen citaat");
        assert_eq!(unflowed("ver \nlengd", true), "verlengd");
    }

    #[test]
    fn an_excuse_is_no_letter() {
        assert!(is_excuse("Uw e-mailprogramma kan geen HTML weergeven."));
        assert!(!is_excuse("De HTML van uw site is kapot."));
    }
}
