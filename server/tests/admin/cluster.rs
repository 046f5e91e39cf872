//! Cases 15 to 18: clusters.

use serde_json::json;

use super::client::{Admin, is_by_address, members};

/// Cases 15 and 16: a cluster is created with a namespace for each definition unless that is
/// disabled, and its name is unique.
#[tokio::test]
async fn a_cluster_comes_with_the_namespaces_of_its_app() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let clusters = format!("/apps/{}/clusters", admin.app_id);
    let body =
        |name: &str| json!({"appId": admin.app_id, "name": name, "dataChangeCreatedBy": "u"});
    let created = admin.post(&clusters, body("c1")).await.ok();
    assert_eq!(created["parentClusterId"], 0);
    let namespaces = admin.get(&format!("{clusters}/c1/namespaces")).await.ok();
    assert_eq!(members(&namespaces, "namespaceName"), ["application"]);

    admin.post(&format!("{clusters}?autoCreatePrivateNamespace=false"), body("c2")).await.ok();
    assert_eq!(admin.get(&format!("{clusters}/c2/namespaces")).await.ok(), json!([]));
    assert_eq!(members(&admin.get(&clusters).await.ok(), "name"), ["default", "c1", "c2"]);

    admin.post(&clusters, body("c1")).await.fails(400, "cluster already exists for clusterName:c1");
    admin.post(&clusters, body("c 1")).await.fails(400, "Invalid Cluster format: Only digits");
    let blank = admin.post(&clusters, body(" ")).await;
    // It violates two rules; the reference reports either.
    assert!(is_by_address() || blank.json()["message"] == "cluster name cannot be blank");
    assert_eq!(blank.status, 400);
    admin.post("/apps/other/clusters", body("c1")).await.fails(400, "cluster not unique");
}

/// Case 17: the default cluster cannot be deleted; others are deleted with their namespaces.
#[tokio::test]
async fn a_cluster_is_deleted_with_its_namespaces() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let clusters = format!("/apps/{}/clusters", admin.app_id);
    admin
        .delete(&format!("{clusters}/default?operator=u"))
        .await
        .fails(400, "can not delete default cluster!");
    admin
        .delete(&format!("{clusters}/none?operator=u"))
        .await
        .fails(404, "cluster not found for appId:");
    let body = json!({"appId": admin.app_id, "name": "c1", "dataChangeCreatedBy": "u"});
    admin.post(&clusters, body.clone()).await.ok();
    let before = admin.last_audit().await;
    admin.delete(&format!("{clusters}/c1?operator=u")).await.empty();
    assert_eq!(admin.audits_since(before).await, ["Namespace DELETE", "Cluster DELETE"]);
    assert_eq!(admin.messages().await, [format!("{}+c1+application", admin.app_id)]);
    admin.get(&format!("{clusters}/c1")).await.fails(404, "cluster not found for appId:");
    admin.post(&clusters, body).await.ok();
}

/// Case 18: the path that checks whether a name is unused is in the singular.
#[tokio::test]
async fn a_cluster_name_in_use_is_not_unique() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let unique = async |name: &str| {
        admin.get(&format!("/apps/{}/cluster/{name}/unique", admin.app_id)).await.ok()
    };
    assert_eq!((unique("default").await, unique("c9").await), (json!(false), json!(true)));
}
