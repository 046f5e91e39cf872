//! A namespace that cannot be read although the database answers: its messages are deferred, which
//! is reported from the first one, and others arrive as usual.

use std::time::Duration;

use super::feed_node::{Kind, Node, value_of};
use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::stopwatch::Stopwatch;

#[tokio::test]
async fn a_deferred_message_is_a_fault_and_delays_nobody_else() {
    let Some(node) = Node::start(Kind::Postgres, &[]).await else { return };
    node.app.publish("1").await;
    node.eventually_serves("1").await;
    // A namespace that is not in memory is not read.
    let other = App::create(&Http::new(&node.server.admin), "other").await;
    node.app.set("default", "application", &[("k", "2")]).await;
    let locked = r#"LOCK TABLE "GrayReleaseRule" IN ACCESS EXCLUSIVE MODE"#;
    let held = node.database.begin(&[locked]).await;
    node.app.try_publish("default", "application").await.ok();
    eventually("the fault to be reported", async || {
        let health = node.get("/health").await;
        (health.status == 503 && health.text.contains("demo+default+application")).then_some(())
    })
    .await;
    assert_eq!(node.get("/health/ready").await.status, 200);
    assert_eq!(node.value().await, "1");
    // A client that another node notified of a deferred message is not answered with an older
    // release, even after a newer message of the namespace.
    let path = "/configs/demo/default/application?messages=%7B%22details%22%3A%7B%22demo%2Bdefault%2Bapplication%22%3A";
    let notified = node.database.newest("demo+default+application").await;
    assert_eq!(node.get(&format!("{path}{notified}%7D%7D")).await.status, 503);
    node.app.set("default", "application", &[("k", "3")]).await;
    node.app.try_publish("default", "application").await.ok();
    assert_eq!(node.get(&format!("{path}{notified}%7D%7D")).await.status, 503);
    // Scans that waited for the lock one after another would take five seconds each. The quickest
    // counts, because other tests may delay the others.
    let mut quickest = Duration::MAX;
    for _ in 0..3 {
        other.publish("x").await;
        let start = Stopwatch::start();
        let newest = node.database.newest("other+default+application").await;
        eventually("the other app's message", async || {
            let path = crate::support::poll::path("other", &[("application", newest - 1)]);
            let answer =
                tokio::time::timeout(Duration::from_secs(2), node.get(&path)).await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await;
        quickest = quickest.min(start.elapsed());
    }
    assert!(quickest < Duration::from_secs(4), "{quickest:?}");
    held.rollback().await.unwrap();
    node.eventually_serves("3").await;
    eventually("the fault to end", async || {
        (node.get("/health").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(value_of(&node.get("/configs/demo/default/application").await), "3");
    node.end().await;
}
