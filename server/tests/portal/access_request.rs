//! Requests of users for roles, and the decisions of administrators.

use std::time::SystemTime;

use castalia_server::domain::permission::{Action, NamedRole};
use castalia_store::entity::castalia_access_request::Entity;
use castalia_store::user::access_request;
use castalia_store::user::role::user_holds_any;
use castalia_store::{Deletion, Id, StoreError, app as apps};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};

use super::recent::rename;
use super::world::{Caller, NS, World, app, item};

const REQUESTS: &str = "/openapi/v1/access-requests";
const OF_DEMO: &str = "/openapi/v1/access-requests?appId=demo";
const WAITING: &str = "/openapi/v1/access-requests/waiting";

/// A request to edit a namespace of `demo` in the environment.
fn edit(namespace: &str) -> Value {
    json!({
        "appId": "demo", "env": "local", "namespaceName": namespace, "roleType": "ModifyNamespace",
        "note": " To fix the timeout. ",
    })
}

async fn ask(caller: &Caller<'_>, body: Value) -> i64 {
    caller.post(REQUESTS, body).await.ok()["id"].as_i64().unwrap()
}

fn decision(id: i64) -> String {
    format!("{REQUESTS}/{id}/decision")
}

async fn ids(caller: &Caller<'_>, path: &str) -> Vec<i64> {
    let found = caller.get(path).await.ok();
    found.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

async fn rows(world: &World) -> usize {
    Entity::find().all(world.store.read()).await.unwrap().len()
}

#[tokio::test]
async fn an_administrator_grants_exactly_the_requested_role() {
    let world = World::with_demo().await;
    let (owner, user) = (world.user("u1").await, world.user("u2").await);
    let items = format!("{NS}/items");
    user.post(&items, item("k", "v")).await.fails(403, "Access is denied");
    let id = ask(&user, edit("application")).await;
    assert_eq!(ask(&user, edit("application")).await, id, "repeated, it is the same request");
    assert!(ids(&user, WAITING).await.is_empty());
    assert_eq!(ids(&owner, WAITING).await, [id]);
    let found = &owner.get(OF_DEMO).await.ok()[0];
    for (member, value) in [
        ("appId", "demo"),
        ("env", "LOCAL"),
        ("namespaceName", "application"),
        ("roleType", "ModifyNamespace"),
        ("userId", "u2"),
        ("userDisplayName", "Name of u2"),
        ("note", "To fix the timeout."),
        ("state", "open"),
    ] {
        assert_eq!(found[member], value, "{member}");
    }
    assert!(found["createdTime"].is_string() && found["decidedBy"].is_null(), "{found}");

    let granted = owner.put(&decision(id), json!({ "granted": true })).await.ok();
    let parts = ["state", "decidedBy", "decidedByDisplayName"].map(|name| &granted[name]);
    assert_eq!(parts, ["granted", "u1", "Name of u1"]);
    user.post(&items, item("k", "v")).await.ok();
    let release = json!({ "releaseTitle": "r" });
    user.post(&format!("{NS}/releases"), release).await.fails(403, "Access is denied");
    assert!(ids(&owner, WAITING).await.is_empty());
    for granted in [true, false] {
        let body = json!({ "granted": granted, "reason": "No." });
        let again = owner.put(&decision(id), body).await;
        again.fails(409, "The request has been decided by u1");
        assert_eq!(again.json()["code"], "decided_access_request");
    }
    user.delete(&format!("{REQUESTS}/{id}")).await.fails(409, "The request has been decided");
    user.post(REQUESTS, edit("application")).await.fails(400, "u2 already authorized");
    let last = Entity::find_by_id(Id(id)).one(world.store.read()).await.unwrap().unwrap();
    assert_eq!((last.state.0, last.decided_by.as_str()), (1, "u1"));
}

#[tokio::test]
async fn the_user_sees_why_a_request_is_declined_and_may_ask_again() {
    let world = World::with_demo().await;
    let (owner, user) = (world.user("u1").await, world.user("u2").await);
    let id = ask(&user, edit("application")).await;
    let silent = owner.put(&decision(id), json!({ "granted": false, "reason": " " })).await;
    silent.fails(400, "Params(reason) can not be empty");
    let body = json!({ "granted": false, "reason": "Ask the operators instead." });
    owner.put(&decision(id), body).await.ok();
    let seen = user.get(OF_DEMO).await.ok();
    assert_eq!(seen[0]["state"], "declined");
    assert_eq!(seen[0]["reason"], "Ask the operators instead.");
    user.post(&format!("{NS}/items"), item("k", "v")).await.fails(403, "Access is denied");
    let again = ask(&user, edit("application")).await;
    assert_ne!(again, id);
    assert_eq!(ids(&user, OF_DEMO).await, [again, id], "open ones first");
    user.delete(&format!("{REQUESTS}/{again}")).await.empty();
    let gone = owner.put(&decision(again), json!({ "granted": true })).await;
    gone.fails(404, "There is no such request");
    assert_eq!(ids(&user, OF_DEMO).await, [id]);
}

#[tokio::test]
async fn only_administrators_decide_and_others_see_their_own_requests() {
    let world = World::with_demo().await;
    world.add_user("u3", "{noop}a").await;
    let (owner, user, root) =
        (world.user("u1").await, world.user("u2").await, world.user("apollo").await);
    user.post("/openapi/v1/apps", app("second", "u2")).await.empty();
    let id = ask(&user, edit("application")).await;
    let other = json!({ "appId": "second", "namespaceName": "application", "roleType": "ReleaseNamespace" });
    let second = ask(&owner, other).await;
    assert_eq!(ids(&root, WAITING).await, [id, second]);
    assert_eq!(ids(&owner, WAITING).await, [id]);
    assert!(ids(&owner, &OF_DEMO.replace("demo", "second")).await == [second]);
    assert!(ids(&user, OF_DEMO).await == [id]);
    let granted = json!({ "granted": true });
    user.put(&decision(id), granted.clone()).await.fails(403, "Access is denied");
    owner.put(&decision(second), granted.clone()).await.fails(403, "Access is denied");
    root.put(&decision(1_000_000), granted.clone()).await.fails(404, "There is no such request");
    let theirs = user.get(&OF_DEMO.replace("demo", "none")).await;
    theirs.fails(400, "App not found: none");
    owner.delete(&format!("{REQUESTS}/{id}")).await.fails(404, "There is no such request");

    // Of tokens of super administrators, the scope decides.
    let limited = world.program("apollo", json!({ "appIds": ["second"] })).await;
    assert_eq!(ids(&limited, WAITING).await, [second]);
    assert!(ids(&limited, OF_DEMO).await.is_empty());
    limited.put(&decision(id), granted.clone()).await.fails(403, "Access is denied");
    limited.put(&decision(second), granted.clone()).await.ok();
    limited.post(REQUESTS, edit("application")).await.fails(403, "Portal user session");
    let consumer = world.token("ci", &["demo"]).await;
    let consumer = world.consumer(&consumer);
    consumer.get(WAITING).await.fails(403, "Portal user session is required");
    consumer.put(&format!("{}?operator=u1", decision(id)), granted).await.ok();
}

#[tokio::test]
async fn what_cannot_be_a_role_is_refused() {
    let world = World::with_demo().await;
    let user = world.user("u2").await;
    let with = |member: &str, value: Value| {
        let mut body = edit("application");
        body[member] = value;
        body
    };
    for (body, message) in [
        (with("appId", "none".into()), "App not found: none"),
        (with("appId", "DEMO".into()), "App not found: DEMO"),
        (with("env", "moon".into()), "invalid env format:moon"),
        (with("roleType", "Master".into()), "roleType Master cannot be granted"),
        (with("roleType", "Owner".into()), "invalid roleType format:Owner"),
        (with("namespaceName", Value::Null), "a request names a namespace, or a cluster"),
        (with("clusterName", "default".into()), "a request names a namespace, or a cluster"),
        (with("namespaceName", "a+b".into()), "`a+b` is not a name"),
        (with("note", "x".repeat(501).into()), "note is longer than 500 characters"),
    ] {
        user.post(REQUESTS, body).await.fails(400, message);
    }
    let note = json!({ "granted": false, "reason": "x".repeat(501) });
    world
        .user("u1")
        .await
        .put(&decision(1_000_000), note)
        .await
        .fails(400, "reason is longer than 500");
    assert_eq!(rows(&world).await, 0);
}

#[tokio::test]
async fn a_user_has_a_bounded_number_of_open_requests() {
    let world = World::with_demo().await;
    let user = world.user("u2").await;
    for number in 0..20 {
        ask(&user, edit(&format!("n{number}"))).await;
    }
    let refused = user.post(REQUESTS, edit("more")).await;
    refused.fails(400, "You have 20 open requests; withdraw one first");
    assert_eq!(refused.json()["code"], "too_many_access_requests");
    ask(&user, edit("n7")).await;
    assert_eq!(rows(&world).await, 20);
}

/// A later app with the same id is another one.
#[tokio::test]
async fn requests_end_with_their_app_and_with_their_user() {
    let world = World::with_demo().await;
    let (root, user) = (world.user("apollo").await, world.user("u2").await);
    root.post("/openapi/v1/apps", app("second", "u1")).await.empty();
    ask(&user, edit("application")).await;
    let mut other = edit("application");
    other["appId"] = "second".into();
    let second = ask(&user, other).await;
    root.delete("/openapi/v1/apps/demo").await.empty();
    assert_eq!(rows(&world).await, 1);
    // As Apollo's portal deletes it.
    let deleted = world
        .store
        .write((), |tx, ()| {
            Box::pin(async move { apps::delete(tx, "second", &Deletion::by("u1")).await })
        })
        .await;
    deleted.unwrap();
    root.post("/openapi/v1/apps", app("second", "u1")).await.empty();
    assert!(ids(&root, WAITING).await.is_empty());
    root.put(&decision(second), json!({ "granted": true })).await.fails(404, "There is no such");
    let body = json!({ "username": "u2", "enabled": 0 });
    root.put("/openapi/v1/users/enabled", body).await.empty();
    assert_eq!(rows(&world).await, 0);
}

/// A later namespace or cluster with the same name is another one.
#[tokio::test]
async fn requests_end_with_their_namespace_and_with_their_cluster() {
    let world = World::with_demo().await;
    let (root, user) = (world.user("apollo").await, world.user("u2").await);
    let definition =
        json!({ "appId": "demo", "name": "extra", "format": "properties", "isPublic": false });
    root.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
    let clusters = "/openapi/v1/envs/LOCAL/apps/demo/clusters";
    root.post(clusters, json!({ "appId": "demo", "name": "c1" })).await.ok();
    ask(&user, edit("extra")).await;
    let role = "ReleaseNamespacesInCluster";
    let cluster = json!({ "appId": "demo", "env": "LOCAL", "clusterName": "c1", "roleType": role });
    ask(&user, cluster).await;
    let kept = ask(&user, edit("application")).await;
    root.delete("/openapi/v1/apps/demo/appnamespaces/extra").await.empty();
    root.delete(&format!("{clusters}/c1")).await.empty();
    assert_eq!(ids(&root, OF_DEMO).await, [kept]);
}

#[tokio::test]
async fn decided_requests_are_kept_for_some_months() {
    let world = World::with_demo().await;
    let (owner, user) = (world.user("u1").await, world.user("u2").await);
    let id = ask(&user, edit("application")).await;
    owner.put(&decision(id), json!({ "granted": true })).await.ok();
    let open = ask(&user, edit("a")).await;
    assert_eq!(ids(&owner, OF_DEMO).await, [open, id]);
    let old = DateTime::<Utc>::from(SystemTime::now()) + TimeDelta::days(1);
    let deleted: Result<(), StoreError> = world
        .store
        .write(old, |tx, old| Box::pin(access_request::delete_decided_before(tx, *old)))
        .await;
    deleted.unwrap();
    assert_eq!(ids(&owner, OF_DEMO).await, [open]);
}

/// Administrators on two nodes decide at the same time: one of them is told, and the role is there
/// if and only if that one granted it.
#[tokio::test]
async fn of_concurrent_decisions_one_counts() {
    let world = World::with_demo().await;
    let other = world.second_node();
    let (owner, root, user) =
        (world.user("u1").await, world.user("apollo").await, world.user("u2").await);
    for round in 0..6 {
        let namespace = format!("n{round}");
        let id = ask(&user, edit(&namespace)).await;
        let path = decision(id);
        let decide = async |caller: Caller<'_>, granted: bool| {
            let body = json!({ "granted": granted, "reason": "Because." });
            caller.put(&path, body).await
        };
        let calls = (0..4).map(|call| match call % 2 {
            0 => decide(owner.at(&world), true),
            _ => decide(root.at(&other), false),
        });
        let answers = join_all(calls).await;
        let first: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(first.len(), 1, "{answers:?}");
        let refused = answers.iter().filter(|answer| answer.status == 409).count();
        assert_eq!(refused, 3, "{answers:?}");
        let is_granted = first[0].json()["state"] == "granted";
        let role = NamedRole::namespace_in_env(Action::Modify, "demo", &namespace, "LOCAL");
        let pair = [role.permissions[0].pair()];
        let holds = user_holds_any(world.store.read(), "u2", &pair).await.unwrap();
        assert_eq!(holds, is_granted);
    }
}

/// An administrator of a database may have created the tables of an older version only.
#[tokio::test]
async fn access_cannot_be_requested_without_the_table() {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u2").await, world.user("apollo").await);
    rename(&world, "CastaliaAccessRequest", "Hidden").await;
    let asked = user.post(REQUESTS, edit("application")).await;
    let listed = [user.get(OF_DEMO).await, root.get(WAITING).await];
    let deleted = root.delete("/openapi/v1/apps/demo").await;
    rename(&world, "Hidden", "CastaliaAccessRequest").await;
    asked.fails(503, "The table CastaliaAccessRequest");
    assert_eq!(listed.map(|answer| answer.ok()), [json!([]), json!([])]);
    deleted.empty();
}
