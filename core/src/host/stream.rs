//! What a host takes one at a time: changes and newer snapshots of a namespace, and what threads of
//! the client pass to it. Each `next` waits, and nothing is lost when its future is dropped.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{self, Arc, PoisonError, Weak};
use std::task::{Context, Poll};

use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::change::{ChangeEvent, Interest};
use crate::config::Follower;
use crate::error::Result;
use crate::host::open::{Opened, View};
use crate::listener::ChangeStream;
use crate::process_local::ProcessLocal;
use crate::snapshot::Snapshot;

/// Changes of a namespace, until it or this is closed.
///
/// ```
/// use castalia_core::InMemory;
/// use castalia_core::host::stream::Changes;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// let changes = Changes::new(memory.client().config("application").await?.changes());
/// memory.set("application", "a", "1").await?;
/// assert!(changes.next().await?.is_some());
/// changes.close();
/// assert!(changes.next().await?.is_none());
/// # Ok(())
/// # }
/// ```
pub struct Changes {
    /// A forked child has neither the task that waits nor the thread that may hold a lock.
    shared: ProcessLocal<Shared>,
}

struct Shared {
    stream: Arc<Mutex<ChangeStream>>,
    /// What [`Changes::next_after`] returned last.
    last: Arc<sync::Mutex<Option<Arc<ChangeEvent>>>>,
    closed: CancellationToken,
}

impl Changes {
    /// The changes of a stream.
    #[must_use]
    pub fn new(stream: ChangeStream) -> Self {
        Self::until(stream, CancellationToken::new())
    }

    fn until(stream: ChangeStream, closed: CancellationToken) -> Self {
        let (stream, last) = (Arc::new(Mutex::new(stream)), Arc::default());
        Self { shared: ProcessLocal::new(Shared { stream, last, closed }) }
    }

    /// Whether this process was forked since the stream was created, so that it has ended.
    fn is_inherited(&self) -> bool {
        !self.shared.belongs_to_this_process()
    }

    /// The next change; `None` at the end. Of several waits, each change ends one.
    ///
    /// # Errors
    /// None; a result, so that it is run as other calls are.
    pub fn next(&self) -> impl Future<Output = Result<Option<Arc<ChangeEvent>>>> + Send + 'static {
        let shared = (!self.is_inherited())
            .then(|| (self.shared.stream.clone(), self.shared.closed.clone()));
        async move {
            let Some((stream, closed)) = shared else { return Ok(None) };
            let next = async { stream.lock().await.next().await };
            Ok(closed.run_until_cancelled(next).await.flatten())
        }
    }

    /// Like [`Changes::next`], for a host that may fail to take a change over: the last one is
    /// returned again, unless its sequence number is at most `taken`. Not called while another call
    /// waits.
    ///
    /// # Errors
    /// None; a result, so that it is run as other calls are.
    pub fn next_after(
        &self,
        taken: u64,
    ) -> impl Future<Output = Result<Option<Arc<ChangeEvent>>>> + Send + 'static {
        let last = (!self.is_inherited()).then(|| self.shared.last.clone());
        let next = self.next();
        async move {
            let Some(last) = last else { return Ok(None) };
            let again = lock(&last).take().filter(|event| event.sequence() > taken);
            let event = match again {
                Some(event) => Some(event),
                None => next.await?,
            };
            lock(&last).clone_from(&event);
            Ok(event)
        }
    }

    /// Ends the stream and every wait for a change; those that still wait are dropped.
    pub fn close(&self) {
        if !self.is_inherited() {
            self.shared.closed.cancel();
        }
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        // Otherwise a task would wait on, and keep the subscription, until the next event.
        self.close();
    }
}

/// Newer snapshots of a namespace, also those that no change leads to, because only their release
/// key, source or order differs.
pub struct Newer {
    /// `None` once it has ended, because it keeps the namespace open and the client running.
    follower: sync::Mutex<Option<Follower>>,
}

impl Newer {
    /// Waits for a snapshot that is newer than the last one, which is then read from the namespace;
    /// false at the end.
    ///
    /// # Errors
    /// None; a result, so that it is run as other calls are.
    pub fn next(self: &Arc<Self>) -> impl Future<Output = Result<bool>> + Send + 'static {
        let newer = self.clone();
        async move { Ok(poll_fn(|context| newer.poll_next(context)).await) }
    }

    fn poll_next(&self, context: &mut Context<'_>) -> Poll<bool> {
        match lock(&self.follower).as_mut() {
            Some(follower) => pin!(follower.next()).poll(context).map(|newer| newer.is_some()),
            None => Poll::Ready(false),
        }
    }

    fn end(&self) {
        let follower = lock(&self.follower).take();
        drop(follower);
    }
}

/// Everything that a host takes from one namespace. What follows it ends with this; changes still
/// come, until they are ended.
#[derive(Default)]
pub struct Streams {
    following: sync::Mutex<Vec<Weak<Newer>>>,
    ended: CancellationToken,
    /// The snapshot that the host has.
    renewed: sync::Mutex<Option<Arc<Snapshot>>>,
}

