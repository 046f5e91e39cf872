//! One environment: calls of its admin API, in memory or over HTTP.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::address::{Address, encode};
use super::by_env;
use super::local::Local;
use super::remote::Remote;
use crate::domain::audit_log::CallerSpan;
use crate::environment::{audit, revision};
use crate::error::{Code, Error, Result};
use crate::http::revision::{before, of};
use crate::json;
use crate::server_config::{ServerConfig, keys};

const FORM: &str = "application/x-www-form-urlencoded";

/// One environment: calls of its admin API.
#[derive(Debug, Clone)]
pub struct Environment {
    pub(super) name: String,
    pub(super) transport: Transport,
    pub(super) config: ServerConfig,
}

/// How calls get to the admin API.
#[derive(Debug, Clone)]
pub(super) enum Transport {
    InProcess(Arc<Local>),
    Remote(Arc<Remote>),
    Unreachable,
}

/// One call of an admin API.
pub(super) struct Call {
    pub(super) method: Method,
    /// Path and query.
    pub(super) path: String,
    /// Content type and text.
    pub(super) body: Option<(&'static str, String)>,
    /// Revision that a change is based on.
    pub(super) revision: Option<String>,
    /// The audited request that it is part of.
    pub(super) span: Option<CallerSpan>,
}

/// The answer to a call that succeeded.
pub(super) struct Answer {
    pub(super) body: Bytes,
    /// Revision that it shows, or that the change led to.
    pub(super) revision: Option<String>,
    /// Revision before the change.
    pub(super) before: Option<String>,
}

impl Answer {
    pub(super) fn new(headers: &HeaderMap, body: Bytes) -> Self {
        Self { body, revision: of(headers), before: before(headers) }
    }
}

impl Environment {
    /// Name in its normalised spelling.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is the environment of this process.
    #[must_use]
    pub fn is_local(&self) -> bool {
        matches!(self.transport, Transport::InProcess(_))
    }

    /// Reads an object that must exist.
    ///
    /// # Errors
    /// Returns the error of the admin service, or an error if the environment cannot be reached.
    pub async fn get<T: DeserializeOwned>(&self, address: Address) -> Result<T> {
        parse(&self.call(Method::GET, address, None).await?)
    }

    /// Reads an object that may be absent, which is an empty answer.
    ///
    /// # Errors
    /// Same as [`Self::get`].
    pub async fn find<T: DeserializeOwned>(&self, address: Address) -> Result<Option<T>> {
        let answer = self.call(Method::GET, address, None).await?;
        if answer.is_empty() { Ok(None) } else { parse(&answer).map(Some) }
    }

    /// Creates an object and returns what was created.
    ///
    /// # Errors
    /// Same as [`Self::get`].
    pub async fn create<T: DeserializeOwned>(
        &self,
        address: Address,
        body: &impl Serialize,
    ) -> Result<T> {
        parse(&self.send(Method::POST, address, body).await?)
    }

    /// Posts a body; the answer is ignored.
    ///
    /// # Errors
    /// Same as [`Self::get`].
    pub async fn post(&self, address: Address, body: &impl Serialize) -> Result<()> {
        self.send(Method::POST, address, body).await.map(drop)
    }

    /// Posts a body to an operation that changes nothing, with the revision of the caller.
    ///
    /// # Errors
    /// Same as [`Self::get`].
    pub async fn examine(&self, address: Address, body: &impl Serialize) -> Result<()> {
        let body = Some((json::JSON_TYPE, json::write(body)?));
        let (path, span) = (address.checked()?, audit::span());
        let call = Call { method: Method::POST, path, body, revision: revision::base(), span };
        self.transmit(call).await.map(drop)
    }

    /// Changes an object, based on its last read revision unless the caller names one.
    ///
    /// # Errors
    /// Same as [`Self::get`]; also a conflict if it was changed meanwhile.
    pub async fn change_on_last_read(
        &self,
        method: Method,
        address: Address,
        body: &impl Serialize,
    ) -> Result<()> {
        let base = revision::base().or_else(revision::shown);
        let body = Some((json::JSON_TYPE, json::write(body)?));
        self.call_on(base, method, address, body).await.map(drop)
    }

    /// The same with a post, and returns the result.
    ///
    /// # Errors
    /// Same as [`Self::change_on_last_read`].
    pub async fn create_on_last_read<T: DeserializeOwned>(
        &self,
        address: Address,
        body: &impl Serialize,
    ) -> Result<T> {
        let base = revision::base().or_else(revision::shown);
        let body = Some((json::JSON_TYPE, json::write(body)?));
        parse(&self.call_on(base, Method::POST, address, body).await?)
    }

