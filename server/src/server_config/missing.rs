//! Rows that are missing from their table. Services only mark rows as deleted, while a restore
//! empties tables and fills them again: what these rows set, such as access control, must not fall
//! back to its default meanwhile. Another row of the same key says nothing about them if it was
//! marked before, or if it has a lower id: rows are inserted by id, so it may only precede the one
//! that overrides it, while one that replaces it has a greater id. Values are not interpreted here.

use std::collections::HashMap;

use tokio::time::Instant;

use super::SettingRows;
use crate::missing_row::REMOVED;

/// The rows that are missing.
#[derive(Default)]
pub(super) struct MissingRows {
    /// The ids of the rows that are in effect, by key.
    ids: HashMap<String, i64>,
    /// When each was first missing beside other rows, by key; `None` if the table is empty.
    since: HashMap<String, Option<Instant>>,
}

impl MissingRows {
    /// Of the rows that are in effect, returns those that remain so although they were not read. One
    /// that exists, but is marked as deleted or has another key or cluster, does not.
    pub(super) fn kept(
        &mut self,
        in_effect: &HashMap<String, String>,
        read: &SettingRows,
    ) -> HashMap<String, String> {
        let now = Instant::now();
        let exists = |key: &String| self.ids.get(key).is_some_and(|id| read.ids.contains(id));
        let is_replaced = |key: &String| {
            let row = read.values.get(key);
            row.is_some_and(|(id, _)| self.ids.get(key).is_none_or(|known| id > known))
        };
        let is_missing = |key: &&String| !exists(key) && !is_replaced(key);
        let since = |key: &String| {
            let known = self.since.get(key).copied().flatten();
            (!read.ids.is_empty()).then(|| known.unwrap_or(now))
        };
        let missing: HashMap<_, _> =
            in_effect.keys().filter(is_missing).map(|key| (key.clone(), since(key))).collect();
        self.report(missing.keys());
        self.since = missing;
        let is_kept = |since: &Option<Instant>| since.is_none_or(|since| now - since < REMOVED);
        let kept = self.since.iter().filter(|(_, since)| is_kept(since));
        let kept: HashMap<_, _> =
            kept.filter_map(|(key, _)| Some((key.clone(), in_effect.get(key)?.clone()))).collect();
        self.ids.retain(|key, _| in_effect.contains_key(key));
        let others = read.values.iter().filter(|(key, _)| !kept.contains_key(*key));
        self.ids.extend(others.map(|(key, (id, _))| (key.clone(), *id)));
        kept
    }

    /// Whether rows are missing, by the last read.
    pub(super) fn are_any(&self) -> bool {
        !self.since.is_empty()
    }

