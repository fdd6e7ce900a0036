use mail_parser::{MessageParser, MimeHeaders};
use proptest::prelude::*;

use super::*;

fn party(name: Option<&str>, email: &str) -> Party {
    Party { name: name.map(str::to_owned), email: email.to_owned() }
}

/// A mail of which each test changes what it is about.
struct Draft {
    from: Party,
    to: Party,
    reply_to: Option<String>,
    subject: String,
    message_id: String,
    in_reply_to: Vec<String>,
    references: Vec<String>,
    date: Timestamp,
    auto_submitted: Option<AutoSubmitted>,
    text: String,
    html: Option<String>,
}

impl Draft {
    fn new() -> Self {
        Self {
            from: party(Some("OmniStock Directie"), "directie@omnistock.test"),
            to: party(Some("J. de Vries"), "j.devries@klant.test"),
            reply_to: None,
            subject: "[K-2026-00042-X] Uw klacht".into(),
            message_id: "k42.ack@omnistock.test".into(),
            in_reply_to: Vec::new(),
            references: Vec::new(),
            date: "2026-11-21T08:15:00Z".parse().expect("a moment"),
            auto_submitted: Some(AutoSubmitted::Replied),
            text: "Geachte heer De Vries,\n\nWij hebben uw klacht ontvangen.\n".into(),
            html: None,
        }
    }

    fn try_bytes(&self) -> Result<Vec<u8>, ComposeError> {
        let headers = Headers {
            from: &self.from,
            to: &self.to,
            reply_to: self.reply_to.as_deref(),
            subject: &self.subject,
            message_id: &self.message_id,
            in_reply_to: &self.in_reply_to,
            references: &self.references,
            date: self.date,
            auto_submitted: self.auto_submitted,
        };
        compose(&headers, &self.text, self.html.as_deref())
    }

    /// The mail, after the checks that hold for every mail.
    fn mail(&self) -> String {
        let mail = String::from_utf8(self.try_bytes().expect("composed")).expect("UTF-8");
        assert_sound(&mail);
        mail
    }
}

/// ASCII, CRLF alone ends lines, no line over 998, and exactly our headers, each once.
fn assert_sound(mail: &str) {
    assert!(mail.is_ascii() && mail.ends_with("\r\n"), "{mail:?}");
    let without = mail.replace("\r\n", "");
    assert!(!without.contains(['\r', '\n', '\0']), "{mail:?}");
    assert!(mail.split("\r\n").all(|line| line.len() <= 998), "{mail}");
    let (head, _) = mail.split_once("\r\n\r\n").expect("an empty line");
    let mut names = Vec::new();
    for line in head.split("\r\n") {
        assert!(!line.trim().is_empty(), "a line of white space: {head:?}");
        if !line.starts_with(' ') {
            names.push(line.split(':').next().expect("a name"));
        }
    }
    let optional = ["Reply-To", "In-Reply-To", "References", "Auto-Submitted"];
    names.retain(|name| !optional.contains(name));
    let expected = "Date From To Subject Message-ID X-Auto-Response-Suppress MIME-Version Content-Type \
                    Content-Transfer-Encoding";
    let multipart = head.contains("Content-Type: multipart/");
    let expected = if multipart { expected.trim_end_matches(" Content-Transfer-Encoding") } else { expected };
    assert_eq!(names.join(" "), expected, "{head}");
}

fn header<'a>(mail: &'a str, name: &str) -> Option<&'a str> {
    let start = mail.find(&format!("\r\n{name}: "))? + name.len() + 4;
    let rest = &mail[start..];
    let end = rest.match_indices("\r\n").find(|(at, _)| !rest[at + 2..].starts_with(' '))?.0;
    Some(&rest[..end])
}

#[test]
fn a_plain_mail_word_for_word() {
    let mut draft = Draft::new();
    draft.reply_to = Some("directie+t0ken@omnistock.test".into());
    draft.in_reply_to = vec!["abc@klant.test".into()];
    draft.references = vec!["abc@klant.test".into()];
    let expected = "Date: Sat, 21 Nov 2026 08:15:00 +0000\r\n\
        From: \"OmniStock Directie\" <directie@omnistock.test>\r\n\
        To: \"J. de Vries\" <j.devries@klant.test>\r\n\
        Reply-To: directie+t0ken@omnistock.test\r\n\
        Subject: [K-2026-00042-X] Uw klacht\r\n\
        Message-ID: <k42.ack@omnistock.test>\r\n\
        In-Reply-To: <abc@klant.test>\r\n\
        References: <abc@klant.test>\r\n\
        Auto-Submitted: auto-replied\r\n\
        X-Auto-Response-Suppress: All\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: 7bit\r\n\
        \r\n\
        Geachte heer De Vries,\r\n\
        \r\n\
        Wij hebben uw klacht ontvangen.\r\n";
    assert_eq!(draft.mail(), expected);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert_eq!(Draft::new().try_bytes(), Draft::new().try_bytes());
}

