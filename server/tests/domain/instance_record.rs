//! Records of clients that share an instance or a batch: spellings that the database treats as one,
//! and an outage in the middle of a batch. Records that a restored backup or a failover lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use castalia_core::protocol::namespace::NamespaceKey;
use castalia_core::protocol::route::Caller;
use castalia_server::background::Background;
use castalia_server::domain::forgotten_instance;
use castalia_server::domain::instance_audit::InstanceAudit;
use castalia_server::domain::lookup::{LookupRequest, LookupResult};
use castalia_server::feed::cache::{ReadFrom, Release};
use castalia_server::server_config::ServerConfig;
use castalia_store::entity::instance_config::Entity;
use castalia_store::instance::{address_width, count};
use castalia_store::{Store, StoreError};
use sea_orm::{ConnectionTrait as _, EntityTrait as _};

use super::appended::{KEY, feed, insert, scan_until};
use super::went_back::{OTHER, replace};
use crate::database::{Database, on_each_database};

/// Longest wait, far above what a record takes, and pause between two looks.
const PATIENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(20);

/// Cluster, data center, address and release key of a client.
type Client = (&'static str, &'static str, &'static str, &'static str);

on_each_database! {
    async fn a_recorded_client_in_another_case_is_recorded(database: Database) {
        const FIRST: Client = ("bj", "dc", "10.0.0.1", "a");
        const OTHER: Client = ("BJ", "Dc", "10.0.0.1", "b");
        let store = database.config().await;
        // MySQL ignores case: both are one instance, for which no more room is needed.
        let instances = if database.is_mysql() { 1 } else { 2 };
        let audit = audit(&store, instances);
        let background = Background::default();
        audit.run(&background);
        until_recorded(&store, &audit, FIRST).await;
        until_recorded(&store, &audit, OTHER).await;
        assert_eq!(count(store.read()).await.unwrap(), (instances, instances));
    }

    async fn a_client_in_two_cases_is_recorded_once_where_it_is_one_instance(database: Database) {
        const FIRST: Client = ("bj", "dc", "10.0.0.1", "a");
        const OTHER: Client = ("BJ", "Dc", "10.0.0.1", "b");
        let store = database.config().await;
        let instances = if database.is_mysql() { 1 } else { 2 };
        let audit = audit(&store, 10);
        let background = Background::default();
        // Before the writer runs, so that they are one batch.
        offer(&audit, FIRST);
        offer(&audit, OTHER);
        audit.run(&background);
        until_recorded(&store, &audit, OTHER).await;
        assert_eq!(count(store.read()).await.unwrap(), (instances, instances));
    }

    async fn a_batch_that_an_outage_interrupts_is_offered_again(database: Database) {
        const REFUSED: Client = ("default", "", "10.0.0.1", "refused");
        const DENIED: Client = ("default", "", "10.0.0.2", "denied");
        const LAST: Client = ("default", "", "10.0.0.3", "last");
        // No trigger of SQLite can report an outage.
        if database.is_sqlite() {
            return;
        }
        let store = database.config().await;
        begin_outage(&database).await;
        let audit = audit(&store, 10);
        let background = Background::default();
        // Before the writer runs, so that they are one batch, which is repeated row by row because
        // of the first one.
        for client in [REFUSED, DENIED, LAST] {
            offer(&audit, client);
        }
        audit.run(&background);
        // Then the attempt to write the one before it is over.
        until_recorded(&store, &audit, LAST).await;
        end_outage(&database).await;
        until_recorded(&store, &audit, DENIED).await;
    }

    async fn a_long_address_is_recorded_where_the_column_holds_it(database: Database) {
        const LONG: Client = ("default", "", "2001:db8:1111:2222:3333:4444:5555:6666", "a");
        const LONGER: Client = ("default", "", "2001:db8:1111:2222:3333:4444:5555:7777", "b");
        const SHORT: Client = ("default", "", "2001:db8::1", "c");
        let store = database.config().await;
        let width = address_width(store.read()).await.unwrap();
        assert_eq!(width, (!database.is_sqlite()).then_some(64));
        let (first, background) = (audit(&store, 10), Background::default());
        first.run(&background);
        until_recorded(&store, &first, LONG).await;
        if database.is_sqlite() {
            return;
        }
        // As in a table that Apollo created. Statements of the first connections know another one.
        store.close().await.unwrap();
        let narrow = match database.is_mysql() {
            true => [
                "DELETE FROM `Instance`",
                "ALTER TABLE `Instance` MODIFY `Ip` varchar(32) NOT NULL DEFAULT ''",
            ],
            false => [
                r#"DELETE FROM "Instance""#,
                r#"ALTER TABLE "Instance" ALTER COLUMN "Ip" TYPE varchar(32)"#,
            ],
        };
        execute(&database, &narrow).await;
        let store = database.connect().await;
        assert_eq!(address_width(store.read()).await.unwrap(), Some(32));
        let second = audit(&store, 1);
        // One batch. The limit of one instance shows that the other took up no room.
        offer(&second, LONGER);
        offer(&second, SHORT);
        second.run(&background);
        until_recorded(&store, &second, SHORT).await;
        assert_eq!(count(store.read()).await.unwrap().0, 1);
    }

    async fn a_client_whose_record_a_failover_lost_is_recorded_again(database: Database) {
        const CLIENT: Client = ("default", "", "10.0.0.1", "a");
        let (store, feed) = feed(&database).await;
        insert(&store).await;
        let (audit, background) = (audit(&store, 10), Background::default());
        feed.run(&background);
        audit.run(&background);
        forgotten_instance::run(&store, &feed, &audit, &background);
        scan_until(&feed, KEY, 2).await;
        until_recorded(&store, &audit, CLIENT).await;
        let lost = store.write((), |tx, ()| {
            Box::pin(async move { Entity::delete_many().exec(tx).await.map_err(StoreError::from) })
        });
        lost.await.unwrap();
        replace(&store, &[2], &[OTHER]).await;
        until_recorded(&store, &audit, CLIENT).await;
    }
}

