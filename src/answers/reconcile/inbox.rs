//! What lies in the inboxes and is not in the store. A connection of its own, which changes nothing.

use std::collections::{BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::join_all;
use mail_parser::MessageParser;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::{Missing, Why, overdue};
use crate::clock::Clock;
use crate::config::Config;
use crate::desk;
use crate::domain::signing::sha256_hex;
use crate::intake::source::{Content, Cursor, Listed, Mail, Place, Source, SourceError};
use crate::net::Network;
use crate::setup;
use crate::store::{Store, StoreError};

/// Missing messages whose Message-ID is fetched.
const NAMED: usize = 200;

/// Mails that wait between fetching and looking at them.
const READ_AHEAD: usize = 2;

/// What the inboxes hold beyond the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inboxes {
    /// What should have been taken in.
    pub missing: Vec<Missing>,
    /// Messages that are to be taken in yet.
    pub waiting: u64,
    /// Mailboxes that could not be asked.
    pub unreachable: Vec<Unreachable>,
}

/// A mailbox that could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreachable {
    /// Its name.
    pub mailbox: String,
    /// Why.
    pub why: String,
}

/// Why a mailbox could not be looked at.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Asks all mailboxes at the same time what lies in them; changes nothing.
///
/// # Errors
/// [`StoreError`] when the store can't be read.
pub async fn inboxes(
    config: &Config,
    network: &Network,
    store: &Store,
    clock: &Clock,
) -> Result<Inboxes, StoreError> {
    let asked = config.mailboxes.iter().map(|mailbox| async move {
        // A password that can't be read costs this mailbox only.
        let source = setup::source(&mailbox.name, &mailbox.inbox);
        let source = source.map_err(|e| SourceError::Refused(e.to_string()))?.over(network);
        let (mailbox, limit) = (mailbox.name.clone(), config.house.limits.message_size);
        ask(Look { mailbox, source, store: store.clone(), limit }, clock).await
    });
    let mut inboxes = Inboxes::default();
    for (mailbox, looked) in config.mailboxes.iter().zip(join_all(asked).await) {
        match looked {
            Ok((missing, waiting)) => {
                inboxes.missing.extend(missing);
                inboxes.waiting += waiting;
            }
            Err(LookError::Store(e)) => return Err(e),
            Err(LookError::Source(e)) => {
                inboxes.unreachable.push(Unreachable { mailbox: mailbox.name.clone(), why: e.to_string() });
            }
        }
    }
    Ok(inboxes)
}

/// What is missing in one mailbox, and how much waits there.
async fn ask(mut look: Look, clock: &Clock) -> Result<(Vec<Missing>, u64), LookError> {
    // The protocol parser of a library may panic on a server's odd answer.
    let looked = AssertUnwindSafe(look.all(clock)).catch_unwind().await;
    look.source.close().await;
    let odd = || SourceError::Away("an answer of the server could not be understood".to_owned());
    looked.unwrap_or_else(|_| Err(odd().into()))
}

/// A look at one mailbox.
struct Look {
    mailbox: String,
    source: Source,
    store: Store,
    limit: u64,
}

impl Look {
    async fn all(&mut self, clock: &Clock) -> Result<(Vec<Missing>, u64), LookError> {
        self.source.open_to_look().await?;
        let now = clock.now();
        let listed = self.source.list(None).await?;
        // Before the places: what the cursor has passed is then known as well.
        let cursor =
            self.store.cursor(&self.mailbox)?.map(|(uid_validity, uid)| Cursor { uid_validity, uid });
        let unknown = self.unknown(listed).await?;
        let mut waiting = 0;
        let mut overdue_ones = Vec::new();
        for listed in unknown {
            match overdue(&listed, cursor, now) {
                Some(why) => overdue_ones.push((listed, why)),
                None => waiting += 1,
            }
        }
        Ok((self.missing(overdue_ones).await?, waiting))
    }

    /// Those that the store does not know.
    async fn unknown(&mut self, listed: Vec<Listed>) -> Result<Vec<Listed>, LookError> {
        let (store, mailbox) = (self.store.clone(), self.mailbox.clone());
        let sorted = spawn_blocking(move || sort_out(&store, &mailbox, listed)).await;
        let sorted = sorted.map_err(|e| StoreError::Broken(format!("looking messages up failed: {e}")))?;
        let (mut unknown, alike) = sorted?;
        // Of a file only the content tells whether it is the one that came under its name before.
        let known = self.known(&alike).await?;
        unknown.extend(alike.into_iter().filter(|listed| !known.contains(&listed.place)));
        Ok(unknown)
    }

