//! Three nodes on one database whose clocks differ by minutes: one is suspended, one is killed, one
//! is terminated, while all of them publish.

use std::time::Duration;

use super::database::on_each_engine;
use super::load::Load;
use super::member::Member;
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;

/// Offsets of the clocks in seconds.
const CLOCKS: [i64; 3] = [0, 7 * 60, -7 * 60];
/// Time between two events.
const STEP: Duration = Duration::from_millis(1_200);

async fn start(engine: Engine) -> Option<(Fresh, [Member; 3])> {
    let fresh = Fresh::on(engine).await?;
    let url = &fresh.database.url;
    let [first, second, third] = CLOCKS.map(|skew| Member::start(url, skew));
    let nodes = [first.await, second.await, third.await];
    Some((fresh, nodes))
}

/// Nodes list each other whatever their clocks show.
async fn nodes_with_other_clocks_list_each_other(engine: Engine) {
    let Some((fresh, nodes)) = start(engine).await else { return };
    for node in &nodes {
        eventually(&format!("all nodes at {}", node.config.base()), async || {
            let listed = node.config.get("/services/config").await.ok().json();
            (listed.as_array().unwrap().len() == nodes.len()).then_some(())
        })
        .await;
    }
    drop(nodes);
    fresh.remove().await;
}

async fn what_was_acknowledged_is_served_by_all_that_remain(engine: Engine) {
    let Some((fresh, mut nodes)) = start(engine).await else { return };
    let load = Load::start(&fresh.database, &nodes).await;
    tokio::time::sleep(STEP).await;
    nodes[2].suspend();
    tokio::time::sleep(STEP).await;
    nodes[1].kill();
    tokio::time::sleep(STEP).await;
    nodes[2].resume();
    tokio::time::sleep(STEP).await;
    nodes[0].terminate();
    tokio::time::sleep(STEP).await;
    load.goes_on(3, 1).await;
    let mut published = load.end().await;
    for app in &mut published {
        assert!(app.acknowledged() > 2 && app.failed > 0, "{engine:?}: no load");
        app.verify(&fresh.database, &nodes[2..]).await;
    }
    nodes[0].restart();
    nodes[1].restart();
    for app in &mut published {
        app.verify(&fresh.database, &nodes).await;
    }
    drop(nodes);
    fresh.remove().await;
}

on_each_engine!(
    nodes_with_other_clocks_list_each_other,
    what_was_acknowledged_is_served_by_all_that_remain
);
