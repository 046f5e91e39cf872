//! Changes for a host that polls them, and what a host's own copy of a namespace follows, so that
//! its reads return neither older nor newer values than the events before them, and never stay at
//! an old release.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures_util::stream::Stream as _;

use crate::change::ChangeEvent;
use crate::config::{Config, Follower};
use crate::host::open::View;
use crate::listener::ChangeStream;
use crate::snapshot::Snapshot;

/// Changes that a host takes when it is told that there are some; no task is needed.
pub struct Polled {
    /// `None` once it has ended.
    stream: Option<ChangeStream>,
    waker: Waker,
}

struct Alarm<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Alarm<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

impl Polled {
    /// `alarm` is called once for each time that nothing could be taken, when it is worth trying
    /// again.
    pub fn new(stream: ChangeStream, alarm: impl Fn() + Send + Sync + 'static) -> Self {
        Self { stream: Some(stream), waker: Arc::new(Alarm(alarm)).into() }
    }

    /// The next change, if there is one.
    pub fn take(&mut self) -> Option<Arc<ChangeEvent>> {
        let stream = Pin::new(self.stream.as_mut()?);
        match stream.poll_next(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(Some(event)) => Some(event),
            Poll::Ready(None) => {
                self.close();
                None
            }
            Poll::Pending => None,
        }
    }

    /// Whether no more changes will follow.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.stream.is_none()
    }

    /// Unsubscribes.
    pub fn close(&mut self) {
        self.stream = None;
    }
}

/// All changes of a namespace, and between them the snapshots that are announced by none, because
/// only their release key, origin or order differs.
pub struct Copied {
    changes: Polled,
    /// `None` once this is closed, because it keeps the namespace open.
    follower: Option<Follower>,
    view: View,
    /// The snapshot that was taken last; at first the one that the copy begins with.
    taken: Arc<Snapshot>,
    /// The event that was taken last, until the copy contains it.
    unapplied: Option<Arc<ChangeEvent>>,
}

/// What a copy becomes.
pub enum Step {
    /// The snapshot of a change.
    Change(Arc<ChangeEvent>),
    /// A newer snapshot that no change leads to.
    Unannounced(Arc<Snapshot>),
}

impl Copied {
    /// Follows a namespace; see [`Polled::new`].
    pub fn new(config: &Config, alarm: impl Fn() + Send + Sync + 'static) -> Self {
        let (taken, stream) = config.snapshot_and_changes();
        let changes = Polled::new(stream, alarm);
        // Created last, so that it is never behind the values at the start.
        let follower = Some(config.follow());
        Self { changes, follower, view: View::of(config), taken, unapplied: None }
    }

    /// The snapshot that the copy begins with, or that was taken last.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.taken
    }

    /// The next step of the copy, if there is one. Streams created before [`Copied::applied`] begin
    /// with its change.
    pub fn take(&mut self) -> Option<Step> {
        // Read before the changes are: all changes before this snapshot are then among them, and
        // only the one that leads to it may still be on its way.
        let newest = self.newest();
        self.unapplied = self.changes.take();
        if let Some(event) = &self.unapplied {
            self.taken = event.snapshot().clone();
            return Some(Step::Change(event.clone()));
        }
        self.taken = newest.filter(|newest| self.is_unannounced(newest))?;
        Some(Step::Unannounced(self.taken.clone()))
    }

    /// The copy contains what was taken last.
    pub fn applied(&mut self) {
        self.unapplied = None;
    }

    /// The changes from where the copy is.
    #[must_use]
    pub fn changes_after(&self, config: &Config) -> ChangeStream {
        match &self.changes.stream {
            Some(stream) => config.changes_after(stream, self.unapplied.clone()),
            None => config.changes(),
        }
    }

    /// Whether no more changes will follow.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.changes.ended()
    }

    /// Ends it.
    pub fn close(&mut self) {
        self.changes.close();
        self.follower = None;
    }

    /// The newest snapshot; the alarm is called once there is a newer one.
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
        let same = match self.view {
            View::Values => same_values,
            View::Text => same_text,
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::in_memory::InMemory;

    #[tokio::test]
    async fn a_copy_takes_each_change_until_it_is_closed() {
        let memory = InMemory::new().unwrap();
        memory.publish("application", [("a", "1"), ("b", "1")]).await.unwrap();
        let config = memory.client().config("application").await.unwrap();
        let alarms = Arc::new(AtomicUsize::new(0));
        let count = alarms.clone();
        let alarm = move || {
            count.fetch_add(1, Ordering::SeqCst);
        };
        let mut copied = Copied::new(&config, alarm);
        assert_eq!(copied.snapshot().get("a"), Some("1"));
        assert!(copied.take().is_none());

        memory.set("application", "a", "2").await.unwrap();
        assert!(alarms.load(Ordering::SeqCst) > 0);
        assert!(matches!(copied.take(), Some(Step::Change(_))));
        let mut beside = copied.changes_after(&config);
        assert!(beside.next().await.unwrap().change("a").is_some(), "not applied yet");
        copied.applied();
        assert!(copied.take().is_none());

        copied.close();
        assert!(copied.ended() && copied.take().is_none());
    }

    #[test]
    fn no_change_leads_to_a_snapshot_with_the_same_values_in_another_order() {
        let sample = |values: &[_]| Snapshot::sample("application", "1", values);
        let old = sample(&[("a", "1"), ("b", "2")]);
        for (values, same) in [([("b", "2"), ("a", "1")], true), ([("a", "1"), ("b", "3")], false)]
        {
            let new = sample(&values);
            assert_eq!((same_values(&old, &new), same_text(&old, &new)), (same, same));
        }
        assert!(!same_values(&old, &sample(&[("a", "1")])));
    }
}
