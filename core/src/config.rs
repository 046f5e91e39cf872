//! The handles that applications hold: current values of a namespace, typed reads, and its changes.

mod file;
mod follow;
mod value;
mod watch;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::de::DeserializeOwned;

use crate::change::{ChangeEvent, Interest};
use crate::error::{Error, ErrorKind, Result};
use crate::format::value::FromValue;
use crate::listener::{ChangeStream, Subscription, exclusive};
use crate::monitor::State;
use crate::pipeline::{EventKind, NamespaceHandle};
use crate::protocol::namespace::NamespaceKey;
use crate::snapshot::{Snapshot, Source};
use crate::tasks::Tasks;

pub use file::ConfigFile;
pub use follow::Follower;
pub use value::Value;
pub use watch::Watch;

/// An open namespace. Reads never wait, lock or fail; all clones see the same values.
///
/// The client keeps running as long as a `Config` exists. Reads still return the last values after
/// the client was closed.
///
/// ```
/// use castalia_core::InMemory;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// memory.publish("application", [("timeout", "200"), ("hosts", "a,b")]).await?;
/// let config = memory.client().config("application").await?;
///
/// assert_eq!(config.get("timeout").as_deref(), Some("200"));
/// assert_eq!(config.get_or("timeout", 0), 200);
/// assert_eq!(config.get_or("missing", 5), 5);
/// assert_eq!(config.get_list("hosts", ",").unwrap_or_default(), ["a", "b"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Config {
    namespace: NamespaceHandle,
    tasks: Arc<Tasks>,
    /// Whether its events are those of the values or of the text.
    events: EventKind,
}

impl Config {
    /// Counts the opening, for the metric of the Java client.
    pub(crate) fn new(namespace: NamespaceHandle, tasks: Arc<Tasks>) -> Self {
        namespace.runtime().monitor().usage.fetch_add(1, Ordering::Relaxed);
        Self { namespace, tasks, events: EventKind::Values }
    }

    /// App id, cluster and namespace.
    #[must_use]
    pub fn identity(&self) -> &NamespaceKey {
        self.namespace.identity()
    }

    /// The value of a key; `None` if the key is missing. An empty value is returned as such. The
    /// result borrows from the snapshot, so nothing is copied.
    #[inline]
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value> {
        Value::find(self.namespace.current().load(), key)
    }

    /// A typed value, or the default if the key is missing or its value malformed.
    pub fn get_or<T: FromValue>(&self, key: &str, default: T) -> T {
        self.namespace.current().load().get_or(key, default)
    }

    /// A typed value; `None` if the key is missing.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`](crate::ErrorKind::Parse) if the value is malformed.
    pub fn try_get<T: FromValue>(&self, key: &str) -> Result<Option<T>> {
        self.namespace.current().load().try_get(key)
    }

    /// Splits a value at a literal delimiter; `None` if the key is missing. Trailing empty parts
    /// are dropped, as `String.split` does in Java.
    #[must_use]
    pub fn get_list(&self, key: &str, delimiter: &str) -> Option<Vec<String>> {
        self.namespace.current().load().get_list(key, delimiter)
    }

    /// Like [`Config::get_list`], with white space trimmed from each part.
    #[must_use]
    pub fn get_trimmed_list(&self, key: &str, delimiter: &str) -> Option<Vec<String>> {
        self.namespace.current().load().get_trimmed_list(key, delimiter)
    }

    /// A value that is JSON text; `None` if the key is missing. Parsed once for each release.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`](crate::ErrorKind::Parse) if the text is not JSON of this type.
    pub fn get_json<T>(&self, key: &str) -> Result<Option<T>>
    where
        T: DeserializeOwned + Clone + Send + Sync + 'static,
    {
        self.namespace.current().load().get_json(key)
    }

    /// The value of a key parsed by a function, or the default if the key is missing or the
    /// function returns `None`, which is reported as a malformed value.
    pub fn get_with<T>(&self, key: &str, read: impl FnOnce(&str) -> Option<T>, default: T) -> T {
        self.namespace.current().load().get_with(key, read).unwrap_or(default)
    }

