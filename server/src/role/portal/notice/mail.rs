//! Sends one notice by mail to those who may edit or publish the namespace, with Apollo's settings
//! and templates. A mail that some of them receive is not sent to these again: the others have
//! deliveries of their own. Who that is, is decided in `mail/recipients.rs`; the text is made in
//! `mail/text.rs`, the connection in `mail/server.rs`; it is sent by `mail/transaction.rs`.

mod recipients;
mod server;
mod text;
mod transaction;

use lettre::address::{Address as MailAddress, Envelope};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use rustls::CertificateError;

pub(in crate::role::portal) use self::recipients::RECIPIENT_SEPARATOR;
use self::server::{MailFailure, MailServer, contained};
use self::text::{ChangedKey, Changes, Mail, Templates};
use self::transaction::{RefusedRecipient, Unreached};
use super::body::release;
use crate::domain::draft::difference;
use crate::domain::history::ReleaseOperation;
use crate::domain::notice::{Attempt, Delivery, Notice};
use crate::domain::permission::requirement::Resource;
use crate::domain::portal_namespace;
use crate::environment::Address;
use crate::error::Result;
use crate::outgoing::guard::ResolveError;
use crate::outgoing::metered::Exceeded;
use crate::server_config::{ServerConfig, keys};
use crate::state::PortalState;
use crate::wire::admin;
use crate::wire::open_api::{Release, ReleaseHistory};

const NO_ENVIRONMENT: &str = "The environment cannot be read";
const NO_ANSWER: &str = "The mail server did not answer in time";
const NO_CONNECTION: &str = "The connection to the mail server failed";
const BAD_CERTIFICATE: &str = "The certificate of the mail server cannot be verified";
const NO_STARTTLS: &str =
    "The mail server offers no STARTTLS, and email.config.allowPlainPassword is not true";
const NO_MECHANISM: &str = "The mail server does not accept a user and a password";
const BAD_PASSWORD: &str = "The mail server refused email.config.user and email.config.password";
const TOO_MUCH: &str = "The answers of the mail server are too long";
const NOT_CONFIGURED: &str = "Mail is not configured on the node that was to send it";
const REFUSED: &str = "The mail server refused the mail";
const INTERRUPTED: &str =
    "The mail server refused some recipients; the mail to the others is another delivery";
/// The list of recipients in a mail: the group without members of RFC 5322, which mail servers
/// expect where recipients do not learn each other's addresses.
const HIDDEN: &str = "undisclosed-recipients:;";

/// Whether mail is sent about publishes in an environment.
pub(super) fn is_sent(config: &ServerConfig, env: &str) -> bool {
    is_configured(config) && super::names(&config.get(&keys::MAIL_ENVS), env)
}

/// Whether mail is sent at all.
pub(super) fn is_configured(config: &ServerConfig) -> bool {
    config.get(&keys::MAIL) && filled(config.get(&keys::MAIL_HOST)).is_some()
}

/// Makes one attempt. Fails only if the database cannot be read.
pub(super) async fn send(
    state: &PortalState,
    delivery: &Delivery,
    notice: &Notice,
) -> Result<Attempt> {
    let config = &state.config;
    // A node may have other settings than the one that queued the mail, or these again later.
    let Some(sender) = sender(config).filter(|_| is_configured(config)) else {
        return Ok(passing(0, NOT_CONFIGURED));
    };
    let entry = notice.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
    let Some(entry): Option<ReleaseHistory> = entry else {
        return Ok(lasting("The notice cannot be read"));
    };
    let recipients = recipients::of(state, delivery, notice).await?;
    if recipients.is_empty() {
        return Ok(lasting("Nobody with a mail address may edit or publish the namespace"));
    }
    let changes = match changes(state, notice, &entry).await {
        Ok(changes) => changes,
        Err(error) => {
            let env = &notice.env;
            tracing::debug!(env, %error, "cannot read the changes that a mail is about");
            return Ok(passing(0, NO_ENVIRONMENT));
        }
    };
    let mail = Mail {
        env: &notice.env,
        entry: &entry,
        changes,
        portal: filled(config.get(&keys::PORTAL_ADDRESS)).unwrap_or_default(),
    };
    let body = mail.render(&templates(config, &entry));
    let key = &delivery.delivery_key;
    let Some(message) = message(&sender, key, mail.subject(), recipients, body) else {
        return Ok(lasting("email.sender or email.config.user is not a mail address"));
    };
    let server = match MailServer::of(config) {
        Ok(server) => server,
        Err(error) => {
            tracing::warn!(%error, "mail cannot be sent with these settings");
            return Ok(lasting("The mail server's address cannot be used"));
        }
    };
    Ok(match server.send(&message).await {
        Ok(unreached) => {
            Attempt { status: 250, next: follow(notice, unreached), ..Attempt::default() }
        }
        Err(failure) => conclude(notice, failure),
    })
}

