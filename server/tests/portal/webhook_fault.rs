//! Receivers that fail, and ends of the process: what was published is delivered nevertheless, and
//! no receiver delays another.

use std::time::Duration;

use castalia_server::domain::notice;
use castalia_store::entity::{castalia_delivery, castalia_notice};
use castalia_store::{Small, now};
use chrono::TimeDelta;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use tokio::net::TcpListener;

use super::receiver::{Receiver, Script, end, log, publish, register, states, until, world};
use super::world::World;
use crate::stopwatch::Stopwatch;

#[tokio::test]
async fn a_failed_delivery_is_retried_under_its_id() {
    let world = world().await;
    let _background = world.run();
    let receiver = Receiver::start().await;
    receiver.answers([Script::Status(500)]);
    register(&world, &receiver.url).await;
    publish(&world.user("u1").await, "1").await;
    let received = receiver.wait(2).await;
    let id = |at: usize| received[at].header("castalia-delivery").to_owned();
    assert_eq!(id(0), id(1));
    let rows = states(&world, &["delivered"]).await;
    assert_eq!((rows[0]["attempts"].as_i64(), rows[0]["status"].as_i64()), (Some(2), Some(200)));
}

#[tokio::test]
async fn a_receiver_that_fails_delays_neither_publishes_nor_other_receivers() {
    let world = world().await;
    let _background = world.run();
    let resetting = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let reset = format!("http://{}/", resetting.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = resetting.accept().await {
            let _ = stream.set_zero_linger();
        }
    });
    let (hanging, endless, healthy) =
        (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    hanging.answers(vec![Script::Hang; 8]);
    endless.answers([Script::Endless]);
    for url in [&reset, &hanging.url, &endless.url, &healthy.url] {
        register(&world, url).await;
    }
    let user = world.user("u1").await;
    let start = Stopwatch::start();
    for value in ["1", "2", "3"] {
        publish(&user, value).await;
    }
    healthy.wait(3).await;
    // The hanging one would take 10 s for the first delivery alone.
    assert!(start.elapsed().as_secs() < 9, "{:?}", start.elapsed());
    endless.wait(3).await;
    until("a reset is in the log", async || {
        log(&world).await.iter().any(|row| {
            row["problem"].as_str().is_some_and(|text| text.starts_with("The connection"))
        })
    })
    .await;
}

/// The target is down during a publish; the next publish and a restart come before it is up.
#[tokio::test]
async fn what_was_published_while_the_target_was_down_arrives_after_a_restart() {
    let world = world().await;
    let background = world.run();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    register(&world, &format!("http://{address}/hook")).await;
    let user = world.user("u1").await;
    let first = publish(&user, "1").await;
    until("the first attempt failed", async || {
        log(&world).await.iter().any(|row| row["attempts"] != 0)
    })
    .await;
    end(background).await;
    let second = publish(&user, "2").await;
    let receiver = Receiver::on(TcpListener::bind(address).await.unwrap());
    let background = world.run();
    let received = receiver.wait(2).await;
    let mut releases: Vec<_> =
        received.iter().map(|received| received.json()["releaseId"].as_i64().unwrap()).collect();
    releases.sort_unstable();
    assert_eq!(releases, [first, second]);
    states(&world, &["delivered", "delivered"]).await;
    end(background).await;
}

pub(super) async fn age_notices(world: &World, age: TimeDelta) {
    let past = now() - age;
    world
        .store
        .write(past, |tx, past| {
            Box::pin(async move {
                use castalia_notice::{Column, Entity};
                Entity::update_many()
                    .col_expr(Column::NextTime, Expr::value(*past))
                    .filter(Column::State.ne(Small(2)))
                    .exec(tx)
                    .await
                    .map_err(castalia_store::StoreError::from)
            })
        })
        .await
        .unwrap();
}

