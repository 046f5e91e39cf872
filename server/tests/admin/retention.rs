//! Cases 59 and 92: obsolete rows are removed.

use std::time::Duration;

use castalia_server::domain::retention::{self, Walk};
use castalia_store::Id;
use castalia_store::entity::{gray_release_rule, release, release_history};
use serde_json::{Value, json};

use super::client::{Admin, item_body};
use super::gray::Gray;

/// Interval of the worker that shortens histories.
const HISTORY_PAUSE: Duration = Duration::from_secs(125);

/// Case 59: only the newest message of a watch key is kept.
#[tokio::test]
async fn only_the_newest_message_of_a_key_stays() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    for _ in 0..3 {
        admin.publish().await.ok();
    }
    admin.eventually("one message", async || admin.messages().await.len() == 1).await;
}

/// Case 92: a history keeps the configured number of entries, and the releases that they or a gray
/// rule refer to.
#[tokio::test]
async fn a_history_keeps_as_many_entries_as_allowed() {
    let admin = Admin::start().await;
    admin.set("apollo.release-history.retention.size", "2");
    admin.create_app().await.ok();
    admin.item("k", "1").await.ok();
    let kept = admin.publish().await.id();
    let branch = admin.post(&format!("{}/branches?operator=u", admin.n()), Value::Null).await.ok();
    let rules = json!({
        "appId": admin.app_id, "clusterName": "default", "namespaceName": "application",
        "branchName": branch["clusterName"], "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u",
        "ruleItems": [],
    });
    admin
        .put(
            &format!("{}/branches/{}/rules", admin.n(), branch["clusterName"].as_str().unwrap()),
            rules,
        )
        .await
        .empty();
    for _ in 0..4 {
        admin.publish().await.ok();
    }
    name_in_rule(&admin, kept).await;
    if admin.has_process() {
        // The same step as the server's own worker, which runs once a minute.
        let config = castalia_server::server_config::ServerConfig::new(
            [("apollo.release-history.retention.size".to_owned(), "2".to_owned())].into(),
        );
        retention::remove_old_histories(admin.store(), &config, Some(Id(0))).await.unwrap();
    } else {
        tokio::time::sleep(HISTORY_PAUSE).await;
    }
    let own = |app_id: &str, cluster: &str| app_id == admin.app_id && cluster == "default";
    let histories = admin.rows::<release_history::Entity>().await;
    let main = histories.iter().filter(|row| own(&row.app_id, &row.branch_name)).count();
    assert_eq!(main, 2);
    let releases = admin.rows::<release::Entity>().await;
    let left: Vec<_> = releases
        .iter()
        .filter(|row| own(&row.app_id, &row.cluster_name))
        .map(|row| row.id.0)
        .collect();
    assert_eq!(
        left.len(),
        4,
        "two that are named as new, one as previous, one by a gray rule: {left:?}"
    );
    assert!(left.contains(&kept));
}

/// After an older release was rolled back no entry of a short history refers to the release that
/// clients receive; it is kept all the same.
#[tokio::test]
async fn what_clients_get_outlives_its_history() {
    let admin = Admin::start().await;
    if !admin.has_process() {
        return;
    }
    admin.create_app().await.ok();
    admin.item("k", "1").await.ok();
    admin.publish().await.ok();
    let older = admin.publish().await.id();
    let live = admin.publish().await.id();
    admin.put(&format!("/releases/{older}/rollback?operator=u"), Value::Null).await.empty();
    let latest = format!("{}/releases/latest", admin.n());
    assert_eq!(admin.get(&latest).await.id(), live);
    let config = castalia_server::server_config::ServerConfig::new(
        [("apollo.release-history.retention.size".to_owned(), "1".to_owned())].into(),
    );
    retention::remove_old_histories(admin.store(), &config, Some(Id(0))).await.unwrap();
    assert_eq!(admin.get(&latest).await.id(), live);
}

/// Changes of rules fill the history of a branch, and its keys stay its own.
#[tokio::test]
async fn a_branch_keeps_its_keys_when_its_history_is_short() {
    let (gray, _) = Gray::published().await;
    let admin = &gray.admin;
    if !admin.has_process() {
        return;
    }
    let own = admin.post(&format!("{}/items", gray.namespace()), item_body("u", "a", "1")).await;
    own.ok();
    admin.publish_at(&gray.namespace()).await.ok();
    for ip in ["1.1.1.1", "1.1.1.2", "1.1.1.3"] {
        gray.set_rules(ip).await.empty();
    }
    let config = castalia_server::server_config::ServerConfig::new(
        [("apollo.release-history.retention.size".to_owned(), "2".to_owned())].into(),
    );
    let before = gray.histories().await.len();
    retention::remove_old_histories(admin.store(), &config, Some(Id(0))).await.unwrap();
    assert!(gray.histories().await.len() < before);
    gray.publish_main("99").await;
    assert_eq!(gray.latest().await.ok()["configurations"], r#"{"a":"1","b":"9"}"#);
}

/// REL-57: however old a history is, the release before the present one stays, and is rolled back
/// to.
#[tokio::test]
async fn a_namespace_whose_history_is_old_can_be_rolled_back() {
    let admin = Admin::start().await;
    if !admin.has_process() {
        return;
    }
    admin.create_app().await.ok();
    admin.item("k", "1").await.ok();
    let mut releases = Vec::new();
    for _ in 0..6 {
        releases.push(admin.publish().await.id());
    }
    let roll_back = async |id: i64| {
        admin.put(&format!("/releases/{id}/rollback?operator=u"), Value::Null).await.empty();
    };
    roll_back(releases[5]).await;
    roll_back(releases[4]).await;
    roll_back(releases[3]).await;
    age(&admin).await;
    let config = castalia_server::server_config::ServerConfig::new(
        [("release-history.retention.days".to_owned(), "30".to_owned())].into(),
    );
    let removed = Walk::default().pass(admin.store(), &config).await.unwrap();
    assert_ne!(removed, 0);
    let latest = format!("{}/releases/latest", admin.n());
    assert_eq!(admin.get(&latest).await.id(), releases[2]);
    // The newest entries do not name it.
    roll_back(releases[2]).await;
    assert_eq!(admin.get(&latest).await.id(), releases[1]);
}

/// Makes all history of the app 40 days older.
async fn age(admin: &Admin) {
    use sea_orm::sea_query::Expr;
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

    let time = castalia_store::now() - chrono::TimeDelta::days(40);
    let aged: Result<_, castalia_store::StoreError> = admin
        .store()
        .write((admin.app_id.clone(), time), |tx, (app_id, time)| {
            Box::pin(async move {
                release_history::Entity::update_many()
                    .col_expr(release_history::Column::DataChangeCreatedTime, Expr::value(*time))
                    .filter(release_history::Column::AppId.eq(app_id.as_str()))
                    .exec(tx)
                    .await?;
                Ok(())
            })
        })
        .await;
    aged.unwrap();
}

/// Makes the active gray rule of the app refer to a release.
async fn name_in_rule(admin: &Admin, release_id: i64) {
    use sea_orm::sea_query::Expr;
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

    let app_id = admin.app_id.clone();
    let written: Result<_, castalia_store::StoreError> = admin
        .store()
        .write((app_id, release_id), |tx, (app_id, id)| {
            Box::pin(async move {
                gray_release_rule::Entity::update_many()
                    .col_expr(gray_release_rule::Column::ReleaseId, Expr::value(Id(*id)))
                    .filter(gray_release_rule::Column::AppId.eq(app_id.as_str()))
                    .exec(tx)
                    .await?;
                Ok(())
            })
        })
        .await;
    written.unwrap();
}
