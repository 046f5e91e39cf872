//! Finding config services through meta servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use castalia_core::Source;
use castalia_core::discovery::{Discovery, DiscoveryOptions};
use castalia_core::protocol::route::CONFIG_SERVICES_PATH;
use castalia_core::testing::{Data, Endpoint, Fault, Server};
use castalia_core::transport::Transport;
use tokio::time::Instant;

use super::support::{APP, Fixture, NAMESPACE, eventually, settings};

#[tokio::test(start_paused = true)]
async fn a_dead_meta_server_is_passed_over() {
    let fixture = Fixture::new();
    let dead = fixture.sibling("http://dead");
    dead.fail_always(Endpoint::Services, Some(Fault::Reset(Duration::ZERO)));
    for seed in 0..50 {
        let settings = settings("http://dead,http://s1", &fixture.root).random_seed(seed);
        let settings = settings.set("castalia.long-poll.enable", "false");
        let client = fixture.client_with(settings);
        let config = client.config(NAMESPACE).await.unwrap();
        assert_eq!(config.source(), Source::Remote);
        client.close().await;
    }
    let asked = dead.requests_of(Endpoint::Services).len();
    assert!((10..=40).contains(&asked), "{asked}");
}

/// After the discovery timeout the next meta server is asked immediately.
#[tokio::test(start_paused = true)]
async fn a_hanging_meta_server_costs_no_more_than_the_discovery_timeout() {
    let mut hung = 0;
    for seed in 0..20 {
        let fixture = Fixture::new();
        let hanging = fixture.sibling("http://hanging");
        hanging.fail_always(Endpoint::Services, Some(Fault::Hang));
        let settings = settings("http://hanging,http://s1", &fixture.root).random_seed(seed);
        let settings = settings.set("castalia.long-poll.enable", "false");
        let client = fixture.client_with(settings.set("apollo.discoveryReadTimeout", "700"));
        let start = Instant::now();
        let config = client.config(NAMESPACE).await.unwrap();
        assert_eq!(config.source(), Source::Remote);
        let asked = hanging.requests_of(Endpoint::Services).len();
        let expected = if asked == 0 { 0..=50 } else { 700..=750 };
        assert!(expected.contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
        hung += asked;
        client.close().await;
    }
    assert!((1..20).contains(&hung), "{hung}");
}

#[tokio::test(start_paused = true)]
async fn the_next_meta_server_is_asked_when_the_first_dies() {
    let fixture = Fixture::new();
    let second = fixture.sibling("http://s2");
    second.set_services(&["http://s1"]);
    let settings = settings("http://s1,http://s2", &fixture.root);
    let settings = settings.set("apollo.refreshInterval", "1");
    let client = fixture.client_with(settings);
    let _config = client.config(NAMESPACE).await.unwrap();
    let (first, other) = match fixture.server.requests_of(Endpoint::Services).len() {
        0 => (&second, &fixture.server),
        _ => (&fixture.server, &second),
    };
    let before = other.requests_of(Endpoint::Services).len();
    first.fail_always(Endpoint::Services, Some(Fault::status(500)));
    let asked = first.requests_of(Endpoint::Services).len();
    first.arrived(Endpoint::Services, asked + 1).await;
    let start = Instant::now();
    other.arrived(Endpoint::Services, before + 1).await;
    assert!(start.elapsed() < Duration::from_secs(1));
}

/// A meta server with this list, and none of the configuration.
pub(super) fn meta_server(fixture: &Fixture, url: &str, services: &[&str]) -> Server {
    let meta = Server::in_memory(url, Data::new());
    meta.set_services(services);
    fixture.network.connect(&meta);
    meta
}

/// A meta server that is cut off from its database keeps listing services that are gone.
#[tokio::test(start_paused = true)]
async fn a_meta_server_whose_services_are_all_dead_is_left() {
    let mut left = 0;
    for seed in 0..20 {
        let fixture = Fixture::new();
        let stale = meta_server(&fixture, "http://stale", &["http://gone"]);
        let settings = settings("http://stale,http://s1", &fixture.root).random_seed(seed);
        let client = fixture.client_with(settings);
        let start = Instant::now();
        let config = client.config(NAMESPACE).await.unwrap();
        eventually("loaded", || config.source() == Source::Remote).await;
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
        let asked = stale.requests_of(Endpoint::Services).len();
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(stale.requests_of(Endpoint::Services).len(), asked);
        left += usize::from(asked > 0);
        client.close().await;
    }
    assert!((1..20).contains(&left), "{left}");
}

/// The same for a client that has loaded from services that then move.
#[tokio::test(start_paused = true)]
async fn a_meta_server_that_misses_a_move_is_left() {
    let fixture = Fixture::new();
    let old = fixture.sibling("http://old");
    let metas = ["http://m1", "http://m2"].map(|url| meta_server(&fixture, url, &["http://old"]));
    let settings = settings("http://m1,http://m2", &fixture.root);
    let client = fixture.client_with(settings.set("apollo.refreshInterval", "1"));
    let config = client.config(NAMESPACE).await.unwrap();
    assert_eq!(config.get_or("a", 0), 1);
    let informed = match metas[0].requests_of(Endpoint::Services).len() {
        0 => &metas[0],
        _ => &metas[1],
    };
    assert!(informed.requests_of(Endpoint::Services).is_empty());
    informed.set_services(&["http://s1"]);
    fixture.network.disconnect(&old);
    fixture.publish(&[("a", "2")]);
    eventually("loaded from the new service", || config.get_or("a", 0) == 2).await;
    fixture.server.holds(1).await;
}

/// Without an announcement loads are minutes apart, and only the polls show that services died.
#[tokio::test(start_paused = true)]
async fn a_meta_server_is_left_soon_after_the_polls_of_its_services_fail() {
    for seed in 0..5 {
        let fixture = Fixture::new();
        let urls = ["http://old1", "http://old2", "http://old3"];
        let old = urls.map(|url| fixture.sibling(url));
        let metas = ["http://m1", "http://m2"].map(|url| meta_server(&fixture, url, &urls));
        let settings = settings("http://m1,http://m2", &fixture.root).random_seed(seed);
        let client = fixture.client_with(settings);
        let config = client.config(NAMESPACE).await.unwrap();
        let informed = match metas[0].requests_of(Endpoint::Services).len() {
            0 => &metas[0],
            _ => &metas[1],
        };
        eventually("a poll is held", || old.iter().any(|old| old.held() == 1)).await;
        informed.set_services(&["http://s1"]);
        old.iter().for_each(|old| fixture.network.disconnect(old));
        let start = Instant::now();
        informed.arrived(Endpoint::Services, 1).await;
        // The held poll ends after a minute, and each service is then polled three times.
        let after = start.elapsed();
        assert!((60..90).contains(&after.as_secs()), "{after:?}");
        fixture.server.holds(1).await;
        fixture.publish(&[("a", "2")]);
        eventually("a push of the new service", || config.get_or("a", 0) == 2).await;
        client.close().await;
    }
}

/// A process that is stopped: connections are accepted, and nothing is answered.
#[tokio::test(start_paused = true)]
async fn a_meta_server_is_left_soon_after_its_services_do_not_answer_polls() {
    let fixture = Fixture::new();
    let frozen = fixture.sibling("http://frozen");
    let metas =
        ["http://m1", "http://m2"].map(|url| meta_server(&fixture, url, &["http://frozen"]));
    let client = fixture.client_with(settings("http://m1,http://m2", &fixture.root));
    let config = client.config(NAMESPACE).await.unwrap();
    let informed = match metas[0].requests_of(Endpoint::Services).len() {
        0 => &metas[0],
        _ => &metas[1],
    };
    frozen.holds(1).await;
    informed.set_services(&["http://s1"]);
    for endpoint in [Endpoint::Config, Endpoint::Poll] {
        frozen.fail_always(endpoint, Some(Fault::Hang));
    }
    let start = Instant::now();
    informed.arrived(Endpoint::Services, 1).await;
    // The held poll ends after a minute, and the service is then polled three times. Loads alone
    // are five minutes apart.
    let after = start.elapsed();
    assert!(after < Duration::from_secs(400), "{after:?}");
    fixture.server.holds(1).await;
    fixture.publish(&[("a", "2")]);
    eventually("a push of the new service", || config.get_or("a", 0) == 2).await;
}

/// Polls that are refused or cut off by a proxy, although the service is there.
#[tokio::test(start_paused = true)]
async fn polls_that_reach_a_service_neither_leave_its_meta_server_nor_ask_it_sooner() {
    for fault in [
        Fault::Reset(Duration::from_secs(60)),
        Fault::Reset(Duration::from_secs(10)),
        Fault::status(304),
        Fault::status(401),
        Fault::status(404),
        Fault::status(429),
        Fault::status(500),
        Fault::header(503, "Retry-After", "5"),
    ] {
        let fixture = Fixture::new();
        let metas =
            ["http://m1", "http://m2"].map(|url| meta_server(&fixture, url, &["http://s1"]));
        fixture.server.fail_always(Endpoint::Poll, Some(fault.clone()));
        let client = fixture.client_with(settings("http://m1,http://m2", &fixture.root));
        let _config = client.config(NAMESPACE).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1200)).await;
        assert!(fixture.server.requests_of(Endpoint::Poll).len() > 5, "{fault:?}");
        let mut asked = metas.each_ref().map(|meta| meta.requests_of(Endpoint::Services).len());
        asked.sort_unstable();
        // At the start and every five minutes.
        assert!(asked[0] == 0 && asked[1] <= 5, "{fault:?}: {asked:?}");
        client.close().await;
    }
}

