//! Parked polls by watch key. Registers, wakes and times out; knows neither HTTP nor the database.
//!
//! A waiter costs one small record: interned keys, a oneshot sender, and its place in a wheel of one-second buckets that gives
//! all of them one timer. Lists of a key keep stale entries until they are half of it, so that waking ten thousand waiters that
//! share three keys stays linear.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::oneshot;

/// Buckets of the wheel; above the longest hold, 90 s.
const WHEEL: usize = 128;
/// Waiters that are woken before other work gets a turn.
const SLICE: usize = 256;

/// A release message on its way to the waiters, with the answer that most of them get.
#[derive(Debug)]
pub struct Wake {
    /// Watch key that moved.
    pub key: Arc<str>,
    /// Id of the release message.
    pub id: i64,
    /// Answer of the long poll, serialised once.
    pub body: Bytes,
}

/// Why a parked poll ended.
#[derive(Debug, Clone)]
pub enum Woken {
    /// One of its keys moved.
    Message(Arc<Wake>),
    /// The hold is over: nothing moved.
    Deadline,
    /// The node drains: ask another one.
    Closed,
}

/// The registry of parked polls.
#[derive(Clone, Default)]
pub struct WatchHub(Arc<Mutex<Registry>>);

#[derive(Default)]
struct Registry {
    key_ids: HashMap<Arc<str>, u32, ahash::RandomState>,
    keys: Vec<Key>,
    free_keys: Vec<u32>,
    waiters: Vec<Slot>,
    free_slots: Vec<u32>,
    parked: usize,
    wheel: Vec<Vec<Ticket>>,
    now: usize,
    closed: bool,
}

#[derive(Default)]
struct Key {
    name: Option<Arc<str>>,
    tickets: Vec<Ticket>,
    live: usize,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    waiter: Option<Waiter>,
}

struct Waiter {
    keys: Box<[u32]>,
    sender: oneshot::Sender<Woken>,
}

/// Names a waiter; stale once the slot's generation has moved on.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ticket {
    slot: u32,
    generation: u32,
}

/// A parked poll: resolves when it is woken, leaves the hub when it is dropped.
pub struct Parked {
    hub: WatchHub,
    ticket: Ticket,
    receiver: oneshot::Receiver<Woken>,
}

impl WatchHub {
    /// Parks a poll under its watch keys for at most `hold_seconds`. The caller compares ids *after* this, so that a message
    /// between the two cannot be lost.
    #[must_use]
    pub fn park(&self, keys: &[impl AsRef<str>], hold_seconds: usize) -> Parked {
        let (sender, receiver) = oneshot::channel();
        let ticket = self.lock().park(keys, hold_seconds, sender);
        Parked { hub: self.clone(), ticket, receiver }
    }

    /// Wakes everybody who waits for the key, in slices between which other tasks run. Returns how many there were.
    pub async fn wake(&self, wake: Wake) -> usize {
        let senders = self.lock().take(&wake.key);
        let woken = senders.len();
        let wake = Arc::new(wake);
        for (index, sender) in senders.into_iter().enumerate() {
            if index > 0 && index % SLICE == 0 {
                tokio::task::yield_now().await;
            }
            let _ = sender.send(Woken::Message(Arc::clone(&wake)));
        }
        woken
    }

    /// Whether anybody waits for the key; saves the work of an answer that nobody reads.
    #[must_use]
    pub fn is_watched(&self, key: &str) -> bool {
        self.lock().key_ids.contains_key(key)
    }

    /// Moves the wheel by one second and ends the polls whose hold is over.
    pub fn tick(&self) {
        let expired = self.lock().tick();
        for sender in expired {
            let _ = sender.send(Woken::Deadline);
        }
    }

    /// Ends all polls and takes no more: the node drains.
    pub fn close(&self) {
        let senders = self.lock().close();
        for sender in senders {
            let _ = sender.send(Woken::Closed);
        }
    }

    /// Polls that are parked now.
    #[must_use]
    pub fn parked(&self) -> usize {
        self.lock().parked
    }

    /// The sections under this lock are short and never wait, so a plain mutex is the cheapest.
    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for WatchHub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WatchHub({} parked)", self.parked())
    }
}

impl Future for Parked {
    type Output = Woken;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Woken> {
        Pin::new(&mut self.receiver).poll(context).map(|woken| woken.unwrap_or(Woken::Closed))
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        drop(self.hub.lock().remove(self.ticket));
    }
}

impl Registry {
    fn park(&mut self, keys: &[impl AsRef<str>], hold_seconds: usize, sender: oneshot::Sender<Woken>) -> Ticket {
        if self.closed {
            let _ = sender.send(Woken::Closed);
            return Ticket { slot: u32::MAX, generation: 0 };
        }
        let keys: Box<[u32]> = keys.iter().map(|key| self.intern(key.as_ref())).collect();
        let slot = self.free_slots.pop().unwrap_or_else(|| {
            self.waiters.push(Slot::default());
            index(self.waiters.len() - 1)
        });
        let entry = &mut self.waiters[slot as usize];
        let ticket = Ticket { slot, generation: entry.generation };
        for key in &keys {
            let key = &mut self.keys[*key as usize];
            key.tickets.push(ticket);
            key.live += 1;
        }
        self.waiters[slot as usize].waiter = Some(Waiter { keys, sender });
        self.parked += 1;
        if self.wheel.is_empty() {
            self.wheel.resize_with(WHEEL, Vec::new);
        }
        // One bucket further than asked for: the running second has partly passed.
        let bucket = (self.now + hold_seconds.clamp(1, WHEEL - 2) + 1) % WHEEL;
        self.wheel[bucket].push(ticket);
        ticket
    }