pub(super) async fn set_state(world: &World, state: i16) {
    world
        .store
        .write(state, |tx, state| {
            Box::pin(async move {
                use castalia_notice::{Column, Entity};
                Entity::update_many()
                    .col_expr(Column::State, Expr::value(Small(*state)))
                    .col_expr(Column::ReleaseId, Expr::value(0_i64))
                    .exec(tx)
                    .await
                    .map_err(castalia_store::StoreError::from)
            })
        })
        .await
        .unwrap();
}

/// The process ended between the commit of a publish and the record of its outcome: the notice is
/// still announced only.
#[tokio::test]
async fn a_publish_whose_outcome_was_not_recorded_is_found_in_the_history() {
    let world = world().await;
    let receiver = Receiver::start().await;
    register(&world, &receiver.url).await;
    let user = world.user("u1").await;
    let release = publish(&user, "1").await;
    let store = &world.store;
    until("the outcome is recorded", async || {
        let rows = castalia_notice::Entity::find().all(store.read()).await.unwrap();
        rows.iter().all(|row| row.state == Small(1))
    })
    .await;
    set_state(&world, 0).await;
    age_notices(&world, TimeDelta::seconds(1)).await;
    let background = world.run();
    let received = receiver.wait(1).await.remove(0);
    assert_eq!(received.json()["releaseId"], release);
    // A second publish by the same user is not mistaken for it.
    let next = publish(&user, "2").await;
    let received = receiver.wait(2).await.remove(1);
    assert_eq!(received.json()["releaseId"], next);
    states(&world, &["delivered", "delivered"]).await;
    end(background).await;
}

#[tokio::test]
async fn a_delivery_ends_with_its_webhook_and_after_its_last_attempt() {
    let world = world().await;
    let (gone, failing) = (Receiver::start().await, Receiver::start().await);
    failing.answers(vec![Script::Status(503); 3]);
    let id = register(&world, &gone.url).await;
    register(&world, &failing.url).await;
    publish(&world.user("u1").await, "1").await;
    let background = world.run();
    until("both are queued", async || log(&world).await.len() == 2).await;
    failing.wait(1).await;
    end(background).await;
    let root = world.user("apollo").await;
    root.delete(&format!("{}/{id}", super::receiver::WEBHOOKS)).await.empty();
    world
        .store
        .write((), |tx, ()| {
            Box::pin(async move {
                use castalia_delivery::{Column, Entity};
                Entity::update_many()
                    .col_expr(Column::Attempts, Expr::value(Small(9)))
                    .col_expr(Column::State, Expr::value(Small(0)))
                    .col_expr(Column::NextTime, Expr::value(now()))
                    .exec(tx)
                    .await
                    .map_err(castalia_store::StoreError::from)
            })
        })
        .await
        .unwrap();
    let _background = world.run();
    let rows = states(&world, &["failed", "failed"]).await;
    assert_eq!(rows[0]["problem"], "The webhook was deleted or disabled");
    assert_eq!((rows[1]["status"].as_i64(), rows[1]["attempts"].as_i64()), (Some(503), Some(10)));
}

#[tokio::test]
async fn the_queue_of_a_receiver_is_bounded() {
    let mut world = world().await;
    world.set("webhook.delivery.queue.size", "1");
    let down = Receiver::start().await;
    down.answers(vec![Script::Status(500); 50]);
    register(&world, &down.url).await;
    let _background = world.run();
    let user = world.user("u1").await;
    publish(&user, "1").await;
    down.wait(1).await;
    publish(&user, "2").await;
    let rows = states(&world, &["pending", "failed"]).await;
    assert_eq!(rows[1]["problem"], "The queue is full");
}

