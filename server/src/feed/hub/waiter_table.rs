//! The table of parked polls: a slab of waiters, their lists by watch key, and the wheel of
//! deadlines. Sends no answers itself.
//!
//! The list of a key keeps stale entries until they are half of it, so that waking ten thousand
//! waiters with three common keys takes linear time.

use std::collections::HashMap;
use std::sync::Arc;

use slab::Slab;
use slotmap::{SlotMap, new_key_type};
use tokio::sync::oneshot;

use super::holder::{HolderEntries, Holders, Limits, PollCharge, Refused};
use super::{Holder, Woken};

/// Number of buckets; greater than the longest hold time, 90 s.
const WHEEL: usize = 128;
/// Bytes for one key of one poll: its number in the poll, and its entry in the list of the key,
/// which may be half stale.
const KEY_OF_POLL: usize = 20;
/// Bytes of a watched key, in addition to its text.
const WATCHED_KEY: usize = 200;

#[derive(Default)]
pub(super) struct WaiterTable {
    pub(super) key_ids: HashMap<Arc<str>, u32, ahash::RandomState>,
    pub(super) keys: Slab<WaiterKey>,
    pub(super) waiters: SlotMap<Ticket, Waiter>,
    holders: Holders,
    /// Bytes of polls without the watched keys, and bytes of these. They are counted separately,
    /// because a key that several polls watch outlives the poll that it was charged to.
    poll_bytes: usize,
    key_bytes: usize,
    wheel: Vec<Vec<Ticket>>,
    now: usize,
    closed: bool,
}

pub(super) struct WaiterKey {
    name: Arc<str>,
    pub(super) tickets: Vec<Ticket>,
    live: usize,
}

pub(super) struct Waiter {
    keys: Box<[u32]>,
    place: HolderEntries,
    /// Bytes charged to its holder: its own, and those of the keys that it was the first to watch.
    charge: u32,
    own_bytes: u32,
    sender: oneshot::Sender<Woken>,
}

new_key_type! {
    /// Identifies a waiter; stale once the waiter was removed.
    pub(super) struct Ticket;
}

impl WaiterTable {
    pub(super) fn new(limits: Limits) -> Self {
        Self { holders: Holders::new(limits), ..Self::default() }
    }

    pub(super) fn parked(&self) -> usize {
        self.waiters.len()
    }

    /// Total bytes for watched keys.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.poll_bytes + self.key_bytes
    }

    pub(super) fn is_watched(&self, key: &str) -> bool {
        self.key_ids.contains_key(key)
    }

    pub(super) fn park(
        &mut self,
        keys: &[impl AsRef<str>],
        hold_seconds: usize,
        holder: Holder<'_>,
        sender: oneshot::Sender<Woken>,
    ) -> Result<Ticket, Refused> {
        if self.closed {
            let _ = sender.send(Woken::Closed);
            return Ok(Ticket::default());
        }
        let key_bytes = self.key_bytes;
        let before = PollCharge { polls: self.parked(), bytes: self.poll_bytes + key_bytes };
        let keys: Box<[u32]> = keys.iter().map(|key| self.intern(key.as_ref())).collect();
        let own_bytes = keys.len() * KEY_OF_POLL + holder.more_bytes;
        let charge = self.key_bytes - key_bytes + own_bytes;
        let place = match self.holders.enter(holder, charge, before) {
            Ok(place) => place,
            Err(refused) => {
                keys.iter().for_each(|id| self.release_key(*id));
                return Err(refused);
            }
        };
        self.poll_bytes += own_bytes;
        let (charge, own_bytes) = (index(charge), index(own_bytes));
        let waiter = Waiter { keys, place, charge, own_bytes, sender };
        let ticket = self.waiters.insert(waiter);
        for key in &self.waiters[ticket].keys {
            self.keys[*key as usize].tickets.push(ticket);
        }
        if self.wheel.is_empty() {
            self.wheel.resize_with(WHEEL, Vec::new);
        }
        // One bucket later than requested, because the current second has partly passed.
        let bucket = (self.now + hold_seconds.clamp(1, WHEEL - 2) + 1) % WHEEL;
        self.wheel[bucket].push(ticket);
        Ok(ticket)
    }

    /// The number of a key, whose waiters are increased by one.
    fn intern(&mut self, name: &str) -> u32 {
        if let Some(id) = self.key_ids.get(name) {
            self.keys[*id as usize].live += 1;
            return *id;
        }
        let name: Arc<str> = name.into();
        let key = WaiterKey { name: Arc::clone(&name), tickets: Vec::new(), live: 1 };
        let id = index(self.keys.insert(key));
        self.key_bytes += WATCHED_KEY + name.len();
        self.key_ids.insert(name, id);
        id
    }

    pub(super) fn take(&mut self, key: &str) -> Vec<oneshot::Sender<Woken>> {
        let Some(id) = self.key_ids.get(key).copied() else { return Vec::new() };
        let tickets = std::mem::take(&mut self.keys[id as usize].tickets);
        tickets.into_iter().filter_map(|ticket| self.remove(ticket)).collect()
    }

    /// Removes all waiters of an app. Searches the whole table, because access keys change rarely.
    pub(super) fn take_app(&mut self, app_id: &str) -> Vec<oneshot::Sender<Woken>> {
        let Some(app) = self.holders.app(app_id) else { return Vec::new() };
        let of_app = self.waiters.iter().filter(|(_, waiter)| waiter.place.app == app);
        let tickets: Vec<_> = of_app.map(|(ticket, _)| ticket).collect();
        tickets.into_iter().filter_map(|ticket| self.remove(ticket)).collect()
    }

    pub(super) fn tick(&mut self) -> Vec<oneshot::Sender<Woken>> {
        self.now = (self.now + 1) % WHEEL;
        let now = self.now;
        let due = self.wheel.get_mut(now).map(std::mem::take).unwrap_or_default();
        due.into_iter().filter_map(|ticket| self.remove(ticket)).collect()
    }

    pub(super) fn close(&mut self) -> Vec<oneshot::Sender<Woken>> {
        let table = std::mem::take(self);
        self.closed = true;
        table.waiters.into_iter().map(|(_, waiter)| waiter.sender).collect()
    }

    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<oneshot::Sender<Woken>> {
        let waiter = self.waiters.remove(ticket)?;
        self.poll_bytes -= waiter.own_bytes as usize;
        self.holders.leave(waiter.place, waiter.charge as usize);
        for id in &waiter.keys {
            self.release_key(*id);
        }
        Some(waiter.sender)
    }

    /// Removes one waiter from a key; removes the key with its last waiter, and compacts its list
    /// when half of it is stale.
    fn release_key(&mut self, id: u32) {
        let key = &mut self.keys[id as usize];
        key.live -= 1;
        if key.live == 0 {
            let key = self.keys.remove(id as usize);
            self.key_bytes -= WATCHED_KEY + key.name.len();
            self.key_ids.remove(&key.name);
        } else if key.tickets.len() > 2 * key.live + 16 {
            let waiters = &self.waiters;
            key.tickets.retain(|ticket| waiters.contains_key(*ticket));
        }
    }
}

#[expect(
    clippy::expect_used,
    reason = "four billion waiters do not fit into the memory that they would need"
)]
pub(super) fn index(value: usize) -> u32 {
    u32::try_from(value).expect("fewer than 2^32 entries")
}
