//! Access tokens of users: what they allow, their end, and the records of their use.

use std::time::{Duration, Instant};

use castalia_server::domain::permission::{Action, NamedRole};
use castalia_store::entity::{audit_log, user_token, user_token_audit};
use chrono::{Local, SecondsFormat, TimeDelta};
use futures_util::future::{join, join_all};
use http::header::SET_COOKIE;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::{Value, json};

use super::world::{Caller, NS, World, item};

pub(super) const TOKENS: &str = "/openapi/v1/user-tokens";
/// Longest wait for what happens in the background, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

impl World {
    /// A program with an access token of a user, which the user creates with this body.
    pub(crate) async fn program(&self, owner: &str, limits: Value) -> Caller<'_> {
        let mut body = json!({ "name": "test" });
        body.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
        let made = self.user(owner).await.post("/openapi/v1/user-tokens", body).await.ok();
        self.bearer(made["tokenValue"].as_str().unwrap())
    }

    /// A program with this access token.
    pub(crate) fn bearer(&self, token: &str) -> Caller<'_> {
        self.nobody().with("authorization", &format!("Bearer {token}"))
    }
}

pub(super) async fn set_enabled(world: &World, name: &str, is_enabled: bool) {
    let body = json!({ "username": name, "enabled": i32::from(is_enabled) });
    world.user("apollo").await.put("/openapi/v1/users/enabled", body).await.empty();
}

fn in_days(days: i64) -> String {
    (castalia_store::now().with_timezone(&Local) + TimeDelta::days(days))
        .to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// Waits until a query returns something.
pub(super) async fn eventually<T>(query: impl AsyncFn() -> Option<T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(found) = query().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.expect("the record is written")
}

/// A token never ends later than the maximum allows (A75), and by default after 90 days.
#[tokio::test]
async fn the_lifetime_of_a_token_is_limited() {
    let mut world = World::adopted().await;
    let user = world.user("u1").await;
    let create =
        async |expires: Value| user.post(TOKENS, json!({ "name": "ci", "expires": expires })).await;
    create(in_days(366).into()).await.fails(400, "Token expires exceeds max allowed days:365");
    create(in_days(-1).into()).await.fails(400, "Token expires must be in the future");
    create("soon".into()).await.fails(400, "JSON parse error: this is not a date");
    let expires = create(Value::Null).await.ok()["expires"].as_str().unwrap().to_owned();
    assert_eq!(expires[..10], in_utc(90)[..10]);
    let chosen = in_utc(300);
    assert_eq!(create(chosen.clone().into()).await.ok()["expires"], chosen);
    let capabilities = user.get(&format!("{TOKENS}/capabilities")).await.ok();
    assert_eq!(capabilities["defaultExpireDays"], 90);
    assert_eq!(capabilities["maxExpireDays"], 365);
    drop(user);
    world.set("user.token.maxExpireDays", "30");
    let user = world.user("u1").await;
    let again = user.post(TOKENS, json!({ "name": "ci", "expires": in_days(31) })).await;
    again.fails(400, "Token expires exceeds max allowed days:30");
}

fn in_utc(days: i64) -> String {
    let end = castalia_store::now() + TimeDelta::days(days);
    end.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Rotation ends the old token and keeps scope and end (A76); of two at once, one succeeds.
#[tokio::test]
async fn a_rotated_token_is_replaced_once() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let body = json!({ "name": "ci", "operations": ["config:read"], "appIds": ["demo"], "expires": in_days(7) });
    let old = user.post(TOKENS, body).await.ok();
    let path = format!("{TOKENS}/{}/rotate", old["id"]);
    let (one, two) = join(user.post(&path, Value::Null), user.post(&path, Value::Null)).await;
    let (new, refused) = if one.status == 200 { (one, two) } else { (two, one) };
    refused.fails(400, "Token is not active");
    let new = new.ok();
    for member in ["name", "operations", "appIds", "envs", "expires", "rateLimit"] {
        assert_eq!(new[member], old[member], "{member}");
    }
    let bearer = |token: &Value| world.bearer(token["tokenValue"].as_str().unwrap());
    bearer(&old).get("/openapi/v1/apps").await.fails(401, "Unauthorized user token");
    bearer(&new).get("/openapi/v1/apps").await.ok();
    let listed = user.get(TOKENS).await.ok();
    let shown: Vec<_> = listed.as_array().unwrap().iter().map(|row| &row["status"]).collect();
    assert_eq!(shown, ["active", "revoked"], "newest first");
    assert!(!listed.to_string().contains("tokenValue"));
}

/// A token that is rotated each night leaves no more rows than a user may have tokens, and never
/// keeps its owner from a new one.
#[tokio::test]
async fn tokens_that_ended_make_room() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let mut token = user.post(TOKENS, json!({ "name": "nightly" })).await.ok();
    for _ in 0..205 {
        token = user.post(&format!("{TOKENS}/{}/rotate", token["id"]), Value::Null).await.ok();
    }
    user.post(TOKENS, json!({ "name": "another" })).await.ok();
    let listed = user.get(TOKENS).await.ok();
    let listed = listed.as_array().unwrap();
    let active = listed.iter().filter(|row| row["status"] == "active").count();
    assert_eq!((listed.len(), active), (200, 2));
}