    /// The current values. They never change, so several reads from the same snapshot are
    /// consistent with each other.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.namespace.snapshot()
    }

    /// A handle for a single thread that reads often: it compares a version number instead of
    /// counting references.
    #[must_use]
    pub fn reader(&self) -> Reader {
        // The version is read before the snapshot: at worst the first read fetches the same
        // snapshot again.
        let version = self.namespace.current().version();
        Reader { snapshot: self.snapshot(), version, namespace: self.namespace.clone() }
    }

    /// Origin of the current values.
    #[must_use]
    pub fn source(&self) -> Source {
        self.namespace.current().load().source()
    }

    /// Result of the last load.
    #[must_use]
    pub fn state(&self) -> State {
        self.namespace.runtime().monitor().state_with(self.source())
    }

    /// Error of the last load; `None` if it succeeded.
    #[must_use]
    pub fn last_error(&self) -> Option<Error> {
        self.namespace.runtime().monitor().last_error()
    }

    /// Counts a failed listener, for hosts that read a stream and call listeners themselves. Logs
    /// nothing.
    pub fn note_listener_failure(&self) {
        self.namespace.runtime().monitor().listener_failed(&self.identity().namespace);
    }

    /// Follows the snapshots of the namespace, starting with the current one.
    #[must_use]
    pub fn follow(&self) -> Follower {
        Follower::new(self)
    }

    /// Deserializes the whole namespace, now and after each change; see [`Snapshot::read`]. A
    /// release that does not fit leaves the last good value.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`](crate::ErrorKind::Parse) if the current values do not fit.
    pub fn watch<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<Watch<T>> {
        Watch::new(self, Snapshot::read)
    }

    /// Like [`Config::watch`], with a function that builds the value.
    ///
    /// # Errors
    /// The error of the function for the current values.
    pub fn watch_with<T: Send + Sync + 'static>(
        &self,
        parse: impl Fn(&Snapshot) -> Result<T> + Send + Sync + 'static,
    ) -> Result<Watch<T>> {
        Watch::new(self, parse)
    }

    /// Loads now, instead of at the next refresh. Dropping the future does not cancel the load.
    ///
    /// # Errors
    /// The error of the load, or [`ErrorKind::Closed`](crate::ErrorKind::Closed). The values are
    /// then unchanged.
    pub async fn refresh(&self) -> Result<()> {
        self.tasks.resume();
        match self.namespace.refresh().await {
            // The runtime may have ended meanwhile.
            Err(error) if error.kind() == ErrorKind::Closed => {
                self.tasks.check_open()?;
                self.tasks.resume();
                self.namespace.refresh().await
            }
            outcome => outcome,
        }
    }

    /// Closes the namespace once every other `Config`, [`ConfigFile`], [`Reader`] and [`Watch`] of
    /// it is dropped: it is then no longer refreshed, its subscriptions end, and opening it again
    /// loads it anew. Merely dropping handles does not close a namespace.
    pub fn close(self) {
        // The task of the namespace ends its subscriptions.
        if self.tasks.are_lost() {
            self.tasks.resume();
        }
        self.namespace.request_close();
    }

    /// The changes from now on, as a stream.
    #[must_use]
    pub fn changes(&self) -> ChangeStream {
        self.stream(self.events)
    }

    /// The current values and the changes after them, for hosts that keep their own copy of the
    /// values. The first event may be the one that led to these values; none is older.
    #[must_use]
    pub fn snapshot_and_changes(&self) -> (Arc<Snapshot>, ChangeStream) {
        let stream = self.changes();
        loop {
            let snapshot = self.snapshot();
            // A change is published after its snapshot can be read. As long as this snapshot is the
            // newest, every event published so far is part of it.
            stream.clear_pending();
            if Arc::ptr_eq(&snapshot, &self.snapshot()) {
                return (snapshot, stream);
            }
        }
    }

    /// Like [`Config::changes`], but continues where another stream of this namespace is, for hosts
    /// whose reads use a copy that follows that stream. `unapplied` is an event that the host has
    /// taken from that stream but not yet applied to the copy.
    #[must_use]
    pub fn changes_after(
        &self,
        other: &ChangeStream,
        unapplied: Option<Arc<ChangeEvent>>,
    ) -> ChangeStream {
        self.tasks.resume();
        self.namespace.runtime().listeners(self.events).stream_after(other, unapplied)
    }

    /// Calls a function for each change that it is interested in: in order, one call at a time, on
    /// a blocking thread. A panic is caught and counted. A child that was forked during a call does
    /// not call the function.
    pub fn on_change(
        &self,
        interest: Interest,
        callback: impl FnMut(&Arc<ChangeEvent>) + Send + 'static,
    ) -> Subscription {
        self.on_change_shared(interest, exclusive(callback))
    }

    /// Like [`Config::on_change`] for a function without state of its own, which is also called in
    /// a child that was forked during a call.
    pub fn on_change_shared(
        &self,
        interest: Interest,
        callback: impl Fn(&Arc<ChangeEvent>) + Send + Sync + 'static,
    ) -> Subscription {
        let stream = self.changes().with_interest(interest);
        self.deliver(self.events, stream, callback)
    }

    /// Restarts the client in a forked child. Every call except a read does this by itself;
    /// programs that only read, and fork hooks of bindings, call it explicitly.
    pub fn resume_after_fork(&self) {
        self.tasks.resume();
    }

    /// The same namespace as one text: its events are those of the text, under the key `content`.
    pub(crate) fn into_text(mut self) -> Self {
        self.events = EventKind::Content;
        self
    }

    /// Whether [`Config::into_text`] made it.
    #[cfg(feature = "host")]
    pub(crate) fn is_text(&self) -> bool {
        self.events == EventKind::Content
    }

    fn stream(&self, kind: EventKind) -> ChangeStream {
        self.tasks.resume();
        self.namespace.runtime().listeners(kind).stream(Interest::everything())
    }

    /// Calls a function for each event of a stream.
    fn deliver(
        &self,
        kind: EventKind,
        stream: ChangeStream,
        callback: impl Fn(&Arc<ChangeEvent>) + Send + Sync + 'static,
    ) -> Subscription {
        let (subscriber, delivery) = self.namespace.subscribe(kind, stream, callback);
        let namespace = Arc::clone(&self.namespace);
        self.tasks.listens();
        self.tasks.spawn_delivery(|abandon| namespace.deliver(delivery, abandon));
        Subscription::new(subscriber)
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Config").field(&self.snapshot()).finish()
    }
}

