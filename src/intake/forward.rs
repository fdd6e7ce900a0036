//! A mail that somebody passed on: whose it was, when it was written, what it says. Nothing of it is proof: whoever passes
//! a mail on can change every word of it.

use std::sync::LazyLock;

use mail_parser::{HeaderName, Message};
use regex::Regex;

use super::body;
use super::parts::Looked;
use super::quote;
use super::read::{ReadLimits, clean};
use super::sender;
use crate::domain::mail::Forwarded;

/// Lines that the headers of a mail that is shown in the text may take.
const HEADER_LINES: usize = 12;

/// Prefixes with which programs mark that a mail was passed on, Dutch, English, German and French.
const PREFIXES: &[&str] = &["fw", "fwd", "doorst", "doorgest", "doorgestuurd", "wg", "tr", "i"];

/// The line above a mail that was passed on.
static DIVIDER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?ix)^[\s>]*(?:-{2,}\s*(?:doorgestuurd\ bericht|forwarded\ (?:message|by.{0,80})|weitergeleitete\ nachricht
            |message\ transféré|doorgestuurd\ door.{0,80})\s*-{2,}
          |(?:begin\ doorgestuurd\ bericht|begin\ forwarded\ message|anfang\ der\ weitergeleiteten\ nachricht)\s*:)\s*$",
    )
});

/// A header as it is shown: label and value.
static LABEL: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?ix)^[\s*|]*(?:
            (?P<from>van|from|von|de|da)
          | (?P<date>verzonden|verstuurd|datum|sent|date|gesendet|envoyé|data)(?:\s+(?:op|on|at|le|am))?
          | (?P<subject>onderwerp|subject|betreff|objet|oggetto)
          | (?:aan|to|an|à|a|cc|bcc|kopie|antwoord\ aan|reply-to|antwort\ an|répondre\ à|belang|importance|prioriteit|priority|bijlagen?|attachments?)
        )\s*:\*?\s*(?P<value>.*?)\s*$",
    )
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of ours is right: the tests of this file use every one")
}

/// A mail that is attached.
pub(super) fn attached(inner: &Message, limits: ReadLimits) -> Forwarded {
    let mut odd = Vec::new();
    let looked = Looked::of(inner, limits, &mut odd);
    let text = body::text(inner, &looked, limits.text, &mut odd);
    let date = inner.header_raw(HeaderName::Date).map(clean).filter(|date| !date.is_empty());
    Forwarded {
        from: sender::party(inner, HeaderName::From, limits.addresses),
        date,
        subject: clean(inner.subject().unwrap_or_default()),
        text: quote::split(&text).new,
        attached: true,
    }
}

/// A mail that is shown in the text, when the subject or a line above it says that it was passed on.
pub(super) fn shown(text: &str, subject: &str) -> Option<Forwarded> {
    let lines: Vec<&str> = text.lines().collect();
    let divider = lines.iter().position(|line| DIVIDER.is_match(line));
    let from = match divider {
        Some(at) => at + 1,
        None if is_forward(subject) => 0,
        None => return None,
    };
    let reach = if divider.is_some() { lines.len().min(from + 4) } else { lines.len() };
    let block = (from..reach).find(|at| quote::is_header_block(&lines[*at..]))?;
    let marked = lines[block].trim_start().starts_with('>');
    let lines: Vec<&str> =
        lines[block..].iter().map(|line| if marked { unmarked(line) } else { line }).collect();
    let (mut forwarded, length) = headers(&lines);
    forwarded.text = quote::split(&lines[length..].join("\n")).new;
    Some(forwarded)
}

fn unmarked(line: &str) -> &str {
    let line = line.trim_start();
    let line = line.strip_prefix('>').unwrap_or(line);
    line.strip_prefix(' ').unwrap_or(line)
}

/// Whether a subject says that a mail was passed on.
fn is_forward(subject: &str) -> bool {
    let mut rest = subject.trim();
    while let Some((prefix, after)) = rest.split_once(':') {
        let prefix = prefix.trim().to_lowercase();
        if PREFIXES.contains(&prefix.as_str()) {
            return true;
        }
        if prefix.chars().count() > 8 || prefix.contains(char::is_whitespace) {
            return false;
        }
        rest = after;
    }
    false
}

