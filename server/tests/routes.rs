//! SEC-01: which routes answer without credentials. The list beside this file names all of them; a new route that is open by mistake
//! is not in it.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a failure in a test's own steps may end it")]
// The start of a node is one deeply nested future.
#![recursion_limit = "256"]

use std::collections::BTreeSet;

use castalia_server::node::{Node, Route};
use castalia_server::role::Role;
use castalia_server::settings::{Settings, Texts};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What may be open, one `port METHOD path` in a line.
const OPEN: &str = include_str!("open_routes.txt");

/// What changes something, in the same form: each has a row in the test of two callers at once.
const RACED: &str = include_str!("../../tests/fault/race/operations.txt");

async fn start(directory: &tempfile::TempDir) -> Node {
    let flags = vec![
        ("data_dir", directory.path().display().to_string()),
        ("config_port", "0".to_owned()),
        ("admin_port", "0".to_owned()),
        ("portal_port", "0".to_owned()),
    ];
    let texts = Texts::gather(flags, None, std::iter::empty()).unwrap();
    Node::start(Settings::from_texts(&texts).unwrap()).await.unwrap()
}

/// A path with something in the place of each placeholder.
fn filled(path: &str) -> String {
    let fill =
        |segment: &str| if segment.starts_with('{') { "x".to_owned() } else { segment.to_owned() };
    path.split('/').map(fill).collect::<Vec<_>>().join("/")
}

async fn status(node: &Node, port: Role, method: &Method, path: &str) -> StatusCode {
    let listening = node.listening.iter().find(|listening| listening.role == port).unwrap();
    let stream = TcpStream::connect(listening.address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request =
        Request::builder().method(method).uri(path).header("host", listening.address.to_string());
    let answer = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
    let status = answer.status();
    drop(answer.into_body().collect());
    status
}

/// On an empty data directory and without any option, every route but those of the list asks for credentials.
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
    let expected: BTreeSet<_> = OPEN
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    let unexpected: Vec<_> = open.difference(&expected).collect();
    let missing: Vec<_> = expected.difference(&open).collect();
    assert!(
        unexpected.is_empty() && missing.is_empty(),
        "open by mistake: {unexpected:#?}; no longer open: {missing:#?}"
    );
    assert!(node.routes.len() > 150, "{} routes", node.routes.len());
    node.stop().await;
}

/// Routes of the admin and portal ports that change something are those that the suite lets two callers use at once. Signing in
/// and the like belong to one caller.
#[tokio::test]
async fn every_route_that_changes_something_is_raced() {
    const OF_ONE_CALLER: [&str; 5] = ["/signin", "/signout", "/user/", "/password", "/nudge"];
    let directory = tempfile::tempdir().unwrap();
    let node = start(&directory).await;
    let changing: BTreeSet<_> = node
        .routes
        .iter()
        .filter(|route| matches!(route.port.name(), "admin" | "portal"))
        .filter(|route| route.method != Method::GET)
        .filter(|route| !OF_ONE_CALLER.iter().any(|part| route.path.contains(part)))
        .map(|route| format!("{} {} {}", route.port.name(), route.method, route.path))
        .collect();
    let raced: BTreeSet<_> = RACED
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    let without: Vec<_> = changing.difference(&raced).collect();
    let unknown: Vec<_> = raced.difference(&changing).collect();
    assert!(
        without.is_empty() && unknown.is_empty(),
        "not raced: {without:#?}; no longer a route: {unknown:#?}"
    );
    node.stop().await;
}
