//! Self-preservation: while many instances are overdue, the network is more likely broken than all
//! of them, and only the leases of those end that have been silent for very long.

use std::time::Duration;

use crate::registry::{Lease, Moment};

/// Registries of this size or smaller never hold: one dead node is a large part of them.
const SMALL: usize = 6;
/// Largest part of overdue instances with which leases end, in percent. Eureka expects 85 % of the
/// heartbeats; here each instance counts once, or the death of one with a short interval would
/// outweigh the others.
const TOLERATED: usize = 15;
/// Instances that have been silent for longer are neither counted nor preserved: without a limit,
/// crashed ones would be listed until somebody cancels them. As long as their overrides are
/// remembered.
const LONGEST: Duration = Duration::from_secs(3600);

/// Whether too many instances are overdue, apart from the services of this process, whose leases do
/// not end.
pub(crate) fn holds<'a>(leases: impl Iterator<Item = &'a Lease>, now: Moment) -> bool {
    let (mut number, mut overdue) = (0, 0);
    for lease in leases.filter(|lease| !lease.is_own && !is_given_up(lease, now)) {
        number += 1;
        overdue += usize::from(lease.is_overdue(now));
    }
    number > SMALL && overdue * 100 > number * TOLERATED
}

/// Whether it has been silent for so long that its lease ends all the same.
pub(crate) fn is_given_up(lease: &Lease, now: Moment) -> bool {
    lease.silence(now) >= LONGEST
}
