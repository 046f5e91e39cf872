//! The limits and switches that operators of Apollo keep in the ServerConfig tables, under Apollo's names.
//!
//! A value that this node fixes (file or environment) wins over the row; rows of this node's cluster win over those of its data
//! center and over `default`. The rows are read again every minute, and at once on the node that wrote one; a row that is gone stops to
//! count then.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

/// Every key that the server reads; a node may fix each of them.
pub const KEYS: &[&str] = &[
    "admin-service.access.control.enabled",
    "admin-service.access.tokens",
    "admin.createPrivateNamespace.switch",
    "apollo.access-key.auth-time-diff-tolerance",
    "apollo.access-key.auto-provision.enabled",
    "apollo.admin-service.url",
    "apollo.audit.log.enabled",
    "apollo.config-service.url",
    "apollo.message-scan.interval",
    "apollo.portal.address",
    "apollo.portal.envs",
    "apollo.portal.meta.servers",
    "apollo.release-history.retention.size",
    "apollo.release-history.retention.size.override",
    "apollo.release-message.notification.batch",
    "apollo.release-message.notification.batch.interval",
    "apollo.service.discovery.enabled",
    "apollo.service.discovery.health-check-interval-in-second",
    "apollo.service.registry.cluster",
    "apollo.service.registry.enabled",
    "apollo.service.registry.heartbeat-interval-in-second",
    "apollo.service.registry.uri",
    "appid.value.length.limit.override",
    "config-service.incremental.change.enabled",
    "configView.memberOnly.envs",
    "consumer.token.salt",
    "emergencyPublish.supported.envs",
    "feed.gap.patience",
    "feed.reconciliation.contents",
    "feed.reconciliation.interval",
    "feed.rewind.alarm",
    "instance.config.audit.max.size",
    "instance.config.audit.time.threshold.minutes",
    "instance.config.cache.max.size",
    "instance.config.max.total",
    "instance.max.per.app",
    "instance.max.total",
    "instance.retention.hours",
    "item.key.length.limit",
    "item.num.limit",
    "item.num.limit.enabled",
    "item.value.length.limit",
    "long.polling.timeout",
    "namespace.lock.switch",
    "namespace.num.limit",
    "namespace.num.limit.enabled",
    "namespace.num.limit.white",
    "namespace.value.length.limit.override",
    "organizations",
    "role.create-application.enabled",
    "role.manage-app-master.enabled",
    "superAdmin",
    "wiki.address",
];

/// The keys of one database as they are in force. Cheap to clone; reads never wait.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    fixed: Arc<BTreeMap<String, String>>,
    rows: Arc<ArcSwap<HashMap<String, String>>>,
    /// Held while rows are read, so that an older reading never replaces a newer one.
    reading: Arc<Mutex<()>>,
}

impl ServerConfig {
    /// Only what this node fixes, until rows are read.
    #[must_use]
    pub fn new(fixed: BTreeMap<String, String>) -> Self {
        Self { fixed: Arc::new(fixed), rows: Arc::default(), reading: Arc::default() }
    }

    /// Takes over what the table holds now.
    pub fn replace(&self, rows: HashMap<String, String>) {
        self.rows.store(Arc::new(rows));
    }

    /// Takes over what a reading of the table gives; what was read last stays in force when that fails.
    ///
    /// # Errors
    /// Those of the reading.
    pub async fn reload<E>(
        &self,
        read: impl Future<Output = Result<HashMap<String, String>, E>>,
    ) -> Result<(), E> {
        let _reading = self.reading.lock().await;
        self.replace(read.await?);
        Ok(())
    }

