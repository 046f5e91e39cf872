//! The parts of caches whose size is limited in bytes. What they hold is not known here.

use quick_cache::{Options, OptionsBuilder};

/// Parts of a cache, each with a lock and an equal part of the memory, which also limits the size of
/// an entry. By default there are four for each processor, and a large machine would not keep a
/// release of 100 KB.
const SHARDS: usize = 4;

/// Options of a cache of this many bytes, whose tables are sized for `expected` entries.
#[expect(clippy::expect_used, reason = "both capacities are set")]
pub(super) fn options(expected: usize, bytes: u64) -> Options {
    let mut options = OptionsBuilder::new();
    options.estimated_items_capacity(expected).weight_capacity(bytes).shards(SHARDS);
    options.build().expect("both capacities are set")
}
