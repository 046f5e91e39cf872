//! Apps and namespaces that are missing somewhere, used, or deleted.

use castalia_server::domain::permission::{Action, NamedRole};
use castalia_store::entity::{Standard as _, app_namespace, permission, role};
use serde_json::{Value, json};

use super::world::{Caller, NS, World, app, item};

const DEFINITIONS: &str = "/openapi/v1/apps/demo/appnamespaces";
const CLUSTER: &str = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default";

async fn define(user: &Caller<'_>, name: &str, is_public: bool) {
    let body = json!({
        "appId": "demo", "name": name, "format": "properties", "isPublic": is_public,
        "appendNamespacePrefix": false,
    });
    user.post(DEFINITIONS, body).await.ok();
}

/// Names of roles and targets of permissions that contain this text.
async fn rights(world: &World, text: &str) -> Vec<String> {
    let roles = role::Entity::live().all(world.store.read()).await.unwrap();
    let targets = permission::Entity::live().all(world.store.read()).await.unwrap();
    let names = roles.into_iter().map(|row| row.role_name);
    let names = names.chain(targets.into_iter().map(|row| row.target_id));
    names.filter(|name| name.contains(text)).collect()
}

#[tokio::test]
async fn a_deleted_app_is_gone_everywhere_and_similar_ones_stay() {
    // A86: `_` is no wildcard.
    let world = World::adopted().await;
    for app_id in ["a_b", "axb", "a_b2"] {
        world.user("u1").await.post("/openapi/v1/apps", app(app_id, "u1")).await.empty();
    }
    let others = [rights(&world, "axb").await, rights(&world, "a_b2").await];
    world.user("u1").await.delete("/openapi/v1/apps/a_b").await.fails(403, "Access is denied");
    let token = world.token_for_all("ci").await;
    let path = "/openapi/v1/apps/a_b?operator=u1";
    world.consumer(&token).delete(path).await.fails(403, "Access is denied");
    let root = world.user("apollo").await;
    root.delete("/openapi/v1/apps/a_b").await.empty();
    root.get("/openapi/v1/apps/a_b").await.fails(400, "App not found: a_b");
    root.delete("/openapi/v1/apps/a_b").await.fails(400, "App not found: a_b");
    assert_eq!(rights(&world, "a_b").await, others[1]);
    assert_eq!(rights(&world, "axb").await, others[0]);
    let left = app_namespace::Entity::live().all(world.store.read()).await.unwrap();
    assert!(left.iter().all(|row| row.app_id != "a_b"));
    // The id is free again, in the environment too.
    world.user("u2").await.post("/openapi/v1/apps", app("a_b", "u2")).await.empty();
    let items = NS.replace("demo", "a_b");
    world
        .user("u1")
        .await
        .post(&format!("{items}/items"), item("k", "v"))
        .await
        .fails(403, "Access");
    world
        .user("u1")
        .await
        .post(&format!("{}/items", NS.replace("demo", "axb")), item("k", "v"))
        .await
        .ok();
}

#[tokio::test]
async fn a_deleted_app_namespace_takes_its_namespaces_and_rights_with_it() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    for name in ["part", "part2"] {
        define(&user, name, false).await;
    }
    let other = rights(&world, "part2").await;
    world.grant("u2", vec![NamedRole::namespace(Action::Modify, "demo", "part")]).await;
    let path = format!("{DEFINITIONS}/part");
    world.user("u2").await.delete(&path).await.fails(403, "Access is denied");
    user.delete(&path).await.empty();
    user.get(&path).await.fails(400, "appNamespace not exist for appId:");
    user.delete(&path).await.fails(400, "AppNamespace not exist.");
    assert_eq!(user.get(&NS.replace("application", "part")).await.status, 404);
    assert_eq!(rights(&world, "demo+part").await, other);
    user.get(&NS.replace("application", "part2")).await.ok();
}

#[tokio::test]
async fn a_namespace_is_deleted_in_one_cluster_and_created_again_where_it_is_missing() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    define(&user, "part", false).await;
    let missing = format!("{CLUSTER}/missing-namespaces");
    assert_eq!(user.get(&missing).await.ok(), json!([]));
    let path = format!("{CLUSTER}/namespaces/part");
    world.user("u2").await.delete(&path).await.fails(403, "Access is denied");
    user.delete(&path).await.empty();
    assert_eq!(user.get(&NS.replace("application", "part")).await.status, 404);
    assert_eq!(user.get(&missing).await.ok(), json!(["part"]));
    world.user("u2").await.post(&missing, Value::Null).await.fails(403, "Access is denied");
    user.post(&missing, Value::Null).await.empty();
    assert_eq!(user.get(&missing).await.ok(), json!([]));
    user.get(&NS.replace("application", "part")).await.ok();
}

