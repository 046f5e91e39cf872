//! A request has one meaning, whichever parser of the server reads it: the one for complete heads
//! of requests without a body, or that of the HTTP library, which reads all others. Here a length
//! of 0 sends a request to the latter.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::fixture::{self, Fixture, compatible};
use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::poll;
use crate::support::raw::authority;
use crate::support::server::{Options, Server};
use crate::support::sign::{headers, now_ms};

/// Headers that select the parser.
const LANES: [&str; 2] = ["", "content-length: 0\r\n"];
/// Number of generated requests.
const MUTANTS: usize = 300;
/// Bytes that generated targets contain in odd places.
const ODD: &[u8] = b"/?&=%+.,~-_\"'<>[]{}|\\^`#@:;! \x01\x7f\xc3\xa9aZ09";

/// The complete answer, without the times in it.
async fn answer(base: &str, target: &[u8], headers: &str, lane: &str) -> String {
    let mut stream = TcpStream::connect(authority(base)).await.unwrap();
    let end = format!(" HTTP/1.1\r\nhost: {}\r\n{headers}{lane}\r\n", authority(base));
    stream.write_all(&[b"GET ", target, end.as_bytes()].concat()).await.unwrap();
    let mut answer = Vec::new();
    let read = async {
        while !is_complete(&answer) {
            if stream.read_buf(&mut answer).await.unwrap_or(0) == 0 {
                break;
            }
        }
    };
    let read = timeout(Duration::from_secs(20), read).await;
    assert!(read.is_ok(), "no answer to {}", target.escape_ascii());
    without_times(&String::from_utf8_lossy(&answer))
}

fn is_complete(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&answer[..end]);
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    answer.len() - end - 4 == length.map_or(0, |length| length.parse().unwrap())
}

fn without_times(answer: &str) -> String {
    let mut lines = answer.split_inclusive("\r\n").filter(|line| !line.starts_with("date: "));
    let mut text: String = lines.by_ref().collect();
    if let Some(begin) = text.find("\"timestamp\":\"") {
        let value = begin + "\"timestamp\":\"".len();
        let length = text[value..].find('"').unwrap_or_default();
        text.replace_range(value..value + length, "");
    }
    text
}

/// Compares the answers; returns their status line.
async fn agree(base: &str, target: &[u8], headers: &str) -> String {
    let [front, library] = LANES.map(|lane| answer(base, target, headers, lane));
    let (front, library) = tokio::join!(front, library);
    assert_eq!(front, library, "{} with {headers:?}", target.escape_ascii());
    front.lines().next().unwrap_or_default().to_owned()
}

/// Requests of all endpoints, and what makes their answers differ.
fn targets(fixture: &Fixture) -> Vec<String> {
    let mut targets = Vec::new();
    for rest in [
        "default/application",
        "default/application?ip=10.9.9.9",
        "default/application?ip=1.2.3.4&label=canary",
        "default/application?ip=1.2.3.4&label=CANARY",
        "bj/application.properties?dataCenter=dc1",
        "nowhere/APPLICATION?dataCenter=dc1&ip=",
        "default/Team.common",
        "dc1/team.COMMON?ip=%31.2.3.4",
        "default/shadow",
        "default/empty",
        "default/esc?x=%zz",
        "default/never",
        "default/db.json",
        "default/conf.yaml",
        "default/page.xml",
        "default/note.txt",
        "default",
        "default/a%2Fb",
        "default/application/",
    ] {
        for path in ["configs", "configfiles", "configfiles/json", "configfiles/raw"] {
            targets.push(format!("/{path}/demo/{rest}"));
        }
    }
    for (namespace, release) in
        [("application", "APP"), ("application", "GRAY"), ("inc", "INC1"), ("inc", "INC2")]
    {
        let key = fixture.key(release);
        targets.push(format!("/configs/demo/default/{namespace}?releaseKey={key}&ip=10.0.0.1"));
    }
    let messages = "%7B%22details%22%3A%7B%22demo%2Bdefault%2Bapplication%22%3A1%7D%7D";
    targets.push(format!("/configs/demo/default/application?messages={messages}"));
    for app in ["sec", "obs", "nobody", "ApolloNoAppIdPlaceHolder", "de%20mo"] {
        targets.push(format!("/configs/{app}/default/application"));
        targets.push(format!("/configs/{app}/default/Team.common?ip=10.0.0.1"));
    }
    targets
        .extend(["/configs", "/notifications/v2", "/notifications/v2?appId=demo"].map(Into::into));
    targets
}

