//! Metrics, settings and errors as serde values, with one schema for all languages: the names of
//! the fields in Rust, except that a time has its unit in the name. Times are whole microseconds, a
//! moment those since 1970 (UTC).

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use crate::error::Error;
use crate::monitor::State;
use crate::settings::Origin;
use crate::snapshot::Source;
use crate::transport::HttpMetrics;

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut record = serializer.serialize_struct("Error", 5)?;
        record.serialize_field("kind", self.kind().name())?;
        record.serialize_field("code", &self.kind().code())?;
        record.serialize_field("message", &self.to_string())?;
        record.serialize_field("operation", self.operation())?;
        record.serialize_field("context", &self.context().collect::<BTreeMap<_, _>>())?;
        record.end()
    }
}

impl Serialize for HttpMetrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut record = serializer.serialize_struct("HttpMetrics", 4)?;
        record.serialize_field("endpoint", &self.endpoint)?;
        record.serialize_field("status", &self.status)?;
        record.serialize_field("count", &self.count)?;
        record.serialize_field("time_us", &micros_of(self.time))?;
        record.end()
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A duration as a field whose name ends with `_us`.
pub(crate) fn duration<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(micros_of).serialize(serializer)
}

/// A moment as a field whose name ends with `_us`.
pub(crate) fn moment<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    moment_of(*time).serialize(serializer)
}

/// A moment that there may not have been.
pub(crate) fn optional_moment<S: Serializer>(
    time: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(moment_of).serialize(serializer)
}

fn moment_of(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => micros_of(after),
        Err(before) => -micros_of(before.duration()),
    }
}

fn micros_of(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn an_error_is_a_record_with_its_whole_text() {
        let error = Error::new(ErrorKind::NotFound, "load", "not found").with("namespace", "a");
        let record = json!({
            "kind": "NotFound",
            "code": 3,
            "message": "NotFound in load: not found (namespace=a)",
            "operation": "load",
            "context": { "namespace": "a" },
        });
        assert_eq!(serde_json::to_value(&error).unwrap(), record);
    }

    #[test]
    fn moments_before_1970_are_negative() {
        let before = SystemTime::UNIX_EPOCH - Duration::from_millis(2);
        assert_eq!(moment_of(before), -2000);
    }
}
