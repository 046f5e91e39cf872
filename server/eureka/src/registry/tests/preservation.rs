//! When self-preservation begins and ends.

use std::ops::Range;

use super::*;

const INSTANCES: u64 = 20;

/// Instances with heartbeats every 30 s.
fn preserving(clock: &Clock) -> Registry {
    let mut registry =
        Registry::new(Options { max_instances: 100, preserves: true, apps: BTreeSet::new() });
    for number in 0..INSTANCES {
        register(&mut registry, number, clock.after(0));
    }
    registry
}

fn register(registry: &mut Registry, number: u64, now: Moment) {
    registry.register(instance("DEMO", &number.to_string(), 1), Client, now).unwrap();
}

/// Runs the eviction every five seconds, while these instances send their heartbeats.
fn pass(registry: &mut Registry, clock: &Clock, seconds: Range<u64>, alive: Range<u64>) {
    for second in seconds.step_by(5) {
        if second % 30 == 0 {
            alive.clone().for_each(|number| renew_one(registry, number, clock.after(second)));
        }
        registry.evict(clock.after(second));
    }
}

fn renew_one(registry: &mut Registry, number: u64, now: Moment) {
    assert!(is_renewed(&registry.renew("DEMO", &number.to_string(), None, None, Client, now)));
}

/// Its calls do not take the place of the heartbeats of the others, whose network is broken.
#[test]
fn an_instance_that_sends_too_many_calls_preserves_no_less() {
    for chatty in [renew_one, register] {
        let clock = Clock::start();
        let mut registry = preserving(&clock);
        for second in 1..400 {
            chatty(&mut registry, 0, clock.after(second));
            if second <= 120 && second % 30 == 0 {
                for number in 1..INSTANCES {
                    renew_one(&mut registry, number, clock.after(second));
                }
            }
            assert_eq!(registry.evict(clock.after(second)), 0, "{second}");
        }
        assert!(registry.is_preserving());
    }
}

/// A client registers again between two heartbeats when its description changes.
#[test]
fn clients_that_register_between_two_heartbeats_are_not_overdue() {
    let clock = Clock::start();
    let mut registry = preserving(&clock);
    for second in 1..300 {
        for number in 0..INSTANCES {
            if second == 150 {
                register(&mut registry, number, clock.after(second));
            }
            if second % 30 == 10 {
                renew_one(&mut registry, number, clock.after(second));
            }
        }
        registry.evict(clock.after(second));
        assert!(!registry.is_preserving(), "{second}");
    }
}

/// X47: most of the heartbeats that are expected are its own, but it is one instance.
#[test]
fn a_frequent_instance_that_dies_is_removed() {
    let clock = Clock::start();
    let mut registry = preserving(&clock);
    let frequent = Instance { renewal_interval: 1, ..instance("DEMO", "frequent", 1) };
    registry.register(frequent, Client, clock.after(0)).unwrap();
    pass(&mut registry, &clock, 0..90, 0..INSTANCES);
    assert!(registry.get("DEMO", "frequent").is_some());
    pass(&mut registry, &clock, 90..120, 0..INSTANCES);
    assert!(registry.get("DEMO", "frequent").is_none() && !registry.is_preserving());
}

/// Of 20 instances, 3 are 15 %.
#[test]
fn more_than_fifteen_percent_of_the_instances_are_preserved_until_they_return() {
    for (alive, is_preserving) in [(17, false), (16, true), (0, true)] {
        let clock = Clock::start();
        let mut registry = preserving(&clock);
        pass(&mut registry, &clock, 0..120, 0..INSTANCES);
        assert!(!registry.is_preserving());
        pass(&mut registry, &clock, 120..1200, 0..alive);
        assert_eq!(registry.is_preserving(), is_preserving, "{alive}");
        let left = if is_preserving { INSTANCES } else { alive };
        assert_eq!(registry.app("DEMO").len() as u64, left, "{alive}");
        pass(&mut registry, &clock, 1200..1500, 0..left);
        assert!(!registry.is_preserving(), "{alive}");
        assert_eq!(registry.app("DEMO").len() as u64, left, "{alive}");
    }
}

/// Those that crashed and never return.
#[test]
fn a_silent_instance_is_preserved_for_an_hour() {
    let clock = Clock::start();
    let mut registry = preserving(&clock);
    pass(&mut registry, &clock, 0..3600, 0..14);
    assert!(registry.is_preserving() && registry.len() == 20);
    pass(&mut registry, &clock, 3600..3720, 0..14);
    assert!(!registry.is_preserving() && registry.len() == 14);
}

/// X47: where instances crash all the time, those of the last hour always preserve.
#[test]
fn instances_that_are_silent_for_an_hour_are_removed_while_others_are_preserved() {
    let clock = Clock::start();
    let mut registry = preserving(&clock);
    (100..110).for_each(|number| register(&mut registry, number, clock.after(0)));
    for second in (0..4 * 3600).step_by(5) {
        let now = clock.after(second);
        if second % 30 == 0 {
            (0..INSTANCES).for_each(|number| renew_one(&mut registry, number, now));
        }
        if second % 300 == 0 {
            register(&mut registry, 1000 + second / 300, now);
        }
        let ended = registry.evict(now);
        assert_eq!(registry.is_preserving(), second > 45, "{second}");
        // Of 43, eleven are to be removed, but only 15 % in a minute.
        let most = if second == 3600 { 7 } else { 4 };
        assert!(ended <= most && (second >= 3600 || ended == 0), "{ended} at {second}");
    }
    // Those of the last hour.
    assert_eq!(registry.len(), 20 + 12);
    assert!(registry.get("DEMO", "1035").is_none() && registry.get("DEMO", "1036").is_some());
}
