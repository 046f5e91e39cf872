//! Cases 61, 62, 65 and 70 to 74: gray branches and their rules, from creation to merge.

use castalia_store::entity::{cluster, namespace, release, release_history};
use serde_json::{Value, json};

use super::client::{Admin, Answer, item_body, members};
use super::gray::{Gray, rule};

/// Cases 61 and 62: a branch is a hidden cluster with an empty namespace; there is at most one, and
/// it starts without rules.
#[tokio::test]
async fn a_branch_starts_empty() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let path = format!("{}/branches", admin.n());
    admin.get(&path).await.empty();
    let before = admin.last_audit().await;
    let created = admin.post(&format!("{path}?operator=u"), Value::Null).await.ok();
    let branch = created["clusterName"].as_str().unwrap();
    let (time, rest) = branch.split_once('-').unwrap();
    assert!(time.len() == 14 && rest.len() == 16, "{branch}");
    assert_eq!(admin.audits_since(before).await, ["Cluster INSERT", "Namespace INSERT"]);
    let clusters = admin.rows::<cluster::Entity>().await;
    let row = clusters.iter().find(|row| row.name == branch).unwrap();
    let parent = admin.get(&format!("/apps/{}/clusters/default", admin.app_id)).await.id();
    assert_eq!(row.parent_cluster_id.0, parent);

    assert_eq!(admin.get(&path).await.ok()["id"], created["id"]);
    admin.get(&format!("{path}/{branch}/rules")).await.empty();
    let listed = admin.get(&format!("/apps/{}/clusters", admin.app_id)).await.ok();
    assert_eq!(members(&listed, "name"), ["default"]);
    assert!(admin.messages().await.is_empty());
    admin.get(&format!("{}/releases/histories", admin.n())).await.empty();
    let again = admin.post(&format!("{path}?operator=u"), Value::Null).await;
    again
        .fails(400, &format!("namespace not exist for appId:{} clusterName:default", admin.app_id));
    let nowhere =
        admin.post(&format!("{}/branches?operator=u", admin.path("nothing")), Value::Null).await;
    nowhere.fails(400, "namespace not exist for appId:");
    let of_branch = format!("/apps/{}/clusters/{branch}/namespaces/application", admin.app_id);
    let below = admin.post(&format!("{of_branch}/branches?operator=u"), Value::Null).await;
    below.fails(400, &format!("cluster not exists for clusterName:{branch}"));
}

