//! TCP as a client, for IMAP and SMTP alike: each address of a host is tried, and plain text stays on this machine.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::tls::{TlsError, TlsMode};

/// How long an address may be silent while there is another one to try: a network that drops IPv6 without a word must
/// not keep us from IPv4.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name leads to another machine, and plain text was asked for.
    #[error(transparent)]
    PlainText(#[from] TlsError),
    /// What went wrong with the name, or with its last address.
    #[error("{0}")]
    Unreachable(String),
}

impl From<io::Error> for DialError {
    fn from(error: io::Error) -> Self {
        Self::Unreachable(error.to_string())
    }
}

/// Where connections lead.
#[derive(Clone, Default)]
pub enum Network {
    /// To other processes and machines.
    #[default]
    Tcp,
    /// To servers inside this process, in simulated time: by their port.
    Simulated(Arc<Exchange>),
}

/// Connects to the simulated server at a port, as long as that takes.
pub type Exchange = dyn Fn(u16) -> Dialled + Send + Sync;

/// A simulated connection, or why there is none, in a while.
pub type Dialled = Pin<Box<dyn Future<Output = io::Result<DuplexStream>> + Send>>;

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "Tcp",
            Self::Simulated(_) => "Simulated",
        })
    }
}

/// A connection.
#[derive(Debug)]
pub enum Line {
    /// Over TCP.
    Tcp(TcpStream),
    /// To a simulated server.
    Simulated(DuplexStream),
}

impl Line {
    /// The address at the other end.
    ///
    /// # Errors
    /// What the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.peer_addr(),
            Self::Simulated(_) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, to),
            Self::Simulated(stream) => Pin::new(stream).poll_read(cx, to),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Simulated(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Simulated(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Simulated(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl Network {
    /// Connects to the first address of `host` that answers. The name server and each address have `limit`.
    ///
    /// # Errors
    /// [`DialError::PlainText`] when `tls` is [`TlsMode::None`] and an address to be tried is not of this machine.
    pub async fn dial(
        &self,
        host: &str,
        port: u16,
        tls: TlsMode,
        limit: Duration,
    ) -> Result<Line, DialError> {
        match self {
            Self::Tcp => dial(host, port, tls, limit).await.map(Line::Tcp),
            Self::Simulated(exchange) => {
                let dialled = timeout(limit, exchange(port)).await;
                Ok(Line::Simulated(dialled.map_err(|_| silent("connecting", limit))??))
            }
        }
    }
}

async fn dial(host: &str, port: u16, tls: TlsMode, limit: Duration) -> Result<TcpStream, DialError> {
    let found = timeout(limit, lookup_host((host, port))).await;
    let found = found.map_err(|_| silent("the name server", limit))??;
    let addresses: Vec<SocketAddr> = found.collect();
    if tls == TlsMode::None && addresses.iter().any(|to| !to.ip().to_canonical().is_loopback()) {
        return Err(TlsError::PlainTextToOtherHost(host.to_owned()).into());
    }
    first_of(&addresses, limit).await
}

async fn first_of(addresses: &[SocketAddr], limit: Duration) -> Result<TcpStream, DialError> {
    let mut outcome = Err(DialError::Unreachable("the name has no address".to_owned()));
    for (n, address) in addresses.iter().enumerate() {
        let limit = if n + 1 < addresses.len() { limit.min(PATIENCE) } else { limit };
        outcome = match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(silent("connecting", limit)),
        };
    }
    outcome
}

fn silent(step: &str, limit: Duration) -> DialError {
    DialError::Unreachable(format!("{step}: no answer within {limit:?}"))
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// A listener that takes no more connections: whoever comes now hears nothing, as from a network that drops.
    async fn silent_listener() -> (TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let listener = socket.listen(1).expect("listening");
        let address = listener.local_addr().expect("an address");
        let mut waiting = Vec::new();
        while let Ok(Ok(stream)) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
            waiting.push(stream);
            assert!(waiting.len() < 100, "the queue never fills");
        }
        (listener, waiting)
    }

    #[tokio::test]
    async fn an_address_that_is_silent_does_not_hide_the_next() {
        let (deaf, _waiting) = silent_listener().await;
        let open = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let [silent, good] = [&deaf, &open].map(|listener| listener.local_addr().expect("an address"));
        let refused = "127.0.0.1:1".parse().expect("an address");
        let limit = Duration::from_secs(1);
        let reached = first_of(&[silent, refused, good], limit).await.expect("connected");
        assert_eq!(reached.peer_addr().expect("a peer"), good);
        let told = first_of(&[good, silent][1..], limit).await.expect_err("silent").to_string();
        assert_eq!(told, "connecting: no answer within 1s");
        let told = first_of(&[silent, refused], limit).await.expect_err("refused").to_string();
        assert!(told.contains("refused"), "{told}");
        assert!(first_of(&[], limit).await.is_err());
    }

    #[tokio::test]
    async fn plain_text_goes_to_loopback_addresses_alone() {
        let limit = Duration::from_secs(1);
        let told = dial("192.0.2.1", 9, TlsMode::None, limit).await.expect_err("refused");
        assert!(matches!(told, DialError::PlainText(_)), "{told:?}");
        let good = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = good.local_addr().expect("an address").port();
        dial("localhost", port, TlsMode::None, limit).await.expect("connected");
    }
}
