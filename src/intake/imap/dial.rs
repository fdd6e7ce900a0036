//! From nothing to a logged-in connection: TCP, TLS, greeting, login.

use std::fmt::Display;
use std::io;
use std::time::Duration;

use async_imap::error::Error;
use async_imap::imap_proto::{Response, Status};
use async_imap::{Authenticator, Client, Session};
use rustls::pki_types::ServerName;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::ImapSettings;
use super::guard::Guard;
use super::wire::{Fault, Wire, brief, bye, closed};
use crate::intake::source::SourceError;
use crate::net::{DialError, Line, Network};
use crate::tls::{SeenCertificate, TlsMode, client_config};

/// The longest line that is read before TLS, in bytes.
const LONGEST_PLAIN_LINE: usize = 8 * 1024;

/// Connects and logs in. Every step has the settings' time-out.
pub(super) async fn dial(
    network: &Network,
    settings: &ImapSettings,
    seen: &SeenCertificate,
) -> Result<Wire, SourceError> {
    let dialled = network.dial(&settings.host, settings.port, settings.tls, settings.timeout).await;
    let mut tcp = dialled.map_err(|error| match error {
        DialError::PlainText(error) => SourceError::Refused(error.to_string()),
        DialError::Unreachable(why) => away(settings, &why),
    })?;

    let client = match settings.tls {
        TlsMode::None => greeted(settings, Guard::new(Box::new(tcp))).await?,
        TlsMode::Implicit => {
            greeted(settings, Guard::new(Box::new(secured(settings, seen, tcp).await?))).await?
        }
        TlsMode::StartTls => {
            within(settings.timeout, "to STARTTLS", start_tls(&mut tcp)).await??;
            Client::new(Guard::new(Box::new(secured(settings, seen, tcp).await?))) // no second greeting
        }
    };
    let session = within(settings.timeout, "to the login", log_in(settings, client)).await??;
    Ok(Wire::new(session, settings.timeout))
}

async fn within<T>(limit: Duration, what: &str, step: impl Future<Output = T>) -> Result<T, SourceError> {
    let late = |_| SourceError::Away(format!("the server gave no answer {what} within {limit:?}"));
    tokio::time::timeout(limit, step).await.map_err(late)
}

fn away(settings: &ImapSettings, error: &dyn Display) -> SourceError {
    SourceError::Away(format!("{}:{}: {error}", settings.host, settings.port))
}

async fn secured(
    settings: &ImapSettings,
    seen: &SeenCertificate,
    tcp: Line,
) -> Result<TlsStream<Line>, SourceError> {
    // made anew each time: a root that the operator adds or replaces counts from the next connection on
    let (ca, seen) = (settings.ca.clone(), seen.clone());
    let config = tokio::task::spawn_blocking(move || client_config(ca.as_deref(), &seen))
        .await
        .map_err(|e| SourceError::Away(e.to_string()))?
        .map_err(|e| SourceError::Refused(e.to_string()))?;
    let name = ServerName::try_from(settings.host.clone())
        .map_err(|_| SourceError::Refused(format!("{:?} is no host name for TLS", settings.host)))?;
    let handshake = TlsConnector::from(config).connect(name, tcp);
    within(settings.timeout, "to the TLS handshake", handshake)
        .await?
        .map_err(|e| handshake_failed(settings, &e))
}

fn handshake_failed(settings: &ImapSettings, error: &io::Error) -> SourceError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(distrust @ rustls::Error::InvalidCertificate(_)) => {
            SourceError::Refused(format!("{}:{}: {distrust}", settings.host, settings.port))
        }
        _ => away(settings, &error),
    }
}

/// Greeting and STARTTLS, read byte by byte: nothing that came in plain text can be left in a buffer and be taken for
/// something that came through TLS (the command injection of CVE-2011-0411 and its kin).
async fn start_tls(tcp: &mut Line) -> Result<(), SourceError> {
    let greeting = plain_line(tcp).await?;
    check_greeting(greeting.split_whitespace().nth(1).unwrap_or_default(), &greeting)?;
    tcp.write_all(b"S1 STARTTLS\r\n").await.map_err(|e| Fault::from(e).into_error())?;
    loop {
        let line = plain_line(tcp).await?;
        let Some(status) = line.strip_prefix("S1 ") else {
            if line.to_ascii_uppercase().starts_with("* BYE") {
                return Err(bye(Some(&line)).into_error());
            }
            continue;
        };
        if status.get(..2).is_some_and(|ok| ok.eq_ignore_ascii_case("OK")) {
            return Ok(());
        }
        return Err(SourceError::Refused(format!("the server refuses STARTTLS: {}", brief(status))));
    }
}

async fn plain_line(tcp: &mut Line) -> Result<String, SourceError> {
    let mut line = Vec::new();
    while line.len() < LONGEST_PLAIN_LINE {
        match tcp.read_u8().await {
            Ok(b'\n') => return Ok(String::from_utf8_lossy(&line).trim_end().to_owned()),
            Ok(byte) => line.push(byte),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Err(closed().into_error()),
            Err(e) => return Err(Fault::from(e).into_error()),
        }
    }
    Err(SourceError::Away("the server's greeting is not IMAP".to_owned()))
}

fn check_greeting(status: &str, words: &str) -> Result<(), SourceError> {
    match status.to_ascii_uppercase().as_str() {
        "OK" => Ok(()),
        "BYE" => Err(bye(Some(words)).into_error()),
        // whose mailbox it is can't be known then, and before STARTTLS it is an attack (RFC 3501 section 6.2.1)
        "PREAUTH" => Err(SourceError::Refused("the server takes us for logged in before we have".to_owned())),
        _ => Err(SourceError::Away("the server's greeting is not IMAP".to_owned())),
    }
}

async fn greeted(settings: &ImapSettings, guard: Guard) -> Result<Client<Guard>, SourceError> {
    let mut client = Client::new(guard);
    let greeting = within(settings.timeout, "(no greeting)", client.read_response()).await?;
    let Some(greeting) = greeting.map_err(|e| Fault::from(e).into_error())? else {
        return Err(closed().into_error());
    };
    let (status, words) = match greeting.parsed() {
        Response::Data { status, outcome } => (status, outcome.information.as_deref().unwrap_or_default()),
        _ => return check_greeting("", "").map(|()| client),
    };
    let status = match status {
        Status::Ok => "OK",
        Status::Bye => "BYE",
        Status::PreAuth => "PREAUTH",
        Status::No | Status::Bad => "",
    };
    check_greeting(status, words).map(|()| client)
}

/// AUTHENTICATE PLAIN (RFC 4616): the one way in which user and password may be UTF-8.
struct Plain(String);

impl Authenticator for Plain {
    type Response = String;

    fn process(&mut self, _challenge: &[u8]) -> String {
        std::mem::take(&mut self.0)
    }
}

async fn log_in(settings: &ImapSettings, client: Client<Guard>) -> Result<Session<Guard>, SourceError> {
    let password = settings.password.now().await.map_err(SourceError::Refused)?;
    let (user, password) = (settings.user.as_str(), password.expose_secret());
    let result = if user.is_ascii() && password.is_ascii() {
        client.login(user, password).await
    } else {
        client.authenticate("PLAIN", Plain(format!("\0{user}\0{password}"))).await
    };
    result.map_err(|(error, _)| match error {
        Error::Validate(_) => SourceError::Refused("user or password holds a line break".to_owned()),
        error => match Fault::from(error).into_error() {
            SourceError::Refused(text) => SourceError::Refused(format!("login refused: {text}")),
            other => other,
        },
    })
}
