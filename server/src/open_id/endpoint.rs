//! Calls of the token and user info endpoints. An answer with a status that none of them uses for a
//! refusal is a failure of the endpoint. Members of an answer that the portal does not use may have
//! any form. Does not know what the answers mean.

use futures_util::future::BoxFuture;
use http::StatusCode;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::outgoing::guarded::{CallError, GuardedClient};

/// Statuses with which providers refuse a code or a token.
const REFUSALS: [StatusCode; 3] =
    [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];

/// Reason why an endpoint has no answer. For the log.
#[derive(Debug, Error)]
pub(super) enum EndpointError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the answer has the status {0}")]
    Status(StatusCode),
}

/// An endpoint whose answers are changed before they are read.
pub(super) struct ProviderEndpoint<'p, F> {
    pub(super) http: &'p GuardedClient,
    pub(super) change: F,
}

impl<'c, F: Fn(&mut Map<String, Value>) + Sync> AsyncHttpClient<'c> for ProviderEndpoint<'_, F> {
    type Error = EndpointError;
    type Future = BoxFuture<'c, Result<HttpResponse, EndpointError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let mut answer = self.http.send(request).await?;
            let status = answer.status();
            if !status.is_success() && !REFUSALS.contains(&status) {
                return Err(EndpointError::Status(status));
            }
            if let Ok(mut members) = serde_json::from_slice(answer.body()) {
                (self.change)(&mut members);
                *answer.body_mut() = Value::Object(members).to_string().into_bytes();
            }
            Ok(answer)
        })
    }
}

/// Changes the answer of a token endpoint: some providers write the lifetime as a text or omit the
/// type, and the description of an error may repeat the secrets of the request.
pub(super) fn token_answer(members: &mut Map<String, Value>) {
    members.retain(|name, _| matches!(name.as_str(), "access_token" | "id_token" | "error"));
    members.insert("token_type".to_owned(), "Bearer".into());
}

/// The problem of an answer that cannot be read, without its values.
pub(super) fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once(": ") {
        // The library reports standard claims by name and without a position, and others by
        // position.
        Some((problem, _)) if error.line() > 0 => {
            format!("{problem} at line {} column {}", error.line(), error.column())
        }
        Some((problem, _)) => problem.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_of_an_error_but_its_code_is_read() {
        let description = "invalid: Authorization: Basic c2VjcmV0, code_verifier=secret";
        let answer = json!({ "error": "invalid_client", "error_description": description });
        let Value::Object(mut members) = answer else { panic!("no object") };
        token_answer(&mut members);
        let expected = json!({ "error": "invalid_client", "token_type": "Bearer" });
        assert_eq!(Value::Object(members), expected);
    }
}
