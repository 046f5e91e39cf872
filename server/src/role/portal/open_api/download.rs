//! Answers that a browser saves as a file.

use std::fs::File;
use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use futures_util::stream::try_unfold;
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use tokio::io::AsyncReadExt as _;

use crate::http::operation::{Output, Signature};
use crate::turns::Turn;

/// Bytes that are read from a file at once.
const CHUNK: usize = 64 * 1024;

/// A file for the caller.
#[derive(Debug)]
pub(super) struct Download {
    name: String,
    length: u64,
    body: Body,
}

impl Download {
    /// Sends a text.
    pub(super) fn text(name: &str, text: String) -> Self {
        Self { name: name.to_owned(), length: text.len() as u64, body: Body::from(text) }
    }

    /// Sends a file of this length, as fast as the caller reads it. The file and the turn end with
    /// its last piece: whoever has received that may begin the next export at once.
    pub(super) fn file(name: String, (file, length): (File, u64), turn: Arc<Turn>) -> Self {
        let unread = Some((tokio::fs::File::from_std(file), length, turn));
        let chunks = try_unfold(unread, async |unread| {
            let Some((mut file, length, turn)) = unread else { return io::Result::Ok(None) };
            let mut chunk = BytesMut::with_capacity(CHUNK);
            let read = file.read_buf(&mut chunk).await? as u64;
            let rest = (read < length).then(|| (file, length - read, turn));
            Ok((read > 0).then(|| (chunk.freeze(), rest)))
        });
        Self { name, length, body: Body::from_stream(chunks) }
    }
}

impl IntoResponse for Download {
    fn into_response(self) -> Response {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
        let name = self.name.replace(|c| !is_plain(c), "_");
        let mut response = Response::new(self.body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(self.length));
        if let Ok(value) = HeaderValue::from_str(&format!("attachment;filename={name}")) {
            headers.insert(CONTENT_DISPOSITION, value);
        }
        response
    }
}

impl Output for Download {
    fn describe(signature: &mut Signature) {
        signature.download();
    }
}
