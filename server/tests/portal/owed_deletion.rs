//! X60, X67, X82, X83, X90: routes without an app in their path, those that lead to other apps, and
//! lists over all environments refuse to show or change what is left of a deleted app, as all others
//! do; and so it is with a deleted definition.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use castalia_store::entity::{Standard as _, item as item_row};
use castalia_store::pending_change::{self, NewPendingChange, PendingOperation};
use castalia_store::{Id, StoreError};
use http::Method;
use serde_json::json;

use super::archive::archive;
use super::environment::{self, admin_router, listen};
use super::fan_out::{come_back, leave, unless_away};
use super::world::{NS, World, app, item};

const STILL: &str = "LOCAL still has to delete an earlier app demo";
const STILL_DEFINED: &str = "LOCAL still has to delete an earlier namespace x of the app demo";
const DEFINITIONS: &str = "/openapi/v1/apps/demo/appnamespaces";
/// It is not sent while the test runs.
const LATER: Duration = Duration::from_secs(600);

/// Stores that the environment LOCAL still has to delete an earlier app `demo`, or the definition of
/// this name.
pub(super) async fn owe_deletion(world: &World, namespace: &str) {
    let deletion = NewPendingChange {
        app_id: "demo".to_owned(),
        namespace: namespace.to_owned(),
        operation: PendingOperation::Delete(Id(1)),
        operator: "apollo".to_owned(),
    };
    let stored: Result<_, StoreError> = world
        .store
        .write(deletion, |tx, deletion| {
            Box::pin(async move {
                pending_change::insert(tx, deletion, &["LOCAL".to_owned()], LATER).await
            })
        })
        .await;
    stored.unwrap();
}

#[tokio::test]
async fn a_release_of_an_app_that_is_still_to_be_deleted_is_neither_shown_nor_changed() {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    let mut ids = Vec::new();
    for key in ["a", "b"] {
        owner.post(&format!("{NS}/items"), item(key, "1")).await.ok();
        let made = owner.post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" })).await.ok();
        ids.push(made["id"].as_i64().unwrap());
    }
    let [first, second] = ids[..] else { panic!("{ids:?}") };
    let names = "appId=demo&clusterName=default&namespaceName=application";
    let env = "/openapi/v1/envs/LOCAL";
    let reads = [
        format!("{env}/releases/{second}"),
        format!("{env}/releases/comparison?baseReleaseId={first}&toCompareReleaseId={second}"),
        format!("{env}/instances/by-namespace?{names}"),
        format!("{env}/instances/by-release?releaseId={second}"),
        format!("{env}/instances/by-namespace-and-releases-not-in?{names}&releaseIds={second}"),
    ];
    for path in &reads {
        owner.get(path).await.ok();
    }
    owe_deletion(&world, "").await;
    for path in &reads {
        owner.get(path).await.fails(503, STILL);
    }
    for change in ["rollback", "withdrawal"] {
        let path = format!("{env}/releases/{second}/{change}");
        let answer = owner.send(Method::PUT, &path, "application/json", "null".to_owned()).await;
        answer.fails(503, STILL);
    }
    // Who may not see the namespace does not learn of the deletion either.
    let program = world.program("u1", json!({ "appIds": ["other"] })).await;
    for path in &reads {
        program.get(path).await.fails(403, "Access is denied");
    }
}

