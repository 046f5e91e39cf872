//! Releases and release messages, like the database of a config service.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::protocol::namespace::{DEFAULT_CLUSTER, watch_key};
use crate::protocol::wire::{ConfigurationChange, Configurations};

// Leaves smaller ids for tests of restored databases.
const FIRST_MESSAGE: i64 = 10;

/// The data of one or more servers; cheap to clone.
///
/// ```
/// use castalia_core::testing::Data;
///
/// let data = Data::new();
/// let release = data.publish("demo", "default", "application", &[("timeout", "200")]);
/// assert_eq!(release.values["timeout"], "200");
/// ```
#[derive(Debug, Clone)]
pub struct Data {
    inner: Arc<DataInner>,
}

#[derive(Debug)]
struct DataInner {
    tables: Mutex<DataTables>,
    /// Number of messages; wakes polls.
    moved: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct DataTables {
    /// Releases of each watch key, oldest first. The newest is served.
    releases: HashMap<String, Vec<Release>>,
    /// Newest message of each watch key.
    messages: HashMap<String, i64>,
    last_message: i64,
    last_release: u64,
}

/// A published release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Release key.
    pub key: String,
    /// Cluster of the release.
    pub cluster: String,
    /// Keys and values.
    pub values: Configurations,
}

impl Default for Data {
    fn default() -> Self {
        Self::new()
    }
}

impl Data {
    /// No releases; the first message has the id 10.
    #[must_use]
    pub fn new() -> Self {
        let tables = DataTables { last_message: FIRST_MESSAGE - 1, ..DataTables::default() };
        let inner = DataInner { tables: Mutex::new(tables), moved: watch::Sender::new(0) };
        Self { inner: Arc::new(inner) }
    }

    /// Publishes a release and announces it.
    pub fn publish(
        &self,
        app_id: &str,
        cluster: &str,
        namespace: &str,
        values: &[(&str, &str)],
    ) -> Release {
        let release = self.publish_quietly(app_id, cluster, namespace, values);
        self.announce(app_id, cluster, namespace);
        release
    }

    /// Publishes a release without an announcement, as seen by a server that has not read its
    /// database yet.
    pub fn publish_quietly(
        &self,
        app_id: &str,
        cluster: &str,
        namespace: &str,
        values: &[(&str, &str)],
    ) -> Release {
        let mut tables = self.lock();
        tables.last_release += 1;
        let values = values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let release = Release {
            key: format!("k{}", tables.last_release),
            cluster: cluster.to_owned(),
            values: values.collect(),
        };
        let key = watch_key(app_id, cluster, namespace);
        tables.releases.entry(key).or_default().push(release.clone());
        release
    }

    /// Deletes all releases of a namespace, and announces that.
    pub fn withdraw(&self, app_id: &str, cluster: &str, namespace: &str) {
        let key = watch_key(app_id, cluster, namespace);
        self.lock().releases.remove(&key);
        self.announce(app_id, cluster, namespace);
    }

    /// Adds a release message without a release.
    pub fn announce(&self, app_id: &str, cluster: &str, namespace: &str) {
        let mut tables = self.lock();
        tables.last_message += 1;
        let id = tables.last_message;
        tables.messages.insert(watch_key(app_id, cluster, namespace), id);
        drop(tables);
        self.inner.moved.send_modify(|count| *count += 1);
    }

    /// Sets the id of the newest message of a namespace, as after a database was restored.
    pub fn set_message(&self, app_id: &str, cluster: &str, namespace: &str, id: i64) {
        let mut tables = self.lock();
        tables.messages.insert(watch_key(app_id, cluster, namespace), id);
        drop(tables);
        self.inner.moved.send_modify(|count| *count += 1);
    }

    /// The release for a client: of its cluster, else its data center, else `default`.
    pub(super) fn release(
        &self,
        app_id: &str,
        cluster: &str,
        data_center: Option<&str>,
        namespace: &str,
    ) -> Option<Release> {
        let tables = self.lock();
        let mut clusters = clusters(cluster, data_center);
        clusters.find_map(|cluster| {
            let key = watch_key(app_id, cluster, namespace);
            tables.releases.get(&key)?.last().cloned()
        })
    }

    /// The changes from an earlier release to a later one; `None` if the earlier one is unknown.
    pub(super) fn changes(
        &self,
        app_id: &str,
        namespace: &str,
        from: &str,
        to: &Release,
    ) -> Option<Vec<ConfigurationChange>> {
        let tables = self.lock();
        let key = watch_key(app_id, &to.cluster, namespace);
        let mut releases = tables.releases.get(&key)?.iter();
        let from = releases.find(|release| release.key == from)?;
        Some(difference(&from.values, &to.values))
    }

    /// The newest messages that wake a client of this namespace.
    pub(super) fn messages(
        &self,
        app_id: &str,
        cluster: &str,
        data_center: Option<&str>,
        namespace: &str,
    ) -> Vec<(String, i64)> {
        let tables = self.lock();
        let keys = clusters(cluster, data_center).map(|c| watch_key(app_id, c, namespace));
        let found = keys.filter_map(|key| tables.messages.get(&key).map(|id| (key, *id)));
        let mut found: Vec<_> = found.collect();
        found.dedup();
        found
    }

    pub(super) fn moved(&self) -> watch::Receiver<u64> {
        self.inner.moved.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, DataTables> {
        let tables = self.inner.tables.lock();
        tables.unwrap_or_else(PoisonError::into_inner)
    }
}

fn clusters<'a>(cluster: &'a str, data_center: Option<&'a str>) -> impl Iterator<Item = &'a str> {
    let named = (cluster != DEFAULT_CLUSTER).then_some(cluster);
    named.into_iter().chain(data_center).chain([DEFAULT_CLUSTER])
}

fn difference(from: &Configurations, to: &Configurations) -> Vec<ConfigurationChange> {
    let change = |key: &str, value: Option<&String>, kind: &str| ConfigurationChange {
        key: key.to_owned(),
        new_value: value.cloned(),
        configuration_change_type: kind.to_owned(),
    };
    let gone = from.keys().filter(|key| !to.contains_key(*key));
    let gone = gone.map(|key| change(key, None, "DELETED"));
    let differing = to.iter().filter(|(key, value)| from.get(*key) != Some(value));
    let differing = differing.map(|(key, value)| match from.contains_key(key) {
        true => change(key, Some(value), "MODIFIED"),
        false => change(key, Some(value), "ADDED"),
    });
    gone.chain(differing).collect()
}
