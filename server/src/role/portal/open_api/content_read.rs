//! Reads of the contents of namespaces, each of which may have megabytes: a caller has few of them at
//! a time, whether they are for an answer or for a change, and is charged for a long answer before
//! it is built.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::FromRequestParts;
use http::request::Parts;
use tokio::time::timeout;

use super::reads::{ReadEnvironment, ReadTurn, Reader};
use crate::environment::{Environment, revision};
use crate::error::{Error, Result};
use crate::http::operation::{Input, Signature};
use crate::http::request_memory::{KeptBytes, RequestMemory};
use crate::role::portal::Portal;
use crate::role::portal::identity::Caller;

/// Maximum time that a read of a user waits for others before the user is asked to repeat it.
const PATIENCE: Duration = Duration::from_secs(10);
/// That of a consumer, since the reads of a whole installation may have one token and come together,
/// and of a change, of which a page may send many at a time.
const LONG_PATIENCE: Duration = Duration::from_secs(60);

/// The caller of such a read.
#[derive(Debug)]
pub(super) struct ContentRead {
    caller: Reader,
    /// That of the part of a call which the read is.
    turn: Option<ReadTurn>,
    patience: Duration,
    memory: Option<RequestMemory>,
}

impl<S: Sync> FromRequestParts<S> for ContentRead {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let caller = parts.extensions.get::<Caller>();
        let caller = caller.map(|caller| Reader::of(&caller.identity)).unwrap_or_default();
        Ok(Self {
            patience: if caller.is_consumer() { LONG_PATIENCE } else { PATIENCE },
            caller,
            turn: parts.extensions.get::<ReadTurn>().cloned(),
            memory: parts.extensions.get::<RequestMemory>().cloned(),
        })
    }
}

/// Provided by the server, not by callers.
impl Input for ContentRead {
    fn describe(signature: &mut Signature) {
        signature.reads_contents = true;
    }
}

impl ContentRead {
    /// The reads that a change needs.
    pub(super) fn for_change(caller: &Caller) -> Self {
        let caller = Reader::of(&caller.identity);
        Self { caller, turn: None, patience: LONG_PATIENCE, memory: None }
    }

    /// Reads contents of an environment as soon as the caller may; returns them with the turn, which
    /// lasts as long as the contents are in memory. The read continues if the caller disconnects,
    /// because the database does so as well.
    ///
    /// # Errors
    /// Fails if other reads last, or if the read fails.
    pub(super) async fn of<T, F>(
        &self,
        portal: &Portal,
        environment: Environment,
        read: impl FnOnce(Environment) -> F,
    ) -> Result<(T, ReadTurn)>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let turn = self.turn(portal, &environment).await?;
        let read = read(environment);
        revision::to_the_end(async move { Ok::<_, Error>((read.await?, turn)) }).await
    }

    /// Whoever has a turn does not wait for another one.
    async fn turn(&self, portal: &Portal, environment: &Environment) -> Result<ReadTurn> {
        if let Some(turn) = &self.turn {
            return Ok(turn.clone());
        }
        let environment = ReadEnvironment::of(portal, environment);
        let turn = portal.own.reads.take(&self.caller, Some(&environment));
        timeout(self.patience, turn).await.map_err(|_| {
            let message =
                "Too many concurrent reads of values in this environment; retry in a moment.";
            Error::unavailable(message)
        })
    }

    /// Charges the caller for contents of so many bytes, until the result is dropped. The answer is
    /// charged again when it is sent, so it must be dropped before.
    ///
    /// # Errors
    /// Fails if the caller has too many large answers that are not sent yet.
    pub(super) fn keep(&self, bytes: usize) -> Result<KeptBytes> {
        match &self.memory {
            Some(memory) => memory.keep(bytes),
            None => Ok(KeptBytes::default()),
        }
    }
}

/// The length of optional texts together, in bytes.
pub(super) fn length<'t>(texts: impl IntoIterator<Item = Option<&'t str>>) -> usize {
    texts.into_iter().flatten().map(str::len).sum()
}