/// The headers that are shown, and the lines that they take. A value may go on in lines without a label.
fn headers(lines: &[&str]) -> (Forwarded, usize) {
    let mut found = Forwarded::default();
    let mut from = String::new();
    let mut length = 0;
    let mut last: Option<&mut String> = None;
    let mut date = String::new();
    for line in lines.iter().take(HEADER_LINES) {
        if line.trim().is_empty() {
            break;
        }
        length += 1;
        if let Some(label) = LABEL.captures(line) {
            last = [("from", &mut from), ("date", &mut date), ("subject", &mut found.subject)]
                .into_iter()
                .find_map(|(name, value)| label.name(name).map(|_| value));
            if let Some(value) = last.as_deref_mut().filter(|value| value.is_empty()) {
                value.push_str(&label["value"]);
            }
        } else if let Some(value) = last.as_deref_mut() {
            value.push(' ');
            value.push_str(line.trim());
        }
    }
    found.from = sender::shown(&from);
    found.date = Some(clean(&date)).filter(|date| !date.is_empty());
    found.subject = clean(&found.subject);
    (found, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(text: &str, subject: &str) -> Option<(String, String, String, String)> {
        let found = shown(text, subject)?;
        let from =
            found.from.map(|p| format!("{}<{}>", p.name.unwrap_or_default(), p.email)).unwrap_or_default();
        Some((from, found.date.unwrap_or_default(), found.subject, found.text))
    }

    #[test]
    fn mails_that_were_passed_on() {
        let blocks = [
            "Van: Jan de Vries <jan@klant.test>\nVerzonden: maandag 2 maart 2026 09:14\nAan: Info\nOnderwerp: Klacht",
            "Van: Jan de Vries [mailto:jan@klant.test]\nVerzonden: maandag 2 maart 2026 09:14\nAan: Info <info@x.test>;\n Piet\nOnderwerp: Klacht",
            "*Van:* \"Jan de Vries\" <jan@klant.test>\n*Datum:* maandag 2 maart 2026 09:14\n*Aan:* Info\n*Onderwerp:* Klacht",
            "From: Jan de Vries\n <jan@klant.test>\nSent: maandag 2 maart 2026 09:14\nTo: Info\nSubject: Klacht",
        ];
        let expected =
            ["Jan de Vries<jan@klant.test>", "maandag 2 maart 2026 09:14", "Klacht", "De printer is stuk."];
        for block in blocks {
            for (above, subject) in [
                ("Zie onder.\n\n", "FW: Klacht"),
                ("", "Doorst: Re: Klacht"),
                ("---------- Forwarded message ---------\n", "Klacht"),
                ("Ter info\n\nBegin doorgestuurd bericht:\n\n", "Fwd: Klacht"),
            ] {
                let text = format!("{above}{block}\n\nDe printer is stuk.\n");
                let found = mail(&text, subject).unwrap();
                assert_eq!([found.0.as_str(), &found.1, &found.2, &found.3], expected, "{text}");
            }
        }
    }

    #[test]
    fn a_mail_that_is_marked_line_by_line() {
        let text = "Begin doorgestuurd bericht:\n\n> Van: jan@klant.test\n> Onderwerp: Klacht\n> Datum: 2 maart 2026 09:14\n> Aan: x\n> \n> Stuk.\n";
        let found = mail(text, "Fwd: Klacht").unwrap();
        assert_eq!(
            (found.0.as_str(), found.2.as_str(), found.3.as_str()),
            ("<jan@klant.test>", "Klacht", "Stuk.")
        );
    }

    #[test]
    fn a_reply_is_not_passed_on() {
        let text =
            "Nee.\n\nVan: Jan <jan@klant.test>\nVerzonden: vandaag\nAan: x\nOnderwerp: Klacht\n\nStuk.";
        assert_eq!(mail(text, "RE: Klacht"), None);
        assert_eq!(mail("Van: wie?", "FW: x"), None);
        assert!(is_forward("Re: FW: x") && is_forward("doorst: x") && !is_forward("De vraag is: fw: x"));
    }
}
