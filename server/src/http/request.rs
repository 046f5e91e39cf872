//! What handlers of all roles take from a request: segments of the path, and a JSON body of limited
//! size. Each rejects invalid input with a message for the caller instead of the framework's.

use axum::BoxError;
use axum::body::Body as HttpBody;
use axum::extract::{FromRequest, FromRequestParts, Path as AxumPath, Request};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body as _;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;
use utoipa::openapi::path::ParameterIn;

use super::operation::{Input, Signature};
use super::request_memory;
use crate::error::{Code, Error, Reaction, Result};
use crate::json::{self, schema::Documented};

/// Maximum ordinary body, in bytes.
pub const BODY: usize = 1 << 20;
/// Maximum body with values of items or the content of a whole namespace, in bytes.
pub const LARGE_BODY: usize = 32 << 20;
/// Maximum number of elements of a page, as in Apollo.
pub const MAX_PAGE_SIZE: u64 = 2000;

/// Segments of the path: by name for a struct, in order for a tuple.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let parsed = AxumPath::<T>::from_request_parts(parts, state).await;
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

/// A JSON body of at most `LIMIT` bytes, in UTF-8.
#[derive(Debug)]
pub struct Body<T, const LIMIT: usize = BODY>(pub T);

impl<T: DeserializeOwned, S: Sync, const LIMIT: usize> FromRequest<S> for Body<T, LIMIT> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        check_is_json(request.headers())?;
        let bytes = read(request.into_body(), LIMIT).await?;
        json::read(&bytes).map(Self).map_err(|error| {
            let problem = without_text(&error.to_string());
            Error::bad_request(format!("JSON parse error: {problem}"))
                .with_code(Code::UnreadableBody)
        })
    }
}

/// The message of a parser without the text that it found in place of something else, because that
/// may be a secret.
fn without_text(message: &str) -> String {
    let found = message.split_once(" string \"").and_then(|(before, rest)| {
        let (_, expected) = rest.rsplit_once("\", expected ")?;
        Some(format!("{before} string, expected {expected}"))
    });
    found.unwrap_or_else(|| message.to_owned())
}

impl<T: Documented, const LIMIT: usize> Input for Body<T, LIMIT> {
    fn describe(signature: &mut Signature) {
        signature.request::<T>();
    }
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// Fails if the body is longer, if the caller disconnected, or if the memory for bodies is in use.
pub async fn read(body: HttpBody, limit: usize) -> Result<Bytes> {
    let too_large =
        || Error::new(Reaction::TooLarge, format!("The body is larger than {limit} bytes."));
    // An announced length is refused before anything is read.
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let unread = |error: BoxError| {
        if error.is::<LengthLimitError>() {
            return too_large();
        }
        request_memory::refusal(&*error).unwrap_or_else(|| {
            Error::bad_request(format!("The body ended early: {error}"))
                .with_code(Code::UnreadableBody)
        })
    };
    let mut body = Limited::new(body, limit);
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(unread)?.into_data() else { continue };
        if whole.is_empty() && body.is_end_stream() {
            return Ok(piece);
        }
        // Copied into one buffer: kept as they arrive, single bytes would take thirty times their
        // length.
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
}

/// The media type in lower case, without its parameters.
#[must_use]
pub fn media_type(headers: &HeaderMap) -> String {
    content_type(headers).split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn check_is_json(headers: &HeaderMap) -> Result<()> {
    let media_type = media_type(headers);
    let unsupported =
        |message: String| Err(Error::bad_request(message).with_code(Code::UnsupportedMediaType));
    let is_json = media_type
        .strip_prefix("application/")
        .is_some_and(|rest| rest == "json" || rest.ends_with("+json"));
    if !is_json {
        return unsupported(format!(
            "Content-Type '{media_type}' is not supported; send application/json"
        ));
    }
    let parameters = content_type(headers).split(';').skip(1);
    let charset = parameters
        .filter_map(|parameter| parameter.trim().split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("charset"))
        .map(|(_, charset)| charset.trim_matches('"'));
    match charset {
        Some(charset)
            if !["utf-8", "utf8", "us-ascii"].contains(&charset.to_ascii_lowercase().as_str()) =>
        {
            unsupported(format!("charset '{charset}' is not supported; send JSON in UTF-8"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body that announces its length and must not be read.
    struct Announced(u64);

    impl hyper::body::Body for Announced {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<std::result::Result<hyper::body::Frame<Bytes>, Self::Error>>>
        {
            panic!("it was read");
        }

        fn size_hint(&self) -> hyper::body::SizeHint {
            hyper::body::SizeHint::with_exact(self.0)
        }
    }

    #[tokio::test]
    async fn a_body_that_announces_to_be_too_large_is_refused_unread() {
        let refused = read(HttpBody::new(Announced(1001)), 1000).await.unwrap_err();
        assert!(refused.message().contains("larger than 1000 bytes"), "{refused:?}");
        let read = read(HttpBody::from(vec![b' '; 1000]), 1000).await.unwrap();
        assert_eq!(read.len(), 1000);
    }

    /// X22.
    #[tokio::test]
    async fn a_body_of_small_pieces_takes_one_buffer() {
        // Each piece is a part of a buffer that is kept as long as the piece is.
        let buffers = [b'a', b'b', b'c'].map(|byte| Bytes::from(vec![byte; 8192]));
        let pieces = buffers.clone().map(|buffer| Ok::<_, std::io::Error>(buffer.slice(..1)));
        let stream = futures_util::stream::iter(pieces);
        let whole = read(HttpBody::from_stream(stream), 1000).await.unwrap();
        assert_eq!(whole, "abc");
        assert!(buffers.iter().all(Bytes::is_unique), "no buffer is kept");
        // A single piece is not copied.
        let single = Bytes::from(vec![b'x'; 100]);
        assert_eq!(
            read(HttpBody::from(single.clone()), 100).await.unwrap().as_ptr(),
            single.as_ptr()
        );
    }

    #[test]
    fn a_text_in_the_wrong_place_is_not_repeated() {
        let error = serde_json::from_str::<Vec<i64>>(r#"["a\", expected b"]"#).unwrap_err();
        let expected = "invalid type: string, expected i64 at line 1 column 18";
        assert_eq!(without_text(&error.to_string()), expected);
        let other = "EOF while parsing a string at line 1 column 5";
        assert_eq!(without_text(other), other);
    }

    #[test]
    fn json_is_accepted_in_utf_8_only() {
        for (text, is_accepted) in [
            ("application/json", true),
            ("application/json;charset=UTF-8", true),
            ("Application/Vnd.X+JSON; Charset=\"utf-8\"", true),
            ("application/json; charset=utf-16", false),
            ("text/json", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, text.parse().unwrap())]);
            assert_eq!(check_is_json(&headers).is_ok(), is_accepted, "{text}");
        }
    }
}
