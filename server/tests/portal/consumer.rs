//! Third parties: the permissions of their tokens, the users that they act for, and the record of
//! their calls.

use std::time::Duration;

use castalia_server::domain::consumer::create_token;
use castalia_server::domain::permission::NamedRole;
use castalia_server::domain::permission::grant::{self, Grantee};
use castalia_server::domain::unique;
use castalia_server::domain::user::account::set_enabled;
use castalia_server::settings::Installation;
use castalia_store::entity::consumer_audit;
use castalia_store::{StoreError, consumer};
use chrono::{NaiveDate, NaiveTime};
use futures_util::future::join;
use http::Method;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};

use super::user_token::eventually;
use super::world::{NS, World, app, item};

fn by(user: &str, mut body: Value) -> Value {
    body["dataChangeCreatedBy"] = user.into();
    body["dataChangeLastModifiedBy"] = user.into();
    body
}

#[tokio::test]
async fn a_consumer_makes_apps_only_when_told_that_it_may() {
    // A19, A20
    let world = World::with_demo().await;
    let mut body = app("new", "u1");
    body["app"] = by("u1", body["app"].take());
    let plain = world.token("plain", &["demo"]).await;
    world.consumer(&plain).post("/openapi/v1/apps", body).await.fails(403, "Access is denied");
    let all = world.token_for_all("all").await;
    let consumer = world.consumer(&all);
    consumer
        .post("/openapi/v1/apps", app("new", "u1"))
        .await
        .fails(400, "operator should not be null or empty");
}

#[tokio::test]
async fn a_consumer_edits_the_app_that_it_made() {
    // A21
    let world = World::adopted().await;
    let token = world.token("ci", &[]).await;
    let id = consumer::by_app_id(world.store.read(), "ci").await.unwrap().unwrap().id;
    unique::write(&world.store, id, |tx, id| {
        Box::pin(async move {
            grant::give(tx, &NamedRole::create_application(), Grantee::Consumer(*id), "apollo")
                .await
        })
    })
    .await
    .unwrap();
    let mut body = app("demo", "u1");
    body["assignAppRoleToSelf"] = true.into();
    body["app"] = by("u1", body["app"].take());
    let ci = world.consumer(&token);
    ci.post("/openapi/v1/apps", body).await.empty();
    ci.post(&format!("{NS}/items"), by("u1", item("k", "v"))).await.ok();
}

#[tokio::test]
async fn a_consumer_acts_for_a_user_that_exists() {
    // A41, A42
    let world = World::with_demo().await;
    let token = world.token("ci", &["demo"]).await;
    let ci = world.consumer(&token);
    let items = format!("{NS}/items");
    ci.post(&items, by("u1", item("k", "1"))).await.ok();
    ci.put(
        &format!("{items}/k"),
        json!({ "key": "k", "value": "2", "dataChangeLastModifiedBy": "u2" }),
    )
    .await
    .empty();
    assert_eq!(ci.get(&format!("{items}/k")).await.ok()["dataChangeLastModifiedBy"], "u2");
    ci.put(&format!("{items}/k"), by("ghost", item("k", "3")))
        .await
        .fails(400, "user not exists for userName:ghost");
    ci.put(&format!("{items}/k"), item("k", "3"))
        .await
        .fails(400, "operator should not be null or empty");
    ci.put(&format!("{items}/k?operator=apollo"), by("ghost", item("k", "3"))).await.empty();
    assert_eq!(ci.get(&format!("{items}/k")).await.ok()["dataChangeLastModifiedBy"], "apollo");
    // Users act as themselves, whatever operator they send.
    world
        .user("u1")
        .await
        .put(&format!("{items}/k?operator=apollo"), by("apollo", item("k", "4")))
        .await
        .empty();
    assert_eq!(ci.get(&format!("{items}/k")).await.ok()["dataChangeLastModifiedBy"], "u1");
}

