//! Changes that a server has acknowledged, to compare with its database and with what it serves.

use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::database::Database;
use crate::support::eventually::eventually;
use crate::support::http::{Answer, Http};

const OPERATOR: &str = "apollo";

/// A namespace with one item, `k`, and all its publishes that were answered with success.
#[derive(Debug)]
pub(super) struct Ledger {
    item: Value,
    acknowledged: Vec<(i64, String)>,
    /// Publishes that were answered with an unknown outcome.
    unknown: usize,
}

impl Ledger {
    /// Creates the app `demo` and publishes the value `first`.
    pub(super) async fn create(admin: &Http) -> Self {
        let app = App::create(admin, "demo").await;
        let release = app.publish("first").await;
        let path = format!("{}/items", app.path("default", "application"));
        let item = admin.get(&path).await.ok().json()[0].clone();
        Self { item, acknowledged: vec![(release.id, "first".to_owned())], unknown: 0 }
    }

    /// Edits the item and publishes; returns the first failure, or the last answer.
    pub(super) async fn publish(&mut self, admin: &Http, value: &str) -> Answer {
        let app = App::existing(admin, "demo");
        let mut item = self.item.clone();
        item["value"] = value.into();
        item["dataChangeLastModifiedBy"] = OPERATOR.into();
        let body = json!({
            "createItems": [], "updateItems": [item], "deleteItems": [],
            "dataChangeLastModifiedBy": OPERATOR,
        });
        let path = format!("{}/itemset", app.path("default", "application"));
        let edited = admin.post(&path, body).await;
        if edited.status != 200 {
            return edited;
        }
        let published = app.try_publish("default", "application").await;
        match published.status {
            200 => {
                let id = published.json()["id"].as_i64().unwrap();
                self.acknowledged.push((id, value.to_owned()));
            }
            _ if published.text.contains("outcome_unknown") => self.unknown += 1,
            _ => {}
        }
        published
    }

    /// Publishes until it is acknowledged.
    pub(super) async fn publish_again(&mut self, admin: &Http, value: &str) {
        loop {
            let begun = std::time::Instant::now();
            let answer = self.publish(admin, value).await;
            if answer.status == 200 {
                return;
            }
            assert!(self.acknowledged.len() < 10_000 && begun.elapsed().as_secs() < 60);
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }

    /// Checks that exactly the acknowledged publishes are stored unchanged, and that the last one
    /// is served.
    pub(super) async fn verify(&self, database: &Database, config: &Http) {
        let sql = r#"SELECT "Id","ReleaseKey","Configurations" FROM "Release" ORDER BY "Id""#;
        let releases = database.rows(sql).await;
        for (id, value) in &self.acknowledged {
            let stored = releases.iter().find(|release| release["Id"] == *id);
            let stored = stored.unwrap_or_else(|| panic!("release {id} ({value}) is lost"));
            let configurations = stored["Configurations"].as_str().unwrap();
            assert_eq!(configurations, json!({ "k": value }).to_string(), "release {id}");
        }
        let surplus = releases.len() - self.acknowledged.len();
        assert!(surplus <= self.unknown, "{surplus} refused publishes were kept: {releases:?}");
        let (id, value) = self.acknowledged.last().unwrap();
        let newest = releases.last().unwrap();
        if newest["Id"] == *id {
            eventually(&format!("{value} to be served"), async || {
                let config = config.get("/configs/demo/default/application").await.ok().json();
                (config["configurations"]["k"] == *value
                    && config["releaseKey"] == newest["ReleaseKey"])
                    .then_some(())
            })
            .await;
        }
    }
}
