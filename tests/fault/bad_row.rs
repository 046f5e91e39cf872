//! A row that cannot be decoded affects only itself: a zero date in MySQL, an infinite one in
//! PostgreSQL, a blob in a text column of SQLite.

use super::feed_node::{Kind, Node, on_each_kind, value_of};
use crate::support::app::App;
use crate::support::database::Database;
use crate::support::eventually::eventually;
use crate::support::health::is_well;
use crate::support::http::Http;
use crate::support::poll::newest;

/// An invalid time, in SQL.
fn bad_time(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "X'80FF'",
        Kind::MySql => "'0000-00-00 00:00:00'",
        Kind::Postgres => "'infinity'",
    }
}

/// Makes one row of each table unreadable, of another app than `demo`; by its time, and on SQLite
/// also by a text.
async fn damage(database: &Database, kind: Kind) {
    let time = bad_time(kind);
    for table in ["Release", "AppNamespace", "AccessKey", "Cluster", "App", "Namespace"] {
        let sql = format!(
            r#"UPDATE "{table}" SET "DataChange_CreatedTime" = {time}, "DataChange_LastTime" = {time}
               WHERE "AppId" LIKE 'bad%'"#
        );
        database.run(&[&sql]).await;
    }
    let message = match kind {
        Kind::Sqlite => format!("(X'80FF', {time})"),
        Kind::MySql | Kind::Postgres => format!("('bad+default+application', {time})"),
    };
    let columns = r#"("Message", "DataChange_LastTime")"#;
    database.run(&[&format!(r#"INSERT INTO "ReleaseMessage" {columns} VALUES {message}"#)]).await;
    let config = format!(
        r#"INSERT INTO "ServerConfig" ("Key","Cluster","Value","DataChange_CreatedTime") VALUES ('bad','default','1',{time})"#
    );
    database.run(&[&config]).await;
    if kind == Kind::Sqlite {
        // The app of the key keeps its names, so that only the key itself can protect it.
        for (table, column, app) in [
            ("Release", "Configurations", "bad"),
            ("AppNamespace", "Name", "bad"),
            ("Cluster", "Name", "bad"),
            ("AccessKey", "Secret", "badkey"),
        ] {
            let sql =
                format!(r#"UPDATE "{table}" SET "{column}" = X'80FF' WHERE "AppId" = '{app}'"#);
            database.run(&[&sql]).await;
        }
    }
}

/// Publishes of other apps arrive, a restarted node serves the others, and an unreadable key still
/// protects its app.
async fn a_row_that_cannot_be_decoded_stops_no_other(kind: Kind) {
    let Some(node) = Node::start(kind, &[]).await else { return };
    node.app.publish("1").await;
    let admin = Http::new(&node.server.admin);
    let bad = App::create(&admin, "bad").await;
    bad.publish("bad").await;
    let keyed = App::create(&admin, "badkey").await;
    keyed.publish("secret").await;
    keyed.add_key("0123456789abcdef0123456789abcdef", 0, true).await;
    let (waiting, id) = node.poll().await;

    damage(&node.database, kind).await;
    node.app.publish("2").await;
    assert!(newest(&waiting.soon().await.ok()) > id);
    node.eventually_serves("2").await;
    is_well(&node.http).await;

    let node = node.restart(async |_| ()).await;
    assert_eq!(node.get("/health/ready").await.status, 200);
    assert_eq!(node.value().await, "2");
    let status = async |app: &str| node.get(&format!("/configs/{app}/default/application")).await;
    let expected = if kind == Kind::Sqlite { "503" } else { "bad" };
    assert_eq!(value_of(&status("bad").await), expected, "times are not needed to serve a release");
    assert_eq!(status("badkey").await.status, 401);
    let (waiting, id) = node.poll().await;
    node.app.publish("3").await;
    assert!(newest(&waiting.soon().await.ok()) > id);
    node.eventually_serves("3").await;
    if kind == Kind::Sqlite {
        assert!(node.metric("castalia_unreadable_rows_total").await > 0.0);
    }
    node.end().await;
}

/// A node that could not read names, or not read keys, is not ready, reports why, and recovers by
/// itself.
async fn a_node_without_names_or_keys_is_not_ready(kind: Kind) {
    let Some(mut node) = Node::start(kind, &[]).await else { return };
    node.app.publish("1").await;
    // A query of the view below fails when it finds a row, so each table needs one.
    let row = r#"INSERT INTO "AccessKey" ("AppId","Secret") VALUES ('other','0123456789abcdef')"#;
    node.database.run(&[row]).await;
    for table in ["AppNamespace", "AccessKey"] {
        node = is_not_ready_without(node, table).await;
    }
    node.end().await;
}

/// Restarts a node while a table cannot be read, which becomes readable again afterwards.
async fn is_not_ready_without(node: Node, table: &str) -> Node {
    // A view in place of the table, which fails for any query.
    let failing = match node.kind {
        Kind::Sqlite => r"abs(-9223372036854775807 - 1)",
        Kind::MySql | Kind::Postgres => r"(SELECT 1 UNION SELECT 2)",
    };
    let hide = format!(r#"ALTER TABLE "{table}" RENAME TO "Hidden""#);
    let view =
        format!(r#"CREATE VIEW "{table}" AS SELECT * FROM "Hidden" WHERE "Id" >= {failing}"#);
    let node = node
        .restart(async |database| {
            database.run(&[&hide, &view]).await;
        })
        .await;
    let refused = node.get("/health/ready").await;
    assert_eq!(refused.status, 503, "{table}: {refused:?}");
    assert!(
        refused.text.contains("cannot be read") && refused.text.contains("DOWN"),
        "{table}: {refused:?}"
    );
    assert_eq!(node.get("/health").await.status, 503, "{table}");
    assert_eq!(node.get("/configs/demo/default/application").await.status, 503, "{table}");

    let drop_view = format!(r#"DROP VIEW "{table}""#);
    let show = format!(r#"ALTER TABLE "Hidden" RENAME TO "{table}""#);
    node.database.run(&[&drop_view, &show]).await;
    eventually(&format!("the node to be ready with {table}"), async || {
        (node.get("/health/ready").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(node.value().await, "1", "{table}");
    node
}

/// Makes every time in the rows of the app `bad` unreadable, and adds such rows of clients and of
/// another node.
async fn damage_times(database: &Database, kind: Kind) {
    let time = bad_time(kind);
    let namespaces = r#"(SELECT "Id" FROM "Namespace" WHERE "AppId" = 'bad')"#;
    let of_app = r#""AppId" = 'bad'"#.to_owned();
    let of_namespace = format!(r#""NamespaceId" IN {namespaces}"#);
    for (table, rows) in [
        ("App", &of_app),
        ("AppNamespace", &of_app),
        ("Cluster", &of_app),
        ("Namespace", &of_app),
        ("Release", &of_app),
        ("ReleaseHistory", &of_app),
        ("GrayReleaseRule", &of_app),
        ("Commit", &of_app),
        ("AccessKey", &of_app),
        ("Item", &of_namespace),
        ("NamespaceLock", &of_namespace),
        ("ServerConfig", &r#""Key" = 'namespace.lock.switch'"#.to_owned()),
        ("AuditLog", &"1 = 1".to_owned()),
    ] {
        for column in ["DataChange_CreatedTime", "DataChange_LastTime"] {
            let sql = format!(r#"UPDATE "{table}" SET "{column}" = {time} WHERE {rows}"#);
            database.run(&[&sql]).await;
        }
    }
    let node = format!(
        r#"INSERT INTO "ServiceRegistry"
           ("ServiceName","Uri","Cluster","Metadata","DataChange_CreatedTime","DataChange_LastTime")
           VALUES ('apollo-configservice','http://other:1/','default','{{}}',{time},'2037-01-01 00:00:00')"#
    );
    let client = format!(
        r#"INSERT INTO "Instance" ("Id","AppId","ClusterName","DataCenter","Ip","DataChange_CreatedTime","DataChange_LastTime")
           VALUES (7,'client','default','','10.0.0.7',{time},{time})"#
    );
    let read = format!(
        r#"INSERT INTO "InstanceConfig"
           ("InstanceId","ConfigAppId","ConfigClusterName","ConfigNamespaceName","ReleaseKey","ReleaseDeliveryTime",
            "DataChange_CreatedTime","DataChange_LastTime")
           VALUES (7,'bad','default','application','k',{time},{time},'2037-01-01 00:00:00')"#
    );
    database.run(&[&node, &client, &read]).await;
    if kind == Kind::Sqlite {
        for (table, columns, row) in [
            ("App", r#""AppId","Name","OwnerName","OwnerEmail""#, "'blob',X'80FF','o','e'"),
            ("ServerConfig", r#""Key","Value""#, "'blob',X'80FF'"),
            ("Namespace", r#""Id","AppId""#, "77,'blob'"),
            ("Item", r#""NamespaceId","Key","Value""#, "77,'k',X'80FF'"),
        ] {
            let sql = format!(r#"INSERT INTO "{table}" ({columns}) VALUES ({row})"#);
            database.run(&[&sql]).await;
        }
    }
}

/// Lists of the admin API and the portal are complete, including the rows with such times, which
/// can be edited and published.
async fn times_that_cannot_be_decoded_fail_no_listing(kind: Kind) {
    let Some(node) = Node::start(kind, &[]).await else { return };
    let admin = Http::new(&node.server.admin);
    let bad = App::create(&admin, "bad").await;
    bad.publish("1").await;
    bad.add_branch("application", &["10.0.0.1"], &[]).await;
    bad.add_key("0123456789abcdef0123456789abcdef", 1, true).await;
    damage_times(&node.database, kind).await;

    let namespace = bad.path("default", "application");
    let place = "appId=bad&clusterName=default&namespaceName=application";
    for (path, part) in [
        ("/apps".to_owned(), "\"bad\""),
        ("/apps".to_owned(), "\"demo\""),
        ("/apps/bad".to_owned(), "bad"),
        ("/apps/bad/clusters".to_owned(), "default"),
        ("/apps/bad/clusters/default/namespaces".to_owned(), "application"),
        ("/apps/bad/appnamespaces".to_owned(), "application"),
        ("/apps/bad/accesskeys".to_owned(), "\"secret\""),
        ("/apps/bad/namespaces/publish_info".to_owned(), "default"),
        (namespace.clone(), "application"),
        (format!("{namespace}/items"), "\"k\""),
        (format!("{namespace}/items-with-page?page=0&size=10"), "\"k\""),
        (format!("{namespace}/items/deleted"), "[]"),
        (format!("{namespace}/commit?page=0&size=10"), "changeSets"),
        (format!("{namespace}/branches"), "clusterName"),
        (format!("{namespace}/releases/latest"), "releaseKey"),
        (format!("{namespace}/releases/active?page=0&size=10"), "releaseKey"),
        (format!("{namespace}/releases/all?page=0&size=10"), "releaseKey"),
        (format!("{namespace}/releases/histories?page=0&size=10"), "operation"),
        (format!("/instances/by-namespace?{place}&page=0&size=10"), "10.0.0.7"),
        (format!("/instances/by-namespace/count?{place}"), "1"),
        ("/items-search/key-and-value?key=k&value=&page=0&size=10".to_owned(), "\"bad\""),
        ("/server/config/find-all-config".to_owned(), "namespace.lock.switch"),
        ("/apollo/audit/logs?page=0&size=10".to_owned(), ""),
    ] {
        let answer = admin.get(&path).await;
        assert!(answer.status == 200 && answer.text.contains(part), "{path}: {answer:?}");
    }
    bad.publish("2").await;
    assert_eq!(node.get("/configs/bad/default/application").await.status, 200);
    eventually("a node to be listed", async || {
        node.get("/services/config").await.text.contains("http://other:1/").then_some(())
    })
    .await;
    assert!(node.metric("castalia_unreadable_rows_total").await > 0.0);
    node.end().await;
}

on_each_kind!(
    a_row_that_cannot_be_decoded_stops_no_other,
    a_node_without_names_or_keys_is_not_ready,
    times_that_cannot_be_decoded_fail_no_listing
);
