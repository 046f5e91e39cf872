//! Extractors of handlers: query, path, JSON body. Each rejects invalid input with a message of the
//! portal instead of the framework's.

use axum::body::Body as HttpBody;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{StatusCode, Uri};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa::openapi::path::ParameterIn;

use crate::error::{Code, Error, Reaction, Result};
use crate::http::operation::{Input, Output, Signature};
use crate::json::Json;
use crate::json::schema::Documented;

/// Maximum ordinary body, in bytes.
pub(super) const BODY: usize = 1024 * 1024;
/// Maximum body with the content of a whole namespace, in bytes.
pub(super) const LARGE_BODY: usize = 32 * 1024 * 1024;
/// Maximum number of elements of a page.
const PAGE: u64 = 2000;

/// Parameters of the query.
#[derive(Debug)]
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        query(&parts.uri).map(Self)
    }
}

impl<T: IntoParams> Input for Query<T> {
    fn describe(signature: &mut Signature) {
        signature.parameters::<T>(&ParameterIn::Query);
    }
}

fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T> {
    let parsed = axum::extract::Query::<T>::try_from_uri(uri);
    parsed.map(|query| query.0).map_err(|rejection| {
        let problem = std::error::Error::source(&rejection)
            .map_or_else(|| rejection.to_string(), ToString::to_string);
        let code = if problem.starts_with("missing field") {
            Code::MissingParameter
        } else {
            Code::InvalidParameter
        };
        Error::bad_request(format!("Query: {problem}")).with_code(code)
    })
}

/// Parameters of the path, by name.
#[derive(Debug)]
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let parsed = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        parsed.map(|path| Self(path.0)).map_err(|rejection| {
            Error::bad_request(format!("Path: {}", rejection.body_text()))
                .with_code(Code::InvalidParameter)
        })
    }
}

impl<T: IntoParams> Input for Path<T> {
    fn describe(signature: &mut Signature) {
        signature.parameters::<T>(&ParameterIn::Path);
    }
}

/// A JSON body of at most `LIMIT` bytes.
#[derive(Debug)]
pub(super) struct Body<T, const LIMIT: usize = BODY>(pub(super) T);

impl<T: DeserializeOwned, S: Sync, const LIMIT: usize> FromRequest<S> for Body<T, LIMIT> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let kind = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if kind != "application/json" && !kind.ends_with("+json") {
            let message = format!("Content-Type '{kind}' is not supported; send application/json");
            return Err(Error::bad_request(message).with_code(Code::UnsupportedMediaType));
        }
        let bytes = read(request.into_body(), LIMIT).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            Error::bad_request(format!("JSON parse error: {error}")).with_code(Code::UnreadableBody)
        })
    }
}

impl<T: Documented, const LIMIT: usize> Input for Body<T, LIMIT> {
    fn describe(signature: &mut Signature) {
        signature.request::<T>();
    }
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(body: HttpBody, limit: usize) -> Result<Bytes> {
    match Limited::new(body, limit).collect().await {
        Ok(read) => Ok(read.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Error::new(Reaction::TooLarge, format!("The body is larger than {limit} bytes")))
        }
        Err(error) => Err(Error::bad_request(format!("The body ended early: {error}"))
            .with_code(Code::UnreadableBody)),
    }
}

/// The requested page of a list; a size of 0 selects the list's default.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(super) struct Paging {
    /// Number of the page, from 0.
    pub(super) page: u64,
    /// Elements of a page; 0 for the default of the list.
    pub(super) size: u64,
}

impl Paging {
    pub(super) fn of(uri: &Uri) -> Result<Self> {
        query(uri)
    }

    /// Replaces a size of 0 by the list's default, and limits it to the maximum of one answer.
    pub(super) fn or_size(self, size: u64) -> Self {
        let size = if self.size == 0 { size } else { self.size };
        Self { size: size.min(PAGE), ..self }
    }

    /// Converts it to parameters of the admin API.
    pub(super) fn texts(self) -> [String; 2] {
        [self.page.to_string(), self.size.to_string()]
    }
}

/// An optional answer; `None` becomes an empty body, which clients interpret as such.
#[derive(Debug)]
pub(super) struct Found<T>(pub(super) Option<T>);

impl<T: Serialize> IntoResponse for Found<T> {
    fn into_response(self) -> Response {
        match self.0 {
            Some(value) => Json(value).into_response(),
            None => StatusCode::OK.into_response(),
        }
    }
}

impl<T: Documented> Output for Found<T> {
    fn describe(signature: &mut Signature) {
        signature.response::<T>();
    }
}
