//! Cases 11, 12 and 85: access control, and the limits of a request before its body is read.

use axum::body::Body;
use http::Method;

use super::client::{Admin, Answer};

async fn apps(admin: &Admin, authorization: Option<&str>) -> Answer {
    let mut request = admin.request(Method::GET, "/apps");
    if let Some(text) = authorization {
        request = request.header("authorization", text);
    }
    admin.send(request.body(Body::empty()).unwrap()).await
}

/// Case 11: with access control on, only the configured tokens are accepted; name and health need
/// none.
#[tokio::test]
async fn only_a_token_passes_the_control() {
    let admin = Admin::start().await;
    admin.set("admin-service.access.control.enabled", "true");
    admin.set("admin-service.access.tokens", " t1 , t2 ");
    for (authorization, status) in
        [(None, 401), (Some("t2"), 200), (Some("Bearer t2"), 401), (Some("t"), 401)]
    {
        assert_eq!(apps(&admin, authorization).await.status, status, "{authorization:?}");
    }
    let refused = apps(&admin, None).await.json();
    assert_eq!((&refused["error"], &refused["path"]), (&"Unauthorized".into(), &"/apps".into()));
    assert_eq!(admin.get("/").await.body, "apollo-adminservice");
    assert!(admin.get("/health").await.body.contains("UP"));
}

/// Case 12: an empty list of tokens admits all requests on an adopted database, and none on a fresh
/// one.
#[tokio::test]
async fn an_empty_token_list_passes_on_adopted_databases_only() {
    for (settings, status) in [(&[][..], 200), (&[("compat.empty_admin_tokens_pass", "off")], 401)]
    {
        let admin = Admin::with(settings).await;
        admin.set("admin-service.access.control.enabled", "true");
        assert_eq!(apps(&admin, None).await.status, status);
    }
}

/// Case 85: the scheme Basic is not a credential here, valid or not; the reference refuses all.
#[tokio::test]
async fn basic_credentials_are_ignored() {
    let admin = Admin::start().await;
    for text in ["Basic YXBvbGxvOg==", "Basic YXBvbGxvOndyb25n"] {
        assert_eq!(apps(&admin, Some(text)).await.status, 200);
    }
}

/// Paths that two parsers could interpret differently reach no route; bodies are JSON or a form.
#[tokio::test]
async fn odd_paths_and_types_are_refused() {
    let admin = Admin::start().await;
    for path in [
        "/apps//x",
        "/apps/a%2fb",
        "/apps/a;b",
        "/apps/a%25b",
        "/apps/%2e%2e/apps",
        "/apps/../apps",
    ] {
        assert_eq!(admin.get(path).await.status, 400, "{path}");
    }
    let request = admin.request(Method::POST, "/apps").header("content-type", "text/plain");
    assert_eq!(admin.send(request.body(Body::from("{}")).unwrap()).await.status, 400);
}

/// Bodies have a size limit.
#[tokio::test]
async fn large_bodies_are_refused() {
    let admin = Admin::start().await;
    let request = admin.request(Method::POST, "/apps").header("content-type", "application/json");
    let large = Body::from(" ".repeat((1 << 20) + 1));
    assert_eq!(admin.send(request.body(large).unwrap()).await.status, 413);
}
