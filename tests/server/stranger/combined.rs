//! Every kind of attack without credentials at once, on one process with all roles and a hosted
//! Eureka. The other files send one kind after the other, so that each has the whole memory for
//! itself. The exchange of codes with a provider of OpenID Connect is missing, because it needs a
//! provider; it has a test of its own in the server.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use super::attack::{Honest, address, assert_publishes_arrive, connect_to, scale, statuses, text};
use crate::server::eureka::instance;
use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::health::ports_are_ready;
use crate::support::http::Http;
use crate::support::memory::assert_small_for_all;
use crate::support::poll::position;
use crate::support::server::{Options, Server};
use crate::support::{line, raw, sign};

const ADMIN_TOKEN: &str = "token-of-the-admin-role-in-a-test-of-all-attacks";
/// Most open files of a node that has to withstand all attacks (`docs/bounds.md`).
const FILES: u32 = 2_048;
/// A release that is too large for the buffers of the sockets, so that each answer that is not
/// read remains in the memory of the server.
const KEYS: usize = 20;
const VALUE: usize = 15_000;
/// Receive buffer of a client that does not read.
const BUFFER: u32 = 4_096;
/// Pause before an attacker opens a connection again that the server has ended.
const PAUSE: Duration = Duration::from_secs(1);
/// Time for which an attacker does not read; the server ends it after thirty seconds.
const UNREAD: Duration = Duration::from_secs(35);
/// Requests of an attacker that wait for their answers, each from an address of its own.
const POSTS: usize = 4;

fn options() -> Options {
    Options::new()
        .flag("--security-max-watch-mib", "4")
        .flag("--eureka-host", "on")
        .flag("--eureka-max-instances", "200")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "true")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_TOKENS", ADMIN_TOKEN)
        .files(FILES)
}

/// A node with what the attacks need: a release that everyone reads, a large public one, and an app
/// with an access key.
struct Victim {
    server: Server,
    demo: App,
}

impl Victim {
    async fn start() -> Self {
        let server = Server::start_with(options());
        let admin = Http::new(&server.admin).with("Authorization", ADMIN_TOKEN);
        let demo = App::create(&admin, "demo").await;
        demo.publish("1").await;
        demo.add_namespace("Team.public", true).await;
        let value = "v".repeat(VALUE);
        let keys: Vec<_> = (0..KEYS).map(|number| format!("k{number}")).collect();
        let items: Vec<_> = keys.iter().map(|key| (&**key, &*value)).collect();
        demo.release("default", "Team.public", &items).await;
        let closed = App::create(&admin, "sec").await;
        closed.publish("1").await;
        closed.add_key("right", 0, true).await;
        let http = Http::new(&server.config);
        position(&http, "demo", "application").await;
        for (path, status) in [(large(0), 200), (CLOSED.to_owned(), 401)] {
            eventually(&path, async || (http.get(&path).await.status == status).then_some(()))
                .await;
        }
        Self { server, demo }
    }
}

/// What only a client with the access key may read.
const CLOSED: &str = "/configs/sec/default/application";

/// The large release as an app reads it that does not exist: the answer names the app, so that it
/// is another one for each number.
fn large(number: usize) -> String {
    format!("/configs/stranger{number}/default/Team.public")
}

/// Number of connections that attackers keep open: at least a quarter, because a few would reach no
/// limit.
fn held(whole: usize) -> usize {
    scale(whole).max(whole / 4)
}

