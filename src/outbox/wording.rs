//! Words and layout that every notice shares: dates, salutations, names of things, line breaks. Pure.

use jiff::civil::{Date, Weekday};

use crate::domain::mail::Language;
use crate::domain::notice::{NoticeKind, Wording};
use crate::domain::procedure::{External, ExternalKind, OpenTo, ReviewForm};

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
pub fn salutation(name: Option<&str>, language: Language, wording: Wording) -> String {
    let name = name.map(str::trim).filter(|name| is_personal_name(name));
    match (language, wording) {
        (Language::Nl, Wording::Formal) => format!("Geachte {},", name.unwrap_or("heer, mevrouw")),
        (Language::Nl, Wording::Informal) => format!("Beste {},", name.unwrap_or("klant")),
        (Language::En, _) => format!("Dear {},", name.unwrap_or("Sir or Madam")),
    }
}

fn is_personal_name(name: &str) -> bool {
    name.chars().count() <= 60
        && name.chars().any(char::is_alphabetic)
        && name.chars().all(|c| c.is_alphabetic() || " .'-".contains(c))
}

/// What a person typed, made to stand after a colon: one line gets its full stop (not after a link: it would become
/// part of it), several lines a paragraph of their own.
pub fn told(typed: &str) -> String {
    let typed = typed.trim();
    let ends_in_link = typed.rsplit(' ').next().is_some_and(|word| word.contains("://"));
    if typed.contains('\n') {
        format!("\n\n{typed}\n\n")
    } else if typed.is_empty() || typed.ends_with(['.', '!', '?', ':']) || ends_in_link {
        typed.to_owned()
    } else {
        format!("{typed}.")
    }
}

/// Like [`told`], but several lines become a list.
pub fn listed(typed: &str) -> String {
    let lines: Vec<&str> = typed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.len() < 2 {
        return told(typed);
    }
    let items = lines.iter().map(|line| format!("- {}", line.trim_start_matches(['-', '*', ' '])));
    told(&items.collect::<Vec<_>>().join("\n"))
}

