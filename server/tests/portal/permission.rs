//! Roles and permissions: granting, revoking and listing them, who may, and what they allow.

use castalia_server::domain::permission::NamedRole;
use castalia_server::settings::Installation;
use serde_json::{Value, json};

use super::world::{NS, World, app, item};

const APP: &str = "/openapi/v1/apps/demo";
const NAMESPACE: &str = "/openapi/v1/apps/demo/namespaces/application";
const IN_ENV: &str = "/openapi/v1/apps/demo/envs/LOCAL/namespaces/application";
const CLUSTER: &str = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default";
const CREATORS: &str = "/openapi/v1/system/roles/create-application";

fn names(users: &Value) -> Vec<&str> {
    let users = users.as_array().unwrap().iter();
    users.map(|user| user["userId"].as_str().unwrap()).collect()
}

/// Granting a role twice is refused (A66); each scope allows what it names, until it is revoked.
#[tokio::test]
async fn a_role_allows_at_once_until_it_is_revoked() {
    let world = World::with_demo().await;
    let (owner, member) = (world.user("u1").await, world.user("u2").await);
    for (number, (path, kinds)) in [
        (NAMESPACE, ["ModifyNamespace", "ReleaseNamespace"]),
        (IN_ENV, ["ModifyNamespace", "ReleaseNamespace"]),
        (CLUSTER, ["ModifyNamespacesInCluster", "ReleaseNamespacesInCluster"]),
    ]
    .into_iter()
    .enumerate()
    {
        let [modify, release] = kinds.map(|kind| format!("{path}/roles/{kind}?userId=u2"));
        let create =
            async || member.post(&format!("{NS}/items"), item(&format!("k{number}"), "v")).await;
        let publish =
            async || member.post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" })).await;
        create().await.fails(403, "Access is denied");
        owner.post(&modify, Value::Null).await.empty();
        owner.post(&modify, Value::Null).await.fails(400, "u2 already authorized");
        create().await.ok();
        publish().await.fails(403, "Access is denied");
        owner.post(&release, Value::Null).await.empty();
        publish().await.ok();
        for role in [&modify, &release] {
            owner.delete(role).await.empty();
            // Revoking what nobody has changes nothing.
            owner.delete(role).await.empty();
        }
        create().await.fails(403, "Access is denied");
        publish().await.fails(403, "Access is denied");
    }
}

/// A type of role that does not exist (A67), or not for this kind of object, is a bad request.
#[tokio::test]
async fn a_role_that_does_not_exist_is_a_bad_request() {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    for (path, message) in [
        (format!("{NAMESPACE}/roles/Foo?userId=u2"), "invalid roleType format:Foo"),
        (format!("{APP}/roles/ManageAppMaster?userId=u2"), "invalid roleType format"),
        (format!("{NAMESPACE}/roles/Master?userId=u2"), "roleType Master cannot be granted"),
        (format!("{CLUSTER}/roles/ModifyNamespace?userId=u2"), "roleType ModifyNamespace cannot"),
        (format!("{NAMESPACE}/roles/ModifyNamespace?userId="), "userId should not be empty"),
        (format!("{NAMESPACE}/roles/ModifyNamespace"), "Query: missing field `userId`"),
        (
            format!("{NAMESPACE}/roles/ModifyNamespace?userId=nobody"),
            "user not exists for userName:nobody",
        ),
        (
            format!("{APP}/namespaces/unknown/roles/ModifyNamespace?userId=u2"),
            "Role ModifyNamespace+demo+unknown doesn't exist!",
        ),
        (
            format!("{APP}/envs/nowhere/namespaces/application/roles/ModifyNamespace?userId=u2"),
            "invalid env format:nowhere",
        ),
    ] {
        owner.post(&path, Value::Null).await.fails(400, message);
    }
}

