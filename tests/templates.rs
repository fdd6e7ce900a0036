//! The templates as an operator and a complainant meet them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use klachtd::domain::mail::Language;
use klachtd::domain::notice::{NoticeKind, Wording};
use klachtd::outbox::templates::{PLACEHOLDERS, TemplateError, Templates, blank, placeholder_of, sample};

fn built_in() -> &'static Templates {
    static BUILT_IN: LazyLock<Templates> =
        LazyLock::new(|| Templates::built_in().expect("the templates that are compiled in have no fault"));
    &BUILT_IN
}

/// Dutch, English, and Dutch with "je".
const WAYS: [(Language, Wording); 3] =
    [(Language::Nl, Wording::Formal), (Language::En, Wording::Formal), (Language::Nl, Wording::Informal)];

/// Every template there is.
fn every_notice() -> impl Iterator<Item = (NoticeKind, Language, Wording)> {
    NoticeKind::ALL
        .into_iter()
        .flat_map(|kind| WAYS.map(|(language, wording)| (kind, language, wording)))
        .filter(|(kind, _, wording)| !kind.to_staff() || *wording == Wording::Formal)
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
    for (kind, language, wording) in every_notice() {
        let notice = templates.render(kind, language, wording, &sample(kind, language, wording)).unwrap();
        let what = format!("{kind} in {}:\n{}", language.code(), notice.text);
        assert!(!notice.subject.is_empty() && notice.subject.len() < 200, "{what}");
        assert!(notice.text.ends_with('\n') && notice.text.lines().count() >= 3, "{what}");
        assert!(!notice.text.contains("\n\n\n") && !notice.text.contains(".."), "{what}");
        assert!(!notice.text.contains("{{") && !notice.text.contains("{%"), "{what}");
        let fits = |line: &str| line.chars().count() <= 72 || line.starts_with(' ') || !line.contains(' ');
        assert!(notice.text.lines().all(fits), "{what}");
        assert!(!notice.text.contains('!') && !notice.subject.contains('!'), "{what}");
        assert!(notice.text.lines().all(|line| line.trim_end() == line), "{what}");
    }
}

#[test]
fn every_mail_about_a_complaint_has_our_reference_in_front_of_its_subject() {
    let templates = built_in();
    for (kind, language, wording) in every_notice().filter(|(kind, _, _)| *kind != NoticeKind::StaffDigest) {
        let notice = templates.render(kind, language, wording, &sample(kind, language, wording)).unwrap();
        assert!(notice.subject.starts_with("[K-2026-00042-X] "), "{kind}: {}", notice.subject);
    }
}

#[test]
fn every_notice_to_the_complainant_shows_the_reference_he_knows() {
    let templates = built_in();
    for (kind, language, wording) in every_notice().filter(|(kind, _, _)| !kind.to_staff()) {
        let mut values = sample(kind, language, wording);
        values.insert("ref".to_owned(), "2026-1187-B".into());
        let notice = templates.render(kind, language, wording, &values).unwrap();
        assert!(notice.text.contains("2026-1187-B"), "{kind}:\n{}", notice.text);
    }
}

/// Staff answer above our mail, and not every mail program marks what it quotes: an order that we only mention must not
/// look like one that was given.
#[test]
fn no_line_of_a_notice_looks_like_an_order() {
    let templates = built_in();
    for (kind, language, wording) in every_notice() {
        let notice = templates.render(kind, language, wording, &sample(kind, language, wording)).unwrap();
        assert!(notice.text.lines().all(|line| !line.starts_with('#')), "{kind}:\n{}", notice.text);
    }
}

/// Staff mail lies in many mailboxes: what the complainant wrote and who he is stays in the register.
#[test]
fn mail_to_staff_has_no_place_for_the_complaint_or_the_complainants_name() {
    let templates = built_in();
    let private =
        ["salutation", "record", "complaint_points", "findings", "conclusion", "minutes", "investigation"];
    for (kind, language, wording) in every_notice().filter(|(kind, _, _)| kind.to_staff()) {
        let used = templates.stated(kind, language, wording);
        assert!(private.iter().all(|name| !used.contains(*name)), "{kind} uses {used:?}");
    }
}

