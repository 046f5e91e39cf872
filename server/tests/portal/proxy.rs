//! Sign-in by a header of a proxy, which proves itself with a secret.

use castalia_server::settings::Installation;
use castalia_store::user;
use http::Method;
use serde_json::json;

use super::audit::Log;
use super::world::{Answer, Caller, PASSWORD, World};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const FLAGS: [(&str, &str); 5] = [
    ("proxy_sign_in.user_header", "X-Forwarded-User"),
    ("proxy_sign_in.email_header", "X-Forwarded-Email"),
    ("proxy_sign_in.secret", SECRET),
    ("sign_in.local_users", "u1"),
    ("compat.cookie_without_csrf", "false"),
];
const USER: &str = "/openapi/v1/user";

async fn world() -> World {
    World::with(Installation::Fresh, &FLAGS).await
}

/// A request that the proxy passes on.
fn proxied<'w>(world: &'w World, user: &str) -> Caller<'w> {
    world.nobody().with("x-forwarded-user", user).with("x-castalia-proxy-secret", SECRET)
}

fn session(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.cookie().filter(|cookie| cookie.starts_with("SESSION=")).expect("a session")
}

#[tokio::test]
async fn the_proxy_signs_users_in_when_they_open_a_page() {
    let world = world().await;
    let page = proxied(&world, "anna").with("x-forwarded-email", "a@b.example").get("/").await;
    let caller = proxied(&world, "anna").with("cookie", &session(&page));
    let user = caller.get(USER).await;
    assert_eq!(
        (user.ok()["userId"].as_str(), user.ok()["email"].as_str()),
        (Some("anna"), Some("a@b.example"))
    );
    // A page with a session begins no other one.
    assert_eq!(caller.get("/").await.cookie(), None);
    // The proxy adds the header to requests that another site makes the browser send, too.
    let created = caller.post("/openapi/v1/apps", super::world::app("demo", "anna")).await;
    created.fails(403, "Header X-CSRF-Token is missing");
    let token = user.header("x-csrf-token").to_owned();
    let caller = caller.with("x-csrf-token", &token);
    caller.post("/openapi/v1/apps", super::world::app("demo", "anna")).await.empty();
    // Without a session no request but that of a page is identified.
    proxied(&world, "anna").get(USER).await.fails(401, "Unauthorized");
}

