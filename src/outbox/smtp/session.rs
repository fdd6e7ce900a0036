//! One connection on which mails are handed over, and what its failures mean for a mail.

use std::error::Error as _;
use std::fmt;
use std::future::Future;
use std::iter;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{self, Rcpt, Rset};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter, ServerInfo};
use lettre::transport::smtp::response::{Response, Severity};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::wire::Taken;
use crate::outbox::deliver::{Delivery, Dispatch};

/// How long we stay to say goodbye; nothing depends on it.
const FAREWELL: Duration = Duration::from_secs(2);

/// The reply code by which a server says that it closes the connection (RFC 5321 section 3.8).
const CLOSING: u16 = 421;

/// A dispatch whose addresses can be put into SMTP commands.
#[derive(Debug)]
pub(super) struct Mail<'a> {
    from: Option<Address>,
    to: Address,
    /// Without the last CRLF, which belongs to the final dot.
    bytes: &'a [u8],
}

impl<'a> Mail<'a> {
    /// The error is the verdict on a mail that no server can take.
    pub(super) fn new(dispatch: &'a Dispatch) -> Result<Self, Delivery> {
        let address = |text: &str, reply: &str| {
            text.parse::<Address>().map_err(|_| Delivery::Rejected { reply: reply.to_owned() })
        };
        let from = match dispatch.envelope_from.as_str() {
            "" => None,
            sender => Some(address(sender, "553 5.1.7 not a sender address (found before sending)")?),
        };
        let to = address(&dispatch.to, "553 5.1.3 not a recipient address (found before sending)")?;
        let bytes = dispatch.bytes.strip_suffix(b"\r\n").unwrap_or(&dispatch.bytes);
        Ok(Self { from, to, bytes })
    }

