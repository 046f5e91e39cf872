//! Credentials that open nothing; cross-site requests from a browser; headers of every answer.

use castalia_server::settings::Installation;
use http::Method;
use serde_json::{Value, json};

use super::world::{Answer, Caller, HOST, NS, PASSWORD, World, app};

/// A path of the route with the app `demo`.
pub(crate) fn concrete(path: &str) -> String {
    [
        ("{env}", "LOCAL"),
        ("{appId}", "demo"),
        ("{clusterName}", "default"),
        ("{namespaceName}", "application"),
        ("{key}", "aw"),
        ("{releaseId}", "1"),
        ("{publicNamespaceName}", "application"),
        ("{branchName}", "gray"),
        ("{accessKeyId}", "1"),
        ("{app}", "demo"),
        ("{roleType}", "Master"),
        ("{permissionType}", "AssignRole"),
        ("{favoriteId}", "1"),
        ("{webhookId}", "1"),
        ("{requestId}", "1"),
        ("{userId}", "u1"),
        ("{tokenId}", "1"),
        ("{token}", "x"),
        ("{section}", "x"),
        ("{*rest}", "x"),
        ("{*file}", "x"),
    ]
    .into_iter()
    .fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
}

pub(crate) async fn call(caller: &Caller<'_>, method: &Method, path: &str) -> Answer {
    let query = match path.rsplit('/').next() {
        Some("comparison") => "?baseReleaseId=0&toCompareReleaseId=1",
        Some("by-namespace" | "by-namespace-and-releases-not-in") => {
            "?appId=demo&clusterName=default&namespaceName=application&releaseIds=1"
        }
        Some("by-release") => "?releaseId=1",
        _ => "",
    };
    let path = format!("{path}{query}");
    let body = match (method.as_str(), path.as_str()) {
        ("POST", "/openapi/v1/namespaces") => {
            json!([{ "appId": "demo", "env": "LOCAL", "clusterName": "default", "appNamespaceName": "application" }])
        }
        ("POST", "/openapi/v1/apps/envs/LOCAL") => json!({ "appId": "demo" }),
        _ => json!({}),
    };
    match *method {
        Method::GET => caller.get(&path).await,
        _ => caller.send(method.clone(), &path, "application/json", body.to_string()).await,
    }
}

#[tokio::test]
async fn credentials_of_other_products_open_nothing() {
    let world = World::with_demo().await;
    for (name, value) in [
        ("user-agent", "Nacos-Server"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("x-original-url", "/health"),
        ("x-rewrite-url", "/health"),
        ("authorization", ""),
        ("authorization", "Basic YXBvbGxvOmFwb2xsbw=="),
        ("authorization", "Bearer null"),
        ("x-auth-user", "apollo"),
        ("remote-user", "apollo"),
        ("cookie", "SESSION=; SESSION="),
    ] {
        for path in ["/openapi/v1/apps", NS] {
            world.nobody().with(name, value).get(path).await.fails(401, "Unauthorized");
        }
    }
}

#[tokio::test]
async fn another_site_cannot_use_the_sign_in_of_a_browser() {
    let world = World::fresh().await;
    let signed_in = world.nobody().sign_in("u1", PASSWORD).await.cookie().unwrap();
    let token = world
        .nobody()
        .with("cookie", &signed_in)
        .get("/openapi/v1/user")
        .await
        .header("x-csrf-token")
        .to_owned();
    let browser = || world.nobody().with("cookie", &signed_in);
    let create = async |caller: Caller<'_>, kind: &str| {
        caller.send(Method::POST, "/openapi/v1/apps", kind, app("demo", "u1").to_string()).await
    };
    let own = format!("http://{HOST}");
    for (caller, kind) in [
        (browser(), "application/json"),
        (browser().with("origin", &own), "application/json"),
        (browser().with("x-csrf-token", ""), "application/json"),
        (browser().with("x-csrf-token", "wrong"), "application/json"),
        (
            browser().with("x-csrf-token", &token).with("origin", "http://evil.example"),
            "application/json",
        ),
        (browser().with("x-csrf-token", &token).with("origin", "null"), "application/json"),
        (
            browser().with("x-csrf-token", &token).with("sec-fetch-site", "cross-site"),
            "application/json",
        ),
        (browser().with("origin", "http://evil.example"), "text/plain"),
        (browser().with("origin", "http://evil.example"), "application/x-www-form-urlencoded"),
        (browser().with("host", "evil.example").with("x-csrf-token", &token), "application/json"),
    ] {
        assert_eq!(create(caller, kind).await.status, 403);
    }
    assert_eq!(browser().get("/openapi/v1/apps").await.ok(), json!([]));
    create(browser().with("origin", &own).with("x-csrf-token", &token), "application/json")
        .await
        .empty();
}

