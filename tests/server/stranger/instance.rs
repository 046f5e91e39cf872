//! Rows that requests add to a database.

use super::attack::{flood, options};
use crate::support::app::App;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::http::{Answer, Http};
use crate::support::memory::assert_small;
use crate::support::poll::position;
use crate::support::server::Server;

/// Limit on the instances of one app.
const PER_APP: usize = 20;
/// Limit on all instances; a second app reaches it before its own limit.
const INSTANCES: usize = 30;
/// Limit on the recorded reads of namespaces: one by each instance, and some more.
const READS: usize = INSTANCES + 5;
/// Public namespaces that an instance reads, more than the limit permits.
const PUBLIC: usize = 10;
/// A regular client.
const HONEST: &str = "ip=10.0.0.9";

/// A server, and what it records.
struct Records<'a> {
    server: &'a Server,
    database: &'a Database,
}

impl Records<'_> {
    /// The answer to a client of an app.
    async fn read(&self, app: &str, namespace: &str, client: &str) -> Answer {
        let path = format!("/configs/{app}/default/{namespace}?{client}");
        Http::new(&self.server.config).get(&path).await
    }

    /// Reads the usual namespace of an app from 200 addresses.
    async fn flood(&self, app: &str, network: &str) {
        flood(self.server, 200, |at| {
            (format!("/configs/{app}/default/application?ip={network}.{at}"), String::new())
        })
        .await;
    }

    /// Number of recorded instances of an app.
    async fn instances(&self, app: &str) -> usize {
        let sql = format!(r#"SELECT "Ip" FROM "Instance" WHERE "AppId" = '{app}'"#);
        self.database.rows(&sql).await.len()
    }

    /// Number of recorded reads of namespaces.
    async fn reads(&self) -> usize {
        self.database.rows(r#"SELECT "Id" FROM "InstanceConfig""#).await.len()
    }
}

/// Instances and what they read are recorded up to bounds for each app and for all, on each
/// database, and one that a database would reject affects no other.
#[tokio::test]
async fn instances_are_bounded_on_each_database() {
    for engine in [None, Some(Engine::MySql), Some(Engine::Postgres)] {
        let fresh = match engine {
            None => None,
            Some(engine) => match Fresh::on(engine).await {
                Some(fresh) => Some(fresh),
                None => continue,
            },
        };
        let options = match &fresh {
            Some(fresh) => options().flag("--config-db", &fresh.database.url),
            None => options(),
        };
        let options = options
            .variable("CASTALIA_INSTANCE_MAX_PER_APP", &PER_APP.to_string())
            .variable("CASTALIA_INSTANCE_MAX_TOTAL", &INSTANCES.to_string())
            .variable("CASTALIA_INSTANCE_CONFIG_MAX_TOTAL", &READS.to_string());
        let server = Server::start_with(options);
        let database = match &fresh {
            Some(fresh) => fresh.database.clone(),
            None => Database::file(server.data_dir(), "config.db"),
        };
        let records = Records { server: &server, database: &database };
        let demo = App::create(&Http::new(&server.admin), "demo").await;
        let lib = App::create(&Http::new(&server.admin), "lib").await;
        for app in [&demo, &lib] {
            app.publish("1").await;
            position(&Http::new(&server.config), &app.id, "application").await;
        }
        instances_are_bounded(&records).await;
        reads_are_bounded(&records, &demo, &lib).await;
        // Records are written in order, so those of both floods have been written or dropped.
        let found = (records.instances("demo").await, records.instances("lib").await);
        assert_eq!(found, (PER_APP, INSTANCES - PER_APP), "{engine:?}");
        assert_eq!(records.reads().await, READS, "{engine:?}");
        drop(server);
        if let Some(fresh) = fresh {
            fresh.remove().await;
        }
    }
}

/// One app reaches its own limit, and another one that of all apps.
async fn instances_are_bounded(records: &Records<'_>) {
    for client in ["ip=%00", "ip=1.2.3.4%00", "ip=10.0.0.1&dataCenter=a%00b", "ip=host", "ip=%0a"] {
        records.read("demo", "application", client).await.ok();
    }
    records.flood("demo", "10.0.1").await;
    records.read("lib", "application", HONEST).await.ok();
    eventually("the record of an honest client of another app", async || {
        (records.instances("lib").await >= 1).then_some(())
    })
    .await;
    assert_eq!(records.instances("demo").await, PER_APP);
    records.flood("lib", "10.0.2").await;
}

/// A recorded instance reads more namespaces than may be recorded; afterwards the records of what
/// it read before still follow its releases.
async fn reads_are_bounded(records: &Records<'_>, demo: &App, lib: &App) {
    for number in 0..PUBLIC {
        let namespace = format!("public{number}");
        demo.add_namespace(&namespace, true).await;
        demo.release("default", &namespace, &[("k", "1")]).await;
        eventually("the public namespace", async || {
            (records.read("lib", &namespace, HONEST).await.status == 200).then_some(())
        })
        .await;
        // The limit is checked once for each batch, so batches of one record reach it exactly.
        let expected = INSTANCES + number + 1;
        if expected <= READS {
            eventually(&format!("{expected} recorded reads"), async || {
                (records.reads().await == expected).then_some(())
            })
            .await;
        }
    }
    let release = lib.publish("2").await;
    eventually("the new release", async || {
        let served = records.read("lib", "application", HONEST).await.ok().json();
        (served["releaseKey"] == release.key.as_str()).then_some(())
    })
    .await;
    let key = &release.key;
    let sql = format!(r#"SELECT "Id" FROM "InstanceConfig" WHERE "ReleaseKey" = '{key}'"#);
    eventually("the record of the new release", async || {
        (records.database.rows(&sql).await.len() == 1).then_some(())
    })
    .await;
}

/// X4: what the server remembers of an instance has a fixed size, whatever release it read. More is
/// published here than the server may hold.
#[tokio::test]
async fn no_record_of_an_instance_keeps_a_release_in_memory() {
    const LONG_VALUES: usize = 50;
    let server = Server::start_with(options());
    let demo = App::create(&Http::new(&server.admin), "demo").await;
    let http = Http::new(&server.config);
    let value = "v".repeat(20_000);
    let keys: Vec<_> = (0..LONG_VALUES).map(|number| format!("k{number}")).collect();
    let items: Vec<_> = keys.iter().map(|key| (key.as_str(), value.as_str())).collect();
    demo.release("default", "application", &items).await;
    for number in 0..150 {
        let release = demo.publish(&number.to_string()).await;
        let path = format!("/configs/demo/default/application?ip=10.0.{number}.1");
        eventually("the new release", async || {
            let served = http.get(&path).await.ok().json();
            (served["releaseKey"] == release.key.as_str()).then_some(())
        })
        .await;
    }
    assert_small(&server, "instances that read large releases");
}
