//! A server of others, as a peer or as the outside registry: it records what it is asked, and
//! answers what the test decides.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A request that arrived.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// Method and path.
    pub(super) line: String,
    /// The head, in lower case.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// The changes of a batch.
    pub(super) fn changes(&self) -> Vec<Value> {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["replicationList"].as_array().cloned().unwrap_or_default()
    }
}

/// What happens to a request.
pub(super) enum Reply {
    /// An answer with a status, more lines of the head, and a body.
    Answer(u16, String, Vec<u8>),
    /// This follows when the test allows it.
    Later(watch::Receiver<bool>, Box<Reply>),
    /// No answer: the connection stays open until the caller closes it.
    Silence,
    /// The connection is reset.
    Reset,
    /// An answer whose body never ends.
    Endless,
    /// An answer whose body arrives in single bytes.
    Slow,
    /// An answer that ends before its length.
    Cut,
}

impl Reply {
    pub(super) fn json(body: &Value) -> Self {
        let head = "content-type: application/json\r\n".to_owned();
        Self::Answer(200, head, body.to_string().into_bytes())
    }

    pub(super) fn status(status: u16) -> Self {
        Self::Answer(status, String::new(), Vec::new())
    }

    /// The answer to a batch whose changes are all accepted.
    pub(super) fn accepted(request: &Request) -> Self {
        let outcomes = vec![json!({"statusCode": 200}); request.changes().len()];
        Self::json(&json!({ "responseList": outcomes }))
    }
}

/// A running server; it ends with the test.
#[derive(Clone)]
pub(super) struct OtherServer {
    /// Base address.
    pub(super) url: String,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Request>>,
    /// Requests that wait for an answer that does not come.
    held: AtomicUsize,
    /// Bytes of bodies that never end.
    sent: AtomicUsize,
}

impl OtherServer {
    /// Starts a server.
    pub(super) async fn start(
        reply: impl Fn(&Request) -> Reply + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, reply) = (Arc::clone(&shared), reply.clone());
                tokio::spawn(async move { serve(stream, &seen, reply).await });
            }
        });
        Self { url, seen }
    }

    /// The port of its address.
    pub(super) fn port(&self) -> u16 {
        self.url.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// Its address with credentials, as `eureka.service.url` lists it.
    pub(super) fn listed(&self) -> String {
        self.url.replace("http://", "http://eu:pw@") + "/eureka/"
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// Requests whose line contains this text.
    pub(super) fn asked(&self, text: &str) -> usize {
        self.requests().iter().filter(|request| request.line.contains(text)).count()
    }

    /// The changes that arrived so far.
    pub(super) fn changes(&self) -> Vec<Value> {
        self.requests().iter().flat_map(Request::changes).collect()
    }

    /// Number of requests that wait for an answer that does not come.
    pub(super) fn held(&self) -> usize {
        self.seen.held.load(Ordering::SeqCst)
    }

    /// Bytes of bodies that never end.
    pub(super) fn sent(&self) -> usize {
        self.seen.sent.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, seen: &Seen, reply: impl Fn(&Request) -> Reply) {
    let Some(request) = read(&mut stream).await else { return };
    let mut reply = reply(&request);
    if matches!(reply, Reply::Silence) {
        seen.held.fetch_add(1, Ordering::SeqCst);
    }
    seen.requests.lock().unwrap().push(request);
    while let Reply::Later(mut allowed, later) = reply {
        let _ = allowed.wait_for(|is_allowed| *is_allowed).await;
        reply = *later;
    }
    match reply {
        Reply::Later(..) => {}
        Reply::Answer(status, head, body) => {
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{head}\r\n"
            );
            let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
        }
        Reply::Silence => {
            while matches!(stream.read(&mut [0; 1024]).await, Ok(1..)) {}
            seen.held.fetch_sub(1, Ordering::SeqCst);
        }
        Reply::Reset => drop(stream.set_zero_linger()),
        Reply::Endless => stream_body(&mut stream, seen, &[b' '; 64 * 1024], Duration::ZERO).await,
        Reply::Cut => {
            let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"responseList\":[";
            let _ = stream.write_all(cut).await;
        }
        Reply::Slow => stream_body(&mut stream, seen, b" ", Duration::from_millis(100)).await,
    }
}

async fn stream_body(stream: &mut TcpStream, seen: &Seen, piece: &[u8], pause: Duration) {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
    let mut written = stream.write_all(head).await;
    while written.is_ok() {
        tokio::time::sleep(pause).await;
        written = stream.write_all(piece).await;
        seen.sent.fetch_add(piece.len(), Ordering::SeqCst);
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read(&mut buffer).await.ok()? {
            0 => return None,
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let line = head.lines().next()?.to_owned();
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |text| text.trim().parse().unwrap_or(0));
    while bytes.len() < end + length {
        match stream.read(&mut buffer).await.ok()? {
            0 => return None,
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
    Some(Request { line, head, body: bytes.split_off(end) })
}
