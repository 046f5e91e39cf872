//! What was deleted comes back whole: with its items, releases, history, roles and grants, and with
//! nothing that was deleted on its own.

use castalia_server::domain::permission::{Action, NamedRole, assignment};
use castalia_store::StoreError;
use castalia_store::entity::{commit, namespace};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::{Value, json};

use super::engine;
use super::world::{Caller, NS, World, app, item};

const DELETED: &str = "/openapi/v1/apps/demo/deleted";
pub(super) const RESTORATIONS: &str = "/openapi/v1/apps/demo/restorations";
pub(super) const DEFINITIONS: &str = "/openapi/v1/apps/demo/appnamespaces";
pub(super) const CLUSTERS: &str = "/openapi/v1/envs/LOCAL/apps/demo/clusters";

/// Path of the namespace for its deletion.
pub(super) fn deletion(cluster: &str, namespace: &str) -> String {
    format!("/openapi/v1/apps/demo/envs/LOCAL/clusters/{cluster}/namespaces/{namespace}")
}

pub(super) async fn set(user: &Caller<'_>, path: &str, key: &str, value: &str) {
    let path = format!("{path}/items/{key}?createIfNotExists=true");
    user.put(&path, item(key, value)).await.empty();
}

pub(super) async fn publish(user: &Caller<'_>, path: &str) {
    user.post(&format!("{path}/releases"), json!({ "releaseTitle": "r" })).await.ok();
}

/// Keys and values of the items, the latest release, and the number of entries of the history.
pub(super) async fn content(user: &Caller<'_>, path: &str) -> Value {
    let page = user.get(&format!("{path}/items?page=0&size=100")).await.ok();
    let items: Vec<_> = page["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["key"].clone(), item["value"].clone()))
        .collect();
    let release = user.get(&format!("{path}/releases/latest")).await;
    let release = (!release.bytes.is_empty()).then(|| release.ok()["configurations"].clone());
    // The environment is not first in this path.
    let of_env = path.strip_prefix("/openapi/v1/envs/LOCAL/apps/").unwrap();
    let (app_id, rest) = of_env.split_once('/').unwrap();
    let of_app = format!("/openapi/v1/apps/{app_id}/envs/LOCAL/{rest}");
    let history = user.get(&format!("{of_app}/releases/histories?page=0&size=100")).await.ok();
    json!([items, release, history.as_array().unwrap().len()])
}

pub(super) async fn deleted(user: &Caller<'_>) -> Vec<Value> {
    user.get(DELETED).await.ok()["objects"].as_array().unwrap().clone()
}

/// Creates a definition with its namespaces.
pub(super) async fn define(user: &Caller<'_>, app_id: &str, name: &str, is_public: bool) {
    let body = json!({
        "appId": app_id, "name": name, "format": "properties", "isPublic": is_public,
        "appendNamespacePrefix": false,
    });
    user.post(&DEFINITIONS.replace("demo", app_id), body).await.ok();
}

pub(super) async fn create_cluster(root: &Caller<'_>, name: &str) {
    root.post(CLUSTERS, json!({ "name": name, "appId": "demo" })).await.ok();
}

#[tokio::test]
async fn a_namespace_comes_back_as_it_was() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    for key in ["a", "b", "gone"] {
        set(&user, NS, key, "1").await;
    }
    publish(&user, NS).await;
    user.delete(&format!("{NS}/items/gone")).await.empty();
    set(&user, NS, "unpublished", "2").await;
    let before = content(&user, NS).await;
    user.delete(&deletion("default", "application")).await.empty();
    user.get(&format!("{NS}/items?page=0&size=1")).await.fails(404, "namespace not found");
    let listed = deleted(&user).await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    let one = &listed[0];
    assert_eq!(
        [&one["kind"], &one["env"], &one["clusterName"], &one["namespaceName"], &one["deletedBy"]],
        ["namespace", "LOCAL", "default", "application", "u1"]
    );
    user.post(RESTORATIONS, one.clone()).await.empty();
    assert_eq!(content(&user, NS).await, before);
    assert!(deleted(&user).await.is_empty());
    let again = user.post(RESTORATIONS, one.clone()).await;
    again.fails(400, "no namespace with this name was deleted at this time");
    assert_eq!(again.json()["code"], "not_deleted");
    // It can be edited and published as before.
    set(&user, NS, "c", "3").await;
    publish(&user, NS).await;
}

