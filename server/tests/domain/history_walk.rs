//! REL-57: entries of the release history that are too old or too many are removed with their
//! releases, also of namespaces that are never published again.

use std::collections::BTreeMap;

use castalia_server::domain::retention::Walk;
use castalia_server::feed::cache::NamespaceRef;
use castalia_server::feed::{FeedOptions, ReleaseFeed};
use castalia_server::server_config::ServerConfig;
use castalia_store::entity::{cluster, gray_release_rule, namespace, release, release_history};
use castalia_store::feed::Fingerprint;
use castalia_store::{Deletion, Id, Small, Store, StoreError, message, now, release as releases};
use chrono::TimeDelta;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    Set,
};

use crate::config_row::{cluster_row, history_row, namespace_row, release_row, rule_row};
use crate::database::{Database, on_each_database};

const PUBLISH: i16 = 0;
const ROLLBACK: i16 = 1;
const GRAY: i16 = 2;
const RULES: i16 = 3;
const ABANDONED: i16 = 7;
/// Age of old entries, in days; the limit is 30.
const OLD: i64 = 40;

on_each_database! {
    async fn of_old_entries_only_those_that_a_rollback_needs_stay(database: Database) {
        let store = database.config().await;
        namespaces(&store, &["default", "branch"]).await;
        let main = published(&store, "default", PUBLISH, 6).await;
        // Rolled back twice.
        let rolled_back = vec![
            entry("default", main[4], main[5], ROLLBACK),
            entry("default", main[3], main[4], ROLLBACK),
        ];
        insert(&store, rolled_back).await;
        abandon(&store, &[main[5], main[4]]).await;
        let gray = published(&store, "branch", GRAY, 5).await;
        insert(&store, (0..4).map(|_| entry("branch", gray[4], gray[4], RULES)).collect()).await;
        serve(&store, gray[0]).await;
        assert_eq!(pass(&store, "release-history.retention.days", "30").await, 4 + 3 + 2);
        assert_eq!(left(&store, "default").await, [
            (main[2], PUBLISH),
            (main[3], PUBLISH),
            (main[4], ROLLBACK),
            (main[3], ROLLBACK),
        ]);
        assert_eq!(left(&store, "branch").await, [
            (gray[3], GRAY),
            (gray[4], GRAY),
            (gray[4], RULES),
            (gray[4], RULES),
        ]);
        // Those that entries name as present or previous, and the one that a rule serves.
        assert_eq!(releases_left(&store, "default").await, main[1..]);
        assert_eq!(releases_left(&store, "branch").await, [gray[0], gray[2], gray[3], gray[4]]);
        assert_eq!(pass(&store, "release-history.retention.days", "30").await, 0);
    }

    // S5: what clients receive does not change, so nobody has to be notified.
    async fn a_removal_changes_nothing_that_clients_receive(database: Database) {
        let store = database.config().await;
        namespaces(&store, &["default", "branch"]).await;
        begin_branch(&store).await;
        let main = published(&store, "default", PUBLISH, 4).await;
        // An older release was rolled back, so the newest entry does not name what is served.
        insert(&store, vec![entry("default", main[0], main[1], ROLLBACK)]).await;
        abandon(&store, &[main[1]]).await;
        let gray = published(&store, "branch", GRAY, 4).await;
        serve(&store, gray[0]).await;
        let before = received(&store).await;
        assert_eq!((before.main, before.gray), (Some(main[3]), Some(gray[0])));
        assert_eq!(pass(&store, "apollo.release-history.retention.size", "1").await, 4 + 3);
        assert_eq!(releases_left(&store, "default").await, [main[0], main[1], main[3]]);
        assert_eq!(releases_left(&store, "branch").await, [gray[0], gray[2], gray[3]]);
        assert_eq!(received(&store).await, before);
        assert!(message::after(store.read(), 0, 10).await.unwrap().readable.is_empty());
    }

    async fn nothing_old_stays_of_a_branch_that_is_gone(database: Database) {
        let store = database.config().await;
        namespaces(&store, &["default"]).await;
        let gone = published(&store, "gone", GRAY, 3).await;
        let young = release_history::ActiveModel {
            data_change_created_time: Set(now().into()),
            ..entry("gone", Id(0), Id(0), ABANDONED)
        };
        insert(&store, vec![entry("gone", gone[2], gone[2], ABANDONED), young]).await;
        hide(&store, "gone").await;
        assert_eq!(pass(&store, "release-history.retention.days", "0").await, 0);
        assert_eq!(pass(&store, "release-history.retention.days", "30").await, 4);
        assert_eq!(left(&store, "gone").await, [(Id(0), ABANDONED)]);
        assert_eq!(releases_left(&store, "gone").await, []);
    }

    async fn hidden_entries_and_those_without_a_time_stay(database: Database) {
        let store = database.config().await;
        namespaces(&store, &["default"]).await;
        let ids = published(&store, "gone", GRAY, 3).await;
        hide(&store, "gone").await;
        damage(&database, ids[0]).await;
        let hidden = release_history::ActiveModel {
            is_deleted: Set(true),
            deleted_at: Set(1),
            ..entry("gone", Id(7), Id(0), GRAY)
        };
        insert(&store, vec![hidden]).await;
        assert_eq!(pass(&store, "release-history.retention.days", "30").await, 2);
        assert_eq!(left(&store, "gone").await, [(ids[0], GRAY), (Id(7), GRAY)]);
        assert_eq!(releases_left(&store, "gone").await, [ids[0]]);
    }

    async fn entries_that_stay_do_not_stop_the_walk(database: Database) {
        let store = database.config().await;
        // More lines than a pass searches, each with entries that stay.
        for start in (0..1_200).step_by(100) {
            let entries = (start..start + 100).flat_map(|number| {
                let in_namespace = || release_history::ActiveModel {
                    namespace_name: Set(format!("n{number}")),
                    ..entry("default", Id(0), Id(0), PUBLISH)
                };
                [in_namespace(), in_namespace()]
            });
            insert(&store, entries.collect()).await;
        }
        namespaces(&store, &["default"]).await;
        let last = published(&store, "default", PUBLISH, 5).await;
        let config = config("release-history.retention.days", "30");
        let mut walk = Walk::default();
        let mut removed = Vec::new();
        for _ in 0..4 {
            removed.push(walk.pass(&store, &config).await.unwrap());
        }
        assert_eq!(removed, [0, 3, 0, 0]);
        assert_eq!(releases_left(&store, "default").await, last[2..]);
    }

    async fn a_new_limit_applies_to_histories_that_do_not_grow(database: Database) {
        let store = database.config().await;
        namespaces(&store, &["default"]).await;
        let ids = published(&store, "default", PUBLISH, 5).await;
        assert_eq!(pass(&store, "apollo.release-history.retention.size", "2").await, 3);
        assert_eq!(left(&store, "default").await, [(ids[3], PUBLISH), (ids[4], PUBLISH)]);
        assert_eq!(pass(&store, "apollo.release-history.retention.size", "2").await, 0);
    }

    // A namespace that was deleted since its history was read may be restored and published at any
    // moment. On SQLite, nobody else writes meanwhile.
    async fn nothing_is_removed_if_there_is_no_namespace_to_lock(database: Database) {
        if database.is_sqlite() {
            return;
        }
        let store = database.config().await;
        let ids = published(&store, "default", PUBLISH, 5).await;
        let size = "apollo.release-history.retention.size";
        for (key, value) in [(size, "2"), ("release-history.retention.days", "30")] {
            assert_eq!(pass(&store, key, value).await, 0, "{key}");
        }
        assert_eq!(releases_left(&store, "default").await, ids);
        namespaces(&store, &["default"]).await;
        assert_eq!(pass(&store, size, "2").await, 3);
    }

    async fn two_nodes_remove_each_entry_once(database: Database) {
        let store = database.config().await;
        namespaces(&store, &["default"]).await;
        let ids = published(&store, "default", PUBLISH, 400).await;
        let node = || pass(&store, "release-history.retention.days", "30");
        let (one, other) = tokio::join!(node(), node());
        assert_eq!(one + other, 398);
        assert_eq!(releases_left(&store, "default").await, ids[397..]);
    }
}

