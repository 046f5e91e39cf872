//! Values that all nodes of an installation share, where the table for them is missing, cannot be
//! used, or has a value before its time.

use castalia_store::installation::{ID, insert_if_absent, value, value_or_insert};
use castalia_store::{Secret, Store};
use sea_orm::ConnectionTrait;

use crate::database::{Database, on_each_database};

async fn shared(store: &Store, offer: &str) -> Option<Secret> {
    value_or_insert(store, ID, Secret::new(offer)).await.unwrap()
}

on_each_database! {
    async fn nothing_is_shared_without_a_table(database: Database) {
        assert_eq!(shared(&database.connect().await, "offer").await, None);
    }

    async fn a_creation_keeps_what_a_node_stored_before_it(database: Database) {
        let store = database.config().await;
        let stored = shared(&store, "stored").await;
        let inserted = store.write((), |tx, ()| {
            Box::pin(insert_if_absent(tx, ID, Secret::new("later")))
        });
        inserted.await.unwrap();
        assert_eq!(value(store.read(), ID).await.unwrap(), stored);
        assert_eq!(stored, Some(Secret::new("stored")));
    }
}

#[tokio::test]
async fn nothing_is_shared_by_an_account_that_may_not_use_the_table() {
    let Some(database) = Database::postgres().await else { return };
    let store = database.config().await;
    let raw = database.raw().await;
    for right in ["INSERT", "SELECT"] {
        let revoke = format!(r#"REVOKE {right} ON "CastaliaInstallation" FROM castalia"#);
        raw.execute_unprepared(&revoke).await.unwrap();
        assert_eq!(shared(&store, "offer").await, None, "{right}");
    }
    raw.close().await.unwrap();
}