    /// Logs those of the missing keys that were not missing before.
    fn report<'a>(&self, missing: impl Iterator<Item = &'a String>) {
        let mut keys: Vec<_> = missing.filter(|key| !self.since.contains_key(*key)).collect();
        if keys.is_empty() {
            return;
        }
        keys.sort_unstable();
        tracing::warn!(
            ?keys,
            "rows of ServerConfig are missing, as while a backup is restored; \
             their values remain in effect for now"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::server_config::{ServerConfig, keys};

    const ACCESS: (i64, &str) = (2, keys::ADMIN_TOKEN_REQUIRED.name);
    const OTHER: (i64, &str) = (3, keys::WIKI_ADDRESS.name);

    /// Reads these rows, and others that do not apply to this node.
    async fn read(config: &ServerConfig, applying: &[(i64, &str)], others: &[i64]) {
        let row = |(id, key): &(i64, &str)| ((*key).to_owned(), (*id, Some("true".to_owned())));
        let ids = applying.iter().map(|(id, _)| *id).chain(others.iter().copied()).collect();
        let rows = SettingRows { values: applying.iter().map(row).collect(), ids };
        config.reload(async { Ok::<_, ()>(rows) }).await.unwrap();
    }

    /// Whether each of the two keys is in effect.
    fn in_effect(config: &ServerConfig) -> [bool; 2] {
        [config.get(&keys::ADMIN_TOKEN_REQUIRED), config.is_set(&keys::WIKI_ADDRESS)]
    }

    /// S91: a restore empties the tables before it fills them.
    #[tokio::test(start_paused = true)]
    async fn a_table_that_lost_all_rows_keeps_its_values_until_it_has_rows() {
        let config = ServerConfig::new(BTreeMap::new());
        read(&config, &[ACCESS, OTHER], &[]).await;
        assert_eq!(config.fault("config"), None);
        for _ in 0..3 {
            read(&config, &[], &[]).await;
            assert_eq!(in_effect(&config), [true, true]);
            let fault = config.fault("config").unwrap();
            assert!(fault.contains("ServerConfig of the config database is empty"), "{fault}");
            tokio::time::advance(REMOVED * 2).await;
        }
        // Filled row by row.
        read(&config, &[OTHER], &[]).await;
        assert_eq!((in_effect(&config), config.fault("config")), ([true, true], None));
        read(&config, &[OTHER, ACCESS], &[]).await;
        tokio::time::advance(REMOVED * 2).await;
        read(&config, &[OTHER, ACCESS], &[]).await;
        assert_eq!(in_effect(&config), [true, true]);
    }

    /// S91: the row of an earlier setting of the key comes first.
    #[tokio::test(start_paused = true)]
    async fn a_row_that_was_deleted_before_ends_no_other_one_of_its_key() {
        let config = ServerConfig::new(BTreeMap::new());
        let earlier = ACCESS.0 - 1;
        read(&config, &[ACCESS], &[earlier]).await;
        read(&config, &[], &[]).await;
        read(&config, &[], &[earlier]).await;
        assert_eq!((in_effect(&config), config.fault("config")), ([true, false], None));
        // Also one that is kept ends once it is deleted.
        read(&config, &[], &[earlier, ACCESS.0]).await;
        assert_eq!(in_effect(&config), [false, false]);
    }

    /// S91: one of `default` beside that of the cluster of the node.
    #[tokio::test(start_paused = true)]
    async fn a_row_that_was_overridden_does_not_end_one_that_is_missing() {
        let config = ServerConfig::new(BTreeMap::new());
        let read = async |(id, text): (i64, &str), ids: &[i64]| {
            let row = (ACCESS.1.to_owned(), (id, Some(text.to_owned())));
            let ids = ids.iter().copied().collect();
            let rows = SettingRows { values: HashMap::from([row]), ids };
            config.reload(async { Ok::<_, ()>(rows) }).await.unwrap();
            config.get(&keys::ADMIN_TOKEN_REQUIRED)
        };
        let (own, overridden, replacement) = ((7, "true"), (3, "false"), (8, "false"));
        assert!(read(own, &[3, 7]).await);
        for _ in 0..2 {
            assert!(read(overridden, &[3]).await);
        }
        tokio::time::advance(REMOVED).await;
        for _ in 0..2 {
            assert!(!read(overridden, &[3]).await);
        }
        // What `REPLACE INTO` leaves applies at once, and so does a row whose other one was marked.
        assert!(read(own, &[3, 7]).await);
        assert!(!read(replacement, &[3, 8]).await);
        assert!(read((9, "true"), &[3, 8, 9]).await);
        assert!(!read(overridden, &[3, 8, 9]).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_that_is_still_missing_after_a_while_was_removed() {
        let config = ServerConfig::new(BTreeMap::new());
        read(&config, &[ACCESS, OTHER], &[]).await;
        // Changes of other settings read the table as well.
        for _ in 0..3 {
            read(&config, &[OTHER], &[]).await;
            assert_eq!((in_effect(&config), config.fault("config")), ([true, true], None));
        }
        tokio::time::advance(REMOVED).await;
        read(&config, &[OTHER], &[]).await;
        assert_eq!(in_effect(&config), [false, true]);
    }

    /// S91: a table with rows for other nodes only is not empty.
    #[tokio::test(start_paused = true)]
    async fn the_last_row_of_a_node_ends_beside_those_of_others() {
        let config = ServerConfig::new(BTreeMap::new());
        read(&config, &[ACCESS], &[1]).await;
        read(&config, &[], &[1]).await;
        assert_eq!((in_effect(&config), config.fault("config")), ([true, false], None));
        tokio::time::advance(REMOVED).await;
        read(&config, &[], &[1]).await;
        assert_eq!((in_effect(&config), config.fault("config")), ([false, false], None));
    }

    /// It is marked as deleted, or belongs to another cluster now.
    #[tokio::test]
    async fn a_row_that_no_longer_applies_ends_at_once_also_if_it_was_the_only_one() {
        let config = ServerConfig::new(BTreeMap::new());
        read(&config, &[ACCESS], &[]).await;
        read(&config, &[], &[ACCESS.0]).await;
        assert_eq!((in_effect(&config), config.fault("config")), ([false, false], None));
    }

    /// That of a database of Apollo may be.
    #[tokio::test]
    async fn a_table_without_rows_from_the_beginning_is_no_fault() {
        let config = ServerConfig::new(BTreeMap::new());
        read(&config, &[], &[]).await;
        assert_eq!((in_effect(&config), config.fault("config")), ([false, false], None));
    }
}
