//! I4: a gray branch as Apollo's portal has left it in the tables is found, edited, published to
//! its clients and merged.

use castalia_store::entity::{
    Standard as _, cluster, gray_release_rule, item as item_row, namespace, release,
};
use castalia_store::{Id, StoreError};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait as _, DatabaseTransaction, DbErr, EntityTrait as _, QueryFilter as _};
use serde_json::{Value, json};

use super::world::{NS, World, item};

const BRANCH: &str = "20240102030405-0a1b2c3d4e5f6071";

/// The rows of a branch with an item and a rule without a release.
async fn insert_branch(world: &World) {
    let parent = cluster::Entity::live()
        .filter(cluster::Column::AppId.eq("demo"))
        .filter(cluster::Column::Name.eq("default"))
        .one(world.environment_store.read())
        .await
        .unwrap()
        .unwrap();
    let rows = world.environment_store.write(parent.id, |tx, parent| {
        Box::pin(async move { insert_rows(tx, *parent).await.map_err(StoreError::from) })
    });
    rows.await.unwrap();
}

async fn insert_rows(tx: &DatabaseTransaction, parent: Id) -> Result<(), DbErr> {
    let branch = cluster::ActiveModel {
        name: Set(BRANCH.into()),
        app_id: Set("demo".into()),
        parent_cluster_id: Set(parent),
        ..Default::default()
    };
    cluster::Entity::insert(branch).exec(tx).await?;
    let of_branch = namespace::ActiveModel {
        app_id: Set("demo".into()),
        cluster_name: Set(BRANCH.into()),
        namespace_name: Set("application".into()),
        ..Default::default()
    };
    let of_branch = namespace::Entity::insert(of_branch).exec(tx).await?;
    let gray = item_row::ActiveModel {
        namespace_id: Set(of_branch.last_insert_id),
        key: Set("k".into()),
        value: Set("gray".into()),
        line_num: Set(Some(Id(1))),
        ..Default::default()
    };
    item_row::Entity::insert(gray).exec(tx).await?;
    let rules = json!([{
        "clientAppId": "demo", "clientIpList": ["10.0.0.1"], "clientLabelList": [],
    }]);
    let rule = gray_release_rule::ActiveModel {
        app_id: Set("demo".into()),
        cluster_name: Set("default".into()),
        namespace_name: Set("application".into()),
        branch_name: Set(BRANCH.into()),
        rules: Set(Some(rules.to_string())),
        release_id: Set(Id(0)),
        ..Default::default()
    };
    gray_release_rule::Entity::insert(rule).exec(tx).await?;
    Ok(())
}

#[tokio::test]
async fn a_branch_that_apollos_portal_made_is_found_and_ended() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    user.post(&format!("{NS}/items"), item("k", "main")).await.ok();
    user.post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" })).await.ok();
    insert_branch(&world).await;

    let found = user.get(&format!("{NS}/branches")).await.ok();
    assert_eq!(found["clusterName"], BRANCH, "{found}");
    assert_eq!(found["items"][0]["value"], "gray", "{found}");
    let path = format!("{NS}/branches/{BRANCH}");
    let rules = user.get(&format!("{path}/rules")).await.ok();
    assert_eq!(rules["ruleItems"][0]["clientIpList"], json!(["10.0.0.1"]), "{rules}");
    user.post(&format!("{NS}/branches"), Value::Null)
        .await
        .fails(400, "The namespace application already has the branch");

    let of_branch = NS.replace("default", BRANCH);
    let published = json!({ "releaseTitle": "gray" });
    user.post(&format!("{of_branch}/releases"), published).await.ok();
    let rule = gray_release_rule::Entity::live().one(world.environment_store.read()).await;
    let released = release::Entity::live()
        .filter(release::Column::ClusterName.eq(BRANCH))
        .one(world.environment_store.read())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(rule.unwrap().unwrap().release_id, released.id);

    let merged = json!({ "releaseTitle": "merged", "releasedBy": "u1" });
    user.post(&format!("{path}/merge?deleteBranch=true"), merged).await.ok();
    user.get(&format!("{NS}/branches")).await.empty();
    let latest = user.get(&format!("{NS}/releases/latest")).await.ok();
    assert_eq!(latest["configurations"], json!({ "k": "gray" }));
}
