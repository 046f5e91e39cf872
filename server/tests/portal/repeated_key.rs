//! X125: a key with two items, as nodes of Apollo can store it. The later one is published.

use castalia_store::entity::{Standard as _, item as item_row, namespace};
use castalia_store::{Id, StoreError};
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait as _;
use serde_json::json;

use super::branch::{branch, items_of, latest, publish, set, title};
use super::world::{NS, World};

/// Stores the key `k` once more, behind the last line of the only namespace.
async fn store_again(world: &World, value: &'static str) {
    let store = &world.environment_store;
    let namespace = namespace::Entity::live().one(store.read()).await.unwrap().unwrap();
    let item = item_row::ActiveModel {
        namespace_id: Set(namespace.id),
        key: Set("k".into()),
        value: Set(value.into()),
        line_num: Set(Some(Id(9))),
        ..Default::default()
    };
    let stored: Result<(), StoreError> = store
        .write(item, |tx, item| {
            Box::pin(async move {
                item_row::Entity::insert(item.clone()).exec(tx).await?;
                Ok(())
            })
        })
        .await;
    stored.unwrap();
}

#[tokio::test]
async fn a_key_that_is_stored_twice_hinders_no_merge_once_it_is_published() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    set(&user, NS, "k", "first").await;
    store_again(&world, "second").await;
    let branch = branch(&user).await;
    set(&user, &items_of(&branch), "k", "gray").await;
    let merge = format!("{branch}/merge");
    user.post(&merge, title()).await.fails(400, "Merge operation failed.");
    publish(&user, NS).await;
    assert_eq!(latest(&user).await, json!({ "k": "second" }));

    let list = NS.trim_end_matches("/application");
    let counted = format!("{list}?fillItemDetail=false&extendInfo=true&countChanges=true");
    let counted = user.get(&counted).await.ok();
    assert_eq!(counted[0]["extendInfo"]["itemModifiedCnt"], 0);
    let shown = user.get(&format!("{NS}?extendInfo=true")).await.ok();
    assert_eq!(shown["extendInfo"]["itemModifiedCnt"], 0);
    let items = shown["items"].as_array().unwrap().iter();
    let items: Vec<_> =
        items.map(|item| json!([item["value"], item["extendInfo"]["isModified"]])).collect();
    assert_eq!(items, [json!(["first", false]), json!(["second", false])]);

    user.post(&merge, title()).await.ok();
    assert_eq!(latest(&user).await, json!({ "k": "gray" }));
}