fn audit(store: &Store, most: u64) -> InstanceAudit {
    let limit = ("instance.max.per.app".to_owned(), most.to_string());
    InstanceAudit::new(store.clone(), ServerConfig::new(BTreeMap::from([limit])))
}

/// What a request of a client offers, whose answer is the release.
fn offer(audit: &InstanceAudit, (cluster, data_center, ip, release_key): Client) {
    let target = NamespaceKey::new("demo", cluster, "application");
    let caller =
        Caller { data_center: Some(data_center.to_owned()), ip: Some(ip.to_owned()), label: None };
    let asked = LookupRequest {
        target: &target,
        app_id: Some("demo"),
        caller: &caller,
        messages: None,
        read_from: ReadFrom::Database,
    };
    let release = Release {
        id: 1,
        release_key: release_key.to_owned(),
        key: NamespaceKey::new("demo", "default", "application"),
        configurations: Default::default(),
        digest: 0,
        is_rewritten: false,
    };
    audit.offer(&asked, &LookupResult { own: Some(Arc::new(release)), public: None });
}

/// Sends requests of a client until it is recorded.
async fn until_recorded(store: &Store, audit: &InstanceAudit, client: Client) {
    let begun = Instant::now();
    loop {
        offer(audit, client);
        let rows = Entity::find().all(store.read()).await.unwrap();
        if rows.iter().any(|row| row.release_key == client.3) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{client:?} is not recorded");
        tokio::time::sleep(STEP).await;
    }
}

/// Makes the database reject one release key, and deny the account access at another one.
async fn begin_outage(database: &Database) {
    let statements: &[&str] = if database.is_mysql() {
        &["CREATE TRIGGER outage BEFORE INSERT ON `InstanceConfig` FOR EACH ROW
           IF NEW.`ReleaseKey` = 'refused' THEN
             SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'refused';
           ELSEIF NEW.`ReleaseKey` = 'denied' THEN
             SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1142, MESSAGE_TEXT = 'denied';
           END IF"]
    } else {
        &[
            r#"CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF NEW."ReleaseKey" = 'refused' THEN RAISE EXCEPTION 'refused'; END IF;
                 IF NEW."ReleaseKey" = 'denied' THEN
                   RAISE EXCEPTION 'denied' USING ERRCODE = '42501';
                 END IF;
                 RETURN NEW; END $$"#,
            r#"CREATE TRIGGER outage BEFORE INSERT ON "InstanceConfig"
               FOR EACH ROW EXECUTE FUNCTION fail()"#,
        ]
    };
    execute(database, statements).await;
}

async fn end_outage(database: &Database) {
    let statement = if database.is_mysql() {
        "DROP TRIGGER outage"
    } else {
        r#"DROP TRIGGER outage ON "InstanceConfig""#
    };
    execute(database, &[statement]).await;
}

async fn execute(database: &Database, statements: &[&str]) {
    let raw = database.raw().await;
    for statement in statements {
        raw.execute_unprepared(statement).await.unwrap();
    }
    raw.close().await.unwrap();
}
