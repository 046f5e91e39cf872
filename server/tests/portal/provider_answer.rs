//! What providers send that differs from the specification, and what changes at a provider.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use castalia_store::Dialect;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::open_id::{BEGIN, Returning, agree, cookies, named, refused, sign_in, whoami, world};
use super::provider::{PATIENCE, Provider};
use super::world::{Answer, World};
use crate::stopwatch::Stopwatch;

#[track_caller]
fn down(answer: &Answer) {
    answer.leads_to("/signin?reason=providerDown#/error");
    assert!(cookies(answer).iter().all(|cookie| !cookie.starts_with("SESSION=")), "{answer:?}");
}

/// Signs in until it succeeds: the portal reads at most one document in ten seconds.
async fn sign_in_again(world: &World) {
    let started = Instant::now();
    let mut answer = sign_in(world).await;
    while answer.header("location") != "/" {
        assert!(started.elapsed() < PATIENCE, "the change is not noticed");
        tokio::time::sleep(Duration::from_millis(250)).await;
        answer = sign_in(world).await;
    }
}

#[tokio::test]
async fn times_and_truth_values_may_be_texts() {
    let provider = Provider::start().await;
    let flags = [("oidc.user_id_claim_name", "email"), ("oidc.required_groups", "staff")];
    let world = world(&provider, &flags).await;
    let spelled = json!({
        "email": "anna@b.example", "email_verified": "true", "groups": ["staff"],
        "updated_at": "2021-01-01T00:00:00.000Z", "phone_number_verified": "false",
    });
    provider.claim(&spelled);
    let answer = sign_in(&world).await;
    assert_eq!(whoami(&world, &answer).await["userId"], "anna@b.example");
    provider.claim(&json!({ "email_verified": "false" }));
    refused(&sign_in(&world).await);
}

/// X116. As with Apollo's portal.
#[tokio::test]
async fn a_token_for_several_clients_names_this_one_as_the_one_that_requested_it() {
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    for (audience, party, is_accepted) in [
        (json!(["portal", "project"]), json!("portal"), true),
        (json!(["project", "portal"]), json!("portal"), true),
        (json!("portal"), json!("portal"), true),
        (json!("portal"), Value::Null, true),
        (json!(["portal", "project"]), json!("other"), false),
        (json!(["portal", "project"]), Value::Null, false),
        (json!(["project", "another"]), json!("portal"), false),
        (json!("portal"), json!("other"), false),
    ] {
        provider.claim(&json!({ "aud": audience, "azp": party }));
        let answer = sign_in(&world).await;
        if is_accepted { answer.leads_to("/") } else { refused(&answer) }
    }
}

#[tokio::test]
async fn what_the_portal_does_not_use_may_have_any_form() {
    let provider = Provider::start().await;
    let world = world(&provider, &[("oidc.required_groups", "staff")]).await;
    provider.rules.lock().token_answer =
        json!({ "expires_in": "3600", "token_type": null, "scope": ["openid"] });
    provider.rules.lock().user_info = json!({
        "sub": "anna", "groups": ["staff"], "address": "a street", "phone_number": 49, "locale": 1,
        "updated_at": "yesterday", "birthdate": 1970, "zoneinfo": false,
    });
    sign_in(&world).await.leads_to("/");
}

#[tokio::test]
async fn a_new_key_is_read_also_under_the_old_name_or_without_one() {
    for kid in [Some("1"), None] {
        let provider = Provider::start().await;
        provider.rotate_to(kid);
        let world = world(&provider, &[("oidc.bearer_audience", "api")]).await;
        sign_in(&world).await.leads_to("/");
        provider.rotate_to(kid);
        let token = provider.issue(&json!({ "aud": "api" }), &json!({}));
        sign_in_again(&world).await;
        assert_eq!(provider.reads.load(Ordering::Relaxed), 2);
        let caller = world.nobody().with("authorization", &format!("Bearer {token}"));
        caller.get("/openapi/v1/user").await.ok();
    }
}