/// An environment has one name in permissions, whatever spelling a request uses (A68).
#[tokio::test]
async fn a_role_in_one_spelling_of_an_environment_counts_in_all() {
    let mut world = World::adopted().await;
    world.set("apollo.portal.envs", "local,pro");
    world.user("u1").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let owner = world.user("u1").await;
    let at = |env: &str| format!("{APP}/envs/{env}/namespaces/application");
    let grant = format!("{}/roles/ModifyNamespace?userId=u2", at("prod"));
    owner.post(&grant, Value::Null).await.empty();
    for (env, expected) in [("PRO", true), ("Prod", true), ("local", false)] {
        let probe = format!("{}/permissions/ModifyNamespace?userId=u2", at(env));
        let answer = owner.get(&probe).await.ok();
        assert_eq!(answer, json!({ "hasPermission": expected }), "{env}");
        let users = owner.get(&format!("{}/role-users", at(env))).await.ok();
        assert_eq!(names(&users["modifyRoleUsers"]).contains(&"u2"), expected, "{env}");
        assert_eq!(users["env"], if expected { "PRO" } else { "LOCAL" });
    }
}

/// With the switch on, an administrator appoints others only with a permission of its own (A69).
#[tokio::test]
async fn appointing_administrators_can_need_a_permission() {
    let mut world = World::with_demo().await;
    let flag = "/openapi/v1/system/role/manage-app-master";
    let is_limited = |value: bool| json!({ "isManageAppMasterPermissionEnabled": value });
    assert_eq!(world.user("u1").await.get(flag).await.ok(), is_limited(false));
    world.set("role.manage-app-master.enabled", "true");
    let (owner, root) = (world.user("u1").await, world.user("apollo").await);
    assert_eq!(owner.get(flag).await.ok(), is_limited(true));
    let appoint = format!("{APP}/roles/Master?userId=u2");
    let permission = format!("{APP}/roles/master?userId=u1");
    owner.post(&appoint, Value::Null).await.fails(403, "Access is denied");
    // The names of the two roles differ only in the case of a letter.
    owner.post(&permission, Value::Null).await.fails(403, "Access is denied");
    root.post(&permission, Value::Null).await.empty();
    root.post(&permission, Value::Null).await.empty();
    owner.post(&appoint, Value::Null).await.empty();
    let masters = owner.get(&format!("{APP}/role-users")).await.ok();
    assert_eq!(names(&masters["masterUsers"]), ["u1", "u2"]);
    root.delete(&permission).await.empty();
    owner.delete(&appoint).await.fails(403, "Access is denied");
    // The permission alone does not make an administrator.
    world.grant("u2", vec![NamedRole::manage_app_master("demo")]).await;
    owner.get(&format!("{APP}/permissions/AssignRole?userId=u1")).await.ok();
    root.delete(&appoint).await.empty();
    world.user("u2").await.delete(&appoint).await.fails(403, "Access is denied");
    root.post("/openapi/v1/apps/none/roles/master?userId=u1", Value::Null)
        .await
        .fails(400, "App not found: none");
}

/// Consumers do not appoint administrators (A70); those of an app grant its other roles in the name
/// of a user.
#[tokio::test]
async fn a_consumer_grants_roles_but_appoints_nobody() {
    let world = World::with_demo().await;
    let (token, all) = (world.token("ci", &["demo"]).await, world.token_for_all("all").await);
    for token in [&token, &all] {
        let ci = world.consumer(token);
        let master = format!("{APP}/roles/Master?userId=u2&operator=u1");
        ci.post(&master, Value::Null).await.fails(403, "Access is denied");
        let users = json!(["u2"]);
        ci.post(&format!("{CREATORS}?operator=u1"), users)
            .await
            .fails(403, "Portal user session is required");
        let grant = format!("{NAMESPACE}/roles/ModifyNamespace?userId=u2");
        ci.post(&grant, Value::Null).await.fails(400, "operator should not be null or empty");
        ci.post(&format!("{grant}&operator=u1"), Value::Null).await.empty();
        ci.delete(&format!("{grant}&operator=u1")).await.empty();
    }
}

