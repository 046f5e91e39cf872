//! Groups at the OpenID Connect provider, and the list of super administrators.

use castalia_server::settings::Installation;
use castalia_store::server_config;
use serde_json::{Value, json};

use super::audit::Log;
use super::open_id::{named, refused, sign_in, world};
use super::provider::Provider;
use super::world::{Caller, World};

const SETTINGS: &str = "/openapi/v1/server/portal-db/config/find-all-config";

async fn browser<'w>(world: &'w World) -> Caller<'w> {
    let answer = sign_in(world).await;
    answer.leads_to("/");
    world.nobody().with("cookie", &named(&answer, "SESSION"))
}

async fn super_admins(caller: &Caller<'_>) -> String {
    let settings = caller.get(SETTINGS).await.ok();
    let rows = settings.as_array().unwrap();
    let row = rows.iter().find(|row| row["key"] == "superAdmin");
    row.map_or(Value::Null, |row| row["value"].clone()).as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn groups_admit_users_and_appoint_super_administrators() {
    let provider = Provider::start().await;
    let flags = [("oidc.required_groups", "staff,admins"), ("oidc.super_admin_groups", "admins")];
    let world = world(&provider, &flags).await;
    refused(&sign_in(&world).await);
    provider.claim(&json!({ "groups": ["staff"] }));
    let is_root = async || {
        let answer = sign_in(&world).await;
        answer.leads_to("/");
        let caller = world.nobody().with("cookie", &named(&answer, "SESSION"));
        caller.get("/openapi/v1/server/portal-db/config/find-all-config").await.status == 200
    };
    assert!(!is_root().await);
    provider.claim(&json!({ "groups": ["admins"] }));
    assert!(is_root().await);
    assert!(is_root().await);
    provider.claim(&json!({ "groups": ["staff"] }));
    assert!(!is_root().await);
    // Groups may be in the user info only, which a signed claim takes precedence over.
    provider.claim(&json!({ "groups": null }));
    provider.rules.lock().user_info = json!({ "sub": "anna", "groups": ["admins"] });
    assert!(is_root().await);
    provider.rules.lock().user_info = json!({ "sub": "another", "groups": ["admins"] });
    refused(&sign_in(&world).await);
}

/// Otherwise the last administrator of an installation would lose the right by a sign-in.
#[tokio::test]
async fn the_groups_do_not_decide_about_a_user_with_a_password_of_the_portal() {
    let provider = Provider::start().await;
    let flags = [("sign_in.link_local_users", "true"), ("oidc.super_admin_groups", "admins")];
    let world = world(&provider, &flags).await;
    provider.claim(&json!({ "sub": "apollo", "groups": ["staff"] }));
    let apollo = browser(&world).await;
    apollo.get(SETTINGS).await.ok();
    provider.claim(&json!({ "sub": "u1", "groups": ["admins"] }));
    browser(&world).await.get(SETTINGS).await.fails(403, "Access is denied");
    provider.claim(&json!({ "sub": "anna", "groups": ["admins"] }));
    let anna = browser(&world).await;
    assert!(super_admins(&anna).await.split(',').any(|name| name == "anna"));
}

#[tokio::test]
async fn a_user_who_left_all_groups_is_no_super_administrator() {
    let provider = Provider::start().await;
    let flags = [("oidc.required_groups", "staff,admins"), ("oidc.super_admin_groups", "admins")];
    let world = world(&provider, &flags).await;
    provider.claim(&json!({ "groups": ["admins"] }));
    let session = browser(&world).await;
    session.get(SETTINGS).await.ok();
    let mut log = Log::of(&world).await;
    provider.claim(&json!({ "groups": [] }));
    refused(&sign_in(&world).await);
    assert_eq!(log.shown().await, [["RPC", "Auth.signInRefused", "anna"]]);
    refused(&sign_in(&world).await);
    assert_eq!(log.shown().await.len(), 0, "nothing changed");
    session.get(SETTINGS).await.fails(403, "Access is denied");
}

/// Another node stored the right just now, or this one uses another list.
#[tokio::test]
async fn a_user_who_left_all_groups_leaves_the_stored_list() {
    for fixed in ["", "[server-config]\nsuperAdmin = 'apollo'\n"] {
        let provider = Provider::start().await;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("castalia.toml");
        let flags = provider.flags().into_iter().chain([
            ("oidc.required_groups", "staff,admins"),
            ("oidc.super_admin_groups", "admins"),
        ]);
        let lines = flags.map(|(name, text)| format!("{name} = '{text}'\n"));
        std::fs::write(&file, lines.collect::<String>() + fixed).unwrap();
        let world = World::with_file(Installation::Fresh, file).await;
        provider.claim(&json!({ "groups": ["staff"] }));
        browser(&world).await;
        let stored = world.store.write((), |tx, ()| {
            Box::pin(server_config::upsert_of_portal(tx, "superAdmin", "apollo,anna", None, "anna"))
        });
        stored.await.unwrap();
        provider.claim(&json!({ "groups": [] }));
        refused(&sign_in(&world).await);
        let rows = server_config::values_of_portal(world.store.read()).await.unwrap();
        let listed = rows.live.into_iter().find(|row| row.key == "superAdmin").unwrap();
        assert_eq!(listed.value.as_deref(), Some("apollo"), "{fixed:?}");
    }
}
