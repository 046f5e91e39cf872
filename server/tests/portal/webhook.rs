//! Webhooks: what they receive, who registers them, and the delivery log (SEC-19).

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Method;
use serde_json::json;
use sha2::Sha256;

use super::receiver::{
    Received, Receiver, SECRET, WEBHOOKS, log, publish, register, states, until, world,
};
use super::world::NS;

/// The signature of a request, as a receiver computes it.
fn signature(received: &Received) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{}.{}", received.header("castalia-timestamp"), received.text).as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn a_publish_is_sent_with_apollos_body_and_a_signature() {
    let world = world().await;
    let _background = world.run();
    let receiver = Receiver::start().await;
    register(&world, &format!("{}?x=1", receiver.url)).await;
    let release = publish(&world.user("u1").await, "<1>").await;
    let received = receiver.wait(1).await.remove(0);
    assert_eq!(received.query, "x=1&env=LOCAL");
    assert_eq!(received.header("content-type"), "application/json");
    assert_eq!(received.header("castalia-signature"), signature(&received));
    let body = received.json();
    for (member, value) in [
        ("appId", json!("demo")),
        ("clusterName", json!("default")),
        ("namespaceName", json!("application")),
        ("branchName", json!("default")),
        ("operator", json!("u1")),
        ("releaseId", json!(release)),
        ("releaseTitle", json!("r")),
        ("releaseComment", json!("why")),
        ("configuration", json!([{ "firstEntity": "a", "secondEntity": "<1>" }])),
        ("isReleaseAbandoned", json!(false)),
        ("previousReleaseId", json!(0)),
        ("operation", json!(0)),
        ("operationContext", json!({ "isEmergencyPublish": false })),
    ] {
        assert_eq!(body[member], value, "{member} of {body}");
    }
    assert!(body["releaseTime"].is_string(), "{body}");
    let row = states(&world, &["delivered"]).await.remove(0);
    assert_eq!(row["deliveryId"], received.header("castalia-delivery"));
    assert_eq!(
        (&row["status"], &row["attempts"], &row["releaseId"], &row["env"], &row["kind"]),
        (&json!(200), &json!(1), &json!(release), &json!("LOCAL"), &json!("webhook"))
    );
}

#[tokio::test]
async fn a_rollback_a_gray_release_and_a_merge_are_sent_in_their_order() {
    let world = world().await;
    let _background = world.run();
    let receiver = Receiver::start().await;
    register(&world, &receiver.url).await;
    let user = world.user("u1").await;
    publish(&user, "1").await;
    let second = publish(&user, "2").await;
    let rollback = format!("/openapi/v1/envs/LOCAL/releases/{second}/rollback");
    user.send(Method::PUT, &rollback, "application/json", "null".to_owned()).await.empty();
    publish(&user, "3").await;
    let branch = user.post(&format!("{NS}/branches"), json!({})).await.ok();
    let branch = format!("{NS}/branches/{}", branch["clusterName"].as_str().unwrap());
    user.post(&format!("{branch}/releases"), json!({ "releaseTitle": "gray" })).await.ok();
    user.post(&format!("{branch}/merge"), json!({ "releaseTitle": "all" })).await.ok();
    let operations = receiver.wait(6).await;
    let operations: Vec<_> =
        operations.iter().map(|received| received.json()["operation"].as_i64().unwrap()).collect();
    assert_eq!(operations, [0, 0, 1, 0, 2, 4]);
    let rolled_back = &receiver.received()[2].json();
    assert_eq!(rolled_back["previousReleaseId"], second);
}

#[tokio::test]
async fn apollos_settings_name_receivers_of_some_environments() {
    let mut world = world().await;
    let receiver = Receiver::start().await;
    world.set("config.release.webhook.service.url", &receiver.url);
    world.set("webhook.supported.envs", "PRO");
    let _background = world.run();
    let user = world.user("u1").await;
    publish(&user, "1").await;
    world.set("webhook.supported.envs", "PRO, local");
    let user = world.user("u1").await;
    let release = publish(&user, "2").await;
    let received = receiver.wait(1).await.remove(0);
    assert_eq!(
        (received.query.as_str(), &received.json()["releaseId"]),
        ("env=LOCAL", &json!(release))
    );
    assert_eq!(received.header("castalia-signature"), "", "no secret is configured");
    let rows = states(&world, &["delivered"]).await;
    assert_eq!((&rows[0]["webhookId"], &rows[0]["url"]), (&json!(0), &json!(receiver.url)));
}

#[tokio::test]
async fn a_webhook_may_be_for_one_app_or_environment() {
    let world = world().await;
    let _background = world.run();
    let root = world.user("apollo").await;
    let receiver = Receiver::start().await;
    for (body, is_called) in [
        (json!({ "envs": ["pro"] }), false),
        (json!({ "appId": "other" }), false),
        (json!({ "enabled": false }), false),
        (json!({ "envs": ["pro", "local"], "appId": "demo" }), true),
    ] {
        let mut body = body;
        body["url"] = format!("{}?called={is_called}", receiver.url).into();
        root.post(WEBHOOKS, body).await.ok();
    }
    publish(&world.user("u1").await, "1").await;
    states(&world, &["delivered"]).await;
    assert_eq!(receiver.received()[0].query, "called=true&env=LOCAL");
}

