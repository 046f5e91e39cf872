//! REL-04: MariaDB or PostgreSQL freezes: connections stay open, and nothing is answered. Requests
//! are refused immediately instead of waiting for ever, and refused changes are not applied when
//! the database continues.

use std::time::Duration;

use super::database::AT_ONCE;
use super::ledger::Ledger;
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::gate::Gate;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

async fn a_frozen_database_refuses_at_once_and_applies_nothing_later(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let gate = Gate::before(&fresh.database.url).await;
    let options = Options::new()
        .flag("--roles", "config,meta,admin")
        .flag("--config-db", &gate.url)
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    let mut server = Server::start_with(options.clone());
    let (admin, config) = (Http::new(&server.admin), Http::new(&server.config));
    let mut ledger = Ledger::create(&admin).await;
    config.get("/configs/demo/default/application").await.ok();
    for round in 0..2 {
        gate.freeze();
        let publish = async || {
            let refused = ledger.publish(&admin, &format!("refused {round}")).await;
            assert_eq!(refused.status, 503, "{refused:?}");
        };
        AT_ONCE.time("a publish", publish).await;
        for (http, path, status) in [
            (&config, "/health", 503),
            (&admin, "/apps/demo", 503),
            (&config, "/configs/demo/default/application", 200),
        ] {
            let request = async || assert_eq!(http.get(path).await.status, status, "{path}");
            AT_ONCE.time(path, request).await;
        }
        // Many concurrent requests must not exhaust the connections permanently.
        let more = futures_util::future::join_all((0..40).map(|_| admin.get("/apps/demo")));
        assert!(more.await.iter().all(|answer| answer.status == 503));
        gate.open();
        eventually("/health to report the recovery", async || {
            (config.get("/health").await.status == 200).then_some(())
        })
        .await;
        // Requests in progress have had time to arrive.
        tokio::time::sleep(Duration::from_secs(1)).await;
        ledger.verify(&fresh.database, &config).await;
        let accepted = ledger.publish(&admin, &format!("accepted {round}")).await;
        assert_eq!(accepted.status, 200, "the next request after the freeze: {accepted:?}");
        ledger.verify(&fresh.database, &config).await;
    }
    // Freezes during publishes.
    for round in 0..5 {
        let freeze = async {
            tokio::time::sleep(Duration::from_millis(3 * round)).await;
            gate.freeze();
        };
        let value = format!("cut {round}");
        let (answer, ()) = tokio::join!(ledger.publish(&admin, &value), freeze);
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        gate.open();
        ledger.publish_again(&admin, &format!("whole {round}")).await;
        ledger.verify(&fresh.database, &config).await;
    }
    assert!(server.terminate().success());
    let server = Server::start_with(options);
    ledger.verify(&fresh.database, &Http::new(&server.config)).await;
    drop(server);
    fresh.remove().await;
}

// The gate needs a thread while the test blocks on its server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_mysql_refuses_at_once_and_applies_nothing_later() {
    a_frozen_database_refuses_at_once_and_applies_nothing_later(Engine::MySql).await;
}

// The gate needs a thread while the test blocks on its server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_postgres_refuses_at_once_and_applies_nothing_later() {
    a_frozen_database_refuses_at_once_and_applies_nothing_later(Engine::Postgres).await;
}
