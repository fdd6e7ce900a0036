//! The control socket: HTTP and JSON over a Unix socket, for the command line and for scripts
//! (`curl --unix-socket control.sock -d '{"ask":"status"}' http://klachtd/ask`).
//!
//! Who may ask is decided by the file system: the socket has mode 0660 and belongs to the service's group.

mod door;

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use axum::{Json, Router};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, info};

use self::door::{Door, LARGE, Turns, in_turn};
use crate::answers::{Ask, Reply, exit, ingest, reconcile};
use crate::clock::Clock;
use crate::config::{Config, SOCKET};
use crate::engine::Settings;
use crate::store::Store;
use crate::wake::Wake;

/// Largest mail that can be handed over, in bytes.
pub const LARGEST_MAIL: usize = 115 << 20;

/// Largest request: such a mail in base64, and room for the rest.
const REQUEST_BYTES: usize = 160 << 20;
const _: () = assert!(LARGEST_MAIL / 3 * 4 + (1 << 20) < REQUEST_BYTES);

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
/// systemd tells the service alone in which directory it may stand: commands find it through a link in the directory
/// `store`.
///
/// # Errors
/// [`ControlError::Listen`].
pub fn listen(path: &Path, store: &Path) -> Result<UnixListener, ControlError> {
    let fail = |e| ControlError::Listen(path.to_owned(), e);
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(fail)?;
    }
    let link = store.join(SOCKET);
    for left in [path, &link] {
        // The store's lock was taken before: whoever made this is gone. Anything else is left alone.
        if fs::symlink_metadata(left).is_ok_and(|m| m.file_type().is_socket() || m.is_symlink()) {
            fs::remove_file(left).map_err(fail)?;
        }
    }
    let listener = UnixListener::bind(path).map_err(fail)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o660)).map_err(fail)?;
    if link != path && !link.exists() {
        symlink(path, &link).map_err(|e| ControlError::Listen(link, e))?;
    }
    Ok(listener)
}

/// Takes the socket away, and the link to it.
pub fn leave(path: &Path, store: &Path) {
    let link = store.join(SOCKET);
    if link != path && fs::symlink_metadata(&link).is_ok_and(|m| m.is_symlink()) {
        // What is left of it leads nowhere, as after a crash.
        let _ = fs::remove_file(link);
    }
    if let Err(e) = fs::remove_file(path) {
        info!("the control socket {} was gone already: {e}", path.display());
    }
}

/// What answers need beside the daemon's loop.
#[derive(Debug, Clone)]
pub struct Counter {
    /// To the daemon's loop.
    pub wakes: mpsc::Sender<Wake>,
    /// Where mails that are handed over are saved.
    pub store: Store,
    /// By what they are read.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// The time.
    pub clock: Clock,
    /// Where the mailboxes are, for who asks them.
    pub config: Arc<Config>,
}

/// Serves until the daemon ends.
pub async fn serve(listener: UnixListener, counter: Counter) {
    let app = app(counter, Turns::from(LARGE));
    if let Err(e) = axum::serve(Door::of(listener), app).await {
        debug!("the control socket ended: {e}");
    }
}

fn app(counter: Counter, large: Turns) -> Router {
    Router::new()
        .route("/ask", post(answer).layer(from_fn_with_state(large, in_turn)))
        // each may hold the lists of whole mailboxes
        .route("/reconcile", post(account).layer(from_fn_with_state(Turns::from(0), in_turn)))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES))
        .with_state(counter)
}

