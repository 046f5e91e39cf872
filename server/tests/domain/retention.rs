//! The removal of release messages that newer ones replaced.

use castalia_server::domain::retention;
use castalia_store::{Id, StoreError, message};

use crate::database::{Database, on_each_database};

on_each_database! {
    async fn messages_replaced_before_the_first_look_are_removed(database: Database) {
        let store = database.config().await;
        let ids = store.write((), |tx, ()| Box::pin(async move {
            let mut ids = Vec::new();
            for text in ["a+d+n", "b+d+n", "a+d+n"] {
                ids.push(message::insert(tx, text).await?.id);
            }
            Ok::<_, StoreError>(ids)
        }));
        let ids: Vec<Id> = ids.await.unwrap();
        assert_eq!(retention::remove_old_messages(&store, None).await.unwrap(), ids[2]);
        let left = message::after(store.read(), 0, 10).await.unwrap().readable;
        assert_eq!(left.iter().map(|row| row.0).collect::<Vec<_>>(), ids[1..]);
    }
}
