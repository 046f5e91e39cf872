//! X169: nobody was notified of a publish whose namespace was deleted before its notice was queued.

use castalia_server::domain::notice::NoticeState;
use castalia_store::entity::castalia_notice::{Column, Entity};
use castalia_store::{Store, StoreError, now};
use chrono::TimeDelta;
use http::Method;
use sea_orm::EntityTrait as _;
use sea_orm::sea_query::Expr;
use serde_json::json;

use super::import_failed::logged;
use super::mail::{MailServer, with_mail};
use super::receiver::{Received, Receiver, publish, register, states, until, world};
use super::webhook_fault::{age_notices, set_state};
use super::world::{World, app};

const APP: &str = "/openapi/v1/apps/demo";
const DEFINITION: &str = "/openapi/v1/apps/demo/appnamespaces/application";
const NAMESPACE: &str = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default/namespaces/application";

async fn recorded(store: &Store) {
    until("the outcomes are recorded", async || {
        let rows = Entity::find().all(store.read()).await.unwrap();
        rows.iter().all(|row| row.state == NoticeState::Published.code())
    })
    .await;
}

/// Sets that all publishes were announced that long ago.
async fn announce_earlier(store: &Store, age: TimeDelta) {
    let earlier = store.write(now() - age, |tx, time| {
        Box::pin(async move {
            let rows = Entity::update_many().col_expr(Column::CreatedTime, Expr::value(*time));
            Ok::<_, StoreError>(rows.exec(tx).await?)
        })
    });
    earlier.await.unwrap();
}

/// Publishes twice and rolls back; returns the second release, which the rollback left.
async fn publish_and_roll_back(world: &World) -> i64 {
    let user = world.user("u1").await;
    publish(&user, "1").await;
    let release = publish(&user, "2").await;
    let path = format!("/openapi/v1/envs/LOCAL/releases/{release}/rollback");
    user.send(Method::PUT, &path, "application/json", "null".to_owned()).await.empty();
    recorded(&world.store).await;
    release
}

#[tokio::test]
async fn what_was_published_in_a_deleted_namespace_is_delivered_without_its_values() {
    for deleted in [NAMESPACE, DEFINITION, APP] {
        let world = world().await;
        let receiver = Receiver::start().await;
        register(&world, &receiver.url).await;
        let release = publish_and_roll_back(&world).await;
        let root = world.user("apollo").await;
        root.delete(deleted).await.empty();
        let _background = world.run();
        let bodies: Vec<_> = receiver.wait(3).await.iter().map(Received::json).collect();
        let body = bodies.iter().find(|body| body["releaseId"] == release).unwrap();
        assert_eq!(body.get("configuration"), None, "{deleted}");
        assert_eq!(body["operator"], "u1");
        assert_eq!((&body["appId"], &body["branchName"]), (&json!("demo"), &json!("default")));
        assert!(body["releaseTime"].is_string(), "{body}");
        let rollback = bodies.iter().find(|body| body["operation"] == 1).unwrap();
        assert_eq!(rollback["previousReleaseId"], release);
        assert_eq!(rollback.get("configuration"), None, "{deleted}");
        states(&world, &["delivered"; 3]).await;
    }
}

/// The history of the later namespace does not have the publish.
#[tokio::test]
async fn a_later_namespace_of_the_same_name_does_not_hide_a_publish() {
    let world = world().await;
    let receiver = Receiver::start().await;
    register(&world, &receiver.url).await;
    let release = publish(&world.user("u1").await, "1").await;
    recorded(&world.store).await;
    let root = world.user("apollo").await;
    root.delete(APP).await.empty();
    root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    announce_earlier(&world.store, TimeDelta::minutes(2)).await;
    let _background = world.run();
    assert_eq!(receiver.wait(1).await[0].json()["releaseId"], release);
}

#[tokio::test]
async fn a_mail_about_a_deleted_namespace_lists_no_changes() {
    let (server, address) = MailServer::start().await;
    let world = with_mail(&address).await;
    publish(&world.user("u1").await, "1").await;
    recorded(&world.store).await;
    world.user("apollo").await.delete(NAMESPACE).await.empty();
    let _background = world.run();
    let mail = server.wait(1).await.pop().unwrap().text.replace("=\r\n", "");
    assert!(mail.contains("The changes are not listed") && !mail.contains("DELETED"), "{mail}");
}

/// The node ended before the outcome of the publish was recorded, so that nobody knows whether it
/// was made.
#[tokio::test]
async fn a_publish_that_may_have_been_made_in_a_deleted_namespace_is_reported_as_lost() {
    for is_deleted in [true, false] {
        let world = world().await;
        let receiver = Receiver::start().await;
        register(&world, &receiver.url).await;
        let user = world.user("u1").await;
        publish(&user, "1").await;
        recorded(&world.store).await;
        set_state(&world, 0).await;
        if is_deleted {
            user.delete(NAMESPACE).await.empty();
        } else {
            // Nothing that was published fits, and the namespace is older than the publish.
            let other = world.environment_store.write(now() - TimeDelta::hours(1), |tx, time| {
                Box::pin(async move {
                    use castalia_store::entity::{namespace, release_history};
                    let by = release_history::Column::DataChangeCreatedBy;
                    let rows = release_history::Entity::update_many();
                    rows.col_expr(by, Expr::value("another")).exec(tx).await?;
                    let created = namespace::Column::DataChangeCreatedTime;
                    let rows = namespace::Entity::update_many();
                    rows.col_expr(created, Expr::value(*time)).exec(tx).await?;
                    Ok::<_, StoreError>(())
                })
            });
            other.await.unwrap();
        }
        announce_earlier(&world.store, TimeDelta::minutes(11)).await;
        age_notices(&world, TimeDelta::seconds(1)).await;
        let (_background, log) = logged(async {
            let background = world.run();
            until("the notice is given up", async || {
                Entity::find().all(world.store.read()).await.unwrap().is_empty()
            })
            .await;
            background
        })
        .await;
        let is_lost = log.contains("cannot find a publish in its environment");
        assert!(is_lost == is_deleted, "{log}");
        assert_eq!(receiver.received().len(), 0);
    }
}
