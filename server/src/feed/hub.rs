//! Parked polls by watch key. Registers, wakes and times out; knows neither HTTP nor the database.
//!
//! A waiter is one small record: interned keys, a oneshot sender, and an entry in a wheel of
//! one-second buckets, so that all of them need one timer. When capacity is scarce, the holders of
//! the most polls are refused first.

mod holder;
mod waiter_table;
mod waiters;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::oneshot;

pub use self::holder::{Limits, Refused, network};
use self::waiter_table::{Ticket, WaiterTable};
pub use self::waiters::Waiters;

/// A release message for its waiters, with the answer that most of them receive.
#[derive(Debug)]
pub struct Wake {
    /// Watch key that changed, in the spelling of the message.
    pub key: Arc<str>,
    /// Stored name of the namespace.
    pub namespace: Arc<str>,
    /// Id of the release message.
    pub id: i64,
    /// Answer of the long poll, serialised once.
    pub body: Bytes,
}

/// Why a parked poll ended.
#[derive(Debug, Clone)]
pub enum Woken {
    /// A message arrived for one of its keys.
    Message(Arc<Wake>),
    /// The hold time has passed without a message.
    Deadline,
    /// The access keys of its app changed, so the request has to be checked again.
    Rekeyed,
    /// The node drains; the client should use another one.
    Closed,
}

/// The app and the address that a poll is charged to.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// Stored app id; empty for all apps that are not stored, so that invented names are treated
    /// as one app.
    pub app_id: &'a str,
    /// Address that the connection comes from.
    pub address: IpAddr,
    /// Bytes that the poll keeps in addition to its watch keys.
    pub more_bytes: usize,
}

/// All parked polls of the process.
#[derive(Clone, Default)]
pub struct WatchHub(Arc<Mutex<WaiterTable>>);

/// A parked poll: completes when it is woken, and leaves the hub when it is dropped.
pub struct Parked {
    hub: WatchHub,
    /// `None` once it was woken, because the hub no longer has it then.
    ticket: Option<Ticket>,
    receiver: oneshot::Receiver<Woken>,
}

impl WatchHub {
    /// An empty hub with these limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(WaiterTable::new(limits))))
    }

    /// Parks a poll under its watch keys for at most `hold_seconds`. The caller must compare ids
    /// *after* this call, so that a message between the two cannot be lost.
    ///
    /// # Errors
    /// Fails if the holder has no capacity left.
    pub fn park(
        &self,
        keys: &[impl AsRef<str>],
        hold_seconds: usize,
        holder: Holder<'_>,
    ) -> Result<Parked, Refused> {
        let (sender, receiver) = oneshot::channel();
        let ticket = self.0.lock().park(keys, hold_seconds, holder, sender)?;
        Ok(Parked { hub: self.clone(), ticket: Some(ticket), receiver })
    }

    /// Removes all waiters for the key and returns them.
    #[must_use]
    pub fn take(&self, key: &str, wake: Wake) -> Waiters {
        Waiters::new(self.0.lock().take(key), wake)
    }

    /// Whether any poll waits for the key; saves serialising an answer that no client would
    /// receive.
    #[must_use]
    pub fn is_watched(&self, key: &str) -> bool {
        self.0.lock().is_watched(key)
    }

    /// Ends the polls of an app whose access keys changed. Returns their number.
    pub fn rekey(&self, app_id: &str) -> usize {
        let senders = self.0.lock().take_app(app_id);
        end(senders, &Woken::Rekeyed)
    }

    /// Advances the wheel by one second and ends the polls whose hold time has passed.
    pub fn tick(&self) {
        let expired = self.0.lock().tick();
        end(expired, &Woken::Deadline);
    }

    /// Ends all polls and accepts no more, because the node drains.
    pub fn close(&self) {
        let senders = self.0.lock().close();
        end(senders, &Woken::Closed);
    }

    /// Number of parked polls.
    #[must_use]
    pub fn parked(&self) -> usize {
        self.0.lock().parked()
    }
}

