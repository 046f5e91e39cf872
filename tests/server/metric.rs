//! Alarms on counters: a series that begins with its first event does not grow, so all that the
//! documents name exist from the start.

use super::eureka::hosting;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// Metrics of single tables exist with the first event, those of Eureka where it is used.
fn exists_later(row: &str) -> bool {
    row.contains("(`table`)") || row.contains("castalia_eureka_")
}

#[tokio::test]
async fn every_alarm_has_a_series_from_the_start() {
    let documented = include_str!("../../docs/operations.md");
    let server = Server::start();
    let authorization = format!("Bearer {}", server.metrics_token());
    let operator = Http::new(&server.config).with("Authorization", &authorization);
    let text = operator.get("/prometheus").await.ok().text;
    let rows = documented.lines().filter(|line| line.starts_with("| `castalia_"));
    let mut checked = 0;
    for row in rows.filter(|row| !exists_later(row)) {
        let names =
            row.split('|').nth(1).unwrap().split('`').filter(|name| name.contains("_total"));
        for name in names {
            assert!(text.contains(&format!("\n{name}")), "{name} is missing:\n{text}");
            checked += 1;
        }
    }
    assert!(checked > 10, "{checked}");
    let series = text.lines().filter(|line| line.starts_with("castalia_"));
    let names = series.map(|line| line.split(['{', ' ']).next().unwrap());
    for name in names.filter(|name| name.ends_with("_total")) {
        assert!(documented.contains(name), "docs/operations.md does not name {name}");
    }
}

#[tokio::test]
async fn the_alarms_of_eureka_have_a_series_from_the_start_where_it_is_used() {
    let reading = Options::new()
        .flag("--registry", "eureka")
        .flag("--roles", "meta")
        .variable("CASTALIA_EUREKA_SERVICE_URL", "http://127.0.0.1:1/eureka/");
    let counters = ["dropped_changes", "evictions", "renewals", "unusable_services"];
    let of_readers = ["unusable_services_total", "read_timestamp_seconds"].map(str::to_owned);
    for (options, names) in [
        (hosting(), counters.map(|name| format!("{name}_total")).to_vec()),
        (reading, of_readers.to_vec()),
    ] {
        let server = Server::start_with(options);
        let authorization = format!("Bearer {}", server.metrics_token());
        let operator = Http::new(&server.config).with("Authorization", &authorization);
        let text = operator.get("/prometheus").await.ok().text;
        for name in names {
            assert!(text.contains(&format!("\ncastalia_eureka_{name} ")), "{name}:\n{text}");
        }
    }
    let documented = include_str!("../../docs/operations.md");
    let names = documented.split('`').filter(|name| name.starts_with("castalia_eureka_"));
    let names = names.filter_map(|name| name.strip_suffix("_total"));
    assert_eq!(names.count(), counters.len());
}

const CONFIG_UP: &str = "castalia_database_up{database=\"config\"} 1";
const PORTAL_UP: &str = "castalia_database_up{database=\"portal\"} 1";
const PORTAL_DOWN: &str = "castalia_database_up{database=\"portal\"} 0";

/// Waits until the metric of the databases has these series.
async fn databases_become(operator: &Http, expected: &[&str]) {
    eventually(&format!("{expected:?}"), async || {
        let text = operator.get("/prometheus").await.ok().text;
        let series = text.lines().filter(|line| line.starts_with("castalia_database_up"));
        let mut series: Vec<_> = series.collect();
        series.sort_unstable();
        (series == expected).then_some(())
    })
    .await;
}

/// S109: the metric had one series, that of the environment, and a portal alone had none.
#[tokio::test]
async fn an_outage_of_the_portals_database_is_measured() {
    for (roles, up, down) in [
        ("portal", &[PORTAL_UP][..], &[PORTAL_DOWN][..]),
        ("config,meta,admin,portal", &[CONFIG_UP, PORTAL_UP], &[CONFIG_UP, PORTAL_DOWN]),
    ] {
        let server = Server::start_with(Options::new().flag("--roles", roles));
        let authorization = format!("Bearer {}", server.metrics_token());
        let operator = Http::new(&server.portal).with("Authorization", &authorization);
        databases_become(&operator, up).await;
        let [file, moved] = ["portal.db", "moved"].map(|name| server.data_dir().join(name));
        std::fs::rename(&file, &moved).unwrap();
        databases_become(&operator, down).await;
        std::fs::rename(&moved, &file).unwrap();
        databases_become(&operator, up).await;
    }
}
