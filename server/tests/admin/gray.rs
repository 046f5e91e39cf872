//! A namespace with a gray branch, for cases about branches and their releases.

use castalia_store::entity::gray_release_rule;
use serde_json::{Value, json};

use super::client::{Admin, Answer, item_body};

/// A namespace with a=1 and b=2 published, and a branch of it.
pub(crate) struct Gray {
    pub(crate) admin: Admin,
    /// Name of the branch.
    pub(crate) branch: String,
    /// Row id of the first main release.
    pub(crate) main: i64,
}

impl Gray {
    pub(crate) async fn start() -> Self {
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
    pub(crate) async fn published() -> (Self, Answer) {
        let gray = Self::start().await;
        gray.admin
            .post(&format!("{}/items", gray.namespace()), item_body("u", "b", "9"))
            .await
            .ok();
        let release = gray.admin.publish_at(&gray.namespace()).await;
        release.ok();
        (gray, release)
    }

    pub(crate) fn namespace(&self) -> String {
        format!("/apps/{}/clusters/{}/namespaces/application", self.admin.app_id, self.branch)
    }

    pub(crate) fn path(&self) -> String {
        format!("{}/branches/{}", self.admin.n(), self.branch)
    }

    pub(crate) async fn set_rules(&self, ip: &str) -> Answer {
        let body = json!({
            "appId": self.admin.app_id, "clusterName": "default", "namespaceName": "application",
            "branchName": self.branch, "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u",
            "ruleItems": [{"clientAppId": "x", "clientIpList": [ip], "clientLabelList": []}],
        });
        self.admin.put(&format!("{}/rules", self.path()), body).await
    }

    /// Changes the value of a in the main namespace and publishes it.
    pub(crate) async fn publish_main(&self, value: &str) -> i64 {
        let id = self.admin.get(&format!("{}/items/a", self.admin.n())).await.id();
        let body = json!({"value": value, "dataChangeLastModifiedBy": "u"});
        self.admin.put(&format!("{}/items/{id}", self.admin.n()), body).await.ok();
        self.admin.publish().await.id()
    }

    /// Newest release of the branch.
    pub(crate) async fn latest(&self) -> Answer {
        self.admin.get(&format!("{}/releases/latest", self.namespace())).await
    }

    /// The history, newest first.
    pub(crate) async fn histories(&self) -> Vec<Value> {
        let page =
            self.admin.get(&format!("{}/releases/histories?size=100", self.admin.n())).await.ok();
        page["content"].as_array().unwrap().clone()
    }

    pub(crate) async fn operations(&self) -> Vec<i64> {
        self.histories()
            .await
            .iter()
            .map(|history| history["operation"].as_i64().unwrap())
            .collect()
    }

    pub(crate) async fn rules(&self) -> Vec<gray_release_rule::Model> {
        let rows = self.admin.rows::<gray_release_rule::Entity>().await;
        rows.into_iter().filter(|row| row.branch_name == self.branch).collect()
    }

    pub(crate) fn message(&self, cluster: &str) -> String {
        format!("{}+{cluster}+application", self.admin.app_id)
    }
}

pub(crate) fn rule(ip: &str) -> Value {
    json!([{"clientAppId": "x", "clientIpList": [ip], "clientLabelList": []}])
}
