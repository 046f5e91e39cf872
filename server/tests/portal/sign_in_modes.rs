//! The ways to sign in, which everyone may read.

use castalia_server::settings::Installation;
use serde_json::json;

use super::world::World;

const MODES: &str = "/openapi/v1/auth/modes";

#[tokio::test]
async fn without_settings_people_sign_in_with_the_form() {
    let adopted = World::adopted().await.nobody().get(MODES).await.ok();
    let mut expected = json!({
        "form": true, "password": true, "directory": false, "proxy": false, "basic": true,
    });
    assert_eq!(adopted, expected);
    expected["basic"] = json!(false);
    assert_eq!(World::fresh().await.nobody().get(MODES).await.ok(), expected);
}

#[tokio::test]
async fn a_provider_is_named_with_the_path_that_leads_to_it() {
    let provider = [("oidc.issuer_uri", "https://login.example"), ("oidc.client_id", "portal")];
    let named = [("oidc.registration", "company")];
    let world = World::with(Installation::Fresh, &[&provider[..], &named].concat()).await;
    let found = world.nobody().get(MODES).await.ok();
    let expected = json!({
        "form": false, "password": false, "directory": false, "proxy": false, "basic": false,
        "openId": { "label": "company", "start": "/oauth2/authorization/company" },
    });
    assert_eq!(found, expected);
    let local = [("sign_in.local_users", "apollo")];
    let world = World::with(Installation::Fresh, &[&provider[..], &local].concat()).await;
    let found = world.nobody().get(MODES).await.ok();
    assert_eq!((&found["form"], &found["password"]), (&json!(true), &json!(true)));
}

#[tokio::test]
async fn a_directory_and_a_proxy_are_named_without_their_settings() {
    let world = World::with(
        Installation::Fresh,
        &[
            ("ldap.urls", "ldap://directory.example"),
            ("ldap.base", "dc=example,dc=org"),
            ("ldap.search_filter", "(uid={0})"),
            ("proxy_sign_in.user_header", "X-Forwarded-User"),
            ("proxy_sign_in.secret", "0123456789abcdef0123456789abcdef"),
        ],
    )
    .await;
    let expected = json!({
        "form": true, "password": false, "directory": true, "proxy": true, "basic": false,
    });
    assert_eq!(world.nobody().get(MODES).await.ok(), expected);
}

/// X115.
#[tokio::test]
async fn where_only_a_proxy_signs_people_in_there_is_no_form() {
    let proxy = [
        ("proxy_sign_in.user_header", "X-Forwarded-User"),
        ("proxy_sign_in.secret", "0123456789abcdef0123456789abcdef"),
    ];
    let world = World::with(Installation::Fresh, &proxy).await;
    let expected = json!({
        "form": false, "password": false, "directory": false, "proxy": true, "basic": false,
    });
    assert_eq!(world.nobody().get(MODES).await.ok(), expected);
    let local = [("sign_in.local_users", "apollo")];
    let world = World::with(Installation::Fresh, &[&proxy[..], &local].concat()).await;
    let found = world.nobody().get(MODES).await.ok();
    assert_eq!((&found["form"], &found["password"]), (&json!(true), &json!(true)));
}