#[tokio::test]
async fn what_other_apps_lead_to_is_not_shown_if_its_app_is_still_to_be_deleted() {
    let world = World::with_demo().await;
    let (owner, user) = (world.user("u1").await, world.user("u2").await);
    let definition = json!({
        "appId": "demo", "name": "pub", "format": "properties", "isPublic": true,
        "appendNamespacePrefix": false,
    });
    owner.post(DEFINITIONS, definition).await.ok();
    user.post("/openapi/v1/apps", app("second", "u2")).await.empty();
    let link = json!([{ "appId": "second", "env": "LOCAL", "clusterName": "default", "appNamespaceName": "pub" }]);
    user.post("/openapi/v1/namespaces", link).await.empty();
    let other = NS.replace("demo", "second");
    for (caller, place) in [(&owner, NS), (&user, other.as_str())] {
        caller.post(&format!("{place}/items"), item("the.key", "v")).await.ok();
    }
    let found = async |search: &str, list: &str| {
        let found = user.get(&format!("/openapi/v1/{search}")).await.ok();
        let rows = found[list].as_array().unwrap().iter();
        rows.map(|row| row["appId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let searches = [
        ("global-search/item-info/by-key-or-value?key=the.key", "body"),
        ("search?q=the.key&in=keys", "keys"),
        ("apps/search/by-appid-or-name?query=the.key&page=0&size=20", "content"),
    ];
    let public = format!("{}/associated-public-namespace", other.replace("application", "pub"));
    let of_name = async || {
        let found = user.get("/openapi/v1/envs/LOCAL/appnamespaces/pub/instances").await.ok();
        let rows = found.as_array().unwrap().iter();
        let mut apps: Vec<_> = rows.map(|row| row["appId"].as_str().unwrap().to_owned()).collect();
        apps.sort_unstable();
        apps
    };
    user.get(&public).await.ok();
    assert_eq!(of_name().await, ["demo", "second"]);
    for (search, list) in searches {
        assert_eq!(found(search, list).await, ["demo", "second"], "{search}");
    }
    owe_deletion(&world, "").await;
    user.get(&public).await.fails(503, STILL);
    assert_eq!(of_name().await, ["second"]);
    for (search, list) in searches {
        assert_eq!(found(search, list).await, ["second"], "{search}");
    }
}

/// X83
#[tokio::test]
async fn lists_over_all_environments_show_nothing_of_an_app_that_is_still_to_be_deleted() {
    let mut world = World::with_demo().await;
    world.set("namespace.publish.tips.supported.envs", "local");
    let (owner, user) = (world.user("u1").await, world.user("u2").await);
    let definition = json!({
        "appId": "demo", "name": "pub", "format": "properties", "isPublic": true,
        "appendNamespacePrefix": false,
    });
    owner.post(DEFINITIONS, definition).await.ok();
    user.post("/openapi/v1/apps", app("second", "u2")).await.empty();
    let link = json!([{ "appId": "second", "env": "LOCAL", "clusterName": "default", "appNamespaceName": "pub" }]);
    user.post("/openapi/v1/namespaces", link).await.empty();
    let part = json!({ "appId": "demo", "name": "part", "format": "properties" });
    owner.post(DEFINITIONS, part).await.ok();
    let part = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default/namespaces/part";
    owner.delete(part).await.empty();

    let status = "/openapi/v1/apps/demo/namespaces/releases/status";
    let usage = format!("{DEFINITIONS}/pub/usage");
    let (missing, deleted) = ("/openapi/v1/apps/demo/miss-envs", "/openapi/v1/apps/demo/deleted");
    assert_eq!(owner.get(status).await.ok(), json!({ "LOCAL": { "default": false } }));
    assert_eq!(owner.get(&usage).await.ok()[0]["linkedNamespaceCount"], 1);
    assert_eq!(owner.get(missing).await.ok(), json!([]));
    assert_eq!(owner.get(deleted).await.ok()["objects"][0]["namespaceName"], "part");

    owe_deletion(&world, "").await;
    assert_eq!(owner.get(status).await.ok(), json!({}));
    assert_eq!(owner.get(&usage).await.ok(), json!([]));
    let message = format!("load env:LOCAL error.{STILL}; retry later");
    assert_eq!(owner.get(missing).await.ok(), json!([{ "code": 500, "message": message }]));
    let found = owner.get(deleted).await.ok();
    assert_eq!((&found["objects"], &found["unreachableEnvs"]), (&json!([]), &json!(["LOCAL"])));
}

/// X82
#[tokio::test]
async fn what_is_left_of_a_definition_is_neither_shown_nor_changed() {
    let world = World::with_demo().await;
    let (root, owner) = (world.user("apollo").await, world.user("u1").await);
    let definition = json!({ "appId": "demo", "name": "x", "format": "properties" });
    owner.post(DEFINITIONS, definition).await.ok();
    let namespace = NS.replace("application", "x");
    for place in [NS, namespace.as_str()] {
        owner.post(&format!("{place}/items"), item("the.key", "v")).await.ok();
    }
    let title = json!({ "releaseTitle": "r" });
    let made = owner.post(&format!("{namespace}/releases"), title.clone()).await.ok();
    let release = format!("/openapi/v1/envs/LOCAL/releases/{}", made["id"]);
    let cluster = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default";
    let all = "/openapi/v1/configs";
    let names = "appId=demo&clusterName=default&namespaceName=x";
    let reads = [
        namespace.clone(),
        format!("{namespace}/items"),
        release,
        format!("/openapi/v1/envs/LOCAL/instances/by-namespace?{names}"),
    ];
    let exports = [format!("{cluster}/export"), format!("{all}/export?envs=LOCAL")];
    for path in reads.iter().chain(&exports) {
        let answer = root.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }

    owe_deletion(&world, "x").await;
    for path in reads.iter().chain(&exports) {
        root.get(path).await.fails(503, STILL_DEFINED);
    }
    owner.post(&format!("{namespace}/items"), item("k", "v")).await.fails(503, STILL_DEFINED);
    owner.post(&format!("{namespace}/releases"), title).await.fails(503, STILL_DEFINED);
    let target =
        json!({ "appId": "demo", "env": "LOCAL", "clusterName": "default", "namespaceName": "x" });
    let sync = json!({ "syncToNamespaces": [target], "syncItems": [item("k", "v")] });
    owner.post(&format!("{namespace}/items/synchronize"), sync).await.fails(503, STILL_DEFINED);
    let items = json!([item("k", "v")]).to_string();
    let bytes = archive(&[("demo/LOCAL/demo+default+x.properties", items.clone())]);
    let path = format!("{cluster}/import?conflictAction=cover");
    owner.upload(&path, "c.zip", &bytes).await.fails(503, STILL_DEFINED);
    let bytes = archive(&[("u1/demo/LOCAL/demo+default+x.properties", items)]);
    let path = format!("{all}/import?envs=LOCAL&conflictAction=cover");
    root.upload(&path, "a.zip", &bytes).await.fails(503, STILL_DEFINED);
    // The rest of the app is.
    owner.put(&format!("{NS}/items/the.key"), item("the.key", "w")).await.empty();
    let found = owner.get("/openapi/v1/search?q=the.key&in=keys").await.ok();
    let found: Vec<_> = found["keys"].as_array().unwrap().iter().collect();
    assert_eq!(found.len(), 1, "{found:?}");
}

/// X82: paths that name another namespace, or none.
#[tokio::test]
async fn what_is_left_of_a_definition_is_not_shown_by_what_leads_to_it() {
    let world = World::with_demo().await;
    let (owner, user) = (world.user("u1").await, world.user("u2").await);
    let definition = json!({
        "appId": "demo", "name": "x", "format": "properties", "isPublic": true,
        "appendNamespacePrefix": false,
    });
    owner.post(DEFINITIONS, definition).await.ok();
    user.post("/openapi/v1/apps", app("second", "u2")).await.empty();
    let link = json!([{ "appId": "second", "env": "LOCAL", "clusterName": "default", "appNamespaceName": "x" }]);
    user.post("/openapi/v1/namespaces", link).await.empty();
    let public = NS.replace("demo", "second").replace("application", "x");
    let public = format!("{public}/associated-public-namespace");
    let list = NS.strip_suffix("/application").unwrap();
    let views =
        ["", "?fillItemDetail=false", "?fillItemDetail=false&extendInfo=true&countChanges=true"];
    let listed = async |view: &str| {
        let found = owner.get(&format!("{list}{view}")).await.ok();
        let rows = found.as_array().unwrap().iter();
        rows.map(|row| row["namespaceName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let target =
        json!({ "appId": "demo", "env": "LOCAL", "clusterName": "default", "namespaceName": "x" });
    let sync = json!({ "syncToNamespaces": [target], "syncItems": [item("k", "v")] });
    let diff = format!("{NS}/items/diff");
    user.get(&public).await.ok();
    owner.post(&diff, sync.clone()).await.ok();
    for view in views {
        assert_eq!(listed(view).await, ["application", "x"], "{view}");
    }
    owe_deletion(&world, "x").await;
    user.get(&public).await.fails(503, STILL_DEFINED);
    owner.post(&diff, sync).await.fails(503, STILL_DEFINED);
    for view in views {
        assert_eq!(listed(view).await, ["application"], "{view}");
    }
}

/// X90
#[tokio::test]
async fn a_definition_behind_one_that_is_still_to_be_deleted_is_missing() {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    for name in ["x", "y"] {
        let definition = json!({ "appId": "demo", "name": name, "format": "properties" });
        owner.post(DEFINITIONS, definition).await.ok();
    }
    let cluster = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default";
    let missing = format!("{cluster}/missing-namespaces");
    owner.delete(&format!("{cluster}/namespaces/y")).await.empty();
    assert_eq!(owner.get(&missing).await.ok(), json!(["y"]));
    owe_deletion(&world, "x").await;
    assert_eq!(owner.get(&missing).await.ok(), json!(["x", "y"]));
    let created = owner.send(Method::POST, &missing, "", String::new()).await;
    created.fails(503, STILL_DEFINED);
    assert_eq!(owner.get(&missing).await.ok(), json!(["x"]));
}

/// X82
#[tokio::test]
async fn no_edit_is_deleted_with_an_earlier_definition() {
    let away = Arc::new(AtomicBool::new(false));
    let (router, far) = admin_router().await;
    let service = listen(router.layer(from_fn_with_state(Arc::clone(&away), unless_away))).await;
    let world = environment::world(&[service]).await;
    let owner = world.user("u1").await;
    owner.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let definition = json!({ "appId": "demo", "name": "x", "format": "properties" });
    owner.post(DEFINITIONS, definition.clone()).await.ok();
    let items = format!("{}/items", environment::far().replace("application", "x"));
    owner.post(&items, item("old", "v")).await.ok();

    leave(&world, &away).await;
    owner.delete(&format!("{DEFINITIONS}/x")).await.empty();
    owner.post(DEFINITIONS, definition).await.ok();
    away.store(false, Ordering::SeqCst);
    let still = "FAR still has to delete an earlier namespace x of the app demo";
    owner.post(&items, item("new", "v")).await.fails(503, still);
    let _background = world.run();
    come_back(&world, &away).await;
    owner.post(&items, item("new", "v")).await.ok();
    let rows = item_row::Entity::live().all(far.read()).await.unwrap();
    let keys: Vec<_> = rows.iter().map(|row| row.key.as_str()).collect();
    assert_eq!(keys, ["new"]);
}
