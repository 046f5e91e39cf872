//! The audit trail of a request: stored in the transaction that changes something, or not at all.

use castalia_store::audit::{self, Influence, Operation, Trail};
use castalia_store::{Authorship, Page, Store, StoreError, app, user::role};

use crate::database::{Database, on_each_database};

on_each_database! {
    async fn a_change_and_its_record_are_committed_together(database: Database) {
        let store = database.portal().await;
        let trail = trail(&store, "one");
        trail.scope(create(&store, "demo")).await.unwrap();
        assert!(trail.is_recorded());
        // Another transaction of the same request adds what it writes, and no second operation.
        trail.scope(grant(&store)).await.unwrap();
        trail.record().await.unwrap();
        let logs = logs(&store).await;
        assert_eq!(logs.len(), 1);
        assert_eq!((&*logs[0].op_name, &*logs[0].operator, &*logs[0].op_type), ("one", "u", "CREATE"));
        let written = audit::influences_of_spans(store.read(), &[&logs[0].span_id]).await.unwrap();
        let mut shown: Vec<_> = written.iter().map(|row| {
            let value = row.field_new_value.clone().unwrap_or_default();
            (row.influence_entity_name.clone(), row.field_name.clone().unwrap_or_default(), value)
        }).collect();
        let expected = [
            ("Resource", "App", "demo"), ("App", "Name", "demo"), ("App", "AppId", "demo"),
            ("Role", "RoleName", "Master+demo"), ("UserRole", "UserId", "u"),
        ].map(|(entity, field, value)| (entity.to_owned(), field.to_owned(), value.to_owned()));
        shown.retain(|(_, field, _)| field != "RoleId");
        assert_eq!(shown, expected);
    }

    async fn a_change_that_is_rolled_back_leaves_no_record(database: Database) {
        let store = database.portal().await;
        let trail = trail(&store, "one");
        let outcome: Result<(), StoreError> = trail.scope(async {
            store.write((), |tx, ()| Box::pin(async move {
                insert(tx, "demo").await?;
                Err(StoreError::other("a rule"))
            })).await
        }).await;
        assert!(outcome.is_err() && !trail.is_recorded());
        assert!(logs(&store).await.is_empty());
        // The request may try again, and is then recorded.
        trail.scope(create(&store, "demo")).await.unwrap();
        assert!(trail.scope(create(&store, "demo")).await.is_err_and(|error| error.is_duplicate()));
        assert_eq!(logs(&store).await.len(), 1);
    }

    async fn a_change_outside_of_a_request_is_not_recorded(database: Database) {
        let store = database.portal().await;
        create(&store, "demo").await.unwrap();
        let trail = trail(&store, "one");
        trail.record().await.unwrap();
        trail.record().await.unwrap();
        let logs = logs(&store).await;
        assert_eq!(logs.len(), 1, "a request without a change is recorded once");
        let written = audit::influences_of_spans(store.read(), &[&logs[0].span_id]).await.unwrap();
        assert_eq!(written.len(), 1);
    }
}

fn trail(store: &Store, name: &str) -> Trail {
    let operation = Operation {
        trace_id: "t".repeat(32),
        span_id: "s".repeat(32),
        parent_span_id: None,
        operator: "u".to_owned(),
        kind: "CREATE",
        name: name.to_owned(),
        description: "no description".to_owned(),
    };
    Trail::new(store, operation, vec![Influence::concerns("demo", "App", "demo")])
}

async fn logs(store: &Store) -> Vec<audit::AuditLog> {
    audit::logs(store.read(), &Page::new(0, 100)).await.unwrap()
}

async fn create(store: &Store, app_id: &str) -> Result<(), StoreError> {
    store.write(app_id.to_owned(), |tx, app_id| Box::pin(insert(tx, app_id))).await
}

async fn insert(tx: &castalia_store::Transaction, app_id: &str) -> Result<(), StoreError> {
    let text = || app_id.to_owned();
    let row = app::AppRow {
        app_id: text(),
        name: text(),
        org_id: text(),
        org_name: text(),
        owner_name: text(),
        owner_email: text(),
    };
    app::insert(tx, row, Authorship::of("u")).await.map(drop)
}

async fn grant(store: &Store) -> Result<(), StoreError> {
    store
        .write((), |tx, ()| {
            Box::pin(async move {
                let id = role::insert(tx, "Master+demo", "u").await?.id;
                role::grant_to_users(tx, id, &["u"], "u").await.map(drop)
            })
        })
        .await
}
