//! What test crates share: a real mail host (Dovecot, Postfix) that lives in a directory of its own.
#![allow(dead_code, unreachable_pub, reason = "each test crate uses its own part")]

use std::ffi::OsStr;
use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Set to 1 where Dovecot can't be installed: tests that need it then say so and pass. Without it they fail.
pub const WITHOUT_SERVERS: &str = "KLACHTD_TEST_WITHOUT_SERVERS";

/// Mailboxes that every mail host has, with their passwords. More are made with the option `--user`.
pub const DIRECTIE: (&str, &str) = ("directie@omnistock.test", "geheim-directie");
/// A complaint address of another company.
pub const COMPLAINTS: (&str, &str) = ("complaints@websec.test", "geheim-complaints");
/// A customer.
pub const CUSTOMER1: (&str, &str) = ("customer1@klant.test", "geheim1");

/// Another customer.
pub const CUSTOMER2: (&str, &str) = ("customer2@klant.test", "geheim2");
/// A member of staff.
pub const STAFF1: (&str, &str) = ("staff1@omnistock.test", "geheim-staff1");

/// A running mail host; ended when dropped.
pub struct Mailhost {
    dir: TempDir,
    ports: serde_json::Value,
}

impl Mailhost {
    /// Starts Dovecot and Postfix. `options` are those of `tests/common/mailhost up`; `--mta none` leaves Postfix out
    /// and saves half a second.
    ///
    /// `None` when Dovecot is not installed and [`WITHOUT_SERVERS`] is set. Panics when the host does not start.
    pub fn start(options: &[&str]) -> Option<Self> {
        if !Path::new("/usr/sbin/dovecot").exists() {
            let allowed = std::env::var(WITHOUT_SERVERS).is_ok_and(|value| value == "1");
            assert!(
                allowed,
                "dovecot is missing: apt-get install dovecot-core dovecot-imapd dovecot-lmtpd postfix, \
                 or set {WITHOUT_SERVERS}=1 to go without these tests"
            );
            eprintln!("SKIPPED: dovecot is missing and {WITHOUT_SERVERS}=1");
            return None;
        }
        let dir = TempDir::with_prefix("mailhost-").expect("a directory");
        // Dovecot's and Postfix's own users must come through
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("permissions");
        let mut host = Self { dir, ports: serde_json::Value::Null };
        host.run("up", options);
        let ports = std::fs::read(host.path("ports.json")).expect("ports.json");
        host.ports = serde_json::from_slice(&ports).expect("JSON");
        Some(host)
    }

