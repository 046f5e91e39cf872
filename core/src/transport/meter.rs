//! Counts requests, by endpoint and result, and adds up their duration.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Requests of one endpoint with one status.
///
/// ```
/// use castalia_core::testing::{Data, Network, Server};
/// use castalia_core::{Client, Settings};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let server = Server::in_memory("http://s1", Data::new());
/// server.publish("demo", "application", &[("timeout", "200")]);
/// let network = Network::new();
/// network.connect(&server);
///
/// let settings = Settings::new()
///     .set("app.id", "demo")
///     .set("apollo.meta", "http://s1")
///     .set("apollo.cache.file.enable", "false");
/// let client = Client::with_http_client(settings, network)?;
/// let _config = client.config("application").await?;
/// let http = client.metrics().http;
/// assert!(http.iter().any(|row| row.endpoint == "configs" && row.status == 200));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpMetrics {
    /// First part of the path: `configs`, `notifications` or `services`.
    pub endpoint: String,
    /// Status; 0 if none arrived.
    pub status: u16,
    /// Number of requests.
    pub count: u64,
    /// Sum of their durations.
    pub time: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Meter {
    ended: Mutex<BTreeMap<(String, u16), (u64, Duration)>>,
}

impl Meter {
    pub(super) fn record(&self, path: &str, status: u16, time: Duration) {
        let endpoint = path.split(['/', '?']).nth(1).unwrap_or_default().to_owned();
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, total) = ended.entry((endpoint, status)).or_default();
        *count += 1;
        *total += time;
    }

    pub(super) fn read(&self) -> Vec<HttpMetrics> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let all = ended.iter().map(|((endpoint, status), (count, time))| HttpMetrics {
            endpoint: endpoint.clone(),
            status: *status,
            count: *count,
            time: *time,
        });
        all.collect()
    }
}
