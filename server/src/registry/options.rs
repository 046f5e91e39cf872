//! How this node takes part in the ServiceRegistry table, as Apollo's keys say it.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;

use crate::error::Result;
use crate::server_config::{ServerConfig, keys};
use crate::settings::{Discovery, Settings};
use crate::store::{Dialect, Store, service_registry};

/// Member of the metadata that tells other nodes of ours that a nudge is understood here.
const OURS: &str = "castalia";

/// What is settled at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryOptions {
    /// Whether other nodes may be told of this one.
    pub(super) is_announced: bool,
    /// Whether other nodes are looked for in the table.
    pub(super) reads_table: bool,
    /// Nodes of other clusters are not listed.
    pub(super) cluster: String,
    /// JSON object of texts.
    pub(super) metadata: String,
    /// Pause between two heartbeats.
    pub(super) heartbeat: Duration,
    /// A node is dead after so long without one.
    pub(super) patience: TimeDelta,
    /// What the clocks of Java nodes in the table are ahead of true time.
    pub(super) shift: TimeDelta,
}

impl RegistryOptions {
    /// Reads Apollo's keys. `is_reachable` says whether others can reach the address of this node.
    ///
    /// # Errors
    /// Fails if a zone was set and that of the database cannot be read.
    pub async fn read(
        settings: &Settings,
        config: &ServerConfig,
        store: &Store,
        is_reachable: bool,
    ) -> Result<Self> {
        let uses_table = settings.discovery == Discovery::Database;
        let mut metadata = config.below("apollo.service.registry.metadata.");
        metadata.insert(OURS.to_owned(), "1".to_owned());
        Ok(Self {
            is_announced: uses_table && is_reachable && config.get(&keys::REGISTRATION),
            reads_table: uses_table && config.get(&keys::DISCOVERY),
            cluster: config.get(&keys::REGISTRY_CLUSTER).unwrap_or_else(|| "default".to_owned()),
            metadata: crate::json::write(&metadata)?,
            heartbeat: config.get(&keys::HEARTBEAT),
            patience: TimeDelta::from_std(config.get(&keys::DISCOVERY_PATIENCE))
                .unwrap_or(TimeDelta::MAX),
            shift: shift(settings, store).await?,
        })
    }
}

/// Whether metadata is that of a node of ours.
pub(super) fn is_ours(metadata: &str) -> bool {
    serde_json::from_str::<BTreeMap<String, String>>(metadata)
        .is_ok_and(|members| members.contains_key(OURS))
}

/// A Java node writes what its clock on the wall shows, and the database takes it for its own wall clock.
async fn shift(settings: &Settings, store: &Store) -> Result<TimeDelta> {
    let Some(zone) = settings.time_zone else { return Ok(TimeDelta::zero()) };
    let of_database = match store.dialect() {
        Dialect::MySql => service_registry::zone_offset_seconds(store.read()).await?,
        Dialect::Postgres | Dialect::Sqlite => 0,
    };
    Ok(TimeDelta::seconds(i64::from(zone.local_minus_utc()) - of_database))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_of_ours_is_told_by_its_metadata() {
        assert!(is_ours(r#"{"castalia":"1","zone":"b"}"#));
        assert!(!is_ours("{}") && !is_ours("") && !is_ours(r#"{"zone":"castalia"}"#));
    }
}
