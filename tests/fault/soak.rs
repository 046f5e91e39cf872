//! REL-50 at small scale: three nodes under load and random faults for as many minutes as
//! `CASTALIA_TEST_SOAK` states. Without it, nothing runs here. The figures are printed:
//!
//! ```text
//! CASTALIA_TEST_SOAK=10 cargo test -p castalia-tests --test suite soak -- --nocapture
//! ```

use std::time::{Duration, Instant};

use super::load::Load;
use super::member::Member;
use crate::support::database::{Engine, Fresh};
use crate::support::gate::Direction;
use crate::support::memory::resident_kib;
use crate::support::server::Server;
use crate::support::variable;

/// The first node is never restarted, so that its memory is that of the whole run.
const CLOCKS: [i64; 3] = [0, 5 * 60, -5 * 60];
/// Memory of an optimised node with this load, by REL-56.
const MOST_KIB: u64 = 128 * 1024;

/// The bodies of answers, which each release that is read adds to until they have this size.
const ANSWERS_KIB: u64 = 16 * 1024;

/// Memory, open files and threads of a node.
#[derive(Debug)]
struct Usage {
    resident_kib: u64,
    files: usize,
    threads: usize,
}

impl Usage {
    fn of(server: &Server) -> Self {
        let entries = |name: &str| {
            std::fs::read_dir(format!("/proc/{}/{name}", server.pid())).unwrap().count()
        };
        Self { resident_kib: resident_kib(server), files: entries("fd"), threads: entries("task") }
    }
}

/// One random fault, and its end.
async fn break_and_mend(nodes: &mut [Member; 3], random: &mut fastrand::Rng) {
    let time = Duration::from_millis(random.u64(200..6_000));
    let node = &mut nodes[random.usize(..3)];
    match random.u8(..7) {
        0 => node.gate.shut(),
        1 => node.gate.freeze(),
        2 => node.gate.freeze_only(Direction::Answers),
        3 => node.gate.slow_down(Duration::from_millis(random.u64(10..1_000))),
        4 => node.suspend(),
        fault => {
            let node = &mut nodes[random.usize(1..3)];
            if fault == 5 {
                node.kill()
            } else {
                node.terminate()
            }
            tokio::time::sleep(time).await;
            return node.restart();
        }
    }
    tokio::time::sleep(time).await;
    node.resume();
    node.gate.open();
}

#[expect(clippy::print_stderr, reason = "figures for whoever runs it with --nocapture")]
async fn load_and_faults_leave_nothing_broken(engine: Engine) {
    let Some(minutes) = variable("CASTALIA_TEST_SOAK") else { return };
    let minutes: u64 = minutes.parse().unwrap();
    let Some(fresh) = Fresh::on(engine).await else { return };
    let url = &fresh.database.url;
    let [first, second, third] = CLOCKS.map(|skew| Member::start(url, skew));
    let mut nodes = [first.await, second.await, third.await];
    let load = Load::start(&fresh.database, &nodes).await;
    let seed = variable("CASTALIA_TEST_SEED")
        .map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    eprintln!("{engine:?}: seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (begun, mut faults, mut early) = (Instant::now(), 0, None);
    while begun.elapsed() < Duration::from_secs(60 * minutes) {
        tokio::time::sleep(Duration::from_millis(random.u64(..4_000))).await;
        break_and_mend(&mut nodes, &mut random).await;
        faults += 1;
        if faults % 10 == 0 {
            let usage = Usage::of(nodes[0].server());
            eprintln!("{engine:?}: {:?}, {faults} faults, {usage:?}", begun.elapsed());
            if begun.elapsed() > Duration::from_secs(60 * minutes / 4) {
                early.get_or_insert(usage);
            }
        }
    }
    for node in &nodes {
        node.is_healthy().await;
    }
    for mut app in load.end().await {
        let (acknowledged, failed) = (app.acknowledged(), app.failed);
        eprintln!(
            "{engine:?}: {acknowledged} publishes acknowledged, {failed} edits or publishes failed"
        );
        app.verify(&fresh.database, &nodes).await;
    }
    let late = Usage::of(nodes[0].server());
    eprintln!("{engine:?}: {faults} faults, after a quarter {early:?}, at the end {late:?}");
    assert!(late.resident_kib < MOST_KIB, "{late:?}");
    if let Some(early) = early {
        let most = early.resident_kib * 5 / 4 + ANSWERS_KIB;
        assert!(late.resident_kib < most, "{early:?} {late:?}");
        assert!(late.files < early.files + 100 && late.threads < early.threads + 20, "{late:?}");
    }
    drop(nodes);
    fresh.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn load_and_faults_leave_nothing_broken_on_mysql() {
    load_and_faults_leave_nothing_broken(Engine::MySql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn load_and_faults_leave_nothing_broken_on_postgres() {
    load_and_faults_leave_nothing_broken(Engine::Postgres).await;
}
