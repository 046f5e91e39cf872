//! Users: searching, creating, changing and disabling them, and who may.

use castalia_server::domain::permission::NamedRole;
use castalia_server::domain::permission::grant::{self, Grantee};
use castalia_server::domain::unique;
use castalia_server::settings::Installation;
use castalia_store::{Deletion, consumer};
use serde_json::{Value, json};

use super::engine;
use super::world::{PASSWORD, World, app};

const USERS: &str = "/openapi/v1/users";
const CREATE: &str = "/openapi/v1/users?isCreate=true";
const ENABLED: &str = "/openapi/v1/users/enabled";
const GOOD: &str = "horse52stable";

fn account(name: &str, password: &str) -> Value {
    json!({
        "username": name, "password": password, "userDisplayName": format!("New {name}"),
        "email": format!("{name}@new.example"), "enabled": 1,
    })
}

fn names(found: &Value) -> Vec<&str> {
    found.as_array().unwrap().iter().map(|user| user["userId"].as_str().unwrap()).collect()
}

/// Permits a consumer to manage users.
async fn let_manage_users(world: &World, name: &str) {
    let id = consumer::by_app_id(world.store.read(), name).await.unwrap().unwrap().id;
    unique::write(&world.store, id, |tx, id| {
        Box::pin(async move {
            grant::give(tx, &NamedRole::manage_users(), Grantee::Consumer(*id), "apollo").await
        })
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_super_administrator_creates_and_changes_users() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    root.post(CREATE, account("new", GOOD)).await.empty();
    assert!(world.accepts("new", GOOD).await);
    root.post(CREATE, account("new", GOOD))
        .await
        .fails(400, "user already exists for userName:new");
    let mut changed = account("new", "zebra73river");
    changed["email"] = "other@new.example".into();
    root.post(USERS, changed).await.empty();
    assert!(world.accepts("new", "zebra73river").await);
    let mut found = root.get(&format!("{USERS}?keyword=new")).await.ok();
    assert!(found[0].as_object_mut().unwrap().remove("revision").unwrap().is_string());
    let expected = json!([
        { "userId": "new", "name": "New new", "email": "other@new.example", "enabled": 1 },
    ]);
    assert_eq!(found, expected);
    for (body, message) in [
        (json!({}), "Username and password can not be empty."),
        (json!({ "username": "x" }), "Username and password can not be empty."),
        (account("x", "short1"), "Password needs a number and letter"),
        (account(" x", GOOD), "Username must not start or end with a blank"),
        (account(&"x".repeat(65), GOOD), "username is longer than 64 characters"),
    ] {
        root.post(CREATE, body).await.fails(400, message);
    }
    root.post(USERS, account("nobody", GOOD))
        .await
        .fails(400, "user not exists for userName:nobody");
}

/// SEC-13: a new password of a new user, of an existing one, and one that replaces a password from
/// before the rule. The latter still opens.
#[tokio::test]
async fn new_passwords_have_the_length_of_the_installation() {
    // Of this many characters, whichever they are, without a part that is easy to guess.
    let of = |length: usize| "h7ü-".chars().cycle().take(length).collect::<String>();
    for (installation, lengths, message) in [
        (Installation::Fresh, 12..=128, "Password needs 12 to 128 characters"),
        (Installation::Adopted, 8..=20, "Password needs a number and letter"),
    ] {
        let world = World::with(installation, &[]).await;
        world.add_user("old", "{noop}short").await;
        assert!(world.accepts("old", "short").await);
        let root = world.user("apollo").await;
        let (shortest, longest) = (of(*lengths.start()), of(*lengths.end()));
        for bad in [of(lengths.start() - 1), of(lengths.end() + 1), "short".into()] {
            root.post(CREATE, account("new", &bad)).await.fails(400, message);
            root.post(USERS, account("old", &bad)).await.fails(400, message);
        }
        root.post(CREATE, account("new", &shortest)).await.empty();
        root.post(USERS, account("new", &longest)).await.empty();
        root.post(USERS, account("old", &longest)).await.empty();
        assert!(world.accepts("new", &longest).await && world.accepts("old", &longest).await);
        assert!(!world.accepts("old", "short").await);
    }
}

/// As in Apollo's portal, the key replaces the built-in list, from the next password on.
#[tokio::test]
async fn an_operator_lists_what_no_password_contains() {
    let mut world = World::fresh().await;
    const KEY: &str = "apollo.portal.auth.user-password-not-allow-list";
    let message = "Passwords cannot be consecutive, regular letters or numbers";
    for (list, refused, accepted) in [
        (None, "a password of length", "the acme horse"),
        (Some("Acme, zebra"), "the acme horse", "a password of length"),
        (Some(""), "another password", "the acme horses"),
    ] {
        if let Some(list) = list {
            world.set(KEY, list);
        }
        let root = world.user("apollo").await;
        root.post(CREATE, account("refused", refused)).await.fails(400, message);
        let name = format!("new{}", accepted.len());
        root.post(CREATE, account(&name, accepted)).await.empty();
        root.post(USERS, account(&name, refused)).await.fails(400, message);
        assert!(world.accepts(&name, accepted).await);
    }
}

#[tokio::test]
async fn what_belongs_to_an_account_ends_with_it() {
    for installation in [Installation::Fresh, Installation::Adopted] {
        let world = World::with(installation, &[]).await;
        let root = world.user("apollo").await;
        let demo = app("demo", "u1");
        world.user("u1").await.post("/openapi/v1/apps", demo).await.empty();
        let (session, program) = (world.user("u2").await, world.program("u2", json!({})).await);
        world.grant("u2", vec![NamedRole::master("demo")]).await;
        let favorite = json!({ "userId": "u2", "appId": "demo" });
        session.post("/openapi/v1/favorites", favorite).await.ok();
        session.put("/openapi/v1/recents/demo", Value::Null).await.empty();
        session.put("/openapi/v1/preferences", json!({ "theme": "dark" })).await.empty();

        root.delete(&format!("{USERS}/u2")).await.empty();
        session.get("/openapi/v1/user").await.fails(401, "Unauthorized");
        program.get("/openapi/v1/user").await.fails(401, "Unauthorized user token");
        assert!(!world.accepts("u2", PASSWORD).await);
        assert_eq!(root.get(&format!("{USERS}?keyword=u2")).await.ok(), json!([]));
        let roles = root.get("/openapi/v1/apps/demo/role-users").await.ok();
        assert_eq!(names(&roles["masterUsers"]), ["u1"]);
        root.delete(&format!("{USERS}/u2")).await.fails(400, "user not exists for userName:u2");

        // A later user of the name begins with nothing.
        world.add_user("u2", &format!("{{noop}}{PASSWORD}")).await;
        session.get("/openapi/v1/user").await.fails(401, "Unauthorized");
        program.get("/openapi/v1/user").await.fails(401, "Unauthorized user token");
        let again = world.user("u2").await;
        again.put("/openapi/v1/apps/demo", json!({})).await.fails(403, "Access is denied");
        for path in ["favorites?userId=u2&page=0&size=9", "recents", "user-tokens"] {
            let left = again.get(&format!("/openapi/v1/{path}")).await.ok();
            assert_eq!(left, json!([]), "{path}");
        }
        assert_eq!(again.get("/openapi/v1/preferences").await.ok(), json!({}));
    }
}

#[tokio::test]
async fn an_account_is_deleted_by_another_super_administrator() {
    let mut world = World::adopted().await;
    world.set("superAdmin", "apollo,u1,gone");
    world.store_settings().await;
    let (root, second) = (world.user("apollo").await, world.user("u1").await);
    let own = "You cannot delete your own account";
    root.delete(&format!("{USERS}/apollo")).await.fails(400, own);
    let user = world.user("u2").await;
    for name in ["u1", "u2"] {
        user.delete(&format!("{USERS}/{name}")).await.fails(403, "Access is denied");
    }
    let program = world.program("apollo", json!({ "operations": ["system:admin"] })).await;
    program.delete(&format!("{USERS}/apollo")).await.fails(400, own);
    // Both at once: one of them remains, and the other one is refused for the account that is gone,
    // or for the list that has become shorter. A process creates the system roles at its start.
    grant::seed_system_roles(&world.store).await.unwrap();
    let (first, other) = (format!("{USERS}/u1"), format!("{USERS}/apollo"));
    let answers = tokio::join!(root.delete(&first), second.delete(&other));
    let mut statuses = [answers.0.status, answers.1.status];
    statuses.sort_unstable();
    assert!([[200, 400], [200, 401], [200, 403]].contains(&statuses), "{answers:?}");
    assert_ne!(world.accepts("apollo", PASSWORD).await, world.accepts("u1", PASSWORD).await);
}

#[tokio::test]
async fn the_last_super_administrator_stays_enabled() {
    let mut world = World::adopted().await;
    // MySQL finds an account for the third name, which has no right.
    world.set("superAdmin", "apollo,u1,U2,gone");
    world.store_settings().await;
    // A process creates the system roles at its start.
    grant::seed_system_roles(&world.store).await.unwrap();
    let root = world.user("apollo").await;
    world.user("u1").await;
    let (path, last) =
        (format!("{USERS}/enabled"), "The last super administrator cannot be disabled");
    let switch = |name: &str, enabled: i32| json!({ "username": name, "enabled": enabled });
    root.put(&path, switch("u1", 0)).await.empty();
    root.put(&path, switch("apollo", 0)).await.fails(400, last);
    let changed = json!({
        "username": "apollo", "password": "Tulip-Vortex-91", "userDisplayName": "apollo",
        "email": "apollo@example.org", "enabled": 0,
    });
    root.post(&format!("{USERS}?isCreate=false"), changed).await.fails(400, last);
    // Both at once: one of them remains.
    root.put(&path, switch("u1", 1)).await.empty();
    let second = world.user("u1").await;
    let (first, other) = (switch("u1", 0), switch("apollo", 0));
    let answers = tokio::join!(root.put(&path, first), second.put(&path, other));
    let mut statuses = [answers.0.status, answers.1.status];
    statuses.sort_unstable();
    assert!([[200, 400], [200, 401]].contains(&statuses), "{answers:?}");
    assert_ne!(world.accepts("apollo", PASSWORD).await, world.accepts("u1", PASSWORD).await);
}

/// A later user of this name would be a super administrator.
#[tokio::test]
async fn a_deleted_account_leaves_the_list_of_super_administrators() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    let setting = json!({ "key": "superAdmin", "value": "apollo, u2,u1" });
    root.post("/openapi/v1/server/portal-db/config", setting).await.ok();
    root.delete(&format!("{USERS}/u2")).await.empty();
    let rows = root.get("/openapi/v1/server/portal-db/config/find-all-config").await.ok();
    let row = rows.as_array().unwrap().iter().find(|row| row["key"] == "superAdmin").unwrap();
    assert_eq!(row["value"], "apollo,u1");
}

#[tokio::test]
async fn users_change_their_own_account_only() {
    let world = World::adopted().await;
    let user = world.user("u1").await;
    user.post(USERS, account("u2", GOOD)).await.fails(403, "Access is denied");
    user.post(CREATE, account("new", GOOD)).await.fails(403, "Access is denied");
    user.put(ENABLED, json!({ "username": "u2", "enabled": 0 })).await.fails(403, "Access");
    let mut disabled = account("u1", GOOD);
    disabled["enabled"] = 0.into();
    user.post(USERS, disabled).await.fails(403, "Access is denied");
    user.post(USERS, account("u1", GOOD)).await.empty();
    assert!(world.accepts("u1", GOOD).await && !world.accepts("u1", PASSWORD).await);
    // The new password ended the session.
    user.get("/openapi/v1/user").await.fails(401, "Unauthorized");
}

/// C7: as in Apollo. An existing one stays as is.
#[tokio::test]
async fn a_new_user_may_not_sign_in_unless_the_request_says_so() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    let unstated = json!({ "username": "new", "password": GOOD });
    root.post(CREATE, unstated.clone()).await.empty();
    assert!(!world.accepts("new", GOOD).await);
    root.put(ENABLED, json!({ "username": "new", "enabled": 1 })).await.empty();
    root.post(USERS, unstated).await.empty();
    assert!(world.accepts("new", GOOD).await);
}

