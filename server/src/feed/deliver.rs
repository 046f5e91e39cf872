//! Delivers release messages: caches first, then positions, then waiters, because a client that is woken asks at once. A namespace
//! that cannot be read although the database answers is put off, and the others are delivered.

use std::collections::BTreeMap;

use castalia_core::protocol::namespace::split_watch_key;

use super::cache::NamespaceKey;
use super::hub::Wake;
use super::scan::in_time;
use super::{ReleaseFeed, notification};
use crate::error::{Error, Result};
use crate::store::Id;
use crate::store::feed::Message;

/// Messages that were put off, the newest of each watch key.
#[derive(Debug, Default)]
pub(super) struct Deferred(BTreeMap<String, Message>);

impl Deferred {
    /// What is to be tried again.
    pub(super) fn rows(&self) -> Vec<Message> {
        self.0.values().cloned().collect()
    }

    /// Whether the message with this id was put off.
    pub(super) fn holds(&self, id: i64) -> bool {
        self.0.values().any(|(other, _)| other.0 == id)
    }

    /// Returns whether nothing of this key was put off before.
    fn insert(&mut self, key: String, message: Message) -> bool {
        self.0.insert(key, message).is_none()
    }
}

/// A message by the stored names of what it speaks of.
struct Moved<'a> {
    id: i64,
    text: &'a str,
    key: NamespaceKey,
}

impl ReleaseFeed {
    /// After an error nobody was told, and the same messages may be delivered again.
    pub(super) async fn deliver(&self, deferred: &mut Deferred, rows: &[Message]) -> Result<()> {
        let mut moved = Vec::with_capacity(rows.len());
        for (Id(id), text) in rows {
            match self.known_key(text).await? {
                Some(key) => moved.push(Moved { id: *id, text, key }),
                None => {
                    tracing::warn!(
                        message = text,
                        "a release message is not made of three names and is dropped"
                    );
                }
            }
        }
        let newest: BTreeMap<_, _> =
            moved.iter().map(|message| (message.key.watch_key(), message)).collect();
        for (key, message) in &newest {
            match in_time(self.cache().reload(message.key.place(), message.id)).await {
                Ok(()) => drop(deferred.0.remove(key)),
                Err(error) => self.put_off(deferred, key, message, &error).await?,
            }
        }
        moved.retain(|message| !deferred.0.contains_key(&message.key.watch_key()));
        for message in &moved {
            self.positions().advance(&message.key.watch_key(), message.id);
        }
        for message in &moved {
            self.wake(&message.key, message.text, message.id).await;
        }
        Ok(())
    }

    /// Puts a message off, unless the database is away, which concerns all of them.
    async fn put_off(
        &self,
        deferred: &mut Deferred,
        key: &str,
        message: &Moved<'_>,
        error: &Error,
    ) -> Result<()> {
        self.check_database().await?;
        metrics::counter!("castalia_deferred_messages_total").increment(1);
        let put_off = (Id(message.id), message.text.to_owned());
        if deferred.insert(key.to_owned(), put_off) {
            tracing::error!(
                namespace = key,
                %error,
                "a namespace cannot be read; its clients keep the previous release until it can"
            );
        }
        Ok(())
    }

    /// Whether the database answers at all.
    async fn check_database(&self) -> Result<()> {
        in_time(async { Ok(self.0.store.ping().await?) }).await
    }

    /// As [`Self::stored_key`], after reading names that are not known yet: a client that is woken must find them.
    async fn known_key(&self, message: &str) -> Result<Option<NamespaceKey>> {
        let Some((app_id, _, namespace)) = split_watch_key(message) else { return Ok(None) };
        let is_known = self.names().app(app_id).is_some()
            && self.names().namespace(app_id, namespace).is_some();
        if !is_known && let Err(error) = in_time(self.add_names()).await {
            self.check_database().await?;
            tracing::warn!(%error, "cannot read names; a release message is delivered as it is spelled");
        }
        Ok(self.stored_key(message))
    }

    /// What a message speaks of, in stored spelling as far as it is known.
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

    /// Wakes everybody who waits for a namespace; `text` is its watch key as the message spells it.
    pub(super) async fn wake(&self, namespace: &NamespaceKey, text: &str, id: i64) {
        let key = namespace.watch_key();
        if !self.hub().is_watched(&key) {
            return;
        }
        let name = namespace.namespace.as_str();
        let Some(body) = notification(name, text, id) else { return };
        let wake = Wake { key: text.into(), namespace: name.into(), id, body };
        if let Some(crowd) = self.0.pacer.take(self.hub().crowd(&key, wake)) {
            crowd.tell().await;
        }
    }
}
