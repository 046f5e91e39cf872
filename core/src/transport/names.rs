//! Looks up the addresses of hosts. A lookup cannot be cancelled, and takes 5 s and more if a name
//! server does not answer. So each host has one at a time, and a result that is too late for one
//! request serves the next.

mod host;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{info, warn};

use self::host::Host;
use super::OPERATION;
use crate::blocking_thread;
use crate::error::{Error, ErrorKind, Result};

/// Longest wait for the addresses of a host. Resolvers wait 5 s for a name server before they ask the
/// next one.
const LIMIT: Duration = Duration::from_secs(10);
/// The same for a host whose addresses were found before, which are used then: a slow name server
/// must not delay every connection.
const PATIENCE: Duration = Duration::from_millis(500);

/// Addresses of a host, whose port is 0.
pub(super) type Addresses = Arc<[SocketAddr]>;
/// Returns the addresses of a host; may block.
type Lookup = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;
/// The addresses that a lookup found, or its error, which all requests that wait for it share.
type LookupResult = Result<Addresses, Arc<io::Error>>;
/// `None` until the lookup ends.
type Outcome = Option<LookupResult>;

/// What is known about a host.
pub(super) struct Found {
    pub(super) addresses: Addresses,
    /// If they are those of an earlier lookup: why the last one failed, or has no result yet.
    pub(super) failure: Option<Arc<io::Error>>,
}

/// The hosts that were looked up lately.
pub(super) struct Names {
    lookup: Box<Lookup>,
    hosts: Mutex<HashMap<String, Host>>,
}

impl Names {
    /// Asks the operating system.
    pub(super) fn system() -> Self {
        Self::new(|name| Ok((name, 0).to_socket_addrs()?.collect()))
    }

    pub(super) fn new(
        lookup: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self { lookup: Box::new(lookup), hosts: Mutex::default() }
    }

    /// The addresses of a host. If they are not found in time, the lookup continues for the next
    /// caller.
    ///
    /// # Errors
    /// [`ErrorKind::Transport`] if none are known, and none are found in time.
    pub(super) async fn find(self: &Arc<Self>, name: &str) -> Result<Found> {
        let known = self.known(name);
        let wait = if known.is_some() { PATIENCE } else { LIMIT };
        match (result_within(wait, self.look_up(name)).await, known) {
            (Ok(addresses), _) => Ok(Found { addresses, failure: None }),
            // Also if a name server fails: this says nothing about the host.
            (Err(error), Some(known)) => Ok(Found { addresses: known, failure: Some(error) }),
            (Err(error), None) => Err(failed(name, error)),
        }
    }

    /// Waits for the last lookup of this host, if it still runs. Returns the addresses that were
    /// found last, and why this lookup failed, if it did.
    pub(super) async fn find_newer(&self, name: &str) -> Option<Found> {
        let last = self.lock().get(name).and_then(|host| host.lookup.clone())?;
        let failure = result_within(LIMIT, last).await.err();
        Some(Found { addresses: self.known(name)?, failure })
    }

    /// The lookup of this host that runs, or a new one.
    fn look_up(self: &Arc<Self>, name: &str) -> watch::Receiver<Outcome> {
        let (lookup, sender) = self.join(name);
        if let Some(sender) = sender {
            let (names, name) = (self.clone(), name.to_owned());
            // Its result is passed through `sender`, also to others, whether or not this caller
            // waits for it. So the attempts to start its thread are not the caller's, either.
            let start = blocking_thread::start(move || names.run(&name, &sender));
            tokio::spawn(async move { drop(start.await) });
        }
        lookup
    }

    /// The lookup of a host, with the sender for its result if it has to be started.
    fn join(&self, name: &str) -> (watch::Receiver<Outcome>, Option<watch::Sender<Outcome>>) {
        let mut hosts = self.lock();
        // Names of servers would accumulate where each deployment has new ones.
        hosts.retain(|_, host| host.is_used());
        let host = hosts.entry(name.to_owned()).or_default();
        if let Some(running) = host.running() {
            return (running.clone(), None);
        }
        let (sender, lookup) = watch::channel(None);
        host.lookup = Some(lookup.clone());
        (lookup, Some(sender))
    }

