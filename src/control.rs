//! The control socket: HTTP and JSON over a Unix socket, for the command line and for scripts
//! (`curl --unix-socket control.sock -d '{"ask":"status"}' http://klachtd/ask`).
//!
//! Who may ask is decided by the file system: the socket has mode 0660 and belongs to the service's group.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tracing::debug;

use crate::answers::{Ask, Reply, exit};
use crate::wake::Wake;

/// Largest request: a mail of the largest size that limits may allow, in base64.
const REQUEST_BYTES: usize = 160 << 20;

/// Largest answer that the command line reads.
const ANSWER_BYTES: usize = 1 << 30;

/// Why the control socket can't be made or used.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The socket file can't be made.
    #[error("control.socket: {0}: {1}; expected a path in a directory that the service may write to")]
    Listen(PathBuf, io::Error),
    /// The service does not answer as it should.
    #[error("the running service did not answer: {0}")]
    Answer(String),
}

/// Makes the socket; one that a crashed service left is replaced.
///
/// # Errors
/// [`ControlError::Listen`].
pub fn listen(path: &Path) -> Result<UnixListener, ControlError> {
    let fail = |e| ControlError::Listen(path.to_owned(), e);
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(fail)?;
    }
    // The store's lock was taken before: whoever made this socket is gone. Anything but a socket is left alone.
    if fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket()) {
        fs::remove_file(path).map_err(fail)?;
    }
    let listener = UnixListener::bind(path).map_err(fail)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o660)).map_err(fail)?;
    Ok(listener)
}

/// Serves until the daemon ends.
pub async fn serve(listener: UnixListener, wakes: mpsc::Sender<Wake>) {
    let app = Router::new()
        .route("/ask", post(answer))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES))
        .with_state(wakes);
    if let Err(e) = axum::serve(listener, app).await {
        debug!("the control socket ended: {e}");
    }
}

async fn answer(
    State(wakes): State<mpsc::Sender<Wake>>,
    Json(ask): Json<Ask>,
) -> Result<Json<Reply>, StatusCode> {
    let (reply, answered) = oneshot::channel();
    wakes.send(Wake::Ask { ask, reply }).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    answered.await.map(Json).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

/// Asks the running service; `None` when none runs.
///
/// # Errors
/// [`ControlError::Answer`] when one runs but does not answer as it should.
pub async fn ask(path: &Path, ask: &Ask) -> Result<Option<Reply>, ControlError> {
    let stream = match UnixStream::connect(path).await {
        Ok(stream) => stream,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(e) => return Err(ControlError::Answer(format!("{}: {e}", path.display()))),
    };
    request(stream, ask).await.map(Some)
}

async fn request(stream: UnixStream, ask: &Ask) -> Result<Reply, ControlError> {
    let fail = |e: &dyn std::fmt::Display| ControlError::Answer(e.to_string());
    let body = serde_json::to_vec(ask).map_err(|e| fail(&e))?;
    let request = hyper::Request::post("/ask")
        .header("host", "klachtd")
        .header("content-type", "application/json")
        .body(Full::new(hyper::body::Bytes::from(body)))
        .map_err(|e| fail(&e))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| fail(&e))?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(|e| fail(&e))?;
    let status = response.status();
    let body = http_body_util::Limited::new(response.into_body(), ANSWER_BYTES)
        .collect()
        .await
        .map_err(|e| fail(&e))?;
    connection.abort();
    if status.is_success() {
        return serde_json::from_slice(&body.to_bytes()).map_err(|e| fail(&e));
    }
    let words = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    Ok(Reply::refused(exit::UNAVAILABLE, format!("the running service answered {status}: {words}")))
}
