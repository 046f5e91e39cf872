//! What is known about a host: the addresses that were found last, and whether lookups fail.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::{Addresses, LookupResult, Outcome};
use crate::last_warning::LastWarning;

/// How long the addresses that were found last are used while lookups are slow or fail. Longer than
/// the pauses between requests to a server that was unreachable.
pub(super) const KEPT: Duration = Duration::from_secs(600);

/// A host that was looked up lately.
#[derive(Default)]
pub(super) struct Host {
    /// What was found last, and when.
    found: Option<(Addresses, Instant)>,
    /// The last lookup. Its sender is dropped after it ended, or with its runtime.
    pub(super) lookup: Option<watch::Receiver<Outcome>>,
    /// When a lookup failed last, if it was logged that they fail.
    failed: Option<Instant>,
    warning: LastWarning,
}

impl Host {
    /// Records a lookup. Returns whether to log that lookups begin to fail while the old addresses
    /// are used, so that no request fails, or that they work again.
    pub(super) fn record(&mut self, result: &LookupResult) -> bool {
        let now = Instant::now();
        let was_failing = self.failed.is_some();
        let is_failing = match result {
            Ok(addresses) => {
                self.found = Some((addresses.clone(), now));
                false
            }
            Err(_) => was_failing || (self.known().is_some() && self.warning.is_past()),
        };
        self.failed = is_failing.then_some(now);
        if is_failing && !was_failing {
            self.warning.set();
        }
        is_failing != was_failing
    }

    /// Whether it has to be remembered: also while lookups fail for longer than its addresses are
    /// used, so that it is logged when they work again.
    pub(super) fn is_used(&self) -> bool {
        let failed_lately = self.failed.is_some_and(|at| at.elapsed() < KEPT);
        failed_lately || self.running().is_some() || self.known().is_some()
    }

    pub(super) fn known(&self) -> Option<Addresses> {
        let (addresses, at) = self.found.as_ref()?;
        (at.elapsed() < KEPT).then(|| addresses.clone())
    }

    /// The last lookup, unless it has a result or was interrupted.
    pub(super) fn running(&self) -> Option<&watch::Receiver<Outcome>> {
        let is_running = |lookup: &&watch::Receiver<Outcome>| {
            lookup.has_changed().is_ok() && lookup.borrow().is_none()
        };
        self.lookup.as_ref().filter(is_running)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use tokio::time::advance;

    use super::*;
    use crate::last_warning::INTERVAL;
    use crate::transport::names::tests::ANY;

    /// B121: requests succeed meanwhile, so that nothing else shows it.
    #[tokio::test(start_paused = true)]
    async fn a_lookup_that_begins_to_fail_beside_old_addresses_or_works_again_is_a_change() {
        let mut host = Host::default();
        let mut record = |result: Result<(), ()>| {
            let failed = |()| Arc::new(io::Error::other("on purpose"));
            host.record(&result.map(|()| Addresses::from([ANY])).map_err(failed))
        };
        assert!(!record(Err(())), "the request fails");
        assert_eq!(
            [Ok(()), Err(()), Err(()), Ok(()), Ok(())].map(&mut record),
            [false, true, false, true, false]
        );
        // It is logged once a minute, in pairs.
        assert_eq!([Err(()), Ok(()), Err(())].map(&mut record), [false; 3]);
        advance(INTERVAL).await;
        assert_eq!([Err(()), Ok(()), Err(())].map(&mut record), [true, true, false]);
        advance(KEPT).await;
        assert!(!record(Err(())), "the request fails");
    }
}
