//! The Eureka registry of this node: leases in memory, mirrored to the other servers in
//! `eureka.service.url`. Exists only if the node hosts Eureka. Handlers never wait here for the
//! database, the network or a peer, because Spring's servers wait 200 ms for an answer.

mod batch_order;
mod batches;
pub(super) mod client;
mod copying;
mod decisions;
pub(super) mod endpoint;
mod lists;
mod node_ids;
mod own;
pub(super) mod own_address;
mod peer;
mod peers;
mod proof;
mod queries;
mod replicated;
mod services;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use castalia_eureka::batch::Task;
use castalia_eureka::{
    Instance, Invalid, Lease, Moment, Options, Origin, Refused, Registry, Renewal, Status,
};
use castalia_store::Secret;
use parking_lot::Mutex;

pub use self::batch_order::{BATCH_HEADER, BatchNumber};
use self::batches::Batches;
pub use self::batches::NotCarriedOut;
use self::decisions::{forgotten, report_contradiction};
pub use self::lists::Form;
use self::lists::Lists;
use self::own::{OwnInstances, replaced};
use self::own_address::OwnAddress;
pub use self::peer::{EurekaPeerState, NODE_HEADER};
use self::peers::Peers;
use self::proof::Proof;
use super::{OwnService, Probe, address};
use crate::background::Background;
use crate::log_rate::{LogRate, shortened};
use crate::server_config::ServerConfig;
use crate::settings::Settings;
use crate::settings::eureka::EurekaSettings;

/// Interval at which expired leases end and the peers are read from the settings.
const MAINTENANCE: Duration = Duration::from_secs(5);
/// Maximum time for sending the last changes at the end.
const FLUSH: Duration = Duration::from_secs(2);

/// Counters of heartbeats, and of instances that were removed without them.
const RENEWALS: &str = "castalia_eureka_renewals_total";
const EVICTIONS: &str = "castalia_eureka_evictions_total";

/// The registry. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Eureka(Arc<EurekaInner>);

#[derive(Debug)]
struct EurekaInner {
    registry: Mutex<Registry>,
    /// This node's services, if they are announced here.
    own: OwnInstances,
    proof: Proof,
    /// Whether other machines reach them.
    is_reachable: bool,
    /// Whether they are not registered, because other machines would be led to themselves.
    is_withheld: AtomicBool,
    renewal_interval: Duration,
    /// Whether leases stayed at the last maintenance.
    is_preserving: AtomicBool,
    lists: Lists,
    peers: Peers,
    batches: Batches,
}

impl Eureka {
    /// Counters that an alarm watches.
    pub const ALARMS: [&str; 4] = [peer::DROPPED, EVICTIONS, RENEWALS, services::UNUSABLE];

    /// An empty registry. `own` are the services that are announced here, `is_reachable` states
    /// whether other machines reach them, and `ports` are those under which this node may be listed
    /// as a peer. By the secret the nodes of an installation recognise each other.
    ///
    /// # Errors
    /// Fails if the HTTP client cannot be created.
    pub fn new(
        settings: &Settings,
        config: ServerConfig,
        own: &[OwnService],
        is_reachable: bool,
        ports: Vec<u16>,
        secret: Secret,
    ) -> reqwest::Result<Self> {
        let proof = Proof::new(secret);
        let advertised = address::advertised(settings, &config);
        let address = OwnAddress::advertised(ports, advertised.as_deref());
        let EurekaSettings { preserves, max_instances, apps, instance, .. } = &settings.eureka;
        let options = Options {
            max_instances: *max_instances,
            preserves: *preserves,
            apps: apps.iter().cloned().collect(),
        };
        Ok(Self(Arc::new(EurekaInner {
            registry: Mutex::new(Registry::new(options)),
            own: OwnInstances::new(own, instance, &proof),
            proof,
            is_reachable,
            is_withheld: AtomicBool::new(false),
            renewal_interval: Duration::from_secs(instance.renewal_interval.into()),
            is_preserving: AtomicBool::new(false),
            lists: Lists::new(*max_instances),
            peers: Peers::new(config, address)?,
            batches: Batches::new(),
        })))
    }

