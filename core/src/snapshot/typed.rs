//! Typed reads of a snapshot. Values that are expensive to parse are cached in the snapshot and
//! dropped with it.

use std::any::Any;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use serde::de::DeserializeOwned;
use tracing::warn;

use super::Snapshot;
use crate::error::{Error, ErrorKind, Result};
use crate::format::structure;
use crate::format::value::{self, FromValue};
use crate::protocol::namespace::Format;

/// Parsed values, by the index of their key. Each slot holds an `Option<T>`, `None` for a malformed
/// value. The first type that a key is read as owns its slot; reads as other types parse every
/// time.
#[derive(Default)]
pub(super) struct TypedCache {
    // Allocated at the first cached read: most snapshots are replaced without one.
    slots: OnceLock<Box<[Slot]>>,
    cached: AtomicUsize,
    /// Keys whose malformed values were reported. Replaced as a whole instead of locked, so that a
    /// forked child never finds a lock held.
    reported: ArcSwapOption<HashSet<String>>,
}

type Slot = OnceLock<Box<dyn Any + Send + Sync>>;

impl Snapshot {
    /// A typed value, or the default if the key is missing or its value malformed. A malformed
    /// value is logged once for each release.
    pub fn get_or<T: FromValue>(&self, key: &str, default: T) -> T {
        self.typed(key).flatten().unwrap_or(default)
    }

    /// A typed value; `None` if the key is missing.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`] if the value is malformed.
    pub fn try_get<T: FromValue>(&self, key: &str) -> Result<Option<T>> {
        match self.typed(key) {
            Some(None) => Err(self.malformed(key, T::EXPECTED)),
            found => Ok(found.flatten()),
        }
    }

    /// Splits a value at a literal delimiter; `None` if the key is missing. Trailing empty parts
    /// are dropped, as `String.split` does in Java.
    #[must_use]
    pub fn get_list(&self, key: &str, delimiter: &str) -> Option<Vec<String>> {
        self.list(key, delimiter, false)
    }

    /// Like [`Snapshot::get_list`], with white space trimmed from each part.
    #[must_use]
    pub fn get_trimmed_list(&self, key: &str, delimiter: &str) -> Option<Vec<String>> {
        self.list(key, delimiter, true)
    }

    fn list(&self, key: &str, delimiter: &str, trim: bool) -> Option<Vec<String>> {
        let parts = value::list(self.get(key)?, delimiter, trim);
        Some(parts.into_iter().map(str::to_owned).collect())
    }

    /// A value that is JSON text; `None` if the key is missing. Parsed once for each release.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`] if the text is not JSON of this type.
    pub fn get_json<T>(&self, key: &str) -> Result<Option<T>>
    where
        T: DeserializeOwned + Clone + Send + Sync + 'static,
    {
        // The cause is dropped: serde quotes the value, which may be a secret.
        match self.parsed(key, true, |text| serde_json::from_str::<T>(text).ok()) {
            Some(None) => Err(self.malformed(key, "the value is not JSON of the requested type")),
            found => Ok(found.flatten()),
        }
    }

    /// Deserializes the whole namespace: a JSON document as it is, any other namespace from its
    /// keys, where dots and brackets address nested fields and list items. Keys of more than 128
    /// such parts are ignored.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`] if the namespace does not fit the structure.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        let read = match self.format() {
            Format::Json => {
                serde_json::from_str(self.content().unwrap_or_default()).map_err(|error| {
                    let text = "the document does not match the structure";
                    Error::new(ErrorKind::Parse, "read structure", text).caused_by(error)
                })
            }
            _ => structure::read(self.values(), self.context.rules),
        };
        read.map_err(|error| error.with("namespace", self.namespace()))
    }

    fn typed<T: FromValue>(&self, key: &str) -> Option<Option<T>> {
        self.parsed(key, T::CACHED, |text| T::read(text, self.context.rules))
    }

    /// The parsed value: `None` if the key is missing, `Some(None)` if its value is malformed.
    fn parsed<T: Clone + Send + Sync + 'static>(
        &self,
        key: &str,
        cache: bool,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Option<T>> {
        let found = self.index_of(key).and_then(|index| Some((index, self.value_at(index)?)));
        // A fallback value has no index and therefore no slot: it is parsed each time.
        let Some((index, text)) = found else {
            return self.context.lookup.fallback_value(key).map(parse);
        };
        let slot = || self.parsed.slot(index, self.len());
        if cache
            && let Some(cached) = slot().get().and_then(|cached| cached.downcast_ref::<Option<T>>())
        {
            return Some(cached.clone());
        }
        let parsed = parse(text);
        let malformed = parsed.is_none();
        // A malformed value takes a slot even if its type is not cached, so that it is reported
        // only once.
        let is_free = || slot().get().is_none();
        if (cache || malformed) && is_free() && self.parsed.reserve(self.context.typed_cache) {
            let first = slot().set(Box::new(parsed.clone())).is_ok();
            if first && malformed {
                self.note_malformed(key);
            }
        }
        Some(parsed)
    }

    /// The value of a key parsed by a function, which returns `None` for a malformed one. Nothing
    /// is cached.
    pub(crate) fn get_with<T>(&self, key: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = read(self.get(key)?);
        if value.is_none() {
            // Reports it, unless that was done for this snapshot.
            self.parsed::<()>(key, false, |_| None);
        }
        value
    }

    /// Logs and counts a value that could not be parsed as the requested type, once for each key.
    /// For bindings that parse values themselves.
    pub fn note_malformed(&self, key: &str) {
        if !self.parsed.is_first_report(key) {
            return;
        }
        self.context.malformed.fetch_add(1, Ordering::Relaxed);
        let namespace = self.namespace();
        warn!(namespace, key, "malformed value; using the caller's default");
    }

    /// Number of malformed values since the namespace was opened.
    pub(crate) fn malformed_reads(&self) -> u64 {
        self.context.malformed.load(Ordering::Relaxed)
    }

    /// The error of a value that could not be parsed as the requested type; `expected` says what it
    /// is not.
    #[must_use]
    pub fn malformed(&self, key: &str, expected: &str) -> Error {
        Error::new(ErrorKind::Parse, "read value", expected)
            .with("namespace", self.namespace())
            .with("key", key)
    }
}

