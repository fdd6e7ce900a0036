//! A Maildir: read from `new` and `cur`, emptied into its Maildir++ folders (`.Verwerkt`) after the commit.
//!
//! Programs deliver through `tmp`, so a file in `new` is whole. People put files straight into `new`, under any name;
//! those are taken once they have stopped growing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use tokio::sync::mpsc::Sender;

use super::imap::names::modified_utf7;
use super::source::{Content, Folder, HEAD_SIZE, Listed, Mail, Place, SourceError};

/// How often the directories are looked at while waiting.
const TICK: Duration = Duration::from_secs(1);
/// A file that a person put into `new` must not change for this long before it is taken.
const SETTLE: Duration = Duration::from_millis(50);
/// Where messages are looked for; what comes first wins when both have one of the same name.
const BOXES: [&str; 2] = ["new", "cur"];
/// Messages that one Maildir may show: what a list holds in memory is bounded by it.
const MOST_LISTED: usize = if cfg!(test) { 1_000 } else { 1_000_000 };

/// Where a Maildir is, and how it is used.
#[derive(Debug, Clone)]
pub struct MaildirSettings {
    /// The directory that holds `new`, `cur` and `tmp`; made when absent.
    pub path: PathBuf,
    /// The folder for letters that were dealt with; UTF-8, levels separated by `/`. `Verwerkt` is `.Verwerkt` on disk.
    pub processed: String,
    /// The folder for letters that were set aside.
    pub quarantine: String,
    /// Look again after this, even when nothing seems to have changed.
    pub poll: Duration,
}

/// A Maildir, opened or not.
#[derive(Debug)]
pub struct MaildirSource {
    settings: MaildirSettings,
    /// The two folders' directories, once opened.
    folders: Option<Folders>,
    /// The mtimes of `new` and `cur` before the last list.
    seen: Option<[SystemTime; 2]>,
}

#[derive(Debug, Clone)]
struct Folders {
    processed: PathBuf,
    quarantine: PathBuf,
}

impl MaildirSource {
    /// A source that is not opened yet.
    pub fn new(settings: MaildirSettings) -> Self {
        Self { settings, folders: None, seen: None }
    }

    pub(super) fn is_open(&self) -> bool {
        self.folders.is_some()
    }

    pub(super) async fn open(&mut self) -> Result<(), SourceError> {
        self.open_to_look()?;
        let path = self.settings.path.clone();
        off_thread(move || make(&path)).await.inspect_err(|_| self.folders = None)
    }

    pub(super) async fn make_folders(&mut self) -> Result<(), SourceError> {
        let folders = self.opened()?;
        off_thread(move || make_all(&folders)).await
    }

    pub(super) fn open_to_look(&mut self) -> Result<(), SourceError> {
        self.seen = None;
        self.folders = Some(folders(&self.settings)?);
        Ok(())
    }

    pub(super) async fn list(&mut self) -> Result<Vec<Listed>, SourceError> {
        self.opened()?;
        let path = self.settings.path.clone();
        let (mtimes, mut found) = off_thread(move || Ok((mtimes(&path)?, scan(&path)?))).await?;
        self.seen = Some(mtimes);
        if found.values().any(|file| file.by_hand) {
            tokio::time::sleep(SETTLE).await;
            let path = self.settings.path.clone();
            let again = off_thread(move || scan(&path)).await?;
            let before = found.len();
            found.retain(|name, file| {
                !file.by_hand
                    || again.get(name).is_some_and(|now| (now.size, now.mtime) == (file.size, file.mtime))
            });
            if found.len() < before {
                self.seen = None; // still being written: to be looked at again soon
            }
        }
        let listed = |(name, file): (String, Found)| {
            let (size, received) = (file.size, file.received());
            Listed { place: Place::Maildir { name }, size, received }
        };
        let mut all: Vec<Listed> = found.into_iter().map(listed).collect();
        all.sort_by(|a, b| (a.received, &a.place).cmp(&(b.received, &b.place)));
        Ok(all)
    }

