//! Limits what a document expands to. Aliases multiply its keys, values and levels: twenty kilobytes
//! could become gigabytes, in each client that reads them.

use super::refused;
use crate::error::Result;

const MAX_VALUES: usize = 1_000_000;
/// Text of all flat keys and values. The longest document that is accepted has 3 MiB, and its flat
/// keys repeat those above them.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Twice and a half the depth of a document without aliases. Levels are visited recursively.
const MAX_LEVELS: usize = 128;

/// What has been expanded so far.
#[derive(Default)]
pub(super) struct Expansion {
    values: usize,
    bytes: usize,
}

impl Expansion {
    /// Adds a key or value with this much text; called before it is copied.
    pub(super) fn add(&mut self, bytes: usize) -> Result<()> {
        self.values += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.values > MAX_VALUES {
            return Err(refused("aliases expand to more than a million values"));
        }
        if self.bytes > MAX_BYTES {
            return Err(refused("keys and values expand to more than 64 MiB"));
        }
        Ok(())
    }
}

/// Checks the depth at which an alias attaches its node.
pub(super) fn check_levels(levels: usize) -> Result<()> {
    match levels > MAX_LEVELS {
        true => Err(refused("aliases nest deeper than 128")),
        false => Ok(()),
    }
}
