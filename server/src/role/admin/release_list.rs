//! Lists of releases with their values. Apollo's portal requests those of a page of the history at
//! once and cannot request fewer, so a list that is too long for one answer is sent in parts, of
//! which one is in memory while the next one is read. A caller that collects the answer in memory,
//! as our portal does, requests a bounded one: such a list is refused then.

use std::future::ready;
use std::vec::IntoIter;

use axum::body::Body;
use axum::extract::Extension;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use castalia_store::Store;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use http::header::CONTENT_TYPE;

use super::body::bodies;
use super::long_read::contents;
use super::request::Parameters;
use crate::domain::release::{ReleaseRows, ReleaseValues};
use crate::error::{Error, Result};
use crate::http::request_memory::{KeptBytes, RequestMemory};
use crate::json::{self, JSON_TYPE, Json};
use crate::wire::admin as wire;

/// What a long answer is charged to; absent in this process, whose requests are bounded.
pub(super) type Memory = Option<Extension<RequestMemory>>;

/// Answers with the releases: with all values, as Apollo's portal requests them, or with those of
/// one key.
pub(super) async fn answer(
    store: &Store,
    rows: ReleaseRows,
    parameters: &Parameters,
    memory: Memory,
) -> Result<Response> {
    let key = parameters.optional("onlyKey");
    if key.is_none() && !parameters.flag("bounded", false)? && !rows.fit() {
        return in_parts(store, &rows, memory);
    }
    let read = contents(store, |store| async move {
        rows.read(&store, ReleaseValues::of_key(key.as_deref())).await
    });
    Ok(Json(bodies::<wire::Release, _>(read.await?)).into_response())
}

/// The caller is charged for the longest part, and for the one before it, which is still being sent.
fn in_parts(store: &Store, rows: &ReleaseRows, memory: Memory) -> Result<Response> {
    let parts = rows.parts();
    let longest = parts.iter().map(ReleaseRows::bytes).max().unwrap_or_default();
    let kept = match memory {
        Some(Extension(memory)) => {
            memory.keep(usize::try_from(2 * longest).unwrap_or(usize::MAX))?
        }
        None => KeptBytes::default(),
    };
    let list =
        SentList { store: store.clone(), parts: parts.into_iter(), has_begun: false, _kept: kept };
    let releases = stream::try_unfold(list, SentList::next).inspect_err(|error| {
        tracing::warn!(%error, "a list of releases ended early: a part of it cannot be read");
    });
    let edge = |text: &'static [u8]| stream::once(ready(Ok::<_, Error>(Bytes::from_static(text))));
    let body = Body::from_stream(edge(b"[").chain(releases).chain(edge(b"]")));
    Ok(([(CONTENT_TYPE, JSON_TYPE)], body).into_response())
}

/// A list that is read as it is sent.
struct SentList {
    store: Store,
    parts: IntoIter<ReleaseRows>,
    /// Whether a release was sent.
    has_begun: bool,
    _kept: KeptBytes,
}

impl SentList {
    /// The next part; `None` at the end.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        let Some(rows) = self.parts.next() else { return Ok(None) };
        let read = |store: Store| async move { rows.read(&store, ReleaseValues::All).await };
        let releases = contents(&self.store, read).await?;
        let mut text = String::new();
        for release in releases {
            if self.has_begun {
                text.push(',');
            }
            self.has_begun = true;
            text.push_str(&json::write(&wire::Release::from(release))?);
        }
        Ok(Some((text.into(), self)))
    }
}
