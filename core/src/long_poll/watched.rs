//! The namespaces that a poll loop watches: what is known of each, and whom to tell when it moves.

mod table;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::discovery::ServiceUrl;
use crate::protocol::wire::{Notification, NotificationMessages};

use table::{Table, find};

/// A namespace has moved: the newest there is to know of it. Those not yet read are replaced.
#[derive(Debug, Clone)]
pub(crate) struct Announcement {
    pub(crate) notification_id: i64,
    /// Whether an earlier id was known; the first poll announces every namespace, moved or not.
    pub(crate) is_news: bool,
    pub(crate) messages: NotificationMessages,
    /// Service that told it.
    pub(crate) service: ServiceUrl,
}

/// What is known of the namespaces of a share.
pub(super) struct Known {
    pub(super) notifications: Vec<Notification>,
    /// Version of the share's list.
    pub(super) version: u64,
    /// Whether its line may be longer than usual, and compact.
    pub(super) is_wide: bool,
}

/// The watched namespaces of one app id and cluster, in shares of which each is one poll: one is enough unless the request line
/// gets too long.
pub(crate) struct Watched {
    table: Mutex<Table>,
    /// Counts, for each share, how often other namespaces came to be in it.
    versions: watch::Sender<Vec<u64>>,
}

impl Watched {
    /// Nothing is watched yet; the request line has so many bytes of room for namespaces.
    pub(crate) fn new(room: usize) -> Self {
        Self { table: Mutex::new(Table::new(room)), versions: watch::Sender::default() }
    }

    /// Shares whose last poll ended well.
    pub(crate) fn connected_polls(&self) -> usize {
        let table = self.lock();
        table.shares.iter().filter(|share| share.connected && share.taken > 0).count()
    }

    /// Whether a poll with this namespace ended in silence.
    pub(crate) fn has_timed_out(&self, namespace: &str) -> bool {
        self.lock().namespaces.get(namespace).is_some_and(|namespace| namespace.timed_out)
    }

    /// Watches a namespace from now on, as long as what is given back is held; a held poll is asked anew.
    pub(crate) fn add(&self, namespace: &str) -> watch::Receiver<Option<Announcement>> {
        let (tell, told) = watch::channel(None);
        let share = self.lock_current().add(namespace, tell);
        self.versions.send_modify(|versions| {
            versions.resize(versions.len().max(share + 1), 0);
            versions[share] += 1;
        });
        told
    }

    /// Deals the namespaces out anew where a server takes longer request lines than usual.
    pub(super) fn widen(&self, room: usize) {
        let table = self.lock_current();
        if table.trust && room > table.room {
            self.deal(table, room);
        }
    }

    /// Goes back to the usual length after a longer line was refused, for good; false when it was not longer.
    pub(super) fn narrow(&self) -> bool {
        let mut table = self.lock_current();
        let was_wide = table.is_wide();
        if was_wide {
            table.trust = false;
            let usual = table.usual_room;
            self.deal(table, usual);
        }
        was_wide
    }

    fn deal(&self, mut table: MutexGuard<'_, Table>, room: usize) {
        table.deal(room);
        let shares = table.shares.len();
        drop(table);
        self.versions.send_modify(|versions| {
            versions.resize(shares, 0);
            versions.iter_mut().for_each(|version| *version += 1);
        });
    }

    /// How many shares there are; never fewer than before.
    pub(super) fn shares(&self) -> usize {
        self.versions.borrow().len()
    }

    /// Returns once there are more shares than these.
    pub(super) async fn more_shares_than(&self, count: usize) {
        let mut versions = self.versions.subscribe();
        // The sender lives in `self`, so the wait cannot fail.
        let _ = versions.wait_for(|versions| versions.len() > count).await;
    }

    /// Returns once anything is watched in a share.
    pub(super) async fn some(&self, share: usize) {
        let mut versions = self.versions.subscribe();
        let _ = versions.wait_for(|_| self.lock_current().of(share).next().is_some()).await;
    }

    /// What is known of a share.
    pub(super) fn known(&self, share: usize) -> Known {
        let version = self.version(share);
        let table = self.lock_current();
        let known = table.of(share).map(|(name, namespace)| Notification {
            namespace_name: name.clone(),
            notification_id: namespace.notification_id,
            messages: None,
        });
        Known { notifications: known.collect(), version, is_wide: table.is_wide() }
    }

    /// Returns once other namespaces are in a share than in this version.
    pub(super) async fn differs_from(&self, share: usize, version: u64) {
        let mut versions = self.versions.subscribe();
        let _ = versions.wait_for(|versions| versions.get(share) != Some(&version)).await;
    }

