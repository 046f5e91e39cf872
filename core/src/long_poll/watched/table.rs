//! The table behind what is watched: the namespaces of an app id, dealt out to shares by the length of their request lines. Waits for
//! nothing and wakes nobody but those who load.

use std::collections::HashMap;

use tokio::sync::watch;

use super::Announcement;
use crate::discovery::ServiceUrl;
use crate::protocol::namespace::{UNKNOWN_NOTIFICATION_ID, strip_properties_suffix};
use crate::protocol::route::known_cost;
use crate::protocol::wire::{Notification, NotificationMessages};

pub(super) struct Table {
    pub(super) namespaces: HashMap<String, Namespace>,
    pub(super) shares: Vec<Share>,
    /// Bytes of a request line that the namespaces of a share may take: now, and where servers say nothing of it.
    pub(super) room: usize,
    pub(super) usual_room: usize,
    /// Whether a server has said that it takes longer lines; never believed again once one was refused.
    pub(super) trust: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Share {
    /// Bytes of the request line that its namespaces take.
    pub(super) taken: usize,
    /// Whether its last poll ended well.
    pub(super) connected: bool,
}

pub(super) struct Namespace {
    pub(super) share: usize,
    pub(super) notification_id: i64,
    messages: NotificationMessages,
    tell: watch::Sender<Option<Announcement>>,
    /// Whether a poll with it ended in silence.
    pub(super) timed_out: bool,
}

impl Table {
    /// Nothing is watched; a request line has so many bytes of room for namespaces.
    pub(super) fn new(room: usize) -> Self {
        let (namespaces, shares) = (HashMap::new(), Vec::new());
        Self { namespaces, shares, room, usual_room: room, trust: true }
    }

    /// Whether lines are longer than usual, and what is known compact.
    pub(super) fn is_wide(&self) -> bool {
        self.room > self.usual_room
    }

    /// Bytes of a request line that a namespace takes.
    fn cost(&self, name: &str) -> usize {
        known_cost(name, self.is_wide())
    }

    /// Adds a namespace; gives its share.
    pub(super) fn add(&mut self, name: &str, tell: watch::Sender<Option<Announcement>>) -> usize {
        let cost = self.cost(name);
        if let Some(replaced) = self.namespaces.remove(name) {
            self.shares[replaced.share].taken -= cost;
        }
        let share = self.take_room(cost);
        let namespace = Namespace {
            share,
            notification_id: UNKNOWN_NOTIFICATION_ID,
            messages: NotificationMessages::default(),
            tell,
            timed_out: false,
        };
        self.namespaces.insert(name.to_owned(), namespace);
        share
    }

    /// The first share with room for so many bytes, else a new one; one namespace always fits.
    fn take_room(&mut self, cost: usize) -> usize {
        let room = self.room;
        let fits = |share: &Share| share.taken == 0 || share.taken + cost <= room;
        let found = self.shares.iter().position(fits);
        let share = found.unwrap_or_else(|| {
            self.shares.push(Share::default());
            self.shares.len() - 1
        });
        self.shares[share].taken += cost;
        share
    }

    /// Gives every namespace its share anew, in lines with so much room.
    pub(super) fn deal(&mut self, room: usize) {
        self.room = room;
        self.shares.iter_mut().for_each(|share| share.taken = 0);
        let mut namespaces = std::mem::take(&mut self.namespaces);
        for (name, namespace) in &mut namespaces {
            namespace.share = self.take_room(self.cost(name));
        }
        self.namespaces = namespaces;
    }

    pub(super) fn of(&self, share: usize) -> impl Iterator<Item = (&String, &Namespace)> {
        self.namespaces.iter().filter(move |(_, namespace)| namespace.share == share)
    }

    pub(super) fn set_connected(&mut self, share: usize, connected: bool) {
        if let Some(share) = self.shares.get_mut(share) {
            share.connected = connected;
        }
    }

    pub(super) fn sweep(&mut self) {
        let is_wide = self.is_wide();
        let shares = &mut self.shares;
        self.namespaces.retain(|name, namespace| {
            let watched = !namespace.tell.is_closed();
            if !watched {
                shares[namespace.share].taken -= known_cost(name, is_wide);
            }
            watched
        });
    }
}

impl Namespace {
    pub(super) fn announce(&mut self, notification: &Notification, service: &ServiceUrl) {
        let id = notification.notification_id;
        let before = std::mem::replace(&mut self.notification_id, id);
        if let Some(messages) = &notification.messages {
            self.messages.merge(messages);
        }
        self.tell.send_replace(Some(Announcement {
            notification_id: id,
            is_news: before != UNKNOWN_NOTIFICATION_ID,
            messages: self.messages.clone(),
            service: service.clone(),
        }));
    }
}

/// Those of this name with or without `.properties`, else ignoring ASCII case; without those that the answer names itself.
pub(super) fn find<'a>(
    namespaces: &'a mut HashMap<String, Namespace>,
    name: &str,
    named: &[&str],
) -> Vec<&'a mut Namespace> {
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
