//! A file in a form, as browsers and scripts send it. It is received into a temporary file without
//! a name, so that memory holds a part of it only, and the name that the caller gives it never
//! becomes one on disk.

mod turn;

use std::fs::File;
use std::io::{self, Seek as _};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use hyper::body::Body as _;
use multer::{Constraints, Multipart, SizeLimit};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use crate::archive::temporary_file;
use crate::error::{Code, Error, Reaction, Result};
use crate::http::operation::{Input, Signature};
use crate::role::portal::Portal;
use crate::role::portal::identity::Caller;
use crate::server_config::keys;

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
        let caller = request.extensions().get::<Caller>();
        let user = caller.map(|caller| caller.identity.name().to_owned()).unwrap_or_default();
        let body = request.into_body();
        if body.size_hint().lower() > limit {
            return Err(too_large(limit));
        }
        let turn = portal.own.uploads.take(&user).ok_or_else(|| {
            let message = "Other imports are being received; retry when they are done.";
            Error::new(Reaction::TooMany, message)
        })?;
        let received = timeout(LONGEST, receive(body, boundary, limit)).await;
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
    let mut form = Multipart::with_constraints(body.into_data_stream(), boundary, constraints);
    let unreadable = |error: multer::Error| match error {
        multer::Error::StreamSizeExceeded { .. } => too_large(limit),
        error => Error::bad_request(format!("The form cannot be read: {error}"))
            .with_code(Code::UnreadableBody),
    };
    let failed = |error: io::Error| Error::internal("cannot store a received file", error);
    let mut received = None;
    while let Some(mut field) = form.next_field().await.map_err(unreadable)? {
        // The rest is read as well, so that the connection can be used again.
        if field.name() != Some(FIELD) || received.is_some() {
            continue;
        }
        let name = field.file_name().unwrap_or_default().to_owned();
        let mut file = tokio::fs::File::from_std(temporary_file()?);
        let mut length = 0;
        while let Some(chunk) = field.chunk().await.map_err(unreadable)? {
            length += chunk.len() as u64;
            file.write_all(&chunk).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
        let mut file = file.into_std().await;
        file.rewind().map_err(failed)?;
        received = Some((name, file, length));
    }
    Ok(received)
}

fn too_large(limit: u64) -> Error {
    Error::new(Reaction::TooLarge, format!("The body is larger than {limit} bytes."))
}
