//! GET routes that anybody may call: one that changes something has a reason why the race test does
//! not send it. The others are pages of the UI, or require a permission as every operation does.

use std::collections::BTreeSet;

use castalia_server::http::route::Listed;
use castalia_server::role::portal::PortalAccess;
use http::Method;

use super::world::World;

/// Those that change something, each with its reason.
const CHANGING: &str = include_str!("../../../tests/fault/race/changing_reads.txt");
/// Those that change nothing.
const READS: [&str; 11] = [
    "/apollo/version",
    "/assets/{*file}",
    "/default_sso_heartbeat.html",
    "/health",
    "/health/live",
    "/health/ready",
    "/login.html",
    "/openapi/v1/auth/modes",
    "/prefix-path",
    "/signin",
    "/sso_heartbeat",
];

#[tokio::test]
async fn every_open_get_route_reads_or_has_a_reason_not_to_be_raced() {
    let world = World::adopted().await;
    let is_open = |route: &&Listed<PortalAccess>| {
        (&route.method, route.access) == (&Method::GET, PortalAccess::Open)
    };
    let open: BTreeSet<_> = world.routes.iter().filter(is_open).map(|route| route.path).collect();
    let lines = CHANGING.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let changing = lines.map(|line| {
        let (route, reason) = line.split_once(" # ").unwrap_or((line, ""));
        assert!(!reason.trim().is_empty(), "no reason: {line}");
        route.strip_prefix("portal GET ").unwrap()
    });
    let listed: BTreeSet<_> = changing.chain(READS).collect();
    let unknown: Vec<_> = listed.difference(&open).collect();
    let without: Vec<_> = open.difference(&listed).collect();
    assert!(
        unknown.is_empty() && without.is_empty(),
        "no longer an open route: {unknown:#?}; neither a read nor with a reason: {without:#?}"
    );
}
