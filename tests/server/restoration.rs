//! Clients of other apps receive a public namespace that was restored as soon as one that is new.

use crate::support::app::App;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// Nodes read the newest definitions only, and all of them once in a minute.
const NEWER: usize = 120;

fn open() -> Options {
    Options::new().variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
}

#[tokio::test]
async fn a_restored_public_namespace_is_served_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(dir.path(), open());
    let owner = App::create(&Http::new(&server.admin), "owner").await;
    owner.add_namespace("shared", true).await;
    owner.release("default", "shared", &[("k", "v")]).await;
    let definition = "/apps/owner/appnamespaces/shared?operator=u";
    Http::new(&server.admin).delete(definition).await.ok();
    server.terminate();
    let server = Server::start_in(dir.path(), open());
    let admin = Http::new(&server.admin);
    let other = App::create(&admin, "other").await;
    for number in 0..NEWER {
        other.add_namespace(&format!("n{number}"), false).await;
    }
    let config = Http::new(&server.config);
    let path = "/configs/other/default/shared";
    assert_eq!(config.get(path).await.status, 404);
    let deleted = admin.get("/apps/owner/deleted").await.ok().json()[0].clone();
    assert_eq!(deleted["kind"], "appNamespace");
    admin.post("/apps/owner/restorations?operator=u", deleted).await.ok();
    let served = config.get(path).await.ok().json();
    assert_eq!(served["configurations"]["k"], "v");
}
