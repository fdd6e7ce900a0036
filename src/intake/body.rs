//! The text of a mail: plain text when there is some, else its HTML turned into text.

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};

use super::charset;
use super::html;
use super::parts::{Looked, is_broken_text, is_mislabelled_text, media_type};
use super::quote;

/// A plain part shorter than this may be no more than "your program can't show HTML".
const EXCUSE: usize = 250;

/// HTML of one mail that the library turns into text, in bytes; what is beyond it is read by the simple way.
const MOST_BY_LIBRARY: usize = 2 << 20;

/// How many times longer its HTML has to be for a plain part to be a stub.
const STUB: usize = 3;

/// Bytes of a plain part that are looked at, for each character that is kept.
const TEXT_BYTES: usize = 4;

/// The same of HTML, of which more is no text.
const HTML_BYTES: usize = 16;

/// The whole text of a mail, quotations and all, line ends as `\n`, with what was odd about it.
pub(super) fn text(message: &Message, looked: &Looked, most: usize, oddities: &mut Vec<String>) -> String {
    let mut text = joined(message, &message.text_body, looked, most);
    let bare = is_bare(&text);
    if bare || (text.len() < EXCUSE && message.text_body != message.html_body) {
        let html = joined(message, &message.html_body, looked, most);
        let better = if bare {
            html.contains(char::is_alphanumeric) || text.trim().is_empty()
        } else {
            is_stub(&text, &html)
        };
        if better {
            text = html;
        }
    }
    if text.trim().is_empty() {
        text = undecoded(message, looked, most);
        if !text.trim().is_empty() {
            oddities.push("its text is cut off or badly encoded; what is readable was taken".to_owned());
        }
    }
    if text.trim().is_empty() {
        text = unnamed(message, looked, most);
    }
    shown(&text, most, oddities)
}

/// Whether a plain part says nothing: pictures, the line of a mobile program, or that the mail is HTML.
fn is_bare(text: &str) -> bool {
    let says = |line: &str| {
        let picture = line.trim().starts_with("[cid:") && line.trim().ends_with(']');
        line.contains(char::is_alphanumeric) && !picture && !quote::is_mobile(line)
    };
    is_excuse(text) || !text.lines().any(says)
}

/// Whether a plain part is no more than a beginning of what the HTML says, or about something else.
fn is_stub(plain: &str, html: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let (plain, html) = (words(plain), words(html));
    html.len() >= STUB * plain.len() && !html.contains(&plain)
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

/// These parts as text, one below the other, until there is more of it than is kept.
fn joined(message: &Message, ids: &[u32], looked: &Looked, most: usize) -> String {
    let (mut text, mut characters, mut html_bytes) = (String::new(), 0, 0);
    for id in ids.iter().filter(|id| looked.at(**id)) {
        let Some(part) = message.parts.get(*id as usize) else { continue };
        let piece = match &part.body {
            PartType::Text(plain) => plain_text(message, part, plain, most),
            PartType::Html(html) => {
                html_bytes += html.len();
                html_text(message, part, html, most, html_bytes <= MOST_BY_LIBRARY)
            }
            _ => continue,
        };
        characters += piece.chars().count() + 1;
        text.push_str(&piece);
        text.push('\n');
        if characters > most {
            break;
        }
    }
    text
}

fn html_text(message: &Message, part: &MessagePart, html: &str, most: usize, by_library: bool) -> String {
    let html = charset::mended(message, part, html, HTML_BYTES * most);
    if by_library { html::to_text(&html) } else { html::simply(&html) }
}

/// Text parts that the parser gave up on, because their encoding is broken or their end is missing.
fn undecoded(message: &Message, looked: &Looked, most: usize) -> String {
    let parts = (0_u32..).zip(&message.parts).filter(|(id, _)| looked.at(*id)).map(|(_, part)| part);
    let mut text = String::new();
    for part in parts.filter(|part| is_broken_text(part)) {
        let readable = charset::salvaged(part);
        if media_type(part) == "text/html" {
            text.push_str(&html::to_text(&readable));
        } else {
            text.push_str(&readable);
        }
        if text.len() > TEXT_BYTES * most {
            break;
        }
    }
    text
}

/// Text that says wrongly what it is: `text`, `text/plain charset=utf-8`, a multipart without parts. When there is none
/// either, the one text that came as a file.
fn unnamed(message: &Message, looked: &Looked, most: usize) -> String {
    let parts: Vec<(u32, &MessagePart)> =
        (0_u32..).zip(&message.parts).filter(|(id, _)| looked.at(*id)).collect();
    let readable = |part: &MessagePart| match &part.body {
        PartType::Text(plain) if media_type(part) == "text/enriched" => html::to_text(plain),
        PartType::Text(plain) => plain_text(message, part, plain, most),
        PartType::Html(html) => html_text(message, part, html, most, true),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
            charset::utf8_or_windows_1252(&bytes[..bytes.len().min(TEXT_BYTES * most)]).into_owned()
        }
        _ => String::new(),
    };
    let mut mislabelled = parts.iter().filter(|(id, part)| is_mislabelled_text(*id, part));
    if let Some((_, part)) = mislabelled.next() {
        return readable(part);
    }
    let mut files =
        parts.iter().filter(|(_, part)| matches!(media_type(part).as_str(), "text/plain" | "text/html"));
    match (files.next(), files.next()) {
        (Some((_, part)), None) => readable(part),
        _ => String::new(),
    }
}

fn plain_text(message: &Message, part: &MessagePart, plain: &str, most: usize) -> String {
    let text = charset::mended(message, part, plain, TEXT_BYTES * most);
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
    let said = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let of_html = text.contains("html")
        && said(&[
            "view",
            "display",
            "support",
            "contains",
            "weergeven",
            "weergegeven",
            "ondersteun",
            "bekijk",
            "bevat",
        ]);
    let of_program = said(&["mail client", "mailclient", "mail program", "mailprogramma", "mail app"])
        && said(&["not support", "cannot display", "can't display", "niet ondersteun", "niet weergeven"]);
    text.len() < EXCUSE && (of_html || of_program)
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
        assert!(is_excuse("Deze e-mail bevat HTML"));
        assert!(is_excuse("Your email client does not support this message."));
        assert!(!is_excuse("De HTML van uw site is kapot."));
    }

    #[test]
    fn a_plain_part_that_says_nothing() {
        assert!(is_bare("\n[cid:image001.png@01D]\n\nVerstuurd vanaf mijn iPhone\n"));
        assert!(!is_bare("Ja.\nVerstuurd vanaf mijn iPhone"));
        let long = "De stoel is stuk en ik wil mijn geld terug. ".repeat(3);
        assert!(
            is_stub("Nieuwsbrief", &long) && !is_stub("De  stoel", &long) && !is_stub("Nee.", "Toch niet")
        );
    }
}
