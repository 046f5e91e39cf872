//! Reads of a config against a bare map with the same hasher, in one run, while snapshots are swapped. Prints ratios and fails
//! when a goal is missed.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that reports")]

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

use castalia_core::testing::{Data, Network, Server};
use castalia_core::{Client, Config, Settings};

const KEYS: usize = 1000;
const ROUNDS: usize = 9;
const READS: usize = 2_000_000;

fn main() {
    let runtime = castalia_core::blocking::runtime().unwrap();
    let (_client, config) = runtime.block_on(open());
    let keys: Vec<_> = (0..KEYS).map(|n| format!("some.longer.key.{n}")).collect();
    let map: HashMap<String, String, ahash::RandomState> =
        keys.iter().map(|key| (key.clone(), key.clone())).collect();

    let mut table = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        table[0].push(time(&keys, |key| map.get(key).map(String::len)));
        let mut reader = config.reader();
        table[1].push(time(&keys, |key| reader.get(key).map(str::len)));
        table[2].push(time(&keys, |key| config.get(key).map(|value| value.len())));
        table[3].push(time(&keys, |key| Some(config.get_or(key, 0i64) as usize)));
    }
    let [bare, cached, plain, typed] = table.map(|mut times| {
        // The first round warms up.
        times.remove(0);
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    println!("one read of {KEYS} keys: bare map {bare:.1} ns");
    let good =
        [report("cached handle", cached, bare, 1.25), report("plain handle", plain, bare, 2.2)];
    println!("typed read (int, of text that is none): {typed:.1} ns");
    if good.contains(&false) {
        std::process::exit(1);
    }
}

fn report(name: &str, nanos: f64, bare: f64, goal: f64) -> bool {
    let ratio = nanos / bare;
    let verdict = if ratio <= goal { "ok" } else { "MISSED" };
    println!("{name}: {nanos:.1} ns, {ratio:.2}x (goal {goal}x) {verdict}");
    ratio <= goal
}

/// Nanoseconds of one read, over keys in a fixed disorder.
fn time(keys: &[String], mut read: impl FnMut(&str) -> Option<usize>) -> f64 {
    let mut index = 0;
    let start = Instant::now();
    for _ in 0..READS {
        index = (index + 617) % keys.len();
        black_box(read(black_box(&keys[index])));
    }
    start.elapsed().as_secs_f64() * 1e9 / READS as f64
}

async fn open() -> (Client, Config) {
    let network = Network::new();
    let server = Server::in_memory("http://s1", Data::new());
    network.connect(&server);
    let keys: Vec<_> = (0..KEYS).map(|n| format!("some.longer.key.{n}")).collect();
    let values: Vec<_> = keys.iter().map(|key| (key.as_str(), key.as_str())).collect();
    server.publish("bench", "application", &values);
    let settings = Settings::new()
        .set("app.id", "bench")
        .set("apollo.meta", "http://s1")
        .set("apollo.cache.file.enable", "false");
    let client = Client::with_http_client(settings, network).unwrap();
    let config = client.config("application").await.unwrap();
    (client, config)
}
