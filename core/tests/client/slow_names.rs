//! Hosts whose names are looked up slowly, or not at all.

use std::sync::Arc;
use std::time::Duration;

use castalia_core::protocol::signature::AccessKey;
use castalia_core::testing::{Endpoint, Fault, Network};
use castalia_core::transport::{HttpClient, HttpRequest, HttpResponse, ServiceRequest, Transport};
use castalia_core::{Client, ErrorKind, Result, Source};
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

/// B104: as long as with a meta server that does not answer.
#[tokio::test(start_paused = true)]
async fn a_start_without_name_servers_soon_uses_the_cache_file() {
    for (policy, is_accepted) in [("best-effort", true), ("require-all-remote", false)] {
        let fixture = Fixture::new();
        fixture.write_cache(NAMESPACE, "a=cached\n");
        fixture.network.disconnect(&fixture.server);
        let http = SlowNames { network: fixture.network.clone(), host: "s1", time: LOOKUP };
        let settings = fixture.settings().set("castalia.start-policy", policy);
        let client = Client::with_http_client(settings, http).unwrap();
        let start = Instant::now();
        let opened = client.config(NAMESPACE).await;
        assert_eq!(start.elapsed() < Duration::from_secs(4), is_accepted, "{:?}", start.elapsed());
        match opened {
            Ok(config) => assert_eq!(config.get("a").unwrap(), "cached"),
            Err(error) => assert_eq!((error.kind(), is_accepted), (ErrorKind::NotReady, false)),
        }
        client.close().await;
    }
}

/// B104: they follow as soon as the second name server has answered.
#[tokio::test(start_paused = true)]
async fn a_start_with_one_of_two_name_servers_loads() {
    let second_answer = Duration::from_secs(5);
    for has_file in [false, true] {
        let fixture = Fixture::new();
        if has_file {
            fixture.write_cache(NAMESPACE, "a=cached\n");
        }
        let network = fixture.network.clone();
        let http = SlowNames { network, host: "meta", time: second_answer };
        let _meta = meta_server(&fixture, "http://meta", &["http://s1"]);
        let settings = settings("http://meta", &fixture.root);
        let client = Client::with_http_client(settings, http).unwrap();
        let start = Instant::now();
        let config = client.config(NAMESPACE).await.unwrap();
        let expected = if has_file { Source::Local } else { Source::Remote };
        assert_eq!(config.source(), expected);
        eventually("loaded", || config.source() == Source::Remote).await;
        assert!(start.elapsed() < second_answer + Duration::from_millis(100));
        client.close().await;
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