    /// Changes an object.
    ///
    /// # Errors
    /// Same as [`Self::get`].
    pub async fn put(&self, address: Address, body: &impl Serialize) -> Result<()> {
        self.send(Method::PUT, address, body).await.map(drop)
    }

    /// Changes an object by the address alone, without a body.
    ///
    /// # Errors
    /// Same as [`Self::get`].
    pub async fn put_empty(&self, address: Address) -> Result<()> {
        self.call(Method::PUT, address, None).await.map(drop)
    }

    /// Posts form fields and returns the result.
    ///
    /// # Errors
    /// Same as [`Self::get`].
    pub async fn submit<T: DeserializeOwned>(
        &self,
        address: Address,
        fields: &[(&str, &str)],
    ) -> Result<T> {
        parse(&self.call(Method::POST, address, Some((FORM, encode(fields)))).await?)
    }

    /// The same, unless the object changed since the last read of this request.
    ///
    /// # Errors
    /// Same as [`Self::change_on_last_read`].
    pub async fn submit_on_last_read<T: DeserializeOwned>(
        &self,
        address: Address,
        fields: &[(&str, &str)],
    ) -> Result<T> {
        let base = revision::base().or_else(revision::shown);
        parse(&self.call_on(base, Method::POST, address, Some((FORM, encode(fields)))).await?)
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// Same as [`Self::get`].
    pub async fn delete(&self, address: Address) -> Result<()> {
        self.call(Method::DELETE, address, None).await.map(drop)
    }

    /// The same, unless the object changed since the last read of this request.
    ///
    /// # Errors
    /// Same as [`Self::change_on_last_read`].
    pub async fn delete_on_last_read(&self, address: Address) -> Result<()> {
        let base = revision::base().or_else(revision::shown);
        self.call_on(base, Method::DELETE, address, None).await.map(drop)
    }

    async fn send(&self, method: Method, address: Address, body: &impl Serialize) -> Result<Bytes> {
        self.call(method, address, Some((json::JSON_TYPE, json::write(body)?))).await
    }

    async fn call(
        &self,
        method: Method,
        address: Address,
        body: Option<(&'static str, String)>,
    ) -> Result<Bytes> {
        let base = (method != Method::GET).then(revision::base).flatten();
        self.call_on(base, method, address, body).await
    }

    async fn call_on(
        &self,
        revision: Option<String>,
        method: Method,
        address: Address,
        body: Option<(&'static str, String)>,
    ) -> Result<Bytes> {
        let (path, span) = (address.checked()?, audit::span());
        let target = audit::Target::of(&self.name, &path);
        let (is_read, base) = (method == Method::GET, revision.clone());
        let outcome = self.transmit(Call { method, path, body, revision, span }).await;
        if !is_read {
            audit::note(target.as_ref(), base.as_deref(), &outcome);
        }
        let Answer { body, revision, before } = outcome?;
        match revision {
            Some(shown) if is_read => revision::note_shown(shown),
            Some(after) => revision::note_made(before.as_deref(), after),
            None => {}
        }
        Ok(body)
    }

    async fn transmit(&self, call: Call) -> Result<Answer> {
        match &self.transport {
            Transport::InProcess(local) => local.call(call).await,
            Transport::Remote(remote) => remote.call(&call, self.token().as_deref()).await,
            Transport::Unreachable => Err(Error::service(format!(
                "No available admin server. Name the meta server of {env} in apollo.portal.meta.servers or {env}_META.",
                env = self.name
            ))
            .with_code(Code::EnvUnreachable)),
        }
    }

    /// Whether it is reachable according to the last probes.
    #[must_use]
    pub fn is_up(&self) -> bool {
        match &self.transport {
            Transport::InProcess(_) => true,
            Transport::Remote(remote) => remote.probes.is_up(),
            Transport::Unreachable => false,
        }
    }

    /// Whether [`Self::probe`] is due. The caller has to start it: it is due to nobody else then.
    #[must_use]
    pub fn take_probe(&self) -> bool {
        match &self.transport {
            Transport::Remote(remote) => remote.probes.take_due(remote.longest_probe()),
            Transport::InProcess(_) | Transport::Unreachable => false,
        }
    }

    /// Finds out whether it is reachable. Returns after its time-outs at the latest.
    pub async fn probe(&self) {
        if let Transport::Remote(remote) = &self.transport {
            remote.probe(&self.name, self.token().as_deref()).await;
        }
    }

    /// The token for its admin services.
    fn token(&self) -> Option<String> {
        by_env(&self.config, &keys::ENVIRONMENT_TOKENS, &self.name)
    }
}

fn parse<T: DeserializeOwned>(answer: &[u8]) -> Result<T> {
    serde_json::from_slice(answer)
        .map_err(|error| Error::internal("unexpected answer of the admin service", error))
}
