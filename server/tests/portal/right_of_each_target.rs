//! SEC-08: a call needs the right for each of its targets before it changes the first, and a right
//! that was removed permits no call that begins afterwards.

use std::cell::Cell;

use castalia_server::domain::permission::{Action, NamedRole};
use serde_json::{Value, json};

use super::random_history::number;
use super::world::{NS, World, app, item};

/// Calls of the random tests, and removals of the race, if `CASTALIA_TEST_RIGHTS` names no number.
const ROUNDS: u64 = 60;
const ROLE: &str = "/openapi/v1/apps/demo/namespaces/application/roles/ModifyNamespace?userId=u2";

fn rounds() -> u64 {
    number("CASTALIA_TEST_RIGHTS").unwrap_or(ROUNDS)
}

/// `CASTALIA_TEST_RIGHTS_SEED` repeats a run.
fn seed() -> u64 {
    number("CASTALIA_TEST_RIGHTS_SEED").unwrap_or_else(|| fastrand::u64(..))
}

/// Some of the names, at least one, in any order.
fn some<'a>(random: &mut fastrand::Rng, names: &[&'a str]) -> Vec<&'a str> {
    let mut names = names.to_vec();
    random.shuffle(&mut names);
    names.truncate(random.usize(1..=names.len()));
    names
}

/// The right is removed on one node while its holder edits on another.
#[tokio::test]
async fn a_removed_right_permits_no_call_that_begins_afterwards() {
    let world = World::with_demo().await;
    let node = world.second_node();
    let (owner, user) = (world.user("u1").await, world.user("u2").await);
    let user = user.at(&node);
    owner.post(&format!("{NS}/items"), item("k", "0")).await.ok();
    let seed = seed();
    println!("CASTALIA_TEST_RIGHTS_SEED={seed}");
    let (mut random, mut accepted) = (fastrand::Rng::with_seed(seed), 0);
    for round in 0..rounds() {
        assert_eq!(owner.post(ROLE, json!({})).await.status, 200);
        let (is_removed, stored) = (Cell::new(false), Cell::new(String::new()));
        let edit = async {
            for attempt in 0.. {
                let began_after = is_removed.get();
                let value = format!("{round}.{attempt}");
                let answer = user.put(&format!("{NS}/items/k"), item("k", &value)).await;
                if answer.status == 403 {
                    return attempt;
                }
                answer.empty();
                assert!(!began_after, "round {round}: {value} was stored without the right");
                stored.set(value);
            }
            0
        };
        let remove = async {
            for _ in 0..random.usize(0..40) {
                tokio::task::yield_now().await;
            }
            assert_eq!(owner.delete(ROLE).await.status, 200);
            is_removed.set(true);
        };
        let (edits, ()) = tokio::join!(edit, remove);
        accepted += edits;
        if edits > 0 {
            let value = owner.get(&format!("{NS}/items/k")).await.ok()["value"].clone();
            assert_eq!(value, json!(stored.take()), "a refused edit changes nothing");
        }
    }
    assert!(accepted > 0, "no edit met a removal");
}

#[tokio::test]
async fn items_reach_all_targets_or_none() {
    const CLUSTERS: [&str; 5] = ["default", "c1", "c2", "c3", "c4"];
    const ALLOWED: [&str; 3] = ["default", "c2", "c3"];
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    for cluster in &CLUSTERS[1..] {
        let cluster = json!({ "appId": "demo", "name": cluster });
        owner.post("/openapi/v1/envs/LOCAL/apps/demo/clusters", cluster).await.ok();
    }
    let roles = ALLOWED.map(|cluster| NamedRole::cluster(Action::Modify, "demo", "LOCAL", cluster));
    world.grant("u2", roles.to_vec()).await;
    let user = world.user("u2").await;
    let stored = async || {
        let mut stored = Vec::new();
        for cluster in CLUSTERS {
            let path = format!("{}/items", NS.replace("default", cluster));
            stored.push((cluster, owner.get(&path).await.ok()["content"][0]["value"].clone()));
        }
        stored
    };
    let seed = seed();
    println!("CASTALIA_TEST_RIGHTS_SEED={seed}");
    let (mut random, mut expected) = (fastrand::Rng::with_seed(seed), stored().await);
    let mut outcomes = [0, 0];
    for round in 0..rounds() {
        let chosen = some(&mut random, &CLUSTERS);
        let target = |cluster: &&str| json!({ "appId": "demo", "env": "local", "clusterName": cluster, "namespaceName": "application" });
        let targets: Vec<_> = chosen.iter().map(target).collect();
        let value = round.to_string();
        let body = json!({ "syncToNamespaces": targets, "syncItems": [item("k", &value)] });
        let answer = user.post(&format!("{NS}/items/synchronize"), body).await;
        let is_allowed = chosen.iter().all(|cluster| ALLOWED.contains(cluster));
        assert_eq!(answer.status, if is_allowed { 200 } else { 403 }, "{chosen:?}: {answer:?}");
        for (cluster, stored) in &mut expected {
            if is_allowed && chosen.contains(cluster) {
                *stored = json!(value);
            }
        }
        assert_eq!(stored().await, expected, "{chosen:?}");
        outcomes[usize::from(is_allowed)] += 1;
    }
    assert!(!outcomes.contains(&0), "{outcomes:?}");
}

#[tokio::test]
async fn namespaces_are_created_in_all_apps_or_none() {
    const APPS: [(&str, &str); 4] = [("a1", "u2"), ("a2", "u1"), ("a3", "u2"), ("a4", "u2")];
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    for (name, user) in APPS {
        world.user(user).await.post("/openapi/v1/apps", app(name, user)).await.empty();
    }
    let user = world.user("u2").await;
    let root = world.user("apollo").await;
    let seed = seed();
    println!("CASTALIA_TEST_RIGHTS_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for round in 0..rounds() / 4 {
        let name = format!("pub{round}");
        let definition =
            json!({ "appId": "demo", "name": name, "format": "properties", "isPublic": true });
        owner.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
        let name = format!("TEST1.{name}");
        let chosen = some(&mut random, &APPS.map(|(name, _)| name));
        let wanted = |app_id: &&str| json!({ "appId": app_id, "env": "local", "clusterName": "default", "appNamespaceName": name });
        let wanted: Vec<Value> = chosen.iter().map(wanted).collect();
        let answer = user.post("/openapi/v1/namespaces", json!(wanted)).await;
        let is_allowed = !chosen.contains(&"a2");
        assert_eq!(answer.status, if is_allowed { 200 } else { 403 }, "{chosen:?}: {answer:?}");
        for (app_id, _) in APPS {
            let path =
                format!("/openapi/v1/envs/LOCAL/apps/{app_id}/clusters/default/namespaces/{name}");
            let exists = root.get(&path).await.status == 200;
            assert_eq!(exists, is_allowed && chosen.contains(&app_id), "{app_id}: {chosen:?}");
        }
    }
}
