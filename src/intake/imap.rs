//! An IMAP folder: fetched from a cursor, waited on with IDLE, and emptied into its folders after the commit.

mod answers;
mod dial;
mod filing;
mod guard;
pub(super) mod names;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use async_imap::imap_proto::{MailboxDatum, Response, ResponseCode};
use tokio::sync::mpsc::Sender;

use self::answers::{read_abilities, read_listed, read_mail, uid_of};
use self::names::{folder_name, quoted, sequence_set};
use self::wire::{Fault, Wire};
use super::source::{Content, Cursor, HEAD_SIZE, Listed, Mail, Place, SourceError};
use crate::net::Network;
use crate::password::Password;
use crate::tls::{SeenCertificate, TlsError, TlsMode, allowed};

/// UIDs in one command: its line stays well below the 8,192 bytes that servers take (RFC 7162 section 4).
const UIDS_PER_COMMAND: usize = 500;
/// Messages that one folder may show: what a list holds in memory is bounded by it.
const MOST_LISTED: usize = if cfg!(test) { 1_000 } else { 1_000_000 };
/// After this a server may take an IDLE for inactivity (RFC 2177).
const LONGEST_IDLE: Duration = Duration::from_mins(29);
/// How long the server has for LOGOUT.
const LEAVE: Duration = Duration::from_secs(5);

/// Where an IMAP mailbox is, and how it is used.
#[derive(Debug, Clone)]
pub struct ImapSettings {
    /// Host name or address; the certificate must be for it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: TlsMode,
    /// Roots to trust beside the system's, a PEM file.
    pub ca: Option<PathBuf>,
    /// The user to log in as.
    pub user: String,
    /// The user's password.
    pub password: Password,
    /// The folder with the letters; UTF-8, levels separated by `/`, as the two below.
    pub folder: String,
    /// Where letters go that were dealt with.
    pub processed: String,
    /// Where letters go that were set aside.
    pub quarantine: String,
    /// When nothing is announced: how long to wait before looking anyway, and before IDLE is renewed.
    pub poll: Duration,
    /// How long the server has for any one answer.
    pub timeout: Duration,
}

/// What the server can do beyond RFC 3501.
#[derive(Debug, Clone, Copy, Default)]
struct Abilities {
    /// RFC 2177.
    idle: bool,
    /// RFC 6851.
    moves: bool,
    /// RFC 4315.
    uidplus: bool,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To take letters out of the folder.
    Work,
    /// To see what is in it; nothing changes (EXAMINE, RFC 3501 section 6.3.2).
    Look,
}

/// An IMAP folder, connected or not.
#[derive(Debug)]
pub struct ImapSource {
    settings: ImapSettings,
    network: Network,
    certificate: SeenCertificate,
    wire: Option<Wire>,
    able: Abilities,
    /// The names of the two folders as the server writes them.
    processed: String,
    quarantine: String,
    uid_validity: Option<u32>,
    /// Copied into their folder, and perhaps left standing: they can't be marked or expunged, or others are marked by
    /// somebody else. A list of all shows which are gone.
    copied: BTreeSet<u32>,
}

impl ImapSource {
    /// A source that is not connected yet.
    ///
    /// # Errors
    /// Plain text was asked for towards another machine.
    pub fn new(settings: ImapSettings) -> Result<Self, TlsError> {
        allowed(settings.tls, &settings.host)?;
        Ok(Self {
            settings,
            network: Network::default(),
            certificate: SeenCertificate::default(),
            wire: None,
            able: Abilities::default(),
            processed: String::new(),
            quarantine: String::new(),
            uid_validity: None,
            copied: BTreeSet::new(),
        })
    }

    /// Connects over another network from now on.
    pub(super) fn over(&mut self, network: &Network) {
        self.network = network.clone();
    }

    pub(super) fn uid_validity(&self) -> Option<u32> {
        self.uid_validity
    }

    pub(super) fn certificate(&self) -> Option<(String, SeenCertificate)> {
        let server = format!("{}:{}", self.settings.host, self.settings.port);
        (self.settings.tls != TlsMode::None).then(|| (server, self.certificate.clone()))
    }

    pub(super) fn is_open(&self) -> bool {
        self.wire.as_ref().is_some_and(Wire::in_step)
    }

    pub(super) async fn open(&mut self) -> Result<(), SourceError> {
        self.connect(Purpose::Work).await
    }

    pub(super) async fn open_to_look(&mut self) -> Result<(), SourceError> {
        self.connect(Purpose::Look).await
    }

    async fn connect(&mut self, purpose: Purpose) -> Result<(), SourceError> {
        self.wire = None;
        self.wire = Some(dial::dial(&self.network, &self.settings, &self.certificate).await?);
        let opened = self.settle_in(purpose).await;
        if opened.is_err() {
            self.wire = None;
        }
        opened
    }

