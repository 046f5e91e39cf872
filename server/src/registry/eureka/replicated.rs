//! Changes on their way between peers: how one that a peer sends is carried out, and how one of
//! this node is described.

use std::sync::Arc;
use std::time::{Duration, Instant};

use castalia_eureka::batch::{Item, Outcome, Task};
use castalia_eureka::{Instance, Lease, Origin, Refused, Renewal, Status};

use super::decisions::report_contradiction;
use super::{Eureka, now, services};

impl Eureka {
    /// Carries out a change that a peer sends. `is_ours` states whether it is a Castalia node.
    pub fn apply(&self, item: Item, is_ours: bool) -> Outcome {
        let Item { app, id, dirty, status, overridden, task } = item;
        let found = |is_found| if is_found { 200 } else { 404 };
        let (status, newer) = match (task, status) {
            (Task::Register(instance), _) => {
                let is_overridden = instance.overridden_status != Status::Unknown;
                match self.register(Arc::unwrap_or_clone(instance), Origin::Peer) {
                    // A sender that was not there does not know what an operator decided. Servers
                    // in Java would log this outcome as a failure, and do
                    // nothing else.
                    Ok(lease) if is_ours && !is_overridden && is_overridden_here(&lease) => {
                        (409, Some(lease))
                    }
                    Ok(_) => (200, None),
                    Err(Refused::App) => (403, None),
                    Err(Refused::Full) => (429, None),
                    Err(Refused::OwnId) => (409, None),
                }
            }
            (Task::Heartbeat, _) => match self.renew(&app, &id, dirty, overridden, Origin::Peer) {
                // The answer to its registration, for which this asks, contains the rest.
                Renewal::Renewed(lease)
                    if is_ours && overridden.is_none() && is_overridden_here(&lease) =>
                {
                    (404, None)
                }
                Renewal::Renewed(_) => (200, None),
                Renewal::Outdated(_) | Renewal::Unknown => (404, None),
                Renewal::Newer(lease) => (409, Some(lease)),
            },
            (Task::Cancel, _) => (found(self.cancel(&app, &id, Origin::Peer)), None),
            (Task::StatusUpdate, Some(status)) => {
                (found(self.set_status(&app, &id, status, dirty, Origin::Peer, is_ours)), None)
            }
            (Task::StatusUpdate, None) => (400, None),
            (Task::DeleteStatusOverride, status) => {
                (found(self.remove_override(&app, &id, status, dirty, Origin::Peer, is_ours)), None)
            }
        };
        Outcome { status, newer }
    }

    /// Appends a change to the queues of all peers, unless it came from one. The registry has to be
    /// locked still, so that peers receive changes in the order in which they were made here.
    pub(super) fn replicate(
        &self,
        lease: &Lease,
        task: Task,
        status: Option<Status>,
        origin: Origin,
    ) {
        if origin == Origin::Peer {
            return;
        }
        let instance = &lease.instance;
        // What an operator states about this node is trusted.
        let is_local = origin != Origin::Own && services::leads_to_caller(instance);
        self.0.peers.push(&described(instance, task, status), interval(instance), is_local);
    }

    /// Registers an instance of a peer's list, unless it left here while the list was on its way.
    /// Returns whether it is not refused.
    pub(super) fn copy(&self, instance: Instance) -> bool {
        let (app, id) = (instance.app.clone(), instance.id().to_owned());
        let decided = instance.overridden_status;
        // Services of this node are known better here, but not what an operator decided about them
        // before this node ended, maybe at another address.
        let copied = match self.0.own.contains(&instance) {
            true => Ok(true),
            false => self.0.registry.lock().copy(instance, now()),
        };
        if copied == Ok(true) {
            self.adopt_override(&app, &id, decided);
        }
        copied.is_ok()
    }

    /// Records the removals of operators' statuses that a peer knows.
    pub(super) fn copy_removed_overrides(&self, removed: Vec<(String, String)>) {
        self.0.registry.lock().copy_removed_overrides(removed, now());
    }

    /// Whether it is a service of this node.
    pub(super) fn is_own(&self, instance: &Instance) -> bool {
        self.0.own.contains(instance)
    }

    /// A newer description than that of this node, which a peer answers to a heartbeat that was
    /// sent at this time.
    pub(super) fn adopt(&self, instance: Instance, sent: Instant) {
        if self.0.own.contains(&instance) {
            // The clock of this node went back: its description has to win.
            if self.0.own.outbid(&instance) {
                self.announce();
            }
            return;
        }
        let (app, id) = (instance.app.clone(), instance.id().to_owned());
        let (replaced, contradiction) = {
            let mut registry = self.0.registry.lock();
            // It may have left meanwhile, and come back.
            if registry.get(&app, &id).is_none_or(|lease| lease.is_newer(sent)) {
                return;
            }
            let contradiction = registry.contradiction(&app, &id, Some(instance.overridden_status));
            (registry.register(instance, Origin::Peer, now()), contradiction)
        };
        report_contradiction(&app, &id, contradiction);
        if let Err(error) = replaced {
            tracing::debug!(%error, "cannot adopt the description of a peer");
        }
    }
}

