//! Cases 1 to 10, 13 and 14: apps, and answers to invalid requests.

use axum::body::Body;
use castalia_store::entity::{
    app, app_namespace, audit, audit_log, audit_log_data_influence, cluster, namespace,
};
use http::Method;
use serde_json::{Value, json};

use super::client::{Admin, is_by_address};

/// Case 1: an app is created with definition, cluster and namespace, and every row is recorded; no
/// message is sent.
#[tokio::test]
async fn an_app_is_created_with_all_that_every_app_has() {
    let admin = Admin::start().await;
    let before = admin.last_audit().await;
    let answer = admin.create_app().await;
    let body = answer.ok();
    assert!(body["id"].as_i64().unwrap() > 0 && body.get("ownerDisplayName").is_none(), "{body}");
    assert_eq!(answer.headers["content-type"], "application/json;charset=UTF-8");

    let own = |app_id: &str| app_id == admin.app_id;
    assert_eq!(admin.rows::<app::Entity>().await.iter().filter(|row| own(&row.app_id)).count(), 1);
    let definitions = admin.rows::<app_namespace::Entity>().await;
    let definition = definitions.iter().find(|row| own(&row.app_id)).unwrap();
    assert_eq!(
        (
            definition.name.as_str(),
            definition.format.as_str(),
            definition.is_public,
            definition.comment.as_str()
        ),
        ("application", "properties", false, "default app namespace")
    );
    let clusters = admin.rows::<cluster::Entity>().await;
    let cluster = clusters.iter().find(|row| own(&row.app_id)).unwrap();
    assert_eq!((cluster.name.as_str(), cluster.parent_cluster_id.0), ("default", 0));
    let namespaces = admin.rows::<namespace::Entity>().await;
    let namespace = namespaces.iter().find(|row| own(&row.app_id)).unwrap();
    assert_eq!(
        (namespace.cluster_name.as_str(), namespace.namespace_name.as_str()),
        ("default", "application")
    );

    let expected = ["App INSERT", "AppNamespace INSERT", "Cluster INSERT", "Namespace INSERT"];
    assert_eq!(admin.audits_since(before).await, expected);
    let audits = admin.rows::<audit::Entity>().await;
    assert!(
        audits
            .iter()
            .filter(|row| row.id.0 > before)
            .all(|row| row.data_change_last_modified_by.is_none())
    );
    assert!(admin.messages().await.is_empty());
}

/// Case 1: two business operations of an anonymous caller, each with its own trace, and the fields
/// that they set.
#[tokio::test]
async fn business_operations_of_a_new_app_are_recorded() {
    let admin = Admin::start().await;
    let before = admin.rows::<audit_log::Entity>().await.len();
    let id = admin.create_app().await.id();
    let logs = &admin.rows::<audit_log::Entity>().await[before..];
    let names: Vec<_> = logs
        .iter()
        .map(|log| (log.op_name.as_str(), log.op_type.as_str(), log.operator.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            ("App.create", "CREATE", "anonymous"),
            ("AppNamespace.createDefault", "CREATE", "anonymous")
        ]
    );
    assert_ne!(logs[0].trace_id, logs[1].trace_id);

    let influences = admin.rows::<audit_log_data_influence::Entity>().await;
    let of = |span: &str| {
        influences.iter().filter(|row| row.span_id == span).cloned().collect::<Vec<_>>()
    };
    let fields = of(&logs[0].span_id);
    let named: Vec<_> = fields
        .iter()
        .map(|row| (row.field_name.as_deref(), row.field_new_value.as_deref()))
        .collect();
    assert_eq!(named, [(Some("Name"), Some("n1")), (Some("AppId"), Some(admin.app_id.as_str()))]);
    assert!(
        fields
            .iter()
            .all(|row| row.influence_entity_id == id.to_string() && row.field_old_value.is_none())
    );
    assert_eq!(of(&logs[1].span_id).len(), 4);
}

/// Case 2: a caller that sends a trace id finds both operations under it.
#[tokio::test]
async fn operations_join_the_trace_of_the_caller() {
    let admin = Admin::start().await;
    let before = admin.rows::<audit_log::Entity>().await.len();
    let request = admin
        .request(Method::POST, "/apps")
        .header("content-type", "application/json")
        .header("Apollo-Audit-TraceId", "t")
        .header("Apollo-Audit-SpanId", "s")
        .header("Apollo-Audit-Operator", "z");
    admin.send(request.body(Body::from(admin.app_body().to_string())).unwrap()).await.ok();
    let logs = &admin.rows::<audit_log::Entity>().await[before..];
    assert_eq!(logs.len(), 2);
    for log in logs {
        assert_eq!(
            (log.trace_id.as_str(), log.parent_span_id.as_deref(), log.operator.as_str()),
            ("t", Some("s"), "z")
        );
    }
}

