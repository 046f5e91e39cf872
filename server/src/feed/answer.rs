//! Bodies of answers, serialised once. A body is found by the input that it depends on: release
//! keys identify immutable content, and a digest detects rows that were changed by hand. An entry
//! is therefore never stale and never needs to be invalidated.

use std::hash::{Hash, Hasher};

use bytes::Bytes;
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

use super::byte_cache;
use crate::error::Result;

/// Memory for bodies, in bytes. Bodies that do not fit are serialised again for each request. A
/// client of a public namespace chooses the cluster that its answer repeats, so unknown clients can
/// fill this memory; `docs/bounds.md` adds it to the total.
const CAPACITY: u64 = 16 * 1024 * 1024;
/// Number of bodies that the tables of the cache are sized for.
const EXPECTED: usize = 20_000;
/// Bytes that a body needs beside its text and names: its key, its entry in the tables, and the
/// headers of six allocations.
const OVERHEAD: usize = 320;

/// The input that determines a body.
#[derive(Debug, Clone, Copy)]
pub struct Ingredients<'a> {
    /// Format of the answer: its endpoint, and whether it is full or incremental.
    pub form: &'static str,
    /// Release keys joined with `+`.
    pub release_key: &'a str,
    /// Digest of the content, in case a release was changed by hand and kept its key.
    pub digest: u64,
    /// Release key that an incremental answer is based on.
    pub base_key: &'a str,
    /// Names that the answer repeats in the client's spelling.
    pub names: [&'a str; 3],
}

#[derive(Debug, PartialEq, Eq)]
struct AnswerKey {
    form: &'static str,
    digest: u64,
    release_key: Box<str>,
    base_key: Box<str>,
    names: [Box<str>; 3],
}

impl AnswerKey {
    fn ingredients(&self) -> Ingredients<'_> {
        let [app_id, cluster, namespace] = &self.names;
        Ingredients {
            form: self.form,
            digest: self.digest,
            release_key: &self.release_key,
            base_key: &self.base_key,
            names: [app_id, cluster, namespace],
        }
    }
}

impl From<&Ingredients<'_>> for AnswerKey {
    fn from(of: &Ingredients<'_>) -> Self {
        Self {
            form: of.form,
            digest: of.digest,
            release_key: of.release_key.into(),
            base_key: of.base_key.into(),
            names: of.names.map(Into::into),
        }
    }
}

impl Hash for Ingredients<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.form.hash(state);
        self.release_key.hash(state);
        self.base_key.hash(state);
        self.names.hash(state);
    }
}

impl Hash for AnswerKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.ingredients().hash(state);
    }
}

impl Equivalent<AnswerKey> for Ingredients<'_> {
    fn equivalent(&self, key: &AnswerKey) -> bool {
        let other = key.ingredients();
        self.release_key == other.release_key
            && self.names == other.names
            && self.form == other.form
            && self.digest == other.digest
            && self.base_key == other.base_key
    }
}

#[derive(Debug, Clone)]
struct Size;

impl Weighter<AnswerKey, Bytes> for Size {
    fn weight(&self, key: &AnswerKey, body: &Bytes) -> u64 {
        let names: usize = key.names.iter().map(|name| name.len()).sum();
        (body.len() + key.release_key.len() + key.base_key.len() + names + OVERHEAD) as u64
    }
}

/// The cache of bodies.
#[derive(Debug)]
pub struct AnswerCache(Cache<AnswerKey, Bytes, Size, ahash::RandomState>);

impl Default for AnswerCache {
    fn default() -> Self {
        let options = byte_cache::options(EXPECTED, CAPACITY);
        Self(Cache::with_options(options, Size, ahash::RandomState::new(), Default::default()))
    }
}

impl AnswerCache {
    /// Returns the body for this input; `make` serialises it on the first request.
    pub fn get_or_make(
        &self,
        of: &Ingredients<'_>,
        make: impl FnOnce() -> Result<Vec<u8>>,
    ) -> Result<Bytes> {
        if let Some(body) = self.0.get(of) {
            return Ok(body);
        }
        // Boxed, because the capacity of a vector may be twice the length that is charged.
        let body = Bytes::from(make()?.into_boxed_slice());
        self.0.insert(of.into(), body.clone());
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ingredients<'a>(release_key: &'a str, namespace: &'a str) -> Ingredients<'a> {
        Ingredients {
            form: "config",
            release_key,
            digest: 0,
            base_key: "",
            names: ["demo", "default", namespace],
        }
    }

    #[test]
    fn a_body_is_made_once_for_the_same_ingredients() {
        let answers = AnswerCache::default();
        let make = |text: &'static str| move || Ok(text.as_bytes().to_vec());
        assert_eq!(answers.get_or_make(&ingredients("k1", "a"), make("one")).unwrap(), "one");
        assert_eq!(answers.get_or_make(&ingredients("k1", "a"), make("two")).unwrap(), "one");
        assert_eq!(answers.get_or_make(&ingredients("k2", "a"), make("two")).unwrap(), "two");
        assert_eq!(answers.get_or_make(&ingredients("k1", "A"), make("three")).unwrap(), "three");
    }

    #[test]
    fn a_large_body_is_made_once_however_many_processors_there_are() {
        let answers = AnswerCache::default();
        let of = ingredients("k", "a");
        let make = || Ok(vec![b'x'; 3 << 20]);
        let first = answers.get_or_make(&of, make).unwrap();
        let again = answers.get_or_make(&of, || panic!("made again")).unwrap();
        assert_eq!(first.as_ptr(), again.as_ptr());
    }

    #[test]
    fn names_of_strangers_take_no_more_memory_than_bodies_may() {
        let answers = AnswerCache::default();
        for count in 0..10_000 {
            let name = format!("{count}-{}", "x".repeat(15_000));
            answers.get_or_make(&ingredients("k", &name), || Ok(b"body".to_vec())).unwrap();
        }
        assert!(answers.0.weight() <= CAPACITY, "{}", answers.0.weight());
        assert!(answers.0.len() <= CAPACITY as usize / 15_000, "{}", answers.0.len());
    }
}
