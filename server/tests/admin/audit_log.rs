//! Business operations and the fields that they set, as the API returns them.

use serde_json::{Value, json};

use super::client::{Admin, members};

/// The element of a span. Some engines return operations of the same second in any order.
fn of_span<'a>(list: &'a Value, span: &Value) -> &'a Value {
    list.as_array().unwrap().iter().find(|log| log["spanId"] == *span).unwrap()
}

/// Operations are listed, searched, and returned by trace with the fields that they set.
#[tokio::test]
async fn operations_are_listed_and_searched() {
    let admin = Admin::start().await;
    assert_eq!(admin.get("/apollo/audit/properties").await.ok(), json!({"enabled": true}));
    let id = admin.create_app().await.id();
    let query = async |path: &str| admin.get(&format!("/apollo/audit/{path}")).await.ok();
    let field = format!("entityName=App&entityId={id}&fieldName=AppId&page=0&size=5");
    let influences = query(&format!("logs/dataInfluences/field?{field}")).await;
    assert_eq!(members(&influences, "fieldNewValue"), [json!(admin.app_id)]);
    let span = &influences[0]["spanId"];

    let logs = query("logs?page=0&size=50").await;
    let log = of_span(&logs, span);
    assert_eq!(
        (&log["opName"], &log["description"]),
        (&json!("App.create"), &json!("no description"))
    );
    assert!(log.get("parentSpanId").is_none() && log["happenedTime"].is_string());
    let details = query(&format!("trace?traceId={}", log["traceId"].as_str().unwrap())).await;
    assert_eq!(details[0]["logDTO"], *log);
    assert_eq!(members(&details[0]["dataInfluenceDTOList"], "fieldName"), ["Name", "AppId"]);

    let named = "logs/opName?opName=App.create&page=0&size=50";
    assert_eq!(of_span(&query(named).await, span), log);
    let since = "startDate=2999-01-01%2000:00:00.0&endDate=2999-01-02%2000:00:00.0";
    assert_eq!(query(&format!("{named}&{since}")).await, json!([]));
    let found = query("logs/by-name-or-type-or-operator?query=createDef&page=0&size=1").await;
    assert_eq!(members(&found, "opName"), ["AppNamespace.createDefault"]);
    admin.get("/apollo/audit/logs").await.is_unreadable();
    // A time that no database stores would cost a connection to MySQL.
    for since in ["-1-01-01%2000:00:00.0", "-262000-01-01%2000:00:00.0"] {
        let path = format!("/apollo/audit/{named}&startDate={since}");
        assert_eq!(admin.get(&path).await.status, 400, "{since}");
    }
    query(named).await;
}

/// If it is off, nothing is recorded and nothing is returned.
#[tokio::test]
async fn operations_are_not_recorded_while_switched_off() {
    let admin = Admin::start().await;
    admin.set("apollo.audit.log.enabled", "false");
    let count = async || admin.rows::<castalia_store::entity::audit_log::Entity>().await.len();
    let before = count().await;
    admin.create_app().await.ok();
    assert_eq!(count().await, before);
    assert_eq!(admin.get("/apollo/audit/properties").await.ok(), json!({"enabled": false}));
    assert_eq!(admin.get("/apollo/audit/logs?page=0&size=2").await.ok(), json!([]));
}
