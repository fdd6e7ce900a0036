use regex::Regex;

use super::*;

const SHIPPED: [(&str, &str, &str); 5] = [
    (
        "act",
        include_str!("../../../config/procedures/act.toml"),
        include_str!("../../../config/texts/act.txt"),
    ),
    (
        "ingressus",
        include_str!("../../../config/procedures/ingressus.toml"),
        include_str!("../../../config/texts/ingressus.txt"),
    ),
    (
        "omnistock",
        include_str!("../../../config/procedures/omnistock.toml"),
        include_str!("../../../config/texts/omnistock.txt"),
    ),
    (
        "websec",
        include_str!("../../../config/procedures/websec.toml"),
        include_str!("../../../config/texts/websec.txt"),
    ),
    (
        "webshop",
        include_str!("../../../config/procedures/webshop.toml"),
        include_str!("../../../config/texts/webshop.txt"),
    ),
];

fn shipped(id: &str) -> (&'static str, &'static str) {
    let (_, source, text) = SHIPPED.iter().find(|(name, ..)| *name == id).unwrap();
    (source, text)
}

/// The faults of a shipped procedure after `from` was replaced by `to` in its file.
fn faults_with(id: &str, from: &str, to: &str) -> Vec<String> {
    let (source, text) = shipped(id);
    assert!(source.contains(from), "{id} does not hold {from}");
    let procedure = Procedure::parse(&source.replacen(from, to, 1)).unwrap();
    procedure.faults(text).iter().map(ToString::to_string).collect()
}

/// The error of the `OmniStock` file after `from` was replaced by `to`.
fn error_with(from: &str, to: &str) -> ProcedureError {
    let (source, _) = shipped("omnistock");
    assert!(source.contains(from), "the file does not hold {from}");
    Procedure::parse(&source.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn the_shipped_procedures_are_what_their_texts_say() {
    for (id, source, text) in SHIPPED {
        let procedure = Procedure::parse(source).unwrap();
        assert_eq!(procedure.id, id);
        assert_eq!(procedure.text, format!("texts/{id}.txt"));
        assert_eq!(procedure.zone_and_net(), ("Europe/Amsterdam", SafetyNet::Send));
        let quotes = procedure.written.iter().filter(|w| w.key.ends_with("quote")).count();
        assert!(quotes >= 4, "{id} cites its text only {quotes} times");
        if id != "act" {
            assert_eq!(procedure.faults(text), [], "{id}");
        }
    }
}

impl Procedure {
    fn zone_and_net(&self) -> (&str, SafetyNet) {
        (&self.rules.zone_name, self.safety_net)
    }
}

#[test]
fn the_unfilled_model_text_is_reported() {
    let (source, text) = shipped("act");
    let faults = Procedure::parse(source).unwrap().faults(text);
    let keys: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
    assert!(keys.contains(&"roles.handler"), "{faults:?}");
    assert!(keys.contains(&"text"), "{faults:?}");
    assert!(faults.iter().any(|fault| fault.message.contains("[EMAIL DIENSTVERLENER]")), "{faults:?}");
    assert!(keys.iter().all(|key| ["roles.handler", "text"].contains(key)), "{faults:?}");
}

#[test]
fn a_quote_that_is_not_in_the_text_is_a_fault() {
    let faults = faults_with("omnistock", "uiterlijk binnen 14 dagen", "uiterlijk binnen 30 dagen");
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].starts_with("`terms[respond].quote`"), "{faults:?}");
    assert!(faults[0].contains("texts/omnistock.txt") && faults[0].contains("30 dagen"), "{faults:?}");
    let nested = faults_with("omnistock", "dan laten wij u binnen 14 dagen", "dan laten wij u");
    assert!(nested[0].starts_with("`terms[respond].extend.quote`"), "{nested:?}");
}

