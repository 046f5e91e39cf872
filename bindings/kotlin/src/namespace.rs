//! An open namespace, as keys and values or as one text.

use std::sync::{Arc, Mutex, PoisonError};

use castalia_core::host::call;
use castalia_core::host::open::{Opened, View};
use castalia_core::{Interest, Snapshot};
use tokio_util::sync::CancellationToken;

use crate::content::Content;
use crate::error::{Failure, Problem};
use crate::event::Changes;
use crate::newer::{Followers, Newer};

/// An open namespace, and the snapshot that the JVM has. Dropping it does not close the namespace,
/// but nothing follows it any more.
#[derive(uniffi::Object)]
pub(crate) struct Namespace {
    opened: Opened,
    returned: Mutex<Option<Arc<Snapshot>>>,
    given_up: CancellationToken,
    followers: Followers,
}

impl Namespace {
    pub(crate) fn new(opened: Opened) -> Arc<Self> {
        let given_up = CancellationToken::new();
        let followers = Followers::default();
        Arc::new(Self { opened, returned: Mutex::default(), given_up, followers })
    }
}

#[uniffi::export]
impl Namespace {
    /// The current snapshot, unless it was returned last.
    fn renewed(&self) -> Option<Content> {
        let mut returned = self.returned.lock().unwrap_or_else(PoisonError::into_inner);
        let config = self.opened.config().ok()?;
        let newest = config.snapshot();
        if returned.as_ref().is_some_and(|last| Arc::ptr_eq(last, &newest)) {
            return None;
        }
        let content = Content::of(&newest, View::of(&config));
        *returned = Some(newest);
        Some(content)
    }

    /// Result of the last load.
    fn state(&self) -> String {
        self.opened.state().to_owned()
    }

    /// Error of the last load.
    fn last_error(&self) -> Option<Problem> {
        self.opened.last_error().as_ref().map(Problem::from)
    }

    /// Reports the value of a key as malformed.
    fn note_malformed(&self, key: &str) {
        self.opened.snapshot().note_malformed(key);
    }

    /// Counts a failed listener of the JVM.
    fn note_listener_failure(&self) {
        self.opened.note_listener_failure();
    }

    /// Loads now.
    async fn refresh(&self) -> Result<(), Failure> {
        Ok(call::run(self.opened.refresh()).await?)
    }

    /// The changes from now on, of these keys and prefixes, or all without any.
    fn changes(&self, keys: Vec<String>, prefixes: Vec<String>) -> Result<Arc<Changes>, Failure> {
        let stream = self.opened.config()?.changes().with_interest(Interest { keys, prefixes });
        Ok(Changes::new(stream, self.given_up.clone()))
    }

    /// The newer snapshots from now on, whether or not a change leads to them.
    fn follow(&self) -> Result<Arc<Newer>, Failure> {
        Ok(self.followers.add(|| self.opened.config())?)
    }

    /// Ends its changes and closes it.
    fn give_up(&self) {
        self.given_up.cancel();
        self.opened.close();
        self.followers.end();
    }
}