/// Case 65: new rules are new rows that replace the previous ones, and clients are notified each
/// time.
#[tokio::test]
async fn rules_replace_each_other() {
    let (gray, release) = Gray::published().await;
    let sent = gray.admin.last_message().await;
    gray.set_rules("1.1.1.1").await.empty();
    let first = gray.rules().await.remove(0);
    assert_eq!(
        (first.branch_status.map(|status| status.0), first.release_id.0),
        (Some(1), release.id())
    );
    let history = gray.histories().await[0].clone();
    assert_eq!(
        [&history["operation"], &history["releaseId"], &history["previousReleaseId"]],
        [&json!(3), &json!(release.id()), &json!(release.id())]
    );
    assert_eq!(history["operationContext"], json!({"rules": rule("1.1.1.1")}));

    gray.set_rules("2.2.2.2").await.empty();
    let rows = gray.rules().await;
    assert_eq!(rows.iter().map(|row| row.is_deleted).collect::<Vec<_>>(), [true, false]);
    let stored = &gray.admin.rows::<release_history::Entity>().await;
    let text =
        &stored.iter().rfind(|row| row.app_id == gray.admin.app_id).unwrap().operation_context;
    assert!(
        text.starts_with(r#"{"oldRules":[{"clientAppId":"x","clientIpList":["1.1.1.1"]"#),
        "{text}"
    );
    gray.admin.assert_sent(sent, &[gray.message("default"), gray.message("default")]).await;

    let body = gray.admin.get(&format!("{}/rules", gray.path())).await.ok();
    let expected = json!({
        "appId": gray.admin.app_id, "clusterName": "default", "namespaceName": "application",
        "branchName": gray.branch, "ruleItems": rule("2.2.2.2"), "releaseId": release.id(),
    });
    assert_eq!(body, expected);
}

async fn merge(gray: &Gray, query: &str) -> Answer {
    let id = gray.admin.get(&format!("{}/items/b", gray.admin.n())).await.id();
    let body = json!({
        "updateItems": [{"id": id, "key": "b", "value": "9", "lineNum": 2}], "dataChangeLastModifiedBy": "u",
    });
    let query = format!("releaseName=r&branchName={}{query}", gray.branch);
    gray.admin.post(&format!("{}/updateAndPublish?{query}", gray.admin.n()), body).await
}

/// A merge does not delete edits of the branch that its caller has not seen.
#[tokio::test]
async fn a_merge_is_based_on_the_branch() {
    let (gray, _) = Gray::published().await;
    let items = format!(
        "/apps/{}/clusters/{}/namespaces/application/items",
        gray.admin.app_id, gray.branch
    );
    let revision = async || {
        let answer = gray.admin.get(&items).await;
        format!("&branchRevision={}", answer.headers["castalia-revision"].to_str().unwrap())
    };
    let seen = revision().await;
    gray.admin.post(&items, item_body("u", "late", "1")).await.ok();
    let before = gray.operations().await;
    let refused = merge(&gray, &seen).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert_eq!(gray.operations().await, before, "nothing was published");
    gray.admin.get(&items).await.ok();
    merge(&gray, &revision().await).await.ok();
    assert_eq!(gray.operations().await[..2], [8, 4]);
}

/// Case 70: a merge publishes the main release with the branch's values and deletes the branch; its
/// releases are kept.
#[tokio::test]
async fn a_merge_ends_the_branch() {
    let (gray, release) = Gray::published().await;
    let (before, sent) = (gray.admin.last_audit().await, gray.admin.last_message().await);
    let merged = merge(&gray, "").await.ok();
    assert_eq!(merged["configurations"], r#"{"a":"1","b":"9"}"#);
    let histories = gray.histories().await;
    assert_eq!(gray.operations().await[..2], [8, 4]);
    assert_eq!(histories[0]["releaseId"], histories[0]["previousReleaseId"]);
    let context = json!({
        "sourceBranch": gray.branch, "baseReleaseId": release.id() as f64, "isEmergencyPublish": false,
    });
    assert_eq!(histories[1]["operationContext"], context);
    let rule = gray.rules().await.remove(0);
    assert_eq!(
        (rule.rules.as_deref(), rule.branch_status.map(|status| status.0), rule.is_deleted),
        (Some("[]"), Some(2), false)
    );
    let clusters = gray.admin.rows::<cluster::Entity>().await;
    assert!(clusters.iter().find(|row| row.name == gray.branch).unwrap().is_deleted);
    let namespaces = gray.admin.rows::<namespace::Entity>().await;
    assert!(namespaces.iter().find(|row| row.cluster_name == gray.branch).unwrap().is_deleted);
    let releases = gray.admin.rows::<release::Entity>().await;
    assert!(
        releases.iter().filter(|row| row.cluster_name == gray.branch).all(|row| !row.is_deleted)
    );
    gray.admin.assert_sent(sent, &[gray.message(&gray.branch), gray.message("default")]).await;
    let audits = gray.admin.audits_since(before).await;
    assert_eq!(audits.last().map(String::as_str), Some("Branch DELETE"), "{audits:?}");
}

/// Case 71: a merge may keep the branch, which is not updated then.
#[tokio::test]
async fn a_merge_may_keep_the_branch() {
    let (gray, _) = Gray::published().await;
    merge(&gray, "&deleteBranch=false").await.ok();
    assert_eq!(gray.operations().await[..2], [4, 2]);
    assert_eq!(
        gray.admin.get(&format!("{}/branches", gray.admin.n())).await.ok()["clusterName"],
        gray.branch
    );
    let unknown = Gray { branch: "unknown".into(), ..gray };
    merge(&unknown, "").await.ok();
    assert_eq!(unknown.histories().await[0]["operationContext"]["baseReleaseId"], 0.0);
}

/// Case 72: a branch is abandoned, with a closing rule even if it had none.
#[tokio::test]
async fn a_branch_is_abandoned() {
    let gray = Gray::start().await;
    let (before, sent) = (gray.admin.last_audit().await, gray.admin.last_message().await);
    gray.admin.delete(&format!("{}?operator=u", gray.path())).await.empty();
    assert_eq!(gray.operations().await[0], 7);
    let rule = gray.rules().await.remove(0);
    assert_eq!(
        (rule.rules.as_deref(), rule.branch_status.map(|status| status.0)),
        (Some("[]"), Some(0))
    );
    gray.admin.assert_sent(sent, &[gray.message(&gray.branch), gray.message("default")]).await;
    let expected = ["Namespace DELETE", "Cluster DELETE", "ReleaseHistory INSERT", "Branch DELETE"];
    assert_eq!(gray.admin.audits_since(before).await, expected);
    gray.admin.get(&format!("{}/branches", gray.admin.n())).await.empty();
}

/// Case 73: a branch is deleted with its parent, including releases and history.
#[tokio::test]
async fn a_branch_goes_with_its_parent() {
    let (gray, _) = Gray::published().await;
    let sent = gray.admin.last_message().await;
    gray.admin.delete(&format!("{}?operator=u", gray.admin.n())).await.empty();
    let releases = gray.admin.rows::<release::Entity>().await;
    assert!(
        releases.iter().filter(|row| row.app_id == gray.admin.app_id).all(|row| row.is_deleted)
    );
    let histories = gray.admin.rows::<release_history::Entity>().await;
    let own: Vec<_> = histories.iter().filter(|row| row.app_id == gray.admin.app_id).collect();
    assert!(own.iter().all(|row| row.is_deleted));
    assert_eq!(own.last().map(|row| row.operation.0), Some(7));
    gray.admin.assert_sent(sent, &[gray.message(&gray.branch), gray.message("default")]).await;
}

/// Case 74: rules require a branch.
#[tokio::test]
async fn rules_need_a_branch() {
    let gray = Gray::start().await;
    let unknown = Gray { branch: "unknown".into(), ..gray };
    unknown.set_rules("1.1.1.1").await.fails(400, "Namespace's branch not exist. AppId = ");
    unknown
        .admin
        .get(&format!("{}/rules", unknown.path()))
        .await
        .fails(400, "Namespace's branch not exist.");
    unknown
        .admin
        .delete(&format!("{}?operator=u", unknown.path()))
        .await
        .fails(400, "Namespace's branch not exist.");
}

/// Nodes of Apollo learn of new rows only: the rule that they know ends with a new one.
#[tokio::test]
async fn a_deleted_definition_ends_the_gray_releases_of_its_namespaces() {
    let (gray, _) = Gray::published().await;
    gray.set_rules("10.0.0.1").await.ok();
    let admin = &gray.admin;
    let known = gray.rules().await.last().unwrap().id;
    let path = format!("/apps/{}/appnamespaces/application?operator=remover", admin.app_id);
    admin.delete(&path).await.ok();
    let rules = gray.rules().await;
    let live: Vec<_> = rules.iter().filter(|rule| !rule.is_deleted).collect();
    assert_eq!(live.len(), 1, "{rules:?}");
    assert!(live[0].id > known);
    assert_eq!(
        (live[0].rules.as_deref(), live[0].branch_status.map(|status| status.0)),
        (Some("[]"), Some(0))
    );
    assert_eq!(live[0].data_change_created_by, "remover");
    let branch = format!("/apps/{}/clusters/{}", admin.app_id, gray.branch);
    admin.get(&branch).await.fails(404, "cluster not found");
}