/// Targets of the deliveries that follow a mail. Those whom the server refuses for now have their
/// own: it may do so again, and disconnect.
fn follow(notice: &Notice, unreached: Unreached) -> Vec<String> {
    let Unreached { refused, unserved } = unreached;
    let (for_now, lasting): (Vec<_>, Vec<_>) =
        refused.into_iter().partition(RefusedRecipient::is_refused_for_now);
    report(notice, &lasting);
    let for_now = for_now.into_iter().map(|refused| refused.address);
    [recipients::targets(unserved), recipients::targets(for_now)].concat()
}

/// Once for each mail: it is not sent to these again.
fn report(notice: &Notice, refused: &[RefusedRecipient]) {
    let Notice { app_id, env, cluster_name, namespace_name, .. } = notice;
    for RefusedRecipient { address, status } in refused {
        tracing::warn!(
            env,
            app_id,
            cluster = cluster_name,
            namespace = namespace_name,
            %address,
            status,
            "the mail server refused a recipient of a mail, which the others receive"
        );
    }
}

fn conclude(notice: &Notice, failure: MailFailure) -> Attempt {
    // The text stays in the log of the node: it is written by the mail server.
    tracing::debug!(%failure, "the mail server did not accept a mail");
    match failure {
        MailFailure::Resolve(ResolveError::Refused(_)) => {
            lasting("The mail server's address is that of a metadata service")
        }
        MailFailure::Resolve(ResolveError::Unknown(_)) => passing(0, NO_CONNECTION),
        MailFailure::TimedOut => passing(0, NO_ANSWER),
        MailFailure::NoRecipient(status) => passing(status.cast_signed(), REFUSED),
        MailFailure::Interrupted(unreached) => {
            let last = unreached.refused.last().map_or(0, |refused| refused.status);
            let next = follow(notice, unreached);
            Attempt { status: last.cast_signed(), next, ..lasting(INTERRUPTED) }
        }
        MailFailure::NoStartTls => unusable(0, NO_STARTTLS),
        MailFailure::SignIn(error) if error.is_client() => unusable(0, NO_MECHANISM),
        MailFailure::SignIn(error) => match error.status() {
            Some(status) => unusable(u16::from(status).cast_signed(), BAD_PASSWORD),
            None => conclude_broken(&error, error.is_timeout()),
        },
        MailFailure::Connection(error) => {
            conclude_broken(&error, error.kind() == std::io::ErrorKind::TimedOut)
        }
        MailFailure::Smtp(error) => match error.status() {
            Some(status) => passing(u16::from(status).cast_signed(), REFUSED),
            None => conclude_broken(&error, error.is_timeout()),
        },
    }
}

