//! The rules of leases, statuses and changes, at times that the tests choose.

mod copies;
mod ends;
mod overrides;
mod preservation;

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::instance::tests::sample;
use crate::{json, xml};

pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    /// The time this many seconds after the start.
    pub(super) fn after(&self, seconds: u64) -> Moment {
        let wall = 1_790_000_000_000 + i64::try_from(seconds).unwrap() * 1000;
        Moment { at: self.0 + Duration::from_secs(seconds), wall }
    }
}

pub(super) fn registry(max_instances: usize) -> Registry {
    Registry::new(Options { max_instances, preserves: false, apps: BTreeSet::new() })
}

fn instance(app: &str, id: &str, dirty: i64) -> Instance {
    Instance::from_value(&sample(app, id, dirty)).unwrap()
}

fn with_status(status: Status, dirty: i64) -> Instance {
    Instance { status, ..instance("DEMO", "k", dirty) }
}

pub(super) fn short(id: &str) -> Instance {
    Instance { lease_duration: 6, renewal_interval: 2, ..instance("DEMO", id, 1) }
}

/// Status and override of the instance `k`.
fn statuses(registry: &Registry) -> (Status, Status) {
    let instance = &registry.get("DEMO", "k").unwrap().instance;
    (instance.status, instance.overridden_status)
}

fn is_renewed(renewal: &Renewal) -> bool {
    matches!(renewal, Renewal::Renewed(_))
}

use Origin::{Client, Own, Peer};
use Status::{Down, OutOfService, Unknown, Up};

/// Cases 24 to 28.
#[test]
fn a_heartbeat_compares_the_times_of_the_descriptions() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    let renew = |registry: &mut Registry, dirty, origin| {
        registry.renew("DEMO", "k", dirty, None, origin, clock.after(1))
    };
    assert!(matches!(renew(&mut registry, Some(5), Client), Renewal::Unknown));
    registry.register(with_status(Up, 5), Client, clock.after(0)).unwrap();
    assert!(is_renewed(&renew(&mut registry, Some(5), Client)));
    assert!(is_renewed(&renew(&mut registry, None, Client)));
    assert!(matches!(renew(&mut registry, Some(6), Client), Renewal::Outdated(_)));
    assert!(is_renewed(&renew(&mut registry, Some(4), Client)));
    assert!(matches!(renew(&mut registry, Some(4), Peer), Renewal::Newer(_)));
}

/// Cases 29 to 31.
#[test]
fn a_lease_ends_one_duration_after_the_last_heartbeat() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(short("silent"), Client, clock.after(0)).unwrap();
    registry.register(short("once"), Client, clock.after(0)).unwrap();
    assert!(is_renewed(&registry.renew("DEMO", "once", None, None, Client, clock.after(4))));
    assert_eq!(registry.evict(clock.after(5)), 0);
    assert_eq!(registry.evict(clock.after(9)), 1);
    let delta = registry.delta(clock.after(9));
    let actions: BTreeMap<_, _> = delta.apps[0]
        .1
        .iter()
        .map(|lease| (lease.instance.id().to_owned(), lease.action))
        .collect();
    assert_eq!(actions["silent"], Some(Action::Deleted));
    assert_eq!(actions["once"], Some(Action::Added));
    assert_eq!(registry.evict(clock.after(14)), 1);
    assert!(registry.is_empty());
    assert!(matches!(
        registry.renew("DEMO", "once", None, None, Client, clock.after(15)),
        Renewal::Unknown
    ));
}

/// Case 29: readers are not shown a lease that ended since the last run.
#[test]
fn an_ended_lease_is_not_listed_until_the_next_run() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(instance("DEMO", "long", 1), Client, clock.after(0)).unwrap();
    assert_eq!((registry.evict(clock.after(1)), registry.evict_due(clock.after(2))), (0, 0));
    registry.register(short("k"), Client, clock.after(2)).unwrap();
    assert_eq!(registry.evict_due(clock.after(8)), 0);
    assert!(is_renewed(&registry.renew("DEMO", "k", None, None, Client, clock.after(8))));
    assert_eq!(registry.evict_due(clock.after(9)), 0);
    assert_eq!(registry.evict_due(clock.after(15)), 1);
    assert!(registry.get("DEMO", "k").is_none() && registry.get("DEMO", "long").is_some());
    assert_eq!(registry.evict_due(clock.after(20)), 0);
}