/// Operations for sessions refuse tokens (A77), whatever the rights of their owners.
#[tokio::test]
async fn what_belongs_to_a_session_is_refused() {
    let world = World::with_demo().await;
    let program = world.program("apollo", json!({})).await;
    for path in ["/favorites", "/user-tokens", "/apollo/audit/logs", "/consumers", "/page-settings"]
    {
        let answer = program.get(&format!("/openapi/v1{path}")).await;
        answer.fails(403, "Portal user session is required");
    }
    let made = program.post(TOKENS, json!({ "name": "more" })).await;
    made.fails(403, "Portal user session is required");
    // Apollo accepts these tokens below `/openapi/` only.
    program.get("/user").await.fails(401, "Unauthorized");
    assert_eq!(program.get("/openapi/v1/user").await.ok()["userId"], "apollo");
}

/// A token loses a right at the moment in which its owner does (SEC-28).
#[tokio::test]
async fn a_token_never_has_more_rights_than_its_owner() {
    let world = World::with_demo().await;
    let program = world.program("u2", json!({})).await;
    let create = async |key: &str| program.post(&format!("{NS}/items"), item(key, "v")).await;
    create("a").await.fails(403, "Access is denied");
    world.grant("u2", vec![NamedRole::namespace(Action::Modify, "demo", "application")]).await;
    create("a").await.ok();
    assert_eq!(program.get(&format!("{NS}/items/a")).await.ok()["dataChangeCreatedBy"], "u2");
    let role = "/openapi/v1/apps/demo/namespaces/application/roles/ModifyNamespace?userId=u2";
    world.user("u1").await.delete(role).await.empty();
    create("b").await.fails(403, "Access is denied");
}

/// A private namespace that its owner may not see is refused to a token.
#[tokio::test]
async fn values_that_the_owner_may_not_see_are_refused() {
    let mut world = World::with_demo().await;
    world.set("configView.memberOnly.envs", "LOCAL");
    let program = world.program("u2", json!({})).await;
    for path in ["", "/items", "/releases/latest", "/branches", "/instances"] {
        program.get(&format!("{NS}{path}")).await.fails(403, "Access is denied");
    }
    let namespaces = NS.trim_end_matches("/application");
    assert_eq!(program.get(namespaces).await.ok(), json!([]));
    let program = world.program("u1", json!({ "operations": ["config:read"] })).await;
    assert_eq!(program.get(namespaces).await.ok().as_array().unwrap().len(), 1);
    let program =
        world.program("u1", json!({ "envs": ["LOCAL"], "operations": ["config:release"] }));
    assert_eq!(program.await.get(namespaces).await.ok(), json!([]), "without config:read");
}

/// Values of a request that no token can be created with.
#[tokio::test]
async fn a_token_that_makes_no_sense_is_refused() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    for (body, message) in [
        (json!({}), "Token name can not be blank"),
        (json!({ "name": " " }), "Token name can not be blank"),
        (json!({ "name": "n".repeat(129) }), "name is longer than 128 characters: it has 129"),
        (json!({ "name": "n", "operations": ["config:fly"] }), "Invalid user token operation:"),
        (json!({ "name": "n", "operations": ["system:admin"] }), "User token operation is not"),
        (json!({ "name": "n", "rateLimit": -1 }), "rate limit must not be negative"),
        (json!({ "name": "n", "envs": ["nowhere"] }), "invalid env format:nowhere"),
        (json!({ "name": "n", "appIds": ["x".repeat(5000)] }), "The scope of operations"),
    ] {
        let answer = user.post(TOKENS, body.clone()).await;
        answer.fails(400, message);
    }
    assert_eq!(user.get(TOKENS).await.ok(), json!([]));
}

