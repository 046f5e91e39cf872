//! One blocking connection: for preparing data, for triggers, and for the time of a single round
//! trip.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{framing, request, source};
use crate::seed::{APP, NAMESPACE};

/// Response timeout; longer than any long poll.
const TIMEOUT: Duration = Duration::from_secs(100);

/// A keep-alive connection.
#[derive(Debug)]
pub(crate) struct Call {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A complete response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    head: Vec<u8>,
}

impl Answer {
    /// The values of a header; `name` is in lower case.
    pub(crate) fn headers(&self, name: &str) -> Vec<String> {
        let head = String::from_utf8_lossy(&self.head);
        let headers = head.lines().filter_map(|line| line.split_once(':'));
        let found = headers.filter(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned()).collect()
    }
}

impl Call {
    pub(crate) fn connect(server: SocketAddr) -> Result<Self> {
        let stream =
            source::connect(server, 0).with_context(|| format!("cannot connect to {server}"))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { stream, buffer: vec![0; 64 * 1024] })
    }

    /// Sends a request without waiting for the response.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request).context("cannot send a request")
    }

    /// Waits for the response.
    pub(crate) fn answer(&mut self) -> Result<Answer> {
        let mut bytes = Vec::new();
        loop {
            let count = self.stream.read(&mut self.buffer).context("no answer")?;
            ensure!(count > 0, "the server closed the connection before it answered");
            bytes.extend_from_slice(&self.buffer[..count]);
            let Some(shape) = framing::parse(&bytes)? else { continue };
            if bytes.len() >= shape.head + shape.body {
                let body = bytes.split_off(shape.head);
                return Ok(Answer { status: shape.status, body, head: bytes });
            }
        }
    }

    /// Sends a request and waits for its response, which must have status 200.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Result<Answer> {
        self.send(request)?;
        let answer = self.answer()?;
        let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
        ensure!(
            answer.status == 200,
            "{} was answered {}: {}",
            String::from_utf8_lossy(line),
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        Ok(answer)
    }

    /// Sends a JSON body, if any, and parses the JSON response; an empty body is null.
    pub(crate) fn json(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let request = match body {
            Some(body) => request::json(method, path, &body.to_string()),
            None => request::plain(method, path),
        };
        let answer = self.ask(&request)?;
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.body)
            .with_context(|| format!("the answer to {path} is no JSON"))
    }
}

/// The newest notification id of the suite's namespace, as a client obtains it.
pub(crate) fn notification_id(server: SocketAddr) -> Result<i64> {
    let answer = Call::connect(server)?.ask(&request::poll(APP, NAMESPACE, -1))?;
    let answer: Value =
        serde_json::from_slice(&answer.body).context("the poll's answer is no JSON")?;
    answer[0]["notificationId"].as_i64().context("the poll's answer has no notification id")
}