/// Case 32.
#[test]
fn at_most_a_part_of_the_leases_ends_in_a_minute() {
    let (clock, mut registry) = (Clock::start(), registry(1000));
    for number in 0..100 {
        registry.register(short(&number.to_string()), Client, clock.after(0)).unwrap();
    }
    let mut ended = Vec::new();
    for second in (0..200).step_by(5) {
        ended.push((second, registry.evict(clock.after(second))));
    }
    for start in 0..200 {
        let in_window = ended.iter().filter(|(at, _)| (start..start + 60).contains(at));
        let number: usize = in_window.map(|(_, number)| number).sum();
        assert!(number <= 15, "{number} after {start} s: {ended:?}");
    }
    assert!(registry.len() < 60, "{}", registry.len());
}

/// Case 32: an app whose instances keep failing does not keep the ended ones of others listed.
#[test]
fn the_lease_that_ended_first_is_removed_first() {
    let (clock, mut registry) = (Clock::start(), registry(1000));
    let of = |app: &str, id: String| Instance {
        lease_duration: 6,
        renewal_interval: 2,
        ..instance(app, &id, 1)
    };
    registry.register(of("LATER", "dead".to_owned()), Client, clock.after(0)).unwrap();
    for second in (0..240).step_by(5) {
        for number in 0..3 {
            let id = format!("{second}-{number}");
            registry.register(of("FAILING", id), Client, clock.after(second)).unwrap();
        }
        registry.evict(clock.after(second));
    }
    assert!(registry.get("LATER", "dead").is_none());
    assert!(registry.len() > 50, "many ended ones of the failing app wait: {}", registry.len());
}

/// Case 33.
#[test]
fn self_preservation_keeps_leases_while_most_heartbeats_are_missing() {
    let clock = Clock::start();
    let mut registry =
        Registry::new(Options { max_instances: 100, preserves: true, apps: BTreeSet::new() });
    for number in 0..20 {
        registry.register(short(&number.to_string()), Client, clock.after(0)).unwrap();
    }
    for second in (0..120).step_by(5) {
        assert_eq!(registry.evict(clock.after(second)), 0);
    }
    assert!(registry.is_preserving());
    assert_eq!(registry.len(), 20);
}

/// However many there are, they do not take the place of those that are missing.
#[test]
fn heartbeats_of_own_services_preserve_no_less() {
    let clock = Clock::start();
    let mut registry =
        Registry::new(Options { max_instances: 100, preserves: true, apps: BTreeSet::new() });
    for number in 0..7 {
        registry.register(short(&number.to_string()), Client, clock.after(0)).unwrap();
    }
    registry.register(short("own"), Own, clock.after(0)).unwrap();
    for second in 1..120 {
        for _ in 0..4 {
            registry.renew("DEMO", "own", None, None, Own, clock.after(second));
        }
        assert_eq!(registry.evict(clock.after(second)), 0, "{second}");
    }
    assert!(registry.is_preserving());
}

/// Case 35.
#[test]
fn a_cancelled_instance_is_deleted_once() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(with_status(Up, 5), Client, clock.after(0)).unwrap();
    assert!(registry.cancel("DEMO", "k", clock.after(1)).is_some());
    assert!(registry.cancel("DEMO", "k", clock.after(2)).is_none());
    let delta = registry.delta(clock.after(3));
    assert_eq!(delta.apps[0].1.len(), 1);
    assert_eq!(delta.apps[0].1[0].action, Some(Action::Deleted));
    assert_eq!(delta.hash, "");
}

/// Cases 44 to 46.
#[test]
fn the_instances_own_time_decides_between_two_descriptions() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    let described = |dirty, number| Instance {
        port: crate::Port { number, is_enabled: true },
        ..with_status(Up, dirty)
    };
    let number = |registry: &Registry| registry.get("DEMO", "k").unwrap().instance.port.number;
    registry.register(described(9, 1111), Client, clock.after(0)).unwrap();
    let (_, is_kept) = registry.register(described(5, 2222), Client, clock.after(1)).unwrap();
    assert_eq!((is_kept, number(&registry)), (true, 1111));
    assert!(is_renewed(&registry.renew("DEMO", "k", Some(5), None, Client, clock.after(2))));
    registry.register(described(9, 3333), Client, clock.after(3)).unwrap();
    assert_eq!(number(&registry), 3333);
    registry.cancel("DEMO", "k", clock.after(4)).unwrap();
    registry.register(described(5, 2222), Client, clock.after(5)).unwrap();
    assert_eq!(number(&registry), 2222);
    let entries = [("a".to_owned(), "1".to_owned())];
    let lease = registry.set_metadata("DEMO", "k", entries, clock.after(6)).unwrap().unwrap();
    assert_eq!(lease.instance.metadata.len(), 2);
    assert_eq!((lease.instance.dirty, lease.action), (Some(5), Some(Action::Added)));
}