    pub(super) async fn fetch(
        &mut self,
        wanted: &[Listed],
        limit: u64,
        out: &Sender<Mail>,
    ) -> Result<(), SourceError> {
        self.opened()?;
        let mut found = self.find(wanted).await?;
        let mut odd = None;
        for listed in wanted {
            let name = name_of(&listed.place);
            let mut content = match found.get(name) {
                Some(path) => read(path.clone(), limit).await,
                None => Ok(Content::Gone),
            };
            if matches!(content, Ok(Content::Gone)) && found.contains_key(name) {
                // it changed its flags, and with them its name, since then; or it is gone indeed
                found = self.find(wanted).await?;
                if let Some(path) = found.get(name) {
                    content = read(path.clone(), limit).await;
                }
            }
            match content {
                Ok(content) => {
                    let Listed { place, size, received } = listed.clone();
                    out.send(Mail { place, received, size, content })
                        .await
                        .map_err(|_| SourceError::Stopped)?;
                }
                Err(error) if odd.is_none() => {
                    odd = Some(SourceError::Odd {
                        place: listed.place.clone(),
                        why: error.to_string(),
                        passing: false,
                    });
                }
                Err(_) => {} // the next call names it, when the first is dealt with
            }
        }
        odd.map_or(Ok(()), Err)
    }

    async fn find(&self, wanted: &[Listed]) -> Result<HashMap<String, PathBuf>, SourceError> {
        let root = self.settings.path.clone();
        let names: Vec<String> = wanted.iter().map(|listed| name_of(&listed.place).to_owned()).collect();
        off_thread(move || find(&root, names.iter().map(String::as_str))).await
    }

    pub(super) async fn file_away(&mut self, moves: &[(Place, Folder)]) -> Result<(), SourceError> {
        let folders = self.opened()?;
        let root = self.settings.path.clone();
        let moves = moves.to_vec();
        off_thread(move || file_all(&root, &folders, &moves)).await
    }

    pub(super) async fn wait(&mut self) -> Result<(), SourceError> {
        self.opened()?;
        let (path, seen) = (self.settings.path.clone(), self.seen);
        let changed = async {
            loop {
                let path = path.clone();
                let now = off_thread(move || mtimes(&path)).await?;
                if seen.is_some_and(|seen| seen != now) {
                    return Ok(());
                }
                tokio::time::sleep(TICK).await;
                if seen.is_none() {
                    return Ok(());
                }
            }
        };
        tokio::time::timeout(self.settings.poll, changed).await.unwrap_or(Ok(()))
    }

    fn opened(&self) -> Result<Folders, SourceError> {
        self.folders.clone().ok_or_else(|| SourceError::Away("not opened".to_owned()))
    }
}

/// A message's file.
#[derive(Debug, Clone)]
struct Found {
    path: PathBuf,
    size: u64,
    mtime: SystemTime,
    /// Its name is none that a delivering program gives.
    by_hand: bool,
}

impl Found {
    /// `None` for a moment outside the calendar.
    fn received(&self) -> Option<Timestamp> {
        Timestamp::try_from(self.mtime).ok()
    }
}

/// Runs file work where it may block.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| SourceError::Away(e.to_string()))?
}

/// An error about `path`: what only the operator can mend is refused, the rest may pass.
fn trouble(path: &Path, error: &io::Error) -> SourceError {
    let text = format!("{}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::ReadOnlyFilesystem => SourceError::Refused(text),
        _ => SourceError::Away(text),
    }
}

fn make_all(folders: &Folders) -> Result<(), SourceError> {
    for path in [&folders.processed, &folders.quarantine] {
        make(path)?;
        let marker = path.join("maildirfolder"); // tells deliverers that it is a folder (Maildir++)
        File::options().create(true).append(true).open(&marker).map_err(|e| trouble(&marker, &e))?;
    }
    Ok(())
}

fn folders(settings: &MaildirSettings) -> Result<Folders, SourceError> {
    let folder = |name: &str| Ok(settings.path.join(folder_dir(name)?));
    Ok(Folders { processed: folder(&settings.processed)?, quarantine: folder(&settings.quarantine)? })
}

fn make(path: &Path) -> Result<(), SourceError> {
    for part in ["tmp", "new", "cur"] {
        let part = path.join(part);
        DirBuilder::new().recursive(true).mode(0o700).create(&part).map_err(|e| trouble(&part, &e))?;
    }
    Ok(())
}

