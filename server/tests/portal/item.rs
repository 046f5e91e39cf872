//! Items: single ones, keys that a path cannot contain, whole texts, and reverting to the published
//! state.

use std::sync::{Arc, Mutex};

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use castalia_store::entity::{Standard as _, item as item_row, namespace};
use serde_json::{Value, json};

use super::world::{NS, World, app, item};
use super::{engine, environment};

#[tokio::test]
async fn an_item_needs_a_key_and_a_value_that_may_be_empty() {
    // A33, A34, A35
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let items = format!("{NS}/items");
    user.post(&items, json!({ "key": "k" })).await.fails(400, "Params(value) can not be empty");
    user.post(&items, json!({ "value": "v" })).await.fails(400, "Params(key) can not be empty");
    user.post(&items, json!({ "key": "k", "value": "v", "comment": "c".repeat(257) }))
        .await
        .fails(400, "Comment length");
    let made = user.post(&items, item("k", "")).await.ok();
    assert_eq!(
        (&made["key"], &made["value"], &made["dataChangeCreatedBy"]),
        (&json!("k"), &json!(""), &json!("u1"))
    );
    user.post(&items, item("k", "again")).await.fails(400, "item already exists for itemKey:k");
    user.post(&items, json!({ "key": "t", "value": "v", "type": 4 }))
        .await
        .fails(400, "type is invalid");
}

#[tokio::test]
async fn an_absent_item_is_not_found_unless_it_may_be_made() {
    // A36, A37, A38
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let path = format!("{NS}/items/k");
    let answer = user.get(&path).await;
    answer.fails(404, "item not found for");
    assert_eq!(answer.json()["status"], 404);
    user.put(&path, item("k", "v")).await.fails(404, "item not found for");
    user.delete(&path).await.fails(404, "item not found for");
    user.put(&format!("{path}?createIfNotExists=true"), item("k", "v")).await.empty();
    assert_eq!(user.get(&path).await.ok()["value"], "v");
    user.put(&format!("{path}?createIfNotExists=true"), item("k", "w")).await.empty();
    user.put(&path, item("other", "v"))
        .await
        .fails(400, "Key in path and payload is not consistent");
}

#[tokio::test]
async fn an_update_without_a_type_keeps_the_stored_one() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    user.post(
        &format!("{NS}/items"),
        json!({ "key": "k", "value": "1", "type": 1, "comment": "c" }),
    )
    .await
    .ok();
    user.put(&format!("{NS}/items/k"), json!({ "key": "k", "value": "2" })).await.empty();
    let stored = user.get(&format!("{NS}/items/k")).await.ok();
    assert_eq!((&stored["type"], &stored["value"]), (&json!(1), &json!("2")));
}

/// C6: on the tables of Apollo, MariaDB compares keys without case.
#[tokio::test]
async fn the_database_decides_whether_a_key_in_another_case_is_the_same() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let (items, path) = (format!("{NS}/items"), format!("{NS}/items/kEY"));
    user.post(&items, item("Key", "1")).await.ok();
    if !engine::ignores_case() {
        user.get(&path).await.fails(404, "item not found for");
        user.post(&items, item("kEY", "2")).await.ok();
        assert_eq!(user.get(&format!("{NS}/items/Key")).await.ok()["value"], "1");
        return;
    }
    user.post(&items, item("kEY", "2")).await.fails(400, "item already exists");
    user.put(&path, item("kEY", "2")).await.empty();
    let shown = user.get(&path).await.ok();
    assert_eq!((&shown["key"], &shown["value"]), (&json!("Key"), &json!("2")));
    user.put(&format!("{path}?createIfNotExists=true"), item("kEY", "3")).await.empty();
    let page = user.get(&items).await.ok();
    assert_eq!((&page["total"], &page["content"][0]["value"]), (&json!(1), &json!("3")));
    user.delete(&path).await.empty();
    user.get(&format!("{NS}/items/Key")).await.fails(404, "item not found for");
}

/// C7: as in Apollo.
#[tokio::test]
async fn a_new_item_is_appended_whatever_position_the_request_states() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let items = format!("{NS}/items");
    for (key, position) in [("first", 500), ("second", 1), ("third", -1)] {
        let new = json!({ "key": key, "value": "v", "lineNum": position });
        user.post(&items, new).await.ok();
    }
    let new = json!({ "key": "last", "value": "v", "lineNum": 1 });
    user.put(&format!("{items}/last?createIfNotExists=true"), new).await.empty();
    let page = user.get(&items).await.ok();
    let rows = page["content"].as_array().unwrap().iter();
    let rows: Vec<_> = rows.map(|row| (row["key"].as_str(), row["lineNum"].as_i64())).collect();
    let expected = ["first", "second", "third", "last"].map(Some).into_iter();
    assert_eq!(rows, expected.zip((1..).map(Some)).collect::<Vec<_>>());
}