    /// Those whose bytes the store has from that place; those that are gone by now too.
    async fn known(&mut self, alike: &[Listed]) -> Result<BTreeSet<Place>, LookError> {
        let mut known = BTreeSet::new();
        let (store, mailbox) = (self.store.clone(), self.mailbox.clone());
        let fetched = self.fetch(alike, self.limit, |mail| {
            let sha256 = match &mail.content {
                Content::Whole(raw) | Content::TooLarge { head: raw } => sha256_hex(raw),
                Content::Gone => {
                    known.insert(mail.place);
                    return Ok(());
                }
            };
            if store.place(&mailbox, &desk::known_as(&mail.place, &sha256))?.is_some() {
                known.insert(mail.place);
            }
            Ok(())
        });
        unless_odd(fetched.await)?;
        Ok(known)
    }

    /// What is left of `overdue` by now, named as far as that is cheap.
    async fn missing(&mut self, overdue: Vec<(Listed, Why)>) -> Result<Vec<Missing>, LookError> {
        let first: Vec<Listed> = overdue.iter().take(NAMED).map(|(listed, _)| listed.clone()).collect();
        let mut names: HashMap<Place, Option<String>> = HashMap::new();
        let mut gone = BTreeSet::new();
        let fetched = self.fetch(&first, 0, |mail| {
            match mail.content {
                Content::Whole(head) | Content::TooLarge { head } => {
                    names.insert(mail.place, message_id(&head));
                }
                Content::Gone => {
                    gone.insert(mail.place);
                }
            }
            Ok(())
        });
        unless_odd(fetched.await)?;
        let mut missing = Vec::new();
        for (listed, why) in overdue {
            // Taken in, or away, since it was listed.
            let taken = self.store.place(&self.mailbox, &listed.place.to_string())?.is_some();
            if taken || gone.contains(&listed.place) {
                continue;
            }
            missing.push(Missing {
                mailbox: self.mailbox.clone(),
                message_id: names.remove(&listed.place).flatten(),
                place: listed.place.to_string(),
                since: listed.received,
                why,
            });
        }
        Ok(missing)
    }

    /// Fetches messages, of those over `limit` bytes the head, and shows each to `on`.
    async fn fetch(
        &mut self,
        wanted: &[Listed],
        limit: u64,
        mut on: impl FnMut(Mail) -> Result<(), StoreError>,
    ) -> Result<(), LookError> {
        let (given, mut taken) = mpsc::channel(READ_AHEAD);
        let (fetched, looked) = tokio::join!(
            async {
                let given = given;
                self.source.fetch(wanted, limit, &given).await
            },
            async {
                let mut looked = Ok(());
                while let Some(mail) = taken.recv().await {
                    looked = looked.and_then(|()| on(mail));
                }
                looked
            }
        );
        looked?;
        Ok(fetched?)
    }
}

/// A message that can't be fetched is missing all the more.
fn unless_odd(fetched: Result<(), LookError>) -> Result<(), LookError> {
    match fetched {
        Err(LookError::Source(SourceError::Odd { .. })) => Ok(()),
        fetched => fetched,
    }
}

/// Those that the store does not know, and those of which it knows one with the same file name.
fn sort_out(
    store: &Store,
    mailbox: &str,
    listed: Vec<Listed>,
) -> Result<(Vec<Listed>, Vec<Listed>), StoreError> {
    let (mut unknown, mut alike) = (Vec::new(), Vec::new());
    for listed in listed {
        let place = listed.place.to_string();
        match listed.place {
            Place::Imap { .. } if store.place(mailbox, &place)?.is_some() => {}
            Place::Maildir { .. } if has_name(store, mailbox, &desk::known_as(&listed.place, ""))? => {
                alike.push(listed);
            }
            _ => unknown.push(listed),
        }
    }
    Ok((unknown, alike))
}

/// Whether a place begins with `start`.
fn has_name(store: &Store, mailbox: &str, start: &str) -> Result<bool, StoreError> {
    let next = store.places_page(Some((mailbox, start)), 1)?;
    Ok(next.first().is_some_and(|next| next.mailbox == mailbox && next.place.starts_with(start)))
}

/// A message's own name, from its header.
fn message_id(head: &[u8]) -> Option<String> {
    // The parser may fail on what others send.
    let parse = || MessageParser::default().parse_headers(head)?.message_id().map(str::to_owned);
    std::panic::catch_unwind(parse).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_id_is_read_from_the_header_alone() {
        let head = b"Subject: x\r\nMessage-ID:\r\n <a.b@klant.test>\r\n\r\nMessage-ID: <c@d>\r\n";
        assert_eq!(message_id(head).as_deref(), Some("a.b@klant.test"));
        assert_eq!(message_id(b"Subject: x\r\n\r\nMessage-ID: <c@d>\r\n"), None);
        assert_eq!(message_id(b"\xff\x00"), None);
    }
}
