//! Names whose rows are not the last ones, as a scan reads them.

use std::collections::BTreeMap;

use castalia_store::namespace::{AppNamespaceRow, insert_app_namespace};
use castalia_store::{Authorship, Store};

use super::*;
use crate::feed::FeedOptions;
use crate::feed::cache::empty_store;
use crate::server_config::ServerConfig;

/// Creates a definition that was changed at this time.
async fn define(store: &Store, name: &str, changed: DateTime<Utc>) {
    let row = AppNamespaceRow {
        name: name.to_owned(),
        app_id: "demo".to_owned(),
        format: "properties".to_owned(),
        is_public: false,
        comment: String::new(),
    };
    let author = Authorship { last_time: Some(changed), ..Authorship::of("o") };
    let created = store.write((row, author), |tx, (row, author)| {
        Box::pin(insert_app_namespace(tx, row.clone(), author.clone()))
    });
    created.await.unwrap();
}

/// S62: each scan of each node would read them again until that time.
#[tokio::test]
async fn names_that_are_dated_ahead_are_left_to_the_complete_read() {
    let store = empty_store().await;
    let config = ServerConfig::new(BTreeMap::new());
    let feed = ReleaseFeed::load(store.clone(), config, FeedOptions::default()).await.unwrap();
    let now = castalia_store::now();
    for (name, ahead) in [("present", TimeDelta::zero()), ("ahead", TimeDelta::days(2))] {
        define(&store, name, now + ahead).await;
    }
    let is_known = |name: &str| feed.names().own("demo", name).is_some();
    feed.add_earlier_names(now - OVERLAP).await.unwrap();
    assert_eq!(["present", "ahead"].map(is_known), [true, false]);
    feed.rebuild_definitions().await.unwrap();
    assert_eq!(["present", "ahead"].map(is_known), [true, true]);
}
