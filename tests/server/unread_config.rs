//! X31: answers of the client port that nobody receives have a part of the memory only. Anyone can
//! request a release under thousands of spellings of its names, each of which is another body; one
//! that many clients receive is in memory once, and is not refused.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::memory::resident_kib;
use crate::support::raw;
use crate::support::server::{Options, Server};

const NAMESPACE: &str = "application";
const HONEST: &str = "/configs/demo/default/application";
const SMALL: &str = "/configs/demo/default/small";
/// Of a release of 5 MB, more than the buffers of both sockets accept: each answer that is not read
/// stays in the memory of the server.
const KEYS: usize = 300;
const VALUE: usize = 18_000;
/// Limit of the server for all answers; the last one may exceed it.
const LIMIT: usize = 32 << 20;
/// Memory in addition to that after the publish: the limit, and what the allocator does not return.
const MOST_KIB: u64 = 64 * 1024;
/// Clients that request the same answer, which would be 160 MB if each had its own.
const SAME: usize = 30;

/// A server with a large and a small release.
async fn start() -> Server {
    let options = Options::new()
        .flag("--roles", "config,meta,admin")
        .flag("--compat-defaults", "adopted")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    let server = Server::start_with(options);
    let demo = App::create(&Http::new(&server.admin), "demo").await;
    let value = "x".repeat(VALUE);
    let keys: Vec<_> = (0..KEYS).map(|number| format!("k{number}")).collect();
    let items: Vec<_> = keys.iter().map(|key| (&**key, &*value)).collect();
    demo.release("default", NAMESPACE, &items).await;
    demo.add_namespace("small", false).await;
    demo.release("default", "small", &[("k", "v")]).await;
    server
}

/// The path of the large release in one of many spellings.
fn spelling(number: usize) -> String {
    let letters = NAMESPACE.chars().enumerate();
    let name: String = letters
        .map(
            |(at, letter)| if number >> at & 1 == 1 { letter.to_ascii_uppercase() } else { letter },
        )
        .collect();
    format!("/configs/demo/default/{name}")
}

/// Requests an answer from an address and reads its head only. The last request of a connection is
/// answered by hyper, others by the front.
async fn ask(server: &Server, last: u8, path: &str, is_last: bool) -> (TcpStream, String) {
    let authority = raw::authority(&server.config);
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, last], 0).into()).unwrap();
    let mut stream = socket.connect(authority.parse().unwrap()).await.unwrap();
    let end = if is_last { "connection: close\r\n" } else { "" };
    let request = format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\n{end}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    (stream, String::from_utf8(head).unwrap())
}

fn is_served(head: &str) -> bool {
    head.starts_with("HTTP/1.1 200 ")
}

#[track_caller]
fn assert_refused(head: &str, status: &str) {
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
    assert!(head.contains("retry-after: 5\r\n"), "{head}");
}

#[track_caller]
fn assert_small(server: &Server, before: u64) {
    let more = resident_kib(server).saturating_sub(before);
    assert!(more < MOST_KIB, "{} MiB more are resident", more / 1024);
}

#[tokio::test]
async fn different_answers_that_nobody_receives_have_a_part_of_the_memory() {
    let server = start().await;
    let http = Http::new(&server.config);
    let length = http.get(HONEST).await.ok().text.len();
    let before = resident_kib(&server);
    let mut held = Vec::new();
    for number in 0..LIMIT / 2 / length {
        let (stream, head) = ask(&server, 10, &spelling(number), number % 2 == 0).await;
        assert!(is_served(&head), "{number}: {head}");
        held.push(stream);
    }
    for is_last in [false, true] {
        assert_refused(&ask(&server, 10, &spelling(held.len()), is_last).await.1, "429");
    }
    // Others have what is left, at first one answer each.
    for last in 11..=18 {
        let (stream, head) = ask(&server, last, &spelling(last.into()), last % 2 == 0).await;
        if held.len() > LIMIT / length {
            assert_refused(&head, "503");
            continue;
        }
        assert!(is_served(&head), "{last}: {head}");
        held.push(stream);
    }
    assert_small(&server, before);
    // Small answers are not refused, nor is one that is being sent to another client.
    http.get(SMALL).await.ok();
    assert_eq!(http.get(HONEST).await.ok().text.len(), length);
    drop(held);
    let other = spelling(100);
    eventually("another answer", async || (http.get(&other).await.status == 200).then_some(()))
        .await;
}

/// As after a publish, all behind one address.
#[tokio::test]
async fn one_answer_for_many_clients_that_do_not_read_it_is_in_memory_once() {
    let server = start().await;
    let http = Http::new(&server.config);
    http.get(HONEST).await.ok();
    let before = resident_kib(&server);
    let mut held = Vec::new();
    for number in 0..SAME {
        let (stream, head) = ask(&server, 10, HONEST, number % 2 == 0).await;
        assert!(is_served(&head), "{number}: {head}");
        held.push(stream);
    }
    assert_small(&server, before);
    http.get(HONEST).await.ok();
}
