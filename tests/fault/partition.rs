//! REL-07: two nodes are cut off from their database, each at other times: in both directions, in
//! one, and repeatedly. Both are current soon after a partition heals; nothing acknowledged is
//! lost, and clients that move between the nodes receive nothing older.
//!
//! Once, or for as many minutes as `CASTALIA_TEST_PARTITION` states, in a random order:
//!
//! ```text
//! CASTALIA_TEST_PARTITION=30 cargo test -p castalia-tests --test suite partition -- --nocapture
//! ```

use std::time::{Duration, Instant};

use super::load::Load;
use super::member::Member;
use crate::support::database::{Engine, Fresh};
use crate::support::gate::Direction;
use crate::support::stopwatch::Stopwatch;
use crate::support::variable;

/// Duration of a partition, and of the time after it.
const FAULT: Duration = Duration::from_millis(1_200);
const HEALED: Duration = Duration::from_millis(400);
/// Five seconds by the rule, and more for a machine that is busy with other tests.
const CURRENT: Duration = Duration::from_secs(25);
/// Most rounds until each publisher has met a partition. On a busy machine it may not publish
/// during one.
const ROUNDS: usize = 5;

/// Each partition, and then both nodes in turn, quickly.
async fn part_and_heal(nodes: &[Member; 2], shuffled: bool) {
    let [first, second] = nodes.each_ref().map(|node| &node.gate);
    let mut partitions: [&dyn Fn(); 5] = [
        &|| first.shut(),
        &|| second.freeze_only(Direction::Answers),
        &|| first.freeze_only(Direction::Requests),
        &|| second.freeze(),
        &|| {
            first.shut();
            second.freeze();
        },
    ];
    if shuffled {
        fastrand::shuffle(&mut partitions);
    }
    for begin in partitions {
        begin();
        tokio::time::sleep(FAULT).await;
        first.open();
        second.open();
        tokio::time::sleep(HEALED).await;
    }
    for _ in 0..6 {
        first.shut();
        second.open();
        tokio::time::sleep(FAULT / 6).await;
        first.open();
        second.freeze_only(Direction::Answers);
        tokio::time::sleep(FAULT / 6).await;
    }
    second.open();
}

async fn partitions_heal_and_lose_nothing(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let url = &fresh.database.url;
    let nodes = [Member::start(url, 0).await, Member::start(url, 0).await];
    let load = Load::start(&fresh.database, &nodes).await;
    let time = variable("CASTALIA_TEST_PARTITION").map_or(0, |minutes| minutes.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(60 * time);
    tokio::time::sleep(HEALED).await;
    let mut rounds = 0;
    while rounds == 0 || Instant::now() < end || (rounds < ROUNDS && !load.has_failed()) {
        part_and_heal(&nodes, time > 0).await;
        rounds += 1;
        let healed = Stopwatch::start();
        for node in &nodes {
            node.is_healthy().await;
        }
        assert!(healed.elapsed() < CURRENT, "round {rounds}: {:?}", healed.elapsed());
    }
    load.goes_on(6, 1).await;
    for mut published in load.end().await {
        assert!(published.acknowledged() > 5 && published.failed > 0, "{engine:?}: no load");
        published.verify(&fresh.database, &nodes).await;
    }
    drop(nodes);
    fresh.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_heal_and_lose_nothing_on_mysql() {
    partitions_heal_and_lose_nothing(Engine::MySql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_heal_and_lose_nothing_on_postgres() {
    partitions_heal_and_lose_nothing(Engine::Postgres).await;
}
