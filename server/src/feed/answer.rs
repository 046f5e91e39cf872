//! Bodies of answers, serialised once. A body is found by the input that it depends on: release
//! keys identify immutable content, and a digest detects rows that were changed by hand. An entry
//! is therefore never stale and never needs to be invalidated. It may still be wrong, as after a
//! fault of the memory: reconciliation has each body compared with its releases now and then.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

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
const OVERHEAD: usize = 336;

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
struct CheckedBody {
    body: Bytes,
    /// The check in which it was serialised last.
    check: u64,
}

#[derive(Debug, Clone)]
struct Size;

impl Weighter<AnswerKey, CheckedBody> for Size {
    fn weight(&self, key: &AnswerKey, CheckedBody { body, .. }: &CheckedBody) -> u64 {
        let names: usize = key.names.iter().map(|name| name.len()).sum();
        (body.len() + key.release_key.len() + key.base_key.len() + names + OVERHEAD) as u64
    }
}

/// The cache of bodies.
#[derive(Debug)]
pub struct AnswerCache {
    bodies: Cache<AnswerKey, CheckedBody, Size, ahash::RandomState>,
    /// Number of the present check.
    check: AtomicU64,
}

impl Default for AnswerCache {
    fn default() -> Self {
        let options = byte_cache::options(EXPECTED, CAPACITY);
        let (hasher, lifecycle) = (ahash::RandomState::new(), Default::default());
        let bodies = Cache::with_options(options, Size, hasher, lifecycle);
        Self { bodies, check: AtomicU64::new(0) }
    }
}

impl AnswerCache {
    /// Has each body serialised again with its next request, and replaced if it was another one.
    pub(super) fn check_again(&self) {
        self.check.fetch_add(1, Ordering::AcqRel);
    }

    /// Returns the body for this input; `make` serialises it on the first request, and once for
    /// each check.
    pub fn get_or_make(
        &self,
        of: &Ingredients<'_>,
        make: impl FnOnce() -> Result<Vec<u8>>,
    ) -> Result<Bytes> {
        let check = self.check.load(Ordering::Acquire);
        let known = match self.bodies.get(of) {
            Some(known) if known.check == check => return Ok(known.body),
            known => known,
        };
        // Boxed, because the capacity of a vector may be twice the length that is charged.
        let made = Bytes::from(make()?.into_boxed_slice());
        let body = match known {
            // Clients that receive it share its memory.
            Some(known) if known.body == made => known.body,
            Some(_) => {
                report(of);
                made
            }
            None => made,
        };
        self.bodies.insert(of.into(), CheckedBody { body: body.clone(), check });
        Ok(body)
    }
}

fn report(of: &Ingredients<'_>) {
    metrics::counter!("castalia_reconciled_total", "what" => "answer").increment(1);
    tracing::warn!(
        form = of.form,
        release_key = of.release_key,
        "an answer in memory differed from its release; serialised it again"
    );
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

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
    fn a_wrong_body_is_replaced_and_counted_by_a_check() {
        let (answers, of) = (AnswerCache::default(), ingredients("k", "a"));
        let serve = |text: &str| answers.get_or_make(&of, || Ok(text.as_bytes().to_vec())).unwrap();
        let recorder = PrometheusBuilder::new().build_recorder();
        let counted = |count: &str| {
            let line = format!(r#"castalia_reconciled_total{{what="answer"}} {count}"#);
            recorder.handle().render().contains(&line)
        };
        let _recorder = metrics::set_default_local_recorder(&recorder);
        assert_eq!(serve("wrong"), "wrong");
        assert_eq!(serve("right"), "wrong", "not before a check");
        answers.check_again();
        let right = serve("right");
        assert!(right == "right" && counted("1"));
        answers.check_again();
        let same = serve("right");
        assert_eq!(same.as_ptr(), right.as_ptr(), "the memory of a right one is kept");
        assert!(counted("1"));
    }

    #[test]
    fn names_of_strangers_take_no_more_memory_than_bodies_may() {
        let answers = AnswerCache::default();
        for count in 0..10_000 {
            let name = format!("{count}-{}", "x".repeat(15_000));
            answers.get_or_make(&ingredients("k", &name), || Ok(b"body".to_vec())).unwrap();
        }
        assert!(answers.bodies.weight() <= CAPACITY, "{}", answers.bodies.weight());
        assert!(answers.bodies.len() <= CAPACITY as usize / 15_000, "{}", answers.bodies.len());
    }
}
