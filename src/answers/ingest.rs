//! A mail that a mail server hands over itself, as into a pipe, instead of a mailbox that is fetched from.

use std::sync::Arc;

use data_encoding::BASE64;
use jiff::Timestamp;
use serde_json::json;

use super::{Reply, exit, unknown_mailbox};
use crate::desk::Desk;
use crate::engine::{Arrived, Engine, EngineError, Outcome, Settings};
use crate::store::{Store, StoreError};

/// Reads a mail, within the bounds of every mail, and saves its bytes; what is left is to decide. Needs no engine, so
/// that a mail which takes long holds up no other. The inner error is the answer to one that can't be taken.
///
/// # Errors
/// [`StoreError`] when it can't be saved.
pub async fn receive(
    store: &Store,
    settings: &Arc<Settings>,
    mailbox: &str,
    base64: &str,
    now: Timestamp,
) -> Result<Result<Arrived, Reply>, StoreError> {
    let Ok(raw) = BASE64.decode(base64.as_bytes()) else {
        return Ok(Err(Reply::refused(exit::DATAERR, "the mail is not base64".to_owned())));
    };
    if settings.rules.of_mailbox(&settings.house, mailbox).is_none() {
        return Ok(Err(unknown_mailbox(settings, mailbox)));
    }
    let room = store.room()?;
    if !room.is_enough() {
        let error = format!("only {} MB are free on the disk of the store", room.free_bytes >> 20);
        return Ok(Err(Reply::refused(exit::TEMPFAIL, error)));
    }
    let desk =
        Desk { mailbox: mailbox.to_owned(), settings: Arc::clone(settings), signer: store.signer().clone() };
    let (arrived, raw) = desk.handed_over(raw, now).await;
    store.keep(vec![raw]).await?;
    Ok(Ok(arrived))
}

/// What became of it.
pub fn taken(outcomes: &[Outcome]) -> Reply {
    let first = outcomes
        .first()
        .map(|o| json!({ "fate": o.fate.as_str(), "reason": o.reason, "reference": o.reference }));
    Reply::data(first)
}

pub(super) async fn ingest(
    engine: &mut Engine,
    mailbox: &str,
    base64: &str,
    now: Timestamp,
) -> Result<Reply, EngineError> {
    let settings = Arc::clone(engine.settings());
    Ok(match receive(engine.store(), &settings, mailbox, base64, now).await? {
        Ok(arrived) => taken(&engine.take(&[arrived], now).await?),
        Err(refused) => refused,
    })
}
