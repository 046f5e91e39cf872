//! Converts an [`Error`] to status and body, and is the only place that logs it. Also converts a
//! panic of one request to a 500, so that the other requests and all parked polls survive.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Local, Utc};
use futures_util::FutureExt as _;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::logged_path::logged_path;
use crate::error::{Code, Error, Reaction, Stale};
use crate::json::schema::Named;
use crate::log_rate::{LogRate, shortened};

/// Prefix of the class names that scripts written for Apollo inspect.
const EXCEPTIONS: &str = "com.ctrip.framework.apollo.common.exception.";

/// Seconds after which a rejected client may try again.
const RETRY_SECONDS: &str = "5";

/// Headers of every answer, unless it sets its own value.
pub(super) static COMMON_HEADERS: [(HeaderName, &str); 3] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "SAMEORIGIN"),
    (CACHE_CONTROL, "no-cache, no-store, max-age=0, must-revalidate"),
];

/// Body of an error that a handler raised.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExceptionResponse, description = "An error.")]
pub struct Handled<'a> {
    /// Apollo's name of the error; absent if the request was refused before its handler ran.
    #[schema(required = false)]
    exception: String,
    /// What happened and what to do.
    message: &'a str,
    /// HTTP status.
    status: u16,
    /// Local time of the error.
    timestamp: String,
    /// Stable name of the reason, in snake case.
    #[schema(value_type = String)]
    code: Code,
    #[serde(flatten)]
    #[schema(ignore)]
    stale: Option<&'a Stale>,
}

impl Named for Handled<'_> {}

/// Body of an error that was raised before any handler ran, in the format of Apollo's servlet
/// container.
#[derive(Serialize)]
struct Early<'a> {
    timestamp: String,
    status: u16,
    error: &'a str,
    path: &'a str,
    message: &'a str,
    code: Code,
}

/// Passes the error as an extension, because only [`render`] knows the path.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = status(&self, false).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The outermost layer of a router; a port does the same around its service.
pub async fn render(State(strict): State<bool>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    complete(strict, &method, &path, next.run(request)).await
}

/// Adds the bodies of errors, a 500 for a panic, and the headers of every answer.
pub async fn complete(
    strict: bool,
    method: &Method,
    path: &str,
    answer: impl Future<Output = Response>,
) -> Response {
    let response = unless_panicked(answer).await.unwrap_or_else(Error::into_response);
    finish(strict, method, path, response)
}

/// The outcome of a handler; an error if it panics.
pub(super) async fn unless_panicked<T>(answer: impl Future<Output = T>) -> Result<T, Error> {
    AssertUnwindSafe(answer).catch_unwind().await.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Error::new(Reaction::Internal, format!("a request handler panicked: {text}"))
    })
}

/// Adds the body of an error, and the headers of every answer.
pub(super) fn finish(
    strict: bool,
    method: &Method,
    path: &str,
    mut response: Response,
) -> Response {
    if let Some(error) = response.extensions_mut().remove::<Error>() {
        let path = &*logged_path(path);
        let status = status(&error, strict);
        report(method, path, status, &error);
        *response.status_mut() = status;
        if matches!(error.reaction(), Reaction::TooMany | Reaction::Unavailable) {
            response
                .headers_mut()
                .entry(RETRY_AFTER)
                .or_insert(HeaderValue::from_static(RETRY_SECONDS));
        }
        if let Some(body) = body(&error, status, path) {
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            // A router has already set the length of the body that is replaced.
            headers.remove(CONTENT_LENGTH);
            *response.body_mut() = Body::from(body);
        }
    }
    let headers = response.headers_mut();
    for (name, value) in &COMMON_HEADERS {
        headers.entry(name).or_insert_with(|| HeaderValue::from_static(value));
    }
    response
}

/// Logs the error of an answer whose caller disconnected.
pub fn report_unheard(method: &Method, path: &str, response: &Response) {
    if let Some(error) = response.extensions().get::<Error>() {
        report(method, &logged_path(path), status(error, false), error);
    }
}

