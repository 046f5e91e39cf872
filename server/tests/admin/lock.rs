//! Cases 75 to 78: edit locks.

use castalia_store::entity::namespace_lock;
use serde_json::{Value, json};

use super::client::{Admin, Answer};

async fn start() -> Admin {
    let admin = Admin::start().await;
    admin.set("namespace.lock.switch", "true");
    admin.create_app().await.ok();
    admin
}

async fn publish(admin: &Admin, operator: &str, is_emergency: bool) -> Answer {
    let query = format!("name=r&operator={operator}&isEmergencyPublish={is_emergency}");
    admin.post(&format!("{}/releases?{query}", admin.n()), Value::Null).await
}

/// Rows of the lock table for the app's namespace, including deleted ones.
async fn locks(admin: &Admin) -> usize {
    let id = admin.namespace_id().await;
    admin
        .rows::<namespace_lock::Entity>()
        .await
        .iter()
        .filter(|row| row.namespace_id.0 == id)
        .count()
}

/// Case 75: the first editor locks out others.
#[tokio::test]
async fn the_first_editor_keeps_others_out() {
    let admin = start().await;
    admin.get(&format!("{}/lock", admin.n())).await.empty();
    let id = admin.item("k", "1").await.id();
    admin.item("k2", "1").await.ok();
    admin.item_by("w", "k3", "1").await.fails(400, "namespace:application is modified by u");
    admin
        .delete(&format!("/items/{id}?operator=w"))
        .await
        .fails(400, "namespace:application is modified by u");
    let set = json!({"dataChangeLastModifiedBy": "w"});
    admin
        .post(&format!("{}/itemset", admin.n()), set)
        .await
        .fails(400, "namespace:application is modified by u");
    let lock = admin.get(&format!("{}/lock", admin.n())).await.ok();
    assert_eq!(
        (&lock["dataChangeCreatedBy"], &lock["namespaceId"]),
        (&json!("u"), &json!(admin.namespace_id().await))
    );
    admin
        .get(&format!("{}/lock", admin.path("nothing")))
        .await
        .fails(400, "namespace not exist for appId:");
}

/// Case 76: an editor cannot publish alone, except in an emergency; a publish releases the lock.
#[tokio::test]
async fn an_editor_does_not_publish_alone() {
    let admin = start().await;
    admin.item("k", "1").await.ok();
    publish(&admin, "u", false).await.fails(400, "Config can not be published by yourself.");
    assert_eq!(locks(&admin).await, 1);
    publish(&admin, "w", false).await.ok();
    assert_eq!(locks(&admin).await, 0);

    admin.item("k2", "1").await.ok();
    publish(&admin, "u", true).await.ok();
    let histories = admin.get(&format!("{}/releases/histories", admin.n())).await.ok();
    assert_eq!(histories["content"][0]["operationContext"], json!({"isEmergencyPublish": true}));
    assert_eq!(locks(&admin).await, 0);
}

/// Case 77: reverting an edit releases its lock.
#[tokio::test]
async fn an_edit_that_is_taken_back_ends_its_lock() {
    let admin = start().await;
    let id = admin.item("a", "1").await.id();
    publish(&admin, "w", false).await.ok();
    let path = format!("{}/items/{id}", admin.n());
    let value = |value: &str| json!({"value": value, "dataChangeLastModifiedBy": "u"});
    admin.put(&path, value("2")).await.ok();
    assert_eq!(locks(&admin).await, 1);
    admin.put(&path, value("1")).await.ok();
    assert_eq!(locks(&admin).await, 0);
}

/// Case 78: a lock that remains when the switch is turned off is not shown, but still prevents its
/// owner from publishing.
#[tokio::test]
async fn a_left_over_lock_still_bars_its_owner() {
    let admin = start().await;
    admin.item("k", "1").await.ok();
    admin.set("namespace.lock.switch", "false");
    admin.get(&format!("{}/lock", admin.n())).await.empty();
    publish(&admin, "u", false).await.fails(400, "Config can not be published by yourself.");
    publish(&admin, "w", false).await.ok();
}
