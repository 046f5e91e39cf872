//! The sequence of a change through the open API, and the rows that it leaves, which are the same
//! as Apollo's.

use serde_json::{Value, json};

use crate::support::demo::Demo;
use crate::support::http::Http;
use crate::support::rows::rows;
use crate::support::server::Server;

/// An app, a cluster, a namespace, items, a publish and a rollback through OpenAPI v1 with a token.
#[tokio::test]
async fn a_token_for_all_apps_takes_an_app_from_creation_to_rollback() {
    let server = Server::start();
    let demo = Demo::create(&server, "demo").await;
    let again = demo.api.get("/openapi/v1/apps/demo").await.ok().json();
    assert_eq!((&again["appId"], &again["orgId"]), (&json!("demo"), &json!("TEST1")));

    let cluster = json!({ "name": "bj", "appId": "demo", "dataChangeCreatedBy": "apollo" });
    demo.api.post("/openapi/v1/envs/DEV/apps/demo/clusters", cluster).await.ok();
    let envclusters = demo.api.get("/openapi/v1/apps/demo/envclusters").await.ok().json();
    assert_eq!(envclusters, json!([{ "env": "DEV", "clusters": ["default", "bj"] }]));

    let namespace = json!({
        "appId": "demo", "name": "db", "format": "json", "isPublic": false, "appendNamespacePrefix": true,
        "comment": "", "dataChangeCreatedBy": "apollo",
    });
    let created = demo.api.post("/openapi/v1/apps/demo/appnamespaces", namespace).await.ok().json();
    assert_eq!(created["name"], "db.json");

    demo.set("timeout", "100").await;
    demo.set("mode", "a").await;
    let first = demo.publish().await;
    assert_eq!(first["configurations"], json!({ "timeout": "100", "mode": "a" }));
    demo.set("timeout", "200").await;
    demo.delete("mode").await;
    let second = demo.publish().await;
    assert_eq!(second["configurations"], json!({ "timeout": "200" }));

    demo.roll_back(&second).await;
    let latest = demo.api.get(&format!("{}/releases/latest", demo.path())).await.ok().json();
    assert_eq!(latest["id"], first["id"]);
    let items = demo.api.get(&format!("{}/items?page=0&size=10", demo.path())).await.ok().json();
    assert_eq!((&items["total"], &items["content"][0]["value"]), (&json!(1), &json!("200")));
}

