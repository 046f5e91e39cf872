//! Sign-in with OpenID Connect, against a provider in this process.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use castalia_server::settings::Installation;
use castalia_store::user;
use http::Method;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::audit::Log;
use super::provider::{PATIENCE, Provider};
use super::world::{Answer, Caller, PASSWORD, World};
use crate::stopwatch::Stopwatch;

pub(super) const BEGIN: &str = "/oauth2/authorization/apollo";
pub(super) const USER: &str = "/openapi/v1/user";

/// A browser whose user has agreed at the provider, on the way back to the portal.
pub(super) struct Returning {
    /// Path and query at the portal.
    pub(super) path: String,
    /// The cookie that the portal set before.
    pub(super) cookie: String,
}

pub(super) async fn world(provider: &Provider, more: &[(&'static str, &str)]) -> World {
    let flags = [&provider.flags()[..], more].concat();
    World::with(Installation::Fresh, &flags).await
}

/// The cookies that an answer sets, without their attributes.
pub(super) fn cookies(answer: &Answer) -> Vec<String> {
    let all = answer.headers.get_all("set-cookie").iter();
    all.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

pub(super) fn named(answer: &Answer, name: &str) -> String {
    beginning(answer, &format!("{name}="))
}

/// The cookie whose text begins like this.
pub(super) fn beginning(answer: &Answer, name: &str) -> String {
    let found = cookies(answer).into_iter().find(|cookie| cookie.starts_with(name));
    found.unwrap_or_else(|| panic!("no cookie {name} in {answer:?}"))
}

pub(super) async fn agree(world: &World, begin: &str) -> Returning {
    agree_in(world.nobody(), begin).await
}

/// The same in a browser with cookies.
pub(super) async fn agree_in(browser: Caller<'_>, begin: &str) -> Returning {
    let begun = browser.get(begin).await;
    assert_eq!(begun.status, 302, "{begun:?}");
    let browser = reqwest::Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
    let agreed = browser.get(begun.header("location")).send().await.unwrap();
    let back = agreed.headers()["location"].to_str().unwrap().to_owned();
    let path = back.strip_prefix("http://127.0.0.1:8070").expect("the portal").to_owned();
    Returning { path, cookie: beginning(&begun, "CASTALIA_OIDC") }
}

impl Returning {
    pub(super) async fn finish(&self, world: &World) -> Answer {
        world.nobody().with("cookie", &self.cookie).get(&self.path).await
    }
}

pub(super) async fn sign_in(world: &World) -> Answer {
    agree(world, BEGIN).await.finish(world).await
}

/// Checks that no session began.
#[track_caller]
pub(super) fn refused(answer: &Answer) {
    answer.leads_to("/signin?reason=refused#/error");
    assert!(cookies(answer).iter().all(|cookie| !cookie.starts_with("SESSION=")), "{answer:?}");
}

pub(super) async fn whoami(world: &World, answer: &Answer) -> Value {
    world.nobody().with("cookie", &named(answer, "SESSION")).get(USER).await.ok()
}

async fn set_enabled(world: &World, name: &str, is_enabled: bool) {
    castalia_server::domain::user::account::set_enabled(&world.store, name, is_enabled, Vec::new())
        .await
        .unwrap();
}

#[tokio::test]
async fn the_first_sign_in_creates_the_account_and_later_ones_update_it() {
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    assert_eq!(provider.reads.load(Ordering::Relaxed), 0, "nothing is sent before a sign-in");
    let answer = sign_in(&world).await;
    answer.leads_to("/");
    let session = answer.headers.get_all("set-cookie").iter().map(|text| text.to_str().unwrap());
    let session = session.filter(|text| text.starts_with("SESSION=")).collect::<String>();
    assert!(session.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{session}");
    let expected =
        json!({ "userId": "anna", "name": "Anna A.", "email": "anna@b.example", "enabled": 1 });
    assert_eq!(whoami(&world, &answer).await, expected);
    provider.claim(&json!({ "preferred_username": "Anna B.", "email": "b@b.example" }));
    let answer = sign_in(&world).await;
    let user = whoami(&world, &answer).await;
    assert_eq!((&user["name"], &user["email"]), (&json!("Anna B."), &json!("b@b.example")));
    assert_eq!(provider.reads.load(Ordering::Relaxed), 1, "the document is kept");
    // The account has no password.
    let row = user::find(world.store.read(), "anna").await.unwrap().unwrap();
    let stored = row.password.expose().to_owned();
    assert!(stored.starts_with("{placeholder}") && stored.len() > 40);
    for password in ["", &stored, stored.trim_start_matches("{placeholder}")] {
        assert!(!world.accepts("anna", password).await);
    }
}

#[tokio::test]
async fn the_page_that_was_asked_for_is_opened_and_no_other_site() {
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    for (next, opened) in [
        ("%2Fa%2Fdemo%3Fenv%3DPRO", "/a/demo?env=PRO"),
        ("https%3A%2F%2Fevil.example", "/"),
        ("%2F%2Fevil.example", "/"),
        ("%2F%5Cevil.example", "/"),
        ("%2Fuser%2Flogout", "/"),
        ("%2Fa%2F..%2Fuser%2Flogout", "/"),
    ] {
        let answer = agree(&world, &format!("{BEGIN}?next={next}")).await.finish(&world).await;
        answer.leads_to(opened);
    }
}

#[tokio::test]
async fn an_answer_belongs_to_the_browser_that_began_the_sign_in() {
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    let (mine, other) = (agree(&world, BEGIN).await, agree(&world, BEGIN).await);
    refused(&world.nobody().get(&mine.path).await);
    let (name, _) = mine.cookie.split_once('=').unwrap();
    refused(&world.nobody().with("cookie", &format!("{name}=e30")).get(&mine.path).await);
    // The link of another user's sign-in, in this user's browser.
    refused(&world.nobody().with("cookie", &mine.cookie).get(&other.path).await);
    let (path, _) = mine.path.split_once("&state=").unwrap();
    refused(&world.nobody().with("cookie", &mine.cookie).get(path).await);
    refused(&world.nobody().with("cookie", &mine.cookie).get(&format!("{path}&state=x")).await);
    let denied = mine.path.replace("code=", "error=access_denied&x=");
    let answer = world.nobody().with("cookie", &mine.cookie).get(&denied).await;
    refused(&answer);
    let ended = answer.header("set-cookie");
    assert!(ended.starts_with(&format!("{name}=;")) && ended.contains("Max-Age=0"), "{ended}");
    // The state of one sign-in with the code of another one: its verifier does not fit.
    let code = other.path.split_once("code=").unwrap().1.split('&').next().unwrap();
    let (head, state) = mine.path.split_once("&state=").unwrap();
    let head = head.split_once("code=").unwrap().0;
    let mixed = format!("{head}code={code}&state={state}");
    refused(&world.nobody().with("cookie", &mine.cookie).get(&mixed).await);
    mine.finish(&world).await.leads_to("/");
}

#[tokio::test]
async fn a_code_is_good_for_one_session() {
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    let returning = agree(&world, BEGIN).await;
    returning.finish(&world).await.leads_to("/");
    refused(&returning.finish(&world).await);
}

#[tokio::test]
async fn a_token_that_is_not_for_this_sign_in_is_refused() {
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    let usual = provider.rules.lock().claims.clone();
    for spoiled in [
        json!({ "nonce": "another" }),
        json!({ "nonce": null }),
        json!({ "aud": "another client" }),
        json!({ "aud": [] }),
        json!({ "aud": ["portal", "another client"] }),
        json!({ "iss": "https://evil.example" }),
        json!({ "exp": 1_700_000_000 }),
        json!({ "exp": null }),
        json!({ "iat": 4_000_000_000_u32 }),
        json!({ "nbf": 4_000_000_000_u32 }),
        json!({ "sub": null }),
    ] {
        provider.claim(&spoiled);
        let answer = sign_in(&world).await;
        assert_eq!(answer.status, 302, "{spoiled}");
        assert!(answer.header("location").starts_with("/signin?reason="), "{spoiled} {answer:?}");
        assert!(cookies(&answer).iter().all(|cookie| !cookie.starts_with("SESSION=")), "{spoiled}");
        provider.rules.lock().claims = usual.clone();
    }
    provider.rules.lock().unsigned = true;
    refused(&sign_in(&world).await);
    provider.rules.lock().unsigned = false;
    provider.rules.lock().foreign_key = true;
    refused(&sign_in(&world).await);
    provider.rules.lock().foreign_key = false;
    assert!(user::find(world.store.read(), "anna").await.unwrap().is_none(), "an account was made");
    sign_in(&world).await.leads_to("/");
}

#[tokio::test]
async fn a_new_key_of_the_provider_is_read() {
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    sign_in(&world).await.leads_to("/");
    provider.rotate();
    // Unknown keys make the portal read at most one document in ten seconds.
    let mut answer = sign_in(&world).await;
    let started = Instant::now();
    while answer.header("location") != "/" && started.elapsed() < PATIENCE {
        refused(&answer);
        tokio::time::sleep(Duration::from_millis(250)).await;
        answer = sign_in(&world).await;
    }
    answer.leads_to("/");
    assert_eq!(provider.reads.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_provider_that_is_down_is_reported_and_used_when_it_is_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let issuer = format!("http://{address}");
    let flags = [
        ("oidc.issuer_uri", issuer.as_str()),
        ("oidc.client_id", super::provider::CLIENT),
        ("oidc.client_secret", super::provider::SECRET),
        ("sign_in.local_users", "apollo"),
    ];
    let world = World::with(Installation::Fresh, &flags).await;
    world.nobody().get(BEGIN).await.leads_to("/signin?reason=providerDown#/error");
    world.nobody().sign_in("apollo", PASSWORD).await.leads_to("/");
    let _provider = Provider::on(TcpListener::bind(address).await.unwrap());
    let started = Instant::now();
    while world.nobody().get(BEGIN).await.header("location").starts_with("/signin") {
        assert!(started.elapsed() < PATIENCE, "it is not used again");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    sign_in(&world).await.leads_to("/");
}

/// Requests do not queue behind each other, and other ways to sign in are not affected.
#[tokio::test]
async fn a_frozen_provider_delays_nobody_else() {
    let provider = Provider::start().await;
    let world = world(&provider, &[("sign_in.local_users", "apollo")]).await;
    provider.freeze(true);
    let started = Stopwatch::start();
    let begin = async {
        let caller = world.nobody();
        let all = (0..20).map(|_| caller.get(BEGIN));
        for answer in futures_util::future::join_all(all).await {
            answer.leads_to("/signin?reason=providerDown#/error");
        }
        started.elapsed()
    };
    let local = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let signing_in = Stopwatch::start();
        world.nobody().sign_in("apollo", PASSWORD).await.leads_to("/");
        (signing_in.elapsed(), started.elapsed())
    };
    let (waited, (local, until)) = tokio::join!(begin, local);
    assert!(until < waited, "the local user waited for the provider");
    assert!(local < Duration::from_secs(5), "{local:?}");
    assert!(waited < Duration::from_secs(20), "the calls queued: {waited:?}");
}

#[tokio::test]
async fn a_disabled_user_cannot_sign_in_and_a_deleted_one_starts_anew() {
    use castalia_store::entity::users;
    use sea_orm::EntityTrait as _;
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    let session = named(&sign_in(&world).await, "SESSION");
    let caller = || world.nobody().with("cookie", &session);
    caller().get(USER).await.ok();
    set_enabled(&world, "anna", false).await;
    caller().get(USER).await.fails(401, "Unauthorized");
    refused(&sign_in(&world).await);
    set_enabled(&world, "anna", true).await;
    caller().get(USER).await.fails(401, "Unauthorized");
    let session = named(&sign_in(&world).await, "SESSION");
    let row = user::find(world.store.read(), "anna").await.unwrap().unwrap();
    let deleted: Result<_, castalia_store::StoreError> = world
        .store
        .write(row.id, |tx, id| {
            Box::pin(async move { Ok(users::Entity::delete_by_id(*id).exec(tx).await?) })
        })
        .await;
    deleted.unwrap();
    world.nobody().with("cookie", &session).get(USER).await.fails(401, "Unauthorized");
    let answer = sign_in(&world).await;
    assert_eq!(whoami(&world, &answer).await["userId"], "anna");
    world.nobody().with("cookie", &session).get(USER).await.fails(401, "Unauthorized");
}

/// Otherwise a user who chooses a name at the provider would become the administrator.
#[tokio::test]
async fn an_account_with_a_password_is_not_taken_over() {
    let provider = Provider::start().await;
    provider.claim(&json!({ "sub": "apollo" }));
    let closed = world(&provider, &[]).await;
    refused(&sign_in(&closed).await);
    let linked = world(&provider, &[("sign_in.link_local_users", "true")]).await;
    let answer = sign_in(&linked).await;
    assert_eq!(whoami(&linked, &answer).await["userId"], "apollo");
}

#[tokio::test]
async fn with_a_provider_only_named_users_have_a_password() {
    let provider = Provider::start().await;
    let closed = world(&provider, &[]).await;
    for name in ["apollo", "u1"] {
        closed.nobody().sign_in(name, PASSWORD).await.leads_to("/signin?#/error");
    }
    let page = closed.nobody().get("/signin").await.body;
    assert!(
        page.contains(r#"data-form="" data-provider="apollo" data-accounts="external""#),
        "{page}"
    );
    let open = world(&provider, &[("sign_in.local_users", "apollo")]).await;
    open.nobody().sign_in("apollo", PASSWORD).await.leads_to("/");
    open.nobody().sign_in("u1", PASSWORD).await.leads_to("/signin?#/error");
    let page = open.nobody().get("/signin").await.body;
    assert!(page.contains(r#"data-form="form" data-provider="apollo""#), "{page}");
    let without = World::fresh().await;
    let page = without.nobody().get("/signin").await.body;
    assert!(page.contains(r#"data-form="form" data-provider="" data-accounts="local""#), "{page}");
    without.nobody().get(BEGIN).await.fails(404, "OpenID Connect is not configured");
    closed.nobody().get("/oauth2/authorization/other").await.fails(404, "OpenID Connect");
}

#[tokio::test]
async fn signing_out_ends_the_session_here_and_there() {
    let provider = Provider::start().await;
    let world = world(&provider, &[("sign_in.local_users", "apollo")]).await;
    let answer = sign_in(&world).await;
    let (session, token) = (named(&answer, "SESSION"), named(&answer, "CASTALIA_ID_TOKEN"));
    let caller = world.nobody().with("cookie", &format!("{session}; {token}"));
    let ended = caller.get("/user/logout").await;
    let address = ended.header("location").to_owned();
    let expected = format!("{}/end?id_token_hint=", provider.issuer);
    assert!(ended.status == 302 && address.starts_with(&expected), "{ended:?}");
    let back = "post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A8070%2F";
    assert!(address.contains("client_id=portal") && address.contains(back), "{address}");
    caller.get(USER).await.fails(401, "Unauthorized");
    let local = world.nobody().sign_in("apollo", PASSWORD).await;
    let local = world.nobody().with("cookie", &named(&local, "SESSION"));
    local.get("/user/logout").await.leads_to("/signin?#/logout");
}

#[tokio::test]
async fn cookies_of_an_https_portal_are_secure() {
    let provider = Provider::start().await;
    let mut world = world(&provider, &[]).await;
    world.set("apollo.portal.address", "https://portal.example/");
    let https = || world.nobody().with("x-forwarded-proto", "https");
    let begun = https().with("host", "portal.example").get(BEGIN).await;
    let address = begun.header("location");
    let back = "redirect_uri=https%3A%2F%2Fportal.example%2Flogin%2Foauth2%2Fcode%2Fapollo";
    assert!(address.contains(back), "{address}");
    let cookie = begun.header("set-cookie");
    let flags = "; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure";
    assert!(cookie.ends_with(flags), "{cookie}");
}

#[tokio::test]
async fn a_name_that_no_account_can_have_is_refused() {
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    for id in ["x".repeat(65), "a ".to_owned(), "a\u{7}b".to_owned()] {
        provider.claim(&json!({ "sub": id }));
        refused(&sign_in(&world).await);
    }
}

/// SEC-31: a sign-in, a refused one and a sign-out leave one record each.
#[tokio::test]
async fn sign_ins_by_the_provider_are_in_the_audit_log() {
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    let mut log = Log::of(&world).await;
    let answer = sign_in(&world).await;
    assert_eq!(log.shown().await, [["CREATE", "Auth.signIn", "anna"]]);
    let browser = world.nobody().with("cookie", &named(&answer, "SESSION"));
    browser.send(Method::POST, "/user/logout", "", String::new()).await;
    assert_eq!(log.shown().await, [["DELETE", "Auth.signOut", "anna"]]);
    set_enabled(&world, "anna", false).await;
    refused(&sign_in(&world).await);
    assert_eq!(log.shown().await, [["RPC", "Auth.signInRefused", "anna"]]);
}