fn config(key: &str, value: &str) -> ServerConfig {
    ServerConfig::new(BTreeMap::from([(key.to_owned(), value.to_owned())]))
}

/// The first pass of a walk with one key of the configuration.
async fn pass(store: &Store, key: &str, value: &str) -> u64 {
    Walk::default().pass(store, &config(key, value)).await.unwrap()
}

fn entry(branch: &str, release: Id, previous: Id, operation: i16) -> release_history::ActiveModel {
    release_history::ActiveModel {
        branch_name: Set(branch.to_owned()),
        operation: Set(Small(operation)),
        data_change_created_time: Set((now() - TimeDelta::days(OLD)).into()),
        ..history_row(release, previous)
    }
}

async fn insert(store: &Store, rows: Vec<release_history::ActiveModel>) {
    let written: Result<_, StoreError> = store
        .write(rows, |tx, rows| {
            Box::pin(async move {
                let rows = release_history::Entity::insert_many(rows.clone());
                Ok(rows.exec_without_returning(tx).await?)
            })
        })
        .await;
    written.unwrap();
}

/// Old releases of a branch, each with the entry of its publish.
async fn published(store: &Store, branch: &'static str, operation: i16, count: u32) -> Vec<Id> {
    let made: Result<Vec<Id>, StoreError> = store
        .write(count, move |tx, count| {
            Box::pin(async move {
                let mut ids = Vec::new();
                for number in 0..*count {
                    let row = release::Entity::insert(release_row(branch, number));
                    let id = row.exec(tx).await?.last_insert_id;
                    let previous = ids.last().copied().unwrap_or_default();
                    let row = entry(branch, id, previous, operation);
                    release_history::Entity::insert(row).exec(tx).await?;
                    ids.push(id);
                }
                Ok(ids)
            })
        })
        .await;
    made.unwrap()
}

