//! Connects a request to the addresses of its host one after the other. reqwest alone would look the
//! name up within the connect timeout, and divide this among the addresses.
//!
//! reqwest passes nothing of a request to its resolver and its connector, but calls both in the task
//! of the request: there they find its [`Attempts`]. A request whose name is not looked up yet fails
//! at once, looks it up and is sent again.

use std::collections::VecDeque;
use std::future::ready;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::Instant;
use tower::{Layer, Service};

use super::Connecting;
use super::names::{Addresses, Found, Names};
use crate::error::Result;

/// How long hyper tries one family of addresses before it tries the other one at the same time.
const FAMILY_DELAY: Duration = Duration::from_millis(300);
/// How long after the first attempt another one may begin. A host may have many addresses, and the
/// caller may have other servers.
const LIMIT: Duration = Duration::from_secs(10);

tokio::task_local! {
    static ATTEMPTS: Arc<Attempts>;
}

/// The attempts of one request to connect.
pub(super) struct Attempts {
    connecting: Connecting,
    target: Mutex<Target>,
}

#[derive(Default)]
struct Target {
    /// The name that the connector needs: that of the host, or of a proxy. `None` if there is a
    /// connection, or the address has no name.
    name: Option<String>,
    /// `None` until the name is looked up.
    plan: Option<Plan>,
}

struct Plan {
    /// Addresses of the current attempt and of those after it.
    left: VecDeque<Vec<SocketAddr>>,
    /// When no other attempt begins any more.
    until: Instant,
    /// All addresses, if a lookup that still runs may find others.
    old: Option<Addresses>,
}

impl Attempts {
    pub(super) fn new(connecting: Connecting) -> Arc<Self> {
        Arc::new(Self { connecting, target: Mutex::default() })
    }

    /// Sends the request, with the addresses of the current attempt.
    pub(super) async fn run<T>(self: &Arc<Self>, sent: impl Future<Output = T>) -> T {
        ATTEMPTS.scope(self.clone(), sent).await
    }

    /// After an attempt that failed to connect: whether there is another one, of at most `limit`.
    ///
    /// # Errors
    /// As [`Names::find`].
    pub(super) async fn prepare_next(&self, names: &Arc<Names>, limit: Duration) -> Result<bool> {
        if let Some(name) = self.unresolved() {
            let _connecting = self.connecting.begin();
            let found = names.find(&name).await?;
            self.lock().plan = Some(Plan::new(found, limit));
            return Ok(true);
        }
        Ok(self.advance() || self.renew(names, limit).await)
    }

    /// After all attempts with old addresses: waits for the lookup that may find others, once.
    /// Returns whether it did.
    async fn renew(&self, names: &Names, limit: Duration) -> bool {
        let Some((name, old)) = self.take_old() else {
            return false;
        };
        let _connecting = self.connecting.begin();
        match names.find_newer(&name).await {
            Some(addresses) if addresses != old => {
                let found = Found { addresses, are_old: false };
                self.lock().plan = Some(Plan::new(found, limit));
                true
            }
            _ => false,
        }
    }

    /// Addresses for the current attempt; `None` if this name has to be looked up.
    fn addresses(&self, name: &str) -> Option<Vec<SocketAddr>> {
        let mut target = self.lock();
        if target.name.as_deref() != Some(name) {
            *target = Target { name: Some(name.to_owned()), plan: None };
        }
        let plan = target.plan.as_ref()?;
        Some(plan.left.front().cloned().unwrap_or_default())
    }

    fn unresolved(&self) -> Option<String> {
        let target = self.lock();
        target.name.clone().filter(|_| target.plan.is_none())
    }

    /// The name and its old addresses, unless they were taken before.
    fn take_old(&self) -> Option<(String, Addresses)> {
        let mut target = self.lock();
        let old = target.plan.as_mut()?.old.take()?;
        Some((target.name.clone()?, old))
    }

    fn advance(&self) -> bool {
        let mut target = self.lock();
        target.plan.as_mut().is_some_and(|plan| {
            plan.left.pop_front();
            !plan.left.is_empty() && Instant::now() < plan.until
        })
    }

    fn lock(&self) -> MutexGuard<'_, Target> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    fn new(found: Found, limit: Duration) -> Self {
        Self {
            left: in_turn(&found.addresses, limit),
            until: Instant::now() + LIMIT,
            old: found.are_old.then_some(found.addresses),
        }
    }
}

/// The addresses of each attempt: one, or one of each family if there is time for both.
fn in_turn(found: &[SocketAddr], limit: Duration) -> VecDeque<Vec<SocketAddr>> {
    if limit < 2 * FAMILY_DELAY {
        return found.iter().map(|address| vec![*address]).collect();
    }
    let starts_with_v6 = found.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, others): (Vec<_>, Vec<_>) =
        found.iter().copied().partition(|address| address.is_ipv6() == starts_with_v6);
    let count = preferred.len().max(others.len());
    (0..count)
        .map(|index| preferred.get(index).into_iter().chain(others.get(index)).copied().collect())
        .collect()
}

/// Returns the addresses of the current attempt of the request.
pub(super) struct AttemptResolver;

