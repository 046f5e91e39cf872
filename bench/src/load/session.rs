//! A signed-in user of the portal: the operations that export and import know no token.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};

use super::call::{Answer, Call};
use super::request;

/// Separates the parts of a form; no archive contains it, because it is random text.
const BOUNDARY: &str = "bench-6f1d0a7c39e84b52";

/// A connection with the headers of a session.
#[derive(Debug)]
pub(crate) struct Session {
    call: Call,
    headers: String,
}

impl Session {
    pub(crate) fn sign_in(portal: SocketAddr, user: &str, password: &str) -> Result<Self> {
        let mut call = Call::connect(portal)?;
        let password = password.replace(' ', "+");
        let form = format!("username={user}&password={password}");
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        call.send(&request::with_body("POST", "/signin", kind, form.as_bytes()))?;
        let answer = call.answer()?;
        let cookies = answer.headers("set-cookie");
        let session = cookies.into_iter().find(|cookie| cookie.starts_with("SESSION="));
        let session = session.context("the portal refused the user")?;
        let cookie = session.split(';').next().unwrap_or_default();
        let mut session = Self { call, headers: format!("Cookie: {cookie}\r\n") };
        // Changes require the token that an answer to a read has.
        let answer = session.get("/openapi/v1/user")?;
        let token = answer.headers("x-csrf-token").into_iter().next();
        let token = token.context("the portal returned no token against forged requests")?;
        session.headers += &format!("X-CSRF-Token: {token}\r\n");
        Ok(session)
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Answer> {
        self.call.ask(&request::with_headers("GET", path, &self.headers))
    }

    /// Sends a file as a form in a browser does.
    pub(crate) fn upload(&mut self, path: &str, file: &[u8]) -> Result<Answer> {
        let head = "Content-Disposition: form-data; name=\"file\"; filename=\"a.zip\"";
        let mut body = format!("--{BOUNDARY}\r\n{head}\r\n\r\n").into_bytes();
        body.extend_from_slice(file);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let kind = format!("Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n");
        let headers = format!("{}{kind}", self.headers);
        self.call.ask(&request::with_body("POST", path, &headers, &body))
    }
}
