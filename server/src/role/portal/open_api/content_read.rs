//! Reads whose answers contain the contents of namespaces, each of which may have megabytes: a caller
//! has few of them at a time, and is charged for a long answer before it is built.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::reads::{ReadEnvironment, ReadTurn};
use crate::domain::permission::need::Identity;
use crate::environment::Environment;
use crate::error::Result;
use crate::http::operation::{Input, Signature};
use crate::http::request_memory::{KeptBytes, RequestMemory};
use crate::role::portal::Portal;
use crate::role::portal::identity::Caller;

/// The caller of such a read.
#[derive(Debug)]
pub(super) struct ContentRead {
    caller: String,
    memory: Option<RequestMemory>,
}

impl<S: Sync> FromRequestParts<S> for ContentRead {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let caller = parts.extensions.get::<Caller>();
        Ok(Self {
            caller: caller.map(|caller| unique_name(&caller.identity)).unwrap_or_default(),
            memory: parts.extensions.get::<RequestMemory>().cloned(),
        })
    }
}

/// Provided by the server, not by callers.
impl Input for ContentRead {
    fn describe(_: &mut Signature) {}
}

impl ContentRead {
    /// Waits until the caller may read contents of an environment. Whoever has a turn must not wait
    /// for another one.
    pub(super) async fn turn(&self, portal: &Portal, environment: &Environment) -> ReadTurn {
        let environment = ReadEnvironment::from(environment);
        portal.own.content_reads.take(&self.caller, Some(&environment)).await
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

/// The name of a caller that no other one has: a user and a consumer may have the same name. All
/// tokens of a user are one caller, so that more of them do not allow more.
pub(super) fn unique_name(identity: &Identity) -> String {
    let kind = if matches!(identity, Identity::Consumer(_)) { "consumer" } else { "user" };
    format!("{kind} {}", identity.name().to_lowercase())
}

/// The length of optional texts together, in bytes.
pub(super) fn length<'t>(texts: impl IntoIterator<Item = Option<&'t str>>) -> usize {
    texts.into_iter().flatten().map(str::len).sum()
}