#[tokio::test]
async fn a_secret_is_shown_once_and_can_be_replaced() {
    let world = world().await;
    let root = world.user("apollo").await;
    let made = root.post(WEBHOOKS, json!({ "url": "http://a.example/" })).await.ok();
    assert_eq!(made["secret"].as_str().unwrap().len(), 64, "a secret is generated: {made}");
    let path = format!("{WEBHOOKS}/{}", made["id"]);
    let changed = root.put(&path, json!({ "url": "http://b.example/", "secret": SECRET })).await;
    assert!(changed.ok()["secret"].is_null());
    let listed = root.get(WEBHOOKS).await;
    assert!(!listed.body.contains(SECRET), "{listed:?}");
    let listed = listed.ok();
    assert_eq!(
        (&listed[0]["url"], &listed[0]["enabled"]),
        (&json!("http://b.example/"), &json!(true))
    );
    assert_eq!(listed[0]["dataChangeCreatedByDisplayName"], "Name of apollo");
    root.delete(&path).await.empty();
    root.delete(&path).await.fails(404, "There is no such webhook");
    root.put(&path, json!({ "url": "http://b.example/" })).await.fails(404, "There is no such");
    root.post(&format!("{path}/test"), json!(null)).await.fails(404, "There is no such webhook");
    for body in [
        json!({ "url": "ftp://a/" }),
        json!({ "url": "http://u:p@a/" }),
        json!({ "url": "http://a/", "secret": "short" }),
    ] {
        let refused = root.post(WEBHOOKS, body.clone()).await;
        assert_eq!(
            (refused.status, &refused.json()["code"]),
            (400, &json!("invalid_webhook")),
            "{body}"
        );
    }
    root.post(WEBHOOKS, json!({})).await.fails(400, "Params(url) can not be empty");
}

#[tokio::test]
async fn only_super_administrators_see_and_change_webhooks() {
    let world = world().await;
    let id = register(&world, "http://a.example/").await;
    let token = world.token_for_all("all").await;
    let path = format!("{WEBHOOKS}/{id}");
    let body = json!({ "url": "http://b.example/" });
    for caller in [world.user("u1").await, world.consumer(&token)] {
        for answer in [
            caller.get(WEBHOOKS).await,
            caller.get(&format!("{WEBHOOKS}/deliveries")).await,
            caller.post(WEBHOOKS, body.clone()).await,
            caller.put(&path, body.clone()).await,
            caller.delete(&path).await,
            caller.post(&format!("{path}/test"), json!(null)).await,
        ] {
            assert_eq!(answer.status, 403, "{answer:?}");
        }
    }
    assert_eq!(world.user("apollo").await.get(WEBHOOKS).await.ok()[0]["url"], "http://a.example/");
}

#[tokio::test]
async fn a_test_is_sent_to_one_webhook_only() {
    let world = world().await;
    let _background = world.run();
    let (tested, other) = (Receiver::start().await, Receiver::start().await);
    let id = register(&world, &tested.url).await;
    register(&world, &other.url).await;
    let root = world.user("apollo").await;
    root.post(&format!("{WEBHOOKS}/{id}/test"), json!(null)).await.empty();
    let received = tested.wait(1).await.remove(0);
    assert_eq!(received.json(), json!({ "test": true, "operator": "apollo" }));
    assert_eq!(received.header("castalia-signature"), signature(&received));
    let rows = states(&world, &["delivered"]).await;
    assert_eq!(rows[0]["kind"], "test");
    assert!(other.received().is_empty());
}

/// Nothing is stored about a publish that nobody is notified of.
#[tokio::test]
async fn without_receivers_nothing_is_stored() {
    use castalia_store::entity::castalia_notice::Entity;
    use sea_orm::EntityTrait as _;
    let world = world().await;
    publish(&world.user("u1").await, "1").await;
    assert!(Entity::find().all(world.store.read()).await.unwrap().is_empty());
    assert!(log(&world).await.is_empty());
}

/// A refused publish is not sent, and its announcement is removed.
#[tokio::test]
async fn a_refused_publish_is_not_sent() {
    use castalia_store::entity::castalia_notice::Entity;
    use sea_orm::EntityTrait as _;
    let world = world().await;
    let _background = world.run();
    world.set_in_environment("namespace.lock.switch", "true");
    let receiver = Receiver::start().await;
    register(&world, &receiver.url).await;
    let user = world.user("u1").await;
    user.put(&format!("{NS}/items/a?createIfNotExists=true"), super::world::item("a", "1"))
        .await
        .empty();
    user.post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" }))
        .await
        .fails(400, "Config can not be published by yourself.");
    let store = &world.store;
    until("the announcement is removed", async || {
        Entity::find().all(store.read()).await.unwrap().is_empty()
    })
    .await;
    assert!(receiver.received().is_empty());
}
