//! A file in a form, as browsers and scripts send it. It is received into a temporary file without
//! a name, so that memory holds a part of it only, and the name that the caller gives it never
//! becomes one on disk.

mod form_stream;
mod turn;

use std::fs::File;
use std::io::Seek as _;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use hyper::body::Body as _;
use multer::{Constraints, Multipart, SizeLimit};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use crate::archive::{temporary_file, unwritable};
use crate::error::{Code, Error, Reaction, Result};
use crate::http::operation::{Input, Signature};
use crate::http::request_memory::RequestMemory;
use crate::role::portal::Portal;
use crate::role::portal::identity::Caller;
use crate::server_config::keys;

use self::form_stream::FormStream;
use self::turn::UploadTurn;
pub(in crate::role::portal) use self::turn::Uploads;

/// Maximum duration of the transfer of a file.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Name of the field with the file.
const FIELD: &str = "file";

/// A file that was received.
#[derive(Debug)]
pub(super) struct UploadedFile {
    /// Its name on the caller's machine.
    pub(super) name: String,
    /// Its content, ready to be read from its start.
    pub(super) file: File,
    /// Length in bytes.
    pub(super) length: u64,
    _turn: UploadTurn,
}

impl FromRequest<Portal> for UploadedFile {
    type Rejection = Error;

    async fn from_request(request: Request, portal: &Portal) -> Result<Self> {
        let limit = portal.state.config.get(&keys::IMPORT_FILE) << 20;
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let boundary = multer::parse_boundary(kind.unwrap_or_default()).map_err(|_| {
            let message = format!("send a multipart form with the file in the field `{FIELD}`");
            Error::bad_request(message).with_code(Code::UnsupportedMediaType)
        })?;
        RequestMemory::pass_on(request.extensions());
        if request.body().size_hint().lower() > limit {
            return Err(too_large(limit));
        }
        let caller = request.extensions().get::<Caller>().map(|caller| &caller.identity);
        let turn = portal.own.uploads.take(caller).ok_or_else(|| {
            let message = "Other imports are being received; retry when they are done.";
            Error::new(Reaction::TooMany, message)
        })?;
        let received = timeout(LONGEST, receive(request.into_body(), boundary, limit)).await;
        let received = received.map_err(|_| {
            let message = format!("The file did not arrive within {} s.", LONGEST.as_secs());
            Error::bad_request(message).with_code(Code::UnreadableBody)
        })??;
        let (name, file, length) = received.ok_or_else(|| {
            let message = format!("Required part '{FIELD}' is not present.");
            Error::bad_request(message).with_code(Code::MissingMember)
        })?;
        Ok(Self { name, file, length, _turn: turn })
    }
}

impl Input for UploadedFile {
    fn describe(signature: &mut Signature) {
        signature.upload(FIELD);
    }
}

async fn receive(body: Body, boundary: String, limit: u64) -> Result<Option<(String, File, u64)>> {
    let constraints = Constraints::new().size_limit(SizeLimit::new().whole_stream(limit));
    let (body, part) = FormStream::new(body);
    let mut form = Multipart::with_constraints(body, boundary, constraints);
    let unreadable = |error: multer::Error| match error {
        multer::Error::StreamSizeExceeded { .. } => too_large(limit),
        multer::Error::StreamReadFailed(cause) => unreadable_form(&cause),
        error => unreadable_form(&error),
    };
    let mut received = None;
    while let Some(mut field) = form.next_field().await.map_err(unreadable)? {
        part.begin_data();
        // The rest is read as well, so that the connection can be used again.
        if field.name() != Some(FIELD) || received.is_some() {
            while field.chunk().await.map_err(unreadable)?.is_some() {}
            part.end_data();
            continue;
        }
        let name = field.file_name().unwrap_or_default().to_owned();
        let mut file = tokio::fs::File::from_std(temporary_file()?);
        let mut length = 0;
        while let Some(chunk) = field.chunk().await.map_err(unreadable)? {
            length += chunk.len() as u64;
            file.write_all(&chunk).await.map_err(unwritable)?;
        }
        part.end_data();
        file.flush().await.map_err(unwritable)?;
        let mut file = file.into_std().await;
        file.rewind().map_err(unwritable)?;
        received = Some((name, file, length));
    }
    Ok(received)
}

fn unreadable_form(cause: &dyn std::fmt::Display) -> Error {
    Error::bad_request(format!("The form cannot be read: {cause}")).with_code(Code::UnreadableBody)
}

fn too_large(limit: u64) -> Error {
    Error::new(Reaction::TooLarge, format!("The body is larger than {limit} bytes."))
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read as _};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use futures_util::{StreamExt as _, stream};

    use super::*;

    const LIMIT: u64 = 4 << 20;
    const BEFORE_FILE: &str =
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.zip\"\r\n";

    /// Receives a form that has this beginning and never ends. Returns the error, and the bytes
    /// that were read.
    async fn endless(beginning: String) -> (Error, usize) {
        let read = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&read);
        let pieces = stream::iter([beginning]).chain(stream::repeat("x".repeat(1024)));
        let pieces = pieces.map(move |piece| {
            count.fetch_add(piece.len(), Ordering::SeqCst);
            Ok::<_, io::Error>(Bytes::from(piece))
        });
        let error = receive(Body::from_stream(pieces), "b".to_owned(), LIMIT).await.unwrap_err();
        (error, read.load(Ordering::SeqCst))
    }

    /// X23.
    #[tokio::test]
    async fn a_header_without_an_end_is_refused_before_it_takes_much_memory() {
        for beginning in [
            "preamble".to_owned(),
            format!("{BEFORE_FILE}X-Other: "),
            format!("{BEFORE_FILE}\r\ncontent\r\n--b\r\nX-Other: "),
            "--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n1\r\n--b ".to_owned(),
        ] {
            let (error, read) = endless(beginning.clone()).await;
            assert_eq!(error.reaction(), Reaction::BadRequest, "{beginning}: {error:?}");
            assert!(read < 32 * 1024, "{beginning}: {read} bytes were read");
            if !beginning.ends_with("--b ") {
                assert!(error.message().contains("longer than 16 KiB"), "{beginning}: {error:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_form_is_read_whatever_pieces_it_arrives_in() {
        let content = "c".repeat(300_000);
        let other = "o".repeat(100_000);
        let padding = "p".repeat(5_000);
        let form = format!(
            "{padding}\r\n--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n{other}\r\n\
             {BEFORE_FILE}X-Long: {padding}\r\n\r\n{content}\r\n\
             --b\r\nContent-Disposition: form-data; name=\"last\"\r\n\r\n{other}\r\n--b--\r\n"
        );
        for size in [7, 4096, 65_536, form.len()] {
            let pieces: Vec<_> = form.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect();
            let body = Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, io::Error>)));
            let received = receive(body, "b".to_owned(), LIMIT).await.unwrap();
            let (name, mut file, length) = received.unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            assert!(name == "f.zip" && length == 300_000 && text == content, "{size}");
        }
    }
}
