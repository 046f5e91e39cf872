//! The header `Castalia-Revision`: the state of a namespace that an answer shows, that a change is
//! based on, or that it led to. `domain/revision.rs` defines revisions.

use std::borrow::Cow;
use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::operation::{Input, Output, Signature};
use super::span;
use crate::domain::revision::{Base, Revision, Transition};

/// Name of the header.
pub const REVISION: HeaderName = HeaderName::from_static("castalia-revision");

/// Name of the header with the state before a change.
pub const BEFORE: HeaderName = HeaderName::from_static("castalia-revision-before");

/// The value of the header, if it is present. One that is no text is no revision either, and not
/// the absence of one.
#[must_use]
pub fn of(headers: &HeaderMap) -> Option<String> {
    text(headers, &REVISION)
}

/// The revision before the change that an answer reports.
#[must_use]
pub fn before(headers: &HeaderMap) -> Option<String> {
    text(headers, &BEFORE)
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    // Several ones are a list, and no revision.
    values.map(Cow::into_owned).reduce(|list, value| format!("{list}, {value}"))
}

/// The revision that a request is based on. An audited operation records the revisions before and
/// after its changes.
#[derive(Debug)]
pub struct On(pub Base);

impl<S: Send + Sync> FromRequestParts<S> for On {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let is_recorded = parts.headers.contains_key(span::TRACE_ID);
        Ok(Self(Base::new(of(&parts.headers), is_recorded)))
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
        insert(&mut response, REVISION, Some(&self.0));
        response
    }
}

/// The answer to a change, together with the revisions before and after it.
#[derive(Debug)]
pub struct After<T>(pub Transition, pub T);

impl<T: IntoResponse> IntoResponse for After<T> {
    fn into_response(self) -> Response {
        let Self(Transition { before, after }, answer) = self;
        let mut response = answer.into_response();
        insert(&mut response, BEFORE, before.as_ref());
        insert(&mut response, REVISION, after.as_ref());
        response
    }
}

fn insert(response: &mut Response, name: HeaderName, revision: Option<&Revision>) {
    let value = revision.map(|revision| HeaderValue::from_str(revision.as_str()));
    if let Some(Ok(value)) = value {
        response.headers_mut().insert(name, value);
    }
}
