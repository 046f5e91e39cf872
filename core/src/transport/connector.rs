//! Connects a request to the addresses of its host one after the other. reqwest alone would look the
//! name up within the connect timeout, and divide this among the addresses.
//!
//! reqwest passes nothing of a request to its resolver and its connector, but calls both in the task
//! of the request: there they find its [`Attempts`]. A request whose name is not looked up yet fails
//! at once, looks it up and is sent again.

use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::timeout;
use tower::{BoxError, Layer, Service};

use super::Connecting;
use super::names::{Addresses, Found, Names};
use super::plan::Plan;
use crate::error::{Error, Result};

tokio::task_local! {
    static ATTEMPTS: Arc<Attempts>;
}

/// The attempts of one request to connect.
pub(super) struct Attempts {
    connecting: Connecting,
    /// Longest time of an attempt.
    connect_timeout: Duration,
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

impl Attempts {
    pub(super) fn new(connecting: Connecting, connect_timeout: Duration) -> Arc<Self> {
        Arc::new(Self { connecting, connect_timeout, target: Mutex::default() })
    }

    /// Sends the request, with the addresses of the current attempt.
    pub(super) async fn run<T>(self: &Arc<Self>, sent: impl Future<Output = T>) -> T {
        ATTEMPTS.scope(self.clone(), sent).await
    }

    /// After an attempt that failed to connect: whether there is another one.
    ///
    /// # Errors
    /// As [`Names::find`].
    pub(super) async fn prepare_next(&self, names: &Arc<Names>) -> Result<bool> {
        if let Some(name) = self.unresolved() {
            let _connecting = self.connecting.begin();
            let found = names.find(&name).await?;
            self.lock().plan = Some(Plan::new(found, self.connect_timeout));
            return Ok(true);
        }
        Ok(self.advance() || self.renew(names).await)
    }

    /// After all attempts with old addresses: waits for the lookup that may find others, once.
    /// Returns whether it did.
    async fn renew(&self, names: &Names) -> bool {
        let Some((name, old)) = self.take_old() else {
            return false;
        };
        let _connecting = self.connecting.begin();
        let Some(Found { addresses, failure }) = names.find_newer(&name).await else {
            return false;
        };
        let has_others = addresses != old;
        let mut target = self.lock();
        if has_others {
            let found = Found { addresses, failure: None };
            target.plan = Some(Plan::new(found, self.connect_timeout));
        }
        if let Some(plan) = &mut target.plan {
            plan.lookup_error = failure;
        }
        has_others
    }

    /// The error of the last attempt. If its addresses are old ones, the host may have moved, so
    /// that it also says why there are no newer ones.
    pub(super) fn explain(&self, error: Error) -> Error {
        let target = self.lock();
        let lookup_error = target.plan.as_ref().and_then(|plan| plan.lookup_error.as_ref());
        match (&target.name, lookup_error) {
            (Some(name), Some(lookup_error)) => {
                error.with("host", name).with("lookup_error", lookup_error.to_string())
            }
            _ => error,
        }
    }

    /// Addresses for the current attempt; `None` if this name has to be looked up.
    fn addresses(&self, name: &str) -> Option<Vec<SocketAddr>> {
        let mut target = self.lock();
        if target.name.as_deref() != Some(name) {
            *target = Target { name: Some(name.to_owned()), plan: None };
        }
        target.plan.as_ref().map(Plan::current)
    }

    /// Longest time of the current attempt.
    fn limit(&self) -> Duration {
        let target = self.lock();
        let share = target.plan.as_ref().map(Plan::share);
        share.map_or(self.connect_timeout, |share| share.min(self.connect_timeout))
    }

    fn unresolved(&self) -> Option<String> {
        let target = self.lock();
        target.name.clone().filter(|_| target.plan.is_none())
    }

    /// The name and its old addresses, unless they were taken before.
    fn take_old(&self) -> Option<(String, Addresses)> {
        let mut target = self.lock();
        let old = target.plan.as_mut()?.take_old()?;
        Some((target.name.clone()?, old))
    }

    fn advance(&self) -> bool {
        self.lock().plan.as_mut().is_some_and(Plan::advance)
    }

