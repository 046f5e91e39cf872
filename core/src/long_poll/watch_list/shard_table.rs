//! The table of watched namespaces, distributed to shards by the length of their request lines.
//! Only computes; [`super::WatchList`] locks it and wakes tasks.

use std::collections::HashMap;

use tokio::sync::watch;

use super::Announcement;
use crate::discovery::ServiceUrl;
use crate::protocol::namespace::{UNKNOWN_NOTIFICATION_ID, strip_properties_suffix};
use crate::protocol::route::notification_cost;
use crate::protocol::wire::{Notification, NotificationMessages};

pub(super) struct ShardTable {
    pub(super) namespaces: HashMap<String, WatchedNamespace>,
    pub(super) shards: Vec<Shard>,
    /// Bytes that the namespaces of a shard may use in a request line.
    pub(super) budget: usize,
    /// Budget for servers that announce no limit.
    pub(super) default_budget: usize,
    /// Whether an announced limit may be used. False forever once a longer line was rejected: a
    /// proxy in between keeps its limit.
    pub(super) trusts_server_limit: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Shard {
    /// Bytes that its namespaces use in the request line.
    pub(super) used_bytes: usize,
    /// Whether its last poll succeeded.
    pub(super) connected: bool,
}

pub(super) struct WatchedNamespace {
    pub(super) shard: usize,
    pub(super) notification_id: i64,
    messages: NotificationMessages,
    sender: watch::Sender<Option<Announcement>>,
    /// Whether a poll that included it timed out.
    pub(super) timed_out: bool,
}

impl ShardTable {
    /// An empty table with this budget for each shard.
    pub(super) fn new(budget: usize) -> Self {
        let (namespaces, shards) = (HashMap::new(), Vec::new());
        Self { namespaces, shards, budget, default_budget: budget, trusts_server_limit: true }
    }

    /// Whether lines may exceed the usual limit, and are then compact.
    pub(super) fn is_wide(&self) -> bool {
        self.budget > self.default_budget
    }

    /// Bytes of a namespace in a request line.
    fn cost(&self, name: &str) -> usize {
        notification_cost(name, self.is_wide())
    }

    /// Adds a namespace and returns its shard.
    pub(super) fn add(&mut self, name: &str, sender: watch::Sender<Option<Announcement>>) -> usize {
        let cost = self.cost(name);
        // A namespace that was closed and opened again: its old receiver is dropped.
        if let Some(replaced) = self.namespaces.remove(name) {
            self.shards[replaced.shard].used_bytes -= cost;
        }
        let shard = self.assign_shard(cost);
        let namespace = WatchedNamespace {
            shard,
            notification_id: UNKNOWN_NOTIFICATION_ID,
            messages: NotificationMessages::default(),
            sender,
            timed_out: false,
        };
        self.namespaces.insert(name.to_owned(), namespace);
        shard
    }

    /// The first shard with enough space, or a new one. A single namespace always fits.
    fn assign_shard(&mut self, cost: usize) -> usize {
        let budget = self.budget;
        let fits = |shard: &Shard| shard.used_bytes == 0 || shard.used_bytes + cost <= budget;
        let found = self.shards.iter().position(fits);
        let shard = found.unwrap_or_else(|| {
            self.shards.push(Shard::default());
            self.shards.len() - 1
        });
        self.shards[shard].used_bytes += cost;
        shard
    }

    /// Assigns every namespace to a shard again, with another budget.
    pub(super) fn rebalance(&mut self, budget: usize) {
        self.budget = budget;
        self.shards.iter_mut().for_each(|shard| shard.used_bytes = 0);
        let mut namespaces = std::mem::take(&mut self.namespaces);
        for (name, namespace) in &mut namespaces {
            namespace.shard = self.assign_shard(self.cost(name));
        }
        self.namespaces = namespaces;
    }

    pub(super) fn of(&self, shard: usize) -> impl Iterator<Item = (&String, &WatchedNamespace)> {
        self.namespaces.iter().filter(move |(_, namespace)| namespace.shard == shard)
    }

    pub(super) fn set_connected(&mut self, shard: usize, connected: bool) {
        if let Some(shard) = self.shards.get_mut(shard) {
            shard.connected = connected;
        }
    }

    pub(super) fn remove_closed(&mut self) {
        let is_wide = self.is_wide();
        let shards = &mut self.shards;
        self.namespaces.retain(|name, namespace| {
            let is_watched = !namespace.sender.is_closed();
            if !is_watched {
                shards[namespace.shard].used_bytes -= notification_cost(name, is_wide);
            }
            is_watched
        });
    }
}

impl WatchedNamespace {
    pub(super) fn announce(&mut self, notification: &Notification, service: &ServiceUrl) {
        let id = notification.notification_id;
        let before = std::mem::replace(&mut self.notification_id, id);
        if let Some(messages) = &notification.messages {
            self.messages.merge(messages);
        }
        self.sender.send_replace(Some(Announcement {
            notification_id: id,
            is_update: before != UNKNOWN_NOTIFICATION_ID,
            messages: self.messages.clone(),
            service: service.clone(),
        }));
    }
}

/// The namespaces that a name in a response refers to: with or without `.properties`, or if there
/// are none, ignoring ASCII case. Excludes those that the response contains under their own name.
pub(super) fn find<'a>(
    namespaces: &'a mut HashMap<String, WatchedNamespace>,
    name: &str,
    named: &[&str],
) -> Vec<&'a mut WatchedNamespace> {
    let stem = strip_properties_suffix(name);
    let is_known = namespaces.keys().any(|known| strip_properties_suffix(known) == stem);
    let found = namespaces.iter_mut().filter(|(known, _)| {
        let known_stem = strip_properties_suffix(known);
        let fits = match is_known {
            true => known_stem == stem,
            false => known_stem.eq_ignore_ascii_case(stem),
        };
        fits && (*known == name || !named.contains(&known.as_str()))
    });
    found.map(|(_, namespace)| namespace).collect()
}
