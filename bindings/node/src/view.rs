//! A snapshot, which JavaScript copies part by part.

use std::sync::Arc;

use castalia_core::Snapshot;
use castalia_core::host::describe;
use napi::Either;
use napi_derive::napi;

use crate::failure::{Failure, result_or_failure};
use crate::value::{self, Value};

/// A snapshot, kept until JavaScript has copied it.
#[napi]
pub struct View {
    snapshot: Arc<Snapshot>,
}

#[napi]
impl View {
    pub(crate) fn new(snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot }
    }

    /// The snapshot without its entries, as JSON.
    #[napi(getter, catch_unwind)]
    pub fn about(&self) -> String {
        describe::snapshot(&self.snapshot).to_string()
    }

    /// Keys and values in turn, in the server's order: at most `count` entries, starting at number
    /// `from`.
    #[napi(catch_unwind)]
    pub fn entries(&self, from: u32, count: u32) -> Vec<&str> {
        let chunk = self.snapshot.iter().skip(from as usize).take(count as usize);
        chunk.flat_map(|(key, value)| [key, value]).collect()
    }

    /// Whether this is the same snapshot.
    #[napi(catch_unwind)]
    pub fn is(&self, other: &View) -> bool {
        Arc::ptr_eq(&self.snapshot, &other.snapshot)
    }

    /// The namespace as one text.
    #[napi(getter, catch_unwind)]
    pub fn content(&self) -> Option<&str> {
        self.snapshot.content()
    }

    /// Parses the text of a value as a type that has this name; see `value::parse`.
    #[napi(catch_unwind)]
    pub fn parse(&self, kind: String, text: String, key: String) -> Either<Value, Failure> {
        let (rules, namespace) = (self.snapshot.read_rules(), self.snapshot.namespace());
        let parsed = value::parse(&kind, &text, rules);
        result_or_failure(
            parsed.map_err(|error| error.with("namespace", namespace).with("key", key)),
        )
    }

    /// Reports the value of this key as malformed.
    #[napi(catch_unwind)]
    pub fn note_malformed(&self, key: String) {
        self.snapshot.note_malformed(&key);
    }

    /// The value of a key that is not in the snapshot, such as an environment variable.
    #[napi(catch_unwind)]
    pub fn fallback_value(&self, key: String) -> Option<&str> {
        self.snapshot.get(&key)
    }
}
