//! Rows that are edited as a whole, apps, settings, consumers, webhooks and users, honour the
//! revision of their caller (REL-63), and an environment that compares none gets no change with one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::routing::get;
use axum::{Json, Router};
use castalia_server::settings::Installation;
use http::Method;
use serde_json::{Value, json};

use super::environment;
use super::stale::assert_stale;
use super::world::{Answer, Caller, NS, World, app, item};

/// Key, own and stored value of what differs.
#[track_caller]
fn differing(what: &str, answer: &Answer) -> Value {
    let found = compared(what, answer);
    let body = answer.json();
    let signed = |row: &Value| row["by"] == "apollo" && row["at"].is_string();
    assert!(body["items"].as_array().unwrap().iter().all(signed), "{what}: {answer:?}");
    found
}

/// The same of a row that has no author.
#[track_caller]
fn compared(what: &str, answer: &Answer) -> Value {
    assert_stale(what, answer);
    let body = answer.json();
    let rows = body["items"].as_array().unwrap().iter();
    rows.map(|row| json!([row["key"], row["yours"], row["theirs"]])).collect()
}

/// An administrator whose changes are based on what an answer shows.
async fn based_on<'w>(world: &'w World, shown: &Value) -> Caller<'w> {
    let revision = shown["revision"].as_str().unwrap();
    world.user("apollo").await.with("castalia-revision", revision)
}

#[tokio::test]
async fn a_change_of_an_app_on_an_older_revision_is_refused() {
    let world = World::with_demo().await;
    let (path, root) = ("/openapi/v1/apps/demo", world.user("apollo").await);
    let shown = root.get(path).await;
    let base = shown.header("castalia-revision").to_owned();
    let mut details = shown.ok();
    details["name"] = json!("theirs");
    root.put(path, details.clone()).await.empty();
    details["name"] = json!("mine");
    let late = world.user("u1").await.with("castalia-revision", &base);
    let answer = late.put(path, details.clone()).await;
    assert_eq!(differing("app", &answer), json!([["name", "mine", "theirs"]]));
    let stored = root.get(path).await;
    assert_eq!(stored.ok()["name"], "theirs");
    let current = stored.header("castalia-revision");
    assert_eq!(answer.json()["current"], current);
    world.user("u1").await.with("castalia-revision", current).put(path, details).await.empty();
    assert_eq!(root.get(path).await.ok()["name"], "mine");
    let late = world.user("apollo").await.with("castalia-revision", &base);
    let answer = late.delete(path).await;
    let first = &answer.json()["items"][0];
    assert_eq!(
        (answer.status, &first["key"], &first["theirs"]),
        (409, &json!("name"), &json!("mine"))
    );
    root.get(&format!("{NS}/items")).await.ok();
    let shown = root.get(path).await;
    let current = world.user("apollo").await;
    current.with("castalia-revision", shown.header("castalia-revision")).delete(path).await.empty();
}

/// Apollo's admin service ignores the header, so that the change would overwrite another one.
#[tokio::test]
async fn an_environment_that_compares_no_revisions_gets_no_change_with_one() {
    let changed = Arc::new(AtomicU32::new(0));
    let seen = changed.clone();
    let service = Router::new()
        .route("/apollo/version", get(async || "java-3.0.0"))
        .route(
            "/apps/{app}/clusters/{cluster}/namespaces/{name}/items",
            get(async || Json(json!([]))),
        )
        .fallback(async move |method: Method| {
            seen.fetch_add(u32::from(method != Method::GET), Ordering::Relaxed);
            Json(json!({ "id": 1, "key": "k", "namespaceId": 1 }))
        });
    let apollo = environment::listen(service).await;
    let world = environment::world(&[apollo]).await;
    let far = NS.replace("LOCAL", "FAR");
    let root = world.user("apollo").await;
    root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let sent = || changed.load(Ordering::Relaxed);
    let before = sent();
    let based = world.user("apollo").await.with("castalia-revision", "abc");
    let title = || json!({ "releaseTitle": "r" });
    let body = item("k", "v").to_string();
    for (method, path, body) in [
        (Method::POST, "items", body.clone()),
        (Method::PUT, "items/k", body),
        (Method::DELETE, "items/k", String::new()),
        (Method::POST, "changes", json!({ "create": [item("n", "v")] }).to_string()),
        (Method::POST, "releases", title().to_string()),
    ] {
        let path = format!("{far}/{path}");
        let refused = based.send(method.clone(), &path, "application/json", body).await;
        assert_eq!(refused.json()["code"], "unsupported_by_env", "{method} {path}: {refused:?}");
    }
    assert_eq!(sent(), before);
    // Another program answers without an end, or says so of another path.
    let endless = || {
        let bytes = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>("castalia-"));
        axum::body::Body::from_stream(bytes)
    };
    let missing = || (http::StatusCode::NOT_FOUND, "castalia-0.1.0");
    for service in [
        Router::new().route("/apollo/version", get(async move || endless())),
        Router::new().route("/apollo/version", get(async move || missing())),
    ] {
        let world = environment::world(&[environment::listen(service).await]).await;
        let based = world.user("apollo").await.with("castalia-revision", "abc");
        let body = title().to_string();
        let path = format!("{far}/releases");
        let refused = based.send(Method::POST, &path, "application/json", body).await;
        assert_eq!(refused.json()["code"], "unsupported_by_env", "{refused:?}");
    }
    // A service of Castalia beside Apollo's gets all of them.
    let (admin, _store) = environment::admin_router().await;
    let services = [apollo, environment::listen(admin).await];
    let world = environment::world(&services).await;
    let based = world.user("apollo").await.with("castalia-revision", "abc");
    for _ in 0..12 {
        let path = format!("{far}/releases");
        let answer = based.send(Method::POST, &path, "application/json", title().to_string()).await;
        assert_eq!(answer.json()["code"], "namespace_not_found", "{answer:?}");
    }
    assert_eq!(sent(), before);
    root.put(&format!("{far}/items/k"), item("k", "v")).await.empty();
    assert!(sent() > before);
}

