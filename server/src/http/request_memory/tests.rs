//! Over sockets, as a caller that sends and reads slowly uses them.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;
use crate::background::Background;
use crate::http::admission::{Admission, Sharing};
use crate::http::request::Body as JsonBody;
use crate::http::route::Routes;
use crate::http::{Port, bind, serve};

const PATIENCE: Duration = Duration::from_secs(60);
/// Two of them fit in what one caller may have, and three do not.
const LARGE: usize = 12 << 20;

fn admit_all(
    (): (),
    (): (),
    request: Request,
    next: axum::middleware::Next,
) -> BoxFuture<'static, Response> {
    Box::pin(next.run(request))
}

fn named(request: &Request) -> Option<Payer> {
    let caller = request.headers().get("user")?.to_str().ok()?.to_owned();
    let holder = match &*caller {
        "portal" => MemoryHolder::Portal([10, 0, 0, 1].into()),
        _ => MemoryHolder::Caller(caller),
    };
    Some(Payer { holder, is_change: request.uri().path() == "/change" })
}

async fn length(JsonBody(text): JsonBody<String, LARGE_BODY>) -> String {
    text.len().to_string()
}

async fn large() -> String {
    "x".repeat(LARGE)
}

/// An answer whose bytes are in memory anyway.
async fn shared() -> Response {
    static TEXT: [u8; LARGE] = [b'x'; LARGE];
    let mut response = Response::new(Body::from(Bytes::from_static(&TEXT)));
    response.extensions_mut().insert(SharedBytes);
    response
}

/// A server like the portal's, whose callers are named by a header.
async fn start() -> SocketAddr {
    let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Routes::new((), admit_all).charge_callers(named).post("/length", (), length);
    let routes = routes.get("/large", (), large).post("/change", (), large);
    let routes = routes.get("/shared", (), shared);
    let router = routes.finish().0;
    let admission = Admission::new(1000, Sharing::Direct);
    tokio::spawn(serve(listener, Port::plain(router), Background::default(), admission));
    address
}

/// Sends a body of this length except for its last byte.
async fn begin(address: SocketAddr, user: &str, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /length HTTP/1.1\r\nhost: h\r\nuser: {user}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n\""
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // Fails if the answer does not wait for the body.
    if stream.write_all(&vec![b'x'; length - 2]).await.is_err() {
        return stream;
    }
    stream
}

/// The answer, after the last byte.
async fn end(mut stream: TcpStream, last: &[u8]) -> String {
    stream.write_all(last).await.ok();
    let mut answer = Vec::new();
    // Ends with an error if the server closed the connection with unread bytes.
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().ok();
    String::from_utf8(answer).unwrap()
}

async fn post(address: SocketAddr, user: &str, length: usize) -> String {
    end(begin(address, user, length).await, b"\"").await
}

/// Waits until this number of bytes of a caller was received.
async fn received(user: &str, bytes: usize) {
    let holder = MemoryHolder::Caller(user.to_owned());
    let arrived = async {
        while RECEIVED.check(&holder, BODIES / CALLER_PART - bytes + 1).is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, arrived).await.unwrap();
}

/// X22.
#[tokio::test]
async fn a_caller_that_sends_large_bodies_slowly_has_a_part_of_the_memory() {
    let address = start().await;
    let held = [begin(address, "a", LARGE).await, begin(address, "a", LARGE).await];
    received("a", 2 * (LARGE - 1 - SMALL_BODY)).await;
    let refused = post(address, "a", LARGE).await;
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    assert!(refused.contains("retry-after: 5"), "{refused}");
    // Small bodies of the same caller, and large ones of others, of which a portal has many users.
    assert!(post(address, "a", SMALL_BODY).await.starts_with("HTTP/1.1 200"));
    assert!(post(address, "b", LARGE).await.starts_with("HTTP/1.1 200"));
    // A portal has limited its users, and its part is not that of one of them.
    let of_portal = [
        begin(address, "portal", LARGE).await,
        begin(address, "portal", LARGE).await,
        begin(address, "portal", LARGE).await,
    ];
    for stream in of_portal {
        assert!(end(stream, b"\"").await.starts_with("HTTP/1.1 200"));
    }
    let [first, second] = held;
    assert!(end(first, b"\"").await.ends_with(&(LARGE - 2).to_string()));
    assert!(post(address, "a", LARGE).await.starts_with("HTTP/1.1 200"), "space is free again");
    drop(second);
    // The largest body fits.
    assert!(post(address, "c", LARGE_BODY).await.starts_with("HTTP/1.1 200"));
}

/// Requests an answer, and reads its first line only.
async fn ask(address: SocketAddr, user: &str, request: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "{request} HTTP/1.1\r\nhost: h\r\nuser: {user}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    timeout(PATIENCE, stream.read_exact(&mut status)).await.unwrap().unwrap();
    (stream, String::from_utf8_lossy(&status[9..]).into_owned())
}

/// X24.
#[tokio::test]
async fn a_caller_that_does_not_read_its_large_answers_has_a_part_of_the_memory() {
    let address = start().await;
    let (first, status) = ask(address, "d", "GET /large").await;
    assert_eq!(status, "200");
    let (second, status) = ask(address, "d", "GET /large").await;
    assert_eq!(status, "200");
    let (refused, status) = ask(address, "d", "GET /large").await;
    assert_eq!(status, "429");
    let text = end(refused, b"").await;
    assert!(text.contains("retry-after: 5") && text.contains("read them"), "{text}");
    let (_shared, status) = ask(address, "d", "GET /shared").await;
    assert_eq!(status, "200");
    // What was changed is not to be repeated.
    let (changed, status) = ask(address, "d", "POST /change").await;
    assert_eq!(status, "200");
    let (_other, status) = ask(address, "e", "GET /large").await;
    assert_eq!(status, "200");
    let holder = MemoryHolder::Caller("d".to_owned());
    for stream in [first, second, changed] {
        assert!(end(stream, b"").await.len() > LARGE);
    }
    let sent = async {
        while SENT.check(&holder, ANSWERS / CALLER_PART).is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, sent).await.unwrap();
    assert_eq!(ask(address, "d", "GET /large").await.1, "200", "space is free again");
}
