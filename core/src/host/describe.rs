//! What a host shows of a client, as records with the schema of [`crate::Metrics`] and
//! [`crate::Setting`], so that a new counter or setting needs no conversion of its own.

use serde::Serialize;
use serde_json::Value;

use crate::client::Client;

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
}
