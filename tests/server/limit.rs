//! Limits that take effect before any work is done: size of heads, pace of clients, number of
//! polls.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::health::is_well;
use crate::support::http::{Answer, Http};
use crate::support::line::{self, Line};
use crate::support::memory::resident_kib;
use crate::support::poll::{self, Waiting, position};
use crate::support::raw;
use crate::support::server::{Options, Server};
use crate::support::stopwatch::Stopwatch;

/// Far above the time of an answer, because this machine may be busy, and far below that of a poll.
const SOON: Duration = Duration::from_secs(20);
/// The same for a refusal: without one, the server would end the connection after ten seconds.
const REFUSED: Duration = Duration::from_secs(9);
/// Seconds until a slow client is disconnected: ten, with a margin for the same reason.
const CUT_AFTER: std::ops::Range<u64> = 8..25;

fn client_roles() -> Options {
    Options::new()
        .flag("--roles", "config,meta,admin")
        .flag("--compat-defaults", "adopted")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
}

async fn answer(server: &Server, target: &str, headers: &[(&str, &str)]) -> Option<Answer> {
    raw::send(&server.config, &raw::request("GET", target, &server.config, headers)).await.ok()
}

/// SEC-21: a URL or a block of headers above 16 KiB is refused, of polls above 64 KiB; smaller ones
/// are accepted.
#[tokio::test]
async fn heads_have_a_limit() {
    let server = Server::start_with(client_roles());
    let filler = |kib: usize| "x".repeat(kib * 1024);
    for (target, headers, statuses) in [
        (format!("/configs/demo/default/n?x={}", filler(15)), 0, &[404][..]),
        (format!("/configs/demo/default/n?x={}", filler(17)), 0, &[414, 431]),
        ("/configs/demo/default/n".to_owned(), 15, &[404]),
        ("/configs/demo/default/n".to_owned(), 17, &[431]),
        (format!("/notifications/v2?appId=demo&cluster=c&x={}", filler(60)), 0, &[400]),
        (format!("/notifications/v2?appId=demo&cluster=c&x={}", filler(70)), 0, &[414, 431]),
        ("/health".to_owned(), 17, &[431]),
    ] {
        let start = Stopwatch::start();
        let header = filler(headers);
        let found = answer(&server, &target, &[("x-filler", &header)]).await;
        let status = found.map(|answer| answer.status);
        let what = &target[..target.len().min(40)];
        assert!(status.is_some_and(|status| statuses.contains(&status)), "{what}: {status:?}");
        assert!(start.elapsed() < REFUSED, "{what}: {:?}", start.elapsed());
    }
}

/// Answers tell clients how long the request line of a poll may be, and one of that length is
/// accepted.
#[tokio::test]
async fn a_poll_may_be_as_long_as_answers_tell() {
    let server = Server::start_with(client_roles());
    let path = "/notifications/v2?appId=demo&cluster=c&x=";
    let told = answer(&server, path, &[]).await.unwrap();
    let length: usize = told.header("castalia-poll-line").parse().unwrap();
    assert!(length > 60_000, "{length}");
    let line = format!("{path}{}", "x".repeat(length - path.len()));
    assert_eq!(answer(&server, &line, &[]).await.unwrap().status, 400, "for what it asks");
    let longer = answer(&server, &format!("{line}x"), &[]).await.unwrap();
    assert!([414, 431].contains(&longer.status), "{longer:?}");
}

/// The compact list that such a server reads: thousands of namespaces in one line.
#[tokio::test]
async fn a_poll_names_thousands_of_namespaces() {
    let server = Server::start_with(client_roles());
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.release("default", "application", &[("k", "1")]).await;
    let names: String = (0..2500).map(|number| format!("namespace-{number}~4294967295,")).collect();
    let line = format!("/notifications/v2?appId=demo&cluster=default&known={names}application~-1");
    assert!(line.len() > 60_000);
    let told = answer(&server, &line, &[]).await.unwrap();
    assert_eq!(told.status, 200, "{told:?}");
    let told = told.json();
    assert_eq!(told.as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told[0]["namespaceName"], "application");
    let cut = line.replace("~-1", "");
    assert_eq!(answer(&server, &cut, &[]).await.unwrap().status, 400);
}

