//! Orders as staff type them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Time, date, time};
use proptest::prelude::*;

use super::*;

/// Friday.
const TODAY: Date = date(2026, 11, 20);

fn orders(text: &str) -> Vec<Order> {
    match read(text, TODAY) {
        Reading::Orders(orders) => orders.into_iter().map(|(order, _)| order).collect(),
        other => panic!("{text:?}: {other:?}"),
    }
}

fn order(text: &str) -> Order {
    let mut orders = orders(text);
    assert_eq!(orders.len(), 1, "{text:?}: {orders:?}");
    orders.remove(0)
}

fn fault(text: &str) -> Fault {
    match read(text, TODAY) {
        Reading::Wrong(fault) => fault,
        other => panic!("{text:?}: {other:?}"),
    }
}

fn extend(new_due: Date, reason: &str) -> Order {
    Order::Extend { new_due, reason: reason.to_owned() }
}

fn note(text: &str) -> Order {
    Order::Note { text: text.to_owned() }
}

fn sections(parts: &[(Section, &str)]) -> BTreeMap<Section, String> {
    parts.iter().map(|(section, text)| (*section, (*text).to_owned())).collect()
}

/// One example of every order, in Dutch and in English, which mean the same.
fn pairs() -> Vec<(&'static str, &'static str)> {
    vec![
        ("#wijs-toe Jan@Omnistock.test", "#assign jan@omnistock.test"),
        ("#verleng 18-12-2026 X is ziek", "#extend 18 December 2026 X is ziek"),
        ("#vraag 18-12-2026\nWelke factuur?", "#ask 2026-12-18\nWelke factuur?"),
        ("#contact\nGebeld.", "#contacted\nGebeld."),
        (
            "#antwoord gegrond\nConclusie: A\nUiterlijk: 18-12-2026",
            "#answer founded\nConclusion: A\nBy: 18-12-2026",
        ),
        ("#antwoord deels gegrond\nA", "#answer partly founded\nA"),
        ("#antwoord ongegrond\nA", "#answer unfounded\nA"),
        ("#verwijs ICTWaarborg", "#refer ictwaarborg"),
        ("#bezwaar", "#review"),
        ("#uitnodiging 18-12-2026 om 14:00 uur, Zwolle", "#invite December 18th 2026 at 2 pm, Zwolle"),
        ("#verslag\nVerslag:\nA\nConclusie:\nB", "#minutes\nMinutes:\nA\nConclusion:\nB"),
        ("#intrekken", "#withdraw"),
        ("#sluit opgelost", "#close opgelost"),
        ("#heropen", "#reopen"),
        ("#geen-klacht reclame", "#not-a-complaint reclame"),
        ("#samenvoegen K-2026-00042-0", "#merge k-2026-00042-0"),
        ("#opname j@k.test\nZij belde.", "#record j@k.test\nZij belde."),
        ("#akkoord\nZij zei ja.", "#agreed\nZij zei ja."),
        ("#notitie gebeld", "#note gebeld"),
        ("#betreft piet@x.test", "#about piet@x.test"),
        ("#overgedragen", "#handed-over"),
        ("#vrijgeven", "#release"),
        ("#spam", "#SPAM"),
        ("#bevestig", "#confirm"),
        ("#hulp", "#help"),
    ]
}

#[test]
fn dutch_and_english_mean_the_same() {
    let mut reached = BTreeSet::new();
    for (dutch, english) in pairs() {
        assert_eq!(order(dutch), order(english), "{dutch} / {english}");
        reached.insert(order(dutch).name());
    }
    assert_eq!(reached, OrderName::ALL.into_iter().collect(), "every order has an example here");
}

#[test]
fn the_words_of_every_order_are_known() {
    for name in OrderName::ALL {
        for word in [name.words().0, name.words().1] {
            let upper = word.to_uppercase();
            for typed in [
                word,
                &upper,
                &word.replace('-', " "),
                &word.replace('-', ""),
                &word.replace('-', "\u{2011}"),
            ] {
                assert_eq!(words::order(typed), Some((name, typed.len())), "{typed}");
            }
        }
    }
}

