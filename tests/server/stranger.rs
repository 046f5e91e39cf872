//! What strangers can make a node hold: an attack of every anonymous kind on a real server, whose memory and tables must stay
//! within the bounds of `docs/bounds.md` while an honest client is served.
//!
//! The quick form sends a part; `CASTALIA_TEST_STRANGERS=full` sends all of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::support::app::App;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::line::{self, Line};
use crate::support::poll::{self, Waiting, position};
use crate::support::raw;
use crate::support::rows::rows;
use crate::support::server::{Options, Server};
use crate::support::variable;

/// REL-56: a node stays within the memory of a small container.
const MOST_KIB: u64 = 128 * 1024;
/// Connections of an attack.
const LINES: usize = 16;
/// Instances that the server may record for an app here.
const INSTANCES: u64 = 300;

fn options() -> Options {
    Options::new()
        .flag("--roles", "config,meta,admin")
        .flag("--compat-defaults", "adopted")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
        .variable("CASTALIA_CONFIG_SERVICE_INCREMENTAL_CHANGE_ENABLED", "true")
        .variable("CASTALIA_INSTANCE_MAX_PER_APP", &INSTANCES.to_string())
}

/// How many requests an attack sends.
fn scale(full: usize) -> usize {
    if variable("CASTALIA_TEST_STRANGERS").is_some() { full } else { full / 32 }
}

/// The most memory that a server ever had resident, in KiB.
fn peak_kib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[track_caller]
fn assert_small(server: &Server, attack: &str) {
    let peak = peak_kib(server);
    assert!(peak < MOST_KIB, "{attack}: {} MiB were resident", peak / 1024);
}

/// Sends requests over a few connections; the target and the further headers of each follow from its number.
async fn flood(server: &Server, count: usize, request: impl Fn(usize) -> (String, String)) {
    let request = &request;
    let lines = (0..LINES).map(|first| async move {
        let mut line = Line::new(&server.config);
        for number in (first..count).step_by(LINES) {
            let (target, headers) = request(number);
            let status = line.get(&target, &headers).await;
            assert!(status.is_none_or(|status| status < 500), "{status:?}: {:.80}", target);
        }
    });
    join_all(lines).await;
}

/// Sends polls that are meant to be held, each over a connection of its own.
async fn hold(server: &Server, count: usize, target: impl Fn(usize) -> String) -> Vec<TcpStream> {
    let mut held = Vec::with_capacity(count);
    for number in 0..count {
        let mut stream = TcpStream::connect(raw::authority(&server.config)).await.unwrap();
        let request = raw::request("GET", &target(number), &server.config, &[]);
        stream.write_all(&request).await.unwrap();
        held.push(stream);
    }
    // The server has read all of them when it answers on a connection that is younger, be it with a refusal.
    let _ = Http::new(&server.config).get("/health").await;
    held
}

