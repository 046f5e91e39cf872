//! `/openapi/v1/reads`: what a page reads at one time, as one call. Each read passes the guard and
//! is answered as a call of its own. The answers are sent as they arrive, so that an environment
//! that does not answer delays only what concerns it.

mod turn;

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Map, json};
use tokio::sync::oneshot;
use tracing::Instrument as _;
use utoipa::IntoParams;

pub(in crate::role::portal) use self::turn::ReadTurns;
pub(super) use self::turn::{ReadEnvironment, ReadTurn, Reader};
use super::subrequest::Subrequests;
use crate::error::{Error, Result};
use crate::http::failure::complete;
use crate::http::operation::{Output, Signature};
use crate::http::request_memory::KeptBytes;
use crate::http::revision::REVISION;
use crate::role::portal::Portal;
use crate::role::portal::access::CSRF_HEADER;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;

pub(super) const PATH: &str = "/openapi/v1/reads";
/// Maximum number of reads in one call.
const MOST: usize = 200;
/// Reads of one call that run or wait for their turn concurrently.
const CONCURRENT: usize = 8;
/// How long an answer waits for others to be sent with it, so that what the page reads next because
/// of them is one call again.
const COLLECTED: Duration = Duration::from_millis(25);
/// Bytes of answers that are sent together, unless one alone has more.
const TOGETHER: usize = 256 * 1024;
/// Headers of an answer that are returned with its body.
static RETURNED: [HeaderName; 3] = [REVISION, HeaderName::from_static(CSRF_HEADER), RETRY_AFTER];

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(super) struct WantedReads {
    /// Paths below `/openapi/v1/` with their queries, one in each line.
    paths: String,
}

/// What the reads of one call have in common.
#[derive(Debug, Clone)]
struct ReadCall {
    portal: Portal,
    user: Reader,
    headers: HeaderMap,
    subrequests: Subrequests,
}

/// Answers each path with a line of JSON: its number, status, some headers and body.
pub(super) async fn read(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(subrequests): Extension<Subrequests>,
    Query(WantedReads { paths }): Query<WantedReads>,
    headers: HeaderMap,
) -> Result<Lines> {
    let paths: Vec<Uri> = paths.lines().map(parse).collect::<Result<_>>()?;
    if paths.len() > MOST {
        return Err(Error::bad_request(format!("More than {MOST} reads in one call")));
    }
    let user = Reader::of(&caller.identity);
    let call = ReadCall { portal, user, headers, subrequests };
    let answers = stream::iter(paths.into_iter().enumerate())
        .map(move |(index, path)| in_turn(call.clone(), index, path))
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

/// Lines that are not sent yet, and the memory that their caller is charged for.
#[derive(Debug, Default)]
struct KeptLines {
    text: Vec<u8>,
    kept: Vec<KeptBytes>,
}

impl AsRef<[u8]> for KeptLines {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

/// The next answer with those that follow at once; `None` at the end.
async fn chunk(answers: &mut (impl Stream<Item = KeptLines> + Unpin)) -> Option<Bytes> {
    let mut lines = answers.next().await?;
    let _ = tokio::time::timeout(COLLECTED, async {
        while lines.text.len() < TOGETHER
            && let Some(line) = answers.next().await
        {
            lines.text.extend(line.text);
            lines.kept.extend(line.kept);
        }
    })
    .await;
    Some(Bytes::from_owner(lines))
}

impl ReadCall {
    /// The environment that a path names. An app may be called `envs`.
    fn environment(&self, path: &Uri) -> Option<ReadEnvironment> {
        let segments: Vec<_> = path.path().split('/').collect();
        let mut named = segments.windows(2).filter_map(|pair| match pair {
            ["envs", name] => percent_decode_str(name).decode_utf8().ok(),
            _ => None,
        });
        let found = named.find_map(|name| self.portal.state.environments.find(&name).ok())?;
        Some(ReadEnvironment::of(&self.portal, &found))
    }

    /// With the turn of a read, which keeps it until the call is dropped.
    fn holding(self, turn: ReadTurn) -> Self {
        Self { subrequests: self.subrequests.with(turn), ..self }
    }
}

/// The line of a read, which runs in a task of its own: it would otherwise stop in the middle, and
/// keep its turn, while its caller does not receive the answers. Once it runs, it continues after
/// its caller disconnected, because the database does so as well.
async fn in_turn(call: ReadCall, index: usize, path: Uri) -> KeptLines {
    let (mut answer, answered) = oneshot::channel();
    let part = async move {
        let environment = call.environment(&path);
        let turn = tokio::select! {
            biased;
            () = answer.closed() => return,
            turn = call.portal.own.reads.take(&call.user, environment.as_ref()) => turn,
        };
        let call = call.holding(turn);
        let line = line(&call, index, path).await;
        drop(call);
        // Fails if the caller disconnected.
        let _ = answer.send(line);
    };
    tokio::spawn(part.in_current_span());
    answered.await.unwrap_or_default()
}

async fn line(call: &ReadCall, index: usize, path: Uri) -> KeptLines {
    let ReadCall { portal, headers, subrequests, .. } = call;
    let strict = portal.state.compat.strict_status;
    let name = path.path().to_owned();
    let answer = async { checked(subrequests.send(Method::GET, path, headers, None).await) };
    let response = complete(strict, &Method::GET, &name, answer).await;
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    match subrequests.keep(body.len()) {
        Ok(kept) => KeptLines { text: text(index, &parts, body.into()), kept: vec![kept] },
        Err(refusal) => {
            let refused = async { refusal.into_response() };
            let (parts, body) = complete(strict, &Method::GET, &name, refused).await.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
            KeptLines { text: text(index, &parts, body.into()), kept: Vec::new() }
        }
    }
}

/// The text of an answer.
fn text(index: usize, parts: &Parts, mut body: Vec<u8>) -> Vec<u8> {
    let returned: Map<_, _> = RETURNED
        .iter()
        .filter_map(|name| Some((name.to_string(), parts.headers.get(name)?.to_str().ok()?.into())))
        .collect();
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