#[test]
fn variants_of_words() {
    for typed in [
        "#wijstoe a@b.nl",
        "#wijs toe a@b.nl",
        "#wijs\u{2010}toe a@b.nl",
        "#Assign: a@b.nl",
        "＃assign a@b.nl",
        "# assign a@b.nl",
        "#assign aan a@b.nl",
        "\u{feff}#assign a@b.nl.",
        "\u{200b}\u{a0}#assign <a@b.nl>",
        "#assign\u{a0}a@b.nl",
    ] {
        assert_eq!(order(typed), Order::Assign { to: "a@b.nl".to_owned() }, "{typed:?}");
    }
    for typed in
        ["#geenklacht x", "#geen klacht: x", "#notacomplaint x", "#not a complaint, x", "#Not_a_complaint x"]
    {
        assert_eq!(order(typed).name(), OrderName::NotAComplaint, "{typed}");
    }
    for typed in ["#handedover", "#handed over.", "#handed\u{2013}over!"] {
        assert_eq!(order(typed), Order::HandedOver, "{typed}");
    }
}

#[test]
fn no_order() {
    for text in [
        "",
        "\n\n",
        "Dank je wel",
        "#",
        "# 5 op de lijst",
        "#1234",
        "## Kop",
        "### Conclusie",
        "#!/bin/sh",
        " #help",
        "    #verleng 18-12-2026 x",
        "\t#help",
        "\u{a0} #help",
        "zie #help",
        "# zomaar iets",
        "#Conclusie",
        "#-",
    ] {
        assert_eq!(read(text, TODAY), Reading::NoOrder, "{text:?}");
    }
}

#[test]
fn everything_that_can_be_wrong() {
    use Wrong::*;
    let cases = [
        ("#verlegn 18-12-2026 x", 1, UnknownOrder(Some(OrderName::Extend))),
        ("#aks\nwat?", 1, UnknownOrder(Some(OrderName::Ask))),
        ("#wijs-teo a@b.nl", 1, UnknownOrder(Some(OrderName::Assign))),
        ("#klantvriendelijk", 1, UnknownOrder(None)),
        ("#assign", 7, AddressMissing),
        ("#assign jan", 8, NotAnAddress),
        ("#assign jan@x", 8, NotAnAddress),
        ("#assign jan@x.nl graag", 17, TooMuch),
        ("#about  ,", 9, AddressMissing),
        ("#record klant@x", 8, NotAnAddress),
        ("#extend", 7, DateMissing),
        ("#extend 31-02-2026 x", 8, NotADate),
        ("#extend tot 31 februari 2026 x", 12, NotADate),
        ("#extend donderdag 18 december 2026 x", 8, NotADate),
        ("#extend over 5 werkdagen x", 8, NotADate),
        ("#extend in 5 working days x", 8, NotADate),
        ("#extend zo snel mogelijk", 8, NotADate),
        ("#extend 18-12-2026", 18, ReasonMissing),
        ("#extend 18-12-2026 ...", 22, ReasonMissing),
        ("#extend 18-12-2026 26", 21, ReasonMissing),
        ("#extend 18-12-2026\n\nGroet,\nJan", 18, ReasonMissing),
        ("#close", 6, ReasonMissing),
        ("#geen klacht", 12, ReasonMissing),
        ("#ask", 4, TextMissing),
        ("#ask 18-12-2026", 15, TextMissing),
        ("#ask 31-02-2026\nWat?", 5, NotADate),
        ("#note\n\nMet vriendelijke groet,\nJan", 5, TextMissing),
        ("#answer founded", 15, TextMissing),
        ("#answer founded\nConclusie:\n...\n", 15, TextMissing),
        ("#answer gegront\nx", 8, NotAJudgement),
        ("#answer onegrond\nx", 8, NotAJudgement),
        ("#answer gegrond|deels|ongegrond\nx", 8, NotAJudgement),
        ("#minutes", 8, TextMissing),
        ("#refer", 6, BodyMissing),
        ("#refer ictwaarborg graag", 19, TooMuch),
        ("#invite", 7, DateMissing),
        ("#invite 18-12-2026 25:00", 19, NotATime),
        ("#invite 18-12-2026 om 9 in Zwolle", 22, NotATime),
        ("#invite 18-12-2026 14:00-15:00", 19, NotATime),
        ("#invite 18-12-2026 13 pm", 19, NotATime),
        ("#invite 18-12-2026 14:00 tot 15:00 uur", 19, NotATime),
        ("#uitnodiging 18-12-2026 om half drie", 27, NotATime),
        ("#merge", 6, ReferenceMissing),
        ("#merge K-2026-00043-0", 7, NotAReference),
        ("#merge factuur", 7, NotAReference),
        ("#review graag", 8, TooMuch),
        ("#help mij", 6, TooMuch),
        ("#ask before 4 december\nWat?", 5, NotADate),
    ];
    for (text, at, wrong) in cases {
        let found = fault(text);
        assert_eq!((found.at, found.wrong), (at, wrong), "{text}");
        assert_eq!(found.line, text.lines().next().unwrap(), "{text}");
    }
}