/// The same with a capital in front, for a phrase that starts a sentence ("de directie").
pub fn capital(phrase: &str) -> String {
    let mut letters = phrase.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Breaks long lines at spaces so that none is wider than `width` characters. Lines that start with a space, `|` or
/// `#` (tables, orders) stay as they are, the lines of a list item stand below each other, and a word that is wider than
/// a line, such as a URL, is never broken. No line is broken before a `#`: it would look like an order.
pub fn wrap(text: &str, width: usize) -> String {
    let mut wrapped = String::with_capacity(text.len() + text.len() / 32);
    for line in text.split_inclusive('\n') {
        let (content, end) = line.strip_suffix('\n').map_or((line, ""), |content| (content, "\n"));
        if content.starts_with([' ', '|', '#']) {
            wrapped.push_str(content);
        } else {
            wrap_line(content, width, &mut wrapped);
        }
        wrapped.push_str(end);
    }
    wrapped
}

fn wrap_line(line: &str, width: usize, into: &mut String) {
    let indent = if line.starts_with("- ") { "  " } else { "" };
    let mut used = 0;
    for chunk in chunks(line) {
        let length = chunk.chars().count();
        if used > 0 && used + 1 + length > width {
            into.push('\n');
            into.push_str(indent);
            used = indent.len();
        } else if used > 0 {
            into.push(' ');
            used += 1;
        }
        into.push_str(&chunk);
        used += length;
    }
}

/// The words of a line; one that starts with `#` stays with the word before it, and so does the word after the dash of
/// a list item.
fn chunks(line: &str) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    for word in line.split_ascii_whitespace() {
        match chunks.last_mut() {
            Some(last) if word.starts_with('#') || last == "-" => {
                last.push(' ');
                last.push_str(word);
            }
            _ => chunks.push(word.to_owned()),
        }
    }
    chunks
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
        "reply" => ("Antwoord van de klager", "Answer of the complainant"),
        "agreement" => ("Akkoord van de klager", "Agreement of the complainant"),
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

/// How much time is left, from working days: "nog 3 werkdagen", "vandaag", "2 werkdagen te laat".
pub fn left_in_words(working_days: i64, language: Language) -> String {
    let count = working_days.unsigned_abs();
    match (working_days, language) {
        (0, Language::Nl) => "vandaag".to_owned(),
        (0, Language::En) => "today".to_owned(),
        (1, Language::Nl) => "nog 1 werkdag".to_owned(),
        (1, Language::En) => "1 working day left".to_owned(),
        (-1, Language::Nl) => "1 werkdag te laat".to_owned(),
        (-1, Language::En) => "1 working day late".to_owned(),
        (2.., Language::Nl) => format!("nog {count} werkdagen"),
        (2.., Language::En) => format!("{count} working days left"),
        (_, Language::Nl) => format!("{count} werkdagen te laat"),
        (_, Language::En) => format!("{count} working days late"),
    }
}

/// How the complainant can have the reply reviewed, for `review_text` in an outcome; `reviewer` is the role in words.
pub fn review_option(reviewer: &str, form: ReviewForm, language: Language, wording: Wording) -> String {
    let formal = wording == Wording::Formal;
    match (language, form) {
        (Language::Nl, ReviewForm::Written) if formal => format!(
            "U kunt {reviewer} vragen uw klacht opnieuw te beoordelen. Beantwoord daarvoor deze e-mail en schrijf waarom."
        ),
        (Language::Nl, ReviewForm::Written) => format!(
            "Je kunt {reviewer} vragen je klacht opnieuw te beoordelen. Beantwoord daarvoor deze e-mail en schrijf waarom."
        ),
        (Language::Nl, ReviewForm::Interview) if formal => format!(
            "U kunt bezwaar maken bij {reviewer}. Beantwoord daarvoor deze e-mail en schrijf waarom. U wordt dan \
             uitgenodigd voor een gesprek."
        ),
        (Language::Nl, ReviewForm::Interview) => format!(
            "Je kunt bezwaar maken bij {reviewer}. Beantwoord daarvoor deze e-mail en schrijf waarom. Je wordt dan \
             uitgenodigd voor een gesprek."
        ),
        (Language::En, ReviewForm::Written) => {
            format!(
                "You can ask {reviewer} to review your complaint. To do so, reply to this e-mail and tell us why."
            )
        }
        (Language::En, ReviewForm::Interview) => format!(
            "You can object to {reviewer}. To do so, reply to this e-mail and tell us why. You will then be invited to \
             a conversation."
        ),
    }
}

/// To whom the complainant can go outside the company, for `external_text`: "Als consument kunt u bemiddeling vragen
/// bij", then the body's name, its own conditions and where it is reached. `if_product`: it takes complaints of
/// consumers about a product, and nobody knows yet whether this is one.
pub fn external_option(body: &External, if_product: bool, language: Language, wording: Wording) -> String {
    let formal = wording == Wording::Formal;
    let who = match (language, body.open_to) {
        (Language::Nl, OpenTo::Consumer) if if_product => pick_je(
            formal,
            "Bent u consument en gaat het om een product, dan kunt u",
            "Ben je consument en gaat het om een product, dan kun je",
        ),
        (Language::En, OpenTo::Consumer) if if_product => {
            "If you are a consumer and this is about a product, you can"
        }
        (Language::Nl, OpenTo::Consumer) => pick_je(formal, "Als consument kunt u", "Als consument kun je"),
        (Language::Nl, OpenTo::Business) => pick_je(formal, "Als bedrijf kunt u", "Als bedrijf kun je"),
        (Language::Nl, OpenTo::Anyone) => pick_je(formal, "U kunt", "Je kunt"),
        (Language::En, OpenTo::Consumer) => "As a consumer you can",
        (Language::En, OpenTo::Business) => "As a business you can",
        (Language::En, OpenTo::Anyone) => "You can",
    };
    let name = &body.name;
    let what = match (language, body.kind) {
        (Language::Nl, ExternalKind::Mediator) => format!("bemiddeling vragen bij {name}"),
        (Language::En, ExternalKind::Mediator) => format!("ask {name} to mediate"),
        (
            Language::Nl,
            ExternalKind::Authority
            | ExternalKind::Court
            | ExternalKind::Ombudsman
            | ExternalKind::DisputeBody,
        ) => format!("terecht bij {name}"),
        (
            Language::En,
            ExternalKind::Authority
            | ExternalKind::Court
            | ExternalKind::Ombudsman
            | ExternalKind::DisputeBody,
        ) => format!("take your complaint to {name}"),
    };
    let conditions = body.conditions.as_deref().map(|conditions| match language {
        Language::Nl => format!(" ({name} stelt deze voorwaarden: {conditions})"),
        Language::En => format!(" ({name} applies these conditions: {conditions})"),
    });
    let url = body.url.as_deref().map_or_else(String::new, |url| format!(": {url}"));
    told(&format!("{who} {what}{}{url}", conditions.unwrap_or_default()))
}

const fn pick_je<'a>(formal: bool, u: &'a str, je: &'a str) -> &'a str {
    if formal { u } else { je }
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
            assert_eq!(
                salutation(Some(name), Language::En, Wording::Formal),
                format!("Dear {},", name.trim())
            );
        }
        let long = "a".repeat(61);
        for name in
            ["", " ", "...", "Win 100 euro", "www.x.example/a", "a\nb", "Jan, Piet", "<b>Jan</b>", &long]
        {
            let greeting = |wording| salutation(Some(name), Language::Nl, wording);
            assert_eq!(greeting(Wording::Formal), "Geachte heer, mevrouw,", "{name:?}");
            assert_eq!(greeting(Wording::Informal), "Beste klant,", "{name:?}");
        }
        let exact = &long[..60];
        assert_eq!(salutation(Some(exact), Language::Nl, Wording::Formal), format!("Geachte {exact},"));
        assert_eq!(salutation(Some("J. de Vries"), Language::Nl, Wording::Informal), "Beste J. de Vries,");
        assert_eq!(salutation(None, Language::En, Wording::Informal), "Dear Sir or Madam,");
    }

    #[test]
    fn what_was_typed_stands_after_a_colon() {
        assert_eq!(told("de monteur is ziek"), "de monteur is ziek.");
        assert_eq!(told(" Klaar. \n"), "Klaar.");
        assert_eq!(told(""), "");
        assert_eq!(told("een\n- twee"), "\n\neen\n- twee\n\n");
        assert_eq!(told("zie https://klant.test/a"), "zie https://klant.test/a");
        assert_eq!(listed("uw ordernummer"), "uw ordernummer.");
        assert_eq!(listed("uw naam\n\n * uw ordernummer\n"), "\n\n- uw naam\n- uw ordernummer\n\n");
    }

    #[test]
    fn time_left_is_said_in_working_days() {
        let said = |days| [left_in_words(days, Language::Nl), left_in_words(days, Language::En)];
        assert_eq!(said(3), ["nog 3 werkdagen", "3 working days left"]);
        assert_eq!(said(1), ["nog 1 werkdag", "1 working day left"]);
        assert_eq!(said(0), ["vandaag", "today"]);
        assert_eq!(said(-1), ["1 werkdag te laat", "1 working day late"]);
        assert_eq!(said(-2), ["2 werkdagen te laat", "2 working days late"]);
    }

    #[test]
    fn an_external_body_is_offered_to_those_it_is_open_to() {
        let mut body = External {
            id: "ictwaarborg".to_owned(),
            kind: ExternalKind::Mediator,
            open_to: OpenTo::Consumer,
            offer_in: Vec::new(),
            name: "ICTWaarborg".to_owned(),
            url: Some("https://ictwaarborg.test/".to_owned()),
            conditions: None,
            quote: None,
        };
        assert_eq!(
            external_option(&body, false, Language::Nl, Wording::Formal),
            "Als consument kunt u bemiddeling vragen bij ICTWaarborg: https://ictwaarborg.test/"
        );
        assert_eq!(
            external_option(&body, true, Language::Nl, Wording::Formal),
            "Bent u consument en gaat het om een product, dan kunt u bemiddeling vragen bij ICTWaarborg: \
             https://ictwaarborg.test/"
        );
        body.conditions = Some("u bent er lid van".to_owned());
        (body.kind, body.open_to, body.url) = (ExternalKind::Court, OpenTo::Anyone, None);
        assert_eq!(
            external_option(&body, false, Language::Nl, Wording::Informal),
            "Je kunt terecht bij ICTWaarborg (ICTWaarborg stelt deze voorwaarden: u bent er lid van)."
        );
        assert_eq!(
            review_option("de directie", ReviewForm::Written, Language::Nl, Wording::Informal),
            "Je kunt de directie vragen je klacht opnieuw te beoordelen. Beantwoord daarvoor deze e-mail en schrijf waarom."
        );
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
            "    #verleng 18-12-2026 een lange reden\n- een lange\n  regel\nzie\nhttps://example.test/a/b/c\nnu\n"
        );
        assert_eq!(wrap("gebruik dan #heropen of niets", 14), "gebruik\ndan #heropen\nof niets");
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
