//! `/configs`: one namespace for one client, as 304, in full, or as changes.

use axum::response::{IntoResponse as _, Response};
use castalia_core::protocol::route::{Caller, ConfigQuery, Target};
use castalia_core::protocol::wire::{ApolloConfig, INCREMENTAL_SYNC};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::not_found;
use crate::domain::increment::changes;
use crate::domain::lookup::{self, Found};
use crate::error::Result;
use crate::feed::answer::Ingredients;
use crate::json::{self, JSON_TYPE};
use crate::state::EnvironmentState;

/// Answers a request; 304 is decided before any body is touched.
pub(super) async fn answer(
    state: &EnvironmentState,
    target: &Target,
    query: &str,
    with_address: impl FnOnce(Caller) -> Caller,
) -> Result<Response> {
    let query = ConfigQuery::parse(query);
    let caller = with_address(query.caller);
    let found = lookup::find(&state.feed, target, &caller, query.messages.as_ref()).await?;
    let found = found.ok_or_else(|| not_found(target))?;
    state.instances.offer(target, &caller, &found.releases);
    let release_key = found.release_key();
    let known = query.release_key.as_deref();
    if known == Some(&release_key) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    let base = known.filter(|_| state.config.is_on("config-service.incremental.change.enabled"));
    let base = match base {
        Some(key) => lookup::by_release_key(&state.feed, key).await.map(|base| (key, base)),
        None => None,
    };
    let body = match &base {
        Some((key, base)) => increment(state, target, &found, &release_key, (key, base))?,
        None => full(state, target, &found, &release_key)?,
    };
    Ok(([(CONTENT_TYPE, JSON_TYPE)], body).into_response())
}

fn full(
    state: &EnvironmentState,
    target: &Target,
    found: &Found,
    release_key: &str,
) -> Result<bytes::Bytes> {
    let of = ingredients("config", target, found, release_key, "");
    state.feed.answers().get_or_make(&of, || {
        let config = ApolloConfig {
            configurations: Some(found.configurations()),
            ..empty(target, found, release_key)
        };
        json::write(&config).map(String::into_bytes)
    })
}

fn increment(
    state: &EnvironmentState,
    target: &Target,
    found: &Found,
    release_key: &str,
    (base_key, base): (&str, &Found),
) -> Result<bytes::Bytes> {
    let of = ingredients("increment", target, found, release_key, base_key);
    state.feed.answers().get_or_make(&of, || {
        let config = ApolloConfig {
            config_sync_type: Some(INCREMENTAL_SYNC.to_owned()),
            configuration_changes: Some(changes(&base.configurations(), &found.configurations())),
            ..empty(target, found, release_key)
        };
        json::write(&config).map(String::into_bytes)
    })
}

fn ingredients<'a>(
    form: &'static str,
    target: &'a Target,
    found: &'a Found,
    release_key: &'a str,
    base_key: &'a str,
) -> Ingredients<'a> {
    Ingredients { form, release_key, base_key, names: [&target.app_id, &found.cluster, &target.namespace] }
}

fn empty(target: &Target, found: &Found, release_key: &str) -> ApolloConfig {
    ApolloConfig {
        app_id: target.app_id.clone(),
        cluster: found.cluster.clone(),
        namespace_name: target.namespace.clone(),
        configurations: None,
        release_key: release_key.to_owned(),
        config_sync_type: None,
        configuration_changes: None,
    }
}
