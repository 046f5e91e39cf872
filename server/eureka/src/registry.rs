//! The registry: which instances have a lease, and the rules by which leases begin, are renewed and
//! end. Each call takes the present time, so that tests decide what time it is.

mod call;
mod clock;
mod copy;
mod eviction;
mod lease;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use self::copy::EarlyChanges;
pub use self::lease::Lease;
use crate::changes::Changes;
use crate::overrides::Overrides;
use crate::status::effective;
use crate::{Action, Instance, Status};

/// Maximum number of instances of one app, and of apps.
const PER_APP: usize = 2_000;
const APPS: usize = 1_000;

/// The present time on two clocks: leases are measured on one that never jumps.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Of the monotonic clock.
    pub at: Instant,
    /// Milliseconds since 1970.
    pub wall: i64,
}

/// Who sends a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A client or an operator.
    Client,
    /// Another server, which received it from a client.
    Peer,
    /// This process, about its own services.
    Own,
}

/// Who decided on a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// An operator, at this node.
    Here,
    /// A Castalia node, which sends only what it has recorded.
    ByNode,
    /// Another server, which sends every call of an operator.
    ByServer,
}

/// Bounds and switches.
#[derive(Debug, Clone)]
pub struct Options {
    /// Maximum number of instances.
    pub max_instances: usize,
    /// Whether leases stay while many heartbeats are missing.
    pub preserves: bool,
    /// Apps that may register; empty means all.
    pub apps: BTreeSet<String>,
}

/// Why an instance is not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The app is not one of those that may register.
    #[error("this app may not register here")]
    App,
    /// There are too many instances or apps.
    #[error("the registry has the maximum number of instances")]
    Full,
    /// The id is that of a service of this process.
    #[error("the id is that of a service of this node")]
    OwnId,
}

/// Outcome of a heartbeat.
#[derive(Debug)]
pub enum Renewal {
    /// The lease was renewed.
    Renewed(Lease),
    /// The lease was renewed, but the caller has a newer description and has to register it.
    Outdated(Lease),
    /// A peer has an older description than this one.
    Newer(Lease),
    /// There is no such lease; the caller has to register.
    Unknown,
}

/// A list of apps with their leases.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Number of the list.
    pub version: i64,
    /// Number of instances by status, as clients compute it.
    pub hash: String,
    /// Leases by app.
    pub apps: Vec<(String, Vec<Lease>)>,
}

/// App and id.
pub(crate) type LeaseKey = (String, String);