    fn intern(&mut self, name: &str) -> u32 {
        if let Some(id) = self.key_ids.get(name) {
            return *id;
        }
        let id = self.free_keys.pop().unwrap_or_else(|| {
            self.keys.push(Key::default());
            index(self.keys.len() - 1)
        });
        let name: Arc<str> = name.into();
        self.keys[id as usize] = Key { name: Some(Arc::clone(&name)), tickets: Vec::new(), live: 0 };
        self.key_ids.insert(name, id);
        id
    }

    fn take(&mut self, key: &str) -> Vec<oneshot::Sender<Woken>> {
        let Some(id) = self.key_ids.get(key).copied() else { return Vec::new() };
        let tickets = std::mem::take(&mut self.keys[id as usize].tickets);
        tickets.into_iter().filter_map(|ticket| self.remove(ticket)).collect()
    }

    fn tick(&mut self) -> Vec<oneshot::Sender<Woken>> {
        self.now = (self.now + 1) % WHEEL;
        let now = self.now;
        let due = self.wheel.get_mut(now).map(std::mem::take).unwrap_or_default();
        due.into_iter().filter_map(|ticket| self.remove(ticket)).collect()
    }

    fn close(&mut self) -> Vec<oneshot::Sender<Woken>> {
        let registry = std::mem::take(self);
        self.closed = true;
        registry.waiters.into_iter().filter_map(|slot| slot.waiter).map(|waiter| waiter.sender).collect()
    }

    fn remove(&mut self, ticket: Ticket) -> Option<oneshot::Sender<Woken>> {
        let slot = self.waiters.get_mut(ticket.slot as usize)?;
        if slot.generation != ticket.generation {
            return None;
        }
        let waiter = slot.waiter.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free_slots.push(ticket.slot);
        self.parked -= 1;
        for id in &waiter.keys {
            self.release_key(*id);
        }
        Some(waiter.sender)
    }

    /// One waiter less for a key; drops the key with its last one and compacts its list when half of it is stale.
    fn release_key(&mut self, id: u32) {
        let key = &mut self.keys[id as usize];
        key.live -= 1;
        if key.live == 0 {
            let key = std::mem::take(key);
            if let Some(name) = key.name {
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

#[expect(clippy::expect_used, reason = "four billion waiters do not fit into the memory that they would need")]
fn index(value: usize) -> u32 {
    u32::try_from(value).expect("fewer than 2^32 entries")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wake(key: &str) -> Wake {
        Wake { key: key.into(), id: 7, body: Bytes::from_static(b"[]") }
    }

    fn is_empty(hub: &WatchHub) -> bool {
        let registry = hub.lock();
        registry.parked == 0 && registry.key_ids.is_empty()
    }

    #[tokio::test]
    async fn a_message_wakes_every_waiter_of_its_key_once() {
        let hub = WatchHub::default();
        let first = hub.park(&["a", "b"], 60);
        let second = hub.park(&["b"], 60);
        let other = hub.park(&["c"], 60);
        assert_eq!(hub.wake(wake("b")).await, 2);
        assert_eq!(hub.wake(wake("b")).await, 0);
        assert_eq!(hub.wake(wake("a")).await, 0);
        assert!(matches!(first.await, Woken::Message(message) if message.id == 7));
        assert!(matches!(second.await, Woken::Message(_)));
        assert_eq!(hub.parked(), 1);
        drop(other);
        assert!(is_empty(&hub));
    }

    #[tokio::test]
    async fn a_poll_that_is_dropped_leaves_nothing_behind() {
        let hub = WatchHub::default();
        for _ in 0..1000 {
            drop(hub.park(&["a", "b", "c"], 60));
        }
        let kept = hub.park(&["a"], 60);
        for _ in 0..1000 {
            drop(hub.park(&["a"], 60));
        }
        assert!(hub.lock().keys.iter().all(|key| key.tickets.len() < 40));
        drop(kept);
        assert!(is_empty(&hub));
        assert!(hub.lock().waiters.len() <= 2);
    }

    #[tokio::test]
    async fn a_hold_ends_within_a_second_after_its_time() {
        let hub = WatchHub::default();
        let mut parked = hub.park(&["a"], 5);
        for _ in 0..5 {
            hub.tick();
        }
        assert!(futures_util::poll!(&mut parked).is_pending());
        hub.tick();
        assert!(matches!(parked.await, Woken::Deadline));
        assert!(is_empty(&hub));
    }

    #[tokio::test]
    async fn closing_answers_all_and_parks_no_more() {
        let hub = WatchHub::default();
        let before = hub.park(&["a"], 60);
        hub.close();
        assert!(matches!(before.await, Woken::Closed));
        assert!(matches!(hub.park(&["a"], 60).await, Woken::Closed));
        assert!(is_empty(&hub));
    }

    #[tokio::test]
    async fn waking_many_waiters_that_share_keys_stays_linear() {
        let hub = WatchHub::default();
        let parked: Vec<_> = (0..20_000).map(|_| hub.park(&["x", "y", "default"], 60)).collect();
        assert_eq!(hub.wake(wake("default")).await, 20_000);
        assert_eq!(hub.parked(), 0);
        for poll in parked {
            assert!(matches!(poll.await, Woken::Message(_)));
        }
        assert!(is_empty(&hub));
    }
}
