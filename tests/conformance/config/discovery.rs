//! Cases C106 to C118: which services are listed, and the table through which nodes discover each
//! other.

use serde_json::{Value, json};

use super::fixture::{Fixture, compatible, is_by_address};
use crate::support::database::Database;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

fn instance(service: &str, uri: &str) -> Value {
    json!({ "appName": service, "instanceId": uri, "homepageUrl": uri })
}

/// A started node without the other roles, and its table.
fn config_node(options: Options) -> (Server, Http, Database) {
    let server = Server::start_with(options.flag("--roles", "config,meta"));
    let http = Http::new(&server.config);
    let database = Database::file(server.data_dir(), "config.db");
    (server, http, database)
}

/// Inserts the row of another node, last seen this many seconds ago.
fn row(service: &str, uri: &str, cluster: &str, age: u32) -> String {
    let time = format!("strftime('%Y-%m-%dT%H:%M:%f+00:00','now','-{age} seconds')");
    format!(
        r#"INSERT INTO "ServiceRegistry" ("ServiceName","Uri","Cluster","Metadata","DataChange_CreatedTime","DataChange_LastTime")
           VALUES ('{service}','{uri}','{cluster}','{{}}',{time},{time})"#
    )
}

/// C106, C118: the deprecated list is empty; parameters make no difference.
#[tokio::test]
async fn parameters_make_no_difference() {
    let http = &Fixture::shared().await.config;
    assert_eq!(http.get("/services/meta").await.ok().text, "[]");
    let plain = http.get("/services/config").await.ok().json();
    assert_eq!(http.get("/services/config?appId=x&ip=1.2.3.4").await.ok().json(), plain);
    assert!(!plain.as_array().unwrap().is_empty());
}

/// C107, C108, C117: a node lists its own services under the addresses that it listens on; `/`
/// lists config services, then admin services.
#[tokio::test]
async fn a_node_lists_its_own_services() {
    let fixture = Fixture::shared().await;
    let Some([config, admin]) = fixture.own() else { return };
    let config = instance("apollo-configservice", &format!("{config}/"));
    let admin = instance("apollo-adminservice", &format!("{admin}/"));
    assert_eq!(fixture.config.get("/services/config").await.ok().json(), json!([config]));
    assert_eq!(fixture.config.get("/services/admin").await.ok().json(), json!([admin]));
    assert_eq!(fixture.config.get("/").await.ok().json(), json!([config, admin]));

    let (_alone, http, _) = config_node(compatible());
    assert_eq!(http.get("/services/admin").await.ok().text, "[]");
}

