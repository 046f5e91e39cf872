//! The removal of release messages that newer ones replaced, and of entries of histories that grow.

use std::collections::BTreeMap;

use castalia_server::domain::retention;
use castalia_server::server_config::ServerConfig;
use castalia_store::entity::release_history::{ActiveModel, Column, Entity};
use castalia_store::entity::{Standard as _, item, namespace};
use castalia_store::{Id, Store, StoreError, message};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, Set,
};

use crate::config_row::{history_row, item_row, namespace_row};
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

    // S101
    async fn items_that_an_earlier_process_left_are_removed_in_portions(database: Database) {
        let store = database.config().await;
        let namespaces = leave_items(&store).await;
        let mut positions = vec![Id(0)];
        while let Some(last) =
            retention::remove_left_items(&store, positions[positions.len() - 1]).await.unwrap()
        {
            positions.push(last);
        }
        // However many namespaces there are, a statement reads some hundreds.
        assert_eq!(positions[1..], [namespaces[499], namespaces[999], namespaces[NAMESPACES - 1]]);
        let left = item::Entity::live().all(store.read()).await.unwrap();
        assert_eq!(left.iter().map(|row| row.namespace_id).collect::<Vec<_>>(), [namespaces[LIVE]]);
    }
}

const NAMESPACES: usize = 1_100;
/// The namespace that is not deleted.
const LIVE: usize = 700;

/// Leaves items of some namespaces, all but one of which are deleted; returns the ids of all.
async fn leave_items(store: &Store) -> Vec<Id> {
    let written = store.write((), |tx, ()| {
        Box::pin(async move {
            let row = |number| namespace::ActiveModel {
                is_deleted: Set(number != LIVE),
                deleted_at: Set(if number == LIVE { 0 } else { 1_700_000_000_000 }),
                ..namespace_row("a", &format!("c{number}"), "n")
            };
            namespace::Entity::insert_many((0..NAMESPACES).map(row))
                .exec_without_returning(tx)
                .await?;
            let rows =
                namespace::Entity::find().order_by_asc(namespace::Column::Id).all(tx).await?;
            let ids: Vec<Id> = rows.into_iter().map(|row| row.id).collect();
            for number in [0, 600, LIVE, NAMESPACES - 1] {
                item::Entity::insert(item_row(ids[number], 1, "k", "v")).exec(tx).await?;
            }
            Ok::<_, StoreError>(ids)
        })
    });
    written.await.unwrap()
}

/// In the order of their histories. Only SQLite stores an id that cannot be decoded.
const CLUSTERS: [&str; 2] = ["damaged", "intact"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_that_cannot_be_read_keeps_no_other_from_being_trimmed() {
    let database = Database::sqlite();
    let store = database.config().await;
    let limit = ("apollo.release-history.retention.size".to_owned(), "1".to_owned());
    let config = ServerConfig::new(BTreeMap::from([limit]));
    let before = retention::remove_old_histories(&store, &config, None).await.unwrap();
    insert_histories(&store).await;
    let raw = database.raw().await;
    let damage = r#"UPDATE "ReleaseHistory" SET "ReleaseId" = X'80FF' WHERE "ReleaseId" = 1"#;
    raw.execute_unprepared(damage).await.unwrap();
    raw.close().await.unwrap();
    let last = retention::remove_old_histories(&store, &config, Some(before)).await.unwrap();
    assert_eq!(last, Id(6));
    let mut left = Vec::new();
    for cluster in CLUSTERS {
        let entries = Entity::find().filter(Column::ClusterName.eq(cluster));
        left.push(entries.count(store.read()).await.unwrap());
    }
    assert_eq!(left, [3, 1]);
}

/// Three entries of each cluster, with the releases 1 to 6.
async fn insert_histories(store: &Store) {
    let written = store.write((), |tx, ()| {
        Box::pin(async move {
            for (at, cluster) in (0..).zip(CLUSTERS) {
                let row = namespace_row("a", cluster, "n");
                namespace::Entity::insert(row).exec(tx).await?;
                for number in 1..=3 {
                    let row = ActiveModel {
                        cluster_name: Set(cluster.to_owned()),
                        branch_name: Set(cluster.to_owned()),
                        ..history_row(Id(3 * at + number), Id(0))
                    };
                    Entity::insert(row).exec(tx).await?;
                }
            }
            Ok::<_, StoreError>(())
        })
    });
    written.await.unwrap();
}
