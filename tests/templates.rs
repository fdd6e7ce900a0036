//! The templates as an operator and a complainant meet them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use klachtd::domain::mail::Language;
use klachtd::domain::notice::NoticeKind;
use klachtd::outbox::templates::{PLACEHOLDERS, TemplateError, Templates, blank, placeholder_of, sample};

fn built_in() -> Templates {
    Templates::built_in().expect("the templates that are compiled in have no fault")
}

fn every_notice() -> impl Iterator<Item = (NoticeKind, Language)> {
    NoticeKind::ALL.into_iter().flat_map(|kind| Language::ALL.map(|language| (kind, language)))
}

fn overridden(file: &str, source: &str) -> Result<Templates, TemplateError> {
    Templates::with_overrides(&BTreeMap::from([(file.to_owned(), source.to_owned())]))
}

/// The only fault of a set with this one override, as the operator reads it.
fn refusal(file: &str, source: &str) -> String {
    let faults = overridden(file, source).expect_err("the override must be refused").faults;
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults[0].to_string()
}

#[test]
fn every_notice_is_written_in_every_language() {
    let templates = built_in();
    for (kind, language) in every_notice() {
        let notice = templates.render(kind, language, &sample(kind, language)).unwrap();
        let what = format!("{kind} in {}:\n{}", language.code(), notice.text);
        assert!(!notice.subject.is_empty() && notice.subject.len() < 200, "{what}");
        assert!(notice.text.ends_with('\n') && notice.text.lines().count() >= 3, "{what}");
        assert!(!notice.text.contains("\n\n\n") && !notice.text.contains(".."), "{what}");
        assert!(!notice.text.contains("{{") && !notice.text.contains("{%"), "{what}");
        assert!(
            notice.text.lines().all(|line| line.starts_with([' ', '-']) || line.chars().count() <= 72),
            "{what}"
        );
        assert!(notice.text.lines().all(|line| line.trim_end() == line), "{what}");
    }
}

#[test]
fn every_mail_about_a_complaint_has_our_reference_in_front_of_its_subject() {
    let templates = built_in();
    for (kind, language) in every_notice().filter(|(kind, _)| *kind != NoticeKind::StaffDigest) {
        let notice = templates.render(kind, language, &sample(kind, language)).unwrap();
        assert!(notice.subject.starts_with("[K-2026-00042-X] "), "{kind}: {}", notice.subject);
    }
}

#[test]
fn every_notice_to_the_complainant_shows_the_reference_he_knows() {
    let templates = built_in();
    for (kind, language) in every_notice().filter(|(kind, _)| !kind.to_staff()) {
        let mut values = sample(kind, language);
        values.insert("ref".to_owned(), "2026-1187-B".into());
        let notice = templates.render(kind, language, &values).unwrap();
        assert!(notice.text.contains("2026-1187-B"), "{kind}:\n{}", notice.text);
    }
}

/// Staff answer above our mail, and not every mail program marks what it quotes: an order that we only mention must not
/// look like one that was given.
#[test]
fn no_line_of_a_notice_looks_like_an_order() {
    let templates = built_in();
    for (kind, language) in every_notice() {
        let notice = templates.render(kind, language, &sample(kind, language)).unwrap();
        assert!(notice.text.lines().all(|line| !line.starts_with('#')), "{kind}:\n{}", notice.text);
    }
}

/// Staff mail lies in many mailboxes: what the complainant wrote and who he is stays in the register.
#[test]
fn mail_to_staff_has_no_place_for_the_complaint_or_the_complainants_name() {
    let templates = built_in();
    let private =
        ["salutation", "record", "complaint_points", "findings", "conclusion", "minutes", "investigation"];
    for (kind, language) in every_notice().filter(|(kind, _)| kind.to_staff()) {
        let used = templates.placeholders(kind, language);
        assert!(private.iter().all(|name| !used.contains(*name)), "{kind} uses {used:?}");
    }
}

#[test]
fn both_languages_say_the_same_and_use_known_placeholders_only() {
    let templates = built_in();
    let known: BTreeSet<String> = PLACEHOLDERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut used = BTreeSet::new();
    for kind in NoticeKind::ALL {
        let dutch = templates.placeholders(kind, Language::Nl);
        assert_eq!(dutch, templates.placeholders(kind, Language::En), "{kind}");
        assert!(dutch.is_subset(&known), "{kind}: {dutch:?}");
        used.extend(dutch);
    }
    assert_eq!(used, known, "the glossary names what no template uses, or the reverse");
}

