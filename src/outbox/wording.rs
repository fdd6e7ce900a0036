//! Words and layout that every notice shares: dates, salutations, names of things, line breaks. Pure.

use jiff::civil::{Date, Weekday};

use crate::domain::mail::Language;
use crate::domain::notice::NoticeKind;

/// The width in characters at which the text of a notice is wrapped (RFC 5322 section 2.1.1 advises under 78).
pub const WIDTH: usize = 72;

const NL_DAYS: [&str; 7] = ["maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"];
const EN_DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const NL_MONTHS: [&str; 12] = [
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
];
const EN_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A date with its weekday and year: "zaterdag 5 december 2026", "Saturday 5 December 2026".
pub fn date_in_words(date: Date, language: Language) -> String {
    let (days, months) = match language {
        Language::Nl => (NL_DAYS, NL_MONTHS),
        Language::En => (EN_DAYS, EN_MONTHS),
    };
    let day = match date.weekday() {
        Weekday::Monday => days[0],
        Weekday::Tuesday => days[1],
        Weekday::Wednesday => days[2],
        Weekday::Thursday => days[3],
        Weekday::Friday => days[4],
        Weekday::Saturday => days[5],
        Weekday::Sunday => days[6],
    };
    // A civil month is 1 to 12 by its type.
    let month = months[usize::from(date.month().unsigned_abs()) - 1];
    format!("{day} {} {month} {}", date.day(), date.year())
}

/// The first line of a notice. The name is used only when it can be nothing but a person's name: letters, spaces and
/// `.'-`, up to 60 characters. Anything else could be text or a link that we would send on for a stranger.
pub fn salutation(name: Option<&str>, language: Language) -> String {
    let name = name.map(str::trim).filter(|name| is_personal_name(name));
    match (name, language) {
        (Some(name), Language::Nl) => format!("Geachte {name},"),
        (None, Language::Nl) => "Geachte heer, mevrouw,".to_owned(),
        (Some(name), Language::En) => format!("Dear {name},"),
        (None, Language::En) => "Dear Sir or Madam,".to_owned(),
    }
}

fn is_personal_name(name: &str) -> bool {
    name.chars().count() <= 60
        && name.chars().any(char::is_alphabetic)
        && name.chars().all(|c| c.is_alphabetic() || " .'-".contains(c))
}

/// What a person typed, made to stand after a colon: one line gets its full stop, several lines a paragraph of
/// their own.
pub fn told(typed: &str) -> String {
    let typed = typed.trim();
    if typed.contains('\n') {
        format!("\n\n{typed}\n\n")
    } else if typed.is_empty() || typed.ends_with(['.', '!', '?', ':']) {
        typed.to_owned()
    } else {
        format!("{typed}.")
    }
}

/// The same with a capital in front, for a phrase that starts a sentence ("de directie").
pub fn capital(phrase: &str) -> String {
    let mut letters = phrase.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Breaks long lines at spaces so that none is wider than `width` characters. Lines that start with a space, `|`, `-`
/// or `#` (tables, lists, orders) stay as they are, and a word that is wider than a line, such as a URL, is never
/// broken.
pub fn wrap(text: &str, width: usize) -> String {
    let mut wrapped = String::with_capacity(text.len() + text.len() / 32);
    for line in text.split_inclusive('\n') {
        let (content, end) = line.strip_suffix('\n').map_or((line, ""), |content| (content, "\n"));
        if content.starts_with([' ', '|', '-', '#']) {
            wrapped.push_str(content);
        } else {
            wrap_line(content, width, &mut wrapped);
        }
        wrapped.push_str(end);
    }
    wrapped
}

fn wrap_line(line: &str, width: usize, into: &mut String) {
    let mut used = 0;
    for word in line.split_ascii_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            into.push('\n');
            used = 0;
        } else if used > 0 {
            into.push(' ');
            used += 1;
        }
        into.push_str(word);
        used += length;
    }
}

