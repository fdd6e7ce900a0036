//! A password as connections have it: read at each login, so that one that was replaced counts from the next login on.

use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;

/// How a password is had; an error says in words why it can't be, and holds nothing of it.
type Read = dyn Fn() -> Result<SecretString, String> + Send + Sync;

/// A password, or the way to it. Shows nothing of it.
#[derive(Clone)]
pub struct Password(Source);

#[derive(Clone)]
enum Source {
    Known(SecretString),
    Read(Arc<Read>),
}

impl Password {
    /// One that `read` gives, asked anew each time; it may block for some milliseconds, as reading a file does.
    pub fn read_by(read: impl Fn() -> Result<SecretString, String> + Send + Sync + 'static) -> Self {
        Self(Source::Read(Arc::new(read)))
    }

    /// The password as it is now.
    ///
    /// # Errors
    /// Why it can't be had, in words.
    pub(crate) async fn now(&self) -> Result<SecretString, String> {
        match &self.0 {
            Source::Known(password) => Ok(password.clone()),
            Source::Read(read) => {
                let read = Arc::clone(read);
                let read = tokio::task::spawn_blocking(move || read()).await;
                read.unwrap_or_else(|e| Err(format!("the password can't be read: {e}")))
            }
        }
    }
}

impl From<&str> for Password {
    fn from(password: &str) -> Self {
        Self(Source::Known(password.into()))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([REDACTED])")
    }
}
