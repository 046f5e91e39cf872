//! What a user had, or receives while being deleted, never belongs to a later user of the name.

use castalia_server::domain::permission::{Action, NamedRole, assignment};
use castalia_store::entity::{castalia_access_request, user_role, user_token};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

use super::restoration::RESTORATIONS;
use super::world::{PASSWORD, World};

const USER: &str = "/openapi/v1/users/u2";
/// Concurrent pairs of calls for each kind.
const ROUNDS: usize = 6;

/// An app is deleted, then one of its users; a restoration shows the grants of the others only.
#[tokio::test]
async fn a_restoration_grants_nothing_to_a_later_user() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    for user in ["u2", "u3"] {
        world.grant(user, vec![NamedRole::master("demo")]).await;
    }
    let favorite = json!({ "userId": "u2", "appId": "demo" });
    world.user("u2").await.post("/openapi/v1/favorites", favorite).await.ok();
    root.delete("/openapi/v1/apps/demo").await.empty();
    root.delete(USER).await.empty();
    world.add_user("u2", &format!("{{noop}}{PASSWORD}")).await;
    let deleted = root.get("/openapi/v1/deleted-apps").await.ok();
    let restoration = json!({ "kind": "app", "deletedTime": deleted[0]["deletedTime"] });
    root.post(RESTORATIONS, restoration).await.empty();
    let roles = root.get("/openapi/v1/apps/demo/role-users").await.ok();
    let masters: Vec<_> =
        roles["masterUsers"].as_array().unwrap().iter().map(|user| &user["userId"]).collect();
    assert_eq!(masters, ["u1", "u3"]);
    let again = world.user("u2").await;
    again.put("/openapi/v1/apps/demo", json!({})).await.fails(403, "Access is denied");
    let left = again.get("/openapi/v1/favorites?userId=u2&page=0&size=9").await.ok();
    assert_eq!(left, json!([]));
}

/// Of a deletion and of what gives the user something at the same time, one sees the other.
#[tokio::test]
async fn nothing_that_is_given_during_a_deletion_survives_it() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    for _ in 0..ROUNDS {
        for kind in 0..4 {
            let user = world.user("u2").await;
            let give = async {
                match kind {
                    0 => {
                        let token = json!({ "name": "kept" });
                        drop(user.post("/openapi/v1/user-tokens", token).await);
                    }
                    1 => {
                        let role = NamedRole::namespace(Action::Modify, "demo", "application");
                        drop(
                            assignment::assign_all(&world.store, role, &["u2".into()], "u1").await,
                        );
                    }
                    2 => {
                        let wanted = json!({
                            "appId": "demo", "namespaceName": "application",
                            "roleType": "ReleaseNamespace", "note": "",
                        });
                        drop(user.post("/openapi/v1/access-requests", wanted).await);
                    }
                    _ => {
                        drop(user.put("/openapi/v1/preferences", json!({ "theme": "dark" })).await)
                    }
                }
            };
            let (deleted, ()) = tokio::join!(root.delete(USER), give);
            deleted.empty();
            assert_eq!(left(&world).await, [0, 0, 0], "kind {kind}");
            world.add_user("u2", &format!("{{noop}}{PASSWORD}")).await;
            let chosen = world.user("u2").await.get("/openapi/v1/preferences").await.ok();
            assert_eq!(chosen, Value::Object(serde_json::Map::new()));
        }
    }
}

/// Tokens, grants and requests of the deleted user.
async fn left(world: &World) -> [u64; 3] {
    let db = world.store.read();
    let tokens = user_token::Entity::find()
        .filter(user_token::Column::UserId.eq("u2"))
        .filter(user_token::Column::IsDeleted.eq(false));
    let grants = user_role::Entity::find()
        .filter(user_role::Column::UserId.eq("u2"))
        .filter(user_role::Column::IsDeleted.eq(false));
    let requests = castalia_access_request::Entity::find()
        .filter(castalia_access_request::Column::UserId.eq("u2"));
    [
        tokens.count(db).await.unwrap(),
        grants.count(db).await.unwrap(),
        requests.count(db).await.unwrap(),
    ]
}
