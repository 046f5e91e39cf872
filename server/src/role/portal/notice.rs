//! Notifies others of publishes: webhooks and mail. A handler announces a publish in the database,
//! makes it, and records the outcome; the task in `worker.rs` does the rest, so that no publish
//! waits for a receiver or fails because of one. The queue itself is in `domain/notice.rs`.

mod body;
mod mail;
mod outcome;
mod webhook;
mod worker;

use std::time::Duration;

use castalia_store::Id;

use super::Portal;
use crate::background::Background;
use crate::domain::event::{self, EventKind};
use crate::domain::history::ReleaseOperation;
use crate::domain::notice::{self, Announcement, DeliveryKind, Receiver};
use crate::domain::webhook::{self as hooks, Webhook};
use crate::error::{Reaction, Result};
use crate::server_config::{ServerConfig, keys};
use crate::settings::environment::normalise;
use crate::state::PortalState;

pub(super) use self::body::test_body;
pub(super) use self::mail::RECIPIENT_SEPARATOR;

/// Maximum time that a publish waits for its announcement.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts the task.
pub(super) fn run(state: &PortalState, background: &Background) {
    let state = state.clone();
    background.spawn("notices of publishes", move || worker::run(state.clone()));
}

impl Portal {
    /// Makes a publish of which others are notified. `made` returns the release that a publish
    /// created; of a rollback, the one that it left.
    pub(super) async fn notifying<T>(
        &self,
        announcement: Announcement,
        publish: impl Future<Output = Result<T>>,
        made: impl Fn(&T) -> i64,
    ) -> Result<T> {
        let Announcement { place, operator, operation, .. } = announcement.clone();
        let announced = announce(&self.state, announcement).await;
        let outcome = publish.await;
        if let Ok(release) = &outcome {
            let is_rollback = operation == ReleaseOperation::Rollback;
            let release_id = if is_rollback { 0 } else { made(release) };
            self.own.events.record(event::about(&place, EventKind::Publish, &operator, release_id));
        }
        let Some(id) = announced else { return outcome };
        let result = outcome.as_ref().map(made).map_err(|error| {
            // Otherwise the publish may have been made; the task searches for it.
            !matches!(
                error.reaction(),
                Reaction::Service | Reaction::Internal | Reaction::Unavailable
            )
        });
        let state = self.state.clone();
        // Not awaited, and in a task without the audit trail of the request.
        tokio::spawn(async move {
            let recorded = match result {
                Ok(release_id) => notice::confirm(&state.store, id, release_id).await,
                Err(true) => notice::withdraw(&state.store, id).await,
                Err(false) => Ok(()),
            };
            if let Err(error) = recorded {
                tracing::warn!(%error, "cannot record the outcome of a publish; it is searched");
            }
            state.notices.notify_one();
        });
        outcome
    }
}

/// Stores an announcement if anyone is notified. A publish must not fail because of that.
async fn announce(state: &PortalState, announcement: Announcement) -> Option<Id> {
    let (env, app_id) = (announcement.place.env.clone(), announcement.place.app_id.clone());
    let announcing = {
        let state = state.clone();
        async move {
            let webhooks = hooks::all(&state.store).await?;
            if receivers(&state.config, &webhooks, &env, &app_id).is_empty() {
                return Ok(None);
            }
            notice::announce(&state.store, announcement).await.map(Some)
        }
    };
    // In a task without the audit trail of the request, which would record the publish before it is
    // made.
    let problem = match tokio::time::timeout(PATIENCE, tokio::spawn(announcing)).await {
        Ok(Ok(Ok(announced))) => return announced,
        Ok(Ok(Err(error))) => error.to_string(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the database does not answer in time".to_owned(),
    };
    metrics::counter!("castalia_notices_lost_total").increment(1);
    tracing::error!(problem, "cannot announce a publish; nobody is notified of it");
    None
}

/// The receivers of notices about an app in an environment.
fn receivers(
    config: &ServerConfig,
    webhooks: &[Webhook],
    env: &str,
    app_id: &str,
) -> Vec<Receiver> {
    let kind = DeliveryKind::Webhook as i16;
    let registered = webhooks.iter().filter(|webhook| hooks::concerns(webhook, env, app_id));
    let mut found: Vec<_> = registered
        .map(|webhook| Receiver { kind, webhook_id: webhook.id, target: String::new() })
        .collect();
    if names(&config.get(&keys::WEBHOOK_ENVS), env) {
        let urls = config.get(&keys::WEBHOOK_URLS).into_iter();
        let urls = urls.filter(|url| hooks::address(url).is_some());
        found.extend(urls.map(|target| Receiver { kind, webhook_id: Id(0), target }));
    }
    if mail::is_sent(config, env) {
        let kind = DeliveryKind::Mail as i16;
        found.push(Receiver { kind, webhook_id: Id(0), target: String::new() });
    }
    found.sort();
    found.dedup();
    found
}

/// Whether a list of environments contains one.
fn names(envs: &[String], env: &str) -> bool {
    envs.iter().any(|name| normalise(name) == env)
}

/// Whether any receiver is configured.
async fn is_used(state: &PortalState) -> Result<bool> {
    let config = &state.config;
    let has_urls =
        !config.get(&keys::WEBHOOK_ENVS).is_empty() && !config.get(&keys::WEBHOOK_URLS).is_empty();
    Ok(has_urls || mail::is_configured(config) || !hooks::all(&state.store).await?.is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::*;

    #[test]
    fn addresses_of_apollos_settings_are_called_in_their_environments() {
        let config = ServerConfig::new(BTreeMap::new());
        let rows = [
            ("webhook.supported.envs", "pro, fws"),
            ("config.release.webhook.service.url", "http://a/x,http://b/,http://a/x,ftp://c/"),
        ];
        config.replace(HashMap::from(rows.map(|(key, value)| (key.to_owned(), value.to_owned()))));
        let targets = |env: &str| -> Vec<String> {
            receivers(&config, &[], env, "a").into_iter().map(|receiver| receiver.target).collect()
        };
        assert_eq!(targets("PRO"), ["http://a/x", "http://b/"]);
        assert_eq!(targets("FAT").len(), 2);
        assert!(targets("DEV").is_empty());
    }
}
