//! Cases 79 to 81: access keys.

use castalia_store::entity::access_key;
use serde_json::{Value, json};

use super::client::{Admin, members};

async fn rows(admin: &Admin) -> Vec<access_key::Model> {
    admin
        .rows::<access_key::Entity>()
        .await
        .into_iter()
        .filter(|row| row.app_id == admin.app_id)
        .collect()
}

/// Case 79: an app has at most five keys; the app id of the path is used, and a secret is required.
#[tokio::test]
async fn an_app_has_five_keys_at_most() {
    let admin = Admin::start().await;
    let path = format!("/apps/{}/accesskeys", admin.app_id);
    for number in 0..5 {
        let body = json!({"appId": "other", "secret": format!("a secret of length {number}"), "dataChangeCreatedBy": "u"});
        let created = admin.post(&path, body).await.ok();
        assert_eq!(
            [
                &created["appId"],
                &created["mode"],
                &created["enabled"],
                &created["dataChangeLastModifiedBy"]
            ],
            [&json!(admin.app_id), &json!(0), &json!(false), &json!("u")]
        );
    }
    let sixth = json!({"secret": "a secret of length 5", "dataChangeCreatedBy": "u"});
    admin.post(&path, sixth).await.fails(400, "AccessKeys count limit exceeded");
    let secrets = members(&admin.get(&path).await.ok(), "secret");
    assert_eq!(secrets, [0, 1, 2, 3, 4].map(|number| format!("a secret of length {number}")));
    let other = format!("{path}x");
    assert_eq!(
        admin
            .post(&other.replace("accesskeysx", "accesskeys"), json!({"dataChangeCreatedBy": "u"}))
            .await
            .status,
        400
    );
}

/// A secret that can be guessed protects nothing.
#[tokio::test]
async fn a_new_key_needs_a_secret_of_sixteen_characters() {
    let admin = Admin::start().await;
    let path = format!("/apps/{}/accesskeys", admin.app_id);
    for weak in ["", " ", "s", "fifteen letters", "            ends                "] {
        let body = json!({"secret": weak, "dataChangeCreatedBy": "u"});
        admin
            .post(&path, body)
            .await
            .fails(400, "The secret of an access key needs at least 16 characters");
    }
    assert!(rows(&admin).await.is_empty());
    let body = json!({"secret": "sixteen letters!", "dataChangeCreatedBy": "u"});
    admin.post(&path, body).await.ok();
}

/// Case 80: a key is enabled and disabled, and can be deleted when it is disabled.
#[tokio::test]
async fn a_key_is_deleted_once_it_is_off() {
    let admin = Admin::start().await;
    let path = format!("/apps/{}/accesskeys", admin.app_id);
    let id = admin
        .post(&path, json!({"secret": "a secret of length", "dataChangeCreatedBy": "u"}))
        .await
        .id();
    let before = admin.last_audit().await;
    let time = |row: &access_key::Model| *row.data_change_last_time.unwrap();
    let created = time(&rows(&admin).await[0]);
    // Times have whole seconds on some engines.
    let is_later = async || castalia_store::now() - created > chrono::TimeDelta::seconds(1);
    admin.eventually("a later time", is_later).await;
    admin.put(&format!("{path}/{id}/enable?mode=1&operator=w"), Value::Null).await.empty();
    let row = rows(&admin).await.remove(0);
    assert_eq!(
        (row.is_enabled, row.mode.0, row.data_change_last_modified_by.as_deref()),
        (true, 1, Some("w"))
    );
    assert!(time(&row) > created, "config services find changes by their time");
    admin
        .delete(&format!("{path}/{id}?operator=u"))
        .await
        .fails(400, "AccessKey should disable first");
    admin.put(&format!("{path}/{id}/disable?operator=u"), Value::Null).await.empty();
    assert_eq!((rows(&admin).await[0].is_enabled, rows(&admin).await[0].mode.0), (false, 0));
    admin
        .put(&format!("/apps/other/accesskeys/{id}/enable?operator=u"), Value::Null)
        .await
        .fails(400, "accessKey not exist.");
    assert_eq!(admin.put(&format!("{path}/{id}/enable"), Value::Null).await.status, 500);
    assert!(!rows(&admin).await[0].is_enabled);
    admin.delete(&format!("{path}/{id}?operator=u")).await.empty();
    let row = rows(&admin).await.remove(0);
    assert!(row.is_deleted && row.deleted_at > 0);
    assert_eq!(
        admin.audits_since(before).await,
        ["AccessKey UPDATE", "AccessKey UPDATE", "AccessKey DELETE"]
    );
}

/// Case 81: a new app may be created with an enabled key.
#[tokio::test]
async fn a_new_app_may_come_with_a_key() {
    let admin = Admin::start().await;
    admin.set("apollo.access-key.auto-provision.enabled", "true");
    admin.create_app().await.ok();
    let keys = rows(&admin).await;
    assert_eq!(keys.len(), 1);
    let key = &keys[0];
    assert_eq!((key.mode.0, key.is_enabled, key.data_change_created_by.as_str()), (0, true, "u"));
    let secret = key.secret.expose();
    assert!(secret.len() == 32 && secret.bytes().all(|byte| byte.is_ascii_hexdigit()), "{secret}");
}
