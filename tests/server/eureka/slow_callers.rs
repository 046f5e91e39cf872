//! Callers that read and send slowly, where everybody may call.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::{instance, register, replicate};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::memory;
use crate::support::raw;
use crate::support::server::{Options, Server};

const MIB: usize = 1024 * 1024;
const APP: &str = "APOLLO-CONFIGSERVICE";
/// Instances of 16 KiB: their list has 8 MiB, of which two and a part fit.
const INSTANCES: usize = 500;
const READERS: usize = 10;
/// The memory for the texts, with the one that fits beside a full memory, those that are rendered
/// at the time and what the allocator keeps, in KiB.
const GROWTH: u64 = 96 * 1024;

fn open() -> Options {
    Options::new()
        .flag("--registry", "eureka")
        .flag("--eureka-host", "on")
        .flag("--eureka-open", "on")
        .flag("--eureka-max-instances", "1000")
        .flag("--roles", "config,meta")
        .flag("--eureka-instance-lease-renewal-interval", "300")
        .flag("--eureka-instance-lease-duration", "900")
}

/// Sends a request, and reads no more than the beginning of the answer.
async fn reader(base: &str, path: &str) -> (String, TcpStream) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = raw::authority(base).parse().unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    stream.write_all(&raw::request("GET", path, base, &[])).await.unwrap();
    let mut beginning = [0; 12];
    stream.read_exact(&mut beginning).await.unwrap();
    (String::from_utf8_lossy(&beginning).into_owned(), stream)
}

/// The answers about an app or an address have the same limit as the lists.
#[tokio::test]
async fn readers_that_do_not_read_have_a_bound() {
    let server = Server::start_with(open());
    let eureka = Http::new(&server.config).with("accept", "application/json");
    let metadata: serde_json::Map<_, _> =
        (0..16).map(|number| (format!("k{number}"), json!("x".repeat(1000)))).collect();
    let ids: Vec<_> = (0..INSTANCES).map(|number| format!("i{number}")).collect();
    for part in ids.chunks(100) {
        let changes: Vec<_> = part
            .iter()
            .map(|id| {
                let mut info = instance(APP, id, 1)["instance"].take();
                info["metadata"] = json!(metadata);
                json!({"appName": APP, "id": id, "action": "Register", "instanceInfo": info})
            })
            .collect();
        assert!(replicate(&eureka, &changes).await.iter().all(|one| one["statusCode"] == 200));
    }
    // What the node itself keeps refuses no other form.
    let xml = Http::new(&server.config);
    for _ in 0..2 {
        for path in ["/eureka/apps", "/eureka/apps/delta"] {
            assert!(eureka.get(path).await.ok().text.len() > 8 * MIB, "{path}");
            assert!(xml.get(path).await.ok().text.len() > 8 * MIB, "{path}");
        }
    }
    let before = memory::resident_kib(&server);
    for path in [&format!("/eureka/apps/{APP}"), "/eureka/vips/apollo-configservice"] {
        let readers =
            futures_util::future::join_all((0..READERS).map(|_| reader(&server.config, path)));
        let readers = readers.await;
        let with = |status: &str| readers.iter().filter(|(line, _)| line.ends_with(status)).count();
        let (served, refused) = (with("200"), with("503"));
        assert!((1..=4).contains(&served) && served + refused == READERS, "{served} {refused}");
        let refused = eureka.get("/eureka/apps").await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, "2"));
        let growth = memory::resident_kib(&server).saturating_sub(before);
        assert!(growth < GROWTH, "{growth} KiB for {READERS} readers of 8 MiB");
        drop(readers);
        eventually("the list", async || (eureka.get(path).await.status == 200).then_some(())).await;
    }
}