/// A procedure's `must_state` obliges a notice to say something: the template must have a place for it.
#[test]
fn what_the_procedures_oblige_has_a_place_in_its_template() {
    let templates = built_in();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/procedures");
    let mut obligations = 0;
    for file in std::fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        let procedure: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        for (notice, stated) in procedure["must_state"].as_table().unwrap() {
            let kind = match notice.as_str() {
                "ack" => NoticeKind::Acknowledgement,
                "extension" => NoticeKind::Progress,
                other => other.parse().unwrap(),
            };
            for (obligation, language) in
                stated.as_array().unwrap().iter().flat_map(|o| Language::ALL.map(|language| (o, language)))
            {
                let placeholder = placeholder_of(obligation.as_str().unwrap());
                let used = templates.placeholders(kind, language);
                assert!(used.contains(placeholder), "{}: {kind} states no {placeholder}", path.display());
                obligations += 1;
            }
        }
    }
    assert!(obligations >= 50, "only {obligations} obligations were seen");
}

#[test]
fn the_outcome_says_the_judgement() {
    let templates = built_in();
    let said = |judgement: &str, language| {
        let mut values = sample(NoticeKind::Outcome, language);
        values.insert("judgement".to_owned(), judgement.into());
        let text = templates.render(NoticeKind::Outcome, language, &values).unwrap().text;
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(said("founded", Language::Nl).contains("Uw klacht is gegrond."));
    assert!(said("partly_founded", Language::Nl).contains("Uw klacht is deels gegrond."));
    assert!(said("unfounded", Language::Nl).contains("vinden wij uw klacht niet gegrond."));
    assert!(said("founded", Language::En).contains("Your complaint is justified."));
    assert!(said("partly_founded", Language::En).contains("Your complaint is partly justified."));
    assert!(said("unfounded", Language::En).contains("do not consider your complaint justified."));
}

#[test]
fn what_is_not_known_leaves_its_sentence_out() {
    let templates = built_in();
    let mut values = sample(NoticeKind::Acknowledgement, Language::En);
    for name in ["ask_formal", "questions", "procedure_url", "privacy_url"] {
        values.insert(name.to_owned(), "".into());
    }
    let text = templates.render(NoticeKind::Acknowledgement, Language::En, &values).unwrap().text;
    for part in ["formal", "This would help", "https:", "your data"] {
        assert!(!text.contains(part), "{part:?} in:\n{text}");
    }
}

#[test]
fn a_value_that_was_forgotten_is_an_error_and_not_an_empty_promise() {
    let mut values = sample(NoticeKind::Progress, Language::Nl);
    values.remove("new_date");
    let error = built_in().render(NoticeKind::Progress, Language::Nl, &values).unwrap_err();
    assert_eq!((error.faults[0].file.as_str(), error.faults[0].line), ("nl/progress.txt", 10));
}

#[test]
fn paragraphs_typed_by_staff_stay_paragraphs() {
    let mut values = sample(NoticeKind::Outcome, Language::Nl);
    values.insert("settlement".to_owned(), "- een nieuwe batterij\n- een maand gratis".into());
    let text = built_in().render(NoticeKind::Outcome, Language::Nl, &values).unwrap().text;
    let expected =
        "Wij lossen het zo op:\n\n- een nieuwe batterij\n- een maand gratis\n\nDat doen wij uiterlijk";
    assert!(text.contains(expected), "{text}");
}

/// The exact words of every notice, so that no change of them goes unseen. `UPDATE=1 cargo test` writes them anew.
#[test]
fn every_notice_word_for_word() {
    let templates = built_in();
    for (kind, language) in every_notice() {
        let notice = templates.render(kind, language, &sample(kind, language)).unwrap();
        let actual = format!("Subject: {}\n\n{}", notice.subject, notice.text);
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/data/notices/{}-{kind}.txt", language.code()));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &actual).unwrap();
        }
        let expected = std::fs::read_to_string(&path).expect("UPDATE=1 writes the expected text");
        assert_eq!(actual, expected, "{}", path.display());
    }
}

#[test]
fn an_override_replaces_one_file() {
    let templates =
        overridden("nl/progress.txt", "\u{feff}Subject: [{{ case }}] Later\r\n\r\nOp {{ new_date }}.\r\n")
            .unwrap();
    let text = |kind, language| templates.render(kind, language, &sample(kind, language)).unwrap();
    let progress = text(NoticeKind::Progress, Language::Nl);
    assert_eq!(progress.subject, "[K-2026-00042-X] Later");
    assert_eq!(progress.text, "Op vrijdag 18 december 2026.\n");
    assert_eq!(progress.html, None);
    assert!(text(NoticeKind::Progress, Language::En).text.contains("You will receive our reply"));
    assert!(text(NoticeKind::Closing, Language::Nl).text.contains("afgesloten"));
}

