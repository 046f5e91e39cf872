//! A new row has the author and the times that its caller states; an update writes the differences
//! between two states of a row, and nothing else.

use castalia_store::app::{App, AppRow};
use castalia_store::{Authorship, Store, app as apps, now};
use chrono::TimeDelta;

use crate::database::{Database, on_each_database};

fn row(app_id: &str) -> AppRow {
    AppRow {
        app_id: app_id.to_owned(),
        name: "name".to_owned(),
        org_id: "org".to_owned(),
        org_name: "Org".to_owned(),
        owner_name: "owner".to_owned(),
        owner_email: "owner@example.com".to_owned(),
    }
}

async fn insert(store: &Store, app_id: &'static str, author: Authorship) -> App {
    store
        .write(author, move |tx, author| Box::pin(apps::insert(tx, row(app_id), author.clone())))
        .await
        .unwrap();
    find(store, app_id).await
}

async fn update(store: &Store, old: &App, new: &App) -> bool {
    let states = (old.clone(), new.clone());
    store.write(states, |tx, (old, new)| Box::pin(apps::update(tx, old, new))).await.unwrap()
}

async fn find(store: &Store, app_id: &str) -> App {
    apps::by_app_id(store.read(), app_id).await.unwrap().unwrap()
}

on_each_database! {
    async fn a_new_row_has_the_author_and_the_times_that_are_stated(database: Database) {
        let store = database.config().await;
        let own = insert(&store, "own", Authorship::of("editor")).await;
        assert_eq!((own.is_deleted, own.deleted_at), (false, 0));
        assert_eq!(own.data_change_created_by, "editor");
        assert_eq!(own.data_change_last_modified_by.as_deref(), Some("editor"));
        assert!(now() - *own.data_change_created_time < TimeDelta::minutes(5));
        let (created, changed) = (now() - TimeDelta::days(2), now() - TimeDelta::days(1));
        let author = Authorship {
            created_by: "creator".to_owned(),
            last_modified_by: None,
            created_time: Some(created),
            last_time: Some(changed),
        };
        let moved = insert(&store, "moved", author).await;
        assert_eq!(moved.data_change_created_by, "creator");
        assert_eq!(moved.data_change_last_modified_by, None);
        // MySQL stores whole seconds.
        assert!((*moved.data_change_created_time - created).abs() <= TimeDelta::seconds(1));
        let last = moved.data_change_last_time.unwrap();
        assert!((*last - changed).abs() <= TimeDelta::seconds(1));
    }

    async fn an_update_writes_only_the_columns_that_differ(database: Database) {
        let store = database.config().await;
        let past = now() - TimeDelta::days(1);
        let author = Authorship { last_time: Some(past), ..Authorship::of("creator") };
        let read = insert(&store, "app", author).await;
        assert!(!update(&store, &read, &read).await);
        assert_eq!(find(&store, "app").await, read, "a row without differences keeps its time");
        let renamed = App { name: "renamed".to_owned(), ..read.clone() };
        assert!(update(&store, &read, &renamed).await);
        // Its caller has not seen the new name.
        let moved = App { org_id: "other".to_owned(), ..read.clone() };
        assert!(update(&store, &read, &moved).await);
        let stored = find(&store, "app").await;
        assert_eq!((stored.name.as_str(), stored.org_id.as_str()), ("renamed", "other"));
        let last = stored.data_change_last_time.unwrap();
        assert!(*last - past > TimeDelta::hours(1), "a change has its time");
    }
}
