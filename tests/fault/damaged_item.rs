//! Items that cannot be decoded block neither their keys nor their namespace. SQLite, whose columns
//! take any bytes.

use serde_json::json;

use super::feed_node::{Kind, Node};
use crate::support::http::Http;

/// A new item replaces an undecodable one with its key, alone or in a change set; a line number
/// that is no number blocks no new line. Until then a publish is refused with the row's name.
#[tokio::test]
async fn a_new_item_takes_the_place_of_one_that_cannot_be_decoded() {
    let Some(node) = Node::start(Kind::Sqlite, &[]).await else { return };
    let admin = Http::new(&node.server.admin);
    let namespace = node.app.path("default", "application");
    node.app.release("default", "application", &[("k", "1"), ("other", "1")]).await;
    let item = |value: &str| {
        json!({
            "key": "k", "value": value, "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u",
        })
    };
    let damage = async |column: &str| {
        let sql = format!(
            r#"UPDATE "Item" SET "{column}" = X'80FF' WHERE "Key" = 'k' AND "IsDeleted" = 0"#
        );
        node.database.run(&[&sql]).await;
    };
    damage("Value").await;
    let refused = node.app.try_publish("default", "application").await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (409, Some("unreadable_row")));
    assert!(refused.text.contains("table Item") && refused.text.contains("Value"), "{refused:?}");
    admin.post(&format!("{namespace}/items"), item("2")).await.ok();
    node.app.try_publish("default", "application").await.ok();
    node.eventually_serves("2").await;

    damage("Value").await;
    // The list does not contain the item, so the change set creates it.
    node.app.publish("3").await;
    node.eventually_serves("3").await;

    damage("LineNum").await;
    let new = json!({
        "key": "new", "value": "n", "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u",
    });
    admin.post(&format!("{namespace}/items"), new).await.ok();
    node.app.try_publish("default", "application").await.ok();
    node.end().await;
}
