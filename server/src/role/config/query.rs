//! `/configs`: one namespace for one client, as 304, in full, or as changes.

use bytes::Bytes;
use castalia_core::protocol::namespace::NamespaceKey;
use castalia_core::protocol::route::ConfigQuery;
use castalia_core::protocol::wire::{ApolloConfig, Configurations, INCREMENTAL_SYNC};
use http::StatusCode;

use super::access::AuthenticatedClient;
use super::{JSON, not_found, ok, with_address, without_body};
use crate::domain::increment::changes;
use crate::domain::lookup::{self, LookupRequest, LookupResult};
use crate::error::Result;
use crate::feed::answer::Ingredients;
use crate::feed::cache::ReadFrom;
use crate::http::memory::{ClientHead, PlainAnswer};
use crate::json;
use crate::server_config::keys;
use crate::state::EnvironmentState;

/// Answers a request; decides on 304 before any body is touched.
pub(super) async fn answer(
    state: &EnvironmentState,
    target: &NamespaceKey,
    client: &AuthenticatedClient,
    head: &ClientHead<'_>,
    read_from: ReadFrom,
) -> Result<PlainAnswer> {
    let query = ConfigQuery::parse(head.query);
    let caller = with_address(query.caller, head);
    let (app_id, messages) = (client.app_id.as_deref(), query.messages.as_ref());
    let asked = LookupRequest { target, app_id, caller: &caller, messages, read_from };
    let found = lookup::find(&state.feed, asked).await?.ok_or_else(|| not_found(target))?;
    // Recorded before the 304: a client without changes still reads the release.
    state.instances.offer(&asked, &found);
    let release_key = found.release_key();
    // After a change by hand, the client may have other content under the same key.
    let known = query.release_key.as_deref().filter(|_| !found.is_rewritten());
    if known == Some(&release_key) {
        return Ok(without_body(StatusCode::NOT_MODIFIED));
    }
    let base = known.filter(|_| state.config.get(&keys::INCREMENTS));
    let base = match base {
        Some(key) => {
            let base = Box::pin(lookup::base(&state.feed, asked, &found, key)).await;
            base.map(|base| (key, base))
        }
        None => None,
    };
    let answer = ConfigAnswer { state, target, found: &found, release_key: &release_key };
    let body = match &base {
        Some((key, base)) => answer.increment(key, base)?,
        None => answer.full()?,
    };
    Ok(ok(JSON, body))
}

/// Everything that determines the body of an answer.
struct ConfigAnswer<'a> {
    state: &'a EnvironmentState,
    target: &'a NamespaceKey,
    found: &'a LookupResult,
    release_key: &'a str,
}

impl ConfigAnswer<'_> {
    fn full(&self) -> Result<Bytes> {
        self.state.feed.answers().get_or_make(&self.ingredients("config", ""), || {
            let config =
                ApolloConfig { configurations: Some(self.found.configurations()), ..self.empty() };
            json::write(&config).map(String::into_bytes)
        })
    }

    fn increment(&self, base_key: &str, base: &Configurations) -> Result<Bytes> {
        self.state.feed.answers().get_or_make(&self.ingredients("increment", base_key), || {
            let config = ApolloConfig {
                config_sync_type: Some(INCREMENTAL_SYNC.to_owned()),
                configuration_changes: Some(changes(base, &self.found.configurations())),
                ..self.empty()
            };
            json::write(&config).map(String::into_bytes)
        })
    }

    fn ingredients<'b>(&'b self, form: &'static str, base_key: &'b str) -> Ingredients<'b> {
        let names = [&self.target.app_id, self.found.cluster(self.target), &self.target.namespace];
        let digest = self.found.digest();
        Ingredients { form, release_key: self.release_key, digest, base_key, names }
    }

    fn empty(&self) -> ApolloConfig {
        ApolloConfig {
            app_id: self.target.app_id.clone(),
            cluster: self.found.cluster(self.target).to_owned(),
            namespace_name: self.target.namespace.clone(),
            configurations: None,
            release_key: self.release_key.to_owned(),
            config_sync_type: None,
            configuration_changes: None,
        }
    }
}