/// Called without the lock, because sending may run code of the receiving side.
fn end(senders: Vec<oneshot::Sender<Woken>>, woken: &Woken) -> usize {
    let ended = senders.len();
    for sender in senders {
        let _ = sender.send(woken.clone());
    }
    ended
}

impl std::fmt::Debug for WatchHub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WatchHub({} parked)", self.parked())
    }
}

impl std::fmt::Debug for Parked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parked")
    }
}

impl Future for Parked {
    type Output = Woken;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Woken> {
        let woken = ready!(Pin::new(&mut self.receiver).poll(context));
        self.ticket = None;
        Poll::Ready(woken.unwrap_or(Woken::Closed))
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            drop(self.hub.0.lock().remove(ticket));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    use super::*;

    fn wake(key: &str) -> Wake {
        Wake { key: key.into(), namespace: "n".into(), id: 7, body: Bytes::from_static(b"[]") }
    }

    fn park(hub: &WatchHub, keys: &[&str], hold: usize) -> Parked {
        hub.park(keys, hold, holder("demo")).unwrap()
    }

    fn holder(app_id: &str) -> Holder<'_> {
        Holder { app_id, address: IpAddr::from([127, 0, 0, 1]), more_bytes: 0 }
    }

    async fn wake_all(hub: &WatchHub, key: &str) -> usize {
        let waiters = hub.take(key, wake(key));
        let woken = waiters.len();
        waiters.wake().await;
        woken
    }

    fn is_empty(hub: &WatchHub) -> bool {
        let table = hub.0.lock();
        table.parked() == 0 && table.key_ids.is_empty() && table.bytes() == 0
    }

