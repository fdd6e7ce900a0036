//! Letters that were dealt with leave the folder: MOVE, or COPY and an EXPUNGE that takes nothing of anybody else's.

use std::collections::BTreeSet;

use async_imap::imap_proto::{MailboxDatum, Response};

use super::names::{quoted, sequence_set};
use super::wire::{Fault, Wire};
use super::{ImapSource, MOST_LISTED, UIDS_PER_COMMAND};
use crate::intake::source::{Folder, Place, SourceError};

/// Messages that one SEARCH is about: named all, they take half of what an answer may hold.
const SEARCHED: usize = MOST_LISTED / 20;

impl ImapSource {
    pub(in crate::intake) async fn file_away(
        &mut self,
        moves: &[(Place, Folder)],
    ) -> Result<(), SourceError> {
        let present = self.selected()?;
        let mut result = Ok(());
        for folder in [Folder::Processed, Folder::Quarantine] {
            let uids: BTreeSet<u32> = moves
                .iter()
                .filter_map(|(place, to)| match place {
                    Place::Imap { uid_validity, uid } if *to == folder && *uid_validity == present => {
                        Some(*uid)
                    }
                    _ => None,
                })
                .collect();
            let target = match folder {
                Folder::Processed => self.processed.clone(),
                Folder::Quarantine => self.quarantine.clone(),
            };
            for chunk in uids.into_iter().collect::<Vec<_>>().chunks(UIDS_PER_COMMAND) {
                let filed = self.file_chunk(chunk, &target).await;
                // what is refused for some may be granted for others
                result = result.and(filed);
                if !self.is_open() {
                    return result;
                }
            }
        }
        result
    }

    async fn file_chunk(&mut self, uids: &[u32], target: &str) -> Result<(), SourceError> {
        if self.able.moves {
            return self.bring(uids, "MOVE", target).await;
        }
        // What stays standing, because it can't be marked or expunged, was copied before.
        let fresh: Vec<u32> = uids.iter().copied().filter(|uid| !self.copied.contains(uid)).collect();
        if !fresh.is_empty() {
            self.bring(&fresh, "COPY", target).await?;
            self.copied.extend(fresh);
        }
        self.remove(uids).await
    }

    async fn bring(&mut self, uids: &[u32], verb: &str, target: &str) -> Result<(), SourceError> {
        let command = format!("UID {verb} {} {}", sequence_set(uids), quoted(target));
        match self.run(&command, |_| {}).await {
            Err(Fault::No { try_create: true, .. }) => {
                self.ensure(target).await?;
                self.command(&command, |_| {}).await
            }
            other => other.map_err(Fault::into_error),
        }
    }

    /// Removes what was copied. Without UIDPLUS there is only EXPUNGE, which takes everything that is marked \Deleted:
    /// when a person has marked a message too, ours stay standing, marked, until nobody else's are.
    async fn remove(&mut self, uids: &[u32]) -> Result<(), SourceError> {
        let set = sequence_set(uids);
        self.command(&format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)"), |_| {}).await?;
        if self.able.uidplus {
            return self.command(&format!("UID EXPUNGE {set}"), |_| {}).await;
        }
        if self.others_are_marked().await? {
            tracing::info!(
                "filed letters stay marked as deleted: others are marked too, and the server lacks UIDPLUS"
            );
            return Ok(());
        }
        self.command("EXPUNGE", |_| {}).await
    }

    /// Whether a message is marked \Deleted that we did not copy. Asked in pages, because a SEARCH answers in one line.
    async fn others_are_marked(&mut self) -> Result<bool, SourceError> {
        let exists = self.wire.as_ref().map_or(0, Wire::exists);
        let exists = usize::try_from(exists).unwrap_or(MOST_LISTED).clamp(1, MOST_LISTED);
        let copied = std::mem::take(&mut self.copied);
        let mut others = Ok(false);
        for first in (1..=exists).step_by(SEARCHED) {
            let end = first + SEARCHED - 1;
            let end = if end < exists { end.to_string() } else { "*".to_owned() };
            let line = format!("UID SEARCH {first}:{end} DELETED");
            let mut found_others = false;
            let asked = self.command(&line, |answer| {
                if let Response::MailboxData(MailboxDatum::Search(found)) = answer {
                    found_others |= found.iter().any(|uid| !copied.contains(uid));
                }
            });
            others = asked.await.map(|()| found_others);
            if !matches!(others, Ok(false)) {
                break;
            }
        }
        self.copied = copied;
        others
    }
}
