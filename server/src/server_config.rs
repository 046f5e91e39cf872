//! The limits and switches that operators of Apollo keep in the ServerConfig tables, under Apollo's
//! names.
//!
//! A value that this node fixes (in its file or environment) overrides the row. Rows of this node's
//! cluster override those of its data center, and these override `default`. The rows are read again
//! every minute, and at once on the node that wrote one; a row that is marked as deleted then no
//! longer applies.

pub mod catalogue;
pub mod keys;
pub mod kind;
mod missing;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use self::kind::{Key, Switch, ValueKind};
use self::missing::MissingRows;

/// The effective keys of one database. Cheap to clone; reads never block. `Debug` shows none of
/// them: some are secrets, and addresses may contain credentials.
#[derive(Clone)]
pub struct ServerConfig {
    fixed: Arc<BTreeMap<String, String>>,
    rows: Arc<ArcSwap<HashMap<String, String>>>,
    /// Locked while rows are read, so that the result of an older read never replaces a newer one.
    missing: Arc<Mutex<MissingRows>>,
    /// Whether the table has lost all its rows, by the last read.
    is_emptied: Arc<AtomicBool>,
}

/// The rows of a table.
#[derive(Default)]
pub struct SettingRows {
    /// Id and value of the row that applies to this node, by key; `None` is a value that cannot be
    /// decoded.
    pub values: HashMap<String, (i64, Option<String>)>,
    /// The ids of all rows, also of those that are marked as deleted or are for other nodes.
    pub ids: HashSet<i64>,
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfig").finish_non_exhaustive()
    }
}

impl ServerConfig {
    /// Contains only the keys that this node fixes, until rows are read.
    #[must_use]
    pub fn new(fixed: BTreeMap<String, String>) -> Self {
        fixed.iter().for_each(|(key, text)| warn_of_malformed(key, text));
        Self {
            fixed: Arc::new(fixed),
            rows: Arc::default(),
            missing: Arc::default(),
            is_emptied: Arc::default(),
        }
    }

    /// Replaces the rows with the current ones of the table.
    pub fn replace(&self, rows: HashMap<String, String>) {
        self.rows.store(Arc::new(rows));
    }

    /// Replaces the rows with the result of `read`. Instead of a value that cannot be decoded, the
    /// previous one remains in effect, or one that protects. If `read` fails, the previous rows
    /// remain in effect and its error is returned. So do previous rows that are missing from the
    /// table, for a while, and all of them as long as it is empty.
    pub async fn reload<E>(
        &self,
        read: impl Future<Output = Result<SettingRows, E>>,
    ) -> Result<(), E> {
        let mut missing = self.missing.lock().await;
        let (mut rows, previous) = (read.await?, self.rows.load_full());
        let kept = missing.kept(&previous, &rows);
        rows.values.retain(|key, _| !kept.contains_key(key));
        self.is_emptied.store(rows.ids.is_empty() && missing.are_any(), Ordering::Release);
        let text_of = |key: &str, text: Option<String>| {
            let text = text.or_else(|| previous.get(key).cloned());
            text.or_else(|| keys::protective(key).map(str::to_owned))
        };
        let rows = rows.values.into_iter().filter_map(|(key, (_, text))| {
            let text = text_of(&key, text)?;
            // A row of a key that this node fixes has no effect.
            if previous.get(&key) != Some(&text) && !self.fixed.contains_key(&key) {
                warn_of_malformed(&key, &text);
            }
            Some((key, text))
        });
        self.replace(rows.chain(kept).collect());
        Ok(())
    }

    /// What `/health` reports of the table, which is that of this database.
    #[must_use]
    pub fn fault(&self, database: &str) -> Option<String> {
        self.is_emptied.load(Ordering::Acquire).then(|| {
            format!(
                "the table ServerConfig of the {database} database is empty: the values that were last read remain in \
                 effect; complete the restore, or restart the node if the table is to remain empty"
            )
        })
    }

    /// The value of a key, or its default.
    #[must_use]
    pub fn get<K: ValueKind>(&self, key: &Key<K>) -> K::Value {
        key.kind.read(self.text(key.name))
    }

