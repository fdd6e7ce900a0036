//! A place where klachtd is installed: a configuration in a directory of its own, its commands, its service.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use mail_parser::{Message, MessageParser};
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{DIRECTIE, Mailhost};

/// How often a condition is looked at, and how long at most: far more than it takes on a busy machine.
const LOOK: Duration = Duration::from_millis(25);
const PATIENCE: Duration = Duration::from_secs(40);

/// Waits until there is something; fails when it does not come. A look may itself take long, as a command does, so it is
/// the time that is bounded.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    #[expect(clippy::disallowed_methods, reason = "how long the world outside may take")]
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}: did not come in {PATIENCE:?}");
        thread::sleep(LOOK);
    }
}

/// What a command said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.out.clone()).expect("UTF-8")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.out).unwrap_or_else(|e| panic!("{e}: {} {}", self.text(), self.err))
    }

    /// The command ended with `code`, and told `words` on stdout or stderr.
    #[track_caller]
    pub(crate) fn ends(self, code: i32, words: &[&str]) -> Self {
        let all = format!("{}{}", String::from_utf8_lossy(&self.out), self.err);
        assert_eq!(self.code, code, "{all}");
        for word in words {
            assert!(all.contains(word), "{word:?} is not in: {all}");
        }
        assert!(!all.contains("panicked"), "{all}");
        self
    }
}

/// The program under test: the one that was built with the tests, or the one that `KLACHTD` names.
fn program() -> PathBuf {
    std::env::var_os("KLACHTD").map_or_else(|| env!("CARGO_BIN_EXE_klachtd").into(), PathBuf::from)
}

/// Runs klachtd with these arguments, with `input` as stdin.
pub(crate) fn klachtd(arguments: &[&str], input: &[u8]) -> Said {
    use std::io::Write as _;
    let mut child = Command::new(program())
        .args(arguments)
        .env_remove("KLACHTD_CONFIG")
        .env_remove("NOTIFY_SOCKET")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code().expect("an exit code"),
        out: output.stdout,
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A directory with a configuration.
pub(crate) struct Site {
    pub(crate) dir: TempDir,
}

impl Site {
    pub(crate) fn new(config: &str) -> Self {
        let site = Self { dir: TempDir::with_prefix("klachtd-").unwrap() };
        site.write("imap.secret", &format!("{}\n", DIRECTIE.1));
        site.write("smtp.secret", &format!("{}\n", DIRECTIE.1));
        site.write("klachtd.toml", config);
        site
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs a command on this configuration.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, b"")
    }

    pub(crate) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Said {
        let config = self.path("klachtd.toml");
        let mut all = vec!["--config", config.to_str().unwrap()];
        all.extend(arguments);
        klachtd(&all, input)
    }

    /// The JSON that a command prints; it must end well.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        self.run(&all).ends(0, &[]).json()
    }

    /// Starts the service and waits until it is ready.
    pub(crate) fn start(&self) -> Service {
        let mut service = self.spawn();
        eventually("ready", || {
            assert!(service.child.try_wait().unwrap().is_none(), "it ended: {}", service.log());
            service.log().contains("ready").then_some(())
        });
        service
    }

    /// Starts the service with logs as JSON and a socket for what it tells systemd.
    pub(crate) fn spawn(&self) -> Service {
        self.spawn_with(&[])
    }

    /// The same with more in its environment.
    pub(crate) fn spawn_with(&self, variables: &[(&str, &str)]) -> Service {
        let notify = self.path("notify");
        let _ = fs::remove_file(&notify);
        let systemd = UnixDatagram::bind(&notify).unwrap();
        // systemd always listens; who tells it more than the kernel holds waits for it.
        let told = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&told);
        thread::spawn(move || {
            let mut datagram = [0; 4096];
            while let Ok(size) = systemd.recv(&mut datagram) {
                let mut told = heard.lock().unwrap();
                told.push_str(&String::from_utf8_lossy(&datagram[..size]));
                told.push('\n');
            }
        });
        let log = self.path("log");
        let child = Command::new(program())
            .arg("--config")
            .arg(self.path("klachtd.toml"))
            .args(["--log-format", "json", "run"])
            .env("NOTIFY_SOCKET", notify)
            .env_remove("KLACHTD_LOG")
            .envs(variables.iter().copied())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Service { child, log, told }
    }
}

/// A running service; killed when dropped.
pub(crate) struct Service {
    child: Child,
    log: PathBuf,
    told: Arc<Mutex<String>>,
}

