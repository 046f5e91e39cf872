//! The state that the handlers of a role share. Cheap to clone.

use std::sync::Arc;
use std::time::Duration;

use castalia_core::protocol::namespace::ADMIN_SERVICE;
use castalia_store::feed::Appended;
use castalia_store::{Dialect, Status, Store, StoreError};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::domain::instance_audit::InstanceAudit;
use crate::domain::server_config;
use crate::domain::unsigned_client::UnsignedClients;
use crate::environment::Environments;
use crate::feed::ReleaseFeed;
use crate::http::health::Readiness;
use crate::nudge::Nudge;
use crate::registry::ServiceRegistry;
use crate::server_config::ServerConfig;
use crate::settings::{Compat, Installation, Settings};

/// One environment, as the config, meta and admin roles see it.
#[derive(Debug, Clone)]
pub struct EnvironmentState {
    /// Settings of this process.
    pub settings: Arc<Settings>,
    /// Switches between security and compatibility with Apollo.
    pub compat: Compat,
    /// The config database.
    pub store: Store,
    /// Limits and switches from the ServerConfig table of the config database.
    pub config: ServerConfig,
    /// Releases, parked polls and names in memory.
    pub feed: ReleaseFeed,
    /// Notifies the other nodes of changes.
    pub nudge: Nudge,
    /// Records which client read which release.
    pub instances: InstanceAudit,
    /// Records which clients an observed access key would refuse.
    pub unsigned: UnsignedClients,
    /// The services that are alive.
    pub registry: ServiceRegistry,
    /// Counts the changes under way, which go on if their callers leave. The node waits for them at
    /// its end.
    pub changes: TaskTracker,
    /// Whether this node can serve.
    pub ready: Readiness,
}

impl EnvironmentState {
    /// Notifies the other nodes that a release message was committed, and waits until this node
    /// serves the release, so that a caller that reads after the answer sees what it published.
    pub async fn published(&self) {
        self.nudge.send();
        self.feed.deliver_committed().await;
    }

    /// The same as [`Self::published`], of a release whose message may be known.
    pub async fn published_release(&self, message: Option<Appended>) {
        self.nudge.send();
        match message {
            Some(message) => self.feed.deliver_appended(message).await,
            None => self.feed.deliver_committed().await,
        }
    }

    /// The same as [`Self::published`] after a change of a name or an access key.
    pub async fn redefined(&self) {
        self.nudge.send();
        self.feed.read_committed_definitions().await;
    }

    /// Reasons why publishes cannot be stored, announced or served at present, one sentence each.
    pub async fn faults(&self) -> Vec<String> {
        let mut faults = faults_of(&self.store, "publishes").await;
        faults.extend(self.feed.faults());
        faults.extend(self.config.fault("config"));
        faults.extend(self.outdated_keys());
        faults
    }

    /// Whether the access keys were read too long ago to decide who may read a configuration.
    #[must_use]
    pub fn has_outdated_keys(&self) -> bool {
        let is_exceeded =
            |longest: Duration| self.feed.keys().age().is_some_and(|age| age > longest);
        self.settings.access_key_max_age.is_some_and(is_exceeded)
    }

    fn outdated_keys(&self) -> Option<String> {
        self.has_outdated_keys().then(|| {
            "the access keys were read longer ago than security.access_key_max_age allows: clients are refused".to_owned()
        })
    }

    /// Reasons why clients cannot be answered at present.
    #[must_use]
    pub fn obstacles(&self) -> Vec<String> {
        let mut obstacles = Vec::new();
        if !self.ready.get() {
            obstacles.push(NOT_SERVING.to_owned());
        }
        if !self.feed.is_loaded() {
            obstacles.push("names and access keys cannot be read".to_owned());
        }
        obstacles.extend(self.outdated_keys());
        // Another node has another file, while the nodes of a database server would all be removed,
        // with the clients that they serve from memory.
        if self.store.dialect() == Dialect::Sqlite {
            obstacles.extend(self.feed.refused_namespaces());
        }
        obstacles
    }

    /// Reasons why callers of the admin role cannot be answered at present; unlike clients, they
    /// are not answered from memory.
    pub async fn admin_obstacles(&self) -> Vec<String> {
        let mut obstacles = self.obstacles();
        obstacles.extend(obstacles_of(&self.store.reserved()).await);
        obstacles
    }

