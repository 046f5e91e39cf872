//! A publish that was answered is served by the node that answered it, from the first read on.

use std::time::{Duration, Instant};

use super::feed_node::{Kind, Node, on_each_kind, value_of};
use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::sign;

/// Enough rounds to detect a node that answers before it serves.
const ROUNDS: usize = 25;
/// The answer to a change waits for the node, but not longer than a second.
const WAITED_FOR: Duration = Duration::from_millis(900);

/// Checks what is read after a change that began then and has been answered. Where that took as
/// long as an answer waits, because the machine is busy, the node may follow later.
async fn reads_back(begun: Instant, what: &str, is_read: impl AsyncFn() -> bool) {
    if begun.elapsed() < WAITED_FOR {
        assert!(is_read().await, "{what}");
    } else {
        eventually(what, async || is_read().await.then_some(())).await;
    }
}

/// Each publish of a namespace that clients read already, and the first of an app that the node
/// does not know yet.
async fn a_publish_that_was_answered_is_read_back_at_once(kind: Kind) {
    let Some(node) = Node::start(kind, &[]).await else { return };
    let admin = Http::new(&node.server.admin);
    for round in 0..ROUNDS {
        let value = round.to_string();
        let begun = Instant::now();
        node.app.publish(&value).await;
        reads_back(begun, "/configs", async || node.value().await == value).await;
        let of_file = format!("{value} file");
        let begun = Instant::now();
        node.app.publish(&of_file).await;
        reads_back(begun, "/configfiles", async || {
            let file = node.get("/configfiles/json/demo/default/application").await.ok();
            file.json()["k"] == *of_file
        })
        .await;

        let id = format!("new{round}");
        let app = App::create(&admin, &id).await;
        let path = format!("/configs/{id}/default/application");
        assert_eq!(node.get(&path).await.status, 404, "nothing is published");
        let begun = Instant::now();
        app.publish(&value).await;
        reads_back(begun, "the first release of an app", async || {
            value_of(&node.get(&path).await) == value
        })
        .await;
    }
    node.end().await;
}

/// A change of an access key is in effect when it has been answered.
async fn an_access_key_is_in_force_once_its_change_was_answered(kind: Kind) {
    let Some(node) = Node::start(kind, &[]).await else { return };
    let admin = Http::new(&node.server.admin);
    let app = App::create(&admin, "sec").await;
    app.publish("1").await;
    let path = "/configs/sec/default/application";
    for round in 0..ROUNDS {
        let name = round.to_string();
        let begun = Instant::now();
        let id = app.add_key(&name, 0, true).await;
        reads_back(begun, "enabled", async || node.get(path).await.status == 401).await;
        reads_back(begun, "signed", async || {
            sign::get(&node.server.config, path, &name).await.status == 200
        })
        .await;
        let begun = Instant::now();
        app.disable_key(id).await;
        reads_back(begun, "disabled", async || node.get(path).await.status == 200).await;
        admin.delete(&format!("/apps/sec/accesskeys/{id}?operator=u")).await.ok();
    }
    node.end().await;
}

/// An enforced key of `demo`. A caller may choose its time, as in Apollo.
pub(super) fn key_with_an_old_time() -> serde_json::Value {
    serde_json::json!({
        "appId": "demo", "secret": "secret of the test of times", "mode": 0, "enabled": true,
        "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u",
        "dataChangeCreatedTime": "2020-01-01T00:00:00.000+0000",
        "dataChangeLastModifiedTime": "2020-01-01T00:00:00.000+0000",
    })
}

/// It is enforced immediately; `new_key` is about other nodes.
async fn a_key_with_a_time_of_its_caller_is_in_force_at_once(kind: Kind) {
    let Some(node) = Node::start(kind, &[]).await else { return };
    let admin = Http::new(&node.server.admin);
    let path = "/configs/demo/default/application";
    node.app.publish("1").await;
    let begun = Instant::now();
    admin.post("/apps/demo/accesskeys", key_with_an_old_time()).await.ok();
    reads_back(begun, "401", async || node.get(path).await.status == 401).await;
    node.end().await;
}

on_each_kind!(
    a_key_with_a_time_of_its_caller_is_in_force_at_once,
    a_publish_that_was_answered_is_read_back_at_once,
    an_access_key_is_in_force_once_its_change_was_answered
);