/// The connection failed.
fn conclude_broken(error: &(dyn std::error::Error + 'static), is_late: bool) -> Attempt {
    if let Some(rustls::Error::InvalidCertificate(problem)) = contained(error) {
        // The other form would be that for programmers.
        let problem = match problem {
            CertificateError::Other(problem) => problem.to_string(),
            problem => problem.to_string(),
        };
        tracing::warn!(
            %problem,
            "the certificate of the mail server cannot be verified, so no mail is sent; renew it, \
             or install its CA in the operating system"
        );
        return passing(0, &format!("{BAD_CERTIFICATE}: {problem}"));
    }
    match is_late {
        _ if contained::<Exceeded>(error).is_some() => unusable(0, TOO_MUCH),
        true => passing(0, NO_ANSWER),
        false => passing(0, NO_CONNECTION),
    }
}

/// A failure that lasts until the operator acts.
fn unusable(status: i16, problem: &str) -> Attempt {
    tracing::warn!(problem, status, "the mail server cannot be used, so no mail is sent");
    passing(status, problem)
}

/// The changes of a publish. Fails if the environment cannot be read.
async fn changes(state: &PortalState, notice: &Notice, entry: &ReleaseHistory) -> Result<Changes> {
    let (app_id, name) = (&notice.app_id, &notice.namespace_name);
    if portal_namespace::format_of(&state.store, app_id, name).await?.is_document() {
        return Ok(Changes::OfFile);
    }
    let after = match &entry.configuration {
        Some(values) => values.as_slice(),
        // A withdrawal leaves no release.
        None if entry.release_id == 0 => &[],
        // They are too long for the notice, or the release was deleted meanwhile.
        None => return Ok(Changes::Unknown),
    };
    let environment = state.environments.find(&notice.env)?;
    let previous = entry.previous_release_id;
    let is_gray = entry.operation == ReleaseOperation::GrayPublish.code().0;
    let before: Option<admin::Release> = match previous {
        0 if is_gray => {
            let place = Resource {
                app_id: notice.app_id.clone(),
                env: notice.env.clone(),
                cluster: notice.cluster_name.clone(),
                namespace: notice.namespace_name.clone(),
            };
            environment.find(Address::in_namespace(&place, &["releases", "latest"])).await?
        }
        id => release(&environment, id).await?,
    };
    if previous != 0 && before.is_none() {
        return Ok(Changes::Unknown);
    }
    let before = before.and_then(|release| Release::from(release).configurations);
    let before = before.map(|values| *values).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let after = after.iter().map(|pair| (text(&pair.first_entity), text(&pair.second_entity)));
    let changes = difference::between(&before, &after.collect()).into_iter();
    Ok(Changes::Listed(changes.map(|(key, change)| ChangedKey::new(key, change)).collect()))
}

fn templates(config: &ServerConfig, entry: &ReleaseHistory) -> Templates {
    let diff = match entry.operation == ReleaseOperation::Rollback.code().0 {
        true => &keys::MAIL_ROLLBACK,
        false => &keys::MAIL_RELEASE,
    };
    Templates {
        framework: filled(config.get(&keys::MAIL_FRAMEWORK)),
        diff: filled(config.get(diff)),
        rules: filled(config.get(&keys::MAIL_RULES)),
    }
}

/// One mail for all recipients, whom only its envelope names. With a mail for each, those who have
/// received theirs would receive it again after a failure. Its id is that of the delivery, so that
/// a repetition is recognised as the same mail.
fn message(
    sender: &str,
    delivery_key: &str,
    subject: &str,
    recipients: Vec<MailAddress>,
    body: String,
) -> Option<Message> {
    let mut sender: Mailbox = sender.trim().parse().ok()?;
    sender.email = in_ascii(sender.email);
    let id = format!("<{delivery_key}@{}>", sender.email.domain());
    let envelope = Envelope::new(Some(sender.email.clone()), recipients).ok()?;
    let hidden = HeaderValue::new(HeaderName::new_from_ascii_str("To"), HIDDEN.to_owned());
    let message = Message::builder().from(sender).raw_header(hidden).envelope(envelope);
    let message = message.message_id(Some(id)).subject(subject);
    message.header(ContentType::TEXT_HTML).body(body).ok()
}

fn sender(config: &ServerConfig) -> Option<String> {
    filled(config.get(&keys::MAIL_SENDER)).or_else(|| filled(config.get(&keys::MAIL_USER)))
}

/// The address with its domain in ASCII: others are for mail servers with an extension only, and for
/// no `Message-ID`.
fn in_ascii(address: MailAddress) -> MailAddress {
    if address.domain().is_ascii() {
        return address;
    }
    let domain = idna::domain_to_ascii(address.domain()).ok();
    let converted = domain.and_then(|domain| MailAddress::new(address.user(), domain).ok());
    converted.unwrap_or(address)
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

fn lasting(problem: &str) -> Attempt {
    Attempt { problem: Some(problem.to_owned()), is_final: true, ..Attempt::default() }
}

fn passing(status: i16, problem: &str) -> Attempt {
    Attempt { status, problem: Some(problem.to_owned()), ..Attempt::default() }
}
