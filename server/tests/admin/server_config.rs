//! Case 82: settings in the config database.

use castalia_store::entity::server_config;
use serde_json::json;

use super::client::Admin;

/// Case 82: a setting is created or changed by key and cluster, and deleted once.
#[tokio::test]
async fn a_setting_is_written_by_key_and_cluster() {
    let admin = Admin::start().await;
    let key = format!("key.{}", admin.app_id);
    let body = |value: &str, operator: &str| json!({"key": key, "value": value, "dataChangeCreatedBy": operator, "dataChangeLastModifiedBy": operator});
    let created = admin.post("/server/config", body("1", "u")).await.ok();
    assert_eq!(
        [&created["cluster"], &created["isDeleted"], &created["deletedAt"]],
        [&json!("default"), &json!(false), &json!(0)]
    );
    let changed = admin.post("/server/config", body("2", "w")).await.ok();
    assert_eq!(
        [
            &changed["id"],
            &changed["value"],
            &changed["dataChangeCreatedBy"],
            &changed["dataChangeLastModifiedBy"]
        ],
        [&created["id"], &json!("2"), &json!("u"), &json!("w")]
    );
    let all = admin.get("/server/config/find-all-config").await.ok();
    let listed = all.as_array().unwrap().iter().find(|row| row["key"] == json!(key)).unwrap();
    assert_eq!(listed["value"], "2");

    let path = format!("/server/config?key={key}&cluster=default&operator=u");
    admin.delete(&path).await.empty();
    let rows = admin.rows::<server_config::Entity>().await;
    assert!(rows.iter().find(|row| row.key == key).unwrap().is_deleted);
    admin
        .delete(&path)
        .await
        .fails(404, &format!("server config not found for key:{key}, cluster:default"));
    assert_ne!(admin.post("/server/config", body("3", "u")).await.ok()["id"], created["id"]);
    admin.delete(&format!("/server/config?key={key}&operator=u")).await.is_unreadable();
    assert_eq!(
        admin.post("/server/config", json!({"key": key, "dataChangeCreatedBy": "u"})).await.status,
        500
    );
    assert!(admin.audits_since(0).await.iter().all(|audit| !audit.starts_with("ServerConfig")));
}

/// A written or deleted setting takes effect with the next request to this node; in the reference
/// within a minute.
#[tokio::test]
async fn a_setting_counts_at_once() {
    let admin = Admin::start().await;
    if !admin.has_process() {
        return;
    }
    admin.create_app().await.ok();
    let row = json!({"key": "item.key.length.limit", "value": "5", "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u"});
    admin.post("/server/config", row).await.ok();
    admin.item("longer", "1").await.fails(400, "key too long");
    let path = "/server/config?key=item.key.length.limit&cluster=default&operator=u";
    admin.delete(path).await.empty();
    admin.item("longer", "1").await.ok();
}
