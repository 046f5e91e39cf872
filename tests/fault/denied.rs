//! An account of the database that lacks privileges, as in a rotation of accounts. Requests and
//! `/health` report an outage, not an error of the server, and both recover by themselves.

use serde_json::json;

use super::feed_node::{Kind, Node};
use super::locked_table::{recovers, reports};
use super::race::GIVEN_UP;
use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::{Patience, eventually};
use crate::support::health::is_well;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

const REVOKE: &str = "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM castalia";
const GRANT: &str = "GRANT ALL ON ALL TABLES IN SCHEMA public TO castalia";

#[tokio::test]
async fn an_account_without_privileges_is_an_outage() {
    let Some(node) = Node::start(Kind::Postgres, &[]).await else { return };
    node.app.publish("old").await;
    node.eventually_serves("old").await;
    for round in 0..2 {
        node.database.run(&[REVOKE]).await;
        let refused = node.app.try_publish("default", "application").await;
        assert_eq!(refused.status, 503, "{refused:?}");
        eventually("the outage and its reason to be reported", async || {
            let health = node.get("/health").await;
            (health.status == 503 && health.text.contains("privileges")).then_some(())
        })
        .await;
        node.database.run(&[GRANT]).await;
        eventually("the node to be well again", async || {
            (node.get("/health").await.status == 200).then_some(())
        })
        .await;
        let value = format!("new {round}");
        node.app.publish(&value).await;
        node.eventually_serves(&value).await;
    }
    node.end().await;
}

/// A publish reads the sequences of its tables, and a table whose ids have a default generates them
/// with the privileges of the account.
#[tokio::test]
async fn sequences_that_are_denied_are_reported() {
    let Some(node) = Node::start(Kind::Postgres, &[]).await else { return };
    let with_default = [
        r#"ALTER TABLE "Commit" ALTER "Id" DROP IDENTITY"#,
        r#"CREATE SEQUENCE "Commit_Number" OWNED BY "Commit"."Id""#,
        r#"ALTER TABLE "Commit" ALTER "Id" SET DEFAULT nextval('"Commit_Number"')"#,
    ];
    node.database.run(&with_default).await;
    node.app.publish("old").await;
    node.database.run(&["REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM castalia"]).await;
    let path = node.app.path("default", "application");
    let item = json!({
        "key": "other", "value": "1", "comment": "", "lineNum": 2,
        "dataChangeCreatedBy": "apollo", "dataChangeLastModifiedBy": "apollo",
    });
    let refused = [
        node.app.try_publish("default", "application").await,
        Http::new(&node.server.admin).post(&format!("{path}/items"), item).await,
    ];
    for answer in refused {
        assert_eq!(answer.status, 503, "{answer:?}");
    }
    let faults = ["the table Release cannot be read: ", "the table Commit cannot be changed: "];
    reports(&node.http, &faults.map(|fault| format!("{fault}the database denies"))).await;
    assert_eq!(node.get("/health/ready").await.status, 200, "clients are served from memory");
    node.database.run(&["GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO castalia"]).await;
    // Without a publish.
    recovers(&node.http).await;
    node.app.publish("new").await;
    node.eventually_serves("new").await;
    node.end().await;
}

/// MySQL reads the privileges for a database when a connection is opened.
#[tokio::test]
async fn privileges_that_are_granted_take_effect_on_open_connections() {
    let Some(fresh) = Fresh::on(Engine::MySql).await else { return };
    let options = |url: &str| {
        Options::new()
            .flag("--roles", "config,meta,admin")
            .flag("--config-db", url)
            .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
    };
    let url = fresh.database.url.as_str();
    let first = Server::start_with(options(url));
    App::create(&Http::new(&first.admin), "demo").await;
    drop(first);

    let (_, database) = url.rsplit_once('/').unwrap();
    let account = format!("'{database}'@'127.0.0.1'");
    fresh.run_beside(&format!("CREATE USER {account} IDENTIFIED BY 'castalia'")).await;
    fresh.run_beside(&format!("GRANT SELECT ON {database}.* TO {account}")).await;
    let url = url.replace("//castalia:", &format!("//{database}:"));
    let server = Server::start_with(options(&url));
    let app = App::existing(&Http::new(&server.admin), "demo");
    let health = Http::new(&server.config);
    let refused = app.try_publish("default", "application").await;
    assert_eq!(refused.status, 503, "{refused:?}");
    eventually("the outage and its reason to be reported", async || {
        let health = health.get("/health").await;
        // Anybody may ask: neither the account nor its host is named.
        assert!(!health.text.contains("127.0.0.1"), "{health:?}");
        (health.status == 503 && health.text.contains("privileges")).then_some(())
    })
    .await;

    fresh.run_beside(&format!("GRANT INSERT, UPDATE, DELETE ON {database}.* TO {account}")).await;
    eventually("the node to be well again", async || {
        (health.get("/health").await.status == 200).then_some(())
    })
    .await;
    // More than there are connections, so that each of them has to have the privileges.
    let publishes = (0..24).map(async |_| {
        let patience = Patience::new();
        loop {
            let answer = app.try_publish("default", "application").await;
            // On a busy machine one may wait too long for the others.
            let has_given_up = answer.text.contains(GIVEN_UP);
            if !has_given_up || !patience.repeats(&answer).await {
                return answer;
            }
        }
    });
    for answer in futures_util::future::join_all(publishes).await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    drop(server);
    fresh.run_beside(&format!("DROP USER {account}")).await;
    fresh.remove().await;
}

/// Privileges that were granted for each table: MySQL reports every table that does not exist as
/// denied then, such as Castalia's own that are optional, and those of the other database.
#[tokio::test]
async fn a_table_that_does_not_exist_is_no_fault() {
    let Some(config) = Fresh::on(Engine::MySql).await else { return };
    let portal = Fresh::on(Engine::MySql).await.unwrap();
    let options = |[config, portal]: [&str; 2]| {
        Options::new().flag("--config-db", config).flag("--portal-db", portal)
    };
    let urls = [&config, &portal].map(|fresh| fresh.database.url.as_str());
    drop(Server::start_with(options(urls)));

    let (_, name) = config.database.url.rsplit_once('/').unwrap();
    let account = format!("'{name}'@'127.0.0.1'");
    config.run_beside(&format!("CREATE USER {account} IDENTIFIED BY 'castalia'")).await;
    for fresh in [&config, &portal] {
        let (_, database) = fresh.database.url.rsplit_once('/').unwrap();
        let tables = "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()";
        for table in fresh.database.rows(tables).await {
            let table = table["name"].as_str().unwrap();
            let grant = "GRANT SELECT, INSERT, UPDATE, DELETE ON";
            fresh.run_beside(&format!("{grant} {database}.{table} TO {account}")).await;
        }
        fresh
            .database
            .run(&[r#"DROP TABLE IF EXISTS "CastaliaRecent", "CastaliaUnsignedClient", "CastaliaAuditSeal""#])
            .await;
    }
    let urls = urls.map(|url| url.replace("//castalia:", &format!("//{name}:")));
    let server = Server::start_with(options([&urls[0], &urls[1]]));
    // Longer than the first trial writes and the checks after them.
    for _ in 0..20 {
        for base in [&server.config, &server.admin, &server.portal] {
            is_well(&Http::new(base)).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    drop(server);
    config.run_beside(&format!("DROP USER {account}")).await;
    config.remove().await;
    portal.remove().await;
}
