//! X168: a node that ended after an environment had created a cluster or a namespace left it without
//! roles, and the creation could not be repeated. Here the database fails in place of the node.

use castalia_store::entity::{Standard as _, role, user_role};
use castalia_store::{Store, user};
use serde_json::{Value, json};

use super::archive::archive;
use super::trigger::Trigger;
use super::world::{Caller, NS, World, app, item};

const CLUSTERS: &str = "/openapi/v1/envs/LOCAL/apps/demo/clusters";
const GRANT: &str =
    "/openapi/v1/apps/demo/envs/LOCAL/clusters/c/roles/ModifyNamespacesInCluster?userId=u2";
/// The roles of the cluster, and those of the namespace in the environment and in all.
const OF_CLUSTER: [&str; 2] =
    ["ModifyNamespacesInCluster+demo+LOCAL+c", "ReleaseNamespacesInCluster+demo+LOCAL+c"];
const OF_NAMESPACE: [&str; 4] = [
    "ModifyNamespace+second+pub",
    "ModifyNamespace+second+pub+LOCAL",
    "ReleaseNamespace+second+pub",
    "ReleaseNamespace+second+pub+LOCAL",
];

fn cluster(name: &str) -> Value {
    json!({ "name": name, "appId": "demo" })
}

/// The app `demo` with a cluster that has no roles.
async fn world_with_cluster() -> World {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    let refused = refused("Role");
    refused.create(&world.store).await;
    assert!(owner.post(CLUSTERS, cluster("c")).await.status >= 500);
    refused.drop(&world.store).await;
    owner.get(&format!("{CLUSTERS}/c")).await.ok();
    assert_eq!(roles(&world.store, "+c").await, [""; 0]);
    drop(owner);
    world
}

/// New rows of this table.
fn refused(table: &str) -> Trigger<'_> {
    Trigger { name: "refused", table, when: "BEFORE INSERT", row: None, statement: None }
}

/// Names of the roles that contain this text, sorted.
async fn roles(store: &Store, part: &str) -> Vec<String> {
    let rows = role::Entity::live().all(store.read()).await.unwrap();
    let names = rows.into_iter().map(|row| row.role_name);
    let mut names: Vec<_> = names.filter(|name| name.contains(part)).collect();
    names.sort_unstable();
    names
}

async fn grants(store: &Store) -> usize {
    user_role::Entity::live().all(store.read()).await.unwrap().len()
}

/// The number of records in the audit log.
async fn records(root: &Caller<'_>) -> usize {
    let path = "/openapi/v1/apollo/audit/logs?page=0&size=100";
    root.get(path).await.ok().as_array().unwrap().len()
}

#[tokio::test]
async fn a_repeated_creation_gives_a_cluster_its_roles() {
    let world = world_with_cluster().await;
    let owner = world.user("u1").await;
    let before = grants(&world.store).await;
    for _ in 0..2 {
        owner.post(CLUSTERS, cluster("c")).await.fails(400, "cluster already exists");
        assert_eq!(roles(&world.store, "+c").await, OF_CLUSTER);
        assert_eq!(grants(&world.store).await, before);
    }
    owner.post(GRANT, Value::Null).await.empty();
    let user = world.user("u2").await;
    user.post(&format!("{}/items", NS.replace("default", "c")), item("k", "v")).await.ok();
}

/// One of the roles exists: somebody has requested it, and was granted it.
#[tokio::test]
async fn a_repeated_creation_gives_a_cluster_the_role_that_it_lacks() {
    let world = world_with_cluster().await;
    let owner = world.user("u1").await;
    owner.post(GRANT, Value::Null).await.empty();
    let gone: Result<_, castalia_store::StoreError> = world
        .store
        .write((), |tx, ()| {
            Box::pin(async move {
                let names = user::role::Names {
                    exact: vec![OF_CLUSTER[1].to_owned()],
                    ..user::role::Names::default()
                };
                user::role::delete_roles(tx, &names, &castalia_store::Deletion::by("apollo")).await
            })
        })
        .await;
    gone.unwrap();
    assert_eq!(roles(&world.store, "+c").await, OF_CLUSTER[..1]);
    owner.post(CLUSTERS, cluster("c")).await.fails(400, "cluster already exists");
    assert_eq!(roles(&world.store, "+c").await, OF_CLUSTER);
}