#[test]
fn what_names_nothing_is_a_fault() {
    for (id, from, to, expected) in [
        ("ingressus", "window = \"objection\"", "window = \"bezwaar\"", "`review.window`: `bezwaar`"),
        ("ingressus", "window = \"objection\"", "window = \"respond\"", "`review.window`: `respond`"),
        ("ingressus", "by = \"board\"", "by = \"manager\"", "`review.by`: `manager`"),
        ("omnistock", "refer = \"ictwaarborg\"", "refer = \"kifid\"", "`route[0].refer`: `kifid`"),
        (
            "omnistock",
            "[\"referral\", ",
            "[\"reply\", ",
            "`external[ictwaarborg].offer_in`: unknown notice `reply`",
        ),
        ("omnistock", "extension = [", "extention = [", "`must_state.extention`: unknown notice"),
        ("omnistock", "\"findings\"", "\"finding\"", "`must_state.outcome`: unknown placeholder `finding`"),
        ("omnistock", "who = \"handler\"", "who = \"boss\"", "`terms[respond].who`: unknown role `boss`"),
        ("omnistock", "roles     = { handler", "roles     = { handle", "`roles.handle`: unknown role"),
        ("omnistock", "{ handler = \"directie@omnistock.nl\" }", "{}", "`roles.handler`: is missing"),
        (
            "omnistock",
            "addresses  = [\"directie@omnistock.nl\"]",
            "addresses = [\"\"]",
            "`intake.addresses`: is \"\"",
        ),
        (
            "omnistock",
            "\"0 days\",",
            "\"0 days\", consent_after = true,",
            "`terms[respond].extend.consent_after`: ",
        ),
        (
            "omnistock",
            "\"0 days\",",
            "\"0 days\", notify = [\"complainant\", \"person_complained_about\"],",
            "`terms[respond].extend.notify`: `person_complained_about`",
        ),
        (
            "omnistock",
            "subject = \"product\"",
            "subject = \"service\"",
            "`route[0].when`: is not asked of staff",
        ),
        (
            "webshop",
            "window = \"\", offer_in = [\"outcome\"]",
            "offer_in = [\"ack\"]",
            "`review.offer_in`: unknown notice `ack`",
        ),
        ("omnistock", "name = \"ICTWaarborg\"", "name = \"[NAAM]\"", "`external[ictwaarborg].name`: [NAAM]"),
    ] {
        let faults = faults_with(id, from, to);
        assert!(faults.iter().any(|fault| fault.starts_with(expected)), "{expected}: {faults:?}");
    }
}

#[test]
fn what_cannot_be_kept_is_refused_by_line_and_key() {
    for (from, to, line, key, expected) in [
        ("\"14 days\"", "\"14 nights\"", Some(11), "within", "unknown unit `nights`, expected days"),
        ("\"14 days\"", "\"days\"", Some(11), "within", "no length of time"),
        ("of = \"received\"", "of = \"arrived\"", Some(10), "of", "unknown variant `arrived`"),
        ("title ", "titel ", Some(3), "titel", "unknown field `titel`"),
        ("force = \"house\"", "forse = \"house\"", Some(10), "forse", "unknown field `forse`"),
        ("force = \"house\"", "force = \"must\"", Some(10), "force", "unknown variant `must`"),
        ("Europe/Amsterdam", "Europe/Nijmegen", Some(5), "rules", "unknown `zone` `Europe/Nijmegen`"),
        ("\"nl-business\"", "\"nl\"", Some(5), "calendar", "unknown variant `nl`"),
        ("\"nl-business\"", "", Some(5), "rules", "`calendar` is empty"),
        ("schema    = 1", "schema    = 2", None, "schema", "is 2, expected 1"),
        ("id        = \"omnistock\"", "id = \"Omni Stock\"", None, "id", "lower-case letters"),
        ("id = \"respond\"", "id = \"ack\"", None, "terms", "`ack` stands twice"),
        ("done_by = [\"outcome_sent\"]", "done_by = []", None, "terms[respond].done_by", "is empty"),
        (
            "\"0 days\"",
            "\"1 week\"",
            None,
            "terms[respond].extend.before_end",
            "expected days or working days",
        ),
        ("[\"nl\", \"en\"]", "[]", None, "languages", "is empty"),
        ("'(?:^|", "'(?:^|(", None, "intake.patterns.phone", "no regular expression"),
    ] {
        let error = error_with(from, to);
        assert_eq!(error.key, key, "{error}");
        assert!(line.is_none() || error.line == line, "{line:?}: {error}");
        assert!(error.message.contains(expected), "{expected}: {error}");
    }
    assert_eq!(
        error_with("title ", "titel ").to_string().split(',').next(),
        Some("line 3"),
        "the line comes first"
    );
    let empty = Procedure::parse("").unwrap_err();
    assert!(empty.message.contains("missing field"), "{empty}");
}

