//! X54: lists whose rows have contents of megabytes are refused where they are too long for one
//! answer, before they are read; a smaller page, or one without contents, is not.

use axum::body::Body;
use castalia_server::role::admin;
use castalia_store::entity::{commit, item as items, release, release_history};
use castalia_store::{Store, StoreError};
use http::Request;
use http_body_util::BodyExt as _;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, NotSet,
    QueryFilter as _, QueryOrder as _, Set,
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::world::{Answer, Caller, NS, World, item};

const PAST: &str = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default/namespaces/application";
const CLUSTER: &str = "/openapi/v1/envs/LOCAL/apps/demo/clusters/default/namespaces";
/// Length of a content: four are longer than a list may be, three are not, and one fits in a packet
/// of MariaDB.
const LONG: usize = 9 << 20;

/// Publishes the items.
async fn publish(user: &Caller<'_>) {
    user.post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" })).await.ok();
}

async fn write<T, F>(store: &Store, rows: T, job: F)
where
    T: Send + Sync + 'static,
    F: for<'c> Fn(
            &'c castalia_store::Transaction,
            &'c T,
        ) -> futures_util::future::BoxFuture<'c, Result<(), StoreError>>
        + Send
        + Sync
        + 'static,
{
    store.write(rows, job).await.unwrap();
}

/// Makes the newest release long, and adds so many copies of it.
async fn lengthen_release(store: &Store, copies: usize) {
    let newest = release::Entity::find().order_by_desc(release::Column::Id);
    let mut model = newest.one(store.read()).await.unwrap().unwrap();
    let content = json!({ "k": "1", "long": "x".repeat(LONG) });
    model.configurations = content.to_string();
    write(store, (model, copies), |tx, (model, copies)| {
        Box::pin(async move {
            release::Entity::update_many()
                .col_expr(
                    release::Column::Configurations,
                    Expr::value(model.configurations.as_str()),
                )
                .filter(release::Column::Id.eq(model.id))
                .exec(tx)
                .await?;
            for copy in 0..*copies {
                let mut row = model.clone().into_active_model().reset_all();
                (row.id, row.release_key) = (NotSet, Set(format!("copy-{copy}")));
                release::Entity::insert(row).exec_without_returning(tx).await?;
            }
            Ok(())
        })
    })
    .await;
}

fn assert_too_long(answer: &Answer) {
    assert_eq!((answer.status, &answer.json()["code"]), (413, &json!("answer_too_long")));
    assert!(answer.json()["message"].as_str().unwrap().contains("ask for fewer"), "{answer:?}");
}

#[tokio::test]
async fn a_page_of_long_releases_is_refused_and_a_smaller_one_is_not() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    user.post(&format!("{NS}/items"), item("k", "1")).await.ok();
    publish(&user).await;
    lengthen_release(&world.environment_store, 3).await;
    let active = format!("{NS}/releases/active");
    assert_too_long(&user.get(&format!("{active}?size=4")).await);
    assert_too_long(&user.get(&format!("{active}?size=2000")).await);
    assert_eq!(user.get(&format!("{active}?size=2")).await.ok().as_array().unwrap().len(), 2);
    for (query, values) in [("onlyKey=", json!({})), ("onlyKey=k", json!({ "k": "1" }))] {
        let found = user.get(&format!("{active}?size=2000&{query}")).await.ok();
        let found = found.as_array().unwrap();
        assert_eq!(found.len(), 4, "{query}");
        assert!(found.iter().all(|release| release["configurations"] == values), "{query}");
    }
}

