//! The sample app: what it does to the start of a node.

use crate::support::app::App;
use crate::support::database::Database;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// S86: the banner at the start names the app if it exists.
#[tokio::test]
async fn a_row_of_the_sample_app_that_cannot_be_decoded_refuses_no_start() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::new()
        .flag("--roles", "config,meta,admin")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    let mut server = Server::start_in(directory.path(), options);
    App::create(&Http::new(&server.admin), "sample-app").await.publish("1").await;
    assert!(server.terminate().success());
    let damage = r#"UPDATE "App" SET "OwnerEmail" = X'80FF' WHERE "AppId" = 'sample-app'"#;
    Database::file(directory.path(), "config.db").run(&[damage]).await;
    let options = Options::new().flag("--roles", "config,meta");
    let server = Server::start_in(directory.path(), options);
    let config = Http::new(&server.config).get("/configs/sample-app/default/application").await;
    assert_eq!(config.ok().json()["configurations"]["k"], "1");
}