/// C109 to C111: a row of another node is listed while it is fresh and of the same cluster.
#[tokio::test]
async fn fresh_rows_of_the_same_cluster_are_listed() {
    if is_by_address("C109 to C111") {
        return;
    }
    let (_server, http, database) = config_node(compatible());
    let service = "apollo-adminservice";
    let listed = async || http.get("/services/admin").await.ok().json();
    let is = async |expected: Value| (listed().await == expected).then_some(());
    database
        .run(&[
            &row(service, "http://other:1/", "elsewhere", 0),
            &row(service, "http://a:1/", "default", 0),
        ])
        .await;
    eventually("the row", || is(json!([instance(service, "http://a:1/")]))).await;
    let aged = row(service, "http://b:1/", "default", 62);
    database.run(&[r#"DELETE FROM "ServiceRegistry" WHERE "Uri" = 'http://a:1/'"#, &aged]).await;
    eventually("an empty list", || is(json!([]))).await;
}

/// C112: a node lists itself whatever the table contains, and restores its row.
#[tokio::test]
async fn a_node_lists_itself_and_puts_its_row_back() {
    if is_by_address("C112") {
        return;
    }
    let (server, http, database) = config_node(compatible());
    database.run(&[r#"DELETE FROM "ServiceRegistry""#]).await;
    let own = json!([instance("apollo-configservice", &format!("{}/", server.config))]);
    assert_eq!(http.get("/services/config").await.ok().json(), own);
    eventually("the row", async || {
        let rows = database.rows(r#"SELECT "Uri","Cluster" FROM "ServiceRegistry""#).await;
        (rows == [json!({ "Uri": format!("{}/", server.config), "Cluster": "default" })])
            .then_some(())
    })
    .await;
}

/// C113, C114: a node that shuts down deletes its rows; one that starts deletes those that expired
/// a day ago, and no younger ones.
#[tokio::test]
async fn rows_go_with_their_node_or_after_a_day() {
    if is_by_address("C113 and C114") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let database = Database::file(directory.path(), "config.db");
    let uris = async || -> Vec<String> {
        let rows = database.rows(r#"SELECT "Uri" FROM "ServiceRegistry" ORDER BY "Uri""#).await;
        rows.iter().map(|row| row["Uri"].as_str().unwrap().to_owned()).collect()
    };
    let options = compatible().flag("--roles", "config,meta");
    let mut server = Server::start_in(directory.path(), options.clone());
    assert_eq!(uris().await, [format!("{}/", server.config)]);
    let day = 24 * 3600;
    database.run(&[&row("x", "http://silent:1/", "c", day - 60)]).await;
    assert!(server.terminate().success());
    assert_eq!(uris().await, ["http://silent:1/"]);

    // Inserted while no node runs: one that just started may still be deleting such rows.
    database.run(&[&row("x", "http://dead:1/", "c", day + 60)]).await;
    let _server = Server::start_in(directory.path(), options);
    eventually("the dead row to be removed", async || {
        (!uris().await.contains(&"http://dead:1/".to_owned())).then_some(())
    })
    .await;
    assert!(uris().await.contains(&"http://silent:1/".to_owned()));
}

/// C115, C116: a list that the operator configures is returned as configured; without one there are
/// no services.
#[tokio::test]
async fn a_custom_list_is_given_as_it_is_written() {
    if is_by_address("C115 and C116") {
        return;
    }
    let options = compatible()
        .flag("--registry", "custom")
        .variable("CASTALIA_APOLLO_CONFIG_SERVICE_URL", "http://a:1, http://b:2,,");
    let (_server, http, database) = config_node(options);
    let element = |url: &str| json!({ "appName": "apollo-configservice", "instanceId": format!("apollo-configservice:{url}"), "homepageUrl": url });
    let expected = json!([element("http://a:1"), element("http://b:2")]);
    assert_eq!(http.get("/services/config").await.ok().json(), expected);
    assert_eq!(http.get("/services/admin").await.ok().text, "[]");
    assert_eq!(database.rows(r#"SELECT "Uri" FROM "ServiceRegistry""#).await, Vec::<Value>::new());
}

/// The reference's keys define how a node registers: under which address and cluster, with which
/// metadata, or not at all.
#[tokio::test]
async fn apollos_keys_say_how_a_node_registers() {
    if is_by_address("the keys of the registry") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("castalia.toml");
    std::fs::write(&file, "[server-config]\n\"apollo.service.registry.metadata.zone\" = \"b\"\n")
        .unwrap();
    let options = compatible()
        .flag("--config-file", file.to_str().unwrap())
        .variable("CASTALIA_APOLLO_SERVICE_REGISTRY_URI", "http://node:1")
        .variable("CASTALIA_APOLLO_SERVICE_REGISTRY_CLUSTER", "blue");
    let (_server, http, database) = config_node(options);
    let rows = database.rows(r#"SELECT "Uri","Cluster","Metadata" FROM "ServiceRegistry""#).await;
    let metadata = r#"{"castalia":"1","zone":"b"}"#;
    assert_eq!(rows, [json!({ "Uri": "http://node:1/", "Cluster": "blue", "Metadata": metadata })]);
    let own = json!([instance("apollo-configservice", "http://node:1/")]);
    assert_eq!(http.get("/services/config").await.ok().json(), own);

    let off = compatible().variable("CASTALIA_APOLLO_SERVICE_REGISTRY_ENABLED", "false");
    let (_server, http, database) = config_node(off);
    assert_eq!(database.rows(r#"SELECT "Uri" FROM "ServiceRegistry""#).await, Vec::<Value>::new());
    assert_eq!(http.get("/services/config").await.ok().json().as_array().unwrap().len(), 1);
}
