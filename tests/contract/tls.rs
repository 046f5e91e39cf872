//! TLS in front of the scripted server, with a certificate of a CA that no system knows.

use std::fs;
use std::sync::Arc;

use castalia_core::testing::Server;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::Result;

/// Files of CAs: the one of the certificate, and one that has nothing to do with it.
const CA: &str = "ca.pem";
const OTHER_CA: &str = "other-ca.pem";

/// The https address of a server, until it is dropped.
pub(crate) struct Tls {
    url: String,
    folder: TempDir,
    _accepting: JoinSet<()>,
}

impl Tls {
    /// An address at `localhost` with a certificate for this host, which the server lists as that of
    /// the config service from now on. The address of the server itself remains.
    pub(crate) async fn before(server: &Server, host: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let [ca, other_ca] = [authority(CA)?, authority(OTHER_CA)?];
        fs::write(folder.path().join(CA), ca.pem())?;
        fs::write(folder.path().join(OTHER_CA), other_ca.pem())?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("https://localhost:{}", listener.local_addr()?.port());
        server.set_services(&[&url]);
        let behind = server.url().trim_start_matches("http://").to_owned();
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, acceptor(&ca, host)?, behind));
        Ok(Self { url, folder, _accepting: accepting })
    }

    /// The value of a setting, in which `{https}` is the address, `{ca}` the file with the CA of the
    /// certificate, and `{other-ca}` one with another CA.
    pub(crate) fn fill(&self, value: &str) -> String {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let value = value.replace("{https}", &self.url);
        value.replace("{ca}", &path(CA)).replace("{other-ca}", &path(OTHER_CA))
    }
}

/// A CA of this name. Clients find the CA of a certificate by name, and check the signature then.
fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(DnType::CommonName, name);
    Ok(CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?)
}

fn acceptor(ca: &CertifiedIssuer<'_, KeyPair>, host: &str) -> Result<TlsAcceptor> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new([host.to_owned()])?.signed_by(&key, ca)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, behind: String) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, behind) = (acceptor.clone(), behind.clone());
        tokio::spawn(async move {
            // Without a certificate that it trusts, the client ends the connection here.
            let Ok(mut client) = acceptor.accept(stream).await else { return };
            let Ok(mut server) = TcpStream::connect(behind).await else { return };
            let _ = copy_bidirectional(&mut client, &mut server).await;
        });
    }
}
