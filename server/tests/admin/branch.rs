//! Cases 61 to 74: gray branches, from creation to merge.

use castalia_server::store::entity::{
    cluster, gray_release_rule, namespace, release, release_history,
};
use http::Method;
use serde_json::{Value, json};

use super::client::{Admin, Answer, item_body, members};

/// A namespace with a=1 and b=2 published, and a branch of it.
struct Gray {
    admin: Admin,
    /// Name of the branch.
    branch: String,
    /// Row id of the first main release.
    main: i64,
}

impl Gray {
    async fn start() -> Self {
        let admin = Admin::start().await;
        admin.create_app().await.ok();
        admin.item("a", "1").await.ok();
        admin.item("b", "2").await.ok();
        let main = admin.publish().await.id();
        let created =
            admin.post(&format!("{}/branches?operator=u", admin.n()), Value::Null).await.ok();
        let branch = created["clusterName"].as_str().unwrap().to_owned();
        Self { admin, branch, main }
    }

    /// The same with b=9 published on the branch.
    async fn published() -> (Self, Answer) {
        let gray = Self::start().await;
        gray.admin
            .post(&format!("{}/items", gray.namespace()), item_body("u", "b", "9"))
            .await
            .ok();
        let release = gray.admin.publish_at(&gray.namespace()).await;
        release.ok();
        (gray, release)
    }

    fn namespace(&self) -> String {
        format!("/apps/{}/clusters/{}/namespaces/application", self.admin.app_id, self.branch)
    }

    fn path(&self) -> String {
        format!("{}/branches/{}", self.admin.n(), self.branch)
    }

    async fn set_rules(&self, ip: &str) -> Answer {
        let body = json!({
            "appId": self.admin.app_id, "clusterName": "default", "namespaceName": "application",
            "branchName": self.branch, "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u",
            "ruleItems": [{"clientAppId": "x", "clientIpList": [ip], "clientLabelList": []}],
        });
        self.admin.put(&format!("{}/rules", self.path()), body).await
    }

    /// Changes the value of a on the main line and publishes it.
    async fn publish_main(&self, value: &str) -> i64 {
        let id = self.admin.get(&format!("{}/items/a", self.admin.n())).await.id();
        let body = json!({"value": value, "dataChangeLastModifiedBy": "u"});
        self.admin.put(&format!("{}/items/{id}", self.admin.n()), body).await.ok();
        self.admin.publish().await.id()
    }

    /// Newest release of the branch.
    async fn latest(&self) -> Answer {
        self.admin.get(&format!("{}/releases/latest", self.namespace())).await
    }

    /// The history, newest first.
    async fn histories(&self) -> Vec<Value> {
        let page =
            self.admin.get(&format!("{}/releases/histories?size=100", self.admin.n())).await.ok();
        page["content"].as_array().unwrap().clone()
    }

    async fn operations(&self) -> Vec<i64> {
        self.histories()
            .await
            .iter()
            .map(|history| history["operation"].as_i64().unwrap())
            .collect()
    }

    async fn rules(&self) -> Vec<gray_release_rule::Model> {
        let rows = self.admin.rows::<gray_release_rule::Entity>().await;
        rows.into_iter().filter(|row| row.branch_name == self.branch).collect()
    }

    fn message(&self, cluster: &str) -> String {
        format!("{}+{cluster}+application", self.admin.app_id)
    }
}

fn rule(ip: &str) -> Value {
    json!([{"clientAppId": "x", "clientIpList": [ip], "clientLabelList": []}])
}

/// Cases 61 and 62: a branch is a hidden cluster with an empty namespace; there is one, and it starts without rules.
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

/// Case 63: a branch that was never published follows the first publish of the main line.
#[tokio::test]
async fn an_unpublished_branch_follows_the_main_line() {
    let gray = Gray::start().await;
    let before = gray.admin.last_audit().await;
    let main = gray.admin.publish().await.id();
    assert_eq!(gray.admin.configurations(&gray.latest().await).await, json!({"a": "1", "b": "2"}));
    let history = gray.histories().await[0].clone();
    assert_eq!([&history["operation"], &history["branchName"]], [&json!(5), &json!(gray.branch)]);
    assert_eq!(
        history["operationContext"],
        json!({"baseReleaseId": main as f64, "isEmergencyPublish": false})
    );
    let expected =
        ["Release INSERT", "ReleaseHistory INSERT", "Release INSERT", "ReleaseHistory INSERT"];
    assert_eq!(gray.admin.audits_since(before).await, expected);
}

