//! The only way from threads of the client into JavaScript: notes and log records are kept until the
//! environment takes them.

use std::sync::Arc;

use castalia_core::Result;
use castalia_core::host::{call, describe, mailbox};
use napi::bindgen_prelude::Either3;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;

use crate::failure::Failure;
use crate::namespace::Namespace;
use crate::validator::PendingRelease;

/// Does not keep the process alive, and needs at most one call in its queue.
type Wake = ThreadsafeFunction<(), (), (), Status, false, true, 1>;

/// Number of a handler and its result; no result if there is a change to take.
pub(crate) type Note = (i64, Option<Payload>);

/// An open namespace, a release to validate, or an error.
pub(crate) type Payload = Either3<Namespace, PendingRelease, Failure>;

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
        let post = Post(mailbox::Mailbox::new(wake));
        env.add_env_cleanup_hook(post.clone(), |post| post.0.end())?;
        Ok(Self { post })
    }

    /// Takes all notes.
    #[napi(catch_unwind)]
    pub fn take(&self) -> Vec<Note> {
        self.post.0.take()
    }

    /// Takes all log records, each as JSON.
    #[napi(catch_unwind)]
    pub fn take_log(&self) -> Vec<String> {
        let records = self.post.0.take_log();
        records.iter().map(|record| describe::log_record(record).to_string()).collect()
    }
}

/// The side of the mailbox that threads of the client use.
#[derive(Clone)]
pub(crate) struct Post(pub(crate) Arc<mailbox::Mailbox<Note>>);

impl Post {
    /// Calls the handler of this number without a result.
    pub(crate) fn alarm(&self, id: i64) -> impl Fn() + Send + Sync + use<> {
        let post = self.clone();
        move || post.0.send((id, None))
    }

    /// Runs a future on the client's runtime; its result is passed to the handler of this number.
    pub(crate) fn spawn<F>(&self, id: i64, future: F)
    where
        F: Future<Output = Result<Option<Namespace>>> + Send + 'static,
    {
        let mailbox = self.0.clone();
        call::spawn(future, move |result| {
            let payload = match result {
                Ok(opened) => opened.map(Payload::A),
                Err(error) => Some(Payload::C(Failure { error })),
            };
            mailbox.send((id, payload));
        });
    }

    /// Like `spawn`, for a future without a value.
    pub(crate) fn run(&self, id: i64, future: impl Future<Output = Result<()>> + Send + 'static) {
        self.spawn(id, async { future.await.map(|()| None) });
    }
}