#[test]
fn what_a_person_wrote_is_not_called_automatic() {
    let mut draft = Draft::new();
    draft.auto_submitted = None;
    assert_eq!(header(&draft.mail(), "Auto-Submitted"), None);
    draft.auto_submitted = Some(AutoSubmitted::Generated);
    assert_eq!(header(&draft.mail(), "Auto-Submitted"), Some("auto-generated"));
}

#[test]
fn names_and_subjects_beyond_ascii_come_through() {
    let mut draft = Draft::new();
    draft.from.name = Some("Böhm & Zn., \"Café\" Éénhoorn".into());
    draft.to.name = Some("Łukasz Żółć-Ğüneş Wiśniewski van den Überwald tot Ængstrømmen".into());
    draft.subject =
        "[K-2026-00042-X] Uw klacht over geïnde €-bedragen: één vraag, twee antwoorden — 日本語".into();
    draft.text = "Ééns gegeven blijft gegeven: € 12,50 = één twaalfde.\n".into();
    let mail = draft.mail();
    let read = MessageParser::default().parse(mail.as_bytes()).expect("parsed");
    assert_eq!(read.subject(), Some(draft.subject.as_str()));
    let author = read.from().and_then(|from| from.first()).expect("an author");
    assert_eq!(author.name(), draft.from.name.as_deref());
    assert_eq!(author.address(), Some("directie@omnistock.test"));
    let recipient = read.to().and_then(|to| to.first()).expect("a recipient");
    assert_eq!(recipient.name(), draft.to.name.as_deref());
    assert_eq!(
        read.body_text(0).as_deref(),
        Some("Ééns gegeven blijft gegeven: € 12,50 = één twaalfde.\r\n")
    );
    assert_eq!(header(&mail, "Content-Transfer-Encoding"), Some("quoted-printable"));
}

#[test]
fn nothing_in_a_value_begins_a_header() {
    let attack = "x\r\nBcc: everyone@klant.test\r\n\r\nBody\nX-Evil: 1\rX-Evil: 2\u{85}\u{2028}\0";
    let mut draft = Draft::new();
    draft.subject = attack.into();
    draft.from.name = Some(attack.into());
    draft.to.name = Some(attack.into());
    draft.in_reply_to = vec![attack.into(), "good@klant.test".into()];
    draft.references =
        vec!["a> <b".into(), attack.into(), "with space@x".into(), String::new(), "é@x".into()];
    let mail = draft.mail();
    assert_eq!(header(&mail, "In-Reply-To"), Some("<good@klant.test>"));
    assert_eq!(header(&mail, "References"), None);
    let read = MessageParser::default().parse(mail.as_bytes()).expect("parsed");
    assert_eq!(read.subject(), Some("x Bcc: everyone@klant.test Body X-Evil: 1 X-Evil: 2"));
    assert!(read.bcc().is_none());
}

#[test]
fn what_must_be_right_is_refused_when_it_is_not() {
    type Spoil = fn(&mut Draft);
    let spoils: [(Spoil, ComposeError); 8] = [
        (|d| d.from.email = "directie".into(), ComposeError::From),
        (|d| d.to.email = "a@b.test\r\nBcc: c@d.test".into(), ComposeError::To),
        (|d| d.to.email = format!("{}@klant.test", "a".repeat(400)), ComposeError::To),
        (|d| d.reply_to = Some("x> <y@z.test".into()), ComposeError::ReplyTo),
        (|d| d.message_id = "<a@b>".into(), ComposeError::MessageId),
        (|d| d.message_id = "a@b\r\nX: y".into(), ComposeError::MessageId),
        (|d| d.message_id = String::new(), ComposeError::MessageId),
        (|d| d.date = Timestamp::MIN, ComposeError::Date),
    ];
    for (number, (spoil, error)) in spoils.into_iter().enumerate() {
        let mut draft = Draft::new();
        spoil(&mut draft);
        assert_eq!(draft.try_bytes(), Err(error), "case {number}");
    }
}

#[test]
fn the_date_is_written_in_utc() {
    let mut draft = Draft::new();
    draft.date = "2026-03-01T00:30:00+01:00[Europe/Amsterdam]".parse().expect("a moment");
    assert!(draft.mail().starts_with("Date: Sat, 28 Feb 2026 23:30:00 +0000\r\n"));
    draft.date = Timestamp::UNIX_EPOCH;
    assert!(draft.mail().starts_with("Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"));
}

#[test]
fn a_long_thread_is_folded_and_keeps_its_ends() {
    let mut draft = Draft::new();
    draft.references = (0..100).map(|n| format!("{n}.{}@klant.test", "x".repeat(60))).collect();
    let mail = draft.mail();
    let references = header(&mail, "References").expect("there");
    assert!(references.split("\r\n").all(|line| line.len() <= 90), "{references}");
    let ids: Vec<&str> = references.split_whitespace().collect();
    assert_eq!(ids.len(), REFERENCES_LIMIT);
    assert!(
        ids[0].starts_with("<0.") && ids[1].starts_with("<81.") && ids[19].starts_with("<99."),
        "{ids:?}"
    );
}

