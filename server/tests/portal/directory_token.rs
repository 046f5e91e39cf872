//! What users cannot do beside an LDAP directory: use access tokens after they left it, occupy it
//! with searches, and guess the password of an entry by many names.

use castalia_server::settings::Installation;
use serde_json::json;

use super::directory::open_ldap;
use super::slapd::Slapd;
use super::user_token::TOKENS;
use super::world::{Caller, World, app};

const USER: &str = "/openapi/v1/user";

/// A program with a token that this user of the directory creates.
async fn program<'w>(world: &'w World, name: &str) -> Caller<'w> {
    let answer = world.nobody().sign_in(name, &format!("password of {name}")).await;
    let user = world.nobody().with("cookie", &answer.cookie().unwrap());
    let csrf_token = user.get(USER).await.header("x-csrf-token").to_owned();
    let user = user.with("x-csrf-token", &csrf_token);
    let made = user.post(TOKENS, json!({ "name": "ci" })).await.ok();
    world.bearer(made["tokenValue"].as_str().unwrap())
}

/// X56.
#[tokio::test]
async fn a_token_ends_when_its_owner_leaves_the_group_or_the_directory() {
    let slapd = Slapd::start().await;
    let world = World::with(Installation::Fresh, &open_ldap(&slapd.url)).await;
    let anna = program(&world, "anna").await;
    let local = world.program("u1", json!({})).await;
    assert_eq!(anna.get(USER).await.ok()["userId"], "anna");
    slapd.end_membership("cn=dev,ou=group,dc=example,dc=org", "anna").await;
    // A node asks about each owner once in some minutes.
    anna.get(USER).await.ok();
    let second = world.second_node();
    anna.at(&second).get(USER).await.fails(401, "Unauthorized user token");
    // A user with a password of the portal is in no directory.
    local.at(&second).get(USER).await.ok();
}

/// X56: whom the filter of sign-ins excludes, but no other entry with the same id.
#[tokio::test]
async fn a_token_ends_when_the_filter_excludes_its_owner() {
    let slapd = Slapd::start().await;
    let mut flags = open_ldap(&slapd.url);
    flags.retain(|(name, _)| *name != "ldap.search_filter");
    flags.push(("ldap.search_filter", "(&(|(uid={0})(mail={0}))(!(employeeType=left)))"));
    let world = World::with(Installation::Fresh, &flags).await;
    let anna = program(&world, "anna").await;
    let former = [("uid", "anna"), ("cn", "Former Anna"), ("employeeType", "left")];
    slapd.add("uid=anna,ou=group,dc=example,dc=org", &former).await;
    anna.get(USER).await.ok();
    slapd.set("uid=anna,ou=people,dc=example,dc=org", "employeeType", "left").await;
    anna.at(&world.second_node()).get(USER).await.fails(401, "Unauthorized user token");
}

#[tokio::test]
async fn a_token_whose_owner_the_directory_deleted_is_refused() {
    let slapd = Slapd::start().await;
    let world = World::with(Installation::Fresh, &open_ldap(&slapd.url)).await;
    let anna = program(&world, "anna").await;
    slapd.delete("uid=anna,ou=people,dc=example,dc=org").await;
    anna.get(USER).await.fails(401, "Unauthorized user token");
}

#[tokio::test]
async fn while_the_directory_is_down_tokens_that_it_admitted_are_accepted() {
    let mut slapd = Slapd::start().await;
    let world = World::with(Installation::Fresh, &open_ldap(&slapd.url)).await;
    let anna = program(&world, "anna").await;
    anna.get(USER).await.ok();
    slapd.stop();
    anna.get(USER).await.ok();
    // This one does not know whether it still has the user.
    let answer = anna.at(&world.second_node()).get(USER).await;
    answer.fails(503, "The directory of users does not answer");
}

/// X57: others wait for a limited time.
#[tokio::test]
async fn a_user_searches_in_the_directory_twice_at_a_time() {
    let slapd = Slapd::start().await;
    let world = World::with(Installation::Fresh, &open_ldap(&slapd.url)).await;
    let user = world.user("u1").await;
    user.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    slapd.freeze(true).await;
    let give = || user.put("/openapi/v1/apps/demo", app("demo", "bert")["app"].clone());
    let answers = tokio::join!(give(), give(), give());
    let mut statuses = [answers.0.status, answers.1.status, answers.2.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [429, 503, 503], "{answers:?}");
}

/// X61: this directory finds an entry by its id and by its mail address.
#[tokio::test]
async fn guesses_by_many_names_of_an_entry_are_limited_together() {
    let slapd = Slapd::start().await;
    let mut flags = open_ldap(&slapd.url);
    flags.retain(|(name, _)| *name != "ldap.search_filter");
    flags.push(("ldap.search_filter", "(|(uid={0})(mail={0}))"));
    let world = World::with(Installation::Fresh, &flags).await;
    // Each has five attempts.
    let names = ["anna", "anna@example.org"];
    let mut statuses = Vec::new();
    for name in names.iter().cycle().take(10) {
        statuses.push(world.nobody().sign_in(name, "password of bert").await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
}
