//! The wall clock, which may be set while the registry runs. Leases are measured on a clock that
//! never jumps, but readers compare their times with the wall clock: after a jump forward they
//! would take all leases for ended.

use std::collections::BTreeMap;
use std::time::Instant;

use super::lease::Times;
use super::{Moment, Registry};

/// Time by which the clocks may differ, in milliseconds.
const TOLERANCE: i64 = 1_000;

impl Registry {
    /// Describes the leases by the wall clock as it is now, if it was set.
    pub(super) fn follow_clock(&mut self, now: Moment) {
        let (before, passed) = match self.clock {
            Some(clock) => (clock.wall, millis_between(clock.at, now.at)),
            None => (now.wall, 0),
        };
        if now.wall.abs_diff(before.saturating_add(passed)) <= TOLERANCE.unsigned_abs() {
            self.clock.get_or_insert(now);
            return;
        }
        self.clock = Some(now);
        self.describe_leases(now);
    }

    /// Computes the registration and the renewal of each lease as times of the wall clock.
    pub(super) fn describe_leases(&mut self, now: Moment) {
        self.revision += 1;
        let moment = |at| Moment { at, wall: now.wall.saturating_sub(millis_between(at, now.at)) };
        for lease in self.apps.values_mut().flat_map(BTreeMap::values_mut) {
            if let Some(Times { registered, renewed }) = lease.times {
                lease.register(moment(registered));
                if let Some(renewed) = renewed {
                    lease.renew(moment(renewed));
                }
            }
        }
    }
}

fn millis_between(earlier: Instant, later: Instant) -> i64 {
    let passed = later.saturating_duration_since(earlier).as_millis();
    i64::try_from(passed).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::Options;
    use crate::Origin::Client;
    use crate::registry::tests::{Clock, registry, short};
    use crate::registry::{Moment, Registry};

    /// A lease of 6 s that was renewed 4 s ago ends in 2 s, whatever time the clock shows.
    #[test]
    fn the_end_of_a_lease_follows_a_clock_that_is_set() {
        for jump in [3_600_000, -3_600_000] {
            let (clock, mut registry) = (Clock::start(), registry(10));
            registry.evict(clock.after(0));
            for id in ["k", "registered"] {
                registry.register(short(id), Client, clock.after(1)).unwrap();
            }
            registry.renew("DEMO", "k", None, None, Client, clock.after(1));
            let set = |seconds| {
                let Moment { at, wall } = clock.after(seconds);
                Moment { at, wall: wall + jump }
            };
            let revision = registry.revision();
            registry.evict_due(set(5));
            let renewed = |registry: &Registry, id| registry.get("DEMO", id).unwrap().renewed;
            assert_eq!(renewed(&registry, "k"), set(7).wall);
            assert_eq!(renewed(&registry, "registered"), set(1).wall);
            // Readers compute an end from it as well.
            assert_eq!(registry.get("DEMO", "k").unwrap().registered, set(1).wall);
            let heartbeats =
                ["k", "registered"].map(|id| registry.get("DEMO", id).unwrap().heartbeat());
            assert_eq!(heartbeats, [set(1).wall; 2]);
            assert!(registry.revision() > revision, "lists that are stored are outdated");
            let revision = registry.revision();
            registry.evict_due(set(6));
            assert_eq!((renewed(&registry, "k"), registry.revision()), (set(7).wall, revision));
            assert_eq!(registry.evict(set(8)), 2);
        }
    }

    /// By the wall clock, no instance would be overdue for an hour.
    #[test]
    fn leases_are_preserved_although_the_clock_was_set_back() {
        let clock = Clock::start();
        let options = Options { max_instances: 10, preserves: true, apps: BTreeSet::new() };
        let mut registry = Registry::new(options);
        for number in 0..7 {
            registry.register(short(&number.to_string()), Client, clock.after(0)).unwrap();
        }
        for second in 1..100 {
            let Moment { at, wall } = clock.after(second);
            assert_eq!(registry.evict(Moment { at, wall: wall - 3_600_000 }), 0, "{second}");
        }
        assert!(registry.is_preserving());
    }

    /// Clocks are corrected in small steps all the time.
    #[test]
    fn small_differences_change_nothing_until_they_add_up() {
        let (clock, mut registry) = (Clock::start(), registry(10));
        registry.register(short("k"), Client, clock.after(1)).unwrap();
        registry.evict(clock.after(1));
        let revision = registry.revision();
        let late = |by: i64| Moment { wall: clock.after(3).wall + by, ..clock.after(3) };
        for (by, is_followed) in [(600, false), (1_000, false), (1_001, true), (2_001, true)] {
            registry.evict_due(late(by));
            assert_eq!(registry.revision() > revision, is_followed, "{by}");
        }
        assert_eq!(registry.get("DEMO", "k").unwrap().renewed, clock.after(1).wall + 1_001);
    }
}