    async fn settle_in(&mut self, purpose: Purpose) -> Result<(), SourceError> {
        let mut able = Abilities::default();
        self.command("CAPABILITY", |answer| read_abilities(answer, &mut able)).await?;
        self.able = able;

        let mut separator = None;
        self.command("LIST \"\" \"\"", |answer| {
            if let Response::MailboxData(MailboxDatum::List(name)) = answer {
                separator = name.delimiter.as_deref().and_then(|text| text.chars().next());
            }
        })
        .await?;
        let folder = server_name(&self.settings.folder, separator)?;
        self.processed = server_name(&self.settings.processed, separator)?;
        self.quarantine = server_name(&self.settings.quarantine, separator)?;
        for target in [&self.processed, &self.quarantine] {
            if *target == folder {
                return Err(SourceError::Refused(format!(
                    "letters can't be filed away into {target} itself"
                )));
            }
        }
        self.select(&folder, purpose).await
    }

    /// Makes both folders unless they are there.
    pub(super) async fn make_folders(&mut self) -> Result<(), SourceError> {
        self.selected()?;
        for target in [self.processed.clone(), self.quarantine.clone()] {
            self.ensure(&target).await?;
        }
        Ok(())
    }

    /// Makes the folder unless it is there.
    async fn ensure(&mut self, name: &str) -> Result<(), SourceError> {
        let name = quoted(name);
        let there = format!("STATUS {name} (UIDVALIDITY)");
        if self.accepted(&there).await?.is_ok() {
            return Ok(());
        }
        let made = self.accepted(&format!("CREATE {name}")).await?;
        if self.accepted(&there).await?.is_err() {
            let why = made.err().unwrap_or_else(|| "made, and yet not there".to_owned());
            return Err(SourceError::Refused(format!("the folder {name} can't be made: {why}")));
        }
        // so that staff see it in their mail program; not every server keeps subscriptions
        if let Err(why) = self.accepted(&format!("SUBSCRIBE {name}")).await? {
            tracing::debug!(why, "the new folder was not subscribed to");
        }
        Ok(())
    }

    async fn select(&mut self, folder: &str, purpose: Purpose) -> Result<(), SourceError> {
        let (mut uid_validity, mut read_only) = (None, false);
        let verb = if purpose == Purpose::Look { "EXAMINE" } else { "SELECT" };
        let line = format!("{verb} {}", quoted(folder));
        let done = self.run(&line, |answer| {
            if let Response::Data { outcome, .. } = answer {
                match outcome.code {
                    Some(ResponseCode::UidValidity(value)) => uid_validity = Some(value),
                    Some(ResponseCode::ReadOnly) => read_only = true,
                    _ => {}
                }
            }
        });
        done.await.map_err(|fault| match fault.into_error() {
            SourceError::Refused(text) => SourceError::Refused(format!("the folder {folder}: {text}")),
            other => other,
        })?;
        let Some(uid_validity) = uid_validity else {
            return Err(SourceError::Refused(format!("the folder {folder} has no UIDVALIDITY")));
        };
        if read_only && purpose == Purpose::Work {
            return Err(SourceError::Refused(format!("the folder {folder} is read-only")));
        }
        if self.uid_validity != Some(uid_validity) {
            self.copied.clear();
        }
        self.uid_validity = Some(uid_validity);
        Ok(())
    }

    pub(super) async fn list(&mut self, after: Option<&Cursor>) -> Result<Vec<Listed>, SourceError> {
        let uid_validity = self.selected()?;
        let first = match after {
            Some(cursor) if cursor.uid_validity == uid_validity => match cursor.uid.checked_add(1) {
                Some(next) => next,
                None => return Ok(Vec::new()),
            },
            _ => 1,
        };
        // a server need not show what it has not announced, and with NOOP it announces
        self.command("NOOP", |_| {}).await?;
        if let Some(wire) = &mut self.wire {
            wire.take_news();
        }
        let mut found = BTreeMap::new();
        let mut trouble = None;
        self.command(&format!("UID FETCH {first}:* (UID RFC822.SIZE INTERNALDATE)"), |answer| {
            // n:* gives the last message even when its UID is below n (RFC 3501 section 6.4.8)
            match read_listed(answer, uid_validity) {
                Some((uid, _)) if uid < first => {}
                Some(_) if found.len() >= MOST_LISTED => {
                    trouble = Some(format!("the folder shows more than {MOST_LISTED} messages"));
                }
                Some((uid, listed)) => {
                    found.insert(uid, listed);
                }
                None => {}
            }
        })
        .await?;
        if first == 1 && trouble.is_none() {
            self.copied.retain(|uid| found.contains_key(uid));
        }
        trouble.map_or_else(|| Ok(found.into_values().collect()), |told| Err(SourceError::Refused(told)))
    }

