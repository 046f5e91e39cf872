//! The table behind what is watched: the namespaces of an app id, dealt out to shares by the length of their request lines. Waits for
//! nothing and wakes nobody but those who load.

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
    /// Bytes of a request line that the namespaces of a share may take: now, and where servers say nothing of it.
    pub(super) budget: usize,
    pub(super) default_budget: usize,
    /// Whether a server has said that it takes longer lines; never believed again once one was refused.
    pub(super) trusts_server_limit: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Shard {
    /// Bytes of the request line that its namespaces take.
    pub(super) used_bytes: usize,
    /// Whether its last poll ended well.
    pub(super) connected: bool,
}

pub(super) struct WatchedNamespace {
    pub(super) shard: usize,
    pub(super) notification_id: i64,
    messages: NotificationMessages,
    sender: watch::Sender<Option<Announcement>>,
    /// Whether a poll with it ended in silence.
    pub(super) timed_out: bool,
}

impl ShardTable {
    /// Nothing is watched; a request line has so many bytes of room for namespaces.
    pub(super) fn new(budget: usize) -> Self {
        let (namespaces, shards) = (HashMap::new(), Vec::new());
        Self { namespaces, shards, budget, default_budget: budget, trusts_server_limit: true }
    }

    /// Whether lines are longer than usual, and what is known compact.
    pub(super) fn is_wide(&self) -> bool {
        self.budget > self.default_budget
    }

    /// Bytes of a request line that a namespace takes.
    fn cost(&self, name: &str) -> usize {
        notification_cost(name, self.is_wide())
    }

    /// Adds a namespace; gives its share.
    pub(super) fn add(&mut self, name: &str, sender: watch::Sender<Option<Announcement>>) -> usize {
        let cost = self.cost(name);
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

    /// The first share with room for so many bytes, else a new one; one namespace always fits.
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

    /// Gives every namespace its share anew, in lines with so much room.
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

/// Those of this name with or without `.properties`, else ignoring ASCII case; without those that the answer names itself.
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
