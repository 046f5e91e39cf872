//! Bodies of registrations and batches: their format, their size and their compression.

use std::io::Read as _;

use axum::body::Body;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::header::{CONTENT_ENCODING, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;

use super::bodies::Bodies;
use super::{Call, EurekaPort, Refusal};
use crate::error::Reaction;
use crate::http::request::{self, media_type};

/// Maximum length of a body that is read although it has no meaning.
const IGNORED: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Xml,
}

impl EurekaPort {
    /// Reads a body of a kind. Callers with the password and the peers in the settings are trusted
    /// not to send it slowly.
    pub(super) async fn receive(
        &self,
        call: &Call,
        body: Body,
        kind: &Bodies,
    ) -> Result<(Format, Bytes), Refusal> {
        let limit = kind.largest();
        let _reserved = if self.access.is_anonymous() && !self.is_peer(call) {
            // One that announces more is refused unread.
            let announced =
                body.size_hint().upper().map_or(limit as u64, |it| it.min(limit as u64));
            let bytes = usize::try_from(announced).unwrap_or(limit);
            let reserved = kind.reserve(call.peer, bytes).ok_or_else(|| {
                let text = "too many requests are sent slowly";
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text).with(RETRY_AFTER, "2")
            });
            Some(reserved?)
        } else {
            None
        };
        read(&call.headers, body, limit).await
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

/// Reads a body; the limit holds also after decompression.
async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<(Format, Bytes), Refusal> {
    let format = match &*media_type(headers) {
        "application/json" | "" => Format::Json,
        "application/xml" => Format::Xml,
        _ => {
            let text = "send application/json or application/xml";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
    };
    let bytes = request::read(body, limit).await.map_err(|error| {
        let status = match error.reaction() {
            Reaction::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        Refusal::new(status, error.message())
    })?;
    match headers.get(CONTENT_ENCODING).map(|encoding| encoding.as_bytes()) {
        None | Some(b"identity") => Ok((format, bytes)),
        Some(b"gzip") => decompressed(&bytes, limit).map(|bytes| (format, bytes)),
        Some(_) => {
            let text = "only gzip is supported as Content-Encoding";
            Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
        }
    }
}

fn decompressed(bytes: &[u8], limit: usize) -> Result<Bytes, Refusal> {
    let mut text = Vec::new();
    let reader = MultiGzDecoder::new(bytes);
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    match reader.take(most).read_to_end(&mut text) {
        Ok(read) if read <= limit => Ok(text.into()),
        Ok(_) => {
            Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the decompressed body is too large"))
        }
        Err(_) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the body is not valid gzip")),
    }
}
