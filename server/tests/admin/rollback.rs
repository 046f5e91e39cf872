//! Cases 54 to 58: rollbacks.

use serde_json::{Value, json};

use super::client::{Admin, Answer, members, pairs};

/// An app with this number of releases; their ids, oldest first.
async fn released(admin: &Admin, count: i64) -> Vec<i64> {
    admin.create_app().await.ok();
    let id = admin.item("k", "0").await.id();
    let mut ids = Vec::new();
    for number in 1..=count {
        let body = json!({"value": number.to_string(), "dataChangeLastModifiedBy": "u"});
        admin.put(&format!("{}/items/{id}", admin.n()), body).await.ok();
        ids.push(admin.publish().await.id());
    }
    ids
}

async fn roll_back(admin: &Admin, id: i64, target: Option<i64>) -> Answer {
    let target = target.map(|target| format!("&toReleaseId={target}")).unwrap_or_default();
    admin.put(&format!("/releases/{id}/rollback?operator=w{target}"), Value::Null).await
}

async fn newest_history(admin: &Admin) -> Value {
    let page = admin.get(&format!("{}/releases/histories", admin.n())).await.ok();
    page["content"][0].clone()
}

async fn active(admin: &Admin) -> Vec<Value> {
    members(&admin.get(&format!("{}/releases/active", admin.n())).await.ok(), "id")
}

/// Case 54: the only release cannot be rolled back.
#[tokio::test]
async fn the_only_release_cannot_be_taken_back() {
    let admin = Admin::start().await;
    let ids = released(&admin, 1).await;
    roll_back(&admin, ids[0], None).await.fails(
        400,
        &format!(
            "Can't rollback namespace(appId={}, clusterName=default, namespaceName=application) because there is only \
             one active release",
            admin.app_id
        ),
    );
    roll_back(&admin, 999_999_999, None)
        .await
        .fails(404, "release not found for releaseId:999999999");
}

/// Case 55: one step back makes the previous release active again; items are unchanged, and clients
/// are notified.
#[tokio::test]
async fn one_step_back_makes_the_release_before_active() {
    let admin = Admin::start().await;
    let ids = released(&admin, 3).await;
    let (before, sent) = (admin.last_audit().await, admin.last_message().await);
    roll_back(&admin, ids[2], None).await.empty();
    let taken = admin.get(&format!("/releases/{}", ids[2])).await.ok();
    assert_eq!(
        (&taken["isAbandoned"], &taken["dataChangeLastModifiedBy"]),
        (&json!(true), &json!("w"))
    );
    let history = newest_history(&admin).await;
    assert_eq!(
        [
            &history["operation"],
            &history["releaseId"],
            &history["previousReleaseId"],
            &history["operationContext"]
        ],
        [&json!(1), &json!(ids[1]), &json!(ids[2]), &json!({})]
    );
    assert_eq!(admin.get(&format!("{}/releases/latest", admin.n())).await.id(), ids[1]);
    assert_eq!(pairs(&admin.get(&format!("{}/items", admin.n())).await.ok()), ["k=3"]);
    admin.assert_sent(sent, &[format!("{}+default+application", admin.app_id)]).await;
    assert_eq!(admin.audits_since(before).await, ["ReleaseHistory INSERT"]);
}

/// Case 56: a rollback to a target abandons all later releases in one history entry.
#[tokio::test]
async fn a_target_takes_all_later_releases_back() {
    let admin = Admin::start().await;
    let ids = released(&admin, 3).await;
    roll_back(&admin, ids[2], Some(ids[0])).await.empty();
    assert_eq!(active(&admin).await, [json!(ids[0])]);
    let history = newest_history(&admin).await;
    assert_eq!(
        [&history["releaseId"], &history["previousReleaseId"]],
        [&json!(ids[0]), &json!(ids[2])]
    );
    let page = admin.get(&format!("{}/releases/histories", admin.n())).await.ok();
    assert_eq!(page["total"], 4);
}

/// Case 57: a release cannot be rolled back to itself, and an abandoned one is not active.
#[tokio::test]
async fn a_rollback_needs_two_active_releases() {
    let admin = Admin::start().await;
    let ids = released(&admin, 3).await;
    roll_back(&admin, ids[2], Some(ids[2]))
        .await
        .fails(400, "current release equal to target release");
    roll_back(&admin, ids[2], None).await.empty();
    roll_back(&admin, ids[2], None).await.fails(400, "release is not active");
    roll_back(&admin, ids[1], Some(ids[2])).await.fails(400, "release is not active");
    roll_back(&admin, ids[1], Some(999_999_999))
        .await
        .fails(404, "release not found for releaseId:999999999");
}

/// Case 58: an older release may be rolled back; the history refers to the second newest as before.
#[tokio::test]
async fn an_older_release_may_be_taken_back() {
    let admin = Admin::start().await;
    let ids = released(&admin, 3).await;
    roll_back(&admin, ids[0], None).await.empty();
    assert_eq!(active(&admin).await, [json!(ids[2]), json!(ids[1])]);
    let history = newest_history(&admin).await;
    assert_eq!(
        [&history["releaseId"], &history["previousReleaseId"]],
        [&json!(ids[1]), &json!(ids[0])]
    );
}

/// Otherwise a branch of this namespace would be carried onto the content of another app.
#[tokio::test]
async fn a_target_is_an_earlier_release_of_the_same_namespace() {
    let (admin, other) = (Admin::start().await, Admin::start().await);
    let ids = released(&admin, 2).await;
    let foreign = released(&other, 3).await;
    let targets = match admin.has_process() {
        // Each has a database of its own, so that the ids are those of one namespace.
        true => vec![ids[1]],
        false => vec![ids[1], foreign[2]],
    };
    for target in targets {
        let expected = format!(
            "Release {} cannot be rolled back to release {target}: that is not an earlier active release of the same \
             namespace",
            ids[0]
        );
        roll_back(&admin, ids[0], Some(target)).await.fails(400, &expected);
    }
    assert_eq!(active(&admin).await, [json!(ids[1]), json!(ids[0])]);
}
