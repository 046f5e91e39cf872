//! The front and hyper answer the same bytes with the same bytes.

use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;
use tower::ServiceExt as _;

use super::*;
use crate::background::Background;
use crate::error::Error;
use crate::http::admission::{Admission, Sharing};
use crate::http::memory::PlainAnswer;
use crate::http::{bind, serve as listen};

/// Ends a connection in an orderly way.
const LAST: &[u8] = b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
/// Number of generated requests.
const MUTANTS: usize = 150;

/// A server with a front, or with hyper alone.
struct Server {
    address: SocketAddr,
    connections: Background,
    parked: std::sync::Arc<Notify>,
}

impl Server {
    async fn start(has_front: bool) -> Self {
        let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let parked = std::sync::Arc::new(Notify::new());
        let service = Router::new()
            .route("/last", get(|| async {}))
            .route("/echo", get(echo))
            .route("/same", get(|| async { StatusCode::NOT_MODIFIED }))
            .route("/large", get(|| async { "x".repeat(1_000_000) }))
            .route("/error", get(|| async { Error::not_found("nothing").into_response() }))
            .route("/panic", get(panic))
            .route("/park", get(park))
            .route("/late", get(late))
            .with_state(std::sync::Arc::clone(&parked));
        // Outside the router, which sets the length of an answer itself.
        let service = tower::service_fn(move |request: Request<Body>| {
            let router = service.clone();
            async move {
                if request.uri().path().starts_with("/remembered") {
                    return Ok(
                        remembered(request.uri().query().unwrap_or_default()).into_response()
                    );
                }
                router.oneshot(request).await
            }
        });
        let front = has_front.then(|| std::sync::Arc::new(Remembered) as _);
        let port = Port { front, ..Port::plain(service) };
        let connections = Background::default();
        let admission = Admission::new(1000, Sharing::Gateway);
        tokio::spawn(listen(listener, port, connections.clone(), admission));
        Self { address, connections, parked }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends each piece after the answer to the one before, if there is any; returns all that is
    /// answered, with the number of dates instead of the dates.
    async fn answers(&self, pieces: &[&[u8]]) -> String {
        let mut stream = self.connect().await;
        let mut answers = Vec::new();
        for piece in pieces {
            if stream.write_all(piece).await.is_err() {
                break;
            }
            let wait = Duration::from_millis(if answers.is_empty() { 60 } else { 30 });
            let _ = timeout(wait, stream.read_buf(&mut answers)).await;
        }
        let _ = stream.write_all(LAST).await;
        // A refused connection may be reset when it still has bytes to read.
        let _ = timeout(Duration::from_secs(30), stream.read_to_end(&mut answers)).await.unwrap();
        counted_dates(&answers)
    }
}

/// Answers one path as the service does.
struct Remembered;

impl FromMemory for Remembered {
    fn begin(&self, head: &ClientHead<'_>) -> Option<Begun> {
        let query = head.query.to_owned();
        match head.path {
            "/remembered" => Some(Begun::Answer(remembered(&query))),
            "/remembered/later" => Some(Begun::Wait(Box::pin(async move {
                sleep(Duration::from_millis(1)).await;
                remembered(&query)
            }))),
            _ => None,
        }
    }
}

fn remembered(query: &str) -> FrontAnswer {
    let (status, body) = match query {
        "same" => (StatusCode::NOT_MODIFIED, Bytes::new()),
        "absent" => (StatusCode::NOT_FOUND, Bytes::new()),
        "error" => return FrontAnswer::Response(Error::not_found("nothing").into_response()),
        "panic" => panic!("as it should"),
        _ => match query.parse() {
            Ok(length) => (StatusCode::OK, "x".repeat(length).into()),
            Err(_) => (StatusCode::OK, query.to_owned().into()),
        },
    };
    let headers = &[("content-type", "text/x"), ("x-a", "b")];
    FrontAnswer::Plain(PlainAnswer { status, headers, body })
}

async fn echo(RawQuery(query): RawQuery, headers: HeaderMap) -> String {
    let headers: Vec<_> = headers.iter().map(|header| format!("{header:?}")).collect();
    format!("{query:?} {headers:?}")
}

async fn panic() {
    panic!("as it should");
}

async fn park(State(parked): State<std::sync::Arc<Notify>>) {
    parked.notify_one();
    pending::<()>().await;
}

/// A body that takes a minute.
async fn late(State(begun): State<std::sync::Arc<Notify>>) -> Body {
    Body::from_stream(futures_util::stream::once(async move {
        begun.notify_one();
        sleep(Duration::from_secs(60)).await;
        Ok::<_, Infallible>("x")
    }))
}

/// Dates differ from one answer to the next, but each answer has the same number of them.
fn counted_dates(answers: &[u8]) -> String {
    let text = String::from_utf8_lossy(answers);
    let is_date = |line: &&str| line.starts_with("date: ");
    let dates = text.lines().filter(is_date).count();
    let is_kept = |line: &&str| !is_date(line) && !line.contains("\"timestamp\"");
    let kept: String = text.split_inclusive("\r\n").filter(is_kept).collect();
    format!("{kept}\n{dates} dates")
}

fn get_of(line: &str, headers: &str) -> Vec<u8> {
    format!("GET {line} HTTP/1.1\r\nHost: h\r\n{headers}\r\n").into_bytes()
}

async fn agree(front: &Server, hyper: &Server, pieces: &[&[u8]]) -> String {
    let (of_front, of_hyper) = tokio::join!(front.answers(pieces), hyper.answers(pieces));
    let sent: Vec<_> = pieces.iter().map(|piece| piece.escape_ascii().to_string()).collect();
    assert_eq!(of_front, of_hyper, "{sent:?}");
    of_front
}

#[tokio::test]
async fn the_front_answers_as_hyper_does() {
    let (front, hyper) = (Server::start(true).await, Server::start(false).await);
    let simple = get_of("/echo?a=%22b", "Accept: */*\r\nX-Forwarded-For: 1.2.3.4\r\n");
    let whole = agree(&front, &hyper, &[&simple]).await;
    assert!(whole.starts_with("HTTP/1.1 200 OK\r\n") && whole.contains("a=%22b"), "{whole}");
    for path in ["/same", "/large", "/error", "/panic", "/unknown", "/echo?", "/%zz", "//", "/a b"]
    {
        agree(&front, &hyper, &[&get_of(path, "")]).await;
    }
    for headers in [
        "Connection: keep-alive\r\n",
        "Connection: close\r\n",
        "Connection: Keep-Alive, close\r\n",
        "Content-Length: 0\r\n",
        "Content-Length: 3\r\n\r\nabc",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "Expect: 100-continue\r\n",
        "Upgrade: websocket\r\nConnection: upgrade\r\n",
        "Host: other\r\n",
        "X: \x01\r\n",
        "X: \u{e4}\r\n",
        "X : a\r\n",
        " folded\r\n",
        "X: a\r\n b\r\n",
        "X: a\nY: b\r\n",
    ] {
        agree(&front, &hyper, &[&get_of("/echo", headers)]).await;
    }
    let many: String = (0..120).map(|count| format!("X-{count}: {count}\r\n")).collect();
    let long = format!("X: {}\r\n", "x".repeat(20_000));
    for headers in [many.as_str(), &many[..600], &long] {
        agree(&front, &hyper, &[&get_of("/echo", headers)]).await;
    }
    for other in [
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi",
        "HEAD /echo HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /echo HTTP/1.0\r\n\r\n",
        "GET http://h/echo HTTP/1.1\r\nHost: h\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
        "\r\n\r\nGET /echo HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /echo HTTP/1.1\n\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        agree(&front, &hyper, &[other.as_bytes()]).await;
    }
}

#[tokio::test]
async fn answers_from_memory_are_those_of_the_service() {
    let (front, hyper) = (Server::start(true).await, Server::start(false).await);
    for path in ["/remembered", "/remembered/later"] {
        for query in
            ["", "?", "?a=%22b", "?a\"b", "?a?b", "?same", "?absent", "?error", "?panic", "?100"]
        {
            let request = get_of(&format!("{path}{query}"), "X-Forwarded-For: 1.2.3.4\r\n");
            agree(&front, &hyper, &[&request, &request]).await;
        }
    }
    for headers in ["Host: other\r\n", "Connection: close\r\n", "Content-Length: 3\r\n\r\nabc"] {
        agree(&front, &hyper, &[&get_of("/remembered?x", headers)]).await;
    }
}

/// The same connection, so that answers which are kept for the next client follow each other.
#[tokio::test]
async fn answers_of_all_lengths_follow_each_other_unmixed() {
    let (front, hyper) = (Server::start(true).await, Server::start(false).await);
    let lengths = [7, 10_000, 7, 0, 40_000, 32_768, 32_769, 10_000, 3_000_000, 1];
    let requests = lengths.map(|length| get_of(&format!("/remembered?{length}"), ""));
    let (mut of_front, mut of_hyper) = (front.connect().await, hyper.connect().await);
    for (length, request) in lengths.iter().zip(&requests) {
        let (front, hyper) =
            tokio::join!(answer_of(&mut of_front, request), answer_of(&mut of_hyper, request));
        assert_eq!(counted_dates(&front), counted_dates(&hyper), "{length}");
        assert!(front.ends_with(&b"x".repeat(*length)), "{length}");
    }
}

/// One answer, which is read slowly enough that the socket accepts a large one in parts.
async fn answer_of(stream: &mut TcpStream, request: &[u8]) -> Vec<u8> {
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    loop {
        stream.read_buf(&mut answer).await.unwrap();
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() == length.unwrap().parse::<usize>().unwrap() {
            return answer;
        }
        if body.len() > 100_000 {
            sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test]
async fn what_is_sent_in_pieces_or_ahead_is_answered_as_by_hyper() {
    let (front, hyper) = (Server::start(true).await, Server::start(false).await);
    let one = get_of("/echo?1", "");
    let post = b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi".as_slice();
    let (begin, end) = one.split_at(20);
    agree(&front, &hyper, &[begin, end]).await;
    agree(&front, &hyper, &[&one, begin, end, &one]).await;
    agree(&front, &hyper, &[&one, &one, post, &one]).await;
    let ahead = [one.as_slice(), &get_of("/same", ""), &one].concat();
    let answers = agree(&front, &hyper, &[&ahead]).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
}

#[tokio::test]
async fn mutants_of_requests_are_answered_as_by_hyper() {
    let (front, hyper) = (Server::start(true).await, Server::start(false).await);
    let mut random = fastrand::Rng::with_seed(17);
    let whole = get_of("/echo?q=1", "Connection: keep-alive\r\nAccept: */*\r\nX: y\r\n");
    let pieces: [&[u8]; 8] =
        [b"\r\n", b"\n", b" ", b":", b"\0", b"Content-Length: 1\r\n", b"HTTP/1.0", b"\xff"];
    let mutants: Vec<Vec<u8>> = (0..MUTANTS)
        .map(|_| {
            let mut mutant = whole.clone();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..mutant.len());
                match random.u8(..4) {
                    0 => mutant[at] = random.u8(..),
                    1 => drop(mutant.remove(at)),
                    2 => drop(mutant.splice(at..at, pieces[random.usize(..8)].iter().copied())),
                    _ => mutant.truncate(at.max(1)),
                }
            }
            mutant
        })
        .collect();
    for some in mutants.chunks(32) {
        let pairs = some.iter().map(async |mutant| {
            agree(&front, &hyper, &[mutant]).await;
        });
        futures_util::future::join_all(pairs).await;
    }
}

#[tokio::test]
async fn a_client_that_goes_ends_its_request() {
    let server = Server::start(true).await;
    let mut stream = server.connect().await;
    stream.write_all(&get_of("/park", "")).await.unwrap();
    server.parked.notified().await;
    assert_eq!(server.connections.tracker.len(), 1);
    drop(stream);
    server.connections.tracker.close();
    timeout(Duration::from_secs(20), server.connections.tracker.wait()).await.unwrap();
}

#[tokio::test]
async fn a_shutdown_ends_idle_connections() {
    let server = Server::start(true).await;
    let mut stream = server.connect().await;
    stream.write_all(&get_of("/same", "")).await.unwrap();
    let mut answer = Vec::new();
    stream.read_buf(&mut answer).await.unwrap();
    server.connections.shutdown.cancel();
    timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 304 Not Modified\r\n"));
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_cut_off() {
    let server = Server::start(true).await;
    let mut stream = server.connect().await;
    let begun = Instant::now();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    assert!(begun.elapsed() >= HEADER_READ_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_begins_late_has_no_more_time_than_one_that_does_not_come() {
    let server = Server::start(true).await;
    for first in ["G", "GET /echo HTTP/1.1\r\nHost: h\r\n", "POST / HTTP/1.1\r\n"] {
        let begun = Instant::now();
        let mut stream = server.connect().await;
        sleep(HEADER_READ_TIMEOUT - Duration::from_secs(1)).await;
        stream.write_all(first.as_bytes()).await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "{first}");
        let limit = HEADER_READ_TIMEOUT + Duration::from_secs(1);
        assert!((HEADER_READ_TIMEOUT..limit).contains(&begun.elapsed()), "{first}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_head_came_in_pieces_may_take_its_time() {
    let server = Server::start(true).await;
    let mut stream = server.connect().await;
    let request = get_of("/late", "");
    let (begin, end) = request.split_at(20);
    stream.write_all(begin).await.unwrap();
    sleep(HEADER_READ_TIMEOUT - Duration::from_secs(1)).await;
    stream.write_all(end).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"0\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "{}", answer.escape_ascii());
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_whose_body_outlasts_the_shutdown_says_that_the_connection_ends() {
    let server = Server::start(true).await;
    let mut stream = server.connect().await;
    stream.write_all(&get_of("/late", "")).await.unwrap();
    server.parked.notified().await;
    server.connections.shutdown.cancel();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("connection: close\r\n") && answer.ends_with("x"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_its_answer_is_cut_off() {
    let server = Server::start(true).await;
    let mut stream = server.connect().await;
    // More than the buffers of both sockets accept, and little enough that the large answers of
    // other tests are not refused beside it.
    stream.write_all(&get_of("/remembered?8000000", "")).await.unwrap();
    stream.readable().await.unwrap();
    let begun = Instant::now();
    server.connections.tracker.close();
    timeout(Duration::from_secs(300), server.connections.tracker.wait()).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(30), "{:?}", begun.elapsed());
}
