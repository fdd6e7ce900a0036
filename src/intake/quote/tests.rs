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
    ] {
        assert_eq!(
            new(&format!("De printer is stuk.\n\n{signature}\n")),
            "De printer is stuk.",
            "{signature}"
        );
    }
    assert_eq!(new("Verzonden met PostNL, nooit aangekomen."), "Verzonden met PostNL, nooit aangekomen.");
}

#[test]
fn a_mail_that_would_be_empty_keeps_all() {
    for text in [
        "> alles\n> is citaat",
        "Verstuurd vanaf mijn iPhone",
        "--\nJan",
        "Van: Jan\nDatum: x\nAan: y\nKlacht",
    ] {
        assert_eq!(split(text), Split { new: text.to_owned(), rest: String::new() }, "{text}");
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
