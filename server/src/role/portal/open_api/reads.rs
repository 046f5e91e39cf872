//! `/openapi/v1/reads`: what a page reads at one time, as one call. Each read passes the guard and
//! is answered as a call of its own. The answers are sent as they arrive, so that an environment
//! that does not answer delays only what concerns it.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde::Deserialize;
use serde_json::{Map, json};
use utoipa::IntoParams;

use super::subrequest::Subrequests;
use crate::error::{Error, Result};
use crate::http::failure::complete;
use crate::http::operation::{Output, Signature};
use crate::http::revision::REVISION;
use crate::role::portal::Portal;
use crate::role::portal::access::CSRF_HEADER;
use crate::role::portal::extract::Query;

pub(super) const PATH: &str = "/openapi/v1/reads";
/// Maximum number of reads in one call.
const MOST: usize = 200;
/// Reads of one call that are worked on concurrently.
const CONCURRENT: usize = 8;
/// How long an answer waits for others to be sent with it, so that what the page reads next because
/// of them is one call again.
const COLLECTED: Duration = Duration::from_millis(25);
/// Headers of an answer that are returned with its body.
static RETURNED: [HeaderName; 3] = [REVISION, HeaderName::from_static(CSRF_HEADER), RETRY_AFTER];

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(super) struct WantedReads {
    /// Paths below `/openapi/v1/` with their queries, one in each line.
    paths: String,
}

/// Answers each path with a line of JSON: its number, status, some headers and body.
pub(super) async fn read(
    State(portal): State<Portal>,
    Extension(subrequests): Extension<Subrequests>,
    Query(WantedReads { paths }): Query<WantedReads>,
    headers: HeaderMap,
) -> Result<Lines> {
    let paths: Vec<Uri> = paths.lines().map(parse).collect::<Result<_>>()?;
    if paths.len() > MOST {
        return Err(Error::bad_request(format!("More than {MOST} reads in one call")));
    }
    let strict = portal.state.compat.strict_status;
    let answers = stream::iter(paths.into_iter().enumerate())
        .map(move |(index, path)| line(index, path, headers.clone(), subrequests.clone(), strict))
        .buffer_unordered(CONCURRENT);
    let chunks = stream::unfold(Box::pin(answers), async |mut answers| {
        Some((Ok::<_, Error>(chunk(&mut answers).await?), answers))
    });
    Ok(Lines(Body::from_stream(chunks)))
}

fn parse(path: &str) -> Result<Uri> {
    let wanted = format!("/openapi/v1/{path}").parse::<Uri>().ok();
    wanted.filter(|uri| uri.path() != PATH).ok_or_else(|| {
        Error::bad_request(format!("Path cannot be read together with others: {path}"))
    })
}

/// The next answer with those that follow at once; `None` at the end.
async fn chunk(answers: &mut (impl Stream<Item = Vec<u8>> + Unpin)) -> Option<Bytes> {
    let mut lines = answers.next().await?;
    let _ = tokio::time::timeout(COLLECTED, async {
        while let Some(line) = answers.next().await {
            lines.extend(line);
        }
    })
    .await;
    Some(lines.into())
}

async fn line(
    index: usize,
    path: Uri,
    headers: HeaderMap,
    subrequests: Subrequests,
    strict: bool,
) -> Vec<u8> {
    let name = path.path().to_owned();
    let answer = async { checked(subrequests.send(Method::GET, path, &headers, None).await) };
    let response = complete(strict, &Method::GET, &name, answer).await;
    let (parts, body) = response.into_parts();
    let returned: Map<_, _> = RETURNED
        .iter()
        .filter_map(|name| Some((name.to_string(), parts.headers.get(name)?.to_str().ok()?.into())))
        .collect();
    let mut body = to_bytes(body, usize::MAX).await.map_or_else(|_| Vec::new(), Vec::from);
    if body.is_empty() {
        body.extend(b"null");
    }
    // Line breaks between the members of a relayed body; those in texts are escaped.
    body.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    let head = json!({ "index": index, "status": parts.status.as_u16(), "headers": returned });
    let mut line = head.to_string().into_bytes();
    line.truncate(line.len() - 1);
    line.extend(b",\"body\":");
    line.extend(body);
    line.extend(b"}\n");
    line
}

/// Files and streams have no place in a line.
fn checked(response: Response) -> Response {
    let is_json = |kind: &HeaderValue| kind.as_bytes().starts_with(b"application/json");
    match response.headers().get(CONTENT_TYPE) {
        Some(kind) if !is_json(kind) => {
            Error::bad_request("The answer is not JSON: read it with a call of its own")
                .into_response()
        }
        _ => response,
    }
}

/// A stream of lines, each of which is an object.
#[derive(Debug)]
pub(super) struct Lines(Body);

impl IntoResponse for Lines {
    fn into_response(self) -> Response {
        let mut response = Response::new(self.0);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(KIND));
        // Nginx would otherwise collect the lines.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }
}

const KIND: &str = "application/x-ndjson";

impl Output for Lines {
    fn describe(signature: &mut Signature) {
        signature.stream(KIND);
    }
}
