//! The header `Castalia-Revision`: the state of a namespace that an answer shows, or that a change
//! is based on. `domain/revision.rs` defines revisions.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::operation::{Input, Output, Signature};
use crate::domain::revision::{Base, Revision};

/// Name of the header.
pub const REVISION: HeaderName = HeaderName::from_static("castalia-revision");

/// The value of the header, if it is present. One that is no text is no revision either, and not the
/// absence of one.
#[must_use]
pub fn of(headers: &HeaderMap) -> Option<String> {
    Some(String::from_utf8_lossy(headers.get(REVISION)?.as_bytes()).into_owned())
}

/// The revision that a request is based on.
#[derive(Debug)]
pub struct On(pub Base);

impl<S: Send + Sync> FromRequestParts<S> for On {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Base::new(of(&parts.headers))))
    }
}

/// A header of all changes, described once for all.
impl Input for On {
    fn describe(_: &mut Signature) {}
}

/// An answer together with the revision that it shows.
#[derive(Debug)]
pub struct At<T>(pub Revision, pub T);

impl<T: Output> Output for At<T> {
    fn describe(signature: &mut Signature) {
        T::describe(signature);
    }
}

impl<T: IntoResponse> IntoResponse for At<T> {
    fn into_response(self) -> Response {
        let mut response = self.1.into_response();
        if let Ok(revision) = HeaderValue::from_str(self.0.as_str()) {
            response.headers_mut().insert(REVISION, revision);
        }
        response
    }
}