    pub(super) async fn fetch(
        &mut self,
        wanted: &[Listed],
        limit: u64,
        out: &Sender<Mail>,
    ) -> Result<(), SourceError> {
        let uid_validity = self.selected()?;
        for alike in wanted.chunk_by(|a, b| (a.size <= limit) == (b.size <= limit)) {
            for chunk in alike.chunks(UIDS_PER_COMMAND) {
                let mut due = BTreeMap::new();
                for listed in chunk {
                    match listed.place {
                        Place::Imap { uid_validity: of, uid } if of == uid_validity => {
                            due.insert(uid, listed);
                        }
                        _ => send(out, listed, Content::Gone).await?,
                    }
                }
                if !due.is_empty() {
                    self.fetch_chunk(due, limit, out).await?;
                }
            }
        }
        Ok(())
    }

    /// Fetches messages that are all over `limit` or all not.
    async fn fetch_chunk(
        &mut self,
        mut due: BTreeMap<u32, &Listed>,
        limit: u64,
        out: &Sender<Mail>,
    ) -> Result<(), SourceError> {
        let whole = due.values().all(|listed| listed.size <= limit);
        let result = self.stream(&mut due, limit, whole, out).await;
        if let Some(wire) = &mut self.wire {
            wire.allow(guard::PLAIN_ANSWER);
        }
        // else it is out of step: broken off in mid-answer by the server, or by a caller who takes no more
        if !matches!(result, Ok(()) | Err(Broken::Fault(Fault::No { .. }))) {
            self.wire = None;
        }
        let why = match (result, due.first_key_value()) {
            (Ok(()) | Err(Broken::Fault(_)), None) => return Ok(()), // all came, whatever was said after them
            (Ok(()), Some(_)) => ("the server does not give it".to_owned(), false),
            (Err(Broken::Error(error)), _) => return Err(error),
            (Err(Broken::Fault(Fault::Garbled(why))), Some((_, listed))) => {
                return Err(SourceError::Odd { place: listed.place.clone(), why, passing: false });
            }
            // Some servers hang up over a message that they can't read.
            (Err(Broken::Fault(Fault::Lost(why))), Some((_, listed))) => {
                return Err(SourceError::Odd { place: listed.place.clone(), why, passing: true });
            }
            // Others speak of a passing state: Dovecot of [SERVERBUG] over a message whose file is damaged.
            (Err(Broken::Fault(Fault::No { text, .. })), Some(_)) => {
                let passing = speaks_of_passing(&text);
                (text, passing)
            }
        };
        self.missing(due, why, out).await
    }

    async fn stream(
        &mut self,
        due: &mut BTreeMap<u32, &Listed>,
        limit: u64,
        whole: bool,
        out: &Sender<Mail>,
    ) -> Result<(), Broken> {
        let uids: Vec<u32> = due.keys().copied().collect();
        let wire = self.wire.as_mut().ok_or_else(not_open)?;
        // a server's RFC822.SIZE may be an estimate: some room above it
        let room = if whole { limit.saturating_add(limit / 4) } else { 0 };
        wire.allow(room.saturating_add(guard::PLAIN_ANSWER));
        let section = if whole { "BODY.PEEK[]".to_owned() } else { format!("BODY.PEEK[]<0.{HEAD_SIZE}>") };
        let id = wire.begin(&format!("UID FETCH {} (UID {section})", sequence_set(&uids))).await?;
        // the codec's buffer is freed before the copy goes on: there is one body at a time
        while let Some(brought) = wire.answer(&id, |answer| read_mail(answer, whole, limit)).await? {
            let Some((uid, content)) = brought else { continue };
            if let Some(listed) = due.remove(&uid) {
                send(out, listed, content).await?;
            }
        }
        Ok(())
    }

    /// Of messages that a finished FETCH did not bring: are they gone, or does the server not give them?
    async fn missing(
        &mut self,
        due: BTreeMap<u32, &Listed>,
        (why, passing): (String, bool),
        out: &Sender<Mail>,
    ) -> Result<(), SourceError> {
        self.command("NOOP", |_| {}).await?;
        let uids: Vec<u32> = due.keys().copied().collect();
        let mut there = BTreeSet::new();
        self.command(&format!("UID FETCH {} (UID)", sequence_set(&uids)), |answer| {
            if let Response::Fetch(_, items) = answer {
                there.extend(items.iter().filter_map(uid_of).filter(|uid| due.contains_key(uid)));
            }
        })
        .await?;
        let mut odd = None;
        for (uid, listed) in due {
            if there.contains(&uid) {
                odd.get_or_insert_with(|| listed.place.clone());
            } else {
                send(out, listed, Content::Gone).await?;
            }
        }
        odd.map_or(Ok(()), |place| Err(SourceError::Odd { place, why, passing }))
    }

