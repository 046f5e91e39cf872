//! Pairs of operations on the access keys of one app, which protect its configuration.

use reqwest::Method;
use serde_json::{Value, json};

use super::operations::Request;
use super::{Nodes, invariant};
use crate::support::app::App;
use crate::support::database::Engine;
use futures_util::future::join_all;

/// Rounds of each pair.
const ROUNDS: usize = 6;

fn call(method: Method, path: String, body: Option<Value>) -> Request {
    Request { is_portal: false, method, path, body }
}

/// A key that is enabled while it is deleted is either enabled or deleted, and never more than five
/// keys exist.
async fn keys_are_changed_one_after_the_other(nodes: Nodes) {
    let app = App::create(&nodes.admin(0), "keys").await;
    let at = |id: i64, rest: &str| format!("/apps/keys/accesskeys/{id}{rest}operator=u");
    for number in 0..ROUNDS {
        let id = app.add_key(&format!("0123456789abcdef-{number}"), 1, false).await;
        // Both requests have to arrive before one of them has finished.
        let row = format!(r#"SELECT "Id" FROM "AccessKey" WHERE "Id" = {id} FOR UPDATE"#);
        let held = match nodes.servers.len() {
            2 => Some(nodes.config.begin(&[&row]).await),
            _ => None,
        };
        let enable = call(Method::PUT, at(id, "/enable?mode=1&"), None);
        let delete = call(Method::DELETE, at(id, "?"), None);
        let release = async {
            tokio::time::sleep(std::time::Duration::from_millis(400)).await;
            if let Some(held) = held {
                held.rollback().await.unwrap();
            }
        };
        let (enabled, deleted, ()) =
            tokio::join!(nodes.send(0, enable), nodes.send(1, delete), release);
        let statuses = (enabled.status, deleted.status);
        assert!(matches!(statuses, (200, 400) | (400, 200)), "{enabled:?} {deleted:?}");
        invariant::check(&nodes.config, "keys", "a key was enabled and deleted at once").await;
        if enabled.status == 200 {
            app.disable_key(id).await;
            nodes.send(0, call(Method::DELETE, at(id, "?"), None)).await.ok();
        }
    }
    for round in 0..3 {
        let create = |number: usize| {
            let secret = format!("0123456789abcdef-{round}-{number}");
            let body = json!({ "appId": "keys", "secret": secret, "dataChangeCreatedBy": "u" });
            nodes.send(number, call(Method::POST, "/apps/keys/accesskeys".into(), Some(body)))
        };
        let created = join_all((0..8).map(create)).await;
        assert_eq!(created.iter().filter(|answer| answer.status == 200).count(), 5);
        invariant::check(&nodes.config, "keys", "eight keys were created at once").await;
        for answer in created.iter().filter(|answer| answer.status == 200) {
            let id = answer.json()["id"].as_i64().unwrap();
            nodes.send(0, call(Method::DELETE, at(id, "?"), None)).await.ok();
        }
    }
    nodes.end().await;
}

#[tokio::test]
async fn access_keys_are_changed_one_after_the_other_on_mysql() {
    let Some(nodes) = Nodes::on(Engine::MySql).await else { return };
    keys_are_changed_one_after_the_other(nodes).await;
}

#[tokio::test]
async fn access_keys_are_changed_one_after_the_other_on_postgres() {
    let Some(nodes) = Nodes::on(Engine::Postgres).await else { return };
    keys_are_changed_one_after_the_other(nodes).await;
}

#[tokio::test]
async fn access_keys_are_changed_one_after_the_other_on_sqlite() {
    keys_are_changed_one_after_the_other(Nodes::on_sqlite().await).await;
}
