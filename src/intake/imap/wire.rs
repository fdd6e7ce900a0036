//! One logged-in connection: a command and its answers, each with a time-out.
//!
//! Of async-imap the codec and the login are used. Its own commands end a FETCH, STORE, EXPUNGE, SEARCH or LIST alike on
//! OK, NO, BYE and a closed socket, and its IDLE takes a closed socket for an interruption; here every tagged status is
//! looked at.

use std::io;
use std::time::Duration;

use async_imap::Session;
use async_imap::error::Error;
use async_imap::imap_proto::{MailboxDatum, RequestId, Response, ResponseCode, Status};
use tokio::time::timeout;

use super::MOST_LISTED;
use super::guard::Guard;

/// An answer that is slow but brings at least this much, in bytes, within the time-out may go on.
const PROGRESS: u64 = 16 * 1024;

/// Untagged answers to one command, twice as many as the largest folder has messages: more of them never end.
const MOST_ANSWERS: usize = 2 * MOST_LISTED;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection is gone or can't be trusted any more.
    Lost(String),
    /// The server sent what can't be read or is too long. The connection is out of step.
    Garbled(String),
    /// The server answered NO or BAD. The connection is good.
    No {
        /// Its words.
        text: String,
        /// TRYCREATE: the folder is missing.
        try_create: bool,
    },
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // async-imap's parse errors quote what could not be parsed: it may be a mail, so it is not passed on
            io::ErrorKind::Other => Self::Garbled("the server's answer is not IMAP".to_owned()),
            io::ErrorKind::FileTooLarge => Self::Garbled(error.to_string()),
            _ => Self::Lost(error.to_string()),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => error.into(),
            Error::No(text) | Error::Bad(text) => {
                // "code: …, info: Some(\"…\")": the server's words alone
                let words = text.split_once("info: Some(\"").and_then(|(_, words)| words.strip_suffix("\")"));
                Self::No { text: brief(words.unwrap_or(&text)), try_create: false }
            }
            Error::Parse(_) => Self::Garbled("the server's answer is not IMAP".to_owned()),
            other => Self::Lost(other.to_string()),
        }
    }
}

