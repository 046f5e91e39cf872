//! Limits the number of recorded clients. Clients identify themselves without proof, so without a
//! limit anyone could fill the tables. Counts the rows of the tables at intervals, and in between
//! those that this node adds; writes nothing itself.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use castalia_store::instance::Identity;
use castalia_store::{Store, instance};

use crate::error::Result;
use crate::server_config::{ServerConfig, keys};

/// Interval of the counts: other nodes add rows, and old ones are removed.
const RECOUNT: Duration = Duration::from_secs(60);
/// Maximum number of namespaces recorded for one instance.
pub(super) const NAMESPACES: usize = 1_000;

/// The limits that operators configure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    per_app: u64,
    instances: u64,
    readings: u64,
}

/// The present numbers of recorded rows.
#[derive(Debug, Default)]
pub(super) struct Room {
    counted: Option<Instant>,
    apps: HashMap<String, u64>,
    instances: u64,
    readings: u64,
}

impl Bounds {
    fn of(config: &ServerConfig) -> Self {
        Self {
            per_app: config.get(&keys::INSTANCES_PER_APP),
            instances: config.get(&keys::INSTANCES),
            readings: config.get(&keys::INSTANCE_READS),
        }
    }
}

impl Room {
    /// Returns the new instances that the limits admit, and counts them.
    pub(super) async fn admit(
        &mut self,
        store: &Store,
        config: &ServerConfig,
        new: Vec<Identity>,
    ) -> Result<Vec<Identity>> {
        self.recount(store).await?;
        let bounds = Bounds::of(config);
        let mut admitted = Vec::with_capacity(new.len());
        for identity in new {
            if !self.apps.contains_key(&identity.app_id) {
                let held = instance::count_of_app(store.read(), &identity.app_id).await?;
                self.apps.insert(identity.app_id.clone(), held);
            }
            if self.take(bounds, &identity.app_id) {
                admitted.push(identity);
            }
        }
        Ok(admitted)
    }

    /// Whether one more row of what instances read is admitted.
    pub(super) fn has_reading(&self, config: &ServerConfig) -> bool {
        self.readings < Bounds::of(config).readings
    }

    /// Counts rows that were written.
    pub(super) fn add_readings(&mut self, count: u64) {
        self.readings += count;
    }

    fn take(&mut self, bounds: Bounds, app_id: &str) -> bool {
        let of_app = self.apps.entry(app_id.to_owned()).or_default();
        let fits = *of_app < bounds.per_app && self.instances < bounds.instances;
        if fits {
            *of_app += 1;
            self.instances += 1;
        }
        fits
    }

    async fn recount(&mut self, store: &Store) -> Result<()> {
        if self.counted.is_some_and(|time| time.elapsed() < RECOUNT) {
            return Ok(());
        }
        let (instances, readings) = instance::count(store.read()).await?;
        *self = Self { counted: Some(Instant::now()), apps: HashMap::new(), instances, readings };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_and_all_apps_together_have_a_bound() {
        let bounds = Bounds { per_app: 2, instances: 3, readings: 9 };
        let mut room = Room::default();
        assert!(room.take(bounds, "a") && room.take(bounds, "a") && !room.take(bounds, "a"));
        assert!(room.take(bounds, "b") && !room.take(bounds, "b") && !room.take(bounds, "c"));
        assert_eq!(room.instances, 3);
    }
}