/// What the page says about the ways to sign in.
#[track_caller]
fn has_ways(answer: &Answer, form: &str, proxy: &str) {
    assert_eq!((answer.status, answer.cookie()), (200, None), "{answer:?}");
    let form = format!(r#"data-form="{form}""#);
    let proxy = format!(r#"data-proxy="{proxy}""#);
    assert!(answer.body.contains(&form) && answer.body.contains(&proxy), "{answer:?}");
}

/// X115: a form would ask for a password that nobody has, and post it to the portal.
#[tokio::test]
async fn the_sign_in_page_leads_to_the_page_that_begins_the_session() {
    let world = world().await;
    let anna = || proxied(&world, "anna");
    let page = "/a/demo?env=PRO";
    anna().get("/signin?next=%2Fa%2Fdemo%3Fenv%3DPRO").await.leads_to(page);
    let cookie = session(&anna().get(page).await);
    for path in ["/signin", "/login.html", "/signin?next=https%3A%2F%2Fevil.example"] {
        anna().get(path).await.leads_to("/");
    }
    // Who signs out is not signed in again at once, and who is refused does not come back.
    let out = anna().with("cookie", &cookie).get("/user/logout").await;
    out.leads_to("/signin?reason=logout#/logout");
    for reason in ["logout", "refused"] {
        has_ways(&anna().get(&format!("/signin?reason={reason}")).await, "", "proxy");
    }
    let other = anna().with("x-castalia-proxy-secret", "wrong");
    has_ways(&other.get("/signin").await, "form", "");
}

/// X121: the proxy names another user, whose browser it is.
#[tokio::test]
async fn users_with_a_password_of_the_portal_sign_in_beside_the_proxy() {
    let world = world().await;
    has_ways(&world.nobody().get("/signin?next=%2Fadmin%2Fusers").await, "form", "");
    let cookie = world.nobody().sign_in("u1", PASSWORD).await.cookie().unwrap();
    let beside = world.nobody().with("cookie", &cookie);
    assert_eq!(beside.get(USER).await.ok()["userId"], "u1");
    beside.get("/user/logout").await.leads_to("/signin?#/logout");
    let cookie = world.nobody().sign_in("u1", PASSWORD).await.cookie().unwrap();
    let through = proxied(&world, "anna").with("cookie", &cookie);
    through.get(USER).await.fails(401, "Unauthorized");
}

#[tokio::test]
async fn the_header_of_anybody_else_means_nothing() {
    let world = world().await;
    let user = || world.nobody().with("x-forwarded-user", "u1");
    for caller in [
        user(),
        user().with("x-castalia-proxy-secret", ""),
        user().with("x-castalia-proxy-secret", "0123456789abcdef0123456789abcdeg"),
        user().with("x-castalia-proxy-secret", "0123456789abcdef"),
        user().with("proxy_sign_in.secret", SECRET),
    ] {
        let answer = caller.get("/").await;
        answer.leads_to("/signin");
        assert_eq!(answer.cookie(), None);
        caller.get(USER).await.fails(401, "Unauthorized");
    }
    // Without the setting, the same request means nothing.
    let without = World::fresh().await;
    proxied(&without, "anna").get("/").await.leads_to("/signin");
    // The session of a user who came without the proxy is not affected by the header.
    let own = world.nobody().sign_in("u1", PASSWORD).await.cookie().unwrap();
    let own = world.nobody().with("cookie", &own).with("x-forwarded-user", "anna");
    assert_eq!(own.get(USER).await.ok()["userId"], "u1");
}

#[tokio::test]
async fn another_user_of_the_browser_gets_another_session() {
    let world = world().await;
    let anna = session(&proxied(&world, "anna").get("/").await);
    let bert = proxied(&world, "bert").with("cookie", &anna);
    bert.get(USER).await.fails(401, "Unauthorized");
    let page = bert.get("/").await;
    let bert = proxied(&world, "bert").with("cookie", &session(&page));
    assert_eq!(bert.get(USER).await.ok()["userId"], "bert");
    proxied(&world, "anna").with("cookie", &anna).get(USER).await.fails(401, "Unauthorized");
}

#[tokio::test]
async fn a_token_decides_before_the_header_and_a_stale_cookie() {
    let world = world().await;
    let token = world.token("ci", &[]).await;
    for cookie in ["SESSION=stale".to_owned(), session(&proxied(&world, "anna").get("/").await)] {
        let caller = proxied(&world, "anna").with("cookie", &cookie);
        let caller = caller.with("authorization", &token);
        caller.get("/openapi/v1/envs").await.ok();
        caller.get(USER).await.fails(403, "Portal user session is required");
        let wrong = caller.with("authorization", "nonsense");
        wrong.get(USER).await.fails(401, "Unauthorized");
        assert_eq!(wrong.get("/").await.cookie(), None);
    }
}

#[tokio::test]
async fn a_disabled_or_local_user_is_refused_though_the_proxy_vouches() {
    let world = world().await;
    let anna = session(&proxied(&world, "anna").get("/").await);
    castalia_server::domain::user::account::set_enabled(&world.store, "anna", false, Vec::new())
        .await
        .unwrap();
    proxied(&world, "anna").with("cookie", &anna).get(USER).await.fails(401, "Unauthorized");
    proxied(&world, "anna").get("/").await.leads_to("/signin?reason=refused#/error");
    proxied(&world, "apollo").get("/").await.leads_to("/signin?reason=refused#/error");
    proxied(&world, &"x".repeat(65)).get("/").await.leads_to("/signin?reason=refused#/error");
    assert!(user::find(world.store.read(), "apollo").await.unwrap().is_some());
    // Passwords of the portal are for the listed users only.
    world.nobody().sign_in("apollo", PASSWORD).await.leads_to("/signin?#/error");
}

/// SEC-31: a sign-in, a refused one and a sign-out leave one record each.
#[tokio::test]
async fn sign_ins_by_the_proxy_are_in_the_audit_log() {
    let world = world().await;
    let mut log = Log::of(&world).await;
    let cookie = session(&proxied(&world, "anna").get("/").await);
    assert_eq!(log.shown().await, [["CREATE", "Auth.signIn", "anna"]]);
    let caller = proxied(&world, "anna").with("cookie", &cookie);
    caller.get("/").await;
    assert!(log.shown().await.is_empty(), "a page with a session is no sign-in");
    caller.send(Method::POST, "/user/logout", "", String::new()).await;
    assert_eq!(log.shown().await, [["DELETE", "Auth.signOut", "anna"]]);
    castalia_server::domain::user::account::set_enabled(&world.store, "anna", false, Vec::new())
        .await
        .unwrap();
    proxied(&world, "anna").get("/").await.leads_to("/signin?reason=refused#/error");
    assert_eq!(log.shown().await, [["RPC", "Auth.signInRefused", "anna"]]);
}

/// A password would lock the user out: the proxy admits no account that has one.
#[tokio::test]
async fn a_user_of_the_proxy_has_no_password_here() {
    let world = world().await;
    let page = proxied(&world, "anna").get("/").await;
    let caller = proxied(&world, "anna").with("cookie", &session(&page));
    let token = caller.get(USER).await.header("x-csrf-token").to_owned();
    let caller = caller.with("x-csrf-token", &token);
    let account = |name: &str| json!({ "username": name, "password": "horse52stable" });
    let users = "/openapi/v1/users?isCreate=";
    for (address, name) in [("false", "anna"), ("true", "new")] {
        let answer = caller.post(&format!("{users}{address}"), account(name)).await;
        answer.fails(400, "Another system identifies this user");
    }
    session(&proxied(&world, "anna").get("/").await);
}
