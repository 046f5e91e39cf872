//! The changes of a namespace, taken one at a time. If there is none, a handler is called once
//! there is one; no task is needed.

use std::sync::Arc;

use castalia_core::ChangeEvent;
use castalia_core::host::copy::{Polled, Step};
use castalia_core::host::describe;
use napi::Either;
use napi_derive::napi;

use crate::view::View;

/// Changes from now on, or what JavaScript's copy of a namespace follows: all changes, and between
/// them the snapshots that are announced by none.
#[napi]
pub struct Stream {
    pub(crate) polled: Polled,
}

#[napi]
impl Stream {
    /// The snapshot that a copy begins with.
    #[napi(getter, catch_unwind)]
    pub fn begun(&self) -> Option<View> {
        Some(View { snapshot: self.polled.snapshot()?.clone() })
    }

    /// The next change, or the newest snapshot of a copy if no change leads to it. If there is
    /// neither, the handler is called once when it is worth calling this again. Streams created
    /// before `applied` begin with the change.
    #[napi(catch_unwind)]
    pub fn take(&mut self) -> Option<Either<Event, View>> {
        Some(match self.polled.take()? {
            Step::Change(event) => Either::A(Event { event }),
            Step::Unannounced(snapshot) => Either::B(View { snapshot }),
        })
    }

    /// The copy contains what was taken last.
    #[napi(catch_unwind)]
    pub fn applied(&mut self) {
        self.polled.applied();
    }

    /// Whether no more changes will follow.
    #[napi(getter, catch_unwind)]
    pub fn ended(&self) -> bool {
        self.polled.ended()
    }

    /// Unsubscribes.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.polled.close();
    }
}

/// One change event, kept until JavaScript has copied it.
#[napi]
pub struct Event {
    event: Arc<ChangeEvent>,
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
        View { snapshot: self.event.snapshot().clone() }
    }
}
