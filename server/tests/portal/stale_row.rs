//! Rows that are edited as a whole, apps and settings, honour the revision of their caller
//! (REL-63), and an environment that compares none gets no change with one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::routing::get;
use axum::{Json, Router};
use http::Method;
use serde_json::{Value, json};

use super::environment;
use super::stale::assert_stale;
use super::world::{Answer, NS, World, app, item};

/// Key, own and stored value of what differs.
#[track_caller]
fn differing(what: &str, answer: &Answer) -> Value {
    assert_stale(what, answer);
    let body = answer.json();
    let rows = body["items"].as_array().unwrap().iter();
    let signed = |row: &Value| row["by"] == "apollo" && row["at"].is_string();
    assert!(rows.clone().all(signed), "{what}: {answer:?}");
    rows.map(|row| json!([row["key"], row["yours"], row["theirs"]])).collect()
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
