//! X112: a node ends while it restores an app with an access key, whose namespaces come back after
//! all nodes have read the key. The caller has left, as the portal of another node whose connection
//! is cut. The node restores them before it ends.

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::raw;
use crate::support::server::{Options, Server};

#[tokio::test]
async fn a_restoration_whose_caller_has_left_is_completed_at_the_end_of_the_node() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::new()
        .flag("--roles", "config,meta,admin")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    let mut server = Server::start_in(directory.path(), options.clone());
    let admin = Http::new(&server.admin);
    let app = App::create(&admin, "demo").await;
    app.publish("1").await;
    app.add_key("key", 0, true).await;
    admin.delete("/apps/demo?operator=apollo").await.ok();
    let caller = restore(&admin).await;
    eventually("the app to be back", async || {
        (admin.get("/apps/demo").await.status == 200).then_some(())
    })
    .await;
    drop(caller);
    assert!(server.terminate().success());
    let server = Server::start_in(directory.path(), options);
    let path = format!("{}/releases/latest", app.path("default", "application"));
    let release = Http::new(&server.admin).get(&path).await.ok().json();
    assert_eq!(release["configurations"], r#"{"k":"1"}"#);
}

/// Sends the restoration of the deleted app; the answer is not read.
async fn restore(admin: &Http) -> TcpStream {
    let deleted = admin.get("/apps/demo/deleted").await.ok().json();
    let mut deleted = deleted.as_array().unwrap().iter();
    let body = deleted.find(|one| one["kind"] == "app").unwrap().to_string();
    let length = body.len().to_string();
    let headers = [("content-type", "application/json"), ("content-length", length.as_str())];
    let target = "/apps/demo/restorations?operator=apollo";
    let request = raw::request("POST", target, admin.base(), &headers);
    let mut stream = TcpStream::connect(raw::authority(admin.base())).await.unwrap();
    stream.write_all(&[request, body.into_bytes()].concat()).await.unwrap();
    stream
}
