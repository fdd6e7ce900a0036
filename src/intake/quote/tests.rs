//! Replies as mail programs write them, and texts that only look like replies.

use super::*;

fn new(text: &str) -> String {
    split(text).new
}

#[test]
fn attributions_of_mail_programs() {
    for attribution in [
        "Op ma 2 mrt 2026 om 09:14 schreef Klachten <klachten@omnistock.test>:",
        "Op 2 mrt. 2026, om 09:14 heeft Klachten <klachten@omnistock.test> het volgende geschreven:",
        "Op 02-03-2026 om 09:14 schreef Klachten:",
        "Klachten <klachten@omnistock.test> schreef op 2 maart 2026 09:14:",
        "On Mon, 2 Mar 2026 at 09:14, Complaints <c@omnistock.test> wrote:",
        "On 2 Mar 2026, at 09:14, Complaints <c@omnistock.test>\nwrote:",
        "Op ma 2 mrt 2026 om 09:14 schreef OmniStock Directie <\nklachten@omnistock.test>:",
        "Klachten schreef op 2026-03-02 09:14:",
        "Klachten <klachten@omnistock.test> schreef het volgende:",
        "Citeren Klachten <klachten@omnistock.test>:",
        "Op maandag 2 maart 2026 om 09:14:03 CET schreef Klachten <klachten@omnistock.test>:",
        "Am 02.03.2026 um 09:14 schrieb Klachten:",
        "Le lun. 2 mars 2026 à 09:14, Klachten <klachten@omnistock.test> a écrit :",
        "2.3.2026, 09:14, \"Klachten\" <klachten@omnistock.test>:",
        "------ Origineel bericht ------",
        "---------- Doorgestuurd bericht ---------",
        "Van: Klachten\nDatum: maandag 2 maart 2026 om 09:14\nAan: Jan\nOnderwerp: x\n",
        "Datum: 2 maart 2026 09:14\nVan: Klachten\nOnderwerp: x\nAan: Jan\n",
        "2026-03-02 09:14 GMT+01:00 Complaints <c@omnistock.test>:",
        "-----Oorspronkelijk bericht-----",
        "-------- Original Message --------",
        "Begin doorgestuurd bericht:",
        "---------- Forwarded message ---------",
        "Van: Klachten\nVerzonden: maandag 2 maart 2026 09:14\nAan: Jan\nOnderwerp: x\n",
        "From: Complaints <c@omnistock.test>\nSent: Monday\nTo: Jan\nSubject: x\n",
        "*From:* Complaints\n*Date:* Monday\n*Subject:* x\n",
    ] {
        for below in ["> Geachte heer,\n> wij", "Geachte heer,\nwij"] {
            let split = split(&format!("Dank u.\n\nJan\n\n{attribution}\n\n{below}\n"));
            assert_eq!(split.new, "Dank u.\n\nJan", "{attribution}");
            assert!(split.rest.ends_with("wij"), "{attribution}");
        }
    }
}

#[test]
fn answers_between_quoted_lines_stay() {
    let text =
        "Op 2-3-2026 om 09:14 schreef Jan:\n> Wat is uw nummer?\n\n2026-1187\n\n> En de datum?\nGisteren.\n";
    assert_eq!(new(text), "2026-1187\n\nGisteren.");
}

#[test]
fn own_words_that_look_like_a_quotation_stay() {
    for text in [
        "Op 3 maart schreef uw collega:\nu krijgt uw geld terug.\nDat is niet gebeurd.",
        "Van: de monteur kreeg ik niets.\nAan: wie moet ik schrijven?",
        "Ik wacht nu al\n> 3 weken.",
        "Wat er misging:\n--\nalles",
        "Verzonden: niets.\nIk zag wel een bon.",
    ] {
        let text_kept = new(text);
        assert!(text_kept.starts_with(text.lines().next().unwrap()), "{text}");
        assert!(text.ends_with("alles") || text_kept == text, "{text} became {text_kept}");
    }
}

#[test]
fn a_long_text_below_a_line_of_dashes_is_no_signature() {
    let text = format!("Beste,\n--\n{}", "nog een regel van mijn klacht\n".repeat(30));
    assert_eq!(new(&text), text.trim());
}

