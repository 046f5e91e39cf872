//! Namespaces that no client receives, because they are not in memory and cannot be read although
//! the database answers. Each is read again until that succeeds, so that a fault ends without a
//! client.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use castalia_store::{JobError as _, StoreError};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{NamespaceKey, NamespaceRef, ReleaseCache};
use crate::error::Error;

/// Pause between two rounds of reads.
const PAUSE: Duration = Duration::from_secs(1);
/// Maximum number of namespaces that are read again; clients may request any number.
const KEPT: usize = 64;

/// The namespaces, by watch key.
#[derive(Debug, Default)]
pub(super) struct FailedLoads {
    loads: Mutex<BTreeMap<String, FailedLoad>>,
    arrived: Notify,
}

#[derive(Debug)]
struct FailedLoad {
    key: NamespaceKey,
    since: Instant,
}

impl FailedLoads {
    /// Notes a load that failed, unless the database cannot be reached or refuses the account, which
    /// affects all.
    pub(super) fn note(&self, place: NamespaceRef<'_>, error: &Error) {
        let affects_all =
            |error: &StoreError| error.is_connection_lost() || error.is_refused_sign_in();
        if error.store_error().is_some_and(affects_all) {
            return;
        }
        let mut loads = self.loads.lock();
        if loads.len() < KEPT {
            let load = || FailedLoad { key: place.to_key(), since: Instant::now() };
            loads.entry(place.watch_key()).or_insert_with(load);
            self.arrived.notify_one();
        }
    }

    fn keys(&self) -> Vec<NamespaceKey> {
        self.loads.lock().values().map(|load| load.key.clone()).collect()
    }

    async fn wait(&self) {
        while self.loads.lock().is_empty() {
            self.arrived.notified().await;
        }
        tokio::time::sleep(PAUSE).await;
    }

    /// Describes them for operators.
    pub(super) fn fault(&self) -> Option<String> {
        let loads = self.loads.lock();
        let (first, _) = loads.first_key_value()?;
        let since = loads.values().map(|load| load.since.elapsed()).max()?;
        Some(format!(
            "{} namespaces, including {first}, cannot be read for {} s although the database answers: their clients \
             are refused",
            loads.len(),
            since.as_secs()
        ))
    }
}

fn is_refused_sign_in(error: &Error) -> bool {
    error.store_error().is_some_and(StoreError::is_refused_sign_in)
}

impl ReleaseCache {
    /// Reads the namespaces again whose loads failed, without an end. A round ends with the first
    /// sign-in that is refused, because databases lock an account after many of them.
    pub(in crate::feed) async fn retry_failed(self: &Arc<Self>) {
        loop {
            self.failed.wait().await;
            for key in self.failed.keys() {
                match self.get(NamespaceRef::of(&key)).await {
                    Ok(_) => drop(self.failed.loads.lock().remove(&key.watch_key())),
                    Err(error) if is_refused_sign_in(&error) => break,
                    Err(_) => {}
                }
            }
        }
    }

    /// Describes, for operators, the namespaces that clients requested in vain.
    pub(in crate::feed) fn refused(&self) -> Option<String> {
        self.failed.fault()
    }
}