/// In Apollo's portal, a pipeline outlives the account that it names.
#[tokio::test]
async fn a_consumer_acts_for_a_disabled_user_only_on_an_adopted_database() {
    let on = [("compat.disabled_operators", "on")];
    for (installation, flags, is_accepted) in [
        (Installation::Fresh, &[][..], false),
        (Installation::Adopted, &[][..], true),
        (Installation::Fresh, &on[..], true),
    ] {
        let world = World::with(installation, flags).await;
        world.user("u1").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
        let token = world.token("ci", &["demo"]).await;
        let ci = world.consumer(&token);
        ci.post(&format!("{NS}/items"), by("u2", item("k", "v"))).await.ok();
        set_enabled(&world.store, "u2", false, Vec::new()).await.unwrap();
        let item = ci.post(&format!("{NS}/items"), by("u2", item("l", "v"))).await;
        let named = ci.delete(&format!("{NS}/items/k?operator=u2")).await;
        if is_accepted {
            assert_eq!(item.ok()["dataChangeCreatedBy"], "u2");
            named.empty();
        } else {
            item.fails(400, "user is disabled for userName:u2");
            named.fails(400, "user is disabled for userName:u2");
            assert_eq!(named.json()["code"], "disabled_user");
            // It may act for others, and read.
            ci.delete(&format!("{NS}/items/k?operator=u1")).await.empty();
            ci.get(&format!("{NS}/items")).await.ok();
        }
    }
}

#[tokio::test]
async fn a_token_for_one_app_opens_no_other() {
    let world = World::with_demo().await;
    world.user("u2").await.post("/openapi/v1/apps", app("second", "u2")).await.empty();
    let token = world.token("ci", &["second"]).await;
    let ci = world.consumer(&token);
    ci.post(&format!("{NS}/items"), by("u1", item("k", "v"))).await.fails(403, "Access is denied");
    ci.get(&format!("{NS}/releases/latest")).await.fails(403, "Access is denied");
    ci.delete("/openapi/v1/envs/LOCAL/apps/demo/clusters/default?operator=u1")
        .await
        .fails(403, "Access is denied");
}

#[tokio::test]
async fn the_stock_client_finds_all_that_it_calls() {
    // A87
    let world = World::adopted().await;
    let token = world.token_for_all("ci").await;
    let ci = world.consumer(&token);
    let created = json!({
        "assignAppRoleToSelf": true,
        "admins": ["u2"],
        "app": {
            "name": "Demo", "appId": "demo", "orgId": "TEST1", "orgName": "One", "ownerName": "u1",
            "ownerEmail": "ignored@example.com", "dataChangeCreatedBy": "u1", "unknown": 1
        },
    });
    ci.post("/openapi/v1/apps", created).await.empty();
    ci.get("/openapi/v1/apps/demo/envclusters").await.ok();
    ci.get("/openapi/v1/apps?appIds=demo").await.ok();
    ci.get("/openapi/v1/apps/authorized").await.ok();
    ci.get("/openapi/v1/organizations").await.ok();
    ci.get("/openapi/v1/envs/LOCAL/apps/demo/clusters/default").await.ok();
    let cluster = json!({ "name": "c1", "appId": "demo", "dataChangeCreatedBy": "u1" });
    ci.post("/openapi/v1/envs/LOCAL/apps/demo/clusters", cluster).await.ok();
    let namespace = json!({
        "name": "db", "appId": "demo", "format": "properties", "isPublic": false, "appendNamespacePrefix": true,
        "comment": "", "dataChangeCreatedBy": "u1",
    });
    ci.post("/openapi/v1/apps/demo/appnamespaces", namespace).await.ok();
    ci.get(&format!("{}?fillItemDetail=true", NS.trim_end_matches("/application"))).await.ok();
    ci.get(&format!("{NS}?fillItemDetail=true")).await.ok();
    ci.get(&format!("{NS}/lock")).await.ok();

    let items = format!("{NS}/items");
    ci.get(&format!("{items}/k")).await.fails(404, "");
    ci.post(&items, by("u1", item("k", "1"))).await.ok();
    ci.put(&format!("{items}/k?createIfNotExists=false"), by("u1", item("k", "2"))).await.empty();
    ci.put(&format!("{items}/new?createIfNotExists=true"), by("u1", item("new", "1")))
        .await
        .empty();
    ci.put(&format!("{NS}/encodedItems/YS9i?createIfNotExists=true"), by("u1", item("a/b", "1")))
        .await
        .empty();
    ci.get(&format!("{items}?page=0&size=50")).await.ok();
    ci.delete(&format!("{items}/new?operator=u1")).await.empty();

    ci.get(&format!("{NS}/releases/latest")).await.empty();
    let body = json!({ "releaseTitle": "r", "releaseComment": "", "releasedBy": "u1", "isEmergencyPublish": false });
    ci.post(&format!("{NS}/releases"), body.clone()).await.ok();
    let id = ci.post(&format!("{NS}/releases"), body).await.ok()["id"].clone();
    let path = format!("/openapi/v1/envs/LOCAL/releases/{id}/rollback?operator=u1");
    ci.send(Method::PUT, &path, "application/json; charset=UTF-8", "null".to_owned()).await.empty();
    ci.delete("/openapi/v1/envs/LOCAL/apps/demo/clusters/c1?operator=u1").await.empty();
}

