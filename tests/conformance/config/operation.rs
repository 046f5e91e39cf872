//! Cases C119, C120, C126 and C127: health, metrics, headers and the shutdown of a node. (Health
//! without a database is a case of the fault suite.)

use std::time::Duration;

use super::fixture::{Fixture, compatible, is_by_address, special};
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, position};
use crate::support::server::{Options, Server};
use crate::support::stopwatch::Stopwatch;

/// Time limit for the end of a node: ten seconds by the rule, of which it waits at most eight for
/// connections, and five more on a busy machine.
const ENDED: Duration = Duration::from_secs(15);

/// C119: health is `UP`.
#[tokio::test]
async fn health_says_up() {
    let http = &Fixture::shared().await.config;
    assert!(http.get("/health").await.ok().text.contains("UP"));
}

/// C120: metrics and build info need the token, unless the installation makes them public;
/// addresses and location never need it.
#[tokio::test]
async fn metrics_are_behind_their_token() {
    if is_by_address("C120") {
        return;
    }
    let closed = Server::start_with(Options::new().flag("--roles", "config,meta"));
    let anonymous = Http::new(&closed.config);
    let operator =
        anonymous.clone().with("Authorization", &format!("Bearer {}", closed.metrics_token()));
    let wrong = anonymous.clone().with("Authorization", "Bearer 0");
    let open = Server::start_with(compatible().flag("--roles", "config,meta"));
    for path in ["/prometheus", "/metrics", "/info", "/apollo/net", "/apollo/server"] {
        assert_eq!(anonymous.get(path).await.status, 401, "{path}");
        assert_eq!(wrong.get(path).await.status, 401, "{path}");
        assert_eq!(operator.get(path).await.status, 200, "{path}");
        let is_open = !path.starts_with("/apollo");
        assert_eq!(
            Http::new(&open.config).get(path).await.status,
            if is_open { 200 } else { 401 },
            "{path}"
        );
    }
    assert!(operator.get("/prometheus").await.text.contains("castalia_parked_polls"));
    assert_eq!(anonymous.get("/metrics/jvm").await.status, 404);
}

/// C126: no answer can be read by pages of other origins.
#[tokio::test]
async fn no_answer_is_for_other_origins() {
    let fixture = Fixture::shared().await;
    for path in [
        "/configs/demo/default/application",
        "/configs/ghost/default/application",
        "/health",
        "/nothing",
    ] {
        let answer = fixture.config.clone().with("Origin", "http://evil").get(path).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        assert!(answer.header("cache-control").contains("no-store"), "{path}");
    }
}

/// C127: a node that is asked to terminate answers its parked polls, so that clients move to
/// others, and exits soon.
#[tokio::test]
async fn a_node_that_ends_answers_its_polls() {
    let Some((mut server, app)) = special("C127", "demo", compatible()).await else { return };
    app.publish("1").await;
    let http = Http::new(&server.config);
    let id = position(&http, "demo", "application").await;
    let path = poll::path("demo", &[("application", id)]);
    let v2 = Waiting::start(&http, &path).await;
    let v1 = format!("/notifications?appId=demo&cluster=default&notificationId={id}");
    let v1 = Waiting::start(&http, &v1).await;
    let start = Stopwatch::start();
    let ended = tokio::task::spawn_blocking(move || server.terminate());
    assert_eq!((v2.soon().await.status, v1.soon().await.status), (304, 304));
    assert!(ended.await.unwrap().success());
    assert!(start.elapsed() < ENDED, "{:?}", start.elapsed());
}
