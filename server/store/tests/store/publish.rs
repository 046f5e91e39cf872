//! A publish writes the same on every engine, in however many statements.

use castalia_store::entity::{audit, release, release_history, release_message};
use castalia_store::feed::{Appended, messages_between};
use castalia_store::item::{self, ItemRow};
use castalia_store::namespace::{self, NamespaceRow, publishable};
use castalia_store::release::{Publish, ReleaseHistoryRow, ReleaseRow, publish};
use castalia_store::{Authorship, Dialect, Id, Small, StoreError};
use sea_orm::sea_query::Index;
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QueryOrder};

use crate::database::{Database, on_each_database};

pub(crate) fn rows(count: i64) -> Publish<'static> {
    let release = ReleaseRow {
        release_key: format!("key-{count}"),
        name: "name".to_owned(),
        comment: None,
        app_id: "app".to_owned(),
        cluster_name: "default".to_owned(),
        namespace_name: "application".to_owned(),
        configurations: r#"{"k":"v?;'"}"#.to_owned(),
        is_abandoned: false,
    };
    let history = ReleaseHistoryRow {
        app_id: "app".to_owned(),
        cluster_name: "default".to_owned(),
        namespace_name: "application".to_owned(),
        branch_name: "default".to_owned(),
        release_id: Id(0),
        previous_release_id: Id(count - 1),
        operation: Small(0),
        operation_context: "{}".to_owned(),
    };
    Publish { release, history, operator: "editor", message: "app+default+application" }
}

/// A namespace with items of these keys, in this order.
async fn insert_namespace(
    tx: &impl ConnectionTrait,
    cluster: &str,
    keys: &[&str],
) -> Result<Id, StoreError> {
    let row = NamespaceRow {
        app_id: "app".to_owned(),
        cluster_name: cluster.to_owned(),
        namespace_name: "application".to_owned(),
    };
    let namespace_id = namespace::insert(tx, row, Authorship::of("editor")).await?.id;
    for (line, key) in (1..).zip(keys) {
        let row = ItemRow {
            namespace_id,
            key: (*key).to_owned(),
            r#type: Small(0),
            value: format!("{cluster}?;'"),
            comment: None,
            line_num: Some(Id(line)),
        };
        item::insert(tx, row, Authorship::of("editor")).await?;
    }
    Ok(namespace_id)
}

