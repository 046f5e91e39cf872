//! A server whose directory for temporary files cannot be written, as in a container with a
//! read-only root file system.

use serde_json::json;

use crate::support::demo::Demo;
use crate::support::server::{Options, Server};
use crate::support::session;

#[tokio::test]
async fn without_temporary_files_only_archives_are_refused_and_name_the_setting() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    let options = Options::new().variable("TMPDIR", missing.to_str().unwrap());
    let server = Server::start_with(options);
    let demo = Demo::create(&server, "demo").await;
    let root = session::root(&server).await;
    for path in [
        "/openapi/v1/configs/export?envs=DEV",
        "/openapi/v1/apps/demo/envs/DEV/clusters/default/export",
    ] {
        let answer = root.get(path).await;
        assert_eq!(answer.status, 503, "{path}: {answer:?}");
        assert!(answer.text.contains("TMPDIR"), "{path}: {answer:?}");
    }
    let import = "/openapi/v1/apps/demo/envs/DEV/clusters/default/import";
    let answer = root.upload(import, "a.zip", b"PK").await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.text.contains("TMPDIR"), "{answer:?}");
    let text: String = (0..5_000).map(|n| format!("key.{n} = value of {n}\n")).collect();
    let body = json!({ "configText": text, "format": "properties", "operator": "apollo" });
    demo.api.put(&format!("{}/items", demo.path()), body).await.ok();
    demo.publish().await;
}