impl TypedCache {
    fn slot(&self, index: usize, len: usize) -> &Slot {
        let slots = self.slots.get_or_init(|| (0..len).map(|_| Slot::new()).collect());
        &slots[index]
    }

    /// Reserves one of `capacity` cache entries; false if all are in use.
    fn reserve(&self, capacity: usize) -> bool {
        // The load comes first so that reads of a full cache do not contend for the counter. Racing
        // threads may exceed the capacity by a few entries, which only costs memory.
        self.cached.load(Ordering::Relaxed) < capacity
            && self.cached.fetch_add(1, Ordering::Relaxed) < capacity
    }

    fn is_first_report(&self, key: &str) -> bool {
        let has_key = |known: &HashSet<String>| known.contains(key);
        if self.reported.load().as_deref().is_some_and(has_key) {
            return false;
        }
        let before = self.reported.rcu(|known| {
            let mut known = known.as_deref().cloned().unwrap_or_default();
            known.insert(key.to_owned());
            Some(Arc::new(known))
        });
        !before.as_deref().is_some_and(has_key)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn missing_is_told_from_malformed() {
        let snapshot = Snapshot::sample("application", "k1", &[("n", "abc")]);
        assert_eq!(snapshot.get_or("n", 7), 7);
        assert_eq!(snapshot.try_get::<i32>("n").unwrap_err().kind(), ErrorKind::Parse);
        assert_eq!(snapshot.try_get::<i32>("missing").unwrap(), None);
    }

    #[test]
    fn a_key_may_be_read_as_several_types() {
        let snapshot = Snapshot::sample("application", "k1", &[("t", "90")]);
        for _ in 0..3 {
            assert_eq!(snapshot.get_or("t", Duration::ZERO), Duration::from_millis(90));
            assert_eq!(snapshot.get_or("t", 0.0), 90.0);
            assert_eq!(snapshot.get_or("t", 0u8), 90);
        }
    }

    #[test]
    fn json_is_parsed_once_and_told_from_malformed() {
        let values = [("list", "[1, 2,3]"), ("bad", "{")];
        let snapshot = Snapshot::sample("application", "k1", &values);
        for _ in 0..2 {
            let list = snapshot.get_json::<Vec<u8>>("list").unwrap();
            assert_eq!(list, Some(vec![1, 2, 3]));
        }
        assert_eq!(snapshot.get_json::<Vec<u8>>("bad").unwrap_err().kind(), ErrorKind::Parse);
        assert_eq!(snapshot.get_json::<Vec<u8>>("none").unwrap(), None);
        let parts = |parts: [&str; 3]| Some(parts.map(str::to_owned).to_vec());
        assert_eq!(snapshot.get_list("list", ","), parts(["[1", " 2", "3]"]));
        assert_eq!(snapshot.get_trimmed_list("list", ","), parts(["[1", "2", "3]"]));
    }

    #[test]
    fn a_malformed_value_is_reported_once() {
        let snapshot = Snapshot::sample("application", "k1", &[("n", "abc"), ("m", "abc")]);
        for _ in 0..2 {
            assert_eq!(snapshot.get_or("n", 7), 7);
            snapshot.note_malformed("n");
            snapshot.note_malformed("m");
            snapshot.note_malformed("from the environment");
        }
        assert_eq!(snapshot.malformed_reads(), 3);
    }

    #[test]
    fn no_more_values_are_kept_than_allowed() {
        let parsed = TypedCache::default();
        let granted = (0..10).filter(|_| parsed.reserve(3)).count();
        assert_eq!(granted, 3);
    }
}
