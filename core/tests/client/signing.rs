//! Access keys: what is signed, with which secret, and what is not signed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use castalia_core::testing::{Endpoint, Fault, Server};
use castalia_core::{ErrorKind, Source, State};
use tokio::time::{Instant, sleep, timeout};

use super::support::{APP, Fixture, NAMESPACE, eventually, patient_settings, scratch};

#[tokio::test]
async fn a_server_that_checks_accepts_every_request() {
    let server = Server::start().await.unwrap();
    let root = scratch();
    server.set_secret("a.b_c-d", Some("0123456789abcdef"));
    server.set_services(&[&format!("{}/gw", server.url())]);
    server.data().publish("a.b_c-d", "default", "FX.apollo", &[("a", "1")]);
    let settings = patient_settings(server.url(), &root)
        .set("app.id", "a.b_c-d")
        .set("idc", "上海")
        .set("apollo.cluster", "default")
        .set("apollo.label", "v 1&2")
        .set("apollo.access-key.secret", "0123456789abcdef");
    let client = castalia_core::Client::new(settings).unwrap();
    let config = client.config("FX.apollo").await.unwrap();
    assert_eq!(config.source(), Source::Remote);
    config.refresh().await.unwrap();
    let mut changes = config.changes();
    server.holds(1).await;
    server.data().publish("a.b_c-d", "default", "FX.apollo", &[("a", "2")]);
    changes.next().await.unwrap();
    let load = &server.requests_of(Endpoint::Config)[0];
    assert_eq!(load.path(), "/gw/configs/a.b_c-d/default/FX.apollo");
    assert!(
        load.path_and_query.ends_with("?dataCenter=%E4%B8%8A%E6%B5%B7&ip=10.0.0.1&label=v%201%262")
    );
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_blank_secret_signs_nothing() {
    let fixture = Fixture::new();
    let settings = fixture.settings().set("apollo.access-key.secret", "   ");
    fixture.client_with(settings).config(NAMESPACE).await.unwrap();
    for request in fixture.server.requests() {
        assert_eq!((request.header("authorization"), request.header("timestamp")), (None, None));
    }
}

#[tokio::test(start_paused = true)]
async fn another_app_id_has_its_own_secret_or_none() {
    let fixture = Fixture::new();
    fixture.server.set_secret(APP, Some("main"));
    fixture.server.set_secret("stock", Some("other"));
    for app in ["stock", "open"] {
        fixture.server.publish(app, NAMESPACE, &[("a", app)]);
    }
    let settings = fixture.settings().set("apollo.access-key.secret", "main");
    let settings = settings.set("apollo.access-key.stock.secret", "other");
    let client = fixture.client_with(settings);
    for app in [APP, "stock", "open"] {
        let config = client.config_of(app, NAMESPACE).await.unwrap();
        assert_eq!(config.source(), Source::Remote, "{app}");
    }
    for request in fixture.server.requests() {
        let of_open = request.path().contains("/open/");
        let signed = request.header("authorization").is_some();
        assert!(!(of_open && signed), "the main secret never signs for another app");
    }
}

#[tokio::test(start_paused = true)]
async fn a_replaced_secret_signs_the_next_request() {
    let fixture = Fixture::new();
    fixture.server.set_secret(APP, Some("old"));
    let settings = fixture.settings().set("apollo.access-key.secret", "old");
    let client = fixture.client_with(settings);
    let config = client.config(NAMESPACE).await.unwrap();
    fixture.server.set_secret(APP, Some("new"));
    config.refresh().await.unwrap_err();
    client.set_access_key(APP, "new");
    config.refresh().await.unwrap();
}

/// B50: after a rejection, loads and polls wait for half a minute, and then for a minute.
#[tokio::test(start_paused = true)]
async fn a_replaced_secret_ends_the_waits_of_loads_and_polls() {
    let fixture = Fixture::new();
    fixture.server.set_secret(APP, Some("right"));
    let settings = fixture.settings().set("apollo.access-key.secret", "old");
    let client = fixture.client_with(settings);
    let config = client.config(NAMESPACE).await.unwrap();
    assert_eq!(config.state(), State::Failed(ErrorKind::Unauthorized));
    // After the first repetition, and before the second.
    sleep(Duration::from_secs(45)).await;
    let sent = || [Endpoint::Config, Endpoint::Poll].map(|of| fixture.server.requests_of(of).len());
    let before = sent();
    client.set_access_key(APP, "old");
    sleep(Duration::from_secs(5)).await;
    assert_eq!(sent(), before, "the same secret would be rejected again");
    // One more try each, and another one after the shortest wait.
    client.set_access_key(APP, "wrong");
    sleep(Duration::from_secs(40)).await;
    assert_eq!(sent(), before.map(|count| count + 2));

    client.set_access_key(APP, "right");
    let replaced = Instant::now();
    eventually("loaded", || config.source() == Source::Remote).await;
    fixture.server.holds(1).await;
    assert!(replaced.elapsed() < Duration::from_secs(3), "{:?}", replaced.elapsed());
}

/// Each rejected request brings another secret, which must not be a reason for all others to load.
#[tokio::test(start_paused = true)]
async fn secrets_that_are_all_rejected_do_not_wake_each_other() {
    let fixture = Fixture::new();
    fixture.server.set_secret(APP, Some("right"));
    let calls = AtomicUsize::new(0);
    let settings = fixture
        .settings()
        .set("apollo.access-key.secret", "old")
        .secret_provider(move |_| Some(format!("wrong-{}", calls.fetch_add(1, Ordering::SeqCst))));
    let client = fixture.client_with(settings);
    let _config = client.config(NAMESPACE).await.unwrap();
    let _other = client.config("other").await.unwrap();
    sleep(Duration::from_secs(100)).await;
    for endpoint in [Endpoint::Config, Endpoint::Poll] {
        let sent = fixture.server.requests_of(endpoint).len();
        assert!(sent <= 50, "{endpoint:?}: {sent}");
    }
    client.close().await;
}

/// What a meta server refuses was not signed: no other key is waited for.
#[tokio::test(start_paused = true)]
async fn a_meta_server_that_refuses_is_asked_rarely_although_there_is_a_secret() {
    let fixture = Fixture::new();
    fixture.server.fail_always(Endpoint::Services, Some(Fault::status(401)));
    let settings = fixture.settings().set("apollo.access-key.secret", "secret");
    let client = fixture.client_with(settings);
    let _config = client.config(NAMESPACE).await.unwrap();
    // The start, its repetition after 1 s, and from then on at most one request in 5 s.
    sleep(Duration::from_secs(50)).await;
    let asked = fixture.server.requests_of(Endpoint::Services).len();
    assert!(asked <= 12, "{asked}");
}

/// After a rejected secret the provider is called once, and the request repeated with its result.
#[tokio::test(start_paused = true)]
async fn a_refused_secret_is_asked_for() {
    let fixture = Fixture::new();
    fixture.server.set_secret(APP, Some("rotated"));
    let settings = fixture.quiet_settings().set("apollo.access-key.secret", "old");
    let settings = settings.secret_provider(|app_id| (app_id == APP).then(|| "rotated".to_owned()));
    let client = fixture.client_with(settings);
    let config = client.config(NAMESPACE).await.unwrap();
    assert_eq!(config.source(), Source::Remote);
    fixture.server.set_secret(APP, Some("other"));
    config.refresh().await.unwrap_err();
    let loads = fixture.server.requests_of(Endpoint::Config).len();
    assert_eq!(loads, 3, "the provider had nothing new, so nothing was repeated");
}

/// A rejected poll calls the provider too, so that pushes continue.
#[tokio::test(start_paused = true)]
async fn a_refused_poll_goes_on_with_the_new_secret() {
    let fixture = Fixture::new();
    fixture.server.set_secret(APP, Some("old"));
    let settings = fixture.settings().set("apollo.access-key.secret", "old");
    let settings = settings.secret_provider(|_| Some("rotated".to_owned()));
    let config = fixture.client_with(settings).config(NAMESPACE).await.unwrap();
    fixture.server.arrived(Endpoint::Poll, 2).await;
    fixture.server.holds(1).await;
    let mut changes = config.changes();
    fixture.server.set_secret(APP, Some("rotated"));
    let polls = fixture.server.requests_of(Endpoint::Poll).len();
    fixture.server.arrived(Endpoint::Poll, polls + 2).await;
    fixture.server.holds(1).await;
    fixture.publish(&[("a", "2")]);
    let told = timeout(Duration::from_secs(5), changes.next()).await;
    assert_eq!(told.unwrap().unwrap().snapshot().get("a"), Some("2"));
}