/// Logs one line for an error. The rate is limited, because any client can cause errors of the
/// server while a fault lasts.
fn report(method: &Method, path: &str, status: StatusCode, error: &Error) {
    static FAILED: LogRate = LogRate::new();
    static UNAVAILABLE: LogRate = LogRate::new();
    let (path, status_code) = (shortened(path), status.as_u16());
    if !status.is_server_error() {
        // It names what the caller sent.
        let error = error.to_string();
        let error = shortened(&error);
        tracing::debug!(%method, path, status = status_code, error, "request refused");
    } else if matches!(error.reaction(), Reaction::Unavailable) {
        if let Some(suppressed) = UNAVAILABLE.admit() {
            tracing::warn!(%method, path, status = status_code, %error, suppressed, "request refused because a resource is unavailable");
        }
    } else if let Some(suppressed) = FAILED.admit() {
        tracing::error!(%method, path, status = status_code, %error, suppressed, "request failed");
    }
}

/// The answer to an unknown path.
pub async fn unknown_path(request: Request) -> Error {
    let path = logged_path(request.uri().path());
    Error::not_found(format!("No static resource {}.", path.trim_start_matches('/')))
        .with_code(Code::UnknownPath)
}

/// The answer to a wrong method.
pub async fn wrong_method(request: Request) -> Error {
    Error::new(
        Reaction::MethodNotAllowed,
        format!("Request method '{}' is not supported", request.method()),
    )
}

fn status(error: &Error, strict: bool) -> StatusCode {
    let reference = match error.code() {
        Code::UnknownPath
        | Code::MissingParameter
        | Code::InvalidParameter
        | Code::UnreadableBody => StatusCode::INTERNAL_SERVER_ERROR,
        Code::MethodNotAllowed => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    if strict && reference != StatusCode::OK {
        return reference;
    }
    match error.reaction() {
        Reaction::BadRequest => StatusCode::BAD_REQUEST,
        Reaction::Unauthorized => StatusCode::UNAUTHORIZED,
        Reaction::Forbidden => StatusCode::FORBIDDEN,
        Reaction::NotFound => StatusCode::NOT_FOUND,
        Reaction::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Reaction::Conflict => StatusCode::CONFLICT,
        Reaction::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Reaction::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Reaction::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Reaction::Service | Reaction::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn body(error: &Error, status: StatusCode, path: &str) -> Option<String> {
    let message = match error.reaction() {
        Reaction::Internal => "Internal error; see the server's log for the cause.",
        _ => error.message(),
    };
    let written = if error.is_early() {
        crate::json::write(&Early {
            timestamp: DateTime::<Utc>::from(SystemTime::now())
                .format("%Y-%m-%dT%H:%M:%S%.3f+0000")
                .to_string(),
            status: status.as_u16(),
            error: status.canonical_reason().unwrap_or_default(),
            path,
            message,
            code: error.code(),
        })
    } else {
        crate::json::write(&Handled {
            exception: exception(error.reaction()),
            message,
            status: status.as_u16(),
            timestamp: DateTime::<Local>::from(SystemTime::now())
                .format("%Y-%m-%dT%H:%M:%S%.6f")
                .to_string(),
            code: error.code(),
            stale: error.revisions(),
        })
    };
    written.ok()
}

fn exception(reaction: Reaction) -> String {
    let class = match reaction {
        Reaction::BadRequest | Reaction::TooLarge | Reaction::Conflict => "BadRequestException",
        Reaction::NotFound => "NotFoundException",
        Reaction::MethodNotAllowed => {
            return "org.springframework.web.HttpRequestMethodNotSupportedException".into();
        }
        Reaction::Forbidden => {
            return "org.springframework.security.access.AccessDeniedException".into();
        }
        _ => "ServiceException",
    };
    format!("{EXCEPTIONS}{class}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_references_numbers_are_given_only_when_asked_for() {
        let cases = [
            (Error::not_found("x").with_code(Code::UnknownPath), 404, 500),
            (Error::new(Reaction::MethodNotAllowed, "x"), 405, 400),
            (Error::bad_request("x").with_code(Code::MissingParameter), 400, 500),
            (Error::bad_request("x"), 400, 400),
            (Error::not_found("x"), 404, 404),
        ];
        for (error, ours, reference) in cases {
            assert_eq!(status(&error, false).as_u16(), ours);
            assert_eq!(status(&error, true).as_u16(), reference);
        }
    }

    #[test]
    fn the_text_of_an_internal_error_stays_in_the_log() {
        let error = Error::internal("secret path /x", std::io::Error::other("boom"));
        let body = body(&error, StatusCode::INTERNAL_SERVER_ERROR, "/p").unwrap();
        assert!(!body.contains("secret") && !body.contains("boom"), "{body}");
    }
}
