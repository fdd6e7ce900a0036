//! The outlet: takes one finished mail and says what became of it. Knows no store and no clock but time-outs.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::maildir::MaildirOutlet;
use super::smtp::SmtpOutlet;
use crate::net::Network;
use crate::tls::{SeenCertificate, TlsError};

/// One mail for one recipient, as it stands in the outbox. A retry is the same value again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatch {
    /// The number of its entry in the outbox.
    pub id: u64,
    /// The envelope sender (RFC 5321 section 4.1.1.2), to which bounces come back; empty means `<>`.
    pub envelope_from: String,
    /// The envelope recipient.
    pub to: String,
    /// The whole mail (RFC 5322), lines ending in CRLF.
    pub bytes: Arc<[u8]>,
}

/// What became of a mail. A server's reply stands with its code first, its lines joined by spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The server took responsibility (RFC 5321 section 6.1).
    Accepted {
        /// For example `250 2.0.0 Ok: queued as 4XyZ`.
        reply: String,
    },
    /// It was certainly not taken; a later attempt may succeed: a 4xx reply to the mail itself.
    Deferred {
        /// For example `450 4.2.0 try later`.
        reply: String,
    },
    /// It was certainly not taken, and nothing was said about it: the server is away, or turned us away at the door.
    Away {
        /// What went wrong, in words, or the reply.
        reason: String,
    },
    /// It was given back untouched, because the service is ending.
    NotBegun,
    /// It was refused for good: a 5xx reply to the mail itself.
    Rejected {
        /// The reply.
        reply: String,
    },
    /// The final dot of DATA was sent and no answer came: it may have been taken or not.
    Unknown {
        /// What went wrong, in words.
        reason: String,
    },
}

/// Why an outlet can't be used at all, told apart by what the operator has to do.
#[derive(Debug, thiserror::Error)]
pub enum OutletError {
    /// TLS can't be set up as configured.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No connection, or it closed or fell silent before mail could be handed over.
    #[error("{host}:{port}: {reason}")]
    Unreachable {
        /// As configured.
        host: String,
        /// As configured.
        port: u16,
        /// What went wrong, in words.
        reason: String,
    },
    /// The connection could not be made safe: a certificate that is not trusted, STARTTLS not offered or refused.
    #[error("{host}:{port}: {reason}")]
    Unsafe {
        /// As configured.
        host: String,
        /// As configured.
        port: u16,
        /// What went wrong, in words.
        reason: String,
    },
    /// The server turned us away before any mail was named: its greeting, EHLO, or a login that failed for now.
    #[error("{reply}")]
    Refused {
        /// The reply, code first.
        reply: String,
    },
    /// User and password were refused (usually 535, RFC 4954 section 6), or no login that we know is offered.
    #[error("login refused: {reply}")]
    LoginRefused {
        /// The reply, code first; without a code when the server offers no PLAIN or LOGIN.
        reply: String,
    },
    /// The Maildir can't be made or written to.
    #[error("{}: {source}", path.display())]
    Maildir {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl OutletError {
    /// Whether the configuration must be changed before this can succeed (exit code 78); otherwise the service can't be
    /// reached or is unhealthy (exit code 69).
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Tls(_) | Self::LoginRefused { .. } => true,
            Self::Unreachable { .. } | Self::Unsafe { .. } | Self::Refused { .. } | Self::Maildir { .. } => {
                false
            }
        }
    }

    /// As a [`Delivery::Away`]: nothing here is a verdict on the mail.
    pub(super) fn into_delivery(self) -> Delivery {
        let reason = match self {
            Self::Refused { reply } | Self::LoginRefused { reply } => reply,
            other => other.to_string(),
        };
        Delivery::Away { reason }
    }
}

/// Where the mails of one mailbox leave.
#[derive(Debug)]
pub enum Outlet {
    /// A submission server or relay (RFC 6409, RFC 5321). Boxed, because it is much the larger.
    Smtp(Box<SmtpOutlet>),
    /// A folder.
    Maildir(MaildirOutlet),
}

impl Outlet {
    /// The same over another network.
    #[must_use]
    pub fn over(mut self, network: &Network) -> Self {
        if let Self::Smtp(outlet) = &mut self {
            outlet.over(network);
        }
        self
    }

    /// Hands over one mail. Always comes to an end: every step has its time-out.
    ///
    /// An SMTP connection is kept for the next mail; call [`Outlet::rest`] when there is none for now. When the
    /// future is dropped half-way, its connection is closed, and the caller must take the outcome as unknown.
    pub async fn send(&mut self, dispatch: &Dispatch) -> Delivery {
        match self {
            Self::Smtp(outlet) => outlet.send(dispatch).await,
            Self::Maildir(outlet) => outlet.send(dispatch).await,
        }
    }

    /// The server and the certificate that it last showed; `None` where there is no TLS.
    pub fn certificate(&self) -> Option<(String, SeenCertificate)> {
        match self {
            Self::Smtp(outlet) => outlet.certificate(),
            Self::Maildir(_) => None,
        }
    }

    /// Closes a kept connection politely; without one it does nothing.
    pub async fn rest(&mut self) {
        match self {
            Self::Smtp(outlet) => outlet.rest().await,
            Self::Maildir(_) => {}
        }
    }

    /// Connects, makes the connection safe, logs in and leaves again; for a Maildir, makes its folders.
    ///
    /// # Errors
    /// Whatever keeps the outlet from being used.
    pub async fn probe(&mut self) -> Result<(), OutletError> {
        match self {
            Self::Smtp(outlet) => outlet.probe().await,
            Self::Maildir(outlet) => outlet.probe().await,
        }
    }
}
