//! A mailbox from which letters come: what IMAP and Maildir have in common.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::Sender;

use super::imap::{ImapSettings, ImapSource};
use super::maildir::{MaildirSettings, MaildirSource};
use crate::net::Network;
use crate::tls::{SeenCertificate, TlsError};

/// Of a message over the limit this much is fetched, in bytes: its header, as a rule.
pub const HEAD_SIZE: usize = 64 * 1024;

/// How old the sight of a certificate may be that ends soon.
const STALE: SignedDuration = SignedDuration::from_hours(12);

/// Where a message stands in its mailbox. Written as `imap:VALIDITY/UID` or `maildir:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// In an IMAP folder (RFC 3501 section 2.3.1.1): a UID means something only under its UIDVALIDITY.
    Imap {
        /// The folder's UIDVALIDITY.
        uid_validity: u32,
        /// The message's UID.
        uid: u32,
    },
    /// In a Maildir.
    Maildir {
        /// The file name without its flags (`:2,S`). Control characters, `%` and bytes that are not UTF-8 stand in
        /// it as `%XX`.
        name: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Imap { uid_validity, uid } => write!(f, "imap:{uid_validity}/{uid}"),
            Self::Maildir { name } => write!(f, "maildir:{name}"),
        }
    }
}

/// A text that is no [`Place`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no place in a mailbox; expected imap:VALIDITY/UID or maildir:NAME")]
pub struct NotAPlace(pub String);

impl FromStr for Place {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let place = match text.split_once(':') {
            Some(("imap", rest)) => rest.split_once('/').and_then(|(uid_validity, uid)| {
                Some(Self::Imap { uid_validity: uid_validity.parse().ok()?, uid: uid.parse().ok()? })
            }),
            Some(("maildir", name)) if !name.is_empty() => Some(Self::Maildir { name: name.to_owned() }),
            _ => None,
        };
        place.ok_or_else(|| NotAPlace(text.to_owned()))
    }
}

/// A message that was seen in the mailbox and not fetched yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Where it stands.
    pub place: Place,
    /// In bytes, as the mailbox says (IMAP: RFC822.SIZE); 0 when it does not.
    pub size: u64,
    /// When it came into the mailbox: INTERNALDATE, or the file's mtime; `None` when the mailbox gives no moment.
    pub received: Option<Timestamp>,
}

/// What was got of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// All of it.
    Whole(Vec<u8>),
    /// It is over the limit.
    TooLarge {
        /// Its first [`HEAD_SIZE`] bytes.
        head: Vec<u8>,
    },
    /// It no longer stands there: somebody moved or deleted it.
    Gone,
}

/// A message that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Where it stands.
    pub place: Place,
    /// When it came into the mailbox, as in [`Listed`].
    pub received: Option<Timestamp>,
    /// In bytes, as in [`Listed`].
    pub size: u64,
    /// What was got of it.
    pub content: Content,
}

/// Where a message goes after its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Folder {
    /// Dealt with.
    Processed,
    /// Set aside.
    Quarantine,
}

/// How far an IMAP folder has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The UIDVALIDITY under which it was read; under another one the cursor means nothing.
    pub uid_validity: u32,
    /// The highest UID that was read.
    pub uid: u32,
}

/// What went wrong, by what the caller must do. The words hold nothing of a mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Network, time-out, BYE, a passing fault of the server: open again later.
    #[error("{0}")]
    Away(String),
    /// Login refused, certificate not trusted, folder missing and not to be made, a move refused: the operator must
    /// act. Trying again later does no harm.
    #[error("{0}")]
    Refused(String),
    /// This message can't be fetched, others can: count, and set it aside after some times (IMAP: the connection may
    /// be lost with it, see [`Source::is_open`]).
    #[error("{place}: {why}")]
    Odd {
        /// Where it stands.
        place: Place,
        /// What happened.
        why: String,
        /// Whether it may pass, because the connection went with it or the server speaks of a passing state: then the
        /// network or the whole mailbox may be at fault as well.
        passing: bool,
    },
    /// The receiving end of the channel is gone: the caller wants no more.
    #[error("nobody takes the mails any more")]
    Stopped,
}

/// A complaint mailbox.
///
/// A caller opens it, lists, fetches, files away after its commit, waits, and lists again. After an error it looks at
/// [`is_open`](Self::is_open) and opens again when needed. Every future may be dropped: while [`wait`](Self::wait) waits
/// that costs nothing, within another IMAP command it costs the connection.
#[derive(Debug)]
pub enum Source {
    /// An IMAP folder.
    Imap(Box<ImapSource>),
    /// A Maildir.
    Maildir(MaildirSource),
}

impl Source {
    /// An IMAP folder, not connected yet.
    ///
    /// # Errors
    /// Plain text was asked for towards another machine.
    pub fn imap(settings: ImapSettings) -> Result<Self, TlsError> {
        Ok(Self::Imap(Box::new(ImapSource::new(settings)?)))
    }

    /// A Maildir, not opened yet.
    pub fn maildir(settings: MaildirSettings) -> Self {
        Self::Maildir(MaildirSource::new(settings))
    }

    /// The same over another network.
    #[must_use]
    pub fn over(mut self, network: &Network) -> Self {
        if let Self::Imap(source) = &mut self {
            source.over(network);
        }
        self
    }