#[test]
fn both_languages_say_the_same_and_use_known_placeholders_only() {
    let templates = built_in();
    let known: BTreeSet<String> = PLACEHOLDERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut used = BTreeSet::new();
    for kind in NoticeKind::ALL {
        let [dutch, english, informal] =
            WAYS.map(|(language, wording)| templates.stated(kind, language, wording));
        assert_eq!(dutch, english, "{kind}");
        assert_eq!(dutch, informal, "{kind}");
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
            for (obligation, (language, wording)) in
                stated.as_array().unwrap().iter().flat_map(|o| WAYS.map(|way| (o, way)))
            {
                let placeholder = placeholder_of(obligation.as_str().unwrap());
                let used = templates.stated(kind, language, wording);
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
        let mut values = sample(NoticeKind::Outcome, language, Wording::Formal);
        values.insert("judgement".to_owned(), judgement.into());
        let text = templates.render(NoticeKind::Outcome, language, Wording::Formal, &values).unwrap().text;
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(said("founded", Language::Nl).contains("Uw klacht is gegrond."));
    assert!(said("partly_founded", Language::Nl).contains("Uw klacht is deels gegrond."));
    assert!(said("unfounded", Language::Nl).contains("vinden wij uw klacht niet gegrond."));
    assert!(said("founded", Language::En).contains("Your complaint is justified."));
    assert!(said("partly_founded", Language::En).contains("Your complaint is partly justified."));
    assert!(said("unfounded", Language::En).contains("do not consider your complaint justified."));
}

/// The text of a notice to a sample complainant, its lines joined, with some values changed.
fn said(kind: NoticeKind, (language, wording): (Language, Wording), changes: &[(&str, &str)]) -> String {
    let mut values = sample(kind, language, wording);
    for (name, value) in changes {
        assert!(values.insert((*name).to_owned(), (*value).into()).is_some(), "{name} is no placeholder");
    }
    let notice = built_in().render(kind, language, wording, &values).expect("a notice that was checked");
    let text = notice.text.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{}\n{text}", notice.subject)
}

fn has_word(text: &str, words: &[&str]) -> bool {
    text.split(|c: char| !c.is_alphabetic()).any(|word| words.contains(&word.to_lowercase().as_str()))
}

/// Values that take another branch than the sample.
const BRANCHES: &[(NoticeKind, &str, &[&str])] = &[
    (NoticeKind::Acknowledgement, "handler", &[""]),
    (NoticeKind::Acknowledgement, "respond_due", &[""]),
    (NoticeKind::Acknowledgement, "reopened", &["maandag 13 april 2026"]),
    (NoticeKind::PleaseWrite, "call_date", &[""]),
    (NoticeKind::RecordForAgreement, "version", &["2"]),
    (NoticeKind::RecordForAgreement, "reminder", &["true"]),
    (NoticeKind::Progress, "late", &["true"]),
    (NoticeKind::Progress, "handler", &[""]),
    (NoticeKind::Referral, "mediator_kind", &["authority", "court", "ombudsman", "dispute_body"]),
    (NoticeKind::Referral, "mediator_url", &[""]),
    (NoticeKind::Referral, "mediator_conditions", &[""]),
    (NoticeKind::Outcome, "judgement", &["partly_founded", "unfounded"]),
    (NoticeKind::Outcome, "review_text", &[""]),
    (NoticeKind::ReviewOutcome, "reviewed", &[""]),
    (NoticeKind::ReviewOutcome, "judgement", &["partly_founded", "unfounded", ""]),
    (NoticeKind::InterviewInvitation, "invite_time", &[""]),
    (NoticeKind::InterviewInvitation, "invite_place", &[""]),
    (NoticeKind::Closing, "close_kind", &["withdrawn", "not_a_complaint", "duplicate"]),
    (
        NoticeKind::StaffLetter,
        "hint",
        &["", "objection_late", "after_outcome", "reply", "agreeing", "not_agreed", "stranger", "closed"],
    ),
    (NoticeKind::StaffAssign, "term", &[""]),
    (NoticeKind::StaffOverdue, "extendable", &[""]),
    (NoticeKind::StaffOverdue, "orders", &[""]),
    (NoticeKind::StaffOrderRefused, "order", &[""]),
    (NoticeKind::StaffConfirm, "order", &[""]),
    (NoticeKind::StaffAlarm, "alarm", &["smtp", "failed", "unknown", "held", "disk", "set_aside", "reload"]),
];

#[test]
fn every_branch_reads_well() {
    let every =
        BRANCHES.iter().flat_map(|(kind, name, words)| words.iter().map(move |word| (*kind, *name, *word)));
    for ((kind, name, word), (language, wording)) in every.flat_map(|branch| WAYS.map(|way| (branch, way))) {
        let mut values = sample(kind, language, wording);
        let unchanged = built_in().render(kind, language, wording, &values).unwrap();
        values.insert(name.to_owned(), word.into());
        let notice = built_in().render(kind, language, wording, &values).unwrap();
        let what = format!("{kind}, {name} = {word:?}:\n{}\n\n{}", notice.subject, notice.text);
        assert_ne!(notice, unchanged, "it is no branch: {what}");
        let prose = notice.text.lines().filter(|line| !line.starts_with(' '));
        assert!(prose.clone().all(|line| !line.contains("  ") && !line.contains(" .")), "{what}");
        assert!(!notice.text.contains("..") && !notice.text.contains("\n\n\n"), "{what}");
        assert!(prose.clone().all(|line| !line.starts_with(['#', '.', ',', ';', ':'])), "{what}");
    }
}

/// On every branch: nobody is "u" in one sentence and "je" in the next.
#[test]
fn a_notice_keeps_to_its_wording() {
    let templates = built_in();
    for kind in NoticeKind::ALL.into_iter().filter(|kind| !kind.to_staff()) {
        for (wording, never) in
            [(Wording::Formal, &["je", "jij", "jou", "jouw"][..]), (Wording::Informal, &["u", "uw"][..])]
        {
            let file = format!("{kind}{}.txt", if wording == Wording::Informal { ".je" } else { "" });
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/nl").join(file);
            let source = std::fs::read_to_string(path).unwrap();
            assert!(!has_word(&source, never), "{kind}:\n{source}");
            let sample = sample(kind, Language::Nl, wording);
            let text = templates.render(kind, Language::Nl, wording, &sample).unwrap().text;
            assert!(!has_word(&text, never), "{kind}:\n{text}");
        }
    }
}

#[test]
fn where_there_is_no_familiar_text_the_polite_one_is_used() {
    let templates = built_in();
    for (kind, language) in [(NoticeKind::Outcome, Language::En), (NoticeKind::StaffDue, Language::Nl)] {
        let values = sample(kind, language, Wording::Formal);
        let written = Wording::ALL.map(|wording| templates.render(kind, language, wording, &values).unwrap());
        assert_eq!(written[0], written[1]);
    }
}

#[test]
fn several_questions_are_a_list() {
    let kind = NoticeKind::Acknowledgement;
    let values = sample(kind, Language::Nl, Wording::Formal);
    let text = built_in().render(kind, Language::Nl, Wording::Formal, &values).unwrap().text;
    let expected = "Deze gegevens helpen ons:\n\n- Wat is uw ordernummer?\n- Hebt u als consument";
    assert!(text.contains(expected), "{text}");
    let one = said(kind, WAYS[0], &[("questions", "wat is uw ordernummer?")]);
    assert!(one.contains("Deze gegevens helpen ons: wat is uw ordernummer?"), "{one}");
}

#[test]
fn a_record_says_its_version_and_whether_it_is_a_reminder() {
    let kind = NoticeKind::RecordForAgreement;
    let first = said(kind, WAYS[0], &[]);
    assert!(first.contains("zo opgeschreven:") && !first.contains("versie 1"), "{first}");
    let second = said(kind, WAYS[0], &[("version", "2")]);
    assert!(second.contains("Dit is versie 2;"), "{second}");
    let reminder = said(kind, WAYS[1], &[("version", "2"), ("reminder", "true")]);
    assert!(reminder.contains("] Reminder: is") && reminder.contains("once more (version 2):"), "{reminder}");
}

#[test]
fn only_a_mediator_mediates() {
    for way in WAYS {
        let mediator = said(NoticeKind::Referral, way, &[]);
        assert!(mediator.contains("bemidd") || mediator.contains("mediat"), "{mediator}");
        let changes = [("mediator_kind", "court"), ("mediator", "de rechter"), ("mediator_url", "")];
        let court = said(NoticeKind::Referral, way, &changes);
        assert!(
            !court.contains("bemidd") && !court.contains("mediat") && !court.contains("product"),
            "{court}"
        );
    }
}

#[test]
fn a_closing_says_what_became_of_the_complaint() {
    let closed = |kind| said(NoticeKind::Closing, WAYS[0], &[("close_kind", kind)]);
    assert!(
        closed("withdrawn").contains("dat u uw klacht intrekt. Wij hebben haar daarom op vrijdag 15 januari")
    );
    assert!(closed("duplicate").contains("gaat verder onder nummer K-2026-00007-4\n"));
    assert!(closed("not_a_complaint").contains("niet als klacht: het bedrag is teruggestort"));
    assert!(closed("resolved").contains("Reden: het bedrag is teruggestort"));
    // Nothing removes personal data yet: nobody is told that it happens.
    assert!(!closed("withdrawn").contains("persoonsgegevens"), "{}", closed("withdrawn"));
}

/// A mail program may break a link that is part of a line, and a quoted form must not be taken for an order.
#[test]
fn a_form_is_indented_and_its_link_stands_alone() {
    let kinds =
        [NoticeKind::StaffNew, NoticeKind::StaffDue, NoticeKind::StaffOverdue, NoticeKind::StaffReview];
    for (kind, language) in kinds.into_iter().flat_map(|kind| Language::ALL.map(|language| (kind, language)))
    {
        let values = sample(kind, language, Wording::Formal);
        let text = built_in().render(kind, language, Wording::Formal, &values).unwrap().text;
        let links: Vec<&str> = text.lines().filter(|line| line.contains("mailto:")).collect();
        assert_eq!(links.len(), 2, "{text}");
        for link in links {
            assert!(link.starts_with("mailto:") && !link.contains(' ') && link.len() < 998, "{link}");
        }
        let heading = if language == Language::Nl { "\n    Conclusie:\n" } else { "\n    Conclusion:\n" };
        assert!(text.contains(heading), "{text}");
    }
}

#[test]
fn no_order_is_not_a_wrong_order() {
    let wrong = said(NoticeKind::StaffOrderRefused, WAYS[0], &[]);
    assert!(wrong.starts_with("[K-2026-00042-X] Niet uitgevoerd: #verleng\n"), "{wrong}");
    let none = said(NoticeKind::StaffOrderRefused, WAYS[0], &[("order", ""), ("spot", "")]);
    assert!(none.starts_with("[K-2026-00042-X] Geen opdracht gevonden"), "{none}");
    assert!(!none.contains("Deze opdracht is niet uitgevoerd"), "{none}");
}

/// The mark stands below the spot only when both lines are shown as they are.
#[test]
fn the_spot_is_shown_unbroken() {
    let kind = NoticeKind::StaffOrderRefused;
    let mut values = sample(kind, Language::Nl, Wording::Formal);
    let line = format!("#verleng 31-02-2026 {}", "lang ".repeat(30).trim_end());
    values.insert("spot".to_owned(), format!("{line}\n         ^").into());
    let text = built_in().render(kind, Language::Nl, Wording::Formal, &values).unwrap().text;
    assert!(text.contains(&format!("\n\n    {line}\n             ^\n")), "{text}");
}

#[test]
fn the_digest_shows_what_is_late_first() {
    let text = said(NoticeKind::StaffDigest, WAYS[1], &[("overflow", "")]);
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words:?} is not in:\n{text}"));
    assert!(place("Overdue:") < place("K-2026-00029-C"));
    assert!(place("K-2026-00029-C") < place("Today and the next days:"));
    assert!(place("Today and the next days:") < place("K-2026-00038-A"));
    assert!(place("Later:") < place("K-2026-00042-X"));
    assert!(text.contains("1 working day late waits for you") && !text.contains("sent separately"), "{text}");
}

#[test]
fn what_is_not_known_leaves_its_sentence_out() {
    let templates = built_in();
    let mut values = sample(NoticeKind::Acknowledgement, Language::En, Wording::Formal);
    for name in ["ask_formal", "questions", "procedure_url", "privacy_url"] {
        values.insert(name.to_owned(), "".into());
    }
    let text =
        templates.render(NoticeKind::Acknowledgement, Language::En, Wording::Formal, &values).unwrap().text;
    for part in ["formal", "This would help", "https:", "your data"] {
        assert!(!text.contains(part), "{part:?} in:\n{text}");
    }
}

#[test]
fn a_value_that_was_forgotten_is_an_error_and_not_an_empty_promise() {
    let mut values = sample(NoticeKind::Progress, Language::Nl, Wording::Formal);
    values.remove("new_date");
    let error = built_in().render(NoticeKind::Progress, Language::Nl, Wording::Formal, &values).unwrap_err();
    assert_eq!((error.faults[0].file.as_str(), error.faults[0].line), ("nl/progress.txt", 10));
}

#[test]
fn paragraphs_typed_by_staff_stay_paragraphs() {
    let mut values = sample(NoticeKind::Outcome, Language::Nl, Wording::Formal);
    values.insert("settlement".to_owned(), "- een nieuwe batterij\n- een maand gratis".into());
    let text = built_in().render(NoticeKind::Outcome, Language::Nl, Wording::Formal, &values).unwrap().text;
    let expected =
        "Wij lossen het zo op:\n\n- een nieuwe batterij\n- een maand gratis\n\nDat doen wij uiterlijk";
    assert!(text.contains(expected), "{text}");
}

/// The exact words of every notice, so that no change of them goes unseen. `UPDATE=1 cargo test` writes them anew.
#[test]
fn every_notice_word_for_word() {
    let templates = built_in();
    for (kind, language, wording) in every_notice() {
        let notice = templates.render(kind, language, wording, &sample(kind, language, wording)).unwrap();
        let actual = format!("Subject: {}\n\n{}", notice.subject, notice.text);
        let variant = if wording == Wording::Informal { ".je" } else { "" };
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/data/notices/{}-{kind}{variant}.txt", language.code()));
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
    let text = |kind, language| {
        templates.render(kind, language, Wording::Formal, &sample(kind, language, Wording::Formal)).unwrap()
    };
    let progress = text(NoticeKind::Progress, Language::Nl);
    assert_eq!(progress.subject, "[K-2026-00042-X] Later");
    assert_eq!(progress.text, "Op vrijdag 18 december 2026.\n");
    assert_eq!(progress.html, None);
    assert!(text(NoticeKind::Progress, Language::En).text.contains("You will receive our reply"));
    assert!(text(NoticeKind::Closing, Language::Nl).text.contains("afgesloten"));
}

#[test]
fn a_familiar_text_is_overridden_by_its_own_file() {
    let source = "Subject: [{{ case }}] Later\n\nJe hoort het op {{ new_date }}.\n";
    let templates = overridden("nl/progress.je.txt", source).unwrap();
    let text = |wording| {
        let values = sample(NoticeKind::Progress, Language::Nl, wording);
        templates.render(NoticeKind::Progress, Language::Nl, wording, &values).unwrap().text
    };
    assert_eq!(text(Wording::Informal), "Je hoort het op vrijdag 18 december 2026.\n");
    assert!(text(Wording::Formal).contains("U krijgt ons antwoord"));
    for file in ["en/progress.je.txt", "nl/staff_due.je.txt"] {
        assert!(refusal(file, source).starts_with(&format!("{file}:1: no such template")), "{file}");
    }
    assert_eq!(
        refusal("nl/closing.je.txt", "Subject: x\n\n{{ naam }}\n"),
        "nl/closing.je.txt:3: unknown placeholder \"naam\""
    );
}

#[test]
fn an_html_alternative_escapes_what_it_is_given() {
    let templates = overridden("nl/progress.html", "<p>{{ reason }}</p>\n").unwrap();
    let mut values = sample(NoticeKind::Progress, Language::Nl, Wording::Formal);
    values.insert("reason".to_owned(), "<script>".into());
    let notice = templates.render(NoticeKind::Progress, Language::Nl, Wording::Formal, &values).unwrap();
    assert_eq!(notice.html.as_deref(), Some("<p>&lt;script&gt;</p>\n"));
    assert!(notice.text.contains("De reden is: <script>."));
}

#[test]
fn a_bad_override_is_refused_with_file_and_line() {
    assert_eq!(
        refusal("nl/verlenging.txt", "Subject: x\n\ny\n"),
        "nl/verlenging.txt:1: no such template: expected nl/ or en/, then a notice and .txt or .html \
         (.je.txt in nl/ for a notice to the complainant)"
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
    for (kind, language, wording) in every_notice() {
        templates.render(kind, language, wording, &blank()).unwrap();
    }
    assert_eq!(templates.check(), []);
}
