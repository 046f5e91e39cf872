//! Sends one notice by mail to those who may edit or publish the namespace, with Apollo's settings
//! and templates. The text is made in `mail/text.rs`, the connection in `mail/server.rs`.

mod server;
mod text;

use castalia_core::protocol::wire::Configurations;
use lettre::address::{Address as MailAddress, Envelope};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};

use self::server::{MailFailure, MailServer};
use self::text::{Mail, Templates};
use crate::domain::draft::difference;
use crate::domain::history::ReleaseOperation;
use crate::domain::notice::{Attempt, Notice};
use crate::domain::permission::assignment::holders;
use crate::domain::permission::{Act, NamedRole};
use crate::domain::user;
use crate::environment::{Address, Environment};
use crate::error::Result;
use crate::outgoing::guard::ResolveError;
use crate::server_config::{ServerConfig, keys};
use crate::state::PortalState;
use crate::wire::admin;
use crate::wire::open_api::{Release, ReleaseHistory};

const NO_ANSWER: &str = "The mail server did not answer in time";
const NO_CONNECTION: &str = "The connection to the mail server failed";
/// Maximum number of recipients.
const RECIPIENTS: usize = 500;
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

/// Makes one attempt. Fails if a database or the environment cannot be read.
pub(super) async fn send(state: &PortalState, notice: &Notice) -> Result<Attempt> {
    let entry = notice.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
    let Some(entry): Option<ReleaseHistory> = entry else {
        return Ok(lasting("The notice cannot be read"));
    };
    let recipients = recipients(state, notice).await?;
    if recipients.is_empty() {
        return Ok(lasting("Nobody with a mail address may edit or publish the namespace"));
    }
    let environment = state.environments.find(&notice.env)?;
    let changes = changes(&environment, notice, &entry).await?;
    let config = &state.config;
    let mail = Mail {
        env: &notice.env,
        entry: &entry,
        changes,
        portal: filled(config.get(&keys::PORTAL_ADDRESS)).unwrap_or_default(),
    };
    let body = mail.render(&templates(config, &entry));
    let Some(message) = message(config, mail.subject(), recipients, body) else {
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
        Ok(()) => Attempt { status: 250, ..Attempt::default() },
        Err(failure) => conclude(&failure),
    })
}

fn conclude(failure: &MailFailure) -> Attempt {
    // The text stays in the log of the node: it is written by the mail server.
    tracing::debug!(%failure, "the mail server did not accept a mail");
    match failure {
        MailFailure::Resolve(ResolveError::Refused(_)) => {
            lasting("The mail server's address is that of a metadata service")
        }
        MailFailure::Resolve(ResolveError::Unknown(_)) => passing(0, NO_CONNECTION),
        MailFailure::TimedOut => passing(0, NO_ANSWER),
        MailFailure::Smtp(error) => {
            let status = error.status().map_or(0, |code| u16::from(code).cast_signed());
            let problem = match error.is_timeout() {
                _ if status > 0 => "The mail server refused the mail",
                true => NO_ANSWER,
                false => NO_CONNECTION,
            };
            passing(status, problem)
        }
    }
}

/// Those who may edit or publish the namespace, and the administrators of the app.
async fn recipients(state: &PortalState, notice: &Notice) -> Result<Vec<MailAddress>> {
    let Notice { app_id, env, cluster_name, namespace_name, .. } = notice;
    let roles = [
        NamedRole::master(app_id),
        NamedRole::namespace(Act::Modify, app_id, namespace_name),
        NamedRole::namespace(Act::Release, app_id, namespace_name),
        NamedRole::namespace_in_env(Act::Modify, app_id, namespace_name, env),
        NamedRole::namespace_in_env(Act::Release, app_id, namespace_name, env),
        NamedRole::cluster(Act::Modify, app_id, env, cluster_name),
        NamedRole::cluster(Act::Release, app_id, env, cluster_name),
    ];
    let mut names = holders(&state.store, roles).await?.concat();
    names.sort_unstable();
    names.dedup();
    let users = user::named(&state.store, &names).await?;
    let enabled = users.iter().filter(|user| user::is_enabled(user));
    let mut found: Vec<MailAddress> =
        enabled.filter_map(|user| user.email.trim().parse().ok()).collect();
    found.sort();
    found.dedup();
    if found.len() > RECIPIENTS {
        tracing::warn!(
            app_id,
            recipients = found.len(),
            "a mail is sent to the first 500 recipients only"
        );
        found.truncate(RECIPIENTS);
    }
    Ok(found)
}

/// The changes of a publish; `None` for a namespace that is a file.
async fn changes(
    environment: &Environment,
    notice: &Notice,
    entry: &ReleaseHistory,
) -> Result<Option<Vec<text::ChangedKey>>> {
    let name = notice.namespace_name.as_str();
    if castalia_core::protocol::namespace::Format::of(name)
        != castalia_core::protocol::namespace::Format::Properties
    {
        return Ok(None);
    }
    let is_first_gray =
        entry.operation == ReleaseOperation::GrayPublish.code().0 && entry.previous_release_id == 0;
    let before = match entry.previous_release_id {
        _ if is_first_gray => {
            let place = crate::domain::permission::need::Resource {
                app_id: notice.app_id.clone(),
                env: notice.env.clone(),
                cluster: notice.cluster_name.clone(),
                namespace: notice.namespace_name.clone(),
            };
            environment.find(Address::in_namespace(&place, &["releases", "latest"])).await?
        }
        0 => None,
        id => environment.find(Address::new(["releases", &id.to_string()])).await?,
    };
    let before: Configurations = before
        .map(|release: admin::Release| Release::from(release))
        .and_then(|release| release.configurations)
        .map(|values| *values)
        .unwrap_or_default();
    let pairs = entry.configuration.iter().flatten();
    let after: Configurations = pairs
        .map(|pair| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            (text(&pair.first_entity), text(&pair.second_entity))
        })
        .collect();
    let changes = difference::between(&before, &after).into_iter();
    Ok(Some(changes.map(|(key, change)| text::ChangedKey::new(key, change)).collect()))
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
/// received theirs would receive it again after a failure.
fn message(
    config: &ServerConfig,
    subject: &str,
    recipients: Vec<MailAddress>,
    body: String,
) -> Option<Message> {
    let sender =
        filled(config.get(&keys::MAIL_SENDER)).or_else(|| filled(config.get(&keys::MAIL_USER)))?;
    let sender: Mailbox = sender.trim().parse().ok()?;
    let envelope = Envelope::new(Some(sender.email.clone()), recipients).ok()?;
    let hidden = HeaderValue::new(HeaderName::new_from_ascii_str("To"), HIDDEN.to_owned());
    let message = Message::builder().from(sender).raw_header(hidden).envelope(envelope);
    message.subject(subject).header(ContentType::TEXT_HTML).body(body).ok()
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

fn lasting(problem: &str) -> Attempt {
    Attempt { status: 0, problem: Some(problem.to_owned()), is_final: true }
}

fn passing(status: i16, problem: &str) -> Attempt {
    Attempt { status, problem: Some(problem.to_owned()), is_final: false }
}
