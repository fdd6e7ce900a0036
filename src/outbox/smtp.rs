//! An outlet that hands mails to an SMTP server (RFC 5321, RFC 6409), one connection for a batch.
//!
//! lettre speaks the protocol; what is decided here is what a mail's fate is when something goes wrong, and that turns
//! on one question: may the server have seen the final dot of DATA?

mod session;
#[cfg(test)]
mod tests;
mod wire;

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret as _;

use self::session::{Mail, Session};
use super::deliver::{Delivery, Dispatch, OutletError};
use crate::net::Network;
use crate::password::Password;
use crate::tls::{self, SeenCertificate, TlsMode};

/// Where and how a mailbox's mails are handed over.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Host name or address; with TLS the certificate must be for it.
    pub host: String,
    /// Usually 465 (implicit TLS), 587 (STARTTLS) or 25 (the relay on this machine).
    pub port: u16,
    /// How the connection is protected.
    pub tls: TlsMode,
    /// Certificates (PEM) that are trusted beside the system's roots.
    pub ca: Option<PathBuf>,
    /// Whom to log in as; without user or password there is no login.
    pub user: Option<String>,
    /// The password. Never logged.
    pub password: Option<Password>,
    /// The longest wait in any one step.
    pub timeout: Duration,
    /// The longest wait for the answer to the final dot.
    pub data_timeout: Duration,
}

impl SmtpSettings {
    fn unreachable(&self, reason: String) -> OutletError {
        OutletError::Unreachable { host: self.host.clone(), port: self.port, reason }
    }

    fn not_safe(&self, reason: String) -> OutletError {
        OutletError::Unsafe { host: self.host.clone(), port: self.port, reason }
    }
}

/// `work`, or [`OutletError::Unreachable`] when it does not end within the time-out.
async fn within<T>(
    settings: &SmtpSettings,
    step: &str,
    work: impl Future<Output = T>,
) -> Result<T, OutletError> {
    tokio::time::timeout(settings.timeout, work)
        .await
        .map_err(|_| settings.unreachable(format!("{step}: no answer within {:?}", settings.timeout)))
}

/// Hands mails to one SMTP server.
#[derive(Debug)]
pub struct SmtpOutlet {
    settings: SmtpSettings,
    network: Network,
    certificate: SeenCertificate,
    hello: ClientId,
    kept: Option<Session>,
}

impl SmtpOutlet {
    /// Reads the trusted certificates, which may block for some milliseconds; connects to nothing yet.
    ///
    /// # Errors
    /// [`OutletError::Tls`]: the certificates can't be used, or plain text was asked for towards another machine.
    pub fn new(settings: SmtpSettings) -> Result<Self, OutletError> {
        tls::allowed(settings.tls, &settings.host)?;
        let certificate = SeenCertificate::default();
        if settings.tls != TlsMode::None {
            // Made anew for each connection; here, so that what is wrong with it is said at once.
            tls::client_config(settings.ca.as_deref(), &certificate)?;
        }
        let network = Network::default();
        Ok(Self { settings, network, certificate, hello: ClientId::default(), kept: None })
    }

    /// Connects over another network from now on.
    pub(super) fn over(&mut self, network: &Network) {
        self.network = network.clone();
    }

    pub(super) fn certificate(&self) -> Option<(String, SeenCertificate)> {
        let server = format!("{}:{}", self.settings.host, self.settings.port);
        (self.settings.tls != TlsMode::None).then(|| (server, self.certificate.clone()))
    }

    pub(super) async fn send(&mut self, dispatch: &Dispatch) -> Delivery {
        let mail = match Mail::new(dispatch) {
            Ok(mail) => mail,
            Err(refused) => return refused,
        };
        // taken out while in use: a future that is dropped half-way closes the connection with it
        if let Some(mut session) = self.kept.take() {
            match session.hand_over(&mail).await {
                // it was closed while idle, as servers do: the mail has been seen by nobody
                Err(failure) if failure.before_data_by_closing() => {}
                outcome => return self.settle(session, outcome).await,
            }
        }
        match self.connect().await {
            Ok(mut session) => {
                let outcome = session.hand_over(&mail).await;
                self.settle(session, outcome).await
            }
            Err(error) => error.into_delivery(),
        }
    }

    /// Keeps the connection when it is still good.
    async fn settle(&mut self, mut session: Session, outcome: Result<String, session::Failure>) -> Delivery {
        match outcome {
            Ok(reply) => {
                self.kept = Some(session);
                Delivery::Accepted { reply }
            }
            Err(failure) => {
                if failure.leaves_connection() && session.reset().await {
                    self.kept = Some(session);
                }
                failure.into_delivery()
            }
        }
    }

    pub(super) async fn rest(&mut self) {
        if let Some(session) = self.kept.take() {
            session.quit().await;
        }
    }

    pub(super) async fn probe(&mut self) -> Result<(), OutletError> {
        self.connect().await?.quit().await;
        Ok(())
    }

    /// A new connection: TCP, TLS, greeting, EHLO, login. What fails here is no verdict on any mail.
    async fn connect(&self) -> Result<Session, OutletError> {
        let settings = &self.settings;
        let (line, taken) = wire::open(&self.network, settings, &self.certificate, &self.hello).await?;
        let greeted = AsyncSmtpConnection::connect_with_transport(line, &self.hello);
        let mut connection =
            within(settings, "the greeting", greeted).await?.map_err(|error| self.turned_away(&error))?;
        if let (Some(user), Some(password)) = (&settings.user, &settings.password) {
            self.log_in(&mut connection, user, password).await?;
        }
        Ok(Session::new(connection, taken, settings.timeout, settings.data_timeout))
    }

    /// Without TLS the other side is this machine itself: `wire::open` connects to nothing else.
    async fn log_in(
        &self,
        connection: &mut AsyncSmtpConnection,
        user: &str,
        password: &Password,
    ) -> Result<(), OutletError> {
        let password = password.now().await.map_err(|reply| OutletError::LoginRefused { reply })?;
        let credentials = Credentials::new(user.to_owned(), password.expose_secret().to_owned());
        let login = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials);
        match within(&self.settings, "the login", login).await? {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => {
                Err(OutletError::LoginRefused { reply: session::reply_of(&error) })
            }
            Err(error) if error.is_client() => {
                Err(OutletError::LoginRefused { reply: "the server offers neither PLAIN nor LOGIN".into() })
            }
            Err(error) => Err(self.turned_away(&error)),
        }
    }

    fn turned_away(&self, error: &lettre::transport::smtp::Error) -> OutletError {
        if error.status().is_some() {
            OutletError::Refused { reply: session::reply_of(error) }
        } else {
            self.settings.unreachable(session::reply_of(error))
        }
    }
}