#[tokio::test]
async fn a_change_with_the_same_password_keeps_the_sessions() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    root.post(CREATE, account("new", GOOD)).await.empty();
    let cookie = world.nobody().sign_in("new", GOOD).await.cookie().unwrap();
    let session = world.nobody().with("cookie", &cookie);
    session.post(USERS, account("new", GOOD)).await.empty();
    session.get("/openapi/v1/user").await.ok();
}

#[tokio::test]
async fn disabling_a_user_ends_the_sessions_at_once_and_forever() {
    let world = World::adopted().await;
    let (root, user) = (world.user("apollo").await, world.user("u1").await);
    let enable = |enabled: i64| json!({ "username": "u1", "enabled": enabled });
    user.get("/openapi/v1/user").await.ok();
    root.put(ENABLED, enable(0)).await.empty();
    user.get("/openapi/v1/user").await.fails(401, "Unauthorized");
    assert!(!world.accepts("u1", PASSWORD).await);
    root.put(ENABLED, enable(1)).await.empty();
    user.get("/openapi/v1/user").await.fails(401, "Unauthorized");
    assert!(world.accepts("u1", PASSWORD).await);
    root.put(ENABLED, json!({ "username": "nobody", "enabled": 0 })).await.fails(400, "user not");
    root.put(ENABLED, json!({ "username": "u1" })).await.fails(400, "Params(enabled)");
}

