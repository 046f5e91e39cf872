//! The client. Calls that wait take the number of a handler, which receives the result.

use std::collections::HashMap;

use castalia_core::host::describe;
use castalia_core::host::open::{self, View};
use castalia_core::host::settings::{Entries, HostSettings};
use castalia_core::{Client as CoreClient, Result, Settings};
use napi::bindgen_prelude::ObjectFinalize;
use napi::{Either, Env};
use napi_derive::napi;

use crate::failure::{Failure, result_or_failure};
use crate::mailbox::{Mailbox, Post};
use crate::namespace::Namespace;
use crate::validator;
use crate::value::Rules;

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
    client: CoreClient,
    post: Post,
}

impl ObjectFinalize for Client {
    fn finalize(self, env: Env) -> napi::Result<()> {
        env.adjust_external_memory(-SIZE).map(|_| ())
    }
}

/// Creates a client, which opens no socket before a namespace is opened.
#[napi(catch_unwind)]
pub fn new_client(
    env: Env,
    mailbox: &Mailbox,
    options: ClientOptions,
) -> napi::Result<Either<Client, Failure>> {
    Ok(match settings_of(options).and_then(CoreClient::new) {
        Ok(client) => Either::A(Client::made(env, &mailbox.post, client)?),
        Err(error) => Either::B(error.into()),
    })
}

impl Client {
    pub(crate) fn made(env: Env, post: &Post, client: CoreClient) -> napi::Result<Self> {
        env.adjust_external_memory(SIZE)?;
        Ok(Self { client, post: post.clone() })
    }
}

pub(crate) fn settings_of(options: ClientOptions) -> Result<Settings> {
    let ClientOptions { values, from_env, defaults, seeds } = options;
    let overlay = HashMap::new();
    HostSettings { binding: "node", from_env, values, overlay, defaults, seeds }.resolve()
}

#[napi]
impl Client {
    /// A report of the client as JSON, by its name; see `describe::report`.
    #[napi(catch_unwind)]
    pub fn report(&self, name: String) -> String {
        describe::report(&self.client, &name).to_string()
    }

    /// Rules for typed reads.
    #[napi(getter, catch_unwind)]
    pub fn rules(&self) -> Rules {
        Rules::new(self.client.read_rules())
    }

    /// Opens the namespaces of `castalia.namespaces`.
    #[napi(catch_unwind)]
    pub fn start(&self, id: i64) {
        let client = self.client.clone();
        self.post.run(id, async move { client.start().await });
    }

    /// Opens a namespace as values or as one text.
    #[napi(catch_unwind)]
    pub fn open(&self, id: i64, app_id: String, namespace: String, as_text: bool) {
        let opened = open::open(self.client.clone(), app_id, namespace, View::asked(as_text));
        let post = self.post.clone();
        self.post.spawn(id, async { Ok(Some(Namespace::new(opened.await?, post))) });
    }

    /// Calls this handler before a release of a namespace is applied.
    #[napi(catch_unwind)]
    pub fn validate(&self, id: i64, namespace: String) -> Either<(), Failure> {
        let post = self.post.clone();
        let ask = move |snapshot: &_| validator::ask(&post, id, snapshot);
        result_or_failure(self.client.validate(&namespace, ask))
    }

    /// Signs requests for an app id with another secret.
    #[napi(catch_unwind)]
    pub fn set_access_key(&self, app_id: String, secret: String) {
        self.client.set_access_key(&app_id, &secret);
    }

    /// Stops the client; the handler is called when it has stopped.
    #[napi(catch_unwind)]
    pub fn close(&self, id: i64) {
        self.client.stop();
        self.post.run(id, open::close(self.client.clone()));
    }
}