/// The layout that a rendered body gets: no space at line ends, one empty line between paragraphs, none at either end,
/// a newline after the last line. A single space before a paragraph goes too: it is left over where a sentence follows
/// text that [`told`] made a paragraph of its own.
pub fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut paragraph_ended = false;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() {
            paragraph_ended = !tidied.is_empty();
            continue;
        }
        if paragraph_ended {
            tidied.push('\n');
        }
        let starts_paragraph = paragraph_ended || tidied.is_empty();
        paragraph_ended = false;
        tidied.push_str(if starts_paragraph && !line.starts_with("  ") { line.trim_start() } else { line });
        tidied.push('\n');
    }
    tidied
}

/// A header value: control characters (CR and LF above all: they would start another header) become spaces, and runs
/// of space one space.
pub fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What staff call a term, by its id in the procedure; an id of the operator's own is shown as it is.
pub fn term_in_words(id: &str, language: Language) -> &str {
    let (nl, en) = match id {
        "ack" => ("Ontvangstbevestiging", "Acknowledgement"),
        "respond" => ("Inhoudelijk antwoord", "Substantive reply"),
        "resolve" => ("Oplossing", "Solution"),
        "record" => ("Weergave van de mondelinge klacht", "Record of the spoken complaint"),
        "contact" => ("Persoonlijk contact", "Personal contact"),
        "handover" => ("Overdracht aan de manager", "Handover to the manager"),
        "assign" => ("Toewijzing", "Assignment"),
        "objection" => ("Bezwaar door de klager", "Objection by the complainant"),
        "review" => ("Beoordeling door de directie", "Review by the board"),
        "invite" => ("Uitnodiging voor een gesprek", "Invitation to a conversation"),
        "minutes" => ("Verslag van het gesprek", "Minutes of the conversation"),
        own => (own, own),
    };
    pick(language, nl, en)
}

/// A term's status in words, by its name in JSON; an unknown one is shown as it is.
pub fn status_in_words(status: &str, language: Language) -> &str {
    let (nl, en) = match status {
        "running" => ("loopt", "running"),
        "met" => ("gehaald", "met"),
        "met_late" => ("te laat gehaald", "met late"),
        "overdue" => ("verstreken", "overdue"),
        "void" => ("vervallen", "void"),
        own => (own, own),
    };
    pick(language, nl, en)
}

/// A role in words, as the complainant reads it; a role of the operator's own is shown as it is.
pub fn role_in_words(role: &str, language: Language) -> &str {
    let (nl, en) = match role {
        "handler" => ("klachtbehandelaar", "complaints handler"),
        "manager" => ("manager klantenservice", "customer service manager"),
        "board" => ("de directie", "the board"),
        "committee" => ("de klachtencommissie", "the complaints committee"),
        "confidant" => ("vertrouwenspersoon", "confidential representative"),
        own => (own, own),
    };
    pick(language, nl, en)
}

/// How a complaint came in, as a phrase; an unknown channel is shown as it is.
pub fn channel_in_words(channel: &str, language: Language) -> &str {
    let (nl, en) = match channel {
        "email" => ("per e-mail", "by e-mail"),
        "letter" => ("per brief", "by letter"),
        "phone" => ("per telefoon", "by telephone"),
        "form" => ("via het formulier", "through the form"),
        own => (own, own),
    };
    pick(language, nl, en)
}

/// What staff call a notice to the complainant; those to staff have no other name than their own.
pub fn notice_in_words(kind: NoticeKind, language: Language) -> &'static str {
    let (nl, en) = match kind {
        NoticeKind::Acknowledgement => ("ontvangstbevestiging", "acknowledgement"),
        NoticeKind::PleaseWrite => ("verzoek om te schrijven", "request to write"),
        NoticeKind::RecordForAgreement => ("weergave ter akkoord", "record for agreement"),
        NoticeKind::InfoRequest => ("vraag om informatie", "request for information"),
        NoticeKind::HandlerChanged => ("bericht van andere behandelaar", "change of handler"),
        NoticeKind::Progress => ("uitstelbericht", "progress notice"),
        NoticeKind::Referral => ("verwijzing", "referral"),
        NoticeKind::Outcome => ("antwoord", "outcome"),
        NoticeKind::ReviewReceived => ("ontvangst van het bezwaar", "receipt of the objection"),
        NoticeKind::InterviewInvitation => ("uitnodiging voor een gesprek", "invitation to a conversation"),
        NoticeKind::ReviewOutcome => ("uitkomst van de beoordeling", "outcome of the review"),
        NoticeKind::Closing => ("bericht van afsluiting", "closing notice"),
        staff => (staff.as_str(), staff.as_str()),
    };
    pick(language, nl, en)
}

