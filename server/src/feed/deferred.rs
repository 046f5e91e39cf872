//! Release messages whose namespace cannot be read although the database answers: a locked table, a
//! row that takes too long. They are kept until a retry delivers them. Delivery itself is not known
//! here.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Pause between two retries.
const PAUSE: Duration = Duration::from_secs(1);

/// The newest deferred message of each watch key.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    messages: Mutex<BTreeMap<String, DeferredMessage>>,
    /// Keys that were read again: clients that were between two polls are woken once more.
    recovered: Mutex<Vec<String>>,
    arrived: Notify,
}

#[derive(Debug)]
struct DeferredMessage {
    id: i64,
    text: String,
    since: Instant,
}

impl Deferred {
    pub(super) fn insert(&self, key: String, id: i64, text: &str) {
        let entry = DeferredMessage { id, text: text.to_owned(), since: Instant::now() };
        self.messages.lock().insert(key, entry);
        self.arrived.notify_one();
    }

    /// Replaces the message of a deferred key with a newer one; returns whether the key is
    /// deferred.
    pub(super) fn renew(&self, key: &str, id: i64, text: &str) -> bool {
        let mut messages = self.messages.lock();
        let Some(entry) = messages.get_mut(key) else { return false };
        if id > entry.id {
            (entry.id, entry.text) = (id, text.to_owned());
        }
        true
    }

    /// Removes a key, unless a newer message than this one was deferred meanwhile.
    pub(super) fn remove(&self, key: &str, id: i64) -> bool {
        let mut messages = self.messages.lock();
        let is_removed =
            messages.get(key).is_some_and(|entry| entry.id <= id) && messages.remove(key).is_some();
        drop(messages);
        if is_removed {
            self.recovered.lock().push(key.to_owned());
        }
        is_removed
    }

    /// The keys that were removed since the last call.
    pub(super) fn take_recovered(&self) -> Vec<String> {
        std::mem::take(&mut self.recovered.lock())
    }

    pub(super) fn clear(&self) {
        self.messages.lock().clear();
    }

    pub(super) fn holds(&self, key: &str) -> bool {
        self.messages.lock().contains_key(key)
    }

    /// Whether the message of a watch key with this id, or a newer one that replaced it, is
    /// deferred.
    pub(super) fn holds_since(&self, key: &str, id: i64) -> bool {
        self.messages.lock().get(key).is_some_and(|entry| entry.id >= id)
    }

    /// The deferred messages: watch key, id and text.
    pub(super) fn messages(&self) -> Vec<(String, i64, String)> {
        self.messages_since(i64::MIN, |_| true)
    }

    /// Those with this id or a greater one whose watch keys are wanted.
    pub(super) fn messages_since(
        &self,
        id: i64,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Vec<(String, i64, String)> {
        let messages = self.messages.lock();
        let wanted = messages.iter().filter(|(key, entry)| entry.id >= id && is_wanted(key));
        wanted.map(|(key, entry)| (key.clone(), entry.id, entry.text.clone())).collect()
    }

    /// Waits until the next retry is due.
    pub(super) async fn wait(&self) {
        if self.messages.lock().is_empty() {
            self.arrived.notified().await;
        }
        tokio::time::sleep(PAUSE).await;
    }

    /// Describes the deferred namespaces for operators.
    pub(super) fn fault(&self) -> Option<String> {
        let messages = self.messages.lock();
        let (first, _) = messages.first_key_value()?;
        let since = messages.values().map(|entry| entry.since.elapsed()).max()?;
        Some(format!(
            "reading {} namespaces, including {first}, has failed for {} s although the database answers: their \
             published changes do not reach clients",
            messages.len(),
            since.as_secs()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deferred_message_is_a_fault_until_the_newest_of_its_key_is_delivered() {
        let deferred = Deferred::default();
        assert!(deferred.fault().is_none() && !deferred.renew("a", 1, "a"));
        deferred.insert("a".to_owned(), 1, "a");
        assert!(deferred.fault().unwrap().contains('a') && deferred.holds("a"));
        assert!(deferred.renew("a", 2, "A"));
        assert!(!deferred.remove("a", 1), "a newer one is still to be delivered");
        assert_eq!(deferred.messages(), [("a".to_owned(), 2, "A".to_owned())]);
        let since = |id: i64, key: &str| deferred.messages_since(id, |other| other == key);
        // A client that was notified of the replaced message needs the newer one.
        for id in [1, 2] {
            assert!(deferred.holds_since("a", id));
            assert_eq!(since(id, "a"), deferred.messages());
        }
        for (id, key) in [(3, "a"), (1, "b")] {
            assert!(!deferred.holds_since(key, id) && since(id, key).is_empty());
        }
        assert!(deferred.take_recovered().is_empty());
        assert!(deferred.remove("a", 2) && deferred.fault().is_none());
        assert_eq!(deferred.take_recovered(), ["a"]);
        assert!(deferred.take_recovered().is_empty());
    }
}