/// A refusal for another reason creates nothing, and is in no audit log.
#[tokio::test]
async fn a_cluster_that_does_not_exist_gets_no_roles() {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    owner.post(CLUSTERS, cluster("c1")).await.ok();
    let root = world.user("apollo").await;
    let before = records(&root).await;
    owner.post(CLUSTERS, cluster("c1")).await.fails(400, "cluster already exists");
    owner.post(GRANT, Value::Null).await.fails(400, "Role ModifyNamespacesInCluster+demo+LOCAL+c ");
    assert_eq!(records(&root).await, before);
    assert_eq!(roles(&world.store, "+LOCAL+c").await.len(), 2);
}

#[tokio::test]
async fn a_grant_gives_a_cluster_its_roles() {
    for is_user in [true, false] {
        let world = world_with_cluster().await;
        let root = world.user("apollo").await;
        if is_user {
            world.user("u1").await.post(GRANT, Value::Null).await.empty();
        } else {
            let consumers = "/openapi/v1/consumers";
            let consumer =
                json!({ "appId": "ci", "name": "CI", "orgId": "TEST1", "ownerName": "u1" });
            let made = root.post(consumers, consumer).await.ok();
            let token = made["token"].as_str().unwrap();
            let path = format!("{consumers}/{token}/assign-role?type=ClusterRole&envs=LOCAL");
            root.post(&path, json!({ "appId": "demo", "clusterName": "c" })).await.ok();
        }
        assert_eq!(roles(&world.store, "+c").await, OF_CLUSTER, "a user: {is_user}");
    }
}

/// As the documentation recommends after the end of a node.
#[tokio::test]
async fn a_repeated_import_gives_a_cluster_its_roles() {
    let world = world_with_cluster().await;
    let root = world.user("apollo").await;
    let bytes = archive(&[(
        "u1/demo/LOCAL/c.cluster.metadata",
        json!({ "name": "c", "appId": "demo" }).to_string(),
    )]);
    let path = "/openapi/v1/configs/import?envs=local";
    let report = root.upload(path, "all.zip", &bytes).await.ok();
    assert_eq!(report["entries"][0]["outcome"], "unchanged", "{report}");
    assert_eq!(roles(&world.store, "+c").await, OF_CLUSTER);
}

/// The node ends between the creation and the grant to its maker, which the repetition does not make
/// up for: it may be another one's.
#[tokio::test]
async fn an_associated_namespace_is_never_without_roles() {
    let world = World::with_demo().await;
    let (owner, other) = (world.user("u1").await, world.user("u2").await);
    let definition = json!({
        "appId": "demo", "name": "pub", "format": "properties", "isPublic": true,
        "appendNamespacePrefix": false,
    });
    owner.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
    other.post("/openapi/v1/apps", app("second", "u2")).await.empty();
    let link = json!([{
        "appId": "second", "env": "LOCAL", "clusterName": "default", "appNamespaceName": "pub",
    }]);
    let before = grants(&world.store).await;
    let refused = refused("UserRole");
    refused.create(&world.store).await;
    other.post("/openapi/v1/namespaces", link.clone()).await.fails(400, "create namespace failed");
    refused.drop(&world.store).await;
    let namespace = NS.replace("demo", "second").replace("application", "pub");
    other.get(&namespace).await.ok();
    assert_eq!(roles(&world.store, "+pub").await, of_both_apps());
    other
        .post("/openapi/v1/namespaces", link)
        .await
        .fails(400, "create namespace failed for: LOCAL/default/pub (namespace already exists");
    assert_eq!(grants(&world.store).await, before);
    let grant = "/openapi/v1/apps/second/namespaces/pub/roles/ModifyNamespace?userId=u1";
    other.post(grant, Value::Null).await.empty();
    owner.post(&format!("{namespace}/items"), item("k", "v")).await.ok();
}

/// Those of the definition, and those of the namespace that is associated with it.
fn of_both_apps() -> Vec<String> {
    let of = |app_id: &str| OF_NAMESPACE.map(|name| name.replace("second", app_id)).to_vec();
    let mut names = [of("demo"), of("second")].concat();
    names.sort_unstable();
    names
}