    /// Connects and logs in. Drops an earlier connection.
    ///
    /// # Errors
    /// [`SourceError::Away`] or [`SourceError::Refused`].
    pub async fn open(&mut self) -> Result<(), SourceError> {
        match self {
            Self::Imap(source) => source.open().await,
            Self::Maildir(source) => source.open().await,
        }
    }

    /// Makes the folders for processed and set-aside mail when absent.
    ///
    /// # Errors
    /// [`SourceError::Away`] or [`SourceError::Refused`]; letters can be taken in all the same, unless the connection went
    /// with it.
    pub async fn make_folders(&mut self) -> Result<(), SourceError> {
        match self {
            Self::Imap(source) => source.make_folders().await,
            Self::Maildir(source) => source.make_folders().await,
        }
    }

    /// As [`open`](Self::open), but only to look: nothing can be moved, no flag changes.
    ///
    /// # Errors
    /// [`SourceError::Away`] or [`SourceError::Refused`].
    pub async fn open_to_look(&mut self) -> Result<(), SourceError> {
        match self {
            Self::Imap(source) => source.open_to_look().await,
            Self::Maildir(source) => source.open_to_look(),
        }
    }

    /// The messages in the mailbox, oldest first. With `after` under the present UIDVALIDITY only those with a higher
    /// UID; else, and for a Maildir, all.
    ///
    /// # Errors
    /// [`SourceError::Away`] or [`SourceError::Refused`].
    pub async fn list(&mut self, after: Option<&Cursor>) -> Result<Vec<Listed>, SourceError> {
        match self {
            Self::Imap(source) => source.list(after).await,
            Self::Maildir(source) => source.list().await,
        }
    }

    /// The UIDVALIDITY of the IMAP folder as it was last opened.
    pub fn uid_validity(&self) -> Option<u32> {
        match self {
            Self::Imap(source) => source.uid_validity(),
            Self::Maildir(_) => None,
        }
    }

    /// Fetches `wanted` into `out`, one mail each, of those over `limit` bytes only the head. They come in their order,
    /// unless an IMAP server brings them in another.
    /// Holds one body at a time: the channel's capacity is what the caller is ready to hold.
    ///
    /// # Errors
    /// [`SourceError::Odd`] names a message that can't be had (other mails may have been sent before and, from a
    /// Maildir, all others were); [`SourceError::Away`], [`SourceError::Refused`], [`SourceError::Stopped`].
    pub async fn fetch(
        &mut self,
        wanted: &[Listed],
        limit: u64,
        out: &Sender<Mail>,
    ) -> Result<(), SourceError> {
        match self {
            Self::Imap(source) => source.fetch(wanted, limit, out).await,
            Self::Maildir(source) => source.fetch(wanted, limit, out).await,
        }
    }

    /// Moves messages to their folders. Those that are no longer there are passed over; doing it twice does no harm.
    ///
    /// # Errors
    /// [`SourceError::Away`] or [`SourceError::Refused`]; what was not moved stays where it was.
    pub async fn file_away(&mut self, moves: &[(Place, Folder)]) -> Result<(), SourceError> {
        match self {
            Self::Imap(source) => source.file_away(moves).await,
            Self::Maildir(source) => source.file_away(moves).await,
        }
    }

    /// Returns when something may have come, at the latest after `poll`.
    ///
    /// # Errors
    /// [`SourceError::Away`] when the connection turns out to be dead.
    pub async fn wait(&mut self) -> Result<(), SourceError> {
        match self {
            Self::Imap(source) => source.wait().await,
            Self::Maildir(source) => source.wait().await,
        }
    }

    /// Takes leave of the server, for which it has a few seconds.
    pub async fn close(self) {
        match self {
            Self::Imap(source) => source.close().await,
            Self::Maildir(_) => {}
        }
    }

    /// The server and the certificate that it last showed; `None` where there is no TLS.
    pub fn certificate(&self) -> Option<(String, SeenCertificate)> {
        match self {
            Self::Imap(source) => source.certificate(),
            Self::Maildir(_) => None,
        }
    }

    /// Whether the certificate ends soon and was seen long ago: on a connection that is kept for weeks its successor would
    /// never be seen.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        let certificate = self.certificate().and_then(|(_, seen)| seen.newest());
        certificate.is_some_and(|c| c.is_ending(now) && now.duration_since(c.seen_at) > STALE)
    }

    /// Whether it was opened and the connection was good when last used.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Imap(source) => source.is_open(),
            Self::Maildir(source) => source.is_open(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_and_read_back() {
        for text in ["imap:1763702506/17", "maildir:klacht: mijn.eml", "maildir:1763.M1P2.host,S=4"] {
            assert_eq!(text.parse::<Place>().map(|place| place.to_string()), Ok(text.to_owned()));
        }
        for text in
            ["", "imap:", "imap:1", "imap:1/x", "imap:-1/2", "imap:4294967296/1", "maildir:", "mbox:1"]
        {
            assert_eq!(text.parse::<Place>(), Err(NotAPlace(text.to_owned())));
        }
    }

    fn all_of_it<'a>(source: &'a mut Source, out: &'a Sender<Mail>) -> impl Send + 'a {
        async move {
            source.open().await?;
            let all = source.list(None).await?;
            source.fetch(&all, 1, out).await?;
            source.file_away(&[]).await?;
            source.wait().await
        }
    }

    #[test]
    fn a_source_can_go_into_a_task() {
        fn is_send<T: Send>() {}
        is_send::<Source>();
        let _ = all_of_it; // that it compiles is the test
    }
}
