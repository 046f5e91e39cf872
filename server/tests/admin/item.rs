//! Cases 26 to 42, 86 and 87: single items, commits, and the search over all of them.

use castalia_store::entity::{commit, item};
use serde_json::{Value, json};

use super::client::{Admin, item_body, members, pairs};

async fn commits(admin: &Admin) -> Vec<commit::Model> {
    let rows = admin.rows::<commit::Entity>().await;
    rows.into_iter().filter(|row| row.app_id == admin.app_id).collect()
}

async fn changes(admin: &Admin) -> Value {
    serde_json::from_str(&commits(admin).await.last().unwrap().change_sets).unwrap()
}

/// A namespace of a format in the cluster `default`.
pub(crate) async fn define(admin: &Admin, name: &str, format: &str) -> String {
    let body = json!({
        "appId": admin.app_id, "name": name, "format": format, "comment": "", "dataChangeCreatedBy": "u",
    });
    admin.post(&format!("/apps/{}/appnamespaces", admin.app_id), body).await.ok();
    admin.path(name)
}

/// Case 26: an item is added after the last line, audited, and committed.
#[tokio::test]
async fn an_item_is_created_with_a_commit() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let before = admin.last_audit().await;
    let created = admin.item("k", "v").await.ok();
    assert_eq!(
        (&created["lineNum"], &created["namespaceId"]),
        (&json!(1), &json!(admin.namespace_id().await))
    );
    assert_eq!(admin.audits_since(before).await, ["Item INSERT"]);
    assert_eq!(commits(&admin).await.len(), 1);
    let commit = &commits(&admin).await[0];
    assert_eq!((commit.data_change_created_by.as_str(), commit.comment.as_deref()), ("u", None));
    let changes = changes(&admin).await;
    assert_eq!(pairs(&changes["createItems"]), ["k=v"]);
    assert_eq!((&changes["updateItems"], &changes["deleteItems"]), (&json!([]), &json!([])));
    let date = created["dataChangeCreatedTime"].as_str().unwrap();
    assert_eq!(date.len(), "2026-11-20T06:32:16.000+0000".len(), "{date}");
    assert_eq!(admin.item("k2", "v").await.ok()["lineNum"], 2);
    let placed = json!({"key": "k3", "value": "v", "lineNum": 7, "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u"});
    assert_eq!(admin.post(&format!("{}/items", admin.n()), placed).await.ok()["lineNum"], 7);
    assert!(admin.messages().await.is_empty());
}

/// Cases 27 to 29: the namespace of the path is used, keys are unique, and the namespace must
/// exist.
#[tokio::test]
async fn an_item_goes_where_the_path_says() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let mut body = item_body("u", "k2", "v");
    body["namespaceId"] = json!(999_999);
    let created = admin.post(&format!("{}/items", admin.n()), body).await.ok();
    assert_eq!(created["namespaceId"], admin.namespace_id().await);
    admin.item("k2", "w").await.fails(400, "item already exists for itemKey:k2");
    let unknown = format!("{}/items", admin.path("nothing"));
    admin
        .post(&unknown, item_body("u", "k", "v"))
        .await
        .fails(404, "namespace not found for appId:");
    admin.set("namespace.lock.switch", "true");
    admin.post(&unknown, item_body("u", "k", "v")).await.fails(400, "namespace not exist.");
}

/// Cases 30 to 32: keys and values have length limits, in UTF-16 units, and types are numbers.
#[tokio::test]
async fn items_have_limits() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    admin.item(&"k".repeat(128), "v").await.ok();
    admin.item(&"k".repeat(129), "v").await.fails(400, "key too long. length limit:128");
    admin.item(&"😀".repeat(65), "v").await.fails(400, "key too long. length limit:128");
    admin.item("v", &"v".repeat(20_000)).await.ok();
    let long = "v".repeat(20_001);
    admin.item("w", &long).await.fails(400, "value too long. length limit:20000");
    let mut typed = item_body("u", "t", "v");
    typed["type"] = json!(4);
    let refused = admin.post(&format!("{}/items", admin.n()), typed).await;
    assert_eq!(refused.json()["message"], "type is invalid. type should be in [0, 3]. ");

    admin.set("appid.value.length.limit.override", &json!({&admin.app_id: 5}).to_string());
    admin.item("x", "123456").await.fails(400, "value too long. length limit:5");
    let id = admin.namespace_id().await.to_string();
    admin.set("namespace.value.length.limit.override", &json!({id: 30_000}).to_string());
    admin.item("w", &long).await.ok();
}

