//! Peers whose names are resolved slowly, as during an outage of the name servers.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::peers::member;
use super::registering::{guest_of, url};
use super::{client, free_port, hosting, instance, metric};
use crate::support::eventually::eventually;
use crate::support::server::{Options, Server};
use crate::support::stopwatch::Stopwatch;

/// Time for which `slow_names.c` looks a name up.
const LOOKUP: Duration = Duration::from_secs(30);
/// How much earlier a node ends that does not wait for it.
const MARGIN: Duration = Duration::from_secs(2);

/// Makes the name servers of a node fail, by a library in this directory.
fn without_names(options: Options, directory: &Path) -> Options {
    let library = directory.join("slow_names.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("server/eureka/slow_names.c");
    let mut compiler = Command::new("cc");
    let output = compiler.args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"]).arg(&library);
    let output = output.arg(&source).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    options.variable("LD_PRELOAD", library.to_str().unwrap())
}

/// Neither the start nor the end of a lease waits for the names of peers. A lease must not be
/// granted the time of the look-ups, because it would never end then.
#[tokio::test]
async fn slow_names_delay_neither_the_start_nor_the_end_of_a_lease() {
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    // Only with the port of the node itself a name could be its own.
    let urls = ["a", "b"].map(|name| format!("http://eu:pw@{name}.slow:{port}/eureka/")).join(",");
    let options = without_names(member(port, &urls), directory.path());
    let began = Stopwatch::start();
    let mut server = Server::start_with(options);
    assert!(began.elapsed() < 2 * LOOKUP, "the start took {:?}", began.elapsed());
    let mut short = instance("DEMO", "k", 5);
    short["instance"]["leaseInfo"] = json!({"renewalIntervalInSecs": 2, "durationInSecs": 5});
    assert_eq!(client(&server).post("/eureka/apps/DEMO", short).await.status, 204);
    // A reader of instances would end the lease itself.
    eventually("the end of the lease", async || {
        (metric(&server, "castalia_eureka_evictions_total").await > 0.5).then_some(())
    })
    .await;
    // Looked up again and again, the names are also looked up now.
    let began = Stopwatch::start();
    assert!(server.terminate().success());
    assert!(began.elapsed() < LOOKUP - MARGIN, "the end took {:?}", began.elapsed());
}

/// A server that never accepted a node lists nothing of it, and is not asked at the end.
#[tokio::test]
async fn a_node_leaves_the_servers_that_accepted_it() {
    let directory = tempfile::tempdir().unwrap();
    let host = Server::start_with(hosting());
    let urls = format!("{},http://a.slow:1/eureka/", url(&host));
    // Reachable for others, because one of the servers is elsewhere.
    let options = guest_of("config,meta,admin", &urls).flag("--advertise", "http://127.0.0.1");
    let mut guest = Server::start_with(without_names(options, directory.path()));
    let eureka = client(&host);
    let listed = async |number: usize| {
        let mut all = 0;
        for app in ["APOLLO-CONFIGSERVICE", "APOLLO-ADMINSERVICE"] {
            let list = eureka.get(&format!("/eureka/apps/{app}")).await.ok().json();
            all += list["application"]["instance"].as_array().unwrap().len();
        }
        (all == number).then_some(())
    };
    eventually("both services", async || listed(4).await).await;
    let printed = guest.printed_until_exit().join("\n");
    assert!(!printed.contains("cannot deregister"), "{printed}");
    assert!(listed(2).await.is_some(), "a service is still listed");
}
