//! The client. Calls that wait take the number of a handler, which receives the result.

use std::collections::HashMap;

use castalia_core::host::client::HostClient;
use castalia_core::host::describe;
use castalia_core::host::memory::Edits;
use castalia_core::host::settings::{Entries, HostSettings};
use napi::Env;
use napi::bindgen_prelude::ObjectFinalize;
use napi_derive::napi;

use crate::failure::Result;
use crate::mailbox::{Mailbox, Payload, Post};
use crate::namespace::Namespace;
use crate::validator;

/// Arguments for creating a client; entries by namespace.
#[napi(object, object_to_js = false)]
pub struct ClientOptions {
    pub values: HashMap<String, String>,
    pub from_env: bool,
    pub defaults: Vec<(String, Entries)>,
    pub seeds: Vec<(String, Entries)>,
}

/// Approximate size of a client in bytes, so that JavaScript collects closed ones in time.
const SIZE: i64 = 300_000;

/// A client.
#[napi(custom_finalize)]
pub struct Client {
    client: HostClient,
    post: Post,
}

impl ObjectFinalize for Client {
    fn finalize(self, env: Env) -> napi::Result<()> {
        env.adjust_external_memory(-SIZE).map(|_| ())
    }
}

/// Creates a client, which opens no socket before a namespace is opened. One in memory has these
/// values by namespace instead of servers.
#[napi(catch_unwind)]
pub fn new_client(
    env: Env,
    mailbox: &Mailbox,
    options: ClientOptions,
    memory: Option<Vec<(String, Entries)>>,
) -> Result<Client> {
    let ClientOptions { values, from_env, defaults, seeds } = options;
    let unset = HostSettings::default();
    let settings =
        HostSettings { binding: "node", from_env, values, defaults, seeds, memory, ..unset };
    let client = HostClient::new(settings)?;
    // Only advice to the garbage collector.
    let _ = env.adjust_external_memory(SIZE);
    Ok(Client { client, post: mailbox.post.clone() })
}

#[napi]
impl Client {
    /// A report of the client as JSON, by its name; see `describe::report`.
    #[napi(catch_unwind)]
    pub fn report(&self, name: String) -> String {
        describe::report(&self.client, &name).to_string()
    }

    /// Opens the namespaces of `castalia.namespaces`.
    #[napi(catch_unwind)]
    pub fn start(&self, id: i64) {
        self.post.run(id, self.client.start());
    }

    /// Opens a namespace as values or as one text.
    #[napi(catch_unwind)]
    pub fn open(&self, id: i64, app_id: String, namespace: String, as_text: bool) {
        let (opened, post) = (self.client.open(app_id, namespace, as_text), self.post.clone());
        let namespace = async { Ok(Some(Payload::A(Namespace { opened: opened.await?, post }))) };
        self.post.spawn(id, namespace);
    }

    /// Calls this handler before a release of a namespace is applied.
    #[napi(catch_unwind)]
    pub fn validate(&self, id: i64, namespace: String) -> Result<()> {
        let post = self.post.clone();
        let ask = move |snapshot: &_| validator::ask(&post, id, snapshot);
        Ok(self.client.validate(&namespace, ask)?)
    }

    /// Signs requests for an app id with another secret.
    #[napi(catch_unwind)]
    pub fn set_access_key(&self, app_id: String, secret: String) {
        self.client.set_access_key(&app_id, &secret);
    }

    /// Sets several values of a client in memory, where null removes a key, or replaces all values
    /// of a namespace. Without values, loads of the namespace fail until they are set again.
    #[napi(catch_unwind)]
    pub fn change(&self, id: i64, namespace: String, edits: Option<Edits>, replaces: bool) {
        self.post.run(id, self.client.change(namespace, edits, replaces));
    }

    /// Stops the client; the handler is called when it has stopped.
    #[napi(catch_unwind)]
    pub fn close(&self, id: i64) {
        self.client.stop();
        self.post.run(id, self.client.close());
    }
}
