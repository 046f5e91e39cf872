//! A portal that nobody uses costs a few MB: nothing of it is loaded before the first request.

use crate::support::memory::{code_kib, resident_kib};
use crate::support::server::{Options, Server};

/// In KiB, for an unoptimised program.
const A_FEW: u64 = 10 * 1024;

#[tokio::test]
async fn a_portal_that_nobody_uses_costs_a_few_megabytes() {
    let data = tempfile::tempdir().unwrap();
    // The first start creates databases and hashes a password.
    drop(Server::start_in(data.path(), Options::new()));
    let [alone, together] = ["config,meta,admin", "config,meta,admin,portal"].map(|roles| {
        let server = Server::start_in(data.path(), Options::new().flag("--roles", roles));
        resident_kib(&server) - code_kib(&server)
    });
    assert!(together < alone + A_FEW, "{alone} KiB without, {together} KiB with the portal");
    eprintln!("{alone} KiB without, {together} KiB with the portal");
}