#[test]
fn an_html_alternative_escapes_what_it_is_given() {
    let templates = overridden("nl/progress.html", "<p>{{ reason }}</p>\n").unwrap();
    let mut values = sample(NoticeKind::Progress, Language::Nl);
    values.insert("reason".to_owned(), "<script>".into());
    let notice = templates.render(NoticeKind::Progress, Language::Nl, &values).unwrap();
    assert_eq!(notice.html.as_deref(), Some("<p>&lt;script&gt;</p>\n"));
    assert!(notice.text.contains("De reden is: <script>."));
}

#[test]
fn a_bad_override_is_refused_with_file_and_line() {
    assert_eq!(
        refusal("nl/verlenging.txt", "Subject: x\n\ny\n"),
        "nl/verlenging.txt:1: no such template: expected nl/ or en/, then a notice and .txt or .html"
    );
    assert_eq!(
        refusal("nl/closing.txt", "Wij sluiten\n"),
        "nl/closing.txt:1: expected \"Subject: \" and the subject on the first line"
    );
    assert_eq!(
        refusal("en/closing.txt", "Subject: x\nX-Header: y\n"),
        "en/closing.txt:2: expected an empty line between the subject and the text"
    );
    assert_eq!(
        refusal("en/closing.txt", "Subject: x\n\n{% if false %}\n{{ naam }}{% endif %}\n"),
        "en/closing.txt:4: unknown placeholder \"naam\""
    );
    assert_eq!(
        refusal("nl/closing.txt", "Subject: x\n\nZie https://ec.europa.eu/consumers/odr/ voor hulp.\n"),
        "nl/closing.txt:3: links to the European ODR platform, which was closed in July 2025"
    );
    let syntax = refusal("nl/closing.txt", "Subject: x\n\nOp {{ closed_on }\n");
    assert!(syntax.starts_with("nl/closing.txt:3: syntax error"), "{syntax}");
    let subject = refusal("nl/closing.txt", "Subject: {{ case\n\ny\n");
    assert!(subject.starts_with("nl/closing.txt:1: syntax error"), "{subject}");
    let field = refusal("nl/staff_new.txt", "Subject: x\n\n{% for t in terms %}{{ t.naam }}{% endfor %}\n");
    assert!(field.starts_with("nl/staff_new.txt:3: undefined value"), "{field}");
    let html = refusal("nl/closing.html", "<p>{{ close_reason | safe }}</p>\n");
    assert!(html.starts_with("nl/closing.html:1: the filter \"safe\""), "{html}");
}

#[test]
fn one_mistake_is_told_once() {
    let message = refusal("en/closing.txt", "Subject: {{ case }}\n\n{{ naam }} {{ naam }}\n");
    assert_eq!(message, "en/closing.txt:3: unknown placeholder \"naam\"");
}

#[test]
fn a_template_that_does_not_end_is_refused() {
    let endless =
        "Subject: x\n\n{% for a in range(9999) %}{% for b in range(9999) %}.{% endfor %}{% endfor %}\n";
    let message = refusal("nl/closing.txt", endless);
    assert!(message.starts_with("nl/closing.txt:3: engine ran out of fuel"), "{message}");
}

#[test]
fn all_faults_are_told_at_once() {
    let files = BTreeMap::from([
        ("nl/closing.txt".to_owned(), "geen onderwerp\n".to_owned()),
        ("en/outcome.txt".to_owned(), "Subject: x\n\n{{ who }}\n".to_owned()),
    ]);
    let error = Templates::with_overrides(&files).unwrap_err();
    let files: Vec<&str> = error.faults.iter().map(|fault| fault.file.as_str()).collect();
    assert!(files.contains(&"nl/closing.txt") && files.contains(&"en/outcome.txt"), "{error}");
    assert!(error.to_string().contains("en/outcome.txt:3: unknown placeholder \"who\""), "{error}");
}

#[test]
fn with_nothing_known_every_notice_can_still_be_written() {
    let templates = built_in();
    for (kind, language) in every_notice() {
        templates.render(kind, language, &blank()).unwrap();
    }
    assert_eq!(templates.check(), []);
}