#[test]
fn long_lines_become_quoted_printable() {
    for line in ["x".repeat(79), "y".repeat(998), "woord ".repeat(500)] {
        let mut draft = Draft::new();
        draft.text = format!("kort\n{line}\n.\nkort");
        let mail = draft.mail();
        assert_eq!(header(&mail, "Content-Transfer-Encoding"), Some("quoted-printable"));
        let (_, body) = mail.split_once("\r\n\r\n").expect("a body");
        assert!(body.split("\r\n").all(|line| line.len() <= 76), "{body}");
        let read = MessageParser::default().parse(mail.as_bytes()).expect("parsed");
        assert_eq!(read.body_text(0).as_deref(), Some(format!("kort\r\n{line}\r\n.\r\nkort\r\n").as_str()));
    }
}

#[test]
fn a_subject_of_one_endless_word_is_cut() {
    for word in ["x".repeat(5000), "€".repeat(5000)] {
        let mut draft = Draft::new();
        draft.subject = word;
        draft.from.name = Some(draft.subject.clone());
        let mail = draft.mail();
        let read = MessageParser::default().parse(mail.as_bytes()).expect("parsed");
        let subject = read.subject().expect("a subject");
        assert!(subject.ends_with('…') && subject.len() <= TEXT_LIMIT + '…'.len_utf8(), "{subject}");
    }
}

#[test]
fn line_ends_of_any_kind_are_one_kind() {
    let mut draft = Draft::new();
    draft.text = "a\rb\nc\r\nd\n\n".into();
    assert!(draft.mail().ends_with("\r\n\r\na\r\nb\r\nc\r\nd\r\n\r\n"));
    draft.text = String::new();
    assert!(draft.mail().ends_with("7bit\r\n\r\n\r\n"));
}

proptest! {
    #[test]
    fn any_words_make_a_sound_mail_that_reads_back(
        subject in "\\PC{0,120}",
        name in any::<String>(),
        text in any::<String>(),
        ids in prop::collection::vec(any::<String>(), 0..4),
    ) {
        let mut draft = Draft::new();
        draft.subject.clone_from(&subject);
        draft.from.name = Some(name.clone());
        draft.text.clone_from(&text);
        draft.references.clone_from(&ids);
        draft.in_reply_to = ids;
        let mail = draft.mail();
        let read = MessageParser::default().parse(mail.as_bytes()).expect("parsed");
        prop_assert_eq!(read.from().and_then(|a| a.first()).and_then(|a| a.address()), Some("directie@omnistock.test"));
        let name = one_line(&name);
        if !name.contains("=?") {
            let author = read.from().and_then(|a| a.first()).and_then(|a| a.name());
            prop_assert_eq!(author.unwrap_or_default(), name);
        }
        prop_assert_eq!(read.message_id(), Some("k42.ack@omnistock.test"));
        let expected = one_line(&subject);
        if !expected.is_empty() && !expected.contains("=?") {
            prop_assert_eq!(read.subject(), Some(expected.as_str()));
        }
        let body = read.body_text(0).unwrap_or_default().replace("\r\n", "\n");
        let body = body.trim_end_matches('\n');
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        prop_assert_eq!(body, text.trim_end_matches('\n'));
    }
}

#[test]
fn html_comes_after_the_text_in_one_mail() {
    let mut draft = Draft::new();
    draft.html = Some("<p>Geachte heer <b>De Vriès</b></p>\n".into());
    let mail = draft.mail();
    let message = MessageParser::default().parse(&mail).expect("parsed");
    assert!(
        message
            .content_type()
            .is_some_and(|t| t.ctype() == "multipart" && t.subtype() == Some("alternative")),
        "{mail}"
    );
    let types: Vec<&str> =
        message.parts.iter().skip(1).filter_map(|p| p.content_type()).filter_map(|t| t.subtype()).collect();
    assert_eq!(types, ["plain", "html"]);
    assert_eq!(message.body_text(0).expect("text").replace("\r\n", "\n"), draft.text);
    assert_eq!(message.body_html(0).expect("HTML").trim_end(), "<p>Geachte heer <b>De Vriès</b></p>");
    assert_eq!(draft.mail(), mail, "the same letter gives the same bytes");
}

#[test]
fn lines_that_are_nearly_too_long_keep_their_ends() {
    for length in 70..=80 {
        let mut draft = Draft::new();
        draft.text = format!("{}\n{}\n", "a".repeat(length), "b".repeat(length));
        let mail = draft.mail();
        assert!(!mail.contains("=0A"), "{length}: {mail}");
        let message = MessageParser::default().parse(&mail).expect("parsed");
        assert_eq!(message.body_text(0).expect("text").replace("\r\n", "\n"), draft.text, "{length}");
    }
}
