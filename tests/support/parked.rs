//! How many polls a server holds, as its metrics say: a test that has to know that a poll is parked
//! waits for it instead of guessing how long the server needs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::http::Http;

/// Data directories of the servers of this run, by the address of their config role.
static SERVERS: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());

/// Records where the server of an address keeps the token of its metrics.
pub(crate) fn record(address: &str, data_dir: &Path) {
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    servers.insert(address.to_owned(), data_dir.to_owned());
}

/// Polls that are parked at this moment; `None` where the server is not ours or does not say.
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
