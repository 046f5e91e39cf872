//! Cases 53, 63, 64 and 66 to 69: releases of gray branches, published and updated with the main
//! release.

use castalia_store::StoreError;
use castalia_store::entity::gray_release_rule::{Column, Entity};
use castalia_store::entity::release_history;
use chrono::TimeDelta;
use http::Method;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::{Value, json};

use super::gray::{Gray, rule};

/// Case 63: a branch that was never published follows the first publish of the main namespace.
#[tokio::test]
async fn an_unpublished_branch_follows_the_main_line() {
    let gray = Gray::start().await;
    let before = gray.admin.last_audit().await;
    let main = gray.admin.publish().await.id();
    assert_eq!(gray.admin.configurations(&gray.latest().await).await, json!({"a": "1", "b": "2"}));
    let history = gray.histories().await[0].clone();
    assert_eq!([&history["operation"], &history["branchName"]], [&json!(5), &json!(gray.branch)]);
    assert_eq!(
        history["operationContext"],
        json!({"baseReleaseId": main as f64, "isEmergencyPublish": false})
    );
    let expected =
        ["Release INSERT", "ReleaseHistory INSERT", "Release INSERT", "ReleaseHistory INSERT"];
    assert_eq!(gray.admin.audits_since(before).await, expected);
}

