//! Panics in functions of the application that no caller can catch: the client continues.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use castalia_core::testing::{Endpoint, Network};
use castalia_core::transport::{HttpClient, HttpRequest, HttpResponse};
use castalia_core::{Client, Result, Source};
use futures_util::future::BoxFuture;

use super::support::{Fixture, NAMESPACE, eventually, logged, record_log};

/// An HTTP client that panics for the next requests whose path contains a text.
#[derive(Clone)]
struct Faulty {
    network: Network,
    word: &'static str,
    left: Arc<AtomicUsize>,
}

impl Faulty {
    fn new(fixture: &Fixture, word: &'static str) -> Self {
        Self { network: fixture.network.clone(), word, left: Arc::default() }
    }

    fn fail_next(&self, times: usize) {
        self.left.store(times, Ordering::SeqCst);
    }
}

impl HttpClient for Faulty {
    fn get(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse>> {
        let one_less = |left: usize| left.checked_sub(1);
        let is_meant = request.url.path().contains(self.word);
        if is_meant && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok()
        {
            return Box::pin(async { panic!("a fault of the application's HTTP client") });
        }
        self.network.get(request)
    }
}

/// Discovery, loads and polls are all restarted.
#[tokio::test(start_paused = true)]
async fn every_task_is_begun_anew() {
    record_log();
    for word in ["/services/", "/configs/", "/notifications/"] {
        let fixture = Fixture::new();
        let http = Faulty::new(&fixture, word);
        http.fail_next(2);
        let client = Client::with_http_client(fixture.settings(), http.clone()).unwrap();
        let config = client.config(NAMESPACE).await.unwrap();
        eventually("loaded in the end", || config.source() == Source::Remote).await;
        fixture.server.holds(1).await;
        let mut changes = config.changes();
        fixture.publish(&[("a", "2")]);
        let event = tokio::time::timeout(Duration::from_secs(60), changes.next()).await;
        assert_eq!(event.unwrap().unwrap().snapshot().get("a"), Some("2"), "{word}");
        assert_eq!(http.left.load(Ordering::SeqCst), 0, "{word}");
        assert!(!logged("a task panicked and was restarted").is_empty());
    }
}

/// A load that panics leaves the values unchanged, and the next push is applied.
#[tokio::test(start_paused = true)]
async fn a_panic_in_a_later_load_loses_nothing() {
    let fixture = Fixture::new();
    let http = Faulty::new(&fixture, "/configs/");
    let client = Client::with_http_client(fixture.settings(), http.clone()).unwrap();
    let config = client.config(NAMESPACE).await.unwrap();
    fixture.server.arrived(Endpoint::Poll, 2).await;
    fixture.server.holds(1).await;
    http.fail_next(1);
    fixture.publish(&[("a", "2")]);
    eventually("the panic", || http.left.load(Ordering::SeqCst) == 0).await;
    assert_eq!(config.get_or("a", 0), 1);
    eventually("what was announced is loaded", || config.get_or("a", 0) == 2).await;
}
