//! The interface of answers from memory: what a service can answer while the head of the request is
//! still in the buffer that it was received into. The front asks here first, and so builds neither
//! a request nor a response for each of thousands of clients. Knows no role.

use std::net::SocketAddr;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::client_answer::LargeBody;

/// The parts of a request without a body that its answer depends on, borrowed from its head.
#[derive(Debug, Clone, Copy)]
pub struct ClientHead<'a> {
    /// Path below the base path, percent-encoded.
    pub path: &'a str,
    /// Query without its question mark; empty if there is none.
    pub query: &'a str,
    /// Headers in the form that they were parsed to.
    pub headers: HeadFields<'a>,
    /// Address that the connection comes from; `None` in tests without one.
    pub peer: Option<SocketAddr>,
}

/// Headers of a request.
#[derive(Debug, Clone, Copy)]
pub enum HeadFields<'a> {
    /// Of a complete request.
    Map(&'a HeaderMap),
    /// Of a head that is still in its buffer.
    Parsed(&'a [httparse::Header<'a>]),
}

/// Names in lower case and values, in the order in which they are sent.
pub type StaticHeaders = &'static [(&'static str, &'static str)];

/// An answer whose headers are known in advance.
#[derive(Debug, Clone)]
pub struct PlainAnswer {
    /// Status.
    pub status: StatusCode,
    /// Headers, without those of every answer.
    pub headers: StaticHeaders,
    /// Shared by all clients that receive the same body.
    pub body: Bytes,
}

/// An answer for the front.
#[derive(Debug)]
pub enum FrontAnswer {
    /// From memory.
    Plain(PlainAnswer),
    /// Any other one, including errors.
    Response(Response),
}

/// First outcome of a request.
pub enum Begun {
    /// Its answer.
    Answer(FrontAnswer),
    /// A future that waits for the answer, and keeps nothing of the head.
    Wait(BoxFuture<'static, FrontAnswer>),
}

/// A service that can answer from memory.
pub trait FromMemory: Send + Sync {
    /// Begins to answer a GET; `None` if that requires more than memory. The service is then called
    /// with the whole request.
    fn begin(&self, head: &ClientHead<'_>) -> Option<Begun>;
}

impl<'a> HeadFields<'a> {
    /// The first value of a header, if it is text.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a str> {
        match self {
            Self::Map(headers) => headers.get(name)?.to_str().ok(),
            Self::Parsed(headers) => {
                let found = headers.iter().find(|one| one.name.eq_ignore_ascii_case(name))?;
                let is_text = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
                found.value.iter().all(is_text).then(|| str::from_utf8(found.value).ok()).flatten()
            }
        }
    }
}

impl IntoResponse for PlainAnswer {
    fn into_response(self) -> Response {
        let large = LargeBody::of(&self.body);
        let mut response = Response::new(Body::from(self.body));
        if let Some(large) = large {
            response.extensions_mut().insert(large);
        }
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
        response
    }
}

impl IntoResponse for FrontAnswer {
    fn into_response(self) -> Response {
        match self {
            Self::Plain(plain) => plain.into_response(),
            Self::Response(response) => response,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_headers_have_the_same_text() {
        let values: [&[u8]; 4] = [b"a b", b"a\tb", "\u{e4}".as_bytes(), b""];
        for value in values {
            let mut map = HeaderMap::new();
            map.insert("x-forwarded-for", HeaderValue::from_bytes(value).unwrap());
            map.append("x-forwarded-for", HeaderValue::from_static("second"));
            let first = httparse::Header { name: "X-Forwarded-For", value };
            let parsed = [first, httparse::Header { name: first.name, value: b"second" }];
            let (map, parsed) = (HeadFields::Map(&map), HeadFields::Parsed(&parsed));
            assert_eq!(map.get("X-forwarded-for"), parsed.get("X-forwarded-for"), "{value:?}");
            assert_eq!((map.get("other"), parsed.get("other")), (None, None));
        }
    }
}