#[test]
fn the_first_order_follows_a_greeting_and_ends_before_the_text() {
    let text = "Hallo,\n\nHierbij.\n#wijs-toe a@b.nl\n\n#notitie\n\nEerste regel.\n# 5 op de lijst\n#hashtag\n\nLaatste.\n";
    let expected = vec![
        Order::Assign { to: "a@b.nl".to_owned() },
        note("Eerste regel.\n# 5 op de lijst\n#hashtag\n\nLaatste."),
    ];
    assert_eq!(orders(text), expected);
    let Reading::Orders(found) = read(text, TODAY) else { panic!("orders") };
    assert_eq!(found[0].1, "#wijs-toe a@b.nl");
}

#[test]
fn a_note_below_an_answer_does_not_go_out_with_it() {
    let found = fault("#answer founded\nWij betalen terug.\n\n#note de klant is lastig");
    assert_eq!(
        (found.line.as_str(), found.at, found.wrong),
        ("#note de klant is lastig", 0, Wrong::OrderBelowText)
    );
    // Markdown, or words: no order.
    assert_eq!(order("#note\nA\n# Verslag\n#Antwoordnummer"), note("A\n# Verslag\n#Antwoordnummer"));
}

#[test]
fn the_text_goes_to_the_order_that_wants_it() {
    let found = fault("#note\n#answer founded\nTekst");
    assert_eq!((found.line.as_str(), found.at, found.wrong), ("#answer founded", 0, Wrong::TwoTexts));
    assert_eq!(fault("#note a\n#contacted b\nTekst").wrong, Wrong::TwoTexts);
    assert_eq!(orders("#note a\n#contacted b"), [note("a"), Order::Contacted { text: "b".to_owned() }]);
    assert_eq!(orders("#note a\n#contacted\nb\n"), [note("a"), Order::Contacted { text: "b".to_owned() }]);
    assert_eq!(orders("#note a\n#help\nb"), [note("a\nb"), Order::Help]);
    assert_eq!(orders("#help\nGroet,\nJan"), [Order::Help], "what takes none ignores the text below");
    assert_eq!(fault("#extend 18-12-2026\n#note\nTekst").wrong, Wrong::ReasonMissing, "a note is no reason");
    assert_eq!(fault("#extend 18-12-2026\n#close\nTekst").wrong, Wrong::TwoTexts);
}

