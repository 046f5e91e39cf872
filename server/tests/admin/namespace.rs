//! Cases 19 to 25, 88 to 90, 93 and 94: namespaces, their definitions, and what is created and
//! deleted with them.

use castalia_store::entity::{
    access_key, app, app_namespace, cluster, commit, instance_config, item, namespace, release,
    release_history,
};
use castalia_store::{Id, StoreError};
use sea_orm::Set;
use serde_json::{Value, json};

use super::client::{Admin, counts, members};

fn definition(admin: &Admin, name: &str, format: &str, is_public: bool) -> Value {
    json!({
        "appId": admin.app_id, "name": name, "format": format, "comment": "", "isPublic": is_public,
        "dataChangeCreatedBy": "u",
    })
}

async fn define(admin: &Admin, name: &str, format: &str) -> Value {
    let path = format!("/apps/{}/appnamespaces", admin.app_id);
    admin.post(&path, definition(admin, name, format, false)).await.ok()
}

async fn create_cluster(admin: &Admin, name: &str) {
    let body = json!({"appId": admin.app_id, "name": name, "dataChangeCreatedBy": "u"});
    admin.post(&format!("/apps/{}/clusters", admin.app_id), body).await.ok();
}

/// Cases 19 and 20: a definition is created with a namespace in each cluster; if created silently
/// again, only missing ones are added.
#[tokio::test]
async fn a_definition_comes_with_a_namespace_in_each_cluster() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    create_cluster(&admin, "c1").await;
    let before = admin.last_audit().await;
    let created = define(&admin, "app.json", "json").await;
    assert_eq!(
        (&created["format"], &created["dataChangeLastModifiedBy"]),
        (&json!("json"), &json!("u"))
    );
    let expected = ["Namespace INSERT", "Namespace INSERT", "AppNamespace INSERT"];
    assert_eq!(admin.audits_since(before).await, expected);

    let path = format!("/apps/{}/appnamespaces", admin.app_id);
    let again = definition(&admin, "app.json", "json", false);
    admin.post(&path, again.clone()).await.fails(400, "appNamespace already exists for appId:");
    let of_c1 = format!("/apps/{}/clusters/c1/namespaces/app.json", admin.app_id);
    admin.delete(&format!("{of_c1}?operator=u")).await.empty();
    let silent = admin.post(&format!("{path}?silentCreation=true"), again).await.ok();
    assert_eq!(silent["id"], created["id"]);
    admin.get(&of_c1).await.ok();
    let rows = admin.rows::<namespace::Entity>().await;
    let own =
        rows.iter().filter(|row| row.app_id == admin.app_id && row.namespace_name == "app.json");
    assert_eq!(own.filter(|row| !row.is_deleted).count(), 2);

    let empty = define(&admin, "plain", "").await;
    assert_eq!(empty["format"], "properties");
    let odd = definition(&admin, "a b", "txt", false);
    assert_eq!(admin.post(&path, odd).await.status, 400);
}

/// Case 21: an unknown definition cannot be deleted, which is 400, not 404; a known one is deleted
/// with its namespaces.
#[tokio::test]
async fn a_definition_is_deleted_with_its_namespaces() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let path = format!("/apps/{}/appnamespaces", admin.app_id);
    admin
        .delete(&format!("{path}/none?operator=u"))
        .await
        .fails(400, "appNamespace not exist for appId:");
    define(&admin, "ns", "properties").await;
    admin.delete(&format!("{path}/ns?operator=u")).await.empty();
    assert_eq!(members(&admin.get(&path).await.ok(), "name"), ["application"]);
    assert_eq!(admin.get(&admin.path("ns")).await.status, 404);
    let rows = admin.rows::<app_namespace::Entity>().await;
    let dead = rows.iter().find(|row| row.app_id == admin.app_id && row.name == "ns").unwrap();
    assert!(
        dead.is_deleted
            && dead.deleted_at > 0
            && dead.data_change_last_modified_by.as_deref() == Some("u")
    );
    assert_eq!(admin.messages().await, [format!("{}+default+ns", admin.app_id)]);
}

/// Cases 22 and 23: a namespace does not require a cluster, and an unknown one is reported as an
/// item.
#[tokio::test]
async fn a_namespace_needs_no_cluster() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let path = format!("/apps/{}/clusters/nope/namespaces", admin.app_id);
    let body = json!({
        "appId": admin.app_id, "clusterName": "nope", "namespaceName": "x", "dataChangeCreatedBy": "u",
    });
    let id = admin.post(&path, body.clone()).await.id();
    assert_eq!(admin.get(&format!("/namespaces/{id}")).await.id(), id);
    admin.post(&path, body).await.fails(400, "namespace already exists for namespaceName:x");
    admin.get("/namespaces/999999").await.fails(404, "item not found for itemId:999999");
    assert_eq!(
        admin.get(&format!("/apps/{}/clusters/none/namespaces", admin.app_id)).await.ok(),
        json!([])
    );
}