#[tokio::test]
async fn a_change_of_a_server_setting_on_an_older_revision_is_refused() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    // The rows of the database replace the settings that this test began with.
    let portal = "/openapi/v1/server/portal-db/config";
    root.post(portal, json!({ "key": "superAdmin", "value": "apollo" })).await.ok();
    for path in [portal, "/openapi/v1/server/envs/local/config-db/config"] {
        let setting = |value: &str| json!({ "key": "own.key", "value": value, "comment": "why" });
        let made = root.post(path, setting("1")).await.ok();
        let on = async |revision: &Value| {
            world.user("apollo").await.with("castalia-revision", revision.as_str().unwrap())
        };
        let late = on(&made["revision"]).await;
        root.post(path, setting("theirs")).await.ok();
        let row = || async {
            let list = root.get(&format!("{path}/find-all-config")).await.ok();
            list.as_array().unwrap().iter().find(|row| row["key"] == "own.key").cloned()
        };
        let stored = row().await.unwrap();
        let answer = late.post(path, setting("mine")).await;
        assert_eq!(differing(path, &answer), json!([["value", "mine", "theirs"]]));
        assert_eq!(answer.json()["current"], stored["revision"]);
        let delete = format!("{path}?key=own.key&cluster=default");
        let answer = late.delete(&delete).await;
        let both = json!([["value", null, "theirs"], ["comment", null, "why"]]);
        assert_eq!(differing(path, &answer), both);
        assert_eq!(row().await.unwrap(), stored);
        let made = on(&stored["revision"]).await.post(path, setting("mine")).await.ok();
        on(&made["revision"]).await.delete(&delete).await.empty();
        // It is not created again by who has not seen that it is deleted.
        assert_stale(path, &on(&made["revision"]).await.post(path, setting("mine")).await);
        assert!(row().await.is_none());
    }
}

#[tokio::test]
async fn a_change_of_a_consumer_on_an_older_revision_is_refused() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    let (consumers, path) = ("/openapi/v1/consumers", "/openapi/v1/consumers/by-appId?appId=ci");
    let consumer = |name: &str, limit: i64| {
        json!({
            "appId": "ci", "name": name, "orgId": "TEST1", "orgName": "One", "ownerName": "u1",
            "rateLimitEnabled": limit > 0, "rateLimit": limit,
        })
    };
    let made = root.post(consumers, consumer("CI", 0)).await.ok();
    let shown = async || root.get(consumers).await.ok()[0].clone();
    assert_eq!(shown().await["revision"], made["revision"]);
    let late = based_on(&world, &made).await;
    root.put(path, consumer("theirs", 5)).await.empty();
    let stored = shown().await;
    let answer = late.put(path, consumer("mine", 0)).await;
    let both = json!([["name", "mine", "theirs"], ["rateLimit", "0", "5"]]);
    assert_eq!(differing("consumer", &answer), both);
    assert_eq!(answer.json()["current"], stored["revision"]);
    assert_stale("consumer", &late.delete(path).await);
    assert_eq!(shown().await, stored);
    based_on(&world, &stored).await.put(path, consumer("mine", 0)).await.empty();
    // Scripts that state none replace whatever is stored.
    root.put(path, consumer("last", 0)).await.empty();
    based_on(&world, &shown().await).await.delete(path).await.empty();
    assert_eq!(root.get(consumers).await.ok(), json!([]));
}

