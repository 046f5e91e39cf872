//! What the handlers of a role share. Cheap to clone.

use std::sync::Arc;

use crate::feed::ReleaseFeed;
use crate::http::health::Readiness;
use crate::registry::Registry;
use crate::server_config::ServerConfig;
use crate::settings::{Compat, Settings};
use crate::store::Store;

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
    /// Releases, waiters and names in memory; signal it after the commit of anything that leaves a release message.
    pub feed: ReleaseFeed,
    /// Services that are alive.
    pub registry: Registry,
    /// Whether this node can serve.
    pub ready: Readiness,
}
