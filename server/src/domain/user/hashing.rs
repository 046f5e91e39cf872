//! Hashes and verifies passwords on threads of their own, a few at a time. It is slow by intent and
//! must not delay other requests. Does not know whose passwords they are.

use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};

use crate::error::{Error, Reaction, Result};
use crate::password::Memory;

/// Maximum number of sign-ins whose passwords are verified concurrently; each occupies 19 MiB and a
/// core.
static SIGN_INS: HashingTurns = HashingTurns::new(2);
/// The same of changes of accounts, apart from sign-ins, which must not wait for them.
static CHANGES: HashingTurns = HashingTurns::new(1);
/// How long a turn that is not taken keeps its memory. Strangers send passwords in quicker
/// succession, and memory that is freed after each of them is not reused at once.
const KEPT: Duration = Duration::from_secs(10);

/// Does the work of a sign-in.
pub(super) async fn verifying<T: Send + 'static>(
    work: impl FnOnce(&mut Memory) -> Result<T> + Send + 'static,
) -> Result<T> {
    SIGN_INS.run(work).await
}

/// Does the work of a change of an account.
pub(super) async fn changing<T: Send + 'static>(
    work: impl FnOnce(&mut Memory) -> Result<T> + Send + 'static,
) -> Result<T> {
    CHANGES.run(work).await
}

/// A number of turns, each with memory of its own.
struct HashingTurns {
    permits: Semaphore,
    /// Memory of turns that are not taken, and since when.
    kept: Mutex<Vec<(Instant, Memory)>>,
}

impl HashingTurns {
    const fn new(count: usize) -> Self {
        Self { permits: Semaphore::const_new(count), kept: Mutex::new(Vec::new()) }
    }

    /// The work continues after its caller disconnected, and so keeps its permit until it ends. On
    /// a thread of its own: Tokio's pool keeps the work, and with it the permit, if no thread can
    /// be started.
    async fn run<T: Send + 'static>(
        &'static self,
        work: impl FnOnce(&mut Memory) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.permits.acquire().await;
        let mut memory = self.kept.lock().pop().map(|(_, memory)| memory).unwrap_or_default();
        let runtime = Handle::current();
        let (answer, outcome) = oneshot::channel();
        let hash = move || {
            let result = work(&mut memory);
            self.keep(memory, &runtime);
            drop(permit);
            drop(answer.send(result));
        };
        let started = thread::Builder::new().name("password".to_owned()).spawn(hash);
        started.map_err(|error| {
            Error::unavailable("No thread can be started to hash a password; retry.")
                .caused_by(error)
        })?;
        let outcome = outcome.await;
        outcome.unwrap_or_else(|error| {
            Err(Error::new(Reaction::Internal, "the thread that hashes a password failed")
                .caused_by(error))
        })
    }

    /// Before the permit is returned: the next turn would allocate memory of its own.
    fn keep(&'static self, memory: Memory, runtime: &Handle) {
        self.kept.lock().push((Instant::now(), memory));
        drop(runtime.spawn(async move {
            tokio::time::sleep(KEPT).await;
            self.free(KEPT);
        }));
    }

    /// Frees the memory that was not used for this long.
    fn free(&self, unused: Duration) {
        self.kept.lock().retain(|(since, _)| since.elapsed() < unused);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use tokio::time::timeout;

    use super::*;
    use crate::password::{self, Scheme};

    /// Longer than a busy machine needs to start a thread.
    const SOON: Duration = Duration::from_secs(60);

    /// X59.
    #[tokio::test]
    async fn a_sign_in_does_not_wait_for_changes_of_accounts() {
        let begin = || {
            let (end, ended) = sync_channel::<()>(0);
            let mut change = changing(move |_| Ok(ended.recv().is_err())).boxed();
            assert!((&mut change).now_or_never().is_none());
            (change, end)
        };
        let changes: Vec<_> = (0..3).map(|_| begin()).collect();
        let verified = timeout(SOON, verifying(|_| Ok(true))).await;
        assert!(verified.expect("a sign-in waits for changes").unwrap());
        for (change, end) in changes {
            drop(end);
            assert!(timeout(SOON, change).await.expect("a change waits").unwrap());
        }
    }

    /// X88.
    #[tokio::test]
    async fn the_next_password_is_hashed_in_the_same_memory_until_it_is_freed() {
        let turns: &'static HashingTurns = Box::leak(Box::new(HashingTurns::new(2)));
        let kib = async || turns.run(|memory| Ok(memory.kib())).await.unwrap();
        let hash = |memory: &mut Memory| password::hash(memory, "x", Scheme::Argon2id);
        for _ in 0..2 {
            turns.run(hash).await.unwrap();
            assert_eq!((kib().await, turns.kept.lock().len()), (19 * 1024, 1));
        }
        turns.free(SOON);
        assert_eq!(kib().await, 19 * 1024);
        turns.free(Duration::ZERO);
        assert_eq!(kib().await, 0);
    }
}
