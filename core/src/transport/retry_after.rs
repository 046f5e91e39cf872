//! How long a server asks to wait before the next request.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};

/// A wrong value must not disconnect a client for hours.
const LONGEST: Duration = Duration::from_secs(120);

/// How long to wait. The header contains seconds or a date by the server's clock, which shows
/// `servers_now` (ms).
pub(super) fn retry_after(headers: &HeaderMap, servers_now: i64) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let moment = chrono::DateTime::parse_from_rfc2822(text).ok()?.timestamp_millis();
            Duration::from_millis(u64::try_from(moment - servers_now).unwrap_or(0))
        }
    };
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Retry-After` in seconds, or as a date by the server's clock.
    #[test]
    fn a_server_may_ask_for_patience_in_seconds_or_until_a_moment() {
        let wait = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            // Fri, 31 Dec 1999 23:59:59 GMT
            retry_after(&headers, 946_684_799_000).map(|wait| wait.as_secs())
        };
        assert_eq!(wait("7"), Some(7));
        assert_eq!(wait("Sat, 01 Jan 2000 00:00:29 GMT"), Some(30));
        assert_eq!(wait("Sat, 01 Jan 2000 01:00:00 GMT"), Some(120));
        assert_eq!(wait("Fri, 31 Dec 1999 00:00:00 GMT"), Some(0));
        assert_eq!(wait("soon"), None);
    }
}
