//! The environment of this process: the admin role's router, called in memory.

use axum::Router;
use axum::body::Body;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::call::{Answer, Call};
use crate::environment::audit;
use crate::error::{Error, Result};
use crate::http::revision::REVISION;

#[derive(Debug)]
pub(super) struct Local {
    pub(super) name: String,
    pub(super) router: Router,
}

impl Local {
    pub(super) async fn call(&self, call: Call) -> Result<Answer> {
        let mut request = Request::builder().method(call.method).uri(call.path);
        if let Some(base) = call.revision {
            request = request.header(REVISION, base);
        }
        for (name, value) in audit::headers(call.span.as_ref()) {
            request = request.header(name, value);
        }
        let request = match call.body {
            Some((kind, text)) => request.header(CONTENT_TYPE, kind).body(Body::from(text)),
            None => request.body(Body::empty()),
        };
        let request = request.map_err(|error| {
            Error::internal("cannot build the request to the admin role", error)
        })?;
        let Ok(mut response) = self.router.clone().oneshot(request).await;
        if let Some(error) = response.extensions_mut().remove::<Error>() {
            return Err(error);
        }
        let (parts, body) = response.into_parts();
        let status = parts.status;
        let body = body.collect().await;
        let body =
            body.map_err(|error| Error::internal("cannot read the admin role's answer", error))?;
        match status.is_success() {
            true => Ok(Answer::new(&parts.headers, body.to_bytes())),
            false => Err(Error::service(format!("The admin role answered {status}."))),
        }
    }
}