/// A cluster that is created after a namespace in it keeps that namespace.
#[tokio::test]
async fn a_cluster_is_created_around_its_namespaces() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let clusters = format!("/apps/{}/clusters", admin.app_id);
    let namespace = json!({
        "appId": admin.app_id, "clusterName": "late", "namespaceName": "application",
        "dataChangeCreatedBy": "u",
    });
    let id = admin.post(&format!("{clusters}/late/namespaces"), namespace.clone()).await.id();
    let cluster = json!({ "appId": admin.app_id, "name": "late", "dataChangeCreatedBy": "u" });
    admin.post(&clusters, cluster).await.ok();
    let found = admin.get(&format!("{clusters}/late/namespaces")).await.ok();
    assert_eq!((found[0]["id"].as_i64(), found.as_array().unwrap().len()), (Some(id), 1));
    // Whoever looked the cluster up before its deletion creates nothing in it.
    admin.delete(&format!("{clusters}/late?operator=u")).await.ok();
    let refused = admin.post(&format!("{clusters}/late/namespaces"), namespace).await;
    refused.fails(404, "cluster not found");
}

async fn add_instance_config(admin: &Admin) {
    let now = castalia_store::now();
    let row = instance_config::ActiveModel {
        instance_id: Set(Some(Id(1))),
        config_app_id: Set(admin.app_id.clone()),
        config_cluster_name: Set("default".into()),
        config_namespace_name: Set("application".into()),
        release_key: Set("k".into()),
        release_delivery_time: Set(Some(now.into())),
        data_change_created_time: Set(now.into()),
        data_change_last_time: Set(now.into()),
        ..Default::default()
    };
    let written: Result<_, StoreError> = admin
        .store()
        .write(row, |tx, row| Box::pin(castalia_store::entity::insert(tx, row.clone())))
        .await;
    written.unwrap();
}

/// Case 24: everything in a namespace is deleted with it, with one timestamp for each table; items
/// leave no audit rows.
#[tokio::test]
async fn a_namespace_is_deleted_with_all_that_is_in_it() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    admin.item("a", "1").await.ok();
    admin.item("b", "2").await.ok();
    admin.publish().await.ok();
    admin.publish().await.ok();
    add_instance_config(&admin).await;
    let id = admin.namespace_id().await;
    let (before, sent) = (admin.last_audit().await, admin.last_message().await);
    admin.delete(&format!("{}?operator=u", admin.n())).await.empty();

    assert_eq!(admin.audits_since(before).await, ["Namespace DELETE"]);
    admin.assert_sent(sent, &[format!("{}+default+application", admin.app_id)]).await;
    let own = |app_id: &str| app_id == admin.app_id;
    let dead_at = |rows: Vec<(bool, i64)>| {
        assert!(
            rows.len() == 2 && rows.iter().all(|(is_deleted, at)| *is_deleted && *at > 0),
            "{rows:?}"
        );
        assert_eq!(rows[0].1, rows[1].1, "one moment for all rows of a table");
    };
    let items =
        admin.rows::<item::Entity>().await.into_iter().filter(|row| row.namespace_id.0 == id);
    dead_at(items.map(|row| (row.is_deleted, row.deleted_at)).collect());
    let commits = admin.rows::<commit::Entity>().await.into_iter().filter(|row| own(&row.app_id));
    dead_at(commits.map(|row| (row.is_deleted, row.deleted_at)).collect());
    let releases = admin.rows::<release::Entity>().await.into_iter().filter(|row| own(&row.app_id));
    dead_at(releases.map(|row| (row.is_deleted, row.deleted_at)).collect());
    let histories =
        admin.rows::<release_history::Entity>().await.into_iter().filter(|row| own(&row.app_id));
    dead_at(histories.map(|row| (row.is_deleted, row.deleted_at)).collect());
    let configs = admin.rows::<instance_config::Entity>().await;
    assert!(configs.iter().all(|row| row.config_app_id != admin.app_id));

    let body = json!({
        "appId": admin.app_id, "clusterName": "default", "namespaceName": "application", "dataChangeCreatedBy": "u",
    });
    let path = format!("/apps/{}/clusters/default/namespaces", admin.app_id);
    assert!(admin.post(&path, body).await.id() > id);
    assert_eq!(admin.get(&format!("{}/items", admin.n())).await.ok(), json!([]));
}