/// Case 33: documents must be valid in their format.
#[tokio::test]
async fn documents_are_parsed() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let json = define(&admin, "app.json", "json").await;
    let content = |value: &str| item_body("u", "content", value);
    admin
        .post(&format!("{json}/items"), content(r#"{"a":1} x"#))
        .await
        .fails(400, "invalid json content:");
    let blank = admin.post(&format!("{json}/items"), content(" ")).await.id();
    let path = format!("{json}/items/{blank}");
    admin.put(&path, content("{")).await.fails(400, "invalid json content:");
    admin.put(&path, content(r#"{"a":{"b":[1]}}"#)).await.ok();
    for format in ["yaml", "yml"] {
        let yaml = define(&admin, &format!("app.{format}"), format).await;
        let prefix = format!("invalid {format} content:");
        admin.post(&format!("{yaml}/items"), content("a: 1\na: 2")).await.fails(400, &prefix);
        admin.post(&format!("{yaml}/items"), content("a: 1\n---\nb: 2")).await.fails(400, &prefix);
        admin
            .post(&format!("{yaml}/items"), content("a: !!java.lang.Object x"))
            .await
            .fails(400, &prefix);
        admin.post(&format!("{yaml}/items"), content("a: 1\nb: [x]")).await.ok();
    }
    let odd = define(&admin, "odd", "pictures").await;
    admin.post(&format!("{odd}/items"), content("x")).await.fails(400, "pictures can not map enum");
}

/// Case 34, stricter than Apollo: the row and its commit are one transaction, so without an
/// operator for the commit the item is not created either.
#[tokio::test]
async fn an_item_is_stored_with_its_commit_or_not_at_all() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let body = json!({"key": "k", "value": "v", "dataChangeCreatedBy": "u"});
    assert_eq!(admin.post(&format!("{}/items", admin.n()), body).await.status, 500);
    assert_eq!(admin.get(&format!("{}/items", admin.n())).await.ok(), json!([]));
    assert!(commits(&admin).await.is_empty());
}

/// Case 35: comment lines have no key and no commit, and are unique.
#[tokio::test]
async fn a_comment_line_is_an_item_without_key() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let path = format!("{}/comment_items", admin.n());
    let body = json!({
        "namespaceId": admin.namespace_id().await, "comment": "# c", "dataChangeCreatedBy": "u",
        "dataChangeLastModifiedBy": "u",
    });
    let created = admin.post(&path, body.clone()).await.ok();
    assert_eq!((&created["key"], &created["value"]), (&json!(""), &json!("")));
    assert_eq!(admin.post(&path, body.clone()).await.ok()["id"], created["id"]);
    assert!(commits(&admin).await.is_empty());
    let mut keyed = body.clone();
    keyed["key"] = json!("x");
    admin.post(&path, keyed).await.fails(400, "Comment item's key or value should be blank.");
    let mut silent = body;
    silent["comment"] = json!(" ");
    admin.post(&path, silent).await.fails(400, "Comment item's comment should not be blank.");
}

/// Cases 36 to 38: a change keeps the key, is committed if the value changed, and remains in its
/// namespace.
#[tokio::test]
async fn an_item_is_changed_in_place() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let id = admin.item("k", "1").await.id();
    let path = format!("{}/items/{id}", admin.n());
    let before = admin.last_audit().await;
    let body =
        json!({"key": "other", "value": "2", "comment": "c", "dataChangeLastModifiedBy": "w"});
    let changed = admin.put(&path, body.clone()).await.ok();
    assert_eq!(
        (&changed["key"], &changed["value"], &changed["dataChangeLastModifiedBy"]),
        (&json!("k"), &json!("2"), &json!("w"))
    );
    assert_eq!(admin.audits_since(before).await, ["Item UPDATE"]);
    let pair = changes(&admin).await["updateItems"][0].clone();
    assert_eq!((&pair["oldItem"]["value"], &pair["newItem"]["value"]), (&json!("1"), &json!("2")));

    let mut commented = body.clone();
    commented["comment"] = json!("another");
    let count = commits(&admin).await.len();
    assert_eq!(admin.put(&path, commented).await.ok()["comment"], "another");
    let time = |rows: Vec<item::Model>| {
        rows.into_iter().find(|row| row.id.0 == id).unwrap().data_change_last_time
    };
    let stored = time(admin.rows::<item::Entity>().await);
    let same = json!({"value": "2", "comment": "another", "dataChangeLastModifiedBy": "w"});
    admin.put(&path, same).await.ok();
    assert_eq!(
        time(admin.rows::<item::Entity>().await),
        stored,
        "a row without a difference keeps its time"
    );
    assert_eq!(commits(&admin).await.len(), count);
    assert_eq!(admin.audits_since(before).await.len(), 3);

    let other = define(&admin, "other", "properties").await;
    let elsewhere = admin.put(&format!("{other}/items/{id}"), body.clone()).await;
    elsewhere.fails(400, "invalid request, item and namespace do not match!");
    admin
        .put(&format!("{}/items/999999", admin.n()), body)
        .await
        .fails(404, "item not found for appId:");
    assert_eq!(admin.put(&path, json!({"dataChangeLastModifiedBy": "w"})).await.status, 500);
}

