//! How often consumers and access tokens were used, for each of the last days.

use castalia_store::consumer::{self, ConsumerCall};
use castalia_store::user::token::{self, UserTokenCall};
use castalia_store::{Id, StoreError, now};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::world::World;

/// Days before today on which calls are recorded; the last one is too long ago.
const DAYS_AGO: [i64; 5] = [0, 0, 0, 3, 40];

fn counted(days: &Value) -> Vec<(usize, i64)> {
    let days = days.as_array().unwrap();
    assert_eq!(days.len(), 30);
    assert_eq!(days[29]["day"], json!(now().date_naive().to_string()));
    let calls = days.iter().map(|day| day["calls"].as_i64().unwrap());
    calls.enumerate().filter(|(_, calls)| *calls > 0).collect()
}

#[tokio::test]
async fn the_calls_of_a_consumer_are_counted_by_day() {
    let world = World::with_demo().await;
    world.token_for_all("ci").await;
    world.token_for_all("other").await;
    let root = world.user("apollo").await;
    let list = root.get("/openapi/v1/consumers?page=0&size=10").await.ok();
    let id_of = |app_id: &str| {
        let all = list.as_array().unwrap();
        let found = all.iter().find(|one| one["appId"] == app_id).unwrap();
        Id(found["consumerId"].as_i64().unwrap())
    };
    let calls = DAYS_AGO.map(|days| ConsumerCall {
        consumer_id: id_of("ci"),
        uri: "/openapi/v1/apps".to_owned(),
        method: "GET".to_owned(),
        time: now() - TimeDelta::days(days),
    });
    let recorded: Result<(), StoreError> = world
        .store
        .write(calls.to_vec(), |tx, calls| Box::pin(consumer::record_calls(tx, calls)))
        .await;
    recorded.unwrap();
    let path = "/openapi/v1/consumers/by-appId/calls?appId=";
    assert_eq!(counted(&root.get(&format!("{path}ci")).await.ok()), [(26, 1), (29, 3)]);
    assert_eq!(counted(&root.get(&format!("{path}other")).await.ok()), []);
    root.get(&format!("{path}none")).await.fails(400, "");
    world.user("u1").await.get(&format!("{path}ci")).await.fails(403, "Access is denied");
}

#[tokio::test]
async fn the_calls_with_a_token_are_shown_to_its_owner_and_to_administrators() {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    let made = user.post("/openapi/v1/user-tokens", json!({ "name": "ci" })).await.ok();
    let id = made["id"].as_i64().unwrap();
    let calls = DAYS_AGO.map(|days| UserTokenCall {
        token_id: Id(id),
        user_id: "u1".to_owned(),
        uri: "/openapi/v1/apps".to_owned(),
        method: "GET".to_owned(),
        time: now() - TimeDelta::days(days),
    });
    let recorded: Result<(), StoreError> = world
        .store
        .write(calls.to_vec(), |tx, calls| Box::pin(token::record_calls(tx, calls)))
        .await;
    recorded.unwrap();
    let own = format!("/openapi/v1/user-tokens/{id}/calls");
    assert_eq!(counted(&user.get(&own).await.ok()), [(26, 1), (29, 3)]);
    let any = format!("/openapi/v1/user-tokens/admin/{id}/calls");
    assert_eq!(counted(&root.get(&any).await.ok()), [(26, 1), (29, 3)]);
    user.get(&any).await.fails(403, "Access is denied");
    assert_ne!(world.user("u2").await.get(&own).await.status, 200);
}
