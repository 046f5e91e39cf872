//! The namespaces that the polls of an app id watch: their known notification ids, and the
//! pipelines that wait for their announcements.

mod shard_table;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::discovery::ServiceUrl;
use crate::protocol::wire::{Notification, NotificationMessages};

use shard_table::{ShardTable, find};

/// Announces that a namespace changed. An announcement that was not read yet is replaced by a newer
/// one.
#[derive(Debug, Clone)]
pub(crate) struct Announcement {
    pub(crate) notification_id: i64,
    /// Whether an id was known before. The first poll announces every namespace, whether it
    /// changed or not.
    pub(crate) is_update: bool,
    pub(crate) messages: NotificationMessages,
    /// Service that sent it.
    pub(crate) service: ServiceUrl,
}

/// The namespaces of one shard, for its next poll.
pub(super) struct ShardState {
    pub(super) notifications: Vec<Notification>,
    /// Version of the list.
    pub(super) version: u64,
    /// Whether the request line may exceed the usual limit.
    pub(super) is_wide: bool,
}

/// The watched namespaces of one app id and cluster, in shards of one poll each. One shard is
/// enough unless the request line would get too long.
pub(crate) struct WatchList {
    table: Mutex<ShardTable>,
    /// For each shard, how often its list of namespaces changed.
    versions: watch::Sender<Vec<u64>>,
}

impl WatchList {
    /// An empty list; `budget` is the number of bytes that namespaces may use in a request line.
    pub(crate) fn new(budget: usize) -> Self {
        Self { table: Mutex::new(ShardTable::new(budget)), versions: watch::Sender::default() }
    }

    /// Number of shards whose last poll succeeded.
    pub(crate) fn connected_polls(&self) -> usize {
        let table = self.lock();
        table.shards.iter().filter(|shard| shard.connected && shard.used_bytes > 0).count()
    }

    /// Whether a poll that included the namespace timed out.
    pub(crate) fn has_timed_out(&self, namespace: &str) -> bool {
        self.lock().namespaces.get(namespace).is_some_and(|namespace| namespace.timed_out)
    }

    /// Watches a namespace until the returned receiver is dropped. Its shard is polled again.
    pub(crate) fn add(&self, namespace: &str) -> watch::Receiver<Option<Announcement>> {
        let (sender, receiver) = watch::channel(None);
        let shard = self.lock_open().add(namespace, sender);
        // After the table is unlocked: waiters lock it while they hold `versions`, so the opposite
        // order could deadlock.
        self.versions.send_modify(|versions| {
            versions.resize(versions.len().max(shard + 1), 0);
            versions[shard] += 1;
        });
        receiver
    }

    /// Distributes the namespaces again if a server accepts longer request lines.
    pub(super) fn raise_limit(&self, budget: usize) {
        let table = self.lock_open();
        if table.trusts_server_limit && budget > table.budget {
            self.rebalance(table, budget);
        }
    }

    /// Returns to the usual limit for good, after a longer line was rejected; false if no line was
    /// longer.
    pub(super) fn lower_limit(&self) -> bool {
        let mut table = self.lock_open();
        let was_wide = table.is_wide();
        if was_wide {
            table.trusts_server_limit = false;
            let usual = table.default_budget;
            self.rebalance(table, usual);
        }
        was_wide
    }

    /// Distributes the namespaces again and repeats all polls.
    fn rebalance(&self, mut table: MutexGuard<'_, ShardTable>, budget: usize) {
        table.rebalance(budget);
        let shards = table.shards.len();
        // See `add`.
        drop(table);
        self.versions.send_modify(|versions| {
            versions.resize(shards, 0);
            versions.iter_mut().for_each(|version| *version += 1);
        });
    }

    /// Number of shards; it never decreases, because a running poll loop cannot be taken back.
    pub(super) fn shards(&self) -> usize {
        self.versions.borrow().len()
    }

    /// Returns once there are more than `count` shards.
    pub(super) async fn wait_for_more_shards(&self, count: usize) {
        let mut versions = self.versions.subscribe();
        // The sender lives in `self`, so the wait cannot fail.
        let _ = versions.wait_for(|versions| versions.len() > count).await;
    }

    /// Returns once the shard contains a namespace.
    pub(super) async fn wait_until_not_empty(&self, shard: usize) {
        let mut versions = self.versions.subscribe();
        let _ = versions.wait_for(|_| self.lock_open().of(shard).next().is_some()).await;
    }

    /// The current namespaces of a shard.
    pub(super) fn shard_state(&self, shard: usize) -> ShardState {
        // Read before the table: if a namespace is added in between, the poll is repeated at once.
        let version = self.version(shard);
        let table = self.lock_open();
        let notifications = table.of(shard).map(|(name, namespace)| Notification {
            namespace_name: name.clone(),
            notification_id: namespace.notification_id,
            messages: None,
        });
        ShardState { notifications: notifications.collect(), version, is_wide: table.is_wide() }
    }

    /// Returns once the list of the shard has another version.
    pub(super) async fn wait_for_change(&self, shard: usize, version: u64) {
        let mut versions = self.versions.subscribe();
        let _ = versions.wait_for(|versions| versions.get(shard) != Some(&version)).await;
    }

    /// Returns once the list of the shard has not changed for this time.
    pub(super) async fn wait_until_quiet(&self, shard: usize, time: Duration) {
        loop {
            let version = self.version(shard);
            if timeout(time, self.wait_for_change(shard, version)).await.is_err() {
                return;
            }
        }
    }