#[tokio::test]
async fn a_csrf_token_belongs_to_one_sign_in() {
    let world = World::fresh().await;
    let other = world
        .nobody()
        .with("cookie", &world.nobody().sign_in("u2", PASSWORD).await.cookie().unwrap());
    let foreign = other.get("/openapi/v1/user").await.header("x-csrf-token").to_owned();
    let own = world.user("u1").await;
    own.with("x-csrf-token", &foreign)
        .post("/openapi/v1/apps", app("demo", "u1"))
        .await
        .fails(403, "Header X-CSRF-Token");
}

#[tokio::test]
async fn scripts_that_imitate_a_sign_in_work_where_apollo_made_the_databases() {
    let adopted = World::adopted().await;
    let cookie = adopted.nobody().sign_in("u1", PASSWORD).await.cookie().unwrap();
    let script = adopted.nobody().with("cookie", &cookie);
    script.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    script
        .with("origin", &format!("http://{HOST}"))
        .post("/openapi/v1/apps", app("b", "u1"))
        .await
        .fails(403, "Header X-CSRF");
    let strict = World::with(Installation::Adopted, &[("compat.cookie_without_csrf", "off")]).await;
    let cookie = strict.nobody().sign_in("u1", PASSWORD).await.cookie().unwrap();
    strict
        .nobody()
        .with("cookie", &cookie)
        .post("/openapi/v1/apps", app("demo", "u1"))
        .await
        .fails(403, "Header X-CSRF");
}

#[tokio::test]
async fn another_site_cannot_sign_a_browser_in() {
    let world = World::fresh().await;
    let forged = world.nobody().with("origin", "http://evil.example").sign_in("u1", PASSWORD).await;
    assert_eq!((forged.status, forged.cookie()), (403, None));
}

#[tokio::test]
async fn the_portal_answers_to_its_own_names_only() {
    let world = World::fresh().await;
    for path in ["/", "/signin", "/openapi/v1/apps", "/openapi/v1/envs", "/user/logout"] {
        let answer = world.nobody().with("host", "evil.example:8070").get(path).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.body.contains("security.hosts"), "{answer:?}");
    }
    let named =
        World::with(Installation::Fresh, &[("security.hosts", "auto,portal.example")]).await;
    assert_eq!(named.nobody().with("host", "portal.example").get("/signin").await.status, 200);
}

/// X146: the kubelet and load balancers call a node by its address.
#[tokio::test]
async fn probes_are_answered_whatever_the_names_of_the_portal_are() {
    let world = World::with(Installation::Fresh, &[("security.hosts", "portal.example")]).await;
    let probe = world.nobody().with("host", "10.0.0.5:8070");
    for path in ["/health", "/health/live", "/health/ready", "/apollo/version"] {
        let answer = probe.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
    for path in ["/signin", "/openapi/v1/apps"] {
        assert_eq!(probe.get(path).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn every_answer_says_what_it_is_and_may_not_be_kept() {
    let world = World::with_demo().await;
    for caller in [world.nobody(), world.user("u1").await] {
        for route in &world.routes {
            let answer = call(&caller, &route.method, &concrete(route.path)).await;
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{route:?}");
            assert_eq!(answer.header("x-frame-options"), "DENY", "{route:?}");
            assert!(answer.header("cache-control").contains("no-store"), "{route:?} {answer:?}");
            assert_eq!(answer.header("access-control-allow-origin"), "", "{route:?}");
            let kind = answer.header("content-type");
            assert!(answer.body.is_empty() || !kind.is_empty(), "{route:?} {answer:?}");
            assert!(!kind.starts_with("text/") || kind.contains("charset="), "{route:?} {kind}");
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_apart() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    for path in [
        "/nothing",
        "/openapi/v1/nothing",
        "/openapi/v2/apps",
        "/actuator/env",
        "/a",
        "//",
        "/openapi/v1/apps/",
    ] {
        let answer = user.get(path).await;
        assert_eq!(
            (answer.status, answer.json()["code"].clone()),
            (404, Value::from("unknown_path")),
            "{path}"
        );
    }
    user.delete("/openapi/v1/apps").await.fails(405, "Request method 'DELETE' is not supported");
}

/// SEC-21: the routes that `routes.rs` cannot reach with a token limit their bodies as well.
#[tokio::test]
async fn a_body_of_a_route_for_users_has_a_limit() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    for (method, path) in [
        (Method::POST, "/openapi/v1/users"),
        (Method::PUT, "/openapi/v1/users/enabled"),
        (Method::POST, "/openapi/v1/favorites"),
        (Method::POST, "/openapi/v1/access-grants"),
        (Method::POST, "/openapi/v1/access-requests"),
        (Method::POST, "/openapi/v1/user-tokens"),
        (Method::POST, "/openapi/v1/consumers"),
        (Method::POST, "/openapi/v1/consumers/x/assign-role?type=AppRole"),
        (Method::POST, "/openapi/v1/server/portal-db/config"),
        (Method::POST, "/openapi/v1/server/envs/LOCAL/config-db/config"),
        (Method::POST, "/openapi/v1/system/roles/create-application"),
    ] {
        let answer = root.send(method, path, "application/json", large.clone()).await;
        assert_eq!(answer.status, 413, "{path}: {answer:?}");
    }
}
