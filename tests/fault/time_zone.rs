//! The time zone of MySQL changes while nodes run, as with daylight saving. Java nodes write and
//! compare their local time, which the database interprets in its own zone.

use sea_orm::{ConnectionTrait as _, DatabaseBackend, Statement};

use super::read_only::Private;
use crate::support::database::Database;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};
use crate::support::variable;

/// UTC offset of the Java nodes, and their local time in SQL.
const JAVA: &str = "+08:00";
const LOCAL: &str = "UTC_TIMESTAMP() + INTERVAL 8 HOUR";
/// A session as Java nodes have it. Those of this process are in UTC.
const SESSION: &str = "SET time_zone = @@global.time_zone";

/// Writes a heartbeat of a Java node.
async fn heartbeat(database: &Database, uri: &str) {
    let beat = format!(
        r#"INSERT INTO "ServiceRegistry"
           ("ServiceName","Uri","Cluster","Metadata","DataChange_CreatedTime","DataChange_LastTime")
           VALUES ('apollo-configservice','{uri}','default','{{}}',{LOCAL},{LOCAL})
           ON DUPLICATE KEY UPDATE "DataChange_LastTime" = {LOCAL}"#
    );
    database.begin(&[SESSION, &beat]).await.commit().await.unwrap();
}

/// Whether a Java node lists a service, and not for longer than it should.
async fn java_lists(database: &Database, uri: &str) -> bool {
    let sql = format!(
        "SELECT `Uri` FROM `ServiceRegistry` WHERE `Uri` = '{uri}' AND `DataChange_LastTime`
         BETWEEN {LOCAL} - INTERVAL 61 SECOND AND {LOCAL} + INTERVAL 10 SECOND"
    );
    let session = database.begin(&[SESSION]).await;
    let rows = session.query_all_raw(Statement::from_string(DatabaseBackend::MySql, sql)).await;
    session.rollback().await.unwrap();
    !rows.unwrap().is_empty()
}

/// S77: a server of its own, because the zone applies to all of its databases.
#[tokio::test]
async fn nodes_list_each_other_after_the_time_zone_of_mysql_has_changed() {
    if variable("CASTALIA_TEST_DATABASES").is_some_and(|names| names == "sqlite") {
        return;
    }
    let private = Private::start();
    let database = Database::at(&private.url("castalia"));
    let set_zone = async |zone: &str| {
        database.run(&[&format!("SET GLOBAL time_zone = '{zone}'")]).await;
    };
    set_zone("+01:00").await;
    let server = Server::start_with(
        Options::new()
            .flag("--roles", "config,meta")
            .flag("--config-db", &database.url)
            .flag("--advertise", "http://127.0.0.1")
            .flag("--store-time-zone", JAVA),
    );
    let (http, own) = (Http::new(&server.config), format!("{}/", server.config));
    for (zone, java) in [
        ("+01:00", "http://java-1:8080/"),
        ("+02:00", "http://java-2:8080/"),
        ("+01:00", "http://java-3:8080/"),
    ] {
        set_zone(zone).await;
        eventually(&format!("a Java node to list this one at {zone}"), async || {
            java_lists(&database, &own).await.then_some(())
        })
        .await;
        eventually(&format!("this node to list a Java node at {zone}"), async || {
            heartbeat(&database, java).await;
            let listed = http.get("/services/config").await.ok().json();
            let mut listed = listed.as_array().unwrap().iter();
            listed.any(|service| service["homepageUrl"] == java).then_some(())
        })
        .await;
    }
}
