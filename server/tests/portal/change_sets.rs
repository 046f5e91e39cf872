//! Edits of several namespaces in one call: each is checked, made and recorded as a call of its
//! own.

use std::time::Instant;

use serde_json::{Value, json};

use super::audit::Log;
use super::world::{Caller, NS, World, item};

const SETS: &str = "/openapi/v1/change-sets";
const CLUSTERS: &str = "/openapi/v1/envs/LOCAL/apps/demo/clusters";

/// The edits of the namespace `application` in a cluster.
fn set(cluster: &str, members: &[(&str, Value)]) -> Value {
    let mut set = json!({
        "appId": "demo", "env": "LOCAL", "clusterName": cluster, "namespaceName": "application",
    });
    members.iter().for_each(|(member, value)| set[*member] = value.clone());
    set
}

async fn change(caller: &Caller<'_>, sets: Value, dry_run: bool) -> Vec<Value> {
    let body = json!({ "changeSets": sets, "dryRun": dry_run });
    let results = caller.post(SETS, body).await.ok();
    results.as_array().unwrap().clone()
}

fn statuses(results: &[Value]) -> Vec<u64> {
    results.iter().map(|result| result["status"].as_u64().unwrap()).collect()
}

/// Keys and values of a cluster.
async fn items(caller: &Caller<'_>, cluster: &str) -> Value {
    let page = caller.get(&format!("{CLUSTERS}/{cluster}/namespaces/application/items")).await.ok();
    let items = page["content"].as_array().unwrap().iter();
    items.map(|item| json!([item["key"], item["value"]])).collect()
}

async fn world() -> World {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    owner.post(CLUSTERS, json!({ "appId": "demo", "name": "c1" })).await.ok();
    drop(owner);
    world
}

#[tokio::test]
async fn each_change_set_has_its_result_and_its_record() {
    let world = world().await;
    let owner = world.user("u1").await;
    let mut log = Log::of(&world).await;
    let create = |key: &str| ("create", json!([item(key, "1")]));
    let sets = json!([
        set("default", &[create("a")]),
        set("none", &[create("a")]),
        set("c1", &[create("b")])
    ]);
    assert_eq!(statuses(&change(&owner, sets.clone(), true).await), [200, 404, 200]);
    assert_eq!(items(&owner, "default").await, json!([]), "only checked");
    let results = change(&owner, sets, false).await;
    assert_eq!(statuses(&results), [200, 404, 200], "{results:?}");
    assert!(results[1]["message"].as_str().unwrap().contains("none"), "{results:?}");
    assert_eq!(items(&owner, "default").await, json!([["a", "1"]]));
    assert_eq!(items(&owner, "c1").await, json!([["b", "1"]]));
    let read = owner.get(&format!("{NS}/items")).await;
    assert_eq!(results[0]["current"], read.header("castalia-revision"), "the next base");
    let records: Vec<_> = log.shown().await.into_iter().map(|[_, name, _]| name).collect();
    assert_eq!(records, ["Item.change", "Item.change"]);
}

#[tokio::test]
async fn each_change_set_is_based_on_its_own_revision() {
    let world = world().await;
    let owner = world.user("u1").await;
    let revision = owner.get(&format!("{NS}/items")).await.header("castalia-revision").to_owned();
    owner.post(&format!("{NS}/items"), item("k", "theirs")).await.ok();
    let put = ("create", json!([item("k", "mine")]));
    let late = ("revision", json!(revision));
    let sets = json!([set("default", &[put.clone(), late.clone()]), set("c1", &[put, late])]);
    let results = change(&owner, sets, false).await;
    assert_eq!(statuses(&results), [409, 200], "{results:?}");
    let stale = &results[0]["items"][0];
    assert_eq!([&stale["key"], &stale["yours"], &stale["theirs"]], ["k", "mine", "theirs"]);
    assert_eq!((&stale["by"], &results[0]["code"]), (&json!("u1"), &json!("stale_revision")));
    assert!(results[0]["current"].is_string());
    assert_eq!(items(&owner, "c1").await, json!([["k", "mine"]]));
}

#[tokio::test]
async fn each_change_set_needs_the_right_to_edit_its_namespace() {
    let world = world().await;
    let grant = format!("{CLUSTERS}/c1/roles/ModifyNamespacesInCluster?userId=u2");
    let grant = grant.replace("envs/LOCAL/apps/demo", "apps/demo/envs/LOCAL");
    world.user("u1").await.post(&grant, Value::Null).await.empty();
    let create = ("create", json!([item("k", "1")]));
    let sets = json!([
        set("default", std::slice::from_ref(&create)),
        set("c1", std::slice::from_ref(&create))
    ]);
    let results = change(&world.user("u2").await, sets.clone(), false).await;
    assert_eq!(statuses(&results), [403, 200], "{results:?}");
    // A program with a token of the app edits all of it.
    for (name, apps, expected) in [("ci", &["demo"][..], 200), ("cd", &[], 403)] {
        let token = world.token(name, apps).await;
        let body = json!({ "changeSets": [set("default", std::slice::from_ref(&create))], "dryRun": true });
        let program = world.consumer(&token);
        let results = program.post(&format!("{SETS}?operator=u1"), body).await.ok();
        assert_eq!(results[0]["status"], expected, "{results:?}");
    }
    assert_eq!(world.nobody().post(SETS, json!({})).await.status, 401);
}

#[tokio::test]
async fn what_is_no_list_of_change_sets_is_refused_as_a_whole() {
    let world = world().await;
    let owner = world.user("u1").await;
    let one = || set("default", &[("create", json!([item("k", "1")]))]);
    let based = world.user("u1").await.with("castalia-revision", "0");
    let refused = based.post(SETS, json!({ "changeSets": [one()] })).await;
    refused.fails(400, "Each change set has its own revision");
    // Bytes that are no text are another revision, and not the absence of one.
    let strange = set("default", &[("create", json!([item("k", "1")])), ("revision", json!("é"))]);
    assert_eq!(statuses(&change(&owner, json!([strange]), false).await), [409]);
    for (sets, message) in [
        (json!([one(), one()]), "Several change sets of one namespace in one call"),
        (Value::from(vec![one(); 51]), "More than 50 change sets in one call"),
        (json!([set("..", &[]), one()]), "The name `..` cannot be used in a path"),
        (json!([set("default", &[("revision", json!("\n"))])]), "A revision consists of"),
        (
            json!([set("default", &[("colour", json!("red"))])]),
            "JSON parse error: unknown field `colour`",
        ),
    ] {
        owner.post(SETS, json!({ "changeSets": sets })).await.fails(400, message);
    }
    assert_eq!(items(&owner, "default").await, json!([]));
    assert_eq!(change(&owner, json!([]), false).await, Vec::<Value>::new());
}

#[tokio::test]
async fn each_change_set_counts_against_the_rate_of_a_token() {
    let world = world().await;
    let program = world.program("u1", json!({ "rateLimit": 2 })).await;
    let started = Instant::now();
    let one = change(&program, json!([set("none", &[])]), true).await;
    assert_ne!(statuses(&one), [429], "it counts once, with the call");
    let sets: Vec<_> = (0..50).map(|number| set(&format!("none{number}"), &[])).collect();
    let results = statuses(&change(&program, sets.into(), true).await);
    let accepted = results.iter().filter(|status| **status != 429).count();
    // Two at once, two for each second, and two for the one that has begun.
    let most = 2 * (started.elapsed().as_secs() + 2);
    assert!(accepted > 0 && accepted as u64 <= most, "{accepted} of {most}: {results:?}");
}