    fn lock(&self) -> MutexGuard<'_, Target> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

/// Reports to the request that a connection is being made for it, within the limit of the attempt.
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
    S: Service<R, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let attempt = ATTEMPTS.try_with(|attempts| (attempts.connecting.begin(), attempts.limit()));
        let connected = self.connector.call(request);
        Box::pin(async move {
            // Each request has its attempts.
            let Ok((_connecting, limit)) = attempt else { return connected.await };
            timeout(limit, connected).await.unwrap_or_else(|_| {
                let text = format!("no connection within {} ms", limit.as_millis());
                Err(io::Error::new(io::ErrorKind::TimedOut, text).into())
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::pending;
    use std::net::IpAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::sync_channel;

    use tokio::time::{Instant, advance};

    use super::*;
    use crate::error::ErrorKind;
    use crate::transport::plan::LIMIT;
    use crate::transport::plan::tests::addresses;

    const SECOND: Duration = Duration::from_secs(1);

    /// The first address that an attempt connects to.
    async fn resolve(attempts: &Arc<Attempts>) -> Option<IpAddr> {
        let resolving = async { AttemptResolver.resolve("host".parse().unwrap()).await };
        attempts.run(resolving).await.ok()?.map(|address| address.ip()).next()
    }

    #[tokio::test]
    async fn a_name_is_looked_up_once_and_its_addresses_are_tried_in_turn() {
        let names = Arc::new(Names::new(|_| Ok(addresses(&["10.0.0.1", "10.0.0.2"]))));
        let attempts = Attempts::new(Connecting::default(), SECOND);
        assert_eq!(resolve(&attempts).await, None, "it is not looked up yet");
        for ip in ["10.0.0.1", "10.0.0.2"] {
            assert!(attempts.prepare_next(&names).await.unwrap());
            assert_eq!(resolve(&attempts).await, Some(ip.parse().unwrap()));
        }
        assert!(!attempts.prepare_next(&names).await.unwrap());
    }

    /// B96: each of a hundred addresses that do not answer takes the connect timeout.
    #[tokio::test(start_paused = true)]
    async fn no_other_address_is_tried_after_the_limit() {
        let names = Arc::new(Names::new(|_| Ok(addresses(&["10.0.0.1", "10.0.0.2", "10.0.0.3"]))));
        let attempts = Attempts::new(Connecting::default(), SECOND);
        resolve(&attempts).await;
        for pause in [Duration::ZERO, LIMIT - SECOND] {
            advance(pause).await;
            assert!(attempts.prepare_next(&names).await.unwrap());
        }
        advance(SECOND).await;
        assert!(!attempts.prepare_next(&names).await.unwrap());
    }

    /// Connects to the addresses of the attempts, of which none answers, until there are no others.
    /// Returns for how many seconds each was tried.
    async fn try_all(addresses_of_host: Vec<SocketAddr>, connect_timeout: Duration) -> Vec<u64> {
        let names = Arc::new(Names::new(move |_| Ok(addresses_of_host.clone())));
        let attempts = Attempts::new(Connecting::default(), connect_timeout);
        let silent = tower::service_fn(|()| pending::<Result<Infallible, BoxError>>());
        let mut connector = Reporting.layer(silent);
        let mut times = Vec::new();
        resolve(&attempts).await;
        while attempts.prepare_next(&names).await.unwrap() {
            let start = Instant::now();
            let failed = attempts.run(async { connector.call(()).await }).await.unwrap_err();
            assert!(failed.to_string().contains("no connection within"), "{failed}");
            times.push((start.elapsed() + SECOND / 2).as_secs());
        }
        times
    }

    /// B102
    #[tokio::test(start_paused = true)]
    async fn a_long_connect_timeout_is_divided_among_the_addresses() {
        let two = addresses(&["10.0.0.1", "10.0.0.2"]);
        for (seconds, expected) in
            [(1, [1, 1]), (5, [5, 5]), (8, [5, 5]), (10, [5, 5]), (30, [15, 15])]
        {
            assert_eq!(try_all(two.clone(), seconds * SECOND).await, expected, "{seconds} s");
        }
        assert_eq!(try_all(addresses(&["10.0.0.1"]), 30 * SECOND).await, [30]);
        let both_families = addresses(&["::1", "10.0.0.1", "::2"]);
        assert_eq!(try_all(both_families, 10 * SECOND).await, [5, 5]);
        // As many as there is time for, each for a time in which a server can answer.
        let many: Vec<_> =
            (1..=100).map(|number| SocketAddr::from(([10, 0, 0, number], 0))).collect();
        for seconds in [5, 10] {
            assert_eq!(try_all(many.clone(), seconds * SECOND).await[0], 5);
        }
    }

    /// B108: a name server is slow, and fails in the end, or finds the addresses that are known.
    #[tokio::test]
    async fn the_error_of_old_addresses_has_the_result_of_the_late_lookup() {
        for late_error in [Some("on purpose"), None] {
            let (sender, late) = sync_channel(1);
            let (begun, late) = (AtomicUsize::new(0), Mutex::new(late));
            let names = Arc::new(Names::new(move |_| match begun.fetch_add(1, Ordering::SeqCst) {
                0 => Ok(addresses(&["10.0.0.1"])),
                _ => late.lock().unwrap().recv().map_err(io::Error::other)?,
            }));
            names.find("host").await.unwrap();
            let attempts = Attempts::new(Connecting::default(), SECOND);
            resolve(&attempts).await;
            assert!(attempts.prepare_next(&names).await.unwrap());
            let reported = || {
                let error = Error::new(ErrorKind::Transport, "connect", "refused");
                attempts.explain(error).to_string()
            };
            let early = reported();
            assert!(early.contains("refused (host=host, lookup_error=no name server"), "{early}");
            let late_result = late_error.map(|text| Err(io::Error::other(text)));
            sender.send(late_result.unwrap_or(Ok(addresses(&["10.0.0.1"])))).unwrap();
            assert!(!attempts.prepare_next(&names).await.unwrap());
            let context = late_error.map(|text| format!(" (host=host, lookup_error={text})"));
            let expected = format!("Transport in connect: refused{}", context.unwrap_or_default());
            assert_eq!(reported(), expected);
        }
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
        let attempts = Attempts::new(Connecting::default(), SECOND);
        resolve(&attempts).await;
        assert!(attempts.prepare_next(&names).await.unwrap());
        assert_eq!(resolve(&attempts).await, Some("10.0.0.1".parse().unwrap()));
        sender.send(addresses(&["10.0.0.2"])).unwrap();
        assert!(attempts.prepare_next(&names).await.unwrap());
        assert_eq!(resolve(&attempts).await, Some("10.0.0.2".parse().unwrap()));
        assert!(!attempts.prepare_next(&names).await.unwrap());
    }

    #[tokio::test]
    async fn without_a_name_there_is_one_attempt() {
        let names = Arc::new(Names::new(|name| panic!("{name}")));
        let attempts = Attempts::new(Connecting::default(), SECOND);
        assert!(!attempts.prepare_next(&names).await.unwrap());
    }
}