impl Service {
    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What it told systemd so far.
    pub(crate) fn told(&self) -> String {
        self.told.lock().unwrap().clone()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Asks it to end, and gives its log.
    pub(crate) fn stop(mut self) -> String {
        self.signal("TERM");
        let mut looks = 0;
        let status = eventually("the end", || {
            looks += 1;
            self.child.try_wait().unwrap()
        });
        assert!(looks * LOOK.as_millis() < 10_000, "it took longer than 10 s");
        assert!(status.success(), "{status}: {}", self.log());
        self.log()
    }

    /// As a power cut ends it.
    pub(crate) fn kill(mut self) -> ExitStatus {
        self.child.kill().unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

/// A mailbox on the mail host by IMAP and SMTP, each with TLS, and its staff.
pub(crate) fn omnistock(host: &Mailhost) -> String {
    format!(
        r#"
[store]
path = "state"

[[staff]]
name = "Jan Jansen"
email = "staff1@omnistock.test"
language = "nl"

[[mailbox]]
name = "omnistock"
procedure = "omnistock"
from = "OmniStock Directie <directie@omnistock.test>"
roles = {{ handler = "staff1@omnistock.test" }}
[mailbox.inbox]
kind = "imap"
host = "localhost"
port = {imaps}
tls = "implicit"
ca = "{ca}"
user = "directie@omnistock.test"
password = {{ file = "imap.secret" }}
[mailbox.outbox]
kind = "smtp"
host = "localhost"
port = {submission}
tls = "starttls"
ca = "{ca}"
user = "directie@omnistock.test"
password = {{ file = "smtp.secret" }}
"#,
        imaps = host.port("imaps"),
        submission = host.port("submission"),
        ca = host.ca().display(),
    )
}

/// A second mailbox, on Maildirs: nothing that befalls a server touches it.
pub(crate) const OTHER: &str = r#"
[[mailbox]]
name = "websec"
procedure = "websec"
from = "Websec <complaints@websec.test>"
[mailbox.inbox]
kind = "maildir"
path = "inbox"
[mailbox.outbox]
kind = "maildir"
path = "outbox"
"#;

/// What is wrong is told of at once.
pub(crate) const IMPATIENT: &str = "\n[limits]\nalarm_after = \"2s\"\n";

/// A mail as a mail program writes it.
pub(crate) fn mail(from: &str, to: &str, id: &str, subject: &str, more: &str, body: &str) -> String {
    format!(
        "From: {from}\nTo: {to}\nSubject: {subject}\nMessage-ID: <{id}>\nDate: Fri, 20 Nov 2026 10:00:00 +0100\n\
         MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n{more}\n{body}\n"
    )
}

/// A received mail, parsed.
pub(crate) fn parsed(raw: &[u8]) -> Message<'_> {
    MessageParser::default().parse(raw).expect("a mail")
}

/// A header as one line.
pub(crate) fn header(raw: &[u8], name: &str) -> String {
    let message = parsed(raw);
    message.header_raw(name).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A mail without the trace fields that servers put before it (RFC 5321 section 4.4).
pub(crate) fn as_it_left(raw: &[u8]) -> Vec<u8> {
    const TRACE: [&str; 4] = ["return-path:", "delivered-to:", "received:", "x-original-to:"];
    let text = String::from_utf8_lossy(raw);
    let mut is_trace = true;
    let kept = text.split_inclusive('\n').skip_while(|line| {
        let folded = line.starts_with([' ', '\t']);
        if !folded {
            is_trace = TRACE.iter().any(|name| line.to_ascii_lowercase().starts_with(name));
        }
        is_trace
    });
    kept.collect::<String>().into_bytes()
}

/// Maildirs in and out, no server: for what needs no network.
pub(crate) const MAILDIRS: &str = r#"
[store]
path = "state"

[[staff]]
name = "Jan Jansen"
email = "staff1@omnistock.test"
language = "nl"

[[mailbox]]
name = "omnistock"
procedure = "omnistock"
from = "OmniStock Directie <directie@omnistock.test>"
[mailbox.inbox]
kind = "maildir"
path = "inbox"
[mailbox.outbox]
kind = "maildir"
path = "outbox"
"#;

/// A complaint of customer 1.
pub(crate) fn complaint(id: &str) -> String {
    mail(
        "\"J. de Vries\" <customer1@klant.test>",
        "directie@omnistock.test",
        id,
        "Bestelling kapot",
        "",
        "Geachte directie,\n\nMijn bestelling kwam kapot aan en ik wil graag mijn geld terug.",
    )
}
