//! Access tokens of users: what their limits allow.

use serde_json::{Value, json};

use super::restoration::define;
use super::user_token::{TOKENS, set_enabled};
use super::world::{NS, World, app, item};

/// A token to read configurations reads items and creates none (A73).
#[tokio::test]
async fn a_token_allows_its_operations_only() {
    let world = World::with_demo().await;
    let program = world.program("u1", json!({ "operations": ["config:read"] })).await;
    assert_eq!(program.get(&format!("{NS}/items")).await.ok()["total"], 0);
    program.post(&format!("{NS}/items"), item("k", "v")).await.fails(403, "Access is denied");
    let program = world.program("u1", json!({ "operations": ["config:modify"] })).await;
    program.post(&format!("{NS}/items"), item("k", "v")).await.ok();
    program.get(&format!("{NS}/items")).await.fails(403, "Access is denied");
    let release = json!({ "releaseTitle": "r" });
    program.post(&format!("{NS}/releases"), release).await.fails(403, "Access is denied");
}

/// A token that is limited to an app does not read another one, and a disabled owner ends it at
/// once (A74).
#[tokio::test]
async fn a_token_is_limited_to_its_apps_and_ends_with_its_owner() {
    let world = World::with_demo().await;
    world.user("u1").await.post("/openapi/v1/apps", app("second", "u1")).await.empty();
    let program = world.program("u1", json!({ "appIds": ["second"] })).await;
    program.get(&NS.replace("demo", "second")).await.ok();
    program.get(NS).await.fails(403, "Access is denied");
    program.get("/openapi/v1/apps/demo").await.fails(403, "Access is denied");
    for list in ["", "/authorized", "/by-self", "?appIds=demo,second"] {
        let apps = program.get(&format!("/openapi/v1/apps{list}")).await.ok();
        let ids: Vec<_> = apps.as_array().unwrap().iter().map(|app| &app["appId"]).collect();
        assert_eq!(ids, ["second"], "{list}");
    }
    set_enabled(&world, "u1", false).await;
    program.get(&NS.replace("demo", "second")).await.fails(401, "Unauthorized user token");
    set_enabled(&world, "u1", true).await;
    program.get(&NS.replace("demo", "second")).await.ok();
}

/// A public namespace of another app is not within the limits of a token, also where a namespace of
/// its app overrides it; callers without limits read it there.
#[tokio::test]
async fn a_token_that_is_limited_to_an_app_reads_no_public_namespace_of_another_one() {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    define(&owner, "demo", "pub", true).await;
    let public = NS.replace("application", "pub");
    owner.post(&format!("{public}/items"), item("k", "of demo")).await.ok();
    owner.post("/openapi/v1/apps", app("second", "u1")).await.empty();
    let link = json!([{ "appId": "second", "env": "LOCAL", "clusterName": "default", "appNamespaceName": "pub" }]);
    owner.post("/openapi/v1/namespaces", link).await.empty();
    let behind = format!("{}/associated-public-namespace", public.replace("demo", "second"));
    let limits = |limits: Value| world.program("u1", limits);
    for refused in [
        json!({ "appIds": ["second"] }),
        json!({ "namespaces": [{ "appId": "second", "namespaceName": "pub" }] }),
    ] {
        let program = limits(refused).await;
        program.get(&public).await.fails(403, "Access is denied");
        program.get(&behind).await.fails(403, "Access is denied");
    }
    let unlimited = limits(json!({})).await;
    let both = limits(json!({ "appIds": ["second", "demo"] })).await;
    let consumer = world.token("ci", &["second"]).await;
    for caller in [owner, unlimited, both, world.consumer(&consumer), world.user("u2").await] {
        assert_eq!(caller.get(&behind).await.ok()["items"][0]["value"], "of demo");
    }
}

/// A user cannot fill the table.
#[tokio::test]
async fn the_tokens_of_a_user_are_bounded() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let create = async || user.post(TOKENS, json!({ "name": "ci" })).await;
    let first = create().await.ok()["id"].as_i64().unwrap();
    for _ in 1..200 {
        create().await.ok();
    }
    create().await.fails(400, "You have 200 active access tokens; delete one first");
    user.delete(&format!("{TOKENS}/{first}")).await.empty();
    create().await.ok();
    world.user("u2").await.post(TOKENS, json!({ "name": "ci" })).await.ok();
}

/// A limit without a name is refused: an unset variable of a script must not create a token without
/// limits. `*` is the explicit form.
#[tokio::test]
async fn a_limit_without_a_name_is_refused() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let create = async |limits: Value| {
        let mut body = json!({ "name": "ci" });
        body.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
        user.post(TOKENS, body).await
    };
    for limits in [
        json!({ "appIds": [""] }),
        json!({ "appIds": ["demo", " "] }),
        json!({ "operations": [""] }),
        json!({ "envs": [" "] }),
        json!({ "namespaces": [{}] }),
        json!({ "namespaces": [{ "appId": "" }] }),
    ] {
        let list = limits.as_object().unwrap().keys().next().unwrap().clone();
        create(limits).await.fails(400, &format!("{list} has an entry without a name"));
    }
    create(json!({ "appId": ["demo"] }))
        .await
        .fails(400, "JSON parse error: unknown field `appId`");
    assert_eq!(user.get(TOKENS).await.ok(), json!([]));
    let token = create(json!({ "appIds": ["*"], "namespaces": [{ "appId": "*" }] })).await.ok();
    assert_eq!(token["appIds"], json!([]));
}
