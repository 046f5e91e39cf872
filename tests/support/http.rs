//! A small HTTP client for tests: one line for each request, complete answers to compare.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, StatusCode, redirect};
use serde_json::Value;

use super::eventually::Patience;

/// An answer with its complete body.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) headers: HeaderMap,
}

/// The reason comes first, because reports of failures are cut off.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, text, headers } = self;
        let body: Value = serde_json::from_str(text).unwrap_or_default();
        write!(f, "{status} {}: {text} {headers:?}", body["message"])
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// The answer; panics unless it is 200.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, StatusCode::OK.as_u16(), "{self:?}");
        self
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether nothing was changed, and the same request may succeed later. The answer of a port
    /// that is full has no body: it is no moment of a busy machine.
    pub(crate) fn is_refused_for_now(&self) -> bool {
        let is_unavailable = self.status == 503 && !self.header("retry-after").is_empty();
        is_unavailable && !self.text.is_empty() && !self.text.contains("outcome_unknown")
    }
}

/// A base address and the headers that every request carries.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    base: String,
    headers: HeaderMap,
}

impl Http {
    pub(crate) fn new(base: &str) -> Self {
        Self { base: base.to_owned(), headers: HeaderMap::new() }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers
            .insert(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
        self
    }

    /// A header that every request carries; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Posts an empty body to a server that may be killed; `None` without a complete answer.
    pub(crate) async fn try_post(&self, path: &str) -> Option<Answer> {
        let request = client().post(format!("{}{path}", self.base)).headers(self.headers.clone());
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Some(Answer { status, headers, text: response.text().await.ok()? })
    }

    /// Sends a request to a server that may be killed or suspended; `None` without a complete
    /// answer within this time.
    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        time: Duration,
    ) -> Option<Answer> {
        let url = format!("{}{path}", self.base);
        let request = client().request(method, url).headers(self.headers.clone()).timeout(time);
        let request = match body {
            Some(body) => with_json(request, body),
            None => request,
        };
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Some(Answer { status, headers, text: response.text().await.ok()? })
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    pub(crate) async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let fields = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = client().post(format!("{}{path}", self.base)).headers(self.headers.clone());
        read(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(fields)).await
    }

    /// The body of an answer, whatever its status is.
    pub(crate) async fn download(&self, path: &str) -> Vec<u8> {
        let request = client().get(format!("{}{path}", self.base)).headers(self.headers.clone());
        request.send().await.unwrap().bytes().await.unwrap().to_vec()
    }

    /// Posts a form with a file.
    pub(crate) async fn upload(&self, path: &str, name: &str, content: &[u8]) -> Answer {
        let head = format!(
            "--BOUNDARY\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             content-type: application/octet-stream\r\n\r\n"
        );
        let body = [head.as_bytes(), content, b"\r\n--BOUNDARY--\r\n"].concat();
        let request = client().post(format!("{}{path}", self.base)).headers(self.headers.clone());
        let kind = "multipart/form-data; boundary=BOUNDARY";
        read(request.header("Content-Type", kind).body(body)).await
    }

    /// Posts a text with the content type of JSON.
    pub(crate) async fn text(&self, path: &str, body: &str) -> Answer {
        self.raw(Method::POST, path, "application/json", body).await
    }

    /// Sends a text with this content type, unless another one is among the headers.
    pub(crate) async fn raw(&self, method: Method, path: &str, kind: &str, body: &str) -> Answer {
        let mut headers = self.headers.clone();
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::try_from(kind).unwrap());
        let request = client().request(method, format!("{}{path}", self.base)).headers(headers);
        read(request.body(body.to_owned())).await
    }

    /// Sends a request, and again as long as it is refused for now.
    pub(crate) async fn send_patiently(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        Patience::new().send(|| self.send(method.clone(), path, body.clone())).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request =
            client().request(method, format!("{}{path}", self.base)).headers(self.headers.clone());
        read(match body {
            Some(body) => with_json(request, &body),
            None => request,
        })
        .await
    }
}

fn with_json(request: reqwest::RequestBuilder, body: &Value) -> reqwest::RequestBuilder {
    request.header(CONTENT_TYPE, "application/json").body(body.to_string())
}

async fn read(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

/// Does not follow redirects, so that tests can check them.
fn client() -> &'static Client {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    CLIENT.get_or_init(|| builder().build().unwrap())
}

/// The same, for tests that have to see the bytes that arrive: it decompresses nothing.
pub(crate) fn verbatim() -> Client {
    builder().no_gzip().build().unwrap()
}

fn builder() -> ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Each test has its own runtime, and a pooled connection of another runtime would not work.
    let client = Client::builder().redirect(redirect::Policy::none()).no_proxy();
    client.pool_max_idle_per_host(0)
}
