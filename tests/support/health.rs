//! `/health` on a machine that is busy with other tests: a node reports each moment in which its
//! database does not answer within two seconds, which says nothing about the node.

use super::eventually::eventually;
use super::http::{Answer, Http};
use super::server::Server;

/// Parts of what a node reports in such a moment, and for a short time afterwards.
const OF_THE_MACHINE: [&str; 7] = [
    "the database does not answer",
    "the database cannot be reached",
    "reading release messages has failed",
    "reading names has failed",
    "reading access keys has failed",
    "comparing releases in memory with the database has failed",
    // A note, which alone does not change the status.
    "registry: not registered",
];

/// Waits until `/health` is 200. It may be 503 only because the machine is busy; anything else that
/// it reports is a failure.
#[track_caller]
pub(crate) fn is_well(http: &Http) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        eventually("the database to answer in time", async || {
            let health = http.get("/health").await;
            let is_excused = health.status == 503 && reasons_are_of_the_machine(&health);
            assert!(health.status == 200 || is_excused, "{caller}: {health:?}");
            (health.status == 200).then_some(())
        })
        .await;
    }
}

fn reasons_are_of_the_machine(health: &Answer) -> bool {
    let body = health.json();
    let reasons = body["status"]["description"].as_str().unwrap_or_default();
    let is_of_the_machine = |reason: &str| OF_THE_MACHINE.iter().any(|part| reason.contains(part));
    reasons.split("; ").all(is_of_the_machine)
}

/// The answer of a path once it has this status. On a busy machine a node may be neither well nor
/// ready for a moment, because its database does not answer in time.
pub(crate) async fn becomes(http: &Http, path: &str, status: u16) -> Answer {
    eventually(&format!("{status} of {}{path}", http.base()), async || {
        Some(http.get(path).await).filter(|answer| answer.status == status)
    })
    .await
}

/// Each port of a server is well and ready, and returns its version.
pub(crate) async fn ports_are_ready(server: &Server) {
    // It prints the ports of its own roles only.
    let bases = [&server.config, &server.admin, &server.portal];
    for base in bases.into_iter().filter(|base| !base.is_empty()) {
        let http = Http::new(base);
        is_well(&http).await;
        becomes(&http, "/health/ready", 200).await;
        http.get("/apollo/version").await.ok();
    }
}
