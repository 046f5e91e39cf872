//! Of two nodes that announce changes of one app at the same time, at least one finds that the
//! environment may receive that of the other after its own; nodes whose clocks differ agree when a
//! change is sent again; and names are compared in the same way on each database.

use std::time::Duration;

use castalia_server::domain::pending_change::{
    NewPendingChange, PendingChange, PendingOperation, announce, are_deletions_missed, claim, hold,
    missed, of_environment, refused, remove,
};
use castalia_server::domain::{portal_app, portal_namespace};
use castalia_server::error::Error;
use castalia_store::app::AppRow;
use castalia_store::clock::shared_time;
use castalia_store::namespace::AppNamespaceRow;
use castalia_store::{Authorship, Id, Store, StoreError, app, namespace, pending_change};
use chrono::TimeDelta;
use futures_util::future::join;
use sea_orm::ConnectionTrait as _;
use tokio::time::{sleep, timeout};

use crate::database::{Database, on_each_database};

/// Pairs of announcements: not every pair overlaps.
const PAIRS: usize = 30;
const ENV: &str = "PRO";
const HOUR: Duration = Duration::from_secs(3600);
/// Longer than a busy machine needs for anything here.
const SOON: Duration = Duration::from_secs(60);
/// Half of the time by which the clock of PostgreSQL is ahead: a pause that was counted from the
/// clock of this process is over for longer.
const OVER: TimeDelta = TimeDelta::minutes(-30);

/// Sets the clock of PostgreSQL an hour ahead, for connections that begin later: they find this
/// function before the one of the server.
const AHEAD: [&str; 3] = [
    "CREATE SCHEMA ahead",
    "CREATE FUNCTION ahead.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS \
     $$ SELECT pg_catalog.clock_timestamp() + INTERVAL '1 hour' $$",
    "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, ahead, pg_catalog', \
     current_database()); END $$",
];

/// Has the letters of Turkish, of which `ı` is the small form of `I`.
const TURKISH: &str = "ALTER TABLE \"CastaliaPendingChange\" \
     ALTER \"AppId\" TYPE varchar(64) COLLATE \"tr-x-icu\", \
     ALTER \"NamespaceName\" TYPE varchar(32) COLLATE \"tr-x-icu\"";
/// The same for objects of the portal.
const TURKISH_OBJECTS: [&str; 2] = [
    "ALTER TABLE \"App\" ALTER \"AppId\" TYPE varchar(64) COLLATE \"tr-x-icu\"",
    "ALTER TABLE \"AppNamespace\" ALTER \"Name\" TYPE varchar(32) COLLATE \"tr-x-icu\"",
];

fn change(app_id: &str) -> NewPendingChange {
    NewPendingChange {
        app_id: app_id.to_owned(),
        namespace: String::new(),
        operation: PendingOperation::Write,
        operator: "o".to_owned(),
    }
}

async fn announced(store: &Store) -> (Id, bool) {
    let stored = announce(store, change("a"), vec![ENV.to_owned()]).await.unwrap();
    (stored[0].id, stored[0].is_behind)
}

/// Stores a change of an app that is due after this time.
async fn stored(store: &Store, app_id: &str, pause: Duration) -> Id {
    let ids: Result<_, StoreError> = store
        .write(change(app_id), move |tx, change| {
            Box::pin(
                async move { pending_change::insert(tx, change, &[ENV.to_owned()], pause).await },
            )
        })
        .await;
    ids.unwrap()[0]
}

async fn found(store: &Store, id: Id) -> PendingChange {
    let mut changes = of_environment(store, ENV).await.unwrap().readable;
    changes.retain(|change| change.id == id);
    changes.remove(0)
}

/// Time until the change is due, by the clock of the database.
async fn pause(store: &Store, id: Id) -> TimeDelta {
    *found(store, id).await.due_time - shared_time(store.read()).await.unwrap()
}

/// Stores a definition and its app.
async fn store_definition(store: &Store, (app_id, name): (&'static str, &'static str)) {
    let stored: Result<_, StoreError> = store
        .write((), move |tx, ()| {
            Box::pin(async move {
                let app = AppRow {
                    app_id: app_id.to_owned(),
                    name: app_id.to_owned(),
                    org_id: String::new(),
                    org_name: String::new(),
                    owner_name: "o".to_owned(),
                    owner_email: String::new(),
                };
                app::insert(tx, app, Authorship::of("o")).await?;
                let definition = AppNamespaceRow {
                    name: name.to_owned(),
                    app_id: app_id.to_owned(),
                    format: "properties".to_owned(),
                    is_public: false,
                    comment: String::new(),
                };
                namespace::insert_app_namespace(tx, definition, Authorship::of("o")).await?;
                Ok(())
            })
        })
        .await;
    stored.unwrap();
}

