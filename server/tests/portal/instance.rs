//! Which running clients read which release.

use axum::{Json, Router};
use castalia_server::domain::permission::{Action, NamedRole};
use castalia_store::entity::audit;
use castalia_store::instance::{Identity, Reading, record_readings, upsert};
use castalia_store::{Store, StoreError};
use http::StatusCode;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};

use super::environment;
use super::world::{Caller, NS, World, item};

const INSTANCES: &str = "/openapi/v1/envs/LOCAL/instances";
const NAMES: &str = "appId=demo&clusterName=default&namespaceName=application";

/// Records that a client of this app with this address received a release.
pub(crate) async fn read(store: &Store, app_id: &str, ip: &str, release_key: &str) {
    let texts = [app_id, ip, release_key].map(str::to_owned);
    let done: Result<(), StoreError> = store
        .write(texts, |tx, [app_id, ip, release_key]| {
            Box::pin(async move {
                let identity = Identity {
                    app_id: app_id.clone(),
                    cluster: "default".to_owned(),
                    data_center: "dc".to_owned(),
                    ip: ip.clone(),
                };
                let stored = upsert(tx, &[identity], castalia_store::now()).await?;
                let reading = Reading {
                    instance_id: stored[0].id,
                    config_app_id: "demo".to_owned(),
                    config_cluster: "default".to_owned(),
                    config_namespace: "application".to_owned(),
                    release_key: release_key.clone(),
                    time: castalia_store::now(),
                };
                record_readings(tx, &[reading]).await
            })
        })
        .await;
    done.unwrap();
}

/// Publishes; returns the id and the key of the release.
async fn publish(world: &World, user: &Caller<'_>) -> (i64, String) {
    let made = user.post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" })).await.ok();
    let id = made["id"].as_i64().unwrap();
    let stored = castalia_store::release::by_id(world.environment_store.read(), id).await.unwrap();
    (id, stored.unwrap().release_key)
}