/// Sessions are in the database, and every request of a cookie reads its session and user.
#[tokio::test]
async fn what_ends_a_session_on_one_node_ends_it_on_the_others_at_once() {
    let world = World::adopted().await;
    let other = world.second_node();
    let root = world.user("apollo").await;
    let session = async || {
        let cookie = world.nobody().sign_in("u1", PASSWORD).await.cookie().unwrap();
        other.nobody().with("cookie", &cookie)
    };
    let signed_in = session().await;
    signed_in.get("/openapi/v1/user").await.ok();
    root.put(ENABLED, json!({ "username": "u1", "enabled": 0 })).await.empty();
    signed_in.get("/openapi/v1/user").await.fails(401, "Unauthorized");
    root.put(ENABLED, json!({ "username": "u1", "enabled": 1 })).await.empty();
    signed_in.get("/openapi/v1/user").await.fails(401, "Unauthorized");

    let foreign = session().await.with("sec-fetch-site", "cross-site");
    foreign.get("/user/logout").await.fails(403, "A page of another site");
    let (first, second) = (session().await, session().await);
    first.get("/user/logout").await.leads_to("/signin?#/logout");
    first.get("/openapi/v1/user").await.fails(401, "Unauthorized");
    second.get("/openapi/v1/user").await.ok();

    root.post(USERS, account("u1", GOOD)).await.empty();
    second.get("/openapi/v1/user").await.fails(401, "Unauthorized");
    assert!(other.accepts("u1", GOOD).await && !other.accepts("u1", PASSWORD).await);
}