impl Streams {
    /// The current snapshot and how it is read; `None` once the namespace is closed, and if it was
    /// returned last, unless it is requested `again`, because the host failed to take it over.
    pub fn renewed(&self, opened: &Opened, again: bool) -> Option<(Arc<Snapshot>, View)> {
        let mut renewed = lock(&self.renewed);
        let config = opened.config().ok()?;
        let newest = config.snapshot();
        if !again && renewed.as_ref().is_some_and(|last| Arc::ptr_eq(last, &newest)) {
            return None;
        }
        *renewed = Some(newest.clone());
        Some((newest, View::of(&config)))
    }

    /// The changes from now on.
    ///
    /// # Errors
    /// As [`Opened::config`].
    pub fn changes(&self, opened: &Opened, interest: Interest) -> Result<Changes> {
        let stream = opened.config()?.changes().with_interest(interest);
        Ok(Changes::until(stream, self.ended.child_token()))
    }

    /// The newer snapshots from now on.
    ///
    /// # Errors
    /// As [`Opened::config`].
    pub fn newer(&self, opened: &Opened) -> Result<Arc<Newer>> {
        // The namespace is looked up under the lock, so that nothing is added after `end` of one
        // that was closed before.
        let mut following = lock(&self.following);
        let follower = opened.config()?.follow();
        let newer = Arc::new(Newer { follower: sync::Mutex::new(Some(follower)) });
        following.retain(|known| known.strong_count() > 0);
        following.push(Arc::downgrade(&newer));
        Ok(newer)
    }

    /// Ends all of them, so that none keeps the namespace open when this returns.
    pub fn end(&self) {
        self.ended.cancel();
        self.end_following();
    }

    fn end_following(&self) {
        let following = std::mem::take(&mut *lock(&self.following));
        following.iter().filter_map(Weak::upgrade).for_each(|newer| newer.end());
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.end_following();
    }
}

fn lock<T>(mutex: &sync::Mutex<T>) -> sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What threads of the client pass to a host.
pub struct Queue<T> {
    waiting: Arc<Mutex<mpsc::Receiver<T>>>,
}

impl<T: Send + 'static> Queue<T> {
    pub(super) fn new(limit: usize) -> (mpsc::Sender<T>, Self) {
        let (sender, waiting) = mpsc::channel(limit);
        (sender, Self { waiting: Arc::new(Mutex::new(waiting)) })
    }

    /// The next one; `None` at the end.
    ///
    /// # Errors
    /// None; a result, so that it is run as other calls are.
    pub fn next(&self) -> impl Future<Output = Result<Option<T>>> + Send + 'static {
        let waiting = self.waiting.clone();
        async move { Ok(waiting.lock().await.recv().await) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::host::open::open;
    use crate::in_memory::InMemory;

    async fn opened(memory: &InMemory) -> Opened {
        let (app_id, namespace) = ("test".to_owned(), "application".to_owned());
        open(memory.client().clone(), app_id, namespace, View::Values).await.unwrap()
    }

    #[tokio::test]
    async fn each_wait_has_a_change_of_its_own_and_closing_ends_the_others() {
        let memory = InMemory::new().unwrap();
        let changes = Changes::new(opened(&memory).await.config().unwrap().changes());
        let waits = [changes.next(), changes.next(), changes.next()].map(tokio::spawn);
        for value in ["1", "2"] {
            memory.set("application", "a", value).await.unwrap();
        }
        let [first, second, third] = waits;
        let sequence = async |wait: tokio::task::JoinHandle<Result<Option<Arc<ChangeEvent>>>>| {
            wait.await.unwrap().unwrap().map(|event| event.sequence())
        };
        assert_eq!((sequence(first).await, sequence(second).await), (Some(1), Some(2)));
        changes.close();
        assert_eq!(sequence(third).await, None);
    }

    /// B90
    #[tokio::test]
    async fn a_change_is_returned_again_until_the_host_has_taken_it_over() {
        let memory = InMemory::new().unwrap();
        let changes = Changes::new(opened(&memory).await.config().unwrap().changes());
        for value in ["1", "2"] {
            memory.set("application", "a", value).await.unwrap();
        }
        let mut sequences = Vec::new();
        for taken in [0, 0, 1, 1] {
            let event = changes.next_after(taken).await.unwrap();
            sequences.extend(event.map(|event| event.sequence()));
        }
        assert_eq!(sequences, [1, 1, 2, 2]);
        changes.close();
        assert!(changes.next_after(2).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_is_taken_from_a_namespace_does_not_keep_it_open() {
        let memory = InMemory::new().unwrap();
        let (opened, streams) = (opened(&memory).await, Streams::default());
        let changes = streams.changes(&opened, Interest::everything()).unwrap();
        let newer = streams.newer(&opened).unwrap();
        assert!(streams.renewed(&opened, false).is_some_and(|(empty, _)| empty.is_empty()));
        memory.set("application", "a", "1").await.unwrap();
        assert!(newer.next().await.unwrap());
        assert_eq!(streams.renewed(&opened, false).unwrap().0.get("a"), Some("1"));
        assert!(streams.renewed(&opened, false).is_none(), "it was returned last");
        assert_eq!(streams.renewed(&opened, true).unwrap().0.get("a"), Some("1"));

        opened.close();
        streams.end();
        assert!(streams.renewed(&opened, true).is_none());
        assert!(!newer.next().await.unwrap());
        assert!(changes.next().await.unwrap().is_none(), "what still waits is dropped");
        assert_eq!(streams.newer(&opened).err().unwrap().kind(), ErrorKind::Closed);
        assert!(memory.client().opened("test", "application").is_none());
    }
}
