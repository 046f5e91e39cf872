//! Withdrawing the only release of a namespace in a cluster.

use serde_json::{Value, json};

use super::client::{Admin, Answer, pairs};

async fn withdraw(admin: &Admin, id: i64) -> Answer {
    admin.put(&format!("/releases/{id}/withdrawal?operator=w"), Value::Null).await
}

async fn released(admin: &Admin) -> i64 {
    admin.create_app().await.ok();
    admin.item("k", "1").await.ok();
    admin.publish().await.id()
}

#[tokio::test]
async fn the_only_release_is_withdrawn_and_clients_are_notified() {
    let admin = Admin::start().await;
    let id = released(&admin).await;
    let (before, sent) = (admin.last_audit().await, admin.last_message().await);
    withdraw(&admin, id).await.empty();
    let taken = admin.get(&format!("/releases/{id}")).await.ok();
    assert_eq!(
        (&taken["isAbandoned"], &taken["dataChangeLastModifiedBy"]),
        (&json!(true), &json!("w"))
    );
    admin.get(&format!("{}/releases/latest", admin.n())).await.empty();
    let page = admin.get(&format!("{}/releases/histories", admin.n())).await.ok();
    let newest = &page["content"][0];
    assert_eq!(
        [
            &newest["operation"],
            &newest["releaseId"],
            &newest["previousReleaseId"],
            &newest["operationContext"]
        ],
        [&json!(1), &json!(0), &json!(id), &json!({})]
    );
    admin.assert_sent(sent, &[format!("{}+default+application", admin.app_id)]).await;
    assert_eq!(admin.audits_since(before).await, ["ReleaseHistory INSERT"]);
    // The items are kept, and the next publish releases them again.
    assert_eq!(pairs(&admin.get(&format!("{}/items", admin.n())).await.ok()), ["k=1"]);
    let again = admin.publish().await.id();
    assert_eq!(admin.get(&format!("{}/releases/latest", admin.n())).await.id(), again);
}

#[tokio::test]
async fn a_release_is_withdrawn_once_and_only_if_it_is_the_only_one() {
    let admin = Admin::start().await;
    let first = released(&admin).await;
    let second = admin.publish().await.id();
    for id in [first, second] {
        let refusal = format!("Release {id} is not the only active release of its namespace");
        withdraw(&admin, id).await.fails(400, &refusal);
    }
    admin.put(&format!("/releases/{second}/rollback?operator=w"), Value::Null).await.empty();
    withdraw(&admin, second).await.fails(400, "release is not active");
    withdraw(&admin, first).await.empty();
    withdraw(&admin, first).await.fails(400, "release is not active");
    withdraw(&admin, 999_999_999).await.fails(404, "release not found for releaseId:999999999");
}

#[tokio::test]
async fn a_namespace_with_a_gray_release_keeps_its_release() {
    let admin = Admin::start().await;
    let id = released(&admin).await;
    let branches = format!("{}/branches", admin.n());
    let branch = admin.post(&format!("{branches}?operator=u"), Value::Null).await.ok();
    let branch = branch["clusterName"].as_str().unwrap();
    let of_branch = admin.n().replace("clusters/default", &format!("clusters/{branch}"));
    let gray = admin.post(&format!("{of_branch}/releases?name=g&operator=u"), Value::Null).await;
    let gray = gray.id();
    let refusal = format!("Release {gray} is a gray release and cannot be withdrawn");
    withdraw(&admin, gray).await.fails(400, &refusal);
    let refusal =
        format!("Release {id} cannot be withdrawn while its namespace has a gray release");
    withdraw(&admin, id).await.fails(400, &refusal);
    assert_eq!(admin.get(&format!("{}/releases/latest", admin.n())).await.id(), id);
    admin.delete(&format!("{branches}/{branch}?operator=u")).await.empty();
    withdraw(&admin, id).await.empty();
}
