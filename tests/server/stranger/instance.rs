//! Rows that requests add to a database.

use super::attack::{assert_small, flood, options};
use crate::support::app::App;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::poll::position;
use crate::support::server::Server;

/// Instances are recorded up to a bound for each app, on each database, and one that a database
/// would reject affects no other.
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
        let server = Server::start_with(options.variable("CASTALIA_INSTANCE_MAX_PER_APP", "20"));
        let database = match &fresh {
            Some(fresh) => fresh.database.clone(),
            None => Database::file(server.data_dir(), "config.db"),
        };
        let demo = App::create(&Http::new(&server.admin), "demo").await;
        let lib = App::create(&Http::new(&server.admin), "lib").await;
        for app in [&demo, &lib] {
            app.publish("1").await;
            position(&Http::new(&server.config), &app.id, "application").await;
        }
        let ask = async |app: &str, query: &str| {
            let path = format!("/configs/{app}/default/application?{query}");
            Http::new(&server.config).get(&path).await.ok();
        };
        for query in
            ["ip=%00", "ip=1.2.3.4%00", "ip=10.0.0.1&dataCenter=a%00b", "ip=host", "ip=%0a"]
        {
            ask("demo", query).await;
        }
        flood(&server, 200, |at| {
            (format!("/configs/demo/default/application?ip=10.0.1.{at}"), String::new())
        })
        .await;
        ask("lib", "ip=10.0.0.9").await;
        let count = async |app: &str| {
            let sql = format!(r#"SELECT "Ip" FROM "Instance" WHERE "AppId" = '{app}'"#);
            database.rows(&sql).await.len()
        };
        eventually("the record of an honest client of another app", async || {
            (count("lib").await >= 1).then_some(())
        })
        .await;
        assert_eq!(count("demo").await, 20, "{engine:?}");
        drop(server);
        if let Some(fresh) = fresh {
            fresh.remove().await;
        }
    }
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