#[tokio::test]
async fn use_of_a_namespace_is_counted() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    define(&user, "pub", true).await;
    let unused = user.get(&format!("{DEFINITIONS}/application/usage")).await.ok();
    assert_eq!(unused, json!([]));
    let one = user.get(&format!("{CLUSTER}/namespaces/pub/usage")).await.ok();
    let expected = json!([{
        "namespaceName": "pub", "appId": "demo", "clusterName": "default", "envName": "LOCAL",
        "instanceCount": 0, "branchInstanceCount": 0, "linkedNamespaceCount": 0,
    }]);
    assert_eq!(one, expected);
    world.user("u2").await.post("/openapi/v1/apps", app("second", "u2")).await.empty();
    let link = json!([{ "appId": "second", "env": "LOCAL", "clusterName": "default", "appNamespaceName": "pub" }]);
    world.user("u2").await.post("/openapi/v1/namespaces", link).await.empty();
    let used = user.get(&format!("{DEFINITIONS}/pub/usage")).await.ok();
    assert_eq!((used.as_array().unwrap().len(), &used[0]["linkedNamespaceCount"]), (1, &json!(1)));
}

#[tokio::test]
async fn the_public_namespace_behind_an_associated_one_is_found() {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    define(&owner, "pub", true).await;
    let public = NS.replace("application", "pub");
    owner.post(&format!("{public}/items"), item("k", "of the owner")).await.ok();
    owner.post(&format!("{public}/releases"), json!({ "releaseTitle": "r" })).await.ok();
    let user = world.user("u2").await;
    user.post("/openapi/v1/apps", app("second", "u2")).await.empty();
    let link = json!([{ "appId": "second", "env": "LOCAL", "clusterName": "default", "appNamespaceName": "pub" }]);
    user.post("/openapi/v1/namespaces", link).await.empty();
    let path = format!("{}/associated-public-namespace", public.replace("demo", "second"));
    let found = user.get(&format!("{path}?extendInfo=true")).await.ok();
    assert_eq!(
        (&found["appId"], &found["items"][0]["value"]),
        (&json!("demo"), &json!("of the owner"))
    );
    assert_eq!(found["extendInfo"]["itemModifiedCnt"], 0);
    assert_eq!(user.get(&path).await.ok().get("extendInfo"), None);
}

#[tokio::test]
async fn namespaces_of_a_public_name_are_listed_for_those_who_see_them() {
    let mut world = World::with_demo().await;
    define(&world.user("u1").await, "pub", true).await;
    let user = world.user("u2").await;
    user.post("/openapi/v1/apps", app("second", "u2")).await.empty();
    let link = json!([{ "appId": "second", "env": "LOCAL", "clusterName": "default", "appNamespaceName": "pub" }]);
    user.post("/openapi/v1/namespaces", link).await.empty();
    drop(user);
    world.set("configView.memberOnly.envs", "local");
    let path = "/openapi/v1/envs/LOCAL/appnamespaces/pub/instances";
    let apps = async |name: &str, query: &str| -> Vec<String> {
        let found = world.user(name).await.get(&format!("{path}{query}")).await.ok();
        let app = |row: &Value| row["appId"].as_str().unwrap().to_owned();
        found.as_array().unwrap().iter().map(app).collect()
    };
    assert_eq!(apps("u2", "").await, ["demo", "second"]);
    assert_eq!(apps("u2", "?page=1&size=1").await, ["second"]);
    // That of the owner is public, that of the other app is private.
    assert_eq!(apps("u1", "").await, ["demo"]);
}

