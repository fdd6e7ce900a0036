//! A wire between klachtd and a server of this machine that is cut or falls silent where it hurts.
//!
//! It sees plain text only: where a mail's final dot passes, and whether its answer came through, shows in nothing else.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

/// What happens to one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It is cut when so many bytes of the client have passed.
    Up(usize),
    /// It is cut when so many bytes of the server have passed.
    Down(usize),
    /// After so many bytes of the server nothing more of it passes, and the connection stands.
    Silence(usize),
    /// It is cut when all of a mail has passed, but not its final dot.
    BeforeDot,
    /// The final dot passes; it is cut before the answer does.
    AfterDot,
    /// The final dot passes; nothing does that the server says then, and the connection stands.
    SilenceAfterDot,
}

/// The end of a mail (RFC 5321 section 4.1.1.4).
const DOT: &[u8] = b"\r\n.\r\n";

/// A wire to one port.
pub(crate) struct Wire {
    /// Where klachtd finds the server.
    pub(crate) port: u16,
    seen: Arc<Seen>,
}

/// What all connections of a wire have in common.
#[derive(Default)]
struct Seen {
    /// One for each connection that comes; when there is none left, they stay whole.
    plan: Mutex<VecDeque<Cut>>,
    open: Mutex<Vec<TcpStream>>,
    said: Mutex<Vec<u8>>,
    spoiled: AtomicUsize,
    unanswered: AtomicUsize,
}

impl Seen {
    fn plan(&self) -> MutexGuard<'_, VecDeque<Cut>> {
        self.plan.lock().unwrap()
    }
}

impl Wire {
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Seen>::default();
        let wire = Self { port, seen: Arc::clone(&seen) };
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // To klachtd it is as if the server were not there.
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let cut = seen.plan().pop_front();
                seen.open.lock().unwrap().push(client.try_clone().unwrap());
                let talk =
                    Talk { client, server, cut, deaf: AtomicBool::new(false), owed: AtomicBool::new(false) };
                let seen = Arc::clone(&seen);
                thread::spawn(move || talk.carry(&seen));
            }
        });
        wire
    }

    /// The next connections are cut so, one after the other; those that stand end now, as idle ones do.
    pub(crate) fn plan(&self, cuts: impl IntoIterator<Item = Cut>) {
        self.seen.plan().extend(cuts);
        for client in self.seen.open.lock().unwrap().drain(..) {
            // It may have gone already.
            let _ = client.shutdown(Shutdown::Both);
        }
    }

    /// Cuts that no connection has met yet.
    pub(crate) fn planned(&self) -> usize {
        self.seen.plan().len()
    }

    /// Connections that were cut or fell silent.
    pub(crate) fn spoiled(&self) -> usize {
        self.seen.spoiled.load(SeqCst)
    }

    /// All that the client said, in all connections.
    pub(crate) fn said(&self) -> Vec<u8> {
        self.seen.said.lock().unwrap().clone()
    }

    /// Mails that the server has whole and of whose end the client was told nothing.
    pub(crate) fn unanswered(&self) -> usize {
        self.seen.unanswered.load(SeqCst)
    }
}

/// One connection.
struct Talk {
    client: TcpStream,
    server: TcpStream,
    cut: Option<Cut>,
    /// Nothing of the server passes any more.
    deaf: AtomicBool,
    /// A final dot passed, and its answer did not yet.
    owed: AtomicBool,
}

impl Talk {
    /// Carries bytes both ways until one side ends or the cut comes.
    fn carry(self, seen: &Seen) {
        let spoiled = thread::scope(|scope| {
            let down = scope.spawn(|| self.ended(self.downwards()));
            let up = self.ended(self.upwards(seen));
            up | down.join().unwrap()
        });
        seen.spoiled.fetch_add(usize::from(spoiled || self.deaf.load(SeqCst)), SeqCst);
        seen.unanswered.fetch_add(usize::from(self.owed.load(SeqCst)), SeqCst);
    }

    /// Both sides hear of the end; either may have gone already. Gives on what it is told.
    fn ended(&self, spoiled: bool) -> bool {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
        spoiled
    }

    /// What the client says; whether the cut came.
    fn upwards(&self, seen: &Seen) -> bool {
        let mut left = if let Some(Cut::Up(limit)) = self.cut { limit } else { usize::MAX };
        let (mut bytes, mut tail) = ([0; 4096], Vec::new());
        while let Ok(size @ 1..) = (&self.client).read(&mut bytes) {
            let taken = &bytes[..size.min(left)];
            seen.said.lock().unwrap().extend_from_slice(taken);
            let before = tail.len();
            tail.extend_from_slice(taken);
            let dot = tail.windows(DOT.len()).position(|window| window == DOT);
            if let Some(at) = dot {
                if self.cut == Some(Cut::BeforeDot) {
                    let whole = (at + 2).saturating_sub(before);
                    // It is cut either way.
                    let _ = (&self.server).write_all(&taken[..whole]);
                    return true;
                }
                self.owed.store(true, SeqCst);
                self.deaf.fetch_or(self.cut == Some(Cut::SilenceAfterDot), SeqCst);
            }
            tail.drain(..tail.len().saturating_sub(DOT.len() - 1));
            if (&self.server).write_all(taken).is_err() {
                return false;
            }
            left -= taken.len();
            if left == 0 {
                return true;
            }
        }
        false
    }

    /// What the server says; whether the cut came.
    fn downwards(&self) -> bool {
        let mut left = match self.cut {
            Some(Cut::Down(limit) | Cut::Silence(limit)) => limit,
            _ => usize::MAX,
        };
        let mut bytes = [0; 4096];
        while let Ok(size @ 1..) = (&self.server).read(&mut bytes) {
            // Seen before it passes: what passes may be what the client sends its dot upon.
            let is_owed = self.owed.load(SeqCst);
            if is_owed && self.cut == Some(Cut::AfterDot) {
                return true;
            }
            if self.deaf.load(SeqCst) {
                continue;
            }
            let taken = &bytes[..size.min(left)];
            if (&self.client).write_all(taken).is_err() {
                return false;
            }
            // An answer of which a part came is none.
            if is_owed && taken.len() == size {
                self.owed.store(false, SeqCst);
            }
            left -= taken.len();
            if left == 0 {
                if !matches!(self.cut, Some(Cut::Silence(_))) {
                    return true;
                }
                self.deaf.store(true, SeqCst);
            }
        }
        false
    }
}
