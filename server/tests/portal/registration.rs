//! Consumers: registering them, their tokens and roles.

use castalia_server::settings::Installation;
use castalia_store::entity::castalia_consumer_use;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};

use super::consumer::expire;
use super::user_token::eventually;
use super::world::{NS, World, app, item};

const CONSUMERS: &str = "/openapi/v1/consumers";

fn consumer(app_id: &str) -> Value {
    json!({
        "appId": app_id, "name": "CI", "orgId": "TEST1", "orgName": "One", "ownerName": "u1",
        "allowCreateApplication": false, "allowManageUsers": false, "rateLimitEnabled": false,
    })
}

#[tokio::test]
async fn a_consumer_is_registered_with_a_token_that_only_its_creation_shows() {
    for (installation, is_shown) in [(Installation::Fresh, false), (Installation::Adopted, true)] {
        let world = World::with(installation, &[]).await;
        let root = world.user("apollo").await;
        let mut wanted = consumer("ci");
        wanted["allowCreateApplication"] = true.into();
        let made = root.post(CONSUMERS, wanted.clone()).await.ok();
        let token = made["token"].as_str().unwrap().to_owned();
        assert_eq!((token.len(), &made["ownerEmail"]), (64, &json!("u1@example.com")));
        assert_eq!(made["allowCreateApplication"], true);
        world.consumer(&token).get("/openapi/v1/apps").await.ok();
        root.post(CONSUMERS, wanted).await.fails(400, "Consumer already exist");

        root.post(CONSUMERS, consumer("second")).await.ok();
        let list = root.get(CONSUMERS).await;
        assert!(!list.body.contains(&token), "{list:?}");
        let rows = list.ok();
        assert_eq!((&rows[0]["appId"], &rows[1]["appId"]), (&json!("second"), &json!("ci")));
        let flags = [&rows[0], &rows[1]].map(|row| row["allowCreateApplication"].clone());
        assert_eq!(flags, [false, true]);
        assert_eq!(root.get(&format!("{CONSUMERS}?page=1&size=1")).await.ok()[0]["appId"], "ci");

        // A token of which only the hash is stored cannot be shown again.
        let shown = root.get("/openapi/v1/consumer-tokens/by-appId?appId=ci").await;
        assert_eq!(shown.body.contains(&token), is_shown, "{shown:?}");
        assert!(!shown.body.contains("sha256"), "{shown:?}");
        assert_eq!(shown.ok()["consumerId"], made["consumerId"]);
        root.get("/openapi/v1/consumer-tokens/by-appId?appId=none").await.empty();
    }
}

#[tokio::test]
async fn an_invalid_consumer_is_refused() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    for (member, value, message) in [
        ("appId", json!(""), "Params(appId) can not be empty"),
        ("appId", json!("a b"), "Invalid consumer format"),
        ("name", json!(" "), "Params(name)"),
        ("orgId", Value::Null, "Params(orgId)"),
        ("ownerName", Value::Null, "Params(ownerName)"),
        ("ownerName", json!("nobody"), "user not exists for userName:nobody"),
        ("rateLimitEnabled", json!(true), "rate limit must be greater than"),
    ] {
        let mut wanted = consumer("ci");
        wanted[member] = value;
        root.post(CONSUMERS, wanted).await.fails(400, message);
    }
    // X114: a token that had ended already was created.
    for (expires, message) in
        [("soon", "Invalid expires format: soon"), ("20200101000000", "expires is in the past")]
    {
        let path = format!("{CONSUMERS}?expires={expires}");
        root.post(&path, consumer("ci")).await.fails(400, message);
    }
    assert_eq!(root.get(CONSUMERS).await.ok(), json!([]));
}

/// An expired token is refused like an unknown one (A3).
#[tokio::test]
async fn a_token_is_valid_until_its_end() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    let path = format!("{CONSUMERS}?expires=20980115000000");
    let made = root.post(&path, consumer("ci")).await.ok();
    let ci = world.consumer(made["token"].as_str().unwrap());
    let end = async || {
        let row = root.get("/openapi/v1/consumer-tokens/by-appId?appId=ci").await.ok();
        row["expires"].as_str().unwrap()[..7].to_owned()
    };
    assert_eq!((end().await.as_str(), ci.get("/openapi/v1/apps").await.status), ("2098-01", 200));
    expire(&world, "ci").await;
    assert_eq!((end().await.as_str(), ci.get("/openapi/v1/apps").await.status), ("2001-01", 401));
}