#[tokio::test]
async fn users_ask_about_themselves_and_administrators_about_others() {
    let world = World::with_demo().await;
    let probe = |kind: &str, user: &str| format!("{NAMESPACE}/permissions/{kind}?userId={user}");
    let has = |value: bool| json!({ "hasPermission": value });
    let (owner, root, other) =
        (world.user("u1").await, world.user("apollo").await, world.user("u2").await);
    for asker in [&owner, &root] {
        assert_eq!(asker.get(&probe("ModifyNamespace", "u1")).await.ok(), has(true));
        assert_eq!(asker.get(&probe("ModifyNamespace", "u2")).await.ok(), has(false));
    }
    assert_eq!(other.get(&probe("ModifyNamespace", "u2")).await.ok(), has(false));
    other.get(&probe("ModifyNamespace", "u1")).await.fails(403, "Access is denied");
    // As in Apollo, nobody has a permission that does not exist.
    assert_eq!(root.get(&probe("ModifyNamespace", "apollo")).await.ok(), has(true));
    assert_eq!(root.get(&probe("Nothing", "apollo")).await.ok(), has(false));
    for (path, kind) in [(APP, "AssignRole"), (IN_ENV, "ReleaseNamespace")] {
        let of_owner = owner.get(&format!("{path}/permissions/{kind}?userId=u1")).await.ok();
        assert_eq!(of_owner, has(path == APP), "{path}");
    }
    let in_cluster =
        format!("{CLUSTER}/namespaces/permissions/ModifyNamespacesInCluster?userId=u1");
    assert_eq!(owner.get(&in_cluster).await.ok(), has(false));

    let is_root = |user: &str| format!("/openapi/v1/permissions/root?userId={user}");
    assert_eq!(root.get(&is_root("apollo")).await.ok(), has(true));
    assert_eq!(other.get(&is_root("u2")).await.ok(), has(false));
    other.get(&is_root("apollo")).await.fails(403, "Access is denied");
}

/// Creating apps can be limited to users with a role that a super administrator grants (A18).
#[tokio::test]
async fn a_super_administrator_chooses_who_may_create_apps() {
    let mut world = World::adopted().await;
    world.set("role.create-application.enabled", "true");
    let (user, root) = (world.user("u2").await, world.user("apollo").await);
    let probe = format!("{CREATORS}?userId=u2");
    let may = |value: bool| json!({ "hasCreateApplicationPermission": value });
    assert_eq!(user.get(&probe).await.ok(), may(false));
    user.post("/openapi/v1/apps", app("demo", "u2")).await.fails(403, "Access is denied");
    user.post(CREATORS, json!(["u2"])).await.fails(403, "Access is denied");
    root.post(CREATORS, json!([])).await.fails(400, "userIds should not be null or empty");
    root.post(CREATORS, json!(["u2", "nobody"])).await.fails(400, "user not exists for userName:");
    root.delete(&probe).await.empty();
    root.post(CREATORS, json!(["u2", "u1", "u2"])).await.empty();
    root.post(CREATORS, json!(["u2"])).await.empty();
    assert_eq!(root.get(&format!("{CREATORS}/role-users")).await.ok(), json!(["u1", "u2"]));
    user.get(&format!("{CREATORS}/role-users")).await.fails(403, "Access is denied");
    assert_eq!(user.get(&probe).await.ok(), may(true));
    user.post("/openapi/v1/apps", app("demo", "u2")).await.empty();
    root.delete(&probe).await.empty();
    user.post("/openapi/v1/apps", app("second", "u2")).await.fails(403, "Access is denied");
}

