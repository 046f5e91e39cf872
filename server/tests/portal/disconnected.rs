//! A caller of the admin API that disconnects before the answer.

use std::time::Duration;

use axum::body::Body;
use castalia_server::role::admin;
use futures_util::FutureExt as _;
use http::Request;
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;

use super::world::World;

const KEY: &str = "demo+default+application";

/// What it published reaches clients without the next scan.
#[tokio::test]
async fn what_a_publisher_commits_that_disconnects_is_announced() {
    let world = World::with_demo().await;
    world.set_in_environment("apollo.message-scan.interval", "3600000");
    let environment = world.environment();
    // The scan takes the interval into account after the present one.
    environment.feed.deliver_committed().await;
    let before = environment.feed.positions().of(KEY);
    let publish = Request::post("/apps/demo/clusters/default/namespaces/application/releases")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from("name=r&operator=u1"))
        .unwrap();
    assert!(admin::in_process(environment.clone()).oneshot(publish).now_or_never().is_none());
    let announced = async {
        while environment.feed.positions().of(KEY) == before {
            sleep(Duration::from_millis(10)).await;
        }
    };
    // Less than the interval of the reconciliation, which would announce it too.
    timeout(Duration::from_secs(20), announced).await.unwrap();
}