/// A `notifications` parameter of ten megabytes is refused before it is read completely, and leaves
/// nothing behind.
#[tokio::test]
async fn a_parameter_of_ten_megabytes_is_refused_early() {
    let server = Server::start_with(client_roles());
    let http = Http::new(&server.config);
    is_well(&http).await;
    let before = resident_kib(&server);
    let element = "%7B%22namespaceName%22%3A%22application%22%2C%22notificationId%22%3A-1%7D%2C";
    let list = element.repeat(10 * 1024 * 1024 / element.len());
    let target = format!("/notifications/v2?appId=demo&cluster=default&notifications=%5B{list}%5D");
    for _ in 0..20 {
        let start = Stopwatch::start();
        let found = answer(&server, &target, &[]).await;
        // The answer may be lost if the client is still writing when the connection is closed.
        assert!(found.is_none_or(|answer| matches!(answer.status, 414 | 431)));
        assert!(start.elapsed() < REFUSED, "{:?}", start.elapsed());
    }
    is_well(&http).await;
    let grown = resident_kib(&server).saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KiB more than before");
}

/// SEC-21: on each port a client that sends no head within ten seconds, or only a part of one, is
/// disconnected, and so is one that sends a body too slowly.
#[tokio::test]
async fn dribbling_clients_are_cut_off() {
    let server = Server::start_with(
        Options::new().variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false"),
    );
    let ports = [&server.config, &server.admin, &server.portal].map(|base| raw::authority(base));
    let head = "GET /health HTTP/1.1\r\nhost: x\r\n";
    let post = "POST /apps HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{";
    let heads = ports.map(|port| async move { tokio::join!(dribble(port, head), silence(port)) });
    let (heads, body) = tokio::join!(join_all(heads), dribble(ports[1], post));
    for (port, (part, nothing)) in ports.iter().zip(heads) {
        assert!(CUT_AFTER.contains(&part.as_secs()), "{port}: {part:?}");
        assert!(CUT_AFTER.contains(&nothing.as_secs()), "{port}: {nothing:?}");
    }
    assert!(CUT_AFTER.contains(&body.as_secs()), "{body:?}");
}

/// Sends nothing; returns when the connection was closed.
async fn silence(address: &str) -> Duration {
    let start = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut answer = Vec::new();
    let closed = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(60), closed).await;
    start.elapsed()
}

/// Sends a beginning and then a byte each second; returns when the connection was closed.
async fn dribble(address: &str, beginning: &str) -> Duration {
    let start = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(beginning.as_bytes()).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    let mut answer = Vec::new();
    let write = async {
        while to.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        _ = from.read_to_end(&mut answer) => {}
        () = write => {}
        () = tokio::time::sleep(Duration::from_secs(60)) => {}
    }
    start.elapsed()
}

/// `security.max_polls_per_app` and `security.max_polls_per_address` refuse further polls with a
/// time to retry.
#[tokio::test]
async fn fixed_limits_turn_further_polls_away() {
    for setting in ["--security-max-polls-per-app", "--security-max-polls-per-address"] {
        let server = Server::start_with(client_roles().flag(setting, "2"));
        let app = App::create(&Http::new(&server.admin), "demo").await;
        app.publish("1").await;
        let http = Http::new(&server.config);
        let id = position(&http, "demo", "application").await;
        let path = poll::path("demo", &[("application", id)]);
        let held = [Waiting::start(&http, &path).await, Waiting::start(&http, &path).await];
        eventually_parked(&http, held.len()).await;
        let third = http.get(&path).await;
        assert_eq!((third.status, third.header("retry-after")), (429, "5"), "{setting}");
        app.publish("2").await;
        for poll in held {
            assert_eq!(poll.soon().await.status, 200);
        }
    }
}

/// SEC-22: when capacity for polls is scarce, the app and address with the most polls are refused
/// first; others are served as before, and health answers.
#[tokio::test]
async fn the_app_with_most_polls_is_refused_first() {
    // Some 500 polls fit in 1000 files, and capacity is scarce when four fifths of them are parked.
    const FLOOD: usize = 500;
    let options = client_roles().files(1000).variable("CASTALIA_LONG_POLLING_TIMEOUT", "90");
    let server = Server::start_with(options);
    let admin = Http::new(&server.admin);
    let greedy = App::create(&admin, "greedy").await;
    greedy.publish("1").await;
    let mut small = Vec::new();
    for at in 0..10_u8 {
        let app = App::create(&admin, &format!("small{at}")).await;
        app.publish("1").await;
        small.push(app);
    }
    let http = Http::new(&server.config);
    let mut held = Vec::new();
    for (app, last) in small.iter().zip(10..) {
        let id = position(&http, &app.id, "application").await;
        held.push(Parked::from(&server, last, &poll::path(&app.id, &[("application", id)])).await);
    }
    eventually_parked(&http, held.len()).await;
    let id = position(&http, "greedy", "application").await;
    let path = poll::path("greedy", &[("application", id)]);
    let mut flood = Vec::new();
    for _ in 0..FLOOD {
        flood.push(Parked::from(&server, 99, &path).await);
    }
    let parked = eventually("each poll to be parked or refused", async || {
        let (parked, refused) = polls(&http).await;
        (parked + refused == held.len() + FLOOD).then_some(parked)
    })
    .await;
    for number in 0..100 {
        let mut poll = Parked::from(&server, 99, &path).await;
        let answer = poll.answer().await;
        assert!(answer.contains(" 429 ") && answer.contains("retry-after: "), "{number}: {answer}");
    }

    // Without patience: the harm of the flood would be a slow database, or a refusal.
    let start = Stopwatch::start();
    http.get("/health").await.ok();
    assert!(start.elapsed() < SOON);
    let start = Stopwatch::start();
    small[0].set("default", "application", &[("k", "2")]).await;
    small[0].try_publish("default", "application").await.ok();
    let told = held[0].answer().await;
    assert!(told.contains(" 200 ") && start.elapsed() < SOON, "{told} {:?}", start.elapsed());
    let id = position(&http, &small[0].id, "application").await;
    let path = poll::path(&small[0].id, &[("application", id)]);
    let _next = Parked::from(&server, 10, &path).await;
    eventually_parked(&http, parked).await;
}