    /// Whether a switch is on; this default applies instead of that of the key.
    #[must_use]
    pub fn is_on(&self, key: &Key<Switch>, default: bool) -> bool {
        Switch { default, ..key.kind }.read(self.text(key.name))
    }

    /// Whether a key has a text, valid or not.
    #[must_use]
    pub fn is_set<K>(&self, key: &Key<K>) -> bool {
        self.text(key.name).is_some_and(|text| !text.is_empty())
    }

    /// Whether the process sets the key itself, so that its row has no effect.
    pub fn is_fixed<K>(&self, key: &Key<K>) -> bool {
        self.fixed.contains_key(key.name)
    }

    /// The keys with this prefix that only rows set to anything but `false`.
    #[must_use]
    pub fn keys_of_rows(&self, prefix: &str) -> Vec<String> {
        let rows = self.rows.load();
        let is_set = |key: &str, text: &str| {
            key.starts_with(prefix)
                && !matches!(text, "" | "false")
                && !self.fixed.contains_key(key)
        };
        let set = rows.iter().filter(|(key, text)| is_set(key, text));
        let mut keys: Vec<_> = set.map(|(key, _)| key.clone()).collect();
        keys.sort_unstable();
        keys
    }

    fn text(&self, name: &str) -> Option<String> {
        self.fixed.get(name).cloned().or_else(|| self.rows.load().get(name).cloned())
    }

    /// The keys with this prefix, by the rest of their names.
    #[must_use]
    pub fn below(&self, prefix: &str) -> BTreeMap<String, String> {
        let rows = self.rows.load();
        let all = rows.iter().chain(self.fixed.iter());
        let below = all
            .filter_map(|(key, text)| Some((key.strip_prefix(prefix)?.to_owned(), text.clone())));
        below.collect()
    }
}

/// Logs that a new value, or a member of it, does not have the effect that it seems to have. The
/// values may be secrets.
fn warn_of_malformed(key: &str, text: &str) {
    let named: Vec<_> = keys::ALL.iter().filter(|entry| entry.name() == key).collect();
    // The value of a key of both tables may be intended for either. A row of this switch never has
    // an effect, and its fixed value is read with more texts.
    if key != keys::EUREKA_SERVER.name
        && let Some(entry) = named.first()
        && named.iter().all(|entry| is_misread(**entry, text))
    {
        let expected = entry.form();
        tracing::warn!(
            key,
            expected,
            "a ServerConfig value is none of its key; a switch is then off, as in Apollo, and an object is empty"
        );
    }
    for entry in named {
        if !entry.is_valid(text) {
            let expected = entry.form();
            tracing::warn!(key, expected, "a ServerConfig value is invalid; the default is used");
        }
        for member in entry.malformed(text) {
            tracing::warn!(
                key,
                member,
                "a member of a ServerConfig value has the wrong type and is ignored; the others apply"
            );
        }
    }
}

/// Whether a text has an effect, but not the one that an operator expects who enters it: `on` turns
/// a switch off. What is reported otherwise is not meant here.
fn is_misread(entry: &dyn keys::AnyKey, text: &str) -> bool {
    !entry.is_absent(text)
        && !entry.is_plain(text)
        && entry.is_valid(text)
        && entry.malformed(text).is_empty()
}