    #[tokio::test]
    async fn a_message_wakes_every_waiter_of_its_key_once() {
        let hub = WatchHub::default();
        let first = park(&hub, &["a", "b"], 60);
        let second = park(&hub, &["b"], 60);
        let other = park(&hub, &["c"], 60);
        assert_eq!(wake_all(&hub, "b").await, 2);
        assert_eq!(wake_all(&hub, "b").await, 0);
        assert_eq!(wake_all(&hub, "a").await, 0);
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
            drop(park(&hub, &["a", "b", "c"], 60));
        }
        let kept = park(&hub, &["a"], 60);
        for _ in 0..1000 {
            drop(park(&hub, &["a"], 60));
        }
        assert!(hub.0.lock().keys.iter().all(|(_, key)| key.tickets.len() < 40));
        drop(kept);
        assert!(is_empty(&hub));
        assert!(hub.0.lock().waiters.capacity() < 10, "entries are used again");
    }

    #[tokio::test]
    async fn a_hold_ends_within_a_second_after_its_time() {
        let hub = WatchHub::default();
        let mut parked = park(&hub, &["a"], 5);
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
        let before = park(&hub, &["a"], 60);
        hub.close();
        assert!(matches!(before.await, Woken::Closed));
        assert!(matches!(park(&hub, &["a"], 60).await, Woken::Closed));
        assert!(is_empty(&hub));
    }

    #[tokio::test]
    async fn a_change_of_keys_ends_the_polls_of_its_app_only() {
        let hub = WatchHub::default();
        let of_app = hub.park(&["a"], 60, holder("sec")).unwrap();
        let mut other = park(&hub, &["a"], 60);
        assert_eq!((hub.rekey("nobody"), hub.rekey("sec")), (0, 1));
        assert!(matches!(of_app.await, Woken::Rekeyed));
        assert!(futures_util::poll!(&mut other).is_pending());
    }

    #[tokio::test]
    async fn a_poll_that_is_refused_leaves_nothing_behind() {
        let limits = Limits { watch_bytes: 100_000, ..Limits::default() };
        let hub = WatchHub::new(limits);
        let keys: Vec<_> = (0..1000).map(|at| format!("key-{at}")).collect();
        let kept = park(&hub, &["key-1"], 60);
        let before = hub.0.lock().bytes();
        assert_eq!(hub.park(&keys, 60, holder("demo")).err(), Some(Refused::Full));
        assert_eq!(hub.0.lock().bytes(), before);
        assert_eq!(hub.0.lock().key_ids.len(), 1);
        assert_eq!(wake_all(&hub, "key-1").await, 1);
        drop(kept);
        assert!(is_empty(&hub));
    }

    #[tokio::test]
    async fn ordinary_polls_fit_beside_as_many_fat_ones_as_are_admitted() {
        let hub = WatchHub::new(Limits { watch_bytes: 100_000, ..Limits::default() });
        let mut fat = Vec::new();
        for last in 0..200 {
            let keys: Vec<_> = (0..50 + last).map(|at| format!("key-{last}-{at}")).collect();
            let address = IpAddr::from([127, 0, 0, last]);
            fat.push(hub.park(&keys, 60, Holder { address, ..holder("demo") }));
            drop(park(&hub, &["ordinary"], 60));
        }
        assert!(fat.iter().any(Result::is_ok) && fat.iter().any(Result::is_err));
    }

    #[tokio::test]
    async fn a_key_that_others_share_is_counted_after_the_poll_that_brought_it() {
        let hub = WatchHub::default();
        let first = park(&hub, &["a", "b"], 60);
        let second = park(&hub, &["a"], 60);
        drop(first);
        assert!(hub.0.lock().bytes() > "a".len() + 200);
        drop(second);
        assert!(is_empty(&hub));
    }

    #[tokio::test]
    async fn waking_many_waiters_that_share_keys_stays_linear() {
        let hub = WatchHub::default();
        let parked: Vec<_> = (0..20_000).map(|_| park(&hub, &["x", "y", "default"], 60)).collect();
        assert_eq!(wake_all(&hub, "default").await, 20_000);
        assert_eq!(hub.parked(), 0);
        for poll in parked {
            assert!(matches!(poll.await, Woken::Message(_)));
        }
        assert!(is_empty(&hub));
    }

    #[tokio::test(start_paused = true)]
    async fn batches_are_woken_with_pauses_between_them() {
        let hub = WatchHub::default();
        let parked: Vec<_> = (0..250).map(|_| park(&hub, &["a"], 60)).collect();
        let start = tokio::time::Instant::now();
        hub.take("a", wake("a")).wake_in_batches(|| (100, Duration::from_millis(100))).await;
        assert_eq!(start.elapsed(), Duration::from_millis(200));
        for poll in parked {
            assert!(matches!(poll.await, Woken::Message(_)));
        }
    }

    /// REL-12: register, then compare. Whatever the interleaving, a position that moved is seen or
    /// wakes.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_wake_up_is_lost_between_registering_and_comparing() {
        const ROUNDS: i64 = 20_000;
        let hub = WatchHub::default();
        let position = Arc::new(AtomicI64::new(0));
        let pollers: Vec<_> = (0..8)
            .map(|_| {
                let (hub, position) = (hub.clone(), Arc::clone(&position));
                tokio::spawn(async move {
                    let mut known = 0;
                    while known < ROUNDS {
                        let parked = park(&hub, &["a", "b"], 60);
                        let newest = position.load(Ordering::SeqCst);
                        if newest == known {
                            let woken = tokio::time::timeout(Duration::from_secs(60), parked).await;
                            assert!(matches!(woken, Ok(Woken::Message(_))), "{woken:?} at {known}");
                        }
                        known = position.load(Ordering::SeqCst);
                    }
                })
            })
            .collect();
        for round in 1..=ROUNDS {
            position.store(round, Ordering::SeqCst);
            wake_all(&hub, if round % 2 == 0 { "a" } else { "b" }).await;
            if round % 64 == 0 {
                tokio::task::yield_now().await;
            }
        }
        for poller in pollers {
            poller.await.unwrap();
        }
        assert!(is_empty(&hub));
    }
}