/// It may have registered before on another node, whose clock is ahead.
#[test]
fn a_description_without_a_time_replaces_any_before_it() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    let described = |number| Instance {
        port: crate::Port { number, is_enabled: true },
        dirty: None,
        ..with_status(Up, 1)
    };
    registry.register(described(1111), Client, clock.after(100)).unwrap();
    let behind = Moment { wall: clock.after(0).wall, ..clock.after(101) };
    let (lease, is_kept) = registry.register(described(2222), Client, behind).unwrap();
    assert_eq!((is_kept, lease.instance.port.number), (false, 2222));
    assert_eq!(lease.instance.dirty, Some(clock.after(100).wall));
}

/// Case 47.
#[test]
fn a_change_is_listed_once_and_not_for_ever() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(with_status(Up, 5), Client, clock.after(0)).unwrap();
    registry.set_status("DEMO", "k", OutOfService, None, Decided::Here, clock.after(1)).unwrap();
    registry.cancel("DEMO", "k", clock.after(2)).unwrap();
    let delta = registry.delta(clock.after(3));
    assert_eq!(delta.apps[0].1.len(), 1);
    let later = registry.delta(clock.after(185));
    assert!(later.apps.is_empty() && later.version > delta.version);
}

/// Case 48.
#[test]
fn a_reader_of_deltas_has_the_whole_registry() {
    let (clock, mut registry) = (Clock::start(), registry(1000));
    let mut known: BTreeMap<String, Status> = BTreeMap::new();
    let mut random = 12345_u64;
    for second in 0..200 {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let id = format!("i{}", (random >> 33) % 20);
        let now = clock.after(second);
        match (random >> 50) % 3 {
            0 => drop(registry.register(instance("DEMO", &id, 1), Client, now).unwrap()),
            1 => drop(registry.set_status("DEMO", &id, OutOfService, None, Decided::Here, now)),
            _ => drop(registry.cancel("DEMO", &id, now)),
        }
        let delta = registry.delta(now);
        for lease in delta.apps.iter().flat_map(|(_, leases)| leases) {
            let id = lease.instance.id().to_owned();
            match lease.action {
                Some(Action::Deleted) => drop(known.remove(&id)),
                _ => drop(known.insert(id, lease.instance.status)),
            }
        }
        let number = |status| known.values().filter(|known| **known == status).count();
        let hash = Status::ALL.into_iter().filter(|status| number(*status) > 0);
        let hash: String =
            hash.map(|status| format!("{}_{}_", status.name(), number(status))).collect();
        assert_eq!(hash, delta.hash, "after {second} s");
    }
    let all = registry.list();
    let all = all.apps.iter().flat_map(|(_, leases)| leases);
    let all: BTreeMap<_, _> =
        all.map(|lease| (lease.instance.id().to_owned(), lease.instance.status)).collect();
    assert_eq!(known, all);
}

#[test]
fn too_many_changes_make_clients_read_everything() {
    let (clock, mut registry) = (Clock::start(), registry(2));
    for number in 0..6 {
        let id = number.to_string();
        registry.register(instance("DEMO", &id, 1), Client, clock.after(0)).unwrap();
        registry.cancel("DEMO", &id, clock.after(0)).unwrap();
    }
    assert_eq!(registry.delta(clock.after(1)).hash, "RELOAD_1_");
    assert_eq!(registry.delta(clock.after(200)).hash, "");
}

