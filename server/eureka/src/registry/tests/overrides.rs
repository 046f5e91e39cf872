//! Statuses that operators set in place of those that instances report.

use super::*;
use crate::batch::Task;

/// Case 36.
#[test]
fn a_registration_does_not_take_an_instance_out_of_service_unless_it_is_replicated() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(with_status(Up, 5), Client, clock.after(0)).unwrap();
    registry.register(with_status(OutOfService, 9), Client, clock.after(1)).unwrap();
    assert_eq!(statuses(&registry), (Up, Unknown));
    registry.register(with_status(OutOfService, 10), Peer, clock.after(2)).unwrap();
    assert_eq!(statuses(&registry), (OutOfService, Unknown));
}

/// Cases 37 and 38.
#[test]
fn an_override_lasts_until_it_is_removed() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(with_status(Up, 5), Client, clock.after(0)).unwrap();
    registry.set_status("DEMO", "k", OutOfService, None, Decided::Here, clock.after(1)).unwrap();
    assert_eq!(statuses(&registry), (OutOfService, OutOfService));
    registry.register(with_status(Down, 6), Client, clock.after(2)).unwrap();
    assert_eq!(statuses(&registry), (Down, OutOfService));
    assert!(is_renewed(&registry.renew("DEMO", "k", None, None, Client, clock.after(3))));
    assert_eq!(statuses(&registry), (Down, OutOfService));
    registry.register(with_status(Up, 7), Client, clock.after(4)).unwrap();
    assert_eq!(statuses(&registry), (OutOfService, OutOfService));
    registry.remove_override("DEMO", "k", Some(Up), None, Decided::Here, clock.after(5)).unwrap();
    assert_eq!(statuses(&registry), (Up, Unknown));
}

/// Case 39.
#[test]
fn an_instance_whose_override_was_removed_without_a_status_registers_anew() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(with_status(Up, 5), Client, clock.after(0)).unwrap();
    registry.set_status("DEMO", "k", OutOfService, None, Decided::Here, clock.after(1)).unwrap();
    registry.remove_override("DEMO", "k", None, None, Decided::Here, clock.after(2)).unwrap();
    assert_eq!(statuses(&registry), (Unknown, Unknown));
    let renewal = registry.renew("DEMO", "k", None, None, Client, clock.after(3));
    assert!(matches!(renewal, Renewal::Unknown));
    registry.register(with_status(Up, 6), Client, clock.after(4)).unwrap();
    assert_eq!(statuses(&registry), (Up, Unknown));
}

/// Cases 40 to 42.
#[test]
fn an_override_belongs_to_one_registration_of_one_app() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(with_status(Up, 5), Client, clock.after(0)).unwrap();
    registry.set_status("DEMO", "k", OutOfService, None, Decided::Here, clock.after(1)).unwrap();
    registry.cancel("DEMO", "k", clock.after(2)).unwrap();
    registry.register(with_status(Up, 6), Client, clock.after(3)).unwrap();
    assert_eq!(statuses(&registry), (Up, Unknown));
    registry.cancel("DEMO", "k", clock.after(4)).unwrap();
    let overridden = Instance { overridden_status: OutOfService, ..with_status(Up, 7) };
    let (lease, _) = registry.register(overridden, Client, clock.after(5)).unwrap();
    assert_eq!((statuses(&registry), lease.up_since), ((OutOfService, OutOfService), 0));
    let (other, _) = registry.register(instance("OTHER", "k", 1), Client, clock.after(6)).unwrap();
    assert_eq!(other.instance.status, Up);
}

/// Rule 5 of the statuses: a node that missed what an operator decided learns it from a peer.
#[test]
fn an_instance_that_was_deployed_again_adopts_the_override_of_a_peer() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(with_status(Up, 5), Client, clock.after(0)).unwrap();
    registry.cancel("DEMO", "k", clock.after(1)).unwrap();
    registry.register(with_status(Up, 6), Client, clock.after(2)).unwrap();
    let reported = registry.renew("DEMO", "k", Some(6), Some(OutOfService), Peer, clock.after(3));
    assert!(is_renewed(&reported));
    assert_eq!(statuses(&registry), (OutOfService, OutOfService));
    // What a deregistration ended does not come back.
    registry.cancel("DEMO", "k", clock.after(4)).unwrap();
    registry.register(with_status(Up, 7), Client, clock.after(5)).unwrap();
    registry.renew("DEMO", "k", Some(7), Some(OutOfService), Peer, clock.after(6));
    assert_eq!(statuses(&registry), (Up, Unknown));
}

