//! X60, X67: routes without an app in their path, and those that lead to other apps, refuse to show or
//! change what is left of a deleted app, as all others do.

use std::time::Duration;

use castalia_store::pending_change::{self, NewPendingChange, PendingOperation};
use castalia_store::{Id, StoreError};
use http::Method;
use serde_json::json;

use super::world::{NS, World, app, item};

const STILL: &str = "LOCAL still has to delete an earlier app demo";
/// It is not sent while the test runs.
const LATER: Duration = Duration::from_secs(600);

/// Stores that the environment LOCAL still has to delete an earlier app `demo`.
async fn owe_deletion(world: &World) {
    let deletion = NewPendingChange {
        app_id: "demo".to_owned(),
        namespace: String::new(),
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
    owe_deletion(&world).await;
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
    owner.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
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
    owe_deletion(&world).await;
    user.get(&public).await.fails(503, STILL);
    assert_eq!(of_name().await, ["second"]);
    for (search, list) in searches {
        assert_eq!(found(search, list).await, ["second"], "{search}");
    }
}
