//! Items of one namespace for others: compared, brought there, checked.

use castalia_server::domain::permission::{Action, NamedRole};
use serde_json::{Value, json};

use super::world::{NS, World, item};

fn target(cluster: &str, namespace: &str) -> Value {
    json!({ "appId": "demo", "env": "local", "clusterName": cluster, "namespaceName": namespace })
}

/// The app `demo` with the clusters `default` and `other`.
async fn world() -> World {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    let cluster = json!({ "appId": "demo", "name": "other" });
    owner.post("/openapi/v1/envs/LOCAL/apps/demo/clusters", cluster).await.ok();
    drop(owner);
    world
}

fn keys(items: &Value) -> Vec<&str> {
    items.as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_target_that_lacks_an_item_and_one_that_differs_are_told_apart() {
    // A48: one item to create, one to update, none to delete.
    let world = world().await;
    let user = world.user("u1").await;
    user.post(&format!("{NS}/items"), item("a", "old")).await.ok();
    user.post(&format!("{NS}/items"), item("only", "x")).await.ok();
    let targets = [
        target("default", "application"),
        target("other", "application"),
        target("ghost", "application"),
    ];
    let body =
        json!({ "syncToNamespaces": targets, "syncItems": [item("a", "new"), item("", "")] });
    let diffs = user.post(&format!("{NS}/items/diff"), body).await.ok();
    assert_eq!(keys(&diffs[0]["updateItems"]), ["a"]);
    assert_eq!(diffs[0]["updateItems"][0]["value"], "new");
    assert_eq!(keys(&diffs[1]["createItems"]), ["a"]);
    for (index, code) in [0, 0, 404].into_iter().enumerate() {
        assert_eq!(
            (&diffs[index]["code"], &diffs[index]["deleteItems"]),
            (&json!(code), &json!([]))
        );
    }
    assert_eq!(diffs[0]["createItems"], json!([]));
    assert_eq!(diffs[2]["message"], "The cluster has no namespace application");
    assert_eq!(diffs[1]["namespace"]["env"], "LOCAL");
    user.post(&format!("{NS}/items/diff"), json!({ "syncItems": [item("a", "1")] }))
        .await
        .fails(400, "Params(syncToNamespaces, syncItems) can not be empty");
}

#[tokio::test]
async fn a_comparison_shows_nothing_of_what_the_caller_may_not_see() {
    let mut world = world().await;
    world.set("configView.memberOnly.envs", "local");
    world.user("u1").await.post(&format!("{NS}/items"), item("a", "hidden value")).await.ok();
    let body = json!({
        "syncToNamespaces": [target("default", "application")], "syncItems": [item("a", "guess")],
    });
    let path = format!("{NS}/items/diff");
    let diffs = world.user("u2").await.post(&path, body.clone()).await.ok();
    assert_eq!((&diffs[0]["code"], &diffs[0]["updateItems"]), (&json!(403), &json!([])));
    let fresh = World::fresh().await;
    fresh.user("u1").await.post("/openapi/v1/apps", super::world::app("demo", "u1")).await.empty();
    let token = fresh.token("ci", &[]).await;
    fresh.consumer(&token).post(&path, body).await.fails(403, "Access is denied");
}

#[tokio::test]
async fn items_are_brought_into_namespaces_of_the_same_name() {
    let world = world().await;
    let user = world.user("u1").await;
    let other = NS.replace("default", "other");
    user.post(&format!("{other}/items"), item("a", "old")).await.ok();
    user.post(&format!("{other}/items"), item("only", "x")).await.ok();
    let targets = [target("default", "application"), target("other", "application")];
    let items = json!([{ "key": "a", "value": "new", "comment": "why" }, item("b", "2")]);
    let body = json!({ "syncToNamespaces": targets, "syncItems": items });
    user.post(&format!("{NS}/items/synchronize"), body).await.empty();
    let here = user.get(&format!("{NS}/items")).await.ok();
    assert_eq!(keys(&here["content"]), ["a", "b"]);
    let there = user.get(&format!("{other}/items")).await.ok();
    assert_eq!(keys(&there["content"]), ["a", "only", "b"]);
    assert_eq!(
        (&there["content"][0]["value"], &there["content"][0]["comment"]),
        (&json!("new"), &json!("why"))
    );
}

/// X48: as with Apollo.
#[tokio::test]
async fn another_comment_is_brought_and_the_type_of_the_target_stays() {
    let world = world().await;
    let user = world.user("u1").await;
    let stored = json!({ "key": "a", "value": "1", "type": 1, "comment": "old" });
    user.post(&format!("{NS}/items"), stored).await.ok();
    let sync = json!({
        "syncToNamespaces": [target("default", "application")],
        "syncItems": [{ "key": "a", "value": "1", "type": 0, "comment": "new" }],
    });
    let diffs = user.post(&format!("{NS}/items/diff"), sync.clone()).await.ok();
    assert_eq!(keys(&diffs[0]["updateItems"]), ["a"]);
    assert_eq!(diffs[0]["updateItems"][0]["type"], 1);
    user.post(&format!("{NS}/items/synchronize"), sync.clone()).await.empty();
    let stored = user.get(&format!("{NS}/items/a")).await.ok();
    assert_eq!((&stored["comment"], &stored["type"]), (&json!("new"), &json!(1)));
    let diffs = user.post(&format!("{NS}/items/diff"), sync).await.ok();
    assert_eq!(diffs[0]["updateItems"], json!([]));
}

/// X48: as with Apollo.
#[tokio::test]
async fn a_list_without_items_changes_nothing() {
    let world = world().await;
    let user = world.user("u1").await;
    user.post(&format!("{NS}/items"), item("a", "1")).await.ok();
    let targets = [target("default", "application")];
    let sync = json!({ "syncToNamespaces": targets, "syncItems": [] });
    let diffs = user.post(&format!("{NS}/items/diff"), sync.clone()).await.ok();
    for items in ["createItems", "updateItems", "deleteItems"] {
        assert_eq!(diffs[0][items], json!([]), "{items}");
    }
    user.post(&format!("{NS}/items/synchronize"), sync).await.empty();
    assert_eq!(user.get(&format!("{NS}/items/a")).await.ok()["value"], "1");
    for missing in
        [json!({ "syncToNamespaces": targets }), json!({ "syncToNamespaces": [], "syncItems": [] })]
    {
        let message = "Params(syncToNamespaces, syncItems) can not be empty";
        user.post(&format!("{NS}/items/diff"), missing).await.fails(400, message);
    }
}

/// X53: each target that lacks long items has them in the answer.
#[tokio::test]
async fn a_comparison_that_is_too_long_for_one_answer_is_refused() {
    let world = world().await;
    let user = world.user("u1").await;
    let mut targets = vec![target("default", "application"), target("other", "application")];
    for name in ["third", "fourth"] {
        let cluster = json!({ "appId": "demo", "name": name });
        user.post("/openapi/v1/envs/LOCAL/apps/demo/clusters", cluster).await.ok();
        targets.push(target(name, "application"));
    }
    let path = format!("{NS}/items/diff");
    let compare = async |targets: &[Value]| {
        let items = [item("long", &"x".repeat(9 << 20))];
        user.post(&path, json!({ "syncToNamespaces": targets, "syncItems": items })).await
    };
    let refused = compare(&targets).await;
    assert_eq!((refused.status, &refused.json()["code"]), (413, &json!("answer_too_long")));
    let diffs = compare(&targets[..2]).await.ok();
    assert_eq!(
        (keys(&diffs[0]["createItems"]), keys(&diffs[1]["createItems"])),
        (vec!["long"], vec!["long"])
    );
    // A target that is named often is one.
    let diffs = compare(&vec![targets[0].clone(); 300]).await.ok();
    assert_eq!(diffs.as_array().unwrap().len(), 1);
}

/// X53.
#[tokio::test]
async fn a_request_has_a_limited_number_of_targets() {
    let world = world().await;
    let user = world.user("u1").await;
    let targets: Vec<_> =
        (0..201).map(|number| target(&format!("ghost{number}"), "application")).collect();
    for operation in ["diff", "synchronize"] {
        let path = format!("{NS}/items/{operation}");
        let body = json!({ "syncToNamespaces": targets, "syncItems": [item("a", "1")] });
        user.post(&path, body).await.fails(400, "Params(syncToNamespaces) may have 200 namespaces");
    }
    let body = json!({ "syncToNamespaces": targets[1..], "syncItems": [item("a", "1")] });
    let diffs = user.post(&format!("{NS}/items/diff"), body).await.ok();
    let diffs = diffs.as_array().unwrap();
    assert_eq!(diffs.len(), 200);
    for (number, diff) in (1..).zip(diffs) {
        assert_eq!(diff["namespace"]["clusterName"], format!("ghost{number}"), "in their order");
        assert_eq!(diff["code"], 404);
    }
    // A target that is named twice is changed once, on the revision that its caller knows.
    let twice = vec![target("default", "application"); 2];
    let body = json!({ "syncToNamespaces": twice, "syncItems": [item("a", "1")] });
    let revision = user.get(NS).await.header("castalia-revision").to_owned();
    let user = user.with("castalia-revision", &revision);
    user.post(&format!("{NS}/items/synchronize"), body).await.empty();
}

#[tokio::test]
async fn a_target_has_the_app_and_the_namespace_of_the_path() {
    // A49
    let world = world().await;
    let user = world.user("u1").await;
    let definition = json!({ "appId": "demo", "name": "second", "format": "properties" });
    user.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
    let mut of_app = target("default", "application");
    of_app["appId"] = json!("elsewhere");
    for wrong in [target("default", "second"), of_app] {
        let targets = [target("other", "application"), wrong];
        let body = json!({ "syncToNamespaces": targets, "syncItems": [item("a", "1")] });
        user.post(&format!("{NS}/items/synchronize"), body)
            .await
            .fails(400, "Every target must have the app and the namespace of the path");
    }
    let other = NS.replace("default", "other");
    assert_eq!(user.get(&format!("{other}/items")).await.ok()["total"], 0);
}

#[tokio::test]
async fn nothing_changes_unless_the_caller_may_edit_every_target() {
    // A50; the same if a target does not exist.
    let world = world().await;
    world.grant("u2", vec![NamedRole::cluster(Action::Modify, "demo", "LOCAL", "default")]).await;
    let path = format!("{NS}/items/synchronize");
    let body = |second: &str| {
        let targets = [target("default", "application"), target(second, "application")];
        json!({ "syncToNamespaces": targets, "syncItems": [item("a", "1")] })
    };
    world.user("u2").await.post(&path, body("other")).await.fails(403, "Access is denied");
    let owner = world.user("u1").await;
    assert_eq!(owner.post(&path, body("ghost")).await.status, 404);
    assert_eq!(owner.get(&format!("{NS}/items")).await.ok()["total"], 0);
}

/// A revision is that of one namespace, so with several targets it would protect one of them only.
#[tokio::test]
async fn a_revision_is_the_base_of_one_target_only() {
    let world = world().await;
    let path = format!("{NS}/items/synchronize");
    let body =
        |targets: &[Value]| json!({ "syncToNamespaces": targets, "syncItems": [item("a", "1")] });
    let (own, other) = (target("default", "application"), target("other", "application"));
    let revision = world.user("u1").await.get(&format!("{NS}/items")).await;
    let revision = revision.header("castalia-revision").to_owned();
    let user = world.user("u1").await.with("castalia-revision", &revision);
    let refused = user.post(&path, body(&[own.clone(), other])).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("invalid_parameter")));
    assert_eq!(user.get(&format!("{NS}/items")).await.ok()["total"], 0);
    user.post(&path, body(std::slice::from_ref(&own))).await.empty();
    let newer = json!({ "syncToNamespaces": [own], "syncItems": [item("a", "2")] });
    assert_eq!(user.post(&path, newer).await.status, 409, "the revision is of an older state");
}

#[tokio::test]
async fn a_text_is_checked_before_it_is_saved() {
    // A47: 200 for valid JSON, 400 for the rest.
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let check = async |format: &str, text: &str| {
        let body = json!({ "format": format, "configText": text });
        user.post(&format!("{NS}/items/validation"), body).await
    };
    for (format, text) in [
        ("json", r#"{"a":1}"#),
        ("json", " "),
        ("yml", "a: 1"),
        ("properties", "novalue"),
        ("xml", "<"),
    ] {
        check(format, text).await.empty();
    }
    for (format, text) in [
        ("json", r#"{"a":1} x"#),
        ("json", "{"),
        ("yaml", "a: 1\na: 2"),
        ("yml", "a: 1\n---\nb: 2"),
    ] {
        let refused = check(format, text).await;
        refused.fails(400, &format!("invalid {format} content"));
        assert_eq!(refused.json()["code"], "invalid_content");
    }
    check("toml", "").await.fails(400, "toml can not map enum");
}
