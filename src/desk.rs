//! Where fetched mails are read: off the async threads, many at a time, each within its own bounds.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::domain::mail::Letter;
use crate::domain::signing::{Signer, sha256_hex};
use crate::engine::{Arrived, Settings};
use crate::intake::read::{self, ReadLimits, Reading};
use crate::intake::source::{Content, Mail, Place};

/// Longest time that reading one mail may take; then it is set aside.
const READ_TIME: Duration = Duration::from_secs(20);

/// A mail with its bytes, not read yet.
#[derive(Debug)]
pub struct Unread {
    /// Where it stands.
    pub place: Place,
    /// When the server took it.
    pub taken_at: Timestamp,
    /// Bytes of the whole mail.
    pub size: u64,
    /// The mail, or its head when it is too large.
    pub raw: Vec<u8>,
    /// Why it must be set aside whatever it says.
    pub trouble: Option<String>,
}

impl Unread {
    /// What was fetched; `None` when it was expunged under us, so that there is nothing to take in. What the server does
    /// not date came when it was `seen_at`.
    pub fn of(mail: Mail, limit: u64, seen_at: Timestamp) -> Option<Self> {
        let (raw, trouble) = match mail.content {
            Content::Whole(raw) => (raw, None),
            Content::TooLarge { head } => {
                let size = mail.size;
                (
                    head,
                    Some(format!(
                        "it has {size} bytes, more than the limit of {limit}; only its head was kept"
                    )),
                )
            }
            Content::Gone => return None,
        };
        Some(Self {
            place: mail.place,
            taken_at: mail.received.unwrap_or(seen_at),
            size: mail.size,
            raw,
            trouble,
        })
    }
}

/// By what mails of one mailbox are read.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The mailbox's name.
    pub mailbox: String,
    /// Procedures and addresses.
    pub settings: Arc<Settings>,
    /// Knows what we signed.
    pub signer: Signer,
}

impl Desk {
    /// Reads a batch. One mail that hangs or makes a stage fail is set aside; the others are read as ever.
    pub async fn read(&self, mails: Vec<Unread>) -> (Vec<Arrived>, Vec<Place>, Vec<Vec<u8>>) {
        let mails = Arc::new(mails);
        let letters = match self.read_together(&mails).await {
            Some(letters) => letters,
            None => self.read_apart(&mails).await,
        };
        let mut read = (Vec::new(), Vec::new(), Vec::new());
        for (mail, (letter, trouble)) in unshared(mails).into_iter().zip(letters) {
            read.0.push(self.arrived(&mail, letter, trouble));
            read.1.push(mail.place);
            read.2.push(mail.raw);
        }
        read
    }

    /// All in one thread; `None` when that took too long or failed.
    async fn read_together(&self, mails: &Arc<Vec<Unread>>) -> Option<Vec<(Letter, Option<String>)>> {
        let (desk, mails) = (self.clone(), Arc::clone(mails));
        let work = spawn_blocking(move || mails.iter().map(|mail| desk.understand(&mail.raw)).collect());
        timeout(READ_TIME, work).await.ok()?.ok()?
    }

    async fn read_apart(&self, mails: &Arc<Vec<Unread>>) -> Vec<(Letter, Option<String>)> {
        let mut letters = Vec::with_capacity(mails.len());
        for (n, mail) in mails.iter().enumerate() {
            let (desk, shared) = (self.clone(), Arc::clone(mails));
            let read = within_time(move || desk.understand(&shared[n].raw)).await;
            letters.push(read.unwrap_or_else(|failure| (read::unread(&mail.raw), Some(failure))));
        }
        letters
    }

    /// Reads a mail that was kept again, within the same bounds; and why it must be set aside, when it must.
    pub async fn again(&self, raw: Vec<u8>) -> (Letter, Option<String>) {
        self.alone(&Arc::new(raw)).await
    }

    /// Reads a mail that a mail server handed over at `now`, within the same bounds; and gives its bytes back.
    pub async fn handed_over(&self, raw: Vec<u8>, now: Timestamp) -> (Arrived, Vec<u8>) {
        let (size, sha256, raw) = (raw.len() as u64, sha256_hex(&raw), Arc::new(raw));
        let (letter, trouble) = self.alone(&raw).await;
        let limit = self.settings.house.limits.message_size;
        let too_large =
            (size > limit).then(|| format!("it has {size} bytes, more than the limit of {limit}"));
        let arrived = Arrived {
            mailbox: self.mailbox.clone(),
            place: format!("ingest:{sha256}"),
            cursor: None,
            taken_at: now,
            size,
            sha256,
            letter,
            set_aside: too_large.or(trouble),
        };
        (arrived, Arc::try_unwrap(raw).unwrap_or_else(|shared| shared.to_vec()))
    }

