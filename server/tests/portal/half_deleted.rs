//! Deletions that the environments have made and the portal has not: the answer says so, and the
//! same request completes them.

use castalia_server::domain::permission::grant;
use castalia_server::domain::permission::requirement::Resource;
use castalia_store::pending_change;
use serde_json::json;

use super::owed_deletion::owe_deletion;
use super::trigger::Trigger;
use super::world::{World, app};

const CLUSTER: &str = "/openapi/v1/envs/LOCAL/apps/demo/clusters/c";
const DEFINITION: &str = "/openapi/v1/apps/demo/appnamespaces/extra";

#[tokio::test]
async fn a_deletion_that_fails_in_the_portal_alone_is_completed_by_its_repetition() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    let definition = json!({ "appId": "demo", "name": "extra", "format": "properties" });
    root.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
    root.post(CLUSTER.trim_end_matches("/c"), json!({ "appId": "demo", "name": "c" })).await.ok();
    // What is left of a cluster in the portal is its roles. Apollo answers 400 for unknown apps and
    // definitions.
    for (path, table, repeated, gone) in [
        (CLUSTER, "Role", 404, 404),
        (DEFINITION, "AppNamespace", 200, 400),
        ("/openapi/v1/apps/demo", "App", 200, 400),
    ] {
        let when = "BEFORE UPDATE";
        let refused = Trigger { name: "refused", table, when, row: None, statement: None };
        refused.create(&world.store).await;
        let half = root.delete(path).await;
        half.fails(503, "deleted in the environments, but not in the portal");
        assert_eq!(half.json()["code"], "partly_failed", "{path}");
        refused.drop(&world.store).await;
        assert_eq!(root.delete(path).await.status, repeated, "{path}");
        root.get(path).await.fails(gone, "");
    }
    let place = Resource {
        app_id: "demo".to_owned(),
        env: "LOCAL".to_owned(),
        cluster: "c".to_owned(),
        ..Resource::default()
    };
    assert!(!grant::has_cluster_roles(&world.store, &place).await.unwrap());
}

#[tokio::test]
async fn a_definition_that_is_deleted_meanwhile_does_not_come_back_with_the_app() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    let definitions = DEFINITION.trim_end_matches("/extra");
    let definition = |app_id: &str| {
        json!({
            "appId": app_id, "name": "extra", "format": "properties", "isPublic": true,
            "appendNamespacePrefix": false,
        })
    };
    root.post(definitions, definition("demo")).await.ok();
    let refused = Trigger {
        name: "refused",
        table: "App",
        when: "BEFORE UPDATE",
        row: None,
        statement: None,
    };
    refused.create(&world.store).await;
    root.delete("/openapi/v1/apps/demo").await.fails(503, "deleted in the environments, but");
    refused.drop(&world.store).await;
    root.delete(DEFINITION).await.empty();
    root.delete("/openapi/v1/apps/demo").await.empty();
    let deleted = root.get("/openapi/v1/deleted-apps").await.ok()[0]["deletedTime"].clone();
    let wanted = json!({ "kind": "app", "deletedTime": deleted });
    root.post("/openapi/v1/apps/demo/restorations", wanted).await.empty();
    let namespace = "/openapi/v1/envs/LOCAL/apps/demo/clusters/default/namespaces/extra";
    root.get(namespace).await.fails(404, "");
    // Its name is free for others.
    root.post("/openapi/v1/apps", app("other", "u1")).await.empty();
    let other = "/openapi/v1/apps/other/appnamespaces";
    let other = root.post(other, definition("other")).await;
    assert_eq!(other.status, 200);
    assert_eq!(other.header("castalia-pending-environments"), "");
}

/// X131: otherwise a node that ends in between leaves them, and they concern an app that is created
/// again.
#[tokio::test]
async fn an_app_is_deleted_together_with_the_deletions_that_environments_owe() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    owe_deletion(&world, "extra").await;
    let owed = async || {
        let owed = pending_change::of_environment(&world.store, "LOCAL", 10).await.unwrap();
        owed.readable.into_iter().map(|change| change.namespace_name).collect::<Vec<_>>()
    };
    let refused = Trigger {
        name: "refused",
        table: "CastaliaPendingChange",
        when: "BEFORE DELETE",
        row: None,
        statement: None,
    };
    refused.create(&world.store).await;
    let half = root.delete("/openapi/v1/apps/demo").await;
    half.fails(503, "deleted in the environments, but not in the portal");
    // The one of the app itself was stored before, for the end of the node.
    assert_eq!(owed().await, ["extra", ""]);
    root.get("/openapi/v1/apps/demo").await.ok();

    refused.drop(&world.store).await;
    root.delete("/openapi/v1/apps/demo").await.empty();
    // The second one is behind the first, which may be sent at this moment.
    assert_eq!(owed().await, ["", ""]);
}
