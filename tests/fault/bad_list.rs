//! A row that cannot be decoded hides no other row in the lists of the admin API and the portal.
//! SQLite only: its columns accept bytes that are not text, which the other engines refuse.

use super::feed_node::{Kind, Node};
use crate::support::database::Database;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// Rows of the app `demo` that contain invalid bytes, beside valid rows of the same list.
const DAMAGE: [(&str, &str, &str); 10] = [
    ("App", "OwnerName", r#""AppId" = 'bad'"#),
    ("Cluster", "DataChange_CreatedBy", r#""Name" = 'bad'"#),
    ("Namespace", "DataChange_CreatedBy", r#""NamespaceName" = 'bad'"#),
    ("AppNamespace", "Comment", r#""Name" IN ('bad', 'bad.public')"#),
    ("Item", "Comment", r#""Key" = 'bad'"#),
    ("Release", "Comment", r#""Name" = 'bad'"#),
    ("ReleaseHistory", "OperationContext", r#""Id" = 1"#),
    ("Commit", "ChangeSets", r#""Id" IN (1, (SELECT MAX("Id") FROM "Commit"))"#),
    ("AccessKey", "Secret", r#""Id" = 1"#),
    ("ServerConfig", "Comment", r#""Key" = 'bad'"#),
];

async fn node_with_bad_rows() -> Node {
    let node = Node::start(Kind::Sqlite, &[]).await.unwrap();
    let admin = Http::new(&node.server.admin);
    crate::support::app::App::create(&admin, "bad").await;
    let app = &node.app;
    app.add_namespace("bad", false).await;
    app.add_namespace("other", false).await;
    app.add_namespace("bad.public", true).await;
    app.add_namespace("other.public", true).await;
    app.add_cluster("bad").await;
    app.add_cluster("other").await;
    let fields = [("name", "bad"), ("operator", "apollo")];
    let path = app.path("default", "application");
    app.set("default", "application", &[("a", "1")]).await;
    admin.form(&format!("{path}/releases"), &fields).await.ok();
    app.release("default", "application", &[("a", "1"), ("b", "1"), ("bad", "1"), ("good", "1")])
        .await;
    app.set("default", "application", &[("b", "1"), ("bad", "1"), ("good", "1")]).await;
    app.set("default", "application", &[("bad", "1"), ("good", "1")]).await;
    app.add_key("first", 1, false).await;
    app.add_key("second", 1, false).await;
    for key in ["bad", "good"] {
        let sql = format!(
            r#"INSERT INTO "ServerConfig" ("Key","Cluster","Value") VALUES ('{key}','default','1')"#
        );
        node.database.run(&[&sql]).await;
    }
    for (table, column, rows) in DAMAGE {
        let sql = format!(r#"UPDATE "{table}" SET "{column}" = X'80FF' WHERE {rows}"#);
        node.database.run(&[&sql]).await;
    }
    node
}

#[tokio::test]
async fn a_row_that_cannot_be_decoded_hides_no_other_in_a_list() {
    let node = node_with_bad_rows().await;
    let admin = Http::new(&node.server.admin);
    let namespace = node.app.path("default", "application");
    let mut failed = Vec::new();
    for (path, part) in [
        ("/apps".to_owned(), "\"demo\""),
        ("/apps?page=0&size=10".to_owned(), "\"demo\""),
        ("/apps?name=d&page=0&size=10".to_owned(), "\"demo\""),
        ("/apps/demo/clusters".to_owned(), "\"other\""),
        ("/apps/demo/clusters/default/namespaces".to_owned(), "\"other\""),
        ("/apps/demo/namespaces/publish_info".to_owned(), "\"other\""),
        ("/apps/demo/appnamespaces".to_owned(), "\"other\""),
        ("/appnamespaces/other.public/namespaces?page=0&size=10".to_owned(), "\"other.public\""),
        ("/apps/demo/accesskeys".to_owned(), "secret of the test second"),
        (format!("{namespace}/items"), "\"good\""),
        (format!("{namespace}/items-with-page?page=0&size=10"), "\"good\""),
        (format!("{namespace}/items/deleted"), "\"a\""),
        (format!("{namespace}/commit?page=0&size=10"), "changeSets"),
        (format!("{namespace}/commit?key=good&page=0&size=10"), "changeSets"),
        (format!("{namespace}/releases/active?page=0&size=10"), "\"test\""),
        (format!("{namespace}/releases/all?page=0&size=10"), "\"test\""),
        (format!("{namespace}/releases/histories?page=0&size=10"), "operation"),
        ("/releases?releaseIds=1,2".to_owned(), "\"test\""),
        ("/items-search/key-and-value?key=good&value=&page=0&size=10".to_owned(), "\"good\""),
        ("/namespaces/find-by-item?itemKey=good&page=0&size=10".to_owned(), "\"application\""),
        ("/items-search/key-and-value?key=&value=1&page=0&size=10".to_owned(), "\"good\""),
        ("/server/config/find-all-config".to_owned(), "\"good\""),
    ] {
        let answer = admin.get(&path).await;
        if answer.status != 200 || !answer.text.contains(part) {
            failed.push(format!("{path}: {} {:.200}", answer.status, answer.text));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    node.end().await;
}

/// Whichever of the two rows is damaged, the admin port requires a token: before the rows are read
/// again, and after a restart.
#[tokio::test]
async fn a_damaged_row_of_access_control_opens_nothing() {
    let directory = tempfile::tempdir().unwrap();
    for key in ["admin-service.access.control.enabled", "admin-service.access.tokens"] {
        for column in ["Value", "Cluster"] {
            drop(Server::start_in(directory.path(), Options::new()));
            let database = Database::file(directory.path(), "config.db");
            let damage =
                format!(r#"UPDATE "ServerConfig" SET "{column}" = X'80FF' WHERE "Key" = '{key}'"#);
            database.run(&[&damage]).await;
            let server = Server::start_in(directory.path(), Options::new());
            let status = Http::new(&server.admin).get("/apps").await.status;
            assert_eq!(status, 401, "{key} {column}");
        }
    }
}
