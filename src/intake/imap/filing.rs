//! Letters that were dealt with leave the folder: MOVE, or COPY and an EXPUNGE that takes nothing of anybody else's.

use std::collections::BTreeSet;

use async_imap::imap_proto::{MailboxDatum, Response};

use super::names::{quoted, sequence_set};
use super::wire::Fault;
use super::{ImapSource, UIDS_PER_COMMAND};
use crate::intake::source::{Folder, Place, SourceError};

impl ImapSource {
    pub(in crate::intake) async fn file_away(
        &mut self,
        moves: &[(Place, Folder)],
    ) -> Result<(), SourceError> {
        let present = self.selected()?;
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
                self.file_chunk(chunk, &target).await?;
            }
        }
        Ok(())
    }

    async fn file_chunk(&mut self, uids: &[u32], target: &str) -> Result<(), SourceError> {
        if self.able.moves {
            return self.bring(uids, "MOVE", target).await;
        }
        // What stays standing marked was copied before; each connection shows it again.
        let fresh: Vec<u32> = uids.iter().copied().filter(|uid| !self.left_marked.contains(uid)).collect();
        if !fresh.is_empty() {
            self.bring(&fresh, "COPY", target).await?;
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
        self.left_marked.extend(uids);
        // of a server's answer only that is kept which is ours
        let ours = self.left_marked.clone();
        let (mut standing, mut others) = (BTreeSet::new(), false);
        self.command("UID SEARCH DELETED", |answer| {
            if let Response::MailboxData(MailboxDatum::Search(found)) = answer {
                others |= found.iter().any(|uid| !ours.contains(uid));
                standing.extend(found.iter().copied().filter(|uid| ours.contains(uid)));
            }
        })
        .await?;
        self.left_marked = standing;
        if others {
            tracing::info!(
                "filed letters stay marked as deleted: others are marked too, and the server lacks UIDPLUS"
            );
            return Ok(());
        }
        self.command("EXPUNGE", |_| {}).await?;
        self.left_marked.clear();
        Ok(())
    }
}
