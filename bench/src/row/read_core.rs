//! `read-core`: one read of a config in Rust, compared with a plain map with the same hasher. That
//! reads do not allocate is a test of the core. Two threads compared with one show that readers
//! share no lock (T12).

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

use anyhow::Result;
use castalia_core::testing::{Data, Network, Server};
use castalia_core::{Client, Config, Reader, Settings, blocking};

use super::Plan;
use crate::figure::{Figure, Report, Unit};
use crate::measure::number;

const KEYS: usize = 1_000;
/// Reads are timed in slices that alternate with those of the others; the fastest slice is used,
/// because any disturbance makes a slice slower.
const SLICES: usize = 200;
const READS: usize = 10_000;
/// Length of the key sequence, of which each slice uses another part.
const ORDER: usize = 1 << 16;

type Bare = HashMap<String, String, ahash::RandomState>;

/// Keys in a sequence that does not repeat. Processors learn a repeating sequence within a few
/// rounds; a read then costs no branch misprediction, which is unrealistic, or one more, depending
/// on code placement.
struct Reads {
    keys: Vec<String>,
    order: Vec<usize>,
}

/// Seconds per read.
struct Round {
    bare: f64,
    cached: f64,
    plain: f64,
    two_threads: f64,
}

pub(super) fn run(plan: &Plan) -> Result<Report> {
    let reads = Reads::new();
    let (_client, config) = blocking::runtime()?.block_on(open(&reads.keys))?;
    let bare: Bare = reads.keys.iter().map(|key| (key.clone(), key.clone())).collect();
    let mut rounds: Vec<_> = (0..=plan.rounds).map(|_| round(&reads, &bare, &config)).collect();
    rounds.remove(0);
    let figure = |name, pick: fn(&Round) -> f64, reference, of: fn(&Round) -> f64| {
        Figure::new(name, Unit::Seconds, rounds.iter().map(pick))
            .against(reference, rounds.iter().map(of))
    };
    Ok(Report {
        setting: format!("{KEYS} keys, {} rounds of {} reads", plan.rounds, SLICES * READS),
        figures: vec![
            figure("cached handle", |round| round.cached, "HashMap", |round| round.bare),
            figure("plain handle", |round| round.plain, "HashMap", |round| round.bare),
            figure(
                "cached, two threads",
                |round| round.two_threads,
                "one thread",
                |round| round.cached,
            ),
        ],
        notes: Vec::new(),
    })
}

fn round(reads: &Reads, bare: &Bare, config: &Config) -> Round {
    let mut reader = config.reader();
    let mut round = Round { bare: f64::MAX, cached: f64::MAX, plain: f64::MAX, two_threads: 0.0 };
    for slice in 0..SLICES {
        let bare = reads.time(slice, |key| bare.get(key).map(String::len));
        let cached = cached(reads, slice, &mut reader);
        let plain = reads.time(slice, |key| config.get(key).map(|value| value.len()));
        round.bare = round.bare.min(bare);
        round.cached = round.cached.min(cached);
        round.plain = round.plain.min(plain);
    }
    round.two_threads = std::thread::scope(|scope| {
        let beside = scope.spawn(|| all_cached(reads, config));
        let here = all_cached(reads, config);
        // A thread that panics here has panicked before, in `all_cached`.
        here.max(beside.join().unwrap_or(here))
    });
    round
}

/// Shared by all threads and not inlined, so that only the number of threads differs.
#[inline(never)]
fn cached(reads: &Reads, slice: usize, reader: &mut Reader) -> f64 {
    reads.time(slice, |key| reader.get(key).map(str::len))
}

fn all_cached(reads: &Reads, config: &Config) -> f64 {
    let mut reader = config.reader();
    (0..SLICES).map(|slice| cached(reads, slice, &mut reader)).fold(f64::MAX, f64::min)
}

impl Reads {
    fn new() -> Self {
        let keys = (0..KEYS).map(|number| format!("some.longer.key.{number}")).collect();
        let random = ahash::RandomState::with_seeds(1, 2, 3, 4);
        let order = (0..ORDER).map(|place| random.hash_one(place) as usize % KEYS).collect();
        Self { keys, order }
    }

    /// Seconds per read in a slice. The lengths are summed, so that no read can be optimized away;
    /// a `black_box` around each key would store and reload it, which costs 0 to 10 ns depending on
    /// code placement.
    fn time(&self, slice: usize, mut read: impl FnMut(&str) -> Option<usize>) -> f64 {
        let first = slice * READS % (ORDER - READS);
        let start = Instant::now();
        let places = self.order[first..first + READS].iter();
        let length: usize = places.map(|place| read(&self.keys[*place]).unwrap_or_default()).sum();
        black_box(length);
        start.elapsed().as_secs_f64() / number(READS)
    }
}

/// A client with in-memory values, whose reads are the same as with a server.
async fn open(keys: &[String]) -> Result<(Client, Config)> {
    let (network, server) = (Network::new(), Server::in_memory("http://s1", Data::new()));
    network.connect(&server);
    let values: Vec<_> = keys.iter().map(|key| (key.as_str(), key.as_str())).collect();
    server.publish("bench", "application", &values);
    let settings = Settings::new()
        .set("app.id", "bench")
        .set("apollo.meta", "http://s1")
        .set("apollo.cache.file.enable", "false");
    let client = Client::with_http_client(settings, network)?;
    let config = client.config("application").await?;
    Ok((client, config))
}
