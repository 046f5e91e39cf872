//! What a node reads of the settings in a database, and keeps when rows are missing.

use std::collections::{BTreeMap, HashSet};

use castalia_server::domain::server_config::{self, of_portal};
use castalia_server::server_config::ServerConfig;
use castalia_server::settings::{Settings, Texts};
use castalia_store::entity::server_config::{Column, Entity};
use castalia_store::{Store, server_config as stored};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use crate::database::{Database, on_each_database};

on_each_database! {
    // S91: a restore that inserts row by row begins with the rows of earlier deletions.
    async fn a_setting_that_was_deleted_once_outlives_its_row(database: Database) {
        let store = database.config().await;
        put(&store, "default", "1").await;
        delete(&store).await;
        put(&store, "default", "2").await;
        let config = ServerConfig::new(BTreeMap::new());
        reload(&store, &config).await;
        assert_eq!(own(&config).as_deref(), Some("2"));
        remove(&database, Column::Key.eq(KEY).and(Column::IsDeleted.eq(false))).await;
        reload(&store, &config).await;
        assert_eq!(own(&config).as_deref(), Some("2"));
    }

    // S91: they say that the table is not empty.
    async fn rows_of_other_clusters_are_read(database: Database) {
        let store = database.config().await;
        put(&store, "default", "1").await;
        put(&store, "other", "2").await;
        let config = ServerConfig::new(BTreeMap::new());
        reload(&store, &config).await;
        assert_eq!(own(&config).as_deref(), Some("1"));
        remove(&database, Column::Cluster.eq("default")).await;
        reload(&store, &config).await;
        assert_eq!((own(&config).as_deref(), config.fault("config")), (Some("1"), None));
        remove(&database, Column::Id.gt(0)).await;
        reload(&store, &config).await;
        assert!(own(&config).is_some() && config.fault("config").is_some());
    }

    async fn deleted_rows_have_an_id_and_no_value(database: Database) {
        let store = database.config().await;
        put(&store, "default", "1").await;
        delete(&store).await;
        put(&store, "other", "2").await;
        let rows = stored::values(store.read()).await.unwrap();
        let ids: HashSet<_> = rows.ids.iter().copied().collect();
        assert_eq!((ids.len(), rows.live.len()), (rows.ids.len(), rows.ids.len() - 1));
        let own: Vec<_> = rows.live.iter().filter(|row| row.key == KEY).collect();
        assert_eq!((own.len(), own[0].cluster.as_str()), (1, "other"));
        assert!(own[0].value.as_deref() == Some("2") && ids.contains(&own[0].id));
    }

    async fn a_setting_of_the_portal_ends_with_its_row(database: Database) {
        let store = database.portal().await;
        let put = async |value: &'static str| {
            let put = store.write(value, |tx, value| {
                Box::pin(stored::upsert_of_portal(tx, KEY, value, None, "o"))
            });
            put.await.unwrap();
        };
        put("1").await;
        let config = ServerConfig::new(BTreeMap::new());
        of_portal::reload(&store, &config).await.unwrap();
        assert_eq!(own(&config).as_deref(), Some("1"));
        let delete = store.write((), |tx, ()| Box::pin(stored::delete_of_portal(tx, KEY, "o")));
        assert!(delete.await.unwrap());
        of_portal::reload(&store, &config).await.unwrap();
        assert_eq!(own(&config), None);
        put("2").await;
        of_portal::reload(&store, &config).await.unwrap();
        assert_eq!(own(&config).as_deref(), Some("2"));
    }
}

const KEY: &str = "own.key";

fn own(config: &ServerConfig) -> Option<String> {
    config.below(KEY).remove("")
}

async fn put(store: &Store, cluster: &'static str, value: &'static str) {
    let put = store.write((cluster, value), |tx, (cluster, value)| {
        Box::pin(stored::upsert(tx, KEY, cluster, value, None, "o"))
    });
    put.await.unwrap();
}

async fn delete(store: &Store) {
    let delete = store.write((), |tx, ()| Box::pin(stored::delete(tx, KEY, "default", "o")));
    assert!(delete.await.unwrap());
}

/// Removes rows instead of marking them.
async fn remove(database: &Database, rows: Expr) {
    let raw = database.raw().await;
    Entity::delete_many().filter(rows).exec(&raw).await.unwrap();
    raw.close().await.unwrap();
}

async fn reload(store: &Store, config: &ServerConfig) {
    let texts = Texts::gather(Vec::new(), None, std::iter::empty()).unwrap();
    let settings = Settings::from_texts(&texts).unwrap();
    server_config::reload(store, config, &settings).await.unwrap();
}
