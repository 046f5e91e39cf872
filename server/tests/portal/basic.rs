//! Names and passwords in HTTP Basic authentication, as scripts send them to Apollo's portal.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use castalia_server::domain::user::account::set_enabled;
use castalia_server::domain::user::{PasswordRule, set_password};
use castalia_server::server_config::ServerConfig;
use castalia_server::settings::Installation;
use castalia_store::Secret;
use futures_util::future::join_all;
use serde_json::json;

use super::audit::Log;
use super::directory::open_ldap;
use super::slapd::Slapd;
use super::user_token::TOKENS;
use super::world::{Answer, Caller, PASSWORD, World, app};

const APPS: &str = "/openapi/v1/apps";
const USER: &str = "/openapi/v1/user";
/// The password `admin`, as Apollo's scripts store it.
const PUBLISHED: &str = "$2a$10$7r20uS.BQ9uBpf3Baj3uQOZvMVvB1RN3PYoKE94gtz2.WAOuiiwXS";

pub(super) fn basic<'w>(world: &'w World, name: &str, password: &str) -> Caller<'w> {
    let encoded = STANDARD.encode(format!("{name}:{password}"));
    world.nobody().with("authorization", &format!("Basic {encoded}"))
}

#[track_caller]
fn refused(answer: &Answer) {
    answer.fails(401, "Unauthorized");
    assert_eq!(answer.header("www-authenticate"), "Basic realm=\"Castalia\", charset=\"UTF-8\"");
}

#[tokio::test]
async fn a_name_and_a_password_identify_a_user_on_pages_and_calls() {
    let world = World::adopted().await;
    world.add_user("grüße", "{noop}mit:Doppelpunkt").await;
    let caller = basic(&world, "u1", PASSWORD);
    let answer = caller.get(USER).await;
    assert_eq!(answer.ok()["userId"], "u1");
    assert_eq!((answer.cookie(), answer.header("x-csrf-token")), (None, ""));
    assert_eq!(caller.get("/").await.status, 200);
    caller.post(APPS, app("demo", "u1")).await.empty();
    caller.post(TOKENS, json!({ "name": "ci" })).await.ok();
    let other = basic(&world, "grüße", "mit:Doppelpunkt");
    assert_eq!(other.get(USER).await.ok()["userId"], "grüße");
    let disable = json!({ "username": "u2", "enabled": 0 });
    caller.put("/openapi/v1/users/enabled", disable).await.fails(403, "Access is denied");
    // Whoever uses another scheme, or none, is not asked for a password.
    for header in ["Bearer x", "nonsense"] {
        let answer = world.nobody().with("authorization", header).get(USER).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, ""));
    }
}

#[tokio::test]
async fn what_the_form_refuses_is_refused() {
    let world = World::adopted().await;
    world.add_user("published", PUBLISHED).await;
    let mut log = Log::of(&world).await;
    refused(&basic(&world, "u1", "wrong").get(USER).await);
    refused(&basic(&world, "nobody", PASSWORD).get(USER).await);
    refused(&basic(&world, "published", "admin").get(USER).await);
    for header in ["Basic", "Basic ", "Basic !!", "Basic dTE=", "basic //8="] {
        let answer = world.nobody().with("authorization", header).get(USER).await;
        answer.fails(401, "Unauthorized");
    }
    let records = log.shown().await;
    assert!(records.iter().any(|[_, name, _]| name == "Auth.signInRefused"), "{records:?}");
}

/// Browsers add what they remember to requests of every page.
#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let world = World::adopted().await;
    let caller = || basic(&world, "u1", PASSWORD);
    let foreign = caller().with("origin", "http://other.example");
    foreign.post(APPS, app("demo", "u1")).await.fails(403, "A page of another site");
    let foreign = caller().with("sec-fetch-site", "cross-site");
    foreign.post(APPS, app("demo", "u1")).await.fails(403, "A page of another site");
    caller().post(APPS, app("demo", "u1")).await.empty();
}

#[tokio::test]
async fn a_changed_password_and_a_disabled_user_end_the_access_at_once() {
    let world = World::adopted().await;
    let root = basic(&world, "apollo", PASSWORD);
    let caller = basic(&world, "u1", PASSWORD);
    caller.get(USER).await.ok();
    let enable = |enabled: i64| json!({ "username": "u1", "enabled": enabled });
    root.put("/openapi/v1/users/enabled", enable(0)).await.empty();
    refused(&caller.get(USER).await);
    root.put("/openapi/v1/users/enabled", enable(1)).await.empty();
    caller.get(USER).await.ok();
    let rule = PasswordRule::new(Installation::Adopted, &ServerConfig::new([].into()));
    let new = Some(Secret::new("Correct7horse"));
    set_password(&world.store, &rule, "u1", new).await.unwrap();
    refused(&caller.get(USER).await);
    basic(&world, "u1", "Correct7horse").get(USER).await.ok();
}

#[tokio::test]
async fn guessing_is_throttled_and_a_burst_of_a_script_is_not() {
    let world = World::adopted().await;
    let script = basic(&world, "u1", PASSWORD);
    let burst = join_all((0..30).map(|_| script.get(USER))).await;
    assert!(burst.iter().all(|answer| answer.status == 200), "{burst:?}");
    for _ in 0..5 {
        refused(&basic(&world, "u1", "wrong").get(USER).await);
    }
    basic(&world, "u1", "wrong").get(USER).await.fails(429, "Too many failed sign-ins");
    basic(&world, "u2", PASSWORD).get(USER).await.ok();
    script.get(USER).await.ok();
}

#[tokio::test]
async fn a_password_of_the_directory_is_as_good() {
    let slapd = Slapd::start().await;
    let mut flags = open_ldap(&slapd.url);
    flags.push(("compat.basic_authentication", "on"));
    let world = World::with(Installation::Fresh, &flags).await;
    refused(&basic(&world, "anna", "password of bert").get(USER).await);
    for _ in 0..2 {
        let user = basic(&world, "anna", "password of anna").get(USER).await.ok();
        assert_eq!(user["userId"], "anna");
    }
    set_enabled(&world.store, "anna", false, Vec::new()).await.unwrap();
    refused(&basic(&world, "anna", "password of anna").get(USER).await);
    drop(slapd);
    basic(&world, "anna", "another").get(USER).await.fails(503, "The directory of users");
}

#[tokio::test]
async fn a_new_installation_asks_for_tokens() {
    let world = World::fresh().await;
    let answer = basic(&world, "u1", PASSWORD).get(USER).await;
    answer.fails(401, "Unauthorized");
    assert_eq!(answer.header("www-authenticate"), "");
    let open = World::with(Installation::Fresh, &[("compat.basic_authentication", "on")]).await;
    basic(&open, "u1", PASSWORD).get(USER).await.ok();
}
