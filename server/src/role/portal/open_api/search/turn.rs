//! Two searches of one user run at a time, so that a corrected one runs beside the one before it,
//! which continues. Few searches run concurrently (`http/search.rs`), and an environment does not
//! know which user of the portal sent one: the searches of one user would occupy them all.

use std::time::Duration;

use crate::environment::revision;
use crate::error::{Error, Reaction, Result};
use crate::role::portal::Portal;
use crate::role::portal::identity::Caller;
use crate::turns::Turn;

/// Maximum time that a search waits for the other searches of its user, as long as a read of values.
const WAIT: Duration = Duration::from_secs(10);

impl Portal {
    /// Runs a search as soon as few enough other searches of the caller run. It continues if the
    /// caller disconnects, because the database does so as well.
    ///
    /// # Errors
    /// Fails while other searches of the caller last, or if the search fails.
    pub(in crate::role::portal) async fn run_search<T, F>(
        &self,
        caller: &Caller,
        search: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let turn = self.search_turn(caller).await?;
        revision::to_the_end(async move {
            let found = search.await;
            drop(turn);
            found
        })
        .await
    }

    /// Waits for other searches of the caller. Whoever has this turn waits for no turn to read,
    /// because a read may wait for this one.
    ///
    /// # Errors
    /// Fails while other searches of the caller last.
    pub(in crate::role::portal) async fn search_turn(&self, caller: &Caller) -> Result<Turn> {
        let turn = self.own.table_searches.wait(&caller.identity.unique_name(), WAIT).await;
        turn.ok_or_else(|| {
            Error::new(Reaction::TooMany, "Other searches of yours last; retry in a moment.")
        })
    }
}
