//! Secrets: the configuration names where one stands, never the secret itself.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::ConfigError;
use super::read::Place;

/// The most that a secret may hold, in bytes.
const LIMIT: u64 = 64 * 1024;

/// Where a secret stands. Holds no secret: it may be logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    place: Place,
    source: Source,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Credential(String),
    File(PathBuf),
    Environment(String),
}

impl Secret {
    /// A credential that systemd handed over (systemd.exec(5), `LoadCredential=`).
    pub(super) fn credential(place: Place, name: String) -> Self {
        Self { place, source: Source::Credential(name) }
    }

    /// The content of a file.
    pub(super) fn file(place: Place, path: PathBuf) -> Self {
        Self { place, source: Source::File(path) }
    }

    /// The value of an environment variable.
    pub(super) fn environment(place: Place, name: String) -> Self {
        Self { place, source: Source::Environment(name) }
    }

    /// Reads the secret, without one trailing newline. Read it when it is needed: a rotated password is then found.
    ///
    /// # Errors
    /// It is not there, can't be read, is empty, is not UTF-8 or exceeds 64 KiB. The error never has any of it.
    pub fn reveal(&self) -> Result<SecretString, ConfigError> {
        match &self.source {
            Source::Credential(name) => {
                let Some(directory) = std::env::var_os("CREDENTIALS_DIRECTORY") else {
                    let problem =
                        format!("credential {name:?} can't be had: $CREDENTIALS_DIRECTORY is not set");
                    return Err(self.place.fault(
                        problem,
                        format!("LoadCredential={name}:FILE in the systemd unit, or {{ file = … }}"),
                    ));
                };
                self.of_file(&Path::new(&directory).join(name))
            }
            Source::File(path) => self.of_file(path),
            Source::Environment(name) => match std::env::var(name) {
                Ok(text) => self.checked(text, &format!("environment variable {name}")),
                Err(std::env::VarError::NotPresent) => Err(self
                    .place
                    .fault(format!("environment variable {name} is not set"), "the secret in it")),
                Err(std::env::VarError::NotUnicode(_)) => Err(self
                    .place
                    .fault(format!("environment variable {name} is not UTF-8"), "the secret in it")),
            },
        }
    }

    fn of_file(&self, path: &Path) -> Result<SecretString, ConfigError> {
        let shown = path.display();
        let bytes = read_limited(path).map_err(|error| {
            self.place.fault(format!("{shown}: {error}"), "a readable file with the secret")
        })?;
        if bytes.len() as u64 > LIMIT {
            return Err(self
                .place
                .fault(format!("{shown}: larger than 64 KiB"), "a file with the secret alone"));
        }
        // Not the error of `from_utf8`: it holds the bytes.
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(self.place.fault(format!("{shown}: not UTF-8"), "a file with the secret alone"));
        };
        self.checked(text, &shown.to_string())
    }

    fn checked(&self, mut text: String, source: &str) -> Result<SecretString, ConfigError> {
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        if text.is_empty() {
            return Err(self.place.fault(format!("{source}: empty"), "the secret"));
        }
        Ok(SecretString::from(text))
    }
}

/// A pipe or a device could keep the daemon waiting for ever, so only regular files count.
fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LIMIT + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
