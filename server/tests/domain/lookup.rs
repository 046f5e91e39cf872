//! Lookups of releases for clients.

use std::collections::BTreeMap;

use castalia_core::protocol::namespace::NamespaceKey;
use castalia_core::protocol::route::Caller;
use castalia_core::protocol::wire::NotificationMessages;
use castalia_server::domain::lookup::{LookupRequest, find};
use castalia_server::feed::cache::ReadFrom;
use castalia_server::feed::{FeedOptions, ReleaseFeed};
use castalia_server::server_config::ServerConfig;
use castalia_store::entity::release;
use castalia_store::{Store, message};
use sea_orm::{EntityTrait as _, Set};

use crate::config_row::release_row;
use crate::database::Database;

/// Names that cannot be stored need no database, and occupy no memory.
#[tokio::test]
async fn names_that_cannot_be_stored_are_not_looked_up() {
    let database = Database::sqlite();
    let store = database.config().await;
    let config = ServerConfig::new(BTreeMap::new());
    let feed = ReleaseFeed::load(store.clone(), config, FeedOptions::default()).await.unwrap();
    store.close().await.unwrap();
    let is_found = async |cluster: &str, namespace: &str| {
        let request = LookupRequest {
            target: &NamespaceKey::new("app", cluster, namespace),
            app_id: Some("app"),
            caller: &Caller::default(),
            messages: None,
            read_from: ReadFrom::Database,
        };
        find(&feed, request).await.map(|found| found.is_some())
    };
    let (long, unprintable) = ("n".repeat(33), "a\u{0}b");
    for (cluster, namespace) in [
        (long.as_str(), "application"),
        ("default", long.as_str()),
        (unprintable, "application"),
        ("default", unprintable),
    ] {
        assert!(!is_found(cluster, namespace).await.unwrap(), "{cluster:?} {namespace:?}");
    }
    assert!(is_found("default", "application").await.is_err(), "the database is closed");
}

/// Stores a release with this value, and its message.
async fn publish(store: &Store, number: u32) {
    let published = store.write(number, |tx, number| {
        Box::pin(async move {
            let configurations = Set(format!(r#"{{"k":"{number}"}}"#));
            let row = release::ActiveModel { configurations, ..release_row("default", *number) };
            release::Entity::insert(row).exec(tx).await?;
            message::insert(tx, "a+default+n").await
        })
    });
    published.await.unwrap();
}

/// S59: another node may have notified the client, of any spelling, before this one reads the
/// message.
#[tokio::test]
async fn a_message_in_another_case_is_waited_for_where_names_are_folded() {
    for (folds_names, expected) in [(true, "2"), (false, "1")] {
        let database = Database::sqlite();
        let store = database.config().await;
        publish(&store, 1).await;
        let config = ServerConfig::new(BTreeMap::new());
        let options = FeedOptions { folds_names, ..FeedOptions::default() };
        let feed = ReleaseFeed::load(store.clone(), config, options).await.unwrap();
        let value = async |messages: Option<&NotificationMessages>| {
            let request = LookupRequest {
                target: &NamespaceKey::new("a", "default", "n"),
                app_id: Some("a"),
                caller: &Caller::default(),
                messages,
                read_from: ReadFrom::Database,
            };
            let found = find(&feed, request).await.unwrap().unwrap();
            found.configurations()["k"].clone()
        };
        assert_eq!(value(None).await, "1");
        publish(&store, 2).await;
        assert_eq!(value(None).await, "1", "no scan runs");
        let messages = NotificationMessages { details: [("A+Default+N".to_owned(), 2)].into() };
        assert_eq!(value(Some(&messages)).await, expected, "{folds_names}");
    }
}