#[tokio::test]
async fn a_program_makes_the_portal_read_a_new_key_under_the_old_name() {
    let provider = Provider::start().await;
    let world = world(&provider, &[("oidc.bearer_audience", "api")]).await;
    let status = async || {
        let token = provider.issue(&json!({ "aud": "api" }), &json!({}));
        let caller = world.nobody().with("authorization", &format!("Bearer {token}"));
        caller.get("/openapi/v1/user").await.status
    };
    assert_eq!(status().await, 200);
    provider.rotate_to(Some("1"));
    let started = Instant::now();
    while status().await != 200 {
        assert!(started.elapsed() < PATIENCE, "the new key is not read");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

#[tokio::test]
async fn a_token_endpoint_that_moved_is_found() {
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    sign_in(&world).await.leads_to("/");
    provider.rules.lock().token_path = "/moved/token";
    down(&sign_in(&world).await);
    sign_in_again(&world).await;
    assert_eq!(provider.reads.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn an_endpoint_that_fails_is_reported_as_a_provider_that_is_down() {
    let provider = Provider::start().await;
    let world = world(&provider, &[("oidc.required_groups", "staff")]).await;
    for status in [StatusCode::UNAUTHORIZED, StatusCode::INTERNAL_SERVER_ERROR] {
        provider.rules.lock().user_info_status = status;
        down(&sign_in(&world).await);
    }
    provider.rules.lock().token_status = StatusCode::SERVICE_UNAVAILABLE;
    provider.rules.lock().token_answer = json!({ "error": "temporarily_unavailable" });
    down(&sign_in(&world).await);
    // The provider answered, and refuses the user.
    provider.rules.lock().token_status = StatusCode::BAD_REQUEST;
    provider.rules.lock().token_answer = json!({ "error": "invalid_grant" });
    refused(&sign_in(&world).await);
}

#[tokio::test]
async fn one_address_does_not_keep_the_others_from_signing_in() {
    let provider = Provider::start().await;
    let world = world(&provider, &[("security.trusted_proxies", "127.0.0.1")]).await;
    let (other, stranger) = (agree(&world, BEGIN).await, agree(&world, BEGIN).await);
    let finish = |returning: &Returning, address: &str| {
        let caller = world.nobody().with("cookie", &returning.cookie);
        let caller = caller.with("x-forwarded-for", address);
        let path = returning.path.clone();
        async move { caller.get(&path).await }
    };
    provider.freeze(true);
    let many = join_all((0..100).map(|_| finish(&stranger, "192.0.2.1")));
    let one = async {
        let received = |count| {
            let exchanges = Arc::clone(&provider.exchanges);
            async move {
                let started = Instant::now();
                while exchanges.load(Ordering::Relaxed) < count {
                    assert!(started.elapsed() < PATIENCE, "{count} are not sent");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        };
        received(16).await;
        let thaw = async {
            received(17).await;
            provider.freeze(false);
        };
        tokio::join!(finish(&other, "192.0.2.2"), thaw).0
    };
    let (_, answer) = tokio::join!(many, one);
    answer.leads_to("/");
}

/// A page that previews links, for example, sends such a request.
#[tokio::test]
async fn a_request_without_an_answer_does_not_use_up_the_code() {
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    let returning = agree(&world, BEGIN).await;
    let caller = world.nobody().with("cookie", &returning.cookie);
    let head = caller.send(Method::HEAD, &returning.path, "", String::new()).await;
    assert_eq!((head.status, cookies(&head)), (405, Vec::new()));
    returning.finish(&world).await.leads_to("/");
}

#[tokio::test]
async fn an_address_with_a_repeated_parameter_leads_to_the_sign_in_page() {
    let provider = Provider::start().await;
    let world = world(&provider, &[]).await;
    let returning = agree(&world, BEGIN).await;
    let twice = format!("{}&code=another", returning.path);
    refused(&world.nobody().with("cookie", &returning.cookie).get(&twice).await);
    returning.finish(&world).await.leads_to("/");
    let answer = agree(&world, &format!("{BEGIN}?next=%2F&next=%2F")).await.finish(&world).await;
    answer.leads_to("/");
}

#[tokio::test]
async fn signing_out_does_not_wait_for_a_provider_that_is_down() {
    let provider = Provider::start().await;
    let before = world(&provider, &[]).await;
    let token = named(&sign_in(&before).await, "CASTALIA_ID_TOKEN");
    // A portal that has not read the document.
    let world = world(&provider, &[]).await;
    provider.freeze(true);
    let started = Stopwatch::start();
    let answer = world.nobody().with("cookie", &token).get("/user/logout").await;
    answer.leads_to("/signin?#/logout");
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
}

/// `sub` distinguishes upper and lower case; the tables of MariaDB do not.
#[tokio::test]
async fn names_in_another_case_do_not_open_an_account() {
    let provider = Provider::start().await;
    let world = world(&provider, &[("oidc.bearer_audience", "api")]).await;
    let first = sign_in(&world).await;
    provider.claim(&json!({ "sub": "ANNA", "email": "other@b.example" }));
    let second = sign_in(&world).await;
    let token = provider.issue(&json!({ "aud": "api" }), &json!({}));
    let caller = world.nobody().with("authorization", &format!("Bearer {token}"));
    let bearer = caller.get("/openapi/v1/user").await;
    if world.store.dialect() == Dialect::MySql {
        refused(&second);
        bearer.fails(401, "Unauthorized");
    } else {
        assert_eq!(whoami(&world, &second).await["userId"], "ANNA");
        assert_eq!(bearer.ok()["userId"], "ANNA");
    }
    let user: Value = whoami(&world, &first).await;
    assert_eq!((&user["userId"], &user["email"]), (&json!("anna"), &json!("anna@b.example")));
}
