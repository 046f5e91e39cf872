//! `/configfiles`: the same releases as text, JSON or raw document. Never answers 304.

use bytes::Bytes;
use castalia_core::format::properties::{self, Escaping};
use castalia_core::protocol::namespace::{CONTENT_KEY, Format, NamespaceKey};
use castalia_core::protocol::route::{Caller, FileForm, POLL_LINE_HEADER};
use castalia_core::protocol::wire::Configurations;
use http::StatusCode;

use super::access::AuthenticatedClient;
use super::{JSON, POLL_LINE, not_found, ok, with_address, without_body};
use crate::domain::lookup::{self, LookupRequest, LookupResult};
use crate::error::Result;
use crate::feed::answer::Ingredients;
use crate::feed::cache::ReadFrom;
use crate::http::memory::{ClientHead, PlainAnswer, StaticHeaders};
use crate::json;
use crate::state::EnvironmentState;

const TEXT: StaticHeaders = &of_type("text/plain;charset=UTF-8");
const JSON_DOCUMENT: StaticHeaders = &of_type("application/json;charset=UTF-8");
const YAML: StaticHeaders = &of_type("application/yaml;charset=UTF-8");
const XML: StaticHeaders = &of_type("application/xml;charset=UTF-8");

const fn of_type(content_type: &'static str) -> [(&'static str, &'static str); 2] {
    [("content-type", content_type), (POLL_LINE_HEADER, POLL_LINE)]
}

/// Answers a request.
pub(super) async fn answer(
    state: &EnvironmentState,
    form: FileForm,
    target: &NamespaceKey,
    client: &AuthenticatedClient,
    head: &ClientHead<'_>,
    read_from: ReadFrom,
) -> Result<PlainAnswer> {
    let caller = with_address(Caller::parse(head.query), head);
    let app_id = client.app_id.as_deref();
    let asked = LookupRequest { target, app_id, caller: &caller, messages: None, read_from };
    let found = lookup::find(&state.feed, asked).await?.ok_or_else(|| not_found(target))?;
    state.instances.offer(&asked, &found);
    let format = Format::of(&target.namespace);
    Ok(match form {
        FileForm::Json => {
            ok(JSON, body(state, "file json", &found, || json::write(&found.configurations()))?)
        }
        FileForm::Raw if format.is_document() => raw(state, format, &found)?,
        FileForm::Raw | FileForm::Properties => {
            ok(TEXT, body(state, "file text", &found, || Ok(text(&found.configurations())))?)
        }
    })
}

/// A body that depends on the releases only, so that all clients share it.
fn body(
    state: &EnvironmentState,
    form: &'static str,
    found: &LookupResult,
    write: impl FnOnce() -> Result<String>,
) -> Result<Bytes> {
    let release_key = found.release_key();
    let (release_key, digest) = (&*release_key, found.digest());
    let of = Ingredients { form, release_key, digest, base_key: "", names: [""; 3] };
    state.feed.answers().get_or_make(&of, || write().map(String::into_bytes))
}

fn raw(state: &EnvironmentState, format: Format, found: &LookupResult) -> Result<PlainAnswer> {
    // An own document replaces a public one.
    let content = found.releases().find_map(|release| release.configurations.get(CONTENT_KEY));
    Ok(match content {
        Some(content) => {
            ok(headers(format), body(state, "file raw", found, || Ok(content.clone()))?)
        }
        None => without_body(StatusCode::NOT_FOUND),
    })
}

const fn headers(format: Format) -> StaticHeaders {
    match format {
        Format::Json => JSON_DOCUMENT,
        Format::Yml | Format::Yaml => YAML,
        Format::Xml => XML,
        Format::Txt | Format::Properties => TEXT,
    }
}

/// Sorted by key: Apollo's order is that of a hash table, and a stable text is easier to compare.
fn text(configurations: &Configurations) -> String {
    let mut entries: Vec<_> =
        configurations.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    entries.sort_unstable();
    properties::write(entries, Escaping::Minimal)
}
