//! Hosts whose names are looked up slowly, or not at all.

use std::sync::Arc;
use std::time::Duration;

use castalia_core::protocol::signature::AccessKey;
use castalia_core::testing::{Endpoint, Fault, Network};
use castalia_core::transport::{HttpClient, HttpRequest, HttpResponse, ServiceRequest, Transport};
use castalia_core::{Client, Result, Source};
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep};

use super::discovery::meta_server;
use super::support::{APP, Fixture, NAMESPACE, eventually, settings};

/// Longest wait for a name server.
const LOOKUP: Duration = Duration::from_secs(10);

/// A network in which connecting to one host takes this long.
#[derive(Clone)]
struct SlowNames {
    network: Network,
    host: &'static str,
    time: Duration,
}

impl HttpClient for SlowNames {
    fn get(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse>> {
        let is_slow = request.url.host_str() == Some(self.host);
        let Self { network, time, .. } = self.clone();
        Box::pin(async move {
            if is_slow {
                let _connecting = request.connecting.begin();
                sleep(time).await;
            }
            network.get(request).await
        })
    }
}

/// B104: the name servers of one zone are unreachable.
#[tokio::test(start_paused = true)]
async fn the_next_meta_server_is_asked_while_the_name_of_one_is_looked_up() {
    let mut slow = 0;
    for seed in 0..20 {
        let fixture = Fixture::new();
        let http = SlowNames { network: fixture.network.clone(), host: "lost", time: LOOKUP };
        let settings = settings("http://lost,http://s1", &fixture.root).random_seed(seed);
        let client = Client::with_http_client(settings, http).unwrap();
        let start = Instant::now();
        let config = client.config(NAMESPACE).await.unwrap();
        assert_eq!(config.source(), Source::Remote);
        assert!(start.elapsed() <= Duration::from_millis(1100), "{:?}", start.elapsed());
        slow += u32::from(start.elapsed() >= Duration::from_secs(1));
        client.close().await;
    }
    assert!((1..20).contains(&slow), "{slow}");
}

/// B104: one that lists dead services would answer first, again and again.
#[tokio::test(start_paused = true)]
async fn a_slow_meta_server_replaces_one_whose_services_are_all_dead() {
    for seed in 0..5 {
        let fixture = Fixture::new();
        let _stale = meta_server(&fixture, "http://stale", &["http://gone"]);
        let _slow = meta_server(&fixture, "http://slow", &["http://s1"]);
        let time = Duration::from_millis(1500);
        let http = SlowNames { network: fixture.network.clone(), host: "slow", time };
        let settings = settings("http://stale,http://slow", &fixture.root).random_seed(seed);
        let client = Client::with_http_client(settings, http).unwrap();
        let start = Instant::now();
        let config = client.config(NAMESPACE).await.unwrap();
        eventually("loaded", || config.source() == Source::Remote).await;
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
        client.close().await;
    }
}

/// B103: servers accept a signature for a minute, by their clock.
#[tokio::test(start_paused = true)]
async fn a_signature_that_is_refused_after_a_slow_lookup_is_renewed() {
    let key = AccessKey::new(APP, "secret").unwrap();
    for (seconds, requests) in [(29, 1), (31, 2)] {
        let fixture = Fixture::new();
        fixture.server.set_secret(APP, Some("secret"));
        fixture.server.fail_next(Endpoint::Config, Fault::status(401));
        let time = Duration::from_secs(seconds);
        let http = SlowNames { network: fixture.network.clone(), host: "s1", time };
        let request = ServiceRequest {
            service: fixture.server.url(),
            path_and_query: "/configs/order/default/application",
            app_id: APP,
            access_key: Some(&key),
            read_timeout: Duration::from_secs(5),
        };
        let answer = Transport::new(Arc::new(http), 64 * 1024).get(request).await;
        assert_eq!(answer.is_ok(), requests == 2, "{answer:?}");
        assert_eq!(fixture.server.requests_of(Endpoint::Config).len(), requests);
    }
}
