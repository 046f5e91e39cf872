//! Delivers release messages: updates caches first, then positions, then wakes waiters, because a
//! client that is woken sends its request at once. A namespace that cannot be read although the
//! database answers is deferred, and the others are delivered.

use std::collections::BTreeMap;

use castalia_core::protocol::namespace::split_watch_key;
use castalia_store::Id;
use castalia_store::feed::Message;
use futures_util::{StreamExt as _, stream};

use super::cache::{NamespaceKey, NamespaceRef};
use super::hub::Wake;
use super::scan::in_time;
use super::{ReleaseFeed, notification};
use crate::error::{Error, Result};

/// Namespaces that are read concurrently: a slow one must not delay the others.
const AT_ONCE: usize = 4;

/// The id of a namespace without a release message. Clients start with it.
pub(super) const NO_MESSAGE: i64 = -1;

/// A message with the stored names of its namespace.
struct Moved<'a> {
    id: i64,
    text: &'a str,
    key: NamespaceKey,
}

impl ReleaseFeed {
    /// After an error no client was notified, and the same messages may be delivered again.
    pub(super) async fn deliver(&self, rows: &[Message]) -> Result<()> {
        self.learn_names(rows).await?;
        let mut moved = Vec::with_capacity(rows.len());
        for Message { id: Id(id), text, .. } in rows {
            match self.stored_key(text) {
                Some(key) => moved.push(Moved { id: *id, text, key }),
                None => {
                    tracing::warn!(
                        message = text,
                        "a release message does not consist of three names and is ignored"
                    );
                }
            }
        }
        // One load for each namespace, however many messages it has.
        let mut newest: BTreeMap<_, _> =
            moved.iter().map(|message| (message.key.watch_key(), message)).collect();
        // Deferred namespaces are read by the retries, so that the scan does not wait for them.
        newest.retain(|key, message| !self.0.deferred.renew(key, message.id, message.text));
        let reloads: Vec<_> =
            newest.into_iter().map(|(key, message)| self.reload(key, message)).collect();
        let mut reloads = stream::iter(reloads).buffer_unordered(AT_ONCE);
        while let Some(done) = reloads.next().await {
            done?;
        }
        drop(reloads);
        // Reconciliation may have deferred one meanwhile, with an earlier message.
        moved.retain(|message| {
            !self.0.deferred.renew(&message.key.watch_key(), message.id, message.text)
        });
        for message in &moved {
            self.positions().advance(&message.key.watch_key(), message.id);
        }
        for message in &moved {
            self.wake(&message.key, message.text, message.id).await;
        }
        Ok(())
    }

    async fn reload(&self, key: String, message: &Moved<'_>) -> Result<()> {
        match in_time(self.cache().reload(NamespaceRef::of(&message.key), message.id)).await {
            Ok(()) => Ok(()),
            Err(error) => self.defer(key, message, &error).await,
        }
    }

    /// Defers a message, unless the database is unreachable, which affects all messages.
    async fn defer(&self, key: String, message: &Moved<'_>, error: &Error) -> Result<()> {
        self.check_database().await?;
        metrics::counter!("castalia_deferred_messages_total").increment(1);
        tracing::error!(
            namespace = key,
            %error,
            "cannot read a namespace; its clients keep the previous release until it can be read"
        );
        self.0.deferred.insert(key, message.id, message.text);
        Ok(())
    }

    /// Defers a namespace that could not be read outside a scan, with its newest message.
    pub(super) async fn defer_namespace(&self, key: &NamespaceKey, error: &Error) -> Result<()> {
        let text = key.watch_key();
        let id = self.positions().of(&text).unwrap_or(NO_MESSAGE);
        if self.0.deferred.renew(&text, id, &text) {
            return Ok(());
        }
        let message = Moved { id, text: &text, key: key.clone() };
        self.defer(text.clone(), &message, error).await
    }

