//! `/configfiles`: the same releases as text, JSON or raw document. Never answers 304.

use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use castalia_core::format::properties::{self, Escaping};
use castalia_core::protocol::namespace::{CONTENT_KEY, Format, NamespaceKey};
use castalia_core::protocol::route::{Caller, FileForm};
use castalia_core::protocol::wire::Configurations;
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::access::Client;
use super::not_found;
use crate::domain::lookup::{self, Asked, Found};
use crate::error::Result;
use crate::feed::answer::Ingredients;
use crate::json::{self, JSON_TYPE};
use crate::state::EnvironmentState;

const TEXT: &str = "text/plain;charset=UTF-8";

/// Answers a request.
pub(super) async fn answer(
    state: &EnvironmentState,
    form: FileForm,
    target: &NamespaceKey,
    client: &Client,
    caller: Caller,
) -> Result<Response> {
    let asked = Asked { target, app_id: client.app_id.as_deref(), caller: &caller, messages: None };
    let found = lookup::find(&state.feed, asked).await?.ok_or_else(|| not_found(target))?;
    state.instances.offer(&asked, &found);
    let format = Format::of(&target.namespace);
    Ok(match form {
        FileForm::Json => {
            let body = body(state, "file json", &found, json::write)?;
            ([(CONTENT_TYPE, JSON_TYPE)], body).into_response()
        }
        FileForm::Raw if format.is_document() => raw(format, &found),
        FileForm::Raw | FileForm::Properties => {
            let body = body(state, "file text", &found, |content| Ok(text(content)))?;
            ([(CONTENT_TYPE, TEXT)], body).into_response()
        }
    })
}

fn body(
    state: &EnvironmentState,
    form: &'static str,
    found: &Found,
    write: impl FnOnce(&Configurations) -> Result<String>,
) -> Result<Bytes> {
    let release_key = found.release_key();
    let (release_key, digest) = (&*release_key, found.digest());
    let of = Ingredients { form, release_key, digest, base_key: "", names: [""; 3] };
    state.feed.answers().get_or_make(&of, || write(&found.configurations()).map(String::into_bytes))
}

fn raw(format: Format, found: &Found) -> Response {
    match found.configurations().shift_remove(CONTENT_KEY) {
        Some(content) => ([(CONTENT_TYPE, content_type(format))], content).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

const fn content_type(format: Format) -> &'static str {
    match format {
        Format::Json => "application/json;charset=UTF-8",
        Format::Yml | Format::Yaml => "application/yaml;charset=UTF-8",
        Format::Xml => "application/xml;charset=UTF-8",
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
