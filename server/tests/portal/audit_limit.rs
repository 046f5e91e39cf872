//! Refused calls of known callers are recorded up to a limit, so that they do not fill the database
//! of the portal.

use std::time::Instant;

use castalia_store::entity::consumer_audit;
use sea_orm::EntityTrait as _;
use serde_json::Value;

use super::audit::{A, Log, influences};
use super::user_token::eventually;
use super::world::{NS, PASSWORD, World, app, item};

/// Refused calls of one caller, of which a part is recorded.
const MANY: usize = 300;

/// Records of refusals that a caller can cause in this time: 100 at once, and ten per minute.
fn most(started: Instant) -> usize {
    101 + usize::try_from(started.elapsed().as_secs() / 6).unwrap()
}

#[tokio::test]
async fn refused_calls_of_a_known_caller_cannot_fill_the_audit_log() {
    let world = World::with_demo().await;
    world.add_user("u3", &format!("{{noop}}{PASSWORD}")).await;
    let (user, other) = (world.user("u2").await, world.user("u3").await);
    let mut log = Log::of(&world).await;
    let started = Instant::now();
    for _ in 0..MANY {
        user.delete(A).await.fails(403, "Access is denied");
    }
    let recorded = log.take().await.len();
    assert!((100..=most(started)).contains(&recorded), "{recorded}");
    other.delete(A).await.fails(403, "Access is denied");
    assert_eq!(log.one().await.operator, "u3", "each caller has its own limit");
}

/// Their rows would be large, and nobody searches for them.
#[tokio::test]
async fn a_refused_call_records_no_name_that_is_longer_than_its_column() {
    let world = World::with_demo().await;
    let user = world.user("u2").await;
    let mut log = Log::of(&world).await;
    let long = "x".repeat(100);
    user.delete(&format!("/openapi/v1/apps/{long}")).await.fails(403, "Access is denied");
    let record = log.one().await;
    assert!(influences(&world.store, &record).await.is_empty());
    user.post(&format!("{A}/namespaces/{long}/roles/ModifyNamespace?userId=u2"), Value::Null)
        .await
        .fails(403, "Access is denied");
    let record = log.one().await;
    let names = influences(&world.store, &record).await;
    let names: Vec<_> = names.iter().map(|row| row.field_new_value.as_deref()).collect();
    assert_eq!(names, [Some("demo")]);
}

#[tokio::test]
async fn refused_calls_of_a_token_are_recorded_up_to_a_limit_and_accepted_ones_always() {
    let world = World::with_demo().await;
    let token = world.token("ci", &["demo"]).await;
    let ci = world.consumer(&token);
    let started = Instant::now();
    for _ in 0..MANY {
        ci.post("/openapi/v1/apps", app("x", "u1")).await.fails(403, "Access is denied");
    }
    let most = most(started);
    for number in 0..3 {
        ci.post(&format!("{NS}/items?operator=u1"), item(&format!("k{number}"), "v")).await.ok();
    }
    let of = |rows: &[consumer_audit::Model], part: &str| {
        rows.iter().filter(|row| row.uri.contains(part)).count()
    };
    // They are written in order.
    let rows = eventually(async || {
        let rows = consumer_audit::Entity::find().all(world.store.read()).await.unwrap();
        (of(&rows, "/items") == 3).then_some(rows)
    })
    .await;
    let refused = rows.len() - of(&rows, "/items");
    assert!((100..=most).contains(&refused), "{refused}");
}
