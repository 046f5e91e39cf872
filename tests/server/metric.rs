//! Alarms on counters: a series that begins with its first event does not grow, so all that the
//! documents name exist from the start.

use crate::support::http::Http;
use crate::support::server::Server;

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
}
