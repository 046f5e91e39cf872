//! A connection with many successive requests, as an attacking program sends them.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::raw::authority;

/// One keep-alive connection; reopened when the server has closed it.
#[derive(Debug)]
pub(crate) struct Line {
    base: String,
    stream: Option<TcpStream>,
}

impl Line {
    pub(crate) fn new(base: &str) -> Self {
        Self { base: base.to_owned(), stream: None }
    }

    /// Whether the server left it open after the last answer.
    pub(crate) fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    /// Sends a GET request and reads the answer; `None` without an answer.
    pub(crate) async fn get(&mut self, target: &str, headers: &str) -> Option<u16> {
        let host = authority(&self.base);
        let request = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n");
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => TcpStream::connect(host).await.ok()?,
        };
        stream.write_all(request.as_bytes()).await.ok()?;
        let (status, is_open) = answer(&mut stream).await?;
        self.stream = is_open.then_some(stream);
        Some(status)
    }
}

/// Status of an answer, and whether the connection stays open after it.
pub(crate) async fn answer(stream: &mut TcpStream) -> Option<(u16, bool)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read(&mut buffer).await.ok()? {
            0 => return None,
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |text| text.trim().parse().unwrap_or(0));
    let mut missing = (end + length).saturating_sub(bytes.len());
    while missing > 0 {
        match stream.read(&mut buffer).await.ok()? {
            0 => return None,
            read => missing = missing.saturating_sub(read),
        }
    }
    Some((status, !head.contains("connection: close")))
}
