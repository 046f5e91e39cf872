//! The server on a real socket: HTTP/1.1 with keep-alive, able to violate the protocol, which
//! server libraries do not allow.

use std::fmt::Write as _;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::node::{Node, TestOutcome, TestResponse};
use super::request::Request;

const MAX_HEAD: usize = 256 * 1024;
const MAX_HEADERS: usize = 64;

/// Accepts connections without end; dropping the future closes all of them.
pub(super) async fn accept(listener: TcpListener, node: Arc<Node>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, node.clone()));
        // Removes finished connections, which the set would otherwise keep.
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut stream: TcpStream, node: Arc<Node>) {
    // Otherwise a response would wait until the client acknowledges the previous one.
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer).await {
        let mut end = [0];
        let reply = tokio::select! {
            reply = node.handle(request) => reply,
            // A client sends nothing while it waits, so anything that can be read means that it
            // closed the connection. Waiting for readability is not enough, which is also reported
            // when there is nothing to read.
            _ = stream.peek(&mut end) => return,
        };
        let open = match reply {
            TestOutcome::Response(answer) => write_answer(&mut stream, &answer).await,
            TestOutcome::Reset => return,
        };
        if !open {
            return;
        }
    }
}

/// The next request; `None` if the client closed the connection or does not speak HTTP.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    loop {
        if let Some((request, length)) = parse(buffer)? {
            buffer.drain(..length);
            return Some(request);
        }
        let read = stream.read_buf(buffer).await.ok()?;
        if read == 0 || buffer.len() > MAX_HEAD {
            return None;
        }
    }
}

/// A complete head and its length; `Some(None)` if more bytes are needed, `None` if it is not HTTP.
fn parse(buffer: &[u8]) -> Option<Option<(Request, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(buffer).ok()? else {
        return Some(None);
    };
    let path = head.path?.to_owned();
    let headers = head.headers.iter().map(|header| {
        let value = String::from_utf8_lossy(header.value).into_owned();
        (header.name.to_ascii_lowercase(), value)
    });
    Some(Some((Request::new(path, headers.collect()), length)))
}

/// Sends a response; false if the connection must be closed.
async fn write_answer(stream: &mut TcpStream, answer: &TestResponse) -> bool {
    let TestResponse { status, headers, body, cut_at, dribble } = answer;
    let mut head = format!("HTTP/1.1 {status} -\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    // A 304 has no body, and some clients wait for one that is announced.
    if *status != 304 {
        let _ = write!(head, "Content-Length: {}\r\n", body.len());
    }
    head.push_str("\r\n");
    let sent = &body[..cut_at.unwrap_or(body.len())];
    let mut bytes = head.into_bytes();
    let whole = async {
        match dribble {
            None => bytes.extend_from_slice(sent),
            Some(time) => {
                for byte in sent {
                    stream.write_all(&bytes).await?;
                    sleep(*time).await;
                    bytes = vec![*byte];
                }
            }
        }
        stream.write_all(&bytes).await
    };
    whole.await.is_ok() && cut_at.is_none()
}
