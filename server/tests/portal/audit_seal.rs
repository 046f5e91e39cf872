//! The seals of the audit log (SEC-31): they are made by several nodes at once, a manipulated
//! record is named, and records whose time is over are removed without breaking the chain.

use std::time::Duration;

use castalia_server::domain::audit_log::Log;
use castalia_server::domain::audit_log::retention::{SHORTEST, remove_old};
use castalia_server::domain::audit_log::seal::Sealer;
use castalia_server::domain::audit_log::verify::{ChainHead, Report, verify};
use castalia_store::entity::{audit_log, audit_log_data_influence, castalia_audit_seal};
use castalia_store::{Id, Store, StoreError};
use chrono::TimeDelta;
use futures_util::future::join_all;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::Value;

use super::audit::records;
use super::world::{World, app};

/// Seals everything that is visible.
async fn seal(store: &Store) {
    Sealer::new(Log::of_portal(store), Some(Duration::ZERO)).step().await.unwrap();
}

async fn check(store: &Store) -> Report {
    verify(&Log::of_portal(store), None, SHORTEST).await.unwrap()
}

/// Leaves some records, and seals them in two portions.
async fn sealed() -> World {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    for number in 0..3 {
        root.post("/openapi/v1/apps", app(&format!("before{number}"), "u1")).await.empty();
    }
    // A row that no seal lists: its id is free.
    delete_log(&world.store, records(&world.store).await.last().unwrap().id).await;
    root.post("/openapi/v1/apps", app("between", "u1")).await.empty();
    seal(&world.store).await;
    root.post("/openapi/v1/apps", app("after", "u1")).await.empty();
    seal(&world.store).await;
    drop(root);
    world
}

/// Changes rows as somebody with access to the database would.
async fn run<I: Send + Sync + 'static>(
    store: &Store,
    input: I,
    work: impl for<'c> Fn(
        &'c castalia_store::Transaction,
        &'c I,
    ) -> futures_util::future::BoxFuture<'c, Result<(), StoreError>>
    + Send
    + Sync
    + 'static,
) {
    store.write(input, work).await.unwrap();
}

async fn delete_log(store: &Store, id: Id) {
    run(store, id, |tx, id| {
        Box::pin(async move {
            audit_log::Entity::delete_by_id(*id).exec(tx).await?;
            Ok(())
        })
    })
    .await;
}

async fn set_operator(store: &Store, id: Id, operator: &'static str) {
    run(store, (id, operator), |tx, (id, operator)| {
        Box::pin(async move {
            audit_log::Entity::update_many()
                .col_expr(audit_log::Column::Operator, Expr::value(*operator))
                .filter(audit_log::Column::Id.eq(*id))
                .exec(tx)
                .await?;
            Ok(())
        })
    })
    .await;
}