    /// Runs another command of `tests/common/mailhost` on this host, for example `("stop", &["imap"])`, and gives its
    /// output.
    pub fn run(&self, command: &str, arguments: &[&str]) -> String {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/mailhost");
        let output = Command::new(program)
            .arg(command)
            .arg(self.dir.path())
            .args(arguments)
            .output()
            .expect("tests/common/mailhost runs (it needs python3)");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "mailhost {command} {arguments:?}: {told}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The port of `imap`, `imaps`, `smtp`, `submission` or `smtps`, on 127.0.0.1.
    pub fn port(&self, service: &str) -> u16 {
        let port = self.ports["ports"][service].as_u64().expect("a known service");
        u16::try_from(port).expect("a port")
    }

    /// The certificate authority that signed the servers' certificate (for `localhost`).
    pub fn ca(&self) -> PathBuf {
        self.path("tls/ca.pem")
    }

    /// A file of the mail host.
    pub fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    /// Adds a mailbox. Dovecot looks for new ones once a second at most: a login right after this may be refused, and
    /// `--user ADDRESS=PASSWORD` at the start is better.
    pub fn add_user(&self, address: &str, password: &str) {
        self.run("user", &[address, password]);
    }

    /// Delivers a mail (lines may end in LF) as the MTA does, by LMTP (RFC 2033). It is in the mailbox afterwards.
    pub fn deliver(&self, to: &str, mail: &str) {
        let stream = UnixStream::connect(self.path("run/d/lmtp")).expect("dovecot's LMTP socket");
        let mut lmtp = Dialogue::new(stream);
        lmtp.command("LHLO localhost\r\n", '2');
        lmtp.mail("sender@klant.test", to, mail);
    }

    /// Hands a mail (lines may end in LF) to Postfix by plain SMTP (RFC 5321), as another host does.
    pub fn send(&self, from: &str, to: &str, mail: &str) {
        let stream = TcpStream::connect(("127.0.0.1", self.port("smtp"))).expect("postfix");
        let mut smtp = Dialogue::new(stream);
        smtp.command("EHLO localhost\r\n", '2');
        smtp.mail(from, to, mail);
        smtp.command("QUIT\r\n", '2');
    }

    /// What a person does in his mail program: these IMAP commands, each of which must succeed.
    pub fn by_hand(&self, (user, password): (&str, &str), commands: &[&str]) {
        let stream = TcpStream::connect(("127.0.0.1", self.port("imap"))).expect("dovecot");
        let mut imap = BufReader::new(stream);
        let login = format!("LOGIN {user} {password}");
        for command in ["NOOP", login.as_str()].iter().chain(commands).chain(&["LOGOUT"]) {
            imap.get_mut().write_all(format!("a {command}\r\n").as_bytes()).expect("sent");
            let mut line = String::new();
            while !line.starts_with("a ") {
                line.clear();
                assert!(imap.read_line(&mut line).expect("an answer") > 0, "closed at {command:?}");
            }
            assert!(line.starts_with("a OK"), "{line:?} to {command:?}");
        }
    }

    /// Every mail in a folder of somebody's mailbox; `""` is the inbox.
    pub fn mails(&self, address: &str, folder: &str) -> Vec<Vec<u8>> {
        let (user, domain) = address.split_once('@').expect("an address");
        let folder = if folder.is_empty() { String::new() } else { format!("/.{folder}") };
        let maildir = self.path(&format!("mail/{domain}/{user}/Maildir{folder}"));
        mails_in(&maildir)
    }
}

/// Every mail in a Maildir, by file name, which begins with the moment of delivery.
pub fn mails_in(maildir: &Path) -> Vec<Vec<u8>> {
    let files = ["new", "cur"].into_iter().filter_map(|sub| std::fs::read_dir(maildir.join(sub)).ok());
    let mut paths: Vec<PathBuf> = files.flatten().filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort_by_key(|path| path.file_name().map(OsStr::to_owned));
    // A file may be moved from new to cur in between: whoever polls looks again.
    paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
}

impl Drop for Mailhost {
    fn drop(&mut self) {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/mailhost");
        let ended = Command::new(program).arg("down").arg(self.dir.path()).status();
        if !ended.is_ok_and(|status| status.success()) {
            eprintln!("the mail host in {} was not ended", self.dir.path().display());
        }
    }
}

/// One side of an SMTP or LMTP session.
struct Dialogue<S> {
    answers: BufReader<S>,
}

impl<S: Read + Write> Dialogue<S> {
    /// Waits for the greeting.
    fn new(stream: S) -> Self {
        let mut dialogue = Self { answers: BufReader::new(stream) };
        dialogue.answer("the greeting", '2');
        dialogue
    }

    fn mail(&mut self, from: &str, to: &str, mail: &str) {
        self.command(&format!("MAIL FROM:<{from}>\r\n"), '2');
        self.command(&format!("RCPT TO:<{to}>\r\n"), '2');
        self.command("DATA\r\n", '3');
        let mut data = String::with_capacity(mail.len() + 3);
        for line in mail.lines() {
            data.push_str(if line.starts_with('.') { "." } else { "" });
            data.push_str(line);
            data.push_str("\r\n");
        }
        data.push_str(".\r\n");
        self.command(&data, '2');
    }

    fn command(&mut self, text: &str, expected: char) {
        self.answers.get_mut().write_all(text.as_bytes()).expect("sent");
        self.answer(text, expected);
    }

    fn answer(&mut self, to: &str, expected: char) {
        loop {
            let mut line = String::new();
            self.answers.read_line(&mut line).expect("an answer");
            assert!(line.starts_with(expected), "{line:?} to {to:?}");
            if line.as_bytes().get(3) != Some(&b'-') {
                return;
            }
        }
    }
}