    /// Returns once nothing came to a share for this long.
    pub(super) async fn quiet(&self, share: usize, time: Duration) {
        loop {
            let version = self.version(share);
            if timeout(time, self.differs_from(share, version)).await.is_err() {
                return;
            }
        }
    }

    fn version(&self, share: usize) -> u64 {
        self.versions.borrow().get(share).copied().unwrap_or_default()
    }

    pub(super) fn connected(&self, share: usize) {
        self.lock().set_connected(share, true);
    }

    pub(super) fn failed(&self, share: usize, by_silence: bool) {
        let mut table = self.lock();
        table.set_connected(share, false);
        if by_silence {
            let of_share = table.namespaces.values_mut().filter(|known| known.share == share);
            of_share.for_each(|namespace| namespace.timed_out = true);
        }
    }

    /// Takes the ids over, even lower ones (a restored database), merges the messages, and tells who loads.
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

    /// Those that are still watched: whoever waited for the others was closed.
    fn lock_current(&self) -> MutexGuard<'_, Table> {
        let mut table = self.lock();
        table.sweep();
        table
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
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
        // C059
        let watched = Watched::new(6144);
        let lower = watched.add("application");
        let service = ServiceUrl::from("http://s");
        for name in ["application.properties", "APPLICATION", "application"] {
            watched.announce(&[notification(name, 7), notification("other", 9)], &service);
            assert_eq!(lower.borrow().as_ref().unwrap().notification_id, 7);
        }
    }

    #[test]
    fn both_spellings_of_a_name_are_told_once() {
        let watched = Watched::new(6144);
        let service = ServiceUrl::from("http://s");
        let (short, long) = (watched.add("a"), watched.add("a.properties"));
        let news = |told: &watch::Receiver<Option<Announcement>>| {
            told.borrow().as_ref().map(|a| a.is_news)
        };
        watched.announce(&[notification("a", 7), notification("a.properties", 7)], &service);
        assert_eq!((news(&short), news(&long)), (Some(false), Some(false)));
        watched.announce(&[notification("a", 8)], &service);
        assert_eq!((news(&short), news(&long)), (Some(true), Some(true)));
    }

    #[test]
    fn what_nobody_waits_for_is_no_longer_asked_for() {
        let watched = Watched::new(200);
        let (kept, dropped) = (watched.add("kept"), watched.add("dropped"));
        let _another = watched.add("another");
        assert_eq!(watched.shares(), 2);
        drop(dropped);
        assert_eq!(watched.known(0).notifications, [notification("kept", -1)]);
        let _fits = watched.add("fits");
        assert_eq!((watched.known(0).notifications.len(), watched.shares()), (2, 2));
        drop(kept);
        assert_eq!(watched.known(0).notifications, [notification("fits", -1)]);
    }

    #[test]
    fn one_share_is_enough_where_servers_take_longer_lines() {
        let watched = Watched::new(200);
        let names: Vec<_> = (0..20).map(|number| format!("namespace-{number}")).collect();
        let _told: Vec<_> = names.iter().map(|name| watched.add(name)).collect();
        let lengths =
            || (0..watched.shares()).map(|share| watched.known(share).notifications.len());
        assert_eq!(lengths().collect::<Vec<_>>(), [2; 10]);
        let before = watched.known(3).version;
        watched.widen(100_000);
        assert_eq!((lengths().next(), lengths().sum::<usize>()), (Some(20), 20));
        assert_ne!(
            watched.known(3).version,
            before,
            "its poll must notice that it has nothing left"
        );
        assert!(watched.narrow());
        assert_eq!(lengths().collect::<Vec<_>>(), [2; 10]);
        watched.widen(100_000);
        assert!(!watched.narrow(), "who refused once is not tried again");
    }

    #[test]
    fn a_lower_id_is_taken_over() {
        // C060
        let watched = Watched::new(6144);
        let _told = watched.add("a");
        let service = ServiceUrl::from("http://s");
        watched.announce(&[notification("a", 11)], &service);
        watched.announce(&[notification("a", 3)], &service);
        assert_eq!(watched.known(0).notifications, [notification("a", 3)]);
    }

    #[test]
    fn the_first_announcement_is_no_news() {
        let watched = Watched::new(6144);
        let told = watched.add("a");
        let service = ServiceUrl::from("http://s");
        watched.announce(&[notification("a", 10)], &service);
        assert!(!told.borrow().as_ref().unwrap().is_news);
        watched.announce(&[notification("a", 11)], &service);
        assert!(told.borrow().as_ref().unwrap().is_news);
    }
}
