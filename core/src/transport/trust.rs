//! Which certificates an https connection trusts: the system's, and those of a file. The system's
//! are read at the first handshake, because most clients and servers use plain HTTP within a
//! network: there, reading them would only cost time and memory, and a container without any must
//! still start.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;

use crate::error::{Error, ErrorKind, Result};

/// The TLS configuration of a client, with the certificates of a file in addition to the system's.
/// All clones of it read the system's certificates once.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] if the file cannot be read or contains no certificate.
pub fn tls_config(ca_file: Option<&Path>) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let beside = ca_file.map(certificates).transpose()?.unwrap_or_default();
    let verifier = LazyVerifier { provider: provider.clone(), beside, verifier: OnceLock::new() };
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

/// The system's verifier, created at its first use. A failure is not kept: certificates may be
/// installed while the program runs.
struct LazyVerifier {
    provider: Arc<CryptoProvider>,
    beside: Vec<CertificateDer<'static>>,
    verifier: OnceLock<Verifier>,
}

impl LazyVerifier {
    fn verifier(&self) -> Result<&Verifier, rustls::Error> {
        if let Some(verifier) = self.verifier.get() {
            return Ok(verifier);
        }
        let beside = self.beside.iter().cloned();
        let made = Verifier::new_with_extra_roots(beside, self.provider.clone())?;
        Ok(self.verifier.get_or_init(|| made))
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
        let verifier = self.verifier()?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
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
        f.debug_struct("LazyVerifier")
            .field("beside", &self.beside.len())
            .field("is_made", &self.verifier.get().is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_read_at_the_first_handshake() {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = LazyVerifier { provider, beside: Vec::new(), verifier: OnceLock::new() };
        assert!(!verifier.supported_verify_schemes().is_empty());
        assert!(verifier.verifier.get().is_none(), "a hello needs none");
        let name = ServerName::try_from("localhost").unwrap();
        let end_entity = CertificateDer::from(vec![0u8; 8]);
        let refused = verifier.verify_server_cert(&end_entity, &[], &name, &[], UnixTime::now());
        assert!(refused.is_err() && verifier.verifier.get().is_some());
    }
}
