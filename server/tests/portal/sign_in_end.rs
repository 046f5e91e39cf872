//! What ends a session, or what a token admits.

use castalia_store::StoreError;
use castalia_store::entity::{castalia_session, soft_delete};
use chrono::Duration;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::world::{PASSWORD, World};

#[tokio::test]
async fn signing_out_ends_the_session() {
    // A9
    let world = World::adopted().await;
    let user = world.user("u1").await;
    user.get("/openapi/v1/apps").await.ok();
    let answer = user.get("/user/logout").await;
    answer.leads_to("/signin?#/logout");
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    user.get("/openapi/v1/apps").await.fails(401, "Unauthorized");
}

#[tokio::test]
async fn signing_in_again_ends_the_old_session() {
    let world = World::adopted().await;
    let old = world.user("u1").await;
    old.sign_in("u1", PASSWORD).await.leads_to("/");
    old.get("/openapi/v1/apps").await.fails(401, "Unauthorized");
}

#[tokio::test]
async fn an_idle_session_ends() {
    let world = World::adopted().await;
    let user = world.user("u1").await;
    let past = castalia_store::now() - Duration::seconds(1);
    let changed: Result<_, StoreError> = world
        .store
        .write(past, |tx, past| {
            Box::pin(async move {
                let update = castalia_session::Entity::update_many();
                Ok(update
                    .col_expr(castalia_session::Column::ExpiryTime, Expr::value(*past))
                    .exec(tx)
                    .await?)
            })
        })
        .await;
    changed.unwrap();
    user.get("/openapi/v1/apps").await.fails(401, "Unauthorized");
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once() {
    use castalia_store::entity::users;
    let world = World::adopted().await;
    let user = world.user("u1").await;
    let changed: Result<_, StoreError> = world
        .store
        .write((), |tx, ()| {
            Box::pin(async move {
                let disabled = users::Entity::update_many()
                    .col_expr(users::Column::Enabled, Expr::value(0_i16))
                    .filter(users::Column::Username.eq("u1"));
                Ok(disabled.exec(tx).await?)
            })
        })
        .await;
    changed.unwrap();
    user.get("/openapi/v1/apps").await.fails(401, "Unauthorized");
    world.nobody().sign_in("u1", PASSWORD).await.leads_to("/signin?#/error");
}

#[tokio::test]
async fn a_deleted_user_is_out_at_once() {
    use castalia_store::entity::users;
    let world = World::adopted().await;
    let user = world.user("u1").await;
    let deleted: Result<_, StoreError> = world
        .store
        .write((), |tx, ()| {
            Box::pin(async move {
                let user = users::Entity::delete_many().filter(users::Column::Username.eq("u1"));
                Ok(user.exec(tx).await?)
            })
        })
        .await;
    deleted.unwrap();
    user.get("/openapi/v1/apps").await.fails(401, "Unauthorized");
}

#[tokio::test]
async fn a_session_ends_a_day_after_the_sign_in_however_much_it_is_used() {
    use castalia_session::Column;
    let world = World::adopted().await;
    let user = world.user("u1").await;
    let began = |hours| {
        let world = &world;
        async move {
            let time = castalia_store::now() - Duration::hours(hours) - Duration::minutes(1);
            let changed: Result<_, StoreError> = world
                .store
                .write(time, |tx, time| {
                    Box::pin(async move {
                        let update = castalia_session::Entity::update_many();
                        let update = update
                            .col_expr(Column::CreatedTime, Expr::value(*time))
                            .col_expr(Column::LastSeenTime, Expr::value(*time));
                        Ok(update.exec(tx).await?)
                    })
                })
                .await;
            changed.unwrap();
        }
    };
    began(23).await;
    user.get("/openapi/v1/apps").await.ok();
    let row = castalia_session::Entity::find().one(world.store.read()).await.unwrap().unwrap();
    assert!(*row.expiry_time > castalia_store::now() + Duration::minutes(29), "use extends it");
    began(24).await;
    user.get("/openapi/v1/apps").await.fails(401, "Unauthorized");
}

#[tokio::test]
async fn a_deleted_consumer_is_out_at_once() {
    use castalia_store::entity::consumer;
    let world = World::adopted().await;
    let token = world.token("ci", &[]).await;
    let gone: Result<_, StoreError> = world
        .store
        .write((), |tx, ()| {
            Box::pin(async move {
                soft_delete::<consumer::Entity>(tx, consumer::Column::AppId.eq("ci"), "apollo")
                    .await
            })
        })
        .await;
    gone.unwrap();
    world.consumer(&token).get("/openapi/v1/apps").await.fails(401, "Unauthorized");
}

async fn set_enabled(world: &World, name: &'static str, is_enabled: i16) {
    use castalia_store::entity::users;
    let changed: Result<_, StoreError> = world
        .store
        .write((), move |tx, ()| {
            Box::pin(async move {
                let update = users::Entity::update_many()
                    .col_expr(users::Column::Enabled, Expr::value(is_enabled))
                    .filter(users::Column::Username.eq(name));
                Ok(update.exec(tx).await?)
            })
        })
        .await;
    changed.unwrap();
}

#[tokio::test]
async fn enabling_a_user_again_brings_no_session_back() {
    use castalia_server::domain::session;
    let world = World::adopted().await;
    let (seen, unseen) = (world.user("u1").await, world.user("u1").await);
    let other = world.user("u2").await;
    set_enabled(&world, "u1", 0).await;
    seen.get("/openapi/v1/apps").await.fails(401, "Unauthorized");
    set_enabled(&world, "u1", 1).await;
    seen.get("/openapi/v1/apps").await.fails(401, "Unauthorized");
    // A browser without requests meanwhile: the portal checks every few seconds.
    set_enabled(&world, "u1", 0).await;
    session::end_all_of_disabled(&world.store).await.unwrap();
    set_enabled(&world, "u1", 1).await;
    unseen.get("/openapi/v1/apps").await.fails(401, "Unauthorized");
    other.get("/openapi/v1/apps").await.ok();
}

#[tokio::test]
async fn a_session_is_not_inherited_by_another_user_of_the_name() {
    use castalia_store::entity::users;
    let world = World::adopted().await;
    let user = world.user("u1").await;
    let deleted: Result<_, StoreError> = world
        .store
        .write((), |tx, ()| {
            Box::pin(async move {
                let user = users::Entity::delete_many().filter(users::Column::Username.eq("u1"));
                Ok(user.exec(tx).await?)
            })
        })
        .await;
    deleted.unwrap();
    world.add_user("u1", "{noop}another secret").await;
    user.get("/openapi/v1/apps").await.fails(401, "Unauthorized");
}

/// A Java portal on the same database changes the hash and leaves the sessions of this portal.
#[tokio::test]
async fn a_password_that_is_changed_in_the_database_ends_the_sessions() {
    use castalia_store::entity::users;
    let world = World::adopted().await;
    let user = world.user("u1").await;
    let changed: Result<_, StoreError> = world
        .store
        .write((), |tx, ()| {
            Box::pin(async move {
                let update = users::Entity::update_many()
                    .col_expr(users::Column::Password, Expr::value("{noop}new"))
                    .filter(users::Column::Username.eq("u1"));
                Ok(update.exec(tx).await?)
            })
        })
        .await;
    changed.unwrap();
    user.get("/openapi/v1/apps").await.fails(401, "Unauthorized");
}