    /// Enters the services of this node, then keeps leases and peers.
    pub async fn run(&self, background: &Background, probe: Probe) {
        self.0.peers.refresh(self, background).await;
        if self.0.peers.begin_copy() {
            self.0.registry.lock().begin_copy();
        }
        self.announce();
        let copying = self.clone();
        background.spawn("eureka copy", move || {
            let eureka = copying.clone();
            async move {
                eureka.0.peers.copy(&eureka).await;
                eureka.0.registry.lock().end_copy();
            }
        });
        let eureka = self.clone();
        background.repeat("eureka leases", MAINTENANCE, move || {
            let eureka = eureka.clone();
            async move { eureka.maintain() }
        });
        // Not together with the leases: while names of peers are resolved slowly, the leases would
        // be granted the time, and none would ever end.
        let (eureka, peers) = (self.clone(), background.clone());
        background.repeat("eureka peers", MAINTENANCE, move || {
            let (eureka, background) = (eureka.clone(), peers.clone());
            async move { eureka.0.peers.refresh(&eureka, &background).await }
        });
        let eureka = self.clone();
        background.spawn("eureka heartbeat", move || {
            let (eureka, probe) = (eureka.clone(), Arc::clone(&probe));
            async move {
                loop {
                    eureka.0.own.check(&probe).await;
                    eureka.announce();
                    eureka.0.own.changed_within(eureka.0.renewal_interval, &probe).await;
                }
            }
        });
    }

    fn maintain(&self) {
        let (size, is_preserving) = {
            let mut registry = self.0.registry.lock();
            report_evicted(registry.evict(now()));
            (registry.len(), registry.is_preserving())
        };
        if self.0.is_preserving.swap(is_preserving, Ordering::Relaxed) != is_preserving {
            tracing::warn!(
                is_preserving,
                "self-preservation of Eureka: leases stay while more than 15 % of the instances are overdue"
            );
        }
        metrics::gauge!("castalia_eureka_instances").set(size as f64);
        metrics::gauge!("castalia_eureka_preserving").set(u8::from(is_preserving));
    }

    /// Registers the services of this node, or renews their leases.
    fn announce(&self) {
        if self.withholds() {
            return self.cancel_own(&self.0.own.all());
        }
        self.0.own.announce(|instance| {
            let (app, id) = (instance.app.as_str(), instance.id());
            let renewal = self.renew(app, id, instance.dirty, None, Origin::Own);
            if let Some(dirty) = replaced(&renewal, instance) {
                let registered = self.register(Instance { dirty, ..instance.clone() }, Origin::Own);
                if let Err(error) = registered {
                    tracing::warn!(%error, "cannot register a service of this node in its Eureka");
                }
            }
        });
    }

    /// Whether the services of this node must not be registered. Peers may be added at any time.
    fn withholds(&self) -> bool {
        let withholds = !self.0.is_reachable && self.0.peers.has_remote();
        if self.0.is_withheld.swap(withholds, Ordering::Relaxed) != withholds && withholds {
            tracing::warn!(
                "the services of this node are not registered in Eureka, because servers on other machines mirror it and others cannot reach this node; set bind or advertise"
            );
        }
        withholds
    }

    fn cancel_own(&self, own: &[Instance]) {
        for instance in own {
            self.cancel(&instance.app, instance.id(), Origin::Own);
        }
    }

    /// Removes the services of this node, and waits until the peers have all changes.
    pub async fn leave(&self) {
        let own = self.0.own.take();
        self.cancel_own(&own);
        if tokio::time::timeout(FLUSH, self.0.peers.flushed()).await.is_err() {
            tracing::warn!("some peers of Eureka did not receive the last changes of this node");
        }
    }

    /// Registers an instance. Returns its lease.
    ///
    /// # Errors
    /// Returns the reason why it is not registered.
    pub fn register(&self, instance: Instance, origin: Origin) -> Result<Lease, Refused> {
        static OLDER: LogRate = LogRate::once_a_minute();
        static OWN: LogRate = LogRate::once_a_minute();
        let dirty = instance.dirty;
        let id = instance.id().to_owned();
        // After a restart peers still have the services of this node, and send them back.
        let is_echo = origin == Origin::Peer && self.0.own.describes(&instance);
        let reported = (instance.app.clone(), instance.overridden_status);
        let (registered, contradiction) = {
            let mut registry = self.0.registry.lock();
            let contradiction = registry.contradiction(&reported.0, &id, Some(reported.1));
            let registered = registry.register(instance, origin, now());
            if let Ok((lease, _)) = &registered {
                let task = Task::Register(Arc::clone(&lease.instance));
                self.replicate(lease, task, None, origin);
            }
            (registered, contradiction)
        };
        if origin == Origin::Peer {
            report_contradiction(&reported.0, &id, contradiction);
        }
        if registered.as_ref().is_err_and(|refused| *refused == Refused::OwnId)
            && !is_echo
            && let Some(suppressed) = OWN.admit()
        {
            tracing::warn!(
                id = shortened(&id),
                suppressed,
                "refused to register an instance with the id of a service of this node"
            );
        }
        let (lease, is_kept) = registered?;
        // The list of a peer may be older than a registration that arrives during a start.
        if is_kept
            && origin != Origin::Peer
            && let Some(suppressed) = OLDER.admit()
        {
            let (sent, kept) = (dirty, lease.instance.dirty);
            tracing::warn!(
                id = shortened(&id),
                sent,
                kept,
                suppressed,
                "an instance registered with an older timestamp than before; its earlier description is kept. Is its clock wrong?"
            );
        }
        Ok(lease)
    }

