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

/// Changes that a host takes when it is told that there are some; no task is needed. A copy takes
/// between them the snapshots that are announced by none, because only their release key, origin or
/// order differs.
pub struct Polled {
    /// `None` once it has ended.
    stream: Option<ChangeStream>,
    waker: Waker,
    /// `None` if there is no copy, and once this is closed.
    copy: Option<HostCopy>,
}

/// A host's own copy of a namespace.
struct HostCopy {
    /// Keeps the namespace open.
    follower: Follower,
    view: View,
    /// The snapshot that was taken last; at first the one that the copy begins with.
    taken: Arc<Snapshot>,
    /// The event that was taken last, until the copy contains it.
    unapplied: Option<Arc<ChangeEvent>>,
}

/// What there is to take.
pub enum Step {
    /// A change; a copy becomes its snapshot.
    Change(Arc<ChangeEvent>),
    /// A newer snapshot of the copy that no change leads to.
    Unannounced(Arc<Snapshot>),
}

struct Alarm<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Alarm<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

impl Polled {
    /// The changes of a stream. `alarm` is called once for each time that nothing could be taken,
    /// when it is worth trying again.
    pub fn changes(stream: ChangeStream, alarm: impl Fn() + Send + Sync + 'static) -> Self {
        Self { stream: Some(stream), waker: Arc::new(Alarm(alarm)).into(), copy: None }
    }

    /// What a copy of the namespace follows: all its changes, and unannounced snapshots.
    pub fn copy(config: &Config, alarm: impl Fn() + Send + Sync + 'static) -> Self {
        let (taken, stream) = config.snapshot_and_changes();
        // Created last, so that it is never behind the values at the start.
        let follower = config.follow();
        let copy = HostCopy { follower, view: View::of(config), taken, unapplied: None };
        Self { copy: Some(copy), ..Self::changes(stream, alarm) }
    }

    /// The snapshot that the copy begins with, or that was taken last.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Arc<Snapshot>> {
        self.copy.as_ref().map(|copy| &copy.taken)
    }

    /// The next step, if there is one. Streams created by [`Polled::changes_after`] before
    /// [`Polled::applied`] begin with its change.
    pub fn take(&mut self) -> Option<Step> {
        // Read before the changes are: all changes before this snapshot are then among them, and
        // only the one that leads to it may still be on its way.
        let newest = self.copy.as_mut().map(|copy| copy.newest(&self.waker));
        let change = self.take_change();
        match (&mut self.copy, newest) {
            (Some(copy), Some(newest)) => copy.step(change, newest),
            _ => change.map(Step::Change),
        }
    }

    fn take_change(&mut self) -> Option<Arc<ChangeEvent>> {
        let stream = Pin::new(self.stream.as_mut()?);
        match stream.poll_next(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(None) => {
                self.stream = None;
                None
            }
            Poll::Ready(change) => change,
            Poll::Pending => None,
        }
    }

    /// The copy contains what was taken last.
    pub fn applied(&mut self) {
        if let Some(copy) = &mut self.copy {
            copy.unapplied = None;
        }
    }

    /// The changes from where the copy is.
    #[must_use]
    pub fn changes_after(&self, config: &Config) -> ChangeStream {
        match (&self.stream, &self.copy) {
            (Some(stream), Some(copy)) => config.changes_after(stream, copy.unapplied.clone()),
            _ => config.changes(),
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
        self.copy = None;
    }
}

impl HostCopy {
    /// The newest snapshot; the waker is called once there is a newer one.
    fn newest(&mut self, waker: &Waker) -> Arc<Snapshot> {
        let mut context = Context::from_waker(waker);
        // Until there is none, because the waker is only kept then. It outlives the future.
        while let Poll::Ready(Some(_)) = pin!(self.follower.next()).poll(&mut context) {}
        self.follower.snapshot().clone()
    }

    fn step(&mut self, change: Option<Arc<ChangeEvent>>, newest: Arc<Snapshot>) -> Option<Step> {
        self.unapplied = change;
        if let Some(event) = &self.unapplied {
            self.taken = event.snapshot().clone();
            return Some(Step::Change(event.clone()));
        }
        if !self.is_unannounced(&newest) {
            return None;
        }
        self.taken = newest.clone();
        Some(Step::Unannounced(newest))
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
        let mut copied = Polled::copy(&config, alarm);
        assert_eq!(copied.snapshot().unwrap().get("a"), Some("1"));
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