#[tokio::test]
async fn nothing_but_the_whole_token_is_accepted() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let made = user.post(TOKENS, json!({ "name": "ci" })).await.ok();
    let token = made["tokenValue"].as_str().unwrap();
    let row = user_token::Entity::find().one(world.store.read()).await.unwrap().unwrap();
    assert_eq!(made["tokenPrefix"], row.token_prefix);
    assert_eq!(row.token_hash.len(), 64);
    assert!(!format!("{row:?}").contains(token), "the table contains the hash only");
    let other = format!("{}x", &token[..token.len() - 1]);
    for wrong in [
        &token[..token.len() - 1],
        &format!("{token}x"),
        &other,
        &format!("apollo_pat_{}_{}", row.token_prefix, row.token_hash),
        &format!("apollo_pat_{}_", row.token_prefix),
        "apollo_pat_",
    ] {
        world.bearer(wrong).get("/openapi/v1/apps").await.fails(401, "Unauthorized user token");
    }
    // Without the scheme it would be the token of a consumer.
    world.consumer(token).get("/openapi/v1/apps").await.fails(401, "Unauthorized");
    // A cookie with it neither helps nor harms, and no answer sets one.
    let answer = world.bearer(token).with("cookie", "SESSION=old").get("/openapi/v1/apps").await;
    answer.ok();
    assert!(answer.headers.get(SET_COOKIE).is_none());
    let redirect = world.bearer("apollo_pat_a_b").with("accept", "text/html");
    redirect.get("/openapi/v1/apps").await.fails(401, "Unauthorized user token");
}

#[tokio::test]
async fn a_user_manages_own_tokens_and_an_administrator_all() {
    let world = World::with_demo().await;
    let (owner, other, root) =
        (world.user("u1").await, world.user("u2").await, world.user("apollo").await);
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(owner.post(TOKENS, json!({ "name": name })).await.ok()["id"].clone());
    }
    let missing = format!("user token not found for id:{}", ids[0]);
    for path in ["/revoke", "/rotate"] {
        let path = format!("{TOKENS}/{}{path}", ids[0]);
        other.post(&path, Value::Null).await.fails(404, &missing);
    }
    other.delete(&format!("{TOKENS}/{}", ids[0])).await.fails(404, &missing);
    other.get(&format!("{TOKENS}/admin")).await.fails(403, "Access is denied");
    let of_admin = format!("{TOKENS}/admin/{}/revoke", ids[0]);
    other.post(&of_admin, Value::Null).await.fails(403, "Access is denied");

    owner.post(&format!("{TOKENS}/{}/revoke", ids[0]), Value::Null).await.empty();
    root.post(&format!("{TOKENS}/admin/{}/revoke", ids[1]), Value::Null).await.empty();
    let names = async |query: &str| {
        let found = root.get(&format!("{TOKENS}/admin{query}")).await.ok();
        let names = found.as_array().unwrap().iter().map(|row| row["name"].clone());
        Value::Array(names.collect())
    };
    assert_eq!(names("").await, json!(["c", "b", "a"]));
    assert_eq!(names("?userId=U1&status=active").await, json!(["c"]));
    assert_eq!(names("?status=revoked").await, json!(["b", "a"]));
    assert_eq!(names("?userId=u2").await, json!([]));
    root.get(&format!("{TOKENS}/admin?status=odd")).await.fails(400, "Invalid user token status:");
    assert_eq!(owner.get(TOKENS).await.ok()[1]["revokedBy"], "apollo");
    owner.delete(&format!("{TOKENS}/{}", ids[0])).await.empty();
    root.delete(&format!("{TOKENS}/admin/{}", ids[1])).await.empty();
    assert_eq!(names("").await, json!(["c"]));
    let again = owner.delete(&format!("{TOKENS}/{}", ids[0])).await;
    again.fails(404, &missing);
}

#[tokio::test]
async fn a_token_reads_what_it_allows() {
    let world = World::with_demo().await;
    let limits = json!({
        "operations": ["config:read"],
        "namespaces": [{ "appId": "demo", "env": "local", "clusterName": "*" }],
    });
    let program = world.program("u1", limits).await;
    for path in ["/current", "/current/capabilities", "/whoami"] {
        let found = program.get(&format!("{TOKENS}{path}")).await.ok();
        assert_eq!(found["authType"], "USER_TOKEN");
        assert_eq!((&found["userId"], &found["allApps"]), (&json!("u1"), &json!(true)));
        assert_eq!((&found["denyAll"], &found["allNamespaces"]), (&json!(false), &json!(false)));
        assert_eq!(found["namespaces"], json!([{ "appId": "demo", "env": "LOCAL" }]));
        let ids: Vec<_> =
            found["actions"].as_array().unwrap().iter().map(|action| &action["id"]).collect();
        assert!(ids.contains(&&json!("getItem")) && ids.contains(&&json!("getCurrentUser")));
        assert!(!ids.contains(&&json!("createItem")) && !ids.contains(&&json!("findFavorites")));
    }
    let session = world.user("u1").await.get(&format!("{TOKENS}/whoami")).await;
    session.fails(403, "User token is required");
}

