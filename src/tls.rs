//! TLS as a client, for IMAP and SMTP alike: which roots are trusted, and where plain text is allowed.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;
use x509_cert::der::Decode as _;

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// TLS from the first byte (RFC 8314 section 3).
    Implicit,
    /// Plain text until STARTTLS, which must succeed: there is no falling back (RFC 8314 section 4.1).
    StartTls,
    /// No TLS. Only towards this machine itself; see [`allowed`].
    None,
}

/// Why TLS can't be set up. All of them are for the operator to mend.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file with the own CA can't be read, or holds something that is not PEM.
    #[error("{}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What was wrong.
        source: pem::Error,
    },
    /// The file with the own CA holds no certificate.
    #[error("{}: holds no certificate; expected PEM, \"-----BEGIN CERTIFICATE-----\"", .0.display())]
    NoCertificate(PathBuf),
    /// A certificate can't serve as a root, or no roots could be had at all.
    #[error("{}: {source}", file.as_deref().map_or("the system's certificates".into(), Path::to_string_lossy))]
    Roots {
        /// The file with the own CA; `None` when only the system's roots were asked for.
        file: Option<PathBuf>,
        /// What rustls said.
        source: rustls::Error,
    },
    /// Plain text was asked for towards another machine.
    #[error(
        "tls = \"none\" is only for this machine itself, not for {0}; expected \"implicit\" or \"starttls\""
    )]
    PlainTextToOtherHost(String),
}

/// Until when a server's certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificate {
    /// The end of its validity (RFC 5280 section 4.1.2.5).
    pub not_after: Timestamp,
    /// When the server last showed it.
    pub seen_at: Timestamp,
}

impl Certificate {
    /// Before so long it should have been replaced; those who do it by themselves do so a month before.
    const MARGIN: SignedDuration = SignedDuration::from_hours(14 * 24);

    /// Whether it expires within two weeks, or has expired.
    pub fn is_ending(&self, now: Timestamp) -> bool {
        self.not_after.duration_since(now) <= Self::MARGIN
    }
}

/// The certificate that a server last showed, also one that was refused. Clones are one.
#[derive(Debug, Clone, Default)]
pub struct SeenCertificate(Arc<Mutex<Option<Certificate>>>);

impl SeenCertificate {
    /// The newest one; `None` before the first handshake, and of one that can't be read.
    pub fn newest(&self) -> Option<Certificate> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, der: &CertificateDer<'_>, now: UnixTime) {
        let seconds = |since_1970: u64| Timestamp::from_second(i64::try_from(since_1970).ok()?).ok();
        let read = x509_cert::Certificate::from_der(der).ok();
        let not_after = read.map(|c| c.tbs_certificate.validity.not_after.to_unix_duration().as_secs());
        let seen = not_after.and_then(seconds).zip(seconds(now.as_secs()));
        let seen = seen.map(|(not_after, seen_at)| Certificate { not_after, seen_at });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}

/// Notes the server's certificate, and leaves every judgement to the verifier beneath.
#[derive(Debug)]
struct Noting {
    verifier: Verifier,
    seen: SeenCertificate,
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.seen.note(end_entity, now);
        self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// The configuration of a TLS client: the system's roots and, when given, those in `ca_file` (PEM).
///
/// Reads files, so it may block for some milliseconds. The ring provider is named here, so that it does not matter
/// what else in the program brings a provider along. The certificate that the server shows is noted in `seen`.
///
/// # Errors
/// `ca_file` can't be read or holds no usable certificate, or there are no roots at all.
pub fn client_config(ca_file: Option<&Path>, seen: &SeenCertificate) -> Result<Arc<ClientConfig>, TlsError> {
    let own = ca_file.map(own_roots).transpose()?.unwrap_or_default();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unusable = |source| TlsError::Roots { file: ca_file.map(Path::to_owned), source };
    let verifier = Verifier::new_with_extra_roots(own, Arc::clone(&provider)).map_err(unusable)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .dangerous() // the name is rustls's, for any verifier of one's own; this one verifies in full
        .with_custom_certificate_verifier(Arc::new(Noting { verifier, seen: seen.clone() }))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn own_roots(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |source| TlsError::Unreadable { file: file.to_owned(), source };
    let certificates = CertificateDer::pem_file_iter(file)
        .map_err(unreadable)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate(file.to_owned()));
    }
    Ok(certificates)
}

/// Whether `mode` may be used towards `host`: plain text only towards `localhost` and loopback addresses.
///
/// # Errors
/// [`TlsError::PlainTextToOtherHost`].
pub fn allowed(mode: TlsMode, host: &str) -> Result<(), TlsError> {
    let loopback = host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    if mode == TlsMode::None && !loopback {
        return Err(TlsError::PlainTextToOtherHost(host.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_on_this_machine() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"] {
            assert!(allowed(TlsMode::None, host).is_ok(), "{host}");
        }
        for host in ["imap.klant.test", "localhost.klant.test", "10.0.0.1", "::2", "127.0.0.1.klant.test", ""]
        {
            let told = allowed(TlsMode::None, host).expect_err(host).to_string();
            assert!(told.contains(host) && told.contains("starttls"), "{told}");
            assert!(allowed(TlsMode::Implicit, host).is_ok());
            assert!(allowed(TlsMode::StartTls, host).is_ok());
        }
    }

    #[test]
    fn a_bad_ca_file_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let absent = dir.path().join("absent.pem");
        let empty = dir.path().join("empty.pem");
        let broken = dir.path().join("broken.pem");
        std::fs::write(&empty, "not PEM at all\n").expect("written");
        std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
            .expect("written");
        for file in [absent, empty, broken] {
            let told =
                client_config(Some(&file), &SeenCertificate::default()).expect_err("refused").to_string();
            assert!(told.starts_with(&*file.to_string_lossy()), "{told}");
        }
    }
}
