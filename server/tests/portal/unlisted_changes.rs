//! X87: a notice of a publish whose values are too long or unknown does not say that every key was
//! deleted.

use castalia_store::entity::release::{Column, Entity};
use castalia_store::{Id, StoreError};
use http::Method;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::json;

use super::mail::{MailServer, with_mail};
use super::receiver::{Received, Receiver, publish, register, states};
use super::world::World;

/// Longer than a notice.
const LONG: usize = 9 << 20;
const UNLISTED: &str = "The changes are not listed";

/// Gives a release these values; deletes it without any.
async fn set_values(world: &World, release: i64, values: Option<String>) {
    let written = world.environment_store.write((Id(release), values), |tx, (id, values)| {
        Box::pin(async move {
            if let Some(values) = values {
                let text = Expr::value(values.as_str());
                let change = Entity::update_many().col_expr(Column::Configurations, text);
                change.filter(Column::Id.eq(*id)).exec(tx).await?;
            } else {
                Entity::delete_by_id(*id).exec(tx).await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    written.await.unwrap();
}

/// The text of the last mail.
async fn text(server: &MailServer, count: usize) -> String {
    let text = server.wait(count).await.pop().unwrap().text;
    text.replace("=\r\n", "").replace("=3D", "=")
}

#[tokio::test]
async fn a_notice_without_values_lists_no_changes() {
    let long = json!({ "a": "x".repeat(LONG) }).to_string();
    for values in [Some(long), None] {
        let (server, address) = MailServer::start().await;
        let world = with_mail(&address).await;
        let receiver = Receiver::start().await;
        register(&world, &receiver.url).await;
        let user = world.user("u1").await;
        publish(&user, "1").await;
        let release = publish(&user, "2").await;
        set_values(&world, release, values).await;
        let _background = world.run();
        states(&world, &["delivered"; 4]).await;
        let mail = text(&server, 2).await;
        assert!(mail.contains(UNLISTED) && !mail.contains("DELETED"), "{mail}");
        let bodies: Vec<_> = receiver.wait(2).await.iter().map(Received::json).collect();
        let body = bodies.iter().find(|body| body["releaseId"] == release).unwrap();
        assert_eq!(body.get("configuration"), None);
    }
}

/// Without the earlier values, every key would be listed as added.
#[tokio::test]
async fn a_mail_after_a_deleted_release_lists_no_changes() {
    let (server, address) = MailServer::start().await;
    let world = with_mail(&address).await;
    let user = world.user("u1").await;
    let first = publish(&user, "1").await;
    publish(&user, "2").await;
    set_values(&world, first, None).await;
    let _background = world.run();
    let mail = text(&server, 2).await;
    assert!(mail.contains(UNLISTED) && !mail.contains("ADDED"), "{mail}");
}

/// It leaves no release, and so no values.
#[tokio::test]
async fn a_mail_about_a_withdrawal_lists_all_keys_as_deleted() {
    let (server, address) = MailServer::start().await;
    let world = with_mail(&address).await;
    let user = world.user("u1").await;
    let release = publish(&user, "1").await;
    let path = format!("/openapi/v1/envs/LOCAL/releases/{release}/withdrawal");
    user.send(Method::PUT, &path, "application/json", "null".to_owned()).await.empty();
    let _background = world.run();
    let mail = text(&server, 2).await;
    assert!(mail.contains("DELETED") && !mail.contains(UNLISTED), "{mail}");
}
