//! What the handlers of a role share. Cheap to clone.

use std::sync::Arc;

use crate::domain::instance_audit::InstanceAudit;
use crate::domain::server_config;
use crate::feed::ReleaseFeed;
use crate::http::health::Readiness;
use crate::nudge::Nudge;
use crate::registry::Registry;
use crate::role::portal::environment::Environments;
use crate::server_config::ServerConfig;
use crate::settings::{Compat, Installation, Settings};
use crate::store::{Status, Store};

/// One environment: what the config, meta and admin roles work on.
#[derive(Debug, Clone)]
pub struct EnvironmentState {
    /// Settings of this process.
    pub settings: Arc<Settings>,
    /// Switches between security and compatibility.
    pub compat: Compat,
    /// The config database.
    pub store: Store,
    /// Limits and switches that it holds.
    pub config: ServerConfig,
    /// Releases, waiters and names in memory.
    pub feed: ReleaseFeed,
    /// The way to the other nodes.
    pub nudge: Nudge,
    /// Record of which client read what.
    pub instances: InstanceAudit,
    /// Services that are alive.
    pub registry: Registry,
    /// Whether this node can serve.
    pub ready: Readiness,
}

impl EnvironmentState {
    /// Tells the other nodes that a release message was committed, and serves the release on this one. A caller that
    /// is answered afterwards reads what it published.
    pub async fn published(&self) {
        self.nudge.send();
        self.feed.deliver_committed().await;
    }

    /// The same for a name or an access key.
    pub async fn redefined(&self) {
        self.nudge.send();
        self.feed.read_committed_definitions().await;
    }

    /// What keeps publishes from being kept, announced or served at present, one sentence each.
    pub async fn faults(&self) -> Vec<String> {
        let mut faults = faults_of(&self.store, "publishes").await;
        faults.extend(self.feed.faults());
        faults
    }

    /// What keeps clients from being answered at present.
    #[must_use]
    pub fn obstacles(&self) -> Vec<String> {
        let mut obstacles = Vec::new();
        if !self.ready.get() {
            obstacles.push("this node starts or ends".to_owned());
        }
        if !self.feed.is_loaded() {
            obstacles.push("names and access keys cannot be read".to_owned());
        }
        obstacles
    }

    /// Puts a limit or switch that was committed in force on this node; the others read it within a minute, and so does this one if
    /// it cannot now.
    pub async fn reconfigured(&self) {
        if let Err(error) = server_config::reload(&self.store, &self.config, &self.settings).await {
            tracing::warn!(%error, "cannot read ServerConfig; the change is in force within a minute");
        }
    }
}

/// What keeps changes of this kind from being stored at present.
async fn faults_of(store: &Store, changes: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if let Status::Failing { reason } = store.status() {
        faults.push(format!("{changes} are not kept: {reason}"));
    }
    if store.ping().await.is_err() {
        faults.push("the database does not answer".to_owned());
    }
    faults
}

/// The portal: users, rights and the way to every environment.
#[derive(Debug, Clone)]
pub struct PortalState {
    /// Settings of this process.
    pub settings: Arc<Settings>,
    /// Switches between security and compatibility.
    pub compat: Compat,
    /// Whether we made the portal database or Apollo did.
    pub installation: Installation,
    /// The portal database.
    pub store: Store,
    /// Settings that it holds.
    pub config: ServerConfig,
    /// The environments and how each is reached.
    pub environments: Environments,
    /// Whether this node can serve.
    pub ready: Readiness,
}

impl PortalState {
    /// What keeps the portal from storing changes at present, one sentence each.
    pub async fn faults(&self) -> Vec<String> {
        faults_of(&self.store, "changes of users and rights").await
    }

    /// What keeps users from being answered at present.
    #[must_use]
    pub fn obstacles(&self) -> Vec<String> {
        let is_ready = self.ready.get();
        if is_ready { Vec::new() } else { vec!["this node starts or ends".to_owned()] }
    }
}