/// Case 51.
#[test]
fn a_peer_reports_its_override_with_a_heartbeat() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(with_status(Up, 9), Client, clock.after(0)).unwrap();
    let mut renew = |dirty, override_| {
        registry.renew("DEMO", "k", Some(dirty), override_, Peer, clock.after(1))
    };
    assert!(matches!(renew(5, None), Renewal::Newer(_)));
    assert!(matches!(renew(12, Some(OutOfService)), Renewal::Outdated(_)));
    assert_eq!(statuses(&registry).1, OutOfService);
}

/// A heartbeat with a newer description is answered 404, and decides nothing either.
#[test]
fn a_late_heartbeat_of_a_peer_does_not_bring_a_removed_override_back() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(with_status(Up, 5), Client, clock.after(0)).unwrap();
    registry.set_status("DEMO", "k", OutOfService, None, Decided::Here, clock.after(1)).unwrap();
    registry.remove_override("DEMO", "k", Some(Up), None, Decided::Here, clock.after(2)).unwrap();
    let late = registry.renew("DEMO", "k", Some(6), Some(OutOfService), Peer, clock.after(3));
    assert!(matches!(late, Renewal::Outdated(_)));
    assert_eq!(statuses(&registry), (Up, Unknown));
    registry.register(with_status(Up, 6), Client, clock.after(4)).unwrap();
    assert_eq!(statuses(&registry), (Up, Unknown));
}

/// The peer sent its description before it knew of the removal.
#[test]
fn a_late_description_of_a_peer_does_not_bring_a_removed_override_back() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(with_status(Up, 5), Client, clock.after(0)).unwrap();
    registry.set_status("DEMO", "k", OutOfService, None, Decided::Here, clock.after(1)).unwrap();
    registry.remove_override("DEMO", "k", Some(Up), None, Decided::Here, clock.after(2)).unwrap();
    let late = || Instance { overridden_status: OutOfService, ..with_status(OutOfService, 6) };
    registry.register(late(), Peer, clock.after(3)).unwrap();
    assert_eq!(statuses(&registry), (Up, Unknown));
    // An operator may decide the same again.
    registry.set_status("DEMO", "k", OutOfService, None, Decided::Here, clock.after(4)).unwrap();
    registry.register(late(), Peer, clock.after(5)).unwrap();
    assert_eq!(statuses(&registry), (OutOfService, OutOfService));
}

/// Otherwise an instance that comes back has a status that nobody can explain.
#[test]
fn an_override_can_be_removed_while_the_instance_is_away() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(short("k"), Client, clock.after(0)).unwrap();
    registry.set_status("DEMO", "k", OutOfService, None, Decided::Here, clock.after(1)).unwrap();
    assert_eq!(registry.evict(clock.after(8)), 1);
    assert!(
        registry
            .remove_override("DEMO", "k", Some(Up), None, Decided::Here, clock.after(9))
            .is_none()
    );
    assert!(registry.forget_override("DEMO", "k", clock.after(9)));
    assert!(!registry.forget_override("DEMO", "k", clock.after(9)));
    registry.register(with_status(Up, 6), Peer, clock.after(10)).unwrap();
    assert_eq!(statuses(&registry), (Up, Unknown));
}

/// Case 48: otherwise the hash of every reader differs from that of the delta.
#[test]
fn a_status_that_changes_with_a_heartbeat_is_in_the_delta() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(with_status(Up, 5), Client, clock.after(0)).unwrap();
    let mut renew = |second, dirty, override_, origin| {
        registry.renew("DEMO", "k", Some(dirty), override_, origin, clock.after(second))
    };
    assert!(matches!(renew(1, 9, Some(OutOfService), Peer), Renewal::Outdated(_)));
    assert!(is_renewed(&renew(200, 5, None, Client)));
    let delta = registry.delta(clock.after(201));
    assert_eq!(delta.hash, "OUT_OF_SERVICE_1_");
    let lease = &delta.apps[0].1[0];
    assert_eq!((lease.instance.status, lease.action), (OutOfService, Some(Action::Modified)));
}

