//! An app with one object of every kind, for operations to race on.

use reqwest::Method;
use sea_orm::prelude::DateTimeUtc;
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::http::Http;

/// An app with a second cluster and its release, an access key, two releases, and a published
/// branch.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) number: usize,
    pub(crate) app_id: String,
    pub(crate) namespace_id: i64,
    pub(crate) item_id: i64,
    pub(crate) release_id: i64,
    /// The only one of the second cluster.
    pub(crate) only_release_id: i64,
    pub(crate) branch: String,
    pub(crate) key_id: i64,
    /// The token of a consumer.
    pub(crate) token: String,
    /// Whether the consumer exists.
    pub(crate) has_consumer: bool,
    pub(crate) webhook_id: i64,
    /// A request for access.
    pub(crate) request_id: i64,
    /// The name of a user who need not exist.
    pub(crate) user: String,
    /// Whether the user exists.
    pub(crate) has_user: bool,
    /// An access token of that user.
    pub(crate) user_token_id: i64,
    pub(crate) instance_id: i64,
    /// When the cluster `gone` was deleted, in milliseconds since 1970.
    pub(crate) deleted_at: i64,
}

impl Subject {
    /// Creates an app; also in the portal if an operation needs that.
    pub(crate) async fn create(number: usize, admin: &Http, portal: Option<&Http>) -> Self {
        let app_id = format!("race{number}");
        let app = match portal {
            None => App::create(admin, &app_id).await,
            Some(portal) => {
                let body = json!({ "app": body(&app_id, "n"), "admins": [] });
                portal.post("/openapi/v1/apps", body).await.ok();
                App::existing(admin, &app_id)
            }
        };
        for cluster in ["c1", "gone"] {
            add_cluster(&app, portal, cluster).await;
        }
        app.release("gone", "application", &[("k", "gone")]).await;
        delete_cluster(&app, portal, "gone").await;
        let deleted = admin.get(&format!("/apps/{app_id}/deleted")).await.ok().json();
        app.publish("1").await;
        let release_id = app.publish("2").await.id;
        let only_release_id = app.release("c1", "application", &[("k", "1")]).await.id;
        let branch = app.add_branch("application", &["10.0.0.1"], &[]).await;
        app.release(&branch, "application", &[("gray", "1")]).await;
        let path = app.path("default", "application");
        let namespace = admin.get(&path).await.ok().json();
        let item = admin.get(&format!("{path}/items/k")).await.ok().json();
        let key_id = app.add_key("fedcba9876543210", 1, false).await;
        Self {
            number,
            token: app_id.clone(),
            has_consumer: false,
            has_user: false,
            app_id,
            webhook_id: 1,
            request_id: 1,
            user: format!("user{number}"),
            user_token_id: 1,
            instance_id: 1,
            namespace_id: namespace["id"].as_i64().unwrap(),
            item_id: item["id"].as_i64().unwrap(),
            release_id,
            only_release_id,
            branch,
            key_id,
            deleted_at: deleted[0]["deletedAt"].as_i64().unwrap(),
        }
    }

    /// Body of an app.
    pub(crate) fn app(&self, app_id: &str, who: &str) -> Value {
        body(app_id, who)
    }

    /// Body of a definition.
    pub(crate) fn definition(&self, name: &str) -> Value {
        self.signed(
            json!({ "appId": self.app_id, "name": name, "format": "properties", "comment": "" }),
        )
    }

    /// The deleted cluster, for both ports, which name the time of the deletion differently.
    pub(crate) fn restoration(&self) -> Value {
        let time = DateTimeUtc::from_timestamp_millis(self.deleted_at).unwrap();
        json!({
            "kind": "cluster", "env": "DEV", "clusterName": "gone", "deletedAt": self.deleted_at,
            "deletedTime": time.to_rfc3339(),
        })
    }

    /// Changes the item and adds one.
    pub(crate) fn change_set(&self, who: &str) -> Value {
        let item = |id: i64, key: &str| {
            let item = json!({ "id": id, "namespaceId": self.namespace_id, "key": key, "value": who, "lineNum": 1 });
            self.signed(item)
        };
        json!({
            "createItems": [item(0, "new")], "updateItems": [item(self.item_id, "k")], "deleteItems": [],
            "dataChangeLastModifiedBy": "u",
        })
    }

    /// Rules of the branch.
    pub(crate) fn rules(&self, who: &str) -> Value {
        let item =
            json!({ "clientAppId": self.app_id, "clientIpList": [], "clientLabelList": [who] });
        self.signed(json!({
            "appId": self.app_id, "clusterName": "default", "namespaceName": "application",
            "branchName": self.branch, "ruleItems": [item],
        }))
    }

    /// A body with its author.
    pub(crate) fn signed(&self, mut body: Value) -> Value {
        body["dataChangeCreatedBy"] = json!("u");
        body["dataChangeLastModifiedBy"] = json!("u");
        body
    }
}

/// In the portal a cluster has roles, which end with it.
async fn add_cluster(app: &App, portal: Option<&Http>, name: &str) {
    let Some(portal) = portal else { return app.add_cluster(name).await };
    let path = format!("/openapi/v1/envs/DEV/apps/{}/clusters", app.id);
    let body = json!({ "appId": app.id, "name": name, "dataChangeCreatedBy": "apollo" });
    portal.send_patiently(Method::POST, &path, Some(body)).await.ok();
}

async fn delete_cluster(app: &App, portal: Option<&Http>, name: &str) {
    let Some(portal) = portal else { return app.delete_cluster(name).await };
    let path = format!("/openapi/v1/envs/DEV/apps/{}/clusters/{name}?operator=apollo", app.id);
    portal.send_patiently(Method::DELETE, &path, None).await.ok();
}

fn body(app_id: &str, who: &str) -> Value {
    json!({
        "appId": app_id, "name": who, "orgId": "TEST1", "orgName": who, "ownerName": "apollo",
        "ownerEmail": "apollo@acme.com", "dataChangeCreatedBy": "apollo", "dataChangeLastModifiedBy": "apollo",
    })
}
