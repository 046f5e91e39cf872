//! Ids of release messages that clients wait for: other nodes notified them of these, and this node
//! has not read them. One scan looks for the messages of all that wait. What a scan reads is not
//! known here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use parking_lot::Mutex;

/// The number of clients that wait for each id.
#[derive(Debug, Default)]
pub(super) struct AwaitedIds(Mutex<BTreeMap<i64, usize>>);

/// A client that waits until this is dropped.
pub(super) struct Waiting<'a> {
    awaited: &'a AwaitedIds,
    id: i64,
    /// A scan that begins later looks for the message.
    pub(super) since: Instant,
}

impl AwaitedIds {
    pub(super) fn wait_for(&self, id: i64) -> Waiting<'_> {
        let mut counts = self.0.lock();
        *counts.entry(id).or_default() += 1;
        // Before the lock is released, as for scans: one of them is the earlier one in both respects.
        Waiting { awaited: self, id, since: Instant::now() }
    }

    /// The start of a scan, and the ids that it has to look for.
    pub(super) fn begin_scan(&self) -> (Instant, BTreeSet<i64>) {
        let counts = self.0.lock();
        (Instant::now(), counts.keys().copied().collect())
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut counts = self.awaited.0.lock();
        if let Some(count) = counts.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_looked_for_until_the_last_client_has_left() {
        let awaited = AwaitedIds::default();
        let ids = || awaited.begin_scan().1.into_iter().collect::<Vec<_>>();
        let clients = [2, 5, 2].map(|id| awaited.wait_for(id));
        let (began, _) = awaited.begin_scan();
        assert!(clients.iter().all(|client| client.since <= began));
        assert_eq!(ids(), [2, 5]);
        let [first, second, last] = clients;
        drop((first, second));
        assert_eq!(ids(), [2]);
        drop(last);
        assert!(ids().is_empty());
    }
}