/// Case 53: numbers in the context of a history are doubles on the wire, and whole in the database.
#[tokio::test]
async fn numbers_of_a_context_are_doubles_on_the_wire() {
    let (gray, release) = Gray::published().await;
    let answer = gray.admin.get(&format!("{}/releases/histories", gray.admin.n())).await;
    assert!(answer.body.contains(&format!(r#""baseReleaseId":{}.0"#, gray.main)), "{answer:?}");
    let rows = gray.admin.rows::<release_history::Entity>().await;
    let stored =
        rows.into_iter().find(|row| row.release_id.0 == release.id()).unwrap().operation_context;
    let expected = format!(
        r#"{{"baseReleaseId":{},"isEmergencyPublish":false,"branchReleaseKeys":["b"]}}"#,
        gray.main
    );
    assert_eq!(stored, expected);
}

/// Case 64: a gray publish lays the branch over the main line; its history and message are the parent's.
#[tokio::test]
async fn a_gray_publish_lays_the_branch_over_the_main_line() {
    let (gray, release) = Gray::published().await;
    assert_eq!(release.ok()["configurations"], r#"{"a":"1","b":"9"}"#);
    assert_eq!(release.ok()["clusterName"], gray.branch);
    let history = gray.histories().await[0].clone();
    assert_eq!(
        [
            &history["clusterName"],
            &history["branchName"],
            &history["operation"],
            &history["previousReleaseId"]
        ],
        [&json!("default"), &json!(gray.branch), &json!(2), &json!(0)]
    );
    let context = &history["operationContext"];
    assert_eq!(context["branchReleaseKeys"], json!(["b"]));
    assert!(context.get("rules").is_none());
    assert_eq!(gray.admin.messages().await.last(), Some(&gray.message("default")));
}

/// Case 65: rules are new rows that replace the one before, and clients are told each time.
#[tokio::test]
async fn rules_replace_each_other() {
    let (gray, release) = Gray::published().await;
    let sent = gray.admin.messages().await.len();
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
    assert_eq!(
        gray.admin.messages().await[sent..],
        [gray.message("default"), gray.message("default")]
    );

    let body = gray.admin.get(&format!("{}/rules", gray.path())).await.ok();
    let expected = json!({
        "appId": gray.admin.app_id, "clusterName": "default", "namespaceName": "application",
        "branchName": gray.branch, "ruleItems": rule("2.2.2.2"), "releaseId": release.id(),
    });
    assert_eq!(body, expected);
}

/// Case 66: a gray publish gives the rules its release, in a new row.
#[tokio::test]
async fn rules_follow_a_gray_publish() {
    let gray = Gray::start().await;
    gray.set_rules("1.1.1.1").await.empty();
    assert_eq!(gray.rules().await[0].release_id.0, 0);
    let id = gray.admin.publish_at(&gray.namespace()).await.id();
    let rows = gray.rules().await;
    assert_eq!(
        (rows.len(), rows[0].is_deleted, rows[1].is_deleted, rows[1].release_id.0),
        (2, true, false, id)
    );
    assert_eq!(rows[1].rules, rows[0].rules);
    assert_eq!(gray.histories().await[0]["operationContext"]["rules"], rule("1.1.1.1"));
}

/// Case 67: a publish of the main line is carried into the branch, but only where that changes what its clients get.
#[tokio::test]
async fn a_publish_is_carried_into_the_branch() {
    let (gray, _) = Gray::published().await;
    gray.publish_main("2").await;
    assert_eq!(gray.operations().await[..2], [5, 0]);
    assert_eq!(gray.latest().await.ok()["configurations"], r#"{"a":"2","b":"9"}"#);
    assert_eq!(gray.histories().await[0]["operationContext"]["branchReleaseKeys"], json!(["b"]));
    gray.admin.publish().await.ok();
    assert_eq!(gray.operations().await[..3], [0, 5, 0]);
}

/// Case 68: a rollback of the main line is carried into the branch, likewise.
#[tokio::test]
async fn a_rollback_is_carried_into_the_branch() {
    let (gray, _) = Gray::published().await;
    let second = gray.publish_main("2").await;
    let third = gray.admin.publish().await.id();
    let sent = gray.admin.messages().await.len();
    let roll_back = async |id: i64| {
        gray.admin.put(&format!("/releases/{id}/rollback?operator=u"), Value::Null).await.empty();
    };
    roll_back(third).await;
    assert_eq!(gray.operations().await[..2], [1, 0]);
    roll_back(second).await;
    assert_eq!(gray.operations().await[..2], [6, 1]);
    let context = gray.histories().await[0]["operationContext"].clone();
    let expected = json!({"baseReleaseId": gray.main as f64, "isEmergencyPublish": false, "branchReleaseKeys": ["b"]});
    assert_eq!(context, expected);
    let release = gray.latest().await.ok();
    assert_eq!(release["configurations"], r#"{"a":"1","b":"9"}"#);
    assert!(
        release["name"].as_str().unwrap().ends_with("-master-rollback-merge-to-gray"),
        "{release}"
    );
    assert_eq!(release["comment"], "");
    assert_eq!(
        gray.admin.messages().await[sent..],
        [gray.message("default"), gray.message("default")]
    );
}

/// Case 69: a gray publish may leave keys of the main line out.
#[tokio::test]
async fn a_gray_publish_may_leave_keys_out() {
    let (gray, _) = Gray::published().await;
    let parameters = [("releaseName", "r"), ("operator", "u"), ("grayDelKeys", "a,zz")];
    let path = format!("{}/gray-del-releases", gray.namespace());
    let release = gray.admin.form(Method::POST, &path, &parameters).await.ok();
    assert_eq!(release["configurations"], r#"{"b":"9"}"#);
    let main = gray
        .admin
        .form(Method::POST, &format!("{}/gray-del-releases", gray.admin.n()), &parameters)
        .await;
    main.fails(404, "Parent namespace not found");
}

async fn merge(gray: &Gray, query: &str) -> Answer {
    let id = gray.admin.get(&format!("{}/items/b", gray.admin.n())).await.id();
    let body = json!({
        "updateItems": [{"id": id, "key": "b", "value": "9", "lineNum": 2}], "dataChangeLastModifiedBy": "u",
    });
    let query = format!("releaseName=r&branchName={}{query}", gray.branch);
    gray.admin.post(&format!("{}/updateAndPublish?{query}", gray.admin.n()), body).await
}

/// Case 70: a merge publishes the main line with the branch's values and deletes the branch; its releases stay.
#[tokio::test]
async fn a_merge_ends_the_branch() {
    let (gray, release) = Gray::published().await;
    let (before, sent) = (gray.admin.last_audit().await, gray.admin.messages().await.len());
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
    assert_eq!(
        gray.admin.messages().await[sent..],
        [gray.message(&gray.branch), gray.message("default")]
    );
    let audits = gray.admin.audits_since(before).await;
    assert_eq!(audits.last().map(String::as_str), Some("Branch DELETE"), "{audits:?}");
}

/// Case 71: a merge may keep the branch, which is not carried along then.
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

/// Case 72: a branch is abandoned, with a last rule even where there was none.
#[tokio::test]
async fn a_branch_is_abandoned() {
    let gray = Gray::start().await;
    let (before, sent) = (gray.admin.last_audit().await, gray.admin.messages().await.len());
    gray.admin.delete(&format!("{}?operator=u", gray.path())).await.empty();
    assert_eq!(gray.operations().await[0], 7);
    let rule = gray.rules().await.remove(0);
    assert_eq!(
        (rule.rules.as_deref(), rule.branch_status.map(|status| status.0)),
        (Some("[]"), Some(0))
    );
    assert_eq!(
        gray.admin.messages().await[sent..],
        [gray.message(&gray.branch), gray.message("default")]
    );
    let expected = ["Namespace DELETE", "Cluster DELETE", "ReleaseHistory INSERT", "Branch DELETE"];
    assert_eq!(gray.admin.audits_since(before).await, expected);
    gray.admin.get(&format!("{}/branches", gray.admin.n())).await.empty();
}

/// Case 73: a branch goes with its parent, releases and history included.
#[tokio::test]
async fn a_branch_goes_with_its_parent() {
    let (gray, _) = Gray::published().await;
    let sent = gray.admin.messages().await.len();
    gray.admin.delete(&format!("{}?operator=u", gray.admin.n())).await.empty();
    let releases = gray.admin.rows::<release::Entity>().await;
    assert!(
        releases.iter().filter(|row| row.app_id == gray.admin.app_id).all(|row| row.is_deleted)
    );
    let histories = gray.admin.rows::<release_history::Entity>().await;
    let own: Vec<_> = histories.iter().filter(|row| row.app_id == gray.admin.app_id).collect();
    assert!(own.iter().all(|row| row.is_deleted));
    assert_eq!(own.last().map(|row| row.operation.0), Some(7));
    assert_eq!(
        gray.admin.messages().await[sent..],
        [gray.message(&gray.branch), gray.message("default")]
    );
}

/// Case 74: rules need a branch.
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
