//! Exports in the layouts of Apollo's portal, and their turns.

use std::pin::pin;

use futures_util::future::{join_all, join3, select};
use http::Method;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::archive::{entries, json_of};
use super::reads::GatedWorld;
use super::user_token::eventually;
use super::world::{Caller, NS, PASSWORD, World, app, item};

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

const OTHER: &str =
    "Another export of yours is running, waiting or being downloaded; retry when it has ended.";

/// So many users with an app each, and the path that exports its cluster in FAR.
async fn owners(gated: &GatedWorld, count: usize) -> Vec<(Caller<'_>, String)> {
    let root = gated.world.user("apollo").await;
    let mut owners = Vec::with_capacity(count);
    for number in 0..count {
        let (user, app_id) = (format!("owner{number}"), format!("app{number}"));
        gated.world.add_user(&user, &format!("{{noop}}{PASSWORD}")).await;
        root.post("/openapi/v1/apps", app(&app_id, &user)).await.empty();
        let path = format!("/openapi/v1/apps/{app_id}/envs/FAR/clusters/default/export");
        owners.push((gated.world.user(&user).await, path));
    }
    owners
}

/// X81: otherwise one of them leaves no turn to the others, on a node that runs four.
#[tokio::test]
async fn a_user_has_one_export_that_runs_or_waits() {
    let gated = GatedWorld::start().await;
    let owners = owners(&gated, 2).await;
    let [(first, path), (second, other)] = &owners[..] else { panic!("{}", owners.len()) };
    let others = async {
        gated.arrive(1).await;
        first.get(path).await.fails(429, OTHER);
        gated.arrive(2).await;
        gated.open.send_replace(true);
    };
    let second = async {
        gated.arrive(1).await;
        second.get(other).await
    };
    let (one, two, ()) = join3(first.get(path), second, others).await;
    assert_eq!((one.status, two.status), (200, 200), "{one:?} {two:?}");
    assert_eq!(first.get(path).await.status, 200);
}

/// X81: those of callers that left would fill the memory, and keep the others waiting.
#[tokio::test]
async fn an_export_waits_for_a_limited_time_and_ends_with_its_caller() {
    let gated = GatedWorld::start().await;
    let owners = owners(&gated, 5).await;
    let running = join_all(owners[..4].iter().map(|(owner, path)| owner.get(path)));
    let mut running = pin!(running);
    tokio::select! {
        answers = &mut running => panic!("{answers:?}"),
        () = gated.arrive(4) => {}
    }
    let (user, path) = &owners[4];
    let export = || Box::pin(user.get(path));
    let (refused, waiting) = select(export(), export()).await.factor_first();
    refused.fails(429, OTHER);
    drop(waiting);
    let message = "Other exports and imports have been running on this node for 30 s";
    user.get(path).await.fails(503, message);
    gated.open.send_replace(true);
    for answer in running.await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(user.get(path).await.status, 200);
}

/// The environment goes on to read for it.
#[tokio::test]
async fn an_export_whose_caller_left_keeps_its_turn_until_its_read_has_ended() {
    let gated = GatedWorld::start().await;
    let owners = owners(&gated, 1).await;
    let (user, path) = &owners[0];
    tokio::select! {
        answer = user.get(path) => panic!("{answer:?}"),
        () = gated.arrive(1) => {}
    }
    user.get(path).await.fails(429, OTHER);
    gated.open.send_replace(true);
    eventually(async || (user.get(path).await.status == 200).then_some(())).await;
}

/// X81: the files of a user who reads none of them would fill the disk.
#[tokio::test]
async fn a_user_has_one_exported_file_that_is_not_read() {
    let world = world().await;
    let (owner, root) = (world.user("u1").await, world.user("apollo").await);
    let unread = owner.open(CLUSTER).await;
    owner.get(CLUSTER).await.fails(429, OTHER);
    assert_eq!(root.get(CLUSTER).await.status, 200);
    drop(unread);
    let mut read = owner.open(CLUSTER).await;
    let piece = read.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(entries(&piece).len(), 2);
    // Before the end of the answer, which its receiver does not see.
    assert_eq!(owner.get(CLUSTER).await.status, 200);
    assert!(read.frame().await.is_none());
}

/// A file that is read slowly keeps no export of others waiting.
#[tokio::test]
async fn files_that_are_not_read_keep_no_others_waiting() {
    let gated = GatedWorld::start().await;
    gated.open.send_replace(true);
    let owners = owners(&gated, 5).await;
    let mut unread = Vec::with_capacity(4);
    for (owner, path) in &owners[..4] {
        unread.push(owner.open(path).await);
    }
    let (owner, path) = &owners[4];
    assert_eq!(owner.get(path).await.status, 200);
}