    fn run(&self, name: &str, sender: &watch::Sender<Outcome>) {
        let found = (self.lookup)(name).map(Addresses::from).map_err(Arc::new);
        let is_change = self.lock().entry(name.to_owned()).or_default().record(&found);
        // Before it is logged: the log may block, and requests must not wait for it.
        sender.send_replace(Some(found.clone()));
        match found {
            Err(error) if is_change => warn!(
                host = name,
                %error,
                "cannot look up a host; using its last addresses for at most ten minutes"
            ),
            Ok(_) if is_change => info!(host = name, "looking up a host works again"),
            _ => {}
        }
    }

    fn known(&self, name: &str) -> Option<Addresses> {
        self.lock().get(name).and_then(Host::known)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

/// The result of a lookup, or an error if there is none after this time.
async fn result_within(limit: Duration, mut lookup: watch::Receiver<Outcome>) -> LookupResult {
    let result = match timeout(limit, lookup.wait_for(Option::is_some)).await {
        Ok(ended) => ended.ok().and_then(|outcome| (*outcome).clone()),
        Err(_) => {
            let text = format!("no name server answered within {} ms", limit.as_millis());
            Some(Err(Arc::new(io::Error::new(io::ErrorKind::TimedOut, text))))
        }
    };
    result.unwrap_or_else(|| Err(Arc::new(io::Error::other("the lookup was interrupted"))))
}

fn failed(name: &str, error: Arc<io::Error>) -> Error {
    let text = "cannot look up the addresses of the host";
    Error::new(ErrorKind::Transport, OPERATION, text).with("host", name).caused_by(error)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{SyncSender, sync_channel};

    use tokio::task::yield_now;
    use tokio::time::advance;
    use tracing::span::{Attributes, Id, Record};
    use tracing::subscriber::with_default;
    use tracing::{Event, Metadata, Subscriber};

    use super::host::KEPT;
    use super::*;
    use crate::blocking_thread::tests::refusing;

    pub(super) const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    /// Timers expire up to a millisecond late.
    const TICK: Duration = Duration::from_millis(2);

    /// Records for each line whether the lookup has its result.
    struct Log {
        lookup: watch::Receiver<Outcome>,
        had_result: Arc<Mutex<Vec<bool>>>,
    }

    impl Subscriber for Log {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, _: &Event<'_>) {
            self.had_result.lock().unwrap().push(self.lookup.borrow().is_some());
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    /// Names whose lookups wait for the addresses that are sent, and the number of lookups.
    fn waiting() -> (Arc<Names>, SyncSender<Vec<SocketAddr>>, Arc<AtomicUsize>) {
        let (sender, addresses) = sync_channel(1);
        let addresses = Mutex::new(addresses);
        let begun = Arc::new(AtomicUsize::new(0));
        let counted = begun.clone();
        let lookup = move |_: &str| {
            counted.fetch_add(1, Ordering::SeqCst);
            addresses.lock().unwrap().recv().map_err(io::Error::other)
        };
        (Arc::new(Names::new(lookup)), sender, begun)
    }

    async fn until(begun: &AtomicUsize, count: usize) {
        while begun.load(Ordering::SeqCst) < count {
            yield_now().await;
        }
    }

    /// B69
    #[test]
    fn a_name_is_looked_up_once_a_thread_is_granted() {
        let names = Arc::new(Names::system());
        let found = refusing(1).block_on(names.find("localhost")).unwrap();
        assert!(found.addresses[0].ip().is_loopback());
    }

    /// B69: without its first caller, nobody else would start the thread.
    #[test]
    fn a_lookup_gets_its_thread_although_its_caller_waits_no_longer() {
        let names = Arc::new(Names::system());
        refusing(1).block_on(async {
            assert!(timeout(Duration::ZERO, names.find("localhost")).await.is_err());
            assert!(names.find("localhost").await.is_ok());
        });
    }

    /// B96
    #[tokio::test(start_paused = true)]
    async fn a_late_result_serves_the_next_request() {
        let (names, sender, begun) = waiting();
        let find = || {
            let names = names.clone();
            tokio::spawn(async move { names.find("slow").await })
        };
        let first = find();
        until(&begun, 1).await;
        advance(LIMIT + TICK).await;
        let error = first.await.unwrap().err().unwrap();
        assert!(error.to_string().contains("host=slow"), "{error}");
        // The lookup of the first request still runs.
        let second = find();
        yield_now().await;
        sender.send(vec![ANY]).unwrap();
        let found = second.await.unwrap().unwrap();
        assert_eq!((&*found.addresses, found.failure.is_none()), (&[ANY][..], true));
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        // Another one is slow, too, and the addresses that are known are used.
        let third = find();
        until(&begun, 2).await;
        advance(PATIENCE + TICK).await;
        let found = third.await.unwrap().unwrap();
        assert_eq!((&*found.addresses, found.failure.is_some()), (&[ANY][..], true));
    }

    #[tokio::test]
    async fn a_lookup_that_fails_is_repeated_by_the_next_request() {
        let begun = AtomicUsize::new(0);
        let names = Arc::new(Names::new(move |_| match begun.fetch_add(1, Ordering::SeqCst) {
            0 => Err(io::Error::other("on purpose")),
            _ => Ok(vec![ANY]),
        }));
        assert_eq!(names.find("host").await.err().unwrap().kind(), ErrorKind::Transport);
        assert_eq!(*names.find("host").await.unwrap().addresses, [ANY]);
    }

    /// B101
    #[tokio::test(start_paused = true)]
    async fn the_addresses_that_are_known_are_used_if_a_lookup_fails() {
        let begun = AtomicUsize::new(0);
        let names = Arc::new(Names::new(move |_| match begun.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(vec![ANY]),
            _ => Err(io::Error::other("on purpose")),
        }));
        for are_old in [false, true] {
            let found = names.find("host").await.unwrap();
            assert_eq!((&*found.addresses, found.failure.is_some()), (&[ANY][..], are_old));
        }
        advance(KEPT).await;
        let error = names.find("host").await.err().unwrap();
        assert!(error.to_string().contains("host=host"), "{error}");
    }

    /// B121
    #[test]
    fn requests_have_their_result_before_it_is_logged() {
        let names = Names::new(|_| Err(io::Error::other("on purpose")));
        names.lock().entry("host".to_owned()).or_default().record(&Ok(Addresses::from([ANY])));
        let (sender, lookup) = watch::channel(None);
        let had_result = Arc::new(Mutex::new(Vec::new()));
        let log = Log { lookup, had_result: had_result.clone() };
        with_default(log, || names.run("host", &sender));
        assert_eq!(*had_result.lock().unwrap(), [true]);
    }

    /// B101: its name server fails after the first request has stopped to wait.
    #[tokio::test(start_paused = true)]
    async fn a_request_that_joins_a_lookup_does_not_share_its_failure() {
        let (names, sender, begun) = waiting();
        sender.send(vec![ANY]).unwrap();
        names.find("host").await.unwrap();
        let find = || {
            let names = names.clone();
            tokio::spawn(async move { names.find("host").await })
        };
        let first = find();
        until(&begun, 2).await;
        advance(PATIENCE + TICK).await;
        assert!(first.await.unwrap().unwrap().failure.is_some());
        let second = find();
        yield_now().await;
        // Ends the lookup with an error.
        drop(sender);
        assert!(second.await.unwrap().unwrap().failure.is_some());
        assert_eq!(begun.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_that_are_not_used_any_more_are_forgotten() {
        let names = Arc::new(Names::new(|_| Ok(vec![ANY])));
        names.find("old").await.unwrap();
        advance(KEPT).await;
        names.find("new").await.unwrap();
        assert_eq!(names.lock().keys().collect::<Vec<_>>(), ["new"]);
    }

    /// B121: its addresses are used for ten minutes only.
    #[tokio::test(start_paused = true)]
    async fn a_host_whose_lookups_fail_is_remembered_until_it_is_not_used_any_more() {
        let names = Arc::new(Names::new(|name| match name {
            "failing" => Err(io::Error::other("on purpose")),
            _ => Ok(vec![ANY]),
        }));
        let known = Ok(Addresses::from([ANY]));
        names.lock().entry("failing".to_owned()).or_default().record(&known);
        for is_unknown in [false, false, true] {
            assert_eq!(names.find("failing").await.is_err(), is_unknown);
            advance(KEPT / 2).await;
        }
        names.find("other").await.unwrap();
        assert!(names.lock().get_mut("failing").unwrap().record(&known), "it works again");
        names.find("failing").await.unwrap();
        advance(KEPT).await;
        names.find("new").await.unwrap();
        assert_eq!(names.lock().keys().collect::<Vec<_>>(), ["new"]);
    }
}