/// Cases 96, 97 and 99.
#[test]
fn what_may_not_register_is_refused() {
    let clock = Clock::start();
    let now = clock.after(0);
    let mut full = registry(2);
    full.register(instance("DEMO", "own", 1), Own, now).unwrap();
    full.register(instance("DEMO", "b", 1), Client, now).unwrap();
    let mut register = |id| full.register(instance("DEMO", id, 2), Client, now).map(drop);
    assert_eq!(register("own"), Err(Refused::OwnId));
    assert_eq!(register("c"), Err(Refused::Full));
    assert_eq!(register("b"), Ok(()));
    // The id of a service of this process stays reserved while an operator has removed it.
    assert!(full.cancel("DEMO", "own", now).is_some());
    let refused = full.register(instance("DEMO", "own", 9), Peer, now).map(drop);
    assert_eq!(refused, Err(Refused::OwnId));
    full.register(instance("DEMO", "own", 1), Own, now).unwrap();
    let apps = BTreeSet::from(["OTHER".to_owned()]);
    let mut guarded = Registry::new(Options { max_instances: 9, preserves: false, apps });
    let refused = guarded.register(instance("DEMO", "a", 1), Client, now).map(drop);
    assert_eq!(refused, Err(Refused::App));
}

/// Case 23.
#[test]
fn the_hash_has_the_number_of_each_status_in_the_order_of_the_names() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    for (id, status) in [("a", Up), ("b", Down), ("c", Up), ("d", OutOfService), ("e", Up)] {
        let instance = Instance { status, ..instance("DEMO", id, 1) };
        registry.register(instance, Peer, clock.after(0)).unwrap();
    }
    assert_eq!(registry.list().hash, "DOWN_1_OUT_OF_SERVICE_1_UP_3_");
    assert_eq!(registry.delta(clock.after(1)).hash, "DOWN_1_OUT_OF_SERVICE_1_UP_3_");
}

/// Cases 5, 9, 18, 19 and 21.
#[test]
fn members_have_the_types_that_clients_expect() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    let (lease, _) = registry.register(instance("DEMO", "h:1", 7), Client, clock.after(0)).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&json::instance(&lease)).unwrap();
    let written = &value["instance"];
    assert_eq!(written["port"], json!({"$": 8080, "@enabled": "true"}));
    assert_eq!(written["lastDirtyTimestamp"], "7");
    assert_eq!(written["isCoordinatingDiscoveryServer"], "false");
    assert_eq!(written["leaseInfo"]["registrationTimestamp"], 1_790_000_000_000_i64);
    assert_eq!(written["actionType"], "ADDED");
    let anonymous =
        Instance { instance_id: None, metadata: BTreeMap::new(), ..(*lease.instance).clone() };
    let anonymous = Lease::unregistered(anonymous);
    let value: serde_json::Value = serde_json::from_slice(&json::instance(&anonymous)).unwrap();
    assert_eq!(value["instance"].get("instanceId"), None);
    assert_eq!(value["instance"]["metadata"], json!({"@class": "java.util.Collections$EmptyMap"}));
    let compact = json::applications(&registry.list(), crate::Style::Compact);
    let value: serde_json::Value = serde_json::from_slice(&compact).unwrap();
    let written = &value["applications"]["application"][0]["instance"][0];
    assert_eq!(written.get("metadata"), None);
    assert_eq!(written["lastUpdatedTimestamp"], 1_790_000_000_000_i64);
    let none = registry.with_address("none", false);
    assert_eq!((none.version, &*none.hash, none.apps.len()), (-1, "", 0));
    assert_eq!(registry.with_address("order-api", false).apps.len(), 1);
    let text = String::from_utf8(xml::instance(&lease)).unwrap();
    assert!(text.contains("<port enabled=\"true\">8080</port>"), "{text}");
    assert!(text.contains("<overriddenstatus>UNKNOWN</overriddenstatus>"), "{text}");
    assert!(text.contains("<dataCenterInfo class=\"com.netflix"), "{text}");
}

/// Instances that have just started miss no heartbeat until one and a half intervals later.
#[test]
fn new_instances_are_not_taken_for_a_broken_network() {
    let clock = Clock::start();
    let mut registry =
        Registry::new(Options { max_instances: 99, preserves: true, apps: BTreeSet::new() });
    for number in 0..10 {
        let id = format!("i{number}");
        registry.register(instance("DEMO", &id, 1), Client, clock.after(0)).unwrap();
    }
    // Nobody renews.
    for second in (5..=120).step_by(5) {
        assert_eq!(registry.evict(clock.after(second)), 0, "{second}");
        assert_eq!(registry.is_preserving(), second > 45, "{second}");
    }
}