/// Opens a connection from one of the addresses, sends the beginning of something, and does so
/// again whenever the server has ended it.
async fn persist(base: String, number: usize, beginning: String) {
    let mut buffer = [0; 1024];
    loop {
        let mut stream = connect_to(&base, number).await;
        if stream.write_all(beginning.as_bytes()).await.is_ok() {
            while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Requests a large answer and does not read it, again and again.
async fn leave_unread(base: String, number: usize) {
    let request = raw::request("GET", &large(number), &base, &[]);
    loop {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(BUFFER).unwrap();
        socket.bind((address(number), 0).into()).unwrap();
        let mut stream = socket.connect(raw::authority(&base).parse().unwrap()).await.unwrap();
        let is_sent = stream.write_all(&request).await.is_ok();
        tokio::time::sleep(if is_sent { UNREAD } else { PAUSE }).await;
    }
}

/// Attacks that occupy connections, until they are dropped.
fn occupy(server: &Server) -> JoinSet<()> {
    let Server { config, portal, admin, .. } = server;
    let head = format!("GET /notifications/v2?appId=demo&x={}", "x".repeat(60_000));
    let names: String = (0..200).map(|name| format!("undeclared-{name}~-1,")).collect();
    let poll = format!(
        "GET /notifications/v2?appId=demo&cluster=default&known={} HTTP/1.1\r\nhost: {}\r\n\r\n",
        names.trim_end_matches(','),
        raw::authority(config)
    );
    let body = |base: &str, path: &str, length: usize, sent: usize| {
        let length = length.to_string();
        let headers = [("content-type", "application/json"), ("content-length", &*length)];
        let head = String::from_utf8(raw::request("POST", path, base, &headers)).unwrap();
        head + &" ".repeat(sent)
    };
    let batch = body(config, "/eureka/peerreplication/batch/", 1_000_000, 128 * 1024);
    let form = body(portal, "/signin", 15_000, 10_000);
    let app = body(admin, "/apps", 30_000_000, 128 * 1024);
    let mut attacks = JoinSet::new();
    for (base, beginning, count) in [
        (config, &head, held(300)),
        (config, &String::new(), held(300)),
        (config, &poll, held(300)),
        (config, &batch, held(40)),
        (portal, &form, held(40)),
        (admin, &app, held(40)),
    ] {
        for number in 0..count {
            attacks.spawn(persist(base.clone(), number, beginning.clone()));
        }
    }
    for number in 0..held(200) {
        attacks.spawn(leave_unread(config.clone(), number));
    }
    attacks
}

/// Sends requests with bodies from several addresses; returns the statuses of the answers.
async fn post(
    base: &str,
    count: usize,
    path: &str,
    kind: &str,
    body: impl Fn(usize) -> String,
) -> Vec<Option<u16>> {
    let body = &body;
    let callers = (0..POSTS).map(|first| async move {
        let mut statuses = Vec::new();
        for number in (first..count).step_by(POSTS) {
            let body = body(number);
            let length = body.len().to_string();
            let headers = [("content-type", kind), ("content-length", &*length)];
            let mut request = raw::request("POST", path, base, &headers);
            request.extend_from_slice(body.as_bytes());
            let mut stream = connect_to(base, number).await;
            let answer = match stream.write_all(&request).await {
                Ok(()) => line::answer(&mut stream).await,
                Err(_) => None,
            };
            statuses.push(answer.map(|(status, _)| status));
        }
        statuses
    });
    join_all(callers).await.concat()
}

/// The attacks that consist of many requests: each is carried out, however many of them are refused
/// because of the others.
async fn send_requests(server: &Server) {
    let none = String::new;
    let unknown = statuses(server, scale(32_000), |at| {
        (format!("/configs/demo/{}/{}", text(at, 32), text(at, 32)), none())
    });
    let guesses = statuses(server, scale(32_000), |at| {
        let time = sign::now_ms().to_string();
        let signed = sign::headers(&format!("guess {at}"), &time, CLOSED);
        let lines = signed.map(|(name, value)| format!("{name}: {value}\r\n"));
        (CLOSED.to_owned(), lines.concat())
    });
    let instances = statuses(server, scale(32_000), |at| {
        let ip = format!("10.{}.{}.{}", at >> 16, at >> 8 & 255, at & 255);
        (format!("/configs/demo/default/application?ip={ip}"), none())
    });
    let form = "application/x-www-form-urlencoded";
    let sign_ins = post(&server.portal, scale(1_600), "/signin", form, |at| {
        format!("username=nobody-{at}&password=wrong")
    });
    let register = "/eureka/apps/STRANGER";
    let registrations = post(&server.config, scale(6_400), register, "application/json", |at| {
        instance("STRANGER", &format!("stranger-{at}"), 1).to_string()
    });
    let (unknown, guesses, instances, sign_ins, registrations) =
        tokio::join!(unknown, guesses, instances, sign_ins, registrations);
    assert!(!guesses.contains(&Some(200)), "a guess of an access key was admitted");
    for (kind, expected, found) in [
        ("names that do not exist", 404, unknown),
        ("guesses of an access key", 401, guesses),
        ("instances", 200, instances),
        ("sign-ins", 302, sign_ins),
        ("registrations", 204, registrations),
    ] {
        assert!(found.contains(&Some(expected)), "{kind}: {found:?}");
    }
}

/// REL-56, SEC-22: however many attacks of all kinds there are at once, the node remains within its
/// memory, a client receives what is published meanwhile, and the node is well afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_attacks_at_once_cost_a_bounded_amount_of_memory() {
    let Victim { server, demo } = Victim::start().await;
    let honest = Honest::start(&server);
    let mut attacks = occupy(&server);
    let publishes = async {
        for value in ["2", "3", "4"] {
            assert_publishes_arrive(&server, &demo, value).await;
        }
    };
    tokio::join!(send_requests(&server), publishes);
    assert_publishes_arrive(&server, &demo, "5").await;
    assert_small_for_all(&server, "all attacks");
    assert!(attacks.try_join_next().is_none(), "an attack has ended early");
    drop(attacks);
    honest.end().await;
    ports_are_ready(&server).await;
    assert_publishes_arrive(&server, &demo, "6").await;
}