/// As long as a service of its list answers, the same meta server is asked, and no sooner.
#[tokio::test(start_paused = true)]
async fn a_meta_server_with_a_living_service_is_kept() {
    for polls in ["false", "true"] {
        let fixture = Fixture::new();
        let metas = ["http://m1", "http://m2"]
            .map(|url| meta_server(&fixture, url, &["http://gone", "http://s1"]));
        let settings = settings("http://m1,http://m2", &fixture.root);
        let settings = settings.set("castalia.long-poll.enable", polls);
        let client = fixture.client_with(settings.set("apollo.refreshInterval", "1"));
        let config = client.config(NAMESPACE).await.unwrap();
        // More than the failures that eject the dead one.
        for _ in 0..20 {
            config.refresh().await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(600)).await;
        let mut asked = metas.each_ref().map(|meta| meta.requests_of(Endpoint::Services).len());
        asked.sort_unstable();
        assert_eq!(asked[0], 0);
        assert!((9..=16).contains(&asked[1]), "{}", asked[1]);
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_is_asked_for_again_within_a_second() {
    let fixture = Fixture::new();
    fixture.server.fail_next(Endpoint::Services, Fault::body(200, "[]"));
    let start = Instant::now();
    let (_client, config) = fixture.open().await;
    eventually("loaded", || config.source() == Source::Remote).await;
    assert!(start.elapsed() <= Duration::from_millis(1100));
}

#[tokio::test(start_paused = true)]
async fn unusable_entries_of_the_list_are_dropped() {
    let fixture = Fixture::new();
    let list = r#"[{"appName":"x","instanceId":"1","homepageUrl":"","extra":{"a":1}},
        {"homepageUrl":"not an address"},{"homepageUrl":"http://s1/","more":true}]"#;
    fixture.server.fail_always(Endpoint::Services, Some(Fault::body(200, list)));
    let (_client, config) = fixture.open().await;
    assert_eq!(config.source(), Source::Remote);
}

#[tokio::test(start_paused = true)]
async fn first_loads_are_spread_evenly() {
    let fixture = Fixture::new();
    let others = [fixture.sibling("http://s2"), fixture.sibling("http://s3")];
    fixture.server.set_services(&["http://s1", "http://s2", "http://s3"]);
    for seed in 0..3000 {
        let settings = fixture.settings().random_seed(seed);
        let settings = settings.set("castalia.long-poll.enable", "false");
        let client = fixture.client_with(settings.set("apollo.cache.file.enable", "false"));
        client.config(NAMESPACE).await.unwrap();
        client.close().await;
    }
    for server in [&fixture.server, &others[0], &others[1]] {
        let loads = server.requests_of(Endpoint::Config).len();
        assert!((850..=1150).contains(&loads), "{loads}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_path_in_the_address_is_kept_and_joined_once() {
    for address in ["http://s1/apollo", "http://s1/apollo/", "http://s1", "http://s1/"] {
        let fixture = Fixture::new();
        fixture.server.set_services(&[address]);
        let (_client, _config) = fixture.open().await;
        let prefix = if address.contains("apollo") { "/apollo" } else { "" };
        let expected = format!("{prefix}/configs/order/default/application");
        assert_eq!(fixture.server.requests_of(Endpoint::Config)[0].path(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_list_outlives_the_meta_server() {
    let fixture = Fixture::empty();
    let meta = Server::in_memory("http://meta", Data::new());
    meta.set_services(&["http://s1"]);
    fixture.network.connect(&meta);
    fixture.publish(&[("a", "1")]);
    let client = fixture.client_with(settings("http://meta", &fixture.root));
    let config = client.config(NAMESPACE).await.unwrap();
    meta.fail_always(Endpoint::Services, Some(Fault::status(500)));
    let start = Instant::now();
    tokio::time::sleep(Duration::from_secs(1200)).await;
    let retries: Vec<_> = meta.requests_of(Endpoint::Services).iter().map(|r| r.at).collect();
    let retries: Vec<_> = retries.into_iter().filter(|at| *at > start).collect();
    assert!((3..=4).contains(&retries.len()), "{}", retries.len());
    let mut changes = config.changes();
    fixture.publish(&[("a", "2")]);
    changes.next().await.unwrap();
}

/// A meta server without services, for instance just after a restart, does not empty the list.
#[tokio::test(start_paused = true)]
async fn the_list_outlives_an_empty_answer() {
    let fixture = Fixture::new();
    let (_client, config) = fixture.open_quietly().await;
    fixture.server.set_services(&[]);
    fixture.publish(&[("a", "2")]);
    tokio::time::timeout(Duration::from_secs(1000), fixture.server.arrived(Endpoint::Services, 3))
        .await
        .unwrap();
    config.refresh().await.unwrap();
    assert_eq!((config.source(), config.get_or("a", 0)), (Source::Remote, 2));
    assert_eq!(
        fixture.server.requests_of(Endpoint::Services).len(),
        3,
        "nothing was to be found anew"
    );
}

#[tokio::test(start_paused = true)]
async fn polls_move_when_the_list_changes() {
    let fixture = Fixture::empty();
    let meta = Server::in_memory("http://meta", Data::new());
    meta.set_services(&["http://s1"]);
    fixture.network.connect(&meta);
    let second = fixture.sibling("http://s2");
    fixture.publish(&[("a", "1")]);
    let client = fixture.client_with(settings("http://meta", &fixture.root));
    let _config = client.config(NAMESPACE).await.unwrap();
    fixture.server.holds(1).await;
    meta.set_services(&["http://s2"]);
    let start = Instant::now();
    second.arrived(Endpoint::Poll, 1).await;
    assert!(start.elapsed() <= Duration::from_secs(395));
}

#[tokio::test(start_paused = true)]
async fn a_direct_list_never_asks_a_meta_server() {
    let fixture = Fixture::new();
    let settings = fixture.settings().set("apollo.config-service", "http://s1, http://gone");
    let client = fixture.client_with(settings);
    let config = client.config(NAMESPACE).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1800)).await;
    assert_eq!(config.source(), Source::Remote);
    assert!(fixture.server.requests_of(Endpoint::Services).is_empty());
}

/// Discovery is never signed, whatever the secret.
#[tokio::test(start_paused = true)]
async fn discovery_is_not_signed() {
    let fixture = Fixture::new();
    let settings = fixture.settings().set("apollo.access-key.secret", "s");
    let client = fixture.client_with(settings);
    client.config(NAMESPACE).await.unwrap();
    let asked = &fixture.server.requests_of(Endpoint::Services)[0];
    assert_eq!(asked.header("authorization"), None);
    assert_eq!(asked.path_and_query, format!("/services/config?appId={APP}&ip=10.0.0.1"));
}

/// A machine that gets its network later sends its address with the next request.
#[tokio::test(start_paused = true)]
async fn the_address_of_this_machine_may_change() {
    let fixture = Fixture::new();
    let asked = AtomicU32::new(0);
    let options = DiscoveryOptions {
        path: CONFIG_SERVICES_PATH,
        app_id: APP.to_owned(),
        client_ip: Some(Arc::new(move || {
            format!("10.0.0.{}", asked.fetch_add(1, Ordering::SeqCst))
        })),
        meta_servers: vec![fixture.server.url().to_owned()],
        read_timeout: Duration::from_secs(1),
        refresh_interval: Duration::from_secs(60),
        per_second: 1.0,
        rewrite: None,
        random: fastrand::Rng::with_seed(7),
    };
    let transport = Transport::new(Arc::new(fixture.network.clone()), 1000);
    let discovery = Discovery::new(transport, options);
    let _ = tokio::time::timeout(Duration::from_secs(100), discovery.refresh_forever(|_| {})).await;
    let questions = fixture.server.requests_of(Endpoint::Services);
    let told: Vec<_> = questions.iter().map(|question| question.parameter("ip").unwrap()).collect();
    assert_eq!(told, ["10.0.0.0", "10.0.0.1"]);
}

/// An address that cannot be reached as the meta server returns it can be rewritten.
#[tokio::test(start_paused = true)]
async fn addresses_can_be_rewritten() {
    let fixture = Fixture::new();
    fixture.server.set_services(&["http://10.1.2.3:8080/"]);
    let settings = fixture.settings();
    let settings = settings.rewrite_services(|url| url.replace("10.1.2.3:8080", "s1"));
    let config = fixture.client_with(settings).config(NAMESPACE).await.unwrap();
    assert_eq!(config.source(), Source::Remote);
}
