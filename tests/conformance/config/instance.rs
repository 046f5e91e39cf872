//! Cases C121 to C124: the record of which client received which release.

use serde_json::{Value, json};

use super::fixture::Fixture;
use crate::support::database::Database;
use crate::support::eventually::eventually;

/// The records of a client by its address: the instance, then its releases.
async fn records(database: &Database, ip: &str) -> Vec<Value> {
    let sql = format!(
        r#"SELECT i."AppId", i."ClusterName", i."DataCenter", c."ConfigAppId", c."ConfigClusterName",
                  c."ConfigNamespaceName", c."ReleaseKey", c."DataChange_LastTime"
           FROM "Instance" i JOIN "InstanceConfig" c ON c."InstanceId" = i."Id"
           WHERE i."Ip" = '{ip}' ORDER BY c."ConfigAppId", c."ConfigNamespaceName""#
    );
    database.rows(&sql).await
}

/// Waits for this many records.
async fn recorded(database: &Database, ip: &str, count: usize) -> Vec<Value> {
    eventually("the records", async || {
        Some(records(database, ip).await).filter(|rows| rows.len() == count)
    })
    .await
}

fn record(row: &Value) -> [&str; 4] {
    ["ConfigAppId", "ConfigClusterName", "ConfigNamespaceName", "ReleaseKey"]
        .map(|name| row[name].as_str().unwrap())
}

/// C121, C122: a client is recorded with the release that it received, once, even if it had that
/// release already.
#[tokio::test]
async fn a_client_is_recorded_with_what_it_got() {
    let fixture = Fixture::shared().await;
    let Some(database) = fixture.database("C121 and C122") else { return };
    let ip = "10.1.1.1";
    let path = format!("/configs/demo/default/application?ip={ip}");
    fixture.config.get(&path).await.ok();
    let rows = recorded(database, ip, 1).await;
    assert_eq!(
        [&rows[0]["AppId"], &rows[0]["ClusterName"], &rows[0]["DataCenter"]],
        ["demo", "default", ""]
    );
    assert_eq!(record(&rows[0]), ["demo", "default", "application", fixture.key("APP")]);

    let again = fixture.config.get(&format!("{path}&releaseKey={}", fixture.key("APP"))).await;
    assert_eq!(again.status, 304);
    // Records are written in order, so the marker is written after all earlier ones.
    let marker = "10.1.1.99";
    fixture.config.get(&format!("/configs/demo/default/application?ip={marker}")).await.ok();
    recorded(database, marker, 1).await;
    assert_eq!(records(database, ip).await, rows);
}

/// C123: for an associated namespace both releases are recorded.
#[tokio::test]
async fn both_releases_of_an_associated_namespace_are_recorded() {
    let fixture = Fixture::shared().await;
    let Some(database) = fixture.database("C123") else { return };
    fixture.config.get("/configs/demo/default/Team.common?ip=10.1.1.2").await.ok();
    let rows = recorded(database, "10.1.1.2", 2).await;
    assert_eq!(record(&rows[0]), ["demo", "default", "Team.common", fixture.key("OVR")]);
    assert_eq!(record(&rows[1]), ["lib", "default", "Team.common", fixture.key("LIB")]);
}

/// C124: a gray release is recorded under its branch.
#[tokio::test]
async fn a_gray_release_is_recorded_under_its_branch() {
    let fixture = Fixture::shared().await;
    let Some(database) = fixture.database("C124") else { return };
    fixture.config.get("/configs/demo/default/application?ip=10.9.9.9").await.ok();
    let rows = recorded(database, "10.9.9.9", 1).await;
    let expected = json!([fixture.branch, fixture.key("GRAY")]);
    assert_eq!(json!([rows[0]["ConfigClusterName"], rows[0]["ReleaseKey"]]), expected);
}

/// A request that is answered with 404 leaves no record.
#[tokio::test]
async fn who_gets_nothing_is_not_recorded() {
    let fixture = Fixture::shared().await;
    let Some(database) = fixture.database("the record of a 404") else { return };
    assert_eq!(fixture.config.get("/configs/demo/default/never?ip=10.1.1.3").await.status, 404);
    fixture.config.get("/configs/demo/default/application?ip=10.1.1.98").await.ok();
    recorded(database, "10.1.1.98", 1).await;
    assert_eq!(records(database, "10.1.1.3").await, Vec::<Value>::new());
}