#[test]
fn reasons() {
    let due = date(2026, 12, 18);
    let forms = [
        ("#extend 18-12-2026 de monteur is ziek", "de monteur is ziek"),
        ("#extend 18-12-2026, de monteur is ziek.", "de monteur is ziek."),
        ("#extend 18-12-2026: de monteur is ziek", "de monteur is ziek"),
        ("#extend 18-12-2026 – de monteur is ziek", "de monteur is ziek"),
        ("#extend 18-12-2026 \"de monteur is ziek\"", "de monteur is ziek"),
        ("#extend 18-12-2026 “de monteur is ziek”", "de monteur is ziek"),
        ("#extend 18-12-2026 reden: de monteur is ziek", "de monteur is ziek"),
        ("#extend: tot en met 18-12-2026 omdat de monteur ziek is", "omdat de monteur ziek is"),
        ("#extend until December 18, 2026\n\nDe monteur\nis ziek.\n\nGroet,\nJan\n", "De monteur is ziek."),
    ];
    for (text, reason) in forms {
        assert_eq!(order(text), extend(due, reason), "{text}");
    }
    assert_eq!(order("#close\nOpgelost."), Order::Close { reason: "Opgelost.".to_owned() });
    let controlled = order("#sluit -- \nop\u{feff}gelost\0\0");
    assert_eq!(controlled, Order::Close { reason: "opgelost".to_owned() }, "what no eye sees");
}

#[test]
fn a_line_that_a_mail_program_wrapped_is_one() {
    let text = "#verleng 18-12-2026 de leverancier heeft de onderdelen niet op tijd\ngeleverd, en de monteur is ziek\nGroet,\nJan\n";
    let reason = "de leverancier heeft de onderdelen niet op tijd geleverd, en de monteur is ziek";
    assert_eq!(order(text), extend(date(2026, 12, 18), reason));
    let two = "#verleng 18-12-2026 de leverancier heeft de onderdelen niet op tijd\ngeleverd\n#notitie x";
    assert_eq!(orders(two).len(), 2);
    assert_eq!(order("#verleng 18-12-2026 ziek\nDank je wel!"), extend(date(2026, 12, 18), "ziek"));
}

#[test]
fn invitations() {
    let day = date(2026, 12, 18);
    let cases: [(&str, Option<Time>, Option<&str>); 17] = [
        ("18-12-2026", None, None),
        ("18-12-2026 14:00", Some(time(14, 0, 0, 0)), None),
        (
            "18-12-2026, 14.30 uur, Kerkstraat 1, Zwolle",
            Some(time(14, 30, 0, 0)),
            Some("Kerkstraat 1, Zwolle"),
        ),
        ("18-12 14u in Zwolle", Some(time(14, 0, 0, 0)), Some("in Zwolle")),
        ("18-12-2026 14u30", Some(time(14, 30, 0, 0)), None),
        ("18-12-2026 14h", Some(time(14, 0, 0, 0)), None),
        ("18-12-2026 9 uur", Some(time(9, 0, 0, 0)), None),
        ("18-12-2026 om 14:00 uur", Some(time(14, 0, 0, 0)), None),
        ("18-12-2026 at 2 pm at our office", Some(time(14, 0, 0, 0)), Some("at our office")),
        ("18-12-2026 2:30pm", Some(time(14, 30, 0, 0)), None),
        ("18-12-2026 10 a.m.", Some(time(10, 0, 0, 0)), None),
        ("18-12-2026 12 am", Some(time(0, 0, 0, 0)), None),
        ("18-12-2026 12:15 pm", Some(time(12, 15, 0, 0)), None),
        ("18-12-2026 at 9 o'clock", Some(time(9, 0, 0, 0)), None),
        ("vrijdag 18 december 14:00", Some(time(14, 0, 0, 0)), None),
        ("18-12-2026 at the office", None, Some("at the office")),
        ("18-12-2026 12 Kerkstraat", None, Some("12 Kerkstraat")),
    ];
    for (words, time, place) in cases {
        let place = place.map(str::to_owned);
        assert_eq!(order(&format!("#invite {words}")), Order::Invite { on: day, time, place }, "{words}");
    }
    let friday = Order::Invite { on: date(2026, 11, 27), time: Some(time(14, 30, 0, 0)), place: None };
    assert_eq!(order("#uitnodiging vrijdag 14.30 uur"), friday);
}