#[tokio::test]
async fn both_parsers_have_the_same_answers() {
    let fixture = Fixture::shared().await;
    let targets = targets(fixture);
    let mut found = Vec::new();
    for target in &targets {
        for headers in ["", "X-Forwarded-For: 10.9.9.9, 1.1.1.1\r\nConnection: Keep-Alive\r\n"] {
            found.push(agree(&fixture.base, target.as_bytes(), headers).await);
        }
    }
    for status in ["200", "304", "400", "401", "404"] {
        assert!(found.iter().any(|line| line.contains(status)), "no {status}: {found:?}");
    }
    for known in [-1, 0] {
        let polls = [
            poll::path("demo", &[("application", known)]),
            poll::path("demo", &[("APPLICATION.properties", known)]),
            poll::path("other", &[("team.common", known)]),
            format!("/notifications?appId=demo&cluster=default&notificationId={known}"),
        ];
        for target in polls {
            let line = agree(&fixture.base, target.as_bytes(), "").await;
            assert!(line.contains("200"), "{target}: {line}");
        }
    }
}

/// The signature covers the target as it was sent, and is checked before anything is answered.
#[tokio::test]
async fn both_parsers_check_the_same_signatures() {
    let fixture = Fixture::shared().await;
    for target in [
        "/configs/sec/default/application",
        "/configs/sec/default/application?",
        "/configs/sec/x/y?a=%41",
    ] {
        for (name, age, status) in
            [("s1", 0, "0"), ("s3", 0, "401"), ("o1", 0, "401"), ("s1", 90_000, "401")]
        {
            let signed = target.trim_end_matches('?');
            let signed = headers(name, &(now_ms() - age).to_string(), signed);
            let text: String =
                signed.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let line = agree(&fixture.base, target.as_bytes(), &text).await;
            assert!(line.contains(status) && line.contains("401") == (status == "401"), "{line}");
        }
    }
}

#[tokio::test]
async fn both_parsers_have_the_same_answers_to_damaged_requests() {
    let fixture = Fixture::shared().await;
    let targets = targets(fixture);
    let mut random = fastrand::Rng::with_seed(29);
    for _ in 0..MUTANTS {
        let mut mutant = targets[random.usize(..targets.len())].clone().into_bytes();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(1..mutant.len());
            let odd = ODD[random.usize(..ODD.len())];
            match random.u8(..4) {
                0 => mutant[at] = odd,
                1 => mutant.insert(at, odd),
                2 => mutant.truncate(at.max(2)),
                _ => drop(mutant.remove(at)),
            }
            if mutant.len() < 2 {
                break;
            }
        }
        // A poll may wait, and a path below another one is not that of a client.
        if mutant.starts_with(b"/config") {
            agree(&fixture.base, &mutant, "").await;
        }
    }
}

