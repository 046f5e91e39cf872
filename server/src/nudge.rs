//! Requests an immediate scan from the other config services of an installation, so that a publish
//! through one node reaches pollers of another in milliseconds. Carries no data: losing or forging
//! a nudge does no harm, because the scan each second guarantees delivery.
//!
//! PostgreSQL notifies its listeners itself. With other databases, a nudge is a request that
//! carries the secret which the database holds for all nodes, and goes only to those that are in
//! the database, or prove in Eureka that they know the secret.

use std::sync::Arc;
use std::time::Duration;

use castalia_core::redact::without_credentials;
use castalia_store::{Dialect, Secret, Store, installation};
use futures_util::future::join_all;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use subtle::ConstantTimeEq as _;
use tokio::sync::Notify;

use crate::background::Background;
use crate::error::{Error, Result};
use crate::feed::ReleaseFeed;
use crate::outgoing;
use crate::registry::ServiceRegistry;

/// Path of a nudge on the config port.
pub const PATH: &str = "/castalia/nudge";
/// Name of the secret in the database.
const SECRET: &str = "nudge.secret";
/// Time-out of a nudge. A peer that does not answer in time finds the message by its scan.
const PATIENCE: Duration = Duration::from_millis(500);
/// Pause before listening is retried after a failure.
const RETRY: Duration = Duration::from_secs(1);

/// Sends nudges to the other nodes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Nudge(Arc<NudgeInner>);

#[derive(Debug)]
struct NudgeInner {
    store: Store,
    registry: ServiceRegistry,
    secret: Secret,
    client: reqwest::Client,
    pending: Notify,
}

/// Reads the secret by which the nodes of an installation recognise each other. The first node
/// stores the offered one. If the table cannot be used, the nodes have different ones, and the scan
/// each second finds the publishes of the others.
pub async fn secret(store: &Store, offered: String) -> Result<Secret> {
    let offered = Secret::new(offered);
    let shared = installation::value_or_insert(store, SECRET, offered.clone()).await?;
    Ok(shared.unwrap_or(offered))
}

impl Nudge {
    /// Sends nudges with the secret of the installation.
    ///
    /// # Errors
    /// Fails if the HTTP client cannot be created.
    pub fn open(store: &Store, registry: &ServiceRegistry, secret: Secret) -> Result<Self> {
        let client = outgoing::client().no_proxy().timeout(PATIENCE).build();
        let client =
            client.map_err(|error| Error::internal("cannot create an HTTP client", error))?;
        let pending = Notify::new();
        Ok(Self(Arc::new(NudgeInner {
            store: store.clone(),
            registry: registry.clone(),
            secret,
            client,
            pending,
        })))
    }

    /// Starts sending nudges or, on PostgreSQL, listening for notifications.
    pub fn run(&self, feed: &ReleaseFeed, background: &Background) {
        let (nudge, feed) = (self.clone(), feed.clone());
        match self.0.store.dialect() {
            // One process at a time has the file.
            Dialect::Sqlite => {}
            Dialect::MySql => background.spawn("nudge", move || nudge.clone().tell()),
            Dialect::Postgres => {
                background.spawn("release listener", move || nudge.clone().listen(feed.clone()));
            }
        }
    }

    /// Announces a commit; returns at once. Several calls before the next nudge are combined.
    pub fn send(&self) {
        self.0.pending.notify_one();
    }

    /// Whether a request comes from a node of this installation.
    #[must_use]
    pub fn accepts(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(AUTHORIZATION).map(http::HeaderValue::as_bytes).unwrap_or_default();
        given.ct_eq(self.authorization().as_bytes()).into()
    }

    fn authorization(&self) -> String {
        format!("Castalia {}", self.0.secret.expose())
    }

    async fn tell(self) {
        loop {
            self.0.pending.notified().await;
            let peers = self.0.registry.peers();
            join_all(peers.iter().map(|peer| self.post(peer))).await;
        }
    }

    async fn post(&self, peer: &str) {
        let address = format!("{}{PATH}", peer.trim_end_matches('/'));
        let sent =
            self.0.client.post(address).header(AUTHORIZATION, self.authorization()).send().await;
        if let Err(error) = sent.and_then(reqwest::Response::error_for_status) {
            let service_url = &*without_credentials(peer);
            tracing::debug!(service_url, %error, "cannot notify a node of a publish; its next scan finds it");
        }
    }

    async fn listen(self, feed: ReleaseFeed) {
        // An outage is logged once, and not with each attempt.
        let mut is_logged = false;
        loop {
            let error = match self.0.store.listen().await {
                Ok(Some(mut listener)) => {
                    is_logged = false;
                    loop {
                        // Also at first: messages may have been written while nobody listened.
                        feed.signal();
                        if let Err(error) = listener.changed().await {
                            break error;
                        }
                    }
                }
                Ok(None) => return,
                Err(error) => error,
            };
            if !is_logged {
                tracing::warn!(%error, "cannot listen for release messages; the scan each second finds them");
                is_logged = true;
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}
