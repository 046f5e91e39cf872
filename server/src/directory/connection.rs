//! One connection to a server of the directory, in clear or over TLS. What the directory answers is
//! read here before ldap3 parses it, so that it is limited.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ldap3::exop::Exop;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, StdStream};
use reqwest::Url;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, copy, split};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::task::AbortOnDropHandle;

use super::message::{Allowance, message};
use crate::log_rate::LogRate;
use crate::outgoing::{connect, encrypt, guard};

/// Ports without and with TLS.
const LDAP: u16 = 389;
const LDAPS: u16 = 636;
/// The extended operation after which TLS begins.
const START_TLS: &str = "1.3.6.1.4.1.1466.20037";

/// A connection; closed when it is dropped.
pub(super) struct LdapConnection {
    pub(super) ldap: Ldap,
    _driver: AbortOnDropHandle<()>,
    _relay: AbortOnDropHandle<()>,
}

impl LdapConnection {
    /// Connects within a time. ldap3 limits nothing and accepts no stream but a socket, so that its
    /// end is one of a pair, and a task forwards what passes the limits.
    pub(super) async fn open(
        url: &str,
        tls: &Arc<ClientConfig>,
        start_tls: bool,
        patience: Duration,
    ) -> Result<Self, LdapError> {
        let url = Url::parse(url)?;
        let is_tls = url.scheme() == "ldaps";
        let host = url.host_str().filter(|host| !host.is_empty()).unwrap_or("localhost");
        let usual = if is_tls { LDAPS } else { LDAP };
        let found = guard::resolve(host, url.port().unwrap_or(usual)).await;
        let mut directory = connect(&found.map_err(io::Error::other)?, patience).await?;
        let (mut near, far) = UnixStream::pair()?;
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(far.into_std()?));
        let (connection, mut ldap) = LdapConnAsync::with_settings(settings, "ldapi:///").await?;
        let driver = AbortOnDropHandle::new(tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "a connection to the directory ended");
            }
        }));
        if start_tls && !is_tls {
            let request = Exop { name: Some(START_TLS.to_owned()), val: None };
            let exchange = exchange(&mut near, &mut directory);
            tokio::try_join!(exchange, ldap.extended(request))?.1.success()?;
        }
        let relay = match is_tls || start_tls {
            true => tokio::spawn(relay(encrypt(directory, host, Arc::clone(tls)).await?, near)),
            false => tokio::spawn(relay(directory, near)),
        };
        Ok(Self { ldap, _driver: driver, _relay: AbortOnDropHandle::new(relay) })
    }
}

/// Forwards one request and its answer. Reads no byte after it: what follows in clear must not be
/// taken for what TLS protects.
async fn exchange(ldap: &mut UnixStream, directory: &mut TcpStream) -> Result<(), LdapError> {
    let mut allowed = Allowance::default();
    if let Some(request) = message(ldap, &mut allowed).await? {
        directory.write_all(&request).await?;
    }
    match message(directory, &mut allowed).await? {
        Some(answer) => Ok(ldap.write_all(&answer).await?),
        None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
    }
}

/// Forwards requests and answers until one of both ends closes the connection.
async fn relay(directory: impl AsyncRead + AsyncWrite, mut ldap: UnixStream) {
    let (answered, mut asked) = split(directory);
    let (mut requests, mut answers) = ldap.split();
    let forward = async {
        let (mut answered, mut allowed) = (BufReader::new(answered), Allowance::default());
        while let Some(answer) = message(&mut answered, &mut allowed).await? {
            answers.write_all(&answer).await?;
        }
        Ok::<_, io::Error>(())
    };
    let ended = tokio::select! {
        ended = copy(&mut requests, &mut asked) => ended.map(drop),
        ended = forward => ended,
    };
    if let Err(error) = ended {
        report(&error);
    }
}

fn report(error: &io::Error) {
    static FAILURES: LogRate = LogRate::new();
    if error.kind() != io::ErrorKind::InvalidData {
        tracing::debug!(%error, "a connection to the directory ended");
    } else if let Some(suppressed) = FAILURES.admit() {
        tracing::warn!(%error, suppressed, "an answer of the directory was refused");
    }
}