async fn namespaces(store: &Store, clusters: &[&str]) {
    let rows: Vec<_> = clusters.iter().map(|cluster| namespace_row("a", cluster, "n")).collect();
    let written: Result<_, StoreError> = store
        .write(rows, |tx, rows| {
            Box::pin(async move {
                let rows = namespace::Entity::insert_many(rows.clone());
                Ok(rows.exec_without_returning(tx).await?)
            })
        })
        .await;
    written.unwrap();
}

async fn abandon(store: &Store, ids: &[Id]) {
    let ids = ids.to_vec();
    store.write(ids, |tx, ids| Box::pin(releases::abandon(tx, ids, "o"))).await.unwrap();
}

/// Creates the branch itself, without which no rule of it is in force.
async fn begin_branch(store: &Store) {
    let written: Result<_, StoreError> = store
        .write((), |tx, ()| {
            Box::pin(async move {
                let row = cluster::Entity::insert(cluster_row("branch", Id(1)));
                Ok(row.exec(tx).await?.last_insert_id)
            })
        })
        .await;
    written.unwrap();
}

/// Makes the active rule of the branch name this release.
async fn serve(store: &Store, id: Id) {
    let written: Result<_, StoreError> = store
        .write(id, |tx, id| {
            Box::pin(async move {
                let row = gray_release_rule::Entity::insert(rule_row(*id, 1));
                Ok(row.exec(tx).await?.last_insert_id)
            })
        })
        .await;
    written.unwrap();
}

/// What clients receive of a node that starts now and so remembers nothing.
async fn received(store: &Store) -> Fingerprint {
    let config = ServerConfig::new(BTreeMap::new());
    let feed = ReleaseFeed::load(store.clone(), config, FeedOptions::default()).await.unwrap();
    let place = NamespaceRef { app_id: "a", cluster: "default", namespace: "n" };
    let published = feed.cache().get(place).await.unwrap();
    assert!(!published.is_unreadable());
    published.fingerprint
}

/// Hides the releases of a branch, as its end does.
async fn hide(store: &Store, branch: &'static str) {
    let hidden = store.write(Deletion::by("o"), move |tx, by| {
        Box::pin(releases::delete_of_namespace(tx, "a", branch, "n", by))
    });
    hidden.await.unwrap();
}

/// Makes the time of the entries of a release one that cannot be decoded.
async fn damage(database: &Database, id: Id) {
    let (quote, time) = if database.is_sqlite() {
        ('"', "X'80FF'")
    } else if database.is_mysql() {
        ('`', "'0000-00-00 00:00:00'")
    } else {
        ('"', "'infinity'")
    };
    let sql = format!(
        r#"UPDATE "ReleaseHistory" SET "DataChange_CreatedTime" = {time} WHERE "ReleaseId" = {}"#,
        id.0
    );
    let raw = database.raw().await;
    raw.execute_unprepared(&sql.replace('"', &quote.to_string())).await.unwrap();
    raw.close().await.unwrap();
}

/// Releases and operations of all entries of a branch, even hidden ones.
async fn left(store: &Store, branch: &str) -> Vec<(Id, i16)> {
    use release_history::{Column, Entity};
    let rows = Entity::find().filter(Column::BranchName.eq(branch)).order_by_asc(Column::Id);
    let rows = rows.all(store.read()).await.unwrap();
    rows.iter().map(|row| (row.release_id, row.operation.0)).collect()
}

/// The releases of a branch, even hidden ones.
async fn releases_left(store: &Store, branch: &str) -> Vec<Id> {
    use release::{Column, Entity};
    let rows = Entity::find().filter(Column::ClusterName.eq(branch)).order_by_asc(Column::Id);
    rows.all(store.read()).await.unwrap().iter().map(|row| row.id).collect()
}