    /// What MAIL has to ask the server for; an error when the server does not have it (RFC 6152, RFC 6531).
    fn parameters(&self, server: &ServerInfo) -> Result<Vec<MailParameter>, Failure> {
        let refused = |reply: &str| Failure {
            stage: Stage::Envelope,
            cause: Cause::Reply { code: 550, reply: reply.to_owned() },
        };
        let mut parameters = Vec::new();
        let ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
        if !ascii(&self.to) || !self.from.as_ref().is_none_or(ascii) {
            if !server.supports_feature(Extension::SmtpUtfEight) {
                return Err(refused(
                    "550 5.6.7 the server takes no address beyond ASCII (found before sending)",
                ));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !self.bytes.is_ascii() {
            if !server.supports_feature(Extension::EightBitMime) {
                return Err(refused("550 5.6.3 the server takes no 8-bit mail (found before sending)"));
            }
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(parameters)
    }
}

/// How far a mail had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// MAIL, RCPT, DATA: the server has nothing of the mail itself.
    Envelope,
    /// The mail was being sent; the final dot was not.
    Body,
    /// The final dot may have arrived.
    Dot,
}

#[derive(Debug)]
enum Cause {
    /// A 4xx or 5xx reply.
    Reply { code: u16, reply: String },
    /// The connection closed, or what came was no answer to what was asked.
    Lost(String),
    /// The time-out passed.
    Silent(Duration),
}

/// Why a mail was not handed over.
#[derive(Debug)]
pub(super) struct Failure {
    stage: Stage,
    cause: Cause,
}

impl Failure {
    fn new(stage: Stage, error: &SmtpError) -> Self {
        let reply = reply_of(error);
        let cause = match error.status() {
            Some(code) => Cause::Reply { code: code.into(), reply },
            None => Cause::Lost(reply),
        };
        Self { stage, cause }
    }

    fn lost(stage: Stage, reason: String) -> Self {
        Self { stage, cause: Cause::Lost(reason) }
    }

    /// The server had closed the connection before it saw anything of the mail.
    pub(super) fn before_data_by_closing(&self) -> bool {
        self.stage == Stage::Envelope
            && matches!(self.cause, Cause::Lost(_) | Cause::Reply { code: CLOSING, .. })
    }

    /// The server answered and has not said goodbye.
    pub(super) fn leaves_connection(&self) -> bool {
        matches!(self.cause, Cause::Reply { code, .. } if code != CLOSING)
    }

    /// What it means for the mail: a reply is a verdict wherever it came; without one it turns on the final dot.
    pub(super) fn into_delivery(self) -> Delivery {
        let reason = match self.cause {
            Cause::Reply { code: 500.., reply } => return Delivery::Rejected { reply },
            Cause::Reply { code: CLOSING, reply } => return Delivery::Away { reason: reply },
            Cause::Reply { reply, .. } => return Delivery::Deferred { reply },
            Cause::Lost(reason) => reason,
            Cause::Silent(limit) => format!("no answer within {limit:?}"),
        };
        match self.stage {
            Stage::Envelope | Stage::Body => Delivery::Away { reason },
            Stage::Dot => Delivery::Unknown { reason },
        }
    }
}

/// The reply as it is kept, code first; for other errors, what went wrong in words.
pub(super) fn reply_of(error: &SmtpError) -> String {
    match (error.status(), error.source()) {
        (Some(code), Some(text)) => format!("{code} {text}"),
        (Some(code), None) => code.to_string(),
        (None, _) if error.is_response() => format!("closed, or no SMTP answer ({error})"),
        (None, _) => error.to_string(),
    }
}

/// A connection that is greeted, safe and logged in.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    taken: Taken,
    timeout: Duration,
    data_timeout: Duration,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("sent", &self.taken.bytes()).finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn new(
        connection: AsyncSmtpConnection,
        taken: Taken,
        timeout: Duration,
        data_timeout: Duration,
    ) -> Self {
        Self { connection, taken, timeout, data_timeout }
    }

    /// MAIL, RCPT, DATA and the mail. The reply to the final dot, or why it never came to that.
    pub(super) async fn hand_over(&mut self, mail: &Mail<'_>) -> Result<String, Failure> {
        let parameters = mail.parameters(self.connection.server_info())?;
        self.command(commands::Mail::new(mail.from.clone(), parameters), Severity::PositiveCompletion)
            .await?;
        self.command(Rcpt::new(mail.to.clone(), Vec::new()), Severity::PositiveCompletion).await?;
        self.command(commands::Data, Severity::PositiveIntermediate).await?;
        self.data(mail.bytes).await
    }

    async fn command(&mut self, command: impl fmt::Display, expected: Severity) -> Result<(), Failure> {
        let limit = self.timeout;
        let answer = timeout(limit, self.connection.command(command)).await;
        let response = answer
            .map_err(|_| Failure { stage: Stage::Envelope, cause: Cause::Silent(limit) })?
            .map_err(|error| Failure::new(Stage::Envelope, &error))?;
        positive(&response, expected, Stage::Envelope).map(drop)
    }

    /// The mail and the final dot. lettre asks for the next piece only after the one before is flushed, and sends the
    /// dot when there is none: so the pieces tell us the moment before the dot, and the count of bytes that the kernel
    /// took since then tells whether it can have left.
    async fn data(&mut self, bytes: &[u8]) -> Result<String, Failure> {
        let (all_sent, taken) = (Notify::new(), self.taken.clone());
        let mut before_dot = None;
        let end = iter::from_fn(|| {
            before_dot = Some(taken.bytes());
            all_sent.notify_one();
            None
        });
        let message = self.connection.message_iter(iter::once(bytes).chain(end));
        let answer = wait(message, &all_sent, &self.taken, self.timeout, self.data_timeout).await;
        let dot_left = before_dot.is_some_and(|count| taken.bytes() > count);
        let stage = if dot_left { Stage::Dot } else { Stage::Body };
        let response =
            answer.map_err(|cause| Failure { stage, cause })?.map_err(|error| Failure::new(stage, &error))?;
        positive(&response, Severity::PositiveCompletion, stage)
    }

    /// Makes the connection ready for another mail after a refusal; whether it is.
    pub(super) async fn reset(&mut self) -> bool {
        matches!(timeout(self.timeout, self.connection.command(Rset)).await, Ok(Ok(_)))
    }

    /// Says goodbye; if the server does not answer, it is left without.
    pub(super) async fn quit(mut self) {
        // the connection ends either way
        let _ = timeout(FAREWELL, self.connection.quit()).await;
    }
}

/// Waits for the answer to the mail: `patience` as long as bytes leave, `data_patience` from the final dot on.
async fn wait<T>(
    message: impl Future<Output = T>,
    all_sent: &Notify,
    taken: &Taken,
    patience: Duration,
    data_patience: Duration,
) -> Result<T, Cause> {
    tokio::pin!(message);
    loop {
        let before = taken.bytes();
        tokio::select! {
            biased;
            answer = &mut message => return Ok(answer),
            () = all_sent.notified() => break,
            () = sleep(patience) => if taken.bytes() == before {
                return Err(Cause::Silent(patience));
            },
        }
    }
    timeout(data_patience, message).await.map_err(|_| Cause::Silent(data_patience))
}

/// The reply as text when it is of the class that was asked for. Another positive one (a 354 after the final dot has
/// been seen in the wild) means that the two sides no longer speak of the same thing.
fn positive(response: &Response, expected: Severity, stage: Stage) -> Result<String, Failure> {
    let words: Vec<&str> = response.message().collect();
    let reply = format!("{} {}", response.code(), words.join(" "));
    if response.code().severity == expected {
        Ok(reply)
    } else {
        Err(Failure::lost(stage, format!("unexpected answer: {reply}")))
    }
}
