//! Records of running clients on each database: expired ones are removed, and a row that the
//! database rejects affects no other.

use serde_json::Value;

use crate::support::app::App;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::poll::position;
use crate::support::server::{Options, Server};

pub(super) const ENGINES: [Option<Engine>; 3] = [None, Some(Engine::MySql), Some(Engine::Postgres)];

/// A database that outlives its servers.
pub(super) struct Place {
    directory: tempfile::TempDir,
    fresh: Option<Fresh>,
}

impl Place {
    /// `None` if the run is restricted to SQLite.
    pub(super) async fn on(engine: Option<Engine>) -> Option<Self> {
        let fresh = match engine {
            Some(engine) => Some(Fresh::on(engine).await?),
            None => None,
        };
        Some(Self { directory: tempfile::tempdir().unwrap(), fresh })
    }

    pub(super) fn start(&self) -> Server {
        Server::start_in(self.directory.path(), self.options())
    }

    /// Another node; `None` on SQLite, whose database one process uses.
    fn start_other(&self) -> Option<Server> {
        self.fresh.is_some().then(|| Server::start_with(self.options()))
    }

    fn options(&self) -> Options {
        let options = Options::new()
            .flag("--roles", "config,meta,admin")
            .flag("--compat-defaults", "adopted")
            .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
        match &self.fresh {
            Some(fresh) => options.flag("--config-db", &fresh.database.url),
            None => options,
        }
    }

    pub(super) fn database(&self) -> Database {
        match &self.fresh {
            Some(fresh) => fresh.database.clone(),
            None => Database::file(self.directory.path(), "config.db"),
        }
    }

    /// Recorded addresses, in order.
    async fn recorded(&self) -> Vec<String> {
        let rows = self.database().rows(r#"SELECT "Ip" FROM "Instance""#).await;
        let mut found: Vec<_> =
            rows.iter().filter_map(|row| row["Ip"].as_str().map(str::to_owned)).collect();
        found.sort();
        found
    }

    pub(super) async fn end(self) {
        if let Some(fresh) = self.fresh {
            fresh.remove().await;
        }
    }
}

async fn publish(server: &Server) -> App {
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.publish("1").await;
    position(&Http::new(&server.config), "demo", "application").await;
    app
}

async fn read_as(server: &Server, address: &str) {
    let path = format!("/configs/demo/default/application?ip={address}");
    Http::new(&server.config).get(&path).await.ok();
}

async fn until_recorded(place: &Place, expected: &[&str]) {
    eventually(&format!("the records of {expected:?}"), async || {
        let found = place.recorded().await;
        expected.iter().all(|ip| found.iter().any(|found| found == ip)).then_some(())
    })
    .await;
}

/// Records that were not renewed for `instance.retention.hours` are removed with their reads;
/// others are kept.
#[tokio::test]
async fn old_records_are_removed_on_each_database() {
    for engine in ENGINES {
        let Some(place) = Place::on(engine).await else { continue };
        let mut server = place.start();
        publish(&server).await;
        for address in ["10.0.0.1", "10.0.0.2", "10.0.0.3"] {
            read_as(&server, address).await;
        }
        until_recorded(&place, &["10.0.0.1", "10.0.0.2", "10.0.0.3"]).await;
        assert!(server.terminate().success());
        // The first is old in all respects; the second is an old client with a recent read.
        let old = "'2020-01-01 00:00:00'";
        let instances = format!(
            r#"UPDATE "Instance" SET "DataChange_CreatedTime" = {old}, "DataChange_LastTime" = {old}
               WHERE "Ip" IN ('10.0.0.1','10.0.0.2')"#
        );
        let readings = format!(
            r#"UPDATE "InstanceConfig" SET "DataChange_CreatedTime" = {old}, "DataChange_LastTime" = {old}
               WHERE "InstanceId" IN (SELECT "Id" FROM "Instance" WHERE "Ip" = '10.0.0.1')"#
        );
        place.database().run(&[&instances, &readings]).await;
        let server = place.start();
        eventually("the end of the old record", async || {
            (place.recorded().await == ["10.0.0.2", "10.0.0.3"]).then_some(())
        })
        .await;
        let left = place
            .database()
            .rows(
                r#"SELECT "Id" FROM "InstanceConfig"
                   WHERE "InstanceId" NOT IN (SELECT "Id" FROM "Instance")"#,
            )
            .await;
        assert_eq!(left, Vec::<Value>::new(), "{engine:?}");
        drop(server);
        place.end().await;
    }
}

/// A batch that the database rejects because of one row is written row by row.
#[tokio::test]
async fn a_record_that_the_database_refuses_costs_no_other() {
    const REFUSED: &str = "10.0.0.13";
    for engine in ENGINES {
        let Some(place) = Place::on(engine).await else { continue };
        let server = place.start();
        publish(&server).await;
        let refusal = match engine {
            None => format!(
                r#"CREATE TRIGGER "refusal" BEFORE INSERT ON "Instance" WHEN NEW."Ip" = '{REFUSED}'
                   BEGIN SELECT RAISE(ABORT, 'refused'); END"#
            ),
            Some(_) => format!(
                r#"ALTER TABLE "Instance" ADD CONSTRAINT refusal CHECK ("Ip" <> '{REFUSED}')"#
            ),
        };
        place.database().run(&[&refusal]).await;
        let addresses: Vec<_> = (1..30).map(|at| format!("10.0.0.{at}")).collect();
        // Concurrently, so that they share batches with the rejected one.
        let reads = addresses.iter().map(|address| read_as(&server, address));
        futures_util::future::join_all(reads).await;
        let others: Vec<_> =
            addresses.iter().map(String::as_str).filter(|ip| *ip != REFUSED).collect();
        until_recorded(&place, &others).await;
        assert!(!place.recorded().await.iter().any(|ip| ip == REFUSED), "{engine:?}");
        drop(server);
        place.end().await;
    }
}

/// The ids of the instances that are recorded as readers.
async fn readers(place: &Place) -> Vec<i64> {
    let rows = place.database().rows(r#"SELECT "InstanceId" FROM "InstanceConfig""#).await;
    rows.iter().filter_map(|row| row["InstanceId"].as_i64()).collect()
}

/// Also by a node that did not forget it, and has already recorded it with this release.
#[tokio::test]
async fn a_forgotten_client_that_still_runs_is_recorded_again() {
    const ADDRESS: &str = "10.0.0.1";
    for engine in ENGINES {
        let Some(place) = Place::on(engine).await else { continue };
        let server = place.start();
        publish(&server).await;
        let other = place.start_other();
        let node = other.as_ref().unwrap_or(&server);
        position(&Http::new(&node.config), "demo", "application").await;
        read_as(node, ADDRESS).await;
        let id = eventually("the record", async || readers(&place).await.pop()).await;
        let names = "appId=demo&clusterName=default&namespaceName=application";
        let path = format!("/instances/by-namespace?{names}&instanceId={id}&operator=u");
        Http::new(&server.admin).delete(&path).await.ok();
        assert_eq!(readers(&place).await, Vec::<i64>::new(), "{engine:?}");
        eventually(
            &format!("the record of the client that still runs on {engine:?}"),
            async || {
                read_as(node, ADDRESS).await;
                readers(&place).await.pop()
            },
        )
        .await;
        drop((server, other));
        place.end().await;
    }
}
