//! The seals of an environment's log (SEC-31), which includes the table `Audit`: other services
//! write to it as well, and their rows may become visible later than rows with higher ids.

use std::sync::Arc;
use std::time::Duration;

use castalia_server::domain::audit_log::Log;
use castalia_server::domain::audit_log::retention::{SHORTEST, remove_old};
use castalia_server::domain::audit_log::seal::Sealer;
use castalia_server::domain::audit_log::verify::{Report, verify};
use castalia_store::entity::{audit, castalia_audit_seal};
use castalia_store::{Dialect, Id, Store, StoreError, audit as audits};
use chrono::TimeDelta;
use futures_util::future::join_all;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait as _, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
};
use serde_json::json;
use tokio::sync::Notify;

use super::world::{NS, World};

async fn seal(store: &Store) {
    Sealer::new(Log::of_environment(store), Some(Duration::ZERO)).step().await.unwrap();
}

async fn check(store: &Store) -> Report {
    verify(&Log::of_environment(store), None, SHORTEST).await.unwrap()
}

async fn fault(store: &Store) -> String {
    check(store).await.fault.unwrap()
}

/// All rows of `Audit`, by id.
pub(crate) async fn rows(store: &Store) -> Vec<audit::Model> {
    audit::Entity::find().order_by_asc(audit::Column::Id).all(store.read()).await.unwrap()
}

pub(crate) async fn remove(store: &Store, id: Id) {
    let removed: Result<_, StoreError> = store
        .write(id, |tx, id| {
            Box::pin(async move { Ok(audit::Entity::delete_by_id(*id).exec(tx).await?) })
        })
        .await;
    removed.unwrap();
}

pub(crate) async fn insert(store: &Store, row: audit::Model) {
    let inserted: Result<_, StoreError> = store
        .write(row, |tx, row| {
            let row = row.clone().into_active_model().reset_all();
            Box::pin(
                async move { Ok(audit::Entity::insert(row).exec_without_returning(tx).await?) },
            )
        })
        .await;
    inserted.unwrap();
}

async fn record(store: &Store, operator: &'static str) {
    store
        .write((), move |tx, ()| {
            Box::pin(audits::record(tx, "Item", Some(Id(7)), "UPDATE", operator))
        })
        .await
        .unwrap();
}

/// Edits and publishes, and seals in two portions.
async fn sealed() -> World {
    let world = World::with_demo().await;
    for value in ["1", "2"] {
        edit(&world, value).await;
        seal(&world.environment_store).await;
    }
    world
}

async fn edit(world: &World, value: &str) {
    let user = world.user("u1").await;
    let item = json!({
        "key": "k", "value": value, "dataChangeCreatedBy": "u1", "dataChangeLastModifiedBy": "u1",
    });
    user.put(&format!("{NS}/items/k?createIfNotExists=true"), item).await.empty();
    let release = json!({ "releaseTitle": "r", "releasedBy": "u1" });
    user.post(&format!("{NS}/releases"), release).await.ok();
}

#[tokio::test]
async fn an_untouched_log_of_an_environment_is_unchanged() {
    let world = sealed().await;
    let store = &world.environment_store;
    let report = check(store).await;
    assert_eq!((report.fault, report.unsealed, report.seals), (None, 0, 2));
    assert!(report.records >= rows(store).await.len() as u64, "every row is in a seal");
    edit(&world, "3").await;
    // A node that starts later continues the chain.
    assert!(check(store).await.unsealed > 0);
    seal(store).await;
    let later = verify(&Log::of_environment(store), report.head.as_ref(), SHORTEST).await.unwrap();
    assert_eq!((later.fault, later.unsealed, later.seals), (None, 0, 3));
}

