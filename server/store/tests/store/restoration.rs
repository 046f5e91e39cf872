//! Rows that were hidden together are shown again, whatever was hidden before or is hidden
//! meanwhile.

use castalia_store::entity::*;
use castalia_store::removal::{self, Scope};
use castalia_store::restoration::{self, When};
use castalia_store::{
    Deletion, Id, Store, StoreError, item as items, namespace as namespaces, now,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set};

use crate::config_row::*;
use crate::database::{Database, on_each_database};

async fn live_items(store: &Store, id: Id) -> usize {
    let rows = item::Entity::live().filter(item::Column::NamespaceId.eq(id));
    rows.all(store.read()).await.unwrap().len()
}

on_each_database! {
    // Whoever deleted a cluster hides its items afterwards, perhaps after a restart.
    async fn items_of_a_restored_namespace_are_not_hidden(database: Database) {
        let store = database.config().await;
        let id = store.write((), |tx, ()| Box::pin(async move {
            let id = insert(tx, namespace_row("a", "default", "n")).await?.id;
            for number in 0..3_i64 {
                insert(tx, item_row(id, number, &format!("k{number}"), "v")).await?;
            }
            Ok::<_, StoreError>(id)
        })).await.unwrap();
        let hide = || store.write((), |tx, ()| Box::pin(async move {
            removal::hide(tx, Scope::of_clusters("a", &["default"]), &Deletion::by("o")).await
        }));
        let hidden_at = async || {
            let hidden = restoration::hidden_of_app(store.read(), "a", When::Since(1)).await.unwrap();
            hidden.namespaces[0].deleted_at
        };
        let show = |at: i64| store.write(at, |tx, at| Box::pin(async move {
            restoration::show(tx, Scope::of_clusters("a", &["default"]), *at).await
        }));
        let hide_items = || store.write(id, |tx, id| Box::pin(removal::hide_items(tx, std::slice::from_ref(id))));
        // Restored before its items were hidden.
        hide().await.unwrap();
        show(hidden_at().await).await.unwrap();
        hide_items().await.unwrap();
        assert_eq!(live_items(&store, id).await, 3);
        // Restored afterwards: an item that was deleted on its own stays deleted.
        let single = item::Entity::find().one(store.read()).await.unwrap().unwrap().id;
        store.write(single, |tx, id| Box::pin(items::delete(tx, *id, "o"))).await.unwrap();
        // Rows with the same millisecond belong to the same deletion.
        let deleted = now().timestamp_millis();
        while now().timestamp_millis() <= deleted {}
        hide().await.unwrap();
        hide_items().await.unwrap();
        assert_eq!(live_items(&store, id).await, 0);
        show(hidden_at().await).await.unwrap();
        assert_eq!(live_items(&store, id).await, 2);
    }

    // S101: their time of deletion is minus their id, and strict MySQL stores no time before 1970.
    async fn items_of_namespaces_that_apollo_1_deleted_are_hidden(database: Database) {
        let store = database.config().await;
        let before = now().timestamp_millis();
        let ids = store.write((), |tx, ()| Box::pin(async move {
            let mut ids = Vec::new();
            for (number, deleted_at) in [(1, -5), (2, 1_700_000_000_000)] {
                let row = namespace::ActiveModel {
                    is_deleted: Set(true),
                    deleted_at: Set(deleted_at),
                    ..namespace_row("a", "default", &format!("n{number}"))
                };
                let id = insert(tx, row).await?.id;
                insert(tx, item_row(id, 1, "k", "v")).await?;
                ids.push(id);
            }
            Ok::<_, StoreError>(ids)
        })).await.unwrap();
        store.write(ids, |tx, ids| Box::pin(removal::hide_items(tx, ids))).await.unwrap();
        let rows = item::Entity::find().order_by_asc(item::Column::Id).all(store.read()).await.unwrap();
        assert!(rows.iter().all(|row| row.is_deleted));
        assert!(rows[0].deleted_at >= before, "{rows:?}");
        assert_eq!(rows[1].deleted_at, 1_700_000_000_000);
    }

    // Nodes of Apollo look for definitions with greater ids than those that they know.
    async fn restored_definitions_are_newer_than_all_others(database: Database) {
        let store = database.config().await;
        let at = store.write((), |tx, ()| Box::pin(async move {
            for (app, name) in [("a", "first"), ("a", "second"), ("b", "other")] {
                insert(tx, definition_row(app, name, true)).await?;
            }
            namespaces::delete_app_namespaces(tx, "a", &Deletion::by("o")).await?;
            let hidden = restoration::hidden_definitions(tx, "a", When::Since(1)).await?;
            Ok::<_, StoreError>(hidden[0].deleted_at)
        })).await.unwrap();
        store.write(at, |tx, at| Box::pin(async move {
            restoration::show_definitions(tx, "a", None, *at).await
        })).await.unwrap();
        let rows = app_namespace::Entity::find().order_by_asc(app_namespace::Column::Id);
        let rows = rows.all(store.read()).await.unwrap();
        let names: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.is_deleted)).collect();
        assert_eq!(names, [("other", false), ("first", false), ("second", false)]);
        assert!(rows.iter().all(|row| row.is_public && row.deleted_at == 0));
    }

    async fn what_one_deletion_hid_is_found_whatever_its_number(database: Database) {
        const ROWS: usize = 1_100;
        let store = database.config().await;
        store.write((), |tx, ()| Box::pin(async move {
            for number in 0..ROWS {
                insert(tx, namespace_row("a", &format!("c{number}"), "n")).await?;
            }
            removal::hide(tx, Scope::of_app("a"), &Deletion::by("o")).await
        })).await.unwrap();
        let one = restoration::hidden_of_app(store.read(), "a", When::Since(1)).await.unwrap();
        let at = one.namespaces[0].deleted_at;
        let all = restoration::hidden_of_app(store.read(), "a", When::At(at)).await.unwrap();
        assert_eq!(all.namespaces.len(), ROWS);
    }
}