/// The connections that the unit file of systemd allows fit into the memory that is documented.
#[test]
fn the_unit_file_allows_as_many_files_as_the_documentation() {
    const UNIT: &str = include_str!("../../server/castalia.service");
    const BOUNDS: &str = include_str!("../../docs/bounds.md");
    let limit = UNIT.lines().find_map(|line| line.strip_prefix("LimitNOFILE=")).unwrap();
    assert!(BOUNDS.contains(&format!("for 128 MiB set `LimitNOFILE` to {limit} or less")));
}

async fn eventually_parked(http: &Http, count: usize) {
    let is_reached = async || (polls(http).await.0 == count).then_some(());
    eventually(&format!("{count} parked polls"), is_reached).await;
}

/// Number of parked polls, and of refused ones.
async fn polls(http: &Http) -> (usize, usize) {
    let metrics = http.get("/metrics").await.ok().text;
    let value = |name: &str| {
        let mut values = metrics.lines().filter_map(|line| line.strip_prefix(name));
        values.find_map(|value| value.trim().parse().ok()).unwrap_or_default()
    };
    (value("castalia_parked_polls "), value("castalia_refused_polls_total "))
}

/// A poll on a connection from its own address.
struct Parked(TcpStream);

impl Parked {
    async fn from(server: &Server, last: u8, path: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, last], 0).into()).unwrap();
        let mut stream =
            socket.connect(raw::authority(&server.config).parse().unwrap()).await.unwrap();
        stream.write_all(&raw::request("GET", path, &server.config, &[])).await.unwrap();
        Self(stream)
    }

    /// The first bytes of the answer.
    async fn answer(&mut self) -> String {
        let mut buffer = [0; 1024];
        let read = tokio::time::timeout(Duration::from_secs(30), self.0.read(&mut buffer)).await;
        String::from_utf8_lossy(&buffer[..read.unwrap().unwrap()]).into_owned()
    }
}

/// A request that is refused before its body was read ends its connection, and the answer says so;
/// otherwise the connection remains open.
#[tokio::test]
async fn an_answer_says_that_the_connection_ends() {
    let server = Server::start_with(Options::new());
    for (base, path) in [
        (&server.config, "/configs/demo/default/n"),
        (&server.admin, "/apps"),
        (&server.portal, "/signin"),
    ] {
        let mut stream = TcpStream::connect(raw::authority(base)).await.unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 500000\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let answered =
            tokio::time::timeout(Duration::from_secs(20), line::answer(&mut stream)).await;
        let (status, stays_open) = answered.unwrap().unwrap();
        assert!((400..500).contains(&status) && !stays_open, "{path}: {status}, {stays_open}");
    }
    let mut line = Line::new(&server.config);
    assert_eq!(line.get("/configs/demo/default/n", "").await, Some(404));
    assert!(line.is_open());
    for target in [format!("/configs/{}", "x".repeat(20_000)), format!("/{}", "x".repeat(80_000))] {
        let mut line = Line::new(&server.config);
        let status = line.get(&target, "").await;
        assert!(matches!(status, Some(414 | 431)), "{status:?}");
    }
}

/// A head with two hosts is refused, and so is a method of unlimited length, which is not echoed.
#[tokio::test]
async fn heads_with_two_meanings_are_refused() {
    let server = Server::start_with(Options::new());
    for base in [&server.config, &server.admin, &server.portal] {
        let answer = raw::get(base, "/health", &[("host", "other")]).await;
        assert_eq!(answer.status, 400, "{base}");
        let method = "X".repeat(20_000);
        let answer = raw::send(base, &raw::request(&method, "/health", base, &[])).await.unwrap();
        assert!(answer.status == 400 && answer.text.len() < 200, "{base}: {}", answer.status);
    }
}
