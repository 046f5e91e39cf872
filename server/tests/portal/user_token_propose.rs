//! SEC-28: a token that only proposes changes no byte that clients receive, whatever it sends.

use castalia_store::Store;
use castalia_store::entity::{
    access_key, app, app_namespace, cluster, gray_release_rule, namespace, release, release_message,
};
use http::Method;
use sea_orm::{EntityTrait, ModelTrait};
use serde_json::{Value, json};

use super::access::{call, concrete};
use super::stale::Scene;
use super::world::{NS, World, item};

/// Rounds of all operations, each in another order.
const ROUNDS: usize = 3;

/// All rows that decide what clients receive.
async fn served(store: &Store) -> Vec<String> {
    async fn rows<E>(store: &Store) -> String
    where
        E: EntityTrait,
        E::Model: std::fmt::Debug + ModelTrait<Entity = E>,
    {
        let rows = E::find().all(store.read()).await.unwrap();
        let mut rows: Vec<_> = rows.iter().map(|row| format!("{row:?}")).collect();
        rows.sort_unstable();
        rows.join("\n")
    }
    vec![
        rows::<release::Entity>(store).await,
        rows::<gray_release_rule::Entity>(store).await,
        rows::<namespace::Entity>(store).await,
        rows::<app_namespace::Entity>(store).await,
        rows::<cluster::Entity>(store).await,
        rows::<app::Entity>(store).await,
        rows::<access_key::Entity>(store).await,
        rows::<release_message::Entity>(store).await,
    ]
}

#[tokio::test]
async fn a_token_that_only_proposes_changes_nothing_that_is_served() {
    let world = World::with_demo().await;
    let scene = Scene::of(&world).await;
    // Also with all permissions of its owner.
    let limits = json!({ "operations": ["config:read", "config:propose"] });
    let token = world.program("apollo", limits).await;
    let before = served(&world.environment_store).await;
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut operations: Vec<_> = world
        .routes
        .iter()
        .filter(|route| route.method != Method::GET)
        .filter_map(|route| Some((route, route.operation?.about.id)))
        .collect();
    let (mut made, mut refused) = (0, 0);
    for _ in 0..ROUNDS {
        random.shuffle(&mut operations);
        for (route, id) in &operations {
            let answer = match scene.send_as(id, [&token, &token]).await {
                Some(answer) => answer,
                None => call(&token, &route.method, &concrete(route.path)).await,
            };
            made += usize::from(answer.status == 200);
            refused += usize::from(answer.status == 403);
            assert!(
                served(&world.environment_store).await == before,
                "{id} changed what is served"
            );
        }
    }
    assert!(made > ROUNDS * 5 && refused > ROUNDS * 50, "{made} made, {refused} refused");
    // It does propose.
    let key = format!("proposed{}", random.u64(..));
    token.post(&format!("{NS}/items"), item(&key, "1")).await.ok();
    token.get(&format!("{NS}/items/{key}")).await.ok();
    let rules = json!({ "ruleItems": [] });
    let branch = scene_branch(&world).await;
    token.put(&format!("{branch}/rules"), rules).await.fails(403, "Access is denied");
    token.delete(&branch).await.fails(403, "Access is denied");
}

async fn scene_branch(world: &World) -> String {
    let found: Value = world.user("u1").await.get(&format!("{NS}/branches")).await.ok();
    format!("{NS}/branches/{}", found["clusterName"].as_str().unwrap())
}
