//! A snapshot, which JavaScript copies part by part.

use std::sync::Arc;

use castalia_core::Snapshot;
use castalia_core::host::read::epoch_millis;
use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::object::object;

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

    /// The properties of the snapshot beside its entries. The time is in milliseconds.
    #[napi(getter, catch_unwind)]
    pub fn about<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let snapshot = &self.snapshot;
        let identity = snapshot.identity();
        object!(env, {
            "appId": identity.app_id.as_str(),
            "cluster": identity.cluster.as_str(),
            "namespace": identity.namespace.as_str(),
            "format": snapshot.format().name(),
            "source": snapshot.source().name(),
            "releaseKey": snapshot.release_key(),
            "notificationId": snapshot.notification_id(),
            "loadedAt": epoch_millis(snapshot.loaded_at()),
            "size": u32::try_from(snapshot.len()).unwrap_or(u32::MAX),
        })
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
