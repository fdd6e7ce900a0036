//! How many are served at once: what the control socket holds in memory is bounded by it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::Response;
use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::unix::SocketAddr;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::REQUEST_BYTES;

/// Connections that are served at once. Who comes after waits, unheard, until one of them leaves.
pub(super) const CONNECTIONS: usize = 64;

/// A request from this size on, in bytes, waits for its turn; all but those that bring a mail are far smaller.
pub(super) const LARGE: usize = 1 << 20;

/// Turns of one kind at once: two, so that somebody who stops half-way does not stop all others.
pub(super) const AT_ONCE: usize = 2;

/// How long a request may take to come in: somebody who stops half-way keeps his turn from the others.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// The control socket, which lets in as many as it has room for.
#[derive(Debug)]
pub(super) struct Door {
    listener: UnixListener,
    room: Arc<Semaphore>,
}

impl Door {
    pub(super) fn of(listener: UnixListener) -> Self {
        Self { listener, room: Arc::new(Semaphore::new(CONNECTIONS)) }
    }
}

impl Listener for Door {
    type Io = Guest;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guest, SocketAddr) {
        let room = Arc::clone(&self.room).acquire_owned().await.expect("the room is never closed");
        let (stream, address) = Listener::accept(&mut self.listener).await;
        (Guest { stream, _room: room }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection; its room is free again when it ends.
#[derive(Debug)]
pub(super) struct Guest {
    stream: UnixStream,
    _room: OwnedSemaphorePermit,
}

impl AsyncRead for Guest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, to)
    }
}

impl AsyncWrite for Guest {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Turns for requests of at least so many bytes.
#[derive(Debug, Clone)]
pub(super) struct Turns {
    from: usize,
    pub(super) free: Arc<Semaphore>,
}

impl Turns {
    pub(super) fn from(bytes: usize) -> Self {
        Self { from: bytes, free: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// Lets a large request wait for its turn before its body is read. One that does not tell its size counts as large.
pub(super) async fn in_turn(
    State(turns): State<Turns>,
    request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    let told = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let bytes = told.unwrap_or(REQUEST_BYTES);
    if bytes > REQUEST_BYTES {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let _turn = if bytes >= turns.from { turns.free.acquire().await.ok() } else { None };
    let (head, body) = request.into_parts();
    let read = tokio::time::timeout(PATIENCE, to_bytes(body, REQUEST_BYTES)).await;
    let body = read.map_err(|_| StatusCode::REQUEST_TIMEOUT)?.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    Ok(next.run(Request::from_parts(head, body.into())).await)
}
