//! In which order, and for how long, a request tries the addresses of its host.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::names::{Addresses, Found};

/// How long hyper tries one family of addresses before it tries the other one at the same time.
const FAMILY_DELAY: Duration = Duration::from_millis(300);
/// How long after the first attempt another one may begin, unless the connect timeout is longer. A
/// host may have many addresses, and the caller may have other servers.
pub(super) const LIMIT: Duration = Duration::from_secs(10);
/// What an address gets of a longer connect timeout, however many others of its host follow: the
/// default of the timeout.
const SHORTEST: Duration = Duration::from_secs(1);

/// The attempts to connect to the addresses of a host.
pub(super) struct Plan {
    /// Addresses of the current attempt and of those after it.
    left: VecDeque<Vec<SocketAddr>>,
    /// When no other attempt begins any more.
    until: Instant,
    /// All addresses, if a lookup that still runs may find others.
    old: Option<Addresses>,
    /// Why they are not those of the last lookup.
    pub(super) lookup_error: Option<Arc<io::Error>>,
}

impl Plan {
    pub(super) fn new(found: Found, connect_timeout: Duration) -> Self {
        Self {
            left: in_turn(&found.addresses, connect_timeout),
            until: Instant::now() + LIMIT.max(connect_timeout),
            old: found.failure.is_some().then_some(found.addresses),
            lookup_error: found.failure,
        }
    }

    /// Addresses of the current attempt.
    pub(super) fn current(&self) -> Vec<SocketAddr> {
        self.left.front().cloned().unwrap_or_default()
    }

    /// Ends the current attempt. Returns whether there is another one.
    pub(super) fn advance(&mut self) -> bool {
        self.left.pop_front();
        !self.left.is_empty() && Instant::now() < self.until
    }

    /// The old addresses, unless they were taken before.
    pub(super) fn take_old(&mut self) -> Option<Addresses> {
        self.old.take()
    }

    /// What the current attempt may use of the time that is left, half of it unless it is the last
    /// one: with a long connect timeout, an address that does not answer would leave nothing to the
    /// others, at each request anew. An equal part for each of many would be too short for any.
    pub(super) fn share(&self) -> Duration {
        let left = self.until.saturating_duration_since(Instant::now());
        if self.left.len() > 1 { (left / 2).max(SHORTEST) } else { left.max(SHORTEST) }
    }
}

/// The addresses of each attempt: one, or one of each family if there is time for both.
fn in_turn(found: &[SocketAddr], connect_timeout: Duration) -> VecDeque<Vec<SocketAddr>> {
    if connect_timeout < 2 * FAMILY_DELAY {
        return found.iter().map(|address| vec![*address]).collect();
    }
    let starts_with_v6 = found.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, others): (Vec<_>, Vec<_>) =
        found.iter().copied().partition(|address| address.is_ipv6() == starts_with_v6);
    let count = preferred.len().max(others.len());
    (0..count)
        .map(|index| preferred.get(index).into_iter().chain(others.get(index)).copied().collect())
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    }

    /// With two addresses in one attempt, hyper tries the second family after 300 ms.
    #[test]
    fn each_attempt_has_one_address_of_each_family_if_there_is_time() {
        let found = addresses(&["::1", "10.0.0.1", "::2", "::3", "10.0.0.2"]);
        let texts = |limit| {
            let attempts = in_turn(&found, Duration::from_millis(limit));
            let text = |attempt: Vec<SocketAddr>| {
                attempt.iter().map(|one| one.ip().to_string()).collect::<Vec<_>>().join(" ")
            };
            attempts.into_iter().map(text).collect::<Vec<_>>()
        };
        assert_eq!(texts(1000), ["::1 10.0.0.1", "::2 10.0.0.2", "::3"]);
        assert_eq!(texts(300), ["::1", "10.0.0.1", "::2", "::3", "10.0.0.2"]);
        assert!(in_turn(&[], Duration::from_secs(1)).is_empty());
    }
}
