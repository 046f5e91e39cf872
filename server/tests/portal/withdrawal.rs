//! Withdrawing the only release of a namespace in a cluster.

use std::collections::HashMap;

use axum::routing::get;
use axum::{Json, Router};
use castalia_server::domain::permission::{Action, NamedRole};
use castalia_store::entity::{Standard as _, release};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::environment;
use super::world::{Answer, Caller, NS, World};

async fn withdraw(user: &Caller<'_>, env: &str, id: i64) -> Answer {
    let path = format!("/openapi/v1/envs/{env}/releases/{id}/withdrawal");
    user.send(Method::PUT, &path, "application/json", "null".to_owned()).await
}

async fn publish(user: &Caller<'_>) -> i64 {
    let made = user.post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" })).await.ok();
    made["id"].as_i64().unwrap()
}

#[tokio::test]
async fn a_release_is_withdrawn_by_who_may_publish_its_namespace() {
    let world = World::with_demo().await;
    let id = publish(&world.user("u1").await).await;
    let other = world.user("u2").await;
    withdraw(&other, "LOCAL", id).await.fails(403, "Access is denied");
    let role = NamedRole::namespace_in_env(Action::Release, "demo", "application", "LOCAL");
    world.grant("u2", vec![role]).await;
    withdraw(&other, "LOCAL", id).await.empty();
    let rows = release::Entity::live().all(world.environment_store.read()).await.unwrap();
    assert!(
        rows.iter().all(
            |row| row.is_abandoned && row.data_change_last_modified_by.as_deref() == Some("u2")
        )
    );
    other.get(&format!("{NS}/releases/latest")).await.empty();
    let histories = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default/namespaces/application/releases/histories";
    let newest = world.user("u1").await.get(histories).await.ok()[0].clone();
    assert_eq!(
        [&newest["operation"], &newest["releaseId"], &newest["previousReleaseId"]],
        [&json!(1), &json!(0), &json!(id)]
    );
}

#[tokio::test]
async fn one_of_several_releases_is_not_withdrawn() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    publish(&user).await;
    let newest = publish(&user).await;
    let refusal = format!("Release {newest} is not the only active release");
    withdraw(&user, "LOCAL", newest).await.fails(400, &refusal);
    withdraw(&user, "LOCAL", 999_999).await.fails(404, "release not found for releaseId:999999");
    assert_eq!(user.get(&format!("{NS}/releases/latest")).await.ok()["id"], newest);
}

/// Apollo's admin service with a release of the id 1, and its answer for a path that it lacks.
async fn apollo(status: StatusCode, answer: Value) -> std::net::SocketAddr {
    let find = async move || {
        let names =
            [("appId", "demo"), ("clusterName", "default"), ("namespaceName", "application")];
        let mut release: HashMap<_, _> = names.map(|(name, value)| (name, json!(value))).into();
        release.insert("id", json!(1));
        Json([release])
    };
    let router =
        Router::new().route("/releases", get(find)).fallback(async move || (status, Json(answer)));
    environment::listen(router).await
}

#[tokio::test]
async fn apollos_admin_service_is_named_as_the_obstacle() {
    let missing = "org.springframework.web.servlet.resource.NoResourceFoundException";
    for (status, answer) in [
        (404, json!({ "status": 404, "message": "Not Found" })),
        (405, json!({ "status": 405, "message": "Request method 'PUT' is not supported" })),
        (500, json!({ "status": 500, "message": "No static resource", "exception": missing })),
    ] {
        let service = apollo(StatusCode::from_u16(status).unwrap(), answer).await;
        let world = environment::world(&[service]).await;
        let root = world.user("apollo").await;
        let refused = withdraw(&root, "FAR", 1).await;
        refused.fails(400, "The admin service of FAR cannot withdraw a release: it is Apollo's");
        assert_eq!(refused.json()["code"], "unsupported_by_env");
    }
}
