//! The mail server of the settings: resolves its name, connects, and hands over a mail. A password
//! is sent over TLS only, unless the settings allow otherwise. A recipient whom the server refuses
//! keeps the mail from no other.

use std::time::Duration;

use lettre::Message;
use lettre::address::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Tls, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use thiserror::Error;
use tokio::time::timeout;

use super::filled;
use crate::outgoing::guard::{self, ResolveError};
use crate::outgoing::install_tls;
use crate::server_config::{ServerConfig, keys};

/// Maximum time to connect to one address of the mail server.
const CONNECT: Duration = Duration::from_secs(10);
/// Maximum time until a mail is accepted; less than the lease of a delivery.
const LONGEST: Duration = Duration::from_secs(25);
/// Maximum time for the end of the connection.
const FAREWELL: Duration = Duration::from_secs(1);
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
    #[error("no answer within {LONGEST:?}")]
    TimedOut,
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error(transparent)]
    Smtp(#[from] Error),
    #[error("the recipients are refused, the first of them with status {0}")]
    NoRecipient(u16),
}

/// A recipient whom the mail server refused.
#[derive(Debug)]
pub(super) struct RefusedRecipient {
    pub(super) address: Address,
    /// Status of the answer; 0 if the server accepts no such addresses, so that it is not asked.
    pub(super) status: u16,
}

impl RefusedRecipient {
    /// Whether the same mail may be accepted later: the server lets strangers wait, the mailbox is
    /// full, or the mail has more recipients than one may have.
    pub(super) fn is_refused_for_now(&self) -> bool {
        (400..500).contains(&self.status)
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

    /// Sends a mail on a connection of its own, and returns the recipients whom the server refused.
    pub(super) async fn send(
        &self,
        message: &Message,
    ) -> Result<Vec<RefusedRecipient>, MailFailure> {
        let handing_over = timeout(LONGEST, self.hand_over(message)).await;
        let (mut connection, refused) = handing_over.map_err(|_| MailFailure::TimedOut)??;
        // The mail is accepted: it must not be sent again because the server does not say goodbye.
        let _ = timeout(FAREWELL, connection.quit()).await;
        Ok(refused)
    }

    async fn hand_over(
        &self,
        message: &Message,
    ) -> Result<(AsyncSmtpConnection, Vec<RefusedRecipient>), MailFailure> {
        let mut connection = self.connect().await?;
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        match transmit(&mut connection, message).await {
            Ok(refused) => Ok((connection, refused)),
            Err(failure) => {
                connection.abort().await;
                Err(failure)
            }
        }
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

/// Fails if no recipient is accepted. lettre's own `send` fails with the first refused one.
async fn transmit(
    connection: &mut AsyncSmtpConnection,
    message: &Message,
) -> Result<Vec<RefusedRecipient>, MailFailure> {
    let (envelope, text) = (message.envelope(), message.formatted());
    let takes_utf8 = connection.server_info().supports_feature(Extension::SmtpUtfEight);
    let mut parameters = Vec::new();
    if takes_utf8 && !envelope.from().into_iter().chain(envelope.to()).all(is_ascii) {
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !text.is_ascii() {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    connection.command(Mail::new(envelope.from().cloned(), parameters)).await?;
    let mut refused = Vec::new();
    for recipient in envelope.to() {
        let status = match takes_utf8 || is_ascii(recipient) {
            true => refusal(connection, recipient).await?,
            false => Some(0),
        };
        let refused_with = |status| RefusedRecipient { address: recipient.clone(), status };
        refused.extend(status.map(refused_with));
    }
    let is_accepted = refused.len() < envelope.to().len();
    if let Some(first) = refused.first().filter(|_| !is_accepted) {
        return Err(MailFailure::NoRecipient(first.status));
    }
    connection.command(Data).await?;
    connection.message(&text).await?;
    Ok(refused)
}

/// Names a recipient; returns the status with which the server refuses one.
async fn refusal(
    connection: &mut AsyncSmtpConnection,
    recipient: &Address,
) -> Result<Option<u16>, Error> {
    match connection.command(Rcpt::new(recipient.clone(), Vec::new())).await {
        Ok(_) => Ok(None),
        // Without a status, the connection failed.
        Err(error) => error.status().map(|status| Some(status.into())).ok_or(error),
    }
}

fn is_ascii(address: &Address) -> bool {
    AsRef::<str>::as_ref(address).is_ascii()
}
