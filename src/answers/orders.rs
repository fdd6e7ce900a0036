//! Orders in the shell, and complaints that did not come by mail.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Reply, actor, exit, unknown_mailbox, unknown_reference};
use crate::desk;
use crate::domain::mail::{Class, Language, Letter, Party};
use crate::domain::procedure::{Channel, Spoken};
use crate::domain::reply::{OrderReply, Refusal};
use crate::domain::signing::sha256_hex;
use crate::engine::{Arrived, Engine, EngineError};
use crate::outbox::compose::{self, Headers};
use crate::outbox::replies;

/// A complaint that did not come by mail (`klachtd add`).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Added {
    /// The mailbox's name.
    pub mailbox: String,
    /// By what it came.
    pub channel: Channel,
    /// The complainant's address.
    pub email: String,
    /// The complainant's name.
    pub name: String,
    /// What it is about.
    pub subject: Option<String>,
    /// When it came: the stamp on the letter, the moment of the call. Now when absent.
    pub received: Option<Timestamp>,
    /// The order number that it names.
    pub order_number: Option<String>,
    /// The letter, or the record of what was said.
    pub text: String,
    /// Who brings it: the name of the Unix user.
    pub by: String,
}

pub(super) async fn order(
    engine: &mut Engine,
    reference: &str,
    text: &str,
    by: &str,
    now: Timestamp,
) -> Result<Reply, EngineError> {
    let reference = reference.trim().to_ascii_uppercase();
    let Some(reply) = engine.order(&reference, text, &actor(by), now).await? else {
        return Ok(unknown_reference(&reference));
    };
    Ok(in_words(&reference, &reply))
}

/// The shell is answered in English, as all of the command line.
fn in_words(reference: &str, reply: &OrderReply) -> Reply {
    let language = Language::En;
    let possible: Vec<&str> = reply.possible.iter().map(|o| replies::order_in_words(*o, language)).collect();
    match &reply.outcome {
        Ok(done) => {
            let done: Vec<String> = done.iter().map(|d| replies::done_in_words(d, language)).collect();
            Reply::data(json!({ "reference": reference, "done": done, "possible": possible }))
        }
        Err(refusal) => {
            let mut lines = vec![replies::refusal_in_words(refusal, language)];
            match refusal {
                Refusal::Typed(fault) => lines.push(fault.spot()),
                Refusal::Missing(missing) => lines.extend(replies::missing_in_words(missing, language)),
                _ => {}
            }
            if !possible.is_empty() {
                lines.push(format!("Possible now:\n  {}", possible.join("\n  ")));
            }
            let body = json!({
                "reference": reference, "refused": replies::refusal_in_words(refusal, language),
                "possible": possible,
            });
            Reply { exit: exit::DATAERR, body, error: Some(lines.join("\n")) }
        }
    }
}

pub(super) async fn add(engine: &mut Engine, added: &Added, now: Timestamp) -> Result<Reply, EngineError> {
    let settings = engine.settings().clone();
    let Some(mailbox) = settings.house.mailbox(&added.mailbox) else {
        return Ok(unknown_mailbox(&settings, &added.mailbox));
    };
    if settings.house.is_own(&added.email) {
        let error = format!("{} is one of our own addresses; expected the complainant's", added.email);
        return Ok(Reply::refused(exit::DATAERR, error));
    }
    let received = added.received.unwrap_or(now);
    if received > now {
        let error = format!("it can't have been received at {received}: that is yet to come");
        return Ok(Reply::refused(exit::DATAERR, error));
    }
    let procedure = settings.rules.of_mailbox(&settings.house, &added.mailbox).map(|r| r.procedure);
    let recorded = procedure.is_some_and(|p| p.intake.spoken == Spoken::RecordAndAgree);
    if added.channel == Channel::Phone && recorded && added.text.trim().is_empty() {
        let error = "the record of the call is missing: the complainant is asked to agree with it; \
                     give it with --text FILE or on stdin with --text -";
        return Ok(Reply::refused(exit::DATAERR, error.to_owned()));
    }
    let complainant = Party { name: Some(added.name.clone()), email: added.email.clone() };
    let subject = added.subject.clone().unwrap_or_default();
    // Written down as a mail of the complainant: everything that reads letters reads this one too.
    let id = sha256_hex(format!("{received} {} {} {subject} {}", now, added.email, added.text).as_bytes());
    let headers = Headers {
        from: &complainant,
        to: &mailbox.from,
        reply_to: None,
        subject: &subject,
        message_id: &format!("added.{}{}", &id[..32], compose::ADDED),
        in_reply_to: &[],
        references: &[],
        date: received,
        auto_submitted: None,
    };
    let raw = match compose::compose(&headers, &added.text, None) {
        Ok(raw) => raw,
        Err(e) => return Ok(Reply::refused(exit::DATAERR, format!("{e}: {:?}", added.email))),
    };
    let Some(letter) = desk::read_one(&raw, &settings, &added.mailbox, &|_| false) else {
        return Ok(unknown_mailbox(&settings, &added.mailbox));
    };
    let sha256 = sha256_hex(&raw);
    let size = raw.len() as u64;
    engine.store().keep(vec![raw]).await?;
    let mail = Arrived {
        mailbox: added.mailbox.clone(),
        place: format!("added:{}", &id[..32]),
        cursor: None,
        taken_at: received,
        size,
        sha256,
        letter: written_down(letter, added, complainant),
        set_aside: None,
    };
    let outcome = engine.bring(&mail, added.channel, &actor(&added.by), now).await?;
    Ok(Reply::data(json!({ "reference": outcome.reference })))
}

/// What the command line says goes before what could be read from the words.
fn written_down(letter: Letter, added: &Added, complainant: Party) -> Letter {
    let mut fields = letter.fields.clone();
    if let Some(number) = &added.order_number {
        fields.insert("order_number".to_owned(), number.clone());
    }
    Letter {
        class: Class::Letter,
        answerable: true,
        reasons: Vec::new(),
        from: Some(complainant),
        relay: None,
        text: added.text.clone(),
        fields,
        ..letter
    }
}