/// Case 25: the number of namespaces of a cluster is limited, unless its app is on the white list.
#[tokio::test]
async fn namespaces_of_a_cluster_are_limited() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    admin.set("namespace.num.limit.enabled", "true");
    admin.set("namespace.num.limit", "1");
    let path = format!("/apps/{}/clusters/default/namespaces", admin.app_id);
    let body = json!({
        "appId": admin.app_id, "clusterName": "default", "namespaceName": "second", "dataChangeCreatedBy": "u",
    });
    let refused = admin.post(&path, body.clone()).await;
    assert_eq!(refused.status, 500);
    assert!(
        refused.json()["message"].as_str().unwrap().contains("nowCount= 1, maxCount =1"),
        "{refused:?}"
    );
    admin.set("namespace.num.limit.white", &format!("x, {}", admin.app_id));
    admin.post(&path, body).await.ok();
}

/// Case 88: a cluster has unpublished edits from an edit until its publish, or until the value
/// equals the published one again.
#[tokio::test]
async fn unpublished_edits_are_told_by_cluster() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let path = format!("/apps/{}/namespaces/publish_info", admin.app_id);
    let state = async || admin.get(&path).await.ok()["default"].clone();
    assert_eq!(state().await, false);
    let id = admin.item("k", "1").await.id();
    assert_eq!(state().await, true);
    admin.publish().await.ok();
    assert_eq!(state().await, false);
    // Times have whole seconds on some engines.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let item = format!("{}/items/{id}", admin.n());
    let value = |value: &str| json!({"value": value, "dataChangeLastModifiedBy": "u"});
    admin.put(&item, value("2")).await.ok();
    assert_eq!(state().await, true);
    admin.put(&item, value("1")).await.ok();
    assert_eq!(state().await, false);
    admin.delete(&format!("/items/{id}?operator=u")).await.empty();
    assert_eq!(state().await, false);
    admin.get("/apps/zz/namespaces/publish_info").await.fails(400, "app not exists for appId:zz");
}

/// Cases 89 and 93: clients of a public name see the owner's cluster when it is published there;
/// rows of other apps are counted, and deleting one affects only that app.
#[tokio::test]
async fn a_public_namespace_is_found_where_it_is_published() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    create_cluster(&admin, "c1").await;
    let name = format!("pub.{}", admin.app_id);
    let path = format!("/apps/{}/appnamespaces", admin.app_id);
    admin.post(&path, definition(&admin, &name, "properties", true)).await.ok();
    let of = |cluster: &str| format!("/apps/{}/clusters/{cluster}/namespaces/{name}", admin.app_id);
    let (in_default, in_c1) =
        (admin.get(&of("default")).await.id(), admin.get(&of("c1")).await.id());
    let seen = async || {
        admin
            .get(&format!("/apps/any/clusters/c1/namespaces/{name}/associated-public-namespace"))
            .await
            .id()
    };
    assert_eq!(seen().await, in_c1);
    admin.publish_at(&of("default")).await.ok();
    assert_eq!(seen().await, in_default);
    admin.publish_at(&of("c1")).await.ok();
    assert_eq!(seen().await, in_c1);
    let private =
        admin.get("/apps/any/clusters/c1/namespaces/private/associated-public-namespace").await;
    private.fails(400, "namespace not exist for appId: clusterName:c1 namespaceName:private");

    let count = async || {
        admin.get(&format!("/appnamespaces/{name}/associated-namespaces/count")).await.ok()
    };
    assert_eq!(count().await, 0);
    let other = format!("{}-other", admin.app_id);
    let body = json!({
        "appId": other, "clusterName": "default", "namespaceName": name, "dataChangeCreatedBy": "u",
    });
    admin.post(&format!("/apps/{other}/clusters/default/namespaces"), body).await.ok();
    assert_eq!(count().await, 1);
    let all = admin.get(&format!("/appnamespaces/{name}/namespaces")).await.ok();
    assert_eq!(members(&all, "appId"), [json!(admin.app_id), json!(admin.app_id), json!(other)]);
    admin
        .delete(&format!("/apps/{other}/clusters/default/namespaces/{name}?operator=u"))
        .await
        .empty();
    assert_eq!(count().await, 0);
    assert_eq!(admin.get(&of("default")).await.id(), in_default);
    admin
        .get("/appnamespaces/private/namespaces")
        .await
        .fails(400, "Public appNamespace not exists. NamespaceName = private");
}