#[tokio::test]
async fn users_are_found_by_a_part_of_their_names() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    root.put(ENABLED, json!({ "username": "u2", "enabled": 0 })).await.empty();
    let user = world.user("u1").await;
    for (query, expected) in [
        ("keyword=", &["apollo", "u1"][..]),
        ("keyword=&includeInactiveUsers=true", &["apollo", "u1", "u2"]),
        ("keyword=&includeInactiveUsers=false&offset=&limit=", &["apollo", "u1"]),
        ("keyword=pol", &["apollo"]),
        ("keyword=Name%20of%20u", &["u1"]),
        ("keyword=u2&includeInactiveUsers=true&offset=5&limit=1", &["u2"]),
    ] {
        let found = user.get(&format!("{USERS}?{query}")).await.ok();
        assert_eq!(names(&found), expected, "{query}");
    }
    user.get(USERS).await.fails(400, "Query: missing field `keyword`");
}

/// Where the directory is not open, users who neither create apps nor grant roles see no others,
/// and only super administrators see mail addresses of others.
#[tokio::test]
async fn a_closed_directory_is_seen_by_those_who_choose_users() {
    let mut world = World::with(Installation::Fresh, &[]).await;
    let all = "/openapi/v1/users?keyword=u";
    let emails = |found: Value| found[1]["email"].clone();
    assert_eq!(emails(world.user("u1").await.get(all).await.ok()), Value::Null);
    assert_eq!(emails(world.user("apollo").await.get(all).await.ok()), "u2@example.com");
    world.user("u1").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    world.set("role.create-application.enabled", "true");
    world.user("u1").await.get(all).await.ok();
    world.user("u2").await.get(all).await.fails(403, "Access is denied");
    let open = World::with(Installation::Fresh, &[("compat.open_user_directory", "true")]).await;
    assert_eq!(emails(open.user("u1").await.get(all).await.ok()), "u2@example.com");
}

