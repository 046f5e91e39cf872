//! The mail server of the settings: resolves its name, connects, and hands over a mail. A password
//! is sent over TLS with a verified certificate only, unless the settings allow otherwise. What the
//! server answers is limited.

use std::error::Error as StdError;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::filled;
use super::transaction::{self, Unreached};
use crate::outgoing::guard::{self, ResolveError};
use crate::outgoing::metered::Metered;
use crate::outgoing::{causes, connect, encrypt, install_tls, tls};
use crate::server_config::{ServerConfig, keys};

/// Maximum time to connect; the only address of a mail server has half of it.
const CONNECT: Duration = Duration::from_secs(20);
/// Maximum time until TLS begins where a connection in clear is allowed as well.
const START_TLS: Duration = Duration::from_secs(5);
/// Maximum number of bytes that are received for a mail: 512 in each line (RFC 5321), and a line
/// about each of 500 recipients are half of it.
const MOST_RECEIVED: usize = 512 * 1024;
const SMTP: u16 = 25;
/// The port on which TLS begins at once.
const SMTPS: u16 = 465;

/// When TLS begins.
enum Tls {
    AtOnce,
    Required(TlsParameters),
    /// Where a connection in clear is allowed as well.
    IfOffered(TlsParameters),
}

/// A mail server.
pub(super) struct MailServer {
    host: String,
    port: u16,
    tls: Tls,
    credentials: Option<Credentials>,
}

/// Reason why a mail was not accepted.
#[derive(Debug, Error)]
pub(super) enum MailFailure {
    #[error("no answer in time")]
    TimedOut,
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error("{0}")]
    Connection(#[from] io::Error),
    #[error(transparent)]
    Smtp(#[from] Error),
    #[error("STARTTLS is not offered")]
    NoStartTls,
    #[error("the user and the password are not accepted: {0}")]
    SignIn(Error),
    #[error("the recipients are refused, the first of them with status {0}")]
    NoRecipient(u16),
    #[error("some recipients are refused, and the mail was not sent to the others")]
    Interrupted(Unreached),
}

impl MailFailure {
    /// Status with which the server refused a command.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Smtp(error) => error.status().map(u16::from),
            Self::NoRecipient(status) => Some(*status),
            Self::SignIn(error) => error.status().map(u16::from),
            Self::TimedOut
            | Self::Resolve(_)
            | Self::Connection(_)
            | Self::NoStartTls
            | Self::Interrupted(_) => None,
        }
    }
}

impl MailServer {
    pub(super) fn of(config: &ServerConfig) -> Result<Self, Error> {
        install_tls();
        let text = filled(config.get(&keys::MAIL_HOST)).unwrap_or_default();
        let text = text.trim();
        let (host, port) = match text.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) => (host, port),
            _ => (text, SMTP),
        };
        let user = filled(config.get(&keys::MAIL_USER));
        let password = filled(config.get(&keys::MAIL_PASSWORD));
        let credentials =
            user.zip(password).map(|(user, password)| Credentials::new(user, password));
        let may_be_plain = credentials.is_none() || config.get(&keys::MAIL_PLAIN);
        let tls = match port {
            SMTPS => Tls::AtOnce,
            _ if may_be_plain => Tls::IfOffered(unverified(host)?),
            _ => Tls::Required(TlsParameters::new(host.to_owned())?),
        };
        Ok(Self { host: host.to_owned(), port, tls, credentials })
    }

    /// Sends a mail on a connection of its own, and returns the recipients whom it did not reach.
    pub(super) async fn send(&self, message: &Message) -> Result<Unreached, MailFailure> {
        transaction::send(self.open(), message).await
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, MailFailure> {
        let mut connection = self.connect().await?;
        if let Some(credentials) = &self.credentials {
            let signed_in = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            signed_in.map_err(MailFailure::SignIn)?;
        }
        Ok(connection)
    }

    /// Connects, with TLS as it is required or possible.
    async fn connect(&self) -> Result<AsyncSmtpConnection, MailFailure> {
        let addresses = guard::resolve(&self.host, self.port).await?;
        let (mut connection, name) = self.greet(&addresses).await?;
        match &self.tls {
            Tls::IfOffered(parameters) if connection.can_starttls() => {
                let begun = timeout(START_TLS, connection.starttls(parameters.clone(), &name));
                let problem = match begun.await {
                    Ok(begun) => begun.err().map(|error| causes(&error)),
                    Err(elapsed) => Some(elapsed.to_string()),
                };
                if let Some(error) = problem {
                    tracing::warn!(
                        error,
                        "the mail server offers STARTTLS, which failed; the mail is sent in clear"
                    );
                    connection = self.greet(&addresses).await?.0;
                }
            }
            Tls::Required(_) if !connection.can_starttls() => return Err(MailFailure::NoStartTls),
            Tls::Required(parameters) => connection.starttls(parameters.clone(), &name).await?,
            Tls::IfOffered(_) | Tls::AtOnce => {}
        }
        Ok(connection)
    }

    /// Connects to the addresses that were checked, where lettre would resolve the name itself and
    /// read without a limit. Also returns the name with which this machine greeted.
    async fn greet(
        &self,
        addresses: &[SocketAddr],
    ) -> Result<(AsyncSmtpConnection, ClientId), MailFailure> {
        let stream = connect(addresses, CONNECT).await?;
        let name = own_name(stream.local_addr()?.ip());
        let stream: Box<dyn AsyncTokioStream> = match self.tls {
            Tls::AtOnce => {
                let encrypted = encrypt(stream, &self.host, Arc::new(tls())).await?;
                Box::new(Metered::new(encrypted, MOST_RECEIVED))
            }
            _ => Box::new(Metered::new(stream, MOST_RECEIVED).by_bytes()),
        };
        Ok((AsyncSmtpConnection::connect_with_transport(stream, &name).await?, name))
    }
}

impl AsyncTokioStream for Metered<TcpStream> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.get_ref().peer_addr()
    }
}

impl AsyncTokioStream for Metered<TlsStream<TcpStream>> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.get_ref().get_ref().0.peer_addr()
    }
}

/// TLS where a plain connection is allowed: encryption without verification is better than that,
/// and the certificates of internal mail servers are often self-signed.
fn unverified(host: &str) -> Result<TlsParameters, Error> {
    TlsParameters::builder(host.to_owned())
        .dangerous_accept_invalid_certs(true)
        .dangerous_accept_invalid_hostnames(true)
        .build()
}

/// The name with which this machine greets; its address on the connection if the name is not that of
/// a host in a domain, because mail servers may refuse such a name, but no address.
fn own_name(address: IpAddr) -> ClientId {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    let is_full = |name: &String| name.contains('.') && name.bytes().all(is_valid);
    whoami::hostname().ok().filter(is_full).map_or_else(
        || match address.to_canonical() {
            IpAddr::V4(address) => ClientId::Ipv4(address),
            IpAddr::V6(address) => ClientId::Ipv6(address),
        },
        ClientId::Domain,
    )
}

/// The error of this type that a failure of a connection contains. `io::Error` is not a source of
/// what it contains.
pub(super) fn contained<'f, E: StdError + 'static>(
    failure: &'f (dyn StdError + 'static),
) -> Option<&'f E> {
    let mut cause = Some(failure);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| inner.downcast_ref::<E>()) {
            return Some(found);
        }
        cause = error.source();
    }
    None
}
