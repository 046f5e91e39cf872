//! Finds the slots that names lead to, and the names that a slot is read with.

use std::sync::Arc;

use castalia_core::protocol::namespace::DEFAULT_CLUSTER;
use castalia_store::feed::Fingerprint;

use super::{CacheSlot, NamespaceKey, NamespaceRef, Published, ReleaseCache, SlotKey, SlotRef};

impl ReleaseCache {
    /// The content of a slot, if it is filled.
    pub(in crate::feed) fn peek(&self, place: NamespaceRef<'_>) -> Option<Arc<Published>> {
        self.slots.pin().get(&SlotRef(place, self.folding))?.current.load_full()
    }

    /// Whether the rows of a namespace in memory are such.
    pub(in crate::feed) fn has_any_with(&self, is_such: impl Fn(&Fingerprint) -> bool) -> bool {
        let slots = self.slots.pin();
        slots.iter().any(|(_, slot)| {
            slot.current.load().as_ref().is_some_and(|published| is_such(&published.fingerprint))
        })
    }

    pub(super) fn known_slot(&self, place: NamespaceRef<'_>) -> Option<Arc<CacheSlot>> {
        self.slots.pin().get(&SlotRef(place, self.folding)).cloned()
    }

    /// The slots of namespaces that have a gray release whose branch is this cluster.
    pub(super) fn parents(&self, place: NamespaceRef<'_>) -> Vec<(NamespaceKey, Arc<CacheSlot>)> {
        // No branch has this name, so most messages do not need to search all slots.
        if place.cluster == DEFAULT_CLUSTER {
            return Vec::new();
        }
        let is_parent = |(SlotKey { names, .. }, slot): &(&SlotKey, &Arc<CacheSlot>)| {
            let has_branch = |published: &Arc<Published>| {
                published.gray.iter().any(|gray| gray.branch == place.cluster)
            };
            names.app_id == place.app_id
                && names.namespace.eq_ignore_ascii_case(place.namespace)
                && slot.current.load().as_ref().is_some_and(has_branch)
        };
        let slots = self.slots.pin();
        let parents = slots.iter().filter(is_parent);
        let parents = parents.map(|(SlotKey { names, .. }, slot)| {
            (self.stored(NamespaceRef::of(names)), Arc::clone(slot))
        });
        parents.collect()
    }

    /// The names as the database has them, as far as that is known: a namespace without a
    /// definition is spelled as in its release messages. The tables may distinguish case all the
    /// same, and the first client may have written another one.
    pub(super) fn stored(&self, place: NamespaceRef<'_>) -> NamespaceKey {
        if !self.folding.namespaces {
            return place.to_key();
        }
        let NamespaceRef { app_id, cluster, namespace } = place;
        let stored = self.names.cluster(app_id, cluster);
        let place = NamespaceRef { cluster: stored.as_deref().unwrap_or(cluster), ..place };
        match self.names.namespace(app_id, namespace) {
            Some(namespace) => NamespaceRef { namespace: &namespace, ..place }.to_key(),
            None => {
                let announced = self.positions.namespace(&place.watch_key());
                let namespace = announced.as_deref().unwrap_or(namespace);
                NamespaceRef { namespace, ..place }.to_key()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::cache::bound::{cache_over, empty_store};
    use crate::feed::position::Positions;

    const STORED: NamespaceRef<'static> =
        NamespaceRef { app_id: "demo", cluster: "default", namespace: "undeclared" };

    /// The text with the letters in upper case whose bits are set.
    fn spelling(name: &str, bits: usize) -> String {
        let case = |(at, letter): (usize, char)| match (bits >> at) & 1 {
            0 => letter.to_ascii_lowercase(),
            _ => letter.to_ascii_uppercase(),
        };
        name.chars().enumerate().map(case).collect()
    }

    async fn cache(folds: bool, positions: Positions) -> Arc<ReleaseCache> {
        let mut cache = cache_over(empty_store().await, positions);
        if folds {
            cache.fold_namespaces();
        }
        Arc::new(cache)
    }

    /// S51: a message must not wait for as many reads as a client requests spellings.
    #[tokio::test]
    async fn all_spellings_of_a_namespace_have_one_slot_where_the_database_folds_names() {
        for (folds, slots) in [(true, 1), (false, 1000)] {
            let cache = cache(folds, Positions::default()).await;
            let spellings: Vec<_> = (0..1000).map(|bits| spelling("undeclared", bits)).collect();
            for namespace in &spellings {
                cache.get(NamespaceRef { namespace, ..STORED }).await.unwrap();
            }
            assert_eq!(cache.slots.len(), slots);
            cache.reload(STORED, 7).await.unwrap();
            let is_reloaded = |namespace: &&String| {
                let published = cache.peek(NamespaceRef { namespace, ..STORED }).unwrap();
                published.notification_id == 7
            };
            assert_eq!(spellings.iter().filter(is_reloaded).count(), 1000 / slots);
            assert_eq!((cache.slots.len(), cache.cached().len()), (slots, slots));
        }
    }

    #[tokio::test]
    async fn other_apps_and_clusters_have_slots_of_their_own() {
        let cache = cache(true, Positions::default()).await;
        for place in [
            STORED,
            NamespaceRef { app_id: "Demo", ..STORED },
            NamespaceRef { cluster: "Default", ..STORED },
            NamespaceRef { namespace: "undeclare", ..STORED },
        ] {
            assert!(cache.peek(place).is_none(), "{place:?}");
            cache.get(place).await.unwrap();
        }
        assert_eq!(cache.slots.len(), 4);
    }

    /// Its tables may distinguish case, and nobody may withhold a release by another spelling.
    #[tokio::test]
    async fn a_namespace_is_read_as_its_messages_spell_it() {
        for (folds, read) in [(true, "Undeclared"), (false, "undeclared")] {
            let positions = Positions::default();
            positions.advance("demo+default+Undeclared", 5);
            let cache = cache(folds, positions).await;
            cache.get(STORED).await.unwrap();
            assert_eq!(cache.cached()[0].0.namespace, read);
        }
    }
}
