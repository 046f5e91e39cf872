//! Cases 48 to 53, 59 and 60: publish, read releases and their history.

use castalia_store::entity::{release, release_message};
use http::Method;
use serde_json::{Value, json};

use super::client::{Admin, members};

/// Case 48: a publish writes release, history, audit rows and message.
#[tokio::test]
async fn a_publish_makes_a_release_with_history_and_message() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    admin.item("a", "1").await.ok();
    admin.item("b", "2").await.ok();
    let before = admin.last_audit().await;
    let answer = admin.publish().await;
    let release = answer.ok();
    assert_eq!(release["configurations"], json!(r#"{"a":"1","b":"2"}"#));
    assert_eq!((&release["isAbandoned"], &release["name"]), (&json!(false), &json!("r")));
    let key = release["releaseKey"].as_str().unwrap();
    let (time, rest) = key.split_once('-').unwrap();
    assert!(time.len() == 14 && time.bytes().all(|byte| byte.is_ascii_digit()), "{key}");
    assert!(
        rest.len() == 16 && rest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
        "{key}"
    );

    let histories = admin.get(&format!("{}/releases/histories", admin.n())).await.ok();
    assert_eq!(
        (&histories["total"], &histories["page"], &histories["size"]),
        (&json!(1), &json!(0), &json!(10))
    );
    let history = &histories["content"][0];
    assert_eq!(
        [
            &history["operation"],
            &history["branchName"],
            &history["releaseId"],
            &history["previousReleaseId"]
        ],
        [&json!(0), &json!("default"), &release["id"], &json!(0)]
    );
    assert_eq!(history["operationContext"], json!({"isEmergencyPublish": false}));
    assert_eq!(admin.audits_since(before).await, ["Release INSERT", "ReleaseHistory INSERT"]);
    assert_eq!(admin.messages().await, [format!("{}+default+application", admin.app_id)]);
}

/// Case 49: HTML characters are escaped in the stored text, but the value is the same.
#[tokio::test]
async fn stored_configurations_are_html_safe() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    admin.item("k", "x=1&<'").await.ok();
    let answer = admin.publish().await;
    let rows = admin.rows::<release::Entity>().await;
    let stored = &rows.iter().find(|row| row.id.0 == answer.id()).unwrap().configurations;
    assert!(stored.contains(r"x\u003d1\u0026\u003c\u0027"), "{stored}");
    assert_eq!(admin.configurations(&answer).await, json!({"k": "x=1&<'"}));
}

/// Case 50: a publish without changes creates a release.
#[tokio::test]
async fn publishing_twice_makes_two_releases() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    admin.item("a", "1").await.ok();
    let (first, second) = (admin.publish().await.id(), admin.publish().await.id());
    let histories = admin.get(&format!("{}/releases/histories", admin.n())).await.ok();
    assert_eq!(members(&histories["content"], "previousReleaseId"), [json!(first), json!(0)]);
    assert_eq!(members(&histories["content"], "releaseId"), [json!(second), json!(first)]);
    let all = admin.get(&format!("{}/releases/all", admin.n())).await.ok();
    assert_eq!(members(&all, "id"), [json!(second), json!(first)]);
}

/// Case 51: parameters may be a form body; a missing title is refused.
#[tokio::test]
async fn parameters_of_a_publish_may_be_a_form() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let path = format!("{}/releases", admin.n());
    let parameters =
        [("name", "r"), ("operator", "u"), ("comment", "c"), ("isEmergencyPublish", "true")];
    let release = admin.form(Method::POST, &path, &parameters).await.ok();
    assert_eq!((&release["comment"], &release["configurations"]), (&json!("c"), &json!("{}")));
    admin.form(Method::POST, &path, &parameters[1..]).await.is_unreadable();
    let odd = [("name", "r"), ("operator", "u"), ("isEmergencyPublish", "perhaps")];
    admin.form(Method::POST, &path, &odd).await.is_unreadable();
    let strict = Admin::with(&[("compat.strict_status", "on")]).await;
    strict.create_app().await.ok();
    assert_eq!(
        strict
            .form(Method::POST, &format!("{}/releases", strict.n()), &parameters[1..])
            .await
            .status,
        500
    );
}

/// Case 52: before the first publish, the latest release and the history are empty bodies.
#[tokio::test]
async fn a_namespace_without_release_answers_empty_bodies() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    admin.get(&format!("{}/releases/latest", admin.n())).await.empty();
    admin.get(&format!("{}/releases/histories", admin.n())).await.empty();
    admin
        .get("/releases/histories/by_release_id_and_operation?releaseId=999999999&operation=0")
        .await
        .empty();
    assert_eq!(admin.get(&format!("{}/releases/active", admin.n())).await.ok(), json!([]));
    let id = admin.publish().await.id();
    assert_eq!(admin.get(&format!("{}/releases/latest", admin.n())).await.id(), id);
    let found = admin
        .get(&format!("/releases/histories/by_release_id_and_operation?releaseId={id}&operation=0"))
        .await;
    assert_eq!(found.ok()["total"], 1);
    admin.get(&format!("{}/releases/histories?page=1", admin.n())).await.empty();
}

/// Case 59: clients find the newest message; its id is greater than all earlier ones.
#[tokio::test]
async fn messages_have_growing_ids() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let mut last = 0;
    for _ in 0..3 {
        admin.publish().await.ok();
        let newest = admin.rows::<release_message::Entity>().await.last().unwrap().id.0;
        assert!(newest > last);
        last = newest;
    }
}

/// Case 60: releases by ids; unknown ones are omitted, ids that are not numbers are refused.
#[tokio::test]
async fn releases_are_read_by_ids() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let id = admin.publish().await.id();
    let found = admin.get(&format!("/releases?releaseIds={id},%20999999999")).await.ok();
    assert_eq!(members(&found, "id"), [json!(id)]);
    admin.get("/releases?releaseIds=1,,x").await.is_unreadable();
    assert_eq!(admin.get(&format!("/releases/{id}")).await.id(), id);
    admin.get("/releases/999999999").await.fails(404, "release not found for releaseId:999999999");
    admin.get("/releases/x").await.is_unreadable();
}

/// A namespace that does not exist cannot be published.
#[tokio::test]
async fn an_unknown_namespace_is_not_published() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let answer = admin.publish_at(&admin.path("nothing")).await;
    answer.fails(
        404,
        &format!(
            "namespace not found for appId:{} clusterName:default namespaceName:nothing",
            admin.app_id
        ),
    );
    assert!(admin.messages().await.is_empty());
    admin.post(&format!("{}/releases", admin.n()), Value::Null).await.is_unreadable();
}
