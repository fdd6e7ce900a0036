//! Any values in every notice: it can be written, its subject is one line, and the mail made of it is a mail.

use std::sync::LazyLock;

use jiff::Timestamp;
use klachtd::domain::mail::{Language, Party};
use klachtd::domain::notice::{NoticeKind, Wording};
use klachtd::outbox::compose::{AutoSubmitted, ComposeError, Headers, compose};
use klachtd::outbox::templates::{Rendered, Templates, Values, sample};
use mail_parser::MessageParser;
use minijinja::value::{Serde, Value};
use serde_json::Value as Json;

static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| Templates::built_in().expect("they have no fault"));

/// The headers of our mails; no other may come in with a value.
const OURS: [&str; 13] = [
    "Auto-Submitted",
    "Content-Transfer-Encoding",
    "Content-Type",
    "Date",
    "From",
    "In-Reply-To",
    "MIME-Version",
    "Message-ID",
    "References",
    "Reply-To",
    "Subject",
    "To",
    "X-Auto-Response-Suppress",
];

/// What the input says: which notice, and the values. Two bytes choose, the rest is texts, a NUL after each.
struct Input {
    choice: [usize; 2],
    texts: Vec<String>,
}

impl Input {
    fn of(bytes: &[u8]) -> Option<Self> {
        let (choice, rest) = bytes.split_first_chunk::<2>()?;
        let texts = rest.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
        Some(Self { choice: choice.map(usize::from), texts: texts.collect() })
    }

    fn text(&self, n: usize) -> &str {
        &self.texts[n % self.texts.len()]
    }

    /// The sample with every text in it, also in lists, replaced; an empty one leaves the sample's, a lone `-` is
    /// nothing.
    fn values(&self, kind: NoticeKind, language: Language, wording: Wording) -> Values {
        let mut n = 0;
        let replaced = |(name, value): (String, Value)| {
            let mut json = serde_json::to_value(&value).expect("a value can be written as JSON");
            self.replace(&mut json, &mut n);
            (name, Value::from(Serde(&json)))
        };
        sample(kind, language, wording).into_iter().map(replaced).collect()
    }

    fn replace(&self, value: &mut Json, n: &mut usize) {
        match value {
            Json::String(text) => {
                match self.text(*n) {
                    "" => {}
                    "-" => text.clear(),
                    other => other.clone_into(text),
                }
                *n += 1;
            }
            Json::Array(items) => items.iter_mut().for_each(|item| self.replace(item, n)),
            Json::Object(fields) => fields.values_mut().for_each(|field| self.replace(field, n)),
            _ => {}
        }
    }
}

fn mail(input: &Input, rendered: &Rendered) -> Result<Vec<u8>, ComposeError> {
    let party = |n: usize, email: &str| {
        let email = if input.choice[1] & 0x80 == 0 { email } else { input.text(n + 1) };
        Party { name: Some(input.text(n).to_owned()), email: email.to_owned() }
    };
    let ids: Vec<String> = input.texts.iter().take(40).cloned().collect();
    let headers = Headers {
        from: &party(0, "directie@omnistock.test"),
        to: &party(2, "jan@klant.test"),
        reply_to: Some("directie+k.1.tag@omnistock.test"),
        subject: &rendered.subject,
        message_id: "k.1.tag@omnistock.test",
        in_reply_to: &ids,
        references: &ids,
        date: Timestamp::UNIX_EPOCH,
        auto_submitted: Some(AutoSubmitted::Replied),
    };
    compose(&headers, &rendered.text, rendered.html.as_deref())
}

fn check(mail: &[u8], rendered: &Rendered) {
    let text = std::str::from_utf8(mail).expect("a mail of ours is UTF-8");
    assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']), "bare line ends in {text:?}");
    assert!(text.ends_with("\r\n"), "an open end in {text:?}");
    assert!(text.split("\r\n").all(|line| line.len() <= 998), "a long line in {text:?}");
    let (head, body) = text.split_once("\r\n\r\n").expect("a mail has a body");
    assert!(body.is_ascii(), "8-bit text in {text:?}");
    let lines = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    let mut names: Vec<&str> = lines.map(|line| line.split(':').next().unwrap_or_default()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a header twice in {head}");
    let strange: Vec<&str> = names.into_iter().filter(|name| !OURS.contains(name)).collect();
    assert!(strange.is_empty(), "{strange:?} in {head}");
    let parsed = MessageParser::default().parse(mail).expect("a mail of ours is a mail");
    let said = parsed.body_text(0).expect("it has a text").replace("\r\n", "\n");
    let meant = rendered.text.replace("\r\n", "\n").replace('\r', "\n");
    assert_eq!(said.trim_end_matches('\n'), meant.trim_end_matches('\n'), "another text in {text:?}");
}

/// One input.
pub(crate) fn one(bytes: &[u8]) {
    let Some(input) = Input::of(bytes) else { return };
    let kind = NoticeKind::ALL[input.choice[0] % NoticeKind::ALL.len()];
    let language = Language::ALL[input.choice[1] % 2];
    let wording = Wording::ALL[input.choice[1] / 2 % 2];
    let values = input.values(kind, language, wording);
    let rendered = TEMPLATES.render(kind, language, wording, &values);
    let rendered = rendered.unwrap_or_else(|error| panic!("{kind} can't be written: {error}"));
    assert!(!rendered.subject.contains(char::is_control), "not one line: {:?}", rendered.subject);
    assert!(rendered.text.is_empty() || rendered.text.ends_with('\n'), "an open end: {:?}", rendered.text);
    match mail(&input, &rendered) {
        Ok(mail) => check(&mail, &rendered),
        Err(ComposeError::From | ComposeError::To) if input.choice[1] & 0x80 != 0 => {}
        Err(error) => panic!("no mail of {kind}: {error}"),
    }
}
