//! An app of a server, edited and published through the admin API as the reference's portal does
//! it. What is refused for now is repeated.

use reqwest::Method;
use serde_json::{Value, json};

use super::eventually::Patience;
use super::http::{Answer, Http};
use super::sign;

/// Who does everything.
const OPERATOR: &str = "apollo";

/// One app.
#[derive(Debug, Clone)]
pub(crate) struct App {
    admin: Http,
    pub(crate) id: String,
}

/// What a publish made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Release {
    pub(crate) id: i64,
    pub(crate) key: String,
}

impl App {
    /// Creates it, with its namespace `application` in the cluster `default`.
    pub(crate) async fn create(admin: &Http, id: &str) -> Self {
        let body = json!({
            "appId": id, "name": id, "orgId": "TEST1", "orgName": "Test", "ownerName": OPERATOR,
            "ownerEmail": "apollo@acme.com", "dataChangeCreatedBy": OPERATOR, "dataChangeLastModifiedBy": OPERATOR,
        });
        let app = Self::existing(admin, id);
        app.post("/apps", body).await;
        app
    }

    /// One that is there.
    pub(crate) fn existing(admin: &Http, id: &str) -> Self {
        Self { admin: admin.clone(), id: id.to_owned() }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.admin.send_patiently(method, path, body).await.ok()
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn add_cluster(&self, name: &str) {
        let body = json!({ "appId": self.id, "name": name, "dataChangeCreatedBy": OPERATOR });
        self.post(&format!("/apps/{}/clusters", self.id), body).await;
    }

    /// Declares a namespace by its stored name, in all clusters that the app has.
    pub(crate) async fn add_namespace(&self, name: &str, is_public: bool) {
        let format = match name.rsplit_once('.') {
            Some((_, suffix @ ("json" | "yaml" | "yml" | "xml" | "txt"))) => suffix,
            _ => "properties",
        };
        let body = json!({
            "appId": self.id, "name": name, "format": format, "isPublic": is_public, "comment": "",
            "dataChangeCreatedBy": OPERATOR,
        });
        self.post(&format!("/apps/{}/appnamespaces", self.id), body).await;
    }

    /// Overrides a public namespace of another app.
    pub(crate) async fn associate(&self, namespace: &str) {
        let body = json!({
            "appId": self.id, "clusterName": "default", "namespaceName": namespace,
            "dataChangeCreatedBy": OPERATOR,
        });
        self.post(&format!("/apps/{}/clusters/default/namespaces", self.id), body).await;
    }

    /// Path of a namespace.
    pub(crate) fn path(&self, cluster: &str, namespace: &str) -> String {
        format!("/apps/{}/clusters/{cluster}/namespaces/{namespace}", self.id)
    }

    /// Makes these the items of a namespace.
    pub(crate) async fn set(&self, cluster: &str, namespace: &str, wanted: &[(&str, &str)]) {
        let path = self.path(cluster, namespace);
        let id = self.get(&path).await.json()["id"].clone();
        let items = self.get(&format!("{path}/items")).await.json();
        let items: Vec<Value> = items.as_array().unwrap().clone();
        let is_of = |item: &&Value, key: &str| item["key"] == key;
        let (mut created, mut updated) = (Vec::new(), Vec::new());
        for (line, (key, value)) in wanted.iter().enumerate() {
            let mut item = json!({
                "namespaceId": id, "key": key, "value": value, "lineNum": line + 1,
                "dataChangeCreatedBy": OPERATOR, "dataChangeLastModifiedBy": OPERATOR,
            });
            match items.iter().find(|item| is_of(item, key)) {
                Some(known) => {
                    item["id"] = known["id"].clone();
                    updated.push(item);
                }
                None => created.push(item),
            }
        }
        let is_wanted = |item: &Value| wanted.iter().any(|(key, _)| item["key"] == *key);
        let deleted: Vec<_> = items.iter().filter(|item| !is_wanted(item)).cloned().collect();
        let body = json!({
            "createItems": created, "updateItems": updated, "deleteItems": deleted,
            "dataChangeLastModifiedBy": OPERATOR,
        });
        self.post(&format!("{path}/itemset"), body).await;
    }

    /// Publishes a namespace as it is, whatever comes of it.
    pub(crate) async fn try_publish(&self, cluster: &str, namespace: &str) -> Answer {
        let fields = [("name", "test"), ("operator", OPERATOR)];
        self.admin.form(&format!("{}/releases", self.path(cluster, namespace)), &fields).await
    }

    /// Publishes a namespace as it is.
    pub(crate) async fn publish_patiently(&self, cluster: &str, namespace: &str) -> Answer {
        Patience::new().send(|| self.try_publish(cluster, namespace)).await.ok()
    }

    /// The same towards a server that may be killed; `None` where no answer came.
    pub(crate) async fn attempt(&self, cluster: &str, namespace: &str) -> Option<Answer> {
        let path =
            format!("{}/releases?name=test&operator={OPERATOR}", self.path(cluster, namespace));
        self.admin.try_post(&path).await
    }

    /// Makes these the items of a namespace and publishes them.
    pub(crate) async fn release(
        &self,
        cluster: &str,
        namespace: &str,
        items: &[(&str, &str)],
    ) -> Release {
        self.set(cluster, namespace, items).await;
        let release = self.publish_patiently(cluster, namespace).await.json();
        Release {
            id: release["id"].as_i64().unwrap(),
            key: release["releaseKey"].as_str().unwrap().to_owned(),
        }
    }

    /// The usual namespace with one item.
    pub(crate) async fn publish(&self, value: &str) -> Release {
        self.release("default", "application", &[("k", value)]).await
    }

    pub(crate) async fn roll_back(&self, release: &Release) {
        let path = format!("/releases/{}/rollback?operator={OPERATOR}", release.id);
        self.put(&path, Value::Null).await;
    }

    /// Deletes a cluster with its namespaces.
    pub(crate) async fn delete_cluster(&self, name: &str) {
        let path = format!("/apps/{}/clusters/{name}?operator={OPERATOR}", self.id);
        self.send(Method::DELETE, &path, None).await;
    }

    /// Restores the cluster of this name that was deleted last.
    pub(crate) async fn restore_cluster(&self, name: &str) {
        let deleted = self.get(&format!("/apps/{}/deleted", self.id)).await.json();
        let is_it = |one: &&Value| one["kind"] == "cluster" && one["clusterName"] == name;
        let wanted = deleted.as_array().unwrap().iter().find(is_it).unwrap().clone();
        let path = format!("/apps/{}/restorations?operator={OPERATOR}", self.id);
        self.post(&path, wanted).await;
    }

    /// Withdraws the only release of a namespace in a cluster.
    pub(crate) async fn withdraw(&self, release: &Release) {
        let path = format!("/releases/{}/withdrawal?operator={OPERATOR}", release.id);
        self.put(&path, Value::Null).await;
    }

    /// A gray branch of a namespace, for clients of this app with the address or the label; returns
    /// its name.
    pub(crate) async fn add_branch(
        &self,
        namespace: &str,
        ips: &[&str],
        labels: &[&str],
    ) -> String {
        let path = self.path("default", namespace);
        let branch = self.post(&format!("{path}/branches?operator={OPERATOR}"), Value::Null).await;
        let branch = branch.json()["clusterName"].as_str().unwrap().to_owned();
        self.set_rules(namespace, &branch, ips, labels).await;
        branch
    }

    pub(crate) async fn set_rules(
        &self,
        namespace: &str,
        branch: &str,
        ips: &[&str],
        labels: &[&str],
    ) {
        let item =
            json!({ "clientAppId": self.id, "clientIpList": ips, "clientLabelList": labels });
        let rules = json!({
            "appId": self.id, "clusterName": "default", "namespaceName": namespace, "branchName": branch,
            "ruleItems": [item], "dataChangeCreatedBy": OPERATOR, "dataChangeLastModifiedBy": OPERATOR,
        });
        let path = self.path("default", namespace);
        self.put(&format!("{path}/branches/{branch}/rules"), rules).await;
    }

    /// An access key with the secret of this name; mode 0 refuses, 1 observes. Returns its id.
    pub(crate) async fn add_key(&self, name: &str, mode: i64, is_enabled: bool) -> i64 {
        let body = json!({
            "appId": self.id, "secret": sign::secret(name), "mode": mode, "enabled": is_enabled,
            "dataChangeCreatedBy": OPERATOR,
        });
        let key = self.post(&format!("/apps/{}/accesskeys", self.id), body).await.json();
        let id = key["id"].as_i64().unwrap();
        // The reference creates every key switched off.
        if is_enabled && key["enabled"] != true {
            let path =
                format!("/apps/{}/accesskeys/{id}/enable?mode={mode}&operator={OPERATOR}", self.id);
            self.put(&path, Value::Null).await;
        }
        id
    }

    pub(crate) async fn disable_key(&self, id: i64) {
        let path = format!("/apps/{}/accesskeys/{id}/disable?operator={OPERATOR}", self.id);
        self.put(&path, Value::Null).await;
    }
}
