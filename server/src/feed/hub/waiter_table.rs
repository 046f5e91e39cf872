//! The table of parked polls: a slab of waiters, their lists by watch key, and the wheel of
//! deadlines. Sends no answers itself.
//!
//! The list of a key keeps stale entries until they are half of it, so that waking ten thousand
//! waiters with three common keys takes linear time.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::holder::{self, HolderEntries, Holders, Limits, Refused};
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
    pub(super) keys: Vec<WaiterKey>,
    free_keys: Vec<u32>,
    pub(super) waiters: Vec<Slot>,
    free_slots: Vec<u32>,
    holders: Holders,
    parked: usize,
    /// Bytes charged to polls, and bytes of all key texts. They are counted separately, because a
    /// text that several polls use outlives the poll that it was charged to.
    charged: usize,
    key_bytes: usize,
    wheel: Vec<Vec<Ticket>>,
    now: usize,
    closed: bool,
}

#[derive(Default)]
pub(super) struct WaiterKey {
    name: Option<Arc<str>>,
    pub(super) tickets: Vec<Ticket>,
    live: usize,
}

#[derive(Default)]
pub(super) struct Slot {
    generation: u32,
    /// Bytes charged to the waiter.
    charge: u32,
    waiter: Option<Waiter>,
}

struct Waiter {
    keys: Box<[u32]>,
    place: HolderEntries,
    sender: oneshot::Sender<Woken>,
}

/// Identifies a waiter; stale once the generation of the slot has changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    slot: u32,
    generation: u32,
}

impl WaiterTable {
    pub(super) fn new(limits: Limits) -> Self {
        Self { holders: Holders::new(limits), ..Self::default() }
    }

    pub(super) fn parked(&self) -> usize {
        self.parked
    }

    /// Total bytes for watched keys.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.charged + self.key_bytes
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
            return Ok(Ticket { slot: u32::MAX, generation: 0 });
        }
        let before =
            holder::PollCharge { polls: self.parked, bytes: self.charged + self.key_bytes };
        let keys: Box<[u32]> = keys.iter().map(|key| self.intern(key.as_ref())).collect();
        let new = self.charged + self.key_bytes - before.bytes;
        let charge = new + keys.len() * KEY_OF_POLL + holder.more_bytes;
        let place = match self.holders.enter(holder, charge, before) {
            Ok(place) => place,
            Err(refused) => {
                keys.iter().for_each(|id| self.release_key(*id));
                return Err(refused);
            }
        };
        self.charged += charge;
        let slot = self.free_slots.pop().unwrap_or_else(|| {
            self.waiters.push(Slot::default());
            index(self.waiters.len() - 1)
        });
        let ticket = Ticket { slot, generation: self.waiters[slot as usize].generation };
        for key in &keys {
            self.keys[*key as usize].tickets.push(ticket);
        }
        let slot = &mut self.waiters[slot as usize];
        slot.charge = index(charge);
        slot.waiter = Some(Waiter { keys, place, sender });
        self.parked += 1;
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
        let id = self.free_keys.pop().unwrap_or_else(|| {
            self.keys.push(WaiterKey::default());
            index(self.keys.len() - 1)
        });
        let name: Arc<str> = name.into();
        self.keys[id as usize] =
            WaiterKey { name: Some(Arc::clone(&name)), tickets: Vec::new(), live: 1 };
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
        let is_of_app =
            |slot: &Slot| slot.waiter.as_ref().is_some_and(|waiter| waiter.place.app == app);
        let of_app = self.waiters.iter().enumerate().filter(|(_, slot)| is_of_app(slot));
        let tickets: Vec<_> = of_app
            .map(|(at, slot)| Ticket { slot: index(at), generation: slot.generation })
            .collect();
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
        table
            .waiters
            .into_iter()
            .filter_map(|slot| slot.waiter)
            .map(|waiter| waiter.sender)
            .collect()
    }

    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<oneshot::Sender<Woken>> {
        let slot = self.waiters.get_mut(ticket.slot as usize)?;
        if slot.generation != ticket.generation {
            return None;
        }
        let waiter = slot.waiter.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free_slots.push(ticket.slot);
        self.parked -= 1;
        let charge = std::mem::take(&mut slot.charge) as usize;
        self.charged -= charge;
        self.holders.leave(waiter.place, charge);
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
            let key = std::mem::take(key);
            if let Some(name) = key.name {
                self.key_bytes -= WATCHED_KEY + name.len();
                self.key_ids.remove(&name);
            }
            self.free_keys.push(id);
        } else if key.tickets.len() > 2 * key.live + 16 {
            let waiters = &self.waiters;
            key.tickets.retain(|ticket| {
                let slot = &waiters[ticket.slot as usize];
                slot.generation == ticket.generation && slot.waiter.is_some()
            });
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
