//! Properties of every route of a node: which ones answer without credentials (SEC-01), and how
//! much each reads (SEC-21). The lists beside this file contain the exceptions, so a new route that
//! is open or unlimited by mistake fails.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a failure in a test's own steps may end it")]
// The start of a node is one deeply nested future.
#![recursion_limit = "256"]

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use castalia_server::node::{Node, Route};
use castalia_server::settings::role::Role;
use castalia_server::settings::{Settings, Texts};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Open routes, one `port METHOD path` per line.
const OPEN: &str = include_str!("open_routes.txt");

/// Routes that change something, in the same form: each has a row in the race test.
const RACED: &str = include_str!("../../tests/fault/race/operations.txt");
/// Those that do not need one, each with its reason.
const NOT_RACED: &str = include_str!("../../tests/fault/race/not_raced.txt");

async fn start(directory: &tempfile::TempDir) -> Node {
    start_with(directory, Vec::new()).await
}

/// With an admin port that needs no token.
async fn start_open(directory: &tempfile::TempDir) -> Node {
    let open = ("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    start_with(directory, vec![(open.0.to_owned(), open.1.to_owned())]).await
}

async fn start_with(directory: &tempfile::TempDir, variables: Vec<(String, String)>) -> Node {
    let flags = vec![
        ("data_dir", directory.path().display().to_string()),
        ("config_port", "0".to_owned()),
        ("admin_port", "0".to_owned()),
        ("portal_port", "0".to_owned()),
    ];
    let texts = Texts::gather(flags, None, variables.into_iter()).unwrap();
    Node::start(Settings::from_texts(&texts).unwrap()).await.unwrap()
}

/// A path with a value for each placeholder.
fn filled(path: &str) -> String {
    let fill =
        |segment: &str| if segment.starts_with('{') { "x".to_owned() } else { segment.to_owned() };
    path.split('/').map(fill).collect::<Vec<_>>().join("/")
}

async fn status(node: &Node, port: Role, method: &Method, path: &str) -> StatusCode {
    answer(node, port, method, path).await.status()
}

async fn answer(node: &Node, port: Role, method: &Method, path: &str) -> Response<Incoming> {
    let listening = node.listening.iter().find(|listening| listening.role == port).unwrap();
    let stream = TcpStream::connect(listening.address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request =
        Request::builder().method(method).uri(path).header("host", listening.address.to_string());
    sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap()
}

/// In an empty data directory with default options, every route but the listed ones needs
/// credentials.
#[tokio::test]
async fn every_route_but_those_of_the_list_asks_for_credentials() {
    let directory = tempfile::tempdir().unwrap();
    let node = start(&directory).await;
    let mut open = BTreeSet::new();
    for Route { port, method, path } in &node.routes {
        let status = status(&node, *port, method, &filled(path)).await;
        if !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            open.insert(format!("{} {method} {path}", port.name()));
        }
    }
    let expected: BTreeSet<_> = OPEN.lines().filter(is_route).map(str::to_owned).collect();
    let unexpected: Vec<_> = open.difference(&expected).collect();
    let missing: Vec<_> = expected.difference(&open).collect();
    assert!(
        unexpected.is_empty() && missing.is_empty(),
        "open by mistake: {unexpected:#?}; no longer open: {missing:#?}"
    );
    assert!(node.routes.len() > 150, "{} routes", node.routes.len());
    node.stop().await;
}

/// Routes of the admin and portal ports that change something are those of the race test, or have a
/// reason why they are not.
#[tokio::test]
async fn every_route_that_changes_something_is_raced() {
    let directory = tempfile::tempdir().unwrap();
    let node = start(&directory).await;
    let changing = names(&node, |route| {
        matches!(route.port.name(), "admin" | "portal")
            && !matches!(route.method, Method::GET | Method::HEAD)
    });
    let raced: BTreeSet<_> = RACED.lines().filter(is_route).map(str::to_owned).collect();
    let not_raced = with_reasons(NOT_RACED);
    let both: Vec<_> = raced.intersection(&not_raced).collect();
    let listed: BTreeSet<_> = raced.union(&not_raced).cloned().collect();
    let without: Vec<_> = changing.difference(&listed).collect();
    let unknown: Vec<_> = listed.difference(&changing).collect();
    assert!(
        without.is_empty() && unknown.is_empty() && both.is_empty(),
        "not raced: {without:#?}; no longer a route: {unknown:#?}; in both lists: {both:#?}"
    );
    node.stop().await;
}

fn names(node: &Node, is_wanted: impl Fn(&Route) -> bool) -> BTreeSet<String> {
    let wanted = node.routes.iter().filter(|&route| is_wanted(route));
    wanted.map(|route| format!("{} {} {}", route.port.name(), route.method, route.path)).collect()
}

/// The routes of a list in which each has its reason.
fn with_reasons(list: &str) -> BTreeSet<String> {
    let with_reason = |line: &str| {
        let (route, reason) = line.split_once(" # ").unwrap_or((line, ""));
        assert!(!reason.trim().is_empty(), "no reason: {line}");
        route.to_owned()
    };
    list.lines().filter(is_route).map(with_reason).collect()
}

fn is_route(line: &&str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}

/// Credentials, addresses and path rewrites of other products, proxies and frameworks.
const HEADERS: [(&str, &str); 50] = [
    ("user-agent", "Nacos-Server"),
    ("user-agent", "Apollo-Portal"),
    ("user-agent", "kube-probe/1.30"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-forwarded-for", "::1, 10.0.0.1"),
    ("x-real-ip", "127.0.0.1"),
    ("x-client-ip", "::1"),
    ("x-cluster-client-ip", "127.0.0.1"),
    ("x-originating-ip", "127.0.0.1"),
    ("x-remote-addr", "127.0.0.1"),
    ("true-client-ip", "127.0.0.1"),
    ("cf-connecting-ip", "127.0.0.1"),
    ("forwarded", "for=127.0.0.1;host=localhost"),
    ("x-forwarded-host", "localhost"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-port", "8070"),
    ("x-original-url", "/health"),
    ("x-rewrite-url", "/health"),
    ("x-original-uri", "/health"),
    ("x-forwarded-uri", "/health"),
    ("x-forwarded-path", "/health"),
    ("x-forwarded-prefix", "/health"),
    ("x-http-method-override", "OPTIONS"),
    ("x-http-method", "GET"),
    ("x-method-override", "HEAD"),
    ("x-auth-user", "apollo"),
    ("x-remote-user", "apollo"),
    ("remote-user", "apollo"),
    ("x-forwarded-user", "apollo"),
    ("x-forwarded-email", "apollo@example.com"),
    ("x-forwarded-groups", "admin"),
    ("x-authenticated-user", "apollo"),
    ("x-webauth-user", "apollo"),
    ("x-user-id", "apollo"),
    ("x-ssl-client-s-dn", "CN=apollo"),
    ("x-ssl-client-verify", "SUCCESS"),
    ("x-forwarded-client-cert", "Subject=\"CN=apollo\""),
    ("x-middleware-subrequest", "middleware:middleware:middleware"),
    ("x-api-key", "apollo"),
    ("x-csrf-token", "apollo"),
    ("authorization", ""),
    ("authorization", "Bearer"),
    ("authorization", "Bearer null"),
    ("authorization", "Basic YXBvbGxvOmFkbWlu"),
    ("authorization", "Apollo demo:"),
    ("authorization", "\r\nauthorization: x"),
    ("cookie", "SESSION=; SESSION=x; JSESSIONID=x"),
    ("apollo-audit-operator", "apollo"),
    ("origin", "null"),
    ("referer", "http://localhost/"),
];

/// SEC-02: no header, user agent or address replaces a credential, on any protected route. HTTP
/// does not permit `authorization` twice, which some servers take for the last one.
#[tokio::test]
async fn no_header_stands_for_a_credential() {
    let directory = tempfile::tempdir().unwrap();
    let node = start(&directory).await;
    let open: BTreeSet<_> = OPEN.lines().collect();
    let protected = node.routes.iter().filter(|route| {
        let name = format!("{} {} {}", route.port.name(), route.method, route.path);
        !open.contains(name.as_str())
    });
    for route in protected {
        for (header, value) in HEADERS {
            let head = format!(
                "{} {} HTTP/1.1\r\nhost: {{host}}\r\nconnection: close\r\n{header}: {value}\r\n\r\n",
                route.method,
                filled(route.path)
            );
            let status = raw_status(&node, route.port, &head, 0).await;
            let expected: &[u16] =
                if value.starts_with('\r') { &[400, 401, 403] } else { &[401, 403] };
            assert!(
                status.is_some_and(|status| expected.contains(&status)),
                "{} {} with {header}: {value} answers {status:?}",
                route.method,
                route.path
            );
        }
    }
    node.stop().await;
}

/// SEC-17: every answer of every port has a content type and may not be sniffed, framed, cached or
/// read by other sites.
#[tokio::test]
async fn every_answer_of_every_route_says_what_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let node = start(&directory).await;
    let unknown = Role::ALL.into_iter().filter(|role| *role != Role::Meta).map(|port| Route {
        port,
        method: Method::GET,
        path: "/no/such/path",
    });
    for Route { port, method, path } in node.routes.iter().cloned().chain(unknown) {
        let answer = answer(&node, port, &method, &filled(path)).await;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let header = |name: &str| {
            parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
        };
        let what = format!("{} {method} {path}: {} {:?}", port.name(), parts.status, parts.headers);
        assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
        assert!(["DENY", "SAMEORIGIN"].contains(&header("x-frame-options")), "{what}");
        assert_eq!(header("access-control-allow-origin"), "", "{what}");
        let kind = header("content-type");
        assert!(body.is_empty() || !kind.is_empty(), "{what}");
        assert!(!kind.starts_with("text/") || kind.contains("charset="), "{what}");
        // Files of the web UI have content hashes in their names.
        assert!(header("cache-control").contains("no-store") || path.contains("assets"), "{what}");
    }
    node.stop().await;
}

/// Status of the answer to raw bytes, after which the client sends `filler` until it is answered or
/// has sent this many bytes.
async fn raw_status(node: &Node, port: Role, head: &str, filler: usize) -> Option<u16> {
    let listening = node.listening.iter().find(|listening| listening.role == port).unwrap();
    let mut stream = TcpStream::connect(listening.address).await.unwrap();
    let head = head.replace("{host}", &listening.address.to_string());
    stream.write_all(head.as_bytes()).await.ok()?;
    let (mut from, mut to) = stream.split();
    let chunk = vec![b' '; 64 * 1024];
    let mut answer = [0; 64];
    let write = async {
        for _ in 0..filler / chunk.len() {
            if to.write_all(&chunk).await.is_err() {
                break;
            }
        }
        // The answer ends the exchange.
        std::future::pending::<()>().await;
    };
    let read = async {
        let mut length = 0;
        while length < 12 {
            match from.read(&mut answer[length..]).await {
                Ok(read @ 1..) => length += read,
                _ => return None,
            }
        }
        std::str::from_utf8(&answer[9..12]).ok()?.parse().ok()
    };
    tokio::select! {
        () = write => None,
        status = tokio::time::timeout(Duration::from_secs(60), read) => status.unwrap(),
    }
}

/// SEC-21: on every route a head above its limit is refused before any other check.
#[tokio::test]
async fn every_route_has_a_limit_on_its_head() {
    let directory = tempfile::tempdir().unwrap();
    let node = start(&directory).await;
    for Route { port, method, path } in &node.routes {
        let path = filled(path);
        // Polls contain all namespaces of a client.
        let limit = if path.starts_with("/notifications") { 64 } else { 16 };
        let filler = "x".repeat(limit * 1024 + 500);
        let line = format!("{method} {path}?x={filler} HTTP/1.1\r\nhost: {{host}}\r\n\r\n");
        let header = format!("{method} {path} HTTP/1.1\r\nhost: {{host}}\r\nx-x: {filler}\r\n\r\n");
        for (head, what) in [(line, "URL"), (header, "headers")] {
            let begun = Instant::now();
            let status = raw_status(&node, *port, &head, 0).await;
            assert!(
                matches!(status, Some(414 | 431)),
                "{what} of {} {method} {path}: {status:?}",
                port.name()
            );
            // The end of a head is waited for 10 s.
            assert!(begun.elapsed() < Duration::from_secs(9), "{method} {path}");
        }
    }
    node.stop().await;
}

/// Routes of the admin and portal ports that read no body: the body is left unread, and the
/// connection is closed.
const WITHOUT_BODY: &str = include_str!("routes_without_body.txt");

/// SEC-21: every other route refuses a body above its limit, of which the largest is 32 MiB.
#[tokio::test]
async fn every_route_that_reads_a_body_has_a_limit_on_it() {
    const LARGEST: usize = 32 * 1024 * 1024;
    /// Parameters that routes require before they read a body.
    const QUERY: &str = "operator=u&name=n&releaseName=r&branchName=b&namespaceId=1&deleteBranch=true&createIfNotExists=true";
    let directory = tempfile::tempdir().unwrap();
    let node = start_open(&directory).await;
    let mut create = Command::new(env!("CARGO_BIN_EXE_castalia"));
    create.args(["token", "create", "--name", "limit", "--all-apps", "--data-dir"]);
    create.arg(directory.path());
    let mut token = create.output().unwrap();
    for _ in 0..30 {
        // The node has locked its file while a busy disk stores a change.
        if !String::from_utf8_lossy(&token.stderr).contains("locked") {
            break;
        }
        token = create.output().unwrap();
    }
    let token = String::from_utf8(token.stdout).unwrap();
    let token = token.split_whitespace().next_back().unwrap();
    let mut unlimited = BTreeSet::new();
    for Route { port, method, path } in &node.routes {
        if matches!(*method, Method::GET | Method::HEAD)
            || !matches!(port.name(), "admin" | "portal")
        {
            continue;
        }
        let fill = |segment| match segment {
            "{env}" => "DEV",
            segment if str::starts_with(segment, '{') => "1",
            segment => segment,
        };
        let target = path.split('/').map(fill).collect::<Vec<_>>().join("/");
        let mut is_limited = false;
        for kind in ["json", "x-www-form-urlencoded"] {
            let head = format!(
                "{method} {target}?{QUERY} HTTP/1.1\r\nhost: {{host}}\r\nauthorization: {token}\r\n\
                 content-type: application/{kind}\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n",
                2 * LARGEST
            );
            let status = raw_status(&node, *port, &head, LARGEST + 128 * 1024).await;
            is_limited |= status == Some(413);
        }
        if !is_limited {
            unlimited.insert(format!("{} {method} {path}", port.name()));
        }
    }
    let expected: BTreeSet<_> = WITHOUT_BODY.lines().filter(is_route).map(str::to_owned).collect();
    let unexpected: Vec<_> = unlimited.difference(&expected).collect();
    let missing: Vec<_> = expected.difference(&unlimited).collect();
    assert!(
        unexpected.is_empty() && missing.is_empty(),
        "no limit: {unexpected:#?}; reads a body now: {missing:#?}"
    );
    node.stop().await;
}