async fn answer(State(counter): State<Counter>, Json(ask): Json<Ask>) -> Result<Json<Reply>, StatusCode> {
    if let Ask::Ingest { mailbox, raw } = ask {
        return counter.take_in(&mailbox, &raw).await.map(Json);
    }
    let (reply, answered) = oneshot::channel();
    counter.wake(Wake::Ask { ask, reply }).await?;
    answered.await.map(Json).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

/// Answered here: it waits for mail servers, and the loop must not. Who hangs up ends it.
async fn account(State(counter): State<Counter>, Json(question): Json<reconcile::Question>) -> Json<Reply> {
    let Counter { config, store, clock, .. } = &counter;
    let answered = reconcile::answer(config, store, clock, question).await;
    Json(answered.unwrap_or_else(|e| Reply::refused(exit::DATAERR, e.to_string())))
}

impl Counter {
    async fn wake(&self, wake: Wake) -> Result<(), StatusCode> {
        self.wakes.send(wake).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
    }

    /// Takes in a mail: read here, so that the loop never waits for it; decided there, like every mail.
    async fn take_in(&self, mailbox: &str, base64: &str) -> Result<Reply, StatusCode> {
        let settings = Arc::clone(&self.settings.borrow());
        let arrived = match ingest::receive(&self.store, &settings, mailbox, base64, self.clock.now()).await {
            Ok(Ok(arrived)) => arrived,
            Ok(Err(refused)) => return Ok(refused),
            Err(e) => return Ok(Reply::refused(exit::TEMPFAIL, e.to_string())),
        };
        let (done, outcomes) = oneshot::channel();
        self.wake(Wake::Mail { batch: vec![arrived], done }).await?;
        Ok(match outcomes.await {
            Ok(outcomes) => ingest::taken(&outcomes),
            Err(_) => Reply::refused(exit::TEMPFAIL, "the service could not take it now".to_owned()),
        })
    }
}

/// Asks the running service; `None` when none runs.
///
/// # Errors
/// [`ControlError::Answer`] when one runs but does not answer as it should.
pub async fn ask(path: &Path, ask: &Ask) -> Result<Option<Reply>, ControlError> {
    post_to(path, "/ask", ask).await
}

/// Asks the running service what became of messages; `None` when none runs.
///
/// # Errors
/// As [`ask`].
pub async fn reconcile(path: &Path, question: &reconcile::Question) -> Result<Option<Reply>, ControlError> {
    post_to(path, "/reconcile", question).await
}

async fn post_to(path: &Path, door: &str, asked: &impl Serialize) -> Result<Option<Reply>, ControlError> {
    let stream = match UnixStream::connect(path).await {
        Ok(stream) => stream,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(e) => return Err(ControlError::Answer(format!("{}: {e}", path.display()))),
    };
    request(stream, door, asked).await.map(Some)
}

async fn request(stream: UnixStream, door: &str, asked: &impl Serialize) -> Result<Reply, ControlError> {
    let fail = |e: &dyn std::fmt::Display| ControlError::Answer(e.to_string());
    let body = serde_json::to_vec(asked).map_err(|e| fail(&e))?;
    let request = hyper::Request::post(door)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use data_encoding::BASE64;
    use serde_json::json;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::timeout;

    use super::*;
    use crate::config::{Config, ON_MAILDIRS};
    use crate::domain::fact::Fate;
    use crate::engine::Outcome;
    use crate::setup;

    /// A counter, and the daemon's end of it.
    async fn counter(dir: &Path) -> (Counter, mpsc::Receiver<Wake>) {
        let file = dir.join("klachtd.toml");
        fs::write(&file, ON_MAILDIRS).expect("written");
        let config = Config::load(&file).expect("a configuration");
        let (wakes, loop_end) = mpsc::channel(1);
        let (settings, _) = watch::channel(Arc::new(setup::settings(&config).expect("settings")));
        let counter = Counter {
            wakes,
            store: setup::open_store(&config).await.expect("a store"),
            settings: settings.subscribe(),
            clock: Clock::simulated("2026-11-21T09:00:00Z".parse().expect("a time")),
            config: Arc::new(config),
        };
        (counter, loop_end)
    }

    #[tokio::test]
    async fn a_mail_that_is_handed_over_is_read_before_the_loop_has_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let (counter, mut wakes) = counter(dir.path()).await;
        let mail = b"From: J <j@klant.test>\r\nSubject: Kapot\r\n\r\nMijn bestelling kwam kapot aan.\r\n";
        let base64 = BASE64.encode(mail);
        let (reply, raw) = tokio::join!(counter.take_in("omnistock", &base64), async {
            let Some(Wake::Mail { batch, done }) = wakes.recv().await else { panic!("not a mail") };
            assert_eq!(batch[0].letter.subject, "Kapot");
            let outcome = Outcome {
                place: batch[0].place.clone(),
                fate: Fate::Complaint,
                reason: String::new(),
                reference: Some("K-2026-00001-X".to_owned()),
                reply: None,
                anew: None,
            };
            done.send(vec![outcome]).expect("somebody waits");
            counter.store.content(&batch[0].sha256)
        });
        assert_eq!(raw.expect("saved before"), mail);
        let reply = reply.expect("an answer");
        let body = json!({ "fate": "complaint", "reason": "", "reference": "K-2026-00001-X" });
        assert_eq!((reply.exit, reply.body), (exit::OK, body));
    }

    #[tokio::test]
    async fn what_the_loop_does_not_take_is_to_come_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let (counter, mut wakes) = counter(dir.path()).await;
        let (reply, ()) = tokio::join!(counter.take_in("omnistock", ""), async {
            drop(wakes.recv().await);
        });
        assert_eq!(reply.expect("an answer").exit, exit::TEMPFAIL);
        let unknown = counter.take_in("nowhere", "").await.expect("an answer");
        assert!(unknown.error.is_some_and(|words| words.contains("omnistock")));
        assert_eq!(counter.take_in("omnistock", "%").await.expect("an answer").exit, exit::DATAERR);
    }

    const SHORTLY: Duration = Duration::from_millis(300);

    /// A served socket, and a loop that answers everybody.
    async fn served(dir: &Path) -> (PathBuf, Turns) {
        let (counter, mut wakes) = counter(dir).await;
        tokio::spawn(async move {
            while let Some(wake) = wakes.recv().await {
                let Wake::Ask { reply, .. } = wake else { continue };
                reply.send(Reply::refused(exit::OK, "heard".to_owned())).ok();
            }
        });
        let path = dir.join("control.sock");
        let large = Turns::from(LARGE);
        let door = Door::of(listen(&path, path.parent().expect("a directory")).expect("a socket"));
        let app = app(counter, large.clone());
        tokio::spawn(async move { axum::serve(door, app).await });
        (path, large)
    }

    /// A request that says it is so large, and stops after its head.
    async fn stalled(path: &Path, bytes: usize) -> UnixStream {
        let mut stream = UnixStream::connect(path).await.expect("connected");
        let head = format!(
            "POST /ask HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {bytes}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream
    }

    #[tokio::test]
    async fn who_finds_no_room_is_heard_when_another_leaves() {
        let dir = tempfile::tempdir().expect("a directory");
        let (path, _) = served(dir.path()).await;
        let mut guests = Vec::new();
        for _ in 0..door::CONNECTIONS {
            guests.push(UnixStream::connect(&path).await.expect("connected"));
        }
        let mut asked = std::pin::pin!(ask(&path, &Ask::Verify));
        timeout(SHORTLY, &mut asked).await.expect_err("there is no room");
        guests.pop();
        let reply = asked.await.expect("heard").expect("a service");
        assert_eq!(reply.error.as_deref(), Some("heard"));
    }

    #[tokio::test]
    async fn large_requests_take_turns_and_hold_up_no_small_one() {
        let dir = tempfile::tempdir().expect("a directory");
        let (path, large) = served(dir.path()).await;
        let mut half = Vec::new();
        for left in (0..door::AT_ONCE).rev() {
            half.push(stalled(&path, LARGE).await);
            let taken = async {
                while large.free.available_permits() > left {
                    tokio::task::yield_now().await;
                }
            };
            timeout(Duration::from_secs(30), taken).await.expect("a turn");
        }
        let small = ask(&path, &Ask::Verify).await.expect("heard").expect("a service");
        assert_eq!(small.error.as_deref(), Some("heard"));
        let raw = BASE64.encode(&vec![b'x'; LARGE]);
        let ingest = Ask::Ingest { mailbox: "nowhere".to_owned(), raw };
        let mut asked = std::pin::pin!(ask(&path, &ingest));
        timeout(SHORTLY, &mut asked).await.expect_err("it is not its turn");
        half.pop();
        let reply = asked.await.expect("heard").expect("a service");
        assert!(reply.error.is_some_and(|words| words.contains("nowhere")));
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_half_way_loses_his_turn() {
        let dir = tempfile::tempdir().expect("a directory");
        let (path, large) = served(dir.path()).await;
        let mut stream = stalled(&path, LARGE).await;
        let mut answer = [0; 12];
        timeout(door::PATIENCE * 2, stream.read_exact(&mut answer))
            .await
            .expect("in time")
            .expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 408");
        assert_eq!(large.free.available_permits(), door::AT_ONCE);
    }

    #[tokio::test]
    async fn a_request_beyond_all_bounds_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let (path, _) = served(dir.path()).await;
        let mut stream = stalled(&path, REQUEST_BYTES + 1).await;
        let mut answer = [0; 12];
        timeout(Duration::from_secs(30), stream.read_exact(&mut answer))
            .await
            .expect("at once")
            .expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 413");
    }
}
