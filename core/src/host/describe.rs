//! What a host shows of a client, as records with one schema for all languages, that of
//! [`crate::Metrics`] and [`crate::Setting`]: the names of the fields in Rust, and a time in
//! microseconds. So a new counter, setting or field needs no conversion of its own.

use std::collections::HashMap;
use std::time::SystemTime;

use serde::Serialize;
use serde_json::{Value, json};

use crate::change::ChangeEvent;
use crate::client::Client;
use crate::config::Config;
use crate::error::Error;
use crate::host::read::{ReadPolicy, millis};
use crate::log::Record;
use crate::snapshot::{Snapshot, Source};

/// What a client reports about itself, by the name of the report: `about`, `settings`, `metrics`, or
/// `metrics_text` in the format of OpenMetrics. Null for another name.
#[must_use]
pub fn report(client: &Client, name: &str) -> Value {
    match name {
        "about" => about(client),
        "settings" => settings(client),
        "metrics" => metrics(client),
        "metrics_text" => client.metrics_text().into(),
        _ => Value::Null,
    }
}

/// What never changes while a client exists: its app id and environment, the namespaces that a start
/// opens, the rules of reads that the host makes itself, and how long its listeners have when it is
/// closed.
fn about(client: &Client) -> Value {
    let ReadPolicy { rules, typed_cache, fallback } = ReadPolicy::of(client);
    json!({
        "app_id": client.app_id(),
        "env": client.env().name(),
        "namespaces": client.effective_settings().namespaces,
        "drain_ms": millis(super::DRAIN),
        "zone": rules.zone.to_string(),
        "lenient_dates": rules.lenient_dates,
        "strict_booleans": rules.strict_booleans,
        "typed_cache": typed_cache,
        "fallback": fallback,
    })
}

/// State of a namespace, and the error of its last load.
#[must_use]
pub fn standing(config: &Config) -> Value {
    json!({ "state": config.state(), "last_error": config.last_error() })
}

/// A snapshot without its values; `size` is their number.
#[must_use]
pub fn snapshot(snapshot: &Snapshot) -> Value {
    let identity = snapshot.identity();
    record(&SnapshotRecord {
        app_id: &identity.app_id,
        cluster: &identity.cluster,
        namespace: &identity.namespace,
        format: snapshot.format().name(),
        source: snapshot.source(),
        release_key: snapshot.release_key(),
        notification_id: snapshot.notification_id(),
        loaded_at_us: snapshot.loaded_at(),
        size: snapshot.len(),
    })
}

#[derive(Serialize)]
struct SnapshotRecord<'a> {
    app_id: &'a str,
    cluster: &'a str,
    namespace: &'a str,
    format: &'a str,
    source: Source,
    release_key: &'a str,
    notification_id: i64,
    #[serde(serialize_with = "crate::record::moment")]
    loaded_at_us: SystemTime,
    size: usize,
}

/// An event without its changes and its snapshot; `size` is the number of changes.
#[must_use]
pub fn event(event: &ChangeEvent) -> Value {
    let identity = event.identity();
    json!({
        "app_id": identity.app_id,
        "namespace": identity.namespace,
        "interested_keys": event.interested_keys(),
        "old_release_key": event.old_release_key(),
        "release_key": event.release_key(),
        "source": event.source(),
        "sequence": event.sequence(),
        "coalesced": event.coalesced(),
        "size": event.changes().len(),
    })
}

/// Why a call failed.
#[must_use]
pub fn error(error: &Error) -> Value {
    record(error)
}

/// A log record.
#[must_use]
pub fn log_record(logged: &Record) -> Value {
    let fields: HashMap<_, _> = logged.fields.iter().map(|(name, value)| (name, value)).collect();
    json!({
        "level": logged.level.as_str(),
        "target": logged.target,
        "text": logged.text,
        "fields": fields,
    })
}

/// State and counters.
#[must_use]
pub fn metrics(client: &Client) -> Value {
    record(&client.metrics())
}

/// Every effective setting and its origin, as a list.
#[must_use]
pub fn settings(client: &Client) -> Value {
    record(client.settings())
}

fn record(described: &(impl Serialize + ?Sized)) -> Value {
    // Cannot fail: the names of all fields are text.
    serde_json::to_value(described).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;
    use crate::in_memory::InMemory;

    #[tokio::test]
    async fn metrics_and_settings_are_records() {
        let memory = InMemory::new().unwrap();
        memory.set("application", "a", "1").await.unwrap();
        memory.client().config("application").await.unwrap();
        memory.client().config("broken").await.unwrap();
        memory.fail("broken").await.unwrap();

        let metrics = metrics(memory.client());
        let text = |path: &str| metrics.pointer(path).and_then(Value::as_str);
        let number = |path: &str| metrics.pointer(path).and_then(Value::as_i64);
        assert_eq!(text("/namespaces/0/namespace"), Some("application"));
        assert_eq!(text("/namespaces/0/source"), Some("static"));
        assert_eq!(number("/namespaces/0/items"), Some(1));
        assert!(number("/namespaces/0/updated_at_us") > Some(1_600_000_000_000_000));
        assert!(number("/namespaces/0/first_load_us") >= Some(0));
        assert!(metrics["namespaces"][0]["last_error"].is_null());
        assert_eq!(text("/namespaces/1/last_error/kind"), Some("Transport"));
        assert!(number("/threads/workers") > Some(0));

        let settings = settings(memory.client());
        let settings = settings.as_array().unwrap();
        let app_id = settings.iter().find(|setting| setting["name"] == "app.id").unwrap();
        assert_eq!((&app_id["value"], &app_id["origin"]), (&"test".into(), &"code".into()));
    }

    #[tokio::test]
    async fn what_crosses_the_border_is_named_as_in_rust() {
        let memory = InMemory::new().unwrap();
        memory.set("application", "a", "1").await.unwrap();
        let config = memory.client().config("application").await.unwrap();
        let mut changes = config.changes().key("a");
        memory.set("application", "a", "2").await.unwrap();

        let about = snapshot(&config.snapshot());
        assert!(about["loaded_at_us"].as_i64() > Some(1_600_000_000_000_000));
        let names = ["app_id", "cluster", "namespace", "format", "source", "size"];
        let expected = json!(["test", "default", "application", "properties", "static", 1]);
        assert_eq!(json!(names.map(|name| &about[name])), expected);

        let event = event(&changes.next().await.unwrap());
        let names = ["namespace", "interested_keys", "source", "sequence", "coalesced", "size"];
        let expected = json!(["application", ["a"], "static", 1, 0, 1]);
        assert_eq!(json!(names.map(|name| &event[name])), expected);

        assert_eq!(standing(&config), json!({ "state": "Ready", "last_error": null }));
        let client = report(memory.client(), "about");
        let expected = json!(["test", "UNKNOWN", [], 2000, "local", {}]);
        let names = ["app_id", "env", "namespaces", "drain_ms", "zone", "fallback"];
        assert_eq!(json!(names.map(|name| &client[name])), expected);
    }

    #[test]
    fn a_log_record_has_its_fields_by_name() {
        let fields = vec![("namespace", "a".to_owned())];
        let logged =
            Record { level: Level::WARN, target: "castalia", text: "late".to_owned(), fields };
        let expected = json!({
            "level": "WARN", "target": "castalia", "text": "late", "fields": { "namespace": "a" },
        });
        assert_eq!(log_record(&logged), expected);
    }
}