#[test]
fn what_the_text_leaves_open_has_a_default() {
    let (source, _) = shipped("omnistock");
    let procedure = Procedure::parse(source).unwrap();
    assert_eq!(procedure.intake.clock_start.written, TermEvent::Received);
    assert_eq!(procedure.language(Some(Language::En)), Language::En);
    assert_eq!(procedure.language(None), Language::Nl);
    assert_eq!(procedure.must_state("progress"), ["reason", "new_date"]);
    assert_eq!(procedure.must_state("acknowledgement"), [] as [&str; 0]);
    assert_eq!(procedure.offered_in("referral").count(), 1);
    let (source, _) = shipped("webshop");
    assert_eq!(Procedure::parse(source).unwrap().review.unwrap().window, None, "\"\" is none");
}

#[test]
fn the_default_patterns_are_those_of_the_files() {
    let own = parse::default_patterns();
    for (id, source, _) in SHIPPED {
        let procedure = Procedure::parse(source).unwrap();
        assert_eq!(procedure.intake.patterns, own, "{id}");
        let without = source.split("[intake.patterns]").next().unwrap();
        assert_eq!(Procedure::parse(without).unwrap().intake.patterns, own, "{id}");
    }
}

fn found(field: &str, letter: &str) -> Option<String> {
    let pattern = Regex::new(&parse::default_patterns()[field]).unwrap();
    pattern.captures(letter).map(|groups| groups[1].to_owned())
}

#[test]
fn order_numbers_are_found() {
    for (letter, expected) in [
        ("Mijn ordernummer is 2026-1187.", Some("2026-1187")),
        ("Ordernr. 20261187", Some("20261187")),
        ("Order-nummer: AB-12345, graag", Some("AB-12345")),
        ("bestelnummer 4711A voor", Some("4711A")),
        ("Bestelling #100234", Some("100234")),
        ("de factuur 2026/0044 klopt niet", Some("2026/0044")),
        ("Factuurnummer = F20260012", Some("F20260012")),
        ("my order no. 55-1234", Some("55-1234")),
        ("Invoice number: INV-2026-17", Some("INV-2026-17")),
        ("order id 123456", Some("123456")),
        ("ik wil orde op zaken 2026", None),
        ("ik heb de order 2 keer geplaatst", None),
        ("mijn bestelling is niet geleverd", None),
        ("recorder 12345", None),
    ] {
        assert_eq!(found("order_number", letter).as_deref(), expected, "{letter}");
    }
}

#[test]
fn telephone_numbers_are_found() {
    for (letter, expected) in [
        ("Bel 06-12345678 na zessen.", Some("06-12345678")),
        ("06 12 34 56 78", Some("06 12 34 56 78")),
        ("tel. 024 - 123 45 67", None),
        ("tel. (024) 123 45 67.", Some("(024) 123 45 67")),
        ("+31 6 12345678", Some("+31 6 12345678")),
        ("+31(0)24 1234567", Some("+31(0)24 1234567")),
        ("0031612345678", Some("0031612345678")),
        ("call 0808 223 1133", Some("0808 223 1133")),
        ("+44 20 7946 0958", Some("+44 20 7946 0958")),
        ("op 02-03-2026 om 10 uur", None),
        ("IBAN NL91ABNA0417164300", None),
        ("ordernummer 061234567890123", None),
    ] {
        assert_eq!(found("phone", letter).as_deref(), expected, "{letter}");
    }
}