/// Case 53: numbers in the context of a history are doubles in answers, and integers in the
/// database.
#[tokio::test]
async fn numbers_of_a_context_are_doubles_on_the_wire() {
    let (gray, release) = Gray::published().await;
    let answer = gray.admin.get(&format!("{}/releases/histories", gray.admin.n())).await;
    assert!(answer.body.contains(&format!(r#""baseReleaseId":{}.0"#, gray.main)), "{answer:?}");
    let rows = gray.admin.rows::<release_history::Entity>().await;
    let stored =
        rows.into_iter().find(|row| row.release_id.0 == release.id()).unwrap().operation_context;
    let expected = format!(
        r#"{{"baseReleaseId":{},"isEmergencyPublish":false,"branchReleaseKeys":["b"]}}"#,
        gray.main
    );
    assert_eq!(stored, expected);
}

/// Case 64: a gray publish overlays the main release with the branch; its history and message
/// belong to the parent.
#[tokio::test]
async fn a_gray_publish_lays_the_branch_over_the_main_line() {
    let (gray, release) = Gray::published().await;
    assert_eq!(release.ok()["configurations"], r#"{"a":"1","b":"9"}"#);
    assert_eq!(release.ok()["clusterName"], gray.branch);
    let history = gray.histories().await[0].clone();
    assert_eq!(
        [
            &history["clusterName"],
            &history["branchName"],
            &history["operation"],
            &history["previousReleaseId"]
        ],
        [&json!("default"), &json!(gray.branch), &json!(2), &json!(0)]
    );
    let context = &history["operationContext"];
    assert_eq!(context["branchReleaseKeys"], json!(["b"]));
    assert!(context.get("rules").is_none());
    assert_eq!(gray.admin.messages().await.last(), Some(&gray.message("default")));
}

/// Case 66: a gray publish assigns its release to the rules, in a new row.
#[tokio::test]
async fn rules_follow_a_gray_publish() {
    let gray = Gray::start().await;
    gray.set_rules("1.1.1.1").await.empty();
    assert_eq!(gray.rules().await[0].release_id.0, 0);
    let id = gray.admin.publish_at(&gray.namespace()).await.id();
    let rows = gray.rules().await;
    assert_eq!(
        (rows.len(), rows[0].is_deleted, rows[1].is_deleted, rows[1].release_id.0),
        (2, true, false, id)
    );
    assert_eq!(rows[1].rules, rows[0].rules);
    assert_eq!(gray.histories().await[0]["operationContext"]["rules"], rule("1.1.1.1"));
}

/// S102: each publish beside a branch replaces its rule, and every load of the namespace reads the
/// rows.
#[tokio::test]
async fn rules_that_publishes_replaced_do_not_accumulate() {
    let (gray, _) = Gray::published().await;
    for ip in ["1.1.1.1", "2.2.2.2"] {
        gray.set_rules(ip).await.empty();
    }
    for day in 0..3 {
        for number in 0..4 {
            gray.publish_main(&format!("{day}.{number}")).await;
        }
        assert!(gray.rules().await.len() > 4, "those that were replaced just now are kept");
        age_replaced_rules(&gray).await;
    }
    gray.publish_main("last").await;
    let rows = gray.rules().await;
    let found: Vec<_> = rows
        .iter()
        .map(|row| (row.is_deleted, row.rules.as_deref().unwrap_or_default().contains("1.1.1.1")))
        .collect();
    // The audience of before can be used again, and the last one was replaced just now.
    assert_eq!(found, [(true, true), (true, false), (false, false)]);
}

/// Makes the rules of the branch that were replaced two days older.
async fn age_replaced_rules(gray: &Gray) {
    let time = castalia_store::now() - TimeDelta::days(2);
    let input = (gray.branch.clone(), time.timestamp_millis());
    let aged: Result<_, StoreError> = gray
        .admin
        .store()
        .write(input, |tx, (branch, time)| {
            Box::pin(async move {
                Entity::update_many()
                    .col_expr(Column::DeletedAt, Expr::value(*time))
                    .filter(Column::BranchName.eq(branch.as_str()))
                    .filter(Column::IsDeleted.eq(true))
                    .exec(tx)
                    .await?;
                Ok(())
            })
        })
        .await;
    aged.unwrap();
}

/// Case 67: a publish of the main namespace updates the branch, but only if that changes what its
/// clients receive.
#[tokio::test]
async fn a_publish_is_carried_into_the_branch() {
    let (gray, _) = Gray::published().await;
    gray.publish_main("2").await;
    assert_eq!(gray.operations().await[..2], [5, 0]);
    assert_eq!(gray.latest().await.ok()["configurations"], r#"{"a":"2","b":"9"}"#);
    assert_eq!(gray.histories().await[0]["operationContext"]["branchReleaseKeys"], json!(["b"]));
    gray.admin.publish().await.ok();
    assert_eq!(gray.operations().await[..3], [0, 5, 0]);
}

/// Case 68: a rollback of the main namespace updates the branch in the same way.
#[tokio::test]
async fn a_rollback_is_carried_into_the_branch() {
    let (gray, _) = Gray::published().await;
    let second = gray.publish_main("2").await;
    let third = gray.admin.publish().await.id();
    let sent = gray.admin.last_message().await;
    let roll_back = async |id: i64| {
        gray.admin.put(&format!("/releases/{id}/rollback?operator=u"), Value::Null).await.empty();
    };
    roll_back(third).await;
    assert_eq!(gray.operations().await[..2], [1, 0]);
    roll_back(second).await;
    assert_eq!(gray.operations().await[..2], [6, 1]);
    let context = gray.histories().await[0]["operationContext"].clone();
    let expected = json!({"baseReleaseId": gray.main as f64, "isEmergencyPublish": false, "branchReleaseKeys": ["b"]});
    assert_eq!(context, expected);
    let release = gray.latest().await.ok();
    assert_eq!(release["configurations"], r#"{"a":"1","b":"9"}"#);
    assert!(
        release["name"].as_str().unwrap().ends_with("-master-rollback-merge-to-gray"),
        "{release}"
    );
    assert_eq!(release["comment"], "");
    gray.admin.assert_sent(sent, &[gray.message("default"), gray.message("default")]).await;
}

/// Case 69: a gray publish may omit keys of the main release.
#[tokio::test]
async fn a_gray_publish_may_leave_keys_out() {
    let (gray, _) = Gray::published().await;
    let parameters = [("releaseName", "r"), ("operator", "u"), ("grayDelKeys", "a,zz")];
    let path = format!("{}/gray-del-releases", gray.namespace());
    let release = gray.admin.form(Method::POST, &path, &parameters).await.ok();
    assert_eq!(release["configurations"], r#"{"b":"9"}"#);
    let main = gray
        .admin
        .form(Method::POST, &format!("{}/gray-del-releases", gray.admin.n()), &parameters)
        .await;
    main.fails(404, "Parent namespace not found");
}

/// A rollback of a release that is not the newest changes neither the main line nor its branch.
#[tokio::test]
async fn a_rollback_of_an_older_release_leaves_the_branch() {
    let (gray, _) = Gray::published().await;
    gray.admin.item("c", "3").await.ok();
    gray.admin.publish().await.ok();
    let before = gray.latest().await;
    assert_eq!(gray.admin.configurations(&before).await, json!({"a": "1", "b": "9", "c": "3"}));
    let rollback = format!("/releases/{}/rollback?operator=w", gray.main);
    gray.admin.put(&rollback, Value::Null).await.empty();
    assert_eq!(gray.latest().await.ok(), before.ok());
}

/// Its former content may be older than the main line, and clients do not watch its key.
#[tokio::test]
async fn a_gray_release_is_not_rolled_back() {
    let (gray, first) = Gray::published().await;
    let second = gray.admin.publish_at(&gray.namespace()).await.id();
    let expected = format!(
        "Release {second} is a gray release and cannot be rolled back; publish the gray release again with the former \
         values, or abandon it"
    );
    for target in [String::new(), format!("&toReleaseId={}", first.id())] {
        let rollback = format!("/releases/{second}/rollback?operator=w{target}");
        gray.admin.put(&rollback, Value::Null).await.fails(400, &expected);
    }
    assert_eq!(gray.latest().await.id(), second);
}