#[test]
fn questions_with_and_without_a_date() {
    let ask = |reply_by, text: &str| Order::Ask { reply_by, text: text.to_owned() };
    let day = Some(date(2026, 12, 4));
    assert_eq!(order("#ask over 2 weken\nWelke factuur?"), ask(day, "Welke factuur?"));
    assert_eq!(order("#ask by 4 December.\n\nWhich invoice?"), ask(day, "Which invoice?"));
    assert_eq!(order("#vraag Welke factuur?"), ask(None, "Welke factuur?"));
    assert_eq!(order("#vraag\nWelke factuur?\n"), ask(None, "Welke factuur?"));
    assert_eq!(order("#vraag 4-12: welke factuur?"), ask(day, "welke factuur?"));
    assert_eq!(order("#vraag 2 facturen: welke?"), ask(None, "2 facturen: welke?"));
    assert_eq!(order("#vraag Morgen belt u?\nOf niet?"), ask(None, "Morgen belt u?\nOf niet?"));
    assert_eq!(order("#vraag 4 december belde u. Waarom?"), ask(None, "4 december belde u. Waarom?"));
}

#[test]
fn records() {
    let record = |to: Option<&str>, text: &str| Order::Record {
        to: to.map(str::to_owned),
        name: None,
        text: text.to_owned(),
    };
    for named in ["Els Smit <E@k.test>", "\"Els Smit\" <E@k.test>", "Els Smit <mailto:e@k.test>:"] {
        let (to, name) = (Some("e@k.test".to_owned()), Some("Els Smit".to_owned()));
        let text = "Zij belde.".to_owned();
        assert_eq!(
            order(&format!("#record {named}\nZij belde.")),
            Order::Record { to, name, text },
            "{named}"
        );
    }
    assert_eq!(order("#record <e@k.test>\nZij belde."), record(Some("e@k.test"), "Zij belde."));
    assert_eq!(
        order("#record e@k.test<mailto:e@k.test>\nZij belde."),
        record(Some("e@k.test"), "Zij belde.")
    );
    assert_eq!(order("#record e@k.test zij belde"), record(Some("e@k.test"), "zij belde"));
    assert_eq!(order("#record\nZij belde."), record(None, "Zij belde."));
    assert_eq!(order("#record Zij belde."), record(None, "Zij belde."));
}

#[test]
fn agreements() {
    let agreed = Order::Agreed { text: "Zij zei ja, aan de telefoon.".to_owned() };
    assert_eq!(order("#akkoord\nZij zei ja, aan de telefoon."), agreed);
    assert_eq!(order("#agreed Zij zei ja, aan de telefoon."), agreed);
    assert_eq!(fault("#akkoord").wrong, Wrong::TextMissing);
}

#[test]
fn judgements() {
    let forms = [
        ("gegrond", Some(Judgement::Founded)),
        ("Gegrond.", Some(Judgement::Founded)),
        ("justified", Some(Judgement::Founded)),
        ("partly_founded", Some(Judgement::PartlyFounded)),
        ("deels", Some(Judgement::PartlyFounded)),
        ("gedeeltelijk gegrond", Some(Judgement::PartlyFounded)),
        ("deels gegrond, deels ongegrond", Some(Judgement::PartlyFounded)),
        ("niet gegrond", Some(Judgement::Unfounded)),
        ("gegrond   (of deels, ongegrond; daaronder het antwoord)", Some(Judgement::Founded)),
        ("UNFOUNDED:", Some(Judgement::Unfounded)),
        ("\n\nDeels gegrond.\n", Some(Judgement::PartlyFounded)),
        ("not founded", Some(Judgement::Unfounded)),
        ("", None),
    ];
    for (words, wanted) in forms {
        let Order::Answer { judgement, answer } = order(&format!("#answer {words}\nTekst.")) else {
            panic!("{words}")
        };
        assert_eq!(judgement, wanted, "{words}");
        assert_eq!(answer.sections, sections(&[(Section::Conclusion, "Tekst.")]), "{words}");
    }
}

