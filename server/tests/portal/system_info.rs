//! The page about the system: environments, their services, the health of one.

use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::json;

use super::environment::{hanging, listen};
use super::world::{NS, World};

const INFO: &str = "/openapi/v1/system-info";

/// A portal with LOCAL in its process, FAR behind a meta server, HUNG behind one that does not
/// answer, and BARE without any.
async fn world() -> (World, String) {
    let health = || async {
        let report = json!({ "status": { "code": "DOWN", "description": "disk full" }, "n": 5 });
        (StatusCode::SERVICE_UNAVAILABLE, Json(report))
    };
    let service = listen(Router::new().route("/health", get(health))).await;
    let one = |kind: &'static str| {
        Json(json!([{
            "appName": kind, "instanceId": format!("{kind}-1"), "homepageUrl": format!("http://{service}/"),
        }]))
    };
    let (config, admin) = (one("apollo-configservice"), one("apollo-adminservice"));
    let lists = Router::new()
        .route("/services/config", get(async move || config))
        .route("/services/admin", get(async move || admin));
    let meta = format!("http://{}/", listen(lists).await);
    let hung = format!("http://{}", hanging().await);
    let mut world = World::adopted().await;
    world.set("apollo.portal.envs", "local,far,hung,bare");
    let addresses = json!({ "far": meta, "hung": hung });
    world.set("apollo.portal.meta.servers", &addresses.to_string());
    // The service that answers may be slow on a busy machine.
    world.set("api.readTimeout", "4000");
    (world, meta)
}

#[tokio::test]
async fn every_environment_is_listed_with_its_services_or_the_reason() {
    let (world, meta) = world().await;
    let info = world.user("apollo").await.get(INFO).await.ok();
    assert!(info["version"].as_str().unwrap().starts_with("castalia-"), "{info}");
    let [local, far, hung, bare] = [0, 1, 2, 3].map(|index| &info["environments"][index]);
    assert_eq!((&local["env"], &local["active"]), (&json!("LOCAL"), &json!(true)));
    assert_eq!((&local["configServices"], &local["errorMessage"]), (&json!([]), &json!(null)));
    assert_eq!((&far["env"], &far["metaServerAddress"]), (&json!("FAR"), &json!(meta)));
    assert_eq!(far["configServices"][0]["appName"], "apollo-configservice");
    assert_eq!(far["adminServices"][0]["instanceId"], "apollo-adminservice-1");
    for (environment, active) in [(hung, true), (bare, false)] {
        assert_eq!(environment["active"], active, "{environment}");
        assert_eq!(environment["configServices"], json!(null), "{environment}");
        let reason = environment["errorMessage"].as_str().unwrap();
        let beginning = "Loading config/admin services from meta server: ";
        assert!(reason.starts_with(beginning), "{reason}");
    }
}

#[tokio::test]
async fn the_health_of_an_instance_is_passed_on_as_it_is() {
    let (world, _) = world().await;
    let root = world.user("apollo").await;
    let health = root.get(&format!("{INFO}/health?instanceId=apollo-adminservice-1")).await.ok();
    assert_eq!(health["status"], json!({ "code": "DOWN", "description": "disk full" }));
    assert_eq!(health["n"], 5);
    root.get(&format!("{INFO}/health?instanceId=ghost"))
        .await
        .fails(400, "No such instance of instanceId: ghost");
    root.get(&format!("{INFO}/health")).await.fails(400, "Query: missing field");
}

/// SEC-12: the address of a meta server may contain the password of a gateway.
#[tokio::test]
async fn credentials_of_a_meta_server_are_in_no_answer() {
    let mut world = World::with_demo().await;
    world.set("apollo.portal.envs", "local,far");
    let addresses = json!({ "far": "http://gate:planted@127.0.0.1:1" });
    world.set("apollo.portal.meta.servers", &addresses.to_string());
    let (root, user) = (world.user("apollo").await, world.user("u1").await);
    let far = NS.replace("/LOCAL/", "/FAR/");
    for answer in [
        root.get(INFO).await,
        user.get("/openapi/v1/apps/demo/envclusters").await,
        user.get(&far).await,
    ] {
        let is_shown = answer.body.contains("http://***@127.0.0.1:1");
        assert!(is_shown && !answer.body.contains("planted"), "{answer:?}");
    }
}

#[tokio::test]
async fn the_page_about_the_system_is_for_super_administrators() {
    let world = World::adopted().await;
    let token = world.token("ci", &[]).await;
    for path in [INFO.to_owned(), format!("{INFO}/health?instanceId=x")] {
        world.user("u1").await.get(&path).await.fails(403, "Access is denied");
        world.consumer(&token).get(&path).await.fails(403, "Portal user session is required");
    }
}