/// Of several namespaces that had one name, the one that was deleted at this time comes back.
#[tokio::test]
async fn a_name_that_is_in_use_again_is_refused() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    set(&user, NS, "k", "first").await;
    publish(&user, NS).await;
    let first = content(&user, NS).await;
    user.delete(&deletion("default", "application")).await.empty();
    let entry = deleted(&user).await[0].clone();
    let again = json!([{
        "appId": "demo", "env": "LOCAL", "clusterName": "default", "appNamespaceName": "application",
    }]);
    user.post("/openapi/v1/namespaces", again).await.empty();
    set(&user, NS, "k", "second").await;
    publish(&user, NS).await;
    publish(&user, NS).await;
    let second = content(&user, NS).await;
    let refused = user.post(RESTORATIONS, entry.clone()).await;
    refused.fails(400, "namespace already exists for namespaceName:application");
    assert_eq!(content(&user, NS).await, second);
    user.delete(&deletion("default", "application")).await.empty();
    user.post(RESTORATIONS, entry).await.empty();
    assert_eq!(content(&user, NS).await, first);
    user.delete(&deletion("default", "application")).await.empty();
    let latest_of_second = deleted(&user).await[1].clone();
    user.post(RESTORATIONS, latest_of_second).await.empty();
    assert_eq!(content(&user, NS).await, second);
}

/// The branch is deleted with its namespace, and does not hide it in the list.
#[tokio::test]
async fn a_namespace_with_a_gray_branch_comes_back() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    set(&user, NS, "k", "v").await;
    user.post(&format!("{NS}/branches"), Value::Null).await.ok();
    let path = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default/namespaces/application";
    user.delete(path).await.empty();
    let listed = deleted(&user).await;
    assert_eq!((listed.len(), &listed[0]["kind"]), (1, &json!("namespace")), "{listed:?}");
    user.post(RESTORATIONS, listed[0].clone()).await.empty();
    let items = user.get(&format!("{NS}/items")).await.ok();
    assert_eq!(items["content"][0]["value"], "v");
}

/// A cluster comes back with its gray release and with the namespaces that were defined meanwhile,
/// but without a namespace that was deleted before it, which can be restored then.
#[tokio::test]
async fn a_cluster_comes_back_with_its_namespaces() {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    define(&user, "demo", "extra", false).await;
    define(&user, "demo", "dropped", false).await;
    create_cluster(&root, "c1").await;
    let ns = NS.replace("default", "c1");
    set(&user, &ns, "k", "v").await;
    publish(&user, &ns).await;
    let branch = user.post(&format!("{ns}/branches"), Value::Null).await.ok();
    let branch = branch["clusterName"].as_str().unwrap().to_owned();
    let items_of_branch = ns.replace("c1", &branch);
    set(&user, &items_of_branch, "k", "gray").await;
    let rules = json!({ "branchName": branch, "ruleItems": [{
        "clientAppId": "demo", "clientIpList": ["10.0.0.1"], "clientLabelList": [],
    }]});
    user.put(&format!("{ns}/branches/{branch}/rules"), rules).await.empty();
    let gray = format!("{ns}/branches/{branch}/releases");
    user.post(&gray, json!({ "releaseTitle": "g" })).await.ok();
    let editor = NamedRole::cluster(Action::Modify, "demo", "LOCAL", "c1");
    assignment::assign(&world.store, editor, "u2", "u1").await.unwrap();
    let before = content(&user, &ns).await;
    let rules = user.get(&format!("{ns}/branches/{branch}/rules")).await.ok();
    user.delete(&deletion("c1", "extra")).await.empty();
    root.delete(&format!("{CLUSTERS}/c1")).await.empty();
    define(&user, "demo", "later", false).await;
    user.delete(&format!("{DEFINITIONS}/dropped")).await.empty();

    let listed = deleted(&user).await;
    let is = |kind: &str| listed.iter().find(|one| one["kind"] == kind).unwrap().clone();
    assert_eq!(listed.len(), 3, "{listed:?}");
    let of_deleted = user.post(RESTORATIONS, is("namespace")).await;
    of_deleted.fails(404, "cluster not found for appId:demo clusterName:c1");
    user.post(RESTORATIONS, is("cluster")).await.fails(403, "Access is denied");
    root.post(RESTORATIONS, is("cluster")).await.empty();
    assert_eq!(content(&user, &ns).await, before);
    assert_eq!(user.get(&format!("{ns}/branches/{branch}/rules")).await.ok(), rules);
    let names = async || {
        let names = user.get(&format!("{CLUSTERS}/c1/namespaces")).await.ok();
        let mut names: Vec<_> =
            names.as_array().unwrap().iter().map(|one| one["namespaceName"].clone()).collect();
        names.sort_by_key(ToString::to_string);
        names
    };
    assert_eq!(names().await, ["application", "later"]);
    user.post(RESTORATIONS, is("namespace")).await.empty();
    assert_eq!(names().await, ["application", "extra", "later"]);
    let other = world.user("u2").await;
    set(&other, &ns, "of-u2", "v").await;
    // The gray release can be ended as any other.
    user.delete(&format!("{ns}/branches/{branch}")).await.empty();
}

