//! A client without servers, whose values a test of the application sets.

use castalia_core::InMemory as CoreInMemory;
use castalia_core::host::memory::{Edits, change};
use castalia_core::host::settings::Entries;
use napi::{Either, Env};
use napi_derive::napi;

use crate::client::{Client, ClientOptions, settings_of};
use crate::failure::{Failure, result_or_failure};
use crate::mailbox::{Mailbox, Post};

/// Sets the values of its client. Calls that wait take the number of a handler, which receives the
/// result.
#[napi]
pub struct InMemory {
    memory: CoreInMemory,
    post: Post,
}

/// Creates one with initial values by namespace.
#[napi(catch_unwind)]
pub fn new_in_memory(
    mailbox: &Mailbox,
    options: ClientOptions,
    contents: Vec<(String, Entries)>,
) -> Either<InMemory, Failure> {
    let memory = settings_of(options)
        .and_then(|settings| CoreInMemory::with_content(settings, contents))
        .map(|memory| InMemory { memory, post: mailbox.post.clone() });
    result_or_failure(memory)
}

#[napi]
impl InMemory {
    /// The client.
    #[napi(catch_unwind)]
    pub fn client(&self, env: Env) -> napi::Result<Client> {
        Client::made(env, &self.post, self.memory.client().clone())
    }

    /// Sets several values, where null removes a key, or replaces all values of a namespace.
    /// Without values, loads of the namespace fail until they are set again.
    #[napi(catch_unwind)]
    pub fn change(&self, id: i64, namespace: String, edits: Option<Edits>, replaces: bool) {
        self.post.run(id, change(self.memory.clone(), namespace, edits, replaces));
    }
}
