//! The number of parked polls according to the server's metrics: a test that needs a parked poll
//! waits for it instead of sleeping.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::http::Http;

/// Data directories of the servers of this run, by the address of their config role.
static SERVERS: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());

/// Records where the server of an address stores its metrics token.
pub(crate) fn record(address: &str, data_dir: &Path) {
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    servers.insert(address.to_owned(), data_dir.to_owned());
}

/// Number of polls that are parked now; `None` if the server was not started here or does not
/// answer.
pub(crate) async fn count(http: &Http) -> Option<u64> {
    let directory = {
        let servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        servers.get(http.base())?.clone()
    };
    let token = std::fs::read_to_string(directory.join("metrics.token")).unwrap_or_default();
    let operator =
        Http::new(http.base()).with("Authorization", &format!("Bearer {}", token.trim()));
    let answer = operator.get("/prometheus").await;
    let line = answer.text.lines().find_map(|line| line.strip_prefix("castalia_parked_polls "))?;
    line.trim().parse().ok()
}