#[tokio::test]
async fn each_change_by_a_consumer_is_recorded() {
    // A88
    let world = World::with_demo().await;
    let token = world.token("ci", &["demo"]).await;
    let ci = world.consumer(&token);
    ci.get("/openapi/v1/apps").await.ok();
    let path = format!("{NS}/items?operator=u1");
    ci.post(&path, item("k", "v")).await.ok();
    ci.post("/openapi/v1/apps", app("x", "u1")).await.fails(403, "Access is denied");
    world.user("u1").await.delete(&format!("{NS}/items/k")).await.empty();
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let rows = consumer_audit::Entity::find().all(world.store.read()).await.unwrap();
            if rows.len() >= 2 {
                return rows;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let rows = waited.await.expect("two calls are recorded");
    let calls: Vec<_> = rows.iter().map(|row| (row.method.as_str(), row.uri.as_str())).collect();
    assert_eq!(calls, [("POST", path.as_str()), ("POST", "/openapi/v1/apps")]);
}

/// A consumer to register.
fn ci() -> Value {
    json!({
        "appId": "ci", "name": "CI", "orgId": "TEST1", "orgName": "One", "ownerName": "u1",
        "rateLimitEnabled": true, "rateLimit": 500,
    })
}

/// Makes the tokens of a consumer end in the past, which no request can do.
pub(super) async fn expire(world: &World, app_id: &str) {
    let id = consumer::by_app_id(world.store.read(), app_id).await.unwrap().unwrap().id;
    let end = NaiveDate::from_ymd_opt(2001, 1, 15).unwrap().and_time(NaiveTime::MIN);
    let ended: Result<_, StoreError> = world
        .store
        .write((id, end), |tx, (id, end)| {
            Box::pin(consumer::end_tokens(tx, *id, Some(*end), "apollo"))
        })
        .await;
    ended.unwrap();
}

/// SEC-28: a token is replaced without a moment in which the consumer has none.
#[tokio::test]
async fn a_rotated_token_overlaps_with_the_new_one() {
    let world = World::fresh().await;
    let root = world.user("apollo").await;
    let made = root.post("/openapi/v1/consumers?expires=20401231235959", ci()).await.ok();
    let rotate = "/openapi/v1/consumer-tokens/by-appId/rotate";
    let turn = async |overlap: u32| {
        let path = format!("{rotate}?appId=ci&overlap={overlap}");
        root.post(&path, Value::Null).await.ok()
    };
    let works = async |token: &Value| {
        let token = token["token"].as_str().unwrap();
        world.consumer(token).get("/openapi/v1/envs").await.status == 200
    };
    let second = turn(3600).await;
    assert!(works(&made).await && works(&second).await);
    let end = |row: &Value| row["expires"].as_str().unwrap()[..4].to_owned();
    assert_eq!((end(&second), &second["rateLimit"]), ("2040".to_owned(), &json!(500)));
    // One that ends sooner than the overlap is not prolonged.
    let third = turn(1).await;
    assert!(works(&third).await);
    eventually(async || (!works(&made).await && !works(&second).await).then_some(())).await;
    let (one, two) = join(turn(0), turn(0)).await;
    assert!(!works(&third).await);
    assert!(works(&one).await != works(&two).await, "two rotations leave one token");
    let listed = root.get("/openapi/v1/consumers").await.ok();
    assert_eq!((end(&listed[0]), &listed[0]["rateLimit"]), ("2040".to_owned(), &json!(500)));
    let missing = format!("{rotate}?appId=none");
    root.post(&missing, Value::Null).await.fails(400, "ConsumerApp not exist");
    let long = format!("{rotate}?appId=ci&overlap=2592001");
    root.post(&long, Value::Null).await.fails(400, "overlap is at most 2592000 seconds");
}

/// Apollo's portal fails if a consumer has two tokens.
#[tokio::test]
async fn beside_a_java_portal_a_rotated_token_ends_at_once() {
    let world = World::adopted().await;
    let rotate = "/openapi/v1/consumer-tokens/by-appId/rotate?appId=ci";
    let token = world.token("ci", &[]).await;
    let root = world.user("apollo").await;
    root.post(&format!("{rotate}&overlap=1"), Value::Null).await.fails(400, "overlap must be 0");
    let new = root.post(rotate, Value::Null).await.ok();
    let consumer = |token: &str| world.consumer(token);
    consumer(&token).get("/openapi/v1/envs").await.fails(401, "Unauthorized");
    consumer(new["token"].as_str().unwrap()).get("/openapi/v1/envs").await.ok();
    let live = root.get("/openapi/v1/consumer-tokens/by-appId?appId=ci").await.ok();
    assert_eq!(live["token"], new["token"], "a Java portal finds one token");
}

/// X103: there the portal of Apollo failed at each request about the consumer.
#[tokio::test]
async fn beside_a_java_portal_a_consumer_receives_no_second_token() {
    for (installation, tokens) in [(Installation::Adopted, 1), (Installation::Fresh, 2)] {
        let world = World::with(installation, &[]).await;
        world.token("ci", &[]).await;
        let second = create_token(&world.store, installation, "ci", &[], true).await;
        let is_made = second.is_ok();
        assert_eq!(is_made, tokens == 2, "{:?}", second.err());
        let db = world.store.read();
        let id = consumer::by_app_id(db, "ci").await.unwrap().unwrap().id;
        assert_eq!(consumer::tokens(db, id).await.unwrap().len(), tokens);
        assert_eq!(consumer::has_all_apps(db, id).await.unwrap(), is_made);
    }
}

/// X104: the new one had no end.
#[tokio::test]
async fn the_replacement_of_an_expired_token_has_a_stated_end() {
    let world = World::fresh().await;
    let root = world.user("apollo").await;
    root.post("/openapi/v1/consumers", ci()).await.ok();
    expire(&world, "ci").await;
    let rotate = async |end: &str| {
        let path = format!("/openapi/v1/consumer-tokens/by-appId/rotate?appId=ci{end}");
        root.post(&path, Value::Null).await
    };
    rotate("").await.fails(400, "The token expired at 2001-01-15 00:00:00; state in expires");
    rotate("&expires=20020101000000").await.fails(400, "expires is in the past");
    let new = rotate("&expires=20400115000000").await.ok();
    assert!(new["expires"].as_str().unwrap().starts_with("2040-01-1"), "{new}");
    world.consumer(new["token"].as_str().unwrap()).get("/openapi/v1/envs").await.ok();
    // Its end is kept from now on.
    assert_eq!(rotate("").await.ok()["expires"], new["expires"]);
}
