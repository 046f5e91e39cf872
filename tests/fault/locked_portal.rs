//! SEC-31: while the portal's database accepts no writes, the portal changes nothing in an
//! environment, because no audit record would say so.

use std::time::Duration;

use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use crate::support::database::{Database, Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::http::{Answer, Http};
use crate::support::server::{Options, Server};
use crate::support::session;

pub(super) const NAMESPACE: &str =
    "/openapi/v1/envs/DEV/apps/demo/clusters/default/namespaces/application";
/// Only a session that is older than a minute is noted to be in use.
const AN_HOUR_OLD: &str = r#"UPDATE "CastaliaSession" SET "LastSeenTime" =
    strftime('%Y-%m-%d %H:%M:%S', "LastSeenTime", '-1 hour')"#;
const LOCK: &str = r#"UPDATE "ServerConfig" SET "Comment" = 'locked'"#;

pub(super) async fn edit(portal: &Http, value: &str) -> Answer {
    let item = json!({
        "key": "k", "value": value, "dataChangeCreatedBy": "apollo",
        "dataChangeLastModifiedBy": "apollo",
    });
    portal.put(&format!("{NAMESPACE}/items/k?createIfNotExists=true"), item).await
}

pub(super) async fn publish(portal: &Http) -> Answer {
    let release = json!({ "releaseTitle": "r", "releasedBy": "apollo" });
    portal.post(&format!("{NAMESPACE}/releases"), release).await
}

/// Publishes a value of the key, and waits until clients receive it.
pub(super) async fn change(portal: &Http, config: &Http, value: &str) {
    accepted(async || edit(portal, value).await).await;
    accepted(async || publish(portal).await).await;
    serves(config, value).await;
}

/// Repeats a request that is refused for now, as its callers are told to, and a change whose record
/// was late: the disk of the database may be busy for seconds with other tests.
pub(super) async fn accepted(request: impl AsyncFn() -> Answer) {
    eventually("a change to be accepted", async || {
        let answer = request().await;
        if (answer.status, answer.header("retry-after")) == (503, "5") {
            return None;
        }
        answer.ok();
        Some(())
    })
    .await;
}

/// Waits until clients receive this value of the key.
pub(super) async fn serves(config: &Http, value: &str) {
    eventually(&format!("the value {value}"), async || {
        let served = config.get("/configs/demo/default/application").await;
        let served = (served.status == 200).then(|| served.json())?;
        (served["configurations"]["k"] == value).then_some(())
    })
    .await;
}

/// The value of the key that the portal shows.
pub(super) async fn stored(portal: &Http) -> String {
    let item = portal.get(&format!("{NAMESPACE}/items/k")).await.ok().json();
    item["value"].as_str().unwrap().to_owned()
}

pub(super) async fn create_app(portal: &Http) {
    let app = json!({
        "app": {
            "appId": "demo", "name": "demo", "orgId": "o", "orgName": "O", "ownerName": "apollo",
            "ownerEmail": "", "dataChangeCreatedBy": "apollo",
        },
    });
    accepted(async || portal.post("/openapi/v1/apps", app.clone()).await).await;
}

/// The disk has no room for records of operations, but for smaller rows of other tables.
#[tokio::test]
async fn a_disk_that_is_nearly_full_stops_changes_until_they_can_be_recorded() {
    let Some(fresh) = Fresh::on(Engine::Postgres).await else { return };
    let server = Server::start_with(Options::new().flag("--portal-db", &fresh.database.url));
    let portal = server.open_api();
    create_app(&portal).await;
    accepted(async || edit(&portal, "1").await).await;
    let function = r"CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$";
    let trigger = r#"CREATE TRIGGER no_room BEFORE INSERT ON "AuditLog"
        FOR EACH ROW EXECUTE FUNCTION no_room()"#;
    fresh.database.run(&[function, trigger]).await;
    let first = edit(&portal, "2").await;
    assert_eq!(first.status, 503, "{first:?}");
    eventually("/health to report the full disk", async || {
        (portal.get("/health").await.status == 503).then_some(())
    })
    .await;
    // Longer than the pause between two trial writes.
    for _ in 0..10 {
        let refused = edit(&portal, "3").await;
        assert!(refused.text.contains("Nothing was changed"), "{refused:?}");
        assert_eq!(portal.get("/health").await.status, 503);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    fresh.database.run(&[r#"DROP TRIGGER no_room ON "AuditLog""#]).await;
    eventually("/health to report the recovery", async || {
        (portal.get("/health").await.status == 200).then_some(())
    })
    .await;
    accepted(async || edit(&portal, "4").await).await;
    drop(server);
    fresh.remove().await;
}

#[tokio::test]
async fn nothing_is_changed_that_cannot_be_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_in(directory.path(), Options::new());
    let (portal, client) = (server.open_api(), Http::new(&server.config));
    create_app(&portal).await;
    accepted(async || edit(&portal, "1").await).await;
    accepted(async || publish(&portal).await).await;
    let item = async || -> Value { portal.get(&format!("{NAMESPACE}/items/k")).await.json() };
    let served = async || -> Value {
        client.get("/configs/demo/default/application").await.json()["configurations"]["k"].clone()
    };
    eventually("the release", async || (served().await == "1").then_some(())).await;

    let session = session::root(&server).await;
    let database = Database::file(directory.path(), "portal.db");
    database.run(&[AN_HOUR_OLD]).await;
    let locked = database.begin(&[]).await;
    locked.execute_unprepared(LOCK).await.unwrap();
    // The first change shows that the database is locked; its answer says that it was made.
    let first = edit(&portal, "2").await;
    assert_eq!(first.status, 503, "{first:?}");
    eventually("/health to report the lock", async || {
        (portal.get("/health").await.status == 503).then_some(())
    })
    .await;
    // A session that was not used for a while still reads.
    session.get("/openapi/v1/apps").await.ok();
    let before = item().await;
    for _ in 0..3 {
        for refused in [edit(&portal, "3").await, publish(&portal).await] {
            assert_eq!(refused.status, 503, "{refused:?}");
            assert!(refused.text.contains("Nothing was changed"), "{refused:?}");
        }
    }
    assert_eq!(item().await, before);
    assert_eq!(served().await, "1");

    locked.rollback().await.unwrap();
    eventually("/health to report the recovery", async || {
        (portal.get("/health").await.status == 200).then_some(())
    })
    .await;
    accepted(async || edit(&portal, "4").await).await;
    accepted(async || publish(&portal).await).await;
    eventually("the next release", async || (served().await == "4").then_some(())).await;
}
