//! Business operations and the fields that they set, as they are asked for.

use serde_json::json;

use super::client::{Admin, members};

/// Operations are listed, searched, and told by trace with the fields that they set.
#[tokio::test]
async fn operations_are_listed_and_searched() {
    let admin = Admin::start().await;
    assert_eq!(admin.get("/apollo/audit/properties").await.ok(), json!({"enabled": true}));
    let id = admin.create_app().await.id();
    let logs = admin.get("/apollo/audit/logs?page=0&size=2").await.ok();
    assert_eq!(members(&logs, "opName"), ["AppNamespace.createDefault", "App.create"]);
    assert_eq!(logs[1]["description"], "no description");
    assert!(logs[1].get("parentSpanId").is_none() && logs[1]["happenedTime"].is_string());

    let trace = logs[1]["traceId"].as_str().unwrap();
    let details = admin.get(&format!("/apollo/audit/trace?traceId={trace}")).await.ok();
    assert_eq!(details[0]["logDTO"], logs[1]);
    assert_eq!(members(&details[0]["dataInfluenceDTOList"], "fieldName"), ["Name", "AppId"]);
    let named = admin.get("/apollo/audit/logs/opName?opName=App.create&page=0&size=1").await.ok();
    assert_eq!(named[0], logs[1]);
    let since = "startDate=2999-01-01%2000:00:00.0&endDate=2999-01-02%2000:00:00.0";
    let named = admin
        .get(&format!("/apollo/audit/logs/opName?opName=App.create&page=0&size=1&{since}"))
        .await
        .ok();
    assert_eq!(named, json!([]));
    let field = format!("entityName=App&entityId={id}&fieldName=AppId&page=0&size=5");
    let influences =
        admin.get(&format!("/apollo/audit/logs/dataInfluences/field?{field}")).await.ok();
    assert_eq!(members(&influences, "fieldNewValue"), [json!(admin.app_id)]);
    let found = admin
        .get("/apollo/audit/logs/by-name-or-type-or-operator?query=createDef&page=0&size=1")
        .await
        .ok();
    assert_eq!(found[0], logs[0]);
    assert_eq!(admin.get("/apollo/audit/logs").await.status, 400);
}

/// Switched off, nothing is recorded and nothing is told.
#[tokio::test]
async fn operations_are_not_recorded_while_switched_off() {
    let admin = Admin::start().await;
    admin.set("apollo.audit.log.enabled", "false").await;
    let count =
        async || admin.rows::<castalia_server::store::entity::audit_log::Entity>().await.len();
    let before = count().await;
    admin.create_app().await.ok();
    assert_eq!(count().await, before);
    assert_eq!(admin.get("/apollo/audit/properties").await.ok(), json!({"enabled": false}));
    assert_eq!(admin.get("/apollo/audit/logs?page=0&size=2").await.ok(), json!([]));
    admin.set("apollo.audit.log.enabled", "true").await;
}