/// A registry that has just started does not know what an operator decided before; one that was
/// there does, and is not told otherwise by a peer that was cut off.
#[test]
fn an_override_that_a_peer_remembers_is_adopted_by_those_that_know_of_none() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    let now = clock.after(0);
    registry.register(with_status(Up, 5), Own, now).unwrap();
    assert!(registry.adopt_override("DEMO", "k", OutOfService, now).is_some());
    assert_eq!(statuses(&registry), (OutOfService, OutOfService));
    registry.register(with_status(Down, 6), Own, now).unwrap();
    registry.register(with_status(Up, 7), Own, now).unwrap();
    assert_eq!(statuses(&registry), (OutOfService, OutOfService));
    assert!(registry.adopt_override("DEMO", "k", Down, now).is_none());
    registry.remove_override("DEMO", "k", Some(Up), None, Decided::Here, now).unwrap();
    assert!(registry.adopt_override("DEMO", "k", OutOfService, now).is_none());
    let reported = registry.renew("DEMO", "k", Some(7), Some(OutOfService), Peer, now);
    assert!(is_renewed(&reported));
    assert_eq!(statuses(&registry), (Up, Unknown));
    // The status that the instance has itself remains visible.
    registry.register(instance("DEMO", "down", 1), Client, now).unwrap();
    let down = Instance { status: Down, ..instance("DEMO", "down", 2) };
    registry.register(down, Client, now).unwrap();
    let adopted = registry.adopt_override("DEMO", "down", OutOfService, now).unwrap();
    assert_eq!(adopted.instance.status, Down);
    // A peer that has none may have missed it as well, unless it knows that one was removed.
    for id in ["missed", "removed"] {
        registry.register(instance("DEMO", id, 1), Client, now).unwrap();
        assert!(registry.adopt_override("DEMO", id, Unknown, now).is_none());
    }
    let removed = ["removed", "k"].map(|id| ("DEMO".to_owned(), id.to_owned()));
    registry.copy_removed_overrides(removed.to_vec(), now);
    assert_eq!(registry.removed_overrides().len(), 2);
    assert!(registry.adopt_override("DEMO", "missed", OutOfService, now).is_some());
    assert!(registry.adopt_override("DEMO", "removed", OutOfService, now).is_none());
}

/// What a peer sends of an instance whose lease ended here, after the removal of its override.
#[test]
fn a_removed_override_leaves_no_status_behind() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(short("k"), Client, clock.after(0)).unwrap();
    registry.set_status("DEMO", "k", OutOfService, None, Decided::Here, clock.after(1)).unwrap();
    registry.remove_override("DEMO", "k", Some(Up), None, Decided::Here, clock.after(2)).unwrap();
    assert_eq!(registry.evict(clock.after(10)), 1);
    let late = Instance { overridden_status: OutOfService, ..with_status(OutOfService, 6) };
    registry.register(late, Peer, clock.after(11)).unwrap();
    assert_eq!(statuses(&registry), (Up, Unknown));
    // A server in Java may send the status without the override: removing it again helps.
    registry.register(with_status(OutOfService, 7), Peer, clock.after(12)).unwrap();
    assert_eq!(statuses(&registry), (OutOfService, Unknown));
    registry.remove_override("DEMO", "k", Some(Up), None, Decided::Here, clock.after(13)).unwrap();
    assert_eq!(statuses(&registry), (Up, Unknown));
}

