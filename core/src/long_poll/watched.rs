//! The namespaces that a poll loop watches: what is known of each, and whom to tell when it moves.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::discovery::ServiceUrl;
use crate::protocol::namespace::{UNKNOWN_NOTIFICATION_ID, strip_properties_suffix};
use crate::protocol::route::encode;
use crate::protocol::wire::{Notification, NotificationMessages};

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

/// The watched namespaces of one app id and cluster.
pub(crate) struct Watched {
    namespaces: Mutex<HashMap<String, Namespace>>,
    /// Counts openings.
    version: watch::Sender<u64>,
    /// Bytes of a request line that the namespaces may take, and what they take.
    room: usize,
    taken: AtomicUsize,
    connected: AtomicBool,
}

struct Namespace {
    notification_id: i64,
    messages: NotificationMessages,
    tell: watch::Sender<Option<Announcement>>,
    /// Whether a poll with it ended in silence.
    timed_out: bool,
}

impl Watched {
    /// Nothing is watched yet; the request line has so many bytes of room for namespaces.
    pub(crate) fn new(room: usize) -> Self {
        Self {
            namespaces: Mutex::default(),
            version: watch::Sender::new(0),
            room,
            taken: AtomicUsize::new(0),
            connected: AtomicBool::new(false),
        }
    }

    /// Whether a namespace still fits in; one always does.
    pub(crate) fn has_room_for(&self, namespace: &str) -> bool {
        let taken = self.taken.load(Ordering::Relaxed);
        taken == 0 || taken + cost(namespace) <= self.room
    }

    /// Whether the last poll ended well.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Whether a poll with this namespace ended in silence.
    pub(crate) fn has_timed_out(&self, namespace: &str) -> bool {
        self.lock().get(namespace).is_some_and(|namespace| namespace.timed_out)
    }

    pub(super) fn connected(&self) {
        self.connected.store(true, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, by_silence: bool) {
        self.connected.store(false, Ordering::Relaxed);
        if by_silence {
            self.lock().values_mut().for_each(|namespace| namespace.timed_out = true);
        }
    }

    /// Watches a namespace from now on, as long as what is given back is held; a held poll is asked anew.
    pub(crate) fn add(&self, namespace: &str) -> watch::Receiver<Option<Announcement>> {
        let (tell, told) = watch::channel(None);
        let entry = Namespace {
            notification_id: UNKNOWN_NOTIFICATION_ID,
            messages: NotificationMessages::default(),
            tell,
            timed_out: false,
        };
        let mut namespaces = self.lock_current();
        if namespaces.insert(namespace.to_owned(), entry).is_none() {
            self.taken.fetch_add(cost(namespace), Ordering::Relaxed);
        }
        drop(namespaces);
        self.version.send_modify(|version| *version += 1);
        told
    }

    /// Returns once anything is watched.
    pub(super) async fn some(&self) {
        let mut version = self.version.subscribe();
        // The sender lives in `self`, so the wait cannot fail.
        let _ = version.wait_for(|_| !self.lock_current().is_empty()).await;
    }

    /// What is known, and the version of the list.
    pub(super) fn known(&self) -> (Vec<Notification>, u64) {
        let version = *self.version.borrow();
        let namespaces = self.lock_current();
        let known = namespaces.iter().map(|(name, namespace)| Notification {
            namespace_name: name.clone(),
            notification_id: namespace.notification_id,
            messages: None,
        });
        (known.collect(), version)
    }

    /// Returns once other namespaces are watched than in this version.
    pub(super) async fn differs_from(&self, version: u64) {
        let mut current = self.version.subscribe();
        let _ = current.wait_for(|current| *current != version).await;
    }

    /// Returns once nothing was opened for this long.
    pub(super) async fn quiet(&self, time: Duration) {
        loop {
            let version = *self.version.borrow();
            if timeout(time, self.differs_from(version)).await.is_err() {
                return;
            }
        }
    }

    /// Takes the ids over, even lower ones (a restored database), merges the messages, and tells who loads.
    pub(super) fn announce(&self, notifications: &[Notification], service: &ServiceUrl) {
        let named: Vec<_> = notifications.iter().map(|n| n.namespace_name.as_str()).collect();
        let mut namespaces = self.lock();
        for notification in notifications {
            for namespace in find(&mut namespaces, &notification.namespace_name, &named) {
                namespace.announce(notification, service);
            }
        }
    }

    /// Those that are still watched: whoever waited for the others was closed.
    fn lock_current(&self) -> MutexGuard<'_, HashMap<String, Namespace>> {
        let mut namespaces = self.lock();
        namespaces.retain(|name, namespace| {
            let watched = !namespace.tell.is_closed();
            if !watched {
                self.taken.fetch_sub(cost(name), Ordering::Relaxed);
            }
            watched
        });
        namespaces
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Namespace>> {
        self.namespaces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of a request line that a namespace takes, with the longest id.
fn cost(namespace: &str) -> usize {
    let longest = i64::MIN;
    let entry = format!(r#"{{"namespaceName":"{namespace}","notificationId":{longest}}},"#);
    encode(&entry).len()
}

impl Namespace {
    fn announce(&mut self, notification: &Notification, service: &ServiceUrl) {
        let id = notification.notification_id;
        let before = std::mem::replace(&mut self.notification_id, id);
        if let Some(messages) = &notification.messages {
            self.messages.merge(messages);
        }
        self.tell.send_replace(Some(Announcement {
            notification_id: id,
            is_news: before != UNKNOWN_NOTIFICATION_ID,
            messages: self.messages.clone(),
            service: service.clone(),
        }));
    }
}

/// Those of this name with or without `.properties`, else ignoring ASCII case; without those that the answer names itself.
fn find<'a>(
    namespaces: &'a mut HashMap<String, Namespace>,
    name: &str,
    named: &[&str],
) -> Vec<&'a mut Namespace> {
    let stem = strip_properties_suffix(name);
    let is_known = namespaces.keys().any(|known| strip_properties_suffix(known) == stem);
    let found = namespaces.iter_mut().filter(|(known, _)| {
        let known_stem = strip_properties_suffix(known);
        let fits = match is_known {
            true => known_stem == stem,
            false => known_stem.eq_ignore_ascii_case(stem),
        };
        fits && (*known == name || !named.contains(&known.as_str()))
    });
    found.map(|(_, namespace)| namespace).collect()
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
        assert!(!watched.has_room_for("another"));
        drop(dropped);
        assert_eq!(watched.known().0, [notification("kept", -1)]);
        assert!(watched.has_room_for("another"));
        drop(kept);
        assert!(watched.known().0.is_empty());
    }

    #[test]
    fn a_lower_id_is_taken_over() {
        // C060
        let watched = Watched::new(6144);
        let _told = watched.add("a");
        let service = ServiceUrl::from("http://s");
        watched.announce(&[notification("a", 11)], &service);
        watched.announce(&[notification("a", 3)], &service);
        assert_eq!(watched.known().0, [notification("a", 3)]);
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
