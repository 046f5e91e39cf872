//! X111: a node ends during an import whose caller has left. Nothing of the import stays, or it is
//! complete.

use std::path::Path;

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::database::Database;
use crate::support::demo::Demo;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::raw;
use crate::support::server::{Options, Server};
use crate::support::session;

pub(super) const EXPORT: &str = "/openapi/v1/configs/export?envs=DEV";
const IMPORT: &str = "/openapi/v1/configs/import?envs=DEV";
/// Namespaces of the archive: many more than are imported while the node notices its end.
const NAMESPACES: usize = 40;
/// Definitions that are imported when the caller leaves: far fewer than can be taken back in five
/// seconds.
const IMPORTED: i64 = 3;

/// Numbers of rows that are not deleted in the tables that an import fills.
async fn rows(data_dir: &Path) -> Vec<i64> {
    let mut counts = Vec::new();
    for (file, table) in [
        ("portal.db", "AppNamespace"),
        ("portal.db", "App"),
        ("config.db", "App"),
        ("config.db", "AppNamespace"),
        ("config.db", "Cluster"),
        ("config.db", "Namespace"),
        ("config.db", "Item"),
    ] {
        let sql = format!(r#"SELECT COUNT(*) AS "Count" FROM "{table}" WHERE "IsDeleted" = FALSE"#);
        let found = Database::file(data_dir, file).rows(&sql).await;
        counts.push(found[0]["Count"].as_i64().unwrap());
    }
    counts
}

/// An app with many namespaces as an archive, and the numbers of its rows.
async fn exported() -> (Vec<u8>, Vec<i64>) {
    let server = Server::start();
    Demo::create(&server, "demo").await.set("k", "v").await;
    let root = session::root(&server).await;
    for number in 0..NAMESPACES {
        let definition =
            json!({ "appId": "demo", "name": format!("n{number}"), "format": "properties" });
        root.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
    }
    (root.download(EXPORT).await, rows(server.data_dir()).await)
}

/// Sends an import; the answer is not read.
pub(super) async fn send(root: &Http, path: &str, archive: &[u8]) -> TcpStream {
    let head = "--BOUNDARY\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.zip\"\r\n\
                content-type: application/octet-stream\r\n\r\n";
    let body = [head.as_bytes(), archive, b"\r\n--BOUNDARY--\r\n"].concat();
    let length = body.len().to_string();
    let headers = [
        ("cookie", root.header("cookie")),
        ("x-csrf-token", root.header("x-csrf-token")),
        ("content-type", "multipart/form-data; boundary=BOUNDARY"),
        ("content-length", length.as_str()),
    ];
    let request = raw::request("POST", path, root.base(), &headers);
    let mut stream = TcpStream::connect(raw::authority(root.base())).await.unwrap();
    stream.write_all(&[request, body].concat()).await.unwrap();
    stream
}

#[tokio::test]
async fn an_import_whose_caller_has_left_is_taken_back_at_the_end_of_the_node() {
    let (archive, complete) = exported().await;
    let directory = tempfile::tempdir().unwrap();
    let start = || Server::start_in(directory.path(), Options::new());
    let mut server = start();
    let none = rows(directory.path()).await;
    let root = session::root(&server).await;
    let caller = send(&root, IMPORT, &archive).await;
    eventually("some definitions to be imported", async || {
        (rows(directory.path()).await[0] >= IMPORTED).then_some(())
    })
    .await;
    drop(caller);
    assert!(server.terminate().success());
    let left = rows(directory.path()).await;
    assert!(left == none || left == complete, "{left:?} of {complete:?}");
    let server = start();
    session::root(&server).await.upload(IMPORT, "a.zip", &archive).await.ok();
    assert_eq!(rows(directory.path()).await, complete);
}
