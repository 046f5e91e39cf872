//! One import at a time, on all nodes of the portal: another one would rely on what a failed import
//! takes back.

use std::time::Duration;

use castalia_store::ImportLock;
use tokio::sync::SemaphorePermit;
use tokio::time::sleep;

use crate::error::{Code, Error, Reaction, Result};
use crate::role::portal::Portal;

/// Maximum time that an import waits for another one.
const PATIENCE: Duration = Duration::from_secs(30);
/// Interval at which an import that waits looks whether the node shuts down.
const PAUSE: Duration = Duration::from_millis(100);

/// The turn of an import, until it is dropped.
pub(super) struct ImportTurn<'p> {
    portal: &'p Portal,
    lock: ImportLock,
    _transfer: SemaphorePermit<'p>,
}

impl<'p> ImportTurn<'p> {
    /// Waits until no other import is running.
    ///
    /// # Errors
    /// Fails if one runs for too long, if the database of the portal does, and if the node shuts down.
    pub(super) async fn wait(portal: &'p Portal) -> Result<Self> {
        let turn = async {
            // First: an import that waits must not keep an export waiting.
            let lock = portal.state.store.lock_imports(PATIENCE).await?.ok_or_else(running)?;
            let transfer = portal.turn_to_transfer().await?;
            Ok(Self { portal, lock, _transfer: transfer })
        };
        tokio::select! {
            biased;
            () = shutdown(portal) => Err(shutting_down()),
            turn = turn => turn,
        }
    }

    /// Requires that the node is not shutting down, and that no other import can have begun: what was
    /// done has to be taken back before the node ends.
    pub(super) fn check(&self) -> Result<()> {
        if !self.portal.state.ready.get() {
            return Err(shutting_down());
        }
        match self.lock.is_held() {
            true => Ok(()),
            false => {
                Err(Error::unavailable("the connection to the portal's database was lost; retry"))
            }
        }
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

fn running() -> Error {
    let message = format!(
        "Nothing was imported. Another import has been running for {} s; retry when it has ended.",
        PATIENCE.as_secs()
    );
    Error::new(Reaction::Unavailable, message).with_code(Code::ImportRunning)
}
