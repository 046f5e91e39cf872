//! Trial writes of a database that nobody changes leave no row and use up no id.

use castalia_store::Store;
use castalia_store::entity::{audit_log, item, release, release_message};
use castalia_store::release::publish;
use sea_orm::{EntityTrait, PaginatorTrait};

use crate::database::{Database, on_each_database};
use crate::publish::rows;

async fn rehearse(store: &Store) {
    for _ in 0..3 {
        let before = store.statements();
        let trying = tokio::spawn(store.keep_trying());
        while store.statements() < before + 2 {
            tokio::task::yield_now().await;
        }
        trying.abort();
    }
    assert!(store.status().is_writable());
}

on_each_database! {
    async fn trial_writes_leave_no_trace_in_the_config_database(database: Database) {
        let config = database.config().await;
        rehearse(&config).await;
        let db = config.read();
        assert_eq!(item::Entity::find().count(db).await.unwrap(), 0);
        assert_eq!(release::Entity::find().count(db).await.unwrap(), 0);
        assert_eq!(release_message::Entity::find().count(db).await.unwrap(), 0);
        let release = config.write(1, |tx, count| Box::pin(publish(tx, rows(*count)))).await;
        assert_eq!(release.unwrap().release.id.0, 1);
    }

    async fn trial_writes_leave_no_trace_in_the_portal_database(database: Database) {
        let portal = database.portal().await;
        rehearse(&portal).await;
        assert_eq!(audit_log::Entity::find().count(portal.read()).await.unwrap(), 0);
    }
}
