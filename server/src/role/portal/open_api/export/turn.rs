//! Few exports run at a time on a node, and of each user one runs, waits or is downloaded, so that
//! those of others get their turns.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::environment::{Address, Environment, revision};
use crate::error::{Error, Reaction, Result};
use crate::role::portal::Portal;
use crate::role::portal::identity::Caller;
use crate::turns::Turn;

/// Maximum time that an export waits for others and for imports.
const PATIENCE: Duration = Duration::from_secs(30);

/// The turn of an export, until it and all reads that it began are dropped.
#[derive(Debug)]
pub(super) struct ExportTurn {
    of_user: Arc<Turn>,
    /// Of those that are worked on.
    of_node: Arc<Turn>,
}

impl ExportTurn {
    /// Waits until not too many exports and imports are running on this node.
    ///
    /// # Errors
    /// Fails if they run for too long, or if another export of the user runs or waits.
    pub(super) async fn wait(portal: &Portal, caller: &Caller) -> Result<Self> {
        let user = caller.identity.unique_name();
        let of_user = portal.own.exports.take(&user).ok_or_else(other_of_user)?;
        let of_node = portal.turn_to_transfer(PATIENCE).await.ok_or_else(others_running)?;
        Ok(Self { of_user: Arc::new(of_user), of_node: Arc::new(of_node) })
    }

    /// Ends the work. What remains is for the file until the caller has read it, which may take
    /// long: otherwise a user who reads none would fill the disk.
    pub(super) fn finish(self) -> Arc<Turn> {
        self.of_user
    }

    /// Reads from an environment. If the caller disconnects, the read keeps the turn until it has
    /// ended, because the database continues it.
    ///
    /// # Errors
    /// Fails if the read fails.
    pub(super) async fn get<T>(&self, environment: &Environment, address: Address) -> Result<T>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let turns = (Arc::clone(&self.of_user), Arc::clone(&self.of_node));
        let environment = environment.clone();
        revision::to_the_end(async move {
            let found = environment.get(address).await;
            drop(turns);
            found
        })
        .await
    }
}

fn other_of_user() -> Error {
    let message =
        "Another export of yours is running, waiting or being downloaded; retry when it has ended.";
    Error::new(Reaction::TooMany, message)
}

fn others_running() -> Error {
    let message = format!(
        "Other exports and imports have been running on this node for {} s; retry when they have ended.",
        PATIENCE.as_secs()
    );
    Error::unavailable(message)
}
