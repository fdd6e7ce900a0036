//! The byte stream under an SMTP connection: TCP without delay, counted, with TLS when asked for.
//!
//! lettre speaks SMTP over it, and reads a line to its end however long it is: so answers are bounded here. TLS is ours, because lettre's own connections leave Nagle's algorithm on (42 ms a mail)
//! and, after STARTTLS, keep what the server sent in plain text before the handshake, so that a man in the middle could
//! put words into the server's mouth.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use lettre::transport::smtp::commands::{Ehlo, Starttls};
use lettre::transport::smtp::extension::{ClientId, Extension, ServerInfo};
use lettre::transport::smtp::response::Response;
use rustls::pki_types::ServerName;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader, ReadBuf,
};
use tokio_rustls::TlsConnector;

use super::{SmtpSettings, within};
use crate::net::{self, DialError, Network};
use crate::outbox::deliver::OutletError;
use crate::tls::{SeenCertificate, TlsMode, client_config};

/// Bytes of one reply, sixteen of the longest lines (RFC 5321 section 4.5.3.1.5). lettre reads a reply anew with each
/// line that comes: much more would keep a thread busy.
const REPLY_LIMIT: u64 = 8 * 1024;

/// How many bytes the kernel has taken from us on one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Taken(Arc<AtomicU64>);

