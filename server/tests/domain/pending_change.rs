//! Of two nodes that announce changes of one app at the same time, at least one finds that the
//! environment may receive that of the other after its own.

use castalia_server::domain::pending_change::{
    NewPendingChange, PendingOperation, announce, remove,
};
use castalia_store::Store;
use futures_util::future::join;

use crate::database::{Database, on_each_database};

/// Pairs of announcements: not every pair overlaps.
const PAIRS: usize = 30;

async fn announced(store: &Store) -> (castalia_store::Id, bool) {
    let change = NewPendingChange {
        app_id: "a".to_owned(),
        namespace: String::new(),
        operation: PendingOperation::Write,
        operator: "o".to_owned(),
    };
    let stored = announce(store, change, vec!["PRO".to_owned()]).await.unwrap();
    (stored[0].id, stored[0].is_behind)
}

on_each_database! {
    async fn two_announcements_at_once_see_each_other(database: Database) {
        let store = database.portal().await;
        for _ in 0..PAIRS {
            let ((one, is_one_behind), (other, is_other_behind)) =
                join(announced(&store), announced(&store)).await;
            assert!(is_one_behind || is_other_behind);
            remove(&store, vec![one, other]).await;
        }
        assert!(!announced(&store).await.1, "nothing else is announced");
    }
}
