//! REL-55 at small scale: a SQLite installation with many rows of each kind, as after a year. It
//! starts, reads, lists and publishes as quickly as a small one, in bounded memory.
//!
//! `CASTALIA_TEST_NAMESPACES` is the number of namespaces, each with 50 items and 75 releases; the
//! rule states 100,000. The figures are printed:
//!
//! ```text
//! CASTALIA_TEST_NAMESPACES=10000 cargo test -p castalia-tests --test suite large -- --nocapture
//! ```

use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Method;

use crate::support::app::App;
use crate::support::database::Database;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::memory::{peak_kib, resident_kib};
use crate::support::poll::{self, Waiting, newest, position};
use crate::support::server::{Options, Server};
use crate::support::variable;

const NAMESPACES: usize = 200;
/// Namespaces of each app.
const PER_APP: usize = 100;
const ITEMS: usize = 50;
const RELEASES: usize = 75;
/// Limits of the rule, and of a publish, which it does not state.
const START: Duration = Duration::from_secs(10);
const LIST: Duration = Duration::from_millis(500);
const PUBLISH: Duration = Duration::from_secs(2);
const MOST_KIB: u64 = 128 * 1024;
/// The quickest of so many tries counts, because this machine may be busy with other tests.
const TRIES: usize = 5;

fn options() -> Options {
    Options::new()
        .flag("--roles", "config,meta,admin")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
}