/// `Klachten/Verwerkt` is the directory `.Klachten.Verwerkt`; beyond ASCII in modified UTF-7, as Dovecot and Courier do.
fn folder_dir(name: &str) -> Result<String, SourceError> {
    if name.split('/').any(|level| level.is_empty() || level.contains('.')) {
        return Err(SourceError::Refused(format!(
            "{name:?} can't be a Maildir folder's name: levels without dots"
        )));
    }
    Ok(format!(".{}", modified_utf7(name).replace('/', ".")))
}

fn mtimes(root: &Path) -> Result<[SystemTime; 2], SourceError> {
    let of = |part: &str| {
        let path = root.join(part);
        fs::metadata(&path).and_then(|data| data.modified()).map_err(|e| trouble(&path, &e))
    };
    Ok([of(BOXES[0])?, of(BOXES[1])?])
}

/// Every message by its name.
fn scan(root: &Path) -> Result<BTreeMap<String, Found>, SourceError> {
    let mut found = BTreeMap::new();
    for part in BOXES {
        let dir = root.join(part);
        for entry in fs::read_dir(&dir).map_err(|e| trouble(&dir, &e))? {
            let entry = entry.map_err(|e| trouble(&dir, &e))?;
            let file = entry.file_name();
            if file.as_bytes().starts_with(b".") {
                continue;
            }
            // gone since it was listed, a directory, a link to somewhere else: no message
            let Some((data, mtime)) = entry.metadata().ok().and_then(regular) else { continue };
            let name = unique_part(&file);
            let by_hand = !delivered_by_program(&name);
            found.entry(name).or_insert(Found { path: entry.path(), size: data.len(), mtime, by_hand });
            if found.len() > MOST_LISTED {
                return Err(SourceError::Refused(format!(
                    "{}: more than {MOST_LISTED} messages",
                    root.display()
                )));
            }
        }
    }
    Ok(found)
}

/// The files of these messages. Most stand where they were delivered, or were seen since: only for others all names are
/// looked through, which with a hundred thousand of them must not happen for each batch.
fn find<'a>(
    root: &Path,
    names: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, PathBuf>, SourceError> {
    let (mut found, mut others) = (HashMap::new(), BTreeSet::new());
    for name in names {
        match usual(root, name) {
            Some(path) => drop(found.insert(name.to_owned(), path)),
            None => drop(others.insert(name)),
        }
    }
    if !others.is_empty() {
        let all = scan(root)?.into_iter().filter(|(name, _)| others.contains(name.as_str()));
        found.extend(all.map(|(name, file)| (name, file.path)));
    }
    Ok(found)
}

/// The file of this name in `new`, or in `cur` without flags or seen.
fn usual(root: &Path, name: &str) -> Option<PathBuf> {
    // What was escaped, hidden or has flags in its name is looked for.
    if name.starts_with('.') || name.contains(['%', '/']) || unique_bytes(OsStr::new(name)).len() < name.len()
    {
        return None;
    }
    let in_new = root.join(BOXES[0]).join(name);
    let in_cur = ["", ":2,", ":2,S"].map(|flags| root.join(BOXES[1]).join(format!("{name}{flags}")));
    std::iter::once(in_new)
        .chain(in_cur)
        .find(|path| path.symlink_metadata().is_ok_and(|data| data.is_file()))
}

fn regular(data: Metadata) -> Option<(Metadata, SystemTime)> {
    let mtime = data.modified().ok()?;
    data.is_file().then_some((data, mtime))
}

/// What stays the same when the flags change: all before `:2,` or `:1,`. Other colons are a person's.
fn unique_bytes(file: &OsStr) -> &[u8] {
    let bytes = file.as_bytes();
    match bytes.windows(3).rposition(|window| matches!(window, b":2," | b":1,")) {
        Some(at) if at > 0 => &bytes[..at],
        _ => bytes,
    }
}

