//! A restored definition is a new row: nodes of Apollo on the same database look for definitions
//! with greater ids than those that they know, and never find one that is shown again.

use std::collections::BTreeMap;

use castalia_server::domain::app_namespace::delete;
use castalia_server::domain::restoration::{list, restore};
use castalia_server::server_config::ServerConfig;
use castalia_store::entity::{app, app_namespace, audit, cluster};
use castalia_store::{Id, Store, StoreError};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};

use crate::config_row::{app_row, cluster_row, definition_row};
use crate::database::{Database, on_each_database};

/// An app with two definitions, of which `n` is the older one.
async fn define(store: &Store) {
    let write = store.write((), |tx, ()| {
        Box::pin(async move {
            app::Entity::insert(app_row("a")).exec_without_returning(tx).await?;
            let cluster = cluster::Entity::insert(cluster_row("default", Id(0)));
            cluster.exec_without_returning(tx).await?;
            for (name, is_public) in [("n", true), ("later", false)] {
                let row = app_namespace::Entity::insert(definition_row("a", name, is_public));
                row.exec_without_returning(tx).await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    write.await.unwrap();
}

async fn rows(store: &Store) -> Vec<app_namespace::Model> {
    let rows = app_namespace::Entity::find().order_by_asc(app_namespace::Column::Id);
    rows.all(store.read()).await.unwrap()
}

/// The last entry of the audit about a definition.
async fn last_audited(store: &Store) -> (String, Option<Id>) {
    let entries = audit::Entity::find()
        .filter(audit::Column::EntityName.eq("AppNamespace"))
        .order_by_desc(audit::Column::Id);
    let last = entries.one(store.read()).await.unwrap().unwrap();
    (last.op_name, last.entity_id)
}

on_each_database! {
    async fn a_restored_definition_has_the_greatest_id(database: Database) {
        let store = database.config().await;
        define(&store).await;
        let original = rows(&store).await.remove(0);
        // What was restored can be deleted and restored again.
        for _ in 0..2 {
            let greatest = rows(&store).await.pop().unwrap().id;
            delete(&store, "a", "n", "o").await.unwrap();
            let deleted = list(&store, "a").await.unwrap().remove(0);
            let config = ServerConfig::new(BTreeMap::new());
            restore(&store, &config, deleted, "o").await.unwrap();
            assert!(list(&store, "a").await.unwrap().is_empty());

            // No hidden row remains.
            let mut present = rows(&store).await;
            assert_eq!(present.len(), 2);
            let restored = present.pop().unwrap();
            assert!(restored.id > greatest, "{restored:?}");
            assert_eq!(last_audited(&store).await, ("INSERT".to_owned(), Some(restored.id)));
            let expected = app_namespace::Model {
                id: restored.id,
                data_change_last_modified_by: Some("o".to_owned()),
                data_change_last_time: restored.data_change_last_time,
                ..original.clone()
            };
            assert_eq!(restored, expected);
        }
    }
}
