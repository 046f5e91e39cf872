//! Which certificates an https connection trusts: the system's, and those of a file. The system's
//! are read at the first handshake, because most clients and servers use plain HTTP within a
//! network: there, reading them would only cost time and memory, and a container without any must
//! still start. Both are read again after a handshake that failed, because the CA of a network is
//! replaced while programs run. On macOS, the system itself verifies each certificate, also in a
//! forked process, for which Apple does not support that: reading anything before the fork would
//! not change it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};

/// Minimum pause between two reads of the certificates: a server with a wrong certificate fails each
/// handshake, and a read takes milliseconds.
const PAUSE: Duration = Duration::from_secs(10);

/// The TLS configuration of a client, with the certificates of a file in addition to the system's.
/// All clones of it share what was read.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] if the file cannot be read or contains no certificate.
pub fn tls_config(ca_file: Option<&Path>) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = LazyVerifier::new(provider.clone(), ca_file)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            let text = "cannot initialize TLS";
            Error::new(ErrorKind::Internal, "open client", text).caused_by(error)
        })?;
    // "Dangerous" is any verifier of one's own. This one leaves every decision to the system's.
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(config.with_no_client_auth())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let unusable = |message: &'static str| {
        Error::new(ErrorKind::InvalidArgument, "open client", message)
            .with("path", path.display().to_string())
    };
    let pem = std::fs::read(path)
        .map_err(|error| unusable("cannot read the certificate file").caused_by(error))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates
        .map_err(|error| unusable("the file contains no valid PEM certificate").caused_by(error))?;
    match certificates.is_empty() {
        true => Err(unusable("the file contains no PEM certificate")),
        false => Ok(certificates),
    }
}

/// The system's verifier, created at its first use, and again after it refused a certificate. A
/// failure is not kept: certificates may be installed while the program runs.
struct LazyVerifier {
    provider: Arc<CryptoProvider>,
    ca_file: Option<PathBuf>,
    trusted: Mutex<Trusted>,
}

/// What was read last.
struct Trusted {
    /// The certificates of the file.
    beside: Vec<CertificateDer<'static>>,
    /// The verifier, and when the system's certificates were read for it.
    verifier: Option<(Arc<Verifier>, Instant)>,
}

impl LazyVerifier {
    fn new(provider: Arc<CryptoProvider>, ca_file: Option<&Path>) -> Result<Self> {
        let beside = ca_file.map(certificates).transpose()?.unwrap_or_default();
        let trusted = Mutex::new(Trusted { beside, verifier: None });
        Ok(Self { provider, ca_file: ca_file.map(Path::to_owned), trusted })
    }

    fn verifier(&self) -> Result<Arc<Verifier>, rustls::Error> {
        let mut trusted = self.trusted();
        if let Some((verifier, _)) = &trusted.verifier {
            return Ok(Arc::clone(verifier));
        }
        let made = self.made(&trusted.beside)?;
        trusted.verifier = Some((Arc::clone(&made), Instant::now()));
        Ok(made)
    }

    /// A verifier with the present certificates, in place of one that refused a certificate. `None`
    /// if they were read shortly before, or cannot be read.
    fn renewed(&self, refusing: &Arc<Verifier>) -> Option<Arc<Verifier>> {
        let mut beside = {
            let mut trusted = self.trusted();
            let (verifier, read_at) = trusted.verifier.as_mut()?;
            // Another handshake was quicker.
            if !Arc::ptr_eq(verifier, refusing) {
                return Some(Arc::clone(verifier));
            }
            if read_at.elapsed() < PAUSE {
                return None;
            }
            // Other handshakes go on meanwhile with what was read before.
            *read_at = Instant::now();
            trusted.beside.clone()
        };
        if let Some(Ok(read)) = self.ca_file.as_deref().map(certificates) {
            beside = read;
        }
        let made = self.made(&beside).ok()?;
        let verifier = Some((Arc::clone(&made), Instant::now()));
        *self.trusted() = Trusted { beside, verifier };
        Some(made)
    }

    fn made(&self, beside: &[CertificateDer<'static>]) -> Result<Arc<Verifier>, rustls::Error> {
        let beside = beside.iter().cloned();
        Ok(Arc::new(Verifier::new_with_extra_roots(beside, self.provider.clone())?))
    }

    fn trusted(&self) -> MutexGuard<'_, Trusted> {
        self.trusted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerCertVerifier for LazyVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verify = |verifier: &Verifier| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        let verifier = self.verifier()?;
        verify(&verifier).or_else(|error| match self.renewed(&verifier) {
            Some(renewed) => verify(&renewed),
            None => Err(error),
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl fmt::Debug for LazyVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trusted = self.trusted();
        f.debug_struct("LazyVerifier")
            .field("beside", &trusted.beside.len())
            .field("is_made", &trusted.verifier.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::time::advance;

    use super::*;

    fn verifier(ca_file: Option<&Path>) -> LazyVerifier {
        LazyVerifier::new(Arc::new(rustls::crypto::ring::default_provider()), ca_file).unwrap()
    }

    fn accepts(verifier: &LazyVerifier, certificate: &CertificateDer<'_>) -> bool {
        let name = ServerName::try_from("localhost").unwrap();
        verifier.verify_server_cert(certificate, &[], &name, &[], UnixTime::now()).is_ok()
    }

    #[test]
    fn certificates_are_read_at_the_first_handshake() {
        let verifier = verifier(None);
        assert!(!verifier.supported_verify_schemes().is_empty());
        assert!(verifier.trusted().verifier.is_none(), "a hello needs none");
        assert!(!accepts(&verifier, &CertificateDer::from(vec![0u8; 8])));
        assert!(verifier.trusted().verifier.is_some());
    }

    /// S79: the CA was replaced.
    #[tokio::test(start_paused = true)]
    async fn certificates_are_read_again_after_a_handshake_that_failed() {
        let directory = tempfile::tempdir().unwrap();
        let ca_file = directory.path().join("ca.pem");
        let made = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert;
        let [old, new, unknown] = [(); 3].map(|()| made());
        fs::write(&ca_file, old.pem()).unwrap();
        let verifier = verifier(Some(&ca_file));
        assert!(accepts(&verifier, old.der()) && !accepts(&verifier, new.der()));
        fs::write(&ca_file, new.pem()).unwrap();
        assert!(!accepts(&verifier, new.der()), "not with each handshake");
        advance(PAUSE).await;
        assert!(accepts(&verifier, old.der()), "a handshake that succeeds reads nothing");
        assert!(accepts(&verifier, new.der()) && !accepts(&verifier, old.der()));
        // A file that cannot be read takes no trust away.
        fs::remove_file(&ca_file).unwrap();
        advance(PAUSE).await;
        assert!(!accepts(&verifier, unknown.der()) && accepts(&verifier, new.der()));
    }
}