on_each_database! {
    async fn what_a_publish_reads_is_the_content_of_its_own_namespace(database: Database) {
        let store = database.config().await;
        let ids = store.write((), |tx, ()| Box::pin(async move {
            let first = insert_namespace(tx, "other", &["x"]).await?;
            let own = insert_namespace(tx, "default", &["b", "a"]).await?;
            let empty = insert_namespace(tx, "empty", &[]).await?;
            Ok::<_, StoreError>([first, own, empty])
        })).await.unwrap();
        let db = store.read();
        let read = async |cluster| publishable(db, "app", cluster, "application").await.unwrap();
        let own = read("default").await;
        assert_eq!(own.namesakes.iter().map(|row| row.namespace.id).collect::<Vec<_>>(), ids);
        let entry = |key: &str| (key.to_owned(), "default?;'".to_owned());
        assert_eq!(own.content.unwrap().entries, [entry("b"), entry("a")]);
        let empty = read("empty").await;
        assert_eq!((empty.namesakes.len(), empty.content.unwrap().entries.len()), (3, 0));
        let unknown = read("unknown").await;
        assert_eq!((unknown.namesakes.len(), unknown.content.is_some()), (3, false));
        let none = publishable(db, "app", "default", "unknown").await.unwrap();
        assert_eq!((none.namesakes.len(), none.content.is_some()), (0, false));
    }

    async fn a_publish_reads_each_character_as_it_is_stored(database: Database) {
        let store = database.config().await;
        let mut keys = vec!["\"quoted\"", "\\u0041\\n", "line\nfeed\t\r", "💡\u{2028}é", "\u{1}\u{7f}", "[null]"];
        if store.read().get_database_backend() != DbBackend::Postgres {
            keys.push("a\0b");
        }
        let wanted: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
        store.write(keys, |tx, keys| Box::pin(async move {
            insert_namespace(tx, "default", keys).await
        })).await.unwrap();
        let read = publishable(store.read(), "app", "default", "application").await.unwrap();
        let entries = read.content.unwrap().entries;
        assert_eq!(entries.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), wanted);
    }

    async fn a_publish_writes_its_rows_with_the_ids_of_each_other(database: Database) {
        let store = database.config().await;
        let mut published = Vec::new();
        for count in 1..=2 {
            let job = store.write(count, |tx, count| Box::pin(publish(tx, rows(*count))));
            published.push(job.await.unwrap().release);
        }
        let db = store.read();
        let releases = release::Entity::find().order_by_asc(release::Column::Id).all(db).await;
        let ids: Vec<_> = published.iter().map(|release| release.id).collect();
        let stored: Vec<_> = releases.unwrap().into_iter()
            .map(|row| (row.id, row.release_key, row.configurations))
            .collect();
        let wanted: Vec<_> = published.into_iter()
            .map(|row| (row.id, row.release_key, row.configurations))
            .collect();
        assert_eq!(stored, wanted);
        let histories = release_history::Entity::find().order_by_asc(release_history::Column::Id);
        let histories = histories.all(db).await.unwrap();
        assert_eq!(histories.iter().map(|row| row.release_id).collect::<Vec<_>>(), ids);
        let audits = audit::Entity::find().order_by_asc(audit::Column::Id).all(db).await.unwrap();
        let audited: Vec<_> = audits.iter()
            .map(|row| (row.entity_name.as_str(), row.entity_id, row.op_name.as_str()))
            .collect();
        let of = |at: usize| [
            ("Release", Some(ids[at]), "INSERT"),
            ("ReleaseHistory", Some(histories[at].id), "INSERT"),
        ];
        assert_eq!(audited, [of(0), of(1)].concat());
        let messages = release_message::Entity::find().all(db).await.unwrap();
        assert_eq!(messages.len(), 2);
        assert!(messages.iter().all(|row| row.message == "app+default+application"));
    }

    // What a scan that has read the message before it would read next.
    async fn a_publish_returns_its_message_where_no_other_process_writes(database: Database) {
        let store = database.config().await;
        let next = async |count| {
            let job = store.write(count, |tx, count| Box::pin(publish(tx, rows(*count))));
            job.await.unwrap().appended.map(|Appended { before, message }| [before, message])
        };
        assert_eq!(next(1).await, None, "no message precedes it");
        let appended = next(2).await;
        let messages = messages_between(store.read(), 1, 9, 9).await.unwrap().readable;
        let is_alone = store.dialect() == Dialect::Sqlite;
        assert_eq!(appended.map(Vec::from), is_alone.then_some(messages));
        let remove = store.write((), |tx, ()| Box::pin(async move {
            let second = release_message::Entity::delete_by_id(2);
            second.exec(tx).await.map_err(StoreError::from)
        }));
        remove.await.unwrap();
        assert_eq!(next(3).await, None, "the id before it is missing");
    }

    async fn a_publish_of_which_one_row_is_refused_writes_nothing(database: Database) {
        let store = database.config().await;
        // A second history row of the same branch is refused.
        let unique = store.write((), |tx, ()| Box::pin(async move {
            let mut index = Index::create();
            let branch = release_history::Column::BranchName;
            index.unique().name("OneBranch").table(release_history::Entity).col(branch);
            let index = tx.get_database_backend().build(&index);
            tx.execute_raw(index).await.map_err(StoreError::from)
        }));
        unique.await.unwrap();
        store.write((), |tx, ()| Box::pin(publish(tx, rows(1)))).await.unwrap();
        let refused = store.write((), |tx, ()| Box::pin(publish(tx, rows(2)))).await;
        assert!(refused.unwrap_err().is_duplicate());
        assert_eq!(release::Entity::find().all(store.read()).await.unwrap().len(), 1);
        assert_eq!(release_message::Entity::find().all(store.read()).await.unwrap().len(), 1);
    }
}