/// The unique part as a [`Place`] has it.
fn unique_part(file: &OsStr) -> String {
    let unique = unique_bytes(file);
    let mut name = String::with_capacity(unique.len());
    for chunk in unique.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '%' || c.is_control() {
                let mut utf8 = [0; 4];
                c.encode_utf8(&mut utf8).bytes().for_each(|byte| escape(&mut name, byte));
            } else {
                name.push(c);
            }
        }
        chunk.invalid().iter().for_each(|byte| escape(&mut name, *byte));
    }
    name
}

fn escape(name: &mut String, byte: u8) {
    name.push('%');
    name.push_str(&data_encoding::HEXUPPER.encode(&[byte]));
}

/// `SECONDS.DELIVERY.HOST` (<https://cr.yp.to/proto/maildir.html>).
fn delivered_by_program(name: &str) -> bool {
    let mut parts = name.splitn(3, '.');
    let seconds =
        parts.next().is_some_and(|part| part.len() >= 9 && part.bytes().all(|b| b.is_ascii_digit()));
    seconds
        && parts.next().is_some_and(|part| !part.is_empty())
        && parts.next().is_some_and(|part| !part.is_empty())
}

fn name_of(place: &Place) -> &str {
    match place {
        Place::Maildir { name } => name,
        Place::Imap { .. } => "", // no file has this name: gone
    }
}

async fn read(path: PathBuf, limit: u64) -> io::Result<Content> {
    let work = move || {
        let file = match File::open(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Content::Gone),
            file => file?,
        };
        let head = HEAD_SIZE as u64;
        let large = file.metadata()?.len() > limit;
        let mut bytes = Vec::new();
        // one more than allowed shows that it grew since
        file.take(if large { head } else { limit.saturating_add(1) }).read_to_end(&mut bytes)?;
        if large || bytes.len() as u64 > limit {
            bytes.truncate(HEAD_SIZE);
            return Ok(Content::TooLarge { head: bytes });
        }
        Ok(Content::Whole(bytes))
    };
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// One that can't be moved holds up no other; the first is told.
fn file_all(root: &Path, folders: &Folders, moves: &[(Place, Folder)]) -> Result<(), SourceError> {
    let mut found = find(root, moves.iter().map(|(place, _)| name_of(place)))?;
    let (mut touched, mut result) = ([false, false], Ok(()));
    for (place, folder) in moves {
        let Some(path) = found.remove(name_of(place)) else { continue };
        let (target, touched) = match folder {
            Folder::Processed => (&folders.processed, &mut touched[0]),
            Folder::Quarantine => (&folders.quarantine, &mut touched[1]),
        };
        let filed = file_one(&path, &target.join("cur"));
        *touched |= filed.is_ok();
        result = result.and(filed);
    }
    // first where the letters came to stand, then where they stood: a power cut in between shows them twice, not never
    let targets = [&folders.processed, &folders.quarantine];
    for (target, _) in targets.into_iter().zip(touched).filter(|(_, touched)| *touched) {
        sync_dir(&target.join("cur"))?;
    }
    if touched != [false, false] {
        BOXES.iter().try_for_each(|part| sync_dir(&root.join(part)))?;
    }
    result
}

/// Moves a file into `cur`, seen. It never replaces another one: people drop many a `klacht.eml`.
fn file_one(from: &Path, cur: &Path) -> Result<(), SourceError> {
    let unique = unique_bytes(from.file_name().unwrap_or_default());
    for attempt in 1..=1000 {
        let mut file = unique.to_vec();
        if attempt > 1 {
            file.extend_from_slice(format!("-{attempt}").as_bytes());
        }
        file.extend_from_slice(b":2,S");
        let to = cur.join(OsStr::from_bytes(&file));
        match rename_new(from, &to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound && !from.exists() => return Ok(()), // somebody else did
            result => return result.map_err(|e| trouble(&to, &e)),
        }
    }
    Err(SourceError::Refused(format!("{}: a thousand letters of one name", cur.display())))
}

/// Renames, but never over another file.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // a file system that has no such rename (NFS): a link is never made over another file either
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            fs::hard_link(from, to).and_then(|()| fs::remove_file(from))
        }
        result => Ok(result?),
    }
}

fn sync_dir(dir: &Path) -> Result<(), SourceError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|e| trouble(dir, &e))
}

#[cfg(test)]
mod tests;
