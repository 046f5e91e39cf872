//! The rules of reads for hosts that keep a copy of each snapshot and read from it themselves.
//! Values are parsed by [`crate::FromValue`], in every language.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::format::rules::ReadRules;
use crate::format::value::FromValue;
use crate::host::fork;
use crate::snapshot::Snapshot;

/// How a client's copies are read, decided by its settings.
///
/// ```
/// use castalia_core::host::read::ReadPolicy;
/// use castalia_core::{Client, Settings};
///
/// let settings = Settings::new()
///     .set("app.id", "demo")
///     .overlay([("timeout".to_owned(), "200".to_owned())]);
/// let policy = ReadPolicy::of(&Client::new(settings)?);
/// assert_eq!(policy.fallback.get("timeout").map(String::as_str), Some("200"));
/// # Ok::<(), castalia_core::Error>(())
/// ```
pub struct ReadPolicy {
    /// How values are parsed.
    pub rules: ReadRules,
    /// Maximum number of parsed values that a host caches for each snapshot and type.
    pub typed_cache: usize,
    /// Values of keys that a snapshot does not have, such as environment variables.
    pub fallback: HashMap<String, String>,
}

impl ReadPolicy {
    /// The policy of a client, which never changes.
    #[must_use]
    pub fn of(client: &Client) -> Self {
        let settings = client.effective_settings();
        // As `Lookup::fallback_value`: the overlay overrides the environment.
        let mut fallback = settings.environment.clone();
        fallback.extend(settings.overlay.clone());
        Self { rules: settings.rules, typed_cache: settings.typed_cache, fallback }
    }
}

/// Parses the text of a value.
///
/// # Errors
/// [`ErrorKind::Parse`] if it is malformed.
pub fn parse<T: FromValue>(text: &str, rules: ReadRules) -> Result<T> {
    T::read(text, rules).ok_or_else(|| Error::new(ErrorKind::Parse, "read value", T::EXPECTED))
}

/// Where values are read from by type.
pub enum Origin<'a> {
    /// A snapshot, which caches parsed values, and logs and counts malformed ones.
    Snapshot(&'a Snapshot),
    /// The text of one value; `None` if it is missing.
    Text(Option<&'a str>, ReadRules),
}

impl Origin<'_> {
    /// The value of the key; `None` if it is missing.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`] if it is malformed.
    pub fn try_get<T: FromValue>(&self, key: &str) -> Result<Option<T>> {
        match self {
            Self::Snapshot(snapshot) => snapshot.try_get(key),
            Self::Text(text, rules) => {
                let parsed = text.map(|text| parse(text, *rules)).transpose();
                parsed.map_err(|error| error.with("key", key))
            }
        }
    }
}

/// A snapshot that a host keeps, also in a forked child.
pub struct KeptSnapshot {
    snapshot: Arc<Snapshot>,
    /// Number of forks before it was kept.
    forks: u32,
}

impl KeptSnapshot {
    /// Keeps a snapshot of this process.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot, forks: fork::forks() }
    }

    /// Where the value of this key is read from.
    #[inline]
    #[must_use]
    pub fn origin(&self, key: &str) -> Origin<'_> {
        if self.forks == fork::forks() {
            return Origin::Snapshot(&self.snapshot);
        }
        // The fork may have interrupted another thread while it initialized a parsed value.
        Origin::Text(self.snapshot.get(key), self.snapshot.read_rules())
    }
}

impl Deref for KeptSnapshot {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}

/// Reports the value of a key that the host itself found malformed: it is logged and counted once
/// for each snapshot.
///
/// # Errors
/// [`ErrorKind::Parse`], unless the key is missing.
pub fn refuse(snapshot: &Snapshot, key: &str) -> Result<()> {
    snapshot.try_get::<Refused>(key).map(drop)
}

/// A type that no value can be parsed as. Reading a value as this type takes the cache slot that
/// records whether the value was reported.
#[derive(Clone)]
struct Refused;

impl FromValue for Refused {
    const EXPECTED: &'static str = "the parser rejected the value";

    fn from_value(_: &str) -> Option<Self> {
        None
    }
}

/// A duration in whole milliseconds.
#[must_use]
pub fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// A moment as milliseconds since 1970 (UTC).
#[must_use]
pub fn epoch_millis(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => millis(since),
        Err(before) => -millis(before.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_as_the_value_of_a_snapshot_is() {
        let snapshot = Snapshot::sample("application", "1", &[("n", "7"), ("bad", "x")]);
        let kept = KeptSnapshot::new(snapshot.clone());
        for key in ["n", "bad", "missing"] {
            let text = Origin::Text(kept.get(key), kept.read_rules());
            let [read, parsed] = [kept.origin(key), text]
                .map(|origin| origin.try_get::<i32>(key).map_err(|error| error.kind()));
            assert_eq!(read, parsed, "{key}");
        }
        assert_eq!(snapshot.malformed_reads(), 1);
    }

    #[test]
    fn a_value_that_the_host_refuses_is_counted_once() {
        let snapshot = Snapshot::sample("application", "1", &[("enum", "x")]);
        for _ in 0..2 {
            assert_eq!(refuse(&snapshot, "enum").unwrap_err().kind(), ErrorKind::Parse);
        }
        assert_eq!(snapshot.malformed_reads(), 1);
        assert!(refuse(&snapshot, "missing").is_ok());
    }
}
