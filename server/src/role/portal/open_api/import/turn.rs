//! One import at a time, on all nodes of the portal: another one would rely on what a failed import
//! takes back. Of each user, one runs or waits on a node, so that those of others get their turns.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use castalia_store::ImportLock;
use tokio::time::sleep;

use crate::error::{Code, Error, Reaction, Result};
use crate::role::portal::Portal;
use crate::turns::Turn;

/// Maximum time that an import waits for another one, and then for exports.
const PATIENCE: Duration = Duration::from_secs(30);
/// Interval at which an import that waits looks whether the node shuts down.
const PAUSE: Duration = Duration::from_millis(100);

/// How long an import is taken back while the node shuts down: shorter than the node waits for
/// connections, so that the answer is sent.
const HURRY: Duration = Duration::from_secs(5);

/// The turn of an import, until it is dropped.
pub(super) struct ImportTurn<'p> {
    portal: &'p Portal,
    lock: ImportLock,
    /// When the import noticed that the node shuts down.
    shutdown: OnceLock<Instant>,
    _transfer: Turn,
    _of_user: Turn,
}

impl<'p> ImportTurn<'p> {
    /// Waits until no other import is running, and not too many exports on this node.
    ///
    /// # Errors
    /// Fails if they run for too long, if another import of the user runs or waits, if the database
    /// of the portal does, and if the node shuts down.
    pub(super) async fn wait(portal: &'p Portal, user: &str) -> Result<Self> {
        let of_user = portal.own.imports.take(user).ok_or_else(other_of_user)?;
        let turn = async {
            // First: an import that waits must not keep an export waiting.
            let lock = portal.state.store.lock_imports(PATIENCE).await?.ok_or_else(running)?;
            // Not longer: the imports of all nodes wait for the lock.
            let transfer = portal.turn_to_transfer(PATIENCE).await.ok_or_else(exports_running)?;
            Ok(Self {
                portal,
                lock,
                shutdown: OnceLock::new(),
                _transfer: transfer,
                _of_user: of_user,
            })
        };
        tokio::select! {
            biased;
            () = shutdown(portal) => Err(shutting_down()),
            turn = turn => turn,
        }
    }

    /// Requires that the node is not shutting down, and that no other import can have begun: what
    /// was done has to be taken back before the node ends.
    pub(super) async fn check(&self) -> Result<()> {
        if self.is_shutting_down() {
            return Err(shutting_down());
        }
        match self.lock.is_held().await {
            true => Ok(()),
            false => {
                Err(Error::unavailable("the connection to the portal's database was lost; retry"))
            }
        }
    }

    /// Whether something may be taken back: another import may already rely on it, and the node may
    /// end.
    pub(super) async fn may_take_back(&self) -> bool {
        let is_late = self.is_shutting_down()
            && self.shutdown.get().is_some_and(|since| since.elapsed() > HURRY);
        !is_late && self.lock.is_held().await
    }

    fn is_shutting_down(&self) -> bool {
        let is_ready = self.portal.state.ready.get();
        if !is_ready {
            self.shutdown.get_or_init(Instant::now);
        }
        !is_ready
    }
}

async fn shutdown(portal: &Portal) {
    while portal.state.ready.get() {
        sleep(PAUSE).await;
    }
}

fn shutting_down() -> Error {
    Error::unavailable("the server shuts down; retry later")
}

fn other_of_user() -> Error {
    let message = "Nothing was imported. Another import of yours is running or waiting; retry when it has ended.";
    Error::new(Reaction::TooMany, message).with_code(Code::ImportRunning)
}

fn running() -> Error {
    busy("Another import has been running").with_code(Code::ImportRunning)
}

fn exports_running() -> Error {
    busy("Exports have been running on this node")
}

fn busy(what: &str) -> Error {
    let message = format!(
        "Nothing was imported. {what} for {} s; retry when this has ended.",
        PATIENCE.as_secs()
    );
    Error::new(Reaction::Unavailable, message)
}
