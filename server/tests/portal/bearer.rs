//! Tokens of the OpenID Connect provider in each request, as programs send them to Apollo's portal.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use castalia_server::domain::user::account::set_enabled;
use castalia_server::settings::Installation;
use castalia_store::user;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::audit::Log;
use super::provider::{CLIENT, PATIENCE, Provider, SECRET};
use super::user_token::TOKENS;
use super::world::{Answer, Caller, World, app};
use crate::stopwatch::Stopwatch;

const API: &str = "portal-api";
const APPS: &str = "/openapi/v1/apps";
const USER: &str = "/openapi/v1/user";

async fn world(provider: &Provider, more: &[(&'static str, &str)]) -> World {
    let flags = [&provider.flags()[..], &[("oidc.bearer_audience", API)], more].concat();
    World::with(Installation::Fresh, &flags).await
}

fn bearer<'w>(world: &'w World, token: &str) -> Caller<'w> {
    world.nobody().with("authorization", &format!("Bearer {token}"))
}

fn usual(provider: &Provider) -> String {
    provider.issue(&json!({ "aud": API }), &json!({ "typ": "at+jwt" }))
}

#[track_caller]
fn refused(answer: &Answer) {
    answer.fails(401, "Unauthorized");
    let challenge = "Bearer realm=\"Castalia\", error=\"invalid_token\"";
    assert_eq!(answer.header("www-authenticate"), challenge);
}

#[tokio::test]
async fn a_token_of_the_provider_identifies_a_user_on_pages_and_calls() {
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    assert_eq!(provider.reads.load(Ordering::Relaxed), 0, "nothing is sent before a token comes");
    let mut log = Log::of(&world).await;
    let caller = bearer(&world, &usual(&provider));
    let answer = caller.get(USER).await;
    let expected =
        json!({ "userId": "anna", "name": "Anna A.", "email": "anna@b.example", "enabled": 1 });
    assert_eq!(answer.ok(), expected);
    assert_eq!((answer.cookie(), answer.header("x-csrf-token")), (None, ""));
    assert_eq!(log.shown().await, [["CREATE", "Auth.signIn", "anna"]], "the account is new");
    assert_eq!(caller.get("/").await.status, 200);
    caller.post(APPS, app("demo", "anna")).await.empty();
    // Another token of the same user, with fewer claims: the account keeps what it has.
    let plain = json!({ "aud": [API, "another"], "preferred_username": null, "email": null });
    let other = bearer(&world, &provider.issue(&plain, &json!({})));
    assert_eq!(other.get(USER).await.ok(), expected);
    assert_eq!(provider.reads.load(Ordering::Relaxed), 1, "the keys are kept");
    // The scheme is also that of tokens of users; those of consumers have none.
    let own = caller.post(TOKENS, json!({ "name": "ci" })).await.ok();
    bearer(&world, own["tokenValue"].as_str().unwrap()).get(APPS).await.ok();
    let consumer = world.token("consumer", &["demo"]).await;
    world.consumer(&consumer).get(APPS).await.ok();
    // It takes precedence over a cookie.
    let stale = bearer(&world, &usual(&provider)).with("cookie", "SESSION=stale");
    assert_eq!(stale.get(USER).await.ok()["userId"], "anna");
}