#[tokio::test]
async fn a_change_of_a_webhook_on_an_older_revision_is_refused() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    let webhooks = "/openapi/v1/webhooks";
    let made = root.post(webhooks, json!({ "url": "http://a.example/" })).await.ok();
    let path = format!("{webhooks}/{}", made["id"]);
    let late = based_on(&world, &made).await;
    let theirs = json!({ "url": "http://b.example/", "envs": ["PRO"], "enabled": false });
    let changed = root.put(&path, theirs).await.ok();
    let shown = async || root.get(webhooks).await.ok()[0].clone();
    let stored = shown().await;
    assert_eq!(stored["revision"], changed["revision"]);
    let mine = json!({ "url": "http://b.example/", "appId": "demo" });
    let answer = late.put(&path, mine.clone()).await;
    let differences =
        json!([["envs", "", "PRO"], ["appId", "demo", ""], ["enabled", "true", "false"]]);
    assert_eq!(differing("webhook", &answer), differences);
    assert_stale("webhook", &late.delete(&path).await);
    assert_eq!(shown().await, stored);
    let made = based_on(&world, &stored).await.put(&path, mine.clone()).await.ok();
    based_on(&world, &made).await.put(&path, mine).await.ok();
    root.put(&path, json!({ "url": "http://c.example/" })).await.ok();
    based_on(&world, &shown().await).await.delete(&path).await.empty();
    assert_eq!(root.get(webhooks).await.ok(), json!([]));
}

#[tokio::test]
async fn a_change_of_a_user_on_an_older_revision_is_refused() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    let (users, user) = ("/openapi/v1/users", "/openapi/v1/users/u2");
    let account = |name: &str| json!({ "username": "u2", "password": "horse52stable", "userDisplayName": name });
    let shown = async || root.get(user).await.ok();
    let listed = root.get(&format!("{users}?keyword=u2")).await.ok();
    assert_eq!(listed[0], shown().await);
    let late = based_on(&world, &shown().await).await;
    root.post(users, account("theirs")).await.empty();
    let stored = shown().await;
    let answer = late.post(users, account("mine")).await;
    assert_eq!(compared("user", &answer), json!([["userDisplayName", "mine", "theirs"]]));
    assert_stale("user", &late.delete(user).await);
    assert_eq!(shown().await, stored);
    // One whom somebody disables meanwhile is not enabled again.
    let disabled = json!({ "username": "u2", "enabled": 0 });
    root.put("/openapi/v1/users/enabled", disabled).await.empty();
    let mut enabling = account("theirs");
    enabling["enabled"] = 1.into();
    let answer = based_on(&world, &stored).await.post(users, enabling).await;
    assert_eq!(compared("user", &answer), json!([["enabled", "1", "0"]]));
    based_on(&world, &shown().await).await.post(users, account("mine")).await.empty();
    root.post(users, account("last")).await.empty();
    based_on(&world, &shown().await).await.delete(user).await.empty();
    root.get(user).await.fails(400, "user not exists");
}

/// A conflict would show the mail address, and its digest would let it be guessed.
#[tokio::test]
async fn who_does_not_see_an_address_of_a_user_has_no_revision() {
    let world = World::with(Installation::Fresh, &[]).await;
    let root = world.user("apollo").await;
    let consumer = json!({
        "appId": "ci", "name": "CI", "orgId": "TEST1", "orgName": "One", "ownerName": "u1",
        "allowManageUsers": true, "rateLimitEnabled": false,
    });
    let made = root.post("/openapi/v1/consumers", consumer).await.ok();
    let ci = world.consumer(made["token"].as_str().unwrap());
    let user = "/openapi/v1/users/u2";
    assert!(root.get(user).await.ok()["revision"].is_string());
    assert!(ci.get(user).await.ok()["revision"].is_null());
    let change =
        json!({ "username": "u2", "password": "horse52stable", "userDisplayName": "mine" });
    let path = "/openapi/v1/users?operator=u1";
    let based = world.consumer(made["token"].as_str().unwrap()).with("castalia-revision", "0");
    let answer = based.post(path, change.clone()).await;
    answer.fails(400, "The caller does not see the mail address");
    assert!(!answer.body.contains("u2@example.com"), "{answer:?}");
    ci.post(path, change).await.empty();
    // Users see their own.
    let own = world.user("u1").await;
    let shown = own.get("/openapi/v1/users/u1").await.ok();
    let own = own.with("castalia-revision", shown["revision"].as_str().unwrap());
    let change = json!({ "username": "u1", "password": "zebra73river", "userDisplayName": "own" });
    own.post("/openapi/v1/users", change).await.empty();
}
