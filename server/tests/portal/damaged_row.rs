//! A row of one of Castalia's own tables that cannot be decoded stops only what it describes.
//! SQLite, whose columns take any bytes.

use castalia_store::entity::castalia_namespace_schema as schema_row;
use sea_orm::{ConnectionTrait as _, DatabaseBackend, EntityTrait as _};
use serde_json::{Value, json};

use super::receiver::{self, Receiver, WEBHOOKS, register};
use super::recent::run;
use super::world::{Answer, Caller, NS, World, app};

fn is_sqlite(world: &World) -> bool {
    world.store.read().get_database_backend() == DatabaseBackend::Sqlite
}

/// Makes a column of all rows of a table undecodable.
async fn damage(world: &World, table: &str, column: &str) {
    run(world, format!(r#"UPDATE "{table}" SET "{column}" = X'80FF'"#)).await;
}

async fn put_schema(user: &Caller<'_>, path: &str, schema: Value) -> Answer {
    user.put(&format!("{path}/schema"), json!({ "schema": schema })).await
}

async fn publish(user: &Caller<'_>, path: &str) -> Answer {
    user.post(&format!("{path}/releases"), json!({ "releaseTitle": "r" })).await
}

fn assert_unreadable(answer: &Answer, row: &str) {
    let text = answer.json();
    assert_eq!((answer.status, &text["code"]), (409, &json!("unreadable_row")), "{answer:?}");
    assert!(answer.body.contains(row), "{row}: {answer:?}");
}

/// The namespace of the only row of the table.
async fn schema_id(world: &World) -> i64 {
    let rows = schema_row::Entity::find().all(world.store.read()).await.unwrap();
    assert_eq!(rows.len(), 1);
    rows[0].namespace_id.0
}

/// A portal with the apps `demo` and `other`, of which the second has a schema; nothing on another
/// engine.
async fn world_with_schema() -> Option<World> {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    user.post("/openapi/v1/apps", app("other", "u1")).await.empty();
    put_schema(&user, &of_other(), json!({ "required": ["port"] })).await.empty();
    drop(user);
    is_sqlite(&world).then_some(world)
}

fn of_other() -> String {
    NS.replace("/demo/", "/other/")
}

#[tokio::test]
async fn a_damaged_name_of_a_schema_refuses_only_the_namespace_of_the_row() {
    let Some(world) = world_with_schema().await else { return };
    let user = world.user("u1").await;
    let row = format!("ow {} of the table CastaliaNamespaceSchema", schema_id(&world).await);
    for column in ["AppId", "ClusterName", "NamespaceName"] {
        damage(&world, "CastaliaNamespaceSchema", column).await;
        publish(&user, NS).await.ok();
        assert_eq!(user.get(&format!("{NS}/schema")).await.ok(), json!({ "schema": null }));
        assert_eq!(user.get(&format!("{NS}/schema/violations")).await.ok(), json!([]));
        let other = of_other();
        assert_unreadable(&publish(&user, &other).await, &row);
        assert_unreadable(&user.get(&format!("{other}/schema/violations")).await, &row);
        put_schema(&user, &other, json!({ "required": ["port"] })).await.empty();
        publish(&user, &other).await.fails(400, "");
        publish(&user, NS).await.ok();
    }
    // Which namespace the row belongs to is known from its names only.
    damage(&world, "CastaliaNamespaceSchema", "NamespaceId").await;
    publish(&user, NS).await.ok();
    let refused = publish(&user, &of_other()).await;
    assert_unreadable(&refused, "of the table CastaliaNamespaceSchema");
}

/// Without its name, it is not known whether the schema is that of the namespace of a gray branch.
#[tokio::test]
async fn a_damaged_name_of_a_schema_does_not_let_a_branch_be_published_past_it() {
    let world = World::with_demo().await;
    if !is_sqlite(&world) {
        return;
    }
    let user = world.user("u1").await;
    publish(&user, NS).await.ok();
    put_schema(&user, NS, json!({ "required": ["port"] })).await.empty();
    let made = user.post(&format!("{NS}/branches"), Value::Null).await.ok();
    let branch = NS.replace("default", made["clusterName"].as_str().unwrap());
    for column in ["ClusterName", "AppId", "NamespaceName"] {
        damage(&world, "CastaliaNamespaceSchema", column).await;
        let refused = publish(&user, &branch).await;
        assert_unreadable(&refused, "of the table CastaliaNamespaceSchema");
        put_schema(&user, NS, json!({ "required": ["port"] })).await.empty();
    }
}

#[tokio::test]
async fn a_schema_whose_author_is_damaged_is_in_force_and_a_damaged_text_is_replaced() {
    let Some(world) = world_with_schema().await else { return };
    let (user, other) = (world.user("u1").await, of_other());
    let row = format!("ow {} of the table CastaliaNamespaceSchema", schema_id(&world).await);
    damage(&world, "CastaliaNamespaceSchema", "ChangedBy").await;
    publish(&user, &other).await.fails(400, "");
    let schema = user.get(&format!("{other}/schema")).await.ok();
    assert_eq!(schema["schema"], json!({ "required": ["port"] }));
    put_schema(&user, &other, json!({ "required": ["host"] })).await.empty();

    for (schema, status) in [(json!({ "required": ["port"] }), 400), (Value::Null, 200)] {
        damage(&world, "CastaliaNamespaceSchema", "Text").await;
        assert_unreadable(&publish(&user, &other).await, &row);
        publish(&user, NS).await.ok();
        put_schema(&user, &other, schema).await.empty();
        assert_eq!(publish(&user, &other).await.status, status);
    }
}

#[tokio::test]
async fn a_damaged_delivery_or_notice_stops_no_other() {
    let world = receiver::world().await;
    if !is_sqlite(&world) {
        return;
    }
    let _background = world.run();
    let receiver = Receiver::start().await;
    register(&world, &receiver.url).await;
    let user = world.user("u1").await;
    receiver::publish(&user, "1").await;
    receiver.wait(1).await;
    receiver::states(&world, &["delivered"]).await;
    for (target, key) in [("X'80FF'", "'of-nobody'"), (r#""Target""#, "X'80FF'")] {
        let pending = format!(
            r#"INSERT INTO "CastaliaDelivery" ("NoticeId", "WebhookId", "Kind", "Target", "DeliveryKey",
                   "State", "Attempts", "Status", "Problem", "CreatedTime", "NextTime", "LastTime")
               SELECT "NoticeId", "WebhookId", "Kind", {target}, {key}, 0, 0, 0, '', "CreatedTime",
                   "CreatedTime", "LastTime" FROM "CastaliaDelivery" WHERE "Id" = 1"#
        );
        run(&world, pending).await;
    }
    receiver::publish(&user, "2").await;
    receiver.wait(2).await;
    for (env, release) in [("X'80FF'", r#""ReleaseId""#), (r#""Env""#, "X'80FF'")] {
        let announced = format!(
            r#"INSERT INTO "CastaliaNotice" ("Env", "AppId", "ClusterName", "NamespaceName", "Operation",
                   "Operator", "ReleaseId", "HistoryId", "State", "CreatedTime", "NextTime", "Body")
               SELECT {env}, "AppId", "ClusterName", "NamespaceName", "Operation", "Operator", {release},
                   "HistoryId", 1, "CreatedTime", "CreatedTime", NULL FROM "CastaliaNotice" WHERE "Id" = 1"#
        );
        run(&world, announced).await;
    }
    receiver::publish(&user, "3").await;
    assert_eq!(receiver.wait(3).await.len(), 3);
}

#[tokio::test]
async fn a_webhook_whose_author_is_damaged_is_called() {
    let world = receiver::world().await;
    if !is_sqlite(&world) {
        return;
    }
    let _background = world.run();
    let receiver = Receiver::start().await;
    register(&world, &receiver.url).await;
    damage(&world, "CastaliaWebhook", "CreatedBy").await;
    receiver::publish(&world.user("u1").await, "1").await;
    receiver.wait(1).await;
    let listed = world.user("apollo").await.get(WEBHOOKS).await.ok();
    assert_eq!(listed[0]["url"], receiver.url, "{listed}");
}

#[tokio::test]
async fn a_damaged_preference_or_recent_app_hides_no_other() {
    let world = World::with_demo().await;
    if !is_sqlite(&world) {
        return;
    }
    let user = world.user("u1").await;
    user.put("/openapi/v1/preferences", json!({ "theme": "dark" })).await.empty();
    user.put("/openapi/v1/recents/demo", Value::Null).await.empty();
    let before = user.get("/openapi/v1/preferences").await.ok();
    for row in [
        r#"INSERT INTO "CastaliaPreference" ("UserId", "Name", "Value") VALUES ('u1', 'a', X'80FF')"#,
        r#"INSERT INTO "CastaliaRecent" ("UserId", "AppRow") VALUES ('u1', X'80FF')"#,
    ] {
        run(&world, row.to_owned()).await;
    }
    assert_eq!(user.get("/openapi/v1/preferences").await.ok(), before);
    assert_eq!(user.get("/openapi/v1/recents").await.ok()[0]["appId"], "demo");
}