/// The peer that missed the removal still sends what the instance reports itself.
#[test]
fn what_an_instance_reports_itself_passes_a_removed_override() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(with_status(Up, 5), Peer, clock.after(0)).unwrap();
    registry.set_status("DEMO", "k", OutOfService, None, Decided::Here, clock.after(1)).unwrap();
    registry.remove_override("DEMO", "k", None, None, Decided::Here, clock.after(2)).unwrap();
    assert_eq!(statuses(&registry), (Unknown, Unknown));
    let kept = |status| Instance { overridden_status: OutOfService, ..with_status(status, 6) };
    for (sent, expected) in [(OutOfService, Up), (Down, Down), (OutOfService, Down), (Up, Up)] {
        registry.register(kept(sent), Peer, clock.after(3)).unwrap();
        assert_eq!(statuses(&registry), (expected, Unknown), "{sent:?}");
    }
}

/// The removal waited at a peer until the instance described itself anew.
#[test]
fn a_late_removal_does_not_replace_what_an_instance_reports() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    for (reported, expected) in [(Down, Down), (Up, Up)] {
        registry.register(with_status(Up, 5), Client, clock.after(0)).unwrap();
        registry
            .set_status("DEMO", "k", OutOfService, None, Decided::Here, clock.after(1))
            .unwrap();
        registry.register(with_status(reported, 6), Client, clock.after(2)).unwrap();
        registry
            .remove_override("DEMO", "k", Some(Up), Some(5), Decided::Here, clock.after(3))
            .unwrap();
        assert_eq!(statuses(&registry), (expected, Unknown));
        registry.cancel("DEMO", "k", clock.after(4)).unwrap();
    }
}

/// The instance is known elsewhere, and not here yet or any more.
#[test]
fn a_decision_about_an_absent_instance_takes_effect_when_it_comes() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(short("k"), Client, clock.after(0)).unwrap();
    registry.set_status("DEMO", "k", OutOfService, None, Decided::Here, clock.after(1)).unwrap();
    registry.cancel("DEMO", "k", clock.after(2)).unwrap();
    let (set, removed) = (Task::StatusUpdate, Task::DeleteStatusOverride);
    registry.remember("DEMO", "k", &set, Some(OutOfService), clock.after(3));
    registry.register(short("k"), Peer, clock.after(4)).unwrap();
    assert_eq!(statuses(&registry), (OutOfService, OutOfService));
    for task in [removed, Task::Cancel] {
        registry
            .set_status("DEMO", "k", OutOfService, None, Decided::Here, clock.after(4))
            .unwrap();
        assert_eq!(registry.evict(clock.after(14)), 1);
        registry.remember("DEMO", "k", &task, Some(Up), clock.after(15));
        registry.register(short("k"), Peer, clock.after(15)).unwrap();
        assert_eq!(statuses(&registry), (Up, Unknown), "{task:?}");
        registry.renew("DEMO", "k", None, None, Client, clock.after(4));
    }
    registry.remember("../DEMO", "k", &set, Some(OutOfService), clock.after(16));
    assert!(!registry.forget_override("../DEMO", "k", clock.after(16)));
}

/// It left and was in service again: its departure, and then the removal of its override, arrive
/// before the list that contains it.
#[test]
fn what_left_during_a_copy_does_not_come_back() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.begin_copy();
    registry.remember("DEMO", "k", &Task::Cancel, None, clock.after(1));
    registry.remember("DEMO", "k", &Task::DeleteStatusOverride, Some(Up), clock.after(1));
    let listed = Instance { overridden_status: OutOfService, ..with_status(OutOfService, 5) };
    assert_eq!(registry.copy(listed, clock.after(2)), Ok(false));
    assert!(registry.get("DEMO", "k").is_none());
}

#[test]
fn different_decisions_are_a_contradiction() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    let now = clock.after(0);
    registry.register(with_status(Up, 5), Client, now).unwrap();
    let contradiction = |registry: &Registry, reported| {
        registry.contradiction("DEMO", "k", reported).map(|found| found.here)
    };
    assert_eq!(contradiction(&registry, Some(OutOfService)), None);
    registry.set_status("DEMO", "k", OutOfService, None, Decided::Here, now).unwrap();
    let expected = [None, None, None, Some(OutOfService)];
    let reported = [None, Some(Unknown), Some(OutOfService), Some(Down)];
    assert_eq!(reported.map(|reported| contradiction(&registry, reported)), expected);
    registry.remove_override("DEMO", "k", Some(Up), None, Decided::Here, now).unwrap();
    assert_eq!(contradiction(&registry, Some(OutOfService)), Some(Unknown));
}

