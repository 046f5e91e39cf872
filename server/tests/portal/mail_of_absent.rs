//! A mail about a publish whose environment cannot be read.

use castalia_store::entity::{castalia_delivery, castalia_notice};
use castalia_store::{Small, StoreError, now};
use sea_orm::EntityTrait as _;
use sea_orm::sea_query::Expr;
use serde_json::json;

use super::mail::{MailServer, with_mail};
use super::receiver::{end, log, publish, states, until};
use super::world::World;

/// X89: it was tried without an end, every half minute, and the log did not show it.
#[tokio::test]
async fn a_mail_whose_environment_cannot_be_read_is_tried_as_often_as_others() {
    let (server, address) = MailServer::start().await;
    *server.refusals.lock() = usize::MAX;
    let world = with_mail(&address).await;
    let attempts = async || log(&world).await.first().and_then(|row| row["attempts"].as_i64());
    let background = world.run();
    publish(&world.user("u1").await, "1").await;
    until("it is refused", async || attempts().await.is_some_and(|made| made > 0)).await;
    end(background).await;
    *server.refusals.lock() = 0;

    try_again(&world, "AWAY", 8).await;
    let background = world.run();
    until("it is tried again", async || attempts().await == Some(9)).await;
    end(background).await;
    let row = log(&world).await.remove(0);
    let problem = json!("The environment cannot be read");
    assert_eq!((&row["state"], &row["problem"]), (&json!("pending"), &problem));

    try_again(&world, "LOCAL", 9).await;
    let background = world.run();
    states(&world, &["delivered"]).await;
    server.wait(1).await;
    end(background).await;

    try_again(&world, "AWAY", 9).await;
    let background = world.run();
    let rows = states(&world, &["failed"]).await;
    assert_eq!((&rows[0]["attempts"], &rows[0]["problem"]), (&json!(10), &problem));
    end(background).await;
}

/// Makes the only mail due, after this number of attempts, about a publish in this environment.
async fn try_again(world: &World, env: &'static str, attempts: i16) {
    let changed = world.store.write((), move |tx, ()| {
        Box::pin(async move {
            use castalia_delivery::{Column, Entity};
            castalia_notice::Entity::update_many()
                .col_expr(castalia_notice::Column::Env, Expr::value(env))
                .exec(tx)
                .await?;
            Entity::update_many()
                .col_expr(Column::Attempts, Expr::value(Small(attempts)))
                .col_expr(Column::State, Expr::value(Small(0)))
                .col_expr(Column::NextTime, Expr::value(now()))
                .exec(tx)
                .await
                .map_err(StoreError::from)
        })
    });
    assert_eq!(changed.await.unwrap().rows_affected, 1);
}
