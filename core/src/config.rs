//! What applications hold: the current values of a namespace, typed reads, and word of every change.

mod file;
mod follow;
mod value;
mod watch;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::de::DeserializeOwned;

use crate::change::{ChangeEvent, Interest};
use crate::error::{Error, Result};
use crate::format::value::FromValue;
use crate::listener::{ChangeStream, Subscription};
use crate::monitor::State;
use crate::pipeline::{EventKind, NamespaceHandle};
use crate::protocol::namespace::NamespaceKey;
use crate::snapshot::{Snapshot, Source};
use crate::tasks::Tasks;

pub use file::ConfigFile;
pub use follow::Follower;
pub use value::Value;
pub use watch::Watch;

/// An open namespace. Reads never wait, lock or fail; every clone sees the same values.
///
/// The client works on as long as a `Config` is held, and reads go on answering after it was closed.
#[derive(Clone)]
pub struct Config {
    namespace: NamespaceHandle,
    tasks: Arc<Tasks>,
}

impl Config {
    pub(crate) fn new(namespace: NamespaceHandle, tasks: Arc<Tasks>) -> Self {
        namespace.runtime().monitor().usage.fetch_add(1, Ordering::Relaxed);
        Self { namespace, tasks }
    }

    /// App id, cluster and name.
    #[must_use]
    pub fn identity(&self) -> &NamespaceKey {
        self.namespace.identity()
    }

    /// The value of a key; an empty value is a value. It borrows the content it was read from, so it copies nothing.
    #[inline]
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value> {
        Value::find(self.namespace.current().load(), key)
    }

    /// A typed value, or the default when the key is missing or its value malformed.
    pub fn get_or<T: FromValue>(&self, key: &str, default: T) -> T {
        self.namespace.current().load().get_or(key, default)
    }

    /// A typed value; `None` when the key is missing.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`](crate::ErrorKind::Parse) when the value is malformed.
    pub fn try_get<T: FromValue>(&self, key: &str) -> Result<Option<T>> {
        self.namespace.current().load().try_get(key)
    }

    /// The parts of a value between a literal delimiter; `None` when the key is missing. Empty parts at the end are dropped.
    #[must_use]
    pub fn get_list(&self, key: &str, delimiter: &str) -> Option<Vec<String>> {
        self.namespace.current().load().get_list(key, delimiter)
    }

    /// As [`Config::get_list`], without blanks around the parts.
    #[must_use]
    pub fn get_trimmed_list(&self, key: &str, delimiter: &str) -> Option<Vec<String>> {
        self.namespace.current().load().get_trimmed_list(key, delimiter)
    }

    /// A value that is JSON text; `None` when the key is missing. TypedCache once for each release.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`](crate::ErrorKind::Parse) when it is not the JSON of this type.
    pub fn get_json<T>(&self, key: &str) -> Result<Option<T>>
    where
        T: DeserializeOwned + Clone + Send + Sync + 'static,
    {
        self.namespace.current().load().get_json(key)
    }

    /// The value of a key as this function reads it, or the default when the key is missing or the function gives `None`.
    pub fn get_with<T>(&self, key: &str, read: impl FnOnce(&str) -> Option<T>, default: T) -> T {
        let snapshot = self.namespace.current().load();
        snapshot.get(key).and_then(read).unwrap_or(default)
    }