/// The third node, which was away when an operator decided, learns of it by a heartbeat.
#[test]
fn a_heartbeat_of_a_peer_reports_an_override_that_is_not_known_here() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(with_status(Up, 5), Peer, clock.after(0)).unwrap();
    let by_client =
        registry.renew("DEMO", "k", Some(5), Some(OutOfService), Client, clock.after(1));
    assert!(is_renewed(&by_client) && statuses(&registry) == (Up, Unknown));
    registry.renew("DEMO", "k", Some(5), Some(OutOfService), Peer, clock.after(1));
    assert_eq!(statuses(&registry), (OutOfService, OutOfService));
}

/// An hour after the removal, a peer that missed it would bring the override back to all.
#[test]
fn a_removal_is_known_for_longer_than_a_peer_contradicts() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(with_status(Up, 5), Client, clock.after(0)).unwrap();
    registry.set_status("DEMO", "k", OutOfService, None, Decided::Here, clock.after(1)).unwrap();
    registry.remove_override("DEMO", "k", Some(Up), None, Decided::Here, clock.after(2)).unwrap();
    for seconds in (30..10_000).step_by(30) {
        let now = clock.after(seconds);
        registry.renew("DEMO", "k", Some(5), Some(OutOfService), Peer, now);
        registry.evict(now);
        assert_eq!(statuses(&registry), (Up, Unknown), "{seconds}");
    }
    // What an operator decides later takes effect, also from a peer.
    registry
        .set_status("DEMO", "k", OutOfService, None, Decided::Here, clock.after(10_000))
        .unwrap();
    assert_eq!(statuses(&registry), (OutOfService, OutOfService));
}

/// A Castalia node sends only what it has recorded.
#[test]
fn a_status_that_the_instance_has_anyway_is_recorded_if_a_peer_has_recorded_it() {
    let cases = [(Decided::Here, false), (Decided::ByServer, false), (Decided::ByNode, true)];
    for (decided, is_recorded) in cases {
        let (clock, mut registry) = (Clock::start(), registry(10));
        registry.register(with_status(Down, 5), Peer, clock.after(0)).unwrap();
        let set = registry.set_status("DEMO", "k", Down, None, decided, clock.after(1));
        assert_eq!(set.unwrap().1, is_recorded, "what is not known here is not sent to others");
        registry.register(with_status(Up, 6), Peer, clock.after(2)).unwrap();
        assert_eq!(statuses(&registry), if is_recorded { (Down, Down) } else { (Up, Unknown) });
    }
}

/// The override of a peer may have been lost on its way, or replaced on it.
#[test]
fn a_removal_at_a_peer_sets_the_status_that_the_instance_has_there() {
    use Decided::{ByNode, Here};
    for (decided, dirty, status) in [(Here, 5, Down), (ByNode, 5, Up), (ByNode, 4, Down)] {
        let (clock, mut registry) = (Clock::start(), registry(10));
        registry.register(with_status(Down, 5), Peer, clock.after(0)).unwrap();
        let now = clock.after(1);
        registry.remove_override("DEMO", "k", Some(Up), Some(dirty), decided, now).unwrap();
        assert_eq!(statuses(&registry), (status, Unknown));
    }
}

/// A peer may have missed the removal, and keep the status that was set before.
#[test]
fn a_status_that_an_operator_sets_after_a_removal_is_recorded() {
    let (clock, mut registry) = (Clock::start(), registry(10));
    registry.register(with_status(Up, 5), Client, clock.after(0)).unwrap();
    registry.set_status("DEMO", "k", OutOfService, None, Decided::Here, clock.after(1)).unwrap();
    registry.remove_override("DEMO", "k", Some(Up), None, Decided::Here, clock.after(2)).unwrap();
    let set = registry.set_status("DEMO", "k", Up, None, Decided::Here, clock.after(3));
    assert!(set.unwrap().1);
    assert_eq!(statuses(&registry), (Up, Up));
}