    fn version(&self, shard: usize) -> u64 {
        self.versions.borrow().get(shard).copied().unwrap_or_default()
    }

    pub(super) fn connected(&self, shard: usize) {
        self.lock().set_connected(shard, true);
    }

    pub(super) fn failed(&self, shard: usize, by_silence: bool) {
        let mut table = self.lock();
        table.set_connected(shard, false);
        if by_silence {
            let of_share =
                table.namespaces.values_mut().filter(|namespace| namespace.shard == shard);
            of_share.for_each(|namespace| namespace.timed_out = true);
        }
    }

    /// Stores the ids, merges the messages and wakes the pipelines. Lower ids are stored as well:
    /// after a database is restored from a backup, the server's ids are lower.
    pub(super) fn announce(&self, notifications: &[Notification], service: &ServiceUrl) {
        let named: Vec<_> = notifications.iter().map(|n| n.namespace_name.as_str()).collect();
        let mut table = self.lock();
        for notification in notifications {
            let found = find(&mut table.namespaces, &notification.namespace_name, &named);
            for namespace in found {
                namespace.announce(notification, service);
            }
        }
    }

    /// The table without namespaces whose receiver was dropped.
    fn lock_open(&self) -> MutexGuard<'_, ShardTable> {
        let mut table = self.lock();
        table.remove_closed();
        table
    }

    fn lock(&self) -> MutexGuard<'_, ShardTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notification(name: &str, id: i64) -> Notification {
        Notification { namespace_name: name.into(), notification_id: id, messages: None }
    }

    #[test]
    fn names_match_exactly_then_ignoring_case() {
        let watch_list = WatchList::new(6144);
        let lower = watch_list.add("application");
        let service = ServiceUrl::from("http://s");
        for name in ["application.properties", "APPLICATION", "application"] {
            watch_list.announce(&[notification(name, 7), notification("other", 9)], &service);
            assert_eq!(lower.borrow().as_ref().unwrap().notification_id, 7);
        }
    }

    #[test]
    fn both_spellings_of_a_name_are_told_once() {
        let watch_list = WatchList::new(6144);
        let service = ServiceUrl::from("http://s");
        let (short, long) = (watch_list.add("a"), watch_list.add("a.properties"));
        let news = |receiver: &watch::Receiver<Option<Announcement>>| {
            receiver.borrow().as_ref().map(|a| a.is_update)
        };
        watch_list.announce(&[notification("a", 7), notification("a.properties", 7)], &service);
        assert_eq!((news(&short), news(&long)), (Some(false), Some(false)));
        watch_list.announce(&[notification("a", 8)], &service);
        assert_eq!((news(&short), news(&long)), (Some(true), Some(true)));
    }

    #[test]
    fn what_nobody_waits_for_is_no_longer_asked_for() {
        let watch_list = WatchList::new(200);
        let (kept, dropped) = (watch_list.add("kept"), watch_list.add("dropped"));
        let _another = watch_list.add("another");
        assert_eq!(watch_list.shards(), 2);
        drop(dropped);
        assert_eq!(watch_list.shard_state(0).notifications, [notification("kept", -1)]);
        let _fits = watch_list.add("fits");
        assert_eq!((watch_list.shard_state(0).notifications.len(), watch_list.shards()), (2, 2));
        drop(kept);
        assert_eq!(watch_list.shard_state(0).notifications, [notification("fits", -1)]);
    }

    #[test]
    fn one_share_is_enough_where_servers_take_longer_lines() {
        let watch_list = WatchList::new(200);
        let names: Vec<_> = (0..20).map(|number| format!("namespace-{number}")).collect();
        let _receivers: Vec<_> = names.iter().map(|name| watch_list.add(name)).collect();
        let lengths = || {
            (0..watch_list.shards()).map(|shard| watch_list.shard_state(shard).notifications.len())
        };
        assert_eq!(lengths().collect::<Vec<_>>(), [2; 10]);
        let before = watch_list.shard_state(3).version;
        watch_list.raise_limit(100_000);
        assert_eq!((lengths().next(), lengths().sum::<usize>()), (Some(20), 20));
        assert_ne!(
            watch_list.shard_state(3).version,
            before,
            "its poll must notice that it has nothing left"
        );
        assert!(watch_list.lower_limit());
        assert_eq!(lengths().collect::<Vec<_>>(), [2; 10]);
        watch_list.raise_limit(100_000);
        assert!(!watch_list.lower_limit(), "who refused once is not tried again");
    }

    #[test]
    fn a_lower_id_is_taken_over() {
        let watch_list = WatchList::new(6144);
        let _receivers = watch_list.add("a");
        let service = ServiceUrl::from("http://s");
        watch_list.announce(&[notification("a", 11)], &service);
        watch_list.announce(&[notification("a", 3)], &service);
        assert_eq!(watch_list.shard_state(0).notifications, [notification("a", 3)]);
    }

    #[test]
    fn the_first_announcement_is_no_news() {
        let watch_list = WatchList::new(6144);
        let receiver = watch_list.add("a");
        let service = ServiceUrl::from("http://s");
        watch_list.announce(&[notification("a", 10)], &service);
        assert!(!receiver.borrow().as_ref().unwrap().is_update);
        watch_list.announce(&[notification("a", 11)], &service);
        assert!(receiver.borrow().as_ref().unwrap().is_update);
    }
}