impl Resolve for AttemptResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found = ATTEMPTS.try_with(|attempts| attempts.addresses(name.as_str()));
        Box::pin(ready(match found {
            Ok(Some(addresses)) => Ok(Box::new(addresses.into_iter()) as Addrs),
            _ => Err("the name is not looked up yet".into()),
        }))
    }
}

/// Reports to the request that a connection is being made for it.
#[derive(Clone)]
pub(super) struct Reporting;

impl<S> Layer<S> for Reporting {
    type Service = ReportingConnector<S>;

    fn layer(&self, connector: S) -> Self::Service {
        ReportingConnector { connector }
    }
}

#[derive(Clone)]
pub(super) struct ReportingConnector<S> {
    connector: S,
}

impl<S, R> Service<R> for ReportingConnector<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let guard = ATTEMPTS.try_with(|attempts| attempts.connecting.begin()).ok();
        let connected = self.connector.call(request);
        Box::pin(connected.inspect(move |_| drop(guard)))
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::IpAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::sync_channel;

    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The first address that an attempt connects to.
    async fn resolve(attempts: &Arc<Attempts>) -> Option<IpAddr> {
        let resolving = async { AttemptResolver.resolve("host".parse().unwrap()).await };
        attempts.run(resolving).await.ok()?.map(|address| address.ip()).next()
    }

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    }

    /// With two addresses in one attempt, hyper tries the second family after 300 ms.
    #[test]
    fn each_attempt_has_one_address_of_each_family_if_there_is_time() {
        let found = addresses(&["::1", "10.0.0.1", "::2", "::3", "10.0.0.2"]);
        let texts = |limit| {
            let attempts = in_turn(&found, Duration::from_millis(limit));
            let text = |attempt: Vec<SocketAddr>| {
                attempt.iter().map(|one| one.ip().to_string()).collect::<Vec<_>>().join(" ")
            };
            attempts.into_iter().map(text).collect::<Vec<_>>()
        };
        assert_eq!(texts(1000), ["::1 10.0.0.1", "::2 10.0.0.2", "::3"]);
        assert_eq!(texts(300), ["::1", "10.0.0.1", "::2", "::3", "10.0.0.2"]);
        assert!(in_turn(&[], Duration::from_secs(1)).is_empty());
    }

    #[tokio::test]
    async fn a_name_is_looked_up_once_and_its_addresses_are_tried_in_turn() {
        let names = Arc::new(Names::new(|_| Ok(addresses(&["10.0.0.1", "10.0.0.2"]))));
        let attempts = Attempts::new(Connecting::default());
        assert_eq!(resolve(&attempts).await, None, "it is not looked up yet");
        for ip in ["10.0.0.1", "10.0.0.2"] {
            assert!(attempts.prepare_next(&names, SECOND).await.unwrap());
            assert_eq!(resolve(&attempts).await, Some(ip.parse().unwrap()));
        }
        assert!(!attempts.prepare_next(&names, SECOND).await.unwrap());
    }

    /// B96: each of a hundred addresses that do not answer takes the connect timeout.
    #[tokio::test(start_paused = true)]
    async fn no_other_address_is_tried_after_the_limit() {
        let names = Arc::new(Names::new(|_| Ok(addresses(&["10.0.0.1", "10.0.0.2", "10.0.0.3"]))));
        let attempts = Attempts::new(Connecting::default());
        resolve(&attempts).await;
        for pause in [Duration::ZERO, LIMIT - SECOND] {
            advance(pause).await;
            assert!(attempts.prepare_next(&names, SECOND).await.unwrap());
        }
        advance(SECOND).await;
        assert!(!attempts.prepare_next(&names, SECOND).await.unwrap());
    }

    /// B96: a name server is slow, and the host has moved.
    #[tokio::test]
    async fn addresses_that_are_found_late_are_tried_after_the_old_ones() {
        let (sender, late) = sync_channel(1);
        let (begun, late) = (AtomicUsize::new(0), Mutex::new(late));
        let names = Arc::new(Names::new(move |_| match begun.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(addresses(&["10.0.0.1"])),
            _ => late.lock().unwrap().recv().map_err(io::Error::other),
        }));
        names.find("host").await.unwrap();
        let attempts = Attempts::new(Connecting::default());
        resolve(&attempts).await;
        assert!(attempts.prepare_next(&names, SECOND).await.unwrap());
        assert_eq!(resolve(&attempts).await, Some("10.0.0.1".parse().unwrap()));
        sender.send(addresses(&["10.0.0.2"])).unwrap();
        assert!(attempts.prepare_next(&names, SECOND).await.unwrap());
        assert_eq!(resolve(&attempts).await, Some("10.0.0.2".parse().unwrap()));
        assert!(!attempts.prepare_next(&names, SECOND).await.unwrap());
    }

    #[tokio::test]
    async fn without_a_name_there_is_one_attempt() {
        let names = Arc::new(Names::new(|name| panic!("{name}")));
        let attempts = Attempts::new(Connecting::default());
        assert!(!attempts.prepare_next(&names, Duration::from_secs(1)).await.unwrap());
    }
}
