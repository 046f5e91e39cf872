//! The wall clock, which may be set while the registry runs. Leases are measured on a clock that never
//! jumps, but readers compare their times with the wall clock: after a jump forward they would take
//! all leases for ended.

use std::collections::BTreeMap;

use super::{Moment, Registry};

/// Time by which the clocks may differ, in milliseconds.
const TOLERANCE: i64 = 1_000;

impl Registry {
    /// Describes the leases by the wall clock as it is now, if it was set.
    pub(super) fn follow_clock(&mut self, now: Moment) {
        let (before, passed) = match self.clock {
            Some(clock) => (clock.wall, millis_since(clock, now)),
            None => (now.wall, 0),
        };
        if now.wall.abs_diff(before.saturating_add(passed)) <= TOLERANCE.unsigned_abs() {
            self.clock.get_or_insert(now);
            return;
        }
        self.clock = Some(now);
        self.describe_renewals(now);
    }

    /// Computes the renewal of each lease as a time of the wall clock.
    pub(super) fn describe_renewals(&mut self, now: Moment) {
        self.revision += 1;
        for lease in self.apps.values_mut().flat_map(BTreeMap::values_mut) {
            if let Some(at) = lease.renewed_at {
                let wall = now.wall.saturating_sub(millis_since(Moment { at, wall: 0 }, now));
                // A lease without a heartbeat has the time of its registration.
                if lease.renewed == lease.registered {
                    (lease.registered, lease.renewed) = (wall, wall);
                } else {
                    lease.renew(Moment { at, wall });
                }
            }
        }
    }
}

fn millis_since(earlier: Moment, now: Moment) -> i64 {
    let passed = now.at.saturating_duration_since(earlier.at).as_millis();
    i64::try_from(passed).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
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
            assert!(registry.revision() > revision, "lists that are stored are outdated");
            let revision = registry.revision();
            registry.evict_due(set(6));
            assert_eq!((renewed(&registry, "k"), registry.revision()), (set(7).wall, revision));
            assert_eq!(registry.evict(set(8)), 2);
        }
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