/// A server's words, short enough for a log line and without control characters.
pub(super) fn brief(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// A logged-in connection.
#[derive(Debug)]
pub(super) struct Wire {
    session: Session<Guard>,
    timeout: Duration,
    /// A command was begun and its end not read. Seen before another one, its future was dropped: out of step.
    busy: bool,
    /// Untagged answers to the last command.
    answers: usize,
    /// An IDLE goes on.
    idling: Option<RequestId>,
    /// How many messages the folder has, as far as was said.
    exists: u32,
    /// There became more since the last [`Self::take_news`].
    news: bool,
}

impl Wire {
    pub(super) fn new(session: Session<Guard>, timeout: Duration) -> Self {
        Self { session, timeout, busy: false, answers: 0, idling: None, exists: 0, news: false }
    }

    /// Whether the last command was read to its end.
    pub(super) fn in_step(&self) -> bool {
        !self.busy
    }

    /// How long an answer may be from now on, in bytes.
    pub(super) fn allow(&mut self, longest: u64) {
        self.session.get_mut().allow(longest);
    }

    /// How many messages the folder has, as far as was said.
    pub(super) fn exists(&self) -> u32 {
        self.exists
    }

    /// Whether the server announced a message since this was last asked.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    /// Runs a command to its tagged OK; `on` sees every untagged answer.
    pub(super) async fn command(
        &mut self,
        line: &str,
        mut on: impl FnMut(&Response<'_>),
    ) -> Result<(), Fault> {
        let id = self.begin(line).await?;
        while self.answer(&id, &mut on).await?.is_some() {}
        Ok(())
    }

    /// Sends a command; its answers are to be read with [`Self::answer`] until there is none.
    pub(super) async fn begin(&mut self, line: &str) -> Result<RequestId, Fault> {
        self.end_idle().await?;
        if self.busy {
            return Err(Fault::Lost("an earlier command was given up half-way".to_owned()));
        }
        self.busy = true;
        self.answers = 0;
        match timeout(self.timeout, self.session.run_command(line)).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(self.no_answer()),
        }
    }

    /// What `on` makes of the next untagged answer to command `id`; `None` after its tagged OK.
    pub(super) async fn answer<T>(
        &mut self,
        id: &RequestId,
        on: impl FnOnce(&Response<'_>) -> T,
    ) -> Result<Option<T>, Fault> {
        let answer = loop {
            let before = self.session.get_ref().received;
            match timeout(self.timeout, self.session.read_response()).await {
                Ok(answer) => break answer?.ok_or_else(closed)?,
                Err(_) if self.session.get_ref().received - before >= PROGRESS => {}
                Err(_) => return Err(self.no_answer()),
            }
        };
        match answer.parsed() {
            Response::Done { tag, status, outcome } if *tag == *id => {
                self.busy = false;
                match status {
                    Status::Ok => Ok(None),
                    _ => Err(Fault::No {
                        text: brief(
                            outcome.information.as_deref().unwrap_or("the server refuses without a word"),
                        ),
                        try_create: matches!(outcome.code, Some(ResponseCode::TryCreate)),
                    }),
                }
            }
            Response::Done { .. } => {
                Err(Fault::Garbled("the server answered a command that was not given".to_owned()))
            }
            _ if self.answers == MOST_ANSWERS => {
                Err(Fault::Garbled("the server's answer to one command has no end".to_owned()))
            }
            untagged => {
                self.answers += 1;
                self.note(untagged)?;
                Ok(Some(on(untagged)))
            }
        }
    }

    /// Waits with IDLE (RFC 2177) until a message is announced, at most `poll`. `Err(Fault::No)`: no IDLE here.
    ///
    /// `false` when the server ended it by itself and announced nothing. What is announced while IDLE is being set up
    /// counts too. May be dropped while it waits.
    pub(super) async fn idle(&mut self, poll: Duration) -> Result<bool, Fault> {
        let id = self.begin("IDLE").await?;
        loop {
            match self.answer(&id, |answer| matches!(answer, Response::Continue(_))).await? {
                Some(true) => break,
                Some(false) => {}
                None => return Ok(self.news), // the server ended it before it began
            }
        }
        self.busy = false;
        self.idling = Some(id);
        if let Ok(announced) = timeout(poll, self.announcement()).await {
            announced?;
            if self.idling.is_none() {
                return Ok(self.news);
            }
        }
        self.end_idle().await.map(|()| true)
    }

    async fn announcement(&mut self) -> Result<(), Fault> {
        while !self.news {
            let Some(answer) = self.session.read_response().await? else {
                return Err(closed());
            };
            if matches!(answer.parsed(), Response::Done { .. }) {
                self.idling = None; // the server ended it
                return Ok(());
            }
            self.note(answer.parsed())?;
        }
        Ok(())
    }

    /// Ends an IDLE, and learns by that whether the connection still lives.
    async fn end_idle(&mut self) -> Result<(), Fault> {
        let Some(id) = self.idling.take() else {
            return Ok(());
        };
        self.busy = true;
        self.answers = 0;
        match timeout(self.timeout, self.session.run_command_untagged("DONE")).await {
            Ok(sent) => sent?,
            Err(_) => return Err(self.no_answer()),
        }
        while self.answer(&id, |_| ()).await?.is_some() {}
        Ok(())
    }

    fn note(&mut self, answer: &Response<'_>) -> Result<(), Fault> {
        match answer {
            Response::Data { status: Status::Bye, outcome } => Err(bye(outcome.information.as_deref())),
            Response::MailboxData(MailboxDatum::Exists(count)) => {
                // some servers repeat the number without need
                self.news |= *count > self.exists;
                self.exists = *count;
                Ok(())
            }
            Response::Expunge(_) => {
                self.exists = self.exists.saturating_sub(1);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn no_answer(&self) -> Fault {
        Fault::Lost(format!("the server gave no answer within {:?}", self.timeout))
    }
}

/// The server said BYE.
pub(super) fn bye(text: Option<&str>) -> Fault {
    Fault::Lost(format!("the server said BYE: {}", brief(text.unwrap_or_default())))
}

/// The socket was closed.
pub(super) fn closed() -> Fault {
    Fault::Lost("the server closed the connection".to_owned())
}