#[test]
fn an_answer_under_its_headings() {
    let text = "#antwoord gegrond\n\
        Uw klacht is terecht.\n\n\
        **Klachtpunten**\nDe factuur.\n\
        ### Onderzoek\nWij belden.\n\
        conclusie: Fout van ons.\n\
        *Oplossing:* Geld terug.\n\
        UITERLIJK - \n18 december 2026.\n\
        Maatregelen:\n[…]\n\
        Actie:\n\n\
        Conclusie\nEn nog iets.\n\n\
        Met vriendelijke groet,\nJan Jansen\nOmniStock\n";
    let Order::Answer { answer, .. } = order(text) else { panic!("an answer") };
    let expected = [
        (Section::Points, "De factuur."),
        (Section::Investigation, "Wij belden."),
        (Section::Conclusion, "Uw klacht is terecht.\n\nFout van ons.\n\nEn nog iets."),
        (Section::Settlement, "Geld terug."),
        (Section::By, "18 december 2026."),
    ];
    assert_eq!(answer, Answer { sections: sections(&expected), settlement_date: Some(date(2026, 12, 18)) });
}

#[test]
fn headings_of_every_section() {
    for section in Section::ALL {
        for word in [section.headings().0, section.headings().1] {
            for line in [
                word.to_owned(),
                word.to_uppercase(),
                format!("**{word}**"),
                format!("### {word}:"),
                format!("{word} -"),
                format!("{word} –"),
                format!("\u{200b}\u{a0}{word}"),
            ] {
                assert_eq!(answer::heading(&line), Some((section, "")), "{line}");
            }
            assert_eq!(answer::heading(&format!("{word}: a: b")), Some((section, "a: b")));
            assert_eq!(answer::heading(&format!("**{word}:** a")), Some((section, "a")));
            assert_eq!(answer::heading(&format!("{word} is dit")), None);
            assert_eq!(answer::heading(&format!("{word}x")), None);
        }
    }
}

#[test]
fn what_is_left_empty_is_absent() {
    let prefilled =
        "#answer founded\nConclusion:\nA\n\nSettlement:\n...\nBy:\n\nMeasures:\n\nKind regards,\nJan";
    let Order::Answer { answer, .. } = order(prefilled) else { panic!("an answer") };
    assert_eq!(answer, Answer { sections: sections(&[(Section::Conclusion, "A")]), settlement_date: None });
}

#[test]
fn the_settlement_date_is_one_date() {
    let cases = [
        ("#answer founded\nA\nBy: soon", "By: soon", 4, Wrong::NotADate),
        ("#answer founded\nA\nUiterlijk\n  31-02-2026", "  31-02-2026", 2, Wrong::NotADate),
        ("#answer founded\nA\nBy: 18-12-2026 or so", "By: 18-12-2026 or so", 15, Wrong::TooMuch),
        ("#answer founded\nA\nBy: 18-12-2026\nWe call you.", "We call you.", 0, Wrong::TooMuch),
    ];
    for (text, line, at, wrong) in cases {
        assert_eq!(fault(text), Fault { line: line.to_owned(), at, wrong }, "{text}");
    }
}

#[test]
fn minutes_begin_with_the_minutes() {
    let Order::Minutes { answer } = order("#verslag Aanwezig: A en B\nBesproken.\n\nConclusie: x") else {
        panic!("minutes")
    };
    let expected = [(Section::Minutes, "Aanwezig: A en B\nBesproken."), (Section::Conclusion, "x")];
    assert_eq!(answer.sections, sections(&expected));
}

#[test]
fn text_on_the_line_of_an_answer() {
    let Order::Answer { judgement, answer } = order("#answer founded Conclusie: wij betalen") else {
        panic!("an answer")
    };
    assert_eq!(judgement, Some(Judgement::Founded));
    assert_eq!(answer.sections, sections(&[(Section::Conclusion, "wij betalen")]));
}

