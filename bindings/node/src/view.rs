//! A snapshot, which JavaScript copies part by part.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use castalia_core::Snapshot;
use napi_derive::napi;

/// A snapshot, kept until JavaScript has copied it.
#[napi]
pub struct View {
    snapshot: Arc<Snapshot>,
}

/// The properties of a snapshot beside its entries. The time is in milliseconds.
#[napi(object, object_from_js = false)]
#[derive(Clone)]
pub struct About {
    pub app_id: String,
    pub cluster: String,
    pub namespace: String,
    pub format: &'static str,
    pub source: &'static str,
    pub release_key: String,
    pub notification_id: i64,
    pub loaded_at: f64,
    pub size: u32,
}

#[napi]
impl View {
    pub(crate) fn new(snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot }
    }

    /// Identity of the snapshot.
    #[napi(getter, catch_unwind)]
    pub fn about(&self) -> About {
        about(&self.snapshot)
    }

    /// Keys and values in turn, in the server's order: at most `count` entries, starting at number
    /// `from`.
    #[napi(catch_unwind)]
    pub fn entries(&self, from: u32, count: u32) -> Vec<&str> {
        chunk(self.snapshot.iter(), from, count)
    }

    /// Whether this is the same snapshot.
    #[napi(catch_unwind)]
    pub fn is(&self, other: &View) -> bool {
        Arc::ptr_eq(&self.snapshot, &other.snapshot)
    }

    /// Whether keys and values are the same.
    #[napi(catch_unwind)]
    pub fn equals(&self, other: &View) -> bool {
        self.snapshot.iter().eq(other.snapshot.iter())
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

pub(crate) fn about(snapshot: &Snapshot) -> About {
    let identity = snapshot.identity();
    About {
        app_id: identity.app_id.clone(),
        cluster: identity.cluster.clone(),
        namespace: identity.namespace.clone(),
        format: snapshot.format().name(),
        source: snapshot.source().name(),
        release_key: snapshot.release_key().to_owned(),
        notification_id: snapshot.notification_id(),
        loaded_at: millis(snapshot.loaded_at()),
        size: u32::try_from(snapshot.len()).unwrap_or(u32::MAX),
    }
}

/// Some of the entries, as a flat list.
pub(crate) fn chunk<'a>(
    entries: impl Iterator<Item = (&'a str, &'a str)>,
    from: u32,
    count: u32,
) -> Vec<&'a str> {
    let chunk = entries.skip(from as usize).take(count as usize);
    chunk.flat_map(|(key, value)| [key, value]).collect()
}

pub(crate) fn millis(time: SystemTime) -> f64 {
    let seconds = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    };
    seconds * 1000.0
}