#[tokio::test]
async fn changed_removed_and_inserted_rows_of_audit_are_named() {
    let world = sealed().await;
    let store = &world.environment_store;
    let all = rows(store).await;
    assert!(all.len() > 4, "{all:?}");
    for row in [&all[0], &all[all.len() / 2], &all[all.len() - 1]] {
        remove(store, row.id).await;
        let named = fault(store).await;
        assert!(named.starts_with(&format!("Audit {} was removed", row.id)), "{named}");
        let forged = audit::Model { data_change_created_by: "mallory".to_owned(), ..row.clone() };
        insert(store, forged).await;
        let named = fault(store).await;
        let expected = format!("Audit {} was changed", row.id);
        assert!(named.starts_with(&expected) && named.ends_with("by mallory"), "{named}");
        remove(store, row.id).await;
        insert(store, row.clone()).await;
        assert_eq!(check(store).await.fault, None, "the original row is accepted again");
    }
    let [first, second] = [all[1].clone(), all[2].clone()];
    for row in [&first, &second] {
        remove(store, row.id).await;
    }
    insert(store, audit::Model { id: second.id, ..first.clone() }).await;
    insert(store, audit::Model { id: first.id, ..second }).await;
    let named = fault(store).await;
    assert!(named.starts_with(&format!("Audit {} was changed", first.id)), "{named}");
}

/// SQLite lets one transaction at a time write.
#[tokio::test]
async fn a_row_that_another_service_commits_late_is_sealed_as_well() {
    let world = sealed().await;
    let store = world.environment_store.clone();
    if store.dialect() == Dialect::Sqlite {
        return;
    }
    let (inserted, commit) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let signals = (Arc::clone(&inserted), Arc::clone(&commit));
    let writer = store.clone();
    let late = tokio::spawn(async move {
        let outcome: Result<(), StoreError> = writer
            .write(signals, |tx, (inserted, commit)| {
                Box::pin(async move {
                    audits::record(tx, "Item", None, "INSERT", "late").await?;
                    inserted.notify_one();
                    commit.notified().await;
                    Ok(())
                })
            })
            .await;
        outcome.unwrap();
    });
    inserted.notified().await;
    record(&store, "early").await;
    let settled = Duration::from_millis(500);
    let mut sealer = Sealer::new(Log::of_environment(&store), Some(settled));
    sealer.step().await.unwrap();
    assert_eq!(check(&store).await.unsealed, 1, "the other row is not visible yet");
    commit.notify_one();
    late.await.unwrap();
    let all = rows(&store).await;
    let newest: Vec<_> = all.iter().rev().map(|row| row.data_change_created_by.as_str()).collect();
    assert_eq!(newest[..2], ["early", "late"], "the later row has the lower id");
    let limit = tokio::time::Instant::now() + Duration::from_secs(30);
    while check(&store).await.unsealed > 0 {
        assert!(tokio::time::Instant::now() < limit, "both rows are sealed");
        sealer.step().await.unwrap();
    }
    assert_eq!(check(&store).await.fault, None);
}

/// S93: a failover lost the last rows, and other transactions use their ids again.
#[tokio::test]
async fn a_row_that_is_committed_late_after_the_ids_went_back_is_sealed_as_well() {
    let world = sealed().await;
    let store = &world.environment_store;
    for _ in 0..4 {
        record(store, "lost").await;
    }
    let settled = Duration::from_millis(500);
    let mut sealer = Sealer::new(Log::of_environment(store), Some(settled));
    sealer.step().await.unwrap();
    // The lost ids are settled now.
    tokio::time::sleep(settled).await;
    let all = rows(store).await;
    let lost = &all[all.len() - 4..];
    for row in lost {
        remove(store, row.id).await;
    }
    for early in [&lost[0], &lost[2]] {
        insert(store, early.clone()).await;
    }
    sealer.step().await.unwrap();
    insert(store, lost[1].clone()).await;
    let limit = tokio::time::Instant::now() + Duration::from_secs(30);
    while check(store).await.unsealed > 0 {
        assert!(tokio::time::Instant::now() < limit, "all three rows are sealed");
        sealer.step().await.unwrap();
    }
    assert_eq!(check(store).await.fault, None);
}