/// Case 3: an app id is unique.
#[tokio::test]
async fn a_second_app_of_the_same_id_is_refused() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let answer = admin.create_app().await;
    answer.fails(400, &format!("app already exists for appId:{}", admin.app_id));
    let body = answer.json();
    assert!(body["exception"].as_str().unwrap().ends_with("BadRequestException"), "{body}");
    assert_eq!(body["status"], 400);
}

/// Cases 4 and 5: an app id with other characters and a blank mail address are refused, and leave
/// no row.
#[tokio::test]
async fn a_refused_app_leaves_no_rows() {
    let admin = Admin::start().await;
    let mut body = admin.app_body();
    body["appId"] = json!("bad id");
    admin.post("/apps", body).await.fails(400, "Invalid AppId format: Only digits");
    let mut body = admin.app_body();
    body["ownerEmail"] = json!(" ");
    assert_eq!(admin.post("/apps", body).await.status, 400);
    assert_no_rows(&admin).await;
}

/// Case 6: an app without a creator is refused with the error of the database.
#[tokio::test]
async fn an_app_without_creator_is_refused() {
    let admin = Admin::start().await;
    let mut body = admin.app_body();
    body.as_object_mut().unwrap().remove("dataChangeCreatedBy");
    assert_eq!(admin.post("/apps", body).await.status, 500);
    assert_no_rows(&admin).await;
}

async fn assert_no_rows(admin: &Admin) {
    assert!(admin.rows::<app::Entity>().await.iter().all(|row| row.app_id != admin.app_id));
    assert!(
        admin.rows::<app_namespace::Entity>().await.iter().all(|row| row.app_id != admin.app_id)
    );
}

/// Cases 7 and 8: an update contains the same app id in path and body, and the app exists.
#[tokio::test]
async fn an_update_needs_one_existing_app() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let mut body = admin.app_body();
    body["appId"] = json!("other");
    let path = format!("/apps/{}", admin.app_id);
    admin
        .put(&path, body)
        .await
        .fails(400, "The App Id of path variable and request body is different");
    let mut body = admin.app_body();
    body["appId"] = json!("zz");
    admin.put("/apps/zz", body).await.fails(400, "app not exists for appId:zz");

    let mut body = admin.app_body();
    body["name"] = json!("renamed");
    body["dataChangeCreatedBy"] = json!("other");
    admin.put(&path, body).await.empty();
    let app = admin.get(&path).await.ok();
    assert_eq!(
        (app["name"].as_str(), app["dataChangeCreatedBy"].as_str()),
        (Some("renamed"), Some("u"))
    );
}

/// Case 9: an unknown app is 404, and its id is unused.
#[tokio::test]
async fn an_unknown_app_is_not_found_and_unique() {
    let admin = Admin::start().await;
    admin.get("/apps/zz").await.fails(404, "app not found for appId:zz");
    assert_eq!(admin.get("/apps/zz/unique").await.ok(), json!(true));
    admin.create_app().await.ok();
    assert_eq!(admin.get(&format!("/apps/{}/unique", admin.app_id)).await.ok(), json!(false));
}

/// Case 10: invalid page numbers are not errors, and a search by name has no pages.
#[tokio::test]
async fn apps_are_listed_in_pages_or_searched() {
    let admin = Admin::start().await;
    for number in 0..11 {
        let mut body = admin.app_body();
        body["appId"] = json!(format!("{}-{number}", admin.app_id));
        body["name"] = json!(format!("name of {}", admin.app_id));
        admin.post("/apps", body).await.ok();
    }
    let count = async |query: &str| {
        admin.get(&format!("/apps{query}")).await.ok().as_array().unwrap().len()
    };
    assert_eq!(count("?size=0").await, 10);
    assert_eq!(count("?page=abc&size=-1").await, 10);
    assert!((11..=2000).contains(&count("?size=5000").await));
    assert_eq!(count(&format!("?name={}", admin.app_id)).await, 11);
    assert_eq!(
        admin.get("/apps?sort=id,desc&size=1").await.ok()[0]["appId"],
        json!(format!("{}-10", admin.app_id))
    );
    for unknown in ["nothing", "%C3%A9", "id,nothing,desc", "i", "ID"] {
        let answer = admin.get(&format!("/apps?sort={unknown}")).await;
        assert_eq!(answer.status, 400, "{unknown}: {answer:?}");
    }
}

