//! A write of items that is based on an outdated draft is refused with both values of each item
//! that differs (REL-63), in the environment of the portal's process and in a remote one.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::revision::{REVISION, options, start_apart, start_apart_on};
use crate::support::database::{Engine, Fresh};
use crate::support::demo::Demo;
use crate::support::http::Answer;
use crate::support::server::Server;

fn item(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": value, "dataChangeCreatedBy": "apollo", "dataChangeLastModifiedBy": "apollo" })
}

/// Key, own and stored value of the items in an answer.
#[track_caller]
fn differing(answer: &Answer) -> Value {
    let body = answer.json();
    assert_eq!((answer.status, &body["code"]), (409, &json!("stale_revision")), "{answer:?}");
    let rows = body["items"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
    assert_eq!(body["itemCount"], rows.len(), "{answer:?}");
    for row in rows {
        let is_signed = row["by"] == "apollo" && row["at"].is_string();
        assert!(is_signed, "everybody here is apollo: {answer:?}");
    }
    rows.iter().map(|row| json!([row["key"], row["yours"], row["theirs"]])).collect()
}

/// Another editor changes `k`, deletes `gone` and creates `made`.
async fn a_conflict_names_both_values(demo: Demo, env: &str) {
    for key in ["k", "gone", "same"] {
        demo.set(key, "0").await;
    }
    let base = demo.api.get(&format!("{}/items", demo.path())).await.ok();
    let late = demo.api.clone().with(REVISION, base.header(REVISION));
    demo.set("k", "theirs").await;
    demo.set("made", "theirs").await;
    demo.delete("gone").await;
    let before = demo.api.get(&format!("{}/items", demo.path())).await.ok().json();

    let at = |rest: &str| format!("{}{rest}?operator=apollo", demo.path());
    let mine = |key: &str| item(key, "mine");
    let text = json!({ "configText": "k = mine\ngone = 0\nsame = 0", "format": "properties" });
    let changes = json!({ "create": [mine("made")], "update": [mine("k")], "delete": ["gone"] });
    let target = json!({
        "env": env, "appId": "demo", "clusterName": "default", "namespaceName": "application",
    });
    let sync = json!({ "syncToNamespaces": [target], "syncItems": [mine("k")] });
    let both = json!([["k", "mine", "theirs"]]);
    for (answer, expected) in [
        (late.put(&at("/items/k"), mine("k")).await, both.clone()),
        (late.put(&at("/items/gone"), mine("gone")).await, json!([["gone", "mine", null]])),
        (late.put(&at("/encodedItems/aw"), mine("k")).await, both.clone()),
        (late.post(&at("/items"), mine("made")).await, json!([["made", "mine", "theirs"]])),
        (late.delete(&at("/items/k")).await, json!([["k", null, "theirs"]])),
        (late.put(&at("/items/batch-update"), json!([mine("k")])).await, both.clone()),
        (
            late.post(&at("/items/batch-create"), json!([mine("made")])).await,
            json!([["made", "mine", "theirs"]]),
        ),
        (late.post(&at("/items/batch-delete"), json!(["k"])).await, json!([["k", null, "theirs"]])),
        (
            late.put(&at("/items"), text).await,
            json!([["gone", "0", null], ["k", "mine", "theirs"], ["made", null, "theirs"]]),
        ),
        (
            late.post(&at("/changes"), changes).await,
            json!([["made", "mine", "theirs"], ["k", "mine", "theirs"]]),
        ),
        (late.post(&at("/items/synchronize"), sync).await, both.clone()),
    ] {
        assert_eq!(differing(&answer), expected);
    }
    assert_eq!(demo.api.get(&format!("{}/items", demo.path())).await.ok().json(), before);

    // What differs is no conflict without another revision: the draft decides.
    late.with(REVISION, &current(&demo).await).put(&at("/items/k"), mine("k")).await.ok();
}

async fn current(demo: &Demo) -> String {
    demo.api.get(&demo.path()).await.ok().header(REVISION).to_owned()
}

#[tokio::test]
async fn a_conflict_names_both_values_on_sqlite() {
    let server = Server::start_with(options());
    a_conflict_names_both_values(Demo::create(&server, "demo").await, "DEV").await;
    let [_environment, portal] = start_apart(None);
    a_conflict_names_both_values(Demo::create_in(portal.open_api(), "FAT", "demo").await, "FAT")
        .await;
}

#[tokio::test]
async fn a_conflict_names_both_values_on_mysql() {
    on(Engine::MySql).await;
}

#[tokio::test]
async fn a_conflict_names_both_values_on_postgres() {
    on(Engine::Postgres).await;
}

async fn on(engine: Engine) {
    let Some((nodes, databases)) = start_apart_on(engine).await else { return };
    let demo = Demo::create_in(nodes[1].open_api(), "FAT", "demo").await;
    a_conflict_names_both_values(demo, "FAT").await;
    drop(nodes);
    join_all(databases.map(Fresh::remove)).await;
}