#[tokio::test]
async fn keys_that_no_path_can_hold_come_encoded() {
    // A39, A40
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    // URL-safe without padding, then the standard alphabet as the stock client escapes it.
    for (key, encoded) in [("a/b c", "YS9iIGM"), ("w/ÿ?", "dy%2FDvz8%3D"), ("w/ÿ?", "dy_Dvz8")] {
        let path = format!("{NS}/encodedItems/{encoded}");
        user.post(&format!("{NS}/items"), item(key, "1")).await.ok();
        assert_eq!(user.get(&path).await.ok()["key"], key);
        user.put(&path, item(key, "2")).await.empty();
        assert_eq!(user.get(&path).await.ok()["value"], "2");
        user.delete(&path).await.empty();
        user.get(&path).await.fails(404, "item not found for");
    }
    user.get(&format!("{NS}/encodedItems/%%%")).await.fails(400, "Invalid encoded key");
}

#[tokio::test]
async fn a_text_becomes_items_in_its_order() {
    // A43, A44, A45
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let put = async |text: &str| {
        user.put(&format!("{NS}/items"), json!({ "format": "properties", "configText": text }))
            .await
    };
    put("# c\nk1=1\n\nk2=2").await.empty();
    let page = user.get(&format!("{NS}/items")).await.ok();
    let rows: Vec<_> = page["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (&row["key"], &row["comment"]))
        .collect();
    let text = |text: &str| Value::from(text);
    assert_eq!(
        rows,
        [
            (&text(""), &text("# c")),
            (&text("k1"), &text("")),
            (&text(""), &text("")),
            (&text("k2"), &text(""))
        ]
    );
    assert_eq!((&page["page"], &page["size"], &page["total"]), (&json!(0), &json!(50), &json!(4)));
    put("K1=1\nk1=2").await.fails(400, "Config text has repeated keys");
    put("novalue").await.fails(400, "line:1 key value must separate by '='");
    put("# c\nk1=1\n\nk2=2").await.empty();
    put("k2=3").await.empty();
    let page = user.get(&format!("{NS}/items?page=0&size=1")).await.ok();
    assert_eq!((&page["total"], &page["content"][0]["value"]), (&json!(1), &json!("3")));
}

#[tokio::test]
async fn a_document_is_checked_when_it_is_saved() {
    // A46
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    for (format, bad, good) in [
        ("yml", ["a: 1\na: 2", "a: 1\n---\nb: 2"], "a: 1"),
        ("json", ["{\"a\": 1", "{} {}"], "{\"a\": 1}"),
    ] {
        let definition = json!({ "appId": "demo", "name": "doc", "format": format });
        user.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
        let path = NS.replace("application", &format!("doc.{format}"));
        let put = async |text: &str| {
            user.put(&format!("{path}/items"), json!({ "format": format, "configText": text }))
                .await
        };
        for text in bad {
            put(text).await.fails(400, &format!("invalid {format} content"));
        }
        put(good).await.empty();
        assert_eq!(user.get(&format!("{path}/items/content")).await.ok()["value"], good);
    }
}

#[tokio::test]
async fn unpublished_edits_are_taken_back() {
    // A51
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let items = format!("{NS}/items");
    user.put(&items, json!({ "format": "properties", "configText": "# kept\na=1\nb=2" }))
        .await
        .empty();
    user.put(
        &format!("{items}/b"),
        json!({ "key": "b", "value": "2", "type": 1, "comment": "about b" }),
    )
    .await
    .empty();
    user.post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" })).await.ok();
    user.put(
        &format!("{items}/a"),
        json!({ "key": "a", "value": "9", "type": 1, "comment": "new" }),
    )
    .await
    .empty();
    user.delete(&format!("{items}/b")).await.empty();
    user.post(&items, item("c", "3")).await.ok();

    user.send(Method::POST, &format!("{items}/revocation"), "", String::new()).await.empty();
    let get = async |key: &str| user.get(&format!("{items}/{key}")).await.ok();
    let (a, b) = (get("a").await, get("b").await);
    assert_eq!((&a["value"], &a["type"], &a["comment"]), (&json!("1"), &json!(1), &json!("new")));
    assert_eq!(
        (&b["value"], &b["type"], &b["comment"]),
        (&json!("2"), &json!(1), &json!("about b"))
    );
    user.get(&format!("{items}/c")).await.fails(404, "item not found for");
    assert_eq!(user.get(&items).await.ok()["content"][0]["comment"], "# kept");
    let shown = user.get(&format!("{NS}?extendInfo=true")).await.ok();
    assert_eq!(shown["extendInfo"]["itemModifiedCnt"], 0);
}

#[tokio::test]
async fn bodies_that_cannot_be_read_change_nothing() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let items = format!("{NS}/items");
    let post =
        async |kind: &str, body: &str| user.send(Method::POST, &items, kind, body.to_owned()).await;
    post("application/json", "{").await.fails(400, "JSON parse error");
    post("application/json", "").await.fails(400, "JSON parse error");
    post("text/plain", r#"{"key":"k","value":"v"}"#)
        .await
        .fails(400, "Content-Type 'text/plain' is not supported");
    let deep = "[".repeat(100_000);
    post("application/json", &deep).await.fails(400, "JSON parse error");
    let large = " ".repeat(33 << 20);
    post("application/json", &large).await.fails(413, "The body is larger than");
    assert!(item_row::Entity::live().all(world.environment_store.read()).await.unwrap().is_empty());
}

/// Apollo's admin service stores an item below the id in its body, and fails without one.
#[tokio::test]
async fn a_new_item_is_sent_elsewhere_with_the_id_of_its_namespace() {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sent);
    let record = from_fn(move |request: Request, next: Next| {
        let seen = Arc::clone(&seen);
        async move {
            let (head, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            if head.method == Method::POST && head.uri.path().ends_with("/items") {
                seen.lock().unwrap().push(serde_json::from_slice::<Value>(&body).unwrap());
            }
            next.run(Request::from_parts(head, body.into())).await
        }
    });
    let (router, store) = environment::admin_router().await;
    let service = environment::listen(router.layer(record)).await;
    let world = environment::world(&[service]).await;
    let user = world.user("u1").await;
    user.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    user.post(&format!("{}/items", NS.replace("LOCAL", "FAR")), item("k", "1")).await.ok();
    let stored = namespace::Entity::live().one(store.read()).await.unwrap().unwrap();
    assert_eq!(sent.lock().unwrap()[0]["namespaceId"], stored.id.0);
}

/// A statement that is longer than MariaDB accepts is the fault of the change, not of the database;
/// its connection is used no more.
#[tokio::test]
async fn a_value_that_is_longer_than_a_packet_is_refused() {
    /// The default of `max_allowed_packet`.
    const PACKET: usize = 16 << 20;
    if !engine::ignores_case() {
        return;
    }
    let world = World::with_demo().await;
    world.set_in_environment("item.value.length.limit", &(2 * PACKET).to_string());
    let user = world.user("u1").await;
    let long = "v".repeat(PACKET + 1);
    let answer = user.post(&format!("{NS}/items"), item("long", &long)).await;
    answer.fails(400, "The database cannot store a value: a number out of range, a character such as NUL, or a text that is longer");
    for number in 0..5 {
        user.post(&format!("{NS}/items"), item(&format!("k{number}"), "v")).await.ok();
    }
    assert_eq!(user.get(&format!("{NS}/items")).await.ok()["total"], 5);
}

/// A revocation that was computed before a publish would take what was published out of the draft,
/// and the next publish from clients.
#[tokio::test]
async fn a_revocation_beside_a_publish_leaves_what_is_published() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let items = format!("{NS}/items");
    let set = async |value: &str| {
        let path = format!("{items}/k?createIfNotExists=true");
        user.put(&path, item("k", value)).await.empty();
    };
    let publish =
        async || user.post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" })).await;
    set("0").await;
    publish().await.ok();
    for round in 1..24 {
        set(&round.to_string()).await;
        let late = async {
            for _ in 0..round * 4 {
                tokio::task::yield_now().await;
            }
            publish().await.ok()
        };
        let path = format!("{items}/revocation");
        let revoke = user.send(Method::POST, &path, "", String::new());
        let (release, revoked) = tokio::join!(late, revoke);
        revoked.empty();
        let draft = user.get(&format!("{items}/k")).await.ok();
        assert_eq!(draft["value"], release["configurations"]["k"], "round {round}");
    }
}