fn addresses(found: &Value) -> Vec<&str> {
    found.as_array().unwrap().iter().map(|row| row["ip"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn instances_are_found_by_namespace_and_by_release() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    user.post(&format!("{NS}/items"), item("k", "v")).await.ok();
    let (first, first_key) = publish(&world, &user).await;
    let (second, second_key) = publish(&world, &user).await;
    let store = &world.environment_store;
    read(store, "demo", "10.0.0.1", &first_key).await;
    read(store, "demo", "10.0.0.2", &second_key).await;
    read(store, "other", "10.0.0.3", &second_key).await;
    assert_eq!(user.get(&format!("{NS}/instances")).await.ok(), json!(3));
    let page = user.get(&format!("{INSTANCES}/by-namespace?{NAMES}&page=0&size=2")).await.ok();
    assert_eq!(
        (&page["page"], &page["size"], &page["total"], page["instances"].as_array().unwrap().len()),
        (&json!(0), &json!(2), &json!(3), 2)
    );
    let all = user.get(&format!("{INSTANCES}/by-namespace?{NAMES}")).await.ok();
    assert_eq!((&all["size"], addresses(&all["instances"]).len()), (&json!(20), 3));
    let of_app = format!("{INSTANCES}/by-namespace?{NAMES}&instanceAppId=other");
    assert_eq!(addresses(&user.get(&of_app).await.ok()["instances"]), ["10.0.0.3"]);
    let of_release = user.get(&format!("{INSTANCES}/by-release?releaseId={first}")).await.ok();
    assert_eq!(addresses(&of_release["instances"]), ["10.0.0.1"]);
    let config = &of_release["instances"][0]["configs"][0];
    assert!(config["releaseDeliveryTime"].is_string(), "{config}");
    let others =
        format!("{INSTANCES}/by-namespace-and-releases-not-in?{NAMES}&releaseIds={second}");
    let others = user.get(&others).await.ok();
    assert_eq!(addresses(&others), ["10.0.0.1"]);
    assert_eq!(others[0]["configs"][0]["release"]["id"], first);
    let others = format!("{INSTANCES}/by-namespace-and-releases-not-in?{NAMES}&releaseIds={first}");
    for (limit, count) in [("", 2), ("&limit=0", 2), ("&limit=1", 1), ("&limit=9", 2)] {
        let found = user.get(&format!("{others}{limit}")).await.ok();
        assert_eq!(addresses(&found).len(), count, "{limit}");
    }
}

#[tokio::test]
async fn release_ids_are_numbers() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let path = format!("{INSTANCES}/by-namespace-and-releases-not-in?{NAMES}&releaseIds=");
    user.get(&path).await.fails(400, "releaseIds should not be empty");
    user.get(&format!("{path}%20,")).await.fails(400, "releaseIds should not be empty");
    user.get(&format!("{path}1,x"))
        .await
        .fails(400, "releaseIds should be comma separated numbers");
    user.get(&format!("{INSTANCES}/by-release?releaseId=9999"))
        .await
        .fails(404, "release not found for releaseId:9999");
}

#[tokio::test]
async fn an_outsider_sees_no_instance_and_a_consumer_needs_the_right_to_publish() {
    // A65: the count is 0 for a user without permission in a members-only environment, and 403 for
    // a consumer.
    let mut world = World::with_demo().await;
    world.set("configView.memberOnly.envs", "local");
    let owner = world.user("u1").await;
    owner.post(&format!("{NS}/items"), item("k", "v")).await.ok();
    let (id, key) = publish(&world, &owner).await;
    read(&world.environment_store, "demo", "10.0.0.1", &key).await;
    let by_release = format!("{INSTANCES}/by-release?releaseId={id}");
    let by_namespace = format!("{INSTANCES}/by-namespace?{NAMES}&page=1&size=5");
    let not_in = format!("{INSTANCES}/by-namespace-and-releases-not-in?{NAMES}&releaseIds={id}");
    let outsider = world.user("u2").await;
    assert_eq!(outsider.get(&format!("{NS}/instances")).await.ok(), json!(0));
    assert_eq!(
        outsider.get(&by_namespace).await.ok(),
        json!({ "page": 1, "size": 5, "total": 0, "instances": [] })
    );
    assert_eq!(outsider.get(&not_in).await.ok(), json!([]));
    outsider.get(&by_release).await.fails(403, "Access is denied");
    let (able, unable) = (world.token("ci", &["demo"]).await, world.token("other", &[]).await);
    for path in [format!("{NS}/instances"), by_namespace, not_in, by_release] {
        world.consumer(&unable).get(&path).await.fails(403, "Access is denied");
        world.consumer(&able).get(&path).await.ok();
    }
}

#[tokio::test]
async fn an_administrator_of_the_app_forgets_an_instance_that_does_not_run() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let (_, key) = publish(&world, &user).await;
    let store = &world.environment_store;
    for ip in ["10.0.0.1", "10.0.0.2"] {
        read(store, "other", ip, &key).await;
    }
    let by_namespace = format!("{INSTANCES}/by-namespace?{NAMES}");
    let listed = user.get(&by_namespace).await.ok()["instances"].clone();
    let forgotten = format!("{NS}/instances/{}", listed[0]["id"]);
    let outsider = world.user("u2").await;
    outsider.delete(&forgotten).await.fails(403, "Access is denied");
    let release = NamedRole::namespace(Action::Release, "demo", "application");
    world.grant("u2", vec![release]).await;
    world.user("u2").await.delete(&forgotten).await.fails(403, "Access is denied");
    // That of another namespace, cluster or instance stays.
    for other in [
        forgotten.replace("application", "other"),
        forgotten.replace("default", "other"),
        format!("{NS}/instances/999999"),
    ] {
        user.delete(&other).await.empty();
    }
    assert_eq!(user.get(&format!("{NS}/instances")).await.ok(), json!(2));
    user.delete(&forgotten).await.empty();
    user.delete(&forgotten).await.empty();
    let left = user.get(&by_namespace).await.ok()["instances"].clone();
    assert_eq!(addresses(&left), addresses(&json!([listed[1]])));
    let audits = audit::Entity::find().all(store.read()).await.unwrap();
    let removals: Vec<_> =
        audits.iter().filter(|row| row.entity_name == "InstanceConfig").collect();
    assert_eq!(removals.len(), 1);
    assert_eq!(
        (removals[0].op_name.as_str(), removals[0].data_change_created_by.as_str()),
        ("DELETE", "u1")
    );
    // A client that reads again is counted again.
    read(store, "other", "10.0.0.1", &key).await;
    assert_eq!(user.get(&format!("{NS}/instances")).await.ok(), json!(2));
}

#[tokio::test]
async fn apollos_admin_service_cannot_forget_an_instance() {
    let lacks =
        Json(json!({ "status": 405, "message": "Request method 'DELETE' is not supported" }));
    let router = Router::new().fallback(async move || (StatusCode::METHOD_NOT_ALLOWED, lacks));
    let service = environment::listen(router).await;
    let world = environment::world(&[service]).await;
    let path = format!("{}/instances/1", NS.replace("LOCAL", "FAR"));
    let refused = world.user("apollo").await.delete(&path).await;
    refused.fails(400, "The admin service of FAR cannot forget an instance: it is Apollo's");
    assert_eq!(refused.json()["code"], "unsupported_by_env");
}
