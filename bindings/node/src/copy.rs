//! What JavaScript's copy of a namespace follows, so that reads return neither older nor newer
//! values than the events before them, and never stay at an old release.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use castalia_core::host::open::View as Reading;
use castalia_core::{ChangeEvent, ChangeStream, Config, Follower, Snapshot};
use napi::Either;
use napi_derive::napi;

use crate::event::Event;
use crate::mailbox::Post;
use crate::stream::Stream;
use crate::view::View;

/// All changes of a namespace, and between them the snapshots that are announced by none, because
/// only their release key, origin or order differs.
#[napi]
pub struct CopyStream {
    changes: Stream,
    /// `None` once this is closed, because it keeps the namespace open.
    follower: Option<Follower>,
    reading: Reading,
    /// The snapshot that was taken last; at first the one that the copy begins with.
    taken: Arc<Snapshot>,
    /// The event that was taken last, until the copy contains it.
    unapplied: Option<Arc<ChangeEvent>>,
}

#[napi]
impl CopyStream {
    pub(crate) fn new(config: &Config, post: &Arc<Post>, id: i64) -> Self {
        let (taken, stream) = config.snapshot_and_changes();
        let changes = Stream::new(stream, post, id);
        // Created last, so that it is never behind the values at the start.
        let follower = Some(config.follow());
        Self { changes, follower, reading: Reading::of(config), taken, unapplied: None }
    }

    /// The position of the copy; `None` once the changes have ended.
    pub(crate) fn position(&self) -> Option<(&ChangeStream, Option<Arc<ChangeEvent>>)> {
        Some((self.changes.stream.as_ref()?, self.unapplied.clone()))
    }

    /// The snapshot that the copy begins with.
    #[napi(getter, catch_unwind)]
    pub fn begun(&self) -> View {
        View::new(self.taken.clone())
    }

    /// The next change, or the newest snapshot if no change leads to it. If there is neither, the
    /// handler is called when it is worth calling this again. Streams created before `applied`
    /// begin with the change.
    #[napi(catch_unwind)]
    pub fn take(&mut self) -> Option<Either<Event, View>> {
        // Read before the changes are: all changes before this snapshot are then among them, and
        // only the one that leads to it may still be on its way.
        let newest = self.newest();
        self.unapplied = self.changes.next();
        if let Some(event) = &self.unapplied {
            self.taken = event.snapshot().clone();
            return Some(Either::A(Event::new(event.clone())));
        }
        self.taken = newest.filter(|newest| self.is_unannounced(newest))?;
        Some(Either::B(View::new(self.taken.clone())))
    }

    /// The copy contains what was taken last.
    #[napi(catch_unwind)]
    pub fn applied(&mut self) {
        self.unapplied = None;
    }

    /// Whether no more changes will follow.
    #[napi(getter, catch_unwind)]
    pub fn ended(&self) -> bool {
        self.changes.ended()
    }

    /// Unsubscribes.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.changes.close();
        self.follower = None;
    }

    /// The newest snapshot; the handler is called once there is a newer one.
    fn newest(&mut self) -> Option<Arc<Snapshot>> {
        let follower = self.follower.as_mut()?;
        let mut context = Context::from_waker(&self.changes.waker);
        // Until there is none, because the waker is only kept then. It outlives the future.
        while let Poll::Ready(Some(_)) = pin!(follower.next()).poll(&mut context) {}
        Some(follower.snapshot().clone())
    }

    /// Whether this is another snapshot than the one that was taken last, and no change leads from
    /// that to this.
    fn is_unannounced(&self, newest: &Arc<Snapshot>) -> bool {
        let same = match self.reading {
            Reading::Values => same_values,
            Reading::Text => same_text,
        };
        !Arc::ptr_eq(&self.taken, newest) && same(&self.taken, newest)
    }
}

/// Whether reads of all keys return the same. A deleted key may keep the value that it has in the
/// environment.
fn same_values(old: &Snapshot, new: &Snapshot) -> bool {
    let is_part = |one: &Snapshot, other: &Snapshot| {
        one.iter().all(|(key, value)| other.get(key) == Some(value))
    };
    is_part(old, new) && is_part(new, old)
}

/// Whether the texts are the same, apart from the order of properties.
fn same_text(old: &Snapshot, new: &Snapshot) -> bool {
    if old.format().is_document() {
        return old.content() == new.content();
    }
    lines(old) == lines(new)
}

fn lines(properties: &Snapshot) -> Vec<&str> {
    let mut lines: Vec<_> = properties.content().unwrap_or_default().split('\n').collect();
    lines.sort_unstable();
    lines
}