/// A client that reads and waits all the time, as an official one does.
struct Honest {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Honest {
    fn start(server: &Server) -> Self {
        let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (http, ended, count) = (Http::new(&server.config), stop.clone(), served.clone());
        let task = tokio::spawn(async move {
            while !ended.load(Ordering::Relaxed) {
                let answer = http.get("/configs/demo/default/application").await;
                assert_eq!(answer.status, 200, "{answer:?}");
                count.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Self { stop, served, task }
    }

    async fn end(self) {
        let is_served = async || (self.served.load(Ordering::Relaxed) > 10).then_some(());
        eventually("answers to an honest client", is_served).await;
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
    }
}

/// A publish reaches a poll that is held while others attack.
async fn assert_publishes_arrive(server: &Server, app: &App, value: &str) {
    let http = Http::new(&server.config);
    let id = position(&http, &app.id, "application").await;
    let waiting = Waiting::start(&http, &poll::path(&app.id, &[("application", id)])).await;
    app.publish(value).await;
    let (answer, _) = tokio::time::timeout(Duration::from_secs(10), waiting.end()).await.unwrap();
    answer.ok();
}

/// A text that is another one for each number, and as long as it is said.
fn text(number: usize, length: usize) -> String {
    format!("{number:0>8}{}", "x".repeat(length - 8))
}

/// REL-56, SEC-21, SEC-22: whatever strangers ask for, in whatever number, a node stays within 128 MiB and serves its clients.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_cost_a_bounded_amount_of_memory() {
    let server = Server::start_with(options());
    let admin = Http::new(&server.admin);
    let demo = App::create(&admin, "demo").await;
    demo.add_namespace("Team.public", true).await;
    demo.publish("1").await;
    let large = "v".repeat(15_000);
    demo.release("default", "Team.public", &[("a", &large), ("b", &large)]).await;
    position(&Http::new(&server.config), "demo", "application").await;
    let honest = Honest::start(&server);

    let none = String::new;
    flood(&server, scale(48_000), |at| {
        (format!("/configs/demo/{}/application", text(at, 15_000)), none())
    })
    .await;
    assert_small(&server, "long clusters");
    flood(&server, scale(48_000), |at| {
        (format!("/configs/demo/default/{}", text(at, 15_000)), none())
    })
    .await;
    assert_small(&server, "long namespaces");
    flood(&server, scale(32_000), |at| {
        (
            format!("/configs/demo/{}/{}?dataCenter={}", text(at, 32), text(at, 32), text(at, 31)),
            none(),
        )
    })
    .await;
    assert_small(&server, "names that could exist");
    flood(&server, scale(32_000), |at| {
        let key = text(at, 12_000);
        (format!("/configs/demo/default/application?releaseKey={key}"), none())
    })
    .await;
    assert_small(&server, "release keys");
    flood(&server, scale(32_000), |at| {
        (format!("/configs/other{at}/{}/Team.public", text(at, 32)), none())
    })
    .await;
    assert_small(&server, "bodies that repeat a cluster");
    assert_publishes_arrive(&server, &demo, "2").await;

    let polls = scale(1600);
    for (app_id, cluster) in [("demo", "default"), ("demo", "random"), ("made-up", "default")] {
        let fat = hold(&server, polls, |at| {
            let names: String = (0..6700).map(|name| format!("{name:x}~-1,")).collect();
            let cluster = if cluster == "random" { text(at, 20_000) } else { cluster.to_owned() };
            let names = &names[..(60_000 - cluster.len()).min(names.rfind("~-1,").unwrap())];
            let names = &names[..names.rfind(',').unwrap()];
            format!("/notifications/v2?appId={app_id}&cluster={cluster}&known={names}")
        })
        .await;
        assert_publishes_arrive(&server, &demo, cluster).await;
        assert_small(&server, &format!("fat polls of {app_id} in {cluster}"));
        drop(fat);
    }

    flood(&server, scale(32_000), |at| {
        let address = format!("10.{}.{}.{}", at >> 16, at >> 8 & 255, at & 255);
        let target = format!("/configs/demo/{}/application?dataCenter={at}", text(at, 20));
        (target, format!("x-forwarded-for: {address}\r\n"))
    })
    .await;
    assert_small(&server, "instances");
    assert_publishes_arrive(&server, &demo, "3").await;
    honest.end().await;
    let sql = r#"SELECT COUNT(*) AS "Count" FROM "Instance""#;
    let recorded = rows(server.data_dir(), "config.db", sql).await[0]["Count"].as_u64().unwrap();
    assert!((1..=INSTANCES + 1).contains(&recorded), "{recorded} instances");
}

/// Connections that say nothing, half a head or a body that never ends cost little, and honest clients come through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_connections_cost_a_bounded_amount_of_memory() {
    let server = Server::start_with(options());
    let demo = App::create(&Http::new(&server.admin), "demo").await;
    demo.publish("1").await;
    position(&Http::new(&server.config), "demo", "application").await;
    let honest = Honest::start(&server);
    let half = format!("GET /notifications/v2?appId=demo&x={}", "x".repeat(60_000));
    let bodies = "POST /apps HTTP/1.1\r\nhost: x\r\ncontent-length: 30000000\r\n\r\n";
    let mut open = Vec::new();
    for (base, beginning, count) in [
        (&server.config, half.as_str(), scale(4_000)),
        (&server.config, "", scale(8_000)),
        (&server.admin, bodies, scale(1_600)),
    ] {
        for _ in 0..count {
            let mut stream = TcpStream::connect(raw::authority(base)).await.unwrap();
            let _ = stream.write_all(beginning.as_bytes()).await;
            open.push(stream);
        }
    }
    assert_publishes_arrive(&server, &demo, "2").await;
    assert_small(&server, "open connections");
    honest.end().await;
}

/// Heads that never end are bounded in bytes, however many connections there are, and ordinary requests come through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unfinished_heads_have_a_bound_in_bytes() {
    /// Half of what `security.max_watch_mib` allows, beside 8 KiB for each connection.
    const BOUND: usize = 1024 * 1024;
    const HEAD: usize = 60_000;
    const ORDINARY: usize = 8 * 1024;
    let server = Server::start_with(options().flag("--security-max-watch-mib", "2"));
    let demo = App::create(&Http::new(&server.admin), "demo").await;
    demo.publish("1").await;
    let http = Http::new(&server.config);
    let id = position(&http, "demo", "application").await;
    let honest = Honest::start(&server);
    let half = format!("GET /notifications/v2?appId=demo&x={}", "x".repeat(HEAD));
    let mut open = Vec::new();
    for _ in 0..scale(2_000).max(100) {
        let mut stream = TcpStream::connect(raw::authority(&server.config)).await.unwrap();
        let _ = stream.write_all(half.as_bytes()).await;
        open.push(stream);
    }
    let mut held = 0;
    for stream in &mut open {
        let mut byte = [0];
        let read = stream.read(&mut byte);
        held += usize::from(tokio::time::timeout(Duration::from_millis(20), read).await.is_err());
    }
    assert!(held > 0 && held <= BOUND / (HEAD - ORDINARY) + 1, "{held} heads are held");
    // Polls of the usual size are parked, and another large one is refused with a reason.
    assert_publishes_arrive(&server, &demo, "2").await;
    let path = poll::path("demo", &[("application", id)]) + "&x=" + &"x".repeat(HEAD);
    let large = raw::request("GET", &path, &server.config, &[]);
    let refused = raw::send(&server.config, &large).await;
    assert!(refused.is_ok_and(|answer| answer.status == 503), "a large poll is served");
    let metrics = http.get("/metrics").await.ok().text;
    let count =
        metrics.lines().find_map(|line| line.strip_prefix("castalia_refused_connections_total "));
    assert!(count.is_some_and(|count| count.parse::<usize>().unwrap() > 50), "{count:?}");
    drop(open);
    honest.end().await;
    eventually("a large poll", async || {
        let answer = raw::send(&server.config, &large).await;
        answer.is_ok_and(|answer| answer.status == 200).then_some(())
    })
    .await;
}

/// Instances are recorded up to a bound for each app, on each database, and one that a database would refuse costs no other.
#[tokio::test]
async fn instances_are_bounded_on_each_database() {
    for engine in [None, Some(Engine::MySql), Some(Engine::Postgres)] {
        let fresh = match engine {
            None => None,
            Some(engine) => match Fresh::on(engine).await {
                Some(fresh) => Some(fresh),
                None => continue,
            },
        };
        let options = match &fresh {
            Some(fresh) => options().flag("--config-db", &fresh.database.url),
            None => options(),
        };
        let server = Server::start_with(options.variable("CASTALIA_INSTANCE_MAX_PER_APP", "20"));
        let database = match &fresh {
            Some(fresh) => fresh.database.clone(),
            None => Database::file(server.data_dir(), "config.db"),
        };
        let demo = App::create(&Http::new(&server.admin), "demo").await;
        let lib = App::create(&Http::new(&server.admin), "lib").await;
        for app in [&demo, &lib] {
            app.publish("1").await;
            position(&Http::new(&server.config), &app.id, "application").await;
        }
        let ask = async |app: &str, query: &str| {
            let path = format!("/configs/{app}/default/application?{query}");
            Http::new(&server.config).get(&path).await.ok();
        };
        for query in
            ["ip=%00", "ip=1.2.3.4%00", "ip=10.0.0.1&dataCenter=a%00b", "ip=host", "ip=%0a"]
        {
            ask("demo", query).await;
        }
        flood(&server, 200, |at| {
            (format!("/configs/demo/default/application?ip=10.0.1.{at}"), String::new())
        })
        .await;
        ask("lib", "ip=10.0.0.9").await;
        let count = async |app: &str| {
            let sql = format!(r#"SELECT "Ip" FROM "Instance" WHERE "AppId" = '{app}'"#);
            database.rows(&sql).await.len()
        };
        eventually("the record of an honest client of another app", async || {
            (count("lib").await >= 1).then_some(())
        })
        .await;
        assert_eq!(count("demo").await, 20, "{engine:?}");
        drop(server);
        if let Some(fresh) = fresh {
            fresh.remove().await;
        }
    }
}

/// Polls that are refused, and signatures that do not fit, write a few lines each second and not one for each request.
#[tokio::test]
async fn refusals_do_not_flood_the_log() {
    let server = Server::start_with(options().files(160));
    let demo = App::create(&Http::new(&server.admin), "demo").await;
    demo.add_key("0123456789abcdef", 1, true).await;
    demo.publish("1").await;
    let http = Http::new(&server.config);
    let id = position(&http, "demo", "application").await;
    let path = poll::path("demo", &[("application", id)]);
    let _held = hold(&server, 60, |_| path.clone()).await;
    for _ in 0..500 {
        let mut line = Line::new(&server.config);
        let _ = line.get(&path, "authorization: Apollo demo:x\r\n").await;
    }
    let printed = server.printed();
    let is_of_request = |line: &&String| line.contains("request") || line.contains("connection");
    let lines: Vec<_> = printed.iter().filter(is_of_request).collect();
    assert!(lines.len() < 100, "{} lines: {:?}", lines.len(), lines.first());
}

/// A request that is refused before its body was read ends its connection, and the answer says so; one that was read does not.
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

/// A head with two hosts is refused, and so is a method without end, which is not repeated.
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

/// With hardly any files a port says that it is full instead of saying nothing, and answers again afterwards.
#[tokio::test]
async fn a_port_without_files_says_so() {
    let server = Server::start_with(options().files(96));
    let demo = App::create(&Http::new(&server.admin), "demo").await;
    demo.publish("1").await;
    let mut held = Vec::new();
    let mut refused = 0;
    for _ in 0..150 {
        let mut stream = TcpStream::connect(raw::authority(&server.config)).await.unwrap();
        let request = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let answered =
            tokio::time::timeout(Duration::from_secs(5), line::answer(&mut stream)).await;
        let answer = answered.expect("no port is silent");
        refused += usize::from(answer.is_none_or(|(status, _)| status == 503));
        held.push(stream);
    }
    assert!(refused > 50, "{refused} were refused");
    drop(held);
    eventually("an answer", async || {
        let mut line = Line::new(&server.config);
        (line.get("/health/live", "").await == Some(200)).then_some(())
    })
    .await;
}

/// SEC-22: one address cannot take all connections of the portal's port.
#[tokio::test]
async fn one_address_leaves_connections_of_the_portal_to_others() {
    let server = Server::start_with(Options::new().files(400));
    let mut held = Vec::new();
    for _ in 0..500 {
        held.push(TcpStream::connect(raw::authority(&server.portal)).await.unwrap());
    }
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 77], 0).into()).unwrap();
    let mut other = socket.connect(raw::authority(&server.portal).parse().unwrap()).await.unwrap();
    other.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let answered = tokio::time::timeout(Duration::from_secs(5), line::answer(&mut other)).await;
    assert_eq!(answered.unwrap().map(|(status, _)| status), Some(200));
}

/// A second access key with the same secret is the caller's fault, on each database.
#[tokio::test]
async fn the_same_access_key_twice_is_refused() {
    for engine in [None, Some(Engine::MySql), Some(Engine::Postgres)] {
        let fresh = match engine {
            None => None,
            Some(engine) => match Fresh::on(engine).await {
                Some(fresh) => Some(fresh),
                None => continue,
            },
        };
        let options = match &fresh {
            Some(fresh) => options().flag("--config-db", &fresh.database.url),
            None => options(),
        };
        let server = Server::start_with(options);
        let admin = Http::new(&server.admin);
        App::create(&admin, "demo").await;
        let body = serde_json::json!({
            "appId": "demo", "secret": "0123456789abcdef0123", "mode": 0, "enabled": false,
            "dataChangeCreatedBy": "apollo",
        });
        admin.post("/apps/demo/accesskeys", body.clone()).await.ok();
        let second = admin.post("/apps/demo/accesskeys", body).await;
        assert_eq!(second.status, 400, "{engine:?}: {second:?}");
        drop(server);
        if let Some(fresh) = fresh {
            fresh.remove().await;
        }
    }
}