/// A client is recorded with the release that it received, whichever parser read its request.
#[tokio::test]
async fn both_parsers_record_their_clients() {
    let fixture = Fixture::shared().await;
    let Some(database) = fixture.database("the record of both parsers") else { return };
    for (ip, lane) in ["10.77.0.1", "10.77.0.2"].into_iter().zip(LANES) {
        let target = format!("/configs/demo/default/application?ip={ip}");
        answer(&fixture.base, target.as_bytes(), "", lane).await;
        let sql = format!(r#"SELECT "Ip" FROM "Instance" WHERE "Ip" = '{ip}'"#);
        eventually("the record", async || {
            Some(database.rows(&sql).await).filter(|rows| rows.len() == 1)
        })
        .await;
    }
}

/// Paths that exist, that do not, and that are near the base path.
const PATHS: [&str; 12] = [
    "/configs/demo/default/application",
    "/configs/demo/default/nowhere",
    "/configs/demo/default",
    "/configs",
    "/configfiles/raw/demo/default/application?ip=10.0.0.1",
    "/configfiles/json/demo/default/application",
    "/notifications/v2",
    "/notifications/v2?appId=demo&notifications=x",
    "/notifications/v2?appId=demo&notifications=%5B%7B%22namespaceName%22%3A%22application%22%2C%22notificationId%22%3A-1%7D%5D",
    "/services/config",
    "/unknown",
    "/",
];

/// Requests of a server that is below a base path, or not, with or without Apollo's status codes.
async fn agree_with(options: Options, base_path: &str) {
    if fixture::is_by_address("the base path of both parsers") {
        return;
    }
    let server = Server::start_with(options.flag("--roles", "config,meta,admin"));
    let admin = Http::new(&format!("{}{base_path}", server.admin));
    App::create(&admin, "demo").await.publish("1").await;
    let mut found = Vec::new();
    for prefix in [base_path, "", "/ap", "/apolloo", "/APOLLO", "/apollo/", "/apollo%2F"] {
        for path in PATHS {
            let target = format!("{prefix}{path}");
            let line = agree(&server.config, target.as_bytes(), "").await;
            if prefix == base_path {
                found.push(line);
            } else if path.starts_with("/configs/demo") {
                assert!(!line.contains("200") || base_path.is_empty(), "{target}: {line}");
            }
        }
    }
    assert!(found[0].contains("200") && found[1].contains("404"), "{found:?}");
}

#[tokio::test]
async fn both_parsers_know_the_base_path() {
    agree_with(compatible().flag("--base-path", "/apollo"), "/apollo").await;
}

#[tokio::test]
async fn both_parsers_have_the_same_status_codes_with_either_setting() {
    for strict in ["on", "off"] {
        agree_with(compatible().flag("--compat-strict-status", strict), "").await;
    }
    let both = compatible().flag("--base-path", "/apollo").flag("--compat-strict-status", "on");
    agree_with(both, "/apollo").await;
}

/// Requests of either parser are in the log at level trace, with the same fields.
#[tokio::test]
async fn both_parsers_trace_their_requests() {
    if fixture::is_by_address("the trace of both parsers") {
        return;
    }
    let options = compatible()
        .flag("--roles", "config,meta,admin")
        .flag("--log-level", "info,castalia_server=trace");
    let mut server = Server::start_with(options);
    App::create(&Http::new(&server.admin), "demo").await.publish("1").await;
    let targets = [
        "/configs/demo/default/application?ip=10.0.0.1",
        "/configs/demo/default/missing",
        "/notifications/v2?appId=demo",
    ];
    for target in targets {
        agree(&server.config, target.as_bytes(), "").await;
    }
    let printed = server.printed_until_exit();
    for target in targets {
        let path = target.split('?').next().unwrap();
        let of_path = |line: &&String| line.contains(path) && line.contains("request answered");
        let fields = |line: &String| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["level"], "TRACE", "{line}");
            assert!(!line.to_string().contains("10.0.0.1"), "the query is not logged: {line}");
            (line["method"].clone(), line["path"].clone(), line["status"].clone())
        };
        let traced: Vec<_> = printed.iter().filter(of_path).map(fields).collect();
        assert_eq!(traced.len(), 2, "{path}: {traced:?}");
        assert_eq!(traced[0], traced[1]);
        assert_eq!((traced[0].0.as_str(), traced[0].1.as_str()), (Some("GET"), Some(path)));
    }
}

async fn agree_on(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let options = compatible().flag("--config-db", &fresh.database.url);
    agree_with(options, "").await;
    fresh.remove().await;
}

#[tokio::test]
async fn both_parsers_have_the_same_answers_on_mysql() {
    agree_on(Engine::MySql).await;
}

#[tokio::test]
async fn both_parsers_have_the_same_answers_on_postgres() {
    agree_on(Engine::Postgres).await;
}
