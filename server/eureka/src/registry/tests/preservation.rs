//! Which calls self-preservation counts.

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
fn each_heartbeat_of_clients_that_register_in_between_is_counted() {
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
