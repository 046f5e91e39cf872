//! Sign-in with an LDAP directory, against OpenLDAP in the shapes of the samples of Apollo's
//! portal.

use std::time::Duration;

use castalia_server::settings::Installation;
use castalia_store::user;
use http::Method;
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpSocket, TcpStream};

use super::audit::Log;
use super::slapd::{ADMIN_PASSWORD, Slapd};
use super::world::{Answer, NS, PASSWORD, World, app, item};
use crate::stopwatch::Stopwatch;

const USERS: &str = "/openapi/v1/users?keyword=";

/// The samples of Apollo's portal, under the names that the settings have here.
pub(super) fn open_ldap(url: &str) -> Vec<(&'static str, &str)> {
    vec![
        ("ldap.urls", url),
        ("ldap.base", "dc=example,dc=org"),
        ("ldap.username", "cn=admin,dc=example,dc=org"),
        ("ldap.password", ADMIN_PASSWORD),
        ("ldap.search_filter", "(uid={0})"),
        ("ldap.group_base", "ou=group"),
        ("ldap.group_search", "(&(cn=dev))"),
        ("ldap.group_membership", "memberUid"),
        ("sign_in.local_users", "u1"),
    ]
}

fn active_directory(url: &str) -> Vec<(&'static str, &str)> {
    vec![
        ("ldap.urls", url),
        ("ldap.base", "dc=example,dc=com"),
        ("ldap.username", "cn=admin,dc=example,dc=com"),
        ("ldap.password", ADMIN_PASSWORD),
        ("ldap.search_filter", "(sAMAccountName={0})"),
        ("ldap.object_class", "user"),
        ("ldap.login_id", "sAMAccountName"),
        ("ldap.email", "userPrincipalName"),
        ("ldap.account_status", "userAccountControl"),
        (
            "ldap.member_of",
            "CN=ServiceDEV,OU=test,DC=example,DC=com|CN=WebDEV,OU=test,DC=example,DC=com",
        ),
    ]
}

fn apache(url: &str) -> Vec<(&'static str, &str)> {
    vec![
        ("ldap.urls", url),
        ("ldap.base", "dc=apache,dc=example"),
        ("ldap.search_filter", "(uid={0})"),
        ("ldap.user_display_name", "displayName"),
        ("ldap.group_base", "ou=groups,dc=apache,dc=example"),
        ("ldap.group_search", "(&(cn=allowed))"),
    ]
}