#[tokio::test]
async fn a_consumer_manages_users_with_that_role_but_no_super_administrator() {
    let world = World::adopted().await;
    let (plain, all) = (world.token("plain", &[]).await, world.token_for_all("all").await);
    for token in [&plain, &all] {
        let ci = world.consumer(token);
        ci.get(&format!("{USERS}?keyword=")).await.fails(403, "Access is denied");
        ci.post(CREATE, account("new", GOOD)).await.fails(403, "Access is denied");
    }
    let_manage_users(&world, "plain").await;
    let ci = world.consumer(&plain);
    ci.get(&format!("{USERS}?keyword=")).await.ok();
    ci.post(CREATE, account("new", GOOD)).await.fails(400, "operator should not be null");
    ci.post(&format!("{CREATE}&operator=u1"), account("new", GOOD)).await.empty();
    let enabled = format!("{ENABLED}?operator=u1");
    ci.put(&enabled, json!({ "username": "new", "enabled": 0 })).await.empty();
    // MySQL finds the account under the last one as well.
    for root in ["apollo", "APOLLO", "apóllo"] {
        if !engine::ignores_case() && !root.is_ascii() {
            continue;
        }
        ci.post(&format!("{USERS}?operator=u1"), account(root, GOOD)).await.fails(403, "Access");
        ci.put(&enabled, json!({ "username": root, "enabled": 0 })).await.fails(403, "Access");
    }
}

/// The target of permissions that belong to no app would be deleted with an app of that name.
#[tokio::test]
async fn an_app_cannot_have_the_name_of_the_system() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    for reserved in ["SystemRole", "systemrole", "by-self", "authorized", "envs"] {
        let answer = root.post("/openapi/v1/apps", app(reserved, "apollo")).await;
        answer.fails(400, &format!("AppId {reserved} is reserved"));
    }
    // One that was there before.
    unique::write(&world.store, (), |tx, ()| {
        Box::pin(
            async move { grant::delete_app_roles(tx, "SystemRole", &Deletion::by("apollo")).await },
        )
    })
    .await
    .unwrap();
    let plain = world.token("plain", &[]).await;
    let_manage_users(&world, "plain").await;
    let ci = world.consumer(&plain);
    ci.post(&format!("{CREATE}&operator=u1"), account("new", GOOD)).await.empty();
}
