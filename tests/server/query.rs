//! `/configs` and `/configfiles`: what a client gets, by cluster, spelling and key.

use serde_json::json;

use crate::support::demo::Demo;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::Server;

/// Cases 1, 3, 4, 6, 9, 22 to 24, 42, 43: full answer, 304 for the same key, suffix, unknown cluster and namespace, bad paths.
#[tokio::test]
async fn a_client_gets_what_was_published() {
    let server = Server::start();
    let demo = Demo::create(&server, "demo").await;
    demo.set("timeout", "100").await;
    demo.set("mode", "a").await;
    demo.publish().await;
    let http = Http::new(&server.config);

    let answer = http.get("/configs/demo/default/application?ip=10.0.0.1").await.ok().json();
    let key = answer["releaseKey"].as_str().unwrap();
    let full = json!({
        "appId": "demo", "cluster": "default", "namespaceName": "application",
        "configurations": { "timeout": "100", "mode": "a" }, "releaseKey": key,
    });
    assert_eq!(answer, full);
    let unchanged = http.get(&format!("/configs/demo/default/application?releaseKey={key}")).await;
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));
    http.get("/configs/demo/default/application?releaseKey=").await.ok();
    let suffixed = http.get("/configs/demo/default/APPLICATION.PROPERTIES").await.ok().json();
    assert_eq!(
        (&suffixed["namespaceName"], &suffixed["releaseKey"]),
        (&json!("APPLICATION.PROPERTIES"), &json!(key))
    );
    let elsewhere = http.get("/configs/demo/nowhere/application").await.ok().json();
    assert_eq!(elsewhere["cluster"], "default");

    for path in [
        "/configs/demo/default/never",
        "/configs/ghost/default/application",
        "/configs/demo/default/db",
    ] {
        assert_eq!(http.get(path).await.status, 404, "{path}");
    }
    for path in [
        "/configs/demo",
        "/configs/de%20mo/default/application",
        "/configs/.demo/default/application",
    ] {
        assert_eq!(http.get(path).await.status, 400, "{path}");
    }
}

/// Cases 8 and 11: the requested cluster has its own release; another one falls back to the default.
#[tokio::test]
async fn a_cluster_has_its_own_release() {
    let server = Server::start();
    let demo = Demo::create(&server, "demo").await;
    let cluster = json!({ "name": "bj", "appId": "demo", "dataChangeCreatedBy": "apollo" });
    demo.api.post("/openapi/v1/envs/DEV/apps/demo/clusters", cluster).await.ok();
    demo.set("timeout", "100").await;
    demo.publish().await;
    let bj = demo.in_cluster("bj");
    bj.set("timeout", "200").await;
    bj.publish().await;
    let http = Http::new(&server.config);
    let timeout =
        async |path: &str| http.get(path).await.ok().json()["configurations"]["timeout"].clone();
    assert_eq!(timeout("/configs/demo/bj/application").await, "200");
    assert_eq!(timeout("/configs/demo/nowhere/application?dataCenter=bj").await, "200");
    assert_eq!(timeout("/configs/demo/default/application").await, "100");
}

/// Cases 45, 46, 48, 49, 50, 55: properties text, JSON and raw document; never a 304.
#[tokio::test]
async fn config_files_have_three_forms() {
    let server = Server::start();
    let demo = Demo::create(&server, "demo").await;
    demo.set("a b", "c=d").await;
    demo.publish().await;
    let namespace = json!({ "appId": "demo", "name": "db", "format": "json", "isPublic": false, "comment": "", "dataChangeCreatedBy": "apollo" });
    demo.api.post("/openapi/v1/apps/demo/appnamespaces", namespace).await.ok();
    let document = demo.in_namespace("db.json");
    document.set("content", r#"{"a": 1, "b": "<x>&'="}"#).await;
    document.publish().await;
    let http = Http::new(&server.config);

    let text = http.get("/configfiles/demo/default/application?releaseKey=x").await.ok();
    assert_eq!(
        (text.text.as_str(), text.header("content-type")),
        ("a\\ b=c\\=d\n", "text/plain;charset=UTF-8")
    );
    assert_eq!(
        http.get("/configfiles/json/demo/default/application").await.ok().json(),
        json!({ "a b": "c=d" })
    );
    // A new namespace is known by its spelling within one scan, a second.
    let raw = eventually("the document", || async {
        Some(http.get("/configfiles/raw/demo/default/db.json").await)
            .filter(|answer| answer.status == 200)
    })
    .await;
    assert_eq!(raw.text, r#"{"a": 1, "b": "<x>&'="}"#);
    assert_eq!(raw.header("content-type"), "application/json;charset=UTF-8");
    assert_eq!(http.get("/configfiles/raw/demo").await.status, 400);
}

/// A rolled-back release is gone for clients as soon as the rollback is answered.
#[tokio::test]
async fn a_rollback_reaches_clients() {
    let server = Server::start();
    let demo = Demo::create(&server, "demo").await;
    demo.set("k", "1").await;
    demo.publish().await;
    demo.set("k", "2").await;
    let second = demo.publish().await;
    let http = Http::new(&server.config);
    let value = async || {
        http.get("/configs/demo/default/application").await.ok().json()["configurations"]["k"]
            .clone()
    };
    eventually("the second release", || async { (value().await == "2").then_some(()) }).await;
    demo.roll_back(&second).await;
    eventually("the first release again", || async { (value().await == "1").then_some(()) }).await;
}
