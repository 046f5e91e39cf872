//! How much this process can hold at a time, which follows from how many files it may have open.

use super::large_head::LargeHeads;
use crate::feed::hub::Limits;
use crate::settings::Settings;
use crate::store::RESERVED_CONNECTIONS;

/// Files that are kept from clients' polls: for other requests and the other ports.
const RESERVE: usize = 400;
/// Files that the process itself opens: the runtime, sockets, log, the SQLite databases with their logs.
const OWN: usize = 64;
/// Below this the process works, and can hold hardly anything.
const FEW: usize = 256;
/// Where the system names no limit.
const UNKNOWN: usize = 1_000_000;

/// Rooms of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    files: usize,
}

impl Capacity {
    /// Raises the soft limit on open files to the hard one and says what it is then.
    #[must_use]
    pub fn of_process(settings: &Settings) -> Self {
        let limit = raised_limit().unwrap_or(UNKNOWN);
        if limit < FEW {
            tracing::warn!(
                limit,
                "the limit on open files is small, so that few clients can connect; raise it to 1024 or more"
            );
        }
        let connections = 2 * u64::from(settings.max_connections) + u64::from(RESERVED_CONNECTIONS);
        Self::new(limit, usize::try_from(connections).unwrap_or(UNKNOWN))
    }

    /// So many files may be open, of which the databases take some.
    fn new(limit: usize, databases: usize) -> Self {
        // With very few files nothing can be kept for sure; what is left is shared all the same.
        Self { files: limit.saturating_sub(OWN + databases).max(limit / 4) }
    }

    /// Files that may be open for connections.
    #[must_use]
    pub fn files(self) -> usize {
        self.files
    }

    /// Room for parked polls.
    #[must_use]
    pub fn polls(self, settings: &Settings) -> Limits {
        Limits {
            total: self.files - self.reserve(),
            per_address: settings.max_polls_per_address,
            per_app: settings.max_polls_per_app,
            watch_bytes: settings.max_watch_mib.saturating_mul(1024 * 1024),
        }
    }

    /// Memory for large heads: half of what held polls may watch with, since only polls have large heads.
    #[must_use]
    pub fn large_heads(settings: &Settings) -> LargeHeads {
        LargeHeads::new(settings.max_watch_mib.saturating_mul(1024 * 1024) / 2)
    }

    /// Connections up to which the client port takes new ones: health must answer when no poll fits any more.
    #[must_use]
    pub fn client_connections(self) -> usize {
        self.files - self.reserve() / 2
    }

    /// Connections up to which the other ports take new ones: the portal must answer when clients use up theirs.
    #[must_use]
    pub fn other_connections(self) -> usize {
        self.files - self.reserve() / 4
    }

    fn reserve(self) -> usize {
        RESERVE.min(self.files / 2)
    }
}

#[cfg(unix)]
fn raised_limit() -> Option<usize> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    if soft < hard
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    {
        tracing::warn!(soft, hard, %error, "cannot raise the limit on open files");
    }
    let (now, _) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    tracing::info!(before = soft, now, "limit on open files");
    usize::try_from(now).ok()
}

#[cfg(not(unix))]
fn raised_limit() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_leaves_room_for_the_next() {
        for files in [64, 1024, 20_000] {
            let capacity = Capacity::new(files, 20);
            let polls = capacity.files - capacity.reserve();
            assert!(polls < capacity.client_connections(), "{files}");
            assert!(capacity.client_connections() < capacity.other_connections(), "{files}");
            let own = if files < 100 { 3 * files / 4 } else { OWN + 20 };
            assert!(capacity.other_connections() < files - own, "{files}");
            assert!(polls >= (files - own) / 2, "{files}");
        }
    }
}
