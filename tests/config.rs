//! The configuration: what is read, what is refused and with which words, in which order the layers count.

#![expect(clippy::unwrap_used, reason = "a test may fail at once")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use klachtd::config::Config;
use tempfile::TempDir;

#[path = "config/defaults.rs"]
mod defaults;
#[path = "config/files.rs"]
mod files;
#[path = "config/layers.rs"]
mod layers;
#[path = "config/refused.rs"]
mod refused;
#[path = "config/sample.rs"]
mod sample;
#[path = "config/secrets.rs"]
mod secrets;

/// As little as can be.
const LEAST: &str = r#"
[[mailbox]]
name = "omnistock"
procedure = "omnistock"
from = "OmniStock <directie@omnistock.test>"
[mailbox.inbox]
kind = "maildir"
path = "inbox"
[mailbox.outbox]
kind = "maildir"
path = "outbox"
"#;

/// A mailbox on servers.
const SERVERS: &str = r#"
[[mailbox]]
name = "omnistock"
procedure = "omnistock"
from = "directie@omnistock.test"
[mailbox.inbox]
kind = "imap"
host = "imap.omnistock.test"
user = "directie"
password = { env = "KLACHTD_TEST_UNSET" }
[mailbox.outbox]
kind = "smtp"
host = "smtp.omnistock.test"
user = "directie"
password = { env = "KLACHTD_TEST_UNSET" }
"#;

const STAFF: &str = r#"
[[staff]]
name = "Jan"
email = "jan@omnistock.test"
mailboxes = ["omnistock"]
"#;

/// A directory with configuration files, and an environment.
struct Site {
    directory: TempDir,
    environment: BTreeMap<OsString, OsString>,
}

impl Site {
    fn new(main: impl AsRef<[u8]>) -> Self {
        let site = Self { directory: TempDir::new().unwrap(), environment: BTreeMap::new() };
        site.with("klachtd.toml", main)
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let file = self.path(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
        self
    }

    fn set(mut self, variable: &str, value: &str) -> Self {
        self.environment.insert(variable.into(), value.into());
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The configuration, or what is told; file names without the directory.
    fn load(&self) -> Result<Config, String> {
        let directory = format!("{}/", self.directory.path().display());
        Config::load_with(&self.path("klachtd.toml"), &self.environment)
            .map_err(|told| told.to_string().replace(&directory, ""))
    }

    fn config(&self) -> Config {
        self.load().unwrap_or_else(|told| panic!("{told}"))
    }

    fn told(&self) -> String {
        self.load().expect_err("a fault")
    }
}
