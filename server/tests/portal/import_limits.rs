//! Archives that exceed the limits of an environment: each entry is reported, and nothing is
//! imported.

use serde_json::json;

use super::archive::archive;
use super::world::{Answer, Caller, NS, World, app, item};

const CLUSTER: &str = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default/import";
const ALL: &str = "/openapi/v1/configs/import?envs=LOCAL&conflictAction=cover";
const GOOD: &str = "demo/LOCAL/demo+default+application.properties";
const OTHER: &str = "demo/LOCAL/demo+default+other.properties";

/// The app `demo` with the namespaces `application` and `other`, both empty.
async fn world(settings: &[(&str, &str)]) -> World {
    let world = World::with_demo().await;
    let definition = json!({ "appId": "demo", "name": "other", "format": "properties" });
    world.user("u1").await.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
    world.set_all_in_environment(settings);
    world
}

fn other() -> String {
    NS.replace("application", "other")
}

async fn count(caller: &Caller<'_>, namespace: &str) -> i64 {
    caller.get(&format!("{namespace}/items")).await.ok()["total"].as_i64().unwrap()
}

/// Imports a good namespace and one with these items, which is refused with the message that an
/// edit has.
async fn refused(world: &World, items: serde_json::Value, problem: &str) {
    let owner = world.user("u1").await;
    let bytes = archive(&[(GOOD, json!([item("k", "v")]).to_string()), (OTHER, items.to_string())]);
    for path in [CLUSTER.to_owned(), format!("{CLUSTER}?conflictAction=cover")] {
        let answer = owner.upload(&path, "c.zip", &bytes).await;
        answer.fails(400, &format!("Nothing was imported. {OTHER}: {problem}"));
    }
    let path = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default/namespaces/other/items/import";
    let single = owner.upload(path, "other.properties", items.to_string().as_bytes()).await;
    single.fails(400, problem);
    assert_eq!(count(&owner, NS).await, 0, "{problem}");
    assert_eq!(count(&owner, &other()).await, 0, "{problem}");
}

#[tokio::test]
async fn keys_and_values_have_the_lengths_of_the_environment() {
    let lengths = [("item.key.length.limit", "8"), ("item.value.length.limit", "10")];
    let world = world(&lengths).await;
    refused(&world, json!([item("a", "1"), item("too long a key", "1")]), "key too long").await;
    refused(&world, json!([item("a", "eleven char")]), "value too long. length limit:10").await;
    // As an edit measures them.
    refused(&world, json!([item("a", "😀😀😀😀😀😀")]), "value too long").await;
    let owner = world.user("u1").await;
    owner.post(&format!("{NS}/items"), item("a", "eleven char")).await.fails(400, "value too long");
    let fits = archive(&[(OTHER, json!([item("8 chars.", "10 chars..")]).to_string())]);
    owner.upload(CLUSTER, "c.zip", &fits).await.ok();
}