/// X74: Apollo's portal, which cannot request fewer, receives them one after another.
#[tokio::test]
async fn the_admin_service_sends_long_releases_in_parts() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    user.post(&format!("{NS}/items"), item("k", "1")).await.ok();
    publish(&user).await;
    lengthen_release(&world.environment_store, 3).await;
    let releases = release::Entity::find().all(world.environment_store.read()).await.unwrap();
    let ids: Vec<_> = releases.iter().map(|release| release.id.to_string()).collect();
    assert_eq!(ids.len(), 4);
    let namespace = "/apps/demo/clusters/default/namespaces/application";
    let router = admin::in_process(world.environment().clone());
    for path in [
        format!("/releases?releaseIds={}", ids.join(",")),
        format!("{namespace}/releases/active"),
        format!("{namespace}/releases/all"),
    ] {
        let request = Request::get(&path).body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let (mut body, mut text, mut longest) = (answer.into_body(), Vec::<u8>::new(), 0);
        while let Some(frame) = body.frame().await {
            let part = frame.unwrap().into_data().unwrap();
            longest = longest.max(part.len());
            text.extend_from_slice(&part);
        }
        assert!(longest < 2 * LONG, "{path}: {longest}");
        let found: Vec<Value> = serde_json::from_slice(&text).unwrap();
        let length = |release: &Value| release["configurations"].as_str().unwrap().len();
        assert!(found.iter().all(|release| length(release) > LONG), "{path}");
        assert_eq!(found.len(), 4, "{path}");
    }
}

#[tokio::test]
async fn a_long_release_is_not_repeated_for_each_entry_of_the_history() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    user.post(&format!("{NS}/items"), item("k", "1")).await.ok();
    publish(&user).await;
    lengthen_release(&world.environment_store, 0).await;
    let entry = release_history::Entity::find().one(world.environment_store.read()).await;
    write(&world.environment_store, entry.unwrap().unwrap(), |tx, entry| {
        Box::pin(async move {
            for _ in 0..3 {
                let mut row = entry.clone().into_active_model().reset_all();
                row.id = NotSet;
                release_history::Entity::insert(row).exec_without_returning(tx).await?;
            }
            Ok(())
        })
    })
    .await;
    let histories = format!("{PAST}/releases/histories");
    assert_too_long(&user.get(&histories).await);
    let found = user.get(&format!("{histories}?size=2")).await.ok();
    assert_eq!(found[1]["configuration"][0], json!({ "firstEntity": "k", "secondEntity": "1" }));
    for (query, pairs) in [("onlyKey=", 0), ("onlyKey=k", 1)] {
        let found = user.get(&format!("{histories}?{query}")).await.ok();
        let found = found.as_array().unwrap();
        assert_eq!(found.len(), 4, "{query}");
        let has_pairs = |row: &Value| row["configuration"].as_array().unwrap().len() == pairs;
        assert!(found.iter().all(has_pairs), "{query}");
    }
}

