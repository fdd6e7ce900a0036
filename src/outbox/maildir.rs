//! An outlet that puts mails into a Maildir: for the demo, for tests, and where another program does the sending.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::deliver::{Delivery, Dispatch, OutletError};

/// Where the Maildir is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaildirSettings {
    /// The folder that holds `new`, `cur` and `tmp`; all are made when absent.
    pub path: PathBuf,
}

/// Writes each mail as one file in `new/`, its lines ended by LF as programs that read a Maildir expect (CR LF is the
/// form on the wire, RFC 5321 section 2.3.8); the register keeps the bytes as they would go by SMTP.
#[derive(Debug)]
pub struct MaildirOutlet {
    settings: MaildirSettings,
}

impl MaildirOutlet {
    /// Touches no file yet.
    pub fn new(settings: MaildirSettings) -> Self {
        Self { settings }
    }

    pub(super) async fn send(&self, dispatch: &Dispatch) -> Delivery {
        let (root, name, bytes) =
            (self.settings.path.clone(), file_name(dispatch), Arc::clone(&dispatch.bytes));
        let reply = format!("250 maildir {name}");
        match blocking(move || prepare(&root).and_then(|()| store(&root, &name, &bytes))).await {
            Ok(()) => Delivery::Accepted { reply },
            Err(error) => error.into_delivery(),
        }
    }

    pub(super) async fn probe(&self) -> Result<(), OutletError> {
        let root = self.settings.path.clone();
        blocking(move || prepare(&root)).await
    }
}

/// File calls may block for milliseconds, so they run where that hinders nobody.
async fn blocking(
    work: impl FnOnce() -> Result<(), OutletError> + Send + 'static,
) -> Result<(), OutletError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(lost) => Err(OutletError::Maildir { path: PathBuf::new(), source: io::Error::other(lost) }),
    }
}

/// The same for every attempt at the same mail, so that a repeat replaces the file; the digest keeps a register that
/// was begun anew from replacing the mails of the old one.
fn file_name(dispatch: &Dispatch) -> String {
    let digest = Sha256::digest(&dispatch.bytes);
    format!("{:010}.{}.klachtd", dispatch.id, HEXLOWER.encode(&digest[..8]))
}

fn prepare(root: &Path) -> Result<(), OutletError> {
    let missing: Vec<PathBuf> = ["tmp", "new", "cur"]
        .iter()
        .map(|folder| root.join(folder))
        .filter(|folder| !folder.is_dir())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    missing.iter().try_for_each(|folder| at(folder, |path| fs::create_dir_all(path)))?;
    at(root, |folder| File::open(folder)?.sync_all())
}

/// Written in `tmp/`, made safe on disk, then moved to `new/`: a reader never sees half a mail, and a power cut after
/// the reply loses none.
fn store(root: &Path, name: &str, bytes: &[u8]) -> Result<(), OutletError> {
    let unfinished = root.join("tmp").join(name);
    at(&unfinished, |path| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(&with_lf(bytes))?;
        file.sync_all()
    })?;
    let new = root.join("new");
    at(&new.join(name), |path| fs::rename(&unfinished, path))?;
    at(&new, |folder| File::open(folder)?.sync_all())
}

/// The bytes with every CR LF as LF; a CR that stands alone stays.
fn with_lf(bytes: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(content) => {
                lines.extend_from_slice(content);
                lines.push(b'\n');
            }
            None => lines.extend_from_slice(line),
        }
    }
    lines
}

fn at<T>(path: &Path, work: impl FnOnce(&Path) -> io::Result<T>) -> Result<T, OutletError> {
    work(path).map_err(|source| OutletError::Maildir { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dispatch(id: u64, bytes: &[u8]) -> Dispatch {
        Dispatch {
            id,
            envelope_from: "directie@omnistock.test".into(),
            to: "customer1@klant.test".into(),
            bytes: bytes.into(),
        }
    }

    fn files(folder: &Path) -> Vec<Vec<u8>> {
        let mut files: Vec<Vec<u8>> = fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| fs::read(entry.expect("an entry").path()).expect("a file"))
            .collect();
        files.sort();
        files
    }

    #[tokio::test]
    async fn a_mail_is_one_file_however_often_it_is_sent() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path().join("deep/outbox");
        let outlet = MaildirOutlet::new(MaildirSettings { path: root.clone() });
        let first = outlet.send(&dispatch(1, b"From: a\r\n\r\n\xff.\r\n")).await;
        let Delivery::Accepted { reply } = &first else { panic!("{first:?}") };
        assert!(reply.starts_with("250 maildir 0000000001."), "{reply}");
        assert_eq!(outlet.send(&dispatch(1, b"From: a\r\n\r\n\xff.\r\n")).await, first);
        assert_eq!(files(&root.join("new")), [b"From: a\n\n\xff.\n"]);
        assert!(files(&root.join("tmp")).is_empty() && files(&root.join("cur")).is_empty());
    }

    #[test]
    fn lines_end_as_in_a_maildir_and_no_other_byte_changes() {
        for (wire, file) in
            [(&b"a\r\n\r\nb"[..], &b"a\n\nb"[..]), (b"a\rb\n\r\r\n\r", b"a\rb\n\r\n\r"), (b"", b"")]
        {
            assert_eq!(with_lf(wire), file);
        }
    }

    #[tokio::test]
    async fn mails_of_another_register_are_not_replaced() {
        let dir = tempfile::tempdir().expect("a directory");
        let outlet = MaildirOutlet::new(MaildirSettings { path: dir.path().into() });
        outlet.send(&dispatch(1, b"old")).await;
        outlet.send(&dispatch(1, b"new")).await;
        assert_eq!(files(&dir.path().join("new")), [b"new", b"old"]);
    }

    #[tokio::test]
    async fn what_a_crash_left_in_tmp_is_overwritten() {
        let dir = tempfile::tempdir().expect("a directory");
        let outlet = MaildirOutlet::new(MaildirSettings { path: dir.path().into() });
        outlet.probe().await.expect("made");
        let mail = dispatch(3, b"whole");
        fs::write(dir.path().join("tmp").join(file_name(&mail)), b"half, and longer").expect("written");
        outlet.send(&mail).await;
        assert_eq!(files(&dir.path().join("new")), [b"whole"]);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_made_defers_the_mail() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("file");
        fs::write(&file, "").expect("written");
        let outlet = MaildirOutlet::new(MaildirSettings { path: file.clone() });
        let told = outlet.send(&dispatch(1, b"x")).await;
        let Delivery::Away { reason } = told else { panic!("{told:?}") };
        assert!(reason.contains(&*file.to_string_lossy()), "{reason}");
        let error = outlet.probe().await.expect_err("no folder");
        assert!(!error.is_configuration());
    }
}