/// Of the rows of a table with clusters, returns the one that applies for each key: the cluster of
/// the node, then its data center, then `default`.
#[must_use]
pub fn winners<V>(
    rows: impl IntoIterator<Item = (String, String, V)>,
    idc: Option<&str>,
    cluster: Option<&str>,
) -> HashMap<String, V> {
    let rank = |name: &str| match name {
        name if Some(name) == cluster => Some(3),
        name if Some(name) == idc => Some(2),
        "default" => Some(1),
        _ => None,
    };
    let mut winners: HashMap<String, (u8, V)> = HashMap::new();
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
    use crate::log::in_memory::Lines;

    #[test]
    fn what_the_node_fixes_wins_over_the_row() {
        let key = keys::REGISTRY_URI;
        let of = |text: &str| [(key.name.to_owned(), text.to_owned())];
        let config = ServerConfig::new(BTreeMap::from(of("node")));
        config.replace(HashMap::from(of("row")));
        assert_eq!(config.get(&key).as_deref(), Some("node"));
    }

    #[tokio::test]
    async fn a_value_that_cannot_be_decoded_opens_nothing() {
        let config = ServerConfig::new(BTreeMap::new());
        let read = async |text: Option<&str>| {
            let rows =
                [keys::ADMIN_TOKEN_REQUIRED.name, keys::ADMIN_TOKENS.name, keys::WIKI_ADDRESS.name]
                    .map(|key| (key.to_owned(), (1, text.map(str::to_owned))));
            let rows = SettingRows { values: HashMap::from(rows), ids: HashSet::from([1]) };
            config.reload(async { Ok::<_, ()>(rows) }).await.unwrap();
            (
                config.get(&keys::ADMIN_TOKEN_REQUIRED),
                config.is_set(&keys::ADMIN_TOKENS),
                config.get(&keys::WIKI_ADDRESS),
            )
        };
        assert_eq!(read(None).await, (true, true, None));
        assert!(config.get(&keys::ADMIN_TOKENS).is_empty());
        let previous = read(Some("true")).await;
        assert_eq!(previous, (true, true, Some("true".to_owned())));
        assert_eq!(read(None).await, previous);
        assert!(!read(Some("false")).await.0);
    }

    /// What the log has after these rows were read.
    async fn logged(config: &ServerConfig, rows: &[(&str, &str)]) -> String {
        let lines = Lines::default();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
        let _log = tracing::subscriber::set_default(log);
        let rows =
            rows.iter().map(|(key, text)| ((*key).to_owned(), (1, Some((*text).to_owned()))));
        let rows = SettingRows { values: rows.collect(), ids: HashSet::from([1]) };
        config.reload(async { Ok::<_, ()>(rows) }).await.unwrap();
        lines.text()
    }

    /// I9: such a row of access control opens the admin port, as in Apollo.
    #[tokio::test]
    async fn a_row_whose_text_turns_a_switch_off_unexpectedly_is_logged() {
        let (access, audit) = (keys::ADMIN_TOKEN_REQUIRED, keys::AUDIT_LOG);
        for text in ["on", "TRUE", "1", "yes", " true", ""] {
            let config = ServerConfig::new(BTreeMap::new());
            let log = logged(&config, &[(access.name, text)]).await;
            assert!(log.lines().count() == 1 && log.contains(access.name), "{text}: {log}");
            assert!(!config.get(&access), "{text}");
            // Not again each minute.
            assert_eq!(logged(&config, &[(access.name, text)]).await, "", "{text}");
        }
        // A key of both tables, which is on by default.
        let config = ServerConfig::new(BTreeMap::new());
        let log = logged(&config, &[(audit.name, "on")]).await;
        assert!(log.lines().count() == 1 && log.contains(audit.name), "{log}");
        assert!(!config.get(&audit));
    }

    #[tokio::test]
    async fn a_row_that_means_what_it_does_is_not_logged() {
        let config = ServerConfig::new(BTreeMap::new());
        for text in ["true", "false"] {
            assert_eq!(logged(&config, &[(keys::ADMIN_TOKEN_REQUIRED.name, text)]).await, "");
        }
        for (key, text) in [
            (keys::AUDIT_LOG.name, " False "),
            (keys::AUDIT_LOG.name, " "),
            // A list in one table, and a JSON object in the other.
            (keys::ADMIN_TOKENS.name, "a,b"),
            (keys::ENVIRONMENT_TOKENS.name, r#"{"DEV":"a"}"#),
            ("own.key", "on"),
        ] {
            let config = ServerConfig::new(BTreeMap::new());
            assert_eq!(logged(&config, &[(key, text)]).await, "", "{key}");
        }
        let log = logged(&config, &[(keys::META_SERVERS.name, "DEV")]).await;
        assert!(log.contains(keys::META_SERVERS.name), "{log}");
        let key = keys::ADMIN_TOKEN_REQUIRED.name;
        let fixed = ServerConfig::new(BTreeMap::from([(key.to_owned(), "true".to_owned())]));
        assert_eq!(logged(&fixed, &[(key, "on")]).await, "", "the row has no effect");
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
