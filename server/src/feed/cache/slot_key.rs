//! The names of a slot. All spellings that the database considers the same lead to one slot: a
//! client may request any number of them.

use std::hash::{Hash, Hasher};

use castalia_store::{Dialect, Store};
use papaya::Equivalent;

use super::{NamespaceKey, NamespaceRef};
use crate::feed::folded::Folded;
use crate::feed::name::Names;

/// The names that are found without regard to ASCII case.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Folding {
    pub(super) clusters: bool,
    pub(super) namespaces: bool,
}

impl Folding {
    pub(super) fn of(store: &Store, names: &Names) -> Self {
        let namespaces = store.dialect() == Dialect::MySql;
        Self { clusters: namespaces && names.folds(), namespaces }
    }
}

/// The names in the spelling of the first request.
#[derive(Debug, Clone)]
pub(super) struct SlotKey {
    pub(super) names: NamespaceKey,
    folding: Folding,
}

/// The same, borrowed for a look-up.
#[derive(Debug, Clone, Copy)]
pub(super) struct SlotRef<'a>(pub(super) NamespaceRef<'a>, pub(super) Folding);

impl SlotRef<'_> {
    pub(super) fn to_key(self) -> SlotKey {
        SlotKey { names: self.0.to_key(), folding: self.1 }
    }
}

impl SlotKey {
    fn borrowed(&self) -> SlotRef<'_> {
        SlotRef(NamespaceRef::of(&self.names), self.folding)
    }
}

/// As exact as the comparison, so that strangers cannot fill the table with equal hashes.
impl Hash for SlotRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self(NamespaceRef { app_id, cluster, namespace }, folding) = self;
        app_id.hash(state);
        for (name, folds) in [(cluster, folding.clusters), (namespace, folding.namespaces)] {
            match folds {
                true => Folded([*name]).hash(state),
                false => name.hash(state),
            }
        }
    }
}

impl Hash for SlotKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrowed().hash(state);
    }
}

impl Equivalent<SlotKey> for SlotRef<'_> {
    fn equivalent(&self, key: &SlotKey) -> bool {
        let Self(place, folding) = self;
        let is_same = |one: &str, other: &str, folds: bool| {
            one == other || (folds && one.eq_ignore_ascii_case(other))
        };
        place.app_id == key.names.app_id
            && is_same(place.cluster, &key.names.cluster, folding.clusters)
            && is_same(place.namespace, &key.names.namespace, folding.namespaces)
    }
}

impl PartialEq for SlotKey {
    fn eq(&self, other: &Self) -> bool {
        self.borrowed().equivalent(other)
    }
}

impl Eq for SlotKey {}