#[test]
fn limits() {
    assert_eq!(orders(&"#help\n".repeat(20)).len(), 20);
    assert_eq!(fault(&"#help\n".repeat(21)).wrong, Wrong::TooMuch);
    let long = "x".repeat(5_000);
    assert_eq!(order(&format!("#note {long}")), note(&long), "no text is cut");
    let found = fault(&format!("#close {long}"));
    assert_eq!((found.wrong, found.line.chars().count() <= 200), (Wrong::TooMuch, true));
    assert!(found.at <= found.line.chars().count());
}

#[test]
fn a_mail_full_of_anything_is_read_in_linear_time() {
    for piece in
        ["#note ", "#help\n", "a\n#note b\n", "18-12-", "Groet\n", "#wijs ", "By:\n", "<@", "\u{301}"]
    {
        for start in ["", "#note\n", "#answer founded\n", "#extend ", "#assign ", "#record ", "#close a", "#"]
        {
            // Only a quadratic reading would be noticed here: it takes minutes.
            assert_ne!(read(&format!("{start}{}", piece.repeat(10_000)), TODAY), Reading::Orders(Vec::new()));
        }
    }
}

#[test]
fn positions_are_characters() {
    let found = fault("#assign «ë» 𝕏");
    assert_eq!((found.at, found.spot().as_str()), (8, "#assign «ë» 𝕏\n        ^"));
    let far = fault(&format!("#assign a@b.nl {} é", " ".repeat(400)));
    assert_eq!(far.line.chars().nth(far.at), Some('é'));
}

fn typed() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        proptest::sample::select(vec![
            "#extend",
            "#ask",
            "#answer",
            "#assign",
            "#invite",
            "#record",
            "#merge",
            "#note",
            "#",
            "＃",
            "18-12-2026",
            "31-02",
            "vrijdag",
            "volgende",
            "week",
            "over",
            "2",
            "weken",
            "in",
            "14:00",
            "om",
            "pm",
            "'",
            "By:",
            "Conclusie",
            "<",
            ">",
            "@",
            "a@b.nl",
            "mailto:",
            "\n",
            "\r\n",
            "\u{feff}",
            "\u{a0}",
            "-",
            "–",
            "…",
            "Groet",
            ":",
            "gegrond",
            "deels",
            "**",
            "a.s.",
            "İ",
            "ß",
            "a\u{301}",
            "9999",
            "over 999 maanden",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    proptest::collection::vec((word, prop_oneof![Just(" "), Just(""), Just("\n")]), 0..40)
        .prop_map(|words| words.into_iter().flat_map(|(word, gap)| [word, gap.to_owned()]).collect())
}

#[test]
fn a_hint_that_was_copied_is_not_told() {
    let first = |text: &str| match read(text, TODAY) {
        Reading::Orders(mut orders) => orders.remove(0).0,
        other => panic!("{other:?}"),
    };
    let record = Order::Record { to: None, name: None, text: "Zij belde.".to_owned() };
    assert_eq!(first("#opname [ADRES]\nZij belde."), record);
    assert_eq!(first("#record [address]\n\nZij belde."), record);
    let ask = Order::Ask { reply_by: None, text: "Welke?".to_owned() };
    assert_eq!(first("#vraag [DATUM]\nWelke?"), ask);
    assert_eq!(first("#vraag [DATUM] Welke?"), ask);
}

proptest! {
    #[test]
    fn every_text_can_be_read(text in typed(), days in -4_371_000i32..2_932_000) {
        let any_day = date(1970, 1, 1).saturating_add(jiff::Span::new().days(days));
        for today in [TODAY, any_day, Date::MIN, Date::MAX] {
            match read(&text, today) {
                Reading::NoOrder => {}
                Reading::Orders(orders) => prop_assert!((1..=20).contains(&orders.len())),
                Reading::Wrong(fault) => {
                    let length = fault.line.chars().count();
                    prop_assert!(length <= 200 && fault.at <= length, "{fault:?}");
                }
            }
        }
    }
}