/// Statuses of a wrong method, a missing parameter, a malformed body and an unknown path.
async fn refusals(admin: &Admin) -> [u16; 4] {
    admin.create_app().await.ok();
    let app = format!("/apps/{}", admin.app_id);
    let unreadable =
        admin.request(Method::POST, "/apps").header("content-type", "application/json");
    let answers = [
        admin.json(Method::PATCH, "/apps", Value::Null).await,
        admin.delete(&app).await,
        admin.send(unreadable.body(Body::from("{")).unwrap()).await,
        admin.get("/nothing").await,
    ];
    answers.map(|answer| {
        assert_eq!(answer.json()["status"], answer.status);
        assert_eq!(answer.headers["content-type"], "application/json");
        answer.status
    })
}

/// Cases 13 and 14: wrong method, missing parameter and malformed body, with the default statuses
/// and with the reference's.
#[tokio::test]
async fn bad_requests_have_two_sets_of_numbers() {
    let (ours, theirs) = ([405, 400, 400, 404], [400, 500, 500, 500]);
    let found = refusals(&Admin::start().await).await;
    assert!(found == ours || (is_by_address() && found == theirs), "{found:?}");
    let strict = Admin::with(&[("compat.strict_status", "on")]).await;
    assert_eq!(refusals(&strict).await, theirs);
}

/// A remaining key would be valid for an app of the same id that another user creates later.
#[tokio::test]
async fn the_access_keys_of_an_app_are_deleted_with_it() {
    use castalia_store::entity::access_key;
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let path = format!("/apps/{}/accesskeys", admin.app_id);
    admin
        .post(&path, json!({"secret": "a secret of length 1", "dataChangeCreatedBy": "u"}))
        .await
        .ok();
    admin.delete(&format!("/apps/{}?operator=u", admin.app_id)).await.ok();
    let keys = admin.rows::<access_key::Entity>().await;
    let key = keys.iter().find(|row| row.app_id == admin.app_id).unwrap();
    assert!(key.is_deleted);
    show_keys(&admin).await;
    let before = admin.last_audit().await;
    admin.create_app().await.ok();
    assert_eq!(admin.get(&path).await.ok(), json!([]));
    assert!(admin.audits_since(before).await.contains(&"AccessKey DELETE".to_owned()));
}

/// Shows the keys of a deleted app, as Apollo leaves them.
async fn show_keys(admin: &Admin) {
    use castalia_store::entity::access_key::{Column, Entity};
    use sea_orm::sea_query::Expr;
    use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
    let shown = admin.store().write(admin.app_id.clone(), |tx, app_id| {
        let rows = Entity::update_many().filter(Column::AppId.eq(app_id.as_str()));
        let rows = rows.col_expr(Column::IsDeleted, Expr::value(false));
        let rows = rows.col_expr(Column::DeletedAt, Expr::value(0_i64));
        Box::pin(async move { Ok::<_, castalia_store::StoreError>(rows.exec(tx).await?) })
    });
    assert_eq!(shown.await.unwrap().rows_affected, 1);
}

/// Every engine refuses it with the same message, even if its column would accept it.
#[tokio::test]
async fn the_name_of_an_editor_fits_into_its_column() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let long = "x".repeat(65);
    let mut body = admin.app_body();
    body["dataChangeLastModifiedBy"] = json!(long);
    let refused = admin.put(&format!("/apps/{}", admin.app_id), body).await;
    assert!(refused.status >= 400 && refused.body.contains("Data too long"), "{refused:?}");
    let items = format!("{}/items", admin.path("application"));
    let mut item = json!({"key": "k", "value": "v", "comment": "", "lineNum": 1, "type": 0,
        "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u"});
    let id = admin.post(&items, item.clone()).await.id();
    item["dataChangeLastModifiedBy"] = json!(long);
    let refused = admin.put(&format!("{items}/{id}"), item).await;
    assert!(refused.status >= 400 && refused.body.contains("Data too long"), "{refused:?}");
    let mut row = json!({"key": format!("k.{}", admin.app_id), "cluster": "default", "value": "v",
        "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u"});
    admin.post("/server/config", row.clone()).await.ok();
    row["dataChangeLastModifiedBy"] = json!(long);
    let refused = admin.post("/server/config", row).await;
    assert!(refused.status >= 400 && refused.body.contains("Data too long"), "{refused:?}");
}