/// All leases.
#[derive(Debug)]
pub struct Registry {
    options: Options,
    apps: BTreeMap<String, BTreeMap<String, Lease>>,
    size: usize,
    /// Services of this process, whose ids nobody else may use, also while an operator removed
    /// one.
    own: BTreeSet<LeaseKey>,
    overrides: Overrides,
    early: EarlyChanges,
    changes: Changes,
    is_preserving: bool,
    /// When the wall clock was last set, or this registry began to watch it.
    clock: Option<Moment>,
    /// When the eviction last ran, and when leases ended within the last minute.
    last_run: Option<Instant>,
    ended: Vec<Instant>,
    /// When the eviction is next worth a run: no lease ends earlier.
    next_end: Option<Instant>,
    revision: u64,
    deltas: i64,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let changes = Changes::new(options.max_instances.saturating_mul(2));
        let overrides = Overrides::new(options.max_instances);
        Self {
            options,
            apps: BTreeMap::new(),
            size: 0,
            own: BTreeSet::new(),
            overrides,
            early: EarlyChanges::default(),
            changes,
            is_preserving: false,
            clock: None,
            last_run: None,
            ended: Vec::new(),
            next_end: None,
            revision: 0,
            deltas: 0,
        }
    }

    /// Number of leases.
    #[must_use]
    pub fn len(&self) -> usize {
        self.size
    }

    /// Whether there is no lease.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Increases with each change that a list shows.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether leases stay because many heartbeats were missing when the eviction last ran.
    #[must_use]
    pub fn is_preserving(&self) -> bool {
        self.is_preserving
    }

    /// A lease.
    #[must_use]
    pub fn get(&self, app: &str, id: &str) -> Option<&Lease> {
        self.apps.get(app)?.get(id)
    }

    /// The first lease with this id in any app.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Lease> {
        self.apps.values().find_map(|leases| leases.get(id))
    }

    /// The leases of an app, by id.
    #[must_use]
    pub fn app(&self, app: &str) -> Vec<Lease> {
        self.apps.get(app).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }

    /// All leases.
    #[must_use]
    pub fn list(&self) -> Listing {
        let leases = |leases: &BTreeMap<String, Lease>| leases.values().cloned().collect();
        let apps = self.apps.iter().map(|(app, of_app)| (app.clone(), leases(of_app)));
        Listing { version: 1, hash: self.hash(), apps: apps.collect() }
    }

    /// The leases whose plain or secure address contains this name.
    #[must_use]
    pub fn with_address(&self, address: &str, is_secure: bool) -> Listing {
        let fits = |lease: &Lease| {
            let Instance { vip_address, secure_vip_address, .. } = &*lease.instance;
            let own = if is_secure { secure_vip_address } else { vip_address };
            own.as_deref().is_some_and(|own| own.split(',').any(|own| own == address))
        };
        let mut listing = self.list();
        for (_, leases) in &mut listing.apps {
            leases.retain(fits);
        }
        listing.apps.retain(|(_, leases)| !leases.is_empty());
        let hash = hash(listing.apps.iter().flat_map(|(_, leases)| leases));
        Listing { version: -1, hash, ..listing }
    }

    /// The instances that changed recently, each once and in its newest state; those that left have
    /// their last description. The hash is that of the whole registry.
    pub fn delta(&mut self, now: Moment) -> Listing {
        self.expire_changes(now);
        self.deltas += 1;
        let mut apps: BTreeMap<String, Vec<Lease>> = BTreeMap::new();
        for ((app, id), left) in self.changes.iter() {
            if let Some(lease) = left.or_else(|| self.get(app, id)) {
                apps.entry(app.clone()).or_default().push(lease.clone());
            }
        }
        let full = self.changes.overflowed().then(|| "RELOAD_1_".to_owned());
        let hash = full.unwrap_or_else(|| self.hash());
        Listing { version: self.deltas, hash, apps: apps.into_iter().collect() }
    }

    /// Forgets changes that clients have had time to read.
    pub fn expire_changes(&mut self, now: Moment) {
        if self.changes.expire(now.at) {
            self.revision += 1;
        }
    }

    fn hash(&self) -> String {
        hash(self.apps.values().flat_map(BTreeMap::values))
    }

    fn lease_mut(&mut self, app: &str, id: &str) -> Option<&mut Lease> {
        self.apps.get_mut(app)?.get_mut(id)
    }

    /// Removes a lease, and records that it left.
    fn end(&mut self, app: &str, id: &str, now: Moment) -> Option<Lease> {
        let leases = self.apps.get_mut(app)?;
        let mut lease = leases.remove(id)?;
        if leases.is_empty() {
            self.apps.remove(app);
        }
        self.size -= 1;
        lease.evicted = now.wall;
        lease.updated = now.wall;
        lease.action = Some(Action::Deleted);
        self.changed(app, id, Some(lease.clone().without_metadata()), now);
        Some(lease)
    }

    fn changed(&mut self, app: &str, id: &str, left: Option<Lease>, now: Moment) {
        self.revision += 1;
        self.changes.record((app.to_owned(), id.to_owned()), left, now.at);
    }
}

/// Number of instances by status, for each status that occurs.
fn hash<'a>(leases: impl Iterator<Item = &'a Lease>) -> String {
    let mut numbers: BTreeMap<Status, usize> = BTreeMap::new();
    for lease in leases {
        *numbers.entry(lease.instance.status).or_default() += 1;
    }
    numbers.iter().map(|(status, number)| format!("{}_{number}_", status.name())).collect()
}

#[cfg(test)]
mod tests;
