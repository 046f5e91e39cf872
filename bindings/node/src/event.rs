//! One change event, from which JavaScript creates its own.

use std::sync::Arc;

use castalia_core::ChangeEvent;
use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::object::{number, object};
use crate::view::View;

/// One change event, kept until JavaScript has copied it.
#[napi]
pub struct Event {
    event: Arc<ChangeEvent>,
}

#[napi]
impl Event {
    pub(crate) fn new(event: Arc<ChangeEvent>) -> Self {
        Self { event }
    }

    /// Number of changes.
    #[napi(getter, catch_unwind)]
    pub fn size(&self) -> u32 {
        u32::try_from(self.event.changes().len()).unwrap_or(u32::MAX)
    }

    /// The event without its changes and its snapshot.
    #[napi(catch_unwind)]
    pub fn fields<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let event = &self.event;
        let identity = event.identity();
        object!(env, {
            "appId": identity.app_id.as_str(),
            "namespace": identity.namespace.as_str(),
            "interestedKeys": event.interested_keys().to_vec(),
            "oldReleaseKey": event.old_release_key(),
            "releaseKey": event.release_key(),
            "source": event.source().name(),
            "sequence": number(event.sequence()),
            "coalesced": number(event.coalesced()),
        })
    }

    /// Key, old value, new value and type of each change in turn: at most `count` changes, starting
    /// at number `from`.
    #[napi(catch_unwind)]
    pub fn changes(&self, from: u32, count: u32) -> Vec<Option<&str>> {
        let changes = self.event.changes().iter();
        let chunk = changes.skip(from as usize).take(count as usize);
        let words = chunk.map(|(key, change)| {
            let (old, new) = (change.old_value.as_deref(), change.new_value.as_deref());
            [Some(key.as_str()), old, new, Some(change.change_type.name())]
        });
        words.flatten().collect()
    }

    /// The snapshot after the change.
    #[napi(getter, catch_unwind)]
    pub fn view(&self) -> View {
        View::new(self.event.snapshot().clone())
    }
}