async fn insert_log(store: &Store, row: audit_log::Model) {
    run(store, row, |tx, row| {
        Box::pin(async move {
            let row = sea_orm::IntoActiveModel::into_active_model(row.clone());
            let row = sea_orm::ActiveModelTrait::reset_all(row);
            audit_log::Entity::insert(row).exec_without_returning(tx).await?;
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn an_untouched_log_is_unchanged() {
    let world = sealed().await;
    let report = check(&world.store).await;
    assert_eq!(
        (report.fault.as_deref(), report.unsealed, report.seals),
        (None, 0, 2),
        "{report:?}"
    );
    let logs = records(&world.store).await.len();
    let influences =
        audit_log_data_influence::Entity::find().all(world.store.read()).await.unwrap().len();
    assert_eq!(report.records, (logs + influences) as u64, "every row is in one seal");
    world.user("apollo").await;
    let report = check(&world.store).await;
    assert_eq!((report.fault, report.unsealed), (None, 1), "a sign-in is not sealed yet");
    let again =
        verify(&Log::of_portal(&world.store), report.head.as_ref(), SHORTEST).await.unwrap();
    assert_eq!(again.fault, None);
}

#[tokio::test]
async fn a_changed_record_is_named() {
    let world = sealed().await;
    let all = records(&world.store).await;
    for row in [&all[0], &all[all.len() / 2], &all[all.len() - 1]] {
        set_operator(&world.store, row.id, "mallory").await;
        let fault = check(&world.store).await.fault.unwrap();
        let expected = format!("AuditLog {} was changed", row.id);
        assert!(fault.starts_with(&expected) && fault.contains("mallory"), "{fault}");
        delete_log(&world.store, row.id).await;
        insert_log(&world.store, row.clone()).await;
        assert_eq!(check(&world.store).await.fault, None, "the original row is accepted again");
    }
}

#[tokio::test]
async fn removed_and_inserted_records_are_named() {
    let world = sealed().await;
    let all = records(&world.store).await;
    let row = all[1].clone();
    delete_log(&world.store, row.id).await;
    let fault = check(&world.store).await.fault.unwrap();
    assert!(fault.starts_with(&format!("AuditLog {} was removed", row.id)), "{fault}");
    insert_log(&world.store, row.clone()).await;
    let free = all.windows(2).find(|pair| pair[1].id.0 == pair[0].id.0 + 2).unwrap()[0].id.0 + 1;
    insert_log(&world.store, audit_log::Model { id: Id(free), ..row }).await;
    let fault = check(&world.store).await.fault.unwrap();
    assert!(fault.starts_with(&format!("AuditLog {free} was inserted")), "{fault}");
}

#[tokio::test]
async fn exchanged_records_are_named() {
    let world = sealed().await;
    let all = records(&world.store).await;
    let [first, second] = [all[0].clone(), all[1].clone()];
    for row in [&first, &second] {
        delete_log(&world.store, row.id).await;
    }
    insert_log(&world.store, audit_log::Model { id: second.id, ..first.clone() }).await;
    insert_log(&world.store, audit_log::Model { id: first.id, ..second }).await;
    let fault = check(&world.store).await.fault.unwrap();
    assert!(fault.starts_with(&format!("AuditLog {} was changed", first.id)), "{fault}");
}

#[tokio::test]
async fn a_changed_field_of_an_operation_is_named() {
    use audit_log_data_influence::{Column, Entity};
    let world = sealed().await;
    let all = Entity::find().all(world.store.read()).await.unwrap();
    let id = all.iter().map(|row| row.id).min().unwrap();
    run(&world.store, id, |tx, id| {
        Box::pin(async move {
            let update = Entity::update_many().filter(Column::Id.eq(*id));
            update.col_expr(Column::FieldNewValue, Expr::value("forged")).exec(tx).await?;
            Ok(())
        })
    })
    .await;
    let fault = check(&world.store).await.fault.unwrap();
    assert!(fault.starts_with(&format!("AuditLogDataInfluence {id} was changed")), "{fault}");
}

#[tokio::test]
async fn changed_and_removed_seals_are_named() {
    use castalia_audit_seal::{Column, Entity};
    let world = sealed().await;
    let head = check(&world.store).await.head.unwrap();
    run(&world.store, (), |tx, ()| {
        Box::pin(async move {
            let update = Entity::update_many().filter(Column::Number.eq(2));
            update.col_expr(Column::Records, Expr::value("L 1 00\n")).exec(tx).await?;
            Ok(())
        })
    })
    .await;
    let fault = check(&world.store).await.fault.unwrap();
    assert!(fault.starts_with("seal 2 was changed"), "{fault}");
    let remove = async |number: i64| {
        run(&world.store, number, |tx, number| {
            Box::pin(async move {
                Entity::delete_many().filter(Column::Number.eq(*number)).exec(tx).await?;
                Ok(())
            })
        })
        .await;
    };
    remove(2).await;
    let fault =
        verify(&Log::of_portal(&world.store), Some(&head), SHORTEST).await.unwrap().fault.unwrap();
    assert!(fault.starts_with("seal 2 is not the expected one"), "{fault}");
    seal(&world.store).await;
    remove(1).await;
    let fault = check(&world.store).await.fault.unwrap();
    assert!(fault.starts_with("the seals before 2 were removed"), "{fault}");
}

#[tokio::test]
async fn a_log_that_lost_all_seals_is_not_unchanged() {
    use audit_log::{Column, Entity};
    let world = sealed().await;
    run(&world.store, (), |tx, ()| {
        Box::pin(async move {
            castalia_audit_seal::Entity::delete_many().exec(tx).await?;
            Ok(())
        })
    })
    .await;
    assert_eq!(check(&world.store).await.fault, None, "a server may be about to seal new records");
    let time = castalia_store::now() - TimeDelta::hours(1);
    run(&world.store, time, |tx, time| {
        Box::pin(async move {
            let update =
                Entity::update_many().col_expr(Column::DataChangeCreatedTime, Expr::value(*time));
            update.exec(tx).await?;
            Ok(())
        })
    })
    .await;
    let fault = check(&world.store).await.fault.unwrap();
    assert!(fault.starts_with("no seal exists, although AuditLog "), "{fault}");
    seal(&world.store).await;
    assert_eq!(check(&world.store).await.fault, None);
}

#[tokio::test]
async fn a_chain_that_was_computed_again_is_not_the_expected_one() {
    let world = sealed().await;
    let head = check(&world.store).await.head.unwrap();
    let first = records(&world.store).await[0].id;
    set_operator(&world.store, first, "mallory").await;
    run(&world.store, (), |tx, ()| {
        Box::pin(async move {
            castalia_audit_seal::Entity::delete_many().exec(tx).await?;
            Ok(())
        })
    })
    .await;
    for _ in 0..2 {
        seal(&world.store).await;
        world.user("u1").await;
    }
    assert_eq!(check(&world.store).await.fault, None, "the new chain fits the forged rows");
    let fault =
        verify(&Log::of_portal(&world.store), Some(&head), SHORTEST).await.unwrap().fault.unwrap();
    assert!(fault.contains("is not the expected one"), "{fault}");
    let absent = ChainHead { number: 1_000, ..head };
    let fault = verify(&Log::of_portal(&world.store), Some(&absent), SHORTEST)
        .await
        .unwrap()
        .fault
        .unwrap();
    assert!(fault.starts_with("seal 1000 is not the expected one"), "{fault}");
}

#[tokio::test]
async fn nodes_that_seal_at_the_same_time_make_one_chain() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    for round in 0..5 {
        for number in 0..4 {
            let app_id = format!("app{round}{number}");
            root.post("/openapi/v1/apps", app(&app_id, "u1")).await.empty();
        }
        join_all((0..4).map(|_| seal(&world.store))).await;
    }
    let report = check(&world.store).await;
    assert_eq!((report.fault, report.unsealed), (None, 0));
    assert!(report.seals >= 5, "{}", report.seals);
}

#[tokio::test]
async fn rows_that_may_have_neighbours_in_open_transactions_are_not_sealed() {
    let world = World::with_demo().await;
    let mut sealer = Sealer::new(Log::of_portal(&world.store), Some(Duration::from_secs(3600)));
    sealer.step().await.unwrap();
    sealer.step().await.unwrap();
    let report = check(&world.store).await;
    assert_eq!((report.seals, report.fault), (0, None));
    assert!(report.unsealed > 0);
}

#[tokio::test]
async fn old_records_are_removed_and_the_chain_continues_after_them() {
    let world = sealed().await;
    assert_eq!(
        remove_old(&Log::of_portal(&world.store), TimeDelta::days(1)).await.unwrap(),
        0,
        "none is old"
    );
    let before = records(&world.store).await;
    let expected = check(&world.store).await.head;
    // All are older than an hour from now.
    let removed_age = TimeDelta::hours(-1);
    assert_eq!(remove_old(&Log::of_portal(&world.store), removed_age).await.unwrap(), 1);
    let left = records(&world.store).await;
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(
        (left[0].op_name.as_str(), left[0].op_type.as_str()),
        ("AuditLog.removeOld", "DELETE")
    );
    assert!(left[0].id > before.last().unwrap().id);
    assert_eq!(
        remove_old(&Log::of_portal(&world.store), removed_age).await.unwrap(),
        0,
        "nothing is left"
    );
    let report =
        verify(&Log::of_portal(&world.store), expected.as_ref(), removed_age).await.unwrap();
    assert_eq!((report.fault, report.unsealed), (None, 1));
    let start = expected.unwrap();
    assert_eq!(report.removed.map(|(number, _)| number), Some(start.number));
    let fault = check(&world.store).await.fault.unwrap();
    assert!(fault.contains("were removed before their time was over"), "a day is kept: {fault}");
    let before_start = ChainHead { number: start.number - 1, ..start };
    let fault = verify(&Log::of_portal(&world.store), Some(&before_start), removed_age)
        .await
        .unwrap()
        .fault
        .unwrap();
    assert!(fault.contains("nothing can be compared with it any more"), "{fault}");

    world.user("apollo").await.post("/openapi/v1/apps", app("later", "u1")).await.empty();
    seal(&world.store).await;
    let report = verify(&Log::of_portal(&world.store), None, removed_age).await.unwrap();
    assert_eq!((report.fault, report.unsealed, report.seals), (None, 0, 2));
    insert_log(&world.store, before[0].clone()).await;
    let fault =
        verify(&Log::of_portal(&world.store), None, removed_age).await.unwrap().fault.unwrap();
    assert!(fault.contains("was inserted"), "{fault}");
    delete_log(&world.store, before[0].id).await;
    delete_log(&world.store, left[0].id).await;
    let fault =
        verify(&Log::of_portal(&world.store), None, removed_age).await.unwrap().fault.unwrap();
    assert!(fault.contains("no record says that their time was over"), "{fault}");
}

/// A request does not wait for a seal, and a sealer that cannot write does not disturb it.
#[tokio::test]
async fn requests_succeed_without_the_table_of_seals() {
    let world = World::with_demo().await;
    let renamed = match world.store.read().get_database_backend() {
        sea_orm::DatabaseBackend::MySql => "RENAME TABLE `CastaliaAuditSeal` TO `Hidden`",
        _ => r#"ALTER TABLE "CastaliaAuditSeal" RENAME TO "Hidden""#,
    };
    let back = match world.store.read().get_database_backend() {
        sea_orm::DatabaseBackend::MySql => "RENAME TABLE `Hidden` TO `CastaliaAuditSeal`",
        _ => r#"ALTER TABLE "Hidden" RENAME TO "CastaliaAuditSeal""#,
    };
    let execute = async |sql: &'static str| {
        run(&world.store, sql, |tx, sql| {
            Box::pin(async move {
                tx.execute_unprepared(sql).await?;
                Ok(())
            })
        })
        .await;
    };
    execute(renamed).await;
    let sealed = Sealer::new(Log::of_portal(&world.store), Some(Duration::ZERO)).step().await;
    let root = world.user("apollo").await;
    root.post("/openapi/v1/apps", app("without", "u1")).await.empty();
    root.get("/openapi/v1/apollo/audit/logs").await.ok();
    execute(back).await;
    assert!(sealed.is_err(), "the table is missing");
    seal(&world.store).await;
    let report = check(&world.store).await;
    assert_eq!((report.fault, report.unsealed), (None, 0));
    let _: Value = root.get("/openapi/v1/apps/without").await.ok();
}