/// A definition comes back everywhere, with the grants that it had.
#[tokio::test]
async fn a_definition_comes_back_with_its_grants() {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    define(&user, "demo", "extra", false).await;
    create_cluster(&root, "c1").await;
    let ns = NS.replace("application", "extra");
    set(&user, &ns, "k", "v").await;
    publish(&user, &ns).await;
    let editor = NamedRole::namespace(Action::Modify, "demo", "extra");
    assignment::assign(&world.store, editor, "u2", "u1").await.unwrap();
    let before = content(&user, &ns).await;
    user.delete(&format!("{DEFINITIONS}/extra")).await.empty();
    create_cluster(&root, "c2").await;

    let listed = deleted(&user).await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["kind"], "appNamespace");
    assert!(listed[0].get("env").is_none());
    let stranger = world.user("u2").await;
    stranger.post(RESTORATIONS, listed[0].clone()).await.fails(403, "Access is denied");
    user.post(RESTORATIONS, listed[0].clone()).await.empty();
    assert_eq!(content(&user, &ns).await, before);
    for cluster in ["c1", "c2"] {
        let path = ns.replace("default", cluster);
        user.get(&format!("{path}/items?page=0&size=1")).await.ok();
    }
    set(&stranger, &ns, "of-u2", "v").await;
    assert!(deleted(&user).await.is_empty());
    user.delete(&format!("{DEFINITIONS}/extra")).await.empty();
    define(&user, "demo", "extra", false).await;
    let taken = user.post(RESTORATIONS, deleted(&user).await.last().unwrap().clone()).await;
    taken.fails(400, "appNamespace already exists for appId:demo namespaceName:extra");
}

/// MariaDB deletes the namespaces of a definition whatever the case of their names, and the
/// restoration finds them likewise: an empty one in their place would hide what they contain.
#[tokio::test]
async fn a_definition_comes_back_with_a_namespace_in_another_case() {
    if !engine::ignores_case() {
        return;
    }
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    define(&user, "demo", "extra", false).await;
    let ns = NS.replace("application", "extra");
    set(&user, &ns, "k", "v").await;
    publish(&user, &ns).await;
    let renamed: Result<_, StoreError> = world
        .environment_store
        .write((), |tx, ()| {
            Box::pin(async move {
                use namespace::{Column, Entity};
                let names = Entity::update_many().col_expr(Column::NamespaceName, "Extra".into());
                Ok(names.filter(Column::NamespaceName.eq("extra")).exec(tx).await?.rows_affected)
            })
        })
        .await;
    assert_eq!(renamed.unwrap(), 1);
    let before = content(&user, &ns).await;
    user.delete(&format!("{DEFINITIONS}/extra")).await.empty();
    let listed = deleted(&user).await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["kind"], "appNamespace");
    user.post(RESTORATIONS, listed[0].clone()).await.empty();
    assert_eq!(content(&user, &ns).await, before);
}