#[tokio::test]
async fn an_app_and_a_namespace_may_have_longer_values() {
    let world = world(&[]).await;
    let owner = world.user("u1").await;
    let id = owner.get(&other()).await.ok()["id"].clone();
    let long = json!([item("a", "eleven char")]);
    let of_namespace = json!({ id.to_string(): 11 }).to_string();
    for (override_key, value) in [
        ("appid.value.length.limit.override", r#"{"demo":11}"#),
        ("namespace.value.length.limit.override", &of_namespace),
    ] {
        world.set_all_in_environment(&[("item.value.length.limit", "10"), (override_key, value)]);
        let bytes = archive(&[(OTHER, long.to_string())]);
        let path = format!("{CLUSTER}?conflictAction=cover");
        owner.upload(&path, "c.zip", &bytes).await.ok();
        let longer = json!([item("a", "twelve chars")]).to_string();
        let answer = owner.upload(&path, "c.zip", &archive(&[(OTHER, longer)])).await;
        answer.fails(400, &format!("Nothing was imported. {OTHER}: value too long"));
    }
}

#[tokio::test]
async fn the_number_of_items_and_of_namespaces_is_limited() {
    let limits = [("item.num.limit.enabled", "true"), ("item.num.limit", "5")];
    let world = world(&limits).await;
    let items = |number: usize| {
        let items: Vec<_> = (0..number).map(|at| item(&format!("k{at}"), "v")).collect();
        json!(items)
    };
    refused(&world, items(6), "The maximum number of items (5)").await;
    let owner = world.user("u1").await;
    let five = archive(&[(OTHER, items(5).to_string())]);
    owner.upload(CLUSTER, "c.zip", &five).await.ok();
    // Those that exist are not counted twice.
    owner.upload(&format!("{CLUSTER}?conflictAction=cover"), "c.zip", &five).await.ok();

    let root = world.user("apollo").await;
    let definition = |name: &str| json!({ "appId": "demo", "name": name, "format": "properties", "isPublic": false });
    let paths = ["more1", "more2"].map(|name| {
        let path = format!("u1/demo/LOCAL/demo+default+{name}.properties");
        let metadata = format!("demo+{name}.appnamespace.metadata");
        [(path, items(1).to_string()), (metadata, definition(name).to_string())]
    });
    let limits = [("namespace.num.limit.enabled", "true"), ("namespace.num.limit", "3")];
    world.set_all_in_environment(&limits);
    let answer = root.upload(ALL, "a.zip", &archive(&paths.concat())).await;
    let path = "u1/demo/LOCAL/demo+default+more2.properties";
    answer.fails(400, &format!("Nothing was imported. {path}: namespace[appId = demo"));
    let namespaces = "/openapi/v1/envs/LOCAL/apps/demo/clusters/default/namespaces";
    assert_eq!(root.get(namespaces).await.ok().as_array().unwrap().len(), 2);
    root.upload(ALL, "a.zip", &archive(&paths[0])).await.ok();
}

#[tokio::test]
async fn a_namespace_that_somebody_else_edits_refuses_the_import() {
    let world = world(&[("namespace.lock.switch", "true")]).await;
    world.user("apollo").await.post(&format!("{}/items", other()), item("a", "1")).await.ok();
    let owner = world.user("u1").await;
    let items = json!([item("b", "2")]).to_string();
    let bytes = archive(&[(GOOD, &items), (OTHER, &items)]);
    let path = format!("{CLUSTER}?conflictAction=cover");
    let answer = owner.upload(&path, "c.zip", &bytes).await;
    answer.fails(400, &format!("Nothing was imported. {OTHER}: namespace:other is modified by"));
    assert_eq!(count(&owner, NS).await, 0);
    // What would not be changed is not refused.
    owner.upload(CLUSTER, "c.zip", &bytes).await.ok();
}

/// A namespace that the import would create does not remain without its items.
#[tokio::test]
async fn a_refused_file_leaves_no_namespace_behind() {
    let world = world(&[("item.value.length.limit", "10")]).await;
    let owner = world.user("u1").await;
    let cluster = json!({ "appId": "demo", "name": "second" });
    owner.post("/openapi/v1/envs/LOCAL/apps/demo/clusters", cluster).await.ok();
    let shared = json!({
        "appId": "demo", "name": "shared", "format": "properties", "isPublic": true,
        "appendNamespacePrefix": false,
    });
    owner.post("/openapi/v1/apps/demo/appnamespaces", shared).await.ok();
    world.user("u2").await.post("/openapi/v1/apps", app("user", "u2")).await.empty();
    let namespaces = "/openapi/v1/envs/LOCAL/apps/user/clusters/default/namespaces";
    let other = world.user("apollo").await;
    let import = "/openapi/v1/apps/user/envs/LOCAL/clusters/default/namespaces/shared/items/import";
    let long = json!([item("a", "eleven char")]).to_string();
    other.upload(import, "a.properties", long.as_bytes()).await.fails(400, "value too long");
    assert_eq!(other.get(namespaces).await.ok().as_array().unwrap().len(), 1);
    let good = json!([item("a", "1")]).to_string();
    other.upload(import, "a.properties", good.as_bytes()).await.empty();
    assert_eq!(other.get(namespaces).await.ok().as_array().unwrap().len(), 2);
}

/// Whoever creates a namespace may edit and publish it in all environments.
#[tokio::test]
async fn a_file_creates_a_namespace_only_for_those_who_may() {
    let world = world(&[]).await;
    let owner = world.user("u1").await;
    let shared = json!({
        "appId": "demo", "name": "shared", "format": "properties", "isPublic": true,
        "appendNamespacePrefix": false,
    });
    owner.post("/openapi/v1/apps/demo/appnamespaces", shared).await.ok();
    owner.post("/openapi/v1/apps", app("user", "u1")).await.empty();
    let cluster = "/openapi/v1/apps/user/envs/LOCAL/clusters/default";
    let grant = format!("{cluster}/roles/ModifyNamespacesInCluster?userId=u2");
    owner.post(&grant, serde_json::Value::Null).await.empty();
    let (editor, import) =
        (world.user("u2").await, format!("{cluster}/namespaces/shared/items/import"));
    let items = json!([item("a", "1")]).to_string();
    editor.upload(&import, "a.properties", items.as_bytes()).await.fails(404, "");
    let namespaces = "/openapi/v1/envs/LOCAL/apps/user/clusters/default/namespaces";
    assert_eq!(owner.get(namespaces).await.ok().as_array().unwrap().len(), 1);
    world.user("apollo").await.upload(&import, "a.properties", items.as_bytes()).await.empty();
    assert_eq!(owner.get(namespaces).await.ok().as_array().unwrap().len(), 2);
    editor.upload(&import, "a.properties", items.as_bytes()).await.empty();
}

/// A cluster whose name no column can have, found before the first change.
#[tokio::test]
async fn a_cluster_with_a_name_that_is_too_long_is_refused() {
    let world = world(&[]).await;
    let root = world.user("apollo").await;
    let name = "c".repeat(33);
    let cluster = json!({ "name": name, "appId": "demo" }).to_string();
    let path = format!("u1/demo/LOCAL/{name}.cluster.metadata");
    let answer: Answer = root.upload(ALL, "a.zip", &archive(&[(&*path, &*cluster)])).await;
    answer.fails(400, &format!("Nothing was imported. {path}: the name of the cluster is invalid"));
}
