//! A clock that was set back: nothing waits until the time at which it was planned comes again, and
//! no session lives longer.

use castalia_store::entity::{castalia_delivery, castalia_notice, castalia_session};
use castalia_store::{Small, StoreError, now};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use super::receiver::{Receiver, Script, end, log, publish, register, states, until, world};
use super::world::World;

/// The time that the clock showed before it was set back.
fn tomorrow() -> DateTime<Utc> {
    now() + TimeDelta::days(1)
}

#[tokio::test]
async fn a_delivery_does_not_wait_until_its_time_comes_again() {
    use castalia_delivery::{Column, Entity};
    let world = world().await;
    let receiver = Receiver::start().await;
    receiver.answers(vec![Script::Status(500); 3]);
    register(&world, &receiver.url).await;
    let background = world.run();
    publish(&world.user("u1").await, "1").await;
    until("three attempts failed", async || {
        log(&world).await.first().is_some_and(|row| row["attempts"] == 3)
    })
    .await;
    end(background).await;
    let moved = world.store.write((), |tx, ()| {
        Box::pin(async move {
            let rows = Entity::update_many()
                .col_expr(Column::LastTime, Expr::value(tomorrow()))
                .col_expr(Column::NextTime, Expr::value(tomorrow() + TimeDelta::seconds(16)));
            Ok::<_, StoreError>(rows.exec(tx).await?.rows_affected)
        })
    });
    assert_eq!(moved.await.unwrap(), 1);
    let _background = world.run();
    receiver.wait(4).await;
    states(&world, &["delivered"]).await;
}

#[tokio::test]
async fn a_notice_is_queued_although_its_time_is_tomorrow() {
    use castalia_notice::{Column, Entity};
    let world = world().await;
    let receiver = Receiver::start().await;
    register(&world, &receiver.url).await;
    publish(&world.user("u1").await, "1").await;
    let moved = world.store.write((), |tx, ()| {
        Box::pin(async move {
            let rows = Entity::update_many()
                .col_expr(Column::NextTime, Expr::value(tomorrow()))
                .filter(Column::State.ne(Small(2)));
            Ok::<_, StoreError>(rows.exec(tx).await?.rows_affected)
        })
    });
    assert_eq!(moved.await.unwrap(), 1);
    let _background = world.run();
    receiver.wait(1).await;
    states(&world, &["delivered"]).await;
}

/// Shifts the times of all sessions, as if they had begun when the clock was ahead.
async fn shift_sessions(world: &World, by: TimeDelta) {
    use castalia_session::{Column, Entity};
    let shifted = world.store.write((), move |tx, ()| {
        Box::pin(async move {
            let begun = now() + by;
            let rows = Entity::update_many()
                .col_expr(Column::CreatedTime, Expr::value(begun))
                .col_expr(Column::LastSeenTime, Expr::value(begun))
                .col_expr(Column::ExpiryTime, Expr::value(begun + TimeDelta::minutes(30)));
            Ok::<_, StoreError>(rows.exec(tx).await?.rows_affected)
        })
    });
    assert_eq!(shifted.await.unwrap(), 1);
}

#[tokio::test]
async fn a_session_from_the_future_has_ended() {
    let world = World::adopted().await;
    let user = world.user("u1").await;
    user.get("/openapi/v1/apps").await.ok();
    shift_sessions(&world, TimeDelta::seconds(30)).await;
    user.get("/openapi/v1/apps").await.ok();
    shift_sessions(&world, TimeDelta::days(30)).await;
    user.get("/openapi/v1/apps").await.fails(401, "Unauthorized");
}

/// The nodes of an installation compare the times of sessions by the clock of the database, so the
/// clock of the node that serves a sign-in decides about nothing.
#[tokio::test]
async fn the_time_of_a_session_is_that_of_the_database() {
    let world = World::adopted().await;
    let before = castalia_store::clock::shared_time(world.store.read()).await.unwrap();
    world.user("u1").await;
    let row = castalia_session::Entity::find().one(world.store.read()).await.unwrap().unwrap();
    let after = castalia_store::clock::shared_time(world.store.read()).await.unwrap();
    let begun = *row.created_time;
    let slack = TimeDelta::seconds(1);
    assert!(before - slack <= begun && begun <= after + slack, "{before} {begun} {after}");
}