/// Adds so many long commits of the namespace.
async fn add_commits(store: &Store, count: usize) {
    let newest = commit::Entity::find().order_by_desc(commit::Column::Id);
    let model = newest.one(store.read()).await.unwrap().unwrap();
    let text = json!({
        "createItems": [{ "key": "long", "value": "x".repeat(LONG) }],
        "updateItems": [],
        "deleteItems": [],
    });
    write(store, (model, text.to_string(), count), |tx, (model, text, count)| {
        Box::pin(async move {
            for _ in 0..*count {
                let mut row = model.clone().into_active_model().reset_all();
                (row.id, row.change_sets) = (NotSet, Set(text.clone()));
                commit::Entity::insert(row).exec_without_returning(tx).await?;
            }
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn a_page_of_long_commits_is_refused_and_a_smaller_one_is_not() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    user.post(&format!("{NS}/items"), item("k", "1")).await.ok();
    add_commits(&world.environment_store, 4).await;
    assert_too_long(&user.get(&format!("{PAST}/commits")).await);
    let found = user.get(&format!("{PAST}/commits?size=2")).await.ok();
    assert_eq!(found.as_array().unwrap().len(), 2);
    let of_key = user.get(&format!("{PAST}/commits?key=k&size=2000")).await.ok();
    assert_eq!(of_key.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn deleted_items_are_searched_in_the_newest_commits_only() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let body =
        json!({ "key": "gone", "value": "1", "comment": "why", "dataChangeCreatedBy": "u1" });
    user.post(&format!("{NS}/items"), body).await.ok();
    publish(&user).await;
    user.delete(&format!("{NS}/items/gone")).await.empty();
    let gone = async || user.get(&format!("{NS}?extendInfo=true")).await.ok()["items"][0].clone();
    assert_eq!(gone().await["comment"], "why");
    add_commits(&world.environment_store, 8).await;
    let gone = gone().await;
    assert_eq!((&gone["key"], &gone["value"]), (&json!("gone"), &json!("1")));
    assert_eq!(gone["comment"], "", "the commit is too long ago");
}

/// Makes the items with these keys long.
async fn lengthen_items(store: &Store, keys: &'static [&'static str]) {
    write(store, ("x".repeat(LONG), keys), |tx, (value, keys)| {
        Box::pin(async move {
            items::Entity::update_many()
                .col_expr(items::Column::Value, Expr::value(value.as_str()))
                .filter(items::Column::Key.is_in(keys.iter().copied()))
                .exec(tx)
                .await?;
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn a_search_that_omits_long_items_says_so() {
    const KEYS: [&str; 4] = ["long.a", "long.b", "long.c", "long.d"];
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    for key in KEYS {
        user.post(&format!("{NS}/items"), item(key, "1")).await.ok();
    }
    lengthen_items(&world.environment_store, &KEYS).await;
    let search = "/openapi/v1/global-search/item-info/by-key-or-value?key=long.";
    let found = user.get(search).await.ok();
    assert_eq!(found["body"].as_array().unwrap().len(), 3);
    assert_eq!(found["hasMoreData"], true);
}

#[tokio::test]
async fn namespaces_with_long_items_are_read_one_by_one() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let body =
        json!({ "appId": "demo", "name": "other", "format": "properties", "isPublic": false });
    user.post("/openapi/v1/apps/demo/appnamespaces", body).await.ok();
    for namespace in ["application", "other"] {
        for key in ["a", "b"] {
            user.post(&format!("{CLUSTER}/{namespace}/items"), item(key, "1")).await.ok();
        }
    }
    assert_eq!(user.get(CLUSTER).await.ok().as_array().unwrap().len(), 2);
    lengthen_items(&world.environment_store, &["a", "b"]).await;
    let refused = user.get(CLUSTER).await;
    refused.fails(413, "The items of these namespaces");
    let message = refused.json()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("fillItemDetail=false"), "{message}");
    assert_eq!(refused.json()["code"], "answer_too_long");
    let names = user.get(&format!("{CLUSTER}?fillItemDetail=false")).await.ok();
    assert_eq!(names.as_array().unwrap().len(), 2);
    for namespace in ["application", "other"] {
        let found = user.get(&format!("{CLUSTER}/{namespace}")).await.ok();
        assert_eq!(found["items"].as_array().unwrap().len(), 2);
    }
}

/// X75: the web UI shows the numbers of changes.
#[tokio::test]
async fn changes_of_namespaces_with_long_items_are_counted() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let body =
        json!({ "appId": "demo", "name": "other", "format": "properties", "isPublic": false });
    user.post("/openapi/v1/apps/demo/appnamespaces", body).await.ok();
    for (namespace, keys) in [("application", vec!["a", "b", "c", "d"]), ("other", vec!["a", "b"])]
    {
        for key in keys {
            user.post(&format!("{CLUSTER}/{namespace}/items"), item(key, "1")).await.ok();
        }
    }
    publish(&user).await;
    user.delete(&format!("{NS}/items/c")).await.empty();
    let counts = async || {
        let query = "fillItemDetail=false&extendInfo=true&countChanges=true";
        let found = user.get(&format!("{CLUSTER}?{query}")).await.ok();
        let count = |namespace: &Value| {
            assert_eq!(namespace["items"], json!([]));
            assert_eq!(namespace["extendInfo"]["isGray"], false, "{namespace}");
            let name = namespace["namespaceName"].as_str().unwrap().to_owned();
            (name, namespace["extendInfo"]["itemModifiedCnt"].as_i64().unwrap())
        };
        found.as_array().unwrap().iter().map(count).collect::<Vec<_>>()
    };
    assert_eq!(counts().await, [("application".to_owned(), 1), ("other".to_owned(), 2)]);
    lengthen_items(&world.environment_store, &["a", "b"]).await;
    user.get(&format!("{CLUSTER}?extendInfo=true")).await.fails(413, "The items of these");
    assert_eq!(counts().await, [("application".to_owned(), 3), ("other".to_owned(), 2)]);
}
