//! Apollo's own config and admin services in Eureka mode: they register with this server, host
//! Eureka for it, and are replaced by it. `tests/upstream.sh eureka` runs these cases, because they
//! need Apollo's packages and minutes: heartbeats and reads have Apollo's intervals of 30 seconds.

mod service;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;

use self::service::{Apollo, Kind, configured, listed};
use super::{address, calls, free_port, hosting};
use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// Cases 68, 70 and 71, and 72 with Apollo 3.
#[tokio::test]
#[ignore = "runs Apollo: tests/upstream.sh eureka"]
async fn an_admin_service_registers_with_us() {
    let [config_port, admin_port, port] = [0; 3].map(|_| free_port());
    let options = shared(hosting())
        .flag("--config-port", &config_port.to_string())
        .flag("--admin-port", &admin_port.to_string());
    let mut server = Server::start_with(options.clone());
    let meta = Http::new(&server.config);
    let servers = address(&server.config, "pw");
    let launch = || Apollo::launch(Kind::Admin, port, &[("eureka.service.url", &*servers)]).ready();
    let mut admin = launch();
    let url = admin.url.clone();
    let has = async |expected: bool| {
        let all = listed(&meta, Kind::Admin).await;
        let one = all.into_iter().find(|one| one["homepageUrl"] == url);
        (one.is_some() == expected).then_some(one.unwrap_or_default())
    };
    let one = within(REGISTRATION, "its registration", async || has(true).await).await;
    assert_eq!(one["appName"], "APOLLO-ADMINSERVICE");
    a_publish_arrives(&admin.calls(), &meta).await;

    // Case 70.
    assert!(server.terminate().success());
    server = Server::start_with(options);
    within(35, "its return to a new server", async || has(true).await).await;
    admin.program.line("Re-registering");

    // Case 71.
    admin.program.terminate();
    assert!(has(false).await.is_some(), "listed after it has ended");
    let admin = launch();
    within(REGISTRATION, "its next registration", async || has(true).await).await;
    drop(admin);
    within(95, "the end of the lease of a killed one", async || has(false).await).await;
    drop(server);
}

/// Case 69.
#[tokio::test]
#[ignore = "runs Apollo: tests/upstream.sh eureka"]
async fn a_config_service_finds_us() {
    let server = Server::start_with(shared(hosting()));
    let servers = address(&server.config, "pw");
    let settings = [("apollo.eureka.server.enabled", "false"), ("eureka.service.url", &*servers)];
    let config = Apollo::launch(Kind::Config, free_port(), &settings).ready();
    let both = [config.url.clone(), format!("{}/", server.config)];
    let ours = Http::new(&server.config);
    for (name, meta) in [("theirs", &config.calls()), ("ours", &ours)] {
        within(60, &format!("both in {name}"), async || has_all(meta, Kind::Config, &both).await)
            .await;
    }
}

/// Case 83: Apollo hosts Eureka.
#[tokio::test]
#[ignore = "runs Apollo: tests/upstream.sh eureka"]
async fn we_register_with_a_config_service() {
    let port = free_port();
    let servers = format!("http://127.0.0.1:{port}/eureka/");
    let config = Apollo::launch(Kind::Config, port, &[("eureka.service.url", &*servers)]).ready();
    let options = Options::new()
        .flag("--registry", "eureka")
        .flag("--roles", "config,meta,admin")
        .variable("CASTALIA_EUREKA_SERVICE_URL", &servers);
    let mut server = Server::start_with(shared(options));
    let both = [config.url.clone(), format!("{}/", server.config)];
    let (ours, theirs) = (Http::new(&server.config), config.calls());
    for (name, meta) in [("theirs", &theirs), ("ours", &ours)] {
        within(120, &format!("both in {name}"), async || has_all(meta, Kind::Config, &both).await)
            .await;
    }
    let admin = [format!("{}/", server.admin)];
    let has_admin = async || has_all(&theirs, Kind::Admin, &admin).await;
    within(REGISTRATION, "our admin service in theirs", has_admin).await;
    assert!(server.terminate().success());
    within(90, "our departure", async || has_all(&theirs, Kind::Config, &both[..1]).await).await;
}

