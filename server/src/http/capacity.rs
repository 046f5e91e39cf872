//! The capacity of this process, which follows from the limit on open files.

use castalia_store::EXTRA_CONNECTIONS;

use super::large_head::LargeHeads;
use crate::feed::hub::Limits;
use crate::settings::Settings;

/// File descriptors that clients' polls may not use: they serve other requests and the other ports.
const RESERVE: usize = 400;
/// File descriptors of the process itself: the runtime, sockets, log, and the SQLite databases with
/// their WAL files.
const OWN: usize = 64;
/// With a lower limit the process works, but can hold few connections.
const FEW: usize = 256;
/// Assumed if the system reports no limit.
const UNKNOWN: usize = 1_000_000;

/// The capacity of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    files: usize,
}

impl Capacity {
    /// Raises the soft limit on open files to the hard one, and warns if the result is small.
    #[must_use]
    pub fn of_process(settings: &Settings) -> Self {
        let limit = raised_limit().unwrap_or(UNKNOWN);
        if limit < FEW {
            tracing::warn!(
                limit,
                "the limit on open files is low, so only few clients can connect; raise it to 1024 or more"
            );
        }
        Self::new(limit, database_connections(settings.max_connections))
    }

    /// `limit` is the maximum number of open files, of which `databases` are used by the databases.
    fn new(limit: usize, databases: usize) -> Self {
        // With very few files the reserve cannot be kept; a quarter remains for connections in any
        // case.
        Self { files: limit.saturating_sub(OWN + databases).max(limit / 4) }
    }

    /// File descriptors available to connections.
    #[must_use]
    pub fn files(self) -> usize {
        self.files
    }

    /// Capacity for parked polls.
    #[must_use]
    pub fn polls(self, settings: &Settings) -> Limits {
        Limits {
            total: self.files - self.reserve(),
            per_address: settings.max_polls_per_address,
            per_app: settings.max_polls_per_app,
            watch_bytes: settings.max_watch_mib.saturating_mul(1024 * 1024),
        }
    }

    /// Memory for large heads: half of the budget of held polls, since only polls have large heads.
    #[must_use]
    pub fn large_heads(settings: &Settings) -> LargeHeads {
        LargeHeads::new(settings.max_watch_mib.saturating_mul(1024 * 1024) / 2)
    }

    /// Maximum number of connections on the client port: health must answer when no further poll
    /// fits.
    #[must_use]
    pub fn client_connections(self) -> usize {
        self.files - self.reserve() / 2
    }

    /// Maximum number of connections on the other ports: the portal must answer when clients use up
    /// their part.
    #[must_use]
    pub fn other_connections(self) -> usize {
        self.files - self.reserve() / 4
    }

    fn reserve(self) -> usize {
        RESERVE.min(self.files / 2)
    }
}

/// Connections to two databases: that of the environment, and that of the portal.
fn database_connections(max_connections: u32) -> usize {
    let each = u64::from(max_connections) + u64::from(EXTRA_CONNECTIONS);
    usize::try_from(2 * each).unwrap_or(UNKNOWN)
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

    /// As many as `docs/operations.md` states.
    #[test]
    fn connections_to_both_databases_are_not_for_clients() {
        assert_eq!(database_connections(16), 2 * (16 + 9));
    }

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