#[tokio::test]
async fn nodes_that_seal_an_environment_at_the_same_time_make_one_chain() {
    let world = World::with_demo().await;
    let store = &world.environment_store;
    for round in 0..5 {
        edit(&world, &round.to_string()).await;
        join_all((0..4).map(|_| seal(store))).await;
    }
    let report = check(store).await;
    assert_eq!((report.fault, report.unsealed), (None, 0));
    assert!(report.seals >= 5, "{}", report.seals);
}

#[tokio::test]
async fn many_rows_of_audit_are_in_several_seals() {
    let world = sealed().await;
    let store = &world.environment_store;
    let entry = audits::Entry { entity: "Item", id: Some(Id(1)), operation: "UPDATE" };
    store
        .write(vec![entry; 1_000], |tx, entries| Box::pin(audits::record_all(tx, "u1", entries)))
        .await
        .unwrap();
    let before = check(store).await;
    assert_eq!(before.unsealed, 1_000);
    seal(store).await;
    let report = check(store).await;
    assert_eq!((report.fault, report.unsealed), (None, 0));
    assert_eq!((report.records - before.records, report.seals - before.seals), (1_000, 3));
}

#[tokio::test]
async fn old_rows_of_audit_are_removed_and_the_chain_continues_after_them() {
    let world = sealed().await;
    let store = &world.environment_store;
    let log = Log::of_environment(store);
    let age = TimeDelta::hours(-1);
    assert_eq!(remove_old(&log, age).await.unwrap(), 1);
    assert_eq!(rows(store).await, [], "all were sealed an hour before the time of the removal");
    edit(&world, "4").await;
    seal(store).await;
    let report = verify(&log, None, age).await.unwrap();
    assert_eq!((report.fault, report.removed.map(|(seal, _)| seal)), (None, Some(2)));
    let row = rows(store).await[0].clone();
    insert(store, audit::Model { id: Id(1), ..row }).await;
    let named = verify(&log, None, age).await.unwrap().fault.unwrap();
    assert!(named.starts_with("Audit 1 was inserted"), "{named}");
}

#[tokio::test]
async fn a_changed_seal_of_an_environment_is_named() {
    use castalia_audit_seal::{Column, Entity};
    let world = sealed().await;
    let store = &world.environment_store;
    let changed: Result<_, StoreError> = store
        .write((), |tx, ()| {
            Box::pin(async move {
                let update = Entity::update_many().filter(Column::Number.eq(1));
                Ok(update.col_expr(Column::LastAuditId, Expr::value(0)).exec(tx).await?)
            })
        })
        .await;
    changed.unwrap();
    let named = fault(store).await;
    assert!(named.starts_with("seal 1 was changed"), "{named}");
}

/// The account may create no tables, or an administrator refuses this one: publishes go on.
#[tokio::test]
async fn publishes_succeed_without_the_table_of_seals() {
    let world = World::with_demo().await;
    let store = &world.environment_store;
    // A later test on the same server needs the table again.
    let rename = async |from: &'static str, to: &'static str| {
        let renamed: Result<(), StoreError> = store
            .write((from, to), |tx, (from, to)| {
                Box::pin(async move {
                    let sql = match tx.get_database_backend() {
                        sea_orm::DatabaseBackend::MySql => {
                            format!("RENAME TABLE `{from}` TO `{to}`")
                        }
                        _ => format!(r#"ALTER TABLE "{from}" RENAME TO "{to}""#),
                    };
                    tx.execute_unprepared(&sql).await?;
                    Ok(())
                })
            })
            .await;
        renamed.unwrap();
    };
    rename("CastaliaAuditSeal", "Hidden").await;
    let sealed = Sealer::new(Log::of_environment(store), Some(Duration::ZERO)).step().await.is_ok();
    edit(&world, "1").await;
    let report = verify(&Log::of_environment(store), None, SHORTEST).await;
    rename("Hidden", "CastaliaAuditSeal").await;
    assert!(!sealed && report.is_err(), "the table is missing");
    seal(store).await;
    let report = check(store).await;
    assert_eq!((report.fault, report.unsealed), (None, 0));
}