#[tokio::test]
async fn a_consumer_gets_roles_on_an_app_or_on_a_namespace() {
    let world = World::with_demo().await;
    world.user("u1").await.post("/openapi/v1/apps", app("second", "u1")).await.empty();
    let root = world.user("apollo").await;
    let made = root.post(CONSUMERS, consumer("ci")).await.ok();
    let token = made["token"].as_str().unwrap();
    let ci = world.consumer(token);
    let items = |app_id: &str| format!("{}/items?operator=u1", NS.replace("demo", app_id));
    let assign = |query: &str| format!("{CONSUMERS}/{token}/assign-role?{query}");
    let namespace = |app_id: &str| json!({ "appId": app_id, "namespaceName": "application" });
    ci.post(&items("demo"), item("a", "1")).await.fails(403, "Access is denied");

    let in_env = assign("type=NamespaceRole&envs=local");
    let grants = root.post(&in_env, namespace("demo")).await.ok();
    assert_eq!(grants.as_array().unwrap().len(), 2);
    assert_eq!(grants[0]["consumerId"], made["consumerId"]);
    // Granted once, however often it is asked for.
    assert_eq!(root.post(&in_env, namespace("demo")).await.ok(), grants);
    let repeated = assign("type=NamespaceRole&envs=local,LOCAL,%20local,");
    assert_eq!(root.post(&repeated, namespace("demo")).await.ok(), grants);
    ci.post(&items("demo"), item("a", "1")).await.ok();
    ci.post(&items("second"), item("a", "1")).await.fails(403, "Access is denied");

    root.post(&assign("type=AppRole"), namespace("second")).await.ok();
    ci.post(&items("second"), item("a", "1")).await.ok();
    for (path, body, message) in [
        (assign("type=AppRole"), json!({}), "Params(AppId) can not be empty"),
        (assign("type=NamespaceRole"), json!({ "appId": "demo" }), "Params(NamespaceName)"),
        (assign("type=Other"), namespace("demo"), "type Other is none of"),
        (assign("type=AppRole"), namespace("none"), "App's role does not exist."),
        (
            assign("type=NamespaceRole"),
            json!({ "appId": "demo", "namespaceName": "none" }),
            "Namespace's role does not exist.",
        ),
        (assign("type=NamespaceRole&envs=nowhere"), namespace("demo"), "invalid env format"),
        (
            format!("{CONSUMERS}/none/assign-role?type=AppRole"),
            namespace("demo"),
            "Token is Illegal",
        ),
    ] {
        root.post(&path, body).await.fails(400, message);
    }
    // The id of a consumer stands for a token that cannot be shown.
    root.post(&format!("{CONSUMERS}/ci/assign-role?type=AppRole"), namespace("demo")).await.ok();
}

#[tokio::test]
async fn a_consumer_is_deleted_with_its_tokens_and_roles() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    let path = format!("{CONSUMERS}/by-appId?appId=ci");
    root.delete(&path).await.fails(400, "ConsumerApp not exist");
    let made = root.post(CONSUMERS, consumer("ci")).await.ok();
    let token = made["token"].as_str().unwrap();
    let assign = format!("{CONSUMERS}/{token}/assign-role?type=AppRole");
    root.post(&assign, json!({ "appId": "demo" })).await.ok();
    root.delete(&path).await.empty();
    world.consumer(token).get("/openapi/v1/apps").await.fails(401, "Unauthorized");
    // A consumer of the same id begins without roles.
    let again = root.post(CONSUMERS, consumer("ci")).await.ok();
    let ci = world.consumer(again["token"].as_str().unwrap());
    ci.post(&format!("{NS}/items?operator=u1"), item("a", "1"))
        .await
        .fails(403, "Access is denied");
}

/// What a token opens is seen, and each part of it can be taken back at once.
#[tokio::test]
async fn single_roles_of_a_consumer_are_listed_and_revoked() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    let made = root.post(CONSUMERS, consumer("ci")).await.ok();
    let ci = world.consumer(made["token"].as_str().unwrap());
    let namespace = json!({ "appId": "demo", "namespaceName": "application" });
    let assign = |query: &str| format!("{CONSUMERS}/ci/assign-role?{query}");
    root.post(&assign("type=NamespaceRole&envs=LOCAL"), namespace.clone()).await.ok();
    root.post(&assign("type=AppRole"), namespace).await.ok();
    let list = format!("{CONSUMERS}/by-appId/roles?appId=ci");
    let roles = root.get(&list).await.ok();
    let of_namespace =
        ["ModifyNamespace", "ReleaseNamespace"].map(|act| format!("{act}+demo+application+LOCAL"));
    assert_eq!(roles, json!(["Master+demo", of_namespace[0], of_namespace[1]]));
    let revoke = |name: &str| format!("{list}&roleName={}", name.replace('+', "%2B"));
    let edit =
        async |key: &str| ci.post(&format!("{NS}/items?operator=u1"), item(key, "1")).await.status;
    root.delete(&revoke("Master+demo")).await.empty();
    assert_eq!(edit("a").await, 200, "the role on the namespace is left");
    root.delete(&revoke(&of_namespace[0])).await.empty();
    assert_eq!(edit("b").await, 403);
    assert_eq!(root.get(&list).await.ok(), json!([of_namespace[1]]));
    let gone = "the consumer ci does not have the role Master+demo";
    root.delete(&revoke("Master+demo")).await.fails(400, gone);
    root.delete(&revoke("none")).await.fails(400, "the consumer ci does not have the role none");
    let unknown = format!("{CONSUMERS}/by-appId/roles?appId=none");
    root.get(&unknown).await.fails(400, "ConsumerApp not exist");
    root.delete(&format!("{unknown}&roleName=a")).await.fails(400, "ConsumerApp not exist");
    world.user("u1").await.get(&list).await.fails(403, "Access is denied");
}

