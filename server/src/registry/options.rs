//! How this node uses the ServiceRegistry table, according to Apollo's keys.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{FixedOffset, TimeDelta};

use super::ServiceRegistry;
use crate::error::Result;
use crate::server_config::{ServerConfig, keys};
use crate::settings::eureka::OURS;
use crate::settings::{Discovery, Settings};

/// Options that are fixed at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryOptions {
    /// Whether this node is announced to others.
    pub(super) is_announced: bool,
    /// Whether other nodes are read from the table.
    pub(super) reads_table: bool,
    /// Only nodes of this cluster are listed.
    pub(super) cluster: String,
    /// JSON object whose values are strings.
    pub(super) metadata: String,
    /// Interval of the heartbeats.
    pub(super) heartbeat: Duration,
    /// Time without a heartbeat after which a node is treated as dead.
    pub(super) patience: TimeDelta,
    /// UTC offset of the clocks of Java nodes in the table, if it differs from that of the
    /// database.
    pub(super) zone: Option<FixedOffset>,
    /// Whether the settings name Eureka servers, which this node does not use.
    pub(super) ignores_eureka: bool,
}

impl RegistryOptions {
    /// Reads Apollo's keys. `is_reachable` states whether others can reach the address of this
    /// node.
    ///
    /// # Errors
    /// Fails if the metadata cannot be written as JSON.
    pub fn read(settings: &Settings, config: &ServerConfig, is_reachable: bool) -> Result<Self> {
        let uses_table = settings.discovery == Discovery::Database;
        let mut metadata = config.below(keys::REGISTRY_METADATA);
        metadata.insert(OURS.to_owned(), "1".to_owned());
        Ok(Self {
            is_announced: uses_table && is_reachable && config.get(&keys::REGISTRATION),
            reads_table: uses_table && config.get(&keys::DISCOVERY),
            cluster: config.get(&keys::REGISTRY_CLUSTER).unwrap_or_else(|| "default".to_owned()),
            metadata: crate::json::write(&metadata)?,
            heartbeat: config.get(&keys::HEARTBEAT),
            patience: TimeDelta::from_std(config.get(&keys::DISCOVERY_PATIENCE))
                .unwrap_or(TimeDelta::MAX),
            zone: settings.time_zone,
            ignores_eureka: !settings.eureka.is_hosted
                && !settings.eureka.reads
                && ServiceRegistry::has_eureka_servers(config),
        })
    }

    /// The same with the table read, whatever the settings select.
    pub(super) fn of_any_setting(self) -> Self {
        Self { reads_table: true, is_announced: false, ..self }
    }
}

/// Whether metadata belongs to a Castalia node.
pub(super) fn is_ours(metadata: &str) -> bool {
    serde_json::from_str::<BTreeMap<String, String>>(metadata)
        .is_ok_and(|members| members.contains_key(OURS))
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
