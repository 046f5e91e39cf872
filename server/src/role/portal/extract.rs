//! What handlers of the portal take from the query: parameters by type, and the requested page.
//! `http/request.rs` has what all roles share.

use axum::extract::FromRequestParts;
use http::Uri;
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;
use utoipa::openapi::path::ParameterIn;

use crate::error::{Code, Error, Result};
use crate::http::operation::{Input, Signature};
use crate::http::request::MAX_PAGE_SIZE;

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
        Self { size: size.min(MAX_PAGE_SIZE), ..self }
    }

    /// Converts it to parameters of the admin API.
    pub(super) fn texts(self) -> [String; 2] {
        [self.page.to_string(), self.size.to_string()]
    }
}
