//! One change event, from which JavaScript creates its own.

use std::sync::Arc;

use castalia_core::ChangeEvent;
use castalia_core::host::describe;
use napi_derive::napi;

use crate::view::View;

/// One change event, kept until JavaScript has copied it.
#[napi]
pub struct Event {
    pub(crate) event: Arc<ChangeEvent>,
}

#[napi]
impl Event {
    /// The event without its changes and its snapshot, as JSON.
    #[napi(getter, catch_unwind)]
    pub fn about(&self) -> String {
        describe::event(&self.event).to_string()
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