    /// The text of a key.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<String> {
        self.fixed.get(key).cloned().or_else(|| self.rows.load().get(key).cloned())
    }

    /// Whether a switch is on: only the exact text `true` is.
    #[must_use]
    pub fn is_on(&self, key: &str) -> bool {
        self.text(key).is_some_and(|text| text == "true")
    }

    /// A number, or its default where the text does not parse or is out of range.
    #[must_use]
    pub fn number(&self, key: &str, default: i64, range: RangeInclusive<i64>) -> i64 {
        self.text(key)
            .and_then(|text| text.trim().parse().ok())
            .filter(|number| range.contains(number))
            .unwrap_or(default)
    }

    /// The keys that begin with a text, by what follows it.
    #[must_use]
    pub fn below(&self, prefix: &str) -> BTreeMap<String, String> {
        let rows = self.rows.load();
        let all = rows.iter().chain(self.fixed.iter());
        let below = all
            .filter_map(|(key, text)| Some((key.strip_prefix(prefix)?.to_owned(), text.clone())));
        below.collect()
    }

    /// Whether a switch that is on unless it is set is on.
    #[must_use]
    pub fn is_not_off(&self, key: &str) -> bool {
        self.text(key).is_none_or(|text| text == "true")
    }

    /// A comma list, blanks trimmed, empty parts dropped.
    #[must_use]
    pub fn list(&self, key: &str) -> Vec<String> {
        let text = self.text(key).unwrap_or_default();
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// A JSON object of positive numbers; text that is not one means none.
    #[must_use]
    pub fn overrides(&self, key: &str) -> HashMap<String, i64> {
        let parsed: HashMap<String, Option<i64>> =
            self.text(key).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        parsed
            .into_iter()
            .filter_map(|(name, number)| Some((name, number.filter(|n| *n > 0)?)))
            .collect()
    }
}

/// Rows of a table with clusters, the winning one for each key: `default`, then data center, then cluster of the node.
#[must_use]
pub fn winners(
    rows: impl IntoIterator<Item = (String, String, String)>,
    idc: Option<&str>,
    cluster: Option<&str>,
) -> HashMap<String, String> {
    let rank = |name: &str| match name {
        name if Some(name) == cluster => Some(3),
        name if Some(name) == idc => Some(2),
        "default" => Some(1),
        _ => None,
    };
    let mut winners: HashMap<String, (u8, String)> = HashMap::new();
    for (key, row_cluster, value) in rows {
        let Some(rank) = rank(&row_cluster) else { continue };
        if winners.get(&key).is_none_or(|(known, _)| rank > *known) {
            winners.insert(key, (rank, value));
        }
    }
    winners.into_iter().map(|(key, (_, value))| (key, value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> ServerConfig {
        let config = ServerConfig::new(BTreeMap::from([("fixed".to_owned(), "node".to_owned())]));
        config.replace(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        config
    }

    #[test]
    fn what_the_node_fixes_wins_over_the_row() {
        assert_eq!(config(&[("fixed", "row")]).text("fixed").as_deref(), Some("node"));
    }

    #[test]
    fn numbers_out_of_range_fall_back_to_the_default() {
        let config = config(&[("a", "91"), ("b", "x"), ("c", "5")]);
        assert_eq!(
            [
                config.number("a", 60, 1..=90),
                config.number("b", 60, 1..=90),
                config.number("c", 60, 1..=90)
            ],
            [60, 60, 5]
        );
    }

    #[test]
    fn overrides_drop_what_is_not_positive() {
        let config = config(&[("o", r#"{"a":5,"b":0,"c":null}"#), ("bad", "{")]);
        assert_eq!(config.overrides("o"), HashMap::from([("a".to_owned(), 5)]));
        assert!(config.overrides("bad").is_empty());
    }

    #[test]
    fn the_nodes_cluster_wins_over_its_data_center_over_default() {
        let row = |cluster: &str| ("k".to_owned(), cluster.to_owned(), cluster.to_owned());
        let rows = || [row("dc"), row("default"), row("c"), row("other")];
        assert_eq!(winners(rows(), Some("dc"), Some("c"))["k"], "c");
        assert_eq!(winners(rows(), Some("dc"), None)["k"], "dc");
        assert_eq!(winners(rows(), None, None)["k"], "default");
    }
}
