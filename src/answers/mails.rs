//! The mails of a complaint, word for word: what came in, and what left.

use data_encoding::BASE64;
use mail_parser::{HeaderName, Message, MessageParser};
use serde_json::json;

use super::{Reply, exit, unknown_reference};
use crate::desk;
use crate::domain::fact::NoticeId;
use crate::engine::{Engine, EngineError};
use crate::register;

/// One letter: its new text and what it was understood as, or its bytes.
pub(super) fn letter(engine: &Engine, reference: &str, n: usize, raw: bool) -> Result<Reply, EngineError> {
    let Some(complaint) = register::by_reference(engine, reference)? else {
        return Ok(unknown_reference(reference));
    };
    let Some(record) = n.checked_sub(1).and_then(|n| complaint.letters.get(n)) else {
        let error = format!("{reference} has {} letters; expected a number from 1", complaint.letters.len());
        return Ok(Reply::refused(exit::DATAERR, error));
    };
    let bytes = engine.store().content(&record.letter.sha256)?;
    if raw {
        return Ok(Reply::data(json!({ "raw": BASE64.encode(&bytes) })));
    }
    let signer = engine.store().signer().clone();
    let read =
        desk::read_one(&bytes, engine.settings(), &complaint.mailbox, &|id| signer.notice_of(id).is_some());
    Ok(match read {
        Some(letter) => Reply::data(letter),
        // Its mailbox is no longer configured: how it was understood is not known any more, what it says is.
        None => Reply::data(json!({ "text": in_words(&bytes).1 })),
    })
}

/// One mail that left, or is about to: its headers and text, or its bytes.
pub(super) fn notice(
    engine: &Engine,
    reference: &str,
    id: NoticeId,
    raw: bool,
) -> Result<Reply, EngineError> {
    let Some(complaint) = register::by_reference(engine, reference)? else {
        return Ok(unknown_reference(reference));
    };
    let Some(record) = complaint.notice(id) else {
        let numbers: Vec<String> = complaint.notices.iter().map(|n| n.notice.id.0.to_string()).collect();
        let error = format!("{reference} has no notice {}; expected one of {}", id.0, numbers.join(", "));
        return Ok(Reply::refused(exit::DATAERR, error));
    };
    let bytes = engine.store().content(&record.notice.sha256)?;
    if raw {
        return Ok(Reply::data(json!({ "raw": BASE64.encode(&bytes) })));
    }
    let (headers, text) = in_words(&bytes);
    Ok(Reply::data(json!({
        "id": id, "kind": record.notice.kind, "to": record.notice.to, "status": record.status,
        "message_id": record.notice.message_id, "sha256": record.notice.sha256, "headers": headers, "text": text,
    })))
}

/// The headers in their order, without their encoding (RFC 2047), each as a pair of name and value; and the text.
fn in_words(mail: &[u8]) -> (Vec<(String, String)>, String) {
    // The default counts only beside a header that is named.
    let as_text = MessageParser::new().header_text(HeaderName::Subject).default_header_text();
    let headers = as_text.parse_headers(mail);
    let pairs = headers.iter().flat_map(Message::headers).map(|header| {
        let value = header.value.as_text().unwrap_or_default();
        (header.name.as_str().to_owned(), value.to_owned())
    });
    let mail = MessageParser::default().parse(mail);
    let text = mail.as_ref().and_then(|mail| mail.body_text(0)).unwrap_or_default();
    (pairs.collect(), text.replace("\r\n", "\n"))
}
