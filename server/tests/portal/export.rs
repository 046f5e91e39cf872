//! Exports in the layouts of Apollo's portal.

use http::Method;
use serde_json::{Value, json};

use super::archive::{entries, json_of};
use super::world::{NS, World, item};

const CLUSTER: &str = "/openapi/v1/apps/demo/envs/local/clusters/default/export";
const ALL: &str = "/openapi/v1/configs/export";

/// The app `demo` with two items in `application`, and the document `second.yml`.
async fn world() -> World {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    let with_comment = json!({ "key": "a", "value": "<1>", "comment": "why", "type": 1 });
    owner.post(&format!("{NS}/items"), with_comment).await.ok();
    owner.post(&format!("{NS}/items"), item("b", "2")).await.ok();
    let definition = json!({ "appId": "demo", "name": "second", "format": "yml" });
    owner.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
    let text = json!({ "format": "yml", "configText": "a: 1" });
    owner.put(&format!("{}/items", NS.replace("application", "second.yml")), text).await.empty();
    drop(owner);
    world
}

/// Keys and values.
fn pairs(items: &Value) -> Vec<(&str, &str)> {
    let items = items.as_array().unwrap().iter();
    items.map(|item| (item["key"].as_str().unwrap(), item["value"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_cluster_is_exported_under_the_names_that_apollo_reads() {
    let world = world().await;
    let answer = world.user("u1").await.get(CLUSTER).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.header("content-length"), answer.bytes.len().to_string());
    let name = answer.header("content-disposition");
    assert!(name.starts_with("attachment;filename=demo+LOCAL+default+20"), "{name}");
    let found = entries(&answer.bytes);
    let properties = json_of(&found, "demo/LOCAL/demo+default+application.properties");
    assert_eq!(pairs(&properties), [("a", "<1>"), ("b", "2")]);
    assert_eq!(
        (&properties[0]["comment"], &properties[0]["type"], &properties[0]["lineNum"]),
        (&json!("why"), &json!(1), &json!(1))
    );
    assert_eq!((&properties[0]["id"], &properties[0]["namespaceId"]), (&json!(0), &json!(0)));
    let document = json_of(&found, "demo/LOCAL/demo+default+second.yml");
    assert_eq!(pairs(&document), [("content", "a: 1")]);
    assert_eq!(found.len(), 2);
}

#[tokio::test]
async fn a_super_administrator_exports_everything_of_some_environments() {
    let world = world().await;
    let root = world.user("apollo").await;
    // An environment that is named twice is exported once.
    let answer = root.get(&format!("{ALL}?envs=local,LOCAL")).await;
    let name = answer.header("content-disposition");
    assert!(name.starts_with("attachment;filename=apollo_config_export_20"), "{name}");
    let found = entries(&answer.bytes);
    let paths: Vec<_> = found.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "demo+application.appnamespace.metadata",
            "demo+second.yml.appnamespace.metadata",
            "u1/demo/LOCAL/default.cluster.metadata",
            "u1/demo/LOCAL/demo+default+application.properties",
            "u1/demo/LOCAL/demo+default+second.yml",
            "u1/demo/app.metadata",
        ]
    );
    let app = json_of(&found, "u1/demo/app.metadata");
    assert_eq!((&app["appId"], &app["ownerName"]), (&json!("demo"), &json!("u1")));
    let definition = json_of(&found, "demo+second.yml.appnamespace.metadata");
    assert_eq!((&definition["format"], &definition["isPublic"]), (&json!("yml"), &json!(false)));
    let cluster = json_of(&found, "u1/demo/LOCAL/default.cluster.metadata");
    assert_eq!((&cluster["name"], &cluster["id"]), (&json!("default"), &json!(0)));
    root.get(&format!("{ALL}?envs=ghost")).await.fails(400, "invalid env format:ghost");
    root.get(ALL).await.fails(400, "Query: missing field");
}

#[tokio::test]
async fn a_namespace_is_exported_as_a_file() {
    let world = world().await;
    let path = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default/namespaces";
    let user = world.user("u2").await;
    for (namespace, file, first) in
        [("application", "application.properties", "a"), ("second.yml", "second.yml", "content")]
    {
        let answer = user.get(&format!("{path}/{namespace}/items/export")).await;
        let name = answer.header("content-disposition");
        assert_eq!(name, format!("attachment;filename={file}"));
        assert_eq!(answer.header("content-length"), answer.bytes.len().to_string());
        assert_eq!(answer.ok()[0]["key"], first);
    }
    assert_eq!(user.get(&format!("{path}/ghost/items/export")).await.status, 404);
}

#[tokio::test]
async fn head_checks_whether_a_cluster_may_be_exported() {
    let world = world().await;
    let head = async |user: &str| {
        world.user(user).await.send(Method::HEAD, CLUSTER, "", String::new()).await
    };
    head("u1").await.empty();
    assert_eq!(head("u2").await.status, 403);
}

#[tokio::test]
async fn exports_are_for_administrators_with_a_session() {
    let mut world = world().await;
    let token = world.token_for_all("ci").await;
    for path in [CLUSTER, &format!("{ALL}?envs=LOCAL")] {
        world.user("u2").await.get(path).await.fails(403, "Access is denied");
        world.consumer(&token).get(path).await.fails(403, "Portal user session is required");
    }
    world.set("configView.memberOnly.envs", "local");
    let namespace = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default/namespaces/application";
    let path = format!("{namespace}/items/export");
    world.user("u2").await.get(&path).await.fails(403, "Access is denied");
    assert_eq!(world.user("u1").await.get(&path).await.status, 200);
}

/// An export without an environment that did not answer would be restored one day.
#[tokio::test]
async fn an_export_fails_if_an_environment_does_not_answer() {
    let mut world = world().await;
    world.set("apollo.portal.envs", "local,far");
    let root = world.user("apollo").await;
    root.get(&format!("{ALL}?envs=LOCAL,FAR")).await.fails(500, "FAR cannot be exported: No avail");
    assert_eq!(root.get(&format!("{ALL}?envs=")).await.status, 200);
    let ghost = CLUSTER.replace("default", "ghost");
    root.get(&ghost).await.fails(400, "The app does not exist in the specified environment");
}
