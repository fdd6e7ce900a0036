//! What became of every message that the mailboxes ever showed.
//!
//! Asked in pages, because a register may hold a million messages; the inboxes are asked after them, so that a mail
//! which is taken in meanwhile is not counted twice.

mod inbox;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Reply;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::fact::{ComplaintId, Fact, Fate, LetterNote};
use crate::intake::source::{Cursor, Listed, Place};
use crate::net::Network;
use crate::store::{self, Store, StoreError};

pub use inbox::{Inboxes, Unreachable, inboxes};

/// Messages in one page.
const PAGE: usize = 500;

/// A message may lie in the inbox for so long before the store must know it.
const GRACE: SignedDuration = SignedDuration::from_mins(1);

/// A server's clock may be ahead of ours; what came later than this has a date that says nothing.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// Mailbox and place of a message: where a page ends.
pub type Mark = (String, String);

/// What `klachtd reconcile` asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Question {
    /// What became of the messages that the store knows: a [`Page`].
    Messages {
        /// Where the page before ended.
        after: Option<Mark>,
    },
    /// What lies in the inboxes: [`Inboxes`].
    Inboxes,
}

/// A message that the store knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The mailbox's name.
    pub mailbox: String,
    /// Where it stood there when it was taken in.
    pub place: String,
    /// Its Message-ID; `None` when it has none, or when its part of the journal was erased.
    pub message_id: Option<String>,
    /// SHA-256 (hex) of its raw bytes.
    pub sha256: String,
    /// What became of it.
    pub fate: Fate,
    /// Why.
    pub reason: String,
    /// The complaint that it made or joined.
    pub reference: Option<String>,
}

/// A message that is not accounted for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// The mailbox's name.
    pub mailbox: String,
    /// Where it stands, or stood when it was taken in.
    pub place: String,
    /// Its Message-ID, when it could be had.
    pub message_id: Option<String>,
    /// Since when it lies in the inbox; of lost bytes: when they were saved.
    pub since: Option<Timestamp>,
    /// What is wrong.
    pub why: Why,
}

/// Why a message is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It lies in the inbox for over a minute.
    NotTaken,
    /// It lies in the inbox before messages that were taken in.
    PassedOver,
    /// It was taken in, and its raw bytes are gone from the store.
    BytesLost,
}

/// Some messages that the store knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// In the order of mailbox and place.
    pub messages: Vec<Message>,
    /// Those of them whose bytes are lost.
    pub missing: Vec<Missing>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Mark>,
}

/// Answers. Changes nothing, neither in the store nor in a mailbox.
///
/// # Errors
/// [`StoreError`] when the store can't be read.
pub async fn answer(
    config: &Config,
    store: &Store,
    clock: &Clock,
    question: Question,
) -> Result<Reply, StoreError> {
    match question {
        Question::Messages { after } => {
            let store = store.clone();
            let read = tokio::task::spawn_blocking(move || page(&store, after.as_ref())).await;
            let page = read.map_err(|e| StoreError::Broken(format!("reading messages failed: {e}")))??;
            Ok(Reply::data(page))
        }
        Question::Inboxes => Ok(Reply::data(inboxes(config, &Network::Tcp, store, clock).await?)),
    }
}

/// The messages after a mark. Blocks: it looks at a file for each of them.
///
/// # Errors
/// [`StoreError`] when the store can't be read.
pub fn page(store: &Store, after: Option<&Mark>) -> Result<Page, StoreError> {
    let places = store.places_page(after.map(|(mailbox, place)| (&**mailbox, &**place)), PAGE)?;
    let last = places.last().filter(|_| places.len() == PAGE);
    let next = last.map(|place| (place.mailbox.clone(), place.place.clone()));
    let mut page = Page { next, ..Page::default() };
    let mut references = HashMap::new();
    for place in places {
        let told = Told::of(store, &place)?;
        let message_id = told.letter().and_then(|letter| letter.message_id.clone());
        if told != Told::Erased && !store.has_content(&place.taken.sha256)? {
            page.missing.push(Missing {
                mailbox: place.mailbox.clone(),
                place: place.place.clone(),
                message_id: message_id.clone(),
                since: Some(place.taken.at),
                why: Why::BytesLost,
            });
        }
        page.messages.push(Message {
            reference: reference(store, &mut references, place.taken.complaint)?,
            mailbox: place.mailbox,
            place: place.place,
            message_id,
            sha256: place.taken.sha256,
            fate: place.taken.fate,
            reason: place.taken.reason,
        });
    }
    Ok(page)
}

/// What the journal tells of a message.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    /// This.
    Letter(Box<LetterNote>),
    /// It was erased, with its bytes.
    Erased,
    /// Nothing, or nothing that can be read: `klachtd verify` says so.
    Nothing,
}

impl Told {
    fn of(store: &Store, place: &store::Place) -> Result<Self, StoreError> {
        let Some(seq) = place.taken.entry else { return Ok(Self::Nothing) };
        let entry = unless_damaged(store.journal_page(seq.saturating_sub(1), 1))?;
        let Some(entry) = entry.into_iter().flatten().next() else { return Ok(Self::Nothing) };
        Ok(match unless_damaged(entry.fact())? {
            Some(None) => Self::Erased,
            Some(Some(Fact::Received(received))) => Self::Letter(Box::new(received.letter)),
            Some(Some(Fact::LetterJoined { letter, .. } | Fact::LetterKept { letter, .. })) => {
                Self::Letter(Box::new(letter))
            }
            Some(Some(_)) | None => Self::Nothing,
        })
    }

    fn letter(&self) -> Option<&LetterNote> {
        if let Self::Letter(letter) = self { Some(letter) } else { None }
    }
}

fn reference(
    store: &Store,
    known: &mut HashMap<ComplaintId, Option<String>>,
    complaint: Option<ComplaintId>,
) -> Result<Option<String>, StoreError> {
    let Some(id) = complaint else { return Ok(None) };
    if let Some(reference) = known.get(&id) {
        return Ok(reference.clone());
    }
    let found = unless_damaged(store.complaint(id))?.flatten();
    let reference = found.map(|complaint| complaint.reference);
    known.insert(id, reference.clone());
    Ok(reference)
}

/// One damaged document hides nothing of the others.
fn unless_damaged<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Err(e) if e.is_of_one() => Ok(None),
        read => read.map(Some),
    }
}

/// Why a message is missing that lies in the inbox and that the store does not know; `None` when it is young enough to
/// be taken in yet. `now` is a moment before the inbox was listed, `cursor` how far it was read.
fn overdue(listed: &Listed, cursor: Option<Cursor>, now: Timestamp) -> Option<Why> {
    if let (Place::Imap { uid_validity, uid }, Some(cursor)) = (&listed.place, cursor)
        && *uid_validity == cursor.uid_validity
        && *uid <= cursor.uid
    {
        return Some(Why::PassedOver);
    }
    let age = listed.received.map(|received| now.duration_since(received));
    let is_young = age.is_some_and(|age| age <= GRACE && age >= -AHEAD);
    (!is_young).then_some(Why::NotTaken)
}
