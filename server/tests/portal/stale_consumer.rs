//! Consumers that are deleted while they are given a role or a token: nothing of them is left.

use castalia_server::domain::permission::NamedRole;
use castalia_server::domain::permission::grant::{self, Grantee};
use castalia_server::domain::portal_app::{self, NewApp, PortalAppDetails};
use castalia_server::domain::unique;
use castalia_store::entity::{Standard as _, consumer as consumer_row, consumer_role};
use castalia_store::{Authorship, Id, Secret, StoreError, consumer};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::{Value, json};

use super::held;
use super::world::World;

const BY_APP_ID: &str = "/openapi/v1/consumers/by-appId?appId=ci";
const UNKNOWN: &str = "ConsumerApp not exist";

/// The consumer `ci`, its token, and the app `demo`.
async fn world() -> (World, Id, String) {
    let world = World::with_demo().await;
    let token = world.token("ci", &[]).await;
    let found = consumer::by_app_id(world.store.read(), "ci").await.unwrap();
    (world, found.unwrap().id, token)
}

fn assign(token: &str) -> String {
    format!("/openapi/v1/consumers/{token}/assign-role?type=AppRole")
}

fn demo() -> Value {
    json!({ "appId": "demo" })
}

/// Fails if the consumer has a live token or role.
async fn assert_nothing_left(world: &World, id: Id) {
    let db = world.store.read();
    assert!(consumer::by_id(db, id).await.unwrap().is_none());
    assert_eq!(consumer::tokens(db, id).await.unwrap().len(), 0);
    let roles = consumer_role::Entity::live().filter(consumer_role::Column::ConsumerId.eq(id));
    assert_eq!(roles.all(db).await.unwrap().len(), 0);
}

/// What callers do who looked the consumer up before it was deleted. The token is left, because it
/// is how they find the consumer.
#[tokio::test]
async fn a_deleted_consumer_is_given_no_role() {
    let (world, id, token) = world().await;
    let hidden = world.store.write((), |tx, ()| {
        Box::pin(async move {
            consumer_row::Entity::update_many()
                .col_expr(consumer_row::Column::IsDeleted, Expr::value(true))
                .filter(consumer_row::Column::AppId.eq("ci"))
                .exec(tx)
                .await?;
            Ok::<_, StoreError>(())
        })
    });
    hidden.await.unwrap();
    let root = world.user("apollo").await;
    root.post(&assign(&token), demo()).await.fails(400, UNKNOWN);
    let details = PortalAppDetails {
        app_id: "own".to_owned(),
        name: "own".to_owned(),
        org_id: "TEST1".to_owned(),
        org_name: "One".to_owned(),
        owner_name: "u1".to_owned(),
    };
    let new = NewApp { details, consumer: Some(id), ..NewApp::default() };
    let made = portal_app::create(&world.store, new, "u1").await;
    assert_eq!(made.unwrap_err().message(), UNKNOWN);
    portal_app::find(&world.store, "own").await.unwrap_err();
    let given = unique::write(&world.store, id, |tx, id| {
        Box::pin(async move {
            grant::give(tx, &NamedRole::manage_users(), Grantee::Consumer(*id), "apollo").await
        })
    });
    assert_eq!(given.await.unwrap_err().message(), UNKNOWN);
    let roles = consumer_role::Entity::live().filter(consumer_role::Column::ConsumerId.eq(id));
    assert_eq!(roles.all(world.store.read()).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_deletion_ends_the_token_of_a_rotation_that_has_begun() {
    let (world, id, _) = world().await;
    let root = world.user("apollo").await;
    let deleted = held::beside(
        &world.store,
        |tx| {
            Box::pin(async move {
                let Some(found) = consumer::lock(tx, "ci").await? else { return Ok(()) };
                if let Some(present) = consumer::tokens(tx, found.id).await?.pop() {
                    let row = consumer::ConsumerTokenRow {
                        consumer_id: Some(found.id),
                        token: Secret::new("late"),
                        rate_limit: 0,
                        expires: present.expires,
                    };
                    consumer::insert_token(tx, row, Authorship::of("apollo")).await?;
                }
                Ok(())
            })
        },
        root.delete(BY_APP_ID),
    );
    deleted.await.empty();
    assert_nothing_left(&world, id).await;
}

#[tokio::test]
async fn a_deletion_that_has_begun_leaves_nothing_to_give() {
    let (world, id, token) = world().await;
    let root = world.user("apollo").await;
    let rotate = "/openapi/v1/consumer-tokens/by-appId/rotate?appId=ci";
    let assign = assign(&token);
    let calls = async { tokio::join!(root.post(&assign, demo()), root.post(rotate, Value::Null)) };
    let (assigned, rotated) = held::beside(
        &world.store,
        |tx| {
            Box::pin(async move {
                if let Some(found) = consumer::lock(tx, "ci").await? {
                    consumer::delete(tx, found.id, "apollo").await?;
                }
                Ok(())
            })
        },
        calls,
    )
    .await;
    rotated.fails(400, UNKNOWN);
    // On SQLite the call begins when the deletion has ended, and finds no token.
    let message = assigned.json()["message"].to_string();
    assert_eq!(assigned.status, 400, "{assigned:?}");
    assert!(message.contains(UNKNOWN) || message.contains("Token is Illegal"), "{message}");
    assert_nothing_left(&world, id).await;
}
