//! A publish that was answered is served by the node that answered it, from the first read on.

use super::feed_node::{Kind, Node, on_each_kind, value_of};
use crate::support::app::App;
use crate::support::http::Http;
use crate::support::sign;

/// Enough rounds to detect a node that answers before it serves.
const ROUNDS: usize = 25;

/// Each publish of a namespace that clients read already, and the first of an app that the node
/// does not know yet.
async fn a_publish_that_was_answered_is_read_back_at_once(kind: Kind) {
    let Some(node) = Node::start(kind, &[]).await else { return };
    let admin = Http::new(&node.server.admin);
    for round in 0..ROUNDS {
        let value = round.to_string();
        node.app.publish(&value).await;
        assert_eq!(node.value().await, value, "/configs");
        node.app.publish(&format!("{value} file")).await;
        let file = node.get("/configfiles/json/demo/default/application").await.ok();
        assert_eq!(file.json()["k"], format!("{value} file"), "/configfiles");

        let id = format!("new{round}");
        let app = App::create(&admin, &id).await;
        let path = format!("/configs/{id}/default/application");
        assert_eq!(node.get(&path).await.status, 404, "nothing is published");
        app.publish(&value).await;
        assert_eq!(value_of(&node.get(&path).await), value, "the first release of an app");
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
        let id = app.add_key(&name, 0, true).await;
        assert_eq!(node.get(path).await.status, 401, "enabled");
        assert_eq!(sign::get(&node.server.config, path, &name).await.status, 200, "signed");
        app.disable_key(id).await;
        assert_eq!(node.get(path).await.status, 200, "disabled");
        admin.delete(&format!("/apps/sec/accesskeys/{id}?operator=u")).await.ok();
    }
    node.end().await;
}

/// A caller may choose the time of a key, as in Apollo; it is enforced immediately all the same.
async fn a_key_with_a_time_of_its_caller_is_in_force_at_once(kind: Kind) {
    let Some(node) = Node::start(kind, &[]).await else { return };
    let admin = Http::new(&node.server.admin);
    let path = "/configs/demo/default/application";
    node.app.publish("1").await;
    let key = serde_json::json!({
        "appId": "demo", "secret": "secret of the test of times", "mode": 0, "enabled": true,
        "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u",
        "dataChangeCreatedTime": "2020-01-01T00:00:00.000+0000",
        "dataChangeLastModifiedTime": "2020-01-01T00:00:00.000+0000",
    });
    admin.post("/apps/demo/accesskeys", key).await.ok();
    assert_eq!(node.get(path).await.status, 401);
    node.end().await;
}

on_each_kind!(
    a_key_with_a_time_of_its_caller_is_in_force_at_once,
    a_publish_that_was_answered_is_read_back_at_once,
    an_access_key_is_in_force_once_its_change_was_answered
);