#[test]
fn signatures() {
    for signature in [
        "-- \nJan de Vries\n06-12345678",
        "Verstuurd vanaf mijn iPhone",
        "Sent from my Samsung Galaxy smartphone.",
        "Verzonden vanuit Outlook voor Android",
        "Outlook voor iOS downloaden",
        "Get Outlook for iOS",
        "Verzonden met Proton Mail beveiligde e-mail.",
        "Sent via the Samsung Galaxy S22",
        "Verzonden met [Proton Mail](https://proton.me/) beveiligde e-mail.",
        "Verzonden vanaf Outlook voor Mac",
        "Verstuurd vanuit Yahoo Mail op Android",
        "Verzonden vanuit Mail voor Windows",
        "Van mijn iPad verzonden",
        "Download Outlook voor Android<https://aka.ms/x>",
        "[Verzonden vanaf mijn iPhone]",
    ] {
        assert_eq!(
            new(&format!("De printer is stuk.\n\n{signature}\n")),
            "De printer is stuk.",
            "{signature}"
        );
    }
    for own in [
        "Verzonden met PostNL, nooit aangekomen.",
        "Verzonden via e-mail op 3 maart, geen reactie.",
        "Verzonden vanaf mijn werk, dat telt toch ook?",
        "De foto is verstuurd vanaf mijn iPhone",
        "Outlook voor iOS werkt niet met uw bijlage",
    ] {
        assert_eq!(new(own), own);
        assert_eq!(new(&format!("Beste,\n\n{own}\n\nJan")), format!("Beste,\n\n{own}\n\nJan"));
    }
}

#[test]
fn a_quotation_that_begins_in_the_line_of_its_attribution() {
    let text = "Nee.\n\n  Op ma, mrt. 2, 2026 om 9:14 schreef Klachten<klachten@omnistock.test>:   Geachte heer,\nwij";
    assert_eq!(new(text), "Nee.");
}

#[test]
fn sentences_that_only_begin_like_an_attribution_stay() {
    for text in [
        "On the other hand, we should wait.\nOn average it works.",
        "Op 3 maart om 10:00 belde ik uw klantenservice.\nNiemand nam op.",
        "2024-01-15 14:30\n15.01.2024 14:30\nAl die keren belde ik.",
        "Ik schreef op 3 maart om 10:00 dat het stuk was, en u antwoordde niet.\nNooit.",
        "## Feiten\n----\n1. stuk\n\n----\n\nDat zijn de feiten.",
        "Beste,\n\nIk heb twee klachten:\n-- de levering\n-- de factuur\n\nJan",
    ] {
        assert_eq!(new(text), text, "{text}");
    }
}

#[test]
fn a_mail_that_would_be_empty_keeps_all() {
    for text in [
        "> alles\n> is citaat",
        "Verstuurd vanaf mijn iPhone",
        "--\nJan",
        "Van: Jan\nDatum: x\nAan: y\nKlacht",
    ] {
        let Split { new, rest, .. } = split(text);
        assert_eq!((new.as_str(), rest.as_str()), (text, ""));
    }
    assert_eq!(split("").new, "");
}

#[test]
fn both_sides_hold_every_line() {
    let text = "een\n> twee\ndrie\n\nOp 2-3-2026 om 09:14 schreef Jan:\n> vier\n-- \nvijf";
    let split = split(text);
    let mut lines: Vec<&str> =
        split.new.lines().chain(split.rest.lines()).filter(|l| !l.is_empty()).collect();
    let mut all: Vec<&str> = text.lines().map(str::trim_end).filter(|l| !l.is_empty()).collect();
    lines.sort_unstable();
    all.sort_unstable();
    assert_eq!(lines, all);
}

#[test]
fn what_holds_a_quotation_alone_was_not_typed() {
    for text in [
        "> #intrekken",
        "Verstuurd vanaf mijn iPhone",
        "Op 2 maart 2026 om 10:00 schreef Jan <jan@omnistock.test>:\n#confirm",
    ] {
        assert!(!split(text).typed, "{text}");
    }
    assert!(split("#intrekken\n\n> oud").typed);
}
