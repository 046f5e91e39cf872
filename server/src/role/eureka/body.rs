//! Bodies of registrations and batches: their format, their size and their compression.

use std::io::Read as _;

use axum::body::Body;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, StatusCode};

use super::Refusal;
use crate::error::Reaction;
use crate::http::request::{self, media_type};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Xml,
}

/// Reads a body; the limit holds also after decompression.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<(Format, Bytes), Refusal> {
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
