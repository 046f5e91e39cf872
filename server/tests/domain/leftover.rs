//! What another program published while a namespace was deleted does not reach the clients of a
//! namespace that has its names later.

use std::collections::BTreeMap;

use castalia_server::domain::constraint::Author;
use castalia_server::domain::namespace::{NewNamespace, create, delete};
use castalia_server::domain::restoration::{list, restore};
use castalia_server::domain::revision::Base;
use castalia_server::feed::cache::{NamespaceKey, NamespaceRef};
use castalia_server::feed::{FeedOptions, ReleaseFeed};
use castalia_server::server_config::ServerConfig;
use castalia_store::entity::{app, app_namespace, cluster, namespace, release, release_history};
use castalia_store::{Id, Store, StoreError};
use sea_orm::EntityTrait as _;

use crate::config_row::{
    app_row, cluster_row, definition_row, history_row, namespace_row, release_row, rule_row,
};
use crate::database::{Database, on_each_database};

/// An app with a published namespace, which is deleted; then a publish of another program, which
/// had found the namespace, is committed with a gray release.
async fn leave(store: &Store) {
    let write = store.write((), |tx, ()| {
        Box::pin(async move {
            app::Entity::insert(app_row("a")).exec_without_returning(tx).await?;
            let cluster = cluster::Entity::insert(cluster_row("default", Id(0)));
            cluster.exec_without_returning(tx).await?;
            let definition = app_namespace::Entity::insert(definition_row("a", "n", false));
            definition.exec_without_returning(tx).await?;
            let row = namespace::Entity::insert(namespace_row("a", "default", "n"));
            row.exec_without_returning(tx).await?;
            publish(tx, 1).await?;
            Ok::<_, StoreError>(())
        })
    });
    write.await.unwrap();
    let key = NamespaceKey::new("a", "default", "n");
    delete(store, &key, "o", Base::default()).await.unwrap();
    let write = store.write((), |tx, ()| {
        Box::pin(async move {
            let id = publish(tx, 2).await?;
            let row = cluster::Entity::insert(cluster_row("branch", Id(1)));
            row.exec_without_returning(tx).await?;
            let rule = castalia_store::entity::gray_release_rule::Entity::insert(rule_row(id, 1));
            rule.exec_without_returning(tx).await?;
            Ok::<_, StoreError>(())
        })
    });
    write.await.unwrap();
}

fn new() -> NewNamespace {
    NewNamespace {
        app_id: Some("a".to_owned()),
        cluster: Some("default".to_owned()),
        name: Some("n".to_owned()),
        author: Author { created_by: Some("o".to_owned()), ..Author::default() },
    }
}

async fn publish(tx: &castalia_store::Transaction, number: u32) -> Result<Id, StoreError> {
    let release = release::Entity::insert(release_row("default", number));
    let id = release.exec(tx).await?.last_insert_id;
    let history = release_history::Entity::insert(history_row(id, Id(0)));
    history.exec_without_returning(tx).await?;
    Ok(id)
}

/// Keys of the main release and of gray releases that clients receive from a node that starts now.
async fn received(store: &Store) -> (Option<String>, usize) {
    let config = ServerConfig::new(BTreeMap::new());
    let feed = ReleaseFeed::load(store.clone(), config, FeedOptions::default()).await.unwrap();
    let place = NamespaceRef { app_id: "a", cluster: "default", namespace: "n" };
    let published = feed.cache().get(place).await.unwrap();
    (published.main.as_ref().map(|main| main.release_key.clone()), published.gray.len())
}

on_each_database! {
    async fn a_new_namespace_starts_empty(database: Database) {
        let store = database.config().await;
        leave(&store).await;
        let before = castalia_store::message::max_id(store.read()).await.unwrap();
        let config = ServerConfig::new(BTreeMap::new());
        create(&store, &config, "a", "default", new()).await.unwrap();
        assert_eq!(received(&store).await, (None, 0));
        // Clients that received the release are notified.
        let messages = castalia_store::message::after(store.read(), before, 9).await.unwrap();
        let texts: Vec<_> = messages.readable.into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["a+default+n"]);
    }

    // What the creation hid is no part of the deletions before and after it.
    async fn a_namespace_can_be_restored_after_another_one_had_its_names(database: Database) {
        let store = database.config().await;
        leave(&store).await;
        let config = ServerConfig::new(BTreeMap::new());
        create(&store, &config, "a", "default", new()).await.unwrap();
        let key = NamespaceKey::new("a", "default", "n");
        delete(&store, &key, "o", Base::default()).await.unwrap();
        let earlier = list(&store, "a").await.unwrap().pop().unwrap();
        restore(&store, &config, earlier, "o").await.unwrap();
        assert_eq!(received(&store).await, (Some("key-default-1".to_owned()), 0));
    }

    async fn a_restored_namespace_has_its_own_release(database: Database) {
        let store = database.config().await;
        leave(&store).await;
        let deleted = list(&store, "a").await.unwrap().remove(0);
        let config = ServerConfig::new(BTreeMap::new());
        restore(&store, &config, deleted, "o").await.unwrap();
        assert_eq!(received(&store).await, (Some("key-default-1".to_owned()), 0));
    }
}