    async fn alone(&self, raw: &Arc<Vec<u8>>) -> (Letter, Option<String>) {
        let (desk, shared) = (self.clone(), Arc::clone(raw));
        let read = within_time(move || desk.understand(&shared)).await;
        read.unwrap_or_else(|failure| (read::unread(raw), Some(failure)))
    }

    /// `None` when a stage failed.
    fn understand(&self, raw: &[u8]) -> Option<(Letter, Option<String>)> {
        let is_ours = |id: &str| self.signer.notice_of(id).is_some();
        let read = || read_one(raw, &self.settings, &self.mailbox, &is_ours);
        Some(match panic::catch_unwind(AssertUnwindSafe(read)).ok()? {
            Some(letter) => (letter, None),
            None => (read::unread(raw), Some("the mailbox has no procedure".to_owned())),
        })
    }

    fn arrived(&self, mail: &Unread, letter: Letter, trouble: Option<String>) -> Arrived {
        let sha256 = sha256_hex(&mail.raw);
        let cursor = match mail.place {
            Place::Imap { uid_validity, uid } => Some((uid_validity, uid)),
            Place::Maildir { .. } => None,
        };
        Arrived {
            mailbox: self.mailbox.clone(),
            place: known_as(&mail.place, &sha256),
            cursor,
            taken_at: mail.taken_at,
            size: mail.size,
            sha256,
            letter,
            set_aside: mail.trouble.clone().or(trouble),
        }
    }
}

/// What the store calls a place: of a file in a Maildir with the beginning of its content's hash, because another mail may
/// come under the same name.
pub fn known_as(place: &Place, sha256: &str) -> String {
    match place {
        Place::Imap { .. } => place.to_string(),
        Place::Maildir { .. } => format!("{place}#{}", &sha256[..sha256.len().min(12)]),
    }
}

/// What a thread of its own made of one mail, or why it made nothing of it.
async fn within_time(
    work: impl FnOnce() -> Option<(Letter, Option<String>)> + Send + 'static,
) -> Result<(Letter, Option<String>), String> {
    match timeout(READ_TIME, spawn_blocking(work)).await {
        Ok(Ok(Some(read))) => Ok(read),
        Ok(_) => Err("reading it failed".to_owned()),
        Err(_) => Err(format!("reading it took more than {} s", READ_TIME.as_secs())),
    }
}

/// The mails themselves; copied only when a thread that took too long still looks at them.
fn unshared(mails: Arc<Vec<Unread>>) -> Vec<Unread> {
    Arc::try_unwrap(mails).unwrap_or_else(|shared| {
        let copy = |m: &Unread| Unread {
            place: m.place.clone(),
            taken_at: m.taken_at,
            size: m.size,
            raw: m.raw.clone(),
            trouble: m.trouble.clone(),
        };
        shared.iter().map(copy).collect()
    })
}

/// Reads one mail as it comes into `mailbox`; `None` when there is no such mailbox or its procedure is missing.
pub fn read_one(
    raw: &[u8],
    settings: &Settings,
    mailbox: &str,
    is_ours: &dyn Fn(&str) -> bool,
) -> Option<Letter> {
    with_reading(settings, mailbox, is_ours, |reading| read::read(raw, reading))
}

/// The mail that a letter to `mailbox` passes on, as if its writer had sent it.
pub fn passed_on(letter: &Letter, settings: &Settings, mailbox: &str) -> Option<Letter> {
    with_reading(settings, mailbox, &|_| false, |reading| read::passed_on(letter, reading)).flatten()
}

fn with_reading<T>(
    settings: &Settings,
    mailbox: &str,
    is_ours: &dyn Fn(&str) -> bool,
    work: impl FnOnce(&Reading) -> T,
) -> Option<T> {
    let ruling = settings.rules.of_mailbox(&settings.house, mailbox)?;
    let mailbox = settings.house.mailbox(mailbox)?;
    Some(work(&Reading {
        mailbox,
        house: &settings.house,
        patterns: &ruling.patterns,
        languages: &ruling.procedure.languages,
        limits: ReadLimits::default(),
        is_ours,
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn reading_that_does_not_end_is_left() {
        tokio::time::pause();
        let (release, held) = mpsc::channel::<()>();
        let reading = tokio::spawn(within_time(move || {
            held.recv().ok();
            None
        }));
        tokio::task::yield_now().await;
        tokio::time::advance(READ_TIME + Duration::from_secs(1)).await;
        let left = reading.await.expect("no panic").expect_err("it took too long");
        assert_eq!(left, "reading it took more than 20 s");
        drop(release);
    }
}