/// An address has a part of the memory for bodies, and a body has to keep arriving.
#[tokio::test]
async fn bodies_that_stall_have_a_bound() {
    let server = Server::start_with(open());
    let length = (8 * MIB).to_string();
    let headers = [("content-type", "application/json"), ("content-length", &*length)];
    let head = raw::request("POST", "/eureka/peerreplication/batch/", &server.config, &headers);
    let begin = async |bytes: usize| {
        let mut stream = TcpStream::connect(raw::authority(&server.config)).await.unwrap();
        stream.write_all(&head).await.unwrap();
        stream.write_all(&vec![b' '; bytes]).await.unwrap();
        stream
    };
    let mut stalled = begin(7 * MIB).await;
    // Until its head has been read, there is space for the next one.
    eventually("the refusal of a second one", async || {
        let mut second = begin(0).await;
        let mut line = [0; 12];
        let read = second.read_exact(&mut line);
        let answered = tokio::time::timeout(Duration::from_secs(2), read).await;
        answered.is_ok_and(|read| read.is_ok() && line.ends_with(b"503")).then_some(())
    })
    .await;
    let eureka = Http::new(&server.config);
    assert_eq!(register(&eureka, APP, "k", 1).await.status, 204, "registrations are not refused");
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(120), stalled.read_to_end(&mut answer));
    ended.await.expect("the connection ends").ok();
    let outcomes = eventually("space for a batch", async || {
        let body = json!({"replicationList": [super::registration(APP, "k", 2)]});
        let answer = eureka.post("/eureka/peerreplication/batch/", body).await;
        (answer.status == 200).then(|| answer.json())
    });
    assert_eq!(outcomes.await["responseList"], json!([{"statusCode": 200}]));
}

/// A heartbeat has no body: whoever sends a long one in pieces is answered without it.
#[tokio::test]
async fn bodies_without_a_meaning_are_not_kept() {
    const CALLERS: usize = 200;
    const CHUNK: usize = 64_000;
    let server = Server::start_with(open());
    let headers = [("transfer-encoding", "chunked")];
    let mut begun = raw::request("PUT", "/eureka/apps/X/y", &server.config, &headers);
    begun.extend_from_slice(format!("{CHUNK:x}\r\n").as_bytes());
    begun.resize(begun.len() + CHUNK, b'x');
    begun.extend_from_slice(b"\r\n");
    let before = memory::resident_kib(&server);
    let callers = (0..CALLERS).map(async |_| {
        let mut stream = TcpStream::connect(raw::authority(&server.config)).await.unwrap();
        // The server may close before everything is written.
        stream.write_all(&begun).await.ok();
        let mut line = [0; 12];
        // A body that stalls ends later than this.
        let answer = tokio::time::timeout(Duration::from_secs(20), stream.read_exact(&mut line));
        assert!(answer.await.is_ok(), "the node waits for the rest of the body");
        stream
    });
    let callers = futures_util::future::join_all(callers).await;
    let growth = memory::resident_kib(&server).saturating_sub(before);
    assert!(growth < 8 * 1024, "{growth} KiB for {CALLERS} callers");
    drop(callers);
}

/// Everybody may read the services, however many strangers registered: each is compared once.
#[tokio::test]
async fn a_list_of_many_services_costs_little() {
    let server = Server::start_with(open());
    let eureka = Http::new(&server.config).with("accept", "application/json");
    let changes: Vec<_> = (0..INSTANCES)
        .map(|number| {
            let id = format!("i{number}");
            let mut info = instance(APP, &id, 1)["instance"].take();
            info["homePageUrl"] = json!(format!("http://{id}.example:8080/"));
            json!({"appName": APP, "id": id, "action": "Register", "instanceInfo": info})
        })
        .collect();
    for part in changes.chunks(100) {
        assert!(replicate(&eureka, part).await.iter().all(|one| one["statusCode"] == 200));
    }
    let mut quickest = Duration::MAX;
    // Other tests may use the processors during some of them.
    for _ in 0..10 {
        let begun = Instant::now();
        let listed = Http::new(&server.config).get("/services/config").await.ok().json();
        quickest = quickest.min(begun.elapsed());
        assert!(listed.as_array().unwrap().len() >= INSTANCES);
    }
    assert!(quickest < Duration::from_millis(500), "{quickest:?}");
}