/// Case 90: namespaces are found by an item's key; the page consists of items.
#[tokio::test]
async fn namespaces_are_found_by_the_key_of_an_item() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let key = format!("key-{}", admin.app_id);
    admin.item(&key, "1").await.ok();
    for name in ["n2", "n3"] {
        define(&admin, name, "properties").await;
        let body = super::client::item_body("u", &key, "1");
        admin.post(&format!("{}/items", admin.path(name)), body).await.ok();
    }
    let found = admin.get(&format!("/namespaces/find-by-item?itemKey={key}&size=2")).await.ok();
    assert_eq!((found["content"].as_array().unwrap().len(), &found["total"]), (2, &json!(2)));
    admin.get("/namespaces/find-by-item").await.is_unreadable();
}

/// Case 94: an app is deleted with its clusters, branches and namespaces, each of which sends a
/// message.
#[tokio::test]
async fn an_app_is_deleted_with_all_that_belongs_to_it() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    create_cluster(&admin, "c1").await;
    admin.item("a", "1").await.ok();
    let key = json!({"secret": "a secret of length", "dataChangeCreatedBy": "u"});
    admin.post(&format!("/apps/{}/accesskeys", admin.app_id), key).await.ok();
    let branch = admin.post(&format!("{}/branches?operator=u", admin.n()), Value::Null).await.ok();
    let branch = branch["clusterName"].as_str().unwrap().to_owned();
    admin.publish().await.ok();
    let (before, sent) = (admin.last_audit().await, admin.last_message().await);
    let logs = admin.rows::<castalia_store::entity::audit_log::Entity>().await.len();
    admin.delete(&format!("/apps/{}?operator=u", admin.app_id)).await.empty();

    let own = |app_id: &str| app_id == admin.app_id;
    assert!(
        admin
            .rows::<app::Entity>()
            .await
            .iter()
            .filter(|row| own(&row.app_id))
            .all(|row| row.is_deleted)
    );
    let definitions = admin.rows::<app_namespace::Entity>().await;
    assert!(definitions.iter().filter(|row| own(&row.app_id)).all(|row| row.is_deleted));
    let clusters = admin.rows::<cluster::Entity>().await;
    assert_eq!(clusters.iter().filter(|row| own(&row.app_id) && row.is_deleted).count(), 3);
    let namespaces = admin.rows::<namespace::Entity>().await;
    assert_eq!(namespaces.iter().filter(|row| own(&row.app_id) && row.is_deleted).count(), 3);
    let releases = admin.rows::<release::Entity>().await;
    assert!(releases.iter().filter(|row| own(&row.app_id)).all(|row| row.is_deleted));
    let histories = admin.rows::<release_history::Entity>().await;
    assert!(histories.iter().filter(|row| own(&row.app_id)).all(|row| row.is_deleted));
    let keys = admin.rows::<access_key::Entity>().await;
    // A remaining key would be valid for an app of this id that another user creates later.
    assert!(keys.iter().filter(|row| own(&row.app_id)).all(|row| row.is_deleted));

    let of = |cluster: &str| format!("{}+{cluster}+application", admin.app_id);
    admin.assert_sent(sent, &[of(&branch), of("default"), of("c1")]).await;
    let audits = admin.audits_since(before).await;
    assert_eq!(audits.last().map(String::as_str), Some("App DELETE"));
    assert_eq!(counts(&audits)["Namespace DELETE"], 3);
    let logs = &admin.rows::<castalia_store::entity::audit_log::Entity>().await[logs..];
    assert_eq!(logs.iter().map(|log| log.op_name.as_str()).collect::<Vec<_>>(), ["App.delete"]);
    let influences = admin.rows::<castalia_store::entity::audit_log_data_influence::Entity>().await;
    let old = influences.iter().filter(|row| row.span_id == logs[0].span_id);
    assert!(
        old.map(|row| (&row.field_old_value, &row.field_new_value))
            .all(|(old, new)| old.is_some() && new.is_none())
    );
    admin
        .delete(&format!("/apps/{}?operator=u", admin.app_id))
        .await
        .fails(404, "app not found for appId:");
}

/// Clients of all apps receive what the owner of a public name publishes, in any spelling of its
/// case.
#[tokio::test]
async fn a_public_name_belongs_to_one_app_in_any_case() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let second = format!("{}b", admin.app_id);
    let mut app = admin.app_body();
    app["appId"] = json!(second);
    admin.post("/apps", app).await.ok();
    let name = format!("lib.{}", admin.app_id);
    let own = format!("/apps/{}/appnamespaces", admin.app_id);
    admin.post(&own, definition(&admin, &name, "properties", true)).await.ok();
    for spelling in [name.clone(), name.to_uppercase()] {
        let mut taken = definition(&admin, &spelling, "properties", true);
        taken["appId"] = json!(second);
        let refused = admin.post(&format!("/apps/{second}/appnamespaces"), taken).await;
        refused.fails(400, &format!("Public AppNamespace {name} already exists in appId: "));
    }
}
