//! A value built from a whole namespace and kept current. A release that cannot be parsed leaves
//! the last good value.

use std::fmt;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use tracing::warn;

use super::Config;
use crate::error::{Error, Result};
use crate::listener::Subscription;
use crate::snapshot::Snapshot;

/// A value that follows its namespace until it is dropped.
///
/// ```
/// use castalia_core::InMemory;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// memory.set("application", "limit", "100").await?;
/// let config = memory.client().config("application").await?;
///
/// let limit = config.watch_with(|snapshot| Ok(snapshot.get_or("limit", 0)))?;
/// assert_eq!(*limit.get(), 100);
/// # Ok(())
/// # }
/// ```
pub struct Watch<T> {
    state: Arc<WatchState<T>>,
    _config: Config,
    _subscription: Subscription,
}

struct WatchState<T> {
    current: ArcSwap<T>,
    problem: ArcSwapOption<Error>,
}

impl<T: Send + Sync + 'static> Watch<T> {
    pub(super) fn new(
        config: &Config,
        parse: impl Fn(&Snapshot) -> Result<T> + Send + Sync + 'static,
    ) -> Result<Self> {
        let follower = config.follow();
        let state = Arc::new(WatchState {
            current: ArcSwap::from_pointee(parse(follower.snapshot())?),
            problem: ArcSwapOption::empty(),
        });
        let target = state.clone();
        let subscription = follower.on_newer(move |now| target.apply(parse(now), now.namespace()));
        Ok(Self { state, _config: config.clone(), _subscription: subscription })
    }

    /// The value of the newest snapshot that could be parsed.
    #[must_use]
    pub fn get(&self) -> Arc<T> {
        self.state.current.load_full()
    }

    /// Error of the newest snapshot; `None` if it could be parsed.
    #[must_use]
    pub fn last_error(&self) -> Option<Error> {
        self.state.problem.load().as_deref().cloned()
    }
}

impl<T> WatchState<T> {
    fn apply(&self, parsed: Result<T>, namespace: &str) {
        match parsed {
            Ok(value) => {
                self.current.store(Arc::new(value));
                self.problem.store(None);
            }
            Err(error) => {
                // Only the kind is logged: the error itself may quote values.
                let kind = error.kind();
                warn!(namespace, %kind, "the new content cannot be parsed; keeping the last good value");
                self.problem.store(Some(Arc::new(error)));
            }
        }
    }
}

impl<T> fmt::Debug for Watch<T> {
    /// Prints no value, because it may contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}