/// The fastest way to read from a single thread; created by [`Config::reader`].
///
/// ```
/// use castalia_core::InMemory;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// memory.set("application", "timeout", "200").await?;
/// let mut reader = memory.client().config("application").await?.reader();
///
/// assert_eq!(reader.get("timeout"), Some("200"));
/// memory.set("application", "timeout", "300").await?;
/// assert!(!reader.is_current());
/// assert_eq!(reader.get("timeout"), Some("300"));
/// # Ok(())
/// # }
/// ```
pub struct Reader {
    namespace: NamespaceHandle,
    snapshot: Arc<Snapshot>,
    version: u64,
}

impl Reader {
    /// The current values.
    #[inline]
    pub fn snapshot(&mut self) -> &Snapshot {
        let newest = self.namespace.current().version();
        if newest != self.version {
            self.renew(newest);
        }
        &self.snapshot
    }

    /// Whether no newer values exist than those of the last read, for hosts that keep their own
    /// copy.
    #[inline]
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.version == self.namespace.current().version()
    }

    /// The value of a key; `None` if the key is missing.
    #[inline]
    pub fn get(&mut self, key: &str) -> Option<&str> {
        self.snapshot().get(key)
    }

    /// Kept out of line so that reads without a change stay fast.
    #[cold]
    #[inline(never)]
    fn renew(&mut self, version: u64) {
        self.snapshot = self.namespace.snapshot();
        self.version = version;
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader")
    }
}
