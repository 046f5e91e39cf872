//! Searches over whole tables, of which only a few run concurrently: each occupies a connection
//! while it runs, and without a limit they could leave none for other requests, including those of
//! clients.

use std::future::Future;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::disconnect::to_the_end;
use crate::error::{Error, Result};

/// Maximum number of searches of one kind at a time: one more than a user of the portal has, and one
/// less than the connections that read a SQLite file.
const AT_ONCE: usize = 3;
/// Those of the tables of an environment.
pub static IN_ENVIRONMENT: Searches = Searches::at_most(AT_ONCE);
/// Those of the tables of the portal, which has connections of its own.
pub static IN_PORTAL: Searches = Searches::at_most(AT_ONCE);
/// Comparisons of gray rules with instances. Each occupies a processor instead of a connection.
pub static OF_AUDIENCES: Searches = Searches::at_most(AT_ONCE);
/// Maximum time that a search waits before its caller is asked to repeat it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The searches of this process that share a limit.
#[derive(Debug)]
pub struct Searches(Semaphore);

impl Searches {
    const fn at_most(concurrent: usize) -> Self {
        Self(Semaphore::const_new(concurrent))
    }

    /// Runs a search as soon as the limit allows. It keeps its permit until it ends, even if its
    /// caller disconnects, because the database continues as well.
    ///
    /// # Errors
    /// Fails if there are too many, or if the search fails.
    pub async fn run<T: Send + 'static>(
        &'static self,
        search: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let Ok(Ok(turn)) = tokio::time::timeout(PATIENCE, self.0.acquire()).await else {
            metrics::counter!("castalia_refused_searches_total").increment(1);
            return Err(Error::unavailable("Too many concurrent searches; retry in a moment."));
        };
        to_the_end(async move {
            let _turn = turn;
            search.await
        })
        .await
    }
}