    pub(super) async fn wait(&mut self) -> Result<(), SourceError> {
        self.selected()?;
        let poll = self.settings.poll;
        let wire = self.wire.as_mut().ok_or_else(not_open)?;
        if wire.take_news() {
            return Ok(());
        }
        if self.able.idle {
            let idled = wire.idle(poll.min(LONGEST_IDLE)).await;
            match self.keep(idled) {
                Ok(true) => return Ok(()),
                // asked again at once, it would be asked as fast as the network allows
                Ok(false) => tracing::debug!("the server ended IDLE by itself; polling"),
                Err(Fault::No { text, .. }) => {
                    tracing::debug!(text, "the server offers IDLE and refuses it; polling");
                    self.able.idle = false;
                }
                Err(fault) => return Err(fault.into_error()),
            }
        }
        tokio::time::sleep(poll).await;
        Ok(())
    }

    pub(super) async fn close(mut self) {
        if let Some(mut wire) = self.wire.take() {
            // the server's BYE ends it as a fault; whichever way, it is over
            let leave = wire.command("LOGOUT", |_| {});
            drop(tokio::time::timeout(LEAVE.min(self.settings.timeout), leave).await);
        }
    }

    /// The UIDVALIDITY of the folder that is open.
    fn selected(&mut self) -> Result<u32, SourceError> {
        if !self.is_open() {
            self.wire = None;
            return Err(not_open());
        }
        self.uid_validity.ok_or_else(not_open)
    }

    async fn command(&mut self, line: &str, on: impl FnMut(&Response<'_>)) -> Result<(), SourceError> {
        self.run(line, on).await.map_err(Fault::into_error)
    }

    /// Whether the server accepts a command; `Ok(Err(its words))` when not.
    async fn accepted(&mut self, line: &str) -> Result<Result<(), String>, SourceError> {
        match self.run(line, |_| {}).await {
            Ok(()) => Ok(Ok(())),
            Err(fault) => match fault.into_error() {
                SourceError::Refused(text) => Ok(Err(text)),
                error => Err(error),
            },
        }
    }

    async fn run(&mut self, line: &str, on: impl FnMut(&Response<'_>)) -> Result<(), Fault> {
        let Some(wire) = &mut self.wire else {
            return Err(Fault::Lost("not connected".to_owned()));
        };
        let result = wire.command(line, on).await;
        self.keep(result)
    }

    /// Drops the connection when `result` says that it can't be used any more.
    fn keep<T>(&mut self, result: Result<T, Fault>) -> Result<T, Fault> {
        if matches!(result, Err(Fault::Lost(_) | Fault::Garbled(_))) {
            self.wire = None;
        }
        result
    }
}

/// What may end a FETCH early: the server, or the one who takes the mails.
enum Broken {
    Fault(Fault),
    Error(SourceError),
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<SourceError> for Broken {
    fn from(error: SourceError) -> Self {
        Self::Error(error)
    }
}

impl Fault {
    /// By what the caller must do. NO with a code for a passing state is no refusal.
    fn into_error(self) -> SourceError {
        match self {
            Self::Lost(text) | Self::Garbled(text) => SourceError::Away(text),
            Self::No { text, .. } if speaks_of_passing(&text) => SourceError::Away(text),
            Self::No { text, .. } => SourceError::Refused(text),
        }
    }
}

/// Whether a NO has a code for a passing state (RFC 5530).
fn speaks_of_passing(text: &str) -> bool {
    const CODES: [&str; 4] = ["[UNAVAILABLE]", "[INUSE]", "[SERVERBUG]", "[LIMIT]"];
    let text = text.to_ascii_uppercase();
    CODES.iter().any(|code| text.contains(code))
}

fn not_open() -> SourceError {
    SourceError::Away("not connected".to_owned())
}

fn server_name(name: &str, separator: Option<char>) -> Result<String, SourceError> {
    folder_name(name, separator).ok_or_else(|| {
        let hint = if separator.is_none() { " (the server has no folders within folders)" } else { "" };
        SourceError::Refused(format!("{name:?} can't be a folder's name here{hint}"))
    })
}

async fn send(out: &Sender<Mail>, listed: &Listed, content: Content) -> Result<(), SourceError> {
    let mail = Mail { place: listed.place.clone(), received: listed.received, size: listed.size, content };
    out.send(mail).await.map_err(|_| SourceError::Stopped)
}