/// Case 39: a deletion is committed, and an item cannot be deleted twice.
#[tokio::test]
async fn an_item_is_deleted_once() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let id = admin.item("k", "1").await.id();
    let before = admin.last_audit().await;
    admin.delete(&format!("/items/{id}?operator=w")).await.empty();
    assert_eq!(admin.audits_since(before).await, ["Item DELETE"]);
    let rows = admin.rows::<item::Entity>().await;
    let row = rows.iter().find(|row| row.id.0 == id).unwrap();
    assert!(
        row.is_deleted
            && row.deleted_at > 0
            && row.data_change_last_modified_by.as_deref() == Some("w")
    );
    let deleted = changes(&admin).await["deleteItems"][0].clone();
    assert_eq!((&deleted["key"], &deleted["isDeleted"]), (&json!("k"), &json!(true)));
    admin
        .delete(&format!("/items/{id}?operator=u"))
        .await
        .fails(400, &format!("item not exists for itemId:{id}"));
    admin.get(&format!("/items/{id}")).await.fails(404, &format!("item not found for itemId:{id}"));
}

/// Case 40: items by key, including keys that a path cannot contain.
#[tokio::test]
async fn an_item_is_found_by_its_key() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let id = admin.item("a/bc", "1").await.id();
    for encoded in ["YS9iYw", "YS9iYw=="] {
        assert_eq!(admin.get(&format!("{}/encodedItems/{encoded}", admin.n())).await.id(), id);
    }
    assert_eq!(admin.get(&format!("{}/encodedItems/!!", admin.n())).await.status, 500);
    let missing = admin.get(&format!("{}/items/nothing", admin.n())).await;
    let place = format!("appId:{} clusterName:default namespaceName:application", admin.app_id);
    missing.fails(404, &format!("item not found for {place} itemKey:nothing"));
    let elsewhere = admin.get(&format!("{}/items/k", admin.path("nothing"))).await;
    elsewhere.fails(404, "namespace not found for appId:");
}

/// Case 41: items deleted since the last release are listed until the next one.
#[tokio::test]
async fn deleted_items_are_listed_until_the_next_release() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let id = admin.item("k", "1").await.id();
    admin.publish().await.ok();
    let deleted = async || pairs(&admin.get(&format!("{}/items/deleted", admin.n())).await.ok());
    admin.delete(&format!("/items/{id}?operator=u")).await.empty();
    assert_eq!(deleted().await, ["k=1"]);
    // Times have whole seconds on some engines.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    admin.publish().await.ok();
    assert!(deleted().await.is_empty());
}

/// Case 42: the search needs both parameters, either of which may be empty.
#[tokio::test]
async fn items_are_searched_by_key_and_value() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let key = format!("search-{}", admin.app_id);
    admin.item(&key, "some value").await.ok();
    admin.item("other", &key).await.ok();
    let search = async |key: &str, value: &str| {
        let found =
            admin.get(&format!("/items-search/key-and-value?key={key}&value={value}")).await.ok();
        (found["total"].clone(), found["content"].clone())
    };
    let (total, content) = search(&key, "").await;
    assert_eq!(total, 1);
    let hit = json!([{
        "appId": admin.app_id, "clusterName": "default", "namespaceName": "application", "key": key, "value": "some value",
    }]);
    assert_eq!(content, hit);
    assert_eq!(search(&key, "value").await.0, 1);
    assert_eq!(search(&key, "nothing").await.0, 0);
    assert_eq!(search("", &key).await.0, 1);
    admin.get("/items-search/key-and-value?key=k").await.is_unreadable();
}

/// Case 86: commits are found by the keys that they change.
#[tokio::test]
async fn commits_are_found_by_key() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    admin.item("k", "1").await.ok();
    admin.item("other", "1").await.ok();
    let path = format!("{}/commit", admin.n());
    let all = admin.get(&path).await.ok();
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert!(all[0]["changeSets"].as_str().unwrap().contains("other"));
    let found = admin.get(&format!("{path}?key=k")).await.ok();
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert!(found[0]["changeSets"].as_str().unwrap().contains(r#""key":"k""#));
    assert_eq!(admin.get(&format!("{}/commit", admin.path("nothing"))).await.ok(), json!([]));
}

/// Case 87: a page of an unknown namespace is 404, its list is empty.
#[tokio::test]
async fn items_come_as_list_or_page() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    for key in ["a", "b", "c"] {
        admin.item(key, "1").await.ok();
    }
    let page = admin.get(&format!("{}/items-with-page?page=1&size=2", admin.n())).await.ok();
    assert_eq!([&page["total"], &page["page"], &page["size"]], [&json!(3), &json!(1), &json!(2)]);
    assert_eq!(members(&page["content"], "key"), ["c"]);
    admin
        .get(&format!("{}/items-with-page", admin.path("nothing")))
        .await
        .fails(404, "namespace not found for appId:");
    assert_eq!(admin.get(&format!("{}/items", admin.path("nothing"))).await.ok(), json!([]));
}
