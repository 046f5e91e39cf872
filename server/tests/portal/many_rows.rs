//! A portal with a chosen number of rows of each kind, created as its users would.

use castalia_store::StoreError;
use castalia_store::user::access_request::{self, RequestedRole};
use serde_json::{Value, json};

use super::instance::read;
use super::world::{Caller, NS, PASSWORD, World, app, item};

/// Number of rows of each kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Items of the namespace `application` of `demo`.
    pub(crate) items: usize,
    /// Namespaces of `demo` beside it.
    pub(crate) namespaces: usize,
    /// Clusters of `demo` beside `default`.
    pub(crate) clusters: usize,
    /// Apps beside `demo`.
    pub(crate) apps: usize,
    /// Releases, instances, users with roles, consumers, webhooks, favourites and settings.
    pub(crate) others: usize,
}

/// A portal with such rows, and their ids.
pub(crate) struct Rows {
    pub(crate) world: World,
    shared: String,
    branch: String,
    first: Value,
    last: Value,
    trace: String,
    /// An access token of `u1`.
    token: Value,
}

const ENV: &str = "/openapi/v1/envs/LOCAL/apps/demo";

impl Rows {
    pub(crate) async fn create(size: Size) -> Self {
        let mut world = World::with_demo().await;
        // So that values are hidden from those without a role.
        world.set("configView.memberOnly.envs", "LOCAL");
        world.set("namespace.publish.tips.supported.envs", "LOCAL");
        for number in 0..size.others {
            world.add_user(&format!("user{number}"), &format!("{{noop}}{PASSWORD}")).await;
        }
        let (owner, root) = (world.user("u1").await, world.user("apollo").await);
        let text: Vec<_> = (0..size.items).map(|number| format!("k{number} = v")).collect();
        let text = json!({ "format": "properties", "configText": text.join("\n") });
        owner.put(&format!("{NS}/items"), text).await.empty();
        let first = release_and_edit(&owner, NS).await;
        let made = owner.post(&format!("{NS}/branches"), Value::Null).await.ok();
        let branch = made["clusterName"].as_str().unwrap().to_owned();
        clusters(&owner, size.clusters).await;
        namespaces(&owner, size.namespaces).await;
        let shared = define(&owner, "demo", "shared", true).await;
        apps(&owner, size.apps, &shared).await;
        let token = owner.post("/openapi/v1/user-tokens", json!({ "name": "own" })).await.ok();
        let last = others(&world, &owner, &root, size.others).await;
        let last = last.unwrap_or_else(|| first.clone());
        let newest = root.get("/openapi/v1/apollo/audit/logs?page=0&size=1").await.ok();
        let trace = newest[0]["traceId"].as_str().unwrap().to_owned();
        drop((owner, root));
        Self { world, shared, branch, first, last, trace, token: token["id"].clone() }
    }

    /// A path with query of an operation, on these rows.
    pub(crate) fn fill(&self, operation: &str, path: &str) -> String {
        let namespace = match operation {
            "findPublicNamespaceForAssociatedNamespace" | "findAppNamespaceUsage" => &self.shared,
            _ => "application",
        };
        let permission = match operation {
            "hasAppPermission" => "AssignRole",
            "hasClusterNamespacePermission" => "ModifyNamespacesInCluster",
            _ => "ModifyNamespace",
        };
        [
            ("{env}", "LOCAL"),
            ("{appId}", "demo"),
            ("{userId}", "u1"),
            ("{clusterName}", "default"),
            ("{namespaceName}", namespace),
            ("{publicNamespaceName}", &self.shared),
            ("{branchName}", &self.branch),
            ("{permissionType}", permission),
            // `k1`, and in Base64.
            ("encodedItems/{key}", "encodedItems/azE"),
            ("{key}", "k1"),
            ("{releaseId}", &self.last.to_string()),
            ("{names}", "appId=demo&clusterName=default&namespaceName=application"),
            ("{first}", &self.first.to_string()),
            ("{last}", &self.last.to_string()),
            ("{trace}", &self.trace),
            ("{tokenId}", &self.token.to_string()),
        ]
        .into_iter()
        .fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
    }
}

/// Publishes a namespace, then deletes, changes and adds an item; returns the id of the release.
async fn release_and_edit(owner: &Caller<'_>, namespace: &str) -> Value {
    let set = async |key: &str, value: &str| {
        let path = format!("{namespace}/items/{key}?createIfNotExists=true");
        owner.put(&path, item(key, value)).await.empty();
    };
    set("deleted", "1").await;
    set("changed", "1").await;
    let release = json!({ "releaseTitle": "r" });
    let made = owner.post(&format!("{namespace}/releases"), release).await.ok();
    owner.delete(&format!("{namespace}/items/deleted")).await.empty();
    set("changed", "2").await;
    set("added", "1").await;
    made["id"].clone()
}

async fn define(owner: &Caller<'_>, app_id: &str, name: &str, is_public: bool) -> String {
    let body =
        json!({ "appId": app_id, "name": name, "format": "properties", "isPublic": is_public });
    let made = owner.post(&format!("/openapi/v1/apps/{app_id}/appnamespaces"), body).await.ok();
    made["name"].as_str().unwrap().to_owned()
}

