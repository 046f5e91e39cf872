//! The part of `audit_operations.rs` about what belongs to no app: settings, consumers, users,
//! webhooks and favourites.

use castalia_store::entity::audit_log_data_influence;
use http::Method;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};

use super::audit::records;
use super::audit_operations::Script;
use super::world::Caller;

pub(super) async fn portal(
    s: &mut Script<'_>,
    user: (&Caller<'_>, &str),
    root: (&Caller<'_>, &str),
) {
    let (post, put, delete) = (|| Method::POST, || Method::PUT, || Method::DELETE);
    for (path, part) in [
        ("/openapi/v1/server/portal-db/config".to_owned(), "Portal"),
        ("/openapi/v1/server/envs/LOCAL/config-db/config".to_owned(), "Config"),
    ] {
        let ids = match part {
            "Portal" => {
                ["createOrUpdatePortalDBConfig", "findAllPortalDBConfig", "deletePortalDBConfig"]
            }
            _ => ["createOrUpdateConfigDBConfig", "findAllConfigDBConfig", "deleteConfigDBConfig"],
        };
        let row = json!({ "key": "x.y", "value": "a secret", "cluster": "default" });
        let name = format!("ServerConfig.createOrUpdate{part}DBConfig");
        s.run(root, ids[0], &name, (post(), &path), row).await;
        let name = format!("ServerConfig.read{part}DBConfig");
        let all = format!("{path}/find-all-config");
        s.run(root, ids[1], &name, (Method::GET, &all), Value::Null).await;
        let name = format!("ServerConfig.delete{part}DBConfig");
        let one = format!("{path}?key=x.y&cluster=default");
        s.run(root, ids[2], &name, (delete(), &one), Value::Null).await;
    }
    let consumers = "/openapi/v1/consumers";
    let consumer = json!({ "appId": "ci", "name": "CI", "orgId": "TEST1", "orgName": "One", "ownerName": "u1" });
    let made =
        s.run(root, "createConsumer", "Consumer.create", (post(), consumers), consumer).await;
    let token = made["token"].as_str().unwrap().to_owned();
    let (path, of) =
        (format!("{consumers}/{token}/assign-role?type=AppRole"), json!({ "appId": "demo" }));
    s.run(root, "assignRoleToConsumer", "Consumer.assignRole", (post(), &path), of).await;
    let path = format!("{consumers}/by-appId/roles?appId=ci&roleName=Master%2Bdemo");
    let name = "Consumer.revokeRole";
    s.run(root, "revokeRoleFromConsumer", name, (delete(), &path), Value::Null).await;
    let path = format!("{consumers}/by-appId?appId=ci");
    let details = json!({ "name": "Deploy", "orgId": "TEST1", "ownerName": "u1" });
    s.run(root, "updateConsumer", "Consumer.update", (put(), &path), details).await;
    let path = "/openapi/v1/consumer-tokens/by-appId?appId=ci";
    let name = "Consumer.readToken";
    s.run(root, "getConsumerTokenByAppId", name, (Method::GET, path), Value::Null).await;
    let path = "/openapi/v1/consumer-tokens/by-appId/rotate?appId=ci";
    let name = "Consumer.rotateToken";
    s.run(root, "rotateConsumerToken", name, (post(), path), Value::Null).await;
    let path = format!("{consumers}/by-appId?appId=ci");
    s.run(root, "deleteConsumer", "Consumer.delete", (delete(), &path), Value::Null).await;

    let new = json!({ "username": "u9", "password": "a secret of 9 words", "userDisplayName": "N", "email": "n@example.com", "enabled": 1 });
    let users = "/openapi/v1/users?isCreate=true";
    s.run(root, "createOrUpdateUser", "User.createOrUpdate", (post(), users), new).await;
    let off = json!({ "username": "u9", "enabled": 0 });
    let path = "/openapi/v1/users/enabled";
    s.run(root, "changeUserEnabled", "User.changeEnabled", (put(), path), off).await;
    let path = (delete(), "/openapi/v1/users/u9");
    s.run(root, "deleteUser", "User.delete", path, Value::Null).await;

    let webhooks = "/openapi/v1/webhooks";
    let body = json!({ "url": "http://a.example/", "appId": "demo" });
    let made =
        s.run(root, "createWebhook", "Webhook.create", (post(), webhooks), body.clone()).await;
    let path = format!("{webhooks}/{}", made["id"]);
    s.run(root, "updateWebhook", "Webhook.update", (put(), &path), body).await;
    let test = format!("{path}/test");
    s.run(root, "testWebhook", "Webhook.test", (post(), &test), Value::Null).await;
    s.run(root, "deleteWebhook", "Webhook.delete", (delete(), &path), Value::Null).await;

    let favorites = "/openapi/v1/favorites";
    let body = json!({ "userId": "u1", "appId": "demo" });
    let made = s.run(user, "addFavorite", "Favorite.create", (post(), favorites), body).await;
    let one = format!("{favorites}/{}", made["id"]);
    s.run(user, "topFavorite", "Favorite.toTop", (put(), &one), Value::Null).await;
    s.run(user, "deleteFavorite", "Favorite.delete", (delete(), &one), Value::Null).await;
    let all = records(&s.log.world.store).await;
    let values = audit_log_data_influence::Entity::find().all(s.log.world.store.read()).await;
    let text = format!("{all:?}{:?}", values.unwrap());
    for secret in [token.as_str(), "a secret"] {
        assert!(!text.contains(secret), "a secret is in the audit log");
    }
}
