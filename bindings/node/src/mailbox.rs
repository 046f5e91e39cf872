//! The only way from threads of the client into JavaScript: notes and log records are kept until
//! the environment takes them.

use std::sync::Arc;

use castalia_core::host::{describe, mailbox};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Either, Env, Status};
use napi_derive::napi;

use crate::failure::Result;
use crate::namespace::Namespace;
use crate::validator::PendingRelease;

/// Does not keep the process alive, and needs at most one call in its queue.
type Wake = ThreadsafeFunction<(), (), (), Status, false, true, 1>;

/// An open namespace, or a release to validate.
pub(crate) type Payload = Either<Namespace, PendingRelease>;

/// The side of the mailbox that threads of the client use.
pub(crate) type Post = Arc<mailbox::Mailbox<Payload>>;

/// The mailbox of one environment, that is, of the main thread or a worker.
#[napi]
pub struct Mailbox {
    pub(crate) post: Post,
}

#[napi]
impl Mailbox {
    /// Calls `wake` when there is something to take.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, wake: Wake) -> napi::Result<Self> {
        // Never waits. A call that is already queued finds the new note too, and an environment
        // that ends accepts none.
        let wake = move || {
            let _ = wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        };
        let post = mailbox::Mailbox::new(wake);
        env.add_env_cleanup_hook(post.clone(), |post| post.end())?;
        Ok(Self { post })
    }

    /// Takes all notes: the number of a handler, and what it receives, or an error as JSON.
    #[napi(catch_unwind)]
    pub fn take(&self) -> Vec<(i64, Either<Option<Payload>, String>)> {
        let received = |(handler, result): mailbox::Note<Payload>| match result {
            Ok(payload) => (handler, Either::A(payload)),
            Err(error) => (handler, Either::B(describe::error(&error).to_string())),
        };
        self.post.take().into_iter().map(received).collect()
    }

    /// Takes all log records, each as JSON.
    #[napi(catch_unwind)]
    pub fn take_log(&self) -> Vec<String> {
        let records = self.post.take_log();
        records.iter().map(|record| describe::log_record(record).to_string()).collect()
    }

    /// Receives log records of this level and above; without a level none.
    #[napi(catch_unwind)]
    pub fn read_log(&self, level: Option<String>) -> Result<()> {
        Ok(self.post.read_log(level.as_deref())?)
    }

    /// Receives warnings and errors, unless another mailbox of the process receives records.
    #[napi(catch_unwind)]
    pub fn read_log_by_default(&self) {
        self.post.read_log_by_default();
    }
}
