//! How much this process can hold at a time, which follows from how many files it may have open.

use crate::feed::hub::Limits;
use crate::settings::Settings;

/// Files that are kept from clients' polls: for other requests, the other ports, the databases.
const RESERVE: usize = 400;
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
    pub fn of_process() -> Self {
        let files = raised_limit().unwrap_or(UNKNOWN);
        Self { files }
    }

    /// Files that may be open.
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
        }
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
            let capacity = Capacity { files };
            let polls = capacity.files - capacity.reserve();
            assert!(polls < capacity.client_connections(), "{files}");
            assert!(capacity.client_connections() < capacity.other_connections(), "{files}");
            assert!(capacity.other_connections() < files && polls >= files / 2, "{files}");
        }
    }
}
