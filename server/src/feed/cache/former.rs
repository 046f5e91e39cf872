//! Former releases by key, as bases of incremental answers; `None` for a key without a release.
//! The limit is on memory and not on their number, because a release has one value or thousands.
//! None are kept while the installation sends no incremental answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::published::Release;
use super::{ReleaseCache, load};
use crate::error::Result;
use crate::feed::byte_cache;
use crate::server_config::{ServerConfig, keys};

/// Memory for all of them, in bytes.
const CAPACITY: u64 = 16 * 1024 * 1024;
/// Number that the tables are sized for at the start.
const EXPECTED: usize = 1_000;
/// Bytes of the tables for one key, measured while they grow.
const SLOT: usize = 128;
/// Bytes of the counts of an `Arc`.
const COUNTS: usize = 16;
/// Bytes that a map needs for each entry that fits into it, beside two strings: the hash, and the
/// position in a table that is never full.
const MAP_ENTRY: usize = 24;

/// The cache.
#[derive(Debug)]
pub(super) struct FormerReleases {
    config: ServerConfig,
    releases: Cache<String, Option<Arc<Release>>, FormerSize>,
}

impl FormerReleases {
    pub(super) fn new(config: ServerConfig) -> Self {
        let options = byte_cache::options(EXPECTED, CAPACITY);
        let (hasher, lifecycle) = Default::default();
        Self { config, releases: Cache::with_options(options, FormerSize, hasher, lifecycle) }
    }

    pub(super) fn get(&self, key: &str) -> Option<Option<Arc<Release>>> {
        self.releases.get(key)
    }

    /// The same, without keeping it longer for that.
    fn peek(&self, key: &str) -> Option<Option<Arc<Release>>> {
        self.releases.peek(key)
    }

    /// Also drops what was kept before incremental answers were switched off.
    pub(super) fn insert(&self, key: String, release: Option<Arc<Release>>) {
        if self.config.get(&keys::INCREMENTS) {
            self.releases.insert(key, release);
        } else {
            self.releases.clear();
        }
    }

    pub(super) fn remove(&self, key: &str) {
        self.releases.remove(key);
    }
}

impl ReleaseCache {
    /// Keys of the former releases.
    pub(in crate::feed) fn former_keys(&self) -> BTreeSet<String> {
        self.former.releases.iter().map(|(key, _)| key).collect()
    }

    /// Compares a former release with the database, and returns whether it was another one. Clients
    /// may have either content, so none of them is a base any more.
    pub(in crate::feed) async fn correct_former(&self, key: &str) -> Result<bool> {
        let Some(known) = self.former.peek(key) else { return Ok(false) };
        // A release that was removed with its history is a base all the same.
        let Some(stored) = load::by_key(self.store.read(), key).await? else { return Ok(false) };
        let is_other = known.is_some_and(|known| known != stored);
        if is_other {
            self.rewritten.pin().insert(key.to_owned());
            self.former.remove(key);
        }
        Ok(is_other)
    }
}

/// Estimates the memory of an entry within a tenth: most releases are small, and the structures
/// around their texts are larger than these.
#[derive(Debug, Clone)]
struct FormerSize;

impl Weighter<String, Option<Arc<Release>>> for FormerSize {
    fn weight(&self, key: &String, release: &Option<Arc<Release>>) -> u64 {
        let release = release.as_deref().map_or(0, size);
        (SLOT + text(key) + release) as u64
    }
}

fn size(release: &Release) -> usize {
    let Release { release_key, key, configurations, .. } = release;
    let names = [release_key, &key.app_id, &key.cluster, &key.namespace].map(|name| text(name));
    let texts = configurations.iter().map(|(key, value)| text(key) + text(value));
    let entry = size_of::<(String, String)>() + MAP_ENTRY;
    COUNTS
        + size_of::<Release>()
        + names.iter().sum::<usize>()
        + configurations.capacity() * entry
        + texts.sum::<usize>()
}

/// The allocator rounds up to eight bytes, or to an eighth on average.
fn text(text: &str) -> usize {
    text.len() + text.len() / 8 + 8
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use castalia_core::protocol::namespace::NamespaceKey;
    use castalia_core::protocol::wire::Configurations;

    use super::*;

    fn release(number: usize, values: usize, length: usize) -> Arc<Release> {
        let mut configurations = Configurations::default();
        for value in 0..values {
            configurations.insert(format!("some.key.name.{value:05}"), "x".repeat(length));
        }
        Arc::new(Release {
            id: 1,
            release_key: key(number),
            key: NamespaceKey::new("load-0", "default", "application"),
            configurations,
            digest: 1,
            is_rewritten: false,
        })
    }

    fn key(number: usize) -> String {
        format!("20261123183835-{number:025x}")
    }

    /// What mimalloc needed for an entry, by the anonymous memory of a process with a full cache.
    #[test]
    fn a_release_is_charged_what_it_needs() {
        let weight = |values, length| {
            let release = release(0, values, length);
            FormerSize.weight(&key(0), &Some(release)) as f64
        };
        for (charged, measured) in [
            (FormerSize.weight(&key(0), &None) as f64, 173.0),
            (weight(1, 5), 768.0),
            (weight(100, 20), 15_700.0),
            (weight(1, 18_000), 21_700.0),
        ] {
            let ratio = charged / measured;
            assert!((0.9..1.1).contains(&ratio), "{charged} is charged for {measured} bytes");
        }
    }

    #[test]
    fn small_releases_leave_when_the_memory_is_used_up() {
        let on = (keys::INCREMENTS.name.to_owned(), "true".to_owned());
        let former = FormerReleases::new(ServerConfig::new(BTreeMap::from([on])));
        for number in 0..40_000 {
            former.insert(key(number), Some(release(number, 1, 5)));
        }
        let kept = former.releases.len();
        assert!((15_000..25_000).contains(&kept), "{kept}");
        assert!(former.releases.weight() <= CAPACITY);
    }

    #[test]
    fn nothing_is_kept_without_incremental_answers() {
        let config = ServerConfig::new(BTreeMap::new());
        let former = FormerReleases::new(config.clone());
        let insert = |number| former.insert(key(number), Some(release(number, 1, 5)));
        let switch = |text: &str| {
            config.replace(HashMap::from([(keys::INCREMENTS.name.to_owned(), text.to_owned())]));
        };
        insert(0);
        assert!(former.get(&key(0)).is_none());
        switch("true");
        insert(1);
        assert!(former.get(&key(1)).is_some());
        switch("false");
        insert(2);
        assert_eq!(former.releases.len(), 0);
    }
}
