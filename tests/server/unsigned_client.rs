//! Records of the clients that an observed access key would refuse, on each database.

use serde_json::{Value, json};

use super::instance::{ENGINES, Place};
use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::Server;
use crate::support::sign;

fn path(app_id: &str, address: &str) -> String {
    format!("/configs/{app_id}/default/application?ip={address}")
}

async fn read_unsigned(server: &Server, app_id: &str, address: &str) {
    Http::new(&server.config).get(&path(app_id, address)).await.ok();
}

async fn listed(server: &Server, app_id: &str) -> Value {
    let path = format!("/apps/{app_id}/accesskeys/unsigned");
    Http::new(&server.admin).get(&path).await.ok().json()
}

async fn until_listed(server: &Server, app_id: &str, count: u64) {
    eventually(&format!("{count} clients of {app_id}"), async || {
        (listed(server, app_id).await["count"] == count).then_some(())
    })
    .await;
}

fn addresses(listed: &Value) -> Vec<&str> {
    listed["newest"].as_array().unwrap().iter().map(|one| one["ip"].as_str().unwrap()).collect()
}

async fn publish(server: &Server, app_id: &str) -> App {
    let app = App::create(&Http::new(&server.admin), app_id).await;
    app.publish("1").await;
    app
}

#[tokio::test]
async fn only_clients_that_the_observed_key_would_refuse_are_listed() {
    for engine in ENGINES {
        let Some(place) = Place::on(engine).await else { continue };
        let server = place.start();
        let obs = publish(&server, "obs").await;
        publish(&server, "open").await;
        obs.add_key("off", 1, false).await;
        read_unsigned(&server, "obs", "10.0.0.1").await;
        obs.add_key("o1", 1, true).await;
        let signed = sign::get(&server.config, &path("obs", "10.0.0.2"), "o1").await;
        assert_eq!(signed.status, 200, "{signed:?}");
        read_unsigned(&server, "open", "10.0.0.3").await;
        read_unsigned(&server, "obs", "nonsense").await;
        // Records are written in the order of the requests.
        for (at, address) in ["10.0.0.4", "2001:DB8::5", "10.0.0.6"].into_iter().enumerate() {
            read_unsigned(&server, "obs", address).await;
            read_unsigned(&server, "obs", address).await;
            until_listed(&server, "obs", at as u64 + 1).await;
        }
        let wrong = sign::get(&server.config, &path("obs", "10.0.0.7"), "other").await;
        assert_eq!(wrong.status, 200, "{wrong:?}");
        until_listed(&server, "obs", 4).await;
        let found = listed(&server, "obs").await;
        assert_eq!((&found["known"], &found["more"]), (&json!(true), &json!(false)), "{engine:?}");
        assert_eq!(addresses(&found), ["10.0.0.7", "10.0.0.6", "2001:db8::5", "10.0.0.4"]);
        assert!(found["newest"][0]["lastTime"].is_string(), "{found}");
        assert_eq!(listed(&server, "open").await["count"], 0, "{engine:?}");
        drop(server);
        place.end().await;
    }
}

/// Strangers can state any address; what they fill is emptied when it is old.
#[tokio::test]
async fn the_number_of_listed_clients_is_bounded_and_old_ones_are_removed() {
    const BOUND: u64 = 1_000;
    for engine in ENGINES {
        let Some(place) = Place::on(engine).await else { continue };
        let server = place.start();
        for app_id in ["obs", "other"] {
            publish(&server, app_id).await.add_key("o1", 1, true).await;
        }
        let row = |at| format!("('obs','10.1.{}.{}','2099-01-01 00:00:00')", at / 250, at % 250);
        let rows: Vec<_> = (0..BOUND).map(row).collect();
        let table = r#""CastaliaUnsignedClient" ("AppId","Ip","LastTime")"#;
        let insert = format!("INSERT INTO {table} VALUES {}", rows.join(","));
        place.database().run(&[&insert]).await;
        read_unsigned(&server, "obs", "10.0.0.1").await;
        read_unsigned(&server, "other", "10.0.0.2").await;
        until_listed(&server, "other", 1).await;
        let full = listed(&server, "obs").await;
        assert_eq!((&full["count"], &full["more"]), (&json!(BOUND), &json!(true)), "{engine:?}");
        assert_eq!(addresses(&full).len(), 10);
        let old = r#"UPDATE "CastaliaUnsignedClient" SET "LastTime" = '2020-01-01 00:00:00'
                     WHERE "AppId" = 'obs' AND "Ip" <> '10.1.0.0'"#;
        place.database().run(&[old]).await;
        assert_eq!(listed(&server, "obs").await["count"], 1, "{engine:?}");
        read_unsigned(&server, "other", "10.0.0.3").await;
        eventually("the end of old records", async || {
            let left = place.database().rows(r#"SELECT "Ip" FROM "CastaliaUnsignedClient""#).await;
            (left.len() == 3).then_some(())
        })
        .await;
        read_unsigned(&server, "obs", "10.0.0.4").await;
        until_listed(&server, "obs", 2).await;
        drop(server);
        place.end().await;
    }
}
