//! Cases 43 to 47 and 91: change sets, and the order of keys in a release.

use castalia_store::entity::commit;
use serde_json::{Value, json};

use super::client::{Admin, Answer, pairs};

async fn apply(admin: &Admin, changes: Value) -> Answer {
    let mut body = changes;
    body["dataChangeLastModifiedBy"] = json!("u");
    admin.post(&format!("{}/itemset", admin.n()), body).await
}

async fn items(admin: &Admin) -> Vec<String> {
    pairs(&admin.get(&format!("{}/items", admin.n())).await.ok())
}

/// Case 43: a change set is one commit, with audit rows for each list.
#[tokio::test]
async fn a_change_set_is_one_commit() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let namespace_id = admin.namespace_id().await;
    let (updated, deleted) = (admin.item("u", "1").await.id(), admin.item("d", "1").await.id());
    let commits = async || {
        let rows = admin.rows::<commit::Entity>().await;
        rows.into_iter().filter(|row| row.app_id == admin.app_id).count()
    };
    let (before, committed) = (admin.last_audit().await, commits().await);
    let changes = json!({
        "createItems": [{"namespaceId": namespace_id, "key": "c", "value": "1"}],
        "updateItems": [{"id": updated, "key": "u", "value": "2", "lineNum": 9}],
        "deleteItems": [{"id": deleted, "key": "d"}],
    });
    apply(&admin, changes).await.empty();
    let expected = [
        "Item INSERT",
        "ItemSet INSERT",
        "Item UPDATE",
        "ItemSet UPDATE",
        "Item DELETE",
        "ItemSet DELETE",
    ];
    assert_eq!(admin.audits_since(before).await, expected);
    assert_eq!(commits().await, committed + 1);
    assert_eq!(items(&admin).await, ["c=1", "u=2"]);
    apply(&admin, json!({})).await.empty();
    assert_eq!(commits().await, committed + 1);
}

/// Case 44, stricter than Apollo: a change set that would create a duplicate key is refused,
/// because the key could not be read, changed or deleted by its name any more. The final state is
/// checked.
#[tokio::test]
async fn a_key_is_there_once_after_a_change_set() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let namespace_id = admin.namespace_id().await;
    let item = |value: &str| json!({"namespaceId": namespace_id, "key": "k", "value": value});
    let twice = apply(&admin, json!({"createItems": [item("1"), item("2")]})).await;
    twice.fails(400, "item already exists for itemKey:k");
    let id = admin.item("k", "1").await.id();
    apply(&admin, json!({"createItems": [item("2")]}))
        .await
        .fails(400, "item already exists for itemKey:k");
    assert_eq!(items(&admin).await, ["k=1"]);
    let replaced = json!({"createItems": [item("2")], "deleteItems": [{"id": id, "key": "k"}]});
    apply(&admin, replaced).await.empty();
    assert_eq!(admin.get(&format!("{}/items/k", admin.n())).await.ok()["value"], "2");
}

/// Cases 45 and 46: a change set is applied completely or not at all.
#[tokio::test]
async fn a_refused_change_set_changes_nothing() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let namespace_id = admin.namespace_id().await;
    let good = json!({"namespaceId": namespace_id, "key": "good", "value": "1"});
    let before = admin.last_audit().await;
    let elsewhere = json!({"namespaceId": 0, "key": "x", "value": "1"});
    let refused = apply(&admin, json!({"createItems": [good, elsewhere]})).await;
    refused.fails(400, "invalid request, item and namespace do not match!");
    let unknown = json!({"createItems": [good], "deleteItems": [{"id": 999_999}]});
    apply(&admin, unknown).await.fails(500, "item not exist. ID:999999");
    let unknown =
        json!({"createItems": [good], "updateItems": [{"id": 999_999, "key": "x", "value": "1"}]});
    apply(&admin, unknown).await.fails(404, "item not found for itemKey:x");
    assert!(items(&admin).await.is_empty());
    assert!(admin.audits_since(before).await.is_empty());
    let nowhere = admin.post(&format!("{}/itemset", admin.path("nothing")), json!({})).await;
    nowhere.fails(404, "namespace not found for appId:");
}

/// Case 47: the number of items is limited, taking deletions of the change set into account.
#[tokio::test]
async fn items_of_a_namespace_are_limited() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    admin.set("item.num.limit.enabled", "true");
    admin.set("item.num.limit", "5");
    let namespace_id = admin.namespace_id().await;
    let mut last = 0;
    for number in 0..5 {
        last = admin.item(&format!("k{number}"), "1").await.id();
    }
    let refusal = "The maximum number of items (5) for this namespace has been reached. Current item count is ";
    admin.item("k5", "1").await.fails(400, &format!("{refusal}5."));
    let create = json!([{"namespaceId": namespace_id, "key": "k5", "value": "1"}]);
    apply(&admin, json!({"createItems": create})).await.fails(400, &format!("{refusal}6."));
    apply(&admin, json!({"createItems": create, "deleteItems": [{"id": last, "key": "k4"}]}))
        .await
        .empty();
    assert_eq!(items(&admin).await.len(), 5);
}

/// Case 91: keys of a release are in line order, whatever the order of creation.
#[tokio::test]
async fn a_release_follows_the_lines() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let namespace_id = admin.namespace_id().await;
    let item = |key: &str, line: i64| json!({"namespaceId": namespace_id, "key": key, "value": "1", "lineNum": line});
    apply(&admin, json!({"createItems": [item("z", 2), item("a", 1)]})).await.empty();
    assert_eq!(admin.publish().await.ok()["configurations"], r#"{"a":"1","z":"1"}"#);
}

/// What was computed from a release is refused once it is not the latest one, although no item has
/// changed: change sets, merges, and the deletion of what was not published.
#[tokio::test]
async fn changes_are_based_on_a_release() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let id = admin.item("u", "1").await.id();
    let n = admin.n();
    let branch = admin.post(&format!("{n}/branches?operator=u"), Value::Null).await.ok();
    let branch = branch["clusterName"].as_str().unwrap().to_owned();
    let release = admin.publish().await.id();
    let change = json!({
        "updateItems": [{"id": id, "key": "u", "value": "2", "lineNum": 1}],
        "dataChangeLastModifiedBy": "u",
    });
    let merge =
        format!("{n}/updateAndPublish?releaseName=r&branchName={branch}&deleteBranch=false");
    let post = async |path: &str, release: i64| {
        let separator = if path.contains('?') { '&' } else { '?' };
        admin.post(&format!("{path}{separator}releaseId={release}"), change.clone()).await.status
    };
    for other in [0, release + 1] {
        assert_eq!(post(&format!("{n}/itemset"), other).await, 409);
        assert_eq!(post(&merge, other).await, 409);
    }
    let delete = admin.delete(&format!("{n}?operator=u&releaseId=0")).await;
    assert_eq!(delete.status, 409, "{delete:?}");
    assert_eq!(items(&admin).await, ["u=1"]);
    assert_eq!(post(&format!("{n}/itemset"), release).await, 200);
    assert_eq!(post(&merge, release).await, 200);

    let abandon = format!("{n}/branches/{branch}?operator=u&branchReleaseId=");
    let published = format!("/apps/{}/clusters/{branch}/namespaces/application", admin.app_id);
    admin.publish_at(&published).await.ok();
    let refused = admin.delete(&format!("{abandon}0")).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    admin.delete(&format!("{n}/branches/{branch}?operator=u")).await.empty();
}