async fn clusters(owner: &Caller<'_>, count: usize) {
    for number in 0..count {
        let cluster = json!({ "appId": "demo", "name": format!("c{number}") });
        owner.post(&format!("{ENV}/clusters"), cluster).await.ok();
        let namespace = format!("{ENV}/clusters/c{number}/namespaces/application");
        release_and_edit(owner, &namespace).await;
        owner.post(&format!("{namespace}/branches"), Value::Null).await.ok();
    }
}

async fn namespaces(owner: &Caller<'_>, count: usize) {
    for number in 0..count {
        let name = define(owner, "demo", &format!("n{number}"), number % 2 == 0).await;
        release_and_edit(owner, &NS.replace("application", &name)).await;
    }
}

/// Each app also overrides the public namespace, has one that `demo` overrides, and is a favourite.
async fn apps(owner: &Caller<'_>, count: usize, shared: &str) {
    for number in 0..count {
        let app_id = format!("a{number}");
        owner.post("/openapi/v1/apps", app(&app_id, "u1")).await.empty();
        let wanted = json!([{
            "env": "LOCAL", "appId": app_id, "clusterName": "default", "appNamespaceName": shared,
        }]);
        owner.post("/openapi/v1/namespaces", wanted).await.empty();
        let own = define(owner, &app_id, &format!("p{number}"), true).await;
        let wanted = json!([{
            "env": "LOCAL", "appId": "demo", "clusterName": "default", "appNamespaceName": own,
        }]);
        owner.post("/openapi/v1/namespaces", wanted).await.empty();
        let namespace = NS.replace("demo", &app_id);
        owner.post(&format!("{namespace}/items"), item("k", "v")).await.ok();
        let favorite = json!({ "userId": "u1", "appId": app_id });
        owner.post("/openapi/v1/favorites", favorite).await.ok();
    }
}

/// Open requests for roles on `demo`, of one user each.
async fn requests(world: &World, count: usize) {
    let inserted: Result<(), StoreError> = world
        .store
        .write(count, |tx, count| {
            Box::pin(async move {
                let demo = castalia_store::app::by_app_id(tx, "demo").await?.unwrap().id;
                for number in 0..*count {
                    let wanted = RequestedRole {
                        env: String::new(),
                        cluster: String::new(),
                        namespace: format!("n{number}"),
                        role_type: "ModifyNamespace".to_owned(),
                    };
                    let user = format!("user{number}");
                    access_request::insert(tx, demo, &user, &wanted, "").await?;
                }
                Ok(())
            })
        })
        .await;
    inserted.unwrap();
}

/// Returns the id of the last release.
async fn others(
    world: &World,
    owner: &Caller<'_>,
    root: &Caller<'_>,
    count: usize,
) -> Option<Value> {
    const ROLES: &str = "/openapi/v1/apps/demo";
    requests(world, count).await;
    let mut last = None;
    for number in 0..count {
        let user = format!("user{number}");
        for path in [
            format!("{ROLES}/roles/Master"),
            format!("{ROLES}/namespaces/application/roles/ModifyNamespace"),
            format!("{ROLES}/envs/LOCAL/namespaces/application/roles/ReleaseNamespace"),
            format!("{ROLES}/envs/LOCAL/clusters/default/roles/ModifyNamespacesInCluster"),
        ] {
            owner.post(&format!("{path}?userId={user}"), Value::Null).await.empty();
        }
        owner.post("/openapi/v1/user-tokens", json!({ "name": user })).await.ok();
        let creators = "/openapi/v1/system/roles/create-application";
        root.post(creators, json!([user])).await.empty();
        let consumer = json!({
            "appId": format!("consumer{number}"), "name": "c", "orgId": "TEST1", "orgName": "One", "ownerName": user,
        });
        root.post("/openapi/v1/consumers", consumer).await.ok();
        let webhook = json!({ "url": format!("https://hooks.example/{number}"), "enabled": false });
        let made = root.post("/openapi/v1/webhooks", webhook).await.ok();
        let test = format!("/openapi/v1/webhooks/{}/test", made["id"]);
        root.post(&test, Value::Null).await.empty();
        for path in ["portal-db/config", "envs/LOCAL/config-db/config"] {
            let row = json!({ "key": format!("x.{number}"), "value": "v", "cluster": "default" });
            root.post(&format!("/openapi/v1/server/{path}"), row).await.ok();
        }
        let made = owner.post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" })).await.ok();
        let stored = castalia_store::release::by_id(
            world.environment_store.read(),
            made["id"].as_i64().unwrap(),
        );
        let key = stored.await.unwrap().unwrap().release_key;
        for of in 0..count.min(10) {
            let ip = format!("10.0.{number}.{of}");
            read(&world.environment_store, &format!("client{number}"), &ip, &key).await;
        }
        owner
            .put(&format!("{NS}/items/changed"), item("changed", &number.to_string()))
            .await
            .empty();
        last = Some(made["id"].clone());
    }
    last
}
