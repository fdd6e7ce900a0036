//! One header, one verdict.

use super::*;

fn verdict(block: &str) -> Verdict {
    with(block, "Klacht", "De printer is stuk.")
}

fn with(block: &str, subject: &str, text: &str) -> Verdict {
    classify(&Signs {
        headers: Headers::parse(block),
        from: "jan@klant.test".to_owned(),
        answer: Answer::Complainant,
        subject,
        text,
        new_text: text,
        ..Signs::default()
    })
}

#[test]
fn auto_submitted_by_rfc_3834() {
    for no in ["no", "No", "no; x=y", "no (a person)", "(really) NO", ""] {
        let verdict = verdict(&format!("Auto-Submitted: {no}"));
        assert_eq!((verdict.class, verdict.answerable), (Class::Letter, true), "{no}");
    }
    for yes in
        ["auto-replied", "Auto-Generated; type=x", "(vacation) auto-replied", "auto-notified", "x-other"]
    {
        assert_eq!(verdict(&format!("Auto-Submitted: {yes}")).class, Class::AutoReply, "{yes}");
    }
}

#[test]
fn suppression_is_a_list_of_words() {
    for (value, answerable) in
        [("OOF", true), ("RN, NRN, OOF", true), ("OOF, AutoReply", false), ("All", false), ("dr,rn", false)]
    {
        let verdict = verdict(&format!("X-Auto-Response-Suppress: {value}"));
        assert_eq!((verdict.class, verdict.answerable), (Class::Letter, answerable), "{value}");
        assert_eq!(verdict.reasons.is_empty(), answerable);
    }
}

#[test]
fn one_header_one_class() {
    for (header, class) in [
        ("Precedence: bulk", Class::Bulk),
        ("Precedence: LIST", Class::Bulk),
        ("X-Precedence: junk", Class::Bulk),
        ("Precedence: auto_reply", Class::AutoReply),
        ("Precedence: first-class", Class::Letter),
        ("List-Id: <x.test>", Class::Bulk),
        ("List-Unsubscribe: <mailto:x@x.test>", Class::Bulk),
        ("Feedback-ID: 1:2:3", Class::Letter),
        ("Return-Path: < >", Class::Letter),
        ("Return-Path: < >\nIn-Reply-To: <a@b>", Class::AutoReply),
        ("Return-Path: <jan@klant.test>", Class::Letter),
        ("X-Failed-Recipients: weg@klant.test", Class::Bounce),
        ("X-Autoreply: no", Class::Letter),
        ("X-Autoreply: yes", Class::AutoReply),
        ("X-Loop: x", Class::Letter),
        ("X-MS-Exchange-Inbox-Rules-Loop: jan@klant.test", Class::Letter),
        ("X-Campaign: spring", Class::Letter),
    ] {
        assert_eq!(verdict(header).class, class, "{header}");
    }
}

#[test]
fn subjects_of_automatic_answers_and_of_people() {
    for subject in [
        "Automatisch antwoord: Klacht",
        "Re: Out of Office",
        "Afwezig: Re: x",
        "[Automatisch antwoord] x",
        "Automatic reply: x",
    ] {
        assert_eq!(with("", subject, "x").class, Class::AutoReply, "{subject}");
    }
    for subject in [
        "Afwezige monteur",
        "Afwezigheid",
        "Auto: schade na de wasstraat",
        "Vakantie - geld terug",
        "Niet op kantoor",
        "Re: Automatische ontvangstbevestiging: bestelling 123",
        "Automatische incasso klopt niet",
        "Uw automatisch antwoord",
        "Fwd: Undeliverable: x",
    ] {
        assert_eq!(with("", subject, "x").class, Class::Letter, "{subject}");
    }
}

#[test]
fn a_person_who_writes_about_delivery_is_no_mail_system() {
    for subject in ["Niet bezorgd", "Mail delivery failed: uw bevestiging", "Delivery failure of my parcel"] {
        let verdict = with("Return-Path: <jan@klant.test>", subject, "Het pakket kon niet worden bezorgd.");
        assert_eq!((verdict.class, verdict.answerable), (Class::Letter, true), "{subject}");
    }
}

#[test]
fn a_form_is_a_person_unless_it_answers() {
    let form = |block: &str| {
        let headers = Headers::parse(block);
        classify(&Signs {
            headers,
            form: true,
            answer: Answer::Complainant,
            subject: "x",
            ..Signs::default()
        })
    };
    assert!(form("Auto-Submitted: auto-generated\nPrecedence: bulk").answerable);
    assert_eq!(form("Auto-Submitted: auto-replied").class, Class::AutoReply);
}
