//! The reference of the other programs here: one read of a plain Rust map with the hasher of the
//! core. Prints nanoseconds.

#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

const KEYS: usize = 1000;
const READS: u32 = 2_000_000;
const ROUNDS: usize = 25;

fn main() {
    let keys: Vec<_> = (0..KEYS).map(|n| format!("some.longer.key.{n}")).collect();
    let map: HashMap<String, String, ahash::RandomState> =
        keys.iter().map(|key| (key.clone(), key.clone())).collect();
    // The fastest round, as in the programs that are compared with it: other load only slows a
    // round.
    let fastest = (0..ROUNDS).map(|_| time(&keys, &map)).fold(f64::INFINITY, f64::min);
    println!("rust-map {fastest:.1}");
}

fn time(keys: &[String], map: &HashMap<String, String, ahash::RandomState>) -> f64 {
    let mut index = 0;
    let start = Instant::now();
    for _ in 0..READS {
        index = (index + 617) % KEYS;
        black_box(map.get(black_box(keys[index].as_str())));
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(READS)
}