on_each_database! {
    async fn two_announcements_at_once_see_each_other(database: Database) {
        let store = database.portal().await;
        for _ in 0..PAIRS {
            let ((one, is_one_behind), (other, is_other_behind)) =
                join(announced(&store), announced(&store)).await;
            assert!(is_one_behind || is_other_behind);
            remove(&store, vec![one, other]).await;
        }
        assert!(!announced(&store).await.1, "nothing else is announced");
    }

    async fn a_change_is_due_by_the_clock_of_the_database(database: Database) {
        if database.is_postgres() {
            let raw = database.raw().await;
            for statement in AHEAD {
                raw.execute_unprepared(statement).await.unwrap();
            }
            raw.close().await.unwrap();
        }
        let store = database.portal().await;
        let due = stored(&store, "a", Duration::ZERO).await;
        let later = stored(&store, "a", HOUR).await;
        let (due, later) = (found(&store, due).await, found(&store, later).await);
        let changes = of_environment(&store, ENV).await.unwrap();
        assert!(changes.is_due(&due) && !changes.is_due(&later));
        assert!(!claim(&store, &later).await.unwrap());
        assert!(claim(&store, &due).await.unwrap());
        assert!(!claim(&store, &due).await.unwrap(), "another node has it");
        assert!(pause(&store, due.id).await > OVER);

        missed(&store, &due).await;
        assert!(pause(&store, due.id).await > OVER);
        refused(&store, &due, &Error::bad_request("refused")).await;
        assert!(pause(&store, due.id).await > OVER);
        let (id, _) = announced(&store).await;
        assert!(pause(&store, id).await > OVER);
        let first = *found(&store, id).await.due_time;
        let request = tokio::spawn(hold(store.clone(), vec![id]));
        let is_held = async {
            while *found(&store, id).await.due_time == first {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(SOON, is_held).await.unwrap();
        request.abort();
        assert!(pause(&store, id).await > OVER);
    }

    // X123.
    async fn changes_that_are_not_due_hide_no_later_one(database: Database) {
        let store = database.portal().await;
        let read = async || pending_change::of_environment(&store, ENV, 2).await.unwrap().readable;
        for app_id in ["a", "b", "c"] {
            stored(&store, app_id, HOUR).await;
        }
        // It waits for the first one.
        stored(&store, "a", Duration::ZERO).await;
        assert_eq!(read().await.len(), 4);
        let due = stored(&store, "d", Duration::ZERO).await;
        stored(&store, "e", Duration::ZERO).await;
        let found = read().await;
        assert_eq!((found.len(), found[4].id), (6, due));
        stored(&store, "f", Duration::ZERO).await;
        assert_eq!(read().await.len(), 6, "the third page has one that may be sent");
    }

    // X122.
    async fn names_are_compared_without_the_locale_of_the_database(database: Database) {
        let store = database.portal().await;
        if database.is_postgres() {
            let raw = database.raw().await;
            raw.execute_unprepared(TURKISH).await.unwrap();
            raw.close().await.unwrap();
        }
        let names = [("INFRA", "REDIS"), ("infra", "redis")];
        let is_behind = async |(app_id, name): (&str, &str), operation: PendingOperation| {
            let namespace = name.to_owned();
            let change = NewPendingChange { namespace, operation, ..change(app_id) };
            announce(&store, change, vec![ENV.to_owned()]).await.unwrap()[0].is_behind
        };
        assert!(!is_behind(names[0], PendingOperation::Delete(Id(1))).await);
        assert_eq!(are_deletions_missed(&store, ENV, &names).await.unwrap(), [true, true]);
        for names in names {
            assert!(is_behind(names, PendingOperation::Write).await, "{names:?}");
        }
    }

    // X130.
    async fn an_object_of_the_portal_is_found_in_any_case(database: Database) {
        let store = database.portal().await;
        if database.is_postgres() {
            let raw = database.raw().await;
            for statement in TURKISH_OBJECTS {
                raw.execute_unprepared(statement).await.unwrap();
            }
            raw.close().await.unwrap();
        }
        for names in [("INFRA", "REDIS"), ("Shop", "Cache")] {
            store_definition(&store, names).await;
        }
        for (app_id, name, is_expected) in [
            ("INFRA", "REDIS", true),
            ("infra", "redis", true),
            ("inFRA", "rEDIs", true),
            ("Shop", "Cache", true),
            ("sHOP", "cACHE", true),
            ("other", "Cache", false),
        ] {
            let app = portal_app::find_in_any_case(&store, app_id).await.unwrap();
            let definition = portal_namespace::find_in_any_case(&store, app_id, name).await;
            let is_found = (app.is_some(), definition.unwrap().is_some());
            assert_eq!(is_found, (is_expected, is_expected), "{app_id}");
        }
        let other = portal_namespace::find_in_any_case(&store, "Shop", "REDIS").await;
        assert!(other.unwrap().is_none());
    }
}