    /// Whether a service of this node can answer at present. The start and the end of the node are
    /// no obstacles here: it is not announced before and after.
    pub async fn answers(&self, service: &str) -> bool {
        self.feed.is_loaded()
            && !self.has_outdated_keys()
            && (service != ADMIN_SERVICE || self.store.reserved().ping().await.is_ok())
    }

    /// Applies a committed limit or switch on this node. The other nodes read it within a minute,
    /// and so does this one if it cannot now.
    pub async fn reconfigured(&self) {
        if let Err(error) = server_config::reload(&self.store, &self.config, &self.settings).await {
            tracing::warn!(%error, "cannot read ServerConfig; the change takes effect within a minute");
        }
    }
}

const NOT_SERVING: &str = "this node is starting or shutting down";
const UNREACHABLE: &str = "the database does not answer";
const SEVERAL_SERVERS: &str = "the address of the database leads to several servers in turn, whose locks have \
     no effect on each other; let it lead to one of them";
const DENIED: &str = "the database denies this account access; check its password and privileges";

/// Reasons why changes of this kind cannot be stored at present.
async fn faults_of(store: &Store, changes: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if let Status::Failing { reason } = store.status() {
        faults.push(format!("{changes} cannot be stored: {reason}"));
    }
    match store.ping().await {
        Ok(()) => {
            faults.extend(store.refusals());
            faults.extend(store.has_several_servers().then(|| SEVERAL_SERVERS.to_owned()));
        }
        Err(error) => faults.push(obstacle(&error)),
    }
    faults
}

/// Reasons why callers that need the database cannot be answered at present.
async fn obstacles_of(store: &Store) -> Vec<String> {
    match store.ping().await {
        Ok(()) => store.damage(),
        Err(error) => vec![obstacle(&error)],
    }
}

/// Why a ping failed. Anybody may read it: the text of the database names accounts and hosts.
fn obstacle(error: &StoreError) -> String {
    match error.is_denied() {
        true => DENIED.to_owned(),
        false => UNREACHABLE.to_owned(),
    }
}

/// The portal: users, permissions and access to every environment.
#[derive(Debug, Clone)]
pub struct PortalState {
    /// Settings of this process.
    pub settings: Arc<Settings>,
    /// Switches between security and compatibility with Apollo.
    pub compat: Compat,
    /// Whether Castalia or Apollo created the portal database.
    pub installation: Installation,
    /// The portal database.
    pub store: Store,
    /// Limits and switches from the ServerConfig table of the portal database.
    pub config: ServerConfig,
    /// The environments, and how each is reached.
    pub environments: Environments,
    /// The environment of this process, if it has one.
    pub environment: Option<EnvironmentState>,
    /// Counts the changes under way, which go on if their callers leave. The node waits for them at
    /// its end.
    pub changes: TaskTracker,
    /// Wakes the task that delivers notices of publishes.
    pub notices: Arc<Notify>,
    /// Whether this node can serve.
    pub ready: Readiness,
}

impl PortalState {
    /// Reasons why changes cannot be stored at present, also those in the environment of this
    /// process, one sentence each.
    pub async fn faults(&self) -> Vec<String> {
        let mut faults = faults_of(&self.store, "changes of users and permissions").await;
        faults.extend(self.config.fault("portal"));
        if let Some(environment) = &self.environment {
            faults.extend(environment.faults().await);
        }
        faults
    }

    /// The services of the environment of this process, if it has one.
    #[must_use]
    pub fn registry(&self) -> Option<&ServiceRegistry> {
        self.environment.as_ref().map(|environment| &environment.registry)
    }

    /// Applies a committed setting on this node. The other nodes read it within a minute, and so
    /// does this one if it cannot now.
    pub async fn reconfigured(&self) {
        if let Err(error) = server_config::of_portal::reload(&self.store, &self.config).await {
            tracing::warn!(%error, "cannot read ServerConfig; the change takes effect within a minute");
        }
    }

    /// Reasons why users cannot be answered at present.
    pub async fn obstacles(&self) -> Vec<String> {
        let mut obstacles = Vec::new();
        if !self.ready.get() {
            obstacles.push(NOT_SERVING.to_owned());
        }
        obstacles.extend(obstacles_of(&self.store).await);
        obstacles
    }
}
