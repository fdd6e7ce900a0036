//! What the system asks of the service: SIGTERM, SIGINT, SIGHUP.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::DaemonError;
use crate::wake::Wake;

pub(super) struct Signals {
    term: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// From now on the signals are ours.
pub(super) fn listen() -> Result<Signals, DaemonError> {
    let on = |kind| signal(kind).map_err(DaemonError::Signals);
    Ok(Signals {
        term: on(SignalKind::terminate())?,
        interrupt: on(SignalKind::interrupt())?,
        hangup: on(SignalKind::hangup())?,
    })
}

/// Wakes the loop until it is gone.
pub(super) async fn serve(mut signals: Signals, wakes: mpsc::Sender<Wake>) {
    loop {
        let wake = tokio::select! {
            _ = signals.term.recv() => Wake::Stop,
            _ = signals.interrupt.recv() => Wake::Stop,
            _ = signals.hangup.recv() => Wake::Reload,
        };
        if wakes.send(wake).await.is_err() {
            return;
        }
    }
}