#[tokio::test]
async fn the_holders_of_roles_are_listed_by_name() {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    for user in ["u2", "apollo"] {
        let grant = format!("{CLUSTER}/roles/ReleaseNamespacesInCluster?userId={user}");
        owner.post(&grant, Value::Null).await.empty();
    }
    let users = owner.get(&format!("{CLUSTER}/namespaces/role-users")).await.ok();
    assert_eq!((&users["appId"], &users["env"]), (&json!("demo"), &json!("LOCAL")));
    assert_eq!((&users["cluster"], &users["modifyRoleUsers"]), (&json!("default"), &json!([])));
    assert_eq!(names(&users["releaseRoleUsers"]), ["apollo", "u2"]);
    assert_eq!(users["releaseRoleUsers"][1]["name"], "Name of u2");
    let users = owner.get(&format!("{NAMESPACE}/role-users")).await.ok();
    assert_eq!(users["namespaceName"], "application");
    for role in ["modifyRoleUsers", "releaseRoleUsers"] {
        assert_eq!(names(&users[role]), ["u1"]);
    }
}

/// On databases of our own, mail addresses are for administrators, and a token needs a role on the
/// app to see who has one.
#[tokio::test]
async fn a_fresh_installation_shows_mail_addresses_to_administrators_only() {
    for (installation, is_open) in [(Installation::Fresh, false), (Installation::Adopted, true)] {
        let world = World::with(installation, &[]).await;
        world.user("u1").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
        let path = format!("{APP}/role-users");
        let address = |users: Value| users["masterUsers"][0]["email"].clone();
        let shown = json!("u1@example.com");
        assert_eq!(address(world.user("apollo").await.get(&path).await.ok()), shown);
        assert_eq!(address(world.user("u1").await.get(&path).await.ok()), shown);
        let other = address(world.user("u2").await.get(&path).await.ok());
        assert_eq!(other, if is_open { shown } else { Value::Null });
        let foreign = world.token("foreign", &[]).await;
        let status = world.consumer(&foreign).get(&path).await.status;
        assert_eq!(status, if is_open { 200 } else { 403 });
        let own = world.token("own", &["demo"]).await;
        world.consumer(&own).get(&path).await.ok();
    }
}

/// Administrators create the roles that are missing, for example of an environment that was added
/// later; Apollo lets every user do so.
#[tokio::test]
async fn missing_roles_are_created_on_request() {
    let mut world = World::with_demo().await;
    world.set("apollo.portal.envs", "local,new");
    let owner = world.user("u1").await;
    let other = world.user("u2").await;
    for (init, grant) in [
        (
            format!("{NAMESPACE}/permission-init"),
            format!("{APP}/envs/new/namespaces/application/roles/ModifyNamespace?userId=u2"),
        ),
        (
            format!("{APP}/envs/new/clusters/c1/namespaces/permission-init"),
            format!("{APP}/envs/new/clusters/c1/roles/ReleaseNamespacesInCluster?userId=u2"),
        ),
    ] {
        owner.post(&grant, Value::Null).await.fails(400, "Role ");
        other.post(&init, Value::Null).await.fails(403, "Access is denied");
        owner.post(&init, Value::Null).await.empty();
        owner.post(&init, Value::Null).await.empty();
        owner.post(&grant, Value::Null).await.empty();
    }
    let root = world.user("apollo").await;
    root.post("/openapi/v1/apps/none/namespaces/application/permission-init", Value::Null)
        .await
        .fails(400, "App not found: none");
    root.post(&format!("{APP}/namespaces/a%2Bb/permission-init"), Value::Null)
        .await
        .fails(400, "`a+b` is not a name");
}

/// A user with the role on another app has none on this one, though one id begins with the other.
#[tokio::test]
async fn a_role_on_an_app_is_none_on_another() {
    let world = World::with_demo().await;
    let other = world.user("u2").await;
    for app_id in ["demo2", "dem", "dem_"] {
        other.post("/openapi/v1/apps", app(app_id, "u2")).await.empty();
    }
    other.post(&format!("{APP}/roles/Master?userId=u2"), Value::Null).await.fails(403, "Access");
    for path in [NAMESPACE, IN_ENV] {
        let grant = format!("{path}/roles/ModifyNamespace?userId=u2");
        other.post(&grant, Value::Null).await.fails(403, "Access is denied");
    }
}