    /// Delivers a deferred message if its namespace can be read now. The names in the key are in the
    /// spelling that was known when it was deferred.
    pub(super) async fn retry(&self, watch_key: &str, id: i64, text: &str) -> Result<()> {
        let stored = self.stored_key(text);
        let deferred = split_watch_key(watch_key)
            .map(|(app_id, cluster, namespace)| NamespaceKey::new(app_id, cluster, namespace));
        let other = deferred.filter(|deferred| stored.as_ref() != Some(deferred));
        for key in stored.iter().chain(&other) {
            in_time(self.cache().reload(NamespaceRef::of(key), id)).await?;
        }
        // Not after the ids went back, with which all deferred messages are dropped.
        if !self.0.deferred.holds_since(watch_key, id) {
            return Ok(());
        }
        if id != NO_MESSAGE {
            self.positions().advance(watch_key, id);
        }
        if self.0.deferred.remove(watch_key, id) {
            tracing::info!(namespace = watch_key, "a deferred namespace can be read again");
            self.reload_for_lost_keys();
        }
        if let Some(key) = stored.or(other) {
            self.wake(&key, text, id).await;
        }
        Ok(())
    }

    /// Retries deferred messages, concurrently with the scan.
    pub(super) async fn retry_deferred(self) {
        loop {
            self.0.deferred.wait().await;
            let messages = self.0.deferred.messages();
            let retries: Vec<_> =
                messages.iter().map(|(key, id, text)| self.retry(key, *id, text)).collect();
            let mut retries = stream::iter(retries).buffer_unordered(AT_ONCE);
            while let Some(done) = retries.next().await {
                metrics::counter!("castalia_deferred_messages_total")
                    .increment(u64::from(done.is_err()));
            }
            // The namespaces that are left may not be in memory any more.
            self.reload_for_lost_keys();
        }
    }

    /// Checks whether the database answers at all.
    pub(super) async fn check_database(&self) -> Result<()> {
        in_time(async { Ok(self.0.store.ping().await?) }).await
    }

    /// Reads names if one of the messages contains an unknown one, once for all of them: a client
    /// that is woken must find them, and the messages of a deleted app all contain unknown ones.
    async fn learn_names(&self, rows: &[Message]) -> Result<()> {
        if rows.iter().all(|Message { text, .. }| self.knows_names(text)) {
            return Ok(());
        }
        let feed = self.clone();
        let read = async move { feed.add_names().await };
        if let Err(error) = self.0.names_scan.soon(read).await {
            self.check_database().await?;
            tracing::warn!(%error, "cannot read names; delivering release messages under the names that they contain");
        }
        Ok(())
    }

    fn knows_names(&self, message: &str) -> bool {
        split_watch_key(message).is_none_or(|(app_id, _, namespace)| {
            let names = self.names();
            names.app(app_id).is_some() && names.namespace(app_id, namespace).is_some()
        })
    }

    /// The names in a message, in stored spelling as far as they are known.
    pub(super) fn stored_key(&self, message: &str) -> Option<NamespaceKey> {
        let (app_id, cluster, namespace) = split_watch_key(message)?;
        let names = self.names();
        let app = names.app(app_id);
        let app_id = app.as_deref().unwrap_or(app_id);
        let (stored_cluster, stored_name) =
            (names.cluster(app_id, cluster), names.namespace(app_id, namespace));
        let cluster = stored_cluster.as_deref().unwrap_or(cluster);
        Some(NamespaceKey::new(app_id, cluster, stored_name.as_deref().unwrap_or(namespace)))
    }

    /// Wakes all polls that wait for a namespace; `text` is its watch key in the spelling of the
    /// message.
    pub(super) async fn wake(&self, namespace: &NamespaceKey, text: &str, id: i64) {
        let key = self.names().waiting_key(&namespace.watch_key());
        if !self.hub().is_watched(&key) {
            return;
        }
        let name = namespace.namespace.as_str();
        let Some(body) = notification(name, text, id) else { return };
        let wake = Wake { key: text.into(), namespace: name.into(), id, body };
        if let Some(waiters) = self.0.pacer.take(self.hub().take(&key, wake)) {
            waiters.wake().await;
        }
    }
}
