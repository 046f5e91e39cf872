//! Requests written byte by byte, which an HTTP client library would not send or would change.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::http::Answer;

/// Longest wait for an answer; longer than any hold of a poll.
const PATIENCE: Duration = Duration::from_secs(100);

/// Host and port of a base address.
pub(crate) fn authority(base: &str) -> &str {
    base.trim_start_matches("http://").trim_end_matches('/')
}

/// A GET request with exactly this target.
pub(crate) async fn get(base: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    let answer = send(base, &request("GET", target, base, headers)).await;
    answer.unwrap_or_else(|error| panic!("no answer to {target}: {error}"))
}

/// The bytes of a request after which the connection is closed.
pub(crate) fn request(method: &str, target: &str, base: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let host = authority(base);
    let mut text = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// Sends bytes; returns the answer, or why there is none.
pub(crate) async fn send(base: &str, bytes: &[u8]) -> Result<Answer, String> {
    let exchange = async {
        let mut stream = TcpStream::connect(authority(base)).await?;
        // A server that refuses early may close before everything is written; its answer is still
        // read.
        let written = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer).await;
        if answer.is_empty() {
            written.and(read.map(|_| ()))?;
        }
        Ok::<_, std::io::Error>(answer)
    };
    let answer =
        tokio::time::timeout(PATIENCE, exchange).await.map_err(|error| error.to_string())?;
    parse(&answer.map_err(|error| error.to_string())?)
        .ok_or_else(|| "no complete answer".to_owned())
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        headers.append(HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?);
    }
    let text = String::from_utf8_lossy(&answer[end + 4..]).into_owned();
    Some(Answer { status, headers, text })
}
