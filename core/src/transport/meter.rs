//! Counts requests, by endpoint and result, and adds up their duration.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Requests of one endpoint with one status.
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
