//! The end of leases that were not renewed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Lease, LeaseKey, Moment, Registry};
use crate::preservation;

/// A pause between two runs of the eviction that is longer than this is granted to every lease: the
/// process was stopped and could not receive heartbeats.
const PAUSE: Duration = Duration::from_secs(10);
/// Minimum time between two runs that readers cause.
const AGAIN: Duration = Duration::from_secs(1);
/// Time in which only a part of the leases may end, and the part: 15 %, but at least 4.
const WINDOW: Duration = Duration::from_secs(60);

impl Registry {
    /// Ends leases that were not renewed, if there can be any, so that no reader is shown one.
    /// Returns how many ended.
    pub fn evict_due(&mut self, now: Moment) -> usize {
        self.follow_clock(now);
        if self.next_end.is_some_and(|end| now.at > end) { self.evict(now) } else { 0 }
    }

    /// Ends leases that were not renewed, but only a part of them in a minute, so that a stopped
    /// process does not empty a large registry. Returns how many ended.
    pub fn evict(&mut self, now: Moment) -> usize {
        let pause = self.last_run.map(|last| now.at.saturating_duration_since(last));
        self.last_run = Some(now.at);
        self.follow_clock(now);
        if let Some(pause) = pause.filter(|pause| *pause > PAUSE) {
            for lease in self.apps.values_mut().flat_map(BTreeMap::values_mut) {
                lease.grant(pause, now);
            }
            self.describe_leases(now);
        }
        self.overrides.expire(now.at);
        self.expire_changes(now);
        self.ended.retain(|ended| now.at.saturating_duration_since(*ended) < WINDOW);
        let leases = self.apps.values().flat_map(BTreeMap::values);
        self.is_preserving = self.options.preserves && preservation::holds(leases, now);
        let is_preserved =
            |lease: &Lease| self.is_preserving && !preservation::is_given_up(lease, now);
        let before = self.size + self.ended.len();
        let most = before.saturating_mul(15).div_ceil(100).max(4);
        let allowed = most.saturating_sub(self.ended.len());
        let leases = self.apps.iter().flat_map(|(app, leases)| {
            leases.iter().map(move |(id, lease)| (lease, (app.clone(), id.clone())))
        });
        let mut expired: Vec<(Option<Instant>, LeaseKey)> = leases
            .filter(|(lease, _)| lease.is_expired(now) && !is_preserved(lease))
            .map(|(lease, key)| (lease.end(), key))
            .collect();
        // The oldest first: in the order of names, an app whose instances keep failing would use up
        // the part of each minute, and those of later apps would never end.
        expired.sort_unstable();
        expired.truncate(allowed);
        for (_, (app, id)) in &expired {
            self.end(app, id, now);
            self.overrides.set_left(app, id, Some(now.at));
            self.ended.push(now.at);
        }
        let ends = self.apps.values().flat_map(BTreeMap::values).filter_map(Lease::end);
        // Those that may not end yet are looked at again soon, and not by every reader.
        self.next_end = ends.min().max(now.at.checked_add(AGAIN));
        expired.len()
    }
}

#[cfg(test)]
mod tests {
    use crate::Origin::Client;
    use crate::registry::tests::{Clock, registry, short};

    /// Case 34: neither a lease with a heartbeat ends nor one without, and both end that much
    /// later.
    #[test]
    fn a_pause_of_the_process_ends_no_lease() {
        let (clock, mut registry) = (Clock::start(), registry(10));
        for id in ["registered", "renewed"] {
            registry.register(short(id), Client, clock.after(0)).unwrap();
        }
        registry.renew("DEMO", "renewed", None, None, Client, clock.after(4));
        assert_eq!(registry.evict(clock.after(5)), 0);
        assert_eq!(registry.evict(clock.after(125)), 0);
        // Readers do not take them for ended either.
        let renewed = |id| registry.get("DEMO", id).unwrap().renewed;
        assert_eq!(renewed("registered"), clock.after(120).wall);
        assert_eq!(renewed("renewed"), clock.after(4 + 120 + 6).wall);
        assert_eq!(registry.evict(clock.after(129)), 1);
        assert!(registry.get("DEMO", "renewed").is_some());
        assert_eq!(registry.evict(clock.after(131)), 1);
    }
}
