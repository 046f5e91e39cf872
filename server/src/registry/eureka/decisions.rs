//! The statuses that operators set in place of those that instances report, at this node and at
//! peers.

use std::time::{Duration, Instant};

use castalia_eureka::batch::{Item, Task};
use castalia_eureka::{Contradiction, Decided, Lease, Origin, Status};

use super::{Eureka, now};
use crate::log_rate::{LogRate, shortened};

impl Eureka {
    /// Overrides a status. Returns whether there is such a lease. Peers are Castalia nodes
    /// (`is_ours`), which send only what they have recorded, or others.
    pub fn set_status(
        &self,
        app: &str,
        id: &str,
        status: Status,
        dirty: Option<i64>,
        origin: Origin,
        is_ours: bool,
    ) -> bool {
        let mut registry = self.0.registry.lock();
        let decided = decided(origin, is_ours);
        let set = registry.set_status(app, id, status, dirty, decided, now());
        // A peer would record what is not recorded here, in place of a decision that waits for it.
        if origin != Origin::Peer && matches!(set, Some((_, false))) {
            return true;
        }
        let changed = set.as_ref().map(|(lease, _)| lease);
        let task = Task::StatusUpdate;
        self.changed(&mut registry, (app, id), changed, task, Some(status), origin)
    }

    /// Removes an override. Returns whether there is such a lease, or the status of an instance
    /// that is not here was remembered. Peers are Castalia nodes (`is_ours`), which send the
    /// status that the instance has since, or others.
    pub fn remove_override(
        &self,
        app: &str,
        id: &str,
        status: Option<Status>,
        dirty: Option<i64>,
        origin: Origin,
        is_ours: bool,
    ) -> bool {
        // Without a status, others wait for that of the instance. That of an own one is known, and
        // the peers have to learn it.
        let own = self.0.own.status(app, id);
        let (status, origin) = match (status, own) {
            (None, Some(own)) => (Some(own), Origin::Own),
            _ => (status, origin),
        };
        let is_known = {
            let mut registry = self.0.registry.lock();
            let decided = decided(origin, is_ours);
            let changed = registry.remove_override(app, id, status, dirty, decided, now());
            // The instance may have reported another one meanwhile, or have none to be set.
            let status = changed.as_ref().map_or(status, |lease| {
                Some(lease.instance.status).filter(|known| *known != Status::Unknown)
            });
            let task = Task::DeleteStatusOverride;
            match changed {
                None if origin != Origin::Peer && registry.forget_override(app, id, now()) => {
                    self.0.peers.push(&forgotten(app, id, status), Duration::ZERO, false);
                    true
                }
                changed => {
                    self.changed(&mut registry, (app, id), changed.as_ref(), task, status, origin)
                }
            }
        };
        if is_known && own.is_some() {
            self.announce();
        }
        is_known
    }

    /// Uses what a peer answers to the registration of an instance for which it remembers an
    /// operator's status. The registration was sent at this time.
    pub(super) fn learn_override(&self, app: &str, id: &str, decided: Status, sent: Instant) {
        let (contradiction, adopted) = {
            let mut registry = self.0.registry.lock();
            // It may have left meanwhile, and its status with it. If it came back, the peer is sent
            // another registration.
            if registry.get(app, id).is_none_or(|lease| lease.is_newer(sent)) {
                return;
            }
            let contradiction = registry.contradiction(app, id, Some(decided));
            (contradiction, registry.adopt_override(app, id, decided, now()))
        };
        report_contradiction(app, id, contradiction);
        report_adopted(id, adopted.as_ref());
    }

    /// Adopts what an operator decided, as a peer reports it, if this node was not there.
    pub(super) fn adopt_override(&self, app: &str, id: &str, decided: Status) {
        let adopted = self.0.registry.lock().adopt_override(app, id, decided, now());
        report_adopted(id, adopted.as_ref());
    }
}

fn decided(origin: Origin, is_ours: bool) -> Decided {
    match (origin, is_ours) {
        (Origin::Client | Origin::Own, _) => Decided::Here,
        (Origin::Peer, true) => Decided::ByNode,
        (Origin::Peer, false) => Decided::ByServer,
    }
}

fn report_adopted(id: &str, adopted: Option<&Lease>) {
    if let Some(Lease { instance, .. }) = adopted {
        let (app, id, status) = (&instance.app, shortened(id), instance.overridden_status.name());
        tracing::info!(app, id, status, "adopted the status that an operator set at a peer");
    }
}

/// A node missed what an operator decided at another one, and neither knows which decision is the
/// newer one.
pub(super) fn report_contradiction(app: &str, id: &str, contradiction: Option<Contradiction>) {
    static CONTRADICTED: LogRate = LogRate::once_a_minute();
    if let Some(Contradiction { here, reported }) = contradiction
        && let Some(suppressed) = CONTRADICTED.admit()
    {
        let (id, status) = (shortened(id), reported.name());
        match here {
            Status::Unknown => tracing::warn!(
                app,
                id,
                status,
                suppressed,
                "a peer of Eureka keeps a status that was removed here; set or remove it again"
            ),
            here => tracing::warn!(
                app,
                id,
                status,
                here = here.name(),
                suppressed,
                "a peer of Eureka keeps another status than was set here; set or remove it again"
            ),
        }
    }
}

/// The removal of the status of an instance that is not here.
pub(super) fn forgotten(app: &str, id: &str, status: Option<Status>) -> Item {
    let task = Task::DeleteStatusOverride;
    Item { app: app.to_owned(), id: id.to_owned(), dirty: None, status, overridden: None, task }
}