/// Case 88: our services are in the table, Apollo's admin service in Eureka, and then in both.
#[tokio::test]
#[ignore = "runs Apollo: tests/upstream.sh eureka"]
async fn the_meta_role_lists_table_and_eureka() {
    let options = Options::new()
        .flag("--registry", "database")
        .flag("--eureka-host", "on")
        .flag("--eureka-username", "eu")
        .variable("CASTALIA_EUREKA_PASSWORD", "pw")
        .flag("--roles", "config,meta,admin");
    let server = Server::start_with(shared(options));
    let (meta, servers) = (Http::new(&server.config), address(&server.config, "pw"));
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/");
    let only_eureka = [("eureka.service.url", &*servers)];
    let both_ways = [
        only_eureka[0],
        ("apollo.service.registry.enabled", "true"),
        ("apollo.service.registry.cluster", "default"),
        ("apollo.service.registry.uri", &*url),
    ];
    let both = [format!("{}/", server.admin), url.clone()];
    for (name, settings) in [("in Eureka", &only_eureka[..]), ("in both", &both_ways[..])] {
        let mut admin = Apollo::launch(Kind::Admin, port, settings).ready();
        within(REGISTRATION, name, async || has_all(&meta, Kind::Admin, &both).await).await;
        if settings.len() > 1 {
            // Entries of the table have the name as it is.
            let from_table = json!("apollo-adminservice");
            within(10, "its row", async || {
                let all = listed(&meta, Kind::Admin).await;
                all.iter().all(|one| one["appName"] == from_table).then_some(())
            })
            .await;
            assert_eq!(listed(&meta, Kind::Admin).await.len(), 2);
        }
        let path = "/eureka/apps/APOLLO-ADMINSERVICE";
        assert_eq!(calls(&server).get(path).await.status, 200);
        admin.program.terminate();
        within(10, "its departure", async || has_all(&meta, Kind::Admin, &both[..1]).await).await;
    }
}

/// The steps of `docs/discovery.md` from an Apollo landscape to ours, while its admin service runs.
#[tokio::test]
#[ignore = "runs Apollo: tests/upstream.sh eureka"]
async fn a_landscape_is_moved() {
    let [their_port, our_port, port] = [0; 3].map(|_| free_port());
    let theirs = format!("http://127.0.0.1:{their_port}/eureka/");
    // Apollo recognises itself in the list by the host alone, without the port.
    let ours = address(&format!("http://localhost:{our_port}"), "pw");
    let all = format!("{theirs},{ours}");
    let settings = [("eureka.service.url", &*all)];
    let mut config = Apollo::launch(Kind::Config, their_port, &settings).ready();
    let mut admin = Apollo::launch(Kind::Admin, port, &settings).ready();
    let options = hosting()
        .flag("--config-port", &our_port.to_string())
        .variable("CASTALIA_EUREKA_SERVICE_URL", &all);
    let server = Server::start_with(shared(options));
    let configs = [config.url.clone(), format!("{}/", server.config)];
    let admins = [admin.url.clone(), format!("{}/", server.admin)];
    let (our_meta, their_meta) = (Http::new(&server.config), config.calls());
    for (name, meta) in [("ours", &our_meta), ("theirs", &their_meta)] {
        let joined = async || {
            has_all(meta, Kind::Config, &configs).await?;
            has_all(meta, Kind::Admin, &admins).await
        };
        within(180, &format!("all services in {name}"), joined).await;
    }

    // Its admin service goes on at ours.
    config.program.terminate();
    let left = async || {
        has_all(&our_meta, Kind::Config, &configs[1..]).await?;
        has_all(&our_meta, Kind::Admin, &admins).await
    };
    within(10, "the departure of its config service", left).await;
    let eureka = calls(&server);
    let renewed = async || {
        let answer = eureka.get("/eureka/apps/APOLLO-ADMINSERVICE").await.ok().json();
        let all = answer["application"]["instance"].as_array().unwrap().clone();
        let one = all.into_iter().find(|one| one["homePageUrl"] == admins[0]).unwrap();
        one["leaseInfo"]["lastRenewalTimestamp"].as_i64().unwrap()
    };
    let before = renewed().await;
    within(60, "a heartbeat at ours", async || (renewed().await > before).then_some(())).await;
    a_publish_arrives(&admin.calls(), &our_meta).await;
    admin.program.terminate();
    assert!(has_all(&our_meta, Kind::Admin, &admins[1..]).await.is_some());
}

/// A publish through this admin service reaches clients of this config service.
async fn a_publish_arrives(admin: &Http, config: &Http) {
    let app = App::create(admin, &format!("eureka-{}", fastrand::u32(..))).await;
    app.publish("1").await;
    let path = format!("/configs/{}/default/application", app.id);
    let is_served = async || {
        let answer = config.get(&path).await;
        (answer.status == 200).then(|| answer.json()["configurations"].clone())
    };
    assert_eq!(eventually("the published value", is_served).await, json!({ "k": "1" }));
}

/// `Some` if a meta service lists exactly these addresses, each once.
async fn has_all(meta: &Http, kind: Kind, expected: &[String]) -> Option<()> {
    let all = listed(meta, kind).await;
    let found = all.iter().filter_map(|one| one["homepageUrl"].as_str()).collect::<BTreeSet<_>>();
    let expected = expected.iter().map(String::as_str).collect::<BTreeSet<_>>();
    (all.len() == expected.len() && found == expected).then_some(())
}

/// Seconds in which a service that has started is listed as one that works. It may register as
/// `DOWN`, while a part of it starts, and corrects that after 30 s.
const REGISTRATION: u64 = 40;

/// Waits for something at most so many seconds, and prints how long it took.
async fn within<T>(seconds: u64, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            eprintln!("{what}: after {:.1?}, of at most {seconds} s", begun.elapsed());
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(seconds), "{what}: not in {seconds} s");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// On the database that Apollo created.
fn shared(options: Options) -> Options {
    options.flag("--config-db", &configured("CASTALIA_TEST_CONFIG_DB"))
}
