//! Bodies of registrations and batches: their format, their size and their compression.

use std::borrow::Cow;
use std::io::Read as _;

use axum::body::Body;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::header::{CONTENT_ENCODING, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;

use super::bodies::{Bodies, Reserved};
use super::{EurekaPort, EurekaRequest, RefusedRequest};
use crate::http::request::media_type;

/// Maximum length of a body that is read although it has no meaning.
const IGNORED: usize = 1024;
/// Bytes that are reserved first for a body whose length is unknown.
const FIRST: usize = 4 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Xml,
}

/// A body as it was sent, and the memory for it.
#[derive(Debug)]
pub(super) struct ReceivedBody {
    pub(super) format: Format,
    is_gzip: bool,
    bytes: Vec<u8>,
    limit: usize,
    reserved: Reserved,
}

impl EurekaPort {
    /// Reads a body of a kind.
    pub(super) async fn receive(
        &self,
        call: &EurekaRequest,
        body: Body,
        kind: &Bodies,
    ) -> Result<ReceivedBody, RefusedRequest> {
        let format = format(&call.headers)?;
        let is_gzip = is_gzip(&call.headers)?;
        let is_known = !self.access.is_anonymous() || self.is_peer(call);
        let mut reserved = kind.memory(is_known).reserve(call.peer);
        let limit = kind.largest();
        let bytes = read(body, limit, &mut reserved).await?;
        Ok(ReceivedBody { format, is_gzip, bytes, limit, reserved })
    }
}

impl ReceivedBody {
    /// Whether it takes long to read: more than `length` bytes, or maybe that after decompression.
    pub(super) fn is_longer(&self, length: usize) -> bool {
        self.is_gzip || self.bytes.len() > length
    }

    /// What was sent, without compression; the limit holds also for this.
    pub(super) fn text(&self) -> Result<Cow<'_, [u8]>, RefusedRequest> {
        if self.is_gzip {
            decompressed(&self.bytes, self.limit).map(Cow::Owned)
        } else {
            Ok(Cow::Borrowed(&self.bytes))
        }
    }

    /// The answer to it, which uses its memory until the caller has received it. `write` is called
    /// with true, or if that answer does not fit, again with false for a short one.
    pub(super) fn into_answer(mut self, write: impl Fn(bool) -> Vec<u8>) -> Bytes {
        struct AnswerBytes {
            text: Vec<u8>,
            _reserved: Reserved,
        }
        impl AsRef<[u8]> for AnswerBytes {
            fn as_ref(&self) -> &[u8] {
                &self.text
            }
        }
        let mut text = write(true);
        if !self.reserved.resize(text.len()) {
            text = write(false);
        }
        Bytes::from_owner(AnswerBytes { text, _reserved: self.reserved })
    }
}

/// Reads a body that has no meaning, unless it is long: some clients send `{}`, and with an unread
/// body the connection could not be used again. Nothing of it is kept, since anybody can send it.
pub(super) async fn discard(mut body: Body) {
    let mut rest = IGNORED;
    if body.size_hint().lower() > rest as u64 {
        return;
    }
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        let Some(left) = rest.checked_sub(length) else { return };
        rest = left;
    }
}

/// Reads a body of at most `limit` bytes. One that announces its length reserves it at once, and
/// another one what has arrived of it. The pieces are copied into one buffer: kept as they arrive,
/// single bytes would take thirty times their length.
async fn read(
    mut body: Body,
    limit: usize,
    reserved: &mut Reserved,
) -> Result<Vec<u8>, RefusedRequest> {
    let too_large = || {
        let text = format!("The body is larger than {limit} bytes.");
        RefusedRequest::new(StatusCode::PAYLOAD_TOO_LARGE, text)
    };
    let busy = || {
        let text = "too many requests are sent slowly";
        RefusedRequest::new(StatusCode::SERVICE_UNAVAILABLE, text).with(RETRY_AFTER, "2")
    };
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(too_large());
    }
    if !reserved.resize(announced) {
        return Err(busy());
    }
    let mut space = announced;
    let mut bytes = Vec::with_capacity(space);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            RefusedRequest::new(StatusCode::BAD_REQUEST, format!("The body ended early: {error}"))
        })?;
        let Some(piece) = frame.data_ref() else { continue };
        let length = bytes.len() + piece.len();
        if length > limit {
            return Err(too_large());
        }
        if length > space {
            space = length.next_power_of_two().clamp(FIRST, limit);
            if !reserved.resize(space) {
                return Err(busy());
            }
            bytes.reserve_exact(space - bytes.len());
        }
        bytes.extend_from_slice(piece);
    }
    Ok(bytes)
}

fn format(headers: &HeaderMap) -> Result<Format, RefusedRequest> {
    match &*media_type(headers) {
        "application/json" | "" => Ok(Format::Json),
        "application/xml" => Ok(Format::Xml),
        _ => {
            let text = "send application/json or application/xml";
            Err(RefusedRequest::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
        }
    }
}

fn is_gzip(headers: &HeaderMap) -> Result<bool, RefusedRequest> {
    match headers.get(CONTENT_ENCODING).map(|encoding| encoding.as_bytes()) {
        None | Some(b"identity") => Ok(false),
        Some(b"gzip") => Ok(true),
        Some(_) => {
            let text = "only gzip is supported as Content-Encoding";
            Err(RefusedRequest::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
        }
    }
}

fn decompressed(bytes: &[u8], limit: usize) -> Result<Vec<u8>, RefusedRequest> {
    let mut text = Vec::new();
    let reader = MultiGzDecoder::new(bytes);
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    match reader.take(most).read_to_end(&mut text) {
        Ok(read) if read <= limit => Ok(text),
        Ok(_) => Err(RefusedRequest::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the decompressed body is too large",
        )),
        Err(_) => Err(RefusedRequest::new(StatusCode::BAD_REQUEST, "the body is not valid gzip")),
    }
}