impl Taken {
    pub(super) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stream that is ready for lettre's greeting and EHLO.
pub(super) type Line = Box<dyn AsyncTokioStream>;

/// Connects and makes the connection safe as `settings` ask, each step within the time-out.
pub(super) async fn open(
    network: &Network,
    settings: &SmtpSettings,
    seen: &SeenCertificate,
    hello: &ClientId,
) -> Result<(Line, Taken), OutletError> {
    let stream = dial(network, settings).await?;
    let (peer, taken) = (stream.peer, stream.taken.clone());
    let line: Line = match settings.tls {
        TlsMode::None => Box::new(Answered::new(stream, Vec::new(), peer)),
        TlsMode::Implicit => {
            let stream = encrypt(settings, seen, stream).await?;
            Box::new(Answered::new(stream, Vec::new(), peer))
        }
        TlsMode::StartTls => {
            let (greeting, stream) = start_tls(settings, hello, stream).await?;
            let stream = encrypt(settings, seen, stream).await?;
            Box::new(Answered::new(stream, greeting, peer))
        }
    };
    Ok((line, taken))
}

async fn dial(network: &Network, settings: &SmtpSettings) -> Result<Counted, OutletError> {
    let dialled = network.dial(&settings.host, settings.port, settings.tls, settings.timeout).await;
    let stream = dialled.map_err(|error| match error {
        DialError::PlainText(error) => error.into(),
        DialError::Unreachable(why) => settings.unreachable(why),
    })?;
    let peer = stream.peer_addr().map_err(|error| settings.unreachable(error.to_string()))?;
    Ok(Counted { stream, peer, taken: Taken::default() })
}

async fn encrypt(
    settings: &SmtpSettings,
    seen: &SeenCertificate,
    stream: Counted,
) -> Result<tokio_rustls::client::TlsStream<Counted>, OutletError> {
    let name = ServerName::try_from(settings.host.clone())
        .map_err(|_| settings.not_safe("not a name that a certificate can be for".into()))?;
    // made anew each time: a root that the operator adds or replaces counts from the next connection on
    let (ca, seen) = (settings.ca.clone(), seen.clone());
    let config = tokio::task::spawn_blocking(move || client_config(ca.as_deref(), &seen))
        .await
        .map_err(|error| settings.unreachable(error.to_string()))??;
    let handshake = TlsConnector::from(config).connect(name, stream);
    within(settings, "the TLS handshake", handshake).await?.map_err(|error| {
        // rustls reports what it holds against the server as invalid data; the rest is the network's
        if error.kind() == io::ErrorKind::InvalidData {
            settings.not_safe(error.to_string())
        } else {
            settings.unreachable(format!("TLS handshake: {error}"))
        }
    })
}

/// The plain-text part of STARTTLS (RFC 3207). Gives back the greeting, which lettre waits for when it takes over.
async fn start_tls(
    settings: &SmtpSettings,
    hello: &ClientId,
    stream: Counted,
) -> Result<(Vec<u8>, Counted), OutletError> {
    let mut stream = BufReader::new(stream);
    let (greeting, _) = exchange(settings, &mut stream, "").await?;
    let (_, offer) = exchange(settings, &mut stream, &Ehlo::new(hello.clone()).to_string()).await?;
    let offered =
        ServerInfo::from_response(&offer).is_ok_and(|server| server.supports_feature(Extension::StartTls));
    if !offered {
        return Err(settings.not_safe("the server does not offer STARTTLS".into()));
    }
    match exchange(settings, &mut stream, &Starttls.to_string()).await {
        Err(OutletError::Refused { reply }) => {
            return Err(settings.not_safe(format!("STARTTLS refused: {reply}")));
        }
        answer => answer?,
    };
    if !stream.buffer().is_empty() {
        return Err(settings.not_safe("the server went on in plain text after STARTTLS".into()));
    }
    Ok((greeting, stream.into_inner()))
}

/// Sends a command (or nothing, to hear the greeting) and reads the reply, as bytes and as lettre understands it.
async fn exchange(
    settings: &SmtpSettings,
    stream: &mut BufReader<Counted>,
    command: &str,
) -> Result<(Vec<u8>, Response), OutletError> {
    let step = if command.is_empty() { "the greeting" } else { command.trim_end() };
    let told = async {
        stream.write_all(command.as_bytes()).await?;
        read_reply(stream).await
    };
    let bytes =
        within(settings, step, told).await?.map_err(|e| settings.unreachable(format!("{step}: {e}")))?;
    let response: Response = String::from_utf8_lossy(&bytes)
        .parse()
        .map_err(|_| settings.unreachable(format!("{step}: the answer is not SMTP")))?;
    if response.is_positive() {
        return Ok((bytes, response));
    }
    let words: Vec<&str> = response.message().collect();
    Err(OutletError::Refused { reply: format!("{} {}", response.code(), words.join(" ")) })
}

/// All lines of one reply; the last has no hyphen behind its code (RFC 5321 section 4.2.1).
async fn read_reply(stream: &mut BufReader<Counted>) -> io::Result<Vec<u8>> {
    let mut limited = stream.take(REPLY_LIMIT);
    let mut reply = Vec::new();
    loop {
        let start = reply.len();
        limited.read_until(b'\n', &mut reply).await?;
        let line = &reply[start..];
        if limited.limit() == 0 {
            return Err(too_long());
        }
        if !line.ends_with(b"\n") {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed"));
        }
        if line.get(3) != Some(&b'-') {
            return Ok(reply);
        }
    }
}

/// A connection that counts what the kernel took: whether a given byte can have left us is then certain, also beneath
/// TLS, which keeps a buffer of its own.
#[derive(Debug)]
struct Counted {
    stream: net::Line,
    peer: SocketAddr,
    taken: Taken,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, to)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.taken.0.fetch_add(count as u64, Ordering::Relaxed);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A stream that first repeats what was `said` before its encryption began, and ends where an answer does not.
#[derive(Debug)]
struct Answered<S> {
    said: io::Cursor<Vec<u8>>,
    stream: S,
    peer: SocketAddr,
    /// Bytes that came since something was last sent.
    come: u64,
}

impl<S> Answered<S> {
    fn new(stream: S, said: Vec<u8>, peer: SocketAddr) -> Self {
        Self { said: io::Cursor::new(said), stream, peer, come: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Answered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        ready!(Pin::new(&mut self.said).poll_read(cx, to))?;
        if to.filled().len() > before {
            return Poll::Ready(Ok(()));
        }
        ready!(Pin::new(&mut self.stream).poll_read(cx, to))?;
        self.come += (to.filled().len() - before) as u64;
        if self.come > REPLY_LIMIT {
            return Poll::Ready(Err(too_long()));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Answered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.come = 0;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug> AsyncTokioStream for Answered<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

fn too_long() -> io::Error {
    io::Error::new(
        io::ErrorKind::FileTooLarge,
        format!("the server's answer is longer than {REPLY_LIMIT} bytes"),
    )
}