    /// Renews a lease.
    pub fn renew(
        &self,
        app: &str,
        id: &str,
        dirty: Option<i64>,
        override_: Option<Status>,
        origin: Origin,
    ) -> Renewal {
        metrics::counter!(RENEWALS).increment(1);
        let (renewal, contradiction) = {
            let mut registry = self.0.registry.lock();
            let contradiction = registry.contradiction(app, id, override_);
            let renewal = registry.renew(app, id, dirty, override_, origin, now());
            if let Renewal::Renewed(lease) | Renewal::Outdated(lease) = &renewal {
                self.replicate(lease, Task::Heartbeat, Some(lease.instance.status), origin);
            }
            (renewal, contradiction)
        };
        report_contradiction(app, id, contradiction);
        renewal
    }

    /// Ends a lease. Returns whether there was one.
    pub fn cancel(&self, app: &str, id: &str, origin: Origin) -> bool {
        let is_cancelled = {
            let mut registry = self.0.registry.lock();
            let cancelled = registry.cancel(app, id, now());
            // Its lease may have ended before, and what was decided about it remembered.
            if cancelled.is_none()
                && origin == Origin::Client
                && registry.forget_override(app, id, now())
            {
                self.0.peers.push(&forgotten(app, id, None), Duration::ZERO, false);
            }
            self.changed(&mut registry, (app, id), cancelled.as_ref(), Task::Cancel, None, origin)
        };
        // A service of this node stays until the node leaves.
        if is_cancelled && origin != Origin::Own && self.0.own.status(app, id).is_some() {
            self.announce();
        }
        is_cancelled
    }

    /// Sends the change of a lease to the peers. Returns whether there is one.
    fn changed(
        &self,
        registry: &mut Registry,
        (app, id): (&str, &str),
        lease: Option<&Lease>,
        task: Task,
        status: Option<Status>,
        origin: Origin,
    ) -> bool {
        if origin == Origin::Peer {
            // It is newer than what waits here for another peer, or for this one.
            match task {
                Task::Cancel => self.0.peers.forget_instance(app, id),
                _ => {
                    let instance = lease.map(|lease| &lease.instance);
                    self.0.peers.outdate_status((app, id), &task, status, instance);
                }
            }
        }
        match lease {
            Some(lease) => self.replicate(lease, task, status, origin),
            None if origin == Origin::Peer => registry.remember(app, id, &task, status, now()),
            // Who asked is answered that there is none.
            None => {}
        }
        lease.is_some()
    }

    /// Sets entries of the metadata. Returns whether there is such a lease.
    ///
    /// # Errors
    /// Fails if the metadata would be too large.
    pub fn set_metadata(
        &self,
        app: &str,
        id: &str,
        entries: impl IntoIterator<Item = (String, String)>,
        origin: Origin,
    ) -> Result<bool, Invalid> {
        let mut registry = self.0.registry.lock();
        let Some(lease) = registry.set_metadata(app, id, entries, now())? else { return Ok(false) };
        let task = Task::Register(Arc::clone(&lease.instance));
        self.replicate(&lease, task, None, origin);
        Ok(true)
    }
}

fn report_evicted(evicted: usize) {
    if evicted > 0 {
        metrics::counter!(EVICTIONS).increment(evicted as u64);
        tracing::info!(
            instances = evicted,
            "instances without heartbeats were removed from Eureka"
        );
    }
}

fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { at: Instant::now(), wall: i64::try_from(since.as_millis()).unwrap_or(i64::MAX) }
}