    /// The content now; it never changes while it is held, so that several reads fit together.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.namespace.snapshot()
    }

    /// A handle for one thread that reads often: it looks for new content with one load instead of a count.
    #[must_use]
    pub fn reader(&self) -> Reader {
        let version = self.namespace.current().version();
        Reader { snapshot: self.snapshot(), version, namespace: self.namespace.clone() }
    }

    /// Where the content came from.
    #[must_use]
    pub fn source(&self) -> Source {
        self.namespace.current().load().source()
    }

    /// How the namespace stands with the servers.
    #[must_use]
    pub fn state(&self) -> State {
        self.namespace.runtime().monitor().state_with(self.source())
    }

    /// Why the last load failed; `None` once one worked.
    #[must_use]
    pub fn last_error(&self) -> Option<Error> {
        self.namespace.runtime().monitor().last_error()
    }

    /// Logs nothing, but counts that a listener failed: for hosts that call listeners by themselves, from a stream.
    pub fn note_listener_failure(&self) {
        self.namespace.runtime().monitor().listener_failed(&self.identity().namespace);
    }

    /// Follows the content as a whole, from the content now on.
    #[must_use]
    pub fn follow(&self) -> Follower {
        Follower::new(self)
    }

    /// The whole namespace as a structure that is kept current: [`Snapshot::read`] of each content, the last good one.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`](crate::ErrorKind::Parse) when the content now does not fit.
    pub fn watch<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<Watch<T>> {
        Watch::new(self, Snapshot::read)
    }

    /// As [`Config::watch`], with a function that makes the value.
    ///
    /// # Errors
    /// Those of the function for the content now.
    pub fn watch_with<T: Send + Sync + 'static>(
        &self,
        parse: impl Fn(&Snapshot) -> Result<T> + Send + 'static,
    ) -> Result<Watch<T>> {
        Watch::new(self, parse)
    }

    /// Loads now. Dropping the future does not stop the load.
    ///
    /// # Errors
    /// Those of the load, or [`ErrorKind::Closed`](crate::ErrorKind::Closed); the content is then as it was.
    pub async fn refresh(&self) -> Result<()> {
        self.tasks.resume_after_fork();
        self.namespace.refresh().await
    }

    /// Gives the namespace up: when every other `Config`, [`ConfigFile`], [`Reader`] and [`Watch`] of it is gone as well, it is
    /// no longer kept fresh and its subscriptions end. Opened again it starts anew. Merely dropping a handle closes nothing.
    pub fn close(self) {
        self.namespace.request_close();
    }

    /// The changes from now on, as a stream.
    #[must_use]
    pub fn changes(&self) -> ChangeStream {
        self.stream(EventKind::Values)
    }

    /// The content now, and the changes from it on: for hosts that keep a copy of their own, which follows this stream. The
    /// first event may be the one that led to this content; none is older.
    #[must_use]
    pub fn snapshot_and_changes(&self) -> (Arc<Snapshot>, ChangeStream) {
        self.pair_with_snapshot(self.changes())
    }

    /// As [`Config::changes`], but from where another stream of this namespace is: for hosts whose reads are answered from a
    /// copy of their own, which follows that stream. `unapplied` is an event that the host has taken from it and that the copy
    /// does not show yet.
    #[must_use]
    pub fn changes_after(
        &self,
        other: &ChangeStream,
        unapplied: Option<Arc<ChangeEvent>>,
    ) -> ChangeStream {
        self.stream_after(EventKind::Values, other, unapplied)
    }

    /// Calls this function for each change that interests it: in order, one call at a time, on a thread that may block. A
    /// panic is caught and counted.
    pub fn on_change(
        &self,
        interest: Interest,
        callback: impl FnMut(&Arc<ChangeEvent>) + Send + 'static,
    ) -> Subscription {
        self.subscribe(EventKind::Values, interest, callback)
    }

    /// Starts the client again if this is a child that was forked since it was made. Every call but a read does so by itself;
    /// this is for programs that only read, and for fork hooks of bindings.
    pub fn resume_after_fork(&self) {
        self.tasks.resume_after_fork();
    }

    fn stream(&self, kind: EventKind) -> ChangeStream {
        self.tasks.resume_after_fork();
        self.namespace.runtime().listeners(kind).stream(Interest::everything())
    }

    fn pair_with_snapshot(&self, stream: ChangeStream) -> (Arc<Snapshot>, ChangeStream) {
        loop {
            let snapshot = self.snapshot();
            // Changes are published one by one after their content can be read: while this content is the newest, whatever
            // was published is part of it.
            stream.clear_pending();
            if Arc::ptr_eq(&snapshot, &self.snapshot()) {
                return (snapshot, stream);
            }
        }
    }

    fn stream_after(
        &self,
        kind: EventKind,
        other: &ChangeStream,
        unapplied: Option<Arc<ChangeEvent>>,
    ) -> ChangeStream {
        self.tasks.resume_after_fork();
        self.namespace.runtime().listeners(kind).stream_after(other, unapplied)
    }

    fn subscribe(
        &self,
        kind: EventKind,
        interest: Interest,
        callback: impl FnMut(&Arc<ChangeEvent>) + Send + 'static,
    ) -> Subscription {
        let stream = self.stream(kind).with_interest(interest);
        self.deliver(kind, stream, callback)
    }

    /// Calls a function for each event of a stream.
    fn deliver(
        &self,
        kind: EventKind,
        stream: ChangeStream,
        callback: impl FnMut(&Arc<ChangeEvent>) + Send + 'static,
    ) -> Subscription {
        let (subscriber, delivery) = self.namespace.subscribe(kind, stream, callback);
        self.tasks.spawn_delivery(Arc::clone(&self.namespace).deliver(delivery));
        Subscription::new(subscriber)
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Config").field(&self.snapshot()).finish()
    }
}

/// The fastest way to read from one thread; made by [`Config::reader`].
pub struct Reader {
    namespace: NamespaceHandle,
    snapshot: Arc<Snapshot>,
    version: u64,
}

impl Reader {
    /// The content now.
    #[inline]
    pub fn snapshot(&mut self) -> &Snapshot {
        let newest = self.namespace.current().version();
        if newest != self.version {
            self.renew(newest);
        }
        &self.snapshot
    }

    /// Whether the content that was read last, or at first, is the content now: for hosts that keep their own copy of it.
    #[inline]
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.version == self.namespace.current().version()
    }

    /// The value of a key.
    #[inline]
    pub fn get(&mut self, key: &str) -> Option<&str> {
        self.snapshot().get(key)
    }

    /// Out of line, so that it costs reads nothing that find nothing new.
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
