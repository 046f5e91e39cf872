//! `/configfiles`: the same releases as text, JSON or raw document. Never a 304.

use axum::response::{IntoResponse as _, Response};
use castalia_core::format::properties::{self, Form};
use castalia_core::protocol::namespace::{CONTENT_KEY, Format};
use castalia_core::protocol::route::{Caller, FileForm, Target};
use castalia_core::protocol::wire::Configurations;
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::not_found;
use crate::domain::lookup;
use crate::error::Result;
use crate::json::Json;
use crate::state::EnvironmentState;

const TEXT: &str = "text/plain;charset=UTF-8";

/// Answers a request.
pub(super) async fn answer(
    state: &EnvironmentState,
    form: FileForm,
    target: &Target,
    caller: Caller,
) -> Result<Response> {
    let found = lookup::find(&state.feed, target, &caller, None).await?;
    let configurations = found.ok_or_else(|| not_found(target))?.configurations();
    Ok(match form {
        FileForm::Properties => ([(CONTENT_TYPE, TEXT)], text(&configurations)).into_response(),
        FileForm::Json => Json(&configurations).into_response(),
        FileForm::Raw => raw(&target.namespace, &configurations),
    })
}

fn raw(namespace: &str, configurations: &Configurations) -> Response {
    let format = Format::of(namespace);
    if !format.is_document() {
        return ([(CONTENT_TYPE, TEXT)], text(configurations)).into_response();
    }
    match configurations.get(CONTENT_KEY) {
        Some(content) => ([(CONTENT_TYPE, content_type(format))], content.clone()).into_response(),
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

/// Sorted by key: the reference's order is that of a hash table, and a stable text is easier to compare.
fn text(configurations: &Configurations) -> String {
    let mut entries: Vec<_> = configurations.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    entries.sort_unstable();
    properties::write(entries, Form::Text)
}
