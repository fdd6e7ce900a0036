//! Mail that was set aside: what there is, and what an operator makes of it.

use data_encoding::BASE64;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Reply, actor, exit};
use crate::domain::event::Aside;
use crate::domain::mail::Language;
use crate::engine::{Arrived, Engine, EngineError, Outcome, SetAside};
use crate::outbox::replies;
use crate::store::StoreError;

pub(super) fn list(engine: &Engine) -> Result<Reply, EngineError> {
    let rows: Vec<Value> = engine.quarantine()?.iter().map(row).collect();
    Ok(Reply::data(rows))
}

fn row(held: &SetAside) -> Value {
    let (taken, note) = (&held.place.taken, held.note.as_ref());
    json!({
        "id": held.id,
        "mailbox": held.place.mailbox,
        "message_id": note.and_then(|n| n.message_id.as_deref()),
        "sha256": taken.sha256,
        "size": note.map(|n| n.size),
        "reason": taken.reason,
        "at": taken.at,
        "received_at": note.map(|n| n.received_at),
        "from": note.map(|n| n.from.as_str()),
        "subject": note.map(|n| n.subject.as_str()),
    })
}

pub(super) async fn show(engine: &Engine, id: &str, raw: bool) -> Result<Reply, EngineError> {
    let held = match one(engine, id)? {
        Ok(held) => held,
        Err(reply) => return Ok(reply),
    };
    if raw {
        let bytes = engine.store().content(&held.place.taken.sha256);
        return unless_lost(bytes.map(|bytes| Reply::data(json!({ "raw": BASE64.encode(&bytes) }))));
    }
    let mail = match read(engine, &held).await? {
        Ok(mail) => mail,
        Err(reply) => return Ok(reply),
    };
    let mut body = row(&held);
    let letter = Reply::data(&mail.letter).body;
    for name in
        ["class", "answerable", "reasons", "text", "forwarded", "attachments", "authentication", "oddities"]
    {
        body[name] = letter.get(name).cloned().unwrap_or_default();
    }
    Ok(Reply::data(body))
}

pub(super) async fn retry(
    engine: &mut Engine,
    id: Option<&str>,
    now: Timestamp,
) -> Result<Reply, EngineError> {
    let chosen = match id {
        None => engine.quarantine()?,
        Some(id) => match one(engine, id)? {
            Ok(held) => vec![held],
            Err(reply) => return Ok(reply),
        },
    };
    let mut rows = Vec::new();
    for held in chosen {
        let mail = match read(engine, &held).await? {
            Ok(mail) => mail,
            // One that can't be read must not stop the others.
            Err(reply) if id.is_none() => {
                rows.push(json!({ "id": held.id, "fate": null, "reason": reply.error, "reference": null }));
                continue;
            }
            Err(reply) => return Ok(reply),
        };
        if let Some(outcome) = engine.retry_set_aside(&mail, now).await? {
            rows.push(outcome_of(&held, &outcome));
        }
    }
    Ok(Reply::data(rows))
}

pub(super) async fn release(
    engine: &mut Engine,
    id: &str,
    by: &str,
    now: Timestamp,
) -> Result<Reply, EngineError> {
    judge(engine, id, (Aside::Release, by), now).await
}

pub(super) async fn dropped(
    engine: &mut Engine,
    id: &str,
    by: &str,
    now: Timestamp,
) -> Result<Reply, EngineError> {
    judge(engine, id, (Aside::Drop, by), now).await
}

async fn judge(
    engine: &mut Engine,
    id: &str,
    (judgement, by): (Aside, &str),
    now: Timestamp,
) -> Result<Reply, EngineError> {
    let held = match one(engine, id)? {
        Ok(held) => held,
        Err(reply) => return Ok(reply),
    };
    let mail = match read(engine, &held).await? {
        Ok(mail) => mail,
        Err(reply) => return Ok(reply),
    };
    let Some(outcome) = engine.judge_set_aside(&mail, (judgement, &actor(by)), now).await? else {
        return Ok(not_set_aside(id));
    };
    Ok(match outcome.reply.as_ref().and_then(|reply| reply.outcome.as_ref().err()) {
        Some(refusal) => Reply::refused(exit::DATAERR, replies::refusal_in_words(refusal, Language::En)),
        None => Reply::data(outcome_of(&held, &outcome)),
    })
}

fn outcome_of(held: &SetAside, outcome: &Outcome) -> Value {
    json!({
        "id": held.id, "fate": outcome.fate.as_str(), "reason": outcome.reason, "reference": outcome.reference,
    })
}

/// The one mail that is meant, or why there is none.
fn one(engine: &Engine, id: &str) -> Result<Result<SetAside, Reply>, EngineError> {
    let mut named = engine.set_aside_as(id)?;
    if named.len() > 1 {
        let error = format!("{id:?} is the beginning of {} mails; give more of it", named.len());
        return Ok(Err(Reply::refused(exit::DATAERR, error)));
    }
    Ok(named.pop().ok_or_else(|| not_set_aside(id)))
}

fn not_set_aside(id: &str) -> Reply {
    let hint = "or not any more; `klachtd quarantine list` shows what is";
    Reply::refused(exit::DATAERR, format!("no mail {id:?} is set aside, {hint}"))
}

/// The mail as it is understood today, or why it can't be looked at. A mail that is lost is no reason to end the service.
async fn read(engine: &Engine, held: &SetAside) -> Result<Result<Arrived, Reply>, EngineError> {
    let settings = engine.settings();
    if settings.rules.of_mailbox(&settings.house, &held.place.mailbox).is_none() {
        let error =
            format!("mailbox {:?} is no longer configured; show --raw gives the mail", held.place.mailbox);
        return Ok(Err(Reply::refused(exit::CONFIG, error)));
    }
    match engine.read_again(held).await {
        Ok(mail) => Ok(Ok(mail)),
        Err(EngineError::Store(e)) => unless_lost(Err(e)).map(Err),
        Err(e) => Err(e),
    }
}

fn unless_lost(read: Result<Reply, StoreError>) -> Result<Reply, EngineError> {
    match read {
        Ok(reply) => Ok(reply),
        Err(e @ (StoreError::Missing(_) | StoreError::Damaged(_))) => {
            Ok(Reply::refused(exit::DATAERR, e.to_string()))
        }
        Err(e) => Err(e.into()),
    }
}