/// Each write with a token is in `UserTokenAudit` and, with the id of the token, in the audit log.
/// The last use is stored.
#[tokio::test]
async fn the_use_of_a_token_is_recorded() {
    let world = World::with_demo().await;
    let made = world.user("u1").await.post(TOKENS, json!({ "name": "ci" })).await.ok();
    let token = made["tokenValue"].as_str().unwrap();
    let program = world.bearer(token).with("user-agent", "a test");
    program.get("/openapi/v1/apps").await.ok();
    let row = eventually(async || {
        let row = user_token::Entity::find().one(world.store.read()).await.unwrap().unwrap();
        row.last_used_time.is_some().then_some(row)
    })
    .await;
    assert_eq!(row.last_used_ip.as_deref(), Some("127.0.0.1"));
    assert_eq!(row.last_used_user_agent.as_deref(), Some("a test"));
    program.post(&format!("{NS}/items?operator=u2"), item("k", "v")).await.ok();
    let calls = eventually(async || {
        let rows = user_token_audit::Entity::find().all(world.store.read()).await.unwrap();
        (!rows.is_empty()).then_some(rows)
    })
    .await;
    let calls: Vec<_> =
        calls.iter().map(|row| (row.token_id, row.user_id.as_str(), row.method.as_str())).collect();
    assert_eq!(calls, [(Some(row.id), "u1", "POST")], "reads are not recorded");
    let logs = audit_log::Entity::find().filter(audit_log::Column::OpName.eq("Item.create"));
    let logs = logs.all(world.store.read()).await.unwrap();
    let description = logs[0].description.clone().unwrap();
    assert_eq!(logs[0].operator, "u1", "not the operator that the request names");
    assert!(description.contains(&format!("user token {}", row.id.0)), "{description}");
    let everything = audit_log::Entity::find().all(world.store.read()).await.unwrap();
    assert!(!format!("{everything:?}").contains(&token[20..]), "no token in the audit log");
}

#[tokio::test]
async fn a_token_makes_as_many_requests_as_its_rate_allows() {
    let world = World::adopted().await;
    let program = world.program("u1", json!({ "rateLimit": 2 })).await;
    let started = Instant::now();
    let mut statuses = Vec::new();
    for _ in 0..2 {
        statuses.push(program.get("/openapi/v1/envs").await.status);
    }
    assert_eq!(statuses, [200, 200]);
    // More than two requests in a second of a machine of any speed.
    while !statuses.contains(&429) {
        assert!(started.elapsed() < PATIENCE, "{statuses:?}");
        let burst = (0..50).map(|_| program.get("/openapi/v1/envs"));
        statuses.extend(join_all(burst).await.iter().map(|answer| answer.status));
    }
    let accepted = statuses.iter().filter(|status| **status == 200).count();
    // Two at once, two for each second, and two for the one that has begun.
    let most = 2 * (started.elapsed().as_secs() + 2);
    assert!(accepted as u64 <= most, "{accepted} instead of {most}: {statuses:?}");
}

/// A row with a scope that this version cannot read allows nothing.
#[tokio::test]
async fn a_scope_that_cannot_be_read_allows_nothing() {
    let world = World::with_demo().await;
    let program = world.program("apollo", json!({})).await;
    let changed: Result<_, castalia_store::StoreError> = world
        .store
        .write((), |tx, ()| {
            Box::pin(async move {
                let scope = sea_orm::sea_query::Expr::value(r#"{"regions":["eu"]}"#);
                user_token::Entity::update_many()
                    .col_expr(user_token::Column::Scopes, scope)
                    .exec(tx)
                    .await?;
                Ok(())
            })
        })
        .await;
    changed.unwrap();
    for path in [NS, "/openapi/v1/apps/demo", "/openapi/v1/envs"] {
        program.get(path).await.fails(403, "Access is denied");
    }
    assert_eq!(program.get(&format!("{TOKENS}/whoami")).await.ok()["denyAll"], true);
    // X105: an empty list of operations alone looks like a token without limits.
    let owner = world.user("apollo").await;
    for path in [TOKENS, "/openapi/v1/user-tokens/admin"] {
        let listed = owner.get(path).await.ok();
        assert_eq!(listed[0]["denyAll"], true, "{path}: {listed}");
    }
}
