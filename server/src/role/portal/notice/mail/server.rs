//! The mail server of the settings: resolves its name, connects, and hands over a mail. A password
//! is sent over TLS with a verified certificate only, unless the settings allow otherwise.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use rustls::CertificateError;
use thiserror::Error;

use super::filled;
use super::transaction::{self, Unreached};
use crate::outgoing::guard::{self, ResolveError};
use crate::outgoing::install_tls;
use crate::server_config::{ServerConfig, keys};

/// Maximum time to connect to one address of the mail server.
const CONNECT: Duration = Duration::from_secs(10);
const SMTP: u16 = 25;
/// The port on which TLS begins at once.
const SMTPS: u16 = 465;

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
    #[error(transparent)]
    Smtp(#[from] Error),
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
            Self::TimedOut | Self::Resolve(_) | Self::Interrupted(_) => None,
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
            SMTPS => Tls::Wrapper(TlsParameters::new(host.to_owned())?),
            _ if may_be_plain => Tls::Opportunistic(unverified(host)?),
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
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }

    /// Connects to the addresses that were checked; lettre would resolve the name itself.
    async fn connect(&self) -> Result<AsyncSmtpConnection, MailFailure> {
        let addresses = guard::resolve(&self.host, self.port).await?;
        let name = own_name();
        let at_once = match &self.tls {
            Tls::Wrapper(parameters) => Some(parameters.clone()),
            _ => None,
        };
        let connecting = AsyncSmtpConnection::connect_tokio1(
            &addresses[..],
            Some(CONNECT),
            &name,
            at_once,
            None,
        );
        let mut connection = connecting.await?;
        match &self.tls {
            Tls::Opportunistic(parameters) if connection.can_starttls() => {
                connection.starttls(parameters.clone(), &name).await?;
            }
            Tls::Required(parameters) => connection.starttls(parameters.clone(), &name).await?,
            _ => {}
        }
        Ok(connection)
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

/// The name with which this machine greets; an address if it is not the name of a host, because
/// mail servers may refuse that.
fn own_name() -> ClientId {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    let is_host = |name: &String| !name.is_empty() && name.bytes().all(is_valid);
    whoami::hostname().ok().filter(is_host).map_or_else(ClientId::default, ClientId::Domain)
}

/// Why the certificate of the mail server was refused, if that ended the connection.
pub(super) fn certificate_error(failure: &Error) -> Option<&CertificateError> {
    let mut cause = failure.source();
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let tls = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(rustls::Error::InvalidCertificate(problem)) = tls {
            return Some(problem);
        }
        cause = error.source();
    }
    None
}
