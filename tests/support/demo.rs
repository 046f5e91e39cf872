//! One app of a server, edited and published through the open API as a third party would. What is
//! refused for now is repeated.

use reqwest::Method;
use serde_json::{Value, json};

use super::eventually::Patience;
use super::http::{Answer, Http};
use super::server::Server;

/// An app with its namespace `application` in cluster `default` of environment DEV.
#[derive(Debug, Clone)]
pub(crate) struct Demo {
    pub(crate) api: Http,
    pub(crate) env: String,
    pub(crate) app_id: String,
    cluster: String,
    namespace: String,
}

impl Demo {
    /// Creates the app.
    pub(crate) async fn create(server: &Server, app_id: &str) -> Self {
        Self::create_in(server.open_api(), "DEV", app_id).await
    }

    /// Creates the app through an open API, to be edited in this environment.
    pub(crate) async fn create_in(api: Http, env: &str, app_id: &str) -> Self {
        let app = json!({
            "appId": app_id, "name": app_id, "orgId": "TEST1", "orgName": "Test", "ownerName": "apollo",
            "ownerEmail": "apollo@acme.com", "dataChangeCreatedBy": "apollo",
        });
        let body = json!({ "app": app, "admins": [] });
        api.send_patiently(Method::POST, "/openapi/v1/apps", Some(body)).await.ok();
        Self {
            api,
            env: env.to_owned(),
            app_id: app_id.to_owned(),
            cluster: "default".to_owned(),
            namespace: "application".to_owned(),
        }
    }

    /// The same namespace in another environment.
    pub(crate) fn in_env(&self, env: &str) -> Self {
        Self { env: env.to_owned(), ..self.clone() }
    }

    /// The same namespace of a server that was restarted.
    pub(crate) fn on(self, server: &Server) -> Self {
        Self { api: server.open_api(), ..self }
    }

    /// Path of the namespace in the open API.
    pub(crate) fn path(&self) -> String {
        let Self { env, app_id, cluster, namespace, .. } = self;
        format!("/openapi/v1/envs/{env}/apps/{app_id}/clusters/{cluster}/namespaces/{namespace}")
    }

    /// Creates or changes an item.
    pub(crate) async fn set(&self, key: &str, value: &str) {
        let item = json!({ "key": key, "value": value, "dataChangeCreatedBy": "apollo", "dataChangeLastModifiedBy": "apollo" });
        let path = format!("{}/items/{key}?createIfNotExists=true", self.path());
        self.api.send_patiently(Method::PUT, &path, Some(item)).await.ok();
    }

    /// Deletes an item.
    pub(crate) async fn delete(&self, key: &str) {
        let path = format!("{}/items/{key}?operator=apollo", self.path());
        self.api.send_patiently(Method::DELETE, &path, None).await.ok();
    }

    /// Publishes; the answer is the release.
    pub(crate) async fn publish(&self) -> Value {
        Patience::new().send(|| self.try_publish()).await.ok().json()
    }

    /// Publishes; the answer may be a failure.
    pub(crate) async fn try_publish(&self) -> Answer {
        let release = json!({ "releaseTitle": "test", "releasedBy": "apollo" });
        self.api.post(&format!("{}/releases", self.path()), release).await
    }

    /// Rolls back to the release before a release.
    pub(crate) async fn roll_back(&self, release: &Value) {
        let path = format!(
            "/openapi/v1/envs/{}/releases/{}/rollback?operator=apollo",
            self.env, release["id"]
        );
        self.api.send_patiently(Method::PUT, &path, Some(Value::Null)).await.ok();
    }
}