#[tokio::test]
async fn without_an_audience_no_token_is_accepted() {
    let provider = Provider::start().await;
    let world = World::with(Installation::Fresh, &provider.flags()).await;
    let token = provider.issue(&json!({ "aud": CLIENT }), &json!({}));
    let answer = bearer(&world, &token).get(USER).await;
    answer.fails(401, "Unauthorized");
    assert_eq!(answer.header("www-authenticate"), "");
    assert_eq!(provider.reads.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_token_that_fails_a_check_is_refused() {
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    let refuse = async |token: &str, what: &Value| {
        let answer = bearer(&world, token).get(USER).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        refused(&answer);
    };
    for claims in [
        json!({}),
        json!({ "aud": CLIENT }),
        json!({ "aud": [] }),
        json!({ "aud": ["another", CLIENT] }),
        json!({ "aud": API, "iss": "https://evil.example" }),
        json!({ "aud": API, "iss": null }),
        json!({ "aud": API, "exp": 1_700_000_000 }),
        json!({ "aud": API, "exp": null }),
        json!({ "aud": API, "nbf": 4_000_000_000_u32 }),
        json!({ "aud": API, "iat": 4_000_000_000_u32 }),
        json!({ "aud": API, "nbf": "now" }),
        json!({ "aud": API, "nbf": 1e300 }),
        json!({ "aud": API, "sub": null }),
        json!({ "aud": API, "sub": "" }),
        json!({ "aud": API, "sub": "x".repeat(65) }),
        json!({ "aud": API, "sub": "a\u{0}b" }),
    ] {
        refuse(&provider.issue(&claims, &json!({})), &claims).await;
    }
    let good = json!({ "aud": API });
    for header in [
        json!({ "alg": "none" }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "RS256" }),
        json!({ "alg": null }),
        json!({ "typ": "logout+jwt" }),
        json!({ "cty": "JWT" }),
        json!({ "crit": ["exp"] }),
    ] {
        refuse(&provider.issue(&good, &header), &header).await;
    }
    // Secrets that others know: the client's own, and the public key taken for one.
    for secret in [SECRET.as_bytes(), &provider.public_key(), b""] {
        refuse(&provider.seal(&good, secret), &json!("HMAC")).await;
    }
    let token = usual(&provider);
    let (head, _) = token.rsplit_once('.').unwrap();
    for token in [format!("{head}."), format!("{head}.AAAA"), "a.b.c".into(), "..".into()] {
        refuse(&token, &json!(token)).await;
    }
    provider.rules.lock().foreign_key = true;
    refuse(&usual(&provider), &json!("another key")).await;
    provider.rules.lock().foreign_key = false;
    provider.rules.lock().unsigned = true;
    refuse(&usual(&provider), &json!("unsigned")).await;
    provider.rules.lock().unsigned = false;
    assert!(user::find(world.store.read(), "anna").await.unwrap().is_none(), "an account was made");
    let started = json!({ "aud": API, "nbf": 1_700_000_000.5 });
    bearer(&world, &provider.issue(&started, &json!({}))).get(USER).await.ok();
}

#[tokio::test]
async fn an_account_that_may_not_sign_in_is_refused() {
    let provider = Provider::start().await;
    let flags = [("oidc.required_groups", "staff"), ("oidc.super_admin_groups", "admins")];
    let world = world(&provider, &flags).await;
    let caller = || bearer(&world, &usual(&provider));
    refused(&caller().get(USER).await);
    provider.claim(&json!({ "groups": ["staff", "admins"] }));
    caller().get(USER).await.ok();
    // Only a sign-in makes an administrator.
    let settings = "/openapi/v1/server/portal-db/config/find-all-config";
    caller().get(settings).await.fails(403, "Access is denied");
    let mut log = Log::of(&world).await;
    set_enabled(&world.store, "anna", false, Vec::new()).await.unwrap();
    refused(&caller().get(USER).await);
    assert_eq!(log.shown().await, [["RPC", "Auth.signInRefused", "anna"]]);
    set_enabled(&world.store, "anna", true, Vec::new()).await.unwrap();
    caller().get(USER).await.ok();
    // An account with a password of the portal may belong to somebody else.
    provider.claim(&json!({ "sub": "apollo" }));
    refused(&caller().get(USER).await);
    let flags = [("sign_in.link_local_users", "true")];
    let linked = self::world(&provider, &flags).await;
    assert_eq!(bearer(&linked, &usual(&provider)).get(USER).await.ok()["userId"], "apollo");
}

/// Whatever strangers send, the provider is read at most once in ten seconds.
#[tokio::test]
async fn a_new_key_is_read_and_unknown_ones_make_few_calls() {
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    let begun = Instant::now();
    bearer(&world, &usual(&provider)).get(USER).await.ok();
    let forged = |number: usize| {
        provider.issue(&json!({ "aud": API }), &json!({ "kid": number.to_string() }))
    };
    let callers: Vec<_> = (100..150).map(|number| bearer(&world, &forged(number))).collect();
    for answer in join_all(callers.iter().map(|caller| caller.get(USER))).await {
        refused(&answer);
    }
    // A busy machine takes longer than ten seconds.
    let is_rare = || {
        let most = 1 + begun.elapsed().as_secs() / 10;
        (1..=most).contains(&(provider.reads.load(Ordering::Relaxed) as u64))
    };
    assert!(is_rare(), "{:?} after {:?}", provider.reads, begun.elapsed());
    provider.rotate();
    let started = Instant::now();
    while bearer(&world, &usual(&provider)).get(USER).await.status != 200 {
        assert!(started.elapsed() < PATIENCE, "the new key is not read");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert!(is_rare(), "{:?} after {:?}", provider.reads, begun.elapsed());
    // A provider that does not answer has no effect on tokens whose key is known.
    provider.freeze(true);
    let asked = Stopwatch::start();
    bearer(&world, &usual(&provider)).get(USER).await.ok();
    assert!(asked.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_provider_that_is_down_affects_no_other_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let issuer = format!("http://{address}");
    let flags = [
        ("oidc.issuer_uri", issuer.as_str()),
        ("oidc.client_id", CLIENT),
        ("oidc.bearer_audience", API),
        ("sign_in.local_users", "apollo"),
    ];
    let world = World::with(Installation::Fresh, &flags).await;
    let elsewhere = Provider::start().await;
    let token = elsewhere.issue(&json!({ "aud": API, "iss": issuer }), &json!({}));
    let down = bearer(&world, &token).get(USER).await;
    down.fails(503, "The identity provider does not answer; try again later.");
    world.user("apollo").await.get(APPS).await.ok();
    let consumer = world.token_for_all("consumer").await;
    world.consumer(&consumer).get(APPS).await.ok();
    let _provider = Provider::on(TcpListener::bind(address).await.unwrap());
    let started = Instant::now();
    let mut answer = bearer(&world, &token).get(USER).await;
    while answer.status == 503 {
        assert!(started.elapsed() < PATIENCE, "it is not used again");
        tokio::time::sleep(Duration::from_millis(250)).await;
        answer = bearer(&world, &token).get(USER).await;
    }
    // The provider has another key.
    refused(&answer);
}
