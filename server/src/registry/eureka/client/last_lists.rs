//! The services that a server listed before it lost them. One that has just started learns of them
//! one after the other, within the interval of their heartbeats, so that its list is not the truth.
//!
//! What an operator takes out of service is in the list, with that status, and is not kept.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use castalia_eureka::Instance;

use super::reading::InstancesByService;
use crate::registry::eureka::endpoint::Endpoint;
use crate::registry::eureka::services::is_available;

/// Time within which each service registers again, unless its leases are longer than usual.
const KEPT: Duration = Duration::from_secs(90);
/// Maximum number of instances that are kept of a service.
const LARGEST: usize = 2_000;

/// The last lists.
#[derive(Debug, Default)]
pub(super) struct LastLists {
    /// The server that was read last.
    server: Option<Endpoint>,
    services: HashMap<&'static str, KnownService>,
}

/// What is known of a service.
#[derive(Debug, Default)]
struct KnownService {
    /// Those that can be used, according to the last list or to an earlier one.
    known: Vec<Instance>,
    /// Whether the last list had one of them.
    had_any: bool,
    /// Whether the server may have been restarted since.
    is_doubted: bool,
    /// Until when those are kept that are missing.
    kept_until: Option<Instant>,
}

impl LastLists {
    /// The server did not answer, or has an empty list: the next one may be incomplete.
    pub(super) fn doubt(&mut self) {
        self.services.values_mut().for_each(|service| service.is_doubted = true);
    }

    /// The lists that take effect instead of these of a server. `is_own` states whether an instance
    /// is a service of this node, which lists it without being told.
    pub(super) fn update(
        &mut self,
        server: Endpoint,
        lists: InstancesByService,
        is_own: impl Fn(&Instance) -> bool,
        now: Instant,
    ) -> InstancesByService {
        if self.server.as_ref() != Some(&server) {
            self.doubt();
            self.server = Some(server);
        }
        let lists = lists.into_iter().map(|(name, list)| {
            let service = self.services.entry(name).or_default();
            (name, service.update(list, &is_own, now))
        });
        lists.collect()
    }
}

impl KnownService {
    fn update(
        &mut self,
        mut list: Vec<Instance>,
        is_own: impl Fn(&Instance) -> bool,
        now: Instant,
    ) -> Vec<Instance> {
        let has_any = list.iter().any(is_available);
        let has_lost_all = self.had_any && !has_any;
        self.had_any = has_any;
        if std::mem::take(&mut self.is_doubted) || has_lost_all {
            self.kept_until = now.checked_add(KEPT);
        }
        let listed: HashSet<&str> = list.iter().map(Instance::id).collect();
        let mut missing = std::mem::take(&mut self.known);
        missing.retain(|one| !listed.contains(one.id()));
        if missing.is_empty() || self.kept_until.is_none_or(|end| now >= end) {
            self.kept_until = None;
            missing.clear();
        }
        let is_known = |one: &&Instance| is_available(one) && !is_own(one);
        self.known = list.iter().filter(is_known).chain(&missing).take(LARGEST).cloned().collect();
        if !has_any {
            list.append(&mut missing);
        }
        list
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An instance as a server lists it.
    pub(in super::super) fn json(app: &str, id: &str, status: &str) -> serde_json::Value {
        serde_json::json!({
            "instanceId": id, "hostName": "h", "app": app, "ipAddr": "10.0.0.1", "status": status,
            "dataCenterInfo": {"name": "MyOwn"}, "homePageUrl": "http://10.0.0.1:8080/",
        })
    }

    const STEP: Duration = Duration::from_secs(30);

    /// Ids of the services that are available after each of these lists, 30 seconds apart.
    fn after(lists: &[&[(&str, &str)]]) -> Vec<Vec<String>> {
        let (mut service, mut now) = (KnownService::default(), Instant::now());
        let update = |list: &&[(&str, &str)]| {
            let instance = |(id, status): &(&str, &str)| {
                let body = serde_json::json!({ "instance": json("A", id, status) });
                Instance::from_json(body.to_string().as_bytes()).unwrap()
            };
            now += STEP;
            let list = list.iter().map(instance).collect();
            let list = service.update(list, |own| own.id() == "own", now);
            let available = list.iter().filter(|one| is_available(one));
            available.map(|one| one.id().to_owned()).collect()
        };
        lists.iter().map(update).collect()
    }

    /// Ids of the services after the last list.
    fn at_the_end(lists: &[&[(&str, &str)]]) -> Vec<String> {
        after(lists).pop().unwrap()
    }

    const A: (&str, &str) = ("a", "UP");
    const B: (&str, &str) = ("b", "UP");

    #[test]
    fn a_service_that_is_lost_is_kept_for_its_time() {
        let kept = after(&[&[A], &[], &[], &[], &[]]);
        assert_eq!(lengths(&kept), [1, 1, 1, 1, 0]);
        // It was back meanwhile.
        let kept = after(&[&[A], &[], &[A], &[], &[], &[], &[]]);
        assert_eq!(lengths(&kept), [1, 1, 1, 1, 1, 1, 0]);
    }

    /// Whoever is back first does not hide the others, unless clients can use it.
    #[test]
    fn one_that_cannot_be_used_hides_no_other() {
        for status in ["DOWN", "OUT_OF_SERVICE", "STARTING", "UNKNOWN"] {
            let kept = after(&[&[("a", status), B], &[("a", status)], &[("a", status), B]]);
            assert_eq!(kept, [["b"], ["b"], ["b"]], "{status}");
        }
        assert_eq!(at_the_end(&[&[A, B], &[("own", "DOWN")]]), ["a", "b"]);
        // It was there, and is not any more, before the others are back.
        assert_eq!(at_the_end(&[&[A, B], &[], &[A], &[("a", "DOWN")]]), ["b"]);
        assert_eq!(at_the_end(&[&[A, B], &[], &[A], &[B]]), ["b"]);
    }

    #[test]
    fn what_an_operator_takes_out_is_not_kept() {
        assert!(at_the_end(&[&[A], &[("a", "OUT_OF_SERVICE")]]).is_empty());
        assert!(at_the_end(&[&[A, B], &[("a", "DOWN"), ("b", "OUT_OF_SERVICE")]]).is_empty());
        assert!(at_the_end(&[&[A], &[], &[("a", "OUT_OF_SERVICE")], &[]]).is_empty());
        // One that left while others remained does not come back with their end.
        assert_eq!(at_the_end(&[&[A, B], &[A], &[]]), ["a"]);
        assert!(at_the_end(&[&[A, B], &[A], &[("a", "OUT_OF_SERVICE")]]).is_empty());
    }

    #[test]
    fn a_service_of_this_node_is_not_kept() {
        assert!(at_the_end(&[&[("own", "UP")], &[]]).is_empty());
    }

    fn lengths(lists: &[Vec<String>]) -> Vec<usize> {
        lists.iter().map(Vec::len).collect()
    }
}