/// Its id, its roles and its token stay.
#[tokio::test]
async fn a_consumer_is_changed() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    let path = format!("{CONSUMERS}/by-appId?appId=ci");
    let wanted = json!({
        "name": "Deploy", "orgId": "TEST2", "orgName": "Two", "ownerName": "u2",
        "rateLimitEnabled": true, "rateLimit": 7,
    });
    root.put(&path, wanted.clone()).await.fails(400, "ConsumerApp not exist");
    let made = root.post(CONSUMERS, consumer("ci")).await.ok();
    root.put(&path, wanted.clone()).await.empty();
    let mut expected = made.clone();
    expected.as_object_mut().unwrap().remove("token");
    for member in ["name", "orgId", "orgName", "ownerName", "rateLimit"] {
        expected[member] = wanted[member].clone();
    }
    expected["ownerEmail"] = "u2@example.com".into();
    let listed = root.get(CONSUMERS).await.ok();
    assert_ne!(listed[0]["revision"], made["revision"]);
    expected["revision"] = listed[0]["revision"].clone();
    assert_eq!(listed, json!([expected]));
    let token = root.get("/openapi/v1/consumer-tokens/by-appId?appId=ci").await.ok();
    assert_eq!((&token["rateLimit"], &token["token"]), (&json!(7), &made["token"]));
    for (member, value, message) in [
        ("name", json!(""), "Params(name)"),
        ("ownerName", json!("nobody"), "user not exists for userName:nobody"),
        ("rateLimit", json!(0), "rate limit must be greater than"),
        ("orgId", json!("x".repeat(33)), "orgId is longer than 32 characters"),
    ] {
        let mut wanted = wanted.clone();
        wanted[member] = value;
        root.put(&path, wanted).await.fails(400, message);
    }
    assert_eq!(root.get(CONSUMERS).await.ok(), json!([expected]));
    world.user("u1").await.put(&path, wanted).await.fails(403, "Access is denied");
}

/// Reading counts as well, and a consumer that is registered again under the same id begins anew.
#[tokio::test]
async fn the_last_use_of_a_consumer_is_shown() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    let made = root.post(CONSUMERS, consumer("ci")).await.ok();
    let shown = async || root.get(CONSUMERS).await.ok()[0].get("lastUsedTime").cloned();
    assert_eq!(shown().await, None);
    let begun = castalia_store::now() - chrono::TimeDelta::seconds(1);
    world.consumer(made["token"].as_str().unwrap()).get("/openapi/v1/apps").await.ok();
    let time = eventually(shown).await;
    let time: chrono::DateTime<chrono::Utc> = serde_json::from_value(time).unwrap();
    assert!(
        begun <= time && time <= castalia_store::now() + chrono::TimeDelta::seconds(1),
        "{time}"
    );
    root.delete(&format!("{CONSUMERS}/by-appId?appId=ci")).await.empty();
    let count = castalia_consumer_use::Entity::find().all(world.store.read()).await.unwrap().len();
    assert_eq!(count, 0);
}

/// With `allowManageUsers` a consumer manages users.
#[tokio::test]
async fn a_registered_consumer_has_the_system_roles_that_were_chosen() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    let mut wanted = consumer("ci");
    wanted["allowManageUsers"] = true.into();
    let made = root.post(CONSUMERS, wanted).await.ok();
    let ci = world.consumer(made["token"].as_str().unwrap());
    ci.get("/openapi/v1/users?keyword=").await.ok();
    let mut new = app("new", "u1");
    new["app"]["dataChangeCreatedBy"] = "u1".into();
    ci.post("/openapi/v1/apps", new).await.fails(403, "Access is denied");
}

/// A token with a limit is refused when it sends more, except in its first second (A72).
#[tokio::test]
async fn a_token_with_a_limit_is_refused_when_it_sends_more() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    let mut wanted = consumer("ci");
    wanted["rateLimitEnabled"] = true.into();
    wanted["rateLimit"] = 2.into();
    let made = root.post(CONSUMERS, wanted).await.ok();
    assert_eq!(made["rateLimit"], 2);
    let ci = world.consumer(made["token"].as_str().unwrap());
    ci.get("/openapi/v1/apps").await.ok();
    // More than two requests in a second of a machine of any speed.
    let sent = async || {
        let burst = (0..50).map(|_| ci.get("/openapi/v1/apps"));
        futures_util::future::join_all(burst).await
    };
    let started = std::time::Instant::now();
    let refused = loop {
        // A busy machine may also answer that its database is overloaded.
        if let Some(refused) = sent().await.into_iter().find(|answer| answer.status == 429) {
            break refused;
        }
        assert!(started.elapsed().as_secs() < 60, "no request was refused");
    };
    refused.fails(429, "Too Many Requests, the flow is limited");
}