/// More receivers than requests at a time hang, as the many addresses of one gateway do.
#[tokio::test]
async fn receivers_that_hang_do_not_take_the_turns_of_others() {
    let world = world().await;
    let _background = world.run();
    let mut hanging = Vec::new();
    for _ in 0..24 {
        let receiver = Receiver::start().await;
        receiver.answers(vec![Script::Hang; 100]);
        register(&world, &receiver.url).await;
        hanging.push(receiver);
    }
    let healthy = Receiver::start().await;
    register(&world, &healthy.url).await;
    let user = world.user("u1").await;
    publish(&user, "0").await;
    // The first attempts show which receivers hang.
    until("all have failed once", async || {
        let rows = log(&world).await;
        let failed = rows.iter().filter(|row| row["attempts"].as_i64() > Some(0));
        failed.count() == hanging.len() + 1
    })
    .await;
    let before = healthy.received().len();
    let start = Stopwatch::start();
    for value in ["1", "2", "3"] {
        publish(&user, value).await;
        healthy.wait(before + value.parse::<usize>().unwrap()).await;
    }
    // One attempt at a receiver that hangs takes 10 s.
    assert!(start.elapsed().as_secs() < 9, "{:?}", start.elapsed());
}

/// The log keeps the deliveries that ended last, in whatever order they were queued.
#[tokio::test]
async fn a_delivery_that_was_retried_for_long_removes_no_newer_ones() {
    use castalia_delivery::{Column, Entity};
    let world = world().await;
    let receiver = Receiver::start().await;
    register(&world, &receiver.url).await;
    let background = world.run();
    let user = world.user("u1").await;
    for value in ["1", "2", "3", "4"] {
        publish(&user, value).await;
    }
    states(&world, &["delivered"; 4]).await;
    end(background).await;
    let ids = || async {
        let mut rows = Entity::find().all(world.store.read()).await.unwrap();
        rows.sort_by_key(|row| row.id);
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    let all = ids().await;
    // The first one was retried for an hour longer than the others.
    for (position, id) in all.iter().enumerate() {
        let minutes = if position == 0 { 1 } else { 60 - position as i64 };
        let input = (*id, now() - TimeDelta::minutes(minutes));
        let ended = world.store.write(input, |tx, (id, time)| {
            Box::pin(async move {
                let rows = Entity::update_many().col_expr(Column::LastTime, Expr::value(*time));
                let rows = rows.filter(Column::Id.eq(*id)).exec(tx).await?;
                Ok::<_, castalia_store::StoreError>(rows.rows_affected)
            })
        });
        assert_eq!(ended.await.unwrap(), 1);
    }
    let age = Duration::from_secs(7 * 86_400);
    notice::trim(&world.store, age, 3).await.unwrap();
    assert_eq!(ids().await, all);
    notice::trim(&world.store, age, 2).await.unwrap();
    assert_eq!(ids().await, [all[0], all[2], all[3]], "the one that ended first was removed");
}

/// The log is trimmed while a delivery to a receiver that is down waits for its next attempt.
#[tokio::test]
async fn old_deliveries_are_removed_while_a_receiver_is_down() {
    let world = world().await;
    let (healthy, down) = (Receiver::start().await, Receiver::start().await);
    register(&world, &healthy.url).await;
    let background = world.run();
    let user = world.user("u1").await;
    publish(&user, "1").await;
    states(&world, &["delivered"]).await;
    down.answers(vec![Script::Status(500); 50]);
    let id = register(&world, &down.url).await;
    publish(&user, "2").await;
    down.wait(1).await;
    healthy.wait(2).await;
    // The receiver has it before its state is stored.
    let is_stored = async || {
        let rows = log(&world).await;
        rows.iter().filter(|row| row["state"] == "delivered").count() == 2
    };
    until("both deliveries", is_stored).await;
    end(background).await;
    let old = now() - TimeDelta::days(8);
    let aged = world.store.write(old, |tx, old| {
        Box::pin(async move {
            use castalia_delivery::{Column, Entity};
            Entity::update_many()
                .col_expr(Column::LastTime, Expr::value(*old))
                .filter(Column::State.eq(Small(1)))
                .exec(tx)
                .await
                .map_err(castalia_store::StoreError::from)
        })
    });
    assert_eq!(aged.await.unwrap().rows_affected, 2);
    let _background = world.run();
    states(&world, &["pending"]).await;
    let root = world.user("apollo").await;
    root.delete(&format!("{}/{id}", super::receiver::WEBHOOKS)).await.empty();
    let rows = states(&world, &["failed"]).await;
    assert_eq!(rows[0]["problem"], "The webhook was deleted or disabled");
}