fn is_overridden_here(lease: &Lease) -> bool {
    lease.instance.overridden_status != Status::Unknown
}

/// A change of an instance, as it is sent to peers.
pub(super) fn described(instance: &Instance, task: Task, status: Option<Status>) -> Item {
    let overridden = Some(instance.overridden_status).filter(|status| *status != Status::Unknown);
    // A cancellation ends the status as well.
    let has_status = matches!(task, Task::Heartbeat | Task::Cancel);
    let is_cancel = matches!(task, Task::Cancel);
    Item {
        app: instance.app.clone(),
        id: instance.id().to_owned(),
        dirty: instance.dirty.filter(|_| !is_cancel),
        status: if matches!(task, Task::Register(_)) { Some(instance.status) } else { status },
        overridden: overridden.filter(|_| has_status),
        task,
    }
}

/// Interval between the heartbeats of an instance.
pub(super) fn interval(instance: &Instance) -> Duration {
    Duration::from_secs(instance.renewal_interval.into())
}

#[cfg(test)]
mod tests {
    use castalia_core::protocol::namespace::CONFIG_SERVICE;
    use castalia_store::Secret;

    use super::*;
    use crate::registry::eureka::own::OwnInstances;
    use crate::registry::eureka::own::tests::{config, settings};
    use crate::registry::eureka::proof::tests::proof;
    use crate::registry::{OwnService, Probe};
    use crate::server_config::ServerConfig;
    use crate::settings::{Settings, Texts};

    fn hosting(own: &[OwnService]) -> Eureka {
        crate::outgoing::install_tls();
        let texts = Texts::gather(Vec::new(), None, std::iter::empty()).unwrap();
        let settings = Settings::from_texts(&texts).unwrap();
        let rows = ServerConfig::new([].into());
        Eureka::new(&settings, rows, own, true, vec![8080], Secret::new("s")).unwrap()
    }

    /// Its lease ended before, and the status that an operator set is remembered: it is in service
    /// again when it comes back, as one that deregisters in time is.
    #[tokio::test]
    async fn who_deregisters_late_has_no_status_of_an_operator() {
        let own = [config("http://10.0.0.1:8080/", 8080)];
        for origin in [Origin::Client, Origin::Peer] {
            let eureka = hosting(&own);
            let described = OwnInstances::new(&own, &settings(), &proof()).all().remove(0);
            let instance = Instance { app: "DEMO".to_owned(), ..described };
            let id = instance.id().to_owned();
            eureka.register(instance.clone(), Origin::Client).unwrap();
            let out = Status::OutOfService;
            assert!(eureka.set_status("DEMO", &id, out, None, Origin::Client, false));
            let mut ended = now();
            ended.at += Duration::from_secs(1_000);
            assert_eq!(eureka.0.registry.lock().evict_due(ended), 1);
            assert!(!eureka.cancel("DEMO", &id, origin));
            let lease = eureka.register(instance, Origin::Client).unwrap();
            assert_eq!(lease.instance.overridden_status, Status::Unknown, "{origin:?}");
        }
    }

    /// Somebody changed the entry of a service of this node under a timestamp of the future:
    /// registered its id at a peer, with one that has no successor, or set a status here and
    /// removed it or set it back.
    #[tokio::test]
    async fn a_status_is_announced_whatever_timestamp_the_entry_has() {
        let app = CONFIG_SERVICE.to_ascii_uppercase();
        for change in ["registration", "removal", "status"] {
            let eureka = hosting(&[config("http://10.0.0.1:8080/", 8080)]);
            eureka.announce();
            let listed = || eureka.app(&app)[0].instance.clone();
            let (forged, id) = ((*listed()).clone(), listed().id().to_owned());
            let (up, out) = (Status::Up, Status::OutOfService);
            if change == "registration" {
                eureka.adopt(Instance { dirty: Some(i64::MAX), ..forged }, Instant::now());
            } else {
                let time = Some(9_000_000_000_000);
                assert!(eureka.set_status(&app, &id, out, time, Origin::Client, false));
                assert!(match change {
                    "removal" =>
                        eureka.remove_override(&app, &id, Some(up), time, Origin::Client, false),
                    _ => eureka.set_status(&app, &id, up, time, Origin::Client, false),
                });
            }
            assert_eq!(listed().status, Status::Up);
            for is_up in [false, true] {
                let probe: Probe = Arc::new(move |_| Box::pin(async move { is_up }));
                assert!(eureka.0.own.check(&probe).await);
                eureka.announce();
                assert_eq!(listed().status, if is_up { Status::Up } else { Status::Down });
            }
        }
    }
}
