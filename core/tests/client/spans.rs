//! What the library logs within a load or a poll belongs to a span with the app and the namespace.

use std::sync::{Arc, Mutex};

use castalia_core::testing::Endpoint;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::support::{APP, Fixture, NAMESPACE};

/// Records the spans of the library: the name, and the fields that name an app or a namespace.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if matches!(field.name(), "app_id" | "namespace") {
            self.0 += &format!(" {}={value:?}", field.name());
        }
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("castalia_core")
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut text = Text(attributes.metadata().name().to_owned());
        attributes.record(&mut text);
        self.0.lock().unwrap().push(text.0);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn each_load_and_each_poll_is_a_span() {
    let spans = Spans::default();
    let _guard = tracing::subscriber::set_default(spans.clone());
    let fixture = Fixture::new();
    let (client, _config) = fixture.open().await;
    fixture.server.arrived(Endpoint::Poll, 1).await;
    let found = spans.0.lock().unwrap().clone();
    let load = format!("load app_id={APP:?} namespace={NAMESPACE:?}");
    let poll = format!("poll app_id={APP:?}");
    assert!(found.contains(&load) && found.contains(&poll), "{found:?}");
    client.close().await;
}