/// An app comes back in the portal and in its environments, with its administrators and access
/// keys.
#[tokio::test]
async fn an_app_comes_back_whole() {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    set(&user, NS, "k", "v").await;
    publish(&user, NS).await;
    let keys = "/openapi/v1/apps/demo/envs/LOCAL/accesskeys";
    user.post(keys, Value::Null).await.ok();
    let editor = NamedRole::namespace(Action::Modify, "demo", "application");
    assignment::assign(&world.store, editor, "u2", "u1").await.unwrap();
    let before = content(&user, NS).await;
    let secret = user.get(keys).await.ok()[0]["secret"].clone();
    root.delete("/openapi/v1/apps/demo").await.empty();
    user.get("/openapi/v1/deleted-apps").await.fails(403, "Access is denied");
    let apps = root.get("/openapi/v1/deleted-apps").await.ok();
    assert_eq!([&apps[0]["appId"], &apps[0]["deletedBy"]], ["demo", "apollo"]);
    let restoration = json!({ "kind": "app", "deletedTime": apps[0]["deletedTime"] });
    user.post(RESTORATIONS, restoration.clone()).await.fails(403, "Access is denied");

    root.post("/openapi/v1/apps", app("demo", "u2")).await.empty();
    root.post(RESTORATIONS, restoration.clone()).await.fails(400, "app already exists");
    root.delete("/openapi/v1/apps/demo").await.empty();
    root.post(RESTORATIONS, restoration.clone()).await.empty();
    assert_eq!(content(&user, NS).await, before);
    assert_eq!(user.get(keys).await.ok()[0]["secret"], secret);
    let other = world.user("u2").await;
    set(&other, NS, "of-u2", "v").await;
    publish(&user, NS).await;
    root.post(RESTORATIONS, restoration).await.fails(400, "app already exists");
    // The other app of this name is still listed, and nothing of it came back.
    let left = root.get("/openapi/v1/deleted-apps").await.ok();
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(root.get("/openapi/v1/apps/demo").await.ok()["ownerName"], "u1");
}

/// A public name may belong to another app meanwhile, whose clients must not receive other values.
#[tokio::test]
async fn a_public_name_that_is_taken_is_refused() {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    define(&user, "demo", "shared", true).await;
    root.delete("/openapi/v1/apps/demo").await.empty();
    user.post("/openapi/v1/apps", app("other", "u1")).await.empty();
    define(&user, "other", "shared", true).await;
    let apps = root.get("/openapi/v1/deleted-apps").await.ok();
    let restoration = json!({ "kind": "app", "deletedTime": apps[0]["deletedTime"] });
    let refused = root.post(RESTORATIONS, restoration).await;
    refused.fails(400, "Public AppNamespace shared already exists in appId: other!");
    root.get("/openapi/v1/apps/demo").await.fails(400, "App not found: demo");
    root.get(&format!("{NS}/items?page=0&size=1")).await.fails(404, "namespace not found");
}

/// Apollo's services hide the rows of a namespace one table after the other.
#[tokio::test]
async fn what_apollo_deleted_is_not_restored_in_part() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    set(&user, NS, "k", "v").await;
    publish(&user, NS).await;
    user.delete(&deletion("default", "application")).await.empty();
    let earlier: Result<_, StoreError> = world
        .environment_store
        .write((), |tx, ()| {
            Box::pin(async move {
                let at = Expr::col(commit::Column::DeletedAt).sub(7);
                let commits = commit::Entity::update_many().col_expr(commit::Column::DeletedAt, at);
                commits.filter(commit::Column::AppId.eq("demo")).exec(tx).await?;
                Ok(())
            })
        })
        .await;
    earlier.unwrap();
    let refused = user.post(RESTORATIONS, deleted(&user).await[0].clone()).await;
    refused.fails(400, "Apollo or an earlier version of Castalia deleted this");
    assert_eq!(refused.json()["code"], "not_restorable");
    user.get(&format!("{NS}/items?page=0&size=1")).await.fails(404, "namespace not found");
}

#[tokio::test]
async fn of_two_callers_one_restores() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    set(&user, NS, "k", "v").await;
    for _ in 0..5 {
        user.delete(&deletion("default", "application")).await.empty();
        let one = deleted(&user).await[0].clone();
        let answers =
            futures_util::future::join_all((0..4).map(|_| user.post(RESTORATIONS, one.clone())));
        let statuses: Vec<_> = answers.await.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    }
    let page = user.get(&format!("{NS}/items?page=0&size=10")).await.ok();
    assert_eq!(page["content"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_request_that_names_nothing_is_refused() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    for (body, message) in [
        (json!({}), "Params(kind) can not be empty"),
        (json!({ "kind": "item" }), "the kind of what was deleted is one of"),
        (json!({ "kind": "namespace" }), "Params(deletedTime) can not be empty"),
        (
            json!({ "kind": "namespace", "deletedTime": "2026-01-01T00:00:00.000+0000" }),
            "Params(env) can not be empty",
        ),
    ] {
        user.post(RESTORATIONS, body).await.fails(400, message);
    }
    world.nobody().get(DELETED).await.fails(401, "");
    world.user("u2").await.get(DELETED).await.fails(403, "Access is denied");
}