async fn world(flags: &[(&'static str, &str)]) -> World {
    World::with(Installation::Fresh, flags).await
}

async fn whoami(world: &World, answer: &Answer) -> Value {
    answer.leads_to("/");
    let caller = world.nobody().with("cookie", &answer.cookie().unwrap());
    caller.get("/openapi/v1/user").await.ok()
}

#[track_caller]
fn refused(answer: &Answer) {
    answer.leads_to("/signin?#/error");
    assert_eq!(answer.cookie(), None);
}

#[tokio::test]
async fn users_of_the_three_shapes_of_apollos_samples_sign_in() {
    let slapd = Slapd::start().await;
    for (flags, typed, expected) in [
        (
            open_ldap(&slapd.url),
            "anna",
            json!({ "userId": "anna", "name": "Anna A.", "email": "anna@example.org", "enabled": 1 }),
        ),
        (
            active_directory(&slapd.url),
            // The user name is that of the entry, whatever is typed.
            "ANNA",
            json!({ "userId": "Anna", "name": "Anna A.", "email": "anna@example.com", "enabled": 1 }),
        ),
        (
            apache(&slapd.url),
            "anna",
            json!({
                "userId": "anna", "name": "Anna of Apache", "email": "anna@apache.example", "enabled": 1
            }),
        ),
    ] {
        let world = world(&flags).await;
        let answer = world.nobody().sign_in(typed, "password of anna").await;
        assert_eq!(whoami(&world, &answer).await, expected);
        // Later sign-ins find the account.
        world.nobody().sign_in(typed, "password of anna").await.leads_to("/");
        refused(&world.nobody().sign_in(typed, "password of bert").await);
        // Not a member of a group.
        refused(&world.nobody().sign_in("bert", "password of bert").await);
        let row = user::find(world.store.read(), "bert").await.unwrap();
        assert!(row.is_none(), "an account was made: {row:?}");
    }
}

#[tokio::test]
async fn a_disabled_entry_and_a_disabled_account_cannot_sign_in() {
    let slapd = Slapd::start().await;
    let world = world(&active_directory(&slapd.url)).await;
    refused(&world.nobody().sign_in("carl", "password of carl").await);
    let answer = world.nobody().sign_in("anna", "password of anna").await;
    let session = answer.cookie().unwrap();
    castalia_server::domain::user::account::set_enabled(&world.store, "Anna", false, Vec::new())
        .await
        .unwrap();
    let caller = world.nobody().with("cookie", &session);
    caller.get("/openapi/v1/user").await.fails(401, "Unauthorized");
    refused(&world.nobody().sign_in("anna", "password of anna").await);
}

#[tokio::test]
async fn no_name_changes_the_search_and_no_password_is_empty() {
    let slapd = Slapd::start().await;
    let world = world(&open_ldap(&slapd.url)).await;
    for name in [
        "*",
        "ann*",
        "anna)(uid=*",
        "*)(objectClass=*",
        "bert)(|(uid=anna",
        "anna\0",
        "anna\\",
        "uid=anna,ou=people,dc=example,dc=org",
        "",
    ] {
        refused(&world.nobody().sign_in(name, "password of anna").await);
    }
    // A directory takes it as an anonymous sign-in, which succeeds.
    for password in ["", "\0"] {
        refused(&world.nobody().sign_in("anna", password).await);
    }
    world.nobody().sign_in("anna", "password of anna").await.leads_to("/");
}

#[tokio::test]
async fn an_account_with_a_password_of_the_portal_is_not_taken_over() {
    let slapd = Slapd::start().await;
    let closed = world(&open_ldap(&slapd.url)).await;
    refused(&closed.nobody().sign_in("apollo", "password of another").await);
    refused(&closed.nobody().sign_in("apollo", PASSWORD).await);
    // A listed user has a password of the portal and none of the directory.
    closed.nobody().sign_in("u1", PASSWORD).await.leads_to("/");
    let flags = [&open_ldap(&slapd.url)[..], &[("sign_in.link_local_users", "true")]].concat();
    let linked = world(&flags).await;
    let answer = linked.nobody().sign_in("apollo", "password of another").await;
    assert_eq!(whoami(&linked, &answer).await["userId"], "apollo");
}

#[tokio::test]
async fn users_who_never_signed_in_are_found_and_given_roles() {
    let slapd = Slapd::start().await;
    let flags = [&open_ldap(&slapd.url)[..], &[("sign_in.local_users", "apollo,u1")]].concat();
    let world = world(&flags).await;
    let root = world.user("apollo").await;
    let names = |found: Value| {
        let users = found.as_array().unwrap().clone();
        users.iter().map(|user| user["userId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(root.get(&format!("{USERS}be")).await.ok()), ["bert"]);
    assert_eq!(names(root.get(&format!("{USERS}Anna")).await.ok()), ["anna"]);
    assert!(names(root.get(&format!("{USERS}%2A")).await.ok()).is_empty(), "a wildcard");
    assert!(user::find(world.store.read(), "bert").await.unwrap().is_none(), "made by a search");
    let mut owned = app("demo", "bert");
    owned["admins"] = json!(["anna"]);
    root.post("/openapi/v1/apps", owned).await.empty();
    for name in ["bert", "anna"] {
        assert!(user::find(world.store.read(), name).await.unwrap().is_some(), "{name}");
    }
    // Once: the account is found, not the entry again.
    assert_eq!(names(root.get(&format!("{USERS}be")).await.ok()), ["bert"]);
    let absent = app("other", "nobody");
    assert_eq!(root.post("/openapi/v1/apps", absent).await.status, 400);
}

#[tokio::test]
async fn a_consumer_acts_for_a_user_who_never_signed_in() {
    let slapd = Slapd::start().await;
    let flags = [&open_ldap(&slapd.url)[..], &[("sign_in.local_users", "u1")]].concat();
    let world = world(&flags).await;
    world.user("u1").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let token = world.token("ci", &["demo"]).await;
    let ci = world.consumer(&token);
    let create = async |name: &str, key: &str| {
        ci.post(&format!("{NS}/items?operator={name}"), item(key, "v")).await
    };
    assert_eq!(create("bert", "k").await.ok()["dataChangeCreatedBy"], "bert");
    create("nobody", "l").await.fails(400, "user not exists for userName:nobody");
    drop(slapd);
    // Whom the portal knows already is not looked up.
    create("bert", "l").await.ok();
    // X120.
    if super::engine::ignores_case() {
        create("Bert", "m").await.ok();
    }
}

/// Users with a password of the portal do not wait for it, and lists show whom the portal knows.
#[tokio::test]
async fn a_directory_that_is_frozen_or_down_delays_nobody_else() {
    let mut slapd = Slapd::start().await;
    let flags = [&open_ldap(&slapd.url)[..], &[("sign_in.local_users", "apollo,u1")]].concat();
    let world = world(&flags).await;
    slapd.freeze(true).await;
    let started = Stopwatch::start();
    let all = async {
        let caller = world.nobody();
        let attempts = ["anna", "bert", "c", "d"].map(|name| caller.sign_in(name, "a password"));
        for answer in futures_util::future::join_all(attempts).await {
            answer.leads_to("/signin?reason=providerDown#/error");
        }
        started.elapsed()
    };
    let local = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        world.nobody().sign_in("apollo", PASSWORD).await.leads_to("/");
        started.elapsed()
    };
    let (all, local) = tokio::join!(all, local);
    assert!(local < all, "a user of the portal waited for the directory");
    assert!(all < Duration::from_secs(25), "{all:?}");
    let root = world.user("apollo").await;
    let searching = Stopwatch::start();
    assert!(root.get(&format!("{USERS}u")).await.ok().as_array().unwrap().len() >= 2);
    assert!(searching.elapsed() < Duration::from_secs(5), "{:?}", searching.elapsed());
    slapd.freeze(false).await;
    let answer = world.nobody().sign_in("anna", "password of anna").await;
    answer.leads_to("/");
    slapd.stop();
    let answer = world.nobody().sign_in("anna", "password of anna").await;
    answer.leads_to("/signin?reason=providerDown#/error");
    world.nobody().sign_in("apollo", PASSWORD).await.leads_to("/");
}

/// Nobody has to wait after an outage because of the attempts during it.
#[tokio::test]
async fn attempts_while_the_directory_is_down_are_not_failures_of_the_user() {
    let slapd = Slapd::start().await;
    // Connections are refused until it listens, and nobody else is given the port.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("ldap://{}", socket.local_addr().unwrap());
    let world = world(&open_ldap(&url)).await;
    // More than the limits of a user and of an address.
    for _ in 0..55 {
        let answer = world.nobody().sign_in("anna", "password of anna").await;
        answer.leads_to("/signin?reason=providerDown#/error");
    }
    let listener = socket.listen(8).unwrap();
    let target = slapd.url.strip_prefix("ldap://").unwrap().to_owned();
    let forwarding = tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut far = TcpStream::connect(&target).await.unwrap();
            // Its end is that of the connection, however it ends.
            tokio::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
        }
    });
    world.nobody().sign_in("anna", "password of anna").await.leads_to("/");
    // Wrong passwords are counted nevertheless.
    while world.nobody().sign_in("anna", "password of bert").await.status != 429 {}
    forwarding.abort();
}

/// SEC-31: a sign-in, a refused one and a sign-out leave one record each.
#[tokio::test]
async fn sign_ins_by_the_directory_are_in_the_audit_log() {
    let slapd = Slapd::start().await;
    let world = world(&open_ldap(&slapd.url)).await;
    let mut log = Log::of(&world).await;
    let answer = world.nobody().sign_in("anna", "password of anna").await;
    assert_eq!(log.shown().await, [["CREATE", "Auth.signIn", "anna"]]);
    let browser = world.nobody().with("cookie", &answer.cookie().unwrap());
    browser.send(Method::POST, "/user/logout", "", String::new()).await;
    assert_eq!(log.shown().await, [["DELETE", "Auth.signOut", "anna"]]);
    refused(&world.nobody().sign_in("anna", "password of bert").await);
    assert_eq!(log.shown().await, [["RPC", "Auth.signInRefused", "anna"]]);
    // In the directory, but without an account: the name could be a password in the wrong field.
    refused(&world.nobody().sign_in("bert", "password of bert").await);
    assert_eq!(log.shown().await, [["RPC", "Auth.signInRefused", "anonymous"]]);
}
