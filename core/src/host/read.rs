//! The rules of reads for hosts that keep a copy of each snapshot and read from it themselves.
//! Values are parsed by [`crate::FromValue`], in every language.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::format::rules::ReadRules;
use crate::format::value::FromValue;

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
