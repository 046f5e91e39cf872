//! The only way from threads of the client into JavaScript. Notes are kept here until the
//! environment takes them; it is woken once for all that wait. Bounded: a call has one note and a
//! stream at most two, and log records beyond a limit are dropped.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use castalia_core::Result;
use castalia_core::host::call;
use castalia_core::host::log::WAITING;
use napi::bindgen_prelude::Either3;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;

use crate::failure::Failure;
use crate::log::Logged;
use crate::namespace::Namespace;
use crate::validator::Question;

/// Does not keep the process alive, and needs at most one call in its queue.
type Wake = ThreadsafeFunction<(), (), (), Status, false, true, 1>;

/// Number of a handler and its result; no result if there is a change to take.
pub(crate) type Note = (i64, Option<Payload>);

/// An open namespace, a release to validate, or an error.
pub(crate) type Payload = Either3<Namespace, Question, Failure>;

/// The mailbox of one environment, that is, of the main thread or a worker.
#[napi]
pub struct Mailbox {
    pub(crate) post: Arc<Post>,
}

#[napi]
impl Mailbox {
    /// Calls `wake` when there is something to take.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, wake: Wake) -> napi::Result<Self> {
        let post = Arc::new(Post { wake, content: Mutex::default() });
        env.add_env_cleanup_hook(post.clone(), |post| post.end())?;
        Ok(Self { post })
    }

    /// Takes all notes.
    #[napi(catch_unwind)]
    pub fn take(&self) -> Vec<Note> {
        mem::take(&mut self.post.lock().notes)
    }

    /// Takes all log records.
    #[napi(catch_unwind)]
    pub fn take_log(&self) -> Vec<Logged> {
        mem::take(&mut self.post.lock().records)
    }
}

/// The side of the mailbox that threads of the client use.
pub(crate) struct Post {
    wake: Wake,
    content: Mutex<Content>,
}

#[derive(Default)]
struct Content {
    notes: Vec<Note>,
    records: Vec<Logged>,
    ended: bool,
}

impl Post {
    pub(crate) fn send(&self, note: Note) {
        let mut content = self.lock();
        if !content.ended {
            content.notes.push(note);
            self.wake(content);
        }
    }

    pub(crate) fn log(&self, record: Logged) {
        let mut content = self.lock();
        if !content.ended && content.records.len() < WAITING {
            content.records.push(record);
            self.wake(content);
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.lock().ended
    }

    /// Runs a future on the client's runtime; its result is passed to the handler of this number.
    pub(crate) fn spawn<F>(self: &Arc<Self>, id: i64, future: F)
    where
        F: Future<Output = Result<Option<Namespace>>> + Send + 'static,
    {
        let post = self.clone();
        if let Err(error) = call::spawn(future, move |result| post.done(id, result)) {
            self.done(id, Err(error));
        }
    }

    /// Like `spawn`, for a future without a value.
    pub(crate) fn run<F>(self: &Arc<Self>, id: i64, future: F)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.spawn(id, async { future.await.map(|()| None) });
    }

    fn done(&self, id: i64, result: Result<Option<Namespace>>) {
        self.send(match result {
            Ok(opened) => (id, opened.map(Payload::A)),
            Err(error) => (id, Some(Payload::C(error.into()))),
        });
    }

    /// Called when the environment ends: no note is accepted any more, and waiting validators
    /// receive no answer.
    fn end(&self) {
        let content = Content { ended: true, ..Content::default() };
        let rest = mem::replace(&mut *self.lock(), content);
        drop(rest);
    }

    /// Never waits. A call that is already queued finds the new note too, and an environment that
    /// ends accepts none.
    fn wake(&self, content: MutexGuard<'_, Content>) {
        drop(content);
        let _ = self.wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