const fn pick<'a>(language: Language, nl: &'a str, en: &'a str) -> &'a str {
    match language {
        Language::Nl => nl,
        Language::En => en,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_have_weekday_and_year() {
        assert_eq!(date_in_words(date(2026, 12, 5), Language::Nl), "zaterdag 5 december 2026");
        assert_eq!(date_in_words(date(2026, 12, 5), Language::En), "Saturday 5 December 2026");
        assert_eq!(date_in_words(date(2028, 2, 29), Language::Nl), "dinsdag 29 februari 2028");
    }

    #[test]
    fn only_a_persons_name_is_used_as_one() {
        for name in ["J. de Vries", "Zoë O'Neill-Núñez", " J. de Vries "] {
            assert_eq!(salutation(Some(name), Language::En), format!("Dear {},", name.trim()));
        }
        let long = "a".repeat(61);
        for name in
            ["", " ", "...", "Win 100 euro", "www.x.example/a", "a\nb", "Jan, Piet", "<b>Jan</b>", &long]
        {
            assert_eq!(salutation(Some(name), Language::Nl), "Geachte heer, mevrouw,", "{name:?}");
        }
        assert_eq!(salutation(Some(&long[..60]), Language::Nl), format!("Geachte {},", &long[..60]));
        assert_eq!(salutation(None, Language::En), "Dear Sir or Madam,");
    }

    #[test]
    fn what_was_typed_stands_after_a_colon() {
        assert_eq!(told("de monteur is ziek"), "de monteur is ziek.");
        assert_eq!(told(" Klaar. \n"), "Klaar.");
        assert_eq!(told(""), "");
        assert_eq!(told("een\n- twee"), "\n\neen\n- twee\n\n");
    }

    #[test]
    fn a_phrase_that_starts_a_sentence_gets_its_capital() {
        assert_eq!(capital("de directie"), "De directie");
        assert_eq!(capital("Jan Jansen"), "Jan Jansen");
        assert_eq!(capital(""), "");
    }

    #[test]
    fn tables_orders_and_urls_are_not_broken() {
        let text =
            "    #verleng 18-12-2026 een lange reden\n- een lange regel\nzie https://example.test/a/b/c nu\n";
        assert_eq!(
            wrap(text, 12),
            "    #verleng 18-12-2026 een lange reden\n- een lange regel\nzie\nhttps://example.test/a/b/c\nnu\n"
        );
    }

    #[test]
    fn a_body_has_one_empty_line_between_paragraphs() {
        assert_eq!(tidy("\n\na \n \n\n\n b\n c\n\n    d\n\n"), "a\n\nb\n c\n\n    d\n");
        assert_eq!(tidy(""), "");
    }

    #[test]
    fn a_subject_cannot_start_another_header() {
        assert_eq!(one_line("Antwoord\r\nBcc: a@b.test\t x "), "Antwoord Bcc: a@b.test x");
    }

    proptest! {
        #[test]
        fn wrapping_loses_no_word_and_keeps_to_the_width(text in "([a-z]{1,9} ?){0,60}", width in 9usize..80) {
            let wrapped = wrap(&text, width);
            prop_assert!(wrapped.split_whitespace().eq(text.split_whitespace()));
            prop_assert!(wrapped.lines().all(|line| line.len() <= width || !line.contains(' ')));
            prop_assert_eq!(&wrap(&wrapped, width), &wrapped);
        }
    }
}