#[tokio::test]
async fn apps_are_found_by_id_and_name_and_else_by_the_key_of_an_item() {
    let mut world = World::with_demo().await;
    world.user("u2").await.post("/openapi/v1/apps", app("second", "u2")).await.empty();
    world.user("u1").await.post(&format!("{NS}/items"), item("rare.key", "v")).await.ok();
    let path = "/openapi/v1/apps/search/by-appid-or-name";
    let search = async |world: &World, name: &str, query: &str| -> Value {
        world.user(name).await.get(&format!("{path}{query}")).await.ok()
    };
    let all = search(&world, "u2", "").await;
    assert_eq!((&all["total"], &all["size"]), (&json!(2), &json!(20)));
    let found = search(&world, "u2", "?query=econ&size=1").await;
    assert_eq!((&found["total"], &found["content"][0]["appId"]), (&json!(1), &json!("second")));
    let by_key = search(&world, "u2", "?query=rare.key").await;
    assert_eq!(by_key["total"], 1);
    let hit = &by_key["content"][0];
    assert_eq!(
        (&hit["appId"], &hit["name"], &hit["orgId"], &hit["orgName"]),
        (
            &json!("demo"),
            &json!("LOCAL / default / application"),
            &json!("LOCAL+default+application"),
            &json!("SearchByItem+rare.key"),
        )
    );
    // No right, no hit.
    world.set("configView.memberOnly.envs", "local");
    assert_eq!(search(&world, "u2", "?query=rare.key").await["content"], json!([]));
    assert_eq!(search(&world, "u1", "?query=rare.key").await["total"], 1);
    world.set("searchByItem.switch", "false");
    assert_eq!(search(&world, "u1", "?query=rare.key").await["total"], 0);
    let token = world.token("ci", &["demo"]).await;
    world.consumer(&token).get(path).await.fails(403, "Portal user session is required");
}

#[tokio::test]
async fn unpublished_changes_are_reported_in_the_environments_of_a_setting() {
    let mut world = World::with_demo().await;
    let path = "/openapi/v1/apps/demo/namespaces/releases/status";
    assert_eq!(world.user("u1").await.get(path).await.ok(), json!({}));
    world.set("namespace.publish.tips.supported.envs", "local,far");
    let user = world.user("u1").await;
    assert_eq!(user.get(path).await.ok(), json!({ "LOCAL": { "default": false } }));
    user.post(&format!("{NS}/items"), item("k", "v")).await.ok();
    assert_eq!(user.get(path).await.ok(), json!({ "LOCAL": { "default": true } }));
    // Our page shows them everywhere but where values are hidden.
    world.set("namespace.publish.tips.supported.envs", "far");
    let (user, other) = (world.user("u1").await, world.user("u2").await);
    let all = format!("{path}?allEnvs=true");
    assert_eq!(user.get(path).await.ok(), json!({}));
    assert_eq!(other.get(&all).await.ok(), json!({ "LOCAL": { "default": true } }));
    world.set("configView.memberOnly.envs", "LOCAL");
    let (user, other) = (world.user("u1").await, world.user("u2").await);
    assert_eq!(user.get(&all).await.ok(), json!({ "LOCAL": { "default": true } }));
    assert_eq!(other.get(&all).await.ok(), json!({}));
}

#[tokio::test]
async fn an_app_that_an_environment_lacks_is_added_by_its_administrator() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let missing = "/openapi/v1/apps/demo/miss-envs";
    assert_eq!(user.get(missing).await.ok(), json!([]));
    let body = app("demo", "u1")["app"].clone();
    let add = "/openapi/v1/apps/envs/LOCAL";
    user.post(add, body.clone()).await.fails(400, "app already exists for appId:demo");
    // The environment loses it.
    let environment = world.environments.find("LOCAL").unwrap();
    let address = castalia_server::environment::Address::new(["apps", "demo"]);
    environment.delete(address.with(&[("operator", "apollo")])).await.unwrap();
    assert_eq!(user.get(missing).await.ok(), json!([{ "code": 200, "message": "LOCAL" }]));
    world.user("u2").await.post(add, body.clone()).await.fails(403, "Access is denied");
    let mut other = body.clone();
    other["ownerName"] = json!("u2");
    user.post(add, other).await.empty();
    assert_eq!(user.get(missing).await.ok(), json!([]));
    let stored =
        castalia_store::app::by_app_id(world.environment_store.read(), "demo").await.unwrap();
    assert_eq!(stored.unwrap().owner_name, "u1", "the details are those of the portal");
    user.post(&format!("{NS}/items"), item("k", "v")).await.ok();
    let mut unknown = body;
    unknown["appId"] = json!("ghost");
    world.user("apollo").await.post(add, unknown).await.fails(400, "App not found: ghost");
}