/// Publishing leaves a Release, a ReleaseHistory, Audit rows and one ReleaseMessage; a rollback
/// marks the release and adds one more.
#[tokio::test]
async fn publish_and_rollback_leave_the_rows_that_apollo_writes() {
    let server = Server::start();
    let demo = Demo::create(&server, "demo").await;
    demo.set("k", "x=1&<'").await;
    let first = demo.publish().await;
    demo.set("k", "2").await;
    let second = demo.publish().await;
    demo.roll_back(&second).await;

    let config = |sql: &'static str| rows(server.data_dir(), "config.db", sql);
    let releases =
        config(r#"SELECT Id, Configurations, IsAbandoned, ReleaseKey FROM "Release" ORDER BY Id"#)
            .await;
    assert_eq!(releases[0]["Configurations"], r#"{"k":"x\u003d1\u0026\u003c\u0027"}"#);
    assert_eq!((&releases[0]["IsAbandoned"], &releases[1]["IsAbandoned"]), (&json!(0), &json!(1)));
    let key = releases[0]["ReleaseKey"].as_str().unwrap();
    let (time, id) = key.split_once('-').unwrap();
    assert!(time.len() == 14 && id.len() == 16, "{key}");
    // The second part begins with two bytes of a hash over app id, cluster and namespace.
    assert_eq!(key[15..19].len(), 4);

    let histories = config(
        r#"SELECT Operation, ReleaseId, PreviousReleaseId, BranchName, OperationContext FROM "ReleaseHistory" ORDER BY Id"#,
    )
    .await;
    let history = |operation: i64, release: &Value, previous: &Value, context: &str| {
        json!({ "Operation": operation, "ReleaseId": release, "PreviousReleaseId": previous, "BranchName": "default",
            "OperationContext": context })
    };
    let published = r#"{"isEmergencyPublish":false}"#;
    assert_eq!(
        histories,
        [
            history(0, &first["id"], &json!(0), published),
            history(0, &second["id"], &first["id"], published),
            history(1, &first["id"], &second["id"], "{}"),
        ]
    );

    let messages = config(r#"SELECT DISTINCT Message FROM "ReleaseMessage""#).await;
    assert_eq!(messages, [json!({ "Message": "demo+default+application" })]);
    let audits = config(
        r#"SELECT EntityName, OpName FROM "Audit" WHERE EntityName IN ('App','AppNamespace','Cluster','Namespace') ORDER BY Id"#,
    )
    .await;
    let names: Vec<_> = audits.iter().map(|row| row["EntityName"].as_str().unwrap()).collect();
    assert_eq!(names, ["App", "AppNamespace", "Cluster", "Namespace"]);
}

/// Case A14: creating an app creates its roles and permissions in PortalDB, and assigns Master,
/// Modify and Release to its owner.
#[tokio::test]
async fn an_app_has_its_roles() {
    let server = Server::start();
    Demo::create(&server, "demo").await;
    let roles =
        rows(server.data_dir(), "portal.db", r#"SELECT RoleName FROM "Role" ORDER BY Id"#).await;
    let roles: Vec<_> = roles.iter().map(|row| row["RoleName"].as_str().unwrap()).collect();
    for expected in [
        "CreateApplication+SystemRole",
        "ManageUsers+SystemRole",
        "Master+demo",
        "ManageAppMaster+demo",
        "ModifyNamespace+demo+application",
        "ReleaseNamespace+demo+application",
        "ModifyNamespace+demo+application+DEV",
        "ModifyNamespacesInCluster+demo+DEV+default",
        "ReleaseNamespacesInCluster+demo+DEV+default",
    ] {
        assert!(roles.contains(&expected), "{expected} is not among {roles:?}");
    }
}

/// Invalid input is answered with a clear 4xx and changes nothing: malformed JSON, bad names,
/// missing members, no token.
#[tokio::test]
async fn bad_input_is_refused_and_changes_nothing() {
    let server = Server::start();
    let demo = Demo::create(&server, "demo").await;
    let anonymous = Http::new(&server.portal);
    assert_eq!(anonymous.get("/openapi/v1/apps").await.status, 401);
    assert_eq!(
        anonymous.with("Authorization", "nonsense").get("/openapi/v1/apps").await.status,
        401
    );

    let app = |id: &str| json!({ "app": { "appId": id, "name": "n", "orgId": "o", "orgName": "O", "ownerName": "apollo" } });
    let bad_name = demo.api.post("/openapi/v1/apps", app("a b")).await;
    assert_eq!(bad_name.status, 400, "{bad_name:?}");
    let again = demo.api.post("/openapi/v1/apps", app("demo")).await;
    assert_eq!(again.status, 400, "{again:?}");
    let item = demo.api.post(&format!("{}/items", demo.path()), json!({ "key": "k" })).await;
    assert_eq!(item.status, 400, "{item:?}");
    let unknown = demo.api.get(&format!("{}/items/absent", demo.path())).await;
    assert_eq!((unknown.status, &unknown.json()["status"]), (404, &json!(404)));

    let malformed = demo.api.text("/openapi/v1/apps", r#"{"app": {"appId": "#).await;
    assert_eq!(malformed.status, 400, "{malformed:?}");

    let apps = rows(server.data_dir(), "config.db", r#"SELECT AppId FROM "App""#).await;
    assert_eq!(apps, [json!({ "AppId": "demo" })]);
    let items = rows(server.data_dir(), "config.db", r#"SELECT Id FROM "Item""#).await;
    assert!(items.is_empty());
}

/// A token for one app reads and edits that app, and nothing of another.
#[tokio::test]
async fn a_token_for_one_app_stays_in_it() {
    let server = Server::start();
    let demo = Demo::create(&server, "demo").await;
    let other = Demo::create(&server, "other").await;
    let api = Http::new(&server.portal)
        .with("Authorization", &server.token("only-demo", &["--app", "demo"]));
    let item = json!({ "key": "k", "value": "v", "dataChangeCreatedBy": "apollo" });
    api.post(&format!("{}/items", demo.path()), item.clone()).await.ok();
    assert_eq!(api.post(&format!("{}/items", other.path()), item).await.status, 403);
    let app = json!({ "app": { "appId": "new", "name": "n", "orgId": "o", "orgName": "O", "ownerName": "apollo",
        "ownerEmail": "a@b", "dataChangeCreatedBy": "apollo" } });
    assert_eq!(api.post("/openapi/v1/apps", app).await.status, 403);
}
