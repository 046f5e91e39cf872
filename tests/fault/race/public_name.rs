//! Two apps that declare the same public namespace concurrently: clients of all apps receive what
//! its owner publishes, so exactly one of them may own it.

use reqwest::Method;
use serde_json::json;

use super::Nodes;
use super::operations::Request;
use crate::support::app::App;
use crate::support::database::Engine;

/// Rounds, each with another name.
const ROUNDS: usize = 6;
const APPS: [&str; 2] = ["first", "second"];

/// In two spellings, because names ignore case.
async fn one_of_two_apps_gets_a_public_name(nodes: Nodes) {
    App::create(&nodes.admin(0), "oldest").await;
    for app_id in APPS {
        App::create(&nodes.admin(0), app_id).await;
    }
    for round in 0..ROUNDS {
        // Both requests have to arrive before one of them has finished.
        let rows = r#"SELECT "Id" FROM "App" WHERE "AppId" IN ('first', 'second') FOR UPDATE"#;
        let held = match nodes.servers.len() {
            2 => Some(nodes.config.begin(&[rows]).await),
            _ => None,
        };
        let declare = |node: usize, name: String| {
            let path = format!("/apps/{}/appnamespaces", APPS[node]);
            let body = json!({
                "appId": APPS[node], "name": name, "format": "properties", "isPublic": true, "comment": "",
                "dataChangeCreatedBy": "u",
            });
            let request =
                Request { is_portal: false, method: Method::POST, path, body: Some(body) };
            nodes.send(node, request)
        };
        let release = async {
            tokio::time::sleep(std::time::Duration::from_millis(400)).await;
            if let Some(held) = held {
                held.rollback().await.unwrap();
            }
        };
        let (first, second, ()) = tokio::join!(
            declare(0, format!("common.{round}")),
            declare(1, format!("COMMON.{round}")),
            release
        );
        let statuses = (first.status, second.status);
        assert!(matches!(statuses, (200, 400) | (400, 200)), "{first:?} {second:?}");
        let refused = if first.status == 400 { first } else { second };
        assert!(refused.text.contains("already exists in appId"), "{refused:?}");
        let owners = format!(
            r#"SELECT "AppId" FROM "AppNamespace" WHERE LOWER("Name") = 'common.{round}' AND NOT "IsDeleted""#
        );
        assert_eq!(nodes.config.rows(&owners).await.len(), 1);
    }
    nodes.end().await;
}

#[tokio::test]
async fn one_of_two_apps_gets_a_public_name_on_mysql() {
    let Some(nodes) = Nodes::on(Engine::MySql).await else { return };
    one_of_two_apps_gets_a_public_name(nodes).await;
}

#[tokio::test]
async fn one_of_two_apps_gets_a_public_name_on_postgres() {
    let Some(nodes) = Nodes::on(Engine::Postgres).await else { return };
    one_of_two_apps_gets_a_public_name(nodes).await;
}

#[tokio::test]
async fn one_of_two_apps_gets_a_public_name_on_sqlite() {
    one_of_two_apps_gets_a_public_name(Nodes::on_sqlite().await).await;
}
