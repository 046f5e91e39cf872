//! Signed requests of a client with an access key.

use std::time::{SystemTime, UNIX_EPOCH};

use castalia_core::protocol::signature::{
    AUTHORIZATION_HEADER, Signer, TIMESTAMP_HEADER, authorization,
};

use super::http::Answer;
use super::raw;

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// The secret that tests refer to by a short name; the server refuses such short secrets.
pub(crate) fn secret(name: &str) -> String {
    format!("secret of the test {name}")
}

/// The headers of a request of `sec` with any timestamp and signed text.
pub(crate) fn headers(name: &str, timestamp: &str, signed: &str) -> [(&'static str, String); 2] {
    let signature = Signer::new(&secret(name)).sign(timestamp, signed);
    [
        (TIMESTAMP_HEADER, timestamp.to_owned()),
        (AUTHORIZATION_HEADER, authorization("sec", &signature)),
    ]
}

/// A GET request with a current signature.
pub(crate) async fn get(base: &str, target: &str, secret: &str) -> Answer {
    get_at(base, target, secret, now_ms()).await
}

/// A GET request that is signed with another time.
pub(crate) async fn get_at(base: &str, target: &str, secret: &str, time: i64) -> Answer {
    let headers = headers(secret, &time.to_string(), target);
    raw::get(base, target, &headers.each_ref().map(|(name, value)| (*name, value.as_str()))).await
}
