//! The mail server of the settings: resolves its name, connects, and hands over a mail. A password
//! is sent over TLS only, unless the settings allow otherwise.

use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
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
        let parameters = TlsParameters::new(host.to_owned())?;
        let tls = match port {
            SMTPS => Tls::Wrapper(parameters),
            _ if credentials.is_some() && !config.get(&keys::MAIL_PLAIN) => {
                Tls::Required(parameters)
            }
            _ => Tls::Opportunistic(parameters),
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
        let name = ClientId::default();
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