/// Inserts the rows; `i` is the number of a namespace, `r` that of an item or a release.
async fn fill(database: &Database, namespaces: usize) {
    let app = format!("'large-' || (i / {PER_APP})");
    let name = format!("'n' || (i % {PER_APP})");
    let place = format!("{app}, 'default', {name}");
    let apps = namespaces.div_ceil(PER_APP);
    let content = r#"'{"k":"' || r || '","filler":"' || hex(zeroblob(200)) || '"}'"#;
    let key = "printf('20250101000000-%08x%08x', i, r)";
    let tables = [
        (
            "App",
            r#""AppId","Name","OwnerName""#,
            "'large-' || i, 'large', 'apollo'".to_owned(),
            apps,
            1,
        ),
        ("Cluster", r#""Name","AppId""#, "'default', 'large-' || i".to_owned(), apps, 1),
        ("AppNamespace", r#""Name","AppId""#, format!("{name}, {app}"), namespaces, 1),
        ("Namespace", r#""AppId","ClusterName","NamespaceName""#, place.clone(), namespaces, 1),
        (
            "Item",
            r#""NamespaceId","Key","Value","LineNum""#,
            "i + 1, 'k' || r, 'value ' || r, r + 1".to_owned(),
            namespaces,
            ITEMS,
        ),
        (
            "Release",
            r#""AppId","ClusterName","NamespaceName","ReleaseKey","Configurations""#,
            format!("{place}, {key}, {content}"),
            namespaces,
            RELEASES,
        ),
        (
            "ReleaseHistory",
            r#""AppId","ClusterName","NamespaceName","BranchName","ReleaseId","PreviousReleaseId","OperationContext""#,
            format!("{place}, 'default', i * {RELEASES} + r + 1, i * {RELEASES} + r, '{{}}'"),
            namespaces,
            RELEASES,
        ),
        (
            "Commit",
            r#""AppId","ClusterName","NamespaceName","ChangeSets""#,
            format!("{place}, '{{\"createItems\":[],\"updateItems\":[],\"deleteItems\":[]}}'"),
            namespaces,
            RELEASES,
        ),
        (
            "ReleaseMessage",
            r#""Message""#,
            format!("{app} || '+default+' || {name}"),
            namespaces,
            1,
        ),
    ];
    for (table, columns, values, many, each) in tables {
        let sql = format!(
            r#"WITH RECURSIVE a(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM a WHERE i + 1 < {many}),
                 b(r) AS (SELECT 0 UNION ALL SELECT r + 1 FROM b WHERE r + 1 < {each})
               INSERT INTO "{table}" ({columns}) SELECT {values} FROM a, b ORDER BY i, r"#
        );
        database.run(&[&sql]).await;
    }
}

/// A server that is ready, and the time that this took.
async fn start(directory: &Path) -> (Server, Duration) {
    let mut tries = 1;
    loop {
        let begun = Instant::now();
        let mut server = Server::start_in(directory, options());
        let config = Http::new(&server.config);
        eventually("readiness", async || {
            (config.get("/health/ready").await.status == 200).then_some(())
        })
        .await;
        let started = begun.elapsed();
        if started < START || tries == TRIES {
            return (server, started);
        }
        tries += 1;
        assert!(server.terminate().success());
    }
}

/// Time of an answer.
async fn time_of(http: &Http, path: &str) -> Duration {
    let begun = Instant::now();
    http.send_patiently(Method::GET, path, None).await.ok();
    begun.elapsed()
}

/// The shortest time of an answer.
async fn quickest(http: &Http, path: &str) -> Duration {
    let mut quickest = Duration::MAX;
    for _ in 0..TRIES {
        quickest = quickest.min(time_of(http, path).await);
    }
    quickest
}

/// Time from a publish to the answer of a poll; `None` if it was refused for now.
async fn publish(server: &Server, app_id: &str, name: &str) -> Option<Duration> {
    let config = Http::new(&server.config);
    let known = position(&config, app_id, name).await;
    let waiting = Waiting::start(&config, &poll::path(app_id, &[(name, known)])).await;
    let app = App::existing(&Http::new(&server.admin), app_id);
    let begun = Instant::now();
    let answer = app.try_publish("default", name).await;
    if answer.is_refused_for_now() {
        return None;
    }
    let release = answer.ok().json();
    assert!(newest(&waiting.soon().await.ok()) > known);
    let published = begun.elapsed();
    let read = format!("/configs/{app_id}/default/{name}");
    assert_eq!(config.get(&read).await.ok().json()["releaseKey"], release["releaseKey"]);
    Some(published)
}

#[expect(clippy::print_stderr, reason = "figures for whoever runs it with --nocapture")]
fn print(text: &str) {
    eprintln!("{text}");
}

#[tokio::test]
async fn a_large_installation_is_as_quick_as_a_small_one() {
    let namespaces = variable("CASTALIA_TEST_NAMESPACES");
    let namespaces = namespaces.map_or(NAMESPACES, |text| text.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    assert!(Server::start_in(directory.path(), options()).terminate().success());
    fill(&Database::file(directory.path(), "config.db"), namespaces).await;

    let (server, started) = start(directory.path()).await;
    let at_start = resident_kib(&server);
    let (config, admin) = (Http::new(&server.config), Http::new(&server.admin));
    let last = namespaces - 1;
    let (app_id, name) = (format!("large-{}", last / PER_APP), format!("n{}", last % PER_APP));
    let path = App::existing(&admin, &app_id).path("default", &name);
    let lists = [
        "/apps?page=0&size=50".to_owned(),
        format!("/apps/{app_id}/clusters/default/namespaces"),
        format!("/apps/{app_id}/appnamespaces"),
        format!("{path}/items"),
        format!("{path}/releases/all?page=0&size=50"),
        format!("{path}/releases/histories?page=0&size=50"),
        format!("{path}/commit?page=0&size=50"),
    ];
    let mut times = Vec::new();
    for list in &lists {
        times.push((quickest(&admin, list).await, list));
    }
    let mut first_read = Duration::MAX;
    // Each has not been read before.
    for number in (0..=last % PER_APP).rev().take(TRIES) {
        let path = format!("/configs/{app_id}/default/n{number}");
        first_read = first_read.min(time_of(&config, &path).await);
    }
    let mut published = Duration::MAX;
    for _ in 0..TRIES {
        if let Some(time) = publish(&server, &app_id, &name).await {
            published = published.min(time);
        }
    }
    let peak = peak_kib(&server);
    print(&format!(
        "{namespaces} namespaces, {} items, {} releases: start {started:?}, {at_start} KiB then, \
         first read {first_read:?}, publish to poll {published:?}, peak {peak} KiB, lists {times:?}",
        namespaces * ITEMS,
        namespaces * RELEASES,
    ));
    assert!(started < START && first_read < LIST && published < PUBLISH);
    assert!(times.iter().all(|(time, _)| *time < LIST), "{times:?}");
    assert!(peak < MOST_KIB, "{peak} KiB");
}
