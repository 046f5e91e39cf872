//! Peers whose names are resolved slowly, as during an outage of the name servers.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::peers::member;
use super::{client, free_port, instance, metric};
use crate::support::eventually::eventually;
use crate::support::server::Server;
use crate::support::stopwatch::Stopwatch;

/// Time for which `slow_names.c` looks a name up.
const LOOKUP: Duration = Duration::from_secs(12);

/// Neither the start nor the end of a lease waits for the names of peers. A lease must not be
/// granted the time of the look-ups, because it would never end then.
#[tokio::test]
async fn slow_names_delay_neither_the_start_nor_the_end_of_a_lease() {
    let directory = tempfile::tempdir().unwrap();
    let library = directory.path().join("slow_names.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("server/eureka/slow_names.c");
    let mut compiler = Command::new("cc");
    let output = compiler.args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"]).arg(&library);
    let output = output.arg(&source).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let port = free_port();
    // Only with the port of the node itself a name could be its own.
    let urls = ["a", "b"].map(|name| format!("http://eu:pw@{name}.slow:{port}/eureka/")).join(",");
    let began = Stopwatch::start();
    let options = member(port, &urls).variable("LD_PRELOAD", library.to_str().unwrap());
    let server = Server::start_with(options);
    assert!(began.elapsed() < 2 * LOOKUP, "the start took {:?}", began.elapsed());
    let mut short = instance("DEMO", "k", 5);
    short["instance"]["leaseInfo"] = json!({"renewalIntervalInSecs": 2, "durationInSecs": 5});
    assert_eq!(client(&server).post("/eureka/apps/DEMO", short).await.status, 204);
    // A reader of instances would end the lease itself.
    eventually("the end of the lease", async || {
        (metric(&server, "castalia_eureka_evictions_total").await > 0.5).then_some(())
    })
    .await;
}
